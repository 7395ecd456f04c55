"""The grader on its own: one gold against one answer, or against the answer in a text."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from mathreason_eval.extract.marked import boxed, hashes
from mathreason_eval.extract.phrases import phrase
from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.judge import OUTCOMES, Judge, Judging
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.types import Generation, Match, Outcome


def verify(
    gold: str | Sequence[str],
    answer: str | None = None,
    output: str | None = None,
    *,
    grader: str = "math",
    convention: Convention = DEFAULT,
    deadline: float = 5.0,
) -> Match:
    """Return whether an answer, or the answer in a model's output, is the gold.

    Args:
        gold: the right answer, or several of which any is enough; also a worked solution that
            ends in one, in a box or after `####`.
        answer: an answer, already found.
        output: a model's text; the answer is looked for in it.
        grader: the grader's name.
        convention: what is agreed on beside mathematics: units, percent, order, rounding.
        deadline: seconds for what needs computer algebra.

    Raises:
        ValueError: unless exactly one of `answer` and `output` is given, and some gold.
        UnknownNameError: if the grader is not known.
    """
    golds = (gold,) if isinstance(gold, str) else tuple(gold)
    if (answer is None) == (output is None) or not golds:
        raise ValueError("Give a gold, and either an answer or an output.")
    judge = _default_judge(deadline)
    if output is not None:
        return verify_output(judge, golds, output, grader, convention)
    assert answer is not None
    return verify_answer(judge, golds, answer, grader, convention)


@cache
def _default_judge(deadline: float) -> Judge:
    """Return the judge behind `verify`; its worker ends with this process."""
    judge = Judge(workers=1, deadline=deadline)
    atexit.register(judge.close)
    return judge


def verify_answer(
    judge: Judge, golds: Sequence[str], answer: str, grader: str, convention: Convention
) -> Match:
    """Return whether an answer is any of the golds, with its outcome.

    Raises:
        UnknownNameError: if the grader is not known.
    """
    grader_named(grader)
    match = judge.match([*map(stated_gold, golds)], answer, grader, convention)
    return replace(match, outcome=OUTCOMES[match.equal])


def verify_output(
    judge: Judge, golds: Sequence[str], output: str, grader: str, convention: Convention
) -> Match:
    """Return whether the answer in a text is any of the golds, and where it was found."""
    stated = tuple(map(stated_gold, golds))
    sample = Generation(problem_id="verify", sample=0, text=output)
    rules = grader_named(grader).rules_for(stated)
    how = Judging(extract=rules, grader=grader, convention=convention)
    verdict, seconds = judge.timed_verdict(stated, sample, how)
    return Match(
        equal=_EQUAL[verdict.outcome],
        rule=verdict.rule,
        note=verdict.note,
        answer=verdict.answer,
        span=verdict.span,
        outcome=verdict.outcome,
        seconds=seconds,
        measures=verdict.measures,
    )


_EQUAL = {
    Outcome.CORRECT: True,
    Outcome.WRONG: False,
    Outcome.NO_ANSWER: False,
    Outcome.TRUNCATED: False,
    Outcome.UNGRADABLE: None,
}


def stated_gold(gold: str) -> str:
    r"""Return the answer that a gold states: a worked solution's box or `####`, else itself."""
    if "boxed" in gold or "fbox" in gold:
        found = boxed(gold)
    elif "####" in gold:
        found = hashes(gold)
    else:
        found = phrase(gold) if len(gold) > _SOLUTION else None
    return found.text if found is not None and found.text else gold


_SOLUTION = 120
"""Characters of a gold that is taken for a worked solution in prose."""
