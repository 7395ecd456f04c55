"""A process reward model through transformers: a score for each step of a solution.

Its completion is `{"scores": [0.98, 0.12]}`, the probability that each step is correct, and boxed
the index of the first step below one half. Two kinds of heads are known: a score for every token,
read at the separator that ends a step, and a score for a text, computed for every prefix.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import isfinite
from time import monotonic
from typing import Any

from mathreason_eval.errors import Faults, ModelError
from mathreason_eval.models import ANY_NUMBER, read_options, require, with_options
from mathreason_eval.models.accelerator import free_gpu_memory, run_batch
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.models.checker import steps_of
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    LoadOptions,
    describe_loaded,
    encode,
    for_transformers,
    load,
    longest_context,
    require_peft,
)
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.tokenizer_files import examine_checkpoint, positions
from mathreason_eval.steps import first_below
from mathreason_eval.types import Prompt

_DIGITS = 6
"""Decimals of a score."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(LoadOptions):
    """What `--model-arg` may set."""

    batch_size: int = 8
    """Texts scored together."""
    separator: str = "\\n\\n"
    """The text that ends a step in the model's training: `<extra_0>`; `\\n` is a line feed."""
    right: int = field(default=-1, metadata=ANY_NUMBER)
    """The index of the label of a correct step; -1: the last."""


ROUNDING_OPTIONS = frozenset({"batch_size"})
"""Options that may change a score by rounding alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Solution:
    """A request as tokens."""

    request: Request
    tokens: list[int]
    ends: list[int]
    """The index of the token that ends each step."""


class PrmModel:
    """A reward model and its tokenizer, loaded."""

    chat = True
    opening = ""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer, self._model, self._head = _load(checkpoint, options)
        self.name = name
        self.computes_in_caller = True
        self.context = longest_context(self._model.config)
        self._separator = options.separator.replace("\\n", "\n")
        self._options = options
        described = {
            **describe_loaded("prm", checkpoint, self._tokenizer, self._model),
            "head": self._head,
            "separator": self._separator,
        }
        self._described = with_options(described, options, rounding=ROUNDING_OPTIONS)

    def describe(self) -> Mapping[str, object]:
        """Return the checkpoint's identity, the libraries' versions and the settings."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield the scores of a batch of solutions at a time."""
        source = iter(requests)
        while window := list(islice(source, self._options.batch_size)):
            fitting: list[_Solution] = []
            for solution in map(self._encode, window):
                tokens = len(solution.tokens)
                if self.context is not None and tokens > self.context:
                    yield Failure(
                        request=solution.request,
                        reason=f"the solution has {tokens:,} tokens and the context holds "
                        f"{self.context:,}",
                        hint="Use a model with a longer context.",
                    )
                else:
                    fitting.append(solution)
            yield from self._completions(fitting)

    def close(self) -> None:
        """Free the model's memory."""
        self._model = None
        free_gpu_memory()

    def _encode(self, request: Request) -> _Solution:
        """Return a problem and its steps as tokens, each step tokenised separately."""
        steps = steps_of(request)
        question = request.prompt.messages[0]
        if self._tokenizer.chat_template is None:
            tokens = encode(self._tokenizer, Prompt(text=question.content + "\n\n"), {})
        else:
            tokens = encode(self._tokenizer, Prompt(messages=(question,)), {})
        tokens, ends = list(tokens), []
        for step in steps:
            # The separator may be one special token, which must not merge with the text before it.
            for part in (step, self._separator):
                tokens += self._tokenizer(part, add_special_tokens=False)["input_ids"]
            ends.append(len(tokens) - 1)
        return _Solution(request=request, tokens=tokens, ends=ends)

    def _completions(self, solutions: Sequence[_Solution]) -> Iterator[Completion | Failure]:
        """Yield the completions of solutions that fit the context."""
        start = monotonic()
        score = self._scores_by_token if self._head == "token" else self._scores_by_prefix
        for solution, scores in zip(solutions, score(solutions), strict=True):
            if not all(map(isfinite, scores)):
                # NaN is not below one half, so the step would count as correct.
                yield Failure(
                    request=solution.request,
                    reason="the model's scores are not all finite numbers",
                    hint="Use --model-arg dtype=bfloat16 or float32.",
                )
                continue
            found = json.dumps({"scores": [round(score, _DIGITS) for score in scores]})
            yield Completion(
                request=solution.request,
                text=f"{found}\n\\boxed{{{first_below(scores)}}}",
                finish_reason="stop",
                prompt_tokens=len(solution.tokens),
                completion_tokens=0,
                seconds=monotonic() - start,
            )

    def _scores_by_token(self, solutions: Sequence[_Solution]) -> Iterator[list[float]]:
        """Yield the scores of each solution, read where its steps end."""
        if not solutions:
            return
        logits = self._logits([solution.tokens for solution in solutions])
        for row, solution in enumerate(solutions):
            yield self._right_probabilities(logits[row, solution.ends])

    def _scores_by_prefix(self, solutions: Sequence[_Solution]) -> Iterator[list[float]]:
        """Yield the scores of each solution, one text per prefix that ends with a step."""
        size = self._options.batch_size
        for solution in solutions:
            texts = [solution.tokens[: end + 1] for end in solution.ends]
            scores: list[float] = []
            for start in range(0, len(texts), size):
                scores += self._right_probabilities(self._logits(texts[start : start + size]))
            yield scores

    def _logits(self, texts: Sequence[list[int]]) -> Any:  # noqa: ANN401 - a tensor
        """Return the logits of the model's head for a batch of texts, padded on the right."""
        import torch

        longest, pad = max(map(len, texts)), self._model.config.pad_token_id
        device = self._model.device
        padded = [text + [pad] * (longest - len(text)) for text in texts]
        mask = [[1] * len(text) + [0] * (longest - len(text)) for text in texts]
        outputs = run_batch(
            lambda: self._model(
                input_ids=torch.tensor(padded, device=device),
                attention_mask=torch.tensor(mask, device=device),
            ),
            device,
        )
        if outputs is None:
            raise ModelError(
                f"The memory of {device} is too small for a batch of {len(texts)}.",
                f"Add --model-arg batch_size={max(1, len(texts) // 2)}; the command resumes.",
            )
        return outputs[0].float()

    def _right_probabilities(self, logits: Any) -> list[float]:  # noqa: ANN401 - a tensor
        """Return the probability of the label of a correct step in each row of logits."""
        if logits.shape[-1] == 1:
            probabilities = logits[..., 0].sigmoid()
        else:
            probabilities = logits.softmax(dim=-1)[..., self._options.right]
        scores: list[float] = probabilities.tolist()
        return scores


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what the checkpoint's files say; what it is asked is counted when it is loaded."""
    faults.attempt(lambda: require(("torch", "transformers"), extra="hf", backend="prm"))
    faults.attempt(lambda: require_peft("prm", rest))
    read_options(Options, "prm", options, faults)
    examine_checkpoint(rest, faults, context_of=positions)
    return ModelFacts(
        chat=True, needs_steps=True, cannot_continue="a model that judges steps writes no text"
    )


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> PrmModel:
    """Return the reward model of a folder, or of the hub at a revision.

    Raises:
        MissingExtraError: the packages torch or transformers are not installed.
        ModelError: there is no such checkpoint, or it is not a reward model.
    """
    chosen = read_options(Options, "prm", options)
    require(("torch", "transformers"), extra="hf", backend="prm")
    return PrmModel(name, for_transformers(rest, "prm"), chosen)


def _load(checkpoint: Checkpoint, options: Options) -> tuple[Any, Any, str]:
    """Return the tokenizer, the model and the kind of its head: `token` or `sequence`."""
    tokenizer, model = load(
        checkpoint,
        options,
        lambda config: _class_of(checkpoint, config, trusted=options.trust_remote_code),
    )
    if model.config.pad_token_id is None:
        # Any token works: padding follows the text, and is masked.
        model.config.pad_token_id = tokenizer.pad_token_id or tokenizer.eos_token_id or 0
    by_text = type(model).__name__.endswith("ForSequenceClassification")
    return tokenizer, model, "sequence" if by_text else "token"


def _class_of(checkpoint: Checkpoint, config: Any, *, trusted: bool) -> Any:  # noqa: ANN401 - transformers' own
    """Return the class that loads a reward model, by the name of its architecture."""
    import transformers

    name = (getattr(config, "architectures", None) or [""])[0]
    if name.endswith("ForTokenClassification"):
        return transformers.AutoModelForTokenClassification
    if name.endswith("ForSequenceClassification"):
        return transformers.AutoModelForSequenceClassification
    if trusted and "AutoModel" in getattr(config, "auto_map", {}):
        # Reward models with code of their own, such as Qwen's, score every token.
        return transformers.AutoModel
    raise ModelError(
        f"{checkpoint.place} is not a reward model: its architecture is {name or 'unknown'}.",
        "It must classify tokens or sequences, or run its own code: trust_remote_code=true.",
    )
