"""Formulas as MathML: what is converted, what stays source, and that nothing of it is markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.site.formulas import answer_formula, with_formulas
from mathreason_eval.site.mathml import MOST_CHARACTERS, mathml


def bare(source, **settings):
    """The markup of a formula without what every formula has."""
    found = mathml(source, **settings)
    return None if found is None else found.markup.partition(">")[2].removesuffix("</math>")


MATRIX = "".join(
    f"<mtr><mtd><mn>{a}</mn></mtd><mtd><mn>{b}</mn></mtd></mtr>" for a, b in ((1, 2), (3, 4))
)

# fmt: off
CONVERTED = [
    ("x",                  "<mi>x</mi>"),
    ("1,000.5",            "<mn>1,000.5</mn>"),
    ("x_1^2",              "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
    ("x^10",               "<mrow><msup><mi>x</mi><mn>1</mn></msup><mn>0</mn></mrow>"),   # as TeX
    ("f'",                 "<msup><mi>f</mi><mo>′</mo></msup>"),
    ("\\frac12",           "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
    ("\\dfrac{a}{b}",      "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
    ("\\sqrt[3]{x}",       "<mroot><mi>x</mi><mn>3</mn></mroot>"),
    ("\\text{ cm}",        "<mtext>\N{NO-BREAK SPACE}cm</mtext>"),
    ("\\mathbb{R}",        "<mi>ℝ</mi>"),
    ("90^\\circ",          "<msup><mn>90</mn><mi>∘</mi></msup>"),
    ("\\lim_{x} y",        "<mrow><munder><mi>lim</mi><mi>x</mi></munder><mi>y</mi></mrow>"),
    ("a \\ne b",           '<mrow><mi>a</mi><mo stretchy="false">≠</mo><mi>b</mi></mrow>'),
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
     f"<mrow><mo>(</mo><mtable>{MATRIX}</mtable><mo>)</mo></mrow>"),
]
SOURCE = [
    "", " ", "\\frac{1}", "\\unknown{x}", "{", "}", "x_", "x_1_2", "\\left( x", "\\begin{matrix} 1",
    "\\begin{pmatrix}1\\end{bmatrix}", "1 & 2", "\\text{$x$}", "#1", "\\def\\x{y}", "\\mathbb{AB}",
    "x" * (MOST_CHARACTERS + 1), "{" * 40 + "x" + "}" * 40, "x+" * 600 + "x",
]
# fmt: on


@pytest.mark.parametrize(("source", "markup"), CONVERTED)
def test_a_formula_is_mathml(source, markup):
    assert bare(source) == markup


@pytest.mark.parametrize("source", SOURCE)
def test_what_cannot_be_converted_stays_source(source):
    assert mathml(source) is None


# fmt: off
TEXTS = [
    # text                                             formulas
    ("If $x^2 = 4$, what is $x$?",                      2),
    ("It costs $5 each, and she pays with $100.",       0),
    ("It costs $5 and has $x$ parts",                   1),
    ("He has $3, $4 and $5",                            0),
    ("\\(a\\) and \\[b\\] and $$c$$",                   3),
    ("\\begin{align*} x &= 1 \\end{align*}",            1),
    ('[asy] label("$x$"); [/asy] $y$',                  1),
    ("A price of \\$5 and \\$6",                        0),
    ("between $a and b$ and $\\unknown$ stay",          0),
    ("an unclosed $x",                                  0),
    ("",                                                0),
]
# fmt: on


@pytest.mark.parametrize(("text", "count"), TEXTS)
def test_formulas_of_a_text_are_found_and_prices_are_none(text, count):
    assert with_formulas(text, 1000).count("<math") == count


def test_what_is_no_formula_of_a_text_stays_as_it_is():
    assert with_formulas("<b> $x$ & \u202e", 9).startswith("&lt;b&gt; <math")
    assert with_formulas("<b> $x$ & \u202e", 9).endswith("</math> &amp; ⟨U+202E⟩")


def test_a_long_formula_can_be_scrolled_by_key():
    assert "tabindex" in with_formulas(f"${'+'.join('x' * 40)}$", 100)
    assert "tabindex" not in with_formulas("$x + 1$", 100)


def test_formulas_beyond_the_limit_stay_source():
    assert with_formulas("$x$ $x+1$ $y$", 4).count("<math") == 2
    assert "$x+1$" in with_formulas("$x$ $x+1$ $y$", 4)
    assert with_formulas("$x$", 0) == "$x$"


# fmt: off
ANSWERS = [("\\frac{1}{2}", True), ("$\\frac12$", True), ("x^2", True), ("a_1", True),
           ("150", False), ("Jonas is a knave", False), ("snake_case", False), ("$5", False)]
# fmt: on


@pytest.mark.parametrize(("answer", "is_formula"), ANSWERS)
def test_an_answer_is_a_formula_if_it_is_latex(answer, is_formula):
    assert (answer_formula(answer, 100) is not None) == is_formula


class Tags(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.open: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= ATTRIBUTES

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


ATTRIBUTES = {
    "accent",
    "alttext",
    "class",
    "tabindex",
    "display",
    "fence",
    "linethickness",
    "stretchy",
    "width",
}
ELEMENTS = {
    "math", "mfrac", "mi", "mn", "mo", "mover", "mroot", "mrow", "mspace", "msqrt", "msub",
    "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
PARTS = [
    "$", "$$", "\\[", "\\]", "\\(", "\\)", "{", "}", "^", "_", "'", "\\frac", "\\sqrt", "[", "]",
    "\\left", "\\right", "(", ")", "\\text", "<script>", "</math>", '"', "&", "\\\\", "x", "12",
    "\\begin{array}{c}", "\\end{array}", "\\begin{align*}", "\\end{align*}", "[asy]", "[/asy]",
    "\u202e", "\ud800", " ", "\\sum", "\\overline", "\\mathbb", "\\not", "\\binom", "|", "\\{",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=30).map("".join))
def test_hostile_formulas_are_text(text):
    tags = Tags(with_formulas(text, 1000))
    assert tags.open == []
    assert tags.found <= ELEMENTS
    for found in (mathml(text), mathml(text, display=True), answer_formula(text, 100)):
        if found is not None:
            own = Tags(found.markup)
            assert own.open == []
            assert own.found <= ELEMENTS
            assert found.markup.count("</") == found.elements


# fmt: off
HOSTILE = ["$", "\\[", "[asy]", "\\frac", "{", "\\(", "$a", "$x^{", "\\begin{align*}", "'",
           "$\\sqrt{", "$\\text{", "\\left(", "x_", "$'", "1,", "\\\\"]
# fmt: on


@pytest.mark.parametrize("part", HOSTILE)
def test_a_hostile_text_is_not_much_longer_than_its_source(part):
    text = (part * 20_000)[:20_000]
    assert len(with_formulas(text, 1000)) < 8 * len(text) + 100_000
    assert with_formulas(text, 1000).count("<m") <= 2 * 1000
