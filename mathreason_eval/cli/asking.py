"""The verbs that ask a model: an option that is refused is told with all else that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource, iter_params_for_processing

from mathreason_eval.errors import UserError

if TYPE_CHECKING:
    from mathreason_eval.pipeline.preflight import Refused

CONFIG = "config"
"""The option that holds others: where its file cannot be read, what is not typed is not known."""
_REFUSED = "mathreason_eval.refused"
"""The key of what was refused in a context of click."""


class AskingCommand(click.Command):
    """A verb whose options are all read before what is wrong with one is told."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; an option that is refused has its default, and is noted.

        Raises:
            click.UsageError: an option that there is not, as what follows it is not known.
        """
        opts, rest, order = self.make_parser(ctx).parse_args(args=args)
        for param in iter_params_for_processing(order, self.get_params(ctx)):
            self._take(ctx, param, opts)
        # click's own mark of what was not given; older versions have none.
        unset = getattr(click.core, "UNSET", None)
        ctx.params.update({name: None for name, value in ctx.params.items() if value is unset})
        if rest:
            refuse(
                ctx, "model", UserError(f"Got unexpected arguments: {' '.join(rest)}.", _see(ctx))
            )
        ctx.args = []
        return ctx.args

    def _take(self, ctx: click.Context, param: click.Parameter, opts: Mapping[str, Any]) -> None:
        name = str(param.name)
        try:
            param.handle_parse_result(ctx, opts, [])
        except (click.UsageError, UserError) as error:
            # What is refused in a file is not missing as well.
            if not (isinstance(error, click.MissingParameter) and _is_refused(ctx, name)):
                refuse(ctx, name, error)
            if param.required:
                ctx.params[name] = None
            else:
                source = ctx.get_parameter_source(name)
                param.handle_parse_result(ctx, {}, [])
                ctx.set_parameter_source(name, source or ParameterSource.DEFAULT)


def refuse(ctx: click.Context, name: str, error: click.UsageError | UserError) -> None:
    """Note why what was given for an option is refused.

    Args:
        ctx: of the verb.
        name: of the option, as click calls it.
        error: what is wrong.
    """
    if isinstance(error, click.UsageError):
        error = UserError(error.format_message(), _see(ctx))
    ctx.meta.setdefault(_REFUSED, []).append((name, error))


def _is_refused(ctx: click.Context, name: str) -> bool:
    return any(name == other for other, _ in ctx.meta.get(_REFUSED, ()))


def refused(ctx: click.Context) -> Refused:
    """Return what was refused of the command line of a verb."""
    from mathreason_eval.pipeline.preflight import Refused

    pairs: list[tuple[str, UserError]] = ctx.meta.get(_REFUSED, [])
    names = {name for name, _ in pairs}
    if CONFIG in names:
        names |= {name for name in ctx.params if not _is_typed(ctx, name)}
        # What is missing may be in the file.
        pairs = [pair for pair in pairs if pair[0] == CONFIG or _is_typed(ctx, pair[0])]
    return Refused(names=frozenset(names), faults=tuple(error for _, error in pairs))


def _is_typed(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _see(ctx: click.Context) -> str:
    return f"`{ctx.command_path} --help` shows its arguments."
