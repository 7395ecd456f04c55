"""What a score does not say of the model is said wherever a run ends, whoever made it."""

from __future__ import annotations

import json
import warnings

import pytest

from mathreason_eval import evaluate
from mathreason_eval.errors import IncompleteRunError
from mathreason_eval.pipeline.artefact_warnings import ArtefactWarning

LIMIT = 4


@pytest.fixture
def cut(tmp_path) -> str:
    """A model all of whose texts are cut off."""
    (tmp_path / "cut.jsonl").write_text('{"text": ["Let me see"], "finish_reason": "length"}\n')
    return f"fake:{tmp_path / 'cut.jsonl'}"


@pytest.fixture
def failing(tmp_path) -> str:
    """A model whose requests fail where a prompt has a word, and whose texts are cut off."""
    rows = [
        {"contains": "q0", "fail": "down"},
        {"text": ["Let me see"], "finish_reason": "length"},
    ]
    (tmp_path / "failing.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"fake:{tmp_path / 'failing.jsonl'}"


@pytest.fixture
def rows(tmp_path) -> str:
    problems = [{"id": f"p{n}", "question": f"q{n}?", "gold": "4"} for n in range(LIMIT)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in problems))
    return str(tmp_path / "rows.jsonl")


CUT = "100 % of the samples of gsm8k were cut off at "
GREEDY = "50 % of the samples of gsm8k were drawn at temperature 0 and repeat sample 0"


def test_a_call_from_python_warns(cut, rows, tmp_path):
    with pytest.warns(ArtefactWarning) as found:
        run = evaluate(
            model=cut, tasks="gsm8k", data={"gsm8k": rows}, samples=2, temperature=0,
            out=tmp_path / "run",
        )  # fmt: skip
    said = [str(one.message) for one in found]
    assert CUT in said[0]
    assert "call it with max_tokens=" in said[0]
    assert GREEDY in said[1]
    assert all(one.filename == __file__ for one in found)
    for shown in (repr(run), run._repr_html_()):
        assert CUT in shown
        assert GREEDY in shown


def test_a_run_without_artefacts_warns_of_nothing(rows, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = evaluate(
            model="fake:answer=4", tasks="gsm8k", data={"gsm8k": rows}, samples=1, temperature=0,
            out=tmp_path / "run",
        )  # fmt: skip
    assert repr(run).endswith("run: fake:answer=4, gsm8k>")
    assert "% of the samples" not in run._repr_html_()


def test_what_is_lost_is_told_of_a_run_that_is_displayed(cut, rows, tmp_path):
    run = evaluate(model=cut, tasks="gsm8k", data={"gsm8k": rows}, out=tmp_path / "run")
    path = run.path / "gsm8k" / "problems.jsonl"
    path.unlink()
    assert repr(run.fresh_view()).startswith("<Run ")


def test_a_run_that_ends_with_failures_says_it(failing, rows, tmp_path, mathreason):
    words = ["run", failing, "-t", "gsm8k", "--data", f"gsm8k={rows}", "-o", tmp_path / "run"]
    said = mathreason(*words)
    assert said.code == 2
    last = said.err.splitlines()[-1]
    assert "1 of 4 samples could not be generated" in said.err.splitlines()[-2]
    assert last.strip().startswith(f"Of what is stored {CUT}")
    assert "The rest is stored" in last
    with pytest.raises(IncompleteRunError, match=CUT):
        evaluate(model=failing, tasks="gsm8k", data={"gsm8k": rows}, out=tmp_path / "run")


def test_failures_alone_are_said_once(tmp_path, rows, mathreason):
    (tmp_path / "some.jsonl").write_text(
        '{"contains": "q0", "fail": "down"}\n{"text": ["\\\\boxed{4}"]}\n'
    )
    words = ["-t", "gsm8k", "--data", f"gsm8k={rows}", "-o", tmp_path / "run"]
    said = mathreason("run", f"fake:{tmp_path / 'some.jsonl'}", *words)
    assert "Of what is stored" not in said.err


def test_json_has_it_on_stderr_as_well(cut, rows, tmp_path, mathreason):
    words = ["run", cut, "-t", "gsm8k", "--data", f"gsm8k={rows}", "-o", tmp_path / "run"]
    said = mathreason(*words, "--json")
    assert json.loads(said.out)["artefacts"][0]["kind"] == "truncated"
    assert said.err.splitlines()[-1].startswith(CUT)


def test_a_score_that_is_known_well_says_it_first(cut, rows, tmp_path, mathreason):
    words = ["run", cut, "-t", "gsm8k", "--data", f"gsm8k={rows}", "-o", tmp_path / "run",
             "--until", "40pp", "--temperature", "0.6"]  # fmt: skip
    said = mathreason(*words)
    last = said.out.splitlines()[-1]
    assert last.startswith(CUT)
    assert "is known to ±" in last


def test_a_sweep_says_it_of_its_combinations(cut, rows, tmp_path, mathreason):
    words = ["run", cut, "-t", "gsm8k", "--data", f"gsm8k={rows}", "-o", tmp_path / "grid",
             "-n", 2, "--sweep", "temperature=0,0.6"]  # fmt: skip
    said = mathreason(*words)
    greedy, last = said.err.splitlines()[-2:]
    assert last.startswith("2 of 2 combinations, most of all temperature 0")
    assert CUT in last
    assert greedy.startswith("1 of 2 combinations, most of all temperature 0: ")
    assert GREEDY in greedy
    said = mathreason(*words, "--json")
    kinds = [
        {found["kind"] for found in one["artefacts"]}
        for one in json.loads(said.out)["combinations"]
    ]
    assert sorted(kinds, key=len) == [{"truncated"}, {"truncated", "greedy"}]
    assert CUT in said.err.splitlines()[-1]
