"""Comparison of two expressions, and of two sequences or collections.

Expressions: exact values, refutation by numbers, proof by residues, confirmation. Each step is a
pure function of the two trees; the first that can decide does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.evaluate import numeric
from mathreason_eval.maths.evaluate.arithmetic import ARITHMETIC, with_arithmetic
from mathreason_eval.maths.evaluate.defined import extended, without_value
from mathreason_eval.maths.evaluate.exact import exact, is_huge
from mathreason_eval.maths.evaluate.residue import residues
from mathreason_eval.maths.syntax.tree import Node, contains, rebuild, show, sym, symbols


class Finding(NamedTuple):
    """The result of one comparison."""

    equal: bool | None
    rule: str
    note: str


def equal(rule: str, note: str) -> Finding:
    """Return a positive finding."""
    return Finding(equal=True, rule=rule, note=note)


def different(rule: str, note: str) -> Finding:
    """Return a negative finding."""
    return Finding(equal=False, rule=rule, note=note)


UNKNOWN = Finding(equal=None, rule="undecided", note="no rule could decide")
DIFFERENT_KIND = different("structure", "they are different kinds of things")


def best(*findings: Finding) -> Finding:
    """Return the best of several findings: an equal one, else an undecided one, else the first."""
    return max(findings, key=lambda found: (False, None, True).index(found.equal))


def same_value(gold: Node, answer: Node) -> Finding:
    """Return whether two expressions are equal, with `log` to base e or 10."""
    if gold == answer:
        return equal("identical", "the same expression")
    found = _same(gold, answer)
    if found.equal is None and with_bound_letters(gold) == with_bound_letters(answer):
        return equal("identical", "the same but for the names of indices")
    if found.equal is None and (named := _of_integers(gold, answer)) is not None:
        return named
    if not found.equal and (contains(gold, "call", "log") or contains(answer, "call", "log")):
        decimal = _same(decimal_log(gold), decimal_log(answer))
        if not decimal.equal:
            return best(found, decimal)
        return decimal._replace(note=decimal.note + ", log taken to base 10")
    return found


_BINDING = frozenset({"sum", "prod", "integral"})
_LIMITED = 4
"""Number of parts of a sum or integral with its limits."""


def with_bound_letters(node: Node, depth: int = 0) -> Node:
    """Return the tree with one name for each letter that a sum or an integral binds."""
    changed = rebuild(node, lambda part: with_bound_letters(part, depth + 1))
    bound = changed.op in _BINDING and len(changed.args) == _LIMITED
    if not bound or changed.args[1].op not in {"sym", "const"}:
        return changed
    letter = changed.args[1].name
    body = _with_letter(changed.args[0], letter, f"bound{depth}")
    return changed._replace(args=(body, sym(f"bound{depth}"), *changed.args[2:]))


def _with_letter(node: Node, old: str, new: str) -> Node:
    """Return a tree with a letter renamed, where it is an index as well."""
    if node == Node("const", (), old):  # i, where it is an index
        return sym(new)
    if node.op == "sym":
        stem, mark, index = node.name.partition("_")
        return sym(new if node.name == old else stem + mark + index.replace(old, new))
    return rebuild(node, lambda part: _with_letter(part, old, new))


def _of_integers(gold: Node, answer: Node) -> Finding | None:
    """Return a positive finding if the two are equal with phi, sigma and tau as Euler's; or None.

    A letter that may be any function shows nothing where it does not fit.
    """
    if not any(contains(node, "call", name) for node in (gold, answer) for name in ARITHMETIC):
        return None
    found = _same(with_arithmetic(gold), with_arithmetic(answer))
    note = f"{found.note}, with the functions of number theory"
    return found._replace(note=note) if found.equal else None


@lru_cache(maxsize=4096)
def _same(gold: Node, answer: Node) -> Finding:
    undefined = without_value(gold), without_value(answer)
    if all(undefined):
        return UNKNOWN._replace(note=f"neither {undefined[0]} nor {undefined[1]} has a value")
    if any(undefined):
        return different("undefined", f"{undefined[0] or undefined[1]} has no value")
    one, other = exact(gold), exact(answer)
    if one is not None and other is not None:
        sign = "=" if one == other else "≠"
        note = f"{_shown(answer)} {sign} {_shown(gold)} exactly"
        return Finding(equal=one == other, rule="number", note=note)
    if (one is None) != (other is None) and is_huge(answer if other is None else gold):
        return different("number", "one of the two is too large to calculate")
    if gold.op == answer.op == "const":
        return different("constant", f"{answer.name} is not {gold.name}")
    if (apart := _same_infinity(gold, answer) or _other_derivatives(gold, answer)) is not None:
        return apart
    refuted = numeric.differ(gold, answer) if not _counts(gold, answer) else numeric.UNREFUTED
    if refuted.equal is False:
        return different("numeric", refuted.note)
    found = residues(gold, answer)
    if found is not None and found[0]:
        note = f"{_shown(answer)} is identical to the gold"
        return equal("identity", note)
    if found is not None and found[1] and not _grows(gold, answer):
        return different("identity", "no identity: the two differ exactly")
    return _confirmed(gold, answer)


def _confirmed(gold: Node, answer: Node) -> Finding:
    if symbols(gold) + symbols(answer) and any(
        contains(node, "call", part)
        for node in (gold, answer)
        for part in ("re", "im", "conj", "arg")
    ):
        return UNKNOWN  # at the real points that are used, every number is its own conjugate
    checks = (numeric.confirm, numeric.at_integers)
    for check in checks[_counts(gold, answer) :]:
        found = check(gold, answer)
        if found.equal is not None:
            return Finding(equal=found.equal, rule="numeric", note=found.note)
    return UNKNOWN


def _other_derivatives(gold: Node, answer: Node) -> Finding | None:
    """Return that two trees are not comparable if they have different derivatives, else None.

    Those of unknown functions may be related, as `dy/dx` is to `dx/dy`.
    """
    if _derivatives(gold) == _derivatives(answer):
        return None
    if gold.op == answer.op == "sym":
        return different("structure", f"{show(answer)} is another derivative than {show(gold)}")
    return UNKNOWN._replace(note="they have different derivatives of unknown functions")


def _derivatives(node: Node) -> set[str]:
    return {name for name in symbols(node) if "/d" in name or "/∂" in name}


_COUNTING = frozenset("nmk")


def _counts(gold: Node, answer: Node) -> bool:
    """Return whether the variables are integers: n, m or k in an expression with floor or ceil."""
    rounded = any(contains(n, "call", f) for n in (gold, answer) for f in ("floor", "ceil"))
    return rounded and {*symbols(gold), *symbols(answer)} <= _COUNTING


def _same_infinity(gold: Node, answer: Node) -> Finding | None:
    """Compare two trees of which at least one is infinite, or calculates with infinity."""
    one, other = extended(gold), extended(answer)
    if one == other == "finite":
        return None
    if "unknown" in {one, other}:
        return UNKNOWN._replace(note="it calculates with infinity")
    if "finite" not in {one, other}:
        note = f"{show(answer)} against {show(gold)}"
        return Finding(equal=one == other, rule="constant", note=note)
    if numeric.machine_value(gold if one == "finite" else answer) is None:
        return UNKNOWN
    return different("constant", "one of the two is infinite")


def _grows(gold: Node, answer: Node) -> bool:
    """Return whether a difference at integers proves nothing, as domains of a root may differ."""
    return (
        contains(gold, "call", "root")
        and contains(answer, "call", "root")
        and bool(symbols(gold) or symbols(answer))
    )


def decimal_log(node: Node) -> Node:
    """Return the tree with base 10 for every `log` without a base."""
    changed = rebuild(node, decimal_log)
    if changed.op == "call" and changed.name == "log" and len(changed.args) == 1:
        return changed._replace(name="lg")
    return changed


_LONGEST_SHOWN = 60


def _shown(node: Node) -> str:
    text = show(node)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


# --- parts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """The settings of one comparison of two answers, passed to its parts."""

    convention: Convention
    compare: Callable[[Node, Node, Comparison], Finding]
    """The dispatcher that compares parts."""
    rounding: bool = True
    """Whether values that round to a decimal gold equal it."""
    approximate: bool = False
    """Whether the two are sides of `≈`: either may be a rounding of the other."""

    def same(self, gold: Node, answer: Node) -> Finding:
        """Return whether two trees are equal under these settings."""
        return self.compare(gold, answer, self)

    def inside(self) -> Comparison:
        """Return the settings for the parts of a structure, where nothing is rounded."""
        return replace(self, rounding=False) if self.rounding else self


def ordered(golds: tuple[Node, ...], answers: tuple[Node, ...], how: Comparison) -> Finding:
    """Return whether two sequences are equal part by part."""
    if len(golds) != len(answers):
        return different("structure", f"{len(answers)} parts against {len(golds)}")
    undecided: Finding | None = None
    for index, (gold, answer) in enumerate(zip(golds, answers, strict=True), start=1):
        found = how.same(gold, answer)
        if found.equal is False:
            return different("structure", f"part {index}: {found.note}")
        undecided = undecided or (found if found.equal is None else None)
    alike = equal("structure", f"all {len(golds)} parts are equal")
    return undecided or alike


_MOST_ITEMS = 256


def unordered(golds: tuple[Node, ...], answers: tuple[Node, ...], how: Comparison) -> Finding:
    """Return whether two collections have the same elements with the same multiplicities."""
    if len(golds) != len(answers):
        return different("structure", f"{len(answers)} elements against {len(golds)}")
    if len(golds) > _MOST_ITEMS:
        return ordered(golds, answers, how)
    left = list(answers)
    for gold in golds:
        findings = [how.same(gold, answer) for answer in left]
        match = next((k for k, found in enumerate(findings) if found.equal), None)
        if match is None:
            note = f"{show(gold)} of the gold is not among the answer's elements"
            undecided = next((found for found in findings if found.equal is None), None)
            return undecided or different("structure", note)
        left.pop(match)
    return equal("structure", f"the same {len(golds)} elements")
