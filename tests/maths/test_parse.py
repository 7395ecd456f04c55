"""What the grammar makes of LaTeX, plain text and mixtures; and what it refuses."""

from __future__ import annotations

import pytest

from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.parse import LONGEST, parse
from mathreason_eval.maths.syntax.tree import Node, show

# fmt: off
READ = [
    # text                        tree, as text
    (r"\frac12x",                 "((1/2)*x)"),
    ("1/2x",                      "((1/2)*x)"),          # a half of x
    ("a/bc",                      "(a/(b*c))"),
    ("x^2 3",                     "((x^2)*3)"),
    ("2^3^2",                     "(2^(3^2))"),
    ("-x^2",                      "-(x^2)"),
    (r"2\frac{1}{3}",             "(2 + (1/3))"),        # mixed, not a product
    (r"n\frac{1}{3}",             "(n*(1/3))"),
    ("sin 2x cos x",              "(sin((2*x))*cos(x))"),
    (r"\sin^{-1} x",              "arcsin(x)"),
    (r"\sin^2 x",                 "(sin(x)^2)"),
    (r"\log_2 8",                 "log(8, 2)"),
    ("|x||y|",                    "(abs(x)*abs(y))"),
    (r"\sqrt[3]{8}",              "root(8, 3)"),
    ("f(x)",                      "f(x)"),
    ("x(x+1)",                    "(x*(x + 1))"),
    ("C(5,2)",                    "binom(5, 2)"),
    (r"{n \choose 2}",            "binom(n, 2)"),
    ("12,345",                    "12345"),
    ("(12,345)",                  "(12, 345)"),
    ("5 cm",                      "cm(5)"),
    (r"60\text{ km/h}",           "km / h(60)"),
    (r"33\frac13\%",              "percent((33 + (1/3)))"),
    (r"60^\circ 30'",             "degree((60 + 1/2))"),
    (r"[1,3)\cup\{5\}",           "([1, 3) u {5})"),
    (r"\int_0^1 x dx + 5",        "(integral((x*1), x, 0, 1) + 5)"),
    (r"\quadx",                   "x"),                  # a command run into a letter
    ("x_{i,j}",                   "x_i,j"),
    (r"\text{only } x = 0",       "x = 0"),
    ("1101_2",                    "13"),
]  # fmt: skip

REFUSED = [
    "(", ")", "1 +", r"\frac{1}", r"\sqrt", "||x|", "1 2", "5 is wrong", "not 42", "#", r"\foo",
    "(" * 100 + "1" + ")" * 100, "2^" * 100 + "2", "x" * (LONGEST + 1), "x = ",
]  # fmt: skip
# fmt: on


@pytest.mark.parametrize(("text", "tree"), READ)
def test_reading(text: str, tree: str) -> None:
    assert show(parse(normalise(text))) == tree


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:12])
def test_refusing(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse(text)


def test_a_long_sum_is_one_node() -> None:
    tree = parse("+".join(["1"] * 5000))
    assert (tree.op, len(tree.args)) == ("add", 5000)


def test_a_comma_between_digits_can_also_separate() -> None:
    assert parse("1,234", grouped=False) == Node("list", (parse("1"), parse("234")), ",")
