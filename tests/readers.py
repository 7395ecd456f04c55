"""Everything that reads what somebody else may have written, each with files that it reads.

The property tests and `make fuzz` change these files: any bytes must end in a result or a user
error.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from foreign_logs import LOGS
from manifests import MANIFEST

from mathreason_eval.errors import UserError
from mathreason_eval.gate.baseline import open_baseline
from mathreason_eval.gate.config import read_config
from mathreason_eval.models import fake, replay
from mathreason_eval.pipeline.importers.combined import LogOptions, plan_logs
from mathreason_eval.pipeline.importers.formats import FORMATS
from mathreason_eval.pipeline.importers.rows import sample_row
from mathreason_eval.pipeline.importers.sources import by_model, own_problems, with_models
from mathreason_eval.pipeline.prices import price_of
from mathreason_eval.runs.codec import as_document, as_line
from mathreason_eval.runs.repair import set_aside_damage
from mathreason_eval.runs.store import Run, load_run
from mathreason_eval.site.config import read_config as read_site_config
from mathreason_eval.tasks.datasets import load_problems
from mathreason_eval.tasks.folder import read_task
from mathreason_eval.tasks.lock import check_lock, write_lock
from mathreason_eval.tasks.new import Source, new_task
from mathreason_eval.tasks.readers import numbered_rows
from mathreason_eval.types import (
    Exclusion,
    FailedRequest,
    Generation,
    Outcome,
    Problem,
    SentPrompt,
    StepRewards,
    Verdict,
)

TASK = next(iter(MANIFEST.tasks))


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader, and the file of its folder that is changed."""

    name: str
    file: str
    files: Mapping[str, bytes]
    """Everything in the folder, by path."""
    read: Callable[[Path], object]


def outcome(reader: Reader, folder: Path, content: bytes) -> UserError | None:
    """Return the user error of reading a file with this content, or None if it is read.

    Any other exception is raised.
    """
    for name, held in {**reader.files, reader.file: content}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader.read(folder)
        except UserError as error:
            return error
    return None


# --- what is read --------------------------------------------------------------------------------


def _read_all(run: Run) -> None:
    for task in run.tasks():
        for records in (run.problems, run.prompts, run.infos, run.verdicts, run.failures):
            records(task)
        list(run.samples(task))
    run.metrics()


def _read_run(folder: Path) -> None:
    try:
        _read_all(load_run(folder))
    except UserError:
        list(set_aside_damage(folder))
        for aside in folder.rglob("*.damaged*"):
            aside.unlink()
        raise


def _read_archive(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        with open_baseline(str(folder / name)) as run:
            _read_all(run)

    return read


def _import(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        path = folder / name
        rows = with_models([sample_row(row) for row in numbered_rows(path)], path, None)
        if rows:
            by_model(rows, own_problems(rows, path), path)

    return read


def _read_logs(form: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        for plan in plan_logs([folder], folder / "out", LogOptions(), FORMATS[form]).plans:
            as_document(plan.manifest)
            for part in plan.parts:
                for record in (*part.source.problems, *part.source.generations, *part.published):
                    as_line(record)

    return read


# --- their files ---------------------------------------------------------------------------------

_RUN: Mapping[str, bytes] = {
    "manifest.json": as_document(MANIFEST),
    "metrics.json": json.dumps(
        [
            {
                "task": TASK,
                "slice": "all",
                "name": "avg",
                "unit": "share",
                "value": 0.5,
                "low": 0.1,
                "high": 0.9,
                "se": 0.2,
                "problems": 1,
                "samples": 1,
                "method": "wilson",
            }
        ]
    ).encode(),
    f"{TASK}/problems.jsonl": as_line(
        Problem(id="p", question="1+1?", gold=("2",), meta={"level": 3}, given={"steps": [1, 2.5]})
    ),
    f"{TASK}/prompts.jsonl": as_line(SentPrompt(problem_id="p", prompt={"text": "1+1?"})),
    f"{TASK}/generations.jsonl": as_line(
        Generation(problem_id="p", sample=0, text="\\boxed{2}", seconds=0.5)
    ),
    f"{TASK}/verdicts.jsonl": as_line(
        Verdict(
            problem_id="p",
            sample=0,
            outcome=Outcome.CORRECT,
            answer="2",
            rule="exact",
            note="",
            score=1.0,
        )
    ),
    f"{TASK}/failures.jsonl": as_line(
        FailedRequest(problem_id="p", sample=1, kind="timeout", reason="x", at="2026-01-01")
    ),
    f"{TASK}/excluded.jsonl": as_line(
        Exclusion(problem_id="p", sample=5, reason="x", at="2026-01-01")
    ),
    f"{TASK}/rewards.jsonl": as_line(
        StepRewards(
            problem_id="p",
            sample=0,
            texts_digest="00",
            by="prm:m · min · 1f",
            scores=(0.5, 0.25),
            reward=0.25,
        )
    ),
}
_ROWS = [
    {
        "id": "p",
        "output": "\\boxed{2}",
        "question": "1+1?",
        "gold": "2",
        "sample": 0,
        "model": "m",
        "score": 0.5,
        "correct": True,
        "finish_reason": "stop",
        "seed": 1,
    },
    {"id": "q", "output": "3", "question": "1+2?", "gold": ["3", 3], "seconds": 1.5},
]
_JSONL = b"".join(json.dumps(row).encode() + b"\n" for row in _ROWS)
_CSV = b'id,output,question,gold,correct\np,"a, ""b""\n2",1+1?,2,true\nq,3,1+2?,3,\n'
_GATE = (
    b"margin: 1pp\nalpha: 0.01\nregression: any\nsamples: [2, 4, 8]\nspending: pocock\n"
    b"inconclusive: failure\nallow: [version]\nhealth: {truncated: 2pp, tokens: 20%}\n"
    b"tasks:\n  gsm8k: {margin: 0.02, metric: avg}\n  other: off\n"
)
_TASK = (
    b"name: sums\nversion: 1\nsummary: Sums\nlicense: MIT\nextract: [boxed]\ngrade: number\n"
    b"prompts:\n  boxed: {template: prompt.jinja, stop: ['\\n'], shots: 2, form: chat}\n"
    b"data: {file: rows.jsonl, rows: 2}\ncolumns: {question: [question, q], gold: gold}\n"
    b"slices: [level]\nconvention: {percent: sign}\nmax_tokens: 100\n"
)
_SCRIPT = (
    b"seed: 1\nrules:\n- contains: sum\n  text: ['\\boxed{7}', no idea]\n  seconds: 1\n- text: x\n"
)


def _tar(mode: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in _RUN.items():
            member = tarfile.TarInfo(f"run/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _RUN.items():
            archive.writestr(f"run/{name}", content)
    return packed.getvalue()


def _parquet() -> Mapping[str, bytes]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return {}
    packed = io.BytesIO()
    rows = [{**row, "gold": str(row["gold"])} for row in _ROWS]
    pq.write_table(pa.Table.from_pylist(rows), packed)
    return {"rows.parquet": packed.getvalue()}


_TASK_FILES = {
    "sums/task.yaml": _TASK,
    "sums/prompt.jinja": b"{{ question }}",
    "sums/rows.jsonl": _JSONL,
}
_PICK = {
    "pick/task.yaml": b"name: pick\nversion: 1\nsummary: Picks\nlicense: MIT\nextract: [boxed]\n"
    b"grade: choice\ndata: {file: rows.jsonl}\nmacro: subject\n"
    b"card: {public: 2025-02-14, languages: [en], human: 0.9, chance: 0.25, proved: false}\n"
    b"columns: {question: 'stem + question', options: [choices, A + B], gold: label | letter0, "
    b"month: [date | month], origin: seed, variant: how, level: [level | int]}\n",
    "pick/prompt.jinja": b"{{ problem.question }}",
    "pick/rows.jsonl": b'{"stem": "Pick.", "question": "1+1?", "choices": ["1", "2"], "label": 1, '
    b'"date": "2025-03-04", "seed": "a", "how": "digits", "subject": "sums", "level": "L 3"}\n'
    b'{"stem": "Pick.", "question": "1+2?", "A": "3", "B": "2", "label": 0, "subject": "s"}\n',
}


def _locked() -> Mapping[str, bytes]:
    """Return the files of a task with its lock."""
    with tempfile.TemporaryDirectory() as made:
        for file, content in _PICK.items():
            (path := Path(made) / file).parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        lock = write_lock(read_task(Path(made) / "pick"))
        return {**_PICK, "pick/lock.json": lock.read_bytes()}


def _read_pick(folder: Path) -> None:
    task = read_task(folder / "pick")
    # Nearly every change is one of the lock; what stands behind it is read all the same.
    with contextlib.suppress(UserError):
        check_lock(task)
    load_problems(task)


def _check_price(folder: Path) -> None:
    price_of(folder / "prices.yaml", "vllm:m")


_PRICES = b"currency: USD\nmodels:\n  'vllm:m': {prompt: 0.25, completion: 2}\n"
_SITE = b"title: Board\nauthors: [A, B]\nlinks: {Code: 'https://example.org'}\nhidden: [gsm8k]\n"
_FILES: Mapping[str, tuple[bytes, Callable[[Path], object]]] = {
    "gate.yaml": (_GATE, lambda folder: read_config(folder / "gate.yaml")),
    "script.yaml": (_SCRIPT, lambda folder: fake._read(folder / "script.yaml")),
    "outputs.jsonl": (_JSONL, lambda folder: replay._read(folder / "outputs.jsonl")),
    "outputs.jsonl.gz": (
        gzip.compress(_JSONL, mtime=0),
        lambda folder: replay._read(folder / "outputs.jsonl.gz"),
    ),
    "base.tar": (_tar("w"), _read_archive("base.tar")),
    "base.tar.gz": (_tar("w:gz"), _read_archive("base.tar.gz")),
    "base.zip": (_zip(), _read_archive("base.zip")),
    **{
        name: (content, _import(name))
        for name, content in {
            "rows.jsonl": _JSONL,
            "rows.jsonl.gz": gzip.compress(_JSONL, mtime=0),
            "rows.csv": _CSV,
            "rows.tsv": _CSV.replace(b",", b"\t"),
            "rows.json": json.dumps({"version": 1, "rows": _ROWS}).encode(),
            **_parquet(),
        }.items()
    },
}


def _make(name: str) -> Callable[[Path], None]:
    """Return what makes a task of rows, and reads it."""

    def read(folder: Path) -> None:
        made = new_task("mine", Source(path=folder / name, columns={}))
        for file, text in made.files.items():
            path = folder / "mine" / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="surrogatepass")
        load_problems(read_task(folder / "mine"))

    return read


_CHOICES = json.dumps({"question": "1+1?", "choices": ["1", "2"], "answer": "B", "level": 1})
_NEW: Mapping[str, bytes] = {
    "rows.jsonl": _JSONL,
    "choices.jsonl": f"{_CHOICES}\n".encode() * 3,
    "rows.csv": _CSV,
}
"""Rows that tasks are made from."""


def _logs() -> Iterator[Reader]:
    """Yield a reader for each file of each log."""
    for write, form in LOGS:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            try:
                write(folder)
            except ImportError:  # no pyarrow
                continue
            files = {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
        for file in files:
            yield Reader(
                name=f"{write.__name__} {file.rpartition('/')[2]}",
                file=file,
                files=files,
                read=_read_logs(form),
            )


READERS: tuple[Reader, ...] = (
    *(Reader(name=f"run {file}", file=file, files=_RUN, read=_read_run) for file in _RUN),
    *(
        Reader(
            name=f"task {file}",
            file=file,
            files=_TASK_FILES,
            read=lambda folder: read_task(folder / "sums"),
        )
        for file in ("sums/task.yaml", "sums/prompt.jinja")
    ),
    *(
        Reader(name=f"task {file}", file=file, files=files, read=_read_pick)
        for files in (_locked(),)
        for file in files
    ),
    Reader(
        name="prices.yaml", file="prices.yaml", files={"prices.yaml": _PRICES}, read=_check_price
    ),
    Reader(
        name="leaderboard.yaml",
        file="leaderboard.yaml",
        files={"leaderboard.yaml": _SITE},
        read=lambda folder: read_site_config(folder / "leaderboard.yaml"),
    ),
    *(
        Reader(name=name, file=name, files={name: content}, read=read)
        for name, (content, read) in _FILES.items()
    ),
    *(
        Reader(name=f"new {name}", file=name, files={name: content}, read=_make(name))
        for name, content in _NEW.items()
    ),
    *_logs(),
)


# --- changes -------------------------------------------------------------------------------------

BRICKS = (
    *(b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"-Infinity", b"9" * 25, b"9" * 5000),
    *(b"2001-99-99", b"0x" + b"f" * 4000, b"1:" * 60 + b"1", b".inf", b"''", b'""', b"{}", b"[]"),
    *(
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\\ud800",
        b"\xe2\x80\xa8",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\t",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b",",
        b":",
        b"- ",
        b"? ",
        b"&a ",
        b"*a",
        b"!!x ",
        b"<<: ",
    ),
    *(b"!!python/object/apply:os.system ", b"%YAML 9.9\n", b"---\n", b"../../x", b"/etc/passwd"),
    *(b"[" * 70, b"{" * 70, b'{"a":' * 70, b"[" * 100_000, b'{"a":' * 20_000, b"x" * 300),
)


def changed(content: bytes, rng: Random) -> bytes:
    """Return a file with one to three things done to it."""
    for _ in range(rng.randint(1, 3)):
        content = rng.choice(_CHANGES)(content, rng)
    return content


def _places(content: bytes, rng: Random) -> tuple[int, int]:
    start, end = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return start, min(end, start + 64) if rng.random() < 0.7 else end


def _cut(content: bytes, rng: Random) -> bytes:
    start, end = _places(content, rng)
    return content[:start] + content[end:]


def _doubled(content: bytes, rng: Random) -> bytes:
    start, end = _places(content, rng)
    return content[:end] + content[start:]


def _filled(content: bytes, rng: Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(BRICKS) + content[place:]


def _replaced(content: bytes, rng: Random) -> bytes:
    """Replace one token, such as a number or a name, by a brick."""
    marks = b' ,:[]{}"\n'
    edges = [index for index, byte in enumerate(content) if byte in marks]
    if len(edges) < 2:
        return _filled(content, rng)
    first = rng.randrange(len(edges) - 1)
    return content[: edges[first] + 1] + rng.choice(BRICKS) + content[edges[first + 1] :]


def _flipped(content: bytes, rng: Random) -> bytes:
    if not content:
        return content
    place = rng.randrange(len(content))
    return content[:place] + bytes((rng.randrange(256),)) + content[place + 1 :]


_CHANGES = (_cut, _doubled, _filled, _replaced, _replaced, _flipped)
