"""Stored outputs served again."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import DataError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Request
from mathreason_eval.models.replay import _completion
from mathreason_eval.pipeline.run import generation_of
from mathreason_eval.types import CONTENT_FILTER, FAILED, Generation, Prompt, Sampling

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


def test_equal_rows_of_one_sample_are_one(stored):
    row = {"id": "a", "output": "x", "sample": 0}
    assert [one.text for one in replayed(stored(row, row), request("a"))] == ["x"]


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
     ({"finish_reason": "stop"}, "stop"), ({"finish_reason": "length"}, "length"),
     ({"finish_reason": "MAX_TOKENS"}, "length"), ({"finish_reason": "abort"}, None),
     ({"finish_reason": 1}, None)],
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


# --- a stored sample is the same sample when it is replayed ----------------------------------

OF_THE_RUN = {"problem_id", "sample", "seed", "key"}
"""Fields of a sample that are those of the run that replays it."""


def test_every_field_of_a_sample_is_of_a_completion_or_of_the_run():
    kept = {one.name for one in fields(Completion)} - {"request"}
    assert {one.name for one in fields(Generation)} == kept | OF_THE_RUN


def replayed_sample(stored):
    row = json.loads(json.dumps(asdict(stored)))
    return asdict(generation_of(_completion(request(stored.problem_id, stored.sample), row), ""))


def of_sample(stored):
    return {name: one for name, one in asdict(stored).items() if name not in OF_THE_RUN}


# fmt: off
SAMPLES = [
    # fields of a stored sample
    {"text": "I cannot help.", "finish_reason": "stop", "refused": True},
    {"text": "Half a", "finish_reason": CONTENT_FILTER, "refused": True},
    {"text": "", "finish_reason": FAILED},
    {"text": "2", "finish_reason": "stop", "completion_tokens": 9, "reasoning_tokens": 4},
    {"text": "2", "reasoning": "", "finish_reason": "stop"},
    {"text": "<think>one and", "finish_reason": "length"},
    {"text": "", "reasoning": "one and", "finish_reason": "length"},
    {"text": "2", "reward": 0.25, "label": False},
    {"text": "2", "seconds": 0.0, "prompt_tokens": 0, "completion_tokens": 0},
]
# fmt: on


@pytest.mark.parametrize("values", SAMPLES, ids=str)
def test_a_replayed_sample_is_what_it_was(values):
    stored = Generation(problem_id="a", sample=0, **values)
    told = {name: one for name, one in replayed_sample(stored).items() if name not in OF_THE_RUN}
    assert told == of_sample(stored)


COUNTS = st.none() | st.integers(0, 10**6)
FIGURES = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.builds(
        Generation,
        problem_id=st.just("a"),
        sample=st.just(0),
        text=st.text(),
        reasoning=st.none() | st.text(),
        finish_reason=st.sampled_from([None, "stop", "length"]),
        prompt_tokens=COUNTS,
        completion_tokens=COUNTS,
        reasoning_tokens=st.none(),
        seconds=FIGURES,
        reward=FIGURES,
        label=st.sampled_from([None, True, False]),
        refused=st.booleans(),
    )
)
def test_so_is_any_sample(stored):
    told = {name: one for name, one in replayed_sample(stored).items() if name not in OF_THE_RUN}
    assert told == of_sample(stored)


# fmt: off
UNLIKE = [
    # a row of another program,                              what is known
    ({"output": "2", "finish_reason": "failed"},             {"finish_reason": None}),
    ({"output": "2", "finish_reason": "abort"},              {"finish_reason": None}),
    ({"output": "", "refused": "no"},                        {"refused": False}),
    ({"output": "", "reasoning_tokens": 4, "tokens": 3},     {"reasoning_tokens": None}),
    ({"output": "", "seconds": 10**400},                     {"seconds": None}),
    ({"output": "", "label": 1},                             {"label": None}),
]
# fmt: on


@pytest.mark.parametrize(("row", "known"), UNLIKE)
def test_what_is_no_value_of_a_field_is_unknown(stored, row, known):
    (told,) = replayed(stored({"id": "a", **row}), request("a"))
    assert {name: getattr(told, name) for name in known} == known


# fmt: off
MALFORMED = [
    (b"[1]\n",                                       "line 1 is not a JSON object"),
    (b'{"id": 1, "output": "x"}\n{"id"\n',           "line 2 is not a JSON object"),
    (b"[" * 100_000,                                 "line 1 is not a JSON object"),
    (b'{"output": "x"}\n',                           "line 1 has no id or problem_id"),
    (b'{"id": 1}\n',                                 "line 1 has no output or text"),
    (b'{"id": 1, "output": "x", "sample": "one"}\n', "the sample 'one' is not a number"),
    (b'{"id": 1, "output": "x", "sample": true}\n',  "the sample True is not a number"),
    (b'{"id": 1, "output": "x", "sample": -1}\n',    "the sample -1 is not a number"),
    (b'{"id": 1, "output": ["x"]}\n',                "line 1 has an output that is not a string"),
    (b'{"id": 1, "output": "x", "sample": 0}\n{"id": 1, "output": "y", "sample": 0}\n',
     "lines 1 and 2 differ, and both are sample 0 of '1'"),
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
