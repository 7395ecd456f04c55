"""A repository with exactly the files that docs/gate.md tells to copy, or that `gate init` writes.

The commands of its own workflow are run as a runner would, to each of the answers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from project import ROOT
from test_github_action import BAD, GOOD, act, answers, commit, git, search_path, value

from mathreason_eval.cli import verbs

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "gate.md"
COPIED = [
    (where, (PAGE.parent / source).resolve(), target)
    for where, source, target in re.findall(
        r"^\| (GitHub|GitLab) \| \[.*?\]\((.*?)\) \| `(.*?)` \|", PAGE.read_text(), re.MULTILINE
    )
]
GITHUB, GITLAB = ".github/workflows/gate.yml", ".gitlab/mathreason-gate.yml"


def mathreason(folder: Path, *words: object) -> str:
    before = Path.cwd()
    os.chdir(folder)
    try:
        done = CliRunner().invoke(verbs, [str(word) for word in words], standalone_mode=False)
    finally:
        os.chdir(before)
    if done.exception is not None:
        raise done.exception
    return done.output


@dataclass
class Repository:
    """A checkout and the branch that is out."""

    folder: Path
    programs: Path
    """The folder in which `mathreason` is."""

    @property
    def files(self) -> set[str]:
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and ".git/" not in path.as_posix()
        }

    def set(self, file: str, **values: str) -> None:
        """Edit lines of a workflow, as a person would."""
        path = self.folder / file
        text = path.read_text()
        for key, new in values.items():
            text, found = re.subn(rf"(?m)^( +)(# )?{key}: .*$", rf"\g<1>{key}: {new}", text)
            assert found == 1, key
        path.write_text(text)

    def model(self, kind: str) -> None:
        """Let the model be a good one, one that lost half of its problems, or none at all."""
        (self.folder / "model.yaml").write_text(answers(kind))

    def github(self, event: str, **inputs: str) -> tuple[int, str, str]:
        """Run the workflow: (exit code, answer, what was said)."""
        workflow = yaml.safe_load((self.folder / GITHUB).read_text())
        events = workflow[True]  # `on` is a word of YAML's
        assert event in events
        steps = workflow["jobs"]["gate"]["steps"]
        (step,) = (one for one in steps if one.get("uses", "").startswith("./"))
        action = yaml.safe_load((self.folder / step["uses"] / "action.yml").read_text())
        known = {f"inputs.{name}": text for name, text in inputs.items()}
        given = {name: value(str(text), known) for name, text in step["with"].items()}
        base = git(self.folder, "rev-parse", "main") if event == "pull_request" else ""
        branch = "change" if event == "pull_request" else "main"
        code, said = act(self.folder, branch, base=base, action=action,
                         programs=self.programs, **given)  # fmt: skip
        return code, said.get("steps.answer.outputs.answer", ""), said.get("said", "")

    def gitlab(self) -> tuple[int, str]:
        """Run the job of a merge request: (exit code, what was said)."""
        settings = yaml.safe_load((self.folder / ".gitlab-ci.yml").read_text())
        (included,) = settings["include"]
        job = yaml.safe_load((self.folder / included["local"]).read_text())["reasoning gate"]
        env = {
            **os.environ,
            **{name: str(text) for name, text in job["variables"].items()},
            "CI_PROJECT_DIR": str(self.folder),
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(self.folder, "rev-parse", "main"),
            "PATH": search_path(self.programs),
        }
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],
            cwd=self.folder, env=env, check=False, capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path, forked):
    """An empty repository, but for a model."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", ".")
    made = Repository(folder, forked.programs)
    made.model(GOOD)
    commit(folder)
    return made


@pytest.fixture(scope="session")
def baseline(tmp_path_factory):
    """A run of the good model."""
    folder = tmp_path_factory.mktemp("baseline")
    (folder / "model.yaml").write_text(answers(GOOD))
    words = "run", "fake:model.yaml", "-t", "arithmetic,word-problems", "-n", 16, "--limit", 12
    mathreason(folder, *words, "--temperature", 0.6, "-o", "run")
    return folder / "run"


ARGUMENTS = "--temperature 0.6 --limit 12 --seed 1"


def test_the_page_names_every_file_that_is_shipped():
    shipped = set((ROOT / "examples").rglob("*.yml")) - {*(ROOT / "examples/leaderboard").iterdir()}
    assert {source for _, source, _ in COPIED} == shipped


def test_the_files_that_are_copied_for_github_lead_to_every_answer(repository):
    for where, source, target in COPIED:
        if where == "GitHub":
            (repository.folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, repository.folder / target)
    repository.set(
        GITHUB, model="fake:model.yaml", **{"run-arguments": ARGUMENTS, "tasks": "arithmetic"}
    )
    base = commit(repository.folder)
    # No baseline is made in the place of one that is not there.
    code, _, said = repository.github("push")
    assert (code, "There is no baseline in the cache" in said) == (2, True), said
    code, answer, said = repository.github("workflow_dispatch", **{"new-baseline": "true"})
    assert (code, answer) == (0, "baseline"), said
    code, _, said = repository.github("workflow_dispatch", **{"new-baseline": "true"})
    assert (code, "baseline-key" in said) == (2, True), said
    for kind, gate_yaml, wanted in (
        (GOOD, None, (0, "pass")),
        (BAD, None, (1, "regression")),
        (GOOD, "margin: 1pp\n", (3, "inconclusive")),
        (GOOD, "margin: 1pp\nmargn: 2pp\n", (2, "error")),
    ):
        git(repository.folder, "checkout", "-q", "main")
        git(repository.folder, "reset", "-q", "--hard", base)
        if gate_yaml is not None:
            (repository.folder / "gate.yaml").write_text(gate_yaml)
            commit(repository.folder)
        git(repository.folder, "checkout", "-q", "-B", "change")
        repository.model(kind)
        code, answer, said = repository.github("pull_request")
        assert (code, answer) == wanted, said
    git(repository.folder, "checkout", "-q", "main")
    git(repository.folder, "reset", "-q", "--hard", base)
    repository.set(GITHUB, **{"run-arguments": "--temperature 0.6 --limit 11"})
    assert repository.github("pull_request")[:2] == (4, "not-comparable")


def test_what_init_writes_for_github_leads_to_every_answer(repository, baseline):
    mathreason(repository.folder, "gate", "init", "--baseline", baseline)
    assert repository.files == {
        "model.yaml", "gate.yaml", "ci/baseline.tar.gz", GITHUB,
        ".github/actions/mathreason-gate/action.yml",
    }  # fmt: skip
    code, _, said = repository.github("pull_request")
    assert (code, "is to be merged first" in said) == (2, True), said
    base = commit(repository.folder)
    git(repository.folder, "checkout", "-q", "-b", "change")
    for kind, wanted in ((GOOD, (0, "pass")), (BAD, (1, "regression"))):
        repository.model(kind)
        code, answer, said = repository.github("pull_request")
        assert (code, answer) == wanted, said
    # Somebody deletes the baseline: that is said, and none takes its place.
    git(repository.folder, "checkout", "-q", "--force", "main")
    git(repository.folder, "rm", "-q", "ci/baseline.tar.gz")
    commit(repository.folder)
    code, _, said = repository.github("push")
    assert (code, "There is no baseline git:" in said) == (2, True), said
    git(repository.folder, "reset", "-q", "--hard", base)
    assert repository.github("push")[:2] == (0, "pass")


def test_what_init_writes_for_gitlab_leads_to_every_answer(repository, baseline):
    mathreason(repository.folder, "gate", "init", "--baseline", baseline, "--ci", "gitlab")
    assert repository.files == {
        "model.yaml", "gate.yaml", "ci/baseline.tar.gz", GITLAB, ".gitlab-ci.yml",
    }  # fmt: skip
    code, said = repository.gitlab()
    assert (code, "is to be merged first" in said) == (2, True), said
    base = commit(repository.folder)
    git(repository.folder, "checkout", "-q", "-b", "change")
    for kind, wanted in ((GOOD, 0), (BAD, 1)):
        repository.model(kind)
        code, said = repository.gitlab()
        assert code == wanted, said
    assert (repository.folder / ".mathreason-gate" / "gate.xml").is_file()
    repository.model(GOOD)
    repository.set(GITLAB, RUN_ARGUMENTS=f'"{ARGUMENTS} --max-tokens 7"')
    assert repository.gitlab()[0] in {0, 3}
    repository.set(GITLAB, RUN_ARGUMENTS='"--temperature 0.6 --limit 11"')
    assert repository.gitlab()[0] == 4
    git(repository.folder, "checkout", "-q", "--force", "main")
    (repository.folder / "gate.yaml").write_text("margin: 0.1pp\n")
    commit(repository.folder)
    assert repository.gitlab()[0] == 3
    git(repository.folder, "reset", "-q", "--hard", base)


def test_the_files_that_are_copied_for_gitlab_lead_to_an_answer(repository, baseline):
    for where, source, target in COPIED:
        if where == "GitLab":
            (repository.folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, repository.folder / target)
    repository.set(GITLAB, MODEL="fake:model.yaml", RUN_ARGUMENTS=ARGUMENTS)
    commit(repository.folder)
    code, said = repository.gitlab()
    assert (code, "There is no baseline ci/baseline.tar.gz" in said) == (2, True), said
    made = repository.folder.parent / "made"
    mathreason(made.parent, "gate", "init", "--baseline", baseline, "-o", made)
    shutil.copytree(made / "ci", repository.folder / "ci")
    commit(repository.folder)
    assert repository.gitlab()[0] == 0
