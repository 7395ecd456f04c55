"""Templates of word problems, read from records of a YAML file.

A template is data: `draw` defines the numbers and their ranges, `steps` solves the problem by one
operation each, `text` has one sentence per line, the question last:

    id: market-stall
    who: {who: person, fruit: fruit}
    draw: {crates: 3..9, each: 12..40, sold: 20..150}
    steps: [all = crates * each, left = all - sold]
    text: |
      {who} has {crates} crates with {each} {fruit} in each.
      {Who.he} sells {sold} {fruit}.
      How many {fruit} does {who} have left?

Numbers that are invalid (a count that is not a positive integer, money that is not whole
cents) or break a condition under `where` are drawn again, so every instance has an exact and
valid answer. `docs/tasks.md` describes every key and unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.families.stories.story import (
    ARITHMETIC,
    COMPARISONS,
    Entity,
    Operation,
    Quantity,
    Slot,
    Template,
)
from mathreason_eval.families.stories.units import UNITS, Number, whole

_KEYS = frozenset({"id", "who", "draw", "steps", "where", "text"})
_SLOT = re.compile(r"\{([A-Za-z_]+)(?:\.([a-z]+))?\}")
_OPERATION = re.compile(r"(\S+) (\S+) (\S+)\Z")
_RANGE = re.compile(r"(\S+)\.\.(\S+?)(?: by (\S+))?\Z")


def read_template(record: Mapping[str, Any]) -> Template:
    """Return the template that a record of a YAML file describes.

    Raises:
        TaskError: if something is wrong with it; it names the template.
    """
    name = record.get("id", "without an id")
    try:
        for key in record:
            if key not in _KEYS:
                raise UnknownNameError("key of a template", str(key), _KEYS)
        template = Template(
            id=record["id"],
            entities=record.get("who", {}),
            given=tuple(_drawn(name, spec) for name, spec in record["draw"].items()),
            steps=tuple(_step(spec) for spec in record["steps"]),
            conditions=tuple(_operation(spec, COMPARISONS) for spec in record.get("where", ())),
            sentences=tuple(_compiled(line) for line in record["text"].splitlines()),
        )
        _check_names(template)
        _check_solution(template)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise TaskError(
            f"The template {name} cannot be read: {type(error).__name__} {error}.",
            "docs/tasks.md shows one.",
        ) from None
    return template


def read_dictionaries(
    spec: Mapping[str, Iterable[Mapping[str, Any]]],
) -> Mapping[str, tuple[Entity, ...]]:
    """Return the entities of each dictionary; the first form of an entry is the default one.

    An entry whose first form is a list stands for several entities:
    `{name: [Maya, Ines], he: she}`.
    """
    return {
        name: tuple(entity for entry in entries for entity in _entities(entry))
        for name, entries in spec.items()
    }


def _entities(entry: Mapping[str, Any]) -> Iterable[Entity]:
    (default, first), *others = entry.items()
    for text in [first] if isinstance(first, str) else first:
        yield {"": text, default: text, **dict(others)}


def _drawn(name: str, spec: str) -> Quantity:
    """Return the quantity of `3..9`, `2..5 by 0.25 money`, `1/2, 1/3 part` or `a * 12`."""
    values, unit = _with_unit(str(spec))
    if found := _RANGE.match(values):
        low, high, step = (Fraction(bound) for bound in found.groups(default="1"))
        count = (high - low) / step // 1
        drawn = [low + step * index for index in range(count + 1)]
    elif "," in values or " " not in values:
        drawn = [Fraction(value) for value in values.split(",")]
    else:
        return Quantity(name=name, unit=unit, operation=_operation(values, ARITHMETIC))
    scale = 100 if unit == "percent" else 1
    return Quantity(name=name, unit=unit, values=tuple(whole(value / scale) for value in drawn))


def _step(spec: str) -> Quantity:
    name, _, rest = spec.partition(" = ")
    operation, unit = _with_unit(rest)
    return Quantity(name=name, unit=unit, operation=_operation(operation, ARITHMETIC))


def _with_unit(spec: str) -> tuple[str, str]:
    head, _, last = spec.rpartition(" ")
    return (head, last) if last in UNITS else (spec, "count")


def _operation(spec: str, signs: Iterable[str]) -> Operation:
    found = _OPERATION.match(spec)
    if found is None or found[2] not in signs:
        raise ValueError(f"{spec!r} is not one of {', '.join(signs)} between two operands")
    return Operation(sign=found[2], left=_operand(found[1]), right=_operand(found[3]))


def _operand(text: str) -> str | Number:
    return text if text.isidentifier() else whole(Fraction(text))


def _compiled(text: str) -> tuple[str | Slot, ...]:
    parts: list[str | Slot] = []
    end = 0
    for found in _SLOT.finditer(text):
        name = found[1][0].lower() + found[1][1:]
        slot = Slot(name=name, form=found[2] or "", capital=name != found[1])
        parts += [text[end : found.start()], slot]
        end = found.end()
    return tuple(part for part in (*parts, text[end:]) if part != "")


def _check_names(template: Template) -> None:
    """Raise a ValueError if a name is used before it is defined, or defined twice."""
    known: set[str] = set()
    for quantity in (*template.given, *template.steps):
        if quantity.operation is not None:
            _check_operands(quantity.operation, known)
        elif not quantity.values or not all(map(UNITS[quantity.unit].is_valid, quantity.values)):
            raise ValueError(f"{quantity.name} has no value that is a valid {quantity.unit}")
        if quantity.name in known or quantity.name in template.entities:
            raise ValueError(f"{quantity.name} is defined twice")
        known.add(quantity.name)
    for condition in template.conditions:
        _check_operands(condition, known)
    for part in (part for sentence in template.sentences for part in sentence):
        if isinstance(part, Slot) and part.name not in known | template.entities.keys():
            raise ValueError(f"{part.name!r} is not defined")
        if isinstance(part, str) and not {"{", "}"}.isdisjoint(part):
            raise ValueError(f"a brace in {part!r} belongs to no slot")


def _check_solution(template: Template) -> None:
    """Raise a ValueError if the text omits or reveals a number, or if a step is not used."""
    stated = {part.name for line in template.sentences for part in line if isinstance(part, Slot)}
    operations = [step.operation for step in template.steps if step.operation is not None]
    used = {side for each in operations for side in (each.left, each.right)}
    *intermediate, answer = (step.name for step in template.steps)
    for name in template.entities:
        if name not in stated:
            raise ValueError(f"{name} does not appear in the text")
    for number in template.given:
        if number.name in used and number.name not in stated:
            raise ValueError(f"{number.name} is needed but not in the text")
    for name in (*intermediate, answer):
        if name in stated:
            raise ValueError(f"{name} is to be computed but is in the text")
        if (name in used) == (name == answer):
            raise ValueError(f"{name} is not used, or the last step is not the answer")


def _check_operands(operation: Operation, known: set[str]) -> None:
    for side in (operation.left, operation.right):
        if isinstance(side, str) and side not in known:
            raise ValueError(f"{side!r} is not defined yet")


# --- variants --------------------------------------------------------------------------------

Record = Mapping[str, Any]
"""A template as a record of the YAML file."""
_CHANGES = frozenset({"who", "draw", "steps", "where", "text", "order", "add", "ask"})


def changed(record: Record, name: str, change: Record) -> Record:
    """Return the record of the variant `name` of a template, which can use the same numbers.

        irrelevant: {draw: {plums: 8..40}, add: "{Who.he} also has {plums} plums at home."}
        reordered: {order: [2, 1, 3, 4]}
        longer: {draw: {more: 5..60}, steps: [total = left + more],
                 add: "In the afternoon {who.he} buys {more} {fruit}.",
                 ask: "How many {fruit} does {who} have then?"}

    Slots and numbers are added, or replace those with the same name; steps are appended; conditions
    and the text are replaced. In the text, `add` inserts sentences before the question, `ask`
    replaces the question, and `order` reorders all the sentences, counted from 1.

    Raises:
        TaskError: if the change has an unknown key, or `order` is not a permutation.
    """
    for key in change:
        if key not in _CHANGES:
            raise UnknownNameError(f"key of the variant {name} of {record['id']}", key, _CHANGES)
    return {
        "id": f"{record['id']}/{name}",
        "who": {**record.get("who", {}), **change.get("who", {})},
        "draw": {**record["draw"], **change.get("draw", {})},
        "steps": [*record["steps"], *change.get("steps", ())],
        "where": change.get("where", record.get("where", ())),
        "text": "\n".join(_changed_text(record, name, change)),
    }


def _changed_text(record: Record, name: str, change: Record) -> Sequence[str]:
    *facts, question = change.get("text", record["text"]).splitlines()
    lines = [*facts, *change.get("add", "").splitlines(), change.get("ask", question)]
    order = change.get("order", range(1, len(lines) + 1))
    if sorted(order) != [*range(1, len(lines) + 1)]:
        raise TaskError(
            f"The variant {name} of {record['id']} orders {len(lines)} sentences as {order}.",
            "Name each of them once, from 1.",
        )
    return [lines[place - 1] for place in order]
