"""A score against the tokens that an answer may have, replayed from the samples of one run.

A sample with a smaller `max_tokens` has the same tokens and ends earlier: what ended within a
budget counts as it was judged, and what did not is cut off and counts as 0. A sample that was cut
just behind its answer would be right and is not counted, so a curve is a lower bound between the
budgets at which it was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.compare.curves import Curve, CurvePoint
from mathreason_eval.errors import RunError, UnknownNameError
from mathreason_eval.runs.completeness import exclusions, gaps
from mathreason_eval.runs.manifest import short_name
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.estimators.items import cluster_of, mean_in_clusters
from mathreason_eval.stats.intervals import Clusters
from mathreason_eval.types import Metric, Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOKENS = "max_tokens"
"""What a budget is called on an axis."""
METRIC = "avg"


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSamples:
    """The judged samples of a task, by problem."""

    problem: NDArray[Any]
    """The place of each sample's problem."""
    tokens: NDArray[Any]
    correct: NDArray[Any]
    """1 for a correct sample, and 0."""
    problems: int
    clusters: Clusters
    """Of each problem."""

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[int, int, bool]], clusters: Clusters) -> BudgetSamples:
        """Return them from (place of the problem from 0, tokens, whether it is correct)."""
        import numpy as np

        problem, tokens, correct = (np.array(one) for one in zip(*rows, strict=True))
        return cls(
            problem=problem,
            tokens=tokens,
            correct=correct.astype(float),
            problems=int(problem.max()) + 1,
            clusters=clusters,
        )


def score_within(task: str, found: BudgetSamples, budget: int) -> Metric:
    """Return avg if what did not end within a budget is cut off and counts as 0."""
    import numpy as np

    correct = found.correct * (found.tokens <= budget)
    number = np.bincount(found.problem, minlength=found.problems)
    means = np.bincount(found.problem, weights=correct, minlength=found.problems) / number
    mean = mean_in_clusters(means, found.clusters)
    return mean.metric(METRIC, (task, "all"), (found.problems, len(correct)))


def budget_curves(runs: Sequence[Run], tasks: Sequence[str] = ()) -> tuple[Curve, ...]:
    """Return for each task of each run its score by budget: the powers of two below its own.

    Args:
        runs: whose samples are replayed.
        tasks: only these; none: all.

    Raises:
        RunError: if the tokens of a sample are not known, or none is judged.
        UnknownNameError: if no run has a task of that name.
    """
    known = list(dict.fromkeys(task for run in runs for task in run.tasks()))
    for task in tasks:
        if task not in known:
            raise UnknownNameError("task of these runs", task, known)
    return tuple(
        _curve(run, task) for task in tasks or known for run in runs if task in run.tasks()
    )


def _curve(run: Run, task: str) -> Curve:
    found = _samples(run, task)
    return Curve(
        task=task,
        training=short_name(run.manifest.model),
        points=tuple(_points(run, task, found)),
        of=TOKENS,
    )


def _points(run: Run, task: str, found: BudgetSamples) -> Iterator[CurvePoint]:
    import numpy as np

    lacking = (*gaps(run, task, "it"), *exclusions(run, task, "it"))
    for budget in _budgets(found.tokens, run.manifest.tasks[task].max_tokens):
        ended = found.tokens <= budget
        spent = float(np.minimum(found.tokens, budget).mean())
        said = f"{100 * float(ended.mean()):.1f} % of the samples end, {spent:,.0f} tokens each"
        metric = score_within(task, found, budget)
        notes = (said, *lacking)
        yield CurvePoint(step=budget, run=str(run.path), metric=metric, notes=notes)


def _budgets(tokens: NDArray[Any], most: int | None) -> list[int]:
    """Return the powers of two at which some samples have ended and others not, and the run's."""
    last = max(int(tokens.max()), most or 0)
    powers = [1 << n for n in range(last.bit_length())]
    return [*(one for one in powers if tokens.min() <= one < tokens.max()), last]


def _samples(run: Run, task: str) -> BudgetSamples:
    """Return the samples that are judged.

    Raises:
        RunError: if the tokens of one are not known, or there are none.
    """
    infos = run.distinct_infos(task)
    places: dict[str, int] = {}
    rows: list[tuple[int, int, bool]] = []
    unknown = 0
    for verdict in run.verdicts(task):
        of_sample = infos[verdict.problem_id, verdict.sample].completion_tokens
        place = places.setdefault(verdict.problem_id, len(places))
        unknown += of_sample is None
        rows.append((place, of_sample or 0, verdict.outcome is Outcome.CORRECT))
    if unknown or not rows:
        what = f"the tokens of {unknown:,} samples are not known" if rows else "nothing is judged"
        raise RunError(
            f"{task} of {run.path} has no score by budget: {what}.",
            "Name a run whose engine counted them.",
        )
    return BudgetSamples.from_rows(rows, _clusters(run, task, list(places)))


def _clusters(run: Run, task: str, ids: Sequence[str]) -> Clusters:
    key = run.manifest.tasks[task].report.cluster
    of = {problem.id: cluster_of(problem, key) for problem in run.problems(task)}
    return [of[one] for one in ids]
