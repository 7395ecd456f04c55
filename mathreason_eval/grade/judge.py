"""From a model's text to a verdict: extract the answer, compare it, and record why."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from mathreason_eval.errors import UserError
from mathreason_eval.extract import extract
from mathreason_eval.extract.marked import BOXES, distinct_boxes
from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.graders import FAILED, failed, grader_for, vote_key
from mathreason_eval.grade.workers import ProcessOwner, WorkerError, WorkerPool
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.steps.checker import first_false_statement
from mathreason_eval.text.thinking import opens_in_prose, split_thinking
from mathreason_eval.types import (
    NOT_CLAIMED,
    WEAK_RULES,
    Generation,
    Match,
    Measure,
    Outcome,
    Problem,
    Unit,
    Verdict,
)

GRADER_VERSION = "13"
"""Rises whenever a verdict could change; recorded in every manifest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeOptions:
    """How answers are extracted and graded."""

    extract: tuple[str, ...]
    """Extraction rules, strictest first."""
    grader: str = "math"
    """The grader's name, or its file if it is a task's own: `/…/task.py:parity`."""
    second: str | None = None
    """A second grader, whose outcome is recorded with the first one's verdict."""
    convention: Convention = DEFAULT
    check_steps: bool = False
    """Whether the steps before a correct answer are checked as well."""


def needs_worker(options: JudgeOptions) -> bool:
    """Return whether an answer may have to be decided in a worker process.

    Raises:
        UnknownNameError: if a grader is not known.
    """
    graders = filter(None, (options.grader, options.second))
    return any(grader_for(name).slow is not None for name in graders)


OUTCOMES = {True: Outcome.CORRECT, False: Outcome.WRONG, None: Outcome.UNGRADABLE}
"""The outcome by `Match.equal`."""

_CACHED = 100_000
"""Maximum number of cached judgements: samples of one problem repeat answers."""
_CACHED_LENGTH = 2_000
"""Maximum characters of an answer whose judgement is cached."""
_ASKED_LENGTH = 20_000
"""Maximum characters of gold and answer together for a worker; longer ones are undecided."""
NO_GOLD = "no_gold"
"""The rule of a judgement of an answer to a problem of which no gold is known."""
WORKER = "worker"
"""The rule of a judgement that a worker did not finish in time, or on which it died."""
_TEMPORARY = frozenset({WORKER, FAILED})
"""Rules of judgements that another try may decide."""


def is_settled(verdict: Verdict) -> bool:
    """Return whether a verdict would be the same again; a failure may be temporary, as of memory.

    A second grader's failure is told by its outcome alone.
    """
    return verdict.rule not in _TEMPORARY and verdict.second is not Outcome.UNGRADABLE


CacheKey = tuple[str, Convention, str, str]
"""(grader, convention, gold, answer): the key of a cached judgement."""


class Judge(ProcessOwner):
    """Judges samples from any thread. A context manager that owns worker processes.

    A forked process may use its copy: the copy gets its own workers.
    """

    def __init__(self, *, workers: int = WORKERS, deadline: float = DEADLINE) -> None:
        """Make a judge; its processes start when the first answer needs them.

        Args:
            workers: processes for answers that need computer algebra; with 0 these are undecided,
                by the rule `WORKER`.
            deadline: maximum seconds of computer algebra for one answer; after that, undecided.
        """
        self._workers = workers
        self._pool = WorkerPool(workers)
        self._deadline = deadline
        self._cache: OrderedDict[CacheKey, Match] = OrderedDict()
        self._lock = threading.Lock()
        super().__init__()

    def renew(self) -> None:
        """Replace the lock in a forked child; the pool replaces its processes itself."""
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the worker processes now, for a caller that will need them."""
        self._pool.start()

    def close(self) -> None:
        """Kill the worker processes."""
        self._pool.close()

    def verdict(
        self,
        problem: Problem,
        generation: Generation,
        options: JudgeOptions,
        *,
        judged_by: str | None = None,
        judged_output: str | None = None,
    ) -> Verdict:
        """Return the verdict on a sample.

        Args:
            problem: the problem, with the accepted answers.
            generation: the sample, with its reasoning split off.
            options: how the task is graded.
            judged_by: what the verdict says of these; see `GradingRules.judged_by`.
            judged_output: what it says of the sample; see `GenerationInfo.output_digest`.

        Raises:
            UnknownNameError: if a rule or a grader is not known.
        """
        first, _ = _guarded(partial(self._voted, problem.gold, generation, options))
        second = None
        if options.second is not None:
            judge = partial(self._judged, problem.gold, generation, options, options.second)
            second = _guarded(judge)[0].outcome
        return Verdict.of(
            first, generation, second, judged_by=judged_by, judged_output=judged_output
        )

    def match_output(
        self, golds: Sequence[str], generation: Generation, options: JudgeOptions
    ) -> Match:
        """Return whether the answer in a text equals any of the golds, and where it was found.

        If a rule or a grader raises an error of its own, the match is undecided.

        Raises:
            UnknownNameError: if a rule or a grader is not known.
        """
        found, seconds = _guarded(partial(self._first, golds, generation, options))
        return found if found.seconds == seconds else replace(found, seconds=seconds)

    def match(
        self,
        golds: Sequence[str],
        answer: str,
        grader: str = "math",
        convention: Convention = DEFAULT,
    ) -> Match:
        """Return whether an answer equals any of the golds: False only if it differs from all.

        Raises:
            UnknownNameError: if the grader is not known.
        """
        grader_for(grader)
        found, seconds = self._best(golds, answer, grader, convention)
        outcome = OUTCOMES[found.equal]
        return replace(found, answer=answer, outcome=outcome, seconds=seconds)

    # The functions below return a match and its seconds of work, without waiting for a worker.

    def _voted(
        self, golds: Sequence[str], generation: Generation, options: JudgeOptions
    ) -> tuple[Match, float]:
        """Return the match by the task's first grader, with everything that metrics need."""
        match, seconds = self._first(golds, generation, options)
        began = time.perf_counter()
        if match.answer is not None and match.outcome is not Outcome.CORRECT:
            # Majority votes need this key. If it cannot be computed, this one verdict fails here,
            # rather than all metrics later.
            vote_key(options.grader)(match.answer)
        return match, seconds + time.perf_counter() - began

    def _first(
        self, golds: Sequence[str], generation: Generation, options: JudgeOptions
    ) -> tuple[Match, float]:
        """Return the match by the task's first grader, and what its measures need."""
        match, seconds = self._judged(golds, generation, options, options.grader)
        if not options.check_steps or match.outcome is not Outcome.CORRECT:
            return match, seconds
        began = time.perf_counter()
        match = _with_steps(match, generation.text)
        return match, seconds + time.perf_counter() - began

    def _judged(
        self, golds: Sequence[str], generation: Generation, options: JudgeOptions, name: str
    ) -> tuple[Match, float]:
        if (note := _no_answer_note(generation)) is not None:
            return _unanswered(Outcome.NO_ANSWER, note), 0.0
        began = time.perf_counter()
        # With the reasoning split off already, a tag in the text is plain text.
        cut = generation.finish_reason == "length"
        thought = split_thinking(generation.text, generation.reasoning, cut=cut)
        if not thought.finished:
            # Who has split it off does not say whether it ended.
            note = (
                "the reasoning never ended"
                if generation.reasoning is None
                else "nothing follows the reasoning, which may not have ended"
            )
            return _unanswered(Outcome.TRUNCATED, note), 0.0
        if generation.finish_reason is None and _may_be_cut(generation):
            note = "a thought that was cut, or an answer: there is no finish reason that tells"
            return _unanswered(Outcome.UNGRADABLE, note), 0.0
        grader = grader_for(name)
        if grader.find is None:
            answer = extract(thought.text, options.extract, grader.accepts)
        else:
            answer = grader.find(thought.text)
        seconds = time.perf_counter() - began
        if cut and (answer is None or answer.rule in WEAK_RULES):
            return _unanswered(Outcome.TRUNCATED, "stopped by length before an answer"), seconds
        if answer is None:
            return _unanswered(Outcome.NO_ANSWER, "no rule found an answer"), seconds
        if answer.doubt:
            match, more = Match(equal=False, rule=NOT_CLAIMED, note=answer.doubt), 0.0
        else:
            match, more = self._best(golds, answer.text, name, options.convention)
        seconds += more
        offset = thought.start
        found = Match(
            equal=match.equal,
            rule=match.rule,
            note=match.note,
            answer=answer.text,
            span=(answer.span[0] + offset, answer.span[1] + offset),
            found_by=answer.rule,
            outcome=OUTCOMES[match.equal],
            seconds=seconds,
            measures=match.measures,
        )
        if answer.rule == "boxed" and (boxes := distinct_boxes(thought.text)) > 1:
            found = replace(found, measures={**found.measures, BOXES: boxes})
        return found, seconds

    def _best(
        self, golds: Sequence[str], answer: str, grader: str, convention: Convention
    ) -> tuple[Match, float]:
        """Return the match over all golds: equal to any, else undecided on any, else different.

        Without any it is undecided.
        """
        if not golds:
            return Match(equal=None, rule=NO_GOLD, note="there is no gold to compare with"), 0.0
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
        assert best is not None, "there is at least one gold"
        return best, seconds

    def _cached(self, key: CacheKey, left: float) -> tuple[Match, float]:
        with self._lock:
            if key in self._cache:
                return self._cache[key], 0.0
        # Where one gold cannot be compared, another may still be equal.
        found, seconds = _guarded(partial(self._compared, key, left))
        if len(key[-1]) <= _CACHED_LENGTH and found.rule not in _TEMPORARY:
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
        if not self._workers:
            return Match(equal=None, rule=WORKER, note="no worker was asked"), 0.0
        if not outside and len(gold) + len(answer) > _ASKED_LENGTH:
            return Match(equal=None, rule="undecided", note="too long for computer algebra"), 0.0
        if left <= 0:
            return Match(equal=None, rule=WORKER, note="no time was left for this gold"), 0.0
        first = {"grader": grader}
        request = {**first, "gold": gold, "answer": answer, "convention": asdict(convention)}
        try:
            found, seconds = self._pool.ask(request, left, first if outside else None)
        except WorkerError as error:
            return Match(equal=None, rule=WORKER, note=f"the grader died: {error}"), left
        return Match(**found), seconds


def _guarded(work: Callable[[], tuple[Match, float]]) -> tuple[Match, float]:
    """Return a match and the seconds it took; an undecided one if the work raises an error.

    Raises:
        UserError: as `work` raises it: it concerns more than this sample.
    """
    began = time.perf_counter()
    try:
        return work()
    except UserError:
        raise
    # A grader, a rule or a key may be external code. Whatever it raises (MemoryError,
    # RecursionError and SystemExit too) makes this one sample ungradable.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return failed(error), time.perf_counter() - began


def _check_measures(found: Match, declared: Sequence[Measure]) -> None:
    """Raise a ValueError if a measure is not finite, or is a fraction outside [0, 1]."""
    shares = {measure.name for measure in declared if measure.unit is Unit.SHARE}
    for name, value in found.measures.items():
        if not math.isfinite(value) or (name in shares and not 0 <= value <= 1):
            raise ValueError(f"its measure {name} is {value}")


def _no_answer_note(generation: Generation) -> str | None:
    """Return why a sample cannot be an answer, whatever its text, or None if it can."""
    if generation.is_refusal:
        return "the model refused, or a content filter ended its text"
    if generation.is_failure:
        return "the request failed, and was accepted as a failure"
    return None


def _may_be_cut(generation: Generation) -> bool:
    """Return whether a text that is an answer if it ended is a thought if it was cut."""
    text, reasoning = generation.text, generation.reasoning
    return opens_in_prose(text) and not split_thinking(text, reasoning, cut=True).finished


def _unanswered(outcome: Outcome, note: str) -> Match:
    return Match(equal=False, rule="none", note=note, outcome=outcome)


_STEPS_LENGTH = 10_000
"""Number of characters before an answer in which steps are searched for."""


def _with_steps(match: Match, text: str) -> Match:
    """Return the match of a correct answer with `false_step`: 1 if an equation before it is false.

    The measure does not cover steps without an equation.
    """
    end = len(text) if match.span is None else match.span[1]
    found = first_false_statement(text[max(0, end - _STEPS_LENGTH) : end])
    measures = {**match.measures, "false_step": float(found is not None)}
    note = match.note if found is None else f"{match.note}; but on the way {found.reason}"
    return replace(match, note=note, measures=measures)
