"""Sentences of our own, as long as need be."""

from __future__ import annotations

from mathreason_eval.errors import UserError
from mathreason_eval.seeds import Source, one_of, some_of


def _words(listed: str) -> list[str]:
    return listed.split()


_KINDS = _words(
    "amber brave busy calm clever cold curious early eager faded gentle green happy heavy honest "
    "hungry kind large lonely lucky narrow noisy old patient pale quick quiet round sleepy small "
    "tall tired warm wide wise young"
)
_ACTORS = _words(
    "baker beaver captain cat crow dancer doctor farmer ferryman fox gardener goat guest hare "
    "horse judge king mason miller mouse nurse otter owl painter pilot poet sailor seal shepherd "
    "singer smith spider tailor teacher weaver wolf"
)
_DEEDS = _words(
    "admired borrowed bought brought carried counted dropped fixed found forgot guarded held "
    "hid lifted lost mended missed moved noticed opened painted pulled saved shook showed sold "
    "stole took traded washed watched wrapped"
)
_SORTS = _words(
    "broken bright clean copper crooked dark deep dusty empty fragile golden grey hollow iron "
    "leather light loose muddy new patched plain polished red rough rusty salty sharp shiny "
    "silver smooth soft striped sweet thin wet wooden"
)
_THINGS = _words(
    "anchor apple basket bell blanket boat bottle bowl broom button candle chair clock coat "
    "compass cup drum fence flag flute hammer jar kettle key ladder lamp letter map mirror needle "
    "paddle pillow plate ribbon rope saddle"
)
_PLACES = _words(
    "attic bakery barn bridge camp castle cellar chapel cliff corner court dock factory field "
    "forest garden gate harbour hill inn island kitchen lake library market meadow mill museum "
    "orchard park river road school shore station tower"
)
_NEAR = ("near", "behind", "beside", "inside", "outside", "under")
_AND = ("and", "while", "because", "before", "but", "until")

_NEW_WORDS = 6
"""Words of a clause that stand in no other clause of its sentence."""
LONGEST = _NEW_WORDS * len(_DEEDS) - 1
"""More different words than this a sentence can always have; there are the fewest deeds."""


def sentence(rng: Source, different: int) -> list[str]:
    """Return the words of a sentence: more than so many different ones.

    Raises:
        UserError: if the vocabulary has not that many.
    """
    if different > LONGEST:
        raise UserError(
            f"There are no sentences of more than {different} different words.",
            f"Ask for fewer: {LONGEST} at most.",
        )
    clauses = different // _NEW_WORDS + 1
    columns = (_KINDS, _ACTORS, _DEEDS, _SORTS, _THINGS, _PLACES)
    words: list[str] = []
    for kind, actor, deed, sort, thing, place in zip(
        *(some_of(rng, column, clauses) for column in columns), strict=True
    ):
        words += [one_of(rng, _AND)] if words else []
        words += ["the", kind, actor, deed, "the", sort, thing, one_of(rng, _NEAR), "the", place]
    return ["The", *words[1:]]
