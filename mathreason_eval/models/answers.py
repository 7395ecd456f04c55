"""What a server's reply says, read without trusting its shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mathreason_eval.models.base import Completion, Failure, Request

_LONGEST = 300
"""Characters of a server's error that are shown."""
_TOO_LONG = ("context length", "context size", "context window", "context_length", "too long")
"""How vLLM, llama.cpp, OpenAI, SGLang and others say that a prompt does not fit."""
_CALLS = ("tool_calls", "function_call")
_FINISH_REASONS = {
    **dict.fromkeys(("stop", "eos", "eos_token", "stop_sequence", "end_turn"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_length", "model_length"), "length"),
    **{name: name for name in ("content_filter", *_CALLS)},
}
"""What servers call the ends of a text, and what we do. With any other the text is not finished."""
_REASONING = ("reasoning_content", "reasoning", "reasoning_details")
"""Where servers put a thought apart from the content."""
_TEXTS = {"text": "text", "output_text": "text", "refusal": "refusal"}
"""Kinds of parts of a content that are text, and where it stands in them."""
_THOUGHTS = ("thinking", "reasoning")
_THOUGHT_IN = ("thinking", "reasoning", "text", "summary")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What a choice of a reply holds."""

    text: str | None
    """None where there is none, which is not the empty text."""
    reasoning: str | None = None
    called: bool = False
    """Whether it asks for a tool."""


class _UnusableError(Exception):
    """A reply that is no answer, with the reason."""


def from_chat(request: Request, reply: object, seconds: float, key: str) -> Completion | Failure:
    """Return the completion in the reply of /chat/completions, or why it is none."""
    return _read(request, reply, seconds, key, _spoken)


def from_text(request: Request, reply: object, seconds: float, key: str) -> Completion | Failure:
    """Return the completion in the reply of /completions, or why it is none."""
    return _read(request, reply, seconds, key, _written)


def error_text(body: object, key: str) -> str:
    """Return the message of an error reply on one short line, without the key it may echo."""
    line = " ".join(_message(body).replace(key, "…").split())
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


def token_count(value: object) -> int | None:
    """Return a count of tokens, or None where a server or a file gives none that can be one."""
    # True is an int to Python, and no count.
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value >= 0 else None


def _message(body: object) -> str:
    """Return what the body of an error says."""
    inner = body.get("error") or body if isinstance(body, dict) else body
    message = inner.get("message", inner) if isinstance(inner, dict) else inner
    return message if isinstance(message, str) else json.dumps(message, default=str)


def _read(
    request: Request,
    reply: object,
    seconds: float,
    key: str,
    said_in: Callable[[Mapping[str, Any]], _Said],
) -> Completion | Failure:
    """Return the completion in a reply; `said_in` finds what a choice says."""
    try:
        whole = _without_error(reply)
        choice = _without_error(_first(whole.get("choices")))
        finish = _finish(choice.get("finish_reason"))
        said = said_in(choice)
        _refuse_silence(said, finish)
    except _UnusableError as error:
        return Failure(request=request, reason=error_text(str(error), key))
    usage = whole.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        request=request,
        text=said.text or "",
        reasoning=said.reasoning,
        finish_reason=finish,
        prompt_tokens=token_count(counts.get("prompt_tokens")),
        completion_tokens=token_count(counts.get("completion_tokens")),
        seconds=seconds,
    )


def _without_error(held: object) -> Mapping[str, Any]:
    """Return a reply or a choice as it came; servers send errors with the status 200, too."""
    if not isinstance(held, dict):
        raise _UnusableError("the server's reply holds no choice")
    if held.get("error") or held.get("object") == "error":
        raise _UnusableError(f"the server answered with an error: {_message(held)}")
    return held


def _first(choices: object) -> object:
    """Return the choice with index 0, or the first where none has an index."""
    held = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    if all(one.get("index") is None for one in held):
        return held[0] if held else None
    return next((one for one in held if token_count(one.get("index")) == 0), None)


def _finish(said: object) -> str:
    """Return a finish reason by the one name that we have for it."""
    known = _FINISH_REASONS.get(said.lower()) if isinstance(said, str) else None
    if known is None:
        raise _UnusableError(
            "the server does not say why its text ends"
            if said is None
            else f"the server ended its text with {said!r}"
        )
    return known


def _refuse_silence(said: _Said, finish: str) -> None:
    """Raise where nothing is said, which is not the same as an empty text."""
    if (said.called or finish in _CALLS) and not (said.text or "").strip():
        raise _UnusableError("the server asked for a tool and wrote no text")
    # A filter may well leave nothing, and asked again it would leave nothing again.
    if said.text is None and not said.reasoning and finish != "content_filter":
        raise _UnusableError("the server's message has no text")


def _written(choice: Mapping[str, Any]) -> _Said:
    """Return what a choice of /completions says."""
    text = choice.get("text")
    return _Said(text=text if isinstance(text, str) else None)


def _spoken(choice: Mapping[str, Any]) -> _Said:
    """Return what a choice of /chat/completions says."""
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _UnusableError("the server's reply holds no message")
    text, thought = _content(message.get("content"))
    refusal = message.get("refusal")
    if not text and refusal and isinstance(refusal, str):
        text = refusal
    apart = next(filter(None, (_thought(message.get(name)) for name in _REASONING)), thought)
    return _Said(
        text=text,
        reasoning=apart or None,
        called=bool(message.get("tool_calls") or message.get("function_call")),
    )


def _content(content: object) -> tuple[str | None, str]:
    """Return the text in a message's content, None where there is none, and the thought in it."""
    if content is None or isinstance(content, str):
        return content, ""
    if not isinstance(content, list):
        raise _UnusableError(f"the content of the server's message is {content!r}")
    texts, thoughts = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get(_TEXTS[kind]) if isinstance(kind, str) and kind in _TEXTS else None
        if isinstance(text, str):
            texts.append(text)
        elif kind in _THOUGHTS:
            thoughts.append(_thought(part))
        else:
            raise _UnusableError(f"the server's message holds a part that is no text: {kind!r}")
    return "".join(texts) if texts else None, "".join(thoughts)


def _thought(value: object) -> str:
    """Return a thought, which servers give as a text, as an object or as a list of parts."""
    if isinstance(value, dict):
        value = next((value[name] for name in _THOUGHT_IN if value.get(name)), None)
    if isinstance(value, list):
        parts = (
            part.get("text") or part.get("summary") for part in value if isinstance(part, dict)
        )
        return "".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) else ""
