"""The run folder as it is read; `writer.py` writes it. Its layout is in `docs/run-format.md`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError, RunError
from mathreason_eval.runs.codec import (
    RecordT,
    gc_paused,
    read_chunks,
    read_lines,
    read_records,
    spelled_prompts,
)
from mathreason_eval.runs.contents import check_contents
from mathreason_eval.runs.keys import SampleKeys, prompt_digests
from mathreason_eval.runs.migration import read_manifest, read_metrics
from mathreason_eval.runs.reading import (
    AskedSamples,
    Excluded,
    SampleKey,
    StoredVerdicts,
    are_on_the_same,
    distinct,
    numbers_that_fit,
    sort_out,
    with_rewards,
    without_excluded,
)
from mathreason_eval.runs.repair import sample_files
from mathreason_eval.stats.columns import SampleColumns, VerdictColumns
from mathreason_eval.stats.copies import Copies, copied_samples
from mathreason_eval.text.notebook import html_table
from mathreason_eval.types import (
    METRIC_HEAD,
    Exclusion,
    FailedRequest,
    Generation,
    GenerationInfo,
    Metric,
    Problem,
    PublishedVerdicts,
    Records,
    RunManifest,
    SentPrompt,
    StepRewards,
    Verdict,
)

MANIFEST = "manifest.json"
METRICS = "metrics.json"


FileKey = tuple[str, type]
"""(task, kind of record) of a file; the task is empty for the metrics, which are the run's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One stored sample with its problem and its verdict."""

    task: str
    problem: Problem
    generation: Generation
    verdict: Verdict | None
    """None if the sample has not been judged."""


class LostRunWarning(UserWarning):
    """A folder among others has lost its manifest."""


class ForeignSampleWarning(UserWarning):
    """A folder contains samples that were made under other conditions than its manifest states."""


class Run:
    """A view of a run folder: each file is read once, when it is first asked for.

    What is written to the folder later is not seen; `load_run` makes a new view. The view keeps
    everything it has read, so a caller that reads many runs should not keep their views.
    """

    def __init__(self, path: Path, manifest: RunManifest) -> None:
        self.path = path
        self.manifest = manifest
        self._read: dict[FileKey, Records[Any]] = {}
        self._with_foreign: set[str] = set()
        """Tasks with stored samples of other conditions."""
        self._samples: dict[str, SampleColumns] = {}
        self._verdicts: dict[str, VerdictColumns] = {}
        self._sorted_out: dict[str, StoredVerdicts] = {}
        self._quick_keys: dict[str, SampleKeys] = {}
        self._distinct: dict[str, Mapping[SampleKey, GenerationInfo]] = {}
        self._copies: dict[str, Copies] = {}
        self._excluded: dict[str, Excluded] = {}

    def updated(
        self, manifest: RunManifest, known: Mapping[FileKey, Iterable[object]] | None = None
    ) -> Run:
        """Return a view of the folder after some files were written, which are not read again.

        Args:
            manifest: the present manifest.
            known: what the files that were written hold; other files are unchanged.
        """
        fresh = Run(self.path, manifest)
        new = {key: Records(records) for key, records in (known or {}).items()}
        texts = {(task, Generation) for task, kind in new if kind is GenerationInfo}
        held = {key: records for key, records in self._read.items() if key not in texts}
        fresh._read = {**held, **new}
        fresh._with_foreign = self._with_foreign
        for task, columns in self._samples.items():
            if (task, GenerationInfo) not in new:
                fresh._samples[task] = columns
        return fresh

    def fresh_view(self) -> Run:
        """Return a view of the same run that reads each file anew; see `Run`."""
        return Run(self.path, self.manifest)

    def tasks(self) -> tuple[str, ...]:
        """Return the names of the run's tasks, in the manifest's order."""
        return tuple(self.manifest.tasks)

    def problems(self, task: str) -> Records[Problem]:
        """Return the problems as asked."""
        return self._records(task, "problems", Problem)

    def generations(self, task: str) -> Records[Generation]:
        """Return every stored sample of this run, in the order in which generation ended.

        Those that were excluded are left out, here and wherever samples or verdicts are. They hold
        all texts, which `infos` does not and `stream` not at once. Samples whose key is that of
        other conditions are left out, with a warning.
        """
        if (task, Generation) not in self._read:
            stored = Records(self._counting(task))
            self._read[task, Generation] = stored
            if task not in self._samples and (task, GenerationInfo) not in self._read:
                self._samples[task] = SampleColumns.of(stored)
        return self._read[task, Generation]

    def sample_columns(self, task: str) -> SampleColumns:
        """Return the samples of `generations` without their texts, a column a field."""
        if task not in self._samples:
            known = self._read.get((task, GenerationInfo))
            self._samples[task] = (
                self._read_columns(task) if known is None else SampleColumns.of(known)
            )
        return self._samples[task]

    def _read_columns(self, task: str) -> SampleColumns:
        excluded, rewards = self.excluded(task), self.rewards(task)
        with gc_paused(), numbers_that_fit(self._samples_file(task)):
            stored = SampleColumns.of_chunks(self._own_chunks(task, as_rows=True))
        return with_rewards(without_excluded(stored, excluded), rewards)

    def infos(self, task: str) -> Records[GenerationInfo]:
        """Return what is known of the samples of `generations` without their texts."""
        if (task, GenerationInfo) not in self._read:
            with gc_paused():
                self._read[task, GenerationInfo] = Records(self.sample_columns(task).infos())
        return self._read[task, GenerationInfo]

    def distinct_infos(self, task: str) -> Mapping[SampleKey, GenerationInfo]:
        """Return `infos` by problem and index; of several lines on one sample the first counts."""
        if task not in self._distinct:
            self._distinct[task] = distinct(self.infos(task))
        return self._distinct[task]

    def stored_infos(self, task: str) -> Iterable[GenerationInfo]:
        """Return what is known of every stored sample of this run, the excluded ones as well."""
        if not (excluded := self.excluded(task)):
            return self.distinct_infos(task).values()
        left_out = (one for one in self.own(task) if (one.problem_id, one.sample) in excluded)
        others = distinct(map(GenerationInfo.of, left_out))
        return (*self.distinct_infos(task).values(), *others.values())

    def copies(self, task: str) -> Copies:
        """Return which samples of a task are copies of one another."""
        if task not in self._copies:
            greedy = self.manifest.sampling.temperature == 0
            self._copies[task] = copied_samples(self.sample_columns(task), greedy=greedy)
        return self._copies[task]

    def stream(self, task: str) -> Iterator[Generation]:
        """Yield the samples of `generations`, read as they pass."""
        return self._counting(task)

    def prompts(self, task: str) -> Records[SentPrompt]:
        """Return the prompt of each problem as sent; empty for imports and earlier formats."""
        return self._records(task, "prompts", SentPrompt)

    def rewards(self, task: str) -> Mapping[SampleKey, StepRewards]:
        """Return what a reward model says of samples; of several lines on one the last counts.

        Raises:
            RunError: if they are of two models, or of one that combined steps in two ways.
        """
        stored = self._records(task, "rewards", StepRewards)
        if len(models := {one.by for one in stored}) > 1:
            raise RunError(
                f"{self.path}/{task} has rewards by {' and by '.join(sorted(models))}.",
                "`mathreason score --again` makes them anew, by one model.",
            )
        return {(one.problem_id, one.sample): one for one in stored}

    def exclusions(self, task: str) -> Records[Exclusion]:
        """Return which samples were excluded and why, in the order in which they were."""
        return self._records(task, "excluded", Exclusion)

    def excluded(self, task: str) -> Excluded:
        """Return the excluded samples; they are no samples of the run, and none is missing."""
        if task not in self._excluded:
            self._excluded[task] = Excluded(self.exclusions(task))
        return self._excluded[task]

    def published(self, task: str) -> Records[PublishedVerdicts]:
        """Return what the publisher of imported samples said of them; empty for other runs."""
        return self._records(task, "published", PublishedVerdicts)

    def has_samples(self) -> bool:
        """Return whether any sample is stored."""
        files = (self.path / task / "generations.jsonl" for task in self.tasks())
        return any(path.is_file() and path.stat().st_size for path in files)

    def verdicts(self, task: str) -> Records[Verdict]:
        """Return the verdicts that count; empty if nothing was graded yet.

        Those by other rules than the manifest's are left out, with a warning, and so are those on
        other samples; where verdicts do not say which sample they are on, none counts if some may
        be on samples of other conditions.
        """
        if (task, Verdict) not in self._read:
            found = self.sorted_verdicts(task)
            self._read[task, Verdict] = found if self.verdict_columns(task) else Records()
        return self._read[task, Verdict]

    def verdict_columns(self, task: str) -> VerdictColumns:
        """Return `verdicts` without what explains them, a column a field."""
        if task not in self._verdicts:
            known = self._read.get((task, Verdict))
            self._verdicts[task] = (
                self._counting_verdicts(task) if known is None else VerdictColumns.of(known)
            )
        return self._verdicts[task]

    def _counting_verdicts(self, task: str) -> VerdictColumns:
        found = self.stored_verdicts(task)
        if not found.are_all_tied and self._judges_others(task):
            self._warn(
                task,
                "verdicts on samples of other conditions are among those stored, so none "
                "counts; `mathreason regrade` judges the run's own samples",
            )
            return VerdictColumns.of([])
        if found.left_out:
            self._warn(
                task,
                f"{found.left_out:,} of {found.stored:,} verdicts are on other samples or by "
                "other rules and do not count; `mathreason regrade` judges again",
            )
        return found.counting

    def stored_verdicts(self, task: str) -> StoredVerdicts:
        """Return the verdicts in the file, sorted out."""
        if task not in self._sorted_out:
            rows = read_chunks(self._verdicts_file(task), Verdict, as_rows=True)
            self._sorted_out[task] = self._sort_out(task, rows)
        return self._sorted_out[task]

    def sorted_verdicts(self, task: str) -> Records[Verdict]:
        """Return the verdicts of `stored_verdicts` that count, as records."""
        path = self._verdicts_file(task)
        if task in self._sorted_out:
            return read_lines(path, Verdict, self._sorted_out[task].lines.tolist())
        stored = read_records(path, Verdict)
        self._sorted_out[task] = self._sort_out(task, [stored])
        return Records(stored[line] for line in self._sorted_out[task].lines.tolist())

    def _sort_out(self, task: str, stored: Iterable[Sequence[Verdict]]) -> StoredVerdicts:
        samples = self.sample_columns(task)
        with numbers_that_fit(self._verdicts_file(task)):
            return sort_out(
                stored,
                samples,
                self.manifest.tasks[task].grading.judged_by,
                excluded=self.excluded(task),
                others=task in self._with_foreign,
            )

    def _verdicts_file(self, task: str) -> Path:
        return self.path / task / "verdicts.jsonl"

    def _samples_file(self, task: str) -> Path:
        self._check_task(task)
        return self.path / task / "generations.jsonl"

    def failures(self, task: str) -> Records[FailedRequest]:
        """Return why samples are missing: the last failure of each request that is to be asked.

        None of a request that was answered later or closed as a failure, that is no longer asked,
        or that was asked under other conditions.
        """
        log = self.failure_log(task)
        if not log:
            return Records()
        own = self._keys(task).own(log)
        last = {(one.problem_id, one.sample): one for one in own}
        asked, held = self._asked_and_held(task)
        return Records(one for key, one in last.items() if key in asked and key not in held)

    def missing(self, task: str) -> Iterator[SampleKey]:
        """Yield the samples that are asked for and not stored, of which there may be millions."""
        asked, held = self._asked_and_held(task)
        return (key for key in asked if key not in held)

    def missing_count(self, task: str) -> int:
        """Return how many samples `missing` yields, without a look at each of them."""
        asked, samples = self._asked(task), self.sample_columns(task)
        held = int(asked.has(samples)[samples.distinct].sum())
        return len(asked) - held - asked.count(self.excluded(task).samples)

    def _asked(self, task: str) -> AskedSamples:
        excluded = self.excluded(task)
        problems = dict.fromkeys(
            problem.id for problem in self.problems(task) if problem.id not in excluded.problems
        )
        return AskedSamples(problems.keys(), self.manifest.tasks[task].samples)

    def _asked_and_held(self, task: str) -> tuple[AskedSamples, AbstractSet[SampleKey]]:
        held = set(self.sample_columns(task).sample_keys())
        return self._asked(task), held | self.excluded(task).samples.keys()

    def failure_log(self, task: str) -> Records[FailedRequest]:
        """Return every failure of a request that was ever recorded, the earliest first."""
        return self._records(task, "failures", FailedRequest)

    def _repr_html_(self) -> str:
        """Return it as a notebook displays it: what it is, and the metrics of whole tasks."""
        names = ("avg", "truncated", "no_answer", "ungradable")
        shown = [one for one in self.metrics() if one.slice == "all" and one.name in names]
        state = f"finished {self.manifest.finished}" if self.manifest.finished else "not finished"
        caption = f"{self.manifest.model.name}: {', '.join(self.tasks())}; {state}"
        return html_table(caption, METRIC_HEAD, (one.cells for one in shown))

    def metrics(self) -> Records[Metric]:
        """Return the metrics of all tasks; empty if nothing was graded yet.

        Those of a task with samples of other conditions are left out, with a warning, if these
        were counted in them.
        """
        if ("", Metric) not in self._read:
            path = self.path / METRICS
            stored = read_metrics(path) if path.is_file() else []
            wrong = {task for task in self.tasks() if self._judges_others(task)}
            if wrong:
                warnings.warn(
                    f"{path} counts samples of other conditions of {', '.join(sorted(wrong))}, "
                    "whose metrics are left out; `mathreason regrade` computes them again",
                    ForeignSampleWarning,
                    stacklevel=2,
                )
            self._read["", Metric] = Records(one for one in stored if one.task not in wrong)
        return self._read["", Metric]

    def asked(self, task: str) -> Iterator[tuple[Problem, Generation]]:
        """Yield every stored sample with its problem: by problem as asked, then by index.

        Raises:
            RunError: if a sample belongs to no problem.
        """
        by_problem: dict[str, dict[int, Generation]] = {one.id: {} for one in self.problems(task)}
        for generation in self.generations(task):
            if generation.problem_id not in by_problem:
                raise self.stray(task, generation.problem_id)
            by_problem[generation.problem_id].setdefault(generation.sample, generation)
        for problem in self.problems(task):
            for _, generation in sorted(by_problem[problem.id].items()):
                yield problem, generation

    def samples(self, task: str) -> Iterator[Sample]:
        """Yield every stored sample with its problem and verdict, in the order of `asked`.

        Raises:
            RunError: if a sample belongs to no problem, or a verdict to no sample.
        """
        # The samples before the verdicts, which need to know of the samples: one pass over them.
        asked = list(self.asked(task))
        held = {(generation.problem_id, generation.sample) for _, generation in asked}
        verdicts = {(one.problem_id, one.sample): one for one in self.verdicts(task)}
        for problem_id, number in verdicts:
            if (problem_id, number) not in held:
                raise self.stray(task, problem_id)
        for problem, generation in asked:
            verdict = verdicts.get((problem.id, generation.sample))
            yield Sample(task=task, problem=problem, generation=generation, verdict=verdict)

    def _counting(self, task: str) -> Iterator[Generation]:
        """Return the samples that count, with their rewards, read as they pass."""
        own, excluded, rewards = self.own(task), self.excluded(task), self.rewards(task)
        if rewards:
            own = (_rewarded(one, rewards.get((one.problem_id, one.sample))) for one in own)
        if not excluded:
            return own
        return (one for one in own if (one.problem_id, one.sample) not in excluded)

    def own(self, task: str) -> Iterator[Generation]:
        """Yield the samples of this run, the excluded ones as well, and warn once of others."""
        return chain.from_iterable(self._own_chunks(task))

    def _own_chunks(self, task: str, *, as_rows: bool = False) -> Iterator[Sequence[Generation]]:
        stored = foreign = 0
        for samples in read_chunks(self._samples_file(task), Generation, as_rows=as_rows):
            own = samples
            keyed = any(one.key is not None for one in samples)
            if keyed:
                self._check_prompts(task)
            if keyed or not self.manifest.unkeyed:
                own = self._spelled_keys(task).own(samples)
            if len(own) < len(samples):
                # Somebody may have spelled the prompts in another way, which changes none of them.
                own = self._keys(task).own(samples)
            stored += len(samples)
            foreign += len(samples) - len(own)
            yield own
        if foreign and task not in self._with_foreign:
            self._with_foreign.add(task)
            left_out = "were made under other conditions and are left out"
            self._warn(task, f"{foreign:,} of {stored:,} samples {left_out}")

    def _check_prompts(self, task: str) -> None:
        if not (path := self.path / task / "prompts.jsonl").is_file():
            raise RunError(
                f"{path} is missing, by which the samples of {task} are known to be of this run.",
                "Restore it; or repeat its `mathreason run`, which writes it again.",
            )

    def _spelled_keys(self, task: str) -> SampleKeys:
        if task not in self._quick_keys:
            spelled = spelled_prompts(self.path / task / "prompts.jsonl")
            self._quick_keys[task] = SampleKeys(self.manifest, task, spelled)
        return self._quick_keys[task]

    def _keys(self, task: str) -> SampleKeys:
        return SampleKeys(self.manifest, task, prompt_digests(self.prompts(task)))

    def _judges_others(self, task: str) -> bool:
        """Return whether verdicts on samples of other conditions may be among those stored."""
        samples = self.sample_columns(task)
        if task not in self._with_foreign:
            return False
        found = self.stored_verdicts(task)
        judged = found.counting[found.counting.distinct]
        return found.stored != len(judged) or not are_on_the_same(samples, judged)

    def _warn(self, task: str, what: str) -> None:
        warnings.warn(f"{self.path / task}: {what}", ForeignSampleWarning, stacklevel=3)

    def stray(self, task: str, problem_id: str) -> RunError:
        """Return the error of a file that names a problem or a sample which the folder lacks."""
        return RunError(
            f"{self.path}/{task} names a problem or sample that is not in it: {problem_id!r}.",
            "If a file was replaced, restore it; `mathreason regrade` writes the verdicts again.",
        )

    def _check_task(self, task: str) -> None:
        if task not in self.manifest.tasks:
            raise RunError(
                f"{self.path} has no task {task!r}.", f"It has {', '.join(self.tasks())}."
            )

    def _records(self, task: str, name: str, kind: type[RecordT]) -> Records[RecordT]:
        self._check_task(task)
        if (task, kind) not in self._read:
            self._read[task, kind] = read_records(self.path / task / f"{name}.jsonl", kind)
        return self._read[task, kind]


def _rewarded(sample: Generation, found: StepRewards | None) -> Generation:
    """Return a sample with its reward, if that is one of its texts."""
    if found is None or found.texts_digest != sample.texts_digest.hex():
        return sample
    return replace(sample, reward=found.reward)


def is_run(path: Path) -> bool:
    """Return whether a folder is a run folder."""
    return os.path.isfile(path / MANIFEST)  # noqa: PTH113  a name too long is no error to it


def has_runs(path: Path) -> bool:
    """Return whether a path is a run folder, contains some, or has samples that lack a manifest.

    Raises:
        DataError: if the folder cannot be read.
    """
    if is_run(path):
        return True
    if not path.is_dir():
        return False
    try:
        return next(path.rglob(MANIFEST), None) is not None or bool(sample_files(path))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}.", "Name the logs' own folder."
        ) from None


def load_run(path: str | Path) -> Run:
    """Return the run stored in a folder.

    Raises:
        RunError: if it is not a run folder, has a newer format, or contains links or the like.
    """
    folder = Path(path)
    if os.path.lexists(folder / MANIFEST):
        check_contents(folder)
    if not is_run(folder):
        raise RunError(
            f"{folder} is not a run folder: it has no {MANIFEST}.",
            "The `mathreason run` that made its samples writes it again with --repair."
            if sample_files(folder)
            else "`mathreason run` and `mathreason import` make them.",
        )
    return Run(folder, read_manifest(folder / MANIFEST))


def find_runs(path: Path) -> tuple[Run, ...]:
    """Return the run at a path, or all runs below it, sorted by folder.

    Raises:
        RunError: if there is none.
    """
    return tuple(map(load_run, _run_folders(path)))


def find_run(path: Path) -> Run:
    """Return the run at a path, or the only one below it.

    Raises:
        RunError: if there is none, or more than one.
    """
    return load_run(find_folder(path))


def find_folder(path: Path) -> Path:
    """Return the run folder at a path, or the only one below it.

    Raises:
        RunError: if there is none, or more than one.
    """
    folders = _run_folders(path)
    if len(folders) > 1:
        names = ", ".join(map(str, folders[:4]))
        raise RunError(f"{path} contains {len(folders)} runs: {names}.", "Name one of them.")
    return folders[0]


def _run_folders(path: Path) -> Sequence[Path]:
    if is_run(path):
        return [path]
    # A folder may be called like a manifest, too: after a model, or as a user chose.
    named = sorted(path.rglob(MANIFEST))
    found = [one.parent for one in named if one.is_symlink() or not one.is_dir()]
    if not found and sample_files(path):
        return [path]  # A run without its manifest, of which `load_run` says what to do.
    if not found:
        raise RunError(
            f"{path} is not a run folder and contains none.",
            "`mathreason run` and `mathreason import` make them.",
        )
    _warn_of_lost(path, found)
    return found


def _warn_of_lost(path: Path, found: Sequence[Path]) -> None:
    """Name the folders below a path that have samples, and no manifest to read them by."""
    held = {one.parent.parent for one in path.rglob("generations.jsonl") if one.is_file()}
    for lost in sorted(held.difference(found)):
        warnings.warn(
            f"{lost} has samples but no {MANIFEST} and is left out; the `mathreason run` that made "
            "it writes it again with --repair",
            LostRunWarning,
            stacklevel=4,
        )
