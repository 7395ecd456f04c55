"""The command line as its user meets it: verbs, exit codes, and errors that help."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from mathreason_eval.cli import verbs
from mathreason_eval.runs.store import load_run

pytestmark = pytest.mark.slow


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.yaml"
    path.write_text("- text: ['\\boxed{7}', 'no idea', '\\boxed{']\n")
    return f"fake:{path}"


@pytest.fixture
def run_folder(mathreason, tmp_path, script):
    folder = tmp_path / "run"
    said = mathreason("run", script, "-t", "arithmetic", "-n", 2, "--limit", 6, "-o", folder)
    assert said.code == 0, said.err
    return folder


def test_help_lists_every_verb_in_the_order_of_work(mathreason):
    said = mathreason("--help")
    listed = re.findall(r"^  ([\w-]+)  ", said.out.partition("Commands:")[2], flags=re.MULTILINE)
    assert (said.code, listed) == (0, list(verbs.commands))


@pytest.mark.parametrize("verb", list(verbs.commands))
def test_every_verb_and_option_explains_itself(mathreason, verb):
    said = mathreason(verb, "--help")
    assert said.code == 0
    command = verbs.commands[verb]
    assert command.help
    assert all(
        p.help or p.param_type_name == "argument" or p.name == "port" for p in command.params
    )


def test_a_run_prints_a_table_and_outcomes_that_add_up(mathreason, run_folder):
    said = mathreason("show", run_folder)
    counted = " ".join(said.out.partition("outcomes")[2].split()).partition(" = ")
    counts = [int(n) for n in re.findall(r"[a-z_]+ (\d+)", counted[0])]
    total = int(counted[2].split()[0])
    assert (sum(counts), total) == (12, 12)
    assert "maj@2" in said.out
    assert len(counts) == 5


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_fit_the_terminal_and_shorten_no_number(mathreason, run_folder, width):
    said = mathreason("show", run_folder, width=width)
    table = [line for line in said.out.splitlines() if " – " in line]
    assert table
    assert all(len(line) <= width and "…" not in line for line in table)


def test_a_row_a_family_is_written(mathreason, script, tmp_path):
    folder, file = tmp_path / "families", tmp_path / "memorisation.jsonl"
    assert mathreason("run", script, "-t", "kk-gen", "--limit", 21, "-o", folder).code == 0
    said = mathreason("show", folder, "--memorisation", file)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert (said.code, said.err) == (0, f"{len(rows)} families → {file}\n")
    assert rows
    assert {"task", "people", "id", "original", "flip_role"} <= set(rows[0])


def test_a_run_without_variants_has_no_families_to_write(mathreason, run_folder, tmp_path):
    said = mathreason("show", run_folder, "--memorisation", tmp_path / "none.jsonl")
    assert (said.code, (tmp_path / "none.jsonl").exists()) == (2, False)
    assert "no problem together with a variant" in said.err


def test_json_is_the_run(mathreason, run_folder):
    shown = json.loads(mathreason("show", run_folder, "--json").out)
    assert sum(shown["outcomes"]["arithmetic"].values()) == 12
    assert shown["missing"] == {"arithmetic": 0}
    assert {
        "task",
        "slice",
        "name",
        "value",
        "low",
        "high",
        "problems",
        "samples",
        "method",
    } <= set(shown["metrics"][0])


def test_samples_show_span_rule_and_reason(mathreason, run_folder):
    said = mathreason("show", run_folder, "--outcome", "no_answer")
    assert "none found" in said.out
    problem = load_run(run_folder).problems("arithmetic")[0].id
    samples = json.loads(mathreason("show", run_folder, "--problem", problem, "--json").out)
    assert [s["verdict"]["sample"] for s in samples] == [0, 1]
    assert all(s["verdict"]["note"] for s in samples)


def test_hostile_output_is_only_text_on_the_terminal(mathreason, tmp_path):
    path = tmp_path / "script.yaml"
    path.write_text('- text: "[bold]x[/y] \\x1b[31m \\u202e <b> \\\\boxed{[/red]}"\n')
    folder = tmp_path / "run"
    mathreason("run", f"fake:{path}", "-t", "arithmetic", "--limit", 1, "-o", folder)
    out = mathreason("show", folder, "--problem", load_run(folder).problems("arithmetic")[0].id).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold]x[/y] ⟨U+001B⟩[31m" in out


def test_the_same_command_asks_nothing_twice(mathreason, tmp_path, script, run_folder):
    before = (run_folder / "arithmetic" / "generations.jsonl").read_bytes()
    said = mathreason("run", script, "-t", "arithmetic", "-n", 2, "--limit", 6, "-o", run_folder)
    assert said.code == 0
    assert "resuming: 12 of 12" in said.err
    assert (run_folder / "arithmetic" / "generations.jsonl").read_bytes() == before


def test_regrade_of_a_folder_with_a_link_leaves_its_target_alone(mathreason, run_folder, tmp_path):
    target = tmp_path / ".profile"
    target.write_text("mine")
    for name in ("verdicts.jsonl.new", "verdicts.jsonl"):
        (run_folder / "arithmetic" / name).unlink(missing_ok=True)
        (run_folder / "arithmetic" / name).symlink_to(target)
    said = mathreason("regrade", run_folder)
    assert (said.code, target.read_text()) == (2, "mine")
    assert "is a link" in said.err


def test_regrade_says_what_flipped(mathreason, run_folder):
    said = mathreason("regrade", run_folder)
    assert (said.code, "0 verdicts flipped" in said.out) == (0, True)


# fmt: off
SLIPS = [
    # command line, what the error says, what to do next
    (["rnu"],                                             "no verb 'rnu'",       "run"),
    (["run"],                                             "MODEL",               "--help"),
    (["run", "fake:echo"],                                "--task",              "--help"),
    (["run", "fake:echo", "-t", "arithmetc"],             "no task named",       "arithmetic"),
    (["run", "faek:echo", "-t", "arithmetic"],            "faek",                "fake"),
    (["run", "fake:ehco", "-t", "arithmetic"],            "ehco",                "echo"),
    (["run", "gpt", "-t", "arithmetic"],                  "gpt",                 "BACKEND:NAME"),
    (["run", "fake:echo", "-t", "arithmetic", "--prompt", "boxd"], "boxd",       "boxed"),
    (["run", "fake:echo", "-t", "arithmetic", "--model-arg", "latncy=1"], "latncy", "latency"),
    (["run", "fake:echo", "-t", "arithmetic", "--model-arg", "latency"], "KEY=VALUE", "--help"),
    (["run", "fake:echo", "-t", "gsm8k", "--data", "gsm8k=nowhere.jsonl"], "nowhere.jsonl", "path"),
    (["run", "fake:echo", "-t", "gsm8k", "--data", "gsmk=x.jsonl"], "gsmk",      "gsm8k"),
    (["run", "fake:echo", "-t", "arithmetic", "-n", "0"], "samples is 0",        "-n 4"),
    (["run", "llamacpp:nowhere.gguf", "-t", "arithmetic"], "nowhere.gguf",       ""),
    (["run", "replay:nowhere.jsonl", "-t", "arithmetic"], "nowhere.jsonl",       ""),
    (["run", "openai:m@http://127.0.0.1:9/v1", "-t", "arithmetic"], "127.0.0.1:9", ""),
    (["show", "nothing"],                                 "nothing",        "mathreason tasks"),
    (["show", "."],                                       "not a run folder",    "mathreason run"),
    (["check"],                                           "--all",               "--help"),
    (["verify", "--gold", "1"],                           "--answer",            "--help"),
    (["verify", "--gold", "1", "--answer", "1", "--grader", "mat"], "mat",       "math"),
    (["verify", "--jsonl", "nowhere.jsonl"],              "nowhere.jsonl",       "path"),
    (["regrade", "nowhere"],                              "nowhere",             "mathreason run"),
    (["leaderboard", "nowhere", "-o", "site"],            "nowhere",             "mathreason run"),
    (["serve", "nowhere"],                                "no site",             "leaderboard"),
    (["import", "jsonl", "nowhere.jsonl", "-t", "arithmetic", "-o", "x"], "nowhere.jsonl", "path"),
]
# fmt: on


@pytest.mark.parametrize(("words", "says", "helps"), SLIPS, ids=lambda w: " ".join(w)[:60])
def test_a_slip_is_one_clear_error_and_exit_code_2(
    mathreason, tmp_path, monkeypatch, words, says, helps
):
    monkeypatch.chdir(tmp_path)
    said = mathreason(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    # Each is one line, and one with what helps; a command without any word lacks two.
    assert len(said.err.splitlines()) <= 2 * said.err.count("error: ")
    assert says in said.err
    assert helps in said.err
    assert "Traceback" not in said.err


def process(*words: object, **settings) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "mathreason_eval", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONFAULTHANDLER": "0"},
        # What runs in the background of a script inherits that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        **settings,
    )


def wait_for_lines(path, count):
    for _ in range(600):
        if path.is_file() and len(path.read_bytes().splitlines()) >= count:
            return
        time.sleep(0.05)
    pytest.fail(f"{path} never reached {count} lines")


@pytest.mark.parametrize(
    ("ending", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_interrupted_and_started_again_nothing_is_lost_nor_asked_twice(tmp_path, ending, code):
    folder = tmp_path / "run"
    path = folder / "arithmetic" / "generations.jsonl"
    words = ["run", "fake:answer=7", "-t", "arithmetic", "-n", 2, "--limit", 60, "-o", folder]
    started = process(*words, "--model-arg", "latency=0.05", "--model-arg", "concurrency=1")
    wait_for_lines(path, 10)
    started.send_signal(ending)
    out, err = started.communicate(timeout=60)
    assert started.returncode == code, err
    if ending is signal.SIGINT:
        assert "the same command resumes" in err
        assert len(load_run(folder).verdicts("arithmetic")) >= 10
    whole = path.read_bytes()
    before = whole[: whole.rfind(b"\n") + 1]
    assert 10 <= before.count(b"\n") < 120
    again = process(*words)
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert path.read_bytes().startswith(before)
    run = load_run(folder)
    keys = [(g.problem_id, g.sample) for g in run.generations("arithmetic")]
    assert len(keys) == len(set(keys)) == 120
    assert "= 120" in out


def test_an_engine_that_dies_leaves_what_it_made(tmp_path, mathreason):
    words = ["run", "fake:answer=7", "-t", "arithmetic", "--limit", 20, "-o", tmp_path / "run"]
    said = mathreason(*words, "--model-arg", "crash_after=5")
    assert (said.code, "crashed" in said.err) == (2, True)
    assert len(load_run(tmp_path / "run").verdicts("arithmetic")) == 5
    assert mathreason(*words).code == 0


def test_verify_says_equal_and_why(mathreason):
    said = mathreason("verify", "--gold", r"\frac{1}{2}", "--output", r"so it is \boxed{0.5}.")
    assert said.code == 0
    assert said.out.startswith("equal")
    assert "0.5" in said.out


def test_verify_jsonl_answers_every_row_in_order(mathreason, tmp_path):
    rows = [
        {"id": 1, "gold": "1/2", "answer": "0.5"},
        {"id": 2, "gold": ["3", "4"], "output": r"\boxed{4}"},
        {"id": 3, "gold": "5", "output": "no idea"},
        {"id": 4, "gold": "5"},
        {"id": 5, "gold": "5", "answer": "6", "grader": "nonsense"},
        {"id": 6, "gold": "7", "answer": "8"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    said = mathreason("verify", "--jsonl", path, "--workers", 1)
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [a["equal"] for a in answers] == [True, True, False, None, None, False, None]
    assert [a["id"] for a in answers] == [1, 2, 3, 4, 5, 6, None]
    contract = {"id", "equal", "outcome", "answer", "span", "rule", "note", "seconds"}
    assert all(contract <= answer.keys() for answer in answers)


def test_import_makes_a_run_a_model_and_compares_with_the_publisher(mathreason, tmp_path):
    rows = [
        {"id": "a", "question": "1+1?", "gold": "2", "output": r"\boxed{2}", "model": "x/y",
         "correct": True},
        {"id": "a", "question": "1+1?", "gold": "2", "output": r"\boxed{3}", "model": "x/y",
         "correct": True},
        {"id": "a", "question": "1+1?", "gold": "2", "output": "A: 2", "model": "../../z",
         "score": 0.5},
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "runs"
    said = mathreason("import", "jsonl", path, "-t", "gsm8k", "-o", out)
    assert said.code == 0, said.err
    assert "1 of 2" in said.out
    assert sorted(p.name for p in out.iterdir()) == ["x-y", "z"]
    assert not (tmp_path.parent / "z").exists()
    assert [g.sample for g in load_run(out / "x-y").generations("gsm8k")] == [0, 1]
    assert load_run(out / "z").generations("gsm8k")[0].reward == 0.5


def test_an_import_of_an_unknown_problem_says_what_it_needs(mathreason, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a", "output": "7"}\n')
    said = mathreason("import", "jsonl", path, "-t", "arithmetic", "-o", tmp_path / "runs")
    assert said.code == 2
    assert "question and gold" in said.err


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    command = f"{sys.executable} -m mathreason_eval tasks --json | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


def test_serve_shows_a_site_on_this_machine_only(tmp_path):
    (tmp_path / "index.html").write_text("<title>site</title>")
    server = process("serve", tmp_path, "--port", 0, cwd=tmp_path)
    try:
        url = server.stdout.readline().split()[0]
        from urllib.request import urlopen

        with urlopen(url) as page:
            assert page.read() == b"<title>site</title>"
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_sees_the_run_go_on(tmp_path, columns):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    words = ["run", "fake:answer=7", "-t", "arithmetic", "--limit", "40", "-n", "2"]
    started = subprocess.Popen(
        [sys.executable, "-m", "mathreason_eval", *words, "-o", str(tmp_path / "run"),
         "--model-arg", "latency=0.2", "--model-arg", "concurrency=8"],
        stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while started.poll() is None or select.select([ours], [], [], 0)[0]:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    started.wait(timeout=60)
    os.close(ours)
    screen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode())
    assert started.returncode == 0, screen
    frames = [line for line in re.split(r"[\r\n]+", screen) if "eta" in line]
    assert frames
    assert all(len(frame) <= columns for frame in frames)
    assert any(re.search(r"\d+/80 .* tok/s .*% \[\d+, \d+\]", frame) for frame in frames)


def test_an_import_of_which_some_rows_cannot_be_used_says_so_with_code_1(mathreason, tmp_path):
    row = {"id": "a", "question": "1+1?", "gold": 2, "output": "2"}
    path, out = tmp_path / "rows.jsonl", tmp_path / "runs"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "output": None}) + "\n")
    said = mathreason("import", "jsonl", path, "-t", "gsm8k", "-o", out)
    assert said.code == 1
    assert "1 of 2 rows cannot be used" in said.err
    assert "line 2 has no output" in said.err
    path.write_text(json.dumps({**row, "output": None}) + "\n")
    assert mathreason("import", "jsonl", path, "-t", "gsm8k", "-o", tmp_path / "none").code == 2
