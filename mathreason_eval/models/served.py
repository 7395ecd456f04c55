"""What a server says of its chat template and its tokens, without asking for any completion.

llama.cpp applies its template (`/apply-template`) and tells its special tokens (`/props`); vLLM
tells the tokens of a conversation (`/tokenize`). Whatever else answers leaves it unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import Faults
from mathreason_eval.models.facts import ChatTemplate, ModelFacts, TemplateError
from mathreason_eval.models.openings import (
    ASK_SECONDS,
    NO_PROMPT,
    applied_prompt,
    posted,
    token_texts,
)
from mathreason_eval.models.replies import parse_body
from mathreason_eval.models.servers import Access, new_client, served_context
from mathreason_eval.types import Message, Prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_READERS = {"/apply-template": applied_prompt, "/tokenize": token_texts}
"""What reads the reply of each route that tells a prompt."""
_QUESTION = (Message(role="user", content="What is 1 + 1?"),)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """A model of a server, which is asked about prompts."""

    url: str
    """Where the API begins, `http://HOST:PORT/v1`."""
    model: str
    defaults: Mapping[str, object]
    """Sent with each request."""
    access: Access

    def template(self) -> ChatTemplate | None:
        """Return the server's chat template, or None if it tells nothing of it."""
        for route in _READERS:
            if self._rendered(route, _QUESTION, add_generation_prompt=True) is not None:
                break
        else:
            return None

        def render(messages: Sequence[Message], *, add_generation_prompt: bool = True) -> str:
            told = self._rendered(route, messages, add_generation_prompt=add_generation_prompt)
            if told is None:
                raise TemplateError("the server refuses these messages")
            return told

        props = self._asked(_props) or {}
        bos, eos = (
            token if isinstance(token := props.get(f"{kind}_token"), str) and token else None
            for kind in ("bos", "eos")
        )
        # vLLM tells all tokens that the model sees; llama.cpp sees to it that there is one BOS.
        return ChatTemplate(render=render, bos=bos, eos=eos, adds_eos=False, keeps_one_bos=True)

    def count(self, prompts: Sequence[Prompt]) -> Sequence[int | None]:
        """Return the tokens of each prompt, None where the server does not tell."""

        async def counts(client: AsyncOpenAI) -> list[int | None]:
            return [await _count(client, self._body(), prompt) for prompt in prompts]

        return self._asked(counts) or [None] * len(prompts)

    def _rendered(
        self, route: str, messages: Sequence[Message], *, add_generation_prompt: bool
    ) -> str | None:
        body = {
            **self._body(),
            "messages": _told(messages),
            "add_generation_prompt": add_generation_prompt,
            "return_token_strs": True,
        }
        told: str | None = self._asked(lambda client: _read(client, route, body))
        return told

    def _body(self) -> dict[str, object]:
        return {**self.defaults, "model": self.model}

    def _asked(self, ask: Any) -> Any:  # noqa: ANN401  whatever it asks for
        """Return what a server says, or None: one that cannot tell may answer with anything."""

        async def session() -> Any:  # noqa: ANN401
            async with new_client(self.url.removesuffix("/v1"), self.access) as client:
                return await ask(client)

        try:
            return asyncio.run(session())
        except Exception:  # noqa: BLE001
            return None


def _told(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": one.role, "content": one.content} for one in messages]


async def _read(client: AsyncOpenAI, route: str, body: Mapping[str, object]) -> str | None:
    return _READERS[route](await posted(client, route, body, ASK_SECONDS))


async def _props(client: AsyncOpenAI) -> dict[str, Any] | None:
    async with asyncio.timeout(ASK_SECONDS):
        found = parse_body(await client.get("/props", cast_to=bytes))
    return found if isinstance(found, dict) else None


async def _count(client: AsyncOpenAI, body: Mapping[str, object], prompt: Prompt) -> int | None:
    """Return the tokens of a prompt by vLLM's `/tokenize`, or by llama.cpp's two routes."""
    text = prompt.text
    if text is None:
        asked = {**body, "messages": _told(prompt.messages)}
        text = await _read(client, "/apply-template", asked)
    own: dict[str, object] = {
        "prompt": text,
        "content": text,
        "add_special": True,
        "parse_special": True,
    }
    if text is None:
        own = {"messages": _told(prompt.messages), "add_generation_prompt": True}
    reply = await posted(client, "/tokenize", {**body, **own}, ASK_SECONDS)
    tokens = reply.get("tokens") if isinstance(reply, dict) else None
    return len(tokens) if isinstance(tokens, list) else None


def examine_server(
    served: ServedModel, faults: Faults, *, chat: bool, context: int | None
) -> ModelFacts:
    """Return what a server says of a model.

    Args:
        served: the model.
        faults: collects what is wrong.
        chat: whether it is asked with messages.
        context: what the user says of it, which counts where the server says nothing.
    """
    before = len(faults.found)
    stated = faults.attempt(lambda: served_context(served.model, served.url, served.access))
    reached = len(faults.found) == before
    template = served.template() if chat and reached else None
    return ModelFacts(
        chat=chat,
        has_template=True if template else None,
        template=template,
        context=stated or context,
        remedy="serve it with a longer one",
        count=served.count if reached else None,
        cannot_continue=NO_PROMPT if chat and reached and template is None else "",
    )
