"""The published rules, quirks included: what they accept and refuse is what they were seen to."""

from __future__ import annotations

import sys
import types

import pytest
import sympy

from mathreason_eval import verify
from mathreason_eval.grade.child import answers
from mathreason_eval.grade.graders import GRADERS
from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.prm800k import prm800k_form
from mathreason_eval.grade.published import hendrycks_form, minerva_form
from mathreason_eval.maths.compare.convention import DEFAULT

# fmt: off
COMPARED = [
    # grader, gold, answer, equal                                       what is shown
    ("gsm8k-strict", "1,000",       "$1000.",            True),
    ("gsm8k-strict", "18",          "18.0",              False),        # compared as text
    ("hendrycks", "0.5",            r"\frac12",          True),
    ("hendrycks", r"\sqrt3",        r"\sqrt{3}",         True),
    ("hendrycks", "1/2",            r"\dfrac{1}{2}",     True),
    ("hendrycks", r"5\text{ cm}",   "5",                 True),
    ("hendrycks", "x=5",            "5",                 True),         # a name of two signs
    ("hendrycks", "abc=5",          "5",                 False),
    ("hendrycks", "0.25",           r"\frac14",          False),        # only one half is known
    ("hendrycks", "01/2",           r"\frac{01}{2}",     False),
    ("hendrycks", r"\text{ a}\text{ b}", r"\text{ a}\text{ b}", True),  # fails, and is compared raw
    ("minerva",   "5",              "x = 5",             True),
    ("minerva",   "12",             r"$12\text{ units}$", True),
    ("minerva",   "1,000",          "1000",              True),
    ("minerva",   r"\frac12",       "0.5",               True),         # sympy
    ("minerva",   "x+1",            "1+x",               True),
    ("minerva",   "x+1",            "x-1",               False),
    ("minerva",   "(1,2)",          "(1, 2)",            True),
    ("minerva",   r"\frac{1}{",     r"\frac{1}{",        True),         # unparsable, but the same
    ("minerva",   r"\frac{1}{",     "1",                 False),
    ("prm800k",   r"\frac{1}{2}",   "0.5",               True),
    ("prm800k",   r"\frac{3}{4}",   "0.75",              True),         # sympy
    ("prm800k",   r"\frac{1}{2}",   r"\frac{2}{4}",      False),        # not reduced
    ("prm800k",   "3",              "6/2",               False),        # an integer is asked for
    ("prm800k",   "3",              "3.0",               True),
    ("prm800k",   "(1,2)",          "(1, 2)",            True),
    ("prm800k",   "(1,2)",          "[1,2]",             False),
    ("prm800k",   "(1,2)",          "(2,1)",             False),
    ("prm800k",   "7.75",           "7 3/4",             True),
    ("prm800k",   r"\$5 million",   "5000000",           False),        # 5*10^6 is no integer
    ("prm800k",   "5 cm",           "5",                 True),
    ("prm800k",   "x^{2}+x",        "x^2+x",             True),         # the same once braces go
    ("prm800k",   "x+y",            "y+x",               True),
    ("prm800k",   "x+y+z",          "z+y+x",             False),        # three letters: not tried
    ("prm800k",   "1",              "__import__('os')",  False),
]
FOUND = [
    # grader, gold, output, equal
    ("gsm8k-strict",   "18", "so\n#### 18\n#### 19",     True),         # the first counts
    ("gsm8k-strict",   "18", "it is 18",                 False),
    ("gsm8k-flexible", "18", "12 then 18",               True),         # the last counts
    ("gsm8k-flexible", "18", "it is 18 ...",             False),        # the last piece is dots
    ("gsm8k-flexible", "18", "none",                     False),
    ("hendrycks",      "18", r"12 then \boxed{18}",      True),
    ("prm800k",        "18", r"12 then \boxed{18}",      True),
    ("minerva", "7", "Final Answer: The final answer is $7$. I hope it is correct.", True),
    ("minerva", "7", "Final Answer: The final answer is $7$.",                       True),
    ("minerva", "7", "The answer is 7.",                                             False),
]
FORMS = [
    (hendrycks_form, r"\left( 3, \frac12 \right)", r"(3,\frac{1}{2})"),
    (hendrycks_form, r"x = 10\%",                  "10"),
    (minerva_form,   r"m = \$18.90 dollars",       "18.90"),
    (minerva_form,   r"\text{the }\frac12",        r"the\frac{1}{2}"),
    (prm800k_form,   r"90^\circ",                  "90"),
    (prm800k_form,   r"\frac{\sqrt{3}}{2}",        "sqrt(3)/2"),
    (prm800k_form,   r"1,\!000",                   "1000"),
    (prm800k_form,   "3 or 5",                     "3,5"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("grader", "gold", "answer", "equal"), COMPARED)
def test_a_published_rule_compares_as_published(judge, grader, gold, answer, equal):
    assert judge.match((gold,), answer, grader).equal is equal


@pytest.mark.parametrize(("grader", "gold", "output", "equal"), FOUND)
def test_a_published_rule_reads_as_published(grader, gold, output, equal):
    assert verify(gold, output=output, grader=grader, deadline=30).equal is equal


@pytest.mark.parametrize(("form", "text", "normal"), FORMS)
def test_a_normal_form_is_the_published_one(form, text, normal):
    assert form(text) == normal


@pytest.mark.slow
def test_math_verify_says_so_where_it_is_not_installed(judge):
    found = judge.match(("1",), "1", "math-verify")
    assert found.equal is True or "pip install math-verify" in found.note


# --- failures --------------------------------------------------------------------------------

ASKED = [("minerva", "x+1", "1+x"), ("prm800k", r"\frac{3}{4}", "0.75")]
CRASHES = [ValueError("no"), TypeError("no"), MemoryError(), RecursionError(), AttributeError("no")]


@pytest.mark.slow
@pytest.mark.parametrize("error", CRASHES, ids=repr)
@pytest.mark.parametrize(("grader", "gold", "answer"), ASKED)
def test_a_crash_of_sympy_is_undecided_and_never_wrong(monkeypatch, grader, gold, answer, error):
    def crash(_):
        raise error

    monkeypatch.setattr(sympy, "simplify", crash)
    request = {"grader": grader, "gold": gold, "answer": answer, "convention": {}}
    (said,) = answers(request)
    assert (said["equal"], said["rule"]) == (None, "error")
    assert said["note"].startswith(f"the grader failed: {type(error).__name__}")


@pytest.mark.slow
@pytest.mark.parametrize(("grader", "gold", "answer"), ASKED)
def test_a_late_published_grader_is_undecided(grader, gold, answer):
    with Judge(workers=1, deadline=1e-6) as hurried:
        found = hurried.match((gold,), answer, grader)
    assert (found.equal, found.rule) == (None, "worker")


@pytest.mark.parametrize("error", [ImportError("no antlr4"), RecursionError(), None])
def test_a_parser_that_fails_or_is_missing_is_undecided(monkeypatch, error):
    def parse(_):
        if error is not None:
            raise error

    monkeypatch.setattr("sympy.parsing.latex.parse_latex", parse)
    request = {"grader": "minerva", "gold": "x+1", "answer": "1+x", "convention": {}}
    (said,) = answers(request)
    assert said["equal"] is None


# fmt: off
UNPARSABLE = [
    # grader, gold, answer: what the published rule cannot read it says is different
    ("minerva", "1",      r"\frac{1}{"),
    ("minerva", "1",      "1="),
    ("minerva", "2",      "x=1"),                # parsed, but not to be subtracted
    ("prm800k", "x",      "x)("),
    ("prm800k", "x",      "(x"),
    ("prm800k", "x",      "x/sqrt"),
    ("prm800k", "x",      "+*x"),
]
# fmt: on


@pytest.mark.parametrize(("grader", "gold", "answer"), UNPARSABLE)
def test_what_a_published_rule_cannot_parse_is_different(grader, gold, answer):
    slow = GRADERS[grader].slow
    assert slow(gold, answer, DEFAULT).equal is False


def test_a_crash_of_math_verify_is_undecided(monkeypatch):
    def verify(gold, target, *, timeout_seconds, raise_on_error=False):
        if raise_on_error:
            raise RuntimeError("sympy crashed")
        return False

    package = types.SimpleNamespace(parse=lambda text, **_: [text], verify=verify)
    monkeypatch.setitem(sys.modules, "math_verify", package)
    request = {"grader": "math-verify", "gold": "1", "answer": "2", "convention": {}}
    (said,) = answers(request)
    assert (said["equal"], said["rule"]) == (None, "error")


BOMBS = [
    "Final Answer: The final answer is",
    "Final Answer: The final answer is\n",
    "$",
    "1,111",
    "{",
]


@pytest.mark.slow
@pytest.mark.parametrize("unit", BOMBS)
@pytest.mark.parametrize("grader", ["minerva", "prm800k", "hendrycks", "gsm8k-flexible"])
def test_a_megabyte_of_anything_ends(grader, unit):
    """No time is asserted: what is not linear would take hours."""
    text = unit * (1_000_000 // len(unit))
    verify("1", output=text, grader=grader)
    verify("1", text, grader=grader)
