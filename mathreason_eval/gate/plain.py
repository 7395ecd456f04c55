"""A gate's answer as plain values, for JSON."""

from __future__ import annotations

from dataclasses import asdict

from mathreason_eval.gate.judging import Judgement, TaskJudgement
from mathreason_eval.gate.sample_size import RequiredSamples
from mathreason_eval.gate.wording import headline, reasons
from mathreason_eval.stats.decision import Decision
from mathreason_eval.types import ModelEntry


def as_json(judgement: Judgement) -> dict[str, object]:
    """Return everything that is said, with the figures behind it."""
    return {
        "answer": str(judgement.answer),
        "sentence": headline(judgement),
        "run": _run(judgement.after.path, judgement.after.manifest.model),
        "baseline": _run(judgement.before.path, judgement.before.manifest.model),
        "remarks": judgement.notes,
        "next_look": judgement.next_look,
        "tasks": [_task(task) for task in judgement.tasks],
    }


def _run(path: object, model: ModelEntry) -> dict[str, object]:
    return {"path": str(path), "model": asdict(model)}


def _task(task: TaskJudgement) -> dict[str, object]:
    look, decision = task.look, task.decision
    return {
        "task": task.task,
        "answer": str(task.answer),
        "metric": task.rules.metric,
        "margin": task.rules.margin,
        "alpha": task.rules.alpha,
        "beyond_margin": task.rules.beyond_margin,
        "obstacles": task.obstacles,
        "remarks": task.notes,
        "reasons": list(reasons(task)),
        "look": look and {"number": look.number, "looks": look.looks, "samples": look.samples},
        "samples": task.samples,
        "before": task.before,
        "after": task.after,
        "decision": decision and _decision(decision),
        "health": [asdict(check) for check in task.checks],
        "settling": task.required and _required(task.required),
        "flips": [{**asdict(flip), "lost": flip.lost} for flip in task.flips],
    }


def _decision(decision: Decision) -> dict[str, object]:
    plain = asdict(decision)
    return {_KEYS.get(name, name): value for name, value in plain.items()}


_KEYS = {
    "regression_p": "fall_p",
    "regression_alpha": "fall_level",
    "pass_alpha": "pass_level",
}
"""Keys that differ from the names of the fields: the JSON is a contract."""


def _required(required: RequiredSamples) -> dict[str, object]:
    return {
        "more": str(required.feasible),
        "samples": required.samples,
        "problems": required.problems,
    }
