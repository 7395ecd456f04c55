"""A limit of what a run costs is kept whatever happens, and nothing unknown counts as nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import pytest
from click.testing import CliRunner
from fault_server import KEY, FaultServer
from serving import serving

from mathreason_eval.cli import verbs
from mathreason_eval.errors import (
    EXIT_USER_ERROR,
    IncompleteRunError,
    RunError,
    UnknownNameError,
    UserError,
)
from mathreason_eval.models import NamedModel, UserModel, open_model
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.pipeline.preflight import preflight
from mathreason_eval.pipeline.prices import Price, price_of
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.pipeline.spending import Ledger, Limit
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.pipeline.sweep import Axis, SweepRequest, sweep
from mathreason_eval.runs.sessions import cost_of
from mathreason_eval.runs.store import load_run
from mathreason_eval.types import Prompt, Sampling

PRICES = """
currency: USD
models:
  fake:echo: {prompt: 1000, completion: 2000}
  fake:answer=4: {prompt: 1000, completion: 2000}
  m: {prompt: 1000, completion: 2000}
  free: {prompt: 0, completion: 0}
"""


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text(PRICES)
    return path


# --- the file of prices ----------------------------------------------------------------------


# fmt: off
PRICED = [
    ("fake:echo",               2000.0),
    ("openai:m@http://a:1/v1",  2000.0),  # without the address
    ("vllm:free",               0.0),     # nothing is a price as well
]
REFUSED = [
    ("openai:n@http://a:1/v1",  PRICES,                       "no price in .* named 'n'"),
    ("fake:echo",               "currency: USD",              "does not name a currency"),
    ("fake:echo",               "models: {fake:echo: 1}",     "does not name a currency"),
    ("m",                       "[1]",                        "holds no prices"),
    ("m",                       "a: [",                       "cannot be read"),
]
VALUES = ["1", "{prompt: 1}", "{prompt: 1, completion: -1}", "{prompt: 1, completion: .inf}",
          "{prompt: 1, completion: true}", "{prompt: 1, completion: 1, cached: 1}", "null"]
# fmt: on


@pytest.mark.parametrize(("model", "completion"), PRICED)
def test_a_model_has_its_price(prices, model, completion):
    assert price_of(prices, model).completion == completion


@pytest.mark.parametrize(("model", "text", "says"), REFUSED)
def test_a_file_without_the_price_is_refused(tmp_path, model, text, says):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        price_of(path, model)


@pytest.mark.parametrize("value", VALUES)
def test_a_price_is_two_numbers(tmp_path, value):
    path = tmp_path / "p.yaml"
    path.write_text(f"currency: USD\nmodels: {{'fake:echo': {value}}}")
    with pytest.raises(UserError, match="prices are not a number"):
        price_of(path, "fake:echo")


def test_a_model_without_a_price_is_refused_before_anything_is_asked(prices, tmp_path):
    opener = NamedModel(name=UserModel("fake:answer=5"))
    spec = RunSpec(tasks=("arithmetic",), limit=2, prices=prices, max_cost=1)
    with pytest.raises(UnknownNameError, match="no price"):
        preflight(spec, opener, tmp_path / "run")
    with pytest.raises(UserError, match="needs the prices"):
        preflight(RunSpec(tasks=("arithmetic",), max_cost=1), opener, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# --- the account -----------------------------------------------------------------------------

MOST = 10 + 20  # what a request of these costs at most: 10 tokens, and 10 at 2


def requests(number):
    for index in range(number):
        yield Request(
            task="t", problem_id=str(index), sample=0, prompt=Prompt(text="x"),
            sampling=Sampling(max_tokens=10), seed=index,
        )  # fmt: skip


def ledger(most, earlier=0.0, written=None):
    price = Price(currency="USD", prompt=1e6, completion=2e6)
    limit = Limit(price=price, most=most, earlier=earlier)
    return Ledger(limit, lambda _: 10, (written if written is not None else []).append)


def answer(request, prompt=10, completion=1):
    return Completion(
        request=request, text="", finish_reason="stop", prompt_tokens=prompt,
        completion_tokens=completion,
    )  # fmt: skip


def failure(request, kind="engine"):
    return Failure(request=request, reason="no", kind=kind)


# fmt: off
ROOM = [  # limit, spent before, how many are handed out at once
    (29.9,      0,    0),
    (30,        0,    1),
    (59.9,      0,    1),
    (90,        0,    3),
    (90,        31,   1),
    (None,      0,    5),
]
RESULTS = [  # tries sent and refused, the result, what it cost for sure and perhaps
    ("s",    answer,                                       12,    0),
    ("sr s", answer,                                       12,    0),
    ("s s",  answer,                                       12,    MOST),
    ("s s s", answer,                                      12,    2 * MOST),
    ("s",    partial(answer, prompt=None),                 0,     MOST),
    ("s",    partial(answer, completion=None),             0,     MOST),
    ("s",    failure,                                      0,     MOST),
    ("sr",   failure,                                      0,     0),
    ("sr s", failure,                                      0,     MOST),
    ("",     failure,                                      0,     0),
]
# fmt: on


@pytest.mark.parametrize(("most", "earlier", "number"), ROOM)
def test_as_many_are_handed_out_as_can_be_paid_at_their_most(most, earlier, number):
    account = ledger(most, earlier)
    assert len(list(account.affordable(requests(5)))) == number
    assert bool(account.stopped) == (number == 0)


def test_what_an_answer_leaves_pays_for_the_next():
    account = ledger(3 * MOST)
    source, asked = account.affordable(requests(20)), []
    while source.has_more():
        asked += (now := list(source))
        for one in now:
            account.settle(answer(one))
    assert account.cost.known == 12 * len(asked) <= 3 * MOST
    assert account.cost.known + MOST > 3 * MOST
    assert "could cost" in account.stopped


@pytest.mark.parametrize(("tries", "result", "known", "possible"), RESULTS)
def test_a_result_costs_what_is_known_and_what_may_have_been_charged(
    tries, result, known, possible
):
    account = ledger(1000)
    account.sends = True
    [request] = account.affordable(requests(1))
    for one in tries.replace(" ", ""):
        if one == "s":
            assert account.may_send(request)
        else:
            account.refused(request)
    account.settle(result(request))
    assert (account.cost.known, account.cost.possible) == (known, possible)


def test_a_second_try_is_sent_only_if_it_can_be_paid_as_well():
    account = ledger(2 * MOST - 1)
    account.sends = True
    [request] = account.affordable(requests(1))
    assert account.may_send(request)
    assert not account.may_send(request)
    account.refused(request)
    assert account.may_send(request)


# fmt: off
BROKEN = [
    (partial(answer, prompt=None),      "how many tokens"),
    (partial(answer, completion=11),    "more than its prompt and max_tokens"),
    (partial(answer, prompt=31, completion=0), "more than its prompt and max_tokens"),
]
# fmt: on


@pytest.mark.parametrize(("result", "says"), BROKEN)
def test_a_limit_that_cannot_be_kept_stops_the_run(result, says):
    account = ledger(1000)
    source = account.affordable(requests(9))
    account.settle(result(next(source)))
    assert list(source) == []
    assert says in account.stopped
    unlimited = ledger(None)
    source = unlimited.affordable(requests(9))
    unlimited.settle(result(next(source)))
    assert len(list(source)) == 8


def test_what_was_sent_and_never_answered_may_have_been_charged():
    account = ledger(1000)
    account.sends = True
    first, *_ = account.affordable(requests(3))
    assert account.may_send(first)
    account.close()
    assert account.cost.possible == MOST
    assert not account.may_send(first)


def test_nothing_is_handed_out_once_the_run_is_to_end():
    account, stop = ledger(MOST), Stop()
    source = account.affordable(requests(9), stop)
    [first] = source
    account.settle(answer(first))
    stop.requested = True
    assert list(source) == []
    assert not account.stopped


def test_nothing_is_spent_that_was_not_written_before():
    written = []
    account = ledger(10_000, written=written)
    source = account.affordable(requests(300))
    held = 0
    for one in source:
        held += MOST
        last = written[-1]
        assert held <= last.known + last.possible <= 10_000
        if int(one.problem_id) % 2:
            account.settle(answer(one))
            held += 12 - MOST
    assert len(written) < 40


# --- runs ------------------------------------------------------------------------------------


def go(folder, prices=None, most=None, model="fake:answer=4", **options):
    spec = RunSpec(
        tasks=("arithmetic",), limit=20, samples=2, max_tokens=20, prices=prices, max_cost=most
    )
    return run_tasks(spec, partial(open_model, model, options), folder)


def samples(run):
    return {(one.problem_id, one.sample): one.text for one in run.generations("arithmetic")}


@pytest.mark.parametrize("replicas", ["1", "3"])
def test_a_run_that_is_stopped_goes_on_to_the_run_of_one_session(tmp_path, prices, replicas):
    whole = go(tmp_path / "whole", prices)
    cost = cost_of(whole.manifest.sessions)
    assert cost.possible == 0 < cost.known
    folder, most, counts = tmp_path / "run", 0.0, []
    while True:
        most += cost.known / 3 + 0.4
        try:
            done = go(folder, prices, most, replicas=replicas)
        except IncompleteRunError:
            held = load_run(folder)
            spent = cost_of(held.manifest.sessions)
            assert spent.known + spent.possible <= most
            counts.append(len(samples(held)))
        else:
            break
    assert counts
    assert counts == sorted(set(counts))
    assert samples(done) == samples(whole)
    assert cost_of(done.manifest.sessions).known == pytest.approx(cost.known)


def test_sessions_without_prices_are_priced_by_their_tokens(tmp_path, prices):
    go(tmp_path / "run")
    cost = cost_of(go(tmp_path / "whole", prices).manifest.sessions).known
    go(tmp_path / "run", prices, cost * 1.01)
    with pytest.raises(IncompleteRunError, match="are spent"):
        run_tasks(
            RunSpec(tasks=("arithmetic",), limit=21, samples=2, max_tokens=20, prices=prices,
                    max_cost=cost * 1.01),
            partial(open_model, "fake:answer=4"), tmp_path / "run",
        )  # fmt: skip


def test_another_currency_and_what_is_unknown_are_refused(tmp_path, prices):
    with pytest.raises(IncompleteRunError):
        go(tmp_path / "run", prices, 0.3)
    assert not load_run(tmp_path / "run").has_samples()
    euros = tmp_path / "euros.yaml"
    euros.write_text(PRICES.replace("USD", "EUR"))
    with pytest.raises(RunError, match="is in USD, and the prices are in EUR"):
        go(tmp_path / "run", euros, 5)

    class Mute:
        name, chat, context, opening = "fake:answer=4", True, None, ""

        def describe(self):
            return {"backend": "fake"}

        def stream(self, asked):
            for one in asked:
                yield Completion(request=one, text="4", finish_reason="stop")

        def close(self):
            pass

    spec = RunSpec(tasks=("arithmetic",), limit=4, max_tokens=20, prices=prices, max_cost=100)
    with pytest.raises(IncompleteRunError, match="does not say how many tokens"):
        run_tasks(spec, Mute, tmp_path / "mute")
    assert len(load_run(tmp_path / "mute").generations("arithmetic")) == 1
    run_tasks(RunSpec(tasks=("arithmetic",), limit=4, max_tokens=20), Mute, tmp_path / "unknown")
    with pytest.raises(RunError, match="has cost so far is not known"):
        run_tasks(spec, Mute, tmp_path / "unknown")


@pytest.mark.slow
def test_a_killed_session_counts_as_the_most_that_it_may_have_cost(tmp_path, prices):
    folder = tmp_path / "run"
    command = [
        sys.executable, "-m", "mathreason_eval", "run", "fake:answer=4", "-t", "arithmetic",
        "--limit", "20", "-n", "2", "--max-tokens", "20", "--temperature", "0.6",
        "--prices", str(prices), "--max-cost", "3", "--model-arg", "die_after=10",
        "-o", str(folder),
    ]  # fmt: skip
    subprocess.run(command, check=False, capture_output=True, env=os.environ)
    killed = load_run(folder).manifest.sessions[0]
    stored = len(samples(load_run(folder)))
    assert killed.ended is None
    assert stored > 0
    assert 0 < killed.cost.known + killed.cost.possible <= 3
    with pytest.raises(IncompleteRunError):
        go(folder, prices, killed.cost.known + killed.cost.possible)
    assert len(samples(load_run(folder))) == stored
    assert len(samples(go(folder, prices, 10))) == 40


@pytest.mark.slow
def test_the_runs_of_a_sweep_share_the_limit(tmp_path, prices):
    asked = SweepRequest(
        axes=(Axis(name="temperature", values=("0.3", "0.6", "0.9")),),
        settings={"tasks": ("arithmetic",), "samples": 2, "limit": 4, "max_tokens": 20,
                  "prices": prices, "max_cost": 0.7},
        opener=NamedModel(name=UserModel("fake:answer=4"), options={}),
        out=tmp_path,
    )  # fmt: skip
    done = []
    with pytest.raises(IncompleteRunError):
        done.extend(run for _, run in kept(sweep(asked), done))
    assert 0 < sum(cost_of(run.manifest.sessions).known for run in done) <= 0.7


def kept(stream, done):
    for _, one in stream:
        done.append(one)
        yield from ()


def test_the_command_says_what_was_spent_and_ends_as_an_incomplete_run(tmp_path, prices):
    asked = ["run", "fake:answer=4", "-t", "arithmetic", "--limit", "4", "--max-tokens", "20",
             "--prices", str(prices), "-o", str(tmp_path / "run")]  # fmt: skip
    done = CliRunner().invoke(verbs, [*asked, "--max-cost", "0.3"], standalone_mode=False)
    assert isinstance(done.exception, IncompleteRunError)
    assert done.exception.exit_code == EXIT_USER_ERROR
    assert "USD" in done.exception.what
    done = CliRunner().invoke(verbs, [*asked, "--max-cost", "9"], standalone_mode=False)
    assert "cost      0." in done.output
    done = CliRunner().invoke(verbs, ["show", str(tmp_path / "run")], standalone_mode=False)
    assert "USD" in done.output


# --- a server --------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(FaultServer()) as running:
        yield running


# fmt: off
REPLIES = [  # kind of reply, and whether the run may have cost more than what is known
    ("html with 502",  False),
    ("html with 200",  True),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "charged"), REPLIES)
def test_a_reply_that_is_no_answer_may_be_charged_and_a_refusal_is_not(
    server, tmp_path, prices, kind, charged
):
    server.every = kind
    with pytest.raises(UserError):
        go(tmp_path / "run", prices, 1000, f"openai:m@{server.url}", retries="0")
    cost = load_run(tmp_path / "run").manifest.sessions[-1].cost
    assert cost.known == 0
    assert (cost.possible > 0) == charged
