"""Variants of a word problem as data: what a record says otherwise.

A change names only what differs. The numbers and names of the original can be kept:

    irrelevant: {draw: {plums: 8..40}, add: "{Who.he} also has {plums} plums at home."}
    reordered: {order: [2, 1, 3, 4]}
    larger: {draw: {each: 300..9000}}
    longer: {draw: {more: 5..60}, steps: [total = left + more],
             add: "In the afternoon {who.he} buys {more} {fruit}.",
             ask: "How many {fruit} does {who} have then?"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathreason_eval.errors import TaskError, UnknownNameError

Record = Mapping[str, Any]
"""A template as it is written; `reading.read_template` reads it."""

_KEYS = frozenset({"who", "draw", "steps", "where", "text", "order", "add", "ask"})


def changed(record: Record, name: str, change: Record) -> Record:
    """Return the record with a change made: the variant `name` of the template.

    Slots and numbers are added, or take the place of those of the same name; steps follow the old
    ones; conditions and the text are replaced. Of the text, `add` tells more before the question,
    `ask` asks another one, and `order` gives all the sentences another order, counted from 1.

    Raises:
        TaskError: if the change says what no change can say.
    """
    for key in change:
        if key not in _KEYS:
            raise UnknownNameError(f"key of the variant {name} of {record['id']}", key, _KEYS)
    return {
        "id": f"{record['id']}/{name}",
        "who": {**record.get("who", {}), **change.get("who", {})},
        "draw": {**record["draw"], **change.get("draw", {})},
        "steps": [*record["steps"], *change.get("steps", ())],
        "where": change.get("where", record.get("where", ())),
        "text": "\n".join(_told(record, name, change)),
    }


def _told(record: Record, name: str, change: Record) -> Sequence[str]:
    *facts, question = change.get("text", record["text"]).splitlines()
    lines = [*facts, *change.get("add", "").splitlines(), change.get("ask", question)]
    order = change.get("order", range(1, len(lines) + 1))
    if sorted(order) != [*range(1, len(lines) + 1)]:
        raise TaskError(
            f"The variant {name} of {record['id']} orders {len(lines)} sentences as {order}.",
            "Name each of them once, from 1.",
        )
    return [lines[place - 1] for place in order]
