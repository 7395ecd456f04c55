"""Reading a baseline from a folder, an archive, or a commit of a git repository."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.gate.archives import extract
from mathreason_eval.gate.commits import PREFIX, read_commit
from mathreason_eval.gate.temporary import temporary_folder
from mathreason_eval.runs.store import Run, find_run


@contextmanager
def open_baseline(address: str) -> Iterator[Run]:
    """Yield the run at an address; extracted files are deleted afterwards.

    Args:
        address: a run folder, a `.tar.gz`, `.tar` or `.zip` of one, or `git:REF:PATH` for a folder
            or such an archive in a commit of the current repository.

    Raises:
        RunError: if there is nothing at the address, it contains no run or more than one, or it
            is not safe to extract.
    """
    with temporary_folder() as directory:
        path = Path(address)
        if address.startswith(PREFIX):
            path = read_commit(address, directory / "git")
        elif not path.exists():
            raise RunError(
                f"There is no baseline {address}.",
                "Name a run folder, a .tar.gz or .zip of one, or git:REF:PATH.",
            )
        if path.is_file():
            path = extract(path, directory / "run")
        try:
            run = find_run(path)
        except RunError as error:
            # The path of a temporary directory means nothing to a user.
            what = error.what.replace(str(path), address)
            raise RunError(what, error.hint) from None
        yield run
