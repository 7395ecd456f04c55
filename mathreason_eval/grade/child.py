"""What runs in a worker process: the exchange of JSON lines, and the job of computer algebra.

`python -m mathreason_eval.grade.child JOB MEMORY` imports the module JOB and answers requests.
This module is itself one: the job that decides what the quick comparisons leave undecided.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mathreason_eval.grade.graders import failed, grader_for
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.types import Match

# --- any job ---------------------------------------------------------------------------------


def serve(job: str, memory: int) -> None:
    """Answer requests from stdin on stdout, JSON lines both, until stdin ends."""
    _limit_memory(memory)
    _end_with_parent()
    # Libraries that print must not break the protocol: only this function has the real stdout.
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
    """Limit this process's address space, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _end_with_parent() -> None:
    """Leave when the parent is gone, even in the middle of a computation."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


# --- computer algebra ------------------------------------------------------------------------

_WARM_UP = (
    ("x", r"\int_0^x 1\,dt"), ("21_3", "77_{10}=77_{8}"), ("3", r"2 \text{ to } 4"),
    ("2", r"= \frac{F_{n+2}}{F_n^{18}}"),
)  # fmt: skip
"""Questions that use most of the parser's grammar."""


def prepare() -> None:
    """Import what is needed and warm up the parser's caches, before any answer is timed.

    The parser builds its grammar as it reads: a construct takes ten times as long at first.
    """
    for gold, answer in _WARM_UP:
        _answered({"grader": "math", "gold": gold, "answer": answer, "convention": {}})


def answers(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the one answer to a request of a gold, an answer, a grader and a convention.

    A request of a grader alone loads it, before an answer is timed.
    """
    found = _answered(request)
    measures = {"measures": dict(found.measures)} if found.measures else {}
    yield {"equal": found.equal, "rule": found.rule, "note": found.note, **measures}


def _answered(request: Mapping[str, Any]) -> Match:
    try:
        return _match(request)
    # Anything may go wrong in a computer algebra system, or in a grader from outside, which may
    # try to leave as well; all of it means undecided.
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
    serve(sys.argv[1], int(sys.argv[2]))
