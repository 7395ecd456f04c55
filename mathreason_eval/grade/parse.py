"""From tokens to a tree: one Pratt parser for the LaTeX and the plain text of answers.

It evaluates nothing, nests no deeper than a fixed limit and looks at each token once.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from mathreason_eval.grade import tree, words
from mathreason_eval.grade.lexer import Token, UnreadableError, tokens
from mathreason_eval.grade.matrices import transposed
from mathreason_eval.grade.tree import MINUS_ONE, Node, call, num, sym
from mathreason_eval.grade.units import DEGREE, PERCENT, is_unit, scale_of, unit_of

LONGEST = 50_000
"""Characters of an answer that is still parsed."""
_DEEPEST = 60
_LONGEST_CHAIN = 60
"""Divisions, powers and marks that may follow each other; each is one level of the tree."""
_MOST_UNIT_WORDS = 5
_MOST_ITEMS, _MOST_FACTORS, _MOST_RELATIONS = 2000, 2000, 64

# How tightly an operator binds. Implicit multiplication binds tighter than a typed one, so that
# a/bc is a/(bc); a per cent or degree sign takes the whole product before it, as in 33 1/3 %.
_LOOSEST = 0
_RELATION, _SETS, _RATIO, _UNIT, _SUM, _MOD = 10, 20, 25, 28, 30, 35
_PRODUCT, _SIGN, _ARGUMENT, _MARK, _IMPLICIT, _POWER = 40, 42, 43, 44, 45, 60
_INFIX = {"cup": _SETS, "cap": _SETS, "setminus": _SETS, ":": _RATIO, "+": _SUM, "-": _SUM,
          "pm": _SUM, "mp": _SUM, "mod": _MOD, "*": _PRODUCT, "/": _PRODUCT, "%": _MARK,
          "deg": _MARK, "^": _POWER, "_": _POWER, "!": _POWER, "'": _POWER, "choose": 5,
          "over": 5}  # fmt: skip
_SET_OPERATIONS = {"cup": "union", "cap": "inter", "setminus": "minus"}
_VALUES = frozenset({"num", "sym", "const", "fn", "open", "begin", "diff"})
_NOT_VALUES = frozenset({"pmod", "pod", "rightarrow", "not"})


@lru_cache(maxsize=4096)
def parse(text: str, *, grouped: bool = True) -> Node:
    """Return the tree of a normalised answer.

    Args:
        text: What `normalise` returned.
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


class Parser:
    """One pass over the tokens of an answer."""

    def __init__(self, stream: list[Token]) -> None:
        self.tokens = stream
        self.at = 0
        self.depth = 0
        self.bars = 0
        """Open absolute values."""
        self.bare = 0
        """Open arguments without brackets: in `sin x cos y` the second function ends the first."""
        self.builder = False
        """Whether a `|` or `:` would begin the condition of a set."""

    # ------------------------------------------------------------------ tokens

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.at]

    def take(self) -> Token:
        """Return the next token and step behind it."""
        token = self.tokens[self.at]
        self.at += token.kind != "eof"
        return token

    def sees(self, kind: str, text: str | None = None, ahead: int = 0) -> bool:
        """Return whether a token of this kind (and text) comes next, or `ahead` tokens later."""
        if self.at + ahead >= len(self.tokens):
            return False
        token = self.tokens[self.at + ahead]
        return token.kind == kind and (text is None or token.text == text)

    def skip(self, kind: str, text: str | None = None) -> bool:
        """Step behind a token of this kind if it comes next, and return whether it did."""
        if self.sees(kind, text):
            self.at += 1
            return True
        return False

    @staticmethod
    def limit(count: int, most: int) -> None:
        """Refuse more parts of one kind than any answer has."""
        if count > most:
            raise UnreadableError(f"more than {most} parts")

    def expect(self, kind: str, text: str | None = None) -> None:
        """Step behind a token that must come next."""
        if not self.skip(kind, text):
            raise UnreadableError(f"{text or kind} is missing before {self.token.text!r}")

    # ------------------------------------------------------------------ the whole answer

    def answer(self) -> Node:
        """Return the tree of the whole text."""
        self.skip_label()
        found = self.items()
        qualifier = ""
        if self.sees("qual") or self.sees("open", "("):
            qualifier = " ".join(token.text or str(token.value) for token in self.tokens[self.at :])
            self.at = len(self.tokens) - 1
        if not self.sees("eof"):
            raise UnreadableError(f"what is {self.token.text!r} here?")
        return Node("when", (found,), qualifier.strip()) if qualifier else found

    def skip_label(self) -> None:
        """Step behind `the answer is`, `Area =` and the like."""
        while True:
            words_ahead = 0
            while self.sees("word", ahead=words_ahead):
                words_ahead += 1
            follows = self.tokens[self.at + words_ahead]
            if words_ahead and (follows == ("rel", "=") or follows.text in {"=", ":"}):
                self.at += words_ahead + 1
            elif self.token.kind == "word" and self.token.text.lower() in words.FILLERS:
                self.at += 1
            elif not words_ahead and self.sees("rel") and self.token.text in {"=", "~"}:
                self.at += 1
            else:
                return

    def items(self) -> Node:
        """Return what stands up to a closing bracket or the end: one node, or a list of them."""
        found: list[Node] = []
        marks: list[str] = []
        while True:
            found.append(self.expression(_LOOSEST))
            self.limit(len(found), _MOST_ITEMS)
            mark = ""
            while self.token.kind in {"sep", "and", "or"}:
                mark = max(mark, self.take().text, key=_separation)
            if not mark or self.token.kind in {"eof", "qual", "close"}:
                break
            marks.append(mark)
        return _grouped(found, marks)

    # ------------------------------------------------------------------ operators

    def expression(self, least: int) -> Node:
        """Return the longest expression whose operators bind at least so tightly."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnreadableError("brackets nested too deep")
        left = self.prefix()
        for _ in range(LONGEST):
            power = self.binding(left)
            if power < least or not power:
                self.depth -= 1
                return left
            left = self.infix(left, power)
        raise UnreadableError("an expression without end")

    def binding(self, left: Node) -> int:
        """Return how tightly the operator that comes next binds; 0 if none does."""
        kind, text = self.token.kind, self.token.text
        if kind == "op" and (text in _INFIX or text == "|"):
            if text == "|":
                return 0 if self.bars or self.builder else _IMPLICIT
            if text == "/" and self.sees("word", ahead=1):
                return _UNIT
            return 0 if text == ":" and self.builder else _INFIX[text]
        if kind == "rel":
            return _RELATION
        if kind in {"word", "money"}:
            return _UNIT
        if kind == "cmd":
            return _RELATION if self.token.text in _NOT_VALUES else _IMPLICIT
        if kind == "fn" and self.bare:
            return 0
        if kind == "open" and text == "(" and self.sees("op", "mod", ahead=1):
            return _RELATION
        if kind == "num" and left.op == "num":
            return 0
        return _IMPLICIT if kind in _VALUES else 0

    def infix(self, left: Node, power: int) -> Node:
        """Return `left` combined with the operator that comes next and what follows it."""
        kind, text = self.token.kind, self.token.text
        if power == _IMPLICIT:
            return self.product(left)
        if power == _UNIT:
            return self.unit(left)
        if power == _RELATION:
            return self.relation(left) if kind == "rel" else self.modulus(left)
        if power == _SUM:
            return self.sum(left)
        if text == "*":
            return self.product(left)
        self.at += 1
        return self.binary(left, text, power)

    def binary(self, left: Node, text: str, power: int) -> Node:
        """Return `left` combined by an operator that has just been taken."""
        if text == "/":
            return self.quotient(left)
        if text in _SET_OPERATIONS:
            return Node(_SET_OPERATIONS[text], (left, self.expression(power + 1)))
        if text == ":":
            parts = (*_parts(left, "ratio"), self.expression(power + 1))
            self.limit(len(parts), _MOST_RELATIONS)
            return Node("ratio", parts)
        if text == "mod":
            return call("mod", left, self.expression(power + 1))
        if text == "^":
            return self.power(left)
        if text == "_":
            return self.subscript(left)
        if text in {"choose", "over"}:
            right = self.expression(power + 1)
            return call("binom", left, right) if text == "choose" else Node("div", (left, right))
        return self.mark(left, text)

    def mark(self, left: Node, text: str) -> Node:
        """Return `left` under a mark that stands behind it: a factorial, per cent, degrees."""
        _limit_chain(left)
        if text == "!":
            return call("double_factorial" if self.skip("op", "!") else "factorial", left)
        if text == "%":
            return Node("percent", (left,))
        if text == "deg":
            return self.degrees(left)
        if left.op == "sym":
            return sym(left.name + "'")
        raise UnreadableError("a prime on no name")

    def degrees(self, left: Node) -> Node:
        """Return an angle in degrees, with its minutes and seconds where they follow."""
        angle = left
        for part, sign in ((60, "'"), (3600, "''")):
            ticks = len(sign)
            if self.sees("num") and all(self.sees("op", "'", 1 + n) for n in range(ticks)):
                angle = Node("add", (angle, num((self.take().value or Fraction(0)) / part)))
                self.at += ticks
        if (
            self.token.kind == "sym"
            and self.token.text in {"C", "F"}
            and not self.sees("open", "(", 1)
        ):
            self.at += 1
        return Node("degree", (angle,))

    def sum(self, left: Node) -> Node:
        """Return the sum that begins with `left`, however many terms follow."""
        terms = [left]
        while self.token.kind == "op" and self.token.text in {"+", "-", "pm", "mp"}:
            sign = self.take().text
            term = self.expression(_SUM + 1)
            terms.append(term if sign == "+" else Node("neg" if sign == "-" else sign, (term,)))
        return Node("add", tuple(map(unbraced, terms)))

    def product(self, left: Node) -> Node:
        """Return the product that begins with `left`, however many factors follow."""
        factors = [left]
        while True:
            explicit = self.sees("op", "*")
            if not explicit and self.binding(factors[-1]) != _IMPLICIT:
                break
            if explicit:
                self.at += 1
                factors.append(self.expression(_PRODUCT + 1))
                self.limit(len(factors), _MOST_FACTORS)
                continue
            right = self.expression(_IMPLICIT + 1)
            self.limit(len(factors), _MOST_FACTORS)
            if _is_mixed(factors[-1], right):
                factors[-1] = Node("add", (factors[-1], right))
            else:
                factors.append(right)
        return factors[0] if len(factors) == 1 else Node("mul", tuple(map(unbraced, factors)))

    def quotient(self, left: Node) -> Node:
        """Return `left` over what follows: 1/2x is a half of x, but a/bc is a over bc."""
        _limit_chain(left)
        both_typed = left.op == "num" and self.token.kind == "num"
        return Node("div", (left, self.expression(_POWER if both_typed else _PRODUCT + 1)))

    def relation(self, left: Node) -> Node:
        """Return the chain of relations that begins with `left`."""
        operands, signs = [left], []
        while self.token.kind == "rel":
            signs.append(self.take().text)
            while self.token.kind == "word" and self.token.text.lower() in words.FILLERS:
                self.at += 1
            operands.append(self.expression(_RELATION + 1))
            self.limit(len(operands), _MOST_RELATIONS)
        return Node("rel", tuple(operands), " ".join(signs))

    def modulus(self, left: Node) -> Node:
        """Return `left` with the modulus that follows it as a qualifier."""
        self.take()
        self.skip("op", "mod")
        text = []
        while self.token.kind not in {"eof", "close"}:
            token = self.take()
            if token.kind != "open":
                text.append(token.text or str(token.value))
        self.skip("close")
        return Node("when", (left,), "mod " + " ".join(text))

    def power(self, left: Node) -> Node:
        """Return `left` to the power that follows, or under the mark that stands there."""
        _limit_chain(left)
        braced = self.sees("open", "{")
        inner = self.tokens[self.at + 1] if braced else self.token
        if inner.text in {"circ", "deg"} or (inner.kind == "word" and inner.text == "o"):
            self.step_behind_mark(braced=braced)
            return self.degrees(left)
        if inner.kind == "word" and inner.text in {"st", "nd", "rd", "th"}:
            self.step_behind_mark(braced=braced)
            return left
        if inner.kind == "op" and inner.text == "'" and left.op == "sym":
            self.step_behind_mark(braced=braced)
            return sym(left.name + "'")
        if left.op == "const" and left.name in tree_sets and inner.text in {"+", "-", "*"}:
            self.step_behind_mark(braced=braced)
            return left._replace(name=left.name + inner.text)
        if braced and inner.text in {"+", "-"} and self.sees("close", "}", 2):
            self.at += 3
            return left if inner.text == "+" else call("below", left)
        if left.op == "matrix" and inner.text in {"T", "t", "prime"}:
            self.step_behind_mark(braced=braced)
            return transposed(left)
        exponent = unbraced(self.script())
        if left.op == "sym" and re.fullmatch(r"C_\d+", left.name) and exponent.value is not None:
            return call("binom", num(int(left.name[2:])), exponent)
        if left.op == "sym" and self.sees("op", "_"):
            self.at += 1
            left = self.subscript(left)
        return Node("pow", (left, exponent))

    def step_behind_mark(self, *, braced: bool) -> None:
        """Step behind a mark that stands alone where an exponent would."""
        self.at += 2 if braced else 1
        if braced:
            self.expect("close", "}")

    def script(self) -> Node:
        """Return what stands behind a `^`: one atom with its own powers, braced or signed."""
        if self.skip("op", "-"):
            return Node("neg", (self.script(),))
        self.skip("op", "+")
        # TeX takes one token: in x^n_i the subscript belongs to the x.
        found = sym(self.take().text) if self.token.kind == "sym" else self.prefix()
        if self.sees("op", "^"):
            self.at += 1
            self.depth += 1
            if self.depth > _DEEPEST:
                raise UnreadableError("a tower of powers")
            found = self.power(found)
            self.depth -= 1
        return found

    def subscript(self, left: Node) -> Node:
        """Return a name with its subscript, or digits in a base."""
        text = self.raw()
        if left.op == "num" and left.value is not None and text.isdecimal():
            raise UnreadableError("digits that are not of their base")
        if left.op in {"sym", "const"}:
            return left._replace(
                op="sym" if left.op == "sym" else "const", name=f"{left.name}_{text}"
            )
        raise UnreadableError("a subscript on no name")

    def raw(self) -> str:
        """Return the text of one braced group or one token, without its meaning."""
        if not self.skip("open", "{"):
            token = self.take()
            return token.text or str(token.value)
        parts, depth = [], 1
        while depth:
            token = self.take()
            if token.kind == "eof":
                raise UnreadableError("an open brace")
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            parts.append(token.text or str(token.value))
        return "".join(parts[:-1]).replace("{", "").replace("}", "")

    def unit(self, left: Node) -> Node:
        """Return `left` with the unit that follows it."""
        parts: list[str] = []
        count = 0
        while True:
            token = self.token
            if token.kind in {"word", "money"} or (token.kind == "sym" and is_unit(token.text)):
                count += 1
            elif not self._continues_unit():
                break
            self.at += 1
            if token.text not in {"{", "}"}:
                parts.append(token.text or str(token.value))
        name = " ".join(parts)
        if count > _MOST_UNIT_WORDS or any(part.lower() in words.NEVER_UNITS for part in parts):
            raise UnreadableError(f"{name!r} is not a unit")
        factor, name = scale_of(name)
        if factor > 1:
            left = Node("mul", (left, num(factor)))
        if name.lower() in PERCENT:
            return Node("percent", (left,))
        if name.lower() in DEGREE:
            return Node("degree", (left,))
        return self.compounded(Node("quantity", (left,), name)) if name else left

    def compounded(self, left: Node) -> Node:
        """Return 5 minutes 30 seconds as one quantity; `left` is its first part."""
        if self.token.kind != "num":
            return left
        right = self.expression(_UNIT)
        one, other = unit_of(left.name), unit_of(right.name) if right.op == "quantity" else None
        if one is None or other is None or one.dimension != other.dimension:
            raise UnreadableError("a number behind a unit")
        small = Node("mul", (right.args[0], num(other.size / one.size)))
        return left._replace(args=(Node("add", (left.args[0], small)),))

    def _continues_unit(self) -> bool:
        """Return whether the next token is a sign inside a unit, such as the slash of km/h."""
        follows = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if self.sees("op", "/") or self.sees("op", "*") or self.sees("op", "-"):
            return follows.kind == "word" or (follows.kind == "sym" and is_unit(follows.text))
        if self.sees("op", "^"):
            return follows.kind == "num" or follows.text in {"{", "-"}
        before = self.tokens[self.at - 1]
        if before == ("op", "^") or before.text in {"^", "{"}:
            return self.token.kind == "num" or self.token.text in {"{", "-"}
        return self.sees("close", "}") and before.kind == "num"

    # ------------------------------------------------------------------ atoms

    def prefix(self) -> Node:
        """Return the atom, or the signed or bracketed expression, that comes next."""
        token = self.take()
        kind, text = token.kind, token.text
        if kind == "num":
            return Node("num", (), text if text != "mixed" else "", token.value)
        if kind == "sym":
            return self.name(text)
        if kind == "const":
            return Node("const", (), text)
        if kind == "op":
            return self.signed(text)
        if kind == "diff":
            return Node("d", (), text)
        if kind == "money":
            return Node("quantity", (self.expression(_SIGN),), text)
        if kind in {"open", "fn", "cmd", "begin"}:
            return self.compound(token)
        if kind == "word" and text.lower() in words.FILLERS:
            return self.prefix()
        if kind == "close" and text == "]":
            return self.reversed_interval()
        raise UnreadableError(f"{text or kind!r} begins no expression")

    def compound(self, token: Token) -> Node:
        """Return the atom that begins with a bracket, a function or a command."""
        from mathreason_eval.grade import atoms

        if token.kind == "open":
            return atoms.group(self, token.text)
        if token.kind == "fn":
            return atoms.function(self, token.text)
        return (
            atoms.command(self, token.text)
            if token.kind == "cmd"
            else atoms.table(self, token.text)
        )

    def signed(self, text: str) -> Node:
        """Return the expression behind a sign, or an absolute value."""
        if text == "-":
            return negated(self.expression(_SIGN))
        if text == "+":
            return self.expression(_SIGN)
        if text in {"pm", "mp"}:
            return Node(text, (self.expression(_SIGN),))
        if text == "|":
            self.bars += 1
            bare, self.bare = self.bare, 0
            inner = self.expression(_LOOSEST)
            self.bars, self.bare = self.bars - 1, bare
            self.expect("op", "|")
            return call("abs", inner)
        if text in {"_", "^"}:
            return self.chosen()
        raise UnreadableError(f"{text!r} begins no expression")

    def chosen(self) -> Node:
        """Return a binomial coefficient written `_5C_2` or `^5C_2`."""
        above = self.prefix()
        self.expect("sym", "C")
        if self.sees("op", "_") or self.sees("op", "^"):
            self.at += 1
        return call("binom", above, self.prefix())

    def name(self, text: str) -> Node:
        """Return a variable with its subscript, or a call of the function it names."""
        node = sym(text)
        while self.token.kind == "op" and self.token.text in {"'", "_"}:
            node = self.subscript(node) if self.take().text == "_" else sym(node.name + "'")
        braced = self.sees("open", "{") and self.sees("open", "(", 1)
        self.at += braced
        if self.sees("open", "(") and self.is_call(text):
            self.at += 1
            inner = self.items()
            self.expect("close", ")")
            if braced:
                self.expect("close", "}")
            arguments = inner.args if inner.op == "list" else (inner,)
            if text == "C" and len(arguments) == 2:  # noqa: PLR2004 - C(n, k)
                return call("binom", *arguments)
            if text == "P" and len(arguments) == 2 and arguments[1].op == "num":  # noqa: PLR2004
                above, taken = arguments
                rest = Node("add", (above, negated(taken)))
                return Node("div", (call("factorial", above), call("factorial", rest)))
            return call(node.name, *arguments)
        self.at -= braced
        return node

    def is_call(self, text: str) -> bool:
        """Return whether a name before a bracket is a function rather than a factor."""
        if text in {"f", "g", "h", "F", "G", "H"}:
            return True
        if text in {"C", "P"} and self.sees("sep", ",", 2):
            return True
        simple = self.tokens[min(self.at + 1, len(self.tokens) - 1)].kind in {"sym", "num"}
        if not simple or not self.sees("close", ")", 2):
            return False
        if text in {"P", "Q", "R", "S", "T", "p", "q"}:
            return True
        first = all(token.text == "{" for token in self.tokens[: self.at - 1])
        return first and self.sees("rel", "=", 3)

    def reversed_interval(self) -> Node:
        """Return `]a, b[`, the open interval of French books."""
        inner = self.items()
        right = ")" if self.skip("open", "[") else "]"
        if right == "]":
            self.expect("close", "]")
        if inner.op != "list" or len(inner.args) != 2:  # noqa: PLR2004 - an interval has two ends
            raise UnreadableError("a bracket that closes nothing")
        return Node("interval", inner.args, "(" + right)


tree_sets = frozenset(words.SETS.values())


def _separation(mark: str) -> int:
    return ("", "and", ",", "or", ";").index(mark)


def _grouped(found: list[Node], marks: list[str]) -> Node:
    """Return the items as one node: a list of lists if two kinds of separators are at work."""
    if not marks:
        return found[0]
    strongest = max(marks, key=_separation)
    if strongest in {";", "or"} and len(set(marks)) > 1 and not _flat(found, marks, strongest):
        groups: list[list[Node]] = [[found[0]]]
        for mark, node in zip(marks, found[1:], strict=True):
            if mark == strongest:
                groups.append([node])
            else:
                groups[-1].append(node)
        outer = tuple(g[0] if len(g) == 1 else Node("list", tuple(g), ",") for g in groups)
        return Node("list", outer, strongest)
    return Node("list", tuple(found), strongest)


def _flat(found: list[Node], marks: list[str], strongest: str) -> bool:
    """Return whether `2, 3 or 4` is meant: the last separator of one flat list is a word."""
    alone = marks.count(strongest) == 1 and marks[-1] == strongest == "or"
    return alone and not all(node.op == "rel" for node in found)


def negated(node: Node) -> Node:
    """Return the node under a minus sign, which goes inside a number and under a unit."""
    if node.value is not None:
        return num(-node.value, node.name and f"-{node.name}")
    if node.op in {"percent", "degree", "quantity"}:
        return node._replace(args=(negated(node.args[0]),))
    return Node("neg", (node,))


def unbraced(node: Node) -> Node:
    """Return the value in braces that were typed for round brackets: {a + b}c."""
    return node.args[0] if node.op == "set" and len(node.args) == 1 else node


def _parts(node: Node, op: str) -> tuple[Node, ...]:
    return node.args if node.op == op else (node,)


def _is_mixed(left: Node, right: Node) -> bool:
    """Return whether two factors side by side are a mixed number, such as 2 1/3."""
    if left.op != "num" or right.op != "div" or left.name:
        return False
    over, under = right.args
    whole = left.value is not None and left.value.denominator == 1
    if not whole or over.value is None or under.value is None:
        return False
    return 0 < over.value < under.value


def _limit_chain(left: Node) -> None:
    """Refuse a chain of divisions, powers or marks that would make the tree too deep."""
    depth = 0
    while left.args and left.op in {"div", "pow", "call", "percent", "degree", "mul"}:
        left = left.args[0]
        depth += 1
        if depth > _LONGEST_CHAIN:
            raise UnreadableError("a chain of operators without end")
