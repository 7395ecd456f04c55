"""What an import says is what its rows say."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import MANIFEST, changed

from mathreason_eval.errors import DataError, RunError, UnknownNameError
from mathreason_eval.pipeline.importers import folders
from mathreason_eval.pipeline.importers.jsonl import (
    _problems,
    import_jsonl,
    importer,
    renaming_importer,
)
from mathreason_eval.pipeline.importers.rows import sample_row
from mathreason_eval.pipeline.importers.sources import by_model, own_problems, with_models
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.site import build_site
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.readers import NumberedRow
from mathreason_eval.types import Outcome, Problem

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
    ("correct", "maybe", None),
    ("sample",  "",      0),
    ("sample",  "0",     0),
    ("sample",  "one",   "'one' as its sample"),
    ("sample",  "-1",    "'-1' as its sample"),
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
    with pytest.raises(DataError, match="line 2 has more cells than there are columns"):
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


def test_columns_of_other_names_are_read_as_ours(tmp_path):
    path = tmp_path / "outputs.jsonl"
    row = {"key": "a", "problem": "1 + 1?", "answer": 2, "response": "2", "output": "3", "id": "x"}
    path.write_text(json.dumps(row) + "\n")
    columns = {"id": "key", "question": "problem", "gold": "answer", "output": "response"}
    read = renaming_importer(columns)
    (made,) = read(path, load_task("gsm8k"), tmp_path / "runs", grading=(1, 5.0))
    [sample] = made.run.generations("gsm8k")
    assert (sample.problem_id, sample.text, sample.seed) == ("a", "2", None)
    with pytest.raises(UnknownNameError, match="Did you mean output"):
        renaming_importer({"outptu": "response"})


def test_a_column_that_no_row_has_is_an_error_and_one_that_some_have_is_none(tmp_path):
    """What it has under our name is not what was asked for, where a column is mistyped."""
    path = tmp_path / "outputs.jsonl"
    rows = [{"id": str(n), "question": "1 + 1?", "gold": "2", "output": "2"} for n in range(2)]
    path.write_text("\n".join(json.dumps(row) for row in [rows[0], {**rows[1], "s": 7}]) + "\n")
    task = load_task("gsm8k")
    with pytest.raises(UnknownNameError, match=r"named 'sed'"):
        renaming_importer({"seed": "sed"})(path, task, tmp_path / "runs", grading=(1, 5.0))
    assert not (tmp_path / "runs").exists()
    (made,) = renaming_importer({"seed": "s"})(path, task, tmp_path / "runs", grading=(1, 5.0))
    assert [one.seed for one in made.run.generations("gsm8k")] == [None, 7]


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
    ({"completion_tokens": "many"},  {"completion_tokens": None}),
    ({"completion_tokens": -3},      {"completion_tokens": None}),
    ({"completion_tokens": True},    {"completion_tokens": None}),
    ({"completion_tokens": 10**30},  {"completion_tokens": None}),
    ({"prompt_tokens": 1.5},         {"prompt_tokens": None}),
    ({"seconds": [1]},               {"seconds": None}),
    ({"seconds": -1},                {"seconds": None}),
    ({"score": True},                {"reward": None}),
    ({"score": "1e400"},             {"reward": None}),
    ({"correct": "maybe"},           {"label": None}),
    ({"finish_reason": "MAX_TOKENS"}, {"finish_reason": "length"}),
    ({"finish_reason": "eos"},       {"finish_reason": "stop"}),
    ({"finish_reason": "abort"},     {"finish_reason": None}),
    ({"finish_reason": 3},           {"finish_reason": None}),
]
# fmt: on


@pytest.mark.parametrize(("said", "wanted"), FIGURES)
def test_figures_are_stored_as_numbers_or_are_unknown(imported, said, wanted):
    first = load_run(imported(said, {})).generations("gsm8k")[0]
    assert {name: getattr(first, name) for name in wanted} == wanted


# --- rows that cannot be used ----------------------------------------------------------------

GOOD = {"id": "a", "question": "1 + 1?", "gold": 2, "output": "2"}


def stored(tmp_path, *lines, name="outputs.jsonl", **options):
    path = tmp_path / name
    text = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    path.write_bytes(b"\n".join(text) + b"\n")
    return import_jsonl(path, load_task("gsm8k"), tmp_path / "runs", grading=(1, 5.0), **options)


def without(name):
    return {key: value for key, value in GOOD.items() if key != name}


# fmt: off
UNUSABLE = [
    # the row, and why it holds no sample
    (b"{",                              "is not a JSON object: Expecting"),
    (b"[]",                             "is not a JSON object"),
    (b'"\xff"',                         "not UTF-8"),
    (without("id"),                     "has no id"),
    ({**GOOD, "id": ""},                "has no id"),
    ({**GOOD, "id": True},              "has True as its id"),
    (without("output"),                 "has no output"),
    ({**GOOD, "output": None},          "has no output"),
    ({**GOOD, "output": ["2"]},         "has ['2'] as its output"),
    ({**GOOD, "output": 2},             "has 2 as its output"),
    ({**GOOD, "gold": True},            "the gold True is neither"),
    ({**GOOD, "gold": [2, None]},       "the gold None is neither"),
    ({**GOOD, "gold": []},              "the gold is an empty list"),
    ({**GOOD, "question": 7},           "has 7 as its question"),
    ({**GOOD, "sample": "one"},         "has 'one' as its sample"),
    ({**GOOD, "sample": -1},            "has -1 as its sample"),
    ({**GOOD, "sample": True},          "has True as its sample"),
    ({**GOOD, "model": ["m"]},          "has ['m'] as its model"),
]
# fmt: on


@pytest.mark.parametrize(("row", "reason"), UNUSABLE)
def test_a_row_that_cannot_be_used_is_listed_and_costs_no_other(tmp_path, row, reason):
    (made,) = stored(tmp_path, {**GOOD, "id": "first"}, row, {**GOOD, "id": "last"})
    [fault] = made.unusable
    assert (fault.line, made.rows) == (2, 3)
    assert reason in fault.reason
    assert [one.problem_id for one in made.run.generations("gsm8k")] == ["first", "last"]
    listed = json.loads((made.run.path / "gsm8k" / "unusable.jsonl").read_text())
    assert listed["line"] == 2
    assert made.run.manifest.model.details["unusable"] == 1


def test_rows_of_which_none_can_be_used_leave_no_folder(tmp_path):
    with pytest.raises(DataError, match=r"None of the 2 rows .* line 1 has no output"):
        stored(tmp_path, without("output"), without("id"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_very_many_tiny_rows_are_not_held(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1, "output": ""}\n' + "{}\n" * 150_000)
    with pytest.raises(DataError, match="takes far more memory than its size"):
        import_jsonl(path, load_task("gsm8k"), tmp_path / "runs")


def test_an_unusable_row_leaves_a_gap_and_moves_no_other_sample(tmp_path):
    rows = [GOOD, {**GOOD, "output": None}, {**GOOD, "output": "3"}]
    (made,) = stored(tmp_path, *rows, {**without("output"), "id": "b"})
    assert [one.sample for one in made.run.generations("gsm8k")] == [0, 2]
    assert made.run.manifest.tasks["gsm8k"].samples == 3
    assert [one.id for one in made.run.problems("gsm8k")] == ["a", "b"]


def test_an_empty_output_is_an_output(tmp_path):
    (made,) = stored(tmp_path, {**GOOD, "output": ""})
    assert [one.outcome for one in made.run.verdicts("gsm8k")] == [Outcome.NO_ANSWER]
    assert made.unusable == ()


# fmt: off
CONTRADICTIONS = [
    # rows, and what is said of them
    ([{**GOOD, "sample": 0}, GOOD | {"id": "b"}, {**GOOD, "sample": 0, "output": "3"}],
     "lines 1 and 3 differ, and both are sample 0 of 'a'"),
    ([GOOD, {**GOOD, "gold": 3}],                   "lines 1 and 2 have different"),
    ([GOOD, {**GOOD, "question": "2 + 2?"}],        "lines 1 and 2 have different"),
]
# fmt: on


@pytest.mark.parametrize(("rows", "says"), CONTRADICTIONS)
def test_rows_that_contradict_each_other_are_refused_before_anything_is_written(
    tmp_path, rows, says
):
    with pytest.raises(DataError, match=says):
        stored(tmp_path, *rows)
    assert not (tmp_path / "runs").exists()


def test_equal_rows_of_one_sample_are_one(tmp_path):
    row = {**GOOD, "sample": 0}
    (made,) = stored(tmp_path, row, row, {**row, "sample": 1})
    assert (len(made.run.generations("gsm8k")), made.repeated) == (2, 1)


def test_a_row_without_an_index_where_others_state_theirs_is_not_guessed(tmp_path):
    (made,) = stored(tmp_path, {**GOOD, "sample": 1}, GOOD)
    assert [fault.line for fault in made.unusable] == [2]


NAMES = ["a/b", "a-b", "A-b", "a b", "..", "", "x" * 300, "x" * 301, "\u0430-b", "a-b-2"]


def test_models_get_distinct_folders_whatever_their_names(tmp_path):
    named = [name for name in NAMES if name]
    rows = [{**GOOD, "model": name, "id": str(n)} for n, name in enumerate(named)]
    made = stored(tmp_path, *rows)
    assert [one.run.manifest.model.name for one in made] == named
    assert len({one.run.path.name.casefold() for one in made}) == len(named)
    assert {one.run.path.parent for one in made} == {tmp_path / "runs"}
    for number, one in enumerate(made):
        assert [problem.id for problem in one.run.problems("gsm8k")] == [str(number)]


def test_a_row_that_names_no_model_where_others_do_is_nobodys(tmp_path):
    made = stored(tmp_path, {**GOOD, "model": "m"}, GOOD, {**GOOD, "model": "n"})
    assert [len(one.run.generations("gsm8k")) for one in made] == [1, 1]
    assert [[fault.line for fault in one.unusable] for one in made] == [[2], [2]]


def test_one_name_for_rows_of_two_models_is_refused(tmp_path):
    with pytest.raises(DataError, match="rows of 2 models"):
        stored(tmp_path, {**GOOD, "model": "m"}, {**GOOD, "model": "n"}, model="one")


def test_a_folder_that_is_there_is_found_before_any_is_made(tmp_path):
    stored(tmp_path, {**GOOD, "model": "n"})
    with pytest.raises(RunError, match="already has a run"):
        stored(tmp_path, {**GOOD, "model": "m"}, {**GOOD, "model": "n"})
    assert [one.name for one in (tmp_path / "runs").iterdir()] == ["n"]


def test_nothing_is_imported_into_a_run(tmp_path):
    (made,) = stored(tmp_path, GOOD)
    out = made.run.path.rename(tmp_path / "of-a-model")
    (tmp_path / "runs").rmdir()
    out.rename(tmp_path / "runs")
    with pytest.raises(RunError, match="runs already has a run"):
        stored(tmp_path, {**GOOD, "model": "gsm8k"})


def unfinished(folder):
    """Leave a folder as an import that is killed while it judges leaves it."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "finished": None}))
    samples = folder / "gsm8k" / "generations.jsonl"
    samples.write_bytes(samples.read_bytes()[:-9])
    (folder / "gsm8k" / "verdicts.jsonl").unlink()
    (folder / "metrics.json").unlink()


TWO = [{**GOOD, "model": "m"}, {**GOOD, "model": "n"}, {**GOOD, "id": "b", "model": "n"}]


@pytest.mark.parametrize("gone", [unfinished, shutil.rmtree])
@pytest.mark.parametrize("names", [("m",), ("n",), ("m", "n")])
def test_an_import_that_was_killed_goes_on_by_the_same_command(tmp_path, gone, names):
    def lines(run):
        return list(run.generations("gsm8k")), list(run.verdicts("gsm8k"))

    whole = [load_run(one.run.path) for one in stored(tmp_path, *TWO)]
    before = [lines(run) for run in whole]
    for name in names:
        gone(tmp_path / "runs" / name)
    made = stored(tmp_path, *TWO)
    again = [load_run(one.run.path) for one in made]
    assert [
        (list(run.generations("gsm8k")), list(run.verdicts("gsm8k"))) for run in again
    ] == before
    assert all(run.manifest.finished for run in again)
    assert [one.run.metrics() for one in made] == [run.metrics() for run in whole]
    with pytest.raises(RunError, match="m already has a run"):
        stored(tmp_path, *TWO)


@pytest.mark.parametrize(
    "other", [{"name": "other.jsonl"}, {"lines": [*TWO, TWO[0]]}, {"lines": TWO[:2]}]
)
def test_an_import_of_something_else_does_not_go_on_with_it(tmp_path, other):
    stored(tmp_path, *TWO)
    unfinished(tmp_path / "runs" / "n")
    held = (tmp_path / "runs" / "n" / "gsm8k" / "generations.jsonl").read_bytes()
    with pytest.raises(RunError, match="already has a run"):
        stored(tmp_path, *other.get("lines", TWO), name=other.get("name", "outputs.jsonl"))
    assert (tmp_path / "runs" / "n" / "gsm8k" / "generations.jsonl").read_bytes() == held


def test_samples_without_a_manifest_are_no_import_s(tmp_path):
    (made,) = stored(tmp_path, GOOD)
    (made.run.path / "manifest.json").unlink()
    with pytest.raises(RunError, match="has samples but no manifest"):
        stored(tmp_path, GOOD)


def test_what_another_process_wrote_before_the_lock_is_not_overwritten(tmp_path, monkeypatch):
    class Late(RunWriter):
        def __init__(self, path):
            with RunWriter(path) as other:
                other.write_manifest(changed(MANIFEST, finished=None))
            super().__init__(path)

    monkeypatch.setattr(folders, "RunWriter", Late)
    with pytest.raises(RunError, match="already has a run"):
        stored(tmp_path, GOOD)
    [folder] = (tmp_path / "runs").iterdir()
    assert load_run(folder).manifest.model == MANIFEST.model


def test_a_row_without_a_gold_changes_no_gold_of_another(tmp_path):
    path = tmp_path / "published.jsonl"
    rows = [{"id": name, "question": "1 + 1?", "gold": "99"} for name in ("a", "b")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = replace(load_task("gsm8k"), data=())
    own = {"a": Problem(id="a", question="1 + 1?", gold=("2",))}
    known = {one["id"]: Problem(**{**one, "gold": (one["gold"],)}) for one in rows}

    def asked(*ids, own=own, data=()):
        found = [sample_row(NumberedRow(number=1, row={"id": one, "output": ""})) for one in ids]
        return _problems(task, found, own, data, path)

    held, loaded = asked("a")
    assert (held, loaded.source, loaded.rows) == (own, "published.jsonl", 1)
    assert asked("a", "b", data=[str(path)])[0] == known


def test_settings_are_known_where_all_rows_state_the_same(tmp_path):
    rows = [{**GOOD, "temperature": 0.6, "top_p": top} for top in (0.9, 1.0)]
    (made,) = stored(tmp_path, *rows)
    assert (made.run.manifest.sampling.temperature, made.run.manifest.sampling.top_p) == (0.6, None)


def test_csv_has_long_outputs_and_bytes_that_are_no_text(tmp_path):
    long = b"a,1 + 1?,2," + b"x" * 200_000
    (made,) = stored(
        tmp_path, b"id,question,gold,output", long, b"b,1?,1,\xff", b"c,1?,1,", name="o.csv"
    )
    assert [len(one.text) for one in made.run.generations("gsm8k")] == [200_000, 0]
    assert [(one.line, one.reason) for one in made.unusable] == [(3, "is not UTF-8")]


CELL = st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=3)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["a", "b"]) | CELL,
        "question": st.sampled_from([None, 1, ""]),
        "gold": st.just(2) | st.sampled_from([None, True, []]) | CELL,
        "output": st.sampled_from(["1", "2", ""]) | CELL,
        "sample": st.integers(0, 2) | CELL,
        "model": st.sampled_from(["m", "M"]) | CELL,
        "finish_reason": st.sampled_from(["stop", "abort"]) | CELL,
        "correct": CELL,
        "completion_tokens": CELL,
    },
)


@given(st.lists(ROW, min_size=1, max_size=6))
def test_every_row_read_is_a_sample_or_repeated_or_unusable(rows):
    numbered = [NumberedRow(number=n, row={**GOOD, **row}) for n, row in enumerate(rows, 1)]
    path = Path("outputs.jsonl")
    sources = []
    with contextlib.suppress(DataError):
        read = with_models([sample_row(row) for row in numbered], path, None)
        sources = by_model(read, own_problems(read, path), path)
    if not sources:
        return
    unusable = {row.line for source in sources for row in source.unusable}
    kept = sum(len(source.generations) + source.repeated for source in sources)
    assert kept + len(unusable) == len(rows)
    for source in sources:
        assert {one.problem_id for one in source.generations} <= {one.id for one in source.problems}
