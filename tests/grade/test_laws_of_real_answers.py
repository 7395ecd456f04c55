"""Laws of verdicts over published golds and published outputs of models.

Each law says how two verdicts must relate, whatever the gold is. A law is over real texts, so each
has a number of exceptions that it may have, which is 0 where none is known.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from work import calls

from mathreason_eval.extract import extract
from mathreason_eval.grade.graders import MATH_RULES
from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import verify_output
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.maths.compare.equal import compare

pytestmark = [pytest.mark.shared, pytest.mark.slow]

EXACT = Convention(rounded_gold=0, rounded_answer=0)
GOLDS = ("math/math500.jsonl", "competitions/gaokao2023en.jsonl", "gsm8k/test.jsonl",
         "competitions/olympiadbench_oe_to_maths_en.jsonl.gz")  # fmt: skip
_FEWEST = 500


def rows(path: Path) -> Iterator[dict[str, object]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@pytest.fixture(scope="module")
def golds(shared: Path) -> list[str]:
    """Every gold once, each as its benchmark states it."""
    found: dict[str, None] = {}
    for name in GOLDS:
        for row in rows(shared / name):
            answer = row.get("answer", row.get("final_answer"))
            texts = answer if isinstance(answer, list) else [answer]
            found |= {str(text).strip().removeprefix("$").removesuffix("$"): None for text in texts}
    assert len(found) > _FEWEST
    return [gold for gold in found if gold and len(gold) < 200 and "$" not in gold]


# fmt: off
KEPT: list[tuple[str, Callable[[str], str]]] = [
    ("dollars",     lambda gold: f"${gold}$"),
    ("brackets",    lambda gold: rf"\({gold}\)"),
    ("box",         lambda gold: rf"\boxed{{{gold}}}"),
    ("spaces",      lambda gold: f"  {gold}\n"),
    ("full stop",   lambda gold: f"{gold}."),
    ("emphasis",    lambda gold: f"**{gold}**"),
]

CONTAINERS: list[tuple[str, Callable[[str], str]]] = [
    ("box",         lambda gold: rf"So the answer is $\boxed{{{gold}}}$."),
    ("tag",         lambda gold: f"So it is:\n<answer>{gold}</answer>"),
    ("tag, box",    lambda gold: rf"So it is:\n<answer>$\boxed{{{gold}}}$</answer>"),
    ("bold",        lambda gold: f"**Final Answer:** ${gold}$"),
    ("display",     lambda gold: f"**Final Answer**\n\\[ \\boxed{{{gold}}} \\]"),
    ("JSON",        lambda gold: json.dumps({"reasoning": "…", "answer": gold})),
    ("HTML",        lambda gold: f"<p>The answer is <b>${gold}$</b></p>"),
    ("thought",     lambda gold: rf"<think>1, 2, 3</think>The answer is \boxed{{{gold}}}"),
]
# fmt: on
ALLOWED = 0.004
"""Share of golds, as those with several parts or in words, whose container may hide them."""


def failing(golds: list[str], holds: Callable[[str], bool]) -> list[str]:
    return [gold for gold in golds if not holds(gold)]


@pytest.mark.parametrize(("name", "wrap"), KEPT, ids=[name for name, _ in KEPT])
def test_markup_and_spaces_change_no_verdict(
    golds: list[str], name: str, wrap: Callable[[str], str]
) -> None:
    lost = failing(golds, lambda gold: compare(gold, wrap(gold)).equal is True)
    assert len(lost) <= ALLOWED * len(golds), (name, lost)


@pytest.mark.parametrize(("name", "wrap"), CONTAINERS, ids=[name for name, _ in CONTAINERS])
def test_a_container_changes_no_verdict(
    golds: list[str], judge: Judge, name: str, wrap: Callable[[str], str]
) -> None:
    def holds(gold: str) -> bool:
        return verify_output(judge, (gold,), wrap(gold), "math", DEFAULT).equal is True

    lost = failing(golds, holds)
    assert len(lost) <= ALLOWED * len(golds), (name, lost)


_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SCRIPTS = ("٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "০১২৩৪৫৬৭৮৯")


def numbers(golds: list[str]) -> list[str]:
    return [gold for gold in golds if _NUMBER.fullmatch(gold)]


@pytest.mark.parametrize("digits", SCRIPTS)
def test_digits_of_another_script_change_no_verdict(golds: list[str], digits: str) -> None:
    table = str.maketrans("0123456789", digits)
    assert not failing(
        numbers(golds), lambda gold: compare(gold, gold.translate(table)).equal is True
    )


# fmt: off
CHANGED: list[tuple[str, Callable[[str], str]]] = [
    ("sign",        lambda gold: gold[1:] if gold.startswith("-") else f"-{gold}"),
    ("first digit", lambda gold: re.sub(r"\d", lambda d: str((int(d[0]) + 1) % 10), gold, count=1)),
    ("last digit",  lambda gold: gold[:-1] + str((int(gold[-1]) + 1) % 10)),
    ("one more",    lambda gold: f"{gold}+1"),
    ("ten times",   lambda gold: f"{gold}0" if "." not in gold else f"10*{gold}"),
    ("chain",       lambda gold: f"{gold} = {gold}+1"),
    ("rounded",     lambda gold: rf"{gold}+1 \approx {gold}"),
    ("bound",       lambda gold: f"> {gold}"),
    ("root",        lambda gold: rf"\sqrt{{{gold}+3}}^2"),
    ("undefined",   lambda gold: rf"{gold} + 0 \cdot \infty"),
]
# fmt: on


@pytest.mark.parametrize(("name", "change"), CHANGED, ids=[name for name, _ in CHANGED])
def test_what_changes_a_number_is_never_right(
    golds: list[str], name: str, change: Callable[[str], str]
) -> None:
    held = [gold for gold in numbers(golds) if float(gold)]
    accepted = failing(held, lambda gold: compare(gold, change(gold)).equal is not True)
    assert not accepted, (name, accepted)


def test_a_sign_before_both_changes_no_verdict(golds: list[str]) -> None:
    held = numbers(golds)

    def holds(pair: tuple[str, str]) -> bool:
        one, other = pair
        return compare(one, other).equal is compare(f"-({one})", f"-({other})").equal

    pairs = [*zip(held, held[1:] + held[:1], strict=True), *((gold, gold) for gold in held)]
    assert not [pair for pair in pairs if not holds(pair)]


def test_the_order_of_the_two_does_not_matter(golds: list[str]) -> None:
    pairs = [*pairwise(golds), *zip(golds, golds[7:], strict=False)]
    uneven = [
        pair
        for pair in pairs
        if (compare(*pair, EXACT).equal is True) is not (compare(*pair[::-1], EXACT).equal is True)
    ]
    assert not uneven


def test_equality_of_real_answers_is_transitive(shared: Path) -> None:
    """Of all answers to one problem: where a = b and b = c, a is not said to differ from c."""
    broken = []
    for row_answers in answers_by_problem(shared):
        for b in row_answers:
            same = [one for one in row_answers if compare(b, one, EXACT).equal is True]
            broken += [
                (a, b, c)
                for a in same
                for c in same
                if a < c and compare(a, c, EXACT).equal is False
            ]
    assert not broken


def answers_by_problem(shared: Path) -> Iterator[list[str]]:
    by_problem: dict[str, set[str]] = {}
    for row in rows(shared / "outputs_qwen_maj" / "math_cot_100x8.jsonl.gz"):
        found = extract(str(row["output"]), MATH_RULES)
        if found is not None and len(found.text) < 200:
            by_problem.setdefault(str(row["id"]), set()).add(found.text)
    yield from map(sorted, by_problem.values())


def test_extraction_is_linear_in_a_real_text(shared: Path) -> None:
    """Ten times the text takes at most about ten times the calls."""
    for number, row in enumerate(rows(shared / "outputs_qwen_maj" / "math_cot_100x8.jsonl.gz")):
        text = str(row["output"])
        if number == 40:
            break
        once = calls(lambda text=text: extract(text, MATH_RULES))
        often = calls(lambda text=text: extract(10 * f"{text}\n\n", MATH_RULES))
        assert often <= 20 * once + 2_000, text[:200]
