"""How transformers loads a checkpoint: from where, onto which device, in which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mathreason_eval.models.accelerator import keep_off_cudnn_attention
from mathreason_eval.models.checkpoint import Checkpoint


class Settings(Protocol):
    """What the options of a backend say of loading."""

    @property
    def dtype(self) -> str:
        """Return `auto`, or a kind of number."""

    @property
    def device(self) -> str:
        """Return `auto`, or a device."""

    @property
    def trust_remote_code(self) -> bool:
        """Return whether to run code that comes with the checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loading:
    """How one checkpoint is loaded."""

    revision: str
    trusted: bool
    """Whether code that comes with the checkpoint is run."""
    device: str
    dtype: str

    @property
    def source(self) -> dict[str, object]:
        """Return what every `from_pretrained` is told."""
        return {"revision": self.revision, "trust_remote_code": self.trusted}


def loading(checkpoint: Checkpoint, options: Settings) -> Loading:
    """Return how a checkpoint is loaded; silence transformers, and keep off cuDNN's attention.

    Most CPUs emulate bfloat16, many times slower than float32, which also makes a text independent
    of its batch; so on a CPU `auto` is float32.
    """
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    keep_off_cudnn_attention()
    device, dtype = options.device, options.dtype
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto" and device == "cpu":
        dtype = "float32"
    return Loading(
        revision=checkpoint.revision or "main",
        trusted=options.trust_remote_code,
        device=device,
        dtype=dtype,
    )
