"""Texts of outsiders as markup: escaped, cut where they are long, with answers and formulas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mathreason_eval.site.excerpts import Piece, excerpt
from mathreason_eval.site.formulas import answer_formula, with_formulas
from mathreason_eval.text import visible

if TYPE_CHECKING:
    from markupsafe import Markup


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 sample`, `1,319 samples`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def text(whole: str, span: tuple[int, int] | None, limit: int) -> Markup:
    """Return a text of at most about `limit` characters, with the span marked."""
    return pieces(excerpt(whole, span, limit=limit))


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
    """Return a text in pieces, with the answer marked and what is left out counted.

    Not a macro of a template, whose calls were a sixth of the time of a build.
    """
    from markupsafe import Markup

    shown: list[str] = []
    for piece in found:
        if piece.left_out:
            note = f"{counted(piece.left_out, 'character')} left out"
            shown.append(Markup('<span class="gap">') + note + Markup("</span>"))
        elif piece.marked:
            shown.append(Markup("<mark>") + visible(piece.text) + Markup("</mark>"))
        else:
            shown.append(visible(piece.text))
    # Whatever is no markup yet is escaped here, as by `+` above.
    return Markup("").join(shown)
