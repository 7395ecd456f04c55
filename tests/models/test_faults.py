"""After a server has healed, the same command ends with the verdicts of an undisturbed run."""

from __future__ import annotations

from functools import partial

import pytest
from fault_server import EMPTY, FAILS, KEY, KINDS, REFUSED, TRUNCATED, FaultServer
from serving import serving

from mathreason_eval.errors import IncompleteRunError, ModelError, RunError, UserError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.types import Message, Outcome, Prompt, Sampling

LIMIT = 2 * len(KINDS)
"""Every second problem is answered at once: a server that fails them all is another test."""
TIMEOUT = {"timeout": "0.8", "retries": "0", "grace": "0.1"}


@pytest.fixture
def server():
    with serving(FaultServer()) as running:
        yield running


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return (undisturbed, disturbed, healed, problem ids by kind, prompts asked after healing)."""
    folder = tmp_path_factory.mktemp("runs")
    with serving(FaultServer()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)

        def go(name, **more):
            spec = RunSpec(tasks=("arithmetic",), limit=LIMIT)
            options = {"concurrency": "8", **more}
            run_tasks(spec, lambda: open_model(f"openai:m@{server.url}", options), folder / name)

        go("whole")
        whole = load(folder / "whole")
        problems = whole.problems("arithmetic")[1::2]
        ids = {kind: problem.id for kind, problem in zip(KINDS, problems, strict=True)}
        server.kinds = {p.question: kind for kind, p in zip(KINDS, problems, strict=True)}
        with pytest.raises(IncompleteRunError):
            go("hurt", **TIMEOUT)
        hurt = load(folder / "hurt")
        hurt.generations("arithmetic"), hurt.failures("arithmetic"), hurt.verdicts("arithmetic")
        server.heal()
        go("hurt")
        asked = list(server.asked)
    return whole, hurt, load(folder / "hurt"), ids, asked


def load(path):
    from mathreason_eval.runs.store import load_run

    return load_run(path)


def by_id(records):
    return {record.problem_id: record for record in records}


OUTCOMES = {REFUSED: Outcome.NO_ANSWER, EMPTY: Outcome.NO_ANSWER, TRUNCATED: Outcome.TRUNCATED}


def test_there_are_enough_kinds():
    assert len(KINDS) >= 70


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_after_healing_the_verdicts_are_those_of_an_undisturbed_run(runs, kind):
    whole, hurt, healed, ids, asked = runs
    fate, problem = KINDS[kind][0], ids[kind]
    samples, failures = by_id(hurt.generations("arithmetic")), by_id(hurt.failures("arithmetic"))
    want, got = by_id(whole.verdicts("arithmetic"))[problem], by_id(healed.verdicts("arithmetic"))
    question = by_question(whole)[problem]
    assert (problem in samples, problem in failures) == (fate != FAILS, fate == FAILS)
    assert any(question in prompt for prompt in asked) == (fate == FAILS)
    if fate in OUTCOMES:
        assert got[problem].outcome is OUTCOMES[fate]
        assert samples[problem].refused == (fate == REFUSED)
    else:
        assert (got[problem].outcome, got[problem].answer) == (want.outcome, want.answer)
    if fate == FAILS:
        assert failures[problem].reason
        assert failures[problem].tries >= 2 or failures[problem].kind == "context"
        assert KEY not in failures[problem].reason


def by_question(run):
    return {problem.id: problem.question for problem in run.problems("arithmetic")}


@pytest.mark.slow
def test_a_run_goes_on_with_the_model_that_answered_it(server, tmp_path, monkeypatch):
    """An alias that names another model since is noticed where the server says which it was."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def go(limit):
        spec = RunSpec(tasks=("arithmetic",), limit=limit)
        opener = partial(open_model, f"openai:m@{server.url}", {"retries": "0"})
        return run_tasks(spec, opener, tmp_path / "run")

    assert [one.answered_by for one in go(2).manifest.sessions] == ["m"]
    server.every = "another model"
    with pytest.raises(UserError, match="the model smaller answered it, and m others"):
        go(4)
    assert len(load(tmp_path / "run").infos("arithmetic")) == 2
    server.every = None
    assert len(go(4).infos("arithmetic")) == 4


@pytest.mark.slow
def test_what_was_not_disturbed_is_as_it_was(runs):
    whole, hurt, healed, ids, _ = runs
    others = set(by_question(whole)) - set(ids.values())
    before, after = by_id(whole.verdicts("arithmetic")), by_id(healed.verdicts("arithmetic"))
    assert {one: after[one] for one in others} == {one: before[one] for one in others}
    assert others <= by_id(hurt.generations("arithmetic")).keys()
    assert len(after) == LIMIT
    assert not healed.failures("arithmetic")


@pytest.mark.slow
def test_odd_texts_are_kept_and_odd_counts_are_unknown(runs):
    _, _, healed, ids, _ = runs
    samples = by_id(healed.generations("arithmetic"))
    texts = {name: samples[ids[name]].text for name in KINDS if name.startswith("text with")}
    assert texts["text with half a character"].startswith("\ud800 ")
    assert texts["text with NUL"].startswith("\0 ")
    assert texts["text with U+2028"].startswith("\u2028 ")
    assert len(texts["text with 10 MB"]) > 10_000_000
    counts = {samples[ids[name]].completion_tokens for name in KINDS if name.startswith("usage")}
    assert counts == {None}


DEAD = [
    kind for kind, (fate, _) in KINDS.items()
    if fate == FAILS and kind not in {"context", "another model"}
]  # fmt: skip


def requests(count):
    sampling = Sampling(max_tokens=16)
    for number in range(count):
        prompt = Prompt(messages=(Message(role="user", content=f"{number} + 1"),))
        yield Request(task="t", problem_id=str(number), sample=0, prompt=prompt,
                      sampling=sampling, seed=number)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEAD)
def test_a_server_that_answers_nobody_stops_the_run_soon(server, monkeypatch, kind):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.every = kind
    options = {**TIMEOUT, "timeout": "0.3", "concurrency": "4"}
    model = open_model(f"openai:m@{server.url}", options)
    results = []
    with pytest.raises(ModelError) as told:
        results.extend(take(model.stream(requests(1000)), results))
    model.close()
    assert results
    assert all(isinstance(one, Failure) and not one.is_of_request for one in results)
    assert len(set(server.asked)) < 40
    assert KEY not in f"{told.value.what} {told.value.hint}"


def take(stream, results):
    for result in stream:
        results.append(result)
    return ()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["status 500", "status 422", "hang", "finish None"])
def test_the_only_request_of_a_session_is_judged_by_a_probe(server, kind):
    server.kinds = {"0 + 1": kind}
    model = open_model(f"openai:m@{server.url}", TIMEOUT)
    (failed,) = model.stream(requests(1))
    model.close()
    assert isinstance(failed, Failure)
    assert (failed.is_of_request, failed.tries) == (True, 2)


@pytest.mark.slow
def test_what_fails_once_is_answered_in_the_same_session(server):
    server.kinds = {"1 + 1": "status 500"}
    model = open_model(f"openai:m@{server.url}", {"retries": "0", "concurrency": "1"})
    stream, results = model.stream(requests(3)), []
    for result in stream:
        results.append(result)
        if len(results) == 2:
            server.heal()
    model.close()
    assert [one.request.problem_id for one in results] == ["0", "2", "1"]
    assert all(isinstance(one, Completion) for one in results)


SERVED = [
    # what a server's list of models states, before and after it was started again; what is named
    ({"root": "/a"}, {"root": "/b"}, r"served.*root"),
    ({"meta": {"n_params": 7, "n_ctx": 1}}, {"meta": {"n_params": 8, "n_ctx": 1}}, "n_params"),
    ({"root": "/a", "created": 1, "permission": [{"id": "x"}], "max_model_len": 8192},
     {"root": "/a", "created": 2, "permission": [{"id": "y"}], "max_model_len": 4096}, None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "named"), SERVED)
def test_another_checkpoint_under_the_same_name_is_another_model(
    server, tmp_path, before, after, named
):
    def go(listed):
        server.listed = {"id": "m", **listed}
        spec = RunSpec(tasks=("arithmetic",), limit=2)
        run_tasks(spec, lambda: open_model(f"openai:m@{server.url}", {}), tmp_path / "run")

    go(before)
    if named is None:
        go(after)
    else:
        with pytest.raises(RunError, match=named):
            go(after)
