"""The one seam between the runner and every engine: requests in, completions out as they finish."""

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
    """What an engine gave for one request, untouched: think tags and all."""

    request: Request
    text: str
    reasoning: str | None = None
    """Set only by servers that return the reasoning apart from the text."""
    finish_reason: str | None
    """`stop` or `length`, or what else the engine says; None only of stored outputs that do not
    say it."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    """Wall time from hand-over to last token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One request that could not be answered. It is not stored, so the same command retries it."""

    request: Request
    reason: str
    """One sentence: `the prompt has 2,100 tokens and the context holds 2,048`."""
    hint: str = ""


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
    """An engine that is ready. Made by `open_model`, closed once."""

    name: str
    """As typed: `llamacpp:/path/model.gguf`."""
    chat: bool
    """Whether it takes messages; False for a base model, which is asked with bare text."""
    context: int | None
    """Tokens of prompt and completion together; None if the engine does not say."""
    opening: str
    """What the chat template has written of every answer already: `<think>` for models that are
    made to think, empty for most. It is not part of a completion's text."""

    def describe(self) -> Mapping[str, object]:
        """Return what the manifest records: backend, revision, versions, chat_template_sha256."""
        ...

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield one result a request, in the order in which they finish.

        `requests` is pulled only as the engine has room, so it may be long and lazy. A request's
        result depends on the request alone. A failure of one request is a `Failure`; a failure of
        the engine raises `ModelError`. Closing the iterator early abandons requests in flight.
        """
        ...

    def close(self) -> None:
        """Free the engine: processes, memory, ports. Harmless when called twice."""
        ...
