"""The template environment: formats of values, and the shortening of long texts.

Every value is escaped by `visible` and then by Jinja, even if a template does not ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mathreason_eval.resources import resource_dir
from mathreason_eval.site.leaderboard import settings
from mathreason_eval.site.results import STATES
from mathreason_eval.text import visible
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def environment() -> Environment:
    """Return the templates with their filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(resource_dir("leaderboard")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals |= {"excerpt": excerpt, "states": STATES}
    filters = beginning, counted, interval, name, percent, place, settings, span, thousands, value
    templates.filters |= {function.__name__: function for function in filters}
    templates.tests["share"] = is_share
    return templates


def _visible_text(content: object) -> object:
    from markupsafe import Markup

    if isinstance(content, Markup) or not isinstance(content, str):
        return content
    return visible(content)


# --- filters ---------------------------------------------------------------------------------

_AFTER_A_SEPARATOR = re.compile(r"(?<=[/:@_])")


def name(text: str) -> Markup:
    """Return a name in which lines may break after separators, but not within a word."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in _AFTER_A_SEPARATOR.split(visible(text)))


def is_share(metric: Metric) -> bool:
    """Return whether a metric is a fraction of 1."""
    return metric.unit is Unit.SHARE


def percent(share: float) -> str:
    """Return a fraction of 1 in per cent, without the sign."""
    return f"{100 * share:.1f}"


def place(share: float) -> str:
    """Return a fraction of 1 as a coordinate from 0 to 100."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".")


def value(metric: Metric) -> str:
    """Return a metric's value: per cent, or an amount."""
    return _amount(metric, metric.value)


def interval(metric: Metric) -> str:
    """Return a metric's interval."""
    return f"{_amount(metric, metric.low)} – {_amount(metric, metric.high)}"


def _amount(metric: Metric, number: float) -> str:
    return percent(number) if is_share(metric) else f"{number:,.1f}"


def span(rank: tuple[int, int]) -> str:
    """Return a range of ranks: `2`, or `1 – 3`."""
    best, worst = rank
    return str(best) if best == worst else f"{best} – {worst}"


def thousands(count: int) -> str:
    """Return a count with thousands separators."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 sample`, `1,319 samples`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_BEGINNING = 100
"""Characters of a question that are shown in a table."""


def beginning(text: str) -> str:
    """Return at most 100 characters of a text in one line, then `…` if there are more."""
    line = " ".join(text[: 4 * _BEGINNING].split())
    return line if len(line) <= _BEGINNING else f"{line[:_BEGINNING].rstrip()}…"


# --- excerpts --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a text, shown or omitted."""

    text: str
    """The text; empty if it is omitted."""
    marked: bool = False
    """Whether it is the answer."""
    left_out: int = 0
    """The number of characters that are not shown here."""


def excerpt(text: str, span: tuple[int, int] | None = None, *, limit: int) -> tuple[Piece, ...]:
    """Return a text in pieces, with the answer's span marked; their lengths add up to the text's.

    A text of more than `limit` characters keeps a quarter of that at its beginning, at its end,
    and before, at either end of, and after the answer.
    """
    start, end = _within(span, len(text))
    if len(text) <= limit:
        return tuple(_cut(text, [(0, len(text))], start, end))
    part = max(1, limit // 4)
    windows = [(0, part), (len(text) - part, len(text))]
    if start < end:
        windows += [(start - part, min(end, start + part)), (max(start, end - part), end + part)]
    return tuple(_cut(text, windows, start, end))


def _within(span: tuple[int, int] | None, length: int) -> tuple[int, int]:
    """Return the span clipped to the text: a stored span may be outside."""
    start, end = span or (length, length)
    start = min(max(start, 0), length)
    return start, min(max(end, start), length)


def _cut(text: str, windows: list[tuple[int, int]], start: int, end: int) -> Iterator[Piece]:
    """Yield the text of the windows, and between them the number of omitted characters."""
    shown = 0
    for low, high in sorted(windows):
        opening, closing = max(low, shown), min(high, len(text))
        if opening >= closing:
            continue
        if opening > shown:
            yield Piece(text="", left_out=opening - shown)
        edges = [opening, *sorted({e for e in (start, end) if opening < e < closing}), closing]
        for left, right in pairwise(edges):
            yield Piece(text=text[left:right], marked=start <= left and right <= end)
        shown = closing
