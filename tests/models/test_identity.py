"""Every option of every engine: does a change of it ask again, or not?"""

from __future__ import annotations

import json
import os
import re
from dataclasses import MISSING, fields, replace
from importlib import import_module

import pytest
from manifests import MODEL, changed

from mathreason_eval.errors import ModelError, UnknownNameError
from mathreason_eval.models import backends, open_model, read_object, with_options
from mathreason_eval.models import environment as surroundings
from mathreason_eval.models.adapters import Adapter, adapter_rank
from mathreason_eval.models.checkpoint import (
    Checkpoint,
    identified,
    identity,
    locate,
    named_files,
    read_template_arguments,
)
from mathreason_eval.models.environment import _ARITHMETIC, environment, noting_changes
from mathreason_eval.models.openai import open_engine
from mathreason_eval.models.servers import read_extra_body
from mathreason_eval.models.vllm import Options as VllmOptions
from mathreason_eval.models.vllm import _arguments
from mathreason_eval.runs.keys import model_identity
from mathreason_eval.runs.manifest import describe_model, short_name
from mathreason_eval.types import IDENTIFIED_AS

# fmt: off
SCHEDULING = {
    "fake": {"latency", "concurrency", "crash_after", "die_after", "replicas"},
    "llamacpp": {"threads"},
    "openai": {"concurrency", "retries", "timeout", "idle_timeout", "requests_per_minute",
               "tokens_per_minute", "api_key_env", "context", "grace", "replicas",
               "batch_requests", "batch_results"},
    "vllm": {"gpu_memory_utilization"},
}
ROUNDING = {
    "hf": {"batch_size", "refill"},
    "llamacpp": {"parallel", "cache_prompt"},
    "lm_eval": {"batch_size"},
    "prm": {"batch_size"},
    "vllm": {"max_num_seqs", "tensor_parallel_size", "pipeline_parallel_size",
             "enable_prefix_caching"},
}
# fmt: on
MODULES = {
    name: import_module(f"mathreason_eval.models.{'client' if name == 'openai' else name}")
    for name in backends()
}
OPTIONS = [
    (backend, option)
    for backend, module in MODULES.items()
    for option in fields(module.Options)
]  # fmt: skip


def other(option):
    """Return a value of an option that is not its default."""
    assert option.default is not MISSING
    match option.default:
        case bool() as value:
            return not value
        case int() | float() as value:
            return value + 1
        case str() as value:
            return value + " other"
    return "something"


def described(backend, options):
    module = MODULES[backend]
    own, rounded = (
        getattr(module, name, frozenset()) for name in ("SCHEDULING_OPTIONS", "ROUNDING_OPTIONS")
    )
    said = with_options({"engine": "1"}, options, own, rounded)
    return model_identity(changed(MODEL, details=said)), said


@pytest.mark.parametrize(("backend", "option"), OPTIONS, ids=lambda one: getattr(one, "name", one))
def test_an_option_is_part_of_the_identity_unless_it_is_known_to_change_no_text(backend, option):
    usual = MODULES[backend].Options()
    before, _ = described(backend, usual)
    after, said = described(backend, replace(usual, **{option.name: other(option)}))
    scheduled = option.name in SCHEDULING.get(backend, ())
    rounded = option.name in ROUNDING.get(backend, ())
    assert (before == after) == (scheduled or rounded)
    assert (option.name in said["scheduling"]) == scheduled
    assert (option.name in said["rounding"]) == rounded


def test_what_the_engine_was_given_besides_is_part_of_the_identity_too():
    usual, named = VllmOptions(), {"max_num_batched_tokens": 64, "swap_space": 1}
    module = MODULES["vllm"]
    plain = (module.SCHEDULING_OPTIONS, module.ROUNDING_OPTIONS)
    said = with_options({}, usual, *plain, {"hf_overrides": {"rope": 2}, **named})
    assert said["options"]["hf_overrides"] == {"rope": 2}
    assert said["rounding"]["max_num_batched_tokens"] == 64
    assert said["scheduling"]["swap_space"] == 1


# --- what the run itself sets ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "instead"),
    [("temperature", "--temperature"), ("top_p", "--top-p"), ("max_tokens", "--max-tokens"),
     ("max_completion_tokens", "--max-tokens"), ("n_predict", "--max-tokens"),
     ("max_new_tokens", "--max-tokens"), ("seed", "--seed"), ("n", "--samples"),
     ("Temperature", "--temperature"), ("model", "name"), ("messages", "--prompt"),
     ("prompt", "--prompt"), ("stop", "prompt"), ("stream", "replies"),
     ("num_predict", "--max-tokens"), ("max_length", "--max-tokens"),        # Ollama; transformers
     ("stop_sequences", "prompt"), ("best_of", "--samples"),                 # TGI, of gateways
     ("n_cmpl", "--samples"), ("do_sample", "--temperature"),                # llama.cpp; TGI
     ("sampling_seed", "--seed"), ("input_ids", "--prompt"),                 # SGLang
     ("prompt_embeds", "--prompt"), ("models", "name"),                      # vLLM; OpenRouter
     ("maxTokens", "--max-tokens"), ("top-P", "--top-p"), ("stopSequences", "prompt"),
     ("echo", "without it"), ("return_full_text", "without it"),             # OpenAI; TGI
     ("suffix", "--prompt"), ("truncate_prompt_tokens", "--prompt"),         # OpenAI; vLLM
     ("stream_options", "replies"), ("add_generation_prompt", "turn"),
     ("continue_final_message", "turn"), ("include_stop_str_in_output", "prompt")],
)  # fmt: skip
def test_a_body_cannot_set_what_the_run_sets(name, instead):
    with pytest.raises(ModelError, match=f"cannot set {name}") as caught:
        read_extra_body(f'{{"top_k": 20, "{name}": 1}}')
    assert instead in caught.value.hint


@pytest.mark.parametrize(
    ("body", "named"),
    [({"sampling_params": {"temperature": 1}}, "sampling_params.temperature"),
     ({"options": {"num_ctx": 4096, "num_predict": 9}}, "options.num_predict"),
     ({"parameters": {"max_new_tokens": 9}}, "parameters.max_new_tokens"),
     ({"extra_body": {"generationConfig": {"topP": 1}}}, "extra_body.generationConfig.topP"),
     ({"chat_template_kwargs": {"add_generation_prompt": False}},
      "chat_template_kwargs.add_generation_prompt"),
     ({"parameters": {"echo": True}}, "parameters.echo")],
)  # fmt: skip
def test_nor_within_what_holds_settings_of_a_request(body, named):
    with pytest.raises(ModelError, match=f"cannot set {re.escape(named)}"):
        read_extra_body(json.dumps(body))


@pytest.mark.parametrize(
    "body",
    [{"top_k": 1}, {"min_p": 1}, {"repetition_penalty": 1}, {"stop_token_ids": [2]},
     {"chat_template_kwargs": {"enable_thinking": False}}, {"options": {"num_ctx": 4096}},
     {"response_format": {"schema": {"properties": {"temperature": {}, "n": {}}}}},
     {"min_tokens": 5}, {"guided_regex": "[0-9]+"}, {"provider": {"order": ["a"]}},
     {"reasoning": {"max_tokens": 9}}, {"logprobs": True, "top_logprobs": 3}, {"n_probs": 3},
     {"prompt_logprobs": 0}, {"skip_special_tokens": False},
     {"chat_template_kwargs": {"stop": 1, "echo": True}}],
)  # fmt: skip
def test_a_body_may_set_what_has_no_option(body):
    assert read_extra_body(json.dumps(body)) == body


@pytest.mark.parametrize(
    "text", ['{"top_k": NaN}', '{"a": {"b": [1, -Infinity]}}', '{"top_k": 1e999}']
)
def test_the_numbers_of_an_option_are_finite(text):
    with pytest.raises(ModelError, match="no finite number"):
        read_object("extra_body", text)


@pytest.mark.parametrize("text", ["[1]", "NaN", "{", "[" * 100_000])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ModelError, match="not a JSON object"):
        read_object("extra_body", text)


@pytest.mark.parametrize("name", ["temperature", "seed", "n", "model", "my_limit"])
def test_the_name_of_max_tokens_sets_nothing_else(name):
    with pytest.raises(UnknownNameError, match=name):
        open_engine("openai:m", "m@http://127.0.0.1:9/v1", {"max_tokens_name": name})


@pytest.mark.parametrize(
    "name",
    ["add_generation_prompt", "tokenize", "messages", "continue_final_message", "truncation"],
)
def test_a_template_is_not_told_what_the_engine_tells_it(name):
    with pytest.raises(ModelError, match=f"cannot set {name}"):
        read_template_arguments(f'{{"{name}": true}}')


@pytest.mark.parametrize("name", ["dtype", "seed", "quantization", "model", "revision"])
def test_engine_arguments_cannot_set_what_has_an_option(name):
    with pytest.raises(ModelError, match=f"engine_args cannot set {name}"):
        _arguments(VllmOptions(engine_args=f'{{"{name}": 1}}'))


def test_nor_the_sampling_of_a_generation_config():
    own = '{"override_generation_config": {"max_new_tokens": 5}}'
    with pytest.raises(ModelError, match=r"override_generation_config\.max_new_tokens"):
        _arguments(VllmOptions(engine_args=own))


# --- weights ---------------------------------------------------------------------------------

SIZE = 9 << 20


def fingerprint(folder):
    return identity(Checkpoint(place=str(folder)), None)["files_sha256"]


@pytest.fixture
def weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(bytes(SIZE))
    return tmp_path


def one_byte(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(SIZE // 2 + 70_001)
        file.write(b"\1")


CHANGES = {
    "one byte, anywhere, in place": one_byte,
    "a template": lambda folder: (folder / "chat_template.jinja").write_text("{{ x }}"),
    "a name": lambda folder: (folder / "config.json").rename(folder / "other.json"),
    "an adapter below": lambda folder: (
        (folder / "adapter").mkdir(),
        (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"1"),
    ),
}


# fmt: off
FILES = [
    # a file of the folder                whether other contents are another model
    ("model.pt",                          True),
    ("model.gguf",                        True),
    ("qwen.tiktoken",                     True),
    ("tokenizer.model.v3",                True),
    ("vocab",                             True),
    ("modeling_own.py",                   True),   # run with trust_remote_code
    ("own/layers.py",                     True),
    ("original/consolidated.00.pth",      True),
    ("README.md",                         False),
    (".cache/huggingface/download/x.lock", False),  # of the hub's client, with the time
    ("__pycache__/modeling_own.pyc",      False),
    ("checkpoint-500/model.safetensors",  False),  # of the training that wrote the folder
    ("optimizer.pt",                      False),
    ("rng_state_0.pth",                   False),
]
# fmt: on


@pytest.mark.parametrize(("name", "counts"), FILES)
def test_every_file_counts_that_an_engine_may_read(weights, name, counts):
    path = weights / name
    path.parent.mkdir(parents=True, exist_ok=True)
    prints = []
    for content in (b"a", b"b"):
        path.write_bytes(content)
        prints.append(fingerprint(weights))
    assert (prints[0] != prints[1]) == counts


def test_a_linked_adapter_is_part_of_its_folder(weights, tmp_path_factory):
    adapter = tmp_path_factory.mktemp("adapter")
    (adapter / "adapter_model.safetensors").write_bytes(b"a")
    (weights / "adapter").symlink_to(adapter)
    (adapter / "up").symlink_to(weights)
    before = fingerprint(weights)
    (adapter / "adapter_model.safetensors").write_bytes(b"b")
    assert fingerprint(weights) != before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_weights_are_another_model(weights, change):
    before = fingerprint(weights)
    change(weights)
    assert fingerprint(weights) != before


def adapter_of(folder, base, **more):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({"base_model_name_or_path": base, **more}))
    (folder / "adapter_model.safetensors").write_bytes(b"a")
    return identity(Checkpoint(place=str(folder)), None)


def test_the_model_that_an_adapter_is_for_is_part_of_the_identity(weights, tmp_path_factory):
    adapter = tmp_path_factory.mktemp("adapter")
    before = adapter_of(adapter, str(weights))
    assert before["base"] == identity(Checkpoint(place=str(weights)), None)
    one_byte(weights)
    assert adapter_of(adapter, str(weights))["base"] != before["base"]
    (adapter / "adapter_model.safetensors").write_bytes(b"b")
    assert fingerprint(adapter) != before["files_sha256"]


def test_it_may_be_one_of_the_hub(weights):
    assert "base" not in identity(Checkpoint(place=str(weights)), None)
    assert adapter_of(weights, "owner/name", revision="v2")["base"] == {
        "hub": "owner/name",
        "revision": "v2",
    }
    assert "base" not in adapter_of(weights, str(weights))


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"base_model_name_or_path": 7}'])
def test_an_adapter_that_names_no_model_is_refused(weights, content):
    (weights / "adapter_config.json").write_text(content)
    with pytest.raises(ModelError, match="does not say which model"):
        identity(Checkpoint(place=str(weights)), None)


def test_the_files_that_an_argument_names_are_part_of_the_identity(weights, monkeypatch):
    monkeypatch.chdir(weights.parent)
    (weights / "draft.json").write_text("1")
    given = {
        "tokenizer": str(weights),
        "speculative_config": {"model": weights.name, "others": [f"{weights}/draft.json"]},
        "quantization": "fp8",
        "names": ["x" * 5000, "/" + "x" * 5000, "a\0b", "", 7, None],
    }
    found = dict(named_files(given))
    assert found.keys() == {str(weights), weights.name, f"{weights}/draft.json"}
    assert found[str(weights)] == fingerprint(weights)
    (weights / "draft.json").write_text("2")
    assert not set(found.items()) & set(named_files(given))


# --- names and surroundings ------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["m", "m/", "./m", "m/.", "../{up}/m", "{root}/m", "x/../m"])
def test_local_files_are_identified_by_their_name_and_contents(tmp_path, monkeypatch, spelled):
    (tmp_path / "m").mkdir()
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m" / "config.json").write_text("{}")
    typed = spelled.format(up=tmp_path.name, root=tmp_path)
    said = identified("hf", locate(typed))
    assert model_identity(changed(MODEL, name=f"hf:{typed}", details=said))["name"] == "hf:m"
    assert short_name(changed(MODEL, name=f"hf:{typed}", backend="hf", details=said)) == "m"


def test_the_folder_one_is_in_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert identified("hf", locate(".")) == {"identified_as": f"hf:{tmp_path.name}"}
    assert identity(locate("."), None)["folder"] == tmp_path.name


def test_what_is_not_local_is_identified_as_typed():
    assert identified("hf", Checkpoint(place="owner/name")) == {}
    assert model_identity(changed(MODEL, name="hf:owner/name"))["name"] == "hf:owner/name"


@pytest.mark.parametrize(("engine", "name"), [("fake", "a.yaml"), ("replay", "a.jsonl")])
def test_a_file_is_the_same_model_by_any_path(tmp_path, monkeypatch, engine, name):
    (tmp_path / name).write_text('{"id": "a", "output": "x"}\n' if engine == "replay" else "[]")
    monkeypatch.chdir(tmp_path)
    said = [
        model_identity(describe_model(one.name, one.describe()))
        for one in map(open_model, (f"{engine}:{name}", f"{engine}:{tmp_path / name}"))
    ]
    assert said[0] == said[1]


# fmt: off
VARIABLES = [
    # a variable,                            may it change a text of vLLM, of transformers?
    ("VLLM_ATTENTION_BACKEND",               True,  False),
    ("VLLM_USE_FLASHINFER_SAMPLER",          True,  False),
    ("VLLM_USE_MODELSCOPE",                  True,  False),
    ("VLLM_NOT_YET_KNOWN",                   True,  False),
    ("CUBLAS_WORKSPACE_CONFIG",              True,  True),
    ("NVIDIA_TF32_OVERRIDE",                 True,  True),
    ("ONEDNN_DEFAULT_FPMATH_MODE",           True,  True),
    ("VLLM_LOGGING_LEVEL",                   False, False),
    ("VLLM_NO_USAGE_STATS",                  False, False),
    ("VLLM_CPU_KVCACHE_SPACE",               False, False),
    ("VLLM_CACHE_ROOT",                      False, False),
    ("VLLM_BATCH_INVARIANT",                 False, False),   # has a name of its own
    ("VLLM_API_KEY",                         False, False),   # never recorded
    ("VLLM_S3_ACCESS_KEY_ID",                False, False),
    ("HOME",                                 False, False),
]
# fmt: on


@pytest.mark.parametrize(("name", "vllm", "hf"), VARIABLES)
def test_what_the_environment_says_of_arithmetic_is_recorded(monkeypatch, name, vllm, hf):
    for held in [one for one in os.environ if one.startswith("VLLM_") or one in _ARITHMETIC]:
        monkeypatch.delenv(held)
    monkeypatch.setenv(name, "1")
    wanted = {"environment": {name: "1"}}
    assert environment("VLLM_") == (wanted if vllm else {})
    assert environment() == (wanted if hf else {})


def test_what_an_engine_has_set_itself_is_no_setting(monkeypatch):
    for held in [one for one in os.environ if one.startswith("VLLM_") or one in _ARITHMETIC]:
        monkeypatch.delenv(held)
    monkeypatch.setattr(surroundings, "_SET_BY_ENGINES", {})
    with noting_changes():
        monkeypatch.setenv("VLLM_OF_ITS_OWN", "1")
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    assert environment("VLLM_") == {}
    monkeypatch.setenv("VLLM_OF_ITS_OWN", "2")
    assert environment("VLLM_") == {"environment": {"VLLM_OF_ITS_OWN": "2"}}


def test_a_copy_of_the_weights_is_the_same_model(weights, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy")
    for path in weights.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (weights / "README.md").write_text("notes")
    assert fingerprint(copy) == fingerprint(weights)


# --- adapters --------------------------------------------------------------------------------


@pytest.fixture
def adapter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    (folder / "adapter_config.json").write_text('{"r": 12}')
    (folder / "adapter_model.safetensors").write_bytes(b"a")
    return folder


# fmt: off
ADAPTED = [  # a name, the place of the base, of the adapter and its revision
    ("{0}+{1}",              "{0}",         "{1}",       None),
    ("owner/base+{1}",       "owner/base",  "{1}",       None),
    ("owner/base@v1+a/b@v2", "owner/base",  "a/b",       "v2"),
    ("{0}+a/b",              "{0}",         "a/b",       None),
]
NO_ADAPTER = [
    ("{0}+",             "no folder"),
    ("{0}+nothing",      "no folder nothing"),
    ("{0}+/nothing",     "no folder /nothing"),
    ("{0}+{0}",          "contains no adapter"),
    ("/nothing+{1}",     "no folder /nothing"),
]
# fmt: on


@pytest.mark.parametrize(("name", "base", "added", "revision"), ADAPTED)
def test_a_name_may_have_an_adapter(weights, adapter, name, base, added, revision):
    found = locate(name.format(weights, adapter))
    assert found.place == base.format(weights)
    assert (found.adapter.place, found.adapter.revision) == (added.format("", adapter), revision)


@pytest.mark.parametrize(("name", "says"), NO_ADAPTER)
def test_an_adapter_that_is_none_is_refused(weights, adapter, name, says):
    with pytest.raises(ModelError, match=says):
        locate(name.format(weights, adapter))


def test_a_folder_may_have_a_plus_in_its_name(weights):
    folder = weights.rename(weights.parent / "a+b")
    assert locate(str(folder)).adapter is None


def test_an_adapter_is_part_of_the_identity_and_of_the_name(weights, adapter):
    def of(name):
        found = locate(name)
        return {**identity(found, None), **identified("hf", found)}

    base, adapted = of(str(weights)), of(f"{weights}+{adapter}")
    assert adapted["files_sha256"] == base["files_sha256"]
    assert adapted[IDENTIFIED_AS] == f"hf:{weights.name}+{adapter.name}" != base[IDENTIFIED_AS]
    (adapter / "adapter_model.safetensors").write_bytes(b"b")
    other = of(f"{weights}+{adapter}")
    assert other["adapter"] != adapted["adapter"]
    assert "adapter" not in base
    assert of(f"owner/base+{adapter}")[IDENTIFIED_AS] == f"hf:owner/base+{adapter.name}"


def test_the_rank_of_an_adapter_is_the_largest(adapter):
    found = Adapter(place=str(adapter), path=adapter)
    assert adapter_rank(found) == 12
    (adapter / "adapter_config.json").write_text('{"r": 12, "rank_pattern": {"q_proj": 40}}')
    assert adapter_rank(found) == 40
    (adapter / "adapter_config.json").write_text('{"peft_type": "PREFIX_TUNING"}')
    with pytest.raises(ModelError, match="does not say the rank"):
        adapter_rank(found)
