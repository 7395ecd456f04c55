"""The symbolic step checker: what it calls false, and above all what it does not."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.steps.checker import first_false_statement, first_false_step

# fmt: off
FALSE = [
    # text                                                     what is false                 class
    ("So 3 * 4 = 13 pears.",                                   "3 * 4 = 13 pears"),  # plain
    ("3 × 4 = 13",                                             "3 × 4 = 13"),
    ("It is 10 x 2 = 21.",                                     "10 x 2 = 21"),
    ("He has 5 pens and 3 + 4 = 8 pencils.",                   "3 + 4 = 8 pencils"),  # prose
    ("Total = 18 + 6 + 6 = 31",                                "18 + 6 + 6 = 31"),  # chain
    ("Total = 2 + 3 = 5 = 6 - 2",                              "5 = 6 - 2"),
    ("$5 + $3 = $9",                                           "$5 + $3 = $9"),  # money
    ("₦500 + ₦300 = ₦900",                                     "₦500 + ₦300 = ₦900"),
    ("So $20 (ticket) - $2 (drink) = $17",                     "$20 (ticket) - $2 (drink) = $17"),
    (r"\[ \text{Cost} = 5 \times \$30 = \$160 \]",             r"5 \times \$30 = \$160"),
    (r"so $\frac{1}{2} + \frac13 = \frac25$",                  r"\frac{1}{2} + \frac13 = \frac25"),
    (r"\[4 \text{ cakes/day} \times 5 \text{ days} = 21 \text{ cakes}\]",
     r"4 \text{ cakes/day} \times 5 \text{ days} = 21 \text{ cakes}"),  # units
    ("20% of 50 is: 20% of 50 = 11",                           "20% of 50 = 11"),  # per cent
    ("1,200 + 1,300 = 2,600",                                  "1,200 + 1,300 = 2,600"),  # groups
    (r"\begin{align*} a &= 2 + 3 \\ &= 6 \end{align*}",        r"2 + 3 \\ &= 6"),  # rows
    (r"\sqrt{16} = 5",                                         r"\sqrt{16} = 5"),  # roots
    (r"\binom{5}{2} = 11",                                     r"\binom{5}{2} = 11"),
    ("5!=100",                                                 "5!=100"),
    (r"17 \equiv 4 \pmod{5}",                                  r"17 \equiv 4 \pmod{5}"),  # modulo
    ("2^5 = 32 = 3 (mod 7)",                                   "32 = 3 (mod 7)"),
    (r"so \frac12 + 1 < \frac54",                              r"\frac12 + 1 < \frac54"),  # order
    ("2 + 3 ⩽ 4",                                              "2 + 3 ⩽ 4"),
    (r"so 2 + 3 \leqq 4",                                      r"2 + 3 \leqq 4"),
    (r"2 \cdot 3 \neq 6, so it is not.",                       r"2 \cdot 3 \neq 6"),
    ("130 + x = 400. Subtracting: x = 250",                    "x = 250"),  # solving
    (r"\(x^2 - 5x + 4 = 0\), so \((x - 2)(x + 3) = 0\)",       "(x - 2)(x + 3) = 0"),
    ("We get (7)(9) = 64.",                                    "(7)(9) = 64"),  # written close
    ("0.5 × 2.5 × 6.5 = 9.2",                                  "0.5 × 2.5 × 6.5 = 9.2"),  # halves
    ("23 ÷ 5 = 4 remainder 2",                                 "23 ÷ 5 = 4 remainder 2"),
    (r"\(23 \div 5 = 4\) with a remainder of \(4\)",
     r"23 \div 5 = 4\) with a remainder of \(4"),
    ("Total time = 20 + 23. Total time = 44.",                 "Total time = 44"),  # said again
    (r"\(f(-x) = x^2 - 1\). Notice that \(f(-x) = -(x^2 - 1)\).", "f(-x) = -(x^2 - 1)"),
    (r"\(y^2 + x = (x + 1)^2 - y\). Expanding, \(y^2 + x = x^2 + 1 - y\).",
     "y^2 + x = x^2 + 1 - y"),
    ("150 + x = 500. Subtracting 150 from both sides, x = 200", "x = 200"),
    ("5! = 100",                                               "5! = 100"),
    (r"\tan 45^\circ = 2",                                     r"\tan 45^\circ = 2"),
    (r"\pi \approx 3.5",                                       r"\pi \approx 3.5"),  # nearly
    ("10 / 4 = 2.6",                                           "10 / 4 = 2.6"),  # decimals
    ("7 / 2 = 4",                                              "7 / 2 = 4"),  # no floor
    (r"f(x) = (x + 1)^2 = x^2 + x + 1",                        "(x + 1)^2 = x^2 + x + 1"),  # forms
    (r"We factor it: \(x^2 - 5x + 6 = (x - 1)(x - 6)\)",       "x^2 - 5x + 6 = (x - 1)(x - 6)"),
]

TRUE = [
    # text                                                     class
    "3 * 4 = 12, and 2 + 2 = 4.",  # true
    "",
    "2x = 6, x + 3 = 7, and AB + 3 = 9",  # equations to be solved
    "x^2 - 2x = x + 4",
    r"Set the two equal: \(x^2 + 2 = (x + 2)^2\).",
    "a + 1 = 2b = c",  # other variables: something known
    r"a^2 b + c = b^2 c + a = c^2 a + b",  # a system written as a chain
    "10 / 3 = 3.33", "2 / 3 = 0.66", "3.33 * 3 = 10",  # rounded, truncated, worked on
    "7 / 2 = 3 remainder 1", "1,234 ÷ 8 = 154 remainder 2,",  # wholes
    "Total = 20 + 23. Total = 43.", "x = 5 - 3, or x = 4", r"\(x = 1\) \(x = 2\)",  # said again
    r"\(y = x + 1\) and \(y = 2x\)", r"\(y = 2(x + 1)\). Simplifying, \(y = 2x + 2\).",
    r"\(x = \frac{3 + 5}{2} = 4\) \(x = \frac{3 - 5}{2} = -1\)",
    r"\frac{2}{3} \approx 0.667", r"\sqrt{2} \approx 1.4",
    "1 foot = 12 inches", "60 minutes = 1 hour", "50¢ + 50¢ = $1",  # units
    r"\(4 \text{ hours} = 4 \times 60 = 240 \text{ minutes}\)",
    "300 pennies = 300 x $0.01 = $3.00", "7 pairs = 7 * 2 = 14 gloves",
    r"\frac{1}{2} \text{ inch} = 20 \text{ miles}",
    "3 * 60 minutes = 3 hours", "1 hour + 30 minutes = 90 minutes",
    "Time to paint 30 walls = 25 + 6",  # the number belongs to a name
    "One-third of 48 = 48 / 3 = 16",
    "Ben's age - 4 = 10 - 4", r"\text{Ben's age} - 4 = 10 - 4 = 6",
    "20% = 0.2", "100% - 20% = 80%", "30 / 60 * 100 = 50%",  # per cent, either way
    "1st - 5 = 6th",  # places
    "- 3 + 4 = 7",  # an item of a list
    "Ratio 3:4 = 6:8", "1 + 2 + ... + 10 = 55",  # what is not read
    "[1, 2] = [3, 4] and (1, 2) = 5",
    r"2\frac{1}{2} = 5/2", "2 3/4 = 11/4",  # mixed numbers
    "We get 0 = 5, a contradiction.", "2 + 2 = 5 is not true.",  # refuted
    "8 = -4",  # nothing to work out
    r"3(ab + ac) = 39", "14^3 / r^3 = 8",  # variables in brackets, below a slash
    r"\cos(90^\circ) = 0", r"8^\circ = 2^3",  # machine numbers, marks
    r"\log{100} = 2",  # the base is not said
    r"12 + 36 = 48 pages \boxed{48}",  # the answer said again
    r"\sqrt{x^2} = y = \sqrt{x^2} \cdot 1 = -x",  # the sign of a root
    "0.93P + 0.2P = 0.93P * 1.2 = 1.12P",  # rounded coefficients
    "She paid $5 and got $3 = 3 coins",
    "He did 60 jumps (40 + 20) + 30 hops (15 × 2) = 90 moves", "so 30 - 4 = 26 (4 years less)",
    "He got 3/(3+2) = 3/5 of $200, which is $120",              # a share of something
    "2 adults × $16 = $32 + 3 children × $5 = $15",            # run on, as on a calculator
    "1/2 pound of nuts costs $(8 × 1/2) = $4", "1/3 pound nuts costs $(9 × 1/3) = $3",
    "4.5 / 1/2 = 9", "12 * $0.4167 = $5",                      # read in two ways; finer than cents
    r"$\frac13(\text{base})(\text{height}) = \frac13(7 \cdot 6)(2)$",
    r"\frac{1 \text{ km}}{4 \text{ h}} = \frac{1000 \text{ meters}}{4 \cdot 3600 \text{ seconds}}",
    r"As \(2 \cdot 4 \equiv 1 \pmod{7}\), \(2^{-1} = 4\).", "In binary, 101 = 4 + 1",
    "P1 = P2 = P3 = 40",                                       # names with numbers
    r"17 \equiv 2 \pmod{5}", "2^5 = 32 = 4 (mod 7)",           # modulo
    "3 < 5 < 7", r"\sqrt{2} < 1.5", "70 < 24",                  # order; nothing to work out
    "x + 1 = 0 or x - 3 = 0, so x = 3",                        # one equation of several
    "x + 3 = 7. If x = 5, all is lost.",                       # another case
    "d(3) = 1/3, so d(9) = 1/9", "(x - 1)(x - 2) = 0, so x = 1",
    "2x = 6 gives x = 3", r"\frac{x}{15 - x} = \frac{2}{3} \implies 3x = 30 - 2x",
]
# fmt: on


@pytest.mark.parametrize(("text", "false"), FALSE)
def test_a_false_equation_is_found_and_quoted(text, false):
    found = first_false_statement(text)
    assert found is not None
    assert (found.text, text[found.start : found.end]) == (false, false)


@pytest.mark.parametrize("text", TRUE)
def test_what_may_hold_is_not_called_false(text):
    assert first_false_statement(text) is None


def test_the_reason_can_be_checked():
    found = first_false_statement("3 + 4 = 8")
    assert found is not None
    assert found.reason == "the left side is 7, the right side 8"


def test_the_first_false_step_counts_from_zero():
    found = first_false_step(["2 + 2 = 4", "so 4 * 3 = 11", "and 1 + 1 = 3"])
    assert found is not None
    assert (found.index, found.statement.text) == (1, "4 * 3 = 11")


def test_a_step_may_fail_to_follow_from_the_one_before():
    found = first_false_step(
        ["We have 7 - 6x + x^2 - 4 = 0.", "This simplifies to x^2 - 6x + 11 = 0."]
    )
    assert found is not None
    assert (found.index, found.statement.text) == (1, "x^2 - 6x + 11 = 0")
    assert found.statement.reason == "it has no solution in common with 7 - 6x + x^2 - 4 = 0"


def test_a_solution_without_a_false_equation_has_no_false_step():
    assert first_false_step(["2 + 2 = 4", "hence x"]) is None


@given(st.integers(-999, 999), st.integers(-999, 999), st.integers(-3, 3))
def test_a_product_is_called_false_exactly_if_it_is(a, b, off):
    found = first_false_statement(f"We get ({a}) * ({b}) = {a * b + off}.")
    assert (found is not None) == (off != 0)


@given(st.text(alphabet="0123456789 +-*/=()[]{}$\\.,%^\nab√π", max_size=200))
def test_no_text_is_too_strange(text):
    found = first_false_statement(text)
    assert found is None or text[found.start : found.end] == found.text


# fmt: off
LONG = [
    "(", "{", r"\frac{", "$", "=", "3 = ", "3+4=", r"\(", r"(\)", r"\boxed{", "-", "- \n", "(3=",
    "5 a of ", "x^2 = ", "x+1=2 so ", "1 2/3 ",
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("unit", LONG)
def test_long_texts_take_time_in_proportion(unit):
    # The equation at the end has all that is before it read.
    assert first_false_statement(unit * (30_000 // len(unit)) + " 2 = 2") is None


# --- the published solutions -----------------------------------------------------------------

# fmt: off
PUBLISHED = [
    # file                      steps found right, correct solutions called wrong, at least and most
    ("gsm8k.jsonl",             22, 0),
    ("math.jsonl.gz",           88, 0),
    ("olympiadbench.jsonl.gz",  49, 3),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(("file", "right", "alarms"), PUBLISHED)
def test_published_solutions_are_judged_as_measured(shared, file, right, alarms):
    opened = gzip.open if file.endswith(".gz") else open
    with opened(shared / "processbench" / file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    said = [(row["label"], first_false_step(row["steps"])) for row in rows]
    hits = sum(found is not None and found.index == label for label, found in said)
    false_alarms = sum(label < 0 and found is not None for label, found in said)
    assert hits >= right
    assert false_alarms <= alarms
