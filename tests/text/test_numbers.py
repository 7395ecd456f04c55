"""Numbers of JSON as golds: the same number, digit by digit."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.text.numbers import gold_texts, number_text

# fmt: off
GOLDS = [
    # what JSON or a column holds; the accepted answers, or what is said of it
    (4,                       ("4",)),
    (145.0,                   ("145",)),                    # an integer column with gaps
    (1e3,                     ("1000",)),
    (0.5,                     ("0.5",)),
    (0.1 + 0.2,               ("0.30000000000000004",)),
    (1e-7,                    ("0.0000001",)),
    (1e23,                    ("100000000000000000000000",)),
    (-0.0,                    ("0",)),
    (12345678901234567891,    ("12345678901234567891",)),   # not through a float
    (Decimal("4.50"),         ("4.5",)),
    ("4.0",                   ("4.0",)),                    # a text is as it was written
    (" 4 ",                   (" 4 ",)),
    ([1, "two", 3.0],         ("1", "two", "3")),
    ((1,),                    ("1",)),
    (True,                    "True is neither"),
    (None,                    "None is neither"),
    (math.nan,                "nan is neither"),
    (math.inf,                "inf is neither"),
    (Decimal("NaN"),          "NaN"),
    ({},                      "{} is neither"),
    ([],                      "an empty list"),
    ("",                      "an empty text"),
    ("  ",                    "an empty text"),
    ([1, None],               "None is neither"),
    ([[1]],                   "neither"),
]
# fmt: on


@pytest.mark.parametrize(("gold", "wanted"), GOLDS)
def test_a_gold_is_a_text_or_a_number(gold, wanted):
    if isinstance(wanted, str):
        with pytest.raises(ValueError, match=wanted):
            gold_texts(gold)
        return
    assert gold_texts(gold) == wanted


def test_an_integer_of_more_digits_than_python_converts_is_refused():
    with pytest.raises(ValueError, match="limit"):
        gold_texts(10**5000)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30))
def test_a_number_keeps_its_value_and_has_no_exponent(number):
    text = number_text(number)
    assert set(text) <= set("-.0123456789")
    assert Fraction(text) == Fraction(repr(number))
    assert number_text(json.loads(text)) == text
