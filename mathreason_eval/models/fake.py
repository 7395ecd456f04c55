r"""A scripted engine: texts, latencies, crashes and malformed output, without any model.

    fake:echo           repeats the prompt
    fake:answer=42      answers \boxed{42} to everything
    fake:RULES.yaml     answers by the first rule whose `contains` is in the prompt

A rules file is a list of rules, or a mapping of `rules` and options; JSONL has one rule per line.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, lru_cache
from itertools import count, islice
from pathlib import Path

from mathreason_eval.errors import Faults, ModelError, UnknownNameError
from mathreason_eval.models import FROM_ZERO, of_file, read_options, with_options
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.fleet import Fleet
from mathreason_eval.text.documents import parse_yaml
from mathreason_eval.text.jsonl import bounded_lines, read_objects
from mathreason_eval.text.limits import MAX_YAML_BYTES
from mathreason_eval.types import Prompt


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg`, or the top of a rules file, may set."""

    latency: float = field(default=0.0, metadata=FROM_ZERO)
    """Seconds that a completion takes unless its rule says otherwise."""
    concurrency: int = 32
    """Number of completions whose latencies run at the same time."""
    crash_after: int | None = field(default=None, metadata=FROM_ZERO)
    """Completions after which the engine raises a `ModelError`."""
    die_after: int | None = field(default=None, metadata=FROM_ZERO)
    """Completions after which the process kills itself, as `kill -9` would."""
    replicas: int = 1
    """Engines that share the requests; `crash_after` and the like are of the first alone."""
    chat: bool = True
    context: int | None = None


SCHEDULING_OPTIONS = frozenset({"latency", "concurrency", "crash_after", "die_after", "replicas"})
"""Options that do not change a text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptRule:
    """The completion of prompts that contain a text."""

    contains: str = ""
    """Matched literally; the empty string matches every prompt. Of an answer that has begun, its
    beginning is part of the prompt."""
    text: Sequence[str] | None = None
    """The possible texts; the request's seed picks one, and of more words than max_tokens the first
    ones are written. None repeats the prompt."""
    finish_reason: str = "stop"
    seconds: float | None = None
    fail: str | None = None
    """If set, the request fails with this reason instead of being answered."""
    garbage: str | None = None
    """`brackets`, `nul`, `surrogates` or `megabyte` instead of a text."""


class FakeModel:
    """An engine that follows a script."""

    def __init__(
        self,
        name: str,
        rules: Sequence[ScriptRule],
        options: Options,
        identified: Mapping[str, object],
    ) -> None:
        self.name = name
        self._identified = identified
        self.chat = options.chat
        self.context = options.context
        self.opening = ""
        self.continues = True
        self._rules = rules
        self._options = options
        self._completed = 0

    def describe(self) -> Mapping[str, object]:
        """Return the backend, the hash of the script's rules and the options."""
        spelled = json.dumps([asdict(rule) for rule in self._rules], default=list)
        digest = hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()
        return with_options(
            {"backend": "fake", **self._identified, "sha256": digest},
            self._options,
            SCHEDULING_OPTIONS,
        )

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield the scripted results, in the order in which their latencies end."""
        source, order = iter(requests), count()
        waiting: list[tuple[float, int, Completion | Failure]] = []
        while True:
            for request in islice(source, self._options.concurrency - len(waiting)):
                seconds, result = self._result(request)
                heapq.heappush(waiting, (time.monotonic() + seconds, next(order), result))
            if not waiting:
                return
            due, _, result = heapq.heappop(waiting)
            self._crash_if_due()
            if (pause := due - time.monotonic()) > 0:
                time.sleep(pause)
            self._completed += 1
            yield result

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _result(self, request: Request) -> tuple[float, Completion | Failure]:
        """Return the latency and the result of the first matching rule."""
        prompt = _prompt_text(request.prompt)
        rule = next((rule for rule in self._rules if rule.contains in prompt), None)
        if rule is None:
            return 0.0, Failure(request=request, reason="no rule of the script matches this prompt")
        seconds = self._options.latency if rule.seconds is None else rule.seconds
        if rule.fail is not None:
            return seconds, Failure(request=request, reason=rule.fail)
        text = whole = _text(rule, prompt, request.seed)
        if rule.text is not None:
            text = _cut(whole, request.sampling.max_tokens)
        return seconds, Completion(
            request=request,
            text=text,
            finish_reason=rule.finish_reason if text == whole else "length",
            prompt_tokens=_words(prompt),
            completion_tokens=_words(text),
            seconds=seconds,
        )

    def _crash_if_due(self) -> None:
        """Kill the process, or raise `ModelError`, after the completions that the options set."""
        if self._completed == self._options.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._completed == self._options.crash_after:
            raise ModelError(
                f"The scripted engine crashed after {self._completed} completions (crash_after).",
                "The same command without crash_after resumes from there.",
            )


@lru_cache(maxsize=64)
def _words(text: str) -> int:
    """Return the number of words of a text, of which a script has few: they pass for tokens."""
    return len(text.split())


@lru_cache(maxsize=64)
def _cut(text: str, words: int) -> str:
    """Return the first words of a text."""
    if _words(text) <= words:
        return text
    ends = (found.end() for found in re.finditer(r"\S+", text))
    return text[: next(islice(ends, words - 1, None))]


def _prompt_text(prompt: Prompt) -> str:
    """Return a prompt, its messages joined by line feeds, and what its answer begins with."""
    texts = [prompt.text or ""] if prompt.text is not None else [m.content for m in prompt.messages]
    return "\n".join([*texts, prompt.begun] if prompt.begun else texts)


_FILES = frozenset({".yaml", ".yml", ".json", ".jsonl"})


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what a script says; its tokens are words."""
    top: Mapping[str, str] = {}
    if (found := faults.attempt(lambda: _script(rest))) is not None:
        _, top = found
    chosen = read_options(Options, "fake", {**top, **options}, faults)
    return ModelFacts(
        chat=chosen.chat,
        context=chosen.context,
        remedy="raise --model-arg context=N",
        count=lambda prompts: [len(_prompt_text(prompt).split()) for prompt in prompts],
    )


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> FakeModel | Fleet:
    """Return the engine of `echo`, of `answer=TEXT` or of a file of rules.

    Raises:
        UnknownNameError: the name is none of these.
        ModelError: its file is missing or malformed.
    """
    rules, top = _script(rest)
    identified = of_file("fake", Path(rest)) if Path(rest).suffix in _FILES else {}
    chosen = read_options(Options, "fake", {**top, **options})
    first = FakeModel(name, rules, chosen, identified)
    if chosen.replicas <= 1:
        return first
    whole = replace(chosen, crash_after=None, die_after=None)
    others = [FakeModel(name, rules, whole, identified) for _ in range(chosen.replicas - 1)]
    return Fleet([first, *others], grace=0.0)


def _script(rest: str) -> tuple[list[ScriptRule], Mapping[str, str]]:
    """Return the rules of a script, and the options that its file has."""
    kind, _, answer = rest.partition("=")
    if rest == "echo":
        return [ScriptRule()], {}
    if kind == "answer":
        return [ScriptRule(text=[f"The answer is \\boxed{{{answer}}}."])], {}
    if Path(rest).suffix in _FILES:
        return _read(Path(rest).expanduser())
    raise UnknownNameError("script", rest, ["echo", "answer=TEXT", "RULES.yaml"])


def _read(path: Path) -> tuple[list[ScriptRule], dict[str, str]]:
    """Return the rules of a file, and its options."""
    try:
        with path.open("rb") as file:
            if path.suffix == ".jsonl":
                script: object = [rule for _, rule in read_objects(bounded_lines(file), path)]
            else:
                script = parse_yaml(file.read(MAX_YAML_BYTES + 1))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The script {path} cannot be read: {error}.", "See docs/engines.md."
        ) from None
    top = dict(script) if isinstance(script, dict) else {"rules": script}
    rules = top.pop("rules", None)
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ModelError(f"The script {path} is not a list of rules.", "See docs/engines.md.")
    return [_rule(rule) for rule in rules], {str(key): str(value) for key, value in top.items()}


_RULE_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("contains", "finish_reason", "fail", "garbage"), str),
    "seconds": (int, float),
}
_MAX_SECONDS = 86_400


def _rule(given: Mapping[str, object]) -> ScriptRule:
    """Return one rule, its keys checked; a single text becomes a list of one."""
    known = [field.name for field in fields(ScriptRule)]
    for key in given:
        if key not in known:
            raise UnknownNameError("key of a rule", str(key), known)
    for key, kinds in _RULE_KINDS.items():
        value = given.get(key)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise ModelError(f"A rule's {key} is {str(value)[:40]!r}.", "See docs/engines.md.")
    if not 0 <= float(given.get("seconds") or 0) < _MAX_SECONDS:  # type: ignore[arg-type]
        raise ModelError("A rule's seconds are not between 0 and a day.", "See docs/engines.md.")
    garbage = given.get("garbage")
    if garbage is not None and garbage not in _GARBAGE:
        raise UnknownNameError("kind of garbage", str(garbage), _GARBAGE)
    text = given.get("text")
    if text == []:
        raise ModelError(
            "A rule's text is an empty list.", "Write a text, or several to pick from."
        )
    choices = (
        None if text is None else [str(one) for one in (text if isinstance(text, list) else [text])]
    )
    return ScriptRule(**{**given, "text": choices})  # type: ignore[arg-type]


def _text(rule: ScriptRule, prompt: str, seed: int) -> str:
    """Return the text of a rule for a prompt; the seed picks among several."""
    if rule.garbage is not None:
        return _garbage(rule.garbage)
    if rule.text is None:
        return prompt
    return rule.text[seed % len(rule.text)]


_GARBAGE: Mapping[str, str] = {
    "brackets": r"\boxed{",
    "nul": "The answer is \\boxed{4\0 2}.\0",
    "surrogates": "The answer is \\boxed{\ud83d\udc00}. ",
    "megabyte": "so 42 = ",
}
_GARBAGE_LENGTH = 1_000_000
"""Characters: enough to notice anything that does not take linear time."""


@cache
def _garbage(kind: str) -> str:
    """Return malformed output of a kind; long, but for `nul`, where one character is enough."""
    unit = _GARBAGE[kind]
    return unit if kind == "nul" else unit * (_GARBAGE_LENGTH // len(unit))
