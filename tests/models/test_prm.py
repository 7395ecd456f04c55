"""Step scores of a reward model: how they are read, and what threshold makes of them a verdict."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import ModelError, UnknownNameError
from mathreason_eval.extract import extract
from mathreason_eval.families.processbench.grader import step_index
from mathreason_eval.families.processbench.metrics import best_threshold, first_error
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Request
from mathreason_eval.pipeline.run import evaluate
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.steps import first_below, scores_of
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.task import PromptForm, render
from mathreason_eval.types import Outcome, Problem, Prompt, Sampling, Verdict

# fmt: off
SCORES = [
    # text                                                what is found
    ('{"scores": [0.9, 0.2]}\n\\boxed{1}',                (0.9, 0.2)),
    ('{"scores": [1e-06]}',                               (1e-06,)),
    ('{"scores": []}',                                    ()),
    ('{"scores": [0.1]} then {"scores": [0.7]}',          (0.7,)),       # the last
    ('{"scores": [0.9, high]}',                           None),
    ('{"scores": [0.9',                                   None),
    ("the scores are 0.9 and 0.2",                        None),
]

INDICES = [
    # scores            threshold  index
    ((0.9, 0.2, 0.1),   0.5,       1),
    ((0.9, 0.5),        0.5,       -1),  # not below
    ((0.9, 0.5),        0.6,       1),
    ((),                0.5,       -1),
]

THRESHOLDS = [
    # (true index, scores)                                             threshold with the best F1
    ([(1, (0.9, 0.6)), (-1, (0.9, 0.8))],                              0.7),  # between the two
    ([(1, (0.9, 0.2)), (-1, (0.9, 0.8))],                              0.5),  # as good as any other
    ([(1, (0.9, 0.2)), (0, (0.3, 0.9)), (-1, (0.4, 0.4))],             0.35),
    ([(5, (0.9, 0.2)), (-1, (0.9, 0.8))],                              0.5),  # no such step
]
# fmt: on


@pytest.mark.parametrize(("text", "wanted"), SCORES)
def test_scores_are_found_and_read(text, wanted):
    found = extract(text, ["scores"])
    assert (found and scores_of(found.text)) == wanted


def test_many_unfinished_scores_take_no_time():
    assert extract('{"scores": [0.1, ' * 50_000, ["scores"]) is None


@pytest.mark.parametrize(("scores", "threshold", "index"), INDICES)
def test_the_first_step_below_the_threshold_is_false(scores, threshold, index):
    assert first_below(scores, threshold) == index


def test_scores_are_judged_at_one_half():
    assert step_index("1", '{"scores": [0.9, 0.2]}').equal
    assert step_index("-1", '{"scores": [0.9, 0.6]}').equal


@pytest.mark.parametrize(("solutions", "threshold"), THRESHOLDS)
def test_the_best_threshold_separates_false_steps_from_right_ones(solutions, threshold):
    assert best_threshold(solutions) == pytest.approx(threshold)


SCORE = st.integers(0, 20).map(lambda number: number / 20)
SOLUTION = st.tuples(st.integers(-1, 3), st.lists(SCORE, min_size=4, max_size=4).map(tuple))


@pytest.mark.slow
@given(st.lists(SOLUTION, min_size=1, max_size=8), SCORE)
def test_no_other_threshold_finds_more(solutions, other):
    def f1(threshold):
        shares = []
        for kind in (True, False):
            hits = [
                first_below(scores, threshold) == true
                for true, scores in solutions
                if (true >= 0) is kind
            ]
            shares.append(sum(hits) / len(hits) if hits else 0.0)
        return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0

    assert f1(best_threshold(solutions)) >= f1(other) - 1e-12


# --- metrics ---------------------------------------------------------------------------------


def metrics(*rows):
    """Return the metrics of (split, true index, scores)."""
    problems, verdicts = [], []
    for number, (split, true, scores) in enumerate(rows):
        identity = f"{split}-{number}"
        problems.append(
            Problem(id=identity, question="?", gold=(str(true),), meta={"split": split})
        )
        answer = None if scores is None else json.dumps({"scores": scores})
        verdicts.append(
            Verdict(
                problem_id=identity,
                sample=0,
                outcome=Outcome.WRONG if answer else Outcome.NO_ANSWER,
                answer=answer,
                rule="step-index",
                note="",
                score=0.0,
            )
        )
    found = first_error("processbench", items_of(problems, [], verdicts, str, cluster=None))
    return {(metric.slice, metric.name): metric for metric in found}


def test_the_threshold_of_one_split_serves_all_of_them():
    found = metrics(
        ("gsm8k", 1, [0.9, 0.6]),
        ("gsm8k", -1, [0.9, 0.8]),
        ("math", 0, [0.65, 0.9]),
        ("math", 1, [0.75, 0.74]),
        ("math", -1, [0.9, 0.9]),
    )
    assert found["split=gsm8k", "f1"].value == 1.0
    assert found["split=math", "acc_error"].value == 0.5
    assert found["split=math", "f1"].method.startswith(
        "threshold 0.7, with the largest F1 on gsm8k"
    )


def test_without_that_split_the_threshold_is_one_half():
    found = metrics(("math", 0, [0.4]), ("math", -1, [0.9]), ("math", -1, None))
    assert found["split=math", "acc_correct"].value == 0.5
    assert found["all", "f1"].method.startswith("threshold 0.5, without gsm8k")


# --- what is asked, and the checker that answers -------------------------------------------------


def request(*steps):
    problem = Problem(id="p", question="How many?", gold=("0",), given={"steps": list(steps)})
    form = PromptForm(id="prm", template="{{ problem.question }}", chat=True, turns=True)
    prompt = render(form, problem)
    return Request(
        task="processbench", problem_id="p", sample=0, prompt=prompt, sampling=Sampling(), seed=0
    )


def test_each_step_is_a_message_of_the_assistant():
    said = [(message.role, message.content) for message in request("one", "two").prompt.messages]
    assert said == [("user", "How many?"), ("assistant", "one"), ("assistant", "two")]


# fmt: off
CHECKED = [
    (("2 + 2 = 4", "4 + 4 = 9"), r"\boxed{1}"),
    (("2 + 2 = 4",),             r"\boxed{-1}"),
]
# fmt: on


@pytest.mark.parametrize(("steps", "box"), CHECKED)
def test_the_checker_names_the_first_false_step(steps, box):
    (completion,) = open_model("checker:equations").stream([request(*steps)])
    assert box in completion.text


def test_a_prompt_without_steps_is_refused_with_the_one_that_has_them():
    bare = Request(
        task="processbench",
        problem_id="p",
        sample=0,
        prompt=Prompt(messages=request("one").prompt.messages[:1]),
        sampling=Sampling(),
        seed=0,
    )
    with pytest.raises(ModelError) as refused:
        list(open_model("checker:equations").stream([bare]))
    assert "--prompt prm" in refused.value.hint


def test_there_is_one_checker():
    with pytest.raises(UnknownNameError):
        open_model("checker:equation")


ROWS = [
    ("gsm8k-0", ["3 boxes of 4 pens are 3 * 4 = 13 pens.", "The answer is 13."], 0),
    ("gsm8k-1", ["Two boxes hold 2 * 4 = 8 pens.", "The answer is 8."], -1),
    ("gsm8k-2", ["The pens are 2 + 5 = 7.", "Half of the seven is 3 pens."], 1),
]


def test_the_checker_runs_as_any_model_does(tmp_path):
    data = tmp_path / "rows.jsonl"
    data.write_text(
        "\n".join(
            json.dumps(
                {
                    "id": identity,
                    "generator": "hand",
                    "problem": f"How many pens are in {identity}?",
                    "steps": steps,
                    "final_answer_correct": label < 0,
                    "label": label,
                }
            )
            for identity, steps, label in ROWS
        )
    )
    made = evaluate(
        model="checker:equations",
        tasks=["processbench"],
        prompt="prm",
        data={"processbench": (str(data),)},
        out=tmp_path / "run",
    )
    outcomes = [verdict.outcome.value for verdict in made.verdicts("processbench")]
    assert outcomes == ["correct", "correct", "wrong"]


def test_the_task_asks_critics_first():
    assert load_task("processbench").prompt_form(None, chat=True).id == "critic"
