"""Normalisation of answers to ASCII LaTeX, for all scripts and markup.

First the typography (digits of every script, mathematical signs, delimiters), then other spellings
of the same notation. The meaning of an answer is not considered here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from html import unescape

from mathreason_eval.maths.syntax.number import with_digits
from mathreason_eval.maths.vocabulary.latex import LOWERED, RAISED, SIGNS
from mathreason_eval.maths.vocabulary.units import unit_of

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
_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z]{2}|[{}%$!,;])")
_LOST_BACKSLASH = re.compile(r"(?<!\\)\\(?=\s)")
"""A row of a matrix that ends with one backslash, as in a text whose escapes were resolved."""
_ROW_SPACE = re.compile(r"\\\\\[[^\]]{0,20}\]")
_DELIMITERS = re.compile(r"\\[()\[\]]|(?<!\\)\$+")
_PRICE = re.compile(
    r"\A(\s*(?:[-+]\s*)?)\$(?=\d[\d,]*(?:\.\d+)?\s*(?:(?:thousand|million|billion|trillion|k)\b)?[\s.]*\Z)"
)
"""A dollar sign without a partner before an amount, which delimits no formula."""
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
_LONGEST_UNIT = 100
"""Maximum characters at the end of a text in which a unit is looked for."""
_ONE_UNIT = r"[A-Za-z]{1,3}(?:\s*\^\s*\{?-?\d\}?)?"
_UPRIGHT = r"\\(?:text|mathrm)\s*\{\s*[A-Za-z]{1,3}\s*\}(?:\s*\^\s*\{?-?\d\}?)?"
_UPRIGHT_UNIT = re.compile(
    rf"(?<=\d)(?:\s|\\,|\\ |~)*({_UPRIGHT}(?:\s*(?:\\cdot|\*|/)\s*{_UPRIGHT})+)$"
)
_COMPOUND_UNIT = re.compile(
    rf"(?<=\d)(?:\s|\\,|~)*((?=[^$]*[NJWVAKCFT]){_ONE_UNIT}(?:\s*(?:\\cdot|\*|/)\s*{_ONE_UNIT})+)$"
)
_LETTER_UNITS = {"L": "liters", "N": "newtons", "J": "joules", "V": "volts", "W": "watts",
                 "A": "amperes", "K": "kelvin", "C": "coulombs"}  # fmt: skip
_TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_PRODUCT = re.compile(r"[\d.]+(?:\s+[xX]\s+[\d.]+)+")
_OVERLINED = re.compile("((?:\\d[\u0305\u0304])+)")
_EMPHASIS = re.compile(r"^([*_`]{1,3}|')((?:(?!\1)[^`'])+)\1$")
_GOES_ON = re.compile(r"(?:\.\d+|[,+]\s*)\.\.\.\s*$")
"""The end of a repeating decimal such as 0.666... , or of a list or sum that goes on."""
_HTML = re.compile(
    r"</?(?:span|div|p|b|i|u|em|strong|code|pre|font|mark|small|br|html|body|li|ul|td|tr|table)\b"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(
    r"&(?:nbsp;?|(?:amp|lt|gt|le|ge|ne|times|minus|quot|apos|#\d{1,6}|#x[\da-fA-F]{1,5});)"
)
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
    if category in {"Zs", "So"}:
        return " "  # a check mark or a smiley is no part of an answer
    plain = unicodedata.normalize("NFKC", char)
    if fraction := _VULGAR.fullmatch(plain):
        return rf"\frac{{{fraction[1]}}}{{{fraction[2]}}}"
    return "".join(map(_greek, plain))


def _greek(char: str) -> str:
    """Return the command of a Greek letter, and any other character unchanged."""
    name = unicodedata.name(char, "")
    if not name.startswith("GREEK") or "LETTER" not in name:
        return char
    letter = name.rsplit(" ", 1)[-1].lower().replace("lamda", "lambda").replace("omicron", "o")
    return f"\\{letter.capitalize() if 'CAPITAL' in name else letter} "


def normalise(text: str) -> str:
    """Return the text as ASCII LaTeX, as far as possible, without markup around it."""
    if "<" in text or "&" in text:
        text = _ENTITY.sub(lambda found: unescape(found[0]), _HTML.sub(" ", text))
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
    return _unit_spelled_out(text)


def _unit_spelled_out(text: str) -> str:
    """Return the text with a unit of letters at its end, such as 5 N·m or 3 g, as words."""
    start, end = text[:-_LONGEST_UNIT], text[-_LONGEST_UNIT:]
    if end.endswith("}") and (r"\text" in end or r"\mathrm" in end):
        end = _UPRIGHT_UNIT.sub(_compound, end)
    return start + _LETTER_UNIT.sub(_spelled_unit, _COMPOUND_UNIT.sub(_compound, end))


def _compound(found: re.Match[str]) -> str:
    """Return a product or quotient of units such as N·m as words; what is none stays."""
    name = re.sub(r"\\cdot|\*|\\(?:text|mathrm)\s*\{([^{}]*)\}", r" \1 ", found[1])
    return rf" \text{{{name}}}" if unit_of(name) is not None else found[0]


def _spelled_unit(found: re.Match[str]) -> str:
    """Return a unit of one letter as a word, so that it is not read as a variable."""
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
    """Return the text without delimiters of mathematics, with lost backslashes restored."""
    text = _DAMAGED.sub(lambda m: "\\" + _LETTER[m[0]], text)
    text = "".join(char for char in text if char.isprintable() or char.isspace())
    if "\\\\begin{" in text and "\\\\\\begin{" not in text:
        text = text.replace("\\\\", "\\")  # as JSON writes it
    if "\\\\" in text and "\\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    if "matrix}" in text:
        text = _LOST_BACKSLASH.sub(r"\\\\", text)
    text = _ROW_SPACE.sub(r"\\\\", text)
    text = _PRICE.sub(r"\1\\$", text)
    text = _DELIMITERS.sub(" ", text)
    boxes = len(_BOXES.findall(text))
    return _boxes_joined(text) if boxes > 1 or (boxes and _BOXED.match(text)) else text


def _trimmed(text: str) -> str:
    """Return the text without emphasis, white space and punctuation around it."""
    goes_on = _GOES_ON.search(text)
    text = _START.sub("", text).rstrip(_AT_THE_END)
    if goes_on:
        text += "..." if goes_on[0][0] == "." else f"{goes_on[0][0]} ..."
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

_NEXT_PART = re.compile(r"\s*(?:[,;.]\s*)?\((?:[c-h]|[3-9]|i{3}|iv|v)\)\s*")


def _parts_listed(found: re.Match[str]) -> str:
    """Return `(a) 12 (b) 15` as a tuple: which part is which counts."""
    return f"({', '.join((found[1], *_NEXT_PART.split(found[2])))})"


_Replacement = str | Callable[[re.Match[str]], str]

_GROUPED_BY_POINTS = (
    r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?=(?:\s|\\,|\\ |~)*(?:\\text\s*\{\s*)?"
    r"(?:lei|leu|MDL|RON|VND|IDR|CLP|COP)\b)"
)
"""A sum of money whose points group its digits: no money has three decimals."""

_REMAINDER = (
    r"^(\d+),?(?:\s|\\ |\\,|~)*(?:\\(?:text|mathrm)\s*\{\s*)?"
    r"(?:R|r|(?:with )?(?:a )?(?:remainder|Remainder|rem\.?)(?: of)?)"
    r"\s*\}?(?:\s|\\ |\\,|~)*(\d+)$"
)
"""A quotient with its remainder, which are no factors: `17 R 3`."""

_ARTICLE = (
    r"^a (?!(?:times|over|plus|minus|squared|cubed|divided|choose|mod|and|or|is|dozen|couple|pair"
    r"|half|third|quarter|hundred|thousand|million|billion)\b)(?=[a-z]{3})"
)
"""The article of a noun, which is no variable: `a square` against `a rectangle`."""


def _derangements(count: int) -> int:
    """Return the number of permutations without a fixed point, which `!n` stands for."""
    before, last = 1, 0
    for number in range(2, count + 1):
        before, last = last, (number - 1) * (before + last)
    return last if count else 1


_CHANGES = "increase|decrease|decline|drop|reduction|fall|rise|loss|gain|profit|growth|discount"

# Older TeX, code, names of bases, signs in words. The first text is searched for as plain text,
# which is fast; the pattern is tried only where it is found.
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
        (".log", r"\b(?:np|numpy|math|sympy|sp|cmath|torch|jnp)\.log(?=\()", r"\\ln"),
        (".array(", r"^(?:np|numpy|jnp)\.array\(\[([^\[\]]*)\]\)$", r"(\1)"),
        (".array(", r"^(?:np|numpy|jnp)\.array\((\[.*\])\)$", r"\1"),
        ("ight", r"\b([Ll]ight)[- ](?=years?\b)", r"\1"),
        (".", r"\b(?:np|numpy|math|sympy|sp|cmath|torch|jnp)\.(?=[a-zA-Z])", ""),
        ("log", r"(?<![a-z\\])log(2|10)(?=\s*\()", r"\\log_{\1}"),
        ("root(", r"(?<![a-z])root\(([^()]*)\)\(([^()]*)\)", r"\\sqrt[\1]{\2}"),
        ("r", _REMAINDER, r"(\1, \2)"),
        ("R", _REMAINDER, r"(\1, \2)"),
        (" xx ", r"(?<=[\d)])\s+xx\s+(?=[\d(])", r"\\times "),
        ("RR", r"^RR$", r"\\mathbb{R}"),
        ("ZZ", r"^ZZ$", r"\\mathbb{Z}"),
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
        ("\\prime", r"(?<=\d)\s*\^\s*\{?\s*\\prime\s*\}?", "'"),
        (" times", r"(?<=\d)\s+times\.?$", ""),
        ("{", r"(?<=\d)\{\s*([a-zA-Z]{2,})\s*\}$", r" \\text{\1}"),
        (
            "brace",
            r"\\(?:under|over)brace\s*\{([^{}]*)\}\s*[_^]\s*\{(?:[^{}]|\{[^{}]*\})*\}",
            r"\1",
        ),
        ("phantom", r"\\[hv]?phantom\s*\{[^{}]*\}", ""),
        ("^", r"^\^\{?(\d+)\}?\s*/\s*_\{?(\d+)\}?$", r"\\frac{\1}{\2}"),
        ("\\num{", r"\\num\{([^{}]*)\}", r"\1"),
        ("\\SI{", r"\\SI\{([^{}]*)\}\{([^{}]*)\}", r"\1\\text{ \2}"),
        ("\\qty{", r"\\qty\{([^{}]*)\}\{([^{}]*)\}", r"\1\\text{ \2}"),
        ("\\Sigma", r"\\Sigma\s*(?=_\s*\{[^{}]*=)", r"\\sum"),
        ("\\Pi", r"\\Pi\s*(?=_\s*\{[^{}]*=)", r"\\prod"),
        ("(", r"\\text\s*\{\s*(\((?:[a-e]|[1-9]|i{1,3}|iv|v)\))\s*\}", r"\1 "),
        ("(a)", r"^\(a\)\s*(.+?)\s*[,;.]?\s*\(b\)\s*(.+)$", _parts_listed),
        ("(1) ", r"^\(1\)\s+(.+?)\s*[,;.]?\s+\(2\)\s+(.+)$", _parts_listed),
        ("(i) ", r"^\(i\)\s+(.+?)\s*[,;.]?\s+\(ii\)\s+(.+)$", _parts_listed),
        ("{", r"^\{\s*\}$", r"\\emptyset"),
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
        (
            "/d",
            r"(?<![a-zA-Z\\])d([a-zA-Z])/d(?!\1)([a-zA-Z])(?![a-zA-Z])",
            r"\\frac{d\1}{d\2}",
        ),
        (
            "/d",
            r"(?<![a-zA-Z\\])d\^2 ?([a-zA-Z])/d(?!\1)([a-zA-Z])\^2(?!\d)",
            r"\\frac{d^2 \1}{d\2^2}",
        ),
        ("nCr(", r"^nCr\(", "C("),
        ("nPr(", r"^nPr\(", "P("),
        ("C", r"^(\d+) ?C ?(\d+)$", r"\\binom{\1}{\2}"),
        ("P", r"^(\d+) ?P ?(\d+)$", r"P(\1,\2)"),
        ("P_", r"^(?:\{\})?[\^_]\{?(\d+)\}?P_\{?(\d+)\}?$", r"P(\1,\2)"),
        ("A_", r"^A_\{?(\d+)\}?\^\{?(\d+)\}?$", r"P(\1,\2)"),
        (
            "multiples of",
            r"^(?:\\text\{ ?)?(?:all )?(?:the )?(?:integer )?multiples of ?\}? ?(\d+)\}?$",
            r"\\{\1k : k \\in \\mathbb{Z}\\}",
        ),
        ("creased by", r"^(in|de)creased by (?=[-\d$\\])(.+)$", r"\2 \\text{ \1crease}"),
        ("reduced by", r"^reduced by (?=[-\d$\\])(.+)$", r"\1 \\text{ decrease}"),
        ("mille", r"(?<=\d) ?(?:per mill?e|permille)$", r"/10\\%"),
        ("!", r"^!(\d{1,3})$", lambda found: str(_derangements(int(found[1])))),
        (
            "Co",
            r"(?:\\(?:operatorname|text|mathrm)\s*\{)?\b(Cov|Corr)\b\}?\s*\(\s*([A-Z])\s*,\s*([A-Z])\s*\)",
            lambda found: rf"\text{{{found[1]}}}({', '.join(sorted(found.group(2, 3)))})",
        ),
        ("a hundred", r"^a hundred$", "100"),
        (
            " of ",
            rf"^(?:\\text\{{ ?)?(?:an? |the )?({_CHANGES}) of ?\}}? ?(?=[-\d$\\])(.+)$",
            r"\2 \\text{ \1}",
        ),
        ("autical", r"\bnautical miles?\b", "nmi"),
        ("allon", r"\b(?:[Ii]mperial|UK) gallons?\b", "impgal"),
        ("unce", r"\bfluid ounces?\b", "floz"),
        ("unce", r"\btroy ounces?\b", "ozt"),
        ("etric", r"\bmetric (?=tons?\b)", ""),
        (" root", r" ?\((?:double|triple|repeated) root\)$", ""),
        ("a ", r"^an? (?=[\d$])", ""),
        ("a ", _ARTICLE, ""),
        (" or equal", r"^([a-zA-Z]) is (?:greater|more) than or equal to ", r"\1 >= "),
        (" or equal", r"^([a-zA-Z]) is (?:less|smaller) than or equal to ", r"\1 <= "),
        (" is ", r"^([a-zA-Z]) is (?:strictly )?(?:greater|more|larger) than ", r"\1 > "),
        (" is ", r"^([a-zA-Z]) is (?:strictly )?(?:less|smaller) than ", r"\1 < "),
        (" is ", r"^([a-zA-Z]) is at least ", r"\1 >= "),
        (" is ", r"^([a-zA-Z]) is at most ", r"\1 <= "),
        ("o'", r"^(\d{1,2}) o'? ?clock", r"\1:00"),
        ("so'm", r"(?<![a-z])so'm(?![a-z])", "som"),
        (
            "...",
            r"(?:(?<=[,;+*({\[])|(?<=[,;+*({\[]\s))\.{3,4}(?=\s*(?:[,;+*)}\]]|$))",
            r"\\ldots ",
        ),
        ("S/", r"^S/\. ?(?=\d[\d,.]*$)", "PEN "),
        (".", _GROUPED_BY_POINTS, lambda found: found[0].replace(".", "")),
    )
)


_NUMBER = re.compile(r"[-+]?[\d.]*(?:\\?%)?")
"""Answers without other spellings: most answers are numbers."""
_LONGEST_RESPELLED = 1000
"""Maximum characters, as the patterns do not take linear time."""


def _respelled(text: str) -> str:
    """Return the text in the notation that the grammar reads."""
    if len(text) > _LONGEST_RESPELLED or _NUMBER.fullmatch(text):
        return text
    for needle, pattern, replacement in _SPELLINGS:
        if needle in text:
            text = pattern.sub(replacement, text)
    return text
