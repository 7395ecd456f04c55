"""Published outputs get their published scores, or the row that differs is listed with why."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter

import pytest
from project import ROOT

from mathreason_eval.grade.graders import CHOICE_RULES, MATH_RULES
from mathreason_eval.grade.judge import JudgeOptions
from mathreason_eval.types import Generation, Problem

pytestmark = [pytest.mark.shared, pytest.mark.slow]

LISTED = ROOT / "docs" / "publisher-errors.md"
MULTIPLE_CHOICE = re.compile("aqua|sat_math")
LABELLED = [
    "gsm8k/openai_example_model_solutions", "outputs_qwen_maj/math_cot_100x8",
    "outputs_gsmplus_gsm8k/gsm8k", "outputs_rho/gsm8k", "outputs_rho/math500",
    "outputs_reasoning_gym/math_evals/*", "outputs_reasoning_gym/math_evals_n50/*",
    "outputs_zeroeval/gsm8k/*", "outputs_zeroeval/math-l5/*",
]  # fmt: skip


def rows(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def is_correct(judge, row, rules, golds=None):
    gold = golds or (row["gold"] if isinstance(row["gold"], list) else [row["gold"]])
    problem = Problem(id=row["id"], question="", gold=tuple(map(str, gold)))
    sample = Generation(problem_id=row["id"], sample=0, text=row["output"] or "")
    return judge.verdict(problem, sample, JudgeOptions(extract=rules)).score == 1


def listed():
    """Return what the document lists: (set, model, row, sample)."""
    table = (line.strip("| ").split(" | ") for line in LISTED.read_text("utf-8").splitlines())
    return {tuple(cells[:4]) for cells in table if len(cells) == 7 and cells[3].isdigit()}


@pytest.mark.parametrize("pattern", LABELLED)
def test_a_verdict_that_is_not_the_publishers_is_listed_with_its_reason(shared, judge, pattern):
    known, differing = listed(), set()
    paths = sorted(shared.glob(f"{pattern}.jsonl.gz"))
    assert paths
    for path in paths:
        name = str(path.relative_to(shared)).removesuffix(".jsonl.gz")
        rules = CHOICE_RULES if MULTIPLE_CHOICE.search(name) else MATH_RULES
        for row in rows(path):
            label = row["correct"] if row.get("correct") is not None else row["score"]
            if is_correct(judge, row, rules) != bool(label):
                model = row.get("model") or name.rpartition("/")[2]
                differing.add((name, model, row["id"], str(row.get("sample", 0))))
    assert differing <= known


# fmt: off
GSM8K = ("boxed", "tag", "hashes", "phrase", "program_output", "last_number")
OPENAI = {
    "6b_finetuning": 286, "6b_verification": 515, "175b_finetuning": 458, "175b_verification": 742,
}
# fmt: on


def test_the_four_models_of_the_gsm8k_paper_get_their_scores_to_the_row(shared, judge):
    path = shared / "gsm8k" / "openai_example_model_solutions.jsonl.gz"
    scores = Counter(row["model"] for row in rows(path) if is_correct(judge, row, GSM8K))
    assert scores == OPENAI


@pytest.mark.parametrize(
    ("model", "exact", "forgiving"),
    [("tora-70b-v1.0", 1112, 1112), ("tora-code-34b-v1.0", 1062, 1064)],
)
def test_tora_gets_its_scores_exactly_and_with_a_factor_of_100_forgiven(
    shared, judge, model, exact, forgiving
):
    path = shared / "outputs_tora" / "gsm8k.jsonl.gz"
    mine = [row for row in rows(path) if row["model"] == model]
    assert sum(is_correct(judge, row, GSM8K) for row in mine) == exact

    def golds(row):
        gold = float(row["gold"].replace(",", ""))
        return [row["gold"], f"{gold * 100:g}", f"{gold / 100:.10g}"]

    assert sum(is_correct(judge, row, GSM8K, golds(row)) for row in mine) == forgiving


def test_qwens_eight_samples_of_a_hundred_problems_are_within_one_row(shared, judge):
    path = shared / "outputs_qwen_maj" / "math_cot_100x8.jsonl.gz"
    assert abs(sum(is_correct(judge, row, MATH_RULES) for row in rows(path)) - 728) <= 1
