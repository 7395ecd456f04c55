"""A reward is 1 for a right answer and 0 for everything else, and nothing stops a training."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from enum import Enum
from importlib import import_module
from types import SimpleNamespace

import pytest
from project import ROOT

from mathreason_eval.errors import DataError, UnknownNameError
from mathreason_eval.reward import (
    Reason,
    areward,
    counts,
    judged,
    nemo,
    openrlhf,
    reasons,
    reward,
    scoring,
    slime,
    trl,
    verifiers,
    verl,
)

BOXED, WRONG = r"So it is \boxed{7}.", r"So it is \boxed{8}."


def said(text):
    return [{"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": text}]


# fmt: off
ROWS = [
    # completion, gold, finish reason; why it has its reward
    (BOXED,                              "7",           None,     Reason.RIGHT),
    (BOXED,                              7,             "stop",   Reason.RIGHT),
    (BOXED,                              7.0,           None,     Reason.RIGHT),
    (BOXED,                              ["6", "7"],    None,     Reason.RIGHT),
    (BOXED,                              "We add.\n#### 7", None, Reason.RIGHT),
    (said(BOXED),                        "7",           None,     Reason.RIGHT),
    ([*said(BOXED), {"role": "user", "content": "8?"}], "7", None, Reason.RIGHT),
    (said([{"type": "text", "text": BOXED}]), "7",      None,     Reason.RIGHT),
    (f"<think>I add.</think>{BOXED}",    "7",           None,     Reason.RIGHT),
    (WRONG,                              "7",           None,     Reason.WRONG),
    ("",                                 "7",           None,     Reason.NO_ANSWER),
    ("I do not know.",                   "7",           None,     Reason.NO_ANSWER),
    ("<think>3 + 4 = 7",                 "7",           "length", Reason.UNFINISHED),
    ("<think>3 + 4 = 7",                 "7",           None,     Reason.UNFINISHED),
    ("3 + 4 = 7, and then",              "7",           "length", Reason.UNFINISHED),
    (BOXED,                              "7",           "length", Reason.RIGHT),   # announced
    (r"\boxed{f(x) + g(y)}",             "h(z)",        None,     Reason.UNDECIDED),
    (None,                               "7",           None,     Reason.INVALID),
    (BOXED,                              None,          None,     Reason.INVALID),
    (BOXED,                              "",            None,     Reason.INVALID),
    (BOXED,                              [],            None,     Reason.INVALID),
    (BOXED,                              math.nan,      None,     Reason.INVALID),
    (BOXED,                              True,          None,     Reason.INVALID),
    ([],                                 "7",           None,     Reason.INVALID),
    ([{"role": "user", "content": "7"}], "7",           None,     Reason.INVALID),
    (said(None),                         "7",           None,     Reason.INVALID),
    (7,                                  "7",           None,     Reason.INVALID),
    ("\udcff\x00 \\boxed{7}",            "7",           None,     Reason.RIGHT),
]
# fmt: on


@pytest.fixture(autouse=True)
def _from_zero():
    counts(reset=True)


def test_each_row_has_its_reward_and_its_reason():
    completions, golds, ends, wanted = zip(*ROWS, strict=True)
    assert reasons(completions, golds, finish_reasons=ends) == list(wanted)
    rewards = reward(completions, golds, finish_reasons=ends)
    assert rewards == [1.0 if one is Reason.RIGHT else 0.0 for one in wanted]
    assert {type(one) for one in rewards} == {float}


def test_awaited_rewards_are_the_same():
    completions, golds, ends, _ = zip(*ROWS, strict=True)
    awaited = asyncio.run(areward(completions, golds, finish_reasons=ends))
    assert awaited == reward(completions, golds, finish_reasons=ends)


def test_the_counts_are_of_all_rows_and_begin_again():
    completions, golds, ends, wanted = zip(*ROWS, strict=True)
    reward(completions, golds, finish_reasons=ends)
    found = counts(reset=True)
    for reason in Reason:
        assert getattr(found, reason) == wanted.count(reason), reason
    assert found.total == len(ROWS)
    assert counts().total == 0
    assert str(found).startswith("right ")


def test_an_answer_that_is_not_announced_is_counted_as_weak():
    reward(["I get 7", "I get 8", BOXED, ""], [7, 7, 7, 7])
    assert counts().weak == 2


# fmt: off
AUDITS = [
    # completions, gold, second grader; how many are copies, on how many the graders disagree
    ([BOXED, WRONG],              "7",   None,     0, 0),
    ([BOXED, BOXED, WRONG],       "7",   None,     1, 0),
    ([BOXED] * 4,                 "7",   None,     3, 0),
    ([None, None],                "7",   None,     0, 0),      # there is no text to copy
    ([r"\boxed{0.5}", BOXED],     "1/2", "math",   0, 0),
    ([r"\boxed{0.5}", BOXED],     "1/2", "text",   0, 1),
    ([r"\boxed{0.5}"] * 3,        "1/2", "text",   2, 3),
    ([r"\boxed{f(x)}", ""],       "h(z)", "text",  0, 0),      # undecided, and no answer
]
# fmt: on


@pytest.mark.parametrize(("completions", "gold", "second", "copies", "differ"), AUDITS)
def test_copies_and_disagreements_are_counted_and_change_no_reward(
    completions, gold, second, copies, differ
):
    golds = [gold] * len(completions)
    plain = reward(completions, golds)
    counts(reset=True)
    assert reward(completions, golds, second=second) == plain
    assert asyncio.run(areward(completions, golds, second=second)) == plain
    found = counts()
    assert (found.duplicated, found.disagreed) == (2 * copies, 2 * differ)
    assert found.total == 2 * len(completions)
    assert f"duplicated {2 * copies} · disagreed {2 * differ}" in str(found)


def test_the_counts_of_a_call_are_its_own():
    reward([BOXED], [7])
    found = judged([BOXED, WRONG, "<think>7", None], [7] * 4).counts
    assert (found.right, found.wrong, found.unfinished, found.invalid) == (1, 1, 1, 1)
    assert found.shares["right"] == 0.25
    assert judged([], []).counts.shares == {}
    assert counts().total == 5


@pytest.mark.parametrize("golds", [[], [7], [7, 7, 7, 7]])
def test_lists_that_do_not_match_give_a_reward_for_each_completion(golds):
    assert reward([BOXED] * 3, golds) == [float(n < len(golds)) for n in range(3)]


def test_whatever_fails_is_undecided_and_not_an_exception(monkeypatch):
    def fails(*_, **__):
        raise MemoryError

    monkeypatch.setattr(scoring, "verify_many", fails)
    assert reward([BOXED, None], [7, 7]) == [0.0, 0.0]
    assert (counts().undecided, counts().invalid) == (1, 1)

    async def fails_too(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(scoring, "averify", fails_too)
    assert asyncio.run(areward([BOXED, WRONG], [7, 7])) == [0.0, 0.0]


@pytest.mark.slow
def test_many_rows_are_judged_by_other_processes_and_each_has_its_own(monkeypatch):
    monkeypatch.setattr(scoring, "verify_many", None)
    monkeypatch.setattr(scoring, "averify", None)
    numbers = range(500)
    completions = [rf"So \boxed{{{number + (number % 3 == 0)}}}." for number in numbers]
    wanted = [float(number % 3 != 0) for number in numbers]
    assert reward(completions, list(numbers), workers=2) == wanted
    assert asyncio.run(areward(completions, list(numbers), workers=2)) == wanted

    def fails(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(scoring, "submit_outputs", fails)
    assert reward(completions, list(numbers)) == [0.0] * 500
    assert asyncio.run(areward(completions, list(numbers))) == [0.0] * 500
    assert counts().undecided == 1000


def test_a_grader_that_does_not_exist_is_a_fault_of_the_settings():
    with pytest.raises(UnknownNameError, match="Did you mean number"):
        reward([BOXED], [7], grader="numbr")
    with pytest.raises(UnknownNameError, match="Did you mean number"):
        reward([BOXED], [7], second="numbr")


def test_rewards_from_many_threads_are_each_of_their_own_row():
    def asked(number):
        return reward([rf"\boxed{{{number}}}", rf"\boxed{{{number + 1}}}"], [number, number])

    with ThreadPoolExecutor(8) as threads:
        assert set(map(tuple, threads.map(asked, range(200)))) == {(1.0, 0.0)}
    assert counts().right == counts().wrong == 200


def _in_a_process(number):
    found = verl.compute_score("d", rf"\boxed{{\frac{{{number}}}{{2}}}}", str(number / 2), {})
    return found, counts().total


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_pool_of_processes_judges_as_this_one(method):
    reward([BOXED], [7])
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(_in_a_process, range(1, 20)))
    assert {value for value, _ in found} == {1.0}
    assert counts().total == 1


def test_no_signal_is_needed_outside_the_main_thread():
    found = []
    thread = threading.Thread(target=lambda: found.extend(reward([BOXED], [7])))
    thread.start()
    thread.join()
    assert found == [1.0]


# --- as trainers call it -----------------------------------------------------------------------


def test_trl_calls_with_columns_and_takes_none_where_it_does_not_apply():
    called = {
        "prompts": ["3 + 4?"] * 3,
        "completions": [said(BOXED)[1:], said(WRONG)[1:], said(BOXED)[1:]],
        "completion_ids": [[1], [2], [3]],
        "trainer_state": object(),
        "log_extra": print,
        "solution": ["7", "7", None],
    }
    assert trl.math_reward(**called) == [1.0, 0.0, None]
    assert asyncio.run(trl.async_math_reward(**called)) == [1.0, 0.0, None]
    logged = {}
    trl.math_reward(**called, log_metric=logged.__setitem__)
    assert logged["grader/right"] == logged["grader/invalid"] == pytest.approx(1 / 3)
    assert logged["grader/undecided"] == logged["grader/duplicated"] == 0
    del called["solution"]
    with pytest.raises(DataError, match="No column of the data set has golds"):
        trl.math_reward(**called)


def test_verl_calls_by_name_by_place_and_in_batches():
    by_name = {"data_source": "d", "solution_str": BOXED, "ground_truth": "7", "extra_info": {}}
    assert verl.compute_score(**by_name, reward_router_address=None) == 1.0
    assert verl.compute_score("d", WRONG, "7", None) == 0.0
    batch = {
        "data_sources": ["d", "d"],
        "solution_strs": [BOXED, WRONG],
        "ground_truths": ["7", 7],
        "extra_infos": [{}, {}],
    }
    assert verl.compute_score_batch(**batch) == [1.0, 0.0]


def test_openrlhf_glues_prompts_and_wants_tensors(monkeypatch):
    monkeypatch.setitem(openrlhf.import_module.__globals__["sys"].modules, "torch", TORCH)
    prompt = r"Is it \boxed{8}? "
    found = openrlhf.reward_func([prompt + BOXED, prompt + "<think>7"], [prompt] * 2, ["7", "7"])
    assert found["rewards"] == found["scores"] == ("tensor", [1.0, 0.0])
    assert found["extra_logs"]["unfinished"] == ("tensor", [0.0, 1.0])
    assert found["extra_logs"]["undecided"] == ("tensor", [0.0, 0.0])


# fmt: off
GLUED = [
    # query, prompt; the completion, for which alone there is a reward
    ("3 + 4? 7",              "3 + 4? ",          "7"),
    ("<s>3 + 4? 7",           "3 + 4? ",          "7"),        # a token that the prompt has not
    ("8} A: 7",               r"Not \boxed{8} A: ", "8} A: 7"),  # too little is left to find it
    ("x" * 64 + "7",          "y" + "x" * 64,     "7"),        # the prompt lost its beginning
    ("x" * 65 + "7",          "x" * 65,           "7"),
    ("7",                     "",                 "7"),
    ("It is 7",               "3 + 4?",           "It is 7"),
]
# fmt: on


@pytest.mark.parametrize(("query", "prompt", "wanted"), GLUED)
def test_a_prompt_that_was_decoded_again_is_taken_off(query, prompt, wanted):
    assert openrlhf._completion(query, prompt) == wanted


TORCH = SimpleNamespace(tensor=lambda values: ("tensor", list(values)))


class Status(Enum):
    """As slime's `Sample.Status`."""

    COMPLETED = "completed"
    TRUNCATED = "truncated"


def test_slime_awaits_one_sample_or_a_group():
    right = SimpleNamespace(response=BOXED, label="7", status=Status.COMPLETED)
    cut = SimpleNamespace(response="it is 7", label="7", status=Status.TRUNCATED)
    assert asyncio.run(slime.custom_rm(None, right)) == 1.0
    assert asyncio.run(slime.custom_rm(None, [right, cut], evaluation=True)) == [1.0, 0.0]
    assert counts().unfinished == 1


def test_nemo_rl_calls_a_worker_and_gym_a_request():
    worker = nemo.VerifyWorker()
    assert worker.verify([BOXED, WRONG], ["7", "7"]) == [1.0, 0.0]
    found = worker.verify([BOXED], ["7"], return_extracted_answer=True, math_verify_impl="x")
    assert found == ([1.0], [None])
    message = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": BOXED}],
    }
    body = {"response": {"output": [{"type": "reasoning"}, message]}, "expected_answer": "7"}
    assert asyncio.run(nemo.verify(body)) == {**body, "reward": 1.0}
    assert asyncio.run(nemo.verify({"expected_answer": "7"}))["reward"] == 0.0


def test_verifiers_awaits_a_rollout():
    rollout = {"prompt": said("")[:1], "completion": said(BOXED)[1:], "answer": "7", "info": {}}
    assert asyncio.run(verifiers.correct_answer(**rollout, state={}, task="t")) == 1.0
    cut = {**rollout, "completion": "it is 7", "state": {"is_truncated": True}}
    assert asyncio.run(verifiers.correct_answer(**cut)) == 0.0


# fmt: off
TRACES = [
    # the last reply, whether it was cut; the reward
    (BOXED,      False, 1.0),
    (BOXED,      True,  1.0),   # announced
    ("it is 7",  True,  0.0),
    (WRONG,      False, 0.0),
    ("",         False, 0.0),
]
# fmt: on


@pytest.mark.parametrize(("reply", "cut", "wanted"), TRACES)
def test_verifiers_awaits_the_reward_of_a_trace(reply, cut, wanted):
    trace = SimpleNamespace(last_reply=reply, is_truncated=cut)
    assert asyncio.run(verifiers.trace_reward(trace, "7")) == wanted


ADAPTERS = [
    trl.math_reward, verl.compute_score, verl.compute_score_batch, openrlhf.reward_func,
    slime.custom_rm, nemo.VerifyWorker, nemo.verify, verifiers.correct_answer,
    verifiers.trace_reward,
]  # fmt: skip


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_can_be_sent_to_another_process(adapter):
    assert pickle.loads(pickle.dumps(adapter)) is adapter


EXAMPLES = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "reward.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.slow
@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_of_the_documentation(code):
    for package in re.findall(r"^from (trl|transformers|datasets) ", code, re.MULTILINE):
        pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_function_that_the_documentation_names_exists():
    page = (ROOT / "docs" / "reward.md").read_text()
    named = re.findall(r"from mathreason_eval\.reward\.(\w+) import (\w+)", page)
    assert len(named) >= 4
    for module, name in named:
        assert hasattr(import_module(f"mathreason_eval.reward.{module}"), name)


def test_rows_of_one_gold_are_asked_together_and_each_once():
    """The process that has read a gold reads it no second time."""
    rows = scoring._rows(["1", "x", "1", "2", "y", "1"], [7, 8, 7, 7, 8, 9])
    asked = [(gold, output) for (gold,), output in scoring._distinct(rows)]
    assert asked == [("7", "1"), ("7", "2"), ("8", "x"), ("8", "y"), ("9", "1")]
