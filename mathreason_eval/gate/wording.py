"""The sentences of a gate, for the terminal and for its output files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from shlex import quote

from mathreason_eval.gate.config import TaskRules
from mathreason_eval.gate.health import LimitCheck, LimitState
from mathreason_eval.gate.judging import Conclusion, Judgement, SuiteJudgement, TaskJudgement
from mathreason_eval.gate.margins import is_auto
from mathreason_eval.gate.sample_size import MOST_SAMPLES, Feasible, RequiredSamples
from mathreason_eval.stats.decision import Call, Decision
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.text.shell import path_word

SIGNS = {
    Conclusion.PASS: "✓",
    Conclusion.REGRESSION: "✗",
    Conclusion.INCONCLUSIVE: "?",
    Conclusion.NOT_COMPARABLE: "≠",
}
"""A symbol for each conclusion, as colour alone is not accessible."""

SURE = " (sure)"
"""Marks a problem of which it is sure, by itself, that it changed."""

_SENTENCES = {
    Conclusion.PASS: "no task dropped by its margin",
    Conclusion.REGRESSION: "a task dropped by more than chance explains",
    Conclusion.INCONCLUSIVE: "not enough evidence for a drop, or against one",
    Conclusion.NOT_COMPARABLE: "the runs differ in more than the model, or one is incomplete",
}
_BROKEN_LIMIT = "a health limit is broken"
_SUITE_PASSES = "the tasks together did not drop by the margin, and none is seen to be worse"
_SUITE_REGRESSES = "the tasks together dropped by more than chance explains"


def headline(judgement: Judgement) -> str:
    """Return the conclusion and its meaning, on one line."""
    found = judgement.conclusion
    if found is Conclusion.REGRESSION:
        sentence = ", and ".join(_what_regressed(judgement))
    elif found is Conclusion.PASS and judgement.suite is not None:
        open_tasks = [task for task in judgement.counted if task.conclusion is not found]
        sentence = _SUITE_PASSES if open_tasks else _SENTENCES[found]
    else:
        sentence = _SENTENCES[found]
    return f"{found}: {sentence}"


def _what_regressed(judgement: Judgement) -> Iterator[str]:
    suite = judgement.suite
    if any(task.conclusion is Conclusion.REGRESSION for task in judgement.counted):
        yield _SENTENCES[Conclusion.REGRESSION]
    elif suite is not None and suite.conclusion is Conclusion.REGRESSION:
        yield _SUITE_REGRESSES
    if any(task.broken for task in judgement.counted):
        yield _BROKEN_LIMIT


def next_step(judgement: Judgement) -> str:
    """Return what to do next; empty if there is nothing to do."""
    if (look := judgement.next_look) is not None:
        return f"--extend draws the samples up to {look} per problem and judges again"
    if judgement.conclusion is Conclusion.REGRESSION:
        run = quote(path_word(judgement.after.path))
        return f"look at what was lost: `mathreason show {run} --problem ID`"
    if judgement.conclusion is Conclusion.NOT_COMPARABLE:
        return "fix the run, make a baseline under the same conditions, or --allow what may differ"
    return ""


# --- one task --------------------------------------------------------------------------------


def reasons(task: TaskJudgement) -> Iterator[str]:
    """Yield why a task has its conclusion, and what would decide an inconclusive one.

    One sentence each: the answer to the question that decides, that to the other one, and what was
    not seen. The limits not kept are last.
    """
    yield from task.obstacles
    if task.decision is not None:
        yield from _describe_decision(task.decision, task.rules, is_sensitive=task.is_sensitive)
        if not task.is_sensitive:
            yield _describe_insensitive(task.before, task.rules.margin)
    elif not task.obstacles:
        yield "too few samples for the first look"
    if task.required is not None:
        yield _describe_required(task, task.required)
    if task.unchanged is not None:
        yield _describe_unchanged(task.unchanged)
    for check in task.checks:
        if check.state is not LimitState.KEPT:
            yield describe_check(check)


def suite_reasons(suite: SuiteJudgement, rules: TaskRules) -> Iterator[str]:
    """Yield why the suite has its conclusion, one sentence each.

    Args:
        suite: the row of all tasks.
        rules: the settings of tasks that have none of their own.
    """
    margin = replace(rules, margin=suite.rules.margin)
    yield from _describe_decision(suite.decision, margin, is_sensitive=suite.is_sensitive)
    if not suite.is_sensitive:
        yield _describe_insensitive(suite.before, suite.rules.margin)
    if suite.unchanged is not None:
        yield _describe_unchanged(suite.unchanged)


def _describe_unchanged(share: float) -> str:
    return f"a model that did not change passes this in about {100 * share:.0f} % of runs"


def _describe_insensitive(before: float, margin: float) -> str:
    return (
        f"it could not have dropped by {100 * margin:g} pp: the baseline has {100 * before:.1f} %, "
        "so that a pass would say nothing"
    )


def _describe_decision(
    decision: Decision, rules: TaskRules, *, is_sensitive: bool
) -> Iterator[str]:
    """Yield what is known on both questions; that which decides first."""
    answer, problems = decision.decided, decision.difference.problems
    margin, change = f"{100 * rules.margin:g} pp", f"{format_points(answer.value)} pp"
    scope = {
        Estimand.THESE: f"on these {problems:,} problems",
        Estimand.NEW: f"for problems like these {problems:,}",
    }[answer.estimand]
    bounds = format_bounds(decision)
    if answer.call is Call.PASS and is_sensitive:
        lower = format_points(answer.lower)
        yield f"{scope} {change}: a drop of {margin} is ruled out (above {lower})"
    elif answer.call is Call.REGRESSION:
        drop = f"a drop beyond {margin}" if rules.beyond_margin else "a drop"
        chance, limit = map(_percent, (answer.regression_p, decision.regression_alpha))
        yield (
            f"{scope} {change} ({bounds}): worse than the baseline; without {drop} chance shows as "
            f"much in {chance} of runs, and the limit is {limit}"
        )
    elif is_sensitive:
        yield f"{scope} {change}: may be a drop beyond {margin}, may be none ({bounds})"
    else:
        yield f"{scope} {change} ({bounds})"
    if (other := decision.other) is not None:
        low, high = format_points(other.lower), format_points(other.upper)
        where = "others like them" if other.estimand is Estimand.NEW else "these problems alone"
        yield f"for {where}: {low} … {high}, {_OPEN[other.call]}"
    if decision.none_lost is not None:
        level, most = 100 * (1 - decision.pass_alpha), 100 * decision.none_lost
        yield f"0 of {problems:,} lost: at {level:.3g} % up to {most:.1f} % of such problems may be"


_OPEN = {
    Call.PASS: "no drop by the margin",
    Call.REGRESSION: "worse",
    Call.INCONCLUSIVE: "open",
}
"""What is known on the question that does not decide."""


def _describe_required(task: TaskJudgement, required: RequiredSamples) -> str:
    problems = task.decision.difference.problems if task.decision else 0
    others = _describe_problems(required.problems, problems)
    if required.feasible is Feasible.GREEDY:
        return f"at temperature 0 more samples add nothing; {others}"
    if required.samples is None and required.feasible is Feasible.UNKNOWN:
        return (
            f"more samples may settle it, but how many is not known for {task.rules.metric}; "
            f"{others}"
        )
    if required.samples is None:
        return f"no number of samples up to {MOST_SAMPLES:,} per problem settles it; {others}"
    before, after = required.samples
    if required.feasible is Feasible.UNKNOWN:
        return (
            f"{after:,} samples per problem in both runs might settle it (an estimate needs two or "
            f"more); {others}"
        )
    if before > task.samples[0]:
        return (
            f"{before:,} samples per problem of the baseline and {after:,} of the run would settle "
            f"it{f'; or {others}' if required.problems else ''}"
        )
    more = after - task.samples[1]
    return f"about {more:,} more samples per problem ({after:,} in all) would settle it"


def _describe_problems(required: int | None, problems: int) -> str:
    if required is None:
        return "a larger margin, or easier or more problems, would"
    return f"about {required:,} problems like these {problems:,} would settle it"


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
    yield f"margin {format_margin(default.margin)}, alpha {default.alpha:g}" + "".join(
        f"; {task.task}: {format_margin(task.rules.margin)}, {task.rules.alpha:g}"
        for task in judgement.tasks
        if (task.rules.margin, task.rules.alpha) != (default.margin, default.alpha)
    )
    some = [judgement.suite, *judgement.tasks]
    if decisions := [one.decision for one in some if one is not None and one.decision]:
        level = 100 * (1 - decisions[0].pass_alpha)
        yield (
            f"bounds: changes below the first are ruled out at {level:.3g} %, those above the "
            "second at the level of a regression"
        )
    if (suite := judgement.suite) is not None:
        yield from _describe_suite(judgement, suite)
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


def _describe_suite(judgement: Judgement, suite: SuiteJudgement) -> Iterator[str]:
    """Yield how the row of all tasks is made, and which tasks are not in it."""
    weights = "problem" if suite.rules.by_problem else "task"
    required = [task.task for task in judgement.tasks if task.alone]
    also = f"; must pass by themselves: {', '.join(required)}" if required else ""
    yield f"suite: every {weights} weighs the same, margin {100 * suite.rules.margin:g} pp{also}"
    tested = [task for task in judgement.tasks if task.decision is not None]
    if left := [task.task for task in tested if task.task not in suite.tasks]:
        yield f"not in the suite's row, as they could not have dropped: {', '.join(left)}"


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


def format_margin(margin: float) -> str:
    """Return a margin in percentage points: `1 pp`, or `auto` if none was found yet."""
    return "auto" if is_auto(margin) else f"{100 * margin:g} pp"


# --- numbers ---------------------------------------------------------------------------------


def format_points(share: float) -> str:
    """Return a change of a fraction in percentage points, signed, with two decimals: `+1.50`."""
    return f"{100 * share:+.2f}"


def format_bounds(decision: Decision | None) -> str:
    """Return the one-sided bounds of a change, on the question that decides; empty without one."""
    if decision is None:
        return ""
    answer = decision.decided
    return f"{format_points(answer.lower)} … {format_points(answer.upper)}"


_LEAST_SHOWN = 1e-4
"""A smaller chance is only said to be smaller."""


def _percent(chance: float) -> str:
    """Return a chance in per cent, to two digits."""
    if chance < _LEAST_SHOWN:
        return f"less than {100 * _LEAST_SHOWN:g} %"
    return f"{100 * chance:.2g} %"


def format_share(score: float, samples: int) -> str:
    """Return a problem's score as `correct/samples`, or as a decimal if it is not a count."""
    correct = score * samples
    is_count = abs(correct - round(correct)) < 1e-9  # noqa: PLR2004  rounding errors
    return f"{correct:.0f}/{samples}" if is_count else f"{score:.2f}"
