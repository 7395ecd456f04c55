"""A process reward model through transformers: a score for each step of a solution.

What it says of a solution is `{"scores": [0.98, 0.12]}`, the probability that each step is right,
and in a box the first step below one half. Two kinds of heads are known: one score for every token,
read at the sign that ends a step, and one for a whole text, asked of every beginning of the
solution.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from math import isfinite
from time import monotonic
from typing import Any

from mathreason_eval.errors import MissingExtraError, ModelError
from mathreason_eval.models.accelerator import attempt, described, first_line
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.models.checker import steps_of
from mathreason_eval.models.checkpoint import Checkpoint, encode, identity, locate, template_hash
from mathreason_eval.models.loading import loading
from mathreason_eval.models.options import read_options
from mathreason_eval.steps.scores import first_below
from mathreason_eval.types import Prompt

_DIGITS = 6
"""Decimals of a score."""
_UNLOADABLE = (
    *(OSError, ValueError, RuntimeError, AttributeError),
    *(AssertionError, ImportError),  # a torch without CUDA; a package that its code asks for
)
_HEADS = {"ForTokenClassification": "token", "ForSequenceClassification": "sequence"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    batch_size: int = 8
    """Texts scored side by side."""
    dtype: str = "auto"
    """`auto` is the checkpoint's own, on a CPU float32; `float32`, `bfloat16`, `float16`."""
    device: str = "auto"
    """`auto` is the GPU where there is one; else `cpu`, `cuda:1`, …"""
    separator: str = "\\n\\n"
    """What ends a step, as the model was trained: `<extra_0>`; `\\n` is a new line."""
    right: int = -1
    """The label that says that a step is right; -1 is the last."""
    trust_remote_code: bool = False
    """Whether to run code that comes with the checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Solution:
    """A request as tokens."""

    request: Request
    tokens: list[int]
    ends: list[int]
    """The place of the token that ends each step."""


class PrmModel:
    """A reward model and its tokenizer, loaded."""

    chat = True
    opening = ""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer, self._model, self._head = _load(checkpoint, options)
        longest = getattr(self._model.config, "max_position_embeddings", None)
        self.name = name
        self.context: int | None = longest if isinstance(longest, int) else None
        self._separator = options.separator.replace("\\n", "\n")
        self._options = options
        self._described = {
            "backend": "prm",
            "engine": f"transformers {version('transformers')}, torch {version('torch')}",
            **identity(checkpoint, self._model.config),
            "head": self._head,
            "separator": self._separator,
            "right": options.right,
            **described(self._model),
            "batch_size": options.batch_size,
            "chat_template_sha256": template_hash(self._tokenizer),
        }

    def describe(self) -> Mapping[str, object]:
        """Return the checkpoint's identity, the libraries' versions and the settings."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield the scores of a batch of solutions at a time."""
        source = iter(requests)
        while window := list(islice(source, self._options.batch_size)):
            fitting: list[_Solution] = []
            for solution in map(self._encoded, window):
                tokens = len(solution.tokens)
                if self.context is not None and tokens > self.context:
                    yield Failure(
                        request=solution.request,
                        reason=f"the solution has {tokens:,} tokens and the context holds "
                        f"{self.context:,}",
                        hint="Take a model with a longer context.",
                    )
                else:
                    fitting.append(solution)
            yield from self._scored(fitting)

    def close(self) -> None:
        """Free the model's memory."""
        self._model = None
        if find_spec("torch"):
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _encoded(self, request: Request) -> _Solution:
        """Return a problem and its steps as tokens, each step tokenised on its own."""
        steps = steps_of(request)
        question = request.prompt.messages[0]
        if self._tokenizer.chat_template is None:
            tokens = encode(self._tokenizer, Prompt(text=question.content + "\n\n"), {})
        else:
            tokens = encode(self._tokenizer, Prompt(messages=(question,)), {})
        tokens, ends = list(tokens), []
        for step in steps:
            # What ends a step may be one special token, which nothing before it can change.
            for part in (step, self._separator):
                tokens += self._tokenizer(part, add_special_tokens=False)["input_ids"]
            ends.append(len(tokens) - 1)
        return _Solution(request=request, tokens=tokens, ends=ends)

    def _scored(self, solutions: Sequence[_Solution]) -> Iterator[Completion | Failure]:
        """Yield the completions of solutions that fit the context."""
        begun = monotonic()
        rows = self._by_token(solutions) if self._head == "token" else self._by_text(solutions)
        for solution, scores in zip(solutions, rows, strict=True):
            if not all(map(isfinite, scores)):
                # No score is not below one half, and would say that the step is right.
                yield Failure(
                    request=solution.request,
                    reason="the model's scores are not all numbers",
                    hint="Take --model-arg dtype=bfloat16 or float32.",
                )
                continue
            shown = json.dumps({"scores": [round(score, _DIGITS) for score in scores]})
            yield Completion(
                request=solution.request,
                text=f"{shown}\n\\boxed{{{first_below(scores)}}}",
                finish_reason="stop",
                prompt_tokens=len(solution.tokens),
                completion_tokens=0,
                seconds=monotonic() - begun,
            )

    def _by_token(self, solutions: Sequence[_Solution]) -> Iterator[list[float]]:
        """Yield the scores of each solution, read where its steps end."""
        if not solutions:
            return
        logits = self._logits([solution.tokens for solution in solutions])
        for row, solution in enumerate(solutions):
            yield self._right(logits[row, solution.ends])

    def _by_text(self, solutions: Sequence[_Solution]) -> Iterator[list[float]]:
        """Yield the scores of each solution, every beginning of it being a text of its own."""
        size = self._options.batch_size
        for solution in solutions:
            texts = [solution.tokens[: end + 1] for end in solution.ends]
            scores: list[float] = []
            for start in range(0, len(texts), size):
                scores += self._right(self._logits(texts[start : start + size]))
            yield scores

    def _logits(self, texts: Sequence[list[int]]) -> Any:  # noqa: ANN401 - a tensor
        """Return what the model's head says of texts, padded on the right."""
        import torch

        longest, pad = max(map(len, texts)), self._model.config.pad_token_id
        device = self._model.device
        padded = [text + [pad] * (longest - len(text)) for text in texts]
        mask = [[1] * len(text) + [0] * (longest - len(text)) for text in texts]
        score = partial(
            self._model,
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(mask, device=device),
        )
        said = attempt(score, device)
        if said is None:
            raise ModelError(
                f"The memory of {device} is too small for a batch of {len(texts)}.",
                f"--model-arg batch_size={max(1, len(texts) // 2)}; the same command goes on.",
            )
        return said[0].float()

    def _right(self, logits: Any) -> list[float]:  # noqa: ANN401 - a tensor
        """Return the probability of `right` in each row of logits."""
        if logits.shape[-1] == 1:
            chances = logits[..., 0].sigmoid()
        else:
            chances = logits.softmax(dim=-1)[..., self._options.right]
        scores: list[float] = chances.tolist()
        return scores


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> PrmModel:
    """Return the reward model of a folder, or of the hub at a revision.

    Raises:
        MissingExtraError: the packages torch or transformers are not installed.
        ModelError: there is no such checkpoint, or it is no reward model.
    """
    read = read_options(Options, "prm", options)
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "hf", "The prm backend")
    return PrmModel(name, locate(rest), read)


def _load(checkpoint: Checkpoint, options: Options) -> tuple[Any, Any, str]:
    """Return tokenizer, model and the kind of its head."""
    import transformers

    how = loading(checkpoint, options)
    try:
        config = transformers.AutoConfig.from_pretrained(checkpoint.place, **how.source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.place, **how.source)
        head = _head(checkpoint, config, trusted=options.trust_remote_code)
        loader = {
            "token": transformers.AutoModelForTokenClassification,
            "sequence": transformers.AutoModelForSequenceClassification,
            "own": transformers.AutoModel,
        }[head]
        model = loader.from_pretrained(checkpoint.place, dtype=how.dtype, **how.source)
        model = model.to(how.device).eval()
    except _UNLOADABLE as error:
        raise ModelError(
            f"{checkpoint.place} cannot be loaded: {first_line(error)}.",
            "Check the name, dtype and device.",
        ) from None
    if model.config.pad_token_id is None:
        # Any token will do: what pads stands behind the text, and is masked.
        model.config.pad_token_id = tokenizer.pad_token_id or tokenizer.eos_token_id or 0
    return tokenizer, model, "token" if head == "own" else head


def _head(checkpoint: Checkpoint, config: Any, *, trusted: bool) -> str:  # noqa: ANN401 - transformers' own
    """Return what scores a checkpoint gives, by the name of its architecture."""
    names = getattr(config, "architectures", None) or [""]
    for ending, head in _HEADS.items():
        if names[0].endswith(ending):
            return head
    if trusted and "AutoModel" in getattr(config, "auto_map", {}):
        # Reward models that bring their own code, as Qwen's do, score every token.
        return "own"
    raise ModelError(
        f"{checkpoint.place} is no reward model: its architecture is {names[0] or 'not said'}.",
        "It must classify tokens or sequences, or bring its own code with trust_remote_code=true.",
    )
