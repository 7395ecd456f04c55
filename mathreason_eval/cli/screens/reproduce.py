"""What could be obtained again of a run, on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mathreason_eval.cli.screens import note, stdout
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.models.facts import Finding, Status
from mathreason_eval.text import visible_line

_WORDS: Mapping[Status, str] = {
    Status.PASS: "same",
    Status.NOTE: "same",
    Status.FAULT: "differs",
    Status.UNKNOWN: "not checked",
}


def print_reproduction(findings: Sequence[Finding]) -> None:
    """Print a row for each thing that was looked at, and whether all is bit-equal."""
    rows = [
        (
            visible_line(one.subject),
            _WORDS[one.status],
            visible_line(f"{one.says}. {one.hint}" if one.hint else one.says),
        )
        for one in findings
    ]
    headings = ("looked at", "result", "what was found")
    print_table(stdout(), Table(headings=headings, rows=rows, unbroken=frozenset({"result"})))
    note(_conclusion(findings))


def _conclusion(findings: Sequence[Finding]) -> str:
    """Return the answer in one line: bit-equal, or what keeps the run from being that."""
    counts, of = Counter(one.status for one in findings), f"of {len(findings)} things"
    if differing := counts[Status.FAULT]:
        return f"{differing} {of} differ"
    if unknown := counts[Status.UNKNOWN]:
        return f"{unknown} {of} could not be looked at, and the others are the same"
    if counts[Status.NOTE]:
        return "everything could be obtained again, but for last digits"
    return "bit-equal: everything could be obtained again"
