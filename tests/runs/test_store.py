"""The run folder survives what happens to folders."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
from manifests import MANIFEST, changed
from site_runs import make_run

from mathreason_eval.errors import EXIT_USER_ERROR, RunError
from mathreason_eval.runs import codec
from mathreason_eval.runs.codec import TornLineWarning, as_document, as_line
from mathreason_eval.runs.migration import FORMAT
from mathreason_eval.runs.repair import sample_files
from mathreason_eval.runs.store import LostRunWarning, find_run, find_runs, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.types import Generation, Metric, Outcome, Problem, RunManifest, Unit, Verdict


def manifest() -> RunManifest:
    return MANIFEST


def generation(number: int, text: str = "7") -> Generation:
    return Generation(problem_id=f"p{number}", sample=0, text=text)


@pytest.fixture
def folder(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.write_manifest(manifest())
        for number in range(3):
            writer.append("sums", generation(number))
    return tmp_path / "run"


HOSTILE = [
    "plain",
    "line\nfeeds\r\n and \u2028 separators \x85",
    "nul \x00 and escape \x1b[31m",
    "lone surrogate \ud800 and a pair 😀",
    '"quotes" \\ {braces} </script>',
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_comes_back_as_it_went(tmp_path, text):
    with RunWriter(tmp_path) as writer:
        writer.write_manifest(manifest())
        writer.append("sums", generation(0, text))
        writer.append("sums", generation(1, "after"))
    assert [g.text for g in load_run(tmp_path).generations("sums")] == [text, "after"]


# fmt: off
INFINITE = [
    # a record,                                                  where its number is
    (replace(generation(0), seconds=math.nan),                   "seconds is nan"),
    (replace(generation(0), reward=-math.inf),                   "reward is -inf"),
    (changed(MANIFEST, sampling__temperature=math.nan),          "sampling.temperature is nan"),
    (changed(MANIFEST, model__details={"a": [{"b": math.inf}]}),  "model.details.a.0.b is inf"),
]
# fmt: on


@pytest.mark.parametrize(("record", "says"), INFINITE)
@pytest.mark.parametrize("write", [as_line, as_document])
def test_no_file_holds_a_number_that_json_has_no_word_for(record, says, write):
    with pytest.raises(RunError, match=re.escape(says)):
        write(record)


def test_every_kind_of_record_comes_back(tmp_path):
    problem = Problem(id="p", question="1+1?", gold=("2", "two"), meta={"level": 3})
    verdict = Verdict(
        problem_id="p", sample=0, outcome=Outcome.CORRECT, answer="2", span=(3, 4),
        found_by="boxed", rule="number", note="2 = 2", score=1.0,
    )  # fmt: skip
    metric = Metric(
        task="sums", slice="all", name="avg", unit=Unit.SHARE, value=1.0, low=0.2, high=1.0, se=0.0,
        problems=1, samples=1, method="wilson",
    )  # fmt: skip
    with RunWriter(tmp_path) as writer:
        writer.write_manifest(manifest())
        writer.write_problems("sums", [problem])
        writer.write_verdicts("sums", [verdict])
        writer.write_metrics([metric])
    run = load_run(tmp_path)
    assert (run.manifest, run.problems("sums"), run.verdicts("sums"), run.metrics()) == (
        manifest(), (problem,), (verdict,), (metric,),
    )  # fmt: skip


def test_records_become_frames(folder):
    frame = load_run(folder).generations("sums").to_pandas()
    assert list(frame["problem_id"]) == ["p0", "p1", "p2"]


@pytest.mark.parametrize("bytes_kept", range(1, 40, 7))
def test_a_torn_last_line_costs_one_sample(folder, bytes_kept):
    path = folder / "sums" / "generations.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:bytes_kept])
    with pytest.warns(TornLineWarning):
        assert len(load_run(folder).generations("sums")) == 2
    with RunWriter(folder) as writer:
        writer.append("sums", generation(9))
    assert [g.problem_id for g in load_run(folder).generations("sums")] == ["p0", "p1", "p9"]


def test_a_torn_line_longer_than_a_block_is_cut_off(folder):
    path = folder / "sums" / "generations.jsonl"
    with path.open("ab") as stream:
        stream.write(b'{"text": "' + b"x" * 200_000)
    with RunWriter(folder) as writer:
        writer.append("sums", generation(9))
    assert len(load_run(folder).generations("sums")) == 4


@pytest.mark.parametrize("size", [1, 100, 333, 5_000, 1 << 20])
def test_a_file_is_the_same_in_blocks_of_any_size(tmp_path, monkeypatch, size):
    monkeypatch.setattr(codec, "_CHUNK_BYTES", size)
    monkeypatch.setattr(codec, "_SMALL_BYTES", 0)  # texts are shared
    written = [
        Generation(problem_id=f"p-{n // 3}", sample=n % 3, text="x" * (7 * n) + "\n\r\u2028\x85")
        for n in range(60)
    ]
    path = tmp_path / "generations.jsonl"
    path.write_bytes(b"".join(map(as_line, written)))
    assert list(codec.read_records(path, Generation)) == written
    assert len({id(one.problem_id) for one in codec.read_records(path, Generation)}) == 20
    path.write_bytes(path.read_bytes().replace(b'"sample":1', b'"sample":null', 1))
    with pytest.raises(RunError, match="line 2: sample"):
        codec.read_records(path, Generation)


def test_a_malformed_line_in_the_middle_is_an_error_that_names_it(folder):
    path = folder / "sums" / "generations.jsonl"
    path.write_bytes(b"{}}\n" + path.read_bytes())
    with pytest.raises(RunError, match="line 1"):
        load_run(folder).generations("sums")


def test_one_writer_at_a_time(folder):
    with RunWriter(folder), pytest.raises(RunError, match="Another process"):
        RunWriter(folder)


def test_a_killed_writer_leaves_no_lock_and_every_line(tmp_path):
    code = textwrap.dedent(f"""
        import os, pathlib, signal
        from mathreason_eval.runs.writer import RunWriter
        from mathreason_eval.types import Generation
        writer = RunWriter(pathlib.Path({str(tmp_path)!r}))
        for number in range(50):
            writer.append("sums", Generation(problem_id=str(number), sample=0, text="x"))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    with RunWriter(tmp_path) as writer:
        writer.write_manifest(manifest())
    assert len(load_run(tmp_path).generations("sums")) == 50


def test_a_full_disk_is_one_clear_error_and_loses_nothing_stored(tmp_path):
    """A limit on file sizes simulates a full disk: the system writes only part of a line."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    code = textwrap.dedent(f"""
        import pathlib
        from mathreason_eval.errors import RunError
        from mathreason_eval.runs.writer import RunWriter
        from mathreason_eval.types import Generation
        with RunWriter(pathlib.Path({str(tmp_path)!r})) as writer:
            try:
                for number in range(100):
                    text = "x" * 1000
                    writer.append("sums", Generation(problem_id=str(number), sample=0, text=text))
            except RunError as error:
                print(error.what, error.hint)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=limit
    )
    assert "cannot be written" in done.stdout
    assert "Free some space" in done.stdout
    with RunWriter(tmp_path) as writer:
        writer.write_manifest(manifest())
        writer.append("sums", generation(1000))
    stored = [g.problem_id for g in load_run(tmp_path).generations("sums")]
    assert stored[-1] == "p1000"
    assert stored[:-1] == [str(number) for number in range(len(stored) - 1)]
    assert len(stored) > 10


def test_files_are_what_the_contract_says(folder):
    line = json.loads((folder / "sums" / "generations.jsonl").read_text().splitlines()[0])
    contract = {
        "problem_id", "sample", "text", "reasoning", "finish_reason", "prompt_tokens",
        "completion_tokens", "seed", "seconds",
    }  # fmt: skip
    assert contract <= line.keys()
    assert list(line) == sorted(line)


def test_fields_of_a_later_version_are_left_out(folder):
    path = folder / "sums" / "generations.jsonl"
    row = {"problem_id": "p", "sample": 0, "text": "t", "mood": "good"}
    path.write_text(json.dumps(row) + "\n")
    assert load_run(folder).generations("sums")[0].text == "t"


@pytest.mark.parametrize("said", [{}, {"finish_reason": None}])
def test_why_a_text_ends_is_never_inferred(folder, said):
    path = folder / "sums" / "generations.jsonl"
    whole = json.loads(path.read_text().splitlines()[0])
    del whole["finish_reason"]
    path.write_text(json.dumps({**whole, **said}) + "\n")
    assert load_run(folder).generations("sums")[0].finish_reason is None


# fmt: off
AMISS = [
    # file of the run, a field and what it holds; what the error says
    ("manifest.json",     {"seed": "1"},                "manifest.json: seed: expected int, "),
    ("manifest.json",     {"sampling": None},           "manifest.json: sampling: expected "),
    ("manifest.json",     {"seed": 0.5},                "manifest.json: seed: expected int, got f"),
    ("manifest.json",     {"seed": True},               "manifest.json: seed: expected int, got b"),
    ("generations.jsonl", {"completion_tokens": "12"},
     "generations.jsonl, line 2: completion_tokens: expected int | null, got str"),
    ("generations.jsonl", {"text": None},               "line 2: text: expected str, got n"),
    ("generations.jsonl", {"problem_id": 7},            "line 2: problem_id: expected str, got i"),
    ("generations.jsonl", {"label": 1},                 "line 2: label: expected bool | null, "),
    ("verdicts.jsonl",    {"score": "1"},               "verdicts.jsonl, line 2: score: expected"),
    ("verdicts.jsonl",    {"outcome": "right"},         "line 2: outcome: invalid enum value "),
    ("verdicts.jsonl",    {"span": [1]},                "line 2: span: expected array of l"),
    ("verdicts.jsonl",    {"span": [1, "2"]},           "line 2: span[1]: expected int, got str"),
    ("verdicts.jsonl",    {"measures": {"pa": "all"}},  "line 2: measures[...]: expected f"),
    ("verdicts.jsonl",    {"rule": ...},                "verdicts.jsonl, line 2: rule: missing"),
    ("problems.jsonl",    {"gold": "7"},                "problems.jsonl, line 2: gold: expected"),
    ("problems.jsonl",    {"meta": {"level": [1]}},     "line 2: meta[...]: expected "),
    ("metrics.json",      {"value": "0.5"},             "metrics.json: [1].value: expected float"),
    # NaN, and half a character: Python's JSON has both, and msgspec tells neither apart.
    ("metrics.json",      {"low": math.nan},            "metrics.json: [1].low: expected a finite"),
    ("metrics.json",      {"value": math.inf},          "metrics.json: [1].value: expected a fin"),
    ("verdicts.jsonl",    {"measures": {"pa": math.inf}}, "line 2: measures: expected a finite"),
    ("verdicts.jsonl",    {"score": math.inf},          "line 2: score: expected a finite number"),
    ("verdicts.jsonl",    {"score": "\ud800"},          "line 2: score: expected float, got str"),
    ("verdicts.jsonl",    {"outcome": "\ud800"},        "line 2: outcome: invalid enum value "),
    ("verdicts.jsonl",    {"\ud800": 1, "second": "\ud800"}, "line 2: second: invalid enum value "),
    ("verdicts.jsonl",    {"\ud800": 1},                "line 2: a name contains a lone surroga"),
    ("manifest.json",     {"seed": "\ud800"},           "manifest.json: seed: expected int, "),
    # A task is a folder in the folder: what is written to it must not land elsewhere.
    *(
        ("manifest.json", {"tasks": {name: {}}},
         f"manifest.json: tasks: {name!r} cannot be the name of a folder in this run.")
        for name in ("../elsewhere", "/elsewhere", "a/b", "..", "", "\ud800")
    ),
]
# fmt: on


def amiss(folder, name, values):
    """Give the second record of a file, or the only one, other fields; ... takes a field away."""
    path = next(folder.rglob(name))
    rows = [json.loads(line) for line in path.read_text().splitlines()] if "jsonl" in name else (
        json.loads(path.read_text()))  # fmt: skip
    row = rows if isinstance(rows, dict) else rows[1]
    row |= values
    for field in [field for field, value in values.items() if value is ...]:
        del row[field]
    path.write_text(
        "".join(json.dumps(one) + "\n" for one in rows) if "jsonl" in name else json.dumps(rows)
    )


@pytest.mark.parametrize(("name", "values", "words"), AMISS)
def test_a_wrong_type_is_an_error_with_file_line_and_field(whole, name, values, words):
    amiss(whole, name, values)
    with pytest.raises(RunError) as caught:
        everything_in(load_run(whole))
    assert words in caught.value.what


@pytest.mark.parametrize(("name", "values", "words"), AMISS)
def test_no_verb_takes_a_wrong_type_for_an_answer(whole, mathreason, name, values, words):
    amiss(whole, name, values)
    said = mathreason("show", whole)
    assert said.code == EXIT_USER_ERROR
    assert words in " ".join(said.err.split())


def everything_in(run):
    kinds = (run.problems, run.generations, run.verdicts)
    return [run.metrics(), *(read(task) for task in run.tasks() for read in kinds)]


@pytest.fixture
def whole(tmp_path):
    """A run with two of everything."""
    return make_run(tmp_path / "run", problems=2, samples=1).path


def test_what_only_python_takes_for_json_is_read(whole):
    """Python writes NaN, and msgspec reads none."""
    amiss(whole, "metrics.json", {"se": float("nan")})
    amiss(whole, "generations.jsonl", {"seconds": float("inf")})
    run = load_run(whole)
    assert math.isnan(run.metrics()[1].se)
    assert math.isinf(run.generations("shopping")[1].seconds)


def test_a_newer_format_is_refused(folder):
    row = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**row, "format": FORMAT + 1}))
    with pytest.raises(RunError, match="newer version"):
        load_run(folder)


def test_a_folder_that_holds_one_run_stands_for_it(folder):
    assert find_run(folder.parent).path == folder


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "generations.jsonl", ".lock"])
def test_a_run_may_have_any_name_in_a_folder(tmp_path, name):
    for path in (tmp_path / "a" / name, tmp_path / name):
        with RunWriter(path) as writer:
            writer.write_manifest(manifest())
            writer.append("sums", generation(0))
    assert {run.path for run in find_runs(tmp_path)} == {tmp_path / "a" / name, tmp_path / name}
    assert find_run(tmp_path / "a").path == tmp_path / "a" / name
    assert not sample_files(tmp_path)
    with pytest.raises(RunError, match="is not a run folder"):
        load_run(tmp_path)


def test_a_run_that_lost_its_manifest_is_not_left_out_silently(folder, tmp_path):
    lost = tmp_path / "lost"
    shutil.copytree(folder, lost)
    (lost / "manifest.json").unlink()
    with pytest.warns(LostRunWarning, match="lost has samples but no manifest"):
        assert [run.path for run in find_runs(tmp_path)] == [folder]


def test_two_runs_must_be_told_apart(folder):
    with RunWriter(folder.parent / "other") as writer:
        writer.write_manifest(manifest())
    assert len(find_runs(folder.parent)) == 2
    with pytest.raises(RunError, match="contains 2 runs"):
        find_run(folder.parent)


def test_no_run_is_an_error_that_says_how_to_make_one(tmp_path):
    with pytest.raises(RunError, match="not a run folder") as caught:
        find_run(tmp_path)
    assert "mathreason run" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be written"):
        RunWriter(tmp_path / "run")


MODES = [
    # umask, the folder's mode before or None, its mode after
    (0o022, None, 0o700),
    (0o000, None, 0o700),
    (0o077, None, 0o700),
    (0o022, 0o755, 0o755),
    (0o022, 0o770, 0o770),
]


@pytest.mark.parametrize(("mask", "before", "after"), MODES)
def test_a_folder_that_we_make_is_its_owners_alone(tmp_path, mask, before, after):
    path = tmp_path / "runs" / "run"
    path.parent.mkdir()
    if before is not None:
        path.mkdir()
        path.chmod(before)
    old = os.umask(mask)
    try:
        with RunWriter(path) as writer:
            writer.write_manifest(manifest())
            writer.append("sums", generation(0))
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == after


# --- samples ---------------------------------------------------------------------------------


def verdict(number: int, sample: int = 0) -> Verdict:
    return Verdict(
        problem_id=f"p{number}",
        sample=sample,
        outcome=Outcome.CORRECT,
        rule="identical",
        note="the same",
        score=1.0,
    )


def test_samples_are_joined_in_the_order_of_the_problems(folder):
    with RunWriter(folder) as writer:
        writer.append("sums", Generation(problem_id="p2", sample=1, text="8"))
        writer.append("sums", Generation(problem_id="p0", sample=0, text="a second p0"))
        writer.write_problems(
            "sums", [Problem(id=f"p{n}", question="?", gold=("7",)) for n in (2, 0, 1)]
        )
        writer.write_verdicts("sums", [verdict(2, 1), verdict(0)])
    found = [
        (s.problem.id, s.generation.sample, s.generation.text, s.verdict is not None)
        for s in load_run(folder).samples("sums")
    ]
    assert found == [
        ("p2", 0, "7", False),
        ("p2", 1, "8", True),
        ("p0", 0, "7", True),
        ("p1", 0, "7", False),
    ]


@pytest.mark.parametrize(("known", "judged"), [(2, 0), (3, 3)])
def test_a_sample_or_a_verdict_of_nothing_is_an_error(folder, known, judged):
    with RunWriter(folder) as writer:
        problems = [Problem(id=f"p{n}", question="?", gold=("7",)) for n in range(known)]
        writer.write_problems("sums", problems)
        writer.write_verdicts("sums", [verdict(judged)])
    with pytest.raises(RunError, match="is not in it"):
        list(load_run(folder).samples("sums"))


def test_a_view_reads_once_and_an_updated_one_knows_what_was_written(folder):
    view = load_run(folder)
    assert view.generations("sums") is view.generations("sums")
    with RunWriter(folder) as writer:
        writer.append("sums", generation(9))
        writer.write_verdicts("sums", [verdict(0)])
    assert len(view.generations("sums")) == 3
    after = view.updated(replace(manifest(), finished="now"), {("sums", Verdict): [verdict(0)]})
    assert after.verdicts("sums") == load_run(folder).verdicts("sums")
    assert after.generations("sums") is view.generations("sums")
    assert len(view.fresh_view().generations("sums")) == 4
