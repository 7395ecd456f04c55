"""Locks, appended lines and replaced files, on systems that lack what they need."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from manifests import MANIFEST

from mathreason_eval.errors import RunError
from mathreason_eval.runs import codec, files
from mathreason_eval.runs.descriptors import opened_parent
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.types import Generation


def generation(number: int) -> Generation:
    return Generation(problem_id=f"p{number}", sample=0, text="7")


def raising(number: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


# --- locks -----------------------------------------------------------------------------------

# fmt: off
FLOCKS = [
    # what flock says, what a user is told; None: the folder is written to
    (errno.EWOULDBLOCK, "Another process is writing"),
    (errno.ENOLCK,      None),
    (errno.EOPNOTSUPP,  None),
    (errno.ENOSYS,      None),
    (errno.EIO,         "cannot be written: Input/output error"),
]
# fmt: on


@pytest.mark.parametrize(("number", "says"), FLOCKS)
def test_only_a_lock_that_is_held_is_another_process(tmp_path, monkeypatch, number, says):
    monkeypatch.setattr(fcntl, "flock", raising(number))
    if says is None:
        with RunWriter(tmp_path) as writer:
            writer.append("sums", generation(0))
    else:
        with pytest.raises(RunError) as caught:
            RunWriter(tmp_path)
        assert says in caught.value.what


@pytest.fixture
def lockless(monkeypatch):
    monkeypatch.setattr(fcntl, "flock", raising(errno.ENOLCK))


@pytest.mark.usefixtures("lockless")
def test_without_locks_there_is_one_writer_at_a_time(tmp_path):
    with RunWriter(tmp_path), pytest.raises(RunError, match="a file system without locks") as said:
        RunWriter(tmp_path)
    assert str(os.getpid()) in said.value.what
    assert ".lock.owner" in said.value.hint
    with RunWriter(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def ended() -> int:
    """Return the number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


# fmt: off
OWNERS = [
    # what the file of an owner says, whether it is known to have ended
    (lambda: files._identity(ended()),                          True),
    (lambda: files._identity(os.getppid()),                     False),
    (lambda: {**files._identity(ended()), "host": "another"},   False),
    (lambda: {**files._identity(ended()), "space": "pid:[7]"},  False),
    (dict,                                                      False),
    (lambda: {"process": "x"},                                  False),
    (lambda: [1],                                               False),
]
# fmt: on


@pytest.mark.usefixtures("lockless")
@pytest.mark.parametrize(("owner", "gone"), OWNERS)
def test_without_locks_only_a_dead_process_of_this_machine_is_replaced(tmp_path, owner, gone):
    (tmp_path / ".lock.owner").write_text(json.dumps(owner()))
    if gone:
        with RunWriter(tmp_path):
            pass
    else:
        with pytest.raises(RunError, match="without locks"):
            RunWriter(tmp_path)


# --- durability ------------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch):
    """Return the calls of the system that order what a power cut leaves."""
    made = []
    for module, name in ((os, "fsync"), (os, "replace"), (os, "rename")):
        real = getattr(module, name)

        def call(*arguments, real=real, name=name, **options):
            kind = ""
            if name == "fsync":
                kind = "folder" if Path(f"/proc/self/fd/{arguments[0]}").is_dir() else "file"
            made.append(f"{name} {kind}".strip())
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, call)
    return made


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_replaced_file_is_synced_before_its_name_and_its_folder_after(tmp_path, calls):
    files.replace_file(tmp_path / "a.json", b"{}")
    assert [call.replace("rename", "replace") for call in calls] == [
        "fsync file", "replace", "fsync folder",
    ]  # fmt: skip


def test_the_last_line_is_synced_although_none_follows(tmp_path, monkeypatch):
    lines, synced = [], threading.Event()

    def sync(file: int) -> None:
        lines.append(os.fstat(file).st_size)
        if lines[-1] == 4:
            synced.set()

    monkeypatch.setattr(files, "sync", sync)
    monkeypatch.setattr(files, "SYNC_SECONDS", 0.01)
    appender = files.Appender(tmp_path / "lines")
    appender.append(b"1\n")
    appender.append(b"2\n")
    assert synced.wait(60)
    appender.close()


def test_lines_are_synced_in_groups_and_all_at_the_end(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(files, "sync", lambda file: sizes.append(os.fstat(file).st_size))
    monkeypatch.setattr(files, "SYNC_SECONDS", 600)
    appender = files.Appender(tmp_path / "lines")
    for _ in range(1000):
        appender.append(b"x\n")
    appender.close()
    assert sizes[-1] == 2000
    assert len(sizes) <= 2


def append_and_fail(folder, monkeypatch, error=None):
    """Append a line that the disk loses when it is synced, then raise an error, if any."""
    with RunWriter(folder) as writer:
        monkeypatch.setattr(files, "sync", raising(errno.EIO))
        writer.append("sums", generation(0))
        if error:
            raise error


def test_a_disk_that_fails_to_sync_is_an_error_of_the_run(tmp_path, monkeypatch):
    with pytest.raises(RunError, match="Input/output error"):
        append_and_fail(tmp_path, monkeypatch)


def test_an_earlier_error_is_not_hidden_by_it(tmp_path, monkeypatch):
    with pytest.raises(ZeroDivisionError):
        append_and_fail(tmp_path, monkeypatch, ZeroDivisionError())


# --- what cannot be written ------------------------------------------------------------------

# fmt: off
REFUSALS = [
    # what the system says, a word of the hint
    (errno.ENOSPC,       "Free some space"),
    (errno.EDQUOT,       "Free some space"),
    (errno.EROFS,        "another -o"),
    (errno.EACCES,       "another -o"),
    (errno.EIO,          "another -o"),
    (errno.ENAMETOOLONG, "another -o"),
]
# fmt: on


@pytest.mark.parametrize(("number", "hint"), REFUSALS)
@pytest.mark.parametrize("write", ["append", "write_manifest"])
def test_what_the_system_refuses_is_an_error_a_user_can_read(
    tmp_path, monkeypatch, write, number, hint
):
    with RunWriter(tmp_path) as writer:
        record = {"append": ("sums", generation(0)), "write_manifest": (MANIFEST,)}[write]
        monkeypatch.setattr(os, "open", raising(number))
        with pytest.raises(RunError) as caught:
            getattr(writer, write)(*record)
    assert os.strerror(number) in caught.value.what
    assert hint in caught.value.hint


def test_a_folder_whose_name_is_too_long_is_one(tmp_path):
    with pytest.raises(RunError, match="File name too long"):
        RunWriter(tmp_path / ("x" * 300))
    with pytest.raises(RunError, match="is not a run folder"):
        load_run(tmp_path / ("x" * 300))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_file_that_the_disk_does_not_give_back_is_one(tmp_path, monkeypatch):
    with RunWriter(tmp_path) as writer:
        writer.write_manifest(MANIFEST)
    run = load_run(tmp_path)
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "generations.jsonl").touch()
    broken = Path("/proc/self/mem")
    monkeypatch.setattr(codec, "opened_stored", lambda *_: broken.open("rb"))
    with pytest.raises(RunError, match="cannot be read: Input/output error"):
        run.generations("sums")


def test_a_replacement_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(files, "sync", raising(errno.ENOSPC))
    with pytest.raises(RunError, match="No space left"):
        files.replace_file(path, b"new")
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"a.json": b"old"}


# --- where a file is -------------------------------------------------------------------------


def test_something_is_due_once_an_interval(monkeypatch):
    times = [5.0, 5.0, 5.0 + 0.9 * files.CHECK_SECONDS, 5.0 + files.CHECK_SECONDS, 9.0, 9.0]
    monkeypatch.setattr(files.time, "monotonic", iter(times).__next__)
    interval = files.Interval()
    due = [interval.is_due() for _ in times]
    assert due == [True, False, False, True, True, False]


@pytest.mark.parametrize("part", ["run", "run/.lock", "run/t", "run/t/generations.jsonl"])
def test_what_is_moved_is_missed_by_the_next_look(tmp_path, monkeypatch, part):
    monkeypatch.setattr(files, "CHECK_SECONDS", 0.0)
    with pytest.raises(RunError, match="was moved"), RunWriter(tmp_path / "run") as writer:  # noqa: PT012
        (tmp_path / "run" / "t").mkdir()
        writer.append("t", generation(0))
        (tmp_path / part).rename(tmp_path / "elsewhere")
        writer.append("t", generation(0))
        pytest.fail("it was not missed")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a/..", "a/../b"])
def test_no_name_leads_out_of_a_folder(tmp_path, name):
    (tmp_path / "in" / "a").mkdir(parents=True)
    with (
        pytest.raises(OSError, match="not below"),
        opened_parent(tmp_path / "in" / name, tmp_path / "in"),
    ):
        pytest.fail("it was opened")
