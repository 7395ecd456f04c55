"""A checkpoint through vLLM's own continuous batching, results as they finish."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from itertools import count, islice
from multiprocessing import active_children
from multiprocessing.pool import ThreadPool
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any

from mathreason_eval.errors import ModelError
from mathreason_eval.models import read_object, read_options, require
from mathreason_eval.models.base import Completion, Failure, Request, context_failure, handle
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    encode,
    identity,
    locate,
    template_hash,
    template_opening,
)


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


class VllmModel:
    """A vLLM engine in this process, with its core in child processes."""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        import vllm

        self._template_arguments = read_object("chat_template_kwargs", options.chat_template_kwargs)
        engine_arguments = _arguments(options)
        others = set(active_children())
        self._llm = _load(checkpoint, engine_arguments)
        self._engine: Any = self._llm.llm_engine
        self._stepper = _Stepper(self._engine.step, set(active_children()) - others)
        self._tokenizer = self._llm.get_tokenizer()
        settings = self._engine.vllm_config
        self._max_model_len: int = settings.model_config.max_model_len
        self._capacity: int = 2 * settings.scheduler_config.max_num_seqs
        self._ids = count()
        has_template = self._tokenizer.chat_template is not None
        self.name = name
        self.chat = has_template if options.chat is None else options.chat
        self.context: int | None = self._max_model_len
        arguments = self._template_arguments
        self.opening = template_opening(self._tokenizer, arguments) if self.chat else ""
        self._described = {
            "backend": "vllm",
            "engine": f"vllm {vllm.__version__}",
            **identity(checkpoint, settings.model_config.hf_config),
            "engine_args": engine_arguments,
            "context": self._max_model_len,
            "max_num_seqs": settings.scheduler_config.max_num_seqs,
            "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT") == "1",
            "chat_template_sha256": template_hash(self._tokenizer),
            "chat_template_kwargs": self._template_arguments,
        }

    def describe(self) -> Mapping[str, object]:
        """Return the checkpoint's identity, the engine's version and its settings."""
        return self._described

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield results as they finish, with twice as many submitted as can run at once."""
        from vllm.v1.engine.exceptions import EngineDeadError

        source = iter(requests)
        running: dict[str, tuple[Request, float]] = {}
        try:
            while True:
                pulled = list(islice(source, self._capacity - len(running)))
                for request in pulled:
                    if failure := self._submit(request, running):
                        yield failure
                if running:
                    for output in self._stepper.step():
                        if output.finished:
                            request, start = running.pop(output.request_id)
                            yield handle(request, partial(_result, output, request, start))
                elif not pulled:
                    return
        except (EngineDeadError, _ProcessDiedError):
            running.clear()
            raise ModelError(
                "vLLM's engine died; its own messages, if any, are above.",
                "What was finished is stored; the same command goes on from there.",
            ) from None
        finally:
            if running:
                self._engine.abort_request(list(running))

    def close(self) -> None:
        """End the engine's processes and free their memory."""
        if self._llm is None:
            return
        self._stepper.close()
        self._engine.engine_core.shutdown()
        self._engine = self._llm = None
        gc.collect()

    def _submit(
        self, request: Request, running: dict[str, tuple[Request, float]]
    ) -> Failure | None:
        """Submit a request to the engine; return the failure of one that exceeds its context."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        tokens = encode(self._tokenizer, request.prompt, self._template_arguments)
        remedy = "raise --model-arg max_model_len=N"
        if failure := context_failure(request, len(tokens), self._max_model_len, remedy):
            return failure
        sampling = SamplingParams(
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            max_tokens=request.sampling.max_tokens,
            seed=request.seed,
            stop=list(request.prompt.stop),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        request_id = str(next(self._ids))
        running[request_id] = (request, monotonic())
        self._engine.add_request(
            request_id, {"type": "token", "prompt_token_ids": tokens}, sampling
        )
        return None


_ENVIRONMENT = {
    # vLLM logs to stdout, where our data goes; its errors are enough.
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    # The graders' threads must not be forked with the engine.
    "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn",
}
"""Set before vLLM is imported, and only where the user has not."""


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> VllmModel:
    """Return the checkpoint of a folder, or of the hub at a revision, on vLLM.

    Raises:
        MissingExtraError: the package vllm is not installed.
        ModelError: there is no such checkpoint, or vLLM cannot run it.
    """
    require(("vllm",), extra="vllm", backend="vllm")
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    return VllmModel(name, locate(rest), read_options(Options, "vllm", options))


_NOT_ENGINE_ARGUMENTS = frozenset({"engine_args", "chat", "chat_template_kwargs"})


def _arguments(options: Options) -> dict[str, object]:
    """Return the arguments of `vllm.LLM` other than the model."""
    named = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in _NOT_ENGINE_ARGUMENTS and getattr(options, field.name) is not None
    }
    return {**_platform_arguments(), **named, **read_object("engine_args", options.engine_args)}


def _platform_arguments() -> dict[str, object]:
    """Return what this platform needs: on a CPU, prompts that are never split over two steps.

    After a part of a prompt vLLM resets the sampler by its offset, which generators on a CPU do not
    have: the engine would die of any request that has a seed of its own.
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
            "VLLM_LOGGING_LEVEL=INFO shows more; see --model-arg max_model_len, dtype, "
            "gpu_memory_utilization.",
        ) from None


def _result(output: Any, request: Request, start: float) -> Completion | Failure:  # noqa: ANN401 - vllm's own
    """Return the completion in a finished output of the engine."""
    (generated,) = output.outputs
    if generated.finish_reason not in {"stop", "length"}:
        return Failure(request=request, reason=f"vLLM ended it with {generated.finish_reason!r}")
    return Completion(
        request=request,
        text=generated.text,
        finish_reason=generated.finish_reason,
        prompt_tokens=len(output.prompt_token_ids),
        completion_tokens=len(generated.token_ids),
        seconds=monotonic() - start,
    )


_POLL_SECONDS = 2.0
"""Time between two checks of the processes during a long step."""


class _ProcessDiedError(Exception):
    """A process that a step waits for has died."""


class _Stepper:
    """Runs the engine's steps in a thread, and gives up when one of its processes dies.

    `LLMEngine.step` waits for the engine's processes without a timeout: where one of them was
    killed, by lack of memory for instance, it never returns.
    """

    def __init__(self, step: Callable[[], Any], processes: Collection[BaseProcess]) -> None:
        self._step = step
        self._processes = processes
        # Its thread is a daemon: if it hangs in a step, the program ends all the same.
        self._thread = ThreadPool(1)

    def step(self) -> Any:  # noqa: ANN401 - vllm's own
        """Return the outputs of one step, or raise what it raises.

        Raises:
            _ProcessDiedError: a process died; the step may never return.
        """
        outputs = self._thread.apply_async(self._step)
        outputs.wait(_POLL_SECONDS)
        while not outputs.ready():
            if not all(process.is_alive() for process in self._processes):
                raise _ProcessDiedError
            outputs.wait(_POLL_SECONDS)
        return outputs.get()

    def close(self) -> None:
        """Run no more steps."""
        self._thread.close()
