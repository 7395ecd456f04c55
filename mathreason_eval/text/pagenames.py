"""Names of pages and anchors that no name from outside can choose."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from mathreason_eval.text.slug import slug


def page_name(name: str) -> str:
    """Return a file name for a name from outside, always the same one for the same name.

    A name that had to be changed gets a hash of the original, so `a/b` and `a b` stay two pages.
    """
    plain = slug(name)
    return plain if plain == name else f"{plain}-{_short_hash(name)}"


def distinct_page_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return a file name for each name, all different, also where upper and lower case are one."""
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
    """Return each model's name without backend, owner and address, where that leaves no doubt."""
    full = tuple(dict.fromkeys(models))
    shortened = {model: _shortened(model) for model in full}
    shared = Counter(shortened.values())
    return {model: short if shared[short] == 1 else model for model, short in shortened.items()}


def _shortened(model: str) -> str:
    name = model.partition("@")[0].rstrip("/").rpartition("/")[2]
    return name.rpartition(":")[2] or model


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
