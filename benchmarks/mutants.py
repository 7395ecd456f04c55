"""Change one line that decides, run its tests, and see whether one turns red.

    python benchmarks/mutants.py --sample 200 --seed 0

Each mutant is a copy of the package with one expression changed: a comparison, `and` and `or`, a
sign, a number, a truth value, `min` and `max`, a `not`, a condition that always or never holds. A
mutant is caught if a test fails, or runs much longer than without it; tests marked `slow` are run
only where all others pass, and with `--quick` not at all: what is caught then is a lower bound. A
line is printed as each mutant is done, and at the end the survivors. Those that no test can catch,
since they change nothing that is observable, are listed with the reason in
`mutants-equivalent.json` in this folder and are counted apart.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mathreason_eval"
EQUIVALENT = Path(__file__).with_name("mutants-equivalent.json")
STAGES = ("not slow", "slow")
NO_TESTS = 5
"""The exit code of pytest where no test has the mark."""
DECIDING = {
    # module: the folders and files of tests/ that say what it should decide
    "maths/compare/comparison.py": ("maths",),
    "maths/compare/equal.py": ("maths",),
    "maths/compare/scalar.py": ("maths",),
    "maths/compare/structure.py": ("maths",),
    "maths/compare/groups.py": ("maths",),
    "grade/judge.py": (
        "maths/test_must_differ.py",
        "grade/test_judge.py",
        "grade/test_second_grader.py",
        "grade/test_service.py",
        "pipeline/test_grading.py",
    ),
    "stats/exact_tests.py": (
        "stats/test_exact_tests.py",
        "stats/test_exact_test.py",
        "stats/test_exchange_test.py",
    ),
    "stats/estimands.py": ("stats/test_estimands.py", "stats/test_decision.py"),
    "stats/decision.py": (
        "stats/test_decision.py",
        "stats/test_estimands.py",
        "gate/test_looks.py",
        "gate/test_suite.py",
    ),
    "stats/multiplicity.py": (
        "stats/test_exact_tests.py",
        "stats/test_multiplicity.py",
        "stats/test_decision.py",
    ),
    "stats/metrics.py": (
        "stats/test_metrics.py",
        "stats/test_estimators.py",
        "stats/test_summary.py",
    ),
    "stats/summary.py": (
        "stats/test_metrics.py",
        "stats/test_estimators.py",
        "stats/test_summary.py",
        "stats/test_clusters.py",
    ),
    "runs/manifest.py": (
        "runs",
        "pipeline/test_run.py",
        "pipeline/test_growing.py",
        "compare/test_comparison.py",
    ),
    "compare/comparison.py": ("compare/test_comparison.py", "stats/test_metrics.py"),
    "compare/pairing.py": ("compare/test_comparison.py", "stats/test_metrics.py"),
    "gate/judging.py": (
        "gate/test_judging.py",
        "gate/test_suite.py",
        "gate/test_looks.py",
        "stats/test_metrics.py",
    ),
    "gate/margins.py": ("gate/test_margins.py", "gate/test_suite.py"),
    "gate/health.py": ("gate/test_health.py", "gate/test_judging.py"),
}
"""What decides: comparison, several golds, caches, rounding, unordered matching, decisions of the
gate, adjustment over tasks, comparability, metrics."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """One changed expression."""

    module: str
    """Its path within the package."""
    line: int
    before: str
    after: str
    source: str
    """The whole module with the change in it."""

    @property
    def name(self) -> str:
        """Return what it is called in the list of equivalent ones: no line numbers, which move."""
        return f"{self.module}: {self.before} -> {self.after}"

    @property
    def place(self) -> str:
        """Return what it is called in the output, its line included."""
        return f"{self.module}:{self.line}  {self.before}  ->  {self.after}"


# --- changes ---------------------------------------------------------------------------------

_COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changes(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what may stand in the place of an expression."""
    match node:
        case ast.Compare(left, [operator], [right]) if type(operator) in _COMPARISONS:
            yield ast.Compare(left, [_COMPARISONS[type(operator)]()], [right])
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.BinOp(left, operator, right) if type(operator) in _SIGNS:
            yield ast.BinOp(left, _SIGNS[type(operator)](), right)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(float() as value):
            yield ast.Constant(value * 2 + 1)
        case ast.Call(ast.Name(name), arguments, keywords) if name in _CALLS:
            yield ast.Call(ast.Name(_CALLS[name]), arguments, keywords)
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)


def mutants(module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its text."""
    text = (ROOT / PACKAGE / module).read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in _code(tree):
        found = list(changes(node))
        if isinstance(node, ast.If | ast.While):
            found = [ast.Constant(value=False)]
            node = node.test  # noqa: PLW2901  the condition is what changes
        for changed in found:
            before = ast.unparse(node)
            after = ast.unparse(ast.fix_missing_locations(changed))
            if before != after:
                yield Mutant(
                    module=module,
                    line=node.lineno,
                    before=before,
                    after=after,
                    source=_replaced(text, node, f"({after})"),
                )


def _code(tree: ast.AST) -> Iterator[ast.expr | ast.If | ast.While]:
    """Yield the expressions that are run: no annotations, and nothing within f-strings."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if node in skipped:
            skipped.update(ast.iter_child_nodes(node))
            continue
        if isinstance(node, ast.JoinedStr | ast.Assert):
            skipped.update(ast.iter_child_nodes(node))
        for name in ("annotation", "returns", "decorator_list"):
            held = getattr(node, name, None)
            skipped.update(held if isinstance(held, list) else [held] if held else [])
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Literal", "NewType"}:
            skipped.update(ast.iter_child_nodes(node))
        if isinstance(node, ast.expr | ast.If | ast.While):
            yield node


def _replaced(text: str, node: ast.expr, new: str) -> str:
    """Return a text with another expression in the place of one."""
    lines = text.encode().split(b"\n")
    assert node.end_lineno is not None, "parsed from a text"
    assert node.end_col_offset is not None, "parsed from a text"
    first, last = node.lineno - 1, node.end_lineno - 1
    head = lines[first][: node.col_offset]
    tail = lines[last][node.end_col_offset :]
    return b"\n".join([*lines[:first], head + new.encode() + tail, *lines[last + 1 :]]).decode()


# --- runs ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Bench:
    """A copy of the project in which one mutant at a time is tried."""

    folder: Path
    stages: Sequence[str] = STAGES
    """Marks of the tests that are run, one after the other."""
    told: str = ""
    """What the last tests printed."""

    @classmethod
    def made(cls, within: Path, number: int, stages: Sequence[str]) -> Bench:
        """Return a fresh copy."""
        folder = within / str(number)
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
        for name in listed.stdout.decode().splitlines():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        return cls(folder, stages)

    def passes(self, tests: Sequence[str], seconds: float) -> bool:
        """Return whether the tests pass, each stage in time."""
        return all(self._stage_passes(tests, marked, seconds) for marked in self.stages)

    def _stage_passes(self, tests: Sequence[str], marked: str, seconds: float) -> bool:
        command = [
            *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", marked),
            *(str(self.folder / "tests" / name) for name in tests),
        ]
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                timeout=seconds,
                capture_output=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self.told = f"They ran longer than {seconds:.0f} s."
            return False
        self.told = done.stdout.decode()
        return done.returncode in {0, NO_TESTS}

    def survives(self, mutant: Mutant, seconds: float) -> bool:
        """Return whether no test notices a mutant."""
        path = self.folder / PACKAGE / mutant.module
        path.write_text(mutant.source, encoding="utf-8")
        try:
            return self.passes(DECIDING[mutant.module], seconds)
        finally:
            shutil.copy(ROOT / PACKAGE / mutant.module, path)


def chosen(sample: int, seed: int, modules: Sequence[str]) -> list[Mutant]:
    """Return a seeded sample of all mutants, in the order of the table."""
    every = [mutant for module in modules for mutant in mutants(module)]
    places = random.Random(seed).sample(range(len(every)), min(sample, len(every)))
    return [every[place] for place in sorted(places)]


def main() -> int:
    """Try a sample of mutants and print how many were caught; 1 if fewer than asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=float, default=0.85, help="share that must be caught")
    parser.add_argument("--quick", action="store_true", help="without tests marked slow")
    parser.add_argument("--module", action="append", choices=sorted(DECIDING))
    options = parser.parse_args()
    modules = options.module or list(DECIDING)
    equivalent: dict[str, str] = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    sample = chosen(options.sample, options.seed, modules)
    known = [mutant for mutant in sample if mutant.name in equivalent]
    tried = [mutant for mutant in sample if mutant.name not in equivalent]
    with tempfile.TemporaryDirectory() as folder:
        benches: Queue[Bench] = Queue()
        stages = STAGES[:1] if options.quick else STAGES
        for number in range(options.workers):
            benches.put(Bench.made(Path(folder), number, stages))
        suites = dict.fromkeys(DECIDING[module] for module in modules)
        times = {tests: _time_of(benches, tests) for tests in suites}

        def survives(mutant: Mutant) -> bool:
            bench = benches.get()
            try:
                lives = bench.survives(mutant, 60 + 4 * times[DECIDING[mutant.module]])
            finally:
                benches.put(bench)
            print("survived " if lives else "caught   ", mutant.place, flush=True)
            return lives

        with ThreadPoolExecutor(options.workers) as threads:
            results = list(threads.map(survives, tried))
    survivors = [mutant for mutant, lives in zip(tried, results, strict=True) if lives]
    _report(tried, survivors, known)
    return int(len(survivors) > (1 - options.least) * len(tried))


def _time_of(benches: Queue[Bench], tests: Sequence[str]) -> float:
    """Return how long tests take; without a mutant they must pass."""
    bench, begun = benches.get(), time.monotonic()
    try:
        if not bench.passes(tests, 600):
            sys.exit(f"Without any mutant these fail: {' '.join(tests)}\n{bench.told[-4000:]}")
    finally:
        benches.put(bench)
    return time.monotonic() - begun


def _report(tried: Sequence[Mutant], survivors: Sequence[Mutant], known: Sequence[Mutant]) -> None:
    print("\nSurvivors:")
    for mutant in survivors:
        print(f"  {mutant.place}")
    counts = Counter(mutant.module for mutant in tried)
    alive = Counter(mutant.module for mutant in survivors)
    for module, count in counts.items():
        print(f"{count - alive[module]:4} of {count:4}  {module}")
    caught = len(tried) - len(survivors)
    share = f"{100 * caught / len(tried):.1f} %" if tried else "none"
    print(f"caught {caught} of {len(tried)} ({share}); {len(known)} equivalent ones not tried")


if __name__ == "__main__":
    sys.exit(main())
