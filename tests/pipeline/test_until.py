"""Samples are added in whole rounds until a score is known well enough, and no longer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mathreason_eval import models
from mathreason_eval.errors import UserError
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.pipeline.until import (
    Reached,
    Until,
    UntilRequest,
    _next_samples,
    reached,
    run_until,
)
from mathreason_eval.runs.store import load_run
from mathreason_eval.stats.intervals import SampleMoments, conditional_interval, mean_of_scores

GRADING = (1, 60.0)
RULES = json.dumps({"text": [f"\\boxed{{{n}}}" for n in (4, 5)]}) + "\n"


@pytest.fixture
def model(tmp_path) -> str:
    (tmp_path / "rules.jsonl").write_text(RULES)
    return f"fake:{tmp_path / 'rules.jsonl'}"


@pytest.fixture
def rows(tmp_path) -> str:
    """Problems of which a model that says 4 or 5 by chance solves half the samples."""
    (path := tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"id": f"p{n}", "question": "2 + 2?", "gold": "4"}) + "\n"
                for n in range(20))
    )  # fmt: skip
    return str(path)


def asked(out: Path, model: str, rows: str, half_width: float, most: int = 64, **settings):
    spec = RunSpec(**{"tasks": ("gsm8k",), "data": {"gsm8k": rows}, **settings})
    return UntilRequest(
        spec=spec,
        opener=NamedModel(name=UserModel(model)),
        until=Until(half_width=half_width, max_samples=most),
        out=out,
    )


def go(request, **more):
    run = run_until(request, grading=GRADING, **more)
    return run, reached(run, request.spec.tasks, request.until)


@pytest.mark.slow
def test_every_problem_has_as_many_samples_and_the_width_is_reached(tmp_path, model, rows):
    run, (look,) = go(asked(tmp_path / "run", model, rows, 0.09))
    assert look.enough
    assert look.half_width <= 0.09
    assert 4 < look.samples < 64
    held = [one.problem_id for one in run.infos("gsm8k")]
    assert {held.count(name) for name in held} == {look.samples}
    (before,) = reached(load_run(run.path), ("gsm8k",), Until(half_width=0.01, max_samples=64))
    assert not before.enough


def test_it_ends_at_the_most_that_was_allowed(tmp_path, model, rows):
    run, (look,) = go(asked(tmp_path / "run", model, rows, 0.01, most=6))
    assert (look.samples, look.enough) == (6, False)
    assert len(run.verdicts("gsm8k")) == 6 * 20


@pytest.mark.slow
def test_the_model_is_opened_once_and_who_watches_is_told(tmp_path, model, rows, monkeypatch):
    opened, told, really = [], [], models.open_model
    monkeypatch.setattr(models, "open_model", lambda *a: (opened.append(1), really(*a))[1])
    request = asked(tmp_path / "run", model, rows, 0.09)
    run, _ = go(request, watch=told.append)
    assert len(opened) == 1
    assert len(told) == len(run.manifest.sessions)
    assert told[0] == ()
    assert [one.samples for looks in told for one in looks] == sorted(
        {one.samples for looks in told for one in looks}
    )


@pytest.mark.slow
def test_what_was_left_goes_on_and_what_is_known_asks_nothing(tmp_path, model, rows):
    first, (look,) = go(asked(tmp_path / "run", model, rows, 0.09))
    again, (same,) = go(asked(tmp_path / "run", model, rows, 0.09))
    assert same == look
    assert again.manifest.sessions[-1].samples == 0
    further, (more,) = go(asked(tmp_path / "run", model, rows, 0.06))
    assert more.samples > look.samples
    assert further.verdicts("gsm8k")[: len(first.infos("gsm8k"))]


@pytest.mark.slow
def test_a_task_that_is_known_gets_no_more(tmp_path, rows):
    (tmp_path / "rules.jsonl").write_text(
        json.dumps({"contains": "2 + 2", "text": [f"\\boxed{{{n}}}" for n in (4, 5)]}) + "\n"
        + json.dumps({"text": ["no idea"]}) + "\n"
    )  # fmt: skip
    request = asked(
        tmp_path / "run", f"fake:{tmp_path / 'rules.jsonl'}", rows, 0.09,
        tasks=("gsm8k", "arithmetic"), limit=20,
    )  # fmt: skip
    run, _ = go(request)
    entries = run.manifest.tasks
    assert entries["arithmetic"].samples == 4 < entries["gsm8k"].samples


def test_greedy_samples_make_nothing_better_known(tmp_path, model, rows):
    with pytest.raises(UserError, match="at temperature 0") as refused:
        go(asked(tmp_path / "run", model, rows, 0.05, temperature=0.0))
    assert "--temperature 0.6" in refused.value.hint
    assert not (tmp_path / "run").exists()


# fmt: off
USELESS = [  # settings, the most samples, what is said before anything is asked
    ({"samples": 100},                   64, "-n 100 asks for more samples than --max-samples 64"),
    ({},                                  1, "no interval on these problems"),
    ({"tasks": ("useless",)},             8, "maj@2 of useless has no interval"),
    ({"tasks": ("useless", "arithmetic"), "samples": 9, "temperature": 0.0, "limit": 3}, 8,
     "maj@2 of useless"),
]
# fmt: on


@pytest.mark.parametrize(("settings", "most", "says"), USELESS)
def test_what_could_not_end_is_said_before_anything_is_asked(
    tmp_path, model, rows, settings, most, says
):
    (folder := tmp_path / "mine" / "useless").mkdir(parents=True)
    (folder / "task.yaml").write_text(
        "name: useless\nversion: 1\nsummary: s\nlicense: CC0\ndata: {file: rows.jsonl}\n"
        "extract: [boxed]\ngrade: number\nprimary: maj@2\n"
    )
    (folder / "prompt.jinja").write_text("{{ problem.question }}")
    (folder / "rows.jsonl").write_text(Path(rows).read_text())
    settings = {"tasks_dirs": tmp_path / "mine", **settings}
    if "useless" in settings.get("tasks", ()):
        settings["data"] = {}
    with pytest.raises(UserError, match=re.escape(says)):
        go(asked(tmp_path / "run", model, rows, 0.05, most, **settings))
    assert not (tmp_path / "run").exists()


def test_a_score_is_of_all_problems_of_a_folder(tmp_path, model, rows):
    go(asked(tmp_path / "run", model, rows, 0.5, limit=8))
    with pytest.raises(UserError, match="3 problems of gsm8k that would get no more"):
        go(asked(tmp_path / "run", model, rows, 0.5, limit=5))
    run, (look,) = go(asked(tmp_path / "run", model, rows, 0.5, limit=12))
    assert (len(run.problems("gsm8k")), look.enough) == (12, True)


# fmt: off
STEPS = [  # samples, half width, wanted, most; samples of the next look
    (4,  0.10, 0.08,  64,  7),    # 4 · (0.10 / 0.08)² = 6.25
    (4,  0.10, 0.01,  64,  8),    # at most twice as many
    (4,  0.10, 0.099, 64,  5),
    (10, 0.10, 0.0999, 64, 11),
    (40, 0.10, 0.01,  64, 64),
]
# fmt: on


@pytest.mark.parametrize(("samples", "half", "wanted", "most", "then"), STEPS)
def test_the_next_look_is_where_the_width_will_do(samples, half, wanted, most, then):
    look = Reached(task="t", metric="avg", samples=samples, half_width=half, enough=False)
    assert _next_samples(look, Until(half_width=wanted, max_samples=most)) == then


def covered(shares: np.ndarray, wanted: float, random: np.random.Generator) -> bool:
    """Return whether the interval at which the rule stops holds the mean of the shares."""
    until, right, samples = Until(half_width=wanted, max_samples=256), None, 0
    following = 4
    while True:
        fresh = random.binomial(following - samples, shares)
        right, samples = (fresh if right is None else right + fresh), following
        moments = SampleMoments.from_counts(right, np.full(len(shares), samples))
        mean = conditional_interval(mean_of_scores(right / samples), moments)
        low, high, _ = mean.conditional
        half = max(high - mean.value, mean.value - low)
        if half <= wanted or samples == until.max_samples:
            return bool(low <= shares.mean() <= high)
        look = Reached(task="t", metric="avg", samples=samples, half_width=half, enough=False)
        following = _next_samples(look, until)


# fmt: off
SHARES = {
    "even":   lambda random: random.uniform(size=60),
    "split":  lambda random: random.choice([0.02, 0.5, 0.98], size=100),
    "hard":   lambda random: random.beta(0.3, 3, size=100),
    "easy":   lambda random: random.beta(8, 0.5, size=200),
}
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARES)
def test_an_interval_at_which_the_rule_stops_keeps_its_level(kind):
    random = np.random.default_rng(5)
    shares = SHARES[kind](random)
    hits = sum(covered(shares, 0.02, random) for _ in range(500))
    # 95 % less three standard errors of 500 draws.
    assert hits >= 0.92 * 500


@pytest.mark.slow
def test_the_command_says_how_well_each_task_is_known(mathreason, tmp_path, model, rows):
    words = ["run", model, "-t", "gsm8k", "--data", f"gsm8k={rows}", "-o", tmp_path / "run"]
    said = mathreason(*words, "--until", "9pp", width=100)
    assert said.code == 0
    assert ": ±9 pp was wanted" in said.out
    said = mathreason(*words, "--until", "1pp", "--max-samples", "30", "--json")
    assert said.code == 3
    told = json.loads(said.out)["until"]
    assert (told["max_samples"], told["tasks"]["gsm8k"]["enough"]) == (30, False)


# fmt: off
SLIPS = [
    (["--until", "1mm"],                                "no difference of scores"),
    (["--until", "2"],                                  "no difference of scores"),
    (["--max-samples", "9"],                            "--until, which is not given"),
    (["--until", "1pp", "--max-samples", "0"],          "not in the range"),
    (["--until", "1pp", "--sweep", "seed=1,2", "-o", "x"], "cannot be combined"),
    (["--until", "1pp", "-t", "arithmetc", "-n", "0"],  "arithmetic?"),
]
# fmt: on


@pytest.mark.parametrize(("words", "says"), SLIPS, ids=[says for _, says in SLIPS])
def test_a_slip_is_named(mathreason, words, says):
    said = mathreason("run", "fake:answer=4", "-t", "arithmetic", *words)
    assert (said.code, says in said.err) == (2, True)
