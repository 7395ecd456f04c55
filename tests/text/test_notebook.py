"""What a notebook displays of runs, verdicts and metrics: their figures, and nothing as markup."""

from __future__ import annotations

import pytest
from site_runs import make_run

from mathreason_eval.text.notebook import html_table
from mathreason_eval.types import Outcome, Records, Verdict


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    attack = "vllm:<script>alert(1)</script>"
    return make_run(tmp_path_factory.mktemp("run"), model=attack, problems=9)


def test_a_run_has_its_model_and_its_accuracy(run):
    shown = run._repr_html_()
    assert "vllm:&lt;script&gt;alert(1)&lt;/script&gt;: shopping; finished" in shown
    average = next(m for m in run.metrics() if m.name == "avg" and m.slice == "all")
    assert f"{100 * average.value:.1f} %" in shown
    assert "<script" not in shown


def test_metrics_have_their_intervals(run):
    first = run.metrics()[0]
    interval = f"{100 * first.low:.1f} % – {100 * first.high:.1f} %"
    assert interval in first._repr_html_()
    assert interval in run.metrics()._repr_html_()


def test_a_verdict_has_its_reason():
    verdict = Verdict(
        problem_id="p<b>", sample=3, outcome=Outcome.WRONG, rule="number", note="2 ≠ 3", score=0.0
    )
    shown = verdict._repr_html_()
    assert "p&lt;b&gt;, sample 3" in shown
    assert "<td>wrong</td><td></td>" in shown
    assert "2 ≠ 3" in shown


def test_other_records_have_their_fields(run):
    assert "problem_id" in Records(run.verdicts("shopping"))._repr_html_()
    assert "0 records" in Records(())._repr_html_()


# fmt: off
CELLS = [
    # value         cell
    (None,          ""),
    (0.123456,      "0.1235"),
    ("<b>",         "&lt;b&gt;"),
    ("\u202e\ud800", "⟨U+202E⟩⟨U+D800⟩"),
    ("x" * 900,     "x" * 400 + "…"),
]
# fmt: on


@pytest.mark.parametrize(("value", "cell"), CELLS)
def test_a_cell_is_text(value, cell):
    assert f"<td>{cell}</td>" in html_table("c", ["h"], [[value]])


def test_a_table_says_that_it_is_cut():
    assert html_table("c", ["h"], [[1]] * 61).count("<tr>") == 61
    assert "The first 60 rows" in html_table("c", ["h"], [[1]] * 61)
    assert "The first" not in html_table("c", ["h"], [[1]] * 60)
