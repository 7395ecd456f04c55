"""`gate init`: what it writes, what it refuses, and that an unchanged model passes it."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import yaml
from gate_runs import PROBLEMS, TASK, imported, manifest

from mathreason_eval.gate.baseline import open_baseline
from mathreason_eval.gate.config import read_config
from mathreason_eval.gate.looks import look_reached
from mathreason_eval.gate.proposal import ProposalRequest, propose
from mathreason_eval.runs.store import load_run
from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair


def outputs(chances, samples, model="base"):
    rng = random.Random(1)
    return [
        {
            "id": f"q{index}", "question": f"What is {index} + {index}?", "gold": str(2 * index),
            "output": f"\\boxed{{{2 * index + (rng.random() >= chance)}}}", "model": model,
            "completion_tokens": 100, "finish_reason": "stop",
        }
        for index, chance in enumerate(chances)
        for _ in range(samples)
    ]  # fmt: skip


def easy(count):
    """Chances of problems of which most are always solved."""
    return np.random.default_rng(2).beta(1.7, 0.3, count).tolist()


@pytest.fixture(scope="module")
def baselines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proposals")
    # fmt: off
    for name, chances, samples in (
        ("eight",  easy(200), 8),
        ("one",    easy(200), 1),
        ("hard",   [0.1] * 12, 2),
        ("never",  [0.0] * 12, 2),
    ):
        # fmt: on
        imported(folder / name, outputs(chances, samples, name))
    return {path.name: path / path.name for path in folder.iterdir()}


@pytest.fixture
def init(tmp_path, mathreason, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return mathreason("gate", "init", *words)

    return run


# fmt: off
WRITTEN = [
    # baseline; the looks, how many tasks have a margin
    ("eight", [2, 4, 8]),
    ("one",   None),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("name", "looks"), WRITTEN)
def test_the_settings_are_those_that_are_read(baselines, init, tmp_path, name, looks):
    code, out, err = init("--baseline", baselines[name], "--ci", "none")
    assert (code, out.split()) == (0, ["gate.yaml"]), err
    said = yaml.safe_load((tmp_path / "gate.yaml").read_text())
    assert said.get("samples") == looks
    config = read_config(tmp_path / "gate.yaml")
    proposal = propose(load_run(baselines[name]), ProposalRequest())
    assert config.rules_for(TASK).margin == pytest.approx(proposal.tasks[0].margin)
    assert 0.005 < config.rules_for(TASK).margin < 0.2


def test_what_it_writes_is_the_same_every_time(baselines, init, tmp_path):
    init("--baseline", baselines["eight"], "-o", "first")
    init("--baseline", baselines["eight"], "-o", "second")
    for path in (tmp_path / "first").rglob("*.*"):
        if path.is_file():
            other = tmp_path / "second" / path.relative_to(tmp_path / "first")
            assert path.read_bytes() == other.read_bytes()


def test_the_baseline_in_the_archive_is_the_run(baselines, init):
    init("--baseline", baselines["eight"])
    with open_baseline("ci/baseline.tar.gz") as run:
        assert len(run.verdicts(TASK)) == 8 * 200
        assert run.manifest == load_run(baselines["eight"]).manifest


# fmt: off
REFUSED = [
    # baseline; what is said, what helps
    ("hard",  "half of the baseline's score", "samples per problem in both runs allow one of"),
    ("never", "half of the baseline's score", "take more problems, or easier ones"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("name", "says", "helps"), REFUSED)
def test_a_margin_that_says_nothing_is_refused(baselines, init, tmp_path, name, says, helps):
    code, out, err = init("--baseline", baselines[name])
    assert (code, out, says in err, helps in err) == (2, "", True, True), err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(baselines, init, tmp_path):
    (tmp_path / "gate.yaml").write_text("mine")
    code, _, err = init("--baseline", baselines["eight"])
    assert (code, "gate.yaml exist already" in err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["gate.yaml"]
    assert (tmp_path / "gate.yaml").read_text() == "mine"
    assert init("--baseline", baselines["eight"], "--force")[0] == 0
    assert (tmp_path / "gate.yaml").read_text() != "mine"


def test_a_file_for_gitlab_that_is_there_is_left_and_that_is_said(baselines, init, tmp_path):
    (tmp_path / ".gitlab-ci.yml").write_text("mine")
    code, out, err = init("--baseline", baselines["eight"], "--ci", "gitlab")
    assert (code, ".gitlab-ci.yml" in out.split(), "add `include:" in err) == (0, False, True)
    assert (tmp_path / ".gitlab-ci.yml").read_text() == "mine"


@pytest.mark.parametrize(("words", "says"), [
    (("-t", "gms8k"), "gsm8k"), (("--advisory", "gms8k"), "gsm8k"),
    (("--advisory", TASK), "nothing would be gated"),
])  # fmt: skip
def test_slips_are_errors(baselines, init, words, says):
    code, _, err = init("--baseline", baselines["eight"], *words)
    assert (code, says in err) == (2, True), err


def test_a_name_that_a_workflow_would_replace_is_refused(baselines, init, tmp_path):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(baselines["eight"], run)
    model = json.loads((run / "manifest.json").read_text())["model"]
    for name in ("openai:${{ secrets.KEY }}", "a$KEY", "a\nmodel: b"):
        manifest(model={**model, "name": name})(run)
        code, out, err = init("--baseline", run, "-o", "here")
        assert (code, out, "as a variable" in err) == (2, "", True), err
    assert not (tmp_path / "here").exists()


def test_a_run_called_init_is_gated_by_its_path(baselines, mathreason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "init").symlink_to(baselines["eight"])
    assert mathreason("gate", "./init", "--baseline", baselines["eight"], "--margin", "9pp")[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "samples"), [("eight", 8), ("one", 1)])
def test_an_unchanged_model_passes_in_four_runs_of_five(baselines, name, samples):
    rng = np.random.default_rng(7)
    proposal = propose(load_run(baselines[name]), ProposalRequest())
    schedule = None
    if len(proposal.looks) > 1:
        from mathreason_eval.gate.looks import LookSchedule

        schedule = LookSchedule(samples=proposal.looks)
    look = look_reached(schedule, samples, samples)
    chances, passed = np.array(easy(PROBLEMS)), 0
    for _ in range(200):
        both = [rng.binomial(samples, chances).tolist() for _ in range(2)]
        pairs = [
            Pair(before=b / samples, after=a / samples, samples=(samples, samples))
            for b, a in zip(*both, strict=True)
        ]
        task = PairedTask(pairs=pairs, margin=proposal.tasks[0].margin)
        (found,) = decide([task], alpha=0.01, nominal=look.nominal)
        passed += found.call is Call.PASS
    # 200 runs have a standard error of 2.8 points, and the baseline's noise is one draw.
    assert passed / 200 > 0.8 - 0.09
