"""A run made from a run: a second turn, and probes of stored thoughts."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.errors import RunError, UnknownNameError, UserError
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.pipeline.derived import DerivedRequest, derive
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.probing import CutThoughts, FalseStep, kept
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.pipeline.second_turn import SecondTurn, revised
from mathreason_eval.runs.store import load_run
from mathreason_eval.types import Outcome

ROWS = [
    {"id": "right", "question": "One.", "gold": "4"},
    {"id": "wrong", "question": "Two.", "gold": "5"},
    {"id": "silent", "question": "Three.", "gold": "6"},
]
FIRST = r"""
- {contains: "One.", text: "<think>1 + 1 = 2. 2 + 2 = 4. Yes.</think>It is \\boxed{4}."}
- {contains: "Two.", text: "<think>2 + 2 = 4. So 4.</think>It is \\boxed{4}."}
- {contains: "Three.", text: "I do not know."}
"""


@pytest.fixture
def script(tmp_path):
    def write(name, text):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        return NamedModel(name=UserModel(f"fake:{path}"))

    return write


@pytest.fixture
def parent(tmp_path, script):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    spec = RunSpec(
        tasks=("gsm8k",), data={"gsm8k": (str(tmp_path / "rows.jsonl"),)}, samples=3, max_tokens=99
    )
    return run_tasks(spec, script("first", FIRST), tmp_path / "parent")


def outcomes(run):
    (task,) = run.tasks()
    return {(one.problem_id, one.sample): str(one.outcome) for one in run.verdicts(task)}


def made(parent, opener, what, out="child", **more):
    asked = DerivedRequest(made=what, opener=opener, out=parent.path.parent / out, **more)
    return derive(parent.path, asked)[1]


# --- a second turn ---------------------------------------------------------------------------

SECOND = r"""
- {contains: "It is \\boxed{4}.\nReview", text: ["Still \\boxed{4}.", "Now \\boxed{5}."]}
- {contains: "Review", text: "Now \\boxed{6}."}
"""


def test_a_second_turn_is_a_run_of_its_own_that_names_its_parent(parent, script):
    run = made(parent, script("second", SECOND), SecondTurn())
    assert run.tasks() == ("gsm8k-revised",)
    assert run.manifest.finished is not None
    named = load_run(run.path).manifest.parent
    assert (named.name, named.made, named.samples) == ("parent", "second turn", 9)
    assert named.settings["instruction"].startswith("Review")
    prompts = {one.problem_id: one.prompt for one in run.prompts("gsm8k-revised")}
    told = [(one.role, one.content) for one in prompts["right/0"].messages]
    assert [role for role, _ in told] == ["user", "assistant", "user"]
    assert told[1][1] == r"It is \boxed{4}.", "the thought is not part of the turn"


def test_what_became_wrong_and_what_right_is_counted(parent, script):
    run = made(parent, script("second", SECOND), SecondTurn())
    (found,) = revised(parent, run)
    now = outcomes(run)
    assert found.right_to_wrong == sum(now[f"right/{n}", 0] == "wrong" for n in range(3))
    assert found.stayed_right == sum(now[f"right/{n}", 0] == "correct" for n in range(3))
    assert found.wrong_to_right == 3 + sum(now[f"wrong/{n}", 0] == "correct" for n in range(3))
    assert found.stayed_wrong == sum(now[f"wrong/{n}", 0] == "wrong" for n in range(3))
    assert found.samples == 9
    assert found.first == pytest.approx(3 / 9)
    assert found.right_to_wrong + found.stayed_right == 3


def test_the_vote_beside_it_costs_no_more_tokens_than_both_turns(parent, script):
    """First answers have 14, 11 and 4 words, second ones 2: 1.2 times as many, one answer."""
    (found,) = revised(parent, made(parent, script("second", SECOND), SecondTurn()))
    assert (found.votes, found.vote.name) == (1, "avg")
    longer = SECOND.replace("Now", "a b c d e f g h i j k l Now")
    (found,) = revised(parent, made(parent, script("long", longer), SecondTurn(), out="long"))
    assert (found.votes, found.vote.name) == (2, "maj@2")
    longest = SECOND.replace("Now", "a " * 80 + "Now").replace("Still", "a " * 80)
    (found,) = revised(parent, made(parent, script("most", longest), SecondTurn(), out="most"))
    assert (found.votes, found.vote) == (10, None), "the parent has three samples"


def test_the_samples_of_a_problem_are_one_cluster(parent, script):
    run = made(parent, script("second", SECOND), SecondTurn())
    avg = next(one for one in run.metrics() if (one.slice, one.name) == ("all", "avg"))
    assert (avg.problems, avg.samples) == (9, 9)
    assert "cluster" in avg.method or "3" in avg.method
    assert {one.slice for one in run.metrics()} >= {"first=correct", "first=wrong"}


def test_the_same_call_goes_on_and_another_is_refused(parent, script):
    opener = script("second", SECOND)
    run = made(parent, opener, SecondTurn())
    path = run.path / "gsm8k-revised" / "generations.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]))
    again = made(parent, opener, SecondTurn())
    assert len(again.generations("gsm8k-revised")) == 9
    assert path.read_text().startswith("".join(lines[:4]))
    with pytest.raises(RunError, match="prompt_sha256 was"):
        made(parent, opener, SecondTurn(instruction="Review it."))


# --- probes ----------------------------------------------------------------------------------

PROBED = r"""
- {contains: "1 + 1 = 2. 2 + 2 = 4.\n</think>\n\n", text: "It is \\boxed{4}."}
- {contains: "</think>\n\n", text: "It is \\boxed{9}."}
- {contains: "= ", text: " So.</think>It is \\boxed{4}."}
"""


def test_a_cut_thought_is_answered_and_compared_with_the_answer_before(parent, script):
    run = made(parent, script("probed", PROBED), CutThoughts(shares=(0, 70, 100)))
    now = outcomes(run)
    assert len(now) == 18, "two problems of three samples had an answer"
    assert [now[f"right/0/kept {share} %", 0] for share in (0, 70, 100)] == [
        "wrong", "correct", "wrong",
    ]  # fmt: skip
    assert run.manifest.parent.left_out == {"have no answer to compare with": 3}
    golds = {one.id: one.gold for one in run.problems("gsm8k-cut")}
    assert golds["wrong/0/kept 0 %"] == ("4",), "the model's answer, not the problem's"
    by_share = {one.slice: one.value for one in run.metrics() if one.name == "avg"}
    assert by_share["kept=70"] == 0.5
    assert by_share["kept=0"] == by_share["kept=100"] == 0
    samples = {one.problem_id: one for one in run.generations("gsm8k-cut")}
    assert samples["right/0/kept 70 %"].reasoning == "1 + 1 = 2. 2 + 2 = 4."
    assert samples["right/0/kept 70 %"].text == r"It is \boxed{4}."
    assert samples["right/0/kept 0 %"].reasoning == ""


def test_a_false_step_is_put_into_an_equation_and_the_model_goes_on(parent, script):
    run = made(parent, script("probed", PROBED), FalseStep())
    prompts = {one.problem_id: one.prompt.begun for one in run.prompts("gsm8k-false-step")}
    for problem in ("right/0", "wrong/2"):
        same, false = prompts[f"{problem}/as it was"], prompts[f"{problem}/false step"]
        before, _, right = same.rpartition("= ")
        assert right in {"2", "4"}
        assert false.startswith(f"{before}= ")
        assert false != same
    assert {one.slice for one in run.metrics()} >= {"step=as it was", "step=false step"}
    sample = next(iter(run.generations("gsm8k-false-step")))
    assert sample.reasoning.endswith("So."), "the thought goes on"


def test_an_answer_without_a_thought_is_cut_before_its_result(tmp_path, parent, script):
    first = FIRST.replace("<think>", "").replace("</think>", "\n")
    spec = RunSpec(
        tasks=("gsm8k",), data={"gsm8k": (str(tmp_path / "rows.jsonl"),)}, limit=1, max_tokens=99
    )
    plain = run_tasks(spec, script("plain", first), tmp_path / "plain")
    run = made(plain, script("end", '- {text: "4}."}'), CutThoughts(shares=(50, 100)))
    samples = {one.problem_id: one.text for one in run.generations("gsm8k-cut")}
    assert samples["right/0/kept 50 %"] == "1 + 1 = 2.\n\nSo the answer is \\boxed{4}."
    assert set(outcomes(run).values()) == {Outcome.CORRECT}


# fmt: off
KEPT = [
    # text,                         per cent, left
    ("One. Two. Three. Four.",      50,       "One. Two."),
    ("One. Two. Three. Four.",      0,        ""),
    ("One. Two. Three. Four.",      100,      "One. Two. Three. Four."),
    ("One. Two. Three. Four.",      49,       "One."),
    ("a = 1.5 and b = 2\nso 3.5",   50,       "a = 1.5 and b = 2"),       # no end in a number
    ("no end at all",               99,       ""),
    ("no end at all",               100,      "no end at all"),
    ("",                            50,       ""),
]
# fmt: on


@pytest.mark.parametrize(("text", "share", "left"), KEPT)
def test_whole_sentences_and_lines_are_kept(text, share, left):
    assert kept(text, share) == left


# --- what cannot be --------------------------------------------------------------------------


def test_what_cannot_be_asked_is_refused_with_the_reason(tmp_path, parent, script):
    opener = script("second", SECOND)
    with pytest.raises(UnknownNameError, match="math"):
        made(parent, opener, SecondTurn(), tasks=("math",))
    with pytest.raises(UserError, match="is the run itself"):
        made(parent, opener, SecondTurn(), out="parent")
    judge = NamedModel(name=UserModel("checker:equations"))
    with pytest.raises(UserError, match="go on in a stored text, and"):
        made(parent, judge, CutThoughts())
    assert not (tmp_path / "child").exists()


def test_a_run_that_nothing_can_be_asked_of_says_why(tmp_path, parent, script):
    spec = RunSpec(tasks=("gsm8k",), data={"gsm8k": (str(tmp_path / "rows.jsonl"),)}, max_tokens=99)
    silent = run_tasks(spec, script("silent", '- {text: "I do not know."}'), tmp_path / "silent")
    with pytest.raises(RunError, match="3 have no answer to compare with"):
        made(silent, script("second", SECOND), CutThoughts())


def test_a_second_turn_has_the_budget_of_the_first(tmp_path, parent, script):
    spec = RunSpec(
        tasks=("gsm8k",), data={"gsm8k": (str(tmp_path / "rows.jsonl"),)}, max_tokens=99,
        think_budget=50,
    )  # fmt: skip
    bounded = run_tasks(spec, script("bounded", FIRST), tmp_path / "bounded")
    second = made(bounded, script("second", SECOND), SecondTurn())
    assert second.manifest.sampling.think_budget == 50
    probed = made(bounded, script("probed", PROBED), CutThoughts(), out="probed")
    assert probed.manifest.sampling.think_budget is None


def test_both_verbs_say_what_came_of_it(tmp_path, parent, script, mathreason):
    second, probed = script("second", SECOND).name, script("probed", PROBED).name
    said = mathreason("revise", parent.path, "--with", second, "-o", tmp_path / "verb")
    assert said.code == 0, said.err
    assert "of 9 answers, " in said.out
    assert "right to wrong" in said.out
    assert "second turn of 9 samples of parent" in said.out
    told = json.loads(
        mathreason("revise", parent.path, "--with", second, "-o", tmp_path / "verb", "--json").out
    )
    assert told["revised"][0]["samples"] == 9
    assert told["manifest"]["parent"]["name"] == "parent"
    cut = ("probe", parent.path, "--with", probed, "-o", tmp_path / "cut", "--cut", "0,100")
    said = mathreason(*cut)
    assert said.code == 0, said.err
    assert "kept=100" in said.out
    assert "left out: 3 samples that have no answer to compare with" in said.out
    assert mathreason(*cut, "--false-step").code == 2
    assert mathreason(*cut[:-1], "half").code == 2
    assert "cut thoughts of 6 samples of parent" in mathreason("show", tmp_path / "cut").out
