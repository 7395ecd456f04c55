"""Who stands beside whom: what may be compared, what differs, and which ranks are settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mathreason_eval.compare.pairing import metric_name, metric_of
from mathreason_eval.runs.manifest import Conditions, differences
from mathreason_eval.site.results import Result
from mathreason_eval.stats.estimators.items import cluster_of
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.ranking import Rank, ranking
from mathreason_eval.types import Metric, ModelEntry, RunManifest, SamplingEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One result among those of its task."""

    result: Result
    metric: Metric | None
    """The column's metric; None if nothing was judged, or it does not have that one."""
    differs: tuple[str, ...] = ()
    """In what it is not comparable with the rest of its task, a phrase each."""
    lacks: tuple[str, ...] = ()
    """What is missing of it, a phrase each."""
    rank: tuple[int, int] | None = None
    """Best and worst rank that the common problems leave open; None if it cannot be ranked."""
    leads: bool = False
    """Whether it is surely above all others that may be compared; a tie leads nowhere."""

    @property
    def ranked(self) -> bool:
        """Return whether it may be compared at all."""
        return self.metric is not None and not self.differs and not self.lacks


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """All results of one task, best first, and the one whose conditions most of them share."""

    task: str
    page: str
    metric: str
    """The metric that they are ranked by: the reference's primary one."""
    reference: Result
    standings: tuple[Standing, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One run, or several that could have been one: of the same settings, and no task in common."""

    model: str
    cells: Mapping[str, Standing]
    """By task."""

    @property
    def pages(self) -> tuple[str, ...]:
        """Return the pages of its runs; each cell has that of its own."""
        return tuple(dict.fromkeys(cell.result.page for cell in self.cells.values()))


def settings(manifest: RunManifest) -> str:
    """Return how samples were drawn, in a few words."""
    temperature = manifest.sampling.temperature
    words = []
    if temperature is not None:
        words.append(f"temperature {temperature:g}" if temperature else "greedy")
    if manifest.model.backend == "import":
        words.append("imported")
    words.append(f"{manifest.samples:,} samples" if manifest.samples != 1 else "1 sample")
    if manifest.seed:
        words.append(f"seed {manifest.seed}")
    # A line may end between two of them, never within one.
    return ", ".join(word.replace(" ", "\N{NO-BREAK SPACE}") for word in words)


# --- columns ---------------------------------------------------------------------------------


def columns(results: Sequence[Result]) -> tuple[Column, ...]:
    """Return the tasks, the one with most results first."""
    by_task: dict[str, list[Result]] = {}
    for result in results:
        by_task.setdefault(result.task, []).append(result)
    ordered = sorted(by_task.values(), key=len, reverse=True)
    return tuple(_column(same_task) for same_task in ordered)


def _column(results: Sequence[Result]) -> Column:
    of_all = [_conditions(result) for result in results]
    common = Counter(of_all)
    # Most shared first, then most problems; of equals the first.
    reference, usual = max(
        zip(results, of_all, strict=True),
        key=lambda pair: (common[pair[1]], len(pair[0].problems)),
    )
    metric = metric_name(PRIMARY, [reference.entry])
    standings = [
        Standing(
            result=result,
            metric=result.metric(metric),
            differs=tuple(words for _, words in differences(own, usual)),
            lacks=tuple(_lacks(result, metric)),
        )
        for result, own in zip(results, of_all, strict=True)
    ]
    return Column(
        task=reference.task,
        page=reference.task_page,
        metric=metric,
        reference=reference,
        standings=_ranked(standings, metric),
    )


def _conditions(result: Result) -> Conditions:
    return Conditions.of(result.entry, [asked.problem.id for asked in result.problems])


def _lacks(result: Result, metric: str) -> Iterator[str]:
    if result.missing:
        yield f"{result.missing:,} of {result.missing + result.stored:,} samples are missing"
    if unjudged := result.stored - result.judged:
        yield f"{unjudged:,} samples are not judged yet"
    if not result.judged:
        return
    contender = result.contenders.get(metric)
    if contender is None:
        yield f"its problems have no {metric}"
    elif (lost := len(result.problems) - len(contender.scores)) and result.complete:
        yield f"{lost:,} problems have no {metric}"


def _ranked(standings: Sequence[Standing], metric: str) -> tuple[Standing, ...]:
    """Return the standings best first, with the ranks that their common problems leave open."""
    ranked = [standing for standing in standings if standing.ranked]
    placed = iter(_places([standing.result for standing in ranked], metric))
    return tuple(
        sorted(
            (_placed(one, next(placed)) if one.ranked else one for one in standings),
            key=lambda s: -1.0 if s.metric is None else s.metric.value,
            reverse=True,
        )
    )


def _places(results: Sequence[Result], metric: str) -> list[Rank]:
    """Return where results stand that asked the same problems."""
    if not results:
        return []
    contenders = [result.contenders[metric] for result in results]
    source = results[0].entry.report.cluster
    asked = [one.problem for one in results[0].problems]
    return ranking(
        contenders,
        {problem.id: cluster_of(problem, source) for problem in asked},
        counted=metric_of(results[0].entry, metric).definition.is_counted,
    )


def _placed(standing: Standing, place: Rank) -> Standing:
    return replace(standing, rank=(place.best, place.worst), leads=place.leads)


# --- rows ------------------------------------------------------------------------------------


def rows(table: Sequence[Column]) -> tuple[Row, ...]:
    """Return the rows, best of the first task first."""
    by_run: dict[str, dict[str, Standing]] = {}
    for column in table:
        for standing in column.standings:
            by_run.setdefault(standing.result.page, {})[column.task] = standing
    alike: list[tuple[_Settings, list[dict[str, Standing]]]] = []
    for cells in by_run.values():
        own = _settings(next(iter(cells.values())).result.manifest)
        same = next((held for usual, held in alike if usual == own), None)
        if same is None:
            alike.append((own, same := []))
        same.append(cells)
    made = [_row(cells) for _, held in alike for cells in _joined(held)]
    return tuple(sorted(made, key=lambda row: _order(row, table)))


_Settings = tuple[ModelEntry, SamplingEntry, int, int]


def _settings(manifest: RunManifest) -> _Settings:
    """Return all that two runs must have in common to stand in one row, and no less."""
    return manifest.model, manifest.sampling, manifest.seed, manifest.samples


def _joined(runs: Sequence[Mapping[str, Standing]]) -> list[Mapping[str, Standing]]:
    """Return the runs of the same settings as one, if there is no choice in it; else each."""
    tasks = [task for cells in runs for task in cells]
    if len(set(tasks)) < len(tasks):
        return [*runs]
    return [{task: standing for cells in runs for task, standing in cells.items()}]


def _row(cells: Mapping[str, Standing]) -> Row:
    return Row(model=next(iter(cells.values())).result.model, cells=cells)


def _order(row: Row, table: Sequence[Column]) -> tuple[float, ...]:
    """Return what rows are sorted by: task by task, the higher the accuracy the earlier."""
    metrics = (row.cells[c.task].metric if c.task in row.cells else None for c in table)
    return tuple(1.0 if metric is None else -metric.value for metric in metrics)
