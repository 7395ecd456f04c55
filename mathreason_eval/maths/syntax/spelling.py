"""Other spellings of the same notation: older TeX, code, names of bases, signs in words.

Each is looked for as plain text first, which is fast; its pattern is tried only where that stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Replacement = str | Callable[[re.Match[str]], str]

_GROUPED_BY_POINTS = (
    r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?=(?:\s|\\,|\\ |~)*(?:\\text\s*\{\s*)?"
    r"(?:lei|leu|MDL|RON|VND|IDR|CLP|COP)\b)"
)
"""A sum of money whose points group its digits: no money has three decimals."""

_RULES: tuple[tuple[str, re.Pattern[str], Replacement], ...] = tuple(
    (needle, re.compile(pattern), replacement)
    for needle, pattern, replacement in (
        ("\\not", r"\\not\s*\\in(?![a-z])", r"\\notin "),
        ("\\not", r"\\not\s*=", r"\\ne "),
        ("\\surd", r"\\surd(?![a-z])", r"\\sqrt"),
        ("{:}", r"\{:\}", ":"),
        ("\\cr", r"\\cr(?![a-z])", r"\\\\"),
        ("matrix{", r"\\([pb]?matrix)\{((?:[^{}]|\{[^{}]*\})*)\}", r"\\begin{\1}\2\\end{\1}"),
        ("Matrix(", r"^(?:sympy\.|sp\.)?Matrix\((\[.*\])\)$", r"\1"),
        ("log", r"\{\s*(\\log\s*_\s*(?:\w|\{[^{}]*\}))\s*\}", r"\1 "),
        (
            "\\cup",
            r"\\cup(?=\s*(?:\\[a-z]+|[a-zA-Z])\s*(?:[<>]|\\[lg]eq?(?![a-z])))",
            r"\\text{ or }",
        ),
        ("_{(", r"_\{\((\d{1,2})\)\}", r"_{\1}"),
        ("_", r"\\(?:text|mathrm|overline)\{(\d*|[0-9A-F]*)\}(?=\s*_\s*(?:\{\d|\d))", r"\1"),
        ("{base", r"_\{\s*(?:\\text|\\mathrm)\{base\s*\}?\s*(\w+)\}\}?", r"_{\1}"),
        ("{}^", r"(?<=[\d)}])\{\}\^", "^"),
        ("0b", r"^0b([01]+)$", r"\1_{2}"),
        ("_0", r"^\d{1,3}(?:_\d{3})+$", lambda found: found[0].replace("_", "")),
        (
            "\\mu",
            r"(?<=\d)(?:\s|~|\\[,; ])*\\mu\s*(?:\\(?:text|mathrm|rm)\s*)?\{?\s*([mgsL])\}?$",
            r" \\text{µ\1}",
        ),
        (
            "Omega",
            r"(?<=\d)(?:\s|~|\\[,; ])*(?:\\(?:text|mathrm)\{)?\s*\\Omega\s*\}?$",
            r"\\text{ ohms}",
        ),
        (" h ", r"(?<=\d) h (?=\d+ ?m)", r"\\text{ hours }"),
        (" squared", r"([a-z]{2,}) squared\b", r"\1^2"),
        (" cubed", r"([a-z]{2,}) cubed\b", r"\1^3"),
        ("plus or minus", r"plus or minus", r"\\pm "),
        ("thbf{", r"^\\mathbf\{([RZNQC])\}$", r"\\mathbb{\1}"),
        ("o }", r"\^\{\s*\\text\s*\{\s*o\s*\}\s*\}", r"^{\\circ}"),
        ("o}", r"\^\s*\{?\s*\\(?:text|mathrm)\s*\{\s*o\s*\}\s*\}?", r"^{\\circ}"),
        ("<", r"^<([^<>=]*,[^<>=]*)>$", r"\\langle \1\\rangle "),
        ("in", r"(?<=[\d}]) in\.?$|\\(?:text|mathrm)\s*\{\s*in\.?\s*\}", r"\\text{ inches}"),
        ("{\\%}", r"\{\\%\}", r"\\%"),
        ("U", r"(?<=[)\]])\s*U\s*(?=[(\[])", r"\\cup "),
        (",", r"^([-+]?\d{1,3}(?: \d{3})+),(\d{1,2})$", r"\1.\2"),
        (
            "frac{\\",
            r"\\[dt]?frac\{\\(?:text|mathrm)\{(\w+)\}\}\{\\(?:text|mathrm)\{(\w+)\}\}",
            r"\\text{ \1/\2}",
        ),
        ("square", r"(?:\\q?quad|\\[ ,;]|\s)*\\(?:blacksquare|square)$", ""),
        ("only", r"(?:\\text\{)?\s*\(?(?:is the )?only(?: solution| answer)?\)?\s*\}?$", ""),
        ("{", r"\\text\s*\{\s*(?:is|equals)\s*\}\s*(?=[-\d.$({\\])", " = "),
        ("mod", r"\\text\s*\{\s*mod\s*\}", r"\\mod "),
        ("nCr(", r"^nCr\(", "C("),
        ("nPr(", r"^nPr\(", "P("),
        ("C", r"^(\d+) ?C ?(\d+)$", r"\\binom{\1}{\2}"),
        ("P", r"^(\d+) ?P ?(\d+)$", r"P(\1,\2)"),
        ("P_", r"^(?:\{\})?[\^_]\{?(\d+)\}?P_\{?(\d+)\}?$", r"P(\1,\2)"),
        ("A_", r"^A_\{?(\d+)\}?\^\{?(\d+)\}?$", r"P(\1,\2)"),
        (" root", r" ?\((?:double|triple|repeated) root\)$", ""),
        ("a ", r"^an? (?=[\d$])", ""),
        (" or equal", r"^([a-zA-Z]) is (?:greater|more) than or equal to ", r"\1 >= "),
        (" or equal", r"^([a-zA-Z]) is (?:less|smaller) than or equal to ", r"\1 <= "),
        (" is ", r"^([a-zA-Z]) is (?:strictly )?(?:greater|more|larger) than ", r"\1 > "),
        (" is ", r"^([a-zA-Z]) is (?:strictly )?(?:less|smaller) than ", r"\1 < "),
        (" is ", r"^([a-zA-Z]) is at least ", r"\1 >= "),
        (" is ", r"^([a-zA-Z]) is at most ", r"\1 <= "),
        ("o'", r"^(\d{1,2}) o'? ?clock", r"\1:00"),
        ("so'm", r"(?<![a-z])so'm(?![a-z])", "som"),
        ("S/", r"^S/\. ?(?=\d[\d,.]*$)", "PEN "),
        (".", _GROUPED_BY_POINTS, lambda found: found[0].replace(".", "")),
    )
)


_NUMBER = re.compile(r"[-+]?[\d.]*(?:\\?%)?")
"""What needs no second look: most answers are a number."""
_LONGEST = 1000
"""Characters of an answer that is respelled; the patterns are not linear in it."""


def respelled(text: str) -> str:
    """Return the text in the notation that our grammar reads."""
    if len(text) > _LONGEST or _NUMBER.fullmatch(text):
        return text
    for needle, pattern, replacement in _RULES:
        if needle in text:
            text = pattern.sub(replacement, text)
    return text
