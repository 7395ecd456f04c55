"""The command line: data on stdout, progress and errors on stderr. The only layer that prints.

Command modules import click alone; what a verb needs is imported when it runs, so that
`mathreason --help` answers at once.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

import click

from mathreason_eval.cli.compare import compare
from mathreason_eval.cli.exporting import export
from mathreason_eval.cli.gate import gate
from mathreason_eval.cli.importing import import_command
from mathreason_eval.cli.listing import list_command
from mathreason_eval.cli.plan import plan
from mathreason_eval.cli.run import regrade, run
from mathreason_eval.cli.screens.console import close, flush, note, show_any_character
from mathreason_eval.cli.show import show, tasks
from mathreason_eval.cli.site import leaderboard, serve
from mathreason_eval.cli.verify import check, verify
from mathreason_eval.errors import (
    EXIT_INTERNAL_ERROR,
    EXIT_USER_ERROR,
    OutputError,
    UserError,
)
from mathreason_eval.text import visible
from mathreason_eval.version import __version__

_EXIT_INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C ended."""
_LONGEST = 300
"""So many characters of an unexpected error's message, at most, are shown."""


class Verbs(click.Group):
    """The verbs, in the order of work, with the nearest one named on a slip."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the verbs in the order in which they are used."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a verb, or say which one was probably meant."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            near = difflib.get_close_matches(args[0], self.commands, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]}?" if near else " `mathreason --help` lists them."
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:  # noqa: ANN401  click's
        """Read the command line."""
        with _none_leaves():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """Run a verb."""
        with _none_leaves():
            return super().invoke(ctx)


@contextlib.contextmanager
def _none_leaves() -> Iterator[None]:
    """Keep the exit code ours: click leaves with 1 on a broken pipe, and so may an engine."""
    try:
        yield
    except OSError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"] == click.utils.__name__:
            # A text of click's own, as --help prints it; all others know where they are going.
            raise OutputError(error) from error
        if isinstance(error, BrokenPipeError):
            raise RuntimeError(f"a pipe broke: {error}") from error  # noqa: TRY004
        raise
    except SystemExit as left:
        raise RuntimeError(f"something left with {left.code!r}") from left


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mathreason")
def verbs() -> None:
    """Measure how well a language model reasons.

    Every number comes with its interval, every verdict with its reason, and every run folder can
    be graded again, compared and published without asking the model twice.
    """


for command in (
    *(run, tasks, list_command, show, check, verify, regrade, compare, gate, plan),
    *(import_command, export, leaderboard, serve),
):
    verbs.add_command(command)


def main() -> None:
    """Run the command line and leave with its exit code."""
    warnings.showwarning = _show_warning
    show_any_character()
    try:
        code = verbs.main(standalone_mode=False)
        flush()
    except OutputError as error:
        if not error.silent:
            _tell(error.what, error.hint)
        _leave(error.exit_code)
    except UserError as error:
        _fail(error.what, error.hint, error.exit_code)
    except click.UsageError as error:
        usage = error.ctx.command_path if error.ctx else "mathreason"
        _fail(error.format_message(), f"`{usage} --help` shows what it takes.")
    except click.ClickException as error:
        _fail(error.format_message(), "")
    except (KeyboardInterrupt, click.Abort):
        note("interrupted; what was finished is stored, the same command goes on")
        _leave(_EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001  Python would leave with 1: a regression
        _crash(error)
    _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    close()
    sys.exit(code)


def _fail(what: str, hint: str, code: int = EXIT_USER_ERROR) -> NoReturn:
    _tell(what, hint)
    _leave(code)


def _tell(what: str, hint: str) -> None:
    note(f"error: {what}")
    if hint:
        note(f"  {hint}")


def _crash(error: Exception) -> NoReturn:
    """Say that this is a bug and no verdict, and where its traceback is."""
    try:
        message = visible(" ".join(str(error).split()))[:_LONGEST]
        note(f"internal error, no verdict: {type(error).__name__}: {message}")
        _store("".join(traceback.format_exception(error)))
    finally:
        # Even if there is no memory left to say so.
        _leave(EXIT_INTERNAL_ERROR)


def _store(trace: str) -> None:
    try:
        file, name = tempfile.mkstemp(prefix="mathreason-", suffix=".txt", text=True)
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(trace)
    except OSError:
        note(trace)
    else:
        note(f"  Its traceback, for a report: {name}")


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    note(f"warning: {message}")
