"""A score by budget is what a run with that max_tokens would have had, for what ended."""

from __future__ import annotations

import json

import pytest
from gate_runs import edited

from mathreason_eval import evaluate, load_run
from mathreason_eval.compare.budget import BudgetSamples, budget_curves, score_within
from mathreason_eval.errors import RunError, UnknownNameError
from mathreason_eval.site.curves import curves_svg
from mathreason_eval.types import Outcome

TEXTS = ["\\\\boxed{4}", "one two three \\\\boxed{4}", "a b c d e f g h i j \\\\boxed{4}",
         "a b c d e f \\\\boxed{5}"]  # fmt: skip


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    root = tmp_path_factory.mktemp("budget")
    (root / "rules.yaml").write_text("- text: [" + ", ".join(f'"{t}"' for t in TEXTS) + "]\n")
    (root / "rows.jsonl").write_text(
        "".join(json.dumps({"id": f"p{n}", "question": "2 + 2?", "gold": "4"}) + "\n"
                for n in range(12))
    )  # fmt: skip

    def go(name, **settings):
        return evaluate(
            model=f"fake:{root / 'rules.yaml'}", tasks="gsm8k", samples=6,
            out=root / name, **{"data": {"gsm8k": root / "rows.jsonl"}, **settings},
        )  # fmt: skip

    return go


@pytest.fixture(scope="module")
def run(setting):
    return setting("whole")


def avg(run):
    return next(one for one in run.metrics() if (one.name, one.slice) == ("avg", "all"))


def test_at_the_run_s_own_budget_the_score_is_the_run_s(run):
    (curve,) = budget_curves([run])
    assert (curve.of, curve.task) == ("max_tokens", "gsm8k")
    last, whole = curve.points[-1], avg(run)
    assert last.step == run.manifest.tasks["gsm8k"].max_tokens
    assert (last.metric.value, last.metric.low, last.metric.high) == pytest.approx(
        (whole.value, whole.low, whole.high)
    )


def test_each_budget_counts_what_ended_within_it(run):
    (curve,) = budget_curves([run])
    infos, verdicts = run.distinct_infos("gsm8k"), run.verdicts("gsm8k")
    assert [point.step for point in curve.points] == [1, 2, 4, 8, 1024]
    for point in curve.points:
        right = [
            (one.outcome is Outcome.CORRECT)
            * (infos[one.problem_id, one.sample].completion_tokens <= point.step)
            for one in verdicts
        ]
        assert point.metric.value == pytest.approx(sum(right) / len(right))
    values = [point.metric.value for point in curve.points]
    assert values == sorted(values)
    assert len(set(values)) > 2
    assert "% of the samples end" in curve.points[0].notes[0]


def test_runs_are_lines_of_one_panel(run):
    drawn = curves_svg(budget_curves([run, run]))
    assert drawn.count("<polyline") == 2
    assert ">max_tokens</text>" in drawn
    assert ">step</text>" not in drawn


def test_tokens_that_nobody_counted_are_no_budget(run, tmp_path):
    copy = edited(run.path, tmp_path / "copy")
    path = copy / "gsm8k" / "generations.jsonl"
    first, *rest = path.read_text().splitlines()
    row = {**json.loads(first), "completion_tokens": None}
    path.write_text("\n".join([json.dumps(row), *rest]) + "\n")
    with pytest.raises(RunError, match="tokens of 1 samples are not known"):
        budget_curves([load_run(copy)])


def test_a_task_that_no_run_has_is_named(run):
    with pytest.raises(UnknownNameError, match="gsmk"):
        budget_curves([run], ["gsmk"])


def test_the_command_prints_and_draws_it(mathreason, run, tmp_path):
    said = mathreason("curve", run.path, "--budget", "-o", tmp_path / "b.svg")
    assert (said.code, "max_tokens" in said.out) == (0, True)
    assert "<svg" in (tmp_path / "b.svg").read_text()
    told = json.loads(mathreason("curve", run.path, "--budget", "--json").out)
    assert [one["of"] for one in told] == ["max_tokens"]
    for words in (["--metric", "maj@4"], ["--pattern", "(x)"]):
        assert mathreason("curve", run.path, "--budget", *words).code == 2


def test_partial_credit_is_not_correct():
    rows = [(0, 10, False), (0, 20, True), (1, 30, True), (1, 40, False)]
    samples = BudgetSamples.from_rows(rows, ["a", "b"])
    values = [score_within("t", samples, budget).value for budget in (5, 20, 30, 99)]
    assert values == [0, 0.25, 0.5, 0.5]


def test_a_problem_and_its_variants_are_one_cluster(setting, tmp_path):
    """Ten copies of a problem are no more evidence than one."""
    rows = tmp_path / "rows.jsonl"

    def widths(origin):
        rows.write_text("".join(
            json.dumps({"id": f"p{n}", "question": "2 + 2?", "gold": "4", "variant": "x"[: n],
                        "origin": origin if n else None}) + "\n"
            for n in range(12)
        ))  # fmt: skip
        found = setting(f"clusters {origin}", data={"gsm8k": rows})
        last = budget_curves([found])[0].points[-1].metric
        whole = avg(found)
        assert (last.low, last.high) == pytest.approx((whole.low, whole.high))
        return last.high - last.low

    assert widths("p0") > widths(None)
