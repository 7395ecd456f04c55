"""Instances of templates: numbers and entities are drawn separately, then combined to a text.

So the same story can have different numbers, and the same numbers different names.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Protocol

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.families.stories.units import UNITS, Number, format_number, whole

Entity = Mapping[str, str]
"""The forms of a name or a noun: `{"name": "Maya", "he": "she"}`. The form "" is the default."""


class RandomSource(Protocol):
    """A source of random integers, such as `random.Random`."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 to stop - 1."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation of arithmetic. Operands are numbers, or the names of earlier quantities."""

    sign: str
    left: str | Number
    right: str | Number


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A named number of a template: drawn from `values`, or computed by `operation`."""

    name: str
    unit: str
    """A key of `UNITS`: the format, and which values are valid."""
    values: tuple[Number, ...] = ()
    operation: Operation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A place in a text for a number or a form of an entity."""

    name: str
    form: str
    capital: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A word problem without its numbers and names."""

    id: str
    entities: Mapping[str, str]
    """The dictionary of each slot's entity."""
    given: tuple[Quantity, ...]
    """Numbers that the text may state, and hidden ones from which they are computed."""
    steps: tuple[Quantity, ...]
    """The solution: one operation each; the last one gives the answer."""
    conditions: tuple[Operation, ...]
    """Comparisons that must be true."""
    sentences: tuple[tuple[str | Slot, ...], ...]
    """The facts in order and the question, as literal text and slots."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """An instance of a template."""

    question: str
    gold: str
    """The exact answer: `12`, `2.5`, `7/3`; money has two decimals unless it is whole, `12.50`."""
    steps: tuple[tuple[str, str], ...]
    """Each step as an expression in numbers and its value: `("4 * 6", "24")`."""

    @property
    def solution(self) -> str:
        """Return all steps on one line: `4 * 6 = 24; 24 - 5 = 19`."""
        return "; ".join(f"{expression} = {value}" for expression, value in self.steps)


NOTHING: Mapping[str, Any] = MappingProxyType({})
"""No known values: the default before the first draw."""


def draw_entities(
    template: Template,
    dictionaries: Mapping[str, tuple[Entity, ...]],
    source: RandomSource,
    known: Mapping[str, Entity] = NOTHING,
) -> Mapping[str, Entity]:
    """Return a different entity for each slot; known ones are kept.

    From dictionaries of equal lengths, equal sources draw the same positions.

    Raises:
        UnknownNameError: if a slot names a dictionary that does not exist.
        TaskError: if a dictionary has too few entries.
    """
    drawn: dict[str, Entity] = dict(known)
    for slot, name in template.entities.items():
        if slot in known:
            continue
        if name not in dictionaries:
            raise UnknownNameError("dictionary", name, dictionaries)
        taken = list(drawn.values())
        left = [entity for entity in dictionaries[name] if entity not in taken]
        if not left:
            raise TaskError(
                f"The template {template.id} needs more of {name} than there are.",
                "Add entries to the dictionary.",
            )
        drawn[slot] = left[source.randrange(len(left))]
    return drawn


_MOST_TRIES = 1_000


def draw_numbers(
    template: Template, source: RandomSource, known: Mapping[str, Number] = NOTHING
) -> Mapping[str, Number]:
    """Return a value for each quantity of the template, steps included; known ones are kept.

    Raises:
        TaskError: if `_MOST_TRIES` consecutive draws break a condition of the template.
    """
    for _ in range(_MOST_TRIES):
        numbers = _try(template, source, known)
        if numbers is not None:
            return numbers
    raise TaskError(
        f"The template {template.id} has no numbers that meet its conditions.",
        "Widen its ranges.",
    )


def _try(
    template: Template, source: RandomSource, known: Mapping[str, Number]
) -> Mapping[str, Number] | None:
    numbers: dict[str, Number] = {}
    for quantity in (*template.given, *template.steps):
        if quantity.name in known:
            value = known[quantity.name]
        elif quantity.operation is None:
            value = quantity.values[source.randrange(len(quantity.values))]
        else:
            value = _evaluate(quantity.operation, numbers)
        if not UNITS[quantity.unit].is_valid(value):
            return None
        numbers[quantity.name] = value
    holds = all(_evaluate(condition, numbers) for condition in template.conditions)
    return numbers if holds else None


def tell(
    template: Template, numbers: Mapping[str, Number], entities: Mapping[str, Entity]
) -> Story:
    """Return the instance with these numbers and entities.

    Raises:
        TaskError: if the text uses a form that an entity does not have.
    """
    printed = {
        quantity.name: UNITS[quantity.unit].format(numbers[quantity.name])
        for quantity in (*template.given, *template.steps)
    }

    def filled(part: str | Slot) -> str:
        if isinstance(part, str):
            return part
        words = printed.get(part.name) or entities[part.name].get(part.form)
        if words is None:
            raise TaskError(
                f"The template {template.id} needs {part.form!r} of {entities[part.name]['']}.",
                "Add the form to the dictionary.",
            )
        return words[0].upper() + words[1:] if part.capital else words

    answer = template.steps[-1]
    return Story(
        question=" ".join("".join(map(filled, sentence)) for sentence in template.sentences),
        gold=printed[answer.name],
        steps=tuple(
            (_in_numbers(step.operation, numbers), format_number(numbers[step.name]))
            for step in template.steps
            if step.operation is not None
        ),
    )


ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": Fraction,
}
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "!=": operator.ne,
}
_SIGNS = {**ARITHMETIC, **COMPARISONS}


def _evaluate(operation: Operation, numbers: Mapping[str, Number]) -> Number:
    left, right = operation.left, operation.right
    left = numbers[left] if isinstance(left, str) else left
    right = numbers[right] if isinstance(right, str) else right
    return whole(_SIGNS[operation.sign](left, right))


def _in_numbers(operation: Operation, numbers: Mapping[str, Number]) -> str:
    sides = (
        format_number(numbers[side] if isinstance(side, str) else side)
        for side in (operation.left, operation.right)
    )
    left, right = (f"({side})" if "/" in side else side for side in sides)
    return f"{left} {operation.sign} {right}"


# --- balanced sequences of templates -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A template with its topic and variants."""

    topic: str
    template: Template
    variants: Mapping[str, Template] = field(default_factory=dict)
    """Variants of the template, by the name of the change."""

    def meta(self, story: Story) -> dict[str, str | int]:
        """Return the properties of a problem that is an instance of the template."""
        return {
            "steps": len(story.steps),
            "topic": self.topic,
            "template": self.template.id,
            "solution": story.solution,
        }


def by_steps(entries: Iterable[Entry]) -> Sequence[Sequence[Entry]]:
    """Return the entries grouped by number of steps, the fewest first."""
    groups: dict[int, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(len(entry.template.steps), []).append(entry)
    return tuple(tuple(groups[length]) for length in sorted(groups))


def in_turn(groups: Sequence[Sequence[Entry]], index: int) -> Entry:
    """Return entry number `index`: groups alternate, and within each group its entries do."""
    group = groups[index % len(groups)]
    return group[index // len(groups) % len(group)]
