"""The samples of a file, read one by one, and which of the verdicts in a file are on them."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from mathreason_eval.runs.codec import gc_paused, read_chunks
from mathreason_eval.types import Exclusion, Generation, GenerationInfo, Records, Verdict

SampleKey = tuple[str, int]
"""(problem id, sample index)."""


class AskedSamples(Collection[SampleKey]):
    """The samples that a run asks for: of each problem those from 0 to a number.

    None is held in memory: a manifest may say any number.
    """

    def __init__(self, problems: KeysView[str], samples: int) -> None:
        self._problems = problems
        self._samples = range(samples)

    def __contains__(self, key: object) -> bool:
        """Return whether a sample is asked for."""
        # Asked of every sample that is stored: a pattern would take ten times as long.
        if not isinstance(key, tuple) or len(key) != len(("problem", "sample")):
            return False
        return key[0] in self._problems and key[1] in self._samples

    def count(self, keys: Iterable[SampleKey]) -> int:
        """Return how many of some samples are asked for."""
        problems, samples = self._problems, self._samples
        return sum(name in problems and sample in samples for name, sample in keys)

    def __iter__(self) -> Iterator[SampleKey]:
        """Yield them by problem, then by index."""
        return ((name, sample) for name in self._problems for sample in self._samples)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._problems) * len(self._samples)


class Excluded(Container[SampleKey]):
    """The samples that were excluded from a task."""

    def __init__(self, lines: Iterable[Exclusion]) -> None:
        """Take the lines of the file; of several on one sample the first counts."""
        self.problems: dict[str, str] = {}
        """The reason for each problem that is excluded as a whole."""
        self.samples: dict[SampleKey, str] = {}
        """The reason for each other sample."""
        for line in lines:
            if line.sample is None:
                self.problems.setdefault(line.problem_id, line.reason)
        for line in lines:
            if line.sample is not None and line.problem_id not in self.problems:
                self.samples.setdefault((line.problem_id, line.sample), line.reason)

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.problems or self.samples)

    def __contains__(self, key: object) -> bool:
        """Return whether a sample is excluded."""
        return isinstance(key, tuple) and (key[0] in self.problems or key in self.samples)

    def is_same(self, other: Excluded) -> bool:
        """Return whether another task excludes the same."""
        return (self.problems.keys(), self.samples.keys()) == (
            other.problems.keys(), other.samples.keys(),
        )  # fmt: skip


_AnyT = TypeVar("_AnyT", Generation, GenerationInfo)


def read_samples(path: Path) -> Iterator[Generation]:
    """Yield the samples of a file; none where there is no file. Few are held at a time.

    Raises:
        RunError: as `read_chunks`.
    """
    for samples in read_chunks(path, Generation):
        yield from samples


def without_texts(samples: Iterable[Generation]) -> Records[GenerationInfo]:
    """Return samples without their texts."""
    found: list[GenerationInfo] = []
    samples = iter(samples)
    with gc_paused():
        while some := [*islice(samples, _AT_ONCE)]:
            found += GenerationInfo.of_all(some)
        return Records(found)


_AT_ONCE = 1_000
"""Samples whose texts are held at once."""


def distinct(samples: Iterable[_AnyT]) -> dict[SampleKey, _AnyT]:
    """Return samples by problem and index; of several lines on one sample the first counts."""
    by_key: dict[SampleKey, _AnyT] = {}
    for sample in samples:
        by_key.setdefault((sample.problem_id, sample.sample), sample)
    return by_key


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredVerdicts:
    """The verdicts in a file."""

    counting: Records[Verdict]
    """Those that count, in the order of the file."""
    lines: int
    """How many there are, with those that do not count."""
    left_out: int
    """How many are on other samples than those that are stored, or by other rules."""


def sort_out(
    stored: Sequence[Verdict],
    samples: Mapping[SampleKey, GenerationInfo],
    judged_by: str | None,
    *,
    others: bool,
) -> StoredVerdicts:
    """Return which verdicts count: on what is stored and by the present rules, the last of each.

    One of an earlier folder does not say what was judged, and counts.

    Args:
        stored: the verdicts in the order of their file.
        samples: those that count.
        judged_by: of the manifest's grading rules.
        others: whether there are samples that do not count, on which verdicts may be. Else a
            verdict on none that is stored is left to who reads it: something is amiss.
    """
    counting: dict[object, Verdict] = {}
    left_out = 0
    for number, verdict in enumerate(stored):
        key = verdict.problem_id, verdict.sample
        sample = samples.get(key)
        if verdict.judged_by != judged_by:
            left_out += 1
        elif verdict.judged_output is None or (sample is None and not others):
            counting[number] = verdict
        elif sample is not None and verdict.judged_output == sample.output_digest:
            counting.pop(key, None)
            counting[key] = verdict
        else:
            left_out += 1
    found = Records(counting.values())
    return StoredVerdicts(counting=found, lines=len(stored), left_out=left_out)
