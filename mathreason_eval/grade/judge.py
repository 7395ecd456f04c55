"""From a model's text to a verdict: find the answer, compare it, and say why."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from types import TracebackType
from typing import Any, Self

from mathreason_eval.errors import UserError
from mathreason_eval.extract import WEAK_RULES, extract
from mathreason_eval.grade.graders import Grader, grader_named
from mathreason_eval.grade.worker import WorkerError, WorkerPool
from mathreason_eval.thinking import split_thinking
from mathreason_eval.types import Answer, Generation, Match, Outcome, Problem, Verdict

GRADER_VERSION = "1"
"""Rises whenever a verdict could change; part of every manifest."""

_CACHED = 100_000
"""Judgements that are remembered: n samples of a problem repeat their answers."""


class Judge:
    """Judges samples from any thread. A context manager that owns worker processes."""

    def __init__(self, *, workers: int = 2, deadline: float = 5.0) -> None:
        """Make a judge; its processes start when the first answer needs them.

        Args:
            workers: processes for answers that need computer algebra.
            deadline: seconds for one of them; a later one is undecided.
        """
        self._pool = WorkerPool(workers)
        self._deadline = deadline
        self._known: OrderedDict[tuple[str, str, str], Match] = OrderedDict()
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

    def close(self) -> None:
        """Kill the worker processes."""
        self._pool.close()

    def verdict(
        self, problem: Problem, generation: Generation, *, extract: Sequence[str], grader: str
    ) -> Verdict:
        """Return what became of a sample.

        Args:
            problem: with the accepted answers.
            generation: the sample, its thinking split off.
            extract: extraction rules, strictest first.
            grader: the grader's name.

        Raises:
            UnknownNameError: if a rule or the grader is not known.
        """
        how = grader_named(grader)
        thought = split_thinking(generation.text)
        if not thought.finished or (generation.reasoning and not generation.text.strip()):
            return _unanswered(generation, Outcome.TRUNCATED, "the thinking never ended")
        offset = len(generation.text) - len(thought.text)
        answer = _find(thought.text, how, extract)
        cut = generation.finish_reason == "length"
        if cut and (answer is None or answer.rule in WEAK_RULES):
            note = "stopped by length before an answer"
            return _unanswered(generation, Outcome.TRUNCATED, note)
        if answer is None:
            return _unanswered(generation, Outcome.NO_ANSWER, "no rule found an answer")
        match = self.match(problem.gold, answer.text, grader)
        outcome = _OUTCOMES[match.equal]
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
        )

    def match(self, golds: Sequence[str], answer: str, grader: str) -> Match:
        """Return whether an answer equals any of the golds; undecided only if none is equal.

        Raises:
            UnknownNameError: if the grader is not known.
        """
        began = time.perf_counter()
        how = grader_named(grader)
        undecided = different = None
        for gold in golds:
            found = self._one(gold, answer, grader, how)
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
        return replace(found, answer=answer, seconds=time.perf_counter() - began)

    def _one(self, gold: str, answer: str, grader: str, how: Grader) -> Match:
        key = (grader, gold, answer)
        with self._lock:
            if key in self._known:
                return self._known[key]
        found = how.compare(gold, answer)
        if found.equal is None and how.algebra:
            found = self._ask({"grader": grader, "gold": gold, "answer": answer, "quick": False})
        with self._lock:
            self._known[key] = found
            if len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return found

    def _ask(self, request: dict[str, Any]) -> Match:
        try:
            return Match(**self._pool.ask(request, self._deadline))
        except WorkerError as error:
            return Match(equal=None, rule="worker", note=str(error))


_OUTCOMES = {True: Outcome.CORRECT, False: Outcome.WRONG, None: Outcome.UNGRADABLE}


def _find(text: str, how: Grader, rules: Sequence[str]) -> Answer | None:
    """Return the answer in a text, by a published grader's own way or by the rules."""
    if how.find is None:
        return extract(text, rules)
    found = how.find(text)
    if found is None:
        return None
    start = text.rfind(found)
    return Answer(text=found, rule="published", span=(start, start + len(found)))


def _unanswered(generation: Generation, outcome: Outcome, note: str) -> Verdict:
    return Verdict(
        problem_id=generation.problem_id,
        sample=generation.sample,
        outcome=outcome,
        rule="none",
        note=note,
        score=0.0,
    )


# --- verify ----------------------------------------------------------------------------------


def verify(
    gold: str | Sequence[str],
    answer: str | None = None,
    output: str | None = None,
    *,
    grader: str = "math",
    deadline: float = 5.0,
) -> Match:
    """Return whether an answer, or the answer in a model's output, is the gold.

    Args:
        gold: the right answer, or several of which any is enough.
        answer: an answer, already found.
        output: a model's text; the answer is looked for in it.
        grader: the grader's name.
        deadline: seconds for what needs computer algebra.

    Raises:
        ValueError: unless exactly one of `answer` and `output` is given.
        UnknownNameError: if the grader is not known.
    """
    if (answer is None) == (output is None):
        raise ValueError("Give either an answer or an output.")
    golds = (gold,) if isinstance(gold, str) else tuple(gold)
    return _verify(_default_judge(deadline), golds, answer, output, grader)


@cache
def _default_judge(deadline: float) -> Judge:
    """Return the judge behind `verify`; its worker ends with this process."""
    return Judge(workers=1, deadline=deadline)


def _verify(
    judge: Judge, golds: Sequence[str], answer: str | None, output: str | None, grader: str
) -> Match:
    if output is None:
        assert answer is not None
        match = judge.match(golds, answer, grader)
        return replace(match, outcome=_OUTCOMES[match.equal])
    began = time.perf_counter()
    problem = Problem(id="verify", question="", gold=tuple(golds))
    sample = Generation(problem_id="verify", sample=0, text=output)
    verdict = judge.verdict(problem, sample, extract=grader_named(grader).extract, grader=grader)
    return Match(
        equal=_EQUAL[verdict.outcome],
        rule=verdict.rule,
        note=verdict.note,
        answer=verdict.answer,
        span=verdict.span,
        outcome=verdict.outcome,
        seconds=time.perf_counter() - began,
    )


_EQUAL = {
    Outcome.CORRECT: True,
    Outcome.WRONG: False,
    Outcome.NO_ANSWER: False,
    Outcome.TRUNCATED: False,
    Outcome.UNGRADABLE: None,
}


def verify_rows(
    rows: Iterable[Any], *, workers: int | None = None, deadline: float = 5.0
) -> Iterator[dict[str, Any]]:
    """Yield the judgement of each row, in order; a row that cannot be judged says why.

    Args:
        rows: mappings with `gold` (a text, or a list of which any is enough), either `answer` or
            `output`, and optionally `id` and `grader`.
        workers: how many rows are judged side by side; default: one a processor.
        deadline: seconds for one row that needs computer algebra.
    """
    size = workers or os.cpu_count() or 1
    ahead: deque[Future[dict[str, Any]]] = deque()
    with Judge(workers=size, deadline=deadline) as judge, ThreadPoolExecutor(size) as threads:
        for row in rows:
            ahead.append(threads.submit(_row, judge, row))
            # A few thousand rows ahead keep every worker busy and the memory small.
            if len(ahead) > _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


_AHEAD = 4_000


def _row(judge: Judge, row: object) -> dict[str, Any]:
    identity = row.get("id") if isinstance(row, Mapping) else None
    try:
        match = _verify(judge, *_read_row(row))
    except (UserError, RecursionError, MemoryError) as error:
        match = Match(equal=None, rule="row", note=str(error), outcome=Outcome.UNGRADABLE)
    return {
        "id": identity,
        "equal": match.equal,
        "outcome": str(match.outcome),
        "answer": match.answer,
        "span": match.span,
        "rule": match.rule,
        "note": match.note,
        "seconds": round(match.seconds, 6),
    }


def _read_row(row: object) -> tuple[Sequence[str], str | None, str | None, str]:
    """Return (golds, answer, output, grader) of a row.

    Raises:
        UserError: saying what the row lacks.
    """
    if not isinstance(row, Mapping):
        raise UserError(f"the row is no object: {str(row)[:80]}")
    gold, answer, output = (row.get(name) for name in ("gold", "answer", "output"))
    golds = [gold] if isinstance(gold, str) else gold
    if not isinstance(golds, list) or not golds or not all(isinstance(g, str) for g in golds):
        raise UserError("the row needs gold, a text or a list of texts")
    if not (isinstance(answer, str) ^ isinstance(output, str)):
        raise UserError("the row needs either answer or output, a text")
    grader = row.get("grader", "math")
    grader_named(str(grader))
    return golds, answer, output, str(grader)
