"""What the sessions of a run cost: the manifest lists each, and the totals are their sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.runs.manifest import grown, now, setting_changes, with_rounding
from mathreason_eval.types import (
    CostEntry,
    GenerationInfo,
    RunManifest,
    SessionEnd,
    SessionEntry,
    Totals,
)


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


def costing(manifest: RunManifest, cost: CostEntry) -> RunManifest:
    """Return a manifest whose last session says what it has cost, or may have."""
    last = replace(manifest.sessions[-1], cost=cost)
    return replace(manifest, sessions=(*manifest.sessions[:-1], last))


def cost_of(sessions: Sequence[SessionEntry]) -> CostEntry | None:
    """Return what sessions have cost together; None if one has no prices, or another currency."""
    costs = [one.cost for one in sessions]
    found = [one for one in costs if one is not None]
    if not found or len(found) < len(costs) or len({one.currency for one in found}) > 1:
        return None
    return CostEntry(
        currency=found[0].currency,
        known=sum(one.known for one in found),
        possible=sum(one.possible for one in found),
    )


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
    cost: CostEntry | None
    engine_idle_seconds: float
    harness_cpu_seconds: float
    cores: int


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
        cost=spent.cost,
        engine_idle_seconds=round(spent.engine_idle_seconds, 3),
        harness_cpu_seconds=round(spent.harness_cpu_seconds, 3),
        cores=spent.cores,
    )
    sessions = (*manifest.sessions[:-1], last)
    return replace(manifest, sessions=sessions, totals=sums(sessions, completion_tokens))


def joined(manifests: Sequence[tuple[Path, RunManifest]]) -> RunManifest:
    """Return the manifest of a run that has the samples of several; it says nothing of its end.

    Args:
        manifests: of the runs, each with its folder; at least one.

    Raises:
        RunError: if two of them are of other conditions, or of samples without keys.
    """
    place, whole = manifests[0]
    for other, manifest in manifests:
        if manifest.unkeyed:
            raise RunError(
                f"{other} has samples that do not say under which conditions they were made.",
                "Runs of an earlier version and imports cannot be merged.",
            )
        if changes := ", ".join(setting_changes(whole, manifest)):
            raise RunError(
                f"{other} was made with other settings than {place}: {changes}.",
                "Only partial runs of one model, seed and set of conditions become one run.",
            )
        first, own = answering_model(whole), answering_model(manifest)
        if first is not None and own is not None and first != own:
            raise RunError(
                f"The model {first} answered what {place} holds, and {own} that of {other}.",
                "A run holds the answers of one model.",
            )
        tasks = {
            name: grown(whole.tasks[name], entry) if name in whole.tasks else entry
            for name, entry in manifest.tasks.items()
        }
        whole = replace(
            whole,
            model=with_rounding(whole.model, manifest.model),
            tasks={**whole.tasks, **tasks},
            started=min(whole.started, manifest.started),
            sessions=(*whole.sessions, *manifest.sessions),
        )
    every = (one for _, manifest in manifests for one in manifest.sessions)
    sessions = tuple(sorted(dict.fromkeys(every), key=lambda one: one.began or ""))
    return replace(whole, sessions=sessions, totals=None, finished=None)


def sums(sessions: tuple[SessionEntry, ...], completion_tokens: int) -> Totals:
    """Return the sums over sessions.

    Args:
        sessions: all of a run.
        completion_tokens: of all samples that its folder holds.
    """
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
