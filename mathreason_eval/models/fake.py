r"""A scripted engine: texts, latencies, crashes and malformed output, without any model.

    fake:echo           repeats the prompt
    fake:answer=42      answers \boxed{42} to everything
    fake:RULES.yaml     answers by the first rule whose `contains` is in the prompt

A rules file is a list of rules, or a mapping of `rules` and options; JSONL holds one rule a line.
"""

from __future__ import annotations

import heapq
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import count, islice
from pathlib import Path
from random import Random

from mathreason_eval.errors import ModelError, UnknownNameError
from mathreason_eval.models import read_options
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.text.jsonl import read_objects


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg`, or the top of a rules file, may set."""

    latency: float = 0.0
    """Seconds that a completion takes unless its rule says otherwise."""
    concurrency: int = 32
    """Completions whose latencies run at the same time."""
    crash_after: int | None = None
    """Completions after which the engine raises a `ModelError`."""
    die_after: int | None = None
    """Completions after which the process kills itself, as `kill -9` would."""
    chat: bool = True
    context: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """The completion of prompts that contain a text."""

    contains: str = ""
    """Matched literally; the empty string matches every prompt."""
    text: Sequence[str] | None = None
    """The possible texts, one of which the request's seed picks; None repeats the prompt."""
    finish_reason: str = "stop"
    seconds: float | None = None
    fail: str | None = None
    """A reason: the request fails instead of being answered."""
    garbage: str | None = None
    """`brackets`, `nul`, `surrogates` or `megabyte` instead of a text."""


class FakeModel:
    """An engine that follows a script."""

    def __init__(self, name: str, rules: Sequence[Rule], options: Options) -> None:
        self.name = name
        self.chat = options.chat
        self.context = options.context
        self.opening = ""
        self._rules = rules
        self._options = options
        self._completed = 0

    def describe(self) -> Mapping[str, object]:
        """Return that it is a script, and how many rules it has."""
        return {"backend": "fake", "rules": len(self._rules)}

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
        """Do nothing: a script holds nothing."""

    def _result(self, request: Request) -> tuple[float, Completion | Failure]:
        """Return the latency and the result of the first matching rule."""
        prompt = _prompt_text(request)
        rule = next((rule for rule in self._rules if rule.contains in prompt), None)
        if rule is None:
            return 0.0, Failure(request=request, reason="no rule of the script matches this prompt")
        seconds = self._options.latency if rule.seconds is None else rule.seconds
        if rule.fail is not None:
            return seconds, Failure(request=request, reason=rule.fail)
        text = _text(rule, prompt, request.seed)
        return seconds, Completion(
            request=request,
            text=text,
            finish_reason=rule.finish_reason,
            prompt_tokens=len(prompt.split()),
            completion_tokens=len(text.split()),
            seconds=seconds,
        )

    def _crash_if_due(self) -> None:
        """Kill the process, or raise `ModelError`, after the completions that the options set."""
        if self._completed == self._options.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._completed == self._options.crash_after:
            raise ModelError(
                f"The scripted engine crashed after {self._completed} completions, as it was told.",
                "The same command without crash_after goes on from there.",
            )


def _prompt_text(request: Request) -> str:
    """Return the prompt of a request, its messages joined by line feeds."""
    prompt = request.prompt
    if prompt.text is not None:
        return prompt.text
    return "\n".join(message.content for message in prompt.messages)


_FILES = frozenset({".yaml", ".yml", ".json", ".jsonl"})


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> FakeModel:
    """Return the engine of `echo`, of `answer=TEXT` or of a file of rules.

    Raises:
        UnknownNameError: the name is none of these.
        ModelError: its file is missing or malformed.
    """
    kind, _, answer = rest.partition("=")
    top: Mapping[str, str] = {}
    if rest == "echo":
        rules = [Rule()]
    elif kind == "answer":
        rules = [Rule(text=[f"The answer is \\boxed{{{answer}}}."])]
    elif Path(rest).suffix in _FILES:
        rules, top = _read(Path(rest).expanduser())
    else:
        raise UnknownNameError("script", rest, ["echo", "answer=TEXT", "RULES.yaml"])
    return FakeModel(name, rules, read_options(Options, "fake", {**top, **options}))


def _read(path: Path) -> tuple[list[Rule], dict[str, str]]:
    """Return the rules of a file, and its options."""
    import yaml

    try:
        with path.open("rb") as file:
            if path.suffix == ".jsonl":
                script: object = [rule for _, rule in read_objects(file, path)]
            else:
                script = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelError(
            f"The script {path} cannot be read: {error}.", "See docs/engines.md."
        ) from None
    top = dict(script) if isinstance(script, dict) else {"rules": script}
    rules = top.pop("rules", None)
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ModelError(f"The script {path} is not a list of rules.", "See docs/engines.md.")
    return [_rule(rule) for rule in rules], {str(key): str(value) for key, value in top.items()}


def _rule(given: Mapping[str, object]) -> Rule:
    """Return one rule, its keys checked; a single text becomes a list of one."""
    known = [field.name for field in fields(Rule)]
    for key in given:
        if key not in known:
            raise UnknownNameError("key of a rule", str(key), known)
    garbage = given.get("garbage")
    if garbage is not None and garbage not in _GARBAGE:
        raise UnknownNameError("kind of garbage", str(garbage), _GARBAGE)
    text = given.get("text")
    choices = (
        None if text is None else [str(one) for one in (text if isinstance(text, list) else [text])]
    )
    return Rule(**{**given, "text": choices})  # type: ignore[arg-type]


def _text(rule: Rule, prompt: str, seed: int) -> str:
    """Return the text of a rule for a prompt; the seed picks among several."""
    if rule.garbage is not None:
        return _garbage(rule.garbage)
    if rule.text is None:
        return prompt
    return rule.text[0] if len(rule.text) == 1 else Random(seed).choice(rule.text)


_GARBAGE: Mapping[str, str] = {
    "brackets": r"\boxed{",
    "nul": "The answer is \\boxed{4\0 2}.\0",
    "surrogates": "The answer is \\boxed{\ud83d\udc00}. ",
    "megabyte": "so 42 = ",
}
_GARBAGE_LENGTH = 1_000_000
"""Characters, enough for anything that is not linear in them to be noticed."""


@cache
def _garbage(kind: str) -> str:
    """Return malformed output of a kind; long, but for `nul`, where one character is enough."""
    unit = _GARBAGE[kind]
    return unit if kind == "nul" else unit * (_GARBAGE_LENGTH // len(unit))
