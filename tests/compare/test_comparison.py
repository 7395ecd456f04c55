"""`mathreason compare` as its user sees it: figures, exit codes, and what is on the screen."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
from manifests import entry_edit
from statsmodels.stats.contingency_tables import mcnemar

from mathreason_eval.compare.comparison import run_name
from mathreason_eval.compare.pairing import pair as paired
from mathreason_eval.compare.pairing import task_run
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.pipeline.importers.jsonl import import_jsonl
from mathreason_eval.runs.store import load_run
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems

TASK = "arithmetic"
HOSTILE = "[/x]\x1b[31m\u202e" + "{" * 1_000
# fmt: off
MODELS = {
    # model: chance to be right, samples per problem
    "base":  (0.5, 1),
    "twin":  (0.5, 1),
    "good":  (0.9, 1),
    "four":  (0.8, 4),
}
# fmt: on


def outputs(model):
    chance, samples = MODELS[model]
    rng = random.Random(model)
    for problem in load_problems(load_task(TASK), limit=60).problems:
        for _ in range(samples):
            gold = int(problem.gold[0])
            answer = gold if rng.random() < chance else gold + rng.randint(1, 3)
            said = f"\\boxed{{{answer}}}" if rng.random() < 0.9 else "No idea."
            yield {
                "id": problem.id,
                "model": model,
                "output": said,
                "completion_tokens": rng.randint(50, 90),
            }


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run a model, of the same sixty problems."""
    folder = tmp_path_factory.mktemp("runs")
    file = folder / "outputs.jsonl"
    rows = [row for model in MODELS for row in outputs(model)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_jsonl(file, load_task(TASK), folder, grading=(1, 5.0))
    return folder


@pytest.fixture
def call(mathreason):
    return partial(mathreason, "compare")


# --- exit codes ------------------------------------------------------------------------------


def manifest(**values):
    """An edit of what the manifest says of the task."""
    return entry_edit(TASK, **values)


def problems(change):
    """An edit of the problems, and of what belongs to those that are left."""

    def edit(run: Path) -> None:
        kept = change(lines(run / TASK / "problems.jsonl"))
        write(run / TASK / "problems.jsonl", kept)
        for name in ("generations.jsonl", "verdicts.jsonl"):
            ids = {row["id"] for row in kept}
            held = lines(run / TASK / name)
            write(run / TASK / name, [row for row in held if row["problem_id"] in ids])
        manifest(problems=len(kept))(run)

    return edit


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def asked_otherwise(rows):
    return [{**row, "question": "Something else?"} for row in rows]


def asked_changed(rows):
    return [{**rows[0], "gold": ["-7"]}, *rows[1:]]


def renamed(run: Path) -> None:
    path = run / "manifest.json"
    held = json.loads(path.read_text())
    held["tasks"] = {"gcd": held["tasks"].pop(TASK)}
    path.write_text(json.dumps(held))


def unjudged(run: Path) -> None:
    (run / TASK / "verdicts.jsonl").unlink()


def empty(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


def verdicts(change):
    """An edit of the second verdict."""

    def edit(run: Path) -> None:
        path = run / TASK / "verdicts.jsonl"
        held = lines(path)
        held[1] |= change(held[0])
        write(path, held)

    return edit


STRAY = verdicts(lambda _: {"problem_id": "x"})
TWICE = verdicts(lambda first: {"problem_id": first["problem_id"], "judged_output": None})
AGREED = {**asdict(DEFAULT), "percent": "sign"}
FORCE = ("--force",)
FEWER, ONE = problems(lambda rows: rows[:20]), problems(lambda rows: rows[:1])
OTHERS = problems(asked_otherwise)
# fmt: off
CODES = [
    # an edit of the other run         words                  code  what is said
    (None,                             (),                       0, "B − A"),
    (manifest(version=9),              (),                       4, "version 9, not 1."),
    (problems(asked_changed),          (),                       4, "1 problem has other contents"),
    (manifest(data__sha256="f" * 64),  (),                       0, "B − A"),
    (manifest(prompt__sha256="f" * 64), (), 4, "on arithmetic: prompt "),
    (manifest(grading__grader_version="0"), (), 4, "`mathreason regrade` judges"),
    (manifest(grading__convention=AGREED), (), 4, 'percent "sign", not "either"'),
    (manifest(grading__convention=AGREED), (), 4, "`mathreason regrade` judges"),
    (manifest(grading__convention=AGREED), FORCE, 0, "compared by force: arithm"),
    (FEWER,                            (),                       4, "20 problems asked, not 60"),
    (FEWER,                            (),                       4, "--force compares the 20 pro"),
    (OTHERS,                           (),                       4, "60 problems have other conte"),
    (OTHERS,                           FORCE,                    4, "share no problem of arithm"),
    (renamed,                          FORCE,                    4, "task: arithmetic and gcd."),
    (manifest(version=9),              FORCE,                    0, "compared by force: arithm"),
    (FEWER,                            FORCE,                    0, "40 of 60 problems have no"),
    (ONE,                              FORCE,                    0, "59 of 60 problems have no"),
    (unjudged,                         (),                       2, "has no verdicts of arithm"),
    (STRAY,                            (),                       2, "verdicts on 'x', which is"),
    (TWICE,                            (),                       2, "two verdicts on one sample"),
    (empty,                            (),                       2, "is not a run folder and"),
    (None,                             ("-t", "gsm8k"),          2, "There is no task in"),
    (None,                             ("-t", "arithmetic,gsm8k"),   2, "named 'gsm8k'"),
    (None,                             ("--metric", "pass@2"),   2, "with a score 'pass@2'"),
    (None,                             ("--metric", "beauty"),   2, "no metric named 'beauty'"),
    (None,                             ("--by", "operation"),    2, "Did you mean operations?"),
    (None,                             ("--metric", "tokens"),   0, "tokens, paired over the"),
    (None,                             ("--by", "largest"),      0, "Benjamini-Hochberg over"),
]
# fmt: on


@pytest.mark.parametrize("case", CODES)
def test_an_exit_code_and_a_sentence(call, runs, tmp_path, case):
    edit, words, code, said = case
    other = shutil.copytree(runs / "good", tmp_path / "good")
    if edit:
        edit(other)
    found, out, err = call(runs / "base", other, *words)
    assert found == code, err
    assert said in " ".join((out if code == 0 else err).split())
    assert code == 0 or out == ""


def test_one_run_is_compared_with_nothing(call, runs):
    code, _, err = call(runs / "base")
    assert (code, "Name at least two runs" in err) == (2, True)


# --- figures ---------------------------------------------------------------------------------


def read(call, *words):
    code, out, err = call(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_figures_are_those_of_the_runs_and_of_statsmodels(call, runs):
    [one] = read(call, runs / "base", runs / "good")["comparisons"]
    whole = one["whole"]
    averages = [
        metric.value
        for name in ("base", "good")
        for metric in load_run(runs / name).metrics()
        if (metric.name, metric.slice) == ("avg", "all")
    ]
    lost = sum(flip["lost"] for flip in one["flips"])
    gained = len(one["flips"]) - lost
    strict = mcnemar([[0, lost], [gained, 0]], exact=True).pvalue
    assert [whole["before"], whole["after"]] == pytest.approx(averages)
    assert whole["difference"] == pytest.approx((gained - lost) / 60)
    assert whole["difference"] == pytest.approx(averages[1] - averages[0])
    assert whole["test"] == "exact McNemar (mid-p)"
    assert 0 < whole["p"] < strict
    assert whole["p"] == whole["p_adjusted"]
    assert whole["low"] < whole["bootstrap_low"] < whole["difference"] < whole["bootstrap_high"]
    # The quantiles of Student's t with 59 degrees, at 0.975 and 0.8.
    assert whole["detectable"] == pytest.approx((2.001 + 0.8478) * whole["se"], rel=1e-3)


def test_the_clusters_that_one_run_knows_of_count_for_both(call, runs, tmp_path):
    for name in ("base", "good"):
        told = shutil.copytree(runs / name, tmp_path / name)
        manifest(report__cluster="operations")(told)
    known, unknown = tmp_path / "good", runs / "base"
    for pair in ((unknown, known), (known, unknown), (tmp_path / "base", known)):
        [one] = read(call, *pair)["comparisons"]
        assert one["whole"]["clusters"] == 3
    manifest(report__cluster="largest", report__primary="maj@1")(tmp_path / "good")
    [one] = read(call, tmp_path / "base", tmp_path / "good")["comparisons"]
    assert one["remarks"] == [
        "primary maj@1, not avg, which is used for both",
        "cluster largest, not operations, which is used for both",
    ]


def test_flips_have_their_texts_and_both_answers(call, runs):
    [one] = read(call, runs / "base", runs / "good")["comparisons"]
    asked = {problem.id: problem for problem in load_run(runs / "base").problems(TASK)}
    for flip in one["flips"]:
        problem = asked[flip["problem_id"]]
        right, wrong = ("before", "after") if flip["lost"] else ("after", "before")
        assert (flip["question"], tuple(flip["gold"])) == (problem.question, problem.gold)
        assert flip[right]["answers"] == list(problem.gold)
        assert flip[wrong]["outcomes"] != ["correct"]


def test_a_run_beside_itself_differs_by_nothing(call, runs):
    [one] = read(call, runs / "base", runs / "base")["comparisons"]
    whole = one["whole"]
    assert (whole["difference"], whole["p"], one["flips"]) == (0, 1, [])
    assert whole["low"] < 0 < whole["high"]


def test_p_values_are_adjusted_over_all_that_is_told(call, runs):
    told = read(call, *(runs / name for name in ("base", "twin", "good", "four")))["comparisons"]
    assert {one["whole"]["adjustment"] for one in told} == {"Holm over 3"}
    slices = [each for one in told for each in one["slices"]]
    assert {each["adjustment"] for each in slices} == {f"Benjamini-Hochberg over {len(slices)}"}
    assert all(each["p"] <= each["p_adjusted"] for one in told for each in one["slices"])
    assert all(one["whole"]["p"] <= one["whole"]["p_adjusted"] for one in told)
    assert told[0]["whole"]["p_adjusted"] > 0.05
    assert told[1]["whole"]["p_adjusted"] < 0.001


def test_several_samples_are_a_remark_and_shares(call, runs):
    [one] = read(call, runs / "base", runs / "four")["comparisons"]
    assert one["remarks"] == ["4 samples per problem, not 1"]
    assert one["whole"]["test"] == "exact sign flips and exchange (mid-p)"
    assert len(one["flips"][0]["after"]["answers"]) == 4
    assert one["tokens"]["low"] < one["tokens"]["difference"] < one["tokens"]["high"]


def test_slices_add_up_to_the_whole(call, runs):
    [one] = read(call, runs / "base", runs / "good", "--by", "operations")["comparisons"]
    assert sum(each["problems"] for each in one["slices"]) == one["whole"]["problems"] == 60
    gains = sum(each["problems"] * each["difference"] for each in one["slices"])
    assert gains == pytest.approx(60 * one["whole"]["difference"])


def test_a_task_that_only_one_run_holds_is_named(call, runs, tmp_path):
    other = shutil.copytree(runs / "good", tmp_path / "good")
    both = json.loads((other / "manifest.json").read_text())
    both["tasks"]["gcd"] = both["tasks"][TASK]
    (other / "manifest.json").write_text(json.dumps(both))
    assert read(call, runs / "base", other)["lacking"] == [{"run": "A", "task": "gcd"}]
    assert read(call, other, runs / "base")["lacking"] == [{"run": "B", "task": "gcd"}]
    assert "note: A does not have gcd" in call(runs / "base", other)[1]


def test_ranks_of_several_runs(call, runs):
    told = read(call, *(runs / name for name in ("base", "twin", "good")))
    [ranks] = told["ranks"]
    places = {place["run"]: place for place in ranks["places"]}
    assert ranks["problems"] == 60
    assert ranks["places"][0]["run"] == "C"
    assert places["C"]["leads"]
    assert [(places[name]["best"], places[name]["worst"]) for name in "AB"] == [(2, 3), (2, 3)]
    assert places["A"]["group"] == places["B"]["group"] == 2
    assert [run["model"]["name"] for run in told["runs"]] == ["base", "twin", "good"]


def test_runs_that_share_no_problem_all_together_have_no_ranks(call, runs, tmp_path):
    halves = []
    for name, half in ("twin", slice(30)), ("good", slice(30, None)):
        halves.append(tmp_path / name)
        shutil.copytree(runs / name, halves[-1])
        problems(lambda rows, half=half: rows[half])(halves[-1])
    told = read(call, runs / "base", *halves, "--force")
    assert (len(told["comparisons"]), told["ranks"]) == (2, [])


def test_another_sampling_is_a_note_and_the_same_is_none(runs, tmp_path):
    other = shutil.copytree(runs / "base", tmp_path / "warm")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["sampling"] |= {"temperature": 0.7}
    (other / "manifest.json").write_text(json.dumps(manifest))
    before, after = (task_run(load_run(run), TASK) for run in (runs / "base", other))
    assert paired(before, before).notes == ()
    assert [note.partition(",")[0] for note in paired(before, after).notes] == ["temperature 0.7"]


def test_answers_that_are_equal_share_a_class_however_they_are_spelled(runs, tmp_path):
    other = shutil.copytree(runs / "four", tmp_path / "four")
    rows = lines(other / TASK / "verdicts.jsonl")
    write(
        other / TASK / "verdicts.jsonl",
        [{**row, "answer": row["answer"] and row["answer"] + ".0" * (row["sample"] % 2)}
         for row in rows],
    )  # fmt: skip
    run, same = load_run(other), load_run(runs / "four")
    assert ballots(task_run(run, TASK)) == ballots(task_run(same, TASK))


def ballots(found):
    return {name: item.ballots for name, item in found.items.items()}


def test_a_comparison_of_averages_groups_no_answers(runs):
    """Importing what does takes as long as comparing a thousand problems."""
    code = (
        "import sys; from mathreason_eval.cli import verbs\n"
        f"verbs.main(['compare', {str(runs / 'base')!r}, {str(runs / 'four')!r}, '--force'],\n"
        "           standalone_mode=False)\n"
        "print([name for name in ('mathreason_eval.grade', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- the screen ------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("names", [("base", "good"), ("base", "twin", "good", "four")])
def test_tables_fit_and_numbers_are_whole(call, runs, monkeypatch, names, width):
    monkeypatch.chdir(runs)
    code, out, _ = call(*names, width=width)
    [row] = [line for line in out.splitlines() if line.split()[:1] == [TASK]][:1]
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "…" in row  # between the ends of the interval, and nowhere else
    assert row.count("…") == 1


def hostile(run: Path) -> None:
    """Write into a run what no screen should obey."""
    for name, key in (("problems.jsonl", "question"), ("verdicts.jsonl", "answer")):
        rows = lines(run / TASK / name)
        write(run / TASK / name, [{**row, key: HOSTILE} for row in rows])


def test_what_stands_in_a_run_is_shown_and_does_nothing(call, runs, tmp_path):
    for name in ("base", "good"):
        hostile(shutil.copytree(runs / name, tmp_path / name))
    code, out, _ = call(tmp_path / "base", tmp_path / "good")
    assert code == 0
    assert "[/x]⟨U+001B⟩[31" in out
    assert not {"\x1b", "\u202e"} & set(out)
    assert "{" * 100 not in out


def test_a_run_has_a_name_however_many_there_are():
    assert [run_name(place) for place in (0, 1, 25, 26)] == ["A", "B", "Z", "R27"]


HEAVY = {"torch", "sympy", "pandas", "statsmodels", "jinja2", "vllm"}
# fmt: off
IMPORTS = [
    (("--help",),      HEAVY | {"numpy", "scipy", "rich", "yaml"}),
    (("base", "good"), HEAVY),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("words", "unwanted"), IMPORTS)
def test_it_imports_little(runs, words, unwanted):
    script = (
        "import sys; from mathreason_eval.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "compare", *words],
        capture_output=True, text=True, check=True, timeout=60, cwd=runs,
    )  # fmt: skip
    imported = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "click" in imported
    assert not imported & unwanted
