"""From the text of an answer to tokens: LaTeX, plain text and mixtures of both, in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

from mathreason_eval.maths.syntax.number import typed_value
from mathreason_eval.maths.vocabulary import latex, words
from mathreason_eval.maths.vocabulary.latex import CLOSING, INFIX, KNOWN, OPENING
from mathreason_eval.maths.vocabulary.units import MONEY, is_currency, is_unit, unit_of


class UnreadableError(ValueError):
    """The text is not mathematics of this grammar, or exceeds its limits."""


class Token(NamedTuple):
    """One token.

    Kinds: num sym const fn op rel sep and or qual word open close cmd begin end amp row money diff,
    and eof at the end.
    """

    kind: str
    text: str = ""
    value: Fraction | None = None


EOF = Token("eof")

_GAP = r"(?:\{,\}|\\,|\\;|\\:|\\ |~|'| )"
_TAIL = (
    r"(?:\.?\d*\\(?:overline|bar)\s*(?:\{\d+\}|\d)|\.\d*\(\d+\)|\.?\d*(?:\\dot\s*\{?\d\}?\d*)+"
    r"|\.\d+(?:\.\.\.|\\[lc]?dots)|\.\d*)?(?:[eE][-+]?\d+(?![\w.]))?(?:(?:st|nd|rd|th)\b)?"
)
_OTHER = r"""
  (?P<space>\s+)
| (?P<base>(?<![\^_\w])
    (?:[0-9][0-9A-Z]*|[0-9A-F]{2,}(?=_\{?16)|[0-9][0-9a-f]*(?=_\{?16))(?:\.[0-9]+)?
    \s*_\s*(?:\{\s*(?:\\text\s*\{\w{1,7}\}|\w{1,7})\s*\}|\d)|0x[0-9A-Fa-f]{1,16}(?!\w))
| (?P<mixed>\d+[ ]+\d+\s*/\s*\d+(?![\d.]))
| (?P<num>%s)
| (?P<word>[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0e7f])*)
| (?P<env>\\(?:begin|end)\s*\{[a-zA-Z]+\*?\}(?:\{[clr|]*\})?)
| (?P<cmd>\\[a-zA-Z]+)
| (?P<row>\\\\(?:\[[^\]]*\])?)
| (?P<esc>\\.)
| (?P<rel><=|>=|!=|==|:=|=>|=<|[=<>~])
| (?P<op>\*\*|[-+*/^_!%%:'|])
| (?P<bracket>[][(){}])
| (?P<sep>[,;])
| (?P<amp>&)
| (?P<quote>["`])
| (?P<char>.)
"""
_WHOLE = rf"\d{{1,3}}(?:{_GAP}\d{{3}})+(?!\d)|\d+"
_GROUPED = rf"\d{{1,3}}(?:,\d{{3}})+(?!,?\d)|\d{{1,2}}(?:,\d{{2}})+,\d{{3}}(?!,?\d)|{_WHOLE}"
_EUROPEAN = r"\d{1,3}(?:\.\d{3})+,\d+(?![.,]?\d)|\d{1,3}(?:\.\d{3}){2,}(?![.,]?\d)"
_FLAGS = re.VERBOSE | re.DOTALL


def _pattern(whole: str) -> re.Pattern[str]:
    number = rf"(?:(?:{whole}){_TAIL}|\.\d+{_TAIL}|\.\\overline\s*\{{\d+\}})".replace(" ", "[ ]")
    return re.compile(_OTHER % number, _FLAGS)


_LIST = _pattern(_WHOLE)
"""Tokens where commas separate, as within brackets."""
_TOP = _pattern(f"{_EUROPEAN}|{_GROUPED}")
"""Tokens where commas between three digits group them, as outside brackets."""

_ONLY_CALLED = words.these(
    "min max sec th sh ch lb tr dim rank det arg inf sup sign sgn abs re im floor ceil ceiling "
    "lcd hcf conj"
)
"""Names that are functions only before a bracket: `5 min` is a time."""
_DIFFERENTIAL = re.compile(r"\\o?int(?![a-z])|\\[dt]?frac\s*\{\s*d[\s}^]")
_CURRENCIES = words.these("USD EUR GBP CNY RMB INR JPY Rs")
_ABBREVIATED = frozenset({"th", "sh", "ch", "lb", "tr"})
_RUN_TOGETHER = re.compile(r"(arcsin|arccos|arctan|sin|cos|tan|cot|ln|log|sqrt|pi)([a-z]{1,2})")
_BARE_COMMANDS = words.these(
    "sqrt cbrt frac binom infty times cdot leq geq pm cup cap in mod sum overline bar"
)
"""Commands that are written without a backslash in plain text."""
_SIGNS = frozenset({"minus", "negative"})
"""Words for a sign, if a value follows."""
_VALUE = re.compile(r"\}?\s+(?:[\d.$({]|[a-z](?![a-z])|\\[a-z])")
_NUMBER_FOLLOWS = re.compile(r"\s*(?:\}\s*)?[-\d.$({\\]")
_SCRIPT = re.compile(r"\d+(?=\s+\d)")
"""Digits behind `^` or `_` that others follow."""
_CALL = re.compile(r"\s*(?:\\left\s*)?\(")
_END = re.compile(r"[\s.}]*\Z")
_AMOUNT = re.compile(r"[\s}.\\$]{0,4}\d")
_OPENERS = frozenset({"(", "{", "+", "-", "*", "^"})
"""After these two characters letters can only be a product: cosh(at), e^{-at}."""
_DEEPEST_TEXT = 8
_PAIR = 2


def tokens(text: str, *, grouped: bool = True) -> list[Token]:
    """Return the tokens of a normalised text, ended by EOF.

    Args:
        text: The result of `normalise`.
        grouped: Whether commas between three digits group them, outside brackets.

    Raises:
        UnreadableError: if a character cannot be part of an answer.
    """
    lexer = _Lexer(text, grouped=grouped)
    found = list(lexer.run())
    found.append(EOF)
    return found


def _number(text: str) -> Token:
    value, typed = typed_value(text)
    return Token("num", typed, value)


def _mixed_number(text: str) -> Token:
    whole, over, under = map(int, re.findall(r"\d+", text))
    if not under:
        raise UnreadableError(text)
    return Token("num", "mixed", whole + Fraction(over, under))


_SINGLE: dict[str, Callable[[str], Token]] = {
    "num": _number,
    "mixed": _mixed_number,
    "row": lambda _: Token("row"),
    "op": lambda text: Token("op", "^" if text == "**" else text),
    "sep": lambda text: Token("sep", text),
}
"""Tokens of the kinds that do not depend on their context."""
_ESCAPED = {"$": Token("money", "$"), "%": Token("op", "%"), "|": Token("op", "|"),
            "&": Token("and", "and")}  # fmt: skip
_MEANINGS = (("rel", latex.RELATIONS), ("fn", latex.FUNCTIONS), ("const", latex.CONSTANTS))
_AMOUNT_STARTS = frozenset("0123456789.+-")
"""What a unit does not begin with: `5.0 km` is a value with its unit, and a sign is not lost."""
_SIGNS_OF_UNITS = frozenset("/*^-")


class _Lexer:
    """The state of one pass: position, depth of brackets, whether an integral is open."""

    def __init__(self, text: str, *, grouped: bool, upright: bool = False, level: int = 0) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.grouped = grouped
        self.upright = upright
        self.level = level
        self.spaced = False
        """Whether white space precedes the current token."""
        self.integral = bool(_DIFFERENTIAL.search(text))

    def run(self) -> Iterator[Token]:
        scripted = False
        while self.at < len(self.text):
            if (script := _SCRIPT.match(self.text, self.at)) is not None and scripted:
                # A script ends with its digits: 3^2 100 is 9 times 100.
                self.at, scripted = script.end(), False
                yield _number(script[0])
                continue
            pattern = _TOP if self.grouped and self.depth == 0 else _LIST
            found = pattern.match(self.text, self.at)
            assert found is not None, "the last alternative matches any character"
            self.at = found.end()
            kind = found.lastgroup or ""
            scripted = kind == "op" and found[0] in {"^", "_", "**"}
            if kind == "space":
                self.spaced = True
            elif kind in _SINGLE:
                yield _SINGLE[kind](found[0])
                self.spaced = False
            elif kind != "quote":
                yield from getattr(self, f"_{kind}")(found[0])
                self.spaced = False

    def _base(self, text: str) -> Iterator[Token]:
        value = _in_base(text)
        if value is not None:
            yield Token("num", "", value)
            return
        self.at -= len(text)
        digits = re.match(r"\d+(?:\.\d+)?", text)
        assert digits is not None, "the pattern begins with a digit"
        self.at += digits.end()
        yield _number(digits[0])

    def _word(self, run: str) -> Iterator[Token]:
        yield from self._letters(run) if run.isascii() else (Token("word", run),)

    def _letters(self, run: str) -> Iterator[Token]:
        low = run.lower()
        called = self.text[self.at : self.at + 2].lstrip(" ").startswith("(")
        if low == "to" and not self.upright:
            yield Token("op", ":")
        elif low in _SIGNS and _VALUE.match(self.text, self.at):
            yield Token("op", "-")
        elif low == "is" and _NUMBER_FOLLOWS.match(self.text, self.at):
            yield Token("rel", "=")
        elif low in {"and", "or"} or low in words.QUALIFIERS:
            yield Token(low if low in {"and", "or"} else "qual", low)
        elif function := self._function(run, called=called):
            yield Token("fn", function)
        elif run in latex.CONSTANTS and (len(run) == 1 or run != "inf" or not called):
            yield Token("const", latex.CONSTANTS[run])
        elif run in latex.GREEK and not (self.upright and is_unit(run)):
            yield Token("sym", latex.SAME_LETTER.get(run, run))
        elif run in _BARE_COMMANDS and not self.upright and not self._is_last_unit(run):
            yield from self._cmd("\\" + run)
        elif len(run) == 1 and not (self.upright and is_unit(run) and run.islower()):
            yield Token("sym", run)
        else:
            yield from self._run(run, low)

    def _function(self, run: str, *, called: bool) -> str:
        """Return what the function of this name is called here, or "" if it is none."""
        if called and not self.upright and run in latex.CALLED:
            return latex.CALLED[run]
        named = len(run) > 1 and (called or self._needs_no_bracket(run))
        return latex.FUNCTIONS.get(run, "") if named else ""

    def _is_last_unit(self, run: str) -> bool:
        """Return whether a run is the unit that ends the text: `1 bar`, not `bar{x}`."""
        before = self.text[: self.at - len(run)].rstrip()[-1:]
        return is_unit(run) and before.isdecimal() and _END.match(self.text, self.at) is not None

    def _needs_no_bracket(self, name: str) -> bool:
        """Return whether a name is a function even without a bracket: `sin x`, but not `5 min`."""
        written_out = self.upright and name not in _ABBREVIATED and not is_unit(name)
        return name not in _ONLY_CALLED or written_out

    def _has_amount(self, run: str) -> bool:
        """Return whether a number precedes or follows: `PKR 1,800`, not a triangle `CAD`."""
        before = self.text[: self.at - len(run)].rstrip("\\ ")
        return before[-1:].isdigit() or _AMOUNT.match(self.text, self.at) is not None

    def _run(self, run: str, low: str) -> Iterator[Token]:
        """Yield the tokens of a run of two letters or more: a word, a segment, or a product."""
        before = self.text[self.at - len(run) - 1 : self.at - len(run)]
        if self.integral and re.fullmatch("d[a-zA-Z]", run):
            yield Token("diff", run[1])
        elif run in _CURRENCIES or (is_currency(run) and self._has_amount(run)):
            yield Token("money", run)
        elif _is_exponential(run, self.text[self.at :]) and not self.upright:
            yield from (Token("sym", run[0]), Token("const", "e"))
        elif len(run) == _PAIR and run.islower() and not self.upright and before in _OPENERS:
            yield from (Token("const" if c in "ei" else "sym", c) for c in run)
        elif self.upright or self._is_word(run, low):
            yield Token("word", run)
        elif run.isupper():
            yield Token("sym", run)
        elif glued := _RUN_TOGETHER.fullmatch(run):
            yield from self._letters(glued[1])
            yield from self._letters(glued[2])
        else:
            yield from (Token("const" if c in "ei" else "sym", c) for c in run)

    def _is_word(self, run: str, low: str) -> bool:
        """Return whether a run of letters is a word rather than a product of variables."""
        if low in words.SHORT_WORDS or low in words.NEVER_UNITS or low in words.FILLERS:
            word = not (run.isupper() and len(run) <= _PAIR)  # AB is a segment
        elif is_unit(run) and (self.spaced or len(run) > _PAIR):  # not xy after a number
            word = True
        else:
            long = len(run) > _PAIR + (not self.spaced)  # 2abc is a product
            vowel = low != "abc" and any(v in low for v in "aeiou")
            word = long and not run.isupper() and vowel
        return word or (self.spaced and self._is_unit_like(run))

    def _is_unit_like(self, run: str) -> bool:
        """Return whether a run after a number has the form of a unit, such as WPM or Mb."""
        before = self.text[: self.at - len(run)].rstrip()[-1:]
        acronym = run.removesuffix("s").isupper() and len(run) > _PAIR
        return before.isdecimal() and (acronym or (run[0].isupper() and run[1:].islower()))

    def _env(self, text: str) -> Iterator[Token]:
        kind = "begin" if text.startswith("\\begin") else "end"
        self.depth += 1 if kind == "begin" else -1
        yield Token(kind, text[text.index("{") + 1 : text.index("}")].rstrip("*"))

    def _cmd(self, text: str) -> Iterator[Token]:
        name = text[1:]
        if name not in KNOWN:
            # `\quadx` and `\vertx`: a command run into the letters that follow it.
            known = next((name[:n] for n in range(len(name) - 1, 1, -1) if name[:n] in KNOWN), "")
            self.at -= len(name) - len(known) if known else 0
            name = known or name
        if name in latex.IGNORED:
            return
        if name in latex.TEXTS:
            yield from self._text()
        elif name in latex.DROPPED:
            self._group()
        elif name in latex.WRAPPERS:
            if name in {"color", "textcolor"}:
                self._group()
        else:
            yield self._named(name)

    def _named(self, name: str) -> Token:
        if name in OPENING or name in CLOSING:
            return self._delimiter(OPENING.get(name) or CLOSING[name], opens=name in OPENING)
        if name in INFIX:
            infix = INFIX[name]
            return Token(infix if infix in {"and", "or"} else "op", infix)
        for kind, meanings in _MEANINGS:
            if name in meanings:
                return Token(kind, meanings[name])
        if name in latex.OF_GREEK and _CALL.match(self.text, self.at):
            return Token("fn", latex.OF_GREEK[name])
        if name in latex.GREEK:
            return Token("sym", latex.SAME_LETTER.get(name, name))
        return Token("cmd", name)

    def _delimiter(self, text: str, *, opens: bool) -> Token:
        if text not in {"{", "}"}:
            self.depth += 1 if opens else -1
        return Token("open" if opens else "close", text)

    def _esc(self, text: str) -> Iterator[Token]:
        char = text[1]
        if char in "{}":
            yield self._delimiter(text, opens=char == "{")
        elif char in _ESCAPED:
            yield _ESCAPED[char]
        elif char not in latex.SPACES and char not in "()[]#_'^\"":
            raise UnreadableError(text)

    def _rel(self, text: str) -> Iterator[Token]:
        if text != "~":
            yield Token("rel", latex.RELATIONS[text])

    def _bracket(self, text: str) -> Iterator[Token]:
        yield self._delimiter(text, opens=text in "([{")

    def _amp(self, text: str) -> Iterator[Token]:
        yield Token("amp", text) if self.depth else Token("and", "and")

    def _char(self, text: str) -> Iterator[Token]:
        if text in MONEY:
            yield Token("money", text)
        elif text not in ".?":
            raise UnreadableError(text)

    def _group(self) -> str | None:
        """Consume a group in braces and return its contents; None if no group comes next."""
        opened = re.compile(r"\s*(?:\[[^\]]*\]\s*)?\{").match(self.text, self.at)
        if opened is None:
            return None
        depth, start = 1, opened.end()
        for brace in re.finditer(r"\\.|[{}]", self.text[start:], re.DOTALL):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            if not depth:
                self.at = start + brace.end()
                return self.text[start : start + brace.start()]
        raise UnreadableError("an open brace")

    def _text(self) -> Iterator[Token]:
        """Yield the tokens of a text command's argument, whose letters are words."""
        content = self._group()
        if content is None or self.level > _DEEPEST_TEXT:
            return
        inner = content.strip()
        if inner.startswith("(") and inner.endswith(")") and inner[1:-1].isalpha():
            inner = inner[1:-1]
        upright = not (len(inner) == 1 and inner.isupper())
        plain = inner.replace("\\,", " ")
        is_unit = len(inner) > 1 and "," not in plain and inner[0] not in _AMOUNT_STARTS
        if is_unit and unit_of(plain) is not None:
            yield from (
                Token("op", part) if part in _SIGNS_OF_UNITS else _unit(part)
                for part in re.findall(r"[^\W\d_]+|\d+|(?<=[\^{])-|[/*^]", inner)
            )
            return
        lexer = _Lexer(inner, grouped=self.grouped, upright=upright, level=self.level + 1)
        yield from lexer.run()


def _is_exponential(run: str, rest: str) -> bool:
    """Return whether two letters are a factor and the base of a power: `Be^{-x}`."""
    return len(run) == _PAIR and run[1] == "e" and rest[:1] == "^"


def _unit(part: str) -> Token:
    """Return a part of a unit in upright letters: a name, or the digits of a power."""
    if part in MONEY or is_currency(part):
        return Token("money", part)
    return Token("word", part) if part.isalpha() else _number(part)


def _in_base(text: str) -> Fraction | None:
    """Return the value of digits with a base as subscript, or None if they are not of that base."""
    if text.startswith("0x"):
        return Fraction(int(text, 16))
    digits, _, base_text = text.partition("_")
    name = re.sub(r"\\text|[{}\s]", "", base_text).lower()
    base = words.BASES.get(name) or (int(name) if name.isdecimal() else 0)
    whole, _, tail = digits.strip().partition(".")
    if not 2 <= base <= 36 or len(whole + tail) > 500:  # noqa: PLR2004 - the bases that have digits
        return None
    try:
        return Fraction(int(whole + tail, base), base ** len(tail))
    except ValueError:
        return None
