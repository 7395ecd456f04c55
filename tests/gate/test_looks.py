"""More evidence: when it is looked at, how it is drawn, and how much of it would do."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from random import Random
from types import SimpleNamespace

import pytest

from mathreason_eval.gate import judging
from mathreason_eval.gate.looks import LookSchedule, look_reached
from mathreason_eval.gate.sample_size import Feasible, required_samples
from mathreason_eval.models import open_model
from mathreason_eval.pipeline.extend import ExtendOptions, extend
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.store import load_run
from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair, t_quantile
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems

# fmt: off
REACHED = [
    # schedule, the run's samples; number of the look, samples that count
    ((8, 16, 32),  4, None),
    ((8, 16, 32),  8, (1, 8)),
    ((8, 16, 32), 15, (1, 8)),
    ((8, 16, 32), 16, (2, 16)),
    ((8, 16, 32), 99, (3, 32)),
    ((8,),         8, (1, 8)),
    (None,         5, (1, None)),
]
SETTLED = [
    # chance before and after, samples of both runs, margin; what is said, and of which run more
    (0.8, 0.8,  (16, 2),  0.04, Feasible.YES,  (False, True)),
    (0.8, 0.8,  (4, 4),   0.02, Feasible.YES,  (True, True)),
    (0.6, 0.57, (8, 8),   0.01, Feasible.YES,  (True, True)),
    (0.5, 0.5,  (2, 16),  0.04, Feasible.YES,  (True, False)),
    (0.8, 0.8,  (1, 1),   0.02, Feasible.UNKNOWN, (True, True)),
    (0.8, 0.8,  (1, 4),   0.02, Feasible.YES,  (True, True)),
]
# fmt: on


@pytest.mark.parametrize(("schedule", "samples", "reached"), REACHED)
def test_the_look_that_a_run_reaches(schedule, samples, reached):
    looks = None if schedule is None else LookSchedule(samples=schedule)
    look = look_reached(looks, 8, samples)
    assert reached == (look and (look.number, look.samples))


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_early_looks_are_stricter_and_together_they_cost_alpha(spending):
    looks = LookSchedule(samples=(8, 16, 32), spending=spending)
    levels = [look_reached(looks, 8, n).nominal(0.01) for n in looks.samples]
    assert all(0 < level < 0.01 for level in levels)
    assert sum(levels) > 0.01
    assert (levels == sorted(levels)) == (spending == "obrien-fleming")


def test_one_look_has_all_of_alpha():
    assert look_reached(None, 8, 8).nominal(0.01) == 0.01
    assert look_reached(LookSchedule(samples=(8,)), 8, 8).nominal(0.01) == pytest.approx(
        0.01, rel=1e-6
    )


def drawn(rng: Random, chances, samples, count=300):
    """Pairs of two runs whose problems are all as hard as each other."""
    return [
        Pair(
            before=sum(rng.random() < chances[0] for _ in range(samples[0])) / samples[0],
            after=sum(rng.random() < chances[1] for _ in range(samples[1])) / samples[1],
            samples=samples,
        )
        for _ in range(count)
    ]


def settled_by(chances, samples, margin):
    """What would settle the first open task of some draws, and its change."""
    rng = Random(7)
    while True:
        task = PairedTask(pairs=drawn(rng, chances, samples), margin=margin)
        (decision,) = decide([task], alpha=0.01)
        if decision.call is Call.INCONCLUSIVE:
            return required_samples(task, decision, greedy=False), decision.difference.value


@pytest.mark.slow
@pytest.mark.parametrize("case", SETTLED)
def test_so_many_samples_settle_it_four_times_in_five(case):
    before, after, samples, margin, more, of_which = case
    what, change = settled_by((before, after), samples, margin)
    assert what.feasible is more
    assert of_which == tuple(new > old for new, old in zip(what.samples, samples, strict=True))
    rng = Random(7)
    tasks = [
        PairedTask(pairs=drawn(rng, (before, before + change), what.samples), margin=margin)
        for _ in range(24)
    ]
    calls = [decide([task], alpha=0.01)[0].call for task in tasks]
    assert sum(call is not Call.INCONCLUSIVE for call in calls) / len(calls) >= 0.6


def as_noisy_as(variances, samples, change=0.0, count=30):
    """Pairs whose changes vary by just the noise of samples of such variances."""
    noise = sum(variance / n for variance, n in zip(variances, samples, strict=True))
    half = math.sqrt(noise * (count - 1) / count) / 2
    return [
        Pair(before=0.5 - way, after=0.5 + way + change, samples=samples)
        for way in (half, -half) * (count // 2)
    ]


@pytest.mark.parametrize(("samples", "margin"), [((8, 8), 0.06), ((4, 4), 0.1), ((32, 4), 0.08)])
def test_the_samples_that_are_promised_are_just_enough_for_thirty_problems(samples, margin):
    variances = (0.25, 0.25)
    for _ in range(50):
        # The variance of a sample that the pairs show depends on how they differ.
        pairs = as_noisy_as(variances, samples)
        seen = sum(pair.before * (1 - pair.before) for pair in pairs) / 30
        variances = tuple(seen * n / (n - 1) for n in samples)
    task = PairedTask(pairs=pairs, margin=margin)
    (decision,) = decide([task], alpha=0.01)
    assert decision.call is Call.INCONCLUSIVE
    promised = required_samples(task, decision, greedy=False).samples
    fewer = tuple(
        old if new == old else math.ceil(0.7 * new)
        for new, old in zip(promised, samples, strict=True)
    )
    assert [call_of_the_unlucky(variances, n, margin) for n in (promised, fewer)] == [
        Call.PASS,
        Call.INCONCLUSIVE,
    ]


def call_of_the_unlucky(variances, samples, margin):
    """What is called of a change by noise alone than which one of five is worse."""
    noise = sum(variance / n for variance, n in zip(variances, samples, strict=True))
    unlucky = -t_quantile(0.8, 29) * math.sqrt(noise / 30)
    task = PairedTask(pairs=as_noisy_as(variances, samples, unlucky), margin=margin)
    return decide([task], alpha=0.01)[0].call


def test_problems_that_differ_in_their_change_need_more_problems():
    pairs = [Pair(before=0.5, after=0.5 + way, samples=(64, 64)) for way in (-0.5, 0.5) * 50]
    task = PairedTask(pairs=pairs, margin=0.05, estimand=Estimand.NEW)
    (decision,) = decide([task], alpha=0.01)
    what = required_samples(task, decision, greedy=False)
    assert (what.feasible, what.samples) == (Feasible.NO, None)
    many = replace(task, pairs=pairs * (what.problems // 100 + 1))
    assert decide([many], alpha=0.01)[0].call is Call.PASS


def test_no_number_beyond_reason_is_proposed():
    pairs = [Pair(before=0.5, after=0.5 + way, samples=(64, 64)) for way in (-0.5, 0.5) * 50]
    for estimand in Estimand:
        task = PairedTask(pairs=pairs, margin=0.0001, estimand=estimand)
        what = required_samples(task, decide([task], alpha=0.01)[0], greedy=False)
        assert (what.feasible, what.samples, what.problems) == (Feasible.NO, None, None)


def test_of_other_metrics_the_noise_of_samples_is_not_known():
    pairs = [Pair(before=0.9, after=0.9, samples=(8, 8))] * 30
    task = PairedTask(pairs=pairs, counted=False)
    (decision,) = decide([task], alpha=0.01)
    what = required_samples(task, decision, greedy=False)
    assert (what.feasible, what.samples) == (Feasible.UNKNOWN, None)


def test_a_greedy_run_has_no_second_sample():
    task = PairedTask(pairs=[Pair(before=1.0, after=0.0), Pair(before=1.0, after=1.0)] * 3)
    (decision,) = decide([task], alpha=0.01)
    assert required_samples(task, decision, greedy=True).feasible is Feasible.GREEDY


# --- --extend --------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.yaml"
    rules = [
        {"contains": one.question, "text": [f"\\boxed{{{one.gold[0]}}}"] * 3 + ["no idea"]}
        for task in ("arithmetic", "word-problems")
        for one in load_problems(load_task(task), limit=12).problems
    ]
    rules.append({"text": ["\\boxed{7}", "\\boxed{12}", "no idea"]})
    path.write_text(json.dumps(rules))
    return f"fake:{path}"


@pytest.fixture
def made(script, tmp_path):
    """Return a function that makes a run of two generated tasks."""

    def make(name, **settings):
        spec = RunSpec(
            tasks=("arithmetic", "word-problems"),
            **{"samples": 2, "limit": 12, "temperature": 0.6, **settings},
        )
        return run_tasks(spec, lambda: open_model(script), tmp_path / name, grading=(1, 5.0))

    return make


@pytest.fixture
def gate(monkeypatch, tmp_path, mathreason):
    monkeypatch.chdir(tmp_path)
    return partial(mathreason, "gate")


def samples_of(run, task):
    return {(one.problem_id, one.sample): (one.seed, one.text) for one in run.generations(task)}


@pytest.mark.slow
def test_more_samples_are_drawn_as_the_first_were(made, script):
    settings = {"max_tokens": 77, "prompt": "boxed", "seed": 3, "data": {"arithmetic": ("seed:5",)}}
    run = extend(made("few", **settings), 3, ExtendOptions(model=script, grading=(1, 5.0)))
    whole = made("many", samples=3, **settings)
    for task in run.tasks():
        assert run.manifest.tasks[task] == whole.manifest.tasks[task]
        assert samples_of(run, task) == samples_of(whole, task)
        assert len(run.verdicts(task)) == 36
    assert {entry.samples for entry in run.manifest.tasks.values()} == {3}
    assert run.manifest.finished


def samples_asked(run):
    return {entry.samples for entry in load_run(run.path).manifest.tasks.values()}


@pytest.mark.slow
def test_extend_looks_until_it_knows(gate, made, script, tmp_path):
    base, run = made("base", seed=1), made("run")
    (tmp_path / "gate.yaml").write_text("samples: [2, 4, 6]\nmargin: 0.5pp")
    code, out, err = gate(
        run.path, "--baseline", base.path, "--extend", "--model", script, "--workers", 1
    )
    assert (code, "look 3 of 3, at 6 samples per problem" in out) == (3, True)
    assert samples_asked(run) == {6}
    assert err.count("resuming") == 2
    assert samples_asked(base) == {2}


def test_extend_stops_where_it_knows(gate, made, script, tmp_path):
    run = made("run")
    (tmp_path / "gate.yaml").write_text("samples: [1, 2, 64]\nmargin: 70pp")
    assert gate(run.path, "--baseline", run.path, "--extend", "--model", script)[0] == 0
    assert samples_asked(run) == {2}


def test_only_the_samples_of_the_look_count(gate, made, tmp_path):
    run = made("run")
    (tmp_path / "gate.yaml").write_text("samples: [1, 64]\nmargin: 70pp")
    _, out, _ = gate(run.path, "--baseline", run.path, "--json")
    (first, _) = json.loads(out)["tasks"]
    assert (first["samples"], first["look"]["samples"]) == ([2, 1], 1)
    _, out, _ = gate(run.path, "--baseline", run.path)
    assert "look 1 of 2, at 1 samples per problem; the first 1 of its 2 count" in out


def test_before_the_first_look_nothing_is_said(gate, made, tmp_path):
    run = made("run")
    (tmp_path / "gate.yaml").write_text("samples: [4, 8]")
    code, out, err = gate(run.path, "--baseline", run.path)
    assert (code, "the first look is at 4 samples per problem, and the run has 2" in out) == (
        3,
        True,
    )
    assert "--extend draws the samples up to 4" in err


# fmt: off
NOT_EXTENDED = [
    # settings of the run, gate.yaml; what is said
    ({"temperature": 0.0, "samples": 1}, "samples: [1, 2]", "sampled at temperature 0"),
]
# fmt: on


@pytest.mark.parametrize("row", NOT_EXTENDED)
def test_what_cannot_be_extended_says_so(gate, made, script, tmp_path, row):
    settings, config, says = row
    base, run = made("base", seed=1, **settings), made("run", **settings)
    (tmp_path / "gate.yaml").write_text(config)
    code, _, err = gate(run.path, "--baseline", base.path, "--extend", "--model", script)
    assert (code, says in err) == (2, True)


@pytest.mark.slow
def test_without_looks_a_run_is_judged_once_and_that_is_said(gate, made, tmp_path):
    base, run = made("base", seed=1), made("run")
    (tmp_path / "gate.yaml").write_text("margin: 1pp")
    words = ("--baseline", base.path)
    once = gate(run.path, *words)
    code, out, err = gate(run.path, *words, "--extend")
    assert (code, out, "judged once" in err) == (once[0], once[1], True)
    assert code in {0, 1, 3}
    assert samples_asked(run) == {2}


def test_a_model_that_only_a_run_folder_names_is_not_asked(gate, made, tmp_path):
    run = made("run")
    (tmp_path / "gate.yaml").write_text("samples: [2, 4]")
    code, _, err = gate(run.path, "--baseline", run.path, "--extend")
    assert (code, "--model MODEL" in err) == (2, True)
    assert samples_asked(run) == {2}


@pytest.mark.slow
def test_another_model_is_not_asked_for_more_samples_of_a_run(gate, made, tmp_path):
    base, run = made("base", seed=1), made("run")
    (tmp_path / "gate.yaml").write_text("samples: [2, 4]\nmargin: 0.5pp")
    words = ("--baseline", base.path, "--extend", "--model", "fake:answer=9")
    code, _, err = gate(run.path, *words)
    assert (code, "model" in err) == (2, True)
    assert samples_asked(run) == {2}


# fmt: off
FIXED = [
    # the looks, what gate.yaml says; what decides at all of them (None: what the runs allow)
    ((1, 2), None,           Estimand.NEW),     # the noise of one sample is not known
    ((2, 4), None,           None),
    (None,   None,           None),
    ((1, 2), Estimand.THESE, Estimand.THESE),
    ((2, 4), Estimand.NEW,   Estimand.NEW),
]
# fmt: on


@pytest.mark.parametrize(("looks", "said", "decides"), FIXED)
def test_the_question_is_fixed_by_the_first_look(looks, said, decides):
    config = SimpleNamespace(looks=looks and SimpleNamespace(samples=looks))
    assert judging._fixed_estimand(config, SimpleNamespace(estimand=said)) is decides
