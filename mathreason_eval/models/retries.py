"""Which failed tries are repeated, after which pause, and how they are described."""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from time import time
from typing import Any

from mathreason_eval.errors import describe_error
from mathreason_eval.models.base import CONTEXT
from mathreason_eval.models.replies import (
    UNUSABLE,
    UnusableReplyError,
    error_text,
    is_context_error,
)
from mathreason_eval.models.streams import IdleError
from mathreason_eval.text.secrets import Secrets

TIMEOUT = "timeout"
NO_CONNECTION = "no connection"
REQUEST = "request"
"""The kind of failure of a request that cannot be sent at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedTry:
    """One try that brought no completion."""

    kind: str
    reason: str
    status: int | None = None
    hint: str = ""
    again: bool = False
    """Whether it is tried again after a pause, in the same turn."""
    after: float | None = None
    """Seconds that the server asked to wait."""

    @property
    def is_of_request(self) -> bool:
        """Return whether the request alone is the cause, regardless of other requests."""
        return self.kind in {CONTEXT, REQUEST}

    @property
    def is_of_rate(self) -> bool:
        """Return whether the server takes no more requests for now, whichever they are."""
        return self.again and (self.status in _BUSY or self.after is not None)


_BUSY = frozenset({429, 529})
_TRANSIENT = frozenset({408, 409, 425, 429})
_SERVER_ERROR = 500
_QUOTA = ("insufficient_quota", "insufficient quota", "exceeded your current quota", "billing")


def failed_try(error: Exception, secrets: Secrets, timeout: float) -> FailedTry:
    """Return what an exception of one try means, without a secret that it repeats."""
    import openai

    if isinstance(error, IdleError):
        return FailedTry(kind=TIMEOUT, reason=str(error))
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        # Not again at once: with many requests, it would take hours to notice a server that hangs.
        return FailedTry(kind=TIMEOUT, reason=f"no answer within {timeout:g} s")
    if isinstance(error, openai.APIStatusError):
        return _failed_status(error, secrets)
    if isinstance(error, openai.APIConnectionError):
        cause = describe_error(error.__cause__ or error)
        reason = f"the connection failed: {secrets.hide(cause)}"
        return FailedTry(kind=NO_CONNECTION, reason=reason, again=True)
    if isinstance(error, UnusableReplyError):
        return FailedTry(
            kind=UNUSABLE, reason=error_text(secrets.hide(str(error))), status=200, again=True
        )
    if isinstance(error, UnicodeEncodeError):
        return FailedTry(kind=REQUEST, reason="the prompt is not valid Unicode")
    return FailedTry(kind="client", reason=secrets.hide(describe_error(error)))


def _failed_status(error: Any, secrets: Secrets) -> FailedTry:  # noqa: ANN401  openai is imported late
    """Return the failed try of a reply with an error status."""
    status: int = error.status_code
    # Hidden before it is cut: half a key is a secret as well.
    message = error_text(secrets.hide(error.body) if error.body is not None else "")
    if is_context_error(message) and status < _SERVER_ERROR:
        return FailedTry(
            kind=CONTEXT,
            status=status,
            reason=f"the prompt and max_tokens do not fit the context: {message}",
            hint="Lower --max-tokens, or serve the model with a longer context.",
        )
    after = retry_after(error.response.headers)
    spent = status == 429 and any(phrase in message.lower() for phrase in _QUOTA)  # noqa: PLR2004
    return FailedTry(
        kind=f"HTTP {status}",
        status=status,
        reason=f"the server answered {status}: {message}",
        again=(status in _TRANSIENT or status >= _SERVER_ERROR)
        and not spent
        and (after is None or after <= LONGEST_WAIT),
        after=after,
    )


LONGEST_WAIT = 120.0
"""Seconds; a request that has to wait longer is kept for its second turn."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_JITTER = 0.25


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds, at least 0, that a reply asks to wait.

    None if it has neither `retry-after-ms` nor `retry-after` as a finite number or as a date.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return None if date is None else max(0.0, email.utils.mktime_tz(date) - time())
    except (ValueError, OverflowError):
        return None


_DURATION = re.compile(
    r"(?=.)(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,9})ms)?"
)
_UNITS = (3600.0, 60.0, 1.0, 0.001)


def until_allowed(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a server that says so allows another request; None: now, or unsaid.

    OpenAI's headers, which others copy: `x-ratelimit-remaining-requests: 0` and
    `x-ratelimit-reset-requests: 6m0.5s`, and the same of tokens.
    """
    waits = [
        wait
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0"
        and (wait := _duration(headers.get(f"x-ratelimit-reset-{kind}", ""))) is not None
    ]
    longest = max(waits, default=None)
    return longest if longest is not None and longest <= LONGEST_WAIT else None


def _duration(text: str) -> float | None:
    """Return the seconds of `1m2.5s`, `120ms` or `3`; None for anything else."""
    parts = _DURATION.fullmatch(f"{text}s" if text.replace(".", "", 1).isdecimal() else text)
    if parts is None:
        return None
    return sum(float(part) * unit for part, unit in zip(parts.groups("0"), _UNITS, strict=True))


def pause(tries: int, failed: FailedTry, chance: Random) -> float:
    """Return the seconds to wait after a number of tries: as the server asks, else increasing."""
    if failed.after is not None:
        return failed.after
    seconds = min(_FIRST_PAUSE * 2.0 ** min(tries - 1, 10), _LONGEST_PAUSE)
    return seconds * (1 - _JITTER * chance.random())
