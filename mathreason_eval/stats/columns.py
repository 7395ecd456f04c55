"""The samples of a task, and the verdicts on them, as columns: an array a field, a row a sample.

A run may have millions of samples. As records they take gigabytes, and finding, sorting and
counting them takes a loop in Python over each; as columns it is one operation of numpy. What is
shown, exported or judged one by one stays a record (`types.py`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from mathreason_eval.types import (
    CONTENT_FILTER,
    AnyGeneration,
    GenerationInfo,
    Outcome,
    Verdict,
    texts_digest,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]
    """Indices of rows."""
    Mask = NDArray[np.bool_]

ValueT = TypeVar("ValueT")

OUTCOMES = tuple(Outcome)
"""By their codes in `VerdictColumns.outcome`."""


# --- one column of texts ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Coded(Generic[ValueT]):
    """A column of texts, or of None: each distinct one once, and a code for each row."""

    values: tuple[ValueT, ...]
    """By code, in the order in which they first appear."""
    codes: NDArray[np.int32]

    def __getitem__(self, rows: Rows | Mask) -> Self:
        """Return some rows."""
        return type(self)(self.values, self.codes[rows])

    def tolist(self) -> list[ValueT]:
        """Return the value of each row."""
        return [*map(self.values.__getitem__, self.codes.tolist())]

    def where(self, fits: Callable[[ValueT], bool]) -> Mask:
        """Return for each row whether its value is such."""
        import numpy as np

        return np.array([*map(fits, self.values), False])[self.codes]


class _Coder:
    """Numbers distinct values in the order in which they first appear."""

    def __init__(self) -> None:
        self._codes: defaultdict[Any, int] = defaultdict(count().__next__)
        self._parts: list[NDArray[np.int32]] = []

    def add(self, values: Iterable[object]) -> None:
        import numpy as np

        self._parts.append(np.fromiter(map(self._codes.__getitem__, values), np.int32))

    def column(self) -> Coded[Any]:
        return Coded(tuple(self._codes), _concatenated(self._parts, "int32"))


def _concatenated(parts: Sequence[NDArray[Any]], kind: str) -> NDArray[Any]:
    import numpy as np

    return np.concatenate(parts) if parts else np.zeros(0, kind)


# --- which sample a row is on ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Columns:
    """What samples and verdicts have in common: the sample that each row is on."""

    problem: Coded[str]
    sample: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.sample)

    def __getitem__(self, rows: Rows | Mask) -> Self:
        """Return some rows."""
        return type(self)(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @property
    def problem_ids(self) -> set[str]:
        """Return the ids of all problems that rows are on."""
        return {self.problem.values[code] for code in set(self.problem.codes.tolist())}

    def sample_keys(self) -> Iterator[tuple[str, int]]:
        """Yield (problem id, sample index) of each row."""
        return zip(self.problem.tolist(), self.sample.tolist(), strict=True)

    @cached_property
    def distinct(self) -> Rows:
        """Return the first row on each sample, in their order."""
        import numpy as np

        _, first = np.unique(sample_numbers(self)[0], return_index=True)
        first.sort()
        return first


def sample_numbers(*tables: _Columns) -> list[NDArray[np.int64]]:
    """Return for each row of each table the number of its sample, the same in all of them."""
    import numpy as np

    ids: dict[str, int] = {}
    problems = []
    for table in tables:
        # A column of some rows knows the values of all.
        numbers = [ids.setdefault(one, len(ids)) for one in table.problem.values]
        problems.append(np.array([*numbers, 0], np.int64)[table.problem.codes])
    indices = [table.sample for table in tables]
    least = min((int(one.min()) for one in indices if len(one)), default=0)
    most = max((int(one.max()) for one in indices if len(one)), default=0)
    if (most - least + 1) * (len(ids) + 1) > _MOST_NUMBERS:
        known, compact = np.unique(np.concatenate(indices), return_inverse=True)
        ends = np.cumsum([len(one) for one in indices])[:-1]
        least, most, indices = 0, len(known), np.split(compact.reshape(-1), ends)
    return [
        problem * (most - least + 1) + (index - least)
        for problem, index in zip(problems, indices, strict=True)
    ]


_MOST_NUMBERS = 1 << 62


def rows_of(samples: _Columns, others: _Columns) -> Rows:
    """Return for each row of `others` the first of `samples` on the same sample; -1 for none."""
    import numpy as np

    known, wanted = sample_numbers(samples, others)
    numbers, first = np.unique(known, return_index=True)
    if not len(numbers):
        return np.full(len(wanted), -1)
    place = np.searchsorted(numbers, wanted).clip(max=len(numbers) - 1)
    return np.where(numbers[place] == wanted, first[place], -1)


# --- samples ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleColumns(_Columns):
    """Samples without their texts: `GenerationInfo`, a column a field; NaN for None."""

    finish_reason: Coded[str | None]
    completion_tokens: NDArray[np.float64]
    reasoning_tokens: NDArray[np.float64]
    seconds: NDArray[np.float64]
    reward: NDArray[np.float64]
    refused: Mask
    has_reasoning: Mask
    length: NDArray[np.int64]
    texts_digest: NDArray[np.void]

    @classmethod
    def of(cls, samples: Sequence[AnyGeneration] | Self) -> Self:
        """Return samples as columns; columns as they are."""
        return samples if isinstance(samples, cls) else cls.of_chunks([samples])  # type: ignore[list-item]

    @classmethod
    def of_chunks(cls, chunks: Iterable[Sequence[AnyGeneration]]) -> Self:
        """Return samples that are read some at a time, none of which is kept, as columns.

        Raises:
            OverflowError: if a number is larger than any count of samples or tokens.
        """
        texts = {name: _Coder() for name in ("problem", "finish_reason")}
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _SAMPLE_KINDS}
        for rows in chunks:
            texts["problem"].add(map(_PROBLEM, rows))
            texts["finish_reason"].add(map(_FINISH, rows))
            for name, kind in _SAMPLE_KINDS.items():
                parts[name].append(_array(_field(rows, name), kind))
        columns: dict[str, Any] = {name: coder.column() for name, coder in texts.items()}
        for name, kind in _SAMPLE_KINDS.items():
            columns[name] = _concatenated(parts[name], kind)
        return cls(**columns)

    def is_ended_by(self, reason: str | None) -> Mask:
        """Return for each sample whether it has this finish reason."""
        return self.finish_reason.where(lambda one: one == reason)

    def is_unknown(self, name: str) -> Mask:
        """Return for each sample whether this amount of it is not known."""
        import numpy as np

        unknown: Mask = np.isnan(getattr(self, name))
        return unknown

    @cached_property
    def is_refusal(self) -> Mask:
        """Return for each sample whether it was refused: see `Generation.refused`."""
        return self.refused | self.is_ended_by(CONTENT_FILTER)

    def infos(self) -> list[GenerationInfo]:
        """Return the samples as records."""
        columns: dict[str, Iterable[object]] = {
            "problem_id": self.problem.tolist(),
            "finish_reason": self.finish_reason.tolist(),
            **{
                name: _or_none(getattr(self, name), kind)
                for name, kind in (
                    ("completion_tokens", int), ("reasoning_tokens", int),
                    ("seconds", float), ("reward", float),
                )
            },
        }  # fmt: skip
        infos = [GenerationInfo.__new__(GenerationInfo) for _ in range(len(self))]
        # Field by field, in C: through __init__ a million samples take three times as long.
        for name in (one.name for one in fields(GenerationInfo)):
            values = columns[name] if name in columns else getattr(self, name).tolist()
            deque(map(getattr(GenerationInfo, name).__set__, infos, values), maxlen=0)
        return infos


def _or_none(column: NDArray[np.float64], kind: type) -> list[object]:
    return [None if one != one else kind(one) for one in column.tolist()]  # noqa: PLR0124  NaN


def _array(values: list[Any], kind: str) -> NDArray[Any]:
    import numpy as np

    return np.frombuffer(b"".join(values), kind) if kind == _DIGEST else np.array(values, kind)


_DIGEST = "V16"
_PROBLEM, _FINISH = attrgetter("problem_id"), attrgetter("finish_reason")
_SAMPLE_KINDS = {
    "sample": "int64",
    "completion_tokens": "float64",
    "reasoning_tokens": "float64",
    "seconds": "float64",
    "reward": "float64",
    "refused": "bool",
    "has_reasoning": "bool",
    "length": "int64",
    "texts_digest": _DIGEST,
}
"""The types of the columns of a sample's numbers."""
_OF_TEXTS: Mapping[str, Callable[[Sequence[Any]], list[Any]]] = {
    "has_reasoning": lambda rows: [one.reasoning is not None for one in rows],
    "length": lambda rows: [len(one.text) + len(one.reasoning or "") for one in rows],
    "texts_digest": lambda rows: [texts_digest(one.text, one.reasoning) for one in rows],
}
"""What is known of samples with their texts by looking at them."""


def _field(rows: Sequence[AnyGeneration], name: str) -> list[Any]:
    """Return one field of samples, with their texts or without."""
    with_texts = bool(rows) and not isinstance(rows[0], GenerationInfo)
    if with_texts and (look := _OF_TEXTS.get(name)):
        return look(rows)
    return [*map(attrgetter(name), rows)]


# --- verdicts --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class VerdictColumns(_Columns):
    """Verdicts, a column a field, without what only explains them: spans and notes."""

    outcome: NDArray[np.int8]
    """Indices in `OUTCOMES`."""
    answer: Coded[str | None]
    found_by: Coded[str | None]
    rule: Coded[str]
    second: Coded[Outcome | None]
    measures: NDArray[np.object_]
    """A mapping, or None where a verdict has no measures."""

    @classmethod
    def of(cls, verdicts: Sequence[Verdict] | Self) -> Self:
        """Return verdicts as columns; columns as they are."""
        return verdicts if isinstance(verdicts, cls) else cls.of_chunks([verdicts])  # type: ignore[list-item]

    @classmethod
    def of_chunks(cls, chunks: Iterable[Sequence[Verdict]]) -> Self:
        """Return verdicts that are read some at a time, none of which is kept, as columns.

        Raises:
            OverflowError: if a sample has an index larger than any number of samples.
        """
        import numpy as np

        texts = {name: _Coder() for name in _VERDICT_TEXTS}
        samples, outcomes, measures = list[Any](), list[Any](), list[Any]()
        for rows in chunks:
            for name, coder in texts.items():
                coder.add(map(_VERDICT_TEXTS[name], rows))
            samples.append(np.array([*map(_SAMPLE, rows)], np.int64))
            outcomes.append(np.array([_CODE[one.outcome] for one in rows], np.int8))
            held = np.empty(len(rows), object)
            held[:] = [one.measures or None for one in rows]
            measures.append(held)
        return cls(
            sample=_concatenated(samples, "int64"),
            outcome=_concatenated(outcomes, "int8"),
            measures=_concatenated(measures, "object"),
            **{name: coder.column() for name, coder in texts.items()},
        )

    def has_outcome(self, *outcomes: Outcome) -> Mask:
        """Return for each verdict whether it has one of these outcomes."""
        import numpy as np

        return np.isin(self.outcome, [_CODE[one] for one in outcomes])


_SAMPLE = attrgetter("sample")
_CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_VERDICT_TEXTS = {
    "problem": _PROBLEM,
    **{name: attrgetter(name) for name in ("answer", "found_by", "rule", "second")},
}
