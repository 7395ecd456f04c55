"""The conventions under which an answer counts as the gold, each a named option with a default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Convention:
    """What is a matter of agreement rather than of mathematics. The defaults follow practice."""

    percent: Literal["either", "value", "sign"] = "either"
    """`50%` meets 0.5 as well as 50 (`either`), only 0.5 (`value`) or only 50 (`sign`)."""
    units: Literal["optional", "required", "ignored"] = "optional"
    """`optional`: 5 meets `5 cm`, `5 cm` meets `50 mm`, `5 cm` does not meet `5 kg`.
    `required`: 5 does not meet `5 cm`. `ignored`: only the numbers count."""
    degrees: Literal["either", "strict"] = "either"
    """`30°` meets 30 as well as pi/6 (`either`), or only pi/6 (`strict`)."""
    ordered_lists: bool = False
    """Whether the order of a bare list counts: by default `2, 3` meets `3, 2`, and a tuple in
    brackets never meets its permutation."""
    singleton_sets: bool = True
    """Whether `{1}` meets 1."""
    rounded_gold: int = 3
    """A decimal gold that shows at least so many significant digits is met by any value that
    rounds to it: 180.67 is met by 542/3. A gold without decimals is exact. 0: never."""
    rounded_answer: int = 10
    """A decimal answer meets an exact gold if it is its rounding to at least so many significant
    digits: 1/3 is not met by 0.33, but by 0.3333333333. 0: never."""
    integer_form: bool = True
    """Whether `3.0` meets 3."""
    variable_names: bool = True
    """Whether `y = 3` fails to meet `x = 3`. A value without a name meets both."""


DEFAULT = Convention()
"""What published graders agree on where they agree; `docs/grading.md` has an example of each."""
