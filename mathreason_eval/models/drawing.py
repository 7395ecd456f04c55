"""How the hf engine draws tokens: each row by its own seed, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mathreason_eval.models.base import Request

if TYPE_CHECKING:
    import torch

_RANKED = 512
"""Tokens ranked at first; they nearly always hold top_p, and sorting all takes ten times longer."""
_MARGIN = 4
"""Tokens looked at beyond a stop string's bytes: some hold no text at all."""


class Draw:
    """A logits processor that leaves each row only the token it draws.

    A row's randomness is made from its request's seed alone, so the batch does not change it. The
    token is the one with the largest share divided by exponential noise, which draws by share
    (the Gumbel-max trick). Where the cumulated shares pass a random number would do as well and
    costs less noise, but rounding that differs with the batch then changes most rare tokens.
    """

    def __init__(self, requests: Sequence[Request], device: Any) -> None:  # noqa: ANN401 - torch's own
        import torch

        samplings = [request.sampling for request in requests]
        self._sources = [
            torch.Generator(device).manual_seed(request.seed)
            if request.sampling.temperature > 0
            else None
            for request in requests
        ]
        temperature = torch.tensor([s.temperature for s in samplings], device=device)
        self._temperature = temperature.masked_fill(temperature == 0, 1.0).unsqueeze(1)
        self._top_p = torch.tensor([s.top_p for s in samplings], device=device).unsqueeze(1)
        self._made = 0
        self._lost_at = torch.full((len(samplings),), -1, device=device)

    def __call__(self, _tokens: object, scores: torch.Tensor) -> torch.Tensor:
        """Return scores that are finite for the drawn token alone."""
        import torch

        shares = torch.softmax(scores.float() / self._temperature, dim=-1)
        self._note_lost(shares)
        noise = torch.full_like(shares, 0.5)  # the same for all tokens where the row is greedy
        for row, source in enumerate(self._sources):
            if source is not None:
                noise[row].uniform_(generator=source)
        # The logarithm makes it exponential, and five times as fast as drawing it so.
        noise.log_().neg_()
        rows = (self._top_p < 1).squeeze(1).nonzero().squeeze(1)
        if len(rows):
            shares[rows] = _nucleus(shares[rows], self._top_p[rows])
        chosen = (shares / noise).argmax(dim=-1, keepdim=True)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)

    def lost_at(self) -> Mapping[int, int]:
        """Return the rows whose logits were not numbers, and after how many tokens."""
        return {row: made for row, made in enumerate(self._lost_at.tolist()) if made >= 0}

    def _note_lost(self, shares: torch.Tensor) -> None:
        """Note which rows have no shares: one logit that is no number leaves none of them one.

        In float16 a model may exceed the largest number; the first token would be drawn for ever.
        """
        fresh = shares[:, 0].isnan() & (self._lost_at < 0)
        self._lost_at.masked_fill_(fresh, self._made)
        self._made += 1


def _nucleus(shares: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Return the shares with those outside the nucleus set to 0.

    A token stays while those before it hold less than top_p, and so do those that have the same
    share as the last: which of them is ranked first depends on the batch.
    """
    import torch

    ranked = shares.topk(min(_RANKED, shares.shape[-1]), dim=-1).values
    if (ranked.sum(dim=-1, keepdim=True) < top_p).any():
        ranked = shares.sort(dim=-1, descending=True).values
    outside = ranked.cumsum(dim=-1) - ranked >= top_p
    least = ranked.masked_fill(outside, torch.inf).amin(dim=-1, keepdim=True)
    return shares.masked_fill(shares < least, 0.0)


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
        tails = {
            row: min(made, max(map(_most_tokens, request.prompt.stop)))
            for row, request in enumerate(self.requests)
            if request.prompt.stop and row not in self.stopped_at
        }
        # All rows at once: a GPU is waited for each time that something is read from it.
        last = tokens[:, -max(tails.values()) :].tolist() if tails else []
        for row, tail in tails.items():
            text = self.decode(last[row][-tail:])
            if any(stop in text for stop in self.requests[row].prompt.stop):
                self.stopped_at[row] = made
                done[row] = True
        return torch.tensor(done, device=tokens.device)


def _most_tokens(stop: str) -> int:
    """Return how many tokens at the end may hold a stop string: one a byte, and a few beyond."""
    return len(stop.encode(errors="replace")) + _MARGIN


def cut(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string in it."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text
