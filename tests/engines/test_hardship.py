"""Transformers' models when memory, numbers, device or a package fail: never an answer."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

ENGINES = os.environ.get("MATHREASON_ENGINES")
TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    if not ENGINES:
        pytest.skip("set MATHREASON_ENGINES to the folder that tests/engines/prepare.sh built")
    done = subprocess.run(
        [
            Path(ENGINES) / "venv/bin/python",
            TREE / "tests/engines/hardship.py",
            f"{ENGINES}/smollm2",
            tmp_path_factory.mktemp("hardship"),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=TREE,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(TREE)},
        timeout=800,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["shortage", "library"])
def test_a_batch_that_the_memory_is_too_small_for_is_asked_in_smaller_ones(facts, kind):
    short = facts["short"][kind]
    # What did not fit is not tried again.
    assert short["sizes"] == [6, 3, 3]
    assert short["texts"] == facts["untroubled"]["texts"]
    assert "too small for a batch of 6; trying 3" in short["warned"][0]


@pytest.mark.parametrize("kind", ["short", "library"])
def test_refilled_rows_are_halved_where_the_memory_is_too_small_and_begin_again(facts, kind):
    short = facts["refilled"][kind]
    assert short["sizes"][:2] == [6, 3]
    assert max(short["sizes"][1:]) == 3
    assert short["texts"] == facts["untroubled"]["texts"]
    assert "too small for a batch of 6; trying 3" in short["warned"][0]


@pytest.mark.parametrize("which", ["untroubled", "few"])
def test_rows_that_take_the_place_of_others_have_the_texts_of_a_batch(facts, which):
    assert facts["refilled"][which]["texts"] == facts["untroubled"]["texts"]


def test_a_finished_row_makes_room_at_once(facts):
    """Six rows of 4 to 9 tokens, two at a time: none is computed beyond its end, as in a batch."""
    sizes = facts["refilled"]["few"]["sizes"]
    assert sum(sizes) == 4 + 5 + 6 + 7 + 8 + 9
    assert sizes.count(2) >= 15, "hardly ever is a row alone"


def test_refilled_rows_that_fit_nowhere_and_a_broken_device_are_told_as_of_a_batch(facts):
    assert facts["refilled"]["none"]["texts"] == facts["none"]["texts"]
    assert facts["refilled"]["broken"]["raised"] == "ModelError"


def test_what_fits_is_asked_in_one_batch(facts):
    assert (facts["untroubled"]["sizes"], facts["untroubled"]["warned"]) == ([6], [])


def test_a_request_that_does_not_fit_alone_fails_with_the_numbers(facts):
    assert len(facts["none"]["texts"]) == 6
    assert all("even alone" in text for text in facts["none"]["texts"].values())


def test_a_broken_device_ends_the_run_in_one_line(facts):
    broken = facts["short"]["broken"]
    assert broken["raised"] == "ModelError"
    assert broken["said"].startswith("The device cpu failed: CUDA error: device-side assert")
    assert "Compile" not in broken["said"]


def test_an_error_of_our_own_is_not_taken_for_the_devices(facts):
    assert facts["short"]["slip"]["raised"] == "RuntimeError"


def test_numbers_that_are_none_are_no_text(facts):
    assert facts["lost"]["short"]["finish"] == "length"
    assert "no longer finite after 7 tokens" in facts["lost"]["long"]["failure"]


def test_scores_that_are_none_are_no_verdict(facts):
    assert facts["lost_scores"]["p0"]["failure"] == "the model's scores are not all finite numbers"


# fmt: off
UNLOADABLE = [
    ("device",    "CUDA"),
    ("dtype",     "no attribute 'float8'"),
    ("attention", "FlashAttention2"),
]
# fmt: on


@pytest.mark.parametrize(("kind", "said"), UNLOADABLE)
def test_what_cannot_be_loaded_is_one_line(facts, kind, said):
    message = facts["unloadable"][kind]
    assert said in message
    assert "cannot be loaded" in message
    assert "\n" not in message


def test_a_reward_model_on_a_device_that_is_not_there_is_one_line(facts):
    assert "cannot be loaded" in facts["unloadable_prm"]


def test_a_stop_string_is_seen_where_each_byte_is_a_token(facts):
    assert facts["stopped"] == {"0": 11}


def test_attention_is_not_cudnns_whose_texts_change_from_time_to_time(facts):
    assert facts["cudnn_attention"] is False
