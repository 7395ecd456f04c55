"""Generated problems for tests: families of them, and their solutions worked out another way."""

from __future__ import annotations

import ast
import operator
from fractions import Fraction

from mathreason_eval.tasks import load_task
from mathreason_eval.types import Problem

_SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def families_of(name: str, count: int, size: int) -> list[list[Problem]]:
    """Return the first families of a task: an original and its variants each."""
    make = load_task(name).problem
    assert make is not None
    return [[make(number * size + k, 0) for k in range(size)] for number in range(count)]


def value(text: str) -> Fraction:
    """Return the value of an expression by Python's parser and fractions, none of our code."""

    def of(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant):
            return Fraction(str(node.value))
        assert isinstance(node, ast.BinOp)
        left, right = of(node.left), of(node.right)
        return left / right if isinstance(node.op, ast.Div) else _SIGNS[type(node.op)](left, right)

    return of(ast.parse(text, mode="eval").body)


def check_solution(problem: Problem) -> None:
    """Fail unless every step of a solution is right and the last one is the gold."""
    steps = [step.split(" = ") for step in problem.meta["solution"].split("; ")]
    assert len(steps) == problem.meta["steps"]
    assert all(value(expression) == value(result) for expression, result in steps)
    assert Fraction(problem.gold[0]) == value(steps[-1][1])
