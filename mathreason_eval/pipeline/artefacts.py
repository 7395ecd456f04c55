"""What of a run's figures says more about its settings, or a server, than about the model."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from mathreason_eval.grade.judge import NO_GOLD
from mathreason_eval.pipeline.max_tokens import THINKING_TOKENS
from mathreason_eval.runs.completeness import asked_samples
from mathreason_eval.runs.reading import SampleKey
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.columns import SampleColumns, VerdictColumns, rows_of
from mathreason_eval.stats.summary import outcome_counts
from mathreason_eval.text.repetition import ends_in_repetition
from mathreason_eval.text.thinking import split_thinking
from mathreason_eval.types import FAILED, Generation, Outcome

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Artefact:
    """Many samples of a task that are neither right nor wrong, for one reason."""

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
    def suggested_tokens(self) -> int | None:
        """Return what to allow where answers were cut; None where it is not known what was."""
        if self.max_tokens is None:
            return None
        more = 4 * self.max_tokens
        if self.max_tokens >= THINKING_TOKENS:
            return more
        return THINKING_TOKENS if self.thinks else min(more, THINKING_TOKENS)


def artefacts(run: Run) -> tuple[Artefact, ...]:
    """Return the artefacts of a run, the most frequent first; of each task and kind one."""
    found = [one for task in run.tasks() for one in _of_task(run, task)]
    return tuple(sorted(found, key=lambda one: -one.share))


def _of_task(run: Run, task: str) -> Iterator[Artefact]:
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
        Kind.FAILED: (accepted + len(run.failures(task)), asked_samples(run, task)),
        Kind.UNGRADABLE: (outcomes[Outcome.UNGRADABLE] - no_gold, judged),
        Kind.NO_GOLD: (no_gold, judged),
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


def _cut_by_length(samples: SampleColumns, verdicts: VerdictColumns) -> AbstractSet[SampleKey]:
    """Return which samples are truncated and met a limit."""
    truncated = verdicts[verdicts.has_outcome(Outcome.TRUNCATED)]
    if not len(samples):
        return set()
    rows = rows_of(samples, truncated)
    met = (rows >= 0) & samples.is_ended_by("length")[rows]
    return set(truncated[met].sample_keys())


def _ends(run: Run, task: str, cut: AbstractSet[SampleKey]) -> _Ends:
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
