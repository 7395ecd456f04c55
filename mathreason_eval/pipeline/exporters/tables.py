"""Samples as a table, a row each: CSV, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mathreason_eval.errors import MissingExtraError
from mathreason_eval.pipeline.exporters.written import write
from mathreason_eval.runs.store import Run
from mathreason_eval.text.cells import cell, encodable

COLUMNS = (
    *("task", "problem_id", "sample", "question", "gold", "model", "text", "reasoning", "answer"),
    *("outcome", "correct", "rule", "found_by", "note", "finish_reason", "prompt_tokens"),
    *("completion_tokens", "seconds", "seed", "reward", "key"),
)
"""What is not known is empty, and null in Parquet."""


def rows(run: Run) -> Iterator[dict[str, Any]]:
    """Yield a row for each sample of a run, by task, problem and index."""
    for task in run.tasks():
        for sample in run.samples(task):
            made, verdict = sample.generation, sample.verdict
            of_sample = ("text", "reasoning", "finish_reason", "prompt_tokens", "completion_tokens",
                         "seconds", "seed", "reward", "key")  # fmt: skip
            yield {
                "task": task,
                "problem_id": sample.problem.id,
                "sample": made.sample,
                "question": sample.problem.question,
                # A list, in columns that hold texts: JSON.
                "gold": json.dumps(sample.problem.gold, ensure_ascii=False),
                "model": run.manifest.model.name,
                **{name: getattr(made, name) for name in of_sample},
                "answer": None if verdict is None else verdict.answer,
                "outcome": None if verdict is None else str(verdict.outcome),
                "correct": None if verdict is None else verdict.outcome == "correct",
                "rule": None if verdict is None else verdict.rule,
                "found_by": None if verdict is None else verdict.found_by,
                "note": None if verdict is None else verdict.note,
            }


def export_csv(run: Run, out: Path) -> None:
    """Write the samples of a run as CSV; what a spreadsheet would run begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: cell(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows(run)
    )
    write(out, text.getvalue())


def export_parquet(run: Run, out: Path) -> None:
    """Write the samples of a run as Parquet.

    Raises:
        MissingExtraError: if pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "logs", "Parquet") from None
    kinds = {
        "sample": pa.int64(), "prompt_tokens": pa.int64(), "completion_tokens": pa.int64(),
        "seconds": pa.float64(), "reward": pa.float64(), "correct": pa.bool_(),
        # A seed may be as large as 2^64 - 1.
        "seed": pa.uint64(),
    }  # fmt: skip
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    # Parquet has texts in UTF-8, in which a lone surrogate does not exist.
    held = [
        {name: encodable(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows(run)
    ]
    content = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(held, schema=schema), content)
    write(out, content.getvalue().to_pybytes())
