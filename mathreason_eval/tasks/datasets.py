"""The problems of a task: from its generator, from files of rows, or from a pinned hub data set."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mathreason_eval.errors import (
    DataError,
    TaskError,
    UserError,
    describe_error,
)
from mathreason_eval.tasks import FileData, HubData, Task
from mathreason_eval.tasks.cells import Row, named_columns, take, take_list
from mathreason_eval.tasks.choices import with_options
from mathreason_eval.tasks.code import CORRECT, at_line, code_of, line_in
from mathreason_eval.tasks.hub import hub_rows
from mathreason_eval.tasks.problems import problem_fault
from mathreason_eval.tasks.readers import PlacedRow, placed_rows
from mathreason_eval.tasks.rows import made_of_each
from mathreason_eval.tasks.task import RowReader
from mathreason_eval.text import counted
from mathreason_eval.text.numbers import gold_texts
from mathreason_eval.types import DataEntry, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The problems of a task and where they come from."""

    problems: tuple[Problem, ...]
    source: str
    """`generated`, the file's name, or `hub:owner/name`."""
    revision: str
    """Commit of a hub data set, seed of a generator, empty for a file."""
    sha256: str
    """`content_hash` of all problems, without the limit, so that limited runs stay comparable."""
    rows: int
    """The number of problems without the limit."""
    published: bool | None = None
    """Whether the golds have the hash that the task states; None if it states none."""

    def entry(self) -> DataEntry:
        """Return the manifest's record of them."""
        return DataEntry(
            source=self.source,
            revision=self.revision,
            sha256=self.sha256,
            rows=self.rows,
            published=self.published,
        )


def load_problems(task: Task, sources: Sequence[str] = (), *, limit: int | None = None) -> Loaded:
    """Return the first `limit` problems of a task, or all of them.

    Args:
        task: the benchmark.
        sources: the values of `--data TASK=…`: files that are read one after another, or `seed:N`
            for a generated task. By default problems are generated with seed 0, or read from the
            task's folder or hub.
        limit: maximum number of problems; a generated task makes more than its default size if
            the limit is larger.

    Raises:
        DataError: if a file is missing or a row is malformed; it names the file and the line.
        MissingExtraError: if reading needs a package that is not installed.
    """
    if task.problem is not None and all(source.startswith("seed:") for source in sources):
        return _generate(task, _problem_seed(sources), limit)
    source, rows = _rows(task, sources)
    made = made_of_each(enumerate(rows), lambda numbered: _problem_of(task, *numbered))
    read = [problem for problem in made if problem is not None]
    _check_problems(read, source)
    problems = _with_variants(read, source)
    if not sources:
        _check_stated(task, problems)
    stated = [data.golds for data in task.data if data.golds]
    hubs = () if sources else [data for data in task.data if isinstance(data, HubData)]
    return Loaded(
        problems=problems[:limit],
        source=source,
        revision=", ".join(data.revision for data in hubs),
        sha256=content_hash(problems),
        rows=len(problems),
        published=gold_hash(problems) in stated if stated else None,
    )


def _rows(task: Task, sources: Sequence[str]) -> tuple[str, Iterator[PlacedRow]]:
    """Return the source of a task's rows, and the rows."""
    if sources:
        paths = [Path(source).expanduser() for source in sources]
        names = [path.name for path in paths]
        return ", ".join(names), (row for path in paths for row in placed_rows(path, path.name))
    if not task.data:
        raise DataError(
            f"The task {task.name} does not say where its problems come from.",
            f"Name a file: --data {task.name}=PATH.",
        )
    names = [data.file if isinstance(data, FileData) else f"hub:{data.hub}" for data in task.data]
    return ", ".join(names), (row for data in task.data for row in _data_rows(data, task.name))


def _data_rows(data: HubData | FileData, name: str) -> Iterator[PlacedRow]:
    if isinstance(data, HubData):
        return hub_rows(data, name)
    return placed_rows(data.path, data.file)


def _check_stated(task: Task, problems: Sequence[Problem]) -> None:
    """Check that a task's own data are what its task.yaml says.

    Raises:
        TaskError: there are more problems, or fewer, or they have other golds.
    """
    where = task.places.get("data", task.name)
    rows = [data.rows for data in task.data if data.rows is not None]
    if len(rows) == len(task.data) and sum(rows) != len(problems):
        raise TaskError(
            f"{where}: rows is {sum(rows):,}, and the data have "
            f"{counted(len(problems), 'problem')}.",
            "Restore the data; or correct rows, and raise version.",
        )
    golds = [data.golds for data in task.data]
    if len(golds) == 1 and golds[0] not in {None, gold_hash(problems)}:
        raise TaskError(
            f"{where}: the golds are not those whose hash it states.",
            "Restore the data; or correct golds, and raise version.",
        )


def _check_problems(problems: Sequence[Problem], source: str) -> None:
    if not problems:
        raise DataError(f"{source} has no problems.", "Check that it is the right file.")
    (commonest, count), *_ = Counter(problem.id for problem in problems).most_common(1)
    if count > 1:
        raise DataError(f"{source} has two problems {commonest!r}.", "Make ids unique.")


def _with_variants(problems: Iterable[Problem], source: str) -> tuple[Problem, ...]:
    """Return every problem followed by its variants, so that any limit keeps pairs together.

    A variant whose original is missing keeps its position; what is its own original is none.

    Raises:
        DataError: if problems are variants of one another in a circle.
    """
    rows = [replace(one, origin=None) if one.origin == one.id else one for one in problems]
    ids = {problem.id for problem in rows}
    variants: dict[str, list[Problem]] = {}
    for problem in rows:
        if problem.origin in ids:
            variants.setdefault(str(problem.origin), []).append(problem)
    ordered: list[Problem] = []
    following = [problem for problem in reversed(rows) if problem.origin not in ids]
    while following:
        ordered.append(following.pop())
        following += reversed(variants.pop(ordered[-1].id, ()))
    if variants:
        raise DataError(
            f"{source}: {next(iter(variants))!r} is a variant of itself, by way of others.",
            "A variant's origin is the id of the problem that it was made of.",
        )
    return tuple(ordered)


def load_shots(task: Task, sources: Sequence[str], count: int) -> tuple[Problem, ...]:
    """Return the first `count` solved problems of the task's other split, for a few-shot prompt.

    Args:
        task: the benchmark.
        sources: the files of `--data TASK:shots=PATH`; without any, the task's hub is read.
        count: the number of problems to return.

    Raises:
        DataError: if there are too few, a row has no solution, or no source is known.
    """
    columns = {**task.columns, "solution": ("solution", "answer")}
    # Solved problems are rows, also those of a task that makes its problems.
    data = () if task.shots is None else (task.shots,)
    other = replace(task, columns=columns, data=data, problem=None)
    if not sources and not other.data:
        where = task.places.get("prompts", task.name)
        raise DataError(
            f"{where}: the task {task.name} does not say where its solved problems are.",
            f"Name a file: --data {task.name}:shots=PATH.",
        )
    shots = load_problems(other, sources, limit=count).problems
    if len(shots) < count or not all("solution" in shot.meta for shot in shots):
        solved = sum("solution" in shot.meta for shot in shots)
        where = ", ".join(sources) or task.places.get("shots", task.name)
        raise DataError(
            f"{where}: a prompt of {task.name} shows {counted(count, 'solved problem')}, and there "
            f"{'is' if solved == 1 else 'are'} {solved} with a solution.",
            "Add rows, or a column solution or answer to them.",
        )
    return shots


def content_hash(problems: Iterable[Problem]) -> str:
    """Return the hex SHA-256 of the problems' ids, questions, golds and inputs, in order."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(problem.content.encode() + b"\n")
    return digest.hexdigest()


def gold_hash(problems: Iterable[Problem]) -> str:
    """Return the hex SHA-256 of the golds as a multiset: sorted, integers as integers.

    So copies of a data set that differ in order, ids or wording agree; `025` and `25` are one gold.
    """
    golds = sorted("|".join(map(_normalised, problem.gold)) for problem in problems)
    return hashlib.sha256("\n".join(golds).encode()).hexdigest()


def _normalised(gold: str) -> str:
    plain = gold.replace(",", "").strip()
    return str(int(plain)) if re.fullmatch(r"-?\d{1,100}", plain) else gold.strip()


def _generate(task: Task, seed: int, limit: int | None) -> Loaded:
    assert task.problem is not None
    count = max(task.size, limit or 0)
    problems = tuple(_made(task, index, seed) for index in range(count))
    _check_problems(problems, f"the generator of {task.name}")
    usual = problems[: task.size]
    return Loaded(
        problems=problems[: limit or task.size],
        source="generated",
        revision=f"seed {seed}",
        sha256=content_hash(usual),
        rows=len(usual),
    )


def _made(task: Task, index: int, seed: int) -> Problem:
    """Return a problem of a generator.

    Raises:
        TaskError: it cannot be asked or stored.
    """
    assert task.problem is not None
    problem = task.problem(index, seed)
    if fault := problem_fault(problem):
        raise TaskError(f"{_code(task)}: problem({index}, {seed}): {fault}.", CORRECT)
    return problem


DEFAULT_PROBLEM_SEED = 0
"""Independent of the run's seed, so that any two runs have the same generated problems."""


def _problem_seed(sources: Sequence[str]) -> int:
    if not sources:
        return DEFAULT_PROBLEM_SEED
    if len(sources) > 1:
        raise DataError(f"The seeds are {', '.join(sources)}.", "Name one: a set has one seed.")
    try:
        return int(sources[-1].removeprefix("seed:"))
    except ValueError:
        raise DataError(f"{sources[-1]!r} is not a seed.", "Write a seed as seed:7.") from None


# --- from a row to a problem -----------------------------------------------------------------


def _problem_of(task: Task, index: int, placed: PlacedRow) -> Problem | None:
    """Return the problem of a row; None if the task's own reader makes none of it.

    Args:
        task: the benchmark.
        index: of the row among all of the task, from 0.
        placed: the row.

    Raises:
        DataError: the row is malformed, or the reader raises anything.
        TaskError: the reader returns a problem that cannot be asked or stored.
    """
    if placed.error is not None:
        raise DataError(f"{placed.place} {placed.error}.", "Write one row per line, in UTF-8.")
    row = placed.row
    if task.reader is not None and not ("question" in row and "gold" in row):
        return _read(task, task.reader, placed, index)
    problem = _problem(task, row, where=placed.place, index=index)
    if fault := problem_fault(problem):
        raise DataError(f"{placed.place}: {fault}.", "Correct the row.")
    return problem


def _read(task: Task, reader: RowReader, placed: PlacedRow, index: int) -> Problem | None:
    try:
        problem = reader(placed.row, index, placed.source)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001
        raise _not_read(task, placed.place, error) from None
    if problem is not None and (fault := problem_fault(problem)):
        raise TaskError(f"{_code(task)}: the problem made of {placed.place}: {fault}.", CORRECT)
    return problem


def _code(task: Task) -> str:
    """Return where a task's own code is, for errors."""
    return f"the code of {task.name}" if task.folder is None else str(code_of(task.folder))


def _not_read(task: Task, where: str, error: BaseException) -> DataError:
    code = task.folder and str(code_of(task.folder))
    at = f" ({at_line(error, code)})" if code and line_in(error, code) else ""
    return DataError(
        f"{where} is not a row of {task.name}: {describe_error(error)}{at}.",
        f"The task's README says which files --data {task.name}=PATH accepts.",
    )


_DEFAULT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "unique_id", "ID"),
    "question": ("question", "problem", "Problem"),
    "gold": ("gold", "answer", "Answer"),
    "options": (),
    "origin": ("origin",),
    "variant": ("variant",),
}


def _problem(task: Task, row: Row, *, where: str, index: int) -> Problem:
    columns = {**_DEFAULT_COLUMNS, **task.columns}
    try:
        question, gold = take(row, columns["question"]), _golds(take(row, columns["gold"]))
        options = take_list(row, columns["options"])
        others = {name: take(row, columns[name]) for name in ("id", "origin", "variant")}
        properties = _properties(task, row, columns)
    except ValueError as error:
        raise DataError(f"{where}: {error}.", "Correct the row.") from None
    if question is not None and not isinstance(question, str):
        raise DataError(f"{where}: the question {question!r} is no text.", "Write it as a text.")
    if question is None or not question.strip():
        raise _missing(where, "question", columns["question"], row)
    if not gold:
        raise _missing(where, "gold answer", columns["gold"], row)
    if options:
        question, gold = with_options(question, gold, options, where)
    identity, origin = others["id"], others["origin"]
    return Problem(
        id=f"{task.name}-{_split(task)}-{index}" if identity is None else str(identity),
        question=question,
        gold=gold,
        meta=properties,
        given=row.get("given") or {},
        origin=origin if origin is None or "origin" not in task.columns else str(origin),
        variant=others["variant"],
    )


_OWN_FIELDS = ("id", "question", "gold", "options", "origin", "variant", "given")
"""Fields of a problem; all others are properties."""
_LONGEST_PROPERTY = 200
"""Characters of a text that is a property though nothing asks for it."""


def _properties(
    task: Task, row: Row, columns: Mapping[str, Sequence[str]]
) -> dict[str, str | int | float | bool]:
    """Return the properties of a row: what is asked for by name, and its other short cells.

    A cell of which a field may be made is none: it may be the solution.
    """
    asked: dict[str, Sequence[str]] = {
        name: (name,) for name in (*task.slices, task.cluster, task.macro) if name
    }
    asked |= {name: candidates for name, candidates in columns.items() if name not in _OWN_FIELDS}
    known = {*asked, *_OWN_FIELDS}
    known |= {column for one in columns.values() for column in named_columns(one)}
    others = {name: cell for name, cell in row.items() if name not in known and _is_short(cell)}
    found = {name: take(row, candidates) for name, candidates in asked.items()} | others
    return {name: _property(value) for name, value in found.items() if value is not None}


def _is_short(cell: object) -> bool:
    if isinstance(cell, str):
        return 0 < len(cell) <= _LONGEST_PROPERTY
    if isinstance(cell, float):
        return math.isfinite(cell)
    return isinstance(cell, int) and abs(cell) < _MOST_WHOLE


_MOST_WHOLE = 2**53
"""Whole numbers below it are the same in every program."""


def _split(task: Task) -> str:
    """Return the split, which becomes part of the id of a row without an id."""
    first = task.data[0] if task.data else None
    if isinstance(first, FileData):
        return Path(first.file).name.partition(".")[0]
    return first.splits[0] if first else "test"


def _property(value: object) -> str | int | float | bool:
    """Return a cell as a value of `Problem.meta`; a list becomes its text."""
    return value if isinstance(value, str | int | float) else str(value)


def _golds(value: object) -> tuple[str, ...]:
    accepted = value if isinstance(value, list | tuple) else [value]
    given = [gold for gold in accepted if gold is not None and str(gold).strip()]
    return gold_texts(given) if given else ()


def _missing(where: str, what: str, candidates: Sequence[str], row: Row) -> DataError:
    empty = [column for column in named_columns(candidates) if column in row]
    why = (
        f"{', '.join(empty)} is empty"
        if empty
        else f"looked for {', '.join(candidates)}, found {', '.join(row) or 'no column'}"
    )
    return DataError(f"{where} has no {what}: {why}.", "Fill one of these columns.")
