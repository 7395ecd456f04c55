"""What to do with a run, and first what its figures do not say of the model."""

from __future__ import annotations

from mathreason_eval.cli.screens.commands import command
from mathreason_eval.pipeline.artefacts import Artefact, Kind, artefacts
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.summary import outcome_counts
from mathreason_eval.types import Outcome

_SAID = 3
"""Artefacts that are said."""


def next_steps(run: Run) -> list[str]:
    """Return what to do with a run, the most urgent last."""
    look = command("show", run.path, "--outcome", _most_frequent(run))
    publish = command("leaderboard", run.path, "-o", "site")
    found = [artefact_line(one, run) for one in artefacts(run)[:_SAID]]
    return [f"look at the samples: {look}", f"publish: {publish}", *reversed(found)]


def _most_frequent(run: Run) -> str:
    """Return the most frequent outcome besides correct; the first of them if there is none."""
    others = [outcome for outcome in Outcome if outcome is not Outcome.CORRECT]
    counts = [outcome_counts(run.verdict_columns(task)) for task in run.tasks()]
    total = {outcome: sum(count[outcome] for count in counts) for outcome in others}
    return str(max(total, key=lambda outcome: total[outcome]))


def artefact_line(one: Artefact, run: Run) -> str:
    """Return what many samples are, what that means for the score, and what to change."""
    share, task = f"{100 * one.share:.0f} %", one.task
    head, about, remedy = _LINES[one.kind]
    values = {
        "tokens": "max_tokens" if one.max_tokens is None else f"{one.max_tokens:,} tokens",
        "more": _more_tokens(one, run),
        "task": task,
        "look": f"`{command('show', run.path, '--outcome', Outcome.NO_ANSWER)}`",
        "regrade": f"`{command('regrade', run.path, '--deadline', 30)}`",
    }
    said = f"{head}: {about}; {remedy}".format_map(values)
    return f"{share} of the samples of {task} {said}{_loops(one)}"


def _loops(one: Artefact) -> str:
    """Return how many of those that were cut off would never have ended, if any."""
    if one.looping is None or not one.looping[0]:
        return ""
    number, looked_at = one.looping
    return (
        f"; {number:,} of the first {looked_at:,} of them repeat themselves at the end, and more "
        "tokens would not help these"
    )


def _more_tokens(one: Artefact, run: Run) -> str:
    if run.manifest.model.backend == "import" or one.suggested_tokens is None:
        return "generate them with a larger limit"
    return f"run again with --max-tokens {one.suggested_tokens} and another -o"


_SAYS_LESS = "the accuracy says more about {} than about the model"
_LINES = {
    Kind.TRUNCATED: (
        "were cut off at {tokens}",
        _SAYS_LESS.format("--max-tokens"),
        "{more}",
    ),
    Kind.NO_ANSWER: (
        "hold no answer that the rules of the task find",
        _SAYS_LESS.format("the format of its answers"),
        "{look} shows them, and --prompt or --system may ask for the format",
    ),
    Kind.REFUSED: (
        "were refused by the model or a content filter",
        _SAYS_LESS.format("what is refused"),
        "{look} shows them",
    ),
    Kind.FAILED: (
        "failed and have no text",
        "the accuracy is of the others alone, or counts them as wrong",
        "the same command asks again for those that were not accepted as failures",
    ),
    Kind.UNGRADABLE: (
        "could not be graded, and count as wrong",
        _SAYS_LESS.format("the grader"),
        "{regrade} gives it more time",
    ),
    Kind.NO_GOLD: (
        "are of problems without a gold, and count as wrong",
        "the accuracy says nothing",
        "import the log with --data {task}=FILE, which names the golds",
    ),
}
"""For each kind what the samples are, what of it, and what to do."""
