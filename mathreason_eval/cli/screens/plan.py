"""A plan for a gate, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mathreason_eval.cli.screens import stdout
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.compare.design import MOST_SAMPLES, Allocation, Design
from mathreason_eval.text import counted, visible_line


def design_as_json(design: Design, price: float | None) -> dict[str, object]:
    """Return a plan as plain values.

    Args:
        design: the plan.
        price: of a million completion tokens; None if it is not known.
    """
    request = design.request
    return {
        "task": design.task,
        "problems": design.problems,
        "samples": design.samples,
        "avg": design.score,
        "variance": {
            "questions": design.difficulty.between,
            "seeds": design.difficulty.within,
            "estimated": design.difficulty.estimated,
        },
        "unchanged": design.unchanged and asdict(design.unchanged),
        "tokens_per_sample": design.tokens,
        "detect": request.detect,
        "power": request.power,
        **{key: value for key, value in asdict(request.gate).items() if key != "estimand"},
        "answer": design.answer and _allocation_as_json(design, design.answer, price),
        "mixes": [_allocation_as_json(design, one, price) for one in design.allocations],
        "by_difficulty": design.by_difficulty,
        "limit": asdict(design.power_limit),
    }


def _allocation_as_json(
    design: Design, allocation: Allocation, price: float | None
) -> dict[str, object]:
    return {
        **asdict(allocation),
        "decides": str(design.request.gate.decides(allocation.samples)),
        "tokens": _tokens(design, allocation),
        "hours": _hours(design, allocation),
        "money": _money(design, allocation, price),
    }


def _tokens(design: Design, allocation: Allocation) -> int | None:
    return None if design.tokens is None else round(allocation.draws * design.tokens)


def _hours(design: Design, allocation: Allocation) -> float | None:
    """Return how long it takes at the speed of the baseline."""
    tokens = _tokens(design, allocation)
    return None if tokens is None or design.speed is None else tokens / design.speed / 3600


def _money(design: Design, allocation: Allocation, price: float | None) -> float | None:
    tokens = _tokens(design, allocation)
    return None if tokens is None or price is None else tokens * price / 1e6


def print_designs(designs: Sequence[Design], price: float | None) -> None:
    """Print each task's plan: the answer, what it is from, and the power of other allocations."""
    console = stdout()
    for number, design in enumerate(designs):
        if number:
            console.print()
        for line in (*_answer(design, price), *_assumptions(design)):
            console.print(visible_line(line))
        headings = (">samples", ">detects", ">passes", ">new", ">smallest", ">to draw")
        rows = [_row(design, allocation) for allocation in design.allocations]
        print_table(console, Table(headings=headings, rows=rows))
        for line in (*_legend(design), *_limits(design)):
            console.print(line)


def _row(design: Design, allocation: Allocation) -> tuple[str, ...]:
    new = f"{100 * allocation.new.regression:.0f}/{100 * allocation.new.passes:.0f}"
    return (
        _samples(allocation),
        _band(design, allocation),
        _percent(allocation.passes),
        new,
        "none" if allocation.smallest is None else _points(allocation.smallest),
        _amount(design, allocation),
    )


# --- the answer ------------------------------------------------------------------------------


def _answer(design: Design, price: float | None) -> Iterator[str]:
    """Yield lines: how many samples are enough, what they do, and what they cost."""
    request, found = design.request, design.answer
    drop, margin = _points(request.detect), _points(request.gate.margin)
    if found is None:
        most = design.most
        yield f"{design.task}: no number of samples up to {MOST_SAMPLES:,} per problem is enough."
        yield (
            f"With {_samples(most)} a drop of {drop} is detected in {_band(design, most)} of runs, "
            f"and a model that did not change passes in {_percent(most.passes)}."
        )
        yield _remedy(design, most, margin)
        return
    yield (
        f"{design.task}: {counted(found.samples[1], 'sample')} per problem in the run, "
        f"{found.samples[0]:,} in the baseline."
    )
    yield (
        f"A drop of {drop} is detected in {_band(design, found)} of runs, and a model that did not "
        f"change passes in {_percent(found.passes)}."
    )
    yield f"To draw: {', '.join(_costs(design, found, price))}."


def _remedy(design: Design, most: Allocation, margin: str) -> str:
    """Return what would help where no number of samples is enough."""
    seen = most.sees >= design.request.power
    if most.passes < design.request.power:
        also = "" if seen else "; and take a larger drop to detect"
        return f"The margin of {margin} is too small: `mathreason gate init` finds one{also}."
    smallest = most.smallest
    if smallest is None:
        return "These problems are too few to see any drop: take more problems."
    return f"The smallest drop that is detected is {_points(smallest)}: for less, more problems."


def _costs(design: Design, allocation: Allocation, price: float | None) -> Iterator[str]:
    yield f"{allocation.draws:,} samples"
    if (tokens := _tokens(design, allocation)) is not None:
        yield f"about {tokens:,} tokens"
    if (hours := _hours(design, allocation)) is not None:
        yield f"{hours:.1f} hours at the baseline's speed"
    if (money := _money(design, allocation, price)) is not None:
        yield f"{money:,.2f} at {price:g} per million tokens"


def _assumptions(design: Design) -> Iterator[str]:
    """Yield lines on what the stored samples show, and on the settings of the gate."""
    known, request, gate = design.difficulty, design.request, design.request.gate
    each = f"{counted(design.samples, 'sample')} each"
    yield f"baseline: {design.problems:,} problems, {each}, avg {100 * design.score:.1f} %"
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
    yield from _of_unchanged(design)
    yield f"target: both {100 * request.power:.0f} times in 100"
    shared = f", shared by {gate.tasks} tasks" if gate.tasks > 1 else ""
    yield f"by a gate with margin {_points(gate.margin)}, alpha {gate.alpha:g}{shared}"


def _of_unchanged(design: Design) -> Iterator[str]:
    """Yield lines on how much two models that are equally good differ."""
    if (found := design.unchanged) is None:
        yield "from … to: if all problems get slightly harder, or some are lost as a whole;"
        yield "--previous RUN, an earlier model that is as good, says how much problems differ"
        return
    spread, error = 100 * found.variance**0.5, found.error
    if not found.variance:
        yield f"the earlier run differs by no more than sampling does (on {found.problems:,})"
    else:
        share = 100 * error / found.variance
        yield (
            f"from the earlier run a problem changes by {spread:.1f} pp besides sampling "
            f"(variance {found.variance:.4f} ± {share:.0f} %)"
        )


def _legend(design: Design) -> Iterator[str]:
    """Yield lines on the meaning of the columns."""
    yield f"samples     per problem, baseline + new run; of all {design.problems:,} problems"
    yield "detects     how often the drop is called a regression"
    yield "passes      how often a model that did not change passes"
    yield "            of these problems from two samples on; with one, of new ones"
    yield "new         both, in %, if the gate asks of new problems like these"
    yield "smallest    drop that is detected at the target power"
    yield f"to draw     {_unit(design)}: the run's, and those that the baseline lacks"
    if design.by_difficulty is not None:
        yield (
            "if problems got samples by their difficulty, two at least, the same number would "
            f"have {100 * design.by_difficulty:.0f} % of the variance"
        )


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


# --- numbers ---------------------------------------------------------------------------------


def _points(share: float) -> str:
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} pp"


def _percent(chance: float) -> str:
    return f"{100 * chance:.0f} %"


def _band(design: Design, allocation: Allocation) -> str:
    """Return how often the drop is detected: from … to, where two runs have not shown it."""
    ends = sorted({round(100 * each) for each in (allocation.sees, allocation.sees_whole)})
    if design.unchanged is not None or len(ends) == 1:
        return _percent(allocation.sees)
    return f"{ends[0]} … {ends[1]} %"


def _samples(allocation: Allocation) -> str:
    """Return the samples per problem of the baseline and of the new run: `4 + 8`."""
    return " + ".join(map(str, allocation.samples))


def _unit(design: Design) -> str:
    """Return the unit of costs: tokens, or samples if tokens are unknown."""
    return "samples" if design.tokens is None else "tokens"


def _amount(design: Design, allocation: Allocation) -> str:
    """Return the cost of an allocation to three digits."""
    tokens = _tokens(design, allocation)
    cost: float = allocation.draws if tokens is None else tokens
    prefixes = iter(("", "k", "M", "G", "T"))
    prefix = next(prefixes)
    while cost >= 1000:  # noqa: PLR2004
        cost, prefix = cost / 1000, next(prefixes)
    return f"{cost:.3g}{prefix}"
