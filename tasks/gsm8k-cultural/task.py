"""GSM8K and its published cultural variants, paired by the number of the problem."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from mathreason_eval.types import Problem

CULTURES = ("haiti", "moldova", "pakistan", "solomon-islands", "somalia", "suriname")
GSM8K_TEST = 1319
"""Problems of GSM8K's test set."""

_ORIGINAL_ID = re.compile(r"gsm8k-test-(\d+)\Z")


def problem_of(row: Mapping[str, Any], index: int, source: str) -> Problem | None:
    """Return the problem of a row of GSM8K's test set, or of a file of cultural variants.

    Variants that equal the original, or are broken, are left out.

    Raises:
        KeyError: if a column is missing.
        ValueError: if the number of the problem of GSM8K cannot be determined.
    """
    culture = _culture(row, source)
    if culture is None:
        return _problem(_original_number(row, index), row["question"], row)
    variant = row.get(f"{culture}_question")
    # A row with both the original and the variant allows to compare them.
    original = None if variant is None else row["question"]
    question = detokenized(row["question"] if variant is None else variant, original)
    if is_unusable(question, original):
        return None
    return _problem(_variant_number(row), question, row, culture)


def _problem(
    number: int, question: str, row: Mapping[str, Any], culture: str | None = None
) -> Problem:
    origin = f"gsm8k-test-{number}"
    return Problem(
        id=origin if culture is None else f"{origin}-{culture}",
        question=question,
        gold=(str(row["answer"]).rpartition("####")[2].replace(",", "").strip(),),
        meta={"culture": culture or "original"},
        origin=None if culture is None else origin,
        variant=culture,
    )


def _culture(row: Mapping[str, Any], source: str) -> str | None:
    """Return the culture that a column or the name of the file or split names; None for GSM8K."""
    names = f"{row.get('culture', '')} {row.get('country', '')} {source}"
    plain = re.sub(r"[\W_]+", "-", names.lower())
    return next((culture for culture in CULTURES if culture in plain), None)


def _original_number(row: Mapping[str, Any], index: int) -> int:
    found = _ORIGINAL_ID.match(str(row.get("id", "")))
    number = int(found[1]) if found else index
    if number >= GSM8K_TEST:
        raise ValueError("GSM8K's test set without ids must be the first file")
    return number


def _variant_number(row: Mapping[str, Any]) -> int:
    found = _ORIGINAL_ID.match(str(row.get("gsm8k_id", "")))
    return int(found[1]) if found else int(row["problem_number"]) - 1


# --- detokenizing ----------------------------------------------------------------------------

_NUMERAL = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|(?<!\d)\.\d+")
_STOP, _COMMA, _POINT = r"(?<=\d) \. (?=\d)", r"(?<=\d) , (?=\d{3}(?!\d))", r" \. (?=\d)"
_UNAMBIGUOUS = (
    (r"\s?â ?€ ?™ ?", "'"),  # an apostrophe that was read in another encoding
    (r"(?<=\d) : (?=\d)", ":"),
    (r"(?<=\bis) - (?=\d)", " -"),
    (r" ?/ ?", "/"),
    (r" (?=[.,?!;:%)](?!\d))", ""),  # but the point of `.5` keeps its space
    (r"(?<=[(#$€“]) | (?=”)", ""),
    (r"\b([ap])\. m\.", r"\1.m."),
    (r" ?(['’]) ?(?=(?:s|t|re|ve|ll|d|m)\b)", r"\1"),
    (r" (['’]) ", r"\1 "),
    (r'" ([^"]*) "', r'"\1"'),
    (r"  +", " "),
)


def detokenized(text: str, original: str | None = None) -> str:
    """Return the text with its usual spaces.

    `7 . 50` may be a decimal or the border of two sentences, and `5 , 000` one number or two; the
    first reading with the numerals of the original is taken.
    """
    # A hyphen is a dash only where the original has a dash.
    dashes = original is not None and " - " in original
    readings = _readings(text if dashes else re.sub(r"(?<!\bis) - ", "-", text))
    default = next(readings)
    if original is None or numerals(default) == numerals(original):
        return default
    return next((each for each in readings if numerals(each) == numerals(original)), default)


def _readings(text: str) -> Iterator[str]:
    for point, comma, stop in product((False, True), (True, False), (True, False)):
        read = re.sub(_STOP, ".", text) if stop else text
        read = re.sub(_COMMA, ",", read) if comma else read
        read = re.sub(_POINT, " .", read) if point else read
        for pattern, replacement in _UNAMBIGUOUS:
            read = re.sub(pattern, replacement, read)
        yield read.strip()


def numerals(text: str) -> Counter[str]:
    """Return how often each numeral occurs in a text; `¾` is `3/4`."""
    plain = unicodedata.normalize("NFKC", text).replace("\N{FRACTION SLASH}", "/")
    return Counter(_NUMERAL.findall(plain))


def is_unusable(question: str, original: str | None) -> bool:
    """Return whether a variant is the original, still has a placeholder, or has other numerals."""
    if "{" in question or "}" in question or "DefaultEntity" in question:
        return True
    return original is not None and (
        _letters(question) in _letters(original) or numerals(question) != numerals(original)
    )


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text)
