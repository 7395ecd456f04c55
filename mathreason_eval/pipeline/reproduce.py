"""Whether what a run says can be obtained again: data, prompts, verdicts, metrics, and its texts.

Nothing is written, and no model is asked unless the user names one. What cannot be looked at is
said to be unknown, never the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field, replace
from math import isclose
from pathlib import Path

from mathreason_eval.errors import UserError
from mathreason_eval.models.base import Completion, Model, Request
from mathreason_eval.models.facts import Finding, Status
from mathreason_eval.pipeline.extend import stored_sources
from mathreason_eval.pipeline.grading import present_rules, summary_of
from mathreason_eval.pipeline.plan import SHOTS
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.pipeline.rejudging import judged_again
from mathreason_eval.pipeline.run import generation_of
from mathreason_eval.pipeline.think_budget import check_model, samples_of
from mathreason_eval.runs.completeness import excluded_samples
from mathreason_eval.runs.keys import model_identity
from mathreason_eval.runs.manifest import describe_model
from mathreason_eval.runs.store import Run
from mathreason_eval.tasks import Task, load_task, task_names
from mathreason_eval.tasks.datasets import load_problems, load_shots
from mathreason_eval.tasks.task import PromptForm, render
from mathreason_eval.text import counted
from mathreason_eval.types import Generation, Metric, Sampling, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class ReproduceOptions:
    """What a run folder does not store and its reproduction needs."""

    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Files of problems by task."""
    tasks_dirs: tuple[Path, ...] = ()
    grading: tuple[int, float] = GRADING
    """(worker processes, seconds of computer algebra for one answer)."""
    generate: int = 0
    """Samples to ask for again."""
    opener: Callable[[], Model] | None = None
    """Opens the model that is asked; a manifest's name opens nothing."""


def reproduce(run: Run, options: ReproduceOptions) -> tuple[Finding, ...]:
    """Return what could be obtained again of a run, what differs and what could not be looked at.

    Raises:
        UserError: if the model cannot be opened.
    """
    found: list[Finding] = []
    for task in run.tasks():
        found += _of_task(run, task, options)
    if options.generate and options.opener is not None:
        found += _asked_again(run, options.generate, options.opener)
    return tuple(found)


def _of_task(run: Run, task: str, options: ReproduceOptions) -> Iterator[Finding]:
    if task in task_names(options.tasks_dirs):
        own = load_task(task, options.tasks_dirs)
        yield _looked_at(f"data of {task}", lambda: _data(run, own, options))
        yield _looked_at(f"prompts of {task}", lambda: _prompts(run, own, options))
    else:
        says = f"the task {task} is not installed here"
        hint = "Name the folder that contains it with --tasks-dir."
        for what in ("data", "prompts"):
            yield Finding(subject=f"{what} of {task}", status=Status.UNKNOWN, says=says, hint=hint)
    verdicts = _looked_at(f"verdicts of {task}", lambda: _verdicts(run, task, options))
    if excluded := sum(excluded_samples(run, task).values()):
        says = f"{verdicts.says}; {counted(excluded, 'sample')} of the run excluded"
        verdicts = replace(verdicts, says=says)
    yield verdicts
    yield _looked_at(f"metrics of {task}", lambda: _metrics(run, task, options))


_Result = tuple[Status, str]


def _looked_at(subject: str, look: Callable[[], _Result]) -> Finding:
    """Return what a look found; what it cannot look at is unknown."""
    try:
        status, says = look()
    except UserError as error:
        return Finding(subject=subject, status=Status.UNKNOWN, says=error.what, hint=error.hint)
    return Finding(subject=subject, status=status, says=says)


def _compared(differing: Sequence[str], number: int, what: str) -> _Result:
    """Return whether any of a number of things differs, with the first."""
    if not number:
        return Status.UNKNOWN, f"there are no {what}"
    if not differing:
        return Status.PASS, f"{number:,} {what}, the same"
    return Status.FAULT, f"{len(differing):,} of {number:,} {what} differ: {differing[0]} first"


# --- one task --------------------------------------------------------------------------------


def _data(run: Run, task: Task, options: ReproduceOptions) -> _Result:
    """Compare the problems that the task has now with those that were asked."""
    entry = run.manifest.tasks[task.name].data
    sources = stored_sources(run, task.name, options.data).get(task.name, ())
    if not sources and not task.local and not entry.source.startswith("hub:"):
        return Status.UNKNOWN, f"they came from {entry.source}: name it with --data"
    loaded = load_problems(task, sources)
    now = {one.id: one.content for one in loaded.problems}
    asked = run.problems(task.name)
    other = [repr(one.id) for one in asked if now.get(one.id) != one.content]
    if other:
        return _compared(other, len(asked), "problems")
    if loaded.sha256 != entry.sha256:
        were = "what was asked is the same, but not all that could have been"
        return Status.FAULT, f"{were}: {entry.rows:,} problems, now {loaded.rows:,}"
    return Status.PASS, f"{counted(entry.rows, 'problem')} ({loaded.source}), the same"


def _prompts(run: Run, task: Task, options: ReproduceOptions) -> _Result:
    """Render the prompt of each stored problem again."""
    sent = run.prompts(task.name)
    if not sent:
        return Status.UNKNOWN, "the folder has none, as an import or one of format 1"
    form, problems = _form(run, task, options), {one.id: one for one in run.problems(task.name)}
    other = [
        repr(one.problem_id)
        for one in sent
        if one.problem_id not in problems or render(form, problems[one.problem_id]) != one.prompt
    ]
    return _compared(other, len(sent), "prompts")


def _form(run: Run, task: Task, options: ReproduceOptions) -> PromptForm:
    """Return the form of a run's prompts, as the task has it now."""
    entry = run.manifest.tasks[task.name].prompt
    form = replace(
        task.prompt_form(entry.id, chat=True),
        system=entry.system,
        system_fallback=entry.system_fallback,
    )
    if not form.examples:
        return form
    sources = options.data.get(task.name + SHOTS, ())
    return replace(form, shots=load_shots(task, sources, form.examples))


def _verdicts(run: Run, task: str, options: ReproduceOptions) -> _Result:
    """Judge every stored sample again."""
    rules = {task: present_rules(run, task, options.tasks_dirs, None)}
    again = judged_again(run, rules, options.grading)
    now = {(one.problem_id, one.sample): _said(one) for one in again.verdicts(task)}
    stored = run.verdicts(task)
    other = [
        f"sample {one.sample} of {one.problem_id!r}, which was {one.outcome}"
        for one in stored
        if now.get((one.problem_id, one.sample)) != _said(one)
    ]
    if len(now) > len(stored):
        return Status.FAULT, f"{len(now) - len(stored):,} samples have no verdict that counts"
    return _compared(other, len(stored), "verdicts")


def _said(verdict: Verdict) -> Verdict:
    """Return a verdict without the versions of what judged."""
    return replace(verdict, judged_by=None)


def _metrics(run: Run, task: str, options: ReproduceOptions) -> _Result:
    """Compute the metrics of the stored verdicts again, by the rules of the run's own report."""
    stored = {(one.name, one.slice): one for one in run.metrics() if one.task == task}
    rules = present_rules(run, task, options.tasks_dirs, None)
    report = replace(rules.report, rules=run.manifest.tasks[task].report)
    computed = summary_of(run, task, run.verdicts(task), replace(rules, report=report))
    now = {(one.name, one.slice): one for one in computed}
    other = [
        f"{name} of {part}"
        for name, part in sorted(stored.keys() | now.keys())
        if not _same_metric(stored.get((name, part)), now.get((name, part)))
    ]
    if not other and (rounded := sum(stored[place] != now[place] for place in stored)):
        return Status.NOTE, f"{len(stored):,} metrics, the same but for last digits of {rounded:,}"
    return _compared(other, len(stored), "metrics")


_LAST_DIGITS = 1e-12
"""The relative difference that the order of a sum makes."""


def _same_metric(stored: Metric | None, now: Metric | None) -> bool:
    if stored is None or now is None:
        return False
    pairs = zip(astuple(stored), astuple(now), strict=True)
    return all(
        isclose(one, other, rel_tol=_LAST_DIGITS, abs_tol=_LAST_DIGITS)
        if isinstance(one, float) and isinstance(other, float)
        else one == other
        for one, other in pairs
    )


# --- texts -----------------------------------------------------------------------------------


def _asked_again(run: Run, number: int, opener: Callable[[], Model]) -> Iterator[Finding]:
    """Ask the model for some of the samples again, and compare their texts."""
    with closing(opener()) as model:
        described = describe_model(model.name, model.describe())
        mine, theirs = model_identity(described), model_identity(run.manifest.model)
        other = sorted(name for name in mine.keys() | theirs.keys() if _other(mine, theirs, name))
        if run.manifest.sampling.think_budget is not None:
            check_model(model)
        if other:
            yield Finding(
                subject="model",
                status=Status.FAULT,
                says=f"it is not the run's, by {', '.join(other)}",
                hint="Name the run's model, with its options: `mathreason show` says which.",
            )
            return
        yield Finding(subject="model", status=Status.PASS, says="that of the run")
        asked = {_place(one): one for one in _requests(run, number)}
        stored = {
            (task, one.problem_id, one.sample): one
            for task in {place[0] for place in asked}
            for one in run.stream(task)
            if (task, one.problem_id, one.sample) in asked
        }
        differing = [
            f"sample {result.request.sample} of {result.request.problem_id!r}"
            for result in samples_of(model, asked.values(), run.manifest.sampling.think_budget)
            if not isinstance(result, Completion)
            or not _same_text(generation_of(result, model.opening), stored[_place(result.request)])
        ]
    status, says = _compared(differing, len(asked), "texts")
    hint = "A batch, a cache or a server may round otherwise: docs/engines.md." if differing else ""
    yield Finding(subject="texts", status=status, says=says, hint=hint)


def _other(mine: Mapping[str, object], theirs: Mapping[str, object], name: str) -> bool:
    return mine.get(name) != theirs.get(name)


def _place(request: Request) -> tuple[str, str, int]:
    return request.task, request.problem_id, request.sample


def _requests(run: Run, number: int) -> Iterator[Request]:
    """Yield the requests of some stored samples, spread evenly over each task.

    A sample of which a setting is not known, as of an import, has none.
    """
    tasks = run.tasks()
    for place, task in enumerate(tasks):
        share = number // len(tasks) + (place < number % len(tasks))
        sampling = _sampling(run, task)
        if sampling is None or not share:
            continue
        count = len(run.infos(task))
        wanted = {count * step // share for step in range(share)}
        prompts = {one.problem_id: one.prompt for one in run.prompts(task)}
        for which, one in enumerate(run.stream(task)):
            if which in wanted and one.problem_id in prompts and one.seed is not None:
                yield Request(
                    task=task,
                    problem_id=one.problem_id,
                    sample=one.sample,
                    prompt=prompts[one.problem_id],
                    sampling=sampling,
                    seed=one.seed,
                    key=one.key,
                )


def _sampling(run: Run, task: str) -> Sampling | None:
    """Return how a task was sampled; None where that is not known."""
    whole, most = run.manifest.sampling, run.manifest.tasks[task].max_tokens
    if whole.temperature is None or whole.top_p is None or most is None:
        return None
    return Sampling(temperature=whole.temperature, top_p=whole.top_p, max_tokens=most)


def _same_text(now: Generation, then: Generation) -> bool:
    return (now.text, now.reasoning, now.finish_reason) == (
        then.text, then.reasoning, then.finish_reason,
    )  # fmt: skip
