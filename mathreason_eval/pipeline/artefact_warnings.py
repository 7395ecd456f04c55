"""What the figures of a run do not say of the model, as warnings and in errors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from mathreason_eval.errors import IncompleteRunError, UserError
from mathreason_eval.runs.artefacts import Artefact, Kind, artefacts
from mathreason_eval.runs.store import Run
from mathreason_eval.text.shell import of_path


class ArtefactWarning(UserWarning):
    """Many samples of a run say more about its settings, or a server, than about the model."""


def warn_of_artefacts(run: Run) -> None:
    """Warn of each artefact of a run, for who called who called this."""
    for one in artefacts(run):
        warnings.warn(f"{run.path}: {one.text}; {_remedy(one)}", ArtefactWarning, stacklevel=3)


_REMEDIES = {
    Kind.UNFINISHED: "a stop string, or a token that ends a text, may come too early",
    Kind.NO_ANSWER: "prompt= or system= may ask for the format",
    Kind.GREEDY: "take samples=1, or temperature=0.6 and another out",
}


def _remedy(one: Artefact) -> str:
    """Return what to change in a call of `evaluate`, or which samples to look at."""
    if one.kind is Kind.TRUNCATED and one.suggested_tokens is not None:
        return f"call it with max_tokens={one.suggested_tokens} and another out"
    return _REMEDIES.get(one.kind, "look at samples() of the run")


def with_artefacts(faults: Sequence[UserError], run: Run) -> Sequence[UserError]:
    """Return why a run ended before its end; the last fault says first what its samples are.

    Failed requests are left out: the faults name them.
    """
    said = [one.text for one in artefacts(run) if one.kind is not Kind.FAILED]
    if not faults or not said:
        return faults
    *others, last = faults
    more = f"{of_path('show', run.path)} says more"
    hint = f"Of what is stored {', and '.join(said)}: {more}. {last.hint}"
    return [*others, IncompleteRunError(last.what, hint)]
