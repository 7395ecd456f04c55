"""A model that is opened once and asked by several runs, one after another."""

from __future__ import annotations

from typing import Any

from mathreason_eval.models.base import Model


class Kept:
    """A model that another run will ask: whoever closes it leaves it open."""

    def __init__(self, model: Model) -> None:
        object.__setattr__(self, "_model", model)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the model has
        return getattr(self._model, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._model, name, value)

    def close(self) -> None:
        """Do nothing."""
