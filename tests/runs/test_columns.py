"""A run read into columns counts what a loop over its lines counts, whatever is amiss with it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import ENTRY, MANIFEST

from mathreason_eval.errors import RunError
from mathreason_eval.runs.completeness import faults, missing_samples, unjudged_samples
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.stats.columns import VerdictColumns
from mathreason_eval.types import (
    Exclusion,
    Generation,
    GenerationInfo,
    Outcome,
    Problem,
    StepRewards,
    Verdict,
)

IDS, RULES = ("a", "b", "c"), "12-now"
TASKS = {"one": 2, "two": 3}  # samples that are asked for
KEYS = st.tuples(st.sampled_from([*IDS, "stray"]), st.integers(0, 3))
# What a verdict says of the sample that it is on.
OUTPUTS = st.sampled_from(["present", "present", "present", "changed", None])
LINES = st.fixed_dictionaries(
    {
        "samples": st.lists(st.tuples(KEYS, st.sampled_from(["x", "y"])), max_size=12),
        "verdicts": st.lists(
            st.tuples(KEYS, OUTPUTS, st.sampled_from([RULES, RULES, "11-before"])), max_size=12
        ),
        "excluded": st.lists(st.tuples(KEYS, st.booleans()), max_size=2),
        "rewards": st.lists(st.tuples(KEYS, st.sampled_from(["x", "other"])), max_size=3),
    }
)


def sample(key, text):
    return Generation(problem_id=key[0], sample=key[1], text=text, finish_reason="stop")


def written(folder, drawn):
    """A run folder with the lines that were drawn, by task, and the records that they hold."""
    entry = replace(ENTRY, problems=len(IDS), grading=replace(ENTRY.grading, judged_by=RULES))
    tasks = {name: replace(entry, samples=n) for name, n in TASKS.items()}
    stored = {}
    with RunWriter(folder) as writer:
        writer.write_manifest(replace(MANIFEST, tasks=tasks, unkeyed=True))
        for name, lines in zip(TASKS, drawn, strict=True):
            samples = [sample(*one) for one in lines["samples"]]
            first = {(s.problem_id, s.sample): s for s in reversed(samples)}
            verdicts = [
                verdict(key, first.get(key), output, rules)
                for key, output, rules in lines["verdicts"]
            ]
            excluded = [
                Exclusion(problem_id=key[0], sample=key[1] if one else None, reason="r", at="t")
                for key, one in lines["excluded"]
            ]
            rewards = {
                key: StepRewards(
                    problem_id=key[0], sample=key[1], by="prm", scores=(0.5,), reward=0.5,
                    texts_digest=sample(key, text).texts_digest.hex(),
                )
                for key, text in lines["rewards"]
            }  # fmt: skip
            writer.write_problems(name, [Problem(id=i, question=i, gold=("1",)) for i in IDS])
            writer.write_samples(name, samples)
            writer.write_verdicts(name, verdicts)
            writer.append_exclusions(name, excluded)
            for one in rewards.values():
                writer.append_rewards(name, one)
            stored[name] = samples, verdicts, excluded, rewards
    return stored


def verdict(key, on, output, rules):
    digest = None if on is None else GenerationInfo.of(on).output_digest
    said = {"present": digest or "nothing", "changed": "0" * 16, None: None}[output]
    return Verdict(
        problem_id=key[0], sample=key[1], outcome=Outcome.WRONG, answer="1", rule="r", note="n",
        score=0.0, judged_by=rules, judged_output=said,
    )  # fmt: skip


def counting(samples, verdicts, excluded):
    """The samples and the verdicts that count, by a loop over each."""

    def counts(one):
        return not any(
            out.problem_id == one.problem_id and out.sample in {None, one.sample}
            for out in excluded
        )

    samples = [one for one in samples if counts(one)]
    held = {(one.problem_id, one.sample): GenerationInfo.of(one) for one in reversed(samples)}
    found = {}
    for line, one in enumerate(verdicts):
        key = one.problem_id, one.sample
        if not counts(one) or one.judged_by != RULES:
            continue
        if one.judged_output is None or key not in held:
            found[line] = one
        elif one.judged_output == held[key].output_digest:
            found.pop(key, None)
            found[key] = one
    return samples, [*found.values()]


@pytest.mark.slow
@given(st.tuples(LINES, LINES))
def test_what_counts_is_what_a_loop_over_the_lines_finds(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("run")
    stored = written(folder, drawn)
    columns, records = load_run(folder), load_run(folder)
    for name, (made, verdicts, excluded, rewards) in stored.items():
        samples, judged = counting(made, verdicts, excluded)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = columns.verdict_columns(name)
            said = [str(one.message) for one in told]
            # Records that are asked for first are read once, and later from their lines.
            assert [*records.verdicts(name)] == [*columns.verdicts(name)] == judged
        assert [str(one.message) for one in told][len(said) :] == said
        assert [*found.sample_keys()] == [*VerdictColumns.of(judged).sample_keys()]
        infos = []
        for one in map(GenerationInfo.of, samples):
            own = rewards.get((one.problem_id, one.sample))
            fits = own is not None and own.texts_digest == one.texts_digest.hex()
            infos.append(replace(one, reward=0.5) if fits else one)
        assert [*columns.infos(name)] == infos
        held = {(one.problem_id, one.sample) for one in samples}
        on = {(one.problem_id, one.sample) for one in judged}
        gone = {(out.problem_id, index) for out in excluded
                for index in ([out.sample] if out.sample is not None else range(9))}  # fmt: skip
        asked = {(i, index) for i in IDS for index in range(TASKS[name])} - gone
        assert missing_samples(columns, name) == len(asked - held)
        assert {*columns.missing(name)} == asked - held
        assert unjudged_samples(columns, name) == len(held - on)
        phrases = " ".join(faults(columns, name))
        twice = len(on) < len(judged)
        assert ("has two verdicts on one sample" in phrases) == twice


def test_an_index_beyond_64_bits_names_the_file(tmp_path):
    nothing = {"samples": [], "verdicts": [], "excluded": [], "rewards": []}
    written(tmp_path / "run", [{**nothing, "samples": [(("a", 1 << 70), "x")]}, nothing])
    with pytest.raises(RunError, match=r"one/generations\.jsonl has an index of a sample"):
        load_run(tmp_path / "run").sample_columns("one")
