"""What a task is once it has been read, and how it asks its problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.registry import TASK_PREFIX
from mathreason_eval.types import Message, Problem, Prompt

if TYPE_CHECKING:
    import jinja2

ProblemMaker = Callable[[int, int], Problem]
"""`problem(index, seed)`: the same problem on every machine, whatever was made before."""

RowReader = Callable[[Mapping[str, Any], int, str], Problem | None]
"""`reader(row, index, source)`: the problem of a published row, or None for a row to leave out.

`source` is the name of the file, or `owner/name config split` of a hub."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HubData:
    """Published rows on a hub, pinned."""

    hub: str
    """`owner/name`."""
    revision: str
    """Commit hash. Never a branch: a score on a moving data set cannot be reproduced."""
    splits: tuple[str, ...]
    """Splits to read one after another."""
    configs: tuple[str, ...] = ()
    """Configurations to read one after another; empty for the only one."""
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
    """Jinja source; it may use `problem`, and `shots` where there are any."""
    chat: bool
    """True for messages, False for bare text that a base model continues."""
    stop: tuple[str, ...] = ()
    """Strings at which generation ends."""
    turns: bool = False
    """Whether each step of the problem's solution follows as a message of the assistant."""
    examples: int = 0
    """The number of solved problems of another split that it shows first."""
    shots: tuple[Problem, ...] = ()
    """Those problems once they are loaded, each with `meta.solution`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A benchmark: where its problems come from, how they are asked, how answers are judged."""

    name: str
    version: int
    """Rises whenever a score could change, white space in a prompt included."""
    summary: str
    """One line for `mathreason tasks`."""
    license: str
    extract: tuple[str, ...]
    """Extraction rules, strictest first; the verdict records which one fired."""
    grade: str
    """The grader's name, or `task.py:NAME` for a function in the task's folder."""
    prompts: Mapping[str, PromptForm]
    """By id. A chat model gets the first chat form, a base model the first text form."""
    source: str = ""
    paper: str = ""
    data: tuple[HubData | FileData, ...] = ()
    """Where its rows are; empty for a task that makes its own problems."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The columns that may hold each field of a problem, in order of preference."""
    shots: HubData | FileData | None = None
    """Where the solved problems of few-shot prompts are, never the rows that are evaluated."""
    reader: RowReader | None = None
    """Makes a problem of a row where columns are not enough."""
    problem: ProblemMaker | None = None
    """Makes problem number `index`; None for a task whose problems are published rows."""
    size: int = 0
    """The number of problems of a generated task, unless a limit is larger."""
    slices: tuple[str, ...] = ()
    """Keys of `Problem.meta` to report by."""
    second: str | None = None
    """Another grader, asked as well; the samples on which the two differ bound the score."""
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
        """Return a grader's name as others can find it: one of the task's folder by its file."""
        if self.folder is None or not grader.startswith(TASK_PREFIX):
            return grader
        return str(self.folder.resolve() / grader)

    def prompt(self, form: str | None, *, chat: bool) -> PromptForm:
        """Return the prompt form of that id, or the default for a chat or a base model.

        Raises:
            UnknownNameError: if the task has no form of that id.
            TaskError: if it has none that suits the model.
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
        jinja2.TemplateError: if the template is malformed or uses a name it does not get.
    """
    text = _compiled(form.template).render(problem=problem, shots=form.shots)
    if form.chat:
        steps = problem.given.get("steps", ()) if form.turns else ()
        turns = (Message(role="assistant", content=step) for step in steps)
        return Prompt(messages=(Message(role="user", content=text), *turns), stop=form.stop)
    return Prompt(text=text, stop=form.stop)


@lru_cache(maxsize=256)
def _compiled(template: str) -> jinja2.Template:
    import jinja2

    # A prompt is plain text for a model, not a page: escaping would change the question.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    return environment.from_string(template)
