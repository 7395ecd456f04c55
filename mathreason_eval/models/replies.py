"""The reply of an OpenAI-compatible server, read without trusting its shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mathreason_eval.models.base import Completion, Failure, Request


@dataclass(frozen=True, kw_only=True, slots=True)
class _Message:
    """The text of one choice of a reply."""

    text: str | None
    """None where there is none, which differs from an empty text."""
    reasoning: str | None = None
    calls_tool: bool = False


class _UnusableError(Exception):
    """A reply that holds no completion, with the reason."""


def from_chat(request: Request, reply: object, seconds: float, key: str) -> Completion | Failure:
    """Return the completion in the reply of /chat/completions, or why there is none."""
    return _read(request, reply, seconds, key, _chat_message)


def from_text(request: Request, reply: object, seconds: float, key: str) -> Completion | Failure:
    """Return the completion in the reply of /completions, or why there is none."""
    return _read(request, reply, seconds, key, _text_message)


_MAX_ERROR_LENGTH = 300
"""Characters of a server's error that are shown."""


def error_text(body: object, key: str) -> str:
    """Return the message of an error reply on one short line, without the key it may echo."""
    line = " ".join(_error_message(body).replace(key, "…").split())
    return line if len(line) <= _MAX_ERROR_LENGTH else line[:_MAX_ERROR_LENGTH] + "…"


_CONTEXT_ERRORS = ("context length", "context size", "context window", "context_length", "too long")
"""How vLLM, llama.cpp, OpenAI, SGLang and others say that a prompt does not fit."""


def is_context_error(message: str) -> bool:
    """Return whether an error says that the prompt does not fit the context."""
    lowered = message.lower()
    return any(phrase in lowered for phrase in _CONTEXT_ERRORS)


def token_count(value: object) -> int | None:
    """Return a count of tokens, or None where the value of a server or a file cannot be one."""
    # True is an int in Python, and no count.
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value >= 0 else None


def _error_message(body: object) -> str:
    """Return the message in the body of an error."""
    inner = body.get("error") or body if isinstance(body, dict) else body
    message = inner.get("message", inner) if isinstance(inner, dict) else inner
    return message if isinstance(message, str) else json.dumps(message, default=str)


def _read(
    request: Request,
    reply: object,
    seconds: float,
    key: str,
    message_of: Callable[[Mapping[str, Any]], _Message],
) -> Completion | Failure:
    """Return the completion in a reply; `message_of` finds the message of a choice."""
    try:
        checked = _without_error(reply)
        choice = _without_error(_first(checked.get("choices")))
        finish = _finish_reason(choice.get("finish_reason"))
        message = message_of(choice)
        _check_for_text(message, finish)
    except _UnusableError as error:
        return Failure(request=request, reason=error_text(str(error), key))
    usage = checked.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        request=request,
        text=message.text or "",
        reasoning=message.reasoning,
        finish_reason=finish,
        prompt_tokens=token_count(counts.get("prompt_tokens")),
        completion_tokens=token_count(counts.get("completion_tokens")),
        seconds=seconds,
    )


def _without_error(part: object) -> Mapping[str, Any]:
    """Return a reply or a choice unchanged; servers send errors with status 200 as well."""
    if not isinstance(part, dict):
        raise _UnusableError("the server's reply holds no choice")
    if part.get("error") or part.get("object") == "error":
        raise _UnusableError(f"the server answered with an error: {_error_message(part)}")
    return part


def _first(choices: object) -> object:
    """Return the choice with index 0, or the first where none has an index."""
    held = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    if all(one.get("index") is None for one in held):
        return held[0] if held else None
    return next((one for one in held if token_count(one.get("index")) == 0), None)


_TOOL_CALLS = ("tool_calls", "function_call")
_FINISH_REASONS = {
    **dict.fromkeys(("stop", "eos", "eos_token", "stop_sequence", "end_turn"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_length", "model_length"), "length"),
    **{name: name for name in ("content_filter", *_TOOL_CALLS)},
}
"""Finish reasons of servers, and how they are stored. With any other the text is not complete."""


def _finish_reason(value: object) -> str:
    """Return the name under which a server's finish reason is stored."""
    known = _FINISH_REASONS.get(value.lower()) if isinstance(value, str) else None
    if known is None:
        raise _UnusableError(
            "the server does not say why its text ends"
            if value is None
            else f"the server ended its text with {value!r}"
        )
    return known


def _check_for_text(message: _Message, finish: str) -> None:
    """Raise where a message has no text, which differs from an empty one."""
    if (message.calls_tool or finish in _TOOL_CALLS) and not (message.text or "").strip():
        raise _UnusableError("the server asked for a tool and wrote no text")
    # A content filter may leave nothing, and would leave nothing again.
    if message.text is None and not message.reasoning and finish != "content_filter":
        raise _UnusableError("the server's message has no text")


def _text_message(choice: Mapping[str, Any]) -> _Message:
    """Return the message of a choice of /completions."""
    text = choice.get("text")
    return _Message(text=text if isinstance(text, str) else None)


_REASONING = ("reasoning_content", "reasoning", "reasoning_details")
"""Where servers put a thought that is separate from the content."""


def _chat_message(choice: Mapping[str, Any]) -> _Message:
    """Return the message of a choice of /chat/completions."""
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _UnusableError("the server's reply holds no message")
    text, thought = _content(message.get("content"))
    refusal = message.get("refusal")
    if not text and refusal and isinstance(refusal, str):
        text = refusal
    separate = next(filter(None, (_thought(message.get(name)) for name in _REASONING)), thought)
    return _Message(
        text=text,
        reasoning=separate or None,
        calls_tool=bool(message.get("tool_calls") or message.get("function_call")),
    )


_TEXTS = {"text": "text", "output_text": "text", "refusal": "refusal"}
"""Kinds of parts of a content that are text, each with the key of that text."""
_THOUGHTS = ("thinking", "reasoning")


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


_REASONING_KEYS = ("thinking", "reasoning", "text", "summary")
"""Where a part of a content holds its thought."""


def _thought(value: object) -> str:
    """Return a thought, which servers send as a text, as an object or as a list of parts."""
    if isinstance(value, dict):
        value = next((value[name] for name in _REASONING_KEYS if value.get(name)), None)
    if isinstance(value, list):
        parts = (
            part.get("text") or part.get("summary") for part in value if isinstance(part, dict)
        )
        return "".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) else ""
