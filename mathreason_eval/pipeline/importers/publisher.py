"""What the publisher of imported samples says of them next to our verdicts, and why they differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.pipeline.importers.logs import mapped
from mathreason_eval.runs.store import Run, Sample
from mathreason_eval.types import NOT_CLAIMED, WEAK_RULES, Outcome, Problem, Verdict


class Cause(StrEnum):
    """Why two verdicts on one sample differ."""

    PUBLISHER = "the publisher's error"
    """An answer that the text announces was compared, and the comparison decided."""
    UNDECIDED = "ours undecided"
    """Our grader could not decide."""
    CONVENTION = "convention"
    """The two differ in what counts as an answer: a cut text, one that is not announced or taken
    back, none, or one in another form than the publisher asks for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A sample on which the publisher's verdict and ours differ."""

    task: str
    problem: Problem
    label: bool
    """The publisher's verdict."""
    verdict: Verdict
    """Ours."""
    cause: Cause
    excerpt: str
    """The text around the answer, or its end if there is none."""
    marked: tuple[int, int] | None = None
    """Where the answer is in the excerpt; None if there is none."""
    read: str | None = None
    """What the publisher took for the answer; None: the log does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedScore:
    """One of the publisher's verdicts over a task, and ours on the same samples."""

    task: str
    name: str
    """As the publisher calls it."""
    theirs: float
    """Mean over problems of the mean over samples, in the publisher's unit."""
    ours: float | None
    """Accuracy over the same samples, in [0, 1]; None: no gold of any is known."""
    samples: int
    """Those of which a gold is known; if there are none, all."""
    problems: int
    without_gold: int
    """Samples in neither mean, as no gold is known."""
    is_share: bool
    """Whether all of them are between wrong and right, and not lengths, for instance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublisherReport:
    """A run's samples by the publisher and by us."""

    model: str
    program: str
    """The publisher's program and version."""
    scores: tuple[PublishedScore, ...]
    """The verdict that is compared first, for each task; then the others."""
    differences: tuple[Difference, ...]
    labels: int
    """Samples with a verdict of the publisher that is right or wrong."""
    ours: str
    """Our program and its version."""
    files: Mapping[str, str]
    """The SHA-256 of each file of the log, by its path in the log's folder."""


def report(run: Run) -> PublisherReport:
    """Return what the publisher says of the samples of an import, and what we say."""
    details = run.manifest.model.details
    named = (details.get("harness"), details.get("harness_version"))
    judged = {task: [one for one in run.samples(task) if one.verdict] for task in run.tasks()}
    return PublisherReport(
        model=run.manifest.model.name,
        program=" ".join(str(one) for one in named if one) or "the publisher",
        scores=tuple(one for task in judged for one in _scores(run, task, judged[task])),
        differences=tuple(one for task in judged for one in _differences(run, task, judged[task])),
        labels=sum(one.generation.label is not None for found in judged.values() for one in found),
        ours=f"mathreason-eval {run.manifest.code.mathreason_eval or 'of an unknown version'}",
        files={str(name): str(digest) for name, digest in mapped(details.get("files")).items()},
    )


def differs(sample: Sample) -> bool:
    """Return whether a publisher's verdict differs from ours; without a gold we have none."""
    label, verdict = sample.generation.label, sample.verdict
    if label is None or verdict is None or not sample.problem.gold:
        return False
    return label != (verdict.outcome is Outcome.CORRECT)


def _scores(run: Run, task: str, samples: Sequence[Sample]) -> Iterator[PublishedScore]:
    """Yield the score by each of the publisher's verdicts, the one that is compared first."""
    ours = {_key(one): one for one in samples}
    labels = {
        key: one.generation.label for key, one in ours.items() if one.generation.label is not None
    }
    named: dict[str, dict[tuple[str, int], float | bool]] = defaultdict(dict)
    for said in run.published(task):
        for name, value in said.verdicts.items():
            if (key := (said.problem_id, said.sample)) in ours:
                named[name][key] = value
    compared = Counter(said.compared for said in run.published(task) if said.compared)
    first = next((name for name, _ in compared.most_common(1)), None)
    if labels and first is None:
        named["correct"], first = dict(labels), "correct"
    for name in sorted(named, key=lambda one: (one != first, one)):
        known = {key: value for key, value in named[name].items() if ours[key].problem.gold}
        found = known or named[name]
        yield PublishedScore(
            task=task,
            name=name,
            theirs=_mean({key: float(value) for key, value in found.items()}),
            ours=_mean({key: float(_is_correct(ours[key])) for key in known}) if known else None,
            samples=len(found),
            problems=len({problem for problem, _ in found}),
            without_gold=len(named[name]) - len(known),
            is_share=all(0 <= value <= 1 for value in found.values()),
        )


def _key(sample: Sample) -> tuple[str, int]:
    return sample.generation.problem_id, sample.generation.sample


def _is_correct(sample: Sample) -> bool:
    return sample.verdict is not None and sample.verdict.outcome is Outcome.CORRECT


def _mean(values: Mapping[tuple[str, int], float]) -> float:
    """Return the mean over problems of the mean over samples."""
    of_problem: dict[str, list[float]] = defaultdict(list)
    for (problem, _), value in values.items():
        of_problem[problem].append(value)
    means = [sum(found) / len(found) for found in of_problem.values()]
    return sum(means) / len(means)


def _differences(run: Run, task: str, samples: Sequence[Sample]) -> Iterator[Difference]:
    read = {(said.problem_id, said.sample): said.answer for said in run.published(task)}
    for one in samples:
        label, verdict = one.generation.label, one.verdict
        if verdict is None or label is None or not differs(one):
            continue
        yield Difference(
            task=task,
            problem=one.problem,
            label=label,
            verdict=verdict,
            cause=_cause(verdict, read.get(_key(one))),
            excerpt=_excerpt(one.generation.text, verdict),
            marked=_marked(one.generation.text, verdict),
            read=read.get(_key(one)),
        )


_UNFINISHED = frozenset({Outcome.TRUNCATED, Outcome.NO_ANSWER})


_NONE_READ = frozenset({"", "[invalid]", "none", "null", "n/a"})
"""What programs store if they find no answer in the form that they ask for, in small letters."""


def _cause(verdict: Verdict, read: str | None) -> Cause:
    if verdict.outcome is Outcome.UNGRADABLE:
        return Cause.UNDECIDED
    weak = verdict.found_by in WEAK_RULES or verdict.rule == NOT_CLAIMED
    other_form = read is not None and read.strip().lower() in _NONE_READ
    unfinished = verdict.outcome in _UNFINISHED
    return Cause.CONVENTION if weak or other_form or unfinished else Cause.PUBLISHER


_AROUND = 60
"""Characters of the text on either side of an answer."""


def _marked(text: str, verdict: Verdict) -> tuple[int, int] | None:
    """Return where the answer is in the excerpt of a text."""
    if verdict.span is None or verdict.span[1] > len(text):
        return None
    low = max(0, verdict.span[0] - _AROUND)
    return tuple(place - low + bool(low) for place in verdict.span)  # type: ignore[return-value]


def _excerpt(text: str, verdict: Verdict) -> str:
    start, end = verdict.span or (len(text), len(text))
    low, high = max(0, start - _AROUND), min(len(text), end + _AROUND)
    return f"{'…' if low else ''}{text[low:high]}{'…' if high < len(text) else ''}"
