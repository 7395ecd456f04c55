"""What can be known of a model before it is loaded: its faults, its context, its chat template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mathreason_eval.errors import UserError
from mathreason_eval.types import Message, Prompt


class Status(StrEnum):
    """What came of looking at something before a run."""

    PASS = "pass"  # noqa: S105  no password
    FAULT = "fault"
    """A run does not start."""
    WARNING = "warning"
    """A run starts, and its numbers may be artefacts."""
    NOTE = "note"
    UNKNOWN = "not checked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at before a run."""

    subject: str
    """`context`, `task gsm8k`, `chat template`."""
    status: Status
    says: str
    """What was found, as a sentence or a phrase."""
    hint: str = ""
    """What to do next; empty where there is nothing to do."""


class TemplateError(Exception):
    """A chat template refuses some messages, or cannot be rendered."""


class Renderer(Protocol):
    """What renders messages by a chat template."""

    def __call__(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> str:
        """Return the text as the model sees it.

        Raises:
            TemplateError: the template refuses these messages.
        """


Counter = Callable[[Sequence[Prompt]], Sequence[int | None]]
"""Returns the tokens of each prompt as the model sees it; None where that is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatTemplate:
    """A chat template that can be rendered, and what its tokenizer does."""

    render: Renderer
    bos: str | None = None
    """The token that begins a text, as text; None if there is none, or it is not known."""
    eos: str | None = None
    """The token that ends a text."""
    adds_bos: bool | None = None
    """Whether the tokenizer begins a text with it by itself; None if that is not known."""
    adds_eos: bool | None = None
    of_engine: bool = False
    """Whether the engine renders it with Jinja as well, so that what it refuses is refused there.
    """
    keeps_one_bos: bool = False
    """Whether the engine sends one where template and tokenizer both write one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """What is known of a model that is not loaded. None is unknown."""

    faults: tuple[UserError, ...] = ()
    """Why it cannot be opened."""
    findings: tuple[Finding, ...] = ()
    """What else was looked at."""
    name: str | None = None
    """As typed."""
    backend: str | None = None
    """As a manifest names it."""
    chat: bool | None = None
    """Whether it will be asked with messages."""
    has_template: bool | None = None
    template: ChatTemplate | None = None
    """Set where there is one that can be rendered."""
    needs_steps: bool = False
    """Whether it judges the steps of a solution, and needs a prompt that gives them."""
    context: int | None = None
    """Tokens of prompt and completion together."""
    remedy: str = "take a model with a longer context"
    """How the context is made longer."""
    count: Counter | None = None
    cannot_continue: str = ""
    """Why it does not continue what an answer begins with; empty if it does, or if that is not
    known."""
