"""How much of a server's reply is read: a small one may expand to more than a machine has."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from importlib import import_module
from typing import Any

from mathreason_eval.models.replies import UnusableReplyError
from mathreason_eval.text.limits import MAX_REPLY_BYTES

_PIECE = 1 << 20
"""Bytes that are expanded at a time."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
"""Of zlib: which of the two it is, the data say."""


async def bound_reply(response: Any) -> None:  # noqa: ANN401  httpx's, of either name
    """Have the body of a response expanded by pieces, and only as far as a reply may be long.

    Reading it raises an `UnusableReplyError` where it is longer, or compressed in another way.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    # The library would expand a piece at once, however much it becomes.
    response.headers.pop("content-encoding", None)
    base: Any = import_module(type(response).__module__.partition(".")[0]).AsyncByteStream
    read = response.stream

    class Bounded(base):  # type: ignore[misc] # of a library that comes late
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in _bounded(read, encoding):
                yield piece

        async def aclose(self) -> None:
            await read.aclose()

    response.stream = Bounded()


async def _bounded(read: AsyncIterable[bytes], encoding: str) -> AsyncIterator[bytes]:
    if encoding not in {"identity", "", "gzip", "x-gzip", "deflate"}:
        raise UnusableReplyError("the server's reply is compressed in a way not asked for")
    expander = None if encoding in {"identity", ""} else zlib.decompressobj(_GZIP_OR_ZLIB)
    length = 0
    async for sent in read:
        for piece in (sent,) if expander is None else _expanded(expander, sent):
            length += len(piece)
            if length > MAX_REPLY_BYTES:
                limit = f"{MAX_REPLY_BYTES >> 20} MiB"
                raise UnusableReplyError(f"the server's reply is longer than {limit}")
            yield piece


def _expanded(expander: Any, sent: bytes) -> Iterator[bytes]:  # noqa: ANN401  zlib's has no name
    """Yield what compressed bytes expand to, in pieces."""
    rest = sent
    while rest and not expander.eof:
        try:
            yield expander.decompress(rest, _PIECE)
        except zlib.error:
            raise UnusableReplyError("the server's reply is compressed, and damaged") from None
        rest = expander.unconsumed_tail
