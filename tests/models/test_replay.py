"""Stored outputs served again."""

from __future__ import annotations

import gzip
import json

import pytest

from mathreason_eval.errors import DataError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Request
from mathreason_eval.types import Prompt, Sampling

GENERATION = {
    "problem_id": "a",
    "sample": 1,
    "text": "2",
    "reasoning": "one and one",
    "finish_reason": "length",
    "prompt_tokens": 7,
    "completion_tokens": 3,
    "seconds": 0.5,
    "seed": 9,
}


def request(problem, sample=0):
    return Request(
        task="t",
        problem_id=problem,
        sample=sample,
        prompt=Prompt(text="1 + 1 ="),
        sampling=Sampling(),
        seed=0,
    )


def replayed(path, *requests):
    return list(open_model(f"replay:{path}").stream(requests))


@pytest.fixture
def stored(tmp_path):
    def write(*rows, name="stored.jsonl"):
        path = tmp_path / name
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.mark.parametrize("name", ["stored.jsonl", "stored.jsonl.gz"])
def test_outputs_come_back_by_problem_and_sample(stored, name):
    path = stored(
        {"id": "a", "sample": 1, "output": "second"},
        {"id": "a", "sample": 0, "output": "first"},
        {"id": "b", "output": ""},
        name=name,
    )
    said = replayed(path, request("a"), request("a", 1), request("b"))
    assert [one.text for one in said] == ["first", "second", ""]


def test_rows_without_a_sample_count_up(stored):
    path = stored({"id": 7, "output": "x"}, {"id": 7, "output": "y"})
    assert [one.text for one in replayed(path, request("7"), request("7", 1))] == ["x", "y"]


def test_the_generations_of_a_run_keep_what_they_say(stored):
    (said,) = replayed(stored(GENERATION), request("a", 1))
    assert {name: getattr(said, name) for name in GENERATION if hasattr(said, name)} == {
        name: GENERATION[name]
        for name in GENERATION
        if name not in {"problem_id", "sample", "seed"}
    }


@pytest.mark.parametrize(
    ("said", "finish"),
    [({}, None), ({"finish_reason": None}, None), ({"finish_reason": ""}, None),
     ({"finish_reason": "stop"}, "stop"), ({"finish_reason": "length"}, "length")],
)  # fmt: skip
def test_why_an_output_ends_is_what_its_row_says(stored, said, finish):
    (found,) = replayed(stored({"id": "a", "output": "x", **said}), request("a"))
    assert found.finish_reason == finish


@pytest.mark.parametrize(("said", "count"), [(3, 3), (True, None), (-1, None), ("3", None)])
def test_what_can_be_no_count_is_unknown(stored, said, count):
    (found,) = replayed(stored({"id": "a", "output": "x", "tokens": said}), request("a"))
    assert found.completion_tokens == count


def test_a_missing_sample_fails_alone(stored):
    path = stored({"id": "a", "output": "x"})
    missing, found = replayed(path, request("a", 5), request("a"))
    assert missing.reason == "stored.jsonl has no sample 5 of this problem"
    assert found.text == "x"


# fmt: off
MALFORMED = [
    (b"[1]\n",                                       "line 1 is not a JSON object"),
    (b'{"id": 1, "output": "x"}\n{"id"\n',           "line 2 is not a JSON object"),
    (b"[" * 100_000,                                 "line 1 is not a JSON object"),
    (b'{"output": "x"}\n',                           "line 1 has no id or problem_id"),
    (b'{"id": 1}\n',                                 "line 1 has no output or text"),
    (b'{"id": 1, "output": "x", "sample": "one"}\n', "the sample 'one' is no number"),
    (b"\xff\xfe",                                    "line 1 is not a JSON object: not UTF-8"),
]
# fmt: on


@pytest.mark.parametrize(("content", "says"), MALFORMED)
def test_a_malformed_file_says_where(tmp_path, content, says):
    path = tmp_path / "stored.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        open_model(f"replay:{path}")


def test_the_manifest_gets_the_contents_hash(stored):
    same = [
        open_model(f"replay:{stored(GENERATION, name=name)}") for name in ("x.jsonl", "y.jsonl")
    ]
    assert same[0].describe()["sha256"] == same[1].describe()["sha256"]
