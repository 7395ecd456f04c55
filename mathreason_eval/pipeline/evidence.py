"""The parity record of a task: published scores, ours on the same outputs, rows that differ.

`parity.jsonl` in the task's folder has a line for each set of published outputs. It is checked
where the outputs are at hand; they are somebody else's and not part of this package.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Any

from mathreason_eval.errors import TaskError, UserError
from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.judge import Judge, JudgeOptions
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.runs.codec import converted
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.files import inside, is_within
from mathreason_eval.text.jsonl import bounded_lines, read_objects
from mathreason_eval.types import Generation, Outcome, Problem

PARITY = "parity.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A row that the publisher judged otherwise."""

    id: str
    sample: int
    published: bool
    """The publisher's verdict."""
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityRecord:
    """One set of published outputs of a task."""

    outputs: str
    """The file, from the folder of the evidence."""
    sha256: str
    model: str | None
    """Only this model's rows of it; None: all."""
    source: str
    metric: str
    published: float
    """The publisher's score, in its own unit."""
    rows: int
    published_right: int | None
    """By the publisher's verdicts on the rows; None if it gives none."""
    right: int
    """By us."""
    extract: tuple[str, ...] | None
    """Rules that find the answer; None: the task's."""
    grade: str | None
    """None: the task's grader."""
    differences: tuple[Difference, ...]

    @property
    def name(self) -> str:
        """Return what tells it from others."""
        return self.outputs if self.model is None else f"{self.outputs}, {self.model}"


def parity_records(task: Task) -> tuple[ParityRecord, ...]:
    """Return the parity records of a task; none if its folder has no file of them.

    Raises:
        TaskError: if the file is malformed; it names the line.
    """
    if task.folder is None or not (task.folder / PARITY).is_file():
        return ()
    path = task.folder / inside(task.folder, PARITY)
    found = []
    with path.open("rb") as lines:
        for number, row in read_objects(lines, path):
            try:
                found.append(_record(row))
            except (KeyError, TypeError, ValueError, UserError) as error:
                raise TaskError(f"{path}, line {number} is no parity record: {error}.") from None
    return tuple(found)


def _record(row: Mapping[str, Any]) -> ParityRecord:
    """Return the record of a row, every field of its type.

    Raises:
        ValueError: one is not.
        UnknownNameError: the grader is none; a record names no code.
    """
    if unknown := sorted(row.keys() - ParityRecord.__dataclass_fields__):
        raise ValueError(f"it has no {unknown[0]!r}")
    record = converted(ParityRecord, {"extract": None, "grade": None, **row}, "the record")
    if record.grade is not None:
        grader_named(record.grade)
    # A part of the folder that the user names, as an archive's member is of it.
    if not is_within(record.outputs):
        raise ValueError(f"{record.outputs!r} is no file of the folder of outputs")
    return record


def check_evidence(task: Task, folder: Path, judge: Judge) -> str:
    """Return what the check of a task's parity records found.

    Raises:
        TaskError: if a score or a row is not as it was recorded.
    """
    records = parity_records(task)
    if not records:
        return "no published outputs are on record"
    checked = rows = 0
    for record in records:
        try:
            inside(folder, record.outputs)
        except ValueError:
            continue
        _check(record, measured(task, record, folder, judge))
        checked += 1
        rows += record.rows
    if not checked:
        return f"not checked: none of {len(records)} sets of outputs is in {folder}"
    absent = len(records) - checked
    more = f"; {absent} are not in {folder}" if absent else ""
    return f"{checked} sets of {rows:,} published outputs agree with the record{more}"


def measured(task: Task, record: ParityRecord, folder: Path, judge: Judge) -> ParityRecord:
    """Return a record as it is now: what the file has, and our verdicts on it.

    Why a row differs is taken from the record.

    Raises:
        TaskError: if the file cannot be read.
    """
    path = folder / record.outputs
    options = _options(task, record)
    known = {(one.id, one.sample): one.why for one in record.differences}
    rows = right = labelled = published_right = 0
    differences = []
    for row in _rows(path, record.model):
        is_right, label = _is_right(judge, row, options), _label(row)
        rows += 1
        right += is_right
        labelled += label is not None
        published_right += bool(label)
        if label is not None and label is not is_right:
            key = str(row["id"]), int(row.get("sample") or 0)
            why = known.get(key, UNEXPLAINED)
            differences.append(Difference(id=key[0], sample=key[1], published=label, why=why))
    return replace(
        record,
        sha256=_sha256(path),
        rows=rows,
        right=right,
        published_right=published_right if labelled == rows else None,
        differences=tuple(differences) if labelled == rows else (),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


UNEXPLAINED = "not looked at yet"
"""Why a row differs that nobody has looked at."""


def _check(record: ParityRecord, found: ParityRecord) -> None:
    for name in ("sha256", "rows", "right", "published_right"):
        was, now = getattr(record, name), getattr(found, name)
        if was != now:
            raise TaskError(
                f"{record.name}: {name} is {now}, and {was} on record.",
                "If a grader was corrected, see what changed and write the record again.",
            )
    was, now = ({(one.id, one.sample) for one in each.differences} for each in (record, found))
    if was != now:
        row, sample = min(was ^ now)
        raise TaskError(
            f"{record.name}: {len(was ^ now):,} rows differ from the publisher that do not on "
            f"record, or the other way: {row} sample {sample} first.",
            "See what changed and write the record again.",
        )


def _options(task: Task, record: ParityRecord) -> JudgeOptions:
    options = TaskRules.of(task).judging
    return replace(
        options,
        extract=record.extract or options.extract,
        grader=record.grade or options.grader,
        second=None,
        check_steps=False,
    )


def _rows(path: Path, model: str | None) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        stream = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
        try:
            for _, row in read_objects(bounded_lines(stream, file), path):
                if model is None or row.get("model") == model:
                    yield row
        except (OSError, EOFError, ValueError) as error:
            raise TaskError(f"{path} cannot be read: {error}.") from None


def _is_right(judge: Judge, row: Mapping[str, Any], options: JudgeOptions) -> bool:
    golds = row["gold"] if isinstance(row["gold"], list) else [row["gold"]]
    problem = Problem(id=str(row["id"]), question="", gold=tuple(map(str, golds)))
    sample = Generation(problem_id=problem.id, sample=0, text=row["output"] or "")
    return judge.verdict(problem, sample, options).outcome is Outcome.CORRECT


def _label(row: Mapping[str, Any]) -> bool | None:
    """Return the publisher's verdict on a row; None if it gives none."""
    told = row.get("correct") if row.get("correct") is not None else row.get("score")
    return bool(told) if isinstance(told, bool) or told in {0, 1} else None


# --- the page ----------------------------------------------------------------------------------

_HEAD = """# Parity with published scores

For each task, the published scores whose outputs are at hand, and ours on the same outputs. Made
from `parity.jsonl` in the folders of the tasks; `mathreason check TASK --evidence FOLDER` checks it
where the outputs are. The rows themselves are in those files, and most are shown in
[publisher-errors.md](publisher-errors.md). Where outputs are not of the task's prompts, such as
objects of JSON, the rules are those of `verify`, `math`.
"""
_COLUMNS = (
    *("outputs", "published by", "score", "rows", "right, published", "right, ours"),
    *("rows differ", "rules"),
)


def parity_page(tasks: Iterable[Task]) -> str:
    """Return the parity records of tasks as a page in Markdown.

    Raises:
        TaskError: as `parity_records`.
    """
    parts, without = [_HEAD], []
    for task in tasks:
        records = parity_records(task)
        if not records:
            without.append(task.name)
            continue
        parts.append(f"## {task.name}\n\n{_table(records)}\n{_reasons(records)}")
    parts.append(
        f"## Without a record\n\nNo published outputs are at hand: {', '.join(without)}.\n"
    )
    return "\n".join(parts)


def _table(records: Sequence[ParityRecord]) -> str:
    lines = [f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
    for one in records:
        known = one.published_right is not None
        cells = (
            f"`{one.name}`",
            one.source,
            f"{one.published:g} ({one.metric})",
            f"{one.rows:,}",
            f"{one.published_right:,}" if known else "no verdicts on rows",
            f"{one.right:,} ({100 * one.right / one.rows:.2f} %)",
            f"{len(one.differences):,}" if known else "",
            "the task's" if one.extract is None and one.grade is None else "`math`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _reasons(records: Sequence[ParityRecord]) -> str:
    counts = Counter(one.why for record in records for one in record.differences)
    if not counts:
        return ""
    lines = [f"- {why}: {count:,}" for why, count in counts.most_common()]
    return "\n".join(["Why rows differ:", "", *lines, ""])


def as_line(record: ParityRecord) -> str:
    """Return a record as a line of `parity.jsonl`; what is the task's is left out."""
    told = {
        name: value
        for name, value in asdict(record).items()
        if not (name in {"extract", "grade"} and value is None)
    }
    return f"{json.dumps(told, sort_keys=True, ensure_ascii=False)}\n"
