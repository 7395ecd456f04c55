"""What is said of some runs beside each other as plain values, for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from mathreason_eval.compare.comparison import Comparison, Comparisons
from mathreason_eval.compare.contrast import Contrast
from mathreason_eval.compare.pairing import Side


def as_json(done: Comparisons) -> dict[str, object]:
    """Return everything that is said of some runs as plain values."""
    return {
        "metric": done.metric,
        "runs": [
            {"name": name, "path": str(run.path), "model": asdict(run.manifest.model)}
            for name, run in done.named.items()
        ],
        "lacking": [{"run": name, "task": task} for name, task in done.lacking],
        "comparisons": [
            {
                "task": one.task,
                "run": one.name,
                "obstacles": one.pairing.obstacles,
                "remarks": one.notes,
                "whole": _contrast(one.whole),
                "slices": [_contrast(contrast) for contrast in one.slices],
                "tokens": one.tokens and _contrast(one.tokens),
                "flips": list(_flips(one)),
            }
            for one in done.found
        ],
        "ranks": [
            {
                "task": ranks.task,
                "problems": ranks.problems,
                "places": [{"run": name, **asdict(place)} for name, place in ranks.places],
            }
            for ranks in done.ranks
        ],
    }


def _contrast(one: Contrast) -> dict[str, object]:
    low, high = one.difference.interval()
    return {
        "slice": one.slice,
        "metric": one.metric,
        "before": one.before,
        "after": one.after,
        "difference": one.difference.value,
        "low": low,
        "high": high,
        "se": one.difference.se,
        "problems": one.difference.problems,
        "clusters": one.difference.clusters,
        "method": one.difference.method,
        "bootstrap_low": one.bootstrap[0],
        "bootstrap_high": one.bootstrap[1],
        "p": one.p,
        "test": one.test,
        "p_adjusted": one.adjusted,
        "adjustment": one.adjustment,
        "detectable": one.detectable,
    }


def _flips(one: Comparison) -> Iterator[dict[str, object]]:
    before, after = one.pairing.before, one.pairing.after
    for flip in one.flips:
        problem = before.problems[flip.problem_id]
        yield {
            "problem_id": problem.id,
            "question": problem.question,
            "gold": problem.gold,
            "lost": flip.lost,
            "before": _answers(before, flip.before, problem.id),
            "after": _answers(after, flip.after, problem.id),
        }


def _answers(side: Side, score: float, problem: str) -> dict[str, object]:
    verdicts = side.items[problem].verdicts
    return {
        "score": score,
        "answers": [verdict.answer for verdict in verdicts],
        "outcomes": [str(verdict.outcome) for verdict in verdicts],
    }
