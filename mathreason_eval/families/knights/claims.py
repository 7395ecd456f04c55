"""Claims about the roles of known people, read from prose, lists and tables.

`Ana is a knave`, `Omar: not a knight`, `| Ana | knave |`, `Ana and Omar are both knaves`, `Knights:
Ana, Omar`, `all of them are knaves`. Conditional claims and reported speech are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mathreason_eval.families.knights.family import OPPOSITES


def _any_of(words: str) -> str:
    """Return a pattern of whole words; `~` stands for white space within one."""
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
"""Kinds of tokens with their patterns; any `other` word ends a claim."""
_PATTERN = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()), re.IGNORECASE
)


def claims(text: str, names: Sequence[str], roles: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Return the roles that a text gives each person; two roles are a contradiction.

    Takes time linear in the text.

    Args:
        text: an answer.
        names: names of the people.
        roles: one or two roles, in the singular.
    """
    reader = _Reader(names, roles)
    text = without_markup(text)
    known = {name.casefold(): ("name", name) for name in names}
    for number, name in enumerate(sorted(names, key=len, reverse=True)):
        if not name.isalnum():
            # A name of several words becomes one token, longer ones first: Mary Ann is not Mary.
            parts = r"\s+".join(map(re.escape, name.split()))
            text = re.sub(rf"(?<!\w){parts}(?!\w)", f"person_{number}", text, flags=re.IGNORECASE)
            known[f"person_{number}"] = ("name", name)
    for role in reader.opposite:
        # Tokens are whole words, so Jackson is not Jack; a plural is the same role.
        known |= dict.fromkeys((role, f"{role}s", f"{role}es"), ("role", role))
    for found in _PATTERN.finditer(text):
        kind, word = known.get(found.group().casefold(), (found.lastgroup, ""))
        assert kind is not None, "every alternative is a group"
        if kind == "name":
            reader.read_name(word)
        elif kind == "role":
            reader.read_role(word)
        else:
            reader.read(kind)
    return {name: frozenset(roles) for name, roles in reader.claimed.items()}


_MARKUP = re.compile(r"[*_`#$~\\]+(?:(?<=\\)[A-Za-z]+)?|</?\w{1,10}>")


def without_markup(text: str) -> str:
    """Return a text without emphasis, LaTeX commands and tags."""
    return _MARKUP.sub(" ", text.replace("\\\\", "\n").replace("<br>", "\n"))


class _Reader:
    """Reads an answer token by token and collects the claims in it."""

    def __init__(self, names: Sequence[str], roles: Sequence[str]) -> None:
        self._everybody = tuple(names)
        self.opposite = _opposites(roles)
        self.claimed: dict[str, set[str]] = {name: set() for name in names}
        self._heading: str | None = None
        """A role that precedes its people: `Knights: Ana, Omar`."""
        self._listing = False
        """Whether the names that follow have that role."""
        self._skipping: str | None = None
        """The kind of token that began a supposition or reported speech; None outside of them."""
        self._last = "line"
        self._reset()

    def _reset(self) -> None:
        self._subjects: list[str] = []
        self._linked = self._negated = False
        self._last_claims: list[tuple[str, str]] = []

    def read_name(self, name: str) -> None:
        """Read a name: the subject of a claim, or the next one below a heading."""
        if self._listing and self._heading is not None and not self._skipping:
            self._reset()
            self._subjects = [name]
            self._claim(self._heading)
            self._last = "listed"
            return
        if self._last not in {"and", "comma"} or self._linked:
            self._reset()
        self._subjects.append(name)
        self._last = "name"

    def read_role(self, role: str) -> None:
        """Read a role: a claim about the names before it, or a heading of those after it."""
        # `Ana is a knight, Omar a knave`, and tables without lines.
        follows = self._linked or self._last == "name"
        self._last = "role"
        if self._subjects and follows:
            if not self._skipping:
                self._claim(self.opposite[role] if self._negated else role)
            self._negated = False
        else:
            self._reset()
            self._heading, self._listing = role, False

    def read(self, kind: str) -> None:
        """Read any other token, of one of `_KINDS`."""
        if kind in {"line", "stop"}:
            self._end(line=kind == "line")
        elif kind in {"maybe", "speech", "or", "so", "comma"}:
            self._skip(kind)
        elif kind in {"link", "never"}:
            self._link(never=kind == "never")
        elif kind == "all":
            self._all()
        elif kind == "other":
            self._reset()
            self._heading = None
        if kind not in {"filler", "all"}:
            self._last = kind

    def _skip(self, kind: str) -> None:
        """Begin or end skipping suppositions and reported speech."""
        if kind in {"so", "comma"}:
            # Reported speech ends at a comma, a supposition at its consequence.
            if self._skipping == "speech" or (kind == "so" and self._skipping is not None):
                self._skipping = None
                self._reset()
        elif kind == "or":
            self._retract()
            self._skipping = self._skipping or "speech"
        else:
            if kind == "maybe" and self._last == "role":
                # `Ana is a knight if Omar is one` claims nothing about Ana.
                self._retract()
            self._skipping = self._skipping or kind

    def _end(self, *, line: bool) -> None:
        if line and self._heading is not None and self._last == "role":
            self._listing = True
        elif not line or not self._listing:
            self._heading = None
        self._reset()
        self._skipping = None

    def _link(self, *, never: bool) -> None:
        if self._last == "listed":
            # It was not a list: `Who is a knight? Ana is.`
            self._retract()
            self._heading = None
        elif self._heading is not None and self._last == "role" and not self._subjects:
            self._listing = True
            return
        self._linked = bool(self._subjects)
        self._negated = self._negated or never

    def _all(self) -> None:
        if self._listing and self._heading is not None:
            self._subjects = [*self._everybody]
            self._claim(self._heading)
        elif not self._subjects:
            self._subjects = [*self._everybody]

    def _claim(self, role: str) -> None:
        self._last_claims = [(name, role) for name in self._subjects]
        for name, each in self._last_claims:
            self.claimed[name].add(each)

    def _retract(self) -> None:
        for name, role in self._last_claims:
            self.claimed[name].discard(role)
        self._last_claims = []


def _opposites(roles: Sequence[str]) -> Mapping[str, str]:
    """Return {role: the other role} for each role that may be named."""
    if len(roles) > 1:
        one, other = roles[:2]
        return {one: other, other: one}
    known = {role: OPPOSITES.get(role, f"no {role}") for role in roles}
    return known | {other: role for role, other in known.items() if role in OPPOSITES}
