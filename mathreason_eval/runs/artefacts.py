"""What of a run's figures says more about its settings, or a server, than about the model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Protocol

from mathreason_eval.runs.reading import SampleKey
from mathreason_eval.stats.columns import SampleColumns, VerdictColumns, rows_of
from mathreason_eval.stats.summary import outcome_counts
from mathreason_eval.text.repetition import ends_in_repetition
from mathreason_eval.text.thinking import split_thinking
from mathreason_eval.types import (
    FAILED,
    NO_GOLD,
    FailedRequest,
    Generation,
    Outcome,
    RunManifest,
)

THINKING_TOKENS = 32_768
"""For a model that thinks: what the models of AIME tables are commonly given."""
MANY = 0.05
"""The share of a task's samples from which on a kind of them is said first: it may have moved the
accuracy by as much."""


class Kind(StrEnum):
    """Why samples are no right or wrong answers."""

    TRUNCATED = "truncated"
    """Cut off by max_tokens, or by the context."""
    UNFINISHED = "unfinished"
    """A thought that never ended, of texts of which nothing says that a limit cut them."""
    NO_ANSWER = "no_answer"
    """Complete, and without an answer that the task's rules find; refused ones are apart."""
    REFUSED = "refused"
    FAILED = "failed"
    """Requests without a sample, and those that were accepted as failures."""
    UNGRADABLE = "ungradable"
    """Undecided by the grader; those that there is no gold for are apart."""
    NO_GOLD = "no_gold"
    """Of problems of which another program's log has no gold."""
    GREEDY = "greedy"
    """Drawn at temperature 0 after sample 0 of the same problem, which they repeat."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Artefact:
    """Many samples of a task that say little of the model, for one reason."""

    task: str
    kind: Kind
    count: int
    of: int
    """Samples that the count is of: those judged, or of failures those asked for."""
    max_tokens: int | None
    """What the task's answers were allowed."""
    thinks: bool
    """Whether any of its samples has a thought; of thoughts that never ended the first of those
    that were cut are looked at."""
    looping: tuple[int, int] | None = None
    """Of samples that were cut off: (how many repeat themselves at the end, of how many that were
    looked at); None of other kinds."""

    @property
    def share(self) -> float:
        """Return the share of the samples, in [0, 1]."""
        return self.count / self.of

    @property
    def text(self) -> str:
        """Return what many samples are: `41 % of the samples of sums were cut off at 512 …`."""
        tokens = "max_tokens" if self.max_tokens is None else f"{self.max_tokens:,} tokens"
        what = _TEXTS[self.kind].format(tokens=tokens)
        return f"{100 * self.share:.0f} % of the samples of {self.task} {what}"

    @property
    def suggested_tokens(self) -> int | None:
        """Return what to allow where answers were cut; None where it is not known what was."""
        if self.max_tokens is None:
            return None
        more = 4 * self.max_tokens
        if self.max_tokens >= THINKING_TOKENS:
            return more
        return THINKING_TOKENS if self.thinks else min(more, THINKING_TOKENS)


_TEXTS = {
    Kind.TRUNCATED: "were cut off at {tokens}",
    Kind.UNFINISHED: "never end their thought, and nothing says that a limit cut them",
    Kind.NO_ANSWER: "hold no answer that the rules of the task find",
    Kind.REFUSED: "were refused by the model or a content filter",
    Kind.FAILED: "failed and have no text",
    Kind.UNGRADABLE: "could not be graded, and count as wrong",
    Kind.NO_GOLD: "are of problems without a gold, and count as wrong",
    Kind.GREEDY: "were drawn at temperature 0 and repeat sample 0",
}


class Judged(Protocol):
    """What is read of a run."""

    @property
    def manifest(self) -> RunManifest:
        """The run's manifest."""

    def tasks(self) -> tuple[str, ...]:
        """Return the names of its tasks."""

    def sample_columns(self, task: str) -> SampleColumns:
        """Return what is known of its samples without their texts."""

    def verdict_columns(self, task: str) -> VerdictColumns:
        """Return the verdicts on them."""

    def failures(self, task: str) -> Collection[FailedRequest]:
        """Return why samples are missing."""

    def asked_count(self, task: str) -> int:
        """Return how many samples were asked for."""

    def stream(self, task: str) -> Iterable[Generation]:
        """Yield the samples with their texts."""


def artefacts(run: Judged) -> tuple[Artefact, ...]:
    """Return the artefacts of a run, the most frequent first; of each task and kind one.

    Greedy copies are last: they leave the score as it is.
    """
    found = [one for task in run.tasks() for one in _of_task(run, task)]
    return tuple(sorted(found, key=lambda one: urgency([one])))


def urgency(found: Sequence[Artefact]) -> tuple[bool, float]:
    """Return by what artefacts of one kind are sorted, the most urgent first."""
    return found[0].kind is Kind.GREEDY, -max(one.share for one in found)


def _of_task(run: Judged, task: str) -> Iterator[Artefact]:
    samples = run.sample_columns(task)
    samples = samples[samples.distinct]
    verdicts = run.verdict_columns(task)
    outcomes = outcome_counts(verdicts)
    no_gold = int(verdicts.rule.where(lambda one: one == NO_GOLD).sum())
    refused = int(samples.is_refusal.sum())
    accepted = int(samples.is_ended_by(FAILED).sum())
    judged = len(verdicts)
    cut = _cut_by_length(samples, verdicts)
    ends = _ends(run, task, cut) if cut and len(cut) >= MANY * judged else _Ends()
    counts = {
        Kind.TRUNCATED: (len(cut), judged),
        Kind.UNFINISHED: (outcomes[Outcome.TRUNCATED] - len(cut), judged),
        Kind.NO_ANSWER: (outcomes[Outcome.NO_ANSWER] - refused - accepted, judged),
        Kind.REFUSED: (refused, judged),
        Kind.FAILED: (accepted + len(run.failures(task)), run.asked_count(task)),
        Kind.UNGRADABLE: (outcomes[Outcome.UNGRADABLE] - no_gold, judged),
        Kind.NO_GOLD: (no_gold, judged),
        Kind.GREEDY: (_greedy_copies(run, samples), len(samples)),
    }
    for kind, (count, of) in counts.items():
        if count > 0 and count >= MANY * of:
            yield Artefact(
                task=task,
                kind=kind,
                count=count,
                of=max(count, of),
                max_tokens=run.manifest.tasks[task].max_tokens,
                thinks=ends.has_thought or _has_thought(samples),
                looping=(ends.looping, ends.looked_at) if kind is Kind.TRUNCATED else None,
            )


_MOST_LOOKED_AT = 200
"""Samples that were cut off whose ends are looked at, the first: texts may be long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ends:
    """What the texts of some samples that were cut off show."""

    looked_at: int = 0
    looping: int = 0
    has_thought: bool = False


def _greedy_copies(run: Judged, held: SampleColumns) -> int:
    greedy = run.manifest.sampling.temperature == 0
    return int((held.sample > 0).sum()) if greedy else 0


def _cut_by_length(samples: SampleColumns, verdicts: VerdictColumns) -> AbstractSet[SampleKey]:
    """Return which samples are truncated and met a limit."""
    truncated = verdicts[verdicts.has_outcome(Outcome.TRUNCATED)]
    if not len(samples):
        return set()
    rows = rows_of(samples, truncated)
    met = (rows >= 0) & samples.is_ended_by("length")[rows]
    return set(truncated[met].sample_keys())


def _ends(run: Judged, task: str, cut: AbstractSet[SampleKey]) -> _Ends:
    samples = (one for one in run.stream(task) if (one.problem_id, one.sample) in cut)
    seen = [
        (ends_in_repetition(one.text or one.reasoning or ""), _has_unfinished_thought(one))
        for one in islice(samples, _MOST_LOOKED_AT)
    ]
    return _Ends(
        looked_at=len(seen),
        looping=sum(loops for loops, _ in seen),
        has_thought=any(thinks for _, thinks in seen),
    )


def _has_unfinished_thought(sample: Generation) -> bool:
    return not split_thinking(sample.text, sample.reasoning).finished


def _has_thought(samples: SampleColumns) -> bool:
    """Return whether any sample has a text or tokens of reasoning."""
    tokens = samples.reasoning_tokens[~samples.is_unknown("reasoning_tokens")]
    return bool(samples.has_reasoning.any()) or bool(tokens.any())
