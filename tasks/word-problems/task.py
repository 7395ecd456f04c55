"""Grade-school word problems, made from templates written for this project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

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

FOLDER = Path(__file__).parent


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`.

    Numbers of steps alternate, and within each the templates do: every prefix is balanced.
    """
    entry = in_turn(entries(), index)
    rng = item_rng("word-problems", seed, index)
    numbers = draw_numbers(entry.template, rng)
    story = tell(entry.template, numbers, draw_entities(entry.template, entities(), rng))
    return Problem(
        id=f"word-problems-{seed}-{index}",
        question=story.question,
        gold=(story.gold,),
        meta=entry.meta(story),
    )


@cache
def entries() -> Sequence[Sequence[Entry]]:
    """Return the templates with their topics by number of steps; a topic is a file."""
    return by_steps(
        Entry(topic=path.stem, template=read_template(record))
        for path in sorted((FOLDER / "templates").glob("*.yaml"))
        for record in yaml.safe_load(path.read_text(encoding="utf-8"))
    )


@cache
def entities() -> Mapping[str, tuple[Entity, ...]]:
    """Return the dictionaries that fill the slots for names and things."""
    spec = yaml.safe_load((FOLDER / "entities.yaml").read_text(encoding="utf-8"))
    return read_dictionaries(spec)
