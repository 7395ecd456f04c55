"""What the requests of a session cost, and which may still be sent: none that could exceed a limit.

A request is held at the most that it can cost, its prompt and max_tokens, until its tokens are
known. What was sent and never answered stays at that: it may have been charged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock

from mathreason_eval.errors import IncompleteRunError, RunError
from mathreason_eval.models.base import CONTEXT, Completion, Failure, Model, Request
from mathreason_eval.models.budget import prompt_bytes
from mathreason_eval.pipeline.prices import Price
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.runs.store import Run
from mathreason_eval.types import CostEntry, SessionEntry

_TEMPLATE_TOKENS = 256
"""The most that a chat template is taken to add to a prompt that nothing counts."""


def most_prompt_tokens(model: Model, request: Request) -> int:
    """Return the tokens of a prompt, or more: where nothing counts them, its bytes.

    No tokenizer in use makes more tokens of a text than it has bytes.
    """
    count: Callable[..., int] | None = getattr(model, "prompt_tokens", None)
    if count is not None:
        return count(request.prompt)
    return prompt_bytes(request.prompt) + _TEMPLATE_TOKENS


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """What a run may cost, and what it has cost before this session."""

    price: Price
    most: float | None
    """Of all sessions together; None for any amount."""
    earlier: float
    """What earlier sessions cost, what they may have cost included."""


def earlier_cost(run: Run, price: Price, *, limited: bool) -> float:
    """Return what the earlier sessions of a run have cost, or may have.

    Sessions that were not told a price are priced now, if all tokens that they took are known.

    Raises:
        RunError: it is not known, or in another currency, and a limit needs it.
    """
    sessions = run.manifest.sessions
    known = [one.cost for one in sessions if one.cost is not None]
    for one in known:
        if one.currency != price.currency:
            raise RunError(
                f"What {run.path} has cost is in {one.currency}, and the prices are in "
                f"{price.currency}.",
                "Give all sessions of a run prices in one currency.",
            )
    unpriced = [
        one for one in sessions if one.cost is None and not (_is_accounted(one) and not one.samples)
    ]
    certain, possible = sum(one.known for one in known), sum(one.possible for one in known)
    if not unpriced:
        return certain + possible
    tokens = _stored_tokens(run) if all(map(_is_accounted, unpriced)) else None
    if tokens is not None:
        # Of all sessions: which samples are of those without prices is not stored.
        return max(certain, price.of(*tokens)) + possible
    if not limited:
        return 0.0
    raise RunError(
        f"What {run.path} has cost so far is not known: a session without prices was killed, had "
        "requests that failed, or stored samples without a number of tokens.",
        "Leave --max-cost out, or choose another folder with -o.",
    )


def _is_accounted(session: SessionEntry) -> bool:
    return session.ended is not None and session.failures == 0


def _stored_tokens(run: Run) -> tuple[int, int] | None:
    """Return the tokens of all prompts and completions; None if those of a sample are unknown."""
    prompts = completions = 0
    for task in run.tasks():
        for sample in run.stream(task):
            if sample.prompt_tokens is None or sample.completion_tokens is None:
                return None
            prompts += sample.prompt_tokens
            completions += sample.completion_tokens
    return prompts, completions


@dataclass(slots=True)
class _Held:
    """A request that was handed out and has no result yet."""

    most: float
    """What one try can cost."""
    paid: int = 1
    """Tries that are held and were not sent."""
    sent: int = 0
    """Tries that were sent and may have been charged."""


_FINEST = 0.02
"""The part of the limit by which what is written of a running session grows."""
_GROWTH = 0.05
_REQUESTS = 32


class Ledger:
    """The account of one session. Any thread may use it."""

    def __init__(
        self,
        limit: Limit,
        most_tokens: Callable[[Request], int],
        write: Callable[[CostEntry], None],
    ) -> None:
        """Begin with nothing spent.

        Args:
            limit: the price, and what may be spent.
            most_tokens: returns the most tokens that a request's prompt can have.
            write: stores what this session may have cost, before it can have cost more.
        """
        self.limit = limit
        self.stopped: str = ""
        """Why no more requests are handed out; empty while some are."""
        self._most_tokens = most_tokens
        self._write = write
        self.sends = False
        """Whether the engine tells of each try by `may_send`."""
        self._lock = Lock()
        self._held: dict[tuple[str, str, int], _Held] = {}
        self._next: Request | None = None
        self._known = self._possible = self._mark = 0.0
        self._closed = False

    @property
    def cost(self) -> CostEntry:
        """What this session has cost so far."""
        return CostEntry(
            currency=self.limit.price.currency, known=self._known, possible=self._possible
        )

    # --- requests ----------------------------------------------------------------------------

    def affordable(self, source: Iterator[Request], stop: Stop | None = None) -> Affordable:
        """Return an iterator over requests, each only if it cannot exceed the limit.

        It ends where the next could, and goes on once results have shown that it cannot; for ever
        when the run is to end.
        """
        return Affordable(self, source, stop or Stop())

    def take(self, source: Iterator[Request], stop: Stop) -> Request | None:
        """Return the next request, or None if there is none, or none that can be afforded now."""
        with self._lock:
            if self.stopped or self._closed or stop.requested:
                return None
            request = self._next or next(source, None)
            if request is None:
                return None
            self._next = request
            held = _Held(self._price_at_most(request))
            if not self._afford(held.most):
                if not self._held:
                    self.stopped = self._explain(held.most)
                return None
            self._next = None
            self._held[_key(request)] = held
            return request

    def may_send(self, request: Request) -> bool:
        """Take note that a request is about to be sent; False if that could exceed the limit."""
        with self._lock:
            if self._closed:
                return False
            held = self._held.get(_key(request))
            if held is None:
                held = _Held(self._price_at_most(request), paid=0)
            if held.paid == 0:
                if not self._afford(held.most):
                    return False
                held.paid = 1
                self._held[_key(request)] = held
            held.paid -= 1
            held.sent += 1
            return True

    def refused(self, request: Request) -> None:
        """Take note that the last try was refused: nobody charges for that."""
        with self._lock:
            held = self._held.get(_key(request))
            if held is not None and held.sent:
                held.sent -= 1
                held.paid += 1

    def settle(self, result: Completion | Failure) -> None:
        """Take note of a request's result: what it has cost is known, or stays possible."""
        with self._lock:
            held = self._held.pop(_key(result.request), None)
            if held is None:
                return
            if isinstance(result, Failure):
                sent = held.sent if self.sends else int(result.kind != CONTEXT)
                self._possible += sent * held.most
                return
            prompt, completion = result.prompt_tokens, result.completion_tokens
            tries = max(held.sent, 1)
            if prompt is None or completion is None:
                self._possible += tries * held.most
                self._halt("the engine does not say how many tokens an answer took")
                return
            cost = self.limit.price.of(prompt, completion)
            self._known += cost
            self._possible += (tries - 1) * held.most
            if cost > held.most * (1 + 1e-9):
                self._halt(
                    f"an answer took {prompt:,} tokens of prompt and {completion:,} of completion, "
                    "more than its prompt and max_tokens allow"
                )

    def close(self) -> None:
        """End the account: whatever has no result may have been charged."""
        with self._lock:
            self._closed = True
            for held in self._held.values():
                self._possible += held.most * (held.sent if self.sends else 1)
            self._held.clear()

    # --- amounts -----------------------------------------------------------------------------

    def _price_at_most(self, request: Request) -> float:
        return self.limit.price.of(self._most_tokens(request), request.sampling.max_tokens)

    def _committed(self) -> float:
        held = sum(one.most * (one.paid + one.sent) for one in self._held.values())
        return self._known + self._possible + held

    def _afford(self, amount: float) -> bool:
        """Return whether an amount more can be held; if so, it is written that it may be spent."""
        after, most = self._committed() + amount, self.limit.most
        if most is not None and self.limit.earlier + after > most:
            return False
        if after > self._mark:
            step = max(_FINEST * (most or 0.0), _GROWTH * after, _REQUESTS * amount)
            # Not more than may be spent: a session that is killed counts as this.
            allowed = after + step if most is None else min(after + step, most - self.limit.earlier)
            self._mark = max(after, allowed)
            self._write(
                CostEntry(
                    currency=self.limit.price.currency, known=self._known,
                    possible=self._mark - self._known,
                )
            )  # fmt: skip
        return True

    def _halt(self, reason: str) -> None:
        """Hand out nothing more where a limit cannot be kept."""
        if self.limit.most is not None and not self.stopped:
            self.stopped = f"The run stopped, as --max-cost cannot be kept: {reason}."

    def _explain(self, amount: float) -> str:
        spent = money(self.limit.earlier + self._committed())
        return (
            f"The run stopped before it could cost more than {money(self.limit.most or 0.0)} "
            f"{self.limit.price.currency}: {spent} are spent, and the next request could cost "
            f"{money(amount)}."
        )


def _key(request: Request) -> tuple[str, str, int]:
    return request.task, request.problem_id, request.sample


class Affordable(Iterator[Request]):
    """Requests that can be afforded; there may be more after there was none."""

    def __init__(self, ledger: Ledger, source: Iterator[Request], stop: Stop) -> None:
        """Take requests from a source, each at its cost, until a run is to end."""
        self._stop = stop
        self._ledger = ledger
        self._source = source
        self._first: Request | None = None

    def __next__(self) -> Request:
        """Return the next request; raise StopIteration if there is none now."""
        request, self._first = self._first or self._ledger.take(self._source, self._stop), None
        if request is None:
            raise StopIteration
        return request

    def has_more(self) -> bool:
        """Return whether there is a request now."""
        self._first = self._first or self._ledger.take(self._source, self._stop)
        return self._first is not None


def money(amount: float) -> str:
    """Return an amount with as many digits as a small one needs."""
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.3g}"


def check_stopped(ledger: Ledger | None) -> Iterable[IncompleteRunError]:
    """Yield the error of a session that ended because of what it costs."""
    if ledger is not None and ledger.stopped:
        yield IncompleteRunError(
            ledger.stopped,
            "What was answered is stored; the same command goes on from there, with a larger "
            "--max-cost or without.",
        )
