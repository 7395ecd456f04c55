"""Whether an answer equals the gold, cheapest comparison first; and the key for votes.

1. the same text, as written or normalised
2. plain numbers, letters of choices, dates and times
3. trees: values, structures, sets, equations, families (`structure`)
4. words
What none of them decides is `undecided`; `symbolic` then asks sympy, in a worker process.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from mathreason_eval.maths.compare.annotations import range_of, restricts
from mathreason_eval.maths.compare.boolean import same_formula, same_probability
from mathreason_eval.maths.compare.comparison import UNKNOWN, Finding, best, different, equal
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.maths.compare.equations import is_flat
from mathreason_eval.maths.compare.options import is_run, labelled, only_options, same_options
from mathreason_eval.maths.compare.products import (
    cycles,
    not_of_numbers,
    same_permutation,
    signature,
)
from mathreason_eval.maths.compare.realsets import NotASetError, is_inequality, real_set
from mathreason_eval.maths.compare.scalar import in_radians
from mathreason_eval.maths.compare.shape import named_point, shape
from mathreason_eval.maths.compare.structure import contradiction_in, is_variable, same_answer
from mathreason_eval.maths.compare.text import (
    PHRASES,
    enumerated,
    is_wordy,
    moment,
    same_time,
    same_words,
    squeezed,
    words_of,
)
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.numeric import fingerprint
from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.number import english, plain_number
from mathreason_eval.maths.syntax.parse import LONGEST, parse
from mathreason_eval.maths.syntax.tree import (
    EMPTY,
    Node,
    as_matrix,
    contains,
    is_matrix,
    num,
    show,
    substitute,
    sym,
)
from mathreason_eval.maths.vocabulary.units import measured
from mathreason_eval.maths.vocabulary.words import FOREIGN
from mathreason_eval.types import Match

_INTEGER = re.compile(r"-?[1-9][0-9]{0,29}|0")
_CANONICAL = re.compile(rf"(?:{_INTEGER.pattern})(?:\.[0-9]{{1,30}})?|-0\.[0-9]{{1,30}}")
"""Numbers as every tree shows them. No convention makes a decimal an integer that it is not."""


def compare(gold: str, answer: str, convention: Convention = DEFAULT) -> Match:
    """Return whether the answer equals the gold: pure, bounded work, no exception on any input."""
    if gold == answer:
        return _match(Finding(equal=bool(gold.strip()), rule="identical", note="the same text"))
    one, other = plain_number(gold), plain_number(answer)
    if one is not None and other is not None and one == other and convention.integer_form:
        return _match(equal("number", f"{answer} = {gold} exactly"))
    if one != other and _INTEGER.fullmatch(gold) and _CANONICAL.fullmatch(answer):
        return _match(different("number", f"{answer} ≠ {gold} exactly"))
    if max(len(gold), len(answer)) > LONGEST:
        return _match(_long(gold, answer))
    try:
        return _match(_compared(normalise(gold), normalise(answer), convention))
    except RecursionError:
        return _match(UNKNOWN._replace(note="nested too deeply"))


def _match(found: Finding) -> Match:
    return Match(equal=found.equal, rule=found.rule, note=found.note)


def _long(gold: str, answer: str) -> Finding:
    """Compare texts longer than any answer, by their characters only."""
    squeezed = ["".join(text.split()) for text in (gold, answer)]
    if squeezed[0] == squeezed[1]:
        return equal("identical", "the same text except for white space")
    unlike = min(map(len, squeezed)) * 2 < max(map(len, squeezed))
    if unlike and all(text.isdecimal() for text in squeezed):
        return different("number", "numbers of very different length")
    return UNKNOWN._replace(note="too long to be parsed")


def _compared(gold: str, answer: str, convention: Convention) -> Finding:
    if not gold or not answer:
        return different("empty", "one of the two is empty")
    if gold == answer:
        return equal("identical", "the same after normalisation")
    worded = same_options(gold, answer) or same_time(gold, answer)
    formal = worded or same_formula(gold, answer) or same_probability(gold, answer)
    if formal or (formal := same_permutation(gold, answer)):
        return formal
    found = _same_trees(gold, answer, convention)
    if found.equal and (note := not_of_numbers(gold, answer, found.rule)):
        return UNKNOWN._replace(note=note)
    return found


_POINTED = re.compile(r"[-+]?\d+\.\d+")
_COMMA = re.compile(r"([-+]?\d+),(\d+)")
"""A decimal comma, if the gold has a decimal point."""


def _same_trees(gold: str, answer: str, convention: Convention) -> Finding:
    """Compare every reading of the gold with every reading of the answer, likeliest first."""
    ones, others = list(readings(gold)), list(readings(answer))
    pairs = [(one, other) for one in ones for other in others]
    # 100,200 is a list if the other is 100, 200; but two such texts are two numbers.
    if ", " in answer and (listed := _ungrouped(gold)) is not None:
        pairs += [(listed, other) for other in others]
    if ", " in gold and (listed := _ungrouped(answer)) is not None:
        pairs += [(one, listed) for one in ones]
    comma = _COMMA.fullmatch(answer) if _POINTED.fullmatch(gold) else None
    if comma and (decimal := _read(f"{comma[1]}.{comma[2]}")) is not None:
        pairs += [(one, decimal) for one in ones]
    found: Finding | None = None
    for one, other in pairs:
        verdict = same_answer(one, other, convention)
        if verdict.equal:
            return verdict
        found = best(found, verdict) if found else verdict
    return found or same_words(gold, answer, read=bool(ones or others))


# --- readings ------------------------------------------------------------------------------------

_DECIMAL_COMMA = re.compile(
    r"([-+]?(?:0(?=,\d*[1-9])|\d+(?=,\d{2}(?!\d)|,\d{4})|\d{4,})),(\d+)(\s*(?:\\?%|(?:\\cdot|\\times|\*)\s*10\s*\^.*))?"
)


_MEASURED_COMMA = re.compile(
    r"([-+]?\d+),(\d+)(\s*(?:\\?%|(?:\\cdot|\\times|\*)\s*10\s*\^.*"
    r"|\\?[ ~]*(?:\\(?:text|mathrm)\s*\{)?\s*"
    r"(?:[kcm]?m|[km]?g|[mc]?[lL]|€|km/h|m/s|[кмс]?м|[км]?г|м?л|км/ч|руб)(?:\s*\^.*)?\}?))"
)
"""A comma that must be a decimal one, as a unit, power of ten or per cent sign follows."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
"""A comma that groups digits, if other commas are followed by a space."""
_PROVISO = re.compile(
    r"(.*=.*[^\s(])\s*\(([^()=]*(?:[<>]|\\[lg]eq?|\\neq?|\\in)(?![a-z])[^()=]*)\)"
)
"""A definition followed by its domain in brackets."""
_LONGEST_DEFINITION = 500
"""Maximum characters of a definition that is searched for a domain."""
_HEX_DIGIT = re.compile(r"([A-F])\s*_\s*\{?\s*16\s*\}?")
"""One letter in base 16, which may also be a letter with an index."""
_DOZENS = re.compile(r"(an?|one|\d{1,9}) dozens?((?: [a-z]+)?)")
_POINT = re.compile(r"([A-Z]'*)\s*(?=\()")
_SIDE = re.compile(r"(?<![<>!:=])=(?![=>])|\\approx(?![a-z])|\\simeq(?![a-z])")


def readings(text: str) -> Iterator[Node]:
    """Yield the possible trees of an answer, the most likely first; nothing if it has none."""
    trees = [tree for spelling in _spellings(text) if (tree := _read(spelling)) is not None]
    yield from trees
    if "," in text and text.endswith(")") and (found := _POINT.match(text)):
        place = _read(text[found.end() :])
        if place is not None and place.op == "tuple":
            yield named_point(sym(found[1]), place)
    if not trees and (side := _last_side(text)) and (tree := _read(side)) is not None:
        yield tree


def _spellings(text: str) -> Iterator[str]:
    """Yield the text and its other readings: a decimal, an option's text."""
    yield _in_symbols(text)
    if "," in text and (found := _DECIMAL_COMMA.fullmatch(text) or _MEASURED_COMMA.fullmatch(text)):
        yield f"{found[1]}.{found[2]}{found[3] or ''}"
    if ", " in text and text[0] in "([\\" and _THOUSANDS.search(text):
        yield _THOUSANDS.sub("", text)
    if (
        text.endswith(")")
        and len(text) < _LONGEST_DEFINITION
        and (found := _PROVISO.fullmatch(text))
    ):
        yield f"{found[1]}, {found[2]}"
    if "16" in text and (found := _HEX_DIGIT.fullmatch(text)):
        yield str(int(found[1], 16))
    if found := _DOZENS.fullmatch(text):
        yield str(12 * (int(found[1]) if found[1].isdecimal() else 1)) + found[2]
    if named := labelled(text):
        yield _in_symbols(named.text)


_CHAIN = 2
"""Number of equality signs of a chain, whose earlier sides derive the last."""


def _last_side(text: str) -> str | None:
    """Return the last side of a chain that cannot be parsed as a whole; None if not a chain."""
    signs = list(_SIDE.finditer(text))
    if len(signs) < _CHAIN and not any(sign[0] != "=" for sign in signs):
        return None
    return text[signs[-1].end() :].strip()


def _ungrouped(text: str) -> Node | None:
    """Return the list that `100,200` may be, or None if no comma groups digits."""
    tree = _read(text, grouped=False) if "," in text else None
    return None if tree == _read(text) else tree


def _read(text: str, *, grouped: bool = True) -> Node | None:
    try:
        return parse(text, grouped=grouped)
    except UnreadableError:
        return None


def _in_symbols(text: str) -> str:
    """Return the text, or the notation of its words: a numeral, or `no solution` and the like."""
    if not is_wordy(text):
        return text
    plain = words_of(text)
    if (number := FOREIGN.get(text.strip("{}$ ").lower())) is not None:
        return str(number)
    if plain in PHRASES:
        return PHRASES[plain]
    counted, _, unit = plain.rpartition(" ")
    return english(plain) or (f"{english(counted)} {unit}" if unit and english(counted) else text)


# --- keys, by which votes are counted ------------------------------------------------------------

# Answers in several spellings of one value have one key if the value has a canonical form: exact if
# it is rational, else its digits at fixed points. Conventions that are not transitive (50 % is 50
# and also 0.5) are resolved in one way, as keys divide answers into classes.

_LONGEST_KEYED = 1000
"""Maximum characters of an answer that is parsed for its key; a longer one is its own key."""
_SHORT = 1000
"""Maximum bits of a number whose key is decimal: for larger ones Python refuses or is slow."""
_SETS = frozenset({"interval", "union", "inter", "minus", "such"})


def canonical_key(answer: str) -> str:
    """Return a key that is equal for answers that are equal, as far as that is decidable."""
    if len(answer) > _LONGEST_KEYED:
        return "text " + hashlib.sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()
    return _short_key(answer)


@lru_cache(maxsize=1 << 14)
def _short_key(answer: str) -> str:
    """Return the key of an answer of at most `_LONGEST_KEYED` characters."""
    value = plain_number(answer)
    if value is not None:
        return _number(Fraction(value))
    text = normalise(answer)
    if not is_run(text) and (named := only_options(text)) is not None:
        return f"choice {named.text}"
    time = moment(text)
    if time is not None and time.kind != "clock":
        return f"{time.kind} {time.parts}"
    if (permutation := cycles(text)) is not None:
        return f"cycles {permutation}"
    try:
        tree = next(readings(text), None)
        found = _words(text) if tree is None else " ".join([_key(tree), *_ranges(tree)])
    except RecursionError:
        return _words(text)
    return " ".join([found, *signature(text)])


_NOT_PRINTED = ("log", "re", "im", "conj", "arg")
"""Functions that the values at real points do not tell: of either base, or of complex numbers."""


def _number(value: Fraction) -> str:
    """Return the key of a rational number; in hexadecimal, which has no limit of digits."""
    if value.denominator.bit_length() + value.numerator.bit_length() < _SHORT:
        return f"number {value}"
    return f"number {value.numerator:x}/{value.denominator:x}"


def _words(text: str) -> str:
    if not is_wordy(text):
        return f"text {squeezed(text)}"
    return "text " + ", ".join(enumerated(text) or (text,))


def _key(node: Node) -> str:
    """Return the key of a tree, from the keys of its parts."""
    node = shape(node)
    if node.op == "when":
        return f"{_key(node.args[0])} {_beside(node)}".rstrip()
    if node.op == "choices":
        # A chain whose sides differ is not a vote for any of them.
        last = node.args[-1]
        return f"tree {show(node)}" if contradiction_in(node, last, DEFAULT) else _key(last)
    if node.op == "define":
        return _defined(node)
    if node.op in _SETS or is_inequality(node) or (node.op == "const" and node.name == "RR"):
        return _real_set(node)
    if node.op in {"list", "set"}:
        return _collection(node)
    if node.op == "tuple":
        return f"tuple {node.name[:1]}" + "; ".join(map(_key, node.args))
    if node.op == "assign":
        values = (f"{show(p.args[0])} = {_key(p.args[1])}" for p in node.args)
        return "assign " + "; ".join(sorted(values))
    if is_matrix(node):
        rows = as_matrix(node) or ()
        return "matrix " + " | ".join("; ".join(map(_key, row)) for row in rows)
    return _scalar(node) if is_flat(node) else f"tree {show(node)}"


def _beside(node: Node) -> str:
    """Return what stands beside a value: its modulus, its condition, or the range of its letters.

    Answers that say it in other words have two keys; whether they are one vote is compared.
    """
    if len(node.args) > 1:
        return f"{node.name.partition(' ')[0]} {show(node.args[1])}"
    if restricts(node) or node.name.startswith("mod"):
        return node.name
    return " ".join(sorted(range_of(node)))


def _ranges(node: Node) -> list[str]:
    """Return the sets that letters of a list are in, which its form for comparison leaves out."""
    if node.op != "list":
        return []
    inside = (part for part in node.args if part.op == "rel" and part.name == "in")
    return sorted(f"in {show(part.args[1])}" for part in inside)


def _defined(node: Node) -> str:
    """Return the key of a definition; the names of a function's arguments do not count."""
    name, value = node.args
    if node.name and value.op == "list":
        return f"{node.name} = " + "; ".join(map(_key, value.args))
    if name.op == "call" and all(map(is_variable, name.args)):
        for index, argument in enumerate(name.args):
            value = substitute(value, argument, sym(f"argument_{index}"))
        return f"{name.name}() = {_key(value)}"
    return f"{show(name)} = {_key(value)}"


def _collection(node: Node) -> str:
    if len(node.args) == 1 and node.args[0] != EMPTY:
        return _key(node.args[0])
    if any(part.op == "rel" for part in node.args):
        return _real_set(node)
    parts = [_key(part) for part in node.args]
    if node.name in {"and", "or"} and all(part.op == "sym" for part in node.args):
        return f"{node.name} " + "; ".join(sorted(parts))
    return "items " + "; ".join(sorted(set(parts) if node.op == "set" else parts))


def _real_set(node: Node) -> str:
    try:
        found = real_set(node)
    except NotASetError:
        return f"tree {show(node)}"
    cells = "".join("1" if cell else "0" for cell in found.cells)
    return f"set {found.variable} {cells} " + "; ".join(map(_scalar, found.boundaries))


def _scalar(node: Node) -> str:
    """Return the key of a single value: exact if it is rational, else digits."""
    if node.op == "quantity":
        return _quantity(node)
    if node.op in {"percent", "degree"} or (node.op == "ratio" and len(node.args) == 2):  # noqa: PLR2004
        inner = Node("div", node.args) if node.op == "ratio" else node.args[0]
        mark = f" degrees {node.name}".rstrip() if node.op == "degree" else ""
        return _scalar(inner) + mark
    number = exact(node)
    if number is not None:
        return _number(number)
    node = in_radians(node)
    printed = fingerprint(node)
    if printed == ":0":
        return _number(Fraction(0))
    if "?" in printed or any(contains(node, "call", name) for name in _NOT_PRINTED):
        return f"tree {show(node)}"
    return f"value {printed}"


def _quantity(node: Node) -> str:
    """Return the key of a value with its unit in base units, the money's issuer, and its words."""
    name = measured(node.name)
    inner = node.args[0]
    if name.unit is not None:
        inner = Node("mul", (inner, num(name.unit.size)))
    said = sorted(name.words)
    if name.unit is not None:
        said = [str(name.unit.dimension), name.unit.issuer, *said]
    return " ".join(filter(None, [_scalar(inner), *said]))
