"""What is to be asked: a user's wishes settled into plans, and plans into requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.models.base import Model, Request
from mathreason_eval.pipeline.grading import Rules, with_second
from mathreason_eval.runs.manifest import describe_code, describe_model, now
from mathreason_eval.runs.migration import FORMAT
from mathreason_eval.runs.store import SampleKey, is_run, load_run
from mathreason_eval.seeds import sample_seed
from mathreason_eval.tasks import Task, load_task
from mathreason_eval.tasks.datasets import Loaded, load_problems, load_shots
from mathreason_eval.tasks.prompts import PromptForm, render
from mathreason_eval.types import PromptEntry, RunManifest, Sampling, SamplingEntry, TaskEntry

GREEDY = (0.0, 1.0)
"""(temperature, top_p) of a run with one sample a problem."""
SHOTS = ":shots"
"""`--data TASK:shots=PATH` names the solved problems that a few-shot prompt shows."""
DRAWN = (0.6, 0.95)
"""(temperature, top_p) of a run with several: what AIME and its like are commonly reported at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """What a user asks for. None leaves the choice to the stored run, the task or the default."""

    tasks: tuple[str, ...]
    samples: int = 1
    limit: int | None = None
    """The first so many problems of each task."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """None: what each task says."""
    seed: int = 0
    prompt: str | None = None
    """Id of the prompt form; None: by the kind of the model."""
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tasks_dirs: tuple[Path, ...] = ()
    second: str | None = None
    """A grader that is asked beside each task's own; None: the one that the task names, if any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskPlan:
    """One task, ready to be asked."""

    task: Task
    form: PromptForm
    loaded: Loaded
    sampling: Sampling

    def entry(self) -> TaskEntry:
        """Return what the manifest says of this task."""
        rules = Rules.of(self.task)
        return TaskEntry(
            version=self.task.version,
            prompt=PromptEntry(id=self.form.id, sha256=_form_hash(self.form)),
            max_tokens=self.sampling.max_tokens,
            data=self.loaded.entry(),
            problems=len(self.loaded.problems),
            grading=rules.grading,
            report=rules.reporting,
        )


def settled(spec: RunSpec, out: Path | None) -> RunSpec:
    """Return the spec with temperature and top_p decided: as typed, as stored, or by default."""
    temperature, top_p = GREEDY if spec.samples == 1 else DRAWN
    if spec.temperature is not None:
        temperature = spec.temperature
        top_p = GREEDY[1] if temperature == 0 else DRAWN[1]
    if out is not None and is_run(out):
        stored = load_run(out).manifest.sampling
        if spec.temperature is None and stored.temperature is not None:
            temperature = stored.temperature
        if stored.top_p is not None:
            top_p = stored.top_p
    return replace(spec, temperature=temperature, top_p=top_p if spec.top_p is None else spec.top_p)


def load_tasks(spec: RunSpec) -> tuple[tuple[Task, Loaded], ...]:
    """Return the tasks of a spec with their problems.

    Raises:
        UserError: if a task or a data file is not there or malformed.
    """
    for name in spec.data:
        if name.removesuffix(SHOTS) not in spec.tasks:
            raise UnknownNameError("task in this run", name, spec.tasks)
    tasks = [
        with_second(load_task(name, spec.tasks_dirs), spec.second)
        for name in dict.fromkeys(spec.tasks)
    ]
    return tuple(
        (task, load_problems(task, spec.data.get(task.name, ()), limit=spec.limit))
        for task in tasks
    )


def plan(spec: RunSpec, task: Task, loaded: Loaded, *, chat: bool) -> TaskPlan:
    """Return a task of a settled spec with its prompt form and its sampling.

    Raises:
        UserError: if the task has no such prompt, or none for this kind of model.
    """
    assert spec.temperature is not None
    assert spec.top_p is not None
    form = task.prompt(spec.prompt, chat=chat)
    if form.examples:
        sources = spec.data.get(task.name + SHOTS, ())
        form = replace(form, shots=load_shots(task, sources, form.examples))
    return TaskPlan(
        task=task,
        form=form,
        loaded=loaded,
        sampling=Sampling(
            temperature=spec.temperature,
            top_p=spec.top_p,
            max_tokens=spec.max_tokens or task.max_tokens,
        ),
    )


def new_manifest(spec: RunSpec, model: Model, plans: Sequence[TaskPlan]) -> RunManifest:
    """Return the manifest of a run that begins now."""
    return RunManifest(
        format=FORMAT,
        model=describe_model(model.name, model.describe()),
        sampling=SamplingEntry(temperature=spec.temperature, top_p=spec.top_p),
        seed=spec.seed,
        samples=spec.samples,
        tasks={plan.task.name: plan.entry() for plan in plans},
        code=describe_code(),
        started=now(),
        finished=None,
        totals=None,
    )


def missing(
    plans: Sequence[TaskPlan], spec: RunSpec, stored: Mapping[str, set[SampleKey]]
) -> Iterator[Request]:
    """Yield what is still to be asked: long tasks first, the samples of one problem together.

    Long answers last would leave the engine almost idle at the end; the samples of one problem
    share their prompt, which engines with a prefix cache read only once.
    """
    for plan in sorted(plans, key=lambda plan: -plan.sampling.max_tokens):
        for problem in plan.loaded.problems:
            todo = [
                sample
                for sample in range(spec.samples)
                if (problem.id, sample) not in stored[plan.task.name]
            ]
            prompt = render(plan.form, problem) if todo else None
            for sample in todo:
                assert prompt is not None
                yield Request(
                    task=plan.task.name,
                    problem_id=problem.id,
                    sample=sample,
                    prompt=prompt,
                    sampling=plan.sampling,
                    seed=sample_seed(spec.seed, problem.id, sample),
                )


def _form_hash(form: PromptForm) -> str:
    spelled = json.dumps(asdict(form), sort_keys=True)
    return hashlib.sha256(spelled.encode()).hexdigest()
