"""The tasks of other programs that are ours under another name, and a task for any other."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.verify import stated_gold
from mathreason_eval.tasks import Task
from mathreason_eval.text import slug

_SUBJECTS = (
    "algebra|counting_and_prob(?:ability)?|geometry|intermediate_algebra|num(?:ber)?_theory"
    "|prealgebra|precalc(?:ulus)?"
)
_NAMES = (
    (re.compile(r"gsm8k(?:_(?:main|test|cot|cot_zeroshot|cot_llama|zeroshot|default))?"), "gsm8k"),
    (re.compile(r"(?:hendrycks_|minerva_)?math_?500(?:_default)?"), "math500"),
    (
        re.compile(rf"(?:hendrycks_math|minerva_math|competition_math|math)(?:_(?:{_SUBJECTS}))?"),
        "math",
    ),
    (re.compile(r"aime_?(?:20)?24(?:_(?:i|ii|default))?"), "aime24"),
    (re.compile(r"aime_?(?:20)?25(?:_(?:i|ii|default))?"), "aime25"),
)
"""(name of others, ours). Translations and changed versions are other benchmarks: not in here."""


def our_task(name: str | None, known: Collection[str]) -> str | None:
    """Return the name of our task that a publisher's name stands for; None if there is none."""
    if name is None:
        return None
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    ours = next((ours for pattern, ours in _NAMES if pattern.fullmatch(plain)), None)
    if ours in known:
        return ours
    # What `mathreason export lm-eval` wrote has the prefix.
    own = plain.removeprefix("mathreason_").replace("_", "-")
    return own if own in known else None


def task_of_log(name: str, program: str, golds: Sequence[tuple[str, ...]]) -> Task:
    """Return a task for rows that are of none of ours: their own questions, golds and no prompt.

    Args:
        name: as the publisher calls it.
        program: the publisher's.
        golds: of each problem.
    """
    grader = grader_named("math")
    given = [stated_gold(gold) for accepted in golds for gold in accepted]
    plain = slug(name.lower(), 60).strip("._-") or "imported"
    return Task(
        # A run folder has two files of its own beside the folders of its tasks.
        name=f"task-{plain}" if plain.startswith(("manifest.json", "metrics.json")) else plain,
        version=1,
        summary=f"{name}, as {program} logged it",
        license="unknown",
        extract=grader.rules_for(given) if given else grader.extract,
        grade="math",
        prompts={},
        source=program,
    )
