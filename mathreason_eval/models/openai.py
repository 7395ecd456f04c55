"""Any OpenAI-compatible server, or several: what is known of them before one is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

from mathreason_eval.errors import Faults, ModelError, raise_faults
from mathreason_eval.models import read_options, require
from mathreason_eval.models.base import Completion, Failure
from mathreason_eval.models.batches import BatchReader, BatchWriter
from mathreason_eval.models.client import OpenAIModel, Options
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.fleet import Fleet
from mathreason_eval.models.openings import Opening, served_opening
from mathreason_eval.models.served import ServedModel, examine_server
from mathreason_eval.models.servers import (
    Server,
    check_max_tokens_name,
    check_opening,
    is_address,
    listed_model,
    read_extra_body,
    read_name,
    secrets_of,
)
from mathreason_eval.text.secrets import check_name, without_secrets

Result = Completion | Failure


def open_engine(
    name: str, rest: str, options: Mapping[str, str]
) -> OpenAIModel | Fleet | BatchWriter | BatchReader:
    """Return the model of a running server, from `MODEL@URL`, or of several.

    Raises:
        MissingExtraError: the package openai is not installed.
        ModelError: no such server or model, the key is refused, or a replica is another model.
    """
    require(("openai",), extra="openai", backend="openai")
    chosen = read_options(Options, "openai", options)
    faults = Faults()
    defaults = _defaults(chosen, faults)
    raise_faults(faults.found)
    model, url = read_name(name, rest, chosen)
    others = _replicas(url, chosen, faults)
    raise_faults(faults.found)
    if chosen.batch_requests or chosen.batch_results:
        return _batch(name, _server(model, url, chosen, defaults), chosen)
    servers = [_server(model, one, chosen, defaults) for one in (url, *others)]
    for one in servers[1:]:
        _check_replica(servers[0], one)
    # What is recorded of a replica is what is recorded of the first: its address is no condition.
    opened = [
        OpenAIModel(name, replace(one, described=servers[0].described), chosen) for one in servers
    ]
    return Fleet(opened, grace=chosen.grace) if opened[1:] else opened[0]


def _batch(name: str, server: Server, chosen: Options) -> BatchWriter | BatchReader:
    """Return a model of which requests are written, or results read.

    Raises:
        ModelError: both are asked for, or a file cannot be used.
    """
    if chosen.batch_requests and chosen.batch_results:
        raise ModelError(
            "batch_requests and batch_results exclude each other.",
            "Write the requests first; their results come later.",
        )
    if chosen.batch_requests:
        return BatchWriter(name, server, chosen)
    return BatchReader(name, server, chosen)


def _replicas(first: str, options: Options, faults: Faults) -> list[str]:
    """Return the addresses of further servers; one that is none, or there twice, is a fault."""
    found = [first]
    for address in options.replicas.replace(",", " ").split():
        if (url := faults.attempt(partial(_replica, address))) in found:
            what = f"The replica {address} is named twice."
            faults.found.append(ModelError(what, "Name each server once."))
        elif url is not None:
            found.append(url)
    return found[1:]


def _replica(address: str) -> str:
    """Return the URL of a further server.

    Raises:
        ModelError: it is none, or it holds a secret.
    """
    check_name(address)
    if not is_address(address):
        what = f"The replica {without_secrets(address)!r} is no address of a server."
        raise ModelError(what, "Write replicas=http://HOST:PORT/v1.")
    return address.rstrip("/")


def _check_replica(first: Server, other: Server) -> None:
    """Check that two servers have one model, as far as they say what they have.

    Raises:
        ModelError: they have not.
    """
    for what in ("served", "opening"):
        one, another = (server.described.get(what) for server in (first, other))
        if one != another:
            raise ModelError(
                f"{other.url} is no replica of {first.url}: its {what} is {another}, not {one}.",
                "Serve the same weights with the same template from both.",
            )


def _server(model: str, url: str, chosen: Options, defaults: Mapping[str, object]) -> Server:
    """Return what is known of a server and its model.

    Raises:
        ModelError: it cannot be reached, refuses the key, or has no such model.
    """
    listed = listed_model(model, url, chosen)
    opening = _opening(url, model, defaults, chosen)
    described: dict[str, object] = {
        "backend": "openai",
        "model": model,
        "url": url,
        "extra_body": defaults,
        "opening": opening.text,
    }
    if listed.weights:
        described["served"] = secrets_of(chosen, defaults).hide(listed.weights)
    return Server(
        url=url,
        model=model,
        described=described,
        defaults=defaults,
        context=listed.context or chosen.context,
        opening=opening.text or "",
        opening_from=opening.source,
    )


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what the server says; it is asked for its models, and for no completion."""
    faults.attempt(lambda: require(("openai",), extra="openai", backend="openai"))
    chosen = read_options(Options, "openai", options, faults)
    defaults = _defaults(chosen, faults)
    named = faults.attempt(lambda: read_name(f"openai:{rest}", rest, chosen))
    if named is None or find_spec("openai") is None:
        return ModelFacts(chat=chosen.chat)
    model, url = named
    for other in _replicas(url, chosen, faults):
        faults.attempt(lambda other=other: listed_model(model, other, chosen))  # type: ignore[misc]
    batch = "a batch file is asked once, and not again with what it has answered"
    served = ServedModel(url=url, model=model, defaults=defaults, access=chosen)
    facts = examine_server(served, faults, chat=chosen.chat, context=chosen.context)
    if chosen.batch_requests or chosen.batch_results:
        return replace(facts, cannot_continue=batch)
    return facts


def _defaults(options: Options, faults: Faults) -> dict[str, object]:
    """Return what is sent with each request besides the settings of the run; collect faults."""
    faults.attempt(lambda: check_opening(options.opening))
    faults.attempt(lambda: check_max_tokens_name(options.max_tokens_name))
    return faults.attempt(lambda: read_extra_body(options.extra_body)) or {}


def _opening(url: str, model: str, defaults: Mapping[str, object], options: Options) -> Opening:
    """Return the reasoning marks that the chat template writes: by the option, or the server."""
    if not options.chat:
        return Opening()
    if options.opening:
        return Opening(text=options.opening, source="option")
    return served_opening(url, model, defaults, options, options.max_tokens_name)
