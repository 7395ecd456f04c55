"""The functions of number theory that letters may stand for: Euler's phi, sigma and tau."""

from __future__ import annotations

from collections.abc import Callable

from mathreason_eval.maths.syntax.tree import Node, num, rebuild

_LARGEST = 10**9
"""The largest number that is factorised, by division."""


def with_arithmetic(node: Node) -> Node:
    """Return the tree with `phi(12)` and the like as numbers, where the argument is an integer."""
    changed = rebuild(node, with_arithmetic)
    rule = ARITHMETIC.get(node.name) if node.op == "call" and len(node.args) == 1 else None
    given = changed.args[0].value if rule is not None else None
    if rule is None or given is None or given.denominator != 1 or not 0 < given <= _LARGEST:
        return changed
    return num(rule(factorised(int(given))))


def factorised(number: int) -> tuple[tuple[int, int], ...]:
    """Return the prime factors of a positive integer, each with its exponent."""
    found, factor = [], 2
    while factor * factor <= number:
        exponent = 0
        while number % factor == 0:
            number //= factor
            exponent += 1
        if exponent:
            found.append((factor, exponent))
        factor += 1 + factor % 2
    return (*found, (number, 1)) if number > 1 else tuple(found)


_Factors = tuple[tuple[int, int], ...]


def _totient(factors: _Factors) -> int:
    result = 1
    for prime, exponent in factors:
        result *= prime ** (exponent - 1) * (prime - 1)
    return result


def _sum_of_divisors(factors: _Factors) -> int:
    result = 1
    for prime, exponent in factors:
        result *= (prime ** (exponent + 1) - 1) // (prime - 1)
    return result


def _number_of_divisors(factors: _Factors) -> int:
    result = 1
    for _, exponent in factors:
        result *= exponent + 1
    return result


ARITHMETIC: dict[str, Callable[[_Factors], int]] = {
    "phi": _totient,
    "sigma": _sum_of_divisors,
    "tau": _number_of_divisors,
}
"""By the name of the call, from the factors of its argument."""
