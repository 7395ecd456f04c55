"""How often a gate is wrong, and others would be, on the stored outputs of one's own models.

The samples of every problem are divided at random into two halves, as two runs of one model, over
and over. In the second half correct samples are then lost, so that the truth is known: a fall by
the margin, by the same part everywhere or of whole problems, and a larger one. No model of the
difficulty of problems is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.compare.pairing import TaskRun, pair, task_run
from mathreason_eval.errors import NotComparableError, UnknownNameError, UserError
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair, t_quantile
from mathreason_eval.stats.estimands import Estimand

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Counts = NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationRequest:
    """What is to be tried."""

    tasks: tuple[str, ...] = ()
    """Names of tasks; empty for all that the first run has."""
    margin: float = 0.01
    alpha: float = 0.01
    pairs: int = 400
    """Number of times that the samples are divided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """How often a rule says what, as shares of pairs of halves."""

    rule: str
    alarms: float
    """A regression, of an unchanged model."""
    passes: float
    """A pass, of an unchanged model."""
    wrong: float
    """A pass, of a model that fell by the margin, everywhere by the same part."""
    wrong_whole: float
    """The same, where problems are lost as a whole."""
    power: float | None
    """A regression, of a model that fell by `drop`; None if it cannot fall by so much."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskCalibration:
    """The rates of all rules on one task of one model."""

    task: str
    model: str
    problems: int
    samples: int
    """Samples per problem of each half."""
    score: float
    drop: float
    """The fall of `Rates.power`, twice the margin."""
    pairs: int
    rates: tuple[Rates, ...]


def calibrate(runs: Sequence[Run], request: CalibrationRequest) -> list[TaskCalibration]:
    """Return the rates for each task of each model.

    Args:
        runs: one or more; those of one model are taken together.
        request: what is to be tried.

    Raises:
        UserError: if there is one sample per problem only, runs are reruns with the same seed, or
            a score is not above the margin.
        NotComparableError: if runs of one model differ in more than their samples.
    """
    names = request.tasks or runs[0].tasks()
    for name in names:
        if not any(name in run.tasks() for run in runs):
            raise UnknownNameError("task in these runs", name, runs[0].tasks())
    models: dict[str, list[Run]] = {}
    for run in runs:
        models.setdefault(run.manifest.model.name, []).append(run)
    return [
        _calibrated(model, [task_run(run, name) for run in some if name in run.tasks()], request)
        for name in names
        for model, some in models.items()
        if any(name in run.tasks() for run in some)
    ]


def _calibrated(
    model: str, runs: Sequence[TaskRun], request: CalibrationRequest
) -> TaskCalibration:
    import numpy as np

    counts = _counts(runs)
    half = min(n for _, n in counts) // 2
    task = runs[0].task
    if not half:
        raise UserError(
            f"{task} of {model} has one sample per problem, which cannot be divided.",
            "Draw several, at a temperature above 0: `mathreason run MODEL -n 8`.",
        )
    score = math.fsum(correct / n for correct, n in counts) / len(counts)
    if score <= request.margin:
        raise UserError(
            f"{task} of {model} scores {100 * score:.1f} %, which cannot fall by "
            f"{100 * request.margin:g} pp.",
            "Choose a smaller --margin, or an easier task.",
        )
    trial = _Trial(
        correct=np.array([correct for correct, _ in counts]),
        number=np.array([n for _, n in counts]),
        half=half,
        score=score,
        request=request,
    )
    return TaskCalibration(
        task=task,
        model=model,
        problems=len(counts),
        samples=half,
        score=score,
        drop=trial.drop,
        pairs=request.pairs,
        rates=tuple(trial.rates()),
    )


def _counts(runs: Sequence[TaskRun]) -> list[tuple[int, int]]:
    """Return (correct, samples) of each problem that all runs of a model have."""
    first, *others = runs
    for other in others:
        pairing = pair(first, other)
        if pairing.obstacles:
            raise NotComparableError(
                f"{other.run.path} is not comparable with {first.run.path} on {first.task}: "
                f"{'; '.join(pairing.obstacles.values())}.",
                "Calibrate with runs under the same conditions.",
            )
    for place, one in enumerate(runs):
        for other in runs[:place]:
            _check_independent(other, one)
    shared = [name for name in first.items if all(name in run.items for run in others)]
    return [
        (
            sum(run.items[name].correct for run in runs),
            sum(run.items[name].n for run in runs),
        )
        for name in shared
    ]


def _check_independent(one: TaskRun, other: TaskRun) -> None:
    """Refuse runs whose samples are the same: they agree because nothing is drawn anew."""
    texts = [
        dict(zip(samples.sample_keys(), samples.texts_digest.tolist(), strict=True))
        for samples in (side.run.sample_columns(side.task) for side in (one, other))
    ]
    shared = texts[0].keys() & texts[1].keys()
    manifests = one.run.manifest, other.run.manifest
    is_seeded = not any(manifest.unkeyed for manifest in manifests)
    same_seed = is_seeded and manifests[0].seed == manifests[1].seed
    if shared and (same_seed or all(texts[0][key] == texts[1][key] for key in shared)):
        raise UserError(
            f"{one.run.path} and {other.run.path} have the same samples of {one.task}, drawn with "
            "the same seed: between them there is no noise.",
            "Draw one of them with another --seed, or name only one.",
        )


# --- trials ----------------------------------------------------------------------------------

Called = tuple["NDArray[Any]", "NDArray[Any]"]
"""(where it passes, where it is a regression), a boolean for each pair of halves."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Halves:
    """Pairs of halves: correct samples, a row for each pair, a column for each problem."""

    before: Counts
    after: Counts
    half: int

    @property
    def changes(self) -> Counts:
        """Return after - before, in shares of correct samples."""
        changes: Counts = (self.after - self.before) / self.half
        return changes

    def pairs(self, row: int) -> list[Pair]:
        """Return one pair of halves as the gate sees it."""
        sizes = (self.half, self.half)
        both = self.before[row].tolist(), self.after[row].tolist()
        return [
            Pair(before=b / self.half, after=a / self.half, samples=sizes)
            for b, a in zip(*both, strict=True)
        ]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Trial:
    """One task of one model, whose samples are divided again and again."""

    correct: Counts
    number: Counts
    half: int
    score: float
    request: CalibrationRequest

    @property
    def drop(self) -> float:
        return 2 * self.request.margin

    def rates(self) -> Iterator[Rates]:
        import numpy as np

        margin = self.request.margin
        found = {
            "same": self._halves(np.random.default_rng(1)),
            "part": self._halves(np.random.default_rng(2), margin),
            "whole": self._lost(np.random.default_rng(3), margin),
        }
        if self.drop < self.score:
            found["fell"] = self._halves(np.random.default_rng(4), self.drop)
        said = {truth: self._said(halves) for truth, halves in found.items()}
        for rule in said["same"]:
            passes, regressions = said["same"][rule]
            yield Rates(
                rule=rule,
                alarms=float(regressions.mean()),
                passes=float(passes.mean()),
                wrong=float(said["part"][rule][0].mean()),
                wrong_whole=float(said["whole"][rule][0].mean()),
                power=float(said["fell"][rule][1].mean()) if "fell" in said else None,
            )

    def _halves(self, rng: Generator, fall: float = 0.0) -> Halves:
        """Return pairs of halves; in the second each correct sample is lost with equal chance."""
        before, after = self._divided(rng)
        if fall:
            after = rng.binomial(after, 1 - fall / self.score)
        return Halves(before=before, after=after, half=self.half)

    def _lost(self, rng: Generator, fall: float) -> Halves:
        """Return the same where problems are lost as a whole, and of one a part."""
        import numpy as np

        before, after = self._divided(rng)
        shares = np.broadcast_to(self.correct / self.number, after.shape)
        order = rng.random(after.shape).argsort(axis=1)
        own = np.take_along_axis(shares, order, 1)
        gone = np.clip(fall * after.shape[1] - (np.cumsum(own, 1) - own), 0, own)
        part = np.divide(gone, own, out=np.zeros_like(own), where=own > 0)
        kept = np.empty_like(part)
        np.put_along_axis(kept, order, np.clip(1 - part, 0, 1), 1)
        return Halves(before=before, after=rng.binomial(after, kept), half=self.half)

    def _divided(self, rng: Generator) -> tuple[Counts, Counts]:
        import numpy as np

        size = (self.request.pairs, len(self.correct))
        wrong = np.broadcast_to(self.number - self.correct, size)
        correct = np.broadcast_to(self.correct, size)
        before = rng.hypergeometric(correct, wrong, self.half)
        after = rng.hypergeometric(correct - before, wrong - (self.half - before), self.half)
        return before, after

    def _said(self, halves: Halves) -> dict[str, Called]:
        """Return what every rule says of the pairs, by its name."""
        said = dict(self._ours(halves))
        for name, rule in OTHERS.items():
            said[name] = rule(halves, self.request)
        return said

    def _ours(self, halves: Halves) -> Iterator[tuple[str, Called]]:
        import numpy as np

        questions = [Estimand.NEW] if self.half == 1 else [Estimand.THESE, Estimand.NEW]
        calls: dict[Estimand, list[Call]] = {one: [] for one in questions}
        for row in range(len(halves.before)):
            task = PairedTask(pairs=halves.pairs(row), margin=self.request.margin)
            (found,) = decide([task], alpha=self.request.alpha)
            for answer in found.answers:
                calls[answer.estimand].append(answer.call)
        for question, called in calls.items():
            yield (
                f"this gate, {question}",
                (
                    np.array([one is Call.PASS for one in called]),
                    np.array([one is Call.REGRESSION for one in called]),
                ),
            )


# --- other rules -----------------------------------------------------------------------------


def _fixed_limit(halves: Halves, request: CalibrationRequest) -> Called:
    """A drop of more than the margin fails, everything else passes."""
    fell = halves.changes.mean(axis=1) < -request.margin - _ROUNDING
    return ~fell, fell


def _unpaired(halves: Halves, request: CalibrationRequest) -> Called:
    """The unpaired z-test of two means over problems; what is not significant passes."""
    import numpy as np

    n = halves.before.shape[1]
    variance = sum(
        (side / halves.half).var(axis=1, ddof=1) / n for side in (halves.before, halves.after)
    )
    z = halves.changes.mean(axis=1) / np.sqrt(np.maximum(variance, _ROUNDING))
    fell = z <= -t_quantile(1 - request.alpha, _NORMAL)
    return ~fell, fell


def _mcnemar_of_samples(halves: Halves, request: CalibrationRequest) -> Called:
    """McNemar's exact test, one-sided, over pairs of samples as if these were problems."""
    import numpy as np
    from scipy.special import bdtrc

    rng, half = np.random.default_rng(5), halves.half
    both = rng.hypergeometric(halves.before, half - halves.before, halves.after)
    lost = (halves.before - both).sum(axis=1)
    gained = (halves.after - both).sum(axis=1)
    p = np.where(lost > 0, bdtrc(np.maximum(lost - 1, 0), lost + gained, 0.5), 1.0)
    fell = p <= request.alpha
    return ~fell, fell


_FEWEST, _GUARD_BELOW, _RELATIVE = 10, 0.2, 0.02
"""Of NeMo Evaluator: fewest problems, the score below which a relative drop counts, and which."""


def _nemo_evaluator(halves: Halves, request: CalibrationRequest) -> Called:
    """The rules of NeMo Evaluator 0.3, with the relative guard that its documentation has.

    A breach if the score is below 20 % and its relative drop above 2 %, else if the 95 % interval
    of the paired drop is above the margin; a pass if it is below; else insufficient evidence.
    """
    import numpy as np

    changes, n = halves.changes, halves.before.shape[1]
    damage = -changes.mean(axis=1)
    score = halves.before.mean(axis=1) / halves.half
    error = changes.std(axis=1, ddof=1) / math.sqrt(n)
    reach = t_quantile(0.975, n - 1) * error
    relative = np.divide(damage, score, out=np.zeros_like(damage), where=score > 0)
    guarded = (score > 0) & (score < _GUARD_BELOW) & (damage > 0) & (relative > _RELATIVE)
    fell = guarded | (damage - reach > request.margin)
    passes = ~fell & (damage + reach <= request.margin)
    if n < _FEWEST:
        return np.zeros_like(passes), np.zeros_like(fell)
    return passes, fell


_ROUNDING = 1e-12
_NORMAL = 1_000_000
"""Degrees of freedom of a normal quantile."""
OTHERS: Mapping[str, Callable[[Halves, CalibrationRequest], Called]] = {
    "fixed limit": _fixed_limit,
    "unpaired z-test": _unpaired,
    "McNemar over samples": _mcnemar_of_samples,
    "NeMo Evaluator 0.3": _nemo_evaluator,
}
"""The rules that are compared with this gate's, by name."""
