"""The problems of a task over all its results: how hard they are, and which answers they got."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from mathreason_eval.grade.graders import vote_key, vote_same
from mathreason_eval.site.leaderboard import Column
from mathreason_eval.site.results import NOT_JUDGED, AskedProblem, Result, Shot
from mathreason_eval.types import Outcome, Problem

Classify = Callable[[Sequence[str]], Mapping[str, int]]
"""Maps answers to the numbers of their classes: equivalent answers have the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The samples of one result that gave one answer."""

    place: int
    """The result's place in the task's column."""
    shots: tuple[Shot, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerClass:
    """Equivalent answers to one problem."""

    answer: str | None
    """The answer as most often written; None: no answer."""
    is_gold: bool
    given: tuple[Given, ...]
    """By result, in the order of the column."""
    models: int

    @property
    def samples(self) -> int:
        """Return the number of samples."""
        return sum(len(one.shots) for one in self.given)


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """Strong models agree on another answer than the gold."""

    answer: str
    votes: int
    """Number of strong models that give it."""
    gold_votes: int
    strong: int
    """Number of strong models that were asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemEntry:
    """One problem over all results of its task."""

    problem: Problem
    address: str
    anchor: str
    asked: Mapping[int, AskedProblem]
    """By the result's place in the column."""
    kind: str
    """`never`, `sometimes` or `always` solved, or `not_judged`."""
    share: float
    """The mean over models of the share of judged samples that are correct."""
    classes: tuple[AnswerClass, ...]
    """The answers, the one of most models first."""
    doubt: Doubt | None

    @property
    def alone(self) -> int | None:
        """Return the place of the only model that ever solves it; None if there is no such one."""
        if len(self.asked) == 1:
            return None
        right = (one for one in self.classes if one.is_gold and one.models == 1)
        return next((one.given[0].place for one in right), None)


def problem_entries(column: Column) -> list[ProblemEntry]:
    """Return the problems of a task, the hardest first.

    Problems with the same id and another question or gold are different problems.
    """
    results = [standing.result for standing in column.standings]
    by_address: dict[str, dict[int, AskedProblem]] = {}
    for place, result in enumerate(results):
        for asked in result.problems:
            by_address.setdefault(asked.address, {})[place] = asked
    classify, strong = _classifier(column), strong_models(column)
    entries = [_entry(results, asked, classify, strong) for asked in by_address.values()]
    return sorted(entries, key=lambda entry: (entry.share, entry.address))


def _entry(
    results: Sequence[Result],
    asked: Mapping[int, AskedProblem],
    classify: Classify,
    strong: Sequence[int],
) -> ProblemEntry:
    first = next(iter(asked.values()))
    classes = tuple(_answer_classes(results, asked, classify))
    return ProblemEntry(
        problem=first.problem,
        address=first.address,
        anchor=first.anchor,
        asked=asked,
        kind=_kind(results, asked) if first.problem.gold else NOT_JUDGED,
        share=solved_share((results[place].model, one) for place, one in asked.items()),
        classes=classes,
        doubt=_doubt(classes, [place for place in strong if place in asked]),
    )


def _kind(results: Sequence[Result], asked: Mapping[int, AskedProblem]) -> str:
    return solved(
        sum(one.correct for one in asked.values()),
        sum(one.judged for one in asked.values()),
        sum(results[place].entry.samples for place in asked),
    )


# --- difficulty ------------------------------------------------------------------------------


def solved_share(asked: Iterable[tuple[str, AskedProblem]]) -> float:
    """Return a problem's mean share of correct samples over models; 1 minus it is its difficulty.

    Each model has the same weight, whatever its number of runs and of samples.

    Args:
        asked: (model, the problem in one of its results).
    """
    counts: dict[str, list[int]] = {}
    for model, one in asked:
        if one.judged:
            own = counts.setdefault(model, [0, 0])
            own[0] += one.correct
            own[1] += one.judged
    shares = [correct / judged for correct, judged in counts.values()]
    return math.fsum(shares) / len(shares) if shares else 0.0


def solved(correct: int, judged: int, asked: int) -> str:
    """Return how often a problem was solved; `always` and `never` need every sample's verdict."""
    if correct == judged < asked or not judged:
        return "sometimes" if correct else NOT_JUDGED
    if not correct:
        return "never" if judged == asked else NOT_JUDGED
    return "always" if correct == judged else "sometimes"


# --- classes of answers ----------------------------------------------------------------------

_MOST_COMPARED = 60
"""Maximum number of comparisons of answers in one problem; what is left then stays apart."""


def _classifier(column: Column) -> Classify:
    grader = column.reference.entry.grading.grade
    # Cached, as answers repeat and a key may need algebra.
    key, same = cache(vote_key(grader)), vote_same(grader)

    def classify(answers: Sequence[str]) -> dict[str, int]:
        number: dict[str, int] = {}
        seen: list[tuple[str, str]] = []
        left = _MOST_COMPARED if same is not None else 0
        for answer in answers:
            name = key(answer)
            if name in number:
                continue
            number[name] = len(seen)
            for other, held in seen[:left]:
                left -= 1
                if same is not None and same((name, answer), (other, held)):
                    number[name] = number[other]
                    break
            seen.append((name, answer))
        return {answer: number[key(answer)] for answer in answers}

    return classify


_GOLD, _NONE = -1, -2
"""Numbers of the class of correct answers, and of samples without an answer."""


def _answer_classes(
    results: Sequence[Result], asked: Mapping[int, AskedProblem], classify: Classify
) -> Iterator[AnswerClass]:
    """Yield the classes of a problem's answers; that of the gold, even if empty, is among them.

    A problem without a gold, as an import may have, has no such class.
    """
    shots = [(place, shot) for place, one in asked.items() for shot in one.shots]
    others = (shot.answer for _, shot in shots if shot.state != Outcome.CORRECT)
    number = classify([answer for answer in others if answer is not None])
    gold = next(iter(next(iter(asked.values())).problem.gold), None)
    members: dict[int, dict[int, list[Shot]]] = {} if gold is None else {_GOLD: {}}
    for place, shot in shots:
        members.setdefault(_class_of(shot, number), {}).setdefault(place, []).append(shot)
    classes = [
        AnswerClass(
            answer=gold if key == _GOLD else _spelling(given.values()),
            is_gold=key == _GOLD,
            given=tuple(Given(place=place, shots=tuple(own)) for place, own in given.items()),
            models=len({results[place].model for place in given}),
        )
        for key, given in members.items()
    ]
    # No answer is none: it stands last, whatever its number.
    yield from sorted(
        classes,
        key=lambda one: (one.answer is None, -one.models, -one.samples, not one.is_gold),
    )


def _class_of(shot: Shot, number: Mapping[str, int]) -> int:
    if shot.state == Outcome.CORRECT:
        return _GOLD
    return _NONE if shot.answer is None else number[shot.answer]


def _spelling(given: Iterable[Sequence[Shot]]) -> str | None:
    """Return the most frequent spelling of an answer, the shortest of equals."""
    count = Counter(shot.answer for shots in given for shot in shots)
    spelled = sorted(count, key=lambda answer: (-count[answer], len(answer or ""), answer or ""))
    return spelled[0]


# --- doubtful golds --------------------------------------------------------------------------

_FEWEST_STRONG = 3
"""Number of models without which nobody's agreement says anything of a gold."""
_LEAST_AVERAGE = 0.5
"""The share of correct samples below which a model is not strong, whatever its rank."""


def strong_models(column: Column) -> list[int]:
    """Return the places of the best third of the ranked models, at least three; [] if fewer.

    Each of them is right at least half of the time. Of a model with several results the best one
    counts.
    """
    best: dict[str, int] = {}
    for place, standing in enumerate(column.standings):
        if standing.ranked:
            best.setdefault(standing.result.model, place)
    number = max(_FEWEST_STRONG, -(-len(best) // 3))
    averages = {place: column.standings[place].result.metric() for place in best.values()}
    strong = [
        place
        for place in sorted(averages)[:number]
        if (average := averages[place]) is not None and average.value >= _LEAST_AVERAGE
    ]
    return strong if len(strong) >= _FEWEST_STRONG else []


def _doubt(classes: Sequence[AnswerClass], strong: Sequence[int]) -> Doubt | None:
    """Return the doubt in a gold: three of four strong models give one other answer."""
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    for number, one in enumerate(classes):
        for given in one.given:
            votes[given.place][number] += len(given.shots)
    first = Counter(votes[place].most_common(1)[0][0] for place in strong if votes[place])
    gold_votes = sum(first[number] for number, one in enumerate(classes) if one.is_gold)
    for number, count in first.most_common(1):
        answer = classes[number].answer
        agreed = count >= _FEWEST_STRONG and 4 * count >= 3 * len(strong)
        if agreed and answer is not None and not classes[number].is_gold:
            return Doubt(answer=answer, votes=count, gold_votes=gold_votes, strong=len(strong))
    return None
