"""Where the project lies, for tests in any folder."""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
"""Whether tests that draw at random draw as often as in CI (`CI=true`), and not as every day."""
ENGINE_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
    "PYTHONPATH": str(ROOT),
}
"""What vLLM is told where it runs on the processors of this machine, without a network."""


def often(every_day: int, in_ci: int) -> int:
    """Return how often a test draws at random."""
    return in_ci if IN_CI else every_day
