"""The wheel carries what it needs: installed outside the tree, it works."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from project import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_carries_tasks_templates_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "mathreason_eval/py.typed" in names
    assert "mathreason_eval/_tasks/gsm8k/task.yaml" in names
    assert any(n.startswith("mathreason_eval/_leaderboard/") and n.endswith(".html") for n in names)
    assert "mathreason_eval/_examples/github-action/action.yml" in names
    of_the_package = {
        path.relative_to(ROOT).as_posix() for path in ROOT.glob("mathreason_eval/**/*.py")
    }
    assert of_the_package <= names
    stored = ("manifest.json", "generations.jsonl", ".jsonl.gz")
    assert not [n for n in names if n.startswith("tests/") or n.endswith(stored)]


def test_the_base_install_is_light():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    heavy = {"torch", "transformers", "vllm", "ray", "lm-eval", "xllamacpp", "datasets", "openai"}
    base = {line.partition(">")[0].partition("=")[0] for line in project["dependencies"]}
    assert not base & heavy
    assert {"vllm", "hf", "llamacpp", "openai", "hub", "lm-eval", "ray", "demo", "dev"} <= set(
        project["optional-dependencies"]
    )


def test_an_installed_wheel_runs_outside_the_tree(wheel, tmp_path):
    site = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)

    def run(*words: str) -> str:
        # -P and -S aside, this tree's editable install must not answer in the wheel's place.
        code = (
            f"import sys; sys.path.insert(0, {str(site)!r}); import mathreason_eval; "
            f"assert mathreason_eval.__file__.startswith({str(site)!r}); "
            "from mathreason_eval.cli import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "gsm8k" in run("tasks")
    run("run", "fake:answer=7", "-t", "arithmetic,word-problems", "--limit", "8", "-o", "run")
    run("leaderboard", "run", "-o", "pages")
    assert (tmp_path / "pages" / "index.html").is_file()
