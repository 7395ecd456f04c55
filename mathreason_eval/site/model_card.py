"""A snippet for a model's card: its results in the format that Hugging Face's hub reads."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mathreason_eval.site.leaderboard import settings
from mathreason_eval.site.model_page import ModelResult
from mathreason_eval.text import visible
from mathreason_eval.types import Unit


def model_card(short: str, results: Sequence[ModelResult]) -> str:
    """Return YAML for the head of a model card, and a table for its body; empty without a result.

    Results that are not ranked are left out: a card has no room for why.

    Args:
        short: the model's name as it is shown.
        results: its results.
    """
    shown = [one for one in results if one.standing.ranked and _is_share(one)]
    if not shown:
        return ""
    head = [
        "---",
        "model-index:",
        f"- name: {_quoted(short)}",
        "  results:",
        *(line for one in shown for line in _entry(one)),
        "---",
    ]
    body = [
        "| task | metric | value | 95 % interval | problems | sampled with |",
        "|---|---|--:|--:|--:|---|",
        *map(_row, shown),
    ]
    return "\n".join([*head, "", *body]) + "\n"


def _is_share(one: ModelResult) -> bool:
    return one.standing.metric is not None and one.standing.metric.unit is Unit.SHARE


def _entry(one: ModelResult) -> list[str]:
    metric = one.standing.metric
    assert metric is not None, "a ranked result has one"
    name = "accuracy" if metric.name == "avg" else metric.name
    return [
        "  - task: {type: text-generation}",
        f"    dataset: {{name: {_quoted(one.column.task)}, type: {_quoted(one.column.task)}}}",
        f"    metrics: [{{type: {_quoted(name)}, value: {100 * metric.value:.1f}}}]",
    ]


def _row(one: ModelResult) -> str:
    metric = one.standing.metric
    assert metric is not None, "a ranked result has one"
    low, high = 100 * metric.low, 100 * metric.high
    cells = [
        one.column.task,
        "accuracy" if metric.name == "avg" else metric.name,
        f"{100 * metric.value:.1f}",
        f"{low:.1f} – {high:.1f}",
        f"{metric.problems:,}",
        settings(one.standing.result.manifest, one.column.task).replace("\N{NO-BREAK SPACE}", " "),
    ]
    return f"| {' | '.join(map(_plain, cells))} |"


def _quoted(text: str) -> str:
    """Return a text as YAML, of which JSON is a part."""
    return json.dumps(text)


def _plain(text: str) -> str:
    """Return a text as a cell of a Markdown table, without markup of its own."""
    cleaned = visible(" ".join(text.split()))
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|!&" else sign for sign in cleaned)
