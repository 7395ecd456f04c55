"""What is unpacked outlives its process no longer than until the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from mathreason_eval.gate.temporary import temporary_folder

HOLDS = """
from mathreason_eval.gate.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "run").mkdir()
    (folder / "run" / "answer").write_text("secret")
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(place):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(place)},
    ) as process:
        assert process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGQUIT, signal.SIGABRT])
def test_what_a_killed_process_left_is_gone_with_the_next(place, holder, end):
    holder.send_signal(end)
    holder.wait()
    with temporary_folder() as folder:
        assert [*place.iterdir()] == [folder.parent]
    assert not [*place.iterdir()]


def test_what_a_living_process_holds_stays(place, holder):
    (held,) = place.iterdir()
    with temporary_folder():
        assert (held / "content" / "run" / "answer").read_text() == "secret"


def test_what_nobody_of_ours_made_stays_whatever_its_name(place):
    (mine := place / "mathreason-baseline-v1").mkdir()
    (mine / "thesis.txt").write_text("mine")
    with temporary_folder():
        pass
    assert (mine / "thesis.txt").read_text() == "mine"


def test_a_link_is_not_followed(place, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").touch()
    (place / "mathreason-baseline-x").symlink_to(elsewhere)
    with temporary_folder():
        pass
    assert (elsewhere / "kept").exists()
