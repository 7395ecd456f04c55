"""Words for who tells the truth and who lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two words, one for each kind of person."""

    knight: str
    """Whoever tells the truth."""
    knave: str
    """Whoever lies."""

    def a(self, *, truthful: bool) -> str:
        """Return one word with its article: `a knight`, `an impostor`."""
        word = self.knight if truthful else self.knave
        return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"

    @property
    def flipped(self) -> Pair:
        """Return the pair in which each word has the other's meaning."""
        return Pair(knight=self.knave, knave=self.knight)


def _pairs(spelled: str) -> tuple[Pair, ...]:
    words = (pair.split("/") for pair in spelled.split())
    return tuple(Pair(knight=knight, knave=knave) for knight, knave in words)


KNIGHTS = Pair(knight="knight", knave="knave")

PUBLISHED_PAIRS = _pairs(
    "pioneer/laggard saint/sinner hero/villain angel/devil altruist/egoist sage/fool"
)
"""The pairs of `random_pair` in the published rows, in their order."""

OWN_PAIRS = _pairs(
    "guardian/trickster scribe/forger monk/bandit captain/pirate oracle/impostor scholar/swindler "
    "ranger/poacher elder/rogue envoy/schemer healer/quack herald/gossip mentor/cheat"
)
"""The pairs of our own `random_pair`. Each takes a plain s for its plural."""

OPPOSITES = {
    word: other
    for pair in (KNIGHTS, *PUBLISHED_PAIRS, *OWN_PAIRS)
    for word, other in ((pair.knight, pair.knave), (pair.knave, pair.knight))
}
"""For each word that may be a role, what a person is who is not that."""
