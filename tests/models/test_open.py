"""Models are opened by name; what is wrong with a name or an option is said with the nearest."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, fields
from importlib import import_module
from importlib.util import find_spec

import pytest
from project import ROOT

from mathreason_eval.errors import MissingExtraError, ModelError, UnknownNameError, UserError
from mathreason_eval.models import (
    ANY_NUMBER,
    FROM_ZERO,
    backends,
    open_model,
    read_options,
)

# fmt: off
REFUSED = [  # the model and its options
    ("vlm:x",                                              UnknownNameError, "mean vllm?"),
    ("gpt-4",                                              UnknownNameError, "BACKEND:NAME"),
    ("fake:",                                              ModelError,       "fake:echo"),
    ("fake:ecko",                                          UnknownNameError, "mean echo?"),
    ("fake:echo latencey=1",                               UnknownNameError, "mean latency?"),
    ("fake:echo latency=slow",                             ModelError,       "a finite number"),
    ("fake:echo latency=nan",                              ModelError,       "a finite number"),
    ("fake:echo latency=-inf",                             ModelError,       "a finite number"),
    ("fake:echo latency=1e999",                            ModelError,       "a finite number"),
    ("fake:echo chat=perhaps",                             ModelError,       "true or false"),
    ("fake:missing.yaml",                                  ModelError,       "missing.yaml"),
    ("replay:missing.jsonl",                               ModelError,       "missing.jsonl"),
    ("llamacpp:missing.gguf",                              ModelError,       "missing.gguf"),
    ("llamacpp:pyproject.toml",                            ModelError,       "not a GGUF file"),
    ("openai:gpt",                                         ModelError,       "openai:MODEL@http"),
    ("openai:gpt@http://host:port/v1",                     ModelError,       "openai:MODEL@http"),
    ("openai:gpt@http://me:secret@host",                   ModelError,       "environment"),
    ("openai:gpt@http://h/v1?key=secret",                  ModelError,       "environment"),
    ("openai:gpt@http://127.0.0.1:9/v1 extra_body=[1]",    ModelError,       "JSON object"),
    ("openai:gpt@http://127.0.0.1:9/v1",                   ModelError,       "http://127.0.0.1:9/v1"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("command", "error", "says"), REFUSED)
def test_what_cannot_be_opened_says_why(command, error, says):
    name, *options = command.split()
    with pytest.raises(error) as refused:
        open_model(name, dict(option.split("=") for option in options))
    assert says in f"{refused.value.what} {refused.value.hint}"


def test_no_secret_of_a_refused_address_is_repeated():
    with pytest.raises(UserError) as refused:
        open_model("openai:gpt@http://me:hunter2@host/v1")
    assert "hunter2" not in f"{refused.value.what} {refused.value.hint}"


def test_every_backend_names_its_own_models():
    assert all(usage.startswith(f"{backend}:") for backend, usage in backends().items())


def test_listing_and_opening_a_script_imports_no_engine():
    program = (
        "import sys; from mathreason_eval.models import backends, open_model;"
        "backends(); open_model('fake:echo');"
        "print(sorted({'torch', 'vllm', 'transformers', 'openai', 'xllamacpp'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("backend", ["hf", "vllm"])
def test_a_missing_library_is_named_with_the_line_that_installs_it(backend):
    if find_spec({"hf": "transformers", "vllm": "vllm"}[backend]):
        pytest.skip(f"the library of {backend}: is installed here")
    with pytest.raises(MissingExtraError) as refused:
        open_model(f"{backend}:some/model")
    assert refused.value.hint == f"pip install 'mathreason-eval[{backend}]'"


@pytest.mark.parametrize("backend", backends())
def test_every_option_is_documented(backend):
    page = (ROOT / "docs/engines.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {backend}")[2].partition("\n## ")[0]
    options = import_module(f"mathreason_eval.models.{backend}").Options
    assert [field.name for field in fields(options) if f"`{field.name}`" not in section] == []


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    whole: int = 1
    part: float | None = None
    flag: bool = False
    word: str = "a"
    count: int = field(default=0, metadata=FROM_ZERO)
    layers: int = field(default=-1, metadata=ANY_NUMBER)


# fmt: off
READ = [
    ({},                                     Sample()),
    ({"whole": "3", "part": "0.5"},          Sample(whole=3, part=0.5)),
    ({"count": "0", "layers": "-3"},         Sample(count=0, layers=-3)),
    ({"flag": "Yes", "word": "no"},          Sample(flag=True, word="no")),
    ({"flag": "off"},                        Sample(flag=False)),
]
# fmt: on


@pytest.mark.parametrize(("given", "record"), READ)
def test_options_are_read_as_their_fields_types(given, record):
    assert read_options(Sample, "sample", given) == record


# fmt: off
REFUSED = [
    ({"whole": "0"},    "whole is '0', which is not a whole number above 0"),
    ({"whole": "-3"},   "whole is '-3'"),
    ({"whole": "1.5"},  "whole is '1.5'"),
    ({"part": "0"},     "part is '0', which is not a finite number above 0"),
    ({"part": "nan"},   "part is 'nan'"),
    ({"count": "-1"},   "count is '-1', which is not a whole number of at least 0"),
    ({"layers": "x"},   "layers is 'x'"),
    ({"flag": "2"},     "flag is '2', which is not true or false"),
]
# fmt: on


@pytest.mark.parametrize(("given", "says"), REFUSED)
def test_a_number_is_above_0_unless_its_option_says_otherwise(given, says):
    with pytest.raises(ModelError) as refused:
        read_options(Sample, "sample", given)
    assert says in refused.value.what


def test_a_hyphen_is_as_good_as_an_underscore():
    assert open_model("fake:echo", {"crash-after": "3"}).describe()["backend"] == "fake"
