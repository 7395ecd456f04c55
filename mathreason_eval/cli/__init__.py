"""The command line: data on stdout, progress and errors on stderr. Only this package prints.

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
from mathreason_eval.cli.gate import gate, plan
from mathreason_eval.cli.publish import export, leaderboard, serve
from mathreason_eval.cli.run import import_command, regrade, run
from mathreason_eval.cli.screens import close, flush, note, replace_unencodable
from mathreason_eval.cli.show import list_command, show, tasks
from mathreason_eval.cli.verify import check, verify
from mathreason_eval.errors import EXIT_INTERNAL_ERROR, EXIT_USER_ERROR, OutputError, UserError
from mathreason_eval.text import visible
from mathreason_eval.version import __version__


class Verbs(click.Group):
    """The verbs in the order of work; a misspelt one gets the nearest as a suggestion."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the verbs in the order in which they are used."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a verb, or suggest the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            near = difflib.get_close_matches(args[0], self.commands, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]}?" if near else " `mathreason --help` lists them."
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:  # noqa: ANN401  click's
        """Read the command line."""
        with _exits_as_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """Run a verb."""
        with _exits_as_errors():
            return super().invoke(ctx)


@contextlib.contextmanager
def _exits_as_errors() -> Iterator[None]:
    """Turn every exit of click or of an engine into an error: their code 1 is our regression."""
    try:
        yield
    except OSError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"] == click.utils.__name__:
            # click itself printed, as for --help; our own output raises `OutputError`.
            raise OutputError(error) from error
        if isinstance(error, BrokenPipeError):
            raise RuntimeError(f"a pipe broke: {error}") from error  # noqa: TRY004
        raise
    except SystemExit as error:
        raise RuntimeError(f"something left with {error.code!r}") from error


@click.group(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
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


_EXIT_INTERRUPTED = 130
"""The exit code that a shell expects of a program ended by Ctrl-C."""


def main() -> None:
    """Run the command line and exit with its code."""
    warnings.showwarning = _print_warning
    replace_unencodable()
    try:
        code = verbs.main(standalone_mode=False)
        flush()
    except OutputError as error:
        if error.silent:
            _exit(error.exit_code)
        _fail(error.what, error.hint, error.exit_code)
    except UserError as error:
        _fail(error.what, error.hint, error.exit_code)
    except click.UsageError as error:
        usage = error.ctx.command_path if error.ctx else "mathreason"
        _fail(error.format_message(), f"`{usage} --help` shows what it takes.")
    except click.ClickException as error:
        _fail(error.format_message(), "")
    except (KeyboardInterrupt, click.Abort):
        note("interrupted; what was finished is stored, the same command goes on")
        _exit(_EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001  Python would exit with 1: a regression
        _crash(error)
    _exit(code if isinstance(code, int) else 0)


def _exit(code: int) -> NoReturn:
    close()
    sys.exit(code)


def _fail(what: str, hint: str, code: int = EXIT_USER_ERROR) -> NoReturn:
    note(f"error: {what}")
    if hint:
        note(f"  {hint}")
    _exit(code)


_LONGEST_MESSAGE = 300
"""Characters of an unexpected error's message that are printed."""


def _crash(error: Exception) -> NoReturn:
    """Say that this is a bug and no verdict, and where its traceback is."""
    try:
        message = visible(" ".join(str(error).split()))[:_LONGEST_MESSAGE]
        note(f"internal error, no verdict: {type(error).__name__}: {message}")
        _store_traceback("".join(traceback.format_exception(error)))
    finally:
        # Even if there is no memory left to print it.
        _exit(EXIT_INTERNAL_ERROR)


def _store_traceback(trace: str) -> None:
    try:
        file, name = tempfile.mkstemp(prefix="mathreason-", suffix=".txt", text=True)
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(trace)
    except OSError:
        note(trace)
    else:
        note(f"  Its traceback, for a report: {name}")


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    note(f"warning: {message}")
