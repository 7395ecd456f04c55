"""The vocabulary of answers: commands, functions, letters, and words that are not mathematics."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """Return the words of a text in order."""
    return text.split()


def these(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


GREEK = these(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "omicron rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta "
    "Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar"
)
SAME_LETTER = {"varepsilon": "epsilon", "vartheta": "theta", "varrho": "rho", "varphi": "phi",
               "varsigma": "sigma"}  # fmt: skip
"""Two shapes of one Greek letter."""

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
    "tr": "tr", "rank": "rank", "dim": "dim", "sup": "max", "inf": "min",
    "hcf": "gcd", "Arg": "arg", "Log": "log", "Ln": "ln", "arcsec": "arcsec",
}  # fmt: skip
"""Names of functions as written, and what they are called here."""

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
"""Commands whose argument means what it would mean alone."""

TEXTS = these(
    "text textrm textbf textit textsf texttt textnormal textup textsl mbox mathrm operatorname "
    "operatornamewithlimits emph textmd textsc mathnormal"
)
"""Commands whose argument is words, or mathematics set upright."""

DROPPED = these("hspace vspace phantom hphantom vphantom cancel xcancel bcancel sout label tag")
"""Commands that vanish together with their argument."""

RELATIONS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "==": "=", ":=": "=",
    "=<": "<=", "=>": "=>", "~": "~",
    "le": "<=", "leq": "<=", "leqslant": "<=", "leqq": "<=", "ge": ">=", "geq": ">=",
    "geqslant": ">=", "geqq": ">=", "lt": "<", "gt": ">", "ne": "!=", "neq": "!=",
    "in": "in", "notin": "notin", "approx": "~", "approxeq": "~", "thickapprox": "~",
    "simeq": "~", "doteq": "~", "equiv": "equiv", "sim": "sim", "cong": "cong", "propto": "propto",
    "coloneqq": "=", "subset": "subset", "subseteq": "subset", "perp": "perp",
    "parallel": "parallel", "Rightarrow": "=>", "implies": "=>", "Longrightarrow": "=>",
    "iff": "iff", "Leftrightarrow": "iff", "mapsto": "mapsto", "rightarrow": "to", "to": "to",
    "ni": "ni", "longrightarrow": "to",
}  # fmt: skip

SPACES = frozenset({",", ";", ":", "!", " ", ">", "/", "-"})
"""One-character commands that are white space (or a hint for hyphenation)."""

SETS = {"R": "RR", "N": "NN", "Z": "ZZ", "Q": "QQ", "C": "CC", "P": "PP"}

CONSTANTS = {"pi": "pi", "infty": "oo", "infinity": "oo", "Infinity": "oo", "e": "e", "i": "i",
             "imath": "i", "inf": "oo"}  # fmt: skip

QUALIFIERS = these("where for if when with such given provided whenever assuming because since as")
"""Words after which an answer is only explained or restricted."""

CONDITIONS = these("if when whenever provided assuming given")
"""Qualifiers that change what is claimed."""

FILLERS = these(
    "only exactly approximately about roughly nearly circa is are equals equal the a an answer "
    "value values solution solutions final result therefore thus so hence either all both of"
)
"""Words that may stand before an answer and say nothing."""

NEVER_UNITS = these(
    "not no none neither nor is isn't are aren't wrong false incorrect less more than at least "
    "most greater fewer between but unless except without never over under up down if when then "
    "minus plus times divided squared cubed undefined infinite infinitely impossible cannot "
    "to from does doesn't don't do only else otherwise positive negative even odd prime"
)
"""Words that change what stands beside them, so they are never dropped as a unit."""

SHORT_WORDS = these(
    "the is are of to on at by an and or not no yes so if be it as in odd may sum per day all any "
    "one two ten six red cat dog men man boy old new his her its box way ways pen cup car cm mm km "
    "kg mg ml ft mi hr sec min lb lbs oz mph kph kwh usd eur gbp rmb rs mol rad deg sq cu bus pie "
    "bag hat ice egg win won pay age ago was has had can you we he she mon tue wed thu fri sat "
    "jan feb mar apr jun jul aug sep oct nov dec nan ton tie aces pct none east west"
)
"""Words of two or three letters, and others without the look of a word, that are not products."""
