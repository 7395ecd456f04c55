"""Whether a run can be written to a folder, which stays as it is."""

from __future__ import annotations

import os
import tempfile
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
    if place != folder:
        _try_making(folder, place)
        return
    check_contents(folder)
    if (folder / LOCK).is_file():
        try:
            FolderLock(folder).release()
        except OSError as error:
            raise cannot_write(folder, error) from None


def _try_making(folder: Path, place: Path) -> None:
    """Make and remove a folder where one is to be made: some places only say then that none can be.

    Raises:
        RunError: none can.
    """
    try:
        Path(tempfile.mkdtemp(prefix=".mathreason-", dir=place)).rmdir()
    except OSError as error:
        raise cannot_write(folder, error) from None
