"""Files that survive a kill or a power cut: locks, appended lines, atomic replacement.

An appended line is written at once, so it survives a kill of this process, and is
synced to the disk within a second, so that a power cut loses no more than that. A replaced file is
synced before it takes the old one's name, and its folder after.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import platform
import secrets
import stat
import sys
import threading
import time
from collections.abc import Iterable
from io import FileIO
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.runs.descriptors import (
    check_opened,
    create_beside,
    open_regular,
    opened_parent,
)

SYNC_SECONDS = 1.0
"""The longest time between an appended line and its sync to the disk."""

LOCK = ".lock"
_OWNER = ".lock.owner"
_LONGEST_OWNER = 1_000
"""Bytes that are read of the file that names a process."""

_UNSUPPORTED = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOTTY}
)
"""Error numbers of file systems that do not support an operation."""
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def cannot_write(path: Path, error: OSError) -> RunError:
    """Return the error of a file that cannot be written."""
    reason = (
        "it is a link, which is not followed"
        if error.errno == errno.ELOOP
        else (error.strerror or str(error))
    )
    hint = (
        "Free some space and run the same command: it continues where it stopped."
        if error.errno in _NO_SPACE
        else "Choose another -o, or make it writable and run the same command."
    )
    return RunError(f"{path} cannot be written: {reason}.", hint)


def is_same_file(path: Path, opened: int) -> bool:
    """Return whether a path is still that of an open file, which may have been moved or deleted."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(opened))  # noqa: PTH116  half the time
    except FileNotFoundError:
        return False


CHECK_SECONDS = 0.1
"""Minimum seconds between two looks at where a file is: with one before each of ten thousand lines
a second, a run's time would go into them. A file is looked at once more when it is closed."""


class Interval:
    """Tells when something is due that need not be done each time."""

    def __init__(self) -> None:
        self._next = 0.0

    def is_due(self) -> bool:
        """Return whether it is due, which it then is no more for `CHECK_SECONDS`."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + CHECK_SECONDS
        return True


def gone(path: Path) -> RunError:
    """Return the error of a file or folder that was taken away from the process that writes it."""
    return RunError(
        f"{path} was moved, deleted or replaced while this command was writing to it.",
        "Move it back, if it is somewhere else, and run the same command: it asks again what is "
        "not in it.",
    )


# --- one writer at a time --------------------------------------------------------------------


class FolderLock:
    """The right to write to a folder, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            RunError: if another process holds it.
            OSError: if the folder cannot be written.
        """
        self._owner: Path | None = None
        self._path = folder / LOCK
        with opened_parent(self._path, folder) as inside:
            # Neither truncated nor followed: it may be a file, or a link, of somebody else.
            self._file = os.fdopen(open_regular(LOCK, os.O_RDWR | os.O_CREAT, inside), "rb+")
        try:
            # The system releases the lock when the process ends: no stale lock after a kill.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise RunError(
                f"Another process is writing to {folder}.", "Wait for it, or choose another -o."
            ) from None
        except OSError as error:
            try:
                if error.errno not in _UNSUPPORTED:
                    raise
                self._owner = _own(folder / _OWNER)
            except BaseException:
                self._file.close()
                raise

    def is_held(self) -> bool:
        """Return whether the folder is still the one that was locked, with the file of the lock."""
        return is_same_file(self._path, self._file.fileno())

    def release(self) -> None:
        """Release the lock."""
        if self._owner is not None:
            self._owner.unlink(missing_ok=True)
        self._file.close()


def _own(path: Path) -> Path:
    """Write a file that names this process, on a file system without locks.

    One that a killed process of this machine left behind is replaced.

    Raises:
        RunError: if a process holds it, or may hold it.
    """
    mine = json.dumps(_identity(os.getpid()), sort_keys=True)
    for _ in range(2):
        with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
            file.write(mine)
            return path
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            held = file.read(_LONGEST_OWNER).decode(errors="replace")
        if not _left_behind(held):
            break
        # Of two processes that find it, only one can move it away.
        aside = path.with_name(f"{_OWNER}.{secrets.token_hex(8)}")
        with contextlib.suppress(FileNotFoundError):
            path.rename(aside)
            aside.unlink()
    raise RunError(
        f"{path.parent} is on a file system without locks, and {path.name} says that a process "
        f"is writing to it: {' '.join(held.split()) or 'unknown'}.",
        f"Wait for it; if it is gone, delete {path}.",
    )


def _identity(process: int) -> dict[str, object]:
    """Return what identifies a process: a process id is unique only within its namespace."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = ""
    return {"host": platform.node(), "process": process, "space": space}


def _left_behind(held: str) -> bool:
    """Return whether the process that wrote this is known to have ended."""
    try:
        owner = json.loads(held)
        if owner == _identity(owner["process"]):
            os.kill(owner["process"], 0)
    except ProcessLookupError:
        return True
    except (ValueError, TypeError, KeyError, OSError):
        return False
    return False


# --- appended lines --------------------------------------------------------------------------


class Appender:
    """A file of lines to append to, synced in groups by a thread of its own."""

    def __init__(self, path: Path, within: Path | None = None) -> None:
        """Open it, or make it, and cut off a torn last line.

        Args:
            path: the file.
            within: the folder from which on no link is followed; None for the file's own.

        Raises:
            OSError: if it cannot be opened.
        """
        self._path = path
        with opened_parent(path, within or path.parent) as folder:
            opened = open_regular(path.name, os.O_RDWR | os.O_APPEND | os.O_CREAT, folder)
            # Unbuffered: the operating system has an appended line, which survives this process.
            self._stream = FileIO(opened, "a+b")
            size = self._stream.seek(0, os.SEEK_END)
            if size > (end := _end_of_last_line(self._stream, size)):
                self._stream.truncate(end)
            _sync_names(folder)
        self._place = Interval()
        self._error: OSError | None = None
        self._unsynced = threading.Event()
        self._closing = threading.Event()
        # A thread, so that no sample waits for the disk and the last one is synced in time too.
        self._thread = threading.Thread(target=self._sync_in_groups, name="sync", daemon=True)
        self._thread.start()

    def append(self, lines: bytes) -> None:
        """Append a line, or several, with one call to the system.

        Raises:
            OSError: if the disk does not take it, or did not take an earlier one.
            RunError: if the file was moved or deleted.
        """
        if self._error is not None:
            raise self._error
        if self._place.is_due() and not is_same_file(self._path, self._stream.fileno()):
            raise gone(self._path)
        if self._stream.write(lines) < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if not self._unsynced.is_set():
            self._unsynced.set()

    def close(self) -> None:
        """Sync what is left and close the file.

        Raises:
            OSError: if the disk does not take it.
            RunError: if the file was moved or deleted.
        """
        if self._stream.closed:
            return
        self._closing.set()
        self._unsynced.set()
        self._thread.join()
        is_there = is_same_file(self._path, self._stream.fileno())
        self._stream.close()
        if self._error is not None:
            raise self._error
        if not is_there:
            raise gone(self._path)

    def _sync_in_groups(self) -> None:
        closing = False
        while not closing:
            self._unsynced.wait()
            self._unsynced.clear()
            # Read before the sync: what is appended before `close` is then included.
            closing = self._closing.is_set()
            try:
                sync(self._stream.fileno())
            except OSError as error:
                self._error = error
                return
            self._closing.wait(SYNC_SECONDS)


def _end_of_last_line(stream: FileIO, size: int) -> int:
    """Return the position after the last line feed in a file of this size, or 0."""
    # Backwards, block by block: the file may have many gigabytes.
    end = size
    while end > 0:
        start = max(0, end - (1 << 16))
        stream.seek(start)
        newline = (stream.read(end - start) or b"").rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


# --- whole files -----------------------------------------------------------------------------


def replace_file(
    path: Path,
    content: bytes | Iterable[bytes],
    *,
    within: Path | None = None,
    durable: bool = True,
) -> None:
    """Replace a file by a new one, or leave it unchanged. A link of its name is replaced itself.

    Args:
        path: the file.
        content: all of it, or in pieces, which are written one by one.
        within: the folder from which on no link is followed; None for the file's own.
        durable: whether it must survive a power cut.

    Raises:
        RunError: if it cannot be written.
    """
    try:
        with opened_parent(path, within or path.parent) as folder:
            descriptor, fresh = create_beside(path.name, folder)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.writelines((content,) if isinstance(content, bytes) else content)
                    stream.flush()
                    if durable:
                        sync(stream.fileno())
                os.replace(fresh, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(fresh, dir_fd=folder)
                raise
            if durable:
                _sync_names(folder)
    except OSError as error:
        raise cannot_write(path, error) from None


def write_below(path: Path, content: bytes, within: Path) -> None:
    """Write a file below a folder that a user named, with the folders on the way.

    No link on the way is followed, and what else has the file's name keeps its content.

    Raises:
        RunError: if it cannot be written.
    """
    try:
        within.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(within, error) from None
    replace_file(path, content, within=within, durable=False)


def write_named(path: Path, content: bytes, *, append: bool = False) -> None:
    """Write a file that a user named, with its folder, or append to it; a link is not followed.

    A device, such as /dev/stdout, or a pipe that is read is written to as well: the user named it.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The links in /dev are the system's own.
    follow = 0 if path.parent == Path("/dev") else os.O_NOFOLLOW
    # Opening a pipe that nobody reads would wait for ever.
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    flags |= os.O_APPEND if append else 0
    with os.fdopen(os.open(path, flags | follow, 0o666), "wb") as out:
        os.set_blocking(out.fileno(), True)
        if stat.S_ISREG(os.fstat(out.fileno()).st_mode):
            check_opened(out.fileno(), writing=True)
            # Not while it was opened: what is another's is left as it is.
            if not append:
                out.truncate()
        out.write(content)


def sync(file: int) -> None:
    """Return after everything written to an open file is on the disk.

    Raises:
        OSError: if it does not take it.
    """
    os.fsync(file)
    if sys.platform == "darwin":
        # On macOS, fsync leaves data in the disk's own cache.
        with contextlib.suppress(OSError):
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)


def sync_folder(folder: Path) -> None:
    """Return after the names in a folder are on the disk, where the file system supports that."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync_names(opened)
    finally:
        os.close(opened)


def _sync_names(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
