"""The examples of docs/tasks.md are what the code takes, and no key is left out."""

from __future__ import annotations

import json
import re
from random import Random

import pytest
import yaml
from click.testing import CliRunner
from project import ROOT

from mathreason_eval.cli import verbs
from mathreason_eval.families.stories.story import draw_entities, draw_numbers, tell
from mathreason_eval.families.stories.templates import read_dictionaries, read_template
from mathreason_eval.families.stories.units import UNITS
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.runs.store import load_run
from mathreason_eval.tasks import cells, read_task, schema

PAGE = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")


def block(kind, beginning):
    """Return the example of that kind with that beginning."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    (found,) = (text for text in blocks if text.startswith(beginning))
    return found


def failed(checks):
    return [(check.name, check.note) for check in checks if not check.ok]


def test_the_eleven_lines_prove_themselves(tmp_path):
    spec, template = block("yaml", "# sums"), block("jinja", "{# sums")
    folder = tmp_path / "sums"
    folder.mkdir()
    (folder / "task.yaml").write_text(spec)
    (folder / "prompt.jinja").write_text(template)
    (folder / "cases.jsonl").write_text(block("json", '{"text": "5 + 5'))
    (folder / "README.md").write_text("Sums.")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"question": "What is 6 + 6?", "solution": "#### 12"}))
    assert len((spec + template).splitlines()) <= 11 + len(["# sums", "{# sums"])
    assert failed(check_task(read_task(folder), [str(rows)])) == []


@pytest.mark.slow
def test_the_task_with_its_own_rows_and_grader_is_whole(tmp_path):
    home = tmp_path / "parity"
    home.mkdir()
    (home / "task.yaml").write_text(block("yaml", "# parity"))
    (home / "task.py").write_text(block("python", "# parity"))
    (home / "prompt.jinja").write_text("{{ problem.question }}")
    (home / "rows.jsonl").write_text(block("json", '{"id": "one"'))
    (home / "cases.jsonl").write_text(block("json", '{"text": "That is'))
    (home / "README.md").write_text("Parity.")
    mine, out = ["--tasks-dir", str(tmp_path)], tmp_path / "run"
    checked = CliRunner().invoke(verbs, ["check", "parity", *mine])
    assert (checked.exit_code, checked.output.count("✗")) == (0, 0), checked.output
    command = ["run", "fake:answer=8", "-t", "parity", *mine, "-o", str(out)]
    done = CliRunner().invoke(verbs, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    verdicts = [(v.problem_id, str(v.outcome), v.rule) for v in load_run(out).verdicts("parity")]
    assert verdicts == [("one", "wrong", "parity"), ("two", "correct", "parity")]


def test_the_example_of_a_generator_is_that_of_arithmetic():
    source = (ROOT / "tasks" / "arithmetic" / "task.py").read_text(encoding="utf-8")
    assert block("python", "def problem") in source


def test_the_task_of_a_package_proves_itself():
    module: dict = {}
    exec(block("python", "from math"), module)
    assert failed(check_task(module["gcd"]())) == []


def test_the_story_is_told():
    template = read_template(yaml.safe_load(block("yaml", "id:")))
    dictionaries = read_dictionaries(yaml.safe_load(block("yaml", "person:")))
    source = Random(0)
    names = draw_entities(template, dictionaries, source)
    story = tell(template, draw_numbers(template, source), names)
    assert re.fullmatch(
        r"(\w+) has (\d) crates with \d\d (\w+) in each\. At the end of the day \d+ of the \3 are "
        r"left, and s?he has sold the others for \$[\d.]+ each\. How many dollars has \1 taken\?",
        story.question,
    )


EVERYTHING = sorted({*schema.KEYS, *cells.FILTERS, *UNITS})


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_key_filter_and_unit_is_described(name):
    assert f"`{name}`" in PAGE
