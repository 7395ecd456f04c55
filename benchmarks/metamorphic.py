"""Rewrite real right outputs so that their meaning stays, or changes, and judge them again.

    python benchmarks/metamorphic.py SHARED [--rows N] [--show K]

SHARED is the folder with the published outputs. Of the outputs that their publisher and our grader
both call right, N are drawn. Each answer is rewritten where it stands (`kept`), put into another
container (`container`), or made another answer (`changed`): what is kept must stay right, and what
is changed must not be right. Undecided is a lost answer in the first two and none in the third.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import verify_output
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.maths.compare.equal import readings
from mathreason_eval.maths.compare.options import only_options
from mathreason_eval.maths.compare.text import is_prose
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.tree import symbols

OUTPUTS = (
    "gsm8k/openai_example_model_solutions", "outputs_qwen_maj/math_cot_100x8",
    "outputs_rho/math500", "outputs_tora/gsm8k", "outputs_gsmplus_gsm8k/gsm8k",
    "outputs_reasoning_gym/math_evals/olympiadbench__Qwen2.5-3B-Instruct",
    "outputs_reasoning_gym/math_evals/gaokao2023en__Qwen2.5-3B-Instruct",
    "outputs_reasoning_gym/math_evals/svamp__Qwen2.5-3B-Instruct",
    "outputs_zeroeval/math-l5/claude-3-haiku-20240307",
    "outputs_zeroeval/math-l5/Qwen2-72B-Instruct",
    "outputs_zeroeval/gsm8k/gpt-4o-mini-2024-07-18",
)  # fmt: skip
ANNOUNCED = frozenset(["boxed", "phrase", "hashes", "tag"])
"""Rules whose answers can be replaced where they stand."""
LONGEST = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Right:
    """An output that is right, with what was found in it."""

    gold: str
    output: str
    answer: str
    span: tuple[int, int]
    found_by: str


class Change(NamedTuple):
    """A rewriting of an answer, and which answers it is for."""

    name: str
    applies: Callable[[str], bool]
    rewrite: Callable[[str], str]


# --- kinds of answers ----------------------------------------------------------------------------

_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,14})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,8})?")
_FRACTION = re.compile(r"(-?)\\frac\{(\d+)\}\{(\d+)\}")


def anything(answer: str) -> bool:
    """Return whether an answer has no markup of its own that a rewriting could break."""
    return "$" not in answer and "\n" not in answer


def integer(answer: str) -> bool:
    """Return whether an answer is an integer as it is usually written."""
    return _INTEGER.fullmatch(answer) is not None


def number(answer: str) -> bool:
    """Return whether an answer is an integer or a decimal."""
    return _NUMBER.fullmatch(answer) is not None


def positive(answer: str) -> bool:
    """Return whether an answer is an integer of at least 2."""
    return integer(answer) and int(answer) > 1


def large(answer: str) -> bool:
    """Return whether an answer is an integer of at least four digits."""
    return integer(answer) and abs(int(answer)) >= 1000


def fraction(answer: str) -> bool:
    """Return whether an answer is a fraction in LaTeX."""
    return _FRACTION.fullmatch(answer) is not None


def nonzero(answer: str) -> bool:
    """Return whether an answer is a number other than 0."""
    return number(answer) and Fraction(answer) != 0


def digits(answer: str) -> bool:
    """Return whether an answer is an integer with two different last digits."""
    return integer(answer) and abs(int(answer)) > 9 and answer[-1] != answer[-2]


SCALARS = frozenset(["num", "add", "mul", "div", "pow", "neg", "call", "sym", "const"])


def scalar(answer: str) -> bool:
    """Return whether an answer is a single value without unit, relation or option."""
    if not anything(answer) or "," in answer or only_options(answer) is not None:
        return False
    tree = next(readings(normalise(answer)), None)
    return tree is not None and tree.op in SCALARS


def constant(answer: str) -> bool:
    """Return whether an answer is a single value without variables: `@ = @` is no equation."""
    return scalar(answer) and not symbols(next(readings(normalise(answer))))


def formula(answer: str) -> bool:
    """Return whether an answer can be all of a formula: it has no words."""
    return anything(answer) and not is_prose(answer)


def grouped(answer: str, mark: str) -> str:
    """Return an integer with a mark between groups of three digits."""
    return f"{int(answer):,}".replace(",", mark)


def written(template: str) -> Callable[[str], str]:
    """Return a rewriting by a template, in which `@` is the answer."""
    return lambda answer: template.replace("@", answer)


def in_script(zero: str) -> Callable[[str], str]:
    """Return a rewriting in the digits that begin with a zero."""
    table = {ord(str(digit)): chr(ord(zero) + digit) for digit in range(10)}
    return lambda answer: answer.translate(table)


# --- the rewritings ------------------------------------------------------------------------------

# fmt: off
KEPT = [
    Change("as it is",        anything, written("@")),
    Change("dollars",         anything, written("$@$")),
    Change("brackets",        anything, written(r"\(@\)")),
    Change("spaces",          anything, written("  @ ")),
    Change("thin spaces",     formula,  written(r"\,@\,")),
    Change("tie",             formula,  written("~@")),
    Change("quad",            formula,  written(r"@\quad")),
    Change("full stop",       anything, written("@.")),
    Change("displaystyle",    formula,  written(r"\displaystyle @")),
    Change("emphasis",        anything, written("**@**")),
    Change("colour",          anything, written(r"{\color{red}@}")),
    Change("textcolor",       anything, written(r"\textcolor{blue}{@}")),
    Change("boldsymbol",      anything, written(r"\boldsymbol{@}")),
    Change("mathbf",          number,   written(r"\mathbf{@}")),
    Change("text",            number,   written(r"\text{@}")),
    Change("textbf",          number,   written(r"\textbf{@}")),
    Change("underline",       number,   written(r"\underline{@}")),
    Change("mathrm",          number,   written(r"\mathrm{@}")),
    Change("text with point", integer,  written(r"\text{@.0}")),
    Change("text with sign",  positive, written(r"\text{+@}")),
    Change("plus sign",       number,   lambda a: a if a[0] == "-" else f"+{a}"),
    Change("trailing zeros",  number,   lambda a: f"{a}00" if "." in a else f"{a}.00"),
    Change("braces",          anything, written("{@}")),
    Change("left right",      scalar,   written(r"\left(@\right)")),
    Change("brackets of math", scalar,  written("(@)")),
    Change("itself",          constant, written("@ = @")),
    Change("named",           number,   written("x = @")),
    Change("plus nothing",    scalar,   written("@ + 0")),
    Change("nothing plus",    scalar,   written("0 + (@)")),
    Change("once",            scalar,   written(r"1 \cdot (@)")),
    Change("over one",        scalar,   written(r"\frac{@}{1}")),
    Change("twice the half",  scalar,   written(r"2 \cdot \frac{@}{2}")),
    Change("negated twice",   scalar,   written("-(-(@))")),
    Change("to the one",      number,   written("(@)^1")),
    Change("powers of ten",   number,   written(r"@ \times 10^{0}")),
    Change("one more less",   scalar,   written("@ + 1 - 1")),
    Change("root of square",  positive, written(r"\sqrt{@^2}")),
    Change("as decimal",      integer,  written("@.0")),
    Change("commas",          large,    lambda answer: grouped(answer, ",")),
    Change("TeX commas",      large,    lambda answer: grouped(answer, "{,}")),
    Change("TeX spaces",      large,    lambda answer: grouped(answer, r"\,")),
    Change("no-break spaces", large,    lambda answer: grouped(answer, "\u00a0")),
    Change("dfrac",           fraction, lambda answer: answer.replace(r"\frac", r"\dfrac")),
    Change("slash",           fraction, lambda answer: _FRACTION.sub(r"\1\2/\3", answer)),
    Change("expanded",        fraction, lambda answer: _FRACTION.sub(_doubled, answer)),
    Change("minus sign",      nonzero,  lambda answer: answer.replace("-", "−")),
    Change("Arabic digits",   number,   in_script("٠")),
    Change("wide digits",     number,   in_script("０")),
    Change("Hindi digits",    number,   in_script("०")),
    Change("Bengali digits",  number,   in_script("০")),
]
# fmt: on


def _doubled(found: re.Match[str]) -> str:
    return rf"{found[1]}\frac{{{2 * int(found[2])}}}{{{2 * int(found[3])}}}"


CONTAINERS = [
    Change("box", anything, written(r"So the answer is $\boxed{@}$.")),
    Change("display", anything, written("**Final Answer**\n\\[ \\boxed{@} \\]")),
    Change("fbox", anything, written(r"Thus $\fbox{@}$")),
    Change("box in thought", anything, written("<think>1, 2, 3</think>\n\nIt is $\\boxed{@}$.")),
    Change("tag", anything, written("So it is:\n<answer>@</answer>")),
    Change("tag with box", anything, written("It is\n<answer>\n$\\boxed{@}$\n</answer>")),
    Change("hashes", number, written("We add.\n#### @")),
    Change("final answer", anything, written("**Final Answer:** $@$")),
    Change("the answer is", anything, written("Therefore, the answer is $@$.")),
    Change("German", anything, written("Die Antwort ist $@$.")),
    Change("French", anything, written("La réponse est $@$.")),
    Change("Spanish", anything, written("La respuesta es $@$.")),
    Change("Russian", anything, written("Ответ: $@$")),
    Change("Chinese", anything, written("所以答案是 $@$。")),
    Change("JSON", number, written('{"reasoning": "…", "answer": "@"}')),
    Change("HTML", anything, written("<p>The answer is <b>$@$</b></p>")),
    Change("bold", number, written("The answer is **@**.")),
    Change("heading", number, written("### Answer\n\n@")),
]

CHANGED = [
    Change("sign", nonzero, lambda a: a[1:] if a.startswith("-") else f"-{a}"),
    Change("sign in text", nonzero, lambda a: rf"\text{{{a[1:] if a[0] == '-' else '-' + a}}}"),
    Change("sign with unit", positive, written(r"\text{-@ km}")),
    Change("first digit", number, lambda a: re.sub(r"\d", _another, a, count=1)),
    Change("last digit", number, lambda a: a[:-1] + str((int(a[-1]) + 1) % 10)),
    Change("swapped digits", digits, lambda a: a[:-2] + a[-1] + a[-2]),
    Change("a digit more", integer, lambda a: f"{a}7"),
    Change("a digit less", digits, lambda a: a[:-1]),
    Change("one more", scalar, written("@ + 1")),
    Change("one less", scalar, written("@ - 1")),
    Change("twice", nonzero, written(r"2 \cdot @")),
    Change("ten times", nonzero, written(r"@ \times 10")),
    Change("a tenth", nonzero, written(r"@ \times 10^{-1}")),
    Change("a third", nonzero, written(r"\frac{@}{3}")),
    Change("square", positive, written("@^2")),
    Change("root", positive, written(r"\sqrt{@}")),
    Change("reciprocal", positive, written(r"\frac{1}{@}")),
    Change("factorial", lambda a: positive(a) and int(a) > 2, written("@!")),
    Change("imaginary", nonzero, written("@i")),
    Change("times a letter", nonzero, written("@k")),
    Change("pair", number, written("(@, @)")),
    Change("two", integer, lambda a: f"{a}, {int(a) + 1}"),
    Change("set of two", integer, lambda a: rf"\{{{a}, {int(a) + 1}\}}"),
    Change("either", integer, lambda a: f"{a} or {int(a) + 1}"),
    Change("more than", number, written("> @")),
    Change("at least", number, written(r"\ge @")),
    Change("not", number, written(r"\ne @")),
    Change("a false chain", number, written("@ = @ + 1")),
    Change("plus or minus", number, written(r"@ \pm 1")),
    Change("undefined", number, written(r"@ + 0 \cdot \infty")),
    Change("in words, not", number, written("not @")),
    Change("another root", positive, written(r"\sqrt[3]{@^2}")),
    Change("half", nonzero, written("0.5 * @")),
    Change("ten times per cent", positive, written(r"@0\%")),
    Change("interval", integer, lambda a: f"[{a}, {int(a) + 1}]"),
]


def _another(found: re.Match[str]) -> str:
    return "2" if found[0] == "1" else "1"


TEXTS = [
    Change("The answer is not", number, written("The answer is not @.")),
    Change("It cannot be", number, written("It cannot be @.")),
    Change("is wrong", number, written("The answer is @, which is wrong.")),
    Change("between", integer, lambda a: f"The answer is between {a} and {int(a) + 5}."),
    Change("replaced", integer, lambda a: f"The answer is {a}. Wait, no, it is {int(a) + 1}."),
    Change("if", number, written("If n were even, the answer would be @.")),
    Change("boxes", integer, lambda a: rf"\boxed{{{a}}}. Wait: \boxed{{{int(a) + 1}}}"),
    Change("German denial", number, written("Die Antwort ist nicht @.")),
    Change("Chinese denial", number, written("答案不是@。")),
    Change("set off", integer, lambda a: rf"\boxed{{{int(a) + 1}}}, not \boxed{{{a}}}."),
    Change("French contrast", integer, lambda a: f"La réponse est {int(a) + 1}, pas {a}."),
    Change("half of", nonzero, written("The answer is half of @.")),
    Change("several", integer, lambda a: f"My guesses are {a}, {int(a) + 1} and {int(a) + 2}."),
    Change("excluded", number, written("We can exclude @.")),
    Change("part", nonzero, written(r"$2 \cdot \boxed{@}$")),
]
"""Whole outputs that hold a right value and do not claim it."""


# --- the run -------------------------------------------------------------------------------------


def right_outputs(judge: Judge, data: Path, count: int) -> list[Right]:
    """Return a fixed sample of the outputs that the publisher and our grader call right."""
    rows = [row for name in OUTPUTS for row in _rows(data / f"{name}.jsonl.gz")]
    random.Random(0).shuffle(rows)
    found: list[Right] = []
    for gold, output in rows:
        if len(found) == count:
            break
        match = verify_output(judge, (gold,), output, "math", DEFAULT)
        if not match.equal or match.span is None or match.answer is None:
            continue
        if match.found_by not in ANNOUNCED or len(match.answer) > LONGEST:
            continue
        end = match.span[1]
        said_again = match.answer.strip("$") in output[end:]
        if output[slice(*match.span)] == match.answer and not said_again:
            found.append(
                Right(gold=gold, output=output, answer=match.answer, span=match.span,
                      found_by=match.found_by)
            )  # fmt: skip
    return found


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            gold = row["gold"][0] if isinstance(row["gold"], list) else row["gold"]
            if row["output"] and row["correct"] is True:
                yield str(gold), row["output"]


def rewritten(right: Right) -> Iterator[tuple[str, str, str, bool]]:
    """Yield (group, name, output, whether it must be right) for every rewriting of an output."""
    start, end = right.span
    for group, changes, kept in (("kept", KEPT, True), ("changed", CHANGED, False)):
        for change in changes:
            if change.applies(right.answer):
                output = right.output[:start] + change.rewrite(right.answer) + right.output[end:]
                yield group, change.name, output, kept
    for group, changes, kept in (("container", CONTAINERS, True), ("text", TEXTS, False)):
        for change in changes:
            if change.applies(right.answer):
                yield group, change.name, change.rewrite(right.answer), kept


def main() -> None:
    """Print the shares of verdicts that are not as they must be, and examples by kind."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("shared", type=Path)
    options.add_argument("--rows", type=int, default=1_750, help="right outputs to sample")
    options.add_argument("--show", type=int, default=3, help="examples of each kind of fault")
    asked = options.parse_args()
    asked_of, faults, shown = Counter[bool](), Counter[bool](), Counter[tuple[str, str]]()
    with Judge(workers=1) as judge:
        for right in right_outputs(judge, asked.shared / "data", asked.rows):
            for group, name, output, kept in rewritten(right):
                match = verify_output(judge, (right.gold,), output, "math", DEFAULT)
                asked_of[kept] += 1
                if (match.equal is True) is kept:
                    continue
                faults[kept] += 1
                shown[group, name] += 1
                if shown[group, name] <= asked.show:
                    place = max(0, output.find(match.answer or "") - 60)
                    text = output if len(output) < 160 else output[place : place + 160]
                    print(f"{group}, {name}: gold {right.gold!r}, answer {match.answer!r} by "
                          f"{match.found_by}: {match.equal} ({match.rule}: {match.note})\n"
                          f"    {text!r}")  # fmt: skip
    for (group, name), count in shown.most_common():
        print(f"  {count:5d}  {group}, {name}")
    for kept, words in ((True, "meaning kept, changed"), (False, "meaning changed, accepted")):
        share = 100 * faults[kept] / max(1, asked_of[kept])
        print(f"{words}: {faults[kept]:,} of {asked_of[kept]:,}, {share:.3f} %")


if __name__ == "__main__":
    main()
