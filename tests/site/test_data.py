"""The data beside the pages: tables, licences, what changed, and what a site says of itself."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import fields, replace

import pytest
import yaml
from project import ROOT
from site_pages import Page, run_name
from site_runs import make_run

from mathreason_eval.errors import UserError
from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.site import build_site
from mathreason_eval.site.changes import read_history
from mathreason_eval.site.citations import bibliography, task_facts
from mathreason_eval.site.config import SiteConfig, read_config
from mathreason_eval.site.exports import Table, as_csv, as_parquet
from mathreason_eval.version import __version__

MADE = "2026-05-02T09:00:00+00:00"


def read_csv(path):
    return list(csv.DictReader(io.StringIO(path.read_text(), newline="")))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [
        make_run(folder / name, model=f"vllm:org/{name}", problems=20, samples=2, skill=skill)
        for name, skill in (("one", 0.9), ("two", 0.2))
    ]


@pytest.fixture(scope="module")
def site(runs, tmp_path_factory):
    return build_site(runs, tmp_path_factory.mktemp("site"), made=MADE).parent


# --- tables ----------------------------------------------------------------------------------


def test_every_metric_and_every_sample_is_in_a_table(site, runs):
    metrics = read_csv(site / "data" / "metrics.csv")
    assert len(metrics) == sum(len(run.metrics()) for run in runs)
    first = next(m for m in runs[0].metrics() if m.name == "avg" and m.slice == "all")
    [row] = [
        row
        for row in metrics
        if (row["model"], row["metric"], row["slice"]) == ("vllm:org/one", "avg", "all")
    ]
    assert float(row["value"]) == first.value
    verdicts = read_csv(site / "data" / "shopping-verdicts.csv")
    wanted = {(v.problem_id, str(v.sample), str(v.outcome)) for v in runs[0].verdicts("shopping")}
    name = run_name(site, "one")
    own = {(v["problem"], v["sample"], v["outcome"]) for v in verdicts if v["run"] == name}
    assert own == wanted
    problems = read_csv(site / "data" / "shopping-problems.csv")
    assert len(problems) == 20
    assert all((site / row["page"]).is_file() for row in problems)


def test_parquet_has_what_csv_has(site):
    pq = pytest.importorskip("pyarrow.parquet")
    for path in (site / "data").glob("*.csv"):
        held = pq.read_table(path.with_suffix(".parquet")).to_pylist()
        rows = read_csv(path)
        assert len(held) == len(rows)
        assert [*held[0]] == [*rows[0]]


# fmt: off
CELLS = [
    # text               cell
    ("=1+1",             "'=1+1"),
    ("+1",               "+1"),          # numbers, to a spreadsheet as well
    ("-3",               "-3"),
    ("-1,234.5",         "-1,234.5"),
    ("-3+1",             "'-3+1"),
    ("-A1",              "'-A1"),
    ("-٣",               "'-٣"),
    ("@SUM(A1)",         "'@SUM(A1)"),
    ("  =1",             "'  =1"),
    ("\t=1",             "'\t=1"),
    ("1=1",              "1=1"),
    ("a-b",              "a-b"),
    ("",                 ""),
    (None,               ""),
    ("\ud800",           "⟨U+D800⟩"),
    ("a\0",              "a⟨U+0000⟩"),
    ('say "x", \n',      'say "x", \n'),
]
# fmt: on


@pytest.mark.parametrize(("text", "cell"), CELLS)
def test_a_cell_is_no_formula(text, cell):
    table = Table(columns={"text": str, "number": float}, rows=[(text, -1.5)])
    [head, row] = csv.reader(io.StringIO(as_csv(table).decode(), newline=""))
    assert row == [cell, "-1.5"]  # a number stays one
    assert head == ["text", "number"]
    assert as_parquet(table) is not None


def test_data_say_the_version_of_their_layout(site):
    for path in (site / "index.json", site / "changes.json", *(site / "run").glob("*.json")):
        assert json.loads(path.read_text())["schema_version"] == 1


def test_a_model_has_a_snippet_for_its_card(site):
    [path] = (site / "model").glob("one--*.md")
    text = path.read_text()
    assert text.startswith('---\nmodel-index:\n- name: "one"\n')
    assert "dataset: {name: " in text
    assert text in Page(path.with_suffix(".html")).path.read_text().replace("&#34;", '"')


# --- licences --------------------------------------------------------------------------------

# fmt: off
LICENCES = [
    # task          licence                       cited as     printed
    ("gsm8k",       "MIT",                        "cobbe2021", True),
    ("kk",          "CC BY-NC-SA 4.0",            "xie2024",   True),
    ("aime24",      "Problem text © MAA",         "",          False),
    ("of-nobody",   "",                           "",          True),
]
# fmt: on


@pytest.mark.parametrize(("task", "licence", "key", "printed"), LICENCES)
def test_a_task_has_its_licence_and_its_paper(task, licence, key, printed):
    facts = task_facts(task)
    assert facts.license == licence
    assert facts.printed == printed
    assert facts.bibtex.startswith(f"@misc{{{key}," if key else "")
    assert bool(facts.bibtex) == bool(key)
    assert not task_facts(task, [task]).printed


def test_a_paper_of_two_tasks_is_cited_once():
    assert bibliography([task_facts("kk"), task_facts("kk-train")]).count("@misc") == 1


@pytest.mark.slow
@pytest.mark.parametrize("task", ["aime24", "aime25"])
def test_problems_whose_licence_forbids_it_are_on_no_page_and_in_no_table(tmp_path, task):
    words = "three prime walruses"
    run = make_run(tmp_path / "run", task=task, question=f"{words} $x$?", prompt=f"{words} again")
    other = make_run(tmp_path / "other", task=task, model="b", question=f"{words} $x$?")
    site = build_site([run, other], tmp_path / "site").parent
    assert not [
        path for path in site.rglob("*") if path.is_file() and words in path.read_text("latin1")
    ]
    page = next((site / "task" / task).glob("*--*.html"))
    assert "Not printed: Problem text © MAA" in Page(page).text
    assert "84" in Page(page).text or "gold" in Page(page).text


@pytest.mark.slow
def test_a_publisher_may_withhold_the_problems_of_a_task(tmp_path, runs):
    open_site = build_site(runs, tmp_path / "a").parent
    hidden = build_site(runs, tmp_path / "b", config=SiteConfig(hidden=("shopping",))).parent
    asked = "pays with a $100 note"
    assert asked in (open_site / "data" / "shopping-problems.csv").read_text()
    assert asked not in "".join(path.read_text("latin1") for path in hidden.rglob("*.*"))


def test_problems_with_other_questions_stay_different_when_they_are_not_printed(tmp_path):
    runs = [
        make_run(tmp_path / name, task="aime24", model=name, question=question)
        for name, question in (("a", "How many?"), ("b", "How much?"))
    ]
    site = build_site(runs, tmp_path / "site").parent
    assert "≠" in Page(site / "index.html").text


# --- what changed ----------------------------------------------------------------------------


def changes_of(site):
    return json.loads((site / "changes.json").read_text())["changes"]


@pytest.mark.slow
def test_the_list_of_changes_grows_only_when_something_changed(tmp_path, runs):
    out = tmp_path / "site"
    build_site(runs[:1], out, made="2026-05-01T00:00:00+00:00")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    build_site(runs[:1], out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    build_site(runs, out, made="2026-05-02T00:00:00+00:00")
    build_site(runs[1:], out, made="2026-05-03T00:00:00+00:00")
    assert [(one["at"][:10], one["added"], one["removed"]) for one in changes_of(out)] == [
        ("2026-05-03", [], ["one on shopping"]),
        ("2026-05-02", ["two on shopping"], []),
        ("2026-05-01", ["one on shopping"], []),
    ]
    assert "2 May 2026 new: two on shopping" in Page(out / "index.html").text


@pytest.mark.slow
def test_a_result_with_other_numbers_has_changed(tmp_path):
    for day, generated in enumerate((7, None), 1):
        run = make_run(tmp_path / str(day), model="m", problems=9, generated=generated)
        build_site([run], tmp_path / "site", made=f"2026-05-0{day}T00:00:00+00:00")
    newest, first = changes_of(tmp_path / "site")
    assert first["added"] == newest["changed"] == ["m on shopping"]
    assert newest["added"] == newest["removed"] == []


# fmt: off
DAMAGED = [None, b"", b"{}", b"[]", b'{"schema_version": 2}', b"\xff", b"[" * 10_000,
           b'{"schema_version": 1, "changes": [{"at": 1}], "results": {}}',
           b'{"schema_version": 1, "changes": [], "results": {"a": 7}}',
           b'{"schema_version": 1, "changes": "x", "results": []}']
# fmt: on


@pytest.mark.parametrize("content", DAMAGED)
def test_a_history_that_cannot_be_read_is_begun_again(content):
    assert read_history(content).changes == ()


@pytest.mark.slow
def test_what_a_stranger_wrote_into_the_history_is_text(tmp_path, runs):
    attack = "<script>document.title='taken'</script>"
    change = {"at": attack, "added": [attack], "changed": [], "removed": []}
    out = tmp_path / "site"
    out.mkdir()
    content = {"schema_version": 1, "changes": [change], "results": {}}
    (out / "changes.json").write_text(json.dumps(content))
    build_site(runs, out)
    assert not Page(out / "index.html").having("script", src="absent")
    assert attack in Page(out / "index.html").text
    ET.fromstring((out / "feed.xml").read_text())


def test_the_feed_has_an_entry_for_each_change(tmp_path, runs):
    config = SiteConfig(title="R & D", address="https://example.org/board", authors=("Ada",))
    site = build_site(runs, tmp_path, made=MADE, config=config).parent
    feed = ET.fromstring((site / "feed.xml").read_text())
    atom = "{http://www.w3.org/2005/Atom}"
    assert feed.findtext(f"{atom}title") == "R & D"
    assert feed.findtext(f"{atom}updated") == MADE
    assert feed.findtext(f"{atom}author/{atom}name") == "Ada"
    [entry] = feed.findall(f"{atom}entry")
    assert entry.findtext(f"{atom}title") == "2 new"
    [link] = entry.findall(f"{atom}link")
    assert link.attrib["href"] == "https://example.org/board/index.html#changes"


# --- leaderboard.yaml ------------------------------------------------------------------------

FILE = """
title: Reasoners of Example
description: Small models that reason.
authors: [Ada, Ben]
links: {paper: "https://example.org/paper"}
names: {"vllm:org/one": One (ours)}
order: [gcd]
hidden: secret
address: https://example.org/board
"""


def test_a_file_sets_every_field(tmp_path):
    path = tmp_path / "leaderboard.yaml"
    path.write_text(FILE)
    config = read_config(path)
    assert all(
        getattr(config, one.name) != getattr(SiteConfig(), one.name) for one in fields(config)
    )
    assert config.hidden == ("secret",)
    path.write_text("")
    assert read_config(path) == SiteConfig()


# fmt: off
WRONG = [
    # file                                words of the error
    ("titel: x",                          "titel"),
    ("title: 7",                          "`title` must be a text"),
    ("- title",                           "must be a mapping"),
    ("links: {a: 'javascript:alert(1)'}", "`links`"),
    ("links: [a]",                        "`links`"),
    ("names: {a: x, b: x}",               "all different"),
    ("authors: {a: b}",                   "a list of texts"),
    ("address: example.org",              "https://"),
    ("title: [",                          "cannot be read"),
]
# fmt: on


@pytest.mark.parametrize(("content", "words"), WRONG)
def test_a_file_is_read_strictly(tmp_path, content, words):
    path = tmp_path / "leaderboard.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=words.replace("[", r"\[")):
        read_config(path)


def test_a_site_says_what_its_settings_say(tmp_path, runs):
    make_run(runs[0].path, model="vllm:org/one", task="gcd", problems=9)
    path = tmp_path / "leaderboard.yaml"
    path.write_text(FILE)
    config = replace(read_config(path), hidden=())
    again = [load_run(run.path) for run in runs]
    site = build_site(again, tmp_path / "site", config=config).parent
    index = Page(site / "index.html")
    for words in ("Reasoners of Example", "Small models", "Ada, Ben", "One (ours)"):
        assert words in index.text
    assert "https://example.org/paper" in index.links
    columns = [f["data-task"] for f in index.having("th") if "data-task" in f]
    assert columns == ["gcd", "shopping"]
    assert "two" in index.text
    for page in site.rglob("*.html"):
        if page.name.startswith("one--") and page.parent.name in {"model", "run"}:
            assert "One (ours)" in Page(page).text


def test_the_example_of_a_published_site_can_be_used():
    folder = ROOT / "examples" / "leaderboard"
    assert read_config(folder / "leaderboard.yaml").title == "Reasoners of Example"
    workflow = yaml.safe_load((folder / "workflow.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in steps if "uses" in step)
    assert workflow["permissions"] == {"contents": "read"}
    commands = [step["run"] for step in steps if step.get("run", "").startswith("mathreason")]
    assert commands == ["mathreason leaderboard runs -o site"]
    assert f"=={__version__}" in (folder / "workflow.yml").read_text()


@pytest.mark.slow
def test_a_run_of_many_slices_has_a_page_of_limited_size(tmp_path):
    """A family of variants has hundreds of slices, each with the metrics of many samples."""
    run = make_run(tmp_path / "run", problems=40, samples=4)
    whole = [metric for metric in run.metrics() if metric.slice == "all"]
    many = [replace(metric, slice=f"people={number}") for number in range(300) for metric in whole]
    with RunWriter(run.path) as writer:
        writer.write_metrics((*whole, *many))
    site = build_site([run.fresh_view()], tmp_path / "site").parent
    [path] = (site / "run").glob("*--*.html")
    page = Page(path)
    assert len(page.tags) < 6_000
    assert {metric.name for metric in whole if metric.name.isidentifier()} <= set(page.text.split())
    assert "people= 7 avg" in page.text  # the line may break there
    assert "people=299" not in page.text
    stored = json.loads(path.with_suffix(".json").read_text())["tasks"]["shopping"]["metrics"]
    assert len(stored) == len(whole) + len(many)
    assert len(Page(site / "task" / "shopping.html").tags) < 6_000
