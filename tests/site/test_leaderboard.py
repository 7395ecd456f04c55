"""Who is ranked, in which order, and what a problem's difficulty is."""

from __future__ import annotations

from collections import Counter

import pytest
from site_pages import Page, run_name
from site_runs import make_run

from mathreason_eval.site import build_site
from mathreason_eval.site.leaderboard import HEALTH_LIMITS, columns
from mathreason_eval.site.problems import solved_share
from mathreason_eval.site.results import AskedProblem, read_result
from mathreason_eval.types import Outcome, Problem


def asked(correct, judged):
    """A problem of which so many samples are correct."""
    return AskedProblem(
        problem=Problem(id="p", question="?", gold=("1",)),
        anchor="p",
        address="p",
        number=1,
        states=Counter({"correct": correct, "wrong": judged - correct}),
        page=1,
    )


# fmt: off
SOLVED = [
    # (model, correct, judged) of each result               mean over models
    ([("a", 1, 1), ("b", 0, 1)],                            0.5),
    ([("a", 64, 64), ("b", 0, 1)],                          0.5),   # not by samples
    ([("a", 1, 1), ("a", 1, 1), ("a", 1, 1), ("b", 0, 1)],  0.5),   # not by runs
    ([("a", 1, 1), ("a", 0, 3), ("b", 1, 1)],               0.625),
    ([("a", 1, 1), ("b", 0, 0)],                            1.0),   # not judged: no weight
    ([("a", 0, 0)],                                         0.0),
]
# fmt: on


@pytest.mark.parametrize(("results", "share"), SOLVED)
def test_a_problem_is_as_hard_as_for_the_mean_model(results, share):
    assert solved_share((model, asked(*counts)) for model, *counts in results) == share


def standings(folder, *runs):
    """The standings of runs in the one column, by model."""
    results = [
        read_result(make_run(folder / str(i), **run), str(i), "shopping")[0]
        for i, run in enumerate(runs)
    ]
    [column] = columns(results)
    return column.standings


@pytest.mark.slow
def test_what_is_not_ranked_stands_below_whatever_is(tmp_path):
    settings = {"problems": 60, "samples": 1}
    found = standings(
        tmp_path,
        {"model": "good", "skill": 9, "entry": {"version": 2}, **settings},
        {"model": "weak", "skill": 0.2, **settings},
        {"model": "fair", "skill": 0.6, **settings},
        {"model": "torn", "skill": 9, "generated": 30, **settings},
    )
    assert [one.result.model for one in found][:2] == ["fair", "weak"]
    assert {one.result.model for one in found if not one.ranked} == {"good", "torn"}
    assert not any(one.rank or one.leads for one in found[2:])


@pytest.mark.slow
@pytest.mark.parametrize("outcome", HEALTH_LIMITS)
def test_a_result_beyond_a_limit_of_health_is_not_ranked_and_says_why(
    tmp_path, monkeypatch, outcome
):
    monkeypatch.setattr("site_runs._outcome", lambda rng, chance: _mostly(outcome, rng))
    [ill] = standings(tmp_path, {"problems": 50, "samples": 1})
    assert ill.rank is None
    [phrase] = ill.fails
    assert f"more than {100 * HEALTH_LIMITS[outcome]:.0f} %" in phrase


def _mostly(outcome, rng):
    return outcome if rng.random() < 0.4 else Outcome.CORRECT


@pytest.mark.slow
def test_the_truncation_of_an_import_is_unknown_and_not_zero(tmp_path, monkeypatch):
    known = make_run(tmp_path / "known", problems=5, samples=1, skill=9)
    assert "truncated 0" in _outcomes(known, tmp_path / "a")
    imported = make_run(tmp_path / "imported", problems=5, samples=1, skill=9, ends_known=False)
    assert "truncated unknown" in _outcomes(imported, tmp_path / "b")


def _outcomes(run, out):
    site = build_site([run], out).parent
    return Page(site / "run" / f"{run_name(site, run.path.name)}.html").text
