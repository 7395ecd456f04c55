"""Single samples on the terminal: question, gold, output with its answer marked, and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from mathreason_eval.cli.screens.console import SIGNS, note, stdout
from mathreason_eval.errors import UnknownNameError
from mathreason_eval.runs.store import Run, Sample
from mathreason_eval.stats.metrics import is_disputed
from mathreason_eval.text import visible
from mathreason_eval.types import Outcome, Verdict

_AROUND = 600
"""How many characters of an output are shown on either side of its answer."""


def chosen_samples(
    run: Run, outcome: str | None, problem: str | None, *, disputed: bool = False
) -> tuple[Sample, ...]:
    """Return the judged samples of a run that have this outcome and belong to this problem.

    With `disputed` only those on which the task's two graders differ.

    Raises:
        RunError: if the run judges what it does not hold.
        UnknownNameError: if there is no such outcome or no such problem.
    """
    if outcome is not None and outcome not in set(Outcome):
        raise UnknownNameError("outcome", outcome, set(Outcome))
    ids = {p.id for task in run.tasks() for p in run.problems(task)}
    if problem is not None and problem not in ids:
        raise UnknownNameError("problem in this run", problem, sorted(ids)[:20])
    return tuple(
        sample
        for task in run.tasks()
        for sample in run.samples(task)
        if sample.verdict is not None
        and outcome in (None, sample.verdict.outcome)
        and problem in (None, sample.problem.id)
        and (is_disputed(sample.verdict) or not disputed)
    )


def samples_as_json(samples: Sequence[Sample]) -> list[dict[str, object]]:
    """Return the samples as plain values."""
    return [asdict(sample) for sample in samples]


def print_samples(samples: Sequence[Sample]) -> None:
    """Print samples one after another, the answer's span underlined."""
    from rich.text import Text

    console = stdout()
    for sample in samples:
        verdict = sample.verdict
        assert verdict is not None, "only judged samples are chosen"
        sign, style = SIGNS[verdict.outcome]
        head = Text(f"{sample.problem.id} · sample {verdict.sample} · ", style="bold")
        head.append(f"{sign} {verdict.outcome}", style=style)
        console.print(head)
        console.print(_labelled("question", visible(sample.problem.question)))
        console.print(_labelled("gold", visible(" or ".join(sample.problem.gold))))
        if sample.generation.reasoning:
            count = len(sample.generation.reasoning)
            console.print(_labelled("reasoning", f"{count:,} characters"))
        console.print(Text("output    ", style="dim") + _marked(sample.generation.text, verdict))
        console.print(_labelled("answer", _found(verdict)))
        console.print(_labelled("verdict", visible(f"{verdict.rule}: {verdict.note}")))
        if verdict.second is not None:
            console.print(_labelled("second", f"{verdict.second}, says the second grader"))
        console.print()
    note(f"{len(samples)} samples")


def _labelled(label: str, content: str) -> object:
    from rich.text import Text

    return Text(f"{label:<10}", style="dim").append(content, style="not dim")


def _found(verdict: Verdict) -> str:
    if verdict.answer is None or verdict.span is None:
        return "none found"
    start, end = verdict.span
    return f"{visible(verdict.answer)}  ← {verdict.found_by}, characters {start}-{end}"


def _marked(text: str, verdict: Verdict) -> object:
    """Return the output around its answer, which is underlined; what is left out is counted."""
    from rich.text import Text

    start, end = verdict.span or (len(text), len(text))
    low, high = max(0, start - _AROUND), min(len(text), end + _AROUND)
    marked = Text(f"[{low:,} characters] … " if low else "", style="dim")
    marked.append(visible(text[low:start]), style="not dim")
    marked.append(visible(text[start:end]), style="not dim bold underline")
    marked.append(visible(text[end:high]), style="not dim")
    if high < len(text):
        marked.append(f" … [{len(text) - high:,} characters]", style="dim")
    return marked
