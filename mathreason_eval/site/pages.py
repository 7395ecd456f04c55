"""The variables of the templates of the first page, of runs and of samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from mathreason_eval.compare.pairing import metric_name
from mathreason_eval.runs.addresses import SAMPLES_PER_PAGE
from mathreason_eval.site.board import (
    SAMPLED,
    health,
    known_health,
    mean_tokens,
    overall,
    sampled_metric,
    tokens_picture,
)
from mathreason_eval.site.changes import History
from mathreason_eval.site.leaderboard import HEALTH_LIMITS, Column, Row
from mathreason_eval.site.markup import question
from mathreason_eval.site.missing import Missing
from mathreason_eval.site.results import STATES, Result, ShownSample, samples_page
from mathreason_eval.site.sample_markup import sample_article
from mathreason_eval.site.settled import Matrix, resolution
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.metrics import DEFAULT_METRIC, PRIMARY, is_power_of_two, shown_as
from mathreason_eval.text import short_names
from mathreason_eval.types import Metric, Outcome, Prompt

if TYPE_CHECKING:
    from markupsafe import Markup

Values = dict[str, object]
"""The variables of a template."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What pages of the whole site are made of."""

    table: Sequence[Column]
    rows: Sequence[Row]
    history: History
    """What changed, and when."""
    matrices: Mapping[str, Matrix]
    """By task, which differences are settled; none for fewer than two ranked results."""
    missing: Sequence[Missing] = ()
    """What is not shown, and why."""
    commit: str | None = None
    """That of the code; None if unknown."""


_MOST_CHANGES = 10
"""Changes on the first page; the feed and the data have more."""
FIRST_PAGE = "index.html"
FEED = "feed.xml"


def index_values(overview: Overview) -> Values:
    """Return the variables of the template for the first page."""
    table, board = overview.table, overview.rows
    standings = [standing for column in table for standing in column.standings]
    rows_of = Counter(row.model for row in board)
    short = model_names([standing.result for standing in standings])
    shown = [_row(row, table) for row in board]
    return {
        "table": table,
        "ranked": [row for row in shown if row["ranked"]],
        "apart": [row for row in shown if not row["ranked"]],
        "heading": {row.pages: _label(row.model, row.folders, short, rows_of) for row in board},
        "models": len({row.model for row in board}),
        "label": run_labels([standing.result for standing in standings], rows_of),
        "notes": [standing for standing in standings if standing.marked],
        "led": any(standing.leads for standing in standings),
        "samples": sum(standing.result.judged for standing in standings),
        "others": [address for address in SITE_PAGES if address not in {FIRST_PAGE, FEED}],
        "overall": any(row["overall"] for row in shown),
        "sampled": [
            name for name in SAMPLED if any(sampled_metric(one, name) for one in standings)
        ],
        "resolution": {column.task: resolution(column) for column in table},
        "matrix": overview.matrices.get(table[0].task),
        "scatter": tokens_picture(table[0]),
        "limits": HEALTH_LIMITS,
        "missing": overview.missing,
        "commit": overview.commit,
        "tokens_known": any(row["tokens"] is not None for row in shown),
        "health": known_health(map(health, board)),
        "changes": overview.history.changes[:_MOST_CHANGES],
    }


_MOST_FED = 50


def feed_values(overview: Overview) -> Values:
    """Return the variables of the template for the feed."""
    return {"changes": overview.history.changes[:_MOST_FED]}


def _row(row: Row, table: Sequence[Column]) -> Values:
    cells = [row.cells.get(column.task) for column in table]
    first = cells[0]
    return {
        "row": row,
        "cells": [
            {
                "column": column,
                "standing": cell,
                "sampled": {
                    name: metric
                    for name in SAMPLED
                    if cell is not None and (metric := sampled_metric(cell, name)) is not None
                },
            }
            for column, cell in zip(table, cells, strict=True)
        ],
        "ranked": any(cell is not None and cell.ranked for cell in cells),
        "group": None if first is None else first.group,
        "overall": overall(row, table),
        "tokens": mean_tokens(row),
        "health": health(row),
        "model_page": next(iter(row.cells.values())).result.model_page,
    }


def model_names(results: Sequence[Result]) -> Mapping[str, str]:
    """Return the name of each model that is shown: of the site's settings, or a short one."""
    given = {result.model: result.display for result in results if result.display}
    return {**short_names(result.model for result in results), **given}


def run_labels(results: Sequence[Result], count: Mapping[str, int]) -> Mapping[str, str]:
    """Return by run the short name of its model, with the folder's name if that is not unique.

    Args:
        results: those of the runs.
        count: how many rows each model has.
    """
    by_page = {result.page: result.model for result in results}
    short = model_names(results)
    folders = {result.page: result.folder for result in results}
    return {page: _label(model, (folders[page],), short, count) for page, model in by_page.items()}


def result_labels(results: Sequence[Result]) -> Mapping[str, str]:
    """Return by run the short name of its model, for results of one task."""
    return run_labels(results, Counter(result.model for result in results))


def _label(
    model: str, folders: Sequence[str], short: Mapping[str, str], count: Mapping[str, int]
) -> str:
    return short[model] if count[model] == 1 else f"{short[model]} ({', '.join(folders)})"


SITE_PAGES: Mapping[str, Callable[[Overview], Values]] = {
    FIRST_PAGE: index_values,
    FEED: feed_values,
}
"""Pages of the whole site by address, which is also the name of their template in `leaderboard/`.

The first page links to the others.
"""


def choice(name: str, glyph: str, word: str, count: int) -> Values:
    """Return a link of a filter."""
    return {"name": name, "glyph": glyph, "word": word, "count": count}


# --- run -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PublisherVerdicts:
    """The publisher's verdicts on judged samples; only imports have them."""

    count: int
    differing: tuple[ShownSample, ...]
    """The samples on which our verdict differs."""


def publisher_verdicts(samples: Iterable[ShownSample]) -> PublisherVerdicts:
    """Return how many samples have a publisher's verdict and ours, and on which they differ."""
    labelled = [s for s in samples if s.generation.label is not None and s.verdict is not None]
    return PublisherVerdicts(
        count=len(labelled),
        differing=tuple(s for s in labelled if s.generation.label != (s.state == Outcome.CORRECT)),
    )


_MOST_METRICS = 200
"""Metrics on the page of a run, shared by its tasks: a family has hundreds of slices."""


def run_values(parts: Sequence[tuple[Result, PublisherVerdicts, Mapping[str, int]]]) -> Values:
    """Return the variables of the template for a run.

    Args:
        parts: each of its results, with the publisher's verdicts and, by state, the first page of
            samples that has one.
    """
    first = parts[0][0]
    return {
        "short": first.display or first.model,
        "page": first.page,
        "manifest": first.manifest,
        "results": [_part(*part, most=_MOST_METRICS // len(parts)) for part in parts],
        "facts": list(_facts("", _manifest_facts(first))),
    }


_MOST_PAGES = 60
"""Links to pages of samples, shared out over all of them."""


def _part(
    result: Result,
    publisher: PublisherVerdicts,
    first_pages: Mapping[str, int],
    *,
    most: int = _MOST_METRICS,
) -> Values:
    shown = _shown_metrics(result, most)
    # A slice's metrics need not be adjacent: those of families follow all others.
    by_slice: dict[str, list[Metric]] = {}
    for metric in shown:
        by_slice.setdefault(metric.slice, []).append(metric)
    return {
        "result": result,
        "metrics": by_slice,
        "shortened": len(shown) < len(result.metrics),
        "methods": list(dict.fromkeys(metric.method for metric in shown)),
        "outcomes": [
            {
                "name": str(outcome),
                "count": result.states[outcome],
                "known": is_known(outcome, result),
                "href": _from_run(result, first_pages[outcome], f"show={outcome}")
                if outcome in first_pages
                else "",
            }
            for outcome in Outcome
        ],
        "pages": [
            {"number": number, "href": _from_run(result, number)}
            for number in _spread(result.pages)
        ],
        "labels": {
            "count": publisher.count,
            "differing": [
                {
                    "name": f"{sample.asked.problem.id}, sample {sample.generation.sample}",
                    "href": _from_run(result, sample.page, sample.anchor),
                }
                for sample in publisher.differing
            ],
        },
    }


def _shown_metrics(result: Result, most: int) -> list[Metric]:
    """Return the metrics of the whole task, and of slices as many of the first as there is room."""
    found = [metric for metric in result.metrics if _is_shown(metric, result)]
    whole = [metric for metric in found if metric.slice == WHOLE]
    slices = [metric for metric in found if metric.slice != WHOLE]
    if len(whole) + len(slices) > most:
        ranked_by = {DEFAULT_METRIC, metric_name(PRIMARY, [result.entry])}
        slices = [metric for metric in slices if metric.name in ranked_by]
    return [*whole, *slices[: max(0, most - len(whole))]]


def _spread(pages: int) -> list[int]:
    """Return the numbers of pages that are linked: all of a few, of many the ends and some."""
    step = -(-pages // _MOST_PAGES)
    return sorted({*range(1, pages + 1, max(1, step)), *([pages] if pages else [])})


def is_known(outcome: Outcome, result: Result) -> bool:
    """Return whether the count of an outcome is all of it.

    Without finish reasons, as in most imports, some samples may have been cut by the token limit.
    """
    return outcome is not Outcome.TRUNCATED or result.metric(outcome) is not None


def _is_shown(metric: Metric, result: Result) -> bool:
    """Return whether a metric is on the page: of many K the powers of two and the largest."""
    _, k = shown_as(metric.name)
    return k == result.entry.samples or is_power_of_two(k)


def _from_run(result: Result, page: int, anchor: str = "") -> str:
    """Return the relative address of a page of samples, from the run's page."""
    address = samples_page(result, page).removeprefix("run/")
    return f"{address}#{anchor}" if anchor else address


def _manifest_facts(result: Result) -> Mapping[str, object]:
    manifest = asdict(result.manifest)
    manifest["finished"] = manifest["finished"] or "no"
    words = {"samples": "samples per problem", "started": "begun"}
    return {words.get(name, name): value for name, value in manifest.items() if name != "format"}


def _facts(prefix: str, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield (path, value) for each leaf of a nested mapping."""
    for name, value in values.items():
        path = f"{prefix} › {name}" if prefix else str(name)
        if isinstance(value, Mapping):
            yield from _facts(path, value)
        elif isinstance(value, list | tuple):
            yield path, ", ".join(map(str, value))
        elif value is not None:
            yield path, str(value)


# --- samples ---------------------------------------------------------------------------------

LIMITS = {
    "question": 20_000,
    "output": 10_000,
    "answer": 400,
    "question_elements": 1_000,
    "answer_elements": 100,
}
"""Maximum characters of a text that is shown in full, and elements of its formulas."""
_QUESTIONS = 50_000
"""Characters of questions on a page of samples."""
_QUESTION_ELEMENTS, _ANSWER_ELEMENTS = 2_000, 700
"""Elements of formulas on a page of samples."""


def _limits(samples: Sequence[ShownSample], problems: int) -> Mapping[str, int]:
    """Return the limits of texts and formulas, but of outputs, for which a page is small enough."""
    answers = max(1, _ANSWER_ELEMENTS // (len(samples) + problems))
    return {
        "question": min(LIMITS["question"], max(300, _QUESTIONS // problems)),
        "answer": LIMITS["answer"],
        "question_elements": LIMITS["question_elements"],
        "answer_elements": min(LIMITS["answer_elements"], answers),
    }


_PAGE, _FEWEST = 150_000, 30_000
"""Characters of questions with their formulas, outputs and reasoning on a page of samples, and the
fewest of them that are left to outputs and reasoning."""


def samples_values(
    result: Result,
    number: int,
    samples: Sequence[ShownSample],
    prompts: Mapping[str, Prompt] = MappingProxyType({}),
    following: Mapping[str, ShownSample] = MappingProxyType({}),
) -> Values:
    """Return the variables of the template for one page of samples.

    Args:
        result: the result.
        number: the number of the page, from 1.
        samples: those of the page.
        prompts: by problem, as sent; imports have none.
        following: by the place of a sample the next one of the same state, on any page.
    """
    problems = [(asked, [*group]) for asked, group in groupby(samples, key=lambda one: one.asked)]
    limits = _limits(samples, len(problems))
    questions = _questions([asked.problem.question for asked, _ in problems], limits)
    room = _room(samples, max(_FEWEST, _PAGE - sum(map(len, questions))))
    limits = {**limits, "output": room, "reasoning": room}
    present = Counter(sample.state for sample in samples)
    first = (number - 1) * SAMPLES_PER_PAGE + 1
    return {
        "result": result,
        "short": result.display or result.model,
        "number": number,
        "first": first,
        "last": first + len(samples) - 1,
        "choices": [
            choice(str(name), state.glyph, state.word, present[name])
            for name, state in STATES.items()
            if present[name]
        ],
        "problems": [
            (
                asked,
                questions[place],
                " ".join(dict.fromkeys(sample.state for sample in group)),
                [
                    sample_article(result, sample, following.get(sample.anchor), limits)
                    for sample in group
                ],
                _prompt(prompts.get(asked.problem.id), len(problems)),
            )
            for place, (asked, group) in enumerate(problems)
        ],
        "pages": list(_pager(result, number)),
        "limits": limits,
    }


_PROMPTS = 50_000
"""Characters of prompts on a page of samples."""


def _prompt(prompt: Prompt | None, problems: int) -> Values | None:
    """Return a prompt with its turns; None if it is unknown."""
    if prompt is None:
        return None
    turns = [(turn.role, turn.content) for turn in prompt.messages] or [("", prompt.text or "")]
    return {
        "turns": [{"role": role, "content": content} for role, content in turns],
        "length": sum(len(content) for _, content in turns),
        "limit": max(100, _PROMPTS // (problems * len(turns))),
    }


def _room(samples: Sequence[ShownSample], most_bytes: int) -> int:
    """Return the maximum characters of a text for which all of a page are at most so many bytes."""
    pairs = [(one.generation.text, one.generation.reasoning or "") for one in samples]
    texts = [text for pair in pairs for text in pair]
    lengths = sorted(map(len, texts))
    left, most = int(most_bytes / _bytes_per_character(texts)), LIMITS["output"]
    for place, length in enumerate(lengths):
        fair = left // (len(lengths) - place)
        if length > fair:
            return min(most, fair)
        left -= min(length, most)
    return most


def _questions(texts: Sequence[str], limits: Mapping[str, int]) -> list[Markup]:
    """Return the questions of a page with their formulas, as long as there is room for them."""
    left = _QUESTION_ELEMENTS
    shown: list[Markup] = []
    for text in texts:
        most = min(left, limits["question_elements"])
        made = question(text, {**limits, "question_elements": most})
        left -= made.count("</")
        shown.append(made)
    return shown


def next_of_state(samples: Sequence[ShownSample]) -> dict[str, ShownSample]:
    """Return by the place of each sample the next one of the same state; the last has none."""
    before: dict[str, ShownSample] = {}
    following: dict[str, ShownSample] = {}
    for sample in samples:
        if (earlier := before.get(sample.state)) is not None:
            following[earlier.anchor] = sample
        before[sample.state] = sample
    return following


def _bytes_per_character(texts: Sequence[str]) -> float:
    """Return how long the characters of some texts are on a page: Chinese ones have three bytes."""
    characters = sum(map(len, texts))
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    escaped = sum(text.count(sign) for text in texts for sign in "<>&\"'")
    return (size + 4 * escaped) / characters if characters else 1.0


_NEIGHBOURS = 3
"""Number of pages that are linked at both ends and on both sides of the current page."""


def _pager(result: Result, number: int) -> Iterator[Values]:
    """Yield variables for the links to the first and last pages and those around this one."""
    before = 0
    for page in range(1, result.pages + 1):
        from_end = min(page - 1, result.pages - page)
        if min(from_end, abs(page - number)) < _NEIGHBOURS:
            href = samples_page(result, page).rpartition("/")[2]
            yield {"number": page, "href": href, "gap": page > before + 1}
            before = page
