"""The size of every page of a site of 27 models that answered all 1,319 problems of GSM8K."""

from __future__ import annotations

import gzip
import json
import posixpath
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import pytest
from manifests import ENTRY, MANIFEST, MODEL, changed, report_of

from mathreason_eval.runs.store import Run, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.site import build_site
from mathreason_eval.stats.summary import summarize
from mathreason_eval.types import Generation, Outcome, Problem, Verdict

pytestmark = [pytest.mark.slow, pytest.mark.shared]

MODELS = 27
PROBLEMS = 1319
SAMPLES_OF_ONE = 8
"""One model has several samples, so that curves and shades are on the pages."""
BYTES = 300_000
ELEMENTS = 6_000


def read(path: Path) -> list[dict[str, object]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def judged(row: dict[str, object], problem: Problem, sample: int) -> tuple[Generation, Verdict]:
    """A published output with its publisher's verdict: nothing is judged here."""
    answer = None if row.get("pred") is None else str(row["pred"])
    right = bool(row.get("correct"))
    outcome = Outcome.CORRECT if right else Outcome.NO_ANSWER if answer is None else Outcome.WRONG
    generation = Generation(
        problem_id=problem.id,
        sample=sample,
        text=str(row["output"]),
        finish_reason="stop",
        completion_tokens=1 + len(str(row["output"])) // 4,
    )
    verdict = Verdict(
        problem_id=problem.id,
        sample=sample,
        outcome=outcome,
        answer=problem.gold[0] if right else answer,
        found_by=None if outcome is Outcome.NO_ANSWER else "phrase",
        rule="number",
        note="as published",
        score=float(right),
    )
    return generation, verdict


def stored(folder: Path, problems: list[Problem], rows: dict[str, dict], samples: int) -> Run:
    pairs = [
        judged(rows[problem.id], problem, number)
        for problem in problems
        for number in range(samples)
        if problem.id in rows
    ]
    generations = [replace(one, text=f"{one.text} ") for one, _ in pairs]
    verdicts = [verdict for _, verdict in pairs]
    report = report_of(slices=("steps",))
    metrics = summarize("gsm8k", problems, generations, verdicts, key=str, report=report)
    entry = changed(ENTRY, problems=len(problems), samples=samples, data__rows=len(problems))
    with RunWriter(folder) as writer:
        writer.write_manifest(
            changed(
                MANIFEST,
                model=changed(MODEL, name=f"vllm:somebody/{folder.name}"),
                tasks={"gsm8k": entry},
                finished="2026-05-01T10:20:00+00:00",
            )
        )
        writer.write_problems("gsm8k", problems)
        for generation in generations:
            writer.append("gsm8k", generation)
        writer.write_verdicts("gsm8k", verdicts)
        writer.write_metrics(metrics)
    return load_run(folder)


@pytest.fixture(scope="module")
def site(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site: outputs as published, of as many models as there are, then of them again."""
    rng = random.Random(7)
    questions = read(shared / "gsm8k" / "test.jsonl")
    problems = [
        Problem(
            id=f"gsm8k-test-{index}",
            question=str(row["question"]),
            gold=(str(row["answer"]).rpartition("####")[2].strip(),),
            meta={"steps": rng.randint(2, 8)},
        )
        for index, row in enumerate(questions)
    ]
    assert len(problems) == PROBLEMS
    files = sorted((shared / "outputs_zeroeval" / "gsm8k").glob("*.jsonl.gz"))
    whole = [rows for path in files if len(rows := read(path)) == PROBLEMS]
    folder = tmp_path_factory.mktemp("runs")
    runs = [
        stored(
            folder / f"a-model-with-a-long-name-{number:02d}-instruct",
            problems,
            {str(row["id"]): row for row in rows},
            SAMPLES_OF_ONE if number == 0 else 1,
        )
        for number, rows in enumerate(islice(cycle(whole), MODELS))
    ]
    return build_site(runs, tmp_path_factory.mktemp("site")).parent


def sizes(site: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (address, bytes, elements) of each page."""
    for path in sorted(site.rglob("*.html")):
        text = path.read_text()
        # Every element of a page has one start tag; text that looks like one is escaped.
        elements = len(re.findall(r"<[a-z]", text))
        yield path.relative_to(site).as_posix(), len(text.encode()), elements


def test_every_page_is_small(site):
    found = list(sizes(site))
    pages = [address for address, _, _ in found]
    assert sum(address.startswith("task/gsm8k/gsm8k-test-") for address in pages) == PROBLEMS
    assert sum(address.startswith("model/") for address in pages) == MODELS
    assert [one for one in found if one[1] >= BYTES] == []
    assert [one for one in found if one[2] >= ELEMENTS] == []


def test_every_link_of_a_large_site_leads_to_a_page(site):
    present = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    dead = set()
    for address in present:
        if address.endswith(".html"):
            links = set(re.findall(r'href="([^"#]+)', (site / address).read_text()))
            folder = posixpath.dirname(address)
            dead |= (
                {link for link in links if posixpath.normpath(f"{folder}/{link}") not in present}
                if folder
                else links - present
            )
    assert dead == set()
