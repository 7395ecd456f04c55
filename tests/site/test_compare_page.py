"""The page of two results: what the matrix leads to, and every problem that flips."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from site_pages import Page, run_name
from site_runs import make_run

from mathreason_eval.compare.comparison import ComparisonRequest, compare
from mathreason_eval.runs.store import Run
from mathreason_eval.site import build_site

pytestmark = pytest.mark.slow

SKILLS = {"strong": 0.9, "middling": 0.5, "twin": 0.49}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Three models, two of which hardly differ, and a run that is not ranked."""
    folder = tmp_path_factory.mktemp("runs")
    made = {
        name: make_run(folder / name, model=f"vllm:org/{name}", problems=80, samples=1, skill=skill)
        for name, skill in SKILLS.items()
    }
    torn = make_run(folder / "torn", model="hf:torn", problems=80, samples=1, generated=9)
    return {**made, "torn": torn}


@pytest.fixture(scope="module")
def site(runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site([*runs.values()], tmp_path_factory.mktemp("site")).parent


def page_of(site: Path, *folders: str) -> Page:
    first, second = sorted(run_name(site, folder) for folder in folders)
    return Page(site / "compare" / "shopping" / f"{first}-and-{second}.html")


def test_every_pair_of_the_matrix_has_a_page_that_its_number_opens(site):
    made = {path.name for path in (site / "compare" / "shopping").iterdir()}
    assert len(made) == 3  # the torn run is not ranked
    for page in (Page(site / "index.html"), Page(site / "task" / "shopping.html")):
        linked = [link.rpartition("/")[2] for link in page.links if "compare/" in link]
        assert sorted(linked) == sorted([*made, *made])  # from either side


def test_the_figures_are_those_of_compare(site, runs):
    [found] = compare([runs["middling"], runs["strong"]], ComparisonRequest()).found
    low, high = found.whole.difference.interval()
    page = page_of(site, "strong", "middling")
    assert f"strong is {100 * found.whole.difference.value:.1f} points above middling" in page.text
    assert f"95 % interval {100 * low:+.1f} to {100 * high:+.1f}" in page.text
    assert found.whole.test in page.text
    linked = {link for link in page.links if "task/shopping/" in link}
    assert len(linked) == len(found.flips)
    assert f"middling does not: {sum(not flip.lost for flip in found.flips)}" in page.text


@pytest.mark.parametrize(
    ("pair", "words"),
    [(("strong", "middling"), "The difference is settled"), (("middling", "twin"), "not settled")],
)
def test_a_page_says_whether_the_difference_is_settled(site, pair, words):
    assert words in page_of(site, *pair).text


def test_the_address_of_a_pair_does_not_depend_on_who_is_better(site, runs, tmp_path):
    again = build_site([runs["twin"], runs["middling"]], tmp_path).parent
    [path] = (again / "compare" / "shopping").iterdir()
    assert (site / "compare" / "shopping" / path.name).is_file()


def test_a_page_with_many_flips_is_small_and_says_what_it_leaves_out(tmp_path):
    runs = [
        make_run(tmp_path / name, model=name, problems=300, samples=1, skill=skill)
        for name, skill in (("all", 9), ("no", -9))
    ]
    site = build_site(runs, tmp_path / "site").parent
    [path] = (site / "compare" / "shopping").iterdir()
    assert path.stat().st_size < 300_000
    assert re.search(r"\b200 more; ", Page(path).text)
