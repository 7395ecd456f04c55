"""A verb reads each file of a run once, and what it writes itself it need not read."""

from __future__ import annotations

import json
import subprocess
from collections import Counter

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import collections, json, os, sys

folders, log = sys.argv.pop(1).split(os.pathsep), sys.argv.pop(1)
reads = collections.Counter()

def note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path, _, flags = arguments
        path = os.path.abspath(os.fsdecode(path))
        reading = flags & (os.O_ACCMODE | os.O_DIRECTORY) == os.O_RDONLY
        if reading and path.startswith(tuple(folders)):
            reads[path] += 1

def noting(path, flags, mode=0o777, *, dir_fd=None, open=os.open):
    if dir_fd is not None:
        note("open", (os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), path), None, flags))
    return open(path, flags, mode, dir_fd=dir_fd)

# The hook is not told which folder a name is relative to.
os.open = noting
sys.addaudithook(note)
from mathreason_eval.cli import main
try:
    main()
finally:
    found = dict(reads)
    with open(log, "w") as out:
        json.dump(found, out)
"""
SCRIPT = '- text: "The answer is \\\\boxed{7}."\n'
FILES = {"manifest.json", "metrics.json", *(f"arithmetic/{name}.jsonl" for name in
         ("problems", "generations", "verdicts"))}  # fmt: skip


@pytest.fixture
def reads(tmp_path, forked):
    """Return a function that runs a verb and counts how often it opens which file of a run."""

    def run(*words):
        log = tmp_path / "log.json"
        folders = ":".join(f"{tmp_path / name}/" for name in ("one", "two"))
        command = [*forked.command, "-c", PROGRAM, folders, str(log), *map(str, words)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=100, cwd=tmp_path
        )
        assert done.returncode in {0, 1, 3}, done.stderr
        found = json.loads(log.read_text())
        return Counter({path.removeprefix(f"{tmp_path}/"): n for path, n in found.items()})

    return run


@pytest.fixture
def make(reads, tmp_path):
    """Return a function that makes a run in a folder and counts what is read meanwhile."""
    script = tmp_path / "script.yaml"
    script.write_text(SCRIPT)

    def made(name, samples=2):
        options = ("-t", "arithmetic", "--limit", 30, "-n", samples, "--second", "number")
        return reads("run", f"fake:{script}", *options, "-o", tmp_path / name)

    return made


def test_a_run_reads_of_what_it_wrote_the_problems_alone(make):
    assert make("one") == {"one/arithmetic/problems.jsonl": 1}


def test_a_run_that_goes_on_reads_each_file_of_samples_once(make):
    make("one")
    found = make("one", samples=4)
    assert found["one/arithmetic/generations.jsonl"] == 1
    # All of it is written again.
    assert found["one/metrics.json"] == 0
    assert found["one/arithmetic/verdicts.jsonl"] == 1


@pytest.mark.parametrize("words", [("regrade",), ("show",), ("show", "--outcome", "wrong")])
def test_a_verb_reads_each_file_of_a_run_once(make, reads, tmp_path, words):
    make("one")
    verb, *options = words
    found = reads(verb, tmp_path / "one", *options)
    # Texts are not held: who judges them reads them as they pass.
    assert found.pop("one/arithmetic/generations.jsonl") == (2 if verb == "regrade" else 1)
    assert set(found.values()) == {1}, found


@pytest.mark.parametrize("words", [("compare", "one", "two"), ("gate", "two", "--baseline", "one")])
def test_a_comparison_reads_each_file_of_both_runs_once(make, reads, words):
    make("one")
    make("two")
    found = reads(*words)
    assert set(found.values()) == {1}, found
    wanted = {f"{run}/{name}" for run in ("one", "two") for name in FILES - {"metrics.json"}}
    assert wanted <= set(found)
