"""The rows of a task in a log as samples of problems: matched by text, and one row a sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from mathreason_eval.errors import DataError
from mathreason_eval.grade.verify import shared_judge, stated_gold
from mathreason_eval.pipeline.grading import split_output
from mathreason_eval.pipeline.importers.logs import Log, LogRow, answer_of
from mathreason_eval.pipeline.importers.matching import Questions, text_key, without_shots
from mathreason_eval.pipeline.importers.rows import SampleRow, sample_row
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import Loaded, content_hash, load_problems
from mathreason_eval.tasks.readers import NumberedRow
from mathreason_eval.text import counted
from mathreason_eval.text.numbers import gold_texts
from mathreason_eval.types import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows of one task, each with the settings of its log."""

    task: Task
    rows: tuple[tuple[LogRow, Log], ...]


def golds_of(row: LogRow) -> tuple[str, ...]:
    """Return the golds of a row as the answers that they state; none if it has none of use."""
    if row.golds is None or row.golds == "":
        return ()
    try:
        return tuple(map(_stated, gold_texts(row.golds)))
    except ValueError:
        return ()


_stated = lru_cache(maxsize=1 << 12)(stated_gold)
"""Every row of a problem has its gold, which may be a worked solution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matched:
    """The rows of a task as samples of problems."""

    task: Task
    loaded: Loaded
    rows: tuple[SampleRow, ...]
    problems: Mapping[str, Problem]
    notes: tuple[str, ...]


def matched_rows(group: Group, sources: Sequence[str], place: Path) -> Matched:
    """Return the rows of a task, each with its problem.

    The task's data decides where it is at hand; a row that is about none of its problems has its
    own question and gold.
    """
    task = group.task
    loaded = load_problems(task, sources) if sources or task.local else None
    pairs = _one_a_sample(group.rows)
    finder = Questions(loaded.problems if loaded else ())
    held = _Problems(place)
    made = []
    for (row, log), text in zip(pairs, _questions([row for row, _ in pairs]), strict=True):
        ours = finder.find(_text(row.question), _text(row.prompt), row.problem)
        problem = held.add(row, ours, text)
        made.append(_sample(row, log, row.problem if problem is None else problem.id))
    by_text = loaded is not None and held.are_all_ours
    notes = [*held.notes(task, matched=loaded is not None), *_notes(task, made)]
    if len(group.rows) > len(pairs):
        notes.append(
            f"{task.name}: {len(group.rows):,} outputs in the log are {len(pairs):,} samples: the "
            "log has each once for every filter or metric"
        )
    return Matched(
        task=task,
        loaded=loaded if by_text and loaded else held.loaded(place),
        rows=tuple(made),
        problems=held.found,
        notes=tuple(notes),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _questions(rows: Sequence[LogRow]) -> list[str | None]:
    """Return the text of each question: a prompt is one without what all prompts share."""
    prompts = [_text(row.prompt) for row in rows]
    lone = [prompt for prompt in prompts if prompt is not None]
    bare = iter(without_shots(lone))
    stripped = [None if prompt is None else next(bare) for prompt in prompts]
    return [_text(row.question) or text for row, text in zip(rows, stripped, strict=True)]


def _one_a_sample(pairs: Sequence[tuple[LogRow, Log]]) -> list[tuple[LogRow, Log]]:
    """Return the rows with those of one sample as one: a program may write one for each verdict.

    Rows with different outputs stay several, which is refused later.
    """
    held: dict[tuple[object, ...], int] = {}
    made: list[tuple[LogRow, Log]] = []
    for row, log in pairs:
        key = (row.model, row.step, row.task, row.problem, row.sample, row.output, row.reasoning)
        stated = row.problem is not None and row.sample is not None and isinstance(row.output, str)
        place = held.setdefault(key, len(made)) if stated and _is_plain(key) else len(made)
        if place == len(made):
            made.append((row, log))
        else:
            made[place] = _with_verdicts(made[place][0], row), made[place][1]
    return made


def _with_verdicts(first: LogRow, row: LogRow) -> LogRow:
    """Return a row with the verdicts of another row on the same sample.

    Raises:
        DataError: if one of them is on both, and differs.
    """
    for name, said in row.verdicts.items():
        if first.verdicts.get(name, said) != said:
            raise DataError(
                f"Rows {first.number} and {row.number} of the log have two verdicts {name!r} on "
                f"sample {row.sample} of {row.problem!r}.",
                "Name the files of one evaluation.",
            )
    judged = any(isinstance(said, bool) for said in first.verdicts.values())
    if judged and not row.verdicts:
        return first
    return replace(
        first,
        verdicts={**first.verdicts, **row.verdicts},
        answer=first.answer if judged else row.answer,
    )


def _is_plain(key: tuple[object, ...]) -> bool:
    return all(part is None or isinstance(part, str | int) for part in key)


class _Problems:
    """The problems that the rows of a task are about."""

    def __init__(self, place: Path) -> None:
        self.found: dict[str, Problem] = {}
        self._place = place
        self._lines: dict[str, int] = {}
        self._ours: set[str] = set()
        self._other_golds: dict[str, str] = {}

    def add(self, row: LogRow, ours: Problem | None, text: str | None) -> Problem | None:
        """Return the problem of a row; None if it has no question.

        Args:
            row: the row.
            ours: the problem of the task's data that it is about.
            text: its own question.

        Raises:
            DataError: if the publisher's key has two questions or golds.
        """
        if ours is not None:
            self._ours.add(ours.id)
            if ours.id not in self._other_golds and (other := _other_gold(row, ours)) is not None:
                self._other_golds[ours.id] = other
            return self.found.setdefault(ours.id, ours)
        if text is None:
            return None
        name = row.problem or text_key(text)
        mine = Problem(id=name, question=text, gold=golds_of(row))
        held = self.found.setdefault(name, mine)
        line = self._lines.setdefault(name, row.number)
        if mine.gold and not held.gold:
            held = self.found[name] = replace(held, gold=mine.gold)
        if held.question != mine.question or (mine.gold and held.gold != mine.gold):
            raise DataError(
                f"{self._place}, rows {line} and {row.number} have different questions or golds "
                f"of {name!r}.",
                "Import their files one by one, or name one task with -t.",
            )
        return held

    @property
    def are_all_ours(self) -> bool:
        """Return whether every problem is one of the task's data."""
        return self._ours == self.found.keys()

    def loaded(self, place: Path) -> Loaded:
        """Return them as the data of a run."""
        held = tuple(self.found.values())
        return Loaded(
            problems=held, source=place.name, revision="", sha256=content_hash(held), rows=len(held)
        )

    def notes(self, task: Task, *, matched: bool) -> Iterator[str]:
        """Yield how they were found."""
        name, count = task.name, len(self.found)
        if matched:
            yield f"{name}: {len(self._ours):,} of {counted(count, 'problem')} matched by text"
        if self._other_golds:
            problem, other = next(iter(self._other_golds.items()))
            yield (
                f"{name}: the golds of {counted(len(self._other_golds), 'problem')} in the log are "
                f"not those of the task's data, which count; the first is {problem}, in the log "
                f"{other!r}"
            )
        if lacking := sum(not one.gold for one in self.found.values()):
            yield (
                f"{name}: {lacking:,} of {counted(count, 'problem')} without a gold, whose samples "
                f"are ungradable; --data {name}=FILE names the problems"
            )


def _other_gold(row: LogRow, ours: Problem) -> str | None:
    """Return a row's gold if it differs from that of the problem that its text is."""
    golds = golds_of(row)
    if not golds or not set(golds).isdisjoint(ours.gold):
        return None
    judge = shared_judge(_CHECK_SECONDS, 0)
    differ = all(judge.match(ours.gold, gold).equal is False for gold in golds)
    return golds[0] if differ else None


_CHECK_SECONDS = 1.0


# --- samples ---------------------------------------------------------------------------------


def _sample(row: LogRow, log: Log, problem_id: str | None) -> SampleRow:
    """Return a row as a sample; what is not valid in it is unknown, as in any other file."""
    label = next((said for said in row.verdicts.values() if isinstance(said, bool)), None)
    cells = {
        "id": problem_id,
        "output": None if row.error else row.output,
        "sample": row.sample,
        "model": row.model,
        "correct": label,
        "score": row.reward,
        **{name: getattr(row, name) for name in _KEPT},
        **{name: log.settings.get(name) for name in ("temperature", "top_p", "max_tokens")},
    }
    made = sample_row(NumberedRow(number=row.number, row=cells))
    if made.generation is None:
        return replace(made, fault=row.error or made.fault)
    generation = made.generation
    if isinstance(row.reasoning, str):
        text, thought = split_output(str(row.output), row.reasoning)
        generation = replace(generation, text=text, reasoning=thought)
    return replace(
        made,
        generation=generation,
        published=row.verdicts,
        published_answer=answer_of(row.answer, row.output),
    )


_KEPT = ("finish_reason", "prompt_tokens", "completion_tokens", "seed", "seconds")


def _notes(task: Task, rows: Iterable[SampleRow]) -> Iterator[str]:
    samples = [row.generation for row in rows if row.generation is not None]
    if samples and all(one.finish_reason is None for one in samples):
        yield f"{task.name}: no row says why its text ended, so cut answers cannot be told apart"
