"""One typography for all answers: digits of every script, mathematical signs, dressing of LaTeX.

What comes out is plain ASCII LaTeX where it can be. Nothing here knows what an answer means.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "﹣": "-", "‐": "-", "‑": "-", "⁻": "^{-}",
    "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": "/", "⁄": "/", "∕": "/",
    "∗": "*", "±": r"\pm ", "∓": r"\mp ", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ",
    "≦": r"\le ", "≧": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≃": r"\approx ", "≅": r"\cong ",
    "≡": r"\equiv ", "∈": r"\in ", "∉": r"\notin ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ",
    "⊂": r"\subset ", "⊆": r"\subseteq ", "∅": r"\emptyset ", "⌀": r"\emptyset ", "Ø": r"\emptyset ",
    "∞": r"\infty ", "π": r"\pi ", "𝜋": r"\pi ", "√": r"\sqrt ", "∛": r"\cbrt ", "∑": r"\sum ",
    "∏": r"\prod ", "∫": r"\int ", "∂": r"\partial ", "∠": r"\angle ", "△": r"\triangle ",
    "⊥": r"\perp ", "∥": r"\parallel ", "°": r"^{\circ}", "º": r"^{\circ}", "˚": r"^{\circ}",
    "′": "'", "″": "''", "’": "'", "‘": "'", "“": '"', "”": '"', "→": r"\to ", "⇒": r"\Rightarrow ",
    "⟹": r"\Rightarrow ", "∀": r"\forall ", "∃": r"\exists ", "∧": r"\land ", "∨": r"\lor ",
    "¬": r"\neg ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "…": r"\ldots ", "⋯": r"\ldots ", "ℕ": r"\mathbb{N}",
    "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℝ": r"\mathbb{R}", "ℂ": r"\mathbb{C}",
    "，": ",", "、": ",", "；": ";", "：": ":", "（": "(", "）": ")", "【": "[", "】": "]",
    "。": ".", "٫": ".", "٬": ",", "،": ",", "؛": ";", "٪": "%", "％": "%", "−": "-",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\u2002": " ", "\u2003": " ",
    "\u3000": " ", "\u200a": " ", "\u2005": " ", "\u2062": "", "\u2061": "",
}  # fmt: skip


@lru_cache(maxsize=4096)
def _ascii(char: str) -> str:
    """Return what stands for one character that is not ASCII."""
    if char in _SIGNS:
        return _SIGNS[char]
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.category(char) in {"Cf", "Cc"}:
        return ""
    return unicodedata.normalize("NFKC", char)


def normalise(text: str) -> str:
    """Return the text in one typography, without its outer dressing."""
    if not text.isascii():
        text = "".join(char if char < "\x80" else _ascii(char) for char in text)
    text = text.replace("\x00", "").strip()
    text = re.sub(
        r"\\[!]|\{,\}(?=\d)|\\left(?![a-z])|\\right(?![a-z])",
        lambda m: "," if m[0] == "{,}" else "",
        text,
    )
    text = re.sub(r"\\[dtc]frac", r"\\frac", text)
    text = re.sub(r"^(\\\(|\\\[|\$+)(.*?)(\\\)|\\\]|\$+)$", r"\2", text, flags=re.DOTALL)
    return " ".join(text.strip().rstrip(".").split())
