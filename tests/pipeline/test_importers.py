"""What an import says is what its rows say."""

from __future__ import annotations

import json
import re

import pytest

from mathreason_eval.errors import DataError
from mathreason_eval.pipeline.importers.jsonl import import_jsonl, importer
from mathreason_eval.runs.store import load_run
from mathreason_eval.site import build_site
from mathreason_eval.tasks import load_task
from mathreason_eval.types import Outcome

ROWS = [
    {"id": "a", "question": "1 + 1?", "gold": "2", "output": "2"},
    {"id": "b", "question": "1 + 2?", "gold": "3", "output": "so far 3"},
]


@pytest.fixture
def imported(tmp_path):
    def run(*ends):
        path = tmp_path / "outputs.jsonl"
        rows = [{**row, **end} for row, end in zip(ROWS, ends, strict=True)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (made,) = import_jsonl(path, load_task("gsm8k"), tmp_path / "runs", grading=(1, 5.0))
        return made.run.path

    return run


# fmt: off
CELLS = [
    # column, cell; what is stored, or what the error says
    ("correct", "False", False),
    ("correct", "true",  True),
    ("correct", "1",     True),
    ("correct", "0.0",   False),
    ("correct", "",      None),
    ("correct", "maybe", "'maybe' as its correct"),
    ("sample",  "",      0),
    ("sample",  "0",     0),
    ("sample",  "one",   "'one' as its sample"),
]
# fmt: on


@pytest.mark.parametrize(("column", "cell", "stored"), CELLS)
def test_a_cell_of_csv_is_read_as_what_it_says(tmp_path, column, cell, stored):
    path = tmp_path / "outputs.csv"
    path.write_text(f"id,question,gold,output,{column}\na,1 + 1?,2,2,{cell}\n")
    if isinstance(stored, str):
        with pytest.raises(DataError, match=stored):
            import_jsonl(path, load_task("gsm8k"), tmp_path / "runs", grading=(1, 5.0))
        return
    (made,) = import_jsonl(path, load_task("gsm8k"), tmp_path / "runs", grading=(1, 5.0))
    [generation] = made.run.generations("gsm8k")
    assert (generation.label if column == "correct" else generation.sample) == stored


def test_a_row_with_more_cells_than_columns_is_no_crash(tmp_path):
    path = tmp_path / "outputs.csv"
    path.write_text("id\na,2\n")
    with pytest.raises(DataError, match="without an id or an output"):
        import_jsonl(path, load_task("gsm8k"), tmp_path / "runs")


def test_another_format_needs_only_what_reads_its_rows(tmp_path):
    path = tmp_path / "outputs.txt"
    path.write_text("arithmetic-0-0 so, 27\narithmetic-0-1 5\n")

    def lines(path):
        for line in path.read_text().splitlines():
            name, _, said = line.partition(" ")
            yield {"id": name, "output": said}

    (made,) = importer(lines)(path, load_task("arithmetic"), tmp_path / "runs", grading=(1, 5.0))
    outcomes = [verdict.outcome for verdict in made.run.verdicts("arithmetic")]
    assert outcomes == [Outcome.CORRECT, Outcome.WRONG]


NONE, NULL, EMPTY, STOP, LENGTH = (
    {},
    *({"finish_reason": said} for said in (None, "", "stop", "length")),
)
# fmt: off
ENDS = [
    # what the rows say; what is stored, how many are truncated, the metric
    ((STOP, STOP),    ["stop", "stop"],    0,  0.0),
    ((STOP, LENGTH),  ["stop", "length"],  1,  0.5),
    ((NONE, NONE),    [None, None],        0,  None),
    ((NULL, EMPTY),   [None, None],        0,  None),
    ((STOP, NONE),    ["stop", None],      0,  None),
    ((NONE, LENGTH),  [None, "length"],    1,  None),
]
# fmt: on


@pytest.mark.parametrize(("ends", "stored", "count", "share"), ENDS)
def test_why_a_text_ends_is_known_only_where_its_row_says_so(imported, ends, stored, count, share):
    run = load_run(imported(*ends))
    assert [sample.finish_reason for sample in run.generations("gsm8k")] == stored
    outcomes = [verdict.outcome for verdict in run.verdicts("gsm8k")]
    assert outcomes.count(Outcome.TRUNCATED) == count
    shares = [metric.value for metric in run.metrics() if metric.name == "truncated"]
    assert shares == ([] if share is None else [share])


def test_what_is_unknown_is_null_in_the_folder_and_unknown_on_the_site(imported, tmp_path):
    folder = imported({}, STOP)
    first, second = map(
        json.loads, (folder / "gsm8k" / "generations.jsonl").read_text().splitlines()
    )
    assert (first["finish_reason"], second["finish_reason"]) == (None, "stop")
    build_site([load_run(folder)], tmp_path / "site")
    pages = "".join(page.read_text() for page in (tmp_path / "site").rglob("*.html"))
    assert pages.count("finish reason unknown") == pages.count("finish reason stop") == 1


# fmt: off
FIGURES = [
    # what a row says; what is stored, or the error
    ({"completion_tokens": 12},      {"completion_tokens": 12}),
    ({"completion_tokens": "12"},    {"completion_tokens": 12}),     # all cells of CSV are text
    ({"completion_tokens": 12.0},    {"completion_tokens": 12}),     # a Parquet column with gaps
    ({"completion_tokens": ""},      {"completion_tokens": None}),
    ({"completion_tokens": None},    {"completion_tokens": None}),
    ({"seed": 2**60 + 1},            {"seed": 2**60 + 1}),
    ({"seed": "1152921504606846977"}, {"seed": 2**60 + 1}),
    ({"seconds": "1.5"},             {"seconds": 1.5}),
    ({"score": 1},                   {"reward": 1.0}),
    ({"completion_tokens": "many"},  "'many' as its completion_tokens"),
    ({"prompt_tokens": 1.5},         "1.5 as its prompt_tokens"),
    ({"seconds": [1]},               "[1] as its seconds"),
]
# fmt: on


@pytest.mark.parametrize(("said", "wanted"), FIGURES)
def test_figures_are_stored_as_numbers_or_refused(imported, said, wanted):
    if isinstance(wanted, str):
        with pytest.raises(DataError, match=re.escape(wanted)):
            imported(said, {})
        return
    first = load_run(imported(said, {})).generations("gsm8k")[0]
    assert {name: getattr(first, name) for name in wanted} == wanted
