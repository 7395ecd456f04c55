"""Baselines in folders, archives and commits; archives that mean harm."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile

import pytest
from gate_runs import imported, rows

from mathreason_eval.errors import RunError
from mathreason_eval.gate import commits
from mathreason_eval.gate.baseline import open_baseline
from mathreason_eval.gate.commits import read_commit
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
    ([member("../evil")],                                          "out of the archive"),
    ([member("a/../../evil")],                                     "out of the archive"),
    ([member("/tmp/evil")],                                        "out of the archive"),
    ([member("C:\\evil")],                                         "out of the archive"),
    ([member("link", type=tarfile.SYMTYPE, linkname="/etc")],      "a link or a device"),
    ([member("link", type=tarfile.LNKTYPE, linkname="/etc/hosts")], "a link or a device"),
    ([member("tape", type=tarfile.CHRTYPE)],                       "a link or a device"),
    ([member("pipe", type=tarfile.FIFOTYPE)],                      "a link or a device"),
    ([member(f"f{n}") for n in range(2_001)],                     "one of more than 2,000"),
    ([member("/".join("d" * 17))],                                 "more than 16 folders deep"),
    ([],                                                           "contains none"),
]
# fmt: on


@pytest.mark.slow
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
    with (
        pytest.raises(RunError, match="out of the archive"),
        open_baseline(str(tmp_path / "base.zip")),
    ):
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
    says = "neither a folder nor an archive" if name.endswith("rar") else "cannot be unpacked"
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


def git(*words, cwd="."):
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    done = subprocess.run(["git", *identity, *words], cwd=cwd, check=True, capture_output=True)
    return done.stdout.decode().strip()


ATTRIBUTES = ["export-ignore", "export-subst text eol=crlf filter=evil ident"]


@pytest.mark.slow
@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("place", [".gitattributes", ".git/info/attributes"])
@pytest.mark.parametrize("what", ["ci/base", "ci/base/gsm8k/note.txt"])
def test_a_baseline_is_the_bytes_of_its_commit_whatever_attributes_say(
    repository, attribute, place, what
):
    git("checkout", "-q", "v1")
    note = repository / "ci/base/gsm8k/note.txt"
    note.write_bytes(b"$Format:%H$ $Id$\none\ntwo\n")
    git("add", ".")
    git("commit", "-q", "-m", "a note")
    (repository / place).parent.mkdir(exist_ok=True)
    (repository / place).write_text(f"* {attribute}\n")
    for kind in ("smudge", "clean", "process"):
        git("config", f"filter.evil.{kind}", f"touch {repository}/pwned; cat")
    found = read_commit(f"git:HEAD:{what}", repository / "out")
    read = found / "gsm8k" / "note.txt" if found.is_dir() else found
    assert read.read_bytes() == note.read_bytes()
    assert not (repository / "pwned").exists()


def linked(folder):
    (folder / "ci/base/link").symlink_to("/etc/passwd")


def with_submodule(folder):
    git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'HEAD')},ci/base/sub")


@pytest.mark.parametrize(("change", "says"), [(linked, "a link"), (with_submodule, "a submodule")])
def test_a_commit_with_what_is_no_file_is_refused(repository, change, says):
    git("checkout", "-q", "v1")
    change(repository)
    git("add", "ci") if change is linked else None
    git("commit", "-q", "-m", "more")
    with pytest.raises(RunError, match=says), open_baseline("git:HEAD:ci/base"):
        pytest.fail("it was opened")
    if change is linked:
        with pytest.raises(RunError, match=says), open_baseline("git:HEAD:ci/base/link"):
            pytest.fail("it was opened")


def test_a_commit_with_too_much_is_refused(repository, monkeypatch):
    for name, limit, says in (
        ("MAX_MEMBERS", 2, "more than"),
        ("MAX_COMMIT_BYTES", 9, "goes beyond"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"mathreason_eval.gate.commits.{name}", limit)
            with pytest.raises(RunError, match=says), open_baseline("git:v1:ci/base"):
                pytest.fail("it was opened")


def test_git_is_not_configured_by_the_environment(repository, tmp_path, monkeypatch):
    other = tmp_path / "other"
    git("init", "-q", str(other))
    for name, value in {
        "GIT_DIR": f"{other}/.git", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"touch {tmp_path}/pwned", "GIT_OBJECT_DIRECTORY": "/nowhere",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with open_baseline("git:v1:ci/base") as found:
        assert len(found.verdicts("gsm8k")) == 8
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("older", [False, True])
def test_a_partial_clone_fetches_nothing_and_runs_nothing(repository, tmp_path, monkeypatch, older):
    blob = git("rev-parse", "v1:ci/base/manifest.json")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in {
        "core.repositoryformatversion": "1", "extensions.partialClone": "evil",
        "remote.evil.promisor": "true", "protocol.ext.allow": "always",
        "remote.evil.url": f"ext::sh -c touch% {tmp_path}/pwned",
    }.items():  # fmt: skip
        git("config", name, value)
    if older:  # a git that does not know the variable
        kept = commits.child_environment
        monkeypatch.setattr(
            commits,
            "child_environment",
            lambda **more: {
                name: value for name, value in kept(**more).items() if name != "GIT_NO_LAZY_FETCH"
            },
        )
    with pytest.raises(RunError, match="git does not find"), open_baseline("git:v1:ci/base"):
        pass
    assert not (tmp_path / "pwned").exists()


def test_a_replaced_object_is_not_the_commits(repository):
    git("replace", git("rev-parse", "v1"), git("rev-parse", "HEAD"))
    with open_baseline("git:v1:ci/base") as found:
        assert len(found.verdicts("gsm8k")) == 8


def test_a_commits_path_is_relative_to_the_current_folder(repository, monkeypatch):
    (repository / "ci").mkdir()
    monkeypatch.chdir(repository / "ci")
    for address in ("git:v1:base", "git:v1:base.tar.gz", "git:v1:../ci/base"):
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
