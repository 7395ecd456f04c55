"""The command line: data on stdout, progress and errors on stderr. Only this package prints.

Command modules import click alone; what a verb needs is imported when it runs, so that
`mathreason --help` is fast.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import click

from mathreason_eval.cli.compare import compare, curve
from mathreason_eval.cli.derive import probe, revise
from mathreason_eval.cli.doctor import doctor
from mathreason_eval.cli.gate import gate, plan
from mathreason_eval.cli.imports import import_command
from mathreason_eval.cli.merge import exclude, merge
from mathreason_eval.cli.new import new
from mathreason_eval.cli.publish import export, leaderboard, serve
from mathreason_eval.cli.regrade import regrade
from mathreason_eval.cli.reproduce import reproduce
from mathreason_eval.cli.run import run
from mathreason_eval.cli.score import score
from mathreason_eval.cli.screens import check_output, note, print_crash, print_error
from mathreason_eval.cli.screens.actions import commands_stopped
from mathreason_eval.cli.screens.streams import guard_streams
from mathreason_eval.cli.show import list_command, show, tasks
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.cli.verify import check, serve_grader, verify
from mathreason_eval.errors import (
    EXIT_DONE,
    EXIT_INTERNAL_ERROR,
    EXIT_USER_ERROR,
    OutputError,
    SeveralFaultsError,
    UserError,
    nearest,
)
from mathreason_eval.version import __version__

_RESUMING = frozenset({"run", "import", "regrade", "score", "gate"})
"""Verbs that store what is finished; `gate --extend` is one."""


class Verbs(click.Group):
    """The verbs in the order of work; for a misspelt one the nearest is suggested."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of the verbs in the order of work."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return a verb, or raise an error that suggests the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            near = nearest(args[0], self.commands)
            hint = f" Did you mean {near}?" if near else " `mathreason --help` lists them."
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        SIGNALS.resumes = args[:1] != [] and args[0] in _RESUMING
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:  # noqa: ANN401  click's
        """Read the command line."""
        with _exits_as_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """Run a verb and return its exit code, or None after checking that stdout was written."""
        with _exits_as_errors():
            code = super().invoke(ctx)
        if code is None:
            check_output()
        return code


@contextlib.contextmanager
def _exits_as_errors() -> Iterator[None]:
    """Turn every exit of click or of an engine into an error: their code 1 means a regression."""
    try:
        yield
    except click.exceptions.Exit:
        # The exit of --help and --version, after they have printed.
        check_output()
        raise
    except BrokenPipeError as error:
        raise RuntimeError(f"a pipe broke: {error}") from error
    except SystemExit as error:
        raise RuntimeError(f"something exited with {error.code!r}") from error


@click.group(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(__version__, prog_name="mathreason")
def verbs() -> None:
    """Measure how well a language model reasons.

    Every number has an interval, every verdict has a reason, and every run folder can be graded
    again, compared and published without running the model again.
    """


for command in (
    *(run, doctor, tasks, list_command, show, new, check, verify, regrade, score),
    *(revise, probe, reproduce),
    *(merge, exclude, compare, curve, gate, plan),
    *(import_command, export, leaderboard, serve, serve_grader),
):
    verbs.add_command(command)


def _run_verb() -> object:
    """Run a verb and return its result; anything it raises after a signal is an interrupt."""
    try:
        code = verbs.main(standalone_mode=False)
    except BaseException as error:
        if SIGNALS.received:
            raise KeyboardInterrupt from error
        raise
    SIGNALS.raise_received()
    return code


_COLLECTED = (200_000, 50, 100)
"""New objects before a collection, and collections before one of older objects. A run has millions
of records, which form no cycles: at Python's own numbers a sixth of a resume is spent on them."""


@SIGNALS.handled()
def main() -> None:
    """Run the command line and exit with its code, which no failure to print can change."""
    gc.set_threshold(*_COLLECTED)
    warnings.showwarning = _print_warning
    guard_streams()
    with commands_stopped():
        code = _exit_code()
    if SIGNALS.received:
        SIGNALS.leave()
    sys.exit(code)


def _slip(error: click.ClickException) -> int:
    """Say what is wrong with a command line; of one without a verb show the help. Return 2."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and context is not None:
        for line in context.get_help().splitlines():
            note(line)
        return EXIT_USER_ERROR
    usage = context.command_path if context else "mathreason"
    hint = f"`{usage} --help` shows its arguments." if isinstance(error, click.UsageError) else ""
    return _user_error(error.format_message(), hint)


def _exit_code() -> int:
    """Run the command line; return the verb's exit code, or that of the error that ended it."""
    try:
        code = _run_verb()
    except SeveralFaultsError as error:
        for fault in error.faults:
            print_error(fault.what, fault.hint)
        return error.exit_code
    except UserError as error:
        return _user_error(error.what, error.hint, error.exit_code)
    except click.ClickException as error:
        return _slip(error)
    except (KeyboardInterrupt, click.Abort):
        note(f"interrupted{SIGNALS.what_is_left}")
        return SIGNALS.exit_code
    except BaseException as error:  # noqa: BLE001  Python would exit with 1: a regression
        # Wherever a name is first asked for: no file has it, so that it is a slip of the user.
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return _user_error(
                f"{str(error.filename)[:100]}… is longer than a name can be.", "Check the path."
            )
        with contextlib.suppress(MemoryError, RecursionError):
            print_crash(error, "no verdict")
        return EXIT_INTERNAL_ERROR
    try:
        check_output()
    except OutputError as error:
        print_error(error.what, error.hint)
    return code if isinstance(code, int) else EXIT_DONE


def _user_error(what: str, hint: str, code: int = EXIT_USER_ERROR) -> int:
    print_error(what, hint)
    return code


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    note(f"warning: {message}")
