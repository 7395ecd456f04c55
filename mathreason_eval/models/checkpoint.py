"""A checkpoint of transformers: where it is, what identifies it, its prompts as tokens, loading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mathreason_eval.errors import ModelError
from mathreason_eval.models.accelerator import (
    describe_device,
    disable_cudnn_attention,
    first_line,
)
from mathreason_eval.text.thinking import OPENING_TAGS
from mathreason_eval.types import Message, Prompt

# --- where it is -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where a model's files are."""

    place: str
    """A local folder, or an id of the hub."""
    revision: str | None = None
    """A branch, tag or commit of the hub; None for its default, and for a folder."""

    @property
    def folder(self) -> Path | None:
        """Return the local folder, or None for an id of the hub."""
        path = Path(self.place)
        return path if path.is_dir() else None

    def not_found(self) -> ModelError:
        """Return the error of a hub id whose files are neither cached nor to be downloaded."""
        at = f" at revision {self.revision}" if self.revision else ""
        return ModelError(
            f"There is no folder {self.place!r}, and no such model{at} can be had from the hub.",
            "Check the name, the network and HF_HUB_OFFLINE, or give a folder.",
        )


def locate(rest: str) -> Checkpoint:
    """Return the checkpoint named `FOLDER` or `HUB/ID[@REVISION]`.

    Raises:
        ModelError: there is no such folder, or no model in it.
    """
    path = Path(rest).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"The folder {rest} holds no model: it has no config.json.",
                "Give the folder that save_pretrained wrote.",
            )
        return Checkpoint(place=str(path))
    if rest.startswith(("/", ".", "~")) or rest.count("/") > 1:
        raise ModelError(f"There is no folder {rest}.", "Give a folder, or HUB/ID[@REVISION].")
    place, _, revision = rest.partition("@")
    return Checkpoint(place=place, revision=revision or None)


# --- what identifies it ----------------------------------------------------------------------


def identity(checkpoint: Checkpoint, config: Any) -> Mapping[str, object]:  # noqa: ANN401 - transformers' own
    """Return what identifies the weights: the hub's commit, or a fingerprint of the folder."""
    if checkpoint.folder:
        return {"folder": checkpoint.folder.name, "fingerprint": _fingerprint(checkpoint.folder)}
    commit = getattr(config, "_commit_hash", None)
    return {"hub": checkpoint.place, "revision": commit or checkpoint.revision}


_IDENTIFYING = frozenset({".safetensors", ".bin", ".json", ".jinja", ".model", ".txt"})
_BLOCK_BYTES, _BLOCKS = 1 << 16, 64


def _fingerprint(folder: Path) -> str:
    """Return a hash of the folder's names, sizes and 64 blocks of each file.

    Training changes weights everywhere, so blocks tell two checkpoints apart; reading all of a
    large model takes as long as loading it.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix not in _IDENTIFYING or not path.is_file():
            continue
        size = path.stat().st_size
        large = size > _BLOCK_BYTES * _BLOCKS
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            for block in range(_BLOCKS if large else 1):
                file.seek(block * (size // _BLOCKS))
                digest.update(file.read(_BLOCK_BYTES if large else size))
    return digest.hexdigest()


def template_hash(tokenizer: Any) -> str | None:  # noqa: ANN401 - transformers' own
    """Return the SHA-256 of the chat template, or None where there is none."""
    template = tokenizer.chat_template
    if template is None:
        return None
    text = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# --- prompts as tokens -----------------------------------------------------------------------


def encode(
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    prompt: Prompt,
    template_arguments: Mapping[str, object],
) -> list[int]:
    """Return the prompt's tokens: the chat template applied once, or the text with one BOS."""
    if prompt.text is None:
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        tokens: list[int] = tokenizer.apply_chat_template(
            messages,
            tokenize=True,
            add_generation_prompt=True,
            return_dict=False,
            **template_arguments,
        )
        return tokens
    tokens = tokenizer(prompt.text)["input_ids"]
    bos = tokenizer.bos_token_id
    # A text that spells the BOS itself gets another one from the tokenizer.
    return tokens[1:] if bos is not None and tokens[:2] == [bos, bos] else tokens


_TAG_TOKENS = 16
"""More than any think tag takes."""


def template_opening(tokenizer: Any, template_arguments: Mapping[str, object]) -> str:  # noqa: ANN401 - transformers' own
    """Return the think tag with which the chat template begins every answer, or nothing."""
    question = Prompt(messages=(Message(role="user", content="?"),))
    end = tokenizer.decode(encode(tokenizer, question, template_arguments)[-_TAG_TOKENS:])
    return trailing_think_tag(end)


def trailing_think_tag(prompt: str) -> str:
    """Return the opening think tag that ends a prompt as the model sees it, or nothing."""
    return next((tag for tag in OPENING_TAGS if prompt.rstrip().endswith(tag)), "")


# --- loading it with transformers ------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions:
    """What `--model-arg` may set of loading."""

    dtype: str = "auto"
    """`auto` is the checkpoint's own on a GPU and `float32` on a CPU; or `bfloat16`, `float16`."""
    device: str = "auto"
    """`auto` is the GPU where there is one; else `cpu`, `cuda:1`, …"""
    trust_remote_code: bool = False
    """Whether to run code that comes with the checkpoint."""


_LOAD_ERRORS = (
    *(ValueError, RuntimeError, AttributeError),
    *(AssertionError, ImportError),  # a torch without CUDA; a package that is not installed
)


def load(
    checkpoint: Checkpoint, options: LoadOptions, class_of: Callable[[Any], Any], **more: object
) -> tuple[Any, Any]:
    """Return the tokenizer and the model of a checkpoint, ready for inference.

    Most CPUs emulate bfloat16, many times slower than float32, which also makes a text independent
    of its batch; so on a CPU `auto` is float32. Transformers is silenced, and cuDNN's attention
    switched off, for the whole process.

    Args:
        checkpoint: where it is.
        options: numbers and device.
        class_of: returns the class of transformers for a config, or raises a `ModelError`.
        more: further arguments of that class's `from_pretrained`.

    Raises:
        ModelError: it cannot be loaded.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_cudnn_attention()
    place, revision = checkpoint.place, checkpoint.revision or "main"
    source = {"revision": revision, "trust_remote_code": options.trust_remote_code}
    device, dtype = options.device, options.dtype
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto" and device == "cpu":
        dtype = "float32"
    try:
        chosen = class_of(AutoConfig.from_pretrained(place, **source))
        tokenizer = AutoTokenizer.from_pretrained(place, **source)
        model = chosen.from_pretrained(place, dtype=dtype, **source, **more)
        return tokenizer, model.to(device).eval()
    except OSError as error:
        if checkpoint.folder is None:
            raise checkpoint.not_found() from None
        raise ModelError(
            f"The folder {place} holds no model: {first_line(error)}.", "Give another."
        ) from None
    except _LOAD_ERRORS as error:
        raise ModelError(
            f"{place} cannot be loaded: {first_line(error)}.",
            f"Check {', '.join(('the name', 'dtype', *more))} and device.",
        ) from None


def describe_loaded(checkpoint: Checkpoint, tokenizer: Any, model: Any) -> dict[str, object]:  # noqa: ANN401 - transformers' own
    """Return what the manifest records of a loaded checkpoint."""
    return {
        "engine": f"transformers {version('transformers')}, torch {version('torch')}",
        **identity(checkpoint, model.config),
        **describe_device(model),
        "chat_template_sha256": template_hash(tokenizer),
    }


def longest_context(config: Any) -> int | None:  # noqa: ANN401 - transformers' own
    """Return the tokens that a model's positions hold, or None where its config does not say."""
    longest = getattr(config, "max_position_embeddings", None)
    return longest if isinstance(longest, int) else None
