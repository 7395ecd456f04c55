"""Kill a run at random moments, go on, and compare with a run that nobody disturbed.

    python benchmarks/kills.py fake --kills 100
    python benchmarks/kills.py demo --kills 20 --signal TERM
    python benchmarks/kills.py vllm:FOLDER --kills 5 --model-arg dtype=float32

One folder goes through all kills, and a new one begins when it is complete. Printed is what was
lost, stored twice, judged otherwise or left running; the exit code is 1 if anything was.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TASK = "arithmetic"
SCRIPT = {
    "latency": 0.02,
    "rules": [
        # What the quick comparisons leave undecided goes to the worker processes.
        {"contains": "1", "text": ["\\boxed{\\sqrt{8}}", "\\boxed{7}", "#### 12"]},
        {"text": ["\\boxed{3}", "I do not know."]},
    ],
}
_TERMINATED = 143


@dataclass
class Tally:
    """What went wrong, and over how many kills."""

    kills: int = 0
    whole: int = 0
    """Sessions that ended before the kill."""
    codes: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def command(options: argparse.Namespace, script: Path, out: Path) -> list[str]:
    """Return the command of a run."""
    model = f"fake:{script}" if options.model == "fake" else options.model
    words = [sys.executable, "-m", "mathreason_eval", "run", model, "-t", TASK, "-o", str(out)]
    words += ["--limit", str(options.limit), "-n", "2", "--max-tokens", str(options.max_tokens)]
    for argument in options.model_arg:
        words += ["--model-arg", argument]
    return words


def lines(path: Path) -> list[bytes]:
    """Return the whole lines of a file; a torn last one is lost by right."""
    if not path.is_file():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def key(line: bytes) -> tuple[str, int]:
    """Return the problem and the index of a line's sample."""
    row = json.loads(line)
    return row["problem_id"], row["sample"]


def verdicts(out: Path) -> dict[tuple[str, int], str]:
    """Return the outcome of each sample."""
    path = out / TASK / "verdicts.jsonl"
    return {key(line): json.loads(line)["outcome"] for line in lines(path)}


def texts(out: Path) -> dict[tuple[str, int], str]:
    """Return the text of each sample."""
    path = out / TASK / "generations.jsonl"
    return {key(line): json.loads(line)["text"] for line in lines(path)}


def family(process: int) -> set[int]:
    """Return a process and all that descend from it."""
    found = {process}
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found |= {each for child in path.read_text().split() for each in family(int(child))}
        except OSError:
            continue
    return found


def alive(process: int) -> bool:
    """Return whether a process runs."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def kill_once(words: list[str], out: Path, options: argparse.Namespace, tally: Tally) -> bool:
    """Start a session and kill it at a random moment; return whether it ended before."""
    samples = out / TASK / "generations.jsonl"
    before = lines(samples)
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # Every second kill comes while samples come, the others at any moment.
    if random.random() < 0.5:
        while running.poll() is None and len(lines(samples)) <= len(before):
            time.sleep(0.01)
    until = time.monotonic() + random.uniform(0, options.within)
    seen: set[int] = set()
    while running.poll() is None and time.monotonic() < until:
        seen |= family(running.pid)
        time.sleep(0.05)
    seen |= family(running.pid)
    ended = running.poll() is not None
    if not ended:
        os.kill(running.pid, signal.Signals[f"SIG{options.signal}"])
        tally.kills += 1
    said = running.communicate()[1]
    tally.codes[running.returncode] += 1
    # A TERM before the handlers are there ends Python as it ends any program.
    codes = {"KILL": {-signal.SIGKILL}, "TERM": {_TERMINATED, -signal.SIGTERM}}
    wanted = {0} if ended else {0, *codes[options.signal]}
    if running.returncode not in wanted:
        tally.faults.append(f"exit code {running.returncode}: {said[-300:]}")
    time.sleep(options.patience)
    if left := [one for one in seen - {running.pid} if alive(one)]:
        tally.faults.append(f"left running: {left}")
    after = lines(samples)
    if after[: len(before)] != before:
        tally.faults.append("a stored line was lost or changed")
    if twice := [one for one, n in Counter(map(key, after)).items() if n > 1]:
        tally.faults.append(f"stored twice: {twice}")
    return ended


def finish(words: list[str], out: Path, whole: Path, tally: Tally) -> None:
    """Let a folder end undisturbed, and compare it with one that always was."""
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        tally.faults.append(f"the last session ended with {done.returncode}: {done.stderr[-300:]}")
    tally.whole += 1
    judged = [key(line) for line in lines(out / TASK / "verdicts.jsonl")]
    if judged != [key(line) for line in lines(whole / TASK / "verdicts.jsonl")]:
        tally.faults.append("the file of verdicts is in another order, or holds one twice")
    for what, read in (("texts", texts), ("verdicts", verdicts)):
        ours, theirs = read(out), read(whole)
        if ours != theirs:
            differ = sum(ours.get(one) != theirs.get(one) for one in {*ours, *theirs})
            tally.faults.append(f"{differ} of {len(theirs)} {what} differ")


def main() -> int:
    """Kill, go on, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="fake, demo, or any BACKEND:NAME")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--signal", choices=("KILL", "TERM"), default="KILL")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--within", type=float, default=3.0, help="seconds")
    parser.add_argument("--patience", type=float, default=2.5, help="seconds for children to end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model-arg", action="append", default=[])
    options = parser.parse_args()
    random.seed(options.seed)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        script = work / "script.yaml"
        script.write_text(json.dumps(SCRIPT))
        whole = work / "whole"
        subprocess.run(command(options, script, whole), check=True, capture_output=True)
        number, out = 0, work / "run-0"
        while tally.kills < options.kills:
            words = command(options, script, out)
            if kill_once(words, out, options, tally):
                finish(words, out, whole, tally)
                number += 1
                out = work / f"run-{number}"
        finish(command(options, script, out), out, whole, tally)
    print(
        f"{options.model}: {tally.kills} kills with {options.signal}, {tally.whole} runs compared"
    )
    print(f"exit codes {dict(tally.codes)}")
    print("\n".join(tally.faults) or "nothing lost, nothing twice, nothing left, verdicts equal")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
