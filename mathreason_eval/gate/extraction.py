"""Members of archives and commits, written below a directory and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from mathreason_eval.errors import RunError
from mathreason_eval.text.limits import check_expansion

Member = tuple[str, IO[bytes] | None]
"""(name, content); no content for a folder."""

MAX_MEMBERS = 2_000
MAX_DEPTH = 16
"""Folders within each other; those of a run are three."""
MAX_BYTES = 8 << 30
"""An archive of a few kilobytes may expand to terabytes; no run is as large as this."""
_BLOCK = 1 << 20


def write_members(
    members: Iterable[Member], directory: Path, compressed: Callable[[], int] | None = None
) -> None:
    """Write members below a directory; their declared size, owner and mode are ignored.

    Args:
        members: to be written as they come.
        directory: an empty folder.
        compressed: returns how many bytes of an archive were read so far; None if there is none.

    Raises:
        RunError: if a name leads out of the directory or is there twice, or there are too many or
            too large ones.
        ValueError: if the archive expands to more than any run does.
    """
    left = MAX_BYTES
    for number, (name, content) in enumerate(members, 1):
        if number > MAX_MEMBERS:
            raise too_many(name)
        path = directory / _relative_path(name)
        (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
        if content is None:
            continue
        if path.exists():
            raise unsafe(name, "is there twice")
        with path.open("xb") as out:
            while block := content.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise too_large(name)
                if compressed is not None:
                    check_expansion(MAX_BYTES - left, compressed())
                out.write(block)


def _relative_path(name: str) -> PurePosixPath:
    """Return a member's path below the directory it is extracted into."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        raise unsafe(name, "leads out of the archive")
    if len(path.parts) > MAX_DEPTH:
        raise unsafe(name, f"is more than {MAX_DEPTH} folders deep")
    return path


def too_many(name: str) -> RunError:
    """Return the error of a member beyond the largest number of them."""
    return unsafe(name, f"is one of more than {MAX_MEMBERS:,}")


def too_large(name: str) -> RunError:
    """Return the error of a member with which all together are too large."""
    return unsafe(name, f"goes beyond {MAX_BYTES >> 30} GiB")


def unsafe(name: str, reason: str) -> RunError:
    """Return the error of a member that is not written."""
    return RunError(
        f"The baseline is not safe to unpack: {name[:80]!r} {reason}.",
        "Make it anew: tar -czf baseline.tar.gz RUN.",
    )
