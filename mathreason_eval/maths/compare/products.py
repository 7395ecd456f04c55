r"""Products that are none of numbers: of vectors and matrices, the operator nabla, permutations.

In trees their letters are numbers, which commute and know one product. So the order of such a
product and its sign are read from the text: what differs in them is never equal by numbers.
"""

from __future__ import annotations

import re

from mathreason_eval.maths.compare.comparison import Finding, different, equal

_MARK = r"\\(?:vec|mathbf|boldsymbol|bm|pmb|overrightarrow)(?![a-zA-Z])"
_MARKED = re.compile(_MARK + r"|\\nabla|\\times")
_FACTOR = (
    rf"(?:{_MARK}\s*(?:\{{\s*(?:[a-zA-Z]\w{{0,3}}|\\[a-zA-Z]+)\s*\}}|[a-zA-Z]|\\[a-zA-Z]+)|\\nabla)"
    r"(?:\s*(?:_\s*(?:\{\w+\}|\w)|'|\^\s*(?:\{?[T2]\}?|\\top)))*"
)
_SIGN = r"(?:\\cdot|\\times|\*|\\,|\\ |[\s{}()])*"
_PRODUCT = re.compile(rf"{_FACTOR}(?:{_SIGN}{_FACTOR})+|\\nabla{_SIGN}(?:[a-zA-Z]|\\[a-zA-Z]+)")
_PARTS = re.compile(rf"({_FACTOR})|(\\cdot|\*|\\times)|(\\?[a-zA-Z]+)")
_CROSS = re.compile(r"([A-Z])\s*\\times\s*([a-zA-Z])")
"""`A x B`, which is no product of numbers where it says so with this sign."""
_MATRIX = re.compile(r"\\(?:mathbf|boldsymbol|bm|pmb)\s*\{?\s*[A-Z]")
_DOT, _PAIR = {r"\cdot": ".", "*": ".", r"\times": "x"}, 2


def signature(text: str) -> tuple[str, ...]:
    """Return the products of vectors, matrices and nabla in a text, in an order of their own."""
    if "\\" not in text or _MARKED.search(text) is None:
        return ()
    if (cross := _CROSS.fullmatch(text)) is not None:
        return (f"{cross[1]} x {cross[2]}",)
    return tuple(sorted(_written(found[0]) for found in _PRODUCT.finditer(text)))


def _written(product: str) -> str:
    """Return a product with its signs; a product of two vectors with a dot in either order."""
    parts: list[str] = []
    for found in _PARTS.finditer(product):
        letter = re.sub(_MARK + r"|[\s{}]", "", found[1] or found[3] or "")
        parts.append(_DOT.get(found[2] or "", letter))
    dotted = len(parts) == _PAIR + 1 and parts[1] == "."
    if dotted and r"\nabla" not in product and _MATRIX.search(product) is None:
        parts[::2] = sorted(parts[::2])
    return " ".join(parts)


_BY_NUMBERS = frozenset({"identity", "numeric", "symbolic"})


def not_of_numbers(gold: str, answer: str, rule: str = "symbolic") -> str:
    r"""Return why two texts are not equal by their numbers; "" if they may be.

    Args:
        gold: the gold, normalised.
        answer: the answer, likewise.
        rule: the rule that found them equal. `\vec a \cdot \vec b = 3` may be 3 by its value.
    """
    one, other = signature(gold), signature(answer)
    if one != other and ((one and other) or rule in _BY_NUMBERS):
        return "a product of sets or vectors, whose order and sign count"
    if cycles(gold) is not None or cycles(answer) is not None:
        return "a permutation"
    return ""


# --- permutations --------------------------------------------------------------------------------

_SPACE = r"(?:\\[ ,;:]|\s|~)+"
_CYCLES = re.compile(rf"(?:\(\s*\d+(?:{_SPACE}\d+)+\s*\)\s*)+")
_CYCLE = re.compile(r"\(([^()]*)\)")
_GROUPED = re.compile(r"\(\d{1,3}(?:\D+\d{3})+\)")
"""One number whose digits are grouped by spaces."""

Cycles = tuple[tuple[int, ...], ...]


def cycles(text: str) -> Cycles | None:
    r"""Return the cycles of a permutation such as `(1\ 2\ 3)(4\ 5)`, or None for other texts."""
    if not text.startswith("(") or _CYCLES.fullmatch(text) is None or _GROUPED.fullmatch(text):
        return None
    found = tuple(tuple(map(int, re.findall(r"\d+", one[1]))) for one in _CYCLE.finditer(text))
    return found if all(len(set(one)) == len(one) for one in found) else None


def same_permutation(gold: str, answer: str) -> Finding | None:
    """Compare two permutations in cycles; None unless both are, and in either order of factors."""
    one, other = cycles(gold), cycles(answer)
    if one is None or other is None:
        return None
    same = {_moved(one[::step]) == _moved(other[::step]) for step in (1, -1)}
    if len(same) > 1:
        return None  # it depends on which factor comes first
    if same.pop():
        return equal("permutation", "the same permutation")
    return different("permutation", "another permutation")


def _moved(factors: Cycles) -> dict[int, int]:
    """Return where a product of cycles, the first one first, takes each number that it moves."""
    found: dict[int, int] = {}
    for start in {number for cycle in factors for number in cycle}:
        at = start
        for cycle in factors:
            if at in cycle:
                at = cycle[(cycle.index(at) + 1) % len(cycle)]
        if at != start:
            found[start] = at
    return found
