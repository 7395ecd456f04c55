"""The example for GitHub Actions, read and run as a runner would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
import yaml
from project import ROOT
from serving import serving

from mathreason_eval import evaluate
from mathreason_eval.cli import verbs
from mathreason_eval.gate.config import Config, read_config
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems
from mathreason_eval.version import __version__

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


def test_what_is_not_ours_is_pinned():
    used = [one["uses"] for one in (*STEPS, *WORKFLOW["jobs"]["gate"]["steps"]) if "uses" in one]
    for one in used:
        assert one.startswith("./") or re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40}", one)
    assert ACTION["inputs"]["package"]["default"] == f"mathreason-eval[openai]=={__version__}"


def test_git_fetches_nothing_that_is_missing():
    steps = [step for step in ACTION["runs"]["steps"] if re.search(r"\bgit ", step.get("run", ""))]
    assert steps
    for step in steps:
        assert step["env"]["GIT_NO_LAZY_FETCH"] == "1"
        assert step["env"]["GIT_ALLOW_PROTOCOL"] == "none"


def test_the_key_is_known_to_the_steps_that_ask_the_model_alone():
    keyed = {one["name"]: one["env"]["OPENAI_API_KEY"] for one in STEPS if "api-key" in str(one)}

    assert keyed == {
        "Run": "${{ inputs.api-key }}",
        "Gate": "${{ inputs.extend == 'true' && inputs.api-key || '' }}",
    }
    assert either("inputs.extend == 'true' && inputs.api-key || ''", {"inputs.api-key": "k"}) == ""


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


def value(text: str, known: dict[str, str]) -> str:
    """What a text with expressions of GitHub's stands for; a name that is not known is empty."""
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: either(found[1], known), text)


def either(expression: str, known: dict[str, str]) -> str:
    """The value of names, texts and comparisons, with `&&` and `||` between them."""
    for part in expression.split(" || "):
        *conditions, last = part.split(" && ")
        found = last.strip("'") if last.startswith("'") else known.get(last, "")
        if found and all(holds(condition, known) for condition in conditions):
            return found
    return ""


def holds(condition: str, known: dict[str, str]) -> bool:
    name, sign, wanted = re.fullmatch(r"([\w.-]+) ([!=]=) '(.*)'", condition).groups()
    return (known.get(name, "") == wanted) == (sign == "==")


def cache(step: dict, known: dict[str, str], folder: Path) -> None:
    """Do what the actions of the cache do, in a folder."""
    kept, path = folder.parent / "cache", Path(value(step["with"]["path"], known))
    source, target = (path, kept) if "/save@" in step["uses"] else (kept, path)
    if source.exists():
        shutil.copytree(source, target)


PROGRAMS = Path(sys.executable).parent
SITE = "Build the site"


def act(
    folder: Path, branch: str, *, base: str = "", action: dict | None = None,
    programs: Path = PROGRAMS, site: bool = False, **inputs: str,
) -> tuple[int, dict[str, str]]:  # fmt: skip
    """Run the action's scripts as a runner does; return its exit code and what it knows.

    Args:
        folder: the checkout.
        branch: its name.
        base: the commit of the base branch; empty for one that is no pull request's.
        action: the action; that which is shipped if it is None.
        programs: the folder in which `mathreason` is.
        site: whether the site is built, of which the answer does not depend.
        inputs: of the action.
    """
    action = ACTION if action is None else action
    temporary = folder.parent / "runner"
    temporary.mkdir(exist_ok=True)
    known = {
        f"inputs.{name}": str(what.get("default", "")) for name, what in action["inputs"].items()
    }
    known |= {f"inputs.{name.replace('_', '-')}": text for name, text in inputs.items()}
    known |= {"github.event.repository.default_branch": "main", "runner.temp": str(temporary),
              "github.event.pull_request.base.sha": base,
              "github.sha": git(folder, "rev-parse", "HEAD")}  # fmt: skip
    for step in action["runs"]["steps"]:
        if "if" in step and not holds(step["if"], known):
            continue
        if "actions/cache" in step.get("uses", ""):
            cache(step, known, folder)
        if "run" not in step or step["name"].startswith("Install"):
            continue
        if step["name"] == SITE and not site:
            continue
        code, said = execute(step, known, folder, branch, programs)
        known["said"] = known.get("said", "") + said
        if code:
            return code, known
    return 0, known


def execute(
    step: dict, known: dict[str, str], folder: Path, branch: str, programs: Path = PROGRAMS
) -> tuple[int, str]:
    """Run one script; return its exit code and what it printed, and note its outputs."""
    output = folder.parent / "output"
    output.write_text("")
    env = {name: value(text, known) for name, text in step.get("env", {}).items()}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=folder, check=False,
        capture_output=True, text=True,
        env={**os.environ, **env, "GITHUB_OUTPUT": str(output), "GITHUB_REF_NAME": branch,
             "GITHUB_STEP_SUMMARY": str(folder.parent / "summary.md"), "GITHUB_ACTIONS": "true",
             "RUNNER_TEMP": known["runner.temp"],
             "PATH": search_path(programs)},
    )  # fmt: skip
    for line in output.read_text().splitlines():
        name, _, text = line.partition("=")
        known[f"steps.{step.get('id')}.outputs.{name}"] = text
    return done.returncode, done.stdout + done.stderr


def search_path(programs: Path) -> str:
    """Return the PATH in which the programs of a folder come first, and then this Python's."""
    return os.pathsep.join([str(programs), str(PROGRAMS), os.environ["PATH"]])


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(folder: Path) -> str:
    """Commit everything in a folder, and return the commit."""
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a change")
    return git(folder, "rev-parse", "HEAD")


GOOD, BAD = "good", "bad"


def answers(kind: str) -> str:
    """A scripted model: it solves seven samples of eight, or none."""
    rules = []
    for task in ("arithmetic", "word-problems"):
        for one in load_problems(load_task(task), limit=12).problems:
            right = f"\\boxed{{{one.gold[0]}}}"
            # Never quite sure, or there would be no noise.
            texts = [right] * 7 + ["\\boxed{0.123}"] if kind == GOOD else ["\\boxed{0.123}"]
            rules.append({"contains": one.question, "text": texts})
    return json.dumps([*rules, {"text": ["\\boxed{0.123}"]}])


@pytest.fixture
def folder(tmp_path):
    """A checkout in which a model is a script of answers, so that it can get worse."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git(checkout, "init", "-q", "-b", "main", ".")
    (checkout / "good.yaml").write_text(answers(GOOD))
    commit(checkout)
    return checkout


SETTINGS = {
    "model": "fake:good.yaml",
    "tasks": "arithmetic",
    "samples": "2",
    "baseline_samples": "2",
    "run_arguments": "--temperature 0.6 --limit 6",
    "gate_arguments": "--margin 1pp",
}


def test_the_action_from_the_first_run_to_the_answer(folder, forked):
    settings = {**SETTINGS, "programs": forked.programs}
    code, known = act(folder, "a-change", **settings)
    assert (code, "There is no baseline in the cache" in known["said"]) == (2, True)
    code, known = act(folder, "a-change", new_baseline="true", **settings)
    assert (code, "is made on main only" in known["said"]) == (2, True)
    site = folder.parent / "runner/mathreason/site/index.html"
    code, known = act(folder, "main", new_baseline="true", site=True, **settings)
    assert (code, known["steps.answer.outputs.answer"]) == (0, "baseline"), known
    assert "1 model, 1 task" in site.read_text()
    code, known = act(folder, "a-change", site=True, **settings)
    assert (code, known["steps.answer.outputs.answer"]) == (3, "inconclusive"), known
    assert (folder.parent / "runner/mathreason/gate.xml").is_file()
    assert "## ? Gate: inconclusive" in (folder.parent / "summary.md").read_text()


def as_shipped() -> dict[str, str]:
    """What the workflow gives the action, but for the model, and few problems of each task."""
    given = next(step["with"] for step in WORKFLOW["jobs"]["gate"]["steps"]
                 if "mathreason-gate" in step.get("uses", ""))  # fmt: skip
    asked = given.get("run-arguments", ACTION["inputs"]["run-arguments"]["default"])
    given = {name: text for name, text in given.items() if name != "new-baseline"}
    return {**given, "model": "fake:good.yaml", "run-arguments": f"{asked} --limit 12"}


@pytest.mark.parametrize(("files", "more"), [((), {}), (("gate.yaml",), {"extend": "true"})])
def test_what_is_shipped_ends_with_an_answer(folder, forked, files, more):
    for name in files:
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    commit(folder)
    inputs = {**as_shipped(), **more, "programs": forked.programs}
    code, known = act(folder, "main", **{**inputs, "new-baseline": "true"})
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


# --- a repository that means harm ------------------------------------------------------------

KEY = "plain-words-that-are-a-key"


class Handler(BaseHTTPRequestHandler):
    """A model that answers as its server says, and notes who sent a key."""

    def do_GET(self):
        self.answer({"data": [{"id": "m"}]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = self.server.reply(asked["messages"][-1]["content"])
        message = {"message": {"content": text}, "finish_reason": "stop"}
        self.answer({"choices": [message], "usage": {"completion_tokens": 5}})

    def answer(self, body):
        self.server.keys.append(self.headers.get("authorization"))
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Keep the tests' output clean."""


def right(question: str) -> str:
    asked = re.search(r"What is (.*)\?", question)[1].translate({0xD7: "*", 0xF7: "/"})
    return f"\\boxed{{{eval(asked)}}}"


@pytest.fixture
def server():
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as one:
        one.keys, one.reply = [], lambda _: "\\boxed{0.5}"
        yield one


@pytest.fixture
def stranger():
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as one:
        one.keys, one.reply = [], right
        yield one


def address(one) -> str:
    return f"openai:m@http://127.0.0.1:{one.server_port}/v1"


def forge(folder: Path, good: Path, bad: Path) -> None:
    """Commit what a pull request may hold to be taken for a run, a baseline, rules or code."""
    for place in (".mathreason/run", "runs/run", "run", "mathreason/run"):
        shutil.copytree(good, folder / place)
    shutil.rmtree(folder / "ci")
    for place in ("ci/baseline", ".mathreason/baseline", "baseline"):
        shutil.copytree(bad, folder / place)
    for name in ("gate.yaml", ".mathreason/gate.yaml"):
        (folder / name).write_text(
            "margin: 99pp\nalpha: 0.4\nallow: [version, data, prompt, problems, rules, missing]\n"
        )
    (folder / ".gitattributes").write_text("* export-ignore text eol=crlf\n")
    for name in ("pip", "mathreason_eval", "sympy", "json", "yaml"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").write_text("open('pwned', 'w')\n")
    commit(folder)


def test_a_forged_repository_gets_the_answer_of_an_honest_one(
    folder, server, stranger, tmp_path, forked
):
    settings = {"tasks": ["arithmetic"], "samples": 4, "limit": 12, "temperature": 0.6}
    good = evaluate(model=address(stranger), out=tmp_path / "good", **settings).path
    stranger.reply = lambda _: "\\boxed{0.5}"
    bad = evaluate(model=address(stranger), out=tmp_path / "bad", **settings).path
    shutil.copytree(good, folder / "ci" / "baseline")
    (folder / "gate.yaml").write_text("margin: 2pp\nsamples: [4, 8]\n")
    base = commit(folder)
    stranger.keys.clear()
    inputs = {
        "model": address(server), "api_key": KEY, "tasks": "arithmetic", "samples": "4",
        "run_arguments": "--temperature 0.6 --limit 12", "baseline": "ci/baseline",
        "extend": "true",
    }  # fmt: skip
    honest = act(folder, "a-change", base=base, programs=forked.programs, **inputs)
    report = folder.parent / "runner/mathreason/gate.xml"
    found = report.read_text()
    assert (honest[0], honest[1]["steps.answer.outputs.answer"]) == (1, "regression"), honest[1]
    asked = len(server.keys)
    forge(folder, good, bad)
    # Its modules could take the place of ours only in a process that begins there.
    forged = act(folder, "a-change", base=base, site=True, **inputs)
    assert (forged[0], forged[1]["steps.answer.outputs.answer"]) == (1, "regression"), forged[1]
    assert report.read_text() == found
    # The model was asked again, with the key, and the stranger that manifests name was not.
    assert len(server.keys) == 2 * asked
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert stranger.keys == []
    (install,) = (one for one in STEPS if one.get("name", "").startswith("Install"))
    execute({**install, "env": {"PACKAGE": "click"}}, forged[1], folder, "a-change")
    assert not (folder / "pwned").exists()


# fmt: off
NOT_TRUSTED = ["git:HEAD:ci/baseline", "git:HEAD~0:ci/baseline", "/tmp/baseline"]
# fmt: on


@pytest.mark.parametrize("baseline", NOT_TRUSTED)
def test_a_baseline_out_of_the_checkout_is_refused(folder, baseline):
    code, known = act(folder, "a-change", **{**SETTINGS, "baseline": baseline})
    assert (code, "A baseline is a path in the base branch" in known["said"]) == (2, True)


def test_without_the_base_commit_nothing_runs(folder):
    code, known = act(folder, "a-change", base="0" * 40, **SETTINGS)
    assert (code, "fetch-depth 0" in known["said"]) == (2, True)
