"""What a model's tokens cost, by a file of the user's."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.runs.descriptors import open_named
from mathreason_eval.text.documents import DocumentError, parse_yaml
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES

_EXAMPLE = "Write `currency: USD` and `models: {NAME: {prompt: 0.25, completion: 2}}`."
_KINDS = ("prompt", "completion")


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What a million tokens of one model cost."""

    currency: str
    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what some tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


def price_of(path: Path, model: str) -> Price:
    """Return the price of a model in a file of prices.

    Args:
        path: YAML: `currency`, and `models` with the prices of a million tokens by name.
        model: as typed. In the file it has this name; that of a server's model may be there
            without the address.

    Raises:
        UserError: the file cannot be read, or is no list of prices.
        UnknownNameError: it has no price of this model.
    """
    document = _document(path)
    currency, models = document.get("currency"), document.get("models")
    if not isinstance(currency, str) or not currency or not isinstance(models, Mapping):
        raise UserError(f"{path} does not name a currency and models.", _EXAMPLE)
    for key in document:
        if key not in {"currency", "models"}:
            raise UnknownNameError(f"key in {path}", str(key), ("currency", "models"))
    own = model.partition(":")[2].partition("@http")[0]
    named = next((name for name in (model, own) if name in models), None)
    if named is None:
        shown = own if "@http" in model else model
        raise UnknownNameError(f"price in {path}", shown, map(str, models))
    values = models[named] if isinstance(models[named], Mapping) else {}
    if {*values} != {*_KINDS} or not all(map(_is_price, values.values())):
        raise UserError(
            f"{path}: {named}: its prices are not a number for prompt and one for completion.",
            _EXAMPLE,
        )
    return Price(currency=currency, **{kind: float(values[kind]) for kind in _KINDS})


def _is_price(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )


def _document(path: Path) -> Mapping[object, object]:
    try:
        with os.fdopen(open_named(path), "rb") as file:
            document = parse_yaml(file.read(MAX_DOCUMENT_BYTES + 1))
    except (OSError, DocumentError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"The prices in {path} cannot be read: {reason}.", _EXAMPLE) from None
    if not isinstance(document, Mapping):
        raise UserError(f"{path} holds no prices.", _EXAMPLE)
    return document
