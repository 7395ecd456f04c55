"""How well each task is known, of a run that draws samples until it is known well enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mathreason_eval.pipeline.until import Reached, Until
from mathreason_eval.runs.artefacts import artefacts
from mathreason_eval.runs.store import Run
from mathreason_eval.text import counted


def final_lines(looks: Sequence[Reached], until: Until, run: Run) -> Iterator[str]:
    """Yield the lines of a run that has ended, each first with what the score may be instead."""
    for one, line in zip(looks, lines(looks, until), strict=True):
        said = [found.text for found in artefacts(run) if found.task == one.task]
        yield f"{', and '.join(said)}: {line}" if said else line


def lines(looks: Sequence[Reached], until: Until) -> Iterator[str]:
    """Yield a line for each task: how well it is known, and whether that is enough."""
    for one in looks:
        known = f"{one.metric} of {one.task} is known to ±{100 * one.half_width:.2g} pp on these "
        known += f"problems, with {counted(one.samples, 'sample')} each"
        wanted = f"±{100 * until.half_width:.2g} pp"
        if one.enough:
            yield f"{known}: {wanted} was wanted"
        elif one.samples >= until.max_samples:
            yield f"{known}; {wanted} needs more than --max-samples {until.max_samples:,}"
        else:
            yield f"{known}; {wanted} is wanted"


def as_json(looks: Sequence[Reached], until: Until) -> dict[str, object]:
    """Return the same as plain values."""
    return {**asdict(until), "tasks": {one.task: asdict(one) for one in looks}}
