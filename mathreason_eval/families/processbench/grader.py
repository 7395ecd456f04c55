r"""Problems, extraction and grading of ProcessBench (arXiv:2412.06559).

An answer is the index of a solution's first false step, counted from 0; -1 means that none is.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from mathreason_eval.steps import first_below, scores_of
from mathreason_eval.types import Answer, Match, Problem

NOWHERE = -1
"""The index that means: the solution has no false step."""

# --- problems --------------------------------------------------------------------------------

_SHORT, _MEDIUM = 5, 10
"""Maximum number of steps of a short, and of a medium solution."""


def problem_of_row(row: Mapping[str, Any]) -> Problem:
    """Return the problem of a published row: a question, a solution in steps, and its label.

    Raises:
        KeyError: if a column is missing.
    """
    steps = [str(step) for step in row["steps"]]
    identity = str(row["id"])
    return Problem(
        id=identity,
        question=row["problem"],
        gold=(str(int(row["label"])),),
        meta={
            "split": identity.rpartition("-")[0],
            "length": length_class(len(steps)),
            "generator": row["generator"],
            "answer_correct": bool(row["final_answer_correct"]),
            # Solutions of one problem are not independent.
            "source": hashlib.sha256(row["problem"].encode()).hexdigest()[:12],
        },
        given={"steps": steps},
    )


def length_class(steps: int) -> str:
    """Return the class of a solution's length, a slice of the scores, such as `1-5`."""
    if steps <= _SHORT:
        return f"1-{_SHORT}"
    return f"{_SHORT + 1}-{_MEDIUM}" if steps <= _MEDIUM else f"{_MEDIUM + 1}+"


# --- extraction ------------------------------------------------------------------------------

_SCORES = re.compile(r'\{\s?"scores":\s?\[[\d.,eE+ -]*\]\s?\}')


def scores(text: str) -> Answer | None:
    """Return the last JSON object with scores of steps, `{"scores": [0.9, 0.1]}`, or None."""
    last = deque(_SCORES.finditer(text), maxlen=1)
    if not last:
        return None
    return Answer(text=last[0][0], rule="scores", span=last[0].span())


_BOX = re.compile(r"\\boxed\{([^}]*)\}")


def last_simple_box(text: str) -> Answer | None:
    r"""Return the content of the last `\boxed{…}` up to its first brace, as the published rule."""
    boxes = [*_BOX.finditer(text)]
    if not boxes:
        return None
    return Answer(text=boxes[-1].group(1), rule="boxed", span=boxes[-1].span(1))


# --- grading ---------------------------------------------------------------------------------

_PYTHON_INT = re.compile(r"[+-]?\d(?:_?\d){0,8}\Z")


def processbench_reference(gold: str, answer: str) -> Match:
    """Grade as published: the answer must be an integer in Python's syntax."""
    text = answer.strip()
    if not _PYTHON_INT.match(text):
        return Match(equal=False, rule="processbench-reference", note="the answer is no integer")
    return _graded("processbench-reference", gold, int(text))


def step_index(gold: str, answer: str) -> Match:
    r"""Grade an index in any form: `2`, `paragraph_2`, `\text{Step 2}`, `no error`."""
    index = index_of(answer)
    if index is None:
        return Match(equal=False, rule="step-index", note="the answer names no paragraph")
    return _graded("step-index", gold, index)


_LONGEST = 200
"""Maximum characters of an answer that is read as an index."""
_NAMED = re.compile(
    r"(?:(?:paragraph|step)-|(?:paragraph|step|index)[\s_:#]*)?"
    r"(?P<sign>[-+−]?)\s*(?P<number>\d{1,6})\Z",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"(?:none|nothing|not found|no (?:error|mistake)s?"
    r"|all (?:steps |paragraphs )?(?:are )?correct)\Z",
    re.IGNORECASE,
)
_FORMATTING = re.compile(
    r"\\(?:text|textbf|mathrm|mathbf)(?![a-z])|\\[,;:! ]|[${}<>*`\"'().]|\\(?=_)"
)


def index_of(answer: str) -> int | None:
    """Return the index that an answer names, or None; any negative number is -1.

    Scores of a reward model give the first step with a score below one half.
    """
    scores = scores_of(answer)
    if scores is not None:
        return first_below(scores)
    plain = _FORMATTING.sub("", answer[:_LONGEST]).strip()
    if _NONE.match(plain):
        return NOWHERE
    found = _NAMED.match(plain)
    if found is None or len(answer) > _LONGEST:
        return None
    return NOWHERE if found["sign"] in {"-", "−"} else int(found["number"])


def index_key(answer: str) -> str:
    """Return the key of an answer's equivalence class in majority votes."""
    index = index_of(answer)
    return answer if index is None else str(index)


def _graded(rule: str, gold: str, answered: int) -> Match:
    true = index_of(gold)
    if true is None:
        return Match(equal=None, rule=rule, note="the gold names no step")
    sign = "=" if true == answered else "≠"
    note = f"{_spelled(answered)} {sign} {_spelled(true)}"
    return Match(equal=true == answered, rule=rule, note=note)


def _spelled(index: int) -> str:
    return "no false step" if index == NOWHERE else f"step {index}"
