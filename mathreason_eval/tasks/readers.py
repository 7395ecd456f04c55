"""Rows of data: files of JSON lines, CSV and Parquet, and data sets on a hub."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError, MissingExtraError
from mathreason_eval.tasks import HubData
from mathreason_eval.text.jsonl import read_objects

Row = Mapping[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSONL, JSONL.gz, CSV or Parquet file as mappings.

    Raises:
        DataError: if the file is missing, of another kind, or a row of it is malformed.
        MissingExtraError: for Parquet without pyarrow.
    """
    reader = _READERS.get("".join(path.suffixes[-2:])) or _READERS.get(path.suffix)
    if reader is None:
        raise DataError(
            f"{path} has an ending that is not of a known format.",
            f"Known are {', '.join(sorted(_READERS))}.",
        )
    if not path.is_file():
        raise DataError(f"There is no file {path}.", "Check the path after --data or import.")
    try:
        yield from reader(path)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}", "Is it complete?") from None


def _jsonl(path: Path) -> Iterator[Row]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        for _, row in read_objects(lines, path):
            yield row


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def _parquet(path: Path) -> Iterator[Row]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("pyarrow", "hub", "Reading Parquet") from None
    try:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches():
                yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is not Parquet: {error}", "Is it complete?") from None


_READERS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl,
    ".json.gz": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
}


def hub_rows(data: HubData) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a hub's data set, each with where it is from."""
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("datasets", "hub", f"Loading {data.hub} from its hub") from None
    for config, split in itertools.product(data.configs or (None,), data.splits):
        try:
            rows = datasets.load_dataset(data.hub, config, split=split, revision=data.revision)
        # The library passes on whatever its transport raised; all of it means the same to a user.
        except (OSError, ValueError, ConnectionError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise DataError(
                f"The data set {data.hub} could not be loaded: {reason}",
                "Without a network, name a local copy with --data TASK=PATH.",
            ) from None
        source = " ".join(filter(None, (data.hub, config, split)))
        yield from ((source, row) for row in rows)
