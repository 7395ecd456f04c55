"""Thoughts of at most so many tokens: one that is still open is ended by force, and then answered.

A sample is asked for in one or two turns. The first may generate as many tokens as a thought may
have. If it ends there, the second continues the same text: behind the mark with which the model
itself ends its thoughts (Muennighoff et al. 2025, s1, section 3; Qwen3's thinking budget), or as it
is where no thought is open. Both turns together have max_tokens, and are one sample.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mathreason_eval.errors import ModelError, UserError
from mathreason_eval.models.base import (
    Completion,
    Failure,
    Model,
    Request,
    can_continue,
    why_not_continue,
)
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.openings import DIVIDES
from mathreason_eval.pipeline.plan import TaskPlan
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.seeds import later_seed
from mathreason_eval.text.thinking import ending_of, split_thinking

MARK_TOKENS = 16
"""Of max_tokens, kept free for the mark that ends a thought, which fills the context as well."""


def check_budget(budget: int | None, plans: Sequence[TaskPlan]) -> str:
    """Return that a thought of so many tokens leaves some for an answer.

    Raises:
        UserError: of a task it does not.
    """
    for one in plans:
        most = one.sampling.max_tokens
        if budget is not None and budget + MARK_TOKENS >= most:
            raise UserError(
                f"--think-budget {budget:,} leaves no tokens for an answer to {one.task.name}: "
                f"thought and answer together have max_tokens, {most:,}.",
                f"Raise --max-tokens above {budget + MARK_TOKENS:,}, or lower --think-budget.",
            )
    return "it leaves tokens for an answer"


NEEDS = "--think-budget ends a thought by continuing its text"
"""Why a model is asked to continue a text."""


def check_continues(facts: ModelFacts, why: str = NEEDS) -> str:
    """Return that a model can continue a text, as far as is known.

    Args:
        facts: what is known of it.
        why: it has to, for the error.

    Raises:
        UserError: it cannot.
    """
    if facts.cannot_continue:
        raise _cannot(why, facts.cannot_continue)
    return "the model continues what its answers begin with"


def check_model(model: Model, why: str = NEEDS) -> None:
    """Check that an open model continues a text.

    Raises:
        UserError: it does not.
    """
    if not can_continue(model):
        raise _cannot(why, why_not_continue(model))


def _cannot(why: str, reason: str) -> UserError:
    hint = UNDIVIDED if reason == DIVIDES else "docs/engines.md says which engines can."
    return UserError(f"{why}, and {reason}.", hint)


UNDIVIDED = "Serve the model without a reasoning parser; vLLM has none where none is named."


@dataclass(slots=True)
class _Sample:
    """A sample that is asked for."""

    request: Request
    """As if there were no budget."""
    first: Completion | None = None
    """The first turn, if there is a second."""
    begun: str = ""
    """What the second turn continues."""
    ended: bool = False
    """Whether its thought was ended by force."""


class Turns(Iterator[Request]):
    """The requests of samples, and of their second turns; there may be more after there was none.

    What is returned is a sample's request for its turn; `taken` makes a sample of its results.
    """

    def __init__(self, source: Iterator[Request], budget: int, opening: str, stop: Stop) -> None:
        """Take the samples to ask for.

        Args:
            source: their requests.
            budget: tokens that a thought may have.
            opening: the reasoning marks that the model's chat template writes.
            stop: after it is requested there is no turn more.
        """
        self._source = source
        self._budget = budget
        self._opening = opening
        self._stop = stop
        self._second: deque[Request] = deque()
        self._next: Request | None = None
        self._asked: dict[tuple[str, str, int], _Sample] = {}

    def __next__(self) -> Request:
        """Return the next request: second turns first, whose prompts an engine may still hold."""
        if self._stop.requested:
            raise StopIteration
        if self._second:
            return self._second.popleft()
        request, self._next = self._next or next(self._source, None), None
        if request is None:
            raise StopIteration
        self._asked[_key(request)] = _Sample(request)
        most = min(self._budget, request.sampling.max_tokens)
        return replace(request, sampling=replace(request.sampling, max_tokens=most))

    def has_more(self) -> bool:
        """Return whether there is a request now."""
        if self._stop.requested:
            return False
        self._next = self._next or (None if self._second else next(self._source, None))
        return bool(self._second or self._next)

    def taken(self, result: Completion | Failure) -> Completion | Failure | None:
        """Return the sample that a result completes, or its failure; None if another turn does.

        Raises:
            ModelError: the server divides texts itself, so that no thought can be ended.
        """
        sample = self._asked.pop(_key(result.request))
        if isinstance(result, Failure):
            return replace(result, request=sample.request)
        if sample.first is not None:
            return self._joined(sample, sample.first, result)
        if result.finish_reason != "length" or result.refused:
            return replace(result, request=sample.request)
        if result.reasoning is not None:
            raise ModelError(f"{NEEDS}, and {DIVIDES}.", UNDIVIDED)
        self._continue(sample, result)
        return None

    def _continue(self, sample: _Sample, first: Completion) -> None:
        """Have a text continued that has as many tokens as a thought may have."""
        request = sample.request
        ending = ending_of(self._opening + request.prompt.begun + first.text)
        sample.first, sample.ended = first, ending is not None
        sample.begun = first.text + (ending or "")
        used = first.completion_tokens or self._budget
        left = request.sampling.max_tokens - used - (MARK_TOKENS if sample.ended else 0)
        self._asked[_key(request)] = sample
        self._second.append(
            replace(
                request,
                prompt=replace(request.prompt, begun=request.prompt.begun + sample.begun),
                sampling=replace(request.sampling, max_tokens=max(1, left)),
                # The same one would draw the numbers of the first turn again.
                seed=later_seed(request.seed),
            )
        )

    def _joined(self, sample: _Sample, first: Completion, second: Completion) -> Completion:
        """Return the sample that two turns make."""
        text = sample.begun + second.text
        return replace(
            second,
            request=sample.request,
            text=text,
            prompt_tokens=_sum(first.prompt_tokens, second.prompt_tokens),
            completion_tokens=_sum(first.completion_tokens, second.completion_tokens),
            reasoning_tokens=self._thought_tokens(sample, first, text),
            seconds=_sum(first.seconds, second.seconds),
            thought_ended=sample.ended,
        )

    def _thought_tokens(self, sample: _Sample, first: Completion, text: str) -> int | None:
        """Return the tokens of a thought that ended in the first turn; None: it did not."""
        before = self._opening + sample.request.prompt.begun
        whole, first_turn = before + text, before + sample.begun
        thought = split_thinking(whole)
        # The answer may begin with another thought.
        if not thought.finished or len(whole[: thought.start].rstrip()) > len(first_turn.rstrip()):
            return None
        return first.completion_tokens if sample.ended else first.reasoning_tokens


def samples_of(
    model: Model, requests: Iterable[Request], budget: int | None
) -> Iterator[Completion | Failure]:
    """Yield the samples of some requests, in one turn or two."""
    if budget is None:
        yield from model.stream(requests)
        return
    turns = Turns(iter(requests), budget, model.opening, Stop())
    while turns.has_more():
        for result in model.stream(turns):
            if (sample := turns.taken(result)) is not None:
                yield sample


def _key(request: Request) -> tuple[str, str, int]:
    return request.task, request.problem_id, request.sample


NumberT = TypeVar("NumberT", int, float)


def _sum(one: NumberT | None, other: NumberT | None) -> NumberT | None:
    return None if one is None or other is None else one + other
