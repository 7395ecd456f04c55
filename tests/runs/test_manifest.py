"""The manifest's records: a field that is forgotten nowhere, and folders of format 1."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass, replace

import pytest
from manifests import ENTRY, MANIFEST, changed

from mathreason_eval.errors import EXIT_USER_ERROR, RunError
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.runs.codec import as_document
from mathreason_eval.runs.manifest import (
    IMMATERIAL,
    MAY_CHANGE,
    Conditions,
    RoundingWarning,
    describe_model,
    differences,
    identity,
    with_rounding,
)
from mathreason_eval.runs.migration import FORMAT, read_manifest
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.types import (
    CodeEntry,
    DataEntry,
    GradingRules,
    ModelEntry,
    Problem,
    PromptEntry,
    ReportRules,
    RunManifest,
    SamplingEntry,
    SessionEntry,
    TaskEntry,
    Totals,
)

RULES = asdict(DEFAULT)
PROBLEM = Problem(id="p", question="1 + 1?", gold=("2",))
OTHER = {
    str: "something else",
    int: 987,
    float: 0.987,
    bool: True,
    tuple: ("something", "else"),
    dict: {"percent": "value"},
    type(None): "something else",
}
"""Another value of each type."""


def leaves(record: object, way: str = "") -> Iterator[tuple[str, type, str]]:
    """Yield every field of a record and of those in it: its way, whose it is, its name."""
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{way}{field.name}__")
        else:
            yield f"{way}{field.name}", type(record), field.name


def excused(record: object, way: str, table) -> bool:
    """Whether the field, or a record that it stands in, is named in a table."""
    for name in way.split("__"):
        if name in table.get(type(record), {}):
            return True
        record = getattr(record, name)
    return False


def otherwise(record, way):
    value = record
    for name in way.split("__"):
        value = getattr(value, name)
    return changed(record, **{way: False if value is True else OTHER[type(value)]})


WAYS = [way for way, _, _ in leaves(ENTRY)]


@pytest.mark.parametrize("way", WAYS)
def test_every_field_of_a_task_counts_for_a_comparison_unless_it_is_excused(way):
    own, usual = (
        Conditions.of(entry, [PROBLEM])
        for entry in (otherwise(ENTRY, way), ENTRY)
    )  # fmt: skip
    found = list(differences(own, usual))
    assert (own == usual) == (not found) == excused(ENTRY, way, IMMATERIAL)
    for _, words in found:
        assert ", not " in words


def test_each_excuse_is_of_a_field_that_there_is():
    for table in (IMMATERIAL, MAY_CHANGE):
        for kind, excuses in table.items():
            assert excuses.keys() <= {field.name for field in fields(kind)}
            assert all(excuses.values())


# fmt: off
WORDS = [
    # what is other; under which name, in which words
    ({"version": 2},                    "version", "version 2, not 1"),
    ({"prompt__sha256": "f" * 64},      "prompt",  "prompt boxed (ffffffff), not boxed (aaaaaaaa)"),
    ({"prompt__sha256": None},          "prompt",  "prompt boxed, not boxed (aaaaaaaa)"),
    ({"grading__grade": "math"},        "rules",   "rules math of grader version 1, not num"),
    ({"grading__grader_version": "2"},  "rules",   "rules number of grader version 2, not "),
    ({"grading__extract": ("boxed",)},  "rules",   'rules extract ["boxed"], not ["boxed", '),
    ({"grading__convention": RULES},    "rules",   "rules convention known, not unknown"),
    ({"grading__extract": ("é",)},      "rules",   'rules extract ["é"], not ["boxed", '),
]
# fmt: on


@pytest.mark.parametrize(("values", "name", "words"), WORDS)
def test_what_differs_is_said(values, name, words):
    own, usual = (Conditions.of(entry, [PROBLEM]) for entry in (changed(ENTRY, **values), ENTRY))
    [(said, phrase)] = differences(own, usual)
    assert (said, phrase[: len(words)]) == (name, words)


ROW = Problem(id="q", question="2 + 2?", gold=("4",), given={"steps": ("2 + 2",)})
# fmt: off
ASKED = [
    # what another result was asked for problems p and q; under which names it differs
    ((PROBLEM, ROW),                                    []),
    ((ROW, PROBLEM),                                    []),
    ((PROBLEM, replace(ROW, given={"steps": ["2 + 2"]})), []),
    ((PROBLEM, replace(ROW, meta={"level": 3})),        []),
    ((PROBLEM, replace(ROW, gold=("5",))),              ["data"]),
    ((PROBLEM, replace(ROW, question="2 + 3?")),        ["data"]),
    ((PROBLEM, replace(ROW, given={})),                 ["data"]),
    ((PROBLEM,),                                        ["problems"]),
    ((PROBLEM, replace(ROW, id="r")),                   ["problems"]),
    ((replace(PROBLEM, gold=("3",)),),                  ["data", "problems"]),
]
# fmt: on


@pytest.mark.parametrize("sha256", ["b" * 64, "f" * 64])
@pytest.mark.parametrize(("asked", "names"), ASKED)
def test_data_differ_where_problems_that_were_asked_do(asked, names, sha256):
    own = Conditions.of(changed(ENTRY, data__sha256=sha256), asked)
    usual = Conditions.of(ENTRY, (PROBLEM, ROW))
    assert [name for name, _ in differences(own, usual)] == names
    assert (own == usual) == (not names)


def test_an_option_that_a_folder_does_not_say_is_not_its_default():
    known = changed(ENTRY, grading__convention=RULES)
    earlier = {name: value for name, value in RULES.items() if name != "variable_names"}
    own = Conditions.of(changed(ENTRY, grading__convention=earlier), [PROBLEM])
    [(_, words)] = differences(own, Conditions.of(known, [PROBLEM]))
    assert words == "rules variable_names null, not true"


@pytest.mark.parametrize("way", [way for way, _, _ in leaves(MANIFEST) if way != "tasks"])
def test_every_field_of_a_manifest_counts_for_going_on_unless_it_is_excused(way):
    same = identity(otherwise(MANIFEST, way)) == identity(MANIFEST)
    of_model = way.startswith("model__") and way != "model__backend"
    assert same == (excused(MANIFEST, way, MAY_CHANGE) and not of_model)


@pytest.mark.parametrize("way", WAYS)
def test_every_field_of_a_task_counts_for_going_on_unless_it_is_excused(way):
    other = replace(MANIFEST, tasks={"sums": otherwise(ENTRY, way)})
    assert (identity(other) == identity(MANIFEST)) == excused(ENTRY, way, MAY_CHANGE)


# fmt: off
ROUNDED = [
    # stored,    used now,   kept,          warned
    (8,          8,          8,             False),
    (8,          32,         [8, 32],       True),
    ([8, 32],    8,          [8, 32],       False),
    ([8, 32],    [8, 32],    [8, 32],       False),    # a folder that is compared with itself
    ([8, 32],    [32, 64],   [8, 32, 64],   True),     # two that are merged
    (8,          [8, 32],    [8, 32],       True),
]
# fmt: on


@pytest.mark.parametrize(("stored", "used", "kept", "warned"), ROUNDED)
def test_each_value_of_a_rounding_option_is_kept_once(stored, used, kept, warned):
    one, other = (
        replace(MANIFEST.model, details={"rounding": {"batch_size": value}})
        for value in (stored, used)
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert with_rounding(one, other).details["rounding"] == {"batch_size": kept}
    assert [each.category for each in said] == [RoundingWarning] * warned


def test_the_identity_is_spelled_as_errors_name_it():
    assert identity(MANIFEST) == {
        "model name": "fake:echo", "model revision": None, "model sha256": None,
        "model chat_template_sha256": None, "temperature": 0.0, "top_p": 1.0, "seed": 0,
        "sums version": 1, "sums prompt": "boxed", "sums prompt_sha256": "a" * 64,
        "sums max_tokens": 1024, "think_budget": "none",
    }  # fmt: skip


def test_a_key_in_a_manifest_of_somebody_is_not_read(tmp_path):
    model = replace(
        MANIFEST.model,
        name="openai:m@http://me:hunter2hunter2@host/v1",
        details={"api_key": "hunter2hunter2", "url": "http://h/v1?token=hunter2hunter2", "tp": 2},
    )
    (tmp_path / "manifest.json").write_bytes(as_document(replace(MANIFEST, model=model)))
    read = read_manifest(tmp_path / "manifest.json").model
    assert "hunter2" not in str(read)
    assert read.details["tp"] == 2
    assert "openai:m@http://" in read.name


def test_whatever_an_engine_says_is_kept():
    said = {"backend": "vllm", "revision": "e53f", "engine": "vllm 0.24", "options": {"dtype": "a"}}
    model = describe_model("vllm:m", said)
    assert (model.name, model.backend, model.revision) == ("vllm:m", "vllm", "e53f")
    assert model.sha256 is None
    assert model.details == {"engine": "vllm 0.24", "options": {"dtype": "a"}}


# --- format 1 --------------------------------------------------------------------------------

FORMAT_1 = """{
 "code": {"machine": "Linux x86_64", "mathreason_eval": "0.1.0", "packages": {"sympy": "1.13.3"},
          "python": "3.11.9"},
 "finished": "2026-05-01T10:20:00+00:00",
 "format": 1,
 "model": {"backend": "llamacpp", "chat_template_sha256": "cc", "context": 2048,
           "engine": "xllamacpp 2026.1", "file": "m.gguf", "name": "llamacpp:/m.gguf",
           "parallel": 8, "sha256": "dd"},
 "samples": 4,
 "sampling": {"temperature": 0.6, "top_p": 0.95},
 "seed": 3,
 "started": "2026-05-01T10:00:00+00:00",
 "tasks": {"gsm8k": {
   "check_steps": false, "cluster": "family", "convention": {"percent": "sign"},
   "data_published": true, "data_revision": "e53f", "data_rows": 1319, "data_sha256": "bb",
   "data_source": "hub:openai/gsm8k", "extract": ["boxed", "last_number"], "grade": "math",
   "grader_version": "5", "macro": null, "max_tokens": 1024, "metrics": ["range"], "problems": 100,
   "prompt": "boxed", "prompt_sha256": "aa", "second": "gsm8k-strict", "slices": ["steps"],
   "version": 2}},
 "totals": {"completion_tokens": 1200, "failures": 0, "generation_seconds": 8.5,
            "grading_lag_seconds": 0.1, "tokens_per_second": 141.2}
}"""

READ = RunManifest(
    format=FORMAT,
    model=ModelEntry(
        name="llamacpp:/m.gguf",
        backend="llamacpp",
        revision=None,
        sha256="dd",
        chat_template_sha256="cc",
        details={"context": 2048, "engine": "xllamacpp 2026.1", "file": "m.gguf", "parallel": 8},
    ),
    sampling=SamplingEntry(temperature=0.6, top_p=0.95),
    seed=3,
    tasks={
        "gsm8k": TaskEntry(
            version=2,
            prompt=PromptEntry(id="boxed", sha256="aa", system=None, system_fallback=None),
            max_tokens=1024,
            data=DataEntry(
                source="hub:openai/gsm8k", revision="e53f", sha256="bb", rows=1319, published=True
            ),
            problems=100,
            limit=100,
            samples=4,
            grading=GradingRules(
                extract=("boxed", "last_number"),
                grade="math",
                grader_version="5",
                convention={"percent": "sign"},
                second="gsm8k-strict",
                check_steps=False,
                judged_by=None,
            ),
            report=ReportRules(
                slices=("steps",), cluster="family", macro=None, metrics=("range",), primary=None
            ),
        )
    },
    code=CodeEntry(
        mathreason_eval="0.1.0",
        python="3.11.9",
        machine="Linux x86_64",
        packages={"sympy": "1.13.3"},
    ),
    started="2026-05-01T10:00:00+00:00",
    finished="2026-05-01T10:20:00+00:00",
    unkeyed=True,
    adopted=None,
    sessions=(
        SessionEntry(
            began=None,
            ended=None,
            end=None,
            seconds=8.5,
            grading_lag_seconds=0.1,
            samples=None,
            completion_tokens=1200,
            failures=0,
        ),
    ),
    totals=Totals(
        completion_tokens=1200,
        generation_seconds=8.5,
        tokens_per_second=141.2,
        grading_lag_seconds=0.1,
        failures=0,
    ),
)


def stored(folder, row) -> object:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(row if isinstance(row, str) else json.dumps(row))
    return load_run(folder).manifest


def test_a_folder_of_format_1_is_read(tmp_path):
    assert stored(tmp_path, FORMAT_1) == READ


# fmt: off
BEFORE_TASKS_HAD_THEM = [
    # problems asked, rows of the data, samples of the run; the task's samples and limit
    (100, 1319, 4, (4, 100)),
    (1319, 1319, 1, (1, None)),
    (2000, 1319, 2, (2, 2000)),
]
# fmt: on


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize(("problems", "rows", "samples", "known"), BEFORE_TASKS_HAD_THEM)
def test_samples_and_limit_were_once_of_the_run(tmp_path, form, problems, rows, samples, known):
    row = json.loads(FORMAT_1)
    row["samples"] = samples
    row["tasks"]["gsm8k"] |= {"problems": problems, "data_rows": rows}
    if form == 2:
        later = asdict(stored(tmp_path, row))
        for entry in later["tasks"].values():
            del entry["samples"], entry["limit"]
        row = {**later, "samples": samples}
    entry = stored(tmp_path, row).tasks["gsm8k"]
    assert (entry.samples, entry.limit) == known


def test_what_was_read_and_written_is_format_2_and_the_same(tmp_path):
    manifest = stored(tmp_path / "old", FORMAT_1)
    with RunWriter(tmp_path / "new") as writer:
        writer.write_manifest(manifest)
    assert json.loads((tmp_path / "new" / "manifest.json").read_text())["format"] == 2
    assert load_run(tmp_path / "new").manifest == READ


def test_what_format_1_came_to_say_later_is_unknown_of_folders_before(tmp_path):
    row = json.loads(FORMAT_1)
    later = ("data_published", "convention", "second", "check_steps", "cluster", "macro", "metrics")
    for name in later:
        del row["tasks"]["gsm8k"][name]
    row["code"], row["totals"] = {}, {}
    manifest = stored(tmp_path, row)
    entry = manifest.tasks["gsm8k"]
    assert (entry.data.published, entry.grading.convention, entry.report.cluster) == (None,) * 3
    assert (entry.grading.check_steps, entry.report.metrics) == (False, ())
    assert (manifest.totals, manifest.code.python) == (None, None)


# fmt: off
AMISS = [
    # where a manifest of format 1 has what; what the error says
    (("samples",), "4",                         "tasks.gsm8k.samples: expected int, got str"),
    (("sampling",), None,                       "as format 2: sampling: expected "),
    (("sampling", "temperature"), "0.6",        "sampling.temperature: expected float | null, got"),
    (("tasks",), [],                            "tasks: expected object, got array"),
    (("tasks", "gsm8k"), "math",                "tasks.gsm8k: expected object, got str"),
    (("tasks", "gsm8k", "version"), "2",        "tasks.gsm8k.version: expected int, got str"),
    (("tasks", "gsm8k", "data_rows"), None,     "tasks.gsm8k.data.rows: expected int, got null"),
    (("tasks", "gsm8k", "extract"), "boxed",    "tasks.gsm8k.grading.extract: expected array"),
    (("model",), "gpt",                         "model: expected object, got str"),
    (("model", "name"), None,                   "model.name: expected str, got null"),
    (("format",), "1",                          "manifest.json: format: expected a number from 1"),
    (("format",), True,                         "manifest.json: format: expected a number from 1"),
    (("format",), 0,                            "manifest.json: format: expected a number from 1"),
]
# fmt: on


@pytest.mark.parametrize(("way", "value", "words"), AMISS)
def test_types_are_checked_after_the_migration(tmp_path, way, value, words):
    row = json.loads(FORMAT_1)
    inner = row
    for name in way[:-1]:
        inner = inner[name]
    inner[way[-1]] = value
    with pytest.raises(RunError) as caught:
        stored(tmp_path, row)
    assert words in caught.value.what
    assert caught.value.exit_code == EXIT_USER_ERROR


def test_a_field_that_was_always_there_and_is_missing_is_named(tmp_path):
    row = json.loads(FORMAT_1)
    del row["tasks"]["gsm8k"]["grader_version"]
    with pytest.raises(RunError, match=r"tasks\.gsm8k\.grading\.grader_version: missing"):
        stored(tmp_path, row)
