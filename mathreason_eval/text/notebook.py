"""Records as HTML tables, as notebooks display them. Every text in them is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice

from mathreason_eval.text import visible

_MOST_ROWS = 60
_LONGEST = 400


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of at most 60 rows; absent values are empty, what is hidden is spelled out."""
    shown = [*islice(rows, _MOST_ROWS + 1)]
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in shown[:_MOST_ROWS])
    more = f"<p>The first {_MOST_ROWS} rows.</p>" if len(shown) > _MOST_ROWS else ""
    return (
        f"<table><caption>{_spelled(caption)}</caption>"
        f"<thead><tr>{_cells('th', head)}</tr></thead><tbody>{body}</tbody></table>{more}"
    )


def _cells(tag: str, values: Sequence[object]) -> str:
    return "".join(f"<{tag}>{_spelled(value)}</{tag}>" for value in values)


def _spelled(value: object) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return escape(visible(cut))


def amount(value: float, *, share: bool) -> str:
    """Return a value as text, with one decimal place: a share, of 1, in per cent."""
    return f"{100 * value:.1f} %" if share else f"{value:,.1f}"
