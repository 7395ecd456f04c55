"""Word problems: the same everywhere, told in good English, and solved by their steps."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from generated import check_solution, value

from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import content_hash

MANY = 2000
STEPS = range(1, 9)


@pytest.fixture(scope="module")
def problems():
    task = load_task("word-problems")
    return [task.problem(index, 0) for index in range(MANY)]


def test_a_change_of_any_item_is_a_new_version(problems):
    # Whoever changes this raises `version` in task.yaml: scores of other items are other scores.
    assert load_task("word-problems").version == 1
    assert content_hash(problems[:200]) == (
        "656493cce9419b315dd9b3ff87fbb2b652156aa0297587a9d26413b8eed6b42b"
    )


def test_no_question_stands_twice(problems):
    assert len({problem.question for problem in problems}) == MANY


@pytest.mark.parametrize("count", [8, 20, 100, 200])
def test_every_prefix_is_balanced_over_the_number_of_steps(problems, count):
    steps = Counter(problem.meta["steps"] for problem in problems[:count])
    assert set(steps) == set(STEPS)
    assert max(steps.values()) - min(steps.values()) <= 1


def test_there_are_many_stories_and_every_one_is_told(problems):
    told = Counter(problem.meta["template"] for problem in problems[:32])
    assert len(told) == 32
    assert set(told.values()) == {1}


def test_every_step_is_right_and_the_last_one_is_the_gold(problems):
    for problem in problems:
        check_solution(problem)


# Numbers told in words, or by what a story is about: a weekend, the sides of a garden.
CONSTANTS = {
    "2": "two|twice|Sunday|rectangular",
    "3": "three",
    "4": "four",
    "5": "five",
    "60": "minutes",
}
NUMBER = re.compile(r"\d+(?:\.\d+)?")
WORDS = {
    "half": "1/2", "a third": "1/3", "two thirds": "2/3", "a quarter": "0.25",
    "three quarters": "0.75", "two fifths": "0.4", "three fifths": "0.6", "a sixth": "1/6",
    "five sixths": "5/6", "three eighths": "0.375", "six": "6",
}  # fmt: skip


@pytest.mark.slow
def test_every_number_of_the_solution_is_told_or_found_before(problems):
    for problem in problems:
        told = {Fraction(number) for number in NUMBER.findall(problem.question)}
        told |= {number / 100 for number in told if "%" in problem.question}
        told |= {value(part) for word, part in WORDS.items() if word in problem.question}
        told |= {
            Fraction(number)
            for number, words in CONSTANTS.items()
            if re.search(rf"\b(?:{words})\b", problem.question)
        }
        for step in problem.meta["solution"].split("; "):
            expression, result = step.split(" = ")
            left, right = re.split(r" [-+*/] ", expression)
            assert {value(left.strip("()")), value(right.strip("()"))} <= told, problem
            told.add(value(result))


def test_golds_are_positive_whole_numbers_or_money_with_cents(problems):
    assert all(re.fullmatch(r"[1-9]\d*|\d+\.\d\d", problem.gold[0]) for problem in problems)


# fmt: off
UNGRAMMATICAL = [
    (r"[{}]",                              "a brace is left over"),
    (r"\b[Aa] [aeiou]",                    "`a` before a vowel"),
    (r"\b[Aa]n (?!hour)[^aeiou]",                  "`an` before a consonant"),
    (r"(?<![\d.$])\b1 [a-z]+s\b",          "one of many"),
    (r"\b(\w+) \1\b",                      "a word twice"),
    (r"  | [.,?]|\.\.",                    "a stray space or stop"),
    (r"(?:^|[.?] )[a-z]",                  "a sentence begins small"),
    (r"\$(?!\d)",                          "a currency without its sum"),
    (r"\d\.\d(?:\D|$)(?<=\$\d\.\d\D)",     "half a cent sign"),
    (r"\b0\b(?!\.)",                             "nothing of something"),
]
# fmt: on


@pytest.mark.parametrize(("pattern", "what"), UNGRAMMATICAL)
def test_no_draw_is_ungrammatical(problems, pattern, what):
    wrong = [problem.question for problem in problems if re.search(pattern, problem.question)]
    assert wrong == [], what


def test_every_question_asks_once_and_at_its_end(problems):
    assert all(
        problem.question.count("?") == 1 and problem.question.endswith("?") for problem in problems
    )


def test_pronouns_follow_the_name(problems):
    """No story is told of two people by pronouns, so one of `he` and `she` is the most there is."""
    for problem in problems:
        words = set(re.findall(r"\b(?:he|she|him|her|his)\b", problem.question.lower()))
        assert not (words & {"he", "him", "his"} and words & {"she", "her"}), problem.question


def test_another_seed_makes_other_problems(problems):
    task = load_task("word-problems")
    ours = {problem.question for problem in problems[:200]}
    theirs = {task.problem(index, 1).question for index in range(200)}
    assert not ours & theirs


def test_arithmetic_is_right_and_balanced():
    task = load_task("arithmetic")
    made = [task.problem(index, 0) for index in range(task.size)]
    for problem in made:
        chain = problem.question.removeprefix("What is ").removesuffix("?").replace("×", "*")
        assert Fraction(problem.gold[0]) == value(chain) >= 0
        assert len(re.findall(r"[-+*]", chain)) == problem.meta["operations"]
    assert all(one.meta["operations"] != two.meta["operations"] for one, two in pairwise(made))
    assert len({problem.question for problem in made}) == task.size
    assert hashlib.sha256(made[7].question.encode()).hexdigest()[:12] == "62a72224393d"
