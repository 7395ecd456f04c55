"""An installed package brings graders, rules, metrics, engines, formats and tasks by name alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from project import ROOT

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "tests" / "plugins" / "example"
VERSION = "mathreason-example 1.2"


def install(place: Path, project: dict) -> None:
    """Write what an installer would, without one: the metadata with the entry points."""
    info = place / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder into which the example is installed."""
    place = tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE / "mathreason_example", place / "mathreason_example")
    install(place, tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"])
    return place


def clashing(place: Path, group: str, name: str) -> Path:
    """Install a package that brings one name."""
    project = {"name": "greedy", "version": "3", "entry-points": {group: {name: "nowhere:it"}}}
    install(place, project)
    return place


def python(*arguments: object, path: Path, more: Path | None = None, start=(sys.executable,)):
    places = filter(None, [str(path), more and str(more), str(ROOT)])
    return subprocess.run(
        [*start, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )


@pytest.fixture
def mathreason(forked):
    """Return a function that runs a command line where packages are installed in folders."""

    def run(*arguments: object, path: Path, more: Path | None = None):
        words = ("-m", "mathreason_eval", *arguments)
        return python(*words, path=path, more=more, start=forked.command)

    return run


# --- by name -------------------------------------------------------------------------------------

# fmt: off
BROUGHT = [
    ("graders", "parity"), ("graders", "broken"), ("extractors", "stars"), ("metrics", "solved"),
    ("engines", "parrot"), ("importers", "lines"), ("exporters", "count"), ("tasks", "doubles"),
]
# fmt: on


def test_all_are_listed_with_their_package_and_none_is_imported(mathreason, site):
    program = (
        "import sys; from mathreason_eval.cli import verbs;"
        "verbs.main(['list', '--json'], standalone_mode=False);"
        "print([m for m in sys.modules if 'example' in m], file=sys.stderr)"
    )
    done = python("-c", program, path=site)
    assert done.stderr == "[]\n"
    found = json.loads(done.stdout)
    assert all(found[kind][name] == VERSION for kind, name in BROUGHT)
    assert found["graders"]["math"] == found["engines"]["fake"] == found["tasks"]["gsm8k"] == "ours"
    assert found["graders"]["assignment"] == "family"
    shown = mathreason("list", "graders", path=site)
    assert VERSION in shown.stdout
    assert "boxed" not in shown.stdout


def test_nothing_is_looked_for_while_our_own_names_are_enough(site):
    program = (
        "import importlib.metadata as m, sys; m.entry_points = None;"
        "import mathreason_eval.registry as r; r.entry_points = None;"
        "from mathreason_eval import verify; from mathreason_eval.models import open_model;"
        "open_model('fake:echo'); print(verify('1/2', output='so \\\\boxed{0.5}').equal)"
    )
    assert python("-c", program, path=site).stdout == "True\n"


# fmt: off
JUDGED = [
    # grader, the answer, equal, what the reason says
    ("parity",  "7",     True,  "parity says True"),
    ("parity",  "8",     False, "parity says False"),
    ("parity",  "seven", None,  "ValueError"),
    ("hanging", "7",     None,  "no verdict within"),
    ("digits",  "3",     True,  "digits"),
]
# fmt: on


def test_a_function_and_a_grader_judge_in_workers_of_workers(mathreason, site, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(
        json.dumps({"gold": "3", "answer": answer, "grader": grader}) + "\n"
        for grader, answer, _, _ in JUDGED
    ))  # fmt: skip
    done = mathreason("verify", "--jsonl", rows, "--deadline", 3, path=site)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["equal"] for row in found] == [equal for _, _, equal, _ in JUDGED], done.stderr
    for row, (_, _, equal, says) in zip(found, JUDGED, strict=True):
        assert says in row["note"]
        assert (row["outcome"] == "ungradable") == (equal is None)


# fmt: off
UNUSABLE = [
    # grader, what the error says
    ("broken",          ["mathreason_example.broken:anything", VERSION, "RuntimeError", "expired"]),
    ("leaving",         ["mathreason_example.leaving:anything", VERSION, "SystemExit"]),
    ("absent",          ["absent", VERSION, "AttributeError"]),
    ("text-by-mistake", ["text-by-mistake", VERSION, "of type str"]),
    ("paritty",         ["no grader named 'paritty'", "Did you mean parity?"]),
]
# fmt: on


@pytest.mark.parametrize(("grader", "says"), UNUSABLE)
def test_what_cannot_be_used_is_said_when_it_is_asked_for(mathreason, site, grader, says):
    done = mathreason("verify", "--gold", 3, "--answer", 7, "--grader", grader, path=site)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(words in done.stderr for words in says)


# fmt: off
CLASHES = [
    # group, name, what asks for it
    ("mathreason_eval.graders",    "math",       ["list", "graders"]),
    ("mathreason_eval.graders",    "assignment", ["list", "graders"]),
    ("mathreason_eval.graders",    "parity",     ["list", "graders"]),
    ("mathreason_eval.extractors", "boxed",      ["list"]),
    ("mathreason_eval.engines",    "fake",       ["list", "engines"]),
    ("mathreason_eval.engines",    "demo",       ["list", "engines"]),
    ("mathreason_eval.importers",  "jsonl",      ["list", "importers"]),
    ("mathreason_eval.tasks",      "gsm8k",      ["show", "gsm8k"]),
]
# fmt: on


@pytest.mark.parametrize(("group", "name", "command"), CLASHES)
def test_a_name_that_is_taken_is_refused_with_the_package(
    mathreason, site, tmp_path, group, name, command
):
    done = mathreason(*command, path=site, more=clashing(tmp_path, group, name))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{group}: {name} = nowhere:it of the package greedy 3" in done.stderr


# --- in use --------------------------------------------------------------------------------------


def test_a_task_of_a_package_is_run_with_all_that_it_brings(mathreason, site, tmp_path):
    out, told = tmp_path / "run", tmp_path / "count.txt"
    done = mathreason("run", "parrot:4", "-t", "doubles", "-o", out, path=site)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert "solved" in {metric["name"] for metric in metrics}
    text = (out / "doubles" / "verdicts.jsonl").read_text()
    verdicts = [json.loads(line) for line in text.splitlines()]
    assert [(v["outcome"], v["second"], v["found_by"]) for v in verdicts] == [
        ("correct", "wrong", "stars"),
        ("correct", "wrong", "stars"),
        ("correct", "correct", "stars"),
    ]
    assert mathreason("export", "count", out, "-o", told, path=site).returncode == 0
    assert told.read_text() == "3"


def test_a_run_judged_by_a_package_says_so_where_the_package_is_not(mathreason, site, tmp_path):
    out = tmp_path / "run"
    mathreason("run", "parrot:4", "-t", "doubles", "-o", out, path=site)
    done = mathreason("regrade", out, path=tmp_path)
    assert done.returncode == 2
    assert "no grader named 'parity'" in done.stderr


def test_a_format_of_a_package_is_read(mathreason, site, tmp_path):
    told = tmp_path / "outputs.txt"
    told.write_text("d0 *0*\nd2 *5*\n")
    help_ = mathreason("import", "--help", path=site)
    assert f"lines            Read FILE: a format of {VERSION}." in help_.stdout
    done = mathreason(
        "import", "lines", told, "-t", "doubles", "-o", tmp_path / "out", "--json", path=site
    )
    assert done.returncode == 0, done.stderr
    assert '"correct": 1' in done.stdout
