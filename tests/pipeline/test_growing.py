"""A run whose tasks are added one after another, each with its own samples and limit."""

from __future__ import annotations

import json
import shlex
import sys

import pytest
from site_pages import run_name

from mathreason_eval import evaluate
from mathreason_eval.cli import main
from mathreason_eval.gate.config import Config
from mathreason_eval.gate.judging import Conclusion, judge
from mathreason_eval.gate.looks import LookSchedule
from mathreason_eval.runs.store import load_run

STEPS = (
    (("arithmetic",), 4, 3),
    (("arithmetic", "word-problems"), 2, 4),
    (("word-problems", "kk-gen"), 3, 2),
)
"""Tasks, samples and limit of each session."""
ASKED = {"arithmetic": (4, 4), "word-problems": (4, 3), "kk-gen": (2, 3)}
"""Problems and samples of each task in the end."""
MISSING = {"arithmetic": 2, "word-problems": 2, "kk-gen": 0}


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grown") / "run"
    for tasks, samples, limit in STEPS:
        evaluate(
            model="fake:echo", tasks=tasks, samples=samples, limit=limit, temperature=0.6,
            out=folder,
        )  # fmt: skip
    return folder


def said(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["mathreason", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code, capsys.readouterr()


def test_show_says_what_each_task_lacks(grown, monkeypatch, capsys):
    _, found = said(monkeypatch, capsys, "show", grown, "--json")
    shown = json.loads(found.out)
    tasks = shown["manifest"]["tasks"]
    assert {one: (tasks[one]["problems"], tasks[one]["samples"]) for one in tasks} == ASKED
    assert shown["missing"] == MISSING
    _, found = said(monkeypatch, capsys, "show", grown)
    lines = found.out.splitlines()
    for task, (problems, samples) in ASKED.items():
        [head] = [line for line in lines if line.startswith(f"{task} v")]
        assert f"{problems} problems · {samples} samples each" in head
    missing = [line for line in lines if line.startswith("missing")]
    asked = ("-t arithmetic -n 4 --limit 4", "-t word-problems -n 3 --limit 4")
    for line, words in zip(missing, asked, strict=True):
        assert f" run fake:echo {words} " in line


# fmt: off
SMALLER = [
    # samples and limit of a session after one of 2 samples of 210 problems; samples that are stored
    (1, None, 420),
    (2, None, 420),
    (2, 205,  420),
    (3, None, 620),
    (3, 210,  630),
]
# fmt: on


@pytest.mark.parametrize(("samples", "limit", "stored"), SMALLER)
def test_the_size_of_a_generated_task_is_a_limit(tmp_path, samples, limit, stored):
    asked = {"model": "fake:echo", "tasks": "arithmetic", "temperature": 0.6}
    evaluate(**asked, samples=2, limit=210, out=tmp_path / "run")
    run = evaluate(**asked, samples=samples, limit=limit, out=tmp_path / "run")
    assert len(run.infos("arithmetic")) == stored
    entry = run.manifest.tasks["arithmetic"]
    assert (entry.problems, entry.limit, entry.samples) == (210, 210, max(samples, 2))


def test_the_gate_asks_of_each_task_its_own_samples(grown):
    run = load_run(grown)
    conclusions = {one.task: one for one in judge(run, run, Config()).tasks}
    assert conclusions["kk-gen"].conclusion is not Conclusion.NOT_COMPARABLE
    for task in ("arithmetic", "word-problems"):
        assert conclusions[task].conclusion is Conclusion.NOT_COMPARABLE
        assert "2 of " in conclusions[task].obstacles[0]


def test_a_look_is_one_that_every_task_has_reached(grown):
    run = load_run(grown)
    config = Config(looks=LookSchedule(samples=(1, 3, 4)), allow=frozenset({"missing"}))
    judged = judge(run, run, config)
    assert judged.reached == 3
    assert {one.look.samples for one in judged.tasks} == {3}


@pytest.mark.slow
def test_what_is_missing_is_asked_by_the_command_that_is_said(tmp_path, mathreason, monkeypatch):
    """Of one task alone, in a folder whose name looks like an option."""
    monkeypatch.chdir(tmp_path)
    for samples, limit, tasks in ((2, 3, "arithmetic,kk-gen"), (4, 2, "arithmetic")):
        evaluate(model="fake:echo", tasks=tasks, samples=samples, limit=limit, temperature=0.6,
                 system="Think, 'hard'.", seed=7, out="-run")  # fmt: skip
    [line] = [one for one in mathreason("show", "./-run").out.splitlines() if "missing" in one]
    words = shlex.split(line.split("`")[1])
    assert mathreason(*words[words.index("run") :]).code == 0
    run = load_run("-run")
    assert {one: run.missing_count(one) for one in run.tasks()} == {"arithmetic": 0, "kk-gen": 0}
    assert run.manifest.tasks["kk-gen"].samples == 2


@pytest.mark.slow
def test_the_site_says_the_samples_of_each(grown, monkeypatch, capsys, tmp_path):
    code, _ = said(monkeypatch, capsys, "leaderboard", grown, "-o", tmp_path / "site")
    assert code == 0
    pages = {page.stem: page.read_text() for page in (tmp_path / "site").rglob("*.html")}
    space = "\N{NO-BREAK SPACE}"
    assert f"3{space}to{space}4{space}samples" in pages[run_name(tmp_path / "site", "run")]
    for task, (_, samples) in ASKED.items():
        assert f"{samples}{space}samples" in pages[task]
        assert f"{7 - samples}{space}samples" not in pages[task]


@pytest.mark.slow
def test_what_is_missing_is_added_by_what_is_said(grown):
    for task, (limit, samples) in ASKED.items():
        run = evaluate(
            model="fake:echo", tasks=[task], samples=samples, limit=limit, temperature=0.6,
            out=grown,
        )  # fmt: skip
    assert run.manifest.finished is not None
    assert sum(len(run.generations(task)) for task in ASKED) == sum(
        p * n for p, n in ASKED.values()
    )
