"""The last comparison: sympy, called in a worker process that the caller owns and kills.

No text is evaluated. Sympy's objects are built from our own tree; texts that our grammar cannot
parse go to the parser of latex2sympy2-extended, which has its own grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mathreason_eval.maths.compare.comparison import UNKNOWN, Finding, different, equal
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.maths.compare.equal import readings, swapped
from mathreason_eval.maths.compare.scalar import same_scalar
from mathreason_eval.maths.compare.shape import shape
from mathreason_eval.maths.compare.text import is_prose
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.tree import Node, contains, num
from mathreason_eval.maths.vocabulary import latex, words
from mathreason_eval.types import Match

_LONGEST = 2000
_DIGITS = 40
_CLOSE = 1e-30
_LARGEST_POWER = 2000
_OPERATORS = ("integral", "limit", "diff", "sum", "prod")


class UnbuildableError(ValueError):
    """The tree contains something that is not passed to sympy."""


def compare_slow(gold: str, answer: str, convention: Convention = DEFAULT) -> Match:
    """Return whether sympy proves or refutes that the two are equal, else undecided.

    Sympy and its parsers may raise any exception; the worker that calls this catches it.
    """
    found = UNKNOWN
    if max(len(gold), len(answer)) <= _LONGEST:
        texts = normalise(gold), normalise(answer)
        try:
            if swapped(*texts):
                found = UNKNOWN._replace(note="a product whose order may count")
            elif all(map(_is_definition, texts)):
                found = UNKNOWN._replace(note="two definitions are not passed to sympy")
            elif len(units := {unit for unit in map(_unit, texts) if unit}) > 1:
                found = UNKNOWN._replace(
                    note=f"whether {' and '.join(sorted(units))} are one is not known"
                )
            else:
                one, other = _objects(*texts)
                found = _same(one, other)
                if found.equal is False:
                    found = _rounded(texts, (one, other), convention) or found
        except UnbuildableError as error:
            found = UNKNOWN._replace(note=f"not passed to sympy: {error}")
    return Match(equal=found.equal, rule=found.rule, note=found.note)


def _rounded(
    texts: tuple[str, str], objects: tuple[Any, Any], convention: Convention
) -> Finding | None:
    """Return that one side is a decimal to which the value of the other rounds, or None.

    Sympy only calculates the value; what rounds to what is decided where it is for all numbers.
    """
    sides = []
    for text, value in zip(texts, objects, strict=True):
        tree = next(readings(text), None)
        typed = tree is not None and tree.value is not None
        number = tree if typed else _number(value)
        if number is None:
            return None
        sides.append(number)
    found = same_scalar(sides[0], sides[1], convention, rounding=True)
    return found if found.equal else None


def _number(value: Any) -> Node | None:  # noqa: ANN401 - sympy has no types
    """Return the value of a real constant as a number of our own, to forty digits; else None."""
    import sympy

    printed = sympy.N(value, _DIGITS)
    return num(Fraction(str(printed))) if printed.is_Float and printed.is_finite else None


def _is_definition(text: str) -> bool:
    tree = next(readings(text), None)
    return tree is not None and shape(tree).op == "define"


def _unit(text: str) -> str:
    """Return the unit or the counted thing of an answer, or ""."""
    tree = next(readings(text), None)
    while tree is not None and tree.op in {"neg", "when", "define"}:
        tree = tree.args[-1] if tree.op == "define" else tree.args[0]
    return tree.name if tree is not None and tree.op == "quantity" else ""


_RELATION = re.compile(r"[=<>]|\\(?:[lg]eq?|neq?|[lg]t)(?![a-zA-Z])")


def _objects(gold: str, answer: str) -> tuple[Any, Any]:
    """Return the sympy objects of two texts.

    Raises:
        UnbuildableError: if one of them has none, or if one is a value and the other a relation;
            the LaTeX parser may take a tenth of a second to find that out.
    """
    texts = gold, answer
    built = [_built(text) for text in texts]
    for text, other in ((gold, built[1]), (answer, built[0])):
        if other is not None and _RELATION.search(text) and next(readings(text), None) is None:
            raise UnbuildableError("a relation against a value")
    one, other = (
        _parsed(text) if found is None else found for text, found in zip(texts, built, strict=True)
    )
    return one, other


def _built(text: str) -> Any:  # noqa: ANN401 - sympy has no types
    """Return the sympy object of a text from our own tree, or None if it has no tree."""
    trees = list(readings(text))
    for tree in trees:
        try:
            return build(_value(tree))
        except UnbuildableError:
            continue
    if trees:
        raise UnbuildableError("no reading is a single value")
    if is_prose(text) or not words.NEVER_UNITS.isdisjoint(re.findall(r"[a-z]+", text)):
        # Each of its letters would become a variable.
        raise UnbuildableError("prose")
    return None


def _parsed(text: str) -> Any:  # noqa: ANN401 - as `_built`
    """Return the LaTeX parser's sympy object for a text.

    Raises:
        UnbuildableError: if it cannot parse the text, which is not a failure of the grader.
    """
    if "&" in text and "\\begin" not in text:
        raise UnbuildableError("its LaTeX cannot be read")  # a line of an alignment
    from latex2sympy2_extended import latex2sympy

    try:
        return latex2sympy(text)
    except Exception as error:
        # The parser raises a bare Exception for a text it cannot parse; all else is a crash.
        if type(error) is not Exception:
            raise
        raise UnbuildableError("its LaTeX cannot be read") from error


def _value(tree: Node) -> Node:
    """Return the value of a tree without its qualifier, name or unit."""
    tree = shape(tree)
    while tree.op in {"when", "define", "quantity"}:
        if tree.op == "when" and tree.name.partition(" ")[0] in words.CONDITIONS:
            raise UnbuildableError("a value under a condition")
        tree = shape(tree.args[-1] if tree.op == "define" else tree.args[0])
    return tree


def _same(one: Any, other: Any) -> Finding:  # noqa: ANN401
    import sympy

    if not (isinstance(one, sympy.Expr) and isinstance(other, sympy.Expr)):
        return equal("symbolic", "sympy: equal") if bool(one == other) else UNKNOWN
    one, other = one.doit(), other.doit()
    if one == other:
        return equal("symbolic", f"sympy: both are {_short(one)}")
    difference = one - other
    if not difference.free_symbols and not difference.has(sympy.Integral, sympy.Sum, sympy.Limit):
        gap = abs(sympy.N(difference, _DIGITS))
        if gap.is_number and gap.is_comparable and gap > _CLOSE * (1 + abs(sympy.N(one, 15))):
            return different("symbolic", f"{_short(other)} against {_short(one)}")
    rest = sympy.simplify(difference)
    if rest == 0:
        return equal("symbolic", "sympy simplifies the difference to 0")
    if rest.is_constant() and rest.is_nonzero:
        return different("symbolic", f"sympy: the difference is {_short(rest)}")
    return UNKNOWN._replace(note=f"sympy is left with a difference of {_short(rest)}")


def _short(value: Any) -> str:  # noqa: ANN401
    text = str(value)
    return text if len(text) <= 60 else text[:60] + "…"  # noqa: PLR2004 - for one line


_CONSTANTS = {"pi": "pi", "e": "E", "i": "I", "oo": "oo"}


def build(node: Node) -> Any:  # noqa: ANN401
    """Return the sympy object of a tree.

    Raises:
        UnbuildableError: if the tree is not a single value, or contains too large a power.
    """
    import sympy

    if node.value is not None:
        return sympy.Rational(node.value.numerator, node.value.denominator)
    if node.op == "sym":
        return sympy.Symbol(node.name)
    if node.op == "const" and node.name in _CONSTANTS:
        return getattr(sympy, _CONSTANTS[node.name])
    rule = _RULES.get(node.op)
    if rule is None:
        raise UnbuildableError(node.op)
    _refuse_large(node)
    return rule(sympy, node, [build(part) for part in node.args])


def _refuse_large(node: Node) -> None:
    """Raise for a large power, factorial or finite sum, which sympy would try to expand."""
    if node.op in {"sum", "prod"}:
        first, last = exact(node.args[2]), exact(node.args[3])
        if first is not None and last is not None and last - first > _LARGEST_POWER:
            raise UnbuildableError("too many terms")
    if node.op == "call" and node.name in {"factorial", "binom", "double_factorial"}:
        above = exact(node.args[0])
        if above is not None and above > _LARGEST_POWER:
            raise UnbuildableError("too large a factorial")
    if node.op != "pow":
        return
    power = node.args[1]
    exponent = exact(power)
    tower = exponent is None and not contains(power, "sym") and contains(power, "pow")
    if tower or (exponent is not None and abs(exponent) > _LARGEST_POWER):
        raise UnbuildableError("too large a power")


def _called(sympy: Any, node: Node, parts: list[Any]) -> Any:  # noqa: ANN401
    if node.name in _FUNCTIONS:
        return getattr(sympy, _FUNCTIONS[node.name])(*parts)
    if node.name == "root":
        return sympy.real_root(*parts) if parts[1] != 2 else sympy.sqrt(parts[0])  # noqa: PLR2004
    if node.name in {"gcd", "lcm"}:
        return getattr(sympy, node.name)(parts) if len(parts) > 1 else parts[0]
    if node.name == "lg":
        return sympy.log(parts[0], 10)
    if node.name in latex.FUNCTIONS.values():
        raise UnbuildableError(node.name)
    return sympy.Function(node.name)(*parts)


def _product(sympy: Any, _: Node, parts: list[Any]) -> Any:  # noqa: ANN401
    """Return a product; of a rational function without end, in closed form.

    Sympy does not end on others, nor on these: the product of (k - r) / (k - s) from a is that of
    gamma(a - s) / gamma(a - r), where as many zeros as poles have the same sum.
    """
    if parts[3] is not sympy.oo:
        return sympy.Product(parts[0], tuple(parts[1:]))
    over, under = sympy.fraction(sympy.together(parts[0]))
    roots = []
    for side in (over, under):
        if not side.is_polynomial(parts[1]) or side.free_symbols - {parts[1]}:
            raise UnbuildableError("a product without end")
        found = sympy.roots(sympy.Poly(side, parts[1]))
        if sum(found.values()) != sympy.degree(side, parts[1]) or not all(
            root.is_rational for root in found
        ):
            raise UnbuildableError("a product without end")
        roots.append([root for root, times in found.items() for _ in range(times)])
    leading = [sympy.LC(side, parts[1]) for side in (over, under)]
    zeros, poles = roots
    if len(zeros) != len(poles) or leading[0] != leading[1] or sum(zeros) != sum(poles):
        raise UnbuildableError("a product that does not converge")
    result = sympy.Integer(1)
    for zero, pole in zip(zeros, poles, strict=True):
        if any((place := parts[2] - root).is_integer and place <= 0 for root in (zero, pole)):
            raise UnbuildableError("a product with a factor that is 0 or has no value")
        result *= sympy.gamma(parts[2] - pole) / sympy.gamma(parts[2] - zero)
    return result


def _limit(sympy: Any, node: Node, parts: list[Any]) -> Any:  # noqa: ANN401
    side = "-" if node.args[2].op == "call" and node.args[2].name == "below" else "+"
    return sympy.Limit(parts[0], parts[1], parts[2], side)


_INVERTED = words.these("sin cos tan cot sec csc sinh cosh tanh")
_SAME_NAME = _INVERTED | words.these("coth sech csch log binomial")
_FUNCTIONS = {
    **{f: f for f in _SAME_NAME},
    **{f"arc{f}": f"a{f}" for f in _INVERTED},
    "ln": "log", "abs": "Abs", "floor": "floor", "ceil": "ceiling", "binom": "binomial",
    "factorial": "factorial", "double_factorial": "factorial2", "min": "Min", "max": "Max",
    "mod": "Mod", "conj": "conjugate", "re": "re", "im": "im", "sgn": "sign", "norm": "Abs",
    "arg": "arg", "gamma": "gamma", "zeta": "zeta", "erf": "erf", "erfc": "erfc",
}  # fmt: skip
_UNBOUNDED = 2
"""Number of parts of an integral without limits: the body and the variable."""
_RULES: dict[str, Callable[[Any, Node, list[Any]], Any]] = {
    "add": lambda sympy, _, parts: sympy.Add(*parts),
    "mul": lambda sympy, _, parts: sympy.Mul(*parts),
    "neg": lambda _, __, parts: -parts[0],
    "div": lambda _, __, parts: parts[0] / parts[1],
    "pow": lambda sympy, _, parts: sympy.Pow(*parts),
    "percent": lambda _, __, parts: parts[0] / 100,
    "degree": lambda sympy, _, parts: parts[0] * sympy.pi / 180,
    "call": _called,
    "sum": lambda sympy, _, parts: sympy.Sum(parts[0], tuple(parts[1:])),
    "prod": _product,
    "integral": lambda sympy, _, parts: sympy.Integral(
        parts[0], tuple(parts[1:]) if len(parts) > _UNBOUNDED else parts[1]
    ),
    "limit": _limit,
    "diff": lambda sympy, _, parts: sympy.Derivative(*parts),
}
