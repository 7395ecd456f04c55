"""Whether a change can be chance where two runs have different numbers of samples a problem."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.uncertainty.difference import Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST = 1 << 16
"""Steps of the change of all problems together, at most; finer changes are rounded."""
_NOISE = 1e-13
"""Below this a sum of rounded transforms says nothing; a smaller p is given as this."""

_Kind = tuple[int, int, int]
"""(correct samples of both runs, samples of the one, samples of the other)."""


def fall_by_exchange(pairs: Sequence[Pair], *, mid: bool = True) -> float:
    """Return the p, in (0, 1], of so large a fall if no problem changed: one-sided.

    If a problem did not change, each of its correct samples might as well stand in the other run:
    given how many there are, those of the one run follow the hypergeometric law. The law of the
    mean change is the convolution of those of all problems, exactly and without drawing (Fisher's
    exact test, stratified; Zelen 1971, Biometrika 58, 129-137).

    Student's t and the sign-flip test take changes to be as likely upwards as downwards. With
    eight samples in the one run and one in the other they are not, where problems are easy or hard.

    Args:
        pairs: problems whose scores are shares of correct samples.
        mid: count results as large as the one at hand by half (Lancaster 1961).
    """
    kinds = Counter(_kind(pair) for pair in pairs)
    steps = _steps(kinds)
    laws = {kind: _law(kind, steps) for kind in kinds}
    lowest = sum(min(laws[kind]) * count for kind, count in kinds.items())
    length = 1 + sum((max(laws[k]) - min(laws[k])) * count for k, count in kinds.items())
    chances = _chances(laws, kinds, length)
    own = sum(_step(pair.samples, _before(pair), _kind(pair)[0], steps) for pair in pairs) - lowest
    tail = float(chances[:own].sum()) + float(chances[own]) * (0.5 if mid else 1.0)
    return min(1.0, max(_NOISE, tail))


def _before(pair: Pair) -> int:
    return round(pair.before * pair.samples[0])


def _kind(pair: Pair) -> _Kind:
    return _before(pair) + round(pair.after * pair.samples[1]), *pair.samples


def _steps(kinds: Mapping[_Kind, int]) -> float:
    """Return in how many steps a score is counted: whole samples of both runs, if that can be."""
    finest = reduce(math.lcm, (size for _, *sizes in kinds for size in sizes), 1)
    changing = sum(count for (correct, *sizes), count in kinds.items() if 0 < correct < sum(sizes))
    return min(float(finest), _LONGEST / max(1, changing))


def _step(samples: tuple[int, int], before: int, correct: int, steps: float) -> int:
    """Return the change of a problem of which so many correct samples stand in the one run."""
    return round(((correct - before) / samples[1] - before / samples[0]) * steps)


def _law(kind: _Kind, steps: float) -> dict[int, float]:
    """Return the chance of each change, in steps, if samples are exchanged at random."""
    correct, *sizes = kind
    one, other = sizes
    ways = math.comb(one + other, correct)
    law: Counter[int] = Counter()
    for before in range(max(0, correct - other), min(one, correct) + 1):
        chance = math.comb(one, before) * math.comb(other, correct - before) / ways
        law[_step((one, other), before, correct, steps)] += chance  # type: ignore[assignment]
    return dict(law)


def _chances(
    laws: Mapping[_Kind, Mapping[int, float]], kinds: Mapping[_Kind, int], length: int
) -> NDArray[Any]:
    """Return the chance of each sum of all changes, from the lowest up."""
    import numpy as np

    # A power of two is transformed fastest; what it has too much stays empty.
    size = max(2, 1 << (length - 1).bit_length())
    wave = np.ones(size // 2 + 1, dtype=complex)
    for kind, count in kinds.items():
        law = laws[kind]
        line = np.zeros(size)
        for step, chance in law.items():
            line[step - min(law)] = chance
        wave *= np.fft.rfft(line) ** count
    return np.clip(np.fft.irfft(wave, n=size)[:length], 0.0, 1.0)
