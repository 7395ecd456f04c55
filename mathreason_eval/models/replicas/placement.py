"""Where the replicas of a model run: by the options that every engine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import MissingExtraError, ModelError
from mathreason_eval.models import DEMO, FROM_ZERO, backends, read_options

if TYPE_CHECKING:
    from mathreason_eval.models.fleet import Fleet
    from mathreason_eval.models.replicas.remote import Link, RemoteModel

AUTO = "auto"
_GRACE = 5.0
"""Seconds that requests in flight have when a run ends early."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set besides the options of an engine."""

    ray: str = ""
    """The address of a Ray cluster; empty for none."""
    replicas: str = AUTO
    """How many; `auto`: as many as there are GPUs for, or one a machine."""
    gpus: float | None = field(default=None, metadata=FROM_ZERO)
    """GPUs of each replica; None: by the options of its engine."""


_NAMES = frozenset(one.name for one in fields(Options))
_OWN_REPLICAS = frozenset({"openai", "fake"})
"""Backends whose option `replicas` is their own, where no cluster is named."""
_NOT_PLACED = frozenset({"openai", "replay", "checker"})
"""Backends that compute nothing that another machine could take over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where a model's replicas run, and the options that are left to its engine."""

    placed: Options
    rest: Mapping[str, str]


def read_placement(backend: str, options: Mapping[str, str]) -> Placement | None:
    """Return where a model's replicas run; None if it has none but the one in this process.

    Raises:
        ModelError: options that do not fit each other, or the engine.
        MissingExtraError: Ray is asked for and not installed.
    """
    named = {key: value for key, value in options.items() if _name(key) in _NAMES}
    # An engine of an installed package may have options of these names.
    is_ours = backend == DEMO or (backend in backends() and backend not in _OWN_REPLICAS)
    if "ray" not in map(_name, named) and not is_ours:
        return None
    if not named:
        return None
    placed = read_options(Options, "placement", named)
    if backend in _NOT_PLACED:
        raise ModelError(
            f"{backend}: has nothing to compute that replicas could share.",
            'Leave --ray out; several servers of one model are --model-arg replicas="URL URL".',
        )
    if placed.ray and find_spec("ray") is None:
        raise MissingExtraError("ray", "ray", "--ray")
    if placed.replicas != AUTO and (not placed.replicas.isdecimal() or int(placed.replicas) < 1):
        raise ModelError(
            f"The model option replicas is {placed.replicas!r}.", "Write replicas=N, or leave it."
        )
    if not placed.ray and placed.gpus is not None and placed.gpus % 1:
        raise ModelError(
            f"Without Ray a replica has no part of a GPU: gpus is {placed.gpus:g}.",
            "Write gpus=N, or leave it out.",
        )
    rest = {key: value for key, value in options.items() if key not in named}
    return Placement(placed=placed, rest=rest)


def _name(key: str) -> str:
    return key.strip().replace("-", "_")


def gpus_needed(backend: str, options: Mapping[str, str]) -> int:
    """Return how many GPUs a replica takes, where there are any, by its engine's options."""
    given = {_name(key): value for key, value in options.items()}
    if backend == "vllm":
        sizes = (given.get(f"{kind}_parallel_size", "1") for kind in ("tensor", "pipeline"))
        product = 1
        for size in sizes:
            product *= int(size) if size.isdecimal() else 1
        return product
    if backend in {"hf", "prm"}:
        return int(not given.get("device", AUTO).startswith("cpu"))
    return 0


def open_placed(name: str, backend: str, placement: Placement) -> Fleet:
    """Return the replicas of a model, on a Ray cluster or in processes of this machine.

    Raises:
        ModelError: there is no cluster, there are too few GPUs, or the model cannot be opened.
    """
    if not placement.placed.ray:
        return _open_here(name, backend, placement)
    from mathreason_eval.models.replicas.actors import Cluster

    cluster = Cluster(placement.placed.ray)
    try:
        gpus = placement.placed.gpus
        if gpus is None:
            gpus = gpus_needed(backend, placement.rest) if cluster.gpus() else 0
        room = int(cluster.gpus() // gpus) if gpus else cluster.nodes()
        number = _number(placement.placed, room, gpus, "The cluster")
        links = [cluster.link(name, placement.rest, gpus) for _ in range(number)]
        return _fleet(name, links, {"ray": True}, cluster.close)
    except BaseException:
        cluster.close()
        raise


def _open_here(name: str, backend: str, placement: Placement) -> Fleet:
    """Return replicas in processes of this machine, each with its own GPUs."""
    from mathreason_eval.models.replicas.processes import ProcessLink, visible_gpus

    devices, placed = visible_gpus(), placement.placed
    gpus = int(placed.gpus if placed.gpus is not None else gpus_needed(backend, placement.rest))
    if not devices and placed.gpus is None:
        gpus = 0
    room = len(devices) // gpus if gpus else 1
    number = _number(placed, room, gpus, "This machine")
    shares = [devices[gpus * one : gpus * (one + 1)] for one in range(number)]
    links = [ProcessLink(name, placement.rest, share) for share in shares]
    return _fleet(name, links, {}, None)


def _number(placed: Options, room: int, gpus: float, where: str) -> int:
    """Return how many replicas there are to be, of which some number has room by its GPUs."""
    number = room if placed.replicas == AUTO else int(placed.replicas)
    if gpus and (number > room or number == 0):
        raise ModelError(
            f"{where} has GPUs for {room} replicas of {gpus:g}: {max(number, 1)} do not fit.",
            "Name fewer with --model-arg replicas=N, or --model-arg gpus=N for each.",
        )
    return number


def _fleet(
    name: str,
    links: Sequence[Link],
    described: Mapping[str, object],
    end: Callable[[], None] | None,
) -> Fleet:
    """Return replicas that were opened at the same time.

    Raises:
        ModelError: one cannot be opened, or is another model than the first.
    """
    from concurrent.futures import ThreadPoolExecutor

    from mathreason_eval.models.fleet import Fleet
    from mathreason_eval.models.replicas.remote import RemoteModel

    try:
        with ThreadPoolExecutor(len(links)) as pool:
            opened = list(pool.map(partial(RemoteModel, name), links))
        _check_alike(name, opened)
    except BaseException:
        for link in links:
            link.stop()
        raise
    scheduling: dict[str, Any] = {**described, "replicas": len(opened)}
    return Fleet(opened, grace=_GRACE, scheduling=scheduling, end=end)


def _check_alike(name: str, replicas: list[RemoteModel]) -> None:
    first = replicas[0].describe()
    for other in replicas[1:]:
        differing = [
            key
            for key in {**first, **other.describe()}
            if first.get(key) != other.describe().get(key)
        ]
        if differing:
            raise ModelError(
                f"The replicas of {name} differ in {', '.join(sorted(differing))}: a text would "
                "depend on which of them is asked.",
                "Give all machines the same checkpoint, packages and kind of GPU.",
            )
