"""Import of stored outputs: JSON lines, CSV or Parquet, one output per row.

Another format with one output per row needs only a function that reads its rows: see `importer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from mathreason_eval.errors import DataError, UnknownNameError
from mathreason_eval.pipeline.importers.files import Budget
from mathreason_eval.pipeline.importers.folders import (
    ImportPart,
    ImportPlan,
    check_folders,
    make_run,
)
from mathreason_eval.pipeline.importers.publisher import differs
from mathreason_eval.pipeline.importers.rows import COLUMNS, SampleRow, UnusableRow, sample_row
from mathreason_eval.pipeline.importers.sources import (
    by_model,
    folder_names,
    own_problems,
    with_models,
)
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.runs.store import Run
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import Loaded, content_hash, load_problems
from mathreason_eval.tasks.readers import NumberedRow, Row, numbered_rows
from mathreason_eval.types import (
    Problem,
    Verdict,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """A sample on which the publisher's verdict differs from ours."""

    label: bool
    """The publisher's verdict."""
    verdict: Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """One run made from stored outputs."""

    run: Run
    labels: int
    """Number of samples with a publisher's verdict."""
    disagreements: tuple[Disagreement, ...]
    rows: int
    """Rows of the file, of other models too."""
    repeated: int
    """Rows of this model that repeat an earlier row of the same sample."""
    unusable: tuple[UnusableRow, ...]
    """Rows without a sample: of this model, or of no model that got a run."""
    unknown: Mapping[str, int]
    """How often a column has a value that it cannot have: `finish_reason 'abort'`."""


class Importer(Protocol):
    """Converts another program's stored outputs to graded runs."""

    def __call__(
        self,
        path: Path,
        task: Task,
        out: Path,
        *,
        model: str | None = None,
        data: Sequence[str] = (),
        grading: tuple[int, float] = GRADING,
    ) -> tuple[Imported, ...]:
        """Return graded runs made from stored outputs, one folder per model under `out`.

        Args:
            path: the file.
            task: the task whose extraction and grading rules apply.
            out: the folder under which the run folders are made.
            model: the name of the model of all rows, instead of the one that a row names.
            data: files with the task's problems, as for `mathreason run --data`.
            grading: (worker processes, seconds of computer algebra for one answer).

        Raises:
            DataError: if no row can be used, or two rows differ on one sample or problem.
            RunError: if a run folder exists already, unless this import began it and was ended
                before all was done. Nothing has been written then.
        """
        ...


def importer(read: Callable[[Path], Iterable[Row]]) -> Importer:
    """Return the importer of a format, given the function that reads the rows of a file.

    A row has `output`, `id`, and optionally `sample` (default: order of appearance), `model`,
    `question` and `gold` (needed if the task's data does not have the id), `score` (a reward
    model's), `correct` (the publisher's verdict), `finish_reason` and token counts.
    """
    return numbered_importer(
        lambda path: (NumberedRow(number=n, row=row) for n, row in enumerate(read(path), 1))
    )


def numbered_importer(read: Callable[[Path], Iterable[NumberedRow]]) -> Importer:
    """Return the importer of a format whose reader yields each row with its line number."""

    def import_file(
        path: Path,
        task: Task,
        out: Path,
        *,
        model: str | None = None,
        data: Sequence[str] = (),
        grading: tuple[int, float] = GRADING,
    ) -> tuple[Imported, ...]:
        budget = Budget()
        budget.credit(path)
        rows = []
        for row in read(path):
            budget.hold(row.row, path)
            rows.append(sample_row(row))
        if not rows:
            raise DataError(f"{path} has no rows.", "Check that it is the right file.")
        rows = with_models(rows, path, model)
        own = own_problems(rows, path)
        problems, loaded = _problems(task, rows, own, data, path)
        sources = by_model(rows, problems, path)
        folders = [out / name for name in folder_names([one.model for one in sources])]
        plans = [
            ImportPlan.of(
                [ImportPart(task=task, loaded=loaded, source=source)], folder, {"file": path.name}
            )
            for source, folder in zip(sources, folders, strict=True)
        ]
        check_folders(plans, out)
        return tuple(imported(plan, make_run(plan, grading)) for plan in plans)

    return import_file


import_jsonl = numbered_importer(numbered_rows)
"""Imports JSONL, JSONL.gz, CSV or Parquet."""


def renaming_importer(columns: Mapping[str, str]) -> Importer:
    """Return the importer of rows whose columns have other names.

    Args:
        columns: by our name of a column the one that the file has.

    Raises:
        UnknownNameError: if there is no such column of ours.
    """
    for ours in columns:
        if ours not in COLUMNS:
            raise UnknownNameError("column", ours, COLUMNS, "docs/import.md describes them.")

    def renamed(path: Path) -> Iterator[NumberedRow]:
        lacking, met = set(columns.values()), dict[str, None]()
        for one in numbered_rows(path):
            own = {ours: one.row[theirs] for ours, theirs in columns.items() if theirs in one.row}
            lacking -= one.row.keys()
            met.update(dict.fromkeys(one.row if lacking else ()))
            yield replace(one, row={**one.row, **own})
        # What a file has under our name is not what the user asked for.
        for name in columns.values():
            if name in lacking:
                raise UnknownNameError(f"column in {path}", name, met)

    return numbered_importer(renamed)


def _problems(
    task: Task,
    rows: Sequence[SampleRow],
    own: Mapping[str, Problem],
    data: Sequence[str],
    path: Path,
) -> tuple[Mapping[str, Problem], Loaded]:
    """Return the problems by id, and the data.

    The task's data decides where it is at hand, or named by the user. Else a row's own question and
    gold do, and the task's data is loaded for the ids that have none.
    """
    if data or task.local:
        loaded = load_problems(task, data)
        return {**own, **{problem.id: problem for problem in loaded.problems}}, loaded
    lacking = {row.problem_id for row in rows if row.problem_id is not None} - own.keys()
    if lacking:
        loaded = load_problems(task, data)
        known = {problem.id: problem for problem in loaded.problems}
        if not own:
            return known, loaded
        own = {**own, **{name: known[name] for name in known if name in lacking}}
    held = tuple(own.values())
    return own, Loaded(
        problems=held, source=path.name, revision="", sha256=content_hash(held), rows=len(held)
    )


def imported(plan: ImportPlan, run: Run) -> Imported:
    """Return what an import made of one model's rows."""
    sources = [part.source for part in plan.parts]
    return Imported(
        run=run,
        labels=sum(one.label is not None for source in sources for one in source.generations),
        disagreements=tuple(one for task in run.tasks() for one in disagreements(run, task)),
        rows=sum(source.read for source in sources),
        repeated=sum(source.repeated for source in sources),
        unusable=tuple(row for source in sources for row in source.unusable),
        unknown=plan.unknown,
    )


def disagreements(run: Run, task: str) -> Iterable[Disagreement]:
    """Yield the samples on which the publisher's verdict differs from ours.

    Our outcome counts as correct or not correct. Samples that lack a verdict are skipped.
    """
    for sample in run.samples(task):
        label, verdict = sample.generation.label, sample.verdict
        if label is not None and verdict is not None and differs(sample):
            yield Disagreement(label=label, verdict=verdict)
