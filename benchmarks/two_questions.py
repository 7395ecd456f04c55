"""The errors of the gate's two answers on drawn difficulties, and of four other rules beside them.

Every row of the table is measured by itself and can be kept in a file as it is done, so that the
measurement can be stopped and goes on where it was. `calibration.py --synthetic` prints the tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy.stats import beta as beta_law
from simulated import (
    LOOKS,
    Array,
    Runs,
    decisions,
    decisions_on_these,
    drawn,
    lost,
    lost_exactly,
    sequential,
)

from mathreason_eval.gate.calibration import OTHERS, CalibrationRequest, Halves
from mathreason_eval.stats.decision import Call, PairedTask, decide, suite_pairs

Row = Sequence[str]
DIFFICULTIES = {"saturated": (9, 0.3), "easy": (1.7, 0.3), "mixed": (0.3, 0.3), "hard": (0.3, 3)}
"""Parameters of Beta distributions, with means of 97, 85, 50 and 9 %."""
MARGINS = {30: (0.1, 0.05), 100: (0.05, 0.02), 200: (0.02, 0.01), 500: (0.02, 0.01), 1319: (0.01,)}
"""By problems: margins that an unchanged model may pass, and stricter ones."""
COUNTS: tuple[tuple[int, ...], ...] = (
    *((1, 1), (1, 8), (2, 2), (8, 8), (8, 64), (64, 8), (64, 64)),
    (8, *LOOKS.samples),
)
"""Samples of the baseline and of the run; of the run at each look, where there are several."""
MOST_LOST = 0.8
"""Largest margin as a part of the mean score."""
ALPHA = 0.01
CONFIDENCE = 0.999


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a row of the table is about."""

    difficulty: str
    problems: int
    samples: tuple[int, ...]
    margin: float

    @property
    def name(self) -> str:
        """Return it in words."""
        return f"{self.difficulty} {self.problems} {self.count} {self.margin:g}"

    @property
    def count(self) -> str:
        """Return the samples of the baseline and of the run, in words."""
        old, *new = self.samples
        return f"{old}/{', '.join(map(str, new))}"

    @property
    def shape(self) -> tuple[float, float]:
        """Return the parameters of the Beta distribution of the problems' chances."""
        return DIFFICULTIES[self.difficulty]

    @property
    def mean(self) -> float:
        """Return the mean chance of all problems."""
        return self.shape[0] / sum(self.shape)

    @property
    def speaks_of_these(self) -> bool:
        """Return whether the sampling noise of both runs is known."""
        return min(self.samples) > 1


def places() -> list[Place]:
    """Return what is measured; the small ones first."""
    return [
        Place(difficulty=name, problems=problems, samples=samples, margin=margin)
        for problems, margins in MARGINS.items()
        for samples in COUNTS
        for name, shape in DIFFICULTIES.items()
        for margin in margins
        if margin < MOST_LOST * shape[0] / sum(shape)
    ]


Counted = Mapping[str, int]
"""How many of the pairs of runs a rule is wrong about, by its name and the error."""


def measured(pairs: int, kept: Path | None) -> Iterator[tuple[Place, Counted]]:
    """Yield each place with its errors; what a file holds already is not measured again."""
    known: dict[str, Counted] = {}
    if kept is not None and kept.is_file():
        for row in map(json.loads, kept.read_text(encoding="utf-8").splitlines()):
            if row["pairs"] == pairs:
                known[row["place"]] = row["errors"]
    for place in places():
        if place.name not in known:
            known[place.name] = errors(place, pairs)
            if kept is not None:
                row = {"place": place.name, "pairs": pairs, "errors": known[place.name]}
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
        yield place, known[place.name]


def errors(place: Place, pairs: int) -> Counted:
    """Return how many pairs of runs are judged wrongly at alpha 1 %."""
    index = [*DIFFICULTIES].index(place.difficulty)
    seed = [6, place.problems, *place.samples, int(1e6 * place.margin), index]
    rng = np.random.default_rng(seed)
    chances = rng.beta(*place.shape, (pairs, place.problems))
    found: dict[str, int] = {}
    if place.speaks_of_these:
        found |= _answered(rng, place, (chances, _fallen_here(rng, place, chances)), these=True)
    found |= _answered(rng, place, (chances, _fallen_everywhere(rng, place, chances)), these=False)
    if len(set(place.samples)) == 1:
        found |= _other_rules(rng, place, chances)
    return found


Fallen = Mapping[str, Array]
"""The chances after a fall by the margin, by how it fell."""
FALLS = ("wrong passes", "problems lost whole")


def _fallen_here(rng: Generator, place: Place, chances: Array) -> Fallen:
    """Return chances of which those of each pair of runs fell by the margin in their mean."""
    own = chances.mean(axis=1, keepdims=True)
    part = chances * np.maximum(0, 1 - place.margin / own)
    return dict(zip(FALLS, (part, lost_exactly(rng, chances, place.margin)), strict=True))


def _fallen_everywhere(rng: Generator, place: Place, chances: Array) -> Fallen:
    """Return chances that fell by the margin in the mean of all problems that there could be."""
    part = chances * (1 - place.margin / place.mean)
    whole = lost(rng, chances, place.margin * float(chances.mean()) / place.mean)
    return dict(zip(FALLS, (part, whole), strict=True))


def _answered(
    rng: Generator, place: Place, truths: tuple[Array, Fallen], *, these: bool
) -> dict[str, int]:
    """Return the errors of one of the two answers."""
    (chances, fallen), name = truths, "these" if these else "new"
    said = partial(_said, rng, place, these=these)
    same = said((chances, chances), passes_only=False)
    return {
        f"{name}: false alarms": int((same == Call.REGRESSION).sum()),
        f"{name}: unchanged passes": int((same == Call.PASS).sum()),
        **{
            f"{name}: {how}": int((said((chances, one), passes_only=True) == Call.PASS).sum())
            for how, one in fallen.items()
        },
    }


def _said(
    rng: Generator, place: Place, both: tuple[Array, Array], *, these: bool, passes_only: bool
) -> Array:
    of: Callable[..., Array] = decisions_on_these if these else decisions
    old, *new = place.samples
    if len(new) > 1:
        level = (ALPHA, place.margin)
        return sequential(rng, both, old, level, of, passes_only=passes_only)
    return of(drawn(rng, both, (old, new[0])), ALPHA, place.margin, passes_only=passes_only)


def _other_rules(rng: Generator, place: Place, chances: Array) -> dict[str, int]:
    """Return the errors of the other rules, which know one sample size only."""
    size = place.samples[:1] * 2
    request = CalibrationRequest(margin=place.margin, alpha=ALPHA)
    halves = {
        how: _halves(drawn(rng, (chances, after), (size[0], size[1])))
        for how, after in {
            "unchanged": chances, **_fallen_everywhere(rng, place, chances),
        }.items()
    }  # fmt: skip
    found: dict[str, int] = {}
    for name, rule in OTHERS.items():
        passes, fell = rule(halves["unchanged"], request)
        found[f"{name}: false alarms"] = int(fell.sum())
        found[f"{name}: unchanged passes"] = int(passes.sum())
        for how in FALLS:
            found[f"{name}: {how}"] = int(rule(halves[how], request)[0].sum())
    return found


def _halves(runs: Runs) -> Halves:
    return Halves(before=runs.before, after=runs.after, half=runs.samples[0])


# --- tables ----------------------------------------------------------------------------------


def is_above(count: int, pairs: int, alpha: float = ALPHA) -> bool:
    """Return whether a rate is above alpha by more than chance explains, in 999 of 1,000 cases."""
    least = beta_law.ppf((1 - CONFIDENCE) / 2, count, pairs - count + 1) if count else 0.0
    return bool(least > alpha)


OURS = tuple(
    f"{question}: {error}" for question in ("these", "new") for error in ("false alarms", *FALLS)
)


class Tables:
    """The tables of a measurement, and how many of its rates are too high."""

    def __init__(self, pairs: int, kept: Path | None = None) -> None:
        """Take the pairs of runs of a row, and the file that keeps what is measured."""
        self._pairs = pairs
        self._rows = measured(pairs, kept)
        self._seen: list[tuple[Place, Counted]] = []
        self.above = 0
        """Rates of ours that were above alpha by more than chance explains."""

    def every(self) -> Iterator[Row]:
        """Yield a row for each place: the errors of both answers, in per cent."""
        yield (
            *("difficulty", "N", "n", "margin, pp", *OURS),
            *("these: unchanged passes", "new: unchanged passes"),
        )
        for place, found in self._rows:
            self._seen.append((place, found))
            cells = (self.rate(found, name) for name in OURS)
            passed = (self._share(found, f"{one}: unchanged passes") for one in ("these", "new"))
            yield (
                *(place.difficulty, f"{place.problems:,}", place.count),
                *(f"{100 * place.margin:g}", *cells, *passed),
            )

    def largest(self) -> Iterator[Row]:
        """Yield the largest rates of ours by problems and samples; after `every`."""
        yield ("N", "n", "rows", *OURS)
        yield from self._largest(OURS)

    def others(self) -> Iterator[Row]:
        """Yield the largest rates of the other rules; a wrong pass is by either kind of fall."""
        names = [
            f"{rule}: {error}" for rule in OTHERS for error in ("false alarms", "wrong passes")
        ]
        yield ("N", "n", "rows", *names)
        yield from self._largest(names, either=True)

    def _largest(self, names: Sequence[str], *, either: bool = False) -> Iterator[Row]:
        groups: dict[tuple[int, str], list[Counted]] = {}
        for place, found in self._seen:
            if any(name in found for name in names):
                groups.setdefault((place.problems, place.count), []).append(found)
        for (problems, count), some in groups.items():
            cells = []
            for name in names:
                errors = [name, name.replace(*FALLS)] if either else [name]
                counts = [found[error] for found in some for error in errors if error in found]
                cells.append(f"{100 * max(counts) / self._pairs:.1f}" if counts else "–")
            yield (f"{problems:,}", count, str(len(some)), *cells)

    def rate(self, found: Counted, name: str) -> str:
        """Return a rate in per cent, with a mark, and counted, if it is too high."""
        if name not in found:
            return ""
        too_high = is_above(found[name], self._pairs)
        self.above += too_high
        return f"{100 * found[name] / self._pairs:.2f}{' !' if too_high else ''}"

    def _share(self, found: Counted, name: str) -> str:
        return f"{100 * found[name] / self._pairs:.1f}" if name in found else ""


# --- a suite -----------------------------------------------------------------------------------

SUITE = (6, 100, 4)
"""Tasks, problems of each, samples of each."""


def suites(pairs: int, tables: Tables) -> Iterator[Row]:
    """Yield what is said of a suite, each pair of runs decided by `decide` itself."""
    yield (
        *("change", "any false alarm", "suite or task a regression", "a task, by Holm alone"),
        *("the suite passes (2 pp)", "all tasks pass (2 pp)"),
    )
    for name, falls in {
        "none": [0.0] * 6,
        "3 pp in every task": [0.03] * 6,
        "2 pp in every task": [0.02] * 6,
        "12 pp in one task": [0.12, *[0.0] * 5],
    }.items():
        found = [_suite(np.random.default_rng([7, n]), falls) for n in range(pairs)]
        together, alone, suite, every = (sum(column) for column in zip(*found, strict=True))
        alarms = tables.rate({"any": together}, "any") if name == "none" else ""
        passed = f"{100 * suite / pairs:.1f}"
        if name in {"2 pp in every task", "12 pp in one task"}:
            passed = tables.rate({"suite": suite}, "suite")
        yield (
            *(name, alarms, f"{100 * together / pairs:.1f}", f"{100 * alone / pairs:.1f}"),
            passed,
            f"{100 * every / pairs:.1f}",
        )


def _suite(rng: Generator, falls: Sequence[float]) -> tuple[bool, bool, bool, bool]:
    """Return whether (any regresses, a task does without a suite, the suite passes, all pass)."""
    _, problems, n = SUITE
    tasks = []
    for fall in falls:
        chances = rng.beta(*DIFFICULTIES["easy"], (1, problems))
        runs = drawn(rng, (chances, chances * (1 - fall / chances.mean())), (n, n))
        tasks.append(PairedTask(pairs=runs.pairs(0), margin=0.02))
    row = PairedTask(
        pairs=suite_pairs([(k, task.pairs) for k, task in enumerate(tasks)]),
        margin=0.02,
        share=len(tasks),
    )
    *each, whole = decide([*tasks, row], alpha=0.01)
    holm = decide(tasks, alpha=0.01)
    return (
        any(one.call is Call.REGRESSION for one in (*each, whole)),
        any(one.call is Call.REGRESSION for one in holm),
        whole.call is Call.PASS,
        all(one.call is Call.PASS for one in each),
    )
