"""The same word problems in many cultures: other names and things, the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from mathreason_eval.families.stories.story import (
    Entity,
    Entry,
    by_steps,
    draw_entities,
    draw_numbers,
    in_turn,
    tell,
)
from mathreason_eval.families.stories.templates import read_dictionaries, read_template
from mathreason_eval.seeds import item_rng
from mathreason_eval.types import Problem

NAME = "word-problems-cultural"
FOLDER = Path(__file__).parent
ORIGINAL = "original"


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`; versions of a story are consecutive, the original first."""
    size = len(cultures())
    return family(index // size, seed)[index % size]


@lru_cache(maxsize=8)
def family(number: int, seed: int) -> tuple[Problem, ...]:
    """Return story `number` in every culture."""
    entry = in_turn(entries(), number)
    numbers = draw_numbers(entry.template, item_rng(NAME, seed, number))
    made = []
    for culture, entities in cultures().items():
        # The dictionaries have the same lengths, so the same source draws the same positions: a
        # woman stays a woman, and one person stays one person.
        names = item_rng(f"{NAME}/names", seed, number)
        story = tell(entry.template, numbers, draw_entities(entry.template, entities, names))
        variant = None if culture == ORIGINAL else culture
        origin = f"{NAME}-{seed}-{number}"
        made.append(
            Problem(
                id=f"{origin}-{culture}",
                question=story.question,
                gold=(story.gold,),
                meta={"culture": culture, **entry.meta(story)},
                origin=None if variant is None else f"{origin}-{ORIGINAL}",
                variant=variant,
            )
        )
    return tuple(made)


@cache
def entries() -> Sequence[Sequence[Entry]]:
    """Return the templates with their topics by number of steps; a topic is a file."""
    return by_steps(
        Entry(topic=path.stem, template=read_template(record))
        for path in sorted((FOLDER / "templates").glob("*.yaml"))
        for record in _yaml(path)
    )


@cache
def cultures() -> Mapping[str, Mapping[str, tuple[Entity, ...]]]:
    """Return the dictionaries of each culture by its name, the original's first."""
    paths = sorted((FOLDER / "cultures").glob("*.yaml"), key=lambda path: path.stem)
    paths.sort(key=lambda path: path.stem != ORIGINAL)
    return {path.stem: read_dictionaries(_yaml(path)) for path in paths}


def _yaml(path: Path) -> Any:  # noqa: ANN401  what a file holds is seen by its reader
    return yaml.safe_load(path.read_text(encoding="utf-8"))
