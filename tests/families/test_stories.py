"""Variants of word problems: what a change may say, and what every family keeps to."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import numpy as np
import pytest
import yaml
from generated import check_solution, families_of

from mathreason_eval.errors import UserError
from mathreason_eval.families.stories.instances import (
    instances,
    layout_of,
    span,
    spread,
    strict,
)
from mathreason_eval.families.stories.templates import changed, read_template
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.stats.estimators.paired import drop_rate
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import content_hash
from mathreason_eval.types import Outcome, Problem, Verdict

# --- changes of a record ---------------------------------------------------------------------

RECORD = yaml.safe_load("""\
id: owls
who: {who: person}
draw: {trees: 3..9, each: 2..6}
steps: [owls = trees * each]
where: [owls < 40]
text: |
  {who} sees {trees} trees.
  In each tree there are {each} owls.
  How many owls are there?
""")

# fmt: off
CHANGES = [
    # the change,                                            the sentences that it tells
    ("{}",                                                   "who sees|In each|How many owls are"),
    ("{order: [2, 1, 3]}",                                   "In each|who sees|How many owls are"),
    ("{draw: {n: 2..4}, add: 'It is {n} km away.'}",         "who sees|In each|It is|How many"),
    ("{draw: {n: 2..4}, add: 'It is {n} km away.', order: [1, 3, 2, 4]}",
                                                             "who sees|It is|In each|How many"),
    ('{text: "{each} owls sit in each tree.\\n{who} sees {trees} trees.\\nHow many owls?"}',
                                                             "each owls sit|who sees|How many"),
    ("{draw: {n: 2..4}, steps: [all = owls + n], add: 'There are {n} more.', ask: 'In all?'}",
                                                             "who sees|In each|There are|In all"),
]
SLIPS = [
    # the change,                     what the error says
    ("{steps: [all = owls + n]}",     "'n' is not defined"),
    ("{add: 'It is {n} km away.'}",   "'n' is not defined"),
    ("{order: [1, 2]}",               "orders 3 sentences"),
    ("{order: [1, 1, 3]}",            "orders 3 sentences"),
    ("{draws: {n: 2..4}}",            "draws"),
    ("{text: 'How many owls?'}",      "who does not appear"),
    ("{where: [owls < n]}",           "'n' is not defined"),
]
# fmt: on


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_a_change_tells_what_differs_and_keeps_the_rest(change, told):
    record = changed(RECORD, "other", yaml.safe_load(change))
    lines = record["text"].splitlines()
    plain = [re.sub(r"[{}]", "", line) for line in lines]
    begins = told.split("|")
    assert [line.startswith(begin) for line, begin in zip(plain, begins, strict=True)] == [
        True
    ] * len(begins)
    assert read_template(record).id == "owls/other"


@pytest.mark.parametrize(("change", "says"), SLIPS)
def test_a_slip_in_a_change_is_found_before_anything_is_drawn(change, says):
    with pytest.raises(UserError, match=says):
        read_template(changed(RECORD, "other", yaml.safe_load(change)))


def test_a_change_leaves_its_record_as_it_was():
    before = yaml.safe_dump(RECORD)
    changed(RECORD, "larger", {"draw": {"trees": "30..90"}, "where": []})
    assert yaml.safe_dump(RECORD) == before


# --- the families of word-problems-variants --------------------------------------------------

NUMBERS = ("numbers-1", "numbers-2", "numbers-3", "numbers-4")
VARIANTS = (None, *NUMBERS, "larger", "irrelevant", "reordered", "longer")
FAMILIES = 640


@pytest.fixture(scope="module")
def families():
    return families_of("word-problems-variants", FAMILIES, len(VARIANTS))


def numerals(text):
    return re.findall(r"\d+(?:\.\d+)?", text)


def test_a_change_of_any_item_is_a_new_version(families):
    # Whoever changes this raises `version` in task.yaml: scores of other items are other scores.
    assert load_task("word-problems-variants").version == 1
    first = [problem for family in families[:64] for problem in family]
    assert content_hash(first) == "f03b0eef9e9bde9548ee7575613be67ebd9672341a6527c80c3e7507536bcaac"


def test_a_family_is_an_original_and_its_variants(families):
    for family in families:
        original, *others = family
        assert [problem.variant for problem in family] == [*VARIANTS]
        assert (original.origin, {other.origin for other in others}) == (None, {original.id})
        assert [problem.meta.get("instance") for problem in family] == [0, 1, 2, 3, 4, *[None] * 4]


def test_the_originals_are_those_of_word_problems(families):
    task = load_task("word-problems")
    for number, (original, *_) in enumerate(families):
        same = task.problem(number, 0)
        assert (original.question, original.gold) == (same.question, same.gold)


def test_no_question_stands_twice(families):
    assert len({problem.question for family in families for problem in family}) == FAMILIES * 9


def test_the_gold_stays_or_changes_as_the_tag_says(families):
    for original, *others in families:
        for other in others:
            kept = other.meta["gold"] == "kept"
            assert kept == (other.variant in {"irrelevant", "reordered"})
            assert (other.gold == original.gold) == kept, other.question


def test_what_keeps_the_numbers_keeps_all_of_them(families):
    for family in families:
        by_name = {problem.variant: Counter(numerals(problem.question)) for problem in family}
        original = by_name[None]
        assert by_name["reordered"] == original, family[0].meta
        assert (by_name["irrelevant"] - original).total() == 1
        assert (by_name["longer"] - original).total() in {1, 2}
        assert not original - by_name["irrelevant"]
        assert not original - by_name["longer"]


def test_reordered_facts_stand_in_another_order(families):
    for family in families:
        original, reordered = family[0], family[-2]
        same = numerals(original.question) == numerals(reordered.question)
        # Numbers may be alike, or a single one; then the words stand otherwise.
        assert not same or original.question.split() != reordered.question.split()
    moved = sum(numerals(f[0].question) != numerals(f[-2].question) for f in families)
    assert moved > 0.85 * FAMILIES


def test_longer_is_one_step_longer_and_the_others_are_not(families):
    for original, *others in families:
        for other in others:
            more = other.meta["steps"] - original.meta["steps"]
            assert more == (other.variant == "longer")


def test_larger_numbers_are_larger(families):
    def size(problem):
        return sum(len(number) for number in numerals(problem.question))

    for template in {family[0].meta["template"] for family in families}:
        own = [family for family in families if family[0].meta["template"] == template]
        assert sum(size(family[5]) for family in own) > 1.1 * sum(size(f[0]) for f in own)


def test_names_and_things_stay(families):
    towns_and_people = re.compile(r"(?<![.?] )(?<!\A)\b[A-Z][a-z]+")
    for original, *others in families:
        names = set(towns_and_people.findall(original.question))
        for other in others:
            told = set(re.findall(r"\b[A-Z][a-z]+", other.question))
            assert names - {"Monday", "Friday", "Saturday", "Sunday"} <= told, other.question


@pytest.mark.slow
def test_every_step_is_right_and_the_last_one_is_the_gold(families):
    for problem in (problem for family in families for problem in family):
        check_solution(problem)


# fmt: off
UNGRAMMATICAL = [
    (r"[{}]",                              "a brace is left over"),
    (r"\b[Aa] [aeiou]",                    "`a` before a vowel"),
    (r"\b[Aa]n (?!hour)[^aeiou]",          "`an` before a consonant"),
    (r"(?<![\d.$])\b1 [a-z]+s\b",          "one of many"),
    (r"\b(\w+) \1\b",                      "a word twice"),
    (r"  | [.,?]|\.\.",                    "a stray space or stop"),
    (r"(?:^|[.?] )[a-z]",                  "a sentence begins small"),
    (r"\$(?!\d)",                          "a currency without its sum"),
    (r"\b0\b(?!\.)",                       "nothing of something"),
    (r"\?.",                               "a question that is not the last"),
]
# fmt: on


@pytest.mark.parametrize(("pattern", "what"), UNGRAMMATICAL)
def test_no_variant_is_ungrammatical(families, pattern, what):
    questions = [problem.question for family in families for problem in family]
    assert [question for question in questions if re.search(pattern, question)] == [], what


def test_pronouns_follow_the_name(families):
    for problem in (problem for family in families for problem in family):
        words = set(re.findall(r"\b(?:he|she|him|her|his)\b", problem.question.lower()))
        assert not (words & {"he", "him", "his"} and words & {"she", "her"}), problem.question


# --- the metrics -----------------------------------------------------------------------------


def items(rows):
    """Return problems with their judgements from rows of (id, instance or None, `110` samples)."""
    problems, verdicts = [], []
    for name, instance, samples in rows:
        first = instance in (0, None)
        identity = name if first else f"{name}-{instance}"
        problems.append(
            Problem(
                id=identity,
                question=identity,
                gold=("1",),
                meta={} if instance is None else {"instance": instance},
                origin=None if first else name,
                variant=None if first else f"numbers-{instance}",
            )
        )
        verdicts += [
            Verdict(
                problem_id=identity,
                sample=sample,
                outcome=Outcome.CORRECT if right == "1" else Outcome.WRONG,
                rule="",
                note="",
                score=float(right),
            )
            for sample, right in enumerate(samples)
        ]
    return items_of(problems, [], verdicts, str, cluster=None)


def found(family, rows):
    return {(m.slice, m.name): (m.value, m.problems, m.samples) for m in family("t", items(rows))}


TWO_BY_THREE = [
    ("a", 0, "1"), ("a", 1, "1"), ("a", 2, "0"),
    ("b", 0, "1"), ("b", 1, "0"), ("b", 2, "0"),
]  # fmt: skip


# The first row's residuals are 1/6, -1/3 and 1/6, the second's the same with the other sign: a sum
# of squares of 1/3 over two degrees of freedom, for two families, and a pseudo-variance of 1/4.
NOISE = (2 * (1 / 3) / 2 + 0.25) / 2**2


def test_instances_are_columns_of_a_table():
    # The columns' accuracies are 1, 1/2 and 0.
    values = found(instances, TWO_BY_THREE)
    assert values == {
        ("instances", "avg"): (0.5, 2, 6),
        ("instances", "sd"): (pytest.approx((0.25 - NOISE) ** 0.5), 2, 6),
        ("instances", "lowest"): (0.0, 2, 6),
        ("instances", "highest"): (1.0, 2, 6),
        ("instances", "range"): (1.0, 2, 6),
    }


def test_a_family_without_all_its_instances_does_not_count():
    torn = [*TWO_BY_THREE, ("c", 0, "1"), ("c", 1, "1")]
    assert found(instances, torn) == found(instances, TWO_BY_THREE)


@pytest.mark.parametrize("rows", [[("a", None, "1")], [("a", 0, "1"), ("b", 0, "0")]])
def test_without_a_second_instance_there_is_nothing_to_say(rows):
    assert found(instances, rows) == {}


STRICT = [("a", 0, "11"), ("a", 1, "10"), ("b", 0, "11"), ("b", 1, "11"), ("c", 0, "1")]


def test_strict_wants_every_sample_and_all_samples():
    assert found(strict, STRICT) == {
        ("all", "strict"): (0.75, 4, 8),
        ("original", "strict"): (1.0, 2, 4),
        ("variant=numbers-1", "strict"): (0.5, 2, 4),
    }


def test_strict_of_single_samples_is_no_news():
    assert found(strict, TWO_BY_THREE) == {}


# fmt: off
SPREADS = [
    # instances, families, samples, standard deviation of the instances' effects
    (5,  50, 1, 0.00),
    (5,  50, 8, 0.00),
    (20, 40, 1, 0.00),
    (5,  50, 1, 0.08),
    (20, 40, 4, 0.08),
]
# fmt: on


@pytest.mark.parametrize(("count", "many", "samples", "effect"), SPREADS)
def test_spread_and_range_hold_the_truth_where_there_is_a_difference_and_where_none(
    count, many, samples, effect
):
    rng = np.random.default_rng(5)
    held = Counter()
    for _ in range(200):
        effects = rng.normal(0, effect, count)
        # Families differ, and so do the draws of one family: 0.5 on average, and the effect.
        easy = rng.uniform(0.3, 0.7, (many, 1))
        chances = np.clip(easy + effects + rng.uniform(-0.1, 0.1, (many, count)), 0, 1)
        layout = layout_of(rng.binomial(samples, chances) / samples, range(many), samples)
        one, other = spread(layout), span(layout)
        held["sd"] += one.low <= effect <= one.high
        held["range"] += other.low <= effects.max() - effects.min() <= other.high
    assert held["sd"] >= 0.92 * 200
    assert held["range"] >= 0.92 * 200


@pytest.mark.slow
def test_the_lowest_and_the_highest_of_many_instances_are_not_taken_for_chosen_before():
    rng, held = Random(3), Counter()
    for _ in range(60):
        rows = [
            (f"f{family}", instance, "".join(str(int(rng.random() < 0.5)) for _ in range(2)))
            for family in range(30)
            for instance in range(8)
        ]
        for metric in instances("t", items(rows)):
            held[metric.name] += metric.low <= 0.5 <= metric.high
            assert metric.low <= metric.value <= metric.high
    assert held["lowest"] >= 55
    assert held["highest"] >= 55


def test_equal_instances_have_no_certain_spread_of_zero():
    layout = layout_of([[0.5] * 5] * 16, range(16), samples=4)
    for mean in (spread(layout), span(layout)):
        assert (mean.value, mean.low) == (0, 0)
        assert 0.005 < mean.high < 0.1


def test_strict_says_of_how_many_samples_it_is():
    (whole, *_) = strict("t", items(STRICT))
    assert whole.method.startswith("pass^2; ")


# fmt: off
PDR = [
    # model,         accuracy on GSM8K and on its variants, published performance drop rate
    ("GPT-4",        93.25, 85.58,  8.23),
    ("GPT-4 wo CT",  93.25, 88.16,  5.46),
    ("GPT-3.5",      73.62, 61.19, 16.88),
    ("Mistral-7B",   39.58, 26.18, 33.86),
    ("LLaMA-2-70B",  56.71, 40.04, 29.40),
    ("Abel-7B",      59.51, 37.09, 37.67),
    ("MetaMath-7B",  66.72, 44.35, 33.53),
    ("CodeLlama-7B", 25.32, 15.05, 40.56),
]
# fmt: on


@pytest.mark.parametrize(("model", "before", "after", "published"), PDR)
def test_the_drop_rate_is_the_published_one(model, before, after, published):
    many = 10_000
    one, other = round(before * 100), round(after * 100)
    rate = drop_rate(
        [Pair(before=float(i < one), after=float(i < other)) for i in range(many)],
    )
    assert 100 * rate.value == pytest.approx(published, abs=0.006), model
    assert rate.low < rate.value < rate.high
