"""The template environment: formats of values.

Every value is escaped by `visible` and then by Jinja, even if a template does not ask for it.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from mathreason_eval.resources import resource_dir
from mathreason_eval.site.config import SiteConfig
from mathreason_eval.site.excerpts import excerpt
from mathreason_eval.site.leaderboard import settings
from mathreason_eval.site.markup import answer, name, pieces, question, text
from mathreason_eval.site.results import STATES
from mathreason_eval.site.sample_markup import cut
from mathreason_eval.text import counted, visible
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    from types import CodeType

    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket
    from markupsafe import Markup


@cache
def _compiled() -> BytecodeCache:
    """Return where compiled templates are kept: a second site is built in half the time."""
    from jinja2 import BytecodeCache

    class Compiled(BytecodeCache):
        """The code of each source, in memory."""

        def __init__(self) -> None:
            self._code: dict[tuple[str, str], CodeType] = {}

        def load_bytecode(self, bucket: Bucket) -> None:
            bucket.code = self._code.get((bucket.key, bucket.checksum))

        def dump_bytecode(self, bucket: Bucket) -> None:
            if bucket.code is not None:
                self._code[bucket.key, bucket.checksum] = bucket.code

    return Compiled()


def environment(config: SiteConfig | None = None) -> Environment:
    """Return the templates with their filters.

    Args:
        config: what the site says of itself; None for a file that is no page of a site.
    """
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
        bytecode_cache=_compiled(),
    )
    templates.globals |= {
        "answer": answer,
        "excerpt": excerpt,
        "pieces": pieces,
        "site": config or SiteConfig(),
        "question": question,
        "states": STATES,
        "text": text,
    }
    filters = (
        beginning,
        counted,
        interval,
        moment,
        name,
        percent,
        place,
        points,
        pvalue,
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


# --- filters ---------------------------------------------------------------------------------

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def moment(at: str, *, clock: bool = True) -> str:
    """Return an ISO 8601 time as `28 November 2026, 09:57 UTC`; one that is none as it is."""
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        return at
    day = f"{when.day}\N{NO-BREAK SPACE}{_MONTHS[when.month - 1]} {when.year}"
    zone = "" if when.tzinfo is None else f" {when.tzname()}"
    return f"{day}, {when:%H:%M}{zone}" if clock and "T" in at else day


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
    spelled = f"{100 * difference:+.1f}".replace("-", "\N{MINUS SIGN}")
    return spelled if spelled.strip("+\N{MINUS SIGN}0.") else "0.0"


_SMALLEST_P = 1e-4


def pvalue(p: float) -> str:
    """Return a p-value after its sign: `= 0.031`, `= 1`, or `< 0.0001`."""
    return f"< {_SMALLEST_P:.4f}" if p < _SMALLEST_P else f"= {p:.2g}"


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


_SHORT = 40
"""Characters of an answer that are shown in a table."""


def short(text: str, most: int = _SHORT) -> str:
    """Return at most 40 characters of a text in one line, then `…` if there are more."""
    return cut(text, most)


_BEGINNING = 100
"""Characters of a question that are shown in a table."""


def beginning(text: str) -> str:
    """Return at most 100 characters of a text in one line, then `…` if there are more."""
    return cut(text, _BEGINNING)
