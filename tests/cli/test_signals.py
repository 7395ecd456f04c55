"""Ctrl-C, TERM and HUP: what is in flight is stored and judged, and the code is the signal's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from mathreason_eval.runs.store import load_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROBLEMS = 100


def script(folder: Path, seconds: float) -> Path:
    """Write a script whose every fourth answer takes so long, and the others no time."""
    path = folder / "script.yaml"
    rules = [{"contains": f"{digit} ", "seconds": seconds, "text": "3"} for digit in (1, 5)]
    rules.append({"text": "\\boxed{7}", "seconds": 0.05})
    path.write_text(json.dumps({"concurrency": 4, "rules": rules}))
    return path


def command(folder: Path, seconds: float, *words: str) -> list[str]:
    return [
        *(sys.executable, "-m", "mathreason_eval", "run", f"fake:{script(folder, seconds)}"),
        *("-t", "arithmetic", "--limit", str(PROBLEMS), "-o", str(folder / "run"), *words),
    ]


def started(command: list[str], samples: Path, **options) -> subprocess.Popen[str]:
    """Start a run and return once it has stored a sample."""
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
    while running.poll() is None and not (samples.is_file() and samples.stat().st_size):
        time.sleep(0.01)
    return running


def samples(folder: Path) -> Path:
    return folder / "run" / "arithmetic" / "generations.jsonl"


def stored(folder: Path) -> list[str]:
    return [json.loads(line)["problem_id"] for line in samples(folder).read_text().splitlines()]


# fmt: off
SIGNALS = [
    # the signal, the exit code
    (signal.SIGINT,  130),
    (signal.SIGTERM, 143),
    (signal.SIGHUP,  129),
]
# fmt: on


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_what_is_in_flight_is_stored_and_judged(tmp_path, number, code):
    running = started(command(tmp_path, 0.3), samples(tmp_path))
    running.send_signal(number)
    said = running.communicate()[1]
    assert running.returncode == code, said
    assert "the same command resumes" in said
    assert "Traceback" not in said
    run = load_run(tmp_path / "run")
    held = stored(tmp_path)
    assert 0 < len(held) < PROBLEMS
    assert len(set(held)) == len(held) == len(run.verdicts("arithmetic"))
    assert run.manifest.finished is None
    assert run.metrics()
    subprocess.run(command(tmp_path, 0.3), check=True, capture_output=True)
    assert sorted(stored(tmp_path)) == sorted(set(stored(tmp_path)))
    assert len(stored(tmp_path)) == PROBLEMS
    assert load_run(tmp_path / "run").manifest.finished is not None


def test_a_second_signal_ends_at_once(tmp_path):
    running = started(command(tmp_path, 600), samples(tmp_path))
    running.send_signal(signal.SIGTERM)
    first = running.stderr.readline() + running.stderr.readline()
    assert "SIGTERM: finishing what is in flight" in first
    time.sleep(1)
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 143
    assert "ended at once" in running.stderr.read()
    running.stderr.close()
    assert stored(tmp_path)


def test_two_signals_of_one_moment_are_one(tmp_path):
    running = started(command(tmp_path, 0.3), samples(tmp_path))
    running.send_signal(signal.SIGTERM)
    running.send_signal(signal.SIGHUP)
    said = running.communicate()[1]
    assert running.returncode in {143, 129}
    assert "at once;" not in said.replace("again: at once", "")
    assert len(load_run(tmp_path / "run").verdicts("arithmetic")) == len(stored(tmp_path))


def test_the_grace_period_ends(tmp_path):
    """Answers that take ten minutes are not waited for."""
    running = started(command(tmp_path, 600), samples(tmp_path))
    running.send_signal(signal.SIGTERM)
    said = running.communicate()[1]
    assert running.returncode == 143, said
    assert len(load_run(tmp_path / "run").verdicts("arithmetic")) == len(stored(tmp_path))


def test_a_signal_that_the_caller_ignores_is_ignored(tmp_path):
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    running = started(command(tmp_path, 0.0), samples(tmp_path), preexec_fn=ignore)
    running.send_signal(signal.SIGHUP)
    running.communicate()
    assert running.returncode == 0


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_before_a_run_asks_a_signal_ends_it_at_once(tmp_path, number, code):
    crash = ["-c", f"""if True:
        import os, signal, sys
        from mathreason_eval.pipeline import run
        from mathreason_eval.cli import main
        run.preflight = lambda *_: os.kill(os.getpid(), {int(number)})
        sys.argv = ["mathreason", "run", "fake:echo", "-t", "arithmetic", "-o", {str(tmp_path)!r}]
        main()
    """]  # fmt: skip
    done = subprocess.run([sys.executable, *crash], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_caller_s_program_keeps_its_handlers(tmp_path):
    code = f"""if True:
        import signal
        before = [signal.getsignal(n) for n in signal.valid_signals()]
        from mathreason_eval import evaluate
        import mathreason_eval.cli
        evaluate(model="fake:answer=7", tasks=["arithmetic"], limit=2, out={str(tmp_path)!r})
        assert before == [signal.getsignal(n) for n in signal.valid_signals()]
    """
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))


# fmt: off
STORES = [
    # the verb; whether it is said that what was finished is stored
    ("run",          True),
    ("import",       True),
    ("serve-grader", False),
    ("show",         False),
    ("verify",       False),
]
# fmt: on


@pytest.mark.parametrize(("verb", "stores"), STORES)
def test_only_a_verb_that_stores_what_is_finished_says_so(verb, stores, monkeypatch):
    from mathreason_eval.cli import signals, verbs

    monkeypatch.setattr(signals.SIGNALS, "resumes", not stores)
    verbs.resolve_command(click.Context(verbs), [verb])
    assert ("the same command resumes" in signals.SIGNALS.what_is_left) == stores
