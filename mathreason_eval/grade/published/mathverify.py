"""The math-verify package's own verdict, where it is installed; in a worker process only."""

from __future__ import annotations

from inspect import signature

from mathreason_eval.types import Match


def ask_math_verify(gold: str, answer: str) -> Match:
    """Return undecided: only the package itself can tell, and it is slow."""
    del gold, answer
    return Match(equal=None, rule="undecided", note="math-verify decides in a worker")


def math_verify(gold: str, answer: str) -> Match:
    """Return what math-verify makes of an answer; undecided if it is not installed."""
    try:
        from math_verify import parse, verify
    except ImportError:
        note = "math-verify is not installed: pip install math-verify"
        return Match(equal=None, rule="math-verify", note=note)
    # Its own time limits are signals, which only a main thread has; ours is the worker's deadline.
    golds = parse(gold if "$" in gold or "\\boxed" in gold else f"${gold}$", parsing_timeout=None)
    answers = parse(answer, parsing_timeout=None)
    # What it cannot read it takes for a difference, and so do we. A crash while it compares, which
    # it would call a difference as well, is no property of the answer.
    raising = {"raise_on_error": True} if "raise_on_error" in signature(verify).parameters else {}
    equal = bool(verify(golds, answers, timeout_seconds=None, **raising))
    read = f"{str(answers[0])[:60]!r}" if answers else "nothing"
    note = f"math-verify reads {read} and says {'equal' if equal else 'not equal'}"
    return Match(equal=equal, rule="math-verify", note=note)
