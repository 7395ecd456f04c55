"""The examples of docs/grading.md are what the program does."""

from __future__ import annotations

import dataclasses
import re

import pytest
from project import ROOT

from mathreason_eval.extract import EXTRACTORS, extract
from mathreason_eval.grade.graders import GRADERS
from mathreason_eval.grade.judge import Judge
from mathreason_eval.maths.compare.convention import Convention

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


EXAMPLES = rows(EXTRACTORS, 3)
COMPARED = rows({*GRADERS, *(field.name for field in dataclasses.fields(Convention))}, 5)


@pytest.mark.parametrize(("rule", "text", "answer"), EXAMPLES)
def test_an_example_of_finding_is_true(rule, text, answer):
    found = extract(text, (rule,))
    assert found is not None
    assert found.text == answer


@pytest.fixture(scope="module")
def judge():
    with Judge(workers=1, deadline=30) as made:
        yield made


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
