"""What is printed: visible whatever it holds, and whole however narrow the terminal is."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from gate_runs import imported
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from mathreason_eval.cli import screens
from mathreason_eval.cli.screens.tables import Table, print_table

# --- visible ---------------------------------------------------------------------------------

HOSTILE = "[red]x[/y] \x1b[31m\x9b1m \u202eabc \U000e0041 \ue000 \u2028 \udc80 \x00\r\x08 \x7f"
TABLE = Table(headings=("a", ">b"), rows=[(HOSTILE, HOSTILE)])
HIDDEN = set("\x1b\x9b\u202e\U000e0041\ue000\u2028\udc80\x00\r\x08\x7f")


def printed(*objects: object, width: int = 200, **options) -> str:
    console = screens.stdout()
    console.file, console.width = io.StringIO(), width
    console.print(*objects, **options)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(HOSTILE, id="string"),
        pytest.param(Text("a").append(HOSTILE, style="bold"), id="text"),
        pytest.param(
            Table(headings=("a", ">b"), rows=[(HOSTILE, HOSTILE)]).render(300), id="table"
        ),
        pytest.param(
            Table(headings=("a", ">b"), rows=[(HOSTILE, HOSTILE)]).render(60), id="stacked"
        ),
    ],
)
def test_nothing_hidden_is_printed_and_nothing_is_markup(shown):
    out = printed(shown, width=300)
    assert not HIDDEN & set(out)
    assert "[red]x[/y]" in out
    assert "⟨U+202E⟩" in out


def test_a_style_stays_where_it_was():
    shown = screens.visible_text(Text("\u202e a ").append("b\u200b", style="bold"))
    assert shown.plain == "⟨U+202E⟩ a b⟨U+200B⟩"
    (span,) = shown.spans
    assert shown.plain[span.start : span.end] == "b⟨U+200B⟩"


@pytest.mark.parametrize("speak", [screens.note, screens.say])
def test_lines_outside_of_tables_are_visible_too(speak, capsys):
    speak(HOSTILE)
    spoken = capsys.readouterr()
    assert not HIDDEN & set(spoken.out + spoken.err)


def test_a_line_feed_in_a_name_makes_no_line(capsys):
    screens.print_error("no\nerror: forged", "do\nthis")
    screens.note("a\n✓ pass")
    assert len(capsys.readouterr().err.splitlines()) == 3


# --- tables ----------------------------------------------------------------------------------

CELLS = st.text("abc-1,.漢é🙂_", min_size=1, max_size=60)


@st.composite
def tables(draw) -> Table:
    names = draw(st.lists(st.sampled_from(["task", "run", ">n", ">value", ">95 %"]), min_size=1))
    row = st.tuples(*(CELLS for _ in names))
    return Table(headings=tuple(names), rows=draw(st.lists(row, min_size=1, max_size=4)))


@pytest.mark.slow
@settings(deadline=None)
@given(table=tables(), width=st.sampled_from([40, 60, 80, 120]))
def test_a_table_fits_and_loses_no_character(table, width):
    console = screens.stdout()
    console.file, console.width = io.StringIO(), width
    print_table(console, table)
    out = console.file.getvalue()
    assert all(cell_len(line) <= width for line in out.splitlines())
    shown = re.sub(r"[\s─]", "", out)
    wanted = "".join(char for row in table.rows for cell in row for char in cell)
    assert all(shown.count(char) >= wanted.count(char) for char in set(wanted))


@settings(deadline=None)
@given(table=tables(), width=st.sampled_from([60, 80]))
def test_a_number_is_never_folded_among_columns(table, width):
    if table.fits(width, narrow=False) or table.fits(width, narrow=True):
        console = screens.stdout()
        console.file, console.width = io.StringIO(), width
        print_table(console, table)
        for place, heading in enumerate(table.headings):
            if heading.startswith(">"):
                assert all(row[place] in console.file.getvalue() for row in table.rows)


# --- screens ---------------------------------------------------------------------------------

MODEL = "an-organisation-with-a-long-name/a-model-with-a-name-of-many-words-漢字漢字-7b"
PROBLEM = "a-problem-with-an-identifier-of-more-than-forty-characters-"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for side, right in (("a", {0, 1, 2, 3}), ("b", {2, 3, 4, 5})):
        rows = [
            {
                "id": f"{PROBLEM}{index}", "question": f"What is {index} + 123456789?",
                "gold": str(123456789 + index), "model": f"{MODEL}-{side}", "correct": True,
                "output": f"\\boxed{{{123456789 + index + 1000 * (index not in right)}}}",
            }
            for index in range(40)
        ]  # fmt: skip
        imported(folder / side, rows)
    return folder


# fmt: off
SCREENS = [
    # words, and names that are shown whole
    (("show", "{a}"),                                        [f"{MODEL}-a"]),
    (("show", "{a}", "--problem", f"{PROBLEM}1"),            [f"{PROBLEM}1", "123456790"]),
    (("compare", "{a}", "{b}"),                              [MODEL, f"{PROBLEM}0", "123457789"]),
    (("compare", "{a}", "{b}", "{a}"),                       [MODEL]),
    (("gate", "{b}", "--baseline", "{a}"),                   [MODEL, f"{PROBLEM}0"]),
    (("plan", "--baseline", "{a}", "--detect", "2pp"),       ["gsm8k"]),
    (("tasks",),                                             ["word-problems-cultural"]),
    (("list",),                                              ["hendrycks"]),
    (("import", "jsonl", "{outputs}", "-t", "gsm8k", "-o", "{new}"), [MODEL]),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize(("words", "names"), SCREENS)
def test_a_narrow_screen_has_every_name_and_number_of_a_wide_one(
    mathreason, runs, tmp_path, words, names, width
):
    (a,), (b,) = ([*(runs / side).glob("*/manifest.json")] for side in "ab")
    outputs = runs / "a" / "outputs.jsonl"
    places = {"a": a.parent, "b": b.parent, "outputs": outputs}

    def screen(columns: int) -> str:
        named = [word.format(**places, new=tmp_path / str(columns)) for word in words]
        done = mathreason(*named, width=columns)
        assert done.code in (0, 1, 3), done.err
        return done.out

    narrow, wide = screen(width), screen(400)
    missing = set(re.findall(r"\d[\d,.]*", _tables(wide))) - set(re.findall(r"\d[\d,.]*", narrow))
    assert not {number for number in missing if not _is_folded(number, narrow)}
    for name in names:
        assert _is_folded(name, narrow), name


def _tables(text: str) -> str:
    """The text without scales of plots, and without licences, which only a wide screen has."""
    return re.sub(r"0 +50 +100\b.*|(CC|Apache).*", "", text)


def _is_folded(name: str, screen: str) -> bool:
    """Whether a name is on a screen, continued on the next line at the same column if need be."""
    lines = [_cells(line) for line in screen.splitlines()]
    return any(
        _continues(name, lines, row, column)
        for row, line in enumerate(lines)
        for column, char in enumerate(line)
        if char == name[0]
    )


def _continues(name: str, lines: list[list[str]], row: int, column: int) -> bool:
    if not name:
        return True
    if row == len(lines):
        return False
    found = "".join(lines[row][column:])
    for length in range(len(name), 0, -1):
        if found.startswith(name[:length]):
            rest = name[length:].lstrip()
            return not rest or any(
                _continues(rest, lines, row + 1, start) for start in {column, 0, 2}
            )
    return False


def _cells(line: str) -> list[str]:
    """A cell of the terminal each; the second one of a wide character is empty."""
    return [cell for char in line for cell in (char, *[""] * (cell_len(char) - 1))]


def test_json_of_the_same_run_is_ascii(capsys):
    screens.print_json({"name": HOSTILE})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": HOSTILE}
    assert out.isascii()
    assert not HIDDEN & set(out)
