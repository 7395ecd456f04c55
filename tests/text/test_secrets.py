"""Secrets are known by their names and forms, and hidden in any spelling."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import ModelError
from mathreason_eval.models import open_model
from mathreason_eval.text.secrets import (
    Secrets,
    check_name,
    is_secret_name,
    looks_like_key,
    secret_values,
    without_secrets,
)

KEYS = [
    "sk-secret-0123456789",
    "a/b+c=d e?f&g%h",
    'quo"te\\d-and-long',
    "schlüssel-0123456789",
]
SPELLINGS = [str, lambda key: quote(key, safe=""), quote_plus, lambda key: json.dumps(key)[1:-1]]


@pytest.mark.parametrize("spell", SPELLINGS)
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_hidden_in_every_spelling(key, spell):
    said = Secrets(key).hide({"error": [f"no {spell(key)} at /v1?key={spell(key).upper()}"]})
    assert said == {"error": ["no … at /v1?key=…"]}


@pytest.mark.parametrize("key", ["", "none", "x"])
def test_a_word_that_is_no_key_takes_nothing_out(key):
    assert Secrets(key).hide("none of the six") == "none of the six"


@given(key=st.text(min_size=8), before=st.text(), after=st.text())
def test_no_text_keeps_a_key(key, before, after):
    hidden = Secrets(key).hide([f"{before}{key}{after}"])
    assert key not in hidden[0]


# fmt: off
SECRET_NAMES = ["api_key", "apiKey", "API-KEY", "x-api-key", "Authorization", "proxy-authorization",
                "password", "db_password", "hf_token", "hfToken", "token", "access_token", "secret",
                "client_secret", "Set-Cookie", "OPENAI_API_KEY", "openai_key", "auth", "bearer",
                "api_keys", "apiKeys", "apikeys", "private_key_pem", "key", "keys", "pem", "x-key",
                "my_key_2", "encryption_key", "cookies", "credentials", "gateway_token", "oauth2",
                "proxy_auth", "auth_header", "access_tokens", "privatekey", "X-Amz-Security-Token",
                "access_key_id", "passphrase", "token_secret", "id_token", "PWD", "bearer_token",
                "secrets", "token_value"]
OTHER_NAMES = ["max_tokens", "tokens", "tokenizer", "eos_token", "pad_token", "stop_token_ids",
               "cache_key", "prompt_cache_key", "author", "top_k",
               "skip_special_tokens", "thinking", "num_key_value_heads", "token_count",
               "reasoning_effort", "keyword", "api_key_env", "key_cache", "key_cache_dtype",
               "key_value_dtype", "sort_key", "monkey", "authors", "tokenizer_mode", "token_ids",
               "eos_token_id", "max_completion_tokens", "thinking_token_budget", "public_key",
               "max_num_batched_tokens", "passes", "first_token", "bypass", "secretary", "",
               "add_special_tokens", "bad_words", "tokens_per_second", "return_token_ids"]
KEYS_BY_FORM = ["sk-proj-abcdefgh12345678", "hf_abcdefghijklmnopqrstuvwxyz", "AKIAIOSFODNN7EXAMPLE",
                "ghp_0123456789abcdefghijABCDEFGHIJ012345", "gsk_0123456789abcdefghij",
                "AIzaSyA-0123456789abcdefghijklmnopqrs", "eyJhbGciOiJI.eyJzdWIiOiIx.abc-def",
                "Ab0Cd1Ef2Gh3Ij4Kl5Mn6Op7Qr8St9Uv", "https://h/v1/sk-secret-0123456789/chat"]
NO_KEYS = ["Qwen/Qwen2.5-Math-72B-Instruct", "hf-internal-testing/tiny-random-LlamaForCausalLM",
           "sk-learn-model-of-the-year", "DeepSeek-R1-Distill-Qwen-32B-Instruct-AWQ-w4a16-gptq-v2",
           "d41d8cd98f00b204e9800998ecf8427e" * 2, "/v1/2f0c1d7e-11aa-4bb2-9c3d-8e7f6a5b4c3d/x",
           "http://localhost:8000/v1", "risk-0123456789abcdefgh",
           "/mnt/models/Llama3Checkpoint0012000"]
# fmt: on


@pytest.mark.parametrize(
    ("name", "secret"), [(n, True) for n in SECRET_NAMES] + [(n, False) for n in OTHER_NAMES]
)
def test_fields_are_secret_by_their_names(name, secret):
    assert is_secret_name(name) is secret
    assert without_secrets({name: "value"}) == {name: "…" if secret else "value"}


@pytest.mark.parametrize(
    ("text", "key"), [(one, True) for one in KEYS_BY_FORM] + [(one, False) for one in NO_KEYS]
)
def test_keys_are_known_by_their_forms(text, key):
    assert looks_like_key(text) is key
    assert (without_secrets([text]) == [text]) is not key


# fmt: off
DESCRIBED = [
    ({"extra_body": {"headers": {"Authorization": "Bearer abc"}}},
     {"extra_body": {"headers": {"Authorization": "…"}}}),
    ({"engine_args": '{"hf_token": "hush", "seed": 1}'},
     {"engine_args": '{"hf_token": "…", "seed": 1}'}),
    ({"engine_args": '{"seed":   1}'},           {"engine_args": '{"seed":   1}'}),
    ({"engine_args": "{broken"},                 {"engine_args": "{broken"}),
    ({"auth": {"a": ["x", 1, None]}},            {"auth": {"a": ["…", 1, None]}}),
    ({"headers": [["Authorization", "Bearer abc"], ["Accept", "json"]]},
     {"headers": [["…", "…"], ["Accept", "json"]]}),
    ({"headers": [{"name": "X-Api-Key", "value": "abc"}, {"name": "Accept", "value": "json"}]},
     {"headers": [{"name": "X-Api-Key", "value": "…"}, {"name": "Accept", "value": "json"}]}),
    ({"args": "model=m,base_url=https://u:pw@h/v1?key=q,auth_token=abc,n=2"},
     {"args": "model=m,base_url=https://…@h/v1?…,auth_token=…,n=2"}),
    ({"args": "api_key=abc max_gen_toks=5"},     {"args": "api_key=… max_gen_toks=5"}),
    ({"args": "header=Authorization: Bearer abc"}, {"args": "header=Authorization: Bearer …"}),
    ({"args": "Bearer abc"},                     {"args": "Bearer …"}),
    ({"place": "https://h/x#f"},                 {"place": "https://h/x#…"}),
    ({"place": "https://h/x"},                   {"place": "https://h/x"}),
    ({"args": "eos_token=a,max_tokens=5"},       {"args": "eos_token=a,max_tokens=5"}),
    ({"args": '{"token": "x", ' + '"a":[' * 99 + "]" * 99 + "}"},
     {"args": '{"token": "…", ' + '"a":[' * 99 + "]" * 99 + "}"}),  # too deep to be looked into
    ({"args": '{"token": "x", "token": "y"}'},   {"args": '{"token": "…"}'}),
    ({"stop": ["token", "secret"]},              {"stop": ["token", "secret"]}),
    ({"token": ""},                              {"token": ""}),
    ({"top_k": 20, "chat": True, "x": None},     {"top_k": 20, "chat": True, "x": None}),
]
# fmt: on


@pytest.mark.parametrize(("described", "want"), DESCRIBED)
def test_a_description_is_stored_without_secrets(described, want):
    assert without_secrets(described) == want


def test_secrets_of_options_are_found():
    options = {
        "extra_body": json.dumps({"headers": {"Authorization": "Bearer abcdefgh"}, "n": "plain"})
    }
    assert set(secret_values(options)) == {"Bearer abcdefgh", "abcdefgh"}


# fmt: off
NAMES = [
    "openai:m@http://user:hush-0123@h/v1", "openai:m@http://user@h/v1", "openai:m@http://:hush-0123@h/v1",
    "openai:m@http://h/v1?api_key=hush-0123", "openai:m@http://h/v1#hush-0123",
    "openai:m@http://h/sk-hush-0123456789ab/v1", "openai:sk-hush-0123456789ab@http://h/v1",
    "openai:m@http://[user:hush-0123@h/v1", "hf:https://user:hush-0123@hub/x", "nowhere:http://a:hush-0123@h",
    "openai:m@HTTP://user:hush-0123@h/v1",
]
# fmt: on


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_a_secret_is_refused_and_not_repeated(name):
    with pytest.raises(ModelError) as refused:
        open_model(name)
    assert "hush" not in f"{refused.value.what} {refused.value.hint}"


def test_a_plain_address_is_no_secret():
    check_name("openai:org/m@1.0@https://h:8000/v1/2f0c1d7e11aa4bb29c3d8e7f6a5b4c3d/openai")
    check_name("replay:out#1?.jsonl")


# fmt: off
OPTIONS = [
    {"extra_body": '{"api_key": "hush-0123"'}, {"extra_body": '["hush-0123"]'},
    {"api_key_env": "sk-hush-0123"}, {"api_key_env": "hf_hush0123456789abcdefgh"},
]
# fmt: on


@pytest.mark.parametrize("options", OPTIONS)
def test_an_option_that_cannot_be_used_is_not_repeated(options):
    with pytest.raises(ModelError) as refused:
        open_model("openai:m@http://127.0.0.1:9/v1", options)
    assert "hush" not in f"{refused.value.what} {refused.value.hint}"


def test_a_name_that_holds_the_key_of_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "plain-words-only")
    with pytest.raises(ModelError) as refused:
        open_model("openai:m@http://127.0.0.1:9/plain-words-only/v1")
    assert "plain-words" not in f"{refused.value.what} {refused.value.hint}"


@pytest.mark.parametrize("key", ["two\nlines-0123", "schlüssel-0123"])
def test_a_key_that_no_header_can_hold_is_said_to_be(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ModelError, match="OPENAI_API_KEY has characters") as refused:
        open_model("openai:m@http://127.0.0.1:9/v1")
    assert "0123" not in f"{refused.value.what} {refused.value.hint}"
