"""A gate's answer as GitHub's workflow commands, which mark a run of a workflow."""

from __future__ import annotations

from collections.abc import Iterator

from mathreason_eval.gate.judging import Answer, Judgement
from mathreason_eval.gate.wording import check_words, headline, reasons
from mathreason_eval.text import visible

_KINDS = {
    Answer.PASS: "notice",
    Answer.REGRESSION: "error",
    Answer.INCONCLUSIVE: "warning",
    Answer.NOT_COMPARABLE: "error",
}
_LONGEST = 400


def workflow_commands(judgement: Judgement) -> Iterator[str]:
    """Yield a command for every task that is no pass and every broken limit; at last the answer."""
    for task in judgement.tasks:
        if task.answer is not Answer.PASS:
            yield _command(_KINDS[task.answer], task.task, "; ".join(reasons(task)))
        else:
            for check in task.broken:
                yield _command("error", task.task, check_words(check))
    yield _command(_KINDS[judgement.answer], "mathreason gate", headline(judgement))


def _command(kind: str, title: str, said: str) -> str:
    """Return one command: what is said can end neither the line nor the title."""
    named = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={named}::{_escaped(said)}"


def _escaped(text: str) -> str:
    shown = visible(text)[:_LONGEST]
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
