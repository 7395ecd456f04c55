"""What a GPU does to a batch: its memory is too small, or it fails altogether."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mathreason_eval.errors import ModelError

_SHORTAGE = ("out of memory", "alloc_failed")
"""How CUDA and its libraries say in a RuntimeError what torch calls an OutOfMemoryError."""

ValueT = TypeVar("ValueT")


def attempt(work: Callable[[], ValueT], device: object) -> ValueT | None:
    """Return what `work` gives without gradients, or None where the memory is too small for it.

    Raises:
        ModelError: the device failed, and this process cannot use it any more.
    """
    import torch

    try:
        with torch.inference_mode():
            return work()
    except RuntimeError as error:
        said = first_line(error)
        short = isinstance(error, torch.OutOfMemoryError) or _is_shortage(said)
        if not short and "CUDA error" in said:
            raise ModelError(
                f"The device {device} failed: {said}.", "The same command goes on."
            ) from None
        if not short:
            raise
    # Only here, where the error no longer holds the tensors that filled the memory.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def keep_off_cudnn_attention() -> None:
    """Let torch compute attention by any of its ways but cuDNN's, in the whole process.

    On an H200 cuDNN's gave other logits in bfloat16 each time the same batch was asked, so that
    texts of one seed differed; on other GPUs whole scores were lost to it (pytorch issue 193893).
    """
    import torch

    torch.backends.cuda.enable_cudnn_sdp(False)  # noqa: FBT003 - it takes no name


def first_line(error: BaseException) -> str:
    """Return what an error says, without the advice to programmers on the lines below."""
    said = str(error).strip() or type(error).__name__
    return said.splitlines()[0].rstrip(".")


def described(model: Any) -> Mapping[str, object]:  # noqa: ANN401 - transformers' own
    """Return what a manifest records of the device that a model is on, and of its arithmetic."""
    import torch

    record: dict[str, object] = {
        "device": str(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "attn_implementation": getattr(model.config, "_attn_implementation", None),
    }
    if model.device.type == "cuda":
        record["gpu"] = torch.cuda.get_device_name(model.device)
        # `highest` is float32 as it says; with anything else it is rounded to TF32 or bfloat16.
        record["float32_matmul_precision"] = torch.get_float32_matmul_precision()
        record["cudnn_attention"] = torch.backends.cuda.cudnn_sdp_enabled()
    return record


def _is_shortage(said: str) -> bool:
    """Return whether an error's words mean that there was no memory left."""
    return any(sign in said.lower() for sign in _SHORTAGE)
