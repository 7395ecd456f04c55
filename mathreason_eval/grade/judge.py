"""From a model's text to a verdict: find the answer, compare it, and say why."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from mathreason_eval.errors import UserError
from mathreason_eval.extract import WEAK_RULES, extract
from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.graders import FAILED, failed, grader_for, vote_key
from mathreason_eval.grade.workers import ProcessOwner, WorkerError, WorkerPool
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.steps.checker import first_false_statement
from mathreason_eval.text.thinking import split_thinking
from mathreason_eval.types import Generation, Match, Measure, Outcome, Problem, Unit, Verdict

GRADER_VERSION = "7"
"""Rises whenever a verdict could change; part of every manifest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeOptions:
    """How answers are found and judged."""

    extract: tuple[str, ...]
    """Extraction rules, strictest first."""
    grader: str = "math"
    """By name, or by file where it is a task's own: `/…/task.py:parity`."""
    second: str | None = None
    """A second grader, whose outcome is recorded with the verdict of the first."""
    convention: Convention = DEFAULT
    check_steps: bool = False
    """Whether the steps that lead to a correct answer are checked as well."""


OUTCOMES = {True: Outcome.CORRECT, False: Outcome.WRONG, None: Outcome.UNGRADABLE}
"""By whether an answer equals a gold."""

_CACHED = 100_000
"""Judgements that are cached: the samples of one problem repeat their answers."""
_CACHED_LENGTH = 2_000
"""Characters of an answer whose judgement is cached."""
_ASKED_LENGTH = 20_000
"""Characters of a gold and an answer that a worker is asked about; none longer is ever equal."""
_WORKER = "worker"
"""The rule of a judgement for which a worker had no time, or on which it died."""

CacheKey = tuple[str, Convention, str, str]
"""(grader, convention, gold, answer): the key of a cached judgement."""


class Judge(ProcessOwner):
    """Judges samples from any thread. A context manager that owns worker processes.

    A forked process may go on using its copy: it has workers of its own.
    """

    def __init__(self, *, workers: int = WORKERS, deadline: float = DEADLINE) -> None:
        """Make a judge; its processes start when the first answer needs them.

        Args:
            workers: processes for answers that need computer algebra.
            deadline: seconds of computer algebra for one answer; a later one is undecided.
        """
        self._pool = WorkerPool(workers)
        self._deadline = deadline
        self._cache: OrderedDict[CacheKey, Match] = OrderedDict()
        self._lock = threading.Lock()
        super().__init__()

    def renew(self) -> None:
        """Replace the lock in a forked child; the pool renews its processes itself."""
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the worker processes now, for a caller who is sure to need them."""
        self._pool.start()

    def close(self) -> None:
        """Kill the worker processes."""
        self._pool.close()

    def verdict(self, problem: Problem, generation: Generation, options: JudgeOptions) -> Verdict:
        """Return the verdict on a sample.

        Args:
            problem: with the accepted answers.
            generation: the sample, its thinking split off.
            options: those of its task.

        Raises:
            UnknownNameError: if a rule or a grader is not known.
        """
        first, _ = _guarded(partial(self._first, problem.gold, generation, options))
        second = None
        if options.second is not None:
            judge = partial(self._judged, problem.gold, generation, options, options.second)
            second = _guarded(judge)[0].outcome
        return Verdict.of(first, generation.problem_id, generation.sample, second)

    def match_output(
        self, golds: Sequence[str], generation: Generation, options: JudgeOptions
    ) -> Match:
        """Return whether the answer in a text equals any of the golds, and where it was found.

        Raises:
            UnknownNameError: if a rule or a grader is not known.
        """
        found, seconds = _guarded(partial(self._first, golds, generation, options))
        return replace(found, seconds=seconds)

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
        outcome = OUTCOMES[found.equal]
        return replace(found, answer=answer, outcome=outcome, seconds=seconds)

    # Below: a match and the seconds of work it took, in which waiting for a worker is not counted.

    def _first(
        self, golds: Sequence[str], generation: Generation, options: JudgeOptions
    ) -> tuple[Match, float]:
        """Judge by the task's own grader, with everything that metrics need."""
        match, seconds = self._judged(golds, generation, options, options.grader)
        began = time.perf_counter()
        if options.check_steps and match.outcome is Outcome.CORRECT:
            match = _with_steps(match, generation.text)
        elif match.answer is not None and match.outcome is not Outcome.CORRECT:
            # A majority vote will need this key. An answer that has none fails here, where it
            # costs one verdict, and not in the metrics, where it would cost all of them.
            vote_key(options.grader)(match.answer)
        return match, seconds + time.perf_counter() - began

    def _judged(
        self, golds: Sequence[str], generation: Generation, options: JudgeOptions, name: str
    ) -> tuple[Match, float]:
        began = time.perf_counter()
        thought = split_thinking(generation.text)
        # Also where a server split off the thinking and nothing followed it.
        if not thought.finished or (generation.reasoning and not generation.text.strip()):
            return _unanswered(Outcome.TRUNCATED, "the thinking never ended"), 0.0
        grader = grader_for(name)
        if grader.find is None:
            answer = extract(thought.text, options.extract)
        else:
            answer = grader.find(thought.text)
        seconds = time.perf_counter() - began
        cut = generation.finish_reason == "length"
        if cut and (answer is None or answer.rule in WEAK_RULES):
            return _unanswered(Outcome.TRUNCATED, "stopped by length before an answer"), seconds
        if answer is None:
            return _unanswered(Outcome.NO_ANSWER, "no rule found an answer"), seconds
        match, more = self._best(golds, answer.text, name, options.convention)
        # The answer's text ends where the generation ends.
        offset = len(generation.text) - len(thought.text)
        found = replace(
            match,
            answer=answer.text,
            span=(answer.span[0] + offset, answer.span[1] + offset),
            found_by=answer.rule,
            outcome=OUTCOMES[match.equal],
        )
        return found, seconds + more

    def _best(
        self, golds: Sequence[str], answer: str, grader: str, convention: Convention
    ) -> tuple[Match, float]:
        """Judge by all golds: equal to any, else undecided on any, else different."""
        undecided = different = None
        seconds = 0.0
        for gold in golds:
            key = (grader, convention, gold, answer)
            found, took = self._cached(key, self._deadline - seconds)
            seconds += took
            if found.equal:
                return found, seconds
            if found.equal is None:
                undecided = undecided or found
            else:
                different = different or found
        best = undecided or different
        assert best is not None, "a problem has at least one gold"
        return best, seconds

    def _cached(self, key: CacheKey, left: float) -> tuple[Match, float]:
        with self._lock:
            if key in self._cache:
                return self._cache[key], 0.0
        # Where one gold cannot be compared, another may still be equal.
        found, seconds = _guarded(partial(self._compared, key, left))
        # A failure may be temporary, as of memory; any other judgement is repeatable.
        if len(key[-1]) <= _CACHED_LENGTH and found.rule not in {_WORKER, FAILED}:
            with self._lock:
                self._cache[key] = found
                if len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)
        return found, seconds

    def _compared(self, key: CacheKey, left: float) -> tuple[Match, float]:
        name, convention, gold, answer = key
        grader = grader_for(name)
        began = time.perf_counter()
        found = grader.compare(gold, answer, convention)
        seconds = time.perf_counter() - began
        if found.equal is None and grader.slow is not None:
            found, took = self._ask(key, left, outside=grader.outside is not None)
            seconds += took
        _check_measures(found, grader.measures)
        return found, seconds

    def _ask(self, key: CacheKey, left: float, *, outside: bool) -> tuple[Match, float]:
        grader, convention, gold, answer = key
        if not outside and len(gold) + len(answer) > _ASKED_LENGTH:
            return Match(equal=None, rule="undecided", note="too long for computer algebra"), 0.0
        if left <= 0:
            return Match(equal=None, rule=_WORKER, note="no time was left for this gold"), 0.0
        first = {"grader": grader}
        request = {**first, "gold": gold, "answer": answer, "convention": asdict(convention)}
        try:
            found, seconds = self._pool.ask(request, left, first if outside else None)
        except WorkerError as error:
            return Match(equal=None, rule=_WORKER, note=f"the grader died: {error}"), left
        return Match(**found), seconds


def _guarded(work: Callable[[], tuple[Match, float]]) -> tuple[Match, float]:
    """Return a judgement and the seconds it took; a failed one if the work raises an error.

    Raises:
        UserError: as `work` raises it: it concerns more than this sample.
    """
    began = time.perf_counter()
    try:
        return work()
    except UserError:
        raise
    # A grader, a rule or a key may be anybody's code. What it raises, out of memory and too deep a
    # recursion included, makes this sample ungradable and no other; so does leaving.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return failed(error), time.perf_counter() - began


def _check_measures(found: Match, declared: Sequence[Measure]) -> None:
    """Raise a ValueError if a measure is not finite, or is declared a share and none."""
    shares = {measure.name for measure in declared if measure.unit is Unit.SHARE}
    for name, value in found.measures.items():
        if not math.isfinite(value) or (name in shares and not 0 <= value <= 1):
            raise ValueError(f"its measure {name} is {value}")


def _unanswered(outcome: Outcome, note: str) -> Match:
    return Match(equal=False, rule="none", note=note, outcome=outcome)


_STEPS_LENGTH = 10_000
"""Characters before an answer in which steps are looked for."""


def _with_steps(match: Match, text: str) -> Match:
    """Return the match of a correct answer with `false_step`: 1 if an equation before it is false.

    The measure does not cover steps that write no equation.
    """
    end = len(text) if match.span is None else match.span[1]
    found = first_false_statement(text[max(0, end - _STEPS_LENGTH) : end])
    measures = {**match.measures, "false_step": float(found is not None)}
    note = match.note if found is None else f"{match.note}; but on the way {found.reason}"
    return replace(match, note=note, measures=measures)
