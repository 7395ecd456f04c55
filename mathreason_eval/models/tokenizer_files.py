"""A checkpoint's files, read without loading it: weights, context, chat template, tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mathreason_eval.errors import Faults, ModelError
from mathreason_eval.models.checkpoint import Checkpoint, encode, locate, read_template_arguments
from mathreason_eval.models.facts import ChatTemplate, Counter, Finding, ModelFacts, Status
from mathreason_eval.models.templates import renderer
from mathreason_eval.types import Prompt


def examine_checkpoint(
    rest: str,
    faults: Faults,
    *,
    chat: bool | None = None,
    template_arguments: str = "{}",
    trust_remote_code: bool = False,
    context_of: Callable[[Mapping[str, Any]], int | None],
) -> ModelFacts:
    """Return what the files of a checkpoint say.

    Args:
        rest: as typed behind `BACKEND:`.
        faults: collects what is wrong.
        chat: whether the user wants messages; None is whether there is a template.
        template_arguments: the option `chat_template_kwargs`.
        trust_remote_code: whether the tokenizer may run code of its own.
        context_of: the engine's reading of the config.
    """
    arguments = faults.attempt(lambda: read_template_arguments(template_arguments)) or {}
    checkpoint = faults.attempt(lambda: locate(rest))
    if checkpoint is None:
        return ModelFacts()
    folder = checkpoint.folder or faults.attempt(lambda: _small_files(checkpoint))
    if folder is None:
        says = "the files of the hub are not here, and the package huggingface_hub neither"
        return ModelFacts(
            chat=chat, findings=(Finding(subject="model", status=Status.UNKNOWN, says=says),)
        )
    config = faults.attempt(lambda: _object(folder / "config.json")) or {}
    if checkpoint.folder:
        faults.attempt(lambda: _check_weights(folder))
    source = faults.attempt(lambda: _template_source(folder))
    settings = faults.attempt(lambda: _object(folder / "tokenizer_config.json")) or {}
    return ModelFacts(
        chat=source is not None if chat is None else chat,
        has_template=source is not None,
        template=_template(folder, source, settings, arguments) if source else None,
        context=context_of(config),
        count=_counter(folder, arguments, trusted=trust_remote_code),
    )


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of the language model in that of a model of several kinds."""
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config


def positions(config: Mapping[str, Any]) -> int | None:
    """Return the tokens that the positions of a config hold, or None where it does not say."""
    longest = text_config(config).get("max_position_embeddings")
    return longest if isinstance(longest, int) else None


def unscaled_positions(config: Mapping[str, Any]) -> int | None:
    """Return the same where it is what vLLM takes, which multiplies it by some kinds of scaling."""
    inner = text_config(config)
    scaled = inner.get("rope_scaling") or inner.get("rope_parameters")
    return None if isinstance(scaled, dict) and "factor" in scaled else positions(config)


# --- files -----------------------------------------------------------------------------------


def _small_files(checkpoint: Checkpoint) -> Path | None:
    """Return a folder with a hub's files but the weights; None without the library for it.

    Raises:
        ModelError: the hub has no such model, or cannot be reached and nothing is cached.
    """
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(
            checkpoint.place,
            revision=checkpoint.revision,
            allow_patterns=["*.json", "*.jinja", "*.model"],
        )
    # The library passes on whatever its transport raised; all of it means the same to a user.
    except Exception:  # noqa: BLE001
        raise checkpoint.not_found() from None
    return Path(found)


def _object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None if there is no such file."""
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", "Copy it again.") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds no JSON object.", "Copy it again.")
    return found


_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf")
_INDEX = "model.safetensors.index.json"


def _check_weights(folder: Path) -> None:
    """Raise an error unless a folder holds weights, and every file that their index names.

    Raises:
        ModelError: as said.
    """
    index = _object(folder / _INDEX)
    held = (index or {}).get("weight_map")
    named = set(map(str, held.values())) if isinstance(held, dict) else set()
    if missing := sorted(name for name in named if not (folder / name).is_file()):
        raise ModelError(
            f"The folder {folder} lacks {len(missing)} of {len(named)} files of weights: "
            f"{missing[0]} is the first.",
            "Copy or download it again.",
        )
    if not any(next(folder.glob(pattern), None) for pattern in _WEIGHTS):
        raise ModelError(
            f"The folder {folder} holds no weights: no file like {', '.join(_WEIGHTS)}.",
            "Give the folder that save_pretrained wrote.",
        )


# --- template and tokens ---------------------------------------------------------------------


def _template_source(folder: Path) -> str | None:
    """Return the chat template of a tokenizer: its own file counts before that in its config."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace")
    for name in ("chat_template.json", "tokenizer_config.json"):
        found = (_object(folder / name) or {}).get("chat_template")
        if isinstance(found, list):
            named = [one for one in found if isinstance(one, dict) and one.get("name") == "default"]
            found = named[-1].get("template") if named else None
        if isinstance(found, str):
            return found
    return None


def _template(
    folder: Path, source: str, settings: Mapping[str, Any], arguments: Mapping[str, object]
) -> ChatTemplate:
    special = {**_special_tokens(folder), **_texts(settings)}
    bos, eos = special.get("bos_token"), special.get("eos_token")
    adds = settings.get("add_bos_token")
    if not isinstance(adds, bool):
        adds = _post_processor_adds(folder, bos)
    return ChatTemplate(
        render=renderer(source, special, arguments),
        bos=bos,
        eos=eos,
        adds_bos=adds,
        # `encode` has the template's tokens and no others.
        adds_eos=False,
        of_engine=True,
        keeps_one_bos=True,
    )


def _special_tokens(folder: Path) -> dict[str, str]:
    try:
        return _texts(_object(folder / "special_tokens_map.json") or {})
    except ModelError:
        return {}


def _texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the special tokens among settings, as text."""
    found = {}
    for name, value in settings.items():
        text = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(text, str):
            found[name] = text
    return found


def _post_processor_adds(folder: Path, bos: str | None) -> bool | None:
    """Return whether the post-processor of a tokenizer.json begins a text with the BOS."""
    path = folder / "tokenizer.json"
    if bos is None or not path.is_file():
        return None
    try:
        steps = _post_processors((_object(path) or {}).get("post_processor"))
    except ModelError:
        return None
    firsts = [
        single[0] for step in steps if isinstance(single := step.get("single"), list) and single
    ]
    tokens = [first.get("SpecialToken") for first in firsts if isinstance(first, dict)]
    return any(isinstance(token, dict) and token.get("id") == bos for token in tokens)


def _post_processors(found: object) -> list[dict[str, Any]]:
    if not isinstance(found, dict):
        return []
    inner = found.get("processors")
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else [found]


def _counter(folder: Path, arguments: Mapping[str, object], *, trusted: bool) -> Counter | None:
    """Return what counts the tokens of prompts, where transformers can load the tokenizer."""
    if find_spec("transformers") is None:
        return None

    def count(prompts: Sequence[Prompt]) -> list[int | None]:
        from transformers import AutoTokenizer

        # A tokenizer that cannot be loaded here is a matter for the engine, which says it.
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=trusted)
            return [len(encode(tokenizer, prompt, arguments)) for prompt in prompts]
        except Exception:  # noqa: BLE001
            return [None] * len(prompts)

    return count
