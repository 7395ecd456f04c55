"""One problem over all models: classes of answers, doubtful golds, stripes, and its page."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from manifests import ENTRY, MANIFEST, changed
from site_pages import Page
from site_runs import make_run

from mathreason_eval.site import barcode, build_site
from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.site.problems import problem_entries
from mathreason_eval.site.results import AskedProblem, Result, Shot
from mathreason_eval.types import Metric, Problem, Unit

PROBLEM = Problem(id="p", question="?", gold=("150",))
METRIC = Metric(
    task="t", slice="all", name="avg", value=0.5, low=0.4, high=0.6, se=0.05, problems=1, samples=1,
    method="", unit=Unit.SHARE,
)  # fmt: skip


def shot(answer, number=0):
    """A sample: correct if it says 150, without an answer if None."""
    state = "no_answer" if answer is None else "correct" if answer == "150" else "wrong"
    return Shot(
        sample=number, state=state, answer=answer, rule="number", note="", tokens=None, page=1,
        text=None,
    )  # fmt: skip


def result(model, answers):
    """A result of one problem, with a sample for each answer."""
    shots = tuple(shot(answer, number) for number, answer in enumerate(answers))
    states = Counter(one.state for one in shots)
    asked = AskedProblem(
        problem=PROBLEM, anchor="p", address="p--1", number=1, states=states, page=1, shots=shots
    )
    manifest = changed(
        MANIFEST, model__name=model, tasks={"t": changed(ENTRY, samples=len(answers))}
    )
    return Result(
        excluded={},
        page=model, folder=model, manifest=manifest, task="t", problems=(asked,), states=states,
        metrics=(METRIC,), scores={},
    )  # fmt: skip


def entry(*answers, ranked=None, metric=METRIC):
    """The problem over models that gave these answers, the best model first."""
    results = [
        replace(
            result(f"m{place}", given if isinstance(given, list) else [given]), metrics=(metric,)
        )
        for place, given in enumerate(answers)
    ]
    standings = tuple(
        Standing(
            result=one,
            metric=METRIC,
            lacks=() if ranked is None or place in ranked else ("a lot",),
        )
        for place, one in enumerate(results)
    )
    [found] = problem_entries(
        Column(task="t", page="t", metric="avg", reference=results[0], standings=standings)
    )
    return found


# fmt: off
CLASSES = [
    # answers, the best model first                   (answer, models, whether the gold)
    (["240", "240", "150"],                           [("240", 2, False), ("150", 1, True)]),
    (["240", "240.0", "$240"],                        [("240", 3, False), ("150", 0, True)]),
    (["1/2", "0.5", "150"],                           [("0.5", 2, False), ("150", 1, True)]),
    (["7", "8", "150"],                               [("150", 1, True), ("7", 1, False),
                                                       ("8", 1, False)]),
    ([None, None, "150"],                             [("150", 1, True), (None, 2, False)]),
    ([["7", "7", "150"], ["150", "7", "7"], "150"],   [("150", 3, True), ("7", 2, False)]),
]
# fmt: on


@pytest.mark.parametrize(("answers", "classes"), CLASSES)
def test_equivalent_answers_are_one_class_and_each_model_counts_once_in_it(answers, classes):
    found = entry(*answers).classes
    by_models = sorted(found, key=lambda one: (-one.models, one.answer or ""))
    assert sorted((one.answer or "", one.models, one.is_gold) for one in found) == sorted(
        (answer or "", models, gold) for answer, models, gold in classes
    )
    assert found[0].models == by_models[0].models or found[-1].answer is None
    assert sum(one.samples for one in found) == sum(
        len(given) if isinstance(given, list) else 1 for given in answers
    )


# fmt: off
DOUBTS = [
    # answers, the best model first                     (answer, votes, for the gold, strong)
    (["7"] * 3,                                         ("7", 3, 0, 3)),
    (["7", "7.0", "7"],                                 ("7", 3, 0, 3)),
    (["7"] * 3 + ["150"] * 6,                           ("7", 3, 0, 3)),   # only the best third
    (["7"] * 9 + ["150", "7", "7"],                     ("7", 4, 0, 4)),
    (["7", "7", "7", "150"] + ["150"] * 8,              ("7", 3, 1, 4)),
    (["150"] * 3 + ["7"] * 6,                           None),             # the weak agree
    (["7", "7", "150"],                                 None),
    (["7", "7", "8"],                                   None),
    (["7", "7"],                                        None),             # too few
    ([None, None, None],                                None),             # no answer is none
    ([["7", "7", "150"]] * 3,                           ("7", 3, 0, 3)),
    ([["7", "150", "150"]] * 3,                         None),
]
# fmt: on


@pytest.mark.parametrize(("answers", "doubt"), DOUBTS)
def test_a_gold_is_in_doubt_where_strong_models_agree_on_another_answer(answers, doubt):
    found = entry(*answers).doubt
    said = None if found is None else (found.answer, found.votes, found.gold_votes, found.strong)
    assert said == doubt


def test_a_model_that_is_not_ranked_raises_no_doubt():
    assert entry("7", "7", "7").doubt is not None
    assert entry("7", "7", "7", ranked={0, 1}).doubt is None


def test_models_that_are_mostly_wrong_raise_no_doubt():
    weak = replace(METRIC, value=0.49)
    assert entry("7", "7", "7", metric=weak).doubt is None


# fmt: off
ALONE = [
    (["150", "7", "7"],            0),
    (["7", ["7", "150"], "7"],     1),
    (["150", "150", "7"],          None),
    (["7", "7"],                   None),
    (["150"],                      None),   # alone among nobody
]
# fmt: on


@pytest.mark.parametrize(("answers", "alone"), ALONE)
def test_a_problem_that_one_model_alone_solves(answers, alone):
    assert entry(*answers).alone == alone


# fmt: off
STRIPES = [
    # states of the samples, of how many          kind
    ({"correct": 4},                       4,     "right"),
    ({"correct": 3},                       4,     "partly"),   # the fourth is not known
    ({"correct": 3, "wrong": 1},           4,     "partly"),
    ({"wrong": 4},                         4,     "wrong"),
    ({"wrong": 1, "truncated": 3},         4,     "wrong"),
    ({"wrong": 3},                         4,     "unknown"),
    ({"truncated": 1, "no_answer": 3},     4,     "odd"),
    ({"not_judged": 4},                    4,     "unknown"),
    ({},                                   4,     "unknown"),
]
# fmt: on


@pytest.mark.parametrize(("states", "samples", "kind"), STRIPES)
def test_a_stripe_says_only_what_was_measured(states, samples, kind):
    asked = AskedProblem(
        problem=PROBLEM, anchor="p", address="p", number=1, states=Counter(states), page=1
    )
    assert barcode.stripe(asked, samples) == kind
    assert barcode.stripe(None, samples) == "unknown"


def test_a_problem_without_a_gold_is_solved_by_nobody_and_by_none_unsolved(monkeypatch):
    monkeypatch.setitem(globals(), "PROBLEM", replace(PROBLEM, gold=()))
    found = entry("7", "7", "8")
    assert (found.kind, found.alone, found.doubt) == ("not_judged", None, None)
    assert [one.answer for one in found.classes] == ["7", "8"]


def test_neighbours_are_one_line():
    kinds = ["wrong", "wrong", "right", "wrong"]
    assert barcode.paths(kinds) == {"right": "M2 .5h1", "wrong": "M0 .5h2M3 .5h1"}
    lengths = [
        int(n) for path in barcode.paths(kinds).values() for n in re.findall(r"h(\d+)", path)
    ]
    assert sum(lengths) == len(kinds)


# --- pages -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_of_a_problem_has_every_sample_of_every_model(tmp_path):
    runs = [
        make_run(tmp_path / name, model=name, problems=3, samples=2) for name in ("a", "b", "c")
    ]
    site = build_site(runs, tmp_path / "site").parent
    pages = sorted((site / "task" / "shopping").glob("shopping-*--*.html"))
    assert len(pages) == 3
    for path in pages:
        page = Page(path)
        samples = [link for link in page.links if re.search(r"-samples-\d+\.html#.*:\d$", link)]
        assert len(set(samples)) == 6
        counted = re.findall(r"(\d+) samples?", page.text.partition("Answers")[2])
        assert sum(map(int, counted)) == 6


@pytest.mark.slow
def test_other_questions_under_one_id_are_other_pages(tmp_path):
    runs = [
        make_run(tmp_path / name, model=name, problems=2, samples=1, question=question)
        for name, question in (("a", "One?"), ("b", "Two?"), ("c", "One?"))
    ]
    site = build_site(runs, tmp_path / "site").parent
    pages = [Page(path).text for path in (site / "task" / "shopping").glob("shopping-0--*.html")]
    assert len(pages) == 2
    assert {("One?" in text, "Two?" in text) for text in pages} == {(True, False), (False, True)}


@pytest.mark.slow
def test_the_page_of_a_model_has_its_results_alone(tmp_path):
    runs = [
        make_run(tmp_path / "a", model="one@here", problems=20, skill=0.9),
        make_run(tmp_path / "b", model="one@here", problems=20, task="gcd"),
        make_run(tmp_path / "c", model="one@there", problems=20, skill=0.1),
    ]
    site = build_site(runs, tmp_path / "site").parent
    texts = [Page(path).text for path in sorted((site / "model").glob("*.html"))]
    assert [("@ here" in text, "gcd" in text) for text in texts] == [(True, True), (False, False)]


@pytest.mark.slow
def test_what_sets_a_model_apart_is_on_a_page_of_the_task(tmp_path):
    skills = {"all": 1.0, "most": 1.0, "none": 0.0}
    runs = [
        make_run(tmp_path / name, model=name, problems=20, samples=1, skill=skill)
        for name, skill in skills.items()
    ]
    alone = [make_run(tmp_path / f"g{name}", model=name, problems=20, samples=1, task="gcd",
                      skill=skill) for name, skill in [("all", 1.0), ("none", 0.0)]]  # fmt: skip
    site = build_site([*runs, *alone], tmp_path / "site").parent
    missed = Page(site / "task" / "shopping" / "models.html").text
    assert missed.count("Never solves, though most models do") == 1
    assert missed.index("none") < missed.index("Never solves")
    assert (missed.count("rank 1 – 2 of 2"), missed.count("not ranked,")) == (2, 0)
    assert missed.count("none not ranked") == 1
    solved = Page(site / "task" / "gcd" / "models.html").text
    assert (solved.count("No other model ever solves"), solved.count("Never solves")) == (1, 1)
    assert "at most 12 problems" in solved
    assert len(re.findall(r"gcd-\d+", solved.partition("Never solves")[0])) == 12
