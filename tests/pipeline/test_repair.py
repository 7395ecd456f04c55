"""A damaged run folder is an error that says what to do, and `--repair` loses no other sample."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.errors import RunError
from mathreason_eval.models import open_model
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.runs.store import load_run

pytestmark = pytest.mark.slow

SAMPLES = 2
PROBLEMS = 4


@pytest.fixture
def go(tmp_path):
    """Return a function that runs one command in a folder."""
    rows = [{"id": f"p{i}", "question": f"{i}+1?", "gold": str(i)} for i in range(PROBLEMS)]
    data = tmp_path / "gsm8k.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def start(name="run", answer="1", **settings):
        spec = RunSpec(**{
            "tasks": ("gsm8k",), "data": {"gsm8k": (str(data),)}, "samples": SAMPLES, **settings,
        })  # fmt: skip
        return run_tasks(spec, lambda: open_model(f"fake:answer={answer}", {}), tmp_path / name)

    return start


@pytest.fixture
def folder(go, tmp_path):
    go()
    return tmp_path / "run"


def verdicts(run):
    return run.verdicts("gsm8k")


def flipped(line: bytes) -> bytes:
    """Return a line with a flipped bit in its first quotation mark."""
    return line[:1] + bytes([line[1] ^ 1]) + line[2:]


# fmt: off
DAMAGE = [
    # what becomes of a line in the middle
    pytest.param(flipped,                                     id="bit"),
    pytest.param(lambda line: b"\0" * len(line) + b"\n",      id="nul"),
    pytest.param(lambda line: line[: len(line) // 2] + b"\n", id="half"),
    pytest.param(lambda line: line[: len(line) // 2],         id="joined"),
    pytest.param(lambda line: b"\xff" + line,                 id="latin"),
    pytest.param(lambda line: b"{}\n",                        id="empty"),
    pytest.param(lambda line: b"\r\n",                        id="blank"),
    pytest.param(lambda line: line.replace(b'"sample":0', b'"sample":"0"')
                                  .replace(b'"sample":1', b'"sample":"1"'), id="type"),
]
# fmt: on


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_line_is_set_aside_and_its_sample_asked_again(go, folder, damage):
    whole = verdicts(load_run(folder))
    path = folder / "gsm8k" / "generations.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = damage(lines[3])
    path.write_bytes(b"".join(lines))
    before = path.read_bytes()
    with pytest.raises(RunError, match="line 4") as caught:
        go()
    assert "--repair" in caught.value.hint or "edited" in caught.value.hint
    assert path.read_bytes() == before
    with pytest.warns(UserWarning, match="generations.jsonl.damaged"):
        run = go(repair=True)
    assert verdicts(run) == whole
    aside = (path.parent / f"{path.name}.damaged").read_text().splitlines()
    aside = [json.loads(line) for line in aside]
    assert [one["line"] for one in aside] == [4]
    assert aside[0]["text"].encode("utf-8", "surrogateescape") in before
    assert len(path.read_bytes().splitlines()) == PROBLEMS * SAMPLES
    assert verdicts(go()) == whole


def twice(content: bytes) -> bytes:
    """Return a file of lines whose first one is repeated at the end."""
    return content + content.splitlines(keepends=True)[0]


# fmt: off
LOST = [
    # a file, what becomes of it; None: it is deleted, twice: its first line is there again
    ("manifest.json",        None),
    ("manifest.json",        b""),
    ("manifest.json",        b"\0\0\0"),
    ("manifest.json",        b"{"),
    ("manifest.json",        b"[]"),
    ("manifest.json",        b"7"),
    ("manifest.json",        b"{}"),
    ("manifest.json",        b'{"format": 2}'),
    ("manifest.json",        b'{"format": true, "tasks": {}}'),
    ("metrics.json",         b""),
    ("metrics.json",         b"{}"),
    ("metrics.json",         b'[{"name": "avg"}]'),
    ("gsm8k/problems.jsonl", twice),
    ("gsm8k/prompts.jsonl",  twice),
    ("gsm8k/failures.jsonl", b"{}\n"),
    ("gsm8k/problems.jsonl", b"{}}\n{}\n"),
    ("gsm8k/verdicts.jsonl", b"\0\n"),
]
# fmt: on


@pytest.mark.filterwarnings("ignore:.*it is .*damaged")
@pytest.mark.parametrize(("name", "content"), LOST)
def test_what_is_lost_is_written_again_and_nothing_is_asked(go, folder, name, content):
    whole, metrics = verdicts(load_run(folder)), load_run(folder).metrics()
    samples = (folder / "gsm8k" / "generations.jsonl").read_bytes()
    if content is None:
        (folder / name).unlink()
    else:
        content = content if isinstance(content, bytes) else content((folder / name).read_bytes())
        (folder / name).write_bytes(content)
    run = go(repair=True)
    assert (verdicts(run), run.metrics()) == (whole, metrics)
    assert (run.manifest.tasks["gsm8k"].samples, run.manifest.finished is not None) == (
        SAMPLES,
        True,
    )
    assert (folder / "gsm8k" / "generations.jsonl").read_bytes() == samples
    if content is not None:
        assert (folder / f"{name}.damaged").read_bytes() == content


def test_metrics_that_cannot_be_read_are_made_again(go, folder):
    metrics = load_run(folder).metrics()
    (folder / "metrics.json").write_bytes(b"{")
    assert go().metrics() == metrics


def test_those_of_another_task_are_missed_before_a_session_begins(go, folder):
    go(tasks=("gsm8k", "arithmetic"), limit=PROBLEMS)
    before = (folder / "manifest.json").read_bytes()
    (folder / "metrics.json").write_bytes(b"{")
    with pytest.raises(RunError, match=r"metrics\.json cannot be read"):
        go(samples=SAMPLES + 1)
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.filterwarnings("ignore:.*it is .*damaged")
def test_what_a_task_without_samples_has_is_set_aside_too(go, folder, tmp_path):
    """A task none of whose requests was answered has failures, and a session reads them."""
    for name in ("generations", "verdicts"):
        (folder / "gsm8k" / f"{name}.jsonl").unlink()
    (folder / "metrics.json").unlink()
    for name in ("failures", "problems", "prompts"):
        (folder / "gsm8k" / f"{name}.jsonl").write_bytes(b"\0\n")
    run = go(repair=True)
    assert len(run.infos("gsm8k")) == PROBLEMS * SAMPLES
    aside = {path.name for path in (folder / "gsm8k").glob("*.damaged")}
    assert aside == {"failures.jsonl.damaged", "problems.jsonl.damaged", "prompts.jsonl.damaged"}


@pytest.mark.parametrize("name", ["problems", "prompts"])
@pytest.mark.parametrize("same", [True, False])
def test_two_lines_on_one_problem_are_an_error_that_names_both(folder, name, same):
    path = folder / "gsm8k" / f"{name}.jsonl"
    lines = path.read_text().splitlines()
    again = lines[1] if same else lines[1].replace("1+1?", "1+2?")
    path.write_text("".join(f"{line}\n" for line in (*lines, again)))
    with pytest.raises(RunError, match=rf"{name}.jsonl, line 5: problem 'p1' is on line 2 already"):
        regrade(folder)


def test_a_metric_that_is_there_twice_is_an_error_that_names_it(folder):
    rows = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps([*rows, rows[0]]))
    with pytest.raises(RunError, match=rf"\[{len(rows)}\]: avg of all of gsm8k is in it twice"):
        load_run(folder).metrics()


@pytest.mark.parametrize("content", [None, b""])
def test_samples_without_a_manifest_are_no_command_s_until_it_says_so(go, folder, content):
    (folder / "manifest.json").unlink()
    if content is not None:
        (folder / "manifest.json").write_bytes(content)
    for again in (go, lambda: load_run(folder)):
        with pytest.raises(RunError) as caught:
            again()
        assert "--repair" in caught.value.hint


# fmt: off
OTHERS = [
    # settings of another command, what is said
    ({"seed": 1},             "samples made otherwise"),
    ({"temperature": 0.9},    "samples made otherwise"),
    ({"answer": "2"},         "samples made otherwise"),
    ({"limit": 1},            "another problem p1"),
    ({"tasks": ("arithmetic",), "data": {}, "limit": 1}, "samples of gsm8k"),
]
# fmt: on


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("settings", "says"), OTHERS)
def test_a_manifest_is_written_again_by_the_command_that_made_the_samples(
    go, folder, settings, says
):
    (folder / "manifest.json").unlink()
    with pytest.raises(RunError, match=says):
        go(repair=True, **settings)
    assert not (folder / "manifest.json").exists()


@pytest.mark.filterwarnings("ignore")
def test_without_its_problems_a_sample_is_of_no_command(go, folder):
    (folder / "manifest.json").unlink()
    (folder / "gsm8k" / "problems.jsonl").unlink()
    with pytest.raises(RunError, match="a sample of p0"):
        go(repair=True)


def test_a_whole_folder_is_left_as_it_is(go, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    go(repair=True)
    assert {path: path.read_bytes() for path in folder.rglob("*.jsonl")} == before
    assert not list(folder.rglob("*.damaged"))


def test_a_folder_of_a_newer_version_is_none_to_be_repaired(go, folder):
    row = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**row, "format": 99, "tasks": []}))
    with pytest.raises(RunError, match="newer version"):
        go(repair=True)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("manifest", [b"", b"{", b"\0" * 9, None], ids=repr)
@pytest.mark.parametrize("samples", [1, 2])
def test_the_command_line_repairs_what_nobody_can_read(mathreason, tmp_path, manifest, samples):
    words = ["run", "fake:answer=1", "-t", "arithmetic", "--limit", 3, "-n", samples]
    words += ["-o", tmp_path / "run"]
    assert mathreason(*words).code == 0
    path = tmp_path / "run" / "manifest.json"
    whole = load_run(path.parent).verdicts("arithmetic")
    path.unlink() if manifest is None else path.write_bytes(manifest)
    for verb in (words, ["show", path.parent], ["gate", path.parent, "--baseline", path.parent]):
        refused = mathreason(*verb)
        assert (refused.code, "--repair" in refused.err) == (2, True)
    assert mathreason(*words, "--repair").code == 0
    assert load_run(path.parent).verdicts("arithmetic") == whole
