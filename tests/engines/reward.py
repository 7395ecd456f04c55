"""Makes tiny reward models with random weights in a folder, scores solutions, prints it as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import (
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
)

from mathreason_eval.errors import ModelError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.types import Message, Prompt, Sampling

# fmt: off
KINDS = {
    "token":    (LlamaForTokenClassification, 2),
    "sequence": (LlamaForSequenceClassification, 2),
    "scalar":   (LlamaForSequenceClassification, 1),
    "words":    (LlamaForCausalLM, 2),
}
# fmt: on
STEPS = ["2 + 2 = 4.", "Then 4 * 3 = 12.", "The answer is 12."]
LENGTHS = (3, 1, 2, 3)
LONG = ["a very long step " * 400]


def make(folder: Path, kind: str, tokenizer_folder: str) -> None:
    """Write a model of one kind, and a tokenizer, into a folder."""
    torch.manual_seed(7)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    loaded, labels = KINDS[kind]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        num_labels=labels,
        pad_token_id=0,
    )
    loaded(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def request(name: str, steps: list[str]) -> Request:
    """Return what a prompt of the form `turns` asks."""
    turns = [Message(role="assistant", content=step) for step in steps]
    messages = (Message(role="user", content="How many?"), *turns)
    return Request(
        task="t",
        problem_id=name,
        sample=0,
        prompt=Prompt(messages=messages),
        sampling=Sampling(),
        seed=0,
    )


def scored(folder: Path, batch_size: int, device: str = "auto") -> dict[str, object]:
    """Return by problem what the model says of each solution."""
    options = {"batch_size": str(batch_size), "dtype": "float32", "device": device}
    model = open_model(f"prm:{folder}", options)
    requests = [request(f"p{n}", STEPS[:length]) for n, length in enumerate(LENGTHS)]
    said: dict[str, object] = {}
    for result in model.stream([*requests, request("long", LONG)]):
        if isinstance(result, Completion):
            said[result.request.problem_id] = result.text
        elif isinstance(result, Failure):
            said[result.request.problem_id] = {"reason": result.reason}
    head = model.describe()["head"]
    model.close()
    return {"head": head, "said": said}


def main(tokenizer_folder: str, work: Path) -> None:
    """Print, for each kind of model, its scores in batches of four and one by one."""
    facts: dict[str, object] = {}
    for kind in KINDS:
        folder = work / kind
        make(folder, kind, tokenizer_folder)
        try:
            facts[kind] = {"together": scored(folder, 4), "alone": scored(folder, 1)}
        except ModelError as error:
            facts[kind] = {"error": f"{error.what} {error.hint}"}
    print(json.dumps(facts))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
