"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A timed assertion has no place in a test suite; machines that run it differ too much.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED = Path(os.environ.get("MATHREASON_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data sets and published outputs; the test skips where it is absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"no shared data at {data}; set MATHREASON_SHARED")
    return data


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option of our own."""
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite golden files, to be reviewed like code",
    )
