"""The change of one metric between two runs: its interval and test, and the flipped problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from mathreason_eval.compare.pairing import PairedScores
from mathreason_eval.stats.difference import (
    Difference,
    Pair,
    bootstrap_interval,
    difference,
    t_quantile,
)
from mathreason_eval.stats.estimands import these_problems
from mathreason_eval.stats.estimators.totals import joint_bootstrap
from mathreason_eval.stats.exact_tests import exact_test, fisher
from mathreason_eval.stats.multiplicity import benjamini_hochberg, holm
from mathreason_eval.types import Unit

_OWN_KEYS = ("slice", "metric", "before", "after", "p", "test", "adjustment", "detectable")
_DIFFERENCE_KEYS = ("se", "problems", "clusters", "method")
_ALPHA, _POWER = 0.05, 0.8
"""(two-sided level, power) of the smallest detectable change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedChange:
    """The change on the problems that were compared, for which sampling is the only noise."""

    low: float
    high: float
    """The 95 % interval."""
    p: float
    """Two-sided p-value, null hypothesis: the mean chance of these problems is the same."""
    adjusted: float
    """The p-value adjusted over all contrasts that are tested together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contrast:
    """One metric in two runs, over the shared problems of one slice."""

    slice: str
    metric: str
    unit: Unit
    before: float
    after: float
    """Means over the shared problems."""
    difference: Difference
    """The mean of after - before."""
    bootstrap: tuple[float, float]
    """The paired bootstrap's 95 % interval."""
    p: float
    """Two-sided p-value, null hypothesis: no difference."""
    adjusted: float
    """The p-value adjusted over all contrasts that are tested together."""
    adjustment: str
    """Method of the adjustment, and the number of p-values."""
    test: str
    """Name of the test."""
    these: FixedChange | None = None
    """The change on these problems alone; None with one sample per problem, or if the noise of a
    sample is not known."""

    @property
    def is_sure(self) -> bool:
        """Return whether there is a change for problems like these, at 5 %."""
        return self.adjusted <= _ALPHA

    @property
    def is_sure_of_these(self) -> bool:
        """Return whether there is a change on these problems, at 5 %."""
        return self.these is not None and self.these.adjusted <= _ALPHA

    @property
    def detectable(self) -> float | None:
        """Return the minimum detectable change: by a test at 5 % with a power of 80 %.

        None where no change of a share is large enough.
        """
        freedom = self.difference.freedom
        quantiles = t_quantile(1 - _ALPHA / 2, freedom), t_quantile(_POWER, freedom)
        found = math.fsum(quantiles) * self.difference.se
        return found if found <= self.difference.bound else None

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        low, high = self.difference.interval()
        return {
            **{key: getattr(self, key) for key in _OWN_KEYS},
            **{key: getattr(self.difference, key) for key in _DIFFERENCE_KEYS},
            "difference": self.difference.value,
            "low": low,
            "high": high,
            "bootstrap_low": self.bootstrap[0],
            "bootstrap_high": self.bootstrap[1],
            "p_adjusted": self.adjusted,
            "these_problems": self.these and asdict(self.these),
        }


def contrast(where: str, scores: PairedScores) -> Contrast:
    """Return the change of a metric over the problems of a slice, its p not yet adjusted."""
    definition, pairs = scores.metric.definition, list(scores.pairs.values())
    n = len(pairs)
    found = difference(pairs, shares=definition.is_share)
    if definition.linear is not None:
        found = replace(found, method=f"{found.method}, delta method")
    elif definition.totals is not None or definition.value is not None:
        found = replace(found, method=f"{found.method}, jackknife")
    tested = exact_test(pairs, counted=definition.is_counted)
    return Contrast(
        slice=where,
        metric=scores.metric.name,
        unit=definition.unit,
        before=math.fsum(pair.before for pair in pairs) / n,
        after=math.fsum(pair.after for pair in pairs) / n,
        difference=found,
        bootstrap=_bootstrap(scores),
        p=tested.p,
        adjusted=tested.p,
        adjustment="none",
        test=tested.name,
        these=_fixed_change(pairs, counted=definition.is_counted),
    )


def _bootstrap(scores: PairedScores) -> tuple[float, float]:
    """Return the bootstrap's interval: that of the metric itself where it is a function of sums."""
    pairs = list(scores.pairs.values())
    if scores.totals is None:
        return bootstrap_interval(pairs)
    return joint_bootstrap(scores.totals, list(scores.pairs), [pair.cluster for pair in pairs])


def _fixed_change(pairs: Sequence[Pair], *, counted: bool) -> FixedChange | None:
    these = these_problems(pairs, counted=counted)
    if these is None:
        return None
    (low, high), p = these.interval(), these.two_sided_p()
    return FixedChange(low=low, high=high, p=p, adjusted=p)


_ADJUSTMENTS = {"Holm": holm, "Benjamini-Hochberg": benjamini_hochberg}


def adjust_p_values(contrasts: Sequence[Contrast], method: str) -> list[Contrast]:
    """Return contrasts with their p-values adjusted over all of them.

    Args:
        contrasts: all contrasts that are tested together.
        method: `Holm` or `Benjamini-Hochberg`.
    """
    adjust = _ADJUSTMENTS[method]
    ps = adjust([one.p for one in contrasts])
    fixed = iter(adjust([one.these.p for one in contrasts if one.these is not None]))
    how = f"{method} over {len(ps)}"
    return [
        replace(
            one,
            adjusted=p,
            adjustment=how,
            these=one.these and replace(one.these, adjusted=next(fixed)),
        )
        for one, p in zip(contrasts, ps, strict=True)
    ]


# --- flipped problems ------------------------------------------------------------------------

_SOLVED = 0.5
"""Minimum score of a solved problem, for scores of which the noise is not known."""
_ONE_FLIP = math.sqrt(2)
"""Strength of a single sample that was correct and is not: a weaker change is noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """A problem that changed between two runs by more than noise does."""

    problem_id: str
    before: float
    """Its score in the baseline."""
    after: float
    strength: float = 0.0
    """The change in standard errors, from the share of both runs together."""
    is_sure: bool = False
    """Whether this problem changed for sure: Fisher's exact test, by Holm over all problems."""

    @property
    def lost(self) -> bool:
        """Return whether its score is lower than it was."""
        return self.after < self.before


def flips(scores: PairedScores) -> tuple[Flip, ...]:
    """Return the problems that changed: lost ones first, the strongest change first.

    Of counted samples these are changes that are at least as strong as that of a single sample
    that was correct and is not: 4/4 to 2/4, but not 5/8 to 3/8. Other scores have to cross one
    half.
    """
    if scores.metric.definition.is_counted:
        found = _counted_flips(scores)
    else:
        found = [
            Flip(problem_id=name, before=before, after=after, strength=abs(after - before))
            for name, (before, after) in scores.own.items()
            if (before >= _SOLVED) != (after >= _SOLVED)
        ]
    return tuple(sorted(found, key=lambda flip: (not flip.lost, -flip.strength)))


def _counted_flips(scores: PairedScores) -> list[Flip]:
    names = [name for name, (before, after) in scores.own.items() if before != after]
    changed = [scores.pairs[name] for name in names]
    rest = len(scores.own) - len(names)
    ps = holm([*map(fisher, changed), *([1.0] * rest)])
    return [
        Flip(
            problem_id=name,
            before=pair.before,
            after=pair.after,
            strength=strength,
            is_sure=p <= _ALPHA,
        )
        for name, pair, p in zip(names, changed, ps, strict=False)
        if (strength := _strength(pair)) > _ONE_FLIP - 1e-9
    ]


def _strength(pair: Pair) -> float:
    """Return the change in standard errors, from the share of both runs together."""
    m, n = pair.samples
    share = (pair.before * m + pair.after * n) / (m + n)
    return abs(pair.change) / math.sqrt(share * (1 - share) * (1 / m + 1 / n))
