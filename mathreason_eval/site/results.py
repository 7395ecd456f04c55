"""Results for the site: each task of each run, and its samples with their pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

from mathreason_eval.compare.pairing import metric_name, metric_of, task_run
from mathreason_eval.errors import UserError
from mathreason_eval.runs.addresses import (
    SAMPLES_PER_PAGE,
    model_address,
    problem_address,
    samples_address,
    task_address,
)
from mathreason_eval.runs.completeness import check_stored, excluded_samples, task_metrics
from mathreason_eval.runs.reading import Excluded
from mathreason_eval.runs.store import Run, Sample
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.metrics import DEFAULT_METRIC, PRIMARY, NamedMetric
from mathreason_eval.stats.ranking import RunScores
from mathreason_eval.stats.summary import run_scores
from mathreason_eval.text import page_name
from mathreason_eval.types import (
    Generation,
    Metric,
    Outcome,
    Problem,
    RunManifest,
    TaskEntry,
    Verdict,
)

NOT_JUDGED = "not_judged"
"""The state of a stored sample without a verdict."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """How a sample's state is shown: by a symbol and a word, never by colour alone."""

    glyph: str
    word: str


STATES: Mapping[str, State] = MappingProxyType(
    {
        Outcome.CORRECT: State(glyph="✓", word="correct"),
        Outcome.WRONG: State(glyph="✗", word="wrong"),
        Outcome.NO_ANSWER: State(glyph="∅", word="no answer"),
        Outcome.TRUNCATED: State(glyph="…", word="truncated"),
        Outcome.UNGRADABLE: State(glyph="?", word="ungradable"),
        NOT_JUDGED: State(glyph="·", word="not judged"),
    }
)
"""A sample's state is the outcome of its verdict, or `not_judged`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownSample:
    """One sample and the page that shows it."""

    asked: AskedProblem
    generation: Generation
    verdict: Verdict | None
    page: int
    """The number of its page of samples, from 1."""

    @property
    def state(self) -> str:
        """Return its state, a key of `STATES`."""
        return _state(self.verdict)

    @property
    def anchor(self) -> str:
        """Return its id on its page."""
        return f"{self.asked.anchor}:{self.generation.sample}"


TextRef = tuple[int, int]
"""Where a text is kept: the offset and the number of its bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One sample as the page of its problem shows it: everything but its texts."""

    sample: int
    state: str
    """A key of `STATES`."""
    answer: str | None
    """The answer; None if none was found, or the sample is not judged."""
    rule: str
    note: str
    tokens: int | None
    page: int
    """The number of its page of samples, from 1."""
    text: TextRef | None
    """Where an excerpt of its text is kept; None if there is no room for one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedProblem:
    """One problem of a result: the states of its samples, and the page that shows them."""

    problem: Problem
    anchor: str
    """Its id on pages."""
    address: str
    """Its name in addresses."""
    number: int
    """Its position in the run, from 1."""
    states: Mapping[str, int]
    """The number of its samples in each state."""
    page: int | None
    """The page of its first sample, from 1; None if it has none."""
    shots: tuple[Shot, ...] = ()

    @property
    def judged(self) -> int:
        """Return the number of samples with a verdict."""
        return sum(self.states.values()) - self.states.get(NOT_JUDGED, 0)

    @property
    def correct(self) -> int:
        """Return the number of correct samples."""
        return self.states.get(Outcome.CORRECT, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One task of one run, without its samples."""

    page: str
    """The run's name in addresses."""
    folder: str
    """The name of the run's folder, by which its user knows it."""
    manifest: RunManifest
    task: str
    problems: tuple[AskedProblem, ...]
    states: Mapping[str, int]
    """The number of samples in each state: the five outcomes and not judged."""
    metrics: tuple[Metric, ...]
    scores: Mapping[str, RunScores]
    """The problems' scores, by each metric that results can be ranked by."""
    excluded: Mapping[str, int]
    """How many of the samples that were asked for are excluded, by reason."""
    display: str = ""
    """The name under which the model is shown; empty for its own."""
    exclusions: Excluded = field(default_factory=lambda: Excluded(()), compare=False)
    """Which they are."""

    @property
    def counting(self) -> int:
        """Return the number of its problems without those that are excluded."""
        return sum(one.problem.id not in self.exclusions.problems for one in self.problems)

    @property
    def model(self) -> str:
        """Return the model's name as the user gave it."""
        return self.manifest.model.name

    @property
    def task_page(self) -> str:
        """Return the task's name in addresses."""
        return task_address(self.task)

    @property
    def model_page(self) -> str:
        """Return the model's name in addresses."""
        return model_address(self.manifest.model)

    @property
    def entry(self) -> TaskEntry:
        """Return the manifest's entry for the task."""
        return self.manifest.tasks[self.task]

    @property
    def stored(self) -> int:
        """Return the number of stored samples."""
        return sum(self.states.values())

    @property
    def judged(self) -> int:
        """Return the number of samples with a verdict: the sum of the five outcomes."""
        return self.stored - self.states[NOT_JUDGED]

    @property
    def missing(self) -> int:
        """Return the number of samples that were asked for and are not stored."""
        asked = len(self.problems) * self.entry.samples - sum(self.excluded.values())
        return max(0, asked - self.stored)

    @property
    def complete(self) -> bool:
        """Return whether every sample that was asked for is stored and judged."""
        return not self.missing and self.judged == self.stored

    @property
    def pages(self) -> int:
        """Return the number of its pages of samples."""
        return -(-self.stored // SAMPLES_PER_PAGE)

    def metric(self, name: str = "avg", where: str = WHOLE) -> Metric | None:
        """Return a metric of a slice; None if the run does not have it."""
        return next((m for m in self.metrics if (m.name, m.slice) == (name, where)), None)


def samples_page(result: Result, page: int) -> str:
    """Return the address of a page of samples, from the site's root."""
    return samples_address(result.page, result.task_page, page)


KeepText = Callable[[Sample], TextRef | None]
"""Keeps an excerpt of a sample's text."""


def _no_text(_: Sample) -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What is shown in place of a model's name and of questions."""

    name: str = ""
    """The name; empty for the model's own."""
    withheld: str = ""
    """Why questions are not printed; empty if they are."""

    def problem(self, problem: Problem) -> Problem:
        """Return a problem, without its question if that is not printed.

        A digest stands for the question, so that different ones stay different.
        """
        if not self.withheld:
            return problem
        digest = sha256(problem.question.encode("utf-8", "surrogatepass")).hexdigest()
        question = f"Not printed: {self.withheld}. ({digest[:10]})"
        return replace(problem, question=question, given={})


PLAIN = Shown()


def read_result(
    run: Run, page: str, task: str, keep: KeepText = _no_text, shown: Shown = PLAIN
) -> tuple[Result, tuple[ShownSample, ...]]:
    """Return one task of a run and its samples, in the order of its problems.

    Args:
        run: the run.
        page: its name in addresses.
        task: the task.
        keep: what keeps an excerpt of each sample's text.
        shown: what replaces the model's name and the questions.

    Raises:
        RunError: if what is stored does not fit together.
    """
    check_stored(run, task)
    asked, samples = _in_order(run.problems(task), run.samples(task), keep, shown)
    states = Counter(sample.state for sample in samples)
    result = Result(
        page=page,
        folder=run.path.resolve().name,
        manifest=run.manifest,
        task=task,
        problems=asked,
        states={str(state): states[state] for state in STATES},
        metrics=task_metrics(run, task).metrics,
        scores=_scores(run, task),
        display=shown.name,
        excluded=excluded_samples(run, task),
        exclusions=run.excluded(task),
    )
    return result, samples


def _scores(run: Run, task: str) -> Mapping[str, RunScores]:
    """Return the problems' scores by the task's primary metric and by avg, if they exist."""
    if not run.verdict_columns(task):
        return {}
    entry = run.manifest.tasks[task]
    names = dict.fromkeys((metric_name(PRIMARY, [entry]), DEFAULT_METRIC))
    metrics: list[NamedMetric] = []
    for name in names:
        # The package that has the metric may not be installed here.
        with suppress(UserError):
            metrics.append(metric_of(entry, name))
    items = list(task_run(run, task).items.values())
    scores: dict[str, RunScores] = {}
    for metric in metrics:
        # A metric without data in this run has no scores.
        with suppress(ValueError):
            scores[metric.name] = run_scores(items, metric)
    return scores


def _in_order(
    problems: Sequence[Problem], stored: Iterable[Sample], keep: KeepText, shown_as: Shown
) -> tuple[tuple[AskedProblem, ...], tuple[ShownSample, ...]]:
    """Return (problems in the run's order, samples by problem and index)."""
    by_problem: dict[str, list[Sample]] = {problem.id: [] for problem in problems}
    for one in stored:
        by_problem[one.problem.id].append(one)
    all_asked: list[AskedProblem] = []
    shown: list[ShownSample] = []
    for number, problem in enumerate(problems, 1):
        samples = by_problem[problem.id]
        asked = AskedProblem(
            problem=shown_as.problem(problem),
            anchor=page_name(problem.id),
            address=problem_address(problem),
            number=number,
            states=Counter(_state(sample.verdict) for sample in samples),
            page=len(shown) // SAMPLES_PER_PAGE + 1 if samples else None,
            shots=tuple(
                _shot(sample, place // SAMPLES_PER_PAGE + 1, keep)
                for place, sample in enumerate(samples, len(shown))
            ),
        )
        all_asked.append(asked)
        shown += [
            ShownSample(
                asked=asked,
                generation=sample.generation,
                verdict=sample.verdict,
                page=place // SAMPLES_PER_PAGE + 1,
            )
            for place, sample in enumerate(samples, len(shown))
        ]
    return tuple(all_asked), tuple(shown)


def _shot(sample: Sample, page: int, keep: KeepText) -> Shot:
    generation, verdict = sample.generation, sample.verdict
    return Shot(
        sample=generation.sample,
        state=_state(verdict),
        answer=None if verdict is None else verdict.answer,
        rule="" if verdict is None else verdict.rule,
        note="" if verdict is None else verdict.note,
        tokens=generation.completion_tokens,
        page=page,
        text=keep(sample),
    )


def _state(verdict: Verdict | None) -> str:
    return NOT_JUDGED if verdict is None else str(verdict.outcome)
