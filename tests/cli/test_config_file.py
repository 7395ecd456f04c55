"""`--config FILE`: a command from a file is the command as typed, and slips in it are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mathreason_eval.runs.store import load_run

WHOLE = """
model: fake:answer=4
tasks: [arithmetic, kk-gen]
samples: 2
limit: 3
temperature: 0.5
top-p: 0.9
seed: 7
workers: 1
model-arg: {latency: 0, chat: true}
"""
TYPED = [
    *("fake:answer=4", "-t", "arithmetic,kk-gen", "-n", 2, "--limit", 3, "--temperature", 0.5),
    *("--top-p", 0.9, "--seed", 7, "--workers", 1),
    *("--model-arg", "latency=0", "--model-arg", "chat=true"),
]


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


def settings(path: Path) -> dict:
    """What the manifest of a run says of its conditions."""
    held = json.loads((path / "manifest.json").read_text())
    return {name: held[name] for name in ("model", "sampling", "seed", "tasks")}


@pytest.mark.slow
def test_a_file_makes_the_run_that_is_typed(mathreason, tmp_path):
    config = written(tmp_path, WHOLE)
    assert mathreason("run", "--config", config, "-o", tmp_path / "a").code == 0
    assert mathreason("run", *TYPED, "-o", tmp_path / "b").code == 0
    assert settings(tmp_path / "a") == settings(tmp_path / "b")


def test_what_is_typed_comes_first(mathreason, tmp_path):
    config = written(tmp_path, WHOLE)
    words = ["fake:answer=5", "--limit", 1, "-t", "arithmetic", "-o", tmp_path / "a"]
    assert mathreason("run", *words, "--config", config).code == 0
    run = load_run(tmp_path / "a")
    assert (run.manifest.model.name, run.tasks()) == ("fake:answer=5", ("arithmetic",))
    assert len(run.problems("arithmetic")) == 1
    assert run.manifest.tasks["arithmetic"].samples == 2


def test_doctor_reads_the_same_file(mathreason, tmp_path):
    said = mathreason("doctor", "--config", written(tmp_path, WHOLE))
    assert (said.code, "task kk-gen" in said.out) == (0, True)


def test_data_of_several_files_and_underscores(mathreason, tmp_path):
    rows = [{"id": str(n), "question": f"{n} + 1?", "gold": str(n + 1)} for n in range(4)]
    for number, half in enumerate((rows[:2], rows[2:])):
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in half))
    text = f"data: {{gsm8k: [{tmp_path}/0.jsonl, {tmp_path}/1.jsonl]}}\nmax_tokens: 64\ntask: gsm8k"
    words = ["run", "fake:answer=4", "--config", written(tmp_path, text), "-o", tmp_path / "a"]
    assert mathreason(*words).code == 0
    entry = load_run(tmp_path / "a").manifest.tasks["gsm8k"]
    assert (entry.problems, entry.max_tokens) == (4, 64)


# fmt: off
SLIPS = [
    # what the file holds, and what is said of it
    ("sample: 3",                   "There is no setting in"),
    ("sample: 3",                   "Did you mean samples?"),
    ("config: other.yaml",          "named 'config'"),
    ("limit: 8.5",                  "run.yaml: limit is '8.5', and must be a whole number"),
    ("limit: [8]",                  "limit: it is no single value."),
    ("limit:",                      "limit: there is no value; leave"),
    ("json: 1",                     "json: '1' is neither true nor false."),
    ("repair: 'yes'",               "repair: 'yes' is neither true nor false."),
    ("data: {gsm8k: {a: b}}",       "is no single value."),
    ("data: gsm8k",                 "'gsm8k' is not of the form KEY=VALUE."),
    ("- samples",                   "holds no settings"),
    ("samples: 8\nsamples: 9",      "cannot be read"),
    ("a: &a [*a]",                  "cannot be read"),
    ("samples: !!python/name:os.system", "cannot be read"),
    ("samples: -1",                 "samples is -1, and must be a whole number from 1 to 10,000."),
    ("samples: 010",                "line 1 cannot be read: has 010, which YAML reads as another"),
    ("limit: 1:30",                 "has 1:30, which YAML reads as another"),
    ("max-tokens: 100\nmax_tokens: 50", "says max_tokens twice, the second time as max_tokens."),
    ("task: kk-gen\ntasks: kk-gen", "says tasks twice, the second time as tasks."),
    ("out: ''",                     "out: no path is given."),
    ("adopt: no",                   "adopt: 'no' is neither true nor false."),
    ("temperature: .nan",           "temperature is '.nan'"),
]
# fmt: on


@pytest.mark.parametrize(("text", "says"), SLIPS)
def test_a_slip_is_named(mathreason, tmp_path, text, says):
    config = written(tmp_path, text)
    words = ["run", "fake:answer=4", "-t", "arithmetic", "-o", tmp_path / "run"]
    said = mathreason(*words, "--config", config)
    assert said.code == 2
    assert says in said.err


def test_all_slips_are_named_at_once(mathreason, tmp_path):
    config = written(tmp_path, "sample: 3\nlimit: 8.5\njson: 1\n")
    said = mathreason("run", "fake:answer=4", "-t", "arithmetic", "--config", config)
    assert (said.code, said.err.count("error:")) == (2, 3)


def test_a_value_is_what_is_written(mathreason, tmp_path):
    config = written(tmp_path, "system: no\nsweep: {system: ['Be brief, please.'], seed: '1,2'}\n")
    words = ["fake:answer=4", "-t", "arithmetic", "--limit", 1, "--config", config]
    said = mathreason("run", *words, "-o", tmp_path / "grid")
    assert said.code == 0
    held = sorted(path.name for path in (tmp_path / "grid").iterdir())
    assert len(held) == 2
    assert all("Be brief, please." in json.dumps(one) for one in _prompts_sent(tmp_path / "grid"))
    config = written(tmp_path, "system: no\n")
    assert mathreason("run", *words, "-o", tmp_path / "one").code == 0
    assert all('"no"' in json.dumps(one) for one in _prompts_sent(tmp_path / "one"))


def _prompts_sent(folder):
    paths = sorted(folder.rglob("prompts.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def test_a_home_is_the_users_wherever_it_is_written(mathreason, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "brief.txt").write_text("\ufeffBe brief.\n", encoding="utf-8")
    config = written(tmp_path, "out: ~/run\nsystem: '@~/brief.txt'\n")
    words = ["fake:answer=4", "-t", "arithmetic", "--limit", 1]
    assert mathreason("run", *words, "--config", config).code == 0
    assert (tmp_path / "run" / "manifest.json").is_file()
    # The mark at the beginning of a file is no part of its text.
    assert all('"Be brief."' in json.dumps(one) for one in _prompts_sent(tmp_path / "run"))


def test_what_is_refused_in_the_file_is_not_missing_as_well(mathreason, tmp_path):
    config = written(tmp_path, "tasks: [arithmetic, '']\nsamples: 0\n")
    said = mathreason("run", "fake:answer=4", "--config", config)
    assert (said.code, "Missing" in said.err, said.err.count("error:")) == (2, False, 2)


def test_a_file_that_is_not_there_is_an_error(mathreason, tmp_path):
    said = mathreason("run", "--config", tmp_path / "none.yaml")
    assert (said.code, "cannot be read: No such file" in said.err) == (2, True)
