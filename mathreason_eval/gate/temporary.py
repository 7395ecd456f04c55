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
_MARK = ".made-by-mathreason-eval"
"""The file in a folder that says who made it."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield an empty folder in one of our own, which is deleted afterwards.

    No program can delete anything after `kill -9`. So a folder is locked as long as its process
    lives, and those that nobody holds are deleted here first.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _delete_if_left(left)
    folder, lock = _locked_folder()
    try:
        (content := folder / "content").mkdir()
        yield content
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
                (folder / _MARK).touch()
                return folder, lock
            os.close(lock)


def _delete_if_left(folder: Path) -> None:
    """Delete a folder of this user that a program made and no living process holds.

    Another folder may have such a name.
    """
    with suppress(OSError):
        lock = _opened(folder)
        try:
            os.stat(_MARK, dir_fd=lock, follow_symlinks=False)
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
