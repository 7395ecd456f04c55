"""slime: `--custom-rm-path mathreason_eval.reward.slime.custom_rm`, also with `--group-rm`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mathreason_eval.reward.scoring import areward


async def custom_rm(
    args: object,
    sample: Any,  # noqa: ANN401  slime's Sample, or a list of them
    **options: object,
) -> float | list[float]:
    """Return the reward of a sample, or of each of a group; the loop is not blocked.

    Args:
        args: not used.
        sample: one or several, each with `response`, `label` and `status`.
        options: not used.
    """
    several = isinstance(sample, Sequence)
    samples = list(sample) if several else [sample]
    found = await areward(
        [one.response for one in samples],
        [one.label for one in samples],
        finish_reasons=[_finish_reason(one) for one in samples],
    )
    return found if several else found[0]


def _finish_reason(sample: Any) -> str | None:  # noqa: ANN401  as above
    status = getattr(sample, "status", None)
    return "length" if getattr(status, "value", status) in _CUT else None


_CUT = frozenset({"truncated", "aborted"})
"""What slime says of a sample whose text is not all of it."""
