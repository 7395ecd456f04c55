"""Grading for trainers and services: the same verdicts as `verify`, in any thread or process."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from mathreason_eval import averify, start_workers, verify, verify_many
from mathreason_eval.errors import UnknownNameError
from mathreason_eval.grade import service
from mathreason_eval.grade.verify import Decision, judge_chunk, shared_judge
from mathreason_eval.grade.workers import WorkerError
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.types import Outcome

SUM = r"\sum_{n=1}^\infty \frac{%d}{n^2}"


def slow(number):
    """Return a gold, an answer that needs computer algebra, and whether they are equal."""
    right = number % 3 != 0
    return SUM % number, rf"\frac{{{number if right else number + 1} \pi^2}}{{6}}", right


def quick(number):
    return str(number), f"{number}.0" if number % 2 else str(number + 1), bool(number % 2)


MIXED = [(slow if number % 5 == 0 else quick)(number) for number in range(5, 105)]


def plain(match):
    return (match.equal, match.rule, match.note, match.answer, match.span, match.found_by)


# --- averify ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_awaited_verdicts_are_each_of_their_own_row():
    async def ask():
        return await asyncio.gather(
            *(averify(gold, answer, deadline=60) for gold, answer, _ in MIXED)
        )

    found = asyncio.run(ask())
    assert [match.equal for match in found] == [right for *_, right in MIXED]
    assert [match.answer for match in found] == [answer for _, answer, _ in MIXED]


@pytest.mark.slow
def test_quick_answers_do_not_wait_for_slow_ones():
    rows = [slow(number) for number in range(1, 5)]

    async def ask():
        held = threading.Event()
        service._slow_threads(1).pool.submit(held.wait)
        late = [asyncio.create_task(averify(gold, answer, deadline=60, workers=1))
                for gold, answer, _ in rows]  # fmt: skip
        seen = [await averify(str(n), f"{n}.0", deadline=60, workers=1) for n in range(50)]
        before = [task.done() for task in late]
        held.set()
        return before, seen, [await task for task in late]

    before, seen, late = asyncio.run(ask())
    assert not any(before)
    assert all(match.equal for match in seen)
    assert [match.equal for match in late] == [right for *_, right in rows]


def test_no_comparison_is_made_in_the_thread_of_the_loop(monkeypatch):
    """Recorded where a grader that is ours is called, by the text that it is given."""
    threads = set()

    class Text(str):
        __slots__ = ()

        def split(self, *args):
            threads.add(threading.get_ident())
            return super().split(*args)

    async def ask():
        return threading.get_ident(), await averify("a b", Text("a  b"), grader="text")

    loop, match = asyncio.run(ask())
    assert match.equal
    assert threads
    assert loop not in threads


@pytest.mark.slow
def test_a_long_text_is_judged_in_another_process_with_the_same_result():
    long = "We have $x^2 = 3$. " * (service._LONG // 10)
    cases = [
        (("5", "7"), None, long + r"so \boxed{7}"),
        (0.5, None, long + r"so \boxed{\frac12}"),
        ("5", None, long),
        (SUM % 1, None, long + r"\boxed{\frac{\pi^2}{6}}"),
        ("5", long, None),
    ]

    async def ask():
        return await asyncio.gather(*(averify(*case, deadline=60) for case in cases))

    found = asyncio.run(ask())
    assert [*map(plain, found)] == [plain(verify(*case, deadline=60)) for case in cases]
    far = long + r"\boxed{5}"
    for convention in (DEFAULT, Convention(units="required")):
        judged = asyncio.run(averify("5 cm", output=far, convention=convention))
        assert judged.equal is verify("5 cm", output=far, convention=convention).equal
    with pytest.raises(ValueError, match="empty list"):
        asyncio.run(averify([], output=long))
    with pytest.raises(UnknownNameError):
        asyncio.run(averify("1", output=long, grader="maths"))


def test_two_loops_one_after_another_and_in_threads():
    found = []

    def run():
        found.append(asyncio.run(averify("1/2", "0.5")).equal)

    run()
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 5


@pytest.mark.slow
def test_a_cancelled_question_leaves_no_answer_for_the_next():
    gold, answer = r"\int_0^1 e^{x^2}dx", r"\sum_{n=0}^\infty \frac{1}{n!(2n+1)}"

    async def ask():
        task = asyncio.create_task(averify(gold, answer, deadline=1, workers=1))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.gather(
            *(averify(g, a, deadline=60, workers=1) for g, a, _ in map(slow, range(1, 7)))
        )

    assert [one.equal for one in asyncio.run(ask())] == [
        right for *_, right in map(slow, range(1, 7))
    ]


@pytest.mark.parametrize(
    ("gold", "answer", "output", "grader", "error"),
    [
        ("1", None, None, "math", ValueError),
        ("1", "1", "1", "math", ValueError),
        (float("nan"), "1", None, "math", ValueError),
        ((), "1", None, "math", ValueError),
        ("1", "1", None, "maths", UnknownNameError),
        ("1", "1", None, "task.py:judge", UnknownNameError),
    ],
)
def test_the_same_is_refused_everywhere(gold, answer, output, grader, error):
    with pytest.raises(error):
        verify(gold, answer, output, grader=grader)
    with pytest.raises(error):
        asyncio.run(averify(gold, answer, output, grader=grader))
    answers = None if answer is None else [answer]
    outputs = None if output is None else [output]
    with pytest.raises(error):
        verify_many([gold], answers, outputs, grader=grader)


# --- verify_many -----------------------------------------------------------------------------

# fmt: off
ROWS = [
    # gold, output
    (2,                      r"so \boxed{2}"),
    (0.5,                    r"it is \boxed{\frac12}"),
    (["7", "-7"],            "The answer is -7."),
    ("1/3",                  r"\boxed{0.33}"),
    ("42",                   "I do not know"),
    ("42",                   ""),
    (r"x \boxed{3}",         "3"),
    (10**30,                 r"\boxed{10^{30}}"),
    ("x^2-1",                r"\boxed{(x-1)(x+1)}"),
]
# fmt: on


def test_many_are_what_each_is():
    golds, outputs = zip(*ROWS, strict=True)
    found = verify_many(golds, outputs=outputs)
    one_by_one = [verify(gold, output=output) for gold, output in ROWS]
    assert list(map(plain, found)) == list(map(plain, one_by_one))
    assert {match.equal for match in found} == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_slow_ones_of_many_are_each_of_their_own_row(workers):
    rows = MIXED * 2
    golds, answers, right = zip(*rows, strict=True)
    found = verify_many(golds, answers, workers=workers, deadline=60)
    assert [match.equal for match in found] == list(right)
    assert [match.answer for match in found] == list(answers)


@pytest.mark.parametrize(
    ("golds", "answers", "says"),
    [
        (["1"], ["1", "2"], "1 golds, and 2 answers"),
        ("12", ["1", "2"], "a list of golds"),
        (["1", []], ["1", "2"], r"golds\[1\]"),
        ([True, "1"], ["1", "2"], r"golds\[0\]"),
    ],
)
def test_rows_that_do_not_match_are_refused(golds, answers, says):
    with pytest.raises(ValueError, match=says):
        verify_many(golds, answers)


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="threads"):
        verify_many([], [], threads=3)
    with pytest.raises(TypeError, match="threads"):
        asyncio.run(averify("1", "1", threads=3))


def test_of_no_rows_there_are_no_verdicts():
    assert verify_many([], []) == []


def test_an_answer_that_is_not_understood_is_undecided_for_all():
    """Where a first gold is undecided, another is asked for as well."""
    golds = [r"\int_0^1 e^{x^2}dx", "5"]
    assert verify_many([golds], ["5"])[0].equal
    assert asyncio.run(averify(golds, "5")).equal


# --- workers and processes -------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_that_was_started_is_the_one_that_answers():
    start_workers(deadline=61, workers=1)
    (worker,) = shared_judge(61, 1)._pool._workers
    process = worker._process
    assert process is not None
    assert verify_many([SUM % 1], [r"\frac{\pi^2}{6}"], deadline=61, workers=1)[0].equal
    assert worker._process is process


@pytest.mark.slow
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_pool_after_a_slow_answer(method):
    """Forked with threads and a worker of ours beside, or started anew."""
    assert verify(SUM % 1, r"\frac{\pi^2}{6}", deadline=60).equal
    assert asyncio.run(averify(SUM % 2, r"\frac{2\pi^2}{6}", deadline=60)).equal
    golds, answers, right = zip(*MIXED[:30], strict=True)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(judged, golds, answers, chunksize=3))
    assert [match.equal for match in found] == list(right)
    assert verify_many(golds, answers, deadline=60)[0].equal is right[0]


def judged(gold, answer):
    """Judge in all three ways in a process of a pool; they must agree."""
    ways = [
        verify(gold, answer, deadline=60),
        asyncio.run(averify(gold, answer, deadline=60)),
        *verify_many([gold], [answer], deadline=60),
    ]
    (one,) = {plain(match) for match in ways}
    return ways[0] if one == plain(ways[0]) else None


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_the_documentation(number):
    page = Path(__file__).parents[2] / "docs" / "grading.md"
    section = page.read_text().partition("## From Python")[2].partition("\n## ")[0]
    code = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[number]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_program_ends_although_its_workers_and_threads_live():
    code = textwrap.dedent(r"""
        import asyncio
        from mathreason_eval import averify, start_workers, verify_many
        start_workers()
        print(asyncio.run(averify("x^2-1", "(x-1)(x+1)")).equal, verify_many(["1"], ["2"])[0].equal)
        print(asyncio.run(averify(r"\sum_{n=1}^\infty \frac{1}{n^2}", r"\frac{\pi^2}{6}")).equal)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.stdout.split(), done.stderr) == (["True", "False", "True"], "")


def test_the_threads_for_quick_comparisons_are_not_those_that_wait_for_workers():
    assert service._quick_threads() is not service._slow_threads(service._QUICK)


class Dying:
    """A process that dies of the second row that it is sent, each time."""

    def ask_each(self, request, count, deadline):
        rows = json.loads(request)["rows"]
        assert count == len(rows)
        yield [deadline, rows[0]]
        if count > 1:
            raise WorkerError("it died")


@pytest.mark.parametrize(
    ("brief", "undecided"),
    [(True, Decision(Outcome.UNGRADABLE, None, has_answer=False)), (False, None)],
)
def test_a_row_of_which_a_process_dies_is_undecided_and_no_other_row(brief, undecided):
    idle = SimpleQueue()
    idle.put(Dying())
    first, died, third, other, last = judge_chunk(idle, [1, 2, 3, 4, 5], 1.0, brief=brief)
    assert [row[1] for row in (first, third, last)] == [1, 3, 5]
    for one in (died, other):
        assert (
            one == undecided if brief else (one["outcome"], one["rule"]) == ("ungradable", "worker")
        )
    assert idle.get_nowait() is not None
