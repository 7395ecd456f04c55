"""The reasoning parsers of vLLM, applied to finished texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mathreason_eval.errors import ModelError, UnknownNameError
from mathreason_eval.models.accelerator import first_line
from mathreason_eval.text.think_marks import parser_of
from mathreason_eval.text.thinking import Thought, parsed_thought, split_thinking

if TYPE_CHECKING:
    from vllm.parser.abstract_parser import Parser

NONE = "none"
"""The value of the option that switches parsers off."""
_HARMONY = "openai_gptoss"
_HF = "hf"
"""The parser for tokenizers that have a response template."""


class ReasoningParser:
    """One parser of vLLM, by name, for the texts of one tokenizer."""

    def __init__(
        self, name: str, make: Callable[[], Parser], encode: Callable[[str], list[int]]
    ) -> None:
        """`make` returns a new parser: parsers have state. `encode` returns a text's tokens."""
        from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

        self.name = name
        self._make = make
        self._encode = encode
        self._request: Any = ChatCompletionRequest(
            messages=[{"role": "user", "content": "?"}], model="model"
        )
        inner = make().reasoning_parser or make()
        self._start: str | None = getattr(inner, "reasoning_start_str", None)
        self._end: str | None = getattr(inner, "reasoning_end_str", None)

    def written_opening(self, prompt: str) -> str:
        """Return the reasoning mark of this parser at the end of a prompt, or ""."""
        start, end = (self._start or "").strip(), (self._end or "").strip()
        ended = prompt.rstrip()
        if not start:
            return ""
        if end and ended.endswith(end) and ended.removesuffix(end).rstrip().endswith(start):
            return start + end
        return start if ended.endswith(start) else ""

    def thought(self, opening: str, text: str, tokens: Sequence[int]) -> Thought:
        """Return a text divided at the end of its reasoning.

        Where the parser raises, or returns parts that do not make up the text, our table of think
        marks decides: see `parsed_thought`.

        Args:
            opening: the reasoning marks that the template has written before it.
            text: as generated, think marks that are special tokens included.
            tokens: the text's token ids.
        """
        whole = opening + text
        before = self._encode(opening) if opening else []
        try:
            reasoning, content, _ = self._make().parse(
                whole, self._request, model_output_token_ids=[*before, *tokens]
            )
        # A parser may fail on unusual texts; our table still divides them.
        except Exception:  # noqa: BLE001
            return split_thinking(whole)
        return parsed_thought(whole, reasoning, content, self._start)


def check_name(asked: str | None) -> None:
    """Check, before a model is loaded, that vLLM has the parser that a user names.

    Raises:
        UnknownNameError: it has no parser of that name.
    """
    if asked in {None, NONE}:
        return
    from vllm.reasoning import ReasoningParserManager

    names = ReasoningParserManager.list_registered()
    if asked not in names:
        raise UnknownNameError("reasoning parser of vLLM", str(asked), [*names, NONE])


def find_parser(
    asked: str | None,
    config: Any,  # noqa: ANN401 - vllm's own
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    template_arguments: Mapping[str, object],
) -> ReasoningParser | None:
    """Return the parser that a user names, or that fits the model; None if there is none.

    By default it is the one that vLLM itself chooses for the model, else `hf` for a tokenizer with
    a response template, else that of the model's type in our table, if the tokenizer fits it.

    Args:
        asked: a name, `none`, or None for the default.
        config: vLLM's engine config.
        tokenizer: the model's tokenizer.
        template_arguments: arguments of the chat template.

    Raises:
        UnknownNameError: vLLM has no such parser.
        ModelError: the tokenizer lacks what the parser needs.
    """
    if asked == NONE:
        return None
    check_name(asked)
    name = asked
    try:
        name = asked or _default(config, tokenizer)
        if name is None:
            return None
        return _parser(name, config.model_config, tokenizer, template_arguments)
    # vLLM and its plugins import and construct parsers, and may raise anything.
    except Exception as error:  # noqa: BLE001
        if asked is None:
            return None
        raise ModelError(
            f"The reasoning parser {name} cannot be used with this model: {first_line(error)}",
            f"Name another, or --model-arg reasoning_parser={NONE}.",
        ) from None


def _default(config: Any, tokenizer: Any) -> str | None:  # noqa: ANN401 - vllm's, transformers'
    own: str = config.structured_outputs_config.reasoning_parser
    if own:
        return own
    brought = getattr(tokenizer, "init_kwargs", None) or {}
    if isinstance(
        getattr(tokenizer, "response_template", None) or brought.get("response_template"), dict
    ):
        return _HF
    types = (config.model_config.hf_config, config.model_config.hf_text_config)
    found = (parser_of(str(getattr(one, "model_type", None))) for one in types)
    return next((name for name in found if name), None)


def _parser(
    name: str,
    model_config: Any,  # noqa: ANN401 - vllm's own
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    template_arguments: Mapping[str, object],
) -> ReasoningParser:
    from vllm.parser.parser_manager import ParserManager

    kind = ParserManager.get_parser(
        reasoning_parser_name=name, is_harmony=name == _HARMONY, tokenizer=tokenizer
    )
    if kind is None:
        raise ValueError

    def make() -> Parser:
        return kind(
            tokenizer, chat_template_kwargs=dict(template_arguments), model_config=model_config
        )

    def encode(text: str) -> list[int]:
        tokens: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return tokens

    return ReasoningParser(name, make, encode)
