"""`gate --calibrate`: rates on stored outputs, and what it refuses."""

from __future__ import annotations

import json
import random
from itertools import count

import numpy as np
import pytest
from gate_runs import imported
from project import often

from mathreason_eval.gate.calibration import (
    OTHERS,
    CalibrationRequest,
    Halves,
    calibrate,
)
from mathreason_eval.runs.store import load_run

REQUEST = CalibrationRequest(margin=0.05)


def outputs(model, chances, samples, seed=1):
    rng, texts = random.Random(seed), count()
    return [
        {
            "id": f"q{index}", "question": f"What is {index} + {index}?", "gold": str(2 * index),
            "output": f"{seed} {next(texts)} \\boxed{{{2 * index + (rng.random() >= chance)}}}",
            "model": model, "completion_tokens": 9, "finish_reason": "stop",
        }
        for index, chance in enumerate(chances)
        for _ in range(samples)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibration")
    rng = np.random.default_rng(1)
    easy, hard = rng.beta(1.7, 0.5, 60).tolist(), rng.beta(1, 6, 60).tolist()
    # fmt: off
    for place, model, chances, samples, seed in (
        ("easy",  "easy", easy, 8, 1),
        ("again", "easy", easy, 8, 2),
        ("copy",  "easy", easy, 8, 1),
        ("hard",  "hard", hard, 8, 1),
        ("one",   "one",  easy, 1, 1),
        ("never", "never", [0.0] * 12, 4, 1),
    ):
        # fmt: on
        imported(folder / place, outputs(model, chances, samples, seed))
    return {path.name: next(path.glob("*/manifest.json")).parent for path in folder.iterdir()}


def found(runs, *names, request=REQUEST):
    return calibrate([load_run(runs[name]) for name in names], request)


@pytest.mark.slow
def test_this_gate_keeps_its_level_and_others_do_not(runs):
    pairs, most = often(200, 400), often(8, 12)
    request = CalibrationRequest(margin=0.05, pairs=pairs)
    rates = {one.rule: one for one in found(runs, "easy", request=request)[0].rates}
    # 99.9 % of a binomial of 400 with 1 % is below 12, and of 200 below 8.
    for question in ("these problems", "new problems"):
        ours = rates[f"this gate, {question}"]
        assert max(ours.alarms, ours.wrong, ours.wrong_whole) <= most / pairs
    assert rates["fixed limit"].wrong > 0.3
    assert rates["unpaired z-test"].wrong > 0.9
    assert rates["this gate, these problems"].power > rates["unpaired z-test"].power


@pytest.mark.slow
def test_a_relative_guard_on_a_point_estimate_is_a_coin(runs):
    pairs, most = often(200, 400), often(8, 12)
    request = CalibrationRequest(margin=0.05, pairs=pairs)
    rates = {one.rule: one for one in found(runs, "hard", request=request)[0].rates}
    assert rates["NeMo Evaluator 0.3"].alarms > 0.2
    assert rates["this gate, these problems"].alarms <= most / pairs


@pytest.mark.slow
def test_runs_of_one_model_are_taken_together(runs):
    few = CalibrationRequest(margin=0.05, pairs=20)
    (one,) = found(runs, "easy", request=few)
    (both,) = found(runs, "easy", "again", request=few)
    assert (one.samples, both.samples) == (4, 8)
    assert len(found(runs, "easy", "hard", request=few)) == 2


@pytest.mark.slow
def test_equal_requests_have_equal_rates(runs):
    few = CalibrationRequest(margin=0.05, pairs=20)
    assert found(runs, "easy", request=few) == found(runs, "easy", request=few)


# fmt: off
REFUSED = [
    # runs, what is said
    (("easy", "copy"), "there is no noise"),
    (("one",),         "one sample per problem"),
    (("never",),       "cannot fall by 1 pp"),
]
# fmt: on


@pytest.mark.parametrize(("names", "says"), REFUSED)
def test_what_says_nothing_is_refused(runs, mathreason, names, says):
    code, out, err = mathreason("gate", "--calibrate", *(runs[name] for name in names))
    assert (code, out, says in err) == (2, "", True), err


def test_reruns_with_one_seed_are_refused_whatever_they_say(mathreason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, text, seed in (("one", "7", 3), ("other", "8", 3), ("new", "8", 4)):
        (tmp_path / "model.yaml").write_text(f"- text: ['\\boxed{{{text}}}']\n")
        words = "-t", "arithmetic", "-n", 2, "--limit", 6, "--seed", seed, "-o", folder
        assert mathreason("run", "fake:model.yaml", *words)[0] == 0
    code, _, err = mathreason("gate", "--calibrate", "one", "other")
    assert (code, "drawn with the same seed" in err) == (2, True), err
    # With another seed all that is amiss is that the models differ.
    code, _, err = mathreason("gate", "--calibrate", "one", "new")
    assert "same seed" not in err


@pytest.mark.slow
def test_the_table_and_json_say_the_same(runs, mathreason):
    words = runs["easy"], "--calibrate", "--pairs", 40, "--margin", "5pp"
    code, out, _ = mathreason("gate", *words)
    (said,) = json.loads(mathreason("gate", *words, "--json")[1])
    assert (code, [one["rule"] for one in said["rates"]][2:]) == (0, list(OTHERS))
    for one in said["rates"]:
        assert f"{100 * one['passes']:.1f}" in next(
            line for line in out.splitlines() if one["rule"] in line
        )
    assert max(map(len, out.splitlines())) <= 80


# --- the other rules ---------------------------------------------------------------------------

# fmt: off
RULES = [
    # rule, correct of 10 before and after in each of so many problems, problems; pass, regression
    ("fixed limit",          (9, 9), 30, (True, False)),
    ("fixed limit",          (9, 8), 30, (False, True)),
    ("unpaired z-test",      (9, 9), 30, (True, False)),
    ("McNemar over samples", (9, 9), 30, (True, False)),
    ("McNemar over samples", (9, 5), 30, (False, True)),
    ("NeMo Evaluator 0.3",   (9, 9), 30, (True, False)),
    ("NeMo Evaluator 0.3",   (9, 8), 30, (False, True)),
    ("NeMo Evaluator 0.3",   (9, 9),  9, (False, False)),     # fewer than ten problems
]
# fmt: on


@pytest.mark.parametrize(("rule", "counts", "problems", "wanted"), RULES)
def test_another_rule_says(rule, counts, problems, wanted):
    before, after = (np.full((1, problems), one) for one in counts)
    halves = Halves(before=before, after=after, half=10)
    passes, fell = OTHERS[rule](halves, REQUEST)
    assert (bool(passes[0]), bool(fell[0])) == wanted


def test_a_relative_guard_is_for_low_scores_only():
    before = np.array([[1] * 20, [5] * 20])
    after = before.copy()
    after[:, 0] -= 1
    _, fell = OTHERS["NeMo Evaluator 0.3"](Halves(before=before, after=after, half=10), REQUEST)
    assert fell.tolist() == [True, False]
