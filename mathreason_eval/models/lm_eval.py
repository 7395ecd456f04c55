"""Any model that lm-eval drives: `lm_eval:TYPE,ARGS`, as its `--model TYPE --model_args ARGS`.

lm-eval returns texts alone: why a text ended and its number of tokens are unknown. It has no seed a
request, so samples with a temperature are asked one by one, each after its own seed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import groupby, islice
from time import monotonic
from typing import Any

from mathreason_eval.errors import Faults, ModelError, describe_error
from mathreason_eval.models import read_options, require, with_options
from mathreason_eval.models.base import Completion, Failure, Request, context_failure, handle
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.rows import cut_at_stop
from mathreason_eval.types import Prompt


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set; everything else is said in ARGS."""

    chat: bool | None = None
    """None: whether TYPE is one for chats, or its tokenizer has a chat template."""
    batch_size: int = 16
    """Requests that lm-eval is given together."""


ROUNDING_OPTIONS = frozenset({"batch_size"})
"""Options that may change a token by rounding alone."""
_SEEDS = 1 << 31
"""Seeds that every server and library takes are below this."""


class LmEvalModel:
    """A model of lm-eval, opened."""

    def __init__(self, name: str, kind: str, arguments: str, options: Options) -> None:
        """Open a model.

        Args:
            name: as typed.
            kind: lm-eval's name of the type: `hf`, `local-chat-completions`.
            arguments: as of lm-eval's `--model_args`.
            options: see `Options`.

        Raises:
            ModelError: if lm-eval has no such type, or cannot open it.
        """
        self._model = _opened(kind, arguments, options)
        self._options = options
        self._is_remote = kind.endswith("completions")
        self.name = name
        self.computes_in_caller = True
        template = getattr(getattr(self._model, "tokenizer", None), "chat_template", None)
        has_chat = "chat" in kind or bool(template)
        self.chat = has_chat if options.chat is None else options.chat
        # That of a server is unknown: lm-eval assumes a number.
        self.context: int | None = None if self._is_remote else _whole(self._model, "max_length")
        self.opening = ""
        described = {
            "backend": "lm_eval",
            "lm_eval": version("lm-eval"),
            "type": kind,
            "arguments": arguments,
            "chat": self.chat,
            "revision": None,
        }
        self._described = with_options(described, options, rounding=ROUNDING_OPTIONS)

    def describe(self) -> Mapping[str, object]:
        """Return lm-eval's version, the type and its arguments."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield the results of some requests at a time; those sampled at random one by one."""
        source = iter(requests)
        while window := list(islice(source, self._options.batch_size)):
            fitting = []
            for request in window:
                text = self._text(request.prompt)
                if failure := self._context_failure(request, text):
                    yield failure
                else:
                    fitting.append((request, text))
            for _, group in groupby(fitting, key=lambda one: one[0].sampling.temperature > 0):
                yield from self._answered(list(group))

    def close(self) -> None:
        """Free the model."""
        self._model = None

    def _text(self, prompt: Prompt) -> str:
        """Return a prompt as lm-eval takes it: of messages, what its template makes of them."""
        if prompt.text is not None:
            return prompt.text
        messages = [{"role": one.role, "content": one.content} for one in prompt.messages]
        rendered: str = self._model.apply_chat_template(messages)
        return rendered

    def _context_failure(self, request: Request, text: str) -> Failure | None:
        """Return the failure of a request that lm-eval would shorten, saying nothing."""
        if self.context is None:
            return None
        tokens = len(self._model.tok_encode(text))
        return context_failure(request, tokens, self.context, "use a model with a longer context")

    def _answered(self, asked: Sequence[tuple[Request, str]]) -> Iterator[Completion | Failure]:
        if len(asked) > 1 and asked[0][0].sampling.temperature == 0:
            found = handle(asked[0][0], partial(self._generate, asked))
            if not isinstance(found, Failure):
                yield from found
                return
        # Alone each fails for itself.
        for one in asked:
            single = handle(one[0], partial(self._generate, [one]))
            yield from (single,) if isinstance(single, Failure) else single

    def _generate(self, asked: Sequence[tuple[Request, str]]) -> list[Completion | Failure]:
        """Return the completions of some requests, in order."""
        from lm_eval.api.instance import Instance

        instances = [
            Instance(
                request_type="generate_until",
                doc={},
                arguments=(text, self._settings(request)),
                idx=place,
                metadata=("mathreason", place, 1),
            )
            for place, (request, text) in enumerate(asked)
        ]
        if asked[0][0].sampling.temperature > 0:
            _seed(asked[0][0].seed)
        began = monotonic()
        texts = self._model.generate_until(instances, disable_tqdm=True)
        seconds = monotonic() - began
        return [
            self._completion(request, text, seconds)
            for (request, _), text in zip(asked, texts, strict=True)
        ]

    def _settings(self, request: Request) -> dict[str, Any]:
        sampling = request.sampling
        settings: dict[str, Any] = {
            "until": list(request.prompt.stop),
            "max_gen_toks": sampling.max_tokens,
            "do_sample": sampling.temperature > 0,
            "temperature": sampling.temperature,
        }
        if sampling.temperature > 0:
            settings["top_p"] = sampling.top_p
            if self._is_remote:
                settings["seed"] = request.seed % _SEEDS
        return settings

    def _completion(self, request: Request, text: object, seconds: float) -> Completion | Failure:
        # Where a reply has no text or cannot be read, lm-eval says None or an empty text.
        if not isinstance(text, str) or (self._is_remote and not text):
            return Failure(
                request=request,
                kind="no text",
                reason="lm-eval has no text for it: the reply was empty or could not be read",
                hint="Its log on stderr says more; `openai:` tells these apart.",
            )
        return Completion(
            request=request,
            text=cut_at_stop(text, request.prompt.stop),
            finish_reason=None,
            seconds=seconds,
        )


def _whole(model: object, name: str) -> int | None:
    value = getattr(model, name, None)
    return value if isinstance(value, int) else None


def _seed(seed: int) -> None:
    """Set the seed of the library that samples, if it is torch."""
    # Not imported for this: a server samples by itself.
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed % _SEEDS)


def _opened(kind: str, arguments: str, options: Options) -> Any:  # noqa: ANN401  lm-eval's own
    """Return lm-eval's model.

    Raises:
        ModelError: if there is no such type, or it cannot be opened.
    """
    from lm_eval.api.registry import get_model

    try:
        return get_model(kind).create_from_arg_string(
            arguments, {"batch_size": 1 if kind.endswith("completions") else options.batch_size}
        )
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"lm-eval cannot open {kind}: {describe_error(error)}.",
            "Try its ARGS with `lm_eval run --model TYPE --model_args ARGS`.",
        ) from error


def _divided(rest: str) -> tuple[str, str]:
    kind, _, arguments = rest.partition(",")
    return kind.strip(), arguments


_SECRET = re.compile(
    r"(?:^|,)\s*(?P<name>token|auth_token|hf_token|\w*api_?key|password|secret|header)\s*=",
    re.IGNORECASE,
)
"""An argument that holds a secret."""


def _check_secrets(arguments: str) -> None:
    """Refuse arguments with a secret: they are stored with the run, and shown.

    Raises:
        ModelError: there is one.
    """
    if found := _SECRET.search(arguments):
        raise ModelError(
            f"The argument {found['name']} holds a secret, and arguments are stored with the run.",
            "lm-eval reads keys from the environment as well: OPENAI_API_KEY, HF_TOKEN.",
        )


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return whether lm-eval is installed; it says no more before it opens a model."""
    faults.attempt(lambda: _check_secrets(_divided(rest)[1]))
    faults.attempt(lambda: require(("lm_eval",), extra="lm-eval", backend="lm_eval"))
    read_options(Options, "lm_eval", options, faults)
    never = "lm-eval does not say whether a text was cut"
    return ModelFacts(cannot_continue=never)


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> LmEvalModel:
    """Return a model that lm-eval drives.

    Raises:
        MissingExtraError: lm-eval is not installed.
        ModelError: it has no such type, or cannot open it.
    """
    kind, arguments = _divided(rest)
    _check_secrets(arguments)
    require(("lm_eval",), extra="lm-eval", backend="lm_eval")
    return LmEvalModel(name, kind, arguments, read_options(Options, "lm_eval", options))
