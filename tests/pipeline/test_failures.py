"""A request that brings no sample is recorded and asked again, or closed by the user."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.cli.screens.runs import run_as_json
from mathreason_eval.errors import IncompleteRunError, ModelError
from mathreason_eval.models.base import Completion, Failure
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.store import load_run
from mathreason_eval.types import Outcome

PROBLEMS = 6


class Model:
    """Answers every request but those in `fails`, which maps a problem to its failure's fields."""

    def __init__(self, fails=(), *, refuses=(), stops_at=None, in_flight=()):
        self.name, self.chat, self.context, self.opening = "fake:model", True, None, ""
        self.fails, self.refuses = dict(fails), refuses
        self.stops_at, self.in_flight = stops_at, in_flight
        self.asked, self.left = [], []

    def describe(self):
        return {"backend": "fake"}

    def stream(self, requests):
        for request in requests:
            self.asked.append(request.problem_id)
            if request.problem_id in self.in_flight:
                self.left.append(request)
            elif request.problem_id == self.stops_at:
                raise self.error
            else:
                yield self.result(request)

    def result(self, request):
        if request.problem_id in self.fails:
            return Failure(request=request, **self.fails[request.problem_id])
        text = f"So \\boxed{{{request.seed % 3}}}."
        refused = request.problem_id in self.refuses
        return Completion(request=request, text=text, finish_reason="stop", refused=refused)

    def drain(self):
        yield from map(self.result, self.left)

    def close(self):
        pass


@pytest.fixture
def go(tmp_path):
    path = tmp_path / "gsm8k.jsonl"
    rows = [{"id": f"p{i}", "question": f"{i}?", "gold": str(i % 3)} for i in range(PROBLEMS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def start(model, **settings):
        spec = RunSpec(tasks=("gsm8k",), data={"gsm8k": (str(path),)}, **settings)
        return run_tasks(spec, lambda: model, tmp_path / "run")

    return start


OWN = {
    "reason": "the prompt has 9,000 tokens", "kind": "context", "is_of_request": True
}  # fmt: skip
SERVERS = {
    "reason": "the server answered 500: oops", "kind": "HTTP 500", "status": 500, "tries": 9,
    "seconds": 41.5,
}  # fmt: skip


def test_a_failure_is_recorded_until_it_is_answered(go, tmp_path):
    with pytest.raises(
        IncompleteRunError, match=r"2 of 6 samples .* \(1 context, 1 HTTP 500\); the fir"
    ):
        go(Model({"p1": OWN, "p3": SERVERS}))
    run = load_run(tmp_path / "run")
    own, servers = run.failures("gsm8k")
    assert (own.problem_id, own.sample, own.kind, own.status, own.tries) == (
        *("p1", 0, "context", None, 1),
    )
    assert (servers.status, servers.tries, servers.seconds) == (500, 9, 41.5)
    assert servers.reason == SERVERS["reason"]
    assert servers.at.startswith("20")
    shown = run_as_json(run)
    assert [one["problem_id"] for one in shown["failures"]["gsm8k"]] == ["p1", "p3"]
    model = Model()
    healed = go(model)
    assert model.asked == ["p1", "p3"]
    assert (len(healed.failures("gsm8k")), len(healed.failure_log("gsm8k"))) == (0, 2)
    assert run_as_json(healed)["failures"] == {"gsm8k": []}


def test_the_last_failure_of_a_request_counts(go, tmp_path):
    for failure in (OWN, SERVERS):
        with pytest.raises(IncompleteRunError):
            go(Model({"p1": failure}))
    run = load_run(tmp_path / "run")
    assert [one.kind for one in run.failures("gsm8k")] == ["HTTP 500"]
    assert len(run.failure_log("gsm8k")) == 2


def test_failures_are_no_samples(go, tmp_path):
    with pytest.raises(IncompleteRunError):
        go(Model({"p1": OWN}))
    run = regrade(tmp_path / "run").run
    assert len(run.generations("gsm8k")) == len(run.verdicts("gsm8k")) == PROBLEMS - 1


def test_an_accepted_failure_is_counted_in_n_and_never_asked_again(go, tmp_path):
    run = go(Model({"p1": OWN}), accept_failures=True)
    verdicts = {one.problem_id: one for one in run.verdicts("gsm8k")}
    assert len(verdicts) == PROBLEMS
    assert (verdicts["p1"].outcome, verdicts["p1"].score) == (Outcome.NO_ANSWER, 0.0)
    assert "failed" in verdicts["p1"].note
    assert run.manifest.finished is not None
    assert [one.accepted for one in run.failure_log("gsm8k")] == [True]
    assert not run.failures("gsm8k")
    shown = run_as_json(run)
    assert (shown["accepted_failures"], shown["missing"]) == ({"gsm8k": 1}, {"gsm8k": 0})
    model = Model()
    assert go(model).verdicts("gsm8k") == run.verdicts("gsm8k")
    assert not model.asked
    assert regrade(tmp_path / "run").run.verdicts("gsm8k") == run.verdicts("gsm8k")


def test_what_may_be_the_servers_fault_is_never_accepted(go, tmp_path):
    with pytest.raises(IncompleteRunError) as told:
        go(Model({"p1": OWN, "p3": SERVERS}), accept_failures=True)
    assert "--accept-failures" not in told.value.hint
    run = load_run(tmp_path / "run")
    assert [one.problem_id for one in run.failures("gsm8k")] == ["p3"]
    assert len(run.generations("gsm8k")) == PROBLEMS - 1


def test_what_may_be_accepted_says_so(go):
    with pytest.raises(IncompleteRunError) as told:
        go(Model({"p1": OWN}))
    assert "--accept-failures" in told.value.hint


@pytest.mark.parametrize("error", [ModelError("gone"), KeyboardInterrupt()])
def test_what_is_in_flight_when_a_run_ends_is_stored(go, tmp_path, error):
    model = Model({"p2": SERVERS}, stops_at="p4", in_flight=["p0", "p2"])
    model.error = error
    with pytest.raises(type(error)):
        go(model)
    run = load_run(tmp_path / "run")
    assert {one.problem_id for one in run.verdicts("gsm8k")} == {"p0", "p1", "p3"}
    assert [one.problem_id for one in run.failures("gsm8k")] == ["p2"]


def test_a_refusal_is_stored_judged_and_not_asked_again(go):
    run = go(Model(refuses=["p1", "p2"]))
    verdicts = {one.problem_id: one.outcome for one in run.verdicts("gsm8k")}
    assert verdicts["p1"] is verdicts["p2"] is Outcome.NO_ANSWER
    assert [one.problem_id for one in run.generations("gsm8k") if one.refused] == ["p1", "p2"]
    assert run_as_json(run)["refused"] == {"gsm8k": 2}
    (refused,) = [one for one in run.metrics() if (one.slice, one.name) == ("all", "refused")]
    assert refused.value == pytest.approx(2 / PROBLEMS)
    model = Model()
    go(model)
    assert not model.asked


def problems_of(run):
    return [(one.problem_id, one.sample) for one in run.failures("gsm8k")]


def test_failures_under_other_conditions_are_not_shown(go, tmp_path):
    with pytest.raises(IncompleteRunError):
        go(Model({f"p{i}": OWN for i in range(PROBLEMS)}))
    with pytest.raises(IncompleteRunError):
        go(Model({"p1": SERVERS}), max_tokens=99)
    run = load_run(tmp_path / "run")
    assert len(run.failure_log("gsm8k")) == PROBLEMS + 1
    assert [one.kind for one in run.failures("gsm8k")] == ["HTTP 500"]
    with pytest.raises(IncompleteRunError):
        go(Model({"p1": SERVERS, "p2": OWN}), max_tokens=99, samples=2, temperature=0.0)
    assert problems_of(load_run(tmp_path / "run")) == [("p1", 0), ("p1", 1), ("p2", 1)]


def test_failures_of_what_is_no_longer_asked_are_not_shown(go, tmp_path):
    fails = {f"p{i}": OWN for i in range(PROBLEMS)}
    for settings in ({"samples": 2, "temperature": 0.0}, {"limit": 2}):
        with pytest.raises(IncompleteRunError):
            go(Model(fails), **settings)
    run = load_run(tmp_path / "run")
    assert problems_of(run) == [*run.missing("gsm8k")] == [("p0", 0), ("p1", 0)]


def test_a_failure_that_does_not_say_of_which_conditions_it_is_is_not_shown(go, tmp_path):
    with pytest.raises(IncompleteRunError):
        go(Model({"p1": OWN}))
    path = tmp_path / "run" / "gsm8k" / "failures.jsonl"
    row = json.loads(path.read_text())
    path.write_text(json.dumps({**row, "key": None}) + "\n")
    run = load_run(tmp_path / "run")
    assert not run.failures("gsm8k")
    assert (len(run.failure_log("gsm8k")), [*run.missing("gsm8k")]) == (1, [("p1", 0)])


def test_a_folder_without_the_file_has_no_failures(go, tmp_path):
    run = go(Model())
    assert not (tmp_path / "run" / "gsm8k" / "failures.jsonl").exists()
    assert not run.failures("gsm8k")
    assert not any(one.refused for one in run.generations("gsm8k"))
