"""The client of an OpenAI-compatible server: one event loop, one pace, tries that are counted.

The loop runs in a background thread; `stream` passes it requests and yields the results. Tries are
counted here, so that a failure reports their number; `retries.py` decides what is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from queue import Empty, SimpleQueue
from random import Random
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import UserError
from mathreason_eval.models import FROM_ZERO, with_options
from mathreason_eval.models.base import (
    COST,
    Allowance,
    Completion,
    Failure,
    Request,
    context_cut,
    handle,
)
from mathreason_eval.models.budget import opens_thought
from mathreason_eval.models.health import CircuitBreaker, State
from mathreason_eval.models.openings import (
    DIVIDES,
    NO_PROMPT,
    SPLIT,
    continued_prompt,
    served_system_role,
    tells_prompts,
)
from mathreason_eval.models.pace import Pace
from mathreason_eval.models.replies import OTHER_MODEL, from_chat, from_text, model_name, parse_body
from mathreason_eval.models.retries import FailedTry, failed_try, pause, until_allowed
from mathreason_eval.models.servers import (
    Server,
    dead_server,
    new_client,
    secrets_of,
)
from mathreason_eval.models.streams import STREAMED, joined
from mathreason_eval.types import Message, Prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Result = Completion | Failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    concurrency: int = 32
    """Requests in flight."""
    retries: int = field(default=8, metadata=FROM_ZERO)
    """Tries after the first; they span about 40 seconds, or as long as Retry-After asks."""
    timeout: float = 600.0
    """Seconds to wait for one answer, from its request to its last byte."""
    idle_timeout: float | None = None
    """Seconds to wait for the next piece of an answer, which is then streamed; None: answers come
    whole."""
    grace: float = field(default=5.0, metadata=FROM_ZERO)
    """Seconds that requests in flight have to be answered when a run ends early."""
    requests_per_minute: int | None = None
    """Requests started per minute, repeated ones included; None: as many as the server allows."""
    tokens_per_minute: int | None = None
    """Tokens of prompts and completions per minute; None: as many as the server allows."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    chat: bool = True
    """Ask with chat messages; False asks a base model with plain text through /completions."""
    context: int | None = None
    """Tokens of the context, where the server does not say."""
    max_tokens_name: str = "max_tokens"
    """`max_completion_tokens` for servers that want the newer name."""
    extra_body: str = "{}"
    """A JSON object sent with each request: `{"top_k": 20}`."""
    replicas: str = ""
    """Addresses of further servers of the same model, with blanks or commas between them."""
    batch_requests: str = ""
    """A file: requests are written there as a batch, and not sent."""
    batch_results: str = ""
    """Files of a batch's results, with blanks or commas between them: answers are read there."""
    opening: str = ""
    """The reasoning marks that the server's chat template writes before every answer: `<think>`.
    Empty: ask the server."""


SCHEDULING_OPTIONS = frozenset(
    {
        *("concurrency", "retries", "timeout", "idle_timeout", "grace"),
        *("requests_per_minute", "tokens_per_minute"),
        *("api_key_env", "context", "replicas", "batch_requests", "batch_results"),
    }
)
"""Options that do not change a text. `context` is not sent: it refuses longer prompts."""


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
        """`refusal` may return, before a request is sent, why it cannot be answered."""
        self.name = name
        self.chat = options.chat
        self.context = server.context
        self.opening = server.opening
        self.thinks = opens_thought(server.opening) or server.opening_from == SPLIT
        place = (server.url, server.model, server.defaults)
        self.system_role = partial(served_system_role, *place, options)
        self._continues: bool | None = None
        self._server = server
        self._options = options
        self._refusal = refusal
        self._breaker = CircuitBreaker()
        self._aside: list[Failure] = []
        self._again: dict[int, Failure] = {}
        self._pending: set[Future[Result]] = set()
        self._done: SimpleQueue[Future[Result]] = SimpleQueue()
        self._ending = False
        self.answered_by: str | None = None
        """The model that answers, as the server calls it; of a run that goes on, as it was called
        before."""
        self._allowance: Allowance | None = None
        self._pace = Pace(per_minute=options.requests_per_minute, tokens=options.tokens_per_minute)
        self._turn = asyncio.Lock()
        self._secrets = secrets_of(options, server.defaults)
        self._client = new_client(server.url, options, only_post=True, heard=self._heed)
        self._loop = asyncio.new_event_loop()
        self._slots = asyncio.Semaphore(options.concurrency)
        self._thread = Thread(target=self._loop.run_forever, name="openai", daemon=True)
        self._thread.start()

    @property
    def continues(self) -> bool:
        """Whether the server continues a text: with plain text, or if it tells a chat's prompt."""
        if self._continues is None:
            place = (self._server.url, self._server.model, self._server.defaults)
            divides = self._server.opening_from == SPLIT
            self._continues = not self.chat or (
                not divides and tells_prompts(*place, self._options)
            )
        return self._continues

    @property
    def cannot_continue(self) -> str:
        """Why it does not."""
        return DIVIDES if self._server.opening_from == SPLIT else NO_PROMPT

    def describe(self) -> Mapping[str, object]:
        """Return the server's URL and model, the package's version and what is sent by default."""
        return describe_server(self._server, self._options)

    def ask_allowance(self, allowance: Allowance | None) -> bool:
        """Ask before each try whether it may be sent; see `base.asks_allowance`."""
        self._allowance = allowance
        return True

    def stream(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Yield one result per request as it arrives, with `concurrency` in flight.

        Twice as many are submitted, so that the server does not wait for the caller. A request that
        fails is asked once more when all others are done; only then is it a `Failure`.
        """
        self._breaker, self._ending = CircuitBreaker(), False
        yield from self._round(iter(requests), counts=True)
        self._breaker.suspect()
        yield from self._stop_unless_alive(counts=False)
        self._again, self._aside = {id(one.request): one for one in self._aside}, []
        # These have all failed before, so failures in a row say nothing about the server.
        yield from self._round(iter([one.request for one in self._again.values()]), counts=False)
        self._breaker.suspect()
        yield from self._stop_unless_alive(counts=False)
        # Others were answered, or the probe was: these requests themselves are the cause.
        yield from (replace(one, is_of_request=True) for one in self._unanswered())

    def _unanswered(self) -> list[Failure]:
        """Return the failures of requests waiting for their second turn, or in it; forget them."""
        failed = [*self._aside, *self._again.values()]
        self._aside, self._again = [], {}
        return failed

    def _round(self, source: Iterator[Request], *, counts: bool) -> Iterator[Result]:
        """Yield the results of requests; those that failed are kept for a second turn."""
        while True:
            yield from self._stop_unless_alive(counts=counts)
            for request in islice(source, 2 * self._options.concurrency - len(self._pending)):
                self._submit(request)
            if not self._pending:
                return
            yield from self._taken(self._done.get())

    def _submit(self, request: Request) -> None:
        task = asyncio.run_coroutine_threadsafe(self._ask(request), self._loop)
        self._pending.add(task)
        task.add_done_callback(self._done.put)

    def _taken(self, finished: Future[Result]) -> Iterator[Result]:
        """Yield the result of a finished request, unless it failed and is to be asked again."""
        self._pending.discard(finished)
        result = finished.result()
        first = self._again.pop(id(result.request), None)
        if isinstance(result, Failure) and first is not None:
            result = _added(first, result)
        if isinstance(result, Failure) and (result.is_of_request or result.kind == COST):
            yield result
            return
        self._breaker.record(answered=isinstance(result, Completion))
        if isinstance(result, Completion):
            yield result
        else:
            self._aside.append(result)

    def _stop_unless_alive(self, *, counts: bool) -> Iterator[Result]:
        """Send a probe if too many requests failed; if it fails too, yield all failures and raise.

        Raises:
            ModelError: the server no longer answers any request.
        """
        failure = self._aside[-1] if self._aside else None
        if self._breaker.state is State.OPEN:
            probe = asyncio.run_coroutine_threadsafe(self._probe(), self._loop).result()
            if self._allowance is not None:
                self._allowance.settle(probe)
            self._breaker.probed(answered=isinstance(probe, Completion), counts=counts)
            failure = probe if isinstance(probe, Failure) else failure
        if self._breaker.state is not State.STOPPED or failure is None:
            return
        yield from self._unanswered()
        raise dead_server(self._server.url, self._options, failure)

    async def _probe(self) -> Result:
        """Return the result of a short request of the same kind as those that failed."""
        failed = self._aside[-1].request
        text = "What is 1 + 1?"
        prompt = Prompt(messages=(Message(role="user", content=text),)) if self.chat else None
        sampling = replace(
            failed.sampling, max_tokens=min(_PROBE_TOKENS, failed.sampling.max_tokens)
        )
        request = replace(
            failed, problem_id="probe", prompt=prompt or Prompt(text=text), sampling=sampling
        )
        return await self._tried(request, min(self._options.retries, _PROBE_RETRIES))

    def drain(self) -> Iterator[Result]:
        """Yield what is answered within some seconds of a stream that was ended, and failures.

        Nothing is tried again; requests still in flight after that are abandoned.
        """
        self._ending = True
        end = monotonic() + self._options.grace
        try:
            while self._pending and (left := end - monotonic()) > 0:
                try:
                    finished = self._done.get(timeout=left)
                except Empty:
                    break
                yield from self._taken(finished)
        finally:
            for task in self._pending:
                task.cancel()
            self._pending.clear()
        yield from self._unanswered()

    def post(self, url: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Return the server's reply to a call that is no sample, such as of its tokenizer.

        Raises:
            openai.OpenAIError: it was refused or not answered; it is not tried again.
        """
        call = self._client.post(url, body=body, cast_to=dict[str, Any])
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def close(self) -> None:
        """Stop the loop and its thread; requests in flight are abandoned."""
        if self._loop.is_closed():
            return
        for task in self._pending:
            task.cancel()
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

    async def _ask(self, request: Request) -> Result:
        """Return the result of a request, once there is a slot."""
        async with self._slots:
            return await self._tried(request, self._options.retries)

    async def _tried(self, request: Request, retries: int) -> Result:
        """Return the server's completion, or the `Failure` of the last try."""
        start, tries, chance = monotonic(), 0, Random(request.seed)
        while True:
            tries += 1
            started = await self._turn_to_start()
            if self._allowance is not None and not self._allowance.may_send(request):
                return _not_sent(request, tries - 1, monotonic() - start)
            try:
                async with asyncio.timeout(self._options.timeout):
                    if self._refusal and (refused := await self._refusal(self._client, request)):
                        return refused
                    result = await self._post(request)
            except UserError:
                raise
            # Any other exception is a failure of this request alone.
            except Exception as error:  # noqa: BLE001
                failed = failed_try(error, self._secrets, self._options.timeout)
                self._note_refusal(request, failed, started)
            else:
                seconds = monotonic() - start
                if isinstance(result, Completion):
                    return replace(result, seconds=seconds)
                return replace(result, status=_OK, tries=tries, seconds=seconds)
            in_vain = self._ending or self._pace.is_hopeless(monotonic())
            if in_vain or not failed.again or tries > retries:
                return Failure(
                    request=request,
                    **{
                        name: getattr(failed, name) for name in ("kind", "reason", "hint", "status")
                    },
                    tries=tries,
                    seconds=round(monotonic() - start, 3),
                    is_of_request=failed.is_of_request,
                )
            await asyncio.sleep(pause(tries, failed, chance))

    def _note_refusal(self, request: Request, failed: FailedTry, started: float) -> None:
        """Have the pace, and what allows requests, know of a try that was refused."""
        if self._allowance is not None and (failed.status or _OK) >= _ERROR:
            self._allowance.refused(request)
        if failed.is_of_rate:
            self._pace.refused(started, monotonic(), failed.after)

    async def _turn_to_start(self) -> float:
        """Wait until the pace allows a try, one after the other; return when it starts."""
        async with self._turn:
            # No event: the time that is waited for may move while it is waited for.
            while (wait := self._pace.wait(now := monotonic())) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
        return now

    async def _heed(self, response: Any) -> None:  # noqa: ANN401  httpx's, of either name
        """Let nothing start before a reply's headers allow it."""
        if (wait := until_allowed(response.headers)) is not None:
            self._pace.hold(monotonic() + wait)

    async def _post(self, request: Request) -> Result:
        """Return the server's completion of one request."""
        route, body = request_body(self._server, self._options, request)
        read = from_text if route == COMPLETIONS else from_chat
        if request.prompt.begun and request.prompt.text is None:
            place = self._server.url.removesuffix("/v1")
            told = {"model": self._server.model, **self._server.defaults}
            body["prompt"] = await continued_prompt(self._client, place, told, request.prompt)
        # Whatever a server says is stored or shown: it may repeat what it was sent.
        reply = self._secrets.hide(await self._replied(route, body))
        result = handle(request, lambda: read(request, reply, 0.0))
        self._pace.answered(monotonic(), _tokens(result))
        if isinstance(result, Failure):
            return result
        if (other := self._other_model(request, reply)) is not None:
            return other
        return context_cut(result, self.context, "serve a longer context") or result

    async def _replied(self, route: str, body: Mapping[str, object]) -> object:
        """Return the server's reply, which is streamed where pieces are to come in time."""
        idle = self._options.idle_timeout
        if idle is None:
            return parse_body(await self._client.post(route, body=body, cast_to=bytes))
        from openai import AsyncStream

        stream = await self._client.post(
            route,
            body={**body, **STREAMED},
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
        )
        async with stream:
            return await joined(stream.response.aiter_bytes(), idle)

    def _other_model(self, request: Request, reply: object) -> Failure | None:
        """Return the failure of a request that another model answered than those before it.

        Gateways fall back to one. What a server calls its model need not be what it is asked for.
        """
        named = model_name(reply)
        self.answered_by = self.answered_by or named
        if named in {None, self.answered_by}:
            return None
        return other_model(request, named, self.answered_by)


def describe_server(server: Server, options: Options) -> Mapping[str, object]:
    """Return a server's URL and model, the client's version and what is sent by default."""
    import openai

    described = {**server.described, "client": f"openai {openai.__version__}"}
    asked = {"opening_from": server.opening_from}
    return with_options(described, options, SCHEDULING_OPTIONS | {*asked}, more=asked)


COMPLETIONS = "/completions"
"""The route that continues a text."""


def request_body(server: Server, options: Options, request: Request) -> tuple[str, dict[str, Any]]:
    """Return the route of a request, and what is sent.

    The prompt of a chat whose answer has begun is missing: see `continued_prompt`.
    """
    sampling, prompt = request.sampling, request.prompt
    body: dict[str, Any] = {
        "model": server.model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        options.max_tokens_name: sampling.max_tokens,
        "seed": request.seed,
        **({"stop": list(prompt.stop)} if prompt.stop else {}),
        **server.defaults,
    }
    if prompt.text is not None:
        return COMPLETIONS, {**body, "prompt": prompt.text + prompt.begun}
    if prompt.begun:
        return COMPLETIONS, body
    messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
    return "/chat/completions", {**body, "messages": messages}


def other_model(request: Request, named: str | None, expected: str | None) -> Failure:
    """Return the failure of a request that another model answered than the one expected."""
    return Failure(
        request=request,
        kind=OTHER_MODEL,
        reason=f"the model {named} answered it, and {expected} others",
        hint="Ask for a model by its full name, from a server that does not choose another; "
        "a folder holds the answers of one model, so another one needs another -o.",
    )


_OK, _ERROR = 200, 400
_PROBE_TOKENS = 256
_PROBE_RETRIES = 2


def _tokens(result: Result) -> int:
    """Return the tokens that a result took, as far as the server says."""
    if isinstance(result, Failure):
        return 0
    return (result.prompt_tokens or 0) + (result.completion_tokens or 0)


def _not_sent(request: Request, tries: int, seconds: float) -> Failure:
    """Return the failure of a request that may not be sent, or not again."""
    return Failure(
        request=request,
        kind=COST,
        reason=f"after {tries} tries another could exceed --max-cost",
        tries=tries,
        seconds=round(seconds, 3),
        is_of_request=False,
    )


def _added(first: Failure, result: Failure) -> Failure:
    """Return a failure with the tries and seconds of the request's first turn added."""
    seconds = (first.seconds or 0.0) + (result.seconds or 0.0)
    return replace(result, tries=first.tries + result.tries, seconds=round(seconds, 3))
