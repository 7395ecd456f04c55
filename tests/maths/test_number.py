"""Numbers as they are typed, in the scripts and groupings of many countries."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.number import (
    english,
    plain_number,
    rounds_to,
    significant,
    typed_value,
    with_digits,
)
from mathreason_eval.maths.vocabulary import latex
from mathreason_eval.maths.vocabulary.units import MONEY, is_currency, is_unit, unit_of

# fmt: off
TYPED = [
    # token                   value                  its decimals as typed
    ("7",                     Fraction(7),           ""),
    ("0.50",                  Fraction(1, 2),        "0.50"),
    (".5",                    Fraction(1, 2),        ".5"),
    ("1,234,567.8",           Fraction(12345678, 10), "1234567.8"),
    ("12,34,567",             Fraction(1234567),     ""),
    ("1.234.567,89",          Fraction(123456789, 100), "1234567.89"),
    (r"1\,000",               Fraction(1000),        ""),
    ("1.5e3",                 Fraction(1500),        ""),
    ("2.5E-4",                Fraction(1, 4000),     ""),
    (r"0.1\overline{6}",      Fraction(1, 6),        ""),
    (r"0.\dot{1}4285\dot{7}", Fraction(1, 7),        ""),
    ("0.1(6)",                Fraction(1, 6),        ""),
    ("0.333...",              Fraction(1, 3),        ""),
    ("21st",                  Fraction(21),          ""),
]  # fmt: skip

WORDS = [
    # words                 in digits
    ("seven",               "7"),
    ("twenty-one",          "21"),
    ("two hundred and six", "206"),
    ("three thousand",      "3000"),
    ("two trillion",        "2000000000000"),
    ("five lakh",           "500000"),
    ("two thirds",          "2/3"),
    ("minus one half",      "-1/2"),
    ("several",             None),
    ("hundred",             None),
]  # fmt: skip

SCRIPTS = [
    # written        one typography
    ("٤٢",           "42"),
    ("४२.५",         "42.5"),
    ("๔๒",           "42"),
    ("１２３",       "123"),
    ("四十二",       "42"),
    ("三分之二",     r"\frac{2}{3}"),
    ("一万二千",     "12000"),
    ("x²",           "x^{2}"),
    ("a₁₂",          "a_{12}"),
    ("−½",           r"-\frac{1}{2}"),
    ("0.3\u0305",    r"0.\overline{3}"),
    ("4\u200b2",     "42"),
    (" **5** ",      "5"),
    (r"\(5\).",      "5"),
    ("\x0crac{1}{2}", r"\frac{1}{2}"),
]  # fmt: skip

ROUNDED = [
    # value              typed     shown
    (Fraction(542, 3),   "180.67", True),
    (Fraction(542, 3),   "180.66", False),
    (Fraction(1, 8),     "0.13",   True),   # half up
    (Fraction(1, 8),     "0.12",   True),   # half even
    (Fraction(1),        "0.9999", False),
]  # fmt: skip
# fmt: on


@pytest.mark.parametrize(("text", "value", "typed"), TYPED)
def test_a_typed_number_has_its_value(text: str, value: Fraction, typed: str) -> None:
    assert typed_value(text) == (value, typed)


@pytest.mark.parametrize(("words", "digits"), WORDS)
def test_english_numerals(words: str, digits: str | None) -> None:
    assert english(words) == digits


@pytest.mark.parametrize(("written", "plain"), SCRIPTS)
def test_one_typography(written: str, plain: str) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize(("value", "typed", "shown"), ROUNDED)
def test_a_value_rounds_to_the_decimal_that_was_typed(
    value: Fraction, typed: str, *, shown: bool
) -> None:
    assert rounds_to(value, typed, Fraction(typed)) is shown


def test_leading_zeros_are_not_significant() -> None:
    assert [significant(text) for text in ("0.0500", "180.67", "0.5")] == [3, 5, 1]


def test_a_sign_is_no_digit() -> None:
    assert [significant(text) for text in ("-0.2", "-180.67", "+0.5")] == [1, 5, 1]


@pytest.mark.parametrize("text", ["", "-", "1e5", "1/2", "٤٢", "1" * 40, "1\n", " 1"])
def test_what_is_not_plainly_a_number_is_left_to_the_parser(text: str) -> None:
    assert plain_number(text) is None


def test_chinese_numerals_inside_words_stay_words() -> None:
    assert with_digits("一个圆") == "一个圆"


def test_units_are_made_of_units() -> None:
    speed, pace = unit_of("km per hour"), unit_of("m / s")
    assert speed is not None
    assert pace is not None
    assert (speed.dimension == pace.dimension, speed.size / pace.size) == (True, Fraction(5, 18))


@pytest.mark.parametrize("sign", MONEY)
def test_every_sign_of_a_currency_has_a_unit(sign):
    assert is_currency(sign)
    assert unit_of(sign) is not None


def test_a_unit_is_no_currency_by_the_length_of_its_dimension():
    assert is_unit("ohm")
    assert not is_currency("ohm")


def test_signs_of_relations_come_from_one_table():
    assert latex.relation_signs("!=") == {"!=", "≠", r"\ne", r"\neq"}
    assert latex.PROSE_FUNCTIONS - {"sqrt", "mod"} <= latex.FUNCTIONS.keys()
    assert latex.FRACTIONS <= latex.KNOWN
