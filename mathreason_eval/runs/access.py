"""Whether a run can be written to a folder, looked at without changing it."""

from __future__ import annotations

import os
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.runs.contents import check_contents
from mathreason_eval.runs.files import LOCK, FolderLock, cannot_write


def check_writable(folder: Path) -> None:
    """Raise an error unless a folder can be made, or written to by this process alone.

    Raises:
        RunError: it is a file, may not be written, or another process is writing to it, or it
            contains links or the like.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise RunError(f"{folder} cannot be made: {place} is a file.", "Choose another -o.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise RunError(
            f"{folder} cannot be written: {place} is read-only to you.", "Choose another -o."
        )
    if place == folder:
        check_contents(folder)
    if place == folder and (folder / LOCK).is_file():
        try:
            FolderLock(folder).release()
        except OSError as error:
            raise cannot_write(folder, error) from None
