"""From a model's text to a verdict: find the answer, compare it, and say why."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from mathreason_eval.errors import UserError
from mathreason_eval.extract import WEAK_RULES, extract
from mathreason_eval.grade.graders import FAILED, Grader, failed, grader_for, vote_key
from mathreason_eval.grade.workers.forks import renew_after_fork
from mathreason_eval.grade.workers.worker import WorkerError, WorkerPool
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.steps.checker import first_false_statement
from mathreason_eval.text.thinking import split_thinking
from mathreason_eval.types import Answer, Generation, Match, Outcome, Problem, Verdict

GRADER_VERSION = "7"
"""Rises whenever a verdict could change; part of every manifest."""

_CACHED = 100_000
"""Judgements that are remembered: n samples of a problem repeat their answers."""
_CACHED_LENGTH = 2_000
"""Characters of an answer that is remembered."""
_ASKED_LENGTH = 20_000
"""Characters of an answer that a worker is asked about; none that long is proved equal."""


_WORKER = "worker"
"""The rule of a judgement for which a worker had no time, or on which it died."""

Question = tuple[str, Convention, str, str]
"""(grader, convention, gold, answer): what a remembered judgement is known by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judging:
    """How answers are found and judged."""

    extract: tuple[str, ...]
    """Extraction rules, strictest first."""
    grader: str = "math"
    """By name, or by file where it is a task's own: `/…/task.py:parity`."""
    second: str | None = None
    """A grader that is asked beside the first, so that where they differ can be seen."""
    convention: Convention = DEFAULT
    check_steps: bool = False
    """Whether the steps that lead to a right answer are worked out as well."""


class Judge:
    """Judges samples from any thread. A context manager that owns worker processes.

    A forked process may go on using its copy: it has workers of its own.
    """

    def __init__(self, *, workers: int = 2, deadline: float = 5.0) -> None:
        """Make a judge; its processes start when the first answer needs them.

        Args:
            workers: processes for answers that need computer algebra.
            deadline: seconds of computer algebra for one answer; a later one is undecided.
        """
        self._pool = WorkerPool(workers)
        self._deadline = deadline
        self._known: OrderedDict[Question, Match] = OrderedDict()
        self._lock = threading.Lock()
        renew_after_fork(self)

    def renew(self) -> None:
        """Replace the lock: in a forked child, where the thread that held it may be gone."""
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def begin(self) -> None:
        """Start the worker processes now, for a caller who is sure to need them."""
        self._pool.begin()

    def close(self) -> None:
        """Kill the worker processes."""
        self._pool.close()

    def verdict(self, problem: Problem, generation: Generation, how: Judging) -> Verdict:
        """Return what became of a sample.

        Args:
            problem: with the accepted answers.
            generation: the sample, its thinking split off.
            how: the rules of its task.

        Raises:
            UnknownNameError: if a rule or a grader is not known.
        """
        return self.timed_verdict(problem.gold, generation, how)[0]

    def timed_verdict(
        self, golds: Sequence[str], generation: Generation, how: Judging
    ) -> tuple[Verdict, float]:
        """Return a verdict and the seconds of work it took, without waiting for a worker."""
        fail = partial(_failed_sample, generation)
        verdict, seconds = _guarded(partial(self._first, golds, generation, how), fail)
        if how.second is not None:
            judged = partial(self._judged, golds, generation, how, how.second)
            other, more = _guarded(judged, fail)
            verdict, seconds = replace(verdict, second=other.outcome), seconds + more
        return verdict, seconds

    def _first(
        self, golds: Sequence[str], generation: Generation, how: Judging
    ) -> tuple[Verdict, float]:
        """Return the verdict of the task's own grader, with everything that metrics ask of it."""
        verdict, seconds = self._judged(golds, generation, how, how.grader)
        began = time.perf_counter()
        if how.check_steps and verdict.outcome is Outcome.CORRECT:
            verdict = _with_steps(verdict, generation.text)
        elif verdict.answer is not None and verdict.outcome is not Outcome.CORRECT:
            # A majority vote will ask for this key. An answer that has none shows here, where it
            # costs one verdict, and not in the metrics, where it would cost all of them.
            vote_key(how.grader)(verdict.answer)
        return verdict, seconds + time.perf_counter() - began

    def _judged(
        self, golds: Sequence[str], generation: Generation, how: Judging, grader: str
    ) -> tuple[Verdict, float]:
        began = time.perf_counter()
        thought = split_thinking(generation.text)
        if not thought.finished or _only_thought(generation):
            return _unanswered(generation, Outcome.TRUNCATED, "the thinking never ended"), 0.0
        answer = _find(thought.text, grader_for(grader), how.extract)
        seconds = time.perf_counter() - began
        cut = generation.finish_reason == "length"
        if cut and (answer is None or answer.rule in WEAK_RULES):
            note = "stopped by length before an answer"
            return _unanswered(generation, Outcome.TRUNCATED, note), seconds
        if answer is None:
            note = "no rule found an answer"
            return _unanswered(generation, Outcome.NO_ANSWER, note), seconds
        match, more = self._best(golds, answer.text, grader, how.convention)
        # The answer's text ends where the generation ends.
        offset = len(generation.text) - len(thought.text)
        return _answered(generation, answer, match, offset), seconds + more

    def match(
        self,
        golds: Sequence[str],
        answer: str,
        grader: str = "math",
        convention: Convention = DEFAULT,
    ) -> Match:
        """Return whether an answer equals any of the golds; different only if it equals none.

        Raises:
            UnknownNameError: if the grader is not known.
        """
        grader_for(grader)
        found, seconds = self._best(golds, answer, grader, convention)
        return replace(found, answer=answer, seconds=seconds)

    def _best(
        self, golds: Sequence[str], answer: str, grader: str, convention: Convention
    ) -> tuple[Match, float]:
        """Return the judgement that counts of all golds, and the seconds of work it took."""
        undecided = different = None
        seconds = 0.0
        for gold in golds:
            question = (grader, convention, gold, answer)
            found, took = self._one(question, self._deadline - seconds)
            seconds += took
            if found.equal:
                break
            if found.equal is None:
                undecided = undecided or found
            else:
                different = different or found
        else:
            best = undecided or different
            assert best is not None, "a problem has at least one gold"
            found = best
        return found, seconds

    def _one(self, question: Question, left: float) -> tuple[Match, float]:
        """Return the judgement of one gold, and the seconds of work it took."""
        with self._lock:
            if question in self._known:
                return self._known[question], 0.0
        # Where one gold cannot be compared, another may still be equal.
        found, seconds = _guarded(partial(self._compared, question, left), failed)
        # A failure may be this moment's alone, as of memory; a judgement is for good.
        if len(question[-1]) <= _CACHED_LENGTH and found.rule not in {_WORKER, FAILED}:
            with self._lock:
                self._known[question] = found
                if len(self._known) > _CACHED:
                    self._known.popitem(last=False)
        return found, seconds

    def _compared(self, question: Question, left: float) -> tuple[Match, float]:
        grader, convention, gold, answer = question
        how = grader_for(grader)
        began = time.perf_counter()
        found = how.compare(gold, answer, convention)
        seconds = time.perf_counter() - began
        if found.equal is None and how.slow is not None:
            found, took = self._ask(question, left, outside=how.outside is not None)
            seconds += took
        return found, seconds

    def _ask(self, question: Question, left: float, *, outside: bool) -> tuple[Match, float]:
        grader, convention, gold, answer = question
        if not outside and len(gold) + len(answer) > _ASKED_LENGTH:
            return Match(equal=None, rule="undecided", note="too long for computer algebra"), 0.0
        if left <= 0:
            return Match(equal=None, rule=_WORKER, note="no time was left for this gold"), 0.0
        request = {
            "grader": grader,
            "gold": gold,
            "answer": answer,
            "convention": asdict(convention),
        }
        try:
            first = {"grader": grader} if outside else None
            said, seconds = self._pool.ask(request, left, first)
        except WorkerError as error:
            return Match(equal=None, rule=_WORKER, note=f"the grader died: {error}"), left
        return Match(**said), seconds


JudgementT = TypeVar("JudgementT")


def _guarded(
    work: Callable[[], tuple[JudgementT, float]], fail: Callable[[Exception], JudgementT]
) -> tuple[JudgementT, float]:
    """Return a judgement and the seconds it took; what `fail` makes of an error if it raises.

    Raises:
        UserError: as `work` raises it: it concerns more than this sample.
    """
    began = time.perf_counter()
    try:
        return work()
    except UserError:
        raise
    # A grader, a rule or a key is anybody's code. What it raises, out of memory and too deep a
    # recursion included, makes this sample ungradable and no other.
    except Exception as error:  # noqa: BLE001
        return fail(error), time.perf_counter() - began


def _failed_sample(generation: Generation, error: Exception) -> Verdict:
    """Return the verdict of a sample in which no answer could be found, or none that can vote."""
    match = failed(error)
    return replace(_unanswered(generation, Outcome.UNGRADABLE, match.note), rule=match.rule)


_STEPS_READ = 10_000
"""Characters before an answer in which steps are looked for."""


def _with_steps(verdict: Verdict, text: str) -> Verdict:
    """Return the verdict of a right answer with `false_step`: 1 if an equation before it is false.

    The measure says nothing of steps that write no equation.
    """
    end = len(text) if verdict.span is None else verdict.span[1]
    found = first_false_statement(text[max(0, end - _STEPS_READ) : end])
    if found is None:
        return replace(verdict, measures={**verdict.measures, "false_step": 0.0})
    note = f"{verdict.note}; but on the way {found.reason}"
    return replace(verdict, note=note, measures={**verdict.measures, "false_step": 1.0})


OUTCOMES = {True: Outcome.CORRECT, False: Outcome.WRONG, None: Outcome.UNGRADABLE}


def _only_thought(generation: Generation) -> bool:
    """Return whether a server split off a thought and nothing came after it."""
    return bool(generation.reasoning) and not generation.text.strip()


def _find(text: str, how: Grader, rules: Sequence[str]) -> Answer | None:
    """Return the answer in a text, by a published grader's own way or by the rules."""
    return extract(text, rules) if how.find is None else how.find(text)


def _answered(generation: Generation, answer: Answer, match: Match, offset: int) -> Verdict:
    outcome = OUTCOMES[match.equal]
    return Verdict(
        problem_id=generation.problem_id,
        sample=generation.sample,
        outcome=outcome,
        answer=answer.text,
        span=(answer.span[0] + offset, answer.span[1] + offset),
        found_by=answer.rule,
        rule=match.rule,
        note=match.note,
        score=float(outcome is Outcome.CORRECT),
        measures=match.measures,
    )


def _unanswered(generation: Generation, outcome: Outcome, note: str) -> Verdict:
    return Verdict(
        problem_id=generation.problem_id,
        sample=generation.sample,
        outcome=outcome,
        rule="none",
        note=note,
        score=0.0,
    )
