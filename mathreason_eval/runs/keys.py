"""The key of a sample: a digest of everything that can change its text.

A line of `generations.jsonl` counts only if its key is the one that its folder's manifest and
prompts give for it, so that no folder reports samples of another model, prompt or setting.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from mathreason_eval.types import (
    IDENTIFIED_AS,
    OPTIONS,
    ROUNDING,
    SCHEDULING,
    FailedRequest,
    Generation,
    ModelEntry,
    RunManifest,
    SentPrompt,
)

PART_DIGITS = 8
"""Hexadecimal digits of each of the three parts of a key: of model, settings and run seed; of the
prompt; of all that with the sample's index and seed. They tell conditions apart within a folder;
they withstand no attack."""
CONDITION_DIGITS = 2 * PART_DIGITS
"""The first two parts: the same for all samples of a problem."""
_KEY_DIGITS = 3 * PART_DIGITS

KeyedT = TypeVar("KeyedT", Generation, FailedRequest)
"""A line with a key: a sample, or a request that brought none."""


def model_identity(model: ModelEntry) -> dict[str, Any]:
    """Return what identifies a model: all that is recorded of it, except how requests are run."""
    details = dict(model.details)
    options = details.pop(OPTIONS, {})
    for name in (SCHEDULING, ROUNDING):
        details.pop(name, None)
    return {
        "name": details.pop(IDENTIFIED_AS, model.name),
        "revision": model.revision,
        "sha256": model.sha256,
        "chat_template_sha256": model.chat_template_sha256,
        **details,
        **(options if isinstance(options, Mapping) else {OPTIONS: options}),
    }


def prompt_digests(prompts: Iterable[SentPrompt]) -> Mapping[str, str]:
    """Return the digest of each problem's prompt."""
    return {sent.problem_id: sent.prompt.sha256 for sent in prompts}


class SampleKeys:
    """The keys of the samples of one task of a run."""

    def __init__(self, manifest: RunManifest, task: str, prompts: Mapping[str, str]) -> None:
        """Take the model, the sampling and the run seed of a manifest.

        Args:
            manifest: of the run.
            task: one of its tasks.
            prompts: the digest of each problem's prompt.
        """
        shared: dict[str, Any] = {
            "model": model_identity(manifest.model),
            "temperature": manifest.sampling.temperature,
            "top_p": manifest.sampling.top_p,
            "max_tokens": manifest.tasks[task].max_tokens,
            "seed": manifest.seed,
        }
        if (budget := manifest.sampling.think_budget) is not None:
            shared["think_budget"] = budget
        self._spelled = json.dumps(shared, sort_keys=True, default=str)
        run = _digits(self._spelled)
        self._unkeyed = manifest.unkeyed
        self._prompts = prompts
        self._conditions = {name: run + own[:PART_DIGITS] for name, own in prompts.items()}

    def key(self, problem_id: str, sample: int, seed: int | None) -> str:
        """Return the key of a sample of a problem whose prompt is known."""
        conditions = self._conditions[problem_id]
        return conditions + _digits(f"{conditions} {problem_id} {sample} {seed}")

    def own(self, stored: Iterable[KeyedT]) -> list[KeyedT]:
        """Return the lines that are of this run.

        Of a key only the digits of the conditions are compared, which takes a fraction of the time
        of a digest: a sample's seed follows from the conditions and its index.
        """
        expected, digits = self._conditions.get, CONDITION_DIGITS
        return [
            one
            for one in stored
            if (
                (key := one.key) is not None
                and len(key) == _KEY_DIGITS
                and key[:digits] == expected(one.problem_id)
            )
            or self._is_own_of_before(one)
        ]

    def is_exactly(self, stored: Generation) -> bool:
        """Return whether a sample is of this run, its whole key compared."""
        if stored.key is None or len(stored.key) != _KEY_DIGITS:
            return self._is_own_of_before(stored)
        known = stored.problem_id in self._conditions
        return known and stored.key == self.key(stored.problem_id, stored.sample, stored.seed)

    def _is_own_of_before(self, stored: Generation | FailedRequest) -> bool:
        """Return whether a line with no key, or with one of the first form, is of this run."""
        if stored.key is None:
            return self._unkeyed
        prompt = self._prompts.get(stored.problem_id)
        if len(stored.key) != _FIRST_DIGITS or prompt is None:
            return False
        own = f"{self._spelled}\0{prompt}\0{stored.sample} {stored.seed}"
        return stored.key == _digits(own, _FIRST_DIGITS)


_FIRST_DIGITS = 16
"""Digits of a key as it was first stored: one digest of everything."""


def _digits(spelled: str, digits: int = PART_DIGITS) -> str:
    return hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
