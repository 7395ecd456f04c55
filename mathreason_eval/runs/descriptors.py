"""Names below a folder, opened one by one from its descriptor, so that no link leads elsewhere.

The folder itself may be reached through links, which its user made. What is in it may come from
somebody else: a link, a device or a pipe there is an error, and nothing is read or written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, opening a pipe waits for who reads it."""


@contextlib.contextmanager
def opened_parent(path: Path, within: Path, *, make: bool = True) -> Iterator[int]:
    """Yield a descriptor of the folder that contains a file.

    Args:
        path: the file.
        within: the folder that the user chose, from which on no link is followed. It is there:
            one that was moved away is not made again.
        make: whether folders below `within` are made.

    Raises:
        OSError: if it cannot be opened, or a name on the way is a link or no folder.
    """
    below = path.relative_to(within)
    if ".." in below.parts:
        raise OSError(errno.EINVAL, f"it is not below {within}")
    descriptor = os.open(within, _FOLDER)
    try:
        for name in below.parent.parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, _mode_in(descriptor, 0o777), dir_fd=descriptor)
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened_stored(path: Path, within: Path) -> Iterator[BinaryIO]:
    """Yield an open file of a folder, to be read; what became a link just now is not followed.

    Args:
        path: the file.
        within: the folder that the user chose.

    Raises:
        OSError: as `opened_parent` and `open_regular`.
    """
    with opened_parent(path, within, make=False) as folder:
        descriptor = open_regular(path.name, os.O_RDONLY, folder)
    with os.fdopen(descriptor, "rb") as file:
        yield file


def open_regular(name: str | Path, flags: int, folder: int | None = None) -> int:
    """Return a descriptor of a regular file; it is made if `flags` has O_CREAT.

    Raises:
        OSError: if it cannot be opened, or is a link, a device or a pipe; or if it is to be written
            and has a second name, by which it may be a file of somebody else.
    """
    mode = 0o666 if folder is None else _mode_in(folder, 0o666)
    descriptor = os.open(name, flags | _FILE, mode, dir_fd=folder)
    try:
        check_opened(descriptor, writing=bool(flags & (os.O_WRONLY | os.O_RDWR)))
    except OSError:
        os.close(descriptor)
        raise
    os.set_blocking(descriptor, True)
    return descriptor


def open_named(path: Path) -> int:
    """Return a descriptor of a file that the user named, to read it; links are followed.

    A pipe that nobody writes to is empty, where opening it would wait for ever.

    Raises:
        OSError: if it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(descriptor, True)
    return descriptor


def check_opened(descriptor: int, *, writing: bool) -> None:
    """Check that an open file is a regular one, with one name if it is to be written.

    Raises:
        OSError: if it is not.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if writing and status.st_nlink > 1:
        raise OSError(errno.EMLINK, "it has another name as well, by a hard link")


def _mode_in(folder: int, mode: int) -> int:
    """Return the mode of what is made in a folder: for nobody whom the folder shuts out.

    So it stays its owner's alone when it is moved, or when the folder is opened to others.
    """
    return mode & (stat.S_IMODE(os.fstat(folder).st_mode) | stat.S_IRWXU)


def create_beside(name: str, folder: int) -> tuple[int, str]:
    """Make a file of a new random name, which begins with another's; return descriptor and name.

    Raises:
        OSError: if it cannot be made.
    """
    fresh = f"{name}.{secrets.token_hex(8)}.new"
    return open_regular(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, folder), fresh
