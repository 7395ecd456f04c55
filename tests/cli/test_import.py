"""`mathreason import` of logs: what is said, what is written, and by which exit code."""

from __future__ import annotations

import json
import re

import foreign_logs as logs
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    """A log whose program calls one right answer wrong."""
    found = logs.verifiers(tmp_path / "logs")
    rows = [json.loads(line) for line in (found / "results.jsonl").read_text().splitlines()]
    rows[0] |= {"reward": 0.0, "correct_answer": 0.0}
    logs.write_lines(found / "results.jsonl", rows)
    return found


SCORES = (
    "gsm8k, org/model-7b: verifiers 0.1.14 says 25.0 by reward, we say 50.0 of the same rows; "
    "1 of 4 rows differ"
)
ROW = "0 sample 0: publisher wrong, ours correct; gold '16', answer '16'; "

# fmt: off
CALLS = [
    # words before -o
    ["{}"],
    ["auto", "{}"],
    ["verifiers", "{}"],
    ["verifiers", "{}/results.jsonl"],
    ["{}", "-t", "gsm8k"],
]
# fmt: on


@pytest.mark.parametrize("words", CALLS)
def test_a_log_is_imported_by_its_path_or_its_format(mathreason, folder, tmp_path, words):
    done = mathreason(
        "import", *(word.format(folder) for word in words), "-o", tmp_path / "runs", "--workers", 1
    )
    assert done.code == 0, done.err
    assert "verifiers 0.1.14 samples of gsm8k, model org/model-7b, 2 problems x 2" in done.err
    assert SCORES in done.out.replace("\n", " ")
    assert "the publisher's error: 1" in done.out
    assert ROW in done.out


def test_options_may_come_before_the_paths(mathreason, folder, tmp_path):
    assert mathreason("import", "-o", tmp_path / "runs", folder).code == 0


def test_the_report_has_every_row_with_both_verdicts_span_and_reason(mathreason, folder, tmp_path):
    report = tmp_path / "report.md"
    mathreason("import", folder, "-o", tmp_path / "runs", "--report", report)
    text = report.read_text()
    assert "## The publisher's error: 1" in text
    assert "judged by mathreason" in text
    assert len(re.findall(r"SHA&#45;256 [0-9a-f]{64}", text)) == len(list(folder.rglob("*.json*")))
    row = next(line for line in text.splitlines() if line.startswith("| gsm8k"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:9] == ["gsm8k", "0", "0", "wrong", "", "correct", "16", "16", "30&#45;32"]


def test_the_report_is_a_page_where_its_name_says_so(mathreason, folder, tmp_path):
    report = tmp_path / "report.HTML"
    mathreason("import", folder, "-o", tmp_path / "runs", "--report", report)
    text = report.read_text()
    assert text.startswith("<!doctype html>")
    assert "The publisher&#39;s error" in text or "The publisher's error" in text
    assert "<mark>16</mark>" in text
    assert "we say" in text
    # It is one file, and asks nobody for another.
    assert not re.search(r"<(?:link|script|img|iframe)\b|@import|url\(", text)


def test_what_the_publisher_took_for_the_answer_is_shown_and_a_length_is_no_score(
    mathreason, tmp_path
):
    row = {
        "sample_id": "0", "schema_version": "0.3.0", "interaction_type": "single_turn",
        "model_id": "m", "evaluation_name": "gsm8k", "input": {"raw": "3 + 4?"},
        "output": {"raw": [r"So \boxed{7}."]}, "evaluation": {"is_correct": False},
        "answer_attribution": [{"extracted_value": "3<b>", "is_terminal": True}],
    }  # fmt: skip
    row["input"]["reference"] = ["7"]
    long = {**row, "evaluation_result_id": "length", "evaluation": {"is_correct": 14.0}}
    logs.write_lines(tmp_path / "logs" / "x_samples.jsonl", [row, long])
    report = tmp_path / "report.html"
    done = mathreason("import", tmp_path / "logs", "-o", tmp_path / "runs", "--report", report)
    assert "publisher wrong (read '3<b>'), ours correct" in done.out
    assert "has a mean length of 14" in done.out
    assert "by length" not in done.out
    assert "read 3&lt;b&gt;" in report.read_text()


def test_texts_of_a_log_are_no_markup_on_the_page(mathreason, tmp_path):
    row = {
        "example_id": 0, "prompt": [{"role": "user", "content": "3 + 4?"}], "answer": "7",
        "completion": [{"role": "assistant", "content": "</td><script>x</script> \\boxed{7} <b>"}],
        "reward": 0.0, "task": "gsm8k",
    }  # fmt: skip
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "results.jsonl").write_text(json.dumps(row) + "\n")
    report = tmp_path / "report.html"
    mathreason("import", tmp_path / "logs", "-o", tmp_path / "runs", "--report", report)
    text = report.read_text()
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text
    assert "<mark>7</mark>" in text


def test_json_has_the_rows_that_differ(mathreason, folder, tmp_path):
    done = mathreason("import", folder, "-o", tmp_path / "runs", "--json")
    [found] = json.loads(done.out)
    [row] = found["publisher"]["differences"]
    assert (row["label"], row["outcome"], row["cause"]) == (
        False,
        "correct",
        "the publisher's error",
    )
    first = found["publisher"]["scores"][0]
    assert (first["name"], first["theirs"], first["ours"]) == ("reward", 0.25, 0.5)


@pytest.fixture
def place(tmp_path):
    """A folder with what a user may name by mistake, beside the log of `folder`."""
    for name in ("empty", "pictures", "both"):
        (tmp_path / name).mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"png")
    logs.verl(tmp_path / "both" / "a")
    logs.verifiers(tmp_path / "both" / "b")
    (tmp_path / "notes.txt").write_text("hello\n")
    (tmp_path / "zero.jsonl").write_text("")
    rows = [{"id": "1", "response": "It is 2.", "question": "1 + 1?", "gold": "2"}]
    logs.write_lines(tmp_path / "rows.jsonl", rows)
    cut = (tmp_path / "logs" / "results.jsonl").read_text()
    (tmp_path / "cut.jsonl").write_text(cut[: len(cut) - 40])
    return tmp_path


ROWS = ("jsonl", "{at}/rows.jsonl", "-t", "gsm8k")

# fmt: off
FAULTS = [
    # words after import; what the error says; what it says to do next
    (["nothing-here"],
     "no file or folder nothing-here", "Check the path"),
    (["./runs/lm-eval"],
     "no file or folder ./runs/lm-eval", "Check the path"),
    (["lm-evl", "{log}"],
     "no import format named 'lm-evl'", "Did you mean lm-eval?"),
    (["lm_eval", "{log}"],
     "no import format named 'lm_eval'", "Did you mean lm-eval?"),
    (["LM-Eval", "{log}"],
     "no import format named 'LM-Eval'", "Did you mean lm-eval?"),
    (["lm-eval"],
     "Missing argument 'PATH", "--help"),
    (["lm-eval", "{at}/none"],
     "no file or folder", "Check the path"),
    (["{log}", "{at}/none"],
     "no file or folder", "Check the path"),
    (["lm-eval", "{log}"],
     "holds no log of lm-eval", "logs of verifiers: leave lm-eval out"),
    (["lm-eval", "{at}/empty"],
     "holds no file that may be a log", "Check the path"),
    (["{at}/empty"],
     "holds no file that may be a log", "Check the path"),
    (["{at}/pictures"],
     "holds no file that may be a log", "Check the path"),
    (["{at}/zero.jsonl"],
     "begins with nothing that is named", "import jsonl"),
    (["{at}/rows.jsonl"],
     "begins with id, response, question, gold", "import jsonl"),
    (["{at}/notes.txt"],
     "is no log by its name", "rename the file"),
    (["verifiers", "{at}/notes.txt"],
     "is no log by its name", "rename the file"),
    (["{at}/cut.jsonl"],
     "is not a JSON object", "the whole log"),
    (["{at}/both"],
     "logs of 2 programs", "import ver"),
    (["{log}", "{at}/both/a"],
     "logs of 2 programs", "import ver"),
    (["{log}", "-t", "gsm9k"],
     "no task named 'gsm9k'", "Did you mean gsm8k?"),
    (["{log}", "--modl", "x"],
     "No such option '--modl'", "Did you mean '--model'?"),
    (["{log}", "--columns", "output=text"],
     "--columns is an option of `import jsonl FILE`", "--help"),
    (["verifiers", "{log}", "--columns", "a=b"],
     "--columns is an option of `import jsonl", "--help"),
    ([*ROWS, "--report", "r.md"],
     "--report is an option of `import PATH", "--help"),
    (["{log}", "--data", "gsm8k"],
     "not of the form KEY=VALUE", "--help"),
    (["{log}", "--data", "math=x.jsonl"],
     "--data names math, of which nothing is imported", "--data gsm8k"),
    (["{log}", "--data", "gsm8k={at}/no.jsonl"],
     "There is no file", "Check the path"),
    ([*ROWS, "--data", "math=x.jsonl"],
     "--data names math", "--data gsm8k=FILE"),
    (["jsonl", "{at}/rows.jsonl"],
     "Missing option '-t'", "--help"),
    (["jsonl", "{log}", "-t", "gsm8k"],
     "is a folder", "Name the file in it"),
    (["jsonl", "{at}/none.jsonl", "-t", "gsm8k"],
     "There is no file", "Check the path"),
    (["jsonl", "{at}/notes.txt", "-t", "gsm8k"],
     "has an extension", "Known extensions"),
    ([*ROWS, "--columns", "output=respons"],
     "named 'respons'", "Did you mean response?"),
    ([*ROWS, "--columns", "outptu=response"],
     "no column named 'outptu'", "Did you mean output?"),
    ([*ROWS],
     "None of the 1 rows", "docs/import.md"),
]
# fmt: on


@pytest.mark.parametrize(("words", "says", "next_step"), FAULTS)
def test_a_slip_is_one_error_that_says_what_to_do(
    mathreason, folder, place, words, says, next_step
):
    given = [word.format(log=folder, at=place) for word in words]
    done = mathreason("import", *given, "-o", place / "runs")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("error:") == 1
    assert says in done.err
    assert next_step in done.err
    assert not (place / "runs").exists()


@pytest.mark.parametrize("words", [[], ["import"]])
def test_without_a_word_the_help_is_shown_as_it_is(mathreason, words):
    done = mathreason(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: ")
    assert len(done.err.splitlines()) > 10


def test_data_of_another_log_is_no_slip_where_a_verb_takes_several(mathreason, folder):
    done = mathreason("show", folder, "--data", "math=x.jsonl")
    assert "nothing is imported" not in done.err


def test_rows_with_errors_are_named_and_the_exit_code_says_so(mathreason, tmp_path):
    done = mathreason("import", logs.openai_batch(tmp_path / "logs"), "-o", tmp_path / "runs")
    assert done.code == 1
    assert "line 4 ended in an error: expired" in done.err


def rows_of_evaluators(folder, *golds):
    """Write rows that their publisher judges right, one for each gold, and "" for none."""
    rows = [
        {"example_id": n, "prompt": [{"role": "user", "content": f"{n} + 4?"}], "answer": gold,
         "completion": [{"role": "assistant", "content": r"So \boxed{7}."}], "reward": 1.0}
        for n, gold in enumerate(golds)
    ]  # fmt: skip
    logs.write_lines(folder / "results.jsonl", rows)
    return folder


# fmt: off
GOLDS = [
    # golds of three rows that the publisher judges right; what is said of them
    (("7", "7", "8"), "says 100.0 by reward, we say 66.7 of the same rows; 1 of 3 rows differ"),
    (("7", "8", ""),  "says 100.0 by reward, we say 50.0 of the same rows (1 more have no gold)"),
    (("", "", ""),    "says 100.0 by reward; we cannot say, as no gold is known"),
]
# fmt: on


@pytest.mark.parametrize(("golds", "says"), GOLDS)
def test_what_has_no_gold_is_in_no_score_of_ours(mathreason, tmp_path, golds, says):
    done = mathreason("import", rows_of_evaluators(tmp_path / "logs", *golds), "-o", tmp_path / "r")
    assert says in done.out.replace("\n", " ")
    assert ("unknown" in done.out) == (not any(golds))


def test_without_golds_the_advice_is_to_name_them(mathreason, tmp_path):
    mathreason("import", logs.trl(tmp_path / "logs"), "-o", tmp_path / "runs")
    said = mathreason("show", tmp_path / "runs").err.replace("\n", " ")
    assert "--data imported=FILE" in said
    assert "regrade" not in said
