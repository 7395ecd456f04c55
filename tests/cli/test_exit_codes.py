"""Exit codes of real processes: of a verdict, whatever becomes of its printing, and of a crash.

One row of each kind starts an interpreter of its own; the others are forked (see `forked.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios
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


@pytest.fixture(scope="module")
def quick(forked) -> list[str]:
    """What stands in the place of PYTHON where the start of the interpreter decides nothing."""
    return [*forked.mathreason]


def mathreason(*words: object, start=PYTHON, **settings) -> subprocess.CompletedProcess[str]:
    env = {key: text for key, text in os.environ.items() if not key.startswith("GITHUB_")}
    env |= settings.pop("env", {})
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    command = [*start, *map(str, words)]
    return subprocess.run(command, text=True, check=False, env=env, **streams)


def closed() -> int:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
# fmt: off
VERDICTS = [
    # run, the baseline, exit code
    ("right", "base", 0),
    ("worse", "base", 1),
    ("more",  "base", 3),
    ("other", "base", 4),
]
SAID = [*((verdict, ()) for verdict in VERDICTS), (VERDICTS[1], ("--json",))]
STREAMS = [
    # how the terminal is amiss: stdout, stderr, more environment
    pytest.param((None,   None,   {}),                               id="plain"),
    pytest.param((closed, None,   {}),                               id="closed"),
    pytest.param((full,   None,   {}),                               id="full"),
    pytest.param((None,   closed, {}),                               id="closed-stderr"),
    pytest.param((closed, full,   {}),                               id="both"),
    pytest.param((None,   None,   {"PYTHONIOENCODING": "latin-1"}),  id="latin-1"),
    pytest.param((None,   None,   ASCII),                            id="ascii"),
]
# fmt: on


@pytest.mark.parametrize("terminal", STREAMS)
@pytest.mark.parametrize(("verdict", "words"), SAID)
def test_a_verdict_keeps_its_code(runs, quick, tmp_path, verdict, terminal, words):
    (after, before, code), (out, err, env) = verdict, terminal
    start = PYTHON if (verdict, words) == (VERDICTS[1], ()) else quick
    (tmp_path / "gate.yaml").write_text("margin: 1pp\n")  # Of which stderr says a word.
    streams = {name: made() for name, made in (("stdout", out), ("stderr", err)) if made}
    done = mathreason(
        *("gate", runs / after, "--baseline", runs / before, *words),
        **streams, env={**env, "PYTHONPATH": os.pathsep.join(sys.path)}, cwd=tmp_path, start=start,
    )  # fmt: skip
    for stream in streams.values():
        os.close(stream)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in (done.stderr or "")


def on_terminal(words: list[object], columns: int, *, hung_up: bool) -> tuple[int, str]:
    """Run a command on a terminal; return its exit code and what the terminal got."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, columns))
    env = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen([*map(str, words)], stdout=its, stderr=its, env=env)
    os.close(its)
    shown = []
    if hung_up:
        os.close(ours)
    else:
        with contextlib.suppress(OSError):  # Linux's way to say that nobody writes any more.
            while part := os.read(ours, 4096):
                shown.append(part)
        os.close(ours)
    return process.wait(), b"".join(shown).decode()


@pytest.mark.parametrize("hung_up", [False, True])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_keeps_its_code_on_a_terminal(runs, quick, verdict, hung_up):
    after, before, code = verdict
    start = PYTHON if verdict == VERDICTS[1] else quick
    words = [*start, "gate", runs / after, "--baseline", runs / before]
    found, shown = on_terminal(words, 60, hung_up=hung_up)
    assert found == code
    assert ("gsm8k" in shown) == (not hung_up)
    assert "Traceback" not in shown


def test_outputs_that_cannot_be_written_leave_the_verdict(runs, tmp_path):
    words = ("gate", runs / "worse", "--baseline", runs / "base", "--json")
    done = mathreason(*words, "--junit", "/dev/full", "--summary", "/dev/full", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["answer"]) == (1, "regression")
    said = re.findall(
        r"^error: /dev/full cannot be written: No space left.*", done.stderr, re.MULTILINE
    )
    assert len(said) == 2


# fmt: off
FULL = r"error: Stdout cannot be written: No space left.*\n  .*\n\Z"
OTHERS = [
    # words, the exit code, and what it is where stdout is full: a verb that only prints has failed
    (("--help",),                                                       0, 2),
    (("--version",),                                                    0, 2),
    (("gate", "--help"),                                                0, 2),
    (("tasks",),                                                        0, 2),
    (("tasks", "--json"),                                               0, 2),
    (("list", "graders"),                                               0, 2),
    (("show", "{base}"),                                                0, 2),
    (("show", "{base}", "--outcome", "wrong", "--json"),                0, 2),
    (("show", "arithmetic"),                                            0, 2),
    (("verify", "--gold", "1", "--answer", "2"),                        0, 2),
    (("verify", "--jsonl", "{rows}"),                                   0, 2),
    (("compare", "{base}", "{worse}"),                                  0, 2),
    (("compare", "{base}", "{other}"),                                  4, 4),
    (("plan", "--baseline", "{base}", "--detect", "2pp"),               0, 2),
    (("check", "arithmetic"),                                           0, 0),
    (("run", "fake:answer=7", "-t", "arithmetic", "--limit", "2", "-o", "{new}"),  0, 0),
    (("import", "jsonl", "{outputs}", "-t", "gsm8k", "-o", "{new}"),    0, 0),
    (("regrade", "{right}"),                                            0, 0),
    (("leaderboard", "{base}", "-o", "{new}"),                          0, 0),
    (("tsaks",),                                                        2, 2),
    (("show", "nowhere"),                                               2, 2),
]
STARTED = [("--version",), ("show", "{base}"), ("compare", "{base}", "{other}"), ("tsaks",)]
# fmt: on


@pytest.mark.parametrize("way", ["closed", "full", "none"])
@pytest.mark.parametrize("verb", OTHERS, ids=str)
def test_every_verb_keeps_its_code(runs, quick, tmp_path, verb, way):
    words, code, on_full = verb
    start = PYTHON if words in STARTED else quick
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "\u6f22", "gold": "1", "answer": "1"}\n' * 3)
    outputs = tmp_path / "outputs.jsonl"
    row = {"id": "a", "question": "1+1?", "gold": "2", "output": "2", "model": "\u6f22"}
    outputs.write_text(json.dumps(row) + "\n")
    places = {name: str(runs / name) for name in ("base", "worse", "other", "right")}
    places |= {"rows": str(rows), "outputs": str(outputs), "new": str(tmp_path / "new")}
    named = [word.format(**places) for word in words]
    if way == "none":
        shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *start, *named]
        done = subprocess.run(shell, text=True, check=False, stderr=subprocess.PIPE)
    else:
        stream = {"closed": closed, "full": full}[way]()
        done = mathreason(*named, stdout=stream, start=start)
        os.close(stream)
    assert done.returncode == (on_full if way == "full" else code), done.stderr
    said = "error: Stdout" in done.stderr
    assert said == (way == "full" and code not in (2, 4)), done.stderr
    assert "internal error" not in done.stderr
    if said:
        assert re.search(FULL, done.stderr)


def test_files_of_a_run_are_never_a_standard_stream(tmp_path):
    """A library that writes to a closed stdout would write into the first file that is opened."""
    script = tmp_path / "loud.py"
    script.write_text(
        "import os, sys\n"
        "from mathreason_eval.models import base\n"
        "from mathreason_eval.cli import main\n"
        "from mathreason_eval.runs import store\n"
        "opened = store.Path.open\n"
        "def loud(*words, **options):\n"
        "    file = opened(*words, **options)\n"
        "    os.write(1, b'noise'); os.write(2, b'noise')\n"
        "    return file\n"
        "store.Path.open = loud\n"
        "main()\n"
    )
    words = ["run", "fake:answer=7", "-t", "arithmetic", "--limit", "3", "-o", str(tmp_path / "r")]
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, str(script), *words]
    assert subprocess.run(shell, check=False).returncode == 0
    written = [file.read_bytes() for file in (tmp_path / "r").rglob("*") if file.is_file()]
    assert written
    assert not any(b"noise" in content for content in written)


def test_rows_from_a_closed_stdin_are_an_error(tmp_path):
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", *PYTHON, "verify", "--jsonl", "-"]
    done = subprocess.run(shell, text=True, check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: Stdin is closed.")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_json_is_the_same_in_every_encoding(tmp_path, encoding):
    rows = tmp_path / "rows.jsonl"
    text = "\u6f22\u202e\x7f\x1b[31m\ud800"
    rows.write_text(json.dumps({"id": text, "gold": text, "answer": text}) + "\n")
    done = mathreason("verify", "--jsonl", rows, env={"PYTHONIOENCODING": encoding})
    answer = json.loads(done.stdout)
    assert (answer["id"], answer["answer"]) == (text, text)
    assert done.stdout.strip().isprintable()


def test_a_name_keeps_its_letters_where_the_terminal_lacks_them(runs, tmp_path):
    outputs = tmp_path / "outputs.jsonl"
    row = {"id": "a", "question": "1+1?", "gold": "2", "output": "2", "model": "\u6f22\u5b57"}
    outputs.write_text(json.dumps(row) + "\n")
    words = ("import", "jsonl", outputs, "-t", "gsm8k", "-o", tmp_path / "new")
    done = mathreason(*words, env=ASCII)
    assert "\\u6f22\\u5b57" in done.stdout
    assert "100.0" in done.stdout


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


PRINTING = """
import sys
from mathreason_eval.cli import main
from mathreason_eval.cli.screens import gate
from mathreason_eval.gate import outputs
def fail(*_): {0}
gate.print_judgement = outputs.junit = fail
sys.argv = ['mathreason', 'gate', *sys.argv[1:], '--junit', 'x.xml']
main()
"""
FAILURES = ["raise TypeError('odd')", "raise MemoryError", "fail()", "raise OSError(5, 'odd')"]


@pytest.mark.parametrize("does", FAILURES)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_crash_while_printing_leaves_the_verdict(runs, forked, tmp_path, verdict, does):
    after, before, code = verdict
    python = [sys.executable] if verdict == VERDICTS[1] else forked.command
    program = [*python, "-c", PRINTING.format(does)]
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*program, runs / after, "--baseline", runs / before],
        text=True,
        capture_output=True,
        check=False,
        env=env,
        cwd=tmp_path,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.count("internal error, this could not be printed: ") == 2
    assert len(list(tmp_path.glob("mathreason-*.txt"))) == 2


def test_an_installation_that_cannot_be_imported_is_no_regression(tmp_path):
    (tmp_path / "click.py").write_text("raise ImportError('no click')\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = mathreason("tasks", env={"PYTHONPATH": path})
    assert (done.returncode, "no click" in done.stderr) == (70, True)


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
    ("import asyncio; raise asyncio.CancelledError", "CancelledError: "),
    ("raise BaseException('panic')",           "BaseException: panic"),
    ("raise GeneratorExit",                    "GeneratorExit: "),
    ("raise SystemExit(1)",                    "RuntimeError: something exited with 1"),
    ("sys.exit()",                             "RuntimeError: something exited with None"),
    ("raise OSError(28, 'No space left')",     "OSError: [Errno 28] No space left"),
]
# fmt: on


def crashed(runs: Path, does: str, python=(sys.executable,), **env: str):
    return subprocess.run(
        [*python, "-c", CRASH.format(does), str(runs / "base")],
        capture_output=True, text=True, check=False, env={**os.environ, **env},
    )  # fmt: skip


@pytest.mark.parametrize(
    "verb", [["show"], ["compare", "{}"], ["serve"], ["leaderboard", "-o", "x"]]
)
def test_a_name_that_no_file_can_have_is_an_error_of_the_user(quick, verb, tmp_path):
    name = 5000 * "a"
    done = mathreason(*(word.format(name) for word in verb), name, cwd=tmp_path, start=quick)
    assert done.returncode == 2
    assert "longer than a name can be" in done.stderr
    assert len(done.stderr) < 1000


@pytest.mark.parametrize(("does", "says"), CRASHES)
def test_a_crash_is_no_regression(runs, forked, tmp_path, does, says):
    python = [sys.executable] if (does, says) == CRASHES[0] else forked.command
    done = crashed(runs, does, python, TMPDIR=str(tmp_path))
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
