"""LaTeX commands by meaning, and Unicode signs by LaTeX command."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mathreason_eval.maths.vocabulary.words import these

GREEK = these(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "omicron rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta "
    "Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar"
)
SAME_LETTER = {"varepsilon": "epsilon", "vartheta": "theta", "varrho": "rho", "varphi": "phi",
               "varsigma": "sigma"}  # fmt: skip
"""Variant forms of Greek letters, by the form that they are read as."""

FUNCTIONS = {
    **{f: f for f in these("sin cos tan cot sec csc sinh cosh tanh coth sech csch ln log exp")},
    **{f: f for f in these("arcsin arccos arctan arccot arcsec arccsc min max gcd lcm det arg")},
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "acot": "arccot", "asec": "arcsec",
    "acsc": "arccsc", "tg": "tan", "ctg": "cot", "cotg": "cot", "cosec": "csc", "arctg": "arctan",
    "arcctg": "arccot", "sh": "sinh", "ch": "cosh", "th": "tanh", "lg": "lg", "lb": "lb",
    "arcsinh": "arcsinh", "arccosh": "arccosh", "arctanh": "arctanh", "arsinh": "arcsinh",
    "arcosh": "arccosh", "artanh": "arctanh", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "floor": "floor", "ceil": "ceil", "ceiling": "ceil", "abs": "abs",
    "sgn": "sgn", "sign": "sgn", "Re": "re", "Im": "im", "conj": "conj", "lcd": "lcm",
    "cis": "cis", "re": "re", "im": "im",
    "tr": "tr", "rank": "rank", "dim": "dim", "sup": "sup", "inf": "inf",
    "erf": "erf", "erfc": "erfc",
    "hcf": "gcd", "Arg": "arg", "Log": "log", "Ln": "ln", "arcsec": "arcsec",
}  # fmt: skip
"""Names of functions as written, with their names in trees."""

CALLED = {
    "gamma": "Gamma", "Gamma": "Gamma", "zeta": "zeta", "factorial": "factorial",
    "Fraction": "quotient", "Rational": "quotient", "frac": "quotient", "comb": "binom",
    "binom": "binom", "binomial": "binom",
    "pow": "power", "root": "nth_root", "mat": "matrix", "Matrix": "matrix", "vec": "matrix",
    "arrow": "arrow",
}  # fmt: skip
"""Functions of programs, typst and AsciiMath: what they are called here where a bracket follows."""
OF_GREEK = {"Gamma": "Gamma", "zeta": "zeta"}
"""Greek letters that are functions where a bracket follows."""

IGNORED = these(
    "left right mleft mright big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm "
    "middle displaystyle textstyle scriptstyle limits nolimits quad qquad thinspace "
    "medspace thickspace negthinspace negmedspace negthickspace enspace space nonumber notag "
    "itshape bfseries rm bf it sf normalsize large Large small rule hfill strut relax centering "
    "noindent allowbreak nobreak tiny"
)
"""Commands that change how an answer looks."""

WRAPPERS = these(
    "boxed fbox mathbf boldsymbol bm underline mathit mathsf mathtt mathcal "
    "mathscr mathfrak pmb ensuremath mathop mathord mathrel mathbin mathstrut mathclose mathopen "
    "color textcolor underbrace overbrace variable framebox hbox smash"
)
"""Commands whose argument has the same meaning without them."""

TEXTS = these(
    "text textrm textbf textit textsf texttt textnormal textup textsl mbox mathrm operatorname "
    "operatornamewithlimits emph textmd textsc mathnormal"
)
"""Commands whose argument is text, or upright mathematics."""

DROPPED = these("hspace vspace phantom hphantom vphantom cancel xcancel bcancel sout label tag")
"""Commands that are dropped together with their argument."""

RELATIONS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "==": "=", ":=": "=",
    "=<": "<=", "=>": "=>", "~": "~",
    "le": "<=", "leq": "<=", "leqslant": "<=", "leqq": "<=", "ge": ">=", "geq": ">=",
    "geqslant": ">=", "geqq": ">=", "lt": "<", "gt": ">", "ne": "!=", "neq": "!=",
    "in": "in", "notin": "notin", "approx": "~", "approxeq": "~", "thickapprox": "~",
    "simeq": "~", "doteq": "~", "equiv": "equiv", "sim": "sim", "cong": "cong", "propto": "propto",
    "coloneqq": "=", "subset": "subset", "subseteq": "subset",
    "supset": "supset", "supseteq": "supset", "perp": "perp",
    "parallel": "parallel", "Rightarrow": "=>", "implies": "=>", "Longrightarrow": "=>",
    "iff": "iff", "Leftrightarrow": "iff", "mapsto": "mapsto", "rightarrow": "to", "to": "to",
    "ni": "ni", "longrightarrow": "to",
}  # fmt: skip

SPACES = frozenset({",", ";", ":", "!", " ", ">", "/", "-"})
"""One-character commands for white space (or a hyphenation hint)."""

SETS = {"R": "RR", "N": "NN", "Z": "ZZ", "Q": "QQ", "C": "CC", "P": "PP"}

CONSTANTS = {"pi": "pi", "infty": "oo", "infinity": "oo", "Infinity": "oo", "e": "e", "i": "i",
             "imath": "i", "inf": "oo", "oo": "oo"}  # fmt: skip

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
STRUCTURAL = these(
    "frac sqrt binom cbrt overline bar vec hat tilde widehat overrightarrow sum prod int lim iint "
    "mathbb Bbb pmod pod emptyset varnothing ldots dots cdots dotsc angle triangle operatorname "
    "partial nabla forall exists neg lnot Re Im dot ddot underset overset stackrel complement "
    "widetilde square pounds euro yen therefore because bigstar dag prescript limsup liminf "
    "measuredangle odot overleftrightarrow cent aleph Box blacksquare sqrt oint dbinom tbinom "
    "substack not S P check breve acute mathring rightarrow mathbbm dagger diamond Diamond oplus "
    "otimes cfrac dfrac tfrac nicefrac sfrac xrightarrow longdiv phantom arctanh"
)
KNOWN = frozenset().union(
    OPENING, CLOSING, INFIX, STRUCTURAL, GREEK, IGNORED, WRAPPERS, TEXTS, DROPPED, RELATIONS,
    FUNCTIONS, CONSTANTS, {"backslash", "R", "N", "Z"},
)  # fmt: skip
"""Every command that can be separated from letters that follow it."""

SIGNS = {
    "−": "-", "–": "-", "—": "-", "﹣": "-", "‐": "-", "‑": "-", "－": "-", "＋": "+", "―": "-",
    "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "•": r"\cdot ",
    "✕": r"\times ",
    "÷": "/", "⁄": "/", "∕": "/", "∗": "*", "⋆": "*", "±": r"\pm ", "∓": r"\mp ", "≤": r"\le ",
    "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≦": r"\le ", "≧": r"\ge ", "≠": r"\ne ",
    "≈": r"\approx ", "≃": r"\approx ", "≅": r"\cong ", "≡": r"\equiv ", "∈": r"\in ",
    "∉": r"\notin ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ", "⊂": r"\subset ",
    "⊆": r"\subseteq ", "⊇": r"\supseteq ", "⊃": r"\supset ",
    "∅": r"\emptyset ", "⌀": r"\emptyset ", "Ø": r"\emptyset ",
    "ø": r"\emptyset ",
    "∞": r"\infty ", "√": r"\sqrt ", "∛": r"\cbrt ", "∜": r"\sqrt[4]", "∑": r"\sum ",
    "∏": r"\prod ",
    "∫": r"\int ", "∂": r"\partial ", "∠": r"\angle ", "△": r"\triangle ", "∆": r"\Delta ",
    "⊥": r"\perp ", "∥": r"\parallel ", "°": r"^{\circ}", "º": r"^{\circ}", "˚": r"^{\circ}",
    "℃": r"^{\circ}", "′": "'", "″": "''", "’": "'", "‘": "'", "“": '"', "”": '"', "→": r"\to ",
    "⇒": r"\Rightarrow ", "⟹": r"\Rightarrow ", "∀": r"\forall ", "∃": r"\exists ", "∧": r"\land ",
    "∨": r"\lor ", "¬": r"\neg ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ",
    "⌉": r"\rceil ", "⟨": r"\langle ", "⟩": r"\rangle ", "〈": r"\langle ", "〉": r"\rangle ",
    "…": r"\ldots ", "⋯": r"\ldots ", "∣": "|", "│": "|", "｜": "|", "∶": ":", "≔": ":=",
    "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℝ": r"\mathbb{R}",
    "ℂ": r"\mathbb{C}", "，": ",", "、": ",", "；": ";", "：": ":", "（": "(", "）": ")",
    "【": "[", "】": "]", "。": ".", "٫": ".", "٬": ",", "،": ",", "؛": ";", "٪": r"\%",
    "％": r"\%",
    "‰": r"/10\%", "ⅈ": "i", "ⅇ": "e", "ı": "i",
}  # fmt: skip
"""Non-ASCII characters with their ASCII LaTeX."""

RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᵏᵐᵖᵗˣʸᵀ", "0123456789+-=()niabcdekmptxyT", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼ", "0123456789+-=()aeoxhklmnpstij", strict=True))

FORMULA_MARKS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
"""Pairs of marks that open and close a formula in prose."""
FRACTIONS = these("frac dfrac tfrac cfrac")
ENVIRONMENTS = these("align aligned gather gathered equation split eqnarray")
"""Environments whose rows are separate formulas."""
PROSE_FUNCTIONS = these("sin cos tan cot sec csc log exp sqrt max min gcd lcm mod det")
"""Function names without a backslash that are not words of prose, unlike `floor` and `sign`."""


def any_of(names: Iterable[str]) -> str:
    """Return a pattern that matches any of the names or signs, the longest first."""
    return "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name))))


TEXT_NAMES = any_of(TEXTS)
TEXT_COMMAND = rf"\\(?:{TEXT_NAMES})(?![a-zA-Z])"
r"""A pattern of `\text` and the like, without their argument."""
FRACTION = rf"\\(?:{any_of(FRACTIONS)})"


def relation_signs(*meanings: str) -> frozenset[str]:
    """Return every sign and command of a relation with one of these meanings in RELATIONS."""
    found = {name for name, meaning in RELATIONS.items() if meaning in meanings}
    plain = {f"\\{name}" if name.isalpha() else name for name in found}
    return frozenset(plain).union(sign for sign, text in SIGNS.items() if text.strip() in plain)


def in_ascii(sign: str) -> str:
    r"""Return the ASCII operator that a sign of Unicode is: `*` for `×`, `-` for a dash."""
    text = SIGNS.get(sign, sign).strip()
    return INFIX.get(text.removeprefix("\\"), text)
