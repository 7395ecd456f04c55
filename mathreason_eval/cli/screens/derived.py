"""What came of asking about the samples of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from mathreason_eval.pipeline.second_turn import Revised
from mathreason_eval.text import counted


def revised_lines(found: Sequence[Revised]) -> Iterator[str]:
    """Yield the lines of each task: the flips, the scores, and the vote beside them."""
    for one in found:
        yield ""
        yield (
            f"{one.task}: of {counted(one.samples, 'answer')}, {one.right_to_wrong:,} right to "
            f"wrong and {one.wrong_to_right:,} wrong to right; {one.stayed_right:,} stayed right "
            f"and {one.stayed_wrong:,} wrong"
        )
        yield (
            f"first turn {100 * one.first:.1f}, second {100 * one.second:.1f} "
            f"({100 * (one.second - one.first):+.1f} pp); {_beside(one)}"
        )


def _beside(one: Revised) -> str:
    if one.tokens is None or one.votes is None:
        return "the tokens of a turn are not known, so no vote is beside it"
    cost = f"{one.tokens:.2f} times the tokens of the first turn"
    if one.vote is None:
        return f"{cost}: a vote among {one.votes} first answers needs a run of as many samples"
    value, low, high = (100 * part for part in (one.vote.value, one.vote.low, one.vote.high))
    return f"{cost}, for which {one.vote.name} has {value:.1f} ({low:.1f} – {high:.1f})"


def revised_as_json(found: Iterable[Revised]) -> list[dict[str, object]]:
    """Return the same as plain values."""
    return [asdict(one) for one in found]
