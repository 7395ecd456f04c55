"""The metrics of a run as Hugging Face, lm-eval and trackers of experiments show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError, MissingExtraError
from mathreason_eval.pipeline.exporters.written import write, write_json
from mathreason_eval.runs.completeness import exclusions, gaps, task_metrics
from mathreason_eval.runs.manifest import short_name
from mathreason_eval.runs.store import Run
from mathreason_eval.text import slug
from mathreason_eval.types import Metric, RunManifest, TaskEntry

WHOLE = "all"
"""The slice of every problem of a task."""


def whole_metrics(run: Run, task: str) -> Sequence[Metric]:
    """Return the metrics of a task as a whole.

    Raises:
        DataError: if there are none that are of what is stored.
    """
    found = task_metrics(run, task)
    whole = [one for one in found.metrics if one.slice == WHOLE]
    if not whole:
        raise DataError(
            f"{run.path} has no metrics of {task}: {found.outdated or 'nothing is judged'}.",
            "`mathreason regrade` computes them.",
        )
    return whole


def primary(metrics: Sequence[Metric], entry: TaskEntry) -> Metric:
    """Return the metric that a task is ranked by, or its accuracy."""
    by_name = {one.name: one for one in metrics}
    return by_name.get(entry.report.primary or "avg", by_name.get("avg", metrics[0]))


def _budget(tokens: int | None) -> list[str]:
    return [] if tokens is None else [f"thoughts ended by force after {tokens:,} tokens"]


def notes_on(run: Run, task: str) -> str:
    """Return how a result came about, in a sentence."""
    entry, sampling = run.manifest.tasks[task], run.manifest.sampling
    said = [
        f"mathreason-eval {run.manifest.code.mathreason_eval or 'of an unknown version'}",
        f"{task} v{entry.version}",
        f"prompt {entry.prompt.id}",
        f"{entry.samples} samples a problem",
        f"temperature {'unknown' if sampling.temperature is None else sampling.temperature}",
        *_budget(sampling.think_budget),
        *gaps(run, task, "the run"),
        *exclusions(run, task, "the run"),
    ]
    return "; ".join(said)


def _day(manifest: RunManifest) -> str:
    return datetime.fromisoformat(manifest.finished or manifest.started).date().isoformat()


# --- Hugging Face ------------------------------------------------------------------------------


def export_eval_results(run: Run, out: Path) -> None:
    """Write `.eval_results/TASK.yaml` for each task with data of the hub: a model's repository.

    Raises:
        DataError: if no task has its data on the hub, or a file cannot be written.
    """
    import yaml

    written = 0
    for task, entry in run.manifest.tasks.items():
        hub = _hub(entry)
        if hub is None:
            continue
        best = primary(whole_metrics(run, task), entry)
        revision = {"revision": entry.data.revision} if entry.data.revision else {}
        row = {
            "dataset": {"id": hub, "task_id": task, **revision},
            "value": round(100 * best.value, 4) if best.unit == "share" else best.value,
            "date": _day(run.manifest),
            "notes": f"{best.name}, 95 % interval {_interval(best)}; {notes_on(run, task)}",
        }
        text = yaml.safe_dump([row], sort_keys=False, allow_unicode=True, width=1000)
        write(out / ".eval_results" / f"{slug(task, 80)}.yaml", text)
        written += 1
    if not written:
        raise DataError(
            "No task of this run has its problems from the hub; those of an import are its log's, "
            "unless all are found in --data.",
            "Other tasks cannot be shown there; model-index shows any.",
        )


def _hub(entry: TaskEntry) -> str | None:
    """Return the hub's name of a task's data, `owner/name`; None if it is not there."""
    name = entry.data.source.removeprefix("hub:")
    return name.split()[0] if name != entry.data.source else None


def _interval(metric: Metric) -> str:
    scale = 100 if metric.unit == "share" else 1
    return f"{scale * metric.low:.1f} to {scale * metric.high:.1f}"


def export_model_index(run: Run, out: Path) -> None:
    """Write `model-index` as YAML, for the head of a model card.

    Raises:
        DataError: if a task has no metrics, or the file cannot be written.
    """
    import yaml

    results = [
        {
            "task": {"type": "text-generation", "name": "Mathematical reasoning"},
            "dataset": {
                "name": task,
                "type": _hub(entry) or task,
                **({"revision": entry.data.revision} if _hub(entry) else {}),
            },
            "metrics": [
                {
                    "type": one.name,
                    "name": f"{one.name}, {_interval(one)} (95 %)",
                    "value": round(100 * one.value, 4) if one.unit == "share" else one.value,
                }
                for one in [primary(whole_metrics(run, task), entry)]
            ],
            "source": {"name": notes_on(run, task), "url": _OURS},
        }
        for task, entry in run.manifest.tasks.items()
    ]
    index = {"model-index": [{"name": short_name(run.manifest.model), "results": results}]}
    write(out, yaml.safe_dump(index, sort_keys=False, allow_unicode=True, width=1000))


_OURS = "https://github.com/mathreason/mathreason-eval"


# --- lm-eval -----------------------------------------------------------------------------------


def export_lm_eval_results(run: Run, out: Path) -> None:
    """Write the metrics as lm-eval's `results_TIME.json` has them.

    Raises:
        DataError: if a task has no metrics, or the file cannot be written.
    """
    results: dict[str, dict[str, Any]] = {}
    for task in run.tasks():
        results[task] = {"alias": task}
        for one in whole_metrics(run, task):
            results[task][f"{one.name},none"] = one.value
            results[task][f"{one.name}_stderr,none"] = one.se
    manifest = run.manifest
    entries = manifest.tasks.items()
    write_json(
        out,
        {
            "results": results,
            "versions": {task: entry.version for task, entry in entries},
            "n-shot": dict.fromkeys(manifest.tasks, 0),
            "n-samples": {
                task: {"original": entry.data.rows, "effective": entry.problems}
                for task, entry in entries
            },
            "higher_is_better": {task: {"avg": True} for task in manifest.tasks},
            "configs": {
                task: {
                    "task": task,
                    "output_type": "generate_until",
                    "repeats": entry.samples,
                    "generation_kwargs": {
                        "temperature": manifest.sampling.temperature,
                        "top_p": manifest.sampling.top_p,
                        "max_gen_toks": entry.max_tokens,
                    },
                    "metadata": {"version": entry.version, "notes": notes_on(run, task)},
                }
                for task, entry in entries
            },
            "config": {
                "model": manifest.model.backend,
                "model_args": manifest.model.name,
                "random_seed": manifest.seed,
            },
            "model_name": short_name(manifest.model),
            "date": datetime.fromisoformat(manifest.started).timestamp(),
            "mathreason_eval_version": manifest.code.mathreason_eval,
        },
    )


# --- trackers of experiments -------------------------------------------------------------------


def tracked(run: Run) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of what a tracker shows: each metric with its interval."""
    for task in run.tasks():
        for one in whole_metrics(run, task):
            name = f"{task}/{one.name.replace('@', '_at_').replace('^', '_pow_')}"
            yield name, one.value
            yield f"{name}_low", one.low
            yield f"{name}_high", one.high


def _settings(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "model": manifest.model.name,
        "seed": manifest.seed,
        "temperature": manifest.sampling.temperature,
        "top_p": manifest.sampling.top_p,
        **{f"{task}_samples": entry.samples for task, entry in manifest.tasks.items()},
        **{f"{task}_version": entry.version for task, entry in manifest.tasks.items()},
    }


def export_wandb(run: Run, out: Path) -> None:
    """Write a run for Weights & Biases into a folder; `wandb sync` sends it.

    Raises:
        MissingExtraError: if wandb is not installed.
    """
    wandb = _tracker("wandb")
    out.mkdir(parents=True, exist_ok=True)
    logged = wandb.init(
        project="mathreason-eval",
        name=run.path.resolve().name,
        config=_settings(run),
        dir=str(out),
        mode="offline",
    )
    logged.log(dict(tracked(run)))
    logged.finish()


def export_mlflow(run: Run, out: Path) -> None:
    """Write a run into a store of MLflow: `mlflow ui --backend-store-uri` shows it.

    Raises:
        MissingExtraError: if mlflow is not installed.
    """
    mlflow = _tracker("mlflow")
    out.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{out.resolve()}/mlflow.db")
    mlflow.set_experiment("mathreason-eval")
    with mlflow.start_run(run_name=run.path.resolve().name):
        mlflow.log_params(_settings(run))
        mlflow.log_metrics(dict(tracked(run)))


def _tracker(name: str) -> Any:  # noqa: ANN401  a module that need not be installed
    try:
        return import_module(name)
    except ImportError:
        error = MissingExtraError(name, name, f"The format {name}")
        error.hint = f"pip install {name}"
        raise error from None
