r"""LaTeX formulas as MathML, without a script or a font; what cannot be converted stays source.

The formulas are models' and questions' own. A conversion is linear in the length, bounded in
length, depth and elements, and every character that it writes is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from mathreason_eval.site.latex_symbols import (
    ACCENTS,
    BLACKBOARD,
    FENCES,
    FUNCTIONS,
    LETTERS,
    LIMITS,
    NAMED_LIMITS,
    OPERATORS,
    SPACES,
    TEXTS,
    WITH_COLUMNS,
    WRAPPERS,
)
from mathreason_eval.text import visible

MOST_CHARACTERS, _MOST_ELEMENTS, _DEEPEST = 1_500, 500, 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Formula:
    """A converted formula."""

    markup: str
    elements: int


_LONG = 60
"""Characters of a formula that may be wider than a phone."""
_TOKEN = re.compile(
    r"\\[A-Za-z]+\*?|\\.|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\s+|.", re.DOTALL
)


@lru_cache(maxsize=4096)
def mathml(source: str, *, display: bool = False) -> Formula | None:
    """Return a formula as MathML; None if it cannot be converted.

    Args:
        source: LaTeX without its dollars.
        display: whether it stands in a line of its own.
    """
    if len(source) > MOST_CHARACTERS or not source.strip():
        return None
    parser = _Parser(_TOKEN.findall(source), display=display)
    try:
        row = parser.row(())
    except _UnknownLatexError:
        return None
    kind = ' display="block"' if display else ""
    # One that may be wider than a phone scrolls by itself, and by key.
    kind += ' class="long" tabindex="0"' if len(source) > _LONG else ""
    spelled = escape(visible(" ".join(source.split())))
    return Formula(
        markup=f'<math{kind} alttext="{spelled}">{row}</math>', elements=parser.elements + 1
    )


class _UnknownLatexError(Exception):
    """Something that has no conversion here."""


_PLAIN_OPERATORS = frozenset("+-*/=<>()[]|,;:!.?%~\u2212\u00b7\u00d7\u00f7\u2264\u2265\u2260\u00b1")
_ESCAPED = {
    "\\{": "{",
    "\\}": "}",
    "\\|": "‖",
    "\\%": "%",
    "\\$": "$",
    "\\#": "#",
    "\\&": "&",
    "\\_": "_",
}
_SPELLED = {"-": "\N{MINUS SIGN}", "*": "\N{ASTERISK OPERATOR}", "~": "\N{NO-BREAK SPACE}"}
_SCRIPTS = frozenset(["^", "_", "'"])
_FRACTIONS = frozenset(["frac", "dfrac", "tfrac", "cfrac"])


class _Parser:
    """Reads tokens from left to right; every step takes one or ends."""

    def __init__(self, tokens: Sequence[str], *, display: bool) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self._display = display
        self.elements = 0

    def row(self, ends: Sequence[str]) -> str:
        """Return what stands before one of the tokens at which a row ends, as one element."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnknownLatexError
        items: list[str] = []
        while (sign := self._peek()) is not None and sign not in ends:
            if (item := self._scripted()) is not None:
                items.append(item)
        if ends and sign is None:
            raise _UnknownLatexError
        self._depth -= 1
        return items[0] if len(items) == 1 else self._element("mrow", *items)

    # --- tokens --------------------------------------------------------------------------

    def _peek(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self) -> str:
        if self._place >= len(self._tokens):
            raise _UnknownLatexError
        self._place += 1
        return self._tokens[self._place - 1]

    def _skip_space(self) -> None:
        while (sign := self._peek()) is not None and sign.isspace():
            self._place += 1

    def _expect(self, sign: str) -> None:
        if self._take() != sign:
            raise _UnknownLatexError

    def _element(self, tag: str, *children: str, attributes: str = "") -> str:
        self.elements += 1
        if self.elements > _MOST_ELEMENTS:
            raise _UnknownLatexError
        return f"<{tag}{attributes}>{''.join(children)}</{tag}>"

    def _leaf(self, tag: str, text: str, attributes: str = "") -> str:
        return self._element(tag, escape(visible(text)), attributes=attributes)

    # --- atoms ---------------------------------------------------------------------------

    def _scripted(self) -> str | None:
        """Return the next atom with its indices; None for a space."""
        first = self._peek()
        base = self._element("mrow") if first in _SCRIPTS else self._atom()
        if base is None:
            return None
        below: str | None = None
        above: str | None = None
        while self._comes_script():
            sign = self._take()
            script = self._primes() if sign == "'" else self._argument()
            if sign != "_":
                above = script if above is None else self._element("mrow", above, script)
            elif below is None:
                below = script
            else:
                raise _UnknownLatexError
        return self._with_scripts(base, below, above, stacked=self._is_stacked(first))

    def _comes_script(self) -> bool:
        """Return whether an index comes next, perhaps after a space."""
        place = self._place
        self._skip_space()
        if self._peek() in _SCRIPTS:
            return True
        self._place = place
        return False

    def _primes(self) -> str:
        marks = 1
        while self._peek() == "'":
            marks += 1
            self._take()
        return self._leaf("mo", "\N{PRIME}" * marks)

    def _is_stacked(self, sign: str | None) -> bool:
        name = (sign or "").removeprefix("\\")
        return name in NAMED_LIMITS or (self._display and name in LIMITS)

    def _with_scripts(
        self, base: str, below: str | None, above: str | None, *, stacked: bool
    ) -> str:
        under, over, both = (
            ("munder", "mover", "munderover") if stacked else ("msub", "msup", "msubsup")
        )
        if below is not None and above is not None:
            return self._element(both, base, below, above)
        if below is not None:
            return self._element(under, base, below)
        return base if above is None else self._element(over, base, above)

    def _argument(self) -> str:
        """Return one argument of a command: a group, or a single atom."""
        self._skip_space()
        if self._peek() == "{":
            return self._group()
        sign = self._peek()
        if sign is not None and sign.isdigit() and len(sign) > 1:
            # In LaTeX an argument without braces is one digit.
            self._tokens = [*self._tokens[: self._place], *sign, *self._tokens[self._place + 1 :]]
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnknownLatexError
        found = self._atom()
        self._depth -= 1
        if found is None:
            raise _UnknownLatexError
        return found

    def _group(self) -> str:
        self._expect("{")
        inner = self.row(("}",))
        self._expect("}")
        return inner

    def _atom(self) -> str | None:
        sign = self._peek()
        if sign == "{":
            return self._group()
        self._take()
        assert sign is not None, "there is one to take"
        if sign.isspace():
            return None
        if sign[0].isdigit():
            return self._leaf("mn", sign)
        if sign in _PLAIN_OPERATORS:
            fence = ' stretchy="false"' if sign in "()[]|" else ""
            return self._leaf("mo", _SPELLED.get(sign, sign), fence)
        if sign in _ESCAPED:
            return self._leaf("mo", _ESCAPED[sign], ' stretchy="false"')
        if sign.startswith("\\"):
            return self._command(sign)
        if sign in "{}&^_$#\\":
            raise _UnknownLatexError
        return self._leaf("mi", sign)

    def _command(self, sign: str) -> str | None:
        name = sign[1:]
        if name in SPACES:
            return self._leaf("mspace", "", ' width="1em"') if name.endswith("quad") else None
        if name in LETTERS:
            return self._leaf("mi", LETTERS[name])
        if name in OPERATORS:
            return self._leaf("mo", OPERATORS[name], ' stretchy="false"')
        if name in LIMITS:
            return self._leaf("mo", LIMITS[name])
        if name in FUNCTIONS or name in NAMED_LIMITS:
            return self._leaf("mi", name)
        return self._structure(name)

    def _structure(self, name: str) -> str:
        """Return a command that has arguments."""
        if name in _FRACTIONS:
            return self._element("mfrac", self._argument(), self._argument())
        if name in TEXTS:
            return self._text()
        if name in WRAPPERS:
            return self._argument()
        if name in ACCENTS:
            return self._element(
                "mover",
                self._argument(),
                self._leaf("mo", ACCENTS[name]),
                attributes=' accent="true"',
            )
        special = {
            "sqrt": self._root, "left": self._fenced, "begin": self._environment,
            "binom": self._binomial, "dbinom": self._binomial, "tbinom": self._binomial,
            "mathbb": self._blackboard, "pmod": self._modulus, "bmod": self._mod, "mod": self._mod,
            "underline": self._underlined, "not": self._negated,
        }.get(name)  # fmt: skip
        if special is None:
            raise _UnknownLatexError
        return special()

    # --- structures ----------------------------------------------------------------------

    def _text(self) -> str:
        self._skip_space()
        if self._peek() != "{":
            return self._leaf("mtext", self._plain(self._take()))
        self._take()
        parts: list[str] = []
        depth = 1
        while depth:
            sign = self._take()
            depth += (sign == "{") - (sign == "}")
            if depth:
                parts.append("" if sign in {"{", "}"} else self._plain(sign))
        text = "".join(parts)
        # White space at the ends of a text is dropped by browsers.
        edge = "\N{NO-BREAK SPACE}"
        spaced = f"{edge * text[:1].isspace()}{text.strip()}{edge * text[-1:].isspace()}"
        return self._leaf("mtext", spaced)

    def _plain(self, sign: str) -> str:
        if sign in _ESCAPED:
            return _ESCAPED[sign]
        if sign.startswith("\\"):
            if sign[1:] in SPACES:
                return " "
            raise _UnknownLatexError
        if sign == "$":
            raise _UnknownLatexError
        return "\N{NO-BREAK SPACE}" if sign == "~" else sign

    def _root(self) -> str:
        self._skip_space()
        if self._peek() != "[":
            return self._element("msqrt", self._argument())
        self._take()
        degree = self.row(("]",))
        self._expect("]")
        return self._element("mroot", self._argument(), degree)

    def _delimiter(self) -> str:
        self._skip_space()
        sign = self._take()
        if sign == ".":
            return ""
        if sign in {"(", ")", "[", "]", "|", "/", "<", ">"}:
            text = sign
        elif sign in _ESCAPED:
            text = _ESCAPED[sign]
        elif sign[1:] in OPERATORS:
            text = OPERATORS[sign[1:]]
        else:
            raise _UnknownLatexError
        return self._leaf("mo", text, ' stretchy="true" fence="true"')

    def _fenced(self) -> str:
        opening = self._delimiter()
        inner = self.row(("\\right",))
        self._expect("\\right")
        return self._element("mrow", opening, inner, self._delimiter())

    def _binomial(self) -> str:
        fraction = self._element(
            "mfrac", self._argument(), self._argument(), attributes=' linethickness="0"'
        )
        return self._element("mrow", self._leaf("mo", "("), fraction, self._leaf("mo", ")"))

    def _name(self) -> str:
        """Return a group as a name."""
        self._skip_space()
        self._expect("{")
        parts: list[str] = []
        while (sign := self._take()) != "}":
            parts.append(sign)
        return "".join(parts)

    def _blackboard(self) -> str:
        name = self._name() if self._peek() == "{" else self._take()
        if name not in BLACKBOARD:
            raise _UnknownLatexError
        return self._leaf("mi", BLACKBOARD[name])

    def _modulus(self) -> str:
        inner = self._argument()
        opening, closing = self._leaf("mo", "("), self._leaf("mo", ")")
        word = self._leaf("mtext", "mod\N{NO-BREAK SPACE}")
        return self._element("mrow", opening, word, inner, closing)

    def _mod(self) -> str:
        return self._leaf("mo", "mod")

    def _underlined(self) -> str:
        return self._element("munder", self._argument(), self._leaf("mo", "_"))

    def _negated(self) -> str:
        negated = {"=": "≠", "\\in": "∉", "<": "≮", ">": "≯", "\\equiv": "≢", "\\subset": "⊄"}
        self._skip_space()
        sign = self._take()
        if sign not in negated:
            raise _UnknownLatexError
        return self._leaf("mo", negated[sign])

    def _environment(self) -> str:
        name = self._name()
        if name not in FENCES:
            raise _UnknownLatexError
        if name in WITH_COLUMNS:
            self._name()
        rows = [list[str]()]
        while True:
            rows[-1].append(self._element("mtd", self.row(("&", "\\\\", "\\end"))))
            end = self._take()
            if end == "\\end":
                break
            if end == "\\\\":
                rows.append([])
                self._skip_row_space()
        if self._name() != name:
            raise _UnknownLatexError
        table = self._element("mtable", *(self._element("mtr", *row) for row in rows))
        fences = FENCES[name]
        if not fences:
            return table
        opening = self._leaf("mo", fences[0])
        closing = self._leaf("mo", fences[1]) if len(fences) > 1 else ""
        return self._element("mrow", opening, table, closing)

    def _skip_row_space(self) -> None:
        r"""Skip the space that is asked for between two rows: `\\[2mm]`."""
        self._skip_space()
        if self._peek() == "[":
            while self._take() != "]":
                pass
