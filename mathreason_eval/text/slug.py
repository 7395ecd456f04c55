"""Names of files that come from names of other things."""

from __future__ import annotations

import re


def slug(name: str, longest: int = 80) -> str:
    """Return a file name for a name from outside: what an outsider wrote never chooses a path.

    Only letters, digits, `.`, `_` and `-` remain; at most `longest` characters, at least one.
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:longest] or "unnamed"
