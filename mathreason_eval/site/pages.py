"""What each page shows, as the values its template asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from mathreason_eval.runs.addresses import SAMPLES_PER_PAGE
from mathreason_eval.site.charts import panel
from mathreason_eval.site.grid import SOLVED, grid
from mathreason_eval.site.results import Result, Sample, samples_page
from mathreason_eval.site.standing import Column, Row
from mathreason_eval.site.states import HEALTH, STATES
from mathreason_eval.stats.metrics import DEFAULT_METRIC, is_power_of_two, shown_as
from mathreason_eval.stats.summary import WHOLE
from mathreason_eval.text import short_names
from mathreason_eval.types import Metric, Outcome

Values = dict[str, object]
"""What a template is given."""


LIMITS = {"question": 20_000, "output": 10_000, "reasoning": 20_000, "answer": 400}
"""How many characters of a text are shown whole."""

_NEIGHBOURS = 3
"""How many pages on either side of this one, and at either end, are linked."""


def index_values(table: Sequence[Column], board: Sequence[Row]) -> Values:
    """Return what the first page shows."""
    standings = [standing for column in table for standing in column.standings]
    seen = Counter(row.model for row in board)
    short = short_names([standing.result.model for standing in standings])
    return {
        "table": table,
        "board": board,
        "heading": {row.pages: _called(row.model, row.pages, short, seen) for row in board},
        "models": len({row.model for row in board}),
        "label": _labels([standing.result for standing in standings], seen),
        "notes": [standing for standing in standings if standing.differs or standing.lacks],
        "led": any(standing.leads for standing in standings),
        "samples": sum(standing.result.judged for standing in standings),
        "others": [address for address in SITE_PAGES if address != FIRST_PAGE],
    }


def _labels(results: Iterable[Result], seen: Mapping[str, int]) -> Mapping[str, str]:
    """Return by run how its model is called on a page; where one is seen twice, with its run."""
    by_page = {result.page: result.model for result in results}
    short = short_names(by_page.values())
    return {page: _called(model, (page,), short, seen) for page, model in by_page.items()}


def _called(
    model: str, pages: Sequence[str], short: Mapping[str, str], seen: Mapping[str, int]
) -> str:
    return short[model] if seen[model] == 1 else f"{short[model]} ({', '.join(pages)})"


FIRST_PAGE = "index.html"
SITE_PAGES: Mapping[str, Callable[[Sequence[Column], Sequence[Row]], Values]] = {
    FIRST_PAGE: index_values,
}
"""Pages of the whole site by address, which is also the name of their template in `leaderboard/`.

The first page links to the others.
"""


# --- task ------------------------------------------------------------------------------------


def task_values(column: Column) -> Values:
    """Return what the page of a task shows."""
    results = [standing.result for standing in column.standings]
    slices = dict.fromkeys(m.slice for r in results for m in r.metrics if m.slice != "all")
    lines = grid(results)
    return {
        "column": column,
        "label": _labels(results, Counter(result.model for result in results)),
        "health": HEALTH,
        "panels": [drawn for result in results if (drawn := panel(result)) is not None],
        "slices": list(slices),
        "sliced": _metric_of_slices(column.metric, results),
        "grid": lines,
        "several": any(result.manifest.samples > 1 for result in results),
        "solved": [
            _choice(kind, "", word, count)
            for kind, word in SOLVED.items()
            if (count := sum(line.kind == kind for line in lines))
        ],
    }


def _metric_of_slices(metric: str, results: Iterable[Result]) -> str:
    """Return the metric that slices are shown by: the task's, or avg if slices do not have it."""
    has = any(m.name == metric and m.slice != WHOLE for r in results for m in r.metrics)
    return metric if has else DEFAULT_METRIC


def _choice(name: str, glyph: str, word: str, count: int) -> Values:
    return {"name": name, "glyph": glyph, "word": word, "count": count}


# --- run -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """How the publisher's verdicts compare with ours, where an import brought them."""

    count: int
    differing: tuple[Sample, ...]


def labels(samples: Iterable[Sample]) -> Labels:
    """Return how many judged samples have a publisher's verdict, and those that have another."""
    labelled = [s for s in samples if s.generation.label is not None and s.verdict is not None]
    return Labels(
        count=len(labelled),
        differing=tuple(s for s in labelled if s.generation.label != (s.state == Outcome.CORRECT)),
    )


def run_values(parts: Sequence[tuple[Result, Labels, Mapping[str, int]]]) -> Values:
    """Return what the page of a run shows.

    Args:
        parts: each of its results, with the publisher's labels and, by state, the first page of
            samples that has one.
    """
    first = parts[0][0]
    return {
        "page": first.page,
        "manifest": first.manifest,
        "results": [_part(*part) for part in parts],
        "facts": list(_facts("", _plain_manifest(first))),
    }


def _part(result: Result, labels: Labels, first_pages: Mapping[str, int]) -> Values:
    shown = [metric for metric in result.metrics if _is_shown(metric, result)]
    by_slice = {
        where: list(metrics) for where, metrics in groupby(shown, key=lambda metric: metric.slice)
    }
    return {
        "result": result,
        "metrics": by_slice,
        "shortened": len(shown) < len(result.metrics),
        "methods": list(dict.fromkeys(metric.method for metric in shown)),
        "outcomes": [
            {
                "name": str(outcome),
                "count": result.states[outcome],
                "href": _from_run(result, first_pages[outcome], f"show={outcome}")
                if outcome in first_pages
                else "",
            }
            for outcome in Outcome
        ],
        "pages": [
            {"number": number, "href": _from_run(result, number)}
            for number in range(1, result.pages + 1)
        ],
        "labels": {
            "count": labels.count,
            "differing": [
                {
                    "name": f"{sample.asked.problem.id}, sample {sample.generation.sample}",
                    "href": _from_run(result, sample.page, sample.anchor),
                }
                for sample in labels.differing
            ],
        },
    }


def _is_shown(metric: Metric, result: Result) -> bool:
    """Leave out most of `pass@K` and its kin where K has many values; the page's data have all."""
    _, k = shown_as(metric.name)
    return k == result.manifest.samples or is_power_of_two(k)


def _from_run(result: Result, page: int, anchor: str = "") -> str:
    """Return the way from a run's page to a page of its samples."""
    address = samples_page(result, page).removeprefix("run/")
    return f"{address}#{anchor}" if anchor else address


def _plain_manifest(result: Result) -> Mapping[str, object]:
    said = asdict(result.manifest)
    said["finished"] = said["finished"] or "no"
    called = {"samples": "samples a problem", "started": "begun"}
    return {called.get(name, name): value for name, value in said.items() if name != "format"}


def _facts(prefix: str, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield a nested mapping as (dotted name, value)."""
    for name, value in values.items():
        path = f"{prefix} › {name}" if prefix else str(name)
        if isinstance(value, Mapping):
            yield from _facts(path, value)
        elif isinstance(value, list | tuple):
            yield path, ", ".join(map(str, value))
        elif value is not None:
            yield path, str(value)


# --- samples ---------------------------------------------------------------------------------


def samples_values(result: Result, number: int, samples: Sequence[Sample]) -> Values:
    """Return what one page of samples shows."""
    present = [sample.state for sample in samples]
    first = (number - 1) * SAMPLES_PER_PAGE + 1
    return {
        "result": result,
        "number": number,
        "first": first,
        "last": first + len(samples) - 1,
        "kinds": [
            _choice(str(name), state.glyph, state.word, count)
            for name, state in STATES.items()
            if (count := present.count(name))
        ],
        "problems": [
            (asked, [_shown(sample) for sample in held])
            for asked, held in groupby(samples, key=lambda sample: sample.asked)
        ],
        "pages": list(_pager(result, number)),
        "limits": LIMITS,
    }


def _shown(sample: Sample) -> Values:
    generation = sample.generation
    cost = [f"finish reason {generation.finish_reason or 'unknown'}"]
    if generation.completion_tokens is not None:
        cost.insert(0, f"{generation.completion_tokens:,} tokens")
    if generation.prompt_tokens is not None:
        cost.append(f"{generation.prompt_tokens:,} tokens of prompt")
    if generation.seconds is not None:
        cost.append(f"{generation.seconds:,.1f} s")
    if generation.seed is not None:
        cost.append(f"seed {generation.seed}")
    if generation.reward is not None:
        cost.append(f"reward {generation.reward:g}")
    publisher = {None: "", True: "says correct", False: "says wrong"}[generation.label]
    return {"sample": sample, "cost": cost, "publisher": publisher}


def _pager(result: Result, number: int) -> Iterator[Values]:
    """Yield the pages to link: the first and last ones, and those around this one."""
    before = 0
    for page in range(1, result.pages + 1):
        from_end = min(page - 1, result.pages - page)
        if min(from_end, abs(page - number)) < _NEIGHBOURS:
            href = samples_page(result, page).rpartition("/")[2]
            yield {"number": page, "href": href, "gap": page > before + 1}
            before = page
