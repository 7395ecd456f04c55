"""A plan on stdout, in 80 columns, and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mathreason_eval.cli.screens.console import plain_table, stdout
from mathreason_eval.compare.design import Design, Mix, Need
from mathreason_eval.text import visible


def as_plain(design: Design) -> dict[str, object]:
    """Return a plan as plain values."""
    wish = design.wish
    return {
        "task": design.task,
        "problems": design.problems,
        "available": design.available,
        "samples": design.samples,
        "avg": design.difficulty.mean,
        "variance": {
            "questions": design.difficulty.questions,
            "seeds": design.difficulty.seeds,
            "estimated": design.difficulty.estimated,
        },
        "tokens_per_sample": design.tokens,
        "detect": wish.detect,
        "power": wish.power,
        **asdict(wish.rule),
        "mixes": [_mix(design, mix) for mix in design.mixes],
        "cheapest_to_see": _chosen(design, design.cheapest_to_see),
        "cheapest_for_both": _chosen(design, design.cheapest_for_both),
        "limit": asdict(design.limit),
    }


def _mix(design: Design, mix: Mix) -> dict[str, object]:
    return {
        "samples": mix.samples,
        "sees": mix.sees,
        "passes": mix.passes,
        "smallest": mix.smallest,
        "to_see": _need(design, mix.to_see),
        "to_pass": _need(design, mix.to_pass),
        "for_both": _need(design, mix.for_both),
    }


def _chosen(design: Design, chosen: tuple[Mix, Need] | None) -> dict[str, object] | None:
    if chosen is None:
        return None
    mix, need = chosen
    return {"samples": mix.samples, **(_need(design, need) or {})}


def _need(design: Design, need: Need | None) -> dict[str, object] | None:
    return None if need is None else {**asdict(need), "tokens": _tokens(design, need)}


def _tokens(design: Design, need: Need) -> int | None:
    return None if design.tokens is None else round(need.draws * design.tokens)


def print_designs(designs: Sequence[Design]) -> None:
    """Print each task's plan: what each mix shows, the cheapest, and what none can show."""
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
        for mix in design.mixes:
            table.add_row(
                _samples(mix),
                _percent(mix.sees),
                _percent(mix.passes),
                "none" if mix.smallest is None else _points(mix.smallest),
                _problems(mix.to_see),
                _cost(design, mix.to_see),
                _problems(mix.for_both),
                _cost(design, mix.for_both),
            )
        console.print(table)
        for line in (*_explained(design), *_advice(design), *_never(design)):
            console.print(line)


def _known(design: Design) -> Iterator[str]:
    known, wish = design.difficulty, design.wish
    each = f"{design.samples} sample{'s' if design.samples > 1 else ''} each"
    yield f"{design.task}: {design.problems:,} problems, {each}, avg {100 * known.mean:.1f} %"
    if known.estimated:
        yield (
            f"variance of a sample {known.questions + known.seeds:.3f} = between problems "
            f"{known.questions:.3f} + between samples {known.seeds:.3f}"
        )
    else:
        yield "one sample a problem does not show how much of the noise is that of samples:"
        yield "taken for all of it, so a gate will do better than is promised here"
    if design.variants:
        yield "variants of one problem are counted as if they had nothing in common"
    yield (
        f"a fall of {_points(wish.detect)} is to be seen, and no change to pass, "
        f"{100 * wish.power:.0f} times in 100"
    )
    shared = f", shared by {wish.rule.tasks} tasks" if wish.rule.tasks > 1 else ""
    yield f"by a gate with margin {_points(wish.rule.margin)}, alpha {wish.rule.alpha:g}{shared}"


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


def _spelled(design: Design, chosen: tuple[Mix, Need] | None) -> str:
    if chosen is None:
        return "nothing here is enough"
    mix, need = chosen
    cost = f"{_cost(design, need)} {'samples' if design.tokens is None else 'tokens'}"
    return f"{need.problems:,} problems × {_samples(mix)} samples, {cost}"


def _samples(mix: Mix) -> str:
    """Return the samples of the baseline and of the new run."""
    return " + ".join(map(str, mix.samples))


def _never(design: Design) -> Iterator[str]:
    limit, wish = design.limit, design.wish
    yield f"endless samples of {limit.problems:,} problems"
    yield (
        f"  see a fall of {_points(wish.detect)} {_percent(limit.sees)} of the time, "
        "if every problem gets a little harder;"
    )
    if limit.smallest is None:
        yield "  see no fall as often as wished;"
    else:
        yield f"  see falls from {_points(limit.smallest)} on as often as wished;"
    if limit.lost is None:
        yield "  never see problems lost whole, the rest as before."
    else:
        share = (limit.lost - 1) / limit.problems
        lost = f"{limit.lost - 1} problems ({_points(share)})"
        yield f"  never see {lost} lost whole, the rest as before."


def _points(share: float) -> str:
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} pp"


def _percent(chance: float) -> str:
    return f"{100 * chance:.0f} %"


def _problems(need: Need | None) -> str:
    return "–" if need is None else f"{need.problems:,}"


def _cost(design: Design, need: Need | None) -> str:
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
