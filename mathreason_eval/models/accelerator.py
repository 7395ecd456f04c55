"""The device that a transformers model runs on: its memory, its failures, its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar

from mathreason_eval.errors import ModelError

_SHORTAGE = ("out of memory", "alloc_failed")
"""Parts of the RuntimeErrors that CUDA raises where torch has an OutOfMemoryError."""

ResultT = TypeVar("ResultT")


def run_batch(work: Callable[[], ResultT], device: object) -> ResultT | None:
    """Return the result of `work`, run without gradients; None if the memory is too small for it.

    Raises:
        ModelError: the device failed, and this process can no longer use it.
    """
    import torch

    try:
        with torch.inference_mode():
            return work()
    except RuntimeError as error:
        message = first_line(error)
        if not isinstance(error, torch.OutOfMemoryError) and not _is_shortage(message):
            if "CUDA error" not in message:
                raise
            raise ModelError(
                f"The device {device} failed: {message}.", "Run the same command again: it resumes."
            ) from None
    # Only here: until now the exception kept references to the tensors that filled the memory.
    free_gpu_memory()
    return None


def _is_shortage(message: str) -> bool:
    """Return whether an error's message means that no memory was left."""
    return any(sign in message.lower() for sign in _SHORTAGE)


def free_gpu_memory() -> None:
    """Release the memory of tensors that are no longer referenced, where there is a GPU."""
    if find_spec("torch"):
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def disable_cudnn_attention() -> None:
    """Disable cuDNN's attention kernel in torch, for the whole process.

    On an H200 it gave different bfloat16 logits each time the same batch was run, so texts of one
    seed differed; on other GPUs it has made whole scores wrong (pytorch issue 193893).
    """
    import torch

    torch.backends.cuda.enable_cudnn_sdp(False)  # noqa: FBT003 - it takes no name


def describe_device(model: Any) -> Mapping[str, object]:  # noqa: ANN401 - transformers' own
    """Return what the manifest records about a model's device and its arithmetic."""
    import torch

    described: dict[str, object] = {
        "device": str(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "attn_implementation": getattr(model.config, "_attn_implementation", None),
    }
    # Only where somebody has switched them on, in whose program this one runs.
    if torch.are_deterministic_algorithms_enabled():
        described["deterministic_algorithms"] = True
    if torch.backends.cudnn.deterministic:
        described["cudnn_deterministic"] = True
    if model.device.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(model.device)
        # `highest` is true float32; any other value rounds it to TF32 or bfloat16.
        described["float32_matmul_precision"] = torch.get_float32_matmul_precision()
        described["cudnn_attention"] = torch.backends.cuda.cudnn_sdp_enabled()
    return described


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message: later lines are advice to programmers."""
    message = str(error).strip() or type(error).__name__
    return message.splitlines()[0].rstrip(".")
