"""Parity records: what is published, what we say of it, and every row that differs with why."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
from project import ROOT

from mathreason_eval.errors import TaskError
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.pipeline.evidence import (
    UNEXPLAINED,
    Difference,
    ParityRecord,
    as_line,
    check_evidence,
    measured,
    parity_page,
    parity_records,
)
from mathreason_eval.tasks import load_task, task_names

ROWS = [
    {"id": "a", "model": "m", "gold": "7", "output": r"\boxed{7}", "correct": True},
    {"id": "b", "model": "m", "gold": "7", "output": r"\boxed{8}", "correct": False},
    {"id": "c", "model": "m", "gold": "1,000", "output": r"\boxed{1000}", "correct": False},
    {"id": "a", "model": "n", "gold": ["6", "7"], "output": "It is 7.", "correct": 1},
    {"id": "b", "model": "n", "gold": 7, "output": None, "correct": 0},
]
DIFFERS = Difference(id="c", sample=0, published=False, why="a comma")
BLANK = ParityRecord(
    outputs="set/outputs.jsonl.gz", sha256="", model="m", source="they", metric="accuracy %",
    published=33.3, rows=0, published_right=None, right=0, extract=None, grade=None,
    differences=(DIFFERS,),
)  # fmt: skip


@pytest.fixture
def evidence(tmp_path):
    (tmp_path / "set").mkdir()
    write(tmp_path, ROWS)
    return tmp_path


def write(folder, rows):
    with gzip.open(folder / "set" / "outputs.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def task(tmp_path):
    """The task gsm8k with other parity records."""

    def made(*records):
        folder = tmp_path / "gsm8k"
        folder.mkdir(exist_ok=True)
        (folder / "parity.jsonl").write_text("".join(map(as_line, records)))
        return replace(load_task("gsm8k"), folder=folder)

    return made


def test_a_record_is_measured_on_the_rows_of_its_model(evidence, task, judge):
    found = measured(task(), BLANK, evidence, judge)
    assert (found.rows, found.right, found.published_right) == (3, 2, 1)
    assert found.differences == (DIFFERS,)
    other = measured(task(), replace(BLANK, model="n", differences=()), evidence, judge)
    assert (other.rows, other.right, other.published_right, other.differences) == (2, 1, 1, ())
    every = measured(task(), replace(BLANK, model=None, differences=()), evidence, judge)
    assert (every.rows, every.right) == (5, 3)
    assert [one.why for one in every.differences] == [UNEXPLAINED]


def test_outputs_without_verdicts_have_a_score_alone(evidence, task, judge):
    write(evidence, [{**row, "correct": None} for row in ROWS])
    found = measured(task(), BLANK, evidence, judge)
    assert (found.right, found.published_right, found.differences) == (2, None, ())


def test_a_record_that_agrees_is_said_to(evidence, task, judge):
    record = measured(task(), BLANK, evidence, judge)
    assert check_evidence(task(record), evidence, judge) == (
        "1 sets of 3 published outputs agree with the record"
    )
    there = task(record, replace(record, outputs="set/other.jsonl.gz"))
    assert check_evidence(there, evidence, judge).endswith(f"1 are not in {evidence}")
    assert check_evidence(task(), evidence, judge) == "no published outputs are on record"
    assert check_evidence(task(record), evidence / "set", judge).startswith("not checked: none of")


# fmt: off
CHANGES = [
    # what of the record is changed, what the check says
    ({"right": 3},                              "right is 2, and 3 on record"),
    ({"rows": 4},                               "rows is 3, and 4 on record"),
    ({"sha256": "0" * 64},                      "sha256 is "),
    ({"published_right": 2},                    "published_right is 1, and 2 on record"),
    ({"differences": ()},                       "c sample 0 first"),
    ({"extract": ("hashes",)},                  "right is 0, and 2 on record"),
]
# fmt: on


@pytest.mark.parametrize(("changes", "told"), CHANGES)
def test_what_is_not_as_recorded_is_named(evidence, task, judge, changes, told):
    record = replace(measured(task(), BLANK, evidence, judge), **changes)
    with pytest.raises(TaskError, match=told):
        check_evidence(task(record), evidence, judge)


# fmt: off
MALFORMED = [
    # a line of parity.jsonl
    "{}",
    "[1]",
    "{",
    as_line(BLANK).replace('"rows"', '"lines"'),
    as_line(BLANK).replace('"why"', '"because"'),
    as_line(BLANK).replace('"rows": 0', '"rows": "x"'),
    as_line(replace(BLANK, grade="numbr")),
    as_line(replace(BLANK, grade="task.py:g")),
    as_line(replace(BLANK, grade="/proc/self/cwd/task.py:g")),
    as_line(replace(BLANK, outputs="../../etc/passwd")),
    as_line(replace(BLANK, outputs="/etc/passwd")),
    as_line(replace(BLANK, outputs=5)),
    as_line(replace(BLANK, model={})),
    as_line(replace(BLANK, differences=(replace(DIFFERS, id=[1]),))),
]
# fmt: on


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_record_is_an_error_with_its_line(task, line):
    made = task(BLANK)
    path = made.folder / "parity.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(Exception, match="line 2"):
        parity_records(made)


def test_a_record_runs_no_code(evidence, task, judge):
    (evidence / "task.py").write_text(
        f"open({str(evidence / 'run')!r}, 'w')\ndef g(a, b): return 1\n"
    )
    made = task(replace(BLANK, grade=f"{evidence}/task.py:g", outputs="set/outputs.jsonl.gz"))
    with pytest.raises(TaskError, match="line 1 is no parity record"):
        check_evidence(made, evidence, judge)
    assert not (evidence / "run").exists()


def test_outputs_that_are_a_link_out_of_their_folder_are_not_read(evidence, task, judge):
    (evidence / "set" / "outputs.jsonl.gz").rename(evidence / "elsewhere.gz")
    (folder := evidence / "only").mkdir()
    (folder / "set").mkdir()
    (folder / "set" / "outputs.jsonl.gz").symlink_to(evidence / "elsewhere.gz")
    assert "not checked" in check_evidence(task(BLANK), folder, judge)


def test_a_damaged_file_of_outputs_is_an_error(evidence, task, judge):
    record = measured(task(), BLANK, evidence, judge)
    file = evidence / "set" / "outputs.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(TaskError, match="cannot be read"):
        check_evidence(task(record), evidence, judge)


def test_the_page_is_made_of_the_records(request):
    page = parity_page(map(load_task, sorted(task_names(()))))
    path = ROOT / "docs" / "parity.md"
    if request.config.getoption("--update-golden"):
        path.write_text(page, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page, "run pytest --update-golden and review"


def test_every_row_that_differs_has_a_reason():
    for name in task_names(()):
        for record in parity_records(load_task(name)):
            assert UNEXPLAINED not in {one.why for one in record.differences}, record.name


def test_the_check_is_made_where_evidence_is_named(evidence):
    names = [one.name for one in check_task(load_task("arithmetic"), evidence=evidence)]
    assert names[-1] == "parity.jsonl"
    assert "parity.jsonl" not in [one.name for one in check_task(load_task("arithmetic"))]


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", ["aime24", "math500"])
def test_the_published_outputs_agree_with_the_record(shared, judge, name):
    assert "agree with the record" in check_evidence(load_task(name), shared, judge)
