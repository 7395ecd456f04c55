"""The pipeline's records, from a loaded problem to a reported metric.

Every record is frozen, keyword-only and slotted. None means absence; an empty string is a value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mathreason_eval.text.notebook import amount, html_table

if TYPE_CHECKING:
    import pandas as pd

Slice = Mapping[str, str | int | float | bool]
"""Named properties of a problem, such as `level` or `subject`; slices are reported by them."""

RecordT = TypeVar("RecordT")


class Outcome(StrEnum):
    """The result of one sample. The five counts add up to n on every screen."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    """The text is complete and contains no answer, the model refused, or the request failed."""
    TRUNCATED = "truncated"
    """The text reached max_tokens before an answer, or the reasoning never ended."""
    UNGRADABLE = "ungradable"
    """The grader could not decide: it crashed, ran out of time, or found no proof either way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One question with its accepted answers."""

    id: str
    """Unique within its task and stable across data files, e.g. `gsm8k-test-17`."""
    question: str
    gold: tuple[str, ...]
    """Accepted answers; any one of them is enough. Empty only where another program's log has none:
    every sample is then ungradable."""
    meta: Slice = field(default_factory=dict)
    """Properties to report by (`level`, `subject`, `steps`) and others from the source."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Further input of a prompt or a grader, as JSON: a solution's steps, states."""
    origin: str | None = None
    """Id of the problem of the same task that this one is a variant of; None for an original."""
    variant: str | None = None
    """The change that made a variant, e.g. `flip_role`; None for an original."""

    @property
    def content(self) -> str:
        """Return what a model is asked and which answers are accepted, as a line of JSON."""
        content: list[object] = [self.id, self.question, self.gold]
        if self.given:
            content.append(self.given)
        return _CONTENT.encode(content)


_CONTENT = json.JSONEncoder(sort_keys=True)
"""Half the time of `json.dumps`, which makes an encoder for each of a task's problems."""


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
    begun: str = ""
    """What the answer begins with: the model continues this text, which is part of the answer and
    not of what it generates. Empty for most."""

    def __post_init__(self) -> None:
        if bool(self.messages) == (self.text is not None):
            raise ValueError("a prompt is messages or text")

    def spelled(self) -> dict[str, Any]:
        """Return its fields as they are stored; an answer that begins with nothing has no field."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields if self.begun else {name: fields[name] for name in fields if name != "begun"}

    @property
    def asked(self) -> str:
        """Return the text, or the first message of the user."""
        if self.text is not None:
            return self.text
        return next((one.content for one in self.messages if one.role == "user"), "")

    @property
    def sha256(self) -> str:
        """Return the hex digest of all fields."""
        spelled = _spell(self.spelled())
        return hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()


_spell = json.JSONEncoder(
    sort_keys=True,
    ensure_ascii=False,
    default=lambda message: {"role": message.role, "content": message.content},
).encode
"""A third of the time of `json.dumps` with `asdict`, for each prompt of a run that is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SentPrompt:
    """The prompt of a problem as it was sent."""

    problem_id: str
    prompt: Prompt


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are sampled."""

    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    max_tokens: int = 1024
    """Upper bound on generated tokens, reasoning included."""


CONTENT_FILTER = "content_filter"
"""The finish reason of a text that a content filter ended."""
FAILED = "failed"
"""The finish reason of a sample without a text, whose request failed and was accepted as such."""


class _Ended:
    """How a text came to its end, for records that say so."""

    __slots__ = ()

    finish_reason: str | None
    refused: bool

    @property
    def is_refusal(self) -> bool:
        """Return whether it was refused; older lines show that only by their finish reason."""
        return self.refused or self.finish_reason == CONTENT_FILTER

    @property
    def is_failure(self) -> bool:
        """Return whether the request failed and the user accepted that, so there is no text."""
        return self.finish_reason == FAILED


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation(_Ended):
    """One sample of one problem, as the model wrote it. Stored once, never changed."""

    problem_id: str
    sample: int
    """Index of the sample, from 0."""
    text: str
    """The answer text: what follows the reasoning, or everything if there is none."""
    reasoning: str | None = None
    """The reasoning between the think marks, possibly empty; None if there is none, or if it never
    ended: it is then in `text`."""
    finish_reason: str | None = None
    """`stop`, `length` (max_tokens was reached) or another value of the engine; None: unknown."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """Tokens by the model's tokenizer, reasoning and stop token included."""
    reasoning_tokens: int | None = None
    """Completion tokens of the reasoning, its marks included; None: unknown."""
    seed: int | None = None
    seconds: float | None = None
    """Wall time from request to last token, the engine's queue included."""
    reward: float | None = None
    """A reward model's score of this sample, of an import; see `StepRewards` for our own."""
    label: bool | None = None
    """The publisher's verdict, only in imports; it is compared with ours and not used otherwise."""
    key: str | None = None
    """Digest of everything that can change the text; None in earlier formats and imports."""
    refused: bool = False
    """Whether the model refused or a content filter ended its text; the outcome is `no_answer`."""
    thought_ended: bool = False
    """Whether its thought was ended by force, at the budget of the run: see `--think-budget`."""

    @property
    def length(self) -> int:
        """Return the number of characters of text and reasoning."""
        return len(self.text) + len(self.reasoning or "")

    @property
    def texts_digest(self) -> bytes:
        """Return a digest of text and reasoning, which only equal ones share."""
        return texts_digest(self.text, self.reasoning)


def texts_digest(text: str, reasoning: str | None) -> bytes:
    """Return a digest of a sample's texts, which only equal ones share."""
    spelled = text if reasoning is None else f"{reasoning}\0{text}"
    person = b"text" if reasoning is None else b"%d" % len(reasoning)
    data = spelled.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16, person=person).digest()


def output_digest(texts: bytes, ended: bytes) -> str:
    """Return a digest of all of a sample that is judged.

    Args:
        texts: the digest of its texts.
        ended: how they ended, by `spelled_end`.
    """
    return hashlib.blake2b(texts + ended, digest_size=8).hexdigest()


def spelled_end(finish_reason: str | None, *, refused: bool) -> bytes:
    """Return how a sample ended, for its digest: its finish reason, and whether it is a refusal."""
    return f"{finish_reason} {refused}".encode("utf-8", "surrogatepass")


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedVerdicts:
    """What another program said of one sample. Stored once by an import; no metric uses it."""

    problem_id: str
    sample: int
    verdicts: Mapping[str, bool | float]
    """By the program's own names: right or wrong, or a number that is neither 0 nor 1."""
    compared: str | None
    """The name of the one that is compared with ours; None: none of them is right or wrong."""
    answer: str | None = None
    """What the program took for the answer; None: the log does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Samples that do not count, and why. A line stays in the folder, and every screen says it."""

    problem_id: str
    sample: int | None
    """The index of the sample; None: every sample of the problem."""
    reason: str
    at: str
    """ISO 8601, UTC: when they were excluded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRewards:
    """What a reward model says of one sample. Appended to `rewards.jsonl` by `mathreason score`."""

    problem_id: str
    sample: int
    texts_digest: str
    """Of the sample's texts, in hex: a reward of other texts does not count."""
    by: str
    """The model, how steps are combined, and a digest of both; one for all samples of a task."""
    scores: tuple[float, ...]
    """Of each step, in the order of the text; none if the sample has no text."""
    reward: float
    """The scores combined; 0 without a step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationInfo(_Ended):
    """A stored sample without its texts, which may be long: what metrics and screens need."""

    problem_id: str
    sample: int
    finish_reason: str | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    seconds: float | None
    reward: float | None
    refused: bool
    has_reasoning: bool
    """Whether there is a text of reasoning, perhaps an empty one."""
    length: int
    """Characters of text and reasoning."""
    texts_digest: bytes
    """Of text and reasoning: only equal ones share it."""

    @property
    def output_digest(self) -> str:
        """Return a digest of all of the sample that is judged: its texts and how they ended."""
        ended = spelled_end(self.finish_reason, refused=self.is_refusal)
        return output_digest(self.texts_digest, ended)

    @classmethod
    def of(cls, sample: Generation) -> Self:
        """Return a sample without its texts."""
        held = {name: getattr(sample, name) for name in _OF_GENERATION}
        return cls(**held, has_reasoning=sample.reasoning is not None)


_OF_GENERATION = tuple(one.name for one in fields(GenerationInfo) if one.name != "has_reasoning")
"""The fields that a sample with its texts has as well."""
AnyGeneration = Generation | GenerationInfo
"""A sample with or without its texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedRequest:
    """A request that brought no sample. Appended to `failures.jsonl`, never a sample itself."""

    problem_id: str
    sample: int
    kind: str
    """Failures of one kind are counted together: `HTTP 500`, `timeout`, `unusable reply`, …"""
    reason: str
    """One line: the message of the server or the engine, without the key."""
    status: int | None = None
    """HTTP status of the last reply; None if there was none."""
    tries: int = 1
    """How often it was sent in its session."""
    seconds: float | None = None
    """Wall time of all tries and of the pauses between them; None: unknown."""
    at: str
    """When it was given up: ISO 8601, UTC."""
    accepted: bool = False
    """Whether it was closed with `--accept-failures`: a sample without a text is stored."""
    seed: int | None = None
    key: str | None = None
    """Of the sample that it would have been; see `Generation.key`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer found in a text."""

    text: str
    """The answer. An empty box gives the empty string."""
    rule: str
    """The extraction rule that found it: `boxed`, `hashes`, `phrase`, `last_number`, …"""
    span: tuple[int, int]
    """Start and end of the answer in the generation's text, in characters, end exclusive."""
    doubt: str = ""
    """Why the text does not claim it, in words: `42 is denied`; "" where nothing speaks against it.
    What is not claimed is never right."""


WEAK_RULES = frozenset(
    ["unclosed_box", "unclosed_tag", "program_output", "bare", "last_formula", "last_number",
     "loose_states", "closing"]
)  # fmt: skip
"""Extraction rules whose answers are not announced, and do not count if the text was truncated."""
NOT_CLAIMED = "not_claimed"
"""The rule of a match whose answer the text itself denies, doubts or only mentions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """One comparison: a grader sets `equal`, `rule`, `note` and `measures`, the judge the rest."""

    equal: bool | None
    """True, False, or None if the grader could not decide."""
    rule: str
    """The rule that decided: `identical`, `number`, `symbolic`, …"""
    note: str
    """One sentence for a reader: `1/2 = 0.5 exactly`."""
    answer: str | None = None
    """The answer that was judged; None if none was found."""
    span: tuple[int, int] | None = None
    """Start and end of the answer in the output, in characters; None if there was no output."""
    found_by: str | None = None
    """The extraction rule that found the answer; None if it was given."""
    outcome: Outcome | None = None
    seconds: float = 0.0
    """Wall time of the judgement."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further scores of the answer by name, e.g. the fraction of roles that are correct."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The judge's result for one sample. Derived from the sample: `regrade` rewrites it."""

    problem_id: str
    sample: int
    outcome: Outcome
    answer: str | None = None
    span: tuple[int, int] | None = None
    """Start and end of the answer in `Generation.text`, in characters, end exclusive."""
    found_by: str | None = None
    rule: str
    """The grading rule that decided, or `none` if there was nothing to grade."""
    note: str
    """One sentence that a reader can check."""
    score: float
    """Credit of this sample, in [0, 1]: 1 for a correct one."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further scores of this sample by name, e.g. `pa`: the correct fraction of a procedure."""
    second: Outcome | None = None
    """The outcome by the task's second grader; None if there is none."""
    judged_by: str | None = None
    """As `GradingRules.judged_by`; None in earlier folders."""
    judged_output: str | None = None
    """`GenerationInfo.output_digest` of the sample that was judged; None in earlier folders."""

    def _repr_html_(self) -> str:
        """Return it as a notebook displays it."""
        names = ("outcome", "answer", "found_by", "rule", "note", "score")
        caption = f"{self.problem_id}, sample {self.sample}"
        return html_table(caption, names, [[getattr(self, name) for name in names]])

    @classmethod
    def of(
        cls,
        match: Match,
        sample: Generation,
        second: Outcome | None = None,
        *,
        judged_by: str | None = None,
        judged_output: str | None = None,
    ) -> Self:
        """Return a judge's match as the verdict on a sample."""
        assert match.outcome is not None, "a judge sets it"
        return cls(
            problem_id=sample.problem_id,
            sample=sample.sample,
            outcome=match.outcome,
            answer=match.answer,
            span=match.span,
            found_by=match.found_by,
            rule=match.rule,
            note=match.note,
            score=1.0 if match.outcome is Outcome.CORRECT else 0.0,
            measures=match.measures,
            second=second,
            judged_by=judged_by,
            judged_output=judged_output,
        )


class Unit(StrEnum):
    """The unit of a metric."""

    SHARE = "share"
    """A fraction of 1, or a difference of two fractions; per cent on screens."""
    AMOUNT = "amount"
    """A mean of amounts, such as tokens per sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A further score that a grader gives; its mean over problems is a metric."""

    name: str
    """As in `Verdict.measures`, e.g. `pa`."""
    summary: str
    """One line for `mathreason list`."""
    unit: Unit = Unit.SHARE
    higher_is_better: bool = True


METRIC_HEAD = ("task", "slice", "metric", "value", "95 % interval", "problems", "samples")
"""The names of `Metric.cells`."""


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
    """Number of problems: the sampling unit, unless `method` names clusters of them."""
    samples: int
    method: str
    """How the interval was computed, e.g. `Wilson over problems`."""
    fixed_low: float | None = None
    fixed_high: float | None = None
    """Ends of the 95 % interval conditional on these problems: sampling noise only."""
    fixed_se: float | None = None
    """Standard error by sampling noise only; None where a problem has a single sample."""

    @property
    def cells(self) -> tuple[object, ...]:
        """Return what a notebook displays of it, by the names of `METRIC_HEAD`."""
        share = self.unit is Unit.SHARE
        low, high = (amount(end, share=share) for end in (self.low, self.high))
        value = amount(self.value, share=share)
        interval = f"{low} – {high}"
        return self.task, self.slice, self.name, value, interval, self.problems, self.samples

    def _repr_html_(self) -> str:
        """Return it as a notebook displays it."""
        return html_table(self.method, METRIC_HEAD, [self.cells])


# --- the manifest ----------------------------------------------------------------------------
# No field has a default: a writer sets every field, and what an earlier format does not store is
# None. Unless a table in `runs/manifest.py` names it, a field must be equal for runs to be
# comparable, and for two sessions to be one run.


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptEntry:
    """The prompt of a task."""

    id: str
    """Id of the prompt form; `imported` for outputs of another program."""
    sha256: str | None
    """Of the form, shots and system message included; None where it is not known."""
    system: str | None
    """The system message; None for none."""
    system_fallback: str | None
    """Why the message of the user, or the text, began with it: `refused` or `ignored` by the chat
    template, or `plain text`; None if it was a message of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataEntry:
    """The source of a task's problems."""

    source: str
    """`generated`, the file's name, or `hub:owner/name`."""
    revision: str
    """Commit of a hub data set, seed of a generator; empty for a file."""
    sha256: str
    """Hash of all problems before the limit, so that a limited run stays comparable."""
    rows: int
    """Number of problems before the limit."""
    published: bool | None
    """Whether the golds have the hash that the task states; None if it states none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GradingRules:
    """How the answers of a task were extracted and graded."""

    extract: tuple[str, ...]
    """Extraction rules, strictest first."""
    grade: str
    grader_version: str
    """Version of the package's graders; it rises whenever a verdict could change."""
    convention: Mapping[str, str | int | bool] | None
    """Each convention by name; None: unknown. One added later is missing: unknown as well."""
    second: str | None
    """The second grader; None for none."""
    check_steps: bool
    """Whether the steps before a correct answer were checked as well."""
    judged_by: str | None
    """The grader's version and a digest of all that verdicts depend on besides the sample: these
    rules, the versions of packages, a task's own grader. None in earlier folders."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRules:
    """What is reported of a task in addition to its accuracy."""

    slices: tuple[str, ...]
    """Keys of `Problem.meta` to report by."""
    cluster: str | None
    """Key of `Problem.meta` that identifies clusters: problems of one source share its value."""
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
    """Maximum number of tokens of an answer; None for outputs of another program."""
    data: DataEntry
    problems: int
    """Number of problems asked."""
    limit: int | None
    """The largest number of problems that was asked for; None for all."""
    samples: int
    """Samples asked for per problem."""
    grading: GradingRules
    report: ReportRules


IDENTIFIED_AS = "identified_as"
"""The key of a model's details with the name that identifies it in place of the one that was typed:
that of local files, whose path has many spellings. Their contents are recorded besides."""
OPTIONS = "options"
"""Key in a model's details: options that may change a text."""
SCHEDULING = "scheduling"
"""Key in a model's details: options that only decide when a request runs."""
ROUNDING = "rounding"
"""Key in a model's details: options that group requests, which may change a token by rounding.
They are recorded and are not part of the identity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelEntry:
    """The model."""

    name: str
    """The name as typed: `vllm:owner/name`."""
    backend: str
    """The engine's name, or `import`."""
    revision: str | None
    """Commit of the weights; None: unknown."""
    sha256: str | None
    """Hash of the file of weights or answers; None if there is no single file."""
    chat_template_sha256: str | None
    """None if there is none, or it is unknown."""
    details: Mapping[str, Any]
    """The engine's versions and address, as JSON, and its `options` in three groups: those that
    may change a text, the `scheduling` and the `rounding` ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingEntry:
    """How tokens were sampled. None: unknown."""

    temperature: float | None
    top_p: float | None
    think_budget: int | None = None
    """Tokens after which a thought that was not finished was ended by force; None: never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeEntry:
    """The software. None: unknown."""

    mathreason_eval: str | None
    """Version of this package."""
    python: str | None
    machine: str | None
    """Operating system and processor."""
    packages: Mapping[str, str]
    """Versions of the packages that a score may depend on, by name."""


class SessionEnd(StrEnum):
    """How a session ended. One that was killed says nothing."""

    COMPLETE = "complete"
    """Nothing is missing."""
    INCOMPLETE = "incomplete"
    """Everything was asked, and some requests failed."""
    STOPPED = "stopped"
    """A signal asked for an end: what was in flight is stored and judged."""
    ERROR = "error"
    """The engine failed, the disk was full, or the like."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CostEntry:
    """What a session has cost, by the prices that it was given."""

    currency: str
    known: float
    """Of requests whose tokens are known."""
    possible: float
    """The most that the others may have cost: those that were sent and never answered, or whose
    tokens are unknown. Of a session that was killed, the most that it may have cost by then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionEntry:
    """One session of a run. None: unknown, as all that a killed one did not come to say."""

    began: str | None
    """ISO 8601, UTC: when the engine was ready."""
    ended: str | None
    end: SessionEnd | None
    seconds: float | None
    """Of generating, to the last sample."""
    grading_lag_seconds: float | None
    """Seconds from the last sample to the last verdict."""
    samples: int | None
    """Stored in this session; of a killed one what the next one found."""
    completion_tokens: int | None
    """Of those samples; as `samples`."""
    failures: int | None
    """Requests that brought no sample."""
    answered_by: str | None = None
    """What the server called the model that answered; None if it said nothing, and of an engine."""
    cost: CostEntry | None = None
    """None: no prices were given."""
    engine_idle_seconds: float | None = None
    """Of `seconds`, those in which the engine had no request though there were more to ask."""
    harness_cpu_seconds: float | None = None
    """Processor time of what is not the engine: requests, storing, grading and its processes."""
    cores: int | None = None
    """Processors that the session could use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums over all sessions."""

    completion_tokens: int
    generation_seconds: float
    """Of the sessions that say how long they took."""
    tokens_per_second: float
    """Of the same sessions."""
    grading_lag_seconds: float
    failures: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ParentEntry:
    """The run whose samples another run was made from."""

    name: str
    """The name of its folder."""
    model: str
    """The name of its model, as typed."""
    started: str
    """When it began, ISO 8601: two runs seldom began at the same time."""
    made: str
    """What was asked of its samples: `second turn`, `cut thoughts` or `false step`."""
    settings: Mapping[str, Any]
    """How, as JSON: the instruction, the shares."""
    samples: int
    """Its samples that were asked about."""
    left_out: Mapping[str, int]
    """The others, counted by the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunManifest:
    """Model, tasks and settings of a run. Never contains a key, a token or a password."""

    format: int
    """Version of the run folder's layout."""
    model: ModelEntry
    sampling: SamplingEntry
    seed: int
    """The run seed from which every sample's seed is derived."""
    tasks: Mapping[str, TaskEntry]
    """By the task's name, in the order in which the tasks were given."""
    code: CodeEntry
    started: str
    """ISO 8601 with offset."""
    finished: str | None
    """None while the run is incomplete."""
    unkeyed: bool
    """Whether samples without a key count: those of an earlier format and of imports."""
    adopted: int | None
    """How many of them `--adopt` counted as made under the manifest's conditions; None: `--adopt`
    was not used."""
    sessions: tuple[SessionEntry, ...]
    """In order, the present one included; empty for imported outputs."""
    totals: Totals | None
    """None before the end of the first session, and for imported outputs."""
    parent: ParentEntry | None = None
    """The run that this one was made from; None of most."""


_MOST_DISPLAYED = 60
"""Records that a notebook displays."""


class Records(tuple[RecordT, ...]):
    """A tuple of records of one kind that can become a data frame."""

    __slots__ = ()

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with a row per record and a column per field."""
        import pandas as pd

        return pd.DataFrame([asdict(record) for record in self])  # type: ignore[call-overload]

    def _repr_html_(self) -> str:
        """Return them as a notebook displays them: metrics with their intervals."""
        caption = f"{len(self):,} records"
        if self and all(isinstance(record, Metric) for record in self):
            return html_table(caption, METRIC_HEAD, (record.cells for record in self))  # type: ignore[attr-defined]
        rows = [asdict(record) for record in self[:_MOST_DISPLAYED]]  # type: ignore[call-overload]
        head = [*rows[0]] if rows else []
        return html_table(caption, head, ([*row.values()] for row in rows))
