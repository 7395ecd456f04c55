"""The published tasks load the published rows: counts, golds and ids as their papers say."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from mathreason_eval.pipeline.check import check_task
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems

pytestmark = pytest.mark.slow

PUBLISHED = ["aime24", "aime25", "gsm8k", "math", "math500"]
PINNED = [
    *PUBLISHED,
    *("aime26", "hmmt-feb25", "hmmt-nov25", "hmmt-feb26", "apex-shortlist", "arxivmath-0426"),
    *("amo-bench", "beyond-aime", "amc23", "olympiadbench", "polymath"),
]

LOCAL = {
    "gsm8k": ["gsm8k/test.jsonl"],
    "math": ["math/test.jsonl.gz"],
    "math500": ["math/math500.jsonl"],
    "aime24": ["competitions/aime24.jsonl"],
    "aime25": ["competitions/aime25_I.jsonl", "competitions/aime25_II.jsonl"],
    "amc23": ["competitions/amc23.jsonl"],
    "gaokao2023en": ["competitions/gaokao2023en.jsonl"],
    "gsm-hard": ["gsm_variants/gsm_hard.jsonl.gz"],
    "hmmt-feb25": ["competitions/matharena_hmmt_feb_2025.jsonl"],
    "liveaops": ["competitions/liveaops_2024_8_12_num.jsonl"],
    "mgsm": ["mgsm/test.jsonl.gz"],
    "minerva-math": ["competitions/minerva_math_ocw.jsonl"],
    "olymmath": ["competitions/olymmath_en_easy.jsonl"],
    "omni-math": ["competitions/omni_math_num_500.jsonl"],
    "svamp": ["gsm_variants/svamp.jsonl"],
}

LANGUAGES = ["bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh"]
# fmt: off
COUNTS = [
    # task, property, how many problems of each
    ("math",    "level",   {1: 437, 2: 894, 3: 1131, 4: 1214, 5: 1324}),
    ("math",    "subject", {"Algebra": 1187, "Intermediate Algebra": 903, "Prealgebra": 871,
                            "Precalculus": 546, "Number Theory": 540, "Geometry": 479,
                            "Counting & Probability": 474}),
    ("math500", "level",   {1: 43, 2: 90, 3: 105, 4: 128, 5: 134}),
    ("math500", "subject", {"Algebra": 124, "Intermediate Algebra": 97, "Prealgebra": 82,
                            "Number Theory": 62, "Precalculus": 56, "Geometry": 41,
                            "Counting & Probability": 38}),
    ("mgsm", "language", dict.fromkeys(LANGUAGES, 250)),
    ("svamp", "kind", {"Subtraction": 531, "Addition": 195, "Common-Division": 165,
                       "Common-Divison": 1, "Multiplication": 108}),
    ("liveaops", "month", {"2024-08": 127, "2024-09": 132, "2024-10": 169, "2024-11": 91}),
]
AIME = [
    # task, its answers
    ("aime24", [204, 113, 371, 385, 110, 104, 721, 25, 809, 116, 104, 294, 540, 197, 480,
                73, 468, 601, 23, 321, 211, 315, 236, 45, 33, 80, 55, 699, 127, 902]),
    ("aime25", [70, 588, 16, 117, 279, 504, 821, 77, 62, 81, 259, 510, 204, 60, 735,
                468, 49, 82, 106, 336, 293, 237, 610, 149, 907, 113, 19, 248, 104, 240]),
]
# Rows as the hub has them, with questions of our own; the id, gold and properties they give.
HUB_ROWS = [
    ("gsm8k",   {"question": "1+1?", "answer": "1 + 1 = <<1+1=2>>2\n#### 2,000"},
                "gsm8k-test-0", "2000", {}),
    ("math",    {"problem": "$1+1$?", "level": "Level 4", "type": "Algebra",
                 "solution": r"Not \boxed{1}, but \boxed{\frac{4}{2}}."},
                "math-test-0", r"\frac{4}{2}", {"level": 4, "subject": "Algebra"}),
    ("math500", {"problem": "$1+1$?", "solution": r"\boxed{2}", "answer": "2", "level": 4,
                 "subject": "Algebra", "unique_id": "test/algebra/0.json"},
                "test/algebra/0.json", "2", {"level": 4, "subject": "Algebra"}),
    ("aime24",  {"id": 60, "problem": "$1+1$?", "solution": "", "answer": "002", "url": "",
                "year": "2024"}, "60", "002", {"year": "2024"}),
    ("aime24",  {"ID": "2024-II-4", "Problem": "$1+1$?", "Solution": "", "Answer": 2},
                "2024-II-4", "2", {}),
    ("aime25",  {"problem": "$1+1$?", "answer": "2", "id": "0"}, "0", "2", {}),
    ("aime25",  {"question": "$1+1$?", "answer": "2"}, "aime25-test-0", "2", {}),
    ("aime25",  {"problem_idx": 7, "problem": "$1+1$?", "answer": 2}, "7", "2", {}),
    ("aime26",  {"problem_idx": 7, "problem": "$1+1$?", "answer": 2}, "7", "2", {}),
    ("hmmt-feb26", {"problem_idx": 7, "problem": "$1+1$?", "answer": r"\sqrt{4}",
                    "problem_type": ["Algebra"]}, "7", r"\sqrt{4}", {}),
    ("apex-shortlist", {"problem_idx": 1, "problem": "$1+1$?", "answer": "2", "source": "AIME"},
                "1", "2", {"contest": "AIME"}),
    ("beyond-aime", {"problem": "$1+1$?", "answer": 2}, "beyond-aime-test-0", "2", {}),
    ("amo-bench", {"question_id": 3, "prompt": "$1+1$?", "answer": "2", "answer_type": "number"},
                "3", "2", {"answer_type": "number"}),
    ("olympiadbench", {"question": "$1+1$?", "final_answer": ["2"], "answer_type": "Numerical",
                       "subfield": "Algebra", "unit": None}, "olympiadbench-train-0", "2",
                {"subfield": "Algebra", "answer_type": "Numerical"}),
    ("polymath", {"id": "top-en-3", "question": "$1+1$?", "answer": "2", "language": "en",
                  "level": "top"}, "top-en-3", "2",
                {"language": "en", "level": "top", "problem": "top-3"}),
    ("mgsm", {"id": "mgsm-de-4", "question": "1+1?", "answer": 2, "language": "de"}, "mgsm-de-4",
                "2", {"language": "de", "problem": 4}),
    ("svamp", {"ID": "chal-1", "Body": "I had one.", "Question": "And one more?", "Answer": 2.0,
               "Type": "Addition"}, "chal-1", "2", {"kind": "Addition"}),
    ("gsm-hard", {"input": "1+1?", "target": 2.0, "code": "def solution(): ..."},
                "gsm-hard-test-0", "2", {"code": "def solution(): ..."}),
    ("imo-answerbench", {"Problem ID": "imo-1", "Problem": "$1+1$?", "Short Answer": "2",
                         "Category": "Algebra", "Subcategory": "Sums"}, "imo-1", "2",
                {"category": "Algebra", "subcategory": "Sums"}),
]
# fmt: on


def published(name, shared):
    """Return the problems of a published task from the local copies of its rows."""
    return load_problems(load_task(name), [str(shared / path) for path in LOCAL[name]]).problems


@pytest.mark.parametrize("name", PINNED)
def test_the_rows_are_pinned(name):
    revisions = [data.revision for data in load_task(name).data]
    assert revisions
    assert all(re.fullmatch("[0-9a-f]{40}", revision) for revision in revisions)


@pytest.mark.parametrize("name", [*PINNED, *LOCAL])
def test_a_task_proves_itself_without_its_rows(name):
    checks = check_task(load_task(name))
    assert [(check.name, check.note) for check in checks if not check.ok] == []


@pytest.mark.shared
@pytest.mark.parametrize("name", LOCAL)
def test_a_task_proves_itself_on_its_rows(name, shared):
    checks = check_task(load_task(name), [str(shared / path) for path in LOCAL[name]])
    assert [(check.name, check.note) for check in checks if not check.ok] == []


@pytest.mark.parametrize(("name", "row", "identity", "gold", "meta"), HUB_ROWS)
def test_rows_with_the_columns_of_the_hub_are_understood(tmp_path, name, row, identity, gold, meta):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    (problem,) = load_problems(load_task(name), [str(path)]).problems
    assert (problem.id, problem.gold, problem.meta) == (identity, (gold,), meta)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "by", "counts"), COUNTS)
def test_as_many_problems_of_each_kind_as_published(name, by, counts, shared):
    assert Counter(problem.meta[by] for problem in published(name, shared)) == counts


@pytest.mark.shared
@pytest.mark.parametrize(("name", "answers"), AIME)
def test_the_answers_are_those_of_the_contest(name, answers, shared):
    found = [int(gold) for problem in published(name, shared) for gold in problem.gold]
    assert sorted(found) == sorted(answers)


@pytest.mark.shared
def test_math500_is_a_part_of_math(shared):
    questions = {problem.question for problem in published("math", shared)}
    assert {problem.question for problem in published("math500", shared)} <= questions


@pytest.mark.shared
def test_golds_of_gsm8k_are_whole_numbers_without_commas(shared):
    golds = [int(gold) for problem in published("gsm8k", shared) for gold in problem.gold]
    assert (len(golds), sorted(gold for gold in golds if gold < 0)) == (1319, [-10, -3])


@pytest.mark.shared
def test_commas_in_golds_of_gsm8k_are_read(shared, tmp_path):
    """The hub's own rows end in `#### 1,450,000`; fourteen golds have a comma."""
    source = (shared / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in source]
    path = tmp_path / "hub.jsonl"
    hub = [{"question": row["question"], "answer": row["solution"]} for row in rows]
    path.write_text("\n".join(map(json.dumps, hub)))
    problems = load_problems(load_task("gsm8k"), [str(path)]).problems
    commas = [row["solution"].rpartition("####")[2].count(",") > 0 for row in rows]
    assert sum(commas) == 14
    assert [problem.gold for problem in problems] == [(row["answer"],) for row in rows]
