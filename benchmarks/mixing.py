"""Ask for many verdicts at once, in every way there is: each must be that of its own row.

    python benchmarks/mixing.py [--count 1000000] [--slow 0.002] [--only NAME]

Rows are numbers: gold k, and k or k + 1 as the answer, written so that the answer tells its row. A
share of them, --slow, is a sum that only computer algebra decides, in a worker of its own. Before
each way a slow answer is judged in this process, which starts its worker: what is forked then must
not ask that one. A verdict is mixed if it is another row's: equal where it differs, or with another
row's answer. Ray is tried where it is installed. Exits 1 if a verdict is mixed or missing.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import itertools
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

from mathreason_eval import averify, verify, verify_many

DEADLINE = 60.0
CHUNK = 2_000
"""Rows that are asked for together."""

Row = tuple[str, str, bool]
"""A gold, an answer, and whether they are equal."""


def row(number: int, slow: float) -> Row:
    """Return the row of a number; its answer is no other row's."""
    rng = Random(number)
    other = number + (1 if rng.random() < 0.5 else 0)
    if rng.random() < slow:
        gold = rf"\sum_{{n=1}}^\infty \frac{{{number}}}{{n^2}}"
        return gold, rf"\frac{{{other} \pi^2}}{{6}}", other == number
    spelled = rng.choice(("{}", "{}.0", r"\frac{{{}}}{{1}}", r"\boxed{{{}}}"))
    return str(number), spelled.format(other), other == number


def mixed(numbers: Sequence[int], slow: float, found: Sequence[Any]) -> int:
    """Return how many verdicts are another row's, or missing."""
    rows = [row(number, slow) for number in numbers]
    wrong = abs(len(rows) - len(found))
    for (_, answer, equal), match in zip(rows, found, strict=False):
        wrong += (match.equal, match.answer) != (equal, answer)
    return wrong


# --- the ways --------------------------------------------------------------------------------


def one_by_one(numbers: Sequence[int], slow: float) -> int:
    """Judge rows one after another."""
    rows = [row(number, slow) for number in numbers]
    return mixed(numbers, slow, [verify(g, a, deadline=DEADLINE) for g, a, _ in rows])


def as_a_batch(numbers: Sequence[int], slow: float) -> int:
    """Judge rows by one call."""
    golds, answers, _ = zip(*(row(number, slow) for number in numbers), strict=True)
    return mixed(numbers, slow, verify_many(golds, answers, deadline=DEADLINE))


def awaited(numbers: Sequence[int], slow: float) -> int:
    """Judge rows at once under asyncio."""

    async def ask() -> list[Any]:
        rows = (row(number, slow) for number in numbers)
        return await asyncio.gather(*(averify(g, a, deadline=DEADLINE) for g, a, _ in rows))

    return mixed(numbers, slow, asyncio.run(ask()))


def in_threads(chunks: Iterator[list[int]], slow: float) -> int:
    """Judge in four threads."""
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(partial(one_by_one, slow=slow), chunks))


def in_processes(method: str, chunks: Iterator[list[int]], slow: float) -> int:
    """Judge in a pool of two processes, by turns in each way."""
    ways = itertools.cycle((one_by_one, as_a_batch, awaited))
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        asked = [pool.submit(way, chunk, slow) for way, chunk in zip(ways, chunks, strict=False)]
        return sum(one.result() for one in asked)


def in_ray(chunks: Iterator[list[int]], slow: float) -> int:
    """Judge in Ray's workers."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        remote = ray.remote(as_a_batch)
        return sum(ray.get([remote.remote(chunk, slow) for chunk in chunks]))
    finally:
        ray.shutdown()


def ways() -> dict[str, Callable[[Iterator[list[int]], float], int]]:
    """Return the ways by name."""
    found: dict[str, Callable[[Iterator[list[int]], float], int]] = {
        "batches": lambda chunks, slow: sum(as_a_batch(chunk, slow) for chunk in chunks),
        "asyncio": lambda chunks, slow: sum(awaited(chunk, slow) for chunk in chunks),
        "threads": in_threads,
    }
    for method in multiprocessing.get_all_start_methods():
        found[method] = partial(in_processes, method)
    if importlib.util.find_spec("ray"):
        found["ray"] = in_ray
    return found


def main() -> int:
    """Print how many verdicts of each way were mixed; return 1 if one was."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000, help="verdicts in all")
    parser.add_argument("--slow", type=float, default=0.002, help="share of slow rows")
    parser.add_argument("--only", default="", help="ways with this in their names")
    asked = parser.parse_args()
    chosen = {name: way for name, way in ways().items() if asked.only in name}
    each = asked.count // len(chosen)
    total = 0
    for place, (name, way) in enumerate(chosen.items()):
        first = place * each
        # A slow answer first: what is forked after it finds a worker that is another process's.
        gold, answer, equal = row(first + each, 1.0)
        assert verify(gold, answer, deadline=DEADLINE).equal is equal
        chunks = (
            list(range(start, min(start + CHUNK, first + each)))
            for start in range(first, first + each, CHUNK)
        )
        began = time.perf_counter()
        wrong = way(chunks, asked.slow)
        total += wrong
        seconds = time.perf_counter() - began
        print(f"{name:12} {each:>9,} verdicts in {seconds:6,.0f} s: {wrong} mixed", flush=True)
    return bool(total)


if __name__ == "__main__":
    sys.exit(main())
