"""The lock of a task: what its version is of, so that a score cannot move under one version.

`lock.json` in the task's folder has a hash of each part on which a score depends: prompts, rules,
data, code, and the first problems of a generator. Only what is written is hashed, so that a lock is
the same on every machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mathreason_eval.errors import TaskError
from mathreason_eval.tasks.code import code_of
from mathreason_eval.tasks.datasets import content_hash
from mathreason_eval.tasks.files import inside
from mathreason_eval.tasks.task import FileData, HubData, Task
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.limits import MAX_YAML_BYTES

LOCK = "lock.json"
_FIRST_PROBLEMS = 20
"""Problems of a generator that are hashed."""


def lock_of(task: Task, *, generated: bool = True) -> dict[str, Any]:
    """Return the version of a task, and a hash of each part of it.

    Args:
        task: it was read from a folder.
        generated: whether the problems of a generator are made, which runs its code.
    """
    found: dict[str, Any] = {
        "version": task.version,
        "prompts": {form.id: _hash(form.spelled()) for form in task.prompts.values()},
        "rules": _hash(_rules(task)),
        "data": _hash(_data(task)),
        "code": _code_hash(task),
    }
    if generated and task.problem is not None:
        first = range(min(_FIRST_PROBLEMS, task.size))
        found["problems"] = content_hash(task.problem(index, 0) for index in first)
    return found


def check_lock(task: Task, *, generated: bool = True) -> str | None:
    """Return what a task's lock holds; None if there is none.

    Args:
        task: it was read from a folder.
        generated: as `lock_of`.

    Raises:
        TaskError: the task is not what its lock says of its version.
    """
    if task.folder is None or (stored := _read(task.folder)) is None:
        return None
    again = f"`mathreason check {task.name} --lock` writes it again."
    if stored.get("version") != task.version:
        raise TaskError(
            f"{task.folder / LOCK} is of version {stored.get('version')!r}, and the task of "
            f"{task.version}.",
            again,
        )
    if changed := [*_changed(stored, lock_of(task, generated=generated))]:
        raise TaskError(
            f"{' and '.join(changed)} of {task.name} changed under version {task.version}: a score "
            "would move, and nothing would say why.",
            f"Raise version in task.yaml; {again}",
        )
    return f"version {task.version} is of these prompts, rules, data and code"


def write_lock(task: Task) -> Path:
    """Write the lock of a task whose version is new, and return its path.

    Raises:
        TaskError: the task has no folder, or is another one under the version that is locked.
    """
    if task.folder is None:
        raise TaskError(f"{task.name} has no folder.", "A task made in Python has no lock.")
    stored = _read(task.folder)
    if stored is not None and stored.get("version") == task.version:
        check_lock(task)
    path = task.folder / LOCK
    text = json.dumps(lock_of(task), indent=1, sort_keys=True) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TaskError(f"{path} cannot be written: {error.strerror}.", "Check it.") from None
    return path


def _changed(stored: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts in which a task differs from its lock."""
    for part, value in found.items():
        if stored.get(part) != value:
            yield f"the {part}"


def _read(folder: Path) -> Mapping[str, Any] | None:
    path = folder / LOCK
    if not path.exists() and not path.is_symlink():
        return None
    try:
        inside(folder, LOCK)
        with path.open("rb") as file:
            found = parse_json(file.read(MAX_YAML_BYTES + 1))
    except (OSError, ValueError) as error:
        raise TaskError(f"{path} cannot be read: {error}.", "Remove it.") from None
    if not isinstance(found, dict):
        raise TaskError(f"{path} holds no lock.", "Remove it.")
    return found


# --- parts -----------------------------------------------------------------------------------


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _rules(task: Task) -> str:
    names = ("extract", "grade", "second", "check_steps", "macro", "cluster", "metrics", "primary")
    said = {name: getattr(task, name) for name in names}
    return json.dumps({**said, "convention": asdict(task.convention)}, sort_keys=True)


def _data(task: Task) -> str:
    shots = () if task.shots is None else (task.shots,)
    return json.dumps(
        {
            "columns": dict(task.columns),
            "data": [_source(one) for one in task.data],
            "shots": [_source(one) for one in shots],
        },
        sort_keys=True,
    )


def _source(data: HubData | FileData) -> dict[str, Any]:
    if isinstance(data, HubData):
        return asdict(data)
    with data.path.open("rb") as file:
        return {"file": data.file, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _code_hash(task: Task) -> str:
    """Return the hash of the task's code without comments and layout; of no code if it has none."""
    path = None if task.folder is None else code_of(task.folder)
    if path is None or not path.is_file():
        return _hash("")
    try:
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
        written = "".join(_MARKS.get(one.type, one.string) for one in tokens)
    except (OSError, ValueError, SyntaxError, tokenize.TokenError) as error:
        raise TaskError(f"{path} cannot be read: {error}.", "Correct it.") from None
    return _hash(_NOT_HASHED.sub("", written))


_MARKS = {tokenize.COMMENT: "", tokenize.INDENT: "\1", tokenize.DEDENT: "\2"}
"""What stands for a comment, and for a block's beginning and end."""
_NOT_HASHED = re.compile(r"[\s{}]+")
"""Blanks, and braces: within f-strings the versions of Python divide them into other tokens."""
