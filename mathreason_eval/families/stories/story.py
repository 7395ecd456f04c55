"""Instances of templates: numbers and entities are drawn apart, then told together.

The same story can be told with other numbers, and the same numbers with other names.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Protocol

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.families.stories.units import UNITS, Number, exact, whole

Entity = Mapping[str, str]
"""The forms of a name or a thing: `{"name": "Maya", "he": "she"}`. The form "" is the usual one."""


class Source(Protocol):
    """Where chance comes from; a `random.Random` is one."""

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
    """A named number of a template: drawn from `values`, or computed."""

    name: str
    unit: str
    """How it is printed and which values make sense; a key of `UNITS`."""
    values: tuple[Number, ...] = ()
    operation: Operation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A place in a text that a number or a form of an entity fills."""

    name: str
    form: str
    capital: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A word problem without its numbers and names."""

    id: str
    entities: Mapping[str, str]
    """Which dictionary each slot is filled from."""
    given: tuple[Quantity, ...]
    """Numbers the text may tell, and hidden ones that they are made of."""
    steps: tuple[Quantity, ...]
    """One operation each; the last one gives the answer."""
    conditions: tuple[Operation, ...]
    """Comparisons that must hold."""
    sentences: tuple[tuple[str | Slot, ...], ...]
    """The facts in order and the question, as literal text and slots."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """An instance of a template."""

    question: str
    gold: str
    """Exact: `12`, `2.5`, `7/3`; money that is not whole with two decimals, `12.50`."""
    steps: tuple[tuple[str, str], ...]
    """Each step as an expression in numbers and its value: `("4 * 6", "24")`."""

    @property
    def solution(self) -> str:
        """Return all the steps in a line: `4 * 6 = 24; 24 - 5 = 19`."""
        return "; ".join(f"{expression} = {value}" for expression, value in self.steps)


NOTHING: Mapping[str, Any] = MappingProxyType({})
"""What is known before the first draw."""

_MOST_TRIES = 1_000


def draw_entities(
    template: Template,
    dictionaries: Mapping[str, tuple[Entity, ...]],
    source: Source,
    known: Mapping[str, Entity] = NOTHING,
) -> Mapping[str, Entity]:
    """Return an entity for each slot, no two the same; those that are known stay.

    Where dictionaries are of the same lengths, the same chance draws from the same places.

    Raises:
        UnknownNameError: if a slot names a dictionary that there is not.
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
            raise TaskError(f"The template {template.id} needs more of {name} than there are.")
        drawn[slot] = left[source.randrange(len(left))]
    return drawn


def draw_numbers(
    template: Template, source: Source, known: Mapping[str, Number] = NOTHING
) -> Mapping[str, Number]:
    """Return a value for each quantity of the template, steps included; those known stay.

    Raises:
        TaskError: if a thousand draws in a row break a rule of the template.
    """
    for _ in range(_MOST_TRIES):
        numbers = _try(template, source, known)
        if numbers is not None:
            return numbers
    raise TaskError(
        f"The template {template.id} finds no numbers that keep its rules.", "Widen its ranges."
    )


def _try(
    template: Template, source: Source, known: Mapping[str, Number]
) -> Mapping[str, Number] | None:
    numbers: dict[str, Number] = {}
    for quantity in (*template.given, *template.steps):
        if quantity.name in known:
            value = known[quantity.name]
        elif quantity.operation is None:
            value = quantity.values[source.randrange(len(quantity.values))]
        else:
            value = _evaluate(quantity.operation, numbers)
        if not UNITS[quantity.unit].sensible(value):
            return None
        numbers[quantity.name] = value
    holds = all(_evaluate(condition, numbers) for condition in template.conditions)
    return numbers if holds else None


def tell(
    template: Template, numbers: Mapping[str, Number], entities: Mapping[str, Entity]
) -> Story:
    """Return the instance with these numbers and entities.

    Raises:
        TaskError: if the text asks an entity for a form that it does not have.
    """
    printed = {
        quantity.name: UNITS[quantity.unit].spell(numbers[quantity.name])
        for quantity in (*template.given, *template.steps)
    }

    def filled(part: str | Slot) -> str:
        if isinstance(part, str):
            return part
        words = printed.get(part.name) or entities[part.name].get(part.form)
        if words is None:
            raise TaskError(
                f"The template {template.id} asks {entities[part.name]['']} for its {part.form!r}.",
                "Add the form to the dictionary.",
            )
        return words[0].upper() + words[1:] if part.capital else words

    answer = template.steps[-1]
    return Story(
        question=" ".join("".join(map(filled, sentence)) for sentence in template.sentences),
        gold=printed[answer.name],
        steps=tuple(
            (_in_numbers(step.operation, numbers), exact(numbers[step.name]))
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
        exact(numbers[side] if isinstance(side, str) else side)
        for side in (operation.left, operation.right)
    )
    left, right = (f"({side})" if "/" in side else side for side in sides)
    return f"{left} {operation.sign} {right}"
