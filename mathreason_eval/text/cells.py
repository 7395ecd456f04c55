"""Cells of tables for programs, which a spreadsheet may open as well."""

from __future__ import annotations

import re

from mathreason_eval.text import visible

_FORMULA_SIGNS = frozenset("=+-@\t\r\n")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]{0,40}")


def cell(text: str) -> str:
    """Return a text as a cell of CSV: what a spreadsheet would run begins with an apostrophe.

    A number with its sign stays as it is. See also `encodable`.
    """
    plain = encodable(text)
    first = plain.lstrip(" ")[:1]
    return f"'{plain}" if first in _FORMULA_SIGNS and not _NUMBER.fullmatch(plain) else plain


def encodable(text: str) -> str:
    """Return a text with null bytes, and lone surrogates, which have no encoding, spelled out."""
    if text.isascii() and "\0" not in text:
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return visible(text)
    return visible(text) if "\0" in text else text
