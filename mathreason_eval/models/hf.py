"""A checkpoint through transformers, batch by batch: slow, plain, right for any architecture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from time import monotonic
from typing import Any
from warnings import warn

from mathreason_eval.errors import MissingExtraError, ModelError
from mathreason_eval.models.accelerator import attempt, described, first_line
from mathreason_eval.models.answers import overfull
from mathreason_eval.models.base import Completion, Failure, Request, handle
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    encode,
    identity,
    locate,
    opening,
    template_hash,
)
from mathreason_eval.models.drawing import Draw, Stop, cut
from mathreason_eval.models.loading import loading
from mathreason_eval.models.options import read_object, read_options

_WINDOW = 4
"""Batches' worth of requests that are sorted by length together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    batch_size: int = 32
    """Requests generated side by side; a batch lasts as long as its longest."""
    dtype: str = "auto"
    """`auto` is the checkpoint's own on a GPU and `float32` on a CPU; or `bfloat16`, `float16`."""
    device: str = "auto"
    """`auto` is the GPU where there is one; else `cpu`, `cuda:1`, …"""
    chat: bool | None = None
    """None is whether the tokenizer has a chat template; False asks with bare text."""
    chat_template_kwargs: str = "{}"
    """A JSON object for the chat template: `{"enable_thinking": false}`."""
    attn_implementation: str | None = None
    """`sdpa`, `eager`, `flash_attention_2`; None is transformers' choice."""
    trust_remote_code: bool = False
    """Whether to run code that comes with the checkpoint."""


_Encoded = tuple[Request, list[int]]
"""A request, and the tokens of its prompt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """What a batch made of one request."""

    request: Request
    prompt: list[int]
    tokens: list[int]
    """What was generated, padded on the right."""
    stopped_at: int | None
    """Tokens at which a stop string was complete."""
    lost_at: int | None
    """Tokens before the first that the model gave no shares for."""
    seconds: float


class HfModel:
    """A model and its tokenizer, loaded."""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        self._template_arguments = read_object("chat_template_kwargs", options.chat_template_kwargs)
        self._tokenizer, self._model = _load(checkpoint, options)
        config = self._model.config.get_text_config()
        longest = getattr(config, "max_position_embeddings", None)
        has_template = self._tokenizer.chat_template is not None
        self.name = name
        self.chat = has_template if options.chat is None else options.chat
        self.context: int | None = longest if isinstance(longest, int) else None
        self.opening = opening(self._tokenizer, self._template_arguments) if self.chat else ""
        self._options = options
        self._room: int | None = None
        self._described = {
            "backend": "hf",
            "engine": f"transformers {version('transformers')}, torch {version('torch')}",
            **identity(checkpoint, self._model.config),
            **described(self._model),
            "batch_size": options.batch_size,
            "chat_template_sha256": template_hash(self._tokenizer),
            "chat_template_kwargs": self._template_arguments,
        }

    def describe(self) -> Mapping[str, object]:
        """Return the checkpoint's identity, the libraries' versions and the settings."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield a batch of results at a time; requests of like length share a batch."""
        source, size = iter(requests), self._options.batch_size
        while window := list(islice(source, _WINDOW * size)):
            fitting: list[_Encoded] = []
            for request in window:
                tokens = encode(self._tokenizer, request.prompt, self._template_arguments)
                refused = self._refusal(request, len(tokens))
                if refused:
                    yield refused
                else:
                    fitting.append((request, tokens))
            # The longest first: what does not fit the memory shows at once.
            fitting.sort(key=lambda row: (-row[0].sampling.max_tokens, -len(row[1])))
            while fitting:
                batch = self._batch(fitting)
                made = self._answer(batch)
                if made is None and len(batch) > 1:
                    self._make_room(batch)
                    continue
                yield from (self._too_large(batch[0]),) if made is None else made
                del fitting[: len(batch)]

    def close(self) -> None:
        """Free the model's memory."""
        self._model = None
        if find_spec("torch"):
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _refusal(self, request: Request, tokens: int) -> Failure | None:
        """Return the failure of a request that does not fit the context, if the model has one."""
        if self.context is None:
            return None
        return overfull(request, tokens, self.context, "take a model with a longer context")

    def _batch(self, fitting: Sequence[_Encoded]) -> Sequence[_Encoded]:
        """Return the next batch: of the size asked for, or of what the memory was seen to hold."""
        batch = fitting[: self._options.batch_size]
        if self._room is None:
            return batch
        return batch[: max(1, self._room // _width(batch))]

    def _make_room(self, batch: Sequence[_Encoded]) -> None:
        """Note that the memory holds half of this batch's tokens at most, and say so."""
        self._room = len(batch) * _width(batch) // 2
        warn(
            f"The memory of {self._model.device} is too small for a batch of {len(batch)}; "
            f"{len(batch) // 2} are tried.",
            stacklevel=2,
        )

    def _too_large(self, one: _Encoded) -> Failure:
        """Return the failure of a request that the memory is too small for, alone."""
        request, tokens = one
        return Failure(
            request=request,
            reason=f"the memory of {self._model.device} is too small for its {len(tokens):,} "
            f"tokens and max_tokens {request.sampling.max_tokens:,}, even alone",
            hint="Lower --max-tokens, or free the memory.",
        )

    def _answer(self, batch: Sequence[_Encoded]) -> Iterable[Completion | Failure] | None:
        """Return the completions of one batch; None where the memory is too small for it."""
        begun = monotonic()
        longest = max(len(tokens) for _, tokens in batch)
        requests = [request for request, _ in batch]
        stop = Stop(requests=requests, prompt_length=longest, decode=self._decode)
        generated = attempt(partial(self._generate, batch, stop), self._model.device)
        if generated is None:
            return None
        seconds, (rows, lost) = monotonic() - begun, generated
        made = (
            _Row(
                request=request,
                prompt=prompt,
                tokens=rows[row],
                stopped_at=stop.stopped_at.get(row),
                lost_at=lost.get(row),
                seconds=seconds,
            )
            for row, (request, prompt) in enumerate(batch)
        )
        return (handle(row.request, partial(self._completion, row)) for row in made)

    def _generate(
        self, batch: Sequence[_Encoded], stop: Stop
    ) -> tuple[list[list[int]], Mapping[int, int]]:
        """Return the generated tokens of each row, padded on the right, and the rows lost."""
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        device, pad = self._model.device, self._model.generation_config.pad_token_id
        longest, draw = stop.prompt_length, Draw(stop.requests, device)
        padded = [[pad] * (longest - len(tokens)) + tokens for _, tokens in batch]
        mask = [[0] * (longest - len(tokens)) + [1] * len(tokens) for _, tokens in batch]
        everything = self._model.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(mask, device=device),
            max_new_tokens=max(request.sampling.max_tokens for request in stop.requests),
            logits_processor=LogitsProcessorList([draw]),
            stopping_criteria=StoppingCriteriaList([stop]),
        )
        rows: list[list[int]] = everything[:, longest:].tolist()
        return rows, draw.lost_at()

    def _completion(self, row: _Row) -> Completion | Failure:
        """Return what one row says, up to its end of text, its stop string or its max_tokens."""
        request, ends = row.request, self._model.generation_config.eos_token_id
        tokens = row.tokens[: row.stopped_at or request.sampling.max_tokens]
        end = next((place for place, token in enumerate(tokens) if token in ends), None)
        made = tokens if end is None else tokens[: end + 1]
        if row.lost_at is not None and row.lost_at < len(made):
            return Failure(
                request=request,
                reason=f"the model's numbers were no longer finite after {row.lost_at:,} tokens",
                hint="Take --model-arg dtype=bfloat16 or float32.",
            )
        text = self._decode(made if end is None else made[:-1])
        return Completion(
            request=request,
            text=cut(text, request.prompt.stop),
            finish_reason="length" if end is None and row.stopped_at is None else "stop",
            prompt_tokens=len(row.prompt),
            completion_tokens=len(made),
            seconds=row.seconds,
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
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "hf", "The hf backend")
    return HfModel(name, locate(rest), read_options(Options, "hf", options))


def _load(checkpoint: Checkpoint, options: Options) -> tuple[Any, Any]:
    """Return tokenizer and model, with a generation config that says where texts end and no more.

    A checkpoint's own temperature, top_k or penalties would change what the run says it samples.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    how = loading(checkpoint, options)
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint.place, **how.source)
        model = AutoModelForCausalLM.from_pretrained(
            checkpoint.place,
            dtype=how.dtype,
            attn_implementation=options.attn_implementation,
            **how.source,
        )
        model = model.to(how.device).eval()
    except OSError as error:
        raise _unloadable(checkpoint, error) from None
    except (ValueError, RuntimeError, AttributeError, AssertionError, ImportError) as error:
        # A torch without CUDA asserts, and a package that attention asks for may be missing.
        raise ModelError(
            f"{checkpoint.place} cannot be loaded: {first_line(error)}.",
            "Check dtype, device and attn_implementation.",
        ) from None
    own = model.generation_config.eos_token_id
    ends = own if isinstance(own, list) else [tokenizer.eos_token_id if own is None else own]
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=ends, pad_token_id=pad, bos_token_id=tokenizer.bos_token_id
    )
    return tokenizer, model


def _width(batch: Sequence[_Encoded]) -> int:
    """Return the tokens that each row of a batch may come to hold."""
    most = max(request.sampling.max_tokens for request, _ in batch)
    return most + max(len(tokens) for _, tokens in batch)


def _unloadable(checkpoint: Checkpoint, error: OSError) -> ModelError:
    """Return the error of a folder that lacks a file, or of an id that the hub does not have."""
    if checkpoint.folder is None:
        return checkpoint.not_found()
    first = str(error).strip().splitlines()[0]
    return ModelError(f"The folder {checkpoint.place} holds no model: {first}", "Give another.")
