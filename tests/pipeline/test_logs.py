"""Logs of other programs: what each says is what its run has, and nothing else."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import stat
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import foreign_logs as logs
import pytest
from project import often

from mathreason_eval.errors import DataError, MissingExtraError, RunError, UserError
from mathreason_eval.pipeline.importers import IMPORTERS
from mathreason_eval.pipeline.importers.combined import LogOptions, import_logs, plan_logs
from mathreason_eval.pipeline.importers.files import Budget
from mathreason_eval.pipeline.importers.formats import FORMATS
from mathreason_eval.pipeline.importers.known_tasks import our_task
from mathreason_eval.pipeline.importers.logs import answer_of, name_of, stated
from mathreason_eval.pipeline.importers.matching import Questions, without_shots
from mathreason_eval.pipeline.importers.publisher import Cause, report
from mathreason_eval.runs.codec import as_document
from mathreason_eval.runs.store import find_runs, load_run
from mathreason_eval.tasks import load_task, task_names
from mathreason_eval.types import Outcome, Problem

GRADING = (1, 5.0)
RIGHT, WRONG, NO_GOLD = Outcome.CORRECT, Outcome.WRONG, Outcome.UNGRADABLE


def imported(path, out, **options):
    form = options.pop("form", None)
    return import_logs([path], out, LogOptions(grading=GRADING, **options), form)


class Kept(NamedTuple):
    """What becomes of a log of `foreign_logs`."""

    program: str
    task: str
    model: str
    outcomes: list
    labels: list
    reason: str | None = None
    temperature: float | None = None


MODEL, HERE = logs.MODEL, "logs"
BOTH, SAID = [RIGHT, WRONG] * 2, [True, False] * 2
# fmt: off
FORMS = [
    (logs.lm_eval, "lm-eval",
     Kept("lm-eval 0.4.9", " of gsm8k", MODEL, BOTH, [True, None] * 2, None, 0.0)),
    (logs.lighteval, "lighteval",
     Kept("lighteval 0.12.0", " of gsm8k", MODEL, [RIGHT, WRONG], [True, False], None, 0.6)),
    (logs.inspect_zip, "inspect",
     Kept("Inspect 0.3.150", " of gsm8k", MODEL, BOTH, SAID, "stop", 0.6)),
    (logs.inspect_json, "inspect",
     Kept("Inspect 0.3.150", " of gsm8k", MODEL, BOTH, SAID, "stop", 0.6)),
    (logs.evalscope, "evalscope",
     Kept("evalscope", " of gsm8k", MODEL, BOTH[::-1], SAID[::-1], "stop")),
    (logs.opencompass, "opencompass", Kept("OpenCompass", " of gsm8k", "model-7b", BOTH, SAID)),
    (logs.nemo_skills, "nemo-skills",
     Kept("NeMo-Skills", " of gsm8k", HERE, sorted(BOTH), sorted(SAID)[::-1], "stop")),
    (logs.nemo_evaluator, "nemo-evaluator",
     Kept("NeMo Evaluator 0.3.0", " of gsm8k", MODEL, BOTH, SAID, "stop", 0.6)),
    (logs.matharena, "matharena", Kept("MathArena", " of gsm8k", MODEL, BOTH, SAID)),
    (logs.every_eval_ever, "every-eval-ever",
     Kept("Every Eval Ever 0.3.0", " of gsm8k", MODEL, [RIGHT, WRONG], [True, False])),
    (logs.openai_batch, "openai-batch",
     Kept("OpenAI batch", "", MODEL, [NO_GOLD] * 3, [None] * 3, "stop", 0.6)),
    (logs.verl, "verl", Kept("verl", "", f"{HERE}@step-100", BOTH, SAID)),
    (logs.trl, "trl", Kept("TRL", "", f"{HERE}@step-100", [NO_GOLD] * 4, SAID)),
    (logs.verifiers, "verifiers",
     Kept("verifiers 0.1.14", " of gsm8k", MODEL, BOTH, SAID, "stop", 0.6)),
    (logs.verifiers_traces, "verifiers",
     Kept("verifiers 0.4.0", " of gsm8k", MODEL, BOTH, SAID, "stop", 0.6)),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("write", "form", "kept"), FORMS)
def test_a_folder_is_recognised_and_its_rows_are_samples(tmp_path, write, form, kept):
    done = imported(write(tmp_path / HERE), tmp_path / "runs")
    run = done.runs[0].run
    [task] = run.tasks()
    samples = run.manifest.tasks[task].samples
    assert samples == -(-len(kept.outcomes) // 2)
    assert done.said[0] == (
        f"{kept.program} samples{kept.task}, model {kept.model}, 2 problems x {samples}"
    )
    stored = {(one.problem_id, one.sample): one for one in run.generations(task)}
    assert [one.label for one in stored.values()] == kept.labels
    verdicts = {(one.problem_id, one.sample): one.outcome for one in run.verdicts(task)}
    assert [verdicts[key] for key in stored] == kept.outcomes
    assert {one.finish_reason for one in stored.values()} == {kept.reason}
    assert run.manifest.sampling.temperature == kept.temperature
    assert run.manifest.model.details["harness"] == form
    # Examples and instructions around a question may be left, as long as it is there.
    texts = [one.question for one in run.problems(task)]
    assert all(any(question in text for text in texts) for question in logs.QUESTIONS)
    # The run is an ordinary one.
    assert load_run(run.path).metrics() == run.metrics()


def test_every_format_is_an_importer_and_has_a_fixture():
    assert set(FORMATS) < set(IMPORTERS)
    assert {form for _, form, _ in FORMS} == set(FORMATS)


@pytest.mark.parametrize(("write", "form"), [row[:2] for row in FORMS])
def test_no_other_format_takes_a_log_for_its_own(tmp_path, write, form):
    folder = write(tmp_path / "logs")
    for name, other in FORMATS.items():
        if name != form:
            with pytest.raises(DataError, match="holds no log of"):
                imported(folder, tmp_path / "runs", form=other)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_said_to_be_of_another_format_is_no_crash(tmp_path, form):
    for write, own, _ in FORMS:
        if own == form:
            continue
        folder = write(tmp_path / write.__name__)
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            with contextlib.suppress(DataError):
                plan_logs([path], tmp_path / "runs", LogOptions(), FORMATS[form])


# --- what is kept ----------------------------------------------------------------------------


def test_every_verdict_of_the_publisher_is_kept_by_its_name(tmp_path):
    run = imported(logs.lm_eval(tmp_path / "logs"), tmp_path / "runs").runs[0].run
    kept = {(one.problem_id, one.sample): dict(one.verdicts) for one in run.published("gsm8k")}
    said = {"exact_match,flexible-extract": True, "exact_match,strict-match": False}
    # lm-eval's verdict is on the first response alone.
    assert kept == {("gsm8k-0", 0): said, ("gsm8k-1", 0): said}


def test_what_an_environment_counts_is_no_verdict_on_a_rollout(tmp_path):
    [done] = imported(logs.verifiers(tmp_path / "logs"), tmp_path / "runs").runs
    assert {name for one in done.run.published("gsm8k") for name in one.verdicts} == {
        "reward",
        "correct_answer",
    }
    [sample, *_] = done.run.generations("gsm8k")
    assert (sample.prompt_tokens, sample.completion_tokens, sample.seconds) == (20, 9, 0.9)


# fmt: off
ANSWERS = [
    # writer; what the program took for the answer, of all its samples: None if it does not say
    (logs.lm_eval, {"16", "35"}), (logs.inspect_zip, {"…"}), (logs.evalscope, {"…"}),
    (logs.nemo_skills, {"…"}), (logs.nemo_evaluator, {"…"}), (logs.matharena, {"…"}),
    (logs.every_eval_ever, {"…"}), (logs.verifiers, {None}), (logs.lighteval, {None}),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("write", "wanted"), ANSWERS)
def test_what_the_publisher_took_for_the_answer_is_kept(tmp_path, write, wanted):
    run = imported(write(tmp_path / "logs"), tmp_path / "runs").runs[0].run
    assert {one.answer for one in run.published("gsm8k")} == wanted


# fmt: off
TAKEN = [
    # what a log has, the output; what was taken for the answer
    ("7",           "So 7", "7"),
    (7,             "So 7", "7"),
    (["7"],         "So 7", "7"),
    ("",            "So 7", ""),      # it found none
    (None,          "So 7", None),    # it does not say
    ("So 7",        "So 7", None),    # nothing was taken out
    (["7", "8"],    "So 7", None),
    (True,          "So 7", None),
    ({"a": 7},      "So 7", None),
    ("7" * 1001,    "So 7", None),
    (10 ** 5000,    "So 7", None),
]
# fmt: on


@pytest.mark.parametrize(("value", "output", "wanted"), TAKEN, ids=range(len(TAKEN)))
def test_an_answer_that_was_taken_is_a_short_text(value, output, wanted):
    assert answer_of(value, output) == wanted


def test_requests_that_failed_at_nemo_evaluator_are_missing_and_failed_scorers_say_nothing(
    tmp_path,
):
    folder = logs.nemo_evaluator(tmp_path / "logs")
    path = folder / "gsm8k" / "results.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    failure = {"error": "HTTP 400", "error_category": "infra_error", "method": "infra_error"}
    rows[0] = {**rows[0], "reward": 0.0, "model_response": "", "scoring_details": failure}
    rows[2] = {**rows[2], "reward": 0.0, "scoring_details": failure}
    logs.write_lines(path, rows)
    [done] = imported(folder, tmp_path / "runs").runs
    assert [one.reason for one in done.unusable] == ["ended in an error: HTTP 400"]
    assert [one.generation.label for one in done.run.samples("gsm8k")] == [False, None, False]
    assert {one.generation.completion_tokens for one in done.run.samples("gsm8k")} == {20}


def test_the_manifest_has_program_version_hashes_and_settings_and_no_secret(tmp_path):
    run = imported(logs.lm_eval(tmp_path / "logs"), tmp_path / "runs").runs[0].run
    details = run.manifest.model.details
    assert (details["harness"], details["harness_version"]) == ("lm-eval", "0.4.9")
    assert [len(digest) for digest in details["files"].values()] == [64, 64]
    assert details["settings"]["gsm8k"]["shots"] == 5
    assert run.manifest.tasks["gsm8k"].max_tokens == 256
    assert "sk-0123" not in (run.path / "manifest.json").read_text()


def test_a_request_that_failed_is_missing_and_never_a_sample(tmp_path):
    [done] = imported(logs.openai_batch(tmp_path / "logs"), tmp_path / "runs").runs
    assert len(done.run.generations("imported")) == 3
    assert [row.reason for row in done.unusable] == ["ended in an error: expired"]
    assert done.run.manifest.tasks["imported"].samples == 2


def test_without_golds_all_is_ungradable_and_rewards_stay(tmp_path):
    done = imported(logs.trl(tmp_path / "logs"), tmp_path / "runs")
    [one] = done.runs
    assert {verdict.rule for verdict in one.run.verdicts("imported")} == {"no_gold"}
    assert [sample.reward for sample in one.run.generations("imported")] == [1.0, 0.0] * 2
    assert one.disagreements == ()
    assert "2 of 2 problems without a gold" in done.notes[0]


def test_reasoning_that_is_kept_apart_is_no_part_of_the_answer(tmp_path):
    run = imported(logs.inspect_zip(tmp_path / "logs"), tmp_path / "runs").runs[0].run
    assert {one.reasoning for one in run.generations("gsm8k")} == {"I count."}
    assert all("Let me count" in one.text for one in run.generations("gsm8k"))


def test_each_step_of_a_training_is_a_run(tmp_path):
    done = imported(logs.verl(tmp_path / "logs"), tmp_path / "runs", model="mine")
    names = [one.run.manifest.model.name for one in done.runs]
    assert names == ["mine@step-100", "mine@step-200"]


def test_several_tasks_of_a_model_are_one_run(tmp_path):
    folder = logs.lm_eval(tmp_path / "logs")
    inner = folder / "org__model-7b"
    rows = (inner / f"samples_gsm8k_{logs.TIME}.jsonl").read_text()
    (inner / f"samples_mgsm_native_{logs.TIME}.jsonl").write_text(rows)
    done = imported(folder, tmp_path / "runs")
    [one] = done.runs
    assert list(one.run.tasks()) == ["gsm8k", "mgsm_native"]
    assert [len(one.run.verdicts(task)) for task in one.run.tasks()] == [4, 4]
    [chosen] = imported(folder, tmp_path / "one", task="gsm8k").runs
    assert list(chosen.run.tasks()) == ["gsm8k"]


# --- which problem ---------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path):
    """The task's data in another order than the logs'."""
    rows = [
        {"id": f"gsm8k-test-{7 - place}", "question": question, "gold": gold}
        for place, (question, gold) in enumerate(reversed(logs.QUESTIONS.items()))
    ]
    return str(logs.write_lines(tmp_path / "data.jsonl", rows))


@pytest.mark.parametrize(
    "write", [logs.lm_eval, logs.lighteval, logs.evalscope, logs.opencompass, logs.verl, logs.trl]
)
def test_problems_are_matched_by_text_and_not_by_their_place(tmp_path, data, write):
    done = imported(
        write(tmp_path / "logs"), tmp_path / "runs", task="gsm8k", data={"gsm8k": [data]}
    )
    run = done.runs[0].run
    asked = {one.id: one.question for one in run.problems("gsm8k")}
    assert asked == {"gsm8k-test-6": logs.LEGS, "gsm8k-test-7": logs.EGGS}
    assert "gsm8k: 2 of 2 problems matched by text" in done.notes
    # Golds come with the data, also where the log has none.
    assert RIGHT in {one.outcome for one in run.verdicts("gsm8k")}


def test_another_gold_in_the_log_is_said_and_the_data_counts(tmp_path, data):
    rows = [json.loads(line) for line in Path(data).read_text().splitlines()]
    logs.write_lines(tmp_path / "data.jsonl", [{**rows[0], "gold": "34"}, rows[1]])
    done = imported(logs.verifiers(tmp_path / "logs"), tmp_path / "r", data={"gsm8k": [data]})
    assert "the golds of 1 problem in the log are not those of the task's data" in done.notes[1]
    assert "gsm8k-test-7, in the log '35'" in done.notes[1]
    assert [one.outcome for one in done.runs[0].run.verdicts("gsm8k")][-2:] == [WRONG, WRONG]


def test_a_question_that_is_none_of_the_task_s_keeps_its_own_gold(tmp_path, data):
    lines = Path(data).read_text().splitlines()
    logs.write_lines(tmp_path / "data.jsonl", [json.loads(lines[0])])
    done = imported(logs.verifiers(tmp_path / "logs"), tmp_path / "r", data={"gsm8k": [data]})
    assert "gsm8k: 1 of 2 problems matched by text" in done.notes
    assert [one.id for one in done.runs[0].run.problems("gsm8k")] == ["0", "gsm8k-test-7"]


def problem(name, question):
    return Problem(id=name, question=question, gold=("1",))


# fmt: off
ASKED = [
    # question, prompt, key; the id
    ("What is  1+1?",                    None,                         "0", "sum"),
    (None, "What is 1+1? It is 2.\n\nHow many?\nBox it.",              "0", "many"),
    (None, "How many? 3.\n\nWhat is 1+1?",                             "0", "sum"),
    (None, "How many apples are in the basket?",                       "0", None),
    (None, "How many apples of the basket are red? Box it.",           "0", "apples"),
    ("What is 1+2?", None,                                             "0", None),
    ("Twice?", None,                                                   "5", "first"),
    ("Twice?", None,                                                   "9", "second"),
    ("Twice?", None,                                                   "5", "first"),
]
# fmt: on


def test_a_question_is_found_in_its_prompt_where_it_ends_last():
    known = [
        problem("sum", "What is 1+1?"), problem("many", "How many?"),
        problem("apples", "How many apples of the basket are red?"),
        problem("first", "Twice?"), problem("second", "Twice?"),
    ]  # fmt: skip
    finder = Questions(known)
    found = [finder.find(question, prompt, key) for question, prompt, key, _ in ASKED]
    assert [one and one.id for one in found] == [wanted for *_, wanted in ASKED]


# fmt: off
PROMPTS = [
    # prompts; without what they share
    (["a\n\nb?\nBox.", "a\n\nc?\nBox."],  ["b?", "c?"]),
    (["How many b?", "How many c?"],      ["How many b?", "How many c?"]),   # lines stay whole
    (["a\nb?"],                           ["a\nb?"]),                        # nothing to compare
    (["a\nb?", "a\nb?"],                  ["a\nb?", "a\nb?"]),
    (["x\na", "x\na\nb"],                 ["a", "a\nb"]),
]
# fmt: on


@pytest.mark.parametrize(("prompts", "bare"), PROMPTS)
def test_prompts_lose_the_examples_and_instructions_that_all_have(prompts, bare):
    assert without_shots(prompts) == bare


# fmt: off
NAMES = [
    ("gsm8k", "gsm8k"), ("gsm8k_cot", "gsm8k"), ("GSM8K-main", "gsm8k"),
    ("gsm8k_platinum", None), ("mgsm_en", None), ("gsm8k_es", None),
    ("hendrycks_math_algebra", "math"), ("minerva_math_num_theory", "math"), ("math_hard", None),
    ("MATH-500", "math500"), ("math_500", "math500"), ("hendrycks_math500", "math500"),
    ("aime24", "aime24"), ("aime_2025", "aime25"), ("aime_2025_II", "aime25"), ("aime26", "aime26"),
    ("word-problems", "word-problems"), ("word_problems", "word-problems"),
    ("mathreason_kk_gen", "kk-gen"), ("mathreason_gsm8k", "gsm8k"), ("mathreason_x", None),
    (None, None), ("", None),
]
# fmt: on


@pytest.mark.parametrize(("name", "ours"), NAMES)
def test_a_name_is_ours_only_if_it_is_the_same_benchmark(name, ours):
    assert our_task(name, task_names()) == ours


# --- the report ------------------------------------------------------------------------------


def test_the_report_sorts_the_rows_that_differ_by_cause(tmp_path):
    outputs = [
        (r"So \boxed{16}.", 0.0, Cause.PUBLISHER),  # it is there, announced and equal
        (r"So \boxed{16}.", 1.0, None),
        ("There are 16 of them", 0.0, Cause.CONVENTION),  # a last number, not announced
        ("", 1.0, Cause.CONVENTION),  # none at all
    ]
    rows = [
        {
            "example_id": place,
            "prompt": [{"role": "user", "content": f"{place}: {logs.LEGS}"}],
            "completion": [{"role": "assistant", "content": output}],
            "answer": "16",
            "reward": reward,
        }
        for place, (output, reward, _) in enumerate(outputs)
    ]
    logs.write_lines(tmp_path / "logs" / "results.jsonl", rows)
    [done] = imported(tmp_path / "logs", tmp_path / "runs").runs
    found = report(done.run)
    causes = {one.problem.id: one.cause for one in found.differences}
    assert causes == {str(n): cause for n, (*_, cause) in enumerate(outputs) if cause}
    [score] = found.scores
    assert (score.name, score.theirs, score.ours, score.samples) == ("reward", 0.5, 0.75, 4)


# fmt: off
READINGS = [
    # what the publisher took for the answer where ours is right; why the verdicts differ
    ("1",           Cause.PUBLISHER),
    ("16",          Cause.PUBLISHER),     # it was compared in another way
    (None,          Cause.PUBLISHER),
    ("",            Cause.CONVENTION),    # there was none in the form that it asks for
    ("[invalid]",   Cause.CONVENTION),
]
# fmt: on


@pytest.mark.parametrize(("read", "cause"), READINGS)
def test_a_form_in_which_the_publisher_found_no_answer_is_a_convention(tmp_path, read, cause):
    row = {
        "problem": logs.LEGS, "expected_answer": "16", "generation": r"So \boxed{16}.",
        "predicted_answer": read, "symbolic_correct": False,
    }  # fmt: skip
    logs.write_lines(tmp_path / "logs" / "output-rs0.jsonl", [row])
    [done] = imported(tmp_path / "logs", tmp_path / "runs").runs
    [found] = report(done.run).differences
    assert (found.read, found.cause) == (read, cause)


# --- which files ---------------------------------------------------------------------------------

# fmt: off
OUTSIDE = [
    # a log; what of it the user names; whether what is in the other folder may be read
    (logs.opencompass, "",                             True),
    (logs.opencompass, "predictions",                  False),
    (logs.opencompass, "predictions/model-7b/gsm8k.json", True),
    (logs.lighteval,   "",                             True),
    (logs.lighteval,   "details",                      False),
    (logs.evalscope,   "",                             True),
    (logs.evalscope,   "reviews",                      False),
]
# fmt: on


@pytest.mark.parametrize(("write", "named", "is_read"), OUTSIDE)
def test_what_is_read_is_below_the_folder_that_was_named(tmp_path, write, named, is_read):
    path = write(tmp_path / "logs") / named
    with contextlib.suppress(DataError):
        [plan] = plan_logs([path], tmp_path / "runs", LogOptions()).plans
        assert len(plan.manifest.model.details["files"]) == 1 + is_read
        return
    assert not is_read


@pytest.mark.parametrize("named", ["", "results.jsonl"])
def test_a_link_beside_a_log_is_not_read(tmp_path, named):
    folder = logs.verifiers(tmp_path / "logs")
    (folder / "metadata.json").rename(tmp_path / "private.json")
    (folder / "metadata.json").symlink_to(tmp_path / "private.json")
    [plan] = plan_logs([folder / named], tmp_path / "runs", LogOptions()).plans
    assert plan.manifest.sampling.temperature is None
    assert [*plan.manifest.model.details["files"]] == ["results.jsonl"]


def test_a_folder_is_listed_once_however_many_files_it_has(tmp_path, monkeypatch):
    path = logs.lm_eval(tmp_path / "logs") / "org__model-7b"
    [one] = path.glob("samples_*")
    for number in range(50):
        (path / one.name.replace("gsm8k", f"gsm8k_{number}")).write_text(one.read_text())
    listed = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(folder) or scan(folder))
    plan_logs([tmp_path / "logs"], tmp_path / "runs", LogOptions())
    assert len([folder for folder in listed if tmp_path in Path(folder).parents]) == 2


KEY = "sk-abcdefghijklmnop1234567890QRST"
# fmt: off
KEYS = [
    # what has a key in it: the metadata, or each row
    ({"env_id": KEY},                        {}),
    ({"version": f"https://me:{KEY}@host/"}, {}),
    ({"model": KEY},                         {}),
    ({"api_key": KEY, KEY: 1},               {}),
    ({},                                     {"error": f"401: {KEY} is no key"}),
    ({},                                     {KEY: 1.0}),
    ({},                                     {"task": KEY}),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("meta", "row"), KEYS)
def test_a_key_in_a_log_is_stored_and_said_nowhere(tmp_path, meta, row):
    folder = logs.verifiers(tmp_path / "logs")
    told = folder / "metadata.json"
    told.write_text(json.dumps({**json.loads(told.read_text()), **meta}))
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    logs.write_lines(folder / "results.jsonl", [{**rows[0], **row}, *rows[1:]])
    done = imported(folder, tmp_path / "runs")
    stored = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert KEY not in f"{done.said} {done.notes}"
    assert not [path for path in stored if KEY in f"{path} {path.read_text()}"]


# --- what cannot be read ---------------------------------------------------------------------


def truncated(folder):
    path = logs.nemo_skills(folder) / "eval-results" / "gsm8k" / "output-rs0.jsonl"
    path.write_text(path.read_text()[:-30])


def not_json(folder):
    logs.nemo_skills(folder)
    (folder / "eval-results" / "gsm8k" / "output-rs1.jsonl").write_text("<html>\n")


def deep(folder):
    folder.mkdir()
    deepest = "[" * 100_000 + "]" * 100_000
    (folder / "log.json").write_text(f'{{"version": 2, "eval": {deepest}, "samples": []}}')


def many_values(folder):
    folder.mkdir()
    (folder / "log.json").write_text('{"eval": [' + "0," * 3_000_000 + "0]}")


def bomb(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "log.eval", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("header.json", json.dumps(logs.inspect_log()))
        made.writestr("samples/1_epoch_1.json", b'"' + b" " * (60 << 20) + b'"')


def bomb_of_rows(folder):
    folder.mkdir()
    line = json.dumps({"generation": " " * (8 << 20), "expected_answer": "1"}).encode() + b"\n"
    with gzip.open(folder / "output-rs0.jsonl.gz", "wb") as made:
        for _ in range(8):
            made.write(line)


def bombs_of_rows(folder):
    """Each expands to less than one file alone may."""
    folder.mkdir()
    line = json.dumps({"generation": " " * (8 << 20), "expected_answer": "1"}).encode() + b"\n"
    for sample in range(2):
        with gzip.open(folder / f"output-rs{sample}.jsonl.gz", "wb") as made:
            for _ in range(3):
                made.write(line)


def bombs_of_blank_lines(folder):
    folder.mkdir()
    for sample in range(12):
        with gzip.open(folder / f"output-rs{sample}.jsonl.gz", "wb") as made:
            made.write(b'{"generation": "", "expected_answer": "1"}\n' + b"\n" * 400_000)


def tiny_rows(folder):
    folder.mkdir()
    (folder / "results.jsonl").write_text(
        '{"example_id": 1, "completion": "", "reward": 1}\n' + "{}\n" * 200_000
    )


def tiny_samples(folder):
    folder.mkdir()
    samples = ",".join(["{}"] * 200_000)
    (folder / "log.json").write_text(f'{{"version": 2, "eval": {{}}, "samples": [{samples}]}}')


def tiny_rows_in_files(folder):
    folder.mkdir()
    for sample in range(4):
        (folder / f"output-rs{sample}.jsonl").write_text(
            '{"generation": "", "expected_answer": "1"}\n' + "{}\n" * 50_000
        )


def same_attachments(folder):
    """Each sample has a text of 4 MiB of an attachment of 100 kB, with no more than 200 samples."""
    folder.mkdir()
    sample = {**logs.inspect_samples()[0], "input": f"attachment://{32 * 'a'} " * 40}
    sample["attachments"] = {32 * "a": "x" * 100_000}
    made = [{**sample, "id": number} for number in range(200)]
    logs.write_json(folder / "log.json", {**logs.inspect_log(), "samples": made})


def link_in_zip(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "log.eval", "w") as made:
        made.writestr("header.json", json.dumps(logs.inspect_log()))
        link = zipfile.ZipInfo("samples/1_epoch_1.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")


def twice_in_zip(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "log.eval", "w") as made:
        made.writestr("header.json", json.dumps(logs.inspect_log()))
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("header.json", json.dumps(logs.inspect_log()))


def cut_zip(folder):
    path = logs.inspect_zip(folder) / "log.eval"
    path.write_bytes(path.read_bytes()[:-200])


def broken_member(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "log.eval", "w") as made:
        made.writestr("header.json", json.dumps(logs.inspect_log()))
        made.writestr("samples/1_epoch_1.json", '{"id": 1')


def key_twice(folder):
    folder.mkdir()
    (folder / "results.jsonl").write_text(
        '{"example_id": 1, "completion": "a", "completion": "b", "reward": 1}\n'
    )


def empty(folder):
    folder.mkdir()
    (folder / "results.jsonl").write_text("")


def no_log(folder):
    folder.mkdir()
    (folder / "notes.json").write_text('{"a": 1}')


def two_programs(folder):
    logs.verl(folder / "a")
    logs.verifiers(folder / "b")


def only_a_link(folder):
    logs.verl(folder.parent / "elsewhere")
    folder.mkdir()
    (folder / "100.jsonl").symlink_to(folder.parent / "elsewhere" / "100.jsonl")


def another_compression(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "log.eval", "w", zipfile.ZIP_LZMA) as made:
        made.writestr("header.json", json.dumps(logs.inspect_log()))


def inspected(folder, **changed):
    folder.mkdir()
    sample = {**logs.inspect_samples()[0], **changed}
    logs.write_json(folder / "log.json", {**logs.inspect_log(), "samples": [sample]})


def many_verdicts(folder):
    inspected(folder, scores={str(number): {"value": "C"} for number in range(1001)})


def large_attachments(folder):
    inspected(
        folder,
        input=f"attachment://{32 * 'a'} " * 20,
        attachments={32 * "a": "x" * 1_000_000},
    )


def deep_folders(folder):
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(20):
            Path(250 * "a").mkdir()
            os.chdir(250 * "a")
    finally:
        os.chdir(before)


def missing(folder):
    """Nothing is there."""


def two_outputs(folder):
    path = logs.nemo_skills(folder) / "eval-results" / "gsm8k"
    rows = [json.loads(line) for line in (path / "output-rs0.jsonl").read_text().splitlines()]
    logs.write_lines(path / "output-rs0-again.jsonl", [{**rows[0], "generation": "other"}])


def far_sample(folder):
    path = logs.nemo_skills(folder) / "eval-results" / "gsm8k"
    (path / "output-rs1.jsonl").rename(path / "output-rs99999999.jsonl")


def two_golds(folder):
    path = logs.verifiers(folder) / "results.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    logs.write_lines(path, [*rows, {**rows[0], "answer": "17"}])


def nothing_usable(folder):
    path = logs.verifiers(folder) / "results.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    logs.write_lines(path, [{**row, "completion": None} for row in rows])


# fmt: off
REFUSED = [
    (truncated,      "output-rs0.jsonl, line 2 is not a JSON object: .*the file ends in this line"),
    (not_json,       "output-rs1.jsonl, line 1 is not a JSON object"),
    (deep,           "log.json cannot be read: it has lists and mappings nested more than"),
    (many_values,    "log.json cannot be read: it would take more than 200 MiB"),
    (bomb,           "log.eval cannot be read: it expands to far more than any text does"),
    (bomb_of_rows,   "output-rs0.jsonl.gz cannot be read: it expands to far more"),
    (bombs_of_rows,  "output-rs1.jsonl.gz cannot be read: it expands to far more"),
    (bombs_of_blank_lines, "output-rs[0-9]+.jsonl.gz cannot be read: it expands to far more"),
    (tiny_rows,      "results.jsonl takes far more memory than its size"),
    (tiny_samples,   "log.json takes far more memory than its size"),
    (tiny_rows_in_files, "output-rs1.jsonl takes far more memory than its size, with the files"),
    (same_attachments, "log.json takes far more memory than its size"),
    (link_in_zip,    "log.eval cannot be read: it has a link or a device in it"),
    (twice_in_zip,   "log.eval cannot be read: it has a member twice"),
    (cut_zip,        "log.eval cannot be read: "),
    (broken_member,  "log.eval cannot be read: its member 'samples/1_epoch_1.json' is not JSON"),
    (key_twice,      "results.jsonl, line 1 is not a JSON object: has the key 'completion' twice"),
    (empty,          "is of no known format of logs"),
    (no_log,         "is of no known format of logs"),
    (two_programs,   "logs of 2 programs"),
    (only_a_link,    "holds no file that may be a log"),
    (another_compression, "log.eval cannot be read: it is compressed in a way that no log is"),
    (many_verdicts,  "has more than 1,000 verdicts on one sample"),
    (large_attachments, "has attachments of more than 16 MiB"),
    (deep_folders,   "cannot be read: File name too long"),
    (missing,        "There is no file or folder"),
    (two_outputs,    "differ, and both are sample 0 of 'p-0'"),
    (far_sample,     "has 100,000,000 samples of a problem"),
    (two_golds,      "have different questions or golds of '0'"),
    (nothing_usable, "None of the 4 rows of .* can be used; line 1 has no output"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("write", "says"), REFUSED)
def test_a_log_that_cannot_be_read_is_one_error_and_nothing_is_written(tmp_path, write, says):
    write(tmp_path / "logs")
    with pytest.raises(DataError, match=says):
        imported(tmp_path / "logs", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_what_zstandard_compressed_needs_a_package_and_says_which(tmp_path, monkeypatch):
    path = logs.inspect_zip(tmp_path / "logs") / "log.eval"
    monkeypatch.delattr(zipfile, "ZIP_ZSTANDARD", raising=False)
    monkeypatch.setitem(sys.modules, "zipfile_zstd", None)
    deflated, zstandard = (b"PK\1\2\x14\x03\x14\0\0\0" + kind for kind in (b"\x08\0", b"\x5d\0"))
    assert deflated in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(deflated, zstandard))
    with pytest.raises(MissingExtraError, match=r"zipfile-zstd.*mathreason-eval\[logs\]"):
        imported(tmp_path / "logs", tmp_path / "runs")


def test_two_outputs_of_one_sample_are_refused_only_if_they_differ(tmp_path):
    path = logs.nemo_skills(tmp_path / "logs") / "eval-results" / "gsm8k"
    (path / "output-rs0-again.jsonl").write_text((path / "output-rs0.jsonl").read_text())
    [done] = imported(tmp_path / "logs", tmp_path / "runs").runs
    assert len(done.run.generations("gsm8k")) == 4


ODD = [
    *(None, True, -1, 0, 1e300, 10**30, "", "x", [], [[]], {}, {"a": [1]}, ["text", 3]),
    *("1" * 5000, "²", {"role": "user"}, [None], "\ud800"),
]


STEPS = (0, 7)[: often(1, 2)]


def places(value, path=()):
    """Yield the path to each value within a value; of a list the first item is enough."""
    yield path
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value[:1]):
            yield from places(one, (*path, key))


def with_odd(value, path, odd):
    if not path:
        return odd
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = with_odd(value[path[0]], path[1:], odd)
    return copied


@pytest.mark.slow
@pytest.mark.parametrize(("write", "form"), logs.LOGS)
def test_rows_of_any_shape_are_rows_and_not_a_crash(tmp_path, write, form):
    """Whatever stands in a field, a row is a sample, unusable, or an error of the log."""
    folder = write(tmp_path / "logs")
    texts = [one for one in folder.rglob("*") if one.suffix in {".json", ".jsonl"}]
    for path in sorted(texts):
        content = path.read_text()
        lines = path.suffix == ".jsonl"
        rows = [json.loads(line) for line in content.splitlines()] if lines else None
        value = rows[0] if lines else json.loads(content)
        # A matrix of all places and values would take minutes: each place gets one or two.
        for number, place in enumerate(places(value)):
            for odd in (ODD[(number + step) % len(ODD)] for step in STEPS):
                changed = with_odd(value, place, odd)
                if lines:
                    logs.write_lines(path, [changed, *rows[1:]])
                else:
                    logs.write_json(path, changed)
                with contextlib.suppress(UserError):
                    for plan in plan_logs(
                        [folder], tmp_path / "r", LogOptions(), FORMATS[form]
                    ).plans:
                        as_document(plan.manifest)
        path.write_text(content)


def test_the_same_import_again_is_refused_and_one_begun_goes_on(tmp_path):
    folder = logs.verl(tmp_path / "logs")
    imported(folder, tmp_path / "runs")
    with pytest.raises(RunError, match="already has a run"):
        imported(folder, tmp_path / "runs")
    first, second = (one.path for one in find_runs(tmp_path / "runs"))
    (second / "manifest.json").unlink()
    for inner in (second / "imported").iterdir():
        inner.unlink()
    assert len(imported(folder, tmp_path / "runs").runs) == 2
    assert load_run(first).manifest.finished


def test_a_format_imports_one_file_for_one_task_as_any_importer(tmp_path):
    path = logs.verifiers(tmp_path / "logs") / "results.jsonl"
    [done] = IMPORTERS["verifiers"](path, load_task("gsm8k"), tmp_path / "runs", grading=GRADING)
    assert done.run.manifest.model.name == "org/model-7b"


# fmt: off
SHARED_LOGS = [
    # folder, what is said of each
    ("lm_eval",         ["lm-eval 0.4.9.2 samples of math_perturbed_full, model RylanSchaeffer/"]),
    ("inspect",         ["Inspect samples of mmlu_0_shot, model openai/gpt-4o, 1 problem",
                         "Inspect samples of popularity, model openai/gpt-4o-mini, 3 "]),
    ("evalscope",       ["evalscope samples of gsm8k, model qwen-plus, 3 problems x 1"]),
    ("every_eval_ever", ["Every Eval Ever 0.3.0 samples of demo_bench, model demo-org/"]),
    ("opencompass",     ["OpenCompass samples of gsm8k, model opencompass, 1 problem x 2"]),
    ("nemo_skills",     ["NeMo-Skills samples, model nemo_skills, 1 problem x 2"]),
    ("openai_batch",    ["OpenAI batch samples, model m, 1 problem x 2"]),
    ("matharena",       ["MathArena samples, model Model (high), 1 problem x 2"]),
    ("verl",            ["verl samples, model verl@step-100, 1 problem x 2"]),
    ("trl",             ["TRL samples, model trl@step-100, 1 problem x 2"]),
    ("verifiers",       ["verifiers samples of gsm8k, model verifiers, 1 problem x 2"]),
]
# fmt: on


@pytest.mark.parametrize(("folder", "said"), SHARED_LOGS)
def test_published_logs_are_read(shared, tmp_path, folder, said):
    done = plan_logs([shared / "foreign_logs" / folder], tmp_path / "runs", LogOptions())
    assert len(done.said) == len(said)
    for line, beginning in zip(done.said, said, strict=True):
        assert line.startswith(beginning)


# --- values that are none --------------------------------------------------------------------

# fmt: off
NAMES_AND_NONE = [
    # a value in a log, the name that it is
    ("m",          "m"),
    (" m ",        "m"),
    (7,            "7"),
    ("x" * 1000,   "x" * 1000),
    ("x" * 1001,   None),
    (10 ** 5000,   None),      # which Python refuses to write
    (True,         None),
    ("",           None),
    (1.5,          None),
]
STATED = [
    # a value in a log, the verdict that it is
    (1,           True),
    (0.0,         False),
    ("C",         True),
    (0.5,         0.5),
    (10 ** 400,   None),       # which no float holds
    (-(10 ** 400), None),
    (float("nan"), None),
    (float("inf"), None),
    ("maybe",     None),
]
# fmt: on


@pytest.mark.parametrize(("value", "name"), NAMES_AND_NONE, ids=range(len(NAMES_AND_NONE)))
def test_a_name_is_short(value, name):
    assert name_of(value) == name


@pytest.mark.parametrize(("value", "verdict"), STATED, ids=range(len(STATED)))
def test_a_verdict_is_true_false_or_a_finite_number(value, verdict):
    found = stated(value)
    assert found == verdict
    assert type(found) is type(verdict)


def test_a_name_of_a_model_holds_no_secret(tmp_path):
    address = "https://u:hunter2@h/v1?key=q"
    log = logs.lm_eval(tmp_path / "logs", model=f"{address} token=abc")
    imported(log, tmp_path / "runs")
    [run] = find_runs(tmp_path / "runs")
    spelled = f"{run.path} {(run.path / 'manifest.json').read_text()}"
    assert not [one for one in ("hunter2", "key=q", "abc") if one in spelled]


def test_a_text_in_each_row_counts_as_what_a_file_of_texts_can_hold(tmp_path):
    path = tmp_path / "log.json"
    with path.open("wb") as file:
        file.truncate(10 << 20)
    budget, text = Budget(), "x" * (4 << 20)
    budget.credit(path)
    for _ in range(25):  # 64 MiB, and four bytes for each of ten
        budget.hold({"input": text}, path)
    with pytest.raises(DataError, match="repeats a text in each"):
        budget.hold({"input": text}, path)
    many = Budget()
    many.credit(path)
    for _ in range(250):  # as much in short texts
        many.hold(["x" * 500] * 1000, path)
