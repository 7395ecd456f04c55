"""How values become text on a page, and the one gate all of them go through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mathreason_eval.resources import resource_dir
from mathreason_eval.site.marks import excerpt
from mathreason_eval.site.standing import settings
from mathreason_eval.site.states import STATES
from mathreason_eval.text import visible
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_AFTER_A_DIVIDER = re.compile(r"(?<=[/:@_])")

_BEGINNING = 100
"""So many characters of a question stand for it in a table."""


def environment() -> Environment:
    """Return the templates, with what they need to write values down.

    Every value passes `visible` and then Jinja's escaping, whatever a template's author forgets.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(resource_dir("leaderboard")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"excerpt": excerpt, "states": STATES}
    made.filters |= {
        "beginning": beginning,
        "counted": counted,
        "interval": interval,
        "name": name,
        "percent": percent,
        "place": place,
        "settings": settings,
        "span": span,
        "thousands": thousands,
        "value": value,
    }
    made.tests["share"] = is_share
    return made


def _harmless(content: object) -> object:
    from markupsafe import Markup

    if isinstance(content, Markup) or not isinstance(content, str):
        return content
    return visible(content)


def name(text: str) -> Markup:
    """Return a name that may be broken after the signs that divide it, and not within a word."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in _AFTER_A_DIVIDER.split(visible(text)))


def is_share(metric: Metric) -> bool:
    """Return whether a metric is a fraction of 1."""
    return metric.unit is Unit.SHARE


def percent(share: float) -> str:
    """Return a fraction of 1 in per cent, without the sign."""
    return f"{100 * share:.1f}"


def place(share: float) -> str:
    """Return a fraction of 1 as a place on a scale from 0 to 100."""
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
    """Return a count with its thousands set apart."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 sample`, `1,319 samples`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def beginning(text: str) -> str:
    """Return the beginning of a text, in one line."""
    line = " ".join(text[: 4 * _BEGINNING].split())
    return line if len(line) <= _BEGINNING else f"{line[:_BEGINNING].rstrip()}…"
