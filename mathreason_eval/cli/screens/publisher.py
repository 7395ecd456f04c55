"""The publisher's verdicts next to ours, on the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from mathreason_eval.cli.screens import note, one_line, stdout
from mathreason_eval.cli.screens.runs import imported_as_json, print_imported_scores
from mathreason_eval.gate.outputs import escape_markdown
from mathreason_eval.pipeline.importers.jsonl import Imported
from mathreason_eval.pipeline.importers.publisher import (
    Cause,
    Difference,
    PublishedScore,
    PublisherReport,
)
from mathreason_eval.resources import resource_dir
from mathreason_eval.site.formats import environment, trusted
from mathreason_eval.text import visible_line


def report_as_json(done: Imported, found: PublisherReport) -> dict[str, Any]:
    """Return an imported run as `imported_as_json` does, with the comparison as plain values."""
    differences = [
        {
            **asdict(one.verdict),
            "task": one.task,
            "gold": one.problem.gold,
            "label": one.label,
            "cause": one.cause,
            "read": one.read,
            "excerpt": one.excerpt,
        }
        for one in found.differences
    ]
    scores = [asdict(one) for one in found.scores]
    publisher = {"program": found.program, "scores": scores, "differences": differences}
    return {**imported_as_json(done), "publisher": publisher}


_MAX_ROWS = 10
"""Maximum number of differing rows that are printed for a cause; --report and --json have all."""


def print_report(runs: Sequence[Imported], reports: Sequence[PublisherReport]) -> None:
    """Print the scores, the publisher's and ours, and the rows that differ by cause."""
    print_imported_scores(runs)
    console = stdout()
    for done, found in zip(runs, reports, strict=True):
        for line in _headlines(found):
            console.print(visible_line(line), soft_wrap=True)
        for cause, rows in _by_cause(found):
            console.print(f"{cause}: {len(rows):,}", style="bold")
            for one in rows[:_MAX_ROWS]:
                console.print(visible_line(f"  {_row(one)}"), soft_wrap=True)
            if len(rows) > _MAX_ROWS:
                console.print(f"  and {len(rows) - _MAX_ROWS:,} more, which --report FILE lists")
        note(f"stored in {done.run.path}")


def _headlines(found: PublisherReport) -> Iterator[str]:
    """Yield what both say of each task, and how many rows differ."""
    differ = Counter(one.task for one in found.differences)
    said: set[str] = set()
    for one in found.scores:
        first = one.task not in said
        said.add(one.task)
        compares = first and one.ours is not None
        rows = f"; {differ[one.task]:,} of {one.samples:,} rows differ" if compares else ""
        yield f"{one.task}, {found.model}: {found.program} {_figures(one)}{rows}"


_MAX_FILES = 20
"""Files of a log that are named with their hashes."""


def _origin(found: PublisherReport) -> Iterator[str]:
    """Yield what whoever gets a report needs to see the same: versions, and the log's files."""
    yield f"judged by {found.ours}; `mathreason import` of these files writes this report"
    for name, digest in list(found.files.items())[:_MAX_FILES]:
        yield f"{name}, SHA-256 {digest}"
    if len(found.files) > _MAX_FILES:
        yield f"and {len(found.files) - _MAX_FILES:,} more files, which the run's manifest names"


def _figures(score: PublishedScore) -> str:
    """Return both scores; of a length or a reward on another scale the mean alone."""
    if not score.is_share:
        return f"has a mean {score.name} of {score.theirs:.3g}"
    theirs = f"says {100 * score.theirs:.1f} by {score.name}"
    if score.ours is None:
        return f"{theirs}; we cannot say, as no gold is known"
    more = f" ({score.without_gold:,} more have no gold)" if score.without_gold else ""
    return f"{theirs}, we say {100 * score.ours:.1f} of the same rows{more}"


def _by_cause(found: PublisherReport) -> Iterator[tuple[Cause, list[Difference]]]:
    for cause in Cause:
        if rows := [one for one in found.differences if one.cause is cause]:
            yield cause, rows


_LONGEST = 80
"""Maximum characters of an answer, a gold and a reason in a row."""


def _row(one: Difference) -> str:
    verdict, label = one.verdict, "right" if one.label else "wrong"
    answer = "none" if verdict.answer is None else repr(one_line(verdict.answer, _LONGEST))
    gold = one_line(" or ".join(one.problem.gold), _LONGEST)
    read = "" if one.read is None else f" (read {one_line(one.read, _LONGEST)!r})"
    return (
        f"{verdict.problem_id} sample {verdict.sample}: publisher {label}{read}, "
        f"ours {verdict.outcome}; "
        f"gold {gold!r}, answer {answer}; {one_line(verdict.note, _LONGEST)}"
    )


def markdown(found: PublisherReport) -> str:
    """Return the comparison as Markdown, with all rows that differ."""
    lines = [f"# {_cell(found.model)}: {_cell(found.program)} and mathreason-eval", ""]
    lines += [f"- {_cell(line)}" for line in (*_headlines(found), *_origin(found))]
    for cause, rows in _by_cause(found):
        lines += ["", f"## {cause.capitalize()}: {len(rows):,}", ""]
        names = "task | problem | sample | publisher | it read | ours | gold | answer | span | why"
        lines += [f"| {names} | text |", "|---|---|--:|---|---|---|---|---|---|---|---|"]
        lines += [f"| {' | '.join(map(_cell, _cells(one)))} |" for one in rows]
    return "\n".join(lines) + "\n"


def _cells(one: Difference) -> tuple[str, ...]:
    verdict = one.verdict
    span = "" if verdict.span is None else f"{verdict.span[0]}-{verdict.span[1]}"
    return (
        *(one.task, verdict.problem_id, str(verdict.sample), "right" if one.label else "wrong"),
        *(one.read or "", str(verdict.outcome), " or ".join(one.problem.gold)),
        *(verdict.answer or "", span),
        *(f"{verdict.rule}: {verdict.note}", one.excerpt),
    )


_LONGEST_CELL = 300


def _cell(text: str) -> str:
    return escape_markdown(one_line(text, _LONGEST_CELL))


# --- the page ----------------------------------------------------------------------------------

_ABOUT = {
    Cause.PUBLISHER: "Our grader found an answer that the text announces, and decided. Look at the "
    "rows before you write to the publisher: the error may be ours.",
    Cause.UNDECIDED: "Our grader could not decide.",
    Cause.CONVENTION: "What counts as an answer: a text that is cut, states none, takes it back or "
    "only mentions it, or in which the publisher found no answer in the form that it asks for.",
}


def page(found: Sequence[PublisherReport]) -> str:
    """Return the comparisons as a page that needs no other file, with all rows that differ."""
    reports = [
        {
            "model": one.model,
            "program": one.program,
            "headlines": [*_headlines(one), *_origin(one)],
            "groups": [
                {
                    "cause": str(cause),
                    "about": _ABOUT[cause],
                    "rows": [_page_row(row) for row in rows],
                }
                for cause, rows in _by_cause(one)
            ],
        }
        for one in found
    ]
    style = (resource_dir("leaderboard") / "site.css").read_text(encoding="utf-8")
    template = environment().get_template("publisher.html")
    return template.render(reports=reports, style=trusted(style))


def _page_row(one: Difference) -> dict[str, object]:
    verdict = one.verdict
    start, end = one.marked or (len(one.excerpt), len(one.excerpt))
    return {
        "task": one.task,
        "problem": verdict.problem_id,
        "sample": verdict.sample,
        "published": "right" if one.label else "wrong",
        "read": one.read,
        "outcome": str(verdict.outcome),
        "gold": " or ".join(one.problem.gold),
        "answer": verdict.answer or "",
        "span": "" if verdict.span is None else f"{verdict.span[0]}-{verdict.span[1]}",
        "why": f"{verdict.rule}: {verdict.note}",
        "before": one.excerpt[:start],
        "found": one.excerpt[start:end],
        "after": one.excerpt[end:],
    }
