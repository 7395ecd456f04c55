"""The device that a model of transformers runs on: its memory, its failures, its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar

from mathreason_eval.errors import ModelError

_SHORTAGE = ("out of memory", "alloc_failed")
"""How CUDA and its libraries say in a RuntimeError what torch calls an OutOfMemoryError."""

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
                f"The device {device} failed: {message}.", "The same command goes on."
            ) from None
    # Only here, after the error that held the tensors which filled the memory.
    free_gpu_memory()
    return None


def _is_shortage(message: str) -> bool:
    """Return whether an error's message means that no memory was left."""
    return any(sign in message.lower() for sign in _SHORTAGE)


def free_gpu_memory() -> None:
    """Return the memory of tensors that are no longer referred to, where there is a GPU."""
    if find_spec("torch"):
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def disable_cudnn_attention() -> None:
    """Let torch compute attention by any of its kernels but cuDNN's, in the whole process.

    On an H200 cuDNN's gave other logits in bfloat16 each time the same batch was run, so that
    texts of one seed differed; on other GPUs it has ruined whole scores (pytorch issue 193893).
    """
    import torch

    torch.backends.cuda.enable_cudnn_sdp(False)  # noqa: FBT003 - it takes no name


def describe_device(model: Any) -> Mapping[str, object]:  # noqa: ANN401 - transformers' own
    """Return what the manifest records of the device that a model is on, and of its arithmetic."""
    import torch

    described: dict[str, object] = {
        "device": str(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "attn_implementation": getattr(model.config, "_attn_implementation", None),
    }
    if model.device.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(model.device)
        # `highest` is true float32; any other value rounds it to TF32 or bfloat16.
        described["float32_matmul_precision"] = torch.get_float32_matmul_precision()
        described["cudnn_attention"] = torch.backends.cuda.cudnn_sdp_enabled()
    return described


def first_line(error: BaseException) -> str:
    """Return an error's message without the advice to programmers on the lines after the first."""
    message = str(error).strip() or type(error).__name__
    return message.splitlines()[0].rstrip(".")
