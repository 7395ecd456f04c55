"""Servers with an OpenAI-compatible API: names, connections, and the fields they accept."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, urlsplit

from mathreason_eval.errors import ModelError, UnknownNameError, nearest
from mathreason_eval.models import read_object
from mathreason_eval.models.base import Failure
from mathreason_eval.models.bounded import bound_reply
from mathreason_eval.models.replies import UnusableReplyError
from mathreason_eval.models.reserved import MAX_TOKENS_NAMES, check_reserved
from mathreason_eval.text import visible_line
from mathreason_eval.text.secrets import Secrets, looks_like_key, secret_values
from mathreason_eval.text.thinking import written_opening

if TYPE_CHECKING:
    from openai import AsyncOpenAI

UNAUTHORISED = frozenset({401, 403})


class Access(Protocol):
    """The options of the backend that say how a server is reached."""

    @property
    def api_key_env(self) -> str:
        """The environment variable that holds the key."""

    @property
    def timeout(self) -> float:
        """Seconds to wait for one answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server and one of its models."""

    url: str
    model: str
    described: Mapping[str, object]
    """What the manifest records about it."""
    defaults: Mapping[str, object]
    """Sent with each request."""
    context: int | None = None
    opening: str = ""
    """The reasoning marks that its chat template writes before every answer."""
    opening_from: str | None = None
    """The source of `opening`, as in `openings.Opening`; None: unknown."""


def read_extra_body(text: str) -> dict[str, object]:
    """Return the fields that are sent with each request in addition to the run's settings.

    Raises:
        ModelError: it is not a JSON object, or sets what the run sets.
    """
    body = read_object("extra_body", text)
    check_reserved("extra_body", body)
    return body


def check_max_tokens_name(name: str) -> None:
    """Raise an error for a name that would set something else, or nothing: no bound at all."""
    if name not in MAX_TOKENS_NAMES:
        raise UnknownNameError("name of max_tokens", name, MAX_TOKENS_NAMES)


def check_opening(opening: str) -> None:
    """Raise an error for an opening of thoughts that is not known."""
    if opening and not written_opening(opening):
        raise ModelError(
            f"opening={opening!r} is no think mark that is known.",
            "Give what the chat template writes before an answer: --model-arg opening='<think>'.",
        )


_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def read_name(name: str, rest: str, access: Access) -> tuple[str, str]:
    """Return model and URL.

    Raises:
        ModelError: the name lacks one of them, or it or `api_key_env` holds the key itself.
    """
    if not _VARIABLE.fullmatch(access.api_key_env) or looks_like_key(access.api_key_env):
        raise ModelError(
            "api_key_env is no name of an environment variable.",
            "Put the key into one, and give its name: --model-arg api_key_env=NAME.",
        )
    if (key := read_key(access)) and key in name:
        raise ModelError(
            f"The model's name holds the key in {access.api_key_env}, and names are stored.",
            "Leave it out: the key is sent as a header.",
        )
    model, _, tail = rest.partition("@http")
    url = f"http{tail}"
    if not (model and is_address(url)):
        raise ModelError(
            f"The name {name.split('@', 1)[0]!r} lacks a model or the address of its server.",
            "Write openai:MODEL@http://HOST:PORT/v1.",
        )
    return model, url.rstrip("/")


def is_address(url: str) -> bool:
    """Return whether a text is the address of a server."""
    try:
        parts = urlsplit(url)
        return bool(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:  # a port that is no number, or a malformed address
        return False


_CONNECT_SECONDS = 10.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_KEY = "none"
"""Sent as a key to local servers, which ignore it."""


class RedirectedError(UnusableReplyError):
    """A redirect to another server, or one that loses the request."""


def _check_redirect(url: str, *, only_post: bool) -> Callable[[Any], Awaitable[None]]:
    """Return what checks every request of a client, those after a redirect included."""
    named = urlsplit(url)

    async def check(request: Any) -> None:  # noqa: ANN401  httpx's, of either name
        if only_post and request.method != "POST":
            # The answer of a GET would be another's.
            raise RedirectedError("the server redirects in a way that loses the request")
        if not _is_same_server(named, urlsplit(str(request.url))):
            raise RedirectedError(
                "the server redirects to another one, which gets neither the key nor the prompt"
            )

    return check


def _is_same_server(named: SplitResult, asked: SplitResult) -> bool:
    """Return whether two addresses are of one server, reached as safely as the first says."""
    ports = {"http": 80, "https": 443}
    where = [(one.hostname, one.port or ports.get(one.scheme)) for one in (named, asked)]
    if (named.scheme, asked.scheme) == ("http", "https") and where[0][1] == ports["http"]:
        return where[1] == (named.hostname, ports["https"])
    return where[0] == where[1] and named.scheme == asked.scheme


@cache
def _local_tls() -> ssl.SSLContext:
    """Return one context for all clients of this machine: to load certificates takes longer."""
    return ssl.create_default_context()


def new_client(
    url: str,
    access: Access,
    *,
    only_post: bool = False,
    heard: Callable[[Any], Awaitable[None]] | None = None,
) -> AsyncOpenAI:
    """Return a client, which reaches a server on this machine without any proxy.

    Args:
        url: the server's address.
        access: its options.
        only_post: whether a request that a redirect made a GET is an error.
        heard: is called with each reply, whatever its status.

    Raises:
        ModelError: the key cannot be sent.
    """
    import openai

    proxied = urlsplit(url).hostname not in _LOCAL
    return openai.AsyncOpenAI(
        base_url=url,
        api_key=read_key(access) or _NO_KEY,
        max_retries=0,
        timeout=openai.Timeout(access.timeout, connect=_CONNECT_SECONDS),
        http_client=openai.DefaultAsyncHttpxClient(
            verify=True if proxied else _local_tls(),
            trust_env=proxied,
            # What is decoded by pieces, each within a limit; see `bound_reply`.
            headers={"Accept-Encoding": "gzip"},
            event_hooks={
                "request": [_check_redirect(url, only_post=only_post)],
                "response": [bound_reply, *([heard] if heard else [])],
            },
        ),
    )


def read_key(access: Access) -> str:
    """Return the key in the environment, or an empty text.

    Raises:
        ModelError: it has characters that no header can hold.
    """
    key = os.environ.get(access.api_key_env, "").strip()
    if not key.isascii() or not key.isprintable():
        raise ModelError(
            f"The key in {access.api_key_env} has characters that no key has.",
            f"export {access.api_key_env}=…",
        )
    return key


def secrets_of(access: Access, sent: Mapping[str, object]) -> Secrets:
    """Return what must not be shown of a server: its key, and the secrets in what is sent."""
    return Secrets(read_key(access), *secret_values(sent))


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedModel:
    """What a server's list of models states of one."""

    context: int | None = None
    """None where it states none."""
    weights: Mapping[str, object] = field(default_factory=dict)
    """Which weights answer to the model's name, empty where it does not state any: a name stays
    when a server is started with another checkpoint."""


_WEIGHTS = ("root", "parent", "quantization", "arch", "revision", "digest", "sha256")
"""Of vLLM and SGLang, LM Studio and others. Other fields change with every reply or restart."""
_GGUF_WEIGHTS = ("n_params", "size", "n_vocab", "vocab_type", "n_embd", "n_ctx_train", "ftype")
"""Of llama.cpp, in `meta`."""


def _stated(entry: object, names: Iterable[str]) -> Mapping[str, object]:
    held = entry if isinstance(entry, dict) else {}
    return {name: held[name] for name in names if isinstance(held.get(name), str | int)}


def listed_model(model: str, url: str, access: Access) -> ListedModel:
    """Return what the server's list of models states of one.

    Raises:
        ModelError: the server cannot be reached, refuses the key, or lists other models only.
    """
    listed = asyncio.run(_list_models(url, access))
    if listed is None:
        return ListedModel()
    names = [str(entry.get("id")) for entry in listed]
    if model not in names:
        near = nearest(model, names, close=0.0)
        served = f"Did you mean {near}?" if near else "It serves none."
        raise ModelError(f"The server at {url} has no model {model!r}.", served)
    entry = listed[names.index(model)]
    meta = entry.get("meta")
    context = entry.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
    return ListedModel(
        # A server that states none above 0 states nothing.
        context=context if isinstance(context, int) and context > 0 else None,
        weights={**_stated(entry, _WEIGHTS), **_stated(meta, _GGUF_WEIGHTS)},
    )


def served_context(model: str, url: str, access: Access) -> int | None:
    """Return the context that the server's list of models states; see `listed_model`."""
    return listed_model(model, url, access).context


_LIST_SECONDS = 20.0
"""For the list of models: an answer may take ten minutes, what is served does not."""


def _check_url(url: str) -> None:
    """Check that a URL is one.

    Raises:
        ModelError: it is not.
    """
    try:
        # What a name with other letters is asked as; no name has such as cannot be seen.
        (urlsplit(url).hostname or "").encode("idna")
    except ValueError as error:
        raise _no_address(url, str(error)) from None
    if not url.isprintable():
        raise _no_address(url, "a character in it cannot be printed")


def _no_address(url: str, why: str) -> ModelError:
    return ModelError(
        f"{visible_line(url)} is no address of a server: {why}.",
        "Write openai:MODEL@http://HOST:PORT/v1.",
    )


async def _list_models(url: str, access: Access) -> list[dict[str, Any]] | None:
    """Return the server's list of models, or None where it has none."""
    import openai

    _check_url(url)
    seconds = min(access.timeout, _LIST_SECONDS)
    async with new_client(url, access) as client:
        try:
            reply = await client.get(
                "/models",
                cast_to=dict[str, Any],
                options={"max_retries": 1, "timeout": seconds},
            )
        except openai.APIStatusError as error:
            if error.status_code in UNAUTHORISED:
                raise unauthorised(url, access) from None
            return None
        except RedirectedError as error:
            raise ModelError(f"{url}: {error}.", "Name the server that is to be asked.") from None
        except openai.APIConnectionError:
            raise ModelError(
                f"There is no answer from {url}.", "Start the server, or correct the URL."
            ) from None
        except (openai.APIError, ValueError, RecursionError):
            return None
    listed = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return None
    return listed


def unauthorised(url: str, access: Access) -> ModelError:
    """Return the error of a refused key; it names the variable and never the key."""
    held = "is refused" if read_key(access) else "is not set"
    return ModelError(
        f"The server at {url} wants a key, and the one in {access.api_key_env} {held}.",
        f"export {access.api_key_env}=…, or name another variable: --model-arg api_key_env=NAME.",
    )


_NOT_FOUND = 404


def dead_server(url: str, access: Access, failure: Failure) -> ModelError:
    """Return the error of a server that no longer answers any request."""
    if failure.status in UNAUTHORISED:
        return unauthorised(url, access)
    if failure.status == _NOT_FOUND:
        return ModelError(
            f"{url} has no such model or route: {failure.reason}",
            "Check the model's name, and that the URL ends where the API begins: /v1.",
        )
    return ModelError(
        f"The server at {url} no longer answers any request: {failure.reason}",
        "What was finished is stored; when the server answers, the same command goes on.",
    )
