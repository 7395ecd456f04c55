"""In GitHub Actions nothing that is printed is a workflow command but our own annotations."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest
from gate_runs import imported
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from mathreason_eval.cli.screens import json_text, visible_text
from mathreason_eval.cli.screens.actions import inert

EVIL = "::error title=x::evil ##[error]evil :::set-env name=PATH::evil ::stop-commands::x ::x::"


def obeyed(lines: list[str]) -> list[str]:
    """The commands that a runner obeys, as its source has it: version 2 first, then version 1."""
    found, token = [], None
    for line in lines:
        command = re.match(r"\s*::([\w-]+)( [^:]*)?::(.*)", line) or re.search(
            r"##\[([\w-]+)", line
        )
        if command is None:
            continue
        if token is not None:
            token = None if command[1] == token else token
        elif command[1] == "stop-commands":
            token = command[3]
        else:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("actions")
    rows = [
        {"id": f"q{n} {EVIL}", "question": f"{EVIL}\n{EVIL} {n}", "gold": "1", "model": model,
         "output": f"{EVIL}\n{EVIL}\n\\boxed{{{int(n < right)}}}", "finish_reason": "stop"}
        for model, right in (("old", 9), ("new", 1)) for n in range(10)
    ]  # fmt: skip
    imported(folder, rows)
    for name in ("old", "new"):
        manifest = folder / name / "manifest.json"
        held = json.loads(manifest.read_text())
        held["model"]["name"] = f"{EVIL} {name}"
        manifest.write_text(json.dumps(held))
    return folder


# fmt: off
VERBS = [
    "gate new --baseline old", "gate new --baseline old --json",
    "gate ::error::evil --baseline old",
    "gate new --baseline ##[error]evil", "show new", "show new --outcome wrong", "compare old new",
    "show new --json", "run fake:##[error]evil -t arithmetic", "run fake: -t ::error::evil",
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("words", VERBS)
def test_a_runner_obeys_our_annotations_alone(runs, forked, tmp_path, words):
    done = subprocess.run(
        [*forked.mathreason, *words.split()], cwd=runs, check=False,
        capture_output=True, text=True,
        env={**os.environ, "GITHUB_ACTIONS": "true", "COLUMNS": "60",
             "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")},
    )  # fmt: skip
    assert "evil" in done.stdout + done.stderr
    out, err = done.stdout.splitlines(), done.stderr.splitlines()
    ours = [
        one for one in obeyed(err) if one.startswith(("::error title=gsm8k", "::error title=math"))
    ]
    assert bool(ours) is words.startswith("gate new --baseline old")
    # A runner reads two streams, in an order of its own.
    for order in (err + out, out + err, err[:1] + out + err[1:]):
        assert obeyed(order) == ours
    assert err[0].startswith("::stop-commands::")
    assert re.fullmatch(r"::[0-9a-f]{32}::", err[-1])


@pytest.mark.slow
def test_elsewhere_a_text_is_printed_as_it_is(runs):
    done = subprocess.run(
        [sys.executable, "-m", "mathreason_eval", "show", "new", "--json"], cwd=runs, check=False,
        capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"},
    )  # fmt: skip
    assert EVIL in json.dumps(json.loads(done.stdout))
    assert done.stderr == ""


PIECES = st.text(alphabet=":#[ xe\n")


@given(text=PIECES, following=PIECES)
def test_no_command_is_left_however_a_text_is_cut(text, following):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_ACTIONS", "true")
        shown = inert(text, following) + inert(following)
    assert "::" not in shown
    assert "##[" not in shown
    assert re.sub(" ", "", shown) == re.sub(" ", "", text + following)


def test_a_style_does_not_put_a_command_together(monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    text = Text("::error::x ##[error]x")
    for start, end in ((0, 1), (1, 8), (11, 13)):
        text.stylize("bold", start, end)
    plain = visible_text(text).plain
    assert "::" not in plain
    assert "##[" not in plain


def test_json_means_the_same_and_holds_no_command():
    value = {"a": f"{EVIL} ###[[ \x7f"}
    text = json_text(value)
    assert json.loads(text) == value
    assert "##[" not in text
    assert obeyed(io.StringIO(json_text(value, indent=1)).readlines()) == []
