"""The leaderboard: a static site of runs, in which every number links to its samples.

    index.html                       models by tasks
    task/TASK.html                   one task: ranks, curves, slices, and every problem by model
    run/RUN.html                     one run: outcomes that add up, metrics, how it was made
    run/RUN/TASK-samples-001.html    a hundred samples, each with the reason of its verdict
    index.json, run/RUN.json         the same numbers for programs

The pages need no server and no script. A model's text is always escaped, by `visible` and Jinja,
and is never used as the name of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mathreason_eval.errors import UserError
from mathreason_eval.resources import resource_dir
from mathreason_eval.runs.addresses import SAMPLES_PER_PAGE
from mathreason_eval.runs.files import cannot_write, replace_file
from mathreason_eval.runs.manifest import now
from mathreason_eval.runs.store import Run
from mathreason_eval.site.formats import environment
from mathreason_eval.site.leaderboard import Column, Standing, columns, rows
from mathreason_eval.site.pages import (
    FIRST_PAGE,
    SITE_PAGES,
    PublisherVerdicts,
    Values,
    publisher_verdicts,
    run_values,
    samples_values,
)
from mathreason_eval.site.results import Result, ShownSample, read_result, samples_page
from mathreason_eval.site.task_page import task_values
from mathreason_eval.text import distinct_page_names
from mathreason_eval.text.jsonl import dumps
from mathreason_eval.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

_STATIC = ("site.css", "site.js")


def build_site(runs: Sequence[Run], out: Path, *, made: str | None = None) -> Path:
    """Write the pages of runs into a folder; return the path of the first one.

    Pages of an earlier build are replaced; other files in the folder are kept.

    Args:
        runs: the runs that are shown.
        out: the folder; created if it does not exist.
        made: the time that the pages give; None for now.

    Raises:
        UserError: if there are no runs, one of them is damaged, or the folder cannot be written.
    """
    if not runs:
        raise UserError("There is no run to show.", "`mathreason run` makes one.")
    try:
        return _Builder(out, made or now(), environment()).build(runs)
    except OSError as error:
        raise UserError(
            f"{error.filename or out} cannot be written: {error.strerror}.", "Choose another -o."
        ) from None


@dataclass(frozen=True, slots=True)
class _Builder:
    out: Path
    made: str
    templates: Environment

    def build(self, runs: Sequence[Run]) -> Path:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.out, error) from None
        pages = distinct_page_names(run.path.resolve().name for run in runs)
        tasks = list(dict.fromkeys(task for run in runs for task in run.tasks()))
        task_pages = dict(zip(tasks, distinct_page_names(tasks), strict=True))
        results: list[Result] = []
        for run, page in zip(runs, pages, strict=True):
            results += self._write_run(run, page, task_pages)
        table = columns(results)
        for column in table:
            self._write_page("task.html", f"task/{column.page}.html", task_values(column))
        for name in _STATIC:
            self._write(name, (resource_dir("leaderboard") / name).read_bytes())
        self._write("index.json", _json(_index_data(table, self.made)))
        board = rows(table)
        # The first page is written last, when everything that it links to exists.
        for address in sorted(SITE_PAGES, key=FIRST_PAGE.__eq__):
            self._write_page(address, address, SITE_PAGES[address](table, board))
        return self.out / FIRST_PAGE

    def _write_run(self, run: Run, page: str, task_pages: Mapping[str, str]) -> list[Result]:
        """Write the pages of one run and return its results, without their samples."""
        parts: list[tuple[Result, PublisherVerdicts, Mapping[str, int]]] = []
        for task in run.tasks():
            # A separate view, so that the samples are freed: a site may have many runs.
            result, samples = read_result(run.fresh_view(), page, task, task_pages[task])
            self._write_samples(result, samples)
            parts.append((result, publisher_verdicts(samples), _first_pages(samples)))
        results = [result for result, _, _ in parts]
        if results:
            self._write_page("run.html", f"run/{page}.html", run_values(parts))
            self._write(f"run/{page}.json", _json(_run_data(results)))
        return results

    def _write_samples(self, result: Result, samples: Sequence[ShownSample]) -> None:
        for number in range(1, result.pages + 1):
            shown = samples[(number - 1) * SAMPLES_PER_PAGE : number * SAMPLES_PER_PAGE]
            values = samples_values(result, number, shown)
            self._write_page("samples.html", samples_page(result, number), values)

    def _write_page(self, template: str, address: str, values: Values) -> Path:
        text = self.templates.get_template(template).render(
            **values, root="../" * address.count("/"), made=self.made, version=__version__
        )
        return self._write(address, text.encode())

    def _write(self, address: str, content: bytes) -> Path:
        path = self.out / address
        replace_file(path, content, within=self.out, durable=False)
        return path


def _first_pages(samples: Iterable[ShownSample]) -> dict[str, int]:
    """Return by state the number of the first page that has a sample in it."""
    first: dict[str, int] = {}
    for sample in samples:
        first.setdefault(sample.state, sample.page)
    return first


# --- the numbers as JSON ---------------------------------------------------------------------


def _index_data(table: Sequence[Column], made: str) -> Values:
    return {
        "made": made,
        "mathreason_eval": __version__,
        "tasks": [
            {
                "task": column.task,
                "page": f"task/{column.page}.html",
                "metric": column.metric,
                "results": [_standing_data(standing) for standing in column.standings],
            }
            for column in table
        ],
    }


def _standing_data(standing: Standing) -> Values:
    result = standing.result
    return {
        "model": result.model,
        "run": f"run/{result.page}.json",
        "accuracy": None if (average := result.metric()) is None else asdict(average),
        "primary": None if standing.metric is None else asdict(standing.metric),
        "rank": standing.rank,
        "leads": standing.leads,
        "differs": standing.differs,
        "lacks": standing.lacks,
        "fails": standing.fails,
    }


def _run_data(results: Sequence[Result]) -> Values:
    return {
        "manifest": asdict(results[0].manifest),
        "tasks": {
            result.task: {
                "outcomes": dict(result.states),
                "missing": result.missing,
                "metrics": [asdict(metric) for metric in result.metrics],
                "problems": {asked.problem.id: dict(asked.states) for asked in result.problems},
            }
            for result in results
        },
    }


def _json(value: object) -> bytes:
    # ASCII: a lone surrogate in a name has no UTF-8 encoding, but JSON can escape it.
    return dumps(value, indent=1).encode() + b"\n"
