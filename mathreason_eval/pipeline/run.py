"""Run a model on tasks and grade its answers, both at the same time; resumable.

One queue has the pending samples of all tasks, so the engine is never idle between two of them. A
sample is stored before it is judged.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Unpack

from mathreason_eval.errors import IncompleteRunError, UserError, raise_faults
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.models.base import (
    Completion,
    Failure,
    Model,
    Request,
    answered_by,
    asks_allowance,
    drain,
    expect,
    handle,
)
from mathreason_eval.pipeline.asked import check_asked
from mathreason_eval.pipeline.grading import VerdictLog, split_output, unjudged, write_results
from mathreason_eval.pipeline.max_tokens import with_max_tokens
from mathreason_eval.pipeline.overlap import Overlap, meter_of
from mathreason_eval.pipeline.plan import (
    TaskPlan,
    TaskRules,
    number_pending,
    pending_requests,
    plan,
    planned_manifest,
    stored_second_grader,
    with_second,
)
from mathreason_eval.pipeline.preflight import Refused, preflight, spec_of
from mathreason_eval.pipeline.prices import price_of
from mathreason_eval.pipeline.queue import GRADING, GradingQueue, Job, JudgementWatcher
from mathreason_eval.pipeline.repair import rebuilt, repair
from mathreason_eval.pipeline.spec import RunSpec, Settings, call_faults
from mathreason_eval.pipeline.spending import (
    Affordable,
    Ledger,
    Limit,
    check_stopped,
    earlier_cost,
    most_prompt_tokens,
)
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.pipeline.system import with_system_placed
from mathreason_eval.pipeline.think_budget import Turns, check_budget, check_model
from mathreason_eval.runs.completeness import is_complete
from mathreason_eval.runs.manifest import folder_name, join, now
from mathreason_eval.runs.reading import SampleKey
from mathreason_eval.runs.sessions import (
    Spent,
    Stored,
    answered,
    answering_model,
    begun,
    costing,
    ended,
    now_after,
)
from mathreason_eval.runs.store import FileKey, Run, is_run, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.text import counted
from mathreason_eval.types import (
    FAILED,
    CostEntry,
    FailedRequest,
    Generation,
    GenerationInfo,
    ParentEntry,
    Records,
    RunManifest,
    SessionEnd,
)


class Watcher(JudgementWatcher, Protocol):
    """An observer of a run."""

    def began(self, *, asked: int, stored: int) -> None:
        """Called once, with the number of samples in all and of those stored already."""

    def generated(self, completion: Completion) -> None:
        """Called with each finished sample."""

    def failed(self, failure: Failure) -> None:
        """Called with each sample that could not be generated."""


def evaluate(
    *,
    model: str,
    tasks: str | Sequence[str],
    out: str | Path | None = None,
    model_args: Mapping[str, str] | None = None,
    **settings: Unpack[Settings],
) -> Run:
    """Run a model on tasks, grade its answers and return the run; the same call resumes it.

    Args:
        model: `BACKEND:NAME`, as on the command line.
        tasks: names of tasks, also as a comma list.
        out: the run folder; by default one under `runs/` named after the model and the settings.
        model_args: options of the engine.
        settings: the other fields of `RunSpec`: samples, limit, temperature, max_tokens, seed, …

    Raises:
        UserError: if the run cannot be made; it says what happened and what to do next.
    """
    given: dict[str, Any] = {"tasks": tasks, **settings}
    wrong = call_faults(model=model, out=out, model_args=model_args)
    refused = Refused(names=frozenset(wrong), faults=tuple(wrong.values()))
    opener = NamedModel(name=UserModel(model), options=model_args or {})
    folder = None if out is None or "out" in wrong else Path(out).expanduser()
    return run_tasks(spec_of(given, opener, folder, refused), opener, folder)


def run_tasks(
    spec: RunSpec,
    opener: Callable[[], Model],
    out: Path | None = None,
    *,
    watcher: Watcher | None = None,
    grading: tuple[int, float] = GRADING,
    stop: Stop | None = None,
) -> Run:
    """Run a model on the tasks of a spec and grade its answers; return the run.

    Args:
        spec: what is asked.
        opener: makes the engine, which is closed at the end. It is called after everything else
            was checked, so that a mistake shows before an engine takes a minute to load.
        out: the run folder; by default one under `runs/` named after the model and the settings.
        watcher: is notified of every step.
        grading: (worker processes, seconds of computer algebra for one answer).
        stop: ends the run early when requested: nothing more is submitted, and what was submitted
            is stored and judged.

    Raises:
        RunError: if the folder has a run made with other settings.
        ModelError: if the whole engine failed; what was finished is stored and judged.
        IncompleteRunError: if single samples could not be generated; the rest is stored and judged.
    """
    if spec.repair and out is not None:
        # What is wrong elsewhere is said before anything in the folder is moved.
        preflight(spec, opener, out, damaged=True)
        repair(out)
    spec, loaded = preflight(spec, opener, out)
    with closing(opener()) as model:
        plans = [
            with_system_placed(plan(spec, task, problems, chat=model.chat), model)
            for task, problems in loaded
        ]
        plans = [with_max_tokens(one, spec, model, out) for one in plans]
        if spec.think_budget is not None:
            check_model(model)
        check_budget(spec.think_budget, plans)
        folder = out or Path("runs") / folder_name(planned_manifest(spec, model, plans))
        if spec.repair and out is None:
            repair(folder)
        asked = Planned(spec=spec, plans=plans, folder=folder)
        return run_planned(asked, model, watcher=watcher, grading=grading, stop=stop)


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What is asked of a model, all of it known."""

    spec: RunSpec
    """With its sampling resolved."""
    plans: Sequence[TaskPlan]
    folder: Path
    parent: ParentEntry | None = None
    """The run whose samples are asked about; None of a run of its own."""


def run_planned(
    asked: Planned,
    model: Model,
    *,
    watcher: Watcher | None = None,
    grading: tuple[int, float] = GRADING,
    stop: Stop | None = None,
) -> Run:
    """Ask a model what is planned, and grade its answers; return the run.

    Args:
        asked: what.
        model: who is asked; it stays open.
        watcher: as `run_tasks`, like the others and what is raised.
        grading: as there.
        stop: as there.
    """
    spec, plans, folder = asked.spec, asked.plans, asked.folder
    with RunWriter(folder) as writer:
        # Under the lock, as all that is written again. What was read before, the sampling of
        # the folder, is compared with it when the folder is joined.
        if spec.second is None and is_run(folder) and (run := load_run(folder)).has_samples():
            plans = _with_stored_second_grader(plans, run)
        planned = replace(planned_manifest(spec, model, plans), parent=asked.parent)
        planned = rebuilt(folder, planned, plans, spec)
        manifest = join(folder, planned, adopt=spec.adopt)
        before = Run(folder, manifest)
        check_asked(before, plans)
        for one in plans:
            _write_asked(writer, before, one)
        writer.write_manifest(manifest)
        session = _Session(
            *(writer, before.fresh_view(), plans, model, watcher),
            accept_failures=spec.accept_failures,
        )
        return session.run_all(spec, grading, stop or Stop())


def _write_asked(writer: RunWriter, run: Run, plan: TaskPlan) -> None:
    """Write the problems of a task and their prompts; a smaller limit than before removes none.

    Problems and prompts in a folder without any sample are ignored. Files that hold just that are
    left as they are.
    """
    task, sent = plan.task.name, plan.prompts
    asked = {one.id: one for one in plan.loaded.problems}
    prompts, problems = (
        (run.prompts(task), run.problems(task)) if run.has_samples() else (Records(), Records())
    )
    all_problems = *asked.values(), *(one for one in problems if one.id not in asked)
    all_prompts = *sent.values(), *(one for one in prompts if one.problem_id not in sent)
    if all_problems != problems:
        writer.write_problems(task, all_problems)
    if all_prompts != prompts:
        writer.write_prompts(task, all_prompts)


def _with_stored_second_grader(plans: Sequence[TaskPlan], run: Run) -> list[TaskPlan]:
    """Return plans with the second graders that a run was judged with."""
    held = run.manifest.tasks
    return [
        replace(one, task=with_second(one.task, stored_second_grader(held[one.task.name])))
        if one.task.name in held
        else one
        for one in plans
    ]


class _Session:
    """One session of a run: it generates what is pending and judges what is not judged."""

    def __init__(
        self,
        writer: RunWriter,
        run: Run,
        plans: Sequence[TaskPlan],
        model: Model,
        watcher: Watcher | None,
        *,
        accept_failures: bool,
    ) -> None:
        self.writer = writer
        self.run = run
        self.plans = plans
        self.model = model
        self.watcher = watcher
        self.accept_failures = accept_failures
        self.rules = {plan.task.name: TaskRules.of(plan.task) for plan in plans}
        self.problems = {
            (plan.task.name, problem.id): problem
            for plan in plans
            for problem in plan.loaded.problems
        }
        self.asked = 0
        """Samples that the folder will hold."""
        self.failures: list[Failure] = []
        self.ledger: Ledger | None = None
        self.meter = meter_of(model)
        self.turns: Turns | None = None
        """Where thoughts have a budget."""
        self.writing = Lock()
        """Of the manifest: what the session may cost is written by the thread that sends."""
        self.fresh: dict[str, list[GenerationInfo]] = {plan.task.name: [] for plan in plans}

    def run_all(self, spec: RunSpec, grading: tuple[int, float], stop: Stop) -> Run:
        """Generate what is pending, judge what is not, write the results; return the run."""
        log = VerdictLog(self.writer)
        with GradingQueue(log, grading, self.watcher) as queue, stop.heeding():
            stored = {task: self._resume(queue, log, task) for task in self.rules}
            limit = self._limit(spec)
            manifest = begun(self.run.manifest, self._stored())
            self.writer.write_manifest(manifest)
            self.run = self.run.updated(manifest)
            expect(self.model, answering_model(manifest))
            self._open_ledger(limit)
            began, end = time.monotonic(), SessionEnd.ERROR
            try:
                self._generate(queue, spec, stored, stop)
                end = SessionEnd.STOPPED if stop.requested else SessionEnd.COMPLETE
            except KeyboardInterrupt:
                end = SessionEnd.STOPPED
                raise
            except IncompleteRunError:
                end = SessionEnd.INCOMPLETE
                raise
            finally:
                # Also on Ctrl-C and if the engine fails: what was generated is judged and shown.
                stopped = time.monotonic()
                if self.ledger is not None:
                    self.ledger.close()
                queue.finish()
                self.run = self.run.updated(self.run.manifest, self._infos())
                self.run = write_results(log, self.writer, self.run, self.rules)
                lag = max(0.0, queue.last_verdict - stopped)
                overlap = self.meter.overlap(queue.cpu_seconds)
                self.run = self.run.updated(
                    self._final_manifest(end, stopped - began, lag, overlap)
                )
                self.writer.write_manifest(self.run.manifest)
        raise_faults([*check_stopped(self.ledger), *self._failed()])
        return self.run

    def _resume(self, queue: GradingQueue, log: VerdictLog, task: str) -> set[SampleKey]:
        """Have the stored samples of a task judged that are not; return which are stored."""
        settled = log.resume(task, self.run)
        if self.watcher is not None:
            for verdict in settled.values():
                self.watcher.judged(task, verdict)
        queue.judge_later(unjudged(self.run, task, self.rules[task], settled))
        excluded, samples = self.run.excluded(task), self.run.manifest.tasks[task].samples
        never = {(name, sample) for name in excluded.problems for sample in range(samples)}
        return {*self.run.distinct_infos(task), *excluded.samples, *never}

    def _stored(self) -> Stored:
        return Stored.of(chain.from_iterable(map(self.run.stored_infos, self.run.tasks())))

    def _infos(self) -> dict[FileKey, Sequence[GenerationInfo]]:
        """Return what files hold to which samples were appended; they need not be parsed again."""
        return {
            (task, GenerationInfo): (*self.run.infos(task), *fresh)
            for task, fresh in self.fresh.items()
            if fresh
        }

    def _generate(
        self,
        queue: GradingQueue,
        spec: RunSpec,
        stored: Mapping[str, AbstractSet[SampleKey]],
        stop: Stop,
    ) -> None:
        kept = sum(map(len, stored.values()))
        self.asked = kept + number_pending(self.plans, stored)
        if self.watcher is not None:
            self.watcher.began(asked=self.asked, stored=kept)
        asked = stop.until(pending_requests(self.plans, spec, stored, self.run.manifest))
        if spec.think_budget is not None:
            asked = self.turns = Turns(asked, spec.think_budget, self.model.opening, stop)
        try:
            if self.ledger is not None:
                # What could cost too much while others are asked may not once they have answered.
                asked = self.ledger.affordable(asked, stop)
            self._stream(queue, asked)
            # There may be more than there was when the engine had answered all that it was given.
            while isinstance(asked, Turns | Affordable) and asked.has_more():
                self._stream(queue, asked)
        except BaseException:
            # The engine failed, or the user ended the run: requests in flight may still finish.
            for result in drain(self.model):
                self._take(queue, result)
            raise

    def _stream(self, queue: GradingQueue, asked: Iterator[Request]) -> None:
        with closing(self.meter.stream(self.model, asked)) as results:
            for result in results:
                self._take(queue, result)

    def _limit(self, spec: RunSpec) -> Limit | None:
        """Return what the session may cost; None where no prices are given."""
        if spec.prices is None:
            return None
        price, limited = price_of(spec.prices, self.model.name), spec.max_cost is not None
        earlier = earlier_cost(self.run, price, limited=limited)
        return Limit(price=price, most=spec.max_cost, earlier=earlier)

    def _open_ledger(self, limit: Limit | None) -> None:
        """Count what is spent from here on, if there are prices."""
        if limit is not None:
            count = partial(most_prompt_tokens, self.model)
            self.ledger = Ledger(limit, count, self._write_cost)
            self._write_cost(self.ledger.cost)
        sends = asks_allowance(self.model, self.ledger)
        if self.ledger is not None:
            self.ledger.sends = sends

    def _write_cost(self, cost: CostEntry) -> None:
        """Write what the session may have cost, before it can have cost more."""
        with self.writing:
            self.run = self.run.updated(costing(self.run.manifest, cost))
            self.writer.write_manifest(self.run.manifest)

    def _take(self, queue: GradingQueue, result: Completion | Failure) -> None:
        """Store one result, and judge it if it is a sample."""
        if self.ledger is not None:
            self.ledger.settle(result)
        if self.turns is not None:
            whole = self.turns.taken(result)
            if whole is None:
                return
            result = whole
        if isinstance(result, Completion):
            read = partial(generation_of, result, self.model.opening)
            generation = handle(result.request, read)
            if not isinstance(generation, Failure):
                self._store(queue, result, generation)
                return
            result = generation
        accepted = self.accept_failures and result.is_of_request
        self.writer.append_failure(result.request.task, _failed_request(result, accepted=accepted))
        if accepted:
            nothing = Completion(request=result.request, text="", finish_reason=FAILED)
            self._store(queue, nothing, generation_of(nothing, ""))
            return
        self.failures.append(result)
        if self.watcher is not None:
            self.watcher.failed(result)

    def _store(self, queue: GradingQueue, completion: Completion, generation: Generation) -> None:
        """Store a sample, then queue it to be judged."""
        task = completion.request.task
        self.writer.append(task, generation)
        self._note_answering()
        info = GenerationInfo.of(generation)
        self.fresh[task].append(info)
        problem = self.problems[task, generation.problem_id]
        queue.submit(Job(task, self.rules[task], problem, generation, info.output_digest))
        if self.watcher is not None:
            self.watcher.generated(completion)

    def _note_answering(self) -> None:
        """Write which model answers, once it is known: the next session takes no other."""
        name = answered_by(self.model)
        if name is not None and self.run.manifest.sessions[-1].answered_by is None:
            with self.writing:
                self.run = self.run.updated(answered(self.run.manifest, name))
                self.writer.write_manifest(self.run.manifest)

    def _final_manifest(
        self, end: SessionEnd, seconds: float, lag: float, overlap: Overlap
    ) -> RunManifest:
        """Return the manifest with its final fields: sums, and when a complete run finished."""
        manifest = self.run.manifest
        complete = is_complete(self.run)
        if end is SessionEnd.COMPLETE and not complete:
            end = SessionEnd.INCOMPLETE
        own = Stored.of(chain.from_iterable(self.fresh.values()))
        spent = Spent(
            end=end,
            seconds=seconds,
            grading_lag_seconds=lag,
            samples=own.samples,
            completion_tokens=own.completion_tokens,
            failures=len(self.failures),
            cost=None if self.ledger is None else self.ledger.cost,
            engine_idle_seconds=overlap.engine_idle_seconds,
            harness_cpu_seconds=overlap.harness_cpu_seconds,
            cores=overlap.cores,
        )
        manifest = ended(manifest, spent, self._stored().completion_tokens)
        return replace(manifest, finished=now_after(manifest.started) if complete else None)

    def _failed(self) -> Iterator[UserError]:
        """Yield the error of a session in which samples could not be generated."""
        if not self.failures:
            return
        first = self.failures[0]
        kinds = Counter(failure.kind for failure in self.failures)
        counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        closable = all(failure.is_of_request for failure in self.failures)
        ways = "the same command requests them again" + (
            ", and --accept-failures closes them as no_answer." if closable else "."
        )
        yield IncompleteRunError(
            f"{len(self.failures):,} of {counted(self.asked, 'sample')} could not be generated "
            f"({counts}); the first, "
            f"{first.request.problem_id} sample {first.request.sample}: {first.reason}",
            f"{first.hint} The rest is stored; {ways}".strip(),
        )


def _failed_request(failure: Failure, *, accepted: bool) -> FailedRequest:
    return FailedRequest(
        problem_id=failure.request.problem_id,
        sample=failure.request.sample,
        kind=failure.kind,
        reason=failure.reason,
        status=failure.status,
        tries=failure.tries,
        seconds=failure.seconds,
        at=now(),
        accepted=accepted,
        seed=failure.request.seed,
        key=failure.request.key,
    )


def generation_of(completion: Completion, opening: str) -> Generation:
    """Return what is stored of a completion.

    Args:
        completion: what the engine generated.
        opening: the reasoning marks that its chat template has written.
    """
    begun = completion.request.prompt.begun
    written = begun + completion.text
    if completion.reasoning is None:
        written = opening + written
    text, reasoning = split_output(written, completion.reasoning)
    return Generation(
        problem_id=completion.request.problem_id,
        sample=completion.request.sample,
        seed=completion.request.seed,
        key=completion.request.key,
        text=text,
        reasoning=reasoning,
        **{name: _known(getattr(completion, name)) for name in _KEPT},
    )


def _known(value: Any) -> Any:  # noqa: ANN401  a field of any type
    """Return a value of a completion; a number that is not finite says nothing."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


_KEPT = [
    name
    for name in Generation.__slots__
    if name in Completion.__slots__ and name not in {"text", "reasoning"}
]
"""Fields that a stored sample has from its completion unchanged."""
