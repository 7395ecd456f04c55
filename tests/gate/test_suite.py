"""All tasks together: when a suite passes, and which of its tasks count."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from mathreason_eval.models import open_model
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems

TASKS = ("arithmetic", "word-problems")
RIGHT, LOST, NEVER = "right", "lost", "never"
# fmt: off
MODELS = {  # model: how it answers each task
    "base":   (RIGHT, RIGHT),
    "worse":  (RIGHT, LOST),
    "half":   (RIGHT, NEVER),
    "none":   (NEVER, NEVER),
}
SUITES = [
    # run, baseline, gate.yaml; exit code, what is said
    ("base",  "base", "margin: 10pp",                          0, "none is seen to be worse"),
    ("base",  "base", "margin: 30pp",                          0, "no task dropped by its margin"),
    ("base",  "base", "margin: 10pp\nsuite: off",              3, "inconclusive: not enough"),
    ("base",  "base", "margin: 10pp\nrequired: true",          3, "inconclusive: not enough"),
    ("base",  "base", "margin: 10pp\ntasks: {arithmetic: {required: true}}",
                                                               3, "by themselves: arithmetic"),
    ("base",  "base", "margin: 30pp\ntasks: {arithmetic: {required: true}}", 0, "pass"),
    ("base",  "base", "margin: 10pp\nsuite: {margin: 5pp}",    3, "suite: on these 24 problems"),
    ("base",  "base", "margin: 2pp\nsuite: {margin: 10pp}",    0, "margin 10 pp"),
    ("worse", "base", "margin: 10pp",                          1, "a task dropped"),
    ("half",  "half", "margin: 30pp",                          0, "could not have dropped: word"),
    ("half",  "half", "margin: 10pp",                          3, "could not have dropped: word"),
    ("none",  "none", "margin: 10pp",                          3, "a pass would say nothing"),
    ("base",  "none", "margin: 10pp",                          3, "a pass would say nothing"),
    ("base",  "base", "margin: auto",                          0, "margin auto, alpha 0.01; arith"),
    ("worse", "base", "margin: auto",                          1, "regression"),
    ("base",  "base", "margin: auto\nsuite: {margin: 1pp}",    3, "inconclusive: not enough"),
    # Of pass@2 the noise is not known: the suite takes the margin that was written for it.
    ("base",  "base", "margin: auto\ntasks: {arithmetic: {metric: pass@2, margin: 20pp}}",
                                                               3, "arithmetic: 20 pp"),
    # Nothing depends on an advisory task; here the other one decides alone.
    ("worse", "base", "margin: 30pp\ntasks: {word-problems: {advisory: true}}",
                                                               0, "no answer: word-problems"),
    ("worse", "base", "margin: 30pp\ntasks: {arithmetic: {advisory: true}}", 1, "(advisory)"),
    ("base",  "base", "margin: 10pp\ntasks: {word-problems: {advisory: true}}",
                                                               3, "did not change passes this in"),
    ("base",  "base", "advisory: true",                        4, "task to gate: all are advisory"),
    ("base",  "base", "margin: 10pp\nadvisory: true\ntasks: {arithmetic: {required: true}}",
                                                               3, "no answer: word-problems"),
]
SLIPS = [
    # gate.yaml; what is said
    ("suite: {margn: 1pp}",        "'margn'"),
    ("suite: {weights: problems}", "not one of task, problem"),
    ("suite: 3",                   "not a mapping"),
    ("required: 1",                "not true or false"),
    ("margin: automatic",          "not an amount"),
    ("estimand: old",              "not one of auto, these, new"),
    ("tasks: {a: {required: true, advisory: true}}", "either required or advisory"),
]
# fmt: on


def script(answers):
    """Rules by which a fake model answers the problems of both tasks."""
    rules = [
        {"contains": one.question, "text": [f"\\boxed{{{one.gold[0]}}}"]}
        for task, how in zip(TASKS, answers, strict=True)
        if how == RIGHT
        for one in load_problems(load_task(task), limit=12).problems
    ]
    return json.dumps([*rules, {"text": ["\\boxed{0.123}"]}])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suites")
    spec = RunSpec(tasks=TASKS, samples=4, limit=12, temperature=0.6)
    for name, answers in MODELS.items():
        path = folder / f"{name}.yaml"
        path.write_text(script(answers))
        run_tasks(spec, lambda path=path: open_model(f"fake:{path}"), folder / name,
                  grading=(1, 5.0))  # fmt: skip
    return folder


@pytest.fixture
def gate(runs, tmp_path, monkeypatch, mathreason):
    """Return a function that gates a run by a config."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def run(after, before, config, *words):
        (tmp_path / "gate.yaml").write_text(f"{config}\nallow: version\n")
        return mathreason("gate", runs / after, "--baseline", runs / before, *words)

    return run


@pytest.mark.parametrize(("after", "before", "config", "code", "says"), SUITES)
def test_a_suite_passes_as_a_whole(gate, after, before, config, code, says):
    found, out, _ = gate(after, before, config)
    assert (found, says in " ".join(out.split())) == (code, True), out


@pytest.mark.parametrize(("config", "says"), SLIPS)
def test_a_slip_in_its_settings_is_an_error(gate, config, says):
    code, _, err = gate("base", "base", config)
    assert (code, says in err) == (2, True)


def test_both_questions_are_answered_in_json(gate):
    said = json.loads(gate("worse", "base", "margin: 10pp", "--json")[1])
    tasks = {task["task"]: task["decision"]["answers"] for task in said["tasks"]}
    assert [one["estimand"] for one in tasks["word-problems"]] == ["these problems", "new problems"]
    assert said["suite"]["answer"] == "regression"
    assert said["suite"]["decision"]["difference"]["value"] == pytest.approx(-0.5)


def test_which_question_decides_is_chosen(gate):
    for estimand in ("these", "new"):
        said = json.loads(gate("base", "base", f"margin: 10pp\nestimand: {estimand}", "--json")[1])
        for one in (said["suite"], *said["tasks"]):
            assert one["decision"]["estimand"] == f"{estimand} problems"


def test_an_open_task_fails_no_test_report_where_the_suite_passes(gate, tmp_path):
    config = "margin: 10pp\ninconclusive: failure"
    for more, failed in (("", []), ("\nrequired: true", [*TASKS])):
        gate("base", "base", config + more, "--junit", tmp_path / "gate.xml")
        cases = ET.parse(tmp_path / "gate.xml").getroot().iter("testcase")
        assert [one.get("classname") for one in cases if one.find("failure") is not None] == failed


def test_an_advisory_task_fails_no_report(gate, tmp_path):
    for word, failed in (("advisory: true", []), ("advisory: false", ["word-problems"])):
        config = f"margin: 30pp\ntasks: {{word-problems: {{{word}}}}}"
        words = "--annotations", "--junit", tmp_path / "g.xml"
        said = "".join(gate("worse", "base", config, *words)[1:])
        cases = [*ET.parse(tmp_path / "g.xml").getroot().iter("testcase")]
        assert [one.get("classname") for one in cases if one.find("failure") is not None
                and one.get("classname") != "suite"] == failed  # fmt: skip
        assert ("::error title=word-problems" in said) == bool(failed)


def test_the_summary_has_a_row_for_the_suite(gate, tmp_path):
    gate("base", "base", "margin: 10pp", "--summary", tmp_path / "summary.md")
    text = (tmp_path / "summary.md").read_text()
    assert text.count("| **suite** | ✓ pass |") == 1
    assert "for others like them" in text


@pytest.mark.slow
def test_a_margin_of_half_the_score_is_refused_with_what_allows_a_smaller(gate):
    code, _, err = gate("none", "none", "margin: auto")
    assert (code, "half of the baseline's score is 0.0 pp" in err) == (2, True)
    strict = "margin: auto\nalpha: 1.0e-60\ntasks: {word-problems: off}"
    code, _, err = gate("half", "half", strict)
    assert (code, "is above 50 pp" in err, "take more problems" in err) == (2, True, True)


def test_where_no_margin_is_known_one_is_asked_for(gate):
    code, _, err = gate("base", "base", "margin: auto\ntasks: {arithmetic: {metric: pass@2}}")
    assert (code, "margin: auto is for avg; arithmetic" in err) == (2, True)
    assert "tasks: {arithmetic: {margin: 2pp}}" in err
