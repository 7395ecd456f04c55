"""How many real outputs a second the reward judges, and how long it holds up an event loop.

    python benchmarks/reward.py SHARED [--rows N] [--workers N]

SHARED is the folder with the published outputs. All rows differ, and the workers have judged others
before: they are warm. Two figures, as the machine may have other work: rows a second by the clock,
and rows a second that so many processors would judge, from the processors' time of this process and
its workers. The loop's delay is how late a callback comes that asks to be called every millisecond.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from mathreason_eval.reward import areward, counts, reward

OUTPUTS = (
    "outputs_rho/gsm8k", "outputs_rho/math500", "outputs_tora/gsm8k",
    "outputs_qwen_maj/math_cot_100x8", "outputs_gsmplus_gsm8k/gsm8k",
    "outputs_zeroeval/*/*", "outputs_reasoning_gym/math_evals*/*",
)  # fmt: skip

Rows = list[tuple[str, str]]
"""A gold and an output each."""


def rows(shared: Path) -> Rows:
    """Return the published outputs with golds, each once, in a fixed random order."""
    found = dict.fromkeys(_rows(shared))
    mixed = sorted(found)
    random.Random(0).shuffle(mixed)
    return mixed


def _rows(shared: Path) -> Iterator[tuple[str, str]]:
    for pattern in OUTPUTS:
        for path in sorted((shared / "data").glob(f"{pattern}.jsonl.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    if row.get("gold") not in {None, ""} and isinstance(row.get("output"), str):
                        yield str(row["gold"]), row["output"]


def processor_seconds() -> float:
    """Return the time of processors that this process and its workers have taken."""
    ticks, own = 0, os.getpid()
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # Those of ended children count as well.
        parents[int(stat.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    for process, (_, used) in parents.items():
        ancestor = process
        while ancestor in parents and ancestor != own:
            ancestor = parents[ancestor][0]
        ticks += used if ancestor == own else 0
    return ticks / os.sysconf("SC_CLK_TCK")


async def delay(work: Rows, workers: int) -> float:
    """Return the longest delay of the loop in seconds while rows are judged."""
    longest, done = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not done:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)

    watching = asyncio.create_task(watch())
    golds, outputs = zip(*work, strict=True)
    await areward(outputs, golds, workers=workers)
    done = True
    await watching
    return longest


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("shared", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    found = rows(options.shared)
    warm, timed = found[:1000], found[1000 : 1000 + options.rows]
    reward([output for _, output in warm], [gold for gold, _ in warm], workers=options.workers)
    counts(reset=True)
    golds, outputs = [gold for gold, _ in timed], [output for _, output in timed]
    began, used = time.perf_counter(), processor_seconds()
    reward(outputs, golds, workers=options.workers)
    seconds, used = time.perf_counter() - began, processor_seconds() - used
    size = sum(map(len, outputs)) / len(outputs)
    print(f"{len(timed):,} outputs of {size:,.0f} characters: {counts()}")
    print(f"{len(timed) / seconds:,.0f}/s by the clock, {options.workers} workers")
    print(f"{options.workers * len(timed) / used:,.0f}/s of {options.workers} processors' time")
    late = asyncio.run(delay(found[-5000:], options.workers))
    few = asyncio.run(delay(found[-150:], options.workers))
    print(f"loop late by {1000 * late:.0f} ms at most of 5,000 rows, {1000 * few:.0f} ms of 150")


if __name__ == "__main__":
    main()
