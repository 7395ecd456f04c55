"""The scripted engine: what it says, how long it takes, and how it fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

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


def test_latencies_run_side_by_side():
    model = open_model("fake:echo", {"latency": "0.1", "concurrency": "20"})
    start = time.monotonic()
    said = answers(model, *map(str, range(40)))
    assert len(said) == 40
    assert 0.2 <= time.monotonic() - start < 1.0  # one after the other they take 4 s


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


def test_a_death_is_a_kill():
    program = (
        "from mathreason_eval.models import open_model; from tests.models.test_fake import request;"
        "[print(one.text, flush=True) for one in"
        " open_model('fake:echo', {'die_after': '2'}).stream([request('x')] * 9)]"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "x\nx\n")


def test_a_script_is_faster_than_any_harness():
    model, requests = open_model("fake:answer=42"), [request("x")] * 20_000
    start = time.process_time()
    assert sum(1 for _ in model.stream(requests)) == 20_000
    assert time.process_time() - start < 2.0
