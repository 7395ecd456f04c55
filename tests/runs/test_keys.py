"""A sample counts only in the run whose model, prompt and settings made it."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import pytest
from manifests import MANIFEST, MODEL, changed

from mathreason_eval import evaluate
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.runs.keys import CONDITION_DIGITS, SampleKeys, model_identity, prompt_digests
from mathreason_eval.runs.store import ForeignSampleWarning, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.seeds import sample_seed
from mathreason_eval.types import FailedRequest, Generation, Message, Prompt, SentPrompt

PROMPT = Prompt(messages=(Message(role="user", content="1 + 1?"),))
SYSTEM = Message(role="system", content="Think.")
DETAILS = {
    "engine": "vllm 0.32",
    "options": {"dtype": "bfloat16", "extra_body": {"thinking": True}},
    "scheduling": {"threads": 4},
    "rounding": {"batch_size": 8},
}
OWN = changed(MANIFEST, unkeyed=False, model__details=DETAILS)


def key(manifest=OWN, prompt=PROMPT, sample=0, seed=7):
    sent = [SentPrompt(problem_id="p", prompt=prompt)]
    return SampleKeys(manifest, "sums", prompt_digests(sent)).key("p", sample, seed)


def detailed(**values):
    return changed(OWN, model__details={**DETAILS, **values})


# fmt: off
OTHER = [
    {"sample": 1},
    {"seed": 8},
    {"prompt": Prompt(text="1 + 1?")},
    {"prompt": Prompt(messages=(Message(role="user", content="1 + 1? "),))},
    {"prompt": Prompt(messages=(Message(role="system", content="1 + 1?"),))},
    {"prompt": Prompt(messages=(SYSTEM, *PROMPT.messages))},
    {"prompt": replace(PROMPT, stop=("\n",))},
    {"manifest": changed(OWN, seed=1)},
    {"manifest": changed(OWN, sampling__temperature=0.1)},
    {"manifest": changed(OWN, sampling__top_p=0.5)},
    {"manifest": changed(OWN, tasks={"sums": changed(OWN.tasks["sums"], max_tokens=9)})},
    {"manifest": changed(OWN, model__name="fake:other")},
    {"manifest": changed(OWN, model__revision="e53f")},
    {"manifest": changed(OWN, model__sha256="aa")},
    {"manifest": changed(OWN, model__chat_template_sha256="aa")},
    {"manifest": detailed(engine="vllm 0.33")},
    {"manifest": detailed(engine=None)},
    {"manifest": detailed(adapter="lora")},
    {"manifest": detailed(options={"dtype": "float16", "extra_body": {"thinking": True}})},
    {"manifest": detailed(options={"dtype": "bfloat16", "extra_body": {"thinking": False}})},
    {"manifest": detailed(options={"dtype": "bfloat16"})},
]
SAME = [
    {"manifest": detailed(scheduling={"threads": 8})},
    {"manifest": detailed(scheduling={})},
    {"manifest": detailed(rounding={"batch_size": [8, 32]})},
    {"manifest": changed(OWN, tasks={"sums": changed(OWN.tasks["sums"], samples=64, limit=3)})},
    {"manifest": changed(OWN, started="2027-01-01T00:00:00+00:00")},
]
# fmt: on


def test_whatever_may_change_a_text_changes_the_key():
    keys = [key(), *(key(**values) for values in OTHER)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("values", SAME)
def test_how_requests_are_run_does_not(values):
    assert key(**values) == key()


def test_a_key_is_the_same_on_every_machine():
    assert key() == "76b3ea8e0a7f545b727968be"


def test_a_key_begins_with_what_the_samples_of_a_problem_share():
    assert key(sample=1, seed=8)[:CONDITION_DIGITS] == key()[:CONDITION_DIGITS]
    shared = [key(**one)[:CONDITION_DIGITS] for one in OTHER if not {"sample", "seed"} & set(one)]
    assert len({key()[:CONDITION_DIGITS], *shared}) == len(shared) + 1


FIRST_FORM = "7424d72483af1f2b"
"""What `key()` was when a key was one digest of everything."""


# fmt: off
STORED = [
    # fields of a line,                      of the run by its conditions, and exactly
    ({},                                     True,  True),
    ({"key": FIRST_FORM},                    True,  True),
    ({"key": FIRST_FORM, "sample": 1},       False, False),
    ({"key": FIRST_FORM, "seed": 8},         False, False),
    ({"sample": 1},                          True,  False),   # a line that was damaged
    ({"seed": None},                         True,  False),
    ({"key": None},                          False, False),
    ({"key": ""},                            False, False),
    ({"key": "0" * 24},                      False, False),
    ({"key": key()[:16]},                    False, False),
    ({"key": key() + "0"},                   False, False),
    ({"problem_id": "q"},                    False, False),
    ({"problem_id": "q", "key": FIRST_FORM}, False, False),
]
# fmt: on


@pytest.mark.parametrize(("values", "own", "exactly"), STORED)
def test_which_lines_are_of_a_run(values, own, exactly):
    keys = SampleKeys(OWN, "sums", {"p": PROMPT.sha256})
    line = {"problem_id": "p", "sample": 0, "seed": 7, "key": key(), **values}
    sample = Generation(text="2", **line)
    failure = FailedRequest(kind="timeout", reason="late", at="2027", **line)
    assert keys.own([sample]) == [sample] * own
    assert keys.own([failure]) == [failure] * own
    assert keys.is_exactly(sample) == exactly


@pytest.mark.parametrize("manifest", [OWN, changed(OWN, unkeyed=True)])
def test_a_line_without_a_key_is_of_a_run_that_has_none(manifest):
    keys = SampleKeys(manifest, "sums", {"p": PROMPT.sha256})
    sample = Generation(problem_id="p", sample=0, text="2")
    assert bool(keys.own([sample])) == keys.is_exactly(sample) == manifest.unkeyed


def test_nothing_of_a_model_is_left_out_but_how_requests_are_run():
    assert model_identity(changed(MODEL, details=DETAILS)) == {
        "name": "fake:echo",
        "revision": None,
        "sha256": None,
        "chat_template_sha256": None,
        "engine": "vllm 0.32",
        "dtype": "bfloat16",
        "extra_body": {"thinking": True},
    }


# --- folders ---------------------------------------------------------------------------------


def lines(run):
    path = run.path / "arithmetic" / "generations.jsonl"
    return path, path.read_text().splitlines()


@pytest.fixture
def two(tmp_path):
    """Two runs of four problems that differ in the model alone."""
    return [
        evaluate(model=f"fake:answer={name}", tasks=["arithmetic"], limit=4, out=tmp_path / name)
        for name in ("one", "two")
    ]


def test_every_line_has_its_key(two):
    run, other = two
    keys = SampleKeys(run.manifest, "arithmetic", prompt_digests(run.prompts("arithmetic")))
    for one in run.generations("arithmetic"):
        assert one.seed == sample_seed(0, one.problem_id, one.sample)
        assert one.key == keys.key(one.problem_id, one.sample, one.seed)
    theirs = {one.key for one in other.generations("arithmetic")}
    assert not theirs & {one.key for one in run.generations("arithmetic")}


@pytest.mark.parametrize("change", [{}, {"key": None}, {"key": "0" * 16}, {"sample": 1}])
def test_a_line_of_other_conditions_is_never_counted(two, change):
    run, other = two
    path, own = lines(run)
    foreign = [json.dumps({**json.loads(line), **change}) for line in lines(other)[1]]
    path.write_text("\n".join([*foreign, *own]) + "\n")
    read = load_run(run.path)
    with pytest.warns(ForeignSampleWarning, match="4 of 8 samples"):
        assert read.generations("arithmetic") == run.generations("arithmetic")


def appended(two):
    """Append what one run holds to the files of the other."""
    for name in ("generations", "verdicts"):
        path, more = (one.path / "arithmetic" / f"{name}.jsonl" for one in two)
        path.write_text(path.read_text() + more.read_text())
    return load_run(two[0].path)


def test_verdicts_say_on_which_line_they_are(two):
    before, read = two[0].verdicts("arithmetic"), appended(two)
    with pytest.warns(ForeignSampleWarning) as caught:
        assert read.verdicts("arithmetic") == before
    samples, verdicts = (str(one.message) for one in caught)
    assert "4 of 8 samples" in samples
    assert "4 of 8 verdicts are on other samples" in verdicts


def test_verdicts_that_do_not_say_on_which_line_they_are_are_not_counted(two):
    run, before = two[0], two[0].verdicts("arithmetic")
    read = appended(two)
    path = run.path / "arithmetic" / "verdicts.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**row, "judged_output": None}) + "\n" for row in rows))
    with pytest.warns(ForeignSampleWarning) as caught:
        assert not read.verdicts("arithmetic")
    assert "mathreason regrade" in str(caught[-1].message)
    with pytest.warns(ForeignSampleWarning):
        regrade(run.path)
    with pytest.warns(ForeignSampleWarning, match="4 of 8 samples") as caught:
        assert load_run(run.path).verdicts("arithmetic") == before
    assert len(caught) == 1


def test_a_line_whose_problem_has_another_prompt_is_not_counted(two):
    run, _ = two
    path = run.path / "arithmetic" / "prompts.jsonl"
    first, *rest = path.read_text().splitlines()
    row = json.loads(first)
    row["prompt"]["messages"][-1]["content"] += " Think."
    path.write_text("\n".join([json.dumps(row), *rest]) + "\n")
    with pytest.warns(ForeignSampleWarning, match="1 of 4 samples"):
        assert len(load_run(run.path).generations("arithmetic")) == 3


@pytest.mark.parametrize(
    "question", ["1 + 1?", '\u00e9 \u2028 "quoted" \\', "half \ud83d", "\0\n\r"]
)
def test_a_prompt_is_known_however_its_file_spells_it(two, question):
    run, _ = two
    path = run.path / "arithmetic" / "prompts.jsonl"
    prompts = [replace(one, prompt=Prompt(text=question)) for one in run.prompts("arithmetic")]
    keys = SampleKeys(run.manifest, "arithmetic", prompt_digests(prompts))
    samples = [
        replace(one, key=keys.key(one.problem_id, one.sample, one.seed))
        for one in run.generations("arithmetic")
    ]
    with RunWriter(run.path) as writer:
        writer.write_prompts("arithmetic", prompts)
        writer.write_samples("arithmetic", samples)
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    spellings = [
        path.read_bytes(),
        b"".join(
            json.dumps(row, indent=None, separators=(",", ":")).encode() + b"\n" for row in rows
        ),
        b"".join(json.dumps(dict(reversed(row.items()))).encode() + b"\n" for row in rows),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for content in spellings:
            path.write_bytes(content)
            assert list(load_run(run.path).generations("arithmetic")) == samples


def test_verdicts_and_metrics_of_other_conditions_are_never_counted(two):
    run, _ = two
    path, (first, *rest) = lines(run)
    path.write_text("\n".join([json.dumps({**json.loads(first), "key": "0" * 16}), *rest]) + "\n")
    read = load_run(run.path)
    with pytest.warns(ForeignSampleWarning) as told:
        assert not read.metrics()
    assert "counts samples of other conditions of arithmetic" in str(told[-1].message)
    with pytest.warns(ForeignSampleWarning, match="1 of 4 verdicts are on other samples"):
        assert read.verdicts("arithmetic") == run.verdicts("arithmetic")[1:]
    assert None not in [one.verdict for one in read.samples("arithmetic")]
    with pytest.warns(ForeignSampleWarning):
        after = regrade(run.path).after
    assert [one.samples for one in after if (one.name, one.slice) == ("avg", "all")] == [3]


def test_a_line_of_other_conditions_that_was_not_judged_takes_no_metric_away(two):
    run, other = two
    path, own = lines(run)
    path.write_text("\n".join([*lines(other)[1], *own]) + "\n")
    with pytest.warns(ForeignSampleWarning, match="4 of 8"):
        assert load_run(run.path).metrics() == run.metrics()


def test_own_lines_are_read_without_a_word(two):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_run(two[0].path).generations("arithmetic")) == 4
