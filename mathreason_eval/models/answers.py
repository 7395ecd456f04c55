"""What a server's reply says, read without trusting its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mathreason_eval.models.base import Completion, Failure, Request

_LONGEST = 300
"""Characters of a server's error that are shown."""
_TOO_LONG = ("context length", "context size", "context window", "context_length", "too long")
"""How vLLM, llama.cpp, OpenAI, SGLang and others say that a prompt does not fit."""


def from_chat(request: Request, reply: object, seconds: float) -> Completion | Failure:
    """Return the completion in the reply of /chat/completions."""
    choice = _choice(reply)
    message = choice.get("message") if choice else None
    if not isinstance(message, dict):
        return Failure(request=request, reason="the server's reply holds no message")
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    return _completion(request, reply, message.get("content"), reasoning, seconds)


def from_text(request: Request, reply: object, seconds: float) -> Completion | Failure:
    """Return the completion in the reply of /completions."""
    choice = _choice(reply)
    if not choice:
        return Failure(request=request, reason="the server's reply holds no text")
    return _completion(request, reply, choice.get("text"), None, seconds)


def error_text(body: object, key: str) -> str:
    """Return the message of an error reply on one short line, without the key it may echo."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    message = inner.get("message", inner) if isinstance(inner, dict) else inner
    spelled = message if isinstance(message, str) else json.dumps(message, default=str)
    line = " ".join(spelled.replace(key, "…").split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"


def too_long(message: str) -> bool:
    """Return whether an error says that the prompt does not fit the context."""
    lowered = message.lower()
    return any(sign in lowered for sign in _TOO_LONG)


def overfull(request: Request, tokens: int, context: int, remedy: str) -> Failure | None:
    """Return the failure of a request whose prompt and max_tokens exceed the context, else None.

    An engine would cut its answer short and call it `length`, as if max_tokens had been reached.
    """
    asked = request.sampling.max_tokens
    if tokens + asked <= context:
        return None
    return Failure(
        request=request,
        reason=f"the prompt has {tokens:,} tokens and max_tokens is {asked:,}: together "
        f"{tokens + asked:,}, and the context holds {context:,}",
        hint=f"Lower --max-tokens to {context - tokens:,} or less, or {remedy}."
        if tokens < context
        else f"{remedy[:1].upper()}{remedy[1:]}.",
    )


def _choice(reply: object) -> Mapping[str, Any] | None:
    """Return the first choice of a reply, if it has one."""
    choices = reply.get("choices") if isinstance(reply, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _completion(
    request: Request, reply: object, text: object, reasoning: object, seconds: float
) -> Completion:
    """Return the completion of a reply whose text was found."""
    usage = reply.get("usage") if isinstance(reply, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    finish = (_choice(reply) or {}).get("finish_reason")
    return Completion(
        request=request,
        text=text if isinstance(text, str) else "",
        reasoning=reasoning if isinstance(reasoning, str) else None,
        finish_reason=finish if isinstance(finish, str) else "stop",
        prompt_tokens=_count(counts.get("prompt_tokens")),
        completion_tokens=_count(counts.get("completion_tokens")),
        seconds=seconds,
    )


def _count(value: object) -> int | None:
    """Return a token count, or None where the server gives none."""
    return value if isinstance(value, int) else None
