"""Limits on what is not the score: cut texts, missing answers, longer texts."""

from __future__ import annotations

import pytest
from gate_runs import TASK, imported

from mathreason_eval.compare.pairing import pair, task_run
from mathreason_eval.gate.config import Config, Limits, config_of
from mathreason_eval.gate.health import LimitState
from mathreason_eval.gate.judging import Conclusion, judge
from mathreason_eval.gate.wording import headline
from mathreason_eval.runs.store import load_run
from mathreason_eval.stats.difference import difference

PROBLEMS = 60

# fmt: off
HEALTH = [
    # what so many of 60 problems do in the run; check, state
    ("truncated", 0,  "truncated",  LimitState.KEPT),
    ("truncated", 1,  "truncated",  LimitState.KEPT),      # 1.7 points: within the limit of two
    ("truncated", 3,  "truncated",  LimitState.UNSURE),    # beyond it, and may be chance
    ("truncated", 30, "truncated",  LimitState.BROKEN),
    ("silent",    3,  "no_answer",  LimitState.UNSURE),
    ("silent",    30, "no_answer",  LimitState.BROKEN),
    ("silent",    30, "truncated",  LimitState.KEPT),
    ("longer",    5,  "tokens",     LimitState.KEPT),      # 17 % more
    ("longer",    7,  "tokens",     LimitState.UNSURE),
    ("longer",    60, "tokens",     LimitState.BROKEN),
    ("shorter",   60, "tokens",     LimitState.BROKEN),    # both ways
    ("shorter",   10, "tokens",     LimitState.KEPT),
]
# fmt: on
UNSAID = [1, PROBLEMS]
"""Of so many problems it is not known why the text ends."""
_ODD = {
    "truncated": {"output": "It is", "finish_reason": "length"},
    "silent": {"output": "Nobody knows."},
    "longer": {"completion_tokens": 300},
    "shorter": {"completion_tokens": 20},
    "unsaid": {"output": "It is", "finish_reason": None},
}


def outputs(model: str, kind: str, count: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"q{index}", "question": f"{index} + 0?", "gold": str(index), "model": model,
            # Not all alike: what never varies has no chance to be chance.
            "output": f"\\boxed{{{index}}}", "completion_tokens": 90 + index % 20,
            "finish_reason": "stop",
            **(_ODD[kind] if index < count else {}),
        }
        for index in range(PROBLEMS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    kinds = {(kind, count) for kind, count, _, _ in HEALTH} | {("unsaid", n) for n in UNSAID}
    rows = [
        row
        for kind, count in sorted(kinds | {("truncated", 0)})
        for row in outputs(f"{kind}-{count}", kind, count)
    ]
    return imported(tmp_path_factory.mktemp("health"), rows)


def judged(runs, after, config, before="truncated-0"):
    return judge(load_run(runs / before), load_run(runs / after), config)


@pytest.mark.parametrize(("kind", "count", "name", "state"), HEALTH)
def test_limits(runs, kind, count, name, state):
    (task,) = judged(runs, f"{kind}-{count}", Config()).tasks
    (check,) = [check for check in task.checks if check.name == name]
    assert check.state is state


def test_a_change_of_just_the_limit_keeps_it(runs):
    found = judged(runs, "truncated-3", config_of({"health": {"truncated": "5pp"}}))
    (check,) = [check for check in found.tasks[0].checks if check.name == "truncated"]
    assert (check.change, check.limit, check.state) == (0.05, 0.05, LimitState.KEPT)


@pytest.mark.parametrize(
    ("name", "alpha"),
    [("truncated", 0.1 * 2), ("tokens", 0.1)],  # a rise alone is a fault; a change either way is
)
def test_bounds_are_one_sided_where_one_direction_is_better(runs, name, alpha):
    before, after = load_run(runs / "truncated-0"), load_run(runs / "truncated-30")
    found = judge(before, after, config_of({"health": {"alpha": 0.1}}))
    (check,) = [check for check in found.tasks[0].checks if check.name == name]
    scores = pair(task_run(before, TASK), task_run(after, TASK)).scores(name)
    unit = 1.0 if name == "truncated" else check.before
    low, high = difference([*scores.pairs.values()], shares=name != "tokens").interval(1 - alpha)
    assert (check.low, check.high) == pytest.approx((low / unit, high / unit))


def test_a_broken_limit_is_a_regression_though_the_score_is_the_same(runs):
    found = judged(runs, "longer-60", config_of({"margin": "10pp"}))
    assert found.tasks[0].conclusion is Conclusion.PASS
    assert found.conclusion is Conclusion.REGRESSION
    assert headline(found) == "regression: a health limit is broken"


def test_a_better_health_breaks_nothing(runs):
    found = judged(runs, "truncated-0", Config(), before="truncated-30")
    assert {check.state for check in found.tasks[0].checks} == {LimitState.KEPT}


# fmt: off
RATES = {"no_answer", "ungradable"}
SET = [
    # gate.yaml; the checks that are made
    ({},                                      {*RATES, "truncated", "tokens"}),
    ({"health": {"tokens": False}},           {*RATES, "truncated"}),
    ({"health": {"tokens": False}, "tasks": {TASK: {"health": {"truncated": False}}}}, RATES),
    ({"tasks": {TASK: {"health": {"tokens": "50%"}}}}, {*RATES, "truncated", "tokens"}),
]
# fmt: on


@pytest.mark.parametrize(("spec", "names"), SET)
def test_limits_are_set_for_all_and_for_each(runs, spec, names):
    (task,) = judged(runs, "longer-60", config_of(spec)).tasks
    assert {check.name for check in task.checks} == names


@pytest.mark.parametrize("count", UNSAID)
@pytest.mark.parametrize("swapped", [False, True])
def test_what_may_have_been_cut_is_not_counted_as_whole(runs, count, swapped):
    before, after = (f"unsaid-{count}", "truncated-0")[:: -1 if swapped else 1]
    (task,) = judged(runs, after, Config(), before=before).tasks
    assert {check.name for check in task.checks} == {*RATES, "tokens"}


def test_what_a_task_says_of_health_adds_to_what_all_say():
    config = config_of(
        {
            "health": {"tokens": "30%", "truncated": "5pp"},
            "tasks": {TASK: {"health": {"truncated": 0.01, "alpha": 0.01}}},
        }
    )
    assert config.rules_for(TASK).limits == Limits(truncated=0.01, tokens=0.3, alpha=0.01)
    assert config.rules_for("another").limits == Limits(truncated=0.05, tokens=0.3)


def test_more_looks_leave_less_for_each(runs):
    once = judged(runs, "longer-60", Config()).tasks[0].checks[0]
    often = judged(runs, "longer-60", config_of({"samples": [1, 2, 4]})).tasks[0].checks[0]
    assert often.high > once.high
