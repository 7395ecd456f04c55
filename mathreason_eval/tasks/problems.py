"""What a problem must be so that it can be asked, judged, stored and read again as it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from mathreason_eval.text.limits import MAX_NESTING
from mathreason_eval.types import Problem

_MAX_GIVEN = MAX_NESTING - 4
"""Lists and mappings within `given`, which a line of a run folder has within others."""
_MAX_WHOLE = 2**63
"""Whole numbers below it are the same in every program that reads a run folder."""


def problem_fault(problem: Problem) -> str | None:
    """Return why a problem cannot be asked or stored: `question is 5, and must be a text`.

    A task's code may have put anything in it. None if nothing is wrong.
    """
    return next(_faults(problem), None)


def _faults(problem: Problem) -> Iterator[str]:
    for name in ("id", "question"):
        yield from _refused(name, getattr(problem, name), "a text that is not blank", _says)
    # One without UTF-8 is no name in a page's address or a table.
    yield from _refused("id", problem.id, "Unicode", _is_unicode)
    for name in ("origin", "variant"):
        yield from _refused(name, getattr(problem, name), "a text or None", _is_text_or_none)
    yield from _refused("gold", problem.gold, "a tuple of texts, and not empty", _are_golds)
    for name in ("meta", "given"):
        yield from _refused(name, getattr(problem, name), "a mapping by texts", _is_mapping)
    for key, value in problem.meta.items():
        wanted = "a text, a number, True or False"
        yield from _refused(f"meta[{key!r}]", value, wanted, _is_property)
    for key, value in problem.given.items():
        yield from _refused(f"given[{key!r}]", value, "what JSON can hold", _is_json)


def _refused(
    name: str, value: object, wanted: str, holds: Callable[[object], bool]
) -> Iterator[str]:
    if not holds(value):
        shown = ascii(value)
        shown = shown if len(shown) <= _LONGEST_VALUE else f"{shown[: _LONGEST_VALUE - 1]}…"
        yield f"{name} is {shown}, and must be {wanted}"


_LONGEST_VALUE = 60
"""Characters of a refused value that are repeated."""


def _says(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_unicode(value: object) -> bool:
    """Return whether a text has no lone surrogate."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _are_golds(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(map(_says, value))


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_unicode, value))


def _is_property(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) or (isinstance(value, int) and abs(value) < _MAX_WHOLE)


def _is_json(value: object, depth: int = 0) -> bool:
    if isinstance(value, Mapping):
        inner = [*value.values()]
        return (
            depth < _MAX_GIVEN and _is_mapping(value) and all(_is_json(v, depth + 1) for v in inner)
        )
    if isinstance(value, list | tuple):
        return depth < _MAX_GIVEN and all(_is_json(one, depth + 1) for one in value)
    return value is None or _is_property(value)
