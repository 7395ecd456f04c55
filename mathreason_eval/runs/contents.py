"""What a run folder may contain: files and folders of whoever made it, and nothing else.

A folder may come from somebody else. A link in it would have its reader read, or overwrite, a file
somewhere else; a pipe or a device would have it wait.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mathreason_eval.errors import RunError

_MAX_ENTRIES = 100_000
"""Files of a run folder; there are six or so a task."""


def check_contents(folder: Path) -> None:
    """Raise an error if a folder contains anything but files and folders of its own owner.

    To be called before anything in the folder is read or written. The folder itself may be a link.

    Raises:
        RunError: it contains a link, a device, a pipe, a socket, or a file of another user, or
            cannot be listed. It names the file.
    """
    if not folder.is_dir():
        return
    try:
        owners = {0, os.geteuid(), folder.stat().st_uid}
        for number, (path, status) in enumerate(_entries(folder)):
            if number == _MAX_ENTRIES:
                raise _refused(folder, path, f"is one of more than {_MAX_ENTRIES:,} files")
            if (why := _fault(status, owners)) is not None:
                raise _refused(folder, path, why)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be read: {error.strerror}.", "Check its permissions and the disk."
        ) from None


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield everything below a folder; no link is followed."""
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # replaced by its writer in the meantime
                    continue
                yield path, status
                if stat.S_ISDIR(status.st_mode):
                    folders.append(path)


_KINDS = (
    (stat.S_ISLNK, "is a link"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


def _fault(status: os.stat_result, owners: set[int]) -> str | None:
    for is_kind, why in _KINDS:
        if is_kind(status.st_mode):
            return why
    if status.st_uid not in owners:
        return f"belongs to another user ({status.st_uid}) than the folder"
    return None


def _refused(folder: Path, path: Path, why: str) -> RunError:
    return RunError(
        f"{folder} is not used: {str(path.relative_to(folder))!r} in it {why}.",
        "A run folder contains plain files of one owner. If you trust this one, copy it: cp -rL.",
    )
