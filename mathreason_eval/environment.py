"""The environment of processes that we start and that need none of the user's secrets."""

from __future__ import annotations

import os
import re

_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|COMSPEC"
    r"|VIRTUAL_ENV|LD_LIBRARY_PATH|DYLD_\w+|PYTHON\w*|MATHREASON_\w+|COVERAGE_\w+"
    r"|(OMP|MKL|OPENBLAS|NUMEXPR|VECLIB|GOMP)_\w+"
)
"""Names of the variables that such a process gets: where programs, libraries and temporary files
are, the language, and how many threads compute."""


def child_environment(**more: str) -> dict[str, str]:
    """Return the environment for a child process: a list of harmless variables, and some more.

    A list of what is passed on, not of what is kept back: nobody knows the names of all secrets.
    """
    kept = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {**kept, **more}
