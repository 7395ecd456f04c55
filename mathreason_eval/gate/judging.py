"""A run against its baseline: a conclusion for each task, and one for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from shlex import quote

from mathreason_eval.compare.contrast import Flip, flips
from mathreason_eval.compare.pairing import (
    PairedScores,
    Pairing,
    metric_name,
    metric_of,
    pair,
    task_run,
)
from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.gate.config import Config, SuiteRules, TaskRules
from mathreason_eval.gate.health import LimitCheck, LimitState, check_limits
from mathreason_eval.gate.looks import ONLY_LOOK, Look, look_reached
from mathreason_eval.gate.margins import auto_margin, is_auto, suite_margin
from mathreason_eval.gate.sample_size import (
    RequiredSamples,
    required_samples,
    unchanged_passes,
)
from mathreason_eval.runs.completeness import exclusions, faults, gaps
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.decision import Call, Decision, PairedTask, decide, suite_pairs
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.metrics import DEFAULT_METRIC


class Conclusion(StrEnum):
    """The conclusion of a gate, the most severe first; `answer` in its output files."""

    NOT_COMPARABLE = "not comparable"
    """The runs differ in more than the model, or one of them is incomplete."""
    REGRESSION = "regression"
    """A task's score dropped, or one of its health limits is broken."""
    INCONCLUSIVE = "inconclusive"
    PASS = "pass"  # noqa: S105  no password


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskJudgement:
    """The conclusion for one task, with its figures."""

    task: str
    rules: TaskRules
    obstacles: tuple[str, ...] = ()
    """Phrases that say why it is not comparable."""
    notes: tuple[str, ...] = ()
    """Phrases on differences that do not prevent a comparison."""
    look: Look | None = None
    """None if it has too few samples for the first look."""
    decision: Decision | None = None
    """None if it is not comparable or has not reached the first look."""
    before: float = 0.0
    """Mean of the metric over the problems of both runs, in the baseline."""
    after: float = 0.0
    samples: tuple[int, int] = (0, 0)
    """Samples per problem that count, in the baseline and in the run."""
    alone: bool = False
    """Whether the conclusion for the run depends on a pass of this task itself."""
    checks: tuple[LimitCheck, ...] = ()
    flips: tuple[Flip, ...] = ()
    required: RequiredSamples | None = None
    """What would decide the task; only for an inconclusive one that could have fallen."""

    turned: bool = False
    """Whether less of the metric is better, so that what is left to 1 is compared."""
    unchanged: float | None = None
    """How often an unchanged model would pass; only where an inconclusive answer matters."""

    @property
    def label(self) -> str:
        """Return the task's name, with the metric unless it is `avg`, and whether it counts."""
        metric = self.rules.metric
        shown = f"1 − {metric}" if self.turned else metric
        label = self.task if metric == DEFAULT_METRIC else f"{self.task}, {shown}"
        return f"{label} (advisory)" if self.rules.advisory else label

    @property
    def conclusion(self) -> Conclusion:
        """Return the conclusion from the scores alone, without the health limits."""
        if self.obstacles:
            return Conclusion.NOT_COMPARABLE
        return _concluded(self.decision, is_sensitive=self.is_sensitive)

    @property
    def is_sensitive(self) -> bool:
        """Return whether the score could have fallen by the margin."""
        return could_fall(self.before, self.rules.margin)

    @property
    def is_missed(self) -> bool:
        """Return whether its own pass is needed and not there."""
        return self.alone and self.conclusion is Conclusion.INCONCLUSIVE

    @property
    def counts(self) -> bool:
        """Return whether the conclusion for the run depends on this task."""
        return not self.rules.advisory

    @property
    def broken(self) -> tuple[LimitCheck, ...]:
        """Return the checks of broken limits."""
        return tuple(check for check in self.checks if check.state is LimitState.BROKEN)


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteJudgement:
    """The conclusion for all tasks together: for the mean of their changes."""

    rules: SuiteRules
    tasks: tuple[str, ...]
    """The tasks that could have fallen by their margins; the others are left out."""
    decision: Decision
    before: float
    """Mean of the tasks' metrics, by their weights, in the baseline."""
    after: float
    unchanged: float | None = None
    """How often an unchanged model would pass; only of an inconclusive one."""

    @property
    def conclusion(self) -> Conclusion:
        """Return the conclusion from the scores alone."""
        return _concluded(self.decision, is_sensitive=self.is_sensitive)

    @property
    def is_sensitive(self) -> bool:
        """Return whether the mean could have fallen by the margin."""
        return could_fall(self.before, self.rules.margin)


def could_fall(score: float, margin: float) -> bool:
    """Return whether a baseline's score could fall by a margin: whether it is above it."""
    return score > margin


def _concluded(decision: Decision | None, *, is_sensitive: bool) -> Conclusion:
    """Return what a decision says; nothing passes that could not have failed."""
    call = decision.call if decision else Call.INCONCLUSIVE
    if call is Call.PASS and not is_sensitive:
        return Conclusion.INCONCLUSIVE
    return Conclusion(call)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The conclusions for a run."""

    before: Run
    after: Run
    config: Config
    tasks: tuple[TaskJudgement, ...]
    suite: SuiteJudgement | None = None
    """None for a single task, or if every task must pass by itself."""
    notes: tuple[str, ...] = ()
    """Phrases that say which tasks are not gated."""

    @property
    def conclusion(self) -> Conclusion:
        """Return the most severe conclusion; not comparable if there is no task to gate.

        A task that is open does not count where the suite passes, unless it is required; an
        advisory one never does.
        """
        tasks = self.counted
        found = {task.conclusion for task in tasks} or {Conclusion.NOT_COMPARABLE}
        if any(task.broken for task in tasks):
            found.add(Conclusion.REGRESSION)
        if self.suite is not None:
            found.add(self.suite.conclusion)
            if not any(task.is_missed for task in tasks):
                found -= {Conclusion.INCONCLUSIVE} - {self.suite.conclusion}
        return next(conclusion for conclusion in Conclusion if conclusion in found)

    @property
    def counted(self) -> tuple[TaskJudgement, ...]:
        """Return the tasks that the conclusion depends on: all but advisory ones."""
        return tuple(task for task in self.tasks if task.counts)

    @property
    def next_look(self) -> int | None:
        """Return the samples per problem of an inconclusive run's next look, or None."""
        if self.conclusion is not Conclusion.INCONCLUSIVE or self.config.looks is None:
            return None
        if all(task.decision and not task.is_sensitive for task in self.counted):
            return None  # No number of samples makes them able to fall.
        reached = self.reached
        return next((count for count in self.config.looks.samples if count > reached), None)

    @property
    def reached(self) -> int:
        """Return the samples per problem that every task that counts was asked for."""
        return samples_reached(self.after, [task.task for task in self.counted])[0]


def samples_reached(run: Run, tasks: Sequence[str]) -> tuple[int, int]:
    """Return the fewest and the most samples per problem that tasks of a run were asked for."""
    held = [run.manifest.tasks[task].samples for task in tasks if task in run.manifest.tasks]
    return min(held, default=0), max(held, default=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Testable:
    """A task whose scores can be tested."""

    pairing: Pairing
    scores: PairedScores
    look: Look
    rules: TaskRules
    notes: tuple[str, ...]
    alone: bool
    """Whether its own pass is needed."""
    estimand: Estimand | None
    """The question that decides; None for these problems where they can be spoken of."""

    @property
    def task(self) -> str:
        return self.pairing.before.task

    @property
    def pairs(self) -> list[Pair]:
        return list(self.scores.pairs.values())

    @property
    def counted(self) -> bool:
        return self.scores.metric.definition.is_counted

    @property
    def before(self) -> float:
        return sum(pair.before for pair in self.pairs) / len(self.pairs)

    @property
    def is_sensitive(self) -> bool:
        return could_fall(self.before, self.rules.margin)

    @property
    def paired_task(self) -> PairedTask:
        return PairedTask(
            pairs=self.pairs,
            margin=self.rules.margin,
            beyond_margin=self.rules.beyond_margin,
            alpha=self.rules.alpha,
            counted=self.counted,
            estimand=self.estimand,
        )


def judge(before: Run, after: Run, config: Config) -> Judgement:
    """Return the conclusions on the change between two runs, from their stored verdicts.

    Every task of the baseline is judged unless the config excludes it.

    Raises:
        UserError: if the config names a task or a metric that neither run has.
    """
    known = (*before.tasks(), *after.tasks())
    for name in config.tasks:
        if name not in known:
            raise UnknownNameError("task in these runs", name, known)
    gated = [task for task in before.tasks() if config.rules_for(task).gated]
    # All tasks are judged at one look, which each must have reached. A larger baseline makes the
    # looks depend less on each other, and their levels stricter.
    counted = [task for task in gated if not config.rules_for(task).advisory]
    _, baseline = samples_reached(before, counted)
    reached, _ = samples_reached(after, counted)
    look = look_reached(config.looks, baseline, reached)
    tasks = [_paired(before, after, task, config, look) for task in gated]
    testable = [one for one in tasks if isinstance(one, _Testable)]
    binding = [one for one in testable if not one.rules.advisory]
    row = _suite_row(binding, config) if len(counted) > 1 else None
    nominal = (look or ONLY_LOOK).nominal

    def decided(some: Sequence[PairedTask]) -> list[Decision]:
        return decide(some, alpha=config.default_rules.alpha, nominal=nominal)

    decisions = decided([*(one.paired_task for one in binding), *([row] if row else [])])
    found = {one.task: each for one, each in zip(binding, decisions, strict=False)}
    # An advisory task takes no part of the alpha of the others.
    apart = [one for one in testable if one.rules.advisory]
    found |= {one.task: decided([one.paired_task])[0] for one in apart}
    return Judgement(
        before=before,
        after=after,
        config=config,
        tasks=tuple(
            _judged(one, found[one.task]) if isinstance(one, _Testable) else one for one in tasks
        ),
        suite=_suite(binding, row, decisions[len(binding) :], config),
        notes=tuple(_notes(before, after, gated, counted)),
    )


# --- all tasks together ----------------------------------------------------------------------


def _suite_row(testable: Sequence[_Testable], config: Config) -> PairedTask | None:
    """Return the pairs of all tasks that could have fallen; None if there is no such row."""
    parts = [one for one in testable if one.is_sensitive]
    if config.suite is None or not parts:
        return None
    named = [(one.task, one.pairs) for one in parts]
    return PairedTask(
        pairs=suite_pairs(named, by_problem=config.suite.by_problem),
        margin=_suite_margin(parts, config.suite, config),
        beyond_margin=config.default_rules.beyond_margin,
        counted=all(one.counted for one in parts),
        estimand=_fixed_estimand(config, config.default_rules),
        # Half of alpha is for the row, the other half is divided among the tasks.
        share=len(testable),
    )


def _suite_margin(parts: Sequence[_Testable], rules: SuiteRules, config: Config) -> float:
    if not is_auto(rules.margin):
        return rules.margin
    sizes = [(_smallest_margin(one, config), len(one.pairs)) for one in parts]
    return suite_margin(sizes, by_problem=rules.by_problem)


def _smallest_margin(task: _Testable, config: Config) -> float:
    """Return the smallest margin that an unchanged model passes; its own where none is known."""
    if not task.counted:
        return task.rules.margin
    rules = task.rules.alpha, task.estimand
    return _auto_margin(task.pairing, task.scores, rules, config)


def _suite(
    testable: Sequence[_Testable],
    row: PairedTask | None,
    decisions: Sequence[Decision],
    config: Config,
) -> SuiteJudgement | None:
    if row is None or config.suite is None:
        return None
    decision = decisions[0]
    is_open = decision.call is Call.INCONCLUSIVE
    return SuiteJudgement(
        rules=replace(config.suite, margin=row.margin),
        tasks=tuple(one.task for one in testable if one.is_sensitive),
        decision=decision,
        unchanged=unchanged_passes(row, decision) if is_open else None,
        before=sum(pair.before for pair in row.pairs) / len(row.pairs),
        after=sum(pair.after for pair in row.pairs) / len(row.pairs),
    )


_MIN_SAMPLES = 2
"""Samples of a problem in either run without which its own noise is not known."""


def _fixed_estimand(config: Config, rules: TaskRules) -> Estimand | None:
    """Return which question decides: with looks the same one at all of them."""
    if rules.estimand is None and config.looks and config.looks.samples[0] < _MIN_SAMPLES:
        return Estimand.NEW
    return rules.estimand


def _notes(before: Run, after: Run, gated: Sequence[str], counted: Sequence[str]) -> Iterator[str]:
    if not counted:
        yield "there is no task to gate" + (": all are advisory" if gated else "")
    elif advisory := [task for task in gated if task not in counted]:
        yield f"advisory, which changes no answer: {', '.join(advisory)}"
    for task in after.tasks():
        if task not in before.tasks():
            yield f"{task} has no baseline and is not gated"
    for task in before.tasks():
        if task not in gated:
            yield f"{task} is excluded by the config"


# --- what can be tested ----------------------------------------------------------------------


def _paired(
    before: Run, after: Run, task: str, config: Config, look: Look | None
) -> _Testable | TaskJudgement:
    """Return a task's paired scores, or its judgement if there is nothing to test (yet)."""
    rules, allow = _resolved_rules(before, after, config.rules_for(task), task), config.allow
    found = [
        *_validity_errors(before, task, "the baseline"),
        *_validity_errors(after, task, "the run"),
        *_unlike_exclusions(before, after, task),
    ]
    counted = [
        name
        for name in before.tasks()
        if config.rules_for(name).gated and not config.rules_for(name).advisory
    ]
    alone = not rules.advisory and (rules.required or config.suite is None or len(counted) == 1)
    if obstacles := tuple(phrase for kind, phrase in found if kind not in allow):
        return TaskJudgement(task=task, rules=rules, obstacles=obstacles)
    pairing = pair(
        task_run(before, task, checked=True),
        task_run(after, task, (look or ONLY_LOOK).samples, checked=True),
    )
    found += pairing.obstacles.items()
    obstacles = tuple(phrase for kind, phrase in found if kind not in allow)
    if not pairing.shared:
        obstacles += ("the runs have no problem in common",)
    if obstacles or look is None:
        return TaskJudgement(task=task, rules=rules, obstacles=obstacles, look=look, alone=alone)
    allowed = (f"{phrase} (allowed)" for _, phrase in found)
    scores = _scores(pairing, rules.metric)
    estimand = _fixed_estimand(config, rules)
    if is_auto(rules.margin):
        margin = _auto_margin(pairing, scores, (rules.alpha, estimand), config)
        rules = replace(rules, margin=margin)
    return _Testable(
        pairing=pairing,
        scores=scores,
        look=look,
        rules=rules,
        notes=(*pairing.notes, *_same_exclusions(before, after, task), *allowed),
        alone=alone,
        estimand=estimand,
    )


def _unlike_exclusions(before: Run, after: Run, task: str) -> Iterator[tuple[str, str]]:
    """Yield what only one of two runs excludes, which is as good as missing.

    A folder may come from somebody who would like its failures to be left out.
    """
    if not all(task in run.manifest.tasks for run in (before, after)):
        return
    if not before.excluded(task).is_same(after.excluded(task)):
        for run, role in ((before, "the baseline"), (after, "the run")):
            yield from (("missing", phrase) for phrase in exclusions(run, task, role))


def _same_exclusions(before: Run, after: Run, task: str) -> Iterator[str]:
    """Yield what both of two runs exclude, and why, if it is the same."""
    if before.excluded(task).is_same(after.excluded(task)):
        yield from exclusions(after, task, "the run, and of the baseline the same,")


def _auto_margin(
    pairing: Pairing, scores: PairedScores, rules: tuple[float, Estimand | None], config: Config
) -> float:
    """Return the smallest margin that an unchanged model passes, at the last look."""
    task = pairing.before.task
    if not scores.metric.definition.is_counted:
        raise UserError(
            f"margin: auto is for avg; {task} is compared by {scores.metric.name}, whose noise is "
            "not known from one run.",
            f"Write a margin for it into gate.yaml: `tasks: {{{task}: {{margin: 2pp}}}}`.",
        )
    items = [pairing.before.items[name] for name in scores.pairs]
    samples = min(item.n for item in items), max(one.samples[1] for one in scores.pairs.values())
    if config.looks is not None:
        samples = samples[0], config.looks.samples[-1]
    last = look_reached(config.looks, *samples) or ONLY_LOOK
    counts = [(item.correct, item.n) for item in items]
    return auto_margin(task, counts, samples, (last.nominal(rules[0]), rules[1]))


def _resolved_rules(before: Run, after: Run, rules: TaskRules, task: str) -> TaskRules:
    """Return a task's settings with `primary` replaced by the name of that metric."""
    entries = [run.manifest.tasks[task] for run in (before, after) if task in run.tasks()]
    return replace(rules, metric=metric_name(rules.metric, entries))


def _validity_errors(run: Run, task: str, role: str) -> Iterator[tuple[str, str]]:
    """Yield why a task cannot be judged, as (kind, phrase).

    Only the kind `missing` can be allowed; without samples nothing can be concluded.

    Args:
        run: the run.
        task: the task.
        role: what the run is called in the phrases: `the run` or `the baseline`.
    """
    if task not in run.manifest.tasks:
        yield "task", f"{role} does not have this task"
        return
    if found := tuple(faults(run, task)):
        yield from (("files", phrase) for phrase in found)
        return
    if not run.sample_columns(task):
        yield "empty", f"{role} is empty"
        return
    if not run.verdict_columns(task):
        yield (
            "verdicts",
            f"{role} has no verdicts; `mathreason regrade {quote(str(run.path))}` makes them",
        )
        return
    yield from (("missing", phrase) for phrase in gaps(run, task, role))


def _scores(pairing: Pairing, metric: str) -> PairedScores:
    task = pairing.before.task
    definition = metric_of(pairing.before.entry, metric).definition
    if not definition.is_gateable:
        raise UserError(
            f"The metric {metric!r} of {task} is not a fraction of which more, or less, is better.",
            "Use avg, pass@K, maj@K, f1, drop, cr or a measure such as pa; tokens belong under "
            "`health:`.",
        )
    scores = pairing.scores(metric)
    if scores is None:
        raise UserError(
            f"{task} has no metric {metric!r} in both runs.",
            "`mathreason show RUN --json` lists those of a run.",
        )
    return scores if definition.higher_is_better else _turned(scores)


def _turned(scores: PairedScores) -> PairedScores:
    """Return what is left to 1 of a metric that should not rise: then less is worse, as of any."""
    return replace(
        scores,
        pairs={
            name: replace(pair, before=1 - pair.before, after=1 - pair.after)
            for name, pair in scores.pairs.items()
        },
        own={name: (1 - before, 1 - after) for name, (before, after) in scores.own.items()},
    )


def _judged(task: _Testable, decision: Decision) -> TaskJudgement:
    pairs = task.pairs
    required = unchanged = None
    # What could not have fallen by the margin passes with no number of samples.
    if decision.call is Call.INCONCLUSIVE and task.is_sensitive:
        if task.alone:
            unchanged = unchanged_passes(task.paired_task, decision)
        # More samples would be copies as well.
        side = task.pairing.after
        greedy = side.run.manifest.sampling.temperature == 0 or bool(side.copies)
        required = required_samples(task.paired_task, decision, greedy=greedy)
    return TaskJudgement(
        task=task.pairing.before.task,
        rules=task.rules,
        notes=task.notes,
        look=task.look,
        decision=decision,
        before=task.before,
        after=sum(pair.after for pair in pairs) / len(pairs),
        alone=task.alone,
        samples=(max(pair.samples[0] for pair in pairs), max(pair.samples[1] for pair in pairs)),
        checks=tuple(check_limits(task.pairing, task.rules.limits, task.look.total)),
        flips=flips(task.scores),
        required=required,
        turned=not task.scores.metric.definition.higher_is_better,
        unchanged=unchanged,
    )
