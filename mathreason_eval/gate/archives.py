"""Archives of runs, of which nothing is believed: names, sizes, kinds and their number."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from mathreason_eval.errors import RunError
from mathreason_eval.gate.extraction import (
    MAX_BYTES,
    MAX_MEMBERS,
    Member,
    too_large,
    too_many,
    unsafe,
    write_members,
)
from mathreason_eval.runs.zips import BYTES_PER_MEMBER, check_directory, is_regular
from mathreason_eval.text.limits import check_expansion

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_ZIP_SUFFIX = ".zip"


def extract(archive: Path, directory: Path) -> Path:
    """Extract an archive into `directory`, and return it; reject members that would escape it.

    Raises:
        RunError: if it is no archive, is damaged, or is not safe to extract.
    """
    directory.mkdir()
    try:
        if archive.name.endswith(_ZIP_SUFFIX):
            _extract_zip(archive, directory)
        elif archive.name.endswith(_TAR_SUFFIXES):
            _extract_tar(archive, directory)
        else:
            raise RunError(
                f"{archive} is neither a folder nor an archive.",
                f"Known extensions: {', '.join((*_TAR_SUFFIXES, _ZIP_SUFFIX))}.",
            )
    # What the libraries raise for damaged, encrypted or unknown kinds of archives.
    except (
        *(tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
        *(RuntimeError, NotImplementedError, struct.error, IndexError, KeyError, OverflowError),
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RunError(f"{archive} cannot be unpacked: {reason}.", "Make a new one.") from None
    return directory


# --- packing ---------------------------------------------------------------------------------


def packed(folder: Path, name: str) -> bytes:
    """Return a `.tar.gz` of the regular files of a folder, equal bytes for equal files.

    Args:
        folder: a run.
        name: what the folder is called in the archive.
    """
    whole = io.BytesIO()
    # Neither times, nor owners, nor the order in which a file system lists them.
    with (
        gzip.GzipFile(fileobj=whole, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                member = tarfile.TarInfo(f"{name}/{path.relative_to(folder).as_posix()}")
                content = path.read_bytes()
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()


# --- tar -------------------------------------------------------------------------------------

_GZIP = b"\x1f\x8b"
_MAX_HEADER = 32 << 10
"""Bytes of a header, which tarfile reads at once and searches with patterns."""
_SPARSE = b"GNU.sparse"


class _Expanding:
    """A tar file, perhaps compressed, of which `tarfile` reads no large header and no bomb."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.in_header = True
        """Whether headers are read, and not what is in a file."""
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        self._content: BinaryIO = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if packed else file

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises:
            ValueError: if very many are asked for, or came of few.
        """
        if self.in_header and not 0 <= size <= _MAX_HEADER:
            raise ValueError(f"it has a header of more than {_MAX_HEADER >> 10} KiB")
        block = self._content.read(size)
        if self.in_header and _SPARSE in block:
            raise ValueError("it has a sparse file")
        self.check()
        return block

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        found = self._content.seek(place, whence)
        self.check()
        return found

    def tell(self) -> int:
        """Return the place."""
        return self._content.tell()

    def check(self) -> None:
        """Raise an error if what was read so far came of too few bytes."""
        check_expansion(self._content.tell(), self.file.tell())


def _extract_tar(archive: Path, directory: Path) -> None:
    with archive.open("rb") as file:
        opened = _Expanding(file)
        with tarfile.open(fileobj=cast("IO[bytes]", opened), mode="r:") as tar:
            write_members(_tar_members(tar, opened), directory)


def _tar_members(archive: tarfile.TarFile, opened: _Expanding) -> Iterator[Member]:
    for number, member in enumerate(archive, 1):
        if number > MAX_MEMBERS:
            raise too_many(member.name)
        if member.size > MAX_BYTES:
            raise too_large(member.name)
        if member.isdir():
            yield member.name, None
        elif member.issparse():
            raise unsafe(member.name, "is a sparse file")
        elif member.isreg():
            opened.in_header = False
            yield member.name, cast("IO[bytes]", archive.extractfile(member))
            opened.in_header = True
        else:
            raise unsafe(member.name, "is a link or a device")


# --- zip -------------------------------------------------------------------------------------

_MAX_DIRECTORY = MAX_MEMBERS * BYTES_PER_MEMBER
"""Bytes of the list of members: zipfile reads it at once."""


def _extract_zip(archive: Path, directory: Path) -> None:
    check_directory(archive, _MAX_DIRECTORY)
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        if sum(one.compress_size for one in members) > archive.stat().st_size:
            raise unsafe(members[0].filename, "shares its bytes with another")
        write_members(_zip_members(opened), directory, lambda: _packed(archive))


def _packed(archive: Path) -> int:
    return archive.stat().st_size


def _zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    for member in archive.infolist():
        if member.is_dir():
            yield member.filename, None
        elif is_regular(member):
            with archive.open(member) as content:
                yield member.filename, content
        else:
            raise unsafe(member.filename, "is a link or a device")
