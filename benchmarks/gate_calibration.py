"""Make docs/gate-calibration.md: a gate's errors on published outputs, by `gate --calibrate`.

    python benchmarks/gate_calibration.py SHARED [--pairs 2000] > docs/gate-calibration.md

SHARED is the folder with `data` and its published outputs. Each file becomes run folders, judged by
our graders, and the command is run on them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = {
    # file below data: (task, name, margins)
    "outputs_reasoning_gym/math_evals_n50/amc23__llama-3b-instruct-step_400.jsonl.gz":
        ("math500", "AMC 2023, a 3B model", ("2pp", "5pp")),
    "outputs_reasoning_gym/math_evals_n50/aime2024__llama-3b-instruct-step_400.jsonl.gz":
        ("aime24", "AIME 2024, the same model", ("1pp",)),
    "outputs_qwen_maj/math_cot_100x8.jsonl.gz": ("math500", "MATH, 100 problems", ("1pp", "5pp")),
}  # fmt: skip
HEAD = """# How often gates are wrong, on published outputs

Made by `python benchmarks/gate_calibration.py SHARED --pairs {given}`, which runs `mathreason
gate --calibrate` on outputs that others published. `mathreason gate --calibrate RUN` makes such a
table of your own.

The samples of each problem are divided at random into two halves, as two runs of one model,
{pairs} times. A regression is a false alarm there. Then correct samples of the second half are
lost: by the same part of every problem, or whole problems, until the mean has fallen by the
margin: a pass is wrong then. *Power* is a regression after a fall of twice the margin. Alpha is 1
%. NeMo Evaluator's rules have this margin as `max_drop`, and the relative guard of its
documentation: 2 % where the score is below 20 %.

A fixed limit, the unpaired test and McNemar's test know no *inconclusive*: what is no regression
passes. So they pass most models that fell by the margin. McNemar's test takes samples of one
problem for independent problems.
"""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file for `import jsonl`; a question is in the first of a problem's."""
    questions: dict[str, str] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            name = str(row["id"])
            questions.setdefault(name, row.get("question") or name)
            yield {
                "id": name,
                "question": questions[name],
                "gold": str(row["gold"]),
                "output": row["output"],
                "model": str(row["model"]),
                "sample": row["sample"],
            }


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--pairs", type=int, default=2000)
    options = parser.parse_args()
    print(HEAD.format(given=options.pairs, pairs=f"{options.pairs:,}"))
    with tempfile.TemporaryDirectory() as folder:
        for number, (file, (task, name, margins)) in enumerate(FILES.items()):
            run = _run(options.shared / "data" / file, task, Path(folder) / str(number))
            for margin in margins:
                print("\n".join(_table(run, name, margin, options.pairs)), flush=True)


def _run(path: Path, task: str, folder: Path) -> Path:
    file = folder.with_suffix(".jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in rows(path)), encoding="utf-8")
    _mathreason("import", "jsonl", str(file), "-t", task, "-o", str(folder))
    (run,) = (found.parent for found in folder.rglob("manifest.json"))
    return run


def _table(run: Path, name: str, margin: str, pairs: int) -> Iterator[str]:
    words = "gate", "--calibrate", str(run), "--margin", margin, "--pairs", str(pairs), "--json"
    (found,) = json.loads(_mathreason(*words))
    number = margin.removesuffix("pp")
    points = f"{number} point{'' if number == '1' else 's'}"
    yield f"\n## {name}: a margin of {points}\n"
    yield (
        f"{found['problems']:,} problems, halves of {found['samples']} samples, mean "
        f"{100 * found['score']:.1f} %.\n"
    )
    yield "| rule, in % | false alarms | passes | wrong passes | problems lost whole | power |"
    yield "|---|---|---|---|---|---|"
    for one in found["rates"]:
        shares = [one[key] for key in ("alarms", "passes", "wrong", "wrong_whole", "power")]
        cells = ("–" if share is None else f"{100 * share:.1f}" for share in shares)
        yield f"| {one['rule']} | {' | '.join(cells)} |"


def _mathreason(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mathreason_eval", *words], check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
