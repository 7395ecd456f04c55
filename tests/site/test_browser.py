"""The site in a browser, opened from a file: from a number to its sample, sorted and filtered."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from site_pages import run_name
from site_runs import make_run

from mathreason_eval.site import build_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

ATTACK = (
    "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    "</div></main><style>body{display:none}</style>"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first page of a site of four models, one of them hostile."""
    folder = tmp_path_factory.mktemp("runs")
    skills = {"strong": 0.9, "middling": 0.5, "weak": 0.1}
    runs = [
        make_run(folder / name, model=f"vllm:org/{name}", problems=60, samples=4, skill=skill)
        for name, skill in skills.items()
    ]
    hostile = {"model": f"fake:{ATTACK}", "question": ATTACK, "reasoning": ATTACK, "text": ATTACK}
    runs.append(make_run(folder / "hostile", problems=3, **hostile))
    return build_site(runs, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; the tests skip where it or playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium; set CHROMIUM")
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


class Tabs:
    """Tabs that are kept, one for each of their settings: a new one takes a second of processor."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._tabs: dict[str, Tab] = {}
        self.complaints: dict[Tab, list[str]] = {}

    def open(self, address: str, **settings: object) -> Tab:
        """Open an address in the tab of these settings, as if it were new."""
        key = repr(sorted(settings.items()))
        if key not in self._tabs:
            self._tabs[key] = self._new(settings)
        tab = self._tabs[key]
        if tab.url.partition("#")[0] == address.partition("#")[0]:
            # An address that differs in its fragment alone would not be loaded.
            tab.goto("about:blank")
        self.complaints[tab].clear()
        tab.goto(address)
        return tab

    def _new(self, settings: dict[str, object]) -> Tab:
        tab = self._browser.new_context(**settings).new_page()
        complaints = self.complaints.setdefault(tab, [])
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("requestfailed", lambda request: complaints.append(request.url))
        return tab


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Tabs:
    """Tabs for whatever address."""
    return Tabs(browser)


@contextlib.contextmanager
def opening(tabs: Tabs, site: Path) -> Iterator[Callable[..., Tab]]:
    """Open pages of the site until the end; whatever they complain of is an error."""
    complaints: list[str] = []
    used: list[Tab] = []

    def opened(address: str, **settings: object) -> Tab:
        complaints.extend(one for tab in used for one in tabs.complaints[tab])
        used.append(
            tabs.open(f"{site.parent.as_uri()}/{present(site.parent, address)}", **settings)
        )
        return used[-1]

    yield opened
    complaints.extend(one for tab in used for one in tabs.complaints[tab])
    assert complaints == []


@pytest.fixture
def open_page(tabs: Tabs, site: Path) -> Iterator[Callable[..., Tab]]:
    """Open a page of the site; whatever it complains of fails the test."""
    with opening(tabs, site) as opened:
        yield opened


def present(site: Path, address: str) -> str:
    """Return the address that a run has, which is written here by its folder."""
    folder, _, name = address.rpartition("/")
    if name.isupper():
        # Any page of the kind.
        return next(
            path.relative_to(site).as_posix() for path in sorted((site / folder).glob("*--*.html"))
        )
    found = re.match(r"run/([a-z]+)(.*)", address)
    return f"run/{run_name(site, found[1])}{found[2]}" if found else address


def shows(tab: Tab, what: str, number: int) -> None:
    """Wait until so many of a kind are to be seen: the page obeys its address a moment later."""
    all_seen = "[...document.querySelectorAll(what)].filter((one) => one.checkVisibility())"
    tab.wait_for_function(f"([what, n]) => {all_seen}.length === n", arg=[what, number])


ADDRESSES = [
    "index.html",
    "task/shopping.html",
    "task/shopping/all-001.html",
    "task/shopping/PROBLEM",
    "model/MODEL",
    "task/shopping/charts.html",
    "compare/shopping/PAIR",
    "run/weak.html",
    "run/weak/shopping-samples-001.html",
    "run/hostile/shopping-samples-001.html",
]

LOOKS = [(address, scheme) for address in ADDRESSES for scheme in ("light", "dark")]
WINDOW = {"width": 1280, "height": 720}


@pytest.fixture(scope="module", params=LOOKS, ids="-".join)
def look(request: pytest.FixtureRequest, tabs: Tabs, site: Path) -> Iterator[Tab]:
    """A page in a colour scheme, opened once for all that is only looked at."""
    address, scheme = request.param
    with opening(tabs, site) as opened:
        yield opened(address, color_scheme=scheme, viewport=WINDOW)


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const seen = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = colour.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = seen(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return seen("Canvas");
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = seen(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${node.data.trim().slice(0, 40)}`);
  }
  return poor;
}"""
"""Returns every text whose colour is too near to what it stands on."""


@pytest.mark.parametrize("width", [1200, 400])
def test_a_page_is_legible_and_no_wider_than_its_window(look, width):
    look.set_viewport_size({"width": width, "height": 900})
    assert look.evaluate("document.documentElement.scrollWidth") <= width
    assert look.evaluate(CONTRAST) == []


@pytest.fixture(scope="module")
def axe() -> str:
    """The program of axe-core, which a package of Python ships."""
    package = pytest.importorskip("axe_playwright_python")
    return (Path(str(package.__file__)).parent / "axe.min.js").read_text()


def test_axe_finds_nothing(look, axe):
    look.set_viewport_size(WINDOW)
    look.evaluate(axe)
    found = look.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    assert [
        (one["impact"], one["id"], node["html"][:200])
        for one in found["violations"]
        for node in one["nodes"]
    ] == []


def test_a_printed_page_is_black_on_white_and_has_no_tools(look):
    look.set_viewport_size({"width": 794, "height": 1123})
    look.emulate_media(media="print")
    assert look.evaluate("getComputedStyle(document.body).color") == "rgb(27, 27, 29)"
    for tool in (".tools", ".choices", ".pin", "th button"):
        assert look.locator(f"{tool}:visible").count() == 0
    assert look.locator("h1").is_visible()
    look.emulate_media(media="screen")


def test_every_link_and_button_can_be_reached_by_key(look):
    look.set_viewport_size(WINDOW)
    unreachable = """[...document.querySelectorAll("a[href], button, summary, input")]
      .filter((one) => one.checkVisibility() && one.tabIndex < 0).map((one) => one.outerHTML)"""
    assert look.evaluate(unreachable) == []
    look.keyboard.press("Tab")
    look.keyboard.press("Tab")
    outline = look.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    look.evaluate("document.activeElement.blur()")


def test_a_page_without_a_name_is_none(open_page):
    titles = [open_page(address).title() for address in ADDRESSES]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_light_and_dark_follow_the_system(open_page):
    page = {
        scheme: open_page("index.html", color_scheme=scheme).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    assert page["light"] == "rgb(255, 255, 255)"
    assert max(map(int, re.findall(r"\d+", page["dark"])[:3])) < 40


@pytest.mark.parametrize("script", [True, False])
def test_from_a_number_to_a_sample_by_clicking(open_page, script):
    tab = open_page("index.html", java_script_enabled=script)
    tab.locator("tbody tr", has_text="weak").locator("td a").first.click()
    tab.locator("tr", has=tab.get_by_role("rowheader", name="wrong")).get_by_role("link").click()
    shown = tab.locator("article.sample:visible")
    shown.first.wait_for()
    assert set(shown.evaluate_all("all => all.map((one) => one.dataset.kind)")) == {"wrong"}
    assert shown.first.locator("mark").is_visible()


def test_from_a_task_to_what_a_model_wrote_on_a_problem(open_page):
    tab = open_page("task/shopping.html", java_script_enabled=False)
    tab.get_by_label("Lists of problems").get_by_text("split the models").click()
    tab.locator("table.problems tbody th a").first.click()
    tab.locator("details.shot summary").first.click()
    assert tab.locator("details.shot .output").first.is_visible()
    tab.get_by_text("The sample in full").first.click()
    tab.locator("article.sample:target").wait_for()


def test_problems_are_next_to_each_other_by_difficulty(open_page):
    tab = open_page("task/shopping/all-001.html")
    wanted = tab.locator("table.problems tbody th").all_inner_texts()
    tab.locator("table.problems tbody th a").first.click()
    seen = [tab.locator("h1").inner_text()]
    for _ in wanted[1:4]:
        tab.locator("a[rel=next]").click()
        seen.append(tab.locator("h1").inner_text())
    tab.locator("a[rel=prev]").click()
    assert [one.strip() for one in seen] == [one.strip() for one in wanted[:4]]
    assert tab.locator("h1").inner_text() == seen[2]


def test_a_hostile_sample_stays_text(open_page):
    tab = open_page("run/hostile/shopping-samples-001.html")
    tab.locator("summary").first.click()
    assert tab.title() != "taken"
    assert tab.locator("main img, main script, main style").count() == 0
    assert ATTACK in tab.locator("article.sample .output").first.inner_text()


def test_a_filter_stands_in_the_address_and_comes_back_with_it(open_page):
    tab = open_page("run/weak/shopping-samples-001.html")
    everything = tab.locator("article.sample:visible").count()
    correct = tab.locator("article.sample[data-kind=correct]").count()
    tab.get_by_label("Show samples of this page").get_by_text("correct").click()
    shows(tab, "article.sample", correct)
    assert 0 < correct < everything
    assert tab.url.endswith("#show=correct")
    tab.reload()
    shows(tab, "article.sample", correct)
    tab.go_back()
    shows(tab, "article.sample", everything)


def test_the_filter_goes_along_to_the_next_page(open_page):
    tab = open_page("run/weak/shopping-samples-001.html#show=wrong")
    tab.locator(".pager a", has_text="2").first.click()
    tab.wait_for_url(lambda url: url.endswith("shopping-samples-002.html#show=wrong"))


def test_sorting_by_a_real_button_says_so_and_stands_in_the_address(open_page):
    tab = open_page("task/shopping.html")
    ranks = tab.locator("table.ranks")
    models = ranks.locator("tbody:not(.apart) th > a")
    before = models.all_inner_texts()
    button = ranks.get_by_role("button", name="sort by accuracy")
    button.focus()
    tab.keyboard.press("Enter")
    ranks.locator('th[data-sort="accuracy"][aria-sort="ascending"]').wait_for()
    assert models.all_inner_texts() == before[::-1]
    after = tab.url
    assert "sort=accuracy:ascending" in after
    tab.reload()
    assert models.all_inner_texts() == before[::-1]


def test_a_search_is_in_the_address_and_comes_back_with_it(open_page):
    tab = open_page("index.html")
    rows = tab.locator(".board tr[data-name]:visible")
    assert rows.count() == 4
    tab.get_by_role("searchbox").fill("^(weak|strong)$")
    tab.get_by_text("2 of 4 rows").wait_for()
    assert rows.count() == 2
    tab.reload()
    assert rows.count() == 2
    assert tab.get_by_role("searchbox").input_value() == "^(weak|strong)$"
    tab.get_by_role("searchbox").fill("(")
    tab.get_by_text("0 of 4 rows").wait_for()
    tab.get_by_role("searchbox").fill("")
    assert rows.count() == 4
    assert "#" not in tab.url


@pytest.mark.parametrize("script", [True, False])
def test_a_metric_is_chosen_by_a_link(open_page, script):
    tab = open_page("index.html", java_script_enabled=script)
    row = tab.locator(".board tr", has_text="weak")
    own = row.locator("a.own").inner_text()
    tab.get_by_label("Metric").get_by_text("pass@k").click()
    row.locator("a.other.pass").wait_for()
    assert not row.locator("a.own").is_visible()
    assert not row.locator(".rank").is_visible()
    assert float(row.locator("a.other.pass .value").inner_text()) > float(own.split()[0])
    assert tab.url.endswith("#metric=pass")


def test_a_choice_of_metric_keeps_the_search_and_the_order(open_page):
    tab = open_page("index.html#q=weak&sort=model:ascending")
    tab.get_by_label("Metric").get_by_text("maj@k").click()
    assert tab.url.endswith("#q=weak&sort=model:ascending&metric=maj")
    assert tab.locator(".board tr[data-name]:visible").count() == 1


def test_a_pinned_row_stands_first_and_in_the_address(open_page):
    tab = open_page("index.html")
    names = tab.locator(".board tbody tr[data-name] th > a")
    before = names.all_inner_texts()
    tab.get_by_role("button", name="pin weak").click()
    assert names.first.inner_text() == "weak"
    assert "#pin=weak--" in tab.url
    tab.get_by_role("button", name="sort by shopping").click()
    assert names.first.inner_text() == "weak"
    tab.reload()
    assert names.first.inner_text() == "weak"
    pin = tab.get_by_role("button", name="pin weak")
    assert pin.get_attribute("aria-pressed") == "true"
    pin.press("Enter")
    assert "pin=" not in tab.url
    tab.go_back()
    tab.goto(tab.url.partition("#")[0])
    assert names.all_inner_texts() == before


def test_the_first_key_skips_to_the_content(open_page):
    tab = open_page("index.html")
    tab.keyboard.press("Tab")
    assert tab.locator(":focus").inner_text() == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#:main")


# --- long names ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lengthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site whose models, tasks and problems have long names in several scripts."""
    folder = tmp_path_factory.mktemp("lengthy")
    names = ["a" * 180, "\u6f22\u5b57" * 40, "\u202e" + "b" * 60, "short"]
    runs = [
        make_run(
            folder / str(place), model=f"vllm:org/{name}", task="t" * 90, problems=30, samples=4
        )
        for place, name in enumerate(names)
    ]
    return build_site(runs, folder / "site").parent


LENGTHY = ["*.html", "task/*.html", "task/*/[act]*.html", "model/*.html", "compare/*/*.html"]
LENGTHY += ["run/*--*.html", "run/*--*/*-samples-001.html"]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("pattern", LENGTHY)
def test_a_long_name_pushes_nothing_off_the_screen(tabs, lengthy, pattern, width):
    found = sorted(lengthy.glob(pattern))
    assert found
    for path in found[:4]:
        tab = tabs.open(path.as_uri(), viewport={"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path.name[:60]
        ends = "all => all.slice(0, 1).map((one) => one.getBoundingClientRect().right)"
        for selector in (".board .value", ".ranks .value"):
            assert all(end <= width for end in tab.locator(selector).evaluate_all(ends))


# --- a stranger, from the first page ---------------------------------------------------------


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first page of a site whose runs have prompts, and on which golds are in doubt."""
    folder = tmp_path_factory.mktemp("tour")
    skills = {"ada": 0.64, "ben": 0.6, "cleo": 0.56, "dot": 0.32}
    made = {"problems": 120, "samples": 1, "prompt": "Reason step by step."}
    runs = [
        make_run(folder / name, model=f"vllm:org/{name}", skill=skill, **made)
        for name, skill in skills.items()
    ]
    return build_site(runs, folder / "site")


MOST_CLICKS = 3
"""From the first page to whatever a stranger asks for."""

# fmt: off
WANTED = {
    # question                          what is clicked in turn, what is then to be seen
    "a wrong answer with its reason": (
        lambda tab: [
            tab.locator(".board tr", has_text="ada").locator("td a.own").first,
            tab.locator("tr", has=tab.get_by_role("rowheader", name="wrong")).get_by_role("link"),
        ],
        lambda tab: tab.locator("article.sample.wrong, article.sample[data-kind=wrong]")
        .get_by_text(re.compile("≠")),
    ),
    "whether two models differ surely": (
        lambda tab: [tab.locator(".matrix td a").first],
        lambda tab: tab.get_by_text(re.compile(r"adjusted p.{1,3}[=<]")),
    ),
    "a gold in doubt": (
        lambda tab: [
            tab.locator(".board thead a").first,
            tab.get_by_role("region", name="Table: Golds in doubt").locator("tbody a").first,
        ],
        lambda tab: tab.get_by_text("Gold in doubt."),
    ),
    "the exact prompt": (
        lambda tab: [
            tab.locator(".board tr", has_text="ada").locator("td a.own").first,
            tab.locator("tr", has=tab.get_by_role("rowheader", name="wrong")).get_by_role("link"),
            tab.locator(".problem:visible summary", has_text="as sent").first,
        ],
        lambda tab: tab.get_by_text("Reason step by step."),
    ),
}
# fmt: on


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("question", WANTED)
def test_a_stranger_finds_it_in_at_most_three_clicks(tabs, tour, question, script):
    clicked, answer = WANTED[question]
    tab = tabs.open(tour.as_uri(), java_script_enabled=script)
    links = clicked(tab)
    assert len(links) <= MOST_CLICKS
    for link in links:
        link.click()
    answer(tab).locator("visible=true").first.wait_for()
