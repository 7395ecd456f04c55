"""States compared one by one, found in texts, and counted over steps."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.extract import extract
from mathreason_eval.families.procbench.extract import find_states
from mathreason_eval.families.procbench.grader import (
    agreement,
    procbench_reference,
    same_state,
    states,
    survival,
)
from mathreason_eval.families.procbench.procedure import Trajectory
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.types import Outcome, Problem, Verdict

# --- the measures ----------------------------------------------------------------------------

# What the published evaluator says of the same rows.
# fmt: off
PUBLISHED = [
    # true intermediate, true final        said intermediate, said final       PML PA    SM FM
    (["ab", "abc"], "abcd",                ["ab", "abc"], "abcd",              3, 1.0,   1, 1),
    (["ab", "abc"], "abcd",                ["ab", "abc", "abcd"], "abcd",      3, 0.75,  0, 1),
    (["ab", "abc"], "abcd",                ["ab"], "abcd",                     1, 1 / 3, 0, 1),
    (["ab", "abc"], "abcd",                ["xx", "abc"], "abcd",              0, 0.0,   0, 1),
    ([12, 24], 25,                         ["12", "24"], "25",                 3, 1.0,   1, 1),
    ([12, 24], 25,                         [12.9, 24], 25,                     3, 1.0,   1, 1),
    ([["a", "1"], ["b", "2"]], "c",        [["a", 1], ["b", "2"]], "c",        3, 1.0,   1, 1),
    ([["a", "b"]], ["a", "b", "c"],        ["ab"], "abc",                      2, 1.0,   1, 1),
    ([[0, 1], [1, 1]], [1, 2],             [["0", "1"], [1, 1]], ["1", "2"],   3, 1.0,   1, 1),
    (["ab"], "abc",                        [], "",                             0, 0.0,   0, 0),
]
OTHERS = [
    # a list that is empty, or no list                                         PML PA    SM FM
    ([[]], ["a"],                          [[]], ["a"],                        0, 0.0,   0, 1),
    ([["a"]], ["b"],                       [5], None,                          0, 0.0,   0, 0),
    ([["a"]], ["b"],                       [["a", "b"]], ["b"],                0, 0.0,   0, 1),
    # a text that is a list, a number, nothing; a number that is nothing, infinite, no number
    (["1"], "None",                        [1], None,                          2, 1.0,   1, 1),
    ([1], 2,                               [None], "2",                        0, 0.0,   0, 1),
    ([1], 2,                               ["one"], float("inf"),              0, 0.0,   0, 0),
    ([1], 2,                               ["9" * 5000], float("nan"),         0, 0.0,   0, 0),
    # big numbers, exactly
    ([9 * 5**24], 9 * 5**25,               [9 * 5**24], str(9 * 5**25),        2, 1.0,   1, 1),
    ([9 * 5**25], 1,                       [9 * 5**25 + 1], 1,                 0, 0.0,   0, 1),
]
# fmt: on


@pytest.mark.parametrize("row", PUBLISHED + OTHERS)
def test_the_measures_are_those_of_the_published_evaluator(row):
    intermediate, final, told, end, pml, pa, sm, fm = row
    true = Trajectory(intermediate=intermediate, final=final)
    found = agreement(true, Trajectory(intermediate=told, final=end), same_state)
    assert (found.pml, found.pa, found.sm, found.fm) == (pml, pytest.approx(pa), sm, fm)


TEXT = st.text(st.characters(codec="latin-1", exclude_categories=["C", "Z"]), max_size=3)
STATE = st.one_of(TEXT, st.integers(), st.lists(TEXT, min_size=1))


@pytest.mark.slow
@given(st.lists(STATE, max_size=5), STATE, st.integers(0, 5))
def test_a_beginning_of_the_truth_is_right_as_far_as_it_goes(intermediate, final, kept):
    true = Trajectory(intermediate=intermediate, final=final)
    said = Trajectory(intermediate=true.states[:kept], final={"no": "state"})
    found = agreement(true, said, same_state)
    steps = len(true.states)
    assert found.pml == min(kept, steps)
    assert found.pa == pytest.approx(found.pml / max(steps, len(said.states)))
    assert not found.sm


@pytest.mark.slow
@given(st.lists(STATE, max_size=5), STATE)
def test_the_truth_agrees_with_itself_in_any_spelling(intermediate, final):
    true = Trajectory(intermediate=intermediate, final=final)
    for spelled in (true.text, repr(json.loads(true.text)), f"So:\n```json\n{true.text}\n```"):
        for grader in (states, procbench_reference):
            found = grader(true.text, find_states(spelled).text)
            assert found.measures == {"pml": len(true.states), "pa": 1, "sm": 1, "fm": 1}


# --- the graders -----------------------------------------------------------------------------

GOLD = '{"intermediate": [12, 24], "final": 25}'
# fmt: off
JUDGED = [
    # answer                                            ours   published
    ('{"intermediate": [12, 24], "final": 25}',         True,  True),
    ('{"intermediate": [12, 24], "final": " 25 "}',     True,  True),
    ('{"intermediate": [12, 24.0], "final": 25}',       True,  True),
    ('{"intermediate": [12, 24, 25], "final": 25}',     True,  False),   # the end told twice
    ('{"intermediate": [12.9, 24], "final": 25}',       False, True),    # cut off by int()
    ('{"intermediate": [12, 25], "final": 25}',         False, False),   # a state left out
    ('{"intermediate": [12, 24, 24], "final": 25}',     False, False),   # a state too many
    ("Intermediate: [12, 24]. Final: 25",               True,  True),    # an answer as it came
    ("25",                                              False, False),
    ("",                                                False, False),
    ("[" * 5000,                                        False, False),
    ('{"intermediate": ' + "[" * 900 + "]" * 900 + ', "final": 25}', False, False),
]
# fmt: on


@pytest.mark.parametrize(("answer", "ours", "published"), JUDGED)
def test_two_graders_see_the_same_answer(answer, ours, published):
    assert (states(GOLD, answer).equal, procbench_reference(GOLD, answer).equal) == (
        ours,
        published,
    )


def test_a_list_that_is_too_deep_to_be_shown_is_undecided(monkeypatch):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        same_state("25", deep)
    said = Trajectory(intermediate=[12, 24], final=deep)
    module = "mathreason_eval.families.procbench.grader"
    monkeypatch.setattr(f"{module}._trajectory", lambda text: said)
    assert [judged(GOLD, "deep").equal for judged in (states, procbench_reference)] == [None, None]


NOTES = [
    ('{"intermediate": [12, 24], "final": 25}', "all 3 states are right"),
    ('{"intermediate": [12, 23], "final": 25}',
     "1 of 3 states are right before the first that is not: 23, and not 24; the final one is"),
    ('{"intermediate": [12], "final": 24}',
     "2 of 3 states are right before the first that is not; no more are told"),
    ('{"intermediate": [12, 24, 25, 26], "final": 26}',
     "3 of 3 states are right before the first that is not; 5 are told"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "note"), NOTES)
def test_the_note_says_where_it_went_wrong(answer, note):
    assert states(GOLD, answer).note == note


def test_a_gold_without_states_is_undecided():
    assert states("25", GOLD).equal is None


# --- finding them ----------------------------------------------------------------------------

TWO = '{"intermediate": ["ab", "abc"], "final": "abcd"}'
# fmt: off
FOUND = [
    # text                                                             rule             what
    (f"Here it is: {TWO}",                                             "states",        TWO),
    (f"{{'answer': {TWO}}}",                                           "states",        TWO),
    (f"{TWO}\nNote that `intermediate` leaves out the end.",           "states",        TWO),
    ('{"intermediate": ["x"], "final": "y"} and then ' + TWO,          "states",        TWO),
    ('{"final": "abcd", "intermediate": ["ab", "abc"]}',               "states",        TWO),
    ("{'intermediate': ['ab', 'abc',], 'final': 'abcd',}",             "states",        TWO),
    ("{intermediate: [ab, abc], final: abcd}",                         "states",        TWO),
    ('{"Intermediate States": ["ab", "abc"], "Final State": "abcd"}',  "states",        TWO),
    ('{"intermediate": ("ab", "abc"), "final": "abcd"}',               "states",        TWO),
    ('{"intermediate": ["ab", "abc"], "final": "abcd"',                "loose_states",  TWO),
    ("**Intermediate strings:** ['ab', 'abc']\n\n**Final string:** `abcd`.", "loose_states", TWO),
    ("The final string is 'abcd'. The intermediate ones are ['ab', 'abc'].", "loose_states", TWO),
    ("Final string: abcd\nIntermediate strings:\n1. ab\n2. `abc`\n",   "loose_states",  TWO),
    ("## Intermediate states:\n\n- ab\n- abc\n\n## Final state:\n\nabcd\n", "loose_states", TWO),
    ("Final: abcd\nIntermediate:\n```python\n['ab', 'abc']\n```",      "loose_states",  TWO),
    ("Intermediate strings: `ab`, `abc`\nFinal string: `abcd`",        "loose_states",  TWO),
    ("Intermediate strings: ab, abc.\nFinal string: abcd.",            "loose_states",  TWO),
    ("The final string is: abcd\nThe intermediate ones are: ab, abc",   "loose_states",  TWO),
    ("['ab', 'abc']\nabcd",                                            "loose_states",  TWO),
    ("[ab, abc], and at last: abcd",                                   "loose_states",  TWO),
    ('[["ab"], ["c"]]\n["d"]', "loose_states", '{"intermediate": [["ab"], ["c"]], "final": ["d"]}'),
    ('{"intermediate": "ab", "final": 7}',     "states", '{"intermediate": ["ab"], "final": 7}'),
    ('{"intermediate": null, "final": null}',  "states", '{"intermediate": [], "final": ""}'),
    ('{"intermediate": [007], "final": 1.5}',  "states", '{"intermediate": ["007"], "final": 1.5}'),
    ('{"intermediate": ["a\\"b"], "final": "\\u00e9"}', "states",
     '{"intermediate": ["a\\"b"], "final": "é"}'),
    ("{'intermediate': ['it\\'s\\u0020a'], 'final': 'b'}", "states",
     '{"intermediate": ["it\'s a"], "final": "b"}'),
    ("Intermediate: [-x---, --x--] Final: ---x-", "loose_states",
     '{"intermediate": ["-x---", "--x--"], "final": "---x-"}'),
    ('{"intermediate": ["ab", "ab', "loose_states", '{"intermediate": ["ab"], "final": ""}'),
]
NOT_FOUND = [
    "", "The final string is abcd.", "['ab', 'abc']", "It ends as abcd.", "{intermediate}",
    '{"intermediate": [...], "final": ...}', '{"intermediate": ["ab"]}', '{"final": "abcd"}',
    "[Question]\nabcd", "[Intermediate States]\n[Final State]",
    "['a']" + " word" * 50 + "\n['b']", "The intermediate states are many; the final one is short",
]
# fmt: on


@pytest.mark.parametrize(("text", "rule", "what"), FOUND)
def test_states_are_found(text, rule, what):
    found = extract(text, ("states",))
    assert (found.rule, found.text) == (rule, what)
    assert 0 <= found.span[0] < found.span[1] <= len(text)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_states_nothing_gives_nothing(text):
    assert extract(text, ("states",)) is None


HOSTILE = [
    "[", "{", "[]", "[[],", "[1,", '"', "'", "\\", '\\"', "{{", "({", '{"intermediate": ',
    '{"intermediate": [1,', '{"intermediate": {"intermediate": 1}',
    '{"intermediate":["a"],"final":1}',
    "intermediate: ", "final: ", "intermediate: [", "intermediate: - a\n", "- a\n",
    "intermediate: x\nfinal: [", "9", '{"intermediate": 9',
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_megabyte_of_anything_ends(unit):
    """No time is asserted: what is not linear would take hours."""
    text = unit * (1_000_000 // len(unit))
    found = find_states(text)
    answer = text if found is None else found.text
    assert states(GOLD, answer).equal is False
    assert states(GOLD, text).equal is False


@given(st.text(alphabet="{}[]()\"'\\:,. -\nintermdafl1", max_size=120))
def test_what_is_found_in_any_text_can_be_read(text):
    found = find_states(f"intermediate final {text}")
    if found is not None:
        assert {"intermediate", "final"} == json.loads(found.text).keys()
        assert isinstance(states(GOLD, found.text).equal, bool)


# --- survival --------------------------------------------------------------------------------


def problem(identity, steps):
    return Problem(id=identity, question="?", gold=(GOLD,), meta={"steps": steps})


def verdict(identity, sample, pml):
    measures = {} if pml is None else {"pml": float(pml)}
    return Verdict(problem_id=identity, sample=sample, outcome=Outcome.WRONG, rule="states",
                   note="", score=0.0, measures=measures)  # fmt: skip


def test_survival_counts_the_problems_that_go_on_so_far():
    problems = [problem("two", 2), problem("three", 3)]
    # One of the samples gave no answer: it is right nowhere.
    verdicts = [verdict("two", 0, 2), verdict("two", 1, 1), verdict("three", 0, 2),
                verdict("three", 1, None)]  # fmt: skip
    metrics = list(survival("t", items_of(problems, [], verdicts, str, cluster=None)))
    assert [(m.name, m.value, m.problems, m.samples) for m in metrics] == [
        ("survival@1", 0.75, 2, 4),
        ("survival@2", 0.5, 2, 4),
        ("survival@3", 0.0, 1, 2),
    ]
    assert all(m.low <= m.value <= m.high and m.high > m.low for m in metrics)
