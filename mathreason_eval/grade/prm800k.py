"""PRM800K's `grade_answer` (arXiv:2305.20050), reimplemented from its description.

MATH's string rules first; then a second normal form, tuples element by element, and sympy if the
text looks harmless. The published code evaluates with `parse_expr`. So does this code, in a worker
process, and only for digits, signs and at most two letters in addition to `sqrt` and `frac`.
"""

from __future__ import annotations

import re
from tokenize import TokenError

from mathreason_eval.grade.published import hendrycks_form, rule_match
from mathreason_eval.types import Match

_TEXT = re.compile(r"\\text\{(.+?)\}\Z")
_SCALES = (("million", "*10^6"), ("billion", "*10^9"), ("trillion", "*10^12"))
_UNITS = (
    "degree", "cm", "centimeter", "meter", "mile", "second", "minute", "hour", "day", "week",
    "month", "year", "foot", "feet", "inch", "yard",
)  # fmt: skip


def prm800k_quick(gold: str, answer: str) -> Match:
    """Return PRM800K's verdict if it needs no sympy, else undecided."""
    if _math_form(gold) == _math_form(answer):
        return rule_match("prm800k", equal=True)
    one, other = prm800k_form(gold), prm800k_form(answer)
    if one == other:
        return rule_match("prm800k", equal=True)
    parts = _pairs(one, other)
    if parts is None:
        return rule_match("prm800k", equal=False)
    verdicts = [_element(a, b) for a, b in parts]
    if not all(verdict is not False for verdict in verdicts):
        return rule_match("prm800k", equal=False)
    undecided = Match(equal=None, rule="undecided", note="PRM800K's rule needs sympy")
    return rule_match("prm800k", equal=True) if all(verdicts) else undecided


def prm800k_slow(gold: str, answer: str) -> Match:
    """Return PRM800K's verdict with sympy, for a worker process only."""
    parts = _pairs(prm800k_form(gold), prm800k_form(answer)) or []
    return rule_match("prm800k", equal=all(_element(a, b) or _sympy_equal(a, b) for a, b in parts))


def _math_form(text: str) -> str:
    r"""Return a text without its `\\text{…}`, in MATH's normal form unless that fails."""
    found = _TEXT.match(text.strip())
    inside = found.group(1).strip() if found else text.strip()
    try:
        return hendrycks_form(inside)
    except (IndexError, ValueError):
        return inside


def prm800k_form(text: str) -> str:
    """Return the second normal form: no units, no currencies, scales as powers, lower case."""
    found = _TEXT.match(text)
    text = found.group(1) if found else text
    for sign, becomes in (("\\%", "%"), ("\\$", "$"), ("$", ""), ("%", "")):
        text = text.replace(sign, becomes)
    text = text.replace(" or ", " , ").replace(" and ", " , ")
    for word, becomes in _SCALES:
        text = text.replace(word, becomes)
    for unit in _UNITS:
        text = re.sub(rf"{unit}(?:es)?(?:s)? *(?:\^[0-9]+)?", "", text)
    text = re.sub(r"\^ *\\circ", "", text)
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = re.sub(r",\\! *", "", text)
    number = _number(text)
    if number is not None and _integral(number):
        text = str(round(number))
    if "\\" in text:
        text = _plain_text(text)
    text = re.sub("- *", "-", text)
    text = re.sub("([0-9]) +([0-9])", r"\1+\2", text)
    text = text.replace(" ", "").replace("{", "").replace("}", "").lower()
    whole = _whole(text)
    return text if whole is None else str(whole)


_LONGEST_NUMBER = 300


def _number(text: str) -> float | None:
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        return float(text)
    except ValueError:
        return None


_NEARLY = 1e-7


def _integral(number: float) -> bool:
    # A float may be infinity or NaN.
    return abs(number) < float("inf") and abs(number - round(number)) <= _NEARLY


def _whole(text: str) -> int | None:
    """Return the integer of a text, which may have thousands separators; None if it is not one."""
    number = _number(_without_commas(text))
    return round(number) if number is not None and _integral(number) else None


def _without_commas(text: str) -> str:
    while (fewer := re.sub(r"(\d)(,)(\d\d\d)($|\D)", r"\1\3\4", text)) != text:
        text = fewer
    return text


_FRACTION = re.compile(r"\\[td]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*(?:\[([^\]]*)\])?\s*\{([^{}]*)\}")
_SIGNS = {
    r"\pi": "pi", r"\infty": "inf", r"\cup": "U", r"\cdot": "*", r"\times": "*", r"\left": "",
    r"\right": "", r"\ ": " ", r"\,": " ", r"\;": " ", r"\!": "", r"\%": "%",
    r"\{": "{", r"\}": "}",
}  # fmt: skip
_NESTED = 20
"""Number of levels of nested fractions and roots that are replaced, innermost first."""
_COMMAND = re.compile(r"\\(?:[a-zA-Z]+|.)")


def _plain_text(latex: str) -> str:
    r"""Return LaTeX as plain text: `\frac{1}{2}` is ` 1/2`, `\sqrt{3}` is `sqrt(3)`."""
    latex = re.sub(r"\\(?:text|mathrm|mathbf|textbf|mbox)\s*\{([^{}]*)\}", r"\1", latex)
    for _ in range(_NESTED):
        before = latex
        latex = _FRACTION.sub(r" \1/\2", latex)
        latex = _ROOT.sub(r"sqrt(\2)", latex)
        if latex == before:
            break
    return _COMMAND.sub(lambda m: _SIGNS.get(m.group(), m.group()[1:]), latex).strip()


def _pairs(one: str, other: str) -> list[tuple[str, str]] | None:
    """Return the pairs of elements of two tuples; None if the tuples cannot be equal."""
    if not other:
        return None
    ones, others = _elements(one), _elements(other)
    if len(ones) > 1 and (one[0] != other[0] or one[-1] != other[-1]):
        return None
    return list(zip(ones, others, strict=True)) if len(ones) == len(others) else None


_BRACKETS = "()[]"


def _elements(text: str) -> list[str]:
    text = _without_commas(text)
    inside = text[1:-1]
    if (
        len(text) > len("()")
        and text[0] in _BRACKETS
        and text[-1] in _BRACKETS
        and not any(sign in inside for sign in _BRACKETS)
    ):
        return [part.strip() for part in inside.split(",")]
    return [text] if text else []


_IS_FRACTION = re.compile(r"-?[0-9]+.?/0*[1-9][0-9]*.?\Z")


def _element(gold: str, answer: str) -> bool | None:
    """Return whether two elements are equal; None if sympy must decide."""
    if _IS_FRACTION.match(gold) and _IS_FRACTION.match(answer):
        # Two fractions must be written the same: a reduced one is required.
        return gold == answer
    if (_whole(gold) is None) != (_whole(answer) is None):
        return False
    difference = f"({gold})-({answer})"
    return None if _harmless(difference) else False


_MOST_LETTERS = 2
_PLAIN = re.compile(r"[0-9a-z+\-*/^().,! ]*\Z")


def _harmless(text: str) -> bool:
    letters = {sign for sign in text.replace("sqrt", "").replace("frac", "") if sign.isalpha()}
    return (
        len(letters) <= _MOST_LETTERS
        and "^{" not in text
        and "^(" not in text
        and re.search(r"\^[0-9]+\^|\^[0-9][0-9]+", text) is None
        and _PLAIN.match(text) is not None
    )


_NO_EXPRESSION = (
    *(SyntaxError, TokenError, ValueError),
    # Names and brackets in meaningless combinations: `sqrt/3`, `(1,2)-(3)`, `sqrt.x`.
    *(TypeError, AttributeError, IndexError),
)
"""What sympy's parser raises for a text that it cannot parse; it evaluates while parsing."""


def _sympy_equal(gold: str, answer: str) -> bool:
    import sympy
    from sympy.parsing import sympy_parser

    rules = (
        *sympy_parser.standard_transformations,
        sympy_parser.implicit_multiplication_application,
    )
    difference = f"({gold})-({answer})".replace("^", "**")
    try:
        parsed = sympy_parser.parse_expr(difference, transformations=rules)
    # The published rule treats a text that is no expression as different. It also does so for any
    # other failure of sympy; those are not properties of the answer, and are undecided here.
    except _NO_EXPRESSION:
        return False
    return bool(sympy.simplify(parsed) == 0)
