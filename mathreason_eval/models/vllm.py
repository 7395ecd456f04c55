"""A checkpoint through vLLM's own continuous batching, results as they finish."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from itertools import count, islice
from multiprocessing import active_children
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
from mathreason_eval.models.options import read_object, read_options
from mathreason_eval.models.steps import ProcessesDiedError, Steps

_ENVIRONMENT = {
    # vLLM logs to stdout, where our data goes; its errors are enough.
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    # The graders' threads must not be forked with the engine.
    "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn",
}
"""Set before vLLM is imported, and only where the user has not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set. What is None is left to vLLM."""

    dtype: str | None = None
    max_model_len: int | None = None
    """Tokens of prompt and completion together."""
    max_num_seqs: int | None = None
    """Requests that run side by side."""
    tensor_parallel_size: int | None = None
    pipeline_parallel_size: int | None = None
    gpu_memory_utilization: float | None = None
    enforce_eager: bool | None = None
    enable_prefix_caching: bool | None = None
    quantization: str | None = None
    kv_cache_dtype: str | None = None
    trust_remote_code: bool | None = None
    engine_args: str = "{}"
    """A JSON object with whatever else `vllm.LLM` takes."""
    chat: bool | None = None
    """None is whether the tokenizer has a chat template; False asks with bare text."""
    chat_template_kwargs: str = "{}"
    """A JSON object for the chat template: `{"enable_thinking": false}`."""


_OURS = frozenset({"engine_args", "chat", "chat_template_kwargs"})


class VllmModel:
    """An engine of vLLM in this process, its core in processes of its own."""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        import vllm

        self._template_arguments = read_object("chat_template_kwargs", options.chat_template_kwargs)
        arguments = _arguments(options)
        others = set(active_children())
        self._llm = _load(checkpoint, arguments)
        self._engine: Any = self._llm.llm_engine
        self._steps = Steps(self._engine.step, set(active_children()) - others)
        self._tokenizer = self._llm.get_tokenizer()
        settings = self._engine.vllm_config
        self._held: int = settings.model_config.max_model_len
        self._room: int = 2 * settings.scheduler_config.max_num_seqs
        self._names = count()
        has_template = self._tokenizer.chat_template is not None
        self.name = name
        self.chat = has_template if options.chat is None else options.chat
        self.context: int | None = self._held
        self.opening = opening(self._tokenizer, self._template_arguments) if self.chat else ""
        self._described = {
            "backend": "vllm",
            "engine": f"vllm {vllm.__version__}",
            **identity(checkpoint, settings.model_config.hf_config),
            "engine_args": arguments,
            "context": self._held,
            "max_num_seqs": settings.scheduler_config.max_num_seqs,
            "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT") == "1",
            "chat_template_sha256": template_hash(self._tokenizer),
            "chat_template_kwargs": self._template_arguments,
        }

    def describe(self) -> Mapping[str, object]:
        """Return the checkpoint's identity, the engine's version and its settings."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield results as they finish, with twice as many handed over as can run at once."""
        from vllm.v1.engine.exceptions import EngineDeadError

        source = iter(requests)
        running: dict[str, tuple[Request, float]] = {}
        try:
            while True:
                pulled = list(islice(source, self._room - len(running)))
                for request in pulled:
                    refused = self._hand_over(request, running)
                    if refused:
                        yield refused
                if running:
                    for output in self._steps.make():
                        if output.finished:
                            request, begun = running.pop(output.request_id)
                            yield handle(request, partial(_result, output, request, begun))
                elif not pulled:
                    return
        except (EngineDeadError, ProcessesDiedError):
            running.clear()
            raise ModelError(
                "vLLM's engine died; what it said stands above, if it could say anything.",
                "What was finished is stored; the same command goes on from there.",
            ) from None
        finally:
            if running:
                self._engine.abort_request(list(running))

    def close(self) -> None:
        """End the engine's processes and free their memory."""
        if self._llm is None:
            return
        self._steps.end()
        self._engine.engine_core.shutdown()
        self._engine = self._llm = None
        gc.collect()

    def _hand_over(
        self, request: Request, running: dict[str, tuple[Request, float]]
    ) -> Failure | None:
        """Give the engine a request, or return the failure of one that does not fit its context."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        tokens = encode(self._tokenizer, request.prompt, self._template_arguments)
        refused = overfull(request, len(tokens), self._held, "raise --model-arg max_model_len=N")
        if refused:
            return refused
        sampling = SamplingParams(
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            max_tokens=request.sampling.max_tokens,
            seed=request.seed,
            stop=list(request.prompt.stop),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        name = str(next(self._names))
        running[name] = (request, monotonic())
        self._engine.add_request(name, {"type": "token", "prompt_token_ids": tokens}, sampling)
        return None


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> VllmModel:
    """Return the checkpoint of a folder, or of the hub at a revision, on vLLM.

    Raises:
        MissingExtraError: the package vllm is not installed.
        ModelError: there is no such checkpoint, or vLLM cannot run it.
    """
    if find_spec("vllm") is None:
        raise MissingExtraError("vllm", "vllm", "The vllm backend")
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    return VllmModel(name, locate(rest), read_options(Options, "vllm", options))


def _arguments(options: Options) -> dict[str, object]:
    """Return what is handed to `vllm.LLM` beside the model."""
    named = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in _OURS and getattr(options, field.name) is not None
    }
    return {**_platform_arguments(), **named, **read_object("engine_args", options.engine_args)}


def _platform_arguments() -> dict[str, object]:
    """Return what this platform needs: on a CPU, prompts that are never split over two steps.

    After a part of a prompt vLLM takes the sampler's state back by its offset, which generators of
    a CPU do not have: with a seed of its own for each request, the engine dies there.
    """
    from vllm.platforms import current_platform

    return {"enable_chunked_prefill": False} if current_platform.is_cpu() else {}


def _load(checkpoint: Checkpoint, arguments: Mapping[str, object]) -> Any:  # noqa: ANN401 - vllm is imported late
    """Return vLLM with the model loaded."""
    from vllm import LLM

    place = {"revision": checkpoint.revision, "tokenizer_revision": checkpoint.revision}
    try:
        return LLM(model=checkpoint.place, **{"use_tqdm_on_load": False, **place, **arguments})
    except OSError:
        if checkpoint.folder is None:
            raise checkpoint.not_found() from None
        raise
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(
            f"vLLM cannot run {checkpoint.place}: {str(error).strip().splitlines()[-1]}",
            "VLLM_LOGGING_LEVEL=INFO says more; see --model-arg max_model_len, dtype, "
            "gpu_memory_utilization.",
        ) from None


def _result(output: Any, request: Request, begun: float) -> Completion | Failure:  # noqa: ANN401 - vllm's own
    """Return the completion in a finished output of the engine."""
    (said,) = output.outputs
    if said.finish_reason not in {"stop", "length"}:
        return Failure(request=request, reason=f"vLLM ended it with {said.finish_reason!r}")
    return Completion(
        request=request,
        text=said.text,
        finish_reason=said.finish_reason,
        prompt_tokens=len(output.prompt_token_ids),
        completion_tokens=len(said.token_ids),
        seconds=monotonic() - begun,
    )
