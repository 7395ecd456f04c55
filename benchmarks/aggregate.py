"""A million verdicts made into metrics with all intervals: seconds and peak memory.

    python benchmarks/aggregate.py                  # 15,625 problems x 64 samples
    python benchmarks/aggregate.py 1000x1000

Read are problems, samples and verdicts of a run folder made before, under a temporary folder; the
metrics are what `regrade` would write. Beside it stands what json.loads alone takes for the lines
of verdicts.jsonl, in the same process: machines differ, the ratio less.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.judge import GRADER_VERSION
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.runs.manifest import describe_model, new_manifest
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.stats.summary import summarize
from mathreason_eval.types import (
    DataEntry,
    GradingRules,
    Problem,
    PromptEntry,
    ReportRules,
    SamplingEntry,
    TaskEntry,
)

TASK = "invented"
_TEXT = "Step by step, we add what there is and take away what is not, and so we get a number. " * 4


def make(folder: Path, problems: int, samples: int) -> None:
    """Write a run folder: difficulties of every kind, wrong answers by Zipf's law, some missing."""
    rng = np.random.default_rng(5)
    entry = TaskEntry(
        version=1,
        prompt=PromptEntry(id="none", sha256=None, system=None, system_fallback=None),
        max_tokens=None,
        data=DataEntry(source="generated", revision="", sha256="", rows=problems, published=None),
        problems=problems,
        limit=None,
        samples=samples,
        grading=GradingRules(
            judged_by=None,
            extract=("boxed",),
            grade="math",
            grader_version=GRADER_VERSION,
            convention=asdict(DEFAULT),
            second=None,
            check_steps=False,
        ),
        report=ReportRules(slices=(), cluster=None, macro=None, metrics=(), primary="avg"),
    )
    manifest = new_manifest(
        describe_model("nobody", {"backend": "import"}),
        SamplingEntry(temperature=1.0, top_p=None),
        {TASK: entry},
        unkeyed=True,
    )
    asked = [
        Problem(id=f"invented-test-{number}", question="How many?", gold=("0",))
        for number in range(problems)
    ]
    with RunWriter(folder) as writer:
        writer.write_manifest(manifest)
        writer.write_problems(TASK, asked)
    with (
        (folder / TASK / "generations.jsonl").open("w", encoding="utf-8") as generations,
        (folder / TASK / "verdicts.jsonl").open("w", encoding="utf-8") as verdicts,
    ):
        for problem in asked:
            chance = rng.beta(0.6, 0.6)
            right = rng.random(samples) < chance
            said = np.where(right, 0, rng.zipf(1.6, samples).clip(1, 999)).tolist()
            silent = (~right & (rng.random(samples) < 0.05)).tolist()
            tokens = rng.integers(50, 900, samples).tolist()
            for sample in range(samples):
                place = {"problem_id": problem.id, "sample": sample}
                text = f"{_TEXT}The answer is \\boxed{{{said[sample]}}}."
                generations.write(_generation(place, text, tokens[sample]))
                answer = None if silent[sample] else str(said[sample])
                verdicts.write(_verdict(place, answer, correct=bool(right[sample])))


def _generation(place: dict[str, object], text: str, tokens: int) -> str:
    row = {
        **place,
        "text": text,
        "reasoning": None,
        "finish_reason": "stop",
        "prompt_tokens": 80,
        "completion_tokens": tokens,
        "seed": tokens * 7919,
        "seconds": tokens / 97,
        "reward": None,
        "label": None,
    }
    return json.dumps(row, sort_keys=True) + "\n"


def _verdict(place: dict[str, object], answer: str | None, *, correct: bool) -> str:
    outcome = "correct" if correct else "no_answer" if answer is None else "wrong"
    row = {
        **place,
        "outcome": outcome,
        "answer": answer,
        "span": None if answer is None else [370, 370 + len(answer)],
        "found_by": None if answer is None else "boxed",
        "rule": "none" if answer is None else "number",
        "note": "no rule found an answer" if answer is None else f"{answer} against 0, as numbers",
        "score": float(correct),
        "measures": {},
        "second": None,
    }
    return json.dumps(row, sort_keys=True) + "\n"


def measure(folder: Path) -> dict[str, float]:
    """Return the seconds of each part, the peak memory in GB, and what json.loads alone takes."""
    begun, used = time.perf_counter(), time.process_time()
    run = load_run(folder)
    problems, verdicts = run.problems(TASK), run.verdicts(TASK)
    judged = time.perf_counter()
    generations = run.generations(TASK)
    read = time.perf_counter()
    key = grader_named("math").key
    metrics = summarize(TASK, problems, generations, verdicts, key=key)
    done, processor = time.perf_counter(), time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = (folder / TASK / "verdicts.jsonl").read_bytes().splitlines()
    bare = time.perf_counter()
    for line in lines:
        json.loads(line)
    return {
        "verdicts": len(verdicts),
        "metrics": len(metrics),
        "read verdicts": judged - begun,
        "read samples, with their texts": read - judged,
        "summarise": done - read,
        "together": done - begun,
        "processor seconds": processor,
        "peak GB": peak / 1e6,
        "json.loads of the verdicts alone": time.perf_counter() - bare,
    }


def main() -> None:
    """Make the folder, measure in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("size", nargs="?", default="15625x64", help="PROBLEMSxSAMPLES")
    parser.add_argument("--folder", type=Path, help="measure a folder made before")
    parser.add_argument("--keep", type=Path, help="make the folder here and leave it")
    arguments = parser.parse_args()
    if arguments.folder is not None:
        print(json.dumps(measure(arguments.folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary) / "run"
        if not folder.is_dir():
            make(folder, *map(int, arguments.size.split("x")))
        words = [sys.executable, __file__, "--folder", str(folder)]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    for name, value in json.loads(said).items():
        print(f"{name:34} {value:,.2f}" if isinstance(value, float) else f"{name:34} {value:,}")


if __name__ == "__main__":
    main()
