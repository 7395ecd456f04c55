"""What only the run sets, by every name that servers and engines have for it.

The manifest records these settings and the key of a sample is made of them, so an option for
anything else must not set them a second time. Whatever is not here is part of the model's identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mathreason_eval.errors import ModelError

MAX_TOKENS_NAMES = (
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "n_predict"),
)
"""What servers with an OpenAI-compatible API call the upper bound on generated tokens."""

# Requests of vLLM, SGLang, llama.cpp, TGI, OpenRouter and Ollama, both the OpenAI-compatible and
# their own, and what gateways to other APIs take for the same.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "--temperature": ("temperature", "temp", "do_sample", "greedy"),
    "--top-p": ("top_p", "nucleus_p"),
    "--max-tokens": (
        *MAX_TOKENS_NAMES,
        *("num_predict", "max_length", "max_gen_toks", "max_gen_len", "max_generated_tokens"),
        *("max_tokens_to_sample", "max_decode_tokens", "maximum_tokens", "token_limit"),
    ),
    "--seed": ("seed", "random_seed", "sampling_seed", "rng_seed"),
    "--samples": (
        *("n", "best_of", "n_cmpl", "num_return_sequences", "num_completions", "num_generations"),
        *("num_samples", "candidate_count", "n_choices"),
    ),
    "`stop:` of the task's prompt": (
        *("stop", "stops", "stop_sequence", "stop_sequences", "stop_string", "stop_strings"),
        *("stop_str", "stop_strs", "stop_word", "stop_words", "antiprompt"),
        # Whether the string at which a text ended is part of it.
        *("include_stop_str_in_output", "no_stop_trim"),
    ),
    "the model's name": ("model", "models", "model_id", "model_name", "preset"),
    "--prompt": (
        *("messages", "prompt", "inputs", "input", "input_ids", "input_embeds", "system_prompt"),
        *("prompt_token_ids", "prompt_tokens_ids", "prompt_embeds", "multi_item_prompt", "suffix"),
        # What cuts a prompt that is too long, so that the model gets another than was sent.
        *("truncate", "truncation", "truncate_prompt_tokens", "allow_auto_truncate"),
    ),
    "nothing: replies are read whole": ("stream", "streaming", "stream_options"),
    "nothing: a reply is what the model adds to the prompt, without it": (
        *("echo", "return_full_text", "return_prompt"),
    ),
}
"""What sets it, and its names."""
_TURN_NAMES = ("add_generation_prompt", "continue_final_message", "add_assistant_prompt")
_TURN = "nothing: the prompt ends where the model's turn begins"
"""Reserved among the arguments of a chat template too, whose other names are the template's own."""


def _plain(name: str) -> str:
    """Return a name as `top_p`, `topP`, `Top-P` and `top p` all spell it."""
    return "".join(filter(str.isalnum, name)).lower()


_TURN_SET_BY = {_plain(name): _TURN for name in _TURN_NAMES}
_SET_BY = _TURN_SET_BY | {
    _plain(name): option for option, names in _NAMES.items() for name in names
}
_CONTAINERS = frozenset(
    map(
        _plain,
        (
            *("sampling_params", "sampling_parameters", "sampling", "options", "parameters"),
            *("generation_config", "override_generation_config", "default_sampling_params"),
            *("generation_kwargs", "generate_kwargs", "gen_kwargs", "generation_args"),
            *("extra_body", "inference_config", "inference_params", "body"),
        ),
    )
)
"""Fields that hold settings of a request; their contents are looked through."""
_TEMPLATE_ARGUMENTS = frozenset(map(_plain, ("chat_template_kwargs", "template_kwargs")))


def check_reserved(option: str, given: Mapping[str, object]) -> None:
    """Check that an option sets nothing that the run sets.

    Raises:
        ModelError: naming what it sets, and the option to use.
    """
    for name, instead in _reserved(given):
        raise ModelError(
            f"{option} cannot set {name}, which the run's settings say.", f"Use {instead}."
        )


def _reserved(given: Mapping[str, object], within: str = "") -> Iterator[tuple[str, str]]:
    """Yield each name that only the run sets, and what sets it."""
    for name, value in given.items():
        if instead := _SET_BY.get(_plain(name)):
            yield within + name, instead
        elif _plain(name) in _CONTAINERS and isinstance(value, Mapping):
            yield from _reserved(value, f"{within}{name}.")
        elif _plain(name) in _TEMPLATE_ARGUMENTS and isinstance(value, Mapping):
            for argument in value:
                if instead := _TURN_SET_BY.get(_plain(argument)):
                    yield f"{within}{name}.{argument}", instead
