"""What transformers' models do when memory, numbers, device or a package fail; facts as JSON.

The models are tiny, with random weights. hardship.py TOKENIZER_FOLDER WORK_FOLDER
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import torch
from drive import ask, stream
from reward import STEPS, make, request

from mathreason_eval.errors import ModelError
from mathreason_eval.models import open_model
from mathreason_eval.models.rows import StopByRow

# fmt: off
ERRORS = {
    "shortage": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "library":  RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    "broken":   RuntimeError("CUDA error: device-side assert triggered\nCompile with TORCH_USE…"),
    "slip":     RuntimeError("The size of tensor a must match the size of tensor b"),
}
UNLOADABLE = {
    "device":    {"device": "cuda:99"},
    "dtype":     {"dtype": "float8"},
    "attention": {"attn_implementation": "flash_attention_2"},
}
# fmt: on
COLON = "\N{FULLWIDTH COLON}\N{EM DASH}\N{EM DASH}"
"""A stop string of fewer characters than the tokens that it may take, one a byte."""


def requests():
    return [ask(f"p{seed}", seed=seed, max_tokens=4 + seed) for seed in range(6)]


def holding(model, rows, error, name):
    """Let a model fail in this way at batches of more than so many rows; return their sizes."""
    compute, sizes = getattr(model._model, name), []

    def limited(**arguments):
        sizes.append(len(arguments["input_ids"]))
        if sizes[-1] > rows:
            raise error
        return compute(**arguments)

    setattr(model._model, name, limited)
    return sizes


def short(folder, rows, error, *, refill=True, size=32):
    """Return what is said of six requests by a model whose memory holds so many rows."""
    options = {"dtype": "float32", "refill": str(refill).lower(), "batch_size": str(size)}
    model = open_model(f"hf:{folder}", options)
    # A batch is one call; refilled rows are a call a token.
    sizes = holding(model, rows, error, "forward" if refill else "generate")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            said = stream(model, requests())
        except (ModelError, RuntimeError) as raised:
            return {"raised": type(raised).__name__, "said": str(raised)}
    model.close()
    texts = {name: one.get("text") or one.get("failure") for name, one in said.items()}
    return {"sizes": sizes, "texts": texts, "warned": [str(one.message) for one in warned]}


def lost(folder):
    """Return what is said when the model's numbers end with the eighth token."""
    model, calls = open_model(f"hf:{folder}", {"dtype": "float32"}), []

    def overflow(_module, _arguments, logits):
        calls.append(None)
        return logits * torch.nan if len(calls) >= 8 else logits

    model._model.lm_head.register_forward_hook(overflow)
    greedy = {"temperature": 0.0}
    return stream(
        model, [ask("short", max_tokens=7, **greedy), ask("long", max_tokens=32, **greedy)]
    )


def lost_scores(folder):
    """Return what a reward model says that gives no numbers."""
    model = open_model(f"prm:{folder}", {"dtype": "float32"})
    model._model.score.weight.data.fill_(torch.nan)
    return stream(model, [request("p0", STEPS)])


def unloadable(backend, folder, options):
    try:
        open_model(f"{backend}:{folder}", options)
    except ModelError as error:
        return f"{error.what} {error.hint}"
    return "loaded"


def stopped():
    """Return after how many tokens, one a byte, a stop string is seen."""
    written = list(f"so{COLON} and on".encode())
    asked = SimpleNamespace(
        prompt=SimpleNamespace(stop=(COLON,)), sampling=SimpleNamespace(max_tokens=99)
    )
    stop = StopByRow(
        requests=[asked],
        prompt_length=0,
        decode=lambda tokens: bytes(tokens).decode(errors="ignore"),
    )
    for made in range(1, len(written) + 1):
        stop(torch.tensor([written[:made]]), None)
    return stop.stopped_at


def main(tokenizer, work):
    folder, reward = work / "words", work / "token"
    for made in (folder, reward):
        make(made, made.name, tokenizer)
    facts = {
        "untroubled": short(folder, 99, None, refill=False),
        "short": {kind: short(folder, 3, error, refill=False) for kind, error in ERRORS.items()},
        "none": short(folder, 0, ERRORS["shortage"], refill=False),
        "refilled": {
            "untroubled": short(folder, 99, None),
            "few": short(folder, 99, None, size=2),
            "short": short(folder, 3, ERRORS["shortage"]),
            "library": short(folder, 3, ERRORS["library"]),
            "broken": short(folder, 3, ERRORS["broken"]),
            "none": short(folder, 0, ERRORS["shortage"]),
        },
        "lost": lost(folder),
        "lost_scores": lost_scores(reward),
        "unloadable": {
            kind: unloadable("hf", folder, options) for kind, options in UNLOADABLE.items()
        },
        "unloadable_prm": unloadable("prm", reward, UNLOADABLE["device"]),
        "stopped": stopped(),
        "cudnn_attention": torch.backends.cuda.cudnn_sdp_enabled(),
    }
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
