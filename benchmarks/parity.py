"""Write the parity records of the tasks from the published outputs, and the page made of them.

    python benchmarks/parity.py SHARED

SHARED is the folder with `data/published_scores.json` and the outputs. Why a row differs is kept
from the record, else taken from docs/publisher-errors.md; what is new is marked, to be looked at.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from mathreason_eval.grade.graders import MATH_RULES
from mathreason_eval.grade.judge import Judge
from mathreason_eval.pipeline.evidence import (
    PARITY,
    UNEXPLAINED,
    ParityRecord,
    as_line,
    measured,
    parity_page,
    parity_records,
)
from mathreason_eval.tasks import load_task, task_names

ROOT = Path(__file__).parents[1]
TASKS = {
    r"gsm8k/openai|outputs_(tora|gsmplus|rho|zeroeval)\w*/gsm8k|math_evals/gsm8k_": "gsm8k",
    r"outputs_rho/math500": "math500",
    r"outputs_qwen_maj|outputs_zeroeval/math-l5": "math",
    r"math_evals\w*/aime(20)?24": "aime24",
}
"""Which outputs are of which task."""
BY_MATH = re.compile("zeroeval")
"""Outputs in JSON, which the tasks do not ask for: by the rules of `verify`."""


def reasons() -> dict[tuple[str, str, str, int], str]:
    """Return why rows differ by set, model, row and sample, as the page of errors says."""
    found, heading = {}, ""
    for line in (ROOT / "docs" / "publisher-errors.md").read_text(encoding="utf-8").splitlines():
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        cells = line.strip("| ").split(" | ")
        if len(cells) == 7 and cells[3].isdigit():
            found[cells[0], cells[1], cells[2], int(cells[3])] = heading
    return found


def record(row: dict[str, Any]) -> ParityRecord:
    """Return what is published, with nothing measured."""
    by_math = bool(BY_MATH.search(row["path"]))
    return ParityRecord(
        outputs=row["path"], sha256="", model=(row.get("filter") or {}).get("model"),
        source=row["source"], metric=row["metric"], published=row["published"], rows=0,
        published_right=None, right=0, extract=MATH_RULES if by_math else None,
        grade="math" if by_math else None, differences=(),
    )  # fmt: skip


def main() -> None:
    """Write the files."""
    shared = Path(sys.argv[1]) / "data"
    told = json.loads((shared / "published_scores.json").read_text(encoding="utf-8"))
    known = reasons()
    with Judge(workers=2, deadline=20) as judge:
        for name in dict.fromkeys(TASKS.values()):
            task = load_task(name)
            assert task.folder is not None
            before = {one.name: one for one in parity_records(task)}
            lines = []
            for row in told:
                if any(re.search(one, row["path"]) for one, of in TASKS.items() if of == name):
                    fresh = record(row)
                    held = before.get(fresh.name)
                    if held is not None:
                        fresh = replace(fresh, differences=held.differences)
                    lines.append(as_line(explained(measured(task, fresh, shared, judge), known)))
            (task.folder / PARITY).write_text("".join(lines), encoding="utf-8")
    page = parity_page(map(load_task, sorted(task_names(()))))
    (ROOT / "docs" / "parity.md").write_text(page, encoding="utf-8")


def explained(found: ParityRecord, known: dict[tuple[str, str, str, int], str]) -> ParityRecord:
    """Return a record with the reasons that are known."""
    name = found.outputs.removesuffix(".jsonl.gz")
    model = found.model or name.rpartition("/")[2]
    others = (model, model.partition("__")[2])
    differences = []
    for one in found.differences:
        why = one.why
        if why == UNEXPLAINED:
            keys = [(name, other, one.id, one.sample) for other in others]
            why = next((known[key] for key in keys if key in known), UNEXPLAINED)
        differences.append(replace(one, why=why))
    return replace(found, differences=tuple(differences))


if __name__ == "__main__":
    main()
