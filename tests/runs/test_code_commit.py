"""The commit of the code: of a checkout or an installation from a repository, else nobody knows."""

from __future__ import annotations

import json
import subprocess
from importlib import metadata

import pytest

from mathreason_eval.runs import code_commit as module
from mathreason_eval.runs.code_commit import _of_checkout, _of_installation

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")


def git(folder, *arguments):
    done = subprocess.run(
        [*GIT, "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_checkout_has_its_commit_and_says_if_it_was_changed(tmp_path):
    git(tmp_path, "init", "-q")
    assert _of_checkout(tmp_path) is None  # no commit yet
    (tmp_path / "a").write_text("one")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "-a", "v1", "-m", "v1")
    head = git(tmp_path, "rev-parse", "HEAD")[:12]
    assert _of_checkout(tmp_path) == head  # and not the tag
    (tmp_path / "a").write_text("two")
    assert _of_checkout(tmp_path) == f"{head}-dirty"


def test_what_is_no_checkout_has_no_commit(tmp_path):
    assert _of_checkout(tmp_path / "nowhere") is None


# fmt: off
RECORDED = [
    # direct_url.json, as pip writes it                            the commit
    ({"url": "https://x", "vcs_info": {"commit_id": "a" * 40}},    "a" * 12),
    ({"url": "https://x", "archive_info": {}},                     None),
    ({"url": "file:///x", "dir_info": {"editable": True}},         None),
    ([],                                                           None),
    (None,                                                         None),
]
# fmt: on


@pytest.mark.parametrize(("recorded", "commit"), RECORDED)
def test_an_installation_from_a_repository_has_its_commit(monkeypatch, recorded, commit):
    class Installed:
        def read_text(self, name):
            assert name == "direct_url.json"
            return None if recorded is None else json.dumps(recorded)

    monkeypatch.setattr(metadata, "distribution", lambda _: Installed())
    assert _of_installation() == commit


def test_without_git_nobody_knows(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(module.subprocess, "run", refuse)
    assert _of_checkout(tmp_path) is None
