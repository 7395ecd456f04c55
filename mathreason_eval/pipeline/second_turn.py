"""A second turn: the model reads its answer and answers again; right to wrong, wrong to right.

Huang et al. 2024, Large Language Models Cannot Self-Correct Reasoning Yet (arXiv:2310.01798). What
a second turn costs buys more first answers as well: beside it is the vote among as many of them as
have the tokens of both turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mathreason_eval.pipeline.derived import Derived, child_id
from mathreason_eval.runs.store import Run, Sample
from mathreason_eval.types import Message, Metric, Outcome, Problem, Prompt

INSTRUCTION = (
    "Review your previous answer and find problems with it. Then solve the problem again, and give "
    "the final answer in the form that was asked for."
)
"""After Kim et al. 2023 and Huang et al. 2024, whose two messages it joins. It does not say whether
the answer is right: a model that is told so corrects itself with somebody else's knowledge."""
FIRST = "first"
"""The key of a problem's properties with the outcome of the first turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecondTurn:
    """A question about each answer of a run, behind the messages that led to it."""

    instruction: str = INSTRUCTION
    name: str = "second turn"
    suffix: str = "revised"
    slices: tuple[str, ...] = (FIRST,)
    continues: str = ""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The instruction."""
        return {"instruction": self.instruction}

    def derive(self, sample: Sample, prompt: Prompt, opening: str) -> Iterable[Derived] | str:  # noqa: ARG002
        """Return the question about a sample; a thought is left out, as templates do."""
        if not prompt.messages:
            return "were asked with plain text, which has no second turn"
        if sample.verdict is None:
            return "are not judged"
        if sample.verdict.outcome is Outcome.TRUNCATED or not sample.generation.text.strip():
            return "have no whole answer"
        messages = (
            *prompt.messages,
            Message(role="assistant", content=prompt.begun + sample.generation.text),
            Message(role="user", content=self.instruction),
        )
        first = sample.problem
        problem = Problem(
            id=child_id(sample),
            question=first.question,
            gold=first.gold,
            meta={**first.meta, FIRST: str(sample.verdict.outcome)},
            given=first.given,
        )
        return [Derived(problem=problem, prompt=Prompt(messages=messages, stop=prompt.stop))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Revised:
    """What a second turn changed, of one task."""

    task: str
    """Of the parent."""
    samples: int
    """Second answers that are judged."""
    right_to_wrong: int
    wrong_to_right: int
    stayed_right: int
    stayed_wrong: int
    first: float
    """The share of correct first answers, of all that the parent has."""
    second: float
    """The same after the second turn; a first answer that had none stands."""
    tokens: float | None
    """Tokens of both turns as a multiple of the first's; None: they are not known."""
    votes: int | None
    """As many first answers have at most the tokens of both turns; None: as `tokens`."""
    vote: Metric | None
    """The score of a vote among them; None where the parent has too few samples."""


def revised(parent: Run, run: Run) -> tuple[Revised, ...]:
    """Return what a second turn changed, of each task.

    Args:
        parent: the run of the first answers.
        run: that of the second ones.
    """
    suffix = f"-{SecondTurn().suffix}"
    tasks = [task.removesuffix(suffix) for task in run.tasks()]
    return tuple(_revised(parent, run, task, task + suffix) for task in tasks)


def _revised(parent: Run, run: Run, task: str, own: str) -> Revised:
    first = {one.id: one.meta[FIRST] == Outcome.CORRECT for one in run.problems(own)}
    pairs = [(first[one.problem_id], one.outcome is Outcome.CORRECT) for one in run.verdicts(own)]
    times = _tokens(parent, run, task, own)
    votes = None if times is None else int(times)
    name = "avg" if votes == 1 else f"maj@{votes}"
    metrics = (one for one in parent.metrics() if (one.task, one.slice) == (task, "all"))
    right, second = _shares(parent, run, task, own)
    return Revised(
        task=task,
        samples=len(pairs),
        right_to_wrong=pairs.count((True, False)),
        wrong_to_right=pairs.count((False, True)),
        stayed_right=pairs.count((True, True)),
        stayed_wrong=pairs.count((False, False)),
        first=right,
        second=second,
        tokens=times,
        votes=votes,
        vote=next((one for one in metrics if one.name == name), None),
    )


def _shares(parent: Run, run: Run, task: str, own: str) -> tuple[float, float]:
    """Return the shares of correct answers before and after, over all samples of the parent."""
    now: dict[str, list[bool]] = {}
    for one in run.verdicts(own):
        now.setdefault(one.problem_id, []).append(one.outcome is Outcome.CORRECT)
    before = {
        f"{one.problem_id}/{one.sample}": one.outcome is Outcome.CORRECT
        for one in parent.verdicts(task)
    }
    after = [
        sum(held) / len(held) for name, right in before.items() if (held := now.get(name, [right]))
    ]
    number = max(1, len(before))
    return sum(before.values()) / number, sum(after) / number


def _tokens(parent: Run, run: Run, task: str, own: str) -> float | None:
    """Return the tokens that both turns wrote as a multiple of those of the first."""
    first, second = (
        [one.completion_tokens for one in infos.values()]
        for infos in (parent.distinct_infos(task), run.distinct_infos(own))
    )
    if not first or not second or None in first or None in second:
        return None
    one, other = sum(filter(None, first)) / len(first), sum(filter(None, second)) / len(second)
    return None if one == 0 else 1 + other / one
