"""Processes that an engine starts end with us, and no others do."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from processes import children, is_alive, wait_until_gone

from mathreason_eval.models.guardian import Guardian

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

SLEEP = "import time; time.sleep(600)"
PARENT = f"""
import subprocess, sys
nap = {SLEEP!r}
two = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', " + repr(nap) + "]).wait()"
"""


@pytest.fixture
def program():
    """Return a function that runs a program which starts processes, and says which."""
    running = []

    def start(code: str) -> list[int]:
        one = subprocess.Popen(
            [sys.executable, "-c", PARENT + textwrap.dedent(code)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(one)
        said = [int(word) for word in one.stdout.readline().split()]
        return [one, *said]

    yield start
    for one in running:
        one.kill()
        one.wait()
        one.stdout.close()


def test_what_an_engine_started_and_its_children_end_with_us_and_nothing_else(program):
    parent, before, engine, after = program("""
        import time
        from mathreason_eval.models.guardian import Guardian
        before = subprocess.Popen([sys.executable, "-c", nap])
        with Guardian():
            engine = subprocess.Popen([sys.executable, "-c", two])
        after = subprocess.Popen([sys.executable, "-c", nap])
        print(before.pid, engine.pid, after.pid, flush=True)
        time.sleep(600)
    """)
    while not (inner := children(engine)):
        time.sleep(0.05)
    parent.kill()
    try:
        wait_until_gone([engine, *inner])
        assert is_alive(before)
        assert is_alive(after)
    finally:
        for process in (before, after):
            os.kill(process, 9)


def test_a_process_that_is_still_loading_ends_with_us(program):
    parent, engine = program("""
        import time
        from mathreason_eval.models.guardian import Guardian
        with Guardian():
            engine = subprocess.Popen([sys.executable, "-c", nap])
            time.sleep(1)
            print(engine.pid, flush=True)
            time.sleep(600)
    """)
    parent.kill()
    wait_until_gone([engine])


@pytest.mark.parametrize("loads", ["pass", "raise KeyError"])
def test_after_an_engine_has_closed_it_ends_nothing(program, loads):
    _, engine, left = program(f"""
        import time
        from mathreason_eval.models.guardian import Guardian, _children
        guardian = Guardian()
        try:
            with guardian:
                engine = subprocess.Popen([sys.executable, "-c", nap])
                {loads}
            guardian.close()
        except KeyError:
            pass
        import os
        print(engine.pid, len(_children(os.getpid())), flush=True)
        time.sleep(600)
    """)
    assert left == 1
    time.sleep(0.5)
    assert is_alive(engine)
    os.kill(engine, 9)


def test_the_guardian_knows_no_secret(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    one = Guardian()
    environment = Path(f"/proc/{one._program.pid}/environ").read_bytes()
    one.close()
    assert b"secret" not in environment
