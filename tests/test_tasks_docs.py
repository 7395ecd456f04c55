"""The examples of docs/tasks.md are tasks that prove themselves, and no key is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest
import yaml

from mathreason_eval import datasets, tasks
from mathreason_eval.checks import check_task
from mathreason_eval.tasks import read_task
from mathreason_eval.templates.reading import read_dictionaries, read_template
from mathreason_eval.templates.story import draw_entities, draw_numbers, tell
from mathreason_eval.templates.units import UNITS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")


def block(kind, number=0):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)[number]


def write(folder, yaml_text):
    folder.mkdir()
    (folder / "task.yaml").write_text(yaml_text)
    (folder / "prompt.jinja").write_text(block("jinja"))
    (folder / "cases.jsonl").write_text(block("json"))
    (folder / "README.md").write_text("Sums.")
    return folder


def failed(checks):
    return [(check.name, check.note) for check in checks if not check.ok]


def test_the_eleven_lines_prove_themselves(tmp_path):
    assert len((block("yaml") + block("jinja")).splitlines()) <= 11
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"question": "What is 6 + 6?", "answer": 12}))
    task = read_task(write(tmp_path / "sums", block("yaml")))
    assert failed(check_task(task, [str(rows)])) == []


def test_the_generated_example_proves_itself(tmp_path):
    spec = re.sub("data: .*\n", block("yaml", 1) + "slices: [digits]\n", block("yaml"))
    folder = write(tmp_path / "gcd", spec.replace("name: sums", "name: gcd"))
    (folder / "task.py").write_text(block("python"))
    assert failed(check_task(read_task(folder))) == []


def test_the_example_of_a_template_tells_its_story():
    (record,) = next(
        loaded
        for loaded in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL))
        if isinstance(loaded, list)
    )
    path = ROOT / "tasks" / "word-problems" / "entities.yaml"
    dictionaries = read_dictionaries(yaml.safe_load(path.read_text(encoding="utf-8")))
    template, source = read_template(record), Random(0)
    names = draw_entities(template, dictionaries, source)
    story = tell(template, draw_numbers(template, source), names)
    assert re.fullmatch(
        r"\w+ buys \d tickets for \$\d+(\.50)? each\. S?[Hh]e pays with \$(50|100)\. "
        r"How many dollars does \w+ get back\?",
        story.question,
    )


EVERYTHING = sorted({*tasks._KEYS, *datasets._FILTERS, *UNITS} - {"count"})


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_key_filter_and_unit_is_described(name):
    assert f"`{name}`" in PAGE
