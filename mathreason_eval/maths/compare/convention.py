"""The conventions under which an answer equals the gold: named options with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, Self, get_args, get_type_hints

from mathreason_eval.errors import UnknownNameError, UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class Convention:
    """What is agreed rather than a matter of mathematics. The defaults follow common usage."""

    percent: Literal["either", "value", "sign"] = "either"
    """`50%` equals 0.5 as well as 50 (`either`), only 0.5 (`value`) or only 50 (`sign`)."""
    units: Literal["optional", "required", "ignored"] = "optional"
    """`optional`: 5 equals `5 cm`, `5 cm` equals `50 mm` but not `5 kg`. `required`: 5 does not
    equal `5 cm`. `ignored`: only the numbers count."""
    degrees: Literal["either", "strict"] = "either"
    """`30°` equals 30 as well as pi/6 (`either`), or only pi/6 (`strict`)."""
    ordered_lists: bool = False
    """Whether the order of a bare list counts: by default `2, 3` equals `3, 2`. A tuple in
    brackets never equals its permutation."""
    singleton_sets: bool = True
    """Whether `{1}` equals 1."""
    rounded_gold: int = 3
    """A decimal gold with at least this number of significant digits, the last of them not 0,
    equals any value that rounds to it: 180.67 equals 542/3. A gold without decimals is exact,
    and so is one that ends in 0, such as the 50.0 of a program that prints a float. 0: never."""
    rounded_answer: int = 10
    """A decimal answer equals an exact gold if it is its rounding to at least this number of
    significant digits: 0.3333333333 equals 1/3, 0.33 does not. 0: never."""
    integer_form: bool = True
    """Whether `3.0` equals 3."""
    variable_names: bool = True
    """Whether `y = 3` differs from `x = 3`. A value without a name equals both."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return a convention with these options, and the defaults for all others.

        Raises:
            UnknownNameError: if there is no such option; it suggests the nearest name.
            UserError: if an option cannot have that value.
        """
        kinds = _kinds()
        for name, value in options.items():
            if name not in kinds:
                raise UnknownNameError("convention", name, [field.name for field in fields(cls)])
            choices = get_args(kinds[name])
            if value not in choices if choices else type(value) is not kinds[name]:
                allowed = ", ".join(choices) or {bool: "true, false", int: "a number"}[kinds[name]]
                raise UserError(f"{name}: {value} is not a convention.", f"Use {allowed}.")
        return cls(**options)


@cache
def _kinds() -> dict[str, Any]:
    """Return the type of each option; they are read once, as that takes longer than a judgement."""
    return get_type_hints(Convention)


DEFAULT = Convention()
"""The defaults: the common ground of published graders; `docs/grading.md` has examples."""
