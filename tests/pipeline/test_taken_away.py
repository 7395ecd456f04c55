"""A folder that is moved or deleted while a run writes to it is an error, and is not made again."""

from __future__ import annotations

import json
import shutil
import threading

import pytest

from mathreason_eval.errors import RunError
from mathreason_eval.models import open_model
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs import sessions
from mathreason_eval.runs.sessions import now_after
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.types import Generation, Metric, Problem

TASK, PROBLEMS = "gsm8k", 40


def moved(folder):
    folder.rename(folder.with_name("elsewhere"))


def made_again(folder):
    moved(folder)
    folder.mkdir()


def without_task(folder):
    (folder / TASK).rename(folder / "other")


# fmt: off
MIDWAY = ("run", ".lock", "generations.jsonl", "verdicts.jsonl")
"""What is named when verdicts are stored while files are deleted one by one."""
ACTIONS = [
    # what somebody does to the folder; what the error names
    pytest.param(moved,                                   "run",               id="moved"),
    pytest.param(shutil.rmtree,                           MIDWAY,              id="deleted"),
    pytest.param(made_again,                              ".lock",             id="made again"),
    pytest.param(without_task,                            "generations.jsonl", id="task moved"),
    pytest.param(lambda folder: (folder / TASK / "generations.jsonl").unlink(),
                                                          "generations.jsonl", id="file deleted"),
    pytest.param(lambda folder: (folder / ".lock").unlink(), ".lock",          id="lock deleted"),
]
SAMPLE = Generation(problem_id="p", sample=0, text="1")
METRIC = Metric(task=TASK, slice="all", name="avg", unit="share", value=1.0, low=0.0, high=1.0,
                se=0.1, problems=1, samples=1, method="m", fixed_low=None, fixed_high=None,
                fixed_se=None)
WRITES = [
    lambda writer: writer.append(TASK, SAMPLE),
    lambda writer: writer.append_verdicts(TASK, []),
    lambda writer: writer.write_metrics([METRIC]),
    lambda writer: writer.write_problems(TASK, [Problem(id="p", question="?", gold=("1",))]),
    lambda writer: writer.write_verdicts("another", []),
]
# fmt: on


def write_around(folder, write, action):
    with RunWriter(folder) as writer:
        write(writer)
        action(folder)
        write(writer)


@pytest.mark.parametrize("action", [moved, shutil.rmtree, made_again])
@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_to_a_folder_that_was_taken_away(tmp_path, write, action):
    folder = tmp_path / "run"
    with pytest.raises(RunError, match="was moved, deleted or replaced"):
        write_around(folder, write, action)
    assert not folder.exists() or not list(folder.iterdir())


class Thief:
    """A watcher of a run who does something to its folder after the tenth sample."""

    def __init__(self, act):
        self.act, self.count = act, 0

    def began(self, *, asked, stored):
        pass

    def judged(self, task, verdict):
        pass

    def failed(self, failure):
        raise AssertionError(failure)

    def generated(self, completion):
        self.count += 1
        if self.count == 10:
            self.act()


@pytest.fixture
def go(tmp_path):
    """Return a function that runs one command in a folder."""
    rows = [{"id": f"p{i}", "question": f"{i}+1?", "gold": str(i)} for i in range(PROBLEMS)]
    data = tmp_path / "gsm8k.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def start(folder, watcher=None):
        spec = RunSpec(tasks=(TASK,), data={TASK: (str(data),)})
        model = lambda: open_model("fake:answer=1", {})  # noqa: E731
        return run_tasks(spec, model, folder, watcher=watcher)

    return start


@pytest.mark.parametrize(("action", "names"), ACTIONS)
def test_a_run_whose_folder_is_taken_away_ends_with_an_error(go, tmp_path, action, names):
    folder = tmp_path / "run"
    with pytest.raises(RunError, match="was moved, deleted or replaced") as caught:
        go(folder, Thief(lambda: action(folder)))
    assert caught.value.what.split(" was ")[0].endswith(names)
    assert not (folder / TASK / "generations.jsonl").exists() or names == ".lock"
    elsewhere = tmp_path / "elsewhere"
    again = go(elsewhere if elsewhere.exists() else folder)
    assert len(again.infos(TASK)) == len(again.verdicts(TASK)) == PROBLEMS
    assert again.manifest.finished is not None


def test_two_commands_at_once_are_one_writer(go, tmp_path):
    folder, refused = tmp_path / "run", []

    def second():
        with pytest.raises(RunError, match="Another process is writing") as caught:
            go(folder)
        refused.append(caught.value)

    def meanwhile():
        other = threading.Thread(target=second)
        other.start()
        other.join()

    run = go(folder, Thief(meanwhile))
    assert len(refused) == 1
    assert len(load_run(folder).infos(TASK)) == len(run.infos(TASK)) == PROBLEMS


# fmt: off
CLOCKS = [
    # when it began; whether that is taken for the end
    (None,                        False),
    ("2026-01-01T00:00:00+00:00", False),
    ("2999-01-01T00:00:00+00:00", True),
    ("2999-01-01T00:00:00",       False),      # not ours
    ("later",                     False),
]
# fmt: on


@pytest.mark.parametrize(("began", "kept"), CLOCKS)
def test_nothing_ends_before_it_began(began, kept, monkeypatch):
    monkeypatch.setattr(sessions, "now", lambda: "now")
    assert now_after(began) == (began if kept else "now")


def test_a_clock_that_is_set_back_ends_no_run_before_it_began(go, tmp_path):
    go(tmp_path / "run")
    path = tmp_path / "run" / "manifest.json"
    row = json.loads(path.read_text())
    path.write_text(json.dumps({**row, "started": "2999-01-01T00:00:00+00:00"}))
    manifest = go(tmp_path / "run").manifest
    assert manifest.finished == manifest.started == "2999-01-01T00:00:00+00:00"
