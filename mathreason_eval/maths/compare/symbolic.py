"""The last resort: sympy, called in a worker process that someone else owns and kills.

No text is evaluated. Sympy's objects are built from our own tree; what our grammar cannot read goes
to the parser of latex2sympy2-extended, which builds them from a grammar of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mathreason_eval.maths.compare.comparison import UNKNOWN, Finding, different, equal
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.maths.compare.equal import readings
from mathreason_eval.maths.compare.shape import shape
from mathreason_eval.maths.compare.text import is_prose
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.tree import Node, contains
from mathreason_eval.maths.vocabulary import latex, words
from mathreason_eval.types import Match

_LONGEST = 2000
_DIGITS = 40
_CLOSE = 1e-30
_LARGEST_POWER = 2000
_OPERATORS = ("integral", "limit", "diff", "sum", "prod")


class UnbuildableError(ValueError):
    """The tree holds something that sympy is not asked about."""


def compare_slow(gold: str, answer: str, convention: Convention = DEFAULT) -> Match:
    """Return whether sympy proves or refutes that the two are equal, else undecided.

    Sympy and its parsers raise whatever they like; the worker that calls this catches it.
    """
    del convention
    found = UNKNOWN
    if max(len(gold), len(answer)) <= _LONGEST:
        texts = normalise(gold), normalise(answer)
        try:
            if all(map(_is_definition, texts)):
                found = UNKNOWN._replace(note="two definitions are not for sympy")
            else:
                found = _same(_object(texts[0]), _object(texts[1]))
        except UnbuildableError as error:
            found = UNKNOWN._replace(note=f"sympy is not asked about this: {error}")
    return Match(equal=found.equal, rule=found.rule, note=found.note)


def _is_definition(text: str) -> bool:
    tree = next(readings(text), None)
    return tree is not None and shape(tree).op == "define"


def _object(text: str) -> Any:  # noqa: ANN401 - sympy has no types
    """Return the sympy object of a text, from our own tree if there is one."""
    trees = list(readings(text))
    for tree in trees:
        try:
            return build(_value(tree))
        except UnbuildableError:
            continue
    if trees:
        raise UnbuildableError("no reading is a single value")
    if is_prose(text):
        # Each of its letters would become a variable.
        raise UnbuildableError("prose")
    return _parsed(text)


def _parsed(text: str) -> Any:  # noqa: ANN401 - as `_object`
    """Return what the LaTeX parser makes of a text.

    Raises:
        UnbuildableError: if it cannot read the text; that is no failure of the grader.
    """
    from latex2sympy2_extended import latex2sympy

    try:
        return latex2sympy(text)
    except Exception as error:
        # The parser raises a bare Exception for a text it cannot read; all else is a crash.
        if type(error) is not Exception:
            raise
        raise UnbuildableError("its LaTeX cannot be read") from error


def _value(tree: Node) -> Node:
    """Return the value that a qualified, named or measured tree is about."""
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


def build(node: Node) -> Any:  # noqa: ANN401
    """Return the sympy object of a tree.

    Raises:
        UnbuildableError: if the tree is no single value, or too large a power.
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
    """Raise for a power, factorial or finite sum that sympy would try to write out."""
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


def _limit(sympy: Any, node: Node, parts: list[Any]) -> Any:  # noqa: ANN401
    side = "-" if node.args[2].op == "call" and node.args[2].name == "below" else "+"
    return sympy.Limit(parts[0], parts[1], parts[2], side)


_CONSTANTS = {"pi": "pi", "e": "E", "i": "I", "oo": "oo"}
_INVERTED = words.these("sin cos tan cot sec csc sinh cosh tanh")
_SAME_NAME = _INVERTED | words.these("coth sech csch log binomial")
_FUNCTIONS = {
    **{f: f for f in _SAME_NAME},
    **{f"arc{f}": f"a{f}" for f in _INVERTED},
    "ln": "log", "abs": "Abs", "floor": "floor", "ceil": "ceiling", "binom": "binomial",
    "factorial": "factorial", "double_factorial": "factorial2", "min": "Min", "max": "Max",
    "mod": "Mod", "conj": "conjugate", "re": "re", "im": "im", "sgn": "sign", "norm": "Abs",
    "arg": "arg",
}  # fmt: skip
_UNBOUNDED = 2
"""Parts of an integral without limits: the body and the variable."""
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
    "prod": lambda sympy, _, parts: sympy.Product(parts[0], tuple(parts[1:])),
    "integral": lambda sympy, _, parts: sympy.Integral(
        parts[0], tuple(parts[1:]) if len(parts) > _UNBOUNDED else parts[1]
    ),
    "limit": _limit,
    "diff": lambda sympy, _, parts: sympy.Derivative(*parts),
}
