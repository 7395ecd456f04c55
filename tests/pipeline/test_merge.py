"""Partial runs become one by the keys of their samples; what is excluded says why, everywhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from gate_runs import edited, imported, manifest, rows

from mathreason_eval import evaluate
from mathreason_eval.errors import DataError, RunError, UnknownNameError
from mathreason_eval.gate.config import Config
from mathreason_eval.gate.judging import Conclusion, judge
from mathreason_eval.pipeline.merge import ExclusionRequest, exclude, merge, only_task
from mathreason_eval.runs.completeness import exclusions, missing_samples
from mathreason_eval.runs.store import load_run
from mathreason_eval.site import build_site

GRADING = (1, 60.0)
TASK = "arithmetic"


def made(folder, *, tasks=(TASK,), samples=2, limit=4, **settings):
    evaluate(
        model="fake:echo", tasks=tasks, samples=samples, limit=limit, temperature=0.6,
        out=folder, **settings,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return made(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def others(tmp_path_factory, whole):
    """Runs that cannot be merged with the whole one, by what is different."""
    folder = tmp_path_factory.mktemp("others")
    return {
        "seed": made(folder / "seed", seed=7),
        "top_p": made(folder / "top_p", top_p=0.5),
        "max_tokens": made(folder / "max_tokens", max_tokens=7),
    }


def part(whole, out, keep):
    """A copy of a run with some of its samples, as of a machine that made those alone."""
    return edited(whole, out, lines("generations", keep), lines("verdicts", keep))


def lines(name, keep):
    """Keep some lines of a file of the task only."""

    def edit(run):
        path = run / TASK / f"{name}.jsonl"
        kept = [line for line in path.read_text().splitlines() if keep(json.loads(line))]
        path.write_text("".join(f"{line}\n" for line in kept))

    return edit


def samples_of(run, task=TASK):
    return sorted((one.problem_id, one.sample, one.text, one.key) for one in run.generations(task))


# fmt: off
PARTS = [
    # which samples each of two parts has; how many are in both
    (lambda row: row["sample"] == 0,              lambda row: row["sample"] == 1,   0),
    (lambda row: row["problem_id"].endswith("1"), lambda _: True,                   None),
    (lambda _: True,                              lambda _: True,                   8),
    (lambda row: row["sample"] == 0,              lambda row: row["sample"] == 0,   4),
]
# fmt: on


@pytest.mark.parametrize(("one", "other", "both"), PARTS)
def test_parts_become_the_run_that_one_machine_would_have_made(tmp_path, whole, one, other, both):
    folders = [part(whole, tmp_path / "a", one), part(whole, tmp_path / "b", other)]
    before = [samples_of(load_run(folder)) for folder in folders]
    found = merge(folders, tmp_path / "c", grading=GRADING)
    union = sorted({*before[0], *before[1]})
    assert samples_of(load_run(tmp_path / "c")) == union
    assert found.samples == len(union)
    assert found.repeated == len(before[0]) + len(before[1]) - len(union)
    if both is not None:
        assert found.repeated == both
    assert missing_samples(found.run, TASK) == 8 - len(union)
    assert (found.run.manifest.finished is None) == (len(union) < 8)
    assert [samples_of(load_run(folder)) for folder in folders] == before


def test_a_merged_run_is_judged_and_goes_on(tmp_path, whole):
    folders = [part(whole, tmp_path / name, lambda row, n=n: row["sample"] == n)
               for n, name in enumerate("ab")]  # fmt: skip
    run = merge(folders, tmp_path / "c", grading=GRADING).run
    complete = load_run(whole)
    assert list(run.metrics()) == list(complete.metrics())
    assert [one.outcome for one in run.verdicts(TASK)] == [
        one.outcome for one in complete.verdicts(TASK)
    ]
    made(tmp_path / "c", samples=3)
    assert len(load_run(tmp_path / "c").generations(TASK)) == 12
    assert run.manifest.totals.completion_tokens == complete.manifest.totals.completion_tokens


def test_tasks_and_problems_of_all_runs_are_there(tmp_path, whole):
    more = made(tmp_path / "more", limit=6)
    other = made(tmp_path / "other", tasks=("word-problems",), limit=2)
    run = merge([whole, other, more], tmp_path / "all", grading=GRADING).run
    assert run.tasks() == (TASK, "word-problems")
    assert [one.id for one in run.problems(TASK)] == [
        one.id for one in load_run(more).problems(TASK)
    ]
    assert run.manifest.tasks[TASK].problems == 6
    assert missing_samples(run, TASK) == missing_samples(run, "word-problems") == 0
    assert len(run.manifest.sessions) == 3


@pytest.mark.parametrize("name", ["seed", "top_p", "max_tokens"])
def test_other_conditions_are_refused_by_name(tmp_path, whole, others, name):
    with pytest.raises(RunError, match=f"other settings than .*{name} was .*, is "):
        merge([whole, others[name]], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def changed(name, field, value):
    def edit(run):
        path = run / TASK / f"{name}.jsonl"
        first, *rest = path.read_text().splitlines()
        row = {**json.loads(first), field: value}
        path.write_text("\n".join([json.dumps(row, sort_keys=True), *rest]) + "\n")

    return edit


def foreign(run):
    """A line of a run with another seed."""
    path = run / TASK / "generations.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    path.write_text(path.read_text() + json.dumps({**first, "key": "0" * 24, "sample": 1}) + "\n")


def swapped(run):
    """The key of another sample of the same problem."""
    path = run / TASK / "generations.jsonl"
    first, *rest = map(json.loads, path.read_text().splitlines())
    other = next(row for row in rest if row["problem_id"] == first["problem_id"])
    written = [{**first, "key": other["key"]}, *rest]
    path.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in written))


# fmt: off
CONFLICTS = [
    # what is changed in one of two copies; what the error says
    (changed("generations", "text", "other"),       "The text of '.*' sample . is one in"),
    (changed("generations", "finish_reason", "x"),  "The finish_reason of"),
    (changed("problems", "gold", ["7"]),            "The gold of '.*' is one in"),
    (foreign,                                       "made under other conditions"),
    (swapped,                                       "has the key of another sample"),
    (changed("generations", "key", None),           "made under other conditions"),
    (manifest(unkeyed=True),                        "do not say under which conditions"),
]
# fmt: on


@pytest.mark.parametrize(("edit", "told"), CONFLICTS)
def test_what_is_not_of_one_set_of_conditions_is_refused_and_nothing_written(
    tmp_path, whole, edit, told
):
    other = edited(whole, tmp_path / "b", edit)
    with pytest.raises(RunError, match=told):
        merge([whole, other], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def answered_by(name):
    """Say by which model the server called the sessions of a run were answered."""

    def edit(run):
        held = json.loads((run / "manifest.json").read_text())
        for session in held["sessions"]:
            session["answered_by"] = name
        (run / "manifest.json").write_text(json.dumps(held))

    return edit


# fmt: off
ANSWERING = [
    # what servers called the models of two runs, and whether they are one
    ("m-1", "m-1", True),
    ("m-1", None,  True),     # nothing was said
    ("m-1", "m-2", False),    # an alias has moved between them
]
# fmt: on


@pytest.mark.parametrize(("one", "other", "are_one"), ANSWERING)
def test_what_two_models_answered_is_no_run(tmp_path, whole, one, other, are_one):
    runs = [
        edited(whole, tmp_path / str(n), answered_by(name)) for n, name in enumerate((one, other))
    ]
    if are_one:
        assert merge(runs, tmp_path / "merged").samples == 8
        return
    with pytest.raises(RunError, match=r"m-1 answered .* and m-2"):
        merge(runs, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_seconds_are_no_conflict_and_the_first_run_with_most_problems_counts(tmp_path, whole):
    slow = edited(whole, tmp_path / "b", changed("generations", "seconds", 9.5))
    assert merge([whole, slow], tmp_path / "c", grading=GRADING).repeated == 8


def test_a_folder_with_a_run_and_an_import_are_refused(tmp_path, whole):
    with pytest.raises(RunError, match="already has a run"):
        merge([whole], whole)
    found = imported(tmp_path, rows("base", problems=3)) / "base"
    with pytest.raises(RunError, match="imports cannot be merged"):
        merge([found, found], tmp_path / "c")


# --- exclusions --------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path, whole):
    return edited(whole, tmp_path / "copy")


def without(folder, *problems, sample=None, reason="its gold is wrong", task=TASK):
    return exclude(
        folder, ExclusionRequest(task=task, problems=problems, sample=sample, reason=reason)
    )


def ids(folder):
    return [one.id for one in load_run(folder).problems(TASK)]


def test_excluded_samples_do_not_count_and_are_not_missing(copy):
    first, second, *_ = ids(copy)
    before = (copy / TASK / "generations.jsonl").read_bytes()
    run = without(copy, first)
    run = without(copy, second, sample=1, reason="the server was cut off")
    assert {(one.problem_id, one.sample) for one in run.generations(TASK)} == {
        (second, 0), *((name, n) for name in ids(copy)[2:] for n in (0, 1)),
    }  # fmt: skip
    assert len(run.verdicts(TASK)) == len(run.infos(TASK)) == len(list(run.stream(TASK))) == 5
    assert missing_samples(run, TASK) == 0
    assert next(one for one in run.metrics() if one.name == "avg").samples == 5
    assert list(exclusions(run, TASK, "it")) == [
        "3 of 8 samples of it are excluded: its gold is wrong (2), the server was cut off (1)"
    ]
    assert (copy / TASK / "generations.jsonl").read_bytes() == before
    assert [one.reason for one in run.exclusions(TASK)] == [
        "its gold is wrong", "the server was cut off",
    ]  # fmt: skip


def test_an_excluded_sample_is_not_asked_for_again(copy):
    first = ids(copy)[0]
    without(copy, first)
    lines_before = len((copy / TASK / "generations.jsonl").read_text().splitlines())
    made(copy, samples=3)
    stored = (copy / TASK / "generations.jsonl").read_text().splitlines()
    assert len(stored) == lines_before + 3
    assert load_run(copy).missing_count(TASK) == 0


def test_exclusions_survive_a_merge(tmp_path, whole, copy):
    without(copy, ids(copy)[0])
    run = merge([copy, whole], tmp_path / "c", grading=GRADING).run
    assert len(run.generations(TASK)) == 6
    assert len(run.exclusions(TASK)) == 1
    assert len(list(run.own(TASK))) == 8


# fmt: off
REFUSED = [
    # what is asked for, the error
    ({"problems": ("nobody",)},                   UnknownNameError, "no problem named 'nobody'"),
    ({"problems": ("P",), "sample": 2},           DataError,        "There is no sample 2"),
    ({"problems": ("P",), "task": "gsm8k"},       RunError,         "has no task 'gsm8k'"),
]
# fmt: on


@pytest.mark.parametrize(("asked", "kind", "told"), REFUSED)
def test_what_is_not_there_cannot_be_excluded(copy, asked, kind, told):
    names = tuple(ids(copy)[0] if name == "P" else name for name in asked["problems"])
    with pytest.raises(kind, match=told):
        without(copy, *names, **{k: v for k, v in asked.items() if k != "problems"})
    assert not (copy / TASK / "excluded.jsonl").exists()


def test_a_run_with_several_tasks_needs_a_name(tmp_path, whole):
    assert only_task(whole) == TASK
    both = made(tmp_path / "both", tasks=(TASK, "word-problems"), samples=1, limit=1)
    with pytest.raises(RunError, match="Name one with -t"):
        only_task(both)


# --- never silently ----------------------------------------------------------------------------


def test_a_gate_takes_what_one_run_alone_excludes_for_missing(whole, copy):
    without(copy, ids(copy)[0], reason="it failed")
    before, after = load_run(whole), load_run(copy)
    for pair in ((before, after), (after, before)):
        [task] = judge(*pair, Config()).tasks
        assert task.conclusion is Conclusion.NOT_COMPARABLE
        assert any("2 of 8 samples" in one and "it failed" in one for one in task.obstacles)
    [task] = judge(before, after, replace(Config(), allow=("missing",))).tasks
    assert task.conclusion is not Conclusion.NOT_COMPARABLE
    assert any("it failed" in note for note in task.notes)


def test_a_gate_says_what_both_runs_exclude(tmp_path, copy):
    without(copy, ids(copy)[0])
    other = tmp_path / "other"
    shutil.copytree(copy, other)
    [task] = judge(load_run(copy), load_run(other), Config()).tasks
    assert task.conclusion is not Conclusion.NOT_COMPARABLE
    assert any("of the baseline the same, are excluded: its gold is wrong (2)" in note
               for note in task.notes)  # fmt: skip


@pytest.mark.slow
def test_pages_and_screens_say_what_is_excluded(tmp_path, whole, copy, mathreason):
    without(copy, ids(copy)[0], reason="its <gold> is wrong")
    build_site([load_run(copy)], tmp_path / "site")
    pages = "".join(path.read_text() for path in (tmp_path / "site").rglob("*.html"))
    assert "2 samples are excluded from each ranked result: its &lt;gold&gt; is wrong" in pages
    assert "2 more samples are excluded: its &lt;gold&gt; is wrong" in pages
    build_site([load_run(whole), load_run(copy)], tmp_path / "both")
    data = json.loads((tmp_path / "both" / "index.json").read_text())
    assert "2 samples are excluded: its <gold> is wrong" in json.dumps(data)
    shown = mathreason("show", copy)
    assert "excluded  2 samples: its <gold> is wrong" in shown.out
    assert json.loads(mathreason("show", copy, "--json").out)["excluded"] == {
        TASK: {"its <gold> is wrong": 2}
    }
    compared = " ".join(mathreason("compare", whole, copy).out.split())
    assert "2 of 8 samples of copy are excluded: its <gold> is wrong (2)" in compared


def test_the_verbs_merge_and_exclude(tmp_path, whole, copy, mathreason):
    done = mathreason("merge", whole, copy, "-o", tmp_path / "c")
    assert (done.code, "8 samples of 2 runs, 8 of which several runs had" in done.err) == (0, True)
    done = mathreason("exclude", copy, "--problem", ids(copy)[0], "--reason", "why")
    assert (done.code, "excluded  2 samples: why" in done.out) == (0, True)
    assert mathreason("exclude", copy, "--problem", ids(copy)[0], "--reason", " ").code == 2
