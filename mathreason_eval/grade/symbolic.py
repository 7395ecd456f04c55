"""The last resort: sympy, called in a worker process that someone else owns and kills."""

from __future__ import annotations

from mathreason_eval.grade.convention import Convention
from mathreason_eval.grade.normal import normalise
from mathreason_eval.types import Match

_LONGEST = 2000


def symbolic_match(gold: str, answer: str, convention: Convention) -> Match:
    """Return whether sympy proves or refutes that the two are equal, else undecided."""
    del convention
    import sympy
    from latex2sympy2_extended import latex2sympy

    undecided = Match(equal=None, rule="undecided", note="sympy could not decide")
    if max(len(gold), len(answer)) > _LONGEST:
        return undecided
    try:
        left, right = latex2sympy(normalise(gold)), latex2sympy(normalise(answer))
        same = left == right or sympy.simplify(left - right) == 0
    except Exception as error:  # noqa: BLE001 - a foreign parser raises whatever it likes
        return Match(equal=None, rule="undecided", note=f"sympy failed: {type(error).__name__}")
    return Match(equal=bool(same), rule="symbolic", note=f"sympy: {left} against {right}")
