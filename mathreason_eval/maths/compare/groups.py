"""Comparison of sets, inequalities, tuples, lists, assignments, matrices and cases."""

from __future__ import annotations

from mathreason_eval.maths.compare.comparison import (
    DIFFERENT_KIND,
    UNKNOWN,
    Comparison,
    Finding,
    different,
    equal,
    ordered,
    same_value,
    unordered,
)
from mathreason_eval.maths.compare.equations import difference, is_flat, is_name
from mathreason_eval.maths.compare.piecewise import same_function
from mathreason_eval.maths.compare.realsets import (
    NotASetError,
    RealSet,
    is_inequality,
    is_interval,
    real_set,
    same_set,
)
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.polynomials import polynomial
from mathreason_eval.maths.syntax.tree import (
    EMPTY,
    INFINITY,
    ONE,
    ZERO,
    Node,
    Rows,
    as_matrix,
    contains,
    minus,
    show,
    substitute,
    sym,
    symbols,
)

_OPERATIONS = frozenset({"union", "inter", "minus", "interval", "such"})
_COLLECTIONS = frozenset({"list", "set"})


def is_set(node: Node) -> bool:
    """Return whether a node is a set of real numbers by its form."""
    if node.op in _COLLECTIONS:
        return any(map(is_set, node.args))
    if node.op == "rel":
        return is_inequality(node) or node.name in {"in", "notin"}
    return node.op in _OPERATIONS or (node.op == "const" and node.name.startswith("RR"))


def same_real_set(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is a set of real numbers."""
    one, other = _normal_form(gold), _normal_form(answer)
    if one is None or other is None:
        return _same_symbolic_set(gold, answer, how)
    names = {one.variable, other.variable} - {""}
    if len(names) > 1 and how.convention.variable_names:
        return different("set", "they are about different variables")
    return same_set(one, other)


def _normal_form(node: Node) -> RealSet | None:
    if node.op == "tuple" and not is_interval(node):
        return None
    try:
        return real_set(node)
    except NotASetError:
        return None


def _same_symbolic_set(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare sets whose ends are not numbers, part by part."""
    if gold.op == answer.op == "rel":
        if gold.name == answer.name == "in":
            return how.inside().same(gold.args[1], answer.args[1])
        return same_inequality(gold, answer)
    chain = as_ordered_names(gold, answer)
    if chain is not None:
        return ordered(chain[0], chain[1], how.inside())
    gold, answer = _described_set(gold), _described_set(answer)
    if "const" in {gold.op, answer.op}:
        same = gold.op == answer.op and gold.name == answer.name
        return Finding(equal=same, rule="set", note=f"{answer.name} against {gold.name}")
    if is_interval(gold) and is_interval(answer):
        if gold.name != answer.name:
            return different("set", "their ends are of different kinds")
        return ordered(gold.args, answer.args, how.inside())
    if gold.op != answer.op:
        return DIFFERENT_KIND
    if gold.op in {"such", "minus"}:
        renamed = _renamed(answer, gold) if gold.op == "such" else answer
        return ordered(gold.args, renamed.args, how.inside())
    return unordered(_flattened(gold), _flattened(answer), how.inside())


def _described_set(node: Node) -> Node:
    """Return the set that a membership, a builder or an inequality with parameters describes."""
    if node.op == "rel" and node.name == "in":
        return node.args[1]
    if node.op == "such":
        interval = as_interval(node.args[1])
        # In {x : x^2 < y} the interval would be one of y.
        about_other = interval is None or {*symbols(node.args[0])} & {*symbols(interval)}
        return node if about_other or interval is None else interval
    return as_interval(node) or node


def _renamed(builder: Node, like: Node) -> Node:
    """Return a set-builder in the variable of another one."""
    used, wanted = symbols(builder.args[0]), symbols(like.args[0])
    if len(used) == len(wanted) == 1:
        return substitute(builder, sym(used[0]), sym(wanted[0]))
    return builder


def _flattened(node: Node) -> tuple[Node, ...]:
    parts: list[Node] = []
    for part in node.args:
        parts.extend(_flattened(part) if part.op == node.op else (part,))
    return tuple(parts)


# --- inequalities in letters ---------------------------------------------------------------------

_PAIR = 2
_FLIP = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def same_inequality(gold: Node, answer: Node) -> Finding:
    """Return whether two inequalities in several variables are equivalent."""
    one, other = _ascending(gold), _ascending(answer)
    if one.name != other.name:
        return different("inequality", "they relate in different ways")
    if len(one.args) == len(other.args) == _PAIR:
        found = same_value(difference(one), difference(other))
        return found if found.equal else found._replace(rule="inequality")
    for left, right in zip(one.args, other.args, strict=False):
        found = same_value(left, right)
        if not found.equal:
            return found._replace(rule="inequality")
    return equal("inequality", "the same chain of relations")


def _ascending(node: Node) -> Node:
    """Return the chain with its smallest side first."""
    signs = node.name.split()
    if signs[0] in {">", ">="}:
        return Node("rel", node.args[::-1], " ".join(_FLIP.get(sign, sign) for sign in signs[::-1]))
    return node


def as_interval(node: Node) -> Node | None:
    """Return the interval of `a < x` or `a < x <= b` for a name x; None for other trees."""
    if node.op != "rel" or not set(node.name.split()) <= {"<", "<=", ">", ">="}:
        return None
    node = _ascending(node)
    signs, first, last = node.name.split(), node.args[0], node.args[-1]
    opened, closed = "[" if "=" in signs[0] else "(", "]" if "=" in signs[-1] else ")"
    if len(signs) == _PAIR and is_name(node.args[1]):
        return Node("interval", (first, last), opened + closed)
    if len(signs) == 1 and first.op == "sym" and not contains(last, "sym", first.name):
        return Node("interval", (minus(INFINITY), last), "(" + closed)
    if len(signs) == 1 and last.op == "sym" and not contains(first, "sym", last.name):
        return Node("interval", (first, INFINITY), opened + ")")
    return None


def as_ordered_names(gold: Node, answer: Node) -> tuple[tuple[Node, ...], tuple[Node, ...]] | None:
    """Return the parts of a chain `b < a < d` and of a list of names to compare, or None."""
    chain, listed = (gold, answer) if gold.op == "rel" else (answer, gold)
    fits = chain.op == "rel" and listed.op in {"list", "tuple"} and len(chain.args) > _PAIR
    names = all(part.op == "sym" for part in (*chain.args, *listed.args))
    return (gold.args, answer.args) if fits and names else None


# --- tuples, lists, assignments, matrices --------------------------------------------------------


def is_group(node: Node) -> bool:
    """Return whether a node has several values: a list, a set, a tuple or an assignment."""
    return node.op in _COLLECTIONS or node.op in {"tuple", "assign"}


def same_group(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is a group."""
    if not (is_group(gold) and is_group(answer)):
        return _same_single(gold, answer, how)
    kinds = {gold.op, answer.op}
    elements = [_only_tuple(node) for node in (gold, answer)]
    if how.convention.singleton_sets and kinds & _COLLECTIONS and any(elements):
        return how.same(elements[0] or gold, elements[1] or answer)
    if kinds == {"assign"}:
        return _same_assignment(gold, answer, how)
    if kinds <= {"tuple", "assign"}:
        return _same_tuple(gold, answer, how)
    if {gold.name, answer.name} == {"and", "or"} and all(p.op == "sym" for p in gold.args):
        return different("structure", "one says and, the other or")
    if kinds <= _COLLECTIONS and not (how.convention.ordered_lists and kinds == {"list"}):
        return unordered(_distinct(gold), _distinct(answer), how.inside())
    if "set" in kinds:
        return different("structure", "a set has no order, a tuple has")
    return ordered(_values(gold), _values(answer), how.inside())


def _only_tuple(node: Node) -> Node | None:
    """Return the tuple that is a collection's only element, as in `{(1, 2)}`, or None."""
    alone = node.op in _COLLECTIONS and len(node.args) == 1
    return node.args[0] if alone and node.args[0].op in {"tuple", "interval"} else None


def _same_tuple(gold: Node, answer: Node, how: Comparison) -> Finding:
    if gold.op == answer.op == "tuple" and gold.name != answer.name and len(gold.args) == _PAIR:
        return different("structure", "their brackets differ")
    if gold.op != answer.op:
        gold, answer = _in_order(gold), _in_order(answer)
    return ordered(_values(gold), _values(answer), how.inside())


_COORDINATES = ({"x", "y"}, {"x", "y", "z"}, {"a", "b"}, {"a", "b", "c"}, {"m", "n"}, {"p", "q"})


def _in_order(node: Node) -> Node:
    """Return an assignment of x, y and z in the order of a tuple: `y = 4, x = 3` with x first."""
    if node.op != "assign" or {show(part.args[0]) for part in node.args} not in _COORDINATES:
        return node
    return node._replace(args=tuple(sorted(node.args, key=lambda part: show(part.args[0]))))


def _same_single(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare a group with something that is not one."""
    group = gold if is_group(gold) else answer
    if (
        len(group.args) == 1
        and group.args[0] != EMPTY  # {∅} has an element, and ∅ has none
        and (how.convention.singleton_sets or group.op != "set")
    ):
        lone = [node.args[0] if is_group(node) else node for node in (gold, answer)]
        return how.same(*lone)
    repeated = group.op == "set" or (group is answer and group.op == "list")
    if repeated and len(group.args) > 1 and len({*group.args}) == 1:
        # A double root is written twice; but where two values are asked for, one is not enough.
        lone = [node.args[0] if node is group else node for node in (gold, answer)]
        return how.same(*lone)
    return different("structure", "one value against several")


def _same_assignment(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare values given by name: `x = 1, y = 2` and `y = 2, x = 1`."""
    golds = {show(part.args[0]): part.args[1] for part in gold.args}
    answers = {show(part.args[0]): part.args[1] for part in answer.args}
    if golds.keys() == answers.keys():
        matching = tuple(answers[name] for name in golds)
        return ordered(tuple(golds.values()), matching, how.inside())
    if how.convention.variable_names:
        return different("structure", "they name different things")
    return ordered(tuple(golds.values()), tuple(answers.values()), how.inside())


def _values(node: Node) -> tuple[Node, ...]:
    return tuple(p.args[1] for p in node.args) if node.op == "assign" else node.args


def _distinct(node: Node) -> tuple[Node, ...]:
    """Return the items; those of a set without identical trees."""
    return tuple(dict.fromkeys(node.args)) if node.op == "set" else node.args


def same_matrix(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is a matrix; a tuple may be a row or column."""
    one, other = _matrix_like(gold, answer), _matrix_like(answer, gold)
    if one is None or other is None:
        return different("matrix", "a matrix against something else")
    if [len(row) for row in one] != [len(row) for row in other]:
        return different("matrix", "their shapes differ")
    cells = [tuple(cell for row in rows for cell in row) for rows in (one, other)]
    return ordered(cells[0], cells[1], how.inside())._replace(rule="matrix")


_PAIRS = frozenset({"tuple", "interval"})


def _matrix_like(node: Node, other: Node) -> Rows | None:
    """Return the entries of a matrix, a single value, or a tuple as the row or column needed."""
    nested = node.op == "tuple" and {len(part.args) for part in node.args if part.op in _PAIRS}
    if nested and len(nested) == 1 and min(nested) > 1 and all(p.op in _PAIRS for p in node.args):
        return tuple(part.args for part in node.args)
    rows = as_matrix(node)
    if rows is None and is_flat(node):
        found = _of_identity(node, other)
        return as_matrix(found) if found is not None else ((node,),)
    if rows is None:
        return None
    like = as_matrix(other) if node.op in {"tuple", "list", "interval"} else None
    if like is not None and len(like) == 1 < len(rows) and all(len(row) == 1 for row in rows):
        return (tuple(row[0] for row in rows),)
    return rows


def _of_identity(node: Node, other: Node) -> Node | None:
    """Return `2I` with the identity matrix of the other side's size in it, or None."""
    like = as_matrix(other)
    if not like or any(len(row) != len(like) for row in like):
        return None
    size = len(like)
    names = {"I", f"I_{size}"} & {*symbols(node)}
    if len(names) != 1:
        return None
    rows = (tuple(ONE if row == column else ZERO for column in range(size)) for row in range(size))
    identity = Node("matrix", tuple(Node("row", row) for row in rows))
    return substitute(node, sym(names.pop()), identity)


_UNIT_VECTORS = (("i", "hat{i}", "vec{i}", "hat{imath}"), ("j", "hat{j}", "vec{j}", "hat{jmath}"),
                 ("k", "hat{k}", "vec{k}"))  # fmt: skip


def in_components(node: Node, other: Node) -> Node:
    """Return `5i - 2j` as the vector (5, -2) if the other side is a vector; else the node."""
    size = _dimension(other)
    if size not in {2, 3} or not is_flat(node) or node.op not in {"add", "mul", "neg", "sym"}:
        return node
    used = [name for names in _UNIT_VECTORS for name in names if contains(node, "sym", name)]
    if not used:
        return node  # 5i alone is a complex number
    rest, parts = node, []
    for names in _UNIT_VECTORS:
        axis = sym(names[-1])
        for written in (Node("const", (), names[0]), *map(sym, names)):
            rest = substitute(rest, written, axis)
        coefficients = polynomial(rest, axis)
        if coefficients is None or len(coefficients) > _PAIR:
            return node
        rest = coefficients[0]
        parts.append(coefficients[1] if len(coefficients) == _PAIR else ZERO)
    outside = [rest, *parts[size:]]
    complete = all(exact(part) == 0 for part in outside)
    return Node("tuple", tuple(parts[:size]), "()") if complete else node


def _dimension(node: Node) -> int:
    """Return how many components a vector has; 0 for what is none."""
    if node.op == "tuple" or (node.op == "interval" and node.name in {"()", "[]"}):
        return len(node.args)
    if node.op != "matrix" or not all(row.args for row in node.args):
        return 0
    widths = {len(row.args) for row in node.args}
    return max(len(node.args), *widths) if 1 in {len(node.args), *widths} else 0


def same_cases(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is a definition by cases, row by row."""
    if "row" in {gold.op, answer.op}:
        if gold.op != answer.op:
            return UNKNOWN._replace(note="a case against something else")
        return ordered(gold.args, answer.args, how.inside())
    if gold.op == answer.op:
        found = unordered(gold.args, answer.args, how.inside())
        if found.equal:
            return found
    if not all(node.op == "cases" or is_flat(node) for node in (gold, answer)):
        return UNKNOWN._replace(note="cases against something else")
    whole = same_function(gold, answer)
    return found if gold.op == answer.op and whole.equal is None else whole
