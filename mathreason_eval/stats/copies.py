"""Samples that are copies of one another: greedy sampling, or a server that ignores the seed.

Whether a sample index repeats another is decided for the whole task, never for one problem: leaving
out equal texts of single problems would leave out the answers that a model gives most often. Of an
index that does, what is left out on a problem is what repeats an earlier sample of that problem:
a problem whose earlier request failed has no other answer.

A server that repeats itself on a part of the problems only, as one with a cache does, cannot be
told from a model that often gives the same answer. Such samples count, and their number is
reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mathreason_eval.stats.columns import SampleColumns, VerdictColumns
from mathreason_eval.types import FAILED, AnyGeneration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mathreason_eval.stats.columns import Mask, Rows

_LONG = 100
"""Characters: two independent samples rarely share a text of this length."""
_MIN_LONG = 5
"""Minimum number of problems with such texts for two equal samples to be copies, and of repeated
texts that are worth a note."""
_NOTED_SHARE = 0.1
"""Minimum share of repeated texts that is worth a note."""

_Texts = dict[str, tuple[bytes, int]]
"""The digest of the texts of one sample of each problem, and their length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copies:
    """Which samples of a task repeat an earlier one. False where none does."""

    original: Mapping[int, int]
    """{index of a copy: index of the earlier sample that it repeats}."""
    samples: frozenset[tuple[str, int]]
    """(problem id, index) of each sample that repeats an earlier one of its problem."""
    independent: int
    """Number of indices that repeat none."""
    alone: int
    """Number of samples of these indices that count, as no earlier one of their problem is equal:
    its request failed, or their own did."""
    repeats: int = 0
    """Number of samples that count although an earlier one of their problem has the same text: a
    long one, unless the temperature is known to be 0."""
    compared: int = 0
    """Number of samples that could be such repeats."""

    def __bool__(self) -> bool:
        """Return whether any sample is a copy."""
        return bool(self.original)


def copied_samples(generations: Sequence[AnyGeneration] | SampleColumns, *, greedy: bool) -> Copies:
    """Return which samples are copies.

    A sample is a copy of an earlier one if text and reasoning are equal on every problem that both
    have, and either the temperature is 0 or the texts of several problems are long: a model may
    give the same short answer twice.

    Args:
        generations: the samples of one task; of several on one index the first counts. Failed
            requests are copies of nothing, as they have no text.
        greedy: whether the temperature is known to be 0.
    """
    import numpy as np

    samples = SampleColumns.of(generations)
    every = samples[samples.distinct]
    failed = every.is_ended_by(FAILED)
    answered = every[~failed]
    groups = _equal_texts(answered)
    original, repeated = _originals(answered[_may_be_copies(answered, groups, greedy)], greedy)
    left_out = np.zeros(len(answered), bool)
    if repeated:
        left_out[:] = [key in repeated for key in answered.sample_keys()]
    copied = np.isin(every.sample, [*original])
    repeats, compared = _repeats(answered, groups, ~left_out & _is_telling(answered, greedy))
    return Copies(
        original=original,
        samples=frozenset(repeated),
        independent=len({*every.sample.tolist()}) - len(original),
        alone=int(copied.sum()) - len(repeated),
        repeats=repeats,
        compared=compared,
    )


def _is_telling(samples: SampleColumns, greedy: bool) -> Mask:  # noqa: FBT001  a flag handed on
    """Return whether the text of a sample, if an earlier one has it too, says that one repeats."""
    return samples.length >= (0 if greedy else _LONG)


def _equal_texts(samples: SampleColumns) -> Rows:
    """Return a number for each sample that only those of its problem with equal texts share."""
    import numpy as np

    columns = *samples.texts_digest.view("<u8").reshape(-1, 2).T, samples.problem.codes
    # One number is sorted in a fifth of the time. Only if others have it by chance are all needed.
    number = columns[0] + columns[2].astype("<u8")
    order = np.argsort(number)
    differs = _differs(columns, order)
    if not np.array_equal(differs, _differs([number], order)):
        order = np.lexsort(columns)
        differs = _differs(columns, order)
    groups = np.zeros(len(samples), np.intp)
    groups[order[1:]] = differs.cumsum()
    return groups


def _differs(columns: Sequence[NDArray[Any]], order: Rows) -> Mask:
    """Return for each row but the first, in this order, whether it differs from that before it."""
    import numpy as np

    ordered = [column[order] for column in columns]
    parts: list[Mask] = [column[1:] != column[:-1] for column in ordered]
    differs: Mask = np.logical_or.reduce(parts)
    return differs


def _may_be_copies(samples: SampleColumns, groups: Rows, greedy: bool) -> Mask:  # noqa: FBT001
    """Return whether a sample has an index that others may repeat, or that may repeat others.

    Few indices do, which can be seen at once; what they repeat takes a look at each of their texts.
    """
    import numpy as np

    shared = np.bincount(groups)[groups] > 1
    enough = shared & _is_telling(samples, greedy)
    indices, counts = np.unique(samples.sample[enough], return_counts=True)
    return np.isin(samples.sample, indices[counts >= (1 if greedy else _MIN_LONG)])


def _originals(
    samples: SampleColumns,
    greedy: bool,  # noqa: FBT001  a flag handed on
) -> tuple[dict[int, int], set[tuple[str, int]]]:
    """Return {index of a copy: index that it repeats}, and each sample that repeats another."""
    by_index: dict[int, _Texts] = defaultdict(dict)
    digests, lengths = samples.texts_digest.tolist(), samples.length.tolist()
    for (problem, index), digest, length in zip(
        samples.sample_keys(), digests, lengths, strict=True
    ):
        by_index[index][problem] = digest, length
    original: dict[int, int] = {}
    repeated: set[tuple[str, int]] = set()
    known: dict[int, _Texts] = {}
    for index in sorted(by_index):
        texts = by_index[index]
        found = (first for first, held in known.items() if _is_copy(held, texts, greedy))
        first = next(found, None)
        if first is None:
            known[index] = texts
            continue
        original[index] = first
        repeated |= {(problem, index) for problem in texts.keys() & known[first].keys()}
        # A third sample may repeat this one where the first has none.
        known[first] = texts | known[first]
    return original, repeated


def _repeats(samples: SampleColumns, groups: Rows, telling: Mask) -> tuple[int, int]:
    """Return how many samples that count repeat an earlier one of their problem, and of how many.

    Short texts, which a model may give twice, are compared only if the temperature is 0.
    """
    import numpy as np

    number = int(telling.sum())
    # Both are counted by their numbers, which are small: sorting them would take longer.
    texts, problems = (
        int(np.count_nonzero(np.bincount(numbers[telling])))
        for numbers in (groups, samples.problem.codes)
    )
    return number - texts, number - problems


def _is_copy(first: _Texts, second: _Texts, greedy: bool) -> bool:  # noqa: FBT001  a flag handed on
    shared = 0
    long = 0
    for problem, texts in second.items():
        if problem not in first:
            continue
        if texts != first[problem]:
            return False
        shared += 1
        long += texts[1] >= _LONG
    return shared > 0 if greedy else long >= _MIN_LONG


ColumnsT = TypeVar("ColumnsT", SampleColumns, VerdictColumns)


def without_copies(rows: ColumnsT, copies: Copies) -> ColumnsT:
    """Return the samples, or the verdicts on samples, that are not copies."""
    import numpy as np

    if not copies:
        return rows
    return rows[np.array([key not in copies.samples for key in rows.sample_keys()], bool)]


def copies_note(copies: Copies) -> str:
    """Return a note on the copies: `samples 1 to 3 are copies of an earlier one …`."""
    names = sorted(copies.original)
    listed = str(names[0]) if len(names) == 1 else f"{names[0]} to {names[-1]}"
    if len(names) != names[-1] - names[0] + 1:
        listed = ", ".join(map(str, names))
    several = "s" if len(names) > 1 else ""
    verb = "are copies" if several else "is a copy"
    note = f"sample{several} {listed} {verb} of an earlier one and not counted"
    if copies.alone:
        note += f", except {copies.alone:,} that repeat{'' if copies.alone > 1 else 's'} none"
    return note


def repeats_note(copies: Copies) -> str | None:
    """Return a note on samples that count and repeat an earlier one, or None if these are few."""
    if copies.repeats < max(_MIN_LONG, _NOTED_SHARE * copies.compared):
        return None
    return (
        f"{copies.repeats:,} of {copies.compared:,} further samples have the text of an earlier "
        "one of their problem and are counted"
    )
