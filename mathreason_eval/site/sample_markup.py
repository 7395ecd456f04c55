"""Samples as markup: on their own pages, and folded on the page of their problem.

Written here and not in a template, as there are hundreds of thousands: the templates' calls and
their checks of every value were half of the time of a build. Every text goes through `spelled`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mathreason_eval.site.markup import answer, spelled, text
from mathreason_eval.site.results import STATES, Result, Shot, ShownSample, samples_page
from mathreason_eval.text import counted

if TYPE_CHECKING:
    from markupsafe import Markup

    from mathreason_eval.types import Generation, Verdict


def sample_article(
    result: Result, sample: ShownSample, after: ShownSample | None, limits: Mapping[str, int]
) -> Markup:
    """Return a sample with its reasoning, output, answer and the reason of its verdict.

    Args:
        result: its result.
        sample: the sample.
        after: the next one of the same state, on any page; None for the last.
        limits: as `LIMITS` of the pages.
    """
    from markupsafe import Markup

    generation, verdict = sample.generation, sample.verdict
    anchor = spelled(sample.anchor)
    output = text(generation.text, None if verdict is None else verdict.span, limits["output"])
    empty = "" if generation.text else '<span class="gap">the output is empty</span>'
    return Markup(  # noqa: S704  each part is escaped
        f'<article class="sample" id="{anchor}" data-kind="{sample.state}">\n'
        f'<h3><a href="#{anchor}">sample {generation.sample}</a> {_state(sample.state)}'
        f"{_onward(result, sample, after)}</h3>\n"
        f"{_reasoning(generation, limits)}"
        f'<div class="text output">{output}{empty}</div>\n'
        f'<dl class="verdict">\n{"".join(_reasons(generation, verdict, limits))}</dl>\n</article>\n'
    )


def _state(name: str) -> str:
    state = STATES[name]
    sign = f'<span aria-hidden="true">{state.glyph}</span>'
    return f'<span class="state {name}">{sign} {state.word}</span>'


def _onward(result: Result, sample: ShownSample, after: ShownSample | None) -> str:
    if after is None:
        return ""
    page = samples_page(result, after.page).rpartition("/")[2] if after.page != sample.page else ""
    href = f"{page}#{spelled(after.anchor)}"
    return f' <a class="onward" href="{href}">next {STATES[sample.state].word} →</a>'


def _reasoning(generation: Generation, limits: Mapping[str, int]) -> str:
    if generation.reasoning is None:
        return ""
    length = counted(len(generation.reasoning), "character")
    length += ", ended by force" if generation.thought_ended else ""
    inner = text(generation.reasoning, None, limits["reasoning"])
    return (
        f"<details><summary>reasoning, {length}</summary>"
        f'<div class="text output">{inner}</div></details>\n'
    )


def _reasons(
    generation: Generation, verdict: Verdict | None, limits: Mapping[str, int]
) -> Iterator[str]:
    """Yield the terms that say how a sample was judged and made."""
    if verdict is not None:
        yield f"<dt>answer</dt><dd>{_found(verdict, limits)}</dd>\n"
        note = f": {text(verdict.note, None, limits['answer'])}" if verdict.note else ""
        credit = ""
        if verdict.score not in {0, 1}:
            credit = f' <span class="aside">credit {100 * verdict.score:.1f} %</span>'
        yield f"<dt>decided by</dt><dd>{spelled(verdict.rule)}{note}{credit}</dd>\n"
    if generation.label is not None:
        says = "says correct" if generation.label else "says wrong"
        yield f"<dt>publisher</dt><dd>{says}</dd>\n"
    made = " · ".join(_cost(generation))
    yield f'<dt>generated</dt><dd class="aside">{made}</dd>\n'


def _found(verdict: Verdict, limits: Mapping[str, int]) -> str:
    if verdict.answer is None:
        return "none found"
    empty = "" if verdict.answer else '<span class="gap">empty</span>'
    where = ""
    if verdict.span is not None:
        where = f", characters {verdict.span[0]:,} to {verdict.span[1]:,}"
    return (
        f'<span class="answer">{answer(verdict.answer, limits)}</span>{empty} '
        f'<span class="aside">found by {spelled(str(verdict.found_by))}{where}</span>'
    )


def _cost(generation: Generation) -> Iterator[str]:
    if generation.completion_tokens is not None:
        yield f"{generation.completion_tokens:,} tokens"
    yield f"finish reason {spelled(generation.finish_reason or 'unknown')}"
    if generation.prompt_tokens is not None:
        yield f"{generation.prompt_tokens:,} tokens of prompt"
    if generation.seconds is not None:
        yield f"{generation.seconds:,.1f} s"
    if generation.seed is not None:
        yield f"seed {generation.seed}"
    if generation.reward is not None:
        yield f"reward {generation.reward:g}"


# --- folded ----------------------------------------------------------------------------------


def folded_sample(
    result: Result, shot: Shot, *, who: str, href: str, output: str | None, longest: int
) -> Markup:
    """Return a sample as one line that opens.

    Args:
        result: its result.
        shot: the sample.
        who: the markup of the model's name.
        href: the address of the sample in full.
        output: the markup of its output, or of an excerpt; None if there is no room for it.
        longest: the most characters of a note.
    """
    from markupsafe import Markup

    head, link = _head(result, shot, who), spelled(href)
    if output is None:
        return Markup(f'<p class="shot">{head} <a href="{link}">open</a></p>\n')  # noqa: S704
    inner = output or '<span class="gap">the output is empty</span>'
    note = f": {spelled(cut(shot.note, longest))}" if shot.note else ""
    rule = f"Decided by {spelled(shot.rule)}{note}. " if shot.rule else ""
    return Markup(  # noqa: S704  each part is escaped
        f'<details class="shot"><summary>{head}</summary>\n'
        f'<div class="text output">{inner}</div>\n'
        f'<p class="aside">{rule}<a href="{link}">The sample in full</a></p></details>\n'
    )


_SHORT = 60
"""Characters of an answer in a line."""


def _head(result: Result, shot: Shot, who: str) -> str:
    state = STATES[shot.state]
    sign = f'<span aria-hidden="true">{state.glyph}</span>'
    word = f'<span class="hidden">{state.word}</span>'
    parts = [f'<span class="state {shot.state}">{sign}{word}</span> <span class="who">{who}</span>']
    if result.entry.samples > 1:
        parts.append(f' <span class="aside">sample {shot.sample}</span>')
    if shot.answer is not None:
        parts.append(f' <span class="answer">{spelled(cut(shot.answer, _SHORT))}</span>')
    if shot.tokens is not None:
        parts.append(f' <span class="aside">{shot.tokens:,} tokens</span>')
    return "".join(parts)


def cut(whole: str, most: int) -> str:
    """Return at most so many characters of a text in one line, then `…` if there are more."""
    line = " ".join(whole[: 4 * most].split())
    return line if len(line) <= most else f"{line[:most].rstrip()}…"
