"""`leaderboard.yaml`: what a site says of itself, read strictly, and the defaults."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.runs.descriptors import open_named
from mathreason_eval.text.documents import DocumentError, parse_yaml
from mathreason_eval.text.limits import MAX_YAML_BYTES

DEFAULT_FILE = Path("leaderboard.yaml")
"""The file that is read, if it exists, when --config is not given."""
_LONGEST = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteConfig:
    """What a site says of itself; every field is a key of `leaderboard.yaml`."""

    title: str = "Leaderboard"
    description: str = ""
    """A sentence or two below the title."""
    authors: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Addresses by the word that is shown."""
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Names that are shown, by the models' own."""
    order: tuple[str, ...] = ()
    """Tasks in the order of the columns; the others follow, the one with most results first."""
    hidden: tuple[str, ...] = ()
    """Tasks whose problems are not printed, in addition to those whose licence forbids it."""
    address: str = ""
    """Where the site will be, for its feed."""


def read_config(path: Path) -> SiteConfig:
    """Return the settings of a file.

    Raises:
        UserError: if it cannot be read, or a key or a value is not one of ours.
    """
    try:
        with os.fdopen(open_named(path), "rb") as file:
            values = parse_yaml(file.read(MAX_YAML_BYTES + 1))
    except (OSError, DocumentError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{path} cannot be read: {reason}.", "docs/leaderboard.md shows every key."
        ) from None
    if not isinstance(values, dict | None):
        raise _wrong(path, "it", "a mapping of keys")
    known = [one.name for one in fields(SiteConfig)]
    for key in values or {}:
        if key not in known:
            raise UnknownNameError(f"key in {path}", str(key), known)
    return SiteConfig(**{key: _value(path, key, value) for key, value in (values or {}).items()})


def _value(path: Path, key: str, value: object) -> Any:  # noqa: ANN401  a field of the record
    kind, is_valid, read = _KINDS[key]
    if not is_valid(value):
        raise _wrong(path, f"`{key}`", kind)
    return read(value)


def _wrong(path: Path, what: str, kind: str) -> UserError:
    return UserError(f"In {path} {what} must be {kind}.", "docs/leaderboard.md shows every key.")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _are_texts(value: object) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _is_address(value: object) -> bool:
    if not isinstance(value, str) or not _is_text(value):
        return False
    try:
        return urlsplit(value).scheme in {"https", "http", "mailto"}
    except ValueError:
        return False


def _maps_to_addresses(value: object) -> bool:
    return (
        isinstance(value, dict)
        and all(map(_is_text, value))
        and all(map(_is_address, value.values()))
    )


def _maps_to_names(value: object) -> bool:
    texts = isinstance(value, dict) and all(map(_is_text, [*value, *value.values()]))
    # Two models under one name would be one to a reader.
    return texts and max(Counter(value.values()).values(), default=1) == 1  # type: ignore[attr-defined]


def _tuple(value: Any) -> tuple[str, ...]:  # noqa: ANN401  checked before
    return (value,) if isinstance(value, str) else tuple(value)


_Kind = tuple[str, Callable[[object], bool], Callable[[Any], object]]
_TEXT: _Kind = ("a text", _is_text, str)
_TEXTS: _Kind = ("a text or a list of texts", _are_texts, _tuple)
_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "title": _TEXT,
        "description": _TEXT,
        "authors": _TEXTS,
        "links": ("a mapping of words to addresses", _maps_to_addresses, MappingProxyType),
        "names": ("a mapping of models to names, all different", _maps_to_names, MappingProxyType),
        "order": _TEXTS,
        "hidden": _TEXTS,
        "address": ("an address that begins with https://", _is_address, str),
    }
)
"""What each key may be, in words and as a check, and how it is read."""
