"""Rewards stored with the samples of a run: a reward model judges the steps of each, once.

Then `best@K` and `vote@K` are metrics of the run. The same command goes on where it was left; a
sample that is added later is scored by it alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mathreason_eval.errors import IncompleteRunError, RunError, UnknownNameError, raise_faults
from mathreason_eval.models import NamedModel
from mathreason_eval.models.base import Completion, Failure, Model, Request
from mathreason_eval.pipeline.grading import summarized
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.runs.keys import model_identity
from mathreason_eval.runs.manifest import describe_model
from mathreason_eval.runs.reading import SampleKey
from mathreason_eval.runs.store import Run, find_folder, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.steps import scores_of
from mathreason_eval.text import counted
from mathreason_eval.types import Generation, Message, Prompt, Sampling, StepRewards

Scores = Sequence[float]

COMBINATIONS: Mapping[str, Callable[[Scores], float]] = MappingProxyType(
    {
        "min": min,
        "product": math.prod,
        "last": lambda scores: scores[-1],
        "mean": lambda scores: math.fsum(scores) / len(scores),
    }
)
"""How the scores of a solution's steps become its reward: the least of them (Wang et al. 2024,
Math-Shepherd, section 3.4), their product (Lightman et al. 2023, Let's Verify Step by Step,
section 2.6), that of the last, which is what an outcome reward model says, or their mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreRequest:
    """What scores the samples, and how."""

    opener: NamedModel
    combine: str = "min"
    """A name of `COMBINATIONS`."""
    tasks: tuple[str, ...] = ()
    """Only these; none: all."""
    again: bool = False
    """Whether rewards by another model, or combined otherwise, are removed first."""
    tasks_dirs: tuple[Path, ...] = ()


def score(
    path: Path,
    asked: ScoreRequest,
    *,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
    stop: Stop | None = None,
) -> Run:
    """Have a reward model judge the samples of a run; return the run with its new metrics.

    Args:
        path: a run folder, or a folder with a single run.
        asked: the model, and what it judges.
        watch: is called with the number of samples that are scored, and of those that will be.
        stop: ends it early; what was scored is stored.

    Raises:
        UnknownNameError: if there is no such task, or no such combination.
        RunError: if there are rewards by another model.
        IncompleteRunError: if samples could not be scored; the rest is stored.
        UserError: if the model cannot be opened.
    """
    if asked.combine not in COMBINATIONS:
        raise UnknownNameError("way to combine steps", asked.combine, COMBINATIONS)
    folder = find_folder(path)
    tasks = _tasks(load_run(folder), asked.tasks)
    raise_faults(asked.opener.check().faults)
    with RunWriter(folder) as writer, closing(asked.opener()) as model:
        scorer = _Scorer(model, asked.combine, writer)
        for task in tasks:
            _make_room(load_run(folder), task, scorer.by, writer, again=asked.again)
        run = load_run(folder)
        scorer.score(run, tasks, watch, stop or Stop())
        for task in tasks:
            run = summarized(load_run(folder), task, writer, asked.tasks_dirs)
    scorer.report_failures()
    return run


def _tasks(run: Run, asked: Sequence[str]) -> tuple[str, ...]:
    for task in asked:
        if task not in run.tasks():
            raise UnknownNameError(f"task of {run.path}", task, run.tasks())
    return tuple(asked) or run.tasks()


def _make_room(run: Run, task: str, by: str, writer: RunWriter, *, again: bool) -> None:
    """Remove rewards by another model, if that was asked for.

    Raises:
        RunError: there are some, and it was not.
    """
    if again:
        writer.remove_rewards(task)
        return
    other = next((one.by for one in run.rewards(task).values() if one.by != by), None)
    if other is not None:
        raise RunError(
            f"{run.path}/{task} has rewards by {other}, and these would be by {by}.",
            "--again removes them; or score a copy of the folder.",
        )


class _Scorer:
    """Asks a reward model, and stores what it says."""

    def __init__(self, model: Model, combine: str, writer: RunWriter) -> None:
        self._model = model
        self._combine = COMBINATIONS[combine]
        self._writer = writer
        self.by = _by(model, combine)
        self._failures: list[Failure] = []
        self._done = 0
        """Samples that were scored, or could not be."""
        self._digests: dict[tuple[str, SampleKey], str] = {}
        """Of the samples that the model is judging."""

    def score(
        self, run: Run, tasks: Sequence[str], watch: Callable[[int, int], None], stop: Stop
    ) -> None:
        """Score the samples of some tasks that are not scored."""
        pending = {task: _unscored(run, task) for task in tasks}
        number = sum(map(len, pending.values()))
        watch(0, number)
        requests = stop.until(self._requests(run, pending))
        with stop.heeding(), closing(self._model.stream(requests)) as results:  # type: ignore[type-var]
            for result in results:
                self._take(result)
                watch(self._done, number)
        watch(self._done, number)

    def report_failures(self) -> None:
        """Raise an error if samples could not be scored.

        Raises:
            IncompleteRunError: if so.
        """
        if not self._failures:
            return
        kinds = Counter(one.kind for one in self._failures)
        first = self._failures[0]
        raise IncompleteRunError(
            f"{counted(len(self._failures), 'sample')} could not be scored "
            f"({', '.join(f'{n:,} {kind}' for kind, n in kinds.most_common())}); the first, "
            f"{first.request.problem_id} sample {first.request.sample}: {first.reason}",
            f"{first.hint} The rest is stored; the same command goes on.".strip(),
        )

    def _requests(self, run: Run, pending: Mapping[str, set[SampleKey]]) -> Iterator[Request]:
        """Yield a request for each sample that has steps; the others are stored as they pass."""
        for task, keys in pending.items():
            questions = {one.id: one.question for one in run.problems(task)}
            for sample in run.stream(task):
                key = (sample.problem_id, sample.sample)
                if key not in keys:
                    continue
                keys.discard(key)
                self._digests[task, key] = sample.texts_digest.hex()
                if steps := steps_in(sample):
                    yield _request(task, questions[sample.problem_id], sample, steps)
                else:
                    self._store(task, key, ())

    def _take(self, result: Completion | Failure) -> None:
        request = result.request
        if isinstance(result, Failure):
            self._fail(result)
            return
        scores, steps = scores_of(result.text.partition("\n")[0]), len(request.prompt.messages) - 1
        if scores is None or len(scores) != steps or not all(map(math.isfinite, scores)):
            said = f"{counted(steps, 'step')}: {result.text[:_SHOWN]!r}"
            self._fail(
                Failure(
                    request=request,
                    kind="no scores",
                    reason=f"the model gave no score for each of {said}",
                    hint="A reward model is opened as prm:FOLDER.",
                )
            )
            return
        self._store(request.task, (request.problem_id, request.sample), scores)

    def _fail(self, failure: Failure) -> None:
        self._failures.append(failure)
        self._done += 1

    def _store(self, task: str, key: SampleKey, scores: Scores) -> None:
        rewards = StepRewards(
            problem_id=key[0],
            sample=key[1],
            texts_digest=self._digests.pop((task, key)),
            by=self.by,
            scores=tuple(scores),
            reward=self._combine(scores) if scores else 0.0,
        )
        self._writer.append_rewards(task, rewards)
        self._done += 1


_SHOWN = 80
"""Characters of an answer without scores that are repeated."""


def _by(model: Model, combine: str) -> str:
    """Return the name of what scores, with a digest of all that identifies it."""
    identity = model_identity(describe_model(model.name, model.describe()))
    spelled = json.dumps(identity, sort_keys=True, default=str)
    return f"{model.name} · {combine} · {hashlib.sha256(spelled.encode()).hexdigest()[:12]}"


def _unscored(run: Run, task: str) -> set[SampleKey]:
    """Return the samples of a task that have no reward of their texts."""
    rewards = run.rewards(task)
    return {
        key
        for key, info in run.distinct_infos(task).items()
        if key not in rewards or rewards[key].texts_digest != info.texts_digest.hex()
    }


_BLANK = re.compile(r"\n[ \t\r]*\n\s*")


def steps_in(sample: Generation) -> list[str]:
    """Return the steps of a sample's answer: its paragraphs, as reward models are trained on."""
    return [step for part in _BLANK.split(sample.text) if (step := part.strip())]


def _request(task: str, question: str, sample: Generation, steps: Sequence[str]) -> Request:
    user = Message(role="user", content=question)
    return Request(
        task=task,
        problem_id=sample.problem_id,
        sample=sample.sample,
        prompt=Prompt(
            messages=(user, *(Message(role="assistant", content=step) for step in steps))
        ),
        sampling=Sampling(temperature=0.0, top_p=1.0, max_tokens=_MAX_TOKENS),
        seed=0,
        key=sample.key,
    )


_MAX_TOKENS = 1024
"""A reward model writes none."""
