"""The charts of a task: what was measured is drawn with its numbers, and nothing else is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from site_pages import Page, dead_links
from site_runs import make_run

from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.site import build_site
from mathreason_eval.site.budget import budget_chart
from mathreason_eval.site.drawings import line_chart
from mathreason_eval.site.leaderboard import columns
from mathreason_eval.site.problems import problem_entries
from mathreason_eval.site.results import read_result
from mathreason_eval.site.step_errors import confusions
from mathreason_eval.site.task_charts import calibrations, task_charts
from mathreason_eval.types import Metric, Unit


def metric(value=0.5, name="avg", where="all", task="shopping", width=0.05):
    return Metric(
        task=task, slice=where, name=name, unit=Unit.SHARE, value=value, low=value - width,
        high=value + width, se=0.02, problems=12, samples=24, method="made up",
    )  # fmt: skip


def column_of(tmp_path, *extra, models=("a", "b"), **settings):
    """The column of some models, each with further metrics."""
    results = []
    for name in models:
        run = make_run(tmp_path / name, model=name, problems=40, **settings)
        with RunWriter(run.path) as writer:
            writer.write_metrics((*run.metrics(), *extra))
        results.append(read_result(run.fresh_view(), name, "shopping")[0])
    [column] = columns(results)
    return column


def names(column):
    return [chart.name for chart in task_charts(column)]


VARIANTS = [
    metric(value, name, f"variant={variant}")
    for variant in ("flip_role", "random_pair")
    for name, value in (("origin", 0.8), ("avg", 0.6), ("drop", 0.2), ("limem", 0.3))
]

# fmt: off
MEASURED = [
    # metrics besides those of every run                        charts besides those of every run
    ([],                                                        set()),
    ([metric(1 - k / 9, f"survival@{k}") for k in range(1, 6)], {"survival"}),
    ([metric(0.9, "survival@1")],                               set()),   # one point is no curve
    (VARIANTS,                                                  {"limem", "variants"}),
    ([m for m in VARIANTS if m.name != "limem"],                {"variants"}),
    ([metric(0.4, "both"), metric(0.6, "either")],              {"graders"}),
    ([metric(0.4, "both")],                                     set()),
]
# fmt: on


@pytest.mark.parametrize(("extra", "charts"), MEASURED)
def test_only_what_was_measured_is_drawn(tmp_path, extra, charts):
    assert set(names(column_of(tmp_path, *extra))) == charts | {"by-steps", "budget", "lengths"}


def test_a_property_of_words_is_no_axis(tmp_path):
    assert "by-subject" not in names(column_of(tmp_path))


def test_lengths_need_tokens_of_right_and_of_wrong_answers(tmp_path):
    assert "lengths" not in names(column_of(tmp_path, skill=9))


def test_the_numbers_of_a_line_are_the_metrics(tmp_path):
    column = column_of(tmp_path)
    [chart] = [one for one in task_charts(column) if one.name == "by-steps"]
    for series, standing in zip(chart.series, column.standings, strict=True):
        wanted = [standing.result.metric("avg", f"steps={n}") for n in (1, 2, 3)]
        assert [*series.values] == wanted
    assert [words for _, words in chart.ticks] == ["1", "2", "3"]


@pytest.mark.parametrize("ends", [[0.5, 0.5, 0.5, 0.5], [0.01, 0.01, 0.02, 0.9], [0.1] * 4])
def test_names_at_the_ends_of_lines_do_not_overlap(ends):
    results = [(str(place), [metric(0.5), metric(end)]) for place, end in enumerate(ends)]
    places = sorted(one.label for one in line_chart("n", "t", "", "x", ["1", "2"], results).series)
    assert all(after - before >= 6.99 for before, after in pairwise(places))
    assert places[-1] <= 100.01


def test_what_was_said_of_steps_adds_up(tmp_path):
    column = column_of(tmp_path, entry={"grading__grade": "step-index"})
    [chart] = [one for one in task_charts(column) if one.name == "first-errors"]
    for row, standing in zip(chart.rows, column.standings, strict=True):
        counts = [int(cell.text) for cell in row.cells]
        assert sum(counts) == standing.result.judged
        assert counts[0] == standing.result.states["correct"]  # every gold here is a step
        assert row.marks[-1].high == pytest.approx(100)


def test_a_confusion_has_every_sample_once_and_its_diagonal_is_right(tmp_path):
    column = column_of(tmp_path, entry={"grading__grade": "step-index"})
    found = confusions(column)
    assert len(found) == 2
    for one, standing in zip(found, column.standings, strict=True):
        cells = [cell for _, row in one.rows for cell in row]
        assert sum(cell.count for cell in cells) == standing.result.judged
        right = sum(cell.count for cell in cells if cell.is_right)
        # Late steps share a row and a column, so that some of it is only nearly right.
        assert right >= standing.result.states["correct"] > 0
        assert all(sum(cell.share for cell in row) == pytest.approx(1) for _, row in one.rows)


def test_a_task_that_names_no_step_has_no_confusion(tmp_path):
    assert confusions(column_of(tmp_path)) == []


def test_within_the_last_limit_is_the_accuracy_and_less_below(tmp_path):
    column = column_of(tmp_path)
    [chart] = [one for one in task_charts(column) if one.name == "budget"]
    for series, standing in zip(chart.series, column.standings, strict=True):
        accuracy = standing.result.metric()
        values = [one.value for one in series.values]
        assert values == sorted(values)
        assert values[0] < values[-1]
        assert series.values[-1].value == pytest.approx(accuracy.value)
        assert series.values[-1].low == pytest.approx(accuracy.low)
        assert series.values[-1].samples == standing.result.judged
    assert [words for _, words in chart.ticks][-1] == "512"  # no sample has more than 300 tokens


def test_a_result_without_tokens_is_in_no_picture_of_limits(tmp_path):
    made = column_of(tmp_path)
    silent = [
        replace(asked, shots=tuple(replace(shot, tokens=None) for shot in asked.shots))
        for asked in made.standings[0].result.problems
    ]
    first = replace(made.standings[0].result, problems=tuple(silent))
    results = [first, made.standings[1].result]
    assert [one.page for one in budget_chart(made, results).series] == [results[1].page]
    assert budget_chart(made, results[:1]) is None


def test_majorities_are_counted_as_on_the_pages_of_problems(tmp_path):
    column = column_of(tmp_path, samples=4, models=("a",))
    entries = problem_entries(column)
    [found] = calibrations(column, entries)
    with_answers = [e for e in entries if any(c.answer is not None and c.given for c in e.classes)]
    assert sum(one.problems for one in found.bins) == len(with_answers)
    sure = Counter(
        one.is_gold
        for entry in entries
        for one in entry.classes
        if one.answer is not None and one.samples == 4
    )
    last = found.bins[-1]
    assert last.confidence == 1
    assert (last.problems, last.right) == (sure.total(), sure[True] / sure.total())
    assert last.low < last.right <= last.high


def test_two_samples_are_no_confidence(tmp_path):
    column = column_of(tmp_path, samples=2, models=("a",))
    assert calibrations(column, problem_entries(column)) == []


@pytest.mark.slow
def test_the_page_of_a_task_leads_to_its_charts(tmp_path):
    run = make_run(tmp_path / "run", problems=40, samples=4)
    with RunWriter(run.path) as writer:
        writer.write_metrics((*run.metrics(), *VARIANTS, metric(0.1, "both"), metric(1, "either")))
    site = build_site([run.fresh_view()], tmp_path / "site").parent
    links = Page(site / "task" / "shopping.html").links
    page = Page(site / "task" / "shopping" / "charts.html")
    wanted = {f"../task/shopping/charts.html#{place}" for place in page.ids if place != ":main"}
    assert wanted == {link for link in links if "charts" in link}
    assert len(wanted) == 7
    assert list(dead_links(site)) == []
    assert "80.0 → 60.0" in page.text


@pytest.mark.slow
def test_charts_of_many_results_and_variants_are_a_small_page(tmp_path):
    runs = []
    many = [
        metric(0.5 - place / 100, name, f"variant=culture_{place}")
        for place in range(16)
        for name in ("origin", "avg", "drop", "limem")
    ]
    steps = [metric(1 - k / 50, f"survival@{k}") for k in range(1, 31)]
    both = [metric(0.4, "both"), metric(0.6, "either")]
    for number in range(26):
        run = make_run(tmp_path / str(number), model=f"m{number}", problems=16, samples=4)
        with RunWriter(run.path) as writer:
            writer.write_metrics((*run.metrics(), *many, *steps, *both))
        runs.append(run.fresh_view())
    site = build_site(runs, tmp_path / "site").parent
    page = Page(site / "task" / "shopping" / "charts.html")
    assert len(page.tags) < 6_000
    assert len(page.path.read_bytes()) < 300_000
    assert "The first 7 of 24 results." in page.text
    assert len(Page(site / "task" / "shopping.html").tags) < 6_000
