"""Replicas as actors of a Ray cluster: each opens the engine by its name and streams from here."""

from __future__ import annotations

import os
import signal
import socket
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from mathreason_eval.errors import ModelError
from mathreason_eval.models.base import Request
from mathreason_eval.models.replicas.remote import (
    CLOSE_SECONDS,
    Exchanged,
    Fault,
    LostError,
    Opened,
    Worker,
)
from mathreason_eval.types import Prompt

_PATIENCE = 60.0
"""Seconds that an actor may take to start before it is said that it waits."""
_THREADS = 4
"""Of an actor: one waits for results while others count tokens."""


class Cluster:
    """A connection to a Ray cluster."""

    def __init__(self, address: str) -> None:
        """Connect to a cluster.

        Args:
            address: `auto`, `HOST:PORT` or `ray://HOST:PORT`; `local` starts one on this machine.

        Raises:
            ModelError: there is none.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Else Ray hides all GPUs from an actor that asks for none.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        self._ray: Any = ray
        self._own = not ray.is_initialized()
        if not self._own:
            return
        try:
            _check_reachable(address)
            with _signals_kept():
                ray.init(address=address, log_to_driver=False, logging_level="ERROR",
                         include_dashboard=False if address == "local" else None)  # fmt: skip
            _print_to_stderr(ray._private.worker)  # noqa: SLF001  no option says where
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise ModelError(
                f"There is no Ray cluster at {address}: {str(error).splitlines()[0]}.",
                "Name one that runs, `--ray HOST:PORT`; or `--ray local` for this machine alone.",
            ) from None

    def gpus(self) -> float:
        """Return how many GPUs the cluster has."""
        return float(self._ray.cluster_resources().get("GPU", 0))

    def nodes(self) -> int:
        """Return how many machines it has."""
        return sum(bool(node["Alive"]) for node in self._ray.nodes())

    def link(self, name: str, options: Mapping[str, str], gpus: float) -> ActorLink:
        """Return the way to an actor that is not started."""
        return ActorLink(self._ray, (name, dict(options), str(Path.cwd())), gpus)

    def close(self) -> None:
        """Leave the cluster, or end the one that was started."""
        if self._own and self._ray.is_initialized():
            with _signals_kept():
                self._ray.shutdown()


_CONNECT_SECONDS = 10.0


def _check_reachable(address: str) -> None:
    """Raise an OSError if nobody answers at `HOST:PORT`: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()


def _print_to_stderr(worker: Any) -> None:  # noqa: ANN401  a module of Ray's
    """Have what Ray says of its machines go to stderr: stdout is for our data."""
    own = getattr(worker, "print_to_stdstream", None)
    if own is not None:
        worker.print_to_stdstream = lambda said, *more, **named: own(
            {**said, "is_err": True}, *more, **named
        )


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Leave a program's own handlers of signals in place: Ray sets some."""
    if current_thread() is not main_thread():
        yield
        return
    held = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in held.items():
            signal.signal(one, handler)


class ActorLink:
    """The way to a worker that is an actor."""

    def __init__(self, ray: Any, asked: tuple[str, dict[str, str], str], gpus: float) -> None:  # noqa: ANN401  a module that comes late
        self.place = "an actor that was not started"
        self.logs = "Ray's logs have its own messages: `ray logs`."
        self._ray = ray
        self._asked = asked
        self._gpus = gpus
        self._actor: Any = None

    def start(self) -> Opened | Fault:
        """Start an actor where the cluster has room, and open its model."""
        made = self._ray.remote(Worker).options(
            num_gpus=self._gpus,
            # Else each keeps a core for itself, and more replicas than cores wait for ever.
            num_cpus=0,
            max_concurrency=_THREADS,
            # A new one is another actor, which this end starts: it knows what was in flight.
            max_restarts=0,
            scheduling_strategy="DEFAULT" if self._gpus else "SPREAD",
        )
        self._actor = made.remote(*self._asked)
        self.place = f"actor {self._actor._actor_id.hex()[:8]}"  # noqa: SLF001  it has no other name
        opening = self._actor.open.remote()
        if not self._ray.wait([self._actor.is_there.remote()], timeout=_PATIENCE)[0]:
            warnings.warn(
                f"A replica has waited {_PATIENCE:g} s for room in the Ray cluster, and waits on: "
                f"it needs {self._gpus:g} GPUs. `ray status` shows who has them.",
                stacklevel=2,
            )
        opened: Opened | Fault = self._get(opening)
        return opened

    def exchange(self, requests: Sequence[tuple[int, Request]], *, more: bool) -> Exchanged:
        """Do as `Worker.exchange`."""
        actor = self._living()
        said: Exchanged = self._get(actor.exchange.remote(list(requests), more=more))
        return said

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Do as `Worker.prompt_tokens`."""
        tokens: int = self._get(self._living().prompt_tokens.remote(prompt))
        return tokens

    def close(self) -> None:
        """Close the actor's model, and end the actor."""
        if self._actor is not None and self._ray.is_initialized():
            with suppress(self._ray.exceptions.RayError, ValueError, RuntimeError):
                self._ray.get(self._actor.close.remote(), timeout=CLOSE_SECONDS)
        self.stop()

    def stop(self) -> None:
        """End the actor."""
        actor, self._actor = self._actor, None
        if actor is not None and self._ray.is_initialized():
            with suppress(self._ray.exceptions.RayError, ValueError, RuntimeError):
                self._ray.kill(actor, no_restart=True)

    def _living(self) -> Any:  # noqa: ANN401  an actor
        if self._actor is None:
            raise LostError(f"{self.place} was ended")
        return self._actor

    def _get(self, asked: Any) -> Any:  # noqa: ANN401  whatever it was asked for
        try:
            return self._ray.get(asked)
        except self._ray.exceptions.RayError as error:
            raise LostError(f"{self.place}: {type(error).__name__}") from None
