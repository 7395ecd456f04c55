"""Ask a model the problems of some tasks and judge the answers, overlapped, resumable.

One queue holds the missing samples of all tasks, so the engine is never drained between two of
them. A sample is stored before it is judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from mathreason_eval.errors import IncompleteRunError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Failure, Model, handle
from mathreason_eval.pipeline.grading import (
    GradingQueue,
    JudgementWatcher,
    Rules,
    conclude,
    submit_stored,
)
from mathreason_eval.pipeline.plan import (
    RunSpec,
    TaskPlan,
    load_tasks,
    missing,
    new_manifest,
    plan,
    settled,
)
from mathreason_eval.runs.manifest import folder_name, join, now
from mathreason_eval.runs.store import FileKey, Run, RunWriter, SampleKey, distinct
from mathreason_eval.text.thinking import split_thinking
from mathreason_eval.types import Generation, Problem, RunManifest, Totals


class Watcher(JudgementWatcher, Protocol):
    """Whoever wants to see a run go on."""

    def began(self, *, asked: int, stored: int) -> None:
        """Learn how many samples the run will have and how many are there already."""

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
    """Open a model, ask it, judge it, and return the run; the same call goes on where it stopped.

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
    grading: tuple[int, float] = (2, 5.0),
) -> Run:
    """Ask a model and judge its answers; return the run.

    Args:
        spec: what is asked.
        opener: makes the engine, which is closed at the end. It is called after tasks and data
            have been read, so that a slip shows before an engine takes a minute to load.
        out: the run folder; by default one under `runs/` named after the model and the settings.
        watcher: sees every step.
        grading: (grading workers, deadline of one judgement in seconds).

    Raises:
        RunError: if the folder holds a run made with other settings.
        ModelError: if the engine failed as a whole; what was finished is stored and judged.
        IncompleteRunError: if single samples could not be generated; the rest is stored and judged.
    """
    spec = settled(spec, out)
    loaded = load_tasks(spec)
    with closing(opener()) as model:
        plans = [plan(spec, task, problems, chat=model.chat) for task, problems in loaded]
        fresh = new_manifest(spec, model, plans)
        folder = out or Path("runs") / folder_name(fresh)
        with RunWriter(folder) as writer:
            manifest = join(folder, fresh)
            writer.write_manifest(manifest)
            before = Run(folder, manifest)
            for one in plans:
                writer.write_problems(one.task.name, _all_problems(before, one))
            return _Session(writer, before.unread(), plans, model, watcher).go(spec, grading)


def _all_problems(before: Run, plan: TaskPlan) -> Sequence[Problem]:
    """Return the problems asked now or before: a smaller limit than last time takes none away."""
    stored = before.problems(plan.task.name)
    return max(plan.loaded.problems, stored, key=len)


class _Session:
    """One sitting of a run: from what is stored to what is asked."""

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
        self.rules = {plan.task.name: Rules.of(plan.task) for plan in plans}
        self.failures: list[Failure] = []
        self.fresh: dict[str, list[Generation]] = {plan.task.name: [] for plan in plans}
        self.tokens = 0

    def go(self, spec: RunSpec, grading: tuple[int, float]) -> Run:
        """Generate what is missing, judge everything, write it down; return the run."""
        workers, deadline = grading
        with GradingQueue(workers=workers, deadline=deadline, watcher=self.watcher) as queue:
            stored = {
                plan.task.name: submit_stored(
                    queue, self.run, plan.task.name, self.rules[plan.task.name]
                )
                for plan in self.plans
            }
            began = time.monotonic()
            try:
                self._generate(queue, spec, stored)
            finally:
                # Also on Ctrl-C and when the engine dies: what was paid for is judged and shown.
                ended = time.monotonic()
                self.run = self.run.updated(self.run.manifest, self._generations())
                self.run = conclude(queue, self.writer, self.run, self.rules)
                self.run = self.run.updated(self._last_manifest(queue, ended - began, ended))
                self.writer.write_manifest(self.run.manifest)
        self._report_failures()
        return self.run

    def _generations(self) -> dict[FileKey, Sequence[Generation]]:
        """Return what the files of generations hold by now, which no one need parse again."""
        return {
            (task, Generation): (*self.run.generations(task), *fresh)
            for task, fresh in self.fresh.items()
        }

    def _generate(
        self, queue: GradingQueue, spec: RunSpec, stored: Mapping[str, set[SampleKey]]
    ) -> None:
        requests = list(missing(self.plans, spec, stored))
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

    def _last_manifest(self, queue: GradingQueue, seconds: float, ended: float) -> RunManifest:
        """Return the manifest with its final fields: when it finished, if it did, what it took."""
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
    thought = split_thinking(written, completion.reasoning)
    # A thought that never ended stays as it came, so that whoever judges it sees that it did not.
    whole = thought.finished
    return Generation(
        problem_id=completion.request.problem_id,
        sample=completion.request.sample,
        text=thought.text if whole else written,
        reasoning=thought.reasoning if whole else completion.reasoning,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        seed=completion.request.seed,
        seconds=completion.seconds,
    )
