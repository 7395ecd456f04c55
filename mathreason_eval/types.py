"""The pipeline's records, from a loaded problem to a reported metric.

Every record is frozen, keyword-only and slotted. None means absence; an empty string is a value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Slice = Mapping[str, str | int | float | bool]
"""Named properties of a problem, such as `level` or `subject`, that a task may report by."""

RecordT = TypeVar("RecordT")


class Outcome(StrEnum):
    """The result of one sample. The five counts add up to n on every screen."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    """The text is complete and no extraction rule found an answer in it."""
    TRUNCATED = "truncated"
    """The model was stopped by length before it answered, or never finished thinking."""
    UNGRADABLE = "ungradable"
    """The grader could not decide: it died, ran out of time, or found no proof either way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One question with its accepted answers."""

    id: str
    """Unique within its task and stable across data files, e.g. `gsm8k-test-17`."""
    question: str
    gold: tuple[str, ...]
    """Accepted answers; any one of them is enough. Never empty."""
    meta: Slice = field(default_factory=dict)
    """Properties to report by (`level`, `subject`, `steps`) and others that the source gives."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Further input of a prompt or a grader, as JSON: a solution's steps, states."""
    origin: str | None = None
    """Id of the problem of the same task that this one is a variant of; None for an original."""
    variant: str | None = None
    """The change that made a variant, e.g. `flip_role`; None for an original."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a chat."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A model's input: chat messages, or plain text for a base model. Exactly one is set."""

    messages: tuple[Message, ...] = ()
    text: str | None = None
    stop: tuple[str, ...] = ()
    """Strings at which generation ends; they are not part of the generated text."""

    def __post_init__(self) -> None:
        assert bool(self.messages) != (self.text is not None), "a prompt is messages or text"

    @property
    def sha256(self) -> str:
        """Return the hex digest of all fields."""
        spelled = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are sampled."""

    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    max_tokens: int = 1024
    """Upper bound on generated tokens, reasoning included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """One sample of one problem, as the model wrote it. Stored once, never changed."""

    problem_id: str
    sample: int
    """Index of the sample, from 0."""
    text: str
    """The answer text: what follows the reasoning, or everything if there is none."""
    reasoning: str | None = None
    """A thinking model's text between its think tags; None if it did not think."""
    finish_reason: str | None = None
    """`stop`, `length` (max_tokens was reached) or another word of the engine; None: unknown."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """Tokens by the model's tokenizer, reasoning and stop token included."""
    seed: int | None = None
    seconds: float | None = None
    """Wall time from request to last token, the engine's queue included."""
    reward: float | None = None
    """A reward model's score of this sample, where an import has one."""
    label: bool | None = None
    """The publisher's verdict, where an import has one; compared with ours, never used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer found in a text."""

    text: str
    """The answer. An empty box gives the empty string."""
    rule: str
    """The extraction rule that found it: `boxed`, `hashes`, `phrase`, `last_number`, …"""
    span: tuple[int, int]
    """Start and end of the answer in the generation's text, in characters, end exclusive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A judgement: a grader sets `equal`, `rule`, `note` and `measures`, a judge the rest."""

    equal: bool | None
    """True, False, or None where the grader could not decide."""
    rule: str
    """The rule that decided: `identical`, `number`, `symbolic`, …"""
    note: str
    """One sentence for a reader: `1/2 = 0.5 exactly`."""
    answer: str | None = None
    """The answer that was judged; None if none was found."""
    span: tuple[int, int] | None = None
    """Where the answer is in the output; None if it was given without one."""
    found_by: str | None = None
    """The extraction rule that found the answer; None if it was given."""
    outcome: Outcome | None = None
    seconds: float = 0.0
    """Wall time of the judgement."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further scores of the answer by name, e.g. the share of roles that are right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The judge's match of one sample, and which sample it is. Derived: `regrade` rewrites it."""

    problem_id: str
    sample: int
    outcome: Outcome
    answer: str | None = None
    span: tuple[int, int] | None = None
    """Start and end of the answer in `Generation.text`, in characters, end exclusive."""
    found_by: str | None = None
    rule: str
    """The grading rule that decided, or `none` where there was nothing to grade."""
    note: str
    """One sentence that a reader can check."""
    score: float
    """Credit of this sample, in [0, 1]: 1 for a correct one."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further scores of this sample by name, e.g. `pa`: the share of a procedure that is right."""
    second: Outcome | None = None
    """The outcome by the task's second grader; None where it has none."""

    @classmethod
    def of(cls, match: Match, problem_id: str, sample: int, second: Outcome | None = None) -> Self:
        """Return a judge's match as the verdict on a sample; fields of one name have one value."""
        shared = {name: getattr(match, name) for name in _SHARED}
        score = float(match.outcome is Outcome.CORRECT)
        return cls(problem_id=problem_id, sample=sample, score=score, second=second, **shared)


_SHARED = [name for name in Verdict.__slots__ if name in Match.__slots__]


class Unit(StrEnum):
    """What a metric is counted in."""

    SHARE = "share"
    """A fraction of 1, or a difference of two; per cent on screens."""
    AMOUNT = "amount"
    """A mean of amounts, such as tokens a sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A further score that a grader gives; its mean over problems is a metric."""

    name: str
    """As in `Verdict.measures`, e.g. `pa`."""
    summary: str
    """One line for `mathreason list`."""
    unit: Unit = Unit.SHARE
    higher_is_better: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One number with its uncertainty. `stats` returns no number without it."""

    task: str
    slice: str
    """`all`, or `level=3`."""
    name: str
    """`avg`, `pass@4`, `maj@8`, `truncated`, `tokens`, …"""
    unit: Unit
    value: float
    low: float
    high: float
    """Ends of the 95 % interval for new problems of the same kind."""
    se: float
    """Standard error of `value`."""
    problems: int
    """The number of problems: the unit of the interval, unless `method` names clusters of them."""
    samples: int
    method: str
    """How the interval was computed, e.g. `Wilson over problems`."""
    fixed_low: float | None = None
    fixed_high: float | None = None
    """Ends of the 95 % interval conditional on these problems: sampling noise only."""
    fixed_se: float | None = None
    """Standard error by sampling noise only; None where a problem has a single sample."""


# --- the manifest ----------------------------------------------------------------------------
# No field has a default: a writer sets every field, and what an earlier format does not store is
# None. A field counts for whether runs may be compared and for whether two sessions are one run,
# unless a table in `runs/manifest.py` names it.


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptEntry:
    """The prompt of a task."""

    id: str
    """The prompt form; `imported` for outputs of another program."""
    sha256: str | None
    """Of the form, shots included; None where it is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataEntry:
    """The source of a task's problems."""

    source: str
    """`generated`, the file's name, or `hub:owner/name`."""
    revision: str
    """Commit of a hub data set, seed of a generator; empty for a file."""
    sha256: str
    """Of all problems before a limit was applied, so that a limited run stays comparable."""
    rows: int
    """Problems before the limit."""
    published: bool | None
    """Whether the golds are those whose hash the task names; None where it names none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GradingRules:
    """How the answers of a task were found and judged."""

    extract: tuple[str, ...]
    """Extraction rules, strictest first."""
    grade: str
    grader_version: str
    """Of the package's graders; rises whenever a verdict could change."""
    convention: Mapping[str, str | int | bool] | None
    """Each convention by name; None: unknown. A later one is missing, which is not its default."""
    second: str | None
    """The second grader; None for none."""
    check_steps: bool
    """Whether the steps that lead to a correct answer were checked as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRules:
    """What is reported of a task, besides its accuracy."""

    slices: tuple[str, ...]
    """Keys of `Problem.meta` to report by."""
    cluster: str | None
    """Key of `Problem.meta` whose value problems of one source share."""
    macro: str | None
    """Key of `Problem.meta` over whose values accuracy is also averaged, with equal weights."""
    metrics: tuple[str, ...]
    """Families of metrics besides those of every task."""
    primary: str | None
    """The metric that results are ranked, compared and gated by; None: unknown, which is `avg`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskEntry:
    """A manifest's entry for a task."""

    version: int
    prompt: PromptEntry
    max_tokens: int | None
    """Of an answer; None for outputs of another program."""
    data: DataEntry
    problems: int
    """Number of problems asked."""
    grading: GradingRules
    report: ReportRules


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelEntry:
    """The model."""

    name: str
    """As typed: `vllm:owner/name`."""
    backend: str
    """The engine's name, or `import`."""
    revision: str | None
    """Commit of the weights; None where it is not known."""
    sha256: str | None
    """Of the file of weights or answers; None where there is no one file."""
    chat_template_sha256: str | None
    """None where there is none, or it is not known."""
    details: Mapping[str, Any]
    """The engine's versions, address and options, as JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingEntry:
    """How tokens were sampled. None: unknown."""

    temperature: float | None
    top_p: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeEntry:
    """The software. None: unknown."""

    mathreason_eval: str | None
    """Version of this package."""
    python: str | None
    machine: str | None
    """System and processor."""
    packages: Mapping[str, str]
    """Versions of the packages that a score may depend on, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Totals of the last session."""

    completion_tokens: int
    generation_seconds: float
    tokens_per_second: float
    grading_lag_seconds: float
    """From the last sample to the last verdict."""
    failures: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunManifest:
    """Model, tasks and settings of a run. Never holds a key, a token or a password."""

    format: int
    """Version of the run folder's layout."""
    model: ModelEntry
    sampling: SamplingEntry
    seed: int
    """The run seed from which every sample's seed is derived."""
    samples: int
    """Per problem."""
    tasks: Mapping[str, TaskEntry]
    """By the task's name, in the order in which they were asked for."""
    code: CodeEntry
    started: str
    """ISO 8601 with offset."""
    finished: str | None
    """None while the run is incomplete."""
    totals: Totals | None
    """None before the end of the first session, and for imported outputs."""


class Records(tuple[RecordT, ...]):
    """A tuple of records of one kind that can become a data frame."""

    __slots__ = ()

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with a row per record and a column per field."""
        import pandas as pd

        return pd.DataFrame([asdict(record) for record in self])  # type: ignore[call-overload]
