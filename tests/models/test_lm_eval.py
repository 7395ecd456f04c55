"""Models that lm-eval drives: what it is asked, and what of its answers is known."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import pytest

from mathreason_eval.errors import MissingExtraError, ModelError
from mathreason_eval.models import lm_eval as backend
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.types import Message, Prompt, Sampling


@dataclass
class Instance:
    """As lm-eval's."""

    request_type: str
    doc: dict
    arguments: tuple
    idx: int
    metadata: tuple


class Driven:
    """A model of lm-eval: one that answers in lists, in order."""

    tokenizer = SimpleNamespace(chat_template="{{ messages }}")
    max_length = 50
    asked: list = field(default_factory=list)

    def __init__(self, arguments, config):
        self.arguments, self.config, self.asked = arguments, config, []

    @classmethod
    def create_from_arg_string(cls, arguments, config):
        if "missing" in arguments:
            raise OSError("there is no such model")
        if "ends" in arguments:
            raise SystemExit(1)
        return cls(arguments, config)

    def apply_chat_template(self, messages):
        return "".join(f"<{one['role']}>{one['content']}" for one in messages)

    def tok_encode(self, text):
        return text.split()

    def generate_until(self, instances, *, disable_tqdm):
        self.asked.append([one.arguments for one in instances])
        return [self.answer(*one.arguments) for one in instances]

    def answer(self, text, _settings):
        if "crash" in text:
            raise RuntimeError("the server is gone")
        return {"none": None, "empty": ""}.get(text, f"{text}! STOP and more")


@pytest.fixture(autouse=True)
def lm_eval(monkeypatch):
    """A package lm_eval with as much as is used."""
    names = ("lm_eval", "lm_eval.api", "lm_eval.api.registry", "lm_eval.api.instance")
    modules = {name: ModuleType(name) for name in names}
    modules["lm_eval.api.registry"].get_model = lambda _: Driven
    modules["lm_eval.api.instance"].Instance = Instance
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(backend, "require", lambda *_, **__: None)
    monkeypatch.setattr(backend, "version", lambda _: "0.4.13")


def request(text, *, sample=0, temperature=0.0, chat=False, max_tokens=8):
    prompt = (
        Prompt(messages=(Message(role="user", content=text),), stop=("STOP",))
        if chat
        else Prompt(text=text, stop=("STOP",))
    )
    return Request(
        task="t", problem_id=text, sample=sample, prompt=prompt, seed=2**40 + sample,
        sampling=Sampling(temperature=temperature, top_p=0.9, max_tokens=max_tokens),
    )  # fmt: skip


def opened(name="lm_eval:hf,pretrained=m", **options):
    return open_model(name, options)


def test_texts_are_known_and_nothing_else():
    model = opened()
    [found] = model.stream([request("seven")])
    assert (found.text, found.finish_reason, found.completion_tokens) == ("seven! ", None, None)
    assert found.seconds is not None


def test_a_greedy_batch_is_asked_together_with_the_runs_sampling():
    model = opened(batch_size="2")
    found = list(model.stream([request(word) for word in ("a", "b", "c")]))
    assert [one.text for one in found] == ["a! ", "b! ", "c! "]
    assert [len(batch) for batch in model._model.asked] == [2, 1]
    [(text, settings), _] = model._model.asked[0]
    assert (text, settings) == (
        "a", {"until": ["STOP"], "max_gen_toks": 8, "do_sample": False, "temperature": 0.0},
    )  # fmt: skip


def test_samples_are_asked_one_by_one_each_after_its_seed(monkeypatch):
    seeds = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(manual_seed=seeds.append))
    model = opened()
    list(model.stream([request("a", sample=n, temperature=0.6) for n in range(3)]))
    assert [len(batch) for batch in model._model.asked] == [1, 1, 1]
    assert seeds == [(2**40 + n) % 2**31 for n in range(3)]
    [(_, settings)] = model._model.asked[0]
    assert (settings["do_sample"], settings["temperature"], settings["top_p"]) == (True, 0.6, 0.9)
    assert "seed" not in settings


def test_a_server_is_told_the_seed_of_a_sample():
    model = opened("lm_eval:local-chat-completions,model=m,base_url=http://127.0.0.1:1/v1")
    list(model.stream([request("a", temperature=0.6, chat=True)]))
    [(text, settings)] = model._model.asked[0]
    assert (text, settings["seed"]) == ("<user>a", 2**40 % 2**31)
    assert model._model.config == {"batch_size": 1}
    assert (model.chat, model.context) == (True, None)


def test_what_fails_of_a_batch_fails_alone():
    model = opened()
    found = list(model.stream([request(word) for word in ("a", "crash", "none", "b")]))
    assert [type(one) for one in found] == [Completion, Failure, Failure, Completion]
    assert "the server is gone" in found[1].reason
    assert found[2].kind == "no text"


def test_an_empty_text_of_a_server_is_no_answer_and_that_of_a_model_is_one():
    [local] = opened().stream([request("empty")])
    assert local.text == ""
    server = opened("lm_eval:local-completions,model=m")
    [remote] = server.stream([request("empty")])
    assert isinstance(remote, Failure)


def test_a_prompt_that_would_be_shortened_is_a_failure():
    [found] = opened().stream([request("word " * 45)])
    assert isinstance(found, Failure)
    assert "together 53, and the context holds 50" in found.reason


# fmt: off
CHAT = [
    # TYPE, option; whether it is asked as a chat
    ("hf",                     {},                 True),    # its tokenizer has a template
    ("hf",                     {"chat": "false"},  False),
    ("local-chat-completions", {},                 True),
]
# fmt: on


@pytest.mark.parametrize(("kind", "options", "chat"), CHAT)
def test_a_model_is_for_chats_or_not(kind, options, chat):
    assert opened(f"lm_eval:{kind},pretrained=m", **options).chat is chat


def test_the_manifest_says_what_was_asked_by_which_version():
    told = opened("lm_eval:hf,pretrained=m,dtype=float32").describe()
    assert (told["backend"], told["lm_eval"]) == ("lm_eval", "0.4.13")
    assert (told["type"], told["arguments"]) == ("hf", "pretrained=m,dtype=float32")
    assert told["rounding"] == {"batch_size": 16}


# fmt: off
REFUSED = [
    # name, options, error
    ("lm_eval:hf,pretrained=missing",            {},             "OSError: there is no such model"),
    ("lm_eval:hf,ends=1",                        {},             "cannot open hf: SystemExit"),
    ("lm_eval:hf,pretrained=m,token=abc",        {},             "token holds a secret"),
    ("lm_eval:local-completions,auth_token=x",   {},             "auth_token holds a secret"),
    ("lm_eval:x,openai_api_key=abc",             {},             "openai_api_key holds a secret"),
    ("lm_eval:hf,pretrained=m",                  {"chat": "?"},  "true or false"),
    ("lm_eval:",                                 {},             "does not name a model"),
]
# fmt: on


@pytest.mark.parametrize(("name", "options", "told"), REFUSED)
def test_what_cannot_be_opened_is_an_error_without_its_secret(name, options, told):
    with pytest.raises(ModelError, match=told) as error:
        open_model(name, options)
    assert "abc" not in str(error.value)


def test_marks_of_a_tokenizer_are_no_secret():
    assert opened("lm_eval:hf,pretrained=m,think_end_token=</think>").chat


def test_without_lm_eval_its_extra_is_named(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr("mathreason_eval.models.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"mathreason-eval\[lm-eval\]"):
        open_model("lm_eval:hf,pretrained=m")
