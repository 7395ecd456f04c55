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
from warnings import warn

from mathreason_eval.models import read_object, read_options, require
from mathreason_eval.models.accelerator import free_gpu_memory, run_batch
from mathreason_eval.models.base import Completion, Failure, Request, context_failure, handle
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    LoadOptions,
    describe_loaded,
    encode,
    load,
    locate,
    longest_context,
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """What a batch generated for one request."""

    request: Request
    prompt: list[int]
    tokens: list[int]
    """What was generated, padded on the right."""
    stopped_at: int | None
    """Generated tokens at which a stop string was complete."""
    nonfinite_at: int | None
    """Tokens generated before the model's logits were no longer finite."""
    seconds: float


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
        self._tokens_that_fit: int | None = None
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
            # The longest first, so that a batch too large for the memory shows at once.
            fitting.sort(key=lambda row: (-row[0].sampling.max_tokens, -len(row[1])))
            while fitting:
                batch = self._next_batch(fitting)
                results = self._generate(batch)
                if results is None and len(batch) > 1:
                    self._shrink_batches(batch)
                    continue
                yield from (self._memory_failure(batch[0]),) if results is None else results
                del fitting[: len(batch)]

    def close(self) -> None:
        """Free the model's memory."""
        self._model = None
        free_gpu_memory()

    def _context_failure(self, request: Request, tokens: int) -> Failure | None:
        """Return the failure of a request that does not fit the context, if the model has one."""
        if self.context is None:
            return None
        return context_failure(request, tokens, self.context, "take a model with a longer context")

    def _next_batch(self, fitting: Sequence[_Encoded]) -> Sequence[_Encoded]:
        """Return the next batch: of `batch_size`, or as large as the memory turned out to hold."""
        batch = fitting[: self._options.batch_size]
        if self._tokens_that_fit is None:
            return batch
        return batch[: max(1, self._tokens_that_fit // _row_length(batch))]

    def _shrink_batches(self, batch: Sequence[_Encoded]) -> None:
        """Limit batches to half the tokens of one that the memory is too small for, and warn."""
        self._tokens_that_fit = len(batch) * _row_length(batch) // 2
        warn(
            f"The memory of {self._model.device} is too small for a batch of {len(batch)}; "
            f"trying {len(batch) // 2}.",
            stacklevel=2,
        )

    def _memory_failure(self, encoded: _Encoded) -> Failure:
        """Return the failure of a request that does not fit the memory even alone."""
        request, tokens = encoded
        return Failure(
            request=request,
            reason=f"the memory of {self._model.device} is too small for its {len(tokens):,} "
            f"tokens and max_tokens {request.sampling.max_tokens:,}, even alone",
            hint="Lower --max-tokens, or free the memory.",
        )

    def _generate(self, batch: Sequence[_Encoded]) -> Iterable[Completion | Failure] | None:
        """Return the completions of one batch; None if the memory is too small for it."""
        start = monotonic()
        longest = max(len(tokens) for _, tokens in batch)
        requests = [request for request, _ in batch]
        stop = StopByRow(requests=requests, prompt_length=longest, decode=self._decode)
        generated = run_batch(partial(self._generate_tokens, batch, stop), self._model.device)
        if generated is None:
            return None
        seconds, (tokens, nonfinite_at) = monotonic() - start, generated
        rows = (
            _Row(
                request=request,
                prompt=prompt,
                tokens=tokens[row],
                stopped_at=stop.stopped_at.get(row),
                nonfinite_at=nonfinite_at.get(row),
                seconds=seconds,
            )
            for row, (request, prompt) in enumerate(batch)
        )
        return (handle(row.request, partial(self._completion, row)) for row in rows)

    def _generate_tokens(
        self, batch: Sequence[_Encoded], stop: StopByRow
    ) -> tuple[list[list[int]], Mapping[int, int]]:
        """Return the tokens of each row, padded on the right, and where logits were not finite."""
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        device, pad = self._model.device, self._model.generation_config.pad_token_id
        longest, sampler = stop.prompt_length, SeededSampler(stop.requests, device)
        padded = [[pad] * (longest - len(tokens)) + tokens for _, tokens in batch]
        mask = [[0] * (longest - len(tokens)) + [1] * len(tokens) for _, tokens in batch]
        generated = self._model.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(mask, device=device),
            max_new_tokens=max(request.sampling.max_tokens for request in stop.requests),
            logits_processor=LogitsProcessorList([sampler]),
            stopping_criteria=StoppingCriteriaList([stop]),
        )
        rows: list[list[int]] = generated[:, longest:].tolist()
        return rows, sampler.nonfinite_at()

    def _completion(self, row: _Row) -> Completion | Failure:
        """Return the completion of one row, up to its end of text, stop string or max_tokens."""
        request, ends = row.request, self._model.generation_config.eos_token_id
        tokens = row.tokens[: row.stopped_at or request.sampling.max_tokens]
        end = next((index for index, token in enumerate(tokens) if token in ends), None)
        length = len(tokens) if end is None else end + 1
        if row.nonfinite_at is not None and row.nonfinite_at < length:
            return Failure(
                request=request,
                reason=f"the model's logits were no longer finite after {row.nonfinite_at:,} "
                "tokens",
                hint="Take --model-arg dtype=bfloat16 or float32.",
            )
        return Completion(
            request=request,
            text=cut_at_stop(self._decode(tokens[:end]), request.prompt.stop),
            finish_reason="length" if end is None and row.stopped_at is None else "stop",
            prompt_tokens=len(row.prompt),
            completion_tokens=length,
            seconds=row.seconds,
        )

    def _decode(self, tokens: list[int]) -> str:
        """Return the text of generated tokens; think tags stay where they are ordinary tokens."""
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def _row_length(batch: Sequence[_Encoded]) -> int:
    """Return the tokens, prompt and completion, that each row of a batch may grow to."""
    longest_completion = max(request.sampling.max_tokens for request, _ in batch)
    return max(len(tokens) for _, tokens in batch) + longest_completion


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
        self._length = 0
        self._nonfinite_at = torch.full((len(samplings),), -1, device=device)

    def __call__(self, _tokens: object, scores: torch.Tensor) -> torch.Tensor:
        """Return scores that are finite for the sampled token alone."""
        import torch

        probabilities = torch.softmax(scores.float() / self._temperature, dim=-1)
        self._note_nonfinite(probabilities)
        # The same for all tokens where the row is greedy.
        noise = torch.full_like(probabilities, 0.5)
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

    def nonfinite_at(self) -> Mapping[int, int]:
        """Return the rows whose logits were not finite, with the tokens generated before that."""
        lengths = self._nonfinite_at.tolist()
        return {row: length for row, length in enumerate(lengths) if length >= 0}

    def _note_nonfinite(self, probabilities: torch.Tensor) -> None:
        """Note which rows have no probabilities: one NaN or infinite logit makes all of them NaN.

        In float16 a model may exceed the largest number; the first token of the vocabulary would
        be chosen from then on.
        """
        fresh = probabilities[:, 0].isnan() & (self._nonfinite_at < 0)
        self._nonfinite_at.masked_fill_(fresh, self._length)
        self._length += 1


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
"""Tokens looked at beyond a stop string's bytes: some hold no text at all."""


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
        tails = {
            row: min(length, max(map(_max_tokens, request.prompt.stop)))
            for row, request in enumerate(self.requests)
            if request.prompt.stop and row not in self.stopped_at
        }
        # All rows in one read, because each read waits for the GPU.
        last = tokens[:, -max(tails.values()) :].tolist() if tails else []
        for row, tail in tails.items():
            text = self.decode(last[row][-tail:])
            if any(stop in text for stop in self.requests[row].prompt.stop):
                self.stopped_at[row] = length
                done[row] = True
        return torch.tensor(done, device=tokens.device)


def _max_tokens(stop: str) -> int:
    """Return how many of the last tokens may hold a stop string: one a byte, and a margin."""
    return len(stop.encode(errors="replace")) + _MARGIN


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string in it."""
    found = [start for stop in stops if (start := text.find(stop)) >= 0]
    return text[: min(found)] if found else text
