"""What it costs to aggregate, compare and gate stored runs: processor seconds and peak memory.

    python benchmarks/aggregate.py                  # the three figures, in three minutes
    python benchmarks/aggregate.py 1000x1000        # another shape of the million

1. A million verdicts, of 15,625 problems with 64 samples, made into metrics with all intervals, as
   `mathreason regrade` does once everything is judged: the folder is read and the metrics computed.
2. `mathreason compare` and `mathreason gate` of two runs of 100,000: 12,500 problems, 8 samples.
3. `mathreason gate` of two runs of 200 problems with 2 samples.

The folders are what this version writes: keys, prompts, verdicts that say which sample they are on.
Beside it stands what `json.loads` alone takes for the lines of `verdicts.jsonl`, as machines differ
and the ratio less. Seconds are those of the processor, with what is started.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mathreason_eval.grade.judge import GRADER_VERSION
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.pipeline.grading import summary_of
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.runs.keys import SampleKeys, prompt_digests
from mathreason_eval.runs.manifest import describe_model, new_manifest
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.types import (
    DataEntry,
    Generation,
    GenerationInfo,
    GradingRules,
    Message,
    Outcome,
    Problem,
    Prompt,
    PromptEntry,
    ReportRules,
    RunManifest,
    SamplingEntry,
    SentPrompt,
    TaskEntry,
    Verdict,
)

TASK = "invented"
JUDGED_BY = f"{GRADER_VERSION}-0123456789abcdef"
_TEXT = "Step by step, we add what there is and take away what is not, and so we get a number. " * 4


def make(folder: Path, problems: int, samples: int, seed: int = 5) -> None:
    """Write a run folder: difficulties of every kind, wrong answers by Zipf's law, some missing."""
    asked = [
        Problem(id=f"invented-test-{number}", question=f"How many are {number}?", gold=("0",))
        for number in range(problems)
    ]
    prompts = [
        SentPrompt(
            problem_id=one.id, prompt=Prompt(messages=(Message(role="user", content=one.question),))
        )
        for one in asked
    ]
    manifest = _manifest(problems, samples)
    keys = SampleKeys(manifest, TASK, prompt_digests(prompts))
    with RunWriter(folder) as writer:
        writer.write_manifest(manifest)
        writer.write_problems(TASK, asked)
        writer.write_prompts(TASK, prompts)
        # The same draws twice: a million records at once would not fit.
        drawn = (_samples(asked, samples, seed, keys) for _ in ("samples", "verdicts"))
        writer.write_samples(TASK, (sample for sample, _ in next(drawn)))
        writer.write_verdicts(TASK, (verdict for _, verdict in next(drawn)))


def _manifest(problems: int, samples: int) -> RunManifest:
    entry = TaskEntry(
        version=1,
        prompt=PromptEntry(id="none", sha256=None, system=None, system_fallback=None),
        max_tokens=1_024,
        data=DataEntry(source="generated", revision="", sha256="", rows=problems, published=None),
        problems=problems,
        limit=None,
        samples=samples,
        grading=GradingRules(
            judged_by=JUDGED_BY,
            extract=("boxed",),
            grade="math",
            grader_version=GRADER_VERSION,
            convention=asdict(DEFAULT),
            second=None,
            check_steps=False,
        ),
        report=ReportRules(slices=(), cluster=None, macro=None, metrics=(), primary="avg"),
    )
    model = describe_model("nobody", {"backend": "import"})
    sampling = SamplingEntry(temperature=1.0, top_p=None)
    return new_manifest(model, sampling, {TASK: entry}, unkeyed=False)


def _samples(
    problems: list[Problem], samples: int, seed: int, keys: SampleKeys
) -> Iterator[tuple[Generation, Verdict]]:
    # Both runs have problems of the same difficulty.
    chances = np.random.default_rng(1).beta(0.6, 0.6, len(problems))
    rng = np.random.default_rng(seed)
    for problem, chance in zip(problems, chances.tolist(), strict=True):
        right = rng.random(samples) < chance
        said = np.where(right, 0, rng.zipf(1.6, samples).clip(1, 999)).tolist()
        silent = (~right & (rng.random(samples) < 0.05)).tolist()
        tokens = rng.integers(50, 900, samples).tolist()
        numbers = rng.integers(1 << 40, size=samples).tolist()
        for index in range(samples):
            text = f"{_TEXT}{numbers[index]}. The answer is \\boxed{{{said[index]}}}."
            sample = Generation(
                problem_id=problem.id,
                sample=index,
                text=text,
                finish_reason="stop",
                prompt_tokens=80,
                completion_tokens=tokens[index],
                seed=numbers[index],
                seconds=tokens[index] / 97,
                key=keys.key(problem.id, index, numbers[index]),
            )
            answer = None if silent[index] else str(said[index])
            yield sample, _verdict(sample, answer, correct=bool(right[index]))


def _verdict(sample: Generation, answer: str | None, *, correct: bool) -> Verdict:
    silent = answer is None
    span = None if answer is None else (len(sample.text) - 2 - len(answer), len(sample.text) - 2)
    return Verdict(
        problem_id=sample.problem_id,
        sample=sample.sample,
        outcome=Outcome.CORRECT if correct else Outcome.NO_ANSWER if silent else Outcome.WRONG,
        answer=answer,
        span=span,
        found_by=None if silent else "boxed",
        rule="none" if silent else "number",
        note="no rule found an answer" if silent else f"{answer} against 0, as numbers",
        score=float(correct),
        judged_by=JUDGED_BY,
        judged_output=GenerationInfo.of(sample).output_digest,
    )


# --- measuring -------------------------------------------------------------------------------


def aggregate(folder: Path) -> dict[str, float]:
    """Return what reading a folder and computing its metrics took in this process."""
    begun = time.process_time()
    run = load_run(folder)
    verdicts = run.verdict_columns(TASK)
    read = time.process_time()
    entry = run.manifest.tasks[TASK]
    metrics = summary_of(run, TASK, verdicts, TaskRules.stored(entry.grading, entry.report))
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = (folder / TASK / "verdicts.jsonl").read_bytes().splitlines()
    bare = time.process_time()
    for line in lines:
        json.loads(line)
    return {
        "verdicts": len(verdicts),
        "metrics": len(metrics),
        "read, s": read - begun,
        "summarise, s": done - read,
        "together, s": done - begun,
        "peak, MB": peak / 1e3,
        "json.loads of the verdicts alone, s": time.process_time() - bare,
    }


def command(*words: object) -> dict[str, float]:
    """Return what a command of this package takes, with the start of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "mathreason_eval", *map(str, words)],
        check=False,  # the gate's answer is none of ours
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"processor, s": spent}


def main() -> None:
    """Make the folders, measure each in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("size", nargs="?", default="15625x64", help="PROBLEMSxSAMPLES, or none")
    parser.add_argument("--keep", type=Path, help="make the folders here and leave them")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder is not None:
        print(json.dumps(aggregate(arguments.folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        at = arguments.keep or Path(temporary)
        if arguments.size != "none":
            _print(f"{arguments.size} aggregated", _in_a_process(_made(at, arguments.size)))
        for size in ("200x2", "12500x8"):
            before, after = (_made(at, size, seed) for seed in (5, 6))
            _print(f"gate of two runs of {size}", command("gate", after, "--baseline", before))
            _print(f"compare two runs of {size}", command("compare", before, after))


def _made(at: Path, size: str, seed: int = 5) -> Path:
    folder = at / f"{size}-{seed}"
    if not folder.is_dir():
        problems, samples = map(int, size.split("x"))
        make(folder, problems, samples, seed)
    return folder


def _in_a_process(folder: Path) -> dict[str, float]:
    words = [sys.executable, __file__, "--folder", str(folder)]
    found: dict[str, float] = json.loads(
        subprocess.run(words, check=True, capture_output=True, text=True).stdout
    )
    return found


def _print(what: str, found: dict[str, float]) -> None:
    for name, value in found.items():
        amount = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
        print(f"{what:32} {name:36} {amount:>12}", flush=True)


if __name__ == "__main__":
    main()
