"""A thought has at most its budget, and an answer all the same."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mathreason_eval.errors import ModelError, UserError
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.models.base import Completion, Failure
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.store import load_run
from mathreason_eval.types import Outcome

WORDS = " ".join(f"w{number}" for number in range(40))
ROWS = [
    {"id": "long", "question": "Think long.", "gold": "4"},
    {"id": "short", "question": "Think little.", "gold": "5"},
    {"id": "never", "question": "Do not think.", "gold": "6"},
]
SCRIPT = """
rules:
- {contains: "</think>\\n\\n", text: "So \\\\boxed{4}."}
- {contains: "n w5", text: "w6 w7 w8 \\\\boxed{6}"}
- {contains: long, text: "<think>WORDS</think>It is \\\\boxed{3}."}
- {contains: little, text: "<think>a b</think>It is \\\\boxed{5}."}
- {contains: not, text: "n w5 w6 w7 w8 w9 w10 w11"}
""".replace("WORDS", WORDS)


@pytest.fixture
def go(tmp_path):
    (tmp_path / "script.yaml").write_text(SCRIPT)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def start(model=None, out="run", model_args=None, **settings):
        data = {"gsm8k": (str(tmp_path / "rows.jsonl"),)}
        spec = RunSpec(tasks=("gsm8k",), data=data, **{"max_tokens": 60, **settings})
        named = UserModel(model or f"fake:{tmp_path / 'script.yaml'}")
        opener = NamedModel(name=named, options=model_args or {})
        return run_tasks(spec, opener, tmp_path / out)

    return start


def by_problem(run):
    return {one.problem_id: one for one in run.generations("gsm8k")}


def test_a_thought_that_is_open_at_the_budget_is_ended_and_answered(go):
    run = go(think_budget=10)
    one = by_problem(run)["long"]
    assert (one.text, one.thought_ended) == ("So \\boxed{4}.", True)
    assert one.reasoning == " ".join(WORDS.split()[:10])
    assert (one.reasoning_tokens, one.completion_tokens) == (10, 12)
    assert {v.problem_id: v.outcome for v in run.verdicts("gsm8k")}["long"] is Outcome.CORRECT


def test_what_ends_before_the_budget_is_as_it_was(go):
    with_budget, without = (by_problem(go(think_budget=n, out=f"{n}")) for n in (10, None))
    assert with_budget["short"].text == without["short"].text == "It is \\boxed{5}."
    assert not with_budget["short"].thought_ended
    assert without["long"].text == "It is \\boxed{3}."
    assert with_budget["short"].seed == without["short"].seed
    assert with_budget["short"].key != without["short"].key, "another setting, another key"


def test_an_answer_that_is_longer_than_the_budget_goes_on_without_a_mark(go):
    one = by_problem(go(think_budget=5))["never"]
    assert one.text == "n w5 w6 w7 w8" + "w6 w7 w8 \\boxed{6}"
    assert (one.reasoning, one.thought_ended, one.completion_tokens) == (None, False, 9)


def test_the_budget_is_a_setting_that_is_stored_and_taken_up_again(go):
    first = go(think_budget=10)
    assert first.manifest.sampling.think_budget == 10
    again = go()
    assert again.manifest.sampling.think_budget == 10
    assert len(again.generations("gsm8k")) == 3, "nothing was asked again"
    with pytest.raises(UserError, match="think_budget was 10, is 11"):
        go(think_budget=11)


def test_a_run_without_a_budget_is_spelled_as_before_there_were_any(go, tmp_path):
    go(out="plain")
    line = json.loads((tmp_path / "plain/gsm8k/prompts.jsonl").read_text().splitlines()[0])
    assert sorted(line["prompt"]) == ["messages", "stop", "text"]
    with pytest.raises(UserError, match="think_budget was none, is 10"):
        go(out="plain", think_budget=10)


# fmt: off
REFUSED = [
    # model,                settings,                                     reason
    ("replay:{rows}",       {"think_budget": 10},                         "stored outputs"),
    ("checker:equations",   {"think_budget": 10},                         "judges steps"),
    (None,                  {"think_budget": 60},                         "leaves no tokens"),
    (None,                  {"think_budget": 50, "max_tokens": 60},       "leaves no tokens"),
    (None,                  {"think_budget": 0},                          "a whole number from 1"),
]
# fmt: on


@pytest.mark.parametrize(("model", "settings", "reason"), REFUSED)
def test_what_cannot_be_continued_is_refused_before_anything_is_asked(
    go, tmp_path, model, settings, reason
):
    named = None if model is None else model.format(rows=tmp_path / "rows.jsonl")
    with pytest.raises(UserError, match=reason):
        go(named, **settings)
    assert not (tmp_path / "run").exists() or not load_run(tmp_path / "run").has_samples()


class Dividing:
    """A server that divides thought and answer itself, as one with a reasoning parser."""

    name, chat, context, opening, continues = "fake:dividing", True, None, "", True

    def __init__(self, *, fails=False):
        self.asked, self.fails = [], fails

    def describe(self):
        return {"backend": "fake"}

    def stream(self, requests):
        for request in requests:
            self.asked.append(request)
            whole = Completion(
                request=request, text="", reasoning="hm", finish_reason="length",
                completion_tokens=request.sampling.max_tokens,
            )  # fmt: skip
            if self.fails and not request.prompt.begun:
                whole = replace(whole, text="<think>hm", reasoning=None)
            elif self.fails:
                whole = Failure(request=request, reason="it broke")
            yield whole

    def close(self):
        pass


def test_a_server_that_divides_texts_ends_the_run_at_the_first(go, tmp_path):
    model = Dividing()
    data = {"gsm8k": (str(tmp_path / "rows.jsonl"),)}
    spec = RunSpec(tasks=("gsm8k",), data=data, max_tokens=60, think_budget=10)
    with pytest.raises(ModelError, match="divides thought"):
        run_tasks(spec, lambda: model, tmp_path / "run")
    assert len(model.asked) == 1


def test_a_second_turn_that_fails_is_a_failure_of_the_sample(go, tmp_path):
    model = Dividing(fails=True)
    data = {"gsm8k": (str(tmp_path / "rows.jsonl"),)}
    spec = RunSpec(tasks=("gsm8k",), data=data, max_tokens=60, think_budget=10)
    with pytest.raises(UserError, match="it broke"):
        run_tasks(spec, lambda: model, tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert not run.has_samples()
    assert [one.seed for one in run.failures("gsm8k")] == [
        one.seed for one in model.asked if not one.prompt.begun
    ]
    assert len(model.asked) == 6


def test_the_second_turn_draws_other_numbers(go, tmp_path):
    model = Dividing(fails=True)
    data = {"gsm8k": (str(tmp_path / "rows.jsonl"),)}
    spec = RunSpec(tasks=("gsm8k",), data=data, max_tokens=60, think_budget=10)
    with pytest.raises(UserError):
        run_tasks(spec, lambda: model, tmp_path / "run")
    assert len({one.seed for one in model.asked}) == 6
    second = [one for one in model.asked if one.prompt.begun]
    assert {one.sampling.max_tokens for one in second} == {60 - 10 - 16}
    assert {one.prompt.begun for one in second} == {"<think>hm\n</think>\n\n"}


def test_replicas_change_nothing(go):
    one, three = (
        by_problem(go(think_budget=10, out=f"{n}", model_args={"replicas": str(n)})) for n in (1, 3)
    )
    assert {name: replace(sample, seconds=0.0) for name, sample in one.items()} == {
        name: replace(sample, seconds=0.0) for name, sample in three.items()
    }


def test_each_turn_is_paid_for(go, tmp_path):
    (tmp_path / "prices.yaml").write_text(
        "currency: USD\nmodels:\n"
        f"  'fake:{tmp_path / 'script.yaml'}': {{prompt: 1000000, completion: 1000000}}"
    )
    free, paid = go(think_budget=10, out="free"), go(
        think_budget=10, out="paid", prices=tmp_path / "prices.yaml", max_cost=100_000
    )  # fmt: skip
    assert by_problem(paid) == {
        name: replace(one, seconds=by_problem(paid)[name].seconds)
        for name, one in by_problem(free).items()
    }
    tokens = sum(one.prompt_tokens + one.completion_tokens for one in paid.generations("gsm8k"))
    assert paid.manifest.sessions[-1].cost.known == pytest.approx(tokens)
    assert paid.manifest.sessions[-1].cost.possible == 0
