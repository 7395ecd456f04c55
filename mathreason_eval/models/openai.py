"""Any OpenAI-compatible server, through the `openai` package and one event loop.

The loop runs in a background thread; `stream` hands it requests and yields what comes back. Retries
with backoff, jitter and Retry-After are the package's own.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mathreason_eval.errors import ModelError
from mathreason_eval.models import read_object, read_options, require
from mathreason_eval.models.base import Completion, Failure, Request, handle
from mathreason_eval.models.replies import error_text, from_chat, from_text, is_context_error

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Result = Completion | Failure
_UNAUTHORISED = frozenset({401, 403})
_NOT_FOUND = 404
_TRANSIENT = frozenset({408, 409, 429})
_SERVER_ERROR = 500


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
    """A server and one model of it."""

    url: str
    model: str
    described: Mapping[str, object]
    """What the manifest records of it."""
    defaults: Mapping[str, object]
    """Sent with each request."""
    context: int | None = None


class OpenAIModel:
    """A server, and a thread whose event loop sends it requests."""

    def __init__(
        self,
        name: str,
        server: Server,
        options: Options,
        *,
        refusal: Callable[[AsyncOpenAI, Request], Awaitable[Failure | None]] | None = None,
    ) -> None:
        """`refusal` may return beforehand the failure of a request that cannot be answered."""
        self.name = name
        self.chat = options.chat
        self.context = server.context
        self.opening = ""
        self._server = server
        self._options = options
        self._refusal = refusal
        self._answered = 0
        self._next_start = 0.0
        self._client = _new_client(server.url, options)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="openai", daemon=True)
        self._thread.start()

    def describe(self) -> Mapping[str, object]:
        """Return the server's URL and model, the package's version and what is sent by default."""
        import openai

        return {**self._server.described, "client": f"openai {openai.__version__}"}

    def stream(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Yield one result a request as it comes back, with `concurrency` in flight.

        Twice as many are submitted, so that the server does not wait for the caller.
        """
        source = iter(requests)
        slots = asyncio.Semaphore(self._options.concurrency)
        done: SimpleQueue[Future[Result]] = SimpleQueue()
        pending: set[Future[Result]] = set()
        try:
            while True:
                for request in islice(source, 2 * self._options.concurrency - len(pending)):
                    task = asyncio.run_coroutine_threadsafe(self._ask(request, slots), self._loop)
                    pending.add(task)
                    task.add_done_callback(done.put)
                if not pending:
                    return
                finished = done.get()
                pending.remove(finished)
                yield finished.result()
        finally:
            for task in pending:
                task.cancel()

    def post(self, url: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Return the server's reply to a call that is not about a sample."""
        call = self._client.post(url, body=body, cast_to=dict[str, Any])
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def close(self) -> None:
        """End the loop and its thread; requests in flight are abandoned."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        """Cancel what is in flight and close the connections."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.close()

    async def _ask(self, request: Request, slots: asyncio.Semaphore) -> Result:
        """Return the server's completion, or a `Failure` that concerns this request alone."""
        import openai

        async with slots:
            await self._wait_for_turn()
            answered, start = self._answered, monotonic()
            try:
                if self._refusal and (refused := await self._refusal(self._client, request)):
                    return refused
                result = await self._post(request, start)
            except UnicodeEncodeError:
                return Failure(request=request, reason="the prompt is not valid Unicode")
            except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
                return Failure(request=request, reason="the server's reply is not JSON")
            except openai.APIStatusError as error:
                return self._refused(request, error, others_succeed=self._answered > answered)
            except openai.APIError as error:
                if self._answered > answered:
                    return Failure(request=request, reason=f"the server did not answer: {error}")
                raise ModelError(
                    f"The server at {self._server.url} does not answer any more: {error}",
                    "What was finished is stored; start the server, and the same command goes on.",
                ) from None
            self._answered += 1
            return result

    async def _wait_for_turn(self) -> None:
        """Wait as long as `requests_per_minute` demands."""
        if not self._options.requests_per_minute:
            return
        start = max(monotonic(), self._next_start)
        self._next_start = start + 60.0 / self._options.requests_per_minute
        await asyncio.sleep(start - monotonic())

    async def _post(self, request: Request, start: float) -> Result:
        """Return the server's completion of one request."""
        sampling, prompt = request.sampling, request.prompt
        body: dict[str, Any] = {
            "model": self._server.model,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self._options.max_tokens_name: sampling.max_tokens,
            "seed": request.seed,
            **({"stop": list(prompt.stop)} if prompt.stop else {}),
            **self._server.defaults,
        }
        if prompt.text is not None:
            body["prompt"] = prompt.text
            route, read = "/completions", from_text
        else:
            body["messages"] = [{"role": m.role, "content": m.content} for m in prompt.messages]
            route, read = "/chat/completions", from_chat
        reply = await self._client.post(route, body=body, cast_to=dict[str, Any])
        seconds, key = monotonic() - start, self._client.api_key
        return handle(request, lambda: read(request, reply, seconds, key))

    def _refused(self, request: Request, error: Any, *, others_succeed: bool) -> Failure:  # noqa: ANN401 - openai is imported late
        """Return the failure of one request, or raise where the server refuses them all.

        Where other requests succeed meanwhile, this one is at fault; where none does, the server is
        down.
        """
        status: int = error.status_code
        message = error_text(error.body, self._client.api_key)
        if status in _UNAUTHORISED:
            raise _unauthorised(self._server.url, self._options)
        if status == _NOT_FOUND:
            raise ModelError(
                f"{self._server.url} has no such model or route: {message}",
                "Check the model's name, and that the URL ends where the API begins: /v1.",
            )
        if (status >= _SERVER_ERROR or status in _TRANSIENT) and not others_succeed:
            raise ModelError(
                f"The server at {self._server.url} keeps answering {status}: {message}",
                "What was finished is stored; the same command goes on from there.",
            )
        if is_context_error(message):
            return Failure(
                request=request,
                reason=f"the prompt and max_tokens do not fit the context: {message}",
                hint="Lower --max-tokens, or serve the model with a longer context.",
            )
        return Failure(request=request, reason=f"the server answered {status}: {message}")


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> OpenAIModel:
    """Return the model of a running server, from `MODEL@URL`.

    Raises:
        MissingExtraError: the package openai is not installed.
        ModelError: no such server or model, or the key is refused.
    """
    require(("openai",), extra="openai", backend="openai")
    chosen = read_options(Options, "openai", options)
    model, url = _read_name(name, rest)
    defaults = read_object("extra_body", chosen.extra_body)
    context = _served_context(model, url, chosen) or chosen.context
    described = {"backend": "openai", "model": model, "url": url, "extra_body": defaults}
    server = Server(url=url, model=model, described=described, defaults=defaults, context=context)
    return OpenAIModel(name, server, chosen)


def _read_name(name: str, rest: str) -> tuple[str, str]:
    """Return model and URL; refuse a name that holds a key, because it is stored with the run."""
    model, _, tail = rest.partition("@http")
    url = f"http{tail}"
    try:
        parts = urlsplit(url)
        complete = bool(model and parts.hostname and parts.port != 0)
    except ValueError:  # a port that is no number, or a malformed address
        complete = False
    if not complete:
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


_CONNECT_SECONDS = 10.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_KEY = "none"
"""Sent as a key to local servers, which ignore it."""


def _new_client(url: str, options: Options) -> AsyncOpenAI:
    """Return a client, which reaches a server on this machine without any proxy."""
    import openai

    proxied = urlsplit(url).hostname not in _LOCAL
    return openai.AsyncOpenAI(
        base_url=url,
        api_key=os.environ.get(options.api_key_env) or _NO_KEY,
        max_retries=options.retries,
        timeout=openai.Timeout(options.timeout, connect=_CONNECT_SECONDS),
        http_client=openai.DefaultAsyncHttpxClient(trust_env=proxied),
    )


def _served_context(model: str, url: str, options: Options) -> int | None:
    """Return the context that the server's list of models states, or None where it states none.

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
    """Return the server's list of models, or None where it has none."""
    import openai

    async with _new_client(url, options) as client:
        try:
            reply = await client.get("/models", cast_to=dict[str, Any], options={"max_retries": 1})
        except openai.APIStatusError as error:
            if error.status_code in _UNAUTHORISED:
                raise _unauthorised(url, options) from None
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


def _unauthorised(url: str, options: Options) -> ModelError:
    """Return the error of a refused key; it names the variable and never the key."""
    held = "is refused" if os.environ.get(options.api_key_env) else "is not set"
    return ModelError(
        f"The server at {url} wants a key, and the one in {options.api_key_env} {held}.",
        f"export {options.api_key_env}=…, or name another variable: --model-arg api_key_env=NAME.",
    )
