"""Requests whose prompts a model repeats, so that each result shows whose it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.types import Prompt, Sampling


def requests(number: int) -> Iterator[Request]:
    """Yield requests whose problem ids are 0 to number - 1, and whose prompts differ."""
    for index in range(number):
        yield Request(
            task="t", problem_id=str(index), sample=0, prompt=Prompt(text=f"{index}!"),
            sampling=Sampling(max_tokens=8), seed=index,
        )  # fmt: skip


def check_whole(
    results: Iterable[Completion | Failure], number: int, failed: Collection[str] = ()
) -> None:
    """Check that each request has one result, its own; those of these problems have failed."""
    results = list(results)
    assert Counter(one.request.problem_id for one in results) == dict.fromkeys(
        map(str, range(number)), 1
    )
    for one in results:
        if one.request.problem_id in failed:
            assert isinstance(one, Failure)
        else:
            assert isinstance(one, Completion)
            assert one.text == one.request.prompt.text
