"""Published graders, unchanged, for comparison with other harnesses' numbers.

- GSM8K: openai/grade-school-math (arXiv:2110.14168) and the task `gsm8k` of lm-evaluation-harness
- MATH: hendrycks/math `is_equiv` (arXiv:2103.03874)
- Minerva (arXiv:2206.14858, appendix D.1), as the task `minerva_math` of lm-evaluation-harness
- the math-verify package, if it is installed
"""

from __future__ import annotations

import re
from inspect import signature

from mathreason_eval.extract.spans import line_end, stripped
from mathreason_eval.types import Answer, Match


def rule_match(rule: str, *, equal: bool) -> Match:
    """Return the match of a published rule that decides."""
    result = "the same" if equal else "different"
    return Match(equal=equal, rule=rule, note=f"{result} by the {rule} rule")


# --- GSM8K ------------------------------------------------------------------------------------

_HASHES = re.compile(r"#### (-?[0-9.,]+)")
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")


def first_hashes(text: str) -> Answer | None:
    """Return GSM8K's strict-match: the number after the first `#### `, or None."""
    found = _HASHES.search(text)
    if found is None:
        return None
    return Answer(text=found.group(1), rule="gsm8k-strict", span=found.span(1))


def flexible_number(text: str) -> Answer | None:
    """Return lm-eval's flexible-extract: the last text that looks like a number, or None."""
    found = None
    for found in _FLEXIBLE.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    if found is None:
        return None
    return Answer(text=found.group(), rule="gsm8k-flexible", span=found.span())


def same_lm_eval_text(gold: str, answer: str) -> bool:
    """Return lm-eval's exact match for GSM8K, which ignores commas, dollars and a final stop."""
    one, other = (
        text.rpartition("#### ")[2].replace(",", "").replace("$", "") for text in (gold, answer)
    )
    return one.removesuffix(".").lower() == other.removesuffix(".").lower()


# --- MATH -------------------------------------------------------------------------------------


def hendrycks_equal(gold: str, answer: str) -> bool:
    """Return whether two LaTeX strings are the same after MATH's normalisation."""
    try:
        return hendrycks_form(gold) == hendrycks_form(answer)
    except (AssertionError, IndexError, ValueError):
        return gold == answer


_SIDES = 2
_SHORT_NAME = 2
"""Characters to the left of an equals sign that count as a name: `x=`, `k =`."""


def hendrycks_form(text: str) -> str:
    r"""Return MATH's normal form of an answer.

    Raises:
        ValueError: if the published rule fails: on more than one `\text{ `.
    """
    text = text.replace("\n", "").replace("\\!", "").replace("\\\\", "\\")
    text = text.replace("tfrac", "frac").replace("dfrac", "frac")
    text = text.replace("\\left", "").replace("\\right", "")
    text = text.replace("^{\\circ}", "").replace("^\\circ", "").replace("\\$", "")
    text = _without_units(text).replace("\\%", "").replace("\\%", "")
    text = text.replace(" .", " 0.").replace("{.", "{0.")
    if not text:
        return text
    if text[0] == ".":
        text = "0" + text
    sides = text.split("=")
    if len(sides) == _SIDES and len(sides[0]) <= _SHORT_NAME:
        text = sides[1]
    text = _braced_fractions(_braced_roots(text).replace(" ", ""))
    if text == "0.5":
        text = "\\frac{1}{2}"
    return _slash_fraction(text)


def _without_units(text: str) -> str:
    if "\\text{ " not in text:
        return text
    parts = text.split("\\text{ ")
    if len(parts) != _SIDES:
        raise ValueError("more than one unit")
    return parts[0]


def _braced_roots(text: str) -> str:
    r"""Return the text with `\sqrt3` as `\sqrt{3}`."""
    first, *rest = text.split("\\sqrt")
    return first + "".join(
        "\\sqrt" + (part if part[0] == "{" else f"{{{part[0]}}}{part[1:]}") for part in rest
    )


def _braced_fractions(text: str) -> str:
    r"""Return the text with braces in `\frac12` and `\frac1{72}`; unchanged if one is cut off."""
    first, *rest = text.split("\\frac")
    fixed = first
    for part in rest:
        fixed += "\\frac"
        if part[0] == "{":
            fixed += part
            continue
        if len(part) < _SIDES:
            return text
        top, bottom, tail = part[0], part[1], part[2:]
        fixed += f"{{{top}}}{bottom}{tail}" if bottom == "{" else f"{{{top}}}{{{bottom}}}{tail}"
    return fixed


_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def _slash_fraction(text: str) -> str:
    r"""Return an integer ratio `a/b` as `\frac{a}{b}`."""
    top, slash, bottom = text.partition("/")
    if not slash or not _INTEGER.fullmatch(top) or not _INTEGER.fullmatch(bottom):
        return text
    return f"\\frac{{{top}}}{{{bottom}}}"


# --- Minerva ----------------------------------------------------------------------------------

_BEGINS = "Final Answer: The final answer is"
_ENDS = " I hope it is correct."
_SENTENCE = re.compile(rf"{_BEGINS}(.*?).{_ENDS}")


def minerva_find(text: str) -> Answer | None:
    """Return the answer in Minerva's sentence, `Final Answer: The final answer is …`, or None."""
    complete = text + _ENDS
    place = complete.find(_BEGINS)
    while place >= 0:
        found = _SENTENCE.match(complete, place)
        if found is not None:
            start, end = stripped(text, *found.span(1))
            return Answer(text=text[start:end], rule="minerva", span=(start, end))
        # If this beginning has no end, no later one on the line has one.
        place = complete.find(_BEGINS, line_end(complete, place))
    return None


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


_MOST_CHARACTERS = 2_000


def minerva_quick(gold: str, answer: str) -> Match:
    """Return Minerva's verdict if the normal forms decide it, else undecided.

    Equal forms are equal even if sympy cannot parse them; lm-eval wrongly rejects those.
    """
    if max(len(gold), len(answer)) > _MOST_CHARACTERS:
        return rule_match("minerva", equal=gold == answer)
    one, other = minerva_form(gold), minerva_form(answer)
    if one == other:
        return rule_match("minerva", equal=True)
    if not other:
        return rule_match("minerva", equal=False)
    if (one + other).isdecimal():
        return rule_match("minerva", equal=one.lstrip("0") == other.lstrip("0"))
    return Match(equal=None, rule="undecided", note="Minerva's rule needs sympy")


def minerva_slow(gold: str, answer: str) -> Match:
    """Return Minerva's verdict with sympy, for a worker process only."""
    import sympy
    from sympy.parsing.latex import LaTeXParsingError, parse_latex

    try:
        one, other = (parse_latex(minerva_form(text)) for text in (gold, answer))
        if one is None:
            # What sympy returns for every text if its generated parser cannot be imported.
            return Match(equal=None, rule="minerva", note="sympy has no LaTeX parser here")
        difference = one - other
    # The published rule treats what cannot be parsed or subtracted as different. It also does so
    # for a crash or timeout of sympy; those are not properties of the answer: undecided here.
    except (LaTeXParsingError, sympy.SympifyError, TypeError):
        return rule_match("minerva", equal=False)
    return rule_match("minerva", equal=bool(sympy.simplify(difference) == 0))


# --- math-verify ------------------------------------------------------------------------------


def ask_math_verify(gold: str, answer: str) -> Match:
    """Return undecided: only the package itself can decide, and it is slow."""
    del gold, answer
    return Match(equal=None, rule="undecided", note="math-verify decides in a worker")


def math_verify(gold: str, answer: str) -> Match:
    """Return math-verify's result for an answer; undecided if it is not installed."""
    try:
        from math_verify import parse, verify
    except ImportError:
        note = "math-verify is not installed: pip install math-verify"
        return Match(equal=None, rule="math-verify", note=note)
    # Its own time limits use signals, which only a main thread has; ours is the worker's deadline.
    golds = parse(gold if "$" in gold or "\\boxed" in gold else f"${gold}$", parsing_timeout=None)
    answers = parse(answer, parsing_timeout=None)
    # What it cannot parse it treats as different, and so do we. It does the same for a crash in its
    # comparison, which is not a property of the answer.
    raising = {"raise_on_error": True} if "raise_on_error" in signature(verify).parameters else {}
    equal = bool(verify(golds, answers, timeout_seconds=None, **raising))
    read = f"{str(answers[0])[:60]!r}" if answers else "nothing"
    note = f"math-verify parses {read}: {'equal' if equal else 'not equal'}"
    return Match(equal=equal, rule="math-verify", note=note)
