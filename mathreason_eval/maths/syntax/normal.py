"""One notation for all answers: ASCII LaTeX where it can be, whatever script or markup was used.

First the typography (digits of every script, mathematical signs, delimiters), then other spellings
of the same notation. Nothing here knows what an answer means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from mathreason_eval.maths.syntax.number import with_digits
from mathreason_eval.maths.vocabulary.latex import LOWERED, RAISED, SIGNS

_RAISED_RUN = re.compile(f"[{''.join(RAISED)}]+")
_LOWERED_RUN = re.compile(f"[{''.join(LOWERED)}]+")
_VULGAR = re.compile(r"(\d+)⁄(\d+)")

# A string literal whose escapes were resolved twice: `\f` of `\frac` became a form feed.
_DAMAGED = re.compile(
    r"\t(?=ext|frac|imes|heta|an\b|o\b|au\b|riangle|herefore|ilde)|\x0c(?=rac|orall)"
    r"|\x08(?=oxed|inom|egin|eta|ar\b|ig|f\b|oldsymbol|mod)|\r(?=ight|ho\b|angle|m\b)"
    r"|\x07(?=lpha|pprox|rc|ngle|st\b)|\x0b(?=ert|ec|arnothing|arphi)"
)
_LETTER = {"\t": "t", "\x0c": "f", "\x08": "b", "\r": "r", "\x07": "a", "\x0b": "v"}
_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z]{2}|[{}%$])")
_ROW_SPACE = re.compile(r"\\\\\[[^\]]{0,20}\]")
_DELIMITERS = re.compile(r"\\[()\[\]]|(?<!\\)\$+")
_GROUPING = re.compile(
    r"(?<=\d)(?:\{,\s*\}\s*|\\text\{,\}|,\\!\s*|\\!,\\!|\\!,\s*|\\!\\,|\\,(?:\\!)?|,)(?=\d{3}(?!\d))"
)
_BOXED = re.compile(r"\s*\\f?boxed\s*\{.*\}[\s.]*$", re.DOTALL)
_BOXES = re.compile(r"\\f?boxed\s*\{")
_BASE = re.compile(
    r"^\(?([0-9A-Za-z]+)\)?\s*\(?\s*(?:in\s+)?base[\s-]*(\d{1,2}|[a-z]+)\s*\)?$", re.IGNORECASE
)
_BRACKETED_BASE = re.compile(r"^\(([0-9A-Z]+)\)\s*(_\s*(?:\d+|\{[^{}]+\}))$")
_LETTER_UNIT = re.compile(
    r"(?<=[\d}])(?:\s|\\,|\\ |~)+((?:m|s|g|h|l|L|N|J|V|W|A|K|Pa|Hz)(?:\s*/\s*(?:s|h|min))?"
    r"(?:\s*\^\s*\{?[23]\}?)?)$"
    r"|(?<=\d)(g)$"
    r"|(?<=[\d}])(?:\s|\\,|\\ |~)*\\(?:text|mathrm|rm)\s*\{\s*(L|N|J|V|W|A|K|C)\s*\}$"
)
_LETTER_UNITS = {"L": "liters", "N": "newtons", "J": "joules", "V": "volts", "W": "watts",
                 "A": "amperes", "K": "kelvin", "C": "coulombs"}  # fmt: skip
_TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_PRODUCT = re.compile(r"[\d.]+(?:\s+[xX]\s+[\d.]+)+")
_OVERLINED = re.compile("((?:\\d[\u0305\u0304])+)")
_EMPHASIS = re.compile(r"^([*_`]{1,3}|')([^*_`']+)\1$")
_GOES_ON = re.compile(r"\.\d+\.\.\.\s*$")
"""The end of a decimal that goes on: 0.666..."""
_AT_THE_END = " \t\n\r\f\v.,;:~\\"
_START = re.compile(r"^(?:[\s~]|\\[,;:! ]|\\q?quad(?![a-z]))+")


@lru_cache(maxsize=4096)
def _ascii(char: str) -> str:
    """Return the ASCII LaTeX of one other character."""
    if char in SIGNS:
        return SIGNS[char]
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    if category == "Zs":
        return " "
    plain = unicodedata.normalize("NFKC", char)
    if fraction := _VULGAR.fullmatch(plain):
        return rf"\frac{{{fraction[1]}}}{{{fraction[2]}}}"
    return "".join(map(_greek, plain))


def _greek(char: str) -> str:
    """Return the command of a Greek letter, and any other character as it is."""
    name = unicodedata.name(char, "")
    if not name.startswith("GREEK") or "LETTER" not in name:
        return char
    letter = name.rsplit(" ", 1)[-1].lower().replace("lamda", "lambda").replace("omicron", "o")
    return f"\\{letter.capitalize() if 'CAPITAL' in name else letter} "


def normalise(text: str) -> str:
    """Return the text as ASCII LaTeX where it can be, without markup around it."""
    if not text.isascii():
        text = _plain_signs(text)
    if "\\" in text or "$" in text or not text.isprintable():
        text = _plain_latex(text)
    text = _trimmed(text)
    if "x" in text or "X" in text:
        text = _TIMES.sub(r"\\times ", text)
        if _PRODUCT.fullmatch(text):
            text = re.sub("[xX]", r"\\times ", text)
    text = _respelled(_BRACKETED_BASE.sub(r"\1\2", text))
    if found := _BASE.match(text):
        text = f"{found[1]}_{{{found[2]}}}"
    return _LETTER_UNIT.sub(_spelled_unit, text)


def _spelled_unit(found: re.Match[str]) -> str:
    """Return a unit of one letter as a word, so that it is no variable."""
    unit = found[1] or found[2] or found[3]
    return rf" \text{{{_LETTER_UNITS.get(unit, unit)}}}"


def _plain_signs(text: str) -> str:
    """Return the text with every sign, digit and letter of mathematics in ASCII."""
    text = unicodedata.normalize("NFC", text)
    text = _OVERLINED.sub(lambda m: rf"\overline{{{re.sub('[^0-9]', '', m[1])}}}", text)
    text = _RAISED_RUN.sub(lambda m: "^{" + "".join(RAISED[c] for c in m[0]) + "}", text)
    text = _LOWERED_RUN.sub(lambda m: "_{" + "".join(LOWERED[c] for c in m[0]) + "}", text)
    text = "".join(char if char < "\x80" else _ascii(char) for char in text)
    return text if text.isascii() else with_digits(text)


def _plain_latex(text: str) -> str:
    """Return the text without delimiters of mathematics, its lost backslashes restored."""
    text = _DAMAGED.sub(lambda m: "\\" + _LETTER[m[0]], text)
    text = "".join(char for char in text if char.isprintable() or char.isspace())
    if "\\\\" in text and "\\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    text = _ROW_SPACE.sub(r"\\\\", text)
    text = _DELIMITERS.sub(" ", text)
    boxes = len(_BOXES.findall(text))
    return _boxes_joined(text) if boxes > 1 or (boxes and _BOXED.match(text)) else text


def _trimmed(text: str) -> str:
    """Return the text without emphasis, white space and punctuation around it."""
    goes_on = _GOES_ON.search(text) is not None
    text = _START.sub("", text).rstrip(_AT_THE_END)
    text += "..." if goes_on else ""
    if found := _EMPHASIS.match(text):
        text = found[2]
    text = _GROUPING.sub(",", text) if "," in text or "\\" in text else text
    return " ".join(text.split())


def _boxes_joined(text: str) -> str:
    """Return the contents of a box, or of several as one list."""
    contents = []
    for box in _BOXES.finditer(text):
        depth = 1
        for brace in re.finditer(r"(?<!\\)[{}]", text[box.end() : box.end() + 1000]):
            depth += 1 if brace[0] == "{" else -1
            if not depth:
                contents.append(text[box.end() : box.end() + brace.start()])
                break
    return ", ".join(contents) if contents else text


# --- other spellings of one notation ------------------------------------------------------------

_Replacement = str | Callable[[re.Match[str]], str]

_GROUPED_BY_POINTS = (
    r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?=(?:\s|\\,|\\ |~)*(?:\\text\s*\{\s*)?"
    r"(?:lei|leu|MDL|RON|VND|IDR|CLP|COP)\b)"
)
"""A sum of money whose points group its digits: no money has three decimals."""

# Older TeX, code, names of bases, signs in words. The needle is looked for as plain text first,
# which is fast; the pattern is tried only where the needle is found.
_SPELLINGS: tuple[tuple[str, re.Pattern[str], _Replacement], ...] = tuple(
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
"""What has no other spelling: most answers are a number."""
_LONGEST_RESPELLED = 1000
"""Characters; the patterns are not linear in them."""


def _respelled(text: str) -> str:
    """Return the text in the notation that the grammar reads."""
    if len(text) > _LONGEST_RESPELLED or _NUMBER.fullmatch(text):
        return text
    for needle, pattern, replacement in _SPELLINGS:
        if needle in text:
            text = pattern.sub(replacement, text)
    return text
