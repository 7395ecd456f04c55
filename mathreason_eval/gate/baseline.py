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
from typing import IO, cast

from mathreason_eval.errors import RunError
from mathreason_eval.runs.store import Run, find_run

_GIT = "git:"


@contextmanager
def open_baseline(address: str) -> Iterator[Run]:
    """Yield the run at an address; what was extracted for it is deleted afterwards.

    Args:
        address: a run folder, a `.tar.gz`, `.tar` or `.zip` of one, or `git:REF:PATH` for a folder
            or such an archive in a commit of the current repository.

    Raises:
        RunError: if there is nothing there, it holds no run or more than one, or it is not safe to
            extract.
    """
    with tempfile.TemporaryDirectory(prefix="mathreason-baseline-") as directory:
        path = Path(address)
        if address.startswith(_GIT):
            path = _from_git(address, Path(directory) / "git")
        elif not path.exists():
            raise RunError(
                f"There is no baseline {address}.",
                "Name a run folder, a .tar.gz or .zip of one, or git:REF:PATH.",
            )
        if path.is_file():
            path = _extract(path, Path(directory) / "run")
        try:
            run = find_run(path)
        except RunError as error:
            # The path of a temporary directory tells a user nothing.
            what = error.what.replace(str(path), address)
            raise RunError(what, error.hint) from None
        yield run


# --- git -------------------------------------------------------------------------------------


def _from_git(address: str, directory: Path) -> Path:
    """Write the folder or file that a commit holds into `directory`, and return its path."""
    reference, colon, path = address.removeprefix(_GIT).partition(":")
    if not (reference and colon and path):
        raise RunError(
            f"{address!r} is not git:REF:PATH.", "For example git:main:baselines/small-model."
        )
    directory.mkdir()
    output = directory / "output"
    # Resolved first: what begins with a hyphen, or does not exist, never reaches another command.
    _git(output, "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}")
    # Relative to the current folder, as every other path of the command line.
    name = f"{output.read_text().strip()}:./{path}"
    _git(output, "cat-file", "-t", name)
    if output.read_text().strip() == "blob":
        (directory / "blob").mkdir()
        file = directory / "blob" / PurePosixPath(path).name
        _git(file, "cat-file", "blob", name)
        return file
    _git(directory / "tree.tar", "archive", "--format=tar", name)
    return _extract(directory / "tree.tar", directory / "tree")


def _git(output: Path, *arguments: str) -> None:
    """Run git, with its standard output in a file."""
    try:
        with output.open("wb") as out:
            done = subprocess.run(  # noqa: S603  no shell, and no argument of a user is an option
                ["git", *arguments],  # noqa: S607  the user's own git
                stdout=out,
                stderr=subprocess.PIPE,
                check=False,
            )
    except FileNotFoundError:
        raise RunError("There is no git to ask for the baseline.", "Name a folder.") from None
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise RunError(
            f"git does not find the baseline: {message.removeprefix('fatal: ')}",
            "In a CI, check out the whole history (fetch-depth: 0).",
        )


# --- archives --------------------------------------------------------------------------------

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_ZIP_SUFFIX = ".zip"


def _extract(archive: Path, directory: Path) -> Path:
    """Extract an archive into `directory`, and return it; reject members that would escape it."""
    directory.mkdir()
    try:
        if archive.name.endswith(_ZIP_SUFFIX):
            with zipfile.ZipFile(archive) as opened:
                _write(_zip_members(opened), directory)
        elif archive.name.endswith(_TAR_SUFFIXES):
            with tarfile.open(archive) as opened_tar:
                _write(_tar_members(opened_tar), directory)
        else:
            raise RunError(
                f"{archive} is no folder, and no archive by its name.",
                f"Known are {', '.join((*_TAR_SUFFIXES, _ZIP_SUFFIX))}.",
            )
    # What the libraries raise on damaged, encrypted or unknown kinds of archives.
    except (
        *(tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
        *(RuntimeError, NotImplementedError),
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RunError(f"{archive} cannot be unpacked: {reason}.", "Is it complete?") from None
    return directory


_Member = tuple[str, IO[bytes] | None]
"""(name, content); no content for a folder."""


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for member in archive:
        if member.isdir():
            yield member.name, None
        elif member.isreg():
            yield member.name, cast("IO[bytes]", archive.extractfile(member))
        else:
            raise _unsafe(member.name, "is a link or a device")


_REGULAR = (0, 8)
"""File types of a zip's members: an archive made on another system than Unix has 0."""


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for member in archive.infolist():
        if member.is_dir():
            yield member.filename, None
        elif member.external_attr >> 28 in _REGULAR:
            with archive.open(member) as content:
                yield member.filename, content
        else:
            raise _unsafe(member.filename, "is a link or a device")


_MAX_MEMBERS = 2_000
_MAX_BYTES = 8 << 30
"""An archive of a few kilobytes may expand to terabytes; no run is as large as this."""
_BLOCK = 1 << 20


def _write(members: Iterable[_Member], directory: Path) -> None:
    """Write members below a directory; their declared size, owner and mode are ignored."""
    left = _MAX_BYTES
    for number, (name, content) in enumerate(members, 1):
        if number > _MAX_MEMBERS:
            raise _unsafe(name, f"is one of more than {_MAX_MEMBERS:,}")
        path = directory / _relative_path(name)
        (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
        if content is None:
            continue
        with path.open("wb") as out:
            while block := content.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise _unsafe(name, f"goes beyond {_MAX_BYTES >> 30} GiB")
                out.write(block)


def _relative_path(name: str) -> PurePosixPath:
    """Return a member's path below the directory it is extracted into."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        raise _unsafe(name, "leads out of the archive")
    return path


def _unsafe(name: str, reason: str) -> RunError:
    return RunError(
        f"The baseline's archive is not safe to unpack: {name[:80]!r} {reason}.",
        "Make it anew: tar -czf baseline.tar.gz RUN.",
    )
