"""An OpenAI-compatible server before it is asked: its name, its options, and what it lists."""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mathreason_eval.errors import ModelError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

UNAUTHORISED = frozenset({401, 403})
_CONNECT_SECONDS = 10.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_KEY = "none"
"""What local servers are given as a key, which they ignore."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    concurrency: int = 32
    """Requests in flight."""
    retries: int = 8
    """Tries after the first; they span about 40 seconds, or what Retry-After says."""
    timeout: float = 600.0
    """Seconds to wait for one answer."""
    requests_per_minute: int | None = None
    """Requests started in a minute, retries not counted; None is no limit."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    chat: bool = True
    """Ask with messages; False asks a base model with bare text through /completions."""
    context: int | None = None
    """Tokens of the context, where the server does not say."""
    max_tokens_name: str = "max_tokens"
    """`max_completion_tokens` for servers that want the newer name."""
    extra_body: str = "{}"
    """A JSON object sent with each request: `{"top_k": 20}`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """What is known of a server before it is asked anything."""

    url: str
    model: str
    described: Mapping[str, object]
    """What the manifest says of it."""
    defaults: Mapping[str, object]
    """Sent with each request."""
    context: int | None = None


def read_name(name: str, rest: str) -> tuple[str, str]:
    """Return model and URL; a key has no place in a name that is stored with the run."""
    model, _, tail = rest.partition("@http")
    url = f"http{tail}"
    try:
        parts = urlsplit(url)
        whole = bool(model and parts.hostname and parts.port != 0)
    except ValueError:  # a port or an address that is no number
        whole = False
    if not whole:
        raise ModelError(
            f"The name {name.split('@', 1)[0]!r} lacks a model or the address of its server.",
            "Write openai:MODEL@http://HOST:PORT/v1.",
        )
    if parts.username or parts.password or parts.query:
        raise ModelError(
            "The server's address holds a password or a query, and names are stored with the run.",
            "Put the key into an environment variable: --model-arg api_key_env=NAME.",
        )
    return model, url.rstrip("/")


def new_client(url: str, options: Options) -> AsyncOpenAI:
    """Return a client; a server on this machine is never reached through a proxy."""
    import openai

    proxied = urlsplit(url).hostname not in _LOCAL
    return openai.AsyncOpenAI(
        base_url=url,
        api_key=os.environ.get(options.api_key_env) or _NO_KEY,
        max_retries=options.retries,
        timeout=openai.Timeout(options.timeout, connect=_CONNECT_SECONDS),
        http_client=openai.DefaultAsyncHttpxClient(trust_env=proxied),
    )


def served_context(model: str, url: str, options: Options) -> int | None:
    """Return the context of the model by the server's own list, None where it does not say.

    Raises:
        ModelError: the server cannot be reached, refuses the key, or lists other models only.
    """
    listed = asyncio.run(_list_models(url, options))
    if listed is None:
        return None
    names = [str(entry.get("id")) for entry in listed]
    if model not in names:
        near = difflib.get_close_matches(model, names, n=1, cutoff=0.0)
        served = f"Did you mean {near[0]}?" if near else "It serves none."
        raise ModelError(f"The server at {url} has no model {model!r}.", served)
    entry = listed[names.index(model)]
    meta = entry.get("meta")
    context = entry.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
    return context if isinstance(context, int) else None


async def _list_models(url: str, options: Options) -> list[dict[str, Any]] | None:
    """Return the server's list of models, or None where it keeps none."""
    import openai

    async with new_client(url, options) as client:
        try:
            reply = await client.get("/models", cast_to=dict[str, Any], options={"max_retries": 1})
        except openai.APIStatusError as error:
            if error.status_code in UNAUTHORISED:
                raise unauthorised(url, options) from None
            return None
        except openai.APIConnectionError:
            raise ModelError(
                f"There is no answer from {url}.", "Start the server, or correct the address."
            ) from None
        except (openai.APIError, ValueError):
            return None
    listed = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return None
    return listed


def unauthorised(url: str, options: Options) -> ModelError:
    """Return the error of a refused key, which names the variable and never the key."""
    held = "is refused" if os.environ.get(options.api_key_env) else "is not set"
    return ModelError(
        f"The server at {url} wants a key, and the one in {options.api_key_env} {held}.",
        f"export {options.api_key_env}=…, or name another variable: --model-arg api_key_env=NAME.",
    )
