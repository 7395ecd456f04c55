"""The leaderboard: a static site of runs, in which every number links to its samples.

    index.html                       models by tasks
    model/MODEL.html                 one model: all its results
    task/TASK.html                   one task: ranks, every problem as a stripe, slices, curves
    task/TASK/all-001.html           a hundred of its problems; as well those that split the models
    task/TASK/charts.html            what its results measured, drawn: variants, lengths, …
    task/TASK/models.html            the problems that set each of its models apart
    task/TASK/PROBLEM.html           one problem: the answers of all models, in classes
    compare/TASK/A-and-B.html        two results: flips both ways, tests, slices
    run/RUN.html                     one run: outcomes that add up, metrics, how it was made
    run/RUN/TASK-samples-001.html    a hundred samples, each with the reason of its verdict
    index.json, run/RUN.json         the same numbers for programs
    data/…                           tables of everything as CSV and Parquet, licences, BibTeX
    feed.xml, changes.json           what changed, and when

The pages need no server and no script. A model's text is always escaped, by `visible` and Jinja,
and is never used as the name of a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mathreason_eval.errors import UserError
from mathreason_eval.resources import resource_dir
from mathreason_eval.runs.addresses import (
    SAMPLES_PER_PAGE,
    earlier_addresses,
    run_addresses,
)
from mathreason_eval.runs.code_commit import code_commit
from mathreason_eval.runs.manifest import now
from mathreason_eval.runs.store import Run
from mathreason_eval.site.apart_page import apart_page, apart_values
from mathreason_eval.site.changes import PAGE as CHANGES
from mathreason_eval.site.changes import extended, read_history
from mathreason_eval.site.citations import TaskFacts, bibliography, task_facts
from mathreason_eval.site.compare_page import ComparedTask, compare_values
from mathreason_eval.site.config import SiteConfig
from mathreason_eval.site.exports import (
    Table,
    as_csv,
    as_parquet,
    metrics_table,
    problems_table,
    results_table,
    verdicts_table,
)
from mathreason_eval.site.folder import SiteFolder
from mathreason_eval.site.formats import environment
from mathreason_eval.site.kept_texts import Excerpts
from mathreason_eval.site.leaderboard import Column, Standing, columns, rows
from mathreason_eval.site.missing import Missing, missing
from mathreason_eval.site.model_card import model_card
from mathreason_eval.site.model_page import ModelResult, model_values
from mathreason_eval.site.pages import (
    FIRST_PAGE,
    SITE_PAGES,
    Overview,
    PublisherVerdicts,
    Values,
    next_of_state,
    publisher_verdicts,
    run_values,
    samples_values,
)
from mathreason_eval.site.problem_page import (
    charts_page,
    list_pages,
    problem_lists,
    problem_page,
    problem_values,
)
from mathreason_eval.site.problems import ProblemEntry, problem_entries
from mathreason_eval.site.results import Result, Shown, ShownSample, read_result, samples_page
from mathreason_eval.site.settled import Matrix, compared_pairs, matrix
from mathreason_eval.site.task_charts import chart_titles, charts_values
from mathreason_eval.site.task_page import task_values
from mathreason_eval.text.jsonl import dumps
from mathreason_eval.types import Prompt
from mathreason_eval.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

_STATIC = ("site.css", "site.js")
_PLAIN = SiteConfig()


def build_site(
    runs: Sequence[Run],
    out: Path,
    *,
    made: str | None = None,
    config: SiteConfig = _PLAIN,
) -> Path:
    """Write the pages of runs into a folder; return the path of the first one.

    Addresses do not depend on the order of the runs, or on which others there are. Only what
    changed is written; pages that an earlier build wrote and this one does not are deleted, other
    files in the folder are kept. A build that is killed leaves the earlier site.

    Args:
        runs: the runs that are shown.
        out: the folder; created if it does not exist.
        made: the time that the first page gives; None for now, or, if nothing changed, the time
            that it gives already.
        config: what the site says of itself.

    Raises:
        UserError: if there are no runs, one of them is damaged, or the folder cannot be written.
    """
    if not runs:
        raise UserError("There is no run to show.", "`mathreason run` makes one.")
    try:
        folder = SiteFolder(out)
        try:
            _Builder(folder, made, config, environment(config)).build(runs)
        finally:
            folder.close()
    except OSError as error:
        raise UserError(
            f"{error.filename or out} cannot be written: {error.strerror}.", "Choose another -o."
        ) from None
    return out / FIRST_PAGE


@dataclass(frozen=True, slots=True)
class _Builder:
    folder: SiteFolder
    made: str | None
    config: SiteConfig
    templates: Environment

    def build(self, runs: Sequence[Run]) -> None:
        addresses = dict(sorted(zip(run_addresses(runs), runs, strict=True)))
        with ExitStack() as kept:
            excerpts = {
                task: kept.enter_context(closing(Excerpts(samples)))
                for task, samples in _samples_asked(runs).items()
            }
            results: list[Result] = []
            for address, run in addresses.items():
                results += self._write_run(run, address, excerpts)
            table = columns(results, self.config.order)
            matrices = {one.task: found for one in table if (found := matrix(one)) is not None}
            facts = {one.task: task_facts(one.task, self.config.hidden) for one in table}
            models: dict[str, list[ModelResult]] = {}
            for column in table:
                found = matrices.get(column.task)
                self._write_task(column, excerpts[column.task], found, facts[column.task])
                for standing in column.standings:
                    own = models.setdefault(standing.result.model_page, [])
                    own.append(ModelResult(column=column, standing=standing))
        for address, own in models.items():
            values = model_values(own)
            values["card"] = model_card(str(values["short"]), own)
            self._write_page("model.html", f"model/{address}.html", values)
            if values["card"]:
                self.folder.write(f"model/{address}.md", str(values["card"]).encode())
        for name in _STATIC:
            self.folder.write(name, (resource_dir("leaderboard") / name).read_bytes())
        self.folder.write("index.json", _json(_index_data(table)))
        self._write_data(table, facts)
        self._write_redirects(addresses)
        made = self._write_site_pages(table, matrices, missing(table, facts))
        known = {address: _lasting(run) for address, run in addresses.items()}
        earlier = self.folder.record.runs.items()
        still = {name: run for name, run in earlier if run in known.values()}
        self.folder.finish(made, {**still, **known})

    def _write_site_pages(
        self,
        table: Sequence[Column],
        matrices: Mapping[str, Matrix],
        left_out: Sequence[Missing],
    ) -> str:
        """Write the pages of the whole site; return the time that the first one gives.

        They are written last, when everything that they link to is there.
        """
        board, earlier = rows(table), self.folder.record.made
        history = read_history(self.folder.read(CHANGES))

        def pages(made: str) -> dict[str, bytes]:
            told = extended(history, table, made)
            overview = Overview(
                table=table,
                rows=board,
                history=told,
                matrices=matrices,
                missing=left_out,
                commit=code_commit(),
            )
            rendered = {
                address: self._rendered(address, address, {**values(overview), "made": made})
                for address, values in SITE_PAGES.items()
            }
            return {CHANGES: told.content(), **rendered}

        made = self.made or now()
        if self.made is None and earlier is not None and not self.folder.changes:
            same = pages(earlier)
            if all(self.folder.holds(address, content) for address, content in same.items()):
                made = earlier
        for address, content in pages(made).items():
            self.folder.write(address, content)
        return made

    def _write_data(self, table: Sequence[Column], facts: Mapping[str, TaskFacts]) -> None:
        self._write_table("data/results", results_table(table))
        self._write_table("data/metrics", metrics_table(table))
        self.folder.write("data/tasks.json", _json(_tasks_data(facts)))
        self.folder.write("data/tasks.bib", bibliography(facts.values()).encode())

    def _write_table(self, address: str, table: Table) -> None:
        self.folder.write(f"{address}.csv", as_csv(table))
        if (content := as_parquet(table)) is not None:
            self.folder.write(f"{address}.parquet", content)

    def _write_task(
        self, column: Column, excerpts: Excerpts, found: Matrix | None, facts: TaskFacts
    ) -> None:
        """Write the pages of a task and its problems."""
        entries = problem_entries(column)
        lists = problem_lists(column, entries)
        for place, entry in enumerate(entries):
            values = problem_values(column, entries, place, excerpts)
            self._write_page("problem.html", problem_page(column, entry), values)
        for address, values in list_pages(column, lists):
            self._write_page("problems.html", address, values)
        charts = charts_values(column, entries)
        if charts is not None:
            self._write_page("charts.html", charts_page(column), charts)
        titles = [] if charts is None else chart_titles(charts)
        values = task_values(column, entries, lists, found, titles, facts)
        self._write_page("task.html", f"task/{column.page}.html", values)
        if found is not None:
            self._write_comparisons(column, found, entries)
        self._write_table(f"data/{column.page}-problems", problems_table(column, entries))
        self._write_table(f"data/{column.page}-verdicts", verdicts_table(column))
        self._write_page("apart.html", apart_page(column), apart_values(column, entries))

    def _write_comparisons(
        self, column: Column, found: Matrix, entries: Sequence[ProblemEntry]
    ) -> None:
        task = ComparedTask.of(column, found, entries)
        for pair in compared_pairs(found):
            self._write_page("compare.html", pair[2].page, compare_values(column, pair, task))

    def _write_run(self, run: Run, page: str, excerpts: Mapping[str, Excerpts]) -> list[Result]:
        """Write the pages of one run and return its results, without their samples."""
        parts: list[tuple[Result, PublisherVerdicts, Mapping[str, int]]] = []
        for task in run.tasks():
            # A separate view, so that the samples are freed: a site may have many runs.
            view = run.fresh_view()
            facts = task_facts(task, self.config.hidden)
            shown = Shown(
                name=self.config.names.get(run.manifest.model.name, ""),
                withheld="" if facts.printed else facts.license or "by choice of the publisher",
            )
            result, samples = read_result(view, page, task, excerpts[task].keep, shown)
            sent = view.prompts(task) if facts.printed else ()
            prompts = {one.problem_id: one.prompt for one in sent}
            self._write_samples(result, samples, prompts)
            parts.append((result, publisher_verdicts(samples), _first_pages(samples)))
        results = [result for result, _, _ in parts]
        if results:
            self._write_page("run.html", f"run/{page}.html", run_values(parts))
            self.folder.write(f"run/{page}.json", _json(_run_data(results)))
        return results

    def _write_samples(
        self, result: Result, samples: Sequence[ShownSample], prompts: Mapping[str, Prompt]
    ) -> None:
        following = next_of_state(samples)
        for number in range(1, result.pages + 1):
            shown = samples[(number - 1) * SAMPLES_PER_PAGE : number * SAMPLES_PER_PAGE]
            values = samples_values(result, number, shown, prompts, following)
            self._write_page("samples.html", samples_page(result, number), values)

    def _write_redirects(self, addresses: Mapping[str, Run]) -> None:
        """Write pages that lead from earlier addresses of the runs to the present ones."""
        by_folder = earlier_addresses(addresses.values(), addresses)
        moved = {f"run/{name}": targets for name, targets in by_folder.items()}
        lasting: dict[str, list[str]] = {}
        for address, run in addresses.items():
            lasting.setdefault(_lasting(run), []).append(address)
        for earlier, known in self.folder.record.runs.items():
            if earlier not in addresses and known in lasting:
                moved[f"run/{earlier}"] = tuple(lasting[known])
        for earlier, targets in moved.items():
            for page in {f"{earlier}.html", *self.folder.pages_below(earlier)}:
                if page not in self.folder and self.folder.is_free(page):
                    self._write_redirect(page, page.removeprefix(earlier), targets)

    def _write_redirect(self, page: str, rest: str, targets: Sequence[str]) -> None:
        present = [
            address if (address := f"run/{target}{rest}") in self.folder else f"run/{target}.html"
            for target in targets
        ]
        targets_of = [{"address": address} for address in present]
        self._write_page("redirect.html", page, {"targets": targets_of})

    def _write_page(self, template: str, address: str, values: Values) -> None:
        self.folder.write(address, self._rendered(template, address, values))

    def _rendered(self, template: str, address: str, values: Values) -> bytes:
        text = self.templates.get_template(template).render(
            **values, root="../" * address.count("/"), version=__version__
        )
        return text.encode()


def _samples_asked(runs: Sequence[Run]) -> Counter[str]:
    """Return by task how many samples a problem has in all runs."""
    asked: Counter[str] = Counter()
    for run in runs:
        asked.update({task: entry.samples for task, entry in run.manifest.tasks.items()})
    return asked


def _lasting(run: Run) -> str:
    """Return what is known of a run also when it has other tasks, by which its page is found."""
    manifest = run.manifest
    return f"{manifest.model.name} {manifest.started} {run.path.resolve().name}"


def _first_pages(samples: Iterable[ShownSample]) -> dict[str, int]:
    """Return by state the number of the first page that has a sample in it."""
    first: dict[str, int] = {}
    for sample in samples:
        first.setdefault(sample.state, sample.page)
    return first


# --- the numbers as JSON ---------------------------------------------------------------------


SCHEMA = 1
"""Version of the layout of the JSON files; it rises when a key is renamed or removed."""


def _tasks_data(facts: Mapping[str, TaskFacts]) -> Values:
    return {"schema_version": SCHEMA, "tasks": {name: asdict(own) for name, own in facts.items()}}


def _index_data(table: Sequence[Column]) -> Values:
    return {
        "schema_version": SCHEMA,
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
        "schema_version": SCHEMA,
        "manifest": asdict(results[0].manifest),
        "tasks": {
            result.task: {
                "outcomes": dict(result.states),
                "missing": result.missing,
                "excluded": dict(result.excluded),
                "metrics": [asdict(metric) for metric in result.metrics],
                "problems": {asked.problem.id: dict(asked.states) for asked in result.problems},
            }
            for result in results
        },
    }


def _json(value: object) -> bytes:
    # ASCII: a lone surrogate in a name has no UTF-8 encoding, but JSON can escape it.
    return dumps(value, indent=1).encode() + b"\n"
