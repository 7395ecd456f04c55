"""Think marks that are special tokens survive, other special tokens do not."""

from __future__ import annotations

import pytest

from mathreason_eval.models.tokens import TokenReader
from mathreason_eval.text.thinking import split_thinking

END = "<|im_end|>"


class Tokenizer:
    """A token for each of the given texts; those in `special` are left out when asked."""

    def __init__(self, texts, special):
        self._texts = texts
        self.all_special_ids = [token for token, text in enumerate(texts) if text in special]

    def convert_ids_to_tokens(self, ids):
        return [self._texts[token] for token in ids]

    def decode(self, ids, *, skip_special_tokens, clean_up_tokenization_spaces):
        assert not clean_up_tokenization_spaces
        left_out = self.all_special_ids if skip_special_tokens else ()
        return "".join(self._texts[token] for token in ids if token not in left_out)


# fmt: off
GENERATED = [
    # special tokens, what is generated, answer, thought, its tokens
    (["[THINK]", "[/THINK]"], ["[THINK]", "a", "b", "[/THINK]", "4"], "4", "ab", 4),
    (["[THINK]", "[/THINK]"], ["[THINK]", "a", "b"], "", "ab", 3),
    (["[THINK]", "[/THINK]"], ["[THINK]", "[/THINK]", "4"], "4", "", 2),
    (["<think>", "</think>"], ["<think>", "a", "</think>", "4", "5"], "45", "a", 3),
    ([], ["<think>", "a", "</think>", "4"], "4", "a", 3),
    ([], ["<th", "ink>", "a", "</", "think>", "4"], "4", "a", 5),
    ([], ["4", "5"], "45", None, 0),
    (["<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"],
     ["<|START_THINKING|>", "a", "<|END_THINKING|>", "<|START_RESPONSE|>", "4", "<|END_RESPONSE|>"],
     "4", "a", 4),
    (["<|channel|>", "<|message|>", "<|end|>", "<|start|>", "<|return|>"],
     ["<|channel|>", "analysis", "<|message|>", "a", "<|end|>", "<|start|>", "assistant",
     "<|channel|>", "final", "<|message|>", "4", "<|return|>"], "4", "a", 10),
    (["<|channel>", "<channel|>"], ["<|channel>", "thought", "\n", "a", "<channel|>", "4"],
     "4", "a", 5),
    (["<|im_start|>"], ["<|im_start|>", "think", "a", "<|im_start|>", "answer", "4"],
     "4", "a", 5),
    (["<|im_start|>"], ["4", "<|im_start|>", "5"], "45", None, 0),
]
# fmt: on


@pytest.mark.parametrize(("special", "generated", "answer", "reasoning", "tokens"), GENERATED)
def test_a_thought_is_found_by_its_tokens(special, generated, answer, reasoning, tokens):
    texts = list(dict.fromkeys([*generated, END]))
    reader = TokenReader(Tokenizer(texts, [*special, END]), "")
    ids = [texts.index(text) for text in [*generated, END]]
    text = reader.decode(ids)
    assert END not in text
    thought = split_thinking(text)
    assert (thought.text, thought.reasoning) == (answer, reasoning)
    assert reader.reasoning_tokens(ids[:-1], thought) == tokens


def test_a_thought_that_the_template_opened_is_counted():
    reader = TokenReader(Tokenizer(["a", "</think>", "4"], []), "<think>")
    assert reader.reasoning_tokens([0, 1, 2], reader.thought("a</think>4")) == 2
    assert reader.reasoning_tokens([0], reader.thought("a")) == 1


def test_a_text_after_a_thought_that_the_template_closed_has_none():
    reader = TokenReader(Tokenizer(["4", "</think>"], []), "<think></think>")
    assert reader.reasoning_tokens([0, 1], reader.thought("4</think>")) == 0


def test_the_end_of_a_text_is_no_mark():
    """Phi ends its text with a token that harmony has between messages."""
    reader = TokenReader(Tokenizer(["4", "<|end|>"], ["<|end|>"]), "")
    assert reader.without_end([0, 1]) == [0]
    assert reader.without_end([0]) == [0]
    assert reader.without_end([]) == []
