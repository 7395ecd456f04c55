"""Import of stored outputs: JSON lines, CSV or Parquet, one output a row.

Another format whose file holds one output a row needs only what reads its rows: see `importer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from mathreason_eval.errors import DataError, RunError
from mathreason_eval.pipeline.grading import (
    GRADING,
    GradingQueue,
    split_output,
    submit_stored,
    write_verdicts_and_metrics,
)
from mathreason_eval.pipeline.plan import TaskRules, task_entry
from mathreason_eval.runs.manifest import describe_model, new_manifest, now
from mathreason_eval.runs.store import Run, RunWriter, is_run, load_run
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import Loaded, content_hash, load_problems
from mathreason_eval.tasks.readers import Row, read_rows
from mathreason_eval.text import slug
from mathreason_eval.types import (
    Generation,
    Outcome,
    Problem,
    PromptEntry,
    SamplingEntry,
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """The rows of one model, and the problems of all rows."""

    model: str
    rows: Sequence[Row]
    problems: Mapping[str, Problem]
    loaded: Loaded


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
        """Return graded runs made from stored outputs, one folder a model under `out`.

        Args:
            path: the file.
            task: whose extraction and grading apply.
            out: the folder under which the run folders are made.
            model: the name of the model of all rows, in place of the one that a row names.
            data: files with the task's problems, as for `mathreason run --data`.
            grading: (worker processes, seconds of computer algebra for one answer).

        Raises:
            DataError: if a row is malformed or its problem is unknown.
            RunError: if a run folder exists already.
        """
        ...


def importer(read: Callable[[Path], Iterable[Row]]) -> Importer:
    """Return the importer of a format, given what reads the rows of a file.

    A row has `output`, `id`, and optionally `sample` (default: order of appearance), `model`,
    `question` and `gold` (needed where the task's data does not hold the id), `score` (a reward
    model's), `correct` (the publisher's verdict), `finish_reason` and token counts.
    """

    def import_file(
        path: Path,
        task: Task,
        out: Path,
        *,
        model: str | None = None,
        data: Sequence[str] = (),
        grading: tuple[int, float] = GRADING,
    ) -> tuple[Imported, ...]:
        by_model: dict[str, list[Row]] = {}
        for row in read(path):
            name = model or str(row.get("model") or path.name.partition(".")[0])
            by_model.setdefault(name, []).append(row)
        if not by_model:
            raise DataError(f"{path} holds no rows.", "Is it the right file?")
        rows = [row for rows in by_model.values() for row in rows]
        problems, loaded = _problems(task, rows, data, path)
        sources = [
            _Source(model=name, rows=rows, problems=problems, loaded=loaded)
            for name, rows in by_model.items()
        ]
        return tuple(_import(source, task, out, grading) for source in sources)

    return import_file


import_jsonl = importer(read_rows)
"""Imports JSONL, JSONL.gz, CSV or Parquet."""


def _problems(
    task: Task, rows: Iterable[Row], data: Sequence[str], path: Path
) -> tuple[Mapping[str, Problem], Loaded]:
    """Return the problems by id, from the task's data or else from the rows, and the data."""
    own: dict[str, Problem] = {}
    wanted: dict[str, None] = {}
    for row in rows:
        identity = _identity(row, path)
        wanted[identity] = None
        if row.get("question") and row.get("gold") is not None and identity not in own:
            gold = row["gold"] if isinstance(row["gold"], list) else [row["gold"]]
            own[identity] = Problem(
                id=identity, question=str(row["question"]), gold=tuple(map(str, gold))
            )
    if data or task.local or any(identity not in own for identity in wanted):
        loaded = load_problems(task, data)
        known = {**own, **{problem.id: problem for problem in loaded.problems}}
    else:
        known, loaded = own, _loaded_from(own.values(), path)
    for identity in wanted:
        if identity not in known:
            raise DataError(
                f"{path} has an output for {identity!r}, which is no problem of {task.name}.",
                "Give the row its own question and gold, or the task's data with --data.",
            )
    return {identity: known[identity] for identity in wanted}, loaded


def _identity(row: Row, path: Path) -> str:
    if row.get("id") in (None, "") or not isinstance(row.get("output"), str):
        raise DataError(
            f"{path} has a row without an id or an output; it has {', '.join(map(str, row))}.",
            "Each row needs both; docs/import.md lists the others.",
        )
    return str(row["id"])


def _loaded_from(problems: Iterable[Problem], path: Path) -> Loaded:
    held = tuple(problems)
    digest = content_hash(held)
    return Loaded(problems=held, source=path.name, revision="", sha256=digest, rows=len(held))


def _import(source: _Source, task: Task, out: Path, grading: tuple[int, float]) -> Imported:
    folder = out / slug(source.model)
    if is_run(folder):
        raise RunError(f"{folder} is a run already.", "Delete it or choose another -o.")
    rules = TaskRules.of(task)
    generations = list(_generations(source.rows))
    prompt = PromptEntry(id="imported", sha256=None)
    entry = task_entry(task, source.loaded, len(source.problems), prompt, None)
    manifest = new_manifest(
        describe_model(source.model, {"backend": "import"}),
        SamplingEntry(temperature=None, top_p=None),
        {task.name: entry},
        samples=max(generation.sample for generation in generations) + 1,
    )
    with RunWriter(folder) as writer, GradingQueue(grading) as queue:
        writer.write_manifest(manifest)
        writer.write_problems(task.name, source.problems.values())
        for generation in generations:
            writer.append(task.name, generation)
        run = load_run(folder)
        submit_stored(queue, run, task.name, rules)
        run = write_verdicts_and_metrics(queue, writer, run, {task.name: rules})
        run = run.updated(replace(run.manifest, finished=now()))
        writer.write_manifest(run.manifest)
    return Imported(
        run=run,
        labels=sum(generation.label is not None for generation in generations),
        disagreements=tuple(disagreements(run, task.name)),
    )


def disagreements(run: Run, task: str) -> Iterable[Disagreement]:
    """Yield the samples on which the publisher's verdict differs from ours.

    Ours is "correct" or any other outcome. Samples without either verdict are skipped.
    """
    for sample in run.samples(task):
        label, verdict = sample.generation.label, sample.verdict
        if label is None or verdict is None:
            continue
        if label != (verdict.outcome is Outcome.CORRECT):
            yield Disagreement(label=label, verdict=verdict)


def _generations(rows: Iterable[Row]) -> Iterable[Generation]:
    seen: Counter[str] = Counter()
    for row in rows:
        identity = str(row["id"])
        stated = _count(row, "sample")
        sample = seen[identity] if stated is None else stated
        seen[identity] += 1
        text, reasoning = split_output(row["output"])
        yield Generation(
            problem_id=identity,
            sample=sample,
            text=text,
            reasoning=reasoning,
            finish_reason=str(row["finish_reason"]) if row.get("finish_reason") else None,
            prompt_tokens=_count(row, "prompt_tokens"),
            completion_tokens=_count(row, "completion_tokens"),
            seed=_count(row, "seed"),
            seconds=_number(row, "seconds"),
            reward=_number(row, "score"),
            label=_label(row),
        )


_LABELS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def _label(row: Row) -> bool | None:
    """Return the publisher's verdict, which in CSV is text; None where it is empty or missing.

    Raises:
        DataError: if it is neither true nor false.
    """
    value = row.get("correct")
    if value in (None, ""):
        return None
    try:
        return _LABELS[str(value).strip().lower()]
    except KeyError:
        raise DataError(
            f"The row of {row['id']!r} has {value!r} as its correct.",
            "Write true or false, 1 or 0, or nothing.",
        ) from None


def _number(row: Row, name: str) -> float | None:
    """Return the number in a column, which in CSV is text; None where it is empty or missing.

    Raises:
        DataError: if it is not a number.
    """
    value = row.get(name)
    if value in (None, ""):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DataError(
            f"The row of {row['id']!r} has {value!r} as its {name}.", "Write a number, or nothing."
        ) from None


def _count(row: Row, name: str) -> int | None:
    """Return the integer in a column; None where it is empty or missing.

    Raises:
        DataError: if it is not an integer.
    """
    number, value = _number(row, name), row.get(name)
    if number is None or value is None:
        return None
    if not number.is_integer():
        raise DataError(
            f"The row of {row['id']!r} has {value!r} as its {name}.",
            "Write a whole number, or nothing.",
        )
    # Not from the float, which cannot represent every seed.
    return int(number) if isinstance(value, float) or "." in str(value) else int(value)
