"""A model that thinks gets the tokens for it; what was stored, and what was typed, goes before."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from mathreason_eval.models.base import Completion
from mathreason_eval.models.budget import template_thinks, thinks, tokens_left
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.types import Message, Prompt

# fmt: off
TEMPLATES = [
    # the source of a template; what it writes before an answer; whether the model thinks
    ("{{ '<|im_start|>assistant\n' }}",                      "",                  False),
    (None,                                                   "",                  False),
    ("{{ content.split('</think>')[-1] }}",                  "",                  True),
    ("{{ content.split('</think>')[-1] }}<think>",           "<think>",           True),
    ("{{ content.split('</think>')[-1] }}<think></think>",   "<think></think>",   False),
    ("<|channel|>analysis<|message|> <|channel|>final<|message|>", "",            True),
    ("{% if thinking %}[THINK]{% endif %}[/THINK]",          "",                  True),
    # Granite's mark is prose, which a template may well say without a thought.
    ("Write 'Here is my response:' before it.",              "",                  False),
]
# fmt: on


@pytest.mark.parametrize(("template", "opening", "known"), TEMPLATES)
def test_a_template_says_whether_the_model_thinks(template, opening, known):
    assert template_thinks(template, opening) is known


@dataclass
class Model:
    """A model of some context that counts a token for each word, if it counts."""

    opening: str = ""
    context: int | None = None
    name: str = "fake:thinker"
    chat: bool = True
    asked: list = field(default_factory=list)

    def describe(self):
        return {"backend": "fake"}

    def stream(self, requests):
        for request in requests:
            self.asked.append(request.sampling.max_tokens)
            yield Completion(request=request, text=r"\boxed{1}", finish_reason="stop")

    def close(self):
        """Nothing is open."""


class Counting(Model):
    def prompt_tokens(self, prompt):
        return 1000


OPEN, SHUT = "<think>", "<think></think>"
# fmt: off
BUDGETS = [
    # the model; what is typed; max_tokens of the run: arithmetic's own are 512
    (Model(),                            None,  512),
    (Model(opening=SHUT),                None,  512),
    (Model(opening=OPEN),                None,  32_768),
    (Model(opening=OPEN),                77,    77),
    (Model(opening=OPEN, context=131_072), None, 32_768),
    (Counting(opening=OPEN, context=33_768), None, 32_768),
    (Counting(opening=OPEN, context=33_767), None, 32_512),
    (Counting(opening=OPEN, context=4096), None, 3072),
    (Counting(opening=OPEN, context=1400), None, 512),
    (Counting(context=4096),             None,  512),
    (Model(opening=OPEN, context=4096),  None,  3584),
]
# fmt: on


@pytest.mark.parametrize(("model", "typed", "tokens"), BUDGETS)
def test_what_an_answer_may_take(tmp_path, model, typed, tokens):
    model = type(model)(opening=model.opening, context=model.context)
    spec = RunSpec(tasks=("arithmetic",), limit=2, max_tokens=typed)
    run = run_tasks(spec, lambda: model, tmp_path / "run")
    assert set(model.asked) == {tokens}
    assert run.manifest.tasks["arithmetic"].max_tokens == tokens


@pytest.mark.parametrize("typed", [77, 40_000])
def test_what_was_stored_goes_on(tmp_path, typed):
    def ask(opening, **settings):
        model = Model(opening=opening)
        spec = RunSpec(tasks=("arithmetic",), **settings)
        run_tasks(spec, lambda: model, tmp_path / "run")
        return model.asked

    assert ask(OPEN, limit=2, max_tokens=typed) == [typed] * 2
    assert ask(OPEN, limit=3) == [typed]


def test_what_a_context_leaves_is_estimated_low():
    prompt = Prompt(messages=(Message(role="user", content="How many? " * 100),))
    left = tokens_left(Model(context=4096), [prompt])
    assert 0 < left < 4096 - 1000 / 4
    assert tokens_left(Model(), [prompt]) is None
    assert not thinks(Model())
