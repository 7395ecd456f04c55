"""The rows of a file by model: problems, sample indices, contradictions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mathreason_eval.errors import DataError
from mathreason_eval.pipeline.importers.rows import SampleRow, UnusableRow
from mathreason_eval.text import distinct_page_names, slug
from mathreason_eval.text.limits import MAX_SAMPLES
from mathreason_eval.types import Generation, Problem

SampleKey = tuple[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The samples of one model in a file; over all: rows read = samples + repeated + unusable."""

    model: str
    problems: tuple[Problem, ...]
    """The problems it was asked, in order of appearance."""
    rows: tuple[SampleRow, ...]
    """The rows with a sample, each sample once."""
    repeated: int
    unusable: tuple[UnusableRow, ...]
    samples: int
    """A problem; a row that cannot be used leaves a gap."""
    read: int
    """Rows of the file, of other models too."""

    @property
    def generations(self) -> list[Generation]:
        """Return the samples."""
        return [row.generation for row in self.rows if row.generation is not None]

    @property
    def settings(self) -> tuple[float | None, float | None, float | None]:
        """Return temperature, top_p and max_tokens; None unless all rows state the same."""
        found = {row.settings for row in self.rows}
        temperatures, tops, lengths = ({one[place] for one in found} for place in range(3))
        return only(temperatures), only(tops), only(lengths)


def only(values: set[float | None]) -> float | None:
    """Return the value that all state; None unless there is one."""
    return next(iter(values)) if len(values) == 1 else None


def folder_names(models: Sequence[str]) -> tuple[str, ...]:
    """Return a file name for each model, all different even where letter case does not count.

    Each is the model's name without characters that a file name cannot have; names that would
    coincide get a hash.
    """
    plain = [slug(model) for model in models]
    met = Counter(name.casefold() for name in plain)
    return distinct_page_names(
        name if met[name.casefold()] == 1 else model
        for name, model in zip(plain, models, strict=True)
    )


def with_models(rows: Sequence[SampleRow], path: Path, model: str | None) -> list[SampleRow]:
    """Return the rows with the model of each: the given one, its own, or else the file's name.

    Raises:
        DataError: if one is given and rows name several.
    """
    named = dict.fromkeys(row.model for row in rows if row.model is not None)
    if model is not None and len(named) > 1:
        raise DataError(
            f"{path} has rows of {len(named)} models: {', '.join(map(repr, [*named][:3]))}.",
            "Omit --model: each model gets its own run folder.",
        )
    if model is not None or not named:
        name = model or path.name.partition(".")[0]
        return [replace(row, model=name) for row in rows]
    fault = "names no model, where other rows do"
    return [
        replace(row, fault=fault, generation=None)
        if row.model is None and row.fault is None
        else row
        for row in rows
    ]


def own_problems(rows: Iterable[SampleRow], path: Path) -> Mapping[str, Problem]:
    """Return the problems that the rows themselves contain, by id.

    Raises:
        DataError: if two rows have different problems under one id.
    """
    found: dict[str, tuple[int, Problem]] = {}
    for row in rows:
        if row.own is None:
            continue
        line, problem = found.setdefault(row.own.id, (row.number, row.own))
        if problem != row.own:
            raise DataError(
                f"{path}, lines {line} and {row.number} have different questions or golds of "
                f"{problem.id!r}.",
                "Give them different ids, or correct one.",
            )
    return {name: problem for name, (_, problem) in found.items()}


def by_model(
    rows: Sequence[SampleRow], problems: Mapping[str, Problem], path: Path
) -> list[Source]:
    """Return the samples of each model that has one.

    Raises:
        DataError: if no row can be used, or two rows differ on one sample.
    """
    groups: dict[str | None, list[SampleRow]] = defaultdict(list)
    for row in rows:
        groups[row.model].append(_of_known_problem(row, problems))
    placed = {model: _placed(group) for model, group in groups.items()}
    made = {
        model: group
        for model, group in placed.items()
        if model is not None and any(row.fault is None for row in group)
    }
    strays = [row for model, group in placed.items() if model not in made for row in group]
    if not made:
        raise _no_sample(strays, path)
    return [
        _source(model, group, strays, problems, len(rows), path) for model, group in made.items()
    ]


def _no_sample(rows: Sequence[SampleRow], path: Path) -> DataError:
    first = rows[0]
    return DataError(
        f"None of the {len(rows):,} rows of {path} can be used; line {first.number} {first.fault}.",
        "Each row needs id and output, and question and gold if the task's data, or --data, "
        "does not have the id; docs/import.md lists the columns.",
    )


def _of_known_problem(row: SampleRow, problems: Mapping[str, Problem]) -> SampleRow:
    if row.problem_id is None or row.problem_id in problems:
        return row
    fault = (
        f"has the id {row.problem_id!r}, which is not a problem of the task, and not both a "
        "question and a gold"
    )
    return replace(row, fault=row.fault or fault, problem_id=None, generation=None)


def _placed(rows: Sequence[SampleRow]) -> list[SampleRow]:
    """Return one model's rows with the index of each sample.

    A row that cannot be used but whose problem is known takes an index like any other. If some
    rows of a problem state their index, a row without one cannot be used.
    """
    stating = {row.problem_id for row in rows if row.sample is not None}
    seen: Counter[str] = Counter()
    placed = []
    for row in rows:
        if row.problem_id is None or row.sample is not None:
            placed.append(row)
        elif row.problem_id in stating:
            fault = row.fault or "has no sample, where other rows of its problem state theirs"
            placed.append(replace(row, fault=fault, generation=None))
        else:
            index = seen[row.problem_id]
            seen[row.problem_id] += 1
            made = row.generation and replace(row.generation, sample=index)
            placed.append(replace(row, sample=index, generation=made))
    return placed


def _source(
    model: str,
    rows: Sequence[SampleRow],
    strays: Sequence[SampleRow],
    problems: Mapping[str, Problem],
    read: int,
    path: Path,
) -> Source:
    samples: dict[SampleKey, SampleRow] = {}
    usable = [row for row in rows if row.generation is not None]
    for row in usable:
        assert row.generation is not None
        key = row.generation.problem_id, row.generation.sample
        first = samples.setdefault(key, row)
        if first.generation != row.generation:
            raise DataError(
                f"{path}, lines {first.number} and {row.number} differ, and both are sample "
                f"{key[1]} of {key[0]!r}.",
                "Keep one of them, or number them differently.",
            )
    asked = dict.fromkeys(row.problem_id for row in rows if row.problem_id is not None)
    faulty = sorted(
        (row for row in (*rows, *strays) if row.fault is not None), key=lambda row: row.number
    )
    count = 1 + max(row.sample for row in rows if row.sample is not None)
    if count > MAX_SAMPLES:
        raise DataError(
            f"{path} has {count:,} samples of a problem of model {model}, or one of that number.",
            f"At most {MAX_SAMPLES:,} are read; without `sample`, rows are numbered as they come.",
        )
    return Source(
        model=model,
        problems=tuple(problems[name] for name in asked),
        rows=tuple(samples.values()),
        repeated=len(usable) - len(samples),
        unusable=tuple(row.unusable(row.fault or "") for row in faulty),
        samples=count,
        read=read,
    )
