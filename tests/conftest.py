"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MATHREASON_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data sets and published outputs; the test skips where it is absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"no shared data at {data}; set MATHREASON_SHARED")
    return data
