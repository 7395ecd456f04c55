"""The parts of a JSON document one by one, in memory for one of them.

For documents that are larger than one is read as a whole, such as the log of all samples of an
evaluation. What is strict is as in `documents`; the caller opens the file, in binary mode.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from mathreason_eval.text.documents import check_weight, is_too_deep, unique_keys
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES, MAX_NESTING

Part = tuple[str, str | int | None, Any]
"""(key, place, value): the place in a value that is taken apart; None of one that is not, or that
is empty."""

_TOO_DEEP = f"has lists and mappings nested more than {MAX_NESTING} deep"
_SPACE = " \t\n\r"
_OF_NUMBERS = frozenset("0123456789.eE+-")
_AT_LEAST = 1 << 16
"""Characters that are read at a time; more where one part has more."""


def parts(stream: BinaryIO, within: Collection[str] = ()) -> Iterator[Part]:
    """Yield the members of the object that a JSON document is; nothing if it is none.

    NaN, which Python writes, is a float.

    Args:
        stream: the document.
        within: keys whose lists and objects are taken apart: each item is a part.

    Raises:
        ValueError: if it is no JSON in UTF-8, a part is too large or nested too deeply, or an
            object has a key twice; it reads as what follows the name of a file.
    """
    document = _Document(stream)
    if document.next() != "{":
        return
    for key in document.members():
        opened = document.next() if key in within else ""
        if opened not in ("[", "{"):
            yield key, None, document.value()
            continue
        place: str | int | None = None
        for place in document.places() if opened == "[" else document.members():
            yield key, place, document.value()
        if place is None:
            yield key, None, [] if opened == "[" else {}
    if document.next():
        raise ValueError("is not JSON: something follows its end")


class _Document:
    """A document that is being read, and the place in it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogatepass")
        self._text = ""
        self._place = 0
        self._scan = json.JSONDecoder(object_pairs_hook=unique_keys).raw_decode

    def next(self) -> str:
        """Return the next character that is no white space, without reading on; "" at the end."""
        while True:
            rest = len(self._text)
            while self._place < rest and self._text[self._place] in _SPACE:
                self._place += 1
            if self._place < rest:
                return self._text[self._place]
            if not self._more():
                return ""

    def take(self, expected: str) -> str:
        """Return the next character, which is one of some, and read on."""
        found = self.next()
        if not found or found not in expected:
            wanted = " or ".join(map(repr, expected))
            raise ValueError(f"is not JSON: {found!r} where {wanted} is expected")
        self._place += 1
        return found

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; the caller reads the value of each."""
        self.take("{")
        if self.next() == "}":
            self.take("}")
            return
        met: set[str] = set()
        while True:
            if self.next() != '"':
                raise ValueError("is not JSON: a key that is no text")
            key = self.value()
            if key in met:
                raise ValueError(f"has the key {key[:80]!r} twice")
            met.add(key)
            self.take(":")
            yield key
            if self.take(",}") == "}":
                return

    def places(self) -> Iterator[int]:
        """Yield the places of the list that begins here; the caller reads each item."""
        self.take("[")
        if self.next() == "]":
            self.take("]")
            return
        place = 0
        while True:
            yield place
            place += 1
            if self.take(",]") == "]":
                return

    def value(self) -> Any:  # noqa: ANN401  parsed JSON
        """Return the value that begins here."""
        self.next()
        while True:
            value, end, fault = self._tried()
            # A number may go on in what is not read yet: `1` of `1.5`.
            if end is not None and end < len(self._text) and self._text[end] not in _OF_NUMBERS:
                break
            if not self._more():
                if end is None:
                    raise ValueError(f"is not JSON: {fault}") from None
                break
        self._place = end
        if is_too_deep(value):
            raise ValueError(_TOO_DEEP)
        return value

    def _tried(self) -> tuple[Any, int | None, str]:
        rest = len(self._text) - self._place
        if rest > MAX_DOCUMENT_BYTES:
            raise ValueError(f"has a part of more than {MAX_DOCUMENT_BYTES >> 20} MiB")
        if rest > _AT_LEAST:
            check_weight(self._text[self._place :].encode("utf-8", "surrogatepass"))
        try:
            return *self._scan(self._text, self._place), ""
        except RecursionError:
            raise ValueError(
                f"has lists and mappings nested more than {MAX_NESTING} deep"
            ) from None
        except json.JSONDecodeError as error:
            return None, None, error.msg

    def _more(self) -> bool:
        """Read on, as much as is held already: a long part is tried a few times; False at the end.

        What has been read is let go.
        """
        held = self._text[self._place :]
        content = self._stream.read(max(_AT_LEAST, len(held)))
        try:
            read = self._decoder.decode(content, final=not content)
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8") from None
        self._text, self._place = held + read, 0
        return bool(content)
