"""Chat templates, read and rendered without their engine, and what they do wrong."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from mathreason_eval.environment import child_environment
from mathreason_eval.errors import ModelError
from mathreason_eval.models import template_child
from mathreason_eval.models.facts import ChatTemplate, Finding, Renderer, Status, TemplateError
from mathreason_eval.text.thinking import written_opening
from mathreason_eval.types import Message

# --- rendering -------------------------------------------------------------------------------

_WAIT = 60.0
"""Seconds on the clock for a rendering, whose computing the system limits to a few: on a machine
that others use, those take longer."""


def renderer(
    source: str, tokens: Mapping[str, str], arguments: Mapping[str, object] | None = None
) -> Renderer:
    """Return what renders a template as transformers does, in a sandbox and within limits.

    Args:
        source: Jinja.
        tokens: by the name in the template: `{"bos_token": "<s>"}`.
        arguments: what else the template is given: `{"enable_thinking": False}`.

    The renderer raises a `TemplateError` if the template refuses the messages, is no Jinja, or
    takes more time or memory than the limits.
    """
    given = {"tools": None, "documents": None, **tokens, **(arguments or {})}

    def render(messages: Sequence[Message], *, add_generation_prompt: bool = True) -> str:
        told = [{"role": one.role, "content": one.content} for one in messages]
        asked = {**given, "messages": told, "add_generation_prompt": add_generation_prompt}
        return _in_a_process({"source": source, "given": asked})

    return render


def _in_a_process(asked: Mapping[str, object]) -> str:
    """Return the text that the program for one rendering writes.

    Raises:
        TemplateError: there is none; with what the template says, or the limit that it exceeds.
    """
    # By its file, and -P: beside it are modules with names of libraries.
    command = [sys.executable, "-P", template_child.__file__]
    try:
        done = subprocess.run(  # noqa: S603  our own file
            command,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=_WAIT,
            check=False,
            env=child_environment(),
        )
    except subprocess.TimeoutExpired:
        raise TemplateError(f"it takes more than {_WAIT:g} s") from None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise TemplateError(f"it takes more than {template_child.CPU_SECONDS} s of computing")
    if done.returncode:
        memory = template_child.MEMORY >> 20
        raise TemplateError(f"it takes more than {memory} MiB of memory, or breaks Jinja")
    found: Mapping[str, str] = json.loads(done.stdout)
    if "refused" in found:
        raise TemplateError(found["refused"])
    return found["text"]


# --- what they do wrong ----------------------------------------------------------------------


def check_renders(template: ChatTemplate) -> None:
    """Check that a template takes a question.

    Raises:
        ModelError: it does not, so that no prompt can be made with it.
    """
    try:
        template.render((_USER,))
    except TemplateError as error:
        raise ModelError(
            f"The chat template cannot be rendered: {error}.",
            "Give what it asks for with --model-arg chat_template_kwargs, or correct it.",
        ) from None


_QUESTION = "What is 17 + 25?"
_ANSWER = "It is forty-two."
_SYSTEM = "Answer in Portuguese."
_USER = Message(role="user", content=_QUESTION)


def examine(template: ChatTemplate) -> Iterator[Finding]:
    """Yield what is right and wrong with the prompts that a template writes."""
    try:
        prompt = template.render((_USER,))
    except TemplateError as error:
        yield Finding(
            subject="chat template",
            status=Status.WARNING,
            says=f"it cannot be rendered: {error}",
            hint="Give what it asks for with --model-arg chat_template_kwargs.",
        )
        return
    if _QUESTION not in prompt:
        yield _warning("chat template", "it does not write the question", "Take another template.")
    else:
        yield Finding(subject="chat template", status=Status.PASS, says="it writes the question")
    yield _beginning(template, prompt)
    yield _end(template, prompt)
    yield _generation_prompt(template, prompt)
    yield _system_message(template)
    yield _thinking(prompt)


def _warning(subject: str, says: str, hint: str) -> Finding:
    return Finding(subject=subject, status=Status.WARNING, says=says, hint=hint)


_TWICE = re.compile(r"\s*(<[^<>\s]{1,40}>)\1")
"""A special token twice at the beginning."""


def _beginning(template: ChatTemplate, prompt: str) -> Finding:
    """Return how a prompt begins: with one BOS, with two, or with none."""
    bos = template.bos
    twice = prompt.startswith(bos * 2) if bos else _TWICE.match(prompt)
    if twice:
        return _warning(
            "BOS", "a prompt begins with two", "Correct the template: most models answer worse."
        )
    if not bos:
        return Finding(subject="BOS", status=Status.UNKNOWN, says="the token is not known")
    if not prompt.startswith(bos):
        if template.adds_bos:
            return _warning(
                "BOS",
                f"the tokenizer puts {bos} before a text, and the template does not write it",
                "Compare the template with that of the model's publisher.",
            )
        return Finding(subject="BOS", status=Status.PASS, says="none is wanted and none written")
    if not template.adds_bos:
        return Finding(subject="BOS", status=Status.PASS, says=f"one, {bos}, by the template")
    if template.keeps_one_bos:
        says = f"template and tokenizer both write {bos}; this engine sends one"
        return Finding(subject="BOS", status=Status.PASS, says=says)
    return _warning(
        "BOS",
        f"doubled: the template writes {bos}, and the tokenizer adds another",
        "Set add_bos_token to false in the tokenizer, or take it out of the template.",
    )


def _end(template: ChatTemplate, prompt: str) -> Finding:
    """Return whether the text is over before the answer begins."""
    if not template.eos:
        return Finding(subject="EOS", status=Status.UNKNOWN, says="the token is not known")
    if template.adds_eos or prompt.rstrip().endswith(template.eos):
        who = "the tokenizer adds" if template.adds_eos else "the template writes"
        return _warning(
            "EOS",
            f"{who} {template.eos} behind the prompt: to the model the text is over",
            "Set add_eos_token to false, or correct the template.",
        )
    return Finding(subject="EOS", status=Status.PASS, says="none behind the prompt")


def _generation_prompt(template: ChatTemplate, prompt: str) -> Finding:
    """Return whether a prompt ends where the template begins an answer."""
    try:
        conversation = (_USER, Message(role="assistant", content=_ANSWER))
        answered = template.render(conversation, add_generation_prompt=False)
    except TemplateError as error:
        says = f"a conversation with an answer cannot be rendered: {error}"
        return Finding(subject="generation prompt", status=Status.UNKNOWN, says=says)
    before, found, _ = answered.partition(_ANSWER)
    if not found:
        says = "the template changes what an answer is, so where one begins is not known"
        return Finding(subject="generation prompt", status=Status.UNKNOWN, says=says)
    asked, begun = prompt.rstrip(), before.rstrip()
    pairs = zip(asked, begun, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    prompt_end, answer_begin = asked[shared:].strip(), begun[shared:].strip()
    if answer_begin and not prompt_end:
        return _warning(
            "generation prompt",
            f"none: an answer begins with {answer_begin!r}, which a prompt does not end with",
            "Take a template that heeds add_generation_prompt.",
        )
    if answer_begin:
        return _warning(
            "generation prompt",
            f"another: a prompt ends with {prompt_end!r}, and an answer begins with "
            f"{answer_begin!r}",
            "Take the template that the model was trained with.",
        )
    return Finding(
        subject="generation prompt", status=Status.PASS, says="a prompt ends where an answer begins"
    )


def _system_message(template: ChatTemplate) -> Finding:
    subject, hint = "system message", "Put instructions into the prompt of the user."
    try:
        prompt = template.render((Message(role="system", content=_SYSTEM), _USER))
    except TemplateError as error:
        return _warning(subject, f"refused: {error}", hint)
    if _SYSTEM not in prompt:
        return _warning(subject, "ignored: the template does not write it", hint)
    return Finding(subject=subject, status=Status.PASS, says="written")


def _thinking(prompt: str) -> Finding:
    opening = written_opening(prompt)
    says = (
        f"the template writes {opening!r} before every answer"
        if opening
        else "the template opens no thought"
    )
    return Finding(subject="thinking", status=Status.NOTE, says=says)
