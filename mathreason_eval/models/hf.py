"""A checkpoint through transformers, batch by batch: slow, simple, for any architecture.

Each row of a batch is sampled by its own seed, whatever else is in the batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any
from warnings import warn

from mathreason_eval.errors import Faults
from mathreason_eval.models import read_options, require, with_options
from mathreason_eval.models.accelerator import free_gpu_memory, run_batch
from mathreason_eval.models.base import Completion, Failure, Request, context_failure, handle
from mathreason_eval.models.budget import template_thinks
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    LoadOptions,
    PromptEncoder,
    describe_loaded,
    for_transformers,
    load,
    longest_context,
    prompt_tokens,
    read_template_arguments,
    require_peft,
    template_opening,
    template_system_role,
)
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.refill import Rows, Running, refills
from mathreason_eval.models.rows import SeededSampler, StopByRow, cut_at_stop
from mathreason_eval.models.tokenizer_files import examine_checkpoint, positions
from mathreason_eval.models.tokens import TokenReader

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(LoadOptions):
    """What `--model-arg` may set."""

    batch_size: int = 32
    """Requests generated together; a batch takes as long as its longest."""
    refill: bool = True
    """Whether a finished row makes room for the next request, where the model's cache allows it."""
    chat: bool | None = None
    """None: whether the tokenizer has a chat template; False asks with plain text."""
    chat_template_kwargs: str = "{}"
    """A JSON object for the chat template: `{"enable_thinking": false}`."""
    attn_implementation: str | None = None
    """`sdpa`, `eager`, `flash_attention_2`; None: transformers' choice."""


ROUNDING_OPTIONS = frozenset({"batch_size", "refill"})
"""Options that may change a token by rounding alone."""

_Encoded = tuple[Request, list[int]]
"""A request and its prompt as tokens."""
_TOGETHER = 8
"""One of so many rows is free before others join."""
_WINDOW = 4
"""Number of batches whose requests are sorted by length together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """What a batch generated for one request."""

    request: Request
    prompt: list[int]
    tokens: list[int]
    """Generated token ids, padded on the right."""
    stopped_at: int | None
    """Number of generated tokens when a stop string was complete; None: no stop string."""
    nonfinite_at: int | None
    """Tokens generated before the model's logits were not finite; None: always finite."""
    seconds: float


class HfModel:
    """A causal language model and its tokenizer, loaded."""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        self._template_arguments = read_template_arguments(options.chat_template_kwargs)
        self._tokenizer, self._model = _load(checkpoint, options)
        has_template = self._tokenizer.chat_template is not None
        self.name = name
        self.computes_in_caller = True
        self.continues = True
        self.chat = has_template if options.chat is None else options.chat
        self.context = longest_context(self._model.config.get_text_config())
        arguments = self._template_arguments
        self.opening = template_opening(self._tokenizer, arguments) if self.chat else ""
        self.thinks = self.chat and template_thinks(self._tokenizer.chat_template, self.opening)
        self.prompt_tokens = partial(prompt_tokens, self._tokenizer, arguments)
        self.system_role = partial(template_system_role, self._tokenizer, arguments)
        self._reader = TokenReader(self._tokenizer, self.opening)
        self._encode = PromptEncoder(self._tokenizer, arguments)
        self._options = options
        self._tokens_that_fit: int | None = None
        self._rows_that_fit = options.batch_size
        self._refills = options.refill and refills(self._model)
        described = {
            **describe_loaded("hf", checkpoint, self._tokenizer, self._model),
            "chat": self.chat,
            "chat_template_kwargs": arguments,
            "opening": self.opening or None,
        }
        self._described = with_options(described, options, rounding=ROUNDING_OPTIONS)

    def describe(self) -> Mapping[str, object]:
        """Return the checkpoint's identity, the libraries' versions and the settings."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield results as rows finish and others take their place, or a batch at a time."""
        if self._refills:
            return self._refilled(iter(requests))
        return self._in_batches(requests)

    def _refilled(self, source: Iterator[Request]) -> Iterator[Completion | Failure]:
        """Yield results as rows finish; a request takes the place of each."""
        rows, waiting, more = Rows(self._model, self._reader.decode), deque[_Encoded](), True
        while True:
            room = self._rows_that_fit - len(rows.running)
            # A few at once: reading a prompt takes as long as a token of every row.
            while more and len(waiting) < room >= max(1, self._rows_that_fit // _TOGETHER):
                request = next(source, None)
                if request is None:
                    more = False
                    break
                tokens = self._encode(request.prompt)
                if failure := self._context_failure(request, len(tokens)):
                    yield failure
                else:
                    waiting.append((request, tokens))
            joining = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            if not rows.running and not joining:
                return
            if not self._moved(rows, joining):
                yield from self._shrink_rows(rows, joining, waiting)
                continue
            for row in rows.finished():
                yield handle(row.request, partial(self._completion, row))
                more = True  # There may be one again, once a result is taken.

    def _moved(self, rows: Rows, joining: Sequence[_Encoded]) -> bool:
        """Return whether rows have joined, or all have a token more; False if memory ran out."""
        work = partial(rows.add, joining) if joining else rows.step
        # What is returned is None where the memory is too small.
        return run_batch(lambda: work() or True, self._model.device) is not None

    def _shrink_rows(
        self, rows: Rows, joining: Sequence[_Encoded], waiting: deque[_Encoded]
    ) -> Iterator[Failure]:
        """Have half the rows generated from now on; they begin again, as their cache is torn."""
        left = [*rows.abandon(), *joining]
        if len(left) == 1:
            yield self._memory_failure(left[0])
            return
        self._rows_that_fit = max(1, len(left) // 2)
        waiting.extendleft(reversed(left))
        self._warn_of_memory(len(left))

    def _in_batches(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield a batch of results at a time; requests of similar length share a batch."""
        source, size = iter(requests), self._options.batch_size
        while window := list(islice(source, _WINDOW * size)):
            fitting: list[_Encoded] = []
            for request in window:
                tokens = self._encode(request.prompt)
                if failure := self._context_failure(request, len(tokens)):
                    yield failure
                else:
                    fitting.append((request, tokens))
            # The longest first, so that a batch too large for the memory fails at once.
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
        return context_failure(request, tokens, self.context, "use a model with a longer context")

    def _next_batch(self, fitting: Sequence[_Encoded]) -> Sequence[_Encoded]:
        """Return the next batch: of `batch_size`, or smaller if the memory has proved too small."""
        batch = fitting[: self._options.batch_size]
        if self._tokens_that_fit is None:
            return batch
        return batch[: max(1, self._tokens_that_fit // _row_length(batch))]

    def _shrink_batches(self, batch: Sequence[_Encoded]) -> None:
        """Limit batches to half the tokens of one that the memory is too small for, and warn."""
        self._tokens_that_fit = len(batch) * _row_length(batch) // 2
        self._warn_of_memory(len(batch))

    def _warn_of_memory(self, rows: int) -> None:
        warn(
            f"The memory of {self._model.device} is too small for a batch of {rows}; "
            f"trying {rows // 2}.",
            stacklevel=3,
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
        stop = StopByRow(requests=requests, prompt_length=longest, decode=self._reader.decode)
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

    def _completion(self, row: _Row | Running) -> Completion | Failure:
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
                hint="Use --model-arg dtype=bfloat16 or float32.",
            )
        text = cut_at_stop(self._reader.decode(tokens[:end]), request.prompt.stop)
        return Completion(
            request=request,
            text=text,
            finish_reason="length" if end is None and row.stopped_at is None else "stop",
            prompt_tokens=len(row.prompt),
            completion_tokens=length,
            reasoning_tokens=None
            if request.prompt.begun
            else self._reader.reasoning_tokens(tokens[:end], self._reader.thought(text)),
            seconds=row.seconds,
        )


def _row_length(batch: Sequence[_Encoded]) -> int:
    """Return the number of tokens, prompt and completion, that each row of a batch may reach."""
    longest_completion = max(request.sampling.max_tokens for request, _ in batch)
    return max(len(tokens) for _, tokens in batch) + longest_completion


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what the checkpoint's files say."""
    faults.attempt(lambda: require(("torch", "transformers"), extra="hf", backend="hf"))
    faults.attempt(lambda: require_peft("hf", rest))
    chosen = read_options(Options, "hf", options, faults)
    return examine_checkpoint(
        rest,
        faults,
        chat=chosen.chat,
        template_arguments=chosen.chat_template_kwargs,
        trust_remote_code=chosen.trust_remote_code,
        context_of=positions,
    )


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> HfModel:
    """Return the checkpoint of a folder, or of the hub at a revision.

    Raises:
        MissingExtraError: the packages torch or transformers are not installed.
        ModelError: there is no such checkpoint, or it cannot be loaded.
    """
    require(("torch", "transformers"), extra="hf", backend="hf")
    return HfModel(name, for_transformers(rest, "hf"), read_options(Options, "hf", options))


def _load(checkpoint: Checkpoint, options: Options) -> tuple[Any, Any]:
    """Return tokenizer and model, whose generation config has only its special tokens.

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
