"""Sampling and stopping of a batch of transformers, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mathreason_eval.models.base import Request

if TYPE_CHECKING:
    import torch


class SeededSampler:
    """A logits processor that leaves each row only the token sampled for it.

    A row's randomness is made from its request's seed alone, so the batch does not change it. The
    token is the one with the largest probability divided by exponential noise, which samples by
    probability (the Gumbel-max trick). Inverting the cumulative distribution needs less noise, but
    rounding that differs with the batch then changes most rare tokens.
    """

    def __init__(self, requests: Sequence[Request], device: Any) -> None:  # noqa: ANN401 - torch's own
        import torch

        samplings = [request.sampling for request in requests]
        self._generators = [
            torch.Generator(device).manual_seed(request.seed)
            if request.sampling.temperature > 0
            else None
            for request in requests
        ]
        temperature = torch.tensor([s.temperature for s in samplings], device=device)
        self._temperature = temperature.masked_fill(temperature == 0, 1.0).unsqueeze(1)
        self._top_p = torch.tensor([s.top_p for s in samplings], device=device).unsqueeze(1)
        self._lengths = torch.zeros(len(samplings), dtype=torch.long, device=device)
        self._nonfinite_at = torch.full_like(self._lengths, -1)

    def __call__(self, _tokens: object, scores: torch.Tensor) -> torch.Tensor:
        """Return scores that are finite for the sampled token alone."""
        import torch

        chosen = self.sample(scores).unsqueeze(1)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)

    def join(self, other: SeededSampler) -> None:
        """Add the rows of another sampler, behind those of this one."""
        import torch

        self._generators += other._generators
        for name in _BY_ROW:
            setattr(self, name, torch.cat([getattr(self, name), getattr(other, name)]))

    def keep(self, rows: torch.Tensor) -> None:
        """Keep some rows, in their order."""
        self._generators = [self._generators[row] for row in rows.tolist()]
        for name in _BY_ROW:
            setattr(self, name, getattr(self, name)[rows])

    def sample(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the token that is sampled for each row."""
        import torch

        probabilities = torch.softmax(scores.float() / self._temperature, dim=-1)
        self._note_nonfinite(probabilities)
        # The same for all tokens where the row is greedy.
        noise = torch.full_like(probabilities, 0.5)
        for row, generator in enumerate(self._generators):
            if generator is not None:
                noise[row].uniform_(generator=generator)
        # The logarithm makes it exponential, five times as fast as torch's own exponential noise.
        noise.log_().neg_()
        rows = (self._top_p < 1).squeeze(1).nonzero().squeeze(1)
        if len(rows):
            probabilities[rows] = _nucleus(probabilities[rows], self._top_p[rows])
        return (probabilities / noise).argmax(dim=-1)

    def nonfinite_at(self) -> Mapping[int, int]:
        """Return the rows whose logits were not finite, with the tokens generated before that."""
        lengths = self._nonfinite_at.tolist()
        return {row: length for row, length in enumerate(lengths) if length >= 0}

    def _note_nonfinite(self, probabilities: torch.Tensor) -> None:
        """Note which rows have no probabilities: one NaN or infinite logit makes all of them NaN.

        In float16 a model may exceed the largest number; the first token of the vocabulary would
        be chosen from then on.
        """
        fresh = probabilities[:, 0].isnan() & (self._nonfinite_at < 0)
        self._nonfinite_at = self._lengths.where(fresh, self._nonfinite_at)
        self._lengths = self._lengths + 1


_BY_ROW = ("_temperature", "_top_p", "_lengths", "_nonfinite_at")
"""The tensors of a sampler that have a value for each row."""


_RANKED = 512
"""Tokens ranked at first; they nearly always hold top_p, and sorting all takes ten times longer."""


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Return the probabilities with those outside the nucleus set to 0.

    A token stays while those before it hold less than top_p, and so do those that have the same
    probability as the last: which of them is ranked first depends on the batch.
    """
    import torch

    ranked = probabilities.topk(min(_RANKED, probabilities.shape[-1]), dim=-1).values
    if (ranked.sum(dim=-1, keepdim=True) < top_p).any():
        ranked = probabilities.sort(dim=-1, descending=True).values
    outside = ranked.cumsum(dim=-1) - ranked >= top_p
    least = ranked.masked_fill(outside, torch.inf).amin(dim=-1, keepdim=True)
    return probabilities.masked_fill(probabilities < least, 0.0)


_MARGIN = 4
"""Tokens looked at beyond a stop string's bytes: some hold no text at all."""


@dataclass(kw_only=True, slots=True)
class StopByRow:
    """A stopping criterion with each row's own max_tokens and stop strings."""

    requests: Sequence[Request]
    prompt_length: int
    decode: Callable[[list[int]], str]
    stopped_at: dict[int, int] = field(default_factory=dict)
    """Generated tokens at which a row's stop string was complete."""

    def __call__(self, tokens: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        """Return which rows are done."""
        import torch

        length = tokens.shape[1] - self.prompt_length
        done = [length >= request.sampling.max_tokens for request in self.requests]
        tails = {
            row: min(length, tail_length(request.prompt.stop))
            for row, request in enumerate(self.requests)
            if request.prompt.stop and row not in self.stopped_at
        }
        # All rows in one read, because each read waits for the GPU.
        last = tokens[:, -max(tails.values()) :].tolist() if tails else []
        for row, tail in tails.items():
            text = self.decode(last[row][-tail:])
            if has_stop(text, self.requests[row].prompt.stop):
                self.stopped_at[row] = length
                done[row] = True
        return torch.tensor(done, device=tokens.device)


def tail_length(stops: Sequence[str]) -> int:
    """Return how many of the last tokens may hold a stop string."""
    return max(map(_max_tokens, stops))


def has_stop(text: str, stops: Sequence[str]) -> bool:
    """Return whether a stop string is in a text."""
    return any(stop in text for stop in stops)


def _max_tokens(stop: str) -> int:
    """Return how many of the last tokens may hold a stop string: one a byte, and a margin."""
    return len(stop.encode(errors="replace")) + _MARGIN


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string in it."""
    found = [start for stop in stops if (start := text.find(stop)) >= 0]
    return text[: min(found)] if found else text
