"""A checkpoint's files that somebody else wrote: facts or user errors, whatever is in them."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.errors import Faults
from mathreason_eval.models.tokenizer_files import examine_checkpoint

BRICKS = ("[" * 100_000, "[]", "7", "null", '{"a": [1]}', '"x"', "\x00")
KEYS = {
    "config.json": ("text_config", "max_position_embeddings"),
    "model.safetensors.index.json": ("weight_map",),
    "tokenizer_config.json": ("chat_template", "bos_token", "add_bos_token"),
    "special_tokens_map.json": ("bos_token",),
    "tokenizer.json": ("post_processor",),
}
VALUES = (7, [], [[]], ["a"], {"a": []}, [{"name": [], "template": 1}], {"single": {"a": 1}},
          {"single": [{"SpecialToken": "x"}]}, {"processors": [{"single": 7}]})  # fmt: skip


def examined(folder, name, content):
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").touch()
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    (folder / "special_tokens_map.json").write_text('{"bos_token": "<s>"}')
    if name == "tokenizer_config.json":
        (folder / "chat_template.jinja").unlink()
    (folder / name).write_text(content)
    return examine_checkpoint(str(folder), Faults(), context_of=lambda config: None)


@pytest.mark.parametrize("content", BRICKS, ids=range(len(BRICKS)))
@pytest.mark.parametrize("name", KEYS)
def test_any_bytes_of_a_checkpoint_are_facts_or_faults(tmp_path, name, content):
    examined(tmp_path, name, content)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize(("name", "key"), [(one, key) for one in KEYS for key in KEYS[one]])
def test_any_value_in_a_checkpoint_is_a_fact_or_a_fault(tmp_path, name, key, value):
    examined(tmp_path, name, json.dumps({key: value}))
