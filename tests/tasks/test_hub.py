"""Data sets of a hub, by the package `datasets` and without it, from a stand-in on this machine."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from stand_in_hub import COMMIT, GATED, hub_of

pa = pytest.importorskip("pyarrow")
pytest.importorskip("datasets")

SUMS = [{"question": "1 + 1?", "answer": "So it is 2.\n#### 2"},
        {"question": "1 + 2?", "answer": "#### 3"}]  # fmt: skip
OTHER = [{"question": "2 + 2?", "answer": "#### 4"}]


def parquet(rows) -> bytes:
    import pyarrow.parquet as pq

    packed = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), packed)
    return packed.getvalue()


def lines(rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


README = """---
license: mit
configs:
- config_name: main
  data_files:
  - {split: test, path: main/test-*}
  - {split: train, path: main/train-*}
- config_name: other
  data_files:
  - {split: test, path: [other/a.parquet]}
---
# Sums
"""
SETS = {
    "nobody/stated": {
        "README.md": README.encode(),
        "main/test-00000-of-00001.parquet": parquet(SUMS),
        "main/train-00000-of-00001.parquet": parquet(OTHER),
        "other/a.parquet": parquet(OTHER),
    },
    "nobody/plain": {"test.jsonl": lines(SUMS), "train.jsonl": lines(OTHER)},
    "nobody/folders": {"data/test-00000-of-00002.parquet": parquet(SUMS[:1]),
                       "data/test-00001-of-00002.parquet": parquet(SUMS[1:])},
}  # fmt: skip
# fmt: off
CASES = [
    # data set, split, configs, rows, revision; the golds, or what the error says
    ("nobody/stated",  "test",  ["main"],  2,    COMMIT,   ["2", "3"]),
    ("nobody/stated",  "train", ["main"],  None, COMMIT,   ["4"]),
    ("nobody/stated",  "test",  ["main", "other"], None, COMMIT, ["2", "3", "4"]),
    ("nobody/plain",   "test",  [],        None, COMMIT,   ["2", "3"]),
    ("nobody/folders", "test",  [],        None, COMMIT,   ["2", "3"]),
    ("nobody/stated",  "test",  ["main"],  3,    COMMIT,   "rows is 3, and the data have 2"),
    ("nobody/plain",   "valid", [],        None, COMMIT,   "could not be loaded"),
    ("nobody/none",    "test",  [],        None, COMMIT,   "could not be loaded"),
    ("nobody/plain",   "test",  [],        None, "1" * 40, "could not be loaded"),
    (GATED,            "test",  [],        None, COMMIT,   "HF_TOKEN"),
]
# fmt: on
READ = """
import json, sys
from mathreason_eval.errors import UserError
from mathreason_eval.tasks import HubData, Task, hub
from mathreason_eval.tasks.datasets import load_problems
cases, plain = json.load(sys.stdin)
if plain:
    there = hub.find_spec
    hub.find_spec = lambda name: None if name == "datasets" else there(name)
for name, split, configs, rows, revision in cases:
    data = HubData(hub=name, revision=revision, splits=(split,), configs=tuple(configs), rows=rows)
    task = Task(name="sums", version=1, summary="", license="MIT", extract=("boxed",),
                grade="number", prompts={}, data=(data,), columns={"gold": ("answer | hashes",)})
    try:
        print(json.dumps([gold for one in load_problems(task).problems for gold in one.gold]))
    except UserError as error:
        print(json.dumps(str(error)))
if plain:
    assert "datasets" not in sys.modules
"""


ONLINE = {"HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0"}


def read(cases, endpoint: str, home, *, plain: bool, **environment: str) -> list:
    """Return the golds, or the error, of each case, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps([[case[:5] for case in cases], plain]),
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
        env={**os.environ, **ONLINE, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), **environment},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("plain", [False, True], ids=["datasets", "plainly"])
def test_a_hub_is_read_and_each_fault_of_it_is_one_error(tmp_path, plain):
    with hub_of(SETS) as endpoint:
        found = read(CASES, endpoint, tmp_path, plain=plain)
        wrong = [
            (case[:3], one)
            for case, one in zip(CASES, found, strict=True)
            if not (one == case[5] if isinstance(case[5], list) else case[5] in one)
        ]
        assert wrong == []
    # The hub is gone: what was read is still there, and what was not says what helps.
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    cached, missing = read([CASES[3], CASES[7]], endpoint, tmp_path, plain=plain, **offline)
    assert cached == ["2", "3"]
    assert "--data sums=PATH" in missing


CHECK = """
import json
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.tasks import HubData, Task
for name in ("nobody/plain", "nobody/none"):
    data = HubData(hub=name, revision="COMMIT", splits=("test",))
    task = Task(name="sums", version=1, summary="", license="MIT", extract=("boxed",),
                grade="number", prompts={}, data=(data,), columns={"gold": ("answer | hashes",)})
    for hub in (True, False):
        (one,) = (one for one in check_task(task, hub=hub) if one.name == "problems")
        print(json.dumps([one.ok, one.looked, one.note]))
"""


@pytest.mark.slow
def test_a_check_reads_the_hub_where_it_is_asked_to_and_can(tmp_path):
    with hub_of(SETS) as endpoint:
        done = subprocess.run(
            [sys.executable, "-c", CHECK.replace("COMMIT", COMMIT)],
            capture_output=True,
            text=True,
            check=True,
            timeout=180,
            env={**os.environ, **ONLINE, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path)},
        )
    there, unasked, missing, _ = map(json.loads, done.stdout.splitlines())
    assert there[:2] == [True, True]
    assert there[2].startswith("2, read from the hub")
    assert unasked[:2] == [True, False]
    assert (missing[:2], "could not be loaded" in missing[2]) == ([True, False], True)
