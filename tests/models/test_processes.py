"""Replicas in processes of their own make the results of one engine, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from echoes import check_whole, requests

from mathreason_eval.errors import ModelError, UserError
from mathreason_eval.models import open_model
from mathreason_eval.models.fleet import Fleet
from mathreason_eval.models.replicas.placement import open_placed, read_placement
from mathreason_eval.models.replicas.processes import VISIBLE, ProcessLink, visible_gpus
from mathreason_eval.models.replicas.remote import RemoteModel

NAME, NUMBER = "fake:echo", 60


def fleet(*options):
    links = [ProcessLink(NAME, {"chat": "false", **one}, ()) for one in options]
    return Fleet([RemoteModel(NAME, link) for link in links], grace=1.0), links


@pytest.mark.slow
def test_a_process_that_is_killed_is_replaced_and_nothing_is_lost():
    model, links = fleet({"latency": "0.02", "concurrency": "2"}, {"latency": "0.02"})
    results, killed = [], None
    for result in model.stream(requests(NUMBER)):
        results.append(result)
        if len(results) == NUMBER // 4:
            killed = links[0]._program.pid
            os.kill(killed, signal.SIGKILL)
    check_whole(results, NUMBER)
    pids = [link._program.pid for link in links if link._program is not None]
    model.close()
    assert all(not Path(f"/proc/{pid}").exists() for pid in (*pids, killed))


@pytest.mark.slow
def test_an_engine_that_kills_its_process_is_started_again():
    """`die_after` is a `kill -9` from within."""
    model, _ = fleet({"die_after": "25", "concurrency": "4"})
    check_whole(list(model.stream(requests(NUMBER))), NUMBER)
    model.close()


@pytest.mark.slow
def test_what_cannot_be_opened_says_why_and_leaves_no_process():
    with pytest.raises(ModelError, match="mean latency"):
        fleet({"latencey": "1"})
    placement = read_placement("demo", {"replicas": "2", "parallell": "1"})
    with pytest.raises(UserError, match="parallel"):
        open_placed("demo", "demo", placement)


_PARENT = """
from mathreason_eval.models.replicas.processes import ProcessLink
link = ProcessLink("fake:echo", {}, ())
link.start()
print(link._program.pid, flush=True)
input()
"""


@pytest.mark.slow
def test_a_replica_dies_with_the_run():
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


# fmt: off
VISIBLE_GPUS = [
    ("0,1,3",       ["0", "1", "3"]),
    ("GPU-a,GPU-b", ["GPU-a", "GPU-b"]),
    ("",            []),
    ("-1",          []),
]
# fmt: on


@pytest.mark.parametrize(("named", "gpus"), VISIBLE_GPUS)
def test_the_gpus_are_those_that_the_user_shows(monkeypatch, named, gpus):
    monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == gpus


@pytest.mark.slow
def test_each_replica_sees_its_own_gpus(monkeypatch):
    monkeypatch.setenv(VISIBLE, "4,5,6,7")
    model = open_model("demo", {"replicas": "2", "gpus": "2", "parallel": "1", "context": "256"})
    seen = set()
    for one in model._replicas:
        environment = Path(f"/proc/{one._link._program.pid}/environ").read_bytes().split(b"\0")
        seen |= {line for line in environment if line.startswith(VISIBLE.encode())}
    model.close()
    assert seen == {b"CUDA_VISIBLE_DEVICES=4,5", b"CUDA_VISIBLE_DEVICES=6,7"}
    with pytest.raises(ModelError, match="has GPUs for 1 replicas of 3: 2 do not fit"):
        open_model("demo", {"replicas": "2", "gpus": "3"})
