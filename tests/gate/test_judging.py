"""The gate as a CI meets it: an exit code and one clear sentence, whatever it is given."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from gate_runs import (
    MODELS,
    PROBLEMS,
    changed_problem,
    edited,
    entry,
    imported,
    in_another_order,
    lines,
    manifest,
    problems,
    rows,
    sampled,
    twice,
)

from mathreason_eval.gate.judging import samples_reached
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.runs.store import load_run

NONE = ()
AGREED = {**asdict(DEFAULT), "percent": "sign"}
GONE = [lines("generations", lambda row: False), lines("verdicts", lambda row: False)]
DATA = [entry(data__sha256="0" * 64), changed_problem("q3", gold=["7"])]
FEW = [lines("generations", lambda row: row["sample"] == 0),
       lines("verdicts", lambda row: row["sample"] == 0)]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """One run a model, all of them imported."""
    folder = tmp_path_factory.mktemp("gate")
    return imported(folder, [row for model in MODELS for row in rows(model)])


@pytest.fixture
def gate(runs, tmp_path, monkeypatch, mathreason):
    """Return a function that gates a run and says what was said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def run(after, before, *words: object, **terminal: int):
        after, before = (runs / name if isinstance(name, str) else name for name in (after, before))
        return mathreason("gate", after, "--baseline", before, *words, **terminal)

    return run


# fmt: off
ANSWERS = [
    # run, baseline, options; exit code, a word of the answer
    ("base",  "base",  ("--margin", "10pp"),                    0, "pass: no task dropped"),
    ("base",  "base",  NONE,                                    3, "inconclusive: not enough"),
    ("worse", "base",  NONE,                                    1, "regression: a task dropped"),
    ("base",  "worse", NONE,                                    0, "these 200 problems"),
    ("more",  "base",  NONE,                                    3, "inconclusive: not enough"),
    ("right", "right", ("--margin", "2pp"),                     0, "up to 2.3 % of such problems"),
    ("wrong", "wrong", NONE,                                    3, "it could not have dropped by"),
    ("right", "wrong", NONE,                                    3, "the baseline has 0.0 %"),
    ("wrong", "right", NONE,                                    1, "regression"),
    ("worse", "base",  ("--margin", "40pp"),                    0, "pass"),
    ("base",  "base",  ("--margin", "0.1pp"),                   3, "inconclusive"),
    ("base",  "base",  ("--margin", "0.001"),                   3, "inconclusive"),
    ("base",  "base",  ("--alpha", "0.0000001"),                3, "inconclusive"),
]
OTHERWISE = [
    # what is edited in the run; options; exit code, what is said
    ([entry(version=9)],                             NONE, 4, "version 9, not 1"),
    (DATA,                                           NONE, 4, "data outputs.jsonl (00000000), not"),
    ([entry(data__sha256="0" * 64)],                 NONE, 0, "pass"),
    ([entry(prompt__sha256="0" * 64)],               NONE, 4, "prompt imported (00000000), not"),
    ([entry(grading__grader_version="0")],           NONE, 4, "rules number of grader version 0"),
    ([entry(grading__convention=AGREED)],            NONE, 4, 'percent "sign", not "either"'),
    ([entry(grading__convention=AGREED)],            ("--allow", "rules"), 0, "(allowed)"),
    ([entry(grading__convention=None)],              NONE, 4, "convention unknown, not known"),
    ([entry(grading__extract=["boxed"])],            NONE, 4, 'rules extract ["boxed"], not ["'),
    ([entry(report__slices=["topic"], grading__second="math")], NONE, 0, "pass"),
    ([problems(lambda name: name != "q3")],          NONE, 4, "199 problems asked, not 200"),
    ([problems(lambda name: name == "q3")],          NONE, 4, "1 problems asked, not 200"),
    ([manifest(tasks={})],                           NONE, 4, "the run does not have this task"),
    (GONE,                                           NONE, 4, "the run is empty"),
    ([problems(lambda name: False)],                 NONE, 4, "the run is empty"),
    ([lines("verdicts", lambda row: False)],         NONE, 4, "the run has no verdicts"),
    ([lines("verdicts", lambda row: row["problem_id"] != "q3")],
                                                     NONE, 4, "2 samples of the run are not"),
    ([lines("generations", lambda row: row["problem_id"] != "q3")],
                                                     NONE, 4, "has verdicts on samples that are"),
    (FEW,                                            NONE, 4, "200 of 400 samples of the run are"),
    ([manifest(finished=None)],                      NONE, 0, "pass"),
    ([entry(samples=3)],                             NONE, 4, "200 of 600 samples of the run are"),
    ([entry(version=9)],              ("--allow", "version"), 0, "version 9, not 1 (allowed)"),
    (DATA,                                           NONE, 4, "1 problem has other contents: 'q3'"),
    ([changed_problem("q3", gold=["7"])],            NONE, 4, "other contents: 'q3'"),
    ([changed_problem("q3", gold=["7"]), changed_problem("q7", gold=["7"])],
                                                     NONE, 4, "2 problems have other contents"),
    ([changed_problem("q3", gold=["6"])],            NONE, 0, "pass"),
    ([in_another_order],                             NONE, 0, "pass"),
    ([sampled(temperature=0.0)],                     NONE, 0, "temperature 0.0, not unknown"),
    (DATA,                                           ("--allow", "data"), 0, "(allowed)"),
    ([entry(prompt__sha256="0" * 64)],               ("--allow", "prompt"), 0, "(allowed)"),
    ([entry(version=9)],               ("--allow", "prompt"), 4, "version 9, not 1"),
    ([problems(lambda name: name != "q3")], ("--allow", "problems"), 0, "199 problems asked"),
    ([problems(lambda name: name == "q3")], ("--allow", "problems"), 3, "inconclusive"),
    (FEW,                             ("--allow", "missing"), 0, "are missing (allowed)"),
    (GONE,                            ("--allow", "missing"), 4, "the run is empty"),
]
SLIPS = [
    # run, baseline, options, gate.yaml; what the error says, what helps
    ("base", "nowhere", NONE, None,                       "no baseline",       "git:REF:PATH"),
    ("nowhere", "base", NONE, None,                       "nowhere",           "mathreason run"),
    ("base", "base", ("--margin", "1mm"), None,           "--margin: '1mm' is not", "gate.md"),
    ("base", "base", ("--alpha", "2"),   None,            "--alpha: 2.0 is not", "gate.md"),
    ("base", "base", ("--margin", "1"), None,             "not between 0 and 1", "gate.md"),
    ("base", "base", ("--alpha", "nan"), None,            "not between 0 and 0.5", "gate.md"),
    ("base", "base", ("--alpha", "1"), None,              "not between 0 and 0.5", "gate.md"),
    ("base", "base", ("--alpha", "x"), None,              "'x' is not a valid float", "--help"),
    ("base", "base", ("--allow", "promt"), None,          "'promt'",           "prompt"),
    ("base", "base", ("--config", "nowhere.yaml"), None,  "nowhere.yaml",      "--config"),
    ("base", "base", NONE, "tasks: {gsm8: {}}",           "'gsm8'",            "gsm8k"),
    ("base", "base", NONE, "margn: 1pp",                  "'margn'",           "margin"),
    ("base", "base", NONE, "tasks: {gsm8k: {alhpa: 1}}",  "'alhpa'",           "alpha"),
    ("base", "base", NONE, "health: {truncatd: 1pp}",     "'truncatd'",        "truncated"),
    ("base", "base", NONE, "health: {tokens: 20pp}",      "not an amount such as 20%", "gate.md"),
    ("base", "base", NONE, "health: 3",                   "not a mapping",        "gate.md"),
    ("base", "base", NONE, "alpha: 1\nmargin: [",         "is not YAML",              "gate.md"),
    ("base", "base", NONE, "a: \0",                       "is not YAML",       "gate.md"),
    ("base", "base", NONE, "- margin",                    "not a mapping",        "gate.md"),
    ("base", "base", NONE, "samples: [8, 4]",             "increasing",        "[8, 16, 32]"),
    ("base", "base", NONE, "spending: pocok\nsamples: 1", "'pocok'",           "pocock"),
    ("base", "base", NONE, "regression: some",            "'some' is not one of", "gate.md"),
    ("base", "base", NONE, "metric: truncated",           "monitored under health", "gate.md"),
    ("base", "base", NONE, "metric: avrg",                "named 'avrg'",    "Did you mean avg?"),
    ("base", "base", NONE, "metric: seconds",             "not a fraction of which",    "health"),
    ("base", "base", NONE, "metric: pass@64",             "no metric 'pass@64'", "mathreason show"),
    ("base", "base", NONE, "allow: promt",                "'promt'",           "prompt"),
    ("base", "base", NONE, "inconclusive: ok",            "'ok' is not one of",   "gate.md"),
]
# fmt: on


@pytest.mark.parametrize(("after", "before", "words", "code", "says"), ANSWERS)
def test_answers(gate, after, before, words, code, says):
    assert (code, True) == ((said := gate(after, before, *words))[0], says in said[1])


@pytest.mark.parametrize("case", OTHERWISE)
def test_what_differs_in_more_than_the_model(gate, runs, tmp_path, case):
    edits, words, code, says = case
    given = edited(runs / "base", tmp_path / "run", *edits)
    found, out, err = gate(given, "base", "--margin", "10pp", *words)
    assert (found, err.count("error:")) == (code, 0)
    assert says in " ".join(out.split())


@pytest.mark.parametrize("case", OTHERWISE)
def test_a_baseline_is_held_to_the_same(gate, runs, tmp_path, case):
    edits, words, code, _ = case
    given = edited(runs / "base", tmp_path / "run", *edits)
    assert gate("base", given, "--margin", "10pp", *words)[0] == code


# fmt: off
SETTINGS = [
    # of the baseline, of the run; options; exit code, what is said
    ((0.0, 1.0),  (0.6, 0.95),  NONE,                    4, "temperature 0.6, not 0.0; top_p 0.95"),
    ((0.0, 1.0),  (0.6, 0.95),  ("--allow", "sampling"), 0, "top_p 0.95, not 1.0 (allowed)"),
    ((0.0, 1.0),  (0.6, 0.95),  ("--allow", "prompt"),   4, "temperature 0.6, not 0.0"),
    ((0.6, 0.95), (0.6, 1.0),   NONE,                    4, "top_p 1.0, not 0.95"),
    ((0.6, 0.95), (0.6, 0.95),  NONE,                    0, "pass"),
    ((0.0, 1.0),  (0.0, 0.95),  NONE,                    0, "pass"),   # nothing to choose from
    ((0.6, None), (0.6, 0.95),  NONE,                    0, "top_p 0.95, not unknown"),
]
# fmt: on


@pytest.mark.parametrize("case", SETTINGS)
def test_other_sampling_is_another_measurement(gate, runs, tmp_path, case):
    before, after, words, code, says = case
    both = [
        edited(runs / "base", tmp_path / name, sampled(temperature=temperature, top_p=top_p))
        for name, (temperature, top_p) in (("before", before), ("after", after))
    ]
    found, out, _ = gate(both[1], both[0], "--margin", "30pp", *words)
    assert (found, says in " ".join(out.split())) == (code, True), out


@pytest.mark.parametrize(
    "words",
    [
        ("gate", "worse", "--baseline", "RUN"),
        ("compare", "RUN", "worse"),
        ("show", "RUN"),
        pytest.param(("plan", "--baseline", "RUN", "--detect", "9pp"), marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", ["verdicts", "generations"])
def test_lines_that_are_there_twice_count_once(mathreason, runs, tmp_path, words, name):
    def said(run: Path) -> str:
        named = [
            runs / word if word == "worse" else run if word == "RUN" else word for word in words
        ]
        out = mathreason(*named, "--json")[1]
        return out.replace(str(run), "RUN")

    assert said(edited(runs / "base", tmp_path / "run", twice(name))) == said(runs / "base")


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_one_clear_error(gate, slip):
    after, before, words, config, says, helps = slip
    if config is not None:
        Path("gate.yaml").write_text(config)
    code, out, err = gate(after, before, *words)
    told = err.removeprefix("settings from gate.yaml\n")
    assert (code, out, told[:7], told.count("\n")) == (2, "", "error: ", 2)
    assert says in told
    assert helps in told


def test_a_file_that_cannot_be_written_leaves_the_verdict(gate):
    code, out, err = gate("base", "base", "--margin", "10pp", "--junit", "/dev/null/x")
    assert (code, "pass" in out, "cannot be written" in err) == (0, True, True)


def test_another_number_of_samples_is_a_remark(gate):
    code, out, _ = gate("more", "base", "--margin", "20pp")
    assert (code, "note: 4 samples per problem, not 2" in out) == (0, True)


def test_one_problem_decides_nothing(gate, tmp_path):
    alone = imported(tmp_path / "alone", [r for m in ("right", "wrong") for r in rows(m, 1)])
    assert gate(alone / "wrong", alone / "right")[0] == 3
    assert gate(alone / "right", alone / "right")[0] == 3


def test_what_is_said_of_all_tasks_is_said_once(gate):
    _, out, _ = gate("more", "base")
    assert out.count("note: 4 samples per problem, not 2") == 1
    assert "margin 1 pp, alpha 0.01" in out


def test_a_run_without_a_task_is_no_pass(gate, runs, tmp_path):
    bare = edited(runs / "base", tmp_path / "bare", manifest(tasks={}))
    code, out, _ = gate(bare, bare)
    assert (code, "there is no task to gate" in out) == (4, True)


def test_a_task_may_be_left_out(gate):
    Path("gate.yaml").write_text("tasks: {gsm8k: off}")
    code, out, _ = gate("worse", "base")
    assert (code, "excluded by" in out) == (4, True)


def test_only_what_a_baseline_lacks_has_none(gate):
    assert "has no baseline" not in gate("base", "base")[1]


def test_what_a_task_says_for_itself_stays(gate):
    Path("gate.yaml").write_text("margin: 2pp\ntasks: {gsm8k: {margin: 40pp}}")
    assert gate("worse", "base", "--margin", "1pp")[0] == 0


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(gate, width):
    assert max(map(len, gate("worse", "base", width=width)[1].splitlines())) <= width


def test_json_has_every_figure_and_every_flip(gate):
    code, out, _ = gate("worse", "base", "--json")
    said = json.loads(out)
    (task,) = said["tasks"]
    assert (code, said["answer"], task["answer"]) == (1, "regression", "regression")
    assert task["decision"]["fall_p"] <= task["decision"]["fall_level"] == 0.01
    assert task["decision"]["difference"]["problems"] == PROBLEMS
    assert all(flip["lost"] == (flip["after"] < flip["before"]) for flip in task["flips"])
    assert len(task["flips"]) > 20


def test_of_two_samples_those_are_listed_that_lost_or_gained_both(gate, runs):
    (task,) = json.loads(gate("worse", "base", "--json")[1])["tasks"]
    before, after = (
        Counter(
            verdict.problem_id
            for verdict in load_run(runs / name).verdicts("gsm8k")
            if verdict.outcome == "correct"
        )
        for name in ("base", "worse")
    )
    both = {f"q{index}" for index in range(PROBLEMS)}
    changed = {name for name in both if abs(before[name] - after[name]) == 2}
    assert {flip["problem_id"] for flip in task["flips"]} == changed != set()


@pytest.mark.slow
def test_the_gate_needs_no_model_and_no_algebra(runs):
    code = (
        "import sys, json; from mathreason_eval.cli import verbs\n"
        f"words = ['gate', {str(runs / 'base')!r}, '--baseline', {str(runs / 'base')!r}]\n"
        "words += ['--margin', '10pp']\n"
        "assert verbs.main(words, standalone_mode=False) == 0\n"
        "heavy = ['torch', 'sympy', 'pandas', 'transformers', 'vllm', 'statsmodels', 'scipy']\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_is_there_before_any_library(runs):
    code = (
        "import sys; from mathreason_eval.cli import verbs\n"
        "try: verbs.main(['gate', '--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('numpy', 'scipy', 'rich', 'yaml', 'jinja2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_a_task_no_samples_are_reached(runs):
    assert samples_reached(load_run(runs / "base"), []) == (0, 0)
    assert samples_reached(load_run(runs / "base"), ["gsm8k", "another"]) == (2, 2)
