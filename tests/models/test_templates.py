"""What a chat template does wrong is found from its files, and what is right is not blamed."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.errors import Faults
from mathreason_eval.models import check_model
from mathreason_eval.models.facts import ChatTemplate, Status, TemplateError
from mathreason_eval.models.templates import examine, renderer
from mathreason_eval.models.tokenizer_files import (
    examine_checkpoint,
    positions,
    unscaled_positions,
)
from mathreason_eval.types import Message, Prompt

# fmt: off
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA = "{{ bos_token }}" + CHATML
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}"
    "{% endfor %}"
)
NO_SYSTEM = CHATML.replace("{{ '<|im", "{% if m.role != 'system' %}{{ '<|im", 1).replace(
    "{% endfor %}", "{% endif %}{% endfor %}", 1)
NO_PROMPT = CHATML.partition("{% if add_gen")[0]
TEMPLATES = [
    # template, BOS, whether the tokenizer adds it, what is warned of
    (CHATML,                          None,  None,  {}),
    (CHATML,                          "<s>", False, {}),
    (CHATML,                          "<s>", True,  {"BOS": "the template does not write it"}),
    (LLAMA,                           "<s>", False, {}),
    (LLAMA,                           "<s>", True,  {"BOS": "doubled"}),
    ("{{ bos_token }}" + LLAMA,       "<s>", False, {"BOS": "begins with two"}),
    ("<bos><bos>" + CHATML,           None,  None,  {"BOS": "begins with two"}),
    (MISTRAL,                         "<s>", False, {"system message": "refused: Only user and"}),
    (NO_SYSTEM,                       None,  None,  {"system message": "ignored"}),
    (NO_PROMPT,                       None,  None,  {"generation prompt": "|>assistant'"}),
    (CHATML.replace("assistant", "bot"), None, None,
     {"generation prompt": "another: a prompt ends with 'bot', and an answer begins with 'assist"}),
    (CHATML + "{{ eos_token }}",      "<s>", False, {"EOS": "the template writes </s>"}),
    (CHATML + "{{ '<think>\n' }}",    None,  None,  {}),
    ("{{ messages[0].role }}",        None,  None,  {"chat template": "does not write the question",
                                                     "system message": "ignored"}),
    ("{{ messages[0].nothing.x }}",   None,  None,  {"chat template": "cannot be rendered"}),
    ("{% for %}",                     None,  None,  {"chat template": "cannot be rendered"}),
    ("{{ raise_exception('no') }}",   None,  None,  {"chat template": "cannot be rendered: no"}),
    ("{% generation %}{% endgeneration %}" + CHATML, None, None, {}),
    ("{% for m in messages %}{% if m.role == 'x' %}{% continue %}{% endif %}{% endfor %}" + CHATML,
     None, None, {}),
    ("{{ strftime_now('%Y') }}{{ tools | tojson }}" + CHATML, None, None, {}),
]
# fmt: on


def made(source, bos=None, adds=None, **more):
    tokens = {"eos_token": "</s>", **({"bos_token": bos} if bos else {})}
    return ChatTemplate(render=renderer(source, tokens), bos=bos, eos="</s>", adds_bos=adds, **more)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "bos", "adds", "warned"), TEMPLATES)
def test_what_is_wrong_is_warned_of_and_nothing_else(source, bos, adds, warned):
    findings = list(examine(made(source, bos, adds)))
    said = {one.subject: one.says for one in findings if one.status is Status.WARNING}
    assert said.keys() == warned.keys()
    for subject, piece in warned.items():
        assert piece in said[subject]
    assert all(one.hint for one in findings if one.status is Status.WARNING)
    assert all(one.status is not Status.FAULT for one in findings)


def test_an_engine_that_sends_one_bos_is_not_blamed():
    (finding,) = (
        one
        for one in examine(made(LLAMA, "<s>", adds=True, keeps_one_bos=True))
        if one.subject == "BOS"
    )
    assert (finding.status, "this engine sends one" in finding.says) == (Status.PASS, True)


def test_a_tokenizer_that_adds_an_eos_is_said():
    said = [one for one in examine(made(CHATML, adds_eos=True)) if one.subject == "EOS"]
    assert said[0].status is Status.WARNING


@pytest.mark.parametrize(
    ("end", "says"),
    [("<think>\n", "'<think>'"), ("<think>\n\n</think>\n\n", "</think>"), ("", "opens no thought")],
)
def test_an_opened_thought_is_information(end, says):
    opening = "{% if add_generation_prompt %}{{ '" + end.replace("\n", "\\n") + "' }}{% endif %}"
    found = [one for one in examine(made(CHATML + opening)) if one.subject == "thinking"]
    assert (found[0].status, says in found[0].says) == (Status.NOTE, True)


def test_a_template_cannot_reach_the_program():
    render = renderer("{{ ''.__class__.__mro__[1].__subclasses__() }}", {})
    with pytest.raises(TemplateError):
        render((Message(role="user", content="?"),))


# --- checkpoints -----------------------------------------------------------------------------


def checkpoint(folder, **files):
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"")
    for name, content in {"config": {}, **files}.items():
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def known(folder, **more):
    faults = Faults()
    facts = examine_checkpoint(str(folder), faults, context_of=positions, **more)
    return facts, [str(one) for one in faults.found]


def test_a_checkpoints_template_and_tokens_are_read_from_its_files(tmp_path):
    folder = checkpoint(
        tmp_path / "m",
        config={"text_config": {"max_position_embeddings": 4096}},
        tokenizer_config={"chat_template": LLAMA, "bos_token": {"content": "<s>"},
                          "eos_token": "</s>", "add_bos_token": True},
    )  # fmt: skip
    facts, faults = known(folder)
    assert (facts.chat, facts.has_template, facts.context, faults) == (True, True, 4096, [])
    assert (facts.template.bos, facts.template.eos, facts.template.adds_bos) == (
        "<s>",
        "</s>",
        True,
    )
    assert facts.template.render((Message(role="user", content="hi"),)).startswith(
        "<s><|im_start|>"
    )


def test_the_file_of_a_template_counts_before_the_config(tmp_path):
    folder = checkpoint(tmp_path / "m", tokenizer_config={"chat_template": LLAMA})
    (folder / "chat_template.jinja").write_text("its own {{ messages[0].content }}")
    facts, _ = known(folder)
    assert facts.template.render((Message(role="user", content="hi"),)) == "its own hi"


def test_the_default_of_several_templates_is_taken(tmp_path):
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    folder = checkpoint(tmp_path / "m", tokenizer_config={"chat_template": named})
    assert known(folder)[0].template.render(()) == "d"


def test_the_post_processor_says_whether_a_bos_is_added(tmp_path):
    single = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A"}}]
    template = {"type": "TemplateProcessing", "single": single}
    for number, (processor, adds) in enumerate([
        (template, True),
        ({"type": "Sequence", "processors": [{"type": "ByteLevel"}, template]}, True),
        ({"type": "ByteLevel"}, False),
        (None, False),
    ]):  # fmt: skip
        folder = checkpoint(
            tmp_path / str(number),
            tokenizer_config={"chat_template": CHATML, "bos_token": "<s>"},
            tokenizer={"post_processor": processor},
        )
        assert known(folder)[0].template.adds_bos is adds


def test_a_base_model_is_one_without_a_template(tmp_path):
    facts, faults = known(checkpoint(tmp_path / "m", tokenizer_config={"bos_token": "<s>"}))
    assert (facts.chat, facts.has_template, facts.template, faults) == (False, False, None, [])
    facts, _ = known(tmp_path / "m", chat=True)
    assert (facts.chat, facts.has_template) == (True, False)


def test_the_arguments_of_a_template_are_given_to_it(tmp_path):
    source = "{% if enable_thinking %}on{% else %}off{% endif %}"
    folder = checkpoint(tmp_path / "m", tokenizer_config={"chat_template": source})
    for value, written in (("true", "on"), ("false", "off")):
        facts, _ = known(folder, template_arguments=f'{{"enable_thinking": {value}}}')
        assert facts.template.render(()) == written


def test_torn_files_are_faults(tmp_path):
    facts, faults = known(checkpoint(tmp_path / "m", config="{", tokenizer_config="[]"))
    assert len([fault for fault in faults if "config.json cannot be read" in fault]) == 1
    assert any("holds no JSON object" in fault for fault in faults)
    assert facts.context is None


# fmt: off
CONTEXTS = [  # config, context of hf:, context of vllm:
    ({"max_position_embeddings": 2048},                                            2048, 2048),
    ({"max_position_embeddings": 2048, "rope_scaling": None},                      2048, 2048),
    ({"max_position_embeddings": 2048, "rope_scaling": {"type": "yarn", "factor": 4}}, 2048, None),
    ({"max_position_embeddings": 2048, "rope_parameters": {"rope_theta": 1e4}},    2048, 2048),
    ({"text_config": {"max_position_embeddings": 512}},                            512,  512),
    ({},                                                                           None, None),
    ({"max_position_embeddings": "many"},                                          None, None),
]
# fmt: on


@pytest.mark.parametrize(("config", "transformers", "vllm"), CONTEXTS)
def test_the_context_is_what_the_engine_takes(config, transformers, vllm):
    assert (positions(config), unscaled_positions(config)) == (transformers, vllm)


def test_vllms_own_limit_counts(tmp_path):
    folder = checkpoint(tmp_path / "m", config={"max_position_embeddings": 2048})
    assert check_model(f"vllm:{folder}", {"max_model_len": "999"}).context == 999
    assert check_model(f"vllm:{folder}").context == 2048


def test_words_are_the_tokens_of_a_script():
    count = check_model("fake:echo").count
    asked = Prompt(messages=(Message(role="user", content="a b  c"),))
    assert count([asked, Prompt(text="one")]) == [3, 1]


# fmt: off
BOMBS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",  # rounds
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{{ 9 ** (9 ** 9) }}",                                                      # while it compiles
    "{% set n = 9 ** 9 %}{{ n ** n }}",                                        # one operation
    "{{ 'x' * 10 ** 10 }}",                                                    # a text
    "{{ '%9999999999d' % 1 }}",                                                # a format
    "{{ 'x'.ljust(10 ** 10) }}",                                               # a method
    "{{ 'x' | center(3000000) }}",                                             # a long prompt
    "{% set n = namespace(t='x') %}{% for i in range(60) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
    "{{ range(99999) | map('string') | map('center', 99999) | list }}",
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("template", BOMBS)
def test_a_template_cannot_take_much_time_or_memory(template):
    with pytest.raises(TemplateError, match=r"takes more than|longer than|limit|allow|big"):
        renderer(template, {})([Message(role="user", content="?")])
