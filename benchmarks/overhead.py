"""What a run costs besides the model: speed, processor time and memory with a scripted engine.

    python benchmarks/overhead.py [--samples 10000 100000] [--length 0 20000] [--per-problem 10]

Each row is one `mathreason run fake:…` in a process of its own, grading included. Seconds and
processor seconds are net of those of a run of one sample, which loads the same libraries. The
driver's processor seconds (user and system) do not depend on what else the machine does; its
samples a second do. `again` is the same command on the finished folder, gross: nothing is to do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

DRIVER = """
import json, resource, sys, time
report = sys.argv.pop(1)
began = time.monotonic()
from mathreason_eval.cli import main
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Not ru_maxrss, which a process inherits from the one that started it.
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    with open(report, "w") as file:
        row = {"seconds": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime}
        json.dump({**row, "peak_mb": peak / 1024}, file)
"""
ANSWERS = ("7", "12", "1/2", "none")


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one command used."""

    seconds: float
    cpu: float
    """User and system seconds of the driver, without those of grading processes."""
    peak_mb: float
    """The most memory that the driver held."""


def script(length: int) -> str:
    """Return the rules of an engine whose texts have about a number of characters."""
    line = "So we add the two numbers and carry the one. "
    thought = line * max(0, (length - 100) // len(line))
    thinking = f"<think>{thought}</think>" if thought else ""
    texts = [f"{thinking}The answer is \\boxed{{{answer}}}." for answer in ANSWERS]
    return json.dumps([{"text": texts}])


def problems(number: int) -> str:
    """Return the rows of a data file."""
    rows = ({"id": f"p{i}", "question": f"What is {i} + 7?", "gold": "7"} for i in range(number))
    return "".join(json.dumps(row) + "\n" for row in rows)


def used(work: Path, out: Path, options: list[str]) -> Usage:
    """Run a command and return what its driver used."""
    report = work / "report.json"
    words = [sys.executable, "-c", DRIVER, str(report), "run", f"fake:{work / 'script.json'}"]
    words += ["-t", "gsm8k", "--data", f"gsm8k={work / 'data.jsonl'}", "-o", str(out)]
    done = subprocess.run([*words, *options], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return Usage(**json.loads(report.read_text()))


def measure(work: Path, samples: int, length: int, per_problem: int) -> None:
    """Print the rows of one number and length of samples."""
    (work / "script.json").write_text(script(length))
    (work / "data.jsonl").write_text(problems(max(2, samples // per_problem)))
    each = ["-n", str(per_problem), "--temperature", "0.6"]
    one = used(work, work / f"one-{samples}-{length}", ["-n", "1", "--limit", "1"])
    out = work / f"run-{samples}-{length}"
    whole, again = used(work, out, each), used(work, out, each)
    net, cpu = whole.seconds - one.seconds, whole.cpu - one.cpu
    print(
        f"{samples:9,} {length:7,}  {samples / net:9,.0f}/s {1e3 * cpu / samples:8.3f} ms"
        f" {whole.peak_mb:7.0f} MB   again {again.cpu:6.2f} s {again.peak_mb:6.0f} MB"
        f"   one {one.seconds:5.2f} s, {one.cpu:5.2f} s cpu, {one.peak_mb:4.0f} MB",
        flush=True,
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--length", type=int, nargs="+", default=[0, 20_000], help="characters")
    parser.add_argument("--per-problem", type=int, default=10)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("  samples  length  end to end    cpu/sample    peak   the same command again")
    with tempfile.TemporaryDirectory() as folder:
        for length in options.length:
            for samples in options.samples:
                measure(Path(folder), samples, length, options.per_problem)


if __name__ == "__main__":
    main()
