"""Graders by name: how an answer is compared with the gold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.grade.equal import compare, compare_slow
from mathreason_eval.grade.reference import (
    first_hashes,
    flexible_number,
    hendrycks_equal,
    same_lm_eval_text,
)
from mathreason_eval.types import Match

Compare = Callable[[str, str], Match]

MATH_RULES = ("boxed", "tag", "hashes", "phrase", "bare", "last_formula", "last_number")
"""Where `verify` looks for an answer in a text, strictest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grader:
    """One way of judging."""

    summary: str
    compare: Compare
    """(gold, answer) -> Match, pure and quick; undecided where it needs computer algebra."""
    algebra: bool = False
    """Whether what stays undecided goes to a worker with a computer algebra system."""
    extract: tuple[str, ...] = MATH_RULES
    """Rules that find the answer in a text where no task says otherwise."""
    find: Callable[[str], str | None] | None = None
    """A published rule's own way of finding the answer in a text, instead of `extract`."""


def grader_named(name: str) -> Grader:
    """Return a grader.

    Raises:
        UnknownNameError: naming the nearest.
    """
    if name not in GRADERS:
        raise UnknownNameError("grader", name, GRADERS)
    return GRADERS[name]


# --- ours ------------------------------------------------------------------------------------


def _math(gold: str, answer: str) -> Match:
    return compare(gold, answer)


def _number(gold: str, answer: str) -> Match:
    found = compare(gold, answer)
    if found.equal is not None:
        return found
    return Match(equal=False, rule="number", note="the answer cannot be read as a number")


_INTEGER = re.compile(r"[-+]?\d+\Z")


def _integer(gold: str, answer: str) -> Match:
    """Compare as AIME does: integers, leading zeros and dressing aside; `m + n = 25` is 25."""
    plain = re.sub(r"\\(?:text|mathrm|mathbf)\s*\{([^{}]*)\}", r"\1", answer)
    plain = re.sub(r"\\[,;!: ]|[${}\s]|\.0*\Z", "", plain.rpartition("=")[2].strip().strip("$. "))
    plain = plain.replace(",", "")
    if not _INTEGER.match(plain) or not _INTEGER.match(gold.strip()):
        return Match(equal=False, rule="integer", note="the answer is not an integer")
    if len(plain) > _DIGITS:
        return Match(equal=False, rule="integer", note="the answer has too many digits")
    one, other = int(gold), int(plain)
    sign = "=" if one == other else "≠"
    return Match(equal=one == other, rule="integer", note=f"{other} {sign} {one}")


_DIGITS = 1_000
"""Python reads a longer integer in more than linear time, and no gold is longer."""


def _choice(gold: str, answer: str) -> Match:
    one, other = (re.sub(r"[^A-Za-z]", "", text).upper() for text in (gold, answer))
    return Match(equal=one == other, rule="choice", note=f"{other or 'nothing'} for {one}")


def _text(gold: str, answer: str) -> Match:
    one, other = (" ".join(text.split()).casefold() for text in (gold, answer))
    equal = one == other
    note = "the same but for case and spaces" if equal else "another text"
    return Match(equal=equal, rule="text", note=note)


# --- published rules -------------------------------------------------------------------------


def _published(rule: str, equal: Callable[[str, str], bool]) -> Compare:
    def judged(gold: str, answer: str) -> Match:
        same = equal(gold, answer)
        note = f"the same by the {rule} rule" if same else f"different by the {rule} rule"
        return Match(equal=same, rule=rule, note=note)

    return judged


GRADERS: Mapping[str, Grader] = {
    "math": Grader(summary="numbers, structures, expressions", compare=_math, algebra=True),
    "number": Grader(summary="a number, exactly", compare=_number),
    "expression": Grader(summary="an expression", compare=_math, algebra=True),
    "integer": Grader(summary="an integer, as AIME asks", compare=_integer),
    "choice": Grader(summary="a letter", compare=_choice, extract=("boxed", "tag", "choice")),
    "text": Grader(summary="a text, case and spaces aside", compare=_text),
    "gsm8k-strict": Grader(
        summary="first #### number, as text",
        compare=_published("gsm8k-strict", same_lm_eval_text),
        find=first_hashes,
    ),
    "gsm8k-flexible": Grader(
        summary="last number-like piece, as text",
        compare=_published("gsm8k-flexible", same_lm_eval_text),
        find=flexible_number,
    ),
    "hendrycks": Grader(
        summary="MATH's own string rules",
        compare=_published("hendrycks", hendrycks_equal),
        extract=("boxed",),
    ),
}
"""Every grader by name; `docs/grading.md` describes them."""


# --- in a worker -----------------------------------------------------------------------------


def prepare() -> None:
    """Import what the slow tier needs, so that it is on no answer's clock."""
    import latex2sympy2_extended  # noqa: F401
    import sympy  # noqa: F401


def answer_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to one request of a pool: gold, answer, and whether to use algebra."""
    grader = grader_named(request["grader"])
    gold, answer = request["gold"], request["answer"]
    try:
        found = grader.compare(gold, answer) if request["quick"] else None
        if found is None or (found.equal is None and grader.algebra):
            found = compare_slow(gold, answer)
    # Anything may go wrong inside a computer algebra system; all of it means undecided.
    except Exception as error:  # noqa: BLE001
        found = Match(equal=None, rule="error", note=f"the grader failed: {type(error).__name__}")
    return {key: value for key, value in asdict(found).items() if key in {"equal", "rule", "note"}}
