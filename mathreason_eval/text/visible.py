"""Text from outside, made harmless to look at, on a terminal or a page."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, the terminal's escape among them
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible, or turning the direction
    "\ud800-\udfff]"  # lone surrogates, which no file and no terminal takes
)


def visible(text: str) -> str:
    """Return the text with every character that hides or acts spelled out, as `⟨U+001B⟩`.

    Line feeds and tabs stay. Length and positions change where something was spelled out.
    """
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)
