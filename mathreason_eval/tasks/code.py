"""Code of a task's folder: whatever it raises is one error with file, line and problem."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mathreason_eval.errors import TaskError, UnknownNameError, UserError, describe_error
from mathreason_eval.registry import module_at
from mathreason_eval.tasks.files import inside

ResultT = TypeVar("ResultT")

CORRECT = "Correct the task's code."
"""What helps against every fault of it."""


def code_of(folder: Path) -> Path:
    """Return the file with a task's code, absolute; there may be none."""
    return folder.resolve() / "task.py"


def line_in(error: BaseException, file: str) -> int | None:
    """Return the line of a file at which an error was raised, or None if it was elsewhere."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((one.lineno for one in reversed(frames) if one.filename == file), None)


def at_line(error: BaseException, file: str) -> str:
    """Return `FILE, line N`, or only the file where the error was raised elsewhere."""
    line = line_in(error, file)
    return file if line is None else f"{file}, line {line}"


def run_code(path: Path, doing: str, call: Callable[[], ResultT]) -> ResultT:
    """Return what code of a task's folder returns.

    Args:
        path: its file, absolute.
        doing: what it was run for: `making problem 3`.
        call: runs it.

    Raises:
        TaskError: whatever else than a `UserError` it raises, or if it leaves the program.
    """
    try:
        return call()
    except UserError:
        raise
    # A task's code may raise anything or exit, which is neither our bug nor an answer.
    except (Exception, SystemExit) as error:
        raise TaskError(
            f"{at_line(error, str(path))}: {doing} failed: {describe_error(error)}.",
            CORRECT,
        ) from error


def function_in(folder: Path, name: str) -> Callable[..., object]:
    """Return a function of a folder's task.py, which is executed on first use.

    Raises:
        TaskError: if there is no such file, or it cannot be executed.
        UnknownNameError: if there is no such function in it.
    """
    path = code_of(folder)
    try:
        inside(folder, path.name)
    except ValueError as error:
        raise TaskError(f"{path}: {error}.", f"task.yaml needs its function {name}.") from None
    module = run_code(path, "importing it", lambda: module_at(str(path)))
    function = getattr(module, name, None)
    if not callable(function):
        own = [one for one in vars(module) if not one.startswith("_")]
        raise UnknownNameError(f"function in {path}", name, own)
    found: Callable[..., object] = function
    return found
