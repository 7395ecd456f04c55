"""The commands of LaTeX that answers hold, by what they stand for."""

from __future__ import annotations

from mathreason_eval.maths.vocabulary import words

OPENING = {"(": "(", "[": "[", "{": "{", "lbrace": "\\{", "lbrack": "[", "lgroup": "(",
         "lfloor": "floor", "lceil": "ceil", "llcorner": "floor", "ulcorner": "ceil",
         "lvert": "abs", "lVert": "norm", "langle": "<", "lparen": "("}  # fmt: skip
CLOSING = {")": ")", "]": "]", "}": "}", "rbrace": "\\}", "rbrack": "]", "rgroup": ")",
          "rfloor": "floor", "rceil": "ceil", "lrcorner": "floor", "urcorner": "ceil",
          "rvert": "abs", "rVert": "norm", "rangle": ">", "rparen": ")"}  # fmt: skip
INFIX = {"cdot": "*", "times": "*", "ast": "*", "div": "/", "pm": "pm", "mp": "mp", "cup": "cup",
          "cap": "cap", "setminus": "setminus", "backslash": "setminus", "bmod": "mod",
          "mod": "mod", "colon": ":", "mid": "|", "vert": "|", "choose": "choose", "over": "over",
          "bigcup": "cup", "circ": "circ", "degree": "deg", "prime": "'", "Vert": "|", "sp": "^",
          "sb": "_", "star": "*", "bullet": "*", "smallsetminus": "setminus", "textdegree": "deg",
          "dotplus": "+", "plus": "+", "ratio": ":", "land": "and", "wedge": "and", "lor": "or",
          "vee": "or", "textcirc": "deg", "cupdot": "cup", "xor": "xor", "cdotp": "*"}  # fmt: skip
STRUCTURAL = words.these(
    "frac sqrt binom cbrt overline bar vec hat tilde widehat overrightarrow sum prod int lim iint "
    "mathbb Bbb pmod pod emptyset varnothing ldots dots cdots dotsc angle triangle operatorname "
    "partial nabla forall exists neg lnot Re Im dot ddot underset overset stackrel complement "
    "widetilde square pounds euro yen therefore because bigstar dag prescript limsup liminf "
    "measuredangle odot overleftrightarrow cent aleph Box blacksquare sqrt oint dbinom tbinom "
    "substack not S P check breve acute mathring rightarrow mathbbm dagger diamond Diamond oplus "
    "otimes cfrac dfrac tfrac nicefrac sfrac xrightarrow longdiv phantom arctanh"
)
KNOWN = frozenset().union(
    OPENING, CLOSING, INFIX, STRUCTURAL, words.GREEK, words.IGNORED, words.WRAPPERS, words.TEXTS,
    words.DROPPED, words.RELATIONS, words.FUNCTIONS, words.CONSTANTS, {"backslash", "R", "N", "Z"},
)  # fmt: skip
"""Every command that can be told apart from letters that follow it."""
