"""The records that travel one way through the house, from a loaded problem to a reported metric.

Every record is frozen, keyword-only and slotted. None means absence; an empty string is a value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Slice = Mapping[str, str | int | float | bool]
"""Named properties of a problem, such as `level` or `subject`, that a task may report by."""

RecordT = TypeVar("RecordT")


class Outcome(StrEnum):
    """What became of one sample. The five add up to n on every screen."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    """The text is complete and no extractor found an answer in it."""
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
    """Properties to report by (`level`, `subject`, `steps`) and whatever else the source says."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What a prompt or a grader reads beside the question, as JSON: a solution's steps, states."""
    origin: str | None = None
    """Id of the problem of the same task that this one is a variant of; None for an original."""
    variant: str | None = None
    """What made a variant, e.g. `flip_role`; None for an original."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a chat."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """What a model is asked: chat messages, or bare text for a base model. Exactly one is set."""

    messages: tuple[Message, ...] = ()
    text: str | None = None
    stop: tuple[str, ...] = ()
    """Strings at which generation ends; they are not part of the generated text."""

    def __post_init__(self) -> None:
        assert bool(self.messages) != (self.text is not None), "a prompt is messages or text"

    @property
    def sha256(self) -> str:
        """Return the hex digest of everything the model is sent, for the manifest."""
        spelled = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    max_tokens: int = 1024
    """Upper bound on generated tokens, reasoning included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """One sample of one problem, as the model gave it. Stored once, never changed."""

    problem_id: str
    sample: int
    """Index of the sample, from 0."""
    text: str
    """The answer text: what follows the reasoning, or everything if there is none."""
    reasoning: str | None = None
    """What a thinking model wrote between its think tags; None if it did not think."""
    finish_reason: str | None = None
    """`stop`, `length`, or what else the engine says. `length` means max_tokens was reached; None
    that it is not known why the text ends, as of many imports."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """Tokens by the model's own tokenizer, reasoning and stop token included."""
    seed: int | None = None
    """The seed this sample was drawn with."""
    seconds: float | None = None
    """Wall time from request to last token, waiting in the engine's queue included."""
    reward: float | None = None
    """A reward model's score of this sample, where an import brought one."""
    label: bool | None = None
    """The publisher's own verdict, where an import brought one; compared with ours, never used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer found in a text."""

    text: str
    """The answer's words. An empty box gives the empty string."""
    rule: str
    """The extraction rule that fired: `boxed`, `hashes`, `phrase`, `last_number`, …"""
    span: tuple[int, int]
    """Start and end of the answer in the generation's text, in characters, end exclusive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A grader's judgement of one answer against one gold, and, from `verify`, how it was found."""

    equal: bool | None
    """True, False, or None where the grader could not decide."""
    rule: str
    """The rule that decided: `identical`, `number`, `symbolic`, …"""
    note: str
    """One sentence for a reader: `1/2 = 0.5 exactly`."""
    answer: str | None = None
    """The answer that was judged; None if none was found."""
    span: tuple[int, int] | None = None
    """Where the answer stands in the output; None if it was given bare."""
    outcome: Outcome | None = None
    seconds: float = 0.0
    """Wall time of the judgement."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further figures of the answer by name, e.g. the share of persons that are right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of one sample, and why. Derived: `regrade` may rewrite it."""

    problem_id: str
    sample: int
    outcome: Outcome
    answer: str | None = None
    """The extracted answer; None if none was found."""
    span: tuple[int, int] | None = None
    """Where the answer stands in `Generation.text`, in characters, end exclusive."""
    found_by: str | None = None
    """The extraction rule that found the answer."""
    rule: str
    """The grading rule that decided, or `none` where nothing reached a grader."""
    note: str
    """One sentence that a reader can check."""
    score: float
    """Credit of this sample, in [0, 1]: 1 for a correct one."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further figures of this sample by name, e.g. `pa`: how much of a procedure it got right."""
    second: Outcome | None = None
    """What the task's second grader says of the same text; None where none is named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One number with its uncertainty. A bare number never leaves `stats`."""

    task: str
    slice: str
    """`all`, or `level=3`."""
    name: str
    """`avg`, `pass@4`, `maj@8`, `truncated`, `tokens`, …"""
    value: float
    """A fraction of 1, except `tokens` and `seconds`, which are means per sample."""
    low: float
    high: float
    """Ends of the 95 % interval for new questions of the same kind."""
    se: float
    """Standard error of `value`."""
    problems: int
    """The number of problems: the unit of the interval, unless `method` names clusters of them."""
    samples: int
    """The number of samples over all problems."""
    method: str
    """How the interval was made, e.g. `Wilson over problems`."""
    fixed_low: float | None = None
    fixed_high: float | None = None
    """Ends of the 95 % interval for this benchmark: the same questions, sampled again."""
    fixed_se: float | None = None
    """Standard error by the noise of sampling alone; None where a problem has a single sample."""


# --- the manifest ----------------------------------------------------------------------------
#
# No field has a default that says something: who writes one says everything, and what a folder of
# an earlier format does not say is None. A field counts for whether runs may be compared and for
# whether two sessions are one run, unless a table in `runs/manifest.py` names it.


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptEntry:
    """How the problems of a task were put."""

    id: str
    """The prompt form; `imported` where somebody else asked."""
    sha256: str | None
    """Of the form, shots included; None where it is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataEntry:
    """Where the problems of a task came from."""

    source: str
    """`generated`, the file's name, or `hub:owner/name`."""
    revision: str
    """Commit of a hub data set, seed of a generator, empty for a file."""
    sha256: str
    """Of all problems before a limit was applied, so that a limited run stays comparable."""
    rows: int
    """How many problems there are before the limit."""
    published: bool | None
    """Whether these are the golds that the task knows; None where it knows none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GradingRules:
    """How the answers of a task were found and judged."""

    extract: tuple[str, ...]
    """Extraction rules, strictest first."""
    grade: str
    """The grader's name."""
    grader_version: str
    """Of the package's graders; rises whenever a verdict could change."""
    convention: Mapping[str, str | int | bool] | None
    """Each convention of the grader by name; None: unknown. An option that came later is missing,
    which is not the same as its default."""
    second: str | None
    """A grader that was asked beside the first; None for none."""
    check_steps: bool
    """Whether the steps that lead to a right answer were worked out as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRules:
    """What is reported of a task beside the accuracy of the whole."""

    slices: tuple[str, ...]
    """Keys of `Problem.meta` to report by."""
    cluster: str | None
    """Key of `Problem.meta` that has the same value where problems share a source."""
    macro: str | None
    """Key of `Problem.meta` over whose values accuracy is averaged as well, each alike."""
    metrics: tuple[str, ...]
    """Families of metrics beside those that every task has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskEntry:
    """What a manifest says of a task."""

    version: int
    """Of the task."""
    prompt: PromptEntry
    max_tokens: int | None
    """Upper bound on the tokens of an answer; None where somebody else asked."""
    data: DataEntry
    problems: int
    """How many were asked."""
    grading: GradingRules
    report: ReportRules


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelEntry:
    """Who was asked."""

    name: str
    """As typed: `vllm:owner/name`."""
    backend: str
    """The engine's name, or `import`."""
    revision: str | None
    """Commit of the weights; None where the engine knows none."""
    sha256: str | None
    """Of the file of weights or answers; None where there is no one file."""
    chat_template_sha256: str | None
    """None where it has none, or does not say."""
    details: Mapping[str, Any]
    """Whatever else the engine says of itself: versions, address, options, as JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingEntry:
    """How tokens were drawn. None: unknown."""

    temperature: float | None
    """0 is greedy."""
    top_p: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeEntry:
    """What ran. None: unknown."""

    mathreason_eval: str | None
    """Version of this package."""
    python: str | None
    machine: str | None
    """System and processor."""
    packages: Mapping[str, str]
    """Versions of the packages that a score may depend on, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """What the last sitting took."""

    completion_tokens: int
    generation_seconds: float
    tokens_per_second: float
    grading_lag_seconds: float
    """From the last sample to the last verdict."""
    failures: int
    """Samples that could not be generated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunManifest:
    """Who, what and how of a run. Never holds a key, a token or a password."""

    format: int
    """Version of the run folder's layout."""
    model: ModelEntry
    sampling: SamplingEntry
    seed: int
    """The run seed from which every sample's seed is derived."""
    samples: int
    """Samples asked for per problem."""
    tasks: Mapping[str, TaskEntry]
    """By the task's name, in the order in which they were asked for."""
    code: CodeEntry
    started: str
    """ISO 8601 with offset."""
    finished: str | None
    """None while the run is incomplete."""
    totals: Totals | None
    """None before the first sitting ended, and where outputs were imported."""


class Records(tuple[RecordT, ...]):
    """A tuple of records of one kind that can become a data frame."""

    __slots__ = ()

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a record, one column a field."""
        import pandas as pd

        return pd.DataFrame([asdict(record) for record in self])  # type: ignore[call-overload]
