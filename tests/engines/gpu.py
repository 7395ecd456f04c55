"""Drives the hf and prm backends on a GPU through what the tests ask about, and prints JSON.

gpu.py MODEL_FOLDER WORK_FOLDER
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch
from drive import ask, drawn, requests, stream
from reward import make, scored

from mathreason_eval.models import open_model
from mathreason_eval.models.checkpoint import encode

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCHES = (1, 8, 32)
QUESTIONS = [
    *(f"What is {3 * n} + {n * n}? Think step by step." for n in range(6)),
    "A farmer has 17 sheep. All but 9 run away. How many are left?",
    "Tom buys 3 pens at $1.20 each and a book for $7.50, and pays with $20. His change? In steps.",
]
TEXT = "Here is a story of {} owls, told at length and without an end. " * 20


def asked(tokens=32):
    """Return each question once greedily and twice drawn, all as bare text."""
    greedy = [
        ask(f"greedy-{n}", text=f"Question: {question}\nAnswer:", temperature=0, max_tokens=tokens)
        for n, question in enumerate(QUESTIONS)
    ]
    drawn_ = [
        ask(f"drawn-{n}-{i}", text=question, seed=9 * n + i, temperature=0.7, max_tokens=tokens)
        for n, question in enumerate(QUESTIONS)
        for i in range(2)
    ]
    return [*greedy, *drawn_]


def texts(said):
    return {name: one.get("text", one.get("failure")) for name, one in said.items()}


def opened(folder, dtype, size):
    return open_model(f"hf:{folder}", {"dtype": dtype, "batch_size": str(size), "device": DEVICE})


def by_batch(folder, dtype):
    """Return the texts in batches of each size, and in the largest once more."""
    made = {}
    for name, size in [*((str(size), size) for size in BATCHES), ("again", BATCHES[-1])]:
        model = opened(folder, dtype, size)
        made[name] = texts(stream(model, asked()))
        model.close()
    return made


def short_of_memory(folder):
    """Return the texts with little memory left beside the model, and with all of it."""
    model = opened(folder, "float32", 32)
    crowd = [ask(str(n), text=TEXT.replace("{}", str(n)), seed=n, max_tokens=16) for n in range(32)]
    whole = texts(stream(model, crowd))
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (256 << 20)) / total)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        cramped = texts(stream(model, crowd))
    # Nothing fits: whatever is asked fails, and nothing is answered.
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
    full = texts(stream(model, [ask("alone", text=TEXT * 4, max_tokens=16)]))
    torch.cuda.set_per_process_memory_fraction(1.0)
    model.close()
    warned = [str(one.message) for one in warned]
    return {"whole": whole, "cramped": cramped, "warned": warned, "full": full}


def repeated(folder):
    """Return how many of four more times a batch of unlike lengths gets other logits."""
    model = opened(folder, "bfloat16", 32)
    rows = [encode(model._tokenizer, one.prompt, {}) for one in asked()]
    longest = max(map(len, rows))
    padded = [[0] * (longest - len(row)) + row for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]

    def logits():
        with torch.inference_mode():
            said = model._model.generate(
                input_ids=torch.tensor(padded, device=DEVICE),
                attention_mask=torch.tensor(mask, device=DEVICE),
                max_new_tokens=16,
                output_logits=True,
                return_dict_in_generate=True,
            )
        return torch.stack(said.logits)

    first = logits()
    differing = sum(not torch.equal(first, logits()) for _ in range(4))
    model.close()
    return differing


def auto(folder):
    """Return what the manifest says where nothing was chosen."""
    model = open_model(f"hf:{folder}")
    facts = dict(model.describe())
    model.close()
    return facts


def ends(folder):
    """Return the results of requests that end in every way."""
    model = opened(folder, "float32", 16)
    said = stream(model, requests())
    model.close()
    return said


def rewards(folder, work):
    """Return the scores of tiny reward models on the GPU and on the CPU."""
    found = {}
    for kind in ("token", "sequence"):
        make(work / kind, kind, folder)
        found[kind] = {name: scored(work / kind, 4, name)["said"] for name in (DEVICE, "cpu")}
    return found


def main(folder, work):
    facts = {
        "auto": auto(folder),
        "float32": by_batch(folder, "float32"),
        "bfloat16": by_batch(folder, "bfloat16"),
        "repeated": repeated(folder),
        "ends": ends(folder),
        "drawn": drawn(DEVICE),
        "rewards": rewards(folder, work),
        "memory": short_of_memory(folder) if DEVICE == "cuda" else None,
    }
    sys.stdout.write(json.dumps(facts, default=str))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
