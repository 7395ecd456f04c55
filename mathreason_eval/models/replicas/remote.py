"""An engine in another process, of this machine or of another: its two ends.

`Worker` is where the engine is: it opens the model and streams what it is given. `RemoteModel` is
the model here. What lies between is a `Link`: a child process or an actor of Ray. The engine pulls
requests as it would here, so that no more of them are there than it has room for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count, islice
from threading import Condition, Thread
from typing import Any, Protocol

from mathreason_eval.errors import ModelError, UserError, describe_error
from mathreason_eval.models import UserModel, open_model
from mathreason_eval.models.base import (
    Completion,
    Failure,
    Request,
    SystemRole,
    can_continue,
    system_role,
)
from mathreason_eval.models.budget import thinks
from mathreason_eval.types import Prompt, Sampling

Result = Completion | Failure
_NOBODY = Request(
    task="", problem_id="", sample=0, prompt=Prompt(text=""), sampling=Sampling(), seed=0
)
"""Instead of the request of a result that travels: the other end has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What a model says of itself once it is open."""

    chat: bool
    context: int | None
    opening: str
    thinks: bool
    continues: bool
    described: Mapping[str, object]
    system_role: SystemRole
    counts_tokens: bool
    """Whether it counts the tokens of a prompt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """An error of the engine, as it travels."""

    what: str
    hint: str

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        """Return what an error says."""
        if isinstance(error, UserError):
            return cls(what=error.what, hint=error.hint)
        return cls(what=f"The engine failed: {describe_error(error)}.", hint="")


def _fault_of(work: Callable[[], None]) -> Fault | None:
    """Return the error that some work raises, as it travels; None if it raises none."""
    try:
        work()
    # Whatever it is, it is told at the other end.
    except BaseException as error:  # noqa: BLE001
        return Fault.of(error)
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchanged:
    """What a worker has to say after some time."""

    results: Sequence[tuple[int, Result]]
    """Each with the number of its request."""
    wants: int
    """How many requests more the engine has room for."""
    fault: Fault | None


_SHARE = 8
"""One request is sent ahead for so many that are in flight: the engine does not wait for it."""
_MOST_AHEAD = 64


class Worker:
    """A model that is asked from elsewhere. Its methods may be called from several threads."""

    def __init__(self, name: str, options: Mapping[str, str], folder: str) -> None:
        """Note what to open.

        Args:
            name: the model, as the user typed it.
            options: of its engine, as typed.
            folder: the one that relative paths are of; ignored where it does not exist.
        """
        self._named = (UserModel(name), options)
        self._folder = folder
        self._model: Any = None
        self._changed = Condition()
        self._waiting: deque[tuple[int, Request]] = deque()
        self._numbers: dict[int, int] = {}
        """Of requests that the engine has taken, by their identity."""
        self._results: list[tuple[int, Result]] = []
        self._fault: Fault | None = None
        self._thread: Thread | None = None
        self._dry = True
        """Whether there are no more requests for now."""
        self._wants = False

    def is_there(self) -> bool:
        """Return True: the worker has started, whether its model is open or not."""
        return True

    def open(self) -> Opened | Fault:
        """Open the model; return what it says of itself, or why it cannot be opened."""
        with suppress(OSError):
            os.chdir(self._folder)
        opened: list[Opened] = []
        fault = _fault_of(lambda: opened.append(self._open()))
        return opened[0] if fault is None else fault

    def _open(self) -> Opened:
        model = self._model = open_model(*self._named)
        return Opened(
            chat=model.chat,
            context=model.context,
            opening=model.opening,
            thinks=thinks(model),
            continues=can_continue(model),
            described=dict(model.describe()),
            system_role=system_role(model),
            counts_tokens=hasattr(model, "prompt_tokens"),
        )

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of a prompt."""
        tokens: int = self._model.prompt_tokens(prompt)
        return tokens

    def exchange(self, requests: Sequence[tuple[int, Request]], *, more: bool) -> Exchanged:
        """Take requests; return as soon as there are results, or room for more requests.

        Args:
            requests: each with a number of its own.
            more: whether there are more where they come from.
        """
        with self._changed:
            self._waiting.extend(requests)
            self._dry, self._wants = not more, False
            self._changed.notify_all()
            if self._thread is None and self._waiting:
                self._thread = Thread(target=self._stream, name="engine", daemon=True)
                self._thread.start()
            while not (self._results or self._wants or self._fault) and self._thread is not None:
                self._changed.wait()
            results, self._results = self._results, []
            fault, self._fault = self._fault, None
            ahead = min(_MOST_AHEAD, 1 + len(self._numbers) // _SHARE)
            return Exchanged(results=results, wants=ahead if self._wants else 0, fault=fault)

    def close(self) -> None:
        """Close the model."""
        if self._model is not None:
            self._model.close()

    # --- the engine's thread -----------------------------------------------------------------

    def _stream(self) -> None:
        """Stream until nothing is left, or the engine fails."""
        if (fault := _fault_of(self._stream_all)) is None:
            return
        with self._changed:
            self._fault, self._thread = fault, None
            self._waiting.clear()
            self._numbers.clear()
            self._changed.notify_all()

    def _stream_all(self) -> None:
        while self._has_more():
            for result in self._model.stream(_Feed(self)):
                self._finish(result)

    def _has_more(self) -> bool:
        with self._changed:
            if self._waiting:
                return True
            if self._numbers:
                raise ModelError(
                    f"The engine left {len(self._numbers)} requests without a result.",
                    "Tell the author of the engine.",
                )
            self._thread = None
            self._changed.notify_all()
            return False

    def _finish(self, result: Result) -> None:
        with self._changed:
            number = self._numbers.pop(id(result.request))
            self._results.append((number, replace(result, request=_NOBODY)))
            self._changed.notify_all()

    def next(self) -> Request | None:
        """Return the next request; None if there is none for now."""
        with self._changed:
            while not self._waiting:
                if self._dry:
                    return None
                self._wants = True
                self._changed.notify_all()
                self._changed.wait()
            number, request = self._waiting.popleft()
            self._numbers[id(request)] = number
            return request


class _Feed(Iterator[Request]):
    """The requests that an engine takes; there may be more after there was none."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __next__(self) -> Request:
        request = self._worker.next()
        if request is None:
            raise StopIteration
        return request


class LostError(Exception):
    """A worker has died, or cannot be reached."""


class Link(Protocol):
    """The way to a worker."""

    place: str
    """Where it is, for messages: `process 17`, `actor 4f2a`."""
    logs: str
    """Where its own messages are, as a sentence."""

    def start(self) -> Opened | Fault:
        """Start a worker and open its model; in place of the one before, if there was one.

        Raises:
            LostError: it died meanwhile.
        """
        ...

    def exchange(self, requests: Sequence[tuple[int, Request]], *, more: bool) -> Exchanged:
        """Do as `Worker.exchange`; raise LostError if there is no worker."""
        ...

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Do as `Worker.prompt_tokens`; raise LostError if there is no worker."""
        ...

    def close(self) -> None:
        """Close the worker's model if it can be closed soon, and end the worker."""
        ...

    def stop(self) -> None:
        """End the worker, whatever it does. May be called twice."""
        ...


CLOSE_SECONDS = 10.0
"""For closing a model, which leaves less behind than killing its process."""


_FRUITLESS = 2
"""How often in a row a worker is replaced that has answered nothing."""
_DIED = "What it had in flight is asked again."


class RemoteModel:
    """A model whose engine is at the other end of a link."""

    def __init__(self, name: str, link: Link) -> None:
        """Start the worker and open its model.

        Raises:
            ModelError: it cannot be opened.
        """
        self.name = name
        self._link = link
        self._closed = False
        self._numbers = count()
        self._fruitless = 0
        self._opened = self._start()
        self.chat, self.context = self._opened.chat, self._opened.context
        self.opening, self.thinks = self._opened.opening, self._opened.thinks
        self.continues = self._opened.continues
        if self._opened.counts_tokens:
            self.prompt_tokens = self._prompt_tokens

    def _start(self) -> Opened:
        try:
            opened = self._link.start()
        except LostError as error:
            raise ModelError(
                f"A replica of {self.name} died while it was opened: {error}.",
                self._link.logs,
            ) from None
        if isinstance(opened, Fault):
            self._link.stop()
            raise ModelError(opened.what, opened.hint)
        return opened

    def _prompt_tokens(self, prompt: Prompt) -> int:
        try:
            return self._link.prompt_tokens(prompt)
        except LostError as error:
            raise ModelError(f"A replica of {self.name} died: {error}.", _DIED) from None

    def describe(self) -> Mapping[str, object]:
        """Return what the model said of itself when it was opened."""
        return self._opened.described

    def system_role(self) -> SystemRole:
        """Return what the chat template does with a system message."""
        return self._opened.system_role

    def stream(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Yield one result a request, in the order in which they finish.

        Raises:
            ModelError: the engine failed, or its process died.
        """
        source, flying, wants = iter(requests), dict[int, Request](), 1
        while True:
            sent = {next(self._numbers): request for request in islice(source, wants)}
            flying |= sent
            if not flying:
                return
            try:
                said = self._link.exchange([*sent.items()], more=len(sent) == wants)
            except LostError as error:
                raise ModelError(f"A replica of {self.name} died: {error}.", _DIED) from None
            for number, result in said.results:
                self._fruitless = 0
                yield replace(result, request=flying.pop(number))
            if said.fault is not None:
                raise ModelError(said.fault.what, said.fault.hint)
            # Where there was no request for it before, there may be one now.
            wants = said.wants or int(len(sent) < wants)

    def revive(self, error: BaseException) -> None:
        """Put another worker in the place of one that failed.

        Raises:
            BaseException: `error`, if the last ones did not answer anything.
            ModelError: no other can be opened, or it is another model.
        """
        if self._closed or self._fruitless >= _FRUITLESS:
            raise error
        self._fruitless += 1
        self._link.stop()
        opened = self._start()
        if opened != self._opened:
            raise ModelError(
                f"The model {self.name} has changed while it was running.", "Run it again."
            )

    def close(self) -> None:
        """End the worker."""
        self._closed = True
        self._link.close()
