"""Texts of outsiders as markup: escaped, cut where they are long, with answers and formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

from mathreason_eval.site.excerpts import Piece, excerpt, within
from mathreason_eval.site.formulas import answer_formula, with_formulas
from mathreason_eval.text import counted, visible

if TYPE_CHECKING:
    from markupsafe import Markup


_AFTER_A_SEPARATOR = re.compile(r"(?<=[/:@_=])")


def name(text: str) -> Markup:
    """Return a name in which lines may break after separators, but not within a word."""
    from markupsafe import Markup

    parts = (escape(part) for part in _AFTER_A_SEPARATOR.split(visible(text)))
    return Markup("<wbr>".join(parts))  # noqa: S704  escaped


def spelled(content: str) -> str:
    """Return a text as markup: what is hidden is spelled out, and the rest is escaped."""
    return escape(visible(content))


def text(whole: str, span: tuple[int, int] | None, limit: int) -> Markup:
    """Return a text of at most about `limit` characters, with the span marked."""
    from markupsafe import Markup

    if len(whole) > limit:
        return pieces(excerpt(whole, span, limit=limit))
    start, end = within(span, len(whole))
    if start == end:
        return Markup(spelled(whole))  # noqa: S704  escaped
    before, marked, after = whole[:start], whole[start:end], whole[end:]
    return Markup(f"{spelled(before)}<mark>{spelled(marked)}</mark>{spelled(after)}")  # noqa: S704


def question(whole: str, limits: Mapping[str, int]) -> Markup:
    """Return a question with its formulas as MathML; one that has to be cut is all source."""
    if len(whole) > limits["question"]:
        return text(whole, None, limits["question"])
    return with_formulas(whole, limits["question_elements"])


def answer(whole: str, limits: Mapping[str, int]) -> Markup:
    """Return a gold or an answer, as MathML if it is a formula."""
    from markupsafe import Markup

    formula = answer_formula(whole, limits["answer_elements"])
    if formula is None or len(whole) > limits["answer"]:
        return text(whole, None, limits["answer"])
    return Markup(formula.markup)  # noqa: S704  escaped where it is made


def pieces(found: Iterable[Piece]) -> Markup:
    """Return a text in pieces, with the answer marked and what is left out counted."""
    from markupsafe import Markup

    shown: list[str] = []
    for piece in found:
        if piece.left_out:
            note = f"{counted(piece.left_out, 'character')} left out"
            shown.append(f'<span class="gap">{note}</span>')
        elif piece.marked:
            shown.append(f"<mark>{spelled(piece.text)}</mark>")
        else:
            shown.append(spelled(piece.text))
    return Markup("".join(shown))  # noqa: S704  each part is escaped
