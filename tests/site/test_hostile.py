"""What an outsider wrote reaches a page as text, never as markup, path or crash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from site_pages import Page, dead_links, pages, places_with_two_owners, run_name
from site_runs import make_run

from mathreason_eval.runs.store import load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.site import build_site
from mathreason_eval.site.excerpts import excerpt
from mathreason_eval.text import distinct_page_names, page_name, short_names, slug

pytestmark = pytest.mark.slow

SCRIPT = "<script>document.title='taken'</script>"

# fmt: off
ATTACKS = [
    SCRIPT,                                              # an element
    "</div></main><img src=x onerror=alert(1)>",         # an end of ours
    "{{ 7*7 }}{% raw %}{{ cycler.__init__ }}",           # a template
    '" onmouseover="alert(1)',                           # an attribute
    "<!-- ]]> --> <style>*{display:none}</style>",       # a comment
    "\ud800 lone \udfff surrogates",                     # no UTF-8
    "\u202egnp.exe\u202c \x1b[31m\x00",                  # direction and terminal
    "javascript:alert(1)",                               # an address
    "../../../etc/passwd",                               # a path
    '$\\text{<script>} x^{<b>"}$ \\[</math><img src=x>\\]',  # a formula
]
# fmt: on

MATHML = {"math", "mrow", "mtext", "mi", "mo", "mn", "msup"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory) -> set[str]:
    """The elements of a site of which nobody wrote anything by intent."""
    folder = tmp_path_factory.mktemp("quiet")
    plain = make_run(folder / "plain", problems=3)
    other = make_run(folder / "other", problems=3, question="Another question?")
    return _tags(build_site([other, plain], folder / "site").parent)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_from_outside_becomes_markup_or_a_path(quiet, attack, tmp_path):
    settings = {"question": attack, "text": f"{attack} \\boxed{{", "reasoning": attack}
    settings["prompt"] = attack
    plain = make_run(tmp_path / "plain", problems=3)
    hostile = make_run(tmp_path / "hostile", problems=3, model=f"fake:{attack}", **settings)
    index = build_site([hostile, plain], tmp_path / "b")
    extra = _tags(index.parent) - quiet - {"details", "summary", "pre"} - MATHML
    assert extra == set()
    assert list(dead_links(index.parent)) == []
    assert not any(
        key.startswith("on") for page in pages(index.parent) for _, f in page.tags for key in f
    )


def _tags(site: Path) -> set[str]:
    return {tag for page in pages(site) for tag, _ in page.tags}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_names_a_problem_or_a_task_chooses_no_path_and_no_place(attack, tmp_path):
    run = _renamed(tmp_path / "run", attack)
    index = build_site([run], tmp_path / "site")
    assert list(dead_links(index.parent)) == []
    folders = {path.relative_to(index.parent).parts[0] for path in index.parent.rglob("*.html")}
    assert folders <= {"index.html", "task", "run", "model"}
    assert len([*tmp_path.rglob("*.html")]) == len([*index.parent.rglob("*.html")])


def _samples(site: Path) -> Path:
    return site / "run" / run_name(site, "run") / "shopping-samples-001.html"


def _renamed(folder, problem_id):
    """Return a run whose one problem has a hostile name."""
    run = make_run(folder, problems=1, samples=1)
    with RunWriter(folder) as writer:
        for kind, write in (("problems", "write_problems"), ("verdicts", "write_verdicts")):
            key = "id" if kind == "problems" else "problem_id"
            records = [replace(r, **{key: problem_id}) for r in getattr(run, kind)("shopping")]
            getattr(writer, write)("shopping", records)
        [generation] = run.generations("shopping")
        (folder / "shopping" / "generations.jsonl").unlink()
        writer.append("shopping", replace(generation, problem_id=problem_id))
    return load_run(folder)


@pytest.mark.parametrize("name", ["main", "problems", "manifest", "slices", "curves", "show=all"])
def test_a_task_and_a_problem_may_be_called_like_a_place_of_ours(name, tmp_path):
    make_run(tmp_path / "run", task=name, samples=2)
    run = _renamed(tmp_path / "run", name)
    assert list(places_with_two_owners(build_site([run], tmp_path / "site").parent)) == []


def test_hidden_characters_before_the_answer_do_not_move_the_mark(tmp_path):
    run = make_run(tmp_path / "run", problems=1, samples=1, skill=9, text="\u202e\ud800\x1b[1m")
    [verdict] = run.verdicts("shopping")
    page = _samples(build_site([run], tmp_path / "site").parent)
    assert f"⟨U+202E⟩⟨U+D800⟩⟨U+001B⟩[1m<mark>{verdict.answer}</mark>" in page.read_text()


def test_a_megabyte_is_cut_with_a_note_and_the_answer_stays_visible(tmp_path):
    run = make_run(tmp_path / "run", problems=1, samples=1, skill=9, text="{" * 1_000_000)
    page = _samples(build_site([run], tmp_path / "site").parent)
    text = page.read_text()
    assert len(text) < 30_000
    assert "{<mark>94</mark>}." in text
    assert "characters left out" in Page(page).text


PARTS = st.tuples(st.integers(-3, 60), st.integers(-3, 60)) | st.none()


@given(text=st.text(max_size=60), span=PARTS, limit=st.integers(1, 70))
def test_the_pieces_of_an_excerpt_account_for_every_character(text, span, limit):
    place = 0
    for piece in excerpt(text, span, limit=limit):
        assert piece.text == text[place : place + len(piece.text)]
        place += len(piece.text) + piece.left_out
    assert place == len(text)


@given(text=st.text(min_size=1, max_size=60), limit=st.integers(60, 70), data=st.data())
def test_what_is_marked_is_the_span(text, limit, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    pieces = excerpt(text, (start, end), limit=limit)
    assert "".join(piece.text for piece in pieces if piece.marked) == text[start:end]


@given(text=st.text(min_size=40, max_size=200), limit=st.integers(4, 39), data=st.data())
def test_both_ends_of_the_answer_are_shown_however_short_the_excerpt(text, limit, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    shown, place = set(), 0
    for piece in excerpt(text, (start, end), limit=limit):
        shown |= set(range(place, place + len(piece.text)))
        place += len(piece.text) + piece.left_out
    assert {start, end - 1} <= shown


@given(names=st.lists(st.text(max_size=90) | st.sampled_from(["a/b", "a b", "A-b", "a-b"])))
def test_page_names_are_safe_and_differ_also_where_case_does_not_count(names):
    made = distinct_page_names(names)
    assert len({name.casefold() for name in made}) == len(names)
    assert all(slug(name, 200) == name for name in made)


def test_a_name_that_had_to_be_changed_carries_a_hash():
    assert page_name("gsm8k") == "gsm8k"
    assert page_name("a/b") != page_name("a b")


# fmt: off
SHORT_NAMES = [
    (["vllm:Qwen/Qwen2.5-7B", "hf:org/tiny"],          ["Qwen2.5-7B", "tiny"]),
    (["openai:gpt@https://example.com/v1"],            ["gpt"]),
    (["hf:a/tiny", "hf:b/tiny"],                       ["hf:a/tiny", "hf:b/tiny"]),  # in doubt
    (["llamacpp:/models/small.gguf"],                  ["small.gguf"]),
    (["big@one", "big@two"],                           ["big@one", "big@two"]),  # providers
    (["org/big@one", "big"],                           ["big@one", "big"]),
]
# fmt: on


@pytest.mark.parametrize(("models", "want"), SHORT_NAMES)
def test_short_names_leave_no_doubt(models, want):
    assert list(short_names(models).values()) == want


# fmt: off
LONG = ["First, <b>we</b> add & divide.\n" * 300, "先加后除。" * 2000, "$\\frac{1}{2}$ and " * 300,
        "$abc$ " * 1500]
# fmt: on


@pytest.mark.parametrize("long", LONG)
def test_a_hundred_long_texts_leave_every_page_small(tmp_path, long):
    run = make_run(
        tmp_path / "run",
        problems=60,
        samples=4,
        question=long[:3000],
        text=f"{long}\\boxed{{",
        reasoning=long,
        prompt=long,
    )
    site = build_site([run], tmp_path / "site").parent
    for path in site.rglob("*.html"):
        assert path.stat().st_size < 300_000
        assert len(Page(path).tags) < 6_000
