"""Word problems and their variants: the same story with other numbers or in other words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from mathreason_eval.families.stories.story import (
    Entity,
    Entry,
    Story,
    Template,
    by_steps,
    draw_entities,
    draw_numbers,
    in_turn,
    tell,
)
from mathreason_eval.families.stories.templates import changed, read_dictionaries, read_template
from mathreason_eval.seeds import item_rng
from mathreason_eval.types import Problem

NAME = "word-problems-variants"
FOLDER = Path(__file__).parent
ORIGINALS = FOLDER.parent / "word-problems"

REDRAWN = ("numbers-1", "numbers-2", "numbers-3", "numbers-4")
"""The same story with other numbers; the original is instance 0, these are 1 to 4."""
KEPT = ("irrelevant", "reordered", "longer")
"""Variants that keep the numbers of the original."""
KEEPS_GOLD = frozenset({"irrelevant", "reordered"})
FAMILY = 1 + len(REDRAWN) + 1 + len(KEPT)
"""Problems of a family: an original and its variants."""


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`; families are consecutive, the original first."""
    return family(index // FAMILY, seed)[index % FAMILY]


@lru_cache(maxsize=8)
def family(number: int, seed: int) -> tuple[Problem, ...]:
    """Return problem `number` of word-problems with that seed, and its variants."""
    entry = in_turn(entries(), number)
    rng = item_rng("word-problems", seed, number)
    numbers = draw_numbers(entry.template, rng)
    people = draw_entities(entry.template, entities(), rng)
    stories = [tell(entry.template, numbers, people)]
    more = item_rng(NAME, seed, number)
    for _ in REDRAWN:
        stories.append(_redrawn(entry.template, people, stories, more))
    stories.append(_redrawn(entry.variants["larger"], people, stories, more))
    for name in KEPT:
        template = entry.variants[name]
        known = draw_numbers(template, more, numbers)
        stories.append(tell(template, known, draw_entities(template, entities(), more, people)))
    names = (None, *REDRAWN, "larger", *KEPT)
    origin = f"{NAME}-{seed}-{number}"
    return tuple(
        _problem(entry, story, origin, variant)
        for variant, story in zip(names, stories, strict=True)
    )


def _redrawn(
    template: Template, people: Mapping[str, Entity], told: Sequence[Story], source: Random
) -> Story:
    """Return the story with other numbers, another answer than the original, and a new question."""
    stories: Iterator[Story] = (
        tell(template, draw_numbers(template, source), people) for _ in iter(int, 1)
    )
    questions = {story.question for story in told}
    return next(
        story for story in stories if story.gold != told[0].gold and story.question not in questions
    )


def _problem(entry: Entry, story: Story, origin: str, variant: str | None) -> Problem:
    meta = entry.meta(story)
    if variant in (None, *REDRAWN):
        meta["instance"] = (None, *REDRAWN).index(variant)
    if variant is not None:
        meta["gold"] = "kept" if variant in KEEPS_GOLD else "changed"
    return Problem(
        id=origin if variant is None else f"{origin}-{variant}",
        question=story.question,
        gold=(story.gold,),
        meta=meta,
        origin=None if variant is None else origin,
        variant=variant,
    )


@cache
def entries() -> Sequence[Sequence[Entry]]:
    """Return the templates of word-problems, each with its variants."""
    return by_steps(
        Entry(
            topic=path.stem,
            template=read_template(record),
            variants={
                name: read_template(changed(record, name, change))
                for name, change in changes[record["id"]].items()
            },
        )
        for path in sorted((ORIGINALS / "templates").glob("*.yaml"))
        for changes in [_yaml(FOLDER / "changes" / path.name)]
        for record in _yaml(path)
    )


@cache
def entities() -> Mapping[str, tuple[Entity, ...]]:
    """Return the dictionaries of word-problems."""
    return read_dictionaries(_yaml(ORIGINALS / "entities.yaml"))


def _yaml(path: Path) -> Any:  # noqa: ANN401  what a file holds is seen by its reader
    return yaml.safe_load(path.read_text(encoding="utf-8"))
