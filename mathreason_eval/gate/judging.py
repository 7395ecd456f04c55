"""A run against its baseline: an answer for each task, and one for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mathreason_eval.compare.flips import Flip, flips
from mathreason_eval.compare.pairing import (
    PairedScores,
    Pairing,
    metric_name,
    metric_of,
    pair,
    side,
)
from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.gate.config import Config, TaskRules
from mathreason_eval.gate.health import Check, State, health
from mathreason_eval.gate.looks import ONLY_LOOK, Look, look_reached
from mathreason_eval.gate.sample_size import RequiredSamples, required_samples
from mathreason_eval.gate.validity import flaws
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.decision import Call, Decision, PairedTask, decide
from mathreason_eval.stats.metrics import DEFAULT_METRIC


class Answer(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105  no password
    REGRESSION = "regression"
    """A task lost too much, or a limit of its health is broken."""
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"
    """Something else than the model differs, or a run is not whole."""


_MOST_SEVERE = (Answer.NOT_COMPARABLE, Answer.REGRESSION, Answer.INCONCLUSIVE, Answer.PASS)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskJudgement:
    """What is said of one task."""

    task: str
    rules: TaskRules
    obstacles: tuple[str, ...] = ()
    """Why it is not comparable, a phrase each."""
    notes: tuple[str, ...] = ()
    """What differs and was no obstacle."""
    look: Look | None = None
    """None if it has too few samples for the first look."""
    decision: Decision | None = None
    """None if it is not comparable or not looked at."""
    before: float = 0.0
    """Mean of the metric over the problems of both runs, in the baseline."""
    after: float = 0.0
    samples: tuple[int, int] = (0, 0)
    """Samples a problem that counted, in the baseline and in the run."""
    checks: tuple[Check, ...] = ()
    flips: tuple[Flip, ...] = ()
    required: RequiredSamples | None = None
    """Of an open question only."""

    @property
    def label(self) -> str:
        """Return the task's name, with the metric where that is not the accuracy."""
        metric = self.rules.metric
        return self.task if metric == DEFAULT_METRIC else f"{self.task}, {metric}"

    @property
    def answer(self) -> Answer:
        """Return what the scores say, whatever the task's health is."""
        if self.obstacles:
            return Answer.NOT_COMPARABLE
        return Answer(self.decision.call if self.decision else Call.INCONCLUSIVE)

    @property
    def broken(self) -> tuple[Check, ...]:
        """Return the limits that do not hold."""
        return tuple(check for check in self.checks if check.state is State.BROKEN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a gate says of a run."""

    before: Run
    after: Run
    config: Config
    tasks: tuple[TaskJudgement, ...]
    notes: tuple[str, ...] = ()
    """What is said of no single task."""

    @property
    def answer(self) -> Answer:
        """Return the most severe of all answers; nothing to gate is nothing to compare."""
        given = {task.answer for task in self.tasks} or {Answer.NOT_COMPARABLE}
        if any(task.broken for task in self.tasks):
            given.add(Answer.REGRESSION)
        return next(answer for answer in _MOST_SEVERE if answer in given)

    @property
    def next_look(self) -> int | None:
        """Return the samples a problem at which an open question is looked at next, if it is."""
        if self.answer is not Answer.INCONCLUSIVE or self.config.looks is None:
            return None
        reached = self.after.manifest.samples
        return next((count for count in self.config.looks.samples if count > reached), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    """A task that can be judged."""

    pairing: Pairing
    scores: PairedScores
    look: Look
    rules: TaskRules
    notes: tuple[str, ...]

    @property
    def paired_task(self) -> PairedTask:
        return PairedTask(
            pairs=list(self.scores.pairs.values()),
            margin=self.rules.margin,
            beyond_margin=self.rules.beyond_margin,
            alpha=self.rules.alpha,
            counted=self.scores.metric.definition.is_counted,
        )


def judge(before: Run, after: Run, config: Config) -> Judgement:
    """Return what the stored verdicts of two runs say of the change between them.

    Every task of the baseline is judged, unless the config leaves it out.

    Raises:
        UserError: if the config names a task or a metric that neither run has.
    """
    held = (*before.tasks(), *after.tasks())
    for name in config.tasks:
        if name not in held:
            raise UnknownNameError("task in these runs", name, held)
    gated = [task for task in before.tasks() if config.of(task).gated]
    seen = [_evidence(before, after, task, config) for task in gated]
    evidence = [one for one in seen if isinstance(one, _Evidence)]
    decisions = iter(_decide(evidence, config))
    return Judgement(
        before=before,
        after=after,
        config=config,
        tasks=tuple(
            _judged(one, next(decisions)) if isinstance(one, _Evidence) else one for one in seen
        ),
        notes=tuple(_notes(before, after, gated)),
    )


def _notes(before: Run, after: Run, gated: Sequence[str]) -> Iterator[str]:
    if not gated:
        yield "there is no task to gate"
    for task in after.tasks():
        if task not in before.tasks():
            yield f"{task} has no baseline and is not gated"
    for task in before.tasks():
        if task not in gated:
            yield f"{task} is left out, as the config says"


def _evidence(before: Run, after: Run, task: str, config: Config) -> _Evidence | TaskJudgement:
    """Return a task's scores side by side, or a judgement that there is nothing to decide yet."""
    rules = _rules(before, after, config.of(task), task)
    found = [
        *flaws(before, task, "the baseline"),
        *flaws(after, task, "the run"),
    ]
    if any(kind not in config.allow for kind, _ in found):
        phrases = tuple(phrase for kind, phrase in found if kind not in config.allow)
        return TaskJudgement(task=task, rules=rules, obstacles=phrases)
    look = look_reached(config.looks, before.manifest.samples, after.manifest.samples)
    votes = metric_of(before.manifest.tasks[task], rules.metric).definition.needs_votes
    pairing = pair(
        side(before, task, votes=votes),
        side(after, task, (look or ONLY_LOOK).samples, votes=votes),
    )
    found += pairing.obstacles.items()
    obstacles = [phrase for kind, phrase in found if kind not in config.allow]
    if not pairing.shared:
        obstacles.append("the runs have no problem in common")
    if obstacles or look is None:
        return TaskJudgement(task=task, rules=rules, obstacles=tuple(obstacles), look=look)
    allowed = [f"{phrase} (allowed)" for kind, phrase in found if kind in config.allow]
    return _Evidence(
        pairing=pairing,
        scores=_scores(pairing, rules.metric),
        look=look,
        rules=rules,
        notes=(*pairing.notes, *allowed),
    )


def _rules(before: Run, after: Run, rules: TaskRules, task: str) -> TaskRules:
    """Return a task's rules with the metric that it is compared by."""
    entries = [run.manifest.tasks[task] for run in (before, after) if task in run.tasks()]
    return replace(rules, metric=metric_name(rules.metric, entries))


def _scores(pairing: Pairing, metric: str) -> PairedScores:
    task = pairing.before.task
    definition = metric_of(pairing.before.entry, metric).definition
    if not definition.is_share or not definition.higher_is_better:
        raise UserError(
            f"The metric {metric!r} of {task} is no share of which more is better.",
            "The gate compares such: avg, pass@K, maj@K, f1 or a measure such as pa. `health:` "
            "watches what should not rise.",
        )
    try:
        scores = pairing.scores(metric)
    except ValueError:
        scores = None
    if scores is None or not scores.pairs:
        raise UserError(
            f"{task} has no metric {metric!r} in both runs.",
            "`mathreason show RUN --json` lists those of a run.",
        )
    return scores


def _decide(evidence: Sequence[_Evidence], config: Config) -> list[Decision]:
    if not evidence:
        return []
    return decide(
        [one.paired_task for one in evidence],
        alpha=config.usual.alpha,
        nominal=evidence[0].look.nominal,
    )


def _judged(evidence: _Evidence, decision: Decision) -> TaskJudgement:
    pairing, pairs, rules = evidence.pairing, evidence.scores.pairs, evidence.rules
    n = len(pairs)
    is_open = decision.call is Call.INCONCLUSIVE
    greedy = pairing.after.run.manifest.sampling.temperature == 0
    return TaskJudgement(
        task=pairing.before.task,
        rules=rules,
        notes=evidence.notes,
        look=evidence.look,
        decision=decision,
        before=sum(one.before for one in pairs.values()) / n,
        after=sum(one.after for one in pairs.values()) / n,
        samples=(
            max(one.samples[0] for one in pairs.values()),
            max(one.samples[1] for one in pairs.values()),
        ),
        checks=tuple(health(pairing, rules.limits, evidence.look.looks)),
        flips=flips(evidence.scores.own),
        required=required_samples(evidence.paired_task, decision, greedy=greedy)
        if is_open
        else None,
    )
