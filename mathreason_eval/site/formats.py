"""The template environment: formats of values.

Every value is escaped by `visible` and then by Jinja, even if a template does not ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mathreason_eval.resources import resource_dir
from mathreason_eval.site.excerpts import Piece, excerpt
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
        # Templates do not change while a site is built.
        auto_reload=False,
    )
    templates.globals |= {"excerpt": excerpt, "pieces": pieces, "states": STATES, "text": text}
    filters = (
        beginning,
        counted,
        interval,
        name,
        percent,
        place,
        points,
        settings,
        short,
        short_percent,
        span,
        thousands,
        value,
    )
    templates.filters |= {function.__name__: function for function in filters}
    templates.tests["share"] = is_share
    return templates


def trusted(text: str) -> Markup:
    """Return a text of ours as it is, unescaped: a style sheet."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  ours


def _visible_text(content: object) -> object:
    # Markup is a class of its own, and so are our own words, as outcomes are.
    return visible(content) if type(content) is str else content


def text(whole: str, span: tuple[int, int] | None, limit: int) -> Markup:
    """Return a text of at most about `limit` characters, with the span marked."""
    return pieces(excerpt(whole, span, limit=limit))


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


def short_percent(share: float) -> str:
    """Return a fraction of 1 in per cent, without a decimal place that is 0."""
    return f"{100 * share:.1f}".removesuffix(".0")


def points(difference: float) -> str:
    """Return a difference of two fractions in percentage points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "\N{MINUS SIGN}")


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


_SHORT = 40
"""Characters of an answer that are shown in a table."""


def short(text: str, most: int = _SHORT) -> str:
    """Return at most 40 characters of a text in one line, then `…` if there are more."""
    return _cut(text, most)


_BEGINNING = 100
"""Characters of a question that are shown in a table."""


def beginning(text: str) -> str:
    """Return at most 100 characters of a text in one line, then `…` if there are more."""
    return _cut(text, _BEGINNING)


def _cut(text: str, most: int) -> str:
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else f"{line[:most].rstrip()}…"
