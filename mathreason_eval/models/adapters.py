"""Adapters of a checkpoint, such as LoRA's: where they are, and whether they change anything."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mathreason_eval.errors import ModelError


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """Where the files of an adapter are, LoRA or another of PEFT's."""

    place: str
    """A local folder, or an id on the Hugging Face hub."""
    revision: str | None = None
    path: Path | None = None
    """Its folder here; None for one of the hub that is not looked up."""

    @property
    def is_local(self) -> bool:
        """Return whether it is a folder that the user has named."""
        return Path(self.place).is_dir()


_ADAPTER_CONFIG = "adapter_config.json"


def located_adapter(rest: str) -> Adapter:
    """Return the adapter named `FOLDER` or `HUB/ID[@REVISION]`.

    Raises:
        ModelError: there is no such folder, or no adapter in it.
    """
    path = Path(rest).expanduser()
    if rest and path.is_dir():
        if not (path / _ADAPTER_CONFIG).is_file():
            raise ModelError(
                f"The folder {rest} contains no adapter: it has no {_ADAPTER_CONFIG}.",
                "Give the folder that PEFT's save_pretrained wrote.",
            )
        return Adapter(place=str(path), path=path)
    if rest.startswith(("/", ".", "~")) or rest.count("/") != 1:
        raise ModelError(
            f"There is no folder {rest or 'after the +'}.",
            "Write BASE+ADAPTER: a folder, or HUB/ID[@REVISION].",
        )
    place, _, revision = rest.partition("@")
    return Adapter(place=place, revision=revision or None)


def downloaded(adapter: Adapter) -> Adapter:
    """Return an adapter whose files are here.

    Raises:
        ModelError: the hub has none of this name.
    """
    if adapter.path is not None:
        return adapter
    from huggingface_hub import snapshot_download

    try:
        path = Path(snapshot_download(adapter.place, revision=adapter.revision))
    except (OSError, ValueError, RuntimeError):
        raise ModelError(
            f"The hub has no adapter {adapter.place!r} that can be loaded.",
            "Check the name, the network and HF_HUB_OFFLINE, or give a folder.",
        ) from None
    if not (path / _ADAPTER_CONFIG).is_file():
        raise ModelError(
            f"{adapter.place} is no adapter: it has no {_ADAPTER_CONFIG}.", "Name another."
        )
    return replace(adapter, path=path)


def no_difference(adapter: Adapter) -> ModelError:
    """Return the error of an adapter with which a model computes what it does without."""
    return ModelError(
        f"The adapter {adapter.place} changes nothing: with it and without it the model computes "
        "the same.",
        "It is for another model, or was not trained yet: evaluate the base alone then.",
    )


PROBE = "What is 1 + 1?"
"""The text on which a model with its adapter must differ from the model without."""


def adapter_rank(adapter: Adapter) -> int:
    """Return the rank of a LoRA adapter.

    Raises:
        ModelError: its adapter_config.json does not say it.
    """
    assert adapter.path is not None, "its files are here"
    path = adapter.path / _ADAPTER_CONFIG
    try:
        config = json.loads(path.read_bytes())
        patterns = config.get("rank_pattern") or {}
        return max(int(config["r"]), *map(int, patterns.values()), 1)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ModelError(
            f"{path} does not say the rank of a LoRA adapter.", "Other kinds run with hf: alone."
        ) from None


def check_adapter(adapter: Adapter, model: Any, tokenizer: Any) -> None:  # noqa: ANN401 - transformers' own
    """Check that a model with its adapter computes anything else than without.

    Raises:
        ModelError: it does not.
    """
    if not _changes(model, tokenizer):
        raise no_difference(adapter)


def _changes(model: Any, tokenizer: Any) -> bool:  # noqa: ANN401 - transformers' own
    """Return whether a model with its adapter computes anything else than without."""
    import torch

    tokens = tokenizer(PROBE, return_tensors="pt")["input_ids"].to(model.device)
    with torch.no_grad():
        adapted = model(tokens).logits
        model.disable_adapters()
        try:
            base = model(tokens).logits
        finally:
            model.enable_adapters()
    return not torch.equal(adapted, base)
