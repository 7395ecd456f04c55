"""Tests of `mathreason plan`, on runs of drawn outputs."""

from __future__ import annotations

import functools
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
    "restless": (80, 4, None, 200),  # as good as `several`, by other problems
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


def chance_of(chance, index):
    """The chance of a problem: without one of all, four of five are always solved."""
    return float(index % 5 > 0) if chance is None else chance


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    rng = random.Random(3)
    rows = [
        {
            "id": f"q{index}",
            "question": f"What is {index} + {index}?",
            "gold": str(2 * index),
            "output": f"It is \\boxed{{{2 * index + (rng.random() >= chance_of(chance, index))}}}.",
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


@functools.cache
def asked(runs, name, *options):
    """Return what is printed, as no run changes: a plan takes seconds, and several rows read it."""
    return CliRunner().invoke(verbs, ["plan", "--baseline", str(runs / name), *options])


@pytest.fixture(scope="module")
def several(runs):
    return asked(runs, "several", "--detect", "15pp")


@pytest.fixture(scope="module")
def plain(runs):
    (found,) = json.loads(asked(runs, "several", "--detect", "15pp", "--json").stdout)
    return found


@pytest.mark.slow
def test_the_text_fits_eighty_columns(several):
    assert max(map(len, several.stdout.splitlines())) <= 80


def test_a_plan_leaves_with_zero(several):
    assert several.exit_code == 0


@pytest.mark.slow
def test_the_variance_is_split_as_it_was_stored(runs, plain):
    shares = [item["outcome"] == "correct" for item in verdicts(runs / "several")]
    mean = sum(shares) / len(shares)
    parts = plain["variance"]["questions"] + plain["variance"]["seeds"]
    assert (plain["avg"], parts) == pytest.approx((mean, mean * (1 - mean)))


def verdicts(run):
    lines = (run / "gsm8k" / "verdicts.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_answer_is_the_fewest_samples_that_are_enough(runs):
    options = "--detect", "15pp", "--margin", "15pp", "--json"
    (found,) = json.loads(asked(runs, "several", *options).stdout)
    answer = found["answer"]
    assert min(answer["sees"], answer["passes"]) >= 0.8
    assert answer["decides"] == "these problems"
    fewer = [one for one in found["mixes"] if one["samples"][1] < answer["samples"][1]]
    assert fewer
    assert all(min(one["sees"], one["passes"]) < 0.8 for one in fewer)


def test_the_answer_stands_first(runs):
    out = asked(runs, "several", "--detect", "15pp", "--margin", "15pp").stdout
    assert out.startswith("gsm8k: ")
    assert "per problem in the run" in out.splitlines()[0]


@pytest.mark.slow
def test_where_no_number_of_samples_is_enough_that_is_said(runs):
    options = "--detect", "15pp", "--margin", "0.2pp"
    assert json.loads(asked(runs, "several", *options, "--json").stdout)[0]["answer"] is None
    said = asked(runs, "several", *options).stdout
    assert "no number of samples up to 1,024 per problem is enough" in said
    assert "The margin of 0.2 pp is too small" in said


def test_nothing_is_recommended_that_does_not_exist(plain, several):
    assert plain["problems"] == 80
    assert {one["draws"] % 80 for one in plain["mixes"]} == {0}
    assert "all 80 problems" in several.stdout


def test_samples_that_the_baseline_has_cost_nothing(plain):
    (mix,) = [mix for mix in plain["mixes"] if mix["samples"] == [4, 4]]
    assert (mix["draws"], mix["tokens"]) == (80 * 4, 80 * 4 * 200)


def test_samples_that_the_baseline_lacks_are_in_the_cost(plain):
    (mix,) = [mix for mix in plain["mixes"] if mix["samples"] == [8, 8]]
    assert mix["draws"] == 80 * (8 + 4)


def test_whole_problems_that_are_lost_are_harder_to_see(plain):
    for mix in plain["mixes"]:
        if mix["decides"] == "these problems" and 0.05 < mix["sees"] < 0.95:
            assert mix["sees_whole"] != pytest.approx(mix["sees"], abs=0.005)


@pytest.mark.slow
def test_a_price_is_a_cost(runs):
    options = "--detect", "15pp", "--margin", "15pp", "--price", "5"
    (found,) = json.loads(asked(runs, "several", *options, "--json").stdout)
    answer = found["answer"]
    assert answer["money"] == pytest.approx(answer["draws"] * 200 * 5 / 1e6)
    assert "at 5 per million tokens" in asked(runs, "several", *options).stdout


@pytest.mark.slow
def test_of_a_run_without_a_mistake_its_own_score_is_printed(runs):
    assert "avg 100.0 %" in asked(runs, "right", "--detect", "10pp").stdout


# fmt: off
EARLIER = [
    # earlier run, what is said
    ("several",   "differs by no more than sampling does"),
    ("restless",  "besides sampling"),
]
UNUSABLE = [
    # baseline, earlier run, exit code, what is said
    ("single", "single",  2, "two samples or more"),
    ("several", "missing", 2, "missing"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("earlier", "says"), EARLIER)
def test_an_earlier_run_says_how_much_problems_change(runs, earlier, says):
    options = "--detect", "15pp", "--previous", str(runs / earlier)
    out = asked(runs, "several", *options).stdout
    assert (says in out, "--previous RUN" in out) == (True, False)


@pytest.mark.slow
def test_what_problems_change_by_themselves_costs_power(runs):
    found = {}
    for earlier in ("several", "restless"):
        options = "--detect", "10pp", "--previous", str(runs / earlier), "--json"
        (found[earlier],) = json.loads(asked(runs, "several", *options).stdout)
    still, moved = ([mix["sees"] for mix in found[name]["mixes"]] for name in found)
    assert 0.05 < found["restless"]["unchanged"]["variance"] < 0.35
    likely = [(one, other) for one, other in zip(still, moved, strict=True) if one > 0.9]
    assert len(likely) > 1
    assert all(one > other for one, other in likely)


@pytest.mark.parametrize(("name", "earlier", "code", "says"), UNUSABLE)
def test_an_earlier_run_that_says_nothing_is_an_error(runs, mathreason, name, earlier, code, says):
    words = "--baseline", runs / name, "--detect", "10pp", "--previous", runs / earlier
    found = mathreason("plan", *words)
    assert (found.code, says in found.err) == (code, True), found


@pytest.mark.slow
def test_without_tokens_the_cost_is_in_samples(runs):
    assert "to draw     samples" in asked(runs, "uncounted", "--detect", "30pp").stdout


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
