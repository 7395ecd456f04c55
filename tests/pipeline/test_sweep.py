"""A sweep is a grid of ordinary runs: each with its settings, none lost, models opened once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mathreason_eval import models
from mathreason_eval.errors import UserError
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.pipeline.sweep import Axis, SweepRequest, cells, sweep
from mathreason_eval.runs.store import find_runs

GRADING = (1, 60.0)


def request(out: Path, *axes: tuple[str, tuple[str, ...]], **settings) -> SweepRequest:
    return SweepRequest(
        axes=tuple(Axis(name=name, values=values) for name, values in axes),
        settings={"tasks": ("arithmetic",), "samples": 2, "limit": 2, **settings},
        opener=NamedModel(name=UserModel("fake:answer=4"), options={}),
        out=out,
    )


TEMPERATURES = ("temperature", ("0.3", "0.9"))
MODELS = ("model", ("fake:answer=4", "fake:answer=5"))


def test_every_combination_is_a_run_with_its_settings(tmp_path):
    asked = request(tmp_path, TEMPERATURES, MODELS)
    done = list(sweep(asked, grading=GRADING))
    assert {(run.manifest.sampling.temperature, run.manifest.model.name) for _, run in done} == {
        (t, m) for t in (0.3, 0.9) for m in MODELS[1]
    }
    assert {one.path for one in find_runs(tmp_path)} == {cell.folder for cell, _ in done}
    for cell, run in done:
        assert float(dict(cell.settings)["temperature"]) == run.manifest.sampling.temperature
        assert len(run.verdicts("arithmetic")) == 4


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    names, really = [], models.open_model

    def counted(name, options):
        names.append(name)
        return really(name, options)

    monkeypatch.setattr(models, "open_model", counted)
    return names


def test_a_model_is_opened_once_whatever_the_order_of_the_settings(tmp_path, opened):
    assert len(list(sweep(request(tmp_path, TEMPERATURES, MODELS), grading=GRADING))) == 4
    assert sorted(opened) == ["fake:answer=4", "fake:answer=5"]


def test_a_grid_that_was_left_goes_on(tmp_path):
    asked = request(tmp_path, TEMPERATURES)
    first, _ = next(sweep(asked, grading=GRADING))
    runs = {cell.folder: run for cell, run in sweep(asked, grading=GRADING)}
    assert len(runs) == 2
    sessions = {
        folder: [one.samples for one in run.manifest.sessions] for folder, run in runs.items()
    }
    assert sessions.pop(first.folder) == [4, 0]
    assert list(sessions.values()) == [[4]]


def test_options_of_the_engine_may_vary(tmp_path):
    asked = request(tmp_path, ("model-arg.chat", ("true", "false")))
    kinds = {run.manifest.tasks["arithmetic"].prompt.id for _, run in sweep(asked, grading=GRADING)}
    assert len(kinds) == 2


# fmt: off
SLIPS = [
    ((("temprature", ("0.3",)),),              "no setting that can be swept named 'temprature'"),
    ((("samples", ("2", "4")),),               "no setting that can be swept named 'samples'"),
    ((("temperature", ("0.3", "0.3")),),       "has a value twice"),
    ((TEMPERATURES, TEMPERATURES),             "has a value twice"),
    ((("temperature", ("warm",)),),            "temperature is 'warm', and must be"),
    ((("temperature", ("nan",)),),             "temperature is nan"),
    ((("top-p", ("7",)),),                     "top_p is 7.0"),
    ((("seed", tuple(map(str, range(1001)))),), "1,001 combinations"),
]
# fmt: on


@pytest.mark.parametrize(("axes", "says"), SLIPS, ids=lambda one: str(one)[:40])
def test_a_slip_is_named(tmp_path, axes, says):
    with pytest.raises(UserError) as told:
        cells(request(tmp_path, *axes))
    assert says in str(told.value)


def test_all_faults_are_named_before_a_model_is_opened(tmp_path, opened):
    asked = request(tmp_path, ("prompt", ("boxed", "bocks")), ("model", ("fake:answer=4", "fak:x")))
    with pytest.raises(UserError) as told:
        list(sweep(asked, grading=GRADING))
    assert "bocks" in str(told.value.__dict__) + str(told.value)
    assert not opened
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_is_printed_has_every_combination_and_their_spread(mathreason, tmp_path):
    words = ["run", "fake:answer=4", "-t", "arithmetic", "--limit", 3, "-n", 2, "-o", tmp_path]
    axes = ["--sweep", "temperature=0.3,0.9", "--sweep", "system=Be brief, please.",
            "--sweep", "system=Think.", "--sweep", "model=fake:answer=4,fake:answer=5"]  # fmt: skip
    said = mathreason(*words, *axes, width=120)
    assert said.code == 0
    assert said.out.count("Be brief, please.") >= 4
    assert "over 8 combinations" in said.out
    assert "order     fake:answer=4 above fake:answer=5" in said.out
    again = json.loads(mathreason(*words, *axes, "--json").out)
    assert len(again["combinations"]) == len(again["tasks"]["arithmetic"]["metrics"]) == 8
    assert again["tasks"]["arithmetic"]["orders"][0]["settings"] == 4


def test_a_sweep_needs_a_folder(mathreason):
    said = mathreason("run", "fake:answer=4", "-t", "arithmetic", "--sweep", "temperature=0,1")
    assert (said.code, "with -o" in said.err) == (2, True)
