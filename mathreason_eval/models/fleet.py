"""Several replicas of one model behind one: each takes requests from one queue as it has room.

A replica whose engine fails is replaced, or left out where it cannot be; what it had in flight is
asked of the others. So is a request that one replica could not answer, once: only then is it a
failure. A request's result does not depend on which replica answers it, or on how many there are.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from time import monotonic
from types import MappingProxyType

from mathreason_eval.errors import ModelError
from mathreason_eval.models.base import (
    Allowance,
    Completion,
    Failure,
    Model,
    Request,
    SystemRole,
    answered_by,
    asks_allowance,
    can_continue,
    expect,
    system_role,
)
from mathreason_eval.types import SCHEDULING, Prompt


class Fleet:
    """Replicas of one model, each streamed by a thread of its own."""

    def __init__(
        self,
        replicas: Sequence[Model],
        *,
        grace: float,
        scheduling: Mapping[str, object] = MappingProxyType({}),
        end: Callable[[], None] | None = None,
    ) -> None:
        """Take ready replicas, which are closed with the fleet.

        Args:
            replicas: of one model; the first says what it is.
            grace: seconds that requests in flight have when a run ends early.
            scheduling: what is recorded of where they run.
            end: is called after they are closed.
        """
        self._scheduling = scheduling
        self._end = end
        self._replicas = tuple(replicas)
        self._grace = grace
        first = self._replicas[0]
        self.name, self.chat, self.opening = first.name, first.chat, first.opening
        contexts = [one.context for one in self._replicas if one.context is not None]
        self.context = min(contexts, default=None)
        self.thinks = getattr(first, "thinks", False)
        self.continues = all(map(can_continue, self._replicas))
        self._queue: _Queue | None = None
        if hasattr(first, "prompt_tokens"):
            self.prompt_tokens = self._prompt_tokens

    def _prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of a prompt as the first replica that is alive counts them."""
        for one in self._replicas[:-1]:
            with suppress(ModelError):
                tokens: int = getattr(one, "prompt_tokens")(prompt)  # noqa: B009  some have it
                return tokens
        last: int = getattr(self._replicas[-1], "prompt_tokens")(prompt)  # noqa: B009
        return last

    @property
    def answered_by(self) -> str | None:
        """The model that answers, as the servers call it."""
        return next(filter(None, map(answered_by, self._replicas)), None)

    @answered_by.setter
    def answered_by(self, name: str | None) -> None:
        for one in self._replicas:
            expect(one, name)

    def ask_allowance(self, allowance: Allowance | None) -> bool:
        """Have every replica ask before each request; see `base.asks_allowance`."""
        told = [asks_allowance(one, allowance) for one in self._replicas]
        return all(told)

    def describe(self) -> Mapping[str, object]:
        """Return what the first replica says of itself: all are the same model."""
        described = self._replicas[0].describe()
        if not self._scheduling:
            return described
        held = described.get(SCHEDULING)
        own = held if isinstance(held, Mapping) else {}
        return {**described, SCHEDULING: {**own, **self._scheduling}}

    def system_role(self) -> SystemRole:
        """Return what the chat template does with a system message."""
        return system_role(self._replicas[0])

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield one result a request, in the order in which they finish.

        Raises:
            ModelError: every replica has failed, or they are not the same model.
        """
        queue = self._queue = _Queue(iter(requests), len(self._replicas))
        for number, one in enumerate(self._replicas):
            Thread(target=_work, args=(one, queue), name=f"replica-{number}", daemon=True).start()
        try:
            while (result := queue.result()) is not None:
                self._share_name()
                yield result
        finally:
            queue.close()

    def _share_name(self) -> None:
        """Have all replicas take no other model than the one that answers.

        Raises:
            ModelError: two have answered by different ones.
        """
        names = {name for one in self._replicas if (name := answered_by(one)) is not None}
        if len(names) > 1:
            raise ModelError(
                f"The replicas of {self.name} are different models: {', '.join(sorted(names))}.",
                "Name servers of one model.",
            )
        for name in names:
            self.answered_by = name

    def drain(self) -> Iterator[Completion | Failure]:
        """Yield what the replicas finish within the grace, in seconds, of an ended stream."""
        if self._queue is not None:
            yield from self._queue.finished_by(monotonic() + self._grace)

    def close(self) -> None:
        """Close every replica; requests in flight are abandoned."""
        if self._queue is not None:
            self._queue.close()
        for one in self._replicas:
            one.close()
        if self._end is not None:
            self._end()


_DEADLY = 3
_KILLS = f"{_DEADLY} replicas died while they had it"


class _Queue:
    """The requests of one stream, handed to whoever asks, and the results of all."""

    def __init__(self, source: Iterator[Request], replicas: int) -> None:
        self._source = source
        self._again: deque[tuple[Request, Model | None]] = deque()
        """What is to be asked once more, and the replica that could not answer it."""
        self._tried: dict[int, Failure] = {}
        """By the request's identity, the failure of the replica that was asked before."""
        self._died: Counter[int] = Counter()
        """By the request's identity, the replicas that died while they had it."""
        self._alive = replicas
        self._flying = 0
        """Requests that were handed out and have no result yet."""
        self._closing = False
        self._pulling = False
        """Whether a request is being made, or could not be: then all end, with its error."""
        self._error: BaseException | None = None
        self._changed = Condition()
        self._results: SimpleQueue[Completion | Failure | None] = SimpleQueue()

    # --- for the one who reads the results ---------------------------------------------------

    def result(self) -> Completion | Failure | None:
        """Return the next result; None after the last.

        Raises:
            BaseException: what ended the last replica, or the source of the requests.
        """
        result = self._results.get()
        if result is None and self._error is not None:
            raise self._error
        return result

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def finished_by(self, end: float) -> Iterator[Completion | Failure]:
        """Yield the results that come until a time, while any request is in flight."""
        while (left := end - monotonic()) > 0:
            try:
                result = self._results.get(timeout=left if self._flying else 0)
            except Empty:
                return
            if result is not None:
                yield result

    # --- for the replicas' threads -----------------------------------------------------------

    def wait(self, replica: Model) -> Request | None:
        """Return a request as soon as there is one; None when all have their results."""
        with self._changed:
            while (request := self._next(replica)) is None:
                if self._closing or not (self._flying or self._again):
                    # There may be more in a moment; what another replica took then nobody would
                    # hear of, as the stream ends here.
                    self._closing = True
                    self._results.put(None)
                    self._changed.notify_all()
                    return None
                # One of those in flight may come back, if its replica fails.
                self._changed.wait()
            return request

    def next(self, replica: Model) -> Request | None:
        """Return a request if there is one for a replica."""
        with self._changed:
            return self._next(replica)

    def _next(self, replica: Model) -> Request | None:
        if self._closing:
            return None
        request = self._once_more(replica)
        if request is None:
            request = self._pulled()
        self._flying += request is not None
        return request

    def _once_more(self, replica: Model) -> Request | None:
        """Return a request that another replica could not answer."""
        for place, (request, failed) in enumerate(self._again):
            if failed is not replica or self._alive == 1:
                del self._again[place]
                return request
        return None

    def _pulled(self) -> Request | None:
        self._pulling = True
        request = next(self._source, None)
        self._pulling = False
        return request

    def finish(self, replica: Model, result: Completion | Failure) -> None:
        """Take a replica's result; a request that failed is asked of another once."""
        with self._changed:
            self._flying -= 1
            request = result.request
            first = self._tried.pop(id(request), None)
            alone = self._alive == 1 or self._closing
            # Also one that blames the request: a replica knows no other than itself.
            if isinstance(result, Failure) and first is None and not alone:
                self._tried[id(request)] = result
                self._again.append((request, replica))
            else:
                self._results.put(result)
            self._changed.notify_all()

    def give_back(self, replica: Model, left: Sequence[Request]) -> bool:
        """Take what a replica had in flight that will be replaced; False if all ends now."""
        with self._changed:
            if self._closing or self._pulling:
                return False
            self._flying -= len(left)
            for request in left:
                self._died[id(request)] += 1
                if self._died[id(request)] < _DEADLY:
                    self._again.append((request, replica))
                else:
                    self._results.put(Failure(request=request, reason=_KILLS))
            self._changed.notify_all()
            return True

    def lose(self, left: Sequence[Request], error: BaseException) -> None:
        """Take note that a replica failed, and what it had in flight."""
        with self._changed:
            self._alive -= 1
            self._flying -= len(left)
            if self._alive and not self._pulling:
                self._again.extend((request, None) for request in left)
            elif not self._closing:
                self._error, self._closing = error, True
                for failure in self._tried.values():
                    self._results.put(failure)
                self._results.put(None)
            self._changed.notify_all()


class _Feed(Iterator[Request]):
    """The requests that one replica takes; there may be more after there was none."""

    def __init__(
        self, first: Request, replica: Model, queue: _Queue, flying: dict[int, Request]
    ) -> None:
        self._first: Request | None = first
        self._replica = replica
        self._queue = queue
        self._flying = flying

    def __next__(self) -> Request:
        request, self._first = self._first or self._queue.next(self._replica), None
        if request is None:
            raise StopIteration
        self._flying[id(request)] = request
        return request


def _work(replica: Model, queue: _Queue) -> None:
    """Stream a replica until nothing is left to ask, or it fails and cannot be replaced.

    A replica may have a method `revive`, which replaces what has failed.
    """
    revive: Callable[[BaseException], None] | None = getattr(replica, "revive", None)
    while True:
        flying: dict[int, Request] = {}
        error = _error_of(partial(_stream, replica, queue, flying))
        if error is None:
            return
        left = tuple(flying.values())
        if revive is not None and queue.give_back(replica, left):
            error, left = _error_of(partial(revive, error)), ()
        if error is not None:
            queue.lose(left, error)
            return


def _stream(replica: Model, queue: _Queue, flying: dict[int, Request]) -> None:
    """Stream a replica until nothing is left to ask; `flying` holds what it has in flight."""
    while (first := queue.wait(replica)) is not None:
        for result in replica.stream(_Feed(first, replica, queue, flying)):
            flying.pop(id(result.request), None)
            queue.finish(replica, result)


def _error_of(work: Callable[[], None]) -> BaseException | None:
    """Return what some work raises; None if it raises nothing."""
    try:
        work()
    # Whatever ends a replica, the others go on, and the last one's error is raised.
    except BaseException as error:  # noqa: BLE001
        return error
    return None
