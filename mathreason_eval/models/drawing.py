"""How the hf engine draws tokens: each row by its own seed, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mathreason_eval.models.base import Request

if TYPE_CHECKING:
    import torch

_RANKED = 512
"""Tokens ranked at first; they nearly always hold top_p, and sorting all takes ten times longer."""
_MARGIN = 4
"""Tokens looked at beyond a stop string's length, where a token holds less than a character."""


class Draw:
    """A logits processor that leaves each row only the token it draws.

    A row's randomness is a sequence of uniform numbers made from its request's seed alone, on the
    CPU, so neither the batch nor the device changes it. The token is the one at which the
    cumulative distribution passes the step's number.
    """

    def __init__(self, requests: Sequence[Request], prompt_length: int, device: Any) -> None:  # noqa: ANN401 - torch's own
        import torch

        samplings = [request.sampling for request in requests]
        steps = max(sampling.max_tokens for sampling in samplings)
        self._prompt_length = prompt_length
        self._uniform = torch.stack(
            [
                torch.rand(
                    steps,
                    generator=torch.Generator("cpu").manual_seed(request.seed),
                    dtype=torch.float64,
                )
                for request in requests
            ]
        ).to(device)
        temperature = torch.tensor([s.temperature for s in samplings], device=device)
        self._greedy = temperature == 0
        self._temperature = temperature.masked_fill(self._greedy, 1.0).unsqueeze(1)
        self._top_p = torch.tensor([s.top_p for s in samplings], device=device).unsqueeze(1)

    def __call__(self, tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores that are finite for the drawn token alone."""
        import torch

        chosen = scores.argmax(dim=-1)
        if not self._greedy.all():
            drawn = self._drawn(scores, tokens.shape[1] - self._prompt_length)
            chosen = torch.where(self._greedy, chosen, drawn)
        alone = torch.full_like(scores, -torch.inf)
        return alone.scatter_(1, chosen.unsqueeze(1), 0.0)

    def _drawn(self, scores: torch.Tensor, step: int) -> torch.Tensor:
        """Return the token of each row at this step's uniform number."""
        import torch

        shares = torch.softmax(scores.double() / self._temperature, dim=-1)
        uniform = self._uniform[:, step : step + 1]
        top_p = self._top_p
        everything = (top_p >= 1).any()
        drawn = (
            _place(shares, uniform) if everything else torch.zeros_like(uniform, dtype=torch.long)
        )
        # Ranked only where a row asks for it, and in full only where a row needs it: what one row
        # asks or needs must not change another.
        ranked, names = shares.topk(min(_RANKED, shares.shape[-1]), dim=-1)
        enough = ranked.sum(dim=-1, keepdim=True) >= top_p
        drawn = torch.where((top_p < 1) & enough, _nucleus(ranked, names, top_p, uniform), drawn)
        rows = ((top_p < 1) & ~enough).squeeze(1).nonzero().squeeze(1)
        if len(rows):
            ranked, names = shares[rows].sort(dim=-1, descending=True, stable=True)
            drawn[rows] = _nucleus(ranked, names, top_p[rows], uniform[rows])
        return drawn.squeeze(1)


def _nucleus(
    ranked: torch.Tensor, names: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor
) -> torch.Tensor:
    """Return the token drawn from each row's largest shares that hold top_p together."""
    # A token stays while those before it hold less than top_p; the first always does.
    outside = ranked.cumsum(dim=-1) - ranked >= top_p
    return names.gather(1, _place(ranked.masked_fill(outside, 0.0), uniform))


def _place(shares: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Return for each row the first place at which its cumulated shares pass its number."""
    import torch

    passed = shares.cumsum(dim=-1)
    place = torch.searchsorted(passed, uniform * passed[:, -1:], right=True)
    return place.clamp(max=shares.shape[-1] - 1)


@dataclass(kw_only=True, slots=True)
class Stop:
    """A stopping criterion by row: its own max_tokens, and its own stop strings."""

    requests: Sequence[Request]
    prompt_length: int
    decode: Callable[[list[int]], str]
    stopped_at: dict[int, int] = field(default_factory=dict)
    """Generated tokens at which a row's stop string was complete."""

    def __call__(self, tokens: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        """Return which rows are done."""
        import torch

        made = tokens.shape[1] - self.prompt_length
        done = [made >= request.sampling.max_tokens for request in self.requests]
        for row, request in enumerate(self.requests):
            stops = request.prompt.stop
            if not stops or row in self.stopped_at:
                continue
            tail = min(made, max(map(len, stops)) + _MARGIN)
            text = self.decode(tokens[row, -tail:].tolist())
            if any(stop in text for stop in stops):
                self.stopped_at[row] = made
                done[row] = True
        return torch.tensor(done, device=tokens.device)


def cut(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string in it."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text
