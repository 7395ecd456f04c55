"""Tests of `mathreason plan`, on runs of drawn outputs."""

from __future__ import annotations

import json
import random

import pytest
from click.testing import CliRunner

from mathreason_eval.cli import verbs
from mathreason_eval.pipeline.importers.jsonl import import_jsonl
from mathreason_eval.tasks import load_task

# fmt: off
RUNS = {  # problems, samples of each, chance to be right, tokens of a sample
    "several": (80, 4, 0.8, 200),
    "single":  (30, 1, 0.8, 200),
    "uncounted": (30, 4, 0.5, None),
    "right":   (30, 4, 1.0, 200),
    "hopeless": (30, 4, 0.0, 200),
    "alone":   (1,  4, 0.8, 200),
}
WRONG = [  # arguments, in the message
    (["several", "--detect", "2"],                     "write 2pp or 0.02"),
    (["several", "--detect", "two"],                   "write 2pp or 0.02"),
    (["several", "--detect", "90pp"],                  "cannot drop by 90 pp"),
    (["hopeless", "--detect", "2pp"],                  "cannot drop by 2 pp"),
    (["alone", "--detect", "2pp"],                     "one problem"),
    (["several", "--detect", "2pp", "-t", "gsm9k"],    "Did you mean gsm8k?"),
    (["several", "--detect", "2pp", "--power", "1"],   "power"),
    (["missing", "--detect", "2pp"],                   "missing"),
    (["several"],                                      "detect"),
]
# fmt: on


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    rng = random.Random(3)
    rows = [
        {
            "id": f"q{index}",
            "question": f"What is {index} + {index}?",
            "gold": str(2 * index),
            "output": f"It is \\boxed{{{2 * index + (rng.random() >= chance)}}}.",
            "model": model,
            **({"completion_tokens": tokens} if tokens else {}),
        }
        for model, (problems, samples, chance, tokens) in RUNS.items()
        for index in range(problems)
        for _ in range(samples)
    ]
    file = folder / "outputs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_jsonl(file, load_task("gsm8k"), folder, grading=(1, 5.0))
    return folder


def asked(runs, name, *options):
    return CliRunner().invoke(verbs, ["plan", "--baseline", str(runs / name), *options])


@pytest.fixture(scope="module")
def several(runs):
    return asked(runs, "several", "--detect", "15pp")


@pytest.fixture(scope="module")
def plain(runs):
    (found,) = json.loads(asked(runs, "several", "--detect", "15pp", "--json").stdout)
    return found


def test_the_text_fits_eighty_columns(several):
    assert max(map(len, several.stdout.splitlines())) <= 80


def test_a_plan_leaves_with_zero(several):
    assert several.exit_code == 0


def test_the_variance_is_split_as_it_was_stored(runs, plain):
    shares = [item["outcome"] == "correct" for item in verdicts(runs / "several")]
    mean = sum(shares) / len(shares)
    parts = plain["variance"]["questions"] + plain["variance"]["seeds"]
    assert (plain["avg"], parts) == pytest.approx((mean, mean * (1 - mean)))


def verdicts(run):
    lines = (run / "gsm8k" / "verdicts.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_more_samples_need_no_more_problems(plain):
    needs = [mix["to_see"]["problems"] for mix in plain["mixes"] if mix["to_see"]]
    assert needs == sorted(needs, reverse=True)


def test_the_cheapest_is_the_cheapest(plain):
    tokens = [mix["to_see"]["tokens"] for mix in plain["mixes"] if mix["to_see"]]
    assert plain["cheapest_to_see"]["tokens"] == min(tokens)


def test_samples_that_the_baseline_has_cost_nothing(plain):
    (mix,) = [mix for mix in plain["mixes"] if mix["samples"] == [4, 4]]
    assert mix["to_see"]["tokens"] == mix["to_see"]["problems"] * 4 * 200


def test_samples_that_the_baseline_lacks_are_in_the_cost(plain):
    (mix,) = [mix for mix in plain["mixes"] if mix["samples"] == [8, 8]]
    assert mix["to_see"]["draws"] == mix["to_see"]["problems"] * (8 + 4)


@pytest.mark.slow
def test_without_tokens_the_cost_is_in_samples(runs):
    assert "samples to generate" in asked(runs, "uncounted", "--detect", "30pp").stdout


@pytest.mark.slow
def test_of_one_sample_the_plan_says_what_it_does_not_know(runs):
    assert "one sample per problem" in asked(runs, "single", "--detect", "10pp").stdout


@pytest.mark.slow
def test_a_run_without_a_mistake_has_a_plan(runs):
    assert asked(runs, "right", "--detect", "10pp").exit_code == 0


def test_endless_samples_do_not_show_a_few_problems_lost(plain):
    assert plain["limit"]["lost"] == 6


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_what_cannot_be_planned_is_said_in_a_sentence(runs, mathreason, arguments, message):
    name, *options = arguments
    said = mathreason("plan", "--baseline", runs / name, *options)
    assert (said.code, message in said.err) == (2, True), said
