"""A LoRA adapter, really loaded: it changes the texts, and one that changes nothing is refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from project import ENGINE_ENVIRONMENT, ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1600)]

ENGINES = os.environ.get("MATHREASON_ENGINES")


@pytest.fixture(scope="module", params=["hf", "vllm"])
def told(request, tmp_path_factory):
    if not ENGINES:
        pytest.skip("set MATHREASON_ENGINES to the folder that tests/engines/prepare.sh built")
    done = subprocess.run(
        [Path(ENGINES) / "venv/bin/python", ROOT / "tests/engines/adapters.py", request.param,
         f"{ENGINES}/smollm2", tmp_path_factory.mktemp("adapters")],
        check=False, capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, **ENGINE_ENVIRONMENT}, timeout=1500,
    )  # fmt: skip
    if "mathreason-eval[peft]" in done.stderr:
        pytest.skip("peft is not installed in the engines' environment")
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def test_an_adapter_changes_the_texts(told):
    assert told["adapted"].keys() == told["base"].keys()
    assert told["adapted"] != told["base"]
    assert told["adapted described"]["folder"] == "a"
    assert told["base described"] is None


def test_an_adapter_that_changes_nothing_is_refused(told):
    assert "changes nothing" in told["idle"]
