"""Addresses that last, and a folder of which only what changed is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from manifests import changed
from site_pages import Page, dead_links, run_name
from site_runs import make_run

from mathreason_eval import site as site_package
from mathreason_eval.runs.addresses import model_address, run_address, run_addresses, task_address
from mathreason_eval.runs.store import Run
from mathreason_eval.site import build_site
from mathreason_eval.site.folder import RECORD, SiteFolder

# --- addresses -------------------------------------------------------------------------------


def run_of(folder, *, made=None, **values):
    """A run with other values in its manifest than its settings say."""
    run = make_run(folder, problems=2, samples=1, **(made or {}))
    return Run(run.path, changed(run.manifest, unkeyed=False, **values))


# fmt: off
OTHER = [
    # what is other than in the first run           whether it is another page
    ({"model__name": "openai:other"},               True),
    ({"model__name": "openai:small@provider"},      True),
    ({"model__revision": "v2"},                     True),
    ({"sampling__temperature": 0.7},                True),
    ({"seed": 7},                                   True),
    ({"started": "2026-06-01T10:00:00+00:00"},      True),
    ({"finished": "2026-06-01T10:00:00+00:00"},     False),
    ({"code__python": "3.14"},                      False),
    ({"totals": None},                              False),
]
OTHER_TASK = [
    ({"version": 2},                                True),
    ({"data__sha256": "c" * 64},                    True),
    ({"prompt__sha256": "c" * 64},                  True),
    ({"samples": 64},                               False),  # the run may grow
    ({"problems": 64},                              False),
    ({"grading__grader_version": "9"},              False),  # and be judged again
]
# fmt: on


@pytest.mark.parametrize(("values", "other"), OTHER)
def test_a_page_is_named_by_what_the_run_is(tmp_path, values, other):
    first = run_address(run_of(tmp_path / "a"))
    assert (run_address(run_of(tmp_path / "b", **values)) != first) == other


@pytest.mark.parametrize(("values", "other"), OTHER_TASK)
def test_a_page_is_named_by_task_and_data_and_not_by_how_much_there_is(tmp_path, values, other):
    run = run_of(tmp_path / "a")
    tasks = {"shopping": changed(run.manifest.tasks["shopping"], **values)}
    grown = Run(run.path, changed(run.manifest, tasks=tasks))
    assert (run_address(grown) != run_address(run)) == other


def test_imports_of_one_name_are_told_apart_by_their_samples(tmp_path):
    first = make_run(tmp_path / "a", text="one {")
    again = make_run(tmp_path / "b", text="one {")
    other = make_run(tmp_path / "c", text="other {")
    assert run_address(first) == run_address(again) != run_address(other)


def test_copies_of_a_run_have_pages_whatever_their_order(tmp_path):
    runs = [make_run(tmp_path / name) for name in ("b", "a", "c")]
    there, back = run_addresses(runs), run_addresses(runs[::-1])
    assert there == back[::-1]
    assert len(set(there)) == 3


# fmt: off
TASKS = [
    ("gsm8k",  "gsm8k"),
    ("GSM8K",  None),     # not the same file where case is ignored
    ("a/b",    None),
]
# fmt: on


@pytest.mark.parametrize(("task", "name"), TASKS)
def test_task_addresses_differ_also_where_case_does_not_count(task, name):
    found = task_address(task)
    assert found == name or (name is None and "-" in found)
    assert found.casefold() not in {task_address("a b"), task_address("gsm8K").casefold()}


def test_a_model_keeps_its_provider_in_its_address(tmp_path):
    model = make_run(tmp_path / "a").manifest.model
    one, two = (model_address(changed(model, name=f"big@{name}")) for name in ("one", "two"))
    assert one.startswith("big-one--")
    assert two.startswith("big-two--")


# --- building again --------------------------------------------------------------------------

pytestmark = pytest.mark.slow


def files(site: Path) -> dict[str, bytes]:
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in sorted(site.rglob("*"))
        if path.is_file()
    }


def written(site: Path) -> dict[str, int]:
    return {
        path.relative_to(site).as_posix(): path.stat().st_ino
        for path in site.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def runs(tmp_path):
    settings = {"problems": 6, "samples": 1}
    return [
        make_run(tmp_path / "runs/one", model="one", **settings),
        make_run(tmp_path / "runs/two", model="two", **settings),
        make_run(tmp_path / "runs/gcd", model="three", task="gcd", **settings),
    ]


def test_the_order_of_the_runs_changes_no_byte(runs, tmp_path):
    there = build_site(runs, tmp_path / "a", made="now").parent
    back = build_site(runs[::-1], tmp_path / "b", made="now").parent
    assert files(there) == files(back)


def test_one_run_more_changes_no_address(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    before = set(files(site))
    extra = make_run(tmp_path / "more/one", model="one", problems=6, samples=1, seed=4)
    build_site([extra, *runs], site)
    assert before < set(files(site))
    assert list(dead_links(site)) == []


def test_unchanged_runs_write_nothing_not_even_the_time(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    before = written(site)
    build_site(runs, site)
    assert written(site) == before


def test_one_run_more_writes_its_own_pages_those_of_its_task_and_the_indexes(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    before = written(site)
    settings = {"model": "new", "task": "gcd", "problems": 6, "samples": 1}
    build_site([*runs, make_run(tmp_path / "new", **settings)], site)
    after = written(site)
    other = {address for address, inode in before.items() if after.get(address) != inode}
    allowed = re.compile(
        r"task/gcd[./].*|data/(gcd-|results|metrics).*|compare/gcd/.*"
        r"|(index|changes|feed)\..*|" + re.escape(RECORD)
    )
    assert [address for address in sorted(other) if not allowed.fullmatch(address)] == []
    assert {"index.html", "index.json", "task/gcd.html"} <= other
    own = sorted(address for address in after.keys() - before.keys())
    new = re.compile(r"run/new.*|model/new--.*|task/gcd/.*|compare/gcd/.*")
    assert [address for address in own if not new.fullmatch(address)] == []


def test_what_is_no_longer_written_is_deleted_and_nothing_else(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    (site / "CNAME").write_text("example.org")
    (site / "run" / "notes.html").write_text("mine")
    gone = run_name(site, "one")
    edited = site / "run" / f"{gone}.json"
    edited.write_text("somebody's now")
    build_site(runs[1:], site)
    kept = files(site)
    assert {"CNAME", "run/notes.html", f"run/{gone}.json"} <= set(kept)
    assert not [one for one in kept if gone in one and one != f"run/{gone}.json"]
    assert not (site / "run" / gone).exists()
    assert list(dead_links(site)) == []


@pytest.mark.parametrize(
    "address", ["../secret", "/etc/hostname", "run/../../secret", "", ".git/config", 7]
)
def test_a_record_that_was_forged_deletes_nothing_outside(runs, tmp_path, address):
    (tmp_path / "secret").write_text("x")
    site = build_site(runs, tmp_path / "site").parent
    (site / ".git").mkdir()
    (site / ".git" / "config").write_text("x")
    record = json.loads((site / RECORD).read_text())
    record["files"] = {address: ["2d711642b726b044"]}  # of the letter x, in format 1
    (site / RECORD).write_text(json.dumps(record))
    build_site(runs, site)
    assert (tmp_path / "secret").read_text() == "x"
    assert (site / ".git" / "config").read_text() == "x"


def test_a_page_of_the_users_is_no_earlier_address(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    record = json.loads((site / RECORD).read_text())
    [known] = {text for name, text in record["runs"].items() if name.startswith("one--")}
    record["runs"] |= {"notes": known, "old": known, "../../victim": known}
    (site / RECORD).write_text(json.dumps(record))
    mine = [
        site / "run" / "notes.html",
        site / "run" / "notes" / "a.html",
        site / "run" / "two.html",
    ]
    mine.append(tmp_path / "victim.html")
    for page in mine:
        page.parent.mkdir(exist_ok=True)
        page.write_text("mine")
    build_site(runs, site)
    assert [page.read_text() for page in mine] == ["mine"] * 4
    assert (site / "run" / "old.html").is_file()  # at which there was nothing


def test_only_addresses_of_pages_are_deleted(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    names = ("README.md", "docs/x.html", "run/gone.html")
    for name in names:
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text("x")
    record = {"made": "", "runs": {}, "files": {name: ["2d711642b726b044"] for name in names}}
    (site / RECORD).write_text(json.dumps(record))  # of format 1
    build_site(runs, site)
    assert [(site / name).exists() for name in names] == [True, True, False]


def test_the_record_is_a_few_bytes_a_page(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    record = json.loads((site / RECORD).read_text())
    count = len(files(site)) - 1
    assert len(record["files"]) == count
    assert len(json.dumps(record["files"])) < 20 * count


def test_a_page_of_another_address_is_not_ours_though_it_has_the_same_content(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    copy = site / "run" / "copy.html"
    copy.write_bytes((site / "run" / f"{run_name(site, 'one')}.html").read_bytes())
    build_site(runs[1:], site)
    assert copy.is_file()


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "{}", "7", '{"files": {}, "runs": [], "made": 1}']
)
def test_a_record_that_cannot_be_read_is_none(runs, tmp_path, content):
    site = build_site(runs, tmp_path / "site").parent
    (site / RECORD).write_text(content)
    assert build_site(runs, site).is_file()


@pytest.mark.parametrize("address", ["../x.html", "run/../../x.html", "/x.html", ""])
def test_what_is_no_address_is_not_written(tmp_path, address):
    with pytest.raises(ValueError, match="no address"):
        SiteFolder(tmp_path / "site").write(address, b"x")


TIMED = ("changes.json", "feed.xml", "index.html")
"""What says when a build was made, and what it changed."""


class Killed(BaseException):
    """As a signal would."""


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_build_that_is_killed_leaves_the_old_site_whole(runs, tmp_path, monkeypatch, after):
    site = build_site(runs[:2], tmp_path / "site").parent
    before = files(site)
    count = iter(range(100))

    def write(folder, address, content, wrapped=SiteFolder.write):
        if next(count) == after:
            raise Killed
        return wrapped(folder, address, content)

    monkeypatch.setattr(SiteFolder, "write", write)
    monkeypatch.setattr(SiteFolder, "close", lambda _: None)
    with pytest.raises(Killed):
        build_site(runs, site)
    left = {name: data for name, data in files(site).items() if "building" not in name}
    assert left == before
    monkeypatch.undo()
    build_site(runs, site)
    assert list(dead_links(site)) == []
    assert not [name for name in files(site) if "building" in name]


@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_build_killed_while_it_moves_pages_leaves_no_dead_link(
    runs, tmp_path, monkeypatch, after
):
    site = build_site(runs[:2], tmp_path / "site").parent
    count = iter(range(1000))

    def move(folder, address, wrapped=SiteFolder._move):
        if next(count) == after:
            raise Killed
        wrapped(folder, address)

    monkeypatch.setattr(SiteFolder, "_move", move)
    with pytest.raises(Killed):
        build_site(runs[1:], site)
    assert dead_from_the_first_page(site) == []
    monkeypatch.undo()
    build_site(runs[1:], site)
    assert files(site) == {
        **files(build_site(runs[1:], tmp_path / "fresh").parent),
        **{name: (site / name).read_bytes() for name in (RECORD, *TIMED)},
    }


def dead_from_the_first_page(site: Path) -> list[str]:
    """Return the links to nowhere that a reader can come to."""
    seen, left, dead = set[Path](), [site / "index.html"], list[str]()
    while left:
        page = left.pop()
        if page in seen:
            continue
        seen.add(page)
        links = [link.partition("#")[0] for link in Page(page).links]
        paths = [(page.parent / link).resolve() for link in links if link]
        dead += [f"{page}: {path}" for path in paths if not path.is_file()]
        left += [path for path in paths if path.suffix == ".html" and path.is_file()]
    return dead


# --- addresses of earlier builds -------------------------------------------------------------


def test_the_address_by_folder_leads_to_the_run(runs, tmp_path):
    site = build_site(runs, tmp_path / "site").parent
    assert "shopping" in Page(site / "run" / f"{run_name(site, 'one')}.html").text


def test_an_address_that_several_runs_had_names_them_all(tmp_path):
    runs = [make_run(tmp_path / parent / "run", model=parent) for parent in ("a", "b")]
    site = build_site(runs, tmp_path / "site").parent
    links = [link for link in Page(site / "run" / "run.html").links if "--" in link]
    assert len(links) == 2


def test_pages_of_samples_of_an_earlier_build_lead_on(runs, tmp_path):
    old = tmp_path / "site" / "run" / "one"
    old.mkdir(parents=True)
    (old / "shopping-samples-001.html").write_text("<p>Made with mathreason-eval 0.1.0.")
    site = build_site(runs, tmp_path / "site").parent
    [link] = Page(old / "shopping-samples-001.html").having("a", **{"data-forward": None})
    assert str(link["href"]).endswith(f"run/{run_name(site, 'one')}/shopping-samples-001.html")
    build_site(runs, site)
    assert (old / "shopping-samples-001.html").is_file()


def test_a_run_that_got_another_task_is_found_at_its_old_address(tmp_path):
    run = make_run(tmp_path / "one", problems=6)
    site = build_site([run], tmp_path / "site").parent
    old = run_name(site, "one")
    grown = make_run(tmp_path / "one", task="gcd", problems=6)
    for _ in range(2):
        build_site([grown], site)
        assert old != run_name(site, "one") == run_name(site, old)
        assert list(dead_links(site)) == []


def test_a_site_needs_no_clock_to_be_built(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(site_package, "now", lambda: "2026-05-02")
    index = build_site(runs, tmp_path / "site")
    assert "Built 2 May 2026 with mathreason-eval" in Page(index).text
