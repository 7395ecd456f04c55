"""A slip of the keyboard is understood, and never as its opposite."""

from __future__ import annotations

import pytest

from mathreason_eval.errors import UnknownNameError, nearest

TASKS = ("gsm8k", "math500", "aime24", "word-problems", "kk-gen")
OUTCOMES = ("correct", "wrong", "no_answer", "truncated", "ungradable")
# fmt: off
MEANT = [
    # as typed, the names that there are, the one that was meant
    ("gsm8k",          TASKS,     "gsm8k"),
    ("GSM8K",          TASKS,     "gsm8k"),
    ("Gsm-8k",         TASKS,     "gsm8k"),
    ("gms8k",          TASKS,     "gsm8k"),
    ("MATH-500",       TASKS,     "math500"),
    ("aime2024",       TASKS,     "aime24"),
    ("word_problems",  TASKS,     "word-problems"),
    ("Word Problems",  TASKS,     "word-problems"),
    ("KKGEN",          TASKS,     "kk-gen"),
    ("NO-ANSWER",      OUTCOMES,  "no_answer"),
    ("Correct",        OUTCOMES,  "correct"),
    ("corect",         OUTCOMES,  "correct"),
    ("incorrect",      OUTCOMES,  None),
    ("Incorrect",      OUTCOMES,  None),
    ("not-correct",    OUTCOMES,  None),
    ("gradable",       OUTCOMES,  None),
    ("untruncated",    OUTCOMES,  None),
    ("zzz",            TASKS,     None),
    ("",               TASKS,     None),
    ("gsm8k",          (),        None),
]
# fmt: on


@pytest.mark.parametrize(("typed", "known", "meant"), MEANT)
def test_what_was_meant_is_found(typed, known, meant):
    assert nearest(typed, known) == meant


@pytest.mark.parametrize("typed", ["GSM8K", "gms8k"])
def test_an_error_suggests_it(typed):
    assert str(UnknownNameError("task", typed, TASKS)).endswith("Did you mean gsm8k?")


def test_an_error_without_one_names_all():
    assert "Known: correct, no_answer, " in str(UnknownNameError("outcome", "incorrect", OUTCOMES))
