"""The reasoning marks that a server's chat template writes before every answer.

They are asked from the server. Only llama.cpp and vLLM can tell; with others they stay unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mathreason_eval.models.base import SYSTEM_PROBE, Completion, Request, SystemRole
from mathreason_eval.models.replies import UnusableReplyError, from_chat, parse_body
from mathreason_eval.models.servers import Access, new_client
from mathreason_eval.text.thinking import split_thinking, written_opening
from mathreason_eval.types import Message, Prompt, Sampling

if TYPE_CHECKING:
    from openai import AsyncOpenAI

AnswerT = TypeVar("AnswerT")
ASK_SECONDS = 10.0
"""To wait for a reply that is about no sample."""
_TRIAL_SECONDS = 60.0
_TRIAL_TOKENS = 16
_QUESTION = "What is 1 + 1?"
SPLIT = "the server divides thought and answer"
"""The source of an opening that does not matter: the template opens a thought all the same."""

NO_PROMPT = (
    "the server does not tell the prompt of a chat, as vLLM and llama.cpp do (/tokenize, "
    "/apply-template); a base model, with --model-arg chat=false, needs none"
)
"""Why a chat of another server is not continued."""
DIVIDES = "the server divides thought and answer itself, so that its text is not known"
"""Why a text of such a server is not continued."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What is known about the reasoning marks that a chat template writes."""

    text: str | None = None
    """The marks; None if the template writes none, or if nothing is known."""
    source: str | None = None
    """The source: `option`, the server's route, or that it does not matter; None: unknown."""


def served_opening(
    url: str, model: str, defaults: Mapping[str, object], access: Access, max_tokens_name: str
) -> Opening:
    """Return the reasoning marks that a server's chat template writes.

    Where it opens the reasoning, one short request shows whether the server itself splits the
    reasoning off: an answer that is split already must not be read as reasoning.

    Args:
        url: where the API begins, `http://HOST:PORT/v1`.
        model: as the server names it.
        defaults: sent with each request of the run.
        access: how the server is reached.
        max_tokens_name: the name of the field that limits an answer.
    """
    body = {
        **defaults,
        "model": model,
        "messages": [{"role": "user", "content": _QUESTION}],
    }
    trial = {**body, max_tokens_name: _TRIAL_TOKENS}
    return _answer(_asked(url, body, trial, access), Opening())


def _answer(asking: Coroutine[Any, Any, AnswerT], unknown: AnswerT) -> AnswerT:
    """Return what a server says, or that nothing is known."""
    try:
        return asyncio.run(asking)
    # A server without the route may answer with anything; the run does not need it.
    except Exception:  # noqa: BLE001
        return unknown


async def _asked(
    url: str, body: Mapping[str, object], trial: Mapping[str, object], access: Access
) -> Opening:
    told = Opening()
    async with new_client(url.removesuffix("/v1"), access) as client:
        for route, read in _ROUTES.items():
            asked = {**body, "add_generation_prompt": True, "return_token_strs": True}
            prompt = read(await posted(client, route, asked, ASK_SECONDS))
            if prompt is not None:
                told = Opening(text=written_opening(prompt) or None, source=route)
                break
    if told.text is None or split_thinking(told.text).finished:
        return told
    async with new_client(url, access) as client:
        reply = await posted(client, "/chat/completions", trial, _TRIAL_SECONDS)
    match _first_tokens(reply):
        case Completion(reasoning=str()):
            return Opening(source=SPLIT)
        case Completion(text=text) if text.strip():
            return told
    return Opening()


WITH_SYSTEM = (
    {"role": "system", "content": SYSTEM_PROBE},
    {"role": "user", "content": _QUESTION},
)
"""Messages whose prompt shows what a template does with a system message."""


def role_in(prompt: str) -> SystemRole:
    """Return what a template did with the system message, by the prompt that it made."""
    return SystemRole.KEPT if SYSTEM_PROBE in prompt else SystemRole.IGNORED


def served_system_role(
    url: str, model: str, defaults: Mapping[str, object], access: Access
) -> SystemRole:
    """Return what a server's template does with a system message; see `served_opening`."""
    asking = _asked_role(url, {**defaults, "model": model}, access)
    return _answer(asking, SystemRole.UNKNOWN)


async def _asked_role(url: str, body: Mapping[str, object], access: Access) -> SystemRole:
    async with new_client(url.removesuffix("/v1"), access) as client:
        for route, read in _ROUTES.items():
            question = [{"role": "user", "content": _QUESTION}]
            plain, with_system = [
                read(await posted(client, route, _template_body(body, one), ASK_SECONDS))
                for one in (question, WITH_SYSTEM)
            ]
            if with_system is not None:
                return role_in(with_system)
            if plain is not None:
                return SystemRole.REFUSED
    return SystemRole.UNKNOWN


def tells_prompts(url: str, model: str, defaults: Mapping[str, object], access: Access) -> bool:
    """Return whether a server tells the prompt that its template makes of a chat.

    Its text can then be continued as plain text. The arguments are as of `served_opening`.
    """
    return _answer(_asked_prompt(url, {**defaults, "model": model}, access), unknown=False)


async def _asked_prompt(url: str, body: Mapping[str, object], access: Access) -> bool:
    question = Prompt(messages=(Message(role="user", content=_QUESTION),), begun="So")
    async with new_client(url.removesuffix("/v1"), access) as client:
        await continued_prompt(client, "", body, question)
    return True


async def continued_prompt(
    client: AsyncOpenAI, place: str, body: Mapping[str, object], prompt: Prompt
) -> str | list[int]:
    """Return a chat's prompt with what its answer begins with, as plain text or as tokens.

    Args:
        client: of the server.
        place: what comes before its routes.
        body: the model, and what is sent with each request.
        prompt: messages, and the beginning of the answer.

    Raises:
        UnusableReplyError: the server does not tell it.
    """
    told = [{"role": one.role, "content": one.content} for one in prompt.messages]
    asked = _template_body(body, told)
    written = applied_prompt(await posted(client, f"{place}/apply-template", asked, ASK_SECONDS))
    if written is not None:
        return written + prompt.begun
    plain = {**body, "prompt": prompt.begun, "add_special_tokens": False}
    before, behind = [
        _token_ids(await posted(client, f"{place}/tokenize", one, ASK_SECONDS))
        for one in (asked, plain)
    ]
    if before is None or behind is None:
        raise UnusableReplyError("the server does not tell the prompt that its template makes")
    return before + behind


def _token_ids(reply: object) -> list[int] | None:
    """Return the tokens in vLLM's reply."""
    tokens = reply.get("tokens") if isinstance(reply, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(one, int) for one in tokens):
        return None
    return tokens


def _template_body(body: Mapping[str, object], messages: Sequence[object]) -> dict[str, object]:
    flags = {"add_generation_prompt": True, "return_token_strs": True}
    return {**body, "messages": list(messages), **flags}


async def posted(
    client: AsyncOpenAI, route: str, body: Mapping[str, object], seconds: float
) -> object:
    """Return the JSON of a reply; None if there is none, or if a redirect led elsewhere."""
    import openai

    try:
        async with asyncio.timeout(seconds):
            content = await client.post(
                route, body=body, cast_to=bytes, options={"follow_redirects": False}
            )
    except (openai.APIError, TimeoutError):
        return None
    return parse_body(content)


def applied_prompt(reply: object) -> str | None:
    """Return the prompt in llama.cpp's reply."""
    prompt = reply.get("prompt") if isinstance(reply, dict) else None
    return prompt if isinstance(prompt, str) else None


_BLANKS = str.maketrans({"Ġ": " ", "Ċ": "\n", "▁": " "})
"""How tokenizers write whitespace in the names of tokens."""


def token_texts(reply: object) -> str | None:
    """Return the prompt in vLLM's reply, from the names of its tokens."""
    names = reply.get("token_strs") if isinstance(reply, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return "".join(names).translate(_BLANKS)


_ROUTES: Mapping[str, Callable[[object], str | None]] = {
    "/apply-template": applied_prompt,
    "/tokenize": token_texts,
}
"""The routes of llama.cpp and vLLM that apply a template, and what reads their replies."""


def _first_tokens(reply: object) -> object:
    """Return the completion of the short request, or the failure."""
    request = Request(
        task="",
        problem_id="",
        sample=0,
        prompt=Prompt(messages=(Message(role="user", content=_QUESTION),)),
        sampling=Sampling(temperature=0.0, top_p=1.0, max_tokens=_TRIAL_TOKENS),
        seed=0,
    )
    return from_chat(request, reply, 0.0)
