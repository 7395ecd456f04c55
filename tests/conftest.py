"""What every test may ask for."""

from __future__ import annotations

import getpass
import math
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import settings
from project import often

if TYPE_CHECKING:
    from forked import Forked

    from mathreason_eval.grade.judge import Judge

# A timed assertion has no place in a test suite; machines that run it differ too much.
settings.register_profile("untimed", deadline=None, max_examples=often(50, 100), derandomize=False)
settings.register_profile("quick", deadline=None, max_examples=20)  # `make quick`
settings.load_profile("untimed")

# What is printed in GitHub Actions differs; a test that is about it says so.
os.environ.pop("GITHUB_ACTIONS", None)

# No test needs a hub, and a library waits half a minute for one that it cannot reach.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Whoever starts the tests in the background or by nohup has them ignore these, and so would every
# program that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(ignored, signal.SIG_DFL)

SHARED = Path(os.environ.get("MATHREASON_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session", autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have pytest delete what lands in the system's temporary folder, as reports of crashes do."""
    # Engines compile for minutes what they find there the next time.
    compiled = Path(tempfile.gettempdir()) / f"torchinductor_{getpass.getuser()}"
    folder = str(tmp_path_factory.mktemp("tmp"))
    with pytest.MonkeyPatch.context() as patch:
        if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
            patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(compiled))
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data sets and published outputs; the test skips where it is absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"no shared data at {data}; set MATHREASON_SHARED")
    return data


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """A judge for whatever is not changed by what was judged before: its worker starts once."""
    from mathreason_eval.grade.judge import Judge

    with Judge(workers=1, deadline=60) as made:
        yield made


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """What starts command lines at a tenth of a process's time (see `forked.py`)."""
    from forked import forking

    with forking(tmp_path_factory.mktemp("forked")) as made:
        yield made


class Said(NamedTuple):
    """What became of a command line."""

    code: int
    out: str
    err: str


@pytest.fixture
def mathreason(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs a command line in this process, on a terminal of 80 columns."""
    from mathreason_eval.cli import main

    def run(*words: object, width: int = 80) -> Said:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", ["mathreason", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        return Said(left.value.code, *capsys.readouterr())

    return run


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Have three workers for two processors: many slow tests wait for processes and servers."""
    cores = os.cpu_count() or 1
    return cores if "not slow" in config.option.markexpr else math.ceil(1.5 * cores)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> object:
    """Give a module to one worker, so that its fixtures are made once, and all engines to one."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return "engines" if module.startswith("tests/engines/") else module

    # Ours are in the order in which they should start; reordered, those of few tests come last.
    config.option.loadscopereorder = False
    return ByModule(config, log)


LONGEST = (
    "test_readers", "test_exit_codes", "test_gate_in_ci", "test_llamacpp", "test_browser",
    "test_size", "test_github_action", "test_service", "test_design",
)  # fmt: skip
"""Modules of a quarter of a minute and more, of which some have few rows."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first, so that no worker is left with one at the end.

    The engines, of which one worker has all, take longest of all; among the others the number of
    slow rows says it.
    """
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(
        key=lambda item: (
            not item.get_closest_marker("engine"),
            item.path.stem not in LONGEST,
            -slow[item.path],
        )
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option of our own."""
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite golden files, to be reviewed like code",
    )
