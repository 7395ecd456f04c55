"""Laws of equality: every answer is itself, order of the two does not matter, keys agree."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.compare.equal import canonical_key, compare
from mathreason_eval.maths.evaluate.residue import _PRIMES, PRIME

EXACT = Convention(rounded_gold=0, rounded_answer=0)
"""Without rounding, which asks only whether a value meets the decimals of the gold."""

numbers = st.one_of(
    st.integers(-999, 999).map(str),
    st.fractions(min_value=-9, max_value=9, max_denominator=20).map(str),
    st.decimals(-99, 99, places=2).map(str),
)
names = st.sampled_from(["x", "y", "n", r"\pi", "a_1", r"\theta"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return expressions made of smaller ones, as models write them."""
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: f"{p[0]} + {p[1]}"),
        pairs.map(lambda p: f"({p[0]})({p[1]})"),
        pairs.map(lambda p: rf"\frac{{{p[0]}}}{{{p[1]}}}"),
        inner.map(lambda e: f"({e})^2"),
        inner.map(lambda e: rf"\sqrt{{{e}}}"),
        inner.map(lambda e: f"-({e})"),
        inner.map(lambda e: rf"\sin({e})"),
    )


expressions = st.recursive(numbers | names, grown, max_leaves=6)
answers = st.one_of(
    expressions,
    st.tuples(expressions, expressions).map(lambda p: f"({p[0]}, {p[1]})"),
    st.tuples(expressions, expressions).map(lambda p: f"{p[0]}, {p[1]}"),
    st.tuples(names, expressions).map(lambda p: f"{p[0]} = {p[1]}"),
    st.tuples(numbers, numbers).map(lambda p: f"[{p[0]}, {p[1]})"),
    numbers.map(lambda n: f"x > {n}"),
    st.tuples(numbers, st.sampled_from(["cm", "%", r"^\circ", " apples"])).map("".join),
    st.text(max_size=12),
)
lawful = settings(
    max_examples=settings().max_examples * 3 // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.slow
@lawful
@given(answers)
def test_an_answer_equals_itself(answer: str) -> None:
    assert compare(answer, answer).equal is (answer.strip() != "")


@pytest.mark.slow
@lawful
@given(answers, answers)
def test_the_order_of_the_two_does_not_matter(one: str, other: str) -> None:
    there, back = compare(one, other, EXACT), compare(other, one, EXACT)
    # Only a gold may be a chain whose sides differ, and only an answer may name its value twice.
    assert (
        there.equal == back.equal
        or "chain" in {there.rule, back.rule}
        or "one value against several" in {there.note, back.note}
    )


@pytest.mark.slow
@lawful
@given(answers, answers)
def test_equal_keys_mean_equal_answers(one: str, other: str) -> None:
    if canonical_key(one) == canonical_key(other) and one.strip() and other.strip():
        assert compare(one, other).equal is not False


named = st.sampled_from(("f", "g", "h", "u")), st.sampled_from(("x", "t", "s"))


@lawful
@given(*named, st.integers(1, 3), st.integers(2, 9))
def test_another_name_prime_or_argument_is_another_answer(
    name: str, letter: str, primes: int, slope: int
) -> None:
    gold = f"{name}({letter}) = {slope}{letter}"
    marks = "'" * primes
    others = [
        f"{name}{marks}({letter}) = {slope}{letter}",
        f"v({letter}) = {slope}{letter}",
        f"{name}(w) = {slope}{letter}",
        f"{name}({slope}) = {slope}{letter}",
    ]
    for other in others:
        assert compare(gold, other).equal is compare(other, gold).equal is False, other
    assert compare(gold, f"{name}(w) = {slope}w").equal is True
    assert compare(gold, f"{slope}{letter}").equal is True


@lawful
@given(expressions, st.sampled_from(("for", "where", "if", "when", "given")), st.integers(1, 9))
def test_another_condition_is_another_answer(value: str, word: str, bound: int) -> None:
    gold = rf"{value} \text{{ {word} }} q > {bound}"
    for other in (f"q < {bound}", f"q > {bound + 1}", f"p > {bound}"):
        assert compare(gold, rf"{value} \text{{ {word} }} {other}").equal is not True, other
    assert compare(gold, value).equal is not True
    assert compare(value, gold).equal is not True


@lawful
@given(st.integers(-9, 9), st.integers(0, 70), st.sampled_from((r"\sin", r"\tan")))
def test_no_float_refutes_an_exact_zero(turns: int, power: int, function: str) -> None:
    zero = rf"10^{{{power}}} {function}({turns}\pi)"
    assert compare("0", zero).equal is not False
    assert compare(zero, "0").equal is not False
    assert compare("0", rf"10^{{{-power}}} \cos({turns}\pi)").equal is False


@lawful
@given(expressions)
def test_a_rewritten_expression_is_the_same(expression: str) -> None:
    rewritten = rf"1 \cdot \left({expression}\right) + 0"
    assert compare(expression, rewritten).equal is not False


@lawful
@given(expressions)
@example(r"\sin(\sin(\sqrt{-48.29}))")  # about 1e225
@example(r"\frac{1}{(\sin(\pi))^2}")
def test_one_more_is_not_the_same(expression: str) -> None:
    assert compare(expression, f"({expression}) + 1").equal is not True


@pytest.mark.slow
@lawful
@given(st.decimals(0, 99, places=2), st.fractions(-3, 3, max_denominator=9))
@example(Decimal("0.23"), Fraction(1))
def test_a_sign_before_both_changes_no_verdict(gold: Decimal, off: Fraction) -> None:
    answer = abs(Fraction(gold) + off / 500)
    assert compare(f"{gold}", f"{answer}").equal is compare(f"-{gold}", f"-{answer}").equal


@pytest.mark.slow
@lawful
@given(st.fractions(max_denominator=500), st.integers(1, 50))
def test_fractions_are_equal_in_every_form(value: Fraction, factor: int) -> None:
    over, under = value.numerator * factor, value.denominator * factor
    assert compare(str(value), rf"\frac{{{over}}}{{{under}}}").equal is True


@lawful
@given(st.text(), st.text())
def test_no_text_raises(gold: str, answer: str) -> None:
    assert compare(gold, answer).equal in {True, False, None}


@pytest.mark.parametrize("prime", _PRIMES)
def test_small_primes_have_square_roots_modulo_the_prime(prime: int) -> None:
    assert pow(prime, (PRIME - 1) // 2, PRIME) == 1


# fmt: off
CONVENTIONS = [
    Convention(),
    EXACT,
    Convention(rounded_gold=1, rounded_answer=2),
    Convention(integer_form=False, units="required", percent="sign"),
    Convention(ordered_lists=True, singleton_sets=False, variable_names=True),
]
# fmt: on
digits = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.decimals(-(10**6), 10**6, places=3).map(str),
    st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", fullmatch=True),
)


@settings(max_examples=settings().max_examples * 3)
@given(st.integers(-(10**12), 10**12).map(str), digits, st.sampled_from(CONVENTIONS))
@example("10", "10.0000000001", CONVENTIONS[0])
@example("0", "-0.5", CONVENTIONS[0])
@example("0", "-0", CONVENTIONS[0])
@example("7", "007", CONVENTIONS[0])
def test_plain_numbers_are_judged_as_any_expression_is(
    gold: str, answer: str, convention: Convention
) -> None:
    # With a space, neither is a plain number before it is parsed.
    assert compare(gold, answer, convention).equal is (
        compare(f"{gold} ", f" {answer}", convention).equal
    )
    if compare(gold, answer, convention).equal is False:
        assert compare(gold, answer, convention) == compare(f"{gold} ", f" {answer}", convention)
