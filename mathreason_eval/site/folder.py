"""The folder of a site: what changed is written, what is no longer written is deleted.

Pages are staged in a folder within and moved to their places when all are made, so a build that is
killed before that leaves the old site as it was. New pages are moved first, then changed ones,
and what is gone is deleted last: at no moment can a reader come to a link that leads nowhere.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from mathreason_eval.runs.descriptors import open_regular, opened_parent
from mathreason_eval.runs.files import cannot_write, replace_file
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.jsonl import dumps
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES

RECORD = ".mathreason-site.json"
"""What the last build wrote: a mark for each file, so that nothing else is ever deleted."""
_STAGED = ".mathreason-building"
_FORMAT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What the last build left behind."""

    marks: frozenset[str] = frozenset()
    """The mark of each content that a build gave an address: one a file, two if it was killed."""
    made: str | None = None
    """The time that its first page gives."""
    runs: Mapping[str, str] = field(default_factory=dict)
    """By a run's name in addresses what is known of it whatever its tasks."""


_MAX_RUNS = 10_000
"""Runs of a record, each of which gets pages that lead on."""


def read_record(out: Path) -> Record:
    """Return the record of the last build; an empty one if there is none that can be read."""
    try:
        with opened_parent(out / RECORD, out) as folder:
            descriptor = open_regular(RECORD, os.O_RDONLY, folder)
        with os.fdopen(descriptor, "rb") as stream:
            content = parse_json(stream.read(MAX_DOCUMENT_BYTES + 1))
        return Record(
            marks=frozenset(_recorded(content["files"])),
            made=str(content["made"]),
            runs={
                name: str(known)
                for name, known in itertools.islice(content["runs"].items(), _MAX_RUNS)
                if _is_address(name) and "/" not in name
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Record()


def _recorded(files: object) -> Iterator[str]:
    """Yield the marks of a record; format 1 has lists of digests by address."""
    if isinstance(files, dict):
        for address, digests in files.items():
            yield from (_mark(str(address), str(digest)) for digest in digests)
    elif isinstance(files, list):
        yield from map(str, files)
    else:
        raise TypeError(files)


_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


_OURS = re.compile(r"(?:changes|feed|index|site)[.-].*")
_FOLDERS = ("compare", "data", "model", "run", "task")
"""Where a build puts files: no other is ever deleted, whatever a record says."""


def _is_address(name: str) -> bool:
    """Return whether a name can be that of a page: the record may come from somebody else."""
    return _ADDRESS.fullmatch(name) is not None


_LAST = frozenset(["changes.json", "feed.xml", "index.html"])
"""What is written when everything else is: it says when, and what changed."""
_MADE_BY = b"Made with mathreason-eval"


class SiteFolder:
    """A site that is being built."""

    def __init__(self, out: Path) -> None:
        """Open the folder, which is made if it does not exist.

        Raises:
            RunError: if it cannot be written.
        """
        self.out = out
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._clear_staged()
        except OSError as error:
            raise cannot_write(out, error) from None
        self.record = read_record(out)
        self._digests: dict[str, str] = {}
        self._fresh: list[str] = []
        """Staged addresses at which there is no file yet."""
        self._changed: list[str] = []

    def __contains__(self, address: str) -> bool:
        return address in self._digests

    @property
    def changes(self) -> bool:
        """Return whether anything written so far differs from the last build."""
        return bool(
            self._fresh
            or self._changed
            or any(address not in _LAST for address in self._no_longer_written())
        )

    def write(self, address: str, content: bytes) -> bool:
        """Stage a file if it is not what lies there already; return whether it is staged.

        Raises:
            ValueError: if no page can have that address.
        """
        if not _is_address(address):
            raise ValueError(f"{address!r} is no address of a page")
        self._digests[address] = _digest(content)
        held = self._held(address)
        if held == content:
            return False
        replace_file(
            self.out / _STAGED / address, content, within=self.out / _STAGED, durable=False
        )
        (self._fresh if held is None else self._changed).append(address)
        return True

    def read(self, address: str) -> bytes | None:
        """Return the content of a file that an earlier build may have written; None if none is."""
        return self._held(address)

    def holds(self, address: str, content: bytes) -> bool:
        """Return whether a file of the folder has that content."""
        return self._held(address) == content

    def is_free(self, address: str) -> bool:
        """Return whether nothing lies at an address, or what an earlier build wrote there.

        Version 0.1.0 kept no record, and its pages say what made them.
        """
        held = self._held(address)
        return held is None or self._is_recorded(address, held) or _MADE_BY in held

    def pages_below(self, name: str) -> list[str]:
        """Return the addresses of the pages that lie in a folder of the site."""
        inner = self.out / name
        if not _is_address(name) or inner.is_symlink() or not inner.is_dir():
            return []
        return sorted(f"{name}/{one.name}" for one in inner.glob("*.html") if _is_address(one.name))

    def finish(self, made: str, runs: Mapping[str, str]) -> None:
        """Move what is staged to its place, and delete what is no longer written.

        Args:
            made: the time that the first page gives.
            runs: as `Record.runs`.
        """
        new = frozenset(_mark(address, digest) for address, digest in self._digests.items())
        final = Record(marks=new, made=made, runs=runs)
        if self.changes or self.record != final:
            # A build that is killed from here on has both versions on record.
            self._write_record(replace(final, marks=self.record.marks | new))
            for address in [*self._fresh, *self._changed]:
                self._move(address)
            for address in [*self._no_longer_written()]:
                self._delete(address)
            self._write_record(final)
        self._clear_staged()

    def _no_longer_written(self) -> Iterator[str]:
        """Yield each file that an earlier build wrote and this one does not.

        A file that somebody changed has another mark, and is kept.
        """
        for address in self._present():
            if address not in self._digests and (self.out / address).is_file():
                held = self._held(address)
                if held is not None and self._is_recorded(address, held):
                    yield address

    def _present(self) -> Iterator[str]:
        """Yield the addresses of the files where a build puts them, in order."""
        top = [one.name for one in self.out.iterdir() if _OURS.fullmatch(one.name)]
        yield from (name for name in sorted(top) if _is_address(name))
        for folder in _FOLDERS:
            for parent, folders, names in os.walk(self.out / folder):
                folders.sort()
                inner = Path(parent).relative_to(self.out).as_posix()
                addresses = (f"{inner}/{name}" for name in sorted(names))
                yield from filter(_is_address, addresses)

    def _is_recorded(self, address: str, content: bytes) -> bool:
        return _mark(address, _digest(content)) in self.record.marks

    def _write_record(self, record: Record) -> None:
        content: dict[str, Any] = {
            "format": _FORMAT,
            "made": record.made,
            "runs": dict(record.runs),
            "files": sorted(record.marks),
        }
        # A line a mark, so that versions of a site that is kept in git differ by few lines.
        text = dumps(content, indent=0).encode() + b"\n"
        replace_file(self.out / RECORD, text, within=self.out, durable=False)

    def _held(self, address: str) -> bytes | None:
        """Return the content of a file of the folder; None if there is none of ours to keep."""
        path = self.out / address
        try:
            with opened_parent(path, self.out) as folder:
                descriptor = open_regular(path.name, os.O_RDONLY, folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            if path.parent.is_dir() and path.is_symlink():
                # A link is replaced itself, as by any program that replaces files.
                return None
            raise cannot_write(path, error) from None
        with os.fdopen(descriptor, "rb") as stream:
            return stream.read()

    def _move(self, address: str) -> None:
        staged, path = self.out / _STAGED / address, self.out / address
        try:
            with opened_parent(staged, self.out) as source, opened_parent(path, self.out) as target:
                os.replace(path.name, path.name, src_dir_fd=source, dst_dir_fd=target)
        except OSError as error:
            raise cannot_write(path, error) from None

    def _delete(self, address: str) -> None:
        """Delete a file, and its folders where it was the last one."""
        path = self.out / address
        with opened_parent(path, self.out) as folder:
            os.unlink(path.name, dir_fd=folder)
        for parent in _folders(address):
            with contextlib.suppress(OSError):
                (self.out / parent).rmdir()

    def _clear_staged(self) -> None:
        staged = self.out / _STAGED
        if staged.is_symlink():
            staged.unlink()
        elif staged.is_dir():
            shutil.rmtree(staged)
        staged.mkdir()

    def close(self) -> None:
        """Delete what is staged."""
        shutil.rmtree(self.out / _STAGED, ignore_errors=True)


def _folders(address: str) -> Iterator[str]:
    """Yield the folders of an address, the innermost first."""
    while "/" in address:
        address = address.rpartition("/")[0]
        yield address


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


_MARK_BYTES = 9
"""Of a mark: nobody changes a page to another one of the same mark by chance."""


def _mark(address: str, digest: str) -> str:
    """Return a short digest of an address and of the digest of what lies there."""
    spelled = f"{address}\n{digest}".encode("utf-8", "surrogatepass")
    return b64encode(sha256(spelled).digest()[:_MARK_BYTES]).decode()
