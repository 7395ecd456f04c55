"""Any OpenAI-compatible server, asked through the `openai` package from one event loop.

The loop runs in a background thread; `stream` hands it requests and yields what comes back. Retries
with backoff, jitter and Retry-After are the package's own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import MissingExtraError, ModelError
from mathreason_eval.models.answers import error_text, from_chat, from_text, too_long
from mathreason_eval.models.base import Completion, Failure, Request, handle
from mathreason_eval.models.options import read_object, read_options
from mathreason_eval.models.server import (
    UNAUTHORISED,
    Options,
    Server,
    new_client,
    read_name,
    served_context,
    unauthorised,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Result = Completion | Failure
_NOT_FOUND = 404
_TRANSIENT = frozenset({408, 409, 429})
_SERVER_ERROR = 500


class OpenAIModel:
    """A server, and the thread with the event loop that talks to it."""

    def __init__(
        self,
        name: str,
        server: Server,
        options: Options,
        *,
        refusal: Callable[[AsyncOpenAI, Request], Awaitable[Failure | None]] | None = None,
    ) -> None:
        """`refusal` may say beforehand that a request cannot be answered."""
        self.name = name
        self.chat = options.chat
        self.context = server.context
        self.opening = ""
        self._server = server
        self._options = options
        self._refusal = refusal
        self._answered = 0
        self._next_start = 0.0
        self._client = new_client(server.url, options)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="openai", daemon=True)
        self._thread.start()

    def describe(self) -> Mapping[str, object]:
        """Return the server's URL and model, the package's version and what is sent by default."""
        import openai

        return {**self._server.described, "client": f"openai {openai.__version__}"}

    def stream(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Yield one result a request as it comes back, with `concurrency` in flight.

        Twice as many are handed over, so that the server is busy while the caller is, too.
        """
        source = iter(requests)
        room = asyncio.Semaphore(self._options.concurrency)
        done: SimpleQueue[Future[Result]] = SimpleQueue()
        pending: set[Future[Result]] = set()
        try:
            while True:
                for request in islice(source, 2 * self._options.concurrency - len(pending)):
                    task = asyncio.run_coroutine_threadsafe(self._ask(request, room), self._loop)
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
        """Return the server's reply to one question that is not about a sample."""
        asked = self._client.post(url, body=body, cast_to=dict[str, Any])
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

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

    async def _ask(self, request: Request, room: asyncio.Semaphore) -> Result:
        """Return the server's answer, or a `Failure` that is this request's alone."""
        import openai

        async with room:
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
                return self._refused(request, error, others_fare_well=self._answered > answered)
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
        """Keep the pace that `requests_per_minute` sets."""
        if not self._options.requests_per_minute:
            return
        start = max(monotonic(), self._next_start)
        self._next_start = start + 60.0 / self._options.requests_per_minute
        await asyncio.sleep(start - monotonic())

    async def _post(self, request: Request, start: float) -> Result:
        """Return the server's answer to one request."""
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
            reply = await self._client.post("/completions", body=body, cast_to=dict[str, Any])
            return self._read(from_text, request, reply, start)
        body["messages"] = [{"role": m.role, "content": m.content} for m in prompt.messages]
        reply = await self._client.post("/chat/completions", body=body, cast_to=dict[str, Any])
        return self._read(from_chat, request, reply, start)

    def _read(
        self,
        read: Callable[[Request, object, float, str], Result],
        request: Request,
        reply: object,
        start: float,
    ) -> Result:
        key = self._client.api_key
        return handle(request, lambda: read(request, reply, monotonic() - start, key))

    def _refused(self, request: Request, error: Any, *, others_fare_well: bool) -> Failure:  # noqa: ANN401 - openai is imported late
        """Return the failure of one request, or raise where the server refuses them all.

        A request that fails while others succeed is the request's fault; a server that answers
        nobody meanwhile is down.
        """
        status: int = error.status_code
        said = error_text(error.body, self._client.api_key)
        if status in UNAUTHORISED:
            raise unauthorised(self._server.url, self._options)
        if status == _NOT_FOUND:
            raise ModelError(
                f"{self._server.url} has no such model or route: {said}",
                "Check the model's name, and that the URL ends where the API begins: /v1.",
            )
        if (status >= _SERVER_ERROR or status in _TRANSIENT) and not others_fare_well:
            raise ModelError(
                f"The server at {self._server.url} keeps answering {status}: {said}",
                "What was finished is stored; the same command goes on from there.",
            )
        if too_long(said):
            return Failure(
                request=request,
                reason=f"the prompt and max_tokens do not fit the context: {said}",
                hint="Lower --max-tokens, or serve the model with a longer context.",
            )
        return Failure(request=request, reason=f"the server answered {status}: {said}")


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> OpenAIModel:
    """Return the model of a running server, from `MODEL@URL`.

    Raises:
        MissingExtraError: the package openai is not installed.
        ModelError: no such server or model, or the key is refused.
    """
    try:
        import openai  # noqa: F401 - only whether it is there
    except ImportError:
        raise MissingExtraError("openai", "openai", "The openai backend") from None
    chosen = read_options(Options, "openai", options)
    model, url = read_name(name, rest)
    defaults = read_object("extra_body", chosen.extra_body)
    context = served_context(model, url, chosen) or chosen.context
    described = {"backend": "openai", "model": model, "url": url, "extra_body": defaults}
    server = Server(url=url, model=model, described=described, defaults=defaults, context=context)
    return OpenAIModel(name, server, chosen)
