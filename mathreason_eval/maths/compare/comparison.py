"""What a comparison of two answers carries along: its convention, and how to compare parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.compare.expression import Finding
from mathreason_eval.maths.syntax.tree import Node, show

_MOST_ITEMS = 256
DIFFERENT_KIND = Finding(equal=False, rule="structure", note="they are different kinds of things")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of two answers."""

    convention: Convention
    compare: Callable[[Node, Node, Comparison], Finding]
    """The dispatcher that parts are handed back to."""
    rounding: bool = True
    """Whether a decimal gold may still be met by what rounds to it."""
    about: bool = False
    """Whether `≈` stands between the two: either may be a rounding of the other."""

    def same(self, gold: Node, answer: Node) -> Finding:
        """Return whether two trees mean the same under this comparison."""
        return self.compare(gold, answer, self)

    def inside(self) -> Comparison:
        """Return the comparison for the parts of a structure, where nothing is rounded."""
        return replace(self, rounding=False) if self.rounding else self


def different(rule: str, note: str) -> Finding:
    """Return a negative finding."""
    return Finding(equal=False, rule=rule, note=note)


def ordered(golds: tuple[Node, ...], answers: tuple[Node, ...], how: Comparison) -> Finding:
    """Return whether two sequences are equal part by part."""
    if len(golds) != len(answers):
        return different("structure", f"{len(answers)} parts against {len(golds)}")
    undecided = None
    for index, (gold, answer) in enumerate(zip(golds, answers, strict=True), start=1):
        found = how.same(gold, answer)
        if found.equal is False:
            return different("structure", f"part {index}: {found.note}")
        undecided = undecided or (found if found.equal is None else None)
    if undecided is not None:
        return undecided
    return Finding(equal=True, rule="structure", note=f"all {len(golds)} parts are equal")


def unordered(golds: tuple[Node, ...], answers: tuple[Node, ...], how: Comparison) -> Finding:
    """Return whether two collections hold the same elements, each as often."""
    if len(golds) != len(answers):
        return different("structure", f"{len(answers)} elements against {len(golds)}")
    if len(golds) > _MOST_ITEMS:
        return ordered(golds, answers, how)
    left = list(answers)
    undecided = None
    for gold in golds:
        findings = [how.same(gold, answer) for answer in left]
        match = next((k for k, found in enumerate(findings) if found.equal), None)
        if match is not None:
            left.pop(match)
            continue
        undecided = next((found for found in findings if found.equal is None), None)
        if undecided is None:
            note = f"{show(gold)} of the gold is not among the answer's elements"
            return different("structure", note)
        return undecided
    return Finding(equal=True, rule="structure", note=f"the same {len(golds)} elements")
