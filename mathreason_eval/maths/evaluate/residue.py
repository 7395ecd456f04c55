"""Identity by arithmetic modulo a prime: rational functions, powers, square roots, huge numbers.

Every variable becomes an integer, and the tree a residue modulo a fixed prime of 127 bits. Square
roots of small primes and of -1 exist modulo that prime, so the map is compatible with arithmetic:
different residues prove that two trees differ; equal residues at random points mean that they are
equal, except with a probability near 10^-30. Nothing is expanded, so (x+1)^500 is as fast as x+1.
What is not arithmetic (sin x, an unknown f(x), an integral) is a new variable, named by its parts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, reduce
from typing import NamedTuple

from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.syntax.tree import Node, rebuild, substitute, sym

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
PRIME = 85070591730242158383534875232257829121
"""The least prime above 2**126 that is 1 modulo 8 and modulo each of `_PRIMES`: then, by quadratic
reciprocity, -1 and each of `_PRIMES` has a square root."""


class NoResidueError(ArithmeticError):
    """The tree has no residue: a division by zero, or an operation that is not supported."""


class Residue(NamedTuple):
    """The image of a tree."""

    value: int
    pure: bool
    """Whether only arithmetic was used, so that a difference is a proof."""


class _Point:
    """One choice of integers for the variables."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        # By identity, with the tree, which keeps it: a rule may ask for a part more than once, and
        # in a tower of powers twice is 2^depth times.
        self._known: dict[int, tuple[Node, Residue]] = {}

    def integer(self, name: str) -> int:
        """Return the integer for a variable: at least 2, determined by the seed and the name."""
        digest = hashlib.blake2b(f"{self.seed}/{name}".encode(errors="replace"), digest_size=6)
        return int.from_bytes(digest.digest(), "big") + 2

    def residue(self, node: Node) -> Residue:
        """Return the image of a tree at this point."""
        if node.value is not None:
            return Residue(_fraction(node.value), pure=True)
        if (known := self._known.get(id(node))) is None:
            rule = _RULES.get(node.op)
            known = node, rule(self, node) if rule else self.opaque(node)
            self._known[id(node)] = known
        return known[1]

    def opaque(self, node: Node) -> Residue:
        """Return the residue of a new variable, named by the operation and its parts."""
        bound = _canonical_bound(node)
        parts = ",".join(str(self.residue(part).value) for part in bound.args)
        digest = hashlib.sha256(f"{self.seed}/{node.op}/{bound.name}/{parts}".encode()).digest()
        return Residue(int.from_bytes(digest, "big") % PRIME, pure=False)


def residues(left: Node, right: Node) -> tuple[bool, bool] | None:
    """Return whether two trees agree modulo the prime, and whether a difference is a proof.

    None if one of them has no residue.
    """
    pure = True
    try:
        for seed in (1, 2, 3):
            point = _Point(seed)
            one, other = point.residue(left), point.residue(right)
            pure = pure and one.pure and other.pure
            if one.value != other.value:
                return False, pure
    except ArithmeticError:
        return None
    return True, pure


def proportional(left: Node, right: Node) -> bool | None:
    """Return whether one tree is a constant multiple of the other; None if that is unknown."""
    ratios = set()
    try:
        for seed in (1, 2, 3):
            point = _Point(seed)
            one, other = point.residue(left), point.residue(right)
            if not one.value or not other.value:
                return None
            ratios.add(one.value * pow(other.value, -1, PRIME) % PRIME)
            if len(ratios) > 1:
                return False if one.pure and other.pure else None
    except (ArithmeticError, ValueError):
        return None
    return True


_Rule = Callable[[_Point, Node], Residue]


@lru_cache(maxsize=1024)
def _square_root(number: int) -> int:
    """Return a fixed square root of a small prime or of -1 modulo the prime (Cipolla)."""
    start = next(
        a
        for a in range(2, 500)
        if pow((a * a - number) % PRIME, (PRIME - 1) // 2, PRIME) == PRIME - 1
    )
    non_square = (start * start - number) % PRIME
    result, power = (1, 0), (start, 1)
    exponent = (PRIME + 1) // 2
    while exponent:
        if exponent & 1:
            result = _times(result, power, non_square)
        power = _times(power, power, non_square)
        exponent >>= 1
    return min(result[0], PRIME - result[0])


def _times(one: tuple[int, int], two: tuple[int, int], square: int) -> tuple[int, int]:
    real = one[0] * two[0] + one[1] * two[1] % PRIME * square
    return real % PRIME, (one[0] * two[1] + one[1] * two[0]) % PRIME


def _fraction(number: Fraction) -> int:
    if number.denominator == 1:
        return number.numerator % PRIME
    return number.numerator * _inverse(number.denominator) % PRIME


def _inverse(number: int) -> int:
    if number % PRIME == 0:
        raise NoResidueError("division by zero")
    return pow(number, -1, PRIME)


def _constant(point: _Point, node: Node) -> Residue:
    if node.name == "i":
        return Residue(_square_root(-1), pure=True)
    if node.name in {"pi", "e"}:
        return Residue(point.integer("const " + node.name), pure=True)
    return point.opaque(node)


def _combined(total: Callable[[list[int]], int]) -> _Rule:
    """Return the rule of an operation on residues."""

    def rule(point: _Point, node: Node) -> Residue:
        parts = [point.residue(part) for part in node.args]
        return Residue(total([p.value for p in parts]) % PRIME, all(p.pure for p in parts))

    return rule


def _multiplied(values: list[int]) -> int:
    return reduce(lambda one, other: one * other % PRIME, values, 1)


def _pow(point: _Point, node: Node) -> Residue:
    base, exponent = node.args
    power = exact(_at_integers(point, exponent))
    if power is None:
        return point.opaque(node)
    if power.denominator == 1:
        image = point.residue(base)
        if base.op == "const" and base.name == "e" and exponent.value is None:
            return point.opaque(node)
        if image.value == 0 and power < 0:
            raise NoResidueError("division by zero")
        return Residue(pow(image.value, int(power), PRIME), image.pure)
    if power.denominator == 2:  # noqa: PLR2004 - square roots are the ones that exist
        root = _root_of(base)
        image = point.residue(base) if root is None else root
        if root is not None and image.value:
            return Residue(pow(root.value, power.numerator, PRIME), root.pure)
    return point.opaque(node)


def _at_integers(point: _Point, node: Node) -> Node:
    """Return the tree with every variable replaced by its integer at this point."""
    if node.op == "sym":
        return Node("num", value=Fraction(point.integer(node.name)))
    return rebuild(node, lambda part: _at_integers(point, part))


def _root_of(base: Node) -> Residue | None:
    """Return the square root of a rational number with small prime factors, or None."""
    number = exact(base)
    if number is None:
        return None
    result = _square_root(-1) if number < 0 else 1
    for part, sign in ((abs(number.numerator), 1), (number.denominator, -1)):
        rest = part
        for prime in _PRIMES:
            count = 0
            while rest > 1 and rest % prime == 0 and count < 500:  # noqa: PLR2004 - bounded work
                rest //= prime
                count += 1
            if count:
                factor = _square_root(prime) if count % 2 else 1
                factor = factor * pow(prime, count // 2, PRIME) % PRIME
                result = result * (factor if sign > 0 else _inverse(factor)) % PRIME
        whole = math.isqrt(rest)
        if whole * whole != rest:
            return None
        result = result * (whole if sign > 0 else _inverse(whole)) % PRIME
    return Residue(result, pure=True)


def _rational(point: _Point, node: Node) -> Residue:
    """Return the residue of a function, sum or product that has a rational value."""
    if node.name == "root" and node.args[1].value == 2:  # noqa: PLR2004 - a square root
        root = _root_of(node.args[0])
        if root is not None:
            return root
    number = exact(node)
    return point.opaque(node) if number is None else Residue(_fraction(number), pure=True)


def _canonical_bound(node: Node) -> Node:
    """Return an operator with its bound variable renamed to a standard name."""
    if node.op in {"sum", "prod", "integral", "limit", "diff"} and len(node.args) > 1:
        renamed = tuple(substitute(part, node.args[1], sym("bound")) for part in node.args)
        return node._replace(args=renamed) if node.op != "diff" else node
    return node


_RULES: dict[str, _Rule] = {
    "sym": lambda point, node: Residue(point.integer(node.name) % PRIME, pure=True),
    "const": _constant,
    "add": _combined(sum),
    "mul": _combined(_multiplied),
    "neg": _combined(lambda values: -values[0]),
    "div": _combined(lambda values: values[0] * _inverse(values[1])),
    "percent": _combined(lambda values: values[0] * _inverse(100)),
    "pow": _pow,
    "call": _rational,
    "sum": _rational,
    "prod": _rational,
}
