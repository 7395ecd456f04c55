"""Tokens and seconds that are said beside each other are of the same sessions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from manifests import changed
from site_runs import make_run

from mathreason_eval.cli.screens.runs import print_run, run_as_json
from mathreason_eval.runs.sessions import Stored, Timed, begun, sums
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.types import SessionEnd, SessionEntry

UNKNOWN = SessionEntry(
    began="2026-05-01T10:00:00+00:00", ended=None, end=None, seconds=None,
    grading_lag_seconds=None, samples=None, completion_tokens=None, failures=None,
)  # fmt: skip


def ended(tokens, seconds):
    return replace(
        UNKNOWN, end=SessionEnd.COMPLETE, seconds=seconds, completion_tokens=tokens, samples=1,
        grading_lag_seconds=0.1, failures=0,
    )  # fmt: skip


def killed(tokens=None):
    return replace(UNKNOWN, completion_tokens=tokens, samples=None if tokens is None else 1)


def made(folder, sessions):
    run = make_run(folder, problems=3, samples=1)
    with RunWriter(folder) as writer:
        writer.write_manifest(changed(run.manifest, sessions=sessions))
    return load_run(folder)


# fmt: off
LINES = [
    # the sessions of a run that has so many tokens; what is said
    ([ended(120, 2.0)],                "{all} in 2.0 s, 60.0 tok/s · graded 0.1 s later"),
    ([ended(60, 1.0), ended(60, 2.0)],
     "{all} in 3.0 s, 40.0 tok/s · graded 0.2 s later · 2 sessions"),
    ([killed(25), killed(25), killed(25), ended(45, 0.5)],
     "{all} in 4 sessions, of which 1 says how long it took: 45 tokens in 0.5 s, 90.0 tok/s"),
    ([ended(88, 1.0), killed()],
     "{all} in 2 sessions, of which 1 says how long it took: 88 tokens in 1.0 s, 88.0 tok/s"),
    ([ended(40, 1.0), killed(3), ended(20, 1.0)],
     "{all} in 3 sessions, of which 2 say how long it took: 60 tokens in 2.0 s, 30.0 tok/s"),
    ([killed()],                                  "{all} in 1 session; how long that took is unkn"),
]
# fmt: on


@pytest.mark.parametrize(("sessions", "said"), LINES)
def test_a_rate_is_of_the_sessions_that_say_their_time(tmp_path, capsys, sessions, said):
    run = made(tmp_path / "run", tuple(sessions))
    held = sum(one.completion_tokens for one in run.infos("shopping"))
    print_run(run)
    assert said.format(all=f"{held:,} tokens") in capsys.readouterr().out
    assert run_as_json(run)["totals"]["completion_tokens"] == held


def test_seconds_of_a_killed_session_make_no_rate():
    sessions = (killed(75), ended(45, 0.5))
    assert Timed.of(sessions) == Timed(sessions=1, completion_tokens=45, seconds=0.5)
    assert sums(sessions, 120).tokens_per_second == 90.0
    assert Timed.of((killed(75),)).tokens_per_second is None
    # A server that does not tell tokens is not one that makes none a second.
    assert Timed.of((ended(None, 3.0),)).tokens_per_second is None


def test_totals_of_sessions_before_are_not_those_of_the_run(tmp_path):
    manifest = changed(
        make_run(tmp_path / "run").manifest, sessions=(ended(88, 1.0),), totals=sums((), 88)
    )
    assert begun(manifest, Stored(samples=1, completion_tokens=88)).totals is None
