"""Commands of this program as they are printed: they work where they are pasted."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

from mathreason_eval.text.shell import path_word

_NAME = "mathreason"


def program() -> str:
    """Return how to call this program again: as it was called, or by its path."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name == "mathreason_eval":
        return f"{_findable(Path(sys.executable))} -m mathreason_eval"
    return _findable(called) if called.stem == _NAME else _NAME


def _findable(path: Path) -> str:
    """Return the name of a program, or its path where the name finds another one or none."""
    found = shutil.which(path.name)
    is_found = found is not None and (path.name == str(path) or Path(found).samefile(path))
    return path.name if is_found or not path.is_file() else shlex.quote(str(path))


def command(*words: object) -> str:
    """Return a command of this program, its words quoted for a shell; a path is no option."""
    spelled = (path_word(word) if isinstance(word, Path) else str(word) for word in words)
    return f"{program()} {shlex.join(spelled)}"


_COMMAND = re.compile(rf"(?<=`){_NAME}(?= [a-z])")


def as_called(text: str) -> str:
    """Return a message with its commands, each after a backtick, as this program is called."""
    return _COMMAND.sub(lambda _: program(), text) if f"`{_NAME} " in text else text
