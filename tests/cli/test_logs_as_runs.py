"""Verbs that read runs take logs of other programs: imported once, and said once."""

from __future__ import annotations

import json
import os
import shutil
import time

import foreign_logs as logs
import pytest

from mathreason_eval.runs.store import find_runs

pytestmark = pytest.mark.slow


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mathreason-eval" / "imports"


@pytest.fixture
def folders(tmp_path):
    """Logs of two models, the second of which has no right answer."""
    old = logs.lm_eval(tmp_path / "old", model="org/old")
    new = logs.lm_eval(tmp_path / "new", model="org/new")
    path = new / "org__model-7b" / f"samples_gsm8k_{logs.TIME}.jsonl"
    path.write_text(path.read_text().replace("{16}", "{17}").replace("{35}", "{36}"))
    return old, new


# fmt: off
VERBS = [
    # words with {old} and {new}; exit codes; what stdout has
    (["gate", "{new}", "--baseline", "{old}"],       {1, 3}, "gsm8k"),
    (["compare", "{old}", "{new}"],                  {0},    "gsm8k"),
    (["plan", "--baseline", "{old}", "--detect", "2pp"], {0}, "gsm8k: no number of samples"),
    (["show", "{old}"],                              {0},    "org/old"),
    (["show", "{old}", "--outcome", "wrong"],        {0},    "gsm8k-0 · sample 1"),
    (["leaderboard", "{old}", "{new}", "-o", "{site}"], {0}, "2 runs on"),
]
# fmt: on


@pytest.mark.parametrize(("words", "codes", "says"), VERBS)
def test_a_verb_takes_logs_and_says_once_what_it_made_of_them(
    mathreason, folders, cache, tmp_path, *, words, codes, says
):
    old, new = folders
    called = [word.format(old=old, new=new, site=tmp_path / "site") for word in words]
    first = mathreason(*called)
    assert first.code in codes, first.err
    assert says in first.out
    assert f"{old}: imported into {cache}" in first.err.replace("\n", "")
    again = mathreason(*called)
    assert (again.code, again.out) == (first.code, first.out)
    assert "imported into" not in again.err


def test_a_log_that_changed_is_imported_anew_and_an_equal_one_is_not(mathreason, folders, cache):
    old, _ = folders
    mathreason("show", old)
    path = old / "org__model-7b" / f"samples_gsm8k_{logs.TIME}.jsonl"
    content = path.read_text()
    path.write_text(content.replace("Let me count", "I count"))
    mathreason("show", old)
    path.write_text(content)
    said = mathreason("show", old)
    assert "imported" not in said.err
    assert len(list(cache.iterdir())) == 2
    assert len(find_runs(cache)) == 2


@pytest.mark.parametrize(
    ("named", "counts"), [("", 2), ("predictions/model-7b/gsm8k.json", 2), ("predictions", 1)]
)
def test_what_a_reader_finds_in_another_folder_is_part_of_what_changed(
    mathreason, cache, tmp_path, named, counts
):
    folder = logs.opencompass(tmp_path / "logs")
    mathreason("show", folder / named)
    results = folder / "results" / "model-7b" / "gsm8k.json"
    results.write_text(results.read_text().replace("true", "false"))
    mathreason("show", folder / named)
    assert len(list(cache.iterdir())) == counts


def test_data_of_the_verb_count(mathreason, folders, cache, tmp_path):
    old, new = folders
    rows = [{"id": "mine", "question": logs.LEGS, "gold": "16"}]
    data = logs.write_lines(tmp_path / "data.jsonl", rows)
    said = mathreason("gate", new, "--baseline", old, "--data", f"gsm8k={data}", "--json")
    assert "gsm8k: 1 of 2 problems matched by text" in said.err
    assert {one.id for run in find_runs(cache) for one in run.problems("gsm8k")} == {
        "mine",
        "gsm8k-1",
    }


# fmt: off
NONE = [
    # what the folder has; what the error says
    ({"notes.txt": "x"},                            "contains none"),
    ({"notes.json": "{}"},                          "contains none"),
    ({"results.jsonl": '{"example_id": 1'},         "line 1 is not a JSON object"),
]
# fmt: on


@pytest.mark.parametrize(("files", "says"), NONE)
def test_a_folder_without_runs_and_logs_is_an_error_as_before(
    mathreason, cache, tmp_path, files, says
):
    (tmp_path / "folder").mkdir()
    for name, content in files.items():
        (tmp_path / "folder" / name).write_text(content)
    said = mathreason("show", tmp_path / "folder")
    assert said.code == 2
    assert says in said.err.replace("\n", " ")
    assert not cache.exists()


def test_a_log_of_several_models_names_its_runs(mathreason, cache, tmp_path):
    said = mathreason("show", logs.verl(tmp_path / "logs"))
    assert said.code == 2
    assert "contains 2 runs" in said.err.replace("\n", " ")


def test_a_run_is_read_where_it_is(mathreason, cache, tmp_path):
    mathreason("import", logs.verifiers(tmp_path / "logs"), "-o", tmp_path / "runs")
    assert json.loads(mathreason("show", tmp_path / "runs", "--json").out)["path"].startswith(
        str(tmp_path / "runs")
    )
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_an_error_of_the_user(
    mathreason, folders, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    said = mathreason("show", folders[0])
    assert said.code == 2
    assert "cannot be written" in said.err


# fmt: off
UNKNOWN = [
    # words with {log}; exit code; what is said
    (["gate", "{log}", "--baseline", "{log}"],          4, "its accuracy is unknown"),
    (["plan", "--baseline", "{log}", "--detect", "2pp"], 4, "its accuracy is unknown"),
    (["compare", "{log}", "{log}"],                     0, "not the 0 that is shown"),
    (["leaderboard", "{log}", "-o", "{site}"],          0, "not the 0 that is shown"),
    (["show", "{log}"],                                 0, "the accuracy says nothing"),
]
# fmt: on


@pytest.mark.parametrize(("words", "code", "says"), UNKNOWN)
def test_without_golds_no_verb_has_an_accuracy_for_an_answer(
    mathreason, cache, tmp_path, *, words, code, says
):
    log = logs.trl(tmp_path / "logs")
    said = mathreason(*(word.format(log=log, site=tmp_path / "site") for word in words))
    assert said.code == code, said.err
    assert says in said.err.replace("\n", " ")


# --- the cache belongs to its user -----------------------------------------------------------


def linked(folder):
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


@pytest.mark.parametrize(
    "change",
    [
        linked,
        lambda folder: folder.chmod(0o777),
        lambda folder: folder.parent.chmod(0o770),
        lambda folder: (linked(folder), shutil.rmtree(folder.with_name("elsewhere"))),
    ],
)
def test_a_folder_of_the_cache_that_others_may_have_filled_is_not_believed(
    mathreason, folders, cache, change
):
    old, _ = folders
    assert mathreason("show", old).code == 0
    [folder] = cache.iterdir()
    change(folder)
    said = mathreason("show", old)
    assert (said.code, said.out) == (2, "")
    assert "not believed" in said.err.replace("\n", " ")


def test_equal_files_in_folders_of_two_models_are_two_logs(mathreason, cache, tmp_path):
    for model in ("one", "two"):
        place = tmp_path / model / "exp" / "predictions" / model / "gsm8k.json"
        place.parent.mkdir(parents=True)
        row = {"origin_prompt": "What is 1+1?", "prediction": "2", "gold": "2"}
        place.write_text(json.dumps({"0": row}))
    shown = [mathreason("show", tmp_path / model / "exp").out for model in ("one", "two")]
    assert [out.split()[0] for out in shown] == ["one", "two"]


def test_what_a_killed_import_left_is_swept_a_day_later(mathreason, folders, cache):
    old, _ = folders
    for name, age in (("making-old", 2 * 86_400), ("making-new", 60)):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - age,) * 2)
    cache.chmod(0o700)
    assert mathreason("show", old).code == 0
    assert sorted(one.name for one in cache.glob("making-*")) == ["making-new"]
