"""Pairs that must not be equal: each is decided, in either order, as different.

A row holds a gold and answers that are nearly it. Together they are as many as the equal pairs of
`grader_cases.jsonl`, so that a comparison that accepts too much fails as visibly as one that
accepts too little.
"""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Iterable
from typing import Any

import pytest
from project import ROOT, TESTS

from mathreason_eval.grade.graders import GRADERS, Grader
from mathreason_eval.grade.judge import Judge
from mathreason_eval.maths.compare import equal, structure
from mathreason_eval.maths.compare.comparison import Comparison, Finding, ordered, unordered
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.compare.equal import compare
from mathreason_eval.maths.compare.groups import as_interval, is_set
from mathreason_eval.maths.syntax.tree import Node, sym
from mathreason_eval.types import Match

# fmt: off
DIFFERENT = [
    # gold                      answers that are not it
    # signs and digits
    ("7",                       ["-7", "+8", "70", "07.1", "0.7", "77", "7/10", "7!"]),
    ("-3",                      ["3", "-(-3)", "|-3|", "1/3", "-1/3", "-30", "(-3)^2"]),
    ("0",                       ["1", "-1", "0.001", r"\emptyset", r"\infty", "x", r"10^{-9}"]),
    ("1,234",                   ["1234.1", "12,34", "1", "234", "-1,234", "1,235"]),
    ("1000000",                 ["10^5", "10^7", "1,000,001", "100,000", r"1 \text{ billion}"]),
    ("2^{10}",                  ["1000", "1023", "1025", "20", "10^2", "2^9", "2^{-10}"]),
    ("9!",                      ["9", "8!", "10!", "9!!", "362881", "(9!)!"]),
    # fractions, decimals, mixed numbers
    ("1/2",                     ["2", "-1/2", "0.05", "0.51", "1/3", "5", r"1\frac12", "1/20"]),
    (r"\frac{3}{4}",            ["4/3", "0.34", "3.4", "34", "0.7", "3/40", r"-\frac34"]),
    (r"2\frac13",               [r"\frac23", "2/3", "23", "2.3", "2.13", "6/3", r"-2\frac13"]),
    ("0.3",                     ["1/3", "0.33", "0.333333333333", r"0.\overline{3}", "3", "0.03"]),
    (r"0.\overline{6}",         ["0.6", "0.66", "0.67", "3/5", "66/100", "1/6", "0.666"]),
    (r"\frac{22}{7}",           [r"\pi", "3.142", "7/22", "22.7", "3.15"]),
    ("0.1",                     ["0.01", "1", "0.11", "-0.1", "1/11", "0.10001"]),
    # per cent
    (r"50\%",                   [r"5\%", r"-50\%", "0.05", "5", "51", "500", "0.005"]),
    ("0.25",                    [r"2.5\%", r"250\%", "-25", "0.025", r"26\%"]),
    (r"12.5\%",                 ["1.25", "1/80", "125", r"12\%", r"13\%", "0.0125"]),
    # powers, roots, logarithms, constants
    (r"\sqrt{2}",               ["2", r"-\sqrt2", "1.4", "1.41", r"\sqrt3", r"\sqrt[3]{2}",
                                 "1/2"]),
    (r"2\sqrt{3}",              [r"3\sqrt2", r"\sqrt6", "6", "12", r"2+\sqrt3", r"\sqrt{32}"]),
    (r"\sqrt[3]{5}",            [r"\sqrt5", r"3\sqrt5", "5^3", "5/3", r"\sqrt[5]{3}", "1.7"]),
    (r"\pi",                    ["3", "3.14", "180", "3.1416", r"2\pi", r"-\pi", r"\pi^2", "e"]),
    (r"\frac{\pi}{6}",          [r"\frac{\pi}{3}", r"\frac{6}{\pi}", r"60^\circ", "1/6", "6",
                                 "0.5"]),
    ("e^2",                     ["2e", "7.39", r"2^e", "e", "e^{-2}", r"\ln 2", "2"]),
    (r"\ln 2",                  [r"\ln 3", r"\ln\frac12", "2", "0.69", r"\ln^2 2", r"\ln 2 + 1"]),
    (r"\log_2 8",               ["2", "4", "8", r"\log_8 2", r"\log_3 8", "1/3", "-3"]),
    ("2^{1/3}",                 ["2/3", "1", "2^3", r"\sqrt2", "2^{-1/3}", "1.26"]),
    ("i",                       ["-i", "1", "-1", "2i", "i^2", "1+i", "0"]),
    ("3+4i",                    ["3-4i", "4+3i", "-3+4i", "5", "7", "7i", "3", "4i", "-3-4i"]),
    (r"\sqrt{-4}",              ["2", "-2", "-2i", "4i", r"\sqrt4", "-4"]),
    (r"\infty",                 ["0", "1", "10^{100}", r"\emptyset", "-1"]),
    # expressions
    ("x+1",                     ["x-1", "1-x", "x", "2x", "x+2", "y+1", "-x-1", "x^2+1", "1",
                                 "x+1+y"]),
    ("2x",                      ["x^2", "x+2", "x/2", "2^x", "-2x", "2y", "2", "x", "3x"]),
    ("x^2-1",                   ["(x-1)^2", "(x+1)^2", "x^2+1", "1-x^2", "x-1", "x^2",
                                 "(x-1)(x+2)"]),
    (r"\frac{1}{x}",            ["x", r"-\frac1x", r"\frac{1}{x^2}", "1", r"\frac{1}{x+1}",
                                 r"\frac1y"]),
    (r"\frac{a+b}{c}",          [r"\frac{a}{c}+b", r"a+\frac{b}{c}", r"\frac{a-b}{c}",
                                 r"\frac{c}{a+b}"]),
    ("(a+b)^2",                 ["a^2+b^2", "(a-b)^2", "a^2+ab+b^2", "a+b", "2(a+b)", "(a+b)^3"]),
    (r"\sin x",                 [r"\cos x", r"-\sin x", r"\sin 2x", r"\tan x", "x", r"\sin^2 x",
                                 r"\sin y"]),
    (r"\sin^2 x",               [r"\sin x^2", r"\cos^2 x", r"2\sin x", r"1-\sin^2 x", r"\sin 2x"]),
    ("e^{x}",                   ["e^{-x}", "e^{2x}", "x^e", "x", "e^x+1", "2^x", "e^y"]),
    ("n(n+1)/2",                ["n(n-1)/2", "n(n+1)", "(n+1)/2", "n^2/2", "n(n+1)/3",
                                 "(n+1)(n+2)/2"]),
    ("2^n",                     ["n^2", "2n", "2^{n+1}", "2^{-n}", "2^n-1", "n", "2^m", "3^n"]),
    (r"\binom{5}{2}",           [r"\binom{5}{4}", "5/2", "20", "25", r"\binom{6}{2}", "5!"]),
    ("|x|",                     ["x", "-x", "|x|+1", "|y|", "-|x|", "x^2"]),
    (r"\lfloor x \rfloor",      ["x", r"\lceil x \rceil", r"\lfloor -x \rfloor",
                                 r"\lfloor x+1 \rfloor"]),
    # units
    ("5 cm",                    ["5 kg", "5 m", "5 cm^2", "6 cm", "-5 cm", "5 mm", "5 seconds",
                                 "0.5 m", "50"]),
    ("2 hours",                 ["2 minutes", "12 minutes", "3 hours", "200 minutes", "2 days",
                                 "2 km"]),
    (r"10 \text{ m/s}",         [r"10 \text{ km/h}", r"10 \text{ m}", r"10 \text{ s}",
                                 r"1 \text{ m/s}"]),
    ("30 minutes",              ["30 hours", "3 hours", "0.3 hours", "30 seconds", "31 minutes"]),
    (r"\$5",                    [r"\$50", "5 cents", r"-\$5", r"\$5.50", "5 kg", r"\$6"]),
    ("3 kg",                    ["3 g", "300 g", "30 g", "3 km", "4 kg", "3 liters"]),
    (r"12\text{ cm}^2",         [r"12\text{ cm}", r"12\text{ cm}^3", r"12\text{ m}^2",
                                 r"144\text{ cm}^2"]),
    (r"90^\circ",               [r"9^\circ", r"180^\circ", r"\pi", r"\frac{\pi}{4}", r"-90^\circ",
                                 r"91^\circ", r"90\%"]),
    (r"20^\circ C",             [r"20^\circ F", r"21^\circ C", r"-20^\circ C"]),
    # tuples and lists
    ("(1, 2)",                  ["(2, 1)", "(1, 3)", "(1, 2, 3)", "(-1, 2)", "1", "12", "1.2",
                                 "(1, -2)", "[1, 2]", "(2, 2)"]),
    ("(1, 2, 3)",               ["(1, 3, 2)", "(3, 2, 1)", "(1, 2)", "(1, 2, 4)", "6", "123",
                                 r"\{1, 2, 3\}", "(1, 2, 3, 4)"]),
    ("(x, y)",                  ["(y, x)", "(x, x)", "(x, -y)", "(x, y, z)", "x", "xy",
                                 "(x+1, y)"]),
    (r"(\frac12, 3)",           ["(2, 3)", r"(3, \frac12)", "(0.5, 0.3)", r"(\frac12, -3)",
                                 r"(\frac13, 3)"]),
    ("1, 2",                    ["1, 3", "1", "2", "3", "1, 2, 3", "1, 1", "2, 2", "-1, -2", "12",
                                 "1.2", "1, -2"]),
    ("1, 2, 3",                 ["1, 2", "2, 3", "1, 2, 4", "1, 1, 2, 3", "6", "0, 1, 2, 3",
                                 "3, 2", "1, 2, 2"]),
    ("2, 2, 3",                 ["2, 3", "2, 3, 3", "2, 2, 2", "3", "2, 2", "2, 2, 3, 3"]),
    (r"\pm 2",                  ["2", "-2", "4", r"\pm 3", "0", "2, 3", r"\pm 4", "2, 2",
                                 r"\pm \sqrt2"]),
    (r"1 \pm \sqrt{3}",         [r"1+\sqrt3", r"1-\sqrt3", r"\pm\sqrt3", r"1\pm 3", r"-1\pm\sqrt3",
                                 r"3 \pm 1", "1"]),
    (r"\frac{1 \pm \sqrt5}{2}", [r"\frac{1+\sqrt5}{2}", r"1 \pm \sqrt5", r"\frac{-1\pm\sqrt5}{2}",
                                 r"\frac{1\pm 5}{2}"]),
    ("(0, 1), (1, 0)",          ["(0, 1)", "(1, 0)", "(0, 0), (1, 1)", "(0, 1), (0, 1)",
                                 "(0, 1), (1, 0), (1, 1)", "0, 1"]),
    # sets
    (r"\{1, 2\}",               [r"\{1\}", r"\{1, 3\}", r"\{1, 2, 3\}", "1", "3", r"\{-1, -2\}",
                                 "(1, 2)", r"\emptyset", r"\{0, 1, 2\}"]),
    (r"\{1, 2, 3\}",            [r"\{1, 2\}", r"\{1, 2, 4\}", r"\{1, 2, 3, 4\}", r"\{0\}",
                                 r"\{2, 3\}", r"\{1, 3\}"]),
    (r"\emptyset",              ["1", r"\{1\}", r"\{0\}", r"(0, 1)", r"\mathbb{R}", "x > 0"]),
    (r"\{0\}",                  [r"\emptyset", "1", r"\{1\}", r"\{0, 1\}", r"\{-1\}"]),
    (r"\{(1,2), (3,4)\}",       [r"\{(2,1), (3,4)\}", r"\{(1,2)\}", r"\{1,2,3,4\}",
                                 r"\{(1,3), (2,4)\}", r"\{(1,2), (3,5)\}"]),
    (r"\mathbb{R}",             [r"\mathbb{Z}", r"\mathbb{Q}", "(0, \\infty)", r"\emptyset",
                                 "x > 0", r"\mathbb{N}"]),
    (r"\mathbb{Z}",             [r"\mathbb{R}", r"\mathbb{N}", r"\mathbb{Q}", r"\mathbb{Z}^+",
                                 r"\mathbb{C}"]),
    # intervals: open, closed, unbounded, unions
    ("[0, 1)",                  ["[0, 1]", "(0, 1)", "(0, 1]", "[0, 2)", "[-1, 1)", "[1, 0)", "0",
                                 "1", "[0, 1) \\cup [2, 3)"]),
    ("(0, 1]",                  ["[0, 1]", "[0, 1)", "(0, 2]", "(-1, 1]", "(0, 1/2]", "1"]),
    ("[2, 5]",                  ["(2, 5]", "[2, 5)", "[2, 6]", "[-2, 5]", "[2, 50]", r"\{3, 4\}",
                                 "2"]),
    (r"(-\infty, 3)",           [r"(-\infty, 3]", r"(3, \infty)", r"(-\infty, -3)", "x > 3", "3",
                                 r"(-\infty, 4)", r"x \le 3", "(0, 3)"]),
    (r"[2, \infty)",            [r"(2, \infty)", r"(-\infty, 2]", "x > 2", r"x \le 2", r"x \ge 3",
                                 r"[2, 100)", "2", r"x \ge -2"]),
    (r"(-\infty, 1) \cup (2, \infty)", [r"(-\infty, 1] \cup (2, \infty)",
                                 r"(-\infty, 1) \cup [2, \infty)", "(1, 2)", "1 < x < 2",
                                 r"(-\infty, 2) \cup (1, \infty)", r"(-\infty, 1)", r"(2, \infty)",
                                 "x < 1", "x > 2", r"(-\infty, 1) \cap (2, \infty)",
                                 r"(-\infty, -1) \cup (2, \infty)"]),
    (r"[0, 1] \cup [2, 3]",     ["[0, 3]", "[0, 1]", "[2, 3]", r"[0, 1] \cup (2, 3]",
                                 r"[0, 1) \cup [2, 3]", r"[0, 1] \cap [2, 3]"]),
    (r"\mathbb{R} \setminus \{1\}", [r"\mathbb{R}", r"\mathbb{R} \setminus \{2\}", r"\{1\}",
                                 r"x \ne 2", r"(1, \infty)", r"\mathbb{R} \setminus \{1, 2\}"]),
    # inequalities
    ("x > 3",                   [r"x \ge 3", "x < 3", "x > 4", "x > -3", "3 > x", "y > 3", "x = 3",
                                 "3"]),
    (r"x \le 5",                ["x < 5", r"x \ge 5", r"x \le 6", r"x \le -5", r"5 \le x", "x = 5",
                                 "5"]),
    ("1 < x < 4",               [r"1 \le x < 4", r"1 < x \le 4", r"1 \le x \le 4", "1 < x < 5",
                                 "0 < x < 4", "x > 1", "x < 4", "[1, 4]"]),
    (r"|x| < 2",                ["x < 2", "|x| > 2", r"|x| \le 2", "|x| < 3", "0 < x < 2",
                                 "x > -2"]),
    (r"x < 1 \text{ or } x > 3", ["1 < x < 3", r"x \le 1 \text{ or } x > 3", "x < 1", "x > 3",
                                 r"x < 1 \text{ or } x > 4"]),
    (r"x \ne 2",                ["x = 2", "x > 2", "x < 2", r"x \ne 3", r"x \ne -2",
                                 r"x \ne 2, 3"]),
    ("x > y",                   ["x < y", r"x \ge y", "y > x", "x > z", "x > 2y"]),
    # equations and definitions
    ("x = 3",                   ["x = -3", "x = 4", "y = 3", "x = 1/3", "4", "-3", "x = 3, y = 4",
                                 r"x = \pm 3"]),
    ("y = 2x + 1",              ["y = 2x - 1", "y = x + 2", "x = 2y + 1", "y = 2x", "y = -2x + 1",
                                 "y = 2x + 1 + z", "y = 2x^2 + 1"]),
    ("x^2 + y^2 = 4",           ["x^2 + y^2 = 2", "x^2 - y^2 = 4", "x^2 + y^2 = 16", "x + y = 4",
                                 "x^2 + y^2 = -4", "x^2 + z^2 = 4"]),
    ("2x + 3y = 6",             ["3x + 2y = 6", "2x - 3y = 6", "2x + 3y = 5", "2x + 3y = -6",
                                 "4x + 6y = 6", "2x + 3y = 6z"]),
    ("f(x) = x^2",              ["f(x) = x^3", "f(x) = -x^2", "g(x) = x", "f(x) = 2x",
                                 "f(y) = y^3", "x^3"]),
    ("x = 1, y = 2",            ["x = 2, y = 1", "x = 1", "y = 2", "x = 1, y = 3", "x = 1, z = 2",
                                 "(2, 1)", "3"]),
    (r"x = 1 \text{ or } x = 2", ["x = 1", "x = 2", r"x = 1 \text{ or } x = 3", "1, 3", "x = 3",
                                 r"x = -1 \text{ or } x = -2"]),
    ("(x, y) = (1, 2)",         ["(x, y) = (2, 1)", "(x, y) = (1, 3)", "(2, 1)", "x = 2, y = 1"]),
    (r"\frac{x^2}{4}+\frac{y^2}{9}=1", [r"\frac{x^2}{9}+\frac{y^2}{4}=1",
                                 r"\frac{x^2}{4}-\frac{y^2}{9}=1",
                                 r"\frac{x^2}{2}+\frac{y^2}{3}=1",
                                 r"\frac{x^2}{4}+\frac{y^2}{9}=2"]),
    ("a_n = 2n + 1",            ["a_n = 2n - 1", "a_n = n + 2", "a_n = 2n", "a_n = 2^n + 1",
                                 "2n - 1"]),
    # families of solutions
    (r"x = \pi k",              [r"x = 2\pi k", r"x = \frac{\pi}{2} k", r"x = \pi k + 1",
                                 r"x = \frac{\pi}{2} + \pi k"]),
    (r"\frac{\pi}{4} + k\pi",   [r"\frac{\pi}{3} + k\pi", r"\frac{\pi}{4} + 2k\pi", r"k\pi",
                                 r"\frac{\pi}{4}", r"-\frac{\pi}{4} + k\pi"]),
    ("x^2 + C",                 ["x^2", "x^3 + C", "2x + C", "-x^2 + C", "x + C"]),
    # ratios
    ("2:3",                     ["3:2", "2:4", "2:3:4", "4:9", "23", "6", "2:-3", "20:3"]),
    ("1:2:3",                   ["3:2:1", "1:2", "1:3:2", "1:2:4", "6", "2:4:7"]),
    # matrices and vectors
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", [r"\begin{pmatrix}1&3\\2&4\end{pmatrix}",
                                 r"\begin{pmatrix}1&2\\3&5\end{pmatrix}",
                                 r"\begin{pmatrix}1&2\end{pmatrix}",
                                 r"\begin{pmatrix}3&4\\1&2\end{pmatrix}",
                                 r"-\begin{pmatrix}1&2\\3&4\end{pmatrix}",
                                 r"\begin{vmatrix}1&2\\3&4\end{vmatrix}",
                                 r"\begin{pmatrix}1&2&3&4\end{pmatrix}",
                                 r"2\begin{pmatrix}1&2\\3&4\end{pmatrix}", "10"]),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", [r"\begin{pmatrix}2\\1\end{pmatrix}",
                                 r"\begin{pmatrix}1\\-2\end{pmatrix}",
                                 r"\begin{pmatrix}1\\2\\3\end{pmatrix}", "(2, 1)", "1", "3"]),
    (r"\begin{pmatrix}1&0\\0&1\end{pmatrix}", [r"\begin{pmatrix}0&1\\1&0\end{pmatrix}",
                                 r"\begin{pmatrix}1&0\\0&-1\end{pmatrix}", "1",
                                 r"\begin{pmatrix}1&0&0\\0&1&0\\0&0&1\end{pmatrix}"]),
    (r"\langle 1, 2, 3 \rangle", [r"\langle 1, 3, 2 \rangle", r"\langle 1, 2 \rangle",
                                 r"\langle -1, 2, 3 \rangle", "6", r"\langle 1, 2, 4 \rangle"]),
    # numbers in bases, modulo, dates and times
    ("101_2",                   ["101", "100_2", "101_3", "6", "110_2", "11_2", "1010_2"]),
    ("12_8",                    ["12", "12_{10}", "13_8", "8", "21_8", "12_9"]),
    (r"3 \pmod 7",              [r"4 \pmod 7", r"3 \pmod 5", r"-3 \pmod 7", r"3 \pmod{14}", "4"]),
    ("3:30 pm",                 ["3:30 am", "3:31 pm", "4:30 pm", "2:30 pm", "3:00 pm"]),
    ("May 5",                   ["May 6", "June 5", "April 5", "May 15", "March 5"]),
    ("May 5, 2020",             ["May 5, 2021", "May 4, 2020", "June 5, 2020", "2020-06-05",
                                 "2020-05-06"]),
    # choices and words
    ("A",                       ["B", "C", "(B)", "D", "(J)", r"\text{(C)}", "B)"]),
    ("(C) 15",                  ["(B) 15", "(D) 16", "B", "A", "(A) 15"]),
    ("A, C",                    ["A, B", "A, B, C", "B, D", "A, D", "C, D"]),
    ("yes",                     ["no", "maybe", "yes and no", "not yes", "unknown"]),
    ("true",                    ["false", "not true", "yes", "partly"]),
    ("Monday",                  ["Tuesday", "Sunday", "not Monday", "Friday",
                                 "Monday and Tuesday"]),
    ("Alice and Bob",           ["Alice", "Bob", "Alice and Carol", "Alice, Bob and Carol",
                                 "Carol and Dave", "Alice or Carol"]),
    ("even",                    ["odd", "neither", "not even", "even and odd"]),
    ("increasing",              ["decreasing", "not increasing", "constant", "non-increasing"]),
    ("north",                   ["south", "east", "northwest", "west"]),
    ("circle",                  ["ellipse", "square", "half circle", "circles and lines"]),
    # one kind of thing against another
    ("5",                       [r"\{5, 6\}", "(5, 6)", "[5, 6]", "x > 5", "5x", "x + 5", "5:1:2",
                                 "apple", "x = 6", "5 < 6 < x"]),
    ("x",                       ["1", "y", "-x", "x^2", "(x, x, x)", "x > 0", "x + x", "xy",
                                 r"\frac1x"]),
]

CONVENTIONS = [
    # option                      gold            answers that are different by it
    ({"percent": "value"},        r"50\%",        ["50", "5", "0.05", r"51\%", "-0.5"]),
    ({"percent": "sign"},         r"50\%",        ["0.5", "1/2", "5", r"51\%"]),
    ({"units": "required"},       "5 cm",         ["5", "50", "5 kg", "6 cm", "5 m"]),
    ({"units": "ignored"},        "5 cm",         ["6 cm", "50 mm", "-5 kg", "(5, 5)"]),
    ({"degrees": "strict"},       r"30^\circ",    ["30", "31", r"\frac{\pi}{3}", r"30\%"]),
    ({"ordered_lists": True},     "1, 2, 3", ["3, 2, 1", "1, 3, 2", "2, 1, 3", "1, 2", "1, 2, 4"]),
    ({"singleton_sets": False},   r"\{1\}",       ["1", "2", r"\{2\}", r"\{1, 2\}", "(1, 2)"]),
    ({"rounded_gold": 0},         "180.67",       ["542/3", "180.668", "180.671", "180.7"]),
    ({"rounded_gold": 6},         "180.67",       ["542/3", "180.671", "180.66", "18.067"]),
    ({"rounded_answer": 4},       "1/3",          ["0.333", "0.3334", "0.3332", "0.33"]),
    ({"integer_form": False},     "3",            ["3.0", "3.00", "4", "-3"]),
    ({"variable_names": False},   "x = 3",        ["y = 4", "x = -3", "x = 1/3", "4"]),
    ({"variable_names": False},   "x = 1, y = 2", ["a = 2, b = 1", "a = 1, b = 3",
                                 "x = 2, y = 1"]),
    ({"percent": "value", "units": "required"},         r"5 \text{ cm}", [r"5\%", "0.05", "5"]),
    ({"ordered_lists": True, "singleton_sets": False},  r"\{1, 2\}",
                                [r"\{1\}", r"\{1, 3\}", "1", "3"]),
    ({"ordered_lists": True, "rounded_gold": 0},        "1.25, 2.5",
                                ["2.5, 1.25", "1.249, 2.5", "1.25, 2.501"]),
    ({"rounded_gold": 2, "rounded_answer": 2},          "0.33, 0.67",
                                ["1/3, 2/3", "0.34, 0.67", "0.67, 0.34, 1"]),
]
# fmt: on
PAIRS = [(gold, answer) for gold, answers in DIFFERENT for answer in answers]
AGREED = [(how, gold, answer) for how, gold, answers in CONVENTIONS for answer in answers]
CASES = TESTS / "grader_cases.jsonl"
EXACT = Convention(rounded_gold=0)
"""Without rounding, which only a gold may ask for."""


@pytest.mark.parametrize("number", range(len(DIFFERENT)), ids=lambda n: DIFFERENT[n][0])
def test_a_near_miss_is_decided_in_either_order(number: int) -> None:
    gold, answers = DIFFERENT[number]
    assert [one for one in answers if compare(gold, one).equal is not False] == []
    assert [one for one in answers if compare(one, gold, EXACT).equal is not False] == []


@pytest.mark.parametrize("number", range(len(CONVENTIONS)))
def test_a_near_miss_by_convention_is_decided(number: int) -> None:
    option, gold, answers = CONVENTIONS[number]
    how = Convention(**option)
    assert [one for one in answers if compare(gold, one, how).equal is not False] == []


def test_as_many_pairs_must_differ_as_must_be_equal() -> None:
    cases = [json.loads(line) for line in CASES.read_text("utf-8").splitlines()]
    wanted = [case["want"] for case in cases if not case.get("undecided")]
    assert len({*PAIRS}) == len(PAIRS)
    assert len(PAIRS) + len(AGREED) + wanted.count(False) >= wanted.count(True)


# --- several golds, several parts ------------------------------------------------------------

RIGHT, UNDECIDED, WRONG = True, None, False
JUDGEMENTS = {"r": RIGHT, "u": UNDECIDED, "w": WRONG}


def judged(gold: str, answer: str, convention: Convention) -> Match:
    """Judge by the first letter of the gold, whatever the answer is."""
    del answer, convention
    return Match(equal=JUDGEMENTS[gold[0]], rule="letter", note="")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_of_several_golds_right_beats_undecided_and_undecided_beats_wrong(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setitem(GRADERS._own, "letter", Grader(summary="", compare=judged))
    with Judge(workers=1) as judge:
        for golds in itertools.product("ruw", repeat=count):
            best = min(golds)  # r before u before w
            assert judge.match(golds, "x", "letter").equal is JUDGEMENTS[best], golds


def by_table(table: dict[tuple[Node, Node], bool | None]) -> Comparison:
    """Return a comparison whose judgement of each pair stands in a table."""

    def look_up(gold: Node, answer: Node, how: Comparison) -> Finding:
        del how
        return Finding(equal=table[gold, answer], rule="table", note="")

    return Comparison(Convention(), look_up)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_of_parts_in_order_wrong_beats_undecided_and_undecided_beats_right(count: int) -> None:
    golds = tuple(sym(f"gold_{k}") for k in range(count))
    answers = tuple(sym(f"answer_{k}") for k in range(count))
    for parts in itertools.product(JUDGEMENTS.values(), repeat=count):
        how = by_table(dict(zip(zip(golds, answers, strict=True), parts, strict=True)))
        worst = WRONG if WRONG in parts else UNDECIDED if UNDECIDED in parts else RIGHT
        assert ordered(golds, answers, how).equal is worst, parts


GOLDS, ANSWERS = (sym("g"), sym("h")), (sym("a"), sym("b"))
SQUARE = list(itertools.product(GOLDS, ANSWERS))


def best_of(judgements: Iterable[bool | None]) -> bool | None:
    found = set(judgements)
    return RIGHT if RIGHT in found else UNDECIDED if UNDECIDED in found else WRONG


@pytest.mark.parametrize("cells", list(itertools.product(JUDGEMENTS.values(), repeat=4)))
def test_of_the_sides_of_two_chains_the_best_pair_counts(cells: tuple[bool | None, ...]) -> None:
    chains = [Node("choices", sides) for sides in (GOLDS, ANSWERS)]
    how = by_table(dict(zip(SQUARE, cells, strict=True)))
    assert structure._same_alternatives(*chains, how).equal is best_of(cells)


@pytest.mark.parametrize("judgements", list(itertools.product(JUDGEMENTS.values(), repeat=2)))
def test_of_two_readings_of_an_answer_the_best_counts(
    monkeypatch: pytest.MonkeyPatch, judgements: tuple[bool | None, ...]
) -> None:
    left = list(judgements)
    assert len(list(equal.readings("(A) 5"))) == len(left)

    def next_judgement(*_: object) -> Finding:
        return Finding(equal=left.pop(0), rule="table", note="")

    monkeypatch.setattr(equal, "same_answer", next_judgement)
    assert compare("7", "(A) 5").equal is best_of(judgements)


def completions(cells: tuple[bool | None, ...]) -> list[tuple[bool, ...]]:
    """Return what a table may be once all is decided: equals of one thing equal each other."""
    decided = itertools.product((RIGHT, WRONG), repeat=4)
    possible = [d for d in decided if all(c in {None, x} for c, x in zip(cells, d, strict=True))]
    return [d for d in possible if d[0] + d[1] + d[2] + d[3] != 3]


@pytest.mark.parametrize("cells", list(itertools.product(JUDGEMENTS.values(), repeat=4)))
def test_of_elements_without_order_what_may_be_either_is_not_decided(
    cells: tuple[bool | None, ...],
) -> None:
    possible = {(d[0] and d[3]) or (d[1] and d[2]) for d in completions(cells)}
    found = unordered(GOLDS, ANSWERS, by_table(dict(zip(SQUARE, cells, strict=True)))).equal
    assert not possible or found is None or possible == {found}, cells
    assert found is not None or UNDECIDED in cells, cells


# fmt: off
CHAINS_AND_LISTS = [
    # gold          answer       equal
    ("b < a < d",   "b, a, d",   True),
    ("b, a, d",     "b < a < d", True),
    ("d > a > b",   "d, a, b",   True),
    ("b < a < d",   "a, b, d",   False),
    ("b, a, d",     "d > a > b", False),
    ("b < a < d",   "b, a, 1",   False),
]
# fmt: on


@pytest.mark.parametrize(("gold", "answer", "equal"), CHAINS_AND_LISTS)
def test_a_chain_of_names_is_a_list_in_its_order(gold: str, answer: str, *, equal: bool) -> None:
    assert compare(gold, answer).equal is equal


# fmt: off
INTERVALS = [
    ("x > 5",       r"(5, \infty)"),
    (r"5 \le x",    r"[5, \infty)"),
    ("x < 5",       r"(-\infty, 5)"),
    (r"5 \ge x",    r"(-\infty, 5]"),
    (r"0 < x \le 1", "(0, 1]"),
    ("x < x + 1",   None),
    ("x + 1 > x",   None),
    ("2x > 5",      None),
]
# fmt: on


@pytest.mark.parametrize(("relation", "interval"), INTERVALS)
def test_only_bounds_of_a_name_are_an_interval(relation: str, interval: str | None) -> None:
    found, expected = as_interval(next(equal.readings(relation))), None
    if interval is not None:
        ends = next(equal.readings(interval)).args
        expected = Node("interval", ends, interval[0] + interval[-1])
    assert found == expected


def test_a_list_with_one_set_of_numbers_is_a_set_of_numbers() -> None:
    interval, number = next(equal.readings("[1, 2]")), next(equal.readings("5"))
    assert is_set(Node("list", (Node("interval", interval.args, "[]"), number)))
    assert not is_set(Node("list", (number, number)))


# --- caches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(("option", "gold", "answer"), AGREED)
def test_what_was_judged_by_one_convention_is_not_remembered_for_another(
    judge: Judge, option: dict[str, Any], gold: str, answer: str, first: int
) -> None:
    hows = [Convention(), Convention(**option)]
    found = {
        how: judge.match((gold,), answer, "number", how).equal for how in hows[:: 1 - 2 * first]
    }
    assert found == {how: compare(gold, answer, how).equal for how in hows}


def test_what_one_grader_or_gold_was_asked_is_not_remembered_for_another(judge: Judge) -> None:
    asked = [("number", "25"), ("integer", "25"), ("text", "25"), ("number", "26")] * 2
    found = [judge.match((gold,), "25.0", grader).equal for grader, gold in asked]
    assert found == [True, True, False, False] * 2


CACHES = {
    # function that remembers        what its result may depend on
    "maths.syntax.normal._ascii": "char",
    "maths.syntax.parse.parse": "text grouped",
    "maths.syntax.tree.symbols": "node",
    "maths.compare.comparison._same": "gold answer",
    "maths.compare.classes._equal_both_ways": "one other",
    "maths.compare.classes._is_decided": "key",
    "maths.compare.equal._short_key": "answer",
    "maths.compare.convention._kinds": "",
    "maths.compare.options.only_options": "text",
    "maths.compare.options.read_options": "answer",
    "maths.compare.shape.shape": "node",
    "maths.evaluate.numeric._points": "names",
    "maths.evaluate.residue._square_root": "number",
    "maths.vocabulary.units.measured": "name",
    "maths.vocabulary.units.unit_of": "name",
    "grade.graders._in_folder": "reference",
    "grade.verify._process_judge": "deadline",
    "grade.verify.shared_judge": "deadline workers",
    "grade.service._as_mapping": "convention",
    "grade.service._quick_threads": "",
    "grade.service._batch_threads": "",
    "grade.service._chunk_threads": "workers",
    "grade.service._slow_threads": "workers",
    "grade.service._long_workers": "workers",
    "grade.service._turns": "",
}


def test_every_cache_is_known_with_all_that_its_result_depends_on() -> None:
    """A convention is an argument of no cached function: each works below where it decides."""
    package = ROOT / "mathreason_eval"
    found = {}
    for path in (*package.glob("maths/**/*.py"), *package.glob("grade/**/*.py")):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                "cache" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                names = [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
                found[f"{module}.{node.name}"] = " ".join(names)
    assert found == CACHES
