"""Graders by name: how each compares an answer with a gold, and how it extracts answers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mathreason_eval.errors import UnknownNameError, describe_error
from mathreason_eval.extract.last import whole
from mathreason_eval.grade.prm800k import prm800k_quick, prm800k_slow
from mathreason_eval.grade.published import (
    ask_math_verify,
    first_hashes,
    flexible_number,
    hendrycks_equal,
    math_verify,
    minerva_find,
    minerva_quick,
    minerva_slow,
    rule_match,
    same_lm_eval_text,
)
from mathreason_eval.maths.compare.classes import same_vote
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.compare.equal import canonical_key, compare
from mathreason_eval.maths.compare.options import (
    claims_options,
    is_run,
    labelled,
    only_options,
    read_options,
)
from mathreason_eval.maths.compare.symbolic import compare_slow
from mathreason_eval.registry import TASK_PREFIX, Registry, module_at
from mathreason_eval.types import Answer, Match, Measure, Outcome

Compare = Callable[[str, str, Convention], Match]
"""(gold, answer, convention) -> Match."""
Same = Callable[[tuple[str, str], tuple[str, str]], bool]
"""Whether two answers, each with its key in votes, are one vote."""
Function = Callable[[str, str], bool | Match]
"""An external grader: (gold, answer) -> whether they are equal, or a Match."""

MATH_RULES = (
    "boxed", "tag", "hashes", "phrase", "program_output", "bare", "last_formula", "last_number",
)  # fmt: skip
"""The extraction rules of `verify`, strictest first."""
CHOICE_RULES = ("boxed", "tag", "choice")


@dataclass(frozen=True, kw_only=True, slots=True)
class Grader:
    """A comparison of answers with golds, with its rules for extracting answers."""

    summary: str
    compare: Compare
    """The quick comparison, pure Python; undecided if that is not enough."""
    slow: Compare | None = None
    """The comparison by computer algebra if the quick one is undecided; called in workers only."""
    extract: tuple[str, ...] = MATH_RULES
    """Extraction rules if the task names none."""
    find: Callable[[str], Answer | None] | None = None
    """A published grader's own extraction, from a text; it overrides the task's rules."""
    accepts: Callable[[str], bool] | None = None
    """Whether a text can be an answer at all; what cannot is passed over where there is another."""
    key: Callable[[str], str] = canonical_key
    """Maps an answer to the key of its equivalence class, for majority votes."""
    measures: tuple[Measure, ...] = ()
    """Further scores of its matches; 0 for a sample without an answer."""
    package: str | None = None
    """The module of another package that it needs, and that our extra of its name brings."""
    outside: Callable[[], Function] | None = None
    """Loads the function of an external grader; called in workers only."""

    def rules_for(self, golds: Sequence[str]) -> tuple[str, ...]:
        """Return the extraction rules; if every gold is a letter, those for multiple choice."""
        letters = self.extract is MATH_RULES and all(
            only_options(gold) is not None and not is_run(gold) for gold in golds
        )
        return CHOICE_RULES if letters else self.extract


def grader_named(name: str) -> Grader:
    """Return a grader of ours, of a family or of an installed package.

    Raises:
        UnknownNameError: if there is none; it suggests the nearest name.
        PluginError: if the package that provides it cannot be imported.
    """
    if name not in GRADERS:
        hint = "Only its own task can use a task's grader." if is_of_task(name) else ""
        raise UnknownNameError("grader", name, GRADERS, hint)
    return GRADERS[name]


def grader_for(reference: str) -> Grader:
    """Return a grader by its name, or a task's own by its file: `/…/task.py:parity`.

    Such a file is executed, so only a loaded task may name it, never a row or a manifest: for
    names from data use `grader_named`.

    Raises:
        UnknownNameError: as `grader_named`.
        PluginError: as `grader_named`.
    """
    if reference.startswith("/") and is_of_task(reference):
        return _in_folder(reference)
    return grader_named(reference)


def vote_key(name: str) -> Callable[[str], str]:
    """Return a grader's map from an answer to its key in votes.

    For a task's own grader, which may not be installed, it is the default map.

    Raises:
        UnknownNameError: as `grader_named`.
        PluginError: as `grader_named`.
    """
    return canonical_key if is_of_task(name) else grader_named(name).key


def vote_same(name: str) -> Same | None:
    """Return what decides whether answers with different keys are one vote; None: they never are.

    Raises:
        UnknownNameError: as `grader_named`.
        PluginError: as `grader_named`.
    """
    return same_vote if vote_key(name) is canonical_key else None


def measures_of(name: str) -> tuple[Measure, ...]:
    """Return the measures of a grader; none for a task's own grader.

    Raises:
        UnknownNameError: as `grader_named`.
        PluginError: as `grader_named`.
    """
    return () if is_of_task(name) else grader_named(name).measures


FAILED = "error"
"""The rule of a judgement whose grader raised an error."""


def failed(error: BaseException) -> Match:
    """Return the judgement of an answer on which a grader raised: undecided, never wrong."""
    note = f"the grader failed: {describe_error(error)}"
    return Match(equal=None, rule=FAILED, note=note, outcome=Outcome.UNGRADABLE)


# --- ours ------------------------------------------------------------------------------------


def plain(judge: Callable[[str, str], Match]) -> Compare:
    """Return a comparison of (gold, answer) as one that ignores conventions."""

    def judged(gold: str, answer: str, convention: Convention) -> Match:  # noqa: ARG001
        return judge(gold, answer)

    return judged


def _number(gold: str, answer: str, convention: Convention) -> Match:
    found = compare(gold, answer, convention)
    if found.equal is not None:
        return found
    return Match(equal=False, rule="number", note="the answer cannot be read as a number")


_INTEGER = re.compile(r"[-+]?\d+\Z")
_DIGITS = 1_000
"""Maximum digits: Python parses longer integers in more than linear time; no gold is longer."""
_MARKUP = re.compile(
    r"\\(?:text|mathrm|mathbf|textbf|boxed|displaystyle)(?![a-z])|\\[,;:! ]|[${}\s]"
)


def _integer(gold: str, answer: str) -> Match:
    """Compare integers as in AIME, ignoring leading zeros and markup; `m + n = 25` is 25."""
    if len(answer) > _DIGITS:
        return Match(equal=False, rule="integer", note="the answer is too long")
    digits = _MARKUP.sub("", answer.rpartition("=")[2]).rstrip(".").replace(",", "")
    digits = re.sub(r"\.0+\Z", "", digits).replace("−", "-")
    if not _INTEGER.match(digits) or not _INTEGER.match(gold.strip()):
        return Match(equal=False, rule="integer", note="the answer is not an integer")
    one, other = int(gold), int(digits)
    sign = "=" if one == other else "≠"
    return Match(equal=one == other, rule="integer", note=f"{other} {sign} {one}")


def _choice(gold: str, answer: str) -> Match:
    """Compare the options that an answer claims with those of the gold, or the gold's text."""
    named = read_options(gold)
    if named is None or not named.claimed:
        return _text(gold, answer)
    found = claims_options(named, answer)
    if read_options(answer) is None and (text := labelled(gold)) is not None:
        return _text(text.text, answer)
    return Match(equal=found.equal, rule=found.rule, note=found.note)


def _names_option(answer: str) -> bool:
    return read_options(answer) is not None


def _option_key(answer: str) -> str:
    """Return the class of an answer in votes: the options that it claims."""
    read = read_options(answer)
    return canonical_key(answer) if read is None else f"choice {read.text}"


def _text(gold: str, answer: str) -> Match:
    one, other = (" ".join(text.split()).casefold() for text in (gold, answer))
    equal = one == other
    note = "the same except for case and spaces" if equal else "another text"
    return Match(equal=equal, rule="text", note=note)


# --- from outside: functions of a task's folder or of a package, run in worker processes only -----


def recorded(reference: str) -> str:
    """Return the name under which a run records a grader: a task's own without its folder."""
    return reference[reference.rfind(f"/{TASK_PREFIX}") + 1 :]


def is_of_task(reference: str) -> bool:
    """Return whether a grader is a function in a task's folder."""
    return recorded(reference).startswith(TASK_PREFIX)


@cache
def _in_folder(reference: str) -> Grader:
    def load() -> Function:
        # Executed by the worker that decides, not by whoever looks the grader up.
        path, _, name = reference.rpartition(":")
        function: Function = getattr(module_at(path), name)
        return function

    return _outside(recorded(reference), load, "a task's own")


def _adopted(name: str, found: Any) -> Grader:  # noqa: ANN401  a package may provide anything
    """Return the object of a package's entry point as a grader.

    Raises:
        TypeError: if it is neither a grader nor a function.
    """
    if isinstance(found, Grader):
        return found
    if not callable(found):
        raise TypeError(f"of type {type(found).__name__}, neither a Grader nor a function")
    summary = (found.__doc__ or "").strip().partition("\n")[0]
    return _outside(name, lambda: found, summary or "of a package")


def _outside(name: str, load: Callable[[], Function], summary: str) -> Grader:
    """Return a grader that runs only in a worker, where a hang or a crash affects one sample."""

    def undecided(gold: str, answer: str) -> Match:  # noqa: ARG001  a comparison's signature
        return Match(equal=None, rule="undecided", note=f"{name} was not asked")

    def judged(gold: str, answer: str) -> Match:
        return as_match(name, load()(gold, answer))

    return Grader(summary=summary, compare=plain(undecided), slow=plain(judged), outside=load)


_NOTE_LENGTH = 500
"""Maximum number of characters of a note that are kept."""


def as_match(name: str, returned: Any) -> Match:  # noqa: ANN401  a function may return anything
    """Return the result of a grader's function as a match.

    Raises:
        TypeError: if it is neither a bool nor a `Match`.
        ValueError: if a measure is not finite.
    """
    if isinstance(returned, bool):
        return Match(equal=returned, rule=name, note=f"{name} says {returned}")
    if not isinstance(returned, Match) or not (
        returned.equal is None or isinstance(returned.equal, bool)
    ):
        raise TypeError(f"{name} returned {type(returned).__name__}, neither a bool nor a Match")
    measures = {str(key): float(value) for key, value in returned.measures.items()}
    if not all(map(math.isfinite, measures.values())):
        raise ValueError("a measure is not a number")
    return Match(
        equal=returned.equal,
        rule=_clean(returned.rule) or name,
        note=_clean(returned.note),
        measures=measures,
    )


def _clean(text: str) -> str:
    return str(text)[:_NOTE_LENGTH].encode("utf-8", "replace").decode("utf-8")


# --- published rules -------------------------------------------------------------------------


def published(rule: str, equal: Callable[[str, str], bool]) -> Compare:
    """Return a published equality rule as a comparison that ignores conventions."""

    def judged(gold: str, answer: str) -> Match:
        return rule_match(rule, equal=equal(gold, answer))

    return plain(judged)


GRADERS: Registry[Grader] = Registry(
    "GRADERS",
    {
        "math": Grader(
            summary="numbers, structures, expressions", compare=compare, slow=compare_slow
        ),
        "number": Grader(summary="a number, exactly", compare=_number),
        "expression": Grader(summary="an expression", compare=compare, slow=compare_slow),
        "integer": Grader(summary="an integer, as AIME asks", compare=plain(_integer)),
        "choice": Grader(
            summary="the options that are claimed, by their letters",
            compare=plain(_choice),
            extract=CHOICE_RULES,
            accepts=_names_option,
            key=_option_key,
        ),
        "text": Grader(summary="a text, ignoring case and spaces", compare=plain(_text)),
        "gsm8k-strict": Grader(
            summary="first #### number, as text",
            compare=published("gsm8k-strict", same_lm_eval_text),
            find=first_hashes,
        ),
        "gsm8k-flexible": Grader(
            summary="last number-like text, as text",
            compare=published("gsm8k-flexible", same_lm_eval_text),
            find=flexible_number,
        ),
        "hendrycks": Grader(
            summary="MATH's own string rules",
            compare=published("hendrycks", hendrycks_equal),
            extract=("boxed",),
        ),
        "minerva": Grader(
            summary="Minerva's string rules, then sympy",
            compare=plain(minerva_quick),
            slow=plain(minerva_slow),
            find=minerva_find,
        ),
        "prm800k": Grader(
            summary="PRM800K's string rules, then sympy",
            compare=plain(prm800k_quick),
            slow=plain(prm800k_slow),
            extract=("boxed",),
        ),
        "math-verify": Grader(
            summary="the math-verify package, if it is installed",
            compare=plain(ask_math_verify),
            slow=plain(math_verify),
            package="math_verify",
            find=whole,
        ),
    },
    adopt=_adopted,
)
"""Every grader by name, those of families and of installed packages included: `docs/grading.md`."""
