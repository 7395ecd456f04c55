"""Imports point one way: a module imports only from layers below its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mathreason_eval"

# The first prefix that fits a module gives its layer.
# fmt: off
LAYERS = [
    ("text", 0), ("maths", 1), ("families", 1), ("grade.jobs", 1), ("runs", 3),
    ("compare", 4), ("pipeline", 4), ("site", 4),
    ("version", 0),
    ("types", 0), ("errors", 0), ("seeds", 0), ("resources", 0), ("names", 0), ("visible", 0),
    ("extract", 1), ("thinking", 1), ("grade", 1), ("stats", 1), ("prompts", 1), ("templates", 1),
    ("procedures", 1), ("knights", 1), ("steps", 1),
    ("tasks", 2),
    ("models", 3), ("records", 3), ("store", 3), ("rows", 3), ("datasets", 3),
    ("grading", 4), ("planning", 4), ("manifest", 4), ("runner", 4), ("checks", 4),
    ("report", 4), ("gate", 4), ("interop", 4),
    ("cli", 5),
    ("__init__", 0), ("__main__", 6),
]
PURE_LAYER_FORBIDS = {
    "pathlib", "os", "io", "socket", "subprocess", "multiprocessing", "random", "secrets",
    "tempfile", "shutil", "signal", "threading", "asyncio", "urllib", "http",
}
HEAVY = {"torch", "transformers", "vllm", "xllamacpp", "sympy", "latex2sympy2_extended", "openai"}
# fmt: on
STARTS_PROCESSES = {
    "grade.workers.worker",
    "grade.jobs.batch",
    "grade.worker",
    "grade.judge",
    "grade.pool",
    "grade.batch",
}
"""The judge owns the workers; both may know of threads, clocks and processes."""


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in sorted(PACKAGE.rglob("*.py"))
        if not path.relative_to(PACKAGE).parts[0].startswith("_tasks")
    }


def layer(module: str) -> int:
    for prefix, number in LAYERS:
        if module == prefix or module.startswith(prefix + "."):
            return number
    pytest.fail(f"{module} has no layer: give it one in {Path(__file__).name}")


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_imports(path: Path) -> set[str]:
    """Return the package's modules that a module imports, anywhere in it."""
    known = {name.removesuffix(".__init__") for name in modules()}
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mathreason_eval."):
            package = node.module.removeprefix("mathreason_eval.")
            # `from package import module` imports the module; the package is only its address.
            found |= {
                name if (name := f"{package}.{alias.name}") in known else package
                for alias in node.names
            }
    return found


@pytest.mark.parametrize("module", [name for name in modules() if name != "__init__"])
def test_a_module_imports_no_layer_above_its_own(module):
    above = {name for name in own_imports(modules()[module]) if layer(name) > layer(module)}
    assert not above


def test_there_is_no_import_cycle():
    graph = {name.removesuffix(".__init__"): own_imports(path) for name, path in modules().items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"cycle: {' -> '.join((*trail, name))}"
        if name in done:
            return
        for other in graph.get(name, ()):
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    "module", [n for n in modules() if layer(n) == 1 and n not in STARTS_PROCESSES]
)
def test_layer_one_is_pure(module):
    assert not imports(modules()[module]) & PURE_LAYER_FORBIDS


@pytest.mark.parametrize("module", [name for name in modules() if not name.startswith("models.")])
def test_only_backends_know_inference_libraries(module):
    known = {name.partition(".")[0] for name in imports(modules()[module])}
    allowed = (
        {"sympy", "latex2sympy2_extended"} if module.startswith(("grade.", "maths.")) else set()
    )
    assert not (known & HEAVY) - allowed


@pytest.mark.parametrize("module", list(modules()))
def test_heavy_libraries_are_never_imported_at_the_top(module):
    top = {n.partition(".")[0] for n in imports(modules()[module], top_level_only=True)}
    assert not top & (HEAVY | {"numpy", "scipy", "pandas", "jinja2", "rich", "datasets", "yaml"})


@pytest.mark.parametrize("module", [n for n in modules() if not n.startswith("cli")])
def test_only_the_command_line_prints(module):
    if module in {"grade.worker", "grade.workers.worker"}:
        pytest.skip("speaks to its parent through stdout")
    calls = [
        node.func.id
        for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert "print" not in calls


SILENT = ["torch", "sympy", "vllm", "transformers", "numpy", "scipy", "pandas", "rich", "jinja2"]


@pytest.mark.parametrize(
    "statement",
    [
        "import mathreason_eval",
        "import mathreason_eval.cli",
        "from mathreason_eval import load_run, load_task",
    ],
)
def test_importing_costs_nothing(statement):
    code = f"{statement}; import sys; print([m for m in {SILENT!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
