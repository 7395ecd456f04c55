"""Who is ranked, in which order, and what a problem's difficulty is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from statistics import median

import pytest
from site_pages import Page, run_name
from site_runs import make_run

from mathreason_eval.site import build_site
from mathreason_eval.site.board import mean_tokens, overall
from mathreason_eval.site.charts import scatter
from mathreason_eval.site.leaderboard import HEALTH_LIMITS, columns, rows
from mathreason_eval.site.problems import solved_share
from mathreason_eval.site.results import AskedProblem, read_result
from mathreason_eval.site.settled import matrix, problem_clusters, resolution, result_pairs
from mathreason_eval.stats.difference import difference
from mathreason_eval.types import Outcome, Problem, SessionEntry


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


# --- the first page --------------------------------------------------------------------------


def table_of(folder, *runs):
    """The columns of runs."""
    return columns(
        [
            read_result(run, str(place), task)[0]
            for place, run in enumerate(
                make_run(folder / str(i), **one) for i, one in enumerate(runs)
            )
            for task in run.tasks()
        ]
    )


def test_an_overall_is_the_mean_of_tasks_for_rows_that_are_ranked_in_all(tmp_path):
    for task in ("gcd", "shopping"):
        run = make_run(tmp_path / "both", model="both", task=task, problems=30)
    one = make_run(tmp_path / "one", model="one", task="gcd", problems=30)
    table = columns(
        [read_result(each, each.path.name, task)[0] for each in (run, one) for task in each.tasks()]
    )
    found = {row.model: overall(row, table) for row in rows(table)}
    assert found["one"] is None
    means = [m for m in run.metrics() if (m.name, m.slice) == ("avg", "all")]
    assert found["both"].value == pytest.approx(sum(m.value for m in means) / 2)
    widths = [m.high - m.low for m in means]
    assert found["both"].high - found["both"].low < max(widths)


def test_a_single_task_has_no_overall(tmp_path):
    table = table_of(tmp_path, {"model": "a"})
    assert [overall(row, table) for row in rows(table)] == [None]


def test_differences_are_antisymmetric_and_only_large_ones_are_settled(tmp_path):
    settings = {"problems": 100, "samples": 1}
    table = table_of(
        tmp_path,
        {"model": "best", "skill": 0.9, **settings},
        {"model": "twin", "skill": 0.4, **settings},
        {"model": "pair", "skill": 0.41, **settings},
        {"model": "torn", "skill": 0.4, "generated": 9, **settings},
    )
    found = matrix(table[0])
    assert len(found.pages) == 3  # the torn one is not ranked
    assert found.pairs == 3
    for i, row in enumerate(found.cells):
        assert row[i] is None
        for j, cell in enumerate(row):
            if cell is not None:
                assert cell.difference == -found.cells[j][i].difference
    assert [cell.settled for cell in found.cells[0][1:]] == [True, True]
    assert not found.cells[1][2].settled


SESSION = SessionEntry(
    began="2026-01-01T00:00:00Z", ended=None, end=None, seconds=1.0, grading_lag_seconds=0.0,
    samples=1, completion_tokens=1, failures=0,
)  # fmt: skip


@pytest.mark.parametrize(("other", "number"), [("m-1", 1), ("m-2", 2), (None, 2)])
def test_what_an_alias_named_at_two_times_are_two_rows(tmp_path, other, number):
    results = []
    for place, (task, name) in enumerate((("a", "m-1"), ("b", other))):
        run = make_run(tmp_path / str(place), task=task)
        sessions = (replace(SESSION, answered_by=name),)
        run = run.updated(replace(run.manifest, sessions=sessions))
        results.append(read_result(run, str(place), task)[0])
    assert len(rows(columns(results))) == number


def test_what_a_column_tells_apart_is_half_the_interval_of_a_difference(tmp_path):
    [column] = table_of(
        tmp_path, {"model": "a"}, {"model": "b", "seed": 4}, {"model": "c", "seed": 5}
    )
    ranked = [one for one in column.standings if one.ranked]
    widths = []
    for one, other in pairwise(ranked):
        pairs = [*result_pairs(problem_clusters(column), one, other, "avg").values()]
        low, high = difference(pairs, shares=True).interval()
        widths.append((high - low) / 2)
    assert resolution(column) == pytest.approx(median(widths))


@pytest.mark.slow
def test_more_problems_tell_more_apart(tmp_path):
    few, many = (
        table_of(
            tmp_path / str(n),
            {"model": "a", "problems": n},
            {"model": "b", "problems": n, "seed": 4},
        )
        for n in (40, 640)
    )
    assert resolution(few[0]) > 2 * resolution(many[0])


def test_a_result_alone_is_told_from_none(tmp_path):
    [column] = table_of(tmp_path, {"model": "a"})
    assert resolution(column) is None


def test_tokens_are_unknown_if_those_of_one_task_are(tmp_path):
    table = table_of(tmp_path, {"model": "a"})
    [row] = rows(table)
    assert mean_tokens(row) == pytest.approx(table[0].standings[0].result.metric("tokens").value)
    bare = replace(table[0].standings[0].result, metrics=())
    cells = {**row.cells, "other": replace(table[0].standings[0], result=bare)}
    assert mean_tokens(replace(row, cells=cells)) is None


# fmt: off
FRONTIERS = [
    # (tokens, value)                                   those that nothing else beats
    ([(100, 0.5), (200, 0.9)],                          [True, True]),
    ([(100, 0.9), (200, 0.5)],                          [True, False]),
    ([(100, 0.5), (100, 0.6), (300, 0.6)],              [False, True, False]),
    ([(100, 0.5), (100, 0.5)],                          [True, True]),
]
# fmt: on


@pytest.mark.parametrize(("results", "frontier"), FRONTIERS)
def test_the_frontier_is_what_nothing_else_beats(results, frontier):
    found = scatter([(str(place), *one) for place, one in enumerate(results)])
    assert [point.frontier for point in found.points] == frontier
    assert len(found.x_ticks) > 1
    assert all(0 <= point.x <= 100 for point in found.points)


def test_results_without_tokens_are_no_points():
    assert scatter([("a", 0.0, 0.5), ("b", 10.0, 0.5)]) is None


@pytest.mark.slow
def test_the_truncation_of_an_import_is_unknown_and_not_zero(tmp_path, monkeypatch):
    known = make_run(tmp_path / "known", problems=5, samples=1, skill=9)
    assert "truncated 0" in _outcomes(known, tmp_path / "a")
    imported = make_run(tmp_path / "imported", problems=5, samples=1, skill=9, ends_known=False)
    assert "truncated unknown" in _outcomes(imported, tmp_path / "b")


def _outcomes(run, out):
    site = build_site([run], out).parent
    return Page(site / "run" / f"{run_name(site, run.path.name)}.html").text
