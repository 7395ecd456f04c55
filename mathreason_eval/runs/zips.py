"""Zip files of which nothing is believed: their list of members, names, sizes and kinds."""

from __future__ import annotations

import json
import lzma
import os
import struct
import zipfile
import zlib
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mathreason_eval.errors import MissingExtraError
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES, Expansion

NOT_READ = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError),
    *(NotImplementedError, struct.error, IndexError, KeyError, OverflowError),
    *(json.JSONDecodeError, lzma.LZMAError, MemoryError),
)
"""What the library raises for damaged, encrypted or unknown zips, and we for hostile ones."""

_REGULAR = (0, 8)
"""File types of a zip's members; archives made on systems other than Unix have 0."""
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_END_SIZE = 22
BYTES_PER_MEMBER = 1024
"""Of the list of members."""


def check_directory(archive: Path, max_bytes: int) -> None:
    """Raise an error if the list of members is too large to be read at once.

    Raises:
        ValueError: if it is.
        BadZipFile: if there is none.
    """
    with archive.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_SIZE - (1 << 16)))
        tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) < place + _END_SIZE:
        raise zipfile.BadZipFile("it is not a zip file")
    (listed,) = struct.unpack_from("<I", tail, place + 12)
    if listed > max_bytes or _END_64 in tail[max(0, place - 20) : place]:
        raise ValueError(f"its list of members has more than {max_bytes >> 10:,} KiB")


def is_regular(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a file: no link, device or the like."""
    return member.external_attr >> 28 in _REGULAR


_MAX_DOCUMENTS = 200_000
"""Documents of a zip: samples of a log."""
_ZSTANDARD = 93
"""The method of compression that newer logs have, and this Python perhaps has not."""


_READ_BYTES = 512
"""Bytes of a member that are expanded at a time: with Zstandard, one becomes 32 KiB at most."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, _ZSTANDARD})


class OpenedZip:
    """A zip of JSON documents, read one by one, in memory. A context manager."""

    def __init__(self, path: Path, expansion: Expansion | None = None) -> None:
        """Open a zip.

        Args:
            path: the file.
            expansion: what all files that are read with it expand to; None: it alone counts.

        Raises:
            ValueError: if its members share bytes, or are links, or too many: see `NOT_READ`.
            MissingExtraError: if it is compressed by Zstandard, and nothing here expands that.
        """
        check_directory(path, _MAX_DOCUMENTS * BYTES_PER_MEMBER)
        self._path = path
        self._size = path.stat().st_size
        self._expanded = 0
        self._expansion = expansion or Expansion()
        self._zip = zipfile.ZipFile(path)
        members = self._zip.infolist()
        self.names = [one.filename for one in members]
        """The names of its members."""
        if len(set(self.names)) < len(self.names):
            raise self._closed("has a member twice")
        if sum(one.compress_size for one in members) > self._size:
            raise self._closed("has members that share their bytes")
        if not all(map(is_regular, members)):
            raise self._closed("has a link or a device in it")
        if not {one.compress_type for one in members} <= _METHODS:
            raise self._closed("is compressed in a way that no log is")
        if any(one.compress_type == _ZSTANDARD for one in members):
            self._learn_zstandard()

    def _closed(self, why: str) -> ValueError:
        self._zip.close()
        return ValueError(f"it {why}")

    def _learn_zstandard(self) -> None:
        if hasattr(zipfile, "ZIP_ZSTANDARD"):
            return
        try:
            import_module("zipfile_zstd")  # It teaches the library the method.
        except ImportError:
            self._zip.close()
            what = "Reading a log that Zstandard compressed"
            raise MissingExtraError("zipfile-zstd", "logs", what) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def document(self, name: str) -> Any:  # noqa: ANN401  parsed JSON
        """Return a document; NaN, which Python writes, is a float in it.

        Raises:
            ValueError: if it is no JSON, too large or too deep, or came of too few bytes; see
                `NOT_READ`.
        """
        with self._zip.open(name) as opened:
            file: Any = opened  # A ZipExtFile, which is more than the type that is stated.
            # However small the part is that is read, all that it expands to is held at once.
            file.MIN_READ_SIZE = _READ_BYTES
            content = bytearray()
            while len(content) <= MAX_DOCUMENT_BYTES and (piece := file.read1(_READ_BYTES)):
                content += piece
                self._expanded += len(piece)
                self._expansion.check(str(self._path), self._expanded, self._size)
        try:
            return parse_json(bytes(content), finite=False)
        except ValueError as error:
            raise ValueError(f"its member {name[:80]!r} {error}") from None
