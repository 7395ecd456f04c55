"""How much a result depends on settings that should not matter: prompts, seeds, temperatures."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev
from typing import TypeVar

from mathreason_eval.types import Metric

NameT = TypeVar("NameT", bound=Hashable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """The values of one metric under several settings."""

    mean: float
    sd: float
    """Standard deviation between settings, noise of sampling included; same unit as the values."""
    beyond_noise: float | None
    """Standard deviation between settings without the noise of sampling, at least 0: that of the
    values less the mean of their squared standard errors on these problems. None where these are
    not known, as with one sample a problem."""
    worst: int
    """The place of the lowest value."""
    best: int


def spread(metrics: Sequence[Metric]) -> Spread:
    """Return the mean of the values of two settings or more, and how far they lie apart."""
    values = [one.value for one in metrics]
    noise = [one.fixed_se for one in metrics]
    sd = stdev(values)
    known = [one**2 for one in noise if one is not None]
    beyond = math.sqrt(max(0.0, sd**2 - fmean(known))) if len(known) == len(noise) else None
    return Spread(
        mean=fmean(values),
        sd=sd,
        beyond_noise=beyond,
        worst=values.index(min(values)),
        best=values.index(max(values)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """How often one of two models is above the other, over the settings that both have."""

    first: str
    second: str
    above: int
    """Settings in which the first has the higher value."""
    below: int
    settings: int
    """Of these some may be ties."""


def orders(values: Mapping[str, Mapping[NameT, float]]) -> tuple[Order, ...]:
    """Return for each pair of models how often the order of their mean holds.

    Args:
        values: by model and setting. The first of a pair is the one with the higher mean over the
            settings that both have; pairs that share none are left out.
    """
    found = []
    for one, other in combinations(values, 2):
        shared = values[one].keys() & values[other].keys()
        if not shared:
            continue
        gaps = [values[one][key] - values[other][key] for key in shared]
        if math.fsum(gaps) < 0:
            one, other, gaps = other, one, [-gap for gap in gaps]  # noqa: PLW2901  the pair turned
        found.append(
            Order(
                first=one,
                second=other,
                above=sum(gap > 0 for gap in gaps),
                below=sum(gap < 0 for gap in gaps),
                settings=len(gaps),
            )
        )
    return tuple(found)
