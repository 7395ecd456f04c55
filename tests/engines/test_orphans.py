"""vLLM's processes end with the program that started them, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from processes import descendants, wait_until_gone
from project import ENGINE_ENVIRONMENT, ROOT

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

ENGINES = os.environ.get("MATHREASON_ENGINES")

ARGUMENTS = ("max_model_len=1024", "max_num_seqs=8", "enforce_eager=true", "dtype=float32",
             "gpu_memory_utilization=0.2")  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_is_left(tmp_path, number):
    if not ENGINES:
        pytest.skip("set MATHREASON_ENGINES to the folder that tests/engines/prepare.sh built")
    words = [
        *(f"{ENGINES}/venv/bin/python", "-m", "mathreason_eval", "run", f"vllm:{ENGINES}/smollm2"),
        *("-t", "arithmetic", "--limit", "200", "--max-tokens", "100", "-o", tmp_path / "run"),
        *(word for argument in ARGUMENTS for word in ("--model-arg", argument)),
    ]
    with (tmp_path / "said").open("w") as said:
        running = subprocess.Popen(
            words, stdout=said, stderr=said, cwd=ROOT, env={**os.environ, **ENGINE_ENVIRONMENT}
        )
    samples = tmp_path / "run" / "arithmetic" / "generations.jsonl"
    while running.poll() is None and not (samples.is_file() and samples.stat().st_size):
        time.sleep(0.1)
    started = descendants(running.pid)
    running.send_signal(number)
    assert running.wait() == (143 if number == signal.SIGTERM else -number), (
        tmp_path / "said"
    ).read_text()[-2000:]
    wait_until_gone(started)
    assert len(started) > 2
