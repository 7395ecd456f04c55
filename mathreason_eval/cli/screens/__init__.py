"""The parts of the output that all verbs share: the two streams, the format of numbers and texts.

Data go to stdout, everything else to stderr. Whatever is printed is escaped here: no text from a
run folder, a model or a file reaches a terminal as a control sequence or as markup. No write fails
(`streams.py`), and no exit code depends on one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathreason_eval.cli.screens.actions import inert
from mathreason_eval.cli.screens.commands import as_called
from mathreason_eval.cli.screens.streams import stdout_failure
from mathreason_eval.errors import OutputError, UserError
from mathreason_eval.runs.files import write_named
from mathreason_eval.text import visible, visible_line
from mathreason_eval.text.jsonl import dumps
from mathreason_eval.types import Unit

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

    from mathreason_eval.compare.contrast import Flip

# --- streams ---------------------------------------------------------------------------------


def stdout() -> Console:
    """Return the console for data."""
    return _console(stderr=False)


def stderr() -> Console:
    """Return the console for progress."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    """Return a console that interprets no markup and escapes hidden characters."""
    from rich.console import Console
    from rich.text import Text

    class Neutral(Console):
        def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401  as rich has it
            return super().render_str(_shown(text), **options)

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            if isinstance(renderable, Text):
                renderable = visible_text(renderable)
            return super().render(renderable, options)

    return Neutral(stderr=stderr, markup=False, highlight=False, emoji=False)


def visible_text(text: Text) -> Text:
    """Return a styled text with every hidden character spelled out in its style, and no command."""
    from rich.text import Span

    if _shown(text.plain) == text.plain:
        return text
    edges = {0, len(text), *(edge for span in text.spans for edge in (span.start, span.end))}
    # rich allows a style to extend beyond the text.
    bounds = sorted({min(edge, len(text)) for edge in edges})
    parts = [_shown(text.plain[start:end], text.plain[end:]) for start, end in pairwise(bounds)]
    moved = dict(zip(bounds, accumulate(map(len, parts), initial=0), strict=True))
    shown = text.blank_copy("".join(parts))
    shown.spans = [
        Span(moved[min(span.start, len(text))], moved[min(span.end, len(text))], span.style)
        for span in text.spans
    ]
    return shown


def _shown(text: str, following: str = "") -> str:
    """Return a text that no terminal and no runner takes for a command."""
    return inert(visible(text), following[:2])


def say(text: str) -> None:
    """Print a line of text at once."""
    _say(_shown(text))


def say_json(value: object, indent: int | None = None) -> None:
    """Print plain values as JSON at once."""
    _say(json_text(value, indent))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a text to stderr as one line: its line feeds are escaped."""
    sys.stderr.write(f"{inert(visible_line(as_called(text)))}\n")
    sys.stderr.flush()


def print_json(value: object) -> None:
    """Print plain values as JSON, in ASCII, which every terminal encoding can show."""
    say_json(value, indent=1)


def json_text(value: object, indent: int | None = None) -> str:
    """Return plain values as JSON in visible ASCII, in which GitHub finds no command either."""
    text = dumps(value, indent=indent, default=str)
    return text.replace("\x7f", "\\u007f").replace("##[", "#\\u0023[")


# --- errors ----------------------------------------------------------------------------------


def check_output() -> None:
    """Raise an error if stdout could not be written; a closed pipe is not an error.

    Raises:
        OutputError: if stdout could not be written.
    """
    if (failure := stdout_failure()) is not None:
        raise OutputError(failure)


@contextlib.contextmanager
def exit_code_kept() -> Iterator[None]:
    """Context for printing what was decided: an error in it is printed and not raised."""
    try:
        yield
    except UserError as error:
        print_error(error.what, error.hint)
    except Exception as error:  # noqa: BLE001  a bug in a screen is no verdict
        print_crash(error, "this could not be printed")


def print_error(what: str, hint: str) -> None:
    """Print the message, and on a second line the hint, to stderr."""
    note(f"error: {' '.join(what.splitlines())}")
    if hint:
        note(f"  {' '.join(hint.splitlines())}")


_LONGEST_MESSAGE = 300
"""Maximum characters of an unexpected error's message that are printed."""


def print_crash(error: BaseException, what: str) -> None:
    """Print that this is a bug, what it means (`no verdict`), and where its traceback is."""
    message = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    note(f"internal error, {what}: {type(error).__name__}: {message}")
    trace = "".join(traceback.format_exception(error))
    try:
        file, name = tempfile.mkstemp(prefix="mathreason-", suffix=".txt", text=True)
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(trace)
    except OSError:
        for line in trace.splitlines():
            note(line)
    else:
        note(f"  Its traceback, for a report: {name}")


def write_file(path: Path, text: str | bytes, option: str, *, append: bool = False) -> None:
    """Write a text, or bytes, to the file that an option names, with its folder, or append it.

    Raises:
        UserError: if the file cannot be written.
    """
    try:
        # A lone surrogate becomes `\\udc80`, which JSON reads as the same.
        content = text if isinstance(text, bytes) else text.encode(errors="backslashreplace")
        write_named(path, content, append=append)
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise UserError(
            f"{path} cannot be written: {reason}.", f"Choose another {option}."
        ) from None


# --- slices and flips ----------------------------------------------------------------------

_MAX_SLICE_VALUES = 12
"""Maximum number of values of a property that a table lists unless the user names it."""


def crowded_properties(slices: Iterable[str]) -> dict[str, int]:
    """Return the properties with too many values for a table, each with its number of values.

    Args:
        slices: such as `steps=3`; repetitions count once.
    """
    counts = Counter(map(property_of, dict.fromkeys(slices)))
    return {name: count for name, count in counts.items() if count > _MAX_SLICE_VALUES}


def property_of(where: str) -> str:
    """Return the name of the property in a slice: `steps` for `steps=3`."""
    return where.partition("=")[0]


def flips_by_direction(flips: Sequence[Flip]) -> Iterator[tuple[str, list[Flip]]]:
    """Yield (`lost`, flips) and (`gained`, flips), without empty ones."""
    for verb, lost in (("lost", True), ("gained", False)):
        if found := [flip for flip in flips if flip.lost is lost]:
            yield verb, found


# --- numbers and texts -----------------------------------------------------------------------


def amount(unit: Unit, value: float, sign: str = "") -> str:
    """Return a value with one decimal, a share in per cent; `sign="+"` also writes plus signs."""
    shown = 100 * value if unit is Unit.SHARE else value
    # Adding 0.0 turns minus zero into zero.
    return format(round(shown, 1) + 0.0, f"{sign},.1f")


def interval(unit: Unit, low: float, high: float) -> str:
    """Return an interval's bounds as amounts."""
    return f"{amount(unit, low)} – {amount(unit, high)}"


def repeating(samples: int) -> str:
    """Return which samples of a greedy run repeat sample 0: `sample 1 repeats`."""
    last = samples - 1
    return "sample 1 repeats" if last == 1 else f"samples 1 to {last} repeat"


def one_line(text: str, longest: int) -> str:
    """Return an untrusted text on one line, shortened to `longest` characters with `…`."""
    line = " ".join(text[: 2 * longest].split())
    return line if len(line) <= longest and len(text) <= 2 * longest else f"{line[: longest - 1]}…"
