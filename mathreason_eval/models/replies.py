"""The reply of an OpenAI-compatible server, read without trusting its shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.text.documents import check_weight, utf8_text
from mathreason_eval.types import CONTENT_FILTER


@dataclass(frozen=True, kw_only=True, slots=True)
class _Message:
    """The text of one choice of a reply."""

    text: str | None
    """None if there is none, which differs from an empty text."""
    reasoning: str | None = None
    calls_tool: bool = False
    refused: bool = False


UNUSABLE = "unusable reply"
"""The kind of failure of a request whose reply contains no completion."""

OTHER_MODEL = "another model"
"""The kind of failure of a request that another model answered than the others."""


class UnusableReplyError(Exception):
    """A reply that contains no completion, with the reason."""


def parse_body(content: bytes) -> object:
    """Return the JSON of a reply's body.

    Raises:
        UnusableReplyError: it is not JSON.
    """
    try:
        check_weight(content)
    except ValueError as error:
        raise UnusableReplyError(f"the server's reply {error}") from None
    try:
        return json.loads(utf8_text(content))
    except (ValueError, RecursionError):
        pass
    if content.lstrip().startswith((b"data:", b"event:", b":")):
        raise UnusableReplyError("the server's reply is an event stream, which was not requested")
    if not content.strip():
        raise UnusableReplyError("the server's reply is empty")
    raise UnusableReplyError("the server's reply is not JSON")


def from_chat(request: Request, reply: object, seconds: float) -> Completion | Failure:
    """Return the completion in the reply of /chat/completions, or why there is none."""
    return _read(request, reply, seconds, _chat_message)


def from_text(request: Request, reply: object, seconds: float) -> Completion | Failure:
    """Return the completion in the reply of /completions, or why there is none."""
    return _read(request, reply, seconds, _text_message)


_MAX_ERROR_LENGTH = 300
"""Characters of a server's error that are shown."""


def error_text(body: object) -> str:
    """Return the message of an error reply on one short line."""
    line = " ".join(_error_message(body).split())
    return line if len(line) <= _MAX_ERROR_LENGTH else line[:_MAX_ERROR_LENGTH] + "…"


_CONTEXT_ERRORS = ("context length", "context size", "context window", "context_length", "too long")
"""How vLLM, llama.cpp, OpenAI, SGLang and others say that a prompt does not fit."""


def is_context_error(message: str) -> bool:
    """Return whether an error says that the prompt does not fit the context."""
    lowered = message.lower()
    return any(phrase in lowered for phrase in _CONTEXT_ERRORS)


def model_name(reply: object) -> str | None:
    """Return what a reply calls the model that made it; None if it does not say."""
    name = reply.get("model") if isinstance(reply, dict) else None
    return name if isinstance(name, str) and name else None


def token_count(value: object) -> int | None:
    """Return a count of tokens, or None where the value of a server or a file cannot be one."""
    # True is an int in Python, but not a count.
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _LARGEST_COUNT else None


_LARGEST_COUNT = 1 << 53
"""Far beyond any count of tokens; a larger whole number is not exact in every JSON parser."""


def known_finish_reason(value: object) -> str | None:
    """Return the name under which another program's finish reason is stored; None if unknown."""
    return _FINISH_REASONS.get(_plain(value))


def _plain(value: object) -> str:
    """Return a word of a server without the blanks around it and its case; of no text nothing."""
    return value.strip().lower() if isinstance(value, str) else ""


def _error_message(body: object) -> str:
    """Return the message in the body of an error."""
    inner = body.get("error") or body if isinstance(body, dict) else body
    message = inner.get("message", inner) if isinstance(inner, dict) else inner
    return message if isinstance(message, str) else json.dumps(message, default=str)


def _read(
    request: Request,
    reply: object,
    seconds: float,
    message_of: Callable[[Mapping[str, Any]], _Message],
) -> Completion | Failure:
    """Return the completion in a reply; `message_of` finds the message of a choice."""
    try:
        checked = _without_error(reply)
        choice = _without_error(_first(checked.get("choices")))
        finish = _finish_reason(choice.get("finish_reason"))
        message = message_of(choice)
        _check_for_text(message, finish)
    except UnusableReplyError as error:
        return Failure(request=request, kind=UNUSABLE, reason=error_text(str(error)))
    usage = checked.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        request=request,
        text=message.text or "",
        reasoning=message.reasoning,
        finish_reason=finish,
        prompt_tokens=token_count(counts.get("prompt_tokens")),
        completion_tokens=token_count(counts.get("completion_tokens")),
        reasoning_tokens=_reasoning_tokens(counts),
        seconds=seconds,
        refused=message.refused or finish == CONTENT_FILTER,
    )


def _reasoning_tokens(usage: Mapping[str, Any]) -> int | None:
    """Return the number of reasoning tokens, if the server states a plausible one, else None."""
    details = usage.get("completion_tokens_details")
    count = token_count(details.get("reasoning_tokens") if isinstance(details, dict) else None)
    total = token_count(usage.get("completion_tokens"))
    return count if count is None or total is None or count <= total else None


def _without_error(part: object) -> Mapping[str, Any]:
    """Return a reply or a choice unchanged; servers send errors with status 200 as well."""
    if not isinstance(part, dict):
        raise UnusableReplyError("the server's reply has no choice")
    if part.get("error") or part.get("object") == "error":
        raise UnusableReplyError(f"the server answered with an error: {_error_message(part)}")
    return part


def _first(choices: object) -> object:
    """Return the choice with index 0, or the first where none has an index."""
    held = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    if all(one.get("index") is None for one in held):
        return held[0] if held else None
    return next((one for one in held if token_count(one.get("index")) == 0), None)


_FINISH_REASONS = {
    **dict.fromkeys(
        ("stop", "eos", "eos_token", "stop_sequence", "end_turn", "complete", "completed"), "stop"
    ),
    **dict.fromkeys(
        (
            *("length", "max_tokens", "max_output_tokens", "max_length", "model_length"),
            *("token_limit", "model_context_window_exceeded"),
        ),
        "length",
    ),
    **dict.fromkeys(
        (
            *("content_filter", "content_filtered", "guardrail_intervened", "refusal", "safety"),
            *("prohibited_content", "blocklist", "spii", "recitation", "error_toxic"),
        ),
        CONTENT_FILTER,
    ),
}
"""Finish reasons of servers (OpenAI's, TGI's, Mistral's, Anthropic's, Cohere's, Bedrock's,
Gemini's), in any letter case, and how they are stored. With any other the text is not an answer."""
_TOOL_CALLS = frozenset({"tool_calls", "tool_call", "tool_use", "function_call"})


def _finish_reason(value: object) -> str:
    """Return the name under which a server's finish reason is stored."""
    if _plain(value) in _TOOL_CALLS:
        raise UnusableReplyError("the server asked for a tool instead of answering")
    known = known_finish_reason(value)
    if known is None:
        raise UnusableReplyError(
            "the server does not say why its text ends"
            if value is None
            else f"the server ended its text with {value!r}"
        )
    return known


def _check_for_text(message: _Message, finish: str) -> None:
    """Raise where a message has no text, which differs from an empty one."""
    if message.calls_tool:
        raise UnusableReplyError("the server asked for a tool instead of answering")
    # A content filter may leave nothing, and would leave nothing again.
    refused = message.refused or finish == CONTENT_FILTER
    if message.text is None and not message.reasoning and not refused:
        raise UnusableReplyError("the server's message has no text")


def _text_message(choice: Mapping[str, Any]) -> _Message:
    """Return the message of a choice of /completions."""
    text = choice.get("text")
    return _Message(text=text if isinstance(text, str) else None)


_REASONING = ("reasoning_content", "reasoning", "reasoning_details")
"""The fields in which servers put the reasoning, separate from the content."""


def _chat_message(choice: Mapping[str, Any]) -> _Message:
    """Return the message of a choice of /chat/completions."""
    message = choice.get("message")
    if not isinstance(message, dict):
        raise UnusableReplyError("the server's reply has no message")
    text, thought, refused = _content(message.get("content"))
    refusal = message.get("refusal")
    if refusal and isinstance(refusal, str):
        text, refused = text or refusal, True
    separate = next(filter(None, (_thought(message.get(name)) for name in _REASONING)), thought)
    return _Message(
        text=text,
        reasoning=separate or None,
        refused=refused,
        calls_tool=bool(message.get("tool_calls") or message.get("function_call")),
    )


_TEXTS = {"text": "text", "output_text": "text", "refusal": "refusal"}
"""Types of content parts that are text, each with the key of that text."""
_THOUGHTS = ("thinking", "reasoning")


def _content(content: object) -> tuple[str | None, str, bool]:
    """Return the text in a message's content or None, the reasoning in it, and if it refuses."""
    if content is None or isinstance(content, str):
        return content, "", False
    if not isinstance(content, list):
        raise UnusableReplyError(f"the content of the server's message is {content!r}")
    texts, thoughts, refused = [], [], False
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get(_TEXTS[kind]) if isinstance(kind, str) and kind in _TEXTS else None
        if isinstance(text, str):
            texts.append(text)
            refused = refused or kind == "refusal"
        elif kind in _THOUGHTS:
            thoughts.append(_thought(part))
        else:
            raise UnusableReplyError(f"the server's message has a part that is not text: {kind!r}")
    return "".join(texts) if texts else None, "".join(thoughts), refused


_REASONING_KEYS = ("thinking", "reasoning", "text", "summary")
"""The keys of the reasoning in a content part."""


def _thought(value: object) -> str:
    """Return the reasoning, which servers send as a text, an object or a list of parts."""
    if isinstance(value, dict):
        value = next((value[name] for name in _REASONING_KEYS if value.get(name)), None)
    if isinstance(value, list):
        parts = (
            part.get("text") or part.get("summary") for part in value if isinstance(part, dict)
        )
        return "".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) else ""
