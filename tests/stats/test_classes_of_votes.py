"""Answers with different keys that are the same are one class, by few comparisons."""

from __future__ import annotations

from mathreason_eval.stats.estimators.items import Item, items_of
from mathreason_eval.types import Outcome, Problem, Verdict

PROBLEM = Problem(id="p", question="?", gold=("gold",))


def verdict(sample: int, answer: str | None, outcome: Outcome = Outcome.WRONG) -> Verdict:
    return Verdict(
        problem_id="p", sample=sample, outcome=outcome, answer=answer, rule="r", note="", score=0.0
    )


class Letters:
    """Answers are the same if their first letters are; it counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        self.asked.append((one[1], other[1]))
        return one[1][0] == other[1][0]


def item(*answers: str | None, same: Letters | None) -> Item:
    verdicts = [verdict(sample, answer) for sample, answer in enumerate(answers)]
    return items_of([PROBLEM], (), verdicts, str, cluster=None, same=same)[0]


def test_classes_are_merged_by_comparison() -> None:
    answers = ("a1", "b1", "a2", None, "a1", "b2", "c1")
    assert item(*answers, same=None).ballots == (1, 2, 3, None, 1, 4, 5)
    assert item(*answers, same=Letters()).ballots == (1, 2, 1, None, 1, 2, 3)
    assert item(*answers, same=Letters()).classes == (3, 2, 1)


def test_a_correct_answer_is_in_the_class_of_correct_ones() -> None:
    judged = [verdict(0, "a1", Outcome.CORRECT), verdict(1, "a2"), verdict(2, "a3")]
    found = items_of([PROBLEM], (), judged, str, cluster=None, same=Letters())[0]
    assert found.ballots == (0, 1, 1)
    assert found.classes == (1, 2)


def test_the_same_answers_are_compared_in_the_same_order_and_boundedly_often() -> None:
    answers = [f"{chr(0x4E00 + number)}" for number in range(300)]
    one, other = Letters(), Letters()
    assert item(*answers, same=one).ballots == tuple(range(1, 301))
    assert item(*answers, same=other).ballots
    assert one.asked == other.asked
    assert len(one.asked) == 200


def test_an_answer_is_compared_once() -> None:
    asked = Letters()
    assert item("a", "b", "a", "b", "a", same=asked).ballots == (1, 2, 1, 2, 1)
    assert asked.asked == [("b", "a")]
