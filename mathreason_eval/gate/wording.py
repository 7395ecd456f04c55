"""The sentences of a gate, for the terminal and for its output files."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from mathreason_eval.gate.health import LimitCheck, LimitState
from mathreason_eval.gate.judging import Conclusion, Judgement, TaskJudgement
from mathreason_eval.gate.sample_size import Feasible, RequiredSamples
from mathreason_eval.stats.decision import Decision

SIGNS = {
    Conclusion.PASS: "✓",
    Conclusion.REGRESSION: "✗",
    Conclusion.INCONCLUSIVE: "?",
    Conclusion.NOT_COMPARABLE: "≠",
}
"""A symbol for each conclusion, as colour alone is not accessible."""

_SENTENCES = {
    Conclusion.PASS: "no task dropped by more than its margin",
    Conclusion.REGRESSION: "a task dropped by more than chance explains",
    Conclusion.INCONCLUSIVE: "not enough evidence for a drop, or against one",
    Conclusion.NOT_COMPARABLE: "the runs differ in more than the model, or one is incomplete",
}
_BROKEN_LIMIT = "a health limit is broken"


def headline(judgement: Judgement) -> str:
    """Return the conclusion and its meaning, on one line."""
    sentence = _SENTENCES[judgement.conclusion]
    if judgement.conclusion is Conclusion.REGRESSION and any(
        task.broken for task in judgement.tasks
    ):
        lost = any(task.conclusion is Conclusion.REGRESSION for task in judgement.tasks)
        sentence = f"{sentence}, and {_BROKEN_LIMIT}" if lost else _BROKEN_LIMIT
    return f"{judgement.conclusion}: {sentence}"


def next_step(judgement: Judgement) -> str:
    """Return what to do next; empty if there is nothing to do."""
    if (look := judgement.next_look) is not None:
        return f"--extend draws the samples up to {look} per problem and judges again"
    if judgement.conclusion is Conclusion.REGRESSION:
        run = quote(str(judgement.after.path))
        return f"look at what was lost: `mathreason show {run} --problem ID`"
    if judgement.conclusion is Conclusion.NOT_COMPARABLE:
        return "fix the run, make a baseline under the same conditions, or --allow what may differ"
    return ""


# --- one task --------------------------------------------------------------------------------


def reasons(task: TaskJudgement) -> Iterator[str]:
    """Yield why a task has its conclusion, and what would decide an inconclusive one.

    One sentence each; for a pass the first says what was shown. The limits not kept are last.
    """
    yield from task.obstacles
    if task.decision is not None:
        yield _describe_decision(task, task.decision)
    elif not task.obstacles:
        yield "too few samples for the first look"
    if task.required is not None:
        yield _describe_required(task, task.required)
    for check in task.checks:
        if check.state is not LimitState.KEPT:
            yield describe_check(check)


def _describe_decision(task: TaskJudgement, decision: Decision) -> str:
    margin = f"{100 * task.rules.margin:g} pp"
    change = f"{format_points(decision.difference.value)} pp"
    if task.conclusion is Conclusion.PASS:
        return f"{change}: a drop of {margin} is ruled out (above {format_points(decision.lower)})"
    if task.conclusion is Conclusion.REGRESSION:
        drop = f"no drop beyond {margin}" if task.rules.beyond_margin else "no drop"
        p, alpha = format_p(decision.regression_p), f"{decision.regression_alpha:.2g}"
        return f"{change}: worse than the baseline (p {p}, null hypothesis: {drop}; alpha {alpha})"
    return f"{change}: may be a drop beyond {margin}, may be none ({format_bounds(task)})"


def _describe_required(task: TaskJudgement, required: RequiredSamples) -> str:
    problems = task.decision.difference.problems if task.decision else 0
    others = f"about {required.problems:,} problems like these {problems:,} would settle it"
    if required.feasible is Feasible.GREEDY:
        return f"at temperature 0 more samples add nothing; {others}"
    if required.samples is None and required.feasible is Feasible.UNKNOWN:
        return (
            f"more samples may settle it, but how many is not known for {task.rules.metric}; "
            f"{others}"
        )
    if required.samples is None:
        return f"no number of samples can settle it; {others}"
    before, after = required.samples
    if required.feasible is Feasible.UNKNOWN:
        return (
            f"{after:,} samples per problem in both runs might settle it (an estimate needs two or "
            f"more); {others}"
        )
    if before > task.samples[0]:
        return (
            f"{before:,} samples per problem of the baseline and {after:,} of the run would settle "
            f"it; or {others}"
        )
    more = after - task.samples[1]
    return f"about {more:,} more samples per problem ({after:,} in all) would settle it"


def describe_check(check: LimitCheck) -> str:
    """Return a sentence on a change and whether it is within its limit."""
    if check.name == "tokens":
        moved = f"tokens {check.before:,.0f} → {check.after:,.0f} ({100 * check.change:+.0f} %)"
        limit = f"{100 * check.limit:g} %"
    else:
        moved = f"{check.name} {100 * check.before:.1f} → {100 * check.after:.1f} %"
        limit = f"{100 * check.limit:g} pp"
    state = {
        LimitState.KEPT: f"within {limit}",
        LimitState.BROKEN: f"beyond the limit of {limit}",
        LimitState.UNSURE: f"beyond the limit of {limit}, but may be chance",
    }
    return f"{moved}: {state[check.state]}"


# --- all tasks -------------------------------------------------------------------------------


def notes(judgement: Judgement) -> Iterator[str]:
    """Yield the settings, the count of limits, what differs between the runs, and the look."""
    default = judgement.config.default_rules
    yield f"margin {100 * default.margin:g} pp, alpha {default.alpha:g}" + "".join(
        f"; {task.task}: {100 * task.rules.margin:g} pp, {task.rules.alpha:g}"
        for task in judgement.tasks
        if (task.rules.margin, task.rules.alpha) != (default.margin, default.alpha)
    )
    if states := [check.state for task in judgement.tasks for check in task.checks]:
        kept, broken, unsure = map(states.count, LimitState)
        rest = f", {unsure} unsure" if unsure else ""
        yield f"health: {kept} of {len(states)} limits kept, {broken} broken{rest}"
    tasks: dict[str, list[str]] = {}
    for task in judgement.tasks:
        for text in task.notes:
            tasks.setdefault(text, []).append(task.task)
    for text, names in tasks.items():
        where = "" if len(names) == len(judgement.tasks) else f"{', '.join(names)}: "
        yield f"note: {where}{text}"
    yield from judgement.notes
    if look := format_look(judgement):
        yield look


def format_look(judgement: Judgement) -> str:
    """Return a sentence on the look that the runs have reached; empty without a schedule."""
    comparable = [task for task in judgement.tasks if not task.obstacles]
    if judgement.config.looks is None or not comparable:
        return ""
    look, samples = comparable[0].look, judgement.reached
    if look is None:
        first = judgement.config.looks.samples[0]
        return f"the first look is at {first} samples per problem, and the run has {samples}"
    used = "" if look.samples == samples else f"; the first {look.samples} of its {samples} count"
    return f"look {look.number} of {look.total}, at {look.samples} samples per problem{used}"


# --- numbers ---------------------------------------------------------------------------------


def format_points(share: float) -> str:
    """Return a change of a fraction in percentage points, signed, with two decimals: `+1.50`."""
    return f"{100 * share:+.2f}"


def format_bounds(task: TaskJudgement) -> str:
    """Return the one-sided bounds of a task's change; empty if nothing was decided."""
    if task.decision is None:
        return ""
    return f"{format_points(task.decision.lower)} … {format_points(task.decision.upper)}"


_MIN_P = 5e-13
"""Below twice this, the exact tests have no accurate digit."""


def format_p(value: float) -> str:
    """Return a p-value with `=` or `<`."""
    return f"= {value:.2g}" if value > _MIN_P else f"< {2 * _MIN_P:.0g}"


def format_share(score: float, samples: int) -> str:
    """Return a problem's score as `correct/samples`, or as a decimal if it is not a count."""
    correct = score * samples
    is_count = abs(correct - round(correct)) < 1e-9  # noqa: PLR2004  rounding errors
    return f"{correct:.0f}/{samples}" if is_count else f"{score:.2f}"
