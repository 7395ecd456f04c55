"""The record of a task, its prompt forms, and the rendering of prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mathreason_eval.errors import TaskError, UnknownNameError, describe_error
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.registry import TASK_PREFIX
from mathreason_eval.tasks.code import line_in
from mathreason_eval.tasks.operations import LimitError
from mathreason_eval.tasks.templates import rendered
from mathreason_eval.types import Message, Problem, Prompt

ProblemMaker = Callable[[int, int], Problem]
"""`problem(index, seed)`: the same problem on every machine and in every order of calls."""

RowReader = Callable[[Mapping[str, Any], int, str], Problem | None]
"""`reader(row, index, source)`: the problem of a published row, or None to skip the row.

`source` is the name of the file, or `owner/name config split` of a hub."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HubData:
    """Published rows on a hub, pinned."""

    hub: str
    """`owner/name`."""
    revision: str
    """Commit hash, never a branch: a score on a changing data set cannot be reproduced."""
    splits: tuple[str, ...]
    """Splits to read one after another."""
    configs: tuple[str, ...] = ()
    """Configurations to read one after another; empty if the data set has only one."""
    rows: int | None = None
    """The number of problems; a file with another number is not this data set."""
    golds: str | None = None
    """`gold_hash` of all problems, which does not depend on their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileData:
    """Rows in the task's own folder."""

    file: str
    """Its path within the folder."""
    path: Path
    """Its absolute path."""
    rows: int | None = None
    """The number of problems."""
    golds: str | None = None
    """`gold_hash` of all problems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptForm:
    """One form of prompt for the problems of a task."""

    id: str
    """Unique within the task, recorded in the manifest: `boxed`, `few-shot`."""
    template: str
    """Jinja source; it may use `problem`, and `shots` if there are any."""
    chat: bool
    """True for chat messages, False for plain text that a base model continues."""
    stop: tuple[str, ...] = ()
    """Strings at which generation ends."""
    turns: bool = False
    """Whether each step of the problem's solution is appended as an assistant message."""
    examples: int = 0
    """The number of solved problems of another split that are shown first."""
    shots: tuple[Problem, ...] = ()
    """Those problems once they are loaded, each with `meta.solution`."""
    system: str | None = None
    """A system message, sent before the problem; None for none."""
    system_fallback: str | None = None
    """Why the message of the user, or the text, begins with it instead; None if it does not."""
    file: str = field(default="", compare=False)
    """Where the template is, for errors; no part of what the prompt is."""

    def content(self) -> dict[str, Any]:
        """Return everything that a prompt of this form depends on."""
        left_out = {"file", "system_fallback"}
        if self.system is None:
            # Prompts from before there were system messages are the same.
            left_out.add("system")
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def spelled(self) -> str:
        """Return what is asked, as JSON: all of it but where the system message goes."""
        return json.dumps(self.content(), sort_keys=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What a reader of a score must know of the problems. Empty and None are unknown."""

    public: str = ""
    """When the problems were first public: `2025`, `2025-02` or `2025-02-14`."""
    languages: tuple[str, ...] = ()
    """Of the questions, by BCP 47: `en`."""
    canary: str = ""
    """A text that stands in copies of the data, so that training sets can leave them out."""
    contamination: str = ""
    """What is known of the problems being in training sets."""
    human: float | None = None
    """The share that people solve, from 0 to 1."""
    chance: float | None = None
    """The share that a guess solves, from 0 to 1."""
    proved: bool = True
    """Whether its golds and near misses were tried on its published rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A benchmark: the source of its problems, its prompts, and how answers are graded."""

    name: str
    version: int
    """Rises whenever a score could change, white space in a prompt included."""
    summary: str
    """One line for `mathreason tasks`."""
    license: str
    extract: tuple[str, ...]
    """Extraction rules, strictest first; the verdict records which one found the answer."""
    grade: str
    """The grader's name, or `task.py:NAME` for a function in the task's folder."""
    prompts: Mapping[str, PromptForm]
    """By id. A chat model gets the first chat form, a base model the first text form."""
    printed: bool = True
    """Whether its problems may be printed, on a site for example; false if no licence allows it."""
    source: str = ""
    paper: str = ""
    card: Card = Card()
    data: tuple[HubData | FileData, ...] = ()
    """Where its rows are; empty for a task that generates its problems."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The columns that may hold each field of a problem, in order of preference."""
    shots: HubData | FileData | None = None
    """Where the solved problems of few-shot prompts are; never the evaluated rows."""
    reader: RowReader | None = None
    """Makes a problem from a row if `columns` is not enough."""
    problem: ProblemMaker | None = None
    """Makes problem number `index`; None for a task whose problems are published rows."""
    size: int = 0
    """The number of problems of a generated task, unless a limit is larger."""
    slices: tuple[str, ...] = ()
    """Keys of `Problem.meta` to report by."""
    second: str | None = None
    """A second grader; the samples on which the two differ bound the score."""
    convention: Convention = DEFAULT
    check_steps: bool = False
    """Whether the equations in a correct solution's steps are checked as well."""
    cluster: str | None = None
    """Key of `Problem.meta` with the same value for problems that share a source."""
    macro: str | None = None
    """Key of `Problem.meta` over whose values accuracy is also averaged, with equal weights."""
    metrics: tuple[str, ...] = ()
    """Families of metrics in addition to those that every task has."""
    primary: str = "avg"
    """The metric that results are ranked, compared and gated by."""
    max_tokens: int = 1024
    folder: Path | None = None
    """The folder it was read from; None for a task made in Python."""
    places: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each key of its task.yaml stands, for errors: `task.yaml, line 3`."""

    @property
    def generated(self) -> bool:
        """Return whether a generator makes the problems."""
        return self.problem is not None

    @property
    def local(self) -> bool:
        """Return whether all problems are generated or in the task's folder: no download."""
        files = [isinstance(data, FileData) for data in self.data]
        return self.generated or (bool(files) and all(files))

    def located(self, grader: str) -> str:
        """Return a grader's name for use outside the task: `task.py:NAME` with its full path."""
        if self.folder is None or not grader.startswith(TASK_PREFIX):
            return grader
        return str(self.folder.resolve() / grader)

    def prompt_form(self, form: str | None, *, chat: bool) -> PromptForm:
        """Return the prompt form of that id, or the default for a chat or a base model.

        Raises:
            UnknownNameError: if the task has no form of that id.
            TaskError: if it has none for this kind of model.
        """
        if form is not None:
            if form not in self.prompts:
                raise UnknownNameError(f"prompt of {self.name}", form, self.prompts)
            return self.prompts[form]
        for candidate in self.prompts.values():
            if candidate.chat == chat:
                return candidate
        kind = "chat" if chat else "base"
        raise TaskError(
            f"The task {self.name} has no prompt for a {kind} model.",
            f"Choose one with --prompt: {', '.join(self.prompts)}.",
        )


def render(form: PromptForm, problem: Problem) -> Prompt:
    """Return the prompt for a problem.

    Raises:
        TaskError: if the template is malformed, uses a name it does not get, or raises anything;
            with its file and line.
    """
    file = form.file or f"prompt {form.id}"
    try:
        text = rendered(form.template, file, problem, form.shots)
    # Expressions of a template may raise anything.
    except Exception as error:
        raise _not_rendered(form, problem, error, file) from error
    if not text.strip():
        raise TaskError(
            f"{file}: {form.id} renders to nothing for {problem.id}.", "Correct the template."
        )
    system: tuple[Message, ...] = ()
    if form.system is not None and form.chat and form.system_fallback is None:
        system = (Message(role="system", content=form.system),)
    elif form.system is not None:
        text = f"{form.system}\n\n{text}"
    if form.chat:
        steps = problem.given.get("steps", ()) if form.turns else ()
        turns = (Message(role="assistant", content=step) for step in steps)
        user = Message(role="user", content=text)
        return Prompt(messages=(*system, user, *turns), stop=form.stop)
    return Prompt(text=text, stop=form.stop)


def _not_rendered(form: PromptForm, problem: Problem, error: Exception, file: str) -> TaskError:
    import jinja2

    line = line_in(error, file)
    reason = describe_error(error)
    if isinstance(error, jinja2.TemplateSyntaxError):
        line, reason = error.lineno, error.message or reason
    elif isinstance(error, LimitError | jinja2.TemplateError):
        reason = str(error)
    where = file if line is None else f"{file}, line {line}"
    return TaskError(
        f"{where}: {form.id} does not render for {problem.id}: {reason.rstrip('.')}.",
        "Correct the template.",
    )
