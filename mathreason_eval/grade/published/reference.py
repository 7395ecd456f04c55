"""Published rules, exactly as published, for comparison with other harnesses' numbers.

Sources: openai/grade-school-math (arXiv:2110.14168) and lm-evaluation-harness's `gsm8k` task for
`gsm8k-*`; hendrycks/math `is_equiv` (arXiv:2103.03874) for `hendrycks`.
"""

from __future__ import annotations

import re

from mathreason_eval.types import Answer

_HASHES = re.compile(r"#### (-?[0-9.,]+)")
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")


def first_hashes(text: str) -> Answer | None:
    """Return GSM8K's strict match: the number after the first `#### `."""
    found = _HASHES.search(text)
    if found is None:
        return None
    return Answer(text=found.group(1), rule="gsm8k-strict", span=found.span(1))


def flexible_number(text: str) -> Answer | None:
    """Return lm-eval's flexible extract: the last piece that looks like a number."""
    found = None
    for found in _FLEXIBLE.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    if found is None:
        return None
    return Answer(text=found.group(), rule="gsm8k-flexible", span=found.span())


def same_lm_eval_text(gold: str, answer: str) -> bool:
    """Return lm-eval's exact match for GSM8K: commas, dollars and one final full stop removed."""
    one, other = (
        text.rpartition("#### ")[2].replace(",", "").replace("$", "") for text in (gold, answer)
    )
    return one.removesuffix(".").lower() == other.removesuffix(".").lower()


def hendrycks_equal(gold: str, answer: str) -> bool:
    """Return whether two LaTeX strings are the same after MATH's normalisation."""
    try:
        return hendrycks_form(gold) == hendrycks_form(answer)
    except (AssertionError, IndexError, ValueError):
        return gold == answer


def hendrycks_form(text: str) -> str:
    r"""Return MATH's normal form of an answer.

    Raises:
        ValueError: where the published rule fails: more than one `\text{ `.
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


_SIDES = 2
_SHORT_NAME = 2
"""Characters left of an equals sign that count as a name: `x=`, `k =`."""


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
    r"""Return the text with `\frac12` and `\frac1{72}` in braces; as it is if one is cut short."""
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


def _slash_fraction(text: str) -> str:
    r"""Return an integer ratio `a/b` as `\frac{a}{b}`."""
    top, slash, bottom = text.partition("/")
    if not slash or not _INTEGER.fullmatch(top) or not _INTEGER.fullmatch(bottom):
        return text
    return f"\\frac{{{top}}}{{{bottom}}}"


_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
