"""A transformers checkpoint: its place, its identity, its prompts as tokens, loading."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mathreason_eval.errors import ModelError
from mathreason_eval.models import file_name, of_file, read_object, require
from mathreason_eval.models.accelerator import (
    describe_device,
    disable_cudnn_attention,
    first_line,
)
from mathreason_eval.models.adapters import Adapter, check_adapter, downloaded, located_adapter
from mathreason_eval.models.base import SYSTEM_PROBE, SystemRole
from mathreason_eval.models.environment import environment
from mathreason_eval.text.thinking import written_opening
from mathreason_eval.types import IDENTIFIED_AS, Message, Prompt

# --- where it is -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where a model's files are."""

    place: str
    """A local folder, or an id on the Hugging Face hub."""
    revision: str | None = None
    """A branch, tag or commit on the hub; None for the default branch, and for a folder."""
    adapter: Adapter | None = None
    """What is added to its weights; None for nothing."""

    @property
    def folder(self) -> Path | None:
        """Return the local folder, or None for an id of the hub."""
        path = Path(self.place)
        return path if path.is_dir() else None

    def not_found(self) -> ModelError:
        """Return the error of a hub id whose files are not cached and cannot be downloaded."""
        at = f" at revision {self.revision}" if self.revision else ""
        return ModelError(
            f"There is no folder {self.place!r}, and no such model{at} can be loaded from the hub.",
            "Check the name, the network and HF_HUB_OFFLINE, or give a folder.",
        )


def locate(rest: str) -> Checkpoint:
    """Return the checkpoint named `FOLDER` or `HUB/ID[@REVISION]`, with `+ADAPTER` after it.

    Raises:
        ModelError: there is no such folder, or no model or adapter in it.
    """
    base, plus, adapter = rest.rpartition("+")
    if not plus or Path(rest).expanduser().is_dir():
        return _located(rest)
    return replace(_located(base), adapter=located_adapter(adapter))


def with_adapter_files(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint whose adapter is here: one of the hub is downloaded.

    Raises:
        ModelError: the hub has none.
    """
    if checkpoint.adapter is None:
        return checkpoint
    return replace(checkpoint, adapter=downloaded(checkpoint.adapter))


def for_transformers(rest: str, backend: str) -> Checkpoint:
    """Return a checkpoint as `locate` does, ready to be loaded with its adapter.

    Raises:
        ModelError: there is no such model or adapter.
        MissingExtraError: the package that loads adapters is not installed.
    """
    require_peft(backend, rest)
    return with_adapter_files(locate(rest))


def require_peft(backend: str, rest: str) -> None:
    """Check that the package that loads adapters is installed, if a name has one.

    Raises:
        MissingExtraError: it is not.
    """
    with suppress(ModelError):  # which is told where the checkpoint is located
        if locate(rest).adapter is not None:
            require(("peft",), extra="peft", backend=f"{backend} with an adapter")


def _located(rest: str) -> Checkpoint:
    path = Path(rest).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"The folder {rest} contains no model: it has no config.json.",
                "Give the folder that save_pretrained wrote.",
            )
        return Checkpoint(place=str(path))
    if rest.startswith(("/", ".", "~")) or rest.count("/") > 1:
        raise ModelError(f"There is no folder {rest}.", "Give a folder, or HUB/ID[@REVISION].")
    place, _, revision = rest.partition("@")
    return Checkpoint(place=place, revision=revision or None)


# --- what identifies it ----------------------------------------------------------------------


def identity(checkpoint: Checkpoint, config: Any) -> Mapping[str, object]:  # noqa: ANN401 - transformers' own
    """Return what identifies the weights: the hub's commit, or a fingerprint of the folder.

    Of an adapter the same, as `adapter`.
    """
    base = _weights_identity(checkpoint, config)
    adapter = checkpoint.adapter
    if adapter is None:
        return base
    path = adapter.path
    if path is None or adapter.is_local:
        held = Path(adapter.place)
        own: dict[str, object] = {"folder": file_name(held), "files_sha256": _fingerprint(held)}
    else:
        # The hub's client names a folder after the commit that it holds.
        own = {"hub": adapter.place, "revision": path.name}
    return {**base, "adapter": own}


def _weights_identity(checkpoint: Checkpoint, config: Any) -> Mapping[str, object]:  # noqa: ANN401
    commit = getattr(config, "_commit_hash", None)
    if not checkpoint.folder:
        return {"hub": checkpoint.place, "revision": commit or checkpoint.revision}
    folder = checkpoint.folder
    found: dict[str, object] = {
        "folder": file_name(folder),
        "files_sha256": _fingerprint(folder),
    }
    if base := _base(folder):
        found["base"] = identity(base, config)
    return found


def _base(folder: Path) -> Checkpoint | None:
    """Return the model that the folder of an adapter is for; None for any other folder.

    Raises:
        ModelError: if its adapter_config.json names none.
    """
    path = folder / "adapter_config.json"
    if not path.is_file():
        return None
    try:
        config = json.loads(path.read_bytes())
        place, revision = config["base_model_name_or_path"], config.get("revision")
        # An adapter that lies in the folder of its own base is in that folder's fingerprint.
        if place and Path(place).resolve() != folder.resolve():
            return Checkpoint(place=place, revision=revision)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ModelError(
            f"{path} does not say which model the adapter is for.",
            "Write its base_model_name_or_path.",
        ) from None
    return None


def named_files(arguments: object) -> Iterator[tuple[str, str]]:
    """Yield the local files and folders that arguments of an engine name, each with its hash.

    A tokenizer or a draft model, say. A word without a slash is taken for a folder only where it
    holds a model: most are no paths.
    """
    if isinstance(arguments, Mapping):
        arguments = [*arguments.values()]
    if isinstance(arguments, list):
        for each in arguments:
            yield from named_files(each)
    elif isinstance(arguments, str) and "\0" not in arguments:
        path = Path(arguments)
        try:
            if path.is_dir() and ("/" in arguments or (path / "config.json").is_file()):
                yield arguments, _fingerprint(path)
            elif "/" in arguments and path.is_file():
                yield arguments, _file_hash(path)
        except OSError:  # a name too long is none
            return


def identified(backend: str, checkpoint: Checkpoint) -> Mapping[str, object]:
    """Return the name that identifies a local checkpoint; nothing for one of the hub."""
    folder, adapter = checkpoint.folder, checkpoint.adapter
    if adapter is None:
        return of_file(backend, folder) if folder else {}
    if folder is None and not adapter.is_local:
        return {}
    base = file_name(folder) if folder else checkpoint.place
    added = file_name(Path(adapter.place)) if adapter.is_local else adapter.place
    return {IDENTIFIED_AS: f"{backend}:{base}+{added}"}


_NOTES = frozenset({".md", ".png", ".jpg", ".jpeg", ".svg", ".pdf", ".log"})
"""Suffixes of files that are for people. All others count, whether a loader uses them or not."""
_TRAINING = re.compile(r"checkpoint-\d+|optimizer\.\w+|scheduler\.\w+|rng_state.*|runs")
"""Names of files that only resuming a training needs: no engine loads them."""
_READERS = 8
"""Number of files that are read at the same time."""


def _fingerprint(folder: Path) -> str:
    """Return a hash of the names and contents of the folder's files.

    A file that was changed in one place is another model, so every byte is read; the files are
    read in parallel, and are in the page cache when the engine loads them.
    """
    paths = sorted(_identifying_files(folder))
    with ThreadPoolExecutor(_READERS) as threads:
        digests = list(threads.map(_file_hash, paths))
    digest = hashlib.sha256()
    for path, own in zip(paths, digests, strict=True):
        digest.update(f"{path.relative_to(folder)}\0{own}\0".encode())
    return digest.hexdigest()


def _identifying_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders that may change what the model generates.

    Links are followed, to folders as well, because engines follow them.
    """
    entered: set[Path] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        within = Path(place)
        folders[:] = sorted(filter(_counts, folders))
        if within.resolve() in entered:  # a link to a parent folder
            folders.clear()
            continue
        entered.add(within.resolve())
        yield from (path for name in names if _counts(name) and (path := within / name).is_file())


def _counts(name: str) -> bool:
    """Return whether a file or folder of this name may be part of a model."""
    notes = name.startswith((".", "__pycache__")) or Path(name).suffix.lower() in _NOTES
    return not notes and not _TRAINING.fullmatch(name)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    """Return the prompt's token ids: the chat template applied once, or the text with one BOS.

    A text goes on, so that an EOS that the tokenizer would add behind it is left out.
    Those of what the answer begins with come behind.
    """
    if prompt.begun:
        asked = encode(tokenizer, replace(prompt, begun=""), template_arguments)
        begun: list[int] = tokenizer(prompt.begun, add_special_tokens=False)["input_ids"]
        return [*asked, *begun]
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
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    if (
        eos is not None
        and tokens[1:][-1:] == [eos]
        and not prompt.text.endswith(tokenizer.eos_token)
    ):
        tokens = tokens[:-1]
    # A text that spells the BOS itself gets another one from the tokenizer.
    return tokens[1:] if bos is not None and tokens[:2] == [bos, bos] else tokens


def prompt_tokens(
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    template_arguments: Mapping[str, object],
    prompt: Prompt,
) -> int:
    """Return how many tokens a prompt has."""
    return len(encode(tokenizer, prompt, template_arguments))


class PromptEncoder:
    """Makes tokens of prompts, once for all samples of a prompt, which come one after another."""

    def __init__(
        self,
        tokenizer: Any,  # noqa: ANN401 - transformers' own
        template_arguments: Mapping[str, object],
    ) -> None:
        self._tokenizer = tokenizer
        self._template_arguments = template_arguments
        self._last: tuple[Prompt, list[int]] | None = None

    def __call__(self, prompt: Prompt) -> list[int]:
        """Return the prompt's tokens, as `encode`."""
        if self._last is None or self._last[0] != prompt:
            self._last = prompt, encode(self._tokenizer, prompt, self._template_arguments)
        return [*self._last[1]]


_TAG_TOKENS = 32
"""Tokens at the end of a prompt: more than the reasoning marks of any template take."""


def read_template_arguments(text: str) -> dict[str, object]:
    """Return the arguments of the chat template, from an option's JSON object.

    Raises:
        ModelError: it is not a JSON object, or sets an argument that the engine passes itself.
    """
    arguments = read_object("chat_template_kwargs", text)
    if taken := [name for name in arguments if name in _TEMPLATE_ARGUMENTS]:
        raise ModelError(
            f"chat_template_kwargs cannot set {taken[0]}, which is the same for every run.",
            "Give only arguments that the template itself defines, such as enable_thinking.",
        )
    return arguments


_TEMPLATE_ARGUMENTS = frozenset({
    *("conversation", "messages", "tokenize", "return_dict", "return_tensors", "tokenizer_kwargs"),
    *("add_generation_prompt", "continue_final_message", "truncation", "max_length", "padding"),
})  # fmt: skip


def template_opening(tokenizer: Any, template_arguments: Mapping[str, object]) -> str:  # noqa: ANN401 - transformers' own
    """Return the reasoning marks that the chat template writes before every answer, or ""."""
    return written_opening(template_end(tokenizer, template_arguments))


def template_end(tokenizer: Any, template_arguments: Mapping[str, object]) -> str:  # noqa: ANN401 - transformers' own
    """Return the last tokens that the chat template writes before every answer, as text."""
    question = Prompt(messages=(Message(role="user", content="?"),))
    end: str = tokenizer.decode(encode(tokenizer, question, template_arguments)[-_TAG_TOKENS:])
    return end


def template_system_role(
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    template_arguments: Mapping[str, object],
) -> SystemRole:
    """Return what the chat template does with a system message."""
    from jinja2 import TemplateError

    messages = [
        {"role": "system", "content": SYSTEM_PROBE},
        {"role": "user", "content": "?"},
    ]
    try:
        prompt: str = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **template_arguments
        )
    except TemplateError:
        return SystemRole.REFUSED
    return SystemRole.KEPT if SYSTEM_PROBE in prompt else SystemRole.IGNORED


# --- loading it with transformers ------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions:
    """The settings of `--model-arg` that concern loading."""

    dtype: str = "auto"
    """`auto`: the checkpoint's own on a GPU, `float32` on a CPU; or `bfloat16`, `float16`, …"""
    device: str = "auto"
    """`auto`: the GPU if there is one, else the CPU; or `cpu`, `cuda:1`, …"""
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

    On a CPU `auto` is float32: most CPUs emulate bfloat16, which is many times slower, and in
    float32 a text does not depend on its batch. Transformers' logging and cuDNN's attention are
    switched off for the whole process.

    Args:
        checkpoint: where it is.
        options: dtype, device and whether to trust the checkpoint's code.
        class_of: returns the transformers class for a config, or raises a `ModelError`.
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
        if (adapter := checkpoint.adapter) is not None:
            model.load_adapter(str(adapter.path))
        model = model.to(device).eval()
        if adapter is not None:
            check_adapter(adapter, model, tokenizer)
    except OSError as error:
        if checkpoint.folder is None:
            raise checkpoint.not_found() from None
        raise ModelError(
            f"The folder {place} contains no model: {first_line(error)}.", "Give another."
        ) from None
    except _LOAD_ERRORS as error:
        raise ModelError(
            f"{place} cannot be loaded: {first_line(error)}.",
            f"Check {', '.join(('the name', 'dtype', *more))} and device.",
        ) from None
    return tokenizer, model


def describe_loaded(
    backend: str,
    checkpoint: Checkpoint,
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    model: Any,  # noqa: ANN401 - transformers' own
) -> dict[str, object]:
    """Return what the manifest records about a loaded checkpoint."""
    return {
        "backend": backend,
        **identified(backend, checkpoint),
        "engine": f"transformers {version('transformers')}, torch {version('torch')}",
        **identity(checkpoint, model.config),
        **describe_device(model),
        **environment(),
        "chat_template_sha256": template_hash(tokenizer),
    }


def longest_context(config: Any) -> int | None:  # noqa: ANN401 - transformers' own
    """Return the maximum context in tokens, or None where the config does not state one."""
    longest = getattr(config, "max_position_embeddings", None)
    return longest if isinstance(longest, int) else None
