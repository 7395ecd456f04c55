"""What a gate writes for other programs, from names and questions that mean harm."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from gate_runs import imported
from manifests import changed
from markdown_it import MarkdownIt

from mathreason_eval.gate.config import Config, config_of
from mathreason_eval.gate.judging import judge
from mathreason_eval.gate.outputs import (
    as_json,
    escape_markdown,
    junit,
    markdown,
    workflow_commands,
)
from mathreason_eval.runs.addresses import sample_links
from mathreason_eval.runs.store import load_run
from mathreason_eval.site import build_site

HARM = (
    "</details><script>alert(1)</script> | ![x](http://evil/x.png) [y](javascript:z) @team #1 "
    "`code` **b** https://evil.example ::error title=x::y %0A \x1b[31m \u202e \x00 &lt; \ud800 "
    "\n\n# head\n- item\n"
)
"""Everything that a screen of Markdown, XML or a workflow might act on."""
SITE = "https://example.com/site/"


def outputs(model: str, right: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"q{index} {HARM[:40]}", "question": f"{HARM} {index} " + "x" * 1000,
            "gold": "1", "model": model, "output": f"\\boxed{{{int(index < right)}}}",
            "finish_reason": "stop",
        }
        for index in range(150)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    rows = [*outputs("old", 150), *outputs("new", 60)]
    return imported(tmp_path_factory.mktemp("outputs"), rows)


@pytest.fixture(scope="module")
def found(runs):
    judgement = judge(load_run(runs / "old"), load_run(runs / "new"), Config())
    # The name of a model and of a task are from outside as well.
    manifest = changed(judgement.after.manifest, model__name=HARM)
    judgement.after.manifest = manifest
    return judgement


class Page(HTMLParser):
    """The tags of a page, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links |= {value for name, value in attrs if name in {"href", "src"}}


def rendered(found) -> Page:
    return Page(
        MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(found, SITE))
    )


def test_markdown_shows_nothing_that_comes_from_outside(found):
    page = rendered(found)
    assert page.tags == {
        *("h2", "p", "code", "ul", "li", "strong", "a", "details", "summary"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert page.links <= set(sample_links(found.after, "gsm8k", SITE).values())
    assert len(page.links) == 20


def test_markdown_closes_what_it_opens(found):
    text = markdown(found, SITE)
    assert text.count("<details>") == text.count("</details>") == 1
    assert "evil.example" not in text
    assert "@team" not in text


def test_markdown_is_a_table_and_short_lines(found):
    lines = markdown(found).splitlines()
    (row,) = [line for line in lines if line.startswith("| gsm8k")]
    assert row.count("|") == 9
    assert lines[0].startswith("## ✗ Gate: regression")
    assert "&#35; head" not in {line[:10] for line in lines}
    assert sum("→" in line and line.startswith("- ") for line in lines) == 20
    assert "- and 70 more" in lines
    assert max(map(len, lines)) < 2_000


# fmt: off
PLAIN = [
    ("a|b",                "a&#124;b"),
    ("<b>",                "&#60;b&#62;"),
    ("[x](y)",             "&#91;x&#93;&#40;y&#41;"),
    ("a\n\n# b",           "a &#35; b"),
    ("*_`~@#!:",           "&#42;&#95;&#96;&#126;&#64;&#35;&#33;&#58;"),
    ("1 + 1 = 2",          "1 &#43; 1 = 2"),
    ("&lt;",               "&#38;lt;"),
    ("x" * 300,            "x" * 160 + "…"),
    ("[" * 1_000_000,      "&#91;" * 160 + "…"),
]
# fmt: on


@pytest.mark.parametrize(("text", "shown"), PLAIN, ids=range(len(PLAIN)))
def test_plain_text_acts_as_nothing(text, shown):
    assert escape_markdown(text) == shown


def test_junit_is_xml_that_adds_up(found):
    suites = ET.fromstring(junit(found))
    (suite,) = suites
    names = [(case.get("classname"), case.get("name")) for case in suite]
    assert names == [("gsm8k", "avg"), *(("gsm8k", f"health: {name}")
                     for name in ("truncated", "no_answer", "ungradable"))]  # fmt: skip
    counts = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 4, "failures": 1, "errors": 0, "skipped": 0}


# fmt: off
TAGS = [
    # run, what the config says; tag of the task's test case
    ("old", {"margin": "5pp"},                            None),
    ("old", {"margin": "0.1pp"},                          "skipped"),
    ("old", {"margin": "0.1pp", "inconclusive": "failure"}, "failure"),
    ("old", {"margin": "0.1pp", "inconclusive": "success"}, None),
    ("new", {},                                           "failure"),
]
# fmt: on


@pytest.mark.parametrize(("run", "spec", "tag"), TAGS)
def test_junit_says_each_answer_in_its_way(runs, run, spec, tag):
    judgement = judge(load_run(runs / "old"), load_run(runs / run), config_of(spec))
    case = ET.fromstring(junit(judgement))[0][0]
    assert [child.tag for child in case] == [tag or "system-out"]


def test_what_is_not_comparable_is_an_error_in_junit(runs, tmp_path):
    other = load_run(runs / "new")
    entry = changed(other.manifest.tasks["gsm8k"], prompt__id=HARM)
    other.manifest = replace(other.manifest, tasks={"gsm8k": entry})
    judgement = judge(load_run(runs / "old"), other, Config())
    case = ET.fromstring(junit(judgement))[0][0]
    assert [child.tag for child in case] == ["error"]
    assert "prompt" in case[0].get("message")


def test_a_workflow_command_is_one_line_with_one_title(found):
    lines = list(workflow_commands(found))
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error"]
    assert all("\n" not in line and "\r" not in line for line in lines)
    assert lines[-1].startswith("::error title=mathreason gate::regression")


def test_a_workflow_command_cannot_be_ended_by_a_name(runs):
    other = load_run(runs / "new")
    harm = "1::error title=a,b::c\n::error::d%"
    entry = changed(other.manifest.tasks["gsm8k"], prompt__id=harm)
    other.manifest = replace(other.manifest, tasks={"gsm8k": entry})
    (line, _) = workflow_commands(judge(load_run(runs / "old"), other, Config()))
    assert line.count("\n") == 0
    assert "%0A" in line
    assert "%25" in line


@pytest.mark.slow
def test_links_open_the_samples_on_the_site(runs, tmp_path):
    build_site([load_run(runs / "old"), load_run(runs / "new")], tmp_path)
    links = sample_links(load_run(runs / "new"), "gsm8k", tmp_path.as_uri())
    assert len(links) == 150
    for link in list(links.values())[::30]:
        page, _, anchor = link.removeprefix("file://").partition("#")
        assert f'id="{anchor}"' in Path(page).read_text(encoding="utf-8")


def test_json_is_json(found):

    said = json.loads(json.dumps(as_json(found)))
    assert said["tasks"][0]["settling"] is None
