"""The verbs that ask a model: an option that is refused is told with all else that is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource, iter_params_for_processing

from mathreason_eval.cli.screens import note
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
        _withhold_keys(ctx)
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


_NO_KEY = "MATHREASON_NO_KEY"
"""A variable that nobody sets."""
_USUAL_KEY = "OPENAI_API_KEY"
_WITH_KEYS = ("openai:", "lm_eval:")
"""How the names of models begin that are sent a key."""
_POINTING = frozenset({"api_key_env", "replicas"})
"""Options that say which key is sent, or to whom."""


def _withhold_keys(ctx: click.Context) -> None:
    """Have no key sent where a file points: a config may be somebody else's.

    A server that a config names is asked without a key, unless the variable is typed that holds
    it. A config chooses no variable, and adds no server to one that is typed.
    """
    model, given = str(ctx.params.get("model") or ""), dict(ctx.params.get("model_args") or {})
    names = {name.strip().replace("-", "_") for name in given}
    if _is_of_file(ctx, "model_args"):
        adds = model.startswith("openai:") and _is_typed(ctx, "model")
        for name in sorted(names & (_POINTING if adds else {"api_key_env"})):
            _refuse_pointing(ctx, "model_args", f"the option {name}", f"--model-arg {name}=…")
    if _is_of_file(ctx, "sweep"):
        for name, _ in filter(_points, (ctx.params.get("sweep") or {}).items()):
            _refuse_pointing(ctx, "sweep", f"values of {name}", f"--sweep {name}=…")
    if _is_of_file(ctx, "model") and model.startswith("lm_eval:"):
        _refuse_pointing(ctx, "model", "a model that lm-eval asks", "MODEL")
    elif _is_of_file(ctx, "model") and model.startswith("openai:") and "api_key_env" not in names:
        ctx.params["model_args"] = {**given, "api_key_env": _NO_KEY}
        _note_withheld()


def _note_withheld() -> None:
    if os.environ.get(_USUAL_KEY):
        note(
            f"the key in {_USUAL_KEY} is not sent to the server that a config names; "
            f"--model-arg api_key_env={_USUAL_KEY} sends it"
        )


def _points(axis: tuple[str, tuple[str, ...]]) -> bool:
    """Return whether an axis of a sweep says to whom a key is sent, or which."""
    name, values = axis
    bare = name.removeprefix("model-arg.").strip().replace("-", "_")
    return bare in _POINTING or any(one.startswith(_WITH_KEYS) for one in values)


def _refuse_pointing(ctx: click.Context, name: str, what: str, typed: str) -> None:
    hint = f"Type it, so that no file decides where a key is sent: {typed}."
    refuse(ctx, name, UserError(f"The config names {what}.", hint))
    # Nor is it looked at while other faults are looked for.
    if name != "model":
        ctx.params[name] = {}


def _is_of_file(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP


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
