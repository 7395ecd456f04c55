"""Simulate the gate on real item difficulties: false alarms, wrong passes, power, coverage.

    python benchmarks/calibration.py SHARED [--pairs 4000]

    python benchmarks/calibration.py --synthetic [--pairs 4000] [--kept FILE]

The second form needs no data: it draws difficulties from Beta distributions, for the two questions
of the gate and for four other rules, and fails if a rate of errors of ours is above alpha by more
than chance (99.9 %) explains. With --kept it goes on where it was stopped.

SHARED is the folder with `data` and its published outputs. A set of difficulties is a pool of real
problems of which so many of so many published samples are correct. For every pair of runs, problems
are drawn from the pool with replacement, and each gets a chance to be solved from its Jeffreys
posterior, Beta(correct + 1/2, wrong + 1/2): so no chance is exactly 0 or 1, and no two pairs have
the same problems. Then both runs are drawn. Seeds are fixed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy.special import ndtri
from simulated import (
    LOOKS,
    MARGIN,
    Array,
    Runs,
    changed,
    decisions,
    decisions_on_these,
    drawn,
    harder,
    lost,
    sequential,
)
from two_questions import Row, Tables, suites

from mathreason_eval.stats.decision import Call
from mathreason_eval.stats.difference import difference
from mathreason_eval.stats.difficulty import (
    Difficulty,
    change_distribution,
    fit_difficulty,
    spread_of,
)
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.intervals import (
    SampleMoments,
    conditional_interval,
    mean_of_scores,
    wilson,
)
from mathreason_eval.stats.power import GateSettings, power, smallest_n

FILES = {
    "AIME 2024": ("outputs_reasoning_gym/math_evals_n50/aime2024__*",),
    "AMC 2023": ("outputs_reasoning_gym/math_evals_n50/amc23__*",),
    "MATH": ("outputs_qwen_maj/math_cot_100x8*",),
    "GSM8K": ("outputs_zeroeval/gsm8k/*", "outputs_gsmplus_gsm8k/gsm8k*"),
}
"""Of GSM8K a sample is one model's greedy answer, and its problems differ by 18 models."""
SETS = (("AIME 2024", 30), ("AMC 2023", 30), ("MATH", 500), ("GSM8K", 1319))
COUNTS = (1, 8)
ALPHAS = (0.01, 0.05)
POWERS = (0.4, 0.8)
"""Falls are chosen so that about these powers are promised."""
BASELINES = {30: 600, 500: 60, 1319: 60}
"""Runs from which power is promised, by their problems: with few, promises scatter."""
OF_NEW = GateSettings(estimand=Estimand.NEW)
"""The gate's default settings, for the question about new problems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Real problems, by how many of their samples are correct."""

    name: str
    correct: Array
    number: Array

    @property
    def mean(self) -> float:
        """Return the mean chance to be solved."""
        return float(((self.correct + 0.5) / (self.number + 1)).mean())

    def chances(self, rng: Generator, pairs: int, problems: int) -> Array:
        """Return chances to be solved, a row for each pair of runs."""
        place = rng.integers(0, len(self.correct), (pairs, problems))
        return rng.beta(self.correct[place] + 0.5, (self.number - self.correct)[place] + 0.5)


def pool(shared: Path, name: str) -> Pool:
    """Return the problems of a set with their published labels."""
    counts: dict[str, list[int]] = {}
    for pattern in FILES[name]:
        for path in sorted((shared / "data").glob(pattern)):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for row in map(json.loads, lines):
                    label = row.get("correct", row.get("score"))
                    entry = counts.setdefault(str(row["id"]), [0, 0])
                    entry[0] += bool(label)
                    entry[1] += 1
    correct, number = np.array(list(counts.values())).T
    return Pool(name=name, correct=correct, number=number)


def unpaired_alarms(runs: Runs, alpha: float) -> Array:
    """Return where the unpaired z-test, one-sided, sees a fall."""
    scores = runs.before / runs.samples[0], runs.after / runs.samples[1]
    n = scores[0].shape[1]
    variance = sum(score.var(axis=1, ddof=1) / n for score in scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = runs.changes.mean(axis=1) / np.sqrt(variance)
    return np.asarray(z <= ndtri(alpha))


# --- tables ----------------------------------------------------------------------------------


def share(hits: Array) -> str:
    """Return a share in per cent with Wilson's interval."""
    low, high = wilson(float(hits.mean()), len(hits))
    return f"{100 * hits.mean():.2f} [{100 * low:.2f}, {100 * high:.2f}]"


def percent(hits: Array) -> str:
    """Return a share in per cent."""
    return f"{100 * hits.mean():.1f}"


def false_alarms(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs of runs without a difference."""
    yield (
        *("set", "N", "n", "gate, α = 1 %", "gate, α = 5 %", "z, 1 %", "z, 5 %"),
        *("drops > 1 pp", "drops > 2 pp", "passes, 1 %: new / these"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([1, problems, n])
            chances = one.chances(rng, pairs, problems)
            runs = drawn(rng, (chances, chances), (n, n))
            found = [decisions(runs, alpha) for alpha in ALPHAS]
            fell = runs.changes.mean(axis=1)
            these = "–"
            if n > 1:
                these = percent(decisions_on_these(runs, 0.01, passes_only=True) == Call.PASS)
            yield (
                *(one.name, f"{problems:,}", str(n)),
                *(share(each == Call.REGRESSION) for each in found),
                *(percent(unpaired_alarms(runs, alpha)) for alpha in ALPHAS),
                *(percent(fell < -limit) for limit in (0.01, 0.02)),
                f"{percent(found[0] == Call.PASS)} / {these}",
            )
        rng = np.random.default_rng([2, problems])
        chances = one.chances(rng, pairs, problems)
        found = [sequential(rng, (chances, chances), 8, (alpha, MARGIN)) for alpha in ALPHAS]
        yield (
            *(one.name, f"{problems:,}", "8, 16, 32"),
            *(share(each == Call.REGRESSION) for each in found),
            *("", "", "", ""),
            f"{percent(found[0] == Call.PASS)} / –",
        )


def wrong_passes(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs whose true fall is the margin."""
    yield (
        *("set", "N", "n", "passes, α = 1 %", "passes, α = 5 %"),
        *("at looks 8, 16, 32, α = 5 %", "problems lost entirely, α = 1 %"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([3, problems, n])
            chances = one.chances(rng, pairs, problems)
            both = chances, harder(chances, MARGIN)
            runs = drawn(rng, both, (n, n))
            looks = n == LOOKS.samples[0]
            whole = drawn(rng, (chances, lost(rng, chances, MARGIN)), (n, n))
            yield (
                *(one.name, f"{problems:,}", str(n)),
                *(share(decisions(runs, alpha) == Call.PASS) for alpha in ALPHAS),
                share(sequential(rng, both, n, (0.05, MARGIN)) == Call.PASS) if looks else "",
                share(decisions(whole, 0.01) == Call.PASS),
            )


def powers(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs with a fall that would be seen."""
    yield (
        *("set", "N", "n", "drop, pp", "predicted (sd)", "observed", "observed − predicted"),
        *("predicted from n = 1", "z", "observed, problems lost entirely"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([4, problems, n])
            base = rng.binomial(8, one.chances(rng, BASELINES[problems], problems))
            known = [fit_difficulty([(int(c), 8) for c in row]) for row in base]
            bound = [
                fit_difficulty([(int(c > rng.integers(0, 8)), 1) for c in row]) for row in base
            ]
            whole = fit_difficulty([(int(c), 8) for c in base.ravel()])
            for wanted in POWERS:
                fall = fall_seen(whole, problems, n, wanted)
                if fall is None:
                    continue
                yield power_row(rng, (one, problems, n), (known, bound), (round(fall, 3), pairs))


def fall_seen(known: Difficulty, problems: int, n: int, wanted: float) -> float | None:
    """Return about the fall that is seen with such a power; None if there is none."""

    def seen(fall: float) -> float:
        return power(
            change_distribution(known, fall, (n, n)), problems, GateSettings(estimand=Estimand.NEW)
        ).regression

    return smallest_n(seen, wanted, 0.001, 0.95 * known.mean, step=1e-4)


def power_row(
    rng: Generator,
    place: tuple[Pool, int, int],
    known: tuple[Sequence[Difficulty], Sequence[Difficulty]],
    asked: tuple[float, int],
) -> Row:
    """Return one row: power as it was promised from some baselines, and as it is."""
    (one, problems, n), (fall, pairs) = place, asked
    promised, least_promised = (
        np.array([
            power(change_distribution(each, fall, (n, n)), problems, OF_NEW).regression
            for each in some
            if fall < 0.98 * each.mean
        ])
        for some in known
    )  # fmt: skip
    chances = one.chances(rng, pairs, problems)
    runs = drawn(rng, (chances, harder(chances, fall)), (n, n))
    seen = decisions(runs, 0.01) == Call.REGRESSION
    whole = drawn(rng, (chances, lost(rng, chances, fall)), (n, n))
    return (
        *(one.name, f"{problems:,}", str(n), f"{100 * fall:.1f}"),
        f"{100 * promised.mean():.1f} ({100 * promised.std():.1f})",
        share(seen),
        f"{100 * (seen.mean() - promised.mean()):+.1f}",
        f"{100 * least_promised.mean():.1f}",
        percent(unpaired_alarms(runs, 0.01)),
        percent(decisions(whole, 0.01) == Call.REGRESSION),
    )


UNCHANGED = {"none": 0.0, "AIME": 0.0021, "AMC": 0.0061}
"""Variance of the changes of problems between two published checkpoints, beside sampling."""
LARGE = (5_000, 64)
"""Problems and samples of a baseline from which power is promised without an error of its own."""
WITHIN = 0.03
"""The largest difference between a power that was promised and the one that is."""


def powers_by_change(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield the rows of pairs with a fall of problems that change by themselves or not."""
    yield (
        *("set", "N", "n", "question", "problems change by themselves, pp", "drop, pp"),
        *("predicted", "observed", "observed − predicted"),
    )
    for one, problems in pools:
        for between in UNCHANGED.values():
            for n in (1, 8, 64):
                for question in Estimand:
                    if n > 1 or question is Estimand.NEW:
                        yield from _by_change(one, (problems, n), between, (question, pairs))


def _by_change(
    one: Pool, size: tuple[int, int], between: float, asked: tuple[Estimand, int]
) -> Iterator[Row]:
    """Yield the row with a fall of which a power of 80 % is promised, or of 40 % if none has it."""
    (problems, n), (question, pairs) = size, asked
    rng = np.random.default_rng([8, problems, n, *question.value.encode(), int(1e4 * between)])
    known = _known(one)
    spread = spread_of(known, between)
    promised = partial(_promised, (known, spread), (n, problems), question)
    most = 0.95 * known.mean
    falls = (smallest_n(promised, wanted, 0.001, most, step=1e-4) for wanted in (0.8, 0.4))
    fall = next((fall for fall in falls if fall is not None), None)
    if fall is None:
        return
    chances = one.chances(rng, pairs, problems)
    moved = changed(rng, chances, between)
    lower = harder(moved, fall + float(moved.mean() - chances.mean()))
    of = decisions_on_these if question is Estimand.THESE else decisions
    seen = of(drawn(rng, (chances, lower), (n, n)), 0.01) == Call.REGRESSION
    wanted, apart = promised(fall), float(seen.mean()) - promised(fall)
    yield (
        *(one.name, f"{problems:,}", str(n), question.value, f"{100 * between**0.5:.1f}"),
        *(f"{100 * fall:.1f}", f"{100 * wanted:.1f}", share(seen)),
        f"{100 * apart:+.1f}{' !' if abs(apart) > WITHIN else ''}",
    )


def _known(one: Pool) -> Difficulty:
    """Return the difficulty as a large baseline of such problems shows it."""
    rng = np.random.default_rng(9)
    correct = rng.binomial(LARGE[1], one.chances(rng, 1, LARGE[0])[0])
    return fit_difficulty([(int(count), LARGE[1]) for count in correct])


def _promised(
    model: tuple[Difficulty, float], size: tuple[int, int], question: Estimand, fall: float
) -> float:
    """Return the power; of a (difficulty, spread) and (samples, problems)."""
    (known, spread), (n, problems) = model, size
    change = change_distribution(known, fall, (n, n), spread=spread)
    return power(change, problems, GateSettings(estimand=question)).regression


def coverage(pools: Sequence[tuple[Pool, int]], pairs: int) -> Iterator[Row]:
    """Yield how often intervals of 95 % hold the truth."""
    yield (
        *("set", "N", "n", "avg, new problems", "avg, these problems"),
        *("difference 0", "difference −3 pp"),
    )
    for one, problems in pools:
        for n in COUNTS:
            rng = np.random.default_rng([5, problems, n])
            chances = one.chances(rng, pairs, problems)
            same = drawn(rng, (chances, chances), (n, n))
            fall = min(0.03, one.mean / 2)
            fell = drawn(rng, (chances, harder(chances, fall)), (n, n))
            yield (
                *(one.name, f"{problems:,}", str(n)),
                *covered_means(one, same, chances),
                covered(same, 0.0),
                covered(fell, -fall),
            )


def covered_means(one: Pool, runs: Runs, chances: Array) -> tuple[str, str]:
    """Return the coverage of both intervals of avg."""
    n = runs.samples[0]
    number = np.full(runs.before.shape[1], n)
    new, conditional = [], []
    for row, truth in zip(runs.before, chances.mean(axis=1), strict=True):
        mean = mean_of_scores(row / n)
        new.append(mean.low <= one.mean <= mean.high)
        if n > 1:
            low, high, _ = conditional_interval(
                mean, SampleMoments.from_counts(row, number)
            ).conditional or (0, 0, 0)
            conditional.append(low <= truth <= high)
    return share(np.array(new)), share(np.array(conditional)) if conditional else ""


def covered(runs: Runs, truth: float) -> str:
    """Return the coverage of the interval of the difference."""
    held = []
    for row in range(len(runs.before)):
        low, high = difference(runs.pairs(row)).interval()
        held.append(low <= truth <= high)
    return share(np.array(held))


TABLES = {
    "False alarms: pairs without a difference (%)": false_alarms,
    f"Wrong passes: the true fall is the margin, {100 * MARGIN:g} pp (%)": wrong_passes,
    "Power of the gate, alpha 1 %, and what was promised (%)": powers,
    "Power by how problems change, alpha 1 %, and what was promised (%)": powers_by_change,
    "Coverage of 95 % intervals (%)": coverage,
}


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", type=Path, nargs="?")
    parser.add_argument("--synthetic", action="store_true")
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--kept", type=Path, help="Of --synthetic: a file that keeps each row.")
    parser.add_argument("--table", default="", help="Print tables with this word only.")
    options = parser.parse_args()
    if options.synthetic:
        raise SystemExit(_synthetic(options.pairs, options.kept))
    if options.shared is None:
        parser.error("name the folder SHARED, or --synthetic")
    pools = [(pool(options.shared, name), problems) for name, problems in SETS]
    for one, _ in pools:
        spread = math.sqrt(float(np.var(one.correct / one.number)))
        print(f"{one.name}: {len(one.correct):,} problems, {one.number.mean():.0f} samples each, "
              f"mean {100 * one.mean:.1f} %, sd {100 * spread:.0f}")  # fmt: skip
    for title, table in TABLES.items():
        if options.table in title:
            _print(title, table(pools, options.pairs), options.pairs)


def _synthetic(pairs: int, kept: Path | None) -> int:
    """Print the tables on drawn difficulties; return 1 if any rate is too high."""
    tables = Tables(pairs, kept)
    for title, rows in {
        "Two questions, alpha 1 % (%)": tables.every(),
        "Two questions: the largest rates (%)": tables.largest(),
        "Four other rules: the largest rates (%)": tables.others(),
    }.items():
        _print(title, rows, pairs)
    few = max(1, pairs // 4)
    of_suites = Tables(few)
    _print("A suite, alpha 1 % (%)", suites(few, of_suites), few)
    return 1 if tables.above or of_suites.above else 0


def _print(title: str, rows: Iterator[Row], pairs: int) -> None:
    started = time.perf_counter()
    print(f"\n{title}; {pairs:,} pairs a row\n")
    for number, row in enumerate(rows):
        print(f"| {' | '.join(row)} |", flush=True)
        if not number:
            print(f"|{'---|' * len(row)}")
    print(f"{title}: {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
