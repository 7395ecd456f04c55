"""Repair of a damaged run folder: what cannot be read is moved to another file, never deleted.

Of a file of samples only the damaged lines are moved, and their samples are requested again. All
other files can be computed from the samples and the command, so they are moved as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, count
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.runs.codec import as_line, read_record, read_records
from mathreason_eval.runs.descriptors import opened_stored
from mathreason_eval.runs.files import cannot_write, replace_file, sync_folder
from mathreason_eval.runs.migration import NewerFormatError, read_manifest, read_metrics
from mathreason_eval.types import (
    FailedRequest,
    Generation,
    Problem,
    SentPrompt,
    StepRewards,
    Verdict,
)

_DAMAGED = ".damaged"
_DERIVED: Mapping[str, type] = {
    "problems": Problem,
    "prompts": SentPrompt,
    "failures": FailedRequest,
    "verdicts": Verdict,
    "rewards": StepRewards,
}
"""JSON Lines files that a session can do without, with the type of their records."""


class RepairWarning(UserWarning):
    """Something in a run folder could not be read and was moved to another file."""


def sample_files(folder: Path) -> Sequence[Path]:
    """Return the files of samples in a folder, one per task, without empty ones."""
    if not os.path.isdir(folder):  # noqa: PTH112  a name too long is no error to it
        return []
    found = (path for path in sorted(folder.glob("*/generations.jsonl")) if path.is_file())
    return [path for path in found if path.stat().st_size]


def set_aside_damage(folder: Path) -> Iterator[str]:
    """Move whatever cannot be read to other files, and yield a sentence for each.

    The caller must have the lock.

    Raises:
        RunError: if the folder cannot be written.
    """
    try:
        for name, read in _DOCUMENTS.items():
            if not _is_readable(folder / name, read):
                yield _set_aside(folder / name)
        # Of tasks without samples as well: nothing else would read their failures again.
        for name, kind in _DERIVED.items():
            for path in sorted(folder.glob(f"*/{name}.jsonl")):
                if not _is_readable(path, partial(read_records, kind=kind)):
                    yield _set_aside(path)
        for samples in sample_files(folder):
            yield from _without_damaged_lines(samples)
    except OSError as error:
        raise cannot_write(folder, error) from None


_DOCUMENTS: Mapping[str, Callable[[Path], object]] = {
    "manifest.json": read_manifest,
    "metrics.json": read_metrics,
}
"""JSON files, and the function that reads one."""


def _is_readable(path: Path, read: Callable[[Path], object]) -> bool:
    """Return whether there is no such file or it can be read, if not by this version."""
    if not path.is_file():
        return True
    try:
        read(path)
    except NewerFormatError:
        return True
    except RunError:
        return False
    return True


def _set_aside(path: Path) -> str:
    names = (path.name + _DAMAGED + more for more in chain(("",), map(".{}".format, count(2))))
    aside = next(one for one in map(path.with_name, names) if not one.exists())
    path.rename(aside)
    sync_folder(path.parent)
    return f"{path} could not be read; it is {aside.name} now and is written again"


def _without_damaged_lines(path: Path) -> Iterator[str]:
    """Move the damaged lines of a file of samples to another file in the same folder."""
    kept: list[bytes] = []
    damaged: list[dict[str, object]] = []
    with opened_stored(path, path.parents[1]) as file:
        for number, line in enumerate(file, 1):
            if (why := _damage(line)) is None:
                kept.append(line)
            else:
                text = line.decode("utf-8", "surrogateescape")
                damaged.append({"line": number, "why": why, "text": text})
    if not damaged:
        return
    aside = path.with_name(path.name + _DAMAGED)
    before = aside.read_bytes() if aside.is_file() else b""
    # The copy first, so that a kill in between loses nothing.
    replace_file(aside, before + b"".join(json.dumps(one).encode() + b"\n" for one in damaged))
    replace_file(path, b"".join(kept))
    lines = ", ".join(str(one["line"]) for one in damaged[:5])
    more = " …" if len(damaged) > len(damaged[:5]) else ""
    yield f"{path}: {len(damaged)} damaged lines ({lines}{more}) are in {aside.name} now"


def _damage(line: bytes) -> str | None:
    """Return why a line is not a sample, or None if it is one."""
    if not line.endswith(b"\n"):
        return "the file ends in it"
    try:
        read_record(line, "it", Generation)
    except RunError as error:
        return error.what.removeprefix("it: ")
    return None


# --- a manifest that is lost -----------------------------------------------------------------


Counts = Callable[[str, Generation], bool]
"""(task, sample) -> whether the command would have made that sample."""


def check_samples(
    folder: Path, problems: Mapping[str, Sequence[Problem]], counts: Counts
) -> dict[str, int]:
    """Return by task how many samples per problem has in a folder that lost its manifest.

    Args:
        folder: the run folder.
        problems: what a command asks, by task.
        counts: tells whether a sample of a task could be that command's.

    Raises:
        RunError: unless all problems and samples are those of that command.
    """
    held: dict[str, int] = {}
    for path in sample_files(folder):
        task = path.parent.name
        if task not in problems:
            raise _foreign(folder, f"samples of {task}", "name all its tasks with -t")
        asked = {problem.id: as_line(problem) for problem in problems[task]}
        stored = read_records(path.with_name("problems.jsonl"), Problem)
        for problem in stored:
            if asked.get(problem.id) != as_line(problem):
                raise _foreign(
                    folder, f"another problem {problem.id}", "use its --limit and --data"
                )
        known = {problem.id for problem in stored}
        for sample in read_records(path, Generation):
            if sample.problem_id not in known:
                raise _foreign(
                    folder, f"a sample of {sample.problem_id}", "it needs problems.jsonl as well"
                )
            if not counts(task, sample):
                raise _foreign(
                    folder,
                    f"samples made otherwise, as sample {sample.sample} of {sample.problem_id}",
                    "use its model, prompt and settings; --adopt is for samples without keys",
                )
            held[task] = max(held.get(task, 0), sample.sample + 1)
    return held


def _foreign(folder: Path, what: str, remedy: str) -> RunError:
    return RunError(
        f"{folder} has lost its manifest and contains {what}, which this command does not request.",
        f"Give the command that made it: {remedy}. Or choose another -o.",
    )
