"""Minerva's rule for MATH (arXiv:2206.14858, appendix D.1), as lm-eval's `minerva_math` has it.

A normal form, then sympy on the parsed LaTeX. Equal normal forms are equal here, also where sympy
cannot parse them; lm-eval rejects those, which is a known error of its own.
"""

from __future__ import annotations

import re

from mathreason_eval.extract.spans import line_end, stripped
from mathreason_eval.types import Answer, Match

_REPLACED = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), (r"\ ", ""), (" ", ""), ("mbox", "text"),
    (",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip
_REMOVED = (
    "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units",
    "\\ldots", "sue", "points", "feet", "minutes", "digits", "cents", "degrees", "cm", "gm",
    "pounds", "meters", "meals", "edges", "students", "childrentickets", "multiples", "\\text{s}",
    "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}",
    r"\mathrm{th}", r"^\circ", r"^{\circ}", r"\;", r",\!", "{,}", '"', "\\dots",
)  # fmt: skip
_REWRITTEN = tuple(
    (re.compile(pattern), becomes)
    for pattern, becomes in (
        (r"(.*?)(\$)(.*?)(\$)(.*)", r"$\3$"),
        (r"(\\text\{)(.*?)(\})", r"\2"),
        (r"(\\textbf\{)(.*?)(\})", r"\2"),
        (r"(\\overline\{)(.*?)(\})", r"\2"),
        (r"(\\boxed\{)(.*)(\})", r"\2"),
        (r"(frac)([^{])(.)", r"frac{\2}{\3}"),
        (r"(sqrt)([^{])", r"sqrt{\2}"),
    )
)
_BEGINS = "Final Answer: The final answer is"
_SAID = re.compile(rf"{_BEGINS}(.*?). I hope it is correct.")
_HOPE = " I hope it is correct."
_LONGEST = 2_000


def minerva_find(text: str) -> Answer | None:
    """Return what stands in Minerva's sentence: `Final Answer: The final answer is …`."""
    hoped = text + _HOPE
    place = hoped.find(_BEGINS)
    while place >= 0:
        found = _SAID.match(hoped, place)
        if found is not None:
            start, end = stripped(text, *found.span(1))
            return Answer(text=text[start:end], rule="minerva", span=(start, end))
        # What has no end on its line has none for any later beginning on it.
        place = hoped.find(_BEGINS, line_end(hoped, place))
    return None


def minerva_form(text: str) -> str:
    """Return Minerva's normal form of an answer."""
    text = text.rpartition("=")[2]
    for before, after in _REPLACED:
        text = text.replace(before, after)
    for word in _REMOVED:
        text = text.replace(word, "")
    for pattern, becomes in _REWRITTEN:
        text = pattern.sub(becomes, text)
    text = text.replace("$", "")
    digits = text.replace(",", "")
    return digits if digits.isdigit() else text


def minerva_quick(gold: str, answer: str) -> Match:
    """Return Minerva's verdict where the normal forms decide it, else undecided."""
    if max(len(gold), len(answer)) > _LONGEST:
        return _match(equal=gold == answer)
    one, other = minerva_form(gold), minerva_form(answer)
    if one == other:
        return _match(equal=True)
    if not other:
        return _match(equal=False)
    if (one + other).isdecimal():
        return _match(equal=one.lstrip("0") == other.lstrip("0"))
    return Match(equal=None, rule="undecided", note="Minerva's rule asks sympy")


def minerva_slow(gold: str, answer: str) -> Match:
    """Return Minerva's verdict with sympy, for a worker process only."""
    import sympy
    from sympy.parsing.latex import LaTeXParsingError, parse_latex

    try:
        one, other = (parse_latex(minerva_form(text)) for text in (gold, answer))
        if one is None:
            # What sympy returns for every text where its generated parser cannot be imported.
            return Match(equal=None, rule="minerva", note="sympy has no LaTeX parser here")
        difference = one - other
    # The published rule takes what cannot be parsed or subtracted for a difference. It also takes
    # a crash and a timeout of sympy for one; those are no property of the answer, and undecided.
    except (LaTeXParsingError, sympy.SympifyError, TypeError):
        return _match(equal=False)
    return _match(equal=bool(sympy.simplify(difference) == 0))


def _match(*, equal: bool) -> Match:
    said = "the same" if equal else "different"
    return Match(equal=equal, rule="minerva", note=f"{said} by the minerva rule")
