"""A model's folder or hub id: where it is, what identifies it, and its prompts as tokens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathreason_eval.errors import ModelError
from mathreason_eval.text.thinking import OPENING_TAGS
from mathreason_eval.types import Message, Prompt

_IDENTIFYING = frozenset({".safetensors", ".bin", ".json", ".jinja", ".model", ".txt"})
_BLOCK, _BLOCKS = 1 << 16, 64
_OPENING_TOKENS = 16
"""More than any think tag takes."""


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
        """Return the error of a hub id whose files are neither here nor to be had."""
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


def identity(checkpoint: Checkpoint, config: Any) -> Mapping[str, object]:  # noqa: ANN401 - transformers' own
    """Return what identifies the weights: the hub's commit, or a fingerprint of the folder."""
    if checkpoint.folder:
        return {"folder": checkpoint.folder.name, "fingerprint": _fingerprint(checkpoint.folder)}
    commit = getattr(config, "_commit_hash", None)
    return {"hub": checkpoint.place, "revision": commit or checkpoint.revision}


def template_hash(tokenizer: Any) -> str | None:  # noqa: ANN401 - transformers' own
    """Return the SHA-256 of the chat template, or None where there is none."""
    template = tokenizer.chat_template
    if template is None:
        return None
    spelled = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    return hashlib.sha256(spelled.encode()).hexdigest()


def encode(
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    prompt: Prompt,
    template_arguments: Mapping[str, object],
) -> list[int]:
    """Return the prompt's tokens: the template applied once, or the text with one beginning."""
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
    begin = tokenizer.bos_token_id
    # A text that spells the beginning itself gets another one from the tokenizer.
    return tokens[1:] if begin is not None and tokens[:2] == [begin, begin] else tokens


def opening(tokenizer: Any, template_arguments: Mapping[str, object]) -> str:  # noqa: ANN401 - transformers' own
    """Return the think tag with which the chat template begins every answer, or nothing."""
    question = Prompt(messages=(Message(role="user", content="?"),))
    end = tokenizer.decode(encode(tokenizer, question, template_arguments)[-_OPENING_TOKENS:])
    return opened_by(end)


def opened_by(prompt: str) -> str:
    """Return the think tag that ends a prompt as the model sees it, or nothing."""
    return next((tag for tag in OPENING_TAGS if prompt.rstrip().endswith(tag)), "")


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
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            for block in range(_BLOCKS if size > _BLOCK * _BLOCKS else 1):
                file.seek(block * (size // _BLOCKS))
                digest.update(file.read(_BLOCK if size > _BLOCK * _BLOCKS else size))
    return digest.hexdigest()
