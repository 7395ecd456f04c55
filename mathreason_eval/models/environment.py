"""Variables of the environment that may change what an engine computes.

They are recorded and are part of a model's identity, by exclusion: of an engine's own variables
all that are set, unless they are known to change no text. Nothing that may be a secret is recorded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_ARITHMETIC = frozenset(
    {
        *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
        *("TORCH_BLAS_PREFER_CUBLASLT", "TORCH_BLAS_PREFER_HIPBLASLT", "ATEN_CPU_CAPABILITY"),
        *("FLASH_ATTENTION_DETERMINISTIC", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"),
        *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "OPENBLAS_CORETYPE"),
        *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"),
    }
)
"""Variables of torch and of the libraries that it computes with."""
# What vLLM logs, counts and keeps, how its processes start and speak to each other, and the memory
# and cores that they take. VLLM_BATCH_INVARIANT is recorded by a name of its own.
_HARMLESS = (
    *("VLLM_LOG", "VLLM_CONFIGURE_LOGGING", "VLLM_DEBUG", "VLLM_TRACE_FUNCTION", "VLLM_NVTX"),
    *("VLLM_NO_USAGE_STATS", "VLLM_USAGE", "VLLM_DO_NOT_TRACK", "VLLM_TORCH_PROFILER"),
    *("VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT", "VLLM_ASSETS_CACHE", "VLLM_XLA_CACHE_PATH"),
    *("VLLM_S3", "VLLM_HOST_IP", "VLLM_PORT", "VLLM_LOOPBACK_IP", "VLLM_RPC", "VLLM_HTTP"),
    *("VLLM_DP_MASTER", "VLLM_WORKER_MULTIPROC", "VLLM_ENABLE_V1_MULTIPROCESSING"),
    *("VLLM_ENGINE_ITERATION_TIMEOUT", "VLLM_EXECUTE_MODEL_TIMEOUT"),
    *("VLLM_ENGINE_READY_TIMEOUT", "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "VLLM_SLEEP_WHEN_IDLE"),
    *("VLLM_RINGBUFFER_WARNING", "VLLM_CPU_KVCACHE_SPACE", "VLLM_CPU_OMP_THREADS_BIND"),
    *("VLLM_CPU_NUM_OF_RESERVED_CPU", "VLLM_BATCH_INVARIANT"),
)
"""Beginnings of the names of engines' own variables that change no text."""
_SET_BY_ENGINES: dict[str, str] = {}
"""What engines that were loaded in this process have set: a second one would find it."""
_SECRETS = frozenset({"KEY", "TOKEN", "SECRET", "PASSWORD"})
"""Words in the names of variables that hold secrets."""


def environment(own: str = "") -> Mapping[str, object]:
    """Return what a manifest records of the environment: nothing where no such variable is set.

    Args:
        own: what the names of the engine's own variables begin with, `VLLM_`; empty for none.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if (name in _ARITHMETIC or (own and name.startswith(own) and _counts(name)))
        and _SET_BY_ENGINES.get(name) != value
    }
    return {"environment": dict(sorted(kept.items()))} if kept else {}


@contextmanager
def noting_changes() -> Iterator[None]:
    """Take note of what is set meanwhile: by an engine that loads, and not by a user."""
    before = dict(os.environ)
    try:
        yield
    finally:
        changed = {name: one for name, one in os.environ.items() if before.get(name) != one}
        _SET_BY_ENGINES.update(changed)


def _counts(name: str) -> bool:
    return not name.startswith(_HARMLESS) and not _SECRETS & set(name.split("_"))
