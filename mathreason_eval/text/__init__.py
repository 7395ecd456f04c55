"""Untrusted text made safe to display, and to use as the name of a file or a page."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_SPECIAL = re.compile(r"[^\n\t -~]+")
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Unicode's property Default_Ignorable_Code_Point, which Python does not have, outside of the
categories that are hidden anyway: fillers, joiners and variation selectors."""
_MAX_MARKS = 4
"""Combining marks kept on one letter: no script needs more, and many would cover other lines."""


def visible(text: str) -> str:
    """Return the text with every invisible or control character escaped, as `⟨U+001B⟩`.

    By Unicode's properties: controls, formats (those that change the writing direction among them),
    surrogates, private and unassigned characters, separators of lines and paragraphs, letters and
    marks that are displayed as nothing, and combining marks beyond the fourth on one letter. Line
    feeds, tabs and visible characters are unchanged. Escaping changes length and positions.
    """
    return _SPECIAL.sub(_spell_out, text)


def visible_line(text: str) -> str:
    """Return the visible text on one line: line feeds and tabs are escaped as well."""
    return re.sub(r"[\n\t]", lambda found: _code_point(found.group()), visible(text))


_SHORT_RUN = 8


def _spell_out(found: re.Match[str]) -> str:
    characters = found.group()
    return _spelled(characters) if len(characters) > _SHORT_RUN else _spelled_short(characters)


def _spelled(characters: str) -> str:
    """Return non-ASCII characters with the invisible ones escaped."""
    shown, marks, before = [], 0, ""
    for char in characters:
        category = unicodedata.category(char)
        marks = marks + 1 if category.startswith("M") else 0
        hidden = category.startswith("C") or category in {"Zl", "Zp"} or _IGNORABLE.match(char)
        # As in most emoji: the first selector after a symbol says how that is drawn.
        drawn = before.startswith("S") and "\ufe00" <= char <= "\ufe0f"
        shown.append(_code_point(char) if (hidden and not drawn) or marks > _MAX_MARKS else char)
        before = category
    return "".join(shown)


_spelled_short = lru_cache(maxsize=4096)(_spelled)
"""Most runs are single signs that come again and again."""


def _code_point(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 sample`, `1,319 samples`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def slug(name: str, longest: int = 80) -> str:
    """Return a file name for an untrusted name; it can never be a path.

    Only letters, digits, `.`, `_` and `-` remain; at most `longest` characters, at least one.
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:longest] or "unnamed"


def page_name(name: str) -> str:
    """Return a file name for an untrusted name, always the same one for the same name.

    A name that had to be changed gets a hash of the original, so `a/b` and `a b` stay two pages.
    """
    plain = slug(name)
    if plain == name:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain}-{digest[:8]}"


def distinct_page_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return a file name for each name, all different even if letter case is ignored."""
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
    """Return each model's name without backend, owner and address; in full if two coincide.

    A provider or a revision, as in `model@provider`, tells models apart and stays.
    """
    full = tuple(dict.fromkeys(models))
    shortened = {model: _last_part(model) for model in full}
    shared = Counter(shortened.values())
    return {model: short if shared[short] == 1 else model for model, short in shortened.items()}


def _last_part(model: str) -> str:
    name = model.partition("@http")[0].rstrip("/").rpartition("/")[2]
    return name.rpartition(":")[2] or model
