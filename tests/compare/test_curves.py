"""Checkpoints as a curve: each result at its step, and nothing that is not of one training."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET

import pytest
from gate_runs import edited, entry, imported, rows
from site_runs import make_run

from mathreason_eval.compare.curves import STEP, curves
from mathreason_eval.errors import DataError, NotComparableError, UnknownNameError
from mathreason_eval.runs.store import find_runs, load_run
from mathreason_eval.site.curves import curves_svg

# fmt: off
NAMES = [
    # name; what is before the step, the step
    ("checkpoint-500",                 "500"),
    ("qwen/global_step_100",           "100"),
    ("m@step-20",                      "20"),
    ("step7-checkpoint-0030",          "0030"),   # the last one counts
    ("iter_0000500",                   "0000500"),
    ("Epoch 3",                        "3"),
    ("qwen2.5-7b",                     None),
    ("step",                           None),
    ("steps-12",                       None),     # how many there are
    ("checkpoint-" + "9" * 40,         None),
]
# fmt: on


@pytest.mark.parametrize(("name", "step"), NAMES)
def test_a_name_has_a_step_or_none(name, step):
    found = [one["step"] for one in STEP.finditer(name)]
    assert (found[-1] if found else None) == step


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A run of 200 problems under three names, two of them of a worse model."""
    folder = tmp_path_factory.mktemp("curve")
    for model, steps in (("base", (300,)), ("worse", (100, 20))):
        made = imported(folder / model, rows(model)) / model
        for step in steps:
            shutil.copytree(made, folder / "runs" / f"checkpoint-{step}")
    return folder / "runs"


def test_points_are_in_the_order_of_their_steps(checkpoints):
    [curve] = curves(find_runs(checkpoints))
    assert [point.step for point in curve.points] == [20, 100, 300]
    values = [point.metric.value for point in curve.points]
    assert values[0] == values[1] < values[2]
    for point in curve.points:
        assert point.metric.low < point.metric.value < point.metric.high


def test_two_trainings_are_two_curves(checkpoints, tmp_path):
    for name in ("small", "large"):
        for step in (100, 300):
            run = tmp_path / f"{name}-step-{step}"
            shutil.copytree(checkpoints / f"checkpoint-{step}", run)
    found = curves(find_runs(tmp_path))
    assert [(one.training, [point.step for point in one.points]) for one in found] == [
        ("large", [100, 300]), ("small", [100, 300]),
    ]  # fmt: skip


def test_what_is_no_curve_is_refused(checkpoints, tmp_path):
    runs = list(find_runs(checkpoints))
    other = edited(checkpoints / "checkpoint-20", tmp_path / "checkpoint-7", entry(version=9))
    with pytest.raises(NotComparableError, match="version 9, not"):
        curves([*runs, load_run(other)])
    twice = edited(checkpoints / "checkpoint-20", tmp_path / "a" / "checkpoint-20")
    with pytest.raises(DataError, match="both of step 20"):
        curves([*runs, load_run(twice)])
    unnamed = edited(checkpoints / "checkpoint-20", tmp_path / "b" / "last")
    with pytest.raises(DataError, match=r"The step of .*last is not known"):
        curves([load_run(unnamed)])
    with pytest.raises(UnknownNameError, match="no metric of gsm8k"):
        curves(runs, metric="pass@9")
    with pytest.raises(UnknownNameError, match="no task of these runs"):
        curves(runs, tasks=["gsm9k"])


def test_a_pattern_finds_other_steps(checkpoints, tmp_path):
    run = edited(checkpoints / "checkpoint-20", tmp_path / "T00012")
    [curve] = curves([load_run(run)], pattern=re.compile(r"T(\d+)"))
    assert [point.step for point in curve.points] == [12]


def test_the_chart_has_a_band_a_line_and_a_dot_a_step(checkpoints):
    picture = ET.fromstring(curves_svg(curves(find_runs(checkpoints))))
    tags = [one.tag.partition("}")[2] for one in picture.iter()]
    assert (tags.count("polygon"), tags.count("polyline"), tags.count("circle")) == (1, 1, 3)
    titles = [one.text for one in picture.iter() if one.tag.endswith("title")]
    assert any("step 300: " in one and "200 problems" in one for one in titles)
    band = next(one for one in picture.iter() if one.tag.endswith("polygon")).get("points")
    assert len(band.split()) == 6


def test_names_are_text_in_the_chart(tmp_path):
    make_run(tmp_path / "a-step-1", model="<b>&evil</b>-step-1")
    make_run(tmp_path / "a-step-2", model="<b>&evil</b>-step-2")
    picture = curves_svg(curves(find_runs(tmp_path)))
    assert "<b>" not in picture
    assert ET.fromstring(picture) is not None


def test_the_verb_prints_a_table_and_writes_the_chart(checkpoints, tmp_path, mathreason):
    done = mathreason("curve", checkpoints, "-o", tmp_path / "new" / "curve.svg")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines() if re.match(r"\s*\d", line)] == [
        "20", "100", "300",
    ]  # fmt: skip
    assert (tmp_path / "new" / "curve.svg").read_text().startswith("<svg ")
    [told] = json.loads(mathreason("curve", checkpoints, "--json").out)
    assert [point["step"] for point in told["points"]] == [20, 100, 300]
    assert mathreason("curve", checkpoints, "--pattern", "(").code == 2
    assert mathreason("curve", checkpoints, "--pattern", "step-1").code == 2


def test_dumps_of_a_training_are_a_curve_without_an_import(tmp_path, mathreason, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for step, right in ((10, 1), (20, 3)):
        dump = tmp_path / "dumps" / f"{step}.jsonl"
        dump.parent.mkdir(exist_ok=True)
        written = [
            {"input": f"user\nWhat is {n} + {n}?\nassistant\n", "gts": str(2 * n), "step": step,
             "output": f"\\boxed{{{2 * n + (n >= right)}}}", "score": float(n < right)}
            for n in range(4)
        ]  # fmt: skip
        dump.write_text("".join(json.dumps(row) + "\n" for row in written))
    done = mathreason("curve", tmp_path / "dumps", "--json")
    assert done.code == 0, done.err
    [told] = json.loads(done.out)
    assert [(point["step"], point["metric"]["value"]) for point in told["points"]] == [
        (10, 0.25), (20, 0.75),
    ]  # fmt: skip
