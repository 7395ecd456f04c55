"""Divides texts of every family by vLLM's own reasoning parsers, and prints what came of it.

Run by the interpreter of an environment that has vLLM. Each parser meets a tokenizer that has all
the tokens any of them looks for.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from mathreason_eval.errors import ModelError, UserError
from mathreason_eval.models.parsers import find_parser
from mathreason_eval.text.think_marks import FAMILIES, MARKS
from mathreason_eval.text.thinking import split_thinking

TURNS = ("<|start|>", "<|end|>", "<|return|>", "<|CHATBOT_TOKEN|>", "<assistant>", "<|im_start|>")
PIECES = (
    *("<|channel|>", "<|message|>", "<|channel>", "<channel|>", "<|open|>", "<|close|>", "<|sep|>"),
    *("<|END_RESPONSE|>", "<|START_RESPONSE|>", "<turn|>", "<|turn>", "<|message_model|>"),
    *(
        "<|content_text|>",
        "<tool_call>",
        "</tool_call>",
        "[TOOL_CALLS]",
        "[ARGS]",
        "</",
        "Ġ</",
        "think",
    ),
    *("<|START_TEXT|>", "<|END_TEXT|>", "<think:1>", "</think:1>", "<response>", "</response>"),
)
ELSEWHERE = {
    "cohere_command4": "cohere",
    "deepseek_v41": "think",
    "hf": "think",
    "minimax_m2_append_think": "think",
}
"""Parsers that no family of the table names, and the marks of their texts."""
TEXTS = {
    "finished": ("", "{open}We add.\n{close}\n4"),
    "cut": ("", "{open}We add: \\boxed{{4}}"),
    "empty": ("", "{open}\n\n{close}\n\n4"),
    "no answer": ("", "{open}We add.\n{close}"),
    "no thought": ("", "It is 4"),
    "second": ("", "{open}We add.\n{close}\n4 as {open}x{close}5"),
    "mention": ("", "{start} and {close} tell: 4"),
    "mention in a thought": ("", "{open}We use `{open}` and"),
    "opened": ("{open}", "We add.\n{close}\n4"),
    "opened and cut": ("{open}", "We add: \\boxed{{4}}"),
    "switched off": ("{open}\n\n{close}", "4 after {close}."),
}
"""What the template wrote, and what the model did."""


OWN_MARKS = [
    ("", "[R]We add.[/R]\n4"),
    ("[R]", "We add.[/R]\n4"),
    ("[R]", "We add: \\boxed{4}"),
    ("[R][/R]", "4 after [/R]."),
    ("", "It is 4"),
    ("", "As [R] and [/R] tell: 4"),
]
"""What the template wrote, and a text with marks that our table does not know."""


def template(opening, closing):
    thinking = {"open": opening, "close": closing}
    return {"start_anchor": "<|im_start|>", "fields": {"thinking": thinking, "content": {}}}


class InOrder(PreTrainedTokenizerFast):
    """Lists its tokens always in one order: a parser takes the first that has its look."""

    def get_vocab(self):
        return dict(sorted(super().get_vocab().items()))


def made_tokenizer(*, marked=True):
    """Return a tokenizer with a token a character and, if `marked`, one for each mark."""
    characters = [*map(chr, range(32, 127)), "\n", "◁", "▷"]
    vocabulary = {text: index for index, text in enumerate([*characters, "<unk>"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.decoder = decoders.Fuse()
    made = InOrder(tokenizer_object=tokenizer, unk_token="<unk>")
    if not marked:
        return made
    examples = [mark.strip() for marks in MARKS.values() for mark in marks.example]
    marks = {mark for mark in examples if mark[0] in "<[" and " " not in mark}
    special = sorted({*marks, *PIECES, *TURNS})
    made.add_tokens([AddedToken(mark, special=True, normalized=False) for mark in special])
    made.init_kwargs["response_template"] = template("<think>", "</think>")
    return made


def told(thought):
    return [thought.text, thought.reasoning, thought.finished]


def divided(parser, tokenizer, marks):
    """Return, for each text, how the parser, what we make of it, and our table divide it."""
    opening, closing = MARKS[marks].example
    spelled = {"open": opening, "close": closing, "start": f"As {opening.strip()}"}
    results = {}
    for name, (written, text) in TEXTS.items():
        before, generated = written.format(**spelled), text.format(**spelled)
        tokens = tokenizer.encode(before + generated, add_special_tokens=False)
        try:
            theirs = parser._make().parse(
                before + generated, parser._request, model_output_token_ids=tokens
            )[:2]
        except Exception as error:  # noqa: BLE001
            theirs = type(error).__name__
        ours = parser.thought(
            before, generated, tokenizer.encode(generated, add_special_tokens=False)
        )
        results[name] = [theirs, told(ours), told(split_thinking(before + generated))]
    return results


def main():
    from vllm.reasoning import ReasoningParserManager

    tokenizer = made_tokenizer()
    nothing = SimpleNamespace(model_type="", architecture=None)
    config = SimpleNamespace(
        model_config=SimpleNamespace(hf_config=nothing, hf_text_config=nothing, architecture=None),
        structured_outputs_config=SimpleNamespace(reasoning_parser=""),
    )
    kinds = dict(ELSEWHERE)
    for family in FAMILIES.values():
        kinds.setdefault(family.parser, family.marks)
    facts = {"default": find_parser(None, config, tokenizer, {}).name, "parsers": {}}
    tokenizer.init_kwargs["response_template"] = template("[R]", "[/R]")
    own = find_parser(None, config, tokenizer, {})
    facts["own marks"] = {
        f"{before}|{text}": told(own.thought(before, text, ())) for before, text in OWN_MARKS
    }
    facts["own opening"] = [own.written_opening(end) for end in ("A: [R]\n", "[R]\n[/R]\n", "A: ")]
    tokenizer.init_kwargs["response_template"] = None
    facts["no default"] = find_parser(None, config, tokenizer, {})
    nothing.model_type = "qwen3"
    facts["of its type"] = find_parser(None, config, tokenizer, {}).name
    config.structured_outputs_config.reasoning_parser = "deepseek_r1"
    facts["vLLM's own"] = find_parser(None, config, tokenizer, {}).name
    facts["plain tokenizer"] = find_parser(None, config, made_tokenizer(marked=False), {})
    facts["errors"] = {}
    for name in ("qwen", "deepseek_r1"):
        try:
            find_parser(name, config, made_tokenizer(marked=False), {})
        except UserError as error:
            facts["errors"][name] = str(error)
    tokenizer.init_kwargs["response_template"] = template("<think>", "</think>")
    for name in ReasoningParserManager.list_registered():
        for arguments in ({}, {"enable_thinking": True, "thinking": True}):
            try:
                parser = find_parser(name, config, tokenizer, arguments)
            except ModelError as error:
                facts["parsers"][name] = str(error)
                continue
            marks = kinds[name]
            key = f"{name}, thinking" if arguments else name
            facts["parsers"][key] = divided(parser, tokenizer, marks)
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    main()
