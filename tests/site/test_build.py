"""The built site: every link leads somewhere, every number is the run's, nothing is left out."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from manifests import changed
from site_pages import Page, dead_links, pages, places_with_two_owners, run_name
from site_runs import make_run

from mathreason_eval.errors import UserError
from mathreason_eval.runs.store import Run
from mathreason_eval.site import build_site, formats
from mathreason_eval.site.pages import SITE_PAGES

pytestmark = pytest.mark.slow

MADE = "2026-05-02T09:00:00+00:00"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Nine results that differ in everything that results differ in."""
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder / "one", model="vllm:org/one", problems=60, samples=4, skill=0.6)
    return [
        make_run(folder / "one", model="vllm:org/one", task="gcd", problems=30, samples=1),
        make_run(folder / "two", model="vllm:org/two", problems=60, samples=4, skill=0.3),
        make_run(folder / "other", model="hf:other", problems=60, samples=4, entry={"version": 2}),
        make_run(
            folder / "agreed",
            model="hf:agreed",
            problems=60,
            samples=4,
            entry={"grading__convention": {"percent": "sign"}},
        ),
        make_run(folder / "fewer", model="hf:fewer", problems=40, samples=4),
        make_run(
            folder / "torn", model="hf:torn", problems=60, samples=4, generated=101, judged=90
        ),
        make_run(folder / "unjudged", model="hf:unjudged", problems=60, samples=4, judged=0),
    ]


@pytest.fixture(scope="module")
def site(runs: list[Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of their site."""
    return build_site(runs, tmp_path_factory.mktemp("site"), made=MADE).parent


def test_every_link_leads_to_a_place_in_the_site(site):
    assert list(dead_links(site)) == []


def test_every_sample_is_on_exactly_one_page(site, runs):
    shown = [
        place
        for page in pages(site)
        for place in page.ids
        if re.fullmatch(r"shopping-\d+:\d+", place)
        and page.path.parent.name == run_name(site, "two")
    ]
    assert sorted(shown) == sorted(
        f"{one.problem_id}:{one.sample}" for one in runs[1].generations("shopping")
    )


def test_every_table_has_a_caption_and_every_header_a_scope(site):
    for page in pages(site):
        assert len(page.having("caption")) == len(page.having("table"))
        assert all(header.get("scope") for header in page.having("th"))


def test_no_place_has_two_owners(site):
    assert list(places_with_two_owners(site)) == []


def test_nothing_comes_from_outside(site):
    for page in pages(site):
        [policy] = page.having("meta", **{"http-equiv": "Content-Security-Policy"})
        assert str(policy["content"]).startswith("default-src 'none';")
        assert not any("//" in link for link in page.links)
        assert not any(name == "style" or "style" in found for name, found in page.tags)


def test_the_time_of_the_build_is_where_it_belongs_and_the_version_on_every_page(site):
    from mathreason_eval import __version__

    for page in pages(site):
        assert f"Made with mathreason-eval {__version__}" in page.text
    holding = {path for path in site.rglob("*.*") if MADE.encode() in path.read_bytes()}
    assert {path.name for path in holding} == {
        *("index.html", ".mathreason-site.json"),
        *("changes.json", "feed.xml"),  # the first build is a change
    }


def test_outcomes_add_up_to_n_on_the_page_of_a_run(site, runs):
    name = run_name(site, "two")
    text = Page(site / "run" / f"{name}.html").text
    counts = json.loads((site / "run" / f"{name}.json").read_text())["tasks"]["shopping"][
        "outcomes"
    ]
    assert sum(counts.values()) == len(runs[1].verdicts("shopping")) == 240
    for name, count in counts.items():
        assert name == "not_judged" or re.search(f"{name.replace('_', ' ')} {count} ", text)
    assert " n 240" in text


def test_the_index_shows_value_and_interval_as_the_run_has_them(site, runs):
    [accuracy] = [
        m for m in runs[1].metrics() if (m.task, m.name, m.slice) == ("shopping", "avg", "all")
    ]
    shown = f"{100 * accuracy.value:.1f} {100 * accuracy.low:.1f} – {100 * accuracy.high:.1f}"
    assert shown in Page(site / "index.html").text


# fmt: off
MARKS = [
    # run         what the first page says of it
    ("other",    "≠ version 2, not 1"),
    ("agreed",   "≠ rules convention known, not unknown"),
    ("fewer",    "≠ 40 problems asked, not 60"),
    ("torn",     "◐ 139 of 240 samples are missing"),
    ("torn",     "◐ 11 samples are not judged yet"),
    ("unjudged", "◐ 240 samples are not judged yet"),
]
# fmt: on


@pytest.mark.parametrize(("run", "words"), MARKS)
def test_what_is_not_comparable_or_not_complete_is_marked_with_the_reason(site, run, words):
    notes = Page(site / "index.html").text.partition("Shown, and not ranked.")[2]
    of_run = re.search(
        rf"shopping of (?:hf: ?)?{run}(.*?)(?: (?:shopping|gcd) of | What changed )", notes
    )
    assert of_run is not None
    assert words in of_run.group(1)


def test_bold_is_only_what_stands_above_all_that_may_be_compared(tmp_path):
    skills = {"best": 0.95, "twin-a": 0.3, "twin-b": 0.31}
    runs = [
        make_run(tmp_path / name, model=name, problems=200, skill=skill)
        for name, skill in skills.items()
    ]
    with_winner = Page(build_site(runs, tmp_path / "a"))
    tied = Page(build_site(runs[1:], tmp_path / "b"))
    assert len([c for _, c in with_winner.tags if "leads" in (c.get("class") or "")]) == 1
    assert not any("leads" in (c.get("class") or "") for _, c in tied.tags)


def test_ranks_come_from_the_problems_that_runs_share_and_the_page_says_so(tmp_path):
    runs = [
        make_run(tmp_path / name, model=name, problems=200, samples=1, skill=skill)
        for name, skill in {"best": 0.95, "twin-a": 0.3, "twin-b": 0.31}.items()
    ]
    index = build_site(runs, tmp_path / "site")
    [column] = json.loads((index.parent / "index.json").read_text())["tasks"]
    places = {one["model"]: (one["rank"], one["leads"]) for one in column["results"]}
    assert places == {"best": ([1, 1], True), "twin-a": ([2, 3], False), "twin-b": ([2, 3], False)}
    assert (
        "A rank is a range: all runs answered the same problems"
        in Page(index.parent / "task" / "shopping.html").text
    )


def test_a_run_alone_is_not_bold_and_not_ranked_above_anyone(tmp_path):
    index = Page(build_site([make_run(tmp_path / "run")], tmp_path / "site"))
    assert not any("leads" in (found.get("class") or "") for _, found in index.tags)
    assert "1 model, 1 task, 24 samples" in index.text


def test_a_page_of_the_site_is_a_template_and_a_line_in_a_table(tmp_path, monkeypatch):
    templates = tmp_path / "leaderboard"
    shutil.copytree(formats.resource_dir("leaderboard"), templates)
    (templates / "all-tasks.html").write_text(
        '{% extends "base.html" %}{% block main %}{{ table|length|counted("task") }}{% endblock %}'
    )
    monkeypatch.setattr(formats, "resource_dir", lambda _: templates)
    monkeypatch.setitem(SITE_PAGES, "all-tasks.html", lambda overview: {"table": overview.table})
    index = build_site([make_run(tmp_path / "run")], tmp_path / "site")
    assert "1 task" in Page(index.parent / "all-tasks.html").text
    assert "all-tasks.html" in Page(index).links
    assert list(dead_links(index.parent)) == []


def test_the_lists_hold_every_problem_once_the_hardest_first(site):
    text = (site / "task" / "shopping" / "all-001.html").read_text()
    rows = re.findall(r'<td class="number soft">(\d+)</td>.*?</tr>', text, re.DOTALL)
    assert [int(place) for place in rows] == [*range(1, 61)]
    assert len(set(re.findall(r"shopping-\d+--[0-9a-f]+\.html", text))) == 60
    shares = [float(share) for share in re.findall(r'<td class="number">([\d.]+)</td>', text)]
    assert len(shares) == 60 - text.count('<td class="number">–</td>') > 40
    assert shares == sorted(shares)


def test_a_second_build_gives_the_same_bytes(site, runs, tmp_path):
    again = build_site(runs, tmp_path, made=MADE).parent
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (site, again)
    )
    assert first == second


def test_eight_models_and_six_tasks_leave_the_first_page_small(tmp_path):
    runs = []
    for model in range(8):
        for task in range(6):
            run = make_run(
                tmp_path / f"m{model}", model=f"vllm:someone/model-{model}", task=f"task-{task}"
            )
        runs.append(run)
    index = build_site(runs, tmp_path / "site")
    assert index.stat().st_size < 300_000
    assert len([row for row in Page(index).having("tr") if "data-name" in row]) == 8


def test_the_prompt_is_shown_as_it_was_sent_and_unknown_ones_are_not_made_up(tmp_path):
    runs = [
        make_run(tmp_path / "sent", model="a", problems=2, samples=1, prompt="Be\nbrief: "),
        make_run(tmp_path / "unknown", model="b", problems=2, samples=1),
    ]
    site = build_site(runs, tmp_path / "site").parent
    sent, unknown = (
        (site / "run" / run_name(site, name) / "shopping-samples-001.html").read_text()
        for name in ("sent", "unknown")
    )
    assert sent.count(">Be\nbrief: </div>") == sent.count(">Think.</div>") == 2
    assert "as sent, 16 characters" in sent
    assert "<dt>prompt</dt>" not in unknown


# --- rows ------------------------------------------------------------------------------------


def of(folder, name, task, *, model=None, sampling=None, **settings):
    """A run of one model on one task, with something else in its manifest."""
    run = make_run(folder / name, model="m", task=task, **settings)
    said = run.manifest
    details = changed(said.model, details=model or {})
    drawn = replace(said.sampling, **(sampling or {}))
    return Run(run.path, replace(said, model=details, sampling=drawn))


# fmt: off
ROWS = [
    # runs of one model: name, task, what is other; the rows that they stand in
    ([("a", "gsm", {}), ("b", "math", {})],                                 {"a b"}),
    ([("a", "gsm", {"sampling": {"temperature": 0.0}}),
      ("b", "math", {"sampling": {"temperature": 1.0}})],                   {"a", "b"}),
    ([("a", "gsm", {"sampling": {"top_p": 1.0}}), ("b", "math", {})],       {"a", "b"}),
    ([("a", "gsm", {"seed": 1}), ("b", "math", {"seed": 2})],               {"a", "b"}),
    ([("a", "gsm", {"samples": 2}), ("b", "math", {"samples": 3})],         {"a", "b"}),
    ([("a", "gsm", {"model": {"quantization": "awq"}}), ("b", "math", {})], {"a", "b"}),
    ([("a", "gsm", {"model": {"options": {"stop": ["x"]}}}),
      ("b", "math", {"model": {"options": {"stop": ["x"]}}})],              {"a b"}),
    ([("a", "gsm", {"backend": "import", "model": {"file": "a.gz", "rows": 7}}),
      ("b", "math", {"backend": "import", "model": {"file": "b.gz", "rows": 9}})],
                                                                            {"a b"}),
    ([("a", "gsm", {"model": {"file": "a.gz"}}),
      ("b", "math", {"model": {"file": "b.gz"}})],                          {"a", "b"}),
    ([("a", "gsm", {}), ("b", "gsm", {}), ("c", "math", {})],               {"a", "b", "c"}),
    ([("a", "gsm", {}), ("b", "gsm", {"seed": 1}), ("c", "math", {})],      {"a c", "b"}),
    ([("a", "gsm", {}), ("b", "gsm", {"seed": 1}), ("c", "math", {"seed": 1})],
                                                                            {"a", "b c"}),
]
# fmt: on


@pytest.mark.parametrize(("given", "wanted"), ROWS)
def test_a_row_is_a_run_or_runs_that_could_have_been_one(tmp_path, given, wanted):
    runs = [of(tmp_path, name, task, **settings) for name, task, settings in given]
    page = build_site(runs, tmp_path / "site").read_text()
    names = {run_name(tmp_path / "site", name): name for name, _, _ in given}
    for address in sorted(names, key=len, reverse=True):
        page = page.replace(address, names[address])
    board = page.partition('<table class="board"')[2].partition("</table>")[0]
    found = [
        {*re.findall(r'"run/(\w+)\.html#(\w+)"', row)} for row in board.split("<tr data-name")[1:]
    ]
    assert {" ".join(sorted({name for name, _ in row})) for row in found} == wanted
    # Each number opens its own run.
    assert sorted(cell for row in found for cell in row) == sorted(
        (name, task) for name, task, _ in given
    )
    assert list(dead_links(tmp_path / "site")) == []


def test_no_run_is_an_error_that_says_what_makes_one(tmp_path):
    with pytest.raises(UserError, match="There is no run to show"):
        build_site([], tmp_path)


def test_a_folder_that_cannot_be_written_is_a_clear_error(runs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        build_site(runs[:1], tmp_path / "file")


@pytest.mark.parametrize("name", ["index.html", "index.json", "site.css"])
def test_a_page_is_written_through_no_link(runs, tmp_path, name):
    target, out = tmp_path / ".profile", tmp_path / "site"
    target.write_text("mine")
    out.mkdir()
    (out / name).symlink_to(target)
    build_site(runs[:1], out)
    assert target.read_text() == "mine"
    assert not (out / name).is_symlink()


def test_a_folder_of_a_site_that_is_a_link_is_an_error(runs, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "run").symlink_to(tmp_path / "home")
    with pytest.raises(UserError, match="cannot be written"):
        build_site(runs[:1], tmp_path / "site")
    assert not list((tmp_path / "home").iterdir())


def test_a_sample_leads_to_the_next_one_of_its_outcome_on_any_page(site, runs):
    run = runs[1]
    name = run_name(site, "two")
    verdicts = {(one.problem_id, one.sample): one.outcome for one in run.verdicts("shopping")}
    ordered = [(one.problem_id, one.sample) for one in run.generations("shopping")]
    wrong = [
        f"{problem}:{sample}" for problem, sample in ordered if verdicts[problem, sample] == "wrong"
    ]
    seen, number, place = [wrong[0]], 1, wrong[0]
    while True:
        path = site / "run" / name / f"shopping-samples-{number:03d}.html"
        article = path.read_text().partition(f'id="{place}"')[2].partition("</h3>")[0]
        link = re.search(r'class="onward" href="([^"#]*)#([^"]+)">next wrong', article)
        if link is None:
            break
        if link[1]:
            number = int(link[1][-8:-5])
        place = link[2]
        seen.append(place)
    assert seen == wrong
    assert number > 1


def test_formulas_of_questions_and_golds_are_mathml_and_outputs_are_source(tmp_path):
    run = make_run(
        tmp_path / "run", problems=2, question="What is $\\frac{1}{2} + x^2$?", text="$x^2$ {"
    )
    site = build_site([run], tmp_path / "site").parent
    for path in (*(site / "run").rglob("*samples*.html"), *site.rglob("shopping-0--*.html")):
        text = path.read_text()
        assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in text
        assert "$x^2$" in text
