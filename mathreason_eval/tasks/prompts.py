"""From a problem to what a model is asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mathreason_eval.types import Message, Problem, Prompt

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptForm:
    """One way to ask the problems of a task. Its id stands in the manifest."""

    id: str
    """Unique within the task: `boxed`, `few-shot`."""
    template: str
    """Jinja source; it may use `problem`, and `shots` where there are any."""
    chat: bool
    """True for messages, False for bare text that a base model continues."""
    stop: tuple[str, ...] = ()
    """Strings at which generation ends."""
    turns: bool = False
    """Whether each step of the problem's solution follows as a message of the assistant."""
    examples: int = 0
    """How many solved problems of another split it shows first."""
    shots: tuple[Problem, ...] = ()
    """Those problems, once they are loaded, each with `meta.solution`."""


def render(form: PromptForm, problem: Problem) -> Prompt:
    """Return the prompt for a problem.

    Raises:
        jinja2.TemplateError: if the template is malformed or uses a name it does not get.
    """
    text = _compiled(form.template).render(problem=problem, shots=form.shots)
    if form.chat:
        steps = problem.given.get("steps", ()) if form.turns else ()
        said = (Message(role="assistant", content=step) for step in steps)
        return Prompt(messages=(Message(role="user", content=text), *said), stop=form.stop)
    return Prompt(text=text, stop=form.stop)


@lru_cache(maxsize=256)
def _compiled(template: str) -> jinja2.Template:
    import jinja2

    # A prompt is plain text for a model, not a page: escaping would change the question.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    return environment.from_string(template)
