"""Pairs of simulated runs, and what the gate decides of thousands of them at once.

Decisions are those of `decide`: its bounds are computed for all pairs together, the exact test
where they see a fall, and the first pairs of every row are decided by `decide` itself as well,
which must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit, logit

from mathreason_eval.gate.looks import Look, LookSchedule, look_reached
from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.exact_tests import exchange_test, sign_flip
from mathreason_eval.stats.power import (
    GateSettings,
    NoiseSums,
    bound_decisions,
    bound_decisions_on_these,
)

Array = NDArray[Any]
LOOKS = LookSchedule(samples=(8, 16, 32))
CHECKED = 8
"""Pairs of every row that `decide` itself decides."""
MARGIN = 0.01


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


# --- what is decided -------------------------------------------------------------------------


def decisions(
    runs: Runs, alpha: float, margin: float = MARGIN, *, passes_only: bool = False
) -> Array:
    """Return what is decided of each pair of runs about new problems, as `decide` does.

    With `passes_only` a regression may read as inconclusive, which saves the exact tests.
    """
    changes = runs.changes
    totals, squares = changes.sum(axis=1), np.square(changes).sum(axis=1)
    rule = GateSettings(margin=margin, alpha=alpha, estimand=Estimand.NEW)
    bounds = bound_decisions(totals, squares, changes.shape[1], runs.samples, rule)
    question = PairedTask(pairs=(), margin=margin, estimand=Estimand.NEW, alpha=alpha)
    return _decided(runs, bounds, question, passes_only=passes_only)


def decisions_on_these(
    runs: Runs, alpha: float, margin: float = MARGIN, *, passes_only: bool = False
) -> Array:
    """Return what is decided of each pair of runs about these problems, as `decide` does."""
    before, after = runs.before / runs.samples[0], runs.after / runs.samples[1]
    sums = NoiseSums.of(before, after, runs.samples, lambda each: each.sum(axis=1))
    rule = GateSettings(margin=margin, alpha=alpha)
    bounds = bound_decisions_on_these(sums, before.shape[1], runs.samples, rule)
    question = PairedTask(pairs=(), margin=margin, estimand=Estimand.THESE, alpha=alpha)
    return _decided(runs, bounds, question, passes_only=passes_only)


def _decided(
    runs: Runs, bounds: tuple[Array, Array], question: PairedTask, *, passes_only: bool
) -> Array:
    """Return what is decided, given where the bounds alone see a pass and a fall."""
    passes, falls = bounds
    found = np.full(len(passes), Call.INCONCLUSIVE, dtype=object)
    found[passes] = Call.PASS
    assert question.alpha is not None
    for row in () if passes_only else np.flatnonzero(falls & ~passes).tolist():
        if _exact_p(runs, row, question.estimand) <= question.alpha:
            found[row] = Call.REGRESSION
    for row in range(min(CHECKED, len(found))):
        _check(found[row], runs.pairs(row), question, passes_only=passes_only)
    return found


def _exact_p(runs: Runs, row: int, estimand: Estimand | None) -> float:
    pairs, (old, new) = runs.pairs(row), runs.samples
    if estimand is Estimand.THESE:
        return exchange_test(pairs).less
    flips = sign_flip(pairs).less
    return flips if old == new else max(flips, exchange_test(pairs).less)


def _check(found: Call, pairs: list[Pair], question: PairedTask, *, passes_only: bool) -> None:
    task = PairedTask(pairs=pairs, margin=question.margin, estimand=question.estimand)
    assert question.alpha is not None
    (decision,) = decide([task], alpha=question.alpha)
    alike = decision.call == found
    if passes_only and Call.PASS not in {decision.call, found}:
        alike = True
    if not alike:
        raise AssertionError(f"`decide` says {decision.call}, not {found}.")


def sequential(
    rng: Generator,
    chances: tuple[Array, Array],
    base: int,
    level: tuple[float, float],
    of: Callable[..., Array] = decisions,
    *,
    passes_only: bool = False,
) -> Array:
    """Return what is decided at the last of some looks, or at the first that is conclusive.

    With `passes_only` a run goes on after a regression, and may pass later: never fewer passes.

    Args:
        rng: the source of the samples.
        chances: of both runs.
        base: the baseline's samples per problem.
        level: (alpha, margin).
        of: `decisions`, or `decisions_on_these`.
        passes_only: whether only passes are of interest.
    """
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
        found[still] = of(runs, look.nominal(level[0]), level[1], passes_only=passes_only)
    return found


# --- chances after a fall --------------------------------------------------------------------


FEW = 200_000
"""Chances of which a fall is found, before the last steps over all."""


def harder(chances: Array, fall: float) -> Array:
    """Return chances that are lower by so much in the mean, by the same on the logit scale."""
    logits = _logits(chances)
    few = logits.ravel()[:FEW]
    mean = float(expit(few).mean())
    step = _root(lambda x: mean - float(expit(few - x).mean()) - fall)
    for _ in range(8):  # Newton's steps from there, over all; each a small one.
        lower = expit(logits - step)
        slope = max(float((lower * (1 - lower)).mean()), 1e-9)
        step -= float(np.clip((float((chances - lower).mean()) - fall) / slope, -0.1, 0.1))
    return np.asarray(expit(logits - step))


def changed(rng: Generator, chances: Array, between: float) -> Array:
    """Return chances that each changed by itself, with such a variance of the changes."""
    if not between:
        return chances
    logits, noise = _logits(chances), rng.standard_normal(chances.shape)
    few, own, before = (each.ravel()[:FEW] for each in (logits, noise, chances))
    spread = _root(lambda x: float((expit(few + max(0.0, x) * own) - before).var()) - between)
    return np.asarray(expit(logits + spread * noise))


def _logits(chances: Array) -> Array:
    return np.asarray(logit(np.clip(chances, 1e-12, 1 - 1e-12)))


def _root(rising: Callable[[float], float]) -> float:
    """Return where an increasing function crosses zero, by bisection."""
    low, high = -30.0, 30.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def lost(rng: Generator, chances: Array, fall: float) -> Array:
    """Return chances of which some, by lot, are zero, so that the mean is lower by so much."""
    return np.where(rng.random(chances.shape) < fall / chances.mean(), 0.0, chances)


def lost_exactly(rng: Generator, chances: Array, fall: float) -> Array:
    """Return chances of which some are zero, and one smaller, so that these fall by so much."""
    order = rng.random(chances.shape).argsort(axis=1)
    own = np.take_along_axis(chances, order, 1)
    gone = np.clip(fall * chances.shape[1] - (np.cumsum(own, 1) - own), 0, own)
    left = np.empty_like(chances)
    np.put_along_axis(left, order, own - gone, 1)
    return left
