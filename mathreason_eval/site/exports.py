"""The numbers of a site as tables for programs: CSV, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.site.problems import ProblemEntry
from mathreason_eval.text.cells import cell, encodable

Value = str | int | float | bool | None
_Cells = Sequence[Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows of a table; a column's values have one type."""

    columns: Mapping[str, type]
    """The type of each column, by its name."""
    rows: Sequence[_Cells]


# --- contents --------------------------------------------------------------------------------

_RESULTS: Mapping[str, type] = {
    "task": str, "model": str, "run": str, "ranked": bool, "rank_best": int, "rank_worst": int,
    "group": int, "leads": bool, "metric": str, "value": float, "low": float, "high": float,
    "problems": int, "samples": int, "missing": int, "notes": str,
}  # fmt: skip


def results_table(table: Iterable[Column]) -> Table:
    """Return a row for each result of each task."""
    return Table(columns=_RESULTS, rows=[*_results(table)])


def _results(table: Iterable[Column]) -> Iterator[_Cells]:
    for column in table:
        for one in column.standings:
            best, worst = one.rank or (None, None)
            yield (
                column.task, one.result.model, one.result.page, one.ranked, best, worst, one.group,
                one.leads, column.metric, *_figures(one), len(one.result.problems),
                one.result.judged,
                one.result.missing, "; ".join((*one.differs, *one.lacks, *one.fails)),
            )  # fmt: skip


_METRICS: Mapping[str, type] = {
    "task": str, "model": str, "run": str, "slice": str, "metric": str, "unit": str, "value": float,
    "low": float, "high": float, "se": float, "problems": int, "samples": int, "method": str,
}  # fmt: skip


def metrics_table(table: Iterable[Column]) -> Table:
    """Return a row for each metric of each result."""
    return Table(
        columns=_METRICS,
        rows=[
            (
                column.task, one.result.model, one.result.page, m.slice, m.name, str(m.unit),
                m.value, m.low, m.high, m.se, m.problems, m.samples, m.method,
            )
            for column in table
            for one in column.standings
            for m in one.result.metrics
        ],
    )  # fmt: skip


_PROBLEMS: Mapping[str, type] = {
    "problem": str, "question": str, "gold": str, "solved": float, "kind": str, "models": int,
    "doubtful_answer": str, "page": str,
}  # fmt: skip


def _figures(standing: Standing) -> tuple[float | None, float | None, float | None]:
    metric = standing.metric
    return (None, None, None) if metric is None else (metric.value, metric.low, metric.high)


def problems_table(column: Column, entries: Iterable[ProblemEntry]) -> Table:
    """Return a row for each problem of a task, the hardest first."""
    return Table(
        columns=_PROBLEMS,
        rows=[
            (
                entry.problem.id, entry.problem.question, " or ".join(entry.problem.gold),
                entry.share, entry.kind, len(entry.asked),
                None if entry.doubt is None else entry.doubt.answer,
                f"task/{column.page}/{entry.address}.html",
            )
            for entry in entries
        ],
    )  # fmt: skip


_VERDICTS: Mapping[str, type] = {
    "model": str, "run": str, "problem": str, "sample": int, "outcome": str, "answer": str,
    "rule": str, "note": str, "tokens": int,
}  # fmt: skip


def verdicts_table(column: Column) -> Table:
    """Return a row for each sample of a task."""
    return Table(
        columns=_VERDICTS,
        rows=[
            (
                one.result.model, one.result.page, asked.problem.id, shot.sample, shot.state,
                shot.answer, shot.rule, shot.note, shot.tokens,
            )
            for one in column.standings
            for asked in one.result.problems
            for shot in asked.shots
        ],
    )  # fmt: skip


# --- formats ---------------------------------------------------------------------------------


def as_csv(table: Table) -> bytes:
    """Return a table as CSV, UTF-8; an absent value is an empty cell.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(
        [cell(value) if isinstance(value, str) else value for value in row] for row in table.rows
    )
    return stream.getvalue().encode("utf-8")


def as_parquet(table: Table) -> bytes | None:
    """Return a table as Parquet; None if pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return None
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    columns = []
    for place, kind in enumerate(table.columns.values()):
        values = [row[place] for row in table.rows]
        if kind is str:
            values = [None if value is None else encodable(str(value)) for value in values]
        columns.append(pa.array(values, kinds[kind]))
    stream = io.BytesIO()
    pq.write_table(pa.table(columns, names=[*table.columns]), stream, compression="zstd")
    return stream.getvalue()
