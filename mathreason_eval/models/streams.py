"""An answer that a server sends piece by piece, put together as if it had come whole.

What is between two pieces tells a server that hangs from one that is slow; with whole answers both
are silent until the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any

from mathreason_eval.models.replies import UnusableReplyError, parse_body

STREAMED: Mapping[str, object] = {"stream": True, "stream_options": {"include_usage": True}}
"""What asks for pieces, and for the number of tokens in the last one."""


class IdleError(Exception):
    """Nothing came for too long after the first piece of an answer."""


async def joined(sent: AsyncIterable[bytes], idle: float) -> object:
    """Return the reply whose pieces a server sends; its JSON where it sends it whole all the same.

    Args:
        sent: the bytes of its body, as they come.
        idle: seconds that may pass between two pieces. Before the first one they do not count, as
            a request may wait in the server's queue; nor do comments, which say only that the
            connection is there.

    Raises:
        IdleError: more have passed.
        UnusableReplyError: it is no reply, or ends before the answer does.
    """
    reply, whole = _Reply(), bytearray()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as patience:
            async for line in _lines(sent):
                field, _, value = line.partition(b":")
                if field == b"data":
                    patience.reschedule(loop.time() + idle)
                    if not reply.add(value.strip()):
                        return reply.assembled()
                elif not reply.begun and not line.startswith((b":", b"event", b"id", b"retry")):
                    whole += line + b"\n"
    except TimeoutError:
        if not patience.expired():
            raise
        raise IdleError(f"nothing came for {idle:g} s after a piece of the answer") from None
    return reply.assembled() if reply.begun else parse_body(bytes(whole))


async def _lines(sent: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines of a body, without their ends."""
    rest = bytearray()
    async for piece in sent:
        *lines, tail = piece.split(b"\n")
        for line in lines:
            yield bytes(rest + line).rstrip(b"\r")
            rest.clear()
        rest += tail
    if rest:
        yield bytes(rest)


_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
"""Fields of a message that come in pieces of text."""
_LISTS = ("tool_calls", "reasoning_details")


class _Reply:
    """A reply that is being put together."""

    def __init__(self) -> None:
        self.begun = False
        self._error: object = None
        self._named: dict[str, object] = {}
        self._usage: object = None
        self._finish: object = None
        self._texts: dict[str, list[object]] = {}
        self._others: dict[str, object] = {}

    def add(self, data: bytes) -> bool:
        """Take a piece; return whether there may be another."""
        self.begun = True
        if data == b"[DONE]":
            return False
        piece = parse_body(data)
        if not isinstance(piece, dict):
            raise UnusableReplyError("a piece of the server's answer is no object")
        if piece.get("error") or piece.get("object") == "error":
            self._error = piece
            return False
        if piece.get("model"):
            self._named.setdefault("model", piece["model"])
        self._usage = piece.get("usage") or self._usage
        choices = piece.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict) and choice.get("index") in {None, 0}:
                self._take(choice)
        return True

    def _take(self, choice: Mapping[str, Any]) -> None:
        if choice.get("error"):
            self._error = choice
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta")
        told = {"text": choice.get("text")} if "text" in choice else {}
        for name, value in {**(delta if isinstance(delta, dict) else {}), **told}.items():
            if value is None:
                continue
            if name in {*_TEXTS, *_LISTS, "text"}:
                self._texts.setdefault(name, []).append(value)
            else:
                self._others[name] = value

    def assembled(self) -> object:
        """Return the reply as it would have come whole.

        Raises:
            UnusableReplyError: it has no end.
        """
        if self._error is not None:
            return self._error
        if self._finish is None:
            raise UnusableReplyError("the server's answer ends in the middle: a piece is missing")
        held = {name: _one(pieces) for name, pieces in self._texts.items()}
        choice = {
            "index": 0,
            "finish_reason": self._finish,
            "text": held.get("text"),
            "message": {"content": None, **self._others, **held},
        }
        return {**self._named, "choices": [choice], "usage": self._usage}


def _one(pieces: list[object]) -> object:
    """Return pieces joined: texts to a text; texts and parts, or lists, to a list of parts."""
    if all(isinstance(one, str) for one in pieces):
        return "".join(map(str, pieces))
    if not all(isinstance(one, str | list) for one in pieces):
        return next(one for one in pieces if not isinstance(one, str | list))
    found: list[object] = []
    for one in pieces:
        found += one if isinstance(one, list) else [{"type": "text", "text": one}]
    return found
