"""A folder from somebody else: what is in it leads nowhere else, whoever reads or writes it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from gate_runs import imported, rows
from manifests import MANIFEST

from mathreason_eval import evaluate
from mathreason_eval.errors import RunError
from mathreason_eval.runs import files, store
from mathreason_eval.runs.access import check_writable
from mathreason_eval.runs.contents import check_contents
from mathreason_eval.runs.store import find_runs, load_run
from mathreason_eval.runs.writer import RunWriter

TASK_FILES = ("problems", "prompts", "generations", "verdicts", "failures", "unusable")
NAMES = (
    *("manifest.json", "metrics.json", ".lock", ".lock.owner", "manifest.json.new"),
    *(f"sums/{name}.jsonl" for name in TASK_FILES),
    *("sums/generations.jsonl.damaged", "sums", "sums/deep/er", "other"),
)
"""Every name that is written, and some that are not."""
USES = {"read": load_run, "find": find_runs, "write": RunWriter, "look at": check_writable}
MAKERS = {
    "is a link": lambda path, target: path.symlink_to(target),
    "is a pipe": lambda path, _: os.mkfifo(path),
    "is a socket": lambda path, _: os.mknod(path, stat.S_IFSOCK | 0o600),
    "is a device": lambda path, _: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)),
}


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "start file"
    path.write_text("mine")
    return path


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    with RunWriter(folder) as writer:
        writer.write_manifest(MANIFEST)
        for name in TASK_FILES:
            files.replace_file(folder / "sums" / f"{name}.jsonl", b"", within=folder)
    return folder


def put(path: Path, why: str, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    try:
        MAKERS[why](path, target)
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_with_a_link_of_any_name_is_refused_and_the_target_is_as_it_was(
    run, target, name, use
):
    put(run / name, "is a link", target)
    with pytest.raises(RunError, match="is a link"):
        USES[use](run)
    assert target.read_text() == "mine"


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("why", MAKERS)
@pytest.mark.parametrize("name", ["manifest.json", ".lock", "sums/verdicts.jsonl"])
def test_what_is_no_plain_file_is_refused_before_it_is_opened(run, target, name, why, use):
    put(run / name, why, target)
    with pytest.raises(RunError, match=why):
        USES[use](run)


def test_a_file_of_another_user_is_refused(run):
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(run / "sums" / "verdicts.jsonl", 1234, -1)
    with pytest.raises(RunError, match="belongs to another user"):
        load_run(run)
    for path in (run, *run.rglob("*")):
        os.chown(path, 1234, -1)
    load_run(run)


def test_a_link_to_a_folder_is_the_users_own(run, tmp_path):
    (tmp_path / "latest").symlink_to(run)
    assert load_run(tmp_path / "latest").manifest == MANIFEST
    with RunWriter(tmp_path / "latest") as writer:
        writer.write_metrics(())
    assert (run / "metrics.json").exists()
    check_writable(tmp_path / "latest")


def test_a_lock_that_holds_something_keeps_it(run):
    (run / ".lock").write_text("notes")
    with RunWriter(run):
        pass
    assert (run / ".lock").read_text() == "notes"


# --- links that came after the check -------------------------------------------------------------


@pytest.mark.parametrize("folder", ["sums", "sums/generations.jsonl"])
def test_what_is_appended_follows_no_link(run, target, tmp_path, folder):
    (tmp_path / "elsewhere").mkdir()
    put(run / folder, "is a link", target if folder.endswith("jsonl") else tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        files.Appender(run / "sums" / "generations.jsonl", run)
    assert target.read_text() == "mine"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_replaced_link_is_replaced_and_not_followed(run, target):
    put(run / "metrics.json", "is a link", target)
    files.replace_file(run / "metrics.json", b"[]", within=run)
    assert (run / "metrics.json").read_bytes() == b"[]"
    assert not (run / "metrics.json").is_symlink()
    assert target.read_text() == "mine"


def test_a_replaced_file_in_a_linked_folder_is_an_error(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    put(run / "sums", "is a link", tmp_path / "elsewhere")
    with pytest.raises(RunError, match="cannot be written"):
        files.replace_file(run / "sums" / "verdicts.jsonl", b"", within=run)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["generations", "verdicts", "failures"])
def test_what_is_appended_leaves_a_file_with_a_second_name_alone(run, target, name):
    path = run / "sums" / f"{name}.jsonl"
    path.unlink()
    path.hardlink_to(target)
    with pytest.raises(OSError, match="another name"):
        files.Appender(path, run)
    # A file that is replaced gets a name of its own.
    files.replace_file(path, b"", within=run)
    assert target.read_text() == "mine"


def test_a_lock_with_a_second_name_is_not_taken(run, target):
    (run / ".lock").unlink()
    (run / ".lock").hardlink_to(target)
    with pytest.raises(RunError, match="another name"):
        RunWriter(run)


@pytest.mark.parametrize(("mode", "file", "inner"), [(None, 0o600, 0o700), (0o755, 0o644, 0o755)])
def test_what_is_in_a_folder_is_as_private_as_the_folder(tmp_path, mode, file, inner):
    folder, before = tmp_path / "made", os.umask(0o022)
    try:
        if mode is not None:
            folder.mkdir(mode)
        with RunWriter(folder) as writer:
            writer.write_manifest(MANIFEST)
            writer.append_verdicts("sums", ())
            writer.write_problems("sums", ())
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == (mode or 0o700)
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (inner if path.is_dir() else file), path


@pytest.mark.parametrize("append", [False, True])
def test_a_file_that_a_user_names_and_that_has_a_second_name_is_left_alone(
    target, tmp_path, append
):
    (tmp_path / "junit.xml").hardlink_to(target)
    with pytest.raises(OSError, match="another name"):
        files.write_named(tmp_path / "junit.xml", b"<testsuites/>", append=append)
    assert target.read_text() == "mine"


@pytest.mark.parametrize("append", [False, True])
def test_a_file_that_a_user_names_is_written_through_no_link(target, tmp_path, append):
    (tmp_path / "junit.xml").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        files.write_named(tmp_path / "junit.xml", b"<testsuites/>", append=append)
    assert target.read_text() == "mine"
    files.write_named(Path("/dev/null"), b"x", append=append)


def test_a_pipe_that_nobody_reads_is_an_error(tmp_path):
    os.mkfifo(tmp_path / "junit.xml")
    with pytest.raises(OSError, match="No such device"):
        files.write_named(tmp_path / "junit.xml", b"x")


def test_an_import_writes_to_no_folder_that_a_link_leads_to(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "base").symlink_to(tmp_path / "project")
    with pytest.raises(RunError, match="is a link"):
        imported(tmp_path / "out", rows("base", 2))
    assert not list((tmp_path / "project").iterdir())


def test_entries_are_bounded(run, monkeypatch):
    monkeypatch.setattr("mathreason_eval.runs.contents._MAX_ENTRIES", 3)
    with pytest.raises(RunError, match="one of more than 3 files"):
        check_contents(run)


SWAPPED = ["manifest.json", "metrics.json", "arithmetic",
           *(f"arithmetic/{name}.jsonl" for name in TASK_FILES[:4])]  # fmt: skip
"""What may become a link between the look at a folder and the reading of it."""


def read_all(path: Path) -> None:
    found = load_run(path)
    found.metrics()
    for task in found.tasks():
        for read in (found.problems, found.prompts, found.verdicts, found.generations, found.infos):
            read(task)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    return evaluate(model="fake:answer=1", tasks="arithmetic", limit=2, out=out).path


@pytest.mark.parametrize("name", SWAPPED)
def test_what_becomes_a_link_after_the_look_is_not_followed(whole_run, tmp_path, monkeypatch, name):
    path, mine = tmp_path / "run", tmp_path / "mine"
    shutil.copytree(whole_run, path)
    read_all(path)

    def look_and_swap(folder: Path) -> None:
        check_contents(folder)
        if not mine.exists():
            # The very content, so that only the link can be what is refused.
            (path / name).rename(mine)
            (path / name).symlink_to(mine)

    monkeypatch.setattr(store, "check_contents", look_and_swap)
    with pytest.raises(RunError, match="cannot be read"):
        read_all(path)
