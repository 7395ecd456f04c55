"""What a model thought is told from what it answers, however it marks the one and the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.text.think_marks import FAMILIES, MARKS, parser_of
from mathreason_eval.text.thinking import (
    ending_of,
    is_mark,
    parsed_thought,
    split_thinking,
    written_opening,
)

# fmt: off
THOUGHTS = [
    # text, answer text, reasoning, finished
    ("plain",                              "plain",  None,    True),
    ("<think>a</think>b",                  "b",      "a",     True),
    ("a</think>\n\nb",                     "b",      "a",     True),    # opened by the template
    ("a\n</think>b",                       "b",      "a",     True),
    ("a.</think>The answer is 4",          "The answer is 4", "a.", True),
    ("</think>\n4",                        "4",      "",      True),
    ("<THINK>a</Think>b",                  "b",      "a",     True),
    ("\n<|im_start|>assistant\n<think>a</think>b", "b", "a",  True),
    # The first closing counts, and everything after it is text.
    ("<think>a</think>b<think>c</think>d", "b<think>c</think>d", "a", True),
    ("<think>a</think>b<think>c",          "b<think>c", "a",  True),
    ("<think>a</think>it writes </think> 4", "it writes </think> 4", "a", True),
    ("<think></think>b",                   "b",      "",      True),
    # An answer that begins with an opening is another thought: the template closed the first one.
    ("<think></think>\n<think>a</think>b", "b",      "</think>\n<think>a", True),
    ("<think></think>\n\n<think>a 7",      "",       "</think>\n\n<think>a 7", False),
    ("a</think>\n<think>c 7",              "",       "a</think>\n<think>c 7", False),
    ("<think>a</think><think>b</think>`<think>` 4", "`<think>` 4", "a</think><think>b", True),
    ("[THINK]a[/THINK][THINK]7",           "",       "a[/THINK][THINK]7", False),
    ("\ufeff<think>a",                     "",       "a",     False),
    ("<think>a",                           "",       "a",     False),
    ("<think>a<think>b",                   "",       "a<think>b", False),
    ("<think>a</think>",                   "",       "a",     True),
    # A blank in a tag.
    ("<think >a 7",                        "",       "a 7",   False),
    ("<think >a</think >4",                "4",      "a",     True),
    ("<THINKING\t>a</thinking>4",          "4",      "a",     True),
    ("<seed:think >a</seed:think >4",      "4",      "a",     True),
    ("a</think >\n4",                      "4",      "a",     True),
    ("It opens with <think > and gives 4", "It opens with <think > and gives 4", None, True),
    ("<think a=1>7",                       "<think a=1>7", None, True),
    ("<thinks>7",                          "<thinks>7", None, True),
    ("<think>a</thought>4",                "",       "a</thought>4", False),
    # A mention is text.
    ("It opens with <think> and gives 4",  "It opens with <think> and gives 4", None, True),
    ("The tag </think> ends it: 4",        "The tag </think> ends it: 4",       None, True),
    ("It ends with `</think>`\n4",         "It ends with `</think>`\n4",        None, True),
    ("It ends with </think>. So 4",        "It ends with </think>. So 4",       None, True),
    ("4 [/THINK] 5",                       "4 [/THINK] 5",                      None, True),
    ("`<think>` opens, `</think>` ends: 4", "`<think>` opens, `</think>` ends: 4", None, True),
    ("analysis of the data: 4",            "analysis of the data: 4",           None, True),
    ("Analysis of it. assistantfinal 4",   "Analysis of it. assistantfinal 4",  None, True),
    ("So: Here is my thought process: 4",  "So: Here is my thought process: 4", None, True),
    # A mention in a thought that the template opened, then its end.
    ("as `</think>`\nsays</think>\n\n4",   "4",      "as `</think>`\nsays", True),
    ("<think>a\\end{think}\nb",            "b",      "a",     True),    # a misspelt end
    ("<think>a</ think>b",                 "b",      "a",     True),
    ("<think:6124>a</think>b</think:6124>c", "c",    "a</think>b", True),
    ("<reasoning>a</reasoning><answer>4</answer>", "<answer>4</answer>", "a", True),
    ("<think>a</think>\n<answer>4</answer>", "<answer>4</answer>", "a", True),
    ("<think>a</think>\n\n<response>\n4\n</response>\n", "4", "a", True),
    ("<think>a</think>4 in <response>",    "4 in <response>", "a", True),
    ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>4<|end_of_solution|>",
                                           "4",      "a",     True),
    ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>4<|END_RESPONSE|>", "4", "a", True),
    ("<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "b", "a", True),
    (("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final <|constrain|>json"
     "<|message|>4<|return|>"),             "4",      "a",     True),
    (("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b"
     "<|end|><|start|>assistant<|channel|>final<|message|>4"), "4", "a\nb", True),
    ("<|channel|>analysis<|message|>a<|end|>", "",   "a<|end|>", False),
    ("<|channel|>final<|message|>4",       "4",      "",      True),
    ("analysisWe add.assistantfinal4",     "4",      "We add.", True),
    ("analysisWe add 4",                   "",       "We add 4", False),
    (("<|open|>think<|sep|>a<|close|>think<|sep|><|open|>response<|sep|>4<|close|>response<|sep|>"
     "<|close|>message<|sep|>"),            "4",      "a",     True),
    ("to=self<|message|>a<|eom|><|start|>assistant to=user<|message|>4<|eot|>", "4", "a", True),
    ("<|content_thinking|>a<|end_message|><|message_model|><|content_text|>4<|end_message|>",
                                           "4",      "a",     True),
    ("Here's my thought process: a Here's my response: 4", "4", "a", True),
    ("Here are my reasoning steps:\na\n[BEGIN FINAL RESPONSE]\n4\n[END FINAL RESPONSE]\n<|end|>",
                                           "4",      "a",     True),
    ("<|channel>thought\na<channel|>4<turn|>", "4",  "a",     True),
    ("<|turn>model\n<|channel>thought\na<channel|>4<turn|>", "4", "a", True),
    ("<unused94>thought\na<unused95>4<end_of_turn>", "4", "a", True),
    ("[unused16]a[unused17]4[unused10]",   "4",      "a",     True),
    ("/think\na<|im_end|>\n<|im_start|>assistant\n4<|endofturn|>", "4", "a", True),
    ("<|think|>a<|end|><|begin|>assistant<|content|>4<|flush|>", "4", "a", True),
    ("<|think|>a<|/think|>4<|end|>",       "4<|end|>", "a",   True),
    # A suffix that depends on the checkpoint.
    ("<think_never_used_51bce0c785ca>a</think_never_used_51bce0c785ca>4", "4", "a", True),
    ("<think_never_used_51bce0c785ca>a 4", "",       "a 4",   False),
    ("a.</think_never_used_51bce0c785ca>4", "4",     "a.",    True),
    ("a.\n</think:6124>\n4",               "4",      "a.",    True),
    # The answer's own channel ends a thought that was not closed.
    ("<|open|>think<|sep|>a<|open|>response<|sep|>4<|close|>response<|sep|>", "4", "a", True),
    ("<|START_THINKING|>a<|START_TEXT|>4<|END_TEXT|>", "4", "a", True),
    ("<|content_thinking|>a<|content_text|>4<|end_message|><|content_model_end_sampling|>",
                                           "4",      "a",     True),
    (" to=self<|message|>a to=user<|message|>4<|eot|>", "4", "a", True),
    # The marks of an answer are not part of it where there was no thought.
    ("<|open|>response<|sep|>4<|close|>response<|sep|>", "4", None, True),
    ("<|START_RESPONSE|>4<|END_RESPONSE|>", "4",     None,    True),
    ("<|message_model|><|content_text|>4<|end_message|>", "4", None, True),
    ("to=user<|message|>4<|eot|>",         "4",      None,    True),
    ("<|content|>4<|flush|>",              "4",      None,    True),
    # An opening that is never closed, on a line of its own behind a line of preamble.
    ("Okay.\n<think>\na 7",                "",       "Okay.\n<think>\na 7", False),
    ("Sure, I will do that:\n\n<think>",    "",       "Sure, I will do that:\n\n<think>", False),
    ("Okay.\n[THINK]\na 7",                "",       "Okay.\n[THINK]\na 7", False),
    ("Okay.\n<think_never_used_51bce0c785ca>\na", "", "Okay.\n<think_never_used_51bce0c785ca>\na",
                                                             False),
    ("Okay.\n<think>\na</think>\n7",       "7",      "Okay.\n<think>\na", True),
    ("Okay.\n<think> opens it: 7",         "Okay.\n<think> opens it: 7", None, True),
    ("It opens with `\n<think>\n`: 7",     "It opens with `\n<think>\n`: 7", None, True),
    ("The answer is 7.\n<think>\n",        "The answer is 7.\n<think>\n", None, True),
    ("\\boxed{7}\n<think>\n8",             "\\boxed{7}\n<think>\n8", None, True),
    ("a\nb\n<think>\n7",                   "a\nb\n<think>\n7", None, True),
    # The header of the model's turn may precede its thought.
    ("<|message_model|><|content_thinking|>a<|end_message|><|message_model|><|content_text|>4",
                                           "4",      "a",     True),
    ("<｜begin▁of▁sentence｜><｜Assistant｜><think>a", "", "a", False),
    ("<|begin_of_text|><|start_header_id|>assistant<|end_header_id|>\n\n<think>a", "", "a", False),
    ("[gMASK]<sop><|assistant|>\n<think>a", "",     "a",     False),
    ("<start_of_turn>model\n<think>a",     "",       "a",     False),
    ("<|CHATBOT_TOKEN|><|START_THINKING|>a", "",     "a",     False),
    ("\u2060\u200e<think>a",               "",       "a",     False),
    ("<|channel|>analysis<|message|>a<|channel|>final json<|message|>4", "4", "a", True),
    ("analysisthe user adds. assistantfinal4", "4",  "the user adds.", True),
    ("commentaryWe add.assistantfinal4",   "4",      "We add.", True),
    # Both marks in one block of code are an example.
    ("4\n```\n<think>\na\n</think>\n```\n", "4\n```\n<think>\na\n</think>\n```\n", None, True),
    ("a\n```\nb\n</think>\n4",             "4",      "a\n```\nb", True),
    ("",                                   "",       None,    True),
]
# fmt: on


@pytest.mark.parametrize(("text", "answer", "reasoning", "finished"), THOUGHTS)
def test_thoughts_are_told_from_answers(text, answer, reasoning, finished):
    thought = split_thinking(text)
    assert (thought.text, thought.reasoning, thought.finished) == (answer, reasoning, finished)
    assert text.startswith(thought.text, thought.start)


def test_the_table_has_every_family_and_every_kind():
    assert len(FAMILIES) >= 40
    assert {family.marks for family in FAMILIES.values()} == set(MARKS)
    assert list(FAMILIES) == sorted(FAMILIES, key=str.lower)


MENTION = "As <think> and </think>, [THINK] and <|channel|>, tell: 4"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_thought_is_told_from_its_answer(family):
    opening, closing = MARKS[FAMILIES[family].marks].example
    thought = "We add 2 and 2.\n"
    whole = split_thinking(opening + thought + closing + MENTION)
    assert (whole.text, whole.reasoning, whole.finished) == (MENTION, thought.strip(), True)
    cut = split_thinking(opening + thought + "It is \\boxed{4}")
    assert (cut.text, cut.finished) == ("", False)
    second = MENTION + "\n" + opening + "again" + closing + "5"
    again = split_thinking(opening + thought + closing + second)
    assert (again.text, again.reasoning) == (second, thought.strip())
    if MARKS[FAMILIES[family].marks].exact:
        return
    empty = split_thinking(f"{opening}\n\n{closing}\n\n4")
    assert (empty.text, empty.reasoning, empty.finished) == ("4", "", True)
    for altered in (str.upper, str.lower):
        other = split_thinking(altered(opening) + "a" + altered(closing) + "4")
        assert (other.text, other.reasoning, other.finished) == ("4", "a", True)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_open_thought_is_ended_as_its_model_would(family):
    opening, _ = MARKS[FAMILIES[family].marks].example
    text = f"{opening}We add 2 and 2. It is \\boxed{{5}}, or"
    ended = split_thinking(f"{text}{ending_of(text)}It is 4.")
    assert (ended.text, ended.finished) == ("It is 4.", True)
    assert ended.reasoning == "We add 2 and 2. It is \\boxed{5}, or"


# fmt: off
ENDINGS = [
    # a text,                                   what ends its thought
    ("<think>a",                                "\n</think>\n\n"),
    ("<think:x7>a",                             "\n</think:x7>\n\n"),   # the checkpoint's own
    ("<seed:think>a",                           "\n</seed:think>\n\n"),
    ("<|channel|>analysis<|message|>a",
     "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("Okay.\n<thinking>\na",                    "\n</thinking>\n\n"),          # behind a preamble
    ("<think>a</think>\n<think>b",              "\n</think>\n\n"),             # thinks again
    ("<think>a</think>4",                       None),                         # answers
    ("<think></think>",                         None),
    ("2 + 2 = 4",                               None),                         # never thought
    ("The tag <think> opens one.",              None),                         # a mention
    ("",                                        None),
]
# fmt: on


@pytest.mark.parametrize(("text", "ending"), ENDINGS)
def test_only_an_open_thought_is_ended(text, ending):
    assert ending_of(text) == ending


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_template_writes_of_a_thought_is_known(family):
    """The runner puts it before the text, which is then as if the model had written it."""
    marks = MARKS[FAMILIES[family].marks]
    opening, closing = marks.example
    assert written_opening(f"user: <think> or not?\nassistant: {MENTION}\n") == ""
    if marks.exact:
        return
    opened = written_opening("user: 2 + 2?\nassistant: " + opening)
    assert opened == opening.rstrip()
    thought = split_thinking(f"{opened}a\n{closing}\n4")
    assert (thought.text, thought.reasoning) == ("4", "a")
    assert not split_thinking(f"{opened}a 4").finished
    closed = written_opening(f"user: 2 + 2?\nassistant: {opening}\n\n{closing}\n\n")
    answer = split_thinking(f"{closed}4 after {closing}.")
    assert (answer.text, answer.reasoning, answer.finished) == (f"4 after {closing}.", "", True)


@pytest.mark.parametrize("family", [name for name in FAMILIES if MARKS[FAMILIES[name].marks].alone])
def test_a_thought_whose_opening_is_not_shown_ends_at_a_closing_that_is_no_mention(family):
    closing = MARKS[FAMILIES[family].marks].example[1]
    thought = split_thinking(f"We add.\n{closing}\n\n{MENTION}")
    assert (thought.text, thought.reasoning) == (MENTION, "We add.")
    mention = f"The mark {closing} ends a thought: 4"
    assert split_thinking(mention).text == mention


NEVER_USED = "think_never_used_51bce0c785ca2f68081bfa7d91973934"


@pytest.mark.parametrize("name", ["think", "think:6124c78e", NEVER_USED])
def test_the_tags_of_a_checkpoint_are_marks_with_their_suffix(name):
    assert is_mark(f"<{name}>")
    assert is_mark(f"</{name}>")
    assert written_opening(f"2 + 2?<{name}>\n") == f"<{name}>"
    assert split_thinking(f"<{name}>a</think>b</{name}>4").finished
    assert not split_thinking(f"<{name}>a</{name}x>4").finished
    assert not is_mark("<thinks>")


SENTENCE = "Here is my thought process: 2 + 2 is \\boxed{4}."


def test_a_sentence_opens_a_thought_only_if_that_is_closed_or_the_text_was_cut():
    """Any model may begin an answer like this."""
    assert split_thinking(SENTENCE, cut=False).text == SENTENCE
    assert not split_thinking(SENTENCE).finished
    closed = split_thinking(SENTENCE + " Here is my response: 4", cut=False)
    assert (closed.text, closed.finished) == ("4", True)
    assert not split_thinking("<think>4", cut=False).finished


@pytest.mark.parametrize(("text", "finished"), [("7", True), ("", False), ("  ", False)])
def test_what_a_server_split_stays_split(text, finished):
    thought = split_thinking(text, "a")
    assert (thought.text, thought.reasoning, thought.finished) == (text, "a", finished)


def test_a_tag_in_a_text_that_a_server_split_is_text():
    assert split_thinking("<think>4", "a").text == "<think>4"
    assert split_thinking("", "").finished


def test_a_model_types_parser_is_known():
    assert parser_of("qwen3") == "qwen3"
    assert parser_of("llama") is None


# fmt: off
PARSED = [
    # text, a parser's reasoning, content and opening; answer text, reasoning, finished
    ("<think>a</think>\n4",          "a",     "\n4",   "<think>", "4",  "a",   True),
    ("<think>a</think>\n4",          "<think>a", "4",  "<think>", "4",  "a",   True),
    # The parser knows a mark that we do not.
    ("<think>a<end>4",               "a",     "4",     "<think>", "4",  "a",   True),
    ("[R]a[/R]4",                    "a",     "4",     "[R]",     "4",  "a",   True),
    ("\n[R]\n[/R]\n\n4",             None,    "4",     "[R]",     "4",  "",    True),
    # Without an end a thought is unfinished, whatever the parser makes of it.
    ("<think>a \\boxed{4}",          None, "<think>a \\boxed{4}", None, "", "a \\boxed{4}", False),
    ("<think>a \\boxed{4}",          "", "a \\boxed{4}", "<think>", "", "a \\boxed{4}", False),
    ("<think>a \\boxed{4}",          "a \\boxed{4}", None, "<think>", "", "a \\boxed{4}", False),
    ("[R]a \\boxed{4}",              "a \\boxed{4}", None, "[R]", "", "a \\boxed{4}", False),
    ("[R]a \\boxed{4}",              None, "[R]a \\boxed{4}", "[R]", "", "a \\boxed{4}", False),
    ("[R]a \\boxed{4}",              "", "a \\boxed{4}", "[R]", "", "a \\boxed{4}", False),
    # A finished answer is one, whatever the parser makes of it.
    ("<think>a</think>4",            None, "<think>a</think>4", None, "4", "a", True),
    ("<think>a</think>4",            "a4", None,       "<think>", "4",  "a",   True),
    ("<think>a\\end{think}4",        "a\\end{think}4", None, "<think>", "4", "a", True),
    ("It is 4",                      "It is 4", None,  "<think>", "It is 4", None, True),
    ("It is 4",                      None,    "It is 4", "<think>", "It is 4", None, True),
    # A tag that an answer mentions is text, and nothing is lost.
    ("As <think> and </think>: 4",   " and ", ": 4",   "<think>", "As <think> and </think>: 4",
     None, True),
    ("<think>a</think>4 <think>b</think>5", "ab", "4 5", "<think>",
     "4 <think>b</think>5", "a", True),
    ("<think>a</think>\n\n",         "a",     None,    "<think>", "",   "a",   True),
]
# fmt: on


@pytest.mark.parametrize("row", PARSED)
def test_a_parser_decides_where_it_divides_the_text(row):
    text, reasoning, content, opening, *divided = row
    found = parsed_thought(text, reasoning, content, opening)
    assert [found.text, found.reasoning, found.finished] == divided
    assert text.startswith(found.text, found.start)


TAGGED = st.text(alphabet="<>/thinkR[] 4\n", max_size=40)


@given(TAGGED, st.none() | TAGGED, st.none() | TAGGED)
def test_whatever_a_parser_says_a_cut_thought_is_none(thought, reasoning, content):
    cut = parsed_thought("<think>" + thought.replace("<", ""), reasoning, content, "<think>")
    if cut.finished:  # only by a mark between what it calls the thought and the answer
        assert len(cut.reasoning) + len(cut.text) < len(thought.strip())
    plain = "." + thought
    assert parsed_thought(plain, reasoning, content, "<think>") == split_thinking(plain)


@given(st.text(alphabet="<>/think[]K ab\\n|", max_size=80))
def test_the_answer_is_part_of_the_text(text):
    thought = split_thinking(text)
    assert text.startswith(thought.text, thought.start)
    assert thought.finished or thought.text == ""


@given(st.text(alphabet="<>/think[]K ab\\n|", max_size=80))
def test_what_follows_a_thought_is_its_answer_whatever_it_is(text):
    thought = split_thinking(f"<think>a</think>.{text}.")
    assert (thought.text, thought.reasoning) == (f".{text}.", "a")


BOMBS = [
    "<think>",
    "</think>",
    "<think></think>",
    "\\end{think",
    "</",
    "[/",
    "<|channel|>",
    " ",
    "<|end|>",
    "```\n<think>\n</think>\n```\n",
    "<|content|>",
    "to=",
]


@pytest.mark.slow
@pytest.mark.parametrize("unit", BOMBS)
def test_a_megabyte_of_tags_ends(unit):
    """No time is asserted: what is not linear would take hours."""
    long = unit * (1_000_000 // len(unit))
    split_thinking("<think>" + long)
    split_thinking("<think>" + long + "</think>" + long)
    split_thinking("<|channel|>analysis<|message|>" + long + "<|channel|>final<|message|>" + long)
    split_thinking(long + "think")
    written_opening(long)
