"""Replicas on a real Ray cluster of this machine make the run of one engine, also if they die."""

from __future__ import annotations

import os
from functools import partial
from tempfile import TemporaryDirectory

import pytest

from mathreason_eval.errors import ModelError
from mathreason_eval.models import open_model
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.pipeline.spec import RunSpec

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def short_names(monkeypatch):
    """The names of Ray's sockets, which lie in its temporary folder, have at most 107 bytes."""
    with TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        for name in ("RAY_TMPDIR", "TMPDIR"):
            monkeypatch.setenv(name, folder)
        yield


def run(folder, **options):
    spec = RunSpec(tasks=("arithmetic",), samples=2, limit=30)
    return run_tasks(spec, partial(open_model, "fake:answer=4", options), folder)


def texts(run):
    return {(one.problem_id, one.sample): one.text for one in run.generations("arithmetic")}


# fmt: off
CLUSTERS = [
    (2,                         {}),
    (2,                         {"die_after": "20"}),  # each actor, again and again, by kill -9
    ((os.cpu_count() or 1) + 1, {}),                   # more than there are cores
]
# fmt: on


@pytest.mark.parametrize(("number", "options"), CLUSTERS)
def test_actors_make_the_run_of_one_engine(tmp_path, number, options):
    alone = run(tmp_path / "alone")
    together = run(tmp_path / "run", ray="local", replicas=str(number), concurrency="4", **options)
    assert texts(together) == texts(alone)
    assert together.manifest.finished
    assert together.manifest.model.details["scheduling"]["replicas"] == number
    assert len(together.generations("arithmetic")) == 60
    again = run(tmp_path / "run")  # One engine goes on with the same run.
    assert again.manifest.sessions[-1].samples == 0


# fmt: off
SLIPS = [
    ({"ray": "127.0.0.1:9"},                                "no Ray cluster"),
    ({"ray": "local", "replicas": "2", "gpus": "64"},       "do not fit"),
    ({"ray": "local", "latencey": "1"},                     "latencey"),
]
# fmt: on


@pytest.mark.parametrize(("options", "says"), SLIPS)
def test_what_cannot_be_placed_says_why(options, says):
    with pytest.raises(ModelError, match=says):
        open_model("fake:echo", options)
