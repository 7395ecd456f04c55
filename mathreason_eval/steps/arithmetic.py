r"""The arithmetic in one side of a relation: `18 flamingos - 6`, `\$20 (the ticket) - \$2`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.maths.vocabulary.latex import FRACTION, FRACTIONS, in_ascii
from mathreason_eval.maths.vocabulary.words import NEVER_COUNTED, these
from mathreason_eval.steps.chains import SolutionToken, is_variable

_OPERATORS = {sign: in_ascii(sign) for sign in "×·⋅∗÷⁄−–"}
_SIGNS = frozenset("+-−–")
_UNARY = {"√": r"\sqrt", "+": "+"}
_PREFIXES = frozenset(
    f"\\{name}"
    for name in FRACTIONS
    | these("sqrt binom dbinom tbinom gcd max min")
    | these("sin cos tan cot sec csc arcsin arccos arctan ln lg log")
)
"""Commands that are followed by a value."""
_CALLED = these("sqrt sin cos tan log ln max min gcd lcm floor ceil abs")
"""Words that are functions if a bracket follows."""
_OF_SEVERAL = these("gcd lcm max min")
_INFIX = {"x": "*", "of": "*", "times": "*", "mod": r"\bmod", "choose": r"\choose"}
"""Words between two values, with their operators."""
_TOUCHING = these("of plus minus times percent than by")
"""Words that connect the value after them with the text before them."""
_MOST_WORDS = 3
"""Words of a unit."""
_CENTS = 2
"""Number of decimals of a sum of money."""
_ATOM = re.compile(rf"\(?-?(?:\d+/\d+|{FRACTION}\{{\d+\}}\{{\d+\}})\)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Expression:
    """A part of a side that is arithmetic, without the words of units."""

    text: str
    """The expression as text for the grader's parser."""
    first: int
    last: int
    """Indices of its first token and of the token after its last."""
    units: tuple[str, ...]
    """The units of its numbers, in order."""
    operators: int
    money: bool
    """Whether it is a sum of money, whose decimals are not rounded."""
    first_operand: str
    """The text before its first operator in prose: `52` of `52 + 2 * 12`; else empty."""
    atomic: bool
    """Whether it is a single number or fraction, without a calculation."""
    readable: bool
    """False if something next to it is not arithmetic, such as a variable."""


def expressions(side: Sequence[SolutionToken], *, is_right: bool = False) -> list[Expression]:
    """Return the arithmetic of a side in order, each expression as long as possible.

    Args:
        side: the tokens before or after a relation.
        is_right: whether they are after one.
    """
    found: list[Expression] = []
    if not any(token.kind == "num" or token.text == r"\pi" for token in side):
        return found
    start = 0
    while start < len(side):
        parser = _Parser(side, start, is_right=is_right)
        if (expression := parser.read()) is not None:
            found.append(expression)
        start = max(parser.at, start + 1)
    return found


class _Parser:
    """The parser of one expression, token by token."""

    def __init__(self, side: Sequence[SolutionToken], start: int, *, is_right: bool) -> None:
        self.side = side
        self.is_right = is_right
        self.first = self.at = start
        self.parts: list[str] = []
        self.units: list[str] = []
        self.operators = 0
        self.money = self.finer_than_cents = False
        """Whether it is a sum of money, and whether it has decimals finer than cents."""
        self.first_operand = ""
        before = self.ahead(-1)
        self.readable = before is None or (
            before.kind in {"word", "label", "remark"} and _words(before) not in _TOUCHING
        )
        self.expects_value = True
        """Whether a value must come next."""
        self.brackets: list[bool] = []
        """For each open bracket, whether commas separate arguments in it."""

    def read(self) -> Expression | None:
        """Return the expression that begins at the current token, or None."""
        while (token := self.ahead()) is not None:
            here = self.at
            if not _RULES[token.kind](self, token):
                break
            # A rule may consume several tokens.
            self.at += self.at == here
        if not self.parts:
            return None
        text = "".join(self.parts)
        return Expression(
            text=" ".join(self.parts),
            first=self.first,
            last=self.at,
            units=tuple(self.units),
            operators=self.operators,
            money=self.money and not self.finer_than_cents,
            first_operand=self.first_operand,
            atomic=not self.operators or _ATOM.fullmatch(text) is not None,
            readable=self.readable and not self.expects_value and not self.brackets,
        )

    def ahead(self, count: int = 0) -> SolutionToken | None:
        """Return the token at an offset from the current one, or None beyond either end."""
        place = self.at + count
        return self.side[place] if 0 <= place < len(self.side) else None

    # Each rule returns whether its token belongs to the expression.

    def number(self, token: SolutionToken) -> bool:
        """Read a number, or the fraction of a mixed one."""
        if not self.expects_value and not self._is_mixed():
            return self.stop()
        self.parts.append(re.sub(r",|\{,\}|\\,", "", token.text))
        self.finer_than_cents |= len(token.text.partition(".")[2]) > _CENTS
        self.expects_value = False
        return True

    def _is_mixed(self) -> bool:
        """Return whether a number is the numerator in `2 3/4`."""
        whole, slash, under = self.ahead(-1), self.ahead(1), self.ahead(2)
        if whole is None or slash is None or under is None:
            return False
        return whole.text.isdecimal() and slash.text == "/" and under.kind == "num"

    def stop(self) -> bool:
        """End the expression; within brackets it continues, but cannot be calculated."""
        if self.brackets:
            self.readable = self.expects_value = False
        return bool(self.brackets)

    def foreign(self, token: SolutionToken) -> bool:
        """Read something that is not arithmetic: what is next to it cannot be calculated."""
        self.parts.append(token.text)
        self.readable = self.expects_value = False
        return True

    def remark(self, token: SolutionToken) -> bool:
        """Read words in brackets: a remark, or a factor if no space precedes them in a formula."""
        before = self.ahead(-1)
        if token.formula and before is not None and before.end == token.start:
            return self.foreign(token)
        return True

    def operator(self, token: SolutionToken) -> bool:
        """Read an operator between two values, or a sign before one."""
        if self.expects_value:
            is_sign = token.text in _SIGNS and (bool(self.parts) or not self.at)
            self.readable &= is_sign or token.text == "√"
            self.parts.append(_UNARY.get(token.text) or _OPERATORS.get(token.text, "-"))
            return True
        follows = self.ahead(1)
        if token.text == "/" and follows is not None and follows.kind in {"word", "label"}:
            self._per(follows)
            return True
        sign = _OPERATORS.get(token.text, token.text)
        # 7.5 / 1/2 is ambiguous.
        self.readable &= not (sign == "/" and self.parts[-2:-1] == ["/"])
        if not self.operators and not self.brackets and not token.formula:
            self.first_operand = "".join(self.parts)
        return self._operate(sign)

    def _per(self, unit: SolutionToken) -> None:
        """Read the unit after a slash, as in 5 pages/day."""
        letter = unit.kind == "word" and (unit.formula or is_variable(unit))
        if letter or unit.text.lower() in _CALLED:
            self.readable = False
        self.units.append("/" + _words(unit))
        self.at += 2

    def _operate(self, sign: str) -> bool:
        self.parts.append(sign)
        self.operators += 1
        self.expects_value = True
        return True

    def mark(self, token: SolutionToken) -> bool:
        """Read a mark after a value, such as per cent."""
        if self.expects_value:
            return self.foreign(token)
        self.parts.append(token.text)
        self.operators += token.text in "!²³"
        return True

    def currency(self, token: SolutionToken) -> bool:
        """Read the sign of a currency, which is a unit before its number."""
        del token
        follows = self.ahead(1)
        begins = follows is not None and follows.kind in {"num", "open"}
        if not self.expects_value and not self.brackets and begins:
            return False
        self.money = True
        return True

    def opening(self, token: SolutionToken) -> bool:
        """Read a bracket; one after a value multiplies it."""
        before = self.ahead(-1)
        if not self.expects_value and before is not None:
            # `120 (100 + 20)` in prose: a remark that contains numbers.
            self.readable &= token.formula or before.end == token.start
            self.operators += token.kind == "open" and token.text != "{"
        self.brackets.append(before is not None and before.text.lstrip("\\") in _OF_SEVERAL)
        self.readable &= not token.text.startswith(r"\begin")
        self.operators += token.text in {r"\lfloor", r"\lceil"}
        self.parts.append("(" if token.kind == "edge" else token.text)
        self.expects_value = True
        return True

    def closing(self, token: SolutionToken) -> bool:
        """Read a closing bracket."""
        if not self.brackets:
            self.readable = False
            return False
        self.brackets.pop()
        self.readable &= not self.expects_value
        self.parts.append(")" if token.kind == "edge" else token.text)
        self.expects_value = False
        return True

    def edge(self, token: SolutionToken) -> bool:
        """Read the beginning or end of a formula, which is a bracket unless it follows a value."""
        if not token.formula:
            return self.closing(token)
        return self.opening(token) if self.expects_value else self.stop()

    def comma(self, token: SolutionToken) -> bool:
        """Read a comma between arguments."""
        self.readable &= bool(self.brackets) and self.brackets[-1]
        self.parts.append(token.text)
        self.expects_value = True
        return True

    def command(self, token: SolutionToken) -> bool:
        r"""Read a command: \pi, or one that is followed by a value."""
        if token.text == r"\pi":
            self._operate(token.text)
            self.expects_value = False
            return True
        if token.text in _PREFIXES or token.text.startswith(r"\log_"):
            return self._operate(token.text)
        return self.foreign(token)

    def word(self, token: SolutionToken) -> bool:
        """Read a word: an operator, a function, a variable, or a part of a unit."""
        low, follows = _words(token), self.ahead(1)
        if low in _INFIX and not self.expects_value and _begins_value(follows):
            # `3/(3 + 2) = 3/5 of 100` claims that the left side is 3/5.
            self.readable &= not (low == "of" and self.is_right)
            return self._operate(_INFIX[low])
        if low in _CALLED and follows is not None and follows.text == "(":
            return self._operate(low if low == "abs" else f"\\{low}")
        if token.kind == "word" and is_variable(token):
            return self.foreign(token)
        if self.brackets:
            return self._unit() or self.foreign(token)
        if self.expects_value:
            self.readable &= not self.parts
            return False
        return self._unit()

    def _unit(self) -> bool:
        """Skip the words of a unit; return False if they are not a unit."""
        if self.expects_value:
            return False
        count = 0
        names = []
        while (token := self.ahead(count)) is not None and token.kind in {"word", "label"}:
            name = _words(token)
            count += 1
            if count > _MOST_WORDS or not NEVER_COUNTED.isdisjoint(name.split()):
                return False
            if re.search(r"[\d=]", name) or (token.kind == "word" and is_variable(token)):
                return False
            names.append(name)
        self.units += names
        self.at += count
        self._skip_power()
        return True

    def _skip_power(self) -> None:
        """Skip the power of a unit, as in cm^3."""
        power, exponent, closer = self.ahead(), self.ahead(1), self.ahead(3)
        if power is not None and power.text in {"²", "³"}:
            self.at += 1
        elif power is not None and power.text == "^" and exponent is not None:
            if exponent.kind == "num":
                self.at += 2
            elif exponent.text == "{" and closer is not None and closer.text == "}":
                self.at += 4


_RULES: Mapping[str, Callable[[_Parser, SolutionToken], bool]] = {
    "num": _Parser.number,
    "op": _Parser.operator,
    "post": _Parser.mark,
    "money": _Parser.currency,
    "open": _Parser.opening,
    "close": _Parser.closing,
    "edge": _Parser.edge,
    "sep": _Parser.comma,
    "cmd": _Parser.command,
    "word": _Parser.word,
    "label": _Parser.word,
    "remark": _Parser.remark,
    "modulus": lambda *_: True,  # it applies to the whole chain
    "odd": _Parser.foreign,
}


def _words(token: SolutionToken) -> str:
    """Return the text of a label or word token, in lower case."""
    text = token.text
    if token.kind == "label":
        text = text[text.index("{") + 1 : -1]
    return text.strip(" ~.:").lower()


def _begins_value(token: SolutionToken | None) -> bool:
    if token is None:
        return False
    begins = token.kind in {"num", "money", "open"} or token.text in _PREFIXES
    return begins or (token.kind == "edge" and token.formula)
