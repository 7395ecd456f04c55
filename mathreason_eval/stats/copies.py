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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mathreason_eval.types import FAILED, AnyGeneration, Generation, GenerationInfo, Verdict

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


def copied_samples(generations: Iterable[AnyGeneration], *, greedy: bool) -> Copies:
    """Return which samples are copies.

    A sample is a copy of an earlier one if text and reasoning are equal on every problem that both
    have, and either the temperature is 0 or the texts of several problems are long: a model may
    give the same short answer twice.

    Args:
        generations: the samples of one task; of several lines on one sample the first counts.
            Failed requests are copies of nothing, as they have no text.
        greedy: whether the temperature is known to be 0.
    """
    by_index: dict[int, _Texts] = defaultdict(dict)
    failed: dict[int, set[str]] = defaultdict(set)
    for one in generations:
        if one.problem_id in by_index[one.sample] or one.problem_id in failed[one.sample]:
            continue
        if one.finish_reason == FAILED:
            failed[one.sample].add(one.problem_id)
        else:
            by_index[one.sample][one.problem_id] = one.texts_digest, one.length
    original: dict[int, int] = {}
    samples: set[tuple[str, int]] = set()
    alone = 0
    known: dict[int, _Texts] = {}
    for index in sorted(by_index):
        texts = by_index[index]
        found = (first for first, held in known.items() if _is_copy(held, texts, greedy))
        first = next(found, None)
        if first is None:
            known[index] = texts
            continue
        original[index] = first
        repeated = texts.keys() & known[first].keys()
        samples |= {(problem, index) for problem in repeated}
        alone += len(texts) - len(repeated) + len(failed[index])
        # A third sample may repeat this one where the first has none.
        known[first] = texts | known[first]
    repeats, compared = _repeats(by_index, samples, greedy)
    return Copies(
        original=original,
        samples=frozenset(samples),
        independent=len(known),
        alone=alone,
        repeats=repeats,
        compared=compared,
    )


def _repeats(
    by_index: Mapping[int, _Texts],
    left_out: Collection[tuple[str, int]],
    greedy: bool,  # noqa: FBT001  a flag handed on
) -> tuple[int, int]:
    """Return how many samples that count repeat an earlier one of their problem, and of how many.

    Short texts, which a model may give twice, are compared only if the temperature is 0.
    """
    repeats = compared = 0
    earlier: dict[str, set[bytes]] = defaultdict(set)
    for index in sorted(by_index):
        for problem, (digest, length) in by_index[index].items():
            if (problem, index) in left_out or not (greedy or length >= _LONG):
                continue
            known = earlier[problem]
            compared += bool(known)
            repeats += digest in known
            known.add(digest)
    return repeats, compared


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


_SampledT = TypeVar("_SampledT", Generation, GenerationInfo, AnyGeneration, Verdict)


def without_copies(records: Sequence[_SampledT], copies: Copies) -> Sequence[_SampledT]:
    """Return the records of samples that are not copies."""
    if not copies:
        return records
    return [one for one in records if (one.problem_id, one.sample) not in copies.samples]


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
