"""The kinds of answers, and the rules that compare two answers of the same or different kinds.

Kinds: a single value; a definition (`x = 3`, `f(x) = 2x`); an equation; a real set (intervals,
inequalities); a group (tuple, list, set, assignment); a matrix; cases. The dispatcher `same` is
symmetric except for the rounding of decimals, which only the gold may require, and for chains, as
only those of the gold may have different sides.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from mathreason_eval.maths.compare import equations
from mathreason_eval.maths.compare.annotations import (
    fixes_letters,
    range_of,
    same_annotations,
)
from mathreason_eval.maths.compare.comparison import (
    DIFFERENT_KIND,
    UNKNOWN,
    Comparison,
    Finding,
    best,
    different,
    equal,
    ordered,
    unordered,
)
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.compare.derivatives import in_one_notation
from mathreason_eval.maths.compare.groups import (
    in_components,
    is_group,
    is_set,
    same_cases,
    same_group,
    same_matrix,
    same_real_set,
)
from mathreason_eval.maths.compare.progressions import same_progressions
from mathreason_eval.maths.compare.scalar import (
    is_approximation,
    is_decimal_form,
    same_scalar,
    with_degrees,
)
from mathreason_eval.maths.compare.shape import OPAQUE, POINT, shape
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.syntax.tree import (
    Node,
    contains,
    is_matrix,
    show,
    substitute,
    sym,
    symbols,
)
from mathreason_eval.maths.vocabulary.latex import FUNCTIONS

_PAIR = 2


def same_answer(gold: Node, answer: Node, convention: Convention) -> Finding:
    """Return whether two parsed answers are equal, if necessary after renaming parameters."""
    how = Comparison(convention, same)
    gold, answer = in_one_notation(gold, answer)
    domains = _parameter_domains(gold), _parameter_domains(answer)
    if all(domains) and domains[0] != domains[1]:
        return different("structure", f"{domains[1][0]} against {domains[0][0]}")
    found = same(gold, answer, how)
    if found.equal:
        return found
    if (families := same_progressions(gold, answer)) is not None:
        return families
    parameters = equations.quantified(gold), equations.quantified(answer)
    gold, answer = _unnamed(gold), _unnamed(answer)
    for names in equations.renamings(gold, answer, *parameters):
        if answer.op == "when" and not {*names} <= {*symbols(answer.args[0])}:
            continue  # a letter of the condition alone is no parameter of the value
        again = same(gold, equations.rename(answer, names), how)
        if again.equal:
            renamed = ", ".join(f"{new} for {old}" for old, new in names.items())
            return again._replace(note=f"{again.note}, with {renamed}")
        found = best(found, again)
    if found.equal is False and domains[0] == domains[1] == ["RR"] and contains(answer, "tuple"):
        # One line has many parameters: (t, 2t) is (2s, 4s).
        found = UNKNOWN._replace(note="points with a parameter")
    return equations.same_family(gold, answer) or found


def _parameter_domains(node: Node) -> list[str]:
    """Return the sets that the parameters of an answer range over, as in `k in ZZ`, sorted."""
    parts = node.args if node.op in {"list", "when"} else ()
    found = [name for part in parts for name in _parameter_domains(part)]
    if node.op == "when" and not found:
        found = [*range_of(node)]
    domain = node.op == "rel" and node.name == "in" and node.args[1].op == "const"
    return sorted([*found, node.args[1].name] if domain else found)


def _unnamed(node: Node) -> Node:
    """Return the value of a definition, so that only parameters are left to be renamed."""
    node = shape(node)
    return node.args[1] if node.op == "define" and node.args[0].op == "sym" else node


def same(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Return whether two trees are equal, by the rule of the first kind that either belongs to."""
    gold, answer = shape(gold), shape(answer)
    gold, answer = in_components(gold, answer), in_components(answer, gold)
    if gold == answer:
        return equal("identical", "the same in every part")
    if OPAQUE in {gold.op, answer.op}:
        return _same_opaque(gold, answer)
    if gold.op == answer.op == "text":
        return UNKNOWN._replace(note=f"whether {answer.name!r} is {gold.name!r} is not known")
    for applies, rule in _RULES:
        if applies(gold) or applies(answer):
            return rule(gold, answer, how)
    found = same_scalar(gold, answer, how.convention, rounding=how.rounding)
    if how.approximate and found.equal is False and is_approximation(gold, answer):
        return equal("rounded", "one is the other, rounded")
    return found


def _same_opaque(gold: Node, answer: Node) -> Finding:
    """Return what is known of a point or operator: a number of permutations has another reading."""
    opaque, other = (gold, answer) if gold.op == OPAQUE else (answer, gold)
    if opaque.name in {"P", "C"} and other.op != OPAQUE and other.op not in _PLACES:
        return DIFFERENT_KIND
    return UNKNOWN._replace(note="a point with its name, or an operator")


# --- qualified and chained -----------------------------------------------------------------------


def _same_qualified(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare answers of which at least one has a qualifier such as `for all x` or `if n > 2`."""
    moduli = _modulus(gold), _modulus(answer)
    if all(moduli) and moduli[0] != moduli[1]:
        return different("structure", f"{moduli[1]} against {moduli[0]}")
    if all(moduli) and (found := _same_residue(gold, answer, moduli[0])) is not None:
        return found
    if any(moduli) and not all(moduli) and symbols(_last(answer if moduli[0] else gold)):
        return UNKNOWN._replace(note="a class of residues against an expression in letters")
    bare = [node.args[0] if node.op == "when" else node for node in (gold, answer)]
    beside = same_annotations(gold, answer, how)
    if beside is None:
        return how.same(bare[0], bare[1])
    if beside.equal is None and not (fixes_letters(gold) or fixes_letters(answer)):
        found = how.same(bare[0], bare[1])
        return found if found.equal is False else beside
    return beside


def _modulus(node: Node) -> str:
    """Return the modulus of a value, or of a definition's value, or ""."""
    while node.op in {"define", "rel", "choices"}:
        node = node.args[-1]
    return node.name if node.op == "when" and node.name.startswith("mod") else ""


def _same_residue(gold: Node, answer: Node, modulus: str) -> Finding | None:
    """Compare two integers modulo a number; None where either is something else."""
    values = [exact(_last(node)) for node in (gold, answer)]
    number = modulus.removeprefix("mod ")
    if (
        not number.isdecimal()
        or int(number) == 0
        or any(value is None or value.denominator != 1 for value in values)
    ):
        return None
    one, other = (int(value or 0) % int(number) for value in values)
    note = f"{other} against {one} modulo {number}"
    return Finding(equal=one == other, rule="modulo", note=note)


def _last(node: Node) -> Node:
    """Return the value of a qualified, named or chained tree."""
    while node.op in {"when", "define", "rel", "choices"}:
        node = node.args[0] if node.op == "when" else node.args[-1]
    return node


def _same_alternatives(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare chains such as `x = 2 + 3 = 5` or `a/b ~ 3.99`: one value in several notations.

    An answer whose sides differ has several values and is correct for none of them.
    """
    golds = gold.args if gold.op == "choices" else (gold,)
    answers = answer.args if answer.op == "choices" else (answer,)
    found = DIFFERENT_KIND
    for one in reversed(golds):
        for other in reversed(answers):
            again = how.same(one, other)
            if again.equal:
                contradiction = contradiction_in(answer, other, how.convention)
                return different("chain", contradiction) if contradiction else again
            found = best(again, found)
    return found


def contradiction_in(chain: Node, side: Node, convention: Convention) -> str:
    """Return a note on two sides of a chain that differ, or on one and `side`; "" if none do."""
    if chain.op != "choices" or not chain.name:
        return ""
    # Conventions between gold and answer do not apply to the sides of one chain.
    ignored = convention.units == "ignored"
    lenient = Convention(units="ignored" if ignored else "optional", variable_names=False)
    how = Comparison(lenient, same, rounding=False, approximate=chain.name == "~")
    pairs = (*pairwise(chain.args), *((other, side) for other in chain.args))
    for one, other in pairs:
        # In sin 30 = 1/2 only the sign of a degree is missing.
        marked = with_degrees(one), with_degrees(other)
        denied = how.same(one, other).equal is False and how.same(*marked).equal is False
        if denied and not is_decimal_form(one, other):
            return f"the answer contradicts itself: {show(one)} is not {show(other)}"
    return ""


def _same_ratio(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare a ratio with a ratio of as many parts, or one of two parts with a quotient."""
    if gold.op == answer.op:
        if len(gold.args) != len(answer.args):
            return different("ratio", "ratios of different lengths")
        factor = Node("div", (gold.args[0], answer.args[0]))
        scaled = tuple(Node("mul", (factor, part)) for part in answer.args)
        return ordered(gold.args, scaled, how.inside())._replace(rule="ratio")
    one, other = (_quotient(node) for node in (gold, answer))
    return DIFFERENT_KIND if "ratio" in {one.op, other.op} else how.same(one, other)


def _quotient(node: Node) -> Node:
    return Node("div", node.args) if node.op == "ratio" and len(node.args) == _PAIR else node


# --- definitions and equations -------------------------------------------------------------------


def _is_equation(node: Node) -> bool:
    return node.op == "rel" and node.name == "="


def _same_definition(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one defines a name."""
    if _is_equation(gold) or _is_equation(answer):
        return equations.same_equation(_as_equation(gold), _as_equation(answer))
    if gold.op != answer.op:
        return _same_defined(gold, answer, how)
    (name, value), (other_name, other) = gold.args, answer.args
    if not how.convention.variable_names:
        return how.same(value, _in_arguments(other, other_name, name) or other)
    if gold.name and answer.name and (moved := _same_indexed(gold, answer, how)) is not None:
        return moved
    if name.op == other_name.op == "call" and name.name == other_name.name:
        return _same_call(gold, answer, how)
    if name.op == other_name.op == "sym" and name != other_name:
        other_name, other = _of_same_index(name, other_name, other)
    if _is_one_thing(name, other_name):
        return how.same(value, other)
    found = different("definition", f"it is {show(other_name)}, not {show(name)}, that is given")
    if _letters(name).lower() == _letters(other_name).lower():
        # A capital may be another thing, and may be a habit.
        alike = how.same(value, other)
        return found if alike.equal is False else UNKNOWN._replace(note=found.note)
    functions = "call" in {name.op, other_name.op}
    if not functions and equations.is_flat(value) and equations.is_flat(other):
        return equations.same_equation(_as_equation(gold), _as_equation(answer))
    return found


def _same_call(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two values of one function: at the same arguments, whatever these are called."""
    (name, value), (used, other) = gold.args, answer.args
    renamed = _in_arguments(other, used, name)
    if renamed is not None:
        return how.same(value, renamed)
    found = ordered(name.args, used.args, how.inside())
    if found.equal:
        return how.same(value, other)
    note = f"{show(used)} is given, not {show(name)}"
    return UNKNOWN._replace(note=note) if found.equal is None else different("definition", note)


def _is_one_thing(name: Node, other: Node) -> bool:
    """Return whether two names are of one thing: y and f(x), or a_n and a(n); y' is not y."""
    if _letters(name) == _letters(other):
        return True
    if {name.op, other.op} != {"call", "sym"} or not (_is_own(name) and _is_own(other)):
        return False
    call, letter = (name, other) if name.op == "call" else (other, name)
    if call.name in {"abs", "norm"}:
        return call.args == (letter,)
    return all(map(is_variable, call.args)) and call.name.count("'") == letter.name.count("'")


def _same_indexed(gold: Node, answer: Node, how: Comparison) -> Finding | None:
    """Compare values of indexed names: in another order they are not decided; None elsewhere."""
    (stem, values), (other_stem, others) = gold.args, answer.args
    if stem != other_stem or len(values.args) != len(others.args):
        return None
    found = ordered(values.args, others.args, how.inside())
    if found.equal and gold.name == answer.name:
        return found
    if unordered(values.args, others.args, how.inside()).equal:
        # Of the roots of an equation any is the first; of two speeds it is not.
        return UNKNOWN._replace(note="the same values under other indices")
    return None


def _of_same_index(name: Node, used: Node, value: Node) -> tuple[Node, Node]:
    """Return `a_k = 2k` as `a_n = 2n` if the name is `a_n`; other definitions as they are."""
    (stem, _, index), (other, _, letter) = name.name.partition("_"), used.name.partition("_")
    if stem != other or not (len(index) == len(letter) == 1 and (index + letter).isalpha()):
        return used, value
    return name, substitute(value, sym(letter), sym(index))


def _is_own(name: Node) -> bool:
    """Return whether a name is no known function of another one, as `|A|` is of A."""
    return name.op != "call" or name.name not in FUNCTIONS.values() or len(show(name.args[0])) > 1


def _letters(node: Node) -> str:
    return "".join(c for c in show(node) if c.isalnum() or c == "'")


def is_variable(node: Node) -> bool:
    """Return whether an argument may be called otherwise: an x, not the event A."""
    return node.op == "sym" and node.name[:1].islower()


def _in_arguments(value: Node, used: Node, wanted: Node) -> Node | None:
    """Return a function's value in the argument names of another definition of it, or None.

    None where the arguments are no variables, or not as many. A letter that is an argument of only
    the other one is free: in `f(y) = x^2` the x is no argument.
    """
    pairs = list(zip(used.args, wanted.args, strict=False))
    if not used.args or len(used.args) != len(wanted.args):
        return None
    if not all(is_variable(part) for pair in pairs for part in pair):
        return None
    bound = {one.name for one, _ in pairs}
    free = {two.name: f"{two.name} outside" for _, two in pairs if two.name not in bound}
    names = {one.name: two.name for one, two in pairs}
    return equations.rename(value, free | names)


def _same_defined(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare a definition with an answer without a name: the value counts."""
    if "assign" in {gold.op, answer.op} and how.convention.variable_names:
        return different("definition", "values of one name against values of several")
    if POINT in {gold.name, answer.name} and not {gold.op, answer.op} & _PLACES:
        return UNKNOWN._replace(note="a point against something else")
    values = [node.args[1] if node.op == "define" else node for node in (gold, answer)]
    return how.same(values[0], values[1])


_PLACES = frozenset({"tuple", "matrix", "list", "set"})
"""Kinds that a point may be given as, without its label."""


def _as_equation(node: Node) -> Node:
    return Node("rel", node.args, "=") if node.op == "define" else node


def _same_equation(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is an equation, none a definition."""
    del how
    if _is_equation(gold) and _is_equation(answer):
        return equations.same_equation(gold, answer)
    equation, other = (gold, answer) if _is_equation(gold) else (answer, gold)
    return equations.satisfies(equation, other) if equations.is_flat(other) else DIFFERENT_KIND


_RULES: tuple[tuple[Callable[[Node], bool], Callable[[Node, Node, Comparison], Finding]], ...] = (
    (lambda node: node.op == "when", _same_qualified),
    (lambda node: node.op == "choices", _same_alternatives),
    (lambda node: node.op == "ratio", _same_ratio),
    (lambda node: node.op == "define", _same_definition),
    (_is_equation, _same_equation),
    (is_matrix, same_matrix),
    (is_set, same_real_set),
    (is_group, same_group),
    (lambda node: node.op in {"cases", "row"}, same_cases),
)
