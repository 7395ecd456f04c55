"""What is asked and how it is judged: the rules of a task, plans, and requests for samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.extract import EXTRACTORS
from mathreason_eval.grade.graders import grader_for, grader_named, is_of_task, recorded
from mathreason_eval.grade.judge import GRADER_VERSION, JudgeOptions
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.models.base import Model, Request
from mathreason_eval.runs.manifest import describe_model, new_manifest
from mathreason_eval.runs.store import SampleKey, is_run, load_run
from mathreason_eval.seeds import sample_seed
from mathreason_eval.stats.metrics import FAMILIES, find_metric, our_metric
from mathreason_eval.stats.summary import Report
from mathreason_eval.tasks import Task, load_task
from mathreason_eval.tasks.datasets import Loaded, load_problems, load_shots
from mathreason_eval.tasks.task import PromptForm, render
from mathreason_eval.types import (
    GradingRules,
    PromptEntry,
    ReportRules,
    RunManifest,
    Sampling,
    SamplingEntry,
    TaskEntry,
)

# --- the rules of a task ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRules:
    """How the answers of a task are judged and what is reported of them."""

    grading: GradingRules
    """As a manifest stores them."""
    reporting: ReportRules
    """As a manifest stores them."""
    judging: JudgeOptions
    """The grading rules as a judge takes them."""
    report: Report
    """The report rules as the summary takes them, with the grader's measures."""

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return the rules of a task.

        Raises:
            UnknownNameError: as `check_rules`, as what else it raises.
        """
        check_rules(task)
        grading = GradingRules(
            extract=task.extract,
            grade=task.grade,
            grader_version=GRADER_VERSION,
            convention=asdict(task.convention),
            second=task.second,
            check_steps=task.check_steps,
        )
        reporting = ReportRules(
            slices=task.slices,
            cluster=task.cluster,
            macro=task.macro,
            metrics=task.metrics,
            primary=task.primary,
        )
        return cls.stored(grading, reporting, task.located)

    @classmethod
    def stored(
        cls,
        grading: GradingRules,
        reporting: ReportRules,
        located: Callable[[str], str] = str,
    ) -> Self:
        """Return the rules that a manifest stores for a task, as the present graders apply them.

        Args:
            grading: the stored rules.
            reporting: the stored rules.
            located: maps a recorded grader to the one that is called.

        Raises:
            UnknownNameError: if there is no such grader, or no such convention.
        """
        judging = JudgeOptions(
            extract=grading.extract,
            grader=located(grading.grade),
            second=None if grading.second is None else located(grading.second),
            convention=Convention.of(grading.convention or {}),
            check_steps=grading.check_steps,
        )
        report = Report(rules=reporting, measures=grader_for(judging.grader).measures)
        # Recorded is what was applied: conventions that were unknown have their defaults now.
        applied = replace(
            grading, grader_version=GRADER_VERSION, convention=asdict(judging.convention)
        )
        return cls(grading=applied, reporting=reporting, judging=judging, report=report)

    def applied(self, entry: TaskEntry) -> TaskEntry:
        """Return a manifest's entry for a task that is judged by these rules."""
        return replace(entry, grading=self.grading, report=self.reporting)


def check_rules(task: Task) -> None:
    """Raise an error unless answers can be judged, and results reported, as a task says.

    Raises:
        UnknownNameError: if there is no such rule of extraction, grader, family or metric.
        PluginError: if the package that brings a grader cannot be imported.
        TaskError: if the primary metric is not one of which more is better and that every problem
            has, or the grader calls a measure as another metric is called.
    """
    for rule in task.extract:
        if rule not in EXTRACTORS:
            raise UnknownNameError("extraction rule", rule, EXTRACTORS)
    for family in task.metrics:
        if family not in FAMILIES:
            raise UnknownNameError("family of metrics", family, FAMILIES)
    if task.second is not None:
        grader_for(task.located(task.second))
    measures = grader_for(task.located(task.grade)).measures
    if taken := [measure.name for measure in measures if our_metric(measure.name)]:
        raise TaskError(
            f"{task.grade} measures {taken[0]}, which is the name of another metric.",
            "A grader's measures have names of their own.",
        )
    definition = find_metric(task.primary, measures).definition
    if not definition.has_scores or not definition.is_share or not definition.higher_is_better:
        raise TaskError(
            f"Results of {task.name} cannot be ranked by {task.primary}: it is no share that "
            "problems have and of which more is better.",
            "`mathreason list metrics` names those that are.",
        )


def task_entry(
    task: Task, loaded: Loaded, problems: int, prompt: PromptEntry, max_tokens: int | None
) -> TaskEntry:
    """Return a manifest's entry for a task.

    Args:
        task: the task.
        loaded: its data.
        problems: how many are asked.
        prompt: how they are put.
        max_tokens: upper bound on the tokens of an answer; None where it is not known.
    """
    rules = TaskRules.of(task)
    return TaskEntry(
        version=task.version,
        prompt=prompt,
        max_tokens=max_tokens,
        data=loaded.entry(),
        problems=problems,
        grading=rules.grading,
        report=rules.reporting,
    )


NO_SECOND = "none"
"""The name that asks for no second grader, whatever the run or the task names."""


def with_second(task: Task, grader: str | None) -> Task:
    """Return a task with another second grader; None keeps the one it names, if any.

    Raises:
        UnknownNameError: if there is no such grader.
    """
    if grader is None:
        return task
    if grader == NO_SECOND:
        return replace(task, second=None)
    if is_of_task(grader):
        # Whatever path it was named by, the one in this task's folder is used.
        return replace(task, second=recorded(grader))
    grader_named(grader)
    return replace(task, second=grader)


def stored_second(entry: TaskEntry) -> str | None:
    """Return the name of the second grader of a stored run's task, or None if it had none."""
    return entry.grading.second and recorded(entry.grading.second)


# --- plans and requests ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """A user's choices. None leaves one to the stored run, the task or the default."""

    tasks: tuple[str, ...]
    samples: int = 1
    limit: int | None = None
    """Maximum number of problems of each task: its first ones."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """None: each task's own."""
    seed: int = 0
    prompt: str | None = None
    """Id of the prompt form; None: by the kind of the model."""
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Files of problems by task; under `TASK:shots` the solved problems of a few-shot prompt."""
    tasks_dirs: tuple[Path, ...] = ()
    second: str | None = None
    """A second grader for every task; None: the one that the task names, if any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskPlan:
    """One task with its problems, its prompt form and its sampling."""

    task: Task
    form: PromptForm
    loaded: Loaded
    sampling: Sampling

    def entry(self) -> TaskEntry:
        """Return the manifest's entry for this task."""
        spelled = json.dumps(asdict(self.form), sort_keys=True)
        prompt = PromptEntry(id=self.form.id, sha256=hashlib.sha256(spelled.encode()).hexdigest())
        asked = len(self.loaded.problems)
        return task_entry(self.task, self.loaded, asked, prompt, self.sampling.max_tokens)


GREEDY = (0.0, 1.0)
"""(temperature, top_p) of a run with one sample a problem."""
SAMPLED = (0.6, 0.95)
"""(temperature, top_p) of a run with several, at which AIME and the like are commonly reported."""


def resolve_sampling(spec: RunSpec, out: Path | None) -> RunSpec:
    """Return the spec with temperature and top_p set: as typed, as stored, or by default."""
    temperature, top_p = GREEDY if spec.samples == 1 else SAMPLED
    if spec.temperature is not None:
        temperature = spec.temperature
        top_p = (GREEDY if temperature == 0 else SAMPLED)[1]
    if out is not None and is_run(out):
        stored = load_run(out).manifest.sampling
        if spec.temperature is None and stored.temperature is not None:
            temperature = stored.temperature
        if stored.top_p is not None:
            top_p = stored.top_p
    return replace(spec, temperature=temperature, top_p=top_p if spec.top_p is None else spec.top_p)


SHOTS = ":shots"
"""Ends the key of the solved problems of a few-shot prompt: `--data TASK:shots=PATH`."""


def load_tasks(spec: RunSpec) -> tuple[tuple[Task, Loaded], ...]:
    """Return the tasks of a spec with their problems.

    Raises:
        UserError: if a task or a data file is missing or malformed.
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
    """Return the plan of a task by a spec with its sampling resolved.

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


def planned_manifest(spec: RunSpec, model: Model, plans: Sequence[TaskPlan]) -> RunManifest:
    """Return the manifest of a run that begins now."""
    return new_manifest(
        describe_model(model.name, model.describe()),
        SamplingEntry(temperature=spec.temperature, top_p=spec.top_p),
        {plan.task.name: plan.entry() for plan in plans},
        samples=spec.samples,
        seed=spec.seed,
    )


def pending_requests(
    plans: Sequence[TaskPlan], spec: RunSpec, stored: Mapping[str, set[SampleKey]]
) -> Iterator[Request]:
    """Yield the requests for samples that are not stored: long tasks first, then by problem.

    Long answers at the end would leave the engine almost idle; the samples of one problem share
    their prompt, which engines with a prefix cache read only once.
    """
    for plan in sorted(plans, key=lambda plan: -plan.sampling.max_tokens):
        held = stored[plan.task.name]
        for problem in plan.loaded.problems:
            samples = [n for n in range(spec.samples) if (problem.id, n) not in held]
            if not samples:
                continue
            prompt = render(plan.form, problem)
            for sample in samples:
                yield Request(
                    task=plan.task.name,
                    problem_id=problem.id,
                    sample=sample,
                    prompt=prompt,
                    sampling=plan.sampling,
                    seed=sample_seed(spec.seed, problem.id, sample),
                )
