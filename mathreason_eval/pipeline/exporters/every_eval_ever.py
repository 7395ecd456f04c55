"""Every Eval Ever, schema 0.3: an aggregate document and a row for each sample.

Written as its repository has them: `data/BENCHMARK/DEVELOPER/MODEL/UUID.json` beside
`UUID_samples.jsonl`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from mathreason_eval.pipeline.exporters.results import notes_on, whole_metrics
from mathreason_eval.pipeline.exporters.written import write, write_json
from mathreason_eval.runs.manifest import now, short_name
from mathreason_eval.runs.store import Run, Sample
from mathreason_eval.text import slug
from mathreason_eval.types import Metric, Outcome

_VERSION = "0.3.0"
_SOURCE = "mathreason-eval"
_UNKNOWN = "unknown"
_HERE = frozenset({"vllm", "hf", "llamacpp"})
"""Backends that load weights themselves."""


def export(run: Run, out: Path) -> None:
    """Write a pair of files for each task of a run.

    Raises:
        DataError: if a task has no metrics, or a file cannot be written.
        RunError: if a sample belongs to no problem.
    """
    for task in run.tasks():
        place, told = _place(run, task), _evaluation_id(run, task)
        text = "".join(f"{json.dumps(row, sort_keys=True)}\n" for row in _rows(run, task, told))
        write(out / f"{place}_samples.jsonl", text, out)
        write_json(
            out / f"{place}.json", _aggregate(run, task, f"{place}_samples.jsonl", text), out
        )


def _model(run: Run) -> tuple[str, str]:
    """Return (developer, name) of a model."""
    own = run.manifest.model.name.removeprefix(f"{run.manifest.model.backend}:")
    parts = own.partition("@http")[0].strip("/").split("/")
    # `owner/name`; of a path of a machine only the end is a name.
    developer = parts[0] if len(parts) == 2 and parts[0] not in {".", ".."} else _UNKNOWN  # noqa: PLR2004
    return developer or _UNKNOWN, short_name(run.manifest.model)


def _model_id(run: Run) -> str:
    return "/".join(_model(run))


def _evaluation_id(run: Run, task: str) -> str:
    return f"{_SOURCE}.{task}/{_model_id(run).replace('/', '_')}/{_timestamp(run.manifest.started)}"


def _place(run: Run, task: str) -> str:
    """Return where a task's files lie, without their endings; the same for the same run."""
    developer, name = _model(run)
    spelled = f"{_evaluation_id(run, task)} {run.manifest.seed}"
    digest = hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).digest()[:16]
    made = uuid.UUID(bytes=digest, version=4)
    return f"data/{slug(f'{_SOURCE}-{task}', 80)}/{slug(developer, 80)}/{slug(name, 80)}/{made}"


def _timestamp(when: str) -> str:
    return str(int(datetime.fromisoformat(when).timestamp()))


# --- the rows ----------------------------------------------------------------------------------


def _rows(run: Run, task: str, evaluation_id: str) -> Iterator[dict[str, Any]]:
    prompts = {one.problem_id: one.prompt.asked for one in run.prompts(task)}
    for sample in run.samples(task):
        made, verdict = sample.generation, sample.verdict
        spelled = sample.problem.question + "".join(sample.problem.gold)
        yield {
            "schema_version": _VERSION,
            "evaluation_id": evaluation_id,
            "model_id": _model_id(run),
            "evaluation_name": f"{_SOURCE}.{task}",
            "evaluation_result_id": f"{_SOURCE}.{task}.avg",
            "sample_id": sample.problem.id,
            "sample_hash": hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest(),
            "interaction_type": "single_turn",
            "input": {
                "raw": sample.problem.question,
                "formatted": prompts.get(sample.problem.id),
                "reference": list(sample.problem.gold),
            },
            "output": {
                "raw": [made.text],
                "reasoning_trace": None if made.reasoning is None else [made.reasoning],
            },
            "answer_attribution": _attribution(sample),
            "evaluation": {
                "score": 0.0 if verdict is None else verdict.score,
                "is_correct": verdict is not None and verdict.outcome is Outcome.CORRECT,
            },
            "token_usage": _usage(sample),
            "performance": (None if made.seconds is None else {"latency_ms": 1000 * made.seconds}),
            # The schema has right and wrong alone; what is neither is said here.
            "error": _not_decided(sample),
            "metadata": {
                "sample_index": str(made.sample),
                "outcome": _UNKNOWN if verdict is None else str(verdict.outcome),
                "finish_reason": made.finish_reason or _UNKNOWN,
            },
        }


def _attribution(sample: Sample) -> list[dict[str, Any]]:
    verdict = sample.verdict
    if verdict is None or verdict.answer is None:
        return []
    return [
        {
            "turn_idx": 0,
            "source": "output.raw",
            "extracted_value": verdict.answer,
            "extraction_method": verdict.found_by or _UNKNOWN,
            "is_terminal": True,
        }
    ]


def _usage(sample: Sample) -> dict[str, int | None] | None:
    made = sample.generation
    if made.prompt_tokens is None or made.completion_tokens is None:
        return None
    return {
        "input_tokens": made.prompt_tokens,
        "output_tokens": made.completion_tokens,
        "total_tokens": made.prompt_tokens + made.completion_tokens,
        "reasoning_tokens": made.reasoning_tokens,
    }


def _not_decided(sample: Sample) -> str | None:
    if sample.verdict is None:
        return "not judged"
    if sample.verdict.outcome is Outcome.UNGRADABLE:
        return f"ungradable: {sample.verdict.note}"
    return None


# --- the document ------------------------------------------------------------------------------


def _aggregate(run: Run, task: str, file: str, text: str) -> dict[str, Any]:
    manifest = run.manifest
    developer, name = _model(run)
    return {
        "schema_version": _VERSION,
        "evaluation_id": _evaluation_id(run, task),
        "evaluation_timestamp": _timestamp(manifest.started),
        "retrieved_timestamp": _timestamp(now()),
        "source_metadata": {
            "source_name": _SOURCE,
            "source_type": "evaluation_run",
            "source_organization_name": _UNKNOWN,
            "evaluator_relationship": "other",
        },
        "eval_library": {
            "name": "mathreason_eval",
            "version": manifest.code.mathreason_eval or _UNKNOWN,
        },
        "model_info": {
            "name": name,
            "id": f"{developer}/{name}",
            "developer": developer,
            "inference_platform": manifest.model.backend,
            "additional_details": {
                "deployment_type": "self_deployed" if manifest.model.backend in _HERE else _UNKNOWN,
                "model_availability": _UNKNOWN,
                "revision": manifest.model.revision or _UNKNOWN,
            },
        },
        "evaluation_results": [
            _result(run, task, one) for one in whole_metrics(run, task) if one.unit == "share"
        ],
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": file,
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
            "total_rows": text.count("\n"),
        },
    }


def _result(run: Run, task: str, metric: Metric) -> dict[str, Any]:
    entry, sampling = run.manifest.tasks[task], run.manifest.sampling
    return {
        "evaluation_result_id": f"{_SOURCE}.{task}.{metric.name}",
        "evaluation_name": f"{_SOURCE}.{task}",
        "source_data": _source(run, task),
        "evaluation_timestamp": _timestamp(run.manifest.started),
        "metric_config": {
            "metric_id": metric.name,
            "metric_name": metric.name,
            "metric_unit": "proportion",
            "lower_is_better": metric.name in {"truncated", "no_answer", "ungradable"},
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": metric.value,
            "uncertainty": {
                "standard_error": {"value": metric.se, "method": metric.method},
                "confidence_interval": {
                    "lower": metric.low,
                    "upper": metric.high,
                    "confidence_level": 0.95,
                    "method": metric.method,
                },
                "num_samples": metric.samples,
            },
        },
        "generation_config": {
            "generation_args": {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                **({} if entry.max_tokens is None else {"max_tokens": entry.max_tokens}),
            },
            "additional_details": {"notes": notes_on(run, task)},
        },
    }


def _source(run: Run, task: str) -> dict[str, Any]:
    entry = run.manifest.tasks[task]
    if entry.data.source.startswith("hub:"):
        return {
            "dataset_name": task,
            "source_type": "hf_dataset",
            "hf_repo": entry.data.source.removeprefix("hub:").split()[0],
            "samples_number": entry.problems,
        }
    return {
        "dataset_name": task,
        "source_type": "other",
        "additional_details": {"source": entry.data.source, "sha256": entry.data.sha256},
    }
