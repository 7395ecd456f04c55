"""What kind of thing an answer is, and how two things of a kind, or of two kinds, are compared.

Kinds: a single value; a definition (`x = 3`, `f(x) = 2x`); an equation; a real set (intervals,
inequalities); a tuple; a collection whose order does not count; a matrix; cases. The dispatcher
`same` is symmetric but for the rounding of decimals, which only the gold may ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mathreason_eval.grade import equations, families, matrices
from mathreason_eval.grade.convention import Convention
from mathreason_eval.grade.expression import Finding
from mathreason_eval.grade.realsets import NotASetError, RealSet, is_inequality, real_set, same_set
from mathreason_eval.grade.scalar import same_scalar
from mathreason_eval.grade.shape import shape
from mathreason_eval.grade.tree import Node, show, substitute

_MOST_ITEMS = 256
_SETLIKE = frozenset({"union", "inter", "minus", "interval", "such"})
_COLLECTIONS = frozenset({"list", "set"})
_PAIR = 2
DIFFERENT_KIND = Finding(equal=False, rule="structure", note="they are different kinds of things")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison: its convention, and whether a decimal gold may still be rounded to."""

    convention: Convention
    rounding: bool = True

    def inside(self) -> Comparison:
        """Return the comparison for the parts of a structure, where nothing is rounded."""
        return Comparison(self.convention, rounding=False)


def same(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Return whether two trees mean the same answer."""
    gold, answer = shape(gold), shape(answer)
    if gold == answer:
        return Finding(equal=True, rule="identical", note="the same in every part")
    if "when" in {gold.op, answer.op}:
        return _same_qualified(gold, answer, how)
    if "choices" in {gold.op, answer.op}:
        return _same_alternatives(gold, answer, how)
    if "ratio" in {gold.op, answer.op}:
        return _same_ratio(gold, answer, how)
    for applies, rule in _RULES:
        if applies(gold) or applies(answer):
            return rule(gold, answer, how)
    return same_scalar(gold, answer, how.convention, rounding=how.rounding)


def _same_qualified(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare answers of which one or both carry a qualifier such as `for all x` or `if n > 2`."""
    one, other = (node.name if node.op == "when" else "" for node in (gold, answer))
    if one and other and one != other and _binds(one) and _binds(other):
        return Finding(equal=False, rule="structure", note=f"under {other!r} against {one!r}")
    if (_binds(one) or _binds(other)) and not (one and other):
        return Finding(
            equal=None, rule="undecided", note="only one of them holds under a condition"
        )
    bare = [node.args[0] if node.op == "when" else node for node in (gold, answer)]
    return same(bare[0], bare[1], how)


def _binds(qualifier: str) -> bool:
    return qualifier.partition(" ")[0] in {
        "if",
        "when",
        "whenever",
        "provided",
        "assuming",
        "mod",
    } and (not qualifier.startswith("mod"))


def _same_alternatives(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare chains such as `x = 2 + 3 = 5` or `a/b ~ 3.99`: one value, written several ways."""
    ones = gold.args if gold.op == "choices" else (gold,)
    others = answer.args if answer.op == "choices" else (answer,)
    found = DIFFERENT_KIND
    for one in reversed(ones):
        for other in reversed(others):
            found = same(one, other, how)
            if found.equal:
                return found
    return found


def _same_ratio(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare a ratio with a ratio of as many parts, or one of two parts with a quotient."""
    if gold.op == answer.op:
        if len(gold.args) != len(answer.args):
            return Finding(equal=False, rule="ratio", note="ratios of different lengths")
        firsts = Node("div", (gold.args[0], answer.args[0]))
        scaled = tuple(Node("mul", (firsts, part)) for part in answer.args)
        return _ordered(gold.args, scaled, how.inside())._replace(rule="ratio")
    one, other = (_quotient(node) for node in (gold, answer))
    return DIFFERENT_KIND if "ratio" in {one.op, other.op} else same(one, other, how)


def _quotient(node: Node) -> Node:
    return Node("div", node.args) if node.op == "ratio" and len(node.args) == _PAIR else node


# ---------------------------------------------------------------------- definitions and equations


def _is_definition(node: Node) -> bool:
    return node.op == "define"


def _same_definition(gold: Node, answer: Node, how: Comparison) -> Finding:
    if _is_relation(gold) or _is_relation(answer):
        return equations.same_equation(_as_equation(gold), _as_equation(answer))
    if not (gold.op == answer.op == "define"):
        return _same_defined(gold, answer, how)
    (name, value), (other_name, other) = gold.args, answer.args
    if name.op == other_name.op == "call" and name.name == other_name.name:
        other = _renamed(other, other_name, name)
        return same(value, other, how)
    if name != other_name and how.convention.variable_names and not _same_name(name, other_name):
        if (
            "call" not in {name.op, other_name.op}
            and equations.is_flat(value)
            and equations.is_flat(other)
        ):
            return equations.same_equation(_as_equation(gold), _as_equation(answer))
        note = f"it is {show(other_name)}, not {show(name)}, that is given"
        return Finding(equal=False, rule="definition", note=note)
    return same(value, other, how)


def _same_name(one: Node, other: Node) -> bool:
    """Return whether two names may stand for one thing: y and f(x), or a_n and a(n)."""
    return {one.op, other.op} == {"call", "sym"} or _letters(one) == _letters(other)


def _letters(node: Node) -> str:
    return "".join(c for c in show(node) if c.isalnum()).lower()


def _renamed(value: Node, used: Node, wanted: Node) -> Node:
    """Return a function's value in the argument names of another definition of it."""
    for one, other in zip(used.args, wanted.args, strict=False):
        if one.op == other.op == "sym":
            value = substitute(value, one, other)
    return value


def _same_defined(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare a definition with a thing that has no name: the value counts."""
    value = gold.args[1] if gold.op == "define" else gold
    other = answer.args[1] if answer.op == "define" else answer
    found = same(value, other, how)
    if found.equal:
        return found
    defined, bare = (gold, answer) if gold.op == "define" else (answer, gold)
    if equations.is_flat(bare) and equations.is_flat(defined.args[1]):
        solved = equations.satisfies(_as_equation(defined), bare)
        return solved if solved.equal else found
    return found


def _as_equation(node: Node) -> Node:
    return Node("rel", node.args, "=") if node.op == "define" else node


def _is_relation(node: Node) -> bool:
    return node.op == "rel" and node.name == "="


def _same_relation(gold: Node, answer: Node, how: Comparison) -> Finding:
    del how
    if gold.op == answer.op == "rel":
        return equations.same_equation(gold, answer)
    equation, other = (gold, answer) if _is_relation(gold) else (answer, gold)
    if not equations.is_flat(other):
        return DIFFERENT_KIND
    return equations.satisfies(equation, other)


# ---------------------------------------------------------------------- sets of real numbers


def _is_real_set(node: Node) -> bool:
    return (
        node.op in _SETLIKE
        or is_inequality(node)
        or (node.op == "const" and node.name.startswith("RR"))
        or (node.op in _COLLECTIONS and any(_is_real_set(part) for part in node.args))
        or (node.op == "rel" and node.name in {"in", "notin"})
    )


def _same_real_set(gold: Node, answer: Node, how: Comparison) -> Finding:
    one, other = _try_real_set(gold), _try_real_set(answer)
    if one is not None and other is not None:
        if (
            one.variable
            and other.variable
            and one.variable != other.variable
            and (how.convention.variable_names)
        ):
            return Finding(equal=False, rule="set", note="they are about different variables")
        return same_set(one, other)
    return _same_symbolic_set(gold, answer, how)


def _try_real_set(node: Node) -> RealSet | None:
    if node.op == "tuple" and len(node.args) != _PAIR:
        return None
    try:
        return real_set(node)
    except NotASetError:
        return None


def _same_symbolic_set(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare sets whose ends are not numbers, part by part."""
    if gold.op == answer.op == "rel":
        if "in" in {gold.name, answer.name} and gold.name == answer.name:
            return same(gold.args[1], answer.args[1], how.inside())
        return equations.same_inequality(gold, answer)
    gold, answer = (_set_of(node) for node in (gold, answer))
    if gold.op == answer.op and gold.op in {"union", "inter", "list", "set"}:
        return _unordered(_flattened(gold), _flattened(answer), how.inside())
    if gold.op == answer.op == "minus":
        return _ordered(gold.args, answer.args, how.inside())
    ends = {"interval", "tuple"}
    if gold.op in ends and answer.op in ends:
        if gold.name != answer.name:
            return Finding(equal=False, rule="set", note="their ends are of different kinds")
        return _ordered(gold.args, answer.args, how.inside())
    if gold.op == answer.op == "such":
        renamed = _renamed_builder(gold, answer)
        return same(gold.args[1], renamed.args[1], how.inside())
    chain = equations.as_listed_order(gold, answer)
    if chain is not None:
        return _ordered(chain[0], chain[1], how.inside())
    return DIFFERENT_KIND


def _set_of(node: Node) -> Node:
    """Return the set that a membership or a simple inequality speaks of."""
    if node.op == "rel" and node.name == "in":
        return node.args[1]
    if node.op == "such":
        inner = _set_of(node.args[1])
        return inner if inner is not node.args[1] else node
    return equations.as_interval(node) or node


def _renamed_builder(gold: Node, answer: Node) -> Node:
    if gold.args[0].op == answer.args[0].op == "sym":
        return substitute(answer, answer.args[0], gold.args[0])
    return answer


def _flattened(node: Node) -> tuple[Node, ...]:
    parts: list[Node] = []
    for part in node.args:
        parts.extend(_flattened(part) if part.op == node.op else (part,))
    return tuple(parts)


# ---------------------------------------------------------------------- tuples and collections


def _is_group(node: Node) -> bool:
    return node.op in _COLLECTIONS or node.op in {"tuple", "assign"}


def _same_group(gold: Node, answer: Node, how: Comparison) -> Finding:
    convention = how.convention
    if not (_is_group(gold) and _is_group(answer)):
        return _same_single(gold, answer, how)
    if gold.op == answer.op == "assign":
        return _same_assignment(gold, answer, how)
    matrix = matrices.as_matrix(gold), matrices.as_matrix(answer)
    if matrix[0] is not None and matrix[1] is not None and gold.op == answer.op == "tuple":
        return _ordered(gold.args, answer.args, how.inside())
    if {gold.op, answer.op} <= {"tuple", "assign"}:
        return _same_tuple(gold, answer, how)
    if {gold.op, answer.op} <= _COLLECTIONS and not (
        convention.ordered_lists and gold.op == answer.op == "list"
    ):
        if len(gold.args) == 1 != len(answer.args) == 1:
            return _unwrapped(gold, answer, how)
        return _unordered(_distinct(gold), _distinct(answer), how.inside())
    if "set" in {gold.op, answer.op}:
        note = "a set has no order, a tuple has"
        return Finding(equal=False, rule="structure", note=note)
    return _ordered(_values(gold), _values(answer), how.inside())


def _unwrapped(gold: Node, answer: Node, how: Comparison) -> Finding:
    return _unordered(gold.args, answer.args, how.inside())


def _same_tuple(gold: Node, answer: Node, how: Comparison) -> Finding:
    if gold.op == answer.op == "tuple" and gold.name != answer.name and len(gold.args) == _PAIR:
        return Finding(equal=False, rule="structure", note="their brackets differ")
    return _ordered(_values(gold), _values(answer), how.inside())


def _same_single(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare a group with something that is none."""
    group, single = (gold, answer) if _is_group(gold) else (answer, gold)
    lone = group.op in {"set", "list"} and len(group.args) == 1
    if lone and (how.convention.singleton_sets or group.op == "list"):
        pair = (group.args[0], single) if group is gold else (single, group.args[0])
        return same(pair[0], pair[1], how)
    if group.op == "assign" and len(group.args) == 1:
        pair = (group.args[0], single) if group is gold else (single, group.args[0])
        return same(pair[0], pair[1], how)
    if single.op == "matrix" and group.op in {"tuple", "list"}:
        return _same_matrix(gold, answer, how)
    return Finding(equal=False, rule="structure", note="one value against several")


def _same_assignment(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare values given by name: `x = 1, y = 2` and `y = 2, x = 1`."""
    ones = {show(part.args[0]): part.args[1] for part in gold.args}
    others = {show(part.args[0]): part.args[1] for part in answer.args}
    if ones.keys() != others.keys():
        indexed = (
            len({name.split("_")[0] for name in ones} | {n.split("_")[0] for n in others}) == 1
        )
        if len(ones) != len(others) or (how.convention.variable_names and not indexed):
            return Finding(equal=False, rule="structure", note="they name different things")
        return _ordered(tuple(ones.values()), tuple(others.values()), how.inside())
    return _ordered(tuple(ones.values()), tuple(others[name] for name in ones), how.inside())


def _values(node: Node) -> tuple[Node, ...]:
    return tuple(p.args[1] for p in node.args) if node.op == "assign" else node.args


def _distinct(node: Node) -> tuple[Node, ...]:
    """Return the items; those of a set only once each, where they are the same tree."""
    return tuple(dict.fromkeys(node.args)) if node.op == "set" else node.args


def _ordered(ones: tuple[Node, ...], others: tuple[Node, ...], how: Comparison) -> Finding:
    if len(ones) != len(others):
        note = f"{len(others)} parts against {len(ones)}"
        return Finding(equal=False, rule="structure", note=note)
    undecided = None
    for index, (one, other) in enumerate(zip(ones, others, strict=True), start=1):
        found = same(one, other, how)
        if found.equal is False:
            return Finding(equal=False, rule="structure", note=f"part {index}: {found.note}")
        undecided = undecided or (found if found.equal is None else None)
    if undecided is not None:
        return undecided
    return Finding(equal=True, rule="structure", note=f"all {len(ones)} parts are equal")


def _unordered(ones: tuple[Node, ...], others: tuple[Node, ...], how: Comparison) -> Finding:
    if len(ones) != len(others):
        note = f"{len(others)} elements against {len(ones)}"
        return Finding(equal=False, rule="structure", note=note)
    if len(ones) > _MOST_ITEMS:
        return _ordered(ones, others, how)
    left = list(others)
    for one in ones:
        match = next((k for k, other in enumerate(left) if same(one, other, how).equal), None)
        if match is None:
            note = f"{show(one)} of the gold is not among the answer's elements"
            return Finding(equal=False, rule="structure", note=note)
        left.pop(match)
    return Finding(equal=True, rule="structure", note=f"the same {len(ones)} elements")


# ---------------------------------------------------------------------- matrices and cases


def _is_matrix(node: Node) -> bool:
    return matrices.is_matrix(node)


def _same_matrix(gold: Node, answer: Node, how: Comparison) -> Finding:
    one, other = matrices.as_matrix(gold), matrices.as_matrix(answer)
    if one is None or other is None:
        return Finding(equal=False, rule="matrix", note="a matrix against something else")
    if [len(row) for row in one] != [len(row) for row in other]:
        return Finding(equal=False, rule="matrix", note="their shapes differ")
    cells = [tuple(cell for row in rows for cell in row) for rows in (one, other)]
    return _ordered(cells[0], cells[1], how.inside())._replace(rule="matrix")


def _is_cases(node: Node) -> bool:
    return node.op == "cases"


def _same_cases(gold: Node, answer: Node, how: Comparison) -> Finding:
    if gold.op != answer.op:
        return Finding(equal=None, rule="undecided", note="cases against a closed form")
    return _unordered(gold.args, answer.args, how.inside())


def _is_row(node: Node) -> bool:
    return node.op == "row"


def _same_row(gold: Node, answer: Node, how: Comparison) -> Finding:
    return _ordered(gold.args, answer.args, how.inside())


# ---------------------------------------------------------------------- whole answers


def same_answer(gold: Node, answer: Node, convention: Convention) -> Finding:
    """Return whether two parsed answers are equal, parameters of families renamed if need be."""
    how = Comparison(convention)
    found = same(gold, answer, how)
    if found.equal:
        return found
    gold, answer = _unnamed(gold), _unnamed(answer)
    for renaming in families.renamings(gold, answer):
        renamed = families.rename(answer, renaming)
        again = same(gold, renamed, how)
        if again.equal:
            note = ", ".join(f"{old} for {new}" for old, new in renaming.items())
            return again._replace(note=f"{again.note}, with {note}")
    return families.same_family(gold, answer) or found


def _unnamed(node: Node) -> Node:
    """Return the value of a definition, so that only parameters are left to be renamed."""
    node = shape(node)
    return node.args[1] if node.op == "define" and node.args[0].op == "sym" else node


_RULES: tuple[tuple[Callable[[Node], bool], Callable[[Node, Node, Comparison], Finding]], ...] = (
    (_is_definition, _same_definition),
    (_is_relation, _same_relation),
    (_is_real_set, _same_real_set),
    (_is_matrix, _same_matrix),
    (_is_group, _same_group),
    (_is_cases, _same_cases),
    (_is_row, _same_row),
)
