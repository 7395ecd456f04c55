"""The samples of a file, read one by one, and which of the verdicts in a file are on them."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, KeysView, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import eq
from pathlib import Path
from typing import TYPE_CHECKING

from mathreason_eval.errors import RunError
from mathreason_eval.runs.codec import gc_paused, read_chunks
from mathreason_eval.stats.columns import SampleColumns, VerdictColumns, rows_of
from mathreason_eval.types import (
    Exclusion,
    Generation,
    GenerationInfo,
    StepRewards,
    Verdict,
    output_digest,
    spelled_end,
)

if TYPE_CHECKING:
    from mathreason_eval.stats.columns import Mask, Rows

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

    def has(self, samples: SampleColumns) -> Mask:
        """Return for each sample whether it is asked for."""
        indices = samples.sample
        in_range = (self._samples.start <= indices) & (indices < self._samples.stop)
        return samples.problem.where(self._problems.__contains__) & in_range

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


def read_samples(path: Path) -> Iterator[Generation]:
    """Yield the samples of a file; none where there is no file. Few are held at a time.

    Raises:
        RunError: as `read_chunks`.
    """
    for samples in read_chunks(path, Generation):
        yield from samples


def distinct(samples: Iterable[GenerationInfo]) -> dict[SampleKey, GenerationInfo]:
    """Return samples by problem and index; of several lines on one sample the first counts."""
    by_key: dict[SampleKey, GenerationInfo] = {}
    for sample in samples:
        by_key.setdefault((sample.problem_id, sample.sample), sample)
    return by_key


def without_excluded(samples: SampleColumns, excluded: Excluded) -> SampleColumns:
    """Return the samples that are not excluded."""
    import numpy as np

    if not excluded:
        return samples
    return samples[np.array([key not in excluded for key in samples.sample_keys()], bool)]


def with_rewards(samples: SampleColumns, rewards: Mapping[SampleKey, StepRewards]) -> SampleColumns:
    """Return samples with their rewards, where these are of their texts."""
    if not rewards:
        return samples
    digests, reward = samples.texts_digest.tolist(), samples.reward.copy()
    for row, key in enumerate(samples.sample_keys()):
        found = rewards.get(key)
        if found is not None and found.texts_digest == digests[row].hex():
            reward[row] = found.reward
    return replace(samples, reward=reward)


@contextmanager
def numbers_that_fit(path: Path) -> Iterator[None]:
    """Name the file in the error of a number that no column holds.

    Raises:
        RunError: if there is one.
    """
    try:
        yield
    except OverflowError:
        raise RunError(
            f"{path} has an index of a sample, or a number of tokens, of more than 64 bits.",
            "If it was edited by hand, undo that; or repeat its `mathreason run` with --repair.",
        ) from None


# --- which verdicts count --------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StoredVerdicts:
    """The verdicts in a file."""

    counting: VerdictColumns
    """Those that count, in the order of the file."""
    lines: Rows
    """The line of each in the file, from 0."""
    stored: int
    """How many the file holds, with those that do not count, and without those on samples that
    are excluded."""
    left_out: int
    """How many are on other samples than those that are stored, or by other rules."""
    are_all_tied: bool
    """Whether each of them says which sample was judged, as those of earlier folders do not."""


def sort_out(
    stored: Iterable[Sequence[Verdict]],
    samples: SampleColumns,
    judged_by: str | None,
    *,
    excluded: Excluded,
    others: bool,
) -> StoredVerdicts:
    """Return which verdicts count: on what is stored and by the present rules.

    Of several on one sample that is the last. One of an earlier folder does not say what was
    judged, and counts.

    Args:
        stored: the verdicts in the order of their file, some at a time.
        samples: those that count.
        judged_by: of the manifest's grading rules.
        excluded: the samples that are excluded, on which no verdict counts.
        others: whether there are samples that do not count, on which verdicts may be. Else a
            verdict on none that is stored is left to who reads it: something is amiss.
    """
    import numpy as np

    outputs: list[str | None] = []
    by: list[bool] = []

    def noted() -> Iterator[Sequence[Verdict]]:
        for rows in stored:
            outputs.extend(one.judged_output for one in rows)
            by.extend(one.judged_by == judged_by for one in rows)
            yield rows

    with gc_paused():
        every = VerdictColumns.of_chunks(noted())
    on = rows_of(samples, every)
    present = np.array(by, bool)
    untied = np.array([output is None for output in outputs], bool)
    tied = ~untied & (on >= 0)
    judged = (outputs[row] for row in np.flatnonzero(tied).tolist())
    tied[tied] = [*map(eq, judged, output_digests(samples[on[tied]]))]
    kept = np.ones(len(every), bool)
    if excluded:
        kept = np.array([key not in excluded for key in every.sample_keys()], bool)
    loose = untied | ((on < 0) & (not others))
    counts = kept & present & (loose | tied)
    last = _last_of_each(on, counts & ~loose)
    lines = np.flatnonzero(counts & loose | last)
    return StoredVerdicts(
        counting=every[lines],
        lines=lines,
        stored=int(kept.sum()),
        left_out=int((kept & ~counts).sum()),
        are_all_tied=not bool(untied[lines].any()),
    )


def output_digests(samples: SampleColumns) -> Iterator[str]:
    """Return the `output_digest` of each sample."""
    reasons, codes = samples.finish_reason.values, samples.finish_reason.codes
    ends = [spelled_end(one, refused=refused) for one in reasons for refused in (False, True)]
    ended = map(ends.__getitem__, (2 * codes + samples.is_refusal).tolist())
    return map(output_digest, samples.texts_digest.tolist(), ended)


def are_on_the_same(samples: SampleColumns, verdicts: VerdictColumns) -> bool:
    """Return whether verdicts, each on another sample, are on all samples and on no others."""
    on = rows_of(samples, verdicts)
    return bool((on >= 0).all()) and len(on) == len(samples.distinct)


def _last_of_each(on: Rows, counts: Mask) -> Mask:
    """Return whether a verdict is the last of those that count on one sample."""
    import numpy as np

    lines = np.flatnonzero(counts)[::-1]
    _, last = np.unique(on[lines], return_index=True)
    found = np.zeros(len(on), bool)
    found[lines[last]] = True
    return found
