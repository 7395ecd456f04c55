"""How many completions were what: a reward of 0 does not say why."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from mathreason_eval.grade.workers import ProcessOwner


class Reason(StrEnum):
    """Why a completion has its reward; of these `right` alone has 1."""

    RIGHT = "right"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    """The text is complete and states no answer."""
    UNFINISHED = "unfinished"
    """The text was cut before an answer, or its reasoning never ended."""
    UNDECIDED = "undecided"
    """The grader could not decide, or failed."""
    INVALID = "invalid"
    """There is no completion, no gold that is one, or no partner in the other list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many completions of this process were what."""

    right: int = 0
    wrong: int = 0
    no_answer: int = 0
    unfinished: int = 0
    undecided: int = 0
    invalid: int = 0
    weak: int = 0
    """Right or wrong ones whose answer is not announced, as a last number."""
    duplicated: int = 0
    """Those equal to an earlier one of the same call with the same gold."""
    disagreed: int = 0
    """Decided ones that only one of the two graders takes for right, if a second was asked."""

    @property
    def shares(self) -> dict[str, float]:
        """Return the share of each in all completions; nothing if there are none."""
        total = self.total
        return {name: count / total for name, count in asdict(self).items()} if total else {}

    @property
    def total(self) -> int:
        """Return the number of completions."""
        return sum(getattr(self, reason) for reason in Reason)

    def __str__(self) -> str:
        """Return one line for a trainer's log: the audit of a step."""
        return " · ".join(f"{name} {count:,}" for name, count in asdict(self).items())


WEAK = "weak"
DUPLICATED = "duplicated"
DISAGREED = "disagreed"
_NAMES = frozenset(one.name for one in fields(Counts))


def counts_of(held: Mapping[str, int]) -> Counts:
    """Return counts by name as a record."""
    return Counts(**{name: held.get(name, 0) for name in _NAMES})


class _Counters(ProcessOwner):
    """The counts of this process, from any of its threads; a forked child begins at 0."""

    def __init__(self) -> None:
        self.renew()
        super().__init__()

    def renew(self) -> None:
        """Begin at 0, with a lock that no other thread holds."""
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def close(self) -> None:
        """Do nothing: there is no process."""

    def add(self, names: Iterable[str]) -> None:
        """Count some completions."""
        with self._lock:
            self._held.update(names)

    def read(self, *, reset: bool) -> Counts:
        """Return the counts."""
        with self._lock:
            found = counts_of(self._held)
            if reset:
                self._held.clear()
        return found


COUNTERS = _Counters()


def counts(*, reset: bool = False) -> Counts:
    """Return how many completions of this process were what, since its start or the last reset.

    Args:
        reset: whether to begin again at 0, as after each step of a training.
    """
    return COUNTERS.read(reset=reset)
