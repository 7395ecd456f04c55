"""What a `gate.yaml` has to say so that an unchanged model passes: margins and looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mathreason_eval.compare.pairing import metric_name, metric_of, task_run
from mathreason_eval.errors import UnknownNameError, UserError, raise_faults
from mathreason_eval.gate.looks import ONLY_LOOK, LookSchedule, look_reached
from mathreason_eval.gate.margins import auto_margin, suite_margin
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.metrics import PRIMARY


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposalRequest:
    """What a gate is to be proposed for."""

    tasks: tuple[str, ...] = ()
    """Names of tasks; empty for all of the baseline."""
    required: tuple[str, ...] = ()
    """Tasks that must pass by themselves."""
    advisory: tuple[str, ...] = ()
    """Tasks whose answer is shown only."""
    alpha: float = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskProposal:
    """The settings of one task, and what they were found from."""

    task: str
    margin: float | None
    """None for an advisory task, which has the general margin."""
    score: float
    """The baseline's."""
    problems: int
    samples: int
    """Samples per problem of the baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """The settings of a gate that an unchanged model passes in 80 % of runs."""

    request: ProposalRequest
    looks: tuple[int, ...]
    """Samples per problem of a run at each look; one for a single look."""
    tasks: tuple[TaskProposal, ...]
    left_out: tuple[str, ...]
    """Tasks of the baseline that are not asked for."""
    suite_margin: float | None
    """None for a single task that counts."""


def propose(baseline: Run, request: ProposalRequest) -> Proposal:
    """Return the settings of a gate for a baseline.

    Raises:
        UserError: if it has no such task, or no margin below half of a task's score would do; all
            such tasks are named at once.
    """
    names = request.tasks or baseline.tasks()
    for name in (*names, *request.required, *request.advisory):
        if name not in baseline.tasks():
            raise UnknownNameError("task in the baseline", name, baseline.tasks())
    looks = _looks(baseline, [name for name in names if name not in request.advisory])
    found = [_proposed(baseline, name, looks, request) for name in names]
    raise_faults(one for one in found if isinstance(one, UserError))
    tasks = tuple(one for one in found if isinstance(one, TaskProposal))
    sizes = [(one.margin, one.problems) for one in tasks if one.margin is not None]
    if not sizes:
        raise UserError("Every task is advisory: nothing would be gated.", "Leave one as it is.")
    return Proposal(
        request=request,
        looks=looks,
        tasks=tasks,
        left_out=tuple(name for name in baseline.tasks() if name not in names),
        suite_margin=suite_margin(sizes, by_problem=False) if len(sizes) > 1 else None,
    )


def _looks(baseline: Run, names: Sequence[str]) -> tuple[int, ...]:
    """Return a quarter, a half and all of the baseline's samples; one look where there are few."""
    held = [task_run(baseline, name).items.values() for name in names]
    most = min((item.n for items in held for item in items), default=1)
    if most == 1:
        return (1,)
    return tuple(sorted({max(2, most // 4), max(2, most // 2), most}))


def _proposed(
    baseline: Run, name: str, looks: Sequence[int], request: ProposalRequest
) -> TaskProposal | UserError:
    found = task_run(baseline, name)
    items = list(found.items.values())
    counts = [(item.correct, item.n) for item in items]
    metric = metric_name(PRIMARY, [found.entry])
    samples = min(item.n for item in items), looks[-1]
    margin: float | None = None
    if name not in request.advisory:
        if not metric_of(found.entry, metric).definition.is_counted:
            return UserError(
                f"{name} is compared by {metric}, whose noise is not known from one run.",
                f"Make it --advisory {name}, or write a margin for it into gate.yaml yourself.",
            )
        schedule = LookSchedule(samples=tuple(looks)) if len(looks) > 1 else None
        last = look_reached(schedule, *samples) or ONLY_LOOK
        estimand = Estimand.NEW if min(samples) == 1 else None
        try:
            margin = auto_margin(name, counts, samples, (last.nominal(request.alpha), estimand))
        except UserError as fault:
            return UserError(
                fault.what,
                f"{fault.hint} Or: --advisory {name}, which is shown and decides nothing.",
            )
    return TaskProposal(
        task=name,
        margin=margin,
        score=sum(correct / n for correct, n in counts) / len(counts),
        problems=len(items),
        samples=samples[0],
    )


# --- gate.yaml -------------------------------------------------------------------------------


def gate_yaml(proposal: Proposal, model: str) -> str:
    """Return the text of a `gate.yaml`.

    Args:
        proposal: its settings.
        model: the baseline's model, for a comment.
    """
    return "\n".join(_lines(proposal, model)) + "\n"


def _lines(proposal: Proposal, model: str) -> Iterator[str]:
    request, counted = proposal.request, [one for one in proposal.tasks if one.margin is not None]
    yield f"# By `mathreason gate init`, from a baseline of {json.dumps(model)}."
    yield "# With these margins a model that did not change passes in 80 % of runs or more, with"
    yield "# smaller ones in fewer. Larger ones tolerate larger drops. docs/gate.md explains all."
    yield ""
    if len(counted) == 1:
        yield f"margin: {_points(counted[0].margin)}"
    yield f"alpha: {request.alpha:g}          # how often each error happens at most"
    if proposal.suite_margin is not None:
        yield f"suite: {{margin: {_points(proposal.suite_margin)}}}  # the mean of all tasks"
    if len(proposal.looks) > 1:
        yield f"samples: {list(proposal.looks)}  # looks: an open answer draws more, up to the last"
    yield ""
    yield "tasks:"
    for one in proposal.tasks:
        yield f"  {json.dumps(one.task)}: {{{_settings(one, request)}}}"
        size = f"{one.problems:,} problems x {one.samples:,}"
        yield f"    # baseline: {100 * one.score:.1f} %, {size}"
    for name in proposal.left_out:
        yield f"  {json.dumps(name)}: off"


def _settings(one: TaskProposal, request: ProposalRequest) -> str:
    settings = [] if one.margin is None else [f"margin: {_points(one.margin)}"]
    if one.task in request.required:
        settings.append("required: true")
    if one.margin is None:
        settings.append("advisory: true")
    return ", ".join(settings)


def _points(margin: float | None) -> str:
    return f"{100 * (margin or 0.0):.2f}pp"
