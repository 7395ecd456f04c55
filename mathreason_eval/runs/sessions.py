"""What the sessions of a run cost: the manifest lists each, and the totals are their sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mathreason_eval.runs.manifest import now
from mathreason_eval.types import GenerationInfo, RunManifest, SessionEnd, SessionEntry, Totals


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What a folder holds."""

    samples: int
    completion_tokens: int

    @classmethod
    def of(cls, samples: Iterable[GenerationInfo]) -> Stored:
        """Return how many samples there are, and their tokens where these are known."""
        tokens = [one.completion_tokens or 0 for one in samples]
        return cls(samples=len(tokens), completion_tokens=sum(tokens))


def begun(manifest: RunManifest, stored: Stored) -> RunManifest:
    """Return a manifest with a session that begins now.

    A session before it that was killed is said to have stored what no other says it did.

    Args:
        manifest: of the folder.
        stored: what the folder holds already.
    """
    opened = SessionEntry(
        began=now(),
        ended=None,
        end=None,
        seconds=None,
        grading_lag_seconds=None,
        samples=None,
        completion_tokens=None,
        failures=None,
    )
    earlier = manifest.sessions
    if earlier and earlier[-1].samples is None and earlier[-1].began is not None:
        others = earlier[:-1]
        if all(one.samples is not None for one in others):
            killed = replace(
                earlier[-1],
                samples=max(0, stored.samples - sum(one.samples or 0 for one in others)),
                completion_tokens=max(
                    0, stored.completion_tokens - sum(one.completion_tokens or 0 for one in others)
                ),
            )
            earlier = (*others, killed)
    return replace(manifest, sessions=(*earlier, opened))


def answering_model(manifest: RunManifest) -> str | None:
    """Return what the server called the model that answered the sessions of a run, if it did."""
    return next((one.answered_by for one in manifest.sessions if one.answered_by), None)


def answered(manifest: RunManifest, name: str) -> RunManifest:
    """Return a manifest whose last session says which model answers."""
    last = replace(manifest.sessions[-1], answered_by=name)
    return replace(manifest, sessions=(*manifest.sessions[:-1], last))


def now_after(earlier: str | None) -> str:
    """Return the time, or an earlier time that the clock has been set back behind.

    Args:
        earlier: ISO 8601, UTC; None if it is unknown.
    """
    try:
        back = earlier is not None and datetime.fromisoformat(earlier) > datetime.now(UTC)
    except (ValueError, TypeError):
        back = False  # Not ours: an edited manifest.
    return earlier if back and earlier is not None else now()


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a session did, at its end."""

    end: SessionEnd
    seconds: float
    grading_lag_seconds: float
    samples: int
    completion_tokens: int
    failures: int


def ended(manifest: RunManifest, spent: Spent, completion_tokens: int) -> RunManifest:
    """Return a manifest whose last session ends now, with the totals of all.

    Args:
        manifest: with the session that `begun` added.
        spent: what it did.
        completion_tokens: of all samples that the folder holds.
    """
    last = replace(
        manifest.sessions[-1],
        ended=now_after(manifest.sessions[-1].began),
        end=spent.end,
        seconds=round(spent.seconds, 3),
        grading_lag_seconds=round(spent.grading_lag_seconds, 3),
        samples=spent.samples,
        completion_tokens=spent.completion_tokens,
        failures=spent.failures,
    )
    sessions = (*manifest.sessions[:-1], last)
    return replace(manifest, sessions=sessions, totals=_sums(sessions, completion_tokens))


def _sums(sessions: tuple[SessionEntry, ...], completion_tokens: int) -> Totals:
    timed = [one for one in sessions if one.seconds is not None]
    seconds = sum(one.seconds or 0.0 for one in timed)
    tokens = sum(one.completion_tokens or 0 for one in timed)
    return Totals(
        completion_tokens=completion_tokens,
        generation_seconds=round(seconds, 3),
        tokens_per_second=round(tokens / seconds, 1) if seconds > 0 else 0.0,
        grading_lag_seconds=round(sum(one.grading_lag_seconds or 0.0 for one in sessions), 3),
        failures=sum(one.failures or 0 for one in sessions),
    )
