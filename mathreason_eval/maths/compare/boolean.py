r"""Formulas of logic and of sets, compared by their truth tables; probabilities of events.

`\neg(p \land q)` is `\neg p \lor \neg q`, `(A \cup B)^c` is `A^c \cap B^c`. A probability is the
sum of those of the cells of the events' diagram, so that `P(A \cup B)` is
`P(A) + P(B) - P(A \cap B)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from mathreason_eval.maths.compare.comparison import Finding, different, equal, same_value
from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.parse import parse

_LONGEST = 200
_MOST_LETTERS = 6
"""Maximum number of letters: a table then has 64 lines."""
_DEEPEST = 20

Table = tuple[bool, ...]
"""Whether a formula holds, for each way in which its letters can."""

_COMMON = {"(": "(", ")": ")", "[": "(", "]": ")", "{": "(", "}": ")"}
_OF_LOGIC = {
    **dict.fromkeys((r"\neg", r"\lnot", r"\sim"), "not"),
    **dict.fromkeys((r"\land", r"\wedge"), "and"),
    **dict.fromkeys((r"\lor", r"\vee"), "or"),
    **dict.fromkeys((r"\oplus", r"\veebar"), "xor"),
    **dict.fromkeys((r"\to", r"\rightarrow", r"\implies", r"\Rightarrow", "->", "=>",
                     r"\Longrightarrow", r"\longrightarrow"), "if"),
    **dict.fromkeys((r"\leftrightarrow", r"\iff", r"\Leftrightarrow", "<->", "<=>",
                     r"\Longleftrightarrow", r"\longleftrightarrow"), "iff"),
}  # fmt: skip
_OF_SETS = {
    r"\cap": "and", r"\cup": "or",
    **dict.fromkeys((r"\setminus", r"\backslash", "-"), "without"),
    **dict.fromkeys((r"\triangle", r"\bigtriangleup", r"\Delta", r"\ominus"), "xor"),
    **dict.fromkeys(("^c", "^C", "'", r"^\complement", r"^\mathsf{c}"), "complement"),
}  # fmt: skip
_JOINS: dict[str, tuple[int, Callable[[bool, bool], bool]]] = {
    "iff": (1, lambda one, other: one == other),
    "if": (2, lambda one, other: not one or other),
    "or": (3, lambda one, other: one or other),
    "xor": (3, lambda one, other: one != other),
    "without": (4, lambda one, other: one and not other),
    "and": (4, lambda one, other: one and other),
}
"""How tightly a connective binds, and its truth table."""
_OF_TWO = frozenset({"if", "iff", "without"})
"""Connectives of which two in a row are not understood."""
_TOKEN = re.compile(
    r"\s*(?:\^\s*\{\s*(?P<raised>[cC]|\\complement)\s*\}|(?P<sign>\^\s*\\complement|\^\s*[cC]|<->|<=>|->"
    r"|=>|[-'()\[\]{}])|(?P<bar>\\(?:overline|bar|widebar)(?![a-zA-Z]))|(?P<command>\\[a-zA-Z]+)"
    r"|(?P<letter>[a-zA-Z](?:_(?:\w|\{\w{1,3}\}))?)(?![a-zA-Z]))"
)


_SIZED = re.compile(r"\\(?:left|right)(?![a-zA-Z])")


class _Formula(NamedTuple):
    letters: frozenset[str]
    joins: int
    holds: Callable[[dict[str, bool]], bool]


class _NoFormulaError(ValueError):
    """The text is no formula of logic or of sets alone."""


def same_formula(gold: str, answer: str) -> Finding | None:
    """Compare two formulas of logic, or of sets; None unless both are, and one has a connective."""
    if not (_has_connective(gold) or _has_connective(answer)):
        return None
    for signs in (_OF_LOGIC, _OF_SETS):
        one, other = _formula(gold, signs), _formula(answer, signs)
        if one is None or other is None or not one.joins + other.joins:
            continue
        letters = sorted(one.letters | other.letters)
        if len(letters) > _MOST_LETTERS:
            return None
        if _table(one, letters) == _table(other, letters):
            return equal("truth table", "they hold in the same cases")
        return different("truth table", "they do not hold in the same cases")
    return None


_CONNECTIVE = re.compile(
    r"\\(?:neg|lnot|sim|land|wedge|lor|vee|oplus|veebar|to|(?:long)?rightarrow|implies|(?:Long)?[Rr]ightarrow"
    r"|iff|(?:Long|long)?(?:l|L)eftrightarrow|cap|cup|setminus|backslash|triangle|complement)(?![a-zA-Z])"
    r"|[A-Z]\s*\^\s*\{?\s*[cC]\b|->|=>"
)


def _has_connective(text: str) -> bool:
    return len(text) <= _LONGEST and _CONNECTIVE.search(text) is not None


def _table(formula: _Formula, letters: list[str]) -> Table:
    rows = product((False, True), repeat=len(letters))
    return tuple(formula.holds(dict(zip(letters, row, strict=True))) for row in rows)


def _formula(text: str, signs: dict[str, str]) -> _Formula | None:
    """Return a text as a formula with the connectives of logic or of sets, or None."""
    try:
        reader = _Reader(_tokens(text, {**_COMMON, **signs}))
        found = reader.formula(0)
    except _NoFormulaError:
        return None
    return found if reader.at == len(reader.tokens) else None


def _tokens(text: str, signs: dict[str, str]) -> list[tuple[str, str]]:
    if len(text) > _LONGEST:
        raise _NoFormulaError("too long")
    tokens: list[tuple[str, str]] = []
    place, text = 0, _SIZED.sub("", text)
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _NoFormulaError(text[place:])
        place = found.end()
        if found["letter"]:
            tokens.append(("letter", found["letter"].replace("{", "").replace("}", "")))
            continue
        written = f"^{found['raised']}" if found["raised"] else "".join(found[0].split())
        kind = "bar" if found["bar"] else signs.get(written, "")
        if not kind:
            raise _NoFormulaError(written)
        tokens.append((kind, written))
    return tokens


class _Reader:
    """Reads the tokens of a formula, by the binding power of its connectives."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    def kind(self) -> str:
        """Return the kind of the next token, or "" at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> tuple[str, str]:
        """Return the next token and go on."""
        if self.at >= len(self.tokens):
            raise _NoFormulaError("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def formula(self, least: int) -> _Formula:
        """Return the formula that begins here, of connectives that bind at least so tightly."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _NoFormulaError("nested too deeply")
        left = self.part()
        while (join := _JOINS.get(self.kind())) is not None and join[0] >= least:
            written = self.take()[0]
            right = self.formula(join[0] + 1)
            left = _joined(left, right, join[1])
            following = _JOINS.get(self.kind())
            if following is None or following[0] != join[0]:
                continue
            # `A \to B \to C` may be a path, and of mixed signs of one strength none is first.
            if self.kind() != written or written in _OF_TWO:
                raise _NoFormulaError("it can be read in two ways")
        self.depth -= 1
        return left

    def part(self) -> _Formula:
        """Return a letter, a denial or a formula in brackets, with what marks its complement."""
        kind, written = self.take()
        if kind == "letter":
            found = _Formula(frozenset([written]), 0, lambda row: row[written])
        elif kind == "not":
            return _denied(self.part())
        elif kind == "bar":
            found = _denied(self.part())  # a letter, or what is in braces
        elif kind == "(":
            found = self.formula(0)
            if self.take()[0] != ")":
                raise _NoFormulaError("a bracket that is not closed")
        else:
            raise _NoFormulaError(written)
        while self.kind() == "complement":
            self.take()
            found = _denied(found)
        return found


def _denied(formula: _Formula) -> _Formula:
    return _Formula(formula.letters, formula.joins + 1, lambda row: not formula.holds(row))


def _joined(left: _Formula, right: _Formula, join: Callable[[bool, bool], bool]) -> _Formula:
    return _Formula(
        left.letters | right.letters,
        left.joins + right.joins + 1,
        lambda row: join(left.holds(row), right.holds(row)),
    )


# --- probabilities -------------------------------------------------------------------------------

_PROBABILITY = re.compile(
    r"(?:\\Pr|\\mathbb\{P\}|\\mathrm\{P\}|(?<![a-zA-Z\\])P)\s*(?:\\left)?[(\[]"
)
_GIVEN = re.compile(r"\\mid(?![a-zA-Z])|\\vert(?![a-zA-Z])|\\,?\||\|")
_CLOSING = re.compile(r"[()\[\]]")


def same_probability(gold: str, answer: str) -> Finding | None:
    """Return a positive finding if two expressions in probabilities of events are one, else None.

    Nothing is assumed of the events, so that what differs may be equal for those of a problem.
    """
    texts = gold, answer
    if max(map(len, texts)) > _LONGEST or not all(map(_PROBABILITY.search, texts)):
        return None
    split = [_events(text) for text in texts]
    events = [event for parts in split if parts for event in parts[1::2]]
    if None in split or not any(map(_is_compound, events)):
        return None
    try:
        formulas = {event: _conditional(event) for event in events}
    except _NoFormulaError:
        return None
    letters = sorted({name for pair in formulas.values() for part in pair for name in part.letters})
    if len(letters) > _MOST_LETTERS:
        return None
    try:
        trees = [parse(_in_cells(parts or [], formulas, letters)) for parts in split]
    except UnreadableError:
        return None
    found = same_value(trees[0], trees[1])
    return equal("events", "the same of all events") if found.equal else None


def _is_compound(event: str) -> bool:
    return _has_connective(event) or _GIVEN.search(event) is not None or "'" in event


def _events(text: str) -> list[str] | None:
    """Return a text split at its probabilities: every second part is an event."""
    parts, place = [], 0
    for found in _PROBABILITY.finditer(text):
        if found.start() < place:
            return None
        depth, end = 1, found.end()
        for bracket in _CLOSING.finditer(text, found.end()):
            depth += 1 if bracket[0] in "([" else -1
            if not depth:
                end = bracket.start()
                break
        if depth:
            return None
        parts += [text[place : found.start()], text[found.end() : end].removesuffix(r"\right")]
        place = end + 1
    return [*parts, text[place:]]


def _conditional(event: str) -> tuple[_Formula, ...]:
    """Return an event, or an event and what is given."""
    found = tuple(_formula(part, _OF_SETS) for part in _GIVEN.split(event))
    if len(found) > 2 or None in found:  # noqa: PLR2004 - an event and its condition
        raise _NoFormulaError(event)
    return tuple(part for part in found if part is not None)


def _in_cells(
    parts: list[str], formulas: dict[str, tuple[_Formula, ...]], letters: list[str]
) -> str:
    """Return an expression with each probability as the sum of those of the diagram's cells."""
    written = [
        part if index % 2 == 0 else _of_cells(formulas[part], letters)
        for index, part in enumerate(parts)
    ]
    return "".join(written)


def _of_cells(event: tuple[_Formula, ...], letters: list[str]) -> str:
    tables = [_table(part, letters) for part in event]
    if len(tables) == 1:
        return f" ({_sum(tables[0])}) "
    both = tuple(one and other for one, other in zip(*tables, strict=True))
    return rf" \frac{{{_sum(both)}}}{{{_sum(tables[1])}}} "


def _sum(table: Table) -> str:
    """Return the probability of some cells; that of the first is what the others leave of 1."""
    cells = [f"w_{{{index}}}" for index, holds in enumerate(table) if holds and index]
    others = [f"w_{{{index}}}" for index in range(1, len(table))]
    first = ["1", *(f"(-{cell})" for cell in others)] if table[0] else []
    return "+".join([*first, *cells]) or "0"
