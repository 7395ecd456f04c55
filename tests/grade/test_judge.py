"""From a text to a verdict: the outcome, the span, the reason; and nothing ever hangs."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval import verify
from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.grade.graders import GRADERS, Grader
from mathreason_eval.grade.judge import Judge, JudgeOptions
from mathreason_eval.grade.verify import verify_rows
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.types import (
    Answer,
    Generation,
    Match,
    Measure,
    Outcome,
    Problem,
    Unit,
    Verdict,
)

RULES = ("boxed", "hashes", "phrase", "last_number")

# fmt: off
OUTCOMES = [
    # text, finish_reason, outcome
    (r"\boxed{42}",                       "stop",   Outcome.CORRECT),
    (r"\boxed{42.0}",                     "stop",   Outcome.CORRECT),
    (r"\boxed{41}",                       "stop",   Outcome.WRONG),
    ("no idea",                           "stop",   Outcome.NO_ANSWER),
    ("",                                  "stop",   Outcome.NO_ANSWER),
    ("so far 42",                         "stop",   Outcome.CORRECT),
    ("so far 42",                         "length", Outcome.TRUNCATED),   # a number on the way
    ("so far 42",                         None,     Outcome.CORRECT),     # cut or not: unknown
    (r"<think>it is \boxed{42}",          None,     Outcome.TRUNCATED),   # the text itself says so
    (r"it is \boxed{42",                  "length", Outcome.TRUNCATED),   # cut within the box
    (r"\boxed{42} and now I",             "length", Outcome.CORRECT),     # answered before the cut
    ("the answer is 42. Next",            "length", Outcome.CORRECT),
    (r"<think>\boxed{42}",                "length", Outcome.TRUNCATED),   # never finished thinking
    (r"<think>\boxed{42}",                "stop",   Outcome.TRUNCATED),
    (r"<think>\boxed{42}</think> gone",   "stop",   Outcome.NO_ANSWER),   # a thought is no answer
    (r"<think>41?</think> \boxed{42}",    "stop",   Outcome.CORRECT),
]
# fmt: on


@pytest.fixture(scope="module")
def judge():
    with Judge(workers=1, deadline=20) as made:
        yield made


def verdict(judge, text, finish_reason="stop", gold=("42",), grader="math"):
    problem = Problem(id="p", question="?", gold=gold)
    sample = Generation(problem_id="p", sample=0, text=text, finish_reason=finish_reason)
    return judge.verdict(problem, sample, JudgeOptions(extract=RULES, grader=grader))


@pytest.mark.parametrize(("text", "finish_reason", "outcome"), OUTCOMES)
def test_the_outcome_is_what_the_text_deserves(judge, text, finish_reason, outcome):
    found = verdict(judge, text, finish_reason)
    assert found.outcome is outcome
    assert found.note
    assert found.score == (outcome is Outcome.CORRECT)
    if found.span:
        assert text[slice(*found.span)] == found.answer


# fmt: off
NEVER_ANSWERS = [
    # what else is known of a sample whose text holds the right answer; what the note says
    ({"finish_reason": "stop", "refused": True},             "refused"),
    ({"finish_reason": "content_filter", "refused": True},   "refused"),
    ({"finish_reason": "content_filter"},                    "refused"),   # from before the mark
    ({"finish_reason": "length", "refused": True, "reasoning": "hm"}, "refused"),
    ({"finish_reason": "failed"},                            "the request failed"),
]
# fmt: on


@pytest.mark.parametrize("text", [r"\boxed{42}", "", "<think>42"])
@pytest.mark.parametrize(("known", "note"), NEVER_ANSWERS)
def test_a_refusal_is_no_answer_whatever_it_says(judge, text, known, note):
    sample = Generation(problem_id="p", sample=0, text=text, **known)
    problem = Problem(id="p", question="?", gold=("42",))
    found = judge.verdict(problem, sample, JudgeOptions(extract=RULES, second="minerva"))
    assert (found.outcome, found.second) == (Outcome.NO_ANSWER, Outcome.NO_ANSWER)
    assert note in found.note


@pytest.mark.parametrize(("text", "finish_reason", "outcome"), OUTCOMES)
def test_a_verdict_is_the_match_of_its_sample(judge, text, finish_reason, outcome):
    sample = Generation(problem_id="p", sample=3, text=text, finish_reason=finish_reason)
    problem, options = Problem(id="p", question="?", gold=("42",)), JudgeOptions(extract=RULES)
    match = judge.match_output(problem.gold, sample, options)
    found = judge.verdict(problem, sample, options)
    both = {one.name for one in fields(Match)} & {one.name for one in fields(Verdict)}
    assert {name: getattr(found, name) for name in both} == {
        name: getattr(match, name) for name in both
    }
    alone = {one.name for one in fields(Verdict)} - both
    assert alone == {"problem_id", "sample", "score", "second", "judged_by", "judged_output"}
    assert (found.problem_id, found.sample, found.second) == ("p", 3, None)
    assert match.outcome is outcome


# fmt: off
STEPS = [
    # text,                       check the steps, measures
    (r"1+1=2, so \boxed{42}",     True,            {"false_step": 0.0}),
    (r"1+1=3, so \boxed{42}",     True,            {"false_step": 1.0}),
    (r"1+1=3, so \boxed{41}",     True,            {}),     # of correct answers alone
    (r"1+1=3, so \boxed{42}",     False,           {}),
    (r"\boxed{42}, as 1+1=3",     True,            {"false_step": 0.0}),     # behind the answer
    ("1+1=3. " + "So it is. " * 2000 + r"\boxed{42}", True, {"false_step": 0.0}),  # long before it
    (r"\boxed{41}, no: \boxed{42}", False,         {"boxes": 2.0}),
    (r"\boxed{42}, so \boxed{42}", False,          {}),
]
# fmt: on


@pytest.mark.parametrize(("text", "check", "measures"), STEPS)
def test_steps_are_checked_before_a_correct_answer_where_they_are_wanted(
    judge, text, check, measures
):
    sample = Generation(problem_id="p", sample=0, text=text)
    options = JudgeOptions(extract=RULES, check_steps=check)
    found = judge.verdict(Problem(id="p", question="?", gold=("42",)), sample, options)
    assert found.measures == measures


@pytest.mark.parametrize("text", [r"\boxed{4.20e1}", r"\boxed{4141}", "no idea", "<think>42", ""])
def test_a_match_took_no_longer_than_the_call(judge, text):
    sample, options = Generation(problem_id="p", sample=0, text=text), JudgeOptions(extract=RULES)
    began = time.perf_counter()
    found = judge.match_output(("42",), sample, options)
    assert 0.0 <= found.seconds <= time.perf_counter() - began


def test_what_is_remembered_is_bounded(monkeypatch, fresh):
    monkeypatch.setattr("mathreason_eval.grade.judge._CACHED", 3)
    for answer in "12345":
        fresh.match(("7",), answer, "number")
    assert len(fresh._cache) == 3


def test_any_of_several_golds_is_enough(judge):
    assert verdict(judge, r"\boxed{7}", gold=("6", "7")).outcome is Outcome.CORRECT


# fmt: off
GRADED = [
    # grader, gold, answer, equal
    ("math",    r"\frac{1}{2}",  "0.5",        True),
    ("math",    "180.67",        "542/3",      True),     # the gold's precision
    ("math",    "1/3",           "0.33",       False),    # the gold is exact
    ("math",    r"\sqrt{8}",     r"2\sqrt{2}", True),
    ("math",    "x^2-1",         "(x-1)(x+1)", True),
    ("math",    "(1,2)",         "(2,1)",      False),
    ("number",  "1,000",         "1000",       True),
    ("number",  "18",            "x",          False),
    ("integer", "25",            "025",        True),
    ("integer", "25",            "m+n=25",     True),
    ("integer", "25",            r"\text{25}.", True),
    ("integer", "25",            "25.5",       False),
    ("integer", "25",            "1" * 5000,   False),
    ("choice",  "C",             "(c)",        True),
    ("choice",  "C",             "D",          False),
    ("text",    "New  York",     "new york",   True),
    ("text",    "York",          "new york",   False),
    ("choice",  "C",             r"\text{(C)}", True),
    ("choice",  "B",             "B) 15",      True),
    ("choice",  "B",             "15",         False),
    ("expression", "2x+2",       "2(x+1)",     True),
]
READ = [
    # gold, output, equal                                                what is shown
    ("B",                        "The correct option is (B).",  True),   # a letter is asked for
    ("D",                        "I choose D because A is wrong.", True),
    (r"… so it is \boxed{7}.",   "It is 7.",                    True),   # a worked solution
    ("16 - 9 = 7\n#### 7",       "It is 7.",                    True),
    ("7",                        "<think>7</think>",            False),  # nothing but a thought
    ("x > 5",                    "Therefore $x > 5$ holds.",    True),   # a formula
]
# fmt: on


@pytest.mark.parametrize(("grader", "gold", "answer", "equal"), GRADED)
def test_graders_judge_by_their_rule(judge, grader, gold, answer, equal):
    found = judge.match((gold,), answer, grader)
    assert (found.equal, bool(found.note)) == (equal, True)


@pytest.mark.parametrize(("gold", "output", "equal"), READ)
def test_an_output_is_read_for_what_the_gold_asks(gold, output, equal):
    assert verify(gold, output=output).equal is equal


def test_a_slip_in_a_graders_name_names_the_nearest(judge):
    with pytest.raises(UnknownNameError) as caught:
        judge.match(("1",), "1", "mth")
    assert "math" in caught.value.hint


def test_verify_is_the_example_of_its_documentation():
    match = verify(gold="42", output=r"… so the answer is \boxed{42}.")
    assert (match.equal, match.answer) == (True, "42")
    assert r"… so the answer is \boxed{42}."[slice(*match.span)] == "42"


def test_verify_wants_an_answer_or_an_output():
    with pytest.raises(ValueError, match="either"):
        verify(gold="1")


@pytest.mark.parametrize("gold", [145, 145.0, [7, 145.0], "145"])
def test_verify_takes_a_gold_that_is_a_number(gold):
    assert verify(gold, "145.0").equal
    assert verify(gold, "145.5").equal is False


@pytest.mark.parametrize("gold", [True, None, [], float("inf"), [1, None]])
def test_verify_refuses_a_gold_that_is_no_answer(gold):
    with pytest.raises(ValueError, match="gold"):
        verify(gold, "1")


ROWS = [
    ({"id": 1, "gold": "1/2", "answer": "0.5"}, True),
    ({"gold": ["3", "4"], "output": r"\boxed{4}"}, True),
    ({"gold": "5", "output": "no idea"}, False),
    ({"gold": "5"}, None),
    ({"gold": "5", "answer": "5", "output": "5"}, None),
    ({"answer": "5"}, None),
    ({"gold": [], "answer": "5"}, None),
    ({"gold": 5, "answer": "5"}, True),
    ({"gold": 145.0, "answer": "145", "grader": "integer"}, True),
    ({"gold": [4, 5.5], "output": r"\boxed{11/2}"}, True),
    ({"gold": 12345678901234567890, "answer": "12345678901234567891"}, False),
    ({"gold": True, "answer": "1"}, None),
    ({"gold": None, "answer": "None"}, None),
    ({"gold": float("nan"), "answer": "nan"}, None),
    ({"gold": [1, True], "answer": "1"}, None),
    ({"gold": "5", "answer": "5", "grader": "nonsense"}, None),
    ("not a row", None),
    ({"gold": "7", "answer": "8"}, False),
]


def test_every_row_is_answered_in_order():
    answers = list(verify_rows([row for row, _ in ROWS], workers=2))
    assert [a["equal"] for a in answers] == [equal for _, equal in ROWS]
    assert all(a["note"] and a["rule"] for a in answers)


@pytest.mark.slow
def test_rows_on_which_a_process_dies_are_undecided_and_the_rest_is_judged():
    rows = [{"id": i, "gold": str(i), "answer": str(i)} for i in range(200)]
    judged = []
    for answer in verify_rows(iter(rows), workers=2):
        if not judged:
            for crew in _children():
                os.kill(crew, signal.SIGKILL)
        judged.append(answer)
    assert [answer["id"] for answer in judged] == list(range(200))
    assert all(answer["equal"] or answer["rule"] == "worker" for answer in judged)
    assert sum(answer["rule"] == "worker" for answer in judged) <= 2


def _children():
    tasks = Path(f"/proc/{os.getpid()}/task")
    if not tasks.is_dir():
        pytest.skip("no /proc to find the processes in")
    return [
        int(child)
        for task in tasks.iterdir()
        for child in (task / "children").read_text().split()
        if b"grade.rows" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@pytest.mark.slow
def test_a_verdict_is_the_same_in_a_thread_in_asyncio_and_in_rows():
    pairs = [("x^2-1", "(x-1)(x+1)"), ("1/3", "0.33"), (r"\sin^2 x+\cos^2 x", "1")]
    here = [verify(gold, answer).equal for gold, answer in pairs]
    threaded: list[bool | None] = []
    thread = threading.Thread(target=lambda: threaded.extend(verify(g, a).equal for g, a in pairs))
    thread.start()
    thread.join()

    async def asked():
        return [(await asyncio.to_thread(verify, g, a)).equal for g, a in pairs]

    rows = verify_rows([{"gold": g, "answer": a} for g, a in pairs], workers=2)
    assert here == threaded == asyncio.run(asked()) == [row["equal"] for row in rows]


# --- graders that raise ----------------------------------------------------------------------


@pytest.fixture
def fresh():
    """A judge that remembers nothing of another test's graders."""
    with Judge(workers=1) as made:
        yield made


def as_text(gold, answer, convention=DEFAULT):
    return Match(equal=gold == answer, rule="moody", note="compared as text")


def raising(error):
    def comparison(gold, answer, convention=DEFAULT):
        if answer == "13":
            raise error
        return as_text(gold, answer)

    return comparison


def raising_alone(error):
    """Return a function of one text that raises at 13, or a text that holds it."""

    def told(text):
        if "13" in text:
            raise error
        return Answer(text=text, rule="moody", span=(0, len(text)))

    return told


LONG = "x" * 1000
# fmt: off
FAILING = [
    # what raises it, the error,                 answer kept, note
    ("compare", KeyError("x"),                         "13",  "the grader failed: KeyError: 'x'"),
    ("compare", RecursionError(),                      "13",  "the grader failed: RecursionError"),
    ("compare", MemoryError(),                         "13",  "the grader failed: MemoryError"),
    ("compare", SystemExit(0),                         "13",  "the grader failed: SystemExit: 0"),
    ("find",    SystemExit(),                          None,  "the grader failed: SystemExit"),
    ("compare", ValueError(LONG),                      "13",
     f"the grader failed: ValueError: {LONG[:200]}"),
    ("find",    ZeroDivisionError("by 0"),             None,
     "the grader failed: ZeroDivisionError: by 0"),
    ("find",    RecursionError("too\ndeep"),           None,
     "the grader failed: RecursionError: too deep"),
]
# fmt: on


@pytest.mark.parametrize(("part", "error", "answer", "note"), FAILING)
def test_a_grader_that_raises_makes_the_sample_ungradable(
    monkeypatch, fresh, part, error, answer, note
):
    how = {"compare": raising(error)} if part == "compare" else {"find": raising_alone(error)}
    moody = Grader(**{"summary": "raises at 13", "compare": as_text, **how})
    monkeypatch.setitem(GRADERS._own, "moody", moody)
    found = verdict(fresh, "13" if part == "find" else r"\boxed{13}", grader="moody")
    assert (found.outcome, found.rule) == (Outcome.UNGRADABLE, "error")
    assert (found.answer, found.note, found.score) == (answer, note, 0.0)


@pytest.mark.parametrize(("unit", "value"), [("share", 2.0), ("share", -1), ("amount", math.nan)])
def test_a_measure_that_is_no_number_of_its_unit_makes_the_sample_ungradable(
    monkeypatch, fresh, unit, value
):
    def measuring(gold, answer, convention=DEFAULT):
        return replace(as_text(gold, answer), measures={"far": value})

    measures = (Measure(name="far", summary="", unit=Unit(unit)),)
    moody = Grader(summary="", compare=measuring, measures=measures)
    monkeypatch.setitem(GRADERS._own, "moody", moody)
    found = verdict(fresh, r"\boxed{7}", grader="moody")
    assert (found.outcome, found.measures) == (Outcome.UNGRADABLE, {})
    assert found.note == f"the grader failed: ValueError: its measure far is {value}"


def test_an_answer_whose_key_raises_is_ungradable_and_has_no_vote(monkeypatch, fresh):
    moody = Grader(summary="", compare=as_text, key=raising_alone(KeyError("k")))
    monkeypatch.setitem(GRADERS._own, "moody", moody)
    found = verdict(fresh, r"\boxed{13}", grader="moody")
    assert (found.outcome, found.answer) == (Outcome.UNGRADABLE, None)
    assert verdict(fresh, r"\boxed{12}", grader="moody").outcome is Outcome.WRONG


def test_a_failure_on_one_gold_leaves_the_others(monkeypatch, fresh):
    def on_gold(gold, answer, convention=DEFAULT):
        return raising(KeyError("x"))(answer, gold, convention)

    monkeypatch.setitem(GRADERS._own, "moody", Grader(summary="", compare=on_gold))
    assert fresh.match(("13", "7"), "7", "moody").equal is True
    assert fresh.match(("13", "7"), "8", "moody").equal is None


def test_a_failure_is_not_remembered(monkeypatch, fresh):
    errors = [MemoryError()]

    def once(gold, answer, convention=DEFAULT):
        if errors:
            raise errors.pop()
        return Match(equal=True, rule="moody", note="now it works")

    monkeypatch.setitem(GRADERS._own, "moody", Grader(summary="", compare=once))
    found = [fresh.match(("1",), "1", "moody").equal for _ in range(2)]
    assert found == [None, True]


@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError])
def test_what_concerns_more_than_one_sample_passes(monkeypatch, fresh, error):
    moody = Grader(summary="", compare=raising(error("stop")))
    monkeypatch.setitem(GRADERS._own, "moody", moody)
    with pytest.raises(error):
        verdict(fresh, r"\boxed{13}", grader="moody", gold=("13",))


def test_a_second_grader_that_raises_is_undecided_beside_the_first(monkeypatch, fresh):
    monkeypatch.setitem(GRADERS._own, "moody", Grader(summary="", compare=raising(KeyError())))
    sample = Generation(problem_id="p", sample=0, text=r"\boxed{13}", finish_reason="stop")
    problem = Problem(id="p", question="?", gold=("13",))
    found = fresh.verdict(problem, sample, JudgeOptions(extract=RULES, second="moody"))
    assert (found.outcome, found.second) == (Outcome.CORRECT, Outcome.UNGRADABLE)


@pytest.mark.slow
def test_a_late_judgement_is_ungradable_and_never_wrong():
    with Judge(workers=1, deadline=0.001) as hurried:
        gold = r"\int_0^1 \frac{\ln(1+x)}{1+x^2}\,dx"
        found = verdict(hurried, r"\boxed{\frac{\pi}{8}\ln 2}", gold=(gold,))
    assert found.outcome in {Outcome.UNGRADABLE, Outcome.CORRECT}
    assert found.outcome is Outcome.CORRECT or "no verdict within" in found.note


@pytest.mark.slow
@given(
    st.text(alphabet=r"0123456789xyabe\\{}()[]^_$%+-*/=.,<>|!&π√٣½ \n", max_size=60),
    st.sampled_from([r"\frac{1}{2}", "(1, 2]", "x^2+1", "42", "B", r"\{1, 2\}", "5 cm", ""]),
)
def test_no_grader_fails_on_any_answer(answer, gold):
    for grader in GRADERS.values():
        assert grader.compare(gold, answer, DEFAULT).note
        assert grader.compare(answer, gold, DEFAULT).note


PAYLOADS = [
    "__import__('os').system('touch {path}')",
    r"\boxed{{__import__('os').system('touch {path}')}}",
    "exec(\"open('{path}','w')\")",
    "[].__class__.__base__.__subclasses__()",
    "open('{path}', 'w')",
    "(lambda: open('{path}', 'w'))()",
    r"\text{{eval}}(open('{path}','w'))",
    "Symbol('x').__class__.__init__.__globals__['__builtins__']['open']('{path}','w')",
    'sympify(\'open("{path}","w")\')',
]


@pytest.mark.slow
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_output_is_ever_run(tmp_path, judge, payload):
    path = tmp_path / "ran"
    text = payload.format(path=path)
    for gold, answer in (("1", text), (text, "1")):
        judge.match((gold,), answer, "math")
    verify(gold="1", output=text)
    assert not path.exists()


HOSTILE = [
    "9" * 100_000, "9^9^9^9", "10^{10^{10}}", "(" * 100_000, r"\frac{" * 20_000, "x!" * 1000,
    "100000!!!", r"\sqrt" * 10_000, "\0", "\ud800", "1e999999999", "{" * 1_000_000, "a" * 1_000_000,
    r"\binom{10^9}{10^8}", "+" * 100_000, "2^" * 10_000 + "2", "1/0", r"\infty-\infty",
]  # fmt: skip


@pytest.fixture(scope="module")
def impatient():
    """A judge of few seconds; its worker is replaced only where one was late."""
    with Judge(workers=1, deadline=2) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: t[:12].encode("unicode_escape").decode())
def test_hostile_answers_end(impatient, text):
    for gold, answer in (("42", text), (text, "42")):
        assert impatient.match((gold,), answer, "math").equal is not True
