"""Rewards are of the texts that are stored, by one model, and never lost or made up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mathreason_eval import evaluate, load_run
from mathreason_eval.cli.score import COMBINATIONS as OFFERED
from mathreason_eval.errors import IncompleteRunError, RunError, UnknownNameError
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.pipeline.merge import merge
from mathreason_eval.pipeline.scoring import COMBINATIONS, ScoreRequest, score, steps_in
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.types import Generation

TASK = "gsm8k"
ANSWERS = '- text: ["Two and two.\\n\\n\\\\boxed{4}", "Hm.\\n \\nSo:\\n\\n\\n\\\\boxed{5}", ""]\n'
SCORES = [
    {"contains": "boxed{4}", "text": '{"scores": [0.9, 0.8]}\n\\boxed{-1}'},
    {"contains": "boxed{5}", "text": '{"scores": [0.7, 0.6, 0.1]}'},
]


@pytest.fixture
def run(tmp_path):
    """Twelve samples: right ones of two steps, wrong ones of three, and some without a text."""
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"id": f"p{n}", "question": f"2 + 2? {n}", "gold": "4"}) + "\n"
                for n in range(3))
    )  # fmt: skip
    return evaluate(
        model=f"fake:{tmp_path / 'answers.yaml'}", tasks=TASK, samples=4,
        data={TASK: tmp_path / "rows.jsonl"}, out=tmp_path / "run",
    )  # fmt: skip


def scorer(tmp_path: Path, name="scores", rules=SCORES, **settings) -> ScoreRequest:
    path = tmp_path / f"{name}.jsonl"
    path.write_text("".join(json.dumps(rule) + "\n" for rule in rules))
    return ScoreRequest(opener=NamedModel(name=UserModel(f"fake:{path}")), **settings)


WANTED = {  # by combination: the reward of a right sample, and of a wrong one
    "min": (0.8, 0.1),
    "product": (0.72, 0.042),
    "last": (0.8, 0.1),
    "mean": (0.85, 1.4 / 3),
}


@pytest.mark.parametrize("combine", WANTED)
def test_each_sample_has_the_reward_of_its_steps(run, tmp_path, combine):
    done = score(run.path, scorer(tmp_path, combine=combine))
    right, wrong = WANTED[combine]
    for one in done.generations(TASK):
        wanted = right if "{4}" in one.text else wrong if one.text else 0.0
        assert one.reward == pytest.approx(wanted)
    names = {one.name for one in load_run(run.path).metrics()}
    assert {"best@4", "vote@4"} <= names
    assert "best@4" not in {one.name for one in run.metrics()}


def test_there_are_no_other_combinations():
    assert set(WANTED) == set(COMBINATIONS) == set(OFFERED)


def test_the_best_by_reward_is_right_wherever_one_is(run, tmp_path):
    done = score(run.path, scorer(tmp_path))
    named = {one.name: one.value for one in done.metrics() if one.slice == "all"}
    solved = {one.problem_id for one in done.verdicts(TASK) if one.score}
    assert named["best@4"] == pytest.approx(len(solved) / 3)
    assert named["avg"] < named["best@4"]


def test_neither_texts_nor_verdicts_change(run, tmp_path):
    before = {
        name: (run.path / TASK / f"{name}.jsonl").read_bytes()
        for name in ("generations", "verdicts", "problems")
    }
    score(run.path, scorer(tmp_path))
    for name, content in before.items():
        assert (run.path / TASK / f"{name}.jsonl").read_bytes() == content


def test_what_was_left_goes_on_and_what_is_new_is_scored_alone(run, tmp_path):
    stop, told = Stop(), []

    def watch(done, number):
        told.append((done, number))
        stop.requested = stop.requested or done >= 3

    asked = scorer(tmp_path)
    opener = replace(asked.opener, options={"concurrency": "1"})
    score(run.path, replace(asked, opener=opener), watch=watch, stop=stop)
    lines = (run.path / TASK / "rewards.jsonl").read_bytes()
    assert 3 <= len(lines.splitlines()) < 12
    done = score(run.path, asked)
    after = (run.path / TASK / "rewards.jsonl").read_bytes()
    assert after.startswith(lines)
    assert len(after.splitlines()) == 12 == len(done.rewards(TASK))
    assert score(run.path, asked).rewards(TASK) == done.rewards(TASK)
    assert (run.path / TASK / "rewards.jsonl").read_bytes() == after


@pytest.mark.filterwarnings("ignore:.*verdicts are on other samples")
def test_a_reward_of_another_text_does_not_count(run, tmp_path):
    done = score(run.path, scorer(tmp_path))
    path = run.path / TASK / "generations.jsonl"
    first, *rest = path.read_text().splitlines()
    row = {**json.loads(first), "text": "Another.\n\n\\boxed{4}"}
    path.write_text("\n".join([json.dumps(row), *rest]) + "\n")
    rewards = [one.reward for one in load_run(run.path).generations(TASK)]
    assert rewards[0] is None
    assert rewards[1:] == [one.reward for one in done.generations(TASK)][1:]
    again = score(run.path, scorer(tmp_path))
    assert again.generations(TASK)[0].reward == pytest.approx(0.8)


# fmt: off
OTHERS = [  # another model, another combination
    {"name": "other", "rules": [{"text": '{"scores": [1]}'}]},
    {"combine": "mean"},
]
# fmt: on


@pytest.mark.parametrize("other", OTHERS)
def test_rewards_of_two_kinds_are_never_mixed(run, tmp_path, other):
    first = score(run.path, scorer(tmp_path)).rewards(TASK)
    with pytest.raises(RunError, match="has rewards by") as refused:
        score(run.path, scorer(tmp_path, **other))
    assert "--again" in refused.value.hint
    assert load_run(run.path).rewards(TASK) == first
    path = run.path / TASK / "rewards.jsonl"
    row = {**json.loads(path.read_text().splitlines()[0]), "by": "another"}
    path.write_text(path.read_text() + json.dumps(row) + "\n")
    with pytest.raises(RunError, match="has rewards by another and by fake"):
        load_run(run.path).infos(TASK)


def test_again_makes_them_anew(run, tmp_path):
    score(run.path, scorer(tmp_path))
    done = score(run.path, scorer(tmp_path, combine="mean", again=True))
    assert {one.by.split(" · ")[1] for one in done.rewards(TASK).values()} == {"mean"}
    assert len(done.rewards(TASK)) == 12


# fmt: off
BROKEN = [  # what the model says of a solution of two steps
    "I like it.",
    '{"scores": [0.9]}',
    '{"scores": [0.9, 0.8, 0.7]}',
    '{"scores": [1e999, 0.5]}',
    '{"scores": [0.5, "x"]}',
    "",
]
# fmt: on


@pytest.mark.parametrize("says", BROKEN)
def test_what_is_no_score_for_each_step_is_a_failure(run, tmp_path, says):
    rules = [{"contains": "boxed{4}", "text": says}, SCORES[1]]
    with pytest.raises(IncompleteRunError, match=r"could not be scored .*no scores"):
        score(run.path, scorer(tmp_path, rules=rules))
    found = load_run(run.path)
    assert all(one.reward is None for one in found.generations(TASK) if "{4}" in one.text)
    assert any(one.reward is not None for one in found.generations(TASK))
    assert "best@4" not in {one.name for one in found.metrics()}


# fmt: off
TEXTS = [
    ("One.\n\nTwo.",            ["One.", "Two."]),
    ("One.\nstill one.",        ["One.\nstill one."]),
    ("\n\n A \r\n \r\n\n\nB\n", ["A", "B"]),
    (" \n\n ",                  []),
    ("",                        []),
]
# fmt: on


@pytest.mark.parametrize(("text", "steps"), TEXTS)
def test_steps_are_paragraphs(text, steps):
    assert steps_in(Generation(problem_id="p", sample=0, text=text)) == steps


def parts(run, tmp_path):
    """Two runs, each with the samples of some problems."""
    made = []
    for name, limit in (("one", 2), ("two", 3)):
        made.append(evaluate(
            model=f"fake:{tmp_path / 'answers.yaml'}", tasks=TASK, samples=4, limit=limit,
            data={TASK: tmp_path / "rows.jsonl"}, out=tmp_path / name,
        ).path)  # fmt: skip
    return made


def test_partial_runs_bring_their_rewards(run, tmp_path):
    folders = parts(run, tmp_path)
    for folder in folders:
        score(folder, scorer(tmp_path))
    whole = score(run.path, scorer(tmp_path))
    merged = merge(folders, tmp_path / "merged").run
    assert merged.rewards(TASK) == whole.rewards(TASK)
    assert "best@4" in {one.name for one in merged.metrics()}


def test_partial_runs_with_rewards_of_two_models_are_not_merged(run, tmp_path):
    one, two = parts(run, tmp_path)
    score(one, scorer(tmp_path))
    score(two, scorer(tmp_path, combine="mean"))
    with pytest.raises(RunError, match="have rewards of gsm8k by fake"):
        merge([one, two], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_slips_are_named(run, tmp_path):
    with pytest.raises(UnknownNameError, match="gsmk"):
        score(run.path, scorer(tmp_path, tasks=("gsmk",)))
    with pytest.raises(UnknownNameError, match="median"):
        score(run.path, scorer(tmp_path, combine="median"))


def test_the_command_prints_the_new_metrics(mathreason, run, tmp_path):
    name = scorer(tmp_path).opener.name
    said = mathreason("score", run.path, "--with", name)
    assert (said.code, "best@4" in said.out) == (0, True)
    assert "rewards   12 samples: fake:" in said.out
    assert "12 of 12 samples scored" in said.err
    told = json.loads(mathreason("score", run.path, "--with", name, "--json").out)
    assert any(one["name"] == "vote@4" for one in told["metrics"])
    assert told["rewards"][TASK]["samples"] == 12
    assert mathreason("score", run.path, "--with", "prm:/nowhere").code == 2
