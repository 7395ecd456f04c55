"""A folder for what is unpacked, which outlives no process for long, however that ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "mathreason-baseline-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield an empty folder, deleted afterwards.

    No program can delete anything after `kill -9`. So a folder is locked as long as its process
    lives, and those that nobody holds are deleted here first.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _delete_if_left(left)
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Before it is locked, another process may take it for one that is left.
        with suppress(FileNotFoundError):
            lock = _opened(folder)
            # Where the file system has no locks, nobody deletes it.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _delete_if_left(folder: Path) -> None:
    """Delete a folder of this user that no living process holds."""
    with suppress(OSError):
        lock = _opened(folder)
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
