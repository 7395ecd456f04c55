"""How often ranges of ranks hold the truth where runs are equal, by simulation.

    python benchmarks/ranks.py [--draws 200]

Beside them the simpler way: ranks taken anew in every draw of the problems, and their middle 95 %.
"""

from __future__ import annotations

import argparse
from random import Random

import numpy as np
from numpy.typing import NDArray

from mathreason_eval.stats.ranking import RunScores, ranking

SETTINGS = [(2, 100, 1), (4, 30, 1), (4, 30, 8), (4, 100, 1), (8, 300, 1)]
"""Equal runs, problems, samples of a problem."""


def contenders(runs: int, problems: int, samples: int, rng: Random) -> list[RunScores]:
    """Return runs that solve a problem with the same chance; most are easy or hard."""
    chances = [rng.betavariate(1.2, 0.6) for _ in range(problems)]
    made = []
    for _ in range(runs):
        correct = (sum(rng.random() < p for _ in range(samples)) for p in chances)
        scores = {str(place): count / samples for place, count in enumerate(correct)}
        made.append(RunScores(scores=scores, samples=dict.fromkeys(scores, samples)))
    return made


def anew(held: list[RunScores], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of the simpler ranges hold all ranks."""
    scores = np.array([list(one.scores.values()) for one in held])
    n = scores.shape[1]
    weights = rng.multinomial(n, np.full(n, 1 / n), size=10_000)
    sums = (weights @ scores.T).round(9)
    best = 1 + (sums[:, None, :] > sums[:, :, None]).sum(axis=2)
    worst = (sums[:, None, :] >= sums[:, :, None]).sum(axis=2)
    low = np.quantile(best, 0.025, axis=0, method="inverted_cdf")
    high = np.quantile(worst, 0.975, axis=0, method="inverted_cdf")
    held_all: NDArray[np.bool_] = (low == 1) & (high == len(held))
    return held_all


def main() -> None:
    """Print a row a setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    draws = parser.parse_args().draws
    for runs, problems, samples in SETTINGS:
        rng, other = Random(f"{runs}/{problems}/{samples}"), np.random.default_rng(1)
        ours, simpler, leads = 0, 0, 0
        for _ in range(draws):
            held = contenders(runs, problems, samples, rng)
            places = ranking(held)
            ours += sum((one.best, one.worst) == (1, runs) for one in places)
            leads += any(one.leads for one in places)
            simpler += int(anew(held, other).sum())
        shares = [ours / draws / runs, simpler / draws / runs, leads / draws]
        figures = " | ".join(f"{100 * share:.1f}" for share in shares)
        print(f"| {runs} | {problems} | {samples} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
