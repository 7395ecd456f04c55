"""Greedy texts of the embedded model with a LoRA adapter and without, as JSON on stdout.

`adapters.py BACKEND MODEL FOLDER` writes an adapter that changes the model and one that does not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

RANK, LAYERS, WIDTH = 4, 30, 576


def write(folder: Path, scale: float) -> str:
    """Write a LoRA adapter of the queries, whose update is random and as large as said."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    torch.manual_seed(1)
    weights = {}
    for layer in range(LAYERS):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(RANK, WIDTH) * 0.1
        weights[f"{name}.lora_B.weight"] = torch.randn(WIDTH, RANK) * scale
    save_file(weights, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": RANK,
              "lora_dropout": 0.0, "bias": "none", "target_modules": ["q_proj"],
              "base_model_name_or_path": "base"}  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return str(folder)


def main(backend: str, model: str, folder: str) -> None:
    from mathreason_eval.errors import ModelError
    from mathreason_eval.models import open_model
    from mathreason_eval.models.base import Request
    from mathreason_eval.types import Message, Prompt, Sampling

    options = {"dtype": "float32"}
    if backend == "vllm":
        options |= {"max_model_len": "256", "max_num_seqs": "4", "enforce_eager": "true"}
    requests = [
        Request(task="t", problem_id=str(n), sample=0, seed=n, sampling=Sampling(max_tokens=16),
                prompt=Prompt(messages=(Message(role="user", content=f"What is {n} + {n}?"),)))
        for n in range(4)
    ]  # fmt: skip
    adapted, idle = (write(Path(folder) / name, scale) for name, scale in [("a", 0.1), ("b", 0.0)])
    told: dict[str, object] = {}
    for name, adapter in [("base", ""), ("adapted", f"+{adapted}"), ("idle", f"+{idle}")]:
        try:
            opened = open_model(f"{backend}:{model}{adapter}", options)
        except ModelError as error:
            told[name] = str(error)
            continue
        told[name] = {one.request.problem_id: one.text for one in opened.stream(iter(requests))}
        told[f"{name} described"] = opened.describe().get("adapter")
        opened.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
