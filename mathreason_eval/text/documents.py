"""Whole documents in JSON and YAML, parsed strictly.

What two readers could take for two things is an error, and so is what makes a small file large.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mathreason_eval.text.limits import (
    MAX_DOCUMENT_BYTES,
    MAX_NESTING,
    MAX_NUMBER_CHARACTERS,
    MAX_VALUES,
    MAX_YAML_BYTES,
)

if TYPE_CHECKING:
    import yaml

_TOO_DEEP = f"has lists and mappings nested more than {MAX_NESTING} deep"


def is_too_deep(value: object) -> bool:
    """Return whether lists and mappings are nested deeper than the limit."""
    level = [value]
    for _ in range(MAX_NESTING):
        inner: list[object] = []
        for one in level:
            if isinstance(one, Mapping):
                inner += one.values()
            elif isinstance(one, list | tuple):
                inner += one
        level = inner
        if not level:
            return False
    return any(isinstance(one, Mapping | list | tuple) for one in level)


# --- JSON ------------------------------------------------------------------------------------

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def check_value_count(content: bytes) -> None:
    """Raise an error if JSON has so many values that it would take far more memory than its bytes.

    Raises:
        ValueError: if it has more than `MAX_VALUES`.
    """
    # Counted with those in texts, which takes no time; texts are only left out where it matters.
    if _separators(content) > MAX_VALUES and _separators(_STRING.sub(b"", content)) > MAX_VALUES:
        raise ValueError(f"has more than {MAX_VALUES:,} values")


def _separators(content: bytes) -> int:
    """Return at least the number of values, less one."""
    return sum(map(content.count, (b",", b"[", b"{")))


def parse_json(content: bytes, *, finite: bool = True) -> Any:  # noqa: ANN401  parsed JSON
    """Return the value of a JSON document.

    Args:
        content: the document.
        finite: whether NaN and Infinity, which JSON does not have, are errors.

    Raises:
        ValueError: if it is no JSON, or too large, nested too deeply, or has a key twice.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ValueError(f"has more than {MAX_DOCUMENT_BYTES >> 20} MiB")
    check_value_count(content)
    refuse: dict[str, Any] = {"parse_constant": _finite, "parse_float": _finite} if finite else {}
    try:
        value = json.loads(content, object_pairs_hook=unique_keys, **refuse)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"is not JSON: {error}") from None
    if is_too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object.

    Raises:
        ValueError: if a key is there twice: of its values one reader takes the first, another the
            last.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has the key {twice[:80]!r} twice")
    return found


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"has {number[:20]}, which is not a finite number")
    return value


# --- YAML ------------------------------------------------------------------------------------


class DocumentError(ValueError):
    """A document that is no YAML, or has what is not read."""

    def __init__(self, reason: str, line: int | None) -> None:
        super().__init__(reason)
        self.line = line
        """From 1; None if it is not known. The message says what the document, or the line, has."""


def parse_yaml(content: bytes) -> Any:  # noqa: ANN401  parsed YAML
    """Return the value of a YAML document; None if it is empty.

    Raises:
        DocumentError: as `yaml_tree`.
    """
    return yaml_value(yaml_tree(content))


def yaml_tree(content: bytes) -> yaml.Node | None:
    """Return the nodes of a YAML document, which know their lines; None if it is empty.

    Raises:
        DocumentError: if it is not YAML in UTF-8, is too large, is nested too deeply, or has a tag,
            an anchor, an alias, a key twice, or a number of very many digits.
    """
    import yaml

    if len(content) > MAX_YAML_BYTES:
        raise DocumentError(f"has more than {MAX_YAML_BYTES >> 20} MiB", None)
    loader = _loader()
    try:
        text = content.decode("utf-8-sig")
        depth = 0
        # Events are read one by one, without recursion: of what they allow a tree can be made.
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if (why := _fault(event, depth)) is not None:
                mark = event.start_mark
                raise DocumentError(why, mark.line + 1 if mark else None)
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
    except UnicodeDecodeError:
        raise DocumentError("is not UTF-8", None) from None
    except yaml.YAMLError as error:
        raise _document_error(error) from None
    _check_keys(root)
    return root


def yaml_value(node: yaml.Node | None) -> Any:  # noqa: ANN401  parsed YAML
    """Return the value of a node.

    Raises:
        DocumentError: if a scalar cannot be what it looks like, as the date 2001-99-99.
    """
    import yaml

    if node is None:
        return None
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _document_error(error) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise DocumentError(f"is not YAML: {error}", node.start_mark.line + 1) from None
    finally:
        loader.dispose()


def _loader() -> Any:  # noqa: ANN401  a class of PyYAML
    """Return the loader; the one in C is ten times as fast, where PyYAML has it."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_NUMBER = re.compile(r"[-+.0-9][-+.:_0-9a-fA-FxobEO]*")


def _fault(event: yaml.Event, depth: int) -> str | None:
    import yaml

    if isinstance(event, yaml.AliasEvent):
        return f"has the alias *{event.anchor}, which is not read: write its value once more"
    if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
        return f"has the anchor &{event.anchor}, and aliases are not read"
    if (tag := getattr(event, "tag", None)) is not None:
        return f"has the tag {tag[:80]!r}, which is not read"
    if depth > MAX_NESTING:
        return _TOO_DEEP
    if isinstance(event, yaml.ScalarEvent) and not event.style:
        long = len(event.value) > MAX_NUMBER_CHARACTERS
        if long and _NUMBER.fullmatch(event.value):
            return f"has a number of more than {MAX_NUMBER_CHARACTERS} characters"
    return None


def _document_error(error: yaml.YAMLError) -> DocumentError:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or " ".join(str(error).split()).rstrip(".")
    return DocumentError(f"is not YAML: {reason}", mark.line + 1 if mark else None)


def _check_keys(node: yaml.Node | None) -> None:
    """Raise an error if a mapping has a key twice."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        seen: set[tuple[str, str]] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise DocumentError("has a key that is not a text", line)
            if (key.tag, key.value) in seen:
                raise DocumentError(f"has the key {key.value[:80]!r} twice", line)
            seen.add((key.tag, key.value))
            _check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            _check_keys(inner)
