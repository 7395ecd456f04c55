"""The keys of a task.yaml, each with its type; a fault is named with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mathreason_eval.errors import TaskError, UnknownNameError, UserError, nearest, raise_faults
from mathreason_eval.tasks.files import inside
from mathreason_eval.text.documents import DocumentError, yaml_tree, yaml_value
from mathreason_eval.text.limits import MAX_YAML_BYTES, MOST_TOKENS

_Place = tuple[str | int, ...]
"""Keys and indices that lead to a value: `("prompts", "boxed", "form")`."""


class TaskFile:
    """A task.yaml as it was read, with the line of every key."""

    def __init__(self, path: Path) -> None:
        """Read it, and check every key.

        Raises:
            TaskError: if it is no YAML, or says something of the wrong type.
            UnknownNameError: if it has a key that means nothing.
        """
        self.path = path
        self._lines: dict[_Place, int] = {}
        self.values = self._read()
        raise_faults(self._faults())

    def _read(self) -> dict[str, Any]:
        try:
            inside(self.path.parent, self.path.name)
        except ValueError as error:
            raise TaskError(f"{self.path} is not read: {error}.", "It must be YAML.") from None
        try:
            with self.path.open("rb") as file:
                root = yaml_tree(file.read(MAX_YAML_BYTES + 1))
            self._note_lines(root, ())
            spec = yaml_value(root)
        except DocumentError as error:
            where = str(self.path) if error.line is None else f"{self.path}, line {error.line}"
            raise TaskError(f"{where} {error}.", "Correct it.") from None
        except OSError as error:
            raise TaskError(f"{self.path} cannot be read: {error}", "It must be YAML.") from None
        if not isinstance(spec, dict):
            raise TaskError(
                f"{self.path} is not a mapping of keys to values.", "docs/tasks.md shows one."
            )
        # A key without a value says nothing.
        return {key: value for key, value in spec.items() if value is not None}

    def _note_lines(self, node: Any, place: _Place) -> None:  # noqa: ANN401  a node of PyYAML
        """Note the line of each key below a node."""
        import yaml

        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*place, str(key.value))
                self._lines[inner] = key.start_mark.line + 1
                self._note_lines(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._lines[(*place, index)] = value.start_mark.line + 1
                self._note_lines(value, (*place, index))

    def where(self, place: _Place = ()) -> str:
        """Return `FILE, line N` of a value."""
        line = self._lines.get(place)
        return str(self.path) if line is None else f"{self.path}, line {line}"

    def places(self) -> Mapping[str, str]:
        """Return where each key of the file stands."""
        return {name: self.where((name,)) for name in self.values}

    def _fault(self, place: _Place, why: str) -> TaskError:
        name = ".".join(map(str, place))
        return TaskError(f"{self.where(place)}: {name} {why}.", "docs/tasks.md shows every key.")

    def _faults(self) -> Iterator[UserError]:
        """Yield everything that is wrong, in the order of the file's keys."""
        mistyped = {nearest(str(name), KEYS) for name in self.values if name not in KEYS}
        for name in _REQUIRED:
            if name not in self.values and name not in mistyped:
                yield TaskError(f"{self.path} has no {name!r}.", "docs/tasks.md shows every key.")
        for name, value in self.values.items():
            if name not in KEYS:
                yield UnknownNameError(f"key in {self.where((str(name),))}", str(name), KEYS)
            elif not KEYS[name].holds(value):
                yield self._value_fault((name,), value, KEYS[name])
            elif name in _NESTED:
                for place, inner in _mappings(name, value):
                    yield from self._mapping_faults(place, inner, _NESTED[name])

    def _value_fault(self, place: _Place, value: object, kind: _Kind) -> TaskError:
        return self._fault(place, f"is {_shortened(value)}, and must be {kind.wanted}")

    def _mapping_faults(
        self, place: _Place, inner: object, keys: Mapping[str, _Kind]
    ) -> Iterator[UserError]:
        if not all(map(_is_text, place[1:])) and place[0] == "prompts":
            yield self._fault(place, "is named by no text: put the name in quotes")
        if not isinstance(inner, dict):
            yield self._fault(place, f"is {_shortened(inner)}, and must be a mapping")
            return
        for key, value in inner.items():
            if key not in keys:
                where = self.where((*place, str(key)))
                kind = f"key of {'.'.join(map(str, place))} in {where}"
                yield UnknownNameError(kind, str(key), keys)
            elif value is not None and not keys[key].holds(value):
                yield self._value_fault((*place, key), value, keys[key])
        needed = _NEEDED[str(place[0])] if "file" not in inner else ()
        for key in needed:
            if inner.get(key) is None:
                yield self._fault(place, f"has no {key}")


_LONGEST_VALUE = 60
"""Characters of a refused value that are repeated."""


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _mappings(name: str, value: object) -> Iterator[tuple[_Place, object]]:
    """Yield the mappings below a key, each with its place: by name, in a list, or the value."""
    if value is None:
        return
    if name == "prompts":
        assert isinstance(value, dict), "as checked"
        yield from (((name, form), how) for form, how in value.items())
    elif isinstance(value, list):
        yield from (((name, index), one) for index, one in enumerate(value))
    else:
        yield (name,), value


# --- kinds of values -------------------------------------------------------------------------


class _Kind:
    """What a value must be."""

    def __init__(self, wanted: str, holds: Callable[[Any], bool]) -> None:
        self.wanted = wanted
        self.holds = holds


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_date(value: object) -> bool:
    return _DATE.fullmatch(str(value)) is not None


_DATE = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _are_no_blanks(value: object) -> bool:
    return _are_texts(value) and all(value if isinstance(value, list) else [value])


def _maps_texts(value: object) -> bool:
    return isinstance(value, dict) and all(
        _is_text(key) and _are_texts(one) for key, one in value.items()
    )


_TEXT = _Kind("a text, in quotes if it looks like a number", _is_text)
_TEXTS = _Kind("a text or a list of texts", _are_texts)
_WHOLE = _Kind("a whole number of at least 1", _is_whole)
_COUNT = _Kind("a whole number", lambda value: _is_whole(value) or value == 0)
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_MAPPING = _Kind("a mapping", lambda value: isinstance(value, dict))
_SHARE = _Kind("a number from 0 to 1", _is_share)
_FORMS = ("chat", "text", "turns")

KEYS: Mapping[str, _Kind] = MappingProxyType({
    **dict.fromkeys(("name", "summary", "source", "paper", "license", "reader"), _TEXT),
    **dict.fromkeys(("grade", "second", "cluster", "macro", "primary"), _TEXT),
    **dict.fromkeys(("extract", "slices", "metrics"), _TEXTS),
    "version": _WHOLE,
    "max_tokens": _Kind(
        f"a whole number from 1 to {MOST_TOKENS:,}",
        lambda value: _is_whole(value) and value <= MOST_TOKENS,
    ),
    **dict.fromkeys(("generate", "prompts", "convention", "card"), _MAPPING),
    **dict.fromkeys(
        ("data", "shots"),
        _Kind("a mapping or a list of them", lambda value: isinstance(value, dict | list)),
    ),
    "columns": _Kind("a mapping of names to columns", _maps_texts),
    "check_steps": _FLAG,
    "printed": _FLAG,
})  # fmt: skip
"""Every key of a task.yaml."""

_REQUIRED = ("name", "version", "summary", "license", "extract", "grade")
_DATA: Mapping[str, _Kind] = {
    **dict.fromkeys(("file", "hub", "golds"), _TEXT),
    # A revision of digits alone is a number to YAML.
    "revision": _Kind("a text", lambda value: isinstance(value, str | int)),
    **dict.fromkeys(("split", "configs"), _TEXTS),
    "rows": _WHOLE,
}
_NESTED: Mapping[str, Mapping[str, _Kind]] = {
    "generate": {"problems": _WHOLE},
    "card": {
        "public": _Kind("a date: 2025, 2025-02 or 2025-02-14", _is_date),
        "languages": _TEXTS,
        **dict.fromkeys(("canary", "contamination"), _TEXT),
        **dict.fromkeys(("human", "chance"), _SHARE),
        "proved": _FLAG,
    },
    "prompts": {
        "template": _TEXT,
        "form": _Kind(f"one of {', '.join(_FORMS)}", lambda value: value in _FORMS),
        "stop": _Kind("a text or a list of texts, none of them empty", _are_no_blanks),
        "shots": _COUNT,
        "system": _TEXT,
    },
    "data": _DATA,
    "shots": _DATA,
}
"""The keys of the mappings below a key."""
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "generate": ("problems",),
    "card": (),
    "prompts": ("template",),
    **dict.fromkeys(("data", "shots"), ("hub", "revision", "split")),
}
"""The keys that each of them must have; `file` stands for all of a hub's."""
