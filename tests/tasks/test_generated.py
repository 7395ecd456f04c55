"""Tasks that make their problems make the same ones everywhere."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest

from mathreason_eval.tasks import load_task, task_names

GENERATED = [name for name in task_names() if load_task(name).problem is not None]
INDICES = (70, 7, 300, 7, 0, 63, 8, 9, 16, 15, 200)
SEED = 5
PRINT_HASHES = """
import hashlib, json, sys
from mathreason_eval.tasks import load_task
def made(name):
    make = load_task(name).problem
    return "".join(repr(make(index, %d)) for index in %r)
print(json.dumps({name: hashlib.sha256(made(name).encode()).hexdigest() for name in sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def elsewhere():
    """The hash of some problems of every task in two processes that order sets differently."""
    program = [sys.executable, "-c", PRINT_HASHES % (SEED, INDICES), *GENERATED]
    return [
        json.loads(
            subprocess.run(
                program,
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for seed in ("1", "2")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATED)
def test_two_processes_make_the_same_items_in_any_order(elsewhere, name):
    make = load_task(name).problem
    made = {index: make(index, SEED) for index in range(max(INDICES) + 1)}
    here = hashlib.sha256("".join(repr(made[index]) for index in INDICES).encode()).hexdigest()
    assert [said[name] for said in elsewhere] == [here, here]
