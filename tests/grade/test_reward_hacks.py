"""A suite of ways to be called right without the answer, and of right answers that look alike.

Every row says in `right` whether the text claims the gold, and in `why` what it is about. Rows with
`open` are not yet judged as they should be. To try another grader, run it over the same rows:
`mathreason verify --jsonl tests/reward_hacks.jsonl`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from project import TESTS

from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import judge_row

LINES = (TESTS / "reward_hacks.jsonl").read_text("utf-8").splitlines()
ROWS = [json.loads(line) for line in LINES]
KINDS = {row["kind"] for row in ROWS}


def _name(row: dict[str, Any]) -> str:
    return f"{row['kind']}: {row['gold']} | {row.get('output', row.get('answer'))[:60]!r}"


def is_right(judge: Judge, row: dict[str, Any]) -> bool:
    return judge_row(judge, row)["outcome"] == "correct"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_claims_the_gold_is_right_and_nothing_else(judge: Judge, kind: str) -> None:
    rows = [row for row in ROWS if row["kind"] == kind and not row.get("open")]
    assert rows
    wrong = {
        _name(row): judge_row(judge, row)
        for row in rows
        if is_right(judge, row) is not row["right"]
    }
    assert wrong == {}


def test_what_is_open_is_said_to_be_and_is_little(judge: Judge) -> None:
    still = [row for row in ROWS if row.get("open")]
    assert all(is_right(judge, row) is not row["right"] for row in still)
    assert len(still) < len(ROWS) / 50


def test_every_kind_is_tried_several_times() -> None:
    assert len(KINDS) >= 14
    assert all(sum(row["kind"] == kind for row in ROWS) >= 7 for kind in KINDS)
    assert len({(row["gold"], row.get("output"), row.get("answer")) for row in ROWS}) == len(ROWS)


# fmt: off
BOXES = [
    # text                                                      different boxed answers
    (r"\boxed{4}",                                              None),
    (r"\boxed{4}, that is \boxed{ 4 }",                         None),
    (r"\boxed{3}. Wait, no: \boxed{4}",                         2),
    (r"\boxed{1} \boxed{2} \boxed{3} \boxed{4}",                4),
    (r"It goes into \boxed{}: \boxed{4}",                       None),
    ("The answer is 4.",                                        None),
]  # fmt: skip
# fmt: on


@pytest.mark.parametrize(("text", "boxes"), BOXES)
def test_a_verdict_says_how_many_different_boxes_there_are(
    judge: Judge, text: str, boxes: int | None
) -> None:
    row = judge_row(judge, {"gold": "4", "output": text})
    assert row.get("measures", {}).get("boxes") == boxes
