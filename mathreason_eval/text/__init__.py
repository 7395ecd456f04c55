"""Text from outside, made harmless: to look at, and as the name of a file or a page."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, the terminal's escape among them
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible, or turning the direction
    "\ud800-\udfff]"  # lone surrogates, which no file and no terminal takes
)


def visible(text: str) -> str:
    """Return the text with every invisible or control character spelled out, as `⟨U+001B⟩`.

    Line feeds and tabs stay. Length and positions change where something was spelled out.
    """
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)


def slug(name: str, longest: int = 80) -> str:
    """Return a file name for a name from outside, which thereby never chooses a path.

    Only letters, digits, `.`, `_` and `-` remain; at most `longest` characters, at least one.
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:longest] or "unnamed"


def page_name(name: str) -> str:
    """Return a file name for a name from outside, always the same one for the same name.

    A name that had to be changed gets a hash of the original, so `a/b` and `a b` stay two pages.
    """
    plain = slug(name)
    if plain == name:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain}-{digest[:8]}"


def distinct_page_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return a file name for each name, all different even where letter case does not count."""
    taken: set[str] = set()
    pages = []
    for name in names:
        page = candidate = page_name(name)
        number = 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{page}-{number}"
        taken.add(candidate.casefold())
        pages.append(candidate)
    return tuple(pages)


def short_names(models: Iterable[str]) -> dict[str, str]:
    """Return each model's name without backend, owner and address, in full where two would meet."""
    full = tuple(dict.fromkeys(models))
    shortened = {model: _last_part(model) for model in full}
    shared = Counter(shortened.values())
    return {model: short if shared[short] == 1 else model for model, short in shortened.items()}


def _last_part(model: str) -> str:
    name = model.partition("@")[0].rstrip("/").rpartition("/")[2]
    return name.rpartition(":")[2] or model
