"""The limits of a run's settings: the same for Python and the command line, all faults at once."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval import evaluate
from mathreason_eval.cli import verbs
from mathreason_eval.errors import SeveralFaultsError, UnknownNameError, UserError
from mathreason_eval.pipeline.spec import RunSpec, Settings

NAN, INF = float("nan"), float("inf")
# fmt: off
REFUSED = [  # a setting and values that it cannot have
    ("tasks",           ["", ",", " , ", [], (), [""], [" "], [1], None, 5, b"gsm8k"]),
    ("tasks",           [{"arithmetic": 1}, {"gsm8k"}]),
    ("samples",         [0, -1, 1.5, "4", True, None, NAN, [1], 10_001, 10**30]),
    ("limit",           [0, -3, 2.0, "2", True, 10**30]),
    ("temperature",     [-0.1, NAN, INF, -INF, "0.6", True, [0.6], 10**400]),
    ("top_p",           [0, -0.5, 7, 1.0001, NAN, INF, "1", True]),
    ("max_tokens",      [0, -1, 10.5, "100", True, INF, 10**30]),
    ("think_budget",    [0, -1, 10.5, "100", True, INF, 10**30]),
    ("seed",            [-1, 2**64, 1.5, "0", True, None]),
    ("prompt",          ["", " ", 1, ["boxed"]]),
    ("system",          [1, ["You are"], True]),
    ("data",            ["gsm8k.jsonl", None, [("gsm8k", "x")], {"gsm8k": 5}, {1: "x"}]),
    ("data",            [{"gsm8k": [""]}, {"": "x"}]),
    ("tasks_dirs",      [5, [None], "", {"mine"}]),
    ("second",          ["", 5, ["number"]]),
    ("repair",          [1, "yes", None]),
    ("adopt",           [0, "no"]),
    ("prices",          ["", 5, ["a"]]),
    ("max_cost",        [0, -1, NAN, INF, "5", True]),
    ("accept_failures", [1, "true"]),
]
TAKEN = [  # a setting as given and as stored
    ("tasks",       "arithmetic",            ("arithmetic",)),
    ("tasks",       "arithmetic, gsm8k,",    ("arithmetic", "gsm8k")),
    ("tasks",       ["gsm8k", "gsm8k"],      ("gsm8k",)),
    ("samples",     16,                      16),
    ("samples",     10_000,                  10_000),
    ("limit",       None,                    None),
    ("temperature", 1,                       1.0),
    ("temperature", -0.0,                    0.0),
    ("top_p",       1,                       1.0),
    ("seed",        2**64 - 1,               2**64 - 1),
    ("system",      "",                      ""),
    ("data",        {"gsm8k": "a.jsonl"},    {"gsm8k": ("a.jsonl",)}),
    ("data",        {"gsm8k": [Path("a")]},  {"gsm8k": ("a",)}),
    ("tasks_dirs",  "mine",                  (Path("mine"),)),
    ("tasks_dirs",  [Path("a"), "b"],        (Path("a"), Path("b"))),
]
OPTIONS = [  # on the command line
    "-t ''", "-n 0", "-n -1", "--limit 0", "--limit -3", "--temperature -1", "--temperature nan",
    "--temperature inf", "--top-p 0", "--top-p 7", "--top-p nan", "--max-tokens 0", "--seed -1",
    f"--seed {2**64}", "--prompt ''", "--second ''",
]
# fmt: on


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED for value in values]
)
def test_a_value_beyond_the_limits_is_an_error_with_its_hint(name, value):
    with pytest.raises(UserError) as refused:
        RunSpec(**{"tasks": ("arithmetic",), name: value})
    assert refused.value.what.startswith(f"{name} is ")
    assert refused.value.hint.startswith("Write -")
    assert str(refused.value) == f"{refused.value.what} {refused.value.hint}"


@pytest.mark.parametrize(("name", "value", "stored"), TAKEN)
def test_a_value_within_the_limits_is_stored_in_one_form(name, value, stored):
    spec = RunSpec(**{"tasks": ("arithmetic",), name: value})
    assert repr(getattr(spec, name)) == repr(stored)


def test_every_setting_has_limits_and_refused_values():
    assert [one.name for one in fields(RunSpec)] == list(dict(REFUSED))
    assert {"tasks", *Settings.__annotations__} == {one.name for one in fields(RunSpec)}


@pytest.mark.parametrize("options", OPTIONS)
def test_the_command_line_has_the_same_limits(options, tmp_path):
    task = [] if options.startswith("-t") else ["-t", "arithmetic"]
    out = tmp_path / "run"
    asked = ["run", "fake:answer=1", *task, *shlex.split(options), "-o", str(out)]
    done = CliRunner().invoke(verbs, asked, standalone_mode=False)
    assert isinstance(done.exception, UserError)
    assert not out.exists()


def test_every_fault_is_named_at_once_in_python():
    with pytest.raises(SeveralFaultsError) as refused:
        evaluate(model="fake:answer=1", tasks=[], samples=0, limit=-3, top_p=7, sampels=3)
    for said in ("tasks is", "samples is 0", "limit is -3", "top_p is 7", "Did you mean samples?"):
        assert said in str(refused.value)


def test_an_unknown_setting_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="mean samples"):
        evaluate(model="fake:answer=1", tasks=["arithmetic"], sampels=3)


def test_a_comma_list_is_understood(tmp_path):
    run = evaluate(model="fake:answer=1", tasks="arithmetic", limit=2, out=tmp_path / "run")
    assert run.tasks() == ("arithmetic",)


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text()))
def test_a_number_is_taken_within_its_limits_and_nowhere_else(value):
    allowed = isinstance(value, int) and not isinstance(value, bool)
    allowed = allowed and 1 <= value <= 10_000
    try:
        assert RunSpec(tasks=("t",), samples=value).samples == value
    except UserError:
        assert not allowed
    else:
        assert allowed
