"""The example for GitHub Actions, read and run as a runner would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from project import ROOT

from mathreason_eval.cli import verbs
from mathreason_eval.gate.config import Config, read_config

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples"
ACTION = yaml.safe_load((EXAMPLES / "github-action" / "action.yml").read_text())
WORKFLOW = yaml.safe_load((EXAMPLES / "github-action" / "workflow.yml").read_text())
STEPS = ACTION["runs"]["steps"]
SCRIPTS = {step["name"]: step["run"] for step in STEPS if "run" in step}


def test_the_example_of_gate_yaml_says_the_defaults():
    config = read_config(EXAMPLES / "gate.yaml")
    assert config.default_rules == Config().default_rules
    assert (config.inconclusive, config.allow) == (Config().inconclusive, Config().allow)
    assert config.looks is not None
    assert config.looks.samples == (8, 16, 32)
    assert config.rules_for("word-problems").margin == 0.02


def test_a_task_can_be_left_out_in_it(tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text(f"{(EXAMPLES / 'gate.yaml').read_text()}\n  aime24: off\n")
    assert not read_config(path).rules_for("aime24").gated


def test_every_input_is_used_and_every_one_that_is_used_exists():
    used = set(
        re.findall(r"inputs\.([a-z-]+)", (EXAMPLES / "github-action/action.yml").read_text())
    )
    assert used == set(ACTION["inputs"])
    given = next(step["with"] for step in WORKFLOW["jobs"]["gate"]["steps"]
                 if "mathreason-gate" in step.get("uses", ""))  # fmt: skip
    required = {name for name, what in ACTION["inputs"].items() if what.get("required")}
    assert required <= set(given) <= set(ACTION["inputs"])


def test_outputs_and_conditions_name_steps_that_exist():
    text = (EXAMPLES / "github-action" / "action.yml").read_text()
    for step, output in re.findall(r"steps\.([a-z]+)\.outputs\.([a-z]+)", text):
        script = next(one["run"] for one in STEPS if one.get("id") == step)
        assert f'"{output}=' in script


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_nothing_from_outside_is_pasted_into_a_script(name):
    assert "${{" not in SCRIPTS[name]


COMMANDS = [
    " ".join(line.split())
    for script in SCRIPTS.values()
    for line in script.replace("\\\n", " ").splitlines()
    if line.strip().startswith("mathreason ")
]


@pytest.mark.parametrize("line", [*COMMANDS, "gate --extend", "run --temperature 0.6 --data"])
def test_verbs_and_options_exist(line):
    words = line.removeprefix("mathreason ").split()
    command: click.Command = verbs.commands[words[0]]
    known = {name for parameter in command.params for name in parameter.opts}
    used = set(re.findall(r"(?<![\w$-])--?[a-z][\w-]*", line.partition("||")[0]))
    assert used <= known


def test_the_commands_are_all_three():
    assert [line.split()[1] for line in COMMANDS] == ["run", "gate", "leaderboard"]


# --- run it ----------------------------------------------------------------------------------


def value(expression: str, known: dict[str, str]) -> str:
    """What an expression of GitHub's stands for; one that is not known is empty."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: known.get(found[1], ""), expression)


def holds(condition: str, known: dict[str, str]) -> bool:
    name, sign, wanted = re.fullmatch(r"([\w.-]+) ([!=]=) '(.*)'", condition).groups()
    return (known.get(name, "") == wanted) == (sign == "==")


def act(folder: Path, branch: str, **inputs: str) -> tuple[int, dict[str, str]]:
    """Run the action's scripts as a runner does; return its exit code and what it knows."""
    known = {
        f"inputs.{name}": str(what.get("default", "")) for name, what in ACTION["inputs"].items()
    }
    known |= {f"inputs.{name.replace('_', '-')}": text for name, text in inputs.items()}
    known["github.event.repository.default_branch"] = "main"
    for step in STEPS:
        if "run" not in step or step["name"].startswith("Install"):
            continue
        if "if" in step and not holds(step["if"], known):
            continue
        output = folder / "output"
        output.write_text("")
        env = {name: value(text, known) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=folder, check=False,
            capture_output=True, text=True,
            env={**os.environ, **env, "GITHUB_OUTPUT": str(output), "GITHUB_REF_NAME": branch,
                 "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
                 "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )  # fmt: skip
        for line in output.read_text().splitlines():
            name, _, text = line.partition("=")
            known[f"steps.{step.get('id')}.outputs.{name}"] = text
        if done.returncode:
            return done.returncode, {**known, "said": done.stdout + done.stderr}
    return 0, known


@pytest.fixture
def folder(tmp_path):
    """A checkout in which a model is a script of answers, so that it can get worse."""
    (tmp_path / "good.yaml").write_text("- text: ['\\boxed{7}']\n")
    return tmp_path


SETTINGS = {
    "model": "fake:good.yaml",
    "tasks": "arithmetic",
    "samples": "2",
    "baseline_samples": "2",
    "run_arguments": "--temperature 0.6 --limit 6",
}


def test_the_action_from_the_first_run_to_the_answer(folder):
    code, known = act(folder, "a-change", **SETTINGS)
    assert (code, "There is no baseline yet" in known["said"]) == (2, True)
    code, known = act(folder, "main", **SETTINGS)
    assert (code, known["steps.answer.outputs.answer"]) == (0, "baseline"), known
    assert (folder / ".mathreason" / "site" / "index.html").is_file()
    code, known = act(folder, "a-change", **SETTINGS)
    assert (code, known["steps.answer.outputs.answer"]) == (3, "inconclusive"), known
    assert (folder / ".mathreason" / "gate.xml").is_file()
    assert "## ? Gate: inconclusive" in (folder / "summary.md").read_text()


def as_shipped() -> dict[str, str]:
    """What the workflow gives the action, but for the model, and few problems of each task."""
    given = next(step["with"] for step in WORKFLOW["jobs"]["gate"]["steps"]
                 if "mathreason-gate" in step.get("uses", ""))  # fmt: skip
    asked = given.get("run-arguments", ACTION["inputs"]["run-arguments"]["default"])
    return {**given, "model": "fake:good.yaml", "run-arguments": f"{asked} --limit 6"}


@pytest.mark.parametrize(
    ("files", "more"), [((), {}), (("gate.yaml",), {"gate-arguments": "--extend"})]
)
def test_what_is_shipped_ends_with_an_answer(folder, files, more):
    for name in files:
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    inputs = {**as_shipped(), **more}
    code, known = act(folder, "main", **inputs)
    assert (code, known["steps.answer.outputs.answer"]) == (0, "baseline"), known
    code, known = act(folder, "a-change", **inputs)
    answer = known["steps.answer.outputs.answer"]
    assert (code, answer) in {(0, "pass"), (1, "regression"), (3, "inconclusive")}, known


# fmt: off
CODES = [
    # exit code of the gate, whether the open answer fails; exit code of the job, answer
    ("0", "true", 0, "pass"),         ("1", "true", 1, "regression"),
    ("3", "true", 3, "inconclusive"), ("3", "false", 0, "inconclusive"),
    ("4", "false", 4, "not-comparable"), ("2", "false", 2, "error"), ("", "true", 0, "baseline"),
]
# fmt: on


@pytest.mark.parametrize(("code", "strict", "job", "answer"), CODES)
def test_the_job_ends_as_the_gate_says(tmp_path, code, strict, job, answer):
    output = tmp_path / "output"
    env = {**os.environ, "CODE": code, "STRICT": strict, "GITHUB_OUTPUT": str(output)}
    done = subprocess.run(["bash", "-e", "-c", SCRIPTS["Answer"]], env=env, check=False)
    assert (done.returncode, output.read_text()) == (job, f"answer={answer}\n")
