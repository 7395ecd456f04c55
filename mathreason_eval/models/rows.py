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
        self._length = 0
        self._nonfinite_at = torch.full((len(samplings),), -1, device=device)

    def __call__(self, _tokens: object, scores: torch.Tensor) -> torch.Tensor:
        """Return scores that are finite for the sampled token alone."""
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
        chosen = (probabilities / noise).argmax(dim=-1, keepdim=True)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)

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
        self._nonfinite_at.masked_fill_(fresh, self._length)
        self._length += 1


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
            row: min(length, max(map(_max_tokens, request.prompt.stop)))
            for row, request in enumerate(self.requests)
            if request.prompt.stop and row not in self.stopped_at
        }
        # All rows in one read, because each read waits for the GPU.
        last = tokens[:, -max(tails.values()) :].tolist() if tails else []
        for row, tail in tails.items():
            text = self.decode(last[row][-tail:])
            if any(stop in text for stop in self.requests[row].prompt.stop):
                self.stopped_at[row] = length
                done[row] = True
        return torch.tensor(done, device=tokens.device)


def _max_tokens(stop: str) -> int:
    """Return how many of the last tokens may hold a stop string: one a byte, and a margin."""
    return len(stop.encode(errors="replace")) + _MARGIN


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string in it."""
    found = [start for stop in stops if (start := text.find(stop)) >= 0]
    return text[: min(found)] if found else text
