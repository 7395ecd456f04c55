"""Every metric of a task can be compared, and gated where one direction is better."""

from __future__ import annotations

import json
import random

import pytest

from mathreason_eval.models import open_model
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.store import load_run
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems

pytestmark = pytest.mark.slow  # for three runs of which all are told

TASK = "word-problems-cultural"
LIMIT = 320  # twenty families
FEW = 48


def script(seed, limit, of_originals, of_variants):
    """A model that solves so many originals, and so many variants."""
    rng = random.Random(seed)
    rules = []
    for one in load_problems(load_task(TASK), limit=limit).problems:
        chance = of_originals if one.origin is None else of_variants
        solved = rng.random() < chance
        right = f"\\boxed{{{one.gold[0]}}}"
        texts = [right] * 4 + ["\\boxed{0.123}"] if solved else ["\\boxed{0.123}"]
        rules.append({"contains": one.question, "text": texts})
    return json.dumps([*rules, {"text": ["\\boxed{0.123}"]}])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("metrics")
    # fmt: off
    for name, chances, samples, limit in (
        ("frail",  (0.9, 0.4), 2, LIMIT),
        ("robust", (0.9, 0.9), 2, LIMIT),
        ("three",  (0.9, 0.4), 3, LIMIT),
        # whose values say nothing
        ("few-frail",  (0.9, 0.4), 2, FEW),
        ("few-robust", (0.9, 0.9), 2, FEW),
    ):  # fmt: skip
        # fmt: on
        path = folder / f"{name}.yaml"
        path.write_text(script(1, limit, *chances))
        spec = RunSpec(tasks=(TASK,), samples=samples, limit=limit, temperature=0.6)
        run_tasks(spec, lambda path=path: open_model(f"fake:{path}"), folder / name,
                  grading=(1, 5.0))  # fmt: skip
    return folder


def names(run):
    """The metrics of a run by name."""
    return sorted({one.name for one in load_run(run).metrics()})


@pytest.fixture
def compare(runs, mathreason):
    def run(metric, before="frail", after="robust"):
        code, out, err = mathreason(
            "compare", runs / before, runs / after, "--metric", metric, "--json"
        )
        assert code == 0, err
        (found,) = json.loads(out)["comparisons"]
        return found

    return run


def test_every_metric_that_is_shown_can_be_compared(runs, compare):
    shown = names(runs / "few-frail")
    assert shown == names(runs / "frail")
    assert {"drop", "cr", "limem", "robust", "strict", "pass^2", "ece", "avg"} <= set(shown)
    for name in shown:
        if name in {"mcnemar", "auroc"}:
            continue  # a p is of one run, and all votes here are right or all wrong
        found = compare(name, "few-frail", "few-robust")["whole"]
        assert found["low"] <= found["difference"] <= found["high"], name
        assert found["problems"] > 0


def test_the_values_are_those_of_the_runs(runs, compare):
    held = {(one.slice, one.name): one.value for one in load_run(runs / "frail").metrics()}
    for name in ("robust", "strict"):
        assert compare(name)["whole"]["before"] == pytest.approx(held["all", name])
    slices = {one["slice"]: one["before"] for one in compare("drop")["slices"]}
    of_variants = {where: value for (where, name), value in held.items() if name == "drop"}
    shared = slices.keys() & of_variants.keys()
    assert shared
    for where in shared:
        assert slices[where] == pytest.approx(of_variants[where])


def test_whether_b_loses_less_under_perturbation_has_an_answer(compare):
    found = compare("drop")["whole"]
    assert found["difference"] < -0.2
    assert (found["high"] < 0, found["p"] < 0.01) == (True, True)
    assert found["bootstrap_high"] < 0
    assert "jackknife" in found["method"]
    same = compare("drop", after="frail")["whole"]
    assert (same["difference"], same["low"] < 0 < same["high"]) == (0, True)


def test_strict_is_compared_at_as_many_samples_as_both_have(runs, compare):
    found = compare("strict", after="three")["whole"]
    both = compare("pass^2", after="three")["whole"]
    assert (found["before"], found["after"]) == (both["before"], both["after"])


# fmt: off
GATED = [
    # metric, run, baseline, margin; exit code
    ("drop",   "robust", "frail",  "25pp", 0),
    ("drop",   "frail",  "robust", "1pp",  1),
    ("cr",     "frail",  "robust", "1pp",  1),
    ("limem",  "frail",  "robust", "1pp",  1),
    ("robust", "frail",  "robust", "1pp",  3),    # hardly a family is solved whole
    ("strict", "frail",  "robust", "1pp",  1),
    ("cr",     "robust", "frail",  "25pp", 0),
    ("drop",   "frail",  "frail",  "1pp",  3),
]
# fmt: on


@pytest.mark.parametrize("row", GATED)
def test_any_metric_can_be_gated(runs, mathreason, tmp_path, row):
    metric, after, before, margin, code = row
    config = tmp_path / "gate.yaml"
    config.write_text(f"metric: {metric}\nmargin: {margin}\nhealth: {{tokens: off}}\n")
    words = "--baseline", runs / before, "--config", config
    found, out, err = mathreason("gate", runs / after, *words, "--json")
    (task,) = json.loads(out)["tasks"]
    assert (found, task["turned"]) == (code, metric in {"drop", "limem"}), out + err
    assert task["after"] - task["before"] == pytest.approx(
        task["decision"]["difference"]["value"], abs=1e-9
    )


@pytest.mark.parametrize("metric", ["tokens", "mcnemar"])
def test_what_has_no_better_direction_cannot(runs, mathreason, tmp_path, metric):
    config = tmp_path / "gate.yaml"
    config.write_text(f"metric: {metric}\n")
    code, _, err = mathreason(
        "gate", runs / "frail", "--baseline", runs / "frail", "--config", config
    )
    assert code == 2, err
