"""Checks of a task that need no model."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mathreason_eval.errors import Faults, TaskError, UserError, raise_faults
from mathreason_eval.grade.judge import Judge
from mathreason_eval.pipeline.evidence import PARITY, check_evidence
from mathreason_eval.pipeline.plan import TaskRules, check_rules
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import gold_hash, load_problems
from mathreason_eval.tasks.files import inside
from mathreason_eval.tasks.hub import HubError
from mathreason_eval.tasks.lock import LOCK, check_lock
from mathreason_eval.tasks.task import render
from mathreason_eval.text import counted
from mathreason_eval.text.jsonl import read_objects
from mathreason_eval.types import Generation, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskCheck:
    """The result of one check."""

    name: str
    ok: bool
    note: str
    """One sentence: what the check found."""
    looked: bool = True
    """Whether there was anything to look at; what was not looked at is no fault and no pass."""


def check_task(
    task: Task,
    sources: Sequence[str] = (),
    evidence: Path | None = None,
    *,
    hub: bool = False,
) -> tuple[TaskCheck, ...]:
    """Return the result of every check of a task that needs no model.

    Args:
        task: the task.
        evidence: the folder with the published outputs that its parity records are of.
        sources: files with its problems; without them the problems of a published task are not
            checked, because that would need its hub.
        hub: whether its hub is read for them, where it can be.
    """
    available = task.local or bool(sources) or (hub and bool(task.data))
    faults = Faults()
    loaded = faults.attempt(lambda: load_problems(task, sources)) if available else None
    problems = () if loaded is None else loaded.problems
    with Judge(workers=1) as judge:
        checks: Mapping[str, Callable[[], str]] = {
            "task.yaml": lambda: _rules(task),
            "README.md": lambda: _readme(task),
            "problems": lambda: _problems(task, problems, faults, of_hub=hub and not sources),
            "prompts": lambda: _prompts(task, problems),
            "grader": lambda: _grader(task, problems, judge),
            "cases.jsonl": lambda: _cases(task, judge),
            LOCK: lambda: _lock(task),
        }
        if evidence is not None:
            found = evidence
            checks = {**checks, PARITY: lambda: check_evidence(task, found, judge)}
        return tuple(_result(name, check) for name, check in checks.items())


class _NotLookedError(Exception):
    """There is nothing that a check could look at."""


def _result(name: str, check: Callable[[], str]) -> TaskCheck:
    try:
        return TaskCheck(name=name, ok=True, note=check())
    except _NotLookedError as reason:
        return TaskCheck(name=name, ok=True, note=str(reason), looked=False)
    except UserError as error:
        return TaskCheck(name=name, ok=False, note=f"{error.what} {error.hint}".strip())


def _rules(task: Task) -> str:
    check_rules(task)
    second = f", and as second grader by {task.second}" if task.second else ""
    return f"extracts answers by {', '.join(task.extract)}; grades by {task.grade}{second}"


def _lock(task: Task) -> str:
    if (found := check_lock(task)) is None:
        raise _NotLookedError(f"none; `mathreason check {task.name} --lock` writes one")
    return found


def _readme(task: Task) -> str:
    if task.folder is None:
        raise _NotLookedError("a task made in Python has none")
    if not (task.folder / "README.md").is_file():
        raise TaskError("There is none.", "State the task's source and what is reported.")
    return "present"


def _problems(
    task: Task, problems: Sequence[Problem], faults: Faults, *, of_hub: bool = False
) -> str:
    unreached = [one for one in faults.found if isinstance(one, HubError)]
    if of_hub and unreached:
        # What could not be reached is no fault of the task.
        raise _NotLookedError(f"not checked; {unreached[0]}")
    raise_faults(faults.found)
    if not problems:
        raise _NotLookedError(f"not checked; --hub, or --data {task.name}=PATH")
    for name in task.slices:
        if not any(name in problem.meta for problem in problems):
            raise TaskError(
                f"No problem has the property {name!r} of the reported slices.", "Correct `slices`."
            )
    repeated = len(problems) - len({problem.question for problem in problems})
    if task.problem is not None:
        for index in reversed(range(min(20, len(problems)))):
            if task.problem(index, 0) != problems[index]:
                raise TaskError(
                    f"Problem {index} is not the same when it is generated again.",
                    "Draw only from item_rng(task, seed, index).",
                )
        if repeated:
            raise TaskError(
                f"{repeated} generated questions occur more than once.",
                "Widen the generator's ranges.",
            )
    known = _published(task, problems) if task.data else ""
    where = ", read from the hub" if of_hub and not task.local else ""
    alike = "" if task.problem is not None or task.cluster else _alike(problems)
    return (
        f"{len(problems):,}{where}, ids all different, {repeated} questions more than once{known}"
        f"{alike}"
    )


_MIN_TEXT = 40
"""Minimum characters of a question without its numbers: `Compute 3 + 4` is no source."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def _alike(problems: Sequence[Problem]) -> str:
    """Return a warning of questions that differ from another one by their numbers alone, if any."""
    groups: dict[str, list[str]] = {}
    for problem in problems:
        text = " ".join(_NUMBER.sub("#", problem.question.casefold()).split())
        if problem.origin is None and len(text) >= _MIN_TEXT:
            groups.setdefault(text, []).append(problem.id)
    several = [names for names in groups.values() if len(names) > 1]
    if not several:
        return ""
    count = sum(map(len, several))
    return (
        f"; warning: {count:,} differ from another one by numbers alone, {several[0][0]!r} and "
        f"{several[0][1]!r} first: where these share a source, `cluster:` says so, else every one "
        "counts as new evidence"
    )


def _published(task: Task, problems: Sequence[Problem]) -> str:
    """Return a note on the golds; raise an error if the rows are not the published ones."""
    expected = sum(data.rows or 0 for data in task.data)
    if expected not in (0, len(problems)):
        raise TaskError(
            f"There are {len(problems):,}, but the task says {expected:,}.",
            "Use the published rows, or correct `rows`.",
        )
    golds, known = gold_hash(problems), [data.golds for data in task.data if data.golds]
    if not known:
        return f", golds: {golds}"
    if golds not in known:
        raise TaskError(
            f"Their golds are not the published ones: their hash is {golds}.",
            "Use the published rows, or correct `golds`.",
        )
    return ", the published golds"


def _prompts(task: Task, problems: Sequence[Problem]) -> str:
    shown = problems or (Problem(id="sample", question="How many is 6 × 7?", gold=("42",)),)
    for form in task.prompts.values():
        for problem in shown:
            prompt = render(form, problem)
            asked = prompt.asked
            if problem.question not in asked:
                raise TaskError(f"{form.id} does not contain the question of {problem.id}.")
            for stop in form.stop:
                if stop in problem.question:
                    raise TaskError(f"{problem.id} contains {stop!r}, which would stop the answer.")
    number = counted(len(shown), "problem")
    bare = [form.id for form in task.prompts.values() if form.examples and not form.shots]
    without = f"; {', '.join(bare)} without the solved problems, which a run loads" if bare else ""
    return f"{', '.join(task.prompts)} render for {number} and ask the question{without}"


_MAX_FOREIGN = 0.2
"""Fraction of other problems' golds that a grader may accept: small integers coincide."""


def _grader(task: Task, problems: Sequence[Problem], judge: Judge) -> str:
    if not problems:
        raise _NotLookedError("not tested on golds; see problems")
    refused, foreign = [], 0
    grader = task.located(task.grade)
    for problem, other in zip(problems, (*problems[1:], problems[0]), strict=True):
        own = judge.match(problem.gold, answer=problem.gold[0], grader=grader)
        if own.equal is not True:
            refused.append(f"{problem.id} ({own.rule}: {own.note})")
        if other.gold != problem.gold:
            found = judge.match(problem.gold, answer=other.gold[0], grader=grader)
            foreign += found.equal is True
    if refused:
        raise TaskError(
            f"The gold of {len(refused)} problems is refused; the first: {refused[0]}.",
            "Correct these golds or the grader.",
        )
    if foreign > _MAX_FOREIGN * len(problems):
        raise TaskError(
            f"The grader accepts another problem's gold {foreign:,} times.", "Make it stricter."
        )
    return f"accepts every gold, {len(problems):,}; another problem's gold {foreign:,} times"


def _cases(task: Task, judge: Judge) -> str:
    if task.folder is None:
        raise _NotLookedError("a task made in Python has none")
    options, count = TaskRules.of(task).judging, 0
    for number, case in _case_rows(task.folder / "cases.jsonl"):
        problem = Problem(id="case", question="", gold=(case["gold"],))
        ended = case.get("finish_reason")
        output = Generation(problem_id="case", sample=0, text=case["text"], finish_reason=ended)
        found = judge.verdict(problem, output, options)
        if found.outcome != case["want"]:
            raise TaskError(
                f"Line {number} wants {case['want']} and gets {found.outcome}: {found.note}.",
                "Correct the case or the rules; if a score changes, raise version in task.yaml.",
            )
        count += 1
    if not count:
        raise TaskError("There are none.", "Add outputs with the outcomes they should get.")
    return f"{count} of {count} agree"


_CASE_KEYS = frozenset({"text", "gold", "want", "why"})


def _case_rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    if not os.path.lexists(path):
        raise TaskError("There is none.", "Add outputs with the outcomes they should get.")
    try:
        inside(path.parent, path.name)
    except ValueError as error:
        raise TaskError(
            f"{str(error).capitalize()}.", "Add outputs with the outcomes they should get."
        ) from None
    with path.open("rb") as lines:
        for number, case in read_objects(lines, path):
            if not case.keys() >= _CASE_KEYS >= case.keys() - {"finish_reason"}:
                raise TaskError(
                    f"Line {number} needs text, gold, want and why.", "Add the missing keys."
                )
            yield number, case
