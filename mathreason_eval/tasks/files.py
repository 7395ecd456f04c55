"""Files of a task's folder, which may come from somebody else: plain files that lie in it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath


def is_within(name: str) -> bool:
    """Return whether a name, taken from a folder, stays in it, whatever links there are."""
    path = PurePosixPath(name)
    return "\0" not in name and not path.is_absolute() and ".." not in path.parts


def inside(folder: Path, name: str) -> str:
    """Return the name of a file if it is one in the folder, not a link out of it.

    Raises:
        ValueError: if it is not.
    """
    root = folder.resolve()
    if not is_within(name) or not (root / name).resolve().is_relative_to(root):
        raise ValueError(f"the file {name} is not in the task's folder")
    # Nor a pipe, which would be waited for.
    if not _is_file(root / name):
        raise ValueError(f"there is no file {name} in the task's folder")
    return name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # A name that no file can have, such as one of a thousand characters.
        return False
