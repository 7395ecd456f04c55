"""The one interface between the runner and every engine: requests in, completions out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mathreason_eval.errors import UserError, describe_error
from mathreason_eval.types import Prompt, Sampling


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One sample to be generated."""

    task: str
    problem_id: str
    sample: int
    prompt: Prompt
    sampling: Sampling
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What an engine generated for one request, unchanged: think tags and all."""

    request: Request
    text: str
    reasoning: str | None = None
    """Set only by servers that return the reasoning separately."""
    finish_reason: str | None
    """`stop` or `length`, or what else the engine says; None only for stored outputs without it."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    """Wall time from submission to the last token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One request that could not be completed. It is not stored, so the same command retries it."""

    request: Request
    reason: str
    """One sentence: `the prompt has 2,100 tokens and the context holds 2,048`."""
    hint: str = ""


def context_failure(request: Request, tokens: int, context: int, remedy: str) -> Failure | None:
    """Return the failure of a request whose prompt and max_tokens exceed the context, else None.

    An engine would cut the completion short and call it `length`, as if max_tokens were reached.
    """
    wanted = request.sampling.max_tokens
    if tokens + wanted <= context:
        return None
    return Failure(
        request=request,
        reason=f"the prompt has {tokens:,} tokens and max_tokens is {wanted:,}: together "
        f"{tokens + wanted:,}, and the context holds {context:,}",
        hint=f"Lower --max-tokens to {context - tokens:,} or less, or {remedy}."
        if tokens < context
        else f"{remedy[:1].upper()}{remedy[1:]}.",
    )


ResultT = TypeVar("ResultT")


def handle(request: Request, work: Callable[[], ResultT]) -> ResultT | Failure:
    """Return the result of `work` on one request or its completion; a `Failure` if it raises.

    Raises:
        UserError: as `work` raises it: it concerns more than this request.
    """
    try:
        return work()
    except UserError:
        raise
    # An error of ours, or of an engine's library, on one completion must not cost the others.
    except Exception as error:  # noqa: BLE001
        reason = f"its completion could not be handled: {describe_error(error)}"
        return Failure(request=request, reason=reason)


class Model(Protocol):
    """An engine that is ready, as `open_model` returns it."""

    name: str
    """As typed: `llamacpp:/path/model.gguf`."""
    chat: bool
    """Whether it takes messages; False for a base model, which continues bare text."""
    context: int | None
    """Tokens of prompt and completion together; None if the engine does not say."""
    opening: str
    """The think tag with which the chat template begins every answer: `<think>` for models that
    are made to think, empty for most. It is not part of a completion's text."""

    def describe(self) -> Mapping[str, object]:
        """Return what the manifest records: backend, revision, versions, chat_template_sha256."""
        ...

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield one result a request, in the order in which they finish.

        `requests` is pulled only as the engine has capacity, so it may be long and lazy. A
        request's result depends on the request alone. A failure of one request is a `Failure`; a
        failure of the engine raises `ModelError`. Closing the iterator early abandons requests in
        flight.
        """
        ...

    def close(self) -> None:
        """Free the engine: processes, memory, ports. Harmless when called twice."""
        ...
