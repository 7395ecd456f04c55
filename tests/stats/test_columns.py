"""Columns say of samples and verdicts what a loop over the records says."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.stats.columns import SampleColumns, VerdictColumns, rows_of
from mathreason_eval.stats.copies import copied_samples
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.types import (
    FAILED,
    Generation,
    GenerationInfo,
    Outcome,
    Problem,
    Verdict,
)

LONG = ["So we add. " * 10, "So we count. " * 10, "So we ask. " * 10]
IDS = ["a", "b", "c", "d", "e", "f"]
KEYS = st.tuples(st.sampled_from(IDS), st.sampled_from([0, 1, 2, 7, -1, 1 << 62]))
REASONS = st.sampled_from(["stop", "length", "content_filter", FAILED, None])
AMOUNTS = st.none() | st.integers(0, 1_000)
SAMPLES = st.lists(
    st.builds(
        lambda key, **rest: Generation(problem_id=key[0], sample=key[1], **rest),
        key=KEYS,
        text=st.sampled_from([*LONG, "42", "", "\ud800"]),
        reasoning=st.sampled_from([None, None, "", LONG[0]]),
        finish_reason=REASONS,
        completion_tokens=AMOUNTS,
        reasoning_tokens=AMOUNTS,
        seconds=st.none() | st.floats(0, 100),
        reward=st.none() | st.floats(-5, 5),
        refused=st.booleans(),
    ),
    max_size=30,
)
VERDICTS = st.lists(
    st.builds(
        lambda key, **rest: Verdict(problem_id=key[0], sample=key[1], note="", score=0.0, **rest),
        key=KEYS,
        outcome=st.sampled_from(Outcome),
        answer=st.sampled_from([None, "1", "2", "3"]),
        found_by=st.sampled_from([None, "boxed", "last_number"]),
        rule=st.sampled_from(["number", "not_claimed"]),
        second=st.sampled_from([None, *Outcome]),
        measures=st.sampled_from([{}, {"pa": 0.5}]),
    ),
    max_size=30,
)

AMOUNT_FIELDS = {
    "tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "seconds": "seconds",
    "rewards": "reward",
}


def infos(samples):
    return [GenerationInfo.of(one) for one in samples]


@given(SAMPLES)
def test_samples_become_columns_and_records_again(samples):
    columns = SampleColumns.of(samples)
    assert columns.infos() == SampleColumns.of(infos(samples)).infos() == infos(samples)
    assert [*columns.is_refusal] == [one.is_refusal for one in samples]
    assert columns.problem_ids == {one.problem_id for one in samples}
    assert len(columns) == len(samples)
    assert bool(columns) == bool(samples)


@given(SAMPLES, VERDICTS)
def test_each_verdict_finds_the_first_sample_that_it_is_on(samples, verdicts):
    first = {}
    for row, one in enumerate(samples):
        first.setdefault((one.problem_id, one.sample), row)
    columns, judged = SampleColumns.of(samples), VerdictColumns.of(verdicts)
    found = [first.get((one.problem_id, one.sample), -1) for one in verdicts]
    assert rows_of(columns, judged).tolist() == found
    assert columns.distinct.tolist() == [*first.values()]


@given(SAMPLES, st.booleans())
def test_copies_are_those_that_a_look_at_each_pair_finds(samples, greedy):
    found = copied_samples(samples, greedy=greedy)
    first = {(one.problem_id, one.sample): one for one in reversed(infos(samples))}
    texts, known, original, left_out = {}, {}, {}, set()
    for (problem, index), one in first.items():
        if not one.is_failure:
            texts.setdefault(index, {})[problem] = one.texts_digest, one.length
    for index in sorted(texts):
        for earlier, held in known.items():
            both = texts[index].keys() & held.keys()
            equal = all(texts[index][one] == held[one] for one in both)
            long = sum(texts[index][one][1] >= 100 for one in both)
            if equal and (both if greedy else long >= 5):
                original[index] = earlier
                left_out |= {(problem, index) for problem in both}
                known[earlier] = texts[index] | held
                break
        else:
            known[index] = texts[index]
    assert (found.original, found.samples) == (original, left_out)
    assert found.alone == sum(index in original for _, index in first) - len(left_out)
    assert found.independent == len({index for _, index in first}) - len(original)
    told = [
        (problem, digest)
        for index, held in texts.items()
        for problem, (digest, length) in held.items()
        if (problem, index) not in left_out and (greedy or length >= 100)
    ]
    assert found.compared == len(told) - len({problem for problem, _ in told})
    assert found.repeats == len(told) - len({*told})


@given(SAMPLES, VERDICTS)
def test_items_hold_what_is_known_of_each_judged_sample(samples, verdicts):
    judged = {(one.problem_id, one.sample): one for one in verdicts}
    problems = [Problem(id=name, question=name, gold=("1",)) for name in IDS]
    made = {(one.problem_id, one.sample): one for one in reversed(samples)}
    found = items_of(problems, samples, [*judged.values()], str, cluster=None)
    assert [item.problem.id for item in found] == sorted({name for name, _ in judged})
    for item in found:
        keys = sorted(key for key in judged if key[0] == item.problem.id)
        own = [judged[key] for key in keys]
        on = [made.get(key) for key in keys]
        asked = [one for key, one in made.items() if key[0] == item.problem.id]
        assert (item.n, item.outcomes) == (
            len(own),
            {outcome: sum(one.outcome is outcome for one in own) for outcome in Outcome},
        )
        assert [(one.answer, one.rule, one.second, one.measures) for one in item.verdicts] == [
            (one.answer, one.rule, one.second, one.measures) for one in own
        ]
        assert item.refused == sum(one is not None and one.is_refusal for one in on)
        assert item.ends_known == all(one.finish_reason is not None for one in asked)
        cut = [one is not None and one.finish_reason == "length" for one in on]
        answered = {Outcome.CORRECT, Outcome.WRONG, Outcome.UNGRADABLE}
        count = sum(c and one.outcome in answered for c, one in zip(cut, own, strict=True))
        assert item.cut_answers == (count if item.ends_known else None)
        for name, field in AMOUNT_FIELDS.items():
            values = [None if one is None else getattr(one, field) for one in on]
            assert getattr(item, name) == (() if None in values else tuple(values))
        votes = Counter(one.answer for one in own if one.outcome is not Outcome.CORRECT)
        sizes = [item.correct] * bool(item.correct) + [n for one, n in votes.items() if one]
        assert item.classes == tuple(sizes)


def test_a_second_verdict_and_one_on_no_problem_are_errors():
    problem = Problem(id="a", question="?", gold=("1",))
    one = Verdict(problem_id="a", sample=0, outcome=Outcome.WRONG, rule="r", note="", score=0.0)
    with pytest.raises(ValueError, match="two verdicts on one sample of 'a'"):
        items_of([problem], [], [one, one], str, cluster=None)
    with pytest.raises(ValueError, match="verdicts on 'a', which is not a problem"):
        items_of([], [], [one], str, cluster=None)


def test_a_number_beyond_64_bits_is_no_other_number():
    with pytest.raises(OverflowError):
        SampleColumns.of([Generation(problem_id="a", sample=1 << 70, text="")])
