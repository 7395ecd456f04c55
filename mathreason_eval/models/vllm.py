"""A checkpoint through vLLM's continuous batching, with results as they finish."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib.util import find_spec
from itertools import count, islice
from multiprocessing import active_children
from multiprocessing.pool import ThreadPool
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any

from mathreason_eval.errors import Faults, ModelError
from mathreason_eval.models import read_object, read_options, require, with_options
from mathreason_eval.models.adapters import PROBE, adapter_rank, no_difference
from mathreason_eval.models.base import Completion, Failure, Request, context_failure, handle
from mathreason_eval.models.budget import template_thinks
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    PromptEncoder,
    identified,
    identity,
    locate,
    named_files,
    prompt_tokens,
    read_template_arguments,
    template_end,
    template_hash,
    template_system_role,
    with_adapter_files,
)
from mathreason_eval.models.environment import environment, noting_changes
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.guardian import Guardian
from mathreason_eval.models.parsers import ReasoningParser, check_name, find_parser
from mathreason_eval.models.reserved import check_reserved
from mathreason_eval.models.rows import cut_at_stop
from mathreason_eval.models.tokenizer_files import examine_checkpoint, unscaled_positions
from mathreason_eval.models.tokens import TokenReader
from mathreason_eval.text.thinking import Thought, written_opening


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set. None: vLLM's default."""

    dtype: str | None = None
    max_model_len: int | None = None
    """Tokens of prompt and completion together."""
    max_num_seqs: int | None = None
    """Requests that run concurrently."""
    tensor_parallel_size: int | None = None
    pipeline_parallel_size: int | None = None
    gpu_memory_utilization: float | None = None
    enforce_eager: bool | None = None
    enable_prefix_caching: bool | None = None
    quantization: str | None = None
    kv_cache_dtype: str | None = None
    trust_remote_code: bool | None = None
    engine_args: str = "{}"
    """A JSON object with further arguments of `vllm.LLM`."""
    chat: bool | None = None
    """None: whether the tokenizer has a chat template; False asks with plain text."""
    chat_template_kwargs: str = "{}"
    """A JSON object for the chat template: `{"enable_thinking": false}`."""
    reasoning_parser: str | None = None
    """The name of vLLM's reasoning parser; `none` for our own table of think marks, None for the
    parser that fits the model."""


SCHEDULING_OPTIONS = frozenset(
    {
        *("gpu_memory_utilization", "kv_cache_memory_bytes", "swap_space", "disable_log_stats"),
        *("use_tqdm_on_load", "max_parallel_loading_workers", "download_dir"),
        "distributed_executor_backend",
    }
)
"""Options, and keys of `engine_args`, that do not change a text."""
ROUNDING_OPTIONS = frozenset(
    {
        *("max_num_seqs", "tensor_parallel_size", "pipeline_parallel_size"),
        *("enable_prefix_caching", "enable_chunked_prefill", "max_num_batched_tokens"),
        *("block_size", "data_parallel_size"),
    }
)
"""Options, and keys of `engine_args`, that may change a token by rounding alone."""


class VllmModel:
    """A vLLM engine in this process, with its core in child processes."""

    def __init__(self, name: str, checkpoint: Checkpoint, options: Options) -> None:
        surroundings = environment("VLLM_")
        with noting_changes():
            import vllm

        self._template_arguments = read_template_arguments(options.chat_template_kwargs)
        check_name(options.reasoning_parser)
        engine_arguments = {**_adapter_arguments(checkpoint), **_arguments(options)}
        others = set(active_children())
        self._guardian = Guardian()
        with self._guardian, noting_changes():
            self._llm = _load(checkpoint, engine_arguments)
        self._engine: Any = self._llm.llm_engine
        self._lora = _lora_request(checkpoint)
        self._stepper = _Stepper(self._engine.step, set(active_children()) - others)
        self._tokenizer = self._llm.get_tokenizer()
        if checkpoint.adapter is not None and not self._adapter_changes():
            self.close()
            raise no_difference(checkpoint.adapter)
        settings = self._engine.vllm_config
        self._max_model_len: int = settings.model_config.max_model_len
        self._capacity: int = 2 * settings.scheduler_config.max_num_seqs
        self._ids = count()
        has_template = self._tokenizer.chat_template is not None
        self.name = name
        self.continues = True
        self.chat = has_template if options.chat is None else options.chat
        self.context: int | None = self._max_model_len
        arguments = self._template_arguments
        self._parser = find_parser(options.reasoning_parser, settings, self._tokenizer, arguments)
        self.opening = self._template_opening() if self.chat else ""
        self.thinks = self.chat and self._thinks()
        self.prompt_tokens = partial(prompt_tokens, self._tokenizer, arguments)
        self.system_role = partial(template_system_role, self._tokenizer, arguments)
        self._reader = TokenReader(self._tokenizer, self.opening)
        self._encode = PromptEncoder(self._tokenizer, arguments)
        described = {
            "backend": "vllm",
            "engine": f"vllm {vllm.__version__}",
            **identified("vllm", checkpoint),
            **identity(checkpoint, settings.model_config.hf_config),
            **surroundings,
            "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT") == "1",
            "chat_template_sha256": template_hash(self._tokenizer),
            "chat": self.chat,
            "chat_template_kwargs": arguments,
            "opening": self.opening or None,
            "reasoning_parser": self._parser and self._parser.name,
            "max_model_len": self._max_model_len,
            "dtype": str(settings.model_config.dtype).removeprefix("torch."),
        }
        if files := dict(named_files(list(_identifying(engine_arguments)))):
            described["files"] = files
        self._described = with_options(
            described,
            replace(options, engine_args="{}"),
            SCHEDULING_OPTIONS,
            ROUNDING_OPTIONS,
            engine_arguments,
        )

    def _adapter_changes(self) -> bool:
        """Return whether the model with its adapter computes anything else than without."""
        from vllm import SamplingParams

        tokens = {"prompt_token_ids": self._tokenizer(PROBE)["input_ids"]}
        asked = SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=1)
        adapted, base = (
            self._llm.generate([tokens], asked, use_tqdm=False, lora_request=lora)[0]
            for lora in (self._lora, None)
        )
        return _prompt_logprobs(adapted) != _prompt_logprobs(base)

    def _thinks(self) -> bool:
        """Return whether the model thinks, by its template or because it has a parser for it."""
        if self._parser is not None and not self.opening:
            return True
        return template_thinks(self._tokenizer.chat_template, self.opening)

    def _template_opening(self) -> str:
        """Return the reasoning marks that the chat template writes before every answer, or ""."""
        end = template_end(self._tokenizer, self._template_arguments)
        return written_opening(end) or (self._parser.written_opening(end) if self._parser else "")

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
                            work = partial(
                                _result, output, request, start, self._reader, self._parser
                            )
                            yield handle(request, work)
                elif not pulled:
                    return
        except (EngineDeadError, _ProcessDiedError):
            running.clear()
            raise ModelError(
                "vLLM's engine died; its own messages, if any, are above.",
                "What was finished is stored; the same command resumes from there.",
            ) from None
        finally:
            if running:
                self._engine.abort_request(list(running))

    def close(self) -> None:
        """Stop the engine's processes and release their memory."""
        if self._llm is None:
            return
        self._stepper.close()
        self._engine.engine_core.shutdown()
        self._guardian.close()
        self._engine = self._llm = None
        gc.collect()

    def _submit(
        self, request: Request, running: dict[str, tuple[Request, float]]
    ) -> Failure | None:
        """Submit a request to the engine; return the failure of one that exceeds its context."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        tokens = self._encode(request.prompt)
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
            request_id,
            {"type": "token", "prompt_token_ids": tokens},
            sampling,
            lora_request=self._lora,
        )
        return None


def _prompt_logprobs(output: Any) -> list[dict[int, float]]:  # noqa: ANN401 - vllm's own
    """Return the logarithms of probabilities of each token of a prompt."""
    return [
        {token: float(one.logprob) for token, one in (position or {}).items()}
        for position in output.prompt_logprobs
    ]


_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The bounds of an adapter's rank that vLLM takes."""


def _adapter_arguments(checkpoint: Checkpoint) -> dict[str, object]:
    """Return the arguments of `vllm.LLM` that an adapter needs.

    Raises:
        ModelError: its rank is not known, or too large.
    """
    if checkpoint.adapter is None:
        return {}
    rank = adapter_rank(checkpoint.adapter)
    bound = next((one for one in _RANKS if one >= rank), None)
    if bound is None:
        raise ModelError(
            f"The adapter {checkpoint.adapter.place} has rank {rank}, and vLLM takes "
            f"{_RANKS[-1]} at most.",
            "Merge it into its base, or use hf:.",
        )
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": bound}


def _lora_request(checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - vllm's own
    """Return what names the adapter in each request; None if there is none."""
    if checkpoint.adapter is None:
        return None
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, str(checkpoint.adapter.path))


_ENVIRONMENT = {
    # vLLM logs to stdout, which is for our data; its errors are enough.
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    # The graders' threads must not be forked with the engine.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
}
"""Environment variables set before vLLM is imported, unless the user has set them."""


def _set_environment() -> None:
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what the checkpoint's files and the options say."""
    faults.attempt(lambda: require(("vllm",), extra="vllm", backend="vllm"))
    chosen = read_options(Options, "vllm", options, faults)
    other = faults.attempt(lambda: _other_arguments(chosen)) or {}
    if find_spec("vllm"):
        _set_environment()
        faults.attempt(lambda: check_name(chosen.reasoning_parser))
    facts = examine_checkpoint(
        rest,
        faults,
        chat=chosen.chat,
        template_arguments=chosen.chat_template_kwargs,
        trust_remote_code=bool(chosen.trust_remote_code or other.get("trust_remote_code")),
        context_of=lambda config: chosen.max_model_len or unscaled_positions(config),
    )
    return replace(facts, remedy="raise --model-arg max_model_len=N")


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> VllmModel:
    """Return the checkpoint of a folder, or of the hub at a revision, on vLLM.

    Raises:
        MissingExtraError: the package vllm is not installed.
        ModelError: there is no such checkpoint, or vLLM cannot run it.
    """
    require(("vllm",), extra="vllm", backend="vllm")
    _set_environment()
    return VllmModel(name, with_adapter_files(locate(rest)), read_options(Options, "vllm", options))


_NOT_ENGINE_ARGUMENTS = frozenset(
    {"engine_args", "chat", "chat_template_kwargs", "reasoning_parser"}
)


def _identifying(arguments: Mapping[str, object]) -> Iterator[object]:
    """Yield the values of arguments that may change a text."""
    yield from (value for name, value in arguments.items() if name not in SCHEDULING_OPTIONS)


_OF_THE_NAME = frozenset({"revision", "tokenizer_revision", "code_revision"})


def _arguments(options: Options) -> dict[str, object]:
    """Return the arguments of `vllm.LLM` other than the model."""
    other = _other_arguments(options)
    named = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in _NOT_ENGINE_ARGUMENTS and getattr(options, field.name) is not None
    }
    return {**_platform_arguments(), **named, **other}


def _other_arguments(options: Options) -> dict[str, object]:
    """Return the arguments that the option `engine_args` gives."""
    other = read_object("engine_args", options.engine_args)
    check_reserved("engine_args", other)
    for name in other:
        if name in _option_names():
            raise ModelError(
                f"engine_args cannot set {name}, which has an option of its own.",
                f"Use --model-arg {name}=…",
            )
        if name in _OF_THE_NAME:
            raise ModelError(
                f"engine_args cannot set {name}, which the model's name says.",
                "Write vllm:HUB/ID@REVISION.",
            )
    return other


def _option_names() -> set[str]:
    return {one.name for one in fields(Options)}


def _platform_arguments() -> dict[str, object]:
    """Return what this platform needs: on a CPU, prompts that are never split over two steps.

    After a part of a prompt vLLM resets the random generator by its offset, which CPU generators do
    not have: the engine would crash at any request with a seed of its own.
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


def _result(
    output: Any,  # noqa: ANN401 - vllm's own
    request: Request,
    start: float,
    reader: TokenReader,
    parser: ReasoningParser | None,
) -> Completion | Failure:
    """Return the completion in a finished output of the engine."""
    (generated,) = output.outputs
    if generated.finish_reason not in {"stop", "length"}:
        return Failure(request=request, reason=f"vLLM ended it with {generated.finish_reason!r}")
    text, tokens = generated.text, generated.token_ids
    if generated.finish_reason == "stop":
        tokens = reader.without_end(tokens)
    if reader.has_marks:  # vLLM leaves out all special tokens
        text = cut_at_stop(reader.decode(tokens), request.prompt.stop)
    own = thought = reader.thought(text)
    reasoning = None
    if parser is not None and not request.prompt.begun:
        thought = parser.thought(reader.opening, text, tokens)
        text, reasoning = _told_apart(text, own, thought)
    return Completion(
        request=request,
        text=text,
        reasoning=reasoning,
        finish_reason=generated.finish_reason,
        prompt_tokens=len(output.prompt_token_ids),
        completion_tokens=len(generated.token_ids),
        reasoning_tokens=None if request.prompt.begun else reader.reasoning_tokens(tokens, thought),
        seconds=monotonic() - start,
    )


def _told_apart(text: str, own: Thought, thought: Thought) -> tuple[str, str | None]:
    """Return the text and the reasoning of a completion that a parser has divided.

    Without reasoning, or with reasoning that our own marks show to be unfinished, or to have ended
    with nothing after it, the text is returned undivided.
    """
    divided = thought.reasoning is not None if thought.finished else own.finished
    if own.reasoning and own.finished and not (own.text.strip() or thought.text.strip()):
        divided = False
    return (thought.text, thought.reasoning) if divided else (text, None)


_POLL_SECONDS = 2.0
"""Seconds between two checks of the processes during a long step."""


class _ProcessDiedError(Exception):
    """A process that a step waits for has died."""


class _Stepper:
    """Runs the engine's steps in a thread, and raises when one of its processes dies.

    `LLMEngine.step` waits for the engine's processes without a timeout: if one of them was killed,
    for lack of memory for instance, it never returns.
    """

    def __init__(self, step: Callable[[], Any], processes: Collection[BaseProcess]) -> None:
        self._step = step
        self._processes = processes
        # Its thread is a daemon: if it hangs in a step, the program can still end.
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
