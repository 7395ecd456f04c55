"""Pass, regression or not enough evidence."""

from __future__ import annotations

import pytest

from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair


def flips(lost, gained, same):
    changed = [(1.0, 0.0)] * lost + [(0.0, 1.0)] * gained + [(1.0, 1.0)] * same
    return [Pair(before=before, after=after) for before, after in changed]


TABLE = [
    # lost, gained, same, margin, beyond the margin; call
    (60, 10, 1_249, 0.01, False, Call.REGRESSION),
    (60, 10, 1_249, 0.01, True, Call.REGRESSION),
    (45, 20, 1_254, 0.01, True, Call.INCONCLUSIVE),     # a fall, not surely beyond the margin
    (20, 20, 1_279, 0.01, False, Call.INCONCLUSIVE),
    (5, 6, 1_308, 0.01, False, Call.PASS),
    (0, 0, 1_319, 0.01, False, Call.PASS),              # the same answers
    (0, 0, 30, 0.01, False, Call.INCONCLUSIVE),         # thirty cannot show one point
    (30, 0, 0, 0.01, False, Call.REGRESSION),
    (2, 0, 28, 0.01, False, Call.INCONCLUSIVE),         # two flips show nothing
    (12, 0, 1_307, 0.02, False, Call.PASS),             # a sure fall within the margin
    (1, 0, 0, 0.01, False, Call.INCONCLUSIVE),          # one problem
]  # fmt: skip


@pytest.mark.parametrize(("lost", "gained", "same", "margin", "beyond", "call"), TABLE)
def test_calls(lost, gained, same, margin, beyond, call):
    question = PairedTask(pairs=flips(lost, gained, same), margin=margin, beyond_margin=beyond)
    (decision,) = decide([question], alpha=0.01)
    assert decision.call is call


def test_bounds_say_what_the_call_says():
    for lost in range(0, 60, 3):
        (decision,) = decide([PairedTask(pairs=flips(lost, 10, 900))], alpha=0.05)
        assert (decision.call is Call.PASS) == (decision.lower > -0.01)
        if decision.call is Call.REGRESSION:
            assert decision.upper < 0


def test_among_many_tasks_a_regression_needs_more_evidence():
    slight = PairedTask(pairs=flips(22, 8, 700))
    (alone,) = decide([slight], alpha=0.01)
    among = decide([slight, *[PairedTask(pairs=flips(30, 30, 700))] * 9], alpha=0.01)[0]
    assert alone.call is Call.REGRESSION
    assert among.call is Call.INCONCLUSIVE
