"""Where a checkpoint is, what identifies it, and that a prompt begins once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mathreason_eval.errors import ModelError
from mathreason_eval.models.checkpoint import Checkpoint, PromptEncoder, encode, identity, locate
from mathreason_eval.models.rows import cut_at_stop
from mathreason_eval.types import Message, Prompt

BOS, EOS = 1, 2


class Tokenizer:
    """One token a character; puts a BOS before a text, as Llama's does; spells it as ^, EOS as $.

    It may add an EOS behind a text, too.
    """

    bos_token_id, eos_token_id = BOS, EOS
    eos_token = "$"
    chat_template = "^{messages}"

    def __init__(self, *, adds_eos=False):
        self.added = [EOS] if adds_eos else []

    def __call__(self, text):
        spelled = [{"^": BOS, "$": EOS}.get(sign, ord(sign)) for sign in text]
        return {"input_ids": [BOS, *spelled, *self.added]}

    def apply_chat_template(
        self, messages, *, tokenize, add_generation_prompt, return_dict, **more
    ):
        assert (tokenize, add_generation_prompt, return_dict) == (True, True, False)
        return [BOS, *map(ord, messages[0]["role"][0] + messages[0]["content"]), *more.values()]


# fmt: off
BEGUN = [
    (Prompt(text="ab"),                                           [BOS, 97, 98]),
    (Prompt(text="^ab"),                                          [BOS, 97, 98]),   # spelled out
    (Prompt(text=""),                                             [BOS]),
    (Prompt(messages=(Message(role="user", content="ab"),)),      [BOS, 117, 97, 98, 7]),
]
# fmt: on


@pytest.mark.parametrize(("prompt", "tokens"), BEGUN)
def test_a_prompt_begins_once(prompt, tokens):
    assert encode(Tokenizer(), prompt, {"enable_thinking": 7}) == tokens


@pytest.mark.parametrize("adds_eos", [True, False])
@pytest.mark.parametrize(("prompt", "tokens"), BEGUN)
def test_a_prompt_goes_on(prompt, tokens, adds_eos):
    assert encode(Tokenizer(adds_eos=adds_eos), prompt, {"enable_thinking": 7}) == tokens


def test_an_eos_that_a_text_spells_stays():
    assert encode(Tokenizer(), Prompt(text="a$"), {}) == [BOS, 97, EOS]


# fmt: off
LOCATED = [
    ("org/model",            Checkpoint(place="org/model")),
    ("org/model@v1.0",       Checkpoint(place="org/model", revision="v1.0")),
    ("gpt2",                 Checkpoint(place="gpt2")),
]
# fmt: on


@pytest.mark.parametrize(("name", "checkpoint"), LOCATED)
def test_a_hub_id_may_bring_a_revision(name, checkpoint):
    assert locate(name) == checkpoint


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "~/none", "a/b/c"])
def test_what_is_spelled_like_a_path_is_one(name):
    with pytest.raises(ModelError, match="There is no folder"):
        locate(name)


def test_a_folder_without_a_model_is_said_at_once(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        locate(str(tmp_path))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(bytes(10_000_000))
    return tmp_path


@pytest.mark.parametrize("place", [0, 5_000_000, 9_900_000])
def test_another_weight_is_another_fingerprint(folder, place):
    checkpoint, config = locate(str(folder)), SimpleNamespace()
    before = identity(checkpoint, config)
    weights = folder / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[place : place + 200_000] = b"\1" * len(changed[place : place + 200_000])
    weights.write_bytes(changed)
    assert identity(checkpoint, config) != before


def test_a_note_beside_the_weights_changes_nothing(folder):
    checkpoint = locate(str(folder))
    before = identity(checkpoint, SimpleNamespace())
    (folder / "README.md").write_text("trained on a Tuesday")
    assert identity(checkpoint, SimpleNamespace()) == before


def test_the_hub_is_identified_by_its_commit():
    config = SimpleNamespace(_commit_hash="c0ffee")
    known = identity(Checkpoint(place="org/model", revision="main"), config)
    assert known == {"hub": "org/model", "revision": "c0ffee"}


# fmt: off
CUT = [
    ("2 + 3 = 5",  (),            "2 + 3 = 5"),
    ("2 + 3 = 5",  ("=",),        "2 + 3 "),
    ("2 + 3 = 5",  ("=", "+"),    "2 "),
    ("2 + 3 = 5",  ("Q:",),       "2 + 3 = 5"),
]
# fmt: on


@pytest.mark.parametrize(("text", "stops", "kept"), CUT)
def test_a_text_ends_at_its_first_stop_string(text, stops, kept):
    assert cut_at_stop(text, stops) == kept


class _Counting:
    """A tokenizer that counts how often it is asked."""

    bos_token_id = eos_token_id = None

    def __init__(self):
        self.asked = 0

    def __call__(self, text):
        self.asked += 1
        return {"input_ids": [ord(sign) for sign in text]}


def test_a_prompt_becomes_tokens_once_for_all_its_samples():
    tokenizer = _Counting()
    encoder = PromptEncoder(tokenizer, {})
    prompts = [Prompt(text="ab"), Prompt(text="ab"), Prompt(text="c"), Prompt(text="ab")]
    made = [encoder(prompt) for prompt in prompts]
    assert made == [[97, 98], [97, 98], [99], [97, 98]]
    assert tokenizer.asked == 3
    made[0].append(0)
    assert encoder(prompts[3]) == [97, 98]
