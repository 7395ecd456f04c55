"""Documentation cannot go stale: what it says is what the code does."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from project import ROOT
from test_imports import LAYERS

from mathreason_eval import errors, types
from mathreason_eval.cli import verbs
from mathreason_eval.cli.show import KINDS
from mathreason_eval.extract import EXTRACTORS
from mathreason_eval.grade.graders import GRADERS
from mathreason_eval.models import backends
from mathreason_eval.runs.store import load_run
from mathreason_eval.tasks import task_names

DOCS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md",
                     *sorted((ROOT / "docs").glob("*.md")))}  # fmt: skip


def help_texts() -> str:
    """Every verb's --help at 88 columns, as docs/cli.md has them."""
    pages = []
    for name, command in [("", verbs), *verbs.commands.items()]:
        pages.append(_help(f"mathreason {name}".strip()))
        if isinstance(command, click.Group) and command is not verbs:
            pages += [_help(f"mathreason {name} {sub}") for sub in command.commands]
        pages += [_help(f"mathreason {name} {sub}") for sub in getattr(command, "others", ())]
    return "\n\n".join(pages)


def _help(path: str) -> str:
    wide = {"terminal_width": 88, "max_content_width": 88, "prog_name": "mathreason"}
    shown = CliRunner().invoke(verbs, [*path.split()[1:], "--help"], **wide).output
    text = "\n".join(line.rstrip() for line in shown.splitlines())
    return f"## {path}\n\n```text\n{text}\n```"


def test_the_help_texts_are_those_of_the_program(request):
    head = "# The command line\n\nData go to stdout, progress and errors to stderr.\n\n"
    wanted = f"{head}Exit codes and errors: [errors.md](errors.md).\n\n{help_texts()}\n"
    path = ROOT / "docs" / "cli.md"
    if request.config.getoption("--update-golden"):
        path.write_text(wanted, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == wanted, "run pytest --update-golden and review"


def public(module) -> list[str]:
    return [
        name
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and thing.__module__ == module.__name__
    ]


# fmt: off
EVERYTHING = [
    *[("docs/grading.md", f"`{name}`") for name in (*EXTRACTORS, *GRADERS)],
    *[("docs/engines.md", f"{name}:") for name in backends()],
    *[("README.md", f"`{name}`") for name in task_names()],
    *[("docs/run-format.md", f"`{field}`") for kind in (types.Generation, types.Verdict,
        types.Metric, types.Problem, types.RunManifest, types.ModelEntry, types.SamplingEntry,
        types.TaskEntry, types.PromptEntry, types.DataEntry, types.GradingRules, types.ReportRules,
        types.CodeEntry, types.Totals) for field in kind.__dataclass_fields__],
    *[("docs/run-format.md", f"`{outcome}`") for outcome in types.Outcome],
    *[("docs/errors.md", f"`{name}`") for name in public(errors)],
]
# fmt: on


def test_the_docs_name_everything():
    assert [(page, words) for page, words in EVERYTHING if words not in DOCS[page]] == []


MAPS = ("docs/architecture.md", "CONTRIBUTING.md")
PLACES = sorted(
    {
        (page, place)
        for page in MAPS
        for place in re.findall(r"`([\w-]+(?:/[\w.-]*|\.(?:py|md|yaml|jsonl)))`?", DOCS[page])
    }
)
OF_A_TASK = {"task.yaml", "task.py", "cases.jsonl"}
"""Files that a task's folder has."""


def test_places_on_the_maps_exist():
    package = ROOT / "mathreason_eval"
    folders = [ROOT, package, *(path for path in package.rglob("*") if path.is_dir())]
    assert PLACES
    assert [
        (page, place)
        for page, place in PLACES
        if place not in OF_A_TASK and not any((folder / place).exists() for folder in folders)
    ] == []


PAGES = {
    **DOCS,
    **{path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
       for path in sorted((ROOT / "tasks").glob("*/README.md"))},
}  # fmt: skip
GROUPS = {f"mathreason_eval.{kind}" for kind in KINDS}
"""Groups of entry points."""
NAMED = sorted(
    {
        (page, place.rstrip("."))
        for page, text in PAGES.items()
        for place in re.findall(r"\bmathreason_eval[./][\w./]+", text)
        if place.rstrip(".") not in GROUPS
    }
)


def leads_to_a_module(place: str) -> bool:
    path = ROOT / place.removesuffix("/")
    dotted = ROOT / place.replace(".", "/")
    inside = dotted.parent.with_suffix(".py")
    return any(one.exists() for one in (path, dotted, dotted.with_suffix(".py"), inside))


def test_modules_are_named_where_they_are():
    """Every path and every dotted name in a page leads to a module, or to a name in one."""
    assert NAMED
    assert [(page, place) for page, place in NAMED if not leads_to_a_module(place)] == []


def test_every_package_is_on_the_map():
    package = ROOT / "mathreason_eval"
    folders = {path.parent.relative_to(ROOT) for path in package.rglob("__init__.py")}
    loose = {path.relative_to(ROOT) for path in package.glob("[a-z]*.py")}
    for place in {
        *(f"{folder}/" for folder in folders - {Path("mathreason_eval")}),
        *map(str, loose),
    }:
        assert f"`{place}`" in DOCS["docs/architecture.md"], place


def test_the_import_rule_on_the_map_is_the_one_that_is_held():
    rule = re.search(r"    version errors.*?\n\n", DOCS["docs/architecture.md"], flags=re.DOTALL)
    shown = [set(layer.split()) for layer in rule[0].split("<-")]
    assert shown == LAYERS[:-1]


LINKS = [(page, link) for page, text in DOCS.items() for link in re.findall(r"\]\(([^)#]+)", text)]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_links_lead_somewhere(page, link):
    if link.startswith(("http:", "https:")):
        pytest.skip("not ours")
    assert ((ROOT / page).parent / link).exists()


COMMANDS = sorted(
    {
        (page, line.strip())
        for page, text in DOCS.items()
        if page != "docs/cli.md"
        for line in re.findall(r"^ {4}(?:\$ )?(mathreason .*)$", text, flags=re.MULTILINE)
    }
)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_in_the_docs_are_understood(page, line):
    """Every verb and option that a page shows exists."""
    words = line.partition("  #")[0].split()[1:]
    command: click.Command = verbs
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    assert command is not verbs, f"{page}: {line}"
    others = getattr(command, "others", {})
    command = others.get(words[0] if words else "", command)
    if isinstance(command, click.Group) and words:
        command = command.commands["auto"]  # `import PATH`
    known = {name for parameter in command.params for name in parameter.opts} | {"--help", *others}
    used = {re.split("[= \\]]", w)[0] for w in re.findall(r"(?<!\S)\[?(-{1,2}[a-z][\w-]*)", line)}
    assert used <= known, f"{page}: {line}"


@pytest.mark.parametrize("module", [types, errors])
def test_every_record_and_field_explains_itself(module):
    source = Path(module.__file__).read_text(encoding="utf-8")
    for name in public(module):
        assert getattr(module, name).__doc__, name
    assert source.startswith('"""')


@pytest.mark.slow
def test_the_readmes_table_is_printed_by_the_program(tmp_path):
    """The demo that the README shows runs, on the real model, with fewer problems."""
    pytest.importorskip("xllamacpp")
    pytest.importorskip("openai")
    folder = tmp_path / "run"
    words = ["run", "demo", "-t", "arithmetic", "--prompt", "few-shot", "-n", "2", "--limit", "1",
             "--max-tokens", "16", "-o", str(folder)]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "mathreason_eval", *words],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=280,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    if "weights of the demo model are not installed" in done.stderr:
        pytest.skip("the demo's weights are not installed")
    assert done.returncode == 0, done.stderr
    assert "= 2" in done.stdout
    run = load_run(folder)
    assert run.manifest.finished
    assert all(g.text and g.completion_tokens for g in run.generations("arithmetic"))
