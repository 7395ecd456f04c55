"""Imports point one way: what each package may import, and what no pure package may.

Every file is parsed once. The map is strict both ways: an import that it does not list fails, and
so does an entry that is no longer imported. `docs/architecture.md` describes the packages.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from project import ROOT

PACKAGE = ROOT / "mathreason_eval"

# fmt: off
LAYERS = [
    {"version", "errors"},
    {"text", "seeds", "registry", "resources", "environment"},
    {"types"},
    {"maths"},
    {"extract", "steps", "stats"},
    {"grade", "runs", "tasks"},
    {"families", "models", "compare"},
    {"pipeline", "reward"},
    {"gate", "site"},
    {"cli"},
    {"__init__", "__main__"},
]
# A package imports from lower layers, never from another package of its own layer.
MAY_IMPORT = {
    "version":  "",
    "types":    "text",
    "errors":   "",
    "text":     "errors",
    "seeds":    "",
    "registry": "errors",
    "resources": "",
    "environment": "",
    "maths":    "errors types",
    "extract":  "errors maths registry types",
    "steps":    "maths",
    "stats":    "errors registry types",
    "grade":    "environment errors extract maths registry steps text types",
    "runs":     "environment errors stats text types version",
    "tasks":    "environment errors extract maths registry resources text types",
    "families": "errors extract grade maths seeds stats steps types",
    "models":   "environment errors registry steps text types version",
    "compare":  "errors grade runs stats types",
    "pipeline": "errors extract grade maths models registry runs seeds stats steps tasks text "
                "types version",
    "reward":   "errors grade text types",
    "gate":     "compare environment errors resources runs stats text",
    "site":     "compare errors families grade resources runs stats tasks text types version",
    "cli":      "compare errors extract gate grade maths models pipeline resources reward runs "
                "site stats tasks text types version",
    "__init__": "grade pipeline runs tasks version",
    "__main__": "cli errors",
}
# Layers within a package, lowest first; "" is whatever is not in a subpackage or module named here.
SUBLAYERS = {
    "maths": ["vocabulary", "syntax", "evaluate", "compare"],
    "stats": ["difference multiplicity columns", "copies intervals exact_tests difficulty",
              "estimands", "decision ranking power", "estimators", ""],
    "families": ["cultural knights procbench processbench stories", ""],
    "pipeline": ["", "exporters importers"],
    "cli": ["screens", ""],
}
PURE = ["types", "errors", "text", "seeds", "registry", "maths", "extract", "steps", "stats",
        "grade", "families", "compare"]
IMPURE = {
    "asyncio", "concurrent", "datetime", "fcntl", "glob", "gzip", "http", "io", "multiprocessing",
    "os", "pathlib", "queue", "random", "resource", "secrets", "select", "shutil", "signal",
    "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "zipfile",
}
EXCEPTIONS = {
    # module: the impure modules it may import, and why it needs them.
    "seeds": {"random"},                        # the only module with random sources
    "grade.judge": {"threading", "time"},       # judges from any thread and records the time taken
    "text.secrets": {"urllib"},                 # how addresses are written; none is asked
    "grade.workers": IMPURE,                    # worker processes, killed at their deadline
    "grade.child": IMPURE,                      # the code that runs in them
    "grade.verify": IMPURE,                     # rows judged by several of them
    "grade.service": IMPURE,                    # threads, for who must not be blocked
    "reward.counts": {"threading"},             # counts from any thread of a trainer
    "reward.scoring": {"asyncio"},              # for trainers with an event loop
}
HEAVY = {"torch", "transformers", "vllm", "xllamacpp", "sympy", "latex2sympy2_extended", "openai"}
SLOW = HEAVY | {"numpy", "scipy", "pandas", "jinja2", "rich", "datasets", "yaml", "pyarrow"}
# fmt: on


class Module(NamedTuple):
    """A file of the package, parsed."""

    name: str
    tree: ast.Module
    own: frozenset[str]
    """Modules of the package that it imports, anywhere in it."""
    others: frozenset[str]
    """Top-level names of whatever else it imports."""
    others_at_top: frozenset[str]


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@cache
def modules() -> dict[str, Module]:
    paths = {
        name_of(path): path
        for path in sorted(PACKAGE.rglob("*.py"))
        if not path.relative_to(PACKAGE).parts[0].startswith("_tasks")
    }
    return {name: _module(name, path, paths.keys()) for name, path in paths.items()}


def _module(name: str, path: Path, known) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = set(_imported(ast.walk(tree), known))
    top = {found for found in _imported(tree.body, known) if not found.startswith("mathreason")}
    return Module(
        name=name,
        tree=tree,
        own=frozenset(
            found.removeprefix("mathreason_eval.") for found in imported if "mathreason" in found
        ),
        others=frozenset(found.partition(".")[0] for found in imported),
        others_at_top=frozenset(found.partition(".")[0] for found in top),
    )


def _imported(nodes, known) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            module = node.module or ""
            if not module.startswith("mathreason_eval"):
                yield module
                continue
            package = module.removeprefix("mathreason_eval").removeprefix(".")
            for alias in node.names:
                # `from package import module` imports the module; the package is only its path.
                inner = f"{package}.{alias.name}".removeprefix(".")
                yield f"mathreason_eval.{inner if inner in known else package or '__init__'}"


def package(module: str) -> str:
    return module.partition(".")[0]


def of(name: str) -> list[Module]:
    return [module for module in modules().values() if package(module.name) == name]


# --- one way ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_package_imports_just_what_it_may(name):
    found = {package(other) for module in of(name) for other in module.own} - {name}
    assert found == set(MAY_IMPORT[name].split())


def test_every_package_is_on_the_map():
    assert {package(name) for name in modules()} == set(MAY_IMPORT)
    assert sorted(name for layer in LAYERS for name in layer) == sorted(MAY_IMPORT)


def test_packages_import_only_from_lower_layers():
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    wrong = [(name, other) for name, others in MAY_IMPORT.items() for other in others.split()
             if layer[other] >= layer[name]]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("name", SUBLAYERS)
def test_parts_of_a_package_import_only_from_lower_layers(name):
    layer = {part: number for number, parts in enumerate(SUBLAYERS[name])
             for part in parts.split() or [""]}  # fmt: skip

    def part(module: str) -> str:
        first = module.removeprefix(name).removeprefix(".").partition(".")[0]
        return first if first in layer else ""

    for module in of(name):
        for other in module.own:
            if package(other) == name and part(other) != part(module.name):
                assert layer[part(other)] < layer[part(module.name)], (module.name, other)


def test_there_is_no_cycle_of_modules():
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"cycle: {' -> '.join((*trail, name))}"
        if name not in done:
            for other in modules()[name].own:
                visit(other, (*trail, name))
            done.add(name)

    for name in modules():
        visit(name, ())


def test_a_reader_finds_a_file_by_its_name():
    loose = [name for name in modules() if "." not in name and (PACKAGE / f"{name}.py").exists()]
    assert len(loose) <= 9
    sizes = {folder: len(list(folder.glob("*.py"))) for folder in PACKAGE.rglob("*/")}
    assert max(sizes.values()) <= 40


# --- impure imports ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PURE)
def test_a_pure_package_uses_no_file_clock_process_or_randomness(name):
    for module in of(name):
        assert not module.others & IMPURE - EXCEPTIONS.get(module.name, set()), module.name
        assert module.name in EXCEPTIONS or "open" not in _called(module), module.name


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_needed(name):
    assert modules()[name].others & EXCEPTIONS[name]


def _called(module: Module) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_only_backends_know_inference_libraries():
    algebra = {"sympy", "latex2sympy2_extended"}
    for module in modules().values():
        if package(module.name) != "models":
            allowed = algebra if package(module.name) in {"maths", "grade"} else set()
            assert not module.others & HEAVY - allowed, module.name


def test_slow_libraries_are_never_imported_at_the_top():
    assert not [name for name, module in modules().items() if module.others_at_top & SLOW]


def test_only_the_command_line_prints():
    printing = [name for name, module in modules().items() if "print" in _called(module)]
    assert all(package(name) == "cli" for name in printing)


SILENT = ["torch", "sympy", "vllm", "transformers", "numpy", "scipy", "pandas", "rich", "jinja2",
          "msgspec"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "import mathreason_eval",
        "import mathreason_eval.cli",
        "from mathreason_eval import load_run, load_task, verify",
        "import mathreason_eval.families",
    ],
)
def test_importing_costs_nothing(statement):
    code = f"{statement}; import sys; print([m for m in {SILENT!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what they may catch ---------------------------------------------------------------------

BROAD_HANDLERS = {
    "models.base": "handle",
    "models.client": "_tried",
    "models.fleet": "_error_of",
    "models.replicas.remote": "_fault_of",
    "models.openings": "_answer",
    "models.parsers": "thought",
    "models.template_child": "main",
    "models.served": "_asked",
    "models.tokenizer_files": "count",
    "grade.judge": "_guarded",
    "grade.child": "_answered",
    "pipeline.queue": "_work",
    "reward.scoring": "_safely",
    "cli": "_exit_code",
    "cli.screens": "exit_code_kept",
    "__main__": "main",
    "tasks.hub": "_files",
}
"""The only functions that catch every exception: one generation, one text that vLLM's parser
divides, a chat template, questions that a server need not answer, a tokenizer that its engine will
load as well, one grading, sympy, a thread whose error the one that waits raises, an exit."""
BROAD = {"Exception", "BaseException"}


def test_every_exception_is_caught_in_few_places_only():
    assert dict(_broad_handlers()) == BROAD_HANDLERS


def _broad_handlers() -> Iterator[tuple[str, str]]:
    """Yield (module, function) of every broad `except` that does not end in raising again."""
    for module in modules().values():
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                handlers = [node for node in ast.walk(function)
                            if isinstance(node, ast.ExceptHandler)]  # fmt: skip
                if any(map(_is_broad, handlers)):
                    yield module.name, function.name
        suppressed = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)
                      and ast.unparse(node.func).endswith("suppress")]  # fmt: skip
        assert not any(_named(argument) & BROAD for node in suppressed for argument in node.args)


def _is_broad(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    raises = isinstance(last, ast.Raise) and (last.exc is None or last.cause is not None)
    return not raises and (handler.type is None or bool(_named(handler.type) & BROAD))


def _named(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


# --- tests -----------------------------------------------------------------------------------


def test_tests_mirror_the_package():
    """The tests of a package lie in the folder of its name."""
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"_tasks"}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")} - {"engines"}
    assert packages == folders
