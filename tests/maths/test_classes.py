"""One equality for verdicts and votes: answers that are equal are one vote, whatever their keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mathreason_eval.maths.compare.classes import AMONG_ANSWERS, same_vote
from mathreason_eval.maths.compare.equal import canonical_key, compare

# fmt: off
PAIRS = [
    # one                      other                        one vote
    ("(0, 1)",                 "0 < x < 1",                 True),
    ("3",                      "x = 3",                     True),
    ("y = 2x + 1",             "y - 2x = 1",                True),
    ("2, 3",                   "x = 2, x = 3",              True),
    (r"\log_3 2",              r"\frac{\ln 2}{\ln 3}",      True),
    (r"\sqrt{1/n}",            r"\frac{1}{\sqrt n}",        True),
    ("60",                     r"60\text{ km/h}",           True),
    ("3",                      "x = 4",                     False),
    ("x = 3",                  "y = 3",                     False),
    ("(0, 1)",                 "0 < x < 2",                 False),
    ("5 km",                   "5 kg",                      False),
    ("0.333",                  "1/3",                       False),  # only a gold may be rounded
    ("50",                     "0.5",                       False),
    ("A",                      "B",                         False),
    ("3.14",                   r"\pi",                      False),
]  # fmt: skip
# fmt: on


def one_vote(one: str, other: str) -> bool:
    keys = canonical_key(one), canonical_key(other)
    return keys[0] == keys[1] or same_vote((keys[0], one), (keys[1], other))


@pytest.mark.parametrize(("one", "other", "same"), PAIRS)
def test_equal_answers_are_one_vote(one: str, other: str, *, same: bool) -> None:
    assert one_vote(one, other) is one_vote(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (r"\begin{pmatrix}1/2\\2\end{pmatrix}", r"\begin{bmatrix}0.5\\2\end{bmatrix}", True),
        (r"\begin{pmatrix}1/2\\2\end{pmatrix}", r"\begin{bmatrix}0.5&2\end{bmatrix}", False),
        ("2 dozen", "24", False),  # a key says what was counted; the comparison makes them one
        ("3 km", "3000 m", True),
        ("7" + " " * 999, "7", True),
        ("7" + " " * 1000, "7", False),  # too long to be parsed
    ],
)
def test_a_key_is_of_the_value(one: str, other: str, *, same: bool) -> None:
    assert (canonical_key(one) == canonical_key(other)) is same


def test_a_long_answer_is_not_compared() -> None:
    long = "x + 1" + 100 * " + 1"
    assert not same_vote(("a", long), ("b", "x + 101"))


@pytest.mark.shared
@pytest.mark.slow
def test_what_a_verdict_calls_equal_is_one_vote(shared: Path) -> None:
    pairs = []
    for name in ("hard", "suites"):
        lines = (shared / "grader_cases" / f"{name}.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        pairs += [
            (str(row["gold"]), row["pred"])
            for row in rows
            if row.get("mode") != "output" and row.get("kind") != "extract"
        ]
    equal = [
        (one, other)
        for one, other in pairs
        if compare(one, other, AMONG_ANSWERS).equal and compare(other, one, AMONG_ANSWERS).equal
    ]
    split = [pair for pair in equal if not one_vote(*pair)]
    assert len(equal) > 400
    # 25 °C and 77 °F are one, and a key takes both for plain numbers.
    assert len(split) <= 1


@pytest.mark.parametrize(("one", "other"), [("1.000", "1,000"), ("1,000", "1.000")])
def test_answers_that_are_equal_in_one_order_alone_are_two_votes(one, other):
    """As a gold 1.000 may be grouped by a point; of two answers neither is one."""
    assert compare("1.000", "1,000", AMONG_ANSWERS).equal is True
    assert compare("1,000", "1.000", AMONG_ANSWERS).equal is False
    assert not same_vote(("a", one), ("b", other))
