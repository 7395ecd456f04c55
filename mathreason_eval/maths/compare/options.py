"""Multiple choice: the options that an answer claims, denies or leaves open, by their letters.

`B) 15` claims B, `A is wrong, B is correct` claims B and denies A, `B or C` claims neither: it
leaves two open. An answer is right if what it claims is exactly what the gold names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from mathreason_eval.maths.compare.comparison import Finding, different, equal
from mathreason_eval.maths.vocabulary.latex import TEXT_NAMES
from mathreason_eval.maths.vocabulary.negation import DENIED, DENIES, NO_DENIAL
from mathreason_eval.maths.vocabulary.retraction import WRONG_OPTION


class Options(NamedTuple):
    """What an answer says about options; letters are in upper case."""

    claimed: frozenset[str]
    denied: frozenset[str] = frozenset()
    is_open: bool = False
    """Whether what is claimed are alternatives: `B or C`."""

    @property
    def text(self) -> str:
        """The options as an answer: `A, C`; `A or C` where they are alternatives."""
        return (" or " if self.is_open else ", ").join(sorted(self.claimed))


LETTERS = "A-JАБВГДأبجدกขคงकखगघকখগঘ"
"""Letters of options, as the inside of a pattern's brackets."""
_MARKUP = re.compile(
    rf"\\(?:{TEXT_NAMES}|boxed|left|right|bigl?|bigr)(?![a-zA-Z])|[{{}}$`\"“”]"
    r"|\\[,;:! ]|\*\*|(?<![\w)}])\*|\*(?![\w(\\])"
)
_WORDED = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""A sign of a word in a script that puts spaces between its words."""
_LETTER = re.compile(
    rf"""
    (?<!{_WORDED})(?<![\\'’-]) (?:
        [(\[]\s*(?P<bracketed>[{LETTERS}a-j])\s*[)\]]
      | (?P<labelled>[{LETTERS}a-j])(?=\s?[).:：、](?!\d))
      | (?P<run>[A-J]{{2,10}})
      | (?P<alone>[{LETTERS}])
    ) (?!{_WORDED}|['’^_(])
    """,
    re.VERBOSE,
)
_ARTICLE = re.compile(
    r"(?:A|I)[ ]+(?!(?:is|are|was|were|and|or|but|since|because|as|seems?|nor|not|cannot|only|also"
    r"|et|y|o|e|und|oder|ist|est|es|can't|isn't)\b)[a-z]"
)
"""`A dog` and `I think`, which name no option."""
_OPERATION = re.compile(
    r"\s*[-+*/^<>≤≥=]\s*(?:[\d.a-z(\\]|[A-J]\s*[-+*^]\s*[\d.a-z(\\])|\s*[-*^<>≤≥]\s*[A-Z]"
)
"""What follows the letter of a variable rather than of an option: `A + 1`."""
_ALL = re.compile(
    r"(?:[\s,;&+、，]|\b(?:and|both|also|as\s+well\s+as|plus|nor|but\s+also|und|sowie|et|y|e|и|ve|dan)\b"
    r"|[和与與及跟와과と]|และ|और|এবং|(?<!\w)و|option|choice)*\Z",
    re.IGNORECASE,
)
"""What joins options that are all claimed."""
_ANY = re.compile(
    r"(?:[\s,;)]|\b(?:and/or|or|either|else|maybe|perhaps|possibly|oder|ou|o|или|veya|atau|option)\b|[/|=≈]"
    r"|或者?|還是|还是|または|หรือ|या|বা|أو)+\Z",
    re.IGNORECASE,
)
"""What joins options of which one is claimed."""
_REASON = re.compile(
    r"\b(?:because|since|as\s+(?:it|the|we)|for\s+the\s+reason|where|given\s+that|so\s+that|weil|da|car|parce"
    r"|porque|perché|потому)\b|因为|因為",
    re.IGNORECASE,
)
_LESSER = re.compile(
    r"[\s)\].,:]*(?:over|as\s+opposed\s+to|better\s+than|ahead\s+of)\s+(?:(?:option|choice|answer)\s+)?"
    r"[(\[\s]*",
    re.IGNORECASE,
)
"""Between an option and one that it is preferred to: `I choose C over B`."""
_CLAUSE = re.compile(
    r"[.,;:!?()\n。，；！？]|(?<!anything )(?<!nothing )(?<![Aa]ll )\bbut\b"
    r"|\b(?:however|while|whereas|so|thus|hence)\b|而|但"
)
_OR_NOTHING = re.compile(
    r"\W*(?:or|oder|ou|o|или)\s+(?:none|neither|nothing|not|something|another)\b|\W*或",
    re.IGNORECASE,
)
_LONGEST = 2_000
"""Characters of an answer in which options are looked for."""
_MOST = 40
"""Letters that are looked at."""


class _Group(NamedTuple):
    """Options that are joined by conjunctions: `A, B and C`."""

    letters: tuple[str, ...]
    start: int
    end: int
    is_open: bool = False


_ALL_BUT = re.compile(
    r"\b(?:all|everything|each)\s+(?:\w+\s+)?(?:but|except)\s+(?P<rest>[(\[]?[A-J][)\]]?)\s+(?:is|are)\s+"
    r"(?:wrong|incorrect|false)\b",
    re.IGNORECASE,
)
"""What denies all options but one: `all but B are wrong`."""


@lru_cache(maxsize=4096)
def read_options(answer: str) -> Options | None:
    """Return what an answer of multiple choice claims and denies; None if it names no option."""
    plain = _MARKUP.sub(" ", answer[:_LONGEST])
    plain = NO_DENIAL.sub(lambda found: " " * len(found.group()), plain)
    if (judged := _judged(plain)) is not None:
        return judged
    plain = _ALL_BUT.sub(lambda found: found["rest"].rjust(len(found.group())), plain)
    groups = _groups(plain, list(_letters(plain)))
    if not groups and (concluded := _concluded(plain)):
        # `C > B, so C`: in what it is concluded from, letters are values.
        plain = " " * concluded + plain[concluded:]
        groups = _groups(plain, list(_letters(plain)))
    if not groups:
        return None
    claimed: set[str] = set()
    denied: set[str] = set()
    is_open = False
    for index, group in enumerate(groups):
        before = plain[groups[index - 1].end if index else 0 : group.start]
        after = plain[group.end : groups[index + 1].start if index + 1 < len(groups) else None]
        if claimed and _REASON.search(before):
            break
        is_last = index + 1 == len(groups)
        is_lesser = claimed and _LESSER.fullmatch(before)
        if is_lesser or _is_denied(before, after, is_last=is_last):
            denied.update(group.letters)
            continue
        claimed.update(group.letters)
        is_open |= group.is_open or _OR_NOTHING.match(after) is not None
    return Options(frozenset(claimed), frozenset(denied) - claimed, is_open)


_VERDICT = re.compile(
    rf"(?:\A|[\s,;.|])[(\[]?(?P<letter>[{LETTERS}])[)\].:]{{0,2}}\s*[-–—:=|]?\s*"
    r"(?:(?P<yes>yes|true|correct|right|✓|✔|✅)|(?P<no>no|false|incorrect|wrong|not\s+(?:true|correct)|✗|✘|❌))"
    r"(?=[\s,;.!|]|\ufe0f|\Z)",
    re.IGNORECASE,
)
_ONLY_VERDICTS = re.compile(r"[\s,;.|!()\ufe0f]*")


_FEWEST_JUDGED = 2


def _judged(plain: str) -> Options | None:
    """Return the options of a list with a verdict on each, `A: no, B: yes`; else None."""
    found = list(_VERDICT.finditer(plain))
    if len(found) < _FEWEST_JUDGED or _ONLY_VERDICTS.fullmatch(_VERDICT.sub(" ", plain)) is None:
        return None
    claimed = frozenset(one["letter"].upper() for one in found if one["yes"])
    return Options(claimed, frozenset(one["letter"].upper() for one in found) - claimed)


_CONCLUDES = re.compile(
    r"\b(?:so|thus|hence|therefore|consequently|which\s+means)\b|[∴⇒]|\\(?:therefore|implies|Rightarrow)(?![a-z])"
    r"|所以|因此|故",
    re.IGNORECASE,
)


def _concluded(plain: str) -> int:
    """Return where the last conclusion of a text begins; 0 if it draws none."""
    return max((found.end() for found in _CONCLUDES.finditer(plain)), default=0)


_SENTENCE = re.compile(r"[.!?]\s|\n|。")
_ONE = frozenset("ABCDEFGHIJ" + LETTERS[3:])


def _letters(plain: str) -> Iterator[_Group]:
    """Yield the options that a text names, in order; none where a letter is a variable."""
    is_whole = len(plain.strip(" \t\n.,()[]")) == 1
    if is_whole and (letter := plain.strip(" \t\n.,()[]")).upper() in _ONE:
        yield _Group((letter.upper(),), 0, len(plain))
        return
    label, label_end = None, 0
    for count, found in enumerate(_LETTER.finditer(plain)):
        kind = found.lastgroup
        assert kind is not None, "every alternative has a name"
        letters = found[kind]
        if count == _MOST or (kind == "alone" and _is_variable(plain, *found.span())):
            return
        if kind == "alone" and _ARTICLE.match(plain, found.start()):
            continue
        if label is not None and _SENTENCE.search(plain, label_end, found.start()):
            label = None
        if kind == "run" and list(letters) != sorted(set(letters)):
            continue
        # What follows a label is the option's text, whose letters are no options.
        if label is not None and kind in {"alone", "run"}:
            continue
        if label is None and kind in {"bracketed", "labelled"} and _has_text(plain, found.end()):
            label, label_end = kind, found.end() + 1
        yield _Group(tuple(letters.upper()), found.start(), found.end())


_COMMAND = re.compile(r"\\[a-zA-Z]")
"""A command of LaTeX that is no markup: a letter next to it is a variable."""


_NAMED = re.compile(
    r"\b(?:vitamin|hepatitis|type|grade|plan|team|point|line|angle|vertex|group|class|section|figure|series|variable|set|event"
    r"|matrix|side|train|car|person|player|city|town|station|box|bag|machine|pipe|worker|degrees?|appendix|schedule)s?\s+\Z",
    re.IGNORECASE,
)
_NAME_REACH = 16
"""What a letter is the name of, other than an option: `vitamin C`, `plan B`."""


def _is_variable(plain: str, start: int, end: int) -> bool:
    """Return whether a letter is calculated with, or is the unit of a number: `A + 1`, `5 J`."""
    last = plain[:start].rstrip()[-1:]
    if _OPERATION.match(plain, end) or last.isdecimal() or last == "°":
        return True
    if _NAMED.search(plain, max(0, start - _NAME_REACH), start):
        return True
    return _COMMAND.search(plain) is not None


_TEXT = re.compile(
    r"\s?[).:：、]?\s*(?!(?:and|or|but|is|are|since|because|und|oder|et|ou|y|o)\b"
    r"|[A-J]\s?(?:[).:,;]|\Z)|\([A-J]\))[^\s,;&/|.):：、=+]",
    re.IGNORECASE,
)


def _has_text(plain: str, end: int) -> bool:
    """Return whether the text of an option follows its letter."""
    return _TEXT.match(plain, end) is not None


def _groups(plain: str, letters: Sequence[_Group]) -> list[_Group]:
    """Join neighbouring options that only a conjunction separates."""
    groups: list[_Group] = []
    for one in letters:
        between = plain[groups[-1].end : one.start].lstrip(").:") if groups else ""
        ends = ";" in between and DENIES.search(plain, 0, groups[-1].start) is not None
        if groups and not ends and (_ALL.match(between) or _ANY.match(between)):
            last = groups[-1]
            is_open = last.is_open or _ALL.match(between) is None
            groups[-1] = _Group((*last.letters, *one.letters), last.start, one.end, is_open)
        else:
            groups.append(one)
    return groups


_WRONG = re.compile(rf"(?:{WRONG_OPTION})[\W]*\Z|\b(?:doubt|dispute|disbelieve|disagree)\b")
_ONLY_NEARLY = re.compile(
    r"[\s)\].:]*(?:would\s+(?:only\s+)?(?:be|have\s+been)\s+(?:\w+\s+){1,3}?(?:if|had|were)\b"
    r"|(?:is|was|seems?|looks?|may\s+(?:be|look|seem))\s+(?:\w+\s+)?(?:tempting|close|attractive|plausible|appealing|popular"
    r"|near)\b[^.]{0,40}\bbut\b)",
    re.IGNORECASE,
)
"""What follows an option that would be right elsewhere: `C is tempting, but`."""


def _is_denied(before: str, after: str, *, is_last: bool) -> bool:
    """Return whether the clause around some options denies them; `B is not A` denies A alone."""
    *_, clause = _CLAUSE.split(before)
    denied = DENIED.match(after)
    ends = denied is not None and (is_last or after[denied.end() :].strip() != "")
    if DENIES.search(clause) is not None or ends:
        return True
    return _WRONG.search(clause.lower()) is not None or _ONLY_NEARLY.match(after) is not None


# --- an option with its text ---------------------------------------------------------------------

_OPTION = re.compile(
    r"(?P<wrapped>\\(?:text|textbf|mathrm|mathbf|textrm)\s*\{\s*)?"
    r"(?:\((?P<bracketed>[A-J])\)|(?P<letter>[A-J])[).](?!\d))(?P<closed>\s*\})?"
    r"(?:\s|\\[ ,;:]|~|\\q?quad(?![a-z]))*(?P<text>\S.*)",
    re.DOTALL,
)
_MAYBE_OPTION = re.compile(r"[{(]*[A-J](?![a-z])|\\(?:text|math)")


class LabelledText(NamedTuple):
    """An option with its text, as in `(B) 15`."""

    letter: str
    text: str


def labelled(text: str) -> LabelledText | None:
    """Return the letter and the text of an answer such as `(B) 15` or `B) 15`, else None."""
    found = _OPTION.fullmatch(text) if _MAYBE_OPTION.match(text) else None
    read = read_options(text) if found is not None else None
    if found is None or read is None or read.is_open or len(read.claimed) != 1:
        return None
    rest = found["text"]
    if found["wrapped"] and not found["closed"]:
        rest = rest.removesuffix("}") if rest.count("}") > rest.count("{") else rest
    return LabelledText(found["bracketed"] or found["letter"], rest.strip())


# --- comparison ----------------------------------------------------------------------------------

_NOT_LETTERS = re.compile(r"\b(?:option|choice|answer|and)s?\b|[\s,;&().\[\]:]", re.IGNORECASE)
_LONGEST_LETTERS = 60


@lru_cache(maxsize=4096)
def only_options(text: str) -> Options | None:
    """Return the options of an answer that is nothing but their letters: `B`, `(B)`, `A and C`."""
    if len(text) > _LONGEST_LETTERS:
        return None
    bare = _NOT_LETTERS.sub("", _MARKUP.sub(" ", text))
    named = bare.upper() if len(bare) == 1 and not _is_variable_name(text) else bare
    if not named or not _ONE.issuperset(named):
        return None
    read = read_options(text)
    return None if read is None or read.is_open or read.denied else read


def is_run(text: str) -> bool:
    """Return whether several letters are written as one word, as the name of a segment would be."""
    return text.isalpha() and len(text) > 1


def same_options(gold: str, answer: str) -> Finding | None:
    """Compare options by their letters; None where either may be something else."""
    one, other = only_options(gold), only_options(answer)
    if one is not None and is_run(gold) and (other is None or is_run(answer)):
        return None
    if one is None and (named := labelled(gold)) is not None:
        one = Options(frozenset(named.letter))
        is_named = other is not None or labelled(answer) is not None
    else:
        is_named = read_options(answer) is not None and not _is_variable_name(answer)
    return claims_options(one, answer) if one is not None and is_named else None


def _is_variable_name(text: str) -> bool:
    """Return whether a text is a small letter alone, which is a variable rather than an option."""
    return len(text) == 1 and text.islower()


def claims_options(gold: Options, answer: str) -> Finding:
    """Return whether an answer claims exactly the options that a gold names."""
    read = read_options(answer)
    if read is None:
        return different("choice", f"{answer[:40]!r} names no option")
    if read.is_open:
        return different("choice", f"{read.text} leaves open which")
    if not read.claimed:
        return different(
            "choice", f"{', '.join(sorted(read.denied))} is denied, and no other claimed"
        )
    note = f"option {read.text} against {gold.text}"
    return (equal if read.claimed == gold.claimed else different)("choice", note)
