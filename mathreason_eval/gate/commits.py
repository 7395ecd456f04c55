"""A folder or a file as it is in a commit: the bytes that the commit holds, and nothing else.

Objects are read, nothing is checked out: no attribute, filter, conversion of line ends or hook of
the repository takes part, and no environment variable of the caller configures git.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from mathreason_eval.environment import child_environment
from mathreason_eval.errors import RunError
from mathreason_eval.gate.extraction import (
    MAX_MEMBERS,
    Member,
    too_many,
    unsafe,
    write_members,
)

PREFIX = "git:"
MAX_COMMIT_BYTES = 256 << 20
"""Bytes of a baseline in a repository, whose hosts take files of 100 MB at most."""
_SHALLOW = "In a CI, check out the whole history (fetch-depth: 0)."


def read_commit(address: str, directory: Path) -> Path:
    """Write the folder or file at `git:REF:PATH` below `directory`, and return where it is.

    PATH is relative to the current folder, as every path of a command line.

    Raises:
        RunError: if there is no such thing in the repository of the current folder, or it holds a
            link or a submodule, or is too large.
    """
    reference, colon, path = address.removeprefix(PREFIX).partition(":")
    if not (reference and colon and path):
        raise RunError(
            f"{address!r} is not git:REF:PATH.", "For example git:main:baselines/small-model."
        )
    # Resolved first: what begins with a hyphen, or does not exist, never reaches another command.
    commit = _resolved(f"{reference}^{{commit}}")
    found = _resolved(f"{commit}:./{path}", f"Is there such a path in {reference}, from here?")
    directory.mkdir()
    if _git("cat-file", "-t", found).strip() == b"tree":
        entries = _entries("-r", "--full-tree", found)
        root = directory
    else:
        name = PurePosixPath(path).name
        # Once more by its path: only a folder's entry says that a file is a link.
        entries = [one._replace(name=name) for one in _entries(commit, "--", path)]
        root = directory / name
    _check(entries)
    try:
        write_members(_contents(entries), directory)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise RunError(f"{address} cannot be unpacked: {reason}.", "Is it a run?") from None
    return root


def _resolved(name: str, hint: str = _SHALLOW) -> str:
    """Return the id of the object that a name stands for; the hint is for one that is not there."""
    return _git("rev-parse", "--verify", "--end-of-options", name, hint=hint).decode().strip()


class _Entry(NamedTuple):
    """One file in a commit."""

    mode: str
    object_id: str
    size: int
    name: str


_FILE_MODES = frozenset({"100644", "100755", "100664"})
_OTHER_MODES = {"120000": "is a link", "160000": "is a submodule"}


def _entries(*what: str) -> list[_Entry]:
    """Return the files that `git ls-tree` lists."""
    entries = []
    for line in _git("ls-tree", "-z", "--long", *what).decode(errors="surrogateescape").split("\0"):
        if line:
            described, _, name = line.partition("\t")
            mode, _, object_id, size = described.split()
            entries.append(_Entry(mode, object_id, int(size) if size.isdigit() else 0, name))
    return entries


def _check(entries: Sequence[_Entry]) -> None:
    """Refuse what is no file, and too much of it, before anything is read."""
    total = 0
    for number, one in enumerate(entries, 1):
        if one.mode not in _FILE_MODES:
            raise unsafe(one.name, _OTHER_MODES.get(one.mode, "is no file"))
        if number > MAX_MEMBERS:
            raise too_many(one.name)
        total += one.size
        # What a commit expands to has nothing to do with its size: it may be a delta.
        if total > MAX_COMMIT_BYTES:
            raise unsafe(one.name, f"goes beyond {MAX_COMMIT_BYTES >> 20} MiB")


def _contents(entries: Sequence[_Entry]) -> Iterator[Member]:
    """Yield the files with their contents, each to be read before the next."""
    with tempfile.TemporaryFile() as asked:
        asked.write("".join(f"{one.object_id}\n" for one in entries).encode())
        asked.seek(0)
        with subprocess.Popen(  # noqa: S603  no shell, and nothing of the user is an argument
            [*_GIT, "cat-file", "--batch"],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        ) as process:
            assert process.stdout is not None
            for one in entries:
                header = process.stdout.readline().split()
                if header[1:] != [b"blob", str(one.size).encode()]:
                    raise RunError(
                        f"git does not find the baseline: {one.name} cannot be read.",
                        "Is the whole history checked out? In a CI, fetch-depth: 0.",
                    )
                content = io.BufferedReader(_Part(process.stdout, one.size))
                yield one.name, content
                process.stdout.read(1)


class _Part(io.RawIOBase):
    """The next bytes of a stream, as a file of its own."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Read some bytes, none after the end of the part."""
        block = self._stream.read(min(len(buffer), self._left))
        buffer[: len(block)] = block
        self._left -= len(block)
        return len(block)


_GIT = (
    *("git", "--no-replace-objects", "--literal-pathspecs", "--no-optional-locks"),
    # A repository may come with a configuration, and a folder with a repository in it.
    *("-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit"),
)


def _environment() -> dict[str, str]:
    """Return git's environment: no configuration, object or repository that a variable names."""
    # A file that is missing from a partial clone is an error, not fetched from a remote, which
    # may be a command; before 2.39.4 git knows only the variable of protocols.
    return child_environment(
        GIT_NO_LAZY_FETCH="1", GIT_TERMINAL_PROMPT="0", LC_ALL="C", GIT_ALLOW_PROTOCOL="none"
    )


def _git(*arguments: str, hint: str = _SHALLOW) -> bytes:
    """Return what git prints."""
    try:
        done = subprocess.run(  # noqa: S603  no shell, and no argument of a user is an option
            [*_GIT, *arguments], capture_output=True, check=False, env=_environment()
        )
    except FileNotFoundError:
        raise RunError("There is no git to ask for the baseline.", "Name a folder.") from None
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise RunError(f"git does not find the baseline: {message.removeprefix('fatal: ')}", hint)
    return done.stdout
