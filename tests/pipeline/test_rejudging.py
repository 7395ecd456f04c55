"""A gate that judges again believes samples, and neither verdicts nor golds nor rules of a run."""

from __future__ import annotations

import json
import sys

import pytest
from gate_runs import edited, entry, imported, lines, rows

from mathreason_eval.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    outputs = [row for model in ("base", "worse") for row in rows(model, 60)]
    return imported(tmp_path_factory.mktemp("rejudging"), outputs)


@pytest.fixture
def gate(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        argv = ["mathreason", "gate", *words, "--workers", 1, "--alpha", 0.05, "--json"]
        monkeypatch.setattr(sys, "argv", list(map(str, argv)))
        with pytest.raises(SystemExit) as left:
            main()
        said = json.loads(capsys.readouterr().out)
        return left.value.code, said["tasks"][0]["before"], said["tasks"][0]["after"]

    return run


def rewritten(name, change):
    def edit(run):
        path = run / "gsm8k" / f"{name}.jsonl"
        held = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(change(row)) + "\n" for row in held))

    return edit


def always(outcome):
    score = float(outcome == "correct")
    return rewritten("verdicts", lambda row: {**row, "outcome": outcome, "score": score})


def as_answered(run):
    said = {
        row["problem_id"]: row["text"].partition("{")[2].partition("}")[0]
        for row in map(json.loads, (run / "gsm8k/generations.jsonl").read_text().splitlines())
    }
    rewritten("problems", lambda row: {**row, "gold": [said[row["id"]]]})(run)


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# fmt: off
FORGED = [
    # what is forged in the run, what in the baseline
    ([always("correct")],                        []),
    ([],                                         [always("wrong")]),
    ([always("correct"), as_answered],           [always("wrong")]),
    ([lines("verdicts", lambda row: False)],     [lines("verdicts", lambda row: False)]),
    ([entry(grading__extract=["last_number"], grading__grader_version="0")], []),
]
# fmt: on


@pytest.mark.parametrize(("of_run", "of_baseline"), FORGED)
def test_what_is_forged_in_verdicts_golds_and_rules_does_not_count(
    runs, gate, tmp_path, of_run, of_baseline
):
    honest = gate(runs / "worse", "--baseline", runs / "base")
    assert honest[0] == 1
    run = edited(runs / "worse", tmp_path / "run", *of_run)
    base = edited(runs / "base", tmp_path / "base", *of_baseline)
    held = content(tmp_path)
    assert gate(run, "--baseline", base, "--rejudge") == honest
    assert content(tmp_path) == held


def test_without_it_stored_verdicts_count(runs, gate, tmp_path):
    run = edited(runs / "worse", tmp_path / "run", always("correct"))
    assert gate(run, "--baseline", runs / "base")[0] == 0
