"""Reward models through transformers, really run, with random weights."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from mathreason_eval.extract import extract
from mathreason_eval.steps import scores_of

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
            TREE / "tests/engines/reward.py",
            f"{ENGINES}/smollm2",
            tmp_path_factory.mktemp("reward"),
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


def scores(facts, kind, problem, how="together"):
    found = extract(facts[kind][how]["said"][problem], ["scores"])
    return scores_of(found.text)


@pytest.mark.parametrize("kind", ["token", "sequence", "scalar"])
def test_every_step_has_a_probability(facts, kind):
    assert [len(scores(facts, kind, f"p{n}")) for n in range(4)] == [3, 1, 2, 3]
    assert all(0 < score < 1 for score in scores(facts, kind, "p0"))


@pytest.mark.parametrize("kind", ["token", "sequence", "scalar"])
def test_the_score_of_a_step_depends_on_nothing_behind_it_or_beside_it(facts, kind):
    whole = scores(facts, kind, "p0")
    assert scores(facts, kind, "p1") == pytest.approx(whole[:1], abs=2e-6)
    assert scores(facts, kind, "p2") == pytest.approx(whole[:2], abs=2e-6)
    assert scores(facts, kind, "p0", "alone") == pytest.approx(whole, abs=2e-6)


# fmt: off
HEADS = [("token", "token"), ("sequence", "sequence"), ("scalar", "sequence")]
# fmt: on


@pytest.mark.parametrize(("kind", "head"), HEADS)
def test_the_head_is_read_from_the_architecture(facts, kind, head):
    assert facts[kind]["together"]["head"] == head


def test_a_model_of_words_is_no_reward_model(facts):
    assert "is not a reward model: its architecture is LlamaForCausalLM" in facts["words"]["error"]


def test_a_solution_beyond_the_context_fails_with_the_numbers(facts):
    assert "the context holds 512" in facts["token"]["together"]["said"]["long"]["reason"]
