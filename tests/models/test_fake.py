"""The scripted engine: what it says, how long it takes, and how it fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from work import calls

from mathreason_eval.errors import ModelError, UnknownNameError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.types import Message, Prompt, Sampling

RULES = """
latency: 0
rules:
  - {contains: sum, text: '\\boxed{5}'}
  - {contains: dice, text: ['1', '2', '3', '4', '5', '6']}
  - {contains: essay, text: and so on, finish_reason: length}
  - {contains: forbidden, fail: the prompt was refused}
  - {contains: '[', text: found}
"""


def request(question, seed=0, name="p"):
    prompt = Prompt(messages=(Message(role="user", content=question),))
    return Request(
        task="t", problem_id=name, sample=0, prompt=prompt, sampling=Sampling(), seed=seed
    )


def answers(model, *questions):
    return list(model.stream(request(question) for question in questions))


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return f"fake:{path}"


# fmt: off
SAID = [
    ("the sum",      r"\boxed{5}", "stop"),
    ("an essay",     "and so on",  "length"),
    ("[",            "found",      "stop"),    # a text, not a pattern
]
# fmt: on


@pytest.mark.parametrize(("question", "text", "finish"), SAID)
def test_the_first_matching_rule_decides(rules, question, text, finish):
    (said,) = answers(open_model(rules), question)
    assert (said.text, said.finish_reason) == (text, finish)


@pytest.mark.parametrize(
    ("question", "reason"), [("forbidden", "the prompt was refused"), ("else", "no rule")]
)
def test_a_request_can_fail_alone(rules, question, reason):
    (said,) = answers(open_model(rules), question)
    assert isinstance(said, Failure)
    assert reason in said.reason


def test_the_seed_picks_among_several_texts(rules):
    rolls = [
        [
            said.text
            for said in open_model(rules).stream(request("dice", seed) for seed in range(50))
        ]
        for _ in range(2)
    ]
    assert rolls[0] == rolls[1]
    assert len(set(rolls[0])) == 6


def test_jsonl_holds_one_rule_a_line(tmp_path):
    path = tmp_path / "rules.jsonl"
    path.write_text(json.dumps({"contains": "a", "text": 1}) + "\n" + json.dumps({"text": "2"}))
    said = answers(open_model(f"fake:{path}"), "a", "b")
    assert [one.text for one in said] == ["1", "2"]


def test_echo_repeats_the_question_and_answer_boxes_its_text():
    assert answers(open_model("fake:echo"), "why?")[0].text == "why?"
    assert answers(open_model("fake:answer=42"), "why?")[0].text == r"The answer is \boxed{42}."


@pytest.mark.parametrize("line", ["{contain: a}", "{garbage: noise}"])
def test_a_misspelt_rule_is_refused(tmp_path, line):
    path = tmp_path / "rules.yaml"
    path.write_text(f"- {line}")
    with pytest.raises(UnknownNameError):
        open_model(f"fake:{path}")


@pytest.mark.parametrize(
    ("kind", "holds", "least"),
    [
        ("brackets", "{", 900_000),
        ("nul", "\0", 1),
        ("surrogates", "\ud83d\udc00", 900_000),
        ("megabyte", "42", 900_000),
    ],
)
def test_garbage_is_what_it_says(tmp_path, kind, holds, least):
    path = tmp_path / "rules.yaml"
    path.write_text(f"- {{garbage: {kind}}}")
    (said,) = answers(open_model(f"fake:{path}"), "x")
    assert holds in said.text
    assert len(said.text) >= least


def test_a_quick_completion_does_not_wait_for_a_slow_one(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- {contains: slow, seconds: 0.3}\n- {seconds: 0.0}\n")
    source = iter(["slow", "a", "b"])
    said = open_model(f"fake:{path}").stream(map(request, source))
    assert [next(said).text for _ in range(3)] == ["a", "b", "slow"]


def test_requests_are_pulled_only_as_there_is_room():
    pulled = []

    def source():
        for index in range(100):
            pulled.append(index)
            yield request(str(index))

    next(open_model("fake:echo", {"concurrency": "8"}).stream(source()))
    assert len(pulled) == 8


def test_a_crash_comes_after_what_was_finished():
    finished = []
    with pytest.raises(ModelError):
        finished.extend(
            said
            for said in open_model("fake:echo", {"crash_after": "3"}).stream([request("x")] * 9)
        )
    model = open_model("fake:echo", {"crash_after": "3"})
    stream = model.stream([request("x")] * 9)
    assert [isinstance(next(stream), Completion) for _ in range(3)] == [True] * 3
    with pytest.raises(ModelError, match="after 3 completions"):
        next(stream)


DIES = """
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Request
from mathreason_eval.types import Message, Prompt, Sampling
prompt = Prompt(messages=(Message(role="user", content="x"),))
asked = Request(task="t", problem_id="p", sample=0, prompt=prompt, sampling=Sampling(), seed=0)
for said in open_model("fake:echo", {"die_after": "2"}).stream([asked] * 9):
    print(said.text, flush=True)
"""


def test_a_death_is_a_kill():
    done = subprocess.run([sys.executable, "-c", DIES], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "x\nx\n")


def test_a_script_costs_little_work_a_request():
    model, requests = open_model("fake:answer=42"), [request("x")] * 1_000
    assert calls(lambda: list(model.stream(requests))) < 60 * len(requests) + 1_000
    assert len(list(model.stream(requests))) == len(requests)
