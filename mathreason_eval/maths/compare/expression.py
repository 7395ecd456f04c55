"""Are two expressions equal? Exact values, refutation by numbers, proof by residues, confirmation.

Each step is a pure function of the two trees; the first that knows decides.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mathreason_eval.maths.evaluate import numeric
from mathreason_eval.maths.evaluate.exact import exact, is_huge
from mathreason_eval.maths.evaluate.residue import residues
from mathreason_eval.maths.syntax.tree import INFINITY, Node, contains, rebuild, show, symbols


class Finding(NamedTuple):
    """What a tier found out."""

    equal: bool | None
    rule: str
    note: str


UNKNOWN = Finding(equal=None, rule="undecided", note="no rule could decide")
_LONGEST_SHOWN = 60
_COUNTING = frozenset("nmk")


def same_value(gold: Node, answer: Node) -> Finding:
    """Return whether two expressions are equal, whatever base `log` has."""
    if gold == answer:
        return Finding(equal=True, rule="identical", note="the same expression")
    found = _same(gold, answer)
    if not found.equal and (contains(gold, "call", "log") or contains(answer, "call", "log")):
        decimal = _same(decimal_log(gold), decimal_log(answer))
        if decimal.equal:
            return decimal._replace(note=decimal.note + ", log taken to base 10")
    return found


@lru_cache(maxsize=4096)
def _same(gold: Node, answer: Node) -> Finding:
    one, other = exact(gold), exact(answer)
    if one is not None and other is not None:
        sign = "=" if one == other else "≠"
        note = f"{_shown(answer)} {sign} {_shown(gold)} exactly"
        return Finding(equal=one == other, rule="number", note=note)
    if (one is None) != (other is None) and is_huge(answer if other is None else gold):
        return Finding(equal=False, rule="number", note="one of the two is beyond all size")
    if gold.op == answer.op == "const":
        return Finding(equal=False, rule="constant", note=f"{answer.name} is not {gold.name}")
    refuted = numeric.differ(gold, answer) if not _counts(gold, answer) else numeric.UNREFUTED
    if refuted.equal is False:
        return Finding(equal=False, rule="numeric", note=refuted.note)
    found = residues(gold, answer)
    if found is not None and found[0]:
        return Finding(
            equal=True, rule="identity", note=f"{_shown(answer)} is identical to the gold"
        )
    if found is not None and found[1] and not _grows(gold, answer):
        return Finding(equal=False, rule="identity", note="no identity: the two differ exactly")
    return _confirmed(gold, answer)


def _confirmed(gold: Node, answer: Node) -> Finding:
    if _infinite(gold) != _infinite(answer):
        finite = numeric.machine_value(gold if _infinite(answer) else answer)
        if finite is not None:
            return Finding(equal=False, rule="constant", note="one of the two is infinite")
    if symbols(gold) + symbols(answer) and (_splits(gold) or _splits(answer)):
        return UNKNOWN  # at the real points that are tried, every number is its own conjugate
    checks = (
        (numeric.at_integers,) if _counts(gold, answer) else (numeric.confirm, numeric.at_integers)
    )
    for check in checks:
        found = check(gold, answer)
        if found.equal is not None:
            return Finding(equal=found.equal, rule="numeric", note=found.note)
    return UNKNOWN


def _splits(node: Node) -> bool:
    """Return whether a tree takes the parts of complex numbers."""
    return any(contains(node, "call", name) for name in ("re", "im", "conj", "arg"))


def _counts(gold: Node, answer: Node) -> bool:
    """Return whether the variables are integers: counting letters under a floor or ceiling."""
    rounded = any(contains(n, "call", f) for n in (gold, answer) for f in ("floor", "ceil"))
    return rounded and {*symbols(gold), *symbols(answer)} <= _COUNTING


def _infinite(node: Node) -> bool:
    return _infinite(node.args[0]) if node.op == "neg" else node == INFINITY


def _grows(gold: Node, answer: Node) -> bool:
    """Return whether a difference at integers proves nothing: unlike domains of a root."""
    return (
        contains(gold, "call", "root")
        and contains(answer, "call", "root")
        and bool(symbols(gold) or symbols(answer))
    )


def decimal_log(node: Node) -> Node:
    """Return the tree with `log` of no stated base taken to base 10."""
    changed = rebuild(node, decimal_log)
    if changed.op == "call" and changed.name == "log" and len(changed.args) == 1:
        return changed._replace(name="lg")
    return changed


def _shown(node: Node) -> str:
    text = show(node)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
