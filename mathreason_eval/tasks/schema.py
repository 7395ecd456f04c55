"""The keys of a task.yaml, each with its type; a fault is named with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.tasks.files import inside
from mathreason_eval.text.documents import DocumentError, yaml_tree, yaml_value
from mathreason_eval.text.limits import MAX_YAML_BYTES

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
        self._check()

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

    def refuse(self, place: _Place, why: str) -> NoReturn:
        """Raise the error of a value.

        Raises:
            TaskError: in every case.
        """
        name = ".".join(map(str, place))
        raise TaskError(f"{self.where(place)}: {name} {why}.", "docs/tasks.md shows every key.")

    def _check(self) -> None:
        for name in self.values:
            if name not in KEYS:
                raise UnknownNameError(f"key in {self.where((str(name),))}", str(name), KEYS)
        for name in _REQUIRED:
            if name not in self.values:
                raise TaskError(f"{self.path} has no {name!r}.", "docs/tasks.md shows every key.")
        for name, value in self.values.items():
            self._check_value((name,), value, KEYS[name])
        for name, keys in _NESTED.items():
            for place, inner in _mappings(name, self.values.get(name)):
                self._check_mapping(place, inner, keys)

    def _check_value(self, place: _Place, value: object, kind: _Kind) -> None:
        if not kind.holds(value):
            self.refuse(place, f"is {_shortened(value)}, and must be {kind.wanted}")

    def _check_mapping(self, place: _Place, inner: object, keys: Mapping[str, _Kind]) -> None:
        if not isinstance(inner, dict):
            self.refuse(place, f"is {_shortened(inner)}, and must be a mapping")
        for key, value in inner.items():
            if key not in keys:
                where = self.where((*place, str(key)))
                raise UnknownNameError(
                    f"key of {'.'.join(map(str, place))} in {where}", str(key), keys
                )
            if value is not None:
                self._check_value((*place, key), value, keys[key])
        needed = _NEEDED[str(place[0])] if "file" not in inner else ()
        if missing := [key for key in needed if inner.get(key) is None]:
            self.refuse(place, f"has no {missing[0]}")


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


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


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
_FORMS = ("chat", "text", "turns")

KEYS: Mapping[str, _Kind] = MappingProxyType({
    **dict.fromkeys(("name", "summary", "source", "paper", "license", "reader"), _TEXT),
    **dict.fromkeys(("grade", "second", "cluster", "macro", "primary"), _TEXT),
    **dict.fromkeys(("extract", "slices", "metrics"), _TEXTS),
    **dict.fromkeys(("version", "max_tokens"), _WHOLE),
    **dict.fromkeys(("generate", "prompts", "convention"), _MAPPING),
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
    "prompts": {
        "template": _TEXT,
        "form": _Kind(f"one of {', '.join(_FORMS)}", lambda value: value in _FORMS),
        "stop": _TEXTS,
        "shots": _COUNT,
        "system": _TEXT,
    },
    "data": _DATA,
    "shots": _DATA,
}
"""The keys of the mappings below a key."""
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "generate": ("problems",),
    "prompts": ("template",),
    **dict.fromkeys(("data", "shots"), ("hub", "revision", "split")),
}
"""The keys that each of them must have; `file` stands for all of a hub's."""
