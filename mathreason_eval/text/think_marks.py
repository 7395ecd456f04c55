"""How families of models mark where their reasoning begins and ends, and their answer.

A mark here is text, as a tokenizer writes it when special tokens are kept. A new family is a line
in FAMILIES, and a new kind of marks an entry in MARKS. The marks of families with a parser are from
`vllm.reasoning` and `vllm.parser` 0.32, and tests compare with those parsers. The marks of other
families are from SGLang's parsers and from descriptions of their outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """One way to mark reasoning. Letter case does not matter unless `exact`."""

    opening: str
    """Regular expression of the opening mark."""
    closing: str
    """Regular expression of the closing mark; `{suffix}` is that named group of `opening`."""
    implied: str | None = None
    """Regular expression of what ends a thought without closing it: the channel of the answer opens
    in the middle of it. Only of special tokens, which a thought cannot mention."""
    example: tuple[str, str]
    """An opening and a closing mark as most models write them, for the tests."""
    response: tuple[str, str] | None = None
    """Regular expressions of the marks around the answer, which are not part of it."""
    alone: bool = False
    """Whether a closing mark counts without an opening in the text, as after a template that writes
    the opening: only for marks that cannot be prose."""
    exact: bool = False
    prose: bool = False
    """Whether the opening is a sentence that any model may begin an answer with and that no
    template writes. Then it opens a thought only if that is closed or the text was cut."""
    turn: str | None = None
    """What the model writes from the end of a thought to its answer, if it is more than a closing
    mark: of what it has not written itself a model would not know that the answer comes."""

    def ending(self, suffix: str = "") -> str:
        """Return what ends a thought as the model would, up to where its answer begins."""
        if self.turn is not None:
            return self.turn
        mark = self.example[1].strip()
        mark = f"{mark[:-1]}{suffix}{mark[-1]}" if suffix else mark
        # Special tokens stand alone; tags and sentences are on a line of their own.
        return mark if mark.startswith("<|") else f"\n{mark}\n\n"


_BLANKS = r"[ \t]{0,8}"
"""What a model may write before the end of a tag."""


def _tags(name: str, *, alone: bool = True) -> Marks:
    """Return the marks `<name>` and `</name>`."""
    example = (f"<{name}>", f"</{name}>")
    name = name.replace("|", r"\|")
    opening, closing = rf"<{name}{_BLANKS}>", rf"</{name}{_BLANKS}>"
    return Marks(opening=opening, closing=closing, example=example, alone=alone)


SUFFIX = r":[^\s<>]{1,32}|_never_used_[0-9a-fA-F]{8,64}"
"""What HY v4 and Doubao Seed append to the names of their tags; it depends on the checkpoint."""
_RESPONSE = (r"<response>", r"</response>")
MARKS: Mapping[str, Marks] = {
    "think": Marks(
        opening=rf"<think(?P<suffix>{SUFFIX})?{_BLANKS}>",
        closing=rf"</think{{suffix}}{_BLANKS}>",
        example=("<think>", "</think>"),
        response=_RESPONSE,
        alone=True,
    ),
    "thinking": _tags("thinking"),
    "thought": _tags("thought"),
    "reasoning": _tags("reasoning"),
    "seed": _tags("seed:think"),
    "longcat": _tags("longcat_think"),
    "minimax_m3": _tags("mm:think"),
    "k2_horizon": _tags("ifm|think"),
    "k2_horizon_fast": _tags("ifm|think_fast"),
    "k2_horizon_faster": _tags("ifm|think_faster"),
    "think_fast": _tags("think_fast"),
    "scratchpad": _tags("scratchpad", alone=False),
    "reflection": _tags("reflection", alone=False),
    "analysis": _tags("analysis", alone=False),
    "ant": _tags("antThinking", alone=False),
    "think_token": Marks(
        opening=r"<\|think\|>",
        closing=r"<\|/think\|>",
        example=("<|think|>", "<|/think|>"),
        alone=True,
    ),
    "solar": Marks(
        opening=r"<\|think\|>",
        closing=r"<\|end\|>",
        implied=r"<\|content\|>",
        response=(r"(?:<\|begin\|>\s*assistant)?\s*<\|content\|>", r"<\|(?:end|flush)\|>"),
        example=("<|think|>", "<|end|>"),
        turn="<|end|><|begin|>assistant<|content|>",
    ),
    "magistral": Marks(
        opening=r"\[THINK\]", closing=r"\[/THINK\]", example=("[THINK]", "[/THINK]"), alone=True
    ),
    "kimi": Marks(
        opening="◁think▷", closing="◁/think▷", example=("◁think▷", "◁/think▷"), alone=True
    ),
    "kimi_k3": Marks(
        opening=r"<\|open\|>\s*think\s*<\|sep\|>",
        closing=r"<\|close\|>\s*think\s*<\|sep\|>",
        implied=r"<\|open\|>\s*response\s*<\|sep\|>",
        response=(
            r"<\|open\|>\s*response\s*<\|sep\|>",
            r"<\|close\|>\s*response\s*<\|sep\|>(?:<\|close\|>\s*message\s*<\|sep\|>)?",
        ),
        example=("<|open|>think<|sep|>", "<|close|>think<|sep|>"),
        turn="<|close|>think<|sep|><|open|>response<|sep|>",
        alone=True,
    ),
    "harmony": Marks(
        opening=r"<\|channel\|>(?:analysis|commentary)[^<]{0,80}<\|message\|>",
        closing=r"<\|channel\|>\s*final(?:\s[^<]{0,80})?(?:<\|constrain\|>[^<]{0,80})?<\|message\|>",
        response=("", r"<\|(?:return|end)\|>"),
        example=("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
        turn="<|end|><|start|>assistant<|channel|>final<|message|>",
        alone=True,
    ),
    # Harmony with its special tokens stripped. `analysis of …` is prose.
    "harmony_stripped": Marks(
        opening=r"(?:analysis|commentary)(?=[^\W_]|[\"'\\(\[*$])",
        closing=r"assistantfinal(?:json(?=[{\[]))?",
        example=("analysis", "assistantfinal"),
        exact=True,
        turn="assistantfinal",
    ),
    "cohere": Marks(
        opening=r"<\|START_THINKING\|>",
        closing=r"<\|END_THINKING\|>",
        implied=r"<\|START_(?:RESPONSE|TEXT)\|>",
        response=(r"<\|START_(?:RESPONSE|TEXT)\|>", r"<\|END_(?:RESPONSE|TEXT)\|>"),
        example=("<|START_THINKING|>", "<|END_THINKING|>"),
        turn="<|END_THINKING|><|START_RESPONSE|>",
        alone=True,
    ),
    "gemma4": Marks(
        opening=r"<\|channel>\s*thought",
        closing=r"<channel\|>",
        response=("", r"<turn\|>"),
        example=("<|channel>thought\n", "<channel|>"),
        alone=True,
    ),
    "medgemma": Marks(
        opening=r"<unused94>\s*thought",
        closing=r"<unused95>",
        response=("", r"<end_of_turn>"),
        example=("<unused94>thought\n", "<unused95>"),
        alone=True,
    ),
    "pangu": Marks(
        opening=r"\[unused16\]",
        closing=r"\[unused17\]",
        response=("", r"\[unused10\]"),
        example=("[unused16]", "[unused17]"),
        alone=True,
    ),
    "open_thoughts": Marks(
        opening=r"<\|begin_of_thought\|>",
        closing=r"<\|end_of_thought\|>",
        response=(r"<\|begin_of_solution\|>", r"<\|end_of_solution\|>"),
        example=("<|begin_of_thought|>", "<|end_of_thought|>"),
        turn="<|end_of_thought|>\n\n<|begin_of_solution|>\n\n",
        alone=True,
    ),
    "apertus": Marks(
        opening=r"<\|inner_prefix\|>",
        closing=r"<\|inner_suffix\|>",
        example=("<|inner_prefix|>", "<|inner_suffix|>"),
        alone=True,
    ),
    "plamo3": Marks(
        opening=r"<\|plamo:begin_think:plamo\|>",
        closing=r"<\|plamo:end_think:plamo\|>",
        example=("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>"),
        alone=True,
    ),
    "inkling": Marks(
        opening=r"<\|content_thinking\|>",
        closing=r"<\|end_message\|>",
        implied=r"(?:<\|message_model\|>)?\s*<\|content_text\|>",
        response=(
            r"(?:<\|message_model\|>)?\s*<\|content_text\|>",
            r"(?:<\|end_message\|>)?(?:<\|content_model_end_sampling\|>)?",
        ),
        example=("<|content_thinking|>", "<|end_message|>"),
        turn="<|end_message|><|message_model|><|content_text|>",
    ),
    "muse_glimmer": Marks(
        opening=r"to=self<\|message\|>",
        closing=r"<\|eom\|>",
        implied=r"\bto=(?!self<)[^\s<]{1,80}<\|message\|>",
        response=(r"(?:<\|start\|>assistant)?[^<\n]{0,80}<\|message\|>", r"<\|(?:eom|eot)\|>"),
        example=("to=self<|message|>", "<|eom|>"),
        turn="<|eom|><|start|>assistant to=user<|message|>",
    ),
    "s1": Marks(
        opening=r"<\|im_start\|>\s*think",
        closing=r"<\|im_start\|>\s*answer",
        example=("<|im_start|>think\n", "<|im_start|>answer\n"),
        turn="<|im_start|>answer\n",
    ),
    # The model's own turn is `assistant/think`, of which the last part may be its to write.
    "hyperclova": Marks(
        opening=r"/think(?!ing)",
        closing=r"<\|im_end\|>\s*<\|im_start\|>assistant|\nassistant(?=\s|\Z)",
        response=("", r"<\|(?:im_end|endofturn|stop)\|>"),
        example=("/think\n", "<|im_end|>\n<|im_start|>assistant\n"),
        turn="<|im_end|>\n<|im_start|>assistant\n",
    ),
    "granite": Marks(
        opening=r"Here(?:'s| is) my thought process:",
        closing=r"Here(?:'s| is) my response:",
        example=("Here is my thought process:", "Here is my response:"),
        prose=True,
    ),
    "apriel": Marks(
        opening=r"Here are my reasoning steps:",
        closing=r"\[BEGIN FINAL RESPONSE\]",
        response=("", r"\[END FINAL RESPONSE\](?:\s*<\|end\|>)?"),
        example=("Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]\n"),
    ),
}
"""Every kind of marks by name. Of those that open a text the one that closes first counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A family of reasoning models."""

    marks: str
    """The name of its kind in MARKS."""
    model_types: tuple[str, ...] = ()
    """Values of `model_type` in the configs of checkpoints that use its parser."""
    parser: str | None = None
    """The name of its reasoning parser in vLLM; None if it has none."""


def _family(marks: str, parser: str | None = None, *model_types: str) -> Family:
    return Family(marks=marks, parser=parser, model_types=model_types)


FAMILIES: Mapping[str, Family] = {
    "Apertus": _family("apertus"),
    "Apriel": _family("apriel"),
    "Cohere Command A Plus": _family("cohere", "cohere_command4"),
    "Cohere Command A Reasoning": _family("cohere", "cohere_command3"),
    "DeepHermes": _family("think"),
    "DeepSeek R1": _family("think", "deepseek_r1"),
    "DeepSeek V3.1, V3.2": _family("think", "deepseek_v3", "deepseek_v32"),
    "DeepSeek V4": _family("think", "deepseek_v4", "deepseek_v4"),
    "DeepSeek V4.1": _family("think", "deepseek_v41"),
    "Doubao Seed": _family("think"),
    "Ernie 4.5": _family("think", "ernie45"),
    "Exaone 4": _family("think"),
    "Exaone Deep": _family("thought"),
    "Falcon H1R": _family("think"),
    "Gemma 4": _family("gemma4", "gemma4", "gemma4", "gemma4_text"),
    "GLM 4.5, 4.6": _family("think", "glm45", "glm4_moe"),
    "GLM 4.7": _family("think", "glm47"),
    "gpt-oss": _family("harmony", "openai_gptoss", "gpt_oss"),
    "gpt-oss, special tokens stripped": _family("harmony_stripped"),
    "Granite 3.2": _family("granite", "granite"),
    "Granite, tags": _family("think", "granite_thinking_parser"),
    "Holo2": _family("think", "holo2"),
    "Hunyuan A13B": _family("think", "hunyuan_a13b", "hunyuan_v1_moe"),
    "HY v3": _family("think", "hy_v3", "hy_v3"),
    "HY v4": _family("think", "hy_v4", "hy_v4"),
    "HyperCLOVA X SEED Think": _family("hyperclova"),
    "Inkling": _family("inkling", "inkling"),
    "Intern-S1": _family("think"),
    "K2 Horizon": _family("k2_horizon", "k2_horizon"),
    "K2 Horizon, fast": _family("k2_horizon_fast", "k2_horizon"),
    "K2 Horizon, faster": _family("k2_horizon_faster", "k2_horizon"),
    "Kimi K2": _family("think", "kimi_k2", "kimi_k2"),
    "Kimi K3": _family("kimi_k3", "kimi_k3"),
    "Kimi VL": _family("kimi"),
    "Laguna": _family("think", "poolside_v1"),
    "Ling 3": _family("think", "ling3"),
    "Llama Nemotron": _family("think"),
    "LongCat Flash": _family("longcat"),
    "Magistral": _family("magistral", "mistral"),
    "Magistral 2506": _family("think"),
    "MedGemma": _family("medgemma"),
    "MiMo": _family("think", "mimo", "mimo"),
    "MiniCPM-V": _family("think", "minicpmv"),
    "MiniMax M1": _family("think"),
    "MiniMax M2": _family("think", "minimax_m2", "minimax_m2"),
    "MiniMax M3": _family("minimax_m3", "minimax_m3"),
    "Muse Glimmer": _family("muse_glimmer", "muse_glimmer"),
    "Nemotron 3": _family("think", "nemotron_v3"),
    "Olmo 3": _family("think", "olmo3"),
    "openPangu": _family("pangu"),
    "OpenThinker": _family("open_thoughts"),
    "Phi-4 reasoning": _family("think"),
    "Plamo 3": _family("plamo3", "plamo3", "plamo3"),
    "prompted for <analysis>": _family("analysis"),
    "prompted for <antThinking>": _family("ant"),
    "prompted for <reflection>": _family("reflection"),
    "prompted for <scratchpad>": _family("scratchpad"),
    "Qwen 3, QwQ": _family("think", "qwen3", "qwen3", "qwen3_moe", "qwen3_next"),
    "Reka Flash 3": _family("reasoning"),
    "s1": _family("s1"),
    "Seed-OSS": _family("seed", "seed_oss", "seed_oss"),
    "Sky-T1, Skywork": _family("open_thoughts"),
    "SmolLM3": _family("think"),
    "Solar Open": _family("solar"),
    "Step 3": _family("think", "step3", "step3_text", "step3_vl"),
    "Step 3.5": _family("think", "step3p5", "step3p5"),
    "TeleChat 4": _family("think"),
    "trained on <think_fast>": _family("think_fast"),
    "trained on <thinking>": _family("thinking"),
    "trained on <|think|>": _family("think_token"),
}
"""Families by name, in alphabetical order."""


def parser_of(model_type: str) -> str | None:
    """Return the name of vLLM's reasoning parser for a `model_type`, or None if none is known."""
    known = (family for family in FAMILIES.values() if model_type in family.model_types)
    return next((family.parser for family in known), None)
