"""Nothing that was stored of a run goes missing without a word, whoever reads it."""

from __future__ import annotations

import json
import shutil
import tracemalloc

import pytest

from mathreason_eval.models import open_model
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.completeness import (
    check_stored,
    faults,
    gaps,
    missing_samples,
    task_metrics,
    unjudged_samples,
)
from mathreason_eval.runs.store import load_run
from mathreason_eval.text.limits import MAX_SAMPLES

pytestmark = pytest.mark.slow
TASK, PROBLEMS, SAMPLES = "gsm8k", 4, 2


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A run of four problems, twice each, one of which is solved."""
    folder = tmp_path_factory.mktemp("runs")
    rows = [{"id": f"p{i}", "question": f"{i}+1?", "gold": str(i)} for i in range(PROBLEMS)]
    (folder / "gsm8k.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = RunSpec(
        tasks=(TASK,), data={TASK: (str(folder / "gsm8k.jsonl"),)}, samples=SAMPLES,
        temperature=0.6,
    )  # fmt: skip
    run_tasks(spec, lambda: open_model("fake:answer=1", {}), folder / "base")
    return folder / "base"


@pytest.fixture
def folder(base, tmp_path):
    return shutil.copytree(base, tmp_path / "run")


def deleted(*names):
    def edit(folder):
        for name in names:
            (folder / name).unlink()

    return edit


def without_line(name, number):
    def edit(folder):
        lines = (folder / TASK / name).read_text().splitlines(keepends=True)
        (folder / TASK / name).write_text("".join(lines[: number - 1] + lines[number:]))

    return edit


def replaced(name, old, new):
    def edit(folder):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return edit


def doubled(folder):
    path = folder / TASK / "verdicts.jsonl"
    rows = [{**json.loads(row), "judged_output": None} for row in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in (*rows, rows[0])))


P, G, V, PROMPTS = (f"{TASK}/{one}.jsonl" for one in
                    ("problems", "generations", "verdicts", "prompts"))  # fmt: skip
# fmt: off
BROKEN = [
    # what is done to a folder; what every verb says with 2, and `gate` with 4
    (deleted(P),                          "problems.jsonl has 0 of 4 problems"),
    (without_line("problems.jsonl", 2),   "problems.jsonl has 3 of 4 problems"),
    (replaced(P, '"p1"', '"p9"'),         "problems.jsonl lacks 'p1', of which there are samples"),
    (deleted(G),                          ("generations.jsonl has no sample, and verdicts.jsonl has"
                                          " 8 verdicts")),
    (without_line("generations.jsonl", 2), ("verdicts.jsonl has verdicts on samples that are not in"
                                          " generations.jsonl")),
    (replaced(V, '"p1"', '"p9"'),         ("verdicts.jsonl has verdicts on 'p9', which is not in"
                                          " problems.jsonl")),
    (doubled,                             "verdicts.jsonl has two verdicts on one sample of 'p0'"),
    (deleted(PROMPTS),                    "prompts.jsonl is missing"),
]
# fmt: on


@pytest.mark.parametrize(("edit", "says"), BROKEN)
def test_what_is_gone_is_an_error_of_every_verb_that_names_the_file(
    base, folder, mathreason, edit, says
):
    edit(folder)
    for words in (
        ("show", folder), ("show", folder, "--json"), ("compare", base, folder),
        ("compare", folder, base), ("plan", "--baseline", folder, "--detect", "2pp"),
        ("show", folder, "--memorisation", folder.parent / "rows.jsonl"),
    ):  # fmt: skip
        code, out, err = mathreason(*words, width=1000)
        assert (code, out) == (2, ""), words
        assert says in err, words
    for words in ((folder, "--baseline", base), (base, "--baseline", folder)):
        code, out, err = mathreason("gate", *words, width=1000)
        assert (code, says in out + err) == (2 if "prompts" in says else 4, True)


# fmt: off
LESS = [
    # what is done; samples that are not judged, that are missing; why metrics are left out
    (deleted(V),                           8, 0, "is of 8 samples, and none is judged"),
    (without_line("verdicts.jsonl", 2),    1, 0, "is of 8 samples, and 7 count"),
    (deleted("metrics.json"),              0, 0, "has none of 8 judged samples"),
    (replaced(V, '"outcome":"wrong"', '"outcome":"correct"'), 0, 0, "does not agree with the verd"),
    (replaced("metrics.json", '"value": 0.25', '"value": 0.5'), 0, 0, "does not agree with the ve"),
    (deleted(V, G),                        0, 8, "is of 8 samples, and none is stored"),
    (deleted(V, G, "metrics.json"),        0, 8, None),
    (lambda folder: None,                  0, 0, None),
    (replaced("manifest.json", '"samples": 2', '"samples": 3'), 0, 4, None),
]
# fmt: on


@pytest.mark.parametrize(("edit", "unjudged", "missing", "outdated"), LESS)
def test_what_does_not_count_is_said(folder, mathreason, edit, unjudged, missing, outdated):
    edit(folder)
    code, out, _ = mathreason("show", folder, width=1000)
    assert code == 0
    assert (f"unjudged  {unjudged} sample" in out) == (unjudged > 0)
    assert (f"missing   {missing} of" in out) == (missing > 0)
    assert ("metrics   left out" in out) == (outdated is not None)
    assert outdated is None or outdated in out
    said = json.loads(mathreason("show", folder, "--json")[1])
    assert (said["unjudged"], said["missing"]) == ({TASK: unjudged}, {TASK: missing})
    assert bool(said["metrics"]) == (outdated is None and missing < PROBLEMS * SAMPLES)
    assert outdated is None or outdated in said["metrics_outdated"][TASK]


def test_a_comparison_and_a_plan_say_what_they_leave_out(base, folder, mathreason):
    without_line("verdicts.jsonl", 2)(folder)
    told = f"1 sample of run is not judged; `mathreason regrade {folder}` judges it"
    for first, second in ((base, folder), (folder, base)):
        [one] = json.loads(mathreason("compare", first, second, "--json")[1])["comparisons"]
        assert told in one["remarks"]
    assert not any("judged" in remark for remark in json.loads(
        mathreason("compare", base, base, "--json")[1])["comparisons"][0]["remarks"])  # fmt: skip
    code, _, err = mathreason("plan", "--baseline", folder, "--detect", "2pp", width=1000)
    assert (code, "1 sample of" in err, "is not judged" in err) == (0, True, True)
    code, out, _ = mathreason("gate", folder, "--baseline", base, width=1000)
    assert (code, "1 sample of the run is not judged" in out) == (4, True)


def test_regrade_makes_what_is_derived_and_nothing_of_what_is_gone(base, folder, mathreason):
    deleted(V, "metrics.json")(folder)
    assert mathreason("regrade", folder)[0] == 0
    first, second = (load_run(path) for path in (base, folder))
    assert first.verdicts(TASK) == second.verdicts(TASK)
    assert task_metrics(second, TASK) == task_metrics(first, TASK)
    verdicts = (folder / V).read_bytes()
    for edit, says in ((deleted(G), "has no sample"), (deleted(P), "0 of 4 problems")):
        edit(folder)
        code, _, err = mathreason("regrade", folder, width=1000)
        assert (code, says in err) == (2, True)
        assert (folder / V).read_bytes() == verdicts


def test_a_whole_run_has_neither_gaps_nor_faults(base):
    run = load_run(base)
    check_stored(run, TASK)
    assert not [*faults(run, TASK), *gaps(run, TASK, "it")]
    assert unjudged_samples(run, TASK) == 0
    assert task_metrics(run, TASK).metrics == run.metrics()


def test_a_manifest_that_asks_for_very_many_samples_takes_no_memory(base, folder):
    replaced("manifest.json", '"samples": 2', '"samples": 10000')(folder)
    run = load_run(folder)
    run.infos(TASK)
    tracemalloc.start()
    try:
        assert missing_samples(run, TASK) == PROBLEMS * (MAX_SAMPLES - SAMPLES)
        assert not run.failures(TASK)
        assert next(run.missing(TASK)) == ("p0", SAMPLES)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
