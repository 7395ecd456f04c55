"""Where a baseline is kept: a folder, an archive, or a commit of a git repository."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from mathreason_eval.errors import RunError
from mathreason_eval.runs.store import Run, find_run

_GIT = "git:"
_TARS = (".tar.gz", ".tgz", ".tar")
_ZIP = ".zip"

_MOST_MEMBERS = 2_000
_MOST_BYTES = 8 << 30
"""An archive that holds more is none of a run: a few kilobytes may claim to be terabytes."""
_BLOCK = 1 << 20

_Member = tuple[str, IO[bytes] | None]
"""(name, content); no content for a folder."""


@contextmanager
def open_baseline(address: str) -> Iterator[Run]:
    """Yield the run at an address; what was unpacked for it is deleted afterwards.

    Args:
        address: a run folder, a `.tar.gz`, `.tar` or `.zip` of one, or `git:REF:PATH` for a folder
            or such an archive as it stands in a commit of the repository at hand.

    Raises:
        RunError: if there is nothing there, it holds no run or more than one, or it is not safe to
            unpack.
    """
    with tempfile.TemporaryDirectory(prefix="mathreason-baseline-") as room:
        found = Path(address)
        if address.startswith(_GIT):
            found = _from_git(address, Path(room) / "git")
        elif not found.exists():
            raise RunError(
                f"There is no baseline {address}.",
                "Name a run folder, a .tar.gz or .zip of one, or git:REF:PATH.",
            )
        if found.is_file():
            found = _unpacked(found, Path(room) / "run")
        try:
            run = find_run(found)
        except RunError as error:
            # The path of what was unpacked tells nobody anything.
            what = error.what.replace(str(found), address)
            raise RunError(what, error.hint) from None
        yield run


# --- git -------------------------------------------------------------------------------------


def _from_git(address: str, room: Path) -> Path:
    """Return the folder or file that a commit holds, written into a room."""
    reference, colon, path = address.removeprefix(_GIT).partition(":")
    if not (reference and colon and path):
        raise RunError(
            f"{address!r} is not git:REF:PATH.", "For example git:main:baselines/small-model."
        )
    # Resolved first: what begins with a hyphen, or does not exist, never reaches another command.
    commit = _git("rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}")
    name = commit.decode().strip()
    # Relative to where the user stands, as every other path of the command line.
    kind = _git("cat-file", "-t", f"{name}:./{path}").strip()
    room.mkdir()
    if kind == b"blob":
        _git_into(room / PurePosixPath(path).name, "cat-file", "blob", f"{name}:./{path}")
        return room / PurePosixPath(path).name
    _git_into(room / "tree.tar", "archive", "--format=tar", f"{name}:./{path}")
    return _unpacked(room / "tree.tar", room / "tree")


def _git(*words: str) -> bytes:
    with tempfile.TemporaryFile() as out:
        _run_git(out, *words)
        out.seek(0)
        return out.read()


def _git_into(file: Path, *words: str) -> None:
    with file.open("wb") as out:
        _run_git(out, *words)


def _run_git(out: BinaryIO | IO[bytes], *words: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603  no shell, and no word of it is an option
            ["git", *words],  # noqa: S607  the user's own git
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
    except FileNotFoundError:
        raise RunError("There is no git to ask for the baseline.", "Name a folder.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise RunError(
            f"git does not find the baseline: {said.removeprefix('fatal: ')}",
            "In a CI, check out the whole history (fetch-depth: 0).",
        )


# --- archives --------------------------------------------------------------------------------


def _unpacked(archive: Path, room: Path) -> Path:
    """Return a room with what an archive holds, and nothing of it anywhere else."""
    room.mkdir()
    try:
        if archive.name.endswith(_ZIP):
            with zipfile.ZipFile(archive) as held:
                _write(_zip_members(held), room)
        elif archive.name.endswith(_TARS):
            with tarfile.open(archive) as held_tar:
                _write(_tar_members(held_tar), room)
        else:
            raise RunError(
                f"{archive} is no folder, and no archive by its name.",
                f"Known are {', '.join((*_TARS, _ZIP))}.",
            )
    # What the libraries raise on damaged, encrypted or unknown kinds of archives.
    except (
        *(tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
        *(RuntimeError, NotImplementedError),
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RunError(f"{archive} cannot be unpacked: {reason}.", "Is it complete?") from None
    return room


def _tar_members(held: tarfile.TarFile) -> Iterator[_Member]:
    for member in held:
        if member.isdir():
            yield member.name, None
        elif member.isreg():
            yield member.name, cast("IO[bytes]", held.extractfile(member))
        else:
            raise _unsafe(member.name, "is a link or a device")


def _zip_members(held: zipfile.ZipFile) -> Iterator[_Member]:
    for member in held.infolist():
        kind = member.external_attr >> 28
        if member.is_dir():
            yield member.filename, None
        elif kind in (0, 8):
            # 8 is a regular file; an archive made on another system says nothing.
            with held.open(member) as content:
                yield member.filename, content
        else:
            raise _unsafe(member.filename, "is a link or a device")


def _write(members: Iterable[_Member], room: Path) -> None:
    """Write members below a room; nothing they say of size, owner or mode is believed."""
    left = _MOST_BYTES
    for number, (name, content) in enumerate(members, 1):
        if number > _MOST_MEMBERS:
            raise _unsafe(name, f"is one of more than {_MOST_MEMBERS:,}")
        path = room / _safe(name)
        (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
        if content is None:
            continue
        with path.open("wb") as out:
            while block := content.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise _unsafe(name, f"goes beyond {_MOST_BYTES >> 30} GiB")
                out.write(block)


def _safe(name: str) -> PurePosixPath:
    """Return a member's path, if it stays where it is put."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        raise _unsafe(name, "leads out of the archive")
    return path


def _unsafe(name: str, why: str) -> RunError:
    return RunError(
        f"The baseline's archive is not safe to unpack: {name[:80]!r} {why}.",
        "Make it anew: tar -czf baseline.tar.gz RUN.",
    )
