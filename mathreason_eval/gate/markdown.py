"""A gate's answer as Markdown, for the summary of a CI step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mathreason_eval.compare.flips import Flip
from mathreason_eval.gate.judging import Answer, Judgement, TaskJudgement
from mathreason_eval.gate.wording import (
    SIGNS,
    bounds,
    check_words,
    headline,
    notes,
    points,
    reasons,
    share_words,
    way_on,
)
from mathreason_eval.runs.addresses import sample_links
from mathreason_eval.text import visible

_MOST_FLIPS = 20
"""So many problems of a task, at most, are named each way; --json has all."""
_LONGEST = 160
"""Characters of a question."""
_ACTS = re.compile(r"([\\`*_{}\[\]()<>#+.!|~&@:$^-])")
"""What may act in Markdown or HTML, a mention or an address that links itself included."""


def markdown(judgement: Judgement, site: str | None = None) -> str:
    """Return the answer as a table, the reasons, and the problems that changed sides.

    Args:
        judgement: what is said.
        site: the address of a built site that shows the run.
    """
    return "\n".join((*_head(judgement), *_reasons(judgement), *_flips(judgement, site))) + "\n"


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return a text from outside on one line, cut, of which nothing acts as Markdown or HTML."""
    line = re.sub(r"\s+", " ", visible(text[: 2 * longest])).strip()
    cut = line if len(line) <= longest and len(text) <= 2 * longest else f"{line[:longest]}…"
    return _ACTS.sub(lambda found: f"&#{ord(found[1])};", cut)


def quoted(text: str) -> str:
    """Return a text from outside as code: there neither mentions nor addresses become links."""
    return f"<code>{plain(text)}</code>"


def _head(judgement: Judgement) -> Iterator[str]:
    sign = SIGNS[judgement.answer]
    yield f"## {sign} Gate: {plain(headline(judgement))}"
    yield ""
    after, before = (run.manifest.model.name for run in (judgement.after, judgement.before))
    yield f"{quoted(str(after))} against {quoted(str(before))}"
    yield ""
    yield "| task | answer | before % | after % | change, pp | bounds, pp | margin, pp | health |"
    yield "|---|---|--:|--:|--:|--:|--:|---|"
    yield from map(_row, judgement.tasks)
    yield ""


def _row(task: TaskJudgement) -> str:
    health = "✗ broken" if task.broken else "✓" if task.checks else "–"
    cells = [plain(task.label), f"{SIGNS[task.answer]} {task.answer}"]
    if task.decision is None:
        cells += ["–"] * 4
    else:
        cells += [
            f"{100 * task.before:.1f}",
            f"{100 * task.after:.1f}",
            points(task.decision.difference.value),
            bounds(task),
        ]
    return f"| {' | '.join((*cells, f'{100 * task.rules.margin:g}', health))} |"


def _reasons(judgement: Judgement) -> Iterator[str]:
    for task in judgement.tasks:
        if task.answer is Answer.PASS:
            said = [check_words(check) for check in task.broken]
        else:
            said = list(reasons(task))
        for reason in said:
            yield f"- **{plain(task.task)}**: {plain(reason, 400)}"
    for line in filter(None, (*notes(judgement), way_on(judgement))):
        yield f"- {plain(line, 400)}"
    yield ""


def _flips(judgement: Judgement, site: str | None) -> Iterator[str]:
    for task in judgement.tasks:
        links = sample_links(judgement.after, task.task, site) if site and task.flips else {}
        questions = {one.id: one.question for one in judgement.after.problems(task.task)}
        for lost, words in ((True, "lost"), (False, "gained")):
            found = [flip for flip in task.flips if flip.lost is lost]
            if found:
                yield f"<details><summary>{plain(task.task)}: {len(found)} {words}</summary>"
                yield ""
                for flip in found[:_MOST_FLIPS]:
                    yield _flip(flip, task.samples, links, questions)
                if len(found) > _MOST_FLIPS:
                    yield f"- and {len(found) - _MOST_FLIPS} more"
                yield ""
                yield "</details>"
                yield ""


def _flip(
    flip: Flip,
    samples: tuple[int, int],
    links: Mapping[str, str],
    questions: Mapping[str, str],
) -> str:
    name = quoted(flip.problem_id)
    if flip.problem_id in links:
        name = f"[{name}]({links[flip.problem_id]})"
    before, after = (
        share_words(score, n) for score, n in zip((flip.before, flip.after), samples, strict=True)
    )
    return f"- {name} {before} → {after}: {quoted(questions.get(flip.problem_id, ''))}"
