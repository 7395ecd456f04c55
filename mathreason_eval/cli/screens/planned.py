"""A plan on stdout, in 80 columns, and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mathreason_eval.cli.screens.console import plain_table, stdout
from mathreason_eval.compare.design import Allocation, Design, SampleSize
from mathreason_eval.text import visible


def as_plain(design: Design) -> dict[str, object]:
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
        **asdict(request.gate),
        "mixes": [_allocation(design, allocation) for allocation in design.allocations],
        "cheapest_to_see": _chosen(design, design.cheapest_to_see),
        "cheapest_for_both": _chosen(design, design.cheapest_for_both),
        "limit": asdict(design.floor),
    }


def _allocation(design: Design, allocation: Allocation) -> dict[str, object]:
    return {
        "samples": allocation.samples,
        "sees": allocation.sees,
        "passes": allocation.passes,
        "smallest": allocation.smallest,
        "to_see": _need(design, allocation.to_see),
        "to_pass": _need(design, allocation.to_pass),
        "for_both": _need(design, allocation.for_both),
    }


def _chosen(
    design: Design, chosen: tuple[Allocation, SampleSize] | None
) -> dict[str, object] | None:
    if chosen is None:
        return None
    allocation, need = chosen
    return {"samples": allocation.samples, **(_need(design, need) or {})}


def _need(design: Design, need: SampleSize | None) -> dict[str, object] | None:
    return None if need is None else {**asdict(need), "tokens": _tokens(design, need)}


def _tokens(design: Design, need: SampleSize) -> int | None:
    return None if design.tokens is None else round(need.draws * design.tokens)


def print_designs(designs: Sequence[Design]) -> None:
    """Print each task's plan: what each allocation shows, the cheapest, and what none can show."""
    console = stdout()
    for number, design in enumerate(designs):
        if number:
            console.print()
        for line in _known(design):
            console.print(visible(line))
        table = plain_table(
            *(">samples", ">sees it", ">passes", ">smallest"),
            *(">to see it", ">cost", ">for both", ">cost"),
        )
        for allocation in design.allocations:
            table.add_row(
                _samples(allocation),
                _percent(allocation.sees),
                _percent(allocation.passes),
                "none" if allocation.smallest is None else _points(allocation.smallest),
                _problems(allocation.to_see),
                _cost(design, allocation.to_see),
                _problems(allocation.for_both),
                _cost(design, allocation.for_both),
            )
        console.print(table)
        for line in (*_explained(design), *_advice(design), *_never(design)):
            console.print(line)


def _known(design: Design) -> Iterator[str]:
    known, request = design.difficulty, design.request
    each = f"{design.samples} sample{'s' if design.samples > 1 else ''} each"
    yield f"{design.task}: {design.problems:,} problems, {each}, avg {100 * known.mean:.1f} %"
    if design.metric != "avg":
        yield f"a gate compares it by {design.metric}; this plan is for one with `metric: avg`"
    if known.estimated:
        yield (
            f"variance of a sample {known.between + known.within:.3f} = between problems "
            f"{known.between:.3f} + between samples {known.within:.3f}"
        )
    else:
        yield "one sample a problem does not show how much of the noise is that of samples:"
        yield "taken for all of it, so a gate will do better than is promised here"
    if design.variants:
        yield "variants of one problem are counted as if they had nothing in common"
    yield (
        f"a fall of {_points(request.detect)} is to be seen, and no change to pass, "
        f"{100 * request.power:.0f} times in 100"
    )
    gate = request.gate
    shared = f", shared by {gate.tasks} tasks" if gate.tasks > 1 else ""
    yield f"by a gate with margin {_points(gate.margin)}, alpha {gate.alpha:g}{shared}"


def _explained(design: Design) -> Iterator[str]:
    n = f"{design.available:,} problems"
    yield "samples     of a problem, baseline + new run"
    yield f"sees it     chance to call the fall a regression, with all {n}"
    yield f"passes      chance to let a change without effect pass, with all {n}"
    yield "smallest    fall that is seen as often as wished, with all of them"
    yield "to see it, for both    problems enough, also to pass; – if all are not"
    yield f"cost        {'samples' if design.tokens is None else 'tokens'} still to be drawn"


def _advice(design: Design) -> Iterator[str]:
    yield f"cheapest to see it: {_spelled(design, design.cheapest_to_see)}"
    yield f"cheapest for both:  {_spelled(design, design.cheapest_for_both)}"


def _spelled(design: Design, chosen: tuple[Allocation, SampleSize] | None) -> str:
    if chosen is None:
        return "nothing here is enough"
    allocation, need = chosen
    cost = f"{_cost(design, need)} {'samples' if design.tokens is None else 'tokens'}"
    return f"{need.problems:,} problems × {_samples(allocation)} samples, {cost}"


def _samples(allocation: Allocation) -> str:
    """Return the samples of the baseline and of the new run."""
    return " + ".join(map(str, allocation.samples))


def _never(design: Design) -> Iterator[str]:
    floor, request = design.floor, design.request
    yield f"endless samples of {floor.problems:,} problems"
    yield (
        f"  see a fall of {_points(request.detect)} {_percent(floor.sees)} of the time, "
        "if every problem gets a little harder;"
    )
    if floor.smallest is None:
        yield "  see no fall as often as wished;"
    else:
        yield f"  see falls from {_points(floor.smallest)} on as often as wished;"
    if floor.lost is None:
        yield "  never see problems lost whole, the rest as before."
    else:
        share = (floor.lost - 1) / floor.problems
        lost = f"{floor.lost - 1} problems ({_points(share)})"
        yield f"  never see {lost} lost whole, the rest as before."


def _points(share: float) -> str:
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} pp"


def _percent(chance: float) -> str:
    return f"{100 * chance:.0f} %"


def _problems(need: SampleSize | None) -> str:
    return "–" if need is None else f"{need.problems:,}"


def _cost(design: Design, need: SampleSize | None) -> str:
    """Return what draws cost: tokens, or samples where tokens were not counted."""
    if need is None:
        return "–"
    tokens = _tokens(design, need)
    amount: float = need.draws if tokens is None else tokens
    sizes = iter(("", "k", "M", "G"))
    size = next(sizes)
    while amount >= 1000:  # noqa: PLR2004
        amount, size = amount / 1000, next(sizes)
    return f"{amount:.3g}{size}"
