"""Make the pictures of the leaderboard in the README and the docs.

    python benchmarks/pictures.py RUNS SITE     # runs, their site, and PNGs in docs/pictures

The models are simulated: scripts that answer generated problems, more often rightly the easier the
problem and the larger their skill. Needs playwright and a Chromium (`CHROMIUM=/path`).
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from mathreason_eval import evaluate, load_task
from mathreason_eval.runs.store import load_run
from mathreason_eval.site import build_site
from mathreason_eval.site.config import SiteConfig
from mathreason_eval.types import Problem

SAMPLES = 4
# fmt: off
MODELS = {
    # name     skill   tokens  how much variants of a problem cost it
    "Alder":   (2.6,     900,  0.1),
    "Birch":   (2.5,     420,  0.3),
    "Cedar":   (1.9,     380,  1.6),
    "Hazel":   (1.4,     250,  0.4),
    "Juniper": (0.6,     240,  0.8),
    "Rowan":   (-0.3,    130,  0.5),
}
# fmt: on
TASKS = ("kk-gen", "procbench-gen", "word-problems-cultural")
PROBLEMS = 224
MUTE = 0.1
"""The part of wrong samples that end without an answer."""


def problems(task: str, count: int) -> Iterator[Problem]:
    """Yield the first problems of a generated task."""
    maker = load_task(task).problem
    assert maker is not None, "a generated task"
    return (maker(index, 0) for index in islice(range(count), count))


def difficulty(problem: Problem) -> float:
    """Return how hard a problem is: more people, more steps."""
    size = float(problem.meta.get("people", problem.meta.get("steps", 3)))
    own = random.Random(problem.origin or problem.id).gauss(0, 0.9)
    return own + 1.6 * math.log(size / 3)


def output(problem: Problem, skill: float, rng: random.Random) -> str:
    """Return an answer text, right with a chance that falls with the difficulty."""
    right = rng.random() < 1 / (1 + math.exp(difficulty(problem) - skill))
    gold = problem.gold[0]
    if gold.startswith("{"):
        states = json.loads(gold)
        if not right:
            broken = states["intermediate"][: rng.randint(0, len(states["intermediate"]))]
            states = {"intermediate": broken, "final": "stuck"}
        return f"I carry out one step after another.\n\n{json.dumps(states)}"
    if "people" in problem.meta:
        kinds = re.findall(r"\b(an? \w+) or (an? \w+)", problem.question)[0]
        people = re.split(", and |, | and ", gold.rstrip("."))
        if not right:
            one = rng.randrange(len(people))
            name, _, word = people[one].partition(" is ")
            people[one] = f"{name} is {kinds[1] if word == kinds[0] else kinds[0]}"
        lines = "\n".join(f"({number}) {who}" for number, who in enumerate(people, 1))
        return f"Suppose the first one lies; that leads to a contradiction.\n\nCONCLUSION:\n{lines}"
    if not right and rng.random() < MUTE:
        return "It depends on what is meant by the question."
    answer = gold if right else str(int(gold) + rng.choice((-2, -1, 1, 10)))
    return f"Step by step: \\[ {problem.meta['solution']} \\] The answer is \\boxed{{{answer}}}."


def rows(name: str) -> Iterator[dict[str, object]]:
    """Yield the outputs of a simulated model."""
    skill, tokens, cost = MODELS[name]
    for task in TASKS:
        for problem in problems(task, PROBLEMS):
            for sample in range(SAMPLES):
                rng = random.Random(f"{name}/{problem.id}/{sample}")
                text = output(problem, skill - (cost if problem.variant else 0), rng)
                yield {
                    "id": problem.id,
                    "sample": sample,
                    "output": text,
                    "completion_tokens": round(tokens * rng.lognormvariate(0, 0.3)),
                    "finish_reason": "stop",
                }


def make_runs(folder: Path) -> None:
    """Make a run of each model."""
    for name in MODELS:
        path = folder / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows(name)))
        evaluate(
            model=f"replay:{path}",
            tasks=list(TASKS),
            out=folder / name,
            samples=SAMPLES,
            limit=PROBLEMS,
        )


CONFIG = SiteConfig(
    title="Simulated reasoners",
    description="Scripts that answer generated problems, for the pictures of the documentation.",
    authors=("mathreason-eval",),
    order=TASKS,
)
MADE = "2026-01-01T12:00:00+00:00"


def build(folder: Path, site: Path) -> None:
    """Build the site of the runs."""
    runs = [load_run(folder / name) for name in MODELS]
    names = {run.manifest.model.name: run.path.name for run in runs}
    build_site(runs, site, made=MADE, config=replace(CONFIG, names=names))


PAGES = {
    # By picture, the page, the colours and the height.
    "index": ("index.html", "light", 690),
    "charts": ("task/kk-gen/charts.html", "light", 980),
    "compare": ("compare/word-problems-cultural/Cedar*-and-Hazel*.html", "dark", 860),
}
OUT = Path(__file__).parent.parent / "docs" / "pictures"


def take(site: Path) -> None:
    """Take the pictures."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (page, scheme, height) in PAGES.items():
            [path] = site.glob(page)
            window = {"width": 1200, "height": height}
            settings: dict[str, Any] = {"viewport": window, "color_scheme": scheme}
            tab = browser.new_context(**settings).new_page()
            tab.goto(path.resolve().as_uri())
            tab.screenshot(path=OUT / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    runs, site = map(Path, sys.argv[1:3])
    if not runs.is_dir():
        make_runs(runs)
    build(runs, site)
    take(site)
