"""The program of a worker process: the exchange of JSON lines, and the computer algebra job.

`python -m mathreason_eval.grade.child JOB MEMORY LIFELINE` imports the module JOB and answers
requests. This module is itself a job: it decides what the quick comparisons leave undecided.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mathreason_eval.grade.graders import failed, grader_for
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.types import Match

# --- any job ---------------------------------------------------------------------------------


def serve(job: str, memory: int, lifeline: int) -> None:
    """Answer requests from stdin on stdout, both as JSON lines, until stdin or the parent ends."""
    _end_with_parent(lifeline)
    _limit_memory(memory)
    # Prints of libraries must not break the protocol: only this function has the real stdout.
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module = importlib.import_module(job)
    answers_of: Callable[[dict[str, Any]], Iterator[dict[str, Any]]] = module.answers
    module.prepare()
    replies.write(b"{}\n")
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        for answer in answers_of(asked["request"]):
            replies.write(json.dumps({"id": asked["id"], "answer": answer}).encode() + b"\n")


def _limit_memory(memory: int) -> None:
    """Limit this process's address space to `memory` bytes, if the system supports that."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _end_with_parent(lifeline: int) -> None:
    """Have the system kill this process when the parent ends, whatever it is computing.

    During one long multiplication Python runs neither threads nor signal handlers, so a signal
    without a handler is used, which the system sends when the pipe closes.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(1)
    parent = os.getppid()

    # Another fork of the parent may keep the pipe open.
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


# --- computer algebra ------------------------------------------------------------------------

_WARM_UP = (
    ("x", r"\int_0^x 1\,dt"), ("99_{8}=1", "77_{10}=99_{8}"), ("3", r"2 \text{ to } 4"),
    ("2", r"\frac{F_{n+2}}{F_n^{18}} + \left( \cos 7^\circ + +"),
)  # fmt: skip
"""(gold, answer) pairs that use most of the parser's grammar."""


def prepare() -> None:
    """Import what is needed and warm up the parser's caches, before any judgement is timed.

    The parser builds its grammar on demand: a construct takes ten times as long at first.
    """
    for gold, answer in _WARM_UP:
        _answered({"grader": "math", "gold": gold, "answer": answer, "convention": {}})


def answers(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the single reply to a request with gold, answer, grader and convention.

    A request with a grader alone loads it, before any judgement is timed.
    """
    found = _answered(request)
    measures = {"measures": dict(found.measures)} if found.measures else {}
    yield {"equal": found.equal, "rule": found.rule, "note": found.note, **measures}


def _answered(request: Mapping[str, Any]) -> Match:
    try:
        return _match(request)
    # Computer algebra or an external grader may raise anything, or try to exit; all of it means
    # undecided.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return failed(error)


def _match(request: Mapping[str, Any]) -> Match:
    grader = grader_for(request["grader"])
    if "gold" not in request:
        assert grader.outside is not None, "only a grader from outside needs to be loaded"
        grader.outside()
        return Match(equal=None, rule="loaded", note="")
    assert grader.slow is not None, "only graders with a slow comparison are asked here"
    return grader.slow(request["gold"], request["answer"], Convention(**request["convention"]))


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
