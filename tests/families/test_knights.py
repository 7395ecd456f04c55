"""Knights and knaves: what statements mean, one solution each, and variants as declared."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT

from mathreason_eval.families.knights.family import (
    KNIGHTS,
    LOGICAL,
    NAMES,
    OPPOSITES,
    UNCOMMON_NAMES,
    VARIANTS,
    VERBAL,
    family,
    in_words,
)
from mathreason_eval.families.knights.published import PUBLISHED_NAMES, PUBLISHED_UNCOMMON_NAMES
from mathreason_eval.families.knights.puzzles import (
    AND,
    IF,
    IFF,
    NOT,
    OR,
    Claim,
    Compound,
    NoPuzzleError,
    Shape,
    as_lists,
    draw_claim,
    draw_puzzle,
    draw_statement,
    is_contingent,
    meaning,
    only_solution,
    possible_worlds,
)
from mathreason_eval.seeds import some_of
from mathreason_eval.tasks import load_task

A, B = Claim(0, truthful=True), Claim(1, truthful=True)
NO_A, NO_B = Claim(0, truthful=False), Claim(1, truthful=False)

# fmt: off
MEANINGS = [
    # a statement, and whether it is true where A, B are knight-knight, -knave, knave-knight, -knave
    (A,                                  (1, 1, 0, 0)),
    (NO_B,                               (0, 1, 0, 1)),
    (Compound(NOT, (A,)),                (0, 0, 1, 1)),
    (Compound(AND, (A, B)),              (1, 0, 0, 0)),
    (Compound(OR, (A, NO_B)),            (1, 1, 0, 1)),
    (Compound(IF, (A, B)),               (1, 0, 1, 1)),
    (Compound(IFF, (A, B)),              (1, 0, 0, 1)),
    (Compound(AND, (A, B, NO_B)),        (0, 0, 0, 0)),
    (Compound(NOT, (Compound(OR, (A, B)),)), (0, 0, 0, 1)),
]
SOLVED = [
    # what A says, what B says, who tells the truth
    (NO_B,                      Compound(AND, (A, B)),     (True, False)),
    (Compound(NOT, (B,)),       Compound(IFF, (B, NO_A)),  (False, True)),
    (Compound(IFF, (A, NO_B)),  Compound(IFF, (B, NO_A)),  (False, False)),
    (A,                         B,                         None),   # four worlds fit
    (NO_B,                      B,                         None),   # two do
    (Compound(AND, (A, NO_A)),  B,                         None),
    (NO_A,                      B,                         None),   # the liar's paradox
]
IN_WORDS = [
    (NO_B,                               "Bo is a knave"),
    (Compound(NOT, (NO_B,)),             "Bo is not a knave"),
    (Compound(AND, (A, NO_B)),           "Al is a knight and Bo is a knave"),
    (Compound(OR, (A, B)),               "Al is a knight or Bo is a knight, or both"),
    (Compound(OR, (A, B, NO_B)),
     "Al is a knight or Bo is a knight or Bo is a knave, or several of these"),
    (Compound(IF, (A, B)),               "if Al is a knight, then Bo is a knight"),
    (Compound(IFF, (A, NO_B)),           "Al is a knight if and only if Bo is a knave"),
    (Compound(NOT, (Compound(AND, (A, B)),)),
     "it is not true that (Al is a knight and Bo is a knight)"),
    (Compound(AND, (A, Compound(NOT, (B,)))), "Al is a knight and Bo is not a knight"),
    (Compound(IF, (Compound(OR, (A, B)), B)),
     "if (Al is a knight or Bo is a knight, or both), then Bo is a knight"),
]
# fmt: on
WORLDS = list(itertools.product([True, False], repeat=2))


@pytest.mark.parametrize(("statement", "truths"), MEANINGS)
def test_a_statement_means(statement, truths):
    mask = meaning(statement, 2)
    assert tuple(mask >> a + 2 * b & 1 for a, b in WORLDS) == truths


@pytest.mark.parametrize(("first", "second", "roles"), SOLVED)
def test_a_puzzle_is_solved(first, second, roles):
    assert only_solution((first, second)) == roles


@pytest.mark.parametrize(("statement", "text"), IN_WORDS)
def test_a_statement_in_words(statement, text):
    assert in_words(statement, ("Al", "Bo"), KNIGHTS) == text


def holds(statement, roles):
    """Whether a statement is true, read naively and one world at a time."""
    if isinstance(statement, Claim):
        return roles[statement.person] == statement.truthful
    parts = [holds(part, roles) for part in statement.parts]
    return {
        NOT: not parts[0],
        AND: all(parts),
        OR: any(parts),
        IF: not parts[0] or parts[-1],
        IFF: parts[0] == parts[-1],
    }[statement.sign]


def solutions(statements):
    return [
        roles
        for roles in itertools.product([True, False], repeat=len(statements))
        if all(holds(s, roles) == role for s, role in zip(statements, roles, strict=True))
    ]


SHAPES = st.builds(
    Shape, people=st.integers(2, 6), depth=st.integers(2, 4), width=st.integers(2, 3)
)


@given(SHAPES, st.integers(0, 1 << 32))
def test_bit_masks_find_what_brute_force_finds(shape, seed):
    rng = Random(seed)
    statements = tuple(draw_statement(rng, person, shape) for person in range(shape.people))
    found = solutions(statements)
    assert possible_worlds(statements).bit_count() == len(found)
    assert only_solution(statements) == (found[0] if len(found) == 1 else None)


@given(SHAPES, st.integers(0, 1 << 32))
def test_statements_that_differ_read_differently(shape, seed):
    rng = Random(seed)
    said = {draw_statement(rng, 0, shape) for _ in range(20)}
    assert len({in_words(s, NAMES[: shape.people], KNIGHTS) for s in said}) == len(said)


@given(SHAPES, st.integers(0, 1 << 32))
def test_a_statement_says_something_and_fits_its_shape(shape, seed):
    rng = Random(seed)
    for speaker in range(shape.people):
        statement = draw_statement(rng, speaker, shape)
        assert is_contingent(statement, shape.people)
        assert nesting(statement) <= shape.depth
        assert Claim(speaker, truthful=False) not in leaves(statement)


def nesting(statement):
    return 1 if isinstance(statement, Claim) else 1 + max(map(nesting, statement.parts))


def leaves(statement):
    if isinstance(statement, Claim):
        return [statement]
    return [leaf for part in statement.parts for leaf in leaves(part)]


def test_every_claim_but_one_is_made_as_often():
    rng = Random(0)
    drawn = [draw_claim(rng, 1, 3) for _ in range(5_000)]
    counts = {claim: drawn.count(claim) for claim in set(drawn)}
    assert len(counts) == 5
    assert Claim(1, truthful=False) not in counts
    assert all(850 < count < 1150 for count in counts.values())


@pytest.mark.parametrize(
    "shape", [{"people": 1}, {"people": 3, "depth": 1}, {"people": 2, "width": 4}]
)
def test_a_shape_that_cannot_be_is_refused(shape):
    with pytest.raises(NoPuzzleError, match="no puzzles"):
        Shape(**shape)


def test_a_puzzle_that_is_not_found_is_an_error():
    class Always:
        def random(self):
            return 0.0

    with pytest.raises(NoPuzzleError, match="one solution"):
        draw_puzzle(Always(), Shape(people=2))


@pytest.mark.slow
def test_puzzles_of_two_people_come_to_an_end():
    assert family("t", 0, Shape(people=2), 127)
    with pytest.raises(NoPuzzleError, match="not that many"):
        family("t", 0, Shape(people=2), 128)


# --- families --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def families():
    return [
        family("test", 3, Shape(people=people, depth=depth), rank)
        for people, depth, count in ((2, 2, 40), (3, 2, 40), (4, 3, 20), (5, 2, 40), (8, 2, 30))
        for rank in range(count)
    ]


def test_every_puzzle_has_exactly_its_solution(families):
    logical = [
        member.puzzle for each in families for member in each if member.variant not in VERBAL
    ]
    assert len(logical) == 510
    assert all(solutions(puzzle.statements) == [puzzle.roles] for puzzle in logical)


def test_a_family_has_every_variant_in_order(families):
    assert {tuple(member.variant for member in each) for each in families} == {(None, *VARIANTS)}


def differing(one, other):
    return [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


@pytest.mark.parametrize("variant", LOGICAL)
def test_a_logical_variant_changes_one_statement_and_the_solution(families, variant):
    for original, *others in families:
        changed = next(member for member in others if member.variant == variant)
        assert len(differing(original.puzzle.statements, changed.puzzle.statements)) == 1
        assert original.puzzle.roles != changed.puzzle.roles
        assert original.wording == changed.wording


def test_a_perturbed_leaf_changes_one_claim(families):
    for original, _, changed, *_ in families:
        pairs = zip(original.puzzle.statements, changed.puzzle.statements, strict=True)
        before, after = next((a, b) for a, b in pairs if a != b)
        assert len(differing(leaves(before), leaves(after))) == 1


@pytest.mark.parametrize("variant", VERBAL)
def test_a_verbal_variant_keeps_statements_and_solution(families, variant):
    for original, *others in families:
        changed = next(member for member in others if member.variant == variant)
        assert original.puzzle == changed.puzzle
        assert original.question != changed.question


def test_flipped_roles_are_the_same_words_the_other_way_round(families):
    for each in families:
        original, flipped = each[0], each[1 + VARIANTS.index("flip_role")]
        swapped = {"knight": "knave", "knave": "knight", "Knight": "Knave"}
        words = original.gold.replace(".", " .").replace(",", " ,").split()
        again = " ".join(swapped.get(word, word) for word in words)
        assert again.replace(" .", ".").replace(" ,", ",") == flipped.gold


def test_a_reordered_puzzle_says_the_same_in_another_order(families):
    for each in families:
        original, other = each[0], each[1 + VARIANTS.index("reorder_statement")]
        assert sorted(original.question) == sorted(other.question)
        assert original.gold == other.gold


def test_no_two_puzzles_are_alike(families):
    originals = [each[0].puzzle.statements for each in families]
    questions = [member.question for each in families for member in each]
    assert len(set(originals)) == len(originals)
    assert len(set(questions)) == len(questions)


def test_nothing_is_left_over_in_a_question(families):
    for each in families:
        for member in each:
            assert not set(member.question + member.gold) & set("{}_")
            assert "  " not in member.question
            assert ".." not in member.question


def test_a_question_names_everybody_and_does_not_tell_the_gold(families):
    for each in families:
        for member in each:
            assert all(name in member.question for name in member.wording.names)
            assert member.gold not in member.question


@pytest.mark.parametrize("names", [NAMES, UNCOMMON_NAMES, PUBLISHED_NAMES])
def test_names_are_all_different_and_no_roles(names):
    assert len({*names}) == len(names) >= 50
    assert not {name.lower() for name in names} & OPPOSITES.keys()


def test_our_names_are_not_the_published_ones():
    assert not {*NAMES, *UNCOMMON_NAMES} & {*PUBLISHED_NAMES, *PUBLISHED_UNCOMMON_NAMES}


def test_some_of_is_a_shuffle():
    drawn = some_of(Random(1), range(20), 20)
    assert sorted(drawn) == [*range(20)] != drawn


# --- the task --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_task_holds_families_together_and_goes_round():
    problems = [load_task("kk-gen").problem(index, 0) for index in range(98)]
    assert [p.meta["people"] for p in problems[::7]] == [2, 3, 4, 5, 6, 7, 8] * 2
    assert [p.variant for p in problems[:7]] == [None, *VARIANTS]
    for index, problem in enumerate(problems):
        first = problems[index - index % 7]
        assert problem.origin == (None if problem is first else first.id)
        assert problem.id == (first.id if problem is first else f"{first.id}~{problem.variant}")
        assert problem.given["solution"] == solutions_of(problem)


def solutions_of(problem):
    """Solve a stored problem from the JSON that it carries."""

    def read(tree):
        sign, *parts = tree
        if sign in {"knight", "knave"}:
            return Claim(parts[0], truthful=sign == "knight")
        return Compound(sign, tuple(map(read, parts)))

    statements = tuple(map(read, problem.given["statements"]))
    assert [as_lists(statement) for statement in statements] == problem.given["statements"]
    (roles,) = solutions(statements)
    return [*roles]


ORDERS = """
from mathreason_eval.tasks import load_task
make = load_task("kk-gen").problem
made = {index: make(index, 5) for index in %s}
print([(p.id, p.question, p.gold, p.given) for _, p in sorted(made.items())])
"""


@pytest.mark.slow
def test_a_puzzle_is_the_same_in_any_order_and_process():
    said = [
        subprocess.run(
            [sys.executable, "-c", ORDERS % order],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for order, seed in (("[0, 13, 300, 1900]", "1"), ("[1900, 13, 300, 0]", "2"))
    ]
    assert said[0] == said[1]
    assert "kk-gen-5-8ppl-1~flip_role" not in said[0]


def test_the_items_are_these_for_ever():
    # Whoever changes this changes what a seed means: raise the task's version.
    problem = load_task("kk-gen").problem(8, 11)
    assert (problem.id, problem.gold[0]) == GOLDEN


GOLDEN = (
    "kk-gen-11-3ppl-0~perturbed_statement",
    "Yara is a knight, Keiko is a knight, and Quentin is a knight.",
)
