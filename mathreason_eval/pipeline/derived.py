"""Runs that are made from the samples of another: each sample is a problem of the new run.

The new folder is a run like any other, with its own prompts, samples, verdicts and metrics, and
names its parent. The samples of one problem are one cluster: they shrink no interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from mathreason_eval.errors import RunError, UnknownNameError, UserError, raise_faults
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.models import NamedModel
from mathreason_eval.models.base import Model
from mathreason_eval.pipeline.plan import TaskPlan, with_second
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.pipeline.run import Planned, Watcher, run_planned
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.pipeline.think_budget import check_continues, check_model
from mathreason_eval.runs.access import check_writable
from mathreason_eval.runs.store import Run, Sample, find_folder, load_run
from mathreason_eval.tasks import Task, load_task, task_names
from mathreason_eval.tasks.datasets import Loaded, content_hash
from mathreason_eval.tasks.task import PromptForm
from mathreason_eval.types import ParentEntry, Problem, Prompt, Sampling, SentPrompt

ASKED_OF = "asked_problem"
"""The key of a problem's properties with the problem, or cluster, of the run that it is from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """One problem of a new run, and how it is put."""

    problem: Problem
    prompt: Prompt


class Made(Protocol):
    """What is asked of the samples of a run."""

    @property
    def name(self) -> str:
        """As the manifest has it: `second turn`."""

    @property
    def suffix(self) -> str:
        """Of the names of the new tasks: `revised`."""

    @property
    def slices(self) -> tuple[str, ...]:
        """Properties of the new problems to report by."""

    @property
    def continues(self) -> str:
        """Why the model has to continue a text; empty if it has not."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """How it is asked, as JSON."""

    def derive(self, sample: Sample, prompt: Prompt, opening: str) -> Iterable[Derived] | str:
        """Return the problems made from a sample, or why there are none.

        Args:
            sample: with its problem and its verdict.
            prompt: as it was sent.
            opening: the reasoning marks that the model's chat template writes.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class DerivedRequest:
    """What is asked of which run."""

    made: Made
    opener: NamedModel
    out: Path
    samples: int = 1
    """Of each new problem."""
    tasks: tuple[str, ...] = ()
    """Only these; none: all."""
    tasks_dirs: tuple[Path, ...] = ()
    accept_failures: bool = False


@dataclass(frozen=True, kw_only=True)
class _Plan(TaskPlan):
    """A task whose prompts are made from samples, and not rendered."""

    sent: Mapping[str, SentPrompt] = field(default_factory=dict)

    @property
    def prompts(self) -> Mapping[str, SentPrompt]:
        """The prompt of each problem."""
        return self.sent


def derive(
    path: Path,
    asked: DerivedRequest,
    *,
    watcher: Watcher | None = None,
    grading: tuple[int, float] = GRADING,
    stop: Stop | None = None,
) -> tuple[Run, Run]:
    """Make a run from the samples of another; return (parent, new run). The same call goes on.

    Sampling, seed, max_tokens and, of a second turn, the budget of thoughts are the parent's.

    Args:
        path: a run folder, or a folder with a single run.
        asked: what is asked of its samples, and of whom.
        watcher: is notified of every step.
        grading: (worker processes, seconds of computer algebra for one answer).
        stop: ends it early; what was asked is stored and judged.

    Raises:
        UnknownNameError: if there is no such task.
        RunError: if the parent has no samples that this can be asked of, or does not say how they
            were sampled.
        UserError: as `run_tasks`.
    """
    parent = load_run(find_folder(path))
    tasks = _tasks(parent, asked.tasks)
    facts = asked.opener.check()
    raise_faults(facts.faults)
    budget = parent.manifest.sampling.think_budget
    if asked.made.continues:
        check_continues(facts, asked.made.continues)
    elif budget is not None:
        check_continues(facts)
    if asked.out.resolve() == parent.path.resolve():
        raise UserError(f"{asked.out} is the run itself.", "Name another folder with -o.")
    check_writable(asked.out)
    with closing(asked.opener()) as model:
        if asked.made.continues:
            check_model(model, asked.made.continues)
        elif budget is not None:
            check_model(model)
        planned = _planned(parent, tasks, asked, model)
        run = run_planned(planned, model, watcher=watcher, grading=grading, stop=stop)
    return parent, run


def _tasks(run: Run, asked: Sequence[str]) -> tuple[str, ...]:
    for task in asked:
        if task not in run.tasks():
            raise UnknownNameError(f"task of {run.path}", task, run.tasks())
    return tuple(asked) or run.tasks()


def _planned(run: Run, tasks: Sequence[str], asked: DerivedRequest, model: Model) -> Planned:
    left_out: Counter[str] = Counter()
    found = [(task, _derived(run, task, asked.made, model, left_out)) for task in tasks]
    plans = [_plan(run, task, asked, made) for task, (made, _) in found if made]
    number = sum(samples for _, (_, samples) in found)
    if not plans:
        reasons = ", ".join(f"{n:,} {why}" for why, n in left_out.most_common())
        raise RunError(
            f"{run.path} has no samples that this can be asked of: {reasons or 'it has none'}.",
            "Choose another run.",
        )
    sampling = run.manifest.sampling
    spec = RunSpec(
        tasks=tuple(one.task.name for one in plans),
        samples=asked.samples,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        # A probe has ended its thoughts, or wants to see how far one goes on.
        think_budget=None if asked.made.continues else sampling.think_budget,
        seed=run.manifest.seed,
        accept_failures=asked.accept_failures,
        tasks_dirs=asked.tasks_dirs,
    )
    parent = ParentEntry(
        name=run.path.resolve().name,
        model=run.manifest.model.name,
        started=run.manifest.started,
        made=asked.made.name,
        settings=asked.made.settings,
        samples=number,
        left_out=dict(left_out),
    )
    return Planned(spec=spec, plans=plans, folder=asked.out, parent=parent)


def _derived(
    run: Run, task: str, made: Made, model: Model, left_out: Counter[str]
) -> tuple[list[Derived], int]:
    """Return the problems made from the samples of a task, and from how many; count the others."""
    prompts = {one.problem_id: one.prompt for one in run.prompts(task)}
    found, samples = list[Derived](), 0
    for sample in run.samples(task):
        prompt = prompts.get(sample.problem.id)
        if prompt is None:
            left_out["have no prompt in the folder"] += 1
            continue
        result = made.derive(sample, prompt, model.opening)
        if isinstance(result, str):
            left_out[result] += 1
            continue
        samples += 1
        cluster = run.manifest.tasks[task].report.cluster
        origin = sample.problem.origin or sample.problem.id
        asked_of = sample.problem.meta.get(cluster, origin) if cluster else origin
        for one in result:
            meta = {**one.problem.meta, ASKED_OF: asked_of}
            problem = replace(one.problem, meta=meta, origin=None, variant=None)
            found.append(replace(one, problem=problem))
    return found, samples


def _plan(run: Run, task: str, asked: DerivedRequest, found: Sequence[Derived]) -> _Plan:
    """Return the plan of a new task.

    Raises:
        RunError: if it is not known how the parent was sampled.
    """
    manifest = run.manifest
    most, sampling = manifest.tasks[task].max_tokens, manifest.sampling
    if sampling.temperature is None or sampling.top_p is None or most is None:
        raise RunError(
            f"{run.path} does not say how its samples were drawn.",
            "Take a run that `mathreason run` made.",
        )
    problems = tuple(one.problem for one in found)
    made = asked.made
    form = PromptForm(
        id=made.name.replace(" ", "-"),
        template=repr(sorted(made.settings.items())),
        chat=bool(found[0].prompt.messages),
    )
    return _Plan(
        task=_task(run, task, asked),
        form=form,
        loaded=Loaded(
            problems=problems,
            source=f"run:{run.path.resolve().name}",
            revision=made.name,
            sha256=content_hash(problems),
            rows=len(problems),
        ),
        sampling=Sampling(temperature=sampling.temperature, top_p=sampling.top_p, max_tokens=most),
        samples=asked.samples,
        limit=None,
        sent={
            one.problem.id: SentPrompt(problem_id=one.problem.id, prompt=one.prompt)
            for one in found
        },
    )


def _task(run: Run, task: str, asked: DerivedRequest) -> Task:
    """Return the new task, which is judged as the one of the parent was."""
    entry = run.manifest.tasks[task]
    folder = None
    if task in task_names(asked.tasks_dirs):
        folder = load_task(task, asked.tasks_dirs).folder
    made = Task(
        name=f"{task}-{asked.made.suffix}",
        version=entry.version,
        summary=f"{asked.made.name} of {task}",
        license="",
        extract=entry.grading.extract,
        grade=entry.grading.grade,
        prompts={},
        convention=Convention.of(entry.grading.convention or {}),
        slices=asked.made.slices,
        cluster=ASKED_OF,
        folder=folder,
    )
    return with_second(made, None)


def child_id(sample: Sample, part: str = "") -> str:
    """Return the id of a problem that is made from a sample."""
    own = f"{sample.problem.id}/{sample.generation.sample}"
    return f"{own}/{part}" if part else own
