"""The table of metrics: how a problem is scored, the unit, the direction, and where it is shown.

The summary of a run, comparisons, the gate, screens and pages look a metric up here by its name.
A metric that is not a mean over problems has an estimator elsewhere, and is listed here. Metrics
of some tasks only are grouped in families, which `metrics:` in task.yaml names. Families, and the
measures of graders, are declared with their code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.registry import FAMILY, OURS, Registry
from mathreason_eval.stats.columns import OUTCOMES, VerdictColumns
from mathreason_eval.stats.estimators import passk, votes
from mathreason_eval.stats.estimators.confidence import calibration_value
from mathreason_eval.stats.estimators.items import Item, JudgedSample
from mathreason_eval.stats.estimators.means import bayes
from mathreason_eval.stats.estimators.paired import FAMILY_TOTALS
from mathreason_eval.stats.estimators.totals import Totals
from mathreason_eval.stats.intervals import SampleMoments
from mathreason_eval.types import (
    NOT_CLAIMED,
    WEAK_RULES,
    Measure,
    Metric,
    Outcome,
    Unit,
    Verdict,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.float64]

Items = Sequence[Item]

PRIMARY = "primary"
"""The name that stands for a task's primary metric."""
DEFAULT_METRIC = "avg"
"""The primary metric of tasks that name none."""


class Shown(IntEnum):
    """Where a metric is shown on a terminal; files and pages have all metrics."""

    NOWHERE = 0
    LARGEST = 1
    """For the whole task, for the largest K only."""
    WHOLE = 2
    """For the whole task, for powers of two and the largest K."""
    SLICES = 3
    """For the whole task and for slices."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Linear:
    """A smooth function of several means, linearised as a mean over problems (the delta method).

    To first order its error is that of the mean of `parts`, so tests and intervals of means apply.
    """

    parts: Sequence[float]
    """Each problem's contribution; the metric's value is their mean. NaN: no contribution."""
    weights: Sequence[float]
    """The derivative of the value with respect to each problem's score, times N."""


_K = re.compile("[1-9][0-9]{0,8}")


def _always(_: Any) -> bool:  # noqa: ANN401  one problem, or a sequence of them
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricDefinition:
    """One metric, or, if its name contains `{k}`, one for every K.

    It is a mean over problems if it has `samples` or a `curve`, else a function of sums, or of all
    problems. If it has nothing of all this, two runs cannot be compared by it.
    """

    name: str
    summary: str
    """One line for `mathreason list metrics`."""
    unit: Unit = Unit.SHARE
    higher_is_better: bool | None = True
    """None if neither direction is better."""
    shown: Shown = Shown.WHOLE
    samples: Callable[[Items], SampleMoments] | None = None
    """Scores of samples; a problem's score is their mean."""
    curve: Callable[[Items], Table] | None = None
    """Scores of problems: an array with a row per problem and a column per K from 1, or one."""
    totals: Callable[[Items], Totals] | None = None
    """Sums over units, of which the metric is a function."""
    value: Callable[[Items], float | None] | None = None
    """The metric of some problems, for one that is none of these; None if they have none."""
    of_all: str | None = None
    """The name of the metric of K samples that this one is for all samples of a problem."""
    linear: Callable[[Items, Sequence[float]], Linear] | None = None
    """(problems, their scores) -> the linearisation of a value that is not the scores' mean."""
    has: Callable[[Item], bool] = _always
    """Whether a problem has a score."""
    known: Callable[[Items], bool] = _always
    """Whether the problems have all the data that it needs."""
    is_counted: bool = False
    """Whether scores are fractions of correct samples, which tests may exchange between runs."""
    note: Callable[[Items, int], str] | None = None
    """(problems, K) -> an addition to `Metric.method`."""

    @property
    def is_share(self) -> bool:
        """Return whether it is a fraction of 1."""
        return self.unit is Unit.SHARE

    @property
    def has_scores(self) -> bool:
        """Return whether single problems have scores, so that two runs can be compared."""
        ways = self.samples, self.curve, self.totals, self.value
        return any(way is not None for way in ways)

    @property
    def is_gateable(self) -> bool:
        """Return whether a gate can be set on it: a share of which one direction is better."""
        return self.is_share and self.higher_is_better is not None

    def k_of(self, name: str) -> int | None:
        """Return the K of a name, 1 if it has none; None if the name is another metric's."""
        if "{k}" not in self.name:
            return 1 if name == self.name else None
        before, after = self.name.split("{k}")
        k = name.removeprefix(before).removesuffix(after)
        return int(k) if name == f"{before}{k}{after}" and _K.fullmatch(k) else None


# --- scores of samples -----------------------------------------------------------------------


def _share(outcome: Outcome) -> Callable[[Items], SampleMoments]:
    """Return the function that scores samples with an outcome as 1, and others as 0."""

    def samples(items: Items) -> SampleMoments:
        import numpy as np

        hits = np.array([item.outcomes[outcome] for item in items])
        return SampleMoments.from_counts(hits, np.array([item.n for item in items]))

    return samples


def _refused(items: Items) -> SampleMoments:
    return _values(lambda item: [1.0] * item.refused + [0.0] * (item.n - item.refused))(items)


def _values(scores: Callable[[Item], Sequence[float]]) -> Callable[[Items], SampleMoments]:
    return lambda items: SampleMoments.from_values([scores(item) for item in items])


def _verdicts(score: Callable[[JudgedSample], float]) -> Callable[[Items], SampleMoments]:
    return _values(lambda item: [score(verdict) for verdict in item.verdicts])


def _both(verdict: Verdict | JudgedSample) -> bool:
    return verdict.outcome is Outcome.CORRECT and verdict.second is Outcome.CORRECT


def _either(verdict: Verdict | JudgedSample) -> bool:
    return Outcome.CORRECT in {verdict.outcome, verdict.second}


def is_disputed(verdict: Verdict | JudgedSample) -> bool:
    """Return whether exactly one of two graders judged the sample correct."""
    return _differ(verdict.outcome, verdict.second)


def disputed_count(verdicts: VerdictColumns) -> int:
    """Return how many samples exactly one of two graders judged correct."""
    pairs = Counter(zip(verdicts.outcome.tolist(), verdicts.second.tolist(), strict=True))
    return sum(n for (code, second), n in pairs.items() if _differ(OUTCOMES[code], second))


def _differ(outcome: Outcome, second: Outcome | None) -> bool:
    correct = Outcome.CORRECT
    return second is not None and (outcome is correct) != (second is correct)


def _have_second(items: Items) -> bool:
    return any(set(item.values("second")) != {None} for item in items)


def _ends_known(items: Items) -> bool:
    # A sample that may have been truncated cannot be counted as complete.
    return all(item.ends_known for item in items)


def _thoughts_known(items: Items) -> bool:
    return all(item.reasoning_tokens for item in items) and any(
        sum(item.reasoning_tokens) for item in items
    )


def _any_cut(items: Items) -> bool:
    cut = [item.cut_answers for item in items]
    return None not in cut and any(cut)


def _cut_shares(items: Items) -> SampleMoments:
    import numpy as np

    hits = np.array([item.cut_answers for item in items])
    return SampleMoments.from_counts(hits, np.array([item.n for item in items]))


def _vote_note(items: Items, k: int) -> str:
    most = max(item.n for item in items)
    if k == most:
        return "the one vote"
    draws = f"{votes.vote_draws(items):,} seeded draws per problem"
    return draws if most > votes.MOST_ENUMERATED else "every set of samples"


FALSE_STEP = "false_step"
"""The measure of a correct sample: 1 if an equation before its answer is false, else 0."""


def _false_steps(item: Item) -> list[float]:
    return [
        measures[FALSE_STEP]
        for measures, outcome in zip(item.values("measures"), item.values("outcome"), strict=True)
        if measures and outcome is Outcome.CORRECT and FALSE_STEP in measures
    ]


def _weakly_found(item: Item) -> list[float]:
    """Return for each correct sample of a problem whether a weak rule found its answer."""
    return [
        float(found_by in WEAK_RULES)
        for found_by, outcome in zip(item.values("found_by"), item.values("outcome"), strict=True)
        if outcome is Outcome.CORRECT
    ]


def _not_claimed(item: Item) -> list[float]:
    return [float(rule == NOT_CLAIMED) for rule in item.values("rule")]


def _any_weak(item: Item) -> bool:
    return any(_weakly_found(item))


# --- the table -------------------------------------------------------------------------------


def _table(*definitions: MetricDefinition) -> dict[str, MetricDefinition]:
    return {definition.name: definition for definition in definitions}


_Def = MetricDefinition
_Lower = partial(MetricDefinition, higher_is_better=False)
OUTCOME_SHARES = _table(
    _Def(name="avg", summary="share of correct samples",
         samples=_share(Outcome.CORRECT), is_counted=True, shown=Shown.SLICES),
    _Lower(name="truncated", summary="share of samples that the token limit cut",
           samples=_share(Outcome.TRUNCATED), known=_ends_known),
    _Lower(name="no_answer", summary="share of samples in which no answer was found",
           samples=_share(Outcome.NO_ANSWER)),
    _Lower(name="ungradable", summary="share of samples that the grader could not judge",
           samples=_share(Outcome.UNGRADABLE)),
    _Lower(name="refused", summary="the part of no_answer that the model or a filter refused",
           samples=_refused, known=lambda items: any(item.refused for item in items)),
)  # fmt: skip
"""Shares of outcomes, for the whole task and for every slice."""
GRADER_BOUNDS = _table(
    _Def(name="both", summary="share of samples that both graders call correct",
         samples=_verdicts(lambda verdict: float(_both(verdict))), known=_have_second),
    _Def(name="either", summary="share of samples that at least one of two graders calls correct",
         samples=_verdicts(lambda verdict: float(_either(verdict))), known=_have_second),
)  # fmt: skip
"""Bounds on the score where two graders differ, for the whole task and for every slice."""
MULTI_SAMPLE = _table(
    _Def(name="pass@{k}", summary="chance that at least one of K samples is correct",
         curve=passk.by_counts(lambda curves: curves.pass_any)),
    _Def(name="pass^{k}", summary="chance that all of K samples are correct",
         curve=passk.by_counts(lambda curves: curves.pass_all), shown=Shown.LARGEST),
    _Def(name="maj@{k}", summary="chance that the majority of K samples is correct",
         curve=votes.majority),
    _Def(name="best@{k}", summary="chance that the sample with the largest reward of K is correct",
         curve=votes.best_by_reward, shown=Shown.LARGEST,
         known=lambda items: all(item.rewards for item in items)),
    _Def(name="vote@{k}", summary="chance that a vote of K samples by reward is correct",
         curve=votes.vote_by_reward, note=_vote_note,
         known=lambda items: all(item.rewards for item in items), shown=Shown.LARGEST),
)  # fmt: skip
"""Scores of K samples of a problem, for every K."""
AMOUNTS = _table(
    _Def(name="tokens", summary="completion tokens per sample", unit=Unit.AMOUNT,
         samples=_values(lambda item: item.tokens), higher_is_better=None,
         known=lambda items: all(item.tokens for item in items)),
    _Def(name="reasoning_tokens", summary="reasoning tokens per sample",
         unit=Unit.AMOUNT, samples=_values(lambda item: item.reasoning_tokens),
         has=lambda item: bool(item.reasoning_tokens), known=_thoughts_known,
         higher_is_better=None),
    _Def(name="seconds", summary="seconds per sample", unit=Unit.AMOUNT,
         samples=_values(lambda item: item.seconds), higher_is_better=None,
         known=lambda items: all(item.seconds for item in items)),
)  # fmt: skip
"""Costs of samples."""
FINDING = _table(
    _Lower(name="weakly_found", summary="share of correct samples whose answer was not announced, "
           "and only a weak rule found it", samples=_values(_weakly_found),
           has=lambda item: item.correct > 0, known=lambda items: any(map(_any_weak, items))),
    _Lower(name="not_claimed", summary="share of samples that hold a value which they do not claim",
           samples=_values(_not_claimed),
           known=lambda items: any(any(_not_claimed(item)) for item in items)),
)  # fmt: skip
"""How answers were found, for the whole task; left out where there is nothing to say."""
CUTS = _table(
    _Lower(name="answered_then_cut", summary="share of samples that the token limit cut after an "
           "answer", samples=_cut_shares, known=_any_cut, shown=Shown.WHOLE),
)  # fmt: skip
"""Metrics in addition to the shares of outcomes."""
CONSISTENCY = _table(
    *(
        _Def(name=f"g-pass@{{k}}:{tau}", summary=f"chance that {tau:.0%} of K samples are correct",
             curve=passk.g_pass(tau), shown=Shown.NOWHERE)
        for tau in passk.TAUS
    ),
    _Def(name="mg-pass@{k}", summary="mean of g-pass@K over the shares above one half",
         curve=passk.by_counts(lambda curves: curves.mg_pass), shown=Shown.NOWHERE),
)  # fmt: skip
"""Consistency over K samples of a problem, for every K."""
STEPS = _table(
    _Def(name="right_by_wrong_steps",
         summary="share of correct samples with a false step before the answer",
         samples=_values(_false_steps), has=lambda item: bool(_false_steps(item)),
         higher_is_better=False),
)  # fmt: skip
"""Whether correct samples have correct steps; only false equations are found."""
_ESTIMATED = _table(
    _Def(name="macro", summary="unweighted mean of avg over the values of a property"),
    _Lower(name="ece", summary="expected calibration error of vote shares", shown=Shown.NOWHERE,
           value=calibration_value("ece")),
    _Lower(name="brier", summary="Brier score of vote shares", shown=Shown.NOWHERE,
           value=calibration_value("brier")),
    _Def(name="auroc", summary="chance that a correct vote has a larger share than a wrong one",
         shown=Shown.NOWHERE, value=calibration_value("auroc")),
    _Lower(name="aurc", summary="area under the risk-coverage curve of vote shares",
           shown=Shown.NOWHERE, value=calibration_value("aurc")),
    _Def(name="robust", summary="chance that an original and all its variants are correct",
         totals=FAMILY_TOTALS["robust"]),
    _Def(name="origin", summary="avg of the originals of a variant",
         totals=FAMILY_TOTALS["origin"]),
    _Lower(name="drop", summary="avg of the originals less avg of the variant", shown=Shown.SLICES,
           totals=FAMILY_TOTALS["drop"]),
    _Lower(name="pdr", summary="drop as a share of the originals' avg",
           totals=FAMILY_TOTALS["pdr"]),
    _Def(name="cr", summary="share of solved originals whose variant is solved",
         totals=FAMILY_TOTALS["cr"]),
    _Lower(name="limem", summary="memorisation: originals solved whose variant is not",
           totals=FAMILY_TOTALS["limem"]),
    _Lower(name="lost", summary="share of families whose original alone is solved",
           totals=FAMILY_TOTALS["limem"]),
    _Def(name="gained", summary="share of families whose variant alone is solved",
         totals=FAMILY_TOTALS["gained"]),
    _Def(name="kept", summary="share of families with both solved", totals=FAMILY_TOTALS["kept"]),
    _Lower(name="missed", summary="share of families with neither solved",
           totals=FAMILY_TOTALS["missed"]),
    _Def(name="mcnemar", summary="p-value of McNemar's test that lost and gained are alike",
         higher_is_better=None),
)  # fmt: skip
"""Metrics that are not means over problems; `summary` calls their estimators."""
METRICS: Mapping[str, MetricDefinition] = (
    OUTCOME_SHARES
    | GRADER_BOUNDS
    | MULTI_SAMPLE
    | AMOUNTS
    | FINDING
    | CUTS
    | CONSISTENCY
    | STEPS
    | _ESTIMATED
)
"""Every metric that any task may have."""


def measured(measure: Measure) -> MetricDefinition:
    """Return the metric of a grader's measure; a sample without it, or an answer, counts 0."""
    return MetricDefinition(
        name=measure.name,
        summary=measure.summary,
        unit=measure.unit,
        higher_is_better=measure.higher_is_better,
        samples=_verdicts(lambda verdict: verdict.measures.get(measure.name, 0.0)),
    )


# --- families --------------------------------------------------------------------------------

Estimator = Callable[[str, Items], Iterator[Metric]]
"""(task, judged problems) -> metrics, each with an interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricFamily:
    """Metrics that a task selects together."""

    estimate: Estimator
    definitions: tuple[MetricDefinition, ...] = ()
    """The metrics that it yields."""


def _family(_: str, found: object) -> MetricFamily:
    """Return an entry point's object, a family or just an estimator, as a family."""
    if isinstance(found, MetricFamily):
        return found
    if not callable(found):
        raise TypeError(f"of type {type(found).__name__}, neither a function nor a MetricFamily")
    return MetricFamily(estimate=found)


_BAYES = _Def(name="bayes", summary="posterior mean of avg on these problems")
FAMILIES: Registry[MetricFamily] = Registry(
    "METRICS",
    {"bayes": MetricFamily(estimate=bayes, definitions=(_BAYES,))},
    adopt=_family,
)
"""Every family by name; `docs/statistics.md` describes them."""


# --- by name ---------------------------------------------------------------------------------


def metric_origins() -> Mapping[str, str]:
    """Return the origin of every metric and family by name.

    Other packages are not imported for this, so only their families are listed.
    """
    origins = FAMILIES.origins()
    metrics = dict.fromkeys(map(_with_k, METRICS.values()), OURS)
    for name, origin in origins.items():
        if origin in {OURS, FAMILY}:
            metrics |= dict.fromkeys(map(_with_k, FAMILIES[name].definitions), origin)
    return {**metrics, **origins}


def _with_k(definition: MetricDefinition) -> str:
    return definition.name.replace("{k}", "K")


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedMetric:
    """A metric by its full name: `pass@4` has the definition of `pass@{k}`, and K = 4."""

    name: str
    definition: MetricDefinition
    k: int


def our_metric(name: str) -> NamedMetric | None:
    """Return the metric of that name in METRICS; None if there is none."""
    return _among(name, METRICS.values())


def find_metric(name: str, measures: Sequence[Measure] = ()) -> NamedMetric:
    """Return the metric of a name.

    Args:
        name: such as `avg` or `pass@4`, or a metric of a family, or a measure.
        measures: the measures of the task's grader.

    Raises:
        UnknownNameError: if there is none; it suggests the nearest name.
    """
    if found := our_metric(name):
        return found
    own = [measured(measure) for measure in measures]
    # One after another: packages come last, and are imported only if no other name matches.
    of_families = (one for family in FAMILIES.values() for one in family.definitions)
    if found := _among(name, chain(own, of_families)):
        return found
    every = [one for family in FAMILIES.values() for one in family.definitions]
    known = map(_with_k, (*METRICS.values(), *own, *every))
    raise UnknownNameError("metric", name, list(known))


def _among(name: str, definitions: Iterable[MetricDefinition]) -> NamedMetric | None:
    for definition in definitions:
        if (k := definition.k_of(name)) is not None:
            return NamedMetric(name=name, definition=definition, k=k)
    return None


@lru_cache(maxsize=1 << 14)
def shown_as(name: str) -> tuple[Shown, int]:
    """Return (where a metric is shown, its K); an undeclared one is shown for the whole task."""
    try:
        found = find_metric(name)
    except UnknownNameError:
        return Shown.WHOLE, 1
    return found.definition.shown, found.k


def is_power_of_two(k: int) -> bool:
    """Return whether k is 1, 2, 4, 8, …: the values that are shown if there are many."""
    return not k & (k - 1)
