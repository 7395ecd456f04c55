"""What somebody else may have written: any bytes in, a user error or a result out; and bombs."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from forked import Forked, forking
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project import ROOT, often
from readers import READERS, changed, outcome

from mathreason_eval.errors import DataError, UserError
from mathreason_eval.gate.config import MAX_LOOKS, config_of, read_config
from mathreason_eval.tasks.readers import numbered_rows
from mathreason_eval.text.documents import DocumentError, is_too_deep, parse_json, parse_yaml
from mathreason_eval.text.limits import MAX_DECODED_BYTES

# --- any bytes -----------------------------------------------------------------------------------

by_name = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)


@by_name
def test_every_file_of_the_corpus_is_read(reader, tmp_path):
    assert outcome(reader, tmp_path, reader.files[reader.file]) is None


# Of some files a process looks at each change; `make fuzz` tries a million.
drawn = settings(
    max_examples=often(5, 25), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@by_name
@drawn
@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_user_error_or_a_result(reader, tmp_path, content):
    outcome(reader, tmp_path, content)


@pytest.mark.slow
@by_name
@drawn
@given(seed=st.integers(0, 2**32))
def test_any_change_of_a_file_is_a_user_error_or_a_result(reader, tmp_path, seed):
    outcome(reader, tmp_path, changed(reader.files[reader.file], Random(seed)))


# --- YAML and JSON -------------------------------------------------------------------------------

LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
)
# fmt: off
REFUSED_YAML = [
    # content,                              what is said, line
    (LAUGHS,                                "anchor &a0",           1),
    ("a: 1\nb: *a",                         "undefined alias|alias", 2),
    ("a: !!python/object/apply:os.system x", "tag",                 1),
    ("a: !mine x",                          "tag",                  1),
    ("a: !!str x",                          "tag",                  1),
    ("a: 1\nb: 2\na: 3",                    "key 'a' twice",        3),
    ("a:\n  b: {c: 1, c: 2}",               "key 'c' twice",        2),
    ("[a]: 1",                              "key that is not a text", 1),
    ("[" * 100_000,                         "nest",  1),
    ("{a: " * 70,                           "nested more than 64",  1),
    ("a: " + "9" * 5000,                    "more than 100 characters", 1),
    ("a: " + "1:" * 100 + "1",              "more than 100 characters", 1),
    ("a: 2001-99-99",                       "month",                None),
    ("a: [",                                "is not YAML",          None),
    ("a: " + "x" * (2 << 20),               "more than 256 KiB",      None),
    ("a: \udcff",                           "is not UTF-8",         None),
]
# fmt: on


@pytest.mark.parametrize(("content", "says", "line"), REFUSED_YAML)
def test_yaml_is_strict(content, says, line):
    with pytest.raises(DocumentError, match=says) as caught:
        parse_yaml(content.encode(errors="surrogateescape"))
    if line is not None:
        assert caught.value.line == line


def test_yaml_that_is_read():
    content = b"\xef\xbb\xbfa: [1, 0.5, true, null, 'x']\nb: {c: 2001-01-01x}\n"
    assert parse_yaml(content) == {"a": [1, 0.5, True, None, "x"], "b": {"c": "2001-01-01x"}}
    assert parse_yaml(b"") is None
    # A long text is no number.
    assert parse_yaml(b"a: deadbeef " + b"a" * 500)["a"].startswith("deadbeef")


# fmt: off
REFUSED_JSON = [
    (b'{"a": 1, "a": 2}',                   "key 'a' twice"),
    (b'{"b": {"a": 1, "a": 1}}',            "key 'a' twice"),
    (b"[" * 65 + b"]" * 65,                 "nested more than 64"),
    (b"[" * 200_000,                        "nested more than 64|is not JSON"),
    (b"NaN",                                "not a finite number"),
    (b"[1e999]",                            "not a finite number"),
    (b"[" + b"0," * 3_000_000 + b"0]",      "more than 200 MiB of memory"),
    (b'["' + b'\\",' * 3_000_000,            "is not JSON"),
    (b"\xff",                               "is not UTF-8"),
    ('{"a": 1}'.encode("utf-16"),           "is not UTF-8"),
    ('{"a": 1}'.encode("utf-16-le"),        "is not JSON"),
    (b"9" * 5000,                           "is not JSON|digits"),
]
# fmt: on


@pytest.mark.parametrize(("content", "says"), REFUSED_JSON)
def test_json_is_strict(content, says):
    with pytest.raises(ValueError, match=says):
        parse_json(content)


def test_nesting_up_to_the_limit_is_read():
    assert parse_json(b"[" * 64 + b"]" * 64)
    assert not is_too_deep([[1]])


def test_a_row_with_a_key_twice_is_an_error_of_that_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1}\n{"id": 2, "id": 3}\n{"id": ' + "[" * 70 + "]" * 70 + "}\n")
    errors = [row.error for row in numbered_rows(path)]
    assert errors[0] is None
    assert "twice" in errors[1]
    assert "nested too deeply" in errors[2]


def test_an_error_is_short_whatever_it_quotes():
    with pytest.raises(UserError) as caught:
        config_of({"margin": ["a"] * 100_000})
    assert len(str(caught.value)) < 5_000
    with pytest.raises(UserError) as caught:
        config_of({"x" * 1_000_000: 1})
    assert len(str(caught.value)) < 5_000


# --- configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "samples", [list(range(1, MAX_LOOKS + 2)), [10**7], 10**30], ids=["looks", "last", "huge"]
)
def test_looks_are_bounded(samples):
    with pytest.raises(UserError, match="looks"):
        config_of({"samples": samples})


@pytest.mark.parametrize("key", ["margin", "alpha"])
def test_a_value_of_many_digits_is_an_error_in_no_time(key):
    with pytest.raises(UserError, match=f"{key}:"):
        config_of({key: "1" * 100_000 + "x"})


@pytest.mark.parametrize("name", ["gate.yaml", "/dev/null"])
def test_a_pipe_that_nobody_writes_to_is_empty(tmp_path, name):
    if not name.startswith("/"):
        os.mkfifo(tmp_path / name)
    assert read_config(tmp_path / name) == config_of({})


# --- run folders ---------------------------------------------------------------------------------

RUN = next(one for one in READERS if one.name == "run manifest.json")
MANIFEST = json.loads(RUN.files["manifest.json"])
TASK = next(iter(MANIFEST["tasks"]))


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "../x", "/etc", "a/b", "a\n", "\x1b[2J", ".lock", "x" * 300, "manifest.json"],
)
def test_the_name_of_a_task_is_never_a_path(name, tmp_path):
    manifest = {**MANIFEST, "tasks": {name: MANIFEST["tasks"][TASK]}}
    error = outcome(RUN, tmp_path, json.dumps(manifest).encode())
    assert "cannot be the name of a folder" in str(error)


def test_samples_that_nobody_can_count_are_refused(tmp_path):
    entry = {**MANIFEST["tasks"][TASK], "samples": 10**15}
    manifest = {**MANIFEST, "tasks": {TASK: entry}}
    assert "10,000 a problem" in str(outcome(RUN, tmp_path, json.dumps(manifest).encode()))


def test_what_a_problem_says_may_not_be_deep(tmp_path):
    reader = next(one for one in READERS if one.file.endswith("problems.jsonl"))
    row = json.loads(reader.files[reader.file])
    for depth, error in ((30, None), (90, "nested too deeply")):
        deep: object = 1
        for _ in range(depth):
            deep = [deep]
        said = outcome(
            reader, tmp_path, json.dumps({**row, "given": {"steps": deep}}).encode() + b"\n"
        )
        assert (said is None) if error is None else error in str(said)


# --- data ----------------------------------------------------------------------------------------


def test_a_field_of_a_megabyte_is_read(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f'id,output\np,"{"x" * 1_000_000}"\n')
    assert len(next(iter(numbered_rows(path))).row["output"]) == 1_000_000


def test_rows_and_columns_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    path.write_text("a" + "".join(f",b{n}" for n in range(1000)) + "\n")
    with pytest.raises(DataError, match="1,001 columns"):
        list(numbered_rows(path))
    path.write_text("a\n1\n2\n3\n")
    monkeypatch.setattr("mathreason_eval.tasks.readers.MAX_ROWS", 2)
    with pytest.raises(DataError, match="more than 2 rows"):
        list(numbered_rows(path))


# --- bombs ---------------------------------------------------------------------------------------


def _gzipped(path: Path, block: bytes, times: int) -> None:
    """Write a block so many times, compressed once."""
    path.write_bytes(gzip.compress(block) * times)


def _tar_of(path: Path, *members: tuple[str, int, bytes]) -> None:
    """Write a tar of members of zeros, each with its size and type."""
    mebibyte = gzip.compress(bytes(1 << 20))
    with path.open("wb") as file:
        for name, size, kind in members:
            member = tarfile.TarInfo(name)
            member.size, member.type = size, kind
            file.write(gzip.compress(member.tobuf(tarfile.GNU_FORMAT)))
            file.write(mebibyte * (size >> 20))


def _zip_of_zeros(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("run/manifest.json", "w") as file,
    ):
        for _ in range(200):
            file.write(bytes(1 << 20))


def _overlapping_zip(path: Path) -> None:
    """Write a zip in which a thousand members are the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(1 << 20))
        for number in range(1, 1000):
            one = zipfile.ZipInfo(f"a{number}")
            first = archive.infolist()[0]
            for name in ("compress_size", "file_size", "CRC", "header_offset", "compress_type"):
                setattr(one, name, getattr(first, name))
            archive.filelist.append(one)
    path.write_bytes(packed.getvalue())


def _zip_of_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40_000):
            archive.writestr(f"{number}{'x' * 50}", b"")


def _parquet_of(path: Path, column, **options) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"id": column(pa)})
    parquet.write_table(table, path, compression="zstd", **options)


def _dictionary(size: int, rows: int):
    """Return a column that has one text in all of its rows, and in the file once."""
    return lambda pa: pa.DictionaryArray.from_arrays(
        pa.array([0] * rows, pa.int32()), pa.array(["x" * size])
    )


def _zstandard_zip(path: Path) -> None:
    zipped = pytest.importorskip("zipfile_zstd")
    with zipped.ZipFile(path, "w", zipped.ZIP_ZSTANDARD) as archive:
        archive.writestr("header.json", "{}")
        with archive.open("samples/1_epoch_1.json", "w") as file:
            for _ in range(1000):
                file.write(b" " * (1 << 20))


BASELINE = "gate.baseline", "open_baseline(str(PATH)).__enter__()"
ROWS = (
    "tasks.readers",
    """
    for one in numbered_rows(PATH):
        if one.error:
            raise DataError(one.error, "")""",
)
ZIP = "runs.zips", "one = OpenedZip(PATH); [one.document(name) for name in one.names]"
CONFIG = "gate.config", "read_config(PATH)"
# fmt: off
BOMBS = {
    # name of a file: how it is made, what reads it
    "zeros.tar.gz":    (lambda path: _tar_of(path, ("manifest.json", 200 << 20, b"0")), BASELINE),
    "header.tar.gz":   (lambda path: _tar_of(path, ("x", 200 << 20, b"L")),             BASELINE),
    "pax.tar.gz":      (lambda path: _tar_of(path, ("x", 200 << 20, b"x")),             BASELINE),
    "sparse.tar.gz":   (lambda path: _tar_of(path, ("x", 0, b"S")),                     BASELINE),
    "longnames.tar.gz": (lambda path: _tar_of(path, *[("x", 0, b"L")] * 5000),          BASELINE),
    "zeros.zip":       (_zip_of_zeros,                                                  BASELINE),
    "overlap.zip":     (_overlapping_zip,                                               BASELINE),
    "many.zip":        (_zip_of_many,                                                   BASELINE),
    "zeros.jsonl.gz":  (lambda path: _gzipped(path, bytes(1 << 20), 200),               ROWS),
    "blank.jsonl.gz":  (lambda path: _gzipped(path, b"\n" * (1 << 20), 200),            ROWS),
    "rows.jsonl.gz":   (lambda path: _gzipped(path, b"{}\n" * (1 << 18), 300),          ROWS),
    "deep.jsonl":      (lambda path: path.write_bytes(b"[" * 5_000_000),                ROWS),
    "values.jsonl":    (lambda path: path.write_bytes(b'{"a":[' + b"[]," * 12_000_000), ROWS),
    "text.parquet":    (lambda path: _parquet_of(path, _dictionary(30 << 20, 60)),      ROWS),
    "texts.parquet":   (lambda path: _parquet_of(path, _dictionary(1_000_000, 100_000)), ROWS),
    "zeros.parquet":   (lambda path: _parquet_of(path, lambda pa: [" " * (1 << 20)] * 300,
                                                 use_dictionary=False), ROWS),
    "nulls.parquet":   (lambda path: _parquet_of(path, lambda pa: pa.nulls(10_000_000)), ROWS),
    "list.parquet":    (lambda path: _parquet_of(path, lambda pa: pa.array([[None] * 9_000_000],
                                                 pa.list_(pa.int8()))), ROWS),
    "zeros.eval":      (_zstandard_zip,                                                 ZIP),
    "wide.csv":        (lambda path: path.write_text("id\n😀" + "a" * (60 << 20)),       ROWS),
    "quoted.csv":      (lambda path: path.write_text('id\n"' + "a\n" * (30 << 20)),       ROWS),
    "cells.csv":       (lambda path: path.write_text("id\n" + "," * (30 << 20)),         ROWS),
    "items.yaml":      (lambda path: path.write_text(f"margin: [{'a,' * 520_000}a]"),   CONFIG),
    "columns.csv":     (lambda path: path.write_bytes(b"a," * 500_000 + b"\n1"), ROWS),
    "laughs.yaml":     (lambda path: path.write_text(LAUGHS),                           CONFIG),
    "deep.yaml":       (lambda path: path.write_text("[" * 1_000_000),                  CONFIG),
    "digits.yaml":     (lambda path: path.write_text(f"margin: '{'1' * 900_000}x'"),    CONFIG),
    "sixty.yaml":      (lambda path: path.write_text(f"margin: {'1:' * 400_000}1"),     CONFIG),
}
# fmt: on
LIMIT = MAX_DECODED_BYTES >> 22
"""MiB that JSON may take in these processes, a quarter of what it may: memory and time grow with
the size, so that a quarter of the values decides the same."""
# fmt: off
HEAVY = {
    # name: what it begins with, what is repeated by number, how often, what it ends with
    # as much as takes a third more than the limit, if it is read
    "nested objects": (b"[", lambda _: b'{"a":' * 50 + b"1" + b"}" * 50 + b",", 7_500, b"0]"),
    "keys":         (b"{", lambda n: b'"%x":1,' % n, 500_000, b'"":0}'),
    "long keys":    (b"{", lambda n: b'"%060x":1,' % n, 160_000, b'"":0}'),
    "new keys":     (b"[", lambda n: b'{"%x":"%x"},' % (n, n), 190_000, b"0]"),
    "same keys":    (b"[", lambda n: b'{"a":%d},' % n, 250_000, b"0]"),
    "one wide":     ('["\U0001f600'.encode(), lambda _: b"a" * 1000, 8_000, b'"]'),
    "one escaped":  (b'["\\ud83d\\ude00', lambda _: b"a" * 1000, 12_000, b'"]'),
    # as much as is estimated to take as much
    "objects":      (b"[", lambda _: b"{},", 250_000, b"{}]"),
    "lists":        (b"[", lambda _: b"[],", 250_000, b"[]]"),
    "nested lists": (b"[", lambda _: b"[" * 50 + b"]" * 50 + b",", 9_750, b"0]"),
    "floats":       (b"[", lambda n: b"1.5,", 500_000, b"0]"),
    "texts":        (b"[", lambda n: b'"%x",' % n, 500_000, b"0]"),
    "quotes":       (b'["', lambda n: b'\\",', 750_000, b'"]'),
    "open quotes":  (b'["', lambda n: b'\\",', 750_000, b""),
    # as much as is read
    "most objects": (b"[", lambda _: b"{},", 175_000, b"{}]"),
    "most keys":    (b"{", lambda n: b'"%x":1.5,' % n, 160_000, b'"":0}'),
    "most ascii":   (b'["', lambda _: b"a" * 1000, 16_250, b'"]'),
    "most wide":    ('["\U0001f600'.encode(), lambda _: b"a" * 1000, 5_500, b'"]'),
    "most escapes": (b'["', lambda _: b"\\u4e00" * 1000, 2_500, b'"]'),
}
PARSERS = {
    "document": ("pipeline.importers.files", "LogFiles([PATH]).document(PATH)"),
    "line":     ("tasks.readers", "collections.deque(numbered_rows(PATH), 0)"),
    "reply":    ("models.replies", "parse_body(PATH.read_bytes())"),
}
# fmt: on
MEASURED = r"""
import collections, pathlib, re, sys, time
from mathreason_eval.errors import UserError
from mathreason_eval.text import documents
from mathreason_eval.{module} import *
def kibibytes(name):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(name + r":\s+(\d+) kB", status)[1])
documents.MAX_DECODED_BYTES = {limit} << 20
PATH = pathlib.Path(sys.argv[1])
before = kibibytes("VmRSS")
start = time.process_time()
error = "read"
try:
    {work}
except Exception as raised:
    error = raised if isinstance(raised, UserError) or {any_error} else sys.exit(repr(raised))
if error != "read" or {any_error}:
    # Not ru_maxrss: that of a child begins with its parent's, the tests' own.
    grown = kibibytes("VmHWM") - before
    print(time.process_time() - start, grown // 1024, str(error)[:300])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/status is Linux's")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_an_error_in_little_time_and_memory(tmp_path, importing, name):
    make, work = BOMBS[name]
    make(tmp_path / name)
    check_cost(importing, tmp_path / name, *work, any_error=work == ZIP)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/status is Linux's")
@pytest.mark.parametrize(
    ("name", "parser"),
    [(name, "document") for name in HEAVY]
    + [(name, parser) for name in ("objects", "keys", "most wide") for parser in ("line", "reply")],
)
def test_no_json_takes_much_more_memory_than_is_stated(tmp_path, importing, name, parser):
    begin, repeated, times, end = HEAVY[name]
    path = tmp_path / "heavy.jsonl"
    with path.open("wb") as file:
        file.write(begin)
        file.writelines(map(repeated, range(times)))
        file.write(end)
    seconds = check_cost(
        importing, path, *PARSERS[parser], any_error=True, limit=LIMIT, most=1.1 * LIMIT
    )
    # A time that grows with the square would be 5 s.
    assert seconds < 2.5


# fmt: off
LARGE = {
    # what grew with the square, or more, of the samples of a problem
    "curves": ("stats.estimators.passk", "by_counts(lambda one: one.pass_any)([ITEM])"),
    "best":   ("stats.estimators.votes", "best_curve(range(N), [n < 9 for n in range(N)])"),
    "vote":   ("stats.estimators.votes", "vote_curve(range(N), range(N), draws=20, seed='p')"),
}
# fmt: on


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/status is Linux's")
@pytest.mark.parametrize("name", LARGE)
def test_many_samples_of_a_problem_take_little_memory(tmp_path, importing, name):
    module, work = LARGE[name]
    item = "types.SimpleNamespace(n=6000, correct=9)"
    # A square of them would be half a GiB.
    number = 1500 if name == "vote" else 3000
    work = f"import types; N, ITEM = {number}, {item}; {work}"
    check_cost(importing, tmp_path / "none", module, work, any_error=True)


@pytest.fixture(scope="module")
def importing(tmp_path_factory) -> Iterator[Forked]:
    """What starts processes that have imported the readers, and nothing else that is large."""
    modules = {module for _, (module, _) in BOMBS.values()} | {one for one, _ in PARSERS.values()}
    with forking(
        tmp_path_factory.mktemp("forked"), *(f"mathreason_eval.{one}" for one in sorted(modules))
    ) as made:
        yield made


def check_cost(
    start: Forked, path: Path, module: str, work: str, *,
    any_error: bool = False, limit: int = MAX_DECODED_BYTES >> 20, most: float = 270.0,
) -> float:  # fmt: skip
    """Check the memory of a process that reads a file, in MiB; return its seconds."""
    program = MEASURED.format(module=module, work=work, any_error=any_error, limit=limit)
    done = subprocess.run(
        [*start.command, "-c", program, str(path)],
        capture_output=True, text=True, check=False, timeout=100,
        env={**os.environ, "TMPDIR": str(path.parent)},
    )  # fmt: skip
    assert done.stdout, done.stderr
    seconds, mebibytes, _ = done.stdout.split(" ", 2)
    assert int(mebibytes) < most
    # Of the processor: other processes take the clock's. Without a limit it would be a minute.
    assert float(seconds) < 10
    return float(seconds)


# --- temporary folders ---------------------------------------------------------------------------

UNPACKS = """
import sys, time
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.gate.baseline import open_baseline
with SIGNALS.handled(), open_baseline(sys.argv[1]):
    print("open", flush=True)
    time.sleep(100)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_baseline_leaves_nothing_when_a_signal_ends_it(tmp_path, number):
    archive = next(one for one in READERS if one.name == "base.tar.gz")
    (tmp_path / "base.tar.gz").write_bytes(archive.files["base.tar.gz"])
    (tmp_path / "tmp").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", UNPACKS, str(tmp_path / "base.tar.gz")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        assert list((tmp_path / "tmp").iterdir())
        process.send_signal(number)
    assert not list((tmp_path / "tmp").iterdir())
