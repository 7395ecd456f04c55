"""Whole documents in JSON and YAML, parsed strictly.

What two readers could take for two things is an error, and so is what makes a small file large.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mathreason_eval.text.limits import (
    MAX_DECODED_BYTES,
    MAX_DOCUMENT_BYTES,
    MAX_NESTING,
    MAX_NUMBER_CHARACTERS,
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

# A text that does not end is one to the end: looking for the end once more at each of its quotes
# would take a time that grows with the square. Possessive, since the places that a match could go
# back to take more memory than the document.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_KEY = re.compile(_STRING.pattern + rb"(\s*:)?", re.DOTALL)
_AT_A_TIME = 10_000
"""Texts that are left out at a time: what is between them takes memory as well."""
_MAX_KEYS = 200_000
"""Different keys that are told apart."""

# Bytes of memory, as measured with what is worst of each kind; a test measures them again.
_LIST, _OBJECT, _MEMBER, _ITEM = 90, 180, 60, 72
_NEW_KEY = 130
"""Of a key that no other object has: the decoder keeps one text of equal ones."""
_HEAVIEST = 200
"""Bytes that a byte of JSON can become."""
_TEXT = bytes(range(0x80, 0xC0))
"""Bytes that continue a character of UTF-8."""
_TWO, _FOUR = re.compile(rb"[\xc4-\xff]"), re.compile(rb"[\xf0-\xff]")
"""What makes Python keep a whole text with two, or four, bytes a character."""
_ESCAPED_FOUR = re.compile(rb"\\u[dD][89abAB]")


def check_weight(content: bytes) -> None:
    """Raise an error if JSON would take far more memory than its bytes.

    Raises:
        ValueError: if it would take more than `MAX_DECODED_BYTES`.
    """
    if len(content) * _HEAVIEST <= MAX_DECODED_BYTES:
        return
    left = MAX_DECODED_BYTES - _text_weight(content)
    # What is in texts counts as well at first, which takes no time.
    if _value_weight(content) <= left:
        return
    heavy = sum(map(_value_weight, _without_texts(content))) - _NEW_KEY * _repeated_keys(content)
    if heavy > left:
        raise ValueError(f"would take more than {MAX_DECODED_BYTES >> 20} MiB of memory")


def _without_texts(content: bytes) -> Iterator[bytes]:
    """Yield a document without the texts in it, in pieces."""
    start = 0
    ends = (found.end() for found in _STRING.finditer(content))
    for end in itertools.islice(ends, _AT_A_TIME - 1, None, _AT_A_TIME):
        yield _STRING.sub(b"", content[start:end])
        start = end
    yield _STRING.sub(b"", content[start:])


def _repeated_keys(content: bytes) -> int:
    """Return how many keys are ones that another object has as well."""
    met: set[int] = set()
    repeated = 0
    for found in _KEY.finditer(content):
        if found[1] is not None:
            key = hash(found[0])
            repeated += key in met
            if len(met) < _MAX_KEYS:
                met.add(key)
    return repeated


def _value_weight(content: bytes) -> int:
    weights = (b"[", _LIST), (b"{", _OBJECT), (b":", _MEMBER + _NEW_KEY), (b",", _ITEM)
    return sum(content.count(mark) * weight for mark, weight in weights)


def _text_weight(content: bytes) -> int:
    """Return the bytes of a document, of its text, and of the texts in it."""
    width = 1 if content.isascii() else 4 if _FOUR.search(content) else 2
    width = width if width != 2 or _TWO.search(content) else 1  # noqa: PLR2004  bytes
    characters = len(content) if content.isascii() else len(content.translate(None, _TEXT))
    escapes = content.count(b"\\u")
    within = 4 if _ESCAPED_FOUR.search(content) else 2 if escapes else 1
    # An escape of six characters is one.
    return len(content) + characters * width + (characters - 5 * escapes) * max(width, within)


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
    check_weight(content)
    text = utf8_text(content)
    refuse: dict[str, Any] = {"parse_constant": _finite, "parse_float": _finite} if finite else {}
    try:
        value = json.loads(text, object_pairs_hook=unique_keys, **refuse)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if is_too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def utf8_text(content: bytes) -> str:
    """Return the text of JSON. Half characters, which Python writes, are kept.

    Raises:
        ValueError: if it is not UTF-8. Python would guess UTF-16 as well, of which nothing here can
            tell what it weighs.
    """
    try:
        return content.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


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


_OTHER_BASE = re.compile(
    r"[-+]?(?:0[0-9_]+|0[xXbB][0-9a-fA-F_]+|[0-9]+_[0-9_.]*|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)"
)
"""`010` is 8 in YAML 1.1, and `1:30` is 90."""


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
        if _OTHER_BASE.fullmatch(event.value):
            return f"has {event.value}, which YAML reads as another number: write it in quotes"
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
