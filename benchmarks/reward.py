"""How many real outputs a second the reward judges, and how long it holds up an event loop.

    python benchmarks/reward.py SHARED [--rows N] [--workers N]

SHARED is the folder with the published outputs. All rows differ, and the workers have judged others
before: they are warm. As the machine may have other work, there are, beside rows a second by the
clock: rows a second that so many processors would judge, from the processors' time of this process
and its workers; and that time for an output as a multiple of what a bare loop over `verify` takes
for some of the same rows. The loop's delay is how late a callback comes that asks to be called
every millisecond. Beside it are the processor's time of this process until it came, which is all
that is ours of it, and the delay in a process that does nothing else meanwhile, which is the
machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

from mathreason_eval import verify
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


Delay = tuple[float, float]
"""How late a callback came in seconds, and the processor's seconds of this process meanwhile."""


async def watch(is_done: Callable[[], bool]) -> list[Delay]:
    """Return the delay of each callback, of one every millisecond until the end."""
    late = []
    while not is_done():
        before, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - before - 0.001, time.process_time() - used))
    return late


async def delays(work: Rows, workers: int) -> list[Delay]:
    """Return the delays of the loop while rows are judged."""
    golds, outputs = zip(*work, strict=True)
    judging = asyncio.create_task(areward(outputs, golds, workers=workers))
    late = await watch(judging.done)
    await judging
    return late


def idle(end: Event, found: Connection) -> None:
    """Send the delays of a loop that does nothing, in a process of its own."""
    found.send([])
    found.send(asyncio.run(watch(end.is_set)))


def compared_delays(works: Sequence[Rows], workers: int) -> str:
    """Return the delays of a loop that judges some batches, and of an idle one meanwhile."""
    context = multiprocessing.get_context("spawn")
    end, (received, sent) = context.Event(), context.Pipe(duplex=False)
    other = context.Process(target=idle, args=(end, sent))
    other.start()
    received.recv()
    late = [one for work in works for one in asyncio.run(delays(work, workers))]
    end.set()
    own = max(used for _, used in late)
    return (
        f"late by {_spread(late)}, of which {1000 * own:.0f} ms at most by this process; "
        f"an idle one meanwhile {_spread(received.recv())}"
    )


def _spread(late: list[Delay]) -> str:
    ordered = sorted(one for one, _ in late)
    usual = ordered[min(len(ordered) - 1, int(0.999 * len(ordered)))]
    return f"{1000 * usual:.0f} ms at 99.9 %, {1000 * ordered[-1]:.0f} ms at most"


def bare_seconds(warm: Rows, work: Rows) -> float:
    """Return the processors' seconds for a row of a loop over `verify`, its worker's included."""
    for gold, output in warm:
        verify(gold, output=output)
    began = processor_seconds()
    for gold, output in work:
        verify(gold, output=output)
    return (processor_seconds() - began) / len(work)


WARM = 10_000
"""Rows before those that are timed, as of a training's first steps: computer algebra imports parts
of its library at the first formulas of a kind, each worker for itself."""


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
    warm, timed = found[:WARM], found[WARM : WARM + options.rows]
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
    bare = bare_seconds(warm[:1000], timed[:1000])
    each = used / len(timed)
    print(
        f"{1e6 * each:,.0f} microseconds of processors for an output, "
        f"{each / bare:.2f} times those of a bare loop, {1e6 * bare:,.0f}"
    )
    print(f"loop of 5,000 rows {compared_delays([found[-5000:]], options.workers)}")
    small = [found[-6500:-5000][first : first + 150] for first in range(0, 1500, 150)]
    print(f"loop of 150 rows, ten times, {compared_delays(small, options.workers)}")


if __name__ == "__main__":
    main()
