"""The examples of docs/grading.md are what the program does."""

from __future__ import annotations

import dataclasses
import itertools
import re

import pytest
from project import ROOT

from mathreason_eval.extract import EXTRACTORS, extract
from mathreason_eval.grade.graders import GRADERS
from mathreason_eval.grade.verify import verify_output
from mathreason_eval.maths.compare.convention import DEFAULT, Convention

PAGE = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]


def plain(cell):
    return cell.strip().removeprefix("`").removesuffix("`")


def rows(names, columns):
    return [
        [plain(cell) for cell in row]
        for row in ROWS
        if plain(row[0]) in names and len(row) == columns and row[-1].startswith("`")
    ]


def table(heading):
    """Return the rows below a heading, a cell that is a dash as None."""
    lines = PAGE[PAGE.index(heading) :].splitlines()[2:]
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [
        [None if cell.strip() == "–" else plain(cell) for cell in row.strip("| ").split(" | ")]
        for row in rows
    ]


CLAIMS = table("| text | gold | right |")
OPTIONS = table("| options claimed | gold | right |")
UNDERSTOOD = table("| of | gold | equal | not equal | undecided |")
EXAMPLES = rows(EXTRACTORS, 3)
COMPARED = rows({*GRADERS, *(field.name for field in dataclasses.fields(Convention))}, 5)


@pytest.mark.parametrize(("rule", "text", "answer"), EXAMPLES)
def test_an_example_of_finding_is_true(rule, text, answer):
    found = extract(text, (rule,))
    assert found is not None
    assert found.text == answer


@pytest.mark.parametrize(("name", "what", "gold", "equal", "different"), COMPARED)
def test_an_example_of_comparing_is_true(judge, name, what, gold, equal, different):
    grader = name if name in GRADERS else "math"
    assert judge.match((gold,), equal, grader).equal is True
    assert judge.match((gold,), different, grader).equal is False


def test_every_convention_and_most_graders_have_an_example():
    shown = {name for name, *_ in COMPARED}
    assert {field.name for field in dataclasses.fields(Convention)} <= shown
    assert set(GRADERS) - shown == {"math-verify"}
    assert {rule for rule, *_ in EXAMPLES} == set(EXTRACTORS) - {"program_output"}


def test_the_rules_of_verify_are_those_of_the_page():
    from mathreason_eval.grade.graders import CHOICE_RULES, MATH_RULES

    sentence = PAGE[PAGE.index("Without a task, `verify` uses") :].partition(". ")[0]
    assert re.findall(r"`(\w+)`", sentence)[1:] == [*MATH_RULES, *CHOICE_RULES]


@pytest.mark.parametrize(
    ("grader", "text", "gold", "right"),
    [("math", *row) for row in CLAIMS] + [("choice", *row) for row in OPTIONS],
)
def test_an_example_of_a_claim_is_true(judge, grader, text, gold, right):
    found = verify_output(judge, (gold,), text, grader, DEFAULT)
    assert (found.equal is True) is (right == "yes"), found


@pytest.mark.parametrize(("what", "gold", "equal", "different", "undecided"), UNDERSTOOD)
def test_an_example_of_what_is_understood_is_true(judge, what, gold, equal, different, undecided):
    answers = {equal: True, different: False, undecided: None}
    found = {answer: judge.match((gold,), answer).equal for answer in answers if answer}
    assert found == {answer: wanted for answer, wanted in answers.items() if answer}
