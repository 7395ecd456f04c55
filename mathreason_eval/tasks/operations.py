"""What a prompt template may do with values: each operation pays for its size beforehand.

The work of a rendering is counted in elements of lists and pieces of texts, so that no input takes
long, and no value is larger than `MAX_LENGTH`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import wraps
from itertools import chain
from types import BuiltinMethodType, MethodType
from typing import Any

MAX_LENGTH = 2_000_000
"""Maximum characters of a text, or elements of a list."""
MAX_WORK = 1_000_000
"""Maximum work of one rendering: a second or two."""
_MAX_BITS = 10_000
"""Maximum bits of a whole number; Python prints no more than 4,300 digits."""
_PIECE = 32
"""Characters that cost as much as an element of a list."""


class LimitError(Exception):
    """A template does something that has no bound, or too much."""


WORK: ContextVar[list[int]] = ContextVar("work")
"""The work that is left to the present rendering, as the only element."""


def spend(units: int) -> None:
    """Subtract from the work that is left.

    Raises:
        LimitError: if none is left.
    """
    work = WORK.get()
    work[0] -= units
    if work[0] < 0:
        raise LimitError(f"it takes more than {MAX_WORK:,} steps")


def sized(value: Any) -> Any:  # noqa: ANN401  a template's values have any type
    """Return a value after paying for its size, everything in it included.

    Raises:
        LimitError: if it is too large, or is not data.
    """
    from jinja2 import Undefined

    # Its use raises the error that says what is missing.
    if isinstance(value, Undefined):
        return value
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            _check_length(len(one))
            spend(1 + pieces(len(one)))
        elif isinstance(one, list | tuple | range):
            spend(1 + len(one))
            rest.extend(() if isinstance(one, range) else one)
        elif isinstance(one, dict):
            spend(1 + len(one))
            rest.extend(chain(one.keys(), one.values()))
        elif isinstance(one, int):
            _check_bits(one.bit_length())
            spend(1)
        elif one is None or isinstance(one, float):
            spend(1)
        else:
            raise LimitError(f"a {type(one).__name__} is not data")
    return value


def _cost(value: Any) -> int:  # noqa: ANN401  as `sized`
    """Return the steps of a template's budget of work that `sized` takes for a value."""
    before = WORK.get()[0]
    sized(value)
    return before - WORK.get()[0]


def pieces(length: int) -> int:
    """Return the work of copying so many characters."""
    return length // _PIECE


def _check_length(length: int) -> None:
    if length > MAX_LENGTH:
        raise LimitError(f"a value is longer than {MAX_LENGTH:,} characters or elements")


def _check_bits(bits: int) -> None:
    if bits > _MAX_BITS:
        raise LimitError(f"a number is longer than {_MAX_BITS:,} bits")


def listed(value: Iterable[Any], cost: int = 1) -> list[Any]:
    """Return the elements of a value after paying `cost` for each."""
    found = []
    for one in value:
        spend(cost)
        found.append(one)
    return found


# --- operators -------------------------------------------------------------------------------


def add(left: Any, right: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return the sum of two numbers, texts or lists."""
    if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        _check_length(len(left) + len(right))
    return sized(sized(left) + sized(right))


def subtract(left: Any, right: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return the difference of two numbers."""
    return sized(sized(left) - sized(right))


def divide(left: Any, right: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return the quotient of two numbers, `left / right`, as Python does: 1 / 0 is its error."""
    return sized(sized(left) / sized(right))


def floor_divide(left: Any, right: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return the whole quotient of two numbers."""
    return sized(sized(left) // sized(right))


def multiply(left: Any, right: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return the product of two numbers, or a text or list several times.

    Raises:
        LimitError: it is longer than a template's value may be.
    """
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            _check_length(len(one) * other)
    return sized(sized(left) * sized(right))


def power(left: Any, right: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return the power of two numbers."""
    sized(left), sized(right)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() * abs(right))
    return sized(left**right)


def modulo(left: Any, right: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return the remainder of two numbers, or a text with values in the place of its `%s`."""
    if isinstance(left, str):
        return formatted(left, right)
    return sized(sized(left) % sized(right))


OPERATORS: Mapping[str, Callable[..., Any]] = {
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "FloorDiv": floor_divide,
    "Mod": modulo,
    "Pow": power,
}
"""Functions of two operands by the operator's class in Jinja."""

# --- calls -----------------------------------------------------------------------------------

_DATA = (str, list, tuple, dict)
_METHODS = frozenset(
    {
        *("capitalize", "casefold", "count", "endswith", "find", "get", "index", "isalpha"),
        *("isdigit", "items", "keys", "lower", "lstrip", "removeprefix", "removesuffix", "rfind"),
        *("rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper"),
        "values",
    }
)
"""Methods of texts, lists and mappings that change nothing and whose result is no larger."""


def call(function: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return what a function returns, if a template may call it.

    Raises:
        LimitError: if it may not.
    """
    from jinja2 import Undefined
    from jinja2.runtime import LoopContext
    from jinja2.utils import Namespace

    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    of_data = isinstance(function, BuiltinMethodType) and isinstance(owner, _DATA)
    of_loop = isinstance(function, MethodType) and isinstance(owner, LoopContext)
    if not (
        isinstance(function, Undefined)
        or function in (numbers, dict, Namespace)
        or (of_data and name in _METHODS)
        or (of_loop and name == "cycle")
    ):
        raise LimitError(f"a template cannot call {name or type(function).__name__}")
    for one in chain(args, kwargs.values()):
        sized(one)
    if of_data:
        sized(owner)
    found = function(*args, **kwargs)
    if isinstance(found, Namespace):
        return found
    return found if isinstance(found, range) else sized(_plainly(found))


def numbers(*bounds: int) -> range:
    """Return `range`, if it is not longer than a value may be."""
    found = range(*bounds)
    spend(1)
    if len(found) > MAX_LENGTH:
        raise LimitError(f"a range is longer than {MAX_LENGTH:,}")
    return found


def _plainly(found: Any) -> Any:  # noqa: ANN401  as `sized`
    """Return views of mappings and iterators as lists."""
    if isinstance(found, str | list | tuple | dict | range) or not isinstance(found, Iterable):
        return found
    return listed(found)


# --- filters ---------------------------------------------------------------------------------

_WIDE = re.compile(r"\d{3}|\*")
"""In a format: a width or a precision that makes a text of a thousand characters or more."""
_MAX_FORMAT = 1_000
_MAX_WIDTH = 100
_BITS_PER_DIGIT = 4


def formatted(text: str, values: Any) -> str:  # noqa: ANN401  as `sized`
    """Return a text with values in the place of its `%s`."""
    if len(text) > _MAX_FORMAT or _WIDE.search(text):
        raise LimitError("a format is too long, or has a width of more than two digits")
    spend(text.count("%") * _cost(values))
    return str(sized(text % values))


def with_format(value: Any, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401  as `sized`
    """Jinja's filter `format`; a text that would be too long is a `LimitError`."""
    return formatted(str(value), kwargs or args)


def joined(value: Iterable[Any], between: str = "", attribute: str | None = None) -> str:
    """Jinja's filter `join`."""
    if attribute is not None:
        raise LimitError(f"join has no attribute here: write map(attribute={attribute!r}) | join")
    texts = [str(sized(one)) for one in value]
    _check_length(sum(map(len, texts)) + len(between) * len(texts))
    return str(sized(str(between).join(texts)))


def replaced(value: Any, old: str, new: str, count: int = -1) -> str:  # noqa: ANN401  as `sized`
    """Jinja's filter `replace`."""
    text = str(sized(value))
    _check_length(len(text) + text.count(old) * len(sized(new)))
    return str(sized(text.replace(sized(old), new, count)))


def rounded(value: float, precision: int = 0, method: str = "common") -> float:
    """Jinja's filter `round`."""
    from jinja2.filters import do_round

    _check_bits(abs(precision) * _BITS_PER_DIGIT)
    return float(do_round(value, precision, method))  # type: ignore[arg-type]


def as_json(value: Any, indent: int | None = None) -> str:  # noqa: ANN401  as `sized`
    """Jinja's filter `tojson`."""
    from jinja2.utils import htmlsafe_json_dumps

    cost = _cost(value)
    # An element is indented by its depth, which is at most the number of all.
    spend(cost if indent is None else cost * (1 + pieces(cost * abs(indent))))
    return str(sized(htmlsafe_json_dumps(value, sort_keys=True, indent=indent)))


def indented(text: str, width: int | str = 4, *given: bool, **more: bool) -> str:
    """Jinja's filter `indent`."""
    from jinja2.filters import do_indent

    space = width if isinstance(width, str) else " " * min(max(width, 0), _MAX_WIDTH)
    lines = str(sized(text)).count("\n") + 1
    _check_length(len(text) + lines * len(sized(space)))
    return str(sized(do_indent(text, space, *given, **more)))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "format": with_format,
    "indent": indented,
    "join": joined,
    "replace": replaced,
    "round": rounded,
    "tojson": as_json,
}
"""Filters of Jinja that could make something large of something small, with their bounds."""


def metered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter of Jinja that pays for its input and its result."""
    # Where Jinja hands over itself first, that is not data.
    own = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def paying(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as `sized`
        for one in chain(args[own:], kwargs.values()):
            sized(one)
        return sized(_plainly(function(*args, **kwargs)))

    return paying
