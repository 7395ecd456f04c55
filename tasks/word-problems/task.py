"""Grade-school word problems, made from templates written for this project."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from mathreason_eval.seeds import item_rng
from mathreason_eval.templates.reading import read_dictionaries, read_template
from mathreason_eval.templates.story import Entity, Template, draw_entities, draw_numbers, tell
from mathreason_eval.types import Problem

FOLDER = Path(__file__).parent


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`.

    The number of steps goes round, and within it the templates do: every prefix is balanced.
    """
    by_steps = templates()
    length = index % len(by_steps) + 1
    choices = by_steps[length]
    topic, template = choices[index // len(by_steps) % len(choices)]
    rng = item_rng("word-problems", seed, index)
    story = tell(template, draw_numbers(template, rng), draw_entities(template, entities(), rng))
    return Problem(
        id=f"word-problems-{seed}-{index}",
        question=story.question,
        gold=(story.gold,),
        meta={
            "steps": length,
            "topic": topic,
            "template": template.id,
            "solution": "; ".join(f"{expression} = {value}" for expression, value in story.steps),
        },
    )


@cache
def templates() -> Mapping[int, tuple[tuple[str, Template], ...]]:
    """Return the templates with their topics by number of steps; a topic is a file."""
    found = [
        (path.stem, read_template(record))
        for path in sorted((FOLDER / "templates").glob("*.yaml"))
        for record in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    lengths = sorted({len(template.steps) for _, template in found})
    return {
        length: tuple(pair for pair in found if len(pair[1].steps) == length) for length in lengths
    }


@cache
def entities() -> Mapping[str, tuple[Entity, ...]]:
    """Return the dictionaries that fill the slots for names and things."""
    spec = yaml.safe_load((FOLDER / "entities.yaml").read_text(encoding="utf-8"))
    return read_dictionaries(spec)
