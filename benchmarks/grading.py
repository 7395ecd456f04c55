"""Compare our grader with math-verify: accuracy and speed, over the same rows, in the same run.

    python benchmarks/grading.py SHARED [--rows N]

SHARED is the folder with `data/grader_cases` and the published outputs. Every pair is new to both
sides (a cold cache), extraction is on the clock, one process each. Without math-verify (`pip
install math-verify`) only ours is measured. Our slow tier runs in its worker, whose start is on no
clock; math-verify runs here, with its own limit of five seconds an expression.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import verify_answer, verify_output
from mathreason_eval.maths.compare.convention import DEFAULT

Row = Mapping[str, Any]
"""`gold`, `pred`, `is_output`, and `expected` where the verdict is known."""
Ask = Callable[[Row], bool]

OUTPUTS = (
    "gsm8k/openai_example_model_solutions", "outputs_qwen_maj/math_cot_100x8",
    "outputs_rho/math500", "outputs_tora/gsm8k", "outputs_gsmplus_gsm8k/gsm8k",
    "outputs_reasoning_gym/math_evals/olympiadbench__Qwen2.5-3B-Instruct",
    "outputs_reasoning_gym/math_evals/gaokao2023en__Qwen2.5-3B-Instruct",
    "outputs_reasoning_gym/math_evals_n50/aime2024__llama-3b-instruct-step_400",
)  # fmt: skip


@dataclass(kw_only=True, slots=True)
class Tally:
    """What one grader did on one set."""

    right: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    seconds: list[float] = field(default_factory=list)

    def line(self, name: str, *, known: bool) -> str:
        """Return one line of the table."""
        times = sorted(self.seconds)
        accuracy = f"{100 * self.right / len(times):6.2f} %" if known else "       –"
        wrong = f"{self.false_positives:3d} {self.false_negatives:4d}" if known else "  –    –"
        return (
            f"  {name:<12} {accuracy} {wrong}  {len(times) / sum(times):9,.0f}/s"
            f"  {1e3 * times[len(times) // 2]:7.3f} {1e3 * times[int(0.99 * len(times))]:8.2f}"
            f" {1e3 * times[-1]:8.1f}"
        )


def sets(data: Path, limit: int) -> Iterator[tuple[str, list[Row]]]:
    """Yield the sets of grader cases and a fixed sample of the real outputs."""
    cases = data / "grader_cases"
    hard = [row for row in _lines(cases / "hard.jsonl") if not row["convention"]]
    yield "hard, no convention", [{**row, "is_output": row["mode"] == "output"} for row in hard]
    suites = [row for row in _lines(cases / "suites.jsonl") if not row["policy"]]
    for kinds in (("equiv", "extract"), ("parse",)):
        rows = [row for row in suites if row["kind"] in kinds]
        yield (
            f"suites, {' and '.join(kinds)}",
            [{**row, "is_output": row["kind"] == "extract"} for row in rows],
        )
    hardverify = _lines(cases / "hardverify_math.jsonl")
    yield "hardverify", [{**row, "is_output": False} for row in hardverify]
    outputs = [row for name in OUTPUTS for row in _outputs(data / f"{name}.jsonl.gz")]
    yield "real outputs", random.Random(0).sample(outputs, min(limit, len(outputs)))


def _lines(path: Path) -> Iterator[Row]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _outputs(path: Path) -> Iterator[Row]:
    for row in _lines(path):
        gold = row["gold"][0] if isinstance(row["gold"], list) else row["gold"]
        if row["output"]:
            yield {"gold": str(gold), "pred": row["output"], "is_output": True}


def measured(rows: list[Row], ask: Ask) -> Tally:
    """Return what a grader makes of rows, each asked once."""
    tally = Tally()
    for row in rows:
        began = time.perf_counter()
        equal = ask(row)
        tally.seconds.append(time.perf_counter() - began)
        if "expected" in row:
            tally.right += equal == row["expected"]
            tally.false_positives += equal and not row["expected"]
            tally.false_negatives += not equal and row["expected"]
    return tally


def ours(judge: Judge) -> Ask:
    """Return our grader."""

    def ask(row: Row) -> bool:
        judged = verify_output if row["is_output"] else verify_answer
        return judged(judge, (row["gold"],), row["pred"], "math", DEFAULT).equal is True

    return ask


def theirs() -> Ask | None:
    """Return math-verify, fed as its documentation says is best; None if it is not installed."""
    try:
        from math_verify import parse, verify
    except ImportError:
        return None

    def ask(row: Row) -> bool:
        gold = row["gold"] if "boxed" in row["gold"] else f"\\boxed{{{row['gold']}}}"
        pred = row["pred"] if row["is_output"] else f"\\boxed{{{row['pred']}}}"
        return bool(verify(parse(gold), parse(pred)))

    return ask


def main() -> None:
    """Print one table, and the ratio of the speeds."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("shared", type=Path)
    options.add_argument("--rows", type=int, default=500, help="real outputs to sample")
    asked = options.parse_args()
    other = theirs()
    if other is None:
        print("math-verify is not installed; only ours is measured.", file=sys.stderr)
    print("                 right    FP   FN        speed   p50 ms   p99 ms   max ms")
    for name, rows in sets(asked.shared / "data", asked.rows):
        known = all("expected" in row for row in rows)
        print(f"{name} ({len(rows):,} rows)")
        with Judge(workers=1) as judge:
            judge.start()
            # The worker is up before the clock is.
            judge.match(("x",), r"\int_0^x 1\,dt", "math")
            mine = measured(rows, ours(judge))
        print(mine.line("ours", known=known))
        if other is not None:
            reference = measured(rows, other)
            print(reference.line("math-verify", known=known))
            ratio = sum(reference.seconds) / sum(mine.seconds)
            print(f"  ours is {ratio:,.1f} times as fast")


if __name__ == "__main__":
    main()
