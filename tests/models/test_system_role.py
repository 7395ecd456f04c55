"""A system message reaches every model, whatever its chat template does with one."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jinja2
import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment
from serving import serving

from mathreason_eval.errors import TaskError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import SystemRole, system_role
from mathreason_eval.models.checkpoint import template_system_role
from mathreason_eval.pipeline.plan import plan
from mathreason_eval.pipeline.preflight import preflight
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.pipeline.system import with_system_placed

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""SmolLM2's."""
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/...') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
"""Gemma 2's."""
SILENT = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
"""One that knows two roles and writes nothing for others."""
LLAMA_2 = (
    "{% if messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}"
    "{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% else %}{% set turns = messages %}{% set system = '' %}{% endif %}"
    "{% for message in turns %}{{ '[INST] ' + (system if loop.first else '') + "
    "message['content'] + ' [/INST]' }}{% endfor %}"
)
"""Llama 2's: it has its own place for the system message."""


def render(template, messages, **arguments):
    """Apply a chat template as transformers does."""

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    marks = {"bos_token": "<bos>", "eos_token": "</s>"}
    return environment.from_string(template).render(messages=messages, **marks, **arguments)


class Tokenizer:
    """A tokenizer, as far as it applies a template."""

    def __init__(self, template):
        self.chat_template = template

    def apply_chat_template(self, messages, *, tokenize, add_generation_prompt, **arguments):
        assert not tokenize
        flag = {"add_generation_prompt": add_generation_prompt}
        return render(self.chat_template, messages, **flag, **arguments)


class Templated:
    """A model with a template; what it is sent is what the template makes of it."""

    name, chat, context, opening = "fake:templated", True, None, ""

    def __init__(self, template):
        self.template = template

    def system_role(self):
        return template_system_role(Tokenizer(self.template), {})


# fmt: off
TEMPLATES = [
    # the template; what it does with a system message; the prompt that the model reads
    (CHATML,  SystemRole.KEPT,    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"),
    (LLAMA_2, SystemRole.KEPT,    "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n"),
    (GEMMA,   SystemRole.REFUSED, "<bos><start_of_turn>user\nBe brief.\n\n"),
    (SILENT,  SystemRole.IGNORED, "[INST] Be brief.\n\n"),
]
# fmt: on


def planned(model, **settings):
    asked = RunSpec(tasks=("arithmetic",), limit=1, **settings)
    spec, [(task, loaded)] = preflight(asked, lambda: model, None)
    return with_system_placed(plan(spec, task, loaded, chat=model.chat), model)


@pytest.mark.parametrize(("template", "role", "begins"), TEMPLATES)
def test_the_model_reads_it(template, role, begins):
    model = Templated(template)
    assert system_role(model) is role
    made = planned(model, system="Be brief.")
    [sent] = made.prompts.values()
    messages = [{"role": one.role, "content": one.content} for one in sent.prompt.messages]
    text = render(template, messages, add_generation_prompt=True)
    assert text.startswith(begins)
    assert text.count("Be brief.") == 1
    assert made.loaded.problems[0].question in text
    fallback = None if role is SystemRole.KEPT else str(role)
    entry = made.entry().prompt
    assert (entry.system, entry.system_fallback) == ("Be brief.", fallback)


def test_without_one_nothing_changes():
    plain, none, some = (
        planned(Templated(GEMMA), system=system) for system in (None, "", "Be brief.")
    )
    assert plain.entry() == none.entry()
    assert plain.prompts == none.prompts
    assert plain.entry().prompt.sha256 != some.entry().prompt.sha256


def test_where_it_goes_is_the_models_and_not_what_is_asked():
    of = [planned(Templated(one), system="Be brief.").entry().prompt for one in (CHATML, SILENT)]
    assert of[0].sha256 == of[1].sha256


def test_plain_text_begins_with_it():
    model = Templated(CHATML)
    model.chat = False
    made = planned(model, system="Be brief.")
    [sent] = made.prompts.values()
    assert sent.prompt.text.startswith("Be brief.\n\n")
    assert made.entry().prompt.system_fallback == "plain text"


def test_an_engine_that_does_not_know_its_template_is_sent_it():
    class Unknown:
        chat = True

    made = planned(Unknown(), system="Be brief.")
    [sent] = made.prompts.values()
    assert [one.role for one in sent.prompt.messages] == ["system", "user"]
    assert made.entry().prompt.system_fallback is None


def test_what_judges_steps_reads_none():
    model = Templated(CHATML)
    made = planned(model)
    turns = made.form.__class__(id="turns", template="x", chat=True, turns=True, system="Be brief.")
    with pytest.raises(TaskError, match="no system message"):
        with_system_placed(made.__class__(
            task=made.task, form=turns, loaded=made.loaded, sampling=made.sampling,
            samples=1, limit=None,
        ), model)  # fmt: skip


# --- servers ---------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """A server of llama.cpp or vLLM that applies a template, or one that can do neither."""

    def do_GET(self):
        self.answer(200, {"data": [{"id": "m"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        route, template = self.server.route, self.server.template
        if self.path != route:
            self.answer(404, {})
            return
        try:
            text = render(template, body["messages"], add_generation_prompt=True)
        except jinja2.exceptions.TemplateError as error:
            self.answer(400, {"error": {"message": str(error)}})
            return
        names = [text[start : start + 3] for start in range(0, len(text), 3)]
        self.answer(200, {"prompt": text} if route == "/apply-template" else {"token_strs": names})

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Keep the tests' output clean."""


@pytest.mark.parametrize("route", ["/apply-template", "/tokenize", "/nothing"])
@pytest.mark.parametrize(("template", "role"), [(t, r) for t, r, _ in TEMPLATES])
def test_a_server_that_can_tell_is_asked(monkeypatch, route, template, role):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.route, server.template = route, template
    with serving(server):
        model = open_model(f"openai:m@http://127.0.0.1:{server.server_port}/v1", {})
        assert system_role(model) is (SystemRole.UNKNOWN if route == "/nothing" else role)
        model.close()
