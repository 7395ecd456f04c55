"""Everything that a run needs, checked before the first request and before an engine is loaded.

What is wrong is told at once. `mathreason doctor` is this check alone, and says in addition what a
chat template does wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mathreason_eval.errors import (
    Faults,
    MissingExtraError,
    RunError,
    TaskError,
    UnknownNameError,
    UserError,
    raise_faults,
)
from mathreason_eval.grade.graders import FAILED, grader_for, grader_named, is_of_task
from mathreason_eval.grade.judge import WORKER, Judge
from mathreason_eval.models import NamedModel
from mathreason_eval.models.base import Model
from mathreason_eval.models.facts import Finding, ModelFacts, Status
from mathreason_eval.models.templates import check_renders, examine
from mathreason_eval.pipeline.asked import check_problems
from mathreason_eval.pipeline.fitting import context_findings
from mathreason_eval.pipeline.grading import kept_metrics
from mathreason_eval.pipeline.max_tokens import with_stored_max_tokens
from mathreason_eval.pipeline.plan import (
    NO_SECOND,
    SHOTS,
    TaskPlan,
    plan,
    resolve_sampling,
    rule_faults,
    sampling_entry,
    with_second,
)
from mathreason_eval.pipeline.prices import price_of
from mathreason_eval.pipeline.repair import check_manifest
from mathreason_eval.pipeline.spec import RunSpec, setting_faults
from mathreason_eval.pipeline.think_budget import check_budget, check_continues
from mathreason_eval.runs.access import check_writable
from mathreason_eval.runs.manifest import join, new_manifest
from mathreason_eval.runs.store import is_run, load_run
from mathreason_eval.tasks import Task, load_task
from mathreason_eval.tasks.datasets import Loaded, load_problems
from mathreason_eval.tasks.lock import check_lock
from mathreason_eval.text import counted
from mathreason_eval.types import IDENTIFIED_AS, ModelEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """What was refused before the settings of a run could be read, as an option of no value."""

    names: AbstractSet[str] = frozenset()
    """Settings, `model`, `model_args` or `out`: their values are not known."""
    faults: tuple[UserError, ...] = ()


NOTHING_REFUSED = Refused()


@dataclass(kw_only=True, slots=True)
class Examination:
    """What was found of a run that is to begin."""

    spec: RunSpec
    """With its sampling resolved."""
    damaged: bool = False
    """Whether the run folder will be repaired: nothing in it is read."""
    wrong: AbstractSet[str] = frozenset()
    """What was refused; the spec has the defaults of such settings."""
    tasks: list[tuple[Task, Loaded]] = field(default_factory=list)
    """Those that could be read."""
    plans: list[TaskPlan] = field(default_factory=list)
    """Those whose prompts could be rendered."""
    findings: list[Finding] = field(default_factory=list)
    faults: list[UserError] = field(default_factory=list)
    """Those of the findings that are faults, as they are raised."""

    def attempt(self, subject: str, work: Callable[[], str]) -> bool:
        """Note what `work` says, or the faults that it raises; return whether it raised none."""
        faults = Faults()
        says = faults.attempt(work)
        self.blame(subject, faults.found)
        if not faults.found:
            self.findings.append(Finding(subject=subject, status=Status.PASS, says=says or ""))
        return not faults.found

    def blame(self, subject: str, faults: Sequence[UserError]) -> None:
        """Note faults of a subject."""
        self.faults += faults
        self.findings += [
            Finding(subject=subject, status=Status.FAULT, says=fault.what, hint=fault.hint)
            for fault in faults
        ]


def preflight(
    spec: RunSpec, opener: Callable[[], Model], out: Path | None, *, damaged: bool = False
) -> tuple[RunSpec, list[tuple[Task, Loaded]]]:
    """Return the spec with its sampling resolved, and its tasks with their problems.

    Args:
        spec: what is asked.
        opener: opens the model; a `NamedModel` is checked, of any other nothing is known.
        out: the run folder; None is one under `runs/`.
        damaged: whether the folder will be repaired: nothing in it is read.

    Raises:
        UserError: the fault that keeps the run from starting; a `SeveralFaultsError` for several.
    """
    found = _examined(Examination(spec=spec, damaged=damaged), _facts(opener), out)
    _examine_prices(found, opener)
    raise_faults(found.faults)
    return found.spec, found.tasks


def spec_of(
    settings: Mapping[str, Any],
    opener: Callable[[], Model],
    out: Path | None = None,
    refused: Refused = NOTHING_REFUSED,
) -> RunSpec:
    """Return the spec of settings by name; where one is wrong, all that is wrong with the run.

    Args:
        settings: those of `RunSpec`, `tasks` among them.
        opener: as `preflight`.
        out: as `preflight`.
        refused: what was refused before.

    Raises:
        UserError: what is wrong with the settings, and every other fault that keeps the run from
            starting.
    """
    if refused.faults or setting_faults(settings):
        _, found = examine_asked(settings, opener, out, refused)
        raise_faults(found.faults)
    return RunSpec(**settings)


def examine_asked(
    settings: Mapping[str, Any],
    opener: Callable[[], Model],
    out: Path | None,
    refused: Refused = NOTHING_REFUSED,
) -> tuple[ModelFacts, Examination]:
    """Return what is known of the model, and everything that can be said of its run.

    Settings that are wrong are faults; the others are looked at as they are.

    Args:
        settings: as `spec_of`.
        opener: as `preflight`.
        out: as `preflight`.
        refused: as `spec_of`.
    """
    facts = _facts(opener) if refused.names.isdisjoint(_OF_MODEL) else ModelFacts()
    known = {name: value for name, value in settings.items() if name not in refused.names}
    wrong = setting_faults(known)
    right = {name: value for name, value in known.items() if name not in wrong}
    found = Examination(
        spec=RunSpec(**{"tasks": "none", **right}), wrong=refused.names | set(wrong)
    )
    found.blame("settings", [*refused.faults, *wrong.values()])
    found = _examined(found, facts, out)
    _examine_prices(found, opener)
    return facts, found


def _facts(opener: Callable[[], Model]) -> ModelFacts:
    return opener.check() if isinstance(opener, NamedModel) else ModelFacts()


def _examine_prices(found: Examination, opener: Callable[[], Model]) -> None:
    """Check that the tokens of a model have a price, where one is needed."""
    if not found.wrong.isdisjoint({"model", "prices"}):
        return
    name = opener.name if isinstance(opener, NamedModel) else None
    found.attempt("prices", lambda: check_prices(found.spec, name))


def check_prices(spec: RunSpec, name: str | None) -> str:
    """Return what is known of the price of a model's tokens.

    Args:
        spec: what is asked.
        name: the model, as typed; None if it has none.

    Raises:
        UserError: there is a limit and no prices, or no price of this model.
    """
    if spec.prices is None:
        if spec.max_cost is not None:
            raise UserError(
                "--max-cost needs the prices of tokens.",
                "Name a file of them: --prices prices.yaml; docs/engines.md says what is in it.",
            )
        return "none are given"
    if name is None:
        return f"{spec.prices} is read with the model"
    price = price_of(spec.prices, name)
    return (
        f"{price.prompt:g} {price.currency} for a million tokens of prompts, {price.completion:g} "
        "of completions"
    )


_OF_MODEL = frozenset({"model", "model_args", "ray"})
"""What says which model is asked."""
_OF_TASKS = frozenset({"tasks", "tasks_dirs"})
"""The settings that say what is asked."""


def _examined(found: Examination, facts: ModelFacts, out: Path | None) -> Examination:
    """Return an examination with everything that can be said; what rests on a wrong setting not."""
    spec = found.spec
    if found.wrong.isdisjoint(_OF_MODEL):
        _examine_model(found, facts)
    usable = "out" not in found.wrong and found.attempt("run folder", lambda: _folder(found, out))
    if "second" not in found.wrong and spec.second is not None:
        found.blame("second grader", [*_unknown_grader(spec.second)])
    if "tasks_dirs" not in found.wrong:
        missing = [one for one in spec.tasks_dirs if not one.is_dir()]
        found.blame("tasks", [_no_folder(one) for one in missing])
        # A task may be in a folder that is not there.
        found.wrong |= {"tasks"} if missing else set()
    if not found.wrong & _OF_TASKS:
        strangers = [] if "data" in found.wrong else _strangers(spec)
        found.blame(
            "data", [UnknownNameError("task in this run", one, spec.tasks) for one in strangers]
        )
        for name in spec.tasks:
            _examine_task(found, name, facts)
    if usable and out is not None and not (found.wrong or found.damaged):
        found.attempt("settings", lambda: _same_settings(found, facts, out))
    _examine_tokens(found, facts)
    return found


def _examine_tokens(found: Examination, facts: ModelFacts) -> None:
    """Look at what the context has room for, and at what a budget of thoughts leaves."""
    spec = found.spec
    if spec.think_budget is not None:
        found.attempt("think budget", lambda: check_continues(facts))
    if "max_tokens" in found.wrong:
        return
    if spec.think_budget is not None and spec.max_tokens is not None:
        found.attempt("think budget", lambda: check_budget(spec.think_budget, found.plans))
    for finding, fault in context_findings(found.plans, facts, accept=spec.accept_failures):
        found.findings.append(finding)
        found.faults += [fault] if fault else []


def template_findings(found: Examination, facts: ModelFacts) -> Iterator[Finding]:
    """Yield what a chat template, and the stop strings of prompts, do wrong."""
    subject = "chat template"
    if facts.template is not None:
        yield from examine(facts.template)
    elif facts.has_template is False:
        yield Finding(
            subject=subject,
            status=Status.WARNING if facts.chat else Status.NOTE,
            says="there is none: a base model, which continues bare text"
            + (" and does not know messages" if facts.chat else ""),
        )
    else:
        says = "nothing is told of it before the model is asked"
        yield Finding(subject=subject, status=Status.UNKNOWN, says=says)
    for one in found.plans:
        yield from _stop_strings(one)


# --- model and folder ------------------------------------------------------------------------


def _examine_model(found: Examination, facts: ModelFacts) -> None:
    faults = Faults()
    faults.found += facts.faults
    if facts.chat and facts.template is not None and facts.template.of_engine:
        faults.attempt(partial(check_renders, facts.template))
    found.blame("model", faults.found)
    found.findings += facts.findings
    if not faults.found:
        kind = {True: "takes messages", False: "continues bare text", None: "of a kind not known"}
        says = f"can be opened; {kind[facts.chat]}"
        found.findings.append(Finding(subject="model", status=Status.PASS, says=says))


def _folder(found: Examination, out: Path | None) -> str:
    """Check the folder, and resolve the sampling by what it holds."""
    folder = Path("runs") if out is None else out
    check_writable(folder)
    if out is not None:
        check_manifest(out, repairs=found.spec.repair)
    found.spec = resolve_sampling(found.spec, None if found.damaged else out)
    return f"{folder} can be written"


def _same_settings(found: Examination, facts: ModelFacts, out: Path) -> str:
    """Check that a folder has samples of the same settings and problems, as far as is known.

    Of the model that is its backend. And that what will be written again of other tasks can be
    read.
    """
    if not is_run(out):
        return "a new run"
    run, spec = load_run(out), found.spec
    kept_metrics(run, spec.tasks)
    stored = run.manifest
    faults = Faults()
    if run.has_samples() and _is_other(stored.model, facts):
        what = f"{out} holds the samples of {stored.model.name}, another model."
        faults.found.append(RunError(what, "Choose another folder with -o."))
    fresh = new_manifest(
        stored.model,
        sampling_entry(spec),
        {one.task.name: with_stored_max_tokens(one, spec, out).entry() for one in found.plans},
        seed=spec.seed,
    )
    faults.attempt(lambda: join(out, fresh, adopt=spec.adopt))
    if found.plans:
        faults.attempt(lambda: check_problems(run, found.plans))
    raise_faults(faults.found)
    return f"{out} goes on, if the model's weights and options are its own: the engine tells"


def _is_other(stored: ModelEntry, facts: ModelFacts) -> bool:
    """Return whether a model is another one than that of a run, as far as is known unopened."""
    if facts.backend not in {None, stored.backend}:
        return True
    # A file or folder is the same wherever it lies; all else is what it is called.
    return facts.name not in {None, stored.name} and IDENTIFIED_AS not in stored.details


def _strangers(spec: RunSpec) -> list[str]:
    """Return the names after `--data` that are of no task of the run."""
    return [name for name in spec.data if name.removesuffix(SHOTS) not in spec.tasks]


# --- tasks -----------------------------------------------------------------------------------


def _examine_task(found: Examination, name: str, facts: ModelFacts) -> None:
    """Check a task: its folder, its rules, its problems and their prompts."""
    spec, faults, subject = found.spec, Faults(), f"task {name}"
    task = faults.attempt(lambda: load_task(name, spec.tasks_dirs))
    if task is None:
        found.blame(subject, faults.found)
        return
    seconded = faults.attempt(lambda: with_second(task, spec.second))
    own = seconded or task
    faults.found += [*rule_faults(own), *_missing_packages(own)]
    # As it is in its folder: another second grader is a choice of the run.
    faults.attempt(lambda: check_lock(task, generated=False))
    sources = spec.data.get(own.name, ())
    # A file that was named for a task that is misspelt may be this task's: no hub is asked then.
    misnamed = bool(_strangers(spec)) and not sources and not own.local
    known = not misnamed and "data" not in found.wrong
    loaded = (
        faults.attempt(lambda: load_problems(own, sources, limit=spec.limit)) if known else None
    )
    if loaded is None:
        if spec.prompt is not None:
            faults.attempt(lambda: own.prompt_form(spec.prompt, chat=bool(facts.chat)))
    else:
        found.tasks.append((own, loaded))
        faults.found += _unheld_properties(own, loaded)
        plans = faults.attempt(lambda: _plans(spec, own, loaded, facts)) or []
        for one in plans:
            faults.attempt(lambda one=one: _render(one, facts))  # type: ignore[misc]
        if len(plans) == 1 and not faults.found:
            found.plans += plans
        for grader in filter(is_of_task, filter(None, (own.grade, own.second))):
            faults.attempt(lambda one=grader: _try_grader(own, loaded, one))  # type: ignore[misc]
    found.blame(subject, list({str(one): one for one in faults.found}.values()))
    if not faults.found and loaded is not None:
        says = f"{counted(len(loaded.problems), 'problem')}, prompts rendered"
        found.findings.append(Finding(subject=subject, status=Status.PASS, says=says))
        if loaded.published is False:
            says = f"the problems of {loaded.source} have other golds than the published ones"
            found.findings.append(Finding(subject=subject, status=Status.WARNING, says=says))


def _unheld_properties(task: Task, loaded: Loaded) -> Iterator[UserError]:
    """Yield why a number of a task would not be what it is called: no problem has its property."""
    for key, name in (("macro", task.macro), ("cluster", task.cluster)):
        if name is not None and not any(name in one.meta for one in loaded.problems):
            yield TaskError(
                f"{task.places.get(key, task.name)}: no problem has the property {name!r}.",
                "Correct it, or give the rows that column.",
            )


def _plans(spec: RunSpec, task: Task, loaded: Loaded, facts: ModelFacts) -> list[TaskPlan]:
    """Return the task's plan for a kind of model; for both where the kind is not known."""
    resolved = replace(spec, temperature=spec.temperature or 0.0, top_p=spec.top_p or 1.0)
    if facts.chat is not None or spec.prompt is not None:
        return [plan(resolved, task, loaded, chat=bool(facts.chat))]
    kinds = {form.chat for form in task.prompts.values()}
    return [plan(resolved, task, loaded, chat=kind) for kind in sorted(kinds, reverse=True)]


def _render(one: TaskPlan, facts: ModelFacts) -> None:
    """Render every prompt of a task.

    Raises:
        TaskError: of the first that does not render.
        UserError: if they are messages and the model has no template for them.
    """
    if one.form.chat and facts.has_template is False:
        raise UserError(
            f"The prompt {one.form.id} of {one.task.name} is made of messages, and the model has "
            "no chat template.",
            "Choose a prompt of bare text with --prompt, or leave --prompt and chat=true out.",
        )
    for sent in one.prompts.values():
        if facts.needs_steps and not sent.prompt.messages[1:]:
            raise UserError(
                f"The prompt {one.form.id} of {one.task.name} does not give the steps of a "
                "solution one by one, which this model judges.",
                "Ask with --prompt prm, which the task processbench has.",
            )


def _unknown_grader(name: str) -> Iterator[UserError]:
    """Yield why a second grader is none; what is of a task's folder is looked at with the task."""
    if name != NO_SECOND and not is_of_task(name):
        faults = Faults()
        faults.attempt(lambda: grader_named(name))
        yield from faults.found


def _no_folder(path: Path) -> TaskError:
    return TaskError(f"There is no folder {path}.", "Name a folder of tasks with --tasks-dir.")


def _missing_packages(task: Task) -> Iterator[UserError]:
    for grader in filter(None, (task.grade, task.second)):
        faults = Faults()
        known = faults.attempt(lambda grader=grader: grader_for(task.located(grader)))  # type: ignore[misc]
        if known is not None and known.package and find_spec(known.package) is None:
            yield MissingExtraError(known.package, grader, f"The grader {grader}")


_TRIAL_SECONDS = 60.0
"""For one judgement of a gold: a grader that takes longer is broken."""


def _try_grader(task: Task, loaded: Loaded, grader: str) -> None:
    """Let a grader of the task's folder judge one gold: its file is run by a worker alone.

    Raises:
        UserError: the grader fails.
    """
    problem = loaded.problems[0]
    with Judge(workers=1, deadline=_TRIAL_SECONDS) as judge:
        match = judge.match(problem.gold, problem.gold[0], task.located(grader))
    if match.rule in {FAILED, WORKER}:
        raise UserError(
            f"{task.located(grader)} cannot judge the gold of {problem.id}: {match.note}.",
            "Correct the task's code.",
        )


def _stop_strings(one: TaskPlan) -> Iterator[Finding]:
    """Yield the stop strings of a task's prompt that would end an answer, or a question."""
    for stop in one.form.stop:
        problems = one.loaded.problems
        asked = [problem.id for problem in problems if stop in problem.question]
        golds = [problem.id for problem in problems if any(stop in gold for gold in problem.gold)]
        for what, ids in (("the question", asked), ("a gold", golds)):
            if ids:
                yield Finding(
                    subject=f"task {one.task.name}",
                    status=Status.WARNING,
                    says=f"the stop string {stop!r} is in {what} of {len(ids):,} problems: "
                    f"{ids[0]} is the first, and an answer that repeats it is cut",
                    hint="Choose another prompt with --prompt, or another stop string.",
                )
