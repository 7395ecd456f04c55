"""Throw mutated answers at the grader: it must answer every one, in its time, and run none.

    python benchmarks/fuzz.py [SHARED] [--count 1000000] [--seed 0] [--workers 2] [--algebra 0.1]

Answers and outputs of this project's own cases, and the published outputs under SHARED if it is
given, are cut, doubled, spliced and filled with brackets, towers of powers, null bytes, other
scripts and code that would leave a file behind if anybody ran it. Row N of a seed is the same on
every machine. What the quick tiers leave undecided goes to computer algebra in a share of the rows,
--algebra, because that takes nine tenths of the time. At the end a thousand rows are judged again
in this thread, in threads, under asyncio and in processes: the verdicts must be the same. Ctrl-C
goes on to the end with what there is. Exits 1 if anything is wanting.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import gzip
import itertools
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import judge_row, verify_rows

Row = dict[str, Any]
CASES = Path(__file__).parents[1] / "tests" / "grader_cases.jsonl"
PUBLISHED = (
    "gsm8k/openai_example_model_solutions.jsonl.gz", "outputs_qwen_maj/math_cot_100x8.jsonl.gz",
    "outputs_rho/math500.jsonl.gz", "outputs_tora/gsm8k.jsonl.gz",
)  # fmt: skip
BRICKS = (
    *("{", "}", "(", ")", "[", "]", "\\", "$", "^", "_", "&", "\\\\", ",", ";", "≤", "\n\n"),
    *("\\frac", "\\boxed{", "####", "\\sqrt[", "\\left(", "\\begin{pmatrix}", "\\cup", "\\pm"),
    *("9^{9^{9^9}}", "!!!!!!!", "10**10**10", "1e999999", "99999999999999999999", "\\int_0^1"),
    *("\\overline{142857}", "\\binom{9999999}{99}", "\\sum_{n=1}^{10^{9}} n", "\\infty", "0.000…"),
    *("\x00", "\u202e", "\ud800", "٣", "१२", "百", "½", "²", "A", "No", "%s%n", "{{7*7}}"),
    *("<answer>", "</think>", "<think>", "lambda x: x", "'; DROP TABLE", "\\input{/etc/passwd}"),
)
LARGE = 1_000_000
"""Characters of the largest strings."""
AGAIN = 1_000
"""Rows that are judged in every other way as well."""
GRACE = 2.0
"""Seconds that a row may take beyond its deadline, on a machine that does other things too."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the rows."""

    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    died: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def take(self, number: int, said: Row, deadline: float) -> None:
        """Count one judgement."""
        self.outcomes[said["outcome"]] += 1
        self.seconds.append(said["seconds"])
        if said["rule"] == "worker" and "no verdict within" not in said["note"]:
            self.died.append(number)
        if said["seconds"] > deadline + GRACE:
            self.late.append(number)


def corpus(shared: Path | None) -> list[tuple[str, str, bool]]:
    """Return (gold, text, whether it is an output) of everything there is to mutate."""
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    found = [(case["gold"], case["answer"], False) for case in cases if "answer" in case]
    for name in PUBLISHED if shared else ():
        assert shared is not None
        with gzip.open(shared / "data" / name, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        found += [(str(row["gold"]), row["output"] or "", True) for row in rows]
    return found


def payloads(canary: Path) -> tuple[str, ...]:
    """Return code that would make the canary, in the languages a grader might run by mistake."""
    shell = f"touch {canary}"
    return (
        f"__import__('os').system('{shell}')",
        f"exec(\"open('{canary}','w')\")",
        f"Symbol('x').__class__.__mro__[-1].__subclasses__() or open('{canary}','w')",
        f"\\immediate\\write18{{{shell}}}",
        f"`{shell}`",
        f"$({shell})",
        f"sympify(\"__import__('os').system('{shell}')\")",
        f"!!python/object/apply:os.system ['{shell}']",
    )


def rows(
    asked: argparse.Namespace, seed: int, texts: Sequence[tuple[str, str, bool]], canary: Path
) -> Iterator[Row]:
    """Yield the rows of a seed."""
    bricks = (*BRICKS, *payloads(canary))
    for number in range(asked.count):
        rng = Random(f"{seed}/{number}")
        gold, text, is_output = rng.choice(texts)
        text = mutated(text, rng, bricks, texts)
        if rng.random() < 0.1:
            gold = mutated(gold, rng, bricks, texts)[:2000] or "0"
        grader = "math" if rng.random() < asked.algebra else "number"
        kind = "output" if is_output else "answer"
        yield {"id": number, "gold": gold, kind: text, "grader": grader}


def mutated(
    text: str, rng: Random, bricks: Sequence[str], texts: Sequence[tuple[str, str, bool]]
) -> str:
    """Return a text with one to four things done to it."""
    for _ in range(rng.randint(1, 4)):
        text = rng.choice(CHANGES)(text, rng, bricks, texts)
    return text if len(text) <= LARGE or rng.random() < 0.02 else text[:LARGE]


Change = Callable[[str, Random, Sequence[str], Sequence[tuple[str, str, bool]]], str]


def _cut(text: str, rng: Random, *_: object) -> str:
    start, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    return text[:start] + text[end:]


def _doubled(text: str, rng: Random, *_: object) -> str:
    start, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    return text[:end] + text[start:]


def _filled(text: str, rng: Random, bricks: Sequence[str], *_: object) -> str:
    for _brick in range(rng.randint(1, 5)):
        place = rng.randrange(len(text) + 1)
        text = text[:place] + rng.choice(bricks) + text[place:]
    return text


def _spliced(text: str, rng: Random, _: object, texts: Sequence[tuple[str, str, bool]]) -> str:
    other = rng.choice(texts)[1]
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


def _bombed(text: str, rng: Random, bricks: Sequence[str], *_: object) -> str:
    """Repeat one brick many times; rarely up to a megabyte, or reading would be all one does."""
    brick = rng.choice(bricks)
    size = rng.choice((10, 100, 1_000)) if rng.random() < 0.99 else LARGE // len(brick)
    place = rng.randrange(len(text) + 1)
    return text[:place] + brick * size + text[place:]


def _flipped(text: str, rng: Random, *_: object) -> str:
    if not text:
        return text
    place = rng.randrange(len(text))
    return (
        text[:place]
        + chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x2000))))
        + text[place + 1 :]
    )


CHANGES: tuple[Change, ...] = (
    _cut,
    _doubled,
    _filled,
    _filled,
    _spliced,
    _bombed,
    _flipped,
    _flipped,
)


# --- the same in every way -------------------------------------------------------------------


def differing(sample: Sequence[Row], deadline: float) -> list[int]:
    """Return the rows whose verdict depends on where they were judged."""
    with Judge(workers=2, deadline=deadline) as judge:
        here = [_verdict(judge_row(judge, row)) for row in sample]
    with Judge(workers=2, deadline=deadline) as judge, ThreadPoolExecutor(4) as threads:
        threaded = [
            _verdict(said) for said in threads.map(lambda row: judge_row(judge, row), sample)
        ]
    with Judge(workers=2, deadline=deadline) as judge:
        awaited = asyncio.run(_in_asyncio(judge, sample))
    pooled = [_verdict(said) for said in verify_rows(sample, workers=2, deadline=deadline)]
    return [
        row["id"]
        for row, verdicts in zip(
            sample, zip(here, threaded, awaited, pooled, strict=True), strict=True
        )
        # What ran out of time in one place may be done in another, when others want the processor.
        if len({verdict for verdict in verdicts if verdict[1] != "worker"}) > 1
    ]


async def _in_asyncio(judge: Judge, sample: Sequence[Row]) -> list[tuple[object, str]]:
    asked = (asyncio.to_thread(judge_row, judge, row) for row in sample)
    return [_verdict(said) for said in await asyncio.gather(*asked)]


def _verdict(said: Row) -> tuple[object, str]:
    return said["equal"], said["rule"]


def main() -> int:
    """Print what became of the rows; return 1 if one was lost, late or run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("shared", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--algebra", type=float, default=0.1)
    parser.add_argument("--deadline", type=float, default=2.0)
    asked = parser.parse_args()
    texts = corpus(asked.shared)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary"
        made = rows(asked, asked.seed, texts, canary)
        began = time.perf_counter()
        # Stopped by hand, it still says what became of the rows so far, and that some are missing.
        with contextlib.suppress(KeyboardInterrupt):
            for said in verify_rows(made, workers=asked.workers, deadline=asked.deadline):
                tally.take(said["id"], said, asked.deadline)
                if len(tally.seconds) % 10_000 == 0:
                    seconds = time.perf_counter() - began
                    print(f"{len(tally.seconds):,} rows, {seconds:,.0f} s", file=sys.stderr)
        wall = time.perf_counter() - began
        sample = list(itertools.islice(rows(asked, asked.seed + 1, texts, canary), AGAIN))
        odd = differing(sample, asked.deadline)
        ran = canary.exists()
    report(tally, wall, odd, ran=ran)
    return bool(tally.died or tally.late or odd or ran or len(tally.seconds) != asked.count)


def report(tally: Tally, wall: float, odd: Sequence[int], *, ran: bool) -> None:
    """Print the figures."""
    times = sorted(tally.seconds)
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"{len(times):,} rows in {wall:,.0f} s, {len(times) / wall:,.0f} a second")
    counts = (f"{name} {n:,}" for name, n in tally.outcomes.most_common())
    print(f"outcomes  {' · '.join(counts)}")
    middle, almost_last = times[len(times) // 2], times[int(0.99 * len(times))]
    print(
        f"one row   p50 {1e3 * middle:.3f} ms, p99 {1e3 * almost_last:.1f} ms, "
        f"slowest {times[-1]:.2f} s"
    )
    print(f"memory    {peak / 1024:,.0f} MiB at most in one process")
    print(f"died      {len(tally.died)} {tally.died[:5]}")
    print(f"late      {len(tally.late)} {tally.late[:50]}")
    print(f"other in a thread, in asyncio or in a process: {len(odd)} of {AGAIN:,} {odd[:5]}")
    print(f"code run  {'YES' if ran else 'none'}")


if __name__ == "__main__":
    sys.exit(main())
