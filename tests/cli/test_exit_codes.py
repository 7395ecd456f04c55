"""Exit codes of real processes: of a verdict, whatever becomes of its printing, and of a crash."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from gate_runs import edited, entry, imported, rows
from project import ROOT

pytestmark = pytest.mark.slow

PYTHON = [sys.executable, "-m", "mathreason_eval"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A run a model, and one that is not comparable with them."""
    models = ("base", "worse", "more", "right")
    folder = tmp_path_factory.mktemp("runs")
    imported(folder, [row for model in models for row in rows(model)])
    edited(folder / "base", folder / "other", entry(version=9))
    return folder


def mathreason(*words: object, **settings) -> subprocess.CompletedProcess[str]:
    env = {key: text for key, text in os.environ.items() if not key.startswith("GITHUB_")}
    env |= settings.pop("env", {})
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    command = [*PYTHON, *map(str, words)]
    return subprocess.run(command, text=True, check=False, env=env, **streams)


def closed() -> int:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


# fmt: off
VERDICTS = [
    # run, the baseline, exit code
    ("base",  "base", 0),
    ("worse", "base", 1),
    ("more",  "base", 3),
    ("other", "base", 4),
]
STREAMS = [
    # how the terminal is amiss: stdout, stderr, more environment
    pytest.param((None,   None,   {}),                               id="plain"),
    pytest.param((closed, None,   {}),                               id="closed"),
    pytest.param((full,   None,   {}),                               id="full"),
    pytest.param((None,   closed, {}),                               id="closed-stderr"),
    pytest.param((closed, full,   {}),                               id="both"),
    pytest.param((None,   None,   {"PYTHONIOENCODING": "latin-1"}),  id="latin-1"),
]
# fmt: on


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["table", "json"])
@pytest.mark.parametrize("terminal", STREAMS)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_keeps_its_code(runs, tmp_path, verdict, terminal, words):
    (after, before, code), (out, err, env) = verdict, terminal
    (tmp_path / "gate.yaml").write_text("margin: 1pp\n")  # Of which stderr says a word.
    streams = {name: made() for name, made in (("stdout", out), ("stderr", err)) if made}
    done = mathreason(
        *("gate", runs / after, "--baseline", runs / before, *words),
        **streams, env={**env, "PYTHONPATH": os.pathsep.join(sys.path)}, cwd=tmp_path,
    )  # fmt: skip
    for stream in streams.values():
        os.close(stream)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in (done.stderr or "")


# fmt: off
READING = [
    # words after which stdout is amiss: stdout, exit code, what is said
    (("tasks",),           closed, 0,  r""),
    (("tasks", "--json"),  closed, 0,  r""),
    (("--help",),          closed, 0,  r""),
    (("gate", "--help"),   closed, 0,  r""),
    (("tasks",),           full,   2,  r"error: Stdout cannot be written: No space left.*\n  .*\n"),
    (("tasks", "--json"),  full,   2,  r"error: Stdout cannot be written: No space left.*\n  .*\n"),
    (("gate", "--help"),   full,   2,  r"error: Stdout cannot be written: No space left.*\n  .*\n"),
]
# fmt: on


@pytest.mark.parametrize(("words", "out", "code", "says"), READING)
def test_a_reader_that_has_enough_is_no_error_and_a_full_disk_is(words, out, code, says):
    stream = out()
    done = mathreason(*words, stdout=stream)
    os.close(stream)
    assert (done.returncode, bool(re.fullmatch(says, done.stderr))) == (code, True), done.stderr


def test_a_task_found_wanting_is_so_on_a_closed_pipe(tmp_path):
    task = ROOT / "tasks" / "arithmetic"
    mine = tmp_path / "arithmetic"
    subprocess.run(["cp", "-r", task, mine], check=True)
    case = {"gold": "7", "output": "\\boxed{8}", "outcome": "correct"}
    with (mine / "cases.jsonl").open("a") as cases:
        cases.write(json.dumps(case) + "\n")
    words = ("check", "arithmetic", "--tasks-dir", tmp_path)
    stream = closed()
    codes = [mathreason(*words).returncode, mathreason(*words, stdout=stream).returncode]
    os.close(stream)
    assert codes == [1, 1]


# --- crashes ---------------------------------------------------------------------------------

CRASH = """
import sys
from mathreason_eval.cli import main
from mathreason_eval.gate import judging
def judge(*_): {0}
judging.judge = judge
sys.argv = ['mathreason', 'gate', sys.argv[1], '--baseline', sys.argv[1]]
main()
"""
# fmt: off
CRASHES = [
    # what the gate does instead of judging, what is said of it
    ("raise TypeError('no number\\n')",        "TypeError: no number"),
    ("raise MemoryError",                      "MemoryError: "),
    ("judge()",                                "RecursionError: maximum recursion depth"),
    ("raise SystemError('odd')",               "SystemError: odd"),
    ("raise BrokenPipeError(32, 'gone')",      "RuntimeError: a pipe broke: [Errno 32] gone"),
    ("raise SystemExit(1)",                    "RuntimeError: something left with 1"),
    ("sys.exit()",                             "RuntimeError: something left with None"),
    ("raise OSError(28, 'No space left')",     "OSError: [Errno 28] No space left"),
]
# fmt: on


def crashed(runs: Path, does: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CRASH.format(does), str(runs / "base")],
        capture_output=True, text=True, check=False, env={**os.environ, **env},
    )  # fmt: skip


@pytest.mark.parametrize(("does", "says"), CRASHES)
def test_a_crash_is_no_regression(runs, tmp_path, does, says):
    done = crashed(runs, does, TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (70, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(f"internal error, no verdict: {says}")
    trace = Path(second.removeprefix("  Its traceback, for a report: "))
    assert (trace.parent, trace.name[:11], trace.suffix) == (tmp_path, "mathreason-", ".txt")
    assert "Traceback (most recent call last)" in trace.read_text()


def test_where_no_file_can_be_written_the_traceback_is_on_stderr(runs):
    unwritable = "import tempfile; tempfile.tempdir = '/dev/null'; raise TypeError('no number')"
    done = crashed(runs, unwritable)
    assert (done.returncode, done.stdout) == (70, "")
    assert "Traceback (most recent call last)" in done.stderr


def test_an_interrupt_is_none(runs):
    assert crashed(runs, "raise KeyboardInterrupt").returncode == 130


def test_a_damaged_run_is_no_regression_either(runs, tmp_path):
    run = edited(runs / "base", tmp_path / "run")
    generations = run / "gsm8k" / "generations.jsonl"
    held = [json.loads(line) for line in generations.read_text().splitlines()]
    damaged = ({**row, "completion_tokens": [row["completion_tokens"]]} for row in held)
    generations.write_text("".join(json.dumps(row) + "\n" for row in damaged))
    assert mathreason("gate", run, "--baseline", runs / "base").returncode in (2, 70)
