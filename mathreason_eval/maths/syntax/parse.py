"""From tokens to a tree: one Pratt parser for the LaTeX and the plain text of answers.

It evaluates nothing, limits the depth of nesting, and reads each token a fixed number of times.
This module has the core; `operators`, `atoms` and `commands` define the constructs.
"""

from __future__ import annotations

from functools import lru_cache

from mathreason_eval.maths.syntax import atoms, commands, operators
from mathreason_eval.maths.syntax.cursor import Grammar, limit, spelled
from mathreason_eval.maths.syntax.lexer import Token, UnreadableError, tokens
from mathreason_eval.maths.syntax.operators import IMPLICIT, INFIX, LOOSEST, RELATION, SIGN, UNIT
from mathreason_eval.maths.syntax.tree import Node, num
from mathreason_eval.maths.vocabulary import words

LONGEST = 50_000
"""Maximum characters of an answer that is parsed."""
_MOST_ITEMS = 2000
_VALUES = frozenset({"num", "sym", "const", "fn", "open", "begin", "diff"})
_NOT_VALUES = frozenset({"pmod", "pod", "rightarrow", "not"})
_LONGEST_LABEL = 16
"""Maximum words of a label."""
_VERBS = words.these("is are was were equals has have had")
_DENIALS = words.these("not no never neither nor wrong false incorrect cannot isn don doesn than")
_INTRODUCING = frozenset({"that", ":"})
"""What may stand between a qualifier and its condition."""
_BRACKET = Token("open", "(")
_STRENGTHS = ("", "and", ",", "or", ";")
"""Separators of lists, the weakest first."""


@lru_cache(maxsize=4096)
def parse(text: str, *, grouped: bool = True) -> Node:
    """Return the tree of a normalised answer.

    Args:
        text: The result of `normalise`.
        grouped: Whether `1,234` outside brackets is one number.

    Raises:
        UnreadableError: if the text is not mathematics of this grammar, or exceeds its limits.
    """
    if len(text) > LONGEST:
        raise UnreadableError("a text longer than any answer")
    try:
        return Parser(tokens(text, grouped=grouped)).answer()
    except (ValueError, ArithmeticError) as error:
        raise UnreadableError(str(error)) from error


class Parser(Grammar):
    """One pass over the tokens of an answer."""

    def answer(self) -> Node:
        """Return the tree of the whole text."""
        self._skip_label()
        found = self.items()
        if self.sees("qual") or self.sees("open", "("):
            return self._qualified(found)
        if not self.sees("eof"):
            raise UnreadableError(f"what is {self.token.text!r} here?")
        return found

    def _qualified(self, found: Node) -> Node:
        """Return a value with all that is left, as words and, where it is one, as a condition."""
        told = " ".join(map(spelled, self.tokens[self.at :])).removesuffix("None").strip()
        condition = self._condition()
        self.at = len(self.tokens) - 1
        return Node("when", (found,) if condition is None else (found, condition), told)

    def _condition(self) -> Node | None:
        """Return the relations after a qualifier or in brackets, up to the end, or None."""
        bracketed = self.skip("open", "(")
        while self.sees("qual") or self.token.text.lower() in _INTRODUCING:
            self.at += 1
        try:
            found = self.items()
        except UnreadableError:
            return None
        if bracketed and not self.skip("close", ")"):
            return None
        parts = found.args if found.op == "list" else (found,)
        stated = all(part.op in {"rel", "sym"} for part in parts)
        return found if self.sees("eof") and stated and parts[-1].op == "rel" else None

    def _skip_label(self) -> None:
        """Consume `the answer is`, `Area =` and the like."""
        while count := self._label() or self._short_label():
            self.at += count

    def _label(self) -> int:
        """Return how many tokens announce a value: `Area =`, `the ratio is`, `vertex` (1, 2)."""
        label = 0
        while self.sees("word", ahead=label) and self.ahead(label).text.lower() not in _DENIALS:
            label += 1
            if label > _LONGEST_LABEL:
                return 0
            if self.ahead(label - 1).text.lower() in _VERBS:
                return label
        if not label:
            return 0
        if self.ahead(label).text in {"=", ":"}:
            return label + 1
        rest = self.tokens[self.at + label :]
        pair = rest[:1] == [_BRACKET] and any(t.text == "," for t in rest[1:])
        known = self.ahead(label - 1).text.lower() in words.PLACES
        return label if pair and known else 0

    def _short_label(self) -> int:
        """Return the length of a sign, a Chinese word or a curve's name, as in `l: y = 2x`."""
        chinese = self.token.kind == "word" and self.token.text.endswith(("是", "为"))
        if not chinese and self.token.text in {"l", "L", "C", "E"} and self.sees("op", ":", 1):
            rest = self.tokens[self.at + 2 :]
            if any(t.kind == "rel" for t in rest) and not any(t.text == ":" for t in rest):
                return 2
        return int(chinese or self._is_filler() or self.token.text in {"=", "~"})

    def _is_filler(self) -> bool:
        """Return whether a word without meaning comes next, such as `only`."""
        return self.token.kind == "word" and self.token.text.lower() in words.FILLERS

    def items(self) -> Node:
        """Return everything before a closing bracket or the end: one node, or a list."""
        found: list[Node] = []
        marks: list[str] = []
        while True:
            found.append(self.expression(LOOSEST))
            limit(len(found), _MOST_ITEMS)
            mark = ""
            while self.token.kind in {"sep", "and", "or"}:
                mark = max(mark, self.take().text, key=_STRENGTHS.index)
            if not mark or self.token.kind in {"eof", "qual", "close"}:
                break
            marks.append(mark)
        return _grouped(found, marks)

    def expression(self, least: int) -> Node:
        """Return the longest expression whose operators have at least this binding power."""
        self.nest()
        left = self.prefix()
        while (power := self.binding(left)) >= least and power:
            left = self._infix(left, power)
        self.depth -= 1
        return left

    def binding(self, left: Node) -> int:
        """Return the binding power of the next operator; 0 if no operator comes next."""
        kind, text = self.token.kind, self.token.text
        if kind == "op":
            return self._operator_binding(text)
        if kind in {"rel", "word", "money"}:
            return RELATION if kind == "rel" else UNIT
        if kind == "cmd":
            return RELATION if text in _NOT_VALUES else IMPLICIT
        if kind == "open" and text == "(" and self.sees("op", "mod", ahead=1):
            return RELATION
        ends = (kind == "fn" and self.bare) or (kind == "num" and left.op == "num")
        ends = ends or (text == "[" and self.ahead(1).kind in {"eof", "op"})  # as in ]0, 1[
        return IMPLICIT if kind in _VALUES and not ends else 0

    def _operator_binding(self, text: str) -> int:
        if text == "|":
            return 0 if self.bars or self.builder else IMPLICIT
        if text == "/" and self.sees("word", ahead=1):
            return UNIT
        return 0 if text == ":" and self.builder else INFIX.get(text, 0)

    def _infix(self, left: Node, power: int) -> Node:
        """Return `left` combined with the operator that comes next and what follows it."""
        if power == IMPLICIT:
            return operators.product(self, left)
        if power == UNIT:
            return operators.quantity(self, left)
        if power == RELATION:
            relates = self.token.kind == "rel"
            return operators.relation(self, left) if relates else operators.modulus(self, left)
        return operators.combined(self, left, self.token.text)

    def prefix(self) -> Node:
        """Return the next atom, or the next signed or bracketed expression."""
        while self._is_filler():
            self.at += 1
        token = self.take()
        rule = _PREFIXES.get(token.kind)
        if rule is None:
            raise UnreadableError(f"{token.text or token.kind!r} begins no expression")
        if token.value is not None:
            return num(token.value, token.text if token.text != "mixed" else "")
        return rule(self, token.text)


_PREFIXES = {
    "num": lambda _, text: Node("num", (), text),
    "sym": atoms.name,
    "const": lambda _, text: Node("const", (), text),
    "op": atoms.signed,
    "diff": lambda _, text: Node("d", (), text),
    "money": lambda parser, text: Node("quantity", (parser.expression(SIGN),), text),
    "open": atoms.group,
    "fn": atoms.function,
    "cmd": commands.command,
    "begin": commands.table,
    "close": atoms.reversed_interval,
}


def _grouped(found: list[Node], marks: list[str]) -> Node:
    """Return items as one node: a list of lists if there are two kinds of separators."""
    if not marks:
        return found[0]
    strongest = max(marks, key=_STRENGTHS.index)
    # In `2, 3 or 4` the last separator of one flat list is a word.
    flat = marks.count(strongest) == 1 and marks[-1] == strongest == "or"
    flat = flat and not all(node.op == "rel" for node in found)
    if strongest in {";", "or"} and len(set(marks)) > 1 and not flat:
        groups: list[list[Node]] = [[found[0]]]
        for mark, node in zip(marks, found[1:], strict=True):
            if mark == strongest:
                groups.append([node])
            else:
                groups[-1].append(node)
        outer = tuple(g[0] if len(g) == 1 else Node("list", tuple(g), ",") for g in groups)
        return Node("list", outer, strongest)
    return Node("list", tuple(found), strongest)
