"""No metric takes problems that share a source for independent ones."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from manifests import report_of
from project import ROOT

from mathreason_eval.families.procbench.grader import MEASURES
from mathreason_eval.stats.summary import summarize
from mathreason_eval.types import Generation, Outcome, Problem, Verdict

FAMILIES = ("bayes", "instances", "strict", "survival", "first-error")
REPORT = report_of(
    *MEASURES[:2],
    slices=("level",),
    metrics=FAMILIES,
    cluster="source",
    macro="level",
)
SOURCES, SAMPLES = 12, 4


def world():
    """Three originals of each of twelve sources, each with a variant, its other instance."""
    rng = Random(11)
    problems, generations, verdicts = [], [], []
    for source in range(SOURCES):
        chance = rng.random()
        for number in range(3):
            for variant in (None, "leaf"):
                name = f"s{source}-{number}{variant or ''}"
                meta = {
                    "source": f"s{source}",
                    "level": 1 + source % 2,
                    "instance": int(variant is not None),
                    "steps": 3,
                    "split": "a",
                }
                origin = None if variant is None else f"s{source}-{number}"
                gold = ("1" if source % 3 else "-1",)
                problems.append(
                    Problem(
                        id=name, question=f"{source}?", gold=gold, meta=meta, origin=origin,
                        variant=variant,
                    )
                )  # fmt: skip
                for sample in range(SAMPLES):
                    verdicts.append(judged(rng, name, sample, gold[0], chance))
                    generations.append(made(rng, name, sample))
    return problems, generations, verdicts


def judged(rng, name, sample, gold, chance):
    right = rng.random() < chance
    return Verdict(
        problem_id=name,
        sample=sample,
        outcome=Outcome.CORRECT if right else Outcome.WRONG,
        answer=gold if right else str(rng.randint(2, 4)),
        rule="",
        note="",
        score=float(right),
        measures={"pml": rng.randint(0, 3), "pa": rng.random(), "false_step": rng.random() < 0.3},
        second=Outcome.CORRECT if rng.random() < chance else Outcome.WRONG,
    )


def made(rng, name, sample):
    return Generation(
        problem_id=name, sample=sample, seed=0, text="", finish_reason="stop",
        prompt_tokens=1, completion_tokens=rng.randint(1, 99), seconds=rng.random(),
        reward=rng.random(),
    )  # fmt: skip


def copied(world, times):
    """Every problem of a source so many times over, with the same samples."""
    problems, generations, verdicts = world
    found = ([], [], [])
    for copy in range(times):
        found[0].extend(
            replace(one, id=f"{one.id}#{copy}", origin=one.origin and f"{one.origin}#{copy}")
            for one in problems
        )
        for place, rows in ((1, generations), (2, verdicts)):
            found[place].extend(replace(one, problem_id=f"{one.problem_id}#{copy}") for one in rows)
    return found


def widths(world, report=REPORT):
    metrics = summarize("t", *world, key=str, report=report)
    return {(one.slice, one.name): one.high - one.low for one in metrics}


@pytest.mark.parametrize("times", [2, 5])
def test_copies_of_a_cluster_narrow_the_interval_of_no_metric(times):
    once, often = widths(world()), widths(copied(world(), times))
    assert once.keys() == often.keys()
    wanted = {"avg", "strict", "right_by_wrong_steps", "robust", "cr", "pdr", "drop", "bayes", "sd"}
    wanted |= {"survival@2", "f1", "range", "lowest", "macro", "ece", "auroc", "maj@3", "vote@2"}
    assert wanted <= {name for _, name in once}
    narrower = {key: (once[key], often[key]) for key in once if often[key] < 0.97 * once[key]}
    assert not narrower


@pytest.mark.slow
def test_taken_for_independent_the_same_copies_would_narrow_it():
    alone = replace(REPORT, rules=replace(REPORT.rules, cluster=None))
    assert (
        widths(copied(world(), 5), alone)["all", "strict"] < 0.7 * widths(world())["all", "strict"]
    )


def test_no_estimator_takes_a_mean_of_bare_scores():
    package = ROOT / "mathreason_eval"
    homes = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "mean_of_scores(" in path.read_text() or "mean_of_amounts(" in path.read_text()
    }
    assert homes == {
        "stats/intervals.py",
        "stats/estimators/items.py",
        "stats/estimators/confidence.py",
    }
