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

from mathreason_eval.errors import MissingExtraError, ModelError
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
        self._described = {
            "backend": "hf",
            "engine": f"transformers {version('transformers')}, torch {version('torch')}",
            **identity(checkpoint, self._model.config),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": str(self._model.device),
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
            for start in range(0, len(fitting), size):
                yield from self._answer(fitting[start : start + size])

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

    def _answer(self, batch: Sequence[_Encoded]) -> Iterator[Completion | Failure]:
        """Yield the completions of one batch."""
        import torch

        begun = monotonic()
        longest = max(len(tokens) for _, tokens in batch)
        requests = [request for request, _ in batch]
        stop = Stop(requests=requests, prompt_length=longest, decode=self._decode)
        try:
            with torch.inference_mode():
                rows = self._generate(batch, longest, stop)
        except torch.OutOfMemoryError:
            raise ModelError(
                f"The memory of {self._model.device} is too small for a batch of {len(batch)}.",
                f"--model-arg batch_size={max(1, len(batch) // 2)}; the same command goes on.",
            ) from None
        seconds = monotonic() - begun
        for row, (request, prompt) in enumerate(batch):
            stopped_at = stop.stopped_at.get(row)
            read = partial(self._completion, request, prompt, rows[row], stopped_at, seconds)
            yield handle(request, read)

    def _generate(self, batch: Sequence[_Encoded], longest: int, stop: Stop) -> list[list[int]]:
        """Return the generated tokens of each row, padded on the right."""
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        device, pad = self._model.device, self._model.generation_config.pad_token_id
        padded = [[pad] * (longest - len(tokens)) + tokens for _, tokens in batch]
        mask = [[0] * (longest - len(tokens)) + [1] * len(tokens) for _, tokens in batch]
        requests = stop.requests
        everything = self._model.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(mask, device=device),
            max_new_tokens=max(request.sampling.max_tokens for request in requests),
            logits_processor=LogitsProcessorList([Draw(requests, device)]),
            stopping_criteria=StoppingCriteriaList([stop]),
        )
        rows: list[list[int]] = everything[:, longest:].tolist()
        return rows

    def _completion(
        self,
        request: Request,
        prompt: list[int],
        row: list[int],
        stopped_at: int | None,
        seconds: float,
    ) -> Completion:
        """Return what one row says, up to its end of text, its stop string or its max_tokens."""
        ends = self._model.generation_config.eos_token_id
        row = row[: stopped_at or request.sampling.max_tokens]
        end = next((place for place, token in enumerate(row) if token in ends), None)
        made = row if end is None else row[: end + 1]
        text = self._decode(made if end is None else made[:-1])
        return Completion(
            request=request,
            text=cut(text, request.prompt.stop),
            finish_reason="length" if end is None and stopped_at is None else "stop",
            prompt_tokens=len(prompt),
            completion_tokens=len(made),
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
    except (ValueError, RuntimeError, AttributeError) as error:
        raise ModelError(
            f"{checkpoint.place} cannot be loaded: {error}.", "Check dtype and device."
        ) from None
    own = model.generation_config.eos_token_id
    ends = own if isinstance(own, list) else [tokenizer.eos_token_id if own is None else own]
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=ends, pad_token_id=pad, bos_token_id=tokenizer.bos_token_id
    )
    return tokenizer, model


def _unloadable(checkpoint: Checkpoint, error: OSError) -> ModelError:
    """Return the error of a folder that lacks a file, or of an id that the hub does not have."""
    if checkpoint.folder is None:
        return checkpoint.not_found()
    first = str(error).strip().splitlines()[0]
    return ModelError(f"The folder {checkpoint.place} holds no model: {first}", "Give another.")
