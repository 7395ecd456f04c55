"""Logs as runs without a command of their own: imported once, into a cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.grade.judge import GRADER_VERSION
from mathreason_eval.pipeline.importers.combined import ImportedLogs, LogOptions, import_logs
from mathreason_eval.pipeline.importers.recognising import logs_at
from mathreason_eval.runs.store import has_runs
from mathreason_eval.version import __version__


def cache_folder() -> Path:
    """Return the folder of the user's imports: below `XDG_CACHE_HOME`, or `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME")
    base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".cache"
    return base / "mathreason-eval" / "imports"


def runs_at(path: Path, options: LogOptions) -> tuple[Path, ImportedLogs | None]:
    """Return a folder with runs, and what was imported for it just now.

    Args:
        path: a run folder, a folder that contains some, or logs of another program.
        options: how logs are imported.

    Returns:
        The path itself, unless it is logs: then the folder in the cache that has the runs made of
        them, and, the first time, the notes on them.

    Raises:
        DataError: if it is logs that cannot be read.
        RunError: if the cache cannot be written.
    """
    if not path.exists() or has_runs(path):
        return path, None
    files = logs_at(path)
    if not files:
        return path, None
    folder = cache_folder() / _digest(path, files, options)
    if os.path.lexists(folder):
        _check_own(folder.parent)
        _check_own(folder)
        return folder, None
    return folder, _import_into(folder, path, options)


def _check_own(folder: Path) -> None:
    """Check that a folder of the cache is one that nobody else may have filled.

    Raises:
        RunError: if it is a link, or of another user, or others may write to it.
    """
    status = folder.lstat()
    of_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    if not of_ours or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RunError(
            f"{folder} is no folder that you alone can write to, so its runs are not believed.",
            "Delete it, and see who may write to its folder.",
        )


def _digest(path: Path, files: tuple[Path, ...], options: LogOptions) -> str:
    """Return a digest of all that the runs depend on: contents, settings and our version."""
    settings = (options.task, options.model, dict(options.data), options.grading[1])
    spelled = f"{__version__} {GRADER_VERSION} {path.resolve().name} {settings}"
    digest = hashlib.sha256(spelled.encode("utf-8", "surrogatepass"))
    for file in sorted({*files, *_data_files(options)}):
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").digest()
        # Where a file is may say of which model and task it is.
        place = os.path.relpath(file.resolve(), path.resolve())
        digest.update(os.fsencode(place) + b"\0" + content)
    return digest.hexdigest()[:32]


def _data_files(options: LogOptions) -> set[Path]:
    named = {Path(one).expanduser() for sources in options.data.values() for one in sources}
    return {one for one in named if one.is_file()}


_MAKING = "making-"
_ABANDONED_SECONDS = 86_400.0


def _sweep(cache: Path) -> None:
    """Delete what imports left that were killed a day ago or earlier."""
    for one in cache.glob(f"{_MAKING}*"):
        with contextlib.suppress(OSError):
            if time.time() - one.lstat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(one)


def _import_into(folder: Path, path: Path, options: LogOptions) -> ImportedLogs:
    """Import logs into a folder that is there as a whole or not at all."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_own(folder.parent)
        _sweep(folder.parent)
        making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=folder.parent))
    except OSError as error:
        raise RunError(
            f"The cache {folder.parent} cannot be written: {error.strerror}.",
            "Set XDG_CACHE_HOME, or import the logs yourself: mathreason import PATH… -o DIR.",
        ) from None
    try:
        done = import_logs([path], making, options)
        # Whoever was faster has made the same.
        if not folder.is_dir():
            making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return done
