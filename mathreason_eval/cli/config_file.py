"""`--config FILE`: the options of a command from a file, those that are typed first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.asking import CONFIG, refuse
from mathreason_eval.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    import yaml


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
    read: set[str] = set()
    for key, node in _settings(path):
        param = known.get(key.replace("_", "-"))
        if param is None or param.name is None:
            refuse(ctx, "", UnknownNameError(f"setting in {path}", key, known))
        elif param.name in read:
            what = f"{path} says {param.name} twice, the second time as {key}."
            refuse(ctx, param.name, UserError(what, "Keep one of them."))
        elif faults := _faults(ctx, path, param, key, node):
            for fault in faults:
                refuse(ctx, param.name, fault)
        else:
            values[param.name] = _value(param, node)
        if param is not None and param.name is not None:
            read.add(param.name)
    ctx.default_map = {**(ctx.default_map or {}), **values}


def _faults(
    ctx: click.Context, path: Path, param: click.Parameter, key: str, node: yaml.Node
) -> list[UserError]:
    """Return why an option cannot have a value of a file."""
    try:
        read = param.process_value(ctx, _value(param, node))
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


def _settings(path: Path) -> list[tuple[str, yaml.Node]]:
    """Return the keys of a file, each with the node of its value.

    Raises:
        UserError: it cannot be read, or holds no settings.
    """
    import yaml

    from mathreason_eval.runs.descriptors import open_named
    from mathreason_eval.text.documents import DocumentError, yaml_tree
    from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES

    try:
        with os.fdopen(open_named(path), "rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
        root = yaml_tree(content)
    except (OSError, DocumentError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        line = getattr(error, "line", None)
        where = str(path) if line is None else f"{path}, line {line}"
        raise UserError(f"{where} cannot be read: {reason}.", "Name a YAML file.") from None
    if not isinstance(root, yaml.MappingNode):
        raise UserError(f"{path} holds no settings.", "Write a line for each: `samples: 8`.")
    return [(str(key.value), value) for key, value in root.value]


# --- values as they would be typed -----------------------------------------------------------


class OneValue(str):
    """A value of a list: it is one, also where it has a comma."""

    __slots__ = ()


def _value(param: click.Parameter, node: yaml.Node) -> object:
    """Return a value of a file as it would be typed.

    Raises:
        ValueError: it cannot be typed.
    """
    if isinstance(param, click.Option) and param.is_flag:
        word = _word(node)
        if word not in _FLAGS:
            raise ValueError(f"{word!r} is neither true nor false")
        return _FLAGS[word]
    if isinstance(param, click.Option) and param.multiple:
        return [*_several(node)]
    return _word(node)


_FLAGS = {"true": True, "false": False}


def _several(node: yaml.Node) -> Iterator[str]:
    """Yield the values of an option that may be repeated: of a list, or of a mapping KEY=VALUE."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, held in node.value:
            if isinstance(held, yaml.SequenceNode):
                yield from (OneValue(f"{key.value}={_word(one)}") for one in held.value)
            else:
                yield f"{key.value}={_word(held)}"
    else:
        yield from map(_word, node.value if isinstance(node, yaml.SequenceNode) else [node])


def _word(node: yaml.Node) -> str:
    """Return a value as it is written: `0.10` and `no` are no number and no flag here.

    Raises:
        ValueError: it is a list or a mapping, or nothing.
    """
    import yaml

    if node.tag == "tag:yaml.org,2002:null":
        raise ValueError("there is no value; leave the line out")
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("it is no single value")  # noqa: TRY004  as of other slips
    return str(node.value)
