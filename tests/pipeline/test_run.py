"""Nothing is asked twice and nothing is lost, whatever ends a run."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import ANY, Mock

import pytest

from mathreason_eval.errors import DataError, IncompleteRunError, ModelError, RunError, UserError
from mathreason_eval.grade.graders import GRADERS, Grader
from mathreason_eval.grade.judge import Judge
from mathreason_eval.models.base import Completion, Failure
from mathreason_eval.pipeline import grading
from mathreason_eval.pipeline import run as running
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.completeness import missing_samples
from mathreason_eval.runs.manifest import RoundingWarning
from mathreason_eval.runs.store import ForeignSampleWarning, load_run
from mathreason_eval.runs.writer import RunWriter
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


# fmt: off
SESSIONS = [
    # (problems, samples) of the first and the second session; (problems, samples) that the folder
    # says were asked; how many were asked in the second; whether the run is complete
    ((6, 2),  (6, 4),   (6, 4),   12, True),
    ((6, 4),  (6, 2),   (6, 4),    0, True),
    ((6, 2),  (12, 2),  (12, 2),  12, True),
    ((12, 2), (6, 2),   (12, 2),   0, True),
    ((6, 2),  (12, 4),  (12, 4),  36, True),
    ((12, 4), (6, 2),   (12, 4),   0, True),
    ((12, 2), (6, 4),   (12, 4),  12, False),
    ((6, 4),  (12, 2),  (12, 4),  12, False),
]
# fmt: on


@pytest.mark.parametrize(("first", "second", "says", "asked", "complete"), SESSIONS)
def test_the_most_that_was_asked_is_what_a_run_holds(go, first, second, says, asked, complete):
    go(Scripted(), limit=first[0], samples=first[1], temperature=0.6)
    model = Scripted()
    run = go(model, limit=second[0], samples=second[1])
    entry = run.manifest.tasks["gsm8k"]
    assert (entry.problems, entry.limit, entry.samples) == (says[0], *says)
    assert len(model.asked) == asked
    assert (missing_samples(run, "gsm8k") == 0) == complete == (run.manifest.finished is not None)
    again = Scripted()
    whole = go(again, limit=says[0], samples=says[1])
    assert len(again.asked) == missing_samples(run, "gsm8k")
    assert whole.manifest.finished is not None


def test_a_task_that_joins_with_other_numbers_leaves_the_others_as_they_are(go):
    go(Scripted(), samples=2, limit=5)
    both = go(Scripted(), tasks=("gsm8k", "arithmetic"), samples=3, limit=2)
    tasks = both.manifest.tasks
    assert [(one.problems, one.samples) for one in tasks.values()] == [(5, 3), (2, 3)]
    third = go(Scripted(), tasks=("word-problems",), data={}, samples=1, limit=4, temperature=0.6)
    assert {name: one.samples for name, one in third.manifest.tasks.items()} == {
        "gsm8k": 3, "arithmetic": 3, "word-problems": 1,
    }  # fmt: skip
    assert {task: missing_samples(third, task) for task in third.tasks()} == {
        "gsm8k": 3, "arithmetic": 0, "word-problems": 0,
    }  # fmt: skip
    assert third.manifest.finished is None
    assert go(Scripted(), samples=3, limit=5).manifest.finished is not None


def rewritten(data, change):
    path = Path(data["gsm8k"][0])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in change(rows)))


MORE = {"id": "more", "question": "12?", "gold": "0"}
OTHER = {"id": "p0", "question": "0?", "gold": "2"}
# fmt: off
DATA_CHANGES = [
    # the limit of both sessions, how the rows change in between; what the second one asks or says
    (5,    lambda rows: [*rows, MORE],                   0),
    (None, lambda rows: [*rows, MORE],                   1),
    (5,    lambda rows: rows[:9],                        0),
    (5,    lambda rows: rows[:5],                        0),
    (5,    lambda rows: [*rows[:5], MORE],               0),
    (PROBLEMS, lambda rows: rows[::-1],                  0),
    (None, lambda rows: rows[::-1],                      0),
    (None, lambda rows: rows[:9],                        "3 problems of gsm8k that are not asked"),
    (5,    lambda rows: rows[:4],                        "the problem p. of gsm8k, which is not a"),
    (5,    lambda rows: rows[::-1],                      "5 problems of gsm8k that are not asked"),
    (5,    lambda rows: [MORE, *rows],                   "the problem p. of gsm8k, which is not a"),
    (5,    lambda rows: [OTHER, *rows[1:]],              "another problem p0 of gsm8k"),
    (None, lambda rows: [*rows[:3], *rows[4:], MORE],    "the problem p. of gsm8k, which is not a"),
]
# fmt: on


@pytest.mark.parametrize(("limit", "change", "then"), DATA_CHANGES)
def test_data_may_change_where_nothing_was_asked(go, data, limit, change, then):
    go(Scripted(), limit=limit)
    rewritten(data, change)
    model = Scripted()
    if isinstance(then, int):
        go(model, limit=limit)
        assert len(model.asked) == then
    else:
        with pytest.raises(RunError, match=then) as caught:
            go(model, limit=limit)
        assert "-o" in caught.value.hint
        assert not model.asked


@pytest.mark.parametrize(
    ("change", "written"),
    [
        (lambda rows: rows, False),
        (lambda rows: rows[::-1], True),
        (lambda rows: [*rows, MORE], True),
    ],
)
def test_problems_and_prompts_are_written_only_where_they_differ(
    go, data, tmp_path, change, written
):
    task = go(Scripted()).path / "gsm8k"
    for name in ("problems", "prompts"):
        (tmp_path / name).hardlink_to(task / f"{name}.jsonl")
    rewritten(data, change)
    run = go(Scripted())
    for name in ("problems", "prompts"):
        assert (tmp_path / name).samefile(task / f"{name}.jsonl") is not written
    assert len(run.problems("gsm8k")) == len(run.prompts("gsm8k"))


def test_data_of_fewer_problems_do_not_stand_for_those_of_more(go, data):
    before = go(Scripted(), limit=10).manifest.tasks["gsm8k"].data
    rewritten(data, lambda rows: [*rows[:8], MORE])
    assert go(Scripted(), limit=5).manifest.tasks["gsm8k"].data == before


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
    with pytest.raises(IncompleteRunError, match="1 of 12 samples could not") as caught:
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
    with pytest.raises(IncompleteRunError, match="1 of 12 samples could not") as caught:
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
    with pytest.raises(RunError, match="another problem p0 of gsm8k"):
        go(Scripted(), data={"gsm8k": (str(other),)})


def test_a_second_task_joins_and_the_first_keeps_its_metrics(go):
    first = list(go(Scripted()).metrics())
    both = go(Scripted(), tasks=("arithmetic",), data={}, limit=4)
    assert set(both.tasks()) == {"gsm8k", "arithmetic"}
    assert [m for m in both.metrics() if m.task == "gsm8k"] == first


def test_a_run_is_finished_when_all_of_its_tasks_are(go):
    more = {"tasks": ("arithmetic",), "data": {}, "limit": 4}
    with pytest.raises(ModelError):
        go(Scripted(breaks_after=3))
    assert go(Scripted(), **more).manifest.finished is None
    assert go(Scripted()).manifest.finished is not None
    sampled = {"samples": 2, "temperature": 0.0}
    # Each task has its own number of samples: the other one is as complete as it was.
    assert go(Scripted(), **sampled).manifest.finished is not None


@pytest.mark.parametrize("setting", [{"temperature": 0}, {"temperature": 1}, {"top_p": 1}])
def test_a_setting_given_as_a_whole_number_keeps_its_samples(go, setting):
    run = go(Scripted(), **setting)
    assert load_run(run.path).generations("gsm8k") == run.generations("gsm8k")
    again = Scripted()
    assert go(again, **{name: float(value) for name, value in setting.items()}).path == run.path
    assert not again.asked


class Described(Scripted):
    """A model that says of itself what it is told to."""

    def __init__(self, **described):
        super().__init__()
        self.described = described

    def describe(self):
        return {"backend": "fake", **self.described}


# fmt: off
OTHER_MODELS = [
    ({"engine": "a 1"}, {"engine": "a 2"}, "model engine was a 1, is a 2"),
    ({}, {"engine": "a 2"}, "model engine was unknown, is a 2"),
    ({"engine": "a 1"}, {}, "model engine was a 1, is unknown"),
    ({"sha256": "aa"}, {"sha256": "bb"}, "model sha256 was aa, is bb"),
    ({"options": {"dtype": "a"}}, {"options": {"dtype": "b"}}, "model dtype was a, is b"),
    ({"options": {"body": {"thinking": True}}}, {"options": {"body": {"thinking": False}}},
     "model body.thinking was True, is False"),
    # Python takes 1 for True, and two ways through nested names may be spelled alike.
    ({"options": {"body": {"a": 1}}}, {"options": {"body": {"a": True}}},
     "model body.a was 1, is True"),
    ({"options": {"body": {"a": 1}}}, {"options": {"body": {"a": "1"}}},
     'model body.a was 1, is "1"'),
    ({"options": {"body": {"a": {"b_c": 1}}}}, {"options": {"body": {"a_b": {"c": 1}}}},
     "model body.a.b_c was 1, is unknown, model body.a_b.c was unknown, is 1"),
    ({"options": {"body": {"a.b": 1}}}, {"options": {"body": {"a": {"b": 1}}}},
     'model body."a.b" was 1, is unknown, model body.a.b was unknown, is 1'),
    ({"options": {"body": {"a": None}}}, {"options": {"body": {"b": 1}}},
     "model body.a was null, is unknown, model body.b was unknown, is 1"),
    ({"engine": None}, {}, "model engine was null, is unknown"),
    ({"options": {"body": {}}}, {"options": {"body": {"thinking": False}}}, "model body.thinking"),
]
# fmt: on


@pytest.mark.parametrize(("before", "after", "named"), OTHER_MODELS)
def test_whatever_an_engine_says_of_itself_is_a_condition(go, before, after, named):
    go(Described(**before))
    with pytest.raises(RunError) as caught:
        go(Described(**after))
    assert named in str(caught.value)


@pytest.mark.parametrize(("before", "after", "named"), OTHER_MODELS)
def test_other_conditions_have_a_default_folder_of_their_own(
    go, tmp_path, monkeypatch, before, after, named
):
    monkeypatch.chdir(tmp_path)
    first, second = (go(Described(**said), out=None) for said in (before, after))
    assert first.path != second.path
    assert first.path.name.startswith("scripted--gsm8k--")


def test_how_requests_are_run_may_change_and_rounding_is_said(go):
    go(Described(scheduling={"threads": 1}, rounding={"batch_size": 8}))
    again = Described(scheduling={"threads": 2}, rounding={"batch_size": 32})
    with pytest.warns(RoundingWarning, match="batch_size was 8, is 32"):
        run = go(again)
    assert not again.asked
    assert run.manifest.model.details["rounding"] == {"batch_size": [8, 32]}
    assert go(again).manifest == replace(run.manifest, finished=ANY, sessions=ANY, totals=ANY)


def test_a_folder_without_samples_takes_other_settings(go):
    with pytest.raises(ModelError):
        go(Scripted(breaks_after=0))
    assert len(stored(go(Scripted(name="fake:other"), temperature=0.3))) == PROBLEMS


def test_a_folder_without_samples_has_no_sampling_and_no_second_grader_to_go_on_with(go):
    with pytest.raises(ModelError):
        go(Scripted(breaks_after=0), temperature=0.9, top_p=0.5, second="text")
    run = go(Scripted())
    assert run.manifest.sampling == SamplingEntry(temperature=0.0, top_p=1.0)
    assert run.manifest.tasks["gsm8k"].grading.second is None


def test_what_a_folder_without_samples_was_to_ask_does_not_stay(go, tmp_path):
    with pytest.raises(ModelError):
        go(Scripted(breaks_after=0))
    other = tmp_path / "other.jsonl"
    rows = [{"id": f"p{i}", "question": f"{i} more?", "gold": "7"} for i in range(2)]
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = go(Scripted(), data={"gsm8k": (str(other),)})
    assert [one.gold for one in load_run(run.path).problems("gsm8k")] == [("7",), ("7",)]
    assert not regrade(run.path).flips


def test_another_problem_of_the_same_id_is_refused(go):
    path = go(Scripted()).path / "gsm8k" / "problems.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), "gold": ["9"]}), *rest]) + "\n")
    with pytest.raises(RunError, match="another problem p0"):
        go(Scripted())


EARLIER = {"parallel": 8, "rules": 1, "fingerprint": "ff", "engine_args": {"dtype": "a"}}
"""What was recorded of models before there were keys, and is recorded by other names now."""


def without_keys(run):
    """Make of a run's folder one that was written before there were keys."""
    path = run.path / "gsm8k" / "generations.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**row, "key": None}) + "\n" for row in rows))
    (run.path / "gsm8k" / "prompts.jsonl").unlink()
    manifest = json.loads((run.path / "manifest.json").read_text())
    del manifest["unkeyed"], manifest["adopted"]
    manifest["model"]["details"] |= EARLIER
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    return load_run(run.path)


def test_samples_without_keys_are_read_and_extended_only_when_adopted(go):
    whole = go(Scripted(), samples=2)
    earlier = without_keys(whole)
    assert len(earlier.generations("gsm8k")) == 2 * PROBLEMS
    assert regrade(earlier.path).run.metrics() == whole.metrics()
    with pytest.raises(RunError, match="do not say under which conditions") as caught:
        go(Scripted(), samples=3)
    assert "--adopt" in caught.value.hint
    model = Scripted()
    grown = go(model, samples=3, adopt=True)
    assert {sample for _, sample in model.asked} == {2}
    assert len(grown.generations("gsm8k")) == 3 * PROBLEMS
    assert grown.manifest.adopted == 2 * PROBLEMS
    assert len(load_run(grown.path).generations("gsm8k")) == 3 * PROBLEMS
    assert go(Scripted(), samples=4).manifest.adopted == 2 * PROBLEMS
    with pytest.raises(RunError, match="model engine was unknown, is b"):
        go(Described(engine="b"), samples=4, adopt=True)


def test_what_a_folder_says_must_agree_with_what_adopts_it(go):
    without_keys(go(Scripted()))
    with pytest.raises(RunError, match=r"temperature was 0\.0, is 0\.3"):
        go(Scripted(), temperature=0.3, adopt=True)
    with pytest.raises(RunError, match="model name"):
        go(Scripted(name="fake:other"), adopt=True)


def test_a_version_that_a_folder_names_must_agree_with_what_adopts_it(go):
    without_keys(go(Described(engine="a 1")))
    with pytest.raises(RunError, match="model engine was a 1, is a 2"):
        go(Described(engine="a 2"), adopt=True)


def test_another_prompt_of_a_problem_is_refused(go):
    run = go(Scripted())
    path = run.path / "gsm8k" / "prompts.jsonl"
    path.write_text(path.read_text().replace("3?", "33?"))
    with pytest.raises(RunError, match="another prompt of p3"):
        go(Scripted())


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


def writing_before_the_lock(change):
    """Return a writer before whose lock another process changes the folder."""

    class Late(RunWriter):
        def __init__(self, path):
            with RunWriter(path) as other:
                change(other)
            super().__init__(path)

    return Late


def test_regrading_judges_what_was_written_until_it_had_the_folder(go, monkeypatch):
    run = go(Scripted())
    held = run.generations("gsm8k")
    manifest = replace(run.manifest, totals=None)
    more = run.verdicts("gsm8k")[:4]

    def change(other):
        other.write_manifest(manifest)
        other.write_samples("gsm8k", held[:4])
        other.write_verdicts("gsm8k", more)

    monkeypatch.setattr(grading, "RunWriter", writing_before_the_lock(change))
    done = regrade(run.path)
    assert done.run.manifest == load_run(run.path).manifest == manifest
    assert done.flips == ()
    assert load_run(run.path).verdicts("gsm8k") == more


def test_a_run_goes_on_with_what_was_written_until_it_had_the_folder(go, monkeypatch):
    run = go(Scripted())
    entry = run.manifest.tasks["gsm8k"]
    judged = replace(entry, grading=replace(entry.grading, second="number"))
    monkeypatch.setattr(
        running,
        "RunWriter",
        writing_before_the_lock(
            lambda other: other.write_manifest(replace(run.manifest, tasks={"gsm8k": judged}))
        ),
    )
    again = Scripted()
    assert go(again).manifest.tasks["gsm8k"].grading.second == "number"
    assert not again.asked


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


# --- verdicts and sessions -------------------------------------------------------------------


@pytest.fixture
def judged(monkeypatch):
    """The samples that a judge was asked about."""
    asked = []
    verdict = Judge.verdict

    def noted(self, problem, generation, options, **said):
        asked.append((generation.problem_id, generation.sample))
        return verdict(self, problem, generation, options, **said)

    monkeypatch.setattr(Judge, "verdict", noted)
    return asked


def verdict_file(run):
    return run.path / "gsm8k" / "verdicts.jsonl"


def edited(run, change):
    """Change the rows of the verdicts in a run's folder."""
    rows = [json.loads(line) for line in verdict_file(run).read_text().splitlines()]
    text = "".join(json.dumps(row) + "\n" for row in change(rows))
    verdict_file(run).write_text(text)


def damaged(rows, **values):
    return [{**rows[0], **values}, *rows[1:]]


# fmt: off
TO_JUDGE = [
    # what a killed session left of the verdicts; how many are judged again
    (lambda rows: rows,                                          0),
    (lambda rows: rows[::-1],                                    0),
    (lambda rows: rows[:5],                                      PROBLEMS - 5),
    (lambda rows: [],                                            PROBLEMS),
    (lambda rows: [{**rows[0], "outcome": "wrong", "judged_by": "7-0"}, *rows], 0),
    (lambda rows: damaged(rows, judged_by="7-00000000"),         1),
    (lambda rows: damaged(rows, judged_by=None),                 1),
    (lambda rows: damaged(rows, judged_output="0" * 16),         1),
    (lambda rows: damaged(rows, judged_output=None),             1),
    (lambda rows: damaged(rows, rule="worker", outcome="ungradable"), 1),
    (lambda rows: damaged(rows, rule="error", outcome="ungradable"),  1),
]
# fmt: on


@pytest.mark.parametrize(("change", "number"), TO_JUDGE)
def test_a_session_judges_what_is_not_judged_and_leaves_the_same_file(go, judged, change, number):
    run = go(Scripted())
    before = verdict_file(run).read_bytes()
    edited(run, change)
    judged.clear()
    again = go(Scripted())
    assert len(judged) == len(set(judged)) == number
    assert load_run(run.path).verdicts("gsm8k") == again.verdicts("gsm8k")
    rows = [json.loads(line) for line in verdict_file(run).read_text().splitlines()]
    assert rows == [json.loads(line) for line in before.splitlines()]
    assert again.metrics() == run.metrics()


def test_another_text_in_place_of_a_judged_one_is_judged(go, judged):
    run = go(Scripted())
    path = run.path / "gsm8k" / "generations.jsonl"
    path.write_text(path.read_text().replace("boxed{0}", "boxed{1}"))
    with pytest.warns(ForeignSampleWarning, match="are on other samples"):
        assert len(load_run(run.path).verdicts("gsm8k")) < PROBLEMS
    judged.clear()
    assert len(go(Scripted()).verdicts("gsm8k")) == PROBLEMS
    assert 0 < len(judged) < PROBLEMS


def test_totals_are_sums_over_the_sessions(go, tmp_path):
    with pytest.raises(ModelError):
        go(Scripted(breaks_after=5))
    with pytest.raises(IncompleteRunError):
        go(Scripted(refuses=["p7", "p8"]))
    manifest = go(Scripted()).manifest
    told = [(str(one.end), one.samples, one.failures) for one in manifest.sessions]
    assert told == [("error", 5, 0), ("incomplete", 5, 2), ("complete", 2, 0)]
    assert manifest.totals.completion_tokens == PROBLEMS * 5
    assert manifest.totals.failures == 2
    seconds = sum(one.seconds for one in manifest.sessions)
    assert manifest.totals.generation_seconds == pytest.approx(seconds, abs=1e-3)
    assert load_run(tmp_path / "run").manifest == manifest


def test_a_sample_that_is_there_twice_has_its_tokens_once(go):
    path = go(Scripted()).path / "gsm8k" / "generations.jsonl"
    path.write_bytes(path.read_bytes() * 2)
    assert go(Scripted(), samples=2).manifest.totals.completion_tokens == 2 * PROBLEMS * 5


def test_what_a_killed_session_stored_is_found_by_the_next(go):
    run = go(Scripted(), samples=2)
    path = run.path / "manifest.json"
    row = json.loads(path.read_text())
    unknown = dict.fromkeys(row["sessions"][0])
    row["sessions"][0] = {**unknown, "began": row["started"]}
    path.write_text(json.dumps({**row, "totals": None, "finished": None}))
    manifest = go(Scripted(), samples=3).manifest
    killed, last = manifest.sessions
    assert (killed.samples, killed.completion_tokens) == (2 * PROBLEMS, 10 * PROBLEMS)
    assert (killed.end, killed.seconds, last.samples) == (None, None, PROBLEMS)
    assert manifest.totals.completion_tokens == 15 * PROBLEMS
    assert manifest.totals.generation_seconds == last.seconds


def test_who_watches_is_told_of_the_verdicts_that_are_kept(go, judged):
    run = go(Scripted())
    watcher = Mock()
    spec = RunSpec(tasks=("gsm8k",), data={"gsm8k": (str(run.path.parent / "gsm8k.jsonl"),)})
    judged.clear()
    run_tasks(spec, Scripted, run.path, watcher=watcher)
    assert not judged
    told = [call.args[1] for call in watcher.judged.call_args_list]
    assert sorted(told, key=repr) == sorted(run.verdicts("gsm8k"), key=repr)
    watcher.began.assert_called_once_with(asked=PROBLEMS, stored=PROBLEMS)
