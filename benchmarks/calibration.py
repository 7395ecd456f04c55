"""Simulate the gate on real item difficulties: false alarms, wrong passes, power, coverage.

    python benchmarks/calibration.py SHARED [--pairs 4000]

    python benchmarks/calibration.py --synthetic [--pairs 4000]

The second form needs no data: it draws difficulties from Beta distributions, for the two questions
of the gate, and fails if a rate of errors is above alpha by more than chance (99.9 %) explains.

SHARED is the folder with `data` and its published outputs. A set of difficulties is a pool of real
problems of which so many of so many published samples are correct. For every pair of runs, problems
are drawn from the pool with replacement, and each gets a chance to be solved from its Jeffreys
posterior, Beta(correct + 1/2, wrong + 1/2): so no chance is exactly 0 or 1, and no two pairs have
the same problems. Then both runs are drawn. Decisions are those of `decide`: its bounds are
computed for all pairs at once, the exact test where they see a fall, and the first pairs of every
row are decided by `decide` itself as well, which must agree. Seeds are fixed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri
from scipy.stats import beta as beta_law
from scipy.stats import t as student

from mathreason_eval.gate.looks import Look, LookSchedule, look_reached
from mathreason_eval.stats.decision import Call, PairedTask, decide, suite_pairs
from mathreason_eval.stats.difference import Pair, difference, pseudo_variance
from mathreason_eval.stats.difficulty import (
    Difficulty,
    change_distribution,
    fit_difficulty,
    spread_of,
)
from mathreason_eval.stats.estimands import Estimand, fallen_noise, satterthwaite
from mathreason_eval.stats.intervals import (
    SampleMoments,
    conditional_interval,
    mean_of_scores,
    wilson,
)
from mathreason_eval.stats.power import GateSettings, bound_decisions, power, smallest_n

Array = NDArray[Any]
FILES = {
    "AIME 2024": ("outputs_reasoning_gym/math_evals_n50/aime2024__*",),
    "AMC 2023": ("outputs_reasoning_gym/math_evals_n50/amc23__*",),
    "MATH": ("outputs_qwen_maj/math_cot_100x8*",),
    "GSM8K": ("outputs_zeroeval/gsm8k/*", "outputs_gsmplus_gsm8k/gsm8k*"),
}
"""Of GSM8K a sample is one model's greedy answer, and its problems differ by 18 models."""
SETS = (("AIME 2024", 30), ("AMC 2023", 30), ("MATH", 500), ("GSM8K", 1319))
COUNTS = (1, 8)
ALPHAS = (0.01, 0.05)
POWERS = (0.4, 0.8)
"""Falls are chosen so that about these powers are promised."""
LOOKS = LookSchedule(samples=(8, 16, 32))
CHECKED = 25
"""Pairs of every row that `decide` itself decides."""
BASELINES = {30: 600, 500: 60, 1319: 60}
"""Runs from which power is promised, by their problems: with few, promises scatter."""
MARGIN = 0.01
OF_NEW = GateSettings(estimand=Estimand.NEW)
"""The gate's default settings, for the question about new problems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Real problems, by how many of their samples are correct."""

    name: str
    correct: Array
    number: Array

    @property
    def mean(self) -> float:
        """Return the mean chance to be solved."""
        return float(((self.correct + 0.5) / (self.number + 1)).mean())

    def chances(self, rng: Generator, pairs: int, problems: int) -> Array:
        """Return chances to be solved, a row for each pair of runs."""
        place = rng.integers(0, len(self.correct), (pairs, problems))
        return rng.beta(self.correct[place] + 0.5, (self.number - self.correct)[place] + 0.5)


def pool(shared: Path, name: str) -> Pool:
    """Return the problems of a set with their published labels."""
    counts: dict[str, list[int]] = {}
    for pattern in FILES[name]:
        for path in sorted((shared / "data").glob(pattern)):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for row in map(json.loads, lines):
                    label = row.get("correct", row.get("score"))
                    entry = counts.setdefault(str(row["id"]), [0, 0])
                    entry[0] += bool(label)
                    entry[1] += 1
    correct, number = np.array(list(counts.values())).T
    return Pool(name=name, correct=correct, number=number)


# --- pairs of runs ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """Pairs of runs: correct samples, a row for each pair, a column for each problem."""

    before: Array
    after: Array
    samples: tuple[int, int]

    @property
    def changes(self) -> Array:
        """Return after - before, in shares."""
        return self.after / self.samples[1] - self.before / self.samples[0]

    def pairs(self, row: int) -> list[Pair]:
        """Return one pair of runs as the gate sees it."""
        (old, new), both = self.samples, (self.before[row].tolist(), self.after[row].tolist())
        return [
            Pair(before=b / old, after=a / new, samples=self.samples)
            for b, a in zip(*both, strict=True)
        ]


def drawn(rng: Generator, chances: tuple[Array, Array], samples: tuple[int, int]) -> Runs:
    """Return pairs of runs of problems with such chances."""
    before, after = (rng.binomial(n, each) for n, each in zip(samples, chances, strict=True))
    return Runs(before=before, after=after, samples=samples)


def decisions(
    runs: Runs, alpha: float, margin: float = MARGIN, *, passes_only: bool = False
) -> Array:
    """Return what is decided of each pair of runs about new problems, as `decide` does.

    With `passes_only` a regression may read as inconclusive, which saves the exact tests.
    """
    changes = runs.changes
    totals, squares = changes.sum(axis=1), np.square(changes).sum(axis=1)
    rule = GateSettings(margin=margin, alpha=alpha, estimand=Estimand.NEW)
    passes, falls = bound_decisions(totals, squares, changes.shape[1], runs.samples, rule)
    falls = falls & (not passes_only)
    return decided(runs, (passes, falls), alpha, (margin, Estimand.NEW))


def decided(
    runs: Runs, bounds: tuple[Array, Array], alpha: float, how: tuple[float, Estimand]
) -> Array:
    """Return what is decided, given where the bounds alone see a pass and a fall.

    The first pairs, and all with a fall, are decided by `decide`, which has to agree.
    """
    (passes, falls), (margin, estimand) = bounds, how
    found = np.full(len(passes), Call.INCONCLUSIVE, dtype=object)
    found[passes] = Call.PASS
    exactly = {*np.flatnonzero(falls & ~passes).tolist(), *range(min(CHECKED, len(found)))}
    for row in exactly:
        question = PairedTask(pairs=runs.pairs(row), margin=margin, estimand=estimand)
        (decision,) = decide([question], alpha=alpha)
        if (decision.call == Call.PASS) != (found[row] == Call.PASS):
            raise AssertionError(f"Row {row} is {decision.call}, not {found[row]}.")
        found[row] = decision.call
    return found


def decisions_on_these(
    runs: Runs, alpha: float, margin: float, *, passes_only: bool = False
) -> Array:
    """Return what is decided of each pair of runs about these problems, as `decide` does."""
    (m, n), problems = runs.samples, runs.before.shape[1]
    before, after = runs.before / m, runs.after / n
    total = (after - before).sum(axis=1)
    noises = before * (1 - before) / (m - 1), after * (1 - after) / (n - 1)
    old, new = (noise.sum(axis=1) for noise in noises)
    squares = (noises[0] ** 2).sum(axis=1) / (m - 1) + (noises[1] ** 2).sum(axis=1) / (n - 1)
    freedom = np.array([satterthwaite(*each) for each in zip(old + new, squares, strict=True)])
    old += pseudo_variance(m) + pseudo_variance(n)
    scores = before.sum(axis=1)
    part = np.maximum(0.0, 1 - margin * problems / np.maximum(scores, 1e-9))
    own = (noises[0].sum(axis=1)) * m / n
    fallen = np.where(scores > 0, fallen_noise(scores / n, own, part), 0.0)
    distance, tested = total + margin * problems, old + np.maximum(new, fallen)
    passes = np.asarray(student.sf(distance / np.sqrt(tested), freedom) <= alpha)
    falls = np.asarray(student.sf(-total / np.sqrt(old + new), freedom) <= alpha)
    falls = falls & (not passes_only)
    return decided(runs, (passes, falls), alpha, (margin, Estimand.THESE))


def sequential(rng: Generator, chances: tuple[Array, Array], base: int, alpha: float) -> Array:
    """Return what is decided at the last of some looks, or at the first that is conclusive."""
    first = drawn(rng, chances, (base, LOOKS.samples[0]))
    before, after, had = first.before, first.after, LOOKS.samples[0]
    found = np.full(len(before), Call.INCONCLUSIVE, dtype=object)
    for count in LOOKS.samples:
        after = after + (rng.binomial(count - had, chances[1]) if count > had else 0)
        had = count
        look = look_reached(LOOKS, base, count)
        assert isinstance(look, Look)
        still = np.flatnonzero(found == Call.INCONCLUSIVE)
        runs = Runs(before=before[still], after=after[still], samples=(base, count))
        found[still] = decisions(runs, look.nominal(alpha))
    return found


def unpaired_alarms(runs: Runs, alpha: float) -> Array:
    """Return where the unpaired z-test, one-sided, sees a fall."""
    scores = runs.before / runs.samples[0], runs.after / runs.samples[1]
    n = scores[0].shape[1]
    variance = sum(score.var(axis=1, ddof=1) / n for score in scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = runs.changes.mean(axis=1) / np.sqrt(variance)
    return np.asarray(z <= ndtri(alpha))


def harder(chances: Array, fall: float) -> Array:
    """Return chances that are lower by so much in the mean, by the same on the logit scale."""
    logits = logit(np.clip(chances, 1e-12, 1 - 1e-12))
    few = logits.ravel()[:200_000]
    step = smallest_n(lambda x: expit(few).mean() - expit(few - x).mean(), fall, 0, 30, step=1e-5)
    assert step is not None
    for _ in range(8):  # Newton's steps from there, over all
        lower = expit(logits - step)
        step -= (float((chances - lower).mean()) - fall) / float((lower * (1 - lower)).mean())
    return np.asarray(expit(logits - step))


def lost(rng: Generator, chances: Array, fall: float) -> Array:
    """Return chances of which some, by lot, are zero, so that the mean is lower by so much."""
    return np.where(rng.random(chances.shape) < fall / chances.mean(), 0.0, chances)


# --- tables ----------------------------------------------------------------------------------


def share(hits: Array) -> str:
    """Return a share in per cent with Wilson's interval."""
    low, high = wilson(float(hits.mean()), len(hits))
    return f"{100 * hits.mean():.2f} [{100 * low:.2f}, {100 * high:.2f}]"


def percent(hits: Array) -> str:
    """Return a share in per cent."""
    return f"{100 * hits.mean():.1f}"


Row = Sequence[str]


def false_alarms(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs of runs without a difference."""
    yield (
        *("set", "N", "n", "gate, α = 1 %", "gate, α = 5 %", "z, 1 %", "z, 5 %"),
        *("drops > 1 pp", "drops > 2 pp", "passes, 1 %: new / these"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([1, problems, n])
            chances = one.chances(rng, pairs, problems)
            runs = drawn(rng, (chances, chances), (n, n))
            found = [decisions(runs, alpha) for alpha in ALPHAS]
            fell = runs.changes.mean(axis=1)
            these = "–"
            if n > 1:
                these = percent(passed_these(runs, MARGIN))
            yield (
                *(one.name, f"{problems:,}", str(n)),
                *(share(each == Call.REGRESSION) for each in found),
                *(percent(unpaired_alarms(runs, alpha)) for alpha in ALPHAS),
                *(percent(fell < -limit) for limit in (0.01, 0.02)),
                f"{percent(found[0] == Call.PASS)} / {these}",
            )
        rng = np.random.default_rng([2, problems])
        chances = one.chances(rng, pairs, problems)
        found = [sequential(rng, (chances, chances), 8, alpha) for alpha in ALPHAS]
        yield (
            *(one.name, f"{problems:,}", "8, 16, 32"),
            *(share(each == Call.REGRESSION) for each in found),
            *("", "", "", ""),
            f"{percent(found[0] == Call.PASS)} / –",
        )


def wrong_passes(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs whose true fall is the margin."""
    yield (
        *("set", "N", "n", "passes, α = 1 %", "passes, α = 5 %"),
        *("at looks 8, 16, 32, α = 5 %", "problems lost entirely, α = 1 %"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([3, problems, n])
            chances = one.chances(rng, pairs, problems)
            both = chances, harder(chances, MARGIN)
            runs = drawn(rng, both, (n, n))
            looks = n == LOOKS.samples[0]
            whole = drawn(rng, (chances, lost(rng, chances, MARGIN)), (n, n))
            yield (
                *(one.name, f"{problems:,}", str(n)),
                *(share(decisions(runs, alpha) == Call.PASS) for alpha in ALPHAS),
                share(sequential(rng, both, n, 0.05) == Call.PASS) if looks else "",
                share(decisions(whole, 0.01) == Call.PASS),
            )


def powers(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs with a fall that would be seen."""
    yield (
        *("set", "N", "n", "drop, pp", "predicted (sd)", "observed", "observed − predicted"),
        *("predicted from n = 1", "z", "observed, problems lost entirely"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([4, problems, n])
            base = rng.binomial(8, one.chances(rng, BASELINES[problems], problems))
            known = [fit_difficulty([(int(c), 8) for c in row]) for row in base]
            bound = [
                fit_difficulty([(int(c > rng.integers(0, 8)), 1) for c in row]) for row in base
            ]
            whole = fit_difficulty([(int(c), 8) for c in base.ravel()])
            for wanted in POWERS:
                fall = fall_seen(whole, problems, n, wanted)
                if fall is None:
                    continue
                yield power_row(rng, (one, problems, n), (known, bound), (round(fall, 3), pairs))


def fall_seen(known: Difficulty, problems: int, n: int, wanted: float) -> float | None:
    """Return about the fall that is seen with such a power; None if there is none."""

    def seen(fall: float) -> float:
        return power(
            change_distribution(known, fall, (n, n)), problems, GateSettings(estimand=Estimand.NEW)
        ).regression

    return smallest_n(seen, wanted, 0.001, 0.95 * known.mean, step=1e-4)


def power_row(
    rng: Generator,
    place: tuple[Pool, int, int],
    known: tuple[Sequence[Difficulty], Sequence[Difficulty]],
    asked: tuple[float, int],
) -> Row:
    """Return one row: power as it was promised from some baselines, and as it is."""
    (one, problems, n), (fall, pairs) = place, asked
    promised, least_promised = (
        np.array([
            power(change_distribution(each, fall, (n, n)), problems, OF_NEW).regression
            for each in some
            if fall < 0.98 * each.mean
        ])
        for some in known
    )  # fmt: skip
    chances = one.chances(rng, pairs, problems)
    runs = drawn(rng, (chances, harder(chances, fall)), (n, n))
    seen = decisions(runs, 0.01) == Call.REGRESSION
    whole = drawn(rng, (chances, lost(rng, chances, fall)), (n, n))
    return (
        *(one.name, f"{problems:,}", str(n), f"{100 * fall:.1f}"),
        f"{100 * promised.mean():.1f} ({100 * promised.std():.1f})",
        share(seen),
        f"{100 * (seen.mean() - promised.mean()):+.1f}",
        f"{100 * least_promised.mean():.1f}",
        percent(unpaired_alarms(runs, 0.01)),
        percent(decisions(whole, 0.01) == Call.REGRESSION),
    )


UNCHANGED = {"AIME 2024": 0.0021, "AMC 2023": 0.0061}
"""Variance of the changes of problems between two published checkpoints, beside sampling."""


def powers_of_these(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs with a fall on these problems, which change by themselves or not."""
    yield ("set", "N", "n", "problems change by, pp", "drop, pp", "predicted", "observed")
    for one, problems in pools:
        # Of the others no two checkpoints are known, or a sample is another model's.
        for between in (0.0, UNCHANGED[one.name]) if one.name in UNCHANGED else ():
            for n in (8, 32):
                rng = np.random.default_rng([8, problems, n])
                counts = zip(one.correct.tolist(), one.number.tolist(), strict=True)
                known = fit_difficulty([*counts])
                spread = spread_of(known, between)

                promised = partial(_promised, (known, spread), (n, problems))
                fall = smallest_n(promised, 0.8, 0.001, 0.95 * known.mean, step=1e-4)
                if fall is None:
                    continue
                chances = one.chances(rng, pairs, problems)
                own = spread * rng.standard_normal(chances.shape)
                moved = expit(logit(np.clip(chances, 1e-12, 1 - 1e-12)) + own)
                lower = harder(moved, fall + float(moved.mean() - chances.mean()))
                seen = decisions_on_these(drawn(rng, (chances, lower), (n, n)), 0.01, MARGIN)
                yield (
                    *(one.name, f"{problems:,}", str(n), f"{100 * between**0.5:.1f}"),
                    *(f"{100 * fall:.1f}", f"{100 * promised(fall):.1f}"),
                    share(seen == Call.REGRESSION),
                )


def _promised(model: tuple[Difficulty, float], size: tuple[int, int], fall: float) -> float:
    """Return the power on these problems; of a (difficulty, spread) and (samples, problems)."""
    (known, spread), (n, problems) = model, size
    change = change_distribution(known, fall, (n, n), spread=spread)
    return power(change, problems, GateSettings()).regression


def coverage(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield how often intervals of 95 % hold the truth."""
    yield (
        *("set", "N", "n", "avg, new problems", "avg, these problems"),
        *("difference 0", "difference −3 pp"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([5, problems, n])
            chances = one.chances(rng, pairs, problems)
            same = drawn(rng, (chances, chances), (n, n))
            fall = min(0.03, one.mean / 2)
            fell = drawn(rng, (chances, harder(chances, fall)), (n, n))
            yield (
                *(one.name, f"{problems:,}", str(n)),
                *covered_means(one, same, chances),
                covered(same, 0.0),
                covered(fell, -fall),
            )


def covered_means(one: Pool, runs: Runs, chances: Array) -> tuple[str, str]:
    """Return the coverage of both intervals of avg."""
    n = runs.samples[0]
    number = np.full(runs.before.shape[1], n)
    new, conditional = [], []
    for row, truth in zip(runs.before, chances.mean(axis=1), strict=True):
        mean = mean_of_scores(row / n)
        new.append(mean.low <= one.mean <= mean.high)
        if n > 1:
            low, high, _ = conditional_interval(
                mean, SampleMoments.from_counts(row, number)
            ).conditional or (0, 0, 0)
            conditional.append(low <= truth <= high)
    return share(np.array(new)), share(np.array(conditional)) if conditional else ""


def covered(runs: Runs, truth: float) -> str:
    """Return the coverage of the interval of the difference."""
    held = []
    for row in range(len(runs.before)):
        low, high = difference(runs.pairs(row)).interval()
        held.append(low <= truth <= high)
    return share(np.array(held))


# --- the two questions, on drawn difficulties --------------------------------------------------

DIFFICULTIES = {"saturated": (9, 0.3), "easy": (1.7, 0.3), "mixed": (0.3, 0.3), "hard": (0.3, 3)}
"""Parameters of Beta distributions, with means of 97, 85, 50 and 9 %."""
MARGINS = {30: (0.1, 0.05), 100: (0.05, 0.02), 200: (0.02, 0.01), 500: (0.02, 0.01), 1319: (0.01,)}
"""By problems: margins that an unchanged model may pass, and stricter ones."""
SYNTHETIC_COUNTS = ((1, 1), (1, 8), (2, 2), (8, 8), (64, 64))
"""Samples of the baseline and of the run."""
MOST_LOST = 0.8
"""Largest margin as a part of the mean score."""
CONFIDENCE = 0.999


class Rate:
    """Errors among pairs of runs; whether alpha is within the 99.9 % binomial interval."""

    above: int = 0
    """Rates so far that were above alpha by more than chance explains."""

    def __call__(self, hits: Array, alpha: float = 0.01) -> str:
        """Return a rate in per cent, with a mark if it is too high."""
        count, n = int(hits.sum()), len(hits)
        low = beta_law.ppf((1 - CONFIDENCE) / 2, count, n - count + 1) if count else 0.0
        Rate.above += bool(low > alpha)
        return f"{100 * count / n:.2f}{' !' if low > alpha else ''}"


rate = Rate()


def lost_exactly(rng: Generator, chances: Array, fall: float) -> Array:
    """Return chances of which some are zero, and one smaller, so that these fall by so much."""
    order = rng.random(chances.shape).argsort(axis=1)
    own = np.take_along_axis(chances, order, 1)
    gone = np.clip(fall * chances.shape[1] - (np.cumsum(own, 1) - own), 0, own)
    left = np.empty_like(chances)
    np.put_along_axis(left, order, own - gone, 1)
    return left


def two_questions(pairs: int) -> Iterator[Row]:
    """Yield the errors of both answers at alpha 1 %: false alarms, and wrong passes."""
    yield (
        *("difficulty", "N", "n", "margin, pp", "these: false alarms", "these: wrong passes"),
        *("these: problems lost whole", "new: false alarms", "new: wrong passes"),
        *("new: problems lost whole", "unchanged passes: these", "unchanged passes: new"),
    )
    for problems, margins in MARGINS.items():
        for samples in SYNTHETIC_COUNTS:
            for name, shape in DIFFICULTIES.items():
                for margin in margins:
                    if margin < MOST_LOST * shape[0] / sum(shape):
                        yield _errors((name, problems, samples), margin, pairs)


def largest_rates(pairs: int) -> Iterator[Row]:
    """Yield the largest rates of errors of `two_questions` by problems and samples."""
    head, *rows = two_questions(pairs)
    yield ("N", "n", "rows", *head[4:10])
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row[1], row[2]), []).append(row)
    for (problems, samples), some in groups.items():
        largest = (
            max((float(row[place].rstrip(" !")) for row in some if row[place]), default=None)
            for place in range(4, 10)
        )
        cells = ("–" if rate is None else f"{rate:.1f}" for rate in largest)
        yield (problems, samples, str(len(some)), *cells)


def passed_these(runs: Runs, margin: float) -> Array:
    """Return which pairs of runs pass about these problems."""
    return np.asarray(decisions_on_these(runs, 0.01, margin, passes_only=True) == Call.PASS)


def _errors(place: tuple[str, int, tuple[int, int]], margin: float, pairs: int) -> Row:
    name, problems, samples = place
    shape = DIFFICULTIES[name]
    mean = shape[0] / sum(shape)
    rng = np.random.default_rng([6, problems, *samples, int(1e6 * margin)])
    chances = rng.beta(*shape, (pairs, problems))
    same = drawn(rng, (chances, chances), samples)
    cells = [name, f"{problems:,}", "/".join(map(str, samples)), f"{100 * margin:g}"]
    of_these = of_new = [""] * 3
    unchanged = decisions(same, 0.01, margin)
    spoken = min(samples) > 1
    if spoken:
        own = chances.mean(axis=1, keepdims=True)
        by_part = drawn(rng, (chances, chances * np.maximum(0, 1 - margin / own)), samples)
        whole = drawn(rng, (chances, lost_exactly(rng, chances, margin)), samples)
        still = decisions_on_these(same, 0.01, margin)
        of_these = [
            rate(still == Call.REGRESSION),
            *(rate(passed_these(one, margin)) for one in (by_part, whole)),
        ]
    by_part = drawn(rng, (chances, chances * (1 - margin / mean)), samples)
    whole = drawn(rng, (chances, lost(rng, chances, margin * chances.mean() / mean)), samples)
    of_new = [
        rate(unchanged == Call.REGRESSION),
        *(
            rate(decisions(one, 0.01, margin, passes_only=True) == Call.PASS)
            for one in (by_part, whole)
        ),
    ]
    passed = percent(still == Call.PASS) if spoken else ""
    return (*cells, *of_these, *of_new, passed, percent(unchanged == Call.PASS))


SUITE = (6, 100, 4)
"""Tasks, problems of each, samples of each."""


def suites(pairs: int) -> Iterator[Row]:
    """Yield what is said of a suite, each pair of runs decided by `decide` itself."""
    yield (
        *("change", "any false alarm", "suite or task a regression", "a task, by Holm alone"),
        *("the suite passes (2 pp)", "all tasks pass (2 pp)"),
    )
    for name, falls in {
        "none": [0.0] * 6,
        "3 pp in every task": [0.03] * 6,
        "2 pp in every task": [0.02] * 6,
        "12 pp in one task": [0.12, *[0.0] * 5],
    }.items():
        found = [_suite(np.random.default_rng([7, n]), falls) for n in range(max(1, pairs // 5))]
        together, alone, suite, every = (np.array(column) for column in zip(*found, strict=True))
        wrong = name in {"2 pp in every task", "12 pp in one task"}
        yield (
            name,
            rate(together) if name == "none" else "",
            *(percent(one) for one in (together, alone)),
            rate(suite) if wrong else percent(suite),
            percent(every),
        )


def _suite(rng: Generator, falls: Sequence[float]) -> tuple[bool, bool, bool, bool]:
    """Return whether (any regresses, a task does without a suite, the suite passes, all pass)."""
    _, problems, n = SUITE
    tasks = []
    for fall in falls:
        chances = rng.beta(*DIFFICULTIES["easy"], (1, problems))
        runs = drawn(rng, (chances, chances * (1 - fall / chances.mean())), (n, n))
        tasks.append(PairedTask(pairs=runs.pairs(0), margin=0.02))
    row = PairedTask(
        pairs=suite_pairs([(k, task.pairs) for k, task in enumerate(tasks)]),
        margin=0.02,
        share=len(tasks),
    )
    *each, whole = decide([*tasks, row], alpha=0.01)
    holm = decide(tasks, alpha=0.01)
    return (
        any(one.call is Call.REGRESSION for one in (*each, whole)),
        any(one.call is Call.REGRESSION for one in holm),
        whole.call is Call.PASS,
        all(one.call is Call.PASS for one in each),
    )


SYNTHETIC = {
    "Two questions, alpha 1 % (%)": two_questions,
    "Two questions: the largest rates (%)": largest_rates,
    "A suite, alpha 1 % (%)": suites,
}


TABLES = {
    "False alarms: pairs without a difference (%)": false_alarms,
    f"Wrong passes: the true fall is the margin, {100 * MARGIN:g} pp (%)": wrong_passes,
    "Power of the gate, alpha 1 %, and what was promised (%)": powers,
    "Power on these problems, alpha 1 %, and what was promised (%)": powers_of_these,
    "Coverage of 95 % intervals (%)": coverage,
}


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", type=Path, nargs="?")
    parser.add_argument("--synthetic", action="store_true")
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--table", default="", help="Print tables with this word only.")
    options = parser.parse_args()
    if options.synthetic:
        for title, rows in SYNTHETIC.items():
            if options.table in title:
                _print(title, rows(options.pairs), options.pairs)
        raise SystemExit(1 if Rate.above else 0)
    if options.shared is None:
        parser.error("name the folder SHARED, or --synthetic")
    pools = [(pool(options.shared, name), problems) for name, problems in SETS]
    for one, _ in pools:
        spread = math.sqrt(float(np.var(one.correct / one.number)))
        print(f"{one.name}: {len(one.correct):,} problems, {one.number.mean():.0f} samples each, "
              f"mean {100 * one.mean:.1f} %, sd {100 * spread:.0f}")  # fmt: skip
    for title, table in TABLES.items():
        if options.table in title:
            _print(title, table(pools, options.pairs), options.pairs)


def _print(title: str, rows: Iterator[Row], pairs: int) -> None:
    started = time.perf_counter()
    print(f"\n{title}; {pairs:,} pairs a row\n")
    for number, row in enumerate(rows):
        print(f"| {' | '.join(row)} |", flush=True)
        if not number:
            print(f"|{'---|' * len(row)}")
    print(f"{title}: {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
