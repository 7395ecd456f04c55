"""A second grader beside the first, and conventions: named by a task or a user, seen in the run."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from mathreason_eval import verify
from mathreason_eval.cli.screens.runs import chosen_samples
from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.grade.verify import verify_rows
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.models import open_model
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.pipeline.importers.jsonl import import_jsonl
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.store import load_run
from mathreason_eval.tasks import load_task, read_task
from mathreason_eval.types import Outcome

OUTPUTS = [
    # output,                       first,              second: the first number after ####
    ("#### 18",                     Outcome.CORRECT,    Outcome.CORRECT),
    ("The answer is 18.",           Outcome.CORRECT,    Outcome.NO_ANSWER),
    ("#### 18.0",                   Outcome.CORRECT,    Outcome.WRONG),
    ("#### 17",                     Outcome.WRONG,      Outcome.WRONG),
]  # fmt: skip


@pytest.fixture
def run_folder(tmp_path):
    """A run of four outputs to one problem, imported."""
    rows = [
        {"id": "p", "question": "9 + 9?", "gold": "18", "output": output}
        for output, _, _ in OUTPUTS
    ]
    path = tmp_path / "outputs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (imported,) = import_jsonl(path, load_task("gsm8k"), tmp_path / "runs", model="m")
    return imported.run.path


def test_what_the_second_grader_says_is_kept_with_the_verdict(run_folder):
    run = regrade(run_folder, second="gsm8k-strict").run
    said = [(verdict.outcome, verdict.second) for verdict in run.verdicts("gsm8k")]
    assert said == [(first, second) for _, first, second in OUTPUTS]


def test_both_and_either_bound_the_score(run_folder):
    metrics = regrade(run_folder, second="gsm8k-strict").after
    values = {metric.name: metric.value for metric in metrics if metric.slice == "all"}
    assert (values["both"], values["avg"], values["either"]) == (0.25, 0.75, 0.75)


def test_samples_on_which_graders_differ_are_listed(run_folder):
    run = regrade(run_folder, second="gsm8k-strict").run
    disputed = chosen_samples(run, None, None, disputed=True)
    assert [sample.verdict.sample for sample in disputed] == [1, 2]


def test_the_manifest_names_the_second_grader(run_folder):
    regrade(run_folder, second="gsm8k-strict")
    assert load_run(run_folder).manifest.tasks["gsm8k"].grading.second == "gsm8k-strict"


def test_without_a_second_grader_nothing_is_disputed(run_folder):
    run = regrade(run_folder).run
    assert chosen_samples(run, None, None, disputed=True) == ()
    assert {metric.name for metric in run.metrics()}.isdisjoint({"both", "either"})


def test_regrading_keeps_the_second_grader_and_what_hangs_on_it(run_folder):
    first = regrade(run_folder, second="gsm8k-strict")
    again = regrade(run_folder)
    assert again.run.verdicts("gsm8k") == first.run.verdicts("gsm8k")
    assert again.before == again.after == first.after
    assert {"both", "either"} <= {metric.name for metric in again.after}
    assert len(chosen_samples(again.run, None, None, disputed=True)) == 2
    assert load_run(run_folder).manifest.tasks["gsm8k"].grading.second == "gsm8k-strict"


def test_a_run_keeps_the_second_grader_that_it_was_asked_with(tmp_path):
    outputs = tmp_path / "outputs.jsonl"
    outputs.write_text(json.dumps({"id": "p", "text": "The answer is 18."}) + "\n")
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"id": "p", "question": "9 + 9?", "gold": "18"}) + "\n")
    spec = RunSpec(tasks=("gsm8k",), data={"gsm8k": (str(data),)}, second="gsm8k-strict")
    run = run_tasks(spec, partial(open_model, f"replay:{outputs}", {}), tmp_path / "run")
    verdicts, metrics = run.verdicts("gsm8k"), run.metrics()
    assert [verdict.second for verdict in verdicts] == [Outcome.NO_ANSWER]
    again = regrade(run.path).run
    assert (again.verdicts("gsm8k"), again.metrics()) == (verdicts, metrics)
    opener = partial(open_model, f"replay:{outputs}", {})
    resumed = run_tasks(replace(spec, second=None), opener, tmp_path / "run")
    assert (resumed.verdicts("gsm8k"), resumed.metrics()) == (verdicts, metrics)
    dropped = run_tasks(replace(spec, second="none"), opener, tmp_path / "run")
    assert [verdict.second for verdict in dropped.verdicts("gsm8k")] == [None]


def test_none_drops_the_second_grader(run_folder):
    regrade(run_folder, second="gsm8k-strict")
    run = regrade(run_folder, second="none").run
    assert {verdict.second for verdict in run.verdicts("gsm8k")} == {None}
    assert load_run(run_folder).manifest.tasks["gsm8k"].grading.second is None


def test_a_task_that_is_not_installed_keeps_its_second_grader_too(run_folder):
    regrade(run_folder, second="gsm8k-strict")
    manifest = run_folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"gsm8k":', '"gone":'))
    (run_folder / "gsm8k").rename(run_folder / "gone")
    for second, kept in (None, "gsm8k-strict"), ("none", None), ("hendrycks", "hendrycks"):
        run = regrade(run_folder, second=second).run
        assert run.manifest.tasks["gone"].grading.second == kept


def test_a_second_grader_that_does_not_exist_is_named(run_folder):
    with pytest.raises(UnknownNameError, match="gsm8k-stritc") as error:
        regrade(run_folder, second="gsm8k-stritc")
    assert "gsm8k-strict" in error.value.hint


# --- conventions -----------------------------------------------------------------------------

TASK = """\
name: lengths
version: 1
summary: Lengths
license: MIT
generate: {problems: 1}
extract: [boxed]
grade: math
"""


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("convention: {unit: required}", "no convention named 'unit'"),
        ("convention: {units: maybe}", "units: maybe is not a convention"),
        ("convention: {rounded_gold: true}", "rounded_gold: True is not a convention"),
    ],
)
def test_a_wrong_convention_of_a_task_is_an_error(tmp_path, line, error):
    folder = _task(tmp_path, line)
    with pytest.raises(UserError, match=error):
        read_task(folder)


def test_a_task_names_its_conventions(tmp_path):
    task = read_task(_task(tmp_path, "convention: {units: required, rounded_gold: 0}"))
    assert task.convention == Convention(units="required", rounded_gold=0)


def _task(tmp_path, line):
    folder = tmp_path / "lengths"
    folder.mkdir()
    (folder / "task.yaml").write_text(TASK + line + "\n")
    (folder / "prompt.jinja").write_text("{{ problem.question }}")
    return folder


@pytest.mark.parametrize(("options", "equal"), [({}, True), ({"units": "required"}, False)])
def test_a_convention_reaches_the_bare_grader(options, equal):
    assert verify("5 cm", "5", convention=Convention.of(options)).equal is equal
    (said,) = verify_rows([{"gold": "5 cm", "answer": "5", "convention": options}], workers=1)
    assert said["equal"] is equal


def test_a_convention_of_a_row_that_does_not_exist_is_undecided_with_the_reason():
    (said,) = verify_rows([{"gold": "5", "answer": "5", "convention": {"unit": "x"}}], workers=1)
    assert (said["equal"], said["outcome"]) == (None, "ungradable")
    assert "unit" in said["note"]
