"""The page of a model: all its results, and nothing that other models decide.

So that another run changes no page but those of its own model and tasks. Ranks, and what sets a
model apart from the others, are on the pages of the tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mathreason_eval.site.apart_page import apart_page
from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.site.pages import Values, model_names
from mathreason_eval.site.task_page import known_columns


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelResult:
    """One result of a model."""

    column: Column
    standing: Standing

    @property
    def apart(self) -> str:
        """Return the place of what sets it apart from others, from the site's root."""
        return f"{apart_page(self.column)}#{self.standing.result.page}"


def model_values(results: Sequence[ModelResult]) -> Values:
    """Return the variables of the template for a model."""
    first = results[0].standing.result
    short = model_names([result.standing.result for result in results])[first.model]
    return {
        "model": first.manifest.model,
        "short": short,
        "results": sorted(results, key=lambda one: (one.column.task, one.standing.result.page)),
        **known_columns([one.standing.result for one in results]),
        "samples": sum(one.standing.result.judged for one in results),
    }
