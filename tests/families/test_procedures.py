"""The 23 procedures: carried out, drawn, told, and read back."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import UserError
from mathreason_eval.families.procbench import problems as made
from mathreason_eval.families.procbench.problems import (
    PROCEDURES,
    length_class,
    make_inputs,
    make_problem,
    solve,
)
from mathreason_eval.families.procbench.procedure import LONGEST, sentence

BY_NAME = {procedure.name: procedure for procedure in PROCEDURES}


def letters(**counts):
    return [counts.get(letter, 0) for letter in "abcdefghijklmnopqrstuvwxyz"]


# One instance each, worked by hand: the inputs as they stand in a prompt, then all states.
# fmt: off
WORKED = [
    ("sort",        "String: cabd", ["cabd", "acbd", "abcd"]),
    ("gather",      "Strings: [m3kq9, zz41p]\nSets of Numbers: [(1, 2, 2), (0, 0, 3), (1, 4, 1)]\n",
                    ["", "41", "41m3k", "41m3kp"]),
    ("count",       "Strings:\n['ab12c', 'qrst', '7x0']",
                    ["0", ["ab12c", "3", "12", "36"], ["qrst", "4", "0", "0"],
                     ["7x0", "1", "70", "70"], 106]),
    ("search",      "Strings: [aaaa, banana, nab]\nSubstrings: [aa, na]\n",
                    [[0, 0, 0], [2, 0, 0], [2, 2, 1]]),
    ("copy",        "Strings: [h2ox4, pp, qrs7]\nIndices: [2, 0, 2]\n",
                    ["", "qrs7", "qrs7h2ox4", "qrs7h2ox4qrs7"]),
    ("substitute",  "Pairs:\n(b, 9)\n(a, k)\nString:\naba", ["aba", "kba", "k9a", "k9k"]),
    ("encode",      "String:\n0001100",
                    ["", ["0_3"], ["0_3", "1_2"], ["0_3", "1_2", "0_2"]]),
    ("split1",      "String:\nmorning\nPositions:\n5, 2",
                    [["morning"], ["morni", "ng"], ["mo", "rni", "ng"]]),
    ("split2",      "String:\nmorning\nIndices:\n(0, 5), (0, 2), (2, 1)",
                    [["morning"], ["morni", "ng"], ["mo", "rni", "ng"], ["mo", "rni", "n", "g"]]),
    ("compose",     "Rules:\nd, e -> f\nb, c -> d\na, f -> g\nInitial state:\na, b, c, e",
                    [["a", "b", "c", "e"], ["a", "d", "e"], ["a", "f"], ["g"]]),
    ("decompose",   "characters: batab\nrules:\nb -> xy\nt -> qz",
                    ["batab", "xyatab", "xyaqzab", "xyaqzaxy"]),
    ("rhythm",      "Sequence 1: 4, 0, 7\nSequence 2: c, a\nN: 4",
                    ["", "4c", "4c0a", "4c0a7c", "4c0a7c4a"]),
    ("compare",     "Target: lamp\nCandidate: lace, lamb, lamp",
                    [[""], "la", "lam", ["la", "lam", "lamp"]]),
    ("count2",      "Sentence:\nTea ate 2A",
                    [letters(), letters(a=1, e=1, t=1), letters(a=2, e=2, t=2),
                     letters(a=3, e=2, t=2)]),
    ("decode",      "Sentence: 1x3 0x2 1x1\n", ["", "111", "11100", "111001"]),
    ("push-pop",    "Initial string: cat\nActions: pop_right, push_left(z), pop_left",
                    ["cat", "ca", "zca", "ca"]),
    ("rotate",      "String:\nplanet\nIndices:\n(1, 4), (0, 6)", ["planet", "pnlaet", "tpnlae"]),
    ("fill-word",   "Sentence:\nthe [2] fox [1] away\nList:\n[(1, ran), (2, red)]",
                    ["the [2] fox [1] away", "the [2] fox ran away", "the red fox ran away"]),
    ("delete-char", "String: banana\nSteps: \n1. n\n2. a\n3. n",
                    ["banana", "baana", "bana", "baa"]),
    ("delete-word", "Sentence:\nthe cat saw the dog\nWords: [the, dog]\n",
                    ["the cat saw the dog", "cat saw the dog", "cat saw the"]),
    ("cumulate",    "N = 6\nOperations: [Multiply 3, Add 0, Add 9]\n", [6, 18, 18, 27]),
    ("move-cyclic", "Initial array:\n-x---\nOperations: [\n (left, 3),\n (right, 4)\n]\n",
                    ["-x---", "---x-", "--x--"]),
    ("find-cyclic", "String: k7qa\nCommand: ['q', '3']\n",
                    [["q", "3"], ["a", "2"], ["k", "1"], "7"]),
]
CORNERS = [
    ("push-pop",    "Initial string: a\nActions: pop_left, pop_right, push_right(b)",
                    ["a", "", "", "b"]),
    ("search",      "Strings: [aaa]\nSubstrings: [aa]\n", [[0], [1]]),
    ("sort",        "String: bab", ["bab", "abb"]),
    ("sort",        "String: abc", ["abc"]),
    ("substitute",  "Pairs:\n(a, b)\n(b, a)\nString:\nab", ["ab", "bb", "ba"]),
    ("compose",     "Rules:\na, a -> b\nInitial state:\na, a, a", [["a", "a", "a"], ["a", "b"]]),
    ("delete-word", "Sentence:\nThe cat the cat\nWords: [the, cat]\n",
                    ["The cat the cat", "The cat cat", "The cat"]),
    ("find-cyclic", "String: ab\nCommand: ['b', '2']\n", [["b", "2"], ["a", "1"], "b"]),
    ("rotate",      "String:\nabc\nIndices:\n(1, 2), (0, 3)", ["abc", "abc", "cab"]),
]
# fmt: on


@pytest.mark.parametrize(("name", "block", "states"), WORKED + CORNERS)
def test_a_procedure_is_carried_out_as_by_hand(name, block, states):
    procedure = BY_NAME[name]
    inputs = procedure.read(block)
    assert procedure.run(*inputs) == states
    assert procedure.write(*inputs) == block


def test_every_procedure_is_worked_by_hand():
    assert [name for name, *_ in WORKED] == [procedure.name for procedure in PROCEDURES]
    assert [procedure.number for procedure in PROCEDURES] == list(range(1, 24))


@pytest.mark.slow
@pytest.mark.shared
def test_every_published_label_comes_out_of_its_prompt(shared):
    wrong, count = [], 0
    with gzip.open(shared / "procbench" / "test_20tasks.jsonl.gz", "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            count += 1
            procedure = PROCEDURES[int(row["task"].removeprefix("task")) - 1]
            block = row["prompt"].rpartition("[Question]\n")[2]
            inputs = procedure.read(block)
            label = [row["init"], *row["intermediate"], row["final"]]
            solved = solve(procedure, row["prompt"]).states == label[1:]
            if not solved or procedure.run(*inputs) != label or procedure.write(*inputs) != block:
                wrong.append(row["id"])
    assert (count, wrong) == (4_800, [])


# --- what is drawn ---------------------------------------------------------------------------

STEPS = [*range(2, 26), 30, 50, 100]


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda procedure: procedure.name)
def test_as_many_steps_as_asked_for_and_the_prompt_tells_them_all(procedure):
    for steps in STEPS:
        inputs = procedure.draw(Random(steps), steps)
        question = procedure.question(inputs)
        true = procedure.trajectory(inputs)
        assert len(true.states) == steps
        assert procedure.read(procedure.write(*inputs)) == inputs
        assert solve(procedure, question) == true


@given(st.sampled_from(PROCEDURES), st.integers(2, 40), st.integers(0, 2**32))
def test_any_draw_takes_as_many_steps_as_asked_for(procedure, steps, seed):
    inputs = procedure.draw(Random(seed), steps)
    assert len(procedure.trajectory(inputs).states) == steps


@given(st.integers(2, 25), st.integers(0, 2**32))
def test_some_rules_of_compose_never_apply(steps, seed):
    joins, letters = BY_NAME["compose"].draw(Random(seed), steps)
    used = {pair for state in BY_NAME["compose"].run(joins, letters) for pair in pairwise(state)}
    assert len(joins.keys() - used) >= 1


TYPES = {
    # (initial, intermediate, final), as published
    ("str", "str", "str"): {1, 2, 5, 6, 11, 12, 15, 16, 17, 18, 19, 20, 22},
    ("int", "int", "int"): {21},
    ("str", "list[str]", "int"): {3},
    ("list[int]", "list[int]", "list[int]"): {4, 14},
    ("str", "list[str]", "list[str]"): {7},
    ("list[str]", "list[str]", "list[str]"): {8, 9, 10},
    ("list[str]", "str", "list[str]"): {13},
    ("list[str]", "list[str]", "str"): {23},
}


def kind(state):
    return f"list[{type(state[0]).__name__}]" if isinstance(state, list) else type(state).__name__


def test_the_states_are_of_the_published_types():
    found = {}
    for procedure in PROCEDURES:
        first, *between, last = procedure.run(*procedure.draw(Random(0), 4))
        (middle,) = {kind(state) for state in between}
        found.setdefault((kind(first), middle, kind(last)), set()).add(procedure.number)
    assert found == TYPES


def test_a_sentence_has_more_words_than_asked_for_and_no_more_than_there_are():
    assert len(set(sentence(Random(0), LONGEST))) > LONGEST
    with pytest.raises(UserError, match="more than 192 different"):
        sentence(Random(0), LONGEST + 1)


def test_no_word_stands_in_two_lists_of_the_vocabulary():
    words = sentence(Random(0), LONGEST)
    counts = Counter(words)
    small = {"the", "The", "and", "while", "because", "before", "but", "until", "near", "behind",
             "beside", "inside", "outside", "under"}  # fmt: skip
    assert {word for word, count in counts.items() if count > 1} <= small


# --- problems --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first():
    return [make_problem("procbench-gen", index, 0) for index in range(5_520)]


def test_any_prefix_is_fair(first):
    tasks = [problem.meta["task"] for problem in first]
    steps = [problem.meta["steps"] for problem in first]
    assert all(len(set(tasks[at : at + 23])) == 23 for at in range(552))
    assert all(len(set(steps[at : at + 20])) >= 18 for at in range(0, 552, 23))
    assert set(Counter(zip(tasks[:552], steps[:552], strict=True)).values()) == {1}
    assert set(Counter(zip(tasks, steps, strict=True)).values()) == {10}


@pytest.mark.parametrize("limit", [24, 50, 100, 200, 400])
def test_the_classes_of_length_have_their_share_of_any_prefix(first, limit):
    counts = Counter(problem.meta["length"] for problem in first[:limit])
    wanted = {"short": 50, "medium": 100, "long": 90}
    for name, share in wanted.items():
        assert counts[name] / limit == pytest.approx(share / 240, abs=0.1)


def test_classes_of_length():
    classes = [length_class(steps) for steps in (2, 6, 7, 16, 17, 25, 100)]
    assert classes == ["short", "short", "medium", "medium", "long", "long", "long"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 7])
def test_no_two_problems_and_no_two_labels_are_the_same(first, seed):
    problems = first if seed == 0 else [make_problem("p", i, seed) for i in range(5_520)]
    assert len({problem.question for problem in problems}) == len(problems)
    assert len({(problem.meta["task"], problem.gold) for problem in problems}) == len(problems)


def test_another_seed_makes_other_problems(first):
    others = {make_problem("procbench-gen", index, 1).question for index in range(552)}
    assert not others & {problem.question for problem in first}


def test_a_problem_is_the_same_in_any_order(first):
    order = Random(3).sample(range(5_520), 200)
    assert [make_problem("procbench-gen", i, 0) for i in order] == [first[i] for i in order]


FINGERPRINT = """
import hashlib
from mathreason_eval.families.procbench.problems import make_problem
text = "".join(repr(make_problem("procbench-gen", i, 0)) for i in reversed(range(1104)))
print(hashlib.sha256(text.encode()).hexdigest())
"""


@pytest.mark.slow
def test_a_problem_is_the_same_in_any_process_and_on_any_machine():
    seen = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("0", "1", "random")
    }  # fmt: skip
    # Written down, so that another version of Python has to agree.
    assert seen == {"4ac806dc7a3736b544148c426cdfa8ab68493ffad4623d7d6c69907624c82a0f"}


@pytest.mark.slow
def test_where_few_problems_exist_it_is_said():
    encode = BY_NAME["encode"]
    labels = {encode.trajectory(make_inputs(encode, 2, 0, variant)).text for variant in range(162)}
    assert len(labels) == 2 * 9 * 9
    with pytest.raises(UserError, match="hardly more than 162"):
        make_inputs(encode, 2, 0, 162)


@pytest.mark.parametrize("steps", [0, 1, 501])
def test_lengths_that_are_not_made_are_a_clear_error(steps):
    with pytest.raises(UserError, match=f"with {steps} steps") as caught:
        make_problem("mine", 0, 0, [steps])
    assert caught.value.hint == "Ask for 2 to 500."


def test_other_lengths_are_as_fair():
    lengths = range(40, 81, 20)
    problems = [make_problem("mine", index, 0, lengths) for index in range(69)]
    cells = Counter((problem.meta["task"], problem.meta["steps"]) for problem in problems)
    assert set(cells.values()) == {1}
    assert {steps for _, steps in cells} == {40, 60, 80}


def test_a_prompt_without_inputs_says_so():
    with pytest.raises(ValueError, match="no line"):
        solve(BY_NAME["sort"], "Sort cabd.")
    with pytest.raises(ValueError, match="no 'Indices:'"):
        solve(BY_NAME["copy"], "Copy.\n[Question]\nStrings: [a]")


def test_no_prompt_gives_its_states_away():
    """Neither the last state nor the name of our marks stands in the rules."""
    for procedure in PROCEDURES:
        assert not re.search(r"ProcBench|\[Question\]", procedure.rules + procedure.state)
        assert procedure.question(procedure.draw(Random(1), 5)).count(f"\n{made.MARK}\n") == 1
