"""Run folders made for the site's tests, through the store, with no model."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path

from manifests import ENTRY, MANIFEST, MODEL, changed, report_of

from mathreason_eval.runs.store import Run, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.stats.summary import summarize
from mathreason_eval.types import (
    CodeEntry,
    Generation,
    Message,
    Outcome,
    Problem,
    Prompt,
    RunManifest,
    SamplingEntry,
    SentPrompt,
    Totals,
    Verdict,
)

NAMES = ("Ada", "Ben", "Chloé", "Dilip")


@dataclass(frozen=True, kw_only=True)
class Made:
    """A run as it should be."""

    model: str = "openai:small-reasoner@http://localhost:8000/v1"
    task: str = "shopping"
    problems: int = 12
    samples: int = 2
    skill: float = 0.5
    seed: int = 0
    generated: int | None = None
    """So many samples are there; None for all."""
    judged: int | None = None
    entry: dict[str, object] = field(default_factory=dict)
    labelled: bool = False
    question: str | None = None
    text: str | None = None
    """Stands in every output before the answer."""
    reasoning: str | None = None
    prompt: str | None = None
    """Stands before the question in every prompt; None if the prompts are unknown."""
    backend: str = "openai"
    ends_known: bool = True
    """Whether samples have a finish reason."""


def problem(index: int, made: Made) -> Problem:
    price, count = 2 + index % 7, 3 + index % 11
    name = NAMES[index % len(NAMES)]
    return Problem(
        id=f"{made.task}-{index}",
        question=made.question
        or f"{name} buys {count} notebooks at ${price} each and pays with a $100 note. "
        f"How much change does {name} get?",
        gold=(str(100 - price * count),),
        meta={"steps": 1 + index % 3, "subject": ("shopping", "travel")[index % 2]},
    )


def _outcome(rng: random.Random, chance: float) -> Outcome:
    if rng.random() < chance:
        return Outcome.CORRECT
    rest = (Outcome.WRONG, Outcome.TRUNCATED, Outcome.NO_ANSWER, Outcome.UNGRADABLE)
    return rng.choices(rest, (80, 9, 8, 3))[0]


def _sent(one: Problem, opening: str) -> SentPrompt:
    turns = Message(role="system", content="Think."), Message(role="user", content=opening)
    return SentPrompt(problem_id=one.id, prompt=Prompt(messages=turns))


def _end(outcome: Outcome) -> str:
    return "length" if outcome is Outcome.TRUNCATED else "stop"


def _sample(one: Problem, number: int, made: Made) -> tuple[Generation, Verdict]:
    rng = random.Random(ascii(f"{made.model}/{made.seed}/{one.id}/{number}"))
    hard = random.Random(one.id).random()
    outcome = _outcome(rng, min(1.0, max(0.0, made.skill + (0.5 - hard) * 1.6)))
    gold = one.gold[0]
    answer = gold if outcome is Outcome.CORRECT else str(int(gold) + rng.randint(1, 3))
    opening = made.text or (
        "First the price of all the notebooks.\n\nThe cost is the number of notebooks times the "
        "price of one, and the change is $100 less that.\n\nSo the answer is \\boxed{"
    )
    has_answer = outcome in (Outcome.CORRECT, Outcome.WRONG, Outcome.UNGRADABLE)
    text = f"{opening}{answer}}}." if has_answer else f"{opening[:80]}"
    notes = {
        Outcome.CORRECT: ("number", f"{answer} = {gold} exactly"),
        Outcome.WRONG: ("number", f"{answer} ≠ {gold}"),
        Outcome.NO_ANSWER: ("none", "no extraction rule found an answer"),
        Outcome.TRUNCATED: ("none", "stopped at max_tokens before an answer"),
        Outcome.UNGRADABLE: ("symbolic", "the grader ran out of its 5 s"),
    }
    rule, note = notes[outcome]
    generation = Generation(
        problem_id=one.id,
        sample=number,
        text=text,
        reasoning=made.reasoning,
        finish_reason=_end(outcome) if made.ends_known else None,
        prompt_tokens=61,
        completion_tokens=rng.randint(40, 300),
        seed=rng.getrandbits(31),
        seconds=rng.random() * 3,
        label=rng.random() < 0.9 and outcome is Outcome.CORRECT if made.labelled else None,
    )
    verdict = Verdict(
        problem_id=one.id,
        sample=number,
        outcome=outcome,
        answer=answer if has_answer else None,
        span=(len(opening), len(opening) + len(answer)) if has_answer else None,
        found_by="boxed" if has_answer else None,
        rule=rule,
        note=note,
        score=float(outcome is Outcome.CORRECT),
    )
    return generation, verdict


def _manifest(made: Made) -> RunManifest:
    entry = changed(ENTRY, data__rows=made.problems, problems=made.problems, samples=made.samples)
    return changed(
        MANIFEST,
        model=changed(MODEL, name=made.model, backend=made.backend, revision="main"),
        sampling=SamplingEntry(temperature=0.6 if made.samples > 1 else 0.0, top_p=0.95),
        seed=made.seed,
        tasks={made.task: changed(entry, **made.entry)},
        code=CodeEntry(
            mathreason_eval="0.1.0", python="3.11.9", machine=None, packages={"sympy": "1.13.3"}
        ),
        started="2026-05-01T10:00:00+00:00",
        finished=None if made.generated is not None else "2026-05-01T10:20:00+00:00",
        sessions=(),
        totals=Totals(
            completion_tokens=1234567,
            generation_seconds=812.4,
            tokens_per_second=1519.7,
            grading_lag_seconds=0.2,
            failures=0,
        ),
    )


def make_run(folder: Path, **settings: object) -> Run:
    """Return a run in a folder; made twice with two tasks, it holds both."""
    made = Made(**settings)
    problems = [problem(index, made) for index in range(made.problems)]
    pairs = [_sample(one, number, made) for one in problems for number in range(made.samples)]
    generations = [generation for generation, _ in pairs][: made.generated]
    verdicts = [verdict for _, verdict in pairs][: made.generated][: made.judged]
    report = report_of(slices=("steps", "subject"))
    metrics = (
        summarize(made.task, problems, generations, verdicts, key=str, report=report)
        if verdicts
        else ()
    )
    manifest = _manifest(made)
    before = load_run(folder) if (folder / "manifest.json").is_file() else None
    if before is not None:
        manifest = replace(manifest, tasks={**before.manifest.tasks, **manifest.tasks})
        metrics = (*before.metrics(), *metrics)
    with RunWriter(folder) as writer:
        writer.write_manifest(manifest)
        writer.write_problems(made.task, problems)
        if made.prompt is not None:
            writer.write_prompts(made.task, [_sent(one, made.prompt) for one in problems])
        for generation in generations:
            writer.append(made.task, generation)
        writer.write_verdicts(made.task, verdicts)
        writer.write_metrics(metrics)
    return load_run(folder)
