"""A run can be obtained again from its folder, and whatever was changed in it is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gate_runs import imported, rows
from manifests import entry_edit

from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion
from mathreason_eval.models.facts import Status
from mathreason_eval.pipeline.merge import ExclusionRequest, exclude
from mathreason_eval.pipeline.reproduce import ReproduceOptions, reproduce
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.runs.store import load_run

TASK = "arithmetic"
GRADING = (1, 60.0)


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("run") / "run"
    spec = RunSpec(tasks=(TASK,), samples=2, limit=6)
    run_tasks(spec, lambda: open_model("fake:answer=4"), path, grading=GRADING)
    return path


@pytest.fixture
def run(stored, tmp_path) -> Path:
    return shutil.copytree(stored, tmp_path / "run")


def found(path: Path, **options) -> dict[str, Status]:
    findings = reproduce(load_run(path), ReproduceOptions(grading=GRADING, **options))
    return {one.subject.removesuffix(f" of {TASK}"): one.status for one in findings}


SAME = dict.fromkeys(("data", "prompts", "verdicts", "metrics"), Status.PASS)


def test_a_run_of_today_is_bit_equal(run):
    assert found(run) == SAME


def test_what_does_not_count_is_said(run):
    (problem, *_) = (one.id for one in load_run(run).problems(TASK))
    exclude(run, ExclusionRequest(task=TASK, problems=(problem,), sample=None, reason="its gold"))
    assert found(run) == SAME
    said = [one.says for one in reproduce(load_run(run), ReproduceOptions(grading=GRADING))]
    assert any("10 verdicts, the same; 2 samples of the run excluded" in one for one in said)


def lines(name: str, edit: Callable[[dict], None], which: int = 0) -> Callable[[Path], None]:
    """Return what edits a line of a file of the task."""

    def apply(path: Path) -> None:
        file = path / TASK / f"{name}.jsonl"
        held = [json.loads(line) for line in file.read_text().splitlines()]
        edit(held[which])
        file.write_text("".join(json.dumps(one) + "\n" for one in held))

    return apply


def metric(path: Path) -> None:
    held = json.loads((path / "metrics.json").read_text())
    held[0]["low"] += 1e-6
    (path / "metrics.json").write_text(json.dumps(held))


def last_digit(path: Path) -> None:
    held = json.loads((path / "metrics.json").read_text())
    held[0]["high"] *= 1 + 1e-15
    (path / "metrics.json").write_text(json.dumps(held))


def no_prompts_known(path: Path) -> None:
    shutil.rmtree(path)
    imported(path.parent, rows("base"))
    shutil.move(path.parent / "base", path)


# fmt: off
EDITS = [
    # what was done to the folder, and what is found besides what is the same
    (lines("problems", lambda one: one.update(gold=["5"])),
     {"data": Status.FAULT, "verdicts": Status.FAULT}),
    (lines("problems", lambda one: one.update(question="What is 2 + 2?")),
     {"data": Status.FAULT, "prompts": Status.FAULT}),
    (lines("verdicts", lambda one: one.update(outcome="correct", score=1.0)),
     {"verdicts": Status.FAULT, "metrics": Status.FAULT}),
    (lines("verdicts", lambda one: one.update(note="by hand")),
     {"verdicts": Status.FAULT}),
    (entry_edit(TASK, data__sha256="0" * 64),
     {"data": Status.FAULT}),
    (metric,
     {"metrics": Status.FAULT}),
    (last_digit,
     {"metrics": Status.NOTE}),
]
# fmt: on


@pytest.mark.parametrize(("edit", "differs"), EDITS)
def test_what_was_changed_is_named(run, edit, differs):
    edit(run)
    assert found(run) == {**SAME, **differs}


@pytest.mark.filterwarnings("ignore::mathreason_eval.runs.store.ForeignSampleWarning")
def test_a_text_that_was_changed_has_no_verdict(run):
    lines("generations", lambda one: one.update(text="5"))(run)
    assert found(run)["verdicts"] is Status.FAULT


def test_what_cannot_be_looked_at_is_not_the_same(run):
    no_prompts_known(run)
    findings = reproduce(load_run(run), ReproduceOptions(grading=GRADING))
    assert {one.subject: one.status for one in findings} == {
        "data of gsm8k": Status.UNKNOWN,
        "prompts of gsm8k": Status.UNKNOWN,
        "verdicts of gsm8k": Status.PASS,
        "metrics of gsm8k": Status.PASS,
    }


def test_a_task_that_is_not_here_is_not_the_same(run, tmp_path):
    (run / TASK).rename(run / "elsewhere")
    text = (run / "manifest.json").read_text().replace(f'"{TASK}": {{', '"elsewhere": {')
    (run / "manifest.json").write_text(text)
    statuses = {one.subject: one.status for one in reproduce(load_run(run), ReproduceOptions())}
    assert statuses["data of elsewhere"] is Status.UNKNOWN
    assert statuses["verdicts of elsewhere"] is Status.PASS


# --- texts -----------------------------------------------------------------------------------


class Changed:
    """A model that says that it is the run's, and answers some of the requests otherwise."""

    def __init__(self, number: int) -> None:
        self._inner, self._left = open_model("fake:answer=4"), number
        self.name, self.chat, self.opening = self._inner.name, True, ""
        self.asked: list[tuple[str, int]] = []

    def describe(self):
        return self._inner.describe()

    def stream(self, requests):
        for one in self._inner.stream(requests):
            assert isinstance(one, Completion)
            self.asked.append((one.request.problem_id, one.request.sample))
            self._left -= 1
            yield replace(one, text="another") if self._left >= 0 else one

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize(("number", "status"), [(0, Status.PASS), (1, Status.FAULT)])
def test_texts_are_compared(run, number, status):
    model = Changed(number)
    statuses = found(run, generate=5, opener=lambda: model)
    assert statuses == {**SAME, "model": Status.PASS, "texts": status}
    assert len(set(model.asked)) == 5


def test_another_model_is_not_asked(run):
    statuses = found(run, generate=5, opener=lambda: open_model("fake:answer=5"))
    assert statuses == {**SAME, "model": Status.FAULT}


def test_an_import_has_no_texts_to_ask_for(run):
    no_prompts_known(run)
    statuses = found(run, generate=5, opener=lambda: open_model("fake:answer=5"))
    assert statuses["model"] is Status.FAULT


# --- the verb --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "code", "says"),
    [
        (None, 0, "bit-equal: everything could be obtained again"),
        (last_digit, 0, "but for last digits"),
        (metric, 1, "1 of 4 things differ"),
        (no_prompts_known, 3, "2 of 4 things could not be looked at"),
    ],
)
def test_the_exit_code_says_what_was_found(mathreason, run, edit, code, says):
    if edit is not None:
        edit(run)
    said = mathreason("reproduce", run, "--workers", 1)
    assert (said.code, says in said.err) == (code, True)


def test_a_model_is_named_by_the_user(mathreason, run):
    said = mathreason("reproduce", run, "--generate", 2)
    assert (said.code, "--model" in said.err) == (2, True)
    done = mathreason("reproduce", run, "--generate", 2, "--model", "fake:answer=4", "--json")
    assert [one["status"] for one in json.loads(done.out)] == ["pass"] * 6
