"""Baselines in folders, archives and commits; archives that mean harm."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile

import pytest
from gate_runs import imported, rows

from mathreason_eval.errors import RunError
from mathreason_eval.gate.baseline import open_baseline
from mathreason_eval.runs.store import load_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return imported(tmp_path_factory.mktemp("baseline"), rows("base", 4)) / "base"


def tarred(run, path, mode):
    with tarfile.open(path, mode) as archive:
        archive.add(run, arcname="some/where/base")


def zipped(run, path, _):
    with zipfile.ZipFile(path, "w") as archive:
        for file in run.rglob("*.json*"):
            archive.write(file, file.relative_to(run.parent))


# fmt: off
ARCHIVES = [
    ("base.tar.gz", tarred, "w:gz"), ("base.tgz", tarred, "w:gz"), ("base.tar", tarred, "w"),
    ("base.zip", zipped, ""),
]
# fmt: on


@pytest.mark.parametrize(("name", "make", "mode"), ARCHIVES)
def test_an_archive_is_the_run_in_it_and_leaves_nothing(run, tmp_path, name, make, mode):
    make(run, tmp_path / name, mode)
    with open_baseline(str(tmp_path / name)) as found:
        room = found.path
        assert found.manifest == load_run(run).manifest
        assert len(found.verdicts("gsm8k")) == 8
    assert not room.exists()


def test_a_folder_may_hold_the_one_run(run):
    with open_baseline(str(run.parent)) as found:
        assert found.path == run


def member(name, **fields):
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


# fmt: off
HOSTILE = [
    # members of a tar; what is said
    ([member("../evil")],                                          "leads out"),
    ([member("a/../../evil")],                                     "leads out"),
    ([member("/tmp/evil")],                                        "leads out"),
    ([member("C:\\evil")],                                         "leads out"),
    ([member("link", type=tarfile.SYMTYPE, linkname="/etc")],      "a link or a device"),
    ([member("link", type=tarfile.LNKTYPE, linkname="/etc/hosts")], "a link or a device"),
    ([member("tape", type=tarfile.CHRTYPE)],                       "a link or a device"),
    ([member("pipe", type=tarfile.FIFOTYPE)],                      "a link or a device"),
    ([member(f"f{n}") for n in range(2_001)],                     "one of more than 2,000"),
    ([],                                                           "holds none"),
]
# fmt: on


@pytest.mark.parametrize(("members", "says"), HOSTILE)
def test_a_hostile_archive_writes_nothing_elsewhere(tmp_path, members, says):
    path = tmp_path / "in" / "base.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for one in members:
            archive.addfile(one, io.BytesIO(b""))
    with pytest.raises(RunError, match=says), open_baseline(str(path)):
        pytest.fail("it was opened")
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["base.tar.gz"]


def test_a_zip_with_a_link_is_not_unpacked(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "base.zip", "w") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(RunError, match="a link"), open_baseline(str(tmp_path / "base.zip")):
        pytest.fail("it was opened")


def test_a_zip_that_leads_out_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "base.zip", "w") as archive:
        archive.writestr("../evil", "x")
    with pytest.raises(RunError, match="leads out"), open_baseline(str(tmp_path / "base.zip")):
        pytest.fail("it was opened")
    assert not (tmp_path / "evil").exists()


# fmt: off
DAMAGED = [
    ("base.tar.gz", b""), ("base.tar.gz", b"no archive"), ("base.tar.gz", b"\x1f\x8b\x08\x00cut"),
    ("base.zip", b""), ("base.zip", b"PK\x03\x04cut"), ("base.rar", b"Rar!"),
]
# fmt: on


@pytest.mark.parametrize(("name", "content"), DAMAGED)
def test_a_damaged_archive_is_said_to_be(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    says = "no archive by its name" if name.endswith("rar") else "cannot be unpacked"
    with pytest.raises(RunError, match=says), open_baseline(str(tmp_path / name)):
        pytest.fail("it was opened")


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_cut_archive_is_said_to_be(run, tmp_path, cut):
    path = tmp_path / "base.tar.gz"
    tarred(run, path, "w:gz")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(RunError, match="cannot be unpacked"), open_baseline(str(path)):
        pytest.fail("it was opened")


@pytest.fixture
def repository(run, tmp_path, monkeypatch):
    """A repository whose first commit, tagged v1, holds the run and an archive of it."""
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "-q", "."], check=True)
    (tmp_path / "ci" / "base").mkdir(parents=True)
    for file in run.rglob("*.json*"):
        copy = tmp_path / "ci" / "base" / file.relative_to(run)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    tarred(run, tmp_path / "ci" / "base.tar.gz", "w:gz")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "a baseline"], check=True)
    subprocess.run([*git, "tag", "v1"], check=True)
    subprocess.run([*git, "rm", "-r", "-q", "ci"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "no baseline"], check=True)
    return tmp_path


@pytest.mark.parametrize("address", ["git:v1:ci/base", "git:HEAD~1:ci", "git:v1:ci/base.tar.gz"])
def test_a_commit_holds_a_baseline(repository, address):
    with open_baseline(address) as found:
        assert len(found.verdicts("gsm8k")) == 8


# fmt: off
NOT_THERE = [
    ("git:HEAD:ci/base",      "does not find"),
    ("git:nowhere:ci/base",   "does not find"),
    ("git:v1:nowhere",        "does not find"),
    ("git:--help:ci",         "does not find"),
    ("git:v1",                "is not git:REF:PATH"),
    ("git::ci",               "is not git:REF:PATH"),
    ("ci/base",               "There is no baseline"),
]
# fmt: on


@pytest.mark.parametrize(("address", "says"), NOT_THERE)
def test_a_baseline_that_is_not_there(repository, address, says):
    with pytest.raises(RunError, match=says), open_baseline(address):
        pytest.fail("it was opened")
