"""What of a run's figures says more about its settings, or a server, than about the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from mathreason_eval.grade.judge import NO_GOLD
from mathreason_eval.pipeline.max_tokens import THINKING_TOKENS
from mathreason_eval.runs.completeness import asked_samples
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.columns import SampleColumns
from mathreason_eval.stats.summary import outcome_counts
from mathreason_eval.text.repetition import ends_in_repetition
from mathreason_eval.types import FAILED, Outcome

MANY = 0.05
"""The share of a task's samples from which on a kind of them is said first: it may have moved the
accuracy by as much."""


class Kind(StrEnum):
    """Why samples are no right or wrong answers."""

    TRUNCATED = "truncated"
    """Cut off by max_tokens, or by the context."""
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
    """Whether any of its samples has a thought, finished or not."""
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
    counts = {
        Kind.TRUNCATED: (outcomes[Outcome.TRUNCATED], judged),
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
                thinks=_has_thought(samples),
                looping=_looping(run, task) if kind is Kind.TRUNCATED else None,
            )


_MOST_LOOKED_AT = 200
"""Samples that were cut off whose ends are looked at, the first: texts may be long."""


def _looping(run: Run, task: str) -> tuple[int, int]:
    verdicts = run.verdict_columns(task)
    cut = set(verdicts[verdicts.has_outcome(Outcome.TRUNCATED)].sample_keys())
    ends = (
        ends_in_repetition(one.text or one.reasoning or "")
        for one in run.stream(task)
        if (one.problem_id, one.sample) in cut
    )
    looked_at = list(islice(ends, _MOST_LOOKED_AT))
    return sum(looked_at), len(looked_at)


def _has_thought(samples: SampleColumns) -> bool:
    """Return whether any sample has a text or tokens of reasoning."""
    tokens = samples.reasoning_tokens[~samples.is_unknown("reasoning_tokens")]
    return bool(samples.has_reasoning.any()) or bool(tokens.any())
