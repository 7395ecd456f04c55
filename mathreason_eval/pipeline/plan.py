"""What is asked and how it is judged: the rules of a task, plans, and requests for samples."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from mathreason_eval.errors import (
    Faults,
    ResultT,
    TaskError,
    UnknownNameError,
    UserError,
    raise_faults,
)
from mathreason_eval.extract import EXTRACTORS
from mathreason_eval.grade.graders import grader_for, grader_named, is_of_task, recorded
from mathreason_eval.grade.judge import GRADER_VERSION, JudgeOptions
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.models import engine_package
from mathreason_eval.models.base import Model, Request
from mathreason_eval.pipeline.provenance import judged_by
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.runs.keys import SampleKeys, prompt_digests
from mathreason_eval.runs.manifest import describe_model, new_manifest
from mathreason_eval.runs.reading import SampleKey
from mathreason_eval.runs.store import is_run, load_run
from mathreason_eval.seeds import sample_seed
from mathreason_eval.stats.metrics import FAMILIES, find_metric, our_metric
from mathreason_eval.stats.summary import Report
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import Loaded, load_shots
from mathreason_eval.tasks.task import PromptForm, render
from mathreason_eval.text.limits import MAX_TASK_SAMPLES
from mathreason_eval.text.secrets import without_secrets
from mathreason_eval.types import (
    GradingRules,
    Measure,
    PromptEntry,
    ReportRules,
    RunManifest,
    Sampling,
    SamplingEntry,
    SentPrompt,
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
    """The grading rules as the judge's argument."""
    report: Report
    """The report rules as the summary's argument, with the grader's measures."""

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return the rules of a task.

        Raises:
            UnknownNameError: as `check_rules`, like the other errors that it raises.
        """
        check_rules(task)
        grading = GradingRules(
            extract=task.extract,
            grade=task.grade,
            grader_version=GRADER_VERSION,
            convention=asdict(task.convention),
            second=task.second,
            check_steps=task.check_steps,
            judged_by=None,
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
            located: maps the recorded name of a grader to the name of the one that is called.

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
        # What was applied is recorded: conventions unknown at that time now have their defaults.
        applied = replace(
            grading, grader_version=GRADER_VERSION, convention=asdict(judging.convention)
        )
        applied = replace(applied, judged_by=judged_by(applied, judging))
        return cls(grading=applied, reporting=reporting, judging=judging, report=report)

    def applied(self, entry: TaskEntry) -> TaskEntry:
        """Return a manifest's entry for a task that is judged by these rules."""
        return replace(entry, grading=self.grading, report=self.reporting)


def check_rules(task: Task) -> None:
    """Raise an error unless answers can be judged and results reported as a task defines.

    Raises:
        UserError: as `rule_faults` names them.
    """
    raise_faults(rule_faults(task))


def rule_faults(task: Task) -> list[UserError]:
    """Return why answers cannot be judged, or results not reported, as a task says.

    That is: an extraction rule, a grader, a family of metrics or a metric that does not exist; a
    package that brings a grader and cannot be imported; a primary metric that is not one of which
    more is better and that every problem has; a measure of the grader that is called as another
    metric is.
    """
    found: list[UserError] = []

    def attempt(key: str, work: Callable[[], ResultT]) -> ResultT | None:
        faults = Faults()
        result = faults.attempt(work)
        found.extend(fault.at(task.places.get(key, "")) for fault in faults.found)
        return result

    for rule in task.extract:
        attempt("extract", lambda rule=rule: _check_known("extraction rule", rule, EXTRACTORS))  # type: ignore[misc]
    for family in task.metrics:
        attempt("metrics", lambda one=family: _check_known("family of metrics", one, FAMILIES))  # type: ignore[misc]
    if (second := task.second) is not None:
        attempt("second", lambda: grader_for(task.located(second)))
    if (grader := attempt("grade", lambda: grader_for(task.located(task.grade)))) is not None:
        attempt("primary", lambda: _check_metrics(task, grader.measures))
    return found


def _check_known(kind: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise UnknownNameError(kind, name, known)


def _check_metrics(task: Task, measures: Sequence[Measure]) -> None:
    if taken := [measure.name for measure in measures if our_metric(measure.name)]:
        raise TaskError(
            f"{task.grade} measures {taken[0]}, which is the name of another metric.",
            "Rename the grader's measure.",
        )
    definition = find_metric(task.primary, measures).definition
    if not definition.has_scores or not definition.is_share or not definition.higher_is_better:
        raise TaskError(
            f"Results of {task.name} cannot be ranked by {task.primary}: it is no fraction that "
            "each problem has and that is better when higher.",
            "`mathreason list metrics` shows those that can be used.",
        )


def task_entry(
    task: Task,
    loaded: Loaded,
    prompt: PromptEntry,
    *,
    limit: int | None,
    samples: int,
    max_tokens: int | None,
) -> TaskEntry:
    """Return a manifest's entry for a task of which all loaded problems are asked.

    Args:
        task: the task.
        loaded: its data.
        prompt: how its problems are put.
        limit: the largest number of problems that was asked for.
        samples: samples asked for per problem.
        max_tokens: maximum number of tokens of an answer; None if unknown.
    """
    rules = TaskRules.of(task)
    return TaskEntry(
        version=task.version,
        prompt=prompt,
        max_tokens=max_tokens,
        data=loaded.entry(),
        problems=len(loaded.problems),
        limit=limit,
        samples=samples,
        grading=rules.grading,
        report=rules.reporting,
    )


NO_SECOND = "none"
"""The name that means: no second grader, whatever the run or the task names."""


def with_second(task: Task, grader: str | None) -> Task:
    """Return a task with another second grader; None keeps the one it names, if any.

    Raises:
        UnknownNameError: if there is no such grader.
    """
    if grader is None:
        return task
    if grader == NO_SECOND:
        return replace(task, second=None)
    if not is_of_task(grader):
        grader_named(grader)
    # Whatever path it was given with, the grader in this task's folder is used.
    second = recorded(grader) if is_of_task(grader) else grader
    places = {key: place for key, place in task.places.items() if key != "second"}
    return replace(task, second=second, places=places)


def stored_second_grader(entry: TaskEntry) -> str | None:
    """Return the name of the second grader of a stored run's task, or None if it had none."""
    return entry.grading.second and recorded(entry.grading.second)


# --- plans and requests ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """One task with its problems, its prompt form and its sampling.

    Without slots: its prompts are rendered once.
    """

    task: Task
    form: PromptForm
    loaded: Loaded
    sampling: Sampling
    samples: int
    """Per problem."""
    limit: int | None

    @property
    def asks_all(self) -> bool:
        """Return whether no limit leaves a problem out."""
        return self.limit is None or len(self.loaded.problems) < self.limit

    @cached_property
    def prompts(self) -> Mapping[str, SentPrompt]:
        """The prompt of each problem as it is sent, by the problem's id.

        Raises:
            TaskError: if one cannot be rendered.
        """
        return {
            problem.id: SentPrompt(problem_id=problem.id, prompt=render(self.form, problem))
            for problem in self.loaded.problems
        }

    def entry(self) -> TaskEntry:
        """Return the manifest's entry for this task."""
        prompt = PromptEntry(
            id=self.form.id,
            sha256=hashlib.sha256(self.form.spelled().encode()).hexdigest(),
            system=self.form.system,
            system_fallback=self.form.system_fallback,
        )
        return task_entry(
            self.task,
            self.loaded,
            prompt,
            limit=self.limit,
            samples=self.samples,
            max_tokens=self.sampling.max_tokens,
        )


GREEDY = (0.0, 1.0)
"""(temperature, top_p) of a run with one sample per problem."""
SAMPLED = (0.6, 0.95)
"""(temperature, top_p) of a run with several, at which AIME and the like are commonly reported."""


def resolve_sampling(spec: RunSpec, out: Path | None) -> RunSpec:
    """Return the spec with its sampling set: as typed, as stored, or by default.

    Of temperature, top_p and the budget of a thought.
    """
    temperature, top_p = GREEDY if spec.samples == 1 else SAMPLED
    if spec.temperature is not None:
        temperature = spec.temperature
        top_p = (GREEDY if temperature == 0 else SAMPLED)[1]
    if out is not None and is_run(out) and (run := load_run(out)).has_samples():
        stored = run.manifest.sampling
        if spec.temperature is None and stored.temperature is not None:
            temperature = stored.temperature
        if stored.top_p is not None:
            top_p = stored.top_p
        if spec.think_budget is None:
            spec = replace(spec, think_budget=stored.think_budget)
    top_p = top_p if spec.top_p is None else spec.top_p
    # A caller's 1 is read back from the manifest as 1.0, which would give another key.
    return replace(spec, temperature=float(temperature), top_p=float(top_p))


SHOTS = ":shots"
"""The suffix of the key of a few-shot prompt's solved problems: `--data TASK:shots=PATH`."""


def plan(spec: RunSpec, task: Task, loaded: Loaded, *, chat: bool) -> TaskPlan:
    """Return the plan of a task for a spec whose sampling is resolved.

    Raises:
        UserError: if the task has no such prompt, or none for this kind of model; or if it would
            have more samples than are read of a task.
    """
    assert spec.temperature is not None
    assert spec.top_p is not None
    if (asked := spec.samples * len(loaded.problems)) > MAX_TASK_SAMPLES:
        raise UserError(
            f"{task.name} would have {asked:,} samples: {spec.samples:,} of each of its "
            f"{len(loaded.problems):,} problems. A task has at most {MAX_TASK_SAMPLES:,}.",
            "Ask for fewer with -n or --limit.",
        )
    form = task.prompt_form(spec.prompt, chat=chat)
    if spec.system is not None:
        form = replace(form, system=spec.system or None)
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
        samples=spec.samples,
        limit=spec.limit,
    )


def sampling_entry(spec: RunSpec) -> SamplingEntry:
    """Return the manifest's entry for the sampling of a spec."""
    return SamplingEntry(
        temperature=spec.temperature, top_p=spec.top_p, think_budget=spec.think_budget
    )


def planned_manifest(spec: RunSpec, model: Model, plans: Sequence[TaskPlan]) -> RunManifest:
    """Return the manifest of a run that begins now."""
    return new_manifest(
        describe_model(
            model.name, without_secrets({**engine_package(model.name), **model.describe()})
        ),
        sampling_entry(spec),
        {plan.task.name: plan.entry() for plan in plans},
        seed=spec.seed,
    )


def number_pending(plans: Sequence[TaskPlan], stored: Mapping[str, AbstractSet[SampleKey]]) -> int:
    """Return how many requests `pending_requests` yields."""
    pending = (_pending(plan, stored[plan.task.name]) for plan in plans)
    return sum(len(samples) for one in pending for samples in one.values())


def _pending(plan: TaskPlan, held: AbstractSet[SampleKey]) -> dict[str, list[int]]:
    """Return the samples of a task that are not stored, by problem; no problem without one."""
    asked = range(plan.samples)
    return {
        problem.id: left
        for problem in plan.loaded.problems
        if (left := [sample for sample in asked if (problem.id, sample) not in held])
    }


def pending_requests(
    plans: Sequence[TaskPlan],
    spec: RunSpec,
    stored: Mapping[str, AbstractSet[SampleKey]],
    manifest: RunManifest,
) -> Iterator[Request]:
    """Yield the requests for samples that are not stored: long tasks first, then by problem.

    Long answers at the end would leave the engine almost idle. The samples of one problem share
    their prompt, which engines with a prefix cache compute only once.

    Args:
        plans: what is asked.
        spec: the run seed.
        stored: by task, the keys of samples that are not requested again.
        manifest: the run's manifest, from which the keys of its samples are computed.
    """
    for plan in sorted(plans, key=lambda plan: -plan.sampling.max_tokens):
        task, pending = plan.task.name, _pending(plan, stored[plan.task.name])
        prompts = [plan.prompts[problem_id] for problem_id in pending]
        keys = SampleKeys(manifest, task, prompt_digests(prompts))
        for one in prompts:
            for sample in pending[one.problem_id]:
                seed = sample_seed(spec.seed, one.problem_id, sample)
                yield Request(
                    task=task,
                    problem_id=one.problem_id,
                    sample=sample,
                    prompt=one.prompt,
                    sampling=plan.sampling,
                    seed=seed,
                    key=keys.key(one.problem_id, sample, seed),
                )
