"""What several samples are worth, and how sure each figure is: against oracles and by hand."""

from __future__ import annotations

import gzip
import io
import json
import math
import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import report_of
from scipy.stats import hypergeom

from mathreason_eval.cli.screens.metrics import metric_table, variance_line
from mathreason_eval.cli.screens.tables import print_table
from mathreason_eval.errors import PluginError
from mathreason_eval.maths.compare.equal import canonical_key
from mathreason_eval.runs.codec import converted
from mathreason_eval.runs.migration import metrics_with_units
from mathreason_eval.stats import summary
from mathreason_eval.stats.estimators import votes
from mathreason_eval.stats.estimators.confidence import Vote, calibration_means
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.stats.estimators.means import posterior
from mathreason_eval.stats.estimators.passk import TAUS, curves
from mathreason_eval.stats.estimators.votes import (
    best_curve,
    exact_vote_curve,
    maj_curve,
    vote_curve,
)
from mathreason_eval.stats.intervals import (
    SampleMoments,
    conditional_interval,
    mean_of_amounts,
    mean_of_scores,
)
from mathreason_eval.stats.metrics import MetricFamily, find_metric
from mathreason_eval.stats.summary import PLAIN, summarize
from mathreason_eval.types import Generation, Metric, Outcome, Problem, Unit, Verdict

# fmt: off
DRAWS_OF = [
    ("avg",           1),
    ("pass@8",        8),
    ("pass^16",      16),
    ("g-pass@4:0.75", 4),
    ("mg-pass@32",   32),
    ("f1_maj@8",      8),
    ("acc_error",     1),
]
ODD_RUNS = {
    # what is odd:    marks of each problem, + for correct
    "all correct":    ("++++", "++++", "++++"),
    "all wrong":      ("----", "----"),
    "one problem":    ("+-+-",),
    "one sample":     ("+", "-", "+"),
    "one verdict":    ("-",),
    "ragged":         ("+", "+-+", "--+-+"),
    "no answers":     ("????", "????"),
    "one has many":   ("+", "+" * 70),
}
# fmt: on


def run_of(*marks, rewards=None, **meta):
    """Return problems, generations and verdicts: + is correct, ? no answer, others a wrong one."""
    problems, generations, verdicts = [], [], []
    for number, samples in enumerate(marks):
        own = {key: values[number] for key, values in meta.items()}
        problems.append(Problem(id=f"p{number}", question="q", gold=("1",), meta=own))
        for sample, mark in enumerate(samples):
            outcome = {"+": Outcome.CORRECT, "?": Outcome.NO_ANSWER}.get(mark, Outcome.WRONG)
            verdicts.append(
                Verdict(
                    problem_id=f"p{number}", sample=sample, outcome=outcome,
                    answer=None if mark == "?" else mark, rule="", note="", score=0.0,
                )
            )  # fmt: skip
            reward = None if rewards is None else rewards[number][sample]
            generations.append(
                Generation(
                    problem_id=f"p{number}", sample=sample, text="", finish_reason="stop",
                    reward=reward,
                )
            )  # fmt: skip
    return problems, generations, verdicts


def metrics_of(*marks, report=None, rewards=None, **meta):
    run = run_of(*marks, rewards=rewards, **meta)
    found = summarize("t", *run, key=str, report=report or PLAIN)
    return {metric.name: metric for metric in found if metric.slice == "all"}


def a_metric(**values):
    usual = {
        "task": "t", "slice": "all", "name": "own", "unit": Unit.SHARE, "value": 0.5, "low": 0.4,
        "high": 0.6, "se": 0.1, "problems": 1, "samples": 1, "method": "",
    }  # fmt: skip
    return Metric(**{**usual, **values})


# fmt: off
FOREIGN = [
    ([a_metric(name="avg")],              "avg of all of t, which is not its own"),
    ([a_metric(name="pass@9")],           "pass@9 of all of t, which is not its own"),
    ([a_metric(), a_metric()],            "own of all of t, which is not its own"),
    ([a_metric(task="other")],            "own of all of other, which is not its own"),
    ([a_metric(value=math.nan)],          "own, which is not finite"),
    (["own"],                             "str, which is not a Metric"),
]
# fmt: on


@pytest.mark.parametrize(("yielded", "says"), FOREIGN)
def test_a_family_yields_metrics_of_its_own_and_no_second_avg(monkeypatch, yielded, says):
    family = MetricFamily(estimate=lambda *_: iter(yielded))
    monkeypatch.setattr(summary, "FAMILIES", {"mine": family})
    with pytest.raises(PluginError, match=f"The family of metrics mine yields {re.escape(says)}"):
        metrics_of("+-", report=report_of(metrics=("mine",)))


# --- some, all, enough -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_every_curve_is_hypergeometric(n):
    correct, k = np.arange(n + 1)[:, None], np.arange(1, n + 1)[None]
    found = curves(n)
    assert found.pass_any == pytest.approx(hypergeom.sf(0, n, correct, k), abs=1e-11)
    assert found.pass_all == pytest.approx(hypergeom.sf(k - 1, n, correct, k), abs=1e-11)
    for tau, enough in zip(TAUS, found.g_pass, strict=True):
        least = np.ceil(tau * k)
        assert enough == pytest.approx(hypergeom.sf(least - 1, n, correct, k), abs=1e-11)


def test_rows_of_some_counts_are_those_of_all():
    every, some = curves(300), curves(300, (0, 17, 300))
    for name in ("pass_any", "pass_all", "mg_pass"):
        assert (getattr(every, name)[[0, 17, 300]] == getattr(some, name)).all()
    assert (np.stack(every.g_pass)[:, [0, 17, 300]] == np.stack(some.g_pass)).all()


@pytest.mark.slow
@given(st.integers(1, 24), st.data())
def test_a_curve_is_the_estimator_at_every_k(n, data):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    found = curves(n)
    at = c, k - 1
    assert found.pass_any[at] == pytest.approx(at_least(1, n, c, k), abs=1e-12)
    assert found.pass_all[at] == pytest.approx(at_least(k, n, c, k), abs=1e-12)
    assert found.g_pass[1][at] == pytest.approx(at_least(math.ceil(0.75 * k), n, c, k), abs=1e-12)
    mean = 2 / k * sum(at_least(hits, n, c, k) for hits in range((k + 1) // 2 + 1, k + 1))
    assert found.mg_pass[at] == pytest.approx(mean, abs=1e-12)


def at_least(hits, n, c, k):
    """Return by the definition the chance that k of n samples hold so many correct ones."""
    ways = (math.comb(c, i) * math.comb(n - c, k - i) for i in range(hits, min(k, c) + 1))
    return sum(ways) / math.comb(n, k)


@pytest.mark.slow
@given(st.integers(1, 40), st.data())
def test_mg_pass_is_the_sum_that_its_authors_publish(n, data):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    wanted = sum(hypergeom.sf(i - 1, n, c, k) for i in range(math.ceil(k / 2) + 1, k + 1))
    assert curves(n).mg_pass[c, k - 1] == pytest.approx(2 / k * wanted, abs=1e-12)


@pytest.mark.parametrize(("name", "k"), DRAWS_OF)
def test_the_number_of_draws_stands_in_the_name(name, k):
    assert find_metric(name).k == k


# --- votes -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_votes_of_a_thousand_samples_keep_their_digits():
    assert maj_curve(1, [1] * 499, 0) == pytest.approx(np.full(500, 0.002), abs=1e-10)
    assert maj_curve(250, [250, 250, 250], 0) == pytest.approx(np.full(1000, 0.25), abs=1e-10)
    right = maj_curve(600, [], 400)
    assert right == pytest.approx(curves(1000).pass_any[600], abs=1e-10)


def test_a_vote_of_two_is_avg_and_pass_in_equal_parts():
    curve = maj_curve(30, [20, 10, 4], 0)
    both, any_of_two = curves(64).pass_all[30, 1], curves(64).pass_any[30, 1]
    assert curve[1] == pytest.approx(both + (any_of_two - both) / 2, abs=1e-10)


SAMPLES = st.lists(
    st.tuples(st.sampled_from([0.1, 0.4, 0.4, 0.9]), st.sampled_from([0, 1, 2, None])),
    min_size=1,
    max_size=7,
)


@given(SAMPLES)
def test_the_best_by_reward_is_the_mean_over_all_subsets(samples):
    rewards, ballots = zip(*samples, strict=True)
    curve = best_curve(rewards, [ballot == 0 for ballot in ballots])
    for k in range(1, len(samples) + 1):
        credit = []
        for drawn in combinations(samples, k):
            most = max(reward for reward, _ in drawn)
            best = [ballot == 0 for reward, ballot in drawn if reward == most]
            credit.append(sum(best) / len(best))
        assert curve[k - 1] == pytest.approx(np.mean(credit))


def weighted(drawn):
    sums = {}
    for reward, ballot in drawn:
        if ballot is not None:
            sums[ballot] = round(sums.get(ballot, 0) + reward, 9)
    winners = [ballot for ballot, total in sums.items() if total == max(sums.values())]
    return (0 in winners) / len(winners) if winners else 0.0


@pytest.mark.slow
@given(SAMPLES)
def test_a_weighted_vote_is_near_the_mean_over_all_subsets_and_exact_for_all(samples):
    rewards, ballots = zip(*samples, strict=True)
    curve = vote_curve(rewards, ballots, draws=1000, seed="p")
    assert curve[-1] == pytest.approx(weighted(samples))
    for k in range(1, len(samples)):
        wanted = np.mean([weighted(drawn) for drawn in combinations(samples, k)])
        assert curve[k - 1] == pytest.approx(wanted, abs=0.08)


def test_a_weighted_vote_is_the_same_every_time():
    once, again = (vote_curve([1, 2, 3], [0, 1, 2], draws=50, seed="p") for _ in range(2))
    assert once.tolist() == again.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("right", "others"), [(3, [1] * 1200), (5, [2] * 500), (9, [3] * 90)])
def test_few_points_are_as_exact_as_many(monkeypatch, right, others):
    found = []
    for points in (64, 512, 1 << 20):
        monkeypatch.setattr("mathreason_eval.stats.estimators.votes._MAX_POINTS", points)
        votes._gauss.cache_clear()
        votes._maj_curve.cache_clear()
        found.append(maj_curve(right, others, 0))
    assert found[0] == pytest.approx(found[2], abs=1e-7)
    assert found[1] == pytest.approx(found[2], abs=2e-10)


def test_what_is_computed_at_a_time_changes_nothing(monkeypatch):
    rewards, ballots = [0.5, -1, 2, 0.5, 3, 1], [0, 1, None, 2, 0, 1]
    right = [ballot == 0 for ballot in ballots]
    found = []
    for cells in (1, 7, 1 << 20):
        monkeypatch.setattr("mathreason_eval.stats.estimators.votes._TABLE_CELLS", cells)
        found.append([*vote_curve(rewards, ballots, draws=50, seed="p")])
        found[-1] += [*best_curve(rewards, right).round(12)]
    assert found[0] == found[1] == found[2]


def test_votes_of_a_reward_model_stand_beside_plain_ones():
    rewards = [[0.9, 0.1, 0.2], [0.5, 0.9, 0.1]]
    found = metrics_of("+--", "-+x", rewards=rewards)
    values = [found[name].value for name in ("best@3", "vote@3", "maj@3")]
    assert values == pytest.approx([1, 1, 1 / 6])
    assert "every set of samples" in found["vote@2"].method
    assert "the one vote" in found["vote@3"].method
    many = metrics_of("+" * 13, rewards=[[0.1 * k for k in range(13)]])
    assert "seeded draws" in many["vote@2"].method


def test_rewards_that_are_missing_are_not_taken_for_zero():
    found = metrics_of("+-", "-+", rewards=[[1.0, 0.5], [1.0, None]])
    assert "best@2" not in found


# --- clusters --------------------------------------------------------------------------------


def clustered(seed, n=60, groups=17):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 9, n) / 8, rng.integers(0, groups, n)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_error_of_clusters_is_that_of_another_library(seed):
    api = pytest.importorskip("statsmodels.api")
    scores, groups = clustered(seed)
    oracle = api.OLS(scores, np.ones(len(scores))).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    mean = mean_of_scores(scores, groups.tolist())
    assert (mean.value, mean.se) == pytest.approx((oracle.params[0], oracle.bse[0]))
    amount = mean_of_amounts(scores + 10, groups.tolist())
    low, high = oracle.conf_int()[0] + 10
    assert (amount.low, amount.high) == pytest.approx((low, high))


def test_clusters_of_one_problem_each_change_nothing():
    scores, _ = clustered(1)
    assert mean_of_scores(scores, range(60)) == mean_of_scores(scores)


def test_copies_of_a_problem_in_one_cluster_tell_nothing_new():
    once = mean_of_scores([0.0, 1.0] * 30)
    copied = mean_of_scores([0.0, 1.0] * 30 * 3, [*range(60)] * 3)
    independent = mean_of_scores([0.0, 1.0] * 30 * 3)
    assert copied.se == pytest.approx(once.se)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.02)
    assert independent.high - independent.low < 0.6 * (copied.high - copied.low)


def test_a_few_clusters_that_are_all_right_are_few():
    assert mean_of_scores([1.0] * 300, [i // 100 for i in range(300)]).low < 0.7


def test_a_task_names_what_its_problems_share():
    report = report_of(cluster="source")
    found = metrics_of("+", "+", "-", "-", "+", report=report, source=[1, 1, 2, 2, 3])
    assert "3 clusters" in found["avg"].method
    assert found["avg"].problems == 5
    assert found["avg"].value == 0.6


# --- conditional on the problems -------------------------------------------------------------


@given(st.lists(st.integers(0, 8), min_size=1, max_size=60))
def test_the_conditional_interval_is_in_range_and_never_a_point(correct):
    samples = SampleMoments.from_counts(np.array(correct), np.full(len(correct), 8))
    mean = conditional_interval(mean_of_scores(samples.mean), samples)
    low, high, se = mean.conditional
    assert 0 <= low <= mean.value <= high <= 1
    assert low < high
    assert se >= 0


def test_the_seed_part_is_by_the_formula():
    c, n = np.array([1, 3, 4]), np.array([4, 4, 8])
    share = c / n
    wanted = math.sqrt((share * (1 - share) / (n - 1)).sum()) / 3
    samples = SampleMoments.from_counts(c, n)
    assert conditional_interval(mean_of_scores(share), samples).conditional[2] == pytest.approx(
        wanted
    )


def test_any_values_have_the_same_seed_part_as_shares():
    shares = SampleMoments.from_counts(np.array([1, 3]), np.array([4, 5]))
    values = SampleMoments.from_values([[1, 0, 0, 0], [1, 1, 1, 0, 0]])
    assert values.variance == pytest.approx(shares.variance)


def test_a_single_sample_says_nothing_of_its_noise():
    found = metrics_of("+-", "+")
    assert found["avg"].fixed_low is found["avg"].fixed_se is None


@pytest.mark.parametrize("samples", [2, 8, 64])
@pytest.mark.parametrize("shape", [(2, 2), (1.9, 0.1)])
def test_the_conditional_interval_holds_the_mean_chance(shape, samples):
    rng = np.random.default_rng(11)
    held = []
    for chances in rng.beta(*shape, (500, 30)):
        drawn = SampleMoments.from_counts(rng.binomial(samples, chances), np.full(30, samples))
        low, high, _ = conditional_interval(mean_of_scores(drawn.mean), drawn).conditional
        held.append(low <= chances.mean() <= high)
    assert 100 * np.mean(held) == pytest.approx(95, abs=3)


def test_the_show_line_adds_up():
    found = metrics_of(*["++++----"] * 10, *["++++++++"] * 10, *["--------"] * 10)
    line = variance_line(list(found.values()))
    assert line.startswith("93 % questions, 7 % samples: no n gets below ±14.3")
    assert variance_line([metrics_of("+", "-")["avg"]]) == ""


# --- Bayes, confidence, macro ----------------------------------------------------------------


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_bayes_is_the_beta_posterior(pairs):
    counts = [(right, right + wrong) for right, wrong in pairs]
    beta = pytest.importorskip("scipy.stats").beta
    each = [beta(right + 1, wrong + 1) for right, wrong in pairs]
    value, deviation = posterior(counts)
    assert value == pytest.approx(np.mean([one.mean() for one in each]))
    assert deviation == pytest.approx(math.sqrt(sum(one.var() for one in each)) / len(each))


def test_bayes_is_had_by_naming_it():
    found = metrics_of("++--", "++++", report=report_of(metrics=("bayes",)))
    assert found["bayes"].value == pytest.approx((3 / 6 + 5 / 6) / 2)
    assert found["bayes"].fixed_high < found["bayes"].high


VOTES = st.lists(
    st.tuples(st.integers(1, 8), st.sampled_from([0.0, 0.5, 1.0])), min_size=2, max_size=12
)


@pytest.mark.slow
@given(VOTES)
def test_confidence_is_measured_as_one_would_by_hand(rows):
    votes = [Vote(confidence=m / 8, credit=y, bin=math.ceil(m / 8 * 10) - 1) for m, y in rows]
    found = calibration_means(votes)
    gaps = [abs(sum(v.credit - v.confidence for v in votes if v.bin == one)) for one in range(10)]
    assert found["ece"].value == pytest.approx(sum(gaps) / len(votes))
    brier = [v.credit * (v.confidence - 1) ** 2 + (1 - v.credit) * v.confidence**2 for v in votes]
    assert found["brier"].value == pytest.approx(np.mean(brier))
    ordered = sorted(votes, key=lambda v: -v.confidence)
    rate = {
        v.confidence: np.mean([1 - w.credit for w in votes if w.confidence == v.confidence])
        for v in votes
    }
    risks = np.cumsum([rate[v.confidence] for v in ordered]) / np.arange(1, len(votes) + 1)
    assert found["aurc"].value == pytest.approx(risks.mean(), abs=1e-9)
    for mean in found.values():
        assert 0 <= mean.low <= mean.value <= mean.high <= 1
        assert mean.low < mean.high


def test_auroc_is_that_of_another_library():
    rng = np.random.default_rng(4)
    confidence = rng.integers(1, 17, 200) / 16
    right = rng.random(200) < confidence
    votes = [
        Vote(confidence=float(c), credit=float(y), bin=0)
        for c, y in zip(confidence, right, strict=True)
    ]
    statistic = pytest.importorskip("scipy.stats").mannwhitneyu(
        confidence[right], confidence[~right]
    )
    wanted = statistic.statistic / (right.sum() * (~right).sum())
    assert calibration_means(votes)["auroc"].value == pytest.approx(wanted)


def test_agreement_on_wrong_answers_is_not_confidence_in_right_ones():
    found = metrics_of("xxxx", "xxxx", "++ab", "++ab")
    assert found["auroc"].value == 0
    assert found["brier"].value == pytest.approx((1 + 1 + 0.25 + 0.25) / 4)


def test_macro_weighs_parts_alike():
    report = report_of(macro="subject")
    found = metrics_of("+", "+", "+", "-", report=report, subject=["a", "a", "a", "b"])
    assert (found["avg"].value, found["macro"].value) == (0.75, 0.5)


# --- fifty published samples of each problem -------------------------------------------------

# fmt: off
PUBLISHED = [
    # file,     correct, of,   pass@2 … pass@50, maj@2 … maj@50, per cent
    ("aime2024",     36, 1500, {2: 4.4, 8: 11.6, 50: 30.0}, {2: 2.5, 8: 3.7, 50: 3.3}),
    ("amc23",       288, 2000, {2: 22.9, 8: 43.8, 50: 67.5}, {2: 14.8, 8: 21.1, 50: 20.8}),
]
# fmt: on


def published(shared, name):
    """Return problems and the publisher's own verdicts on fifty samples of each."""
    folder = shared / "outputs_reasoning_gym" / "math_evals_n50"
    problems, verdicts = {}, []
    with gzip.open(folder / f"{name}__llama-3b-instruct-step_400.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            problems[row["id"]] = Problem(id=row["id"], question="", gold=(row["gold"],))
            outcome = Outcome.CORRECT if row["correct"] else Outcome.WRONG
            verdicts.append(
                Verdict(
                    problem_id=row["id"], sample=row["sample"], outcome=outcome,
                    answer=row["pred"] or None, rule="", note="", score=0.0,
                )
            )  # fmt: skip
    return list(problems.values()), verdicts


@pytest.mark.shared
@pytest.mark.parametrize(("name", "correct", "samples", "passes", "votes"), PUBLISHED)
def test_curves_of_published_samples(shared, name, correct, samples, passes, votes):
    problems, verdicts = published(shared, name)
    found = {m.name: m for m in summarize("t", problems, [], verdicts, key=canonical_key)}
    assert (found["avg"].value, found["avg"].samples) == (pytest.approx(correct / samples), samples)
    for family, wanted in (("pass", passes), ("maj", votes)):
        shown = {k: round(100 * found[f"{family}@{k}"].value, 1) for k in wanted}
        assert shown == wanted
    assert found["avg"].fixed_high - found["avg"].fixed_low < 0.03
    assert found["avg"].high - found["avg"].low > 0.09


@pytest.mark.slow
@pytest.mark.shared
def test_votes_of_published_samples_are_those_of_draws(shared):
    problems, verdicts = published(shared, "amc23")
    rng, k, draws = np.random.default_rng(8), 16, 4000
    exact, drawn = [], []
    for item in items_of(problems, [], verdicts, canonical_key, cluster=None):
        silent = item.n - sum(item.classes)
        exact.append(
            maj_curve(item.correct, item.classes[1:], silent)[k - 1] if item.correct else 0
        )
        ballots = rng.multivariate_hypergeometric((*item.classes, silent), k, draws)[:, :-1]
        winners = (ballots == ballots.max(axis=1, keepdims=True)) & (ballots > 0)
        credit = winners[:, 0] / winners.sum(axis=1).clip(1)
        drawn.append(credit.mean() if item.correct else 0)
    assert exact == pytest.approx(drawn, abs=0.04)
    assert np.mean(exact) == pytest.approx(np.mean(drawn), abs=0.004)


# --- odd runs --------------------------------------------------------------------------------


@pytest.mark.parametrize("marks", ODD_RUNS.values(), ids=ODD_RUNS.keys())
def test_an_odd_run_has_honest_figures(marks):
    found = metrics_of(
        *marks, report=report_of(metrics=("bayes",), macro="m"), m=[*range(len(marks))]
    )
    shares = [samples.count("+") / len(samples) for samples in marks]
    assert found["avg"].value == pytest.approx(sum(shares) / len(shares))
    for metric in found.values():
        assert 0 <= metric.low <= metric.value <= metric.high <= 1, metric
        assert metric.low < metric.high, metric
        assert metric.method
    most = max(map(len, marks))
    assert {f"{name}{k}" for name in ("pass@", "pass^", "maj@", "mg-pass@")
            for k in range(2, most + 1)} <= found.keys()  # fmt: skip


def test_the_terminal_is_not_buried():
    from rich.console import Console

    found = list(metrics_of(*["+-+-+-+-"] * 5, rewards=[[0.5] * 8] * 5).values())
    text = io.StringIO()
    print_table(Console(width=100, file=text), metric_table(found, 100))
    rows = [line.split() for line in text.getvalue().splitlines()]
    shown = [row[1] for row in rows if row[:1] == ["all"]]
    assert shown == [
        "avg", "pass@2", "pass@4", "pass@8", "pass^8", "maj@2", "maj@4", "maj@8", "best@8",
        "vote@8", "truncated", "no_answer", "ungradable",
    ]  # fmt: skip


def test_a_metric_of_an_older_folder_is_read():
    old = {"task": "t", "slice": "all", "name": "avg", "value": 0.5, "low": 0.4, "high": 0.6,
           "se": 0.1, "problems": 3, "samples": 3, "method": "wilson"}  # fmt: skip
    (read,) = converted(list[Metric], metrics_with_units([old]), "metrics.json")
    assert (read.fixed_low, read.unit) == (None, Unit.SHARE)
    (read,) = converted(list[Metric], metrics_with_units([{**old, "name": "pml"}]), "metrics.json")
    assert read.unit is Unit.AMOUNT


# --- vote@K over all sets ------------------------------------------------------------------------

# fmt: off
BALLOTED = [
    # rewards, ballots; 0 is the correct class
    ([0.9, 0.5, 0.3],            [1, 0, 0]),
    ([0.9, 0.6, 0.3],            [1, 0, 0]),         # ties
    ([1.0, 1.0, 2.0, 0.5],       [0, None, 1, 2]),
    ([-1.0, -2.0, -0.5],         [0, 1, None]),
    ([0.5, 0.5],                 [None, None]),
    ([1.0, 2.0, 3.0, 4.0, 5.0],  [2, 0, 1, 0, 2]),
]
# fmt: on


@pytest.mark.parametrize(("rewards", "ballots"), BALLOTED)
def test_a_vote_over_all_sets_is_the_mean_of_votes_over_each(rewards, ballots):
    n, found = len(rewards), exact_vote_curve(rewards, ballots)
    for k in range(1, n + 1):
        votes = [
            vote_curve([rewards[i] for i in some], [ballots[i] for i in some], draws=1, seed="")[-1]
            for some in combinations(range(n), k)
        ]
        assert found[k - 1] == pytest.approx(sum(votes) / len(votes))


def test_draws_are_of_many_samples_only():
    rewards = [((7 * i) % 5) / 5 for i in range(10)]
    ballots = [i % 3 for i in range(10)]
    drawn = vote_curve(rewards, ballots, draws=4000, seed="p")
    assert exact_vote_curve(rewards, ballots) == pytest.approx(drawn, abs=0.04)
