"""A checkpoint through transformers, batch by batch: slow, simple, right for any architecture.

Each row of a batch is sampled by its own seed, whatever else is in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any

from mathreason_eval.models import read_object, read_options, require
from mathreason_eval.models.base import Completion, Failure, Request, context_failure, handle
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    LoadOptions,
    describe_loaded,
    encode,
    free_gpu_memory,
    load,
    locate,
    longest_context,
    out_of_memory,
    template_opening,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(LoadOptions):
    """What `--model-arg` may set."""

    batch_size: int = 32
    """Requests generated together; a batch takes as long as its longest."""
    chat: bool | None = None
    """None is whether the tokenizer has a chat template; False asks with bare text."""
    chat_template_kwargs: str = "{}"
    """A JSON object for the chat template: `{"enable_thinking": false}`."""
    attn_implementation: str | None = None
    """`sdpa`, `eager`, `flash_attention_2`; None is transformers' choice."""


_Encoded = tuple[Request, list[int]]
"""A request and its prompt as tokens."""
_WINDOW = 4
"""Batches of requests that are sorted by length together."""


class HfModel:
    """A causal language model and its tokenizer, loaded."""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        self._template_arguments = read_object("chat_template_kwargs", options.chat_template_kwargs)
        self._tokenizer, self._model = _load(checkpoint, options)
        has_template = self._tokenizer.chat_template is not None
        self.name = name
        self.chat = has_template if options.chat is None else options.chat
        self.context = longest_context(self._model.config.get_text_config())
        arguments = self._template_arguments
        self.opening = template_opening(self._tokenizer, arguments) if self.chat else ""
        self._options = options
        self._described = {
            **describe_loaded(checkpoint, self._tokenizer, self._model),
            "backend": "hf",
            "batch_size": options.batch_size,
            "chat_template_kwargs": arguments,
        }

    def describe(self) -> Mapping[str, object]:
        """Return the checkpoint's identity, the libraries' versions and the settings."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield a batch of results at a time; requests of similar length share a batch."""
        source, size = iter(requests), self._options.batch_size
        while window := list(islice(source, _WINDOW * size)):
            fitting: list[_Encoded] = []
            for request in window:
                tokens = encode(self._tokenizer, request.prompt, self._template_arguments)
                if failure := self._context_failure(request, len(tokens)):
                    yield failure
                else:
                    fitting.append((request, tokens))
            # The longest first, so that a batch too large for the memory fails at once.
            fitting.sort(key=lambda row: (-row[0].sampling.max_tokens, -len(row[1])))
            for start in range(0, len(fitting), size):
                yield from self._generate(fitting[start : start + size])

    def close(self) -> None:
        """Free the model's memory."""
        self._model = None
        free_gpu_memory()

    def _context_failure(self, request: Request, tokens: int) -> Failure | None:
        """Return the failure of a request that does not fit the context, if the model has one."""
        if self.context is None:
            return None
        return context_failure(request, tokens, self.context, "take a model with a longer context")

    def _generate(self, batch: Sequence[_Encoded]) -> Iterator[Completion | Failure]:
        """Yield the completions of one batch."""
        import torch

        start = monotonic()
        longest = max(len(tokens) for _, tokens in batch)
        requests = [request for request, _ in batch]
        stop = StopByRow(requests=requests, prompt_length=longest, decode=self._decode)
        try:
            with torch.inference_mode():
                rows = self._generate_tokens(batch, longest, stop)
        except torch.OutOfMemoryError:
            raise out_of_memory(self._model.device, len(batch)) from None
        seconds = monotonic() - start
        for row, (request, prompt) in enumerate(batch):
            stopped_at = stop.stopped_at.get(row)
            read = partial(self._completion, request, prompt, rows[row], stopped_at, seconds)
            yield handle(request, read)

    def _generate_tokens(
        self, batch: Sequence[_Encoded], longest: int, stop: StopByRow
    ) -> list[list[int]]:
        """Return the generated tokens of each row, padded on the right."""
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        device, pad = self._model.device, self._model.generation_config.pad_token_id
        padded = [[pad] * (longest - len(tokens)) + tokens for _, tokens in batch]
        mask = [[0] * (longest - len(tokens)) + [1] * len(tokens) for _, tokens in batch]
        requests = stop.requests
        generated = self._model.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(mask, device=device),
            max_new_tokens=max(request.sampling.max_tokens for request in requests),
            logits_processor=LogitsProcessorList([SeededSampler(requests, device)]),
            stopping_criteria=StoppingCriteriaList([stop]),
        )
        rows: list[list[int]] = generated[:, longest:].tolist()
        return rows

    def _completion(
        self,
        request: Request,
        prompt: list[int],
        row: list[int],
        stopped_at: int | None,
        seconds: float,
    ) -> Completion:
        """Return the completion of one row, up to its end of text, stop string or max_tokens."""
        ends = self._model.generation_config.eos_token_id
        row = row[: stopped_at or request.sampling.max_tokens]
        end = next((index for index, token in enumerate(row) if token in ends), None)
        text = self._decode(row if end is None else row[:end])
        return Completion(
            request=request,
            text=cut_at_stop(text, request.prompt.stop),
            finish_reason="length" if end is None and stopped_at is None else "stop",
            prompt_tokens=len(prompt),
            completion_tokens=len(row) if end is None else end + 1,
            seconds=seconds,
        )

    def _decode(self, tokens: list[int]) -> str:
        """Return the text of generated tokens; think tags stay where they are ordinary tokens."""
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> HfModel:
    """Return the checkpoint of a folder, or of the hub at a revision.

    Raises:
        MissingExtraError: the packages torch or transformers are not installed.
        ModelError: there is no such checkpoint, or it cannot be loaded.
    """
    require(("torch", "transformers"), extra="hf", backend="hf")
    return HfModel(name, locate(rest), read_options(Options, "hf", options))


def _load(checkpoint: Checkpoint, options: Options) -> tuple[Any, Any]:
    """Return tokenizer and model, with a generation config of special tokens alone.

    A checkpoint's own temperature, top_k or penalties would change the run's sampling.
    """
    from transformers import AutoModelForCausalLM, GenerationConfig

    tokenizer, model = load(
        checkpoint,
        options,
        lambda _: AutoModelForCausalLM,
        attn_implementation=options.attn_implementation,
    )
    own = model.generation_config.eos_token_id
    ends = own if isinstance(own, list) else [tokenizer.eos_token_id if own is None else own]
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=ends, pad_token_id=pad, bos_token_id=tokenizer.bos_token_id
    )
    return tokenizer, model


# --- sampling and stopping, row by row -------------------------------------------------------


class SeededSampler:
    """A logits processor that leaves each row only the token sampled for it.

    A row's randomness is made from its request's seed alone, so the batch does not change it. The
    token is the one with the largest probability divided by exponential noise, which samples by
    probability (the Gumbel-max trick). Inverting the cumulative distribution needs less noise, but
    rounding that differs with the batch then changes most rare tokens.
    """

    def __init__(self, requests: Sequence[Request], device: Any) -> None:  # noqa: ANN401 - torch's own
        import torch

        samplings = [request.sampling for request in requests]
        self._generators = [
            torch.Generator(device).manual_seed(request.seed)
            if request.sampling.temperature > 0
            else None
            for request in requests
        ]
        temperature = torch.tensor([s.temperature for s in samplings], device=device)
        self._temperature = temperature.masked_fill(temperature == 0, 1.0).unsqueeze(1)
        self._top_p = torch.tensor([s.top_p for s in samplings], device=device).unsqueeze(1)

    def __call__(self, _tokens: object, scores: torch.Tensor) -> torch.Tensor:
        """Return scores that are finite for the sampled token alone."""
        import torch

        probabilities = torch.softmax(scores.float() / self._temperature, dim=-1)
        noise = torch.full_like(
            probabilities, 0.5
        )  # the same for all tokens where the row is greedy
        for row, generator in enumerate(self._generators):
            if generator is not None:
                noise[row].uniform_(generator=generator)
        # The logarithm makes it exponential, five times as fast as torch's own exponential noise.
        noise.log_().neg_()
        rows = (self._top_p < 1).squeeze(1).nonzero().squeeze(1)
        if len(rows):
            probabilities[rows] = _nucleus(probabilities[rows], self._top_p[rows])
        chosen = (probabilities / noise).argmax(dim=-1, keepdim=True)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)


_RANKED = 512
"""Tokens ranked at first; they nearly always hold top_p, and sorting all takes ten times longer."""


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Return the probabilities with those outside the nucleus set to 0.

    A token stays while those before it hold less than top_p, and so do those that have the same
    probability as the last: which of them is ranked first depends on the batch.
    """
    import torch

    ranked = probabilities.topk(min(_RANKED, probabilities.shape[-1]), dim=-1).values
    if (ranked.sum(dim=-1, keepdim=True) < top_p).any():
        ranked = probabilities.sort(dim=-1, descending=True).values
    outside = ranked.cumsum(dim=-1) - ranked >= top_p
    least = ranked.masked_fill(outside, torch.inf).amin(dim=-1, keepdim=True)
    return probabilities.masked_fill(probabilities < least, 0.0)


_MARGIN = 4
"""Tokens looked at beyond a stop string's length, where a token holds less than a character."""


@dataclass(kw_only=True, slots=True)
class StopByRow:
    """A stopping criterion with each row's own max_tokens and stop strings."""

    requests: Sequence[Request]
    prompt_length: int
    decode: Callable[[list[int]], str]
    stopped_at: dict[int, int] = field(default_factory=dict)
    """Generated tokens at which a row's stop string was complete."""

    def __call__(self, tokens: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        """Return which rows are done."""
        import torch

        length = tokens.shape[1] - self.prompt_length
        done = [length >= request.sampling.max_tokens for request in self.requests]
        for row, request in enumerate(self.requests):
            stops = request.prompt.stop
            if not stops or row in self.stopped_at:
                continue
            tail = min(length, max(map(len, stops)) + _MARGIN)
            text = self.decode(tokens[row, -tail:].tolist())
            if any(stop in text for stop in stops):
                self.stopped_at[row] = length
                done[row] = True
        return torch.tensor(done, device=tokens.device)


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string in it."""
    found = [start for stop in stops if (start := text.find(stop)) >= 0]
    return text[: min(found)] if found else text
