"""A dated list of what changed on a site, kept beside it and extended only by a change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice

from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.text import short_names
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.jsonl import dumps
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES

PAGE = "changes.json"
SCHEMA = 1
_MOST_CHANGES, _MOST_NAMES, _LONGEST = 500, 1_000, 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What one build changed: results as `MODEL on TASK`."""

    at: str
    """The time of the build: ISO 8601, UTC."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The changes of a site, the newest first, and what the next build is compared with."""

    changes: tuple[Change, ...] = ()
    results: Mapping[str, tuple[str, str]]
    """(words, digest of the numbers) of each result, by its run and task."""

    def content(self) -> bytes:
        """Return it as the file beside the site."""
        value = {
            "schema_version": SCHEMA,
            "changes": [asdict(change) for change in self.changes],
            "results": {place: list(own) for place, own in self.results.items()},
        }
        return dumps(value, indent=1).encode() + b"\n"


def read_history(content: bytes | None) -> History:
    """Return the history in a file; an empty one if it has none of ours.

    The file may come from somebody else: what is read of it is bounded, and shown as text.
    """
    try:
        found = parse_json((content or b"")[: MAX_DOCUMENT_BYTES + 1])
        if found["schema_version"] != SCHEMA:
            return History(results={})
        return History(
            changes=tuple(_change(one) for one in found["changes"][:_MOST_CHANGES]),
            results={
                str(place): (str(words)[:_LONGEST], str(digest))
                for place, (words, digest) in islice(found["results"].items(), 10 * _MOST_NAMES)
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return History(results={})


def _change(value: Mapping[str, object]) -> Change:
    def names(key: str) -> tuple[str, ...]:
        listed = value[key]
        if not isinstance(listed, list):
            raise TypeError(key)
        return tuple(str(name)[:_LONGEST] for name in listed[:_MOST_NAMES])

    return Change(
        at=str(value["at"])[:40],
        added=names("added"),
        changed=names("changed"),
        removed=names("removed"),
    )


def extended(history: History, table: Sequence[Column], at: str) -> History:
    """Return the history with what a build changes; the same if it changes nothing.

    Args:
        history: that of the last build.
        table: the columns of this build.
        at: its time.
    """
    short = short_names(one.result.model for column in table for one in column.standings)
    present = {
        f"{standing.result.page}/{column.page}": (
            _words(column, standing, short),
            _digest(standing),
        )
        for column in table
        for standing in column.standings
    }
    before = history.results
    change = Change(
        at=at,
        added=_named(present[place] for place in sorted(present.keys() - before.keys())),
        changed=_named(
            own for place, own in sorted(present.items()) if before.get(place, own)[1] != own[1]
        ),
        removed=_named(before[place] for place in sorted(before.keys() - present.keys())),
    )
    if not (change.added or change.changed or change.removed):
        return History(changes=history.changes, results=dict(sorted(present.items())))
    return History(
        changes=(change, *history.changes)[:_MOST_CHANGES], results=dict(sorted(present.items()))
    )


def _named(results: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(words for words, _ in islice(results, _MOST_NAMES))


def _words(column: Column, standing: Standing, short: Mapping[str, str]) -> str:
    result = standing.result
    return f"{result.display or short[result.model]} on {column.task}"[:_LONGEST]


def _digest(standing: Standing) -> str:
    """Return a digest of the numbers of a result that are on the first page."""
    result = standing.result
    shown = [standing.metric and asdict(standing.metric), dict(result.states), result.missing]
    return sha256(dumps(shown).encode()).hexdigest()[:16]
