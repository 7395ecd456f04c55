"""The package from Python, as its documentation shows it."""

from __future__ import annotations

import pytest

import mathreason_eval
from mathreason_eval import evaluate, load_run, load_task, verify


@pytest.fixture
def run(tmp_path):
    return evaluate(
        model="fake:answer=7", tasks=["arithmetic"], samples=2, limit=4, out=tmp_path / "run"
    )


def test_evaluate_returns_a_run_that_can_be_loaded_again(run):
    again = load_run(run.path)
    assert again.metrics() == run.metrics()
    assert len(again.verdicts("arithmetic")) == 8


def test_records_become_frames(run):
    frame = run.metrics().to_pandas()
    assert {"name", "value", "low", "high", "problems", "samples", "method"} <= set(frame.columns)
    assert len(run.verdicts("arithmetic").to_pandas()) == 8


def test_a_task_is_loaded_by_name():
    assert load_task("arithmetic").generated


def test_verify_judges_one_answer():
    assert verify(gold=r"\frac{1}{2}", answer="0.5").equal


def test_the_package_has_nothing_else():
    with pytest.raises(AttributeError, match="no attribute"):
        mathreason_eval.nothing  # noqa: B018
    assert set(mathreason_eval.__all__) >= {"evaluate", "load_run", "load_task", "verify"}
