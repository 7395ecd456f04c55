"""The table of metrics: what each scores of a problem, its unit, and where it is shown.

The summary of a run, comparisons, the gate, screens and pages look a metric up here by its name.
A metric that is no mean over problems has an estimator of its own, and stands here with its unit,
its direction and where it is shown. Those that only some tasks have come in families, which
`metrics:` in task.yaml names; a family, and the measures of a grader, are declared with their code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.registry import FAMILY, OURS, Registry
from mathreason_eval.stats.estimators import passk, votes
from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.stats.estimators.means import bayes
from mathreason_eval.stats.intervals import SampleMoments
from mathreason_eval.stats.ranking import RunScores
from mathreason_eval.types import Measure, Metric, Outcome, Unit, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Column = NDArray[np.float64]
    Table = NDArray[np.float64]


_K = re.compile("[1-9][0-9]{0,8}")


class Shown(IntEnum):
    """Where a metric is shown on a terminal; files and pages have every one."""

    NOWHERE = 0
    LARGEST = 1
    """Of the whole, for the largest K."""
    WHOLE = 2
    """Of the whole, for powers of two and the largest K."""
    SLICES = 3
    """Of slices as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Linear:
    """A smooth function of several means, as a mean over problems (the delta method).

    Its error is to first order that of the mean of `parts`, so tests and intervals of means hold.
    """

    parts: Sequence[float]
    """What each problem brings; their mean is the metric's value. Not a number: it has no part."""
    weights: Sequence[float]
    """How far the value moves if a problem's score does, times the number of problems."""


def _always(_: Any) -> bool:  # noqa: ANN401  a problem, or several
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricDefinition:
    """One metric, or with `{k}` in its name one for every K.

    Where neither `samples` nor `curve` is there, it is no mean over problems.
    """

    name: str
    summary: str
    """One line for `mathreason list metrics`."""
    unit: Unit = Unit.SHARE
    higher_is_better: bool | None = True
    """None where neither way is better."""
    shown: Shown = Shown.WHOLE
    samples: Callable[[Sequence[Item]], SampleMoments] | None = None
    """Scores of samples; a problem's score is their mean."""
    curve: Callable[[Sequence[Item]], Table] | None = None
    """Scores of problems, a row each: a column for every K from 1, or a single one."""
    linear: Callable[[Sequence[Item], Sequence[float]], Linear] | None = None
    """(problems, their scores) -> the parts of a value that is no mean of the scores."""
    has: Callable[[Item], bool] = _always
    """Whether a problem has a score."""
    known: Callable[[Sequence[Item]], bool] = _always
    """Whether problems say all that it needs."""
    is_counted: bool = False
    """Whether scores are shares of correct samples, which tests may exchange between runs."""
    needs_votes: bool = False
    """Whether it depends on which answers are equivalent."""
    note: Callable[[Sequence[Item], int], str] | None = None
    """(problems, K) -> what `Metric.method` says besides."""

    @property
    def is_share(self) -> bool:
        """Return whether it is a fraction of 1."""
        return self.unit is Unit.SHARE

    @property
    def has_scores(self) -> bool:
        """Return whether problems have scores, by which two runs can be compared."""
        return self.samples is not None or self.curve is not None

    def k_of(self, name: str) -> int | None:
        """Return the K of a name, 1 where there is none; None if it names another metric."""
        if "{k}" not in self.name:
            return 1 if name == self.name else None
        before, after = self.name.split("{k}")
        k = name.removeprefix(before).removesuffix(after)
        return int(k) if name == f"{before}{k}{after}" and _K.fullmatch(k) else None


# --- the table -------------------------------------------------------------------------------


def _share(outcome: Outcome) -> Callable[[Sequence[Item]], SampleMoments]:
    """Return what gives the share of samples with an outcome."""

    def samples(items: Sequence[Item]) -> SampleMoments:
        import numpy as np

        hits = np.array([item.outcomes[outcome] for item in items])
        return SampleMoments.from_counts(hits, np.array([item.n for item in items]))

    return samples


def _each(values: Callable[[Item], Sequence[float]]) -> Callable[[Sequence[Item]], SampleMoments]:
    """Return what gives the mean of a problem's values."""
    return lambda items: SampleMoments.from_values([values(item) for item in items])


def _verdicts(value: Callable[[Verdict], float]) -> Callable[[Sequence[Item]], SampleMoments]:
    return _each(lambda item: [value(verdict) for verdict in item.verdicts])


def _both(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.CORRECT and verdict.second is Outcome.CORRECT


def _either(verdict: Verdict) -> bool:
    return Outcome.CORRECT in {verdict.outcome, verdict.second}


def is_disputed(verdict: Verdict) -> bool:
    """Return whether of two graders one calls the sample correct, and the other does not."""
    return verdict.second is not None and _both(verdict) != _either(verdict)


def _second_asked(items: Sequence[Item]) -> bool:
    return any(verdict.second is not None for item in items for verdict in item.verdicts)


def _ends_known(items: Sequence[Item]) -> bool:
    # What may have been cut without saying so cannot be counted as complete.
    return all(item.ends_known for item in items)


def _rewarded(items: Sequence[Item]) -> bool:
    return all(item.rewards for item in items)


def _vote_note(items: Sequence[Item], k: int) -> str:
    drawn = k < max(item.n for item in items)
    return f"{votes.vote_draws(items):,} seeded draws a problem" if drawn else "the one vote"


PRIMARY = "primary"
"""Stands for the metric that a task names as its primary one."""
DEFAULT_METRIC = "avg"
"""The primary metric of tasks that name none."""
FALSE_STEP = "false_step"
"""The measure of a right answer: 1 if an equation on the way to it is false, else 0."""


def _false_steps(item: Item) -> list[float]:
    return [
        verdict.measures[FALSE_STEP]
        for verdict in item.verdicts
        if verdict.outcome is Outcome.CORRECT and FALSE_STEP in verdict.measures
    ]


def _table(*definitions: MetricDefinition) -> Mapping[str, MetricDefinition]:
    return {definition.name: definition for definition in definitions}


_Def = MetricDefinition
OF_SAMPLES = _table(
    _Def(name="avg", summary="share of correct samples",
         samples=_share(Outcome.CORRECT), is_counted=True, shown=Shown.SLICES),
    _Def(name="truncated", summary="share of samples that the token limit cut",
         samples=_share(Outcome.TRUNCATED), known=_ends_known, higher_is_better=False),
    _Def(name="no_answer", summary="share of samples in which no answer was found",
         samples=_share(Outcome.NO_ANSWER), higher_is_better=False),
    _Def(name="ungradable", summary="share of samples that the grader could not judge",
         samples=_share(Outcome.UNGRADABLE), higher_is_better=False),
)  # fmt: skip
"""Shares of outcomes, of the whole and of every slice."""
BOUNDS = _table(
    _Def(name="both", summary="share of samples that both graders call correct",
         samples=_verdicts(lambda verdict: float(_both(verdict))), known=_second_asked),
    _Def(name="either", summary="share of samples that at least one of two graders calls correct",
         samples=_verdicts(lambda verdict: float(_either(verdict))), known=_second_asked),
)  # fmt: skip
"""Bounds on the score where two graders differ, of the whole and of every slice."""
OF_SEVERAL = _table(
    _Def(name="pass@{k}", summary="chance that at least one of K samples is correct",
         curve=passk.pass_any),
    _Def(name="pass^{k}", summary="chance that all of K samples are correct",
         curve=passk.pass_all, shown=Shown.LARGEST),
    _Def(name="maj@{k}", summary="chance that the majority of K samples is correct",
         curve=votes.majority, needs_votes=True),
    _Def(name="best@{k}", summary="chance that of K samples the one of most reward is correct",
         curve=votes.best_by_reward, known=_rewarded, shown=Shown.LARGEST),
    _Def(name="vote@{k}", summary="chance that a vote of K samples by reward is correct",
         curve=votes.vote_by_reward, known=_rewarded, needs_votes=True, note=_vote_note,
         shown=Shown.LARGEST),
)  # fmt: skip
"""What several samples of a problem are worth, for every K."""
AMOUNTS = _table(
    _Def(name="tokens", summary="completion tokens a sample", unit=Unit.AMOUNT,
         samples=_each(lambda item: item.tokens), has=lambda item: bool(item.tokens),
         higher_is_better=None),
    _Def(name="seconds", summary="seconds a sample", unit=Unit.AMOUNT,
         samples=_each(lambda item: item.seconds), has=lambda item: bool(item.seconds),
         higher_is_better=None),
)  # fmt: skip
"""What samples cost."""
CONSISTENCY = _table(
    *(
        _Def(name=f"g-pass@{{k}}:{tau}", summary=f"chance that {tau:.0%} of K samples are correct",
             curve=passk.g_pass(tau), shown=Shown.NOWHERE)
        for tau in passk.TAUS
    ),
    _Def(name="mg-pass@{k}", summary="mean of g-pass@K over the shares above one half",
         curve=passk.mg_pass, shown=Shown.NOWHERE),
)  # fmt: skip
"""How reliably a model is right, for every K."""
STEPS = _table(
    _Def(name="right_by_wrong_steps",
         summary="of the correct samples, the share with a false step before the answer",
         samples=_each(_false_steps), has=lambda item: bool(_false_steps(item)),
         higher_is_better=False),
)  # fmt: skip
"""Whether right answers come by right steps. An error that writes no false equation is not seen."""
_ESTIMATED = _table(
    _Def(name="macro", summary="unweighted mean of avg over the values of a property"),
    _Def(name="ece", summary="expected calibration error of vote shares",
         higher_is_better=False, shown=Shown.NOWHERE),
    _Def(name="brier", summary="Brier score of vote shares",
         higher_is_better=False, shown=Shown.NOWHERE),
    _Def(name="auroc", summary="chance that a correct vote has a larger share than a wrong one",
         shown=Shown.NOWHERE),
    _Def(name="aurc", summary="area under the risk-coverage curve of vote shares",
         higher_is_better=False, shown=Shown.NOWHERE),
    _Def(name="robust", summary="chance that an original and all its variants are correct"),
    _Def(name="origin", summary="avg of the originals of a variant"),
    _Def(name="drop", summary="avg of the originals less avg of the variant",
         higher_is_better=False, shown=Shown.SLICES),
    _Def(name="pdr", summary="drop as a share of the originals' avg", higher_is_better=False),
    _Def(name="cr", summary="share of solved originals whose variant is solved"),
    _Def(name="limem", summary="memorisation: originals solved whose variant is not",
         higher_is_better=False),
    _Def(name="lost", summary="share of families whose original alone is solved",
         higher_is_better=False),
    _Def(name="gained", summary="share of families whose variant alone is solved"),
    _Def(name="kept", summary="share of families with both solved"),
    _Def(name="missed", summary="share of families with neither solved", higher_is_better=False),
    _Def(name="mcnemar", summary="p-value of McNemar's test that lost and gained are alike",
         higher_is_better=None),
)  # fmt: skip
"""Those with estimators of their own."""
METRICS: Mapping[str, MetricDefinition] = {
    **OF_SAMPLES, **BOUNDS, **OF_SEVERAL, **AMOUNTS, **CONSISTENCY, **STEPS, **_ESTIMATED,
}  # fmt: skip
"""Every metric that any task may have."""


def measured(measure: Measure) -> MetricDefinition:
    """Return the mean of a grader's measure; a sample without it, as without an answer, has 0."""
    return MetricDefinition(
        name=measure.name,
        summary=measure.summary,
        unit=measure.unit,
        higher_is_better=measure.higher_is_better,
        samples=_verdicts(lambda verdict: verdict.measures.get(measure.name, 0.0)),
    )


# --- families --------------------------------------------------------------------------------

Estimator = Callable[[str, Sequence[Item]], Iterator[Metric]]
"""(task, problems with their judgements) -> metrics, each with an interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricFamily:
    """Metrics that a task asks for together."""

    estimate: Estimator
    definitions: tuple[MetricDefinition, ...] = ()
    """What it yields."""


def _family(_: str, found: object) -> MetricFamily:
    """Return what a package brings as a family: one, or an estimator alone."""
    if isinstance(found, MetricFamily):
        return found
    if not callable(found):
        raise TypeError(f"of type {type(found).__name__}, neither a function nor a MetricFamily")
    return MetricFamily(estimate=found)


FAMILIES: Registry[MetricFamily] = Registry(
    "METRICS",
    {
        "bayes": MetricFamily(
            estimate=bayes,
            definitions=(_Def(name="bayes", summary="posterior mean of avg on these problems"),),
        )
    },
    adopt=_family,
)
"""Every family by name; `docs/statistics.md` describes them."""


# --- by name ---------------------------------------------------------------------------------


def metric_origins() -> Mapping[str, str]:
    """Return where every metric, and every family that a task may name, is from.

    Packages are not imported for it, so of theirs only the families are known.
    """
    origins = FAMILIES.origins()
    brought = {
        _with_k(one): origin
        for name, origin in origins.items()
        if origin in {OURS, FAMILY}
        for one in FAMILIES[name].definitions
    }
    return {**{_with_k(one): OURS for one in METRICS.values()}, **brought, **origins}


def _with_k(definition: MetricDefinition) -> str:
    return definition.name.replace("{k}", "K")


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedMetric:
    """A metric as it is asked for: `pass@4` is the definition of `pass@{k}`, and a K of 4."""

    name: str
    definition: MetricDefinition
    k: int


def our_metric(name: str) -> NamedMetric | None:
    """Return a metric that any task may have, by its name; None if it is none of these."""
    return _among(name, METRICS.values())


def find_metric(name: str, measures: Sequence[Measure] = ()) -> NamedMetric:
    """Return the metric of a name.

    Args:
        name: `avg`, `pass@4`, or of a family or a measure.
        measures: those of the task's grader.

    Raises:
        UnknownNameError: naming the nearest.
    """
    if found := our_metric(name):
        return found
    own = [measured(measure) for measure in measures]
    brought = [one for family in FAMILIES.values() for one in family.definitions]
    if found := _among(name, [*own, *brought]):
        return found
    known = map(_with_k, (*METRICS.values(), *own, *brought))
    raise UnknownNameError("metric", name, list(known))


def _among(name: str, definitions: Iterable[MetricDefinition]) -> NamedMetric | None:
    for definition in definitions:
        if (k := definition.k_of(name)) is not None:
            return NamedMetric(name=name, definition=definition, k=k)
    return None


@lru_cache(maxsize=1 << 14)
def shown_as(name: str) -> tuple[Shown, int]:
    """Return where a metric is shown, and its K; one that nobody declared, of the whole."""
    try:
        found = find_metric(name)
    except UnknownNameError:
        return Shown.WHOLE, 1
    return found.definition.shown, found.k


def is_power_of_two(k: int) -> bool:
    """Return whether k is one of 1, 2, 4, 8, …: the values that are shown where there are many."""
    return not k & (k - 1)


# --- scores of problems ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemScore:
    """What one problem has of a metric."""

    own: float
    """Its score: a share in [0, 1], or an amount."""
    part: float
    """What it brings to the value, which is the mean of all parts; of a mean it is the score."""
    weight: float = 1.0
    """How far the value moves if the score does, times the number of problems; 1 for a mean."""


def problem_scores(items: Sequence[Item], metric: NamedMetric) -> dict[str, ProblemScore]:
    """Return what each problem has of a metric, by its id; one that has no score is left out.

    Args:
        items: problems of one run.
        metric: one that has scores.

    Raises:
        ValueError: if the metric has none, or these problems do not say what it needs.
    """
    definition = metric.definition
    if not definition.has_scores or not definition.known(items):
        raise ValueError(f"These problems have no score {metric.name!r}.")
    held = [item for item in items if definition.has(item)]
    table = score_table(definition, held) if held else None
    if table is None or metric.k > table.shape[1]:
        raise ValueError(f"No problem has a score {metric.name!r}.")
    scores: list[float] = table[:, metric.k - 1].tolist()
    found = [(i, score) for i, score in zip(held, scores, strict=True) if not math.isnan(score)]
    if not found:
        raise ValueError(f"No problem has a score {metric.name!r}.")
    return _parts(definition, found)


def _parts(
    definition: MetricDefinition, found: Sequence[tuple[Item, float]]
) -> dict[str, ProblemScore]:
    if definition.linear is None:
        return {item.problem.id: ProblemScore(own=score, part=score) for item, score in found}
    line = definition.linear([item for item, _ in found], [score for _, score in found])
    return {
        item.problem.id: ProblemScore(own=score, part=part, weight=weight)
        for (item, score), part, weight in zip(found, line.parts, line.weights, strict=True)
        if not math.isnan(part)
    }


def contender(items: Sequence[Item], metric: NamedMetric) -> RunScores:
    """Return one run's problems as a ranking takes them.

    Raises:
        ValueError: as `problem_scores`.
    """
    found = problem_scores(items, metric)
    squares = math.fsum(score.weight**2 for score in found.values()) / len(found)
    return RunScores(
        scores={name: score.part for name, score in found.items()},
        samples={item.problem.id: item.n for item in items if item.problem.id in found},
        weight=math.sqrt(squares),
    )


def score_table(definition: MetricDefinition, items: Sequence[Item]) -> Table:
    """Return the scores of problems, a row each and a column for every K."""
    if definition.curve is not None:
        return definition.curve(items)
    assert definition.samples is not None, "a metric that has scores"
    return definition.samples(items).mean[:, None]
