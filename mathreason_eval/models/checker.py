"""The symbolic step checker as a model: a baseline for models that look for false steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic

from mathreason_eval.errors import Faults, ModelError, UnknownNameError
from mathreason_eval.models import read_options
from mathreason_eval.models.base import Completion, Failure, Request, handle
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.steps.checker import first_false_step
from mathreason_eval.version import __version__


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set: nothing."""


class CheckerModel:
    """Evaluates the equations of each step; deterministic."""

    chat = True
    context: int | None = None
    opening = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def describe(self) -> Mapping[str, object]:
        """Return the name of the checker."""
        return {"backend": "checker", "engine": "symbolic step checker", "version": __version__}

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield for each solution the index of its first false step, boxed, and the reason."""
        for request in requests:
            yield handle(request, partial(_completion, request))

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def steps_of(request: Request) -> list[str]:
    """Return the steps of the solution in a prompt.

    Raises:
        ModelError: if the prompt does not list them one by one.
    """
    steps = [message.content for message in request.prompt.messages[1:]]
    if not steps:
        raise ModelError(
            f"The prompt of {request.task} does not give the steps of a solution one by one.",
            "Ask with --prompt prm, which the task processbench has.",
        )
    return steps


_NAMES = ("equations",)


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return that it takes messages."""
    faults.attempt(lambda: _check_name(rest))
    read_options(Options, "checker", options, faults)
    return ModelFacts(
        chat=True, needs_steps=True, cannot_continue="a model that judges steps writes no text"
    )


def _check_name(rest: str) -> None:
    if rest not in _NAMES:
        raise UnknownNameError("checker", rest, _NAMES)


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> CheckerModel:
    """Return the checker.

    Raises:
        UnknownNameError: if there is no checker of that name.
    """
    _check_name(rest)
    read_options(Options, "checker", options)
    return CheckerModel(name)


def _completion(request: Request) -> Completion:
    start = monotonic()
    text = _answer(steps_of(request))
    seconds = monotonic() - start
    return Completion(request=request, text=text, finish_reason="stop", seconds=seconds)


def _answer(steps: list[str]) -> str:
    found = first_false_step(steps)
    if found is None:
        return r"No equation was found to be false: \boxed{-1}."
    false = found.statement
    return f"Step {found.index} says {false.text!r}, but {false.reason}: \\boxed{{{found.index}}}."
