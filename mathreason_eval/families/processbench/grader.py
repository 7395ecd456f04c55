r"""Judge the index of the first false step of a solution: by the published rule, and by ours.

An index counts from 0; -1 says that no step is false (ProcessBench, arXiv:2412.06559).
"""

from __future__ import annotations

import re

from mathreason_eval.steps import first_below, scores_of
from mathreason_eval.types import Answer, Match

NOWHERE = -1
"""The index of a solution without a false step."""

_BOX = re.compile(r"\\boxed\{([^}]*)\}")
_LONGEST = 200
"""Characters of an answer that is read as an index."""
_PYTHON_INT = re.compile(r"[+-]?\d(?:_?\d){0,8}\Z")
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
_DRESSING = re.compile(
    r"\\(?:text|textbf|mathrm|mathbf)(?![a-z])|\\[,;:! ]|[${}<>*`\"'().]|\\(?=_)"
)


def last_simple_box(text: str) -> Answer | None:
    r"""Return what the last `\boxed{…}` without braces in it holds, as the published rule does."""
    boxes = [*_BOX.finditer(text)]
    if not boxes:
        return None
    return Answer(text=boxes[-1].group(1), rule="boxed", span=boxes[-1].span(1))


def processbench_reference(gold: str, answer: str) -> Match:
    """Judge as published: the answer must be an integer as Python reads one."""
    said = answer.strip()
    if not _PYTHON_INT.match(said):
        return Match(equal=False, rule="processbench-reference", note="the answer is no integer")
    return _judged("processbench-reference", gold, int(said))


def step_index(gold: str, answer: str) -> Match:
    r"""Judge an index however it is said: `2`, `paragraph_2`, `\text{Step 2}`, `no error`."""
    index = index_of(answer)
    if index is None:
        return Match(equal=False, rule="step-index", note="the answer names no paragraph")
    return _judged("step-index", gold, index)


def index_of(answer: str) -> int | None:
    """Return the index that an answer names, or None; whatever is below 0 means that none is.

    The scores of a reward model name the first step below one half.
    """
    scores = scores_of(answer)
    if scores is not None:
        return first_below(scores)
    plain = _DRESSING.sub("", answer[:_LONGEST]).strip()
    if _NONE.match(plain):
        return NOWHERE
    found = _NAMED.match(plain)
    if found is None or len(answer) > _LONGEST:
        return None
    return NOWHERE if found["sign"] in {"-", "−"} else int(found["number"])


def vote_of(answer: str) -> str:
    """Return what an answer counts as in a majority vote."""
    index = index_of(answer)
    return answer if index is None else str(index)


def _judged(rule: str, gold: str, said: int) -> Match:
    true = index_of(gold)
    if true is None:
        return Match(equal=None, rule=rule, note="the gold names no step")
    sign = "=" if true == said else "≠"
    return Match(equal=true == said, rule=rule, note=f"{_spelled(said)} {sign} {_spelled(true)}")


def _spelled(index: int) -> str:
    return "no false step" if index == NOWHERE else f"step {index}"
