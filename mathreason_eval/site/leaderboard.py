"""Columns and rows of the leaderboard: comparability, rank ranges, leaders."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mathreason_eval.compare.pairing import metric_name, metric_of
from mathreason_eval.runs.manifest import Conditions, differences
from mathreason_eval.runs.sessions import answering_model
from mathreason_eval.site.results import STATES, Result
from mathreason_eval.stats.estimators.items import cluster_of
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.ranking import Rank, ranking
from mathreason_eval.types import Metric, ModelEntry, Outcome, RunManifest, SamplingEntry, TaskEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One result in the column of its task."""

    result: Result
    metric: Metric | None
    """The column's metric; None if nothing was judged, or the result does not have it."""
    differs: tuple[str, ...] = ()
    """Phrases that say why it is not comparable with the rest of its task."""
    lacks: tuple[str, ...] = ()
    """Phrases that say what it lacks."""
    fails: tuple[str, ...] = ()
    """Phrases that say which limit of `HEALTH_LIMITS` it exceeds."""
    rank: tuple[int, int] | None = None
    """Best and worst rank in a 95 % confidence set; None if it cannot be ranked."""
    group: int | None = None
    """1 for the best and all that are not significantly below it, and so on; None if not ranked."""
    leads: bool = False
    """Whether it is significantly above all others that it is comparable with."""

    @property
    def ranked(self) -> bool:
        """Return whether it is comparable, complete and healthy."""
        return self.metric is not None and not self.marked

    @property
    def marked(self) -> bool:
        """Return whether there is something to say of it that keeps it from being ranked."""
        return bool(self.differs or self.lacks or self.fails)


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """All results of one task, best first."""

    task: str
    page: str
    metric: str
    """The metric by which they are ranked: the reference's primary one."""
    reference: Result
    """A result whose conditions most results share."""
    standings: tuple[Standing, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One run, or several with the same settings and no task in common."""

    model: str
    cells: Mapping[str, Standing]
    """By task."""

    @property
    def pages(self) -> tuple[str, ...]:
        """Return the names of its runs in addresses."""
        return tuple(dict.fromkeys(cell.result.page for cell in self.cells.values()))

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the names of the folders of its runs."""
        return tuple(dict.fromkeys(cell.result.folder for cell in self.cells.values()))


def settings(manifest: RunManifest, task: str | None = None) -> str:
    """Return the sampling settings in words, of a task or of all: `temperature 0.6, 4 samples`."""
    temperature = manifest.sampling.temperature
    words = []
    if temperature is not None:
        words.append(f"temperature {temperature:g}" if temperature else "greedy")
    if manifest.model.backend == "import":
        words.append("imported")
    words.append(_samples([manifest.tasks[task]] if task else [*manifest.tasks.values()]))
    if manifest.seed:
        words.append(f"seed {manifest.seed}")
    # Lines break between settings, not within one.
    return ", ".join(word.replace(" ", "\N{NO-BREAK SPACE}") for word in words)


def _samples(entries: Sequence[TaskEntry]) -> str:
    """Return the samples per problem in words; where tasks differ the smallest and the largest."""
    counts = sorted({entry.samples for entry in entries})
    if len(counts) > 1:
        return f"{counts[0]:,} to {counts[-1]:,} samples"
    return "1 sample" if counts == [1] else f"{counts[0]:,} samples"


# --- columns ---------------------------------------------------------------------------------


def columns(results: Sequence[Result], order: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return the tasks, the one with most results first; the order of the results has no effect.

    Args:
        results: those of all runs.
        order: tasks that come before the others, in this order.
    """
    by_task: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda one: one.page):
        by_task.setdefault(result.task, []).append(result)
    asked = {task: place for place, task in enumerate(order)}
    ordered = sorted(
        by_task.items(),
        key=lambda pair: (asked.get(pair[0], len(asked)), -len(pair[1]), pair[0]),
    )
    return tuple(_column(same_task) for _, same_task in ordered)


def _column(results: Sequence[Result]) -> Column:
    conditions = [
        Conditions.of(result.entry, [asked.problem for asked in result.problems])
        for result in results
    ]
    count = Counter(conditions)
    # The most shared conditions, then the most problems, then no exclusions; of equals the first.
    reference, usual = max(
        zip(results, conditions, strict=True),
        key=lambda pair: (count[pair[1]], len(pair[0].problems), not pair[0].excluded),
    )
    metric = metric_name(PRIMARY, [reference.entry])
    standings = [
        Standing(
            result=result,
            metric=result.metric(metric),
            differs=tuple(words for _, words in differences(own, usual)),
            lacks=(*_lacks(result, metric), *_unlike(result, reference)),
            fails=tuple(_fails(result)),
        )
        for result, own in zip(results, conditions, strict=True)
    ]
    return Column(
        task=reference.task,
        page=reference.task_page,
        metric=metric,
        reference=reference,
        standings=_ranked(standings, metric),
    )


def _lacks(result: Result, metric: str) -> Iterator[str]:
    if result.missing:
        yield f"{result.missing:,} of {result.missing + result.stored:,} samples are missing"
    if unjudged := result.stored - result.judged:
        yield f"{unjudged:,} samples are not judged yet"
    if not result.judged:
        return
    found = result.scores.get(metric)
    if found is None:
        yield f"its problems have no {metric}"
    elif (without := result.counting - len(found.scores)) and result.complete:
        yield f"{without:,} problems have no {metric}"


def _unlike(result: Result, reference: Result) -> Iterator[str]:
    """Yield what a result excludes, unless the results that it is ranked with exclude the same."""
    if not result.exclusions.is_same(reference.exclusions):
        for reason, count in result.excluded.items():
            yield f"{count:,} samples are excluded: {reason}"


HEALTH_LIMITS: Mapping[str, float] = MappingProxyType(
    {Outcome.TRUNCATED: 0.1, Outcome.NO_ANSWER: 0.1, Outcome.UNGRADABLE: 0.05}
)
"""The largest share of samples in each outcome that is neither correct nor wrong, of a result that
is ranked. Beyond it a score measures the token limit, the answer's format or the grader."""


def _fails(result: Result) -> Iterator[str]:
    for outcome, limit in HEALTH_LIMITS.items():
        share = result.states[outcome] / result.judged if result.judged else 0.0
        if share > limit:
            word = STATES[outcome].word
            yield f"{100 * share:.1f} % of its samples are {word}, more than {100 * limit:.0f} %"


def _ranked(standings: Sequence[Standing], metric: str) -> tuple[Standing, ...]:
    """Return the standings with their ranks, best first; what is not ranked follows apart."""
    ranks = iter(_ranks([one.result for one in standings if one.ranked], metric))
    return tuple(
        sorted(
            (_with_rank(one, next(ranks)) if one.ranked else one for one in standings), key=_place
        )
    )


def _place(standing: Standing) -> tuple[bool, float, str]:
    """Return the sort key of a standing, which does not depend on the order of the runs."""
    value = -math.inf if standing.metric is None else standing.metric.value
    return not standing.ranked, -value, standing.result.page


def _ranks(results: Sequence[Result], metric: str) -> list[Rank]:
    """Return the ranks of results on the same problems."""
    if not results:
        return []
    entry = results[0].entry
    problems = [asked.problem for asked in results[0].problems]
    return ranking(
        [result.scores[metric] for result in results],
        {problem.id: cluster_of(problem, entry.report.cluster) for problem in problems},
        counted=metric_of(entry, metric).definition.is_counted,
    )


def _with_rank(standing: Standing, rank: Rank) -> Standing:
    return replace(standing, rank=(rank.best, rank.worst), group=rank.group, leads=rank.leads)


# --- rows ------------------------------------------------------------------------------------


def rows(table: Sequence[Column]) -> tuple[Row, ...]:
    """Return the rows, best of the first task first."""
    by_run: dict[str, dict[str, Standing]] = {}
    for column in table:
        for standing in column.standings:
            by_run.setdefault(standing.result.page, {})[column.task] = standing
    groups: list[tuple[_Settings, list[dict[str, Standing]]]] = []
    for cells in by_run.values():
        own = _settings(next(iter(cells.values())).result.manifest)
        same = next((group for shared, group in groups if shared == own), None)
        if same is None:
            groups.append((own, same := []))
        same.append(cells)
    made = [
        Row(model=next(iter(cells.values())).result.model, cells=cells)
        for _, group in groups
        for cells in _joined(group)
    ]
    return tuple(sorted(made, key=lambda row: _order(row, table)))


_Settings = tuple[ModelEntry, str | None, SamplingEntry, int, tuple[int, ...]]


def _settings(manifest: RunManifest) -> _Settings:
    """Return the settings that runs of one row share."""
    samples = sorted({entry.samples for entry in manifest.tasks.values()})
    # An alias may have named another model at another time.
    model = _model(manifest.model), answering_model(manifest)
    return *model, manifest.sampling, manifest.seed, tuple(samples)


_OF_THE_FILE = frozenset({"file", "rows", "repeated", "unknown", "unusable"})
"""What an import records of its file, which is nothing of the model."""


def _model(model: ModelEntry) -> ModelEntry:
    """Return a model without what an import records of its file."""
    if model.backend != "import":
        return model
    own = {name: value for name, value in model.details.items() if name not in _OF_THE_FILE}
    return replace(model, details=own)


def _joined(runs: Sequence[Mapping[str, Standing]]) -> list[Mapping[str, Standing]]:
    """Return runs of the same settings joined to one, or each by itself if any share a task."""
    tasks = [task for cells in runs for task in cells]
    if len(set(tasks)) < len(tasks):
        return [*runs]
    return [{task: standing for cells in runs for task, standing in cells.items()}]


_ABSENT = (True, math.inf)


def _order(row: Row, table: Sequence[Column]) -> tuple[float, ...]:
    """Return the sort key of rows: by each task in turn, those that are ranked in it first."""
    places = (_place(row.cells[c.task])[:2] if c.task in row.cells else _ABSENT for c in table)
    return (*(part for place in places for part in place),)
