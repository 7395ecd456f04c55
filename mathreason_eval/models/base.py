"""The one interface between the runner and every engine: requests in, completions out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
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
    key: str | None = None
    """Digest of everything that can change the text, stored with the sample; see `runs/keys.py`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What an engine generated for one request, unchanged: think tags and all."""

    request: Request
    text: str
    """Without what the prompt says that it begins with; such a text is not divided."""
    reasoning: str | None = None
    """Set only by engines that split off the reasoning themselves; `text` is then the answer."""
    finish_reason: str | None
    """`stop`, `length` or another value of the engine; None only for stored outputs without one."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    """Completion tokens up to the end of the reasoning, its end mark included; None: unknown."""
    seconds: float | None = None
    """Wall time from submission to the last token."""
    refused: bool = False
    """Whether the model refused or a content filter ended the text: asking again would not help."""
    thought_ended: bool = False
    """Whether its thought was ended by force; see `pipeline/think_budget.py`. No engine sets it."""
    reward: float | None = None
    """A reward model's score, where stored outputs have one."""
    label: bool | None = None
    """The publisher's verdict, where stored outputs have one."""


CONTEXT = "context"
"""The kind of failure of a request that does not fit the context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One request that could not be completed. It is not a sample: the same command asks again."""

    request: Request
    reason: str
    """One sentence: `the prompt has 2,100 tokens and the context holds 2,048`."""
    hint: str = ""
    kind: str = "engine"
    """Failures of one kind are counted together: `HTTP 500`, `timeout`, `unusable reply`, …"""
    status: int | None = None
    """Of the last HTTP reply; None if there was none."""
    tries: int = 1
    seconds: float | None = None
    """Wall time of all tries and of the pauses between them."""
    is_of_request: bool = False
    """Whether the request itself is the cause, because others are answered: it may be accepted as a
    failure. False where the engine may be the cause."""


def context_failure(request: Request, tokens: int, context: int, remedy: str) -> Failure | None:
    """Return the failure of a request whose prompt and max_tokens exceed the context, else None.

    An engine would truncate the completion and report `length`, as if max_tokens were reached.
    """
    wanted = request.sampling.max_tokens
    if tokens + wanted <= context:
        return None
    return Failure(
        request=request,
        kind=CONTEXT,
        is_of_request=True,
        reason=f"the prompt has {tokens:,} tokens and max_tokens is {wanted:,}: together "
        f"{tokens + wanted:,}, and the context holds {context:,}",
        hint=f"Lower --max-tokens to {context - tokens:,} or less, or {remedy}."
        if tokens < context
        else f"{remedy[:1].upper()}{remedy[1:]}.",
    )


def context_cut(completion: Completion, context: int | None, remedy: str) -> Failure | None:
    """Return the failure of a request whose text ended with the context, before max_tokens.

    Servers call it `length`, as if max_tokens were reached. None if it did not, or if the server
    does not count tokens or say its context.
    """
    request, prompt = completion.request, completion.prompt_tokens
    made, wanted = completion.completion_tokens, request.sampling.max_tokens
    if completion.finish_reason != "length" or None in {prompt, made, context}:
        return None
    assert prompt is not None
    assert made is not None
    assert context is not None
    if made >= wanted or prompt + made < context:
        return None
    return context_failure(request, prompt, context, remedy)


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
    # A bug of ours or of an engine's library on one completion must not lose the others.
    except Exception as error:  # noqa: BLE001
        reason = f"its completion could not be handled: {describe_error(error)}"
        return Failure(request=request, reason=reason)


def drain(model: Model) -> Iterator[Completion | Failure]:
    """Yield the results that a model still finishes after its stream was ended early.

    A model may have a method `drain`, which waits a few seconds for requests in flight; otherwise
    there are none.
    """
    method = getattr(model, "drain", None)
    if method is not None:
        yield from method()


def answered_by(model: Model) -> str | None:
    """Return what a server calls the model that answers; None before it does or if it says nothing.

    A model that others may replace unseen, as behind an alias, has an attribute `answered_by`.
    """
    name: str | None = getattr(model, "answered_by", None)
    return name


def expect(model: Model, name: str | None) -> None:
    """Have a model take the replies of another than `name` for failures; see `answered_by`."""
    if hasattr(model, "answered_by"):
        model.answered_by = name


class Allowance(Protocol):
    """What says whether a request may be sent, where sending it costs money."""

    def may_send(self, request: Request) -> bool:
        """Return whether a request may be sent, once more or for the first time."""

    def refused(self, request: Request) -> None:
        """Take note that it was refused with an error, which nobody charges."""

    def settle(self, result: Completion | Failure) -> None:
        """Take note of the result of a request that is no sample."""


def asks_allowance(model: Model, allowance: Allowance | None) -> bool:
    """Have a model ask before each request that it sends; return whether it does.

    A model that may send a request more than once has a method `ask_allowance`.
    """
    method = getattr(model, "ask_allowance", None)
    return method is not None and bool(method(allowance))


COST = "cost"
"""The kind of failure of a request that may not be sent again."""


def can_continue(model: Model) -> bool:
    """Return whether a model continues what an answer has begun with: `Prompt.begun`.

    A model that does has an attribute `continues`; others would ignore it.
    """
    return bool(getattr(model, "continues", False))


def why_not_continue(model: Model) -> str:
    """Return why a model does not continue a text, as a part of a sentence.

    A model may say so by an attribute `cannot_continue`.
    """
    says: str = getattr(model, "cannot_continue", "")
    return says or f"{model.name} does not say that it continues a text"


def computes_in_caller(model: Model) -> bool:
    """Return whether a model computes only while a result of its stream is waited for.

    A model that does has an attribute `computes_in_caller`; others have processes, threads or a
    server of their own, which go on meanwhile.
    """
    return bool(getattr(model, "computes_in_caller", False))


class SystemRole(StrEnum):
    """What a chat template does with a system message."""

    KEPT = "kept"
    """The model reads it."""
    REFUSED = "refused"
    """The template raises an error, as Gemma's did."""
    IGNORED = "ignored"
    """The prompt does not hold it, and nothing says so."""
    UNKNOWN = "unknown"
    """The template cannot be asked, as that of most servers."""


SYSTEM_PROBE = "Zyxwvut"
"""A system message that no template writes by itself."""


def system_role(model: Model) -> SystemRole:
    """Return what a model's chat template does with a system message.

    A model may have a method `system_role`.
    """
    method = getattr(model, "system_role", None)
    role: SystemRole = SystemRole.UNKNOWN if method is None else method()
    return role


class Model(Protocol):
    """An engine that is ready, as `open_model` returns it."""

    name: str
    """As typed: `llamacpp:/path/model.gguf`."""
    chat: bool
    """Whether it takes chat messages; False for a base model, which continues plain text."""
    context: int | None
    """Tokens of prompt and completion together; None if the engine does not say."""
    opening: str
    """The reasoning marks that the chat template writes before every answer: `<think>` for models
    that always think, `<think></think>` where thinking is switched off, empty for most. They are
    not part of a completion's text."""

    def describe(self) -> Mapping[str, object]:
        """Return what the manifest records: backend, revision, versions, chat_template_sha256."""
        ...

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield one result a request, in the order in which they finish.

        `requests` is pulled only as the engine has capacity, so it may be long and lazy. A
        request's result depends on the request alone. A failure of one request is a `Failure`; a
        failure of the engine raises `ModelError`. Closing the iterator early abandons requests in
        flight, unless the model has a method `drain`, described there.
        """
        ...

    def close(self) -> None:
        """Release the engine's processes, memory and ports. May be called twice."""
        ...
