"""The published puzzles, drawn again and read from their files."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from functools import cache

import pytest

from mathreason_eval.families.knights.family import VARIANTS
from mathreason_eval.families.knights.published import (
    problem_of_row,
    published_puzzles,
    published_row,
)
from mathreason_eval.families.knights.puzzles import IFF, NOT, Claim, Compound, only_solution
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems

pytestmark = pytest.mark.slow

KINDS = ("clean", *VARIANTS)

# fmt: off
ROWS = {
    # people: how many of the test and of the train puzzles have a changed statement, a changed leaf
    2: ((100, 200), (100,  199), ( 76, 153)),
    3: ((100, 1000), (100, 998), ( 93, 934)),
    4: ((100, 1000), (100, 998), ( 94, 954)),
    5: ((100, 1000), (100, 1000), (98, 988)),
}
# fmt: on


drawn_of = cache(published_puzzles)


@pytest.fixture(params=ROWS)
def drawn(request):
    return request.param, drawn_of(request.param)


def rows_of(shared, people):
    for split in ("test", "train"):
        for kind in KINDS:
            path = shared / "knights_knaves" / f"{split}_{kind}.jsonl.gz"
            with gzip.open(path, "rt") as lines:
                rows = map(json.loads, lines)
                yield from (row for row in rows if row["n_people"] == people)


def test_as_many_puzzles_are_drawn_as_were_published(drawn):
    people, puzzles = drawn
    kinds = ("clean", "perturbed_statement", "perturbed_leaf")
    there = [[puzzle is not None for puzzle in puzzles[kind]] for kind in kinds]
    assert tuple((sum(each[:100]), sum(each[100:])) for each in there) == ROWS[people]


def test_the_first_puzzle_of_two_people_is_the_one_in_the_paper():
    puzzles = drawn_of(2)
    other, self = Claim(1, truthful=True), Claim(0, truthful=False)
    first = (Compound(NOT, (other,)), Compound(IFF, (other, self)))
    changed = (Compound(IFF, (Claim(0, truthful=True), Claim(1, truthful=False))), first[1])
    assert puzzles["clean"][0] == (first, (False, True))
    assert puzzles["perturbed_statement"][0] == (changed, (False, False))


def test_every_drawn_puzzle_has_one_solution(drawn):
    _, puzzles = drawn
    for kind in puzzles.values():
        there = [*filter(None, kind)]
        assert [only_solution(puzzle.statements) for puzzle in there] == [p.roles for p in there]


@pytest.mark.shared
def test_every_published_row_is_drawn_again_to_the_letter(shared, drawn):
    people, puzzles = drawn
    same = Counter()
    for row in rows_of(shared, people):
        variant, index = row["perturbation"], row["index"]
        puzzle = puzzles.get(variant, puzzles["clean"])[index]
        again = published_row(puzzle, index, variant)
        said = (
            again["quiz"], again["names"], again["solution"], again["solution_text"],
            again["solution_text_format"], again["statements"],
        )  # fmt: skip
        there = (
            row["question"], row["names"], row["solution"], row["answer"],
            row["answer_format"], row["statements"],
        )  # fmt: skip
        same[said == there] += 1
    # Of test, all that there are; of train, the first 200 clean ones and 100 of each kind.
    changed = sum(puzzle is not None for puzzle in puzzles["perturbed_leaf"][:100])
    assert same == {True: 6 * 100 + changed + 200 + 6 * 100}


# --- as a task -------------------------------------------------------------------------------


def files(shared, split):
    return [str(shared / "knights_knaves" / f"{split}_{kind}.jsonl.gz") for kind in KINDS]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("task", "split", "leaves"), [("kk", "test", 661), ("kk-train", "train", 660)]
)
def test_the_published_rows_are_joined_by_index(shared, task, split, leaves):
    problems = load_problems(load_task(task), files(shared, split)).problems
    by_id = {problem.id: problem for problem in problems}
    counts = Counter(problem.variant for problem in problems)
    assert counts == {**dict.fromkeys((None, *VARIANTS), 700), "perturbed_leaf": leaves}
    for problem in problems:
        if problem.variant is not None:
            original = by_id[problem.origin]
            changed = original.given["solution"] != problem.given["solution"]
            assert changed == problem.variant.startswith("perturbed")
            assert original.meta == problem.meta


@pytest.mark.shared
def test_the_counts_of_people_are_those_of_the_paper(shared):
    problems = load_problems(load_task("kk"), files(shared, "test")).problems
    counts = defaultdict(list)
    for problem in problems:
        counts[problem.variant].append(problem.meta["people"])
    leaves = dict(zip(range(2, 9), (76, 93, 94, 98, 100, 100, 100), strict=True))
    for variant, people in counts.items():
        expected = leaves if variant == "perturbed_leaf" else dict.fromkeys(range(2, 9), 100)
        assert Counter(people) == expected


@pytest.mark.shared
def test_the_task_proves_itself(shared):
    checks = check_task(load_task("kk"), files(shared, "test"))
    assert all(check.ok for check in checks), [check.note for check in checks if not check.ok]


@pytest.mark.parametrize("task", ["kk-gen", "kk-train"])
def test_a_task_proves_itself_without_rows(task):
    checks = check_task(load_task(task))
    assert all(check.ok for check in checks), [check.note for check in checks if not check.ok]


ROW = {"quiz": "Who?", "names": ["Ana", "Bo"], "solution": [True, False],
       "solution_text": "Ana is a knight, and Bo is a knave.", "index": 17}  # fmt: skip
# fmt: off
SOURCES = [
    # where a row of the hub is from, what more it says, the problem's id, its origin
    ("K-and-K/knights-and-knaves test 2ppl", {},                        "kk-test-2ppl-17", None),
    ("clean_2ppl.jsonl",                     {},                        "kk-test-2ppl-17", None),
    ("people2_num100.jsonl",                 {"index": 117},            "kk-train-2ppl-117", None),
    ("K-and-K/perturbed-knights-and-knaves test flip_role", {},
     "kk-test-2ppl-17~flip_role", "kk-test-2ppl-17"),
    ("rows.jsonl",                           {"perturbation": "uncommon_name"},
     "kk-test-2ppl-17~uncommon_name", "kk-test-2ppl-17"),
    ("rows.jsonl",                           {"perturbation": "clean"}, "kk-test-2ppl-17", None),
]
# fmt: on


@pytest.mark.parametrize(("source", "more", "identity", "origin"), SOURCES)
def test_a_row_says_or_its_source_says_what_it_is(source, more, identity, origin):
    problem = problem_of_row(ROW | more, source)
    assert (problem.id, problem.origin, problem.meta) == (identity, origin, {"people": 2})
    assert problem.gold == ("Ana is a knight, and Bo is a knave.",)


def test_a_row_drawn_again_is_a_row_of_the_task(tmp_path):
    puzzles = drawn_of(2)["clean"]
    path = tmp_path / "clean_2ppl.jsonl"
    path.write_text("\n".join(json.dumps(published_row(puzzles[i], i)) for i in (0, 99, 100, 250)))
    asked = load_problems(load_task("kk"), [str(path)]).problems
    trained = load_problems(load_task("kk-train"), [str(path)]).problems
    assert [problem.id for problem in asked[:2]] == ["kk-test-2ppl-0", "kk-test-2ppl-99"]
    assert [problem.id for problem in trained] == ["kk-train-2ppl-100"]
