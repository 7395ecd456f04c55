"""The record of a procedure: its rules, random inputs, execution, and prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import Any

from mathreason_eval.errors import UserError
from mathreason_eval.seeds import Source, one_of, some_of

Inputs = tuple[Any, ...]
"""The inputs of a procedure; the parameters of its `run` name them."""
States = list[Any]
"""The states in order: the initial one first, the final one last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """The states of a procedure, without the initial one."""

    intermediate: Sequence[Any]
    final: Any
    """The final state: a text, an integer, or a list of either."""

    @property
    def states(self) -> list[Any]:
        """Return all states in order, the final one last."""
        return [*self.intermediate, self.final]

    @property
    def text(self) -> str:
        """Return the trajectory as JSON, the form of golds and extracted answers."""
        states = {"intermediate": list(self.intermediate), "final": self.final}
        return json.dumps(states, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """How one input of a procedure is written in a prompt, and parsed from it."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


MARK = "Input:"
"""The line above the inputs in our prompts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Procedure:
    """A deterministic procedure that is carried out step by step."""

    number: int
    """Its number in ProcBench, from 1."""
    name: str
    rules: str
    """The rules, in our own words."""
    state: str
    """Which states to report."""
    draw: Callable[[Source, int], Inputs]
    """(random source, steps) -> inputs that take exactly that many steps."""
    run: Callable[..., States]
    """(*inputs) -> states."""
    form: str
    """The inputs as ProcBench's prompts show them: a label and `{}` for each, in their order."""
    fields: tuple[Field, ...]
    """The format of each input."""
    crowded: int = 0
    """Up to this number of steps there are few instances: two draws are often equal."""

    @property
    def label(self) -> str:
        """Return the name of its slice: `01-sort`."""
        return f"{self.number:02}-{self.name}"

    def question(self, inputs: Inputs) -> str:
        """Return the question for a model, without the form of the reply."""
        return f"{self.rules}\n\n{self.state}\n\n{MARK}\n{self.write(*inputs)}"

    def trajectory(self, inputs: Inputs) -> Trajectory:
        """Return the states after each step, the last as `final`, without the initial state."""
        _, *intermediate, final = self.run(*inputs)
        return Trajectory(intermediate=intermediate, final=final)

    def write(self, *inputs: Any) -> str:  # noqa: ANN401  each procedure has its own
        """Return the inputs as they are written in a prompt."""
        written = (field.write(value) for field, value in zip(self.fields, inputs, strict=True))
        return self.form.format(*written)

    def read(self, block: str) -> Inputs:
        """Return the inputs in a prompt.

        Raises:
            ValueError: if a label is missing or out of order, or an input cannot be read.
        """
        texts: list[str] = []
        for label in reversed(self.form.split("{}")[:-1]):
            block, found, text = block.rpartition(label.strip())
            if not found:
                raise ValueError(f"the inputs have no {label.strip()!r} where it should be")
            texts.insert(0, text.strip())
        return tuple(field.read(text) for field, text in zip(self.fields, texts, strict=True))


# --- fields ----------------------------------------------------------------------------------

ALPHABET = ascii_lowercase
ALPHANUMERIC = ascii_lowercase + digits


def words(text: str) -> list[str]:
    """Return the words and numbers of a text."""
    return re.findall(r"\w+", text)


def listed(items: Iterable[Any]) -> str:
    """Return items in brackets, without quotes."""
    return f"[{_joined(items)}]"


def grouped(items: Sequence[Any], size: int) -> list[tuple[Any, ...]]:
    """Return consecutive items in tuples of `size`."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]


def _joined(items: Iterable[Any]) -> str:
    return ", ".join(map(str, items))


def _integers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _phrases(text: str) -> list[str]:
    return text.strip("[]").split(", ")


TEXT = Field(write=str, read=str)
NUMBER = Field(write=str, read=int)
SPACED = Field(write=" ".join, read=str.split)
WORDS = Field(write=_joined, read=words)
WORD_LIST = Field(write=listed, read=words)
QUOTED_WORDS = Field(write=str, read=words)
"""A list in Python's notation: `['ab', 'c1']`."""
PHRASES = Field(write=_joined, read=_phrases)
"""Items that may contain spaces or brackets; `PHRASE_LIST` has brackets around them."""
PHRASE_LIST = Field(write=listed, read=_phrases)
NUMBERS = Field(write=_joined, read=_integers)
NUMBER_LIST = Field(write=listed, read=_integers)
PAIRS = Field(write=_joined, read=lambda text: grouped(_integers(text), 2))
TRIPLE_LIST = Field(write=listed, read=lambda text: grouped(_integers(text), 3))


# --- sentences -------------------------------------------------------------------------------


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
"""Number of words of a clause that no other clause of its sentence has."""
LONGEST = _NEW_WORDS * len(_DEEDS) - 1
"""Number of different words that a sentence can always exceed; verbs are the shortest list."""


def sentence(rng: Source, different: int) -> list[str]:
    """Return the words of a sentence with more than `different` different words.

    Raises:
        UserError: if the vocabulary does not have that many.
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
