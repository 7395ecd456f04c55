"""What a site does not show, and why: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.site.citations import TaskFacts
from mathreason_eval.site.leaderboard import Column
from mathreason_eval.site.results import Result
from mathreason_eval.text import counted
from mathreason_eval.types import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """One thing that is not shown."""

    what: str
    why: str


def missing(table: Sequence[Column], facts: Mapping[str, TaskFacts]) -> list[Missing]:
    """Return what the results of a site do not have, and what is kept from its pages.

    Args:
        table: the columns of the site.
        facts: what is known of each task.
    """
    results = [one.result for column in table for one in column.standings if one.result.judged]
    return [*_unknown(results), *_withheld(facts.values())]


def _unknown(results: Sequence[Result]) -> Iterator[Missing]:
    without_tokens = [result for result in results if result.metric("tokens") is None]
    if without_tokens:
        yield Missing(
            what=f"tokens of {_of(without_tokens, results)}",
            why="their outputs came without counts; these results are in no picture of accuracy "
            "against tokens",
        )
    without_ends = [result for result in results if result.metric(Outcome.TRUNCATED) is None]
    if without_ends:
        yield Missing(
            what=f"truncated samples of {_of(without_ends, results)}",
            why="their outputs came without finish reasons, so some may have been cut",
        )
    without_prompts = [result for result in results if result.entry.prompt.sha256 is None]
    if without_prompts:
        yield Missing(
            what=f"prompts of {_of(without_prompts, results)}",
            why="they were imported, and the outputs of other programs came without them",
        )


def _of(some: Sequence[Result], results: Sequence[Result]) -> str:
    if len(some) == len(results):
        return "all results"
    named = counted(len(results), "result")
    return f"{len(some):,} of {named}"


def _withheld(facts: Iterable[TaskFacts]) -> Iterator[Missing]:
    for one in facts:
        if not one.printed:
            why = f"the licence does not allow it: {one.license}" if one.license else "by choice"
            yield Missing(what=f"questions and prompts of {one.task}", why=why)
