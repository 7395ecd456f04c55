"""What a gate says, in sentences: the same on every screen and in every file."""

from __future__ import annotations

from collections.abc import Iterator

from mathreason_eval.gate.health import Check, State
from mathreason_eval.gate.judging import Answer, Judgement, TaskJudgement
from mathreason_eval.gate.sample_size import Feasible, RequiredSamples

SIGNS = {
    Answer.PASS: "✓",
    Answer.REGRESSION: "✗",
    Answer.INCONCLUSIVE: "?",
    Answer.NOT_COMPARABLE: "≠",
}
"""A sign for each answer: colour never speaks alone."""

_SENTENCES = {
    Answer.PASS: "no task lost more than its margin",
    Answer.REGRESSION: "a task lost more than chance explains",
    Answer.INCONCLUSIVE: "not enough evidence, neither of a loss nor of there being none",
    Answer.NOT_COMPARABLE: "the runs differ in more than the model, or one of them is not whole",
}

_BROKEN = "a limit of health is broken"


def headline(judgement: Judgement) -> str:
    """Return the answer and what it means, in one line."""
    said = _SENTENCES[judgement.answer]
    if judgement.answer is Answer.REGRESSION:
        lost = any(task.answer is Answer.REGRESSION for task in judgement.tasks)
        broken = any(task.broken for task in judgement.tasks)
        said = f"{said}, and {_BROKEN}" if lost and broken else said if lost else _BROKEN
    return f"{judgement.answer}: {said}"


def points(share: float) -> str:
    """Return a change in percentage points, with its sign."""
    return f"{100 * share:+.2f}"


def bounds(task: TaskJudgement) -> str:
    """Return the one-sided bounds of a task's change; none where nothing was decided."""
    if task.decision is None:
        return ""
    return f"{points(task.decision.lower)} … {points(task.decision.upper)}"


def _p(value: float) -> str:
    """Return a p-value in words; the exact tests give very small ones no more exactly than this."""
    return f"= {value:.2g}" if value > _LEAST_P else f"below {2 * _LEAST_P:.0g}"


_LEAST_P = 5e-13


def reasons(task: TaskJudgement) -> Iterator[str]:
    """Yield why a task got its answer, and what would settle an open one; a sentence each."""
    yield from task.obstacles
    found, margin = task.decision, f"{100 * task.rules.margin:g} pp"
    if found is not None:
        change = f"{points(found.difference.value)} pp"
        if task.answer is Answer.PASS:
            yield f"{change}: surely costs less than {margin} (above {points(found.lower)})"
        elif task.answer is Answer.REGRESSION:
            than = f"more than {margin}" if task.rules.beyond_margin else "at all"
            yield (
                f"{change}: worse than the baseline, p {_p(found.regression_p)} of no fall"
                f"{f' of {than}' if task.rules.beyond_margin else ''} "
                f"(needed: {found.regression_alpha:.2g})"
            )
        else:
            yield f"{change}: may be a fall beyond {margin}, may be none ({bounds(task)})"
    elif not task.obstacles:
        yield "too few samples for the first look"
    if task.required is not None:
        yield _required(task, task.required)
    for check in task.checks:
        if check.state is not State.KEPT:
            yield check_words(check)


def _required(task: TaskJudgement, required: RequiredSamples) -> str:
    held = task.decision.difference.problems if task.decision else 0
    others = f"about {required.problems:,} problems like these {held:,} would settle it"
    if required.feasible is Feasible.GREEDY:
        return f"at temperature 0 more samples say nothing new; {others}"
    if required.samples is None and required.feasible is Feasible.UNKNOWN:
        return f"more samples may settle it, how many is not known of {task.rules.metric}; {others}"
    if required.samples is None:
        return f"no number of samples can settle it; {others}"
    before, after = required.samples
    if required.feasible is Feasible.UNKNOWN:
        return (
            f"{after:,} samples a problem in both runs might settle it, how many is known from two "
            f"on; {others}"
        )
    if before > task.samples[0]:
        return (
            f"{before:,} samples a problem of the baseline and {after:,} of the run would settle "
            f"it; or {others}"
        )
    more = after - task.samples[1]
    return f"about {more:,} more samples a problem ({after:,} in all) would settle it"


def check_words(check: Check) -> str:
    """Return what became of a limit."""
    if check.name == "tokens":
        moved = f"tokens {check.before:,.0f} → {check.after:,.0f} ({100 * check.change:+.0f} %)"
        limit = f"{100 * check.limit:g} %"
    else:
        moved = f"{check.name} {100 * check.before:.1f} → {100 * check.after:.1f} %"
        limit = f"{100 * check.limit:g} pp"
    said = {
        State.KEPT: f"within {limit}",
        State.BROKEN: f"beyond the limit of {limit}",
        State.UNSURE: f"beyond the limit of {limit}, but may be chance",
    }
    return f"{moved}: {said[check.state]}"


def notes(judgement: Judgement) -> Iterator[str]:
    """Yield what was asked, and what is to be known beside the answers; one sentence each."""
    usual = judgement.config.usual
    yield f"margin {100 * usual.margin:g} pp, alpha {usual.alpha:g}" + "".join(
        f"; {task.task}: {100 * task.rules.margin:g} pp, {task.rules.alpha:g}"
        for task in judgement.tasks
        if (task.rules.margin, task.rules.alpha) != (usual.margin, usual.alpha)
    )
    if checks := [check for task in judgement.tasks for check in task.checks]:
        broken = sum(check.state is State.BROKEN for check in checks)
        kept = sum(check.state is State.KEPT for check in checks)
        unsure = f", {len(checks) - broken - kept} unsure" if broken + kept < len(checks) else ""
        yield f"health: {kept} of {len(checks)} limits kept, {broken} broken{unsure}"
    tasks: dict[str, list[str]] = {}
    for task in judgement.tasks:
        for text in task.notes:
            tasks.setdefault(text, []).append(task.task)
    for text, named in tasks.items():
        every = len(named) == len(judgement.tasks)
        yield f"note: {text}" if every else f"note: {', '.join(named)}: {text}"
    yield from judgement.notes
    if look := look_words(judgement):
        yield look


def look_words(judgement: Judgement) -> str:
    """Return at which look the runs are; empty where there is one look only."""
    open_tasks = [task for task in judgement.tasks if not task.obstacles]
    if judgement.config.looks is None or not open_tasks:
        return ""
    schedule = judgement.config.looks.samples
    look = open_tasks[0].look
    held = judgement.after.manifest.samples
    if look is None:
        return f"the first look is at {schedule[0]} samples a problem, and the run has {held}"
    used = "" if look.samples == held else f"; the first {look.samples} of its {held} count"
    return f"look {look.number} of {look.looks}, at {look.samples} samples a problem{used}"


def way_on(judgement: Judgement) -> str:
    """Return what to do next, where the answer leaves something to do."""
    next_look = judgement.next_look
    if next_look is not None:
        return f"--extend draws the samples up to {next_look} a problem and judges again"
    if judgement.answer is Answer.REGRESSION:
        return f"look at what was lost: mathreason show {judgement.after.path} --problem ID"
    if judgement.answer is Answer.NOT_COMPARABLE:
        return "mend the run, make a baseline under the same conditions, or --allow what may differ"
    return ""


def share_words(score: float, samples: int) -> str:
    """Return a problem's score as so many of its samples."""
    correct = score * samples
    return f"{correct:.0f}/{samples}" if abs(correct - round(correct)) < 1e-9 else f"{score:.2f}"  # noqa: PLR2004
