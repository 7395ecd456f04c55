"""What of a text from outside is visible: by Unicode's categories, not by a list."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.text import visible, visible_line

# fmt: off
TEXTS = [
    # text, what is shown
    ("x^2 + \t\n1",          "x^2 + \t\n1"),                # ASCII stays, its lines too
    ("漢字 é 🙂 – ″ \u00a0",  "漢字 é 🙂 – ″ \u00a0"),        # and what has a glyph, or is a space
    ("नमस्ते שָׁלוֹם Việt",       "नमस्ते שָׁלוֹם Việt"),             # scripts with marks
    ("\x1b[31m",             "⟨U+001B⟩[31m"),              # a terminal's command
    ("\x9b31m\x7f\r",        "⟨U+009B⟩31m⟨U+007F⟩⟨U+000D⟩"),
    ("a\u202eb\u2066c",      "a⟨U+202E⟩b⟨U+2066⟩c"),       # turns the direction of writing
    ("a\u00adb\u180ec",      "a⟨U+00AD⟩b⟨U+180E⟩c"),       # formats that no list had
    ("a\U000e0041",          "a⟨U+E0041⟩"),                # tags
    ("\ue000\U0010ffff\ufdd0", "⟨U+E000⟩⟨U+10FFFF⟩⟨U+FDD0⟩"),  # private, unassigned
    ("\ud800",               "⟨U+D800⟩"),                  # a lone surrogate
    ("a\u2028b\u2029c",      "a⟨U+2028⟩b⟨U+2029⟩c"),       # separators of lines
    ("a\u3164\u115fb\uffa0",  "a⟨U+3164⟩⟨U+115F⟩b⟨U+FFA0⟩"),  # letters without a glyph
    ("g\u034f\ufe0fp\U000e0100t", "g⟨U+034F⟩⟨U+FE0F⟩p⟨U+E0100⟩t"),  # marks without one
    ("❤\ufe0f ❤\ufe0f\ufe0f", "❤\ufe0f ❤\ufe0f⟨U+FE0F⟩"),     # but for one that a symbol has
    ("a" + 6 * "\u0301",     "a" + 4 * "\u0301" + 2 * "⟨U+0301⟩"),  # a flood of marks
]
# fmt: on


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_what_is_hidden_is_spelled_out(text, shown):
    assert visible(text) == shown


@pytest.mark.slow
def test_every_character_is_visible_or_spelled_out():
    wrong = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char)[0] == "C"
        and char not in "\n\t"
        and visible(char) != f"⟨U+{ord(char):04X}⟩"
    ]
    assert not wrong


@given(st.text(st.characters()))
def test_what_is_visible_stays_as_it_is(text):
    assert visible(visible(text)) == visible(text)
    assert visible_line(text).isprintable() or not {"\n", "\t"} & set(visible_line(text))
