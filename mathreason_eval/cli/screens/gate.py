"""A gate's judgement on the terminal, and a plan for a gate there and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from mathreason_eval.cli.screens import (
    counted,
    flips_by_direction,
    note,
    stdout,
)
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.compare.design import Allocation, Design, SampleSize
from mathreason_eval.gate.judging import Conclusion, Judgement, SuiteJudgement, TaskJudgement
from mathreason_eval.gate.wording import (
    SIGNS,
    SURE,
    format_bounds,
    format_points,
    format_share,
    headline,
    next_step,
    notes,
    reasons,
    suite_reasons,
)
from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    from rich.console import Console

# --- gate ------------------------------------------------------------------------------------

_COLOURS = {
    Conclusion.PASS: "green",
    Conclusion.REGRESSION: "red",
    Conclusion.INCONCLUSIVE: "yellow",
    Conclusion.NOT_COMPARABLE: "magenta",
}


def print_judgement(judgement: Judgement) -> None:
    """Print a table of the tasks, the reasons, the flipped problems, and the conclusion."""
    console = stdout()
    after, before = (run.manifest.model.name for run in (judgement.after, judgement.before))
    console.print(visible_line(f"{after} against {before}"), style="bold", soft_wrap=True)
    if judgement.tasks:
        _print_table(console, judgement)
    if judgement.suite is not None:
        for reason in suite_reasons(judgement.suite, judgement.config.default_rules):
            console.print(visible_line(f"suite: {reason}"))
    for task in judgement.tasks:
        _print_reasons(console, task)
        _print_flips(console, task)
    for line in notes(judgement):
        console.print(visible_line(line))
    console.print(
        f"{SIGNS[judgement.conclusion]} {headline(judgement)}", style=_COLOURS[judgement.conclusion]
    )
    if step := next_step(judgement):
        note(step)


def _print_table(console: Console, judgement: Judgement) -> None:
    rows = [_row("suite", judgement.suite)] if judgement.suite is not None else []
    rows += [_row(task.label, task) for task in judgement.tasks]
    headings = ("task", "answer", ">before", ">after", ">change", ">bounds, pp")
    # A conclusion folded into two lines would look like two.
    print_table(console, Table(headings=headings, rows=rows, unbroken=frozenset({"answer"})))


def _row(label: str, one: TaskJudgement | SuiteJudgement) -> tuple[str, ...]:
    figures = ("", "", "")
    if one.decision is not None:
        change = format_points(one.decision.decided.value)
        figures = (f"{100 * one.before:.1f}", f"{100 * one.after:.1f}", change)
    answer = f"{SIGNS[one.conclusion]} {one.conclusion}"
    return (label, answer, *figures, format_bounds(one.decision))


def _print_reasons(console: Console, task: TaskJudgement) -> None:
    for reason in reasons(task):
        console.print(visible_line(f"{task.task}: {reason}"))


_MAX_FLIPS = 8
"""Maximum number of flipped problems listed per task and direction."""


def _print_flips(console: Console, task: TaskJudgement) -> None:
    for verb, found in flips_by_direction(task.flips):
        named = ", ".join(
            f"{flip.problem_id} "
            f"{format_share(flip.before, task.samples[0])} → "
            f"{format_share(flip.after, task.samples[1])}{SURE if flip.is_sure else ''}"
            for flip in found[:_MAX_FLIPS]
        )
        rest = f" and {len(found) - _MAX_FLIPS} more" if len(found) > _MAX_FLIPS else ""
        console.print(visible_line(f"{task.task}: {len(found)} {verb}: {named}{rest}"))


# --- plan ------------------------------------------------------------------------------------


Chosen = tuple[Allocation, SampleSize]
"""The cheapest allocation, and the size that is enough."""


def design_as_json(design: Design) -> dict[str, object]:
    """Return a plan as plain values."""
    request = design.request
    return {
        "task": design.task,
        "problems": design.problems,
        "available": design.available,
        "samples": design.samples,
        "avg": design.difficulty.mean,
        "variance": {
            "questions": design.difficulty.between,
            "seeds": design.difficulty.within,
            "estimated": design.difficulty.estimated,
        },
        "tokens_per_sample": design.tokens,
        "detect": request.detect,
        "power": request.power,
        **{key: value for key, value in asdict(request.gate).items() if key != "estimand"},
        "mixes": [_allocation_as_json(design, allocation) for allocation in design.allocations],
        "cheapest_to_see": _chosen_as_json(design, design.cheapest_to_see),
        "cheapest_for_both": _chosen_as_json(design, design.cheapest_for_both),
        "limit": asdict(design.power_limit),
    }


def _allocation_as_json(design: Design, allocation: Allocation) -> dict[str, object]:
    return {
        **asdict(allocation),
        "decides": str(design.request.gate.decides(allocation.samples)),
        "to_see": _size_as_json(design, allocation.to_see),
        "to_pass": _size_as_json(design, allocation.to_pass),
        "for_both": _size_as_json(design, allocation.for_both),
    }


def _size_as_json(design: Design, size: SampleSize | None) -> dict[str, object] | None:
    return None if size is None else {**asdict(size), "tokens": _tokens(design, size)}


def _chosen_as_json(design: Design, chosen: Chosen | None) -> dict[str, object] | None:
    if chosen is None:
        return None
    allocation, size = chosen
    return {"samples": allocation.samples, **(_size_as_json(design, size) or {})}


def _tokens(design: Design, size: SampleSize) -> int | None:
    return None if design.tokens is None else round(size.draws * design.tokens)


def print_designs(designs: Sequence[Design]) -> None:
    """Print each task's plan: the power of each allocation, the cheapest, and the limits."""
    console = stdout()
    for number, design in enumerate(designs):
        if number:
            console.print()
        for line in _assumptions(design):
            console.print(visible_line(line))
        rows = [
            (
                _samples(allocation),
                _percent(allocation.sees),
                _percent(allocation.passes),
                f"{_percent(allocation.new.regression)}/{_percent(allocation.new.passes)}".replace(
                    " %", ""
                ),
                "none" if allocation.smallest is None else _points(allocation.smallest),
                *_problems_and_cost(design, allocation.to_see),
                *_problems_and_cost(design, allocation.for_both),
            )
            for allocation in design.allocations
        ]
        headings = (
            *(">samples", ">detects", ">passes", ">new", ">smallest"),
            *(">to detect", ">cost", ">for both", ">cost"),
        )
        print_table(console, Table(headings=headings, rows=rows))
        for line in (*_legend(design), *_limits(design)):
            console.print(line)


def _assumptions(design: Design) -> Iterator[str]:
    """Yield lines on what the stored samples show, and on the settings of the gate."""
    known, request, gate = design.difficulty, design.request, design.request.gate
    each = f"{counted(design.samples, 'sample')} each"
    yield f"{design.task}: {design.problems:,} problems, {each}, avg {100 * known.mean:.1f} %"
    if design.metric != "avg":
        yield f"a gate compares it by {design.metric}; this plan is for one with `metric: avg`"
    if known.estimated:
        yield (
            f"variance of a sample {known.between + known.within:.3f} = between problems "
            f"{known.between:.3f} + between samples {known.within:.3f}"
        )
    else:
        yield "one sample per problem does not show how much of the noise is sampling noise:"
        yield "all of it is assumed to be, so a gate will usually have more power than stated here"
    if design.variants:
        yield "variants of one problem are treated as independent"
    yield (
        f"target: a drop of {_points(request.detect)} is detected, and no change passes, "
        f"{100 * request.power:.0f} times in 100"
    )
    shared = f", shared by {gate.tasks} tasks" if gate.tasks > 1 else ""
    yield f"by a gate with margin {_points(gate.margin)}, alpha {gate.alpha:g}{shared}"


def _legend(design: Design) -> Iterator[str]:
    """Yield lines on the meaning of the columns, and on the cheapest allocations."""
    n = f"{design.available:,} problems"
    yield "samples     per problem, baseline + new run"
    yield f"detects     chance that the drop is called a regression, with all {n}"
    yield f"passes      chance that an unchanged model passes, with all {n}"
    yield "            of these problems from two samples on; with one, of new ones"
    yield "new         both chances, in %, if the gate asks of new problems like these"
    yield "smallest    drop that is detected at the target power, with all of them"
    yield "to detect, for both    problems needed, and also to pass; – if all are too few"
    yield f"cost        {_cost_unit(design)} to generate"
    yield f"cheapest to detect: {_cheapest(design, design.cheapest_to_see)}"
    yield f"cheapest for both:  {_cheapest(design, design.cheapest_for_both)}"


def _cheapest(design: Design, chosen: Chosen | None) -> str:
    if chosen is None:
        return "none of these is enough"
    allocation, size = chosen
    problems, cost = _problems_and_cost(design, size)
    return f"{problems} problems × {_samples(allocation)} samples, {cost} {_cost_unit(design)}"


def _limits(design: Design) -> Iterator[str]:
    """Yield lines on what no number of samples can show."""
    limit, request = design.power_limit, design.request
    yield f"for new problems an unlimited number of samples of {limit.problems:,} problems"
    yield (
        f"  detects a drop of {_points(request.detect)} {_percent(limit.sees)} of the time, "
        "if every problem gets slightly harder;"
    )
    if limit.smallest is None:
        yield "  detects no drop at the target power;"
    else:
        yield f"  detects drops of {_points(limit.smallest)} or more at the target power;"
    lost = "problems"
    if limit.lost is not None:
        share = (limit.lost - 1) / limit.problems
        lost = f"{limit.lost - 1} problems ({_points(share)})"
    yield f"  never detects that {lost} are lost entirely and the rest are unchanged."


def _points(share: float) -> str:
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} pp"


def _percent(chance: float) -> str:
    return f"{100 * chance:.0f} %"


def _samples(allocation: Allocation) -> str:
    """Return the samples per problem of the baseline and of the new run: `4 + 8`."""
    return " + ".join(map(str, allocation.samples))


def _cost_unit(design: Design) -> str:
    """Return the unit of costs: tokens, or samples if tokens are unknown."""
    return "samples" if design.tokens is None else "tokens"


def _problems_and_cost(design: Design, size: SampleSize | None) -> tuple[str, str]:
    """Return the number of problems and the cost of their samples to three digits."""
    if size is None:
        return "–", "–"
    tokens = _tokens(design, size)
    cost: float = size.draws if tokens is None else tokens
    prefixes = iter(("", "k", "M", "G"))
    prefix = next(prefixes)
    while cost >= 1000:  # noqa: PLR2004
        cost, prefix = cost / 1000, next(prefixes)
    return f"{size.problems:,}", f"{cost:.3g}{prefix}"
