"""The interval holds the truth as often as docs/statistics.md says, by simulation."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict

import numpy as np
import pytest
from project import ROOT

from mathreason_eval.stats.estimators.passk import curves
from mathreason_eval.stats.intervals import mean_of_scores

DOCUMENT = ROOT / "docs" / "statistics.md"
PROBLEMS, SAMPLES = (30, 100, 500), (1, 4, 8)


def coverage(difficulties, truth, samples, k=1):
    """Return the percentage of intervals that hold the truth: one row of chances to solve a run."""
    rng = np.random.default_rng(2011)
    solved = rng.binomial(samples, difficulties)
    credit = curves(samples).pass_any[:, k - 1]
    means = [mean_of_scores([credit[c] for c in run]) for run in solved]
    return 100 * np.mean([mean.low <= truth <= mean.high for mean in means])


def of_beta(a, b, problems, samples, runs):
    difficulties = np.random.default_rng(problems).beta(a, b, (runs, problems))
    return coverage(difficulties, a / (a + b), samples)


def documented():
    """Yield the cells of the table: Beta's two parameters, problems, samples, percentage."""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("| Beta(") and ", mean" in line:
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            a, b = (float(number) for number in name[5:].split(")")[0].split(","))
            for problems, cell in zip(PROBLEMS, cells, strict=True):
                for samples, percentage in zip(SAMPLES, cell.split(" / "), strict=True):
                    yield a, b, problems, samples, float(percentage)


def test_the_table_is_there():
    assert len(list(documented())) >= 4 * len(PROBLEMS) * len(SAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize(("a", "b", "problems", "samples", "printed"), list(documented()))
def test_coverage_is_what_the_table_says(a, b, problems, samples, printed):
    # 1,000 runs have a standard error of 0.7 points; the table's 4,000 of 0.35.
    assert of_beta(a, b, problems, samples, 1000) == pytest.approx(printed, abs=3)


def test_coverage_of_pass_at_k():
    chances = np.random.default_rng(5).beta(0.5, 1.5, (1000, 100))
    truth = 1 - np.prod([(1.5 + i) / (2 + i) for i in range(4)])  # 1 - E[(1 - p)^4]
    assert coverage(chances, truth, samples=8, k=4) == pytest.approx(95, abs=2.5)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["aime2024", "amc23"])
def test_coverage_on_real_difficulties(shared, name):
    path = (
        shared
        / "outputs_reasoning_gym/math_evals_n50"
        / f"{name}__llama-3b-instruct-step_400.jsonl.gz"
    )
    correct = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            correct[row["id"]].append(row["correct"])
    rates = np.array([np.mean(each) for each in correct.values()])
    drawn = np.random.default_rng(3).choice(rates, (1000, 100))
    # Where nearly every problem scores zero the interval is wide rather than wrong.
    assert 93 <= coverage(drawn, rates.mean(), samples=8) <= 99
