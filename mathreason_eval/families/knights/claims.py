"""Who is said to be what: claims about the roles of known people, read from prose and lists.

`Ana is a knave`, `Omar: not a knight`, `| Ana | knave |`, `Ana and Omar are both knaves`, `Knights:
Ana, Omar`, `all of them are knaves`. What depends on an `if`, or is only reported as said, is
nobody's answer and is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mathreason_eval.families.knights.roles import OPPOSITES


def _any_of(words: str) -> str:
    """Return a pattern of whole words; `~` is white space within one."""
    return rf"(?:{'|'.join(words.split())})(?!\w)".replace("~", r"\s+")


_KINDS = {
    "line": r"\n",
    "stop": r"[.;!?](?=\s|\Z)",
    "maybe": _any_of(
        r"if suppos\w* assum\w* hypothe\w* whether unless either neither would could might may were"
        r" contradict\w*"
    ),
    "speech": _any_of(
        r"sa(?:y|ys|ying|id) claim\w* stat(?:e|es|ed|ing|ements?) assert\w* declar\w* remark\w*"
        r" mention\w* comment\w* not(?:es|ed) express\w* according"
        r" t(?:ell|ells|old)(?!~(?:the~truth|lies))"
    ),
    "so": _any_of("so thus hence therefore"),
    "never": _any_of(r"can(?:\s?not|['’]t)~be (?:is|are|was)n['’]t not never"),
    "link": _any_of("is are was be being as must has have to turns out")
    + r"|[-=]>|[:=|(→—–-]|['’]s(?=\s+(?:not\s+)?(?:an?|the)\s)",
    "all": _any_of(
        r"(?:all|both)(?:~(?:of~)?(?:them|the|two|three|four|five|six|seven|eight|people"
        r"|inhabitants|persons|villagers))* every(?:one|body)"
    ),
    "and": _any_of("and") + "|&",
    "comma": ",",
    "or": _any_of("or") + "|/",
    "filler": _any_of(r"an? the also indeed each only then but rather \w+ly \d+")
    + r"|[)\]\[{}\"'“”]",
    "other": r"\w+",
}
"""Kinds of words that matter; any `other` word ends a claim."""


_PATTERN = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()), re.IGNORECASE
)


def claims(text: str, names: Sequence[str], roles: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Return the roles that a text claims of each person; two of one person contradict each other.

    Linear in the text.

    Args:
        text: an answer.
        names: the people.
        roles: one role or two, in the singular.
    """
    reader = _Reader(names, roles)
    text = unmarked(text)
    known = {name.casefold(): ("name", name) for name in names}
    for place, name in enumerate(sorted(names, key=len, reverse=True)):
        if not name.isalnum():
            # A name of several words becomes one; the longer first, as Mary Ann is not Mary.
            parts = r"\s+".join(map(re.escape, name.split()))
            text = re.sub(rf"(?<!\w){parts}(?!\w)", f"person_{place}", text, flags=re.IGNORECASE)
            known[f"person_{place}"] = ("name", name)
    for role in reader.opposite:
        # As any word is taken whole, Jackson is not Jack; a plural is the same role.
        known |= dict.fromkeys((role, f"{role}s", f"{role}es"), ("role", role))
    for found in _PATTERN.finditer(text):
        kind, word = known.get(found.group().casefold(), (found.lastgroup, ""))
        assert kind is not None, "every alternative is a group"
        if kind == "name":
            reader.meet(word)
        elif kind == "role":
            reader.hear_role(word)
        else:
            reader.hear(kind)
    return {name: frozenset(said) for name, said in reader.said.items()}


_MARKUP = re.compile(r"[*_`#$~\\]+(?:(?<=\\)[A-Za-z]+)?|</?\w{1,10}>")


def unmarked(text: str) -> str:
    """Return a text without marks of emphasis, LaTeX commands and tags."""
    return _MARKUP.sub(" ", text.replace("\\\\", "\n").replace("<br>", "\n"))


class _Reader:
    """Hears an answer word by word and notes who is said to be what."""

    def __init__(self, names: Sequence[str], roles: Sequence[str]) -> None:
        self.everybody = tuple(names)
        self.opposite = _opposites(roles)
        self.said: dict[str, set[str]] = {name: set() for name in names}
        self._heading: str | None = None
        """A role that came before its people: `Knights: Ana, Omar`."""
        self._listing = False
        """Whether people who are named now are of that role."""
        self._muted: str | None = None
        self._last = "line"
        self._forget()

    def _forget(self) -> None:
        self._subjects: list[str] = []
        self._linked = self._negated = False
        self._claimed: list[tuple[str, str]] = []

    def meet(self, name: str) -> None:
        """Hear a name: somebody of whom something will be said, or the next of a list."""
        if self._listing and self._heading is not None and not self._muted:
            self._forget()
            self._subjects = [name]
            self._claim(self._heading)
            self._last = "listed"
            return
        if self._last not in {"and", "comma"} or self._linked:
            self._forget()
        self._subjects.append(name)
        self._last = "name"

    def hear_role(self, role: str) -> None:
        """Hear a role: what is said of the people before it, or a heading of those after it."""
        # `Ana is a knight, Omar a knave`, and a table without lines.
        follows = self._linked or self._last == "name"
        self._last = "role"
        if self._subjects and follows:
            if not self._muted:
                self._claim(self.opposite[role] if self._negated else role)
            self._negated = False
        else:
            self._forget()
            self._heading, self._listing = role, False

    def hear(self, kind: str) -> None:
        """Hear any other word, of one of the kinds above."""
        if kind in {"line", "stop"}:
            self._end(line=kind == "line")
        elif kind in {"maybe", "speech", "or", "so", "comma"}:
            self._mute(kind)
        elif kind in {"link", "never"}:
            self._link(never=kind == "never")
        elif kind == "all":
            self._all()
        elif kind == "other":
            self._forget()
            self._heading = None
        if kind not in {"filler", "all"}:
            self._last = kind

    def _mute(self, kind: str) -> None:
        """Pass over what is supposed or reported, and listen again after it."""
        if kind in {"so", "comma"}:
            # A report ends with a comma, a supposition with what follows from it.
            if self._muted == "speech" or (kind == "so" and self._muted is not None):
                self._muted = None
                self._forget()
        elif kind == "or":
            self._take_back()
            self._muted = self._muted or "speech"
        else:
            if kind == "maybe" and self._last == "role":
                # `Ana is a knight if Omar is one`: nothing is said of Ana.
                self._take_back()
            self._muted = self._muted or kind

    def _end(self, *, line: bool) -> None:
        if line and self._heading is not None and self._last == "role":
            self._listing = True
        elif not line or not self._listing:
            self._heading = None
        self._forget()
        self._muted = None

    def _link(self, *, never: bool) -> None:
        if self._last == "listed":
            # It was no list: `Who is a knight? Ana is.`
            self._take_back()
            self._heading = None
        elif self._heading is not None and self._last == "role" and not self._subjects:
            self._listing = True
            return
        self._linked = bool(self._subjects)
        self._negated = self._negated or never

    def _all(self) -> None:
        if self._listing and self._heading is not None:
            self._subjects = [*self.everybody]
            self._claim(self._heading)
        elif not self._subjects:
            self._subjects = [*self.everybody]

    def _claim(self, role: str) -> None:
        self._claimed = [(name, role) for name in self._subjects]
        for name, each in self._claimed:
            self.said[name].add(each)

    def _take_back(self) -> None:
        for name, role in self._claimed:
            self.said[name].discard(role)
        self._claimed = []


def _opposites(roles: Sequence[str]) -> Mapping[str, str]:
    """Return for each role that may be named what someone is who is not that."""
    if len(roles) > 1:
        one, other = roles[:2]
        return {one: other, other: one}
    known = {role: OPPOSITES.get(role, f"no {role}") for role in roles}
    return known | {other: role for role, other in known.items() if role in OPPOSITES}
