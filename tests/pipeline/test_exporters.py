"""What is written for other programs says what the folder says, and unknown stays unknown."""

from __future__ import annotations

import copy
import csv
import hashlib
import json
import pickle
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace

import pytest
import yaml
from gate_runs import edited, manifest

from mathreason_eval import evaluate
from mathreason_eval.errors import DataError, MissingExtraError
from mathreason_eval.pipeline.exporters import EXPORTERS
from mathreason_eval.pipeline.exporters.graded import ExportedTask
from mathreason_eval.pipeline.exporters.lm_eval import TaskRequest, asked_task, write_tasks
from mathreason_eval.pipeline.exporters.results import tracked
from mathreason_eval.pipeline.importers.combined import LogOptions, import_logs
from mathreason_eval.runs.store import load_run
from mathreason_eval.tasks import load_task

TASKS = ("arithmetic", "word-problems", "kk-gen")
SCRIPT = {
    "rules": [
        {"contains": "1", "text": 'So it is \\boxed{7}.\n"quoted", and <b>'},
        {"text": "<think>I add.</think>I do not know."},
    ]
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("exported")
    (place / "script.yaml").write_text(json.dumps(SCRIPT))
    evaluate(model=f"fake:{place / 'script.yaml'}", tasks=TASKS, samples=2, limit=3,
             temperature=0.6, out=place / "run")  # fmt: skip
    return place / "run"


@pytest.fixture
def run(folder):
    return load_run(folder)


def samples(run):
    return [sample for task in run.tasks() for sample in run.samples(task)]


# --- tables ------------------------------------------------------------------------------------


def test_csv_has_a_row_a_sample(run, tmp_path):
    EXPORTERS["csv"](run, tmp_path / "new" / "samples.csv")
    with (tmp_path / "new" / "samples.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["problem_id"], row["sample"], row["text"]) for row in rows] == [
        (one.problem.id, str(one.generation.sample), one.generation.text) for one in samples(run)
    ]
    assert [row["correct"] for row in rows] == [
        str(one.verdict.outcome == "correct") for one in samples(run)
    ]
    assert {row["reward"] for row in rows} == {""}


def test_a_model_writes_no_formula_into_a_spreadsheet(tmp_path):
    said = '=HYPERLINK("http://x", "\\boxed{-7}")'
    (tmp_path / "script.yaml").write_text(json.dumps({"rules": [{"text": said}]}))
    evaluate(model=f"fake:{tmp_path / 'script.yaml'}", tasks="arithmetic", limit=1,
             out=tmp_path / "run")  # fmt: skip
    EXPORTERS["csv"](load_run(tmp_path / "run"), tmp_path / "samples.csv")
    with (tmp_path / "samples.csv").open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert (row["text"], row["answer"]) == (f"'{said}", "-7")


def test_parquet_has_the_same_with_their_types(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    EXPORTERS["parquet"](run, tmp_path / "samples.parquet")
    rows = parquet.read_table(tmp_path / "samples.parquet").to_pylist()
    assert [(row["problem_id"], row["sample"], row["seed"]) for row in rows] == [
        (one.problem.id, one.generation.sample, one.generation.seed) for one in samples(run)
    ]
    assert {row["reward"] for row in rows} == {None}
    assert {type(row["correct"]) for row in rows} == {bool}


# --- Every Eval Ever ---------------------------------------------------------------------------

_PATH = (
    r"data/[^/]+/[^/]+/[^/]+/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


def test_every_eval_ever_has_a_document_and_a_row_a_sample(run, tmp_path):
    EXPORTERS["every-eval-ever"](run, tmp_path)
    documents = sorted(tmp_path.rglob("*.json"))
    assert len(documents) == len(TASKS)
    for document in documents:
        assert re.fullmatch(_PATH, document.relative_to(tmp_path).with_suffix("").as_posix())
        told = json.loads(document.read_text())
        detailed = told["detailed_evaluation_results"]
        content = (tmp_path / detailed["file_path"]).read_bytes()
        assert detailed["checksum"] == hashlib.sha256(content).hexdigest()
        assert detailed["total_rows"] == len(content.splitlines()) == 6
        [result] = [one for one in told["evaluation_results"]
                    if one["metric_config"]["metric_id"] == "avg"]  # fmt: skip
        task = result["evaluation_name"].partition(".")[2]
        [metric] = [one for one in run.metrics()
                    if (one.task, one.slice, one.name) == (task, "all", "avg")]  # fmt: skip
        assert result["score_details"]["score"] == metric.value
        interval = result["score_details"]["uncertainty"]["confidence_interval"]
        assert (interval["lower"], interval["upper"]) == (metric.low, metric.high)


def test_what_was_exported_is_imported_with_the_same_verdicts(run, tmp_path):
    EXPORTERS["every-eval-ever"](run, tmp_path / "eee")
    found = import_logs([tmp_path / "eee"], tmp_path / "back", LogOptions())
    [back] = {one.run.path for one in found.runs} or [None]
    again = load_run(back)
    outcomes = {(one.problem.id, one.generation.text): one.verdict.outcome for one in samples(run)}
    for task in again.tasks():
        for one in again.samples(task):
            assert outcomes[one.problem.id, one.generation.text] == one.verdict.outcome


# --- results -----------------------------------------------------------------------------------


def test_lm_eval_results_have_each_metric_with_its_error(run, tmp_path):
    EXPORTERS["lm-eval-results"](run, tmp_path / "results.json")
    told = json.loads((tmp_path / "results.json").read_text())
    for one in run.metrics():
        if one.slice == "all":
            assert told["results"][one.task][f"{one.name},none"] == one.value
            assert told["results"][one.task][f"{one.name}_stderr,none"] == one.se
    assert told["n-samples"]["arithmetic"]["effective"] == 3
    assert told["configs"]["arithmetic"]["repeats"] == 2


def test_a_model_index_names_the_model_and_its_metric(run, tmp_path):
    EXPORTERS["model-index"](run, tmp_path / "index.yaml")
    [model] = yaml.safe_load((tmp_path / "index.yaml").read_text())["model-index"]
    assert [one["dataset"]["name"] for one in model["results"]] == list(run.tasks())
    values = {one.task: 100 * one.value for one in run.metrics()
              if (one.slice, one.name) == ("all", "avg")}  # fmt: skip
    for one in model["results"]:
        [metric] = one["metrics"]
        assert metric["value"] == pytest.approx(values[one["dataset"]["name"]], abs=0.001)


def test_eval_results_are_of_tasks_on_the_hub_alone(run, folder, tmp_path):
    with pytest.raises(DataError, match="No task of this run has its problems from"):
        EXPORTERS["hf-eval-results"](run, tmp_path)
    told = json.loads((folder / "manifest.json").read_text())
    told["tasks"]["arithmetic"]["data"] |= {"source": "hub:owner/name main test", "revision": "ab"}
    hub = edited(folder, tmp_path / "hub", manifest(**told))
    EXPORTERS["hf-eval-results"](load_run(hub), tmp_path)
    [file] = (tmp_path / ".eval_results").iterdir()
    [row] = yaml.safe_load(file.read_text())
    assert row["dataset"] == {"id": "owner/name", "task_id": "arithmetic", "revision": "ab"}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])
    assert "95 % interval" in row["notes"]


class Tracker:
    """As much of wandb and mlflow as is called."""

    def __init__(self):
        self.told = {}
        self.params = {}

    def init(self, **settings):
        self.params = settings
        return SimpleNamespace(log=self.told.update, finish=lambda: None)

    def set_tracking_uri(self, uri):
        self.params["uri"] = uri

    def set_experiment(self, name):
        self.params["experiment"] = name

    def start_run(self, run_name):
        from contextlib import nullcontext

        return nullcontext(run_name)

    def log_params(self, params):
        self.params |= params

    def log_metrics(self, metrics):
        self.told.update(metrics)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_trackers_get_each_metric_with_its_interval(run, tmp_path, monkeypatch, name):
    tracker = Tracker()
    monkeypatch.setitem(sys.modules, name, tracker)
    EXPORTERS[name](run, tmp_path / "out")
    assert tracker.told == dict(tracked(run))
    assert {"arithmetic/avg", "arithmetic/avg_low", "arithmetic/avg_high"} <= tracker.told.keys()
    assert not [key for key in tracker.told if set(key) & set("@^")]
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=f"pip install {name}"):
        EXPORTERS[name](run, tmp_path / "out")


# --- tasks for lm-eval -------------------------------------------------------------------------


def loaded(place, name):
    """The module that a task's YAML names, as lm-eval loads it."""
    spec = spec_from_file_location(name, place / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Functions(yaml.SafeLoader):
    """YAML as lm-eval reads it: a function is named by a tag."""


Functions.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


def test_a_task_of_a_run_has_its_prompts_and_its_verdicts(run, tmp_path):
    EXPORTERS["lm-eval"](run, tmp_path)
    for task in TASKS:
        name = f"mathreason_{task.replace('-', '_')}"
        place = tmp_path / name
        config = yaml.load((place / f"{name}.yaml").read_text(), Functions)
        assert config["task"] == name
        assert config["generation_kwargs"]["max_gen_toks"] == run.manifest.tasks[task].max_tokens
        module = loaded(place, name)
        docs = [json.loads(line) for line in (place / "problems.jsonl").read_text().splitlines()]
        prompts = {one.problem_id: one.prompt for one in run.prompts(task)}
        by_id = {doc["id"]: doc for doc in docs}
        assert [doc["id"] for doc in docs] == [one.id for one in run.problems(task)]
        for doc in docs:
            assert module.prompt(doc) == prompts[doc["id"]].asked
        for function in ("doc_to_text", "doc_to_target", "process_results", "custom_dataset"):
            assert config[function].startswith(f"{name}.")
            assert callable(getattr(module, config[function].partition(".")[2]))
        for one in run.samples(task):
            made = one.generation
            thought = f"<think>{made.reasoning}</think>" if made.reasoning is not None else ""
            shares = module.process_results(by_id[one.problem.id], [thought + made.text])
            assert shares["correct"] == float(one.verdict.outcome == "correct")
            assert shares["no_answer"] == float(one.verdict.outcome == "no_answer")


def test_several_outputs_of_a_problem_are_averaged(tmp_path):
    [name] = write_tasks([asked_task(TaskRequest(task=load_task("arithmetic"), limit=1))], tmp_path)
    task = ExportedTask(tmp_path / name)
    doc = json.loads((tmp_path / name / "problems.jsonl").read_text())
    right = f"\\boxed{{{doc['gold'][0]}}}"
    assert task.process_results(doc, [[right, "no idea", right, "no idea"]]) == {
        "correct": 0.5, "no_answer": 0.5, "truncated": 0.0, "ungradable": 0.0,
    }  # fmt: skip
    assert task.target(doc) == doc["gold"][0]


def test_a_task_that_has_judged_is_copied_and_sent_to_other_processes(tmp_path):
    [name] = write_tasks([asked_task(TaskRequest(task=load_task("arithmetic"), limit=1))], tmp_path)
    task = ExportedTask(tmp_path / name)
    doc = json.loads((tmp_path / name / "problems.jsonl").read_text())
    told = task.process_results(doc, ["no idea"])
    for other in (
        copy.deepcopy(task.process_results),
        pickle.loads(pickle.dumps(task)).process_results,
    ):
        assert other(doc, ["no idea"]) == told


def test_prompts_of_the_assistant_are_refused(tmp_path):
    task = load_task("processbench")
    from mathreason_eval.types import Problem

    problem = Problem(id="p", question="q", gold=("-1",), given={"steps": ["one"]})
    turns = next(form for form in task.prompts.values() if form.turns)
    from mathreason_eval.pipeline.exporters.lm_eval import AskedTask
    from mathreason_eval.pipeline.plan import TaskRules
    from mathreason_eval.tasks.task import render

    rules = TaskRules.of(task)
    asked = AskedTask(
        name="x", version=1, prompt_id="turns", asked=[(problem, render(turns, problem))],
        max_tokens=1, grading=rules.grading, report=rules.reporting, folder=None,
    )  # fmt: skip
    with pytest.raises(DataError, match="turns of the assistant"):
        write_tasks([asked], tmp_path)


def test_a_grader_of_a_tasks_folder_is_found_where_the_task_is(tmp_path):
    [name] = write_tasks([asked_task(TaskRequest(task=load_task("arithmetic"), limit=1))], tmp_path)
    assert json.loads((tmp_path / name / "rules.json").read_text())["folder"] is None


def test_the_verb_writes_tasks_and_runs(folder, tmp_path, mathreason):
    done = mathreason("export", "lm-eval", "-t", "arithmetic", "--limit", 2, "-o", tmp_path / "t")
    assert (done.code, "--tasks mathreason_arithmetic --apply_chat_template" in done.err) == (
        0, True,
    )  # fmt: skip
    assert mathreason("export", "csv", folder, "-o", tmp_path / "a.csv").code == 0
    # fmt: off
    for words, told in [
        (("export", "csv", "-o", "x"),                                  "Name a RUN"),
        (("export", "csv", folder, "-t", "arithmetic", "-o", "x"),      "for lm-eval alone"),
        (("export", "lm-eval", folder, "-t", "arithmetic", "-o", "x"),  "Name a RUN, or tasks"),
        (("export", "cvs", folder, "-o", "x"),                          "Did you mean csv?"),
    ]:
        found = mathreason(*words)
        assert (found.code, told in found.err) == (2, True), words
    # fmt: on
