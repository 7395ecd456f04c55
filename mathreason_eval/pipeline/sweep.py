"""A grid of runs: every combination of some settings, each a run folder of its own.

The grid is as resumable as its runs: the same command goes on with the first that is not complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, product
from math import prod
from pathlib import Path
from typing import Any

from mathreason_eval.errors import (
    Faults,
    IncompleteRunError,
    UnknownNameError,
    UserError,
    raise_faults,
)
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.models.kept import Kept
from mathreason_eval.pipeline.preflight import NOTHING_REFUSED, Refused, preflight, spec_of
from mathreason_eval.pipeline.prices import price_of
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.pipeline.run import Watcher, run_tasks
from mathreason_eval.pipeline.spec import LIMITS, RunSpec
from mathreason_eval.pipeline.spending import earlier_cost
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.runs.store import Run, is_run, load_run
from mathreason_eval.text import distinct_page_names

MODEL = "model"
MODEL_ARG = "model-arg."
"""Before the name of an engine's option: `model-arg.dtype`."""
_READ: Mapping[str, Callable[[str], object]] = {
    "prompt": str,
    "system": str,
    "temperature": float,
    "top-p": float,
    "max-tokens": int,
    "think-budget": int,
    "seed": int,
}
"""The settings that may vary, and what reads them as typed."""
MAX_CELLS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A setting that varies."""

    name: str
    """`prompt`, `temperature`, `model`, `model-arg.dtype`, …"""
    values: tuple[str, ...]
    """As typed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One combination of settings."""

    settings: tuple[tuple[str, str], ...]
    """(name of the axis, value as typed), in the order of the axes."""
    spec: RunSpec
    opener: NamedModel
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRequest:
    """What varies, and what does not."""

    axes: tuple[Axis, ...]
    settings: Mapping[str, Any]
    """Those of `RunSpec` by name."""
    opener: NamedModel
    out: Path | None
    """The folder of the grid; each run is a folder in it. None if it was refused."""
    refused: Refused = NOTHING_REFUSED
    """What was refused before."""


def cells(request: SweepRequest) -> tuple[Cell, ...]:
    """Return every combination: those of one model and its options together.

    Raises:
        UserError: naming each axis that is none, a grid of too many combinations and all that is
            wrong with what does not vary; or each value that is none of its setting, and all else
            that would keep its run from starting.
    """
    axes, faults = request.axes, Faults()
    right = [axis for axis in axes if faults.attempt(partial(_check, axis, axes))]
    if (number := prod(len(axis.values) for axis in axes)) > MAX_CELLS:
        what = f"The sweep has {number:,} combinations."
        faults.found.append(UserError(what, f"Ask for {MAX_CELLS:,} at most."))
    # What is wrong with an axis hides nothing of the others.
    axes = tuple(right) if number <= MAX_CELLS else ()
    combined = [
        tuple(zip([axis.name for axis in axes], chosen, strict=True))
        for chosen in product(*(axis.values for axis in axes))
    ]
    names = distinct_page_names(
        ",".join(f"{key}={value}" for key, value in one) for one in combined
    )
    cells_or_none = [
        faults.attempt(partial(_cell, request, one, name))
        for one, name in zip(combined, names, strict=True)
    ]
    raise_faults(list({str(one): one for one in faults.found}.values()))
    made = [cell for cell in cells_or_none if cell is not None]
    return tuple(sorted(made, key=lambda cell: made.index(_first_of_engine(made, cell))))


def _check(axis: Axis, axes: Sequence[Axis]) -> bool:
    """Return True for an axis on which nothing is wrong.

    Raises:
        UserError: what is.
    """
    known = [*_READ, MODEL, f"{MODEL_ARG}NAME"]
    if axis.name not in {*_READ, MODEL} and not axis.name.startswith(MODEL_ARG):
        raise UnknownNameError("setting that can be swept", axis.name, known)
    values = {_read(axis.name, value): None for value in axis.values}
    setting, faults = axis.name.replace("-", "_"), list[UserError]()
    if sum(one.name == axis.name for one in axes) > 1 or len(values) < len(axis.values):
        what = f"--sweep {axis.name} has a value twice."
        faults.append(UserError(what, "Name each value of a setting once."))
    if setting in LIMITS:
        faults += (fault for value in values for fault in LIMITS[setting].faults(setting, value))
    raise_faults(faults)
    return True


def _cell(request: SweepRequest, settings: tuple[tuple[str, str], ...], name: str) -> Cell:
    """Return a combination.

    Raises:
        UserError: what keeps its run from starting.
    """
    changed: dict[str, Any] = {}
    model, options = request.opener.name, dict(request.opener.options)
    for key, value in settings:
        if key == MODEL:
            model = UserModel(value)
        elif key.startswith(MODEL_ARG):
            options[key.removeprefix(MODEL_ARG)] = value
        else:
            changed[key.replace("-", "_")] = _read(key, value)
    opener = NamedModel(name=model, options=options)
    folder = None if request.out is None else request.out / name
    spec = spec_of({**request.settings, **changed}, opener, folder, request.refused)
    assert folder is not None, "it was refused"
    preflight(spec, opener, folder)
    return Cell(settings=settings, spec=spec, opener=opener, folder=folder)


def _read(key: str, value: str) -> object:
    """Return a value of a setting, or the text as it is, which is refused as it stands."""
    try:
        return _READ[key](value) if key in _READ else value
    except ValueError:
        return value


def _first_of_engine(made: Sequence[Cell], cell: Cell) -> Cell:
    return next(one for one in made if one.opener == cell.opener)


def sweep(
    request: SweepRequest,
    *,
    watch: Callable[[Cell], Watcher | None] = lambda _: None,
    grading: tuple[int, float] = GRADING,
    stop: Stop | None = None,
) -> Iterator[tuple[Cell, Run]]:
    """Yield each combination with its run, as it is complete.

    A model is opened once for all its combinations that follow one another.

    Args:
        request: what varies.
        watch: returns who is notified of the steps of a combination's run.
        grading: as `run_tasks`.
        stop: as `run_tasks`; no further combination begins after it is requested.

    Raises:
        UserError: as `cells` and `run_tasks`. All faults are named before a model is opened.
    """
    made = cells(request)
    for opener, of_model in groupby(made, key=lambda cell: cell.opener):
        with closing(opener()) as model:
            for cell in of_model:
                if stop is not None and stop.requested:
                    return
                run = run_tasks(
                    _with_rest(cell, made),
                    partial(Kept, model),
                    cell.folder,
                    watcher=watch(cell),
                    grading=grading,
                    stop=stop,
                )
                yield cell, run


def _with_rest(cell: Cell, made: Sequence[Cell]) -> RunSpec:
    """Return what a combination asks; it may cost what the others have left of the limit.

    Raises:
        IncompleteRunError: they have left nothing.
        RunError: it is not known what they have cost.
    """
    if cell.spec.max_cost is None or cell.spec.prices is None:
        return cell.spec
    rest = cell.spec.max_cost
    for other in made:
        if other is not cell and is_run(other.folder):
            price = price_of(cell.spec.prices, other.opener.name)
            rest -= earlier_cost(load_run(other.folder), price, limited=True)
    if rest <= 0:
        raise IncompleteRunError(
            f"The sweep stopped, as its runs have cost --max-cost {cell.spec.max_cost:g}.",
            "The same command goes on from there, with a larger --max-cost or without.",
        )
    return replace(cell.spec, max_cost=rest)
