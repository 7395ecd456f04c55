"""Tokens per second through this package against the bare engine, in the same run.

    python benchmarks/engines.py demo
    python benchmarks/engines.py hf:FOLDER vllm:FOLDER --requests 64 --max-tokens 128

The two take turns, so that a busy machine slows both; the ratio is what counts.
"""

# ruff: noqa: SLF001 - the bare engines stand inside our models

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request as Post
from urllib.request import urlopen

from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Request
from mathreason_eval.models.checkpoint import encode
from mathreason_eval.types import Message, Prompt, Sampling

Bare = Callable[[Any, Sequence[Request]], int]
"""Generates the requests without this package, and returns the tokens it made."""


def requests(count: int, max_tokens: int) -> list[Request]:
    """Return requests that are alike in length and not in content."""
    return [
        Request(
            task="benchmark",
            problem_id=str(index),
            sample=0,
            prompt=Prompt(
                messages=(Message(role="user", content=f"Tell a long story about {index} owls."),)
            ),
            sampling=Sampling(temperature=1.0, max_tokens=max_tokens),
            seed=index,
        )
        for index in range(count)
    ]


def ours(model: Any, asked: Sequence[Request]) -> int:
    """Return the tokens made through the package."""
    results = list(model.stream(asked))
    return sum(said.completion_tokens or 0 for said in results if isinstance(said, Completion))


def bare_llamacpp(model: Any, asked: Sequence[Request]) -> int:
    """Return the tokens made by plain HTTP from as many threads as the server has slots."""

    def one(request: Request) -> int:
        body = {
            "messages": [{"role": m.role, "content": m.content} for m in request.prompt.messages],
            "max_tokens": request.sampling.max_tokens,
            "temperature": request.sampling.temperature,
            "seed": request.seed,
        }
        url = f"{model._server.listening_address}/v1/chat/completions"
        with urlopen(
            Post(url, json.dumps(body).encode(), {"content-type": "application/json"})
        ) as r:
            return int(json.load(r)["usage"]["completion_tokens"])

    with ThreadPoolExecutor(model.describe()["parallel"]) as threads:
        return sum(threads.map(one, asked))


def bare_hf(model: Any, asked: Sequence[Request]) -> int:
    """Return the tokens made by `generate` in batches of the same size."""
    import torch

    engine, tokenizer = model._model, model._tokenizer
    size, made = model.describe()["batch_size"], 0
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    ends = torch.tensor(engine.generation_config.eos_token_id)
    for start in range(0, len(asked), size):
        rows = [encode(tokenizer, request.prompt, {}) for request in asked[start : start + size]]
        inputs = tokenizer.pad({"input_ids": rows}, padding_side="left", return_tensors="pt")
        with torch.inference_mode():
            out = engine.generate(
                **inputs.to(engine.device),
                do_sample=True,
                top_k=0,
                temperature=1.0,
                max_new_tokens=asked[start].sampling.max_tokens,
            )
        new = out[:, inputs["input_ids"].shape[1] :].cpu()
        ended = torch.isin(new, ends).int()
        made += int((ended.cumsum(1) - ended == 0).sum())
    return made


def bare_vllm(model: Any, asked: Sequence[Request]) -> int:
    """Return the tokens made by `LLM.generate`, given everything at once."""
    from vllm import SamplingParams

    outputs = model._llm.generate(
        [{"prompt_token_ids": encode(model._tokenizer, one.prompt, {})} for one in asked],
        [
            SamplingParams(temperature=1.0, seed=one.seed, max_tokens=one.sampling.max_tokens)
            for one in asked
        ],
        use_tqdm=False,
    )
    return sum(len(output.outputs[0].token_ids) for output in outputs)


BARE: dict[str, Bare] = {"llamacpp": bare_llamacpp, "hf": bare_hf, "vllm": bare_vllm}


def rate(work: Bare, model: Any, asked: Sequence[Request]) -> float:
    """Return tokens per second of one turn."""
    start = time.perf_counter()
    return work(model, asked) / (time.perf_counter() - start)


def main() -> None:
    """Print one line a model: the median rate of each side, and of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--model-arg", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    options = dict(option.split("=", 1) for option in given.model_arg)
    for name in given.models:
        backend = "llamacpp" if name == "demo" else name.partition(":")[0]
        model, asked = open_model(name, options), requests(given.requests, given.max_tokens)
        rate(ours, model, asked[:4])  # warms up
        pairs = [
            (rate(ours, model, asked), rate(BARE[backend], model, asked))
            for _ in range(given.turns)
        ]
        model.close()
        through, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name}: {through:.0f} tokens/s here, {bare:.0f} bare, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
