"""Rows of data: files of JSON, JSON lines, CSV and Parquet, and data sets on a hub."""

from __future__ import annotations

import codecs
import csv
import gzip
import itertools
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from mathreason_eval.environment import child_environment
from mathreason_eval.errors import DataError, MissingExtraError
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.jsonl import bounded_lines, read_lines
from mathreason_eval.text.limits import (
    MAX_COLUMNS,
    MAX_DOCUMENT_BYTES,
    MAX_ROW_CHARACTERS,
    MAX_ROWS,
    Expansion,
)

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberedRow:
    """One row of a file, and where it is."""

    number: int
    """The line on which it begins, from 1; in Parquet and JSON the row number."""
    row: Row
    """The cells by column; empty if there is an error."""
    error: str | None = None
    """Why the line is not a row: `is not a JSON object`; None if it is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedRow:
    """One row of a task's data, and where it is."""

    source: str
    """The name of its file, or of its data set, as the task's own reader is told it."""
    place: str
    """For errors: `data/rows.jsonl, line 3`."""
    row: Row
    """The cells by column; empty if there is an error."""
    error: str | None = None
    """Why there is no row: `is not a JSON object`; None if there is one."""


def read_file(path: Path) -> Iterator[Row]:
    """Yield the rows of a file.

    Raises:
        ValueError: one is malformed.
        DataError: as `numbered_rows`.
    """
    for one in numbered_rows(path):
        if one.error is not None:
            raise ValueError(f"{path.name}, row {one.number} {one.error}")
        yield one.row


def placed_rows(path: Path, source: str) -> Iterator[PlacedRow]:
    """Yield the rows of a file, each with its place; raises as `numbered_rows`.

    Args:
        path: JSONL, JSONL.gz, JSON, CSV, TSV or Parquet.
        source: what the rows' source is called.
    """
    unit = "row" if path.suffix in _WITHOUT_LINES else "line"
    for one in numbered_rows(path):
        place = f"{path}, {unit} {one.number}"
        yield PlacedRow(source=source, place=place, row=one.row, error=one.error)


def numbered_rows(path: Path, expansion: Expansion | None = None) -> Iterator[NumberedRow]:
    """Yield the rows of a file with their line numbers; a malformed row does not affect others.

    Args:
        path: the file.
        expansion: what all files that are read with it expand to; None: it alone counts.

    Raises:
        DataError: if the file is missing, of another kind or incomplete.
        MissingExtraError: for Parquet without pyarrow.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder, and not a file of rows.", "Name the file in it.")
    reader = _READERS.get("".join(path.suffixes[-2:])) or _READERS.get(path.suffix)
    if reader is None:
        raise DataError(
            f"{path} has an extension that is not of a known format.",
            f"Known extensions: {', '.join(sorted(_READERS))}.",
        )
    if not path.is_file():
        what = f"{path} is no regular file" if path.exists() else f"There is no file {path}"
        raise DataError(f"{what}.", "Check the path after --data or import.")
    try:
        for count, row in enumerate(reader(path, expansion or Expansion())):
            if count == MAX_ROWS:
                raise DataError(f"{path} has more than {MAX_ROWS:,} rows.", "Split it.")
            yield row
    except (OSError, EOFError, ValueError, zlib.error, csv.Error) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise DataError(f"{path} cannot be read: {reason}.", "Check that it is complete.") from None


def _jsonl(path: Path, expansion: Expansion) -> Iterator[NumberedRow]:
    with path.open("rb") as file:
        packed = path.suffix == ".gz"
        lines = (
            bounded_lines(gzip.GzipFile(fileobj=file), file, expansion)
            if packed
            else bounded_lines(file)
        )
        for line in read_lines(lines):
            if isinstance(line.value, dict):
                yield NumberedRow(number=line.number, row=line.value)
            else:
                reason = f": {line.error}" if line.error else ""
                error = f"is not a JSON object{reason}"
                yield NumberedRow(number=line.number, row={}, error=error)


_NOT_UTF8 = re.compile("[\udc80-\udcff]")
"""What `surrogateescape` makes of bytes that are not UTF-8; valid UTF-8 never has these."""


def _csv(path: Path, _: Expansion, delimiter: str = ",") -> Iterator[NumberedRow]:
    # The default limit would refuse an output of more than 128 KB.
    csv.field_size_limit(MAX_ROW_CHARACTERS)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _RowLines(file)
        rows = csv.DictReader(lines, delimiter=delimiter)
        columns = rows.fieldnames or ()
        _check_columns(path, columns)
        number = rows.line_num + 1
        lines.characters = 0
        for row in rows:
            yield NumberedRow(number=number, row=row, error=_csv_error(row))
            number = rows.line_num + 1
            lines.characters = 0


class _RowLines:
    """The lines of a file of CSV, as many as a row may have."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.characters = 0
        """Of the row that is read."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_ROW_CHARACTERS + 1)
        self.characters += len(line)
        if self.characters > MAX_ROW_CHARACTERS:
            raise ValueError(f"a row has more than {MAX_ROW_CHARACTERS:,} characters")
        if not line:
            raise StopIteration
        return line


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{path} has {len(columns):,} columns.", f"{MAX_COLUMNS:,} are read.")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"{path} has two columns {twice!r}.", "Rename one of them.")


def _csv_error(row: Mapping[str | None, Any]) -> str | None:
    """Return what is wrong with the cells of a row, or None; missing cells are allowed."""
    if None in row:
        return "has more cells than there are columns"
    if any(isinstance(cell, str) and _NOT_UTF8.search(cell) for cell in row.values()):
        return "is not UTF-8"
    return None


_BATCH_ROWS = 256
_BATCH_BYTES = 64 << 20
"""Bytes that a batch may take where a text that is in the file once is in each of its rows."""
_VALUE_BYTES = 8
"""Bytes that a value counts at least: of many equal ones the file has one, and a number."""


def _parquet(path: Path, expansion: Expansion) -> Iterator[NumberedRow]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("pyarrow", "hub", "Reading Parquet") from None
    _check_description(path)
    number = itertools.count(1)
    try:
        with pq.ParquetFile(path) as table, path.open("rb") as file:
            _check_columns(path, table.schema_arrow.names)
            told = table.metadata
            groups = [_chunks(told.row_group(place)) for place in range(told.num_row_groups)]
            stated = sum(
                one.total_uncompressed_size + _VALUE_BYTES * one.num_values
                for chunks in groups
                for one in chunks
            )
            size = path.stat().st_size
            expansion.check(str(path), stated, size)
            longest = max(
                (sum(_dictionary_bytes(file, one) for one in c) for c in groups), default=0
            )
            rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(longest, 1)))
            for batch in table.iter_batches(batch_size=rows):
                stated += batch.nbytes
                expansion.check(str(path), stated, size)
                for row in batch.to_pylist():
                    yield NumberedRow(number=next(number), row=row)
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(f"{path} is not Parquet: {error}", "Check that it is complete.") from None


_DESCRIBE = (sys.executable, "-P", str(Path(__file__).with_name("parquet_child.py")))
_DESCRIBED_SECONDS = 20.0


_ENDINGS = (b"PAR1", b"PARE")
"""The last bytes of a file of Parquet."""


def _check_description(path: Path) -> None:
    """Check that what a file says of its columns can be read, by a process of its own.

    Where it contradicts itself pyarrow ends the process that reads it, without an exception.

    Raises:
        DataError: if that process was ended, or took too long.
    """
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(_ENDINGS[0])))
        if file.read() not in _ENDINGS:
            return  # pyarrow looks at the end first, and then at nothing.
    held = path.stat()
    version = (held.st_dev, held.st_ino, held.st_size, held.st_mtime_ns)
    try:
        ended = _description_ends(_DESCRIBE, os.fspath(path.resolve()), version)
    except subprocess.TimeoutExpired:
        ended = -1
    # What raises an exception there raises it here too.
    if ended < 0:
        raise DataError(
            f"{path} is not Parquet: what it says of its columns contradicts itself.",
            "Check that it is complete.",
        )


@lru_cache(maxsize=64)
def _description_ends(command: tuple[str, ...], path: str, version: tuple[int, ...]) -> int:  # noqa: ARG001
    """Return the exit code of the process that looks at a version of a file, negative if killed.

    Each version is looked at once: a file is read to see what it is, and again for its rows.
    """
    return subprocess.run(  # noqa: S603  our own program and a path
        [*command, path],
        check=False,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_DESCRIBED_SECONDS,
    ).returncode


def _chunks(group: Any) -> list[Any]:  # noqa: ANN401  pyarrow's, which has no types
    return [group.column(place) for place in range(group.num_columns)]


_PAGE_HEADER = re.compile(
    rb"\x15[\x80-\xff]*[\x00-\x7f]\x15([\x80-\xff]{0,4}[\x00-\x7f])", re.DOTALL
)
"""The type of a page and its size when it is expanded, as Thrift writes them."""
_HEADER_BYTES = 32


def _dictionary_bytes(file: BinaryIO, chunk: Any) -> int:  # noqa: ANN401  pyarrow's
    """Return the bytes of the texts of a column that each of its rows may have."""
    if not chunk.has_dictionary_page or chunk.physical_type != "BYTE_ARRAY":
        return 0
    file.seek(chunk.dictionary_page_offset)
    found = _PAGE_HEADER.match(file.read(_HEADER_BYTES))
    if found is None:
        return int(chunk.total_uncompressed_size)
    # Seven bits a byte, the lowest first, and the sign at the end.
    size: int = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(found[1])) >> 1
    return size


def _tsv(path: Path, expansion: Expansion) -> Iterator[NumberedRow]:
    yield from _csv(path, expansion, delimiter="\t")


def _json(path: Path, _: Expansion) -> Iterator[NumberedRow]:
    """Yield the rows of a list of objects, or of the only list in an object."""
    with path.open("rb") as file:
        found = parse_json(file.read(MAX_DOCUMENT_BYTES + 1).removeprefix(codecs.BOM_UTF8))
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else None
    if not isinstance(found, list):
        raise ValueError("it is no list of rows")  # noqa: TRY004  as of other contents
    for number, row in enumerate(found, 1):
        is_row = isinstance(row, dict)
        error = None if is_row else "is not a JSON object"
        yield NumberedRow(number=number, row=row if is_row else {}, error=error)


_READERS: Mapping[str, Callable[[Path, Expansion], Iterator[NumberedRow]]] = {
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl,
    ".json.gz": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
}
FORMATS = tuple(_READERS)
"""How the names of files end that are read."""
_WITHOUT_LINES = frozenset({".json", ".parquet"})
"""Formats in which the number of a row is not that of a line."""
