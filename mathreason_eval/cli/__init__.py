"""The command line: data on stdout, progress and errors on stderr. The only layer that prints.

Command modules import click alone; what a verb needs is imported when it runs, so that
`mathreason --help` answers at once.
"""

from __future__ import annotations

import difflib
import sys
import warnings

import click

from mathreason_eval import __version__
from mathreason_eval.cli.compare import compare
from mathreason_eval.cli.gate import gate
from mathreason_eval.cli.importing import import_command
from mathreason_eval.cli.plan import plan
from mathreason_eval.cli.run import regrade, run
from mathreason_eval.cli.show import show, tasks
from mathreason_eval.cli.site import leaderboard, serve
from mathreason_eval.cli.verify import check, verify
from mathreason_eval.errors import EXIT_USER_ERROR, UserError

_EXIT_INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C ended."""


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


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mathreason")
def verbs() -> None:
    """Measure how well a language model reasons.

    Every number comes with its interval, every verdict with its reason, and every run folder can
    be graded again, compared and published without asking the model twice.
    """


for command in (
    *(run, tasks, show, check, verify, regrade, compare, gate, plan),
    *(import_command, leaderboard, serve),
):
    verbs.add_command(command)


def main() -> None:
    """Run the command line and leave with its exit code."""
    warnings.showwarning = _show_warning
    try:
        code = verbs.main(standalone_mode=False)
    except UserError as error:
        _fail(error.what, error.hint, error.exit_code)
    except click.UsageError as error:
        usage = error.ctx.command_path if error.ctx else "mathreason"
        _fail(error.format_message(), f"`{usage} --help` shows what it takes.")
    except click.ClickException as error:
        _fail(error.format_message(), "")
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what was finished is stored, the same command goes on", err=True)
        sys.exit(_EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output, `head` say, has enough.
        sys.stderr.close()
        sys.exit(0)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(what: str, hint: str, code: int = EXIT_USER_ERROR) -> None:
    click.echo(f"error: {what}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)
    sys.exit(code)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"warning: {message}", err=True)
