"""`--config FILE`: the options of a command from a file, those that are typed first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.asking import CONFIG, refuse
from mathreason_eval.errors import UnknownNameError, UserError


def config_option(*names: str) -> Any:  # noqa: ANN401  a decorator of click's
    """Return the option `--config FILE`.

    Args:
        names: of arguments that the file may hold besides options.
    """
    return click.option(
        "--config",
        is_eager=True,
        expose_value=False,
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=lambda ctx, _param, path: None if path is None else _read(ctx, path, names),
        help="Take what is not typed from a YAML file: `samples: 8`, `tasks: [gsm8k, math500]`, "
        "`model-arg: {dtype: bfloat16}`.",
    )


def _read(ctx: click.Context, path: Path, arguments: tuple[str, ...]) -> None:
    """Have the values of a file stand for options that are not typed.

    A key that is no option, and a value that is none of its option, is noted as refused.

    Raises:
        UserError: the file cannot be read, or holds no settings.
    """
    params = [one for one in ctx.command.params if one.name != CONFIG]
    known = {name: param for param in params for name in _keys(param, arguments)}
    values: dict[str, object] = {}
    for key, value in _document(path).items():
        param = known.get(str(key).replace("_", "-"))
        if param is None or param.name is None:
            refuse(ctx, "", UnknownNameError(f"setting in {path}", str(key), known))
        elif faults := _faults(ctx, path, param, str(key), value):
            for fault in faults:
                refuse(ctx, param.name, fault)
        else:
            values[param.name] = _value(param, value)
    ctx.default_map = {**(ctx.default_map or {}), **values}


def _faults(
    ctx: click.Context, path: Path, param: click.Parameter, key: str, value: object
) -> list[UserError]:
    """Return why an option cannot have a value of a file."""
    try:
        read = param.process_value(ctx, _value(param, value))
    except (ValueError, click.BadParameter) as error:
        says = error.message if isinstance(error, click.BadParameter) else str(error)
        hint = f"`{ctx.command_path} --help` says what it may be."
        return [UserError(f"{path}: {key}: {says.rstrip('.')}.", hint)]
    return _refused(path, str(param.name), read)


def _refused(path: Path, name: str, value: object) -> list[UserError]:
    """Return why the setting of a run cannot have a value; nothing for other options."""
    from mathreason_eval.pipeline.spec import LIMITS

    faults = LIMITS[name].faults(name, value) if name in LIMITS else []
    return [UserError(f"{path}: {fault.what}", fault.hint) for fault in faults]


def _keys(param: click.Parameter, arguments: tuple[str, ...]) -> Iterator[str]:
    """Yield the names that a parameter has in a file: its long options, and its own name."""
    if param.name is not None and (isinstance(param, click.Option) or param.name in arguments):
        yield param.name.replace("_", "-")
        yield from (name.removeprefix("--") for name in param.opts if name.startswith("--"))


def _document(path: Path) -> Mapping[object, object]:
    from mathreason_eval.text.documents import DocumentError, parse_yaml
    from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES

    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
        document = parse_yaml(content)
    except (OSError, DocumentError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{path} cannot be read: {reason}.", "Name a YAML file.") from None
    if not isinstance(document, Mapping):
        raise UserError(f"{path} holds no settings.", "Write a line for each: `samples: 8`.")
    return document


def _value(param: click.Parameter, value: object) -> object:
    """Return a value of a file as it would be typed.

    Raises:
        ValueError: it cannot be typed.
    """
    if isinstance(param, click.Option) and param.is_flag:
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither true nor false")
        return value
    if isinstance(param, click.Option) and param.multiple:
        return [*_several(value)]
    return _word(value)


def _several(value: object) -> Iterator[str]:
    """Yield the values of an option that may be repeated: of a list, or of a mapping KEY=VALUE."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            for one in held if isinstance(held, list) else [held]:
                yield f"{_word(key)}={_word(one)}"
    else:
        yield from map(_word, value if isinstance(value, list) else [value])


def _word(value: object) -> str:
    """Return a value as a word of a command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{value!r} is no single value")
