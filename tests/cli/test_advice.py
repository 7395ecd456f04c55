"""Advice is a command that works; what a score does not say of the model is said last."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from manifests import changed
from site_runs import make_run

from mathreason_eval.cli.screens.advice import next_steps
from mathreason_eval.cli.screens.commands import as_called, command, program
from mathreason_eval.cli.screens.metrics import variance_line
from mathreason_eval.cli.screens.runs import print_run, run_as_json
from mathreason_eval.runs.artefacts import MANY, Kind, artefacts
from mathreason_eval.runs.store import Run, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.text.shell import of_path
from mathreason_eval.types import (
    FailedRequest,
    Generation,
    Metric,
    Outcome,
    ParentEntry,
    Problem,
    Unit,
    Verdict,
)

PACKAGE = Path(__file__).parents[2] / "mathreason_eval"


# --- commands --------------------------------------------------------------------------------


def test_it_is_named_as_it_was_called(monkeypatch, tmp_path):
    script = tmp_path / "bin" / "mathreason"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "mathreason"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == str(script)
    # A program of somebody else that calls us as a library.
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    assert program() == "mathreason"
    monkeypatch.setattr(sys, "argv", [str(PACKAGE / "__main__.py")])
    assert program() == f"{sys.executable} -m mathreason_eval"
    assert as_called("`mathreason show RUN` lists").startswith(f"`{sys.executable} -m mathr")
    assert as_called("the mathreason run of `mathreason-eval`") == (
        "the mathreason run of `mathreason-eval`"
    )


def test_words_are_quoted_for_a_shell(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mathreason"])
    assert command("show", Path("a b/it's"), "--outcome", "wrong") == (
        "mathreason show 'a b/it'\"'\"'s' --outcome wrong"
    )


# fmt: off
PATHS = [
    # a path; the word that is printed
    ("-dash",   "./-dash"),
    ("a b",     "'a b'"),
    ("-a b",    "'./-a b'"),
    ("run",     "run"),
    ("../-run", "../-run"),
]
# fmt: on


@pytest.mark.parametrize(("path", "word"), PATHS)
def test_a_path_is_no_option(monkeypatch, path, word):
    monkeypatch.setattr(sys, "argv", ["mathreason"])
    assert command("show", Path(path), "-n", 4) == f"mathreason show {word} -n 4"
    assert of_path("regrade", Path(path)) == f"`mathreason regrade {word}`"


def test_what_is_missing_of_a_derived_run_is_not_asked_by_run(tmp_path, capsys):
    run = made(tmp_path / "run", {}, failures=30)
    parent = ParentEntry(name="a", model="fake:a", started="2026-05-01", made="second turn",
                         settings={}, samples=OF, left_out={})  # fmt: skip
    for manifest, said in ((run.manifest, True), (changed(run.manifest, parent=parent), False)):
        print_run(Run(run.path, manifest))
        lines = capsys.readouterr().out.splitlines()
        [line] = [one for one in lines if one.startswith("missing")]
        assert (f" -t {TASK} -n 1 " in line) == said


UNNAMED = re.compile(r"`mathreason (?:regrade|score --again)`")


def test_no_advice_leaves_out_of_which_run():
    found = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if UNNAMED.search(path.read_text(encoding="utf-8"))
    ]
    # A damaged line, whose reader knows the file alone; and the help of the verb itself.
    assert sorted(found) == ["codec.py", "regrade.py"]


@pytest.mark.slow
def test_a_command_that_is_printed_works(tmp_path):
    run = make_run(tmp_path / "it's a run", problems=4).path
    call = [sys.executable, "-m", "mathreason_eval", "show", str(run)]
    said = subprocess.run(call, capture_output=True, text=True, check=True).stderr
    look = next(line for line in said.splitlines() if line.startswith("look at"))
    again = subprocess.run(
        look.partition(": ")[2], shell=True, capture_output=True, text=True, check=True
    )
    assert "sample 0" in again.stdout


# --- what many samples are -------------------------------------------------------------------

TASK, OF = "sums", 100


def made(folder, kinds, *, thought=None, max_tokens=512, failures=0, text="so", cut="length"):
    """A run of a hundred samples, so many of each outcome, or refused; the rest is correct."""
    base = make_run(folder, problems=1, samples=1)
    entry = changed(base.manifest.tasks["shopping"], problems=OF, samples=1, max_tokens=max_tokens)
    words = [word for word, count in kinds.items() for _ in range(count)]
    words += ["correct"] * (OF - len(words))
    with RunWriter(folder) as writer:
        writer.write_manifest(changed(base.manifest, tasks={TASK: entry}))
        names = [f"q{number}" for number in range(OF)]
        writer.write_problems(TASK, [Problem(id=one, question="?", gold=("1",)) for one in names])
        held = list(zip(names, words, strict=True))[: OF - failures]
        for name, word in held:
            writer.append(TASK, Generation(
                problem_id=name, sample=0, text=text, reasoning=thought,
                finish_reason=cut if word == "truncated" else "stop",
                refused=word == "refused",
            ))  # fmt: skip
        for name in names[OF - failures :]:
            writer.append_failure(TASK, FailedRequest(
                problem_id=name, sample=0, kind="HTTP 500", reason="down", at="2026-01-01",
            ))  # fmt: skip
        writer.write_verdicts(TASK, [
            Verdict(
                problem_id=name, sample=0, rule="none", note="", score=float(word == "correct"),
                outcome=Outcome("no_answer" if word == "refused" else word),
            )
            for name, word in held
        ])  # fmt: skip
    return load_run(folder)


# fmt: off
FOUND = [
    # how many samples of a hundred are what; which artefacts there are, the most frequent first
    ({},                                                 []),
    ({"wrong": 100},                                     []),
    ({"truncated": 4, "no_answer": 4, "ungradable": 4},  []),
    ({"truncated": 5},                                   [Kind.TRUNCATED]),
    ({"refused": 6},                                     [Kind.REFUSED]),
    ({"refused": 4, "no_answer": 4},                     []),
    ({"truncated": 7, "no_answer": 9, "refused": 8},
     [Kind.NO_ANSWER, Kind.REFUSED, Kind.TRUNCATED]),
    ({"ungradable": 41, "truncated": 5},                 [Kind.UNGRADABLE, Kind.TRUNCATED]),
]
# fmt: on


@pytest.mark.parametrize(("kinds", "found"), FOUND)
def test_many_are_an_artefact(tmp_path, kinds, found):
    run = made(tmp_path / "run", kinds)
    assert [one.kind for one in artefacts(run)] == found
    assert all(one.share >= MANY for one in artefacts(run))
    assert [one["kind"] for one in run_as_json(run)["artefacts"]] == found


def test_requests_that_failed_are_of_those_asked(tmp_path):
    [one] = artefacts(made(tmp_path / "run", {}, failures=30))
    assert (one.kind, one.count, one.of) == (Kind.FAILED, 30, OF)


# fmt: off
TOKENS = [
    # what was allowed, whether there are thoughts; what to allow
    (512,    None,  2048),
    (1024,   None,  4096),
    (1024,   "hm",  32_768),
    (16_384, None,  32_768),
    (32_768, "hm",  131_072),
    (None,   None,  None),
]
# fmt: on


@pytest.mark.parametrize(("allowed", "thought", "suggested"), TOKENS)
def test_more_tokens_are_suggested(tmp_path, allowed, thought, suggested):
    run = made(tmp_path / "run", {"truncated": 41}, max_tokens=allowed, thought=thought)
    [one] = artefacts(run)
    assert one.suggested_tokens == suggested
    last = next_steps(run)[-1]
    assert last.startswith(f"41 % of the samples of {TASK} were cut off at ")
    assert (f"--max-tokens {suggested} " in last) == (suggested is not None)


OPEN = "<think>hm, so 3"


def test_a_thought_that_never_ended_is_one(tmp_path):
    run = made(tmp_path / "run", {"truncated": 100}, text=OPEN)
    [one] = artefacts(run)
    assert (one.kind, one.thinks, one.suggested_tokens) == (Kind.TRUNCATED, True, 32_768)
    assert "--max-tokens 32768 " in next_steps(run)[-1]


# fmt: off
ENDED = [
    # how samples ended whose thought did not; what they are
    ("length", Kind.TRUNCATED),
    ("stop",   Kind.UNFINISHED),
    ("eos",    Kind.UNFINISHED),
    (None,     Kind.UNFINISHED),
]
# fmt: on


@pytest.mark.parametrize(("reason", "kind"), ENDED)
def test_no_limit_is_blamed_that_was_not_met(tmp_path, reason, kind):
    run = made(tmp_path / "run", {"truncated": 100}, text=OPEN, cut=reason)
    assert [one.kind for one in artefacts(run)] == [kind]
    last = next_steps(run)[-1]
    assert ("--max-tokens" in last) == ("were cut off" in last) == (kind is Kind.TRUNCATED)
    assert ("never end their thought" in last) == (kind is Kind.UNFINISHED)


def test_those_that_were_cut_are_apart_from_those_that_ended(tmp_path):
    run = made(tmp_path / "run", {"truncated": 60}, text=OPEN)
    path = run.path / TASK / "generations.jsonl"
    path.write_text(path.read_text().replace('"length"', '"stop"', 20))
    counts = {one.kind: one.count for one in artefacts(load_run(run.path))}
    assert counts == {Kind.TRUNCATED: 40, Kind.UNFINISHED: 20}


LOOP = "Wait, let me check the sum of the three numbers again. " * 9


def test_what_would_never_have_ended_is_counted(tmp_path):
    run = made(tmp_path / "run", {"truncated": 41}, text=LOOP)
    assert artefacts(run)[0].looping == (41, 41)
    assert "; 41 of the first 41 of them repeat themselves at the end" in next_steps(run)[-1]
    run = made(tmp_path / "plain", {"truncated": 41})
    assert artefacts(run)[0].looping == (0, 41)
    assert "repeat themselves" not in next_steps(run)[-1]
    run = made(tmp_path / "other", {"no_answer": 41}, text=LOOP)
    assert artefacts(run)[0].looping is None


# fmt: off
LINES = [
    # samples of a hundred; what the last line says, and the outcome that is looked at
    ({"truncated": 9}, "9 % of the samples of sums were cut off at 512 to", "truncated"),
    ({"no_answer": 9}, "9 % of the samples of sums hold no answer", "no_answer"),
    ({"refused": 9}, "9 % of the samples of sums were refused", "no_answer"),
    ({"ungradable": 9}, "9 % of the samples of sums could not be graded", "ungradable"),
    ({"no_answer": 30, "wrong": 9}, "30 % of the samples of sums hold no answer", "no_answer"),
    ({"wrong": 30, "no_answer": 9}, "9 % of the samples of sums hold no answer", "wrong"),
    ({"wrong": 30, "no_answer": 1}, "publish: ", "wrong"),
]
# fmt: on


@pytest.mark.parametrize(("kinds", "begins", "outcome"), LINES)
def test_the_last_line_says_it_first(tmp_path, capsys, kinds, begins, outcome):
    print_run(made(tmp_path / "run", kinds))
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith(begins)
    assert any(line.endswith(f"--outcome {outcome}") for line in lines)


# --- what is not known -----------------------------------------------------------------------


def metric(problems, se, fixed_se):
    return Metric(
        task=TASK, slice="all", name="avg", unit=Unit.SHARE, value=0.5, low=0.3, high=0.7, se=se,
        problems=problems, samples=4 * problems, method="", fixed_se=fixed_se,
    )  # fmt: skip


# fmt: off
COMPONENTS = [
    (metric(30, 0.05, None),  ""),
    (metric(30, 0.05, 0.02),  "84 % questions, 16 % samples: no n gets below"),
    (metric(10, 0.05, 0.02),  "84 % questions, 16 % samples: no n gets below"),
    (metric(9, 0.05, 0.02),   "between questions unknown: too little shows in 9 of them"),
    (metric(30, 0.05, 0.05),  "between questions unknown: too little shows in 30 of them"),
    (metric(30, 0.05, 0.06),  "between questions unknown: too little shows in 30 of them"),
]
# fmt: on


@pytest.mark.parametrize(("average", "said"), COMPONENTS)
def test_a_component_that_cannot_be_estimated_is_unknown(average, said):
    line = variance_line([average])
    assert line.startswith(said) if said else not line


GREEDY = [(0.0, 4, True), (0.0, 1, False), (0.6, 4, False), (None, 4, False)]


@pytest.mark.parametrize(("temperature", "samples", "said"), GREEDY)
def test_greedy_samples_are_called_what_they_are(tmp_path, capsys, temperature, samples, said):
    run = make_run(tmp_path / "run", problems=3, samples=samples)
    manifest = changed(run.manifest, sampling__temperature=temperature)
    print_run(Run(run.path, manifest))
    assert ("repeat sample 0" in capsys.readouterr().out) == said
