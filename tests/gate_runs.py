"""Run folders for the tests of the gate: imported outputs, and copies with something amiss."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from manifests import entry_edit

from mathreason_eval.pipeline.importers.jsonl import import_jsonl
from mathreason_eval.tasks import load_task

TASK = "gsm8k"
PROBLEMS, SAMPLES = 200, 2
# Model: chance to be right, samples per problem.
# fmt: off
MODELS = {
    "base":    (0.80, SAMPLES),
    "worse":   (0.55, SAMPLES),
    "more":    (0.80, 2 * SAMPLES),
    "right":   (1.00, SAMPLES),
    "wrong":   (0.00, SAMPLES),
}
# fmt: on


def rows(model: str, problems: int = PROBLEMS) -> list[dict[str, object]]:
    """Outputs of a model that solves every problem with the same chance."""
    chance, samples = MODELS[model]
    rng = random.Random(model)
    return [
        {
            "id": f"q{index}",
            "question": f"What is {index} + {index}?",
            "gold": str(2 * index),
            "output": f"It is \\boxed{{{2 * index + (rng.random() >= chance)}}}.",
            "completion_tokens": 100,
            "finish_reason": "stop",
            "model": model,
        }
        for index in range(problems)
        for _ in range(samples)
    ]


def imported(folder: Path, outputs: list[dict[str, object]], task: str = TASK) -> Path:
    """A folder with a run a model."""
    file = folder / "outputs.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in outputs))
    import_jsonl(file, load_task(task), folder, grading=(1, 5.0))
    return folder


def edited(run: Path, out: Path, *edits: Callable[[Path], None]) -> Path:
    """A copy of a run with something changed by hand."""
    shutil.copytree(run, out)
    for edit in edits:
        edit(out)
    return out


def entry(**values: object) -> Callable[[Path], None]:
    """Change what the manifest says of the task."""
    return entry_edit(TASK, **values)


def manifest(**values: object) -> Callable[[Path], None]:
    """Change what the manifest says of the run."""

    def edit(run: Path) -> None:
        said = json.loads((run / "manifest.json").read_text())
        (run / "manifest.json").write_text(json.dumps({**said, **values}))

    return edit


def lines(name: str, keep: Callable[[dict[str, object]], bool]) -> Callable[[Path], None]:
    """Keep some lines of a file of the task only."""

    def edit(run: Path) -> None:
        path = run / TASK / f"{name}.jsonl"
        kept = [line for line in path.read_text().splitlines() if keep(json.loads(line))]
        path.write_text("".join(f"{line}\n" for line in kept))

    return edit


def problems(keep: Callable[[str], bool]) -> Callable[[Path], None]:
    """Keep some problems only, with their samples and verdicts, as a smaller limit would."""

    def edit(run: Path) -> None:
        lines("problems", lambda row: keep(str(row["id"])))(run)
        for name in ("generations", "verdicts"):
            lines(name, lambda row: keep(str(row["problem_id"])))(run)
        entry(problems=len((run / TASK / "problems.jsonl").read_text().splitlines()))(run)

    return edit


def changed_problem(name: str, **values: object) -> Callable[[Path], None]:
    """Change a problem as it was asked."""

    def edit(run: Path) -> None:
        path = run / TASK / "problems.jsonl"
        held = [json.loads(line) for line in path.read_text().splitlines()]
        changed = [{**row, **values} if row["id"] == name else row for row in held]
        path.write_text("".join(json.dumps(row) + "\n" for row in changed))

    return edit


def in_another_order(run: Path) -> None:
    """Turn the lines of every file of the task round."""
    for path in (run / TASK).glob("*.jsonl"):
        path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[::-1]))


def twice(name: str) -> Callable[[Path], None]:
    """Append the lines of a file of the task once more, as `cat >>` does."""

    def edit(run: Path) -> None:
        path = run / TASK / f"{name}.jsonl"
        path.write_text(2 * path.read_text())

    return edit


def sampled(**values: float | None) -> Callable[[Path], None]:
    """Change how the tokens of a run were sampled."""
    return manifest(sampling={"temperature": None, "top_p": None, **values})
