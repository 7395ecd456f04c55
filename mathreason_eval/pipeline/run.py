"""Ask a model the problems of some tasks and judge the answers, overlapped, resumable.

One queue holds the pending samples of all tasks, so the engine is never drained between two of
them. A sample is stored before it is judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from mathreason_eval.errors import IncompleteRunError, RunError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Failure, Model, handle
from mathreason_eval.pipeline.grading import (
    GRADING,
    GradingQueue,
    JudgementWatcher,
    split_output,
    submit_stored,
    write_verdicts_and_metrics,
)
from mathreason_eval.pipeline.plan import (
    RunSpec,
    TaskPlan,
    TaskRules,
    load_tasks,
    pending_requests,
    plan,
    planned_manifest,
    resolve_sampling,
    stored_second,
    with_second,
)
from mathreason_eval.runs.manifest import folder_name, join, now
from mathreason_eval.runs.store import (
    FileKey,
    Run,
    RunWriter,
    SampleKey,
    distinct,
    is_run,
    load_run,
)
from mathreason_eval.tasks import load_task
from mathreason_eval.types import Generation, RunManifest, TaskEntry, Totals


class Watcher(JudgementWatcher, Protocol):
    """An observer of a run."""

    def began(self, *, asked: int, stored: int) -> None:
        """Take note of how many samples are asked in all and how many are stored already."""

    def generated(self, completion: Completion) -> None:
        """Take note of one finished sample."""

    def failed(self, failure: Failure) -> None:
        """Take note of one sample that could not be generated."""


def evaluate(
    *,
    model: str,
    tasks: Sequence[str],
    samples: int = 1,
    out: str | Path | None = None,
    model_args: Mapping[str, str] | None = None,
    **settings: object,
) -> Run:
    """Open a model, ask it, judge it, and return the run; the same call resumes it.

    Args:
        model: `BACKEND:NAME`, as on the command line.
        tasks: names of tasks.
        samples: samples per problem.
        out: the run folder; by default one under `runs/` named after the model and the settings.
        model_args: options of the engine.
        settings: the other fields of `RunSpec`: limit, temperature, max_tokens, seed, data, …

    Raises:
        UserError: with what happened and what to do next.
    """
    spec = RunSpec(tasks=tuple(tasks), samples=samples, **settings)  # type: ignore[arg-type]
    return run_tasks(spec, partial(open_model, model, model_args or {}), Path(out) if out else None)


def run_tasks(
    spec: RunSpec,
    opener: Callable[[], Model],
    out: Path | None = None,
    *,
    watcher: Watcher | None = None,
    grading: tuple[int, float] = GRADING,
) -> Run:
    """Ask a model and judge its answers; return the run.

    Args:
        spec: what is asked.
        opener: makes the engine, which is closed at the end. It is called after tasks and data
            have been read, so that a mistake shows before an engine takes a minute to load.
        out: the run folder; by default one under `runs/` named after the model and the settings.
        watcher: is notified of every step.
        grading: (worker processes, seconds of computer algebra for one answer).

    Raises:
        RunError: if the folder holds a run made with other settings.
        ModelError: if the engine failed as a whole; what was finished is stored and judged.
        IncompleteRunError: if single samples could not be generated; the rest is stored and judged.
    """
    spec = resolve_sampling(spec, out)
    loaded = load_tasks(spec)
    with closing(opener()) as model:
        plans = [plan(spec, task, problems, chat=model.chat) for task, problems in loaded]
        folder = out or Path("runs") / folder_name(planned_manifest(spec, model, plans))
        if spec.second is None and is_run(folder):
            plans = _with_stored_second(plans, load_run(folder))
        with RunWriter(folder) as writer:
            manifest = join(folder, planned_manifest(spec, model, plans))
            writer.write_manifest(manifest)
            before = Run(folder, manifest)
            for one in plans:
                # A smaller limit than in an earlier session removes no problem.
                asked, stored = one.loaded.problems, before.problems(one.task.name)
                writer.write_problems(one.task.name, stored if len(stored) > len(asked) else asked)
            return _Session(writer, before.fresh_view(), plans, model, watcher).run_all(
                spec, grading
            )


def _with_stored_second(plans: Sequence[TaskPlan], run: Run) -> list[TaskPlan]:
    """Return plans with the second graders that a run was judged with."""
    held = run.manifest.tasks
    return [
        replace(one, task=with_second(one.task, stored_second(held[one.task.name])))
        if one.task.name in held
        else one
        for one in plans
    ]


class _Session:
    """One session of a run: it generates what is pending and judges everything."""

    def __init__(
        self,
        writer: RunWriter,
        run: Run,
        plans: Sequence[TaskPlan],
        model: Model,
        watcher: Watcher | None,
    ) -> None:
        self.writer = writer
        self.run = run
        self.plans = plans
        self.model = model
        self.watcher = watcher
        self.rules = {plan.task.name: TaskRules.of(plan.task) for plan in plans}
        self.failures: list[Failure] = []
        self.fresh: dict[str, list[Generation]] = {plan.task.name: [] for plan in plans}
        self.tokens = 0

    def run_all(self, spec: RunSpec, grading: tuple[int, float]) -> Run:
        """Generate what is pending, judge everything and write the results; return the run."""
        with GradingQueue(grading, self.watcher) as queue:
            stored = {
                task: submit_stored(queue, self.run, task, rules)
                for task, rules in self.rules.items()
            }
            began = time.monotonic()
            try:
                self._generate(queue, spec, stored)
            finally:
                # Also on Ctrl-C and when the engine dies: what was generated is judged and shown.
                ended = time.monotonic()
                self.run = self.run.updated(self.run.manifest, self._generations())
                self.run = write_verdicts_and_metrics(queue, self.writer, self.run, self.rules)
                self.run = self.run.updated(self._final_manifest(queue, ended - began, ended))
                self.writer.write_manifest(self.run.manifest)
        self._report_failures()
        return self.run

    def _generations(self) -> dict[FileKey, Sequence[Generation]]:
        """Return what the files of generations hold now, so that they need not be parsed again."""
        return {
            (task, Generation): (*self.run.generations(task), *fresh)
            for task, fresh in self.fresh.items()
        }

    def _generate(
        self, queue: GradingQueue, spec: RunSpec, stored: Mapping[str, set[SampleKey]]
    ) -> None:
        requests = list(pending_requests(self.plans, spec, stored))
        if self.watcher is not None:
            kept = sum(map(len, stored.values()))
            self.watcher.began(asked=kept + len(requests), stored=kept)
        problems = {
            (plan.task.name, problem.id): problem
            for plan in self.plans
            for problem in plan.loaded.problems
        }
        with closing(self.model.stream(requests)) as results:  # type: ignore[type-var]
            for result in results:
                task = result.request.task
                if isinstance(result, Failure):
                    self._take_failure(result)
                    continue
                read = partial(_generation, result, self.model.opening)
                generation = handle(result.request, read)
                if isinstance(generation, Failure):
                    self._take_failure(generation)
                    continue
                self.writer.append(task, generation)
                self.fresh[task].append(generation)
                self.tokens += result.completion_tokens or 0
                problem = problems[task, generation.problem_id]
                queue.submit(task, self.rules[task], problem, generation)
                if self.watcher is not None:
                    self.watcher.generated(result)

    def _take_failure(self, failure: Failure) -> None:
        self.failures.append(failure)
        if self.watcher is not None:
            self.watcher.failed(failure)

    def _final_manifest(self, queue: GradingQueue, seconds: float, ended: float) -> RunManifest:
        """Return the manifest with its final fields: totals, and when a complete run finished."""
        manifest = self.run.manifest
        complete = all(
            len(distinct(self.run.generations(plan.task.name)))
            >= len(self.run.problems(plan.task.name)) * manifest.samples
            for plan in self.plans
        )
        totals = Totals(
            completion_tokens=self.tokens,
            generation_seconds=round(seconds, 3),
            tokens_per_second=round(self.tokens / seconds, 1) if seconds > 0 else 0.0,
            grading_lag_seconds=round(max(0.0, queue.last_verdict - ended), 3),
            failures=len(self.failures),
        )
        return replace(manifest, finished=now() if complete else None, totals=totals)

    def _report_failures(self) -> None:
        if not self.failures:
            return
        first = self.failures[0]
        raise IncompleteRunError(
            f"{len(self.failures)} samples could not be generated; the first, "
            f"{first.request.problem_id} sample {first.request.sample}: {first.reason}",
            f"{first.hint} The rest is stored; the same command goes on.".strip(),
        )


def _generation(completion: Completion, opening: str) -> Generation:
    written = completion.text if completion.reasoning is not None else opening + completion.text
    text, reasoning = split_output(written, completion.reasoning)
    return Generation(
        problem_id=completion.request.problem_id,
        sample=completion.request.sample,
        text=text,
        reasoning=reasoning,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        seed=completion.request.seed,
        seconds=completion.seconds,
    )


# --- more samples ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtendOptions:
    """What more samples need and a manifest does not store."""

    model_args: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Files of problems by task: a manifest stores only their names and hashes."""
    tasks_dirs: tuple[Path, ...] = ()
    grading: tuple[int, float] = GRADING
    """(worker processes, seconds of computer algebra for one answer)."""


def extend(run: Run, samples: int, options: ExtendOptions, watcher: Watcher | None = None) -> Run:
    """Generate samples up to a number per problem, in the run's own folder; return the run.

    Model, sampling, prompts, limits and seed are the manifest's. As for every resumed run it is
    checked that none of them, nor the data, has changed.

    Raises:
        RunError: if the run was imported or is greedy, or would continue with other settings.
        UserError: as `run_tasks`.
    """
    manifest = run.manifest
    if manifest.model.backend == "import":
        raise RunError(f"{run.path} was imported, and has no model to ask.", "Import more samples.")
    if manifest.sampling.temperature == 0:
        raise RunError(
            f"{run.path} was drawn at temperature 0: a second sample is the first one again.",
            "Run both, baseline too, with --temperature 0.6.",
        )
    opener: Callable[[], Model] = partial(open_model, manifest.model.name, options.model_args)
    for spec in _specs(run, samples, options):
        run = run_tasks(spec, opener, run.path, watcher=watcher, grading=options.grading)
    return run


def _specs(run: Run, samples: int, options: ExtendOptions) -> list[RunSpec]:
    """Return what is asked: as few sessions as the tasks' settings allow."""
    together: dict[_Settings, list[str]] = {}
    for task, entry in run.manifest.tasks.items():
        together.setdefault(_settings(task, entry, options), []).append(task)
    return [
        RunSpec(
            tasks=tuple(tasks),
            samples=samples,
            limit=limit,
            temperature=run.manifest.sampling.temperature,
            top_p=run.manifest.sampling.top_p,
            max_tokens=max_tokens,
            seed=run.manifest.seed,
            prompt=prompt,
            second=second,
            data={key: each for task in tasks for key, each in _data(task, run, options).items()},
            tasks_dirs=options.tasks_dirs,
        )
        for (prompt, max_tokens, limit, second), tasks in together.items()
    ]


_Settings = tuple[str, int | None, int | None, str | None]
"""(prompt, max_tokens, limit, second grader), which a spec has in common for all its tasks."""


def _settings(task: str, entry: TaskEntry, options: ExtendOptions) -> _Settings:
    usual = load_task(task, options.tasks_dirs)
    second = entry.grading.second
    return (
        entry.prompt.id,
        None if entry.max_tokens == usual.max_tokens else entry.max_tokens,
        None if entry.problems == entry.data.rows else entry.problems,
        None if second == usual.second else second,
    )


def _data(task: str, run: Run, options: ExtendOptions) -> dict[str, tuple[str, ...]]:
    given = {key: each for key, each in options.data.items() if key.partition(":")[0] == task}
    revision = run.manifest.tasks[task].data.revision
    if task not in given and revision.startswith("seed ") and revision != "seed 0":
        given[task] = (revision.replace("seed ", "seed:"),)
    return given
