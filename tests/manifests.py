"""Records of a manifest for tests, and changes of their fields, also of those within."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from mathreason_eval.runs.migration import FORMAT
from mathreason_eval.stats.summary import PLAIN, Report
from mathreason_eval.types import (
    CodeEntry,
    DataEntry,
    GradingRules,
    Measure,
    ModelEntry,
    PromptEntry,
    ReportRules,
    RunManifest,
    SamplingEntry,
    TaskEntry,
)

RecordT = TypeVar("RecordT")


def report_of(*measures: Measure, **rules: Any) -> Report:
    """Return what is reported of a task, the rules that are not named as of one that names none."""
    return Report(rules=replace(PLAIN.rules, **rules), measures=measures)


ENTRY = TaskEntry(
    version=1,
    prompt=PromptEntry(id="boxed", sha256="a" * 64, system=None, system_fallback=None),
    max_tokens=1024,
    data=DataEntry(
        source="shopping.jsonl", revision="main", sha256="b" * 64, rows=12, published=None
    ),
    problems=12,
    limit=None,
    samples=2,
    grading=GradingRules(
        extract=("boxed", "phrase", "last_number"),
        grade="number",
        grader_version="1",
        convention=None,
        second=None,
        check_steps=False,
        judged_by=None,
    ),
    report=ReportRules(
        slices=("steps", "subject"), cluster=None, macro=None, metrics=(), primary="avg"
    ),
)
MODEL = ModelEntry(
    name="fake:echo",
    backend="fake",
    revision=None,
    sha256=None,
    chat_template_sha256=None,
    details={},
)
MANIFEST = RunManifest(
    format=FORMAT,
    model=MODEL,
    sampling=SamplingEntry(temperature=0.0, top_p=1.0),
    seed=0,
    tasks={"sums": ENTRY},
    code=CodeEntry(mathreason_eval=None, python=None, machine=None, packages={}),
    started="2026-01-01T00:00:00+00:00",
    finished=None,
    unkeyed=True,
    adopted=None,
    sessions=(),
    totals=None,
)


def changed(record: RecordT, **values: object) -> RecordT:
    """Return a record with other fields; `data__rows` is the field `rows` of the field `data`."""
    for name, value in values.items():
        first, _, rest = name.partition("__")
        inner = changed(getattr(record, first), **{rest: value}) if rest else value
        record = replace(record, **{first: inner})
    return record


def entry_edit(task: str, **values: object) -> Callable[[Path], None]:
    """Return what changes, in the file of a run, what the manifest says of a task."""

    def edit(run: Path) -> None:
        path = run / "manifest.json"
        held = json.loads(path.read_text())
        for name, value in values.items():
            _put(held["tasks"][task], name, value)
        path.write_text(json.dumps(held))

    return edit


def _put(row: dict[str, Any], name: str, value: object) -> None:
    first, _, rest = name.partition("__")
    if rest:
        _put(row[first], rest, value)
    else:
        row[first] = value
