"""Texts with formulas in them: which parts are formulas, and the markup of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from mathreason_eval.site.mathml import MOST_CHARACTERS, Formula, mathml
from mathreason_eval.text import visible

if TYPE_CHECKING:
    from markupsafe import Markup


def with_formulas(text: str, elements: int) -> Markup:
    """Return a text with its formulas as MathML, everything else escaped.

    What cannot be converted, or would need more elements, stays as it is written.

    Args:
        text: a question.
        elements: the most elements of all formulas together.
    """
    from markupsafe import Markup, escape

    shown: list[str] = []
    before = 0
    for start, end, formula in _formulas(text):
        if formula.elements <= elements:
            elements -= formula.elements
            shown += [str(escape(visible(text[before:start]))), formula.markup]
            before = end
    shown.append(str(escape(visible(text[before:]))))
    return Markup("".join(shown))  # noqa: S704  each part is escaped above


_ENVIRONMENTS = "align|align\\*|gather|gather\\*|equation|equation\\*|eqnarray\\*|array"
_BEGIN, _END = (rf"\\{word}\{{(?:{_ENVIRONMENTS})\}}" for word in ("begin", "end"))
_DELIMITER = re.compile(rf"\[/?asy\]|{_BEGIN}|{_END}|\\.|\$\$?", re.DOTALL)
_PAIRS: Mapping[str, str] = MappingProxyType(
    {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]", "[asy]": "[/asy]"}
)


def _formulas(text: str) -> Iterator[tuple[int, int, Formula]]:
    """Yield (start, end, formula) of each formula that can be converted, in one pass."""
    opened: re.Match[str] | None = None
    for found in _DELIMITER.finditer(text):
        sign = found[0]
        if opened is not None and sign == _closing(opened[0]):
            formula = _formula(text, opened, found)
            if formula is not None:
                yield opened.start(), found.end(), formula
            # A dollar that ended no formula may be a price, and the next one begin a formula.
            is_price = formula is None and sign == "$"
            opened = found if is_price else None
        elif opened is not None and opened[0] == "[asy]":
            # The program of a figure has brackets and dollars of its own.
            continue
        elif _closing(sign) is not None and (opened is None or opened[0] == "$"):
            opened = found if opened is None or sign != "$" else opened


def _closing(sign: str) -> str | None:
    if sign.startswith("\\begin"):
        return sign.replace("begin", "end", 1)
    return _PAIRS.get(sign)


def _formula(text: str, opened: re.Match[str], closed: re.Match[str]) -> Formula | None:
    kind = opened[0]
    if kind == "[asy]" or closed.end() - opened.start() > MOST_CHARACTERS:
        return None
    if kind.startswith("\\begin"):
        return mathml(text[opened.start() : closed.end()], display=True)
    source = text[opened.end() : closed.start()]
    if kind == "$" and not (_is_formula(source) and not text[closed.end() :][:1].isdigit()):
        return None
    return mathml(source.strip(), display=kind in {"$$", "\\["})


_WORDS = re.compile(r"(?<![\\A-Za-z{])[A-Z]?[a-z]{3,}(?![A-Za-z]*\})")


def _is_formula(source: str) -> bool:
    """Return whether what stands between two dollars is a formula, and not text between prices."""
    if not source.strip():
        return False
    if source[0].isspace() and source[-1].isspace():
        return "\\" in source
    return not source[-1].isspace() and not source[0].isspace() and not _WORDS.search(source)


_LATEX = re.compile(r"[\\^]|_[{\d]")


def answer_formula(text: str, elements: int) -> Formula | None:
    """Return an answer or a gold as a formula; None if it is plain text or a plain number.

    Args:
        text: the answer.
        elements: the most elements of the formula.
    """
    source = text.strip()
    if len(source) > MOST_CHARACTERS or not _LATEX.search(source):
        return None
    for opening, closing in _PAIRS.items():
        if source.startswith(opening) and source.endswith(closing):
            source = source[len(opening) : -len(closing)] or source
            break
    found = mathml(source)
    return found if found is not None and found.elements <= elements else None
