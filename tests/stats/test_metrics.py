"""The table of metrics, and the metric that a task is ranked, compared and gated by."""

from __future__ import annotations

import json
import math
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import harmonic_mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import ENTRY, MANIFEST, changed, report_of
from site_pages import run_name

from mathreason_eval.compare.comparison import ComparisonRequest, compare
from mathreason_eval.compare.pairing import pair, task_run
from mathreason_eval.errors import UnknownNameError
from mathreason_eval.families import METRICS as OUR_FAMILIES
from mathreason_eval.families.procbench.grader import MEASURES
from mathreason_eval.families.processbench.metrics import first_error, linear_f1
from mathreason_eval.gate.config import Config
from mathreason_eval.gate.judging import judge
from mathreason_eval.grade.graders import GRADERS
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.site import build_site
from mathreason_eval.stats import metrics
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.stats.exact_tests import sign_flip
from mathreason_eval.stats.metrics import METRICS, find_metric
from mathreason_eval.stats.summary import PLAIN, problem_scores, summarize
from mathreason_eval.tasks import load_task
from mathreason_eval.types import Generation, Measure, Outcome, Problem, Verdict

# fmt: off
NAMES = [
    # as asked for     in the table     K    unit
    ("avg",            "avg",           1,   "share"),
    ("pass@8",         "pass@{k}",      8,   "share"),
    ("pass@1",         "pass@{k}",      1,   "share"),
    ("pass^16",        "pass^{k}",     16,   "share"),
    ("g-pass@4:0.75",  "g-pass@{k}:0.75", 4, "share"),
    ("mg-pass@32",     "mg-pass@{k}",  32,   "share"),
    ("tokens",         "tokens",        1,   "amount"),
    ("f1",             "f1",            1,   "share"),
    ("survival@3",     "survival@{k}",  3,   "share"),
    ("bayes",          "bayes",         1,   "share"),
    ("pml",            "pml",           1,   "amount"),
]
NO_NAMES = [
    # as asked for     nearest
    ("avrg",           "avg"),
    ("pass@0",         "pass@K"),
    ("pass@08",        "pass@K"),
    ("pass@",          "pass@K"),
    ("pass@4:0.5",     ""),
    ("maj@x",          "maj@K"),
    ("pa",             ""),
    ("",               ""),
]
# fmt: on


@pytest.mark.parametrize(("name", "within", "k", "unit"), NAMES)
def test_a_metric_is_found_by_its_name(name, within, k, unit):
    found = find_metric(name, MEASURES)
    assert (found.definition.name, found.k, found.definition.unit) == (within, k, unit)


def test_no_package_is_imported_for_a_metric_of_a_family_of_ours(monkeypatch):
    class Families(dict):
        def values(self):
            yield from super().values()
            pytest.fail("a package was imported")

    monkeypatch.setattr(metrics, "FAMILIES", Families(OUR_FAMILIES))
    assert find_metric("f1").k == find_metric("pa", MEASURES).k == 1


@pytest.mark.parametrize(("name", "nearest"), NO_NAMES)
def test_a_name_that_is_none_is_refused(name, nearest):
    with pytest.raises(UnknownNameError) as error:
        find_metric(name)
    assert nearest in error.value.hint


# --- the table serves the summary ------------------------------------------------------------


def world(n: int = 4, problems: int = 24):
    """Solutions of two splits with n samples each, and everything that a metric may need."""
    rng = random.Random(5)
    asked, made, judged = [], [], []
    for number in range(problems):
        one = Problem(
            id=f"p{number}", question=f"q{number % 20}", gold=(str(number % 3 - 1),),
            meta={"split": "gsm8k" if number % 2 else "math", "length": 3, "steps": 2},
        )  # fmt: skip
        asked.append(one)
        for sample in range(n):
            right = rng.random() < 0.6
            judged.append(Verdict(
                problem_id=one.id, sample=sample,
                outcome=Outcome.CORRECT if right else Outcome.WRONG,
                answer=one.gold[0] if right else "7", rule="", note="", score=float(right),
                measures={"pml": 1.0, "pa": rng.random(), "false_step": 0.0},
                second=Outcome.WRONG,
            ))  # fmt: skip
            made.append(Generation(
                problem_id=one.id, sample=sample, text="", finish_reason="stop",
                completion_tokens=rng.randint(1, 9), seconds=1.0, reward=rng.random(),
            ))  # fmt: skip
    return asked, made, judged


def test_every_metric_of_a_summary_stands_in_the_table_with_its_unit():
    report = report_of(
        *MEASURES, slices=("split",), macro="split",
        metrics=("bayes", "first-error", "strict", "survival"),
    )  # fmt: skip
    metrics = summarize("t", *world(), key=str, report=report)
    assert len({metric.name for metric in metrics}) > 45
    for metric in metrics:
        assert find_metric(metric.name, MEASURES).definition.unit is metric.unit, metric.name


def test_what_a_summary_says_is_the_mean_of_what_problems_score():
    asked, made, judged = world()
    items = items_of(asked, made, judged, str, cluster=None)
    report = report_of(*MEASURES, metrics=("first-error",))
    compared = 0
    for metric in summarize("t", asked, made, judged, key=str, report=report):
        found = find_metric(metric.name, MEASURES)
        if metric.slice == "all" and found.definition.has_scores:
            scores = problem_scores(items, found).values()
            assert np.mean([score.part for score in scores]) == pytest.approx(metric.value)
            compared += 1
    assert compared >= len(METRICS) - 16


def test_a_problem_with_fewer_samples_than_k_has_no_score():
    asked, made, judged = world()
    few = [one for one in judged if one.problem_id != "p0" or one.sample < 2]
    items = items_of(asked, made, few, str, cluster=None)
    assert "p0" in problem_scores(items, find_metric("pass@2"))
    assert "p0" not in problem_scores(items, find_metric("pass@3"))
    with pytest.raises(ValueError, match="No problem has a score 'pass@5'"):
        problem_scores(items, find_metric("pass@5"))


# --- F1 as a mean ----------------------------------------------------------------------------


def critic(hits: Sequence[tuple[str, str, float]]):
    """Return problems as (split, gold, share of samples that find the index)."""
    asked = [
        Problem(id=f"p{n}", question=f"q{n}", gold=(gold,), meta={"split": split})
        for n, (split, gold, _) in enumerate(hits)
    ]
    judged = [
        Verdict(
            problem_id=one.id, sample=0, answer=one.gold[0] if hit else "9", rule="", note="",
            outcome=Outcome.CORRECT if hit else Outcome.WRONG, score=float(bool(hit)),
        )
        for one, (_, _, hit) in zip(asked, hits, strict=True)
    ]  # fmt: skip
    return items_of(asked, [], judged, str, cluster=None)


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["-1", "2"]), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_the_parts_of_f1_have_its_mean(hits):
    items = critic(hits)
    line = linear_f1(items, [item.accuracy for item in items])
    parts = [part for part in line.parts if not math.isnan(part)]
    whole = [m for m in first_error("t", items) if (m.name, m.slice) == ("f1", "all")]
    assert bool(parts) == bool(whole)
    if whole:
        assert math.fsum(parts) / len(parts) == pytest.approx(whole[0].value, abs=1e-12)


def f1(hits: Sequence[tuple[str, str, float]]) -> float:
    """Return the mean over splits of the harmonic mean of both accuracies, by its definition."""
    found = defaultdict(list)
    for split, gold, hit in hits:
        found[split, gold].append(hit)
    return np.mean([harmonic_mean([np.mean(found[s, g]) for g in ("2", "-1")]) for s in "ab"])


@pytest.mark.slow
def test_the_error_of_the_parts_is_that_of_f1():
    rng = random.Random(3)
    hits = [
        (split, gold, rng.random() < (0.5 if gold == "2" else 0.8))
        for split in ("a", "b")
        for gold in ("2",) * 150 + ("-1",) * 100
    ]
    items = critic(hits)
    line = linear_f1(items, [item.accuracy for item in items])
    by_parts = np.std(line.parts, ddof=1) / math.sqrt(len(line.parts))
    (whole,) = [m for m in first_error("t", items) if (m.name, m.slice) == ("f1", "all")]
    assert by_parts == pytest.approx(whole.se, rel=0.02)
    assert f1(hits) == pytest.approx(whole.value)
    drawn = [f1(rng.choices(hits, k=len(hits))) for _ in range(400)]
    assert by_parts == pytest.approx(np.std(drawn), rel=0.15)


# --- the primary metric ----------------------------------------------------------------------


def stored(folder: Path, name: str, answer, primary: str | None = "f1"):
    """Write a run of ProcessBench whose answer to a gold at a place is `answer(gold, place)`."""
    asked = [
        Problem(
            id=f"{split}-{n}", question=f"{split} {n}", gold=("-1" if n % 5 < 3 else "2",),
            meta={"split": split, "source": f"{split}-{n}"},
        )
        for split in ("gsm8k", "math")
        for n in range(100)
    ]  # fmt: skip
    judged = []
    for place, one in enumerate(asked):
        said = answer(one.gold[0], place)
        outcome = Outcome.CORRECT if said == one.gold[0] else Outcome.WRONG
        judged.append(
            Verdict(problem_id=one.id, sample=0, outcome=outcome, answer=said, rule="", note="",
                    score=float(said == one.gold[0]))
        )  # fmt: skip
    made = [
        Generation(problem_id=one.id, sample=0, text=f"\\boxed{{{verdict.answer}}}")
        for one, verdict in zip(asked, judged, strict=True)
    ]
    entry = changed(
        ENTRY, problems=200, samples=1, grading__grade="step-index",
        report__slices=("split",), report__metrics=("first-error",), report__cluster="source",
        report__primary=primary,
    )  # fmt: skip
    manifest = changed(MANIFEST, model__name=name, finished=MANIFEST.started)
    rules = entry.report
    metrics = summarize("bench", asked, made, judged, key=str, report=replace(PLAIN, rules=rules))
    with RunWriter(folder / name) as writer:
        writer.write_manifest(replace(manifest, tasks={"bench": entry}))
        writer.write_problems("bench", asked)
        for one in made:
            writer.append("bench", one)
        writer.write_verdicts("bench", judged)
        writer.write_metrics(metrics)
    return load_run(folder / name)


def never_false(_: str, __: int) -> str:
    """Say of every solution that it is right: accuracy 60 %, F1 0."""
    return "-1"


def half(gold: str, place: int) -> str:
    """Find about half of either kind: accuracy 50 %, F1 50 %."""
    return gold if place % 2 else "7"


@pytest.fixture
def critics(tmp_path):
    return stored(tmp_path, "half", half), stored(tmp_path, "never", never_false)


def test_runs_are_compared_by_the_task_s_metric(critics):
    done = compare(critics, ComparisonRequest())
    (one,) = done.found
    assert (done.metric, one.whole.metric) == ("f1", "f1")
    assert (one.whole.before, one.whole.after) == (pytest.approx(0.5), 0.0)
    low, high = one.whole.difference.interval()
    assert -0.7 < low < -0.5 < high < -0.3
    assert one.whole.p < 1e-6
    assert {found.slice: round(found.after, 9) for found in one.slices} == {
        "split=gsm8k": 0.0, "split=math": 0.0,
    }  # fmt: skip
    # By the accuracy it would have been the better one.
    (by_accuracy,) = compare(critics, ComparisonRequest(metric="avg")).found
    assert by_accuracy.whole.difference.value == pytest.approx(0.1)


def test_a_critic_that_finds_nothing_is_a_regression(critics):
    judgement = judge(*critics, Config())
    (task,) = judgement.tasks
    assert (task.conclusion, task.label, task.after) == ("regression", "bench, f1", 0.0)
    # From nothing nothing can fall.
    assert judge(*critics[::-1], Config()).conclusion == "inconclusive"


def test_every_output_of_the_gate_names_the_metric(critics, mathreason, tmp_path):
    half, never = (run.path for run in critics)
    files = ["--junit", tmp_path / "gate.xml", "--summary", tmp_path / "gate.md", "--annotations"]
    screen = mathreason("gate", never, "--baseline", half, *files)
    assert " bench, f1 " in screen.out
    assert "::error title=bench%2C f1::" in screen.err
    assert "| bench, f1 | ✗ regression |" in (tmp_path / "gate.md").read_text()
    assert 'classname="bench" name="f1"' in (tmp_path / "gate.xml").read_text()


@pytest.mark.slow
def test_results_are_ranked_by_the_task_s_metric(critics, tmp_path):
    build_site(critics, tmp_path / "site")
    (task,) = json.loads((tmp_path / "site/index.json").read_text())["tasks"]
    assert task["metric"] == "f1"
    assert [(one["model"], one["rank"], one["leads"]) for one in task["results"]] == [
        ("half", [1, 1], True), ("never", [2, 2], False),
    ]  # fmt: skip
    assert [one["primary"]["name"] for one in task["results"]] == ["f1", "f1"]
    assert task["results"][1]["accuracy"]["value"] == pytest.approx(0.6)
    page = (tmp_path / "site/task/bench.html").read_text()
    assert "f1 with its 95 % interval" in page
    assert "f1 in per cent with its 95 % interval" in page


@pytest.mark.slow
def test_the_page_of_a_run_has_every_metric_of_every_slice(critics, tmp_path):
    build_site(critics, tmp_path / "site")
    site = tmp_path / "site"
    page = (site / "run" / f"{run_name(site, 'half')}.html").read_text().replace("<wbr>", "")
    groups = page.partition('<table class="metrics">')[2].partition("</table>")[0].split("<tbody>")
    shown = {
        (re.search(r'rowspan="\d+">(.*?)</th>', group)[1], name)
        for group in groups[1:]
        for name in re.findall(r"<td>(.*?)</td>", group)
    }
    assert shown == {(metric.slice, metric.name) for metric in critics[0].metrics()}
    assert {("all", "avg"), ("all", "f1"), ("split=math", "avg"), ("split=math", "f1")} <= shown


def test_folders_from_before_it_are_ranked_by_accuracy(tmp_path):
    runs = stored(tmp_path, "half", half, None), stored(tmp_path, "never", never_false, None)
    (one,) = compare(runs, ComparisonRequest()).found
    assert (one.whole.metric, one.whole.difference.value) == ("avg", pytest.approx(0.1))


def test_the_runs_that_have_it_say_by_what_those_without_are_compared(tmp_path):
    runs = stored(tmp_path, "half", half, None), stored(tmp_path, "never", never_false)
    assert compare(runs, ComparisonRequest()).metric == "f1"


def test_processbench_names_it():
    assert load_task("processbench").primary == "f1"
    assert load_task("gsm8k").primary == "avg"


UNFIT = [
    # primary       what is said
    ("tokens", "cannot be ranked by tokens"),
    ("truncated", "cannot be ranked by truncated"),
    ("ece", "cannot be ranked by ece"),
    ("mcnemar", "cannot be ranked by mcnemar"),
    ("f2", "There is no metric named 'f2'. Did you mean f1?"),
]


@pytest.mark.parametrize(("primary", "said"), UNFIT)
def test_a_task_that_nothing_can_be_ranked_by_is_refused(primary, said):
    checks = check_task(replace(load_task("arithmetic"), primary=primary))
    assert said in next(one.note for one in checks if not one.ok)
    assert all(one.ok for one in check_task(load_task("arithmetic")))


@pytest.mark.parametrize("name", ["avg", "pass@2"])
def test_a_measure_has_no_name_of_another_metric(monkeypatch, name):
    measures = (Measure(name=name, summary=""),)
    moody = replace(GRADERS["number"], measures=measures)
    monkeypatch.setitem(GRADERS._own, "number", moody)
    notes = [one.note for one in check_task(load_task("arithmetic"))]
    assert any(f"number measures {name}, which is" in note for note in notes)


@pytest.mark.slow
def test_the_plan_says_that_the_gate_compares_by_another(critics, mathreason):
    said = mathreason("plan", "--baseline", critics[0].path, "--detect", "20pp")
    assert "compares it by f1; this plan is for one with `metric: avg`" in said.out


# --- scores that are no shares of samples ----------------------------------------------------


def test_a_sample_without_an_answer_has_none_of_a_measure(tmp_path):
    """A run that leaves the hard problems unanswered is not compared on the others alone."""
    asked = [Problem(id=f"p{n}", question=f"q{n}", gold=("1",)) for n in range(20)]

    def run(name, answered):
        folder = tmp_path / name
        judged = [
            Verdict(problem_id=one.id, sample=0, outcome=Outcome.WRONG, answer="x", rule="",
                    note="", score=0.0, measures={"pa": 0.5})
            if n < answered
            else Verdict(problem_id=one.id, sample=0, outcome=Outcome.NO_ANSWER, rule="none",
                         note="", score=0.0)
            for n, one in enumerate(asked)
        ]  # fmt: skip
        entry = changed(ENTRY, grading__grade="states", problems=20, samples=1, report__slices=())
        with RunWriter(folder) as writer:
            writer.write_manifest(changed(MANIFEST, tasks={"sums": entry}))
            writer.write_problems("sums", asked)
            for one in asked:
                writer.append("sums", Generation(problem_id=one.id, sample=0, text=""))
            writer.write_verdicts("sums", judged)
        return task_run(load_run(folder), "sums")

    scores = pair(run("all", 20), run("half", 10)).scores("pa")
    assert len(scores.pairs) == 20
    assert np.mean([one.after for one in scores.pairs.values()]) == 0.25


@pytest.mark.parametrize("fall", [0.3, 0.04, 0.001])
def test_small_falls_of_a_measure_are_not_rounded_away(fall):
    found = sign_flip([Pair(before=0.6, after=0.6 - fall)] * 30)
    assert found.less == pytest.approx(2.0**-31, rel=1e-3)


def test_counted_samples_keep_their_own_steps():
    counted = [Pair(before=2 / 3, after=1 / 3, samples=(3, 3))] * 5
    assert sign_flip(counted).less == pytest.approx(1 / 64)


# --- two graders -----------------------------------------------------------------------------

# fmt: off
TWO_GRADERS = [
    # first           second             both   either disputed
    (Outcome.CORRECT, Outcome.CORRECT,   True,  True,  False),
    (Outcome.CORRECT, Outcome.WRONG,     False, True,  True),
    (Outcome.WRONG,   Outcome.CORRECT,   False, True,  True),
    (Outcome.WRONG,   Outcome.NO_ANSWER, False, False, False),
    (Outcome.CORRECT, None,              False, True,  False),
    (Outcome.WRONG,   None,              False, False, False),
]
# fmt: on


@pytest.mark.parametrize(("first", "second", "both", "either", "disputed"), TWO_GRADERS)
def test_what_two_graders_say(first, second, *, both, either, disputed):
    verdict = Verdict(
        problem_id="p", sample=0, outcome=first, second=second, rule="", note="", score=0.0
    )
    assert (metrics._both(verdict), metrics._either(verdict)) == (both, either)
    assert metrics.is_disputed(verdict) is disputed


def test_an_entry_point_that_is_no_function_is_no_family():
    with pytest.raises(TypeError, match="of type int"):
        metrics._family("x", 3)


def test_the_metrics_of_our_families_are_listed_beside_the_families():
    listed = metrics.metric_origins()
    assert {"avg", "f1", "drop", "strict", "first-error"} <= listed.keys()
    assert listed["f1"] == listed["first-error"] != listed["avg"]
