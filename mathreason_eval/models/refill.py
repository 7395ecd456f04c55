"""Rows that transformers generates together, where a finished one makes room for the next request.

`generate` computes a batch until its longest row ends; the others wait. Here each step is one token
of every row. Rows that join later are computed first; what they have cached is put behind blanks
that are masked, so that all rows end in the same column. Only for models whose layers all cache
every position: a window, or a state, has no columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from inspect import signature
from time import monotonic
from typing import TYPE_CHECKING, Any

from mathreason_eval.models.base import Request
from mathreason_eval.models.rows import SeededSampler, has_stop, tail_length

if TYPE_CHECKING:
    import torch


@dataclass(slots=True, eq=False)
class Running:
    """A row that is being generated."""

    request: Request
    prompt: list[int]
    began: float
    tokens: list[int] = field(default_factory=list)
    stopped_at: int | None = None
    """Number of generated tokens when a stop string was complete; None: no stop string."""
    nonfinite_at: int | None = None
    """Tokens generated before the model's logits were not finite; None: always finite."""
    seconds: float = 0.0

    def is_done(self, ends: Collection[int], decode: Callable[[list[int]], str]) -> bool:
        """Return whether the last token ended the row; note a stop string."""
        stops = self.request.prompt.stop
        if stops and has_stop(decode(self.tokens[-tail_length(stops) :]), stops):
            self.stopped_at = len(self.tokens)
        full = len(self.tokens) >= self.request.sampling.max_tokens
        return full or self.stopped_at is not None or self.tokens[-1] in ends


def refills(model: Any) -> bool:  # noqa: ANN401  transformers' own
    """Return whether the rows of a model can be replaced one by one."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    arguments = signature(model.forward).parameters
    if not {"position_ids", "attention_mask", "past_key_values"} <= arguments.keys():
        return False
    layers = DynamicCache(config=model.config).layers
    kinds = getattr(model.config.get_text_config(), "layer_types", None) or ()
    plain = all(type(one) is DynamicLayer for one in layers)
    return plain and all(kind == "full_attention" for kind in kinds)


class Rows:
    """The rows that a model generates at a time."""

    def __init__(self, model: Any, decode: Callable[[list[int]], str]) -> None:  # noqa: ANN401
        self._model = model
        self._decode = decode
        self._ends = frozenset(model.generation_config.eos_token_id)
        self._pad = model.generation_config.pad_token_id
        known = "logits_to_keep" in signature(model.forward).parameters
        # Of a prompt only the last logits are wanted, and all of them may not fit the memory.
        self._last = {"logits_to_keep": 1} if known else {}
        self.running: list[Running] = []
        self._clear()

    def _clear(self) -> None:
        self._cache: Any = None
        self._mask: torch.Tensor | None = None
        self._sampler: SeededSampler | None = None

    def abandon(self) -> list[tuple[Request, list[int]]]:
        """Forget all rows; return what they were asked."""
        left = [(one.request, one.prompt) for one in self.running]
        self.running = []
        self._clear()
        return left

    def add(self, asked: Sequence[tuple[Request, list[int]]]) -> None:
        """Have the model read some prompts, and generate the first token of each."""
        import torch
        from transformers import DynamicCache

        device = self._model.device
        longest = max(len(tokens) for _, tokens in asked)
        padded = [[self._pad] * (longest - len(tokens)) + tokens for _, tokens in asked]
        mask = torch.tensor(
            [[0] * (longest - len(tokens)) + [1] * len(tokens) for _, tokens in asked],
            device=device,
        )
        cache = DynamicCache(config=self._model.config)
        positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
        began = monotonic()
        logits = self._logits(torch.tensor(padded, device=device), mask, positions, cache)
        fresh = [Running(request, tokens, began) for request, tokens in asked]
        sampler = SeededSampler([one.request for one in fresh], device)
        self._take(fresh, sampler, logits)
        self._join(fresh, sampler, mask, cache)

    def step(self) -> None:
        """Generate a token of every row."""
        import torch

        assert self._mask is not None
        assert self._sampler is not None
        device = self._model.device
        last = torch.tensor([[one.tokens[-1]] for one in self.running], device=device)
        self._mask = torch.cat([self._mask, torch.ones_like(last)], dim=-1)
        positions = self._mask.sum(dim=-1, keepdim=True) - 1
        logits = self._logits(last, self._mask, positions, self._cache)
        self._take(self.running, self._sampler, logits)

    def finished(self) -> list[Running]:
        """Return the rows that have ended, and make room for others."""
        now = monotonic()
        done = [one for one in self.running if one.is_done(self._ends, self._decode)]
        if not done:
            return []
        assert self._sampler is not None
        for place, length in self._sampler.nonfinite_at().items():
            self.running[place].nonfinite_at = length
        for one in done:
            one.seconds = now - one.began
        self._keep([place for place, one in enumerate(self.running) if one not in done])
        return done

    def _logits(
        self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: object
    ) -> torch.Tensor:
        """Return the logits of the token that follows each row."""
        said = self._model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **self._last,
        )
        # The last layer of a model on several devices is on another one.
        logits: torch.Tensor = said.logits[:, -1].to(tokens.device)
        return logits

    def _take(self, rows: Sequence[Running], sampler: SeededSampler, logits: torch.Tensor) -> None:
        """Add the token that is sampled for each row."""
        for one, token in zip(rows, sampler.sample(logits).tolist(), strict=True):
            one.tokens.append(token)

    def _join(
        self,
        fresh: Sequence[Running],
        sampler: SeededSampler,
        mask: torch.Tensor,
        cache: Any,  # noqa: ANN401
    ) -> None:
        """Put new rows below the others, all of them as long as the longest."""
        import torch
        from torch.nn.functional import pad

        if not self.running:
            self._mask, self._cache, self._sampler = mask, cache, sampler
            self.running = list(fresh)
            return
        assert self._mask is not None
        assert self._sampler is not None
        # The last token of each is not cached yet, and of the new ones neither.
        length = max(self._mask.shape[-1], mask.shape[-1])

        def widened(one: torch.Tensor, dimension: int) -> torch.Tensor:
            blanks = length - one.shape[dimension]
            return pad(one, [0, 0] * (-1 - dimension) + [blanks, 0]) if blanks else one

        for own, new in zip(self._cache.layers, cache.layers, strict=True):
            own.keys = torch.cat([widened(own.keys, -2), widened(new.keys, -2)])
            own.values = torch.cat([widened(own.values, -2), widened(new.values, -2)])
        self._mask = torch.cat([widened(self._mask, -1), widened(mask, -1)])
        self._sampler.join(sampler)
        self.running += fresh

    def _keep(self, places: list[int]) -> None:
        """Keep some rows, and no column that is blank in all of them."""
        import torch

        self.running = [self.running[place] for place in places]
        if not places:
            self._clear()
            return
        assert self._mask is not None
        assert self._sampler is not None
        rows = torch.tensor(places, device=self._mask.device)
        mask = self._mask[rows]
        blank = int(mask.any(dim=0).int().argmax())
        for layer in self._cache.layers:
            own = rows.to(layer.keys.device)
            layer.keys = layer.keys[own][..., blank:, :]
            layer.values = layer.values[own][..., blank:, :]
        self._mask = mask[:, blank:]
        self._sampler.keep(rows)
