"""The exact value of a constant that is rational and of reasonable size."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from mathreason_eval.maths.syntax.tree import Node, num, substitute

_MOST_BITS = 60_000
"""Maximum bits of a number; larger ones are left to arithmetic modulo a prime."""
_LARGEST_FACTORIAL = 5_000
_MOST_TERMS = 2_000
_LARGEST_NUMERATOR = 64
"""Maximum denominator of a fractional exponent."""
_LEAST_HUGE = 4 * _MOST_BITS
"""Bits of a number: no quotient of exact values is so large."""


class InexactError(ArithmeticError):
    """The tree has no rational value, or none within the limits."""


def exact(node: Node) -> Fraction | None:
    """Return the rational value of a constant, or None if it has none within the limits."""
    try:
        return value(node)
    except ArithmeticError:
        return None


def is_huge(node: Node) -> bool:
    """Return whether a constant is evidently larger than every value that `exact` returns."""
    if node.op in {"neg", "div"}:
        return is_huge(node.args[0]) and all(exact(part) is not None for part in node.args[1:])
    if node.op in {"add", "mul"}:
        known = [exact(part) for part in node.args]
        others = [part for part, number in zip(node.args, known, strict=True) if number is None]
        large = node.op == "add" or all(number is None or abs(number) >= 1 for number in known)
        return len(others) == 1 and large and is_huge(others[0])
    if node.op == "pow":
        base, exponent = exact(node.args[0]), exact(node.args[1])
        if base is None or abs(base) < 2 or base.denominator != 1:  # noqa: PLR2004
            return False
        return exponent > _LEAST_HUGE if exponent is not None else is_huge(node.args[1])
    if node.op == "prod" and node.args[0] == node.args[1]:
        first, last = exact(node.args[2]), exact(node.args[3])
        return first is not None and last is not None and first >= 1 and last - first > _LEAST_HUGE
    if node.op == "call" and node.name == "factorial":
        number = exact(node.args[0])
        return number > _LEAST_HUGE if number is not None else is_huge(node.args[0])
    return False


def value(node: Node) -> Fraction:
    """Return the rational value of a constant.

    Raises:
        ArithmeticError: if there is none, or it is beyond the limits.
    """
    if node.value is not None:
        return node.value
    rule = _RULES.get(node.op)
    if rule is None:
        raise InexactError(node.op)
    return rule(node)


def _bounded(result: Fraction) -> Fraction:
    if result.numerator.bit_length() + result.denominator.bit_length() > _MOST_BITS:
        raise InexactError("too many digits")
    return result


def _add(node: Node) -> Fraction:
    whole, rest = 0, Fraction(0)
    for number in map(value, node.args):
        # Integers need no common denominator, and there are sums of thousands of them.
        if number.denominator == 1:
            whole += number.numerator
        else:
            rest = _bounded(rest + number)
    return _bounded(whole + rest)


def _mul(node: Node) -> Fraction:
    result = Fraction(1)
    for part in node.args:
        result = _bounded(result * value(part))
    return result


def _pow(node: Node) -> Fraction:
    base, exponent = map(value, node.args)
    if exponent.denominator != 1:
        if abs(exponent.numerator) > _LARGEST_NUMERATOR:
            raise InexactError("too large a power")
        return root(base**exponent.numerator, exponent.denominator)
    size = base.numerator.bit_length() + base.denominator.bit_length()
    if base in {0, 1, -1}:
        return base ** (int(exponent) % 2 + 2 if base == -1 else min(int(exponent), 1))
    if size * abs(int(exponent)) > 2 * _MOST_BITS:
        raise InexactError("too large a power")
    return base ** int(exponent)


def root(base: Fraction, degree: int) -> Fraction:
    """Return the real root of a rational number that is a perfect power.

    Raises:
        InexactError: if it is not, or is negative under an even root.
    """
    if base < 0 and degree % 2:
        return -root(-base, degree)
    if base < 0:
        raise InexactError("no real root")
    over, under = _integer_root(base.numerator, degree), _integer_root(base.denominator, degree)
    if over**degree != base.numerator or under**degree != base.denominator:
        raise InexactError("an irrational root")
    return Fraction(over, under)


def _integer_root(number: int, degree: int) -> int:
    if degree == 2:  # noqa: PLR2004 - the square root has a function of its own
        return math.isqrt(number)
    if not 0 < degree < 1000 or number.bit_length() > 1000:  # noqa: PLR2004 - of reasonable size
        raise InexactError("too high a root")
    low = round(number ** (1 / degree))
    return min(range(max(low - 2, 0), low + 3), key=lambda n: abs(n**degree - number))


def _call(node: Node) -> Fraction:
    rule = _FUNCTIONS.get(node.name)
    if rule is None:
        raise InexactError(node.name)
    try:
        return _bounded(rule(*map(value, node.args)))
    except TypeError:
        raise InexactError(f"{node.name} of {len(node.args)}") from None


def _whole(number: Fraction) -> int:
    if number.denominator != 1:
        raise InexactError("not an integer")
    return int(number)


def _factorial(number: Fraction, step: int = 1) -> Fraction:
    if not 0 <= number <= _LARGEST_FACTORIAL:
        raise InexactError("too large a factorial")
    whole = _whole(number)
    return Fraction(math.factorial(whole) if step == 1 else math.prod(range(whole, 0, -step)))


def _binomial(top: Fraction, bottom: Fraction) -> Fraction:
    if not 0 <= bottom <= top <= _LARGEST_FACTORIAL:
        raise InexactError("a binomial coefficient out of range")
    return Fraction(math.comb(_whole(top), _whole(bottom)))


def _gcd(*numbers: Fraction) -> Fraction:
    return Fraction(
        math.gcd(*(number.numerator for number in numbers)),
        math.lcm(*(number.denominator for number in numbers)),
    )


def _lcm(*numbers: Fraction) -> Fraction:
    return Fraction(
        math.lcm(*(number.numerator for number in numbers)),
        math.gcd(*(number.denominator for number in numbers)),
    )


def _mod(number: Fraction, modulus: Fraction) -> Fraction:
    if modulus == 0:
        raise InexactError("modulo zero")
    return number % modulus


def _loop(node: Node) -> Fraction:
    """Return a finite sum or product with rational terms."""
    body, variable, lower, upper = node.args
    first, last = _whole(value(lower)), _whole(value(upper))
    if last - first >= _MOST_TERMS:
        raise InexactError("too many terms")
    result = Fraction(0 if node.op == "sum" else 1)
    for index in range(first, last + 1):
        term = value(substitute(body, variable, num(index)))
        result = _bounded(result + term if node.op == "sum" else result * term)
    return result


_RULES: dict[str, Callable[[Node], Fraction]] = {
    "add": _add,
    "mul": _mul,
    "neg": lambda node: -value(node.args[0]),
    "div": lambda node: _bounded(value(node.args[0]) / value(node.args[1])),
    "pow": _pow,
    "call": _call,
    "sum": _loop,
    "prod": _loop,
    "percent": lambda node: value(node.args[0]) / 100,
}
_FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "root": lambda base, degree: root(base, _whole(degree)),
    "abs": abs,
    "floor": lambda number: Fraction(math.floor(number)),
    "ceil": lambda number: Fraction(math.ceil(number)),
    "factorial": _factorial,
    "Gamma": lambda number: _factorial(number - 1),
    "double_factorial": lambda number: _factorial(number, 2),
    "binom": _binomial,
    "gcd": _gcd,
    "lcm": _lcm,
    "min": lambda *numbers: min(numbers),
    "max": lambda *numbers: max(numbers),
    "inf": lambda *numbers: min(numbers),
    "sup": lambda *numbers: max(numbers),
    "mod": _mod,
    "sgn": lambda number: Fraction((number > 0) - (number < 0)),
}
