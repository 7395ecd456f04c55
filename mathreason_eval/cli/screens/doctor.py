"""What was looked at before a run, on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mathreason_eval.cli.screens import note, stdout
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.models.facts import Finding, Status
from mathreason_eval.text import counted, visible_line

_ORDER = (Status.FAULT, Status.WARNING, Status.UNKNOWN, Status.NOTE, Status.PASS)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a row for each finding, the most severe first, and how many there are of each kind."""
    rows = [
        (
            visible_line(one.subject),
            one.status.value,
            visible_line(_sentences(one)),
        )
        for one in sorted(findings, key=lambda one: _ORDER.index(one.status))
    ]
    headings = ("looked at", "result", "what was found")
    print_table(stdout(), Table(headings=headings, rows=rows, unbroken=frozenset({"result"})))
    counts = Counter(one.status for one in findings)
    note(" · ".join(_count(counts[status], status) for status in _ORDER if counts[status]))


_COUNTABLE = frozenset({Status.FAULT, Status.WARNING, Status.NOTE})


def _count(number: int, status: Status) -> str:
    return counted(number, status.value) if status in _COUNTABLE else f"{number} {status.value}"


def _sentences(one: Finding) -> str:
    """Return what was found and what helps, with a full stop between them."""
    return f"{one.says.rstrip('.')}. {one.hint}" if one.hint else one.says
