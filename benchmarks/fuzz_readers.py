"""Change files that somebody else may have written: each must be read, or be a user error.

    python benchmarks/fuzz_readers.py [--count 1000000] [--seconds 600] [--seed 0] [--only NAME]

The files are those of a run folder, archives, `gate.yaml`, `task.yaml`, scripts, and rows of data
and outputs; `tests/readers.py` lists them. Change N of a seed is the same on every machine. Exits 1
if a reader crashed or computed for more than two seconds.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import importlib
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from mathreason_eval.errors import DataError
from mathreason_eval.tasks import readers as table_readers
from mathreason_eval.tasks.parquet_child import read_description

corpus = importlib.import_module("readers")

IN_MEMORY = Path("/dev/shm")
"""A folder in memory, where Linux has one: writing the files takes five times as long on a disk."""
SLOW = 2.0
"""Seconds of the processor that reading one file may take: other programs take the clock's."""


def look_in_a_fork(path: Path) -> None:
    """Look at what a file of Parquet says in a fork, as its reader does in a new process.

    That takes a hundredth of the time of a process that imports pyarrow.
    """
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with contextlib.suppress(BaseException):
            read_description(str(path))
        os._exit(0)
    if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        raise DataError(f"{path} is not Parquet.", "Check that it is complete.")


def main() -> int:
    """Print what became of the files; return 1 if a reader crashed or was slow."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="readers with this in their names")
    asked = parser.parse_args()
    table_readers._check_description = look_in_a_fork  # noqa: SLF001  faster, of the same outcome
    readers = [one for one in corpus.READERS if asked.only in one.name]
    ends: collections.Counter[str] = collections.Counter()
    crashes: dict[str, str] = {}
    slow: list[str] = []
    slowest, done, began = 0.0, 0, time.perf_counter()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as root:
        while done < asked.count and time.perf_counter() - began < asked.seconds:
            reader = readers[done % len(readers)]
            content = corpus.changed(reader.files[reader.file], Random(f"{asked.seed}/{done}"))
            folder = Path(root) / reader.name.replace("/", " ")
            start = time.process_time()
            try:
                error = corpus.outcome(reader, folder, content)
                ends["read" if error is None else "user error"] += 1
            except Exception as error:  # noqa: BLE001  that is what is looked for
                ends["crash"] += 1
                last = traceback.extract_tb(error.__traceback__)[-1]
                kind = f"{reader.name}: {type(error).__name__} in {last.name}, line {last.lineno}"
                crashes.setdefault(kind, f"row {done}: {error}"[:200])
                shutil.rmtree(folder, ignore_errors=True)
            took = time.process_time() - start
            slowest = max(slowest, took)
            if took > SLOW:
                slow.append(f"{reader.name}, row {done}: {took:.1f} s")
            done += 1
    wall = time.perf_counter() - began
    counts = " · ".join(f"{name} {count:,}" for name, count in ends.most_common())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{done:,} files in {wall:,.0f} s: {counts}")
    print(f"slowest {slowest:.2f} s, {peak / 1024:,.0f} MiB at most")
    for line in (*(f"{kind} ({first})" for kind, first in crashes.items()), *slow):
        print(line)
    return bool(crashes or slow)


if __name__ == "__main__":
    sys.exit(main())
