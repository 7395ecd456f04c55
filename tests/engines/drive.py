"""Drives one engine through everything the tests ask about, and prints the facts as JSON.

Run by the interpreter of an environment that has the engine: drive.py MODEL [KEY=VALUE …]
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from mathreason_eval.errors import ModelError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Request, can_continue
from mathreason_eval.models.checkpoint import encode
from mathreason_eval.types import Message, Prompt, Sampling

QUESTION = "What is 2 + 3?"
COUNTING = "1, 2, 3, 4, 5, 6,"


def ask(name, *, seed=0, temperature=1.0, top_p=1.0, max_tokens=16, stop=(), text=None):
    messages = () if text is not None else (Message(role="user", content=QUESTION),)
    return Request(
        task="t",
        problem_id=name,
        sample=0,
        prompt=Prompt(messages=messages, text=text, stop=stop),
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens),
        seed=seed,
    )


def requests():
    """Return one request of each kind the tests ask about, and a few seeds."""
    greedy = {"temperature": 0.0}
    return [
        *(ask(f"seed-{seed}", seed=seed) for seed in range(6)),
        ask("seed-0-again", seed=0),
        ask("nucleus", top_p=1e-6, max_tokens=32, seed=5),
        ask("greedy", max_tokens=32, **greedy),
        ask("greedy-other-seed", max_tokens=32, seed=9, **greedy),
        ask("cut", max_tokens=3, **greedy),
        ask("stopped", max_tokens=32, stop=("=",), **greedy),
        ask("bare", text=COUNTING, max_tokens=4, **greedy),
        ask("overfull", max_tokens=100_000),
    ]


def continued(model):
    """Return a greedy text, and what the model makes of it from its middle on."""
    asked = ask("whole", max_tokens=32, temperature=0.0)
    (whole,) = model.stream([asked])
    # Before a blank, which begins the next token.
    begun = whole.text[: whole.text.index(" ", len(whole.text) // 2)]
    (rest,) = model.stream([replace(asked, prompt=replace(asked.prompt, begun=begun))])
    return {"whole": whole.text, "joined": begun + rest.text, "says": can_continue(model)}


def told(result):
    """Return one result as the tests read it."""
    if not isinstance(result, Completion):
        return {"failure": result.reason, "hint": result.hint}
    return {
        "text": result.text,
        "finish": result.finish_reason,
        "prompt_tokens": result.prompt_tokens,
        "tokens": result.completion_tokens,
        "seconds": result.seconds,
    }


def stream(model, asked):
    return {result.request.problem_id: told(result) for result in model.stream(asked)}


def pulled_at_first_result(model):
    """Return how many of 10,000 requests were taken before the first result came."""
    pulled = []

    def source():
        for index in range(10_000):
            pulled.append(index)
            yield ask(str(index), max_tokens=1)

    results = model.stream(source())
    next(results)
    results.close()
    return len(pulled)


def begun(folder):
    """Return how often prompts begin with a BOS when the tokenizer adds one to every text."""
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer, bos = AutoTokenizer.from_pretrained(folder), "<|im_start|>"
    number = tokenizer.convert_tokens_to_ids(bos)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, number)]
    )
    prompts = {
        "chat": ask("").prompt,
        "text": ask("", text=COUNTING).prompt,
        "spelled": ask("", text=bos + COUNTING).prompt,
    }
    counts = {}
    for name, prompt in prompts.items():
        tokens = encode(tokenizer, prompt, {})
        counts[name] = next(i for i, token in enumerate([*tokens, None]) if token != number)
    return counts


def drawn(device="cpu"):
    """Return how far 20,000 draws are from the shares they are drawn by, per degree of freedom."""
    import torch

    from mathreason_eval.models.rows import SeededSampler

    rows, kinds, turns = 2_000, 500, 10
    logits = torch.randn(kinds, generator=torch.Generator().manual_seed(1)) * 2
    distance = {}
    for temperature, top_p in ((1.0, 1.0), (0.7, 1.0), (1.0, 0.8)):
        asked = [ask("", seed=row, temperature=temperature, top_p=top_p) for row in range(rows)]
        draw, counts = SeededSampler(asked, device), torch.zeros(kinds)
        for _ in range(turns):
            tokens = draw(None, logits.to(device).repeat(rows, 1)).argmax(dim=-1).cpu()
            counts += torch.bincount(tokens, minlength=kinds)
        shares = torch.softmax(logits / temperature, dim=-1)
        ranked, names = shares.sort(descending=True)
        shares[names[ranked.cumsum(0) - ranked >= top_p]] = 0
        wanted = shares / shares.sum() * rows * turns
        often = wanted > 5
        excess = ((counts - wanted) ** 2 / wanted)[often].sum() / often.sum()
        distance[f"{temperature}/{top_p}"] = [float(excess), float(counts[wanted == 0].sum())]
    return distance


def deadly(model):
    """Return what is said when the engine's processes are killed in the middle."""
    import psutil

    results = model.stream(ask(str(seed), seed=seed, max_tokens=200) for seed in range(500))
    first = next(results)
    for process in psutil.Process().children(recursive=True):
        process.kill()
    try:
        rest = sum(1 for _ in results)
    except ModelError as error:
        return {"first": told(first)["finish"], "error": error.what, "hint": error.hint}
    return {"first": told(first)["finish"], "rest": rest}


def main():
    name, *options = sys.argv[1:]
    model = open_model(name, dict(option.split("=", 1) for option in options))
    asked = requests()
    facts = {
        "chat": model.chat,
        "context": model.context,
        "described": model.describe(),
        "once": stream(model, asked),
        "again": stream(model, reversed(asked)),
        "alone": stream(model, asked[3:4]),
        "pulled": pulled_at_first_result(model),
        "template_tokens": len(
            model._tokenizer(
                model._tokenizer.apply_chat_template(
                    [{"role": "user", "content": QUESTION}],
                    tokenize=False,
                    add_generation_prompt=True,
                ),
                add_special_tokens=False,
            )["input_ids"]
        ),
        "continued": continued(model),
        "begun": begun(name.partition(":")[2]),
    }
    if name.startswith("vllm"):
        facts["deadly"] = deadly(model)
    else:
        facts["drawn"] = drawn()
    model.close()
    model.close()
    sys.stdout.write(json.dumps(facts, default=str))


if __name__ == "__main__":
    main()
