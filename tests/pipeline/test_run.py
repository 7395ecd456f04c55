"""Nothing is asked twice and nothing is lost, whatever ends a run."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from mathreason_eval.errors import DataError, IncompleteRunError, ModelError, RunError, UserError
from mathreason_eval.grade.graders import GRADERS, Grader
from mathreason_eval.models.base import Completion, Failure
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.store import load_run
from mathreason_eval.seeds import sample_seed
from mathreason_eval.types import Match, Outcome, SamplingEntry

PROBLEMS = 12


class Scripted:
    """A model whose every answer is a function of the request, and which can break."""

    def __init__(self, *, name="fake:scripted", breaks_after=None, refuses=(), chat=True):
        self.name, self.chat, self.context, self.opening = name, chat, None, ""
        self.breaks_after, self.refuses = breaks_after, refuses
        self.asked = []
        self.closed = 0

    def describe(self):
        return {"backend": "fake"}

    def stream(self, requests):
        for number, request in enumerate(requests):
            if number == self.breaks_after:
                raise ModelError("The engine died.", "Start it again.")
            self.asked.append((request.problem_id, request.sample))
            if request.problem_id in self.refuses:
                yield Failure(request=request, reason="the prompt is too long.")
                continue
            yield Completion(
                request=request,
                text=self.answer(request),
                finish_reason="stop",
                prompt_tokens=10,
                completion_tokens=5,
                seconds=0.1,
            )

    def answer(self, request):
        return rf"<think>hm {request.seed}</think>So \boxed{{{request.seed % 3}}}."

    def close(self):
        self.closed += 1


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "gsm8k.jsonl"
    rows = [{"id": f"p{i}", "question": f"{i}?", "gold": str(i % 3)} for i in range(PROBLEMS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"gsm8k": (str(path),)}


@pytest.fixture
def go(data, tmp_path):
    def start(model, out=tmp_path / "run", **settings):
        spec = RunSpec(**{"tasks": ("gsm8k",), "data": data, **settings})
        return run_tasks(spec, lambda: model, out)

    return start


def stored(run):
    return sorted((g.problem_id, g.sample) for g in run.generations("gsm8k"))


def test_a_run_holds_every_sample_judged(go):
    run = go(Scripted(), samples=3)
    assert len(run.generations("gsm8k")) == PROBLEMS * 3
    assert len(run.verdicts("gsm8k")) == PROBLEMS * 3
    assert run.manifest.finished is not None
    assert {m.name for m in run.metrics()} >= {"avg", "pass@2", "pass@3", "maj@3", "tokens"}


def test_the_reasoning_is_split_off(go):
    generation = go(Scripted()).generations("gsm8k")[0]
    assert generation.reasoning.startswith("hm")
    assert "<think>" not in generation.text


def test_unfinished_thinking_is_truncated_and_never_an_answer(go):
    model = Scripted()
    model.answer = lambda request: r"<think>maybe \boxed{0}, or"
    assert {v.outcome for v in go(model).verdicts("gsm8k")} == {Outcome.TRUNCATED}


# fmt: off
OPENED = [
    # what the model writes after the template's own <think>, outcome, reasoning
    (r"hm</think>So \boxed{0}.",  None,              "hm"),
    (r"maybe \boxed{0}, or",      Outcome.TRUNCATED, None),
]
# fmt: on


@pytest.mark.parametrize(("text", "outcome", "reasoning"), OPENED)
def test_thinking_that_the_template_opened_is_thinking(go, text, outcome, reasoning):
    model = Scripted()
    model.opening = "<think>"
    model.answer = lambda request: text
    run = go(model)
    assert {g.reasoning for g in run.generations("gsm8k")} == {reasoning}
    outcomes = {v.outcome for v in run.verdicts("gsm8k")}
    assert outcomes == ({outcome} if outcome else {Outcome.CORRECT, Outcome.WRONG})


def test_a_larger_n_asks_only_what_is_missing(go):
    go(Scripted(), samples=4)
    model = Scripted()
    run = go(model, samples=8)
    assert Counter(sample for _, sample in model.asked) == dict.fromkeys(range(4, 8), PROBLEMS)
    assert len(set(stored(run))) == len(stored(run)) == PROBLEMS * 8


def test_a_larger_limit_asks_only_what_is_missing(go):
    go(Scripted(), limit=5)
    model = Scripted()
    run = go(model)
    assert len(model.asked) == PROBLEMS - 5
    assert len(run.problems("gsm8k")) == PROBLEMS


def test_a_smaller_limit_takes_nothing_away(go):
    go(Scripted())
    assert len(go(Scripted(), limit=5).problems("gsm8k")) == PROBLEMS


@pytest.mark.parametrize("after", [0, 1, 5, PROBLEMS * 2 - 1])
def test_resuming_after_a_crash_equals_never_having_crashed(go, tmp_path, after):
    with pytest.raises(ModelError):
        go(Scripted(breaks_after=after), samples=2, temperature=0.6)
    broken = load_run(tmp_path / "run")
    assert len(broken.generations("gsm8k")) == len(broken.verdicts("gsm8k")) == after
    assert broken.manifest.finished is None
    resumed = go(Scripted(), samples=2)
    whole = go(Scripted(), samples=2, out=tmp_path / "whole")
    assert resumed.verdicts("gsm8k") == whole.verdicts("gsm8k")
    assert resumed.metrics() == whole.metrics()
    assert sorted(resumed.generations("gsm8k"), key=repr) == sorted(
        whole.generations("gsm8k"), key=repr
    )


def test_the_engine_is_closed_whatever_happens(go):
    model = Scripted(breaks_after=1)
    with pytest.raises(ModelError):
        go(model)
    assert model.closed


def test_a_sample_that_fails_is_missing_and_never_wrong(go, tmp_path):
    with pytest.raises(IncompleteRunError, match="1 samples could not be generated") as caught:
        go(Scripted(refuses=["p3"]))
    assert "the prompt is too long" in caught.value.what
    run = load_run(tmp_path / "run")
    assert len(run.verdicts("gsm8k")) == PROBLEMS - 1
    assert run.manifest.finished is None
    model = Scripted()
    assert go(model).manifest.finished is not None
    assert model.asked == [("p3", 0)]


def test_a_completion_that_cannot_be_handled_is_one_failure(go, tmp_path):
    model = Scripted()
    model.answer = lambda request: None if request.problem_id == "p3" else "#### 1"
    with pytest.raises(IncompleteRunError, match="1 samples could not be generated") as caught:
        go(model)
    assert "p3 sample 0: its completion could not be handled: TypeError" in caught.value.what
    assert len(load_run(tmp_path / "run").verdicts("gsm8k")) == PROBLEMS - 1


ANSWERS = 60
MOODY_TASK = """\
name: moods
version: 1
summary: Judged by a grader that raises at 13
license: MIT
data: {hub: nobody/moods, revision: "0000000000000000000000000000000000000000", split: test}
prompts: {plain: {template: plain.jinja, form: chat}}
extract: [hashes]
grade: moody
"""


def moody(gold, answer, convention):
    if answer == "13":
        raise ZeroDivisionError("unlucky")
    return Match(equal=gold == answer, rule="moody", note="compared as text")


@pytest.fixture
def ask_moody(monkeypatch, tmp_path):
    """Return a function that runs sixty problems whose right answers are their numbers."""
    monkeypatch.setitem(GRADERS._own, "moody", Grader(summary="raises at 13", compare=moody))
    folder = tmp_path / "tasks" / "moods"
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(MOODY_TASK)
    (folder / "plain.jinja").write_text("{{ problem.question }}")
    rows = [{"id": f"p{i}", "question": f"{i}", "gold": f"{i}"} for i in range(ANSWERS)]
    (tmp_path / "moods.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def ask(samples=1):
        model = Scripted()
        model.answer = lambda request: f"#### {request.problem_id[1:]}"
        data = {"moods": (str(tmp_path / "moods.jsonl"),)}
        dirs = (tmp_path / "tasks",)
        spec = RunSpec(tasks=("moods",), data=data, tasks_dirs=dirs, samples=samples)
        return run_tasks(spec, lambda: model, tmp_path / "run")

    return ask


@pytest.mark.parametrize("samples", [1, 2])
def test_a_grader_that_raises_on_one_answer_costs_that_answer_alone(ask_moody, samples):
    run = ask_moody(samples)
    counts = Counter(verdict.outcome for verdict in run.verdicts("moods"))
    assert counts == {Outcome.CORRECT: 59 * samples, Outcome.UNGRADABLE: samples}
    (failed,) = {v.note for v in run.verdicts("moods") if v.outcome is Outcome.UNGRADABLE}
    assert failed == "the grader failed: ZeroDivisionError: unlucky"
    assert run.manifest.finished is not None
    assert {metric.name: metric.value for metric in run.metrics()}["ungradable"] == 1 / ANSWERS


def test_a_grader_that_raises_costs_a_regrading_one_verdict(ask_moody, monkeypatch, tmp_path):
    right = Match(equal=True, rule="moody", note="fine")
    fine = Grader(summary="accepts everything", compare=lambda *_: right)
    monkeypatch.setitem(GRADERS._own, "moody", fine)
    run = ask_moody()
    assert {verdict.outcome for verdict in run.verdicts("moods")} == {Outcome.CORRECT}
    monkeypatch.setitem(GRADERS._own, "moody", replace(fine, compare=moody))
    done = regrade(run.path, tasks_dirs=(tmp_path / "tasks",))
    (flip,) = done.flips
    assert (flip.after.problem_id, flip.after.outcome) == ("p13", Outcome.UNGRADABLE)
    assert len(done.run.verdicts("moods")) == ANSWERS


def test_every_sample_has_the_seed_of_its_name(go):
    for generation in go(Scripted(), samples=2, seed=7).generations("gsm8k"):
        assert generation.seed == sample_seed(7, generation.problem_id, generation.sample)


# fmt: off
OTHER_SETTINGS = [
    ({"temperature": 0.3}, "temperature"),
    ({"top_p": 0.5},       "top_p"),
    ({"max_tokens": 3},    "gsm8k max_tokens"),
    ({"seed": 1},          "seed"),
    ({"prompt": "few-shot"}, "gsm8k prompt"),
]
# fmt: on


@pytest.mark.parametrize(("change", "named"), OTHER_SETTINGS)
def test_another_setting_is_another_run(go, change, named):
    go(Scripted(), samples=2)
    with pytest.raises(RunError, match=named) as caught:
        go(Scripted(), samples=2, **change)
    assert "-o" in caught.value.hint


def test_another_model_is_another_run(go):
    go(Scripted())
    with pytest.raises(RunError, match="model name"):
        go(Scripted(name="fake:other"))


def test_other_data_are_another_run(go, data, tmp_path):
    go(Scripted())
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "p0", "question": "other?", "gold": "1"}\n')
    with pytest.raises(RunError, match="data_sha256"):
        go(Scripted(), data={"gsm8k": (str(other),)})


def test_a_second_task_joins_and_the_first_keeps_its_metrics(go):
    first = list(go(Scripted()).metrics())
    both = go(Scripted(), tasks=("arithmetic",), data={}, limit=4)
    assert set(both.tasks()) == {"gsm8k", "arithmetic"}
    assert [m for m in both.metrics() if m.task == "gsm8k"] == first


def test_the_default_folder_is_the_same_for_a_larger_n(go, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert go(Scripted(), out=None, samples=2).path == go(Scripted(), out=None, samples=4).path


def test_a_base_model_is_asked_with_text(go):
    run = go(Scripted(chat=False))
    assert run.manifest.tasks["gsm8k"].prompt.id == "few-shot"


def test_data_for_a_task_that_is_not_asked_is_a_slip(go, data):
    with pytest.raises(UserError, match="gsm8k"):
        go(Scripted(), tasks=("arithmetic",), data=data)


def test_a_slip_shows_before_the_engine_is_opened(data):
    opened = []
    with pytest.raises(UserError):
        run_tasks(RunSpec(tasks=("gsm8",), data={}), partial(opened.append, 1), None)
    assert not opened


def test_regrading_what_did_not_change_flips_nothing(go):
    run = go(Scripted(), samples=2)
    done = regrade(run.path)
    assert done.flips == ()
    assert done.before == done.after == run.metrics()


def test_regrading_shows_what_flipped(go):
    run = go(Scripted())
    path = run.path / "gsm8k" / "verdicts.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    was = rows[0]["outcome"]
    rows[0]["outcome"] = "ungradable"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (flip,) = regrade(run.path).flips
    assert (flip.before.outcome, flip.after.outcome) == (Outcome.UNGRADABLE, Outcome(was))


def test_the_manifest_says_what_was_done(go):
    manifest = go(Scripted(), samples=2).manifest
    entry = manifest.tasks["gsm8k"]
    assert entry.data.rows == PROBLEMS
    assert entry.data.source == "gsm8k.jsonl"
    assert len(entry.data.sha256) == len(entry.prompt.sha256) == 64
    assert entry.prompt.id == "boxed"
    assert manifest.sampling == SamplingEntry(temperature=0.6, top_p=0.95)
    assert manifest.totals.completion_tokens == PROBLEMS * 2 * 5


SHOTS_TASK = """\
name: sums
version: 1
summary: Sums
license: MIT
data: {hub: nobody/sums, revision: "0000000000000000000000000000000000000000", split: test}
prompts:
  two-shot: {template: two-shot.jinja, form: text, stop: "Question:", shots: 2}
extract: [hashes]
grade: number
"""
TWO_SHOT = """\
{% for shot in shots %}{{ shot.question }} {{ shot.meta.solution }}
{% endfor %}{{ problem.question }}"""


@pytest.fixture
def shots_task(tmp_path):
    """A task whose prompt shows two solved problems; return (folder of tasks, data)."""
    folder = tmp_path / "tasks" / "sums"
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(SHOTS_TASK)
    (folder / "two-shot.jinja").write_text(TWO_SHOT)
    asked, solved = tmp_path / "asked.jsonl", tmp_path / "solved.jsonl"
    asked.write_text(json.dumps({"question": "9+9?", "answer": "#### 18"}) + "\n")
    lines = [{"question": f"{i}+1?", "answer": f"One more: #### {i + 1}"} for i in range(3)]
    solved.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "tasks", {"sums": (str(asked),), "sums:shots": (str(solved),)}


def test_a_few_shot_prompt_shows_the_first_solved_problems(shots_task, tmp_path):
    tasks_dir, data = shots_task
    spec = RunSpec(tasks=("sums",), data=data, tasks_dirs=(tasks_dir,))
    model = Scripted(chat=False)
    prompts = []
    model.answer = lambda request: prompts.append(request.prompt.text) or "#### 18"
    run_tasks(spec, lambda: model, tmp_path / "run")
    assert prompts == ["0+1? One more: #### 1\n1+1? One more: #### 2\n9+9?"]


def test_other_shots_are_another_prompt(shots_task, tmp_path):
    tasks_dir, data = shots_task
    spec = RunSpec(tasks=("sums",), data=data, tasks_dirs=(tasks_dir,))
    run_tasks(spec, lambda: Scripted(chat=False), tmp_path / "run")
    solved = tmp_path / "others.jsonl"
    solved.write_text(json.dumps({"question": "5+1?", "answer": "#### 6"}) + "\n")
    other = {**data, "sums:shots": (str(solved), *data["sums:shots"])}
    with pytest.raises(RunError, match="prompt_sha256"):
        run_tasks(replace(spec, data=other), lambda: Scripted(chat=False), tmp_path / "run")


def test_a_few_shot_prompt_without_enough_solved_problems_is_an_error(shots_task, tmp_path):
    tasks_dir, data = shots_task
    short = {**data, "sums:shots": data["sums"]}
    spec = RunSpec(tasks=("sums",), data=short, tasks_dirs=(tasks_dir,))
    with pytest.raises(DataError, match="shows 2 solved problems"):
        run_tasks(spec, lambda: Scripted(chat=False), tmp_path / "run")
