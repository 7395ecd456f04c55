"""The files of an import: which may be read, and what of them is held, with one error a fault."""

from __future__ import annotations

import os
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mathreason_eval.errors import DataError
from mathreason_eval.runs.descriptors import open_regular
from mathreason_eval.runs.zips import NOT_READ, OpenedZip
from mathreason_eval.tasks.readers import Row, numbered_rows
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES, Expansion
from mathreason_eval.text.streamed import Part, parts

ROWS = (".jsonl", ".jsonl.gz", ".json.gz", ".csv", ".parquet")
DOCUMENT = ".json"
ZIP = ".eval"
SUFFIXES = (*ROWS, DOCUMENT, ZIP)
_COMPRESSED = (".gz", ".parquet", ZIP)


class LogFiles:
    """The files that an import may read: listed once, and read within one budget.

    They are the files that the user named and those below the folders that he named. Of a file that
    he named, those beside it as well, and the whole of an evaluation that keeps what belongs
    together in several folders. What is a link, a device or a pipe there is none of them.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        """List the files.

        Raises:
            DataError: if a path is none of a file or a folder, or there are too many files.
        """
        self._below: dict[Path, tuple[Path, ...]] = {}
        self._names: dict[Path, list[str]] = defaultdict(list)
        self._found: dict[tuple[Path, str, str], Path | None] = {}
        self._expansion = Expansion()
        self._budget = Budget()
        self._credited: set[Path] = set()
        every: set[Path] = set()
        for path in paths:
            self._below[path] = _files_below(path)
            every |= {*self._below[path]}
            if path.is_file():
                every |= {*_around(path)}
        self.all = tuple(sorted(every))
        """All of them, sorted."""
        for path in self.all:
            self._names[path.parent].append(path.name)

    def below(self, path: Path) -> tuple[Path, ...]:
        """Return a file that the user named, or the files below a folder that he named."""
        return self._below[path]

    def first(self, *paths: Path) -> Path | None:
        """Return the first of some paths that is one of the files; None if none is."""
        return next((path for path in paths if self._has(path)), None)

    def _has(self, path: Path) -> bool:
        names = self._names.get(path.parent, [])
        place = bisect_left(names, path.name)
        return place < len(names) and names[place] == path.name

    def beside(self, path: Path, start: str, end: str) -> Path | None:
        """Return the last file beside a file whose name starts and ends so; None if none does."""
        key = path.parent, start, end
        if key not in self._found:
            names = self._names.get(path.parent, [])
            place = bisect_left(names, start)
            found = None
            while place < len(names) and names[place].startswith(start):
                if names[place].endswith(end):
                    found = path.parent / names[place]
                place += 1
            self._found[key] = found
        return self._found[key]

    def below_folder(self, folder: Path, name: str) -> Path | None:
        """Return the first file of a name in a folder or below it; None if there is none."""
        for inner in sorted(self._names):
            if inner.is_relative_to(folder) and (found := self.first(inner / name)) is not None:
                return found
        return None

    # --- reading -----------------------------------------------------------------------------

    def rows(self, path: Path) -> Iterator[tuple[int, Row]]:
        """Yield (line, row) of a file of rows.

        Raises:
            DataError: if a line is not a JSON object, or the file is cut off: a log is all there or
                not used.
        """
        self._credit(path)
        for one in numbered_rows(path, self._expansion):
            if one.error is not None:
                raise DataError(
                    f"{path}, line {one.number} {one.error}.",
                    "Check that it is the whole log, and not still being written.",
                )
            yield one.number, one.row

    def held_rows(self, path: Path) -> list[tuple[int, Row]]:
        """Return all rows of a file: for readers that need them together.

        Raises:
            DataError: as `rows`, or if they take more memory than an import may.
        """
        return [(number, self.held(row, path)) for number, row in self.rows(path)]

    def document(self, path: Path) -> Any:  # noqa: ANN401  parsed JSON
        """Return the content of a JSON file; NaN, which Python writes, is a float in it.

        Raises:
            DataError: if it cannot be read, is too large, nested too deeply or no JSON.
        """
        self._credit(path)
        with _reading(path), os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            return parse_json(file.read(MAX_DOCUMENT_BYTES + 1), finite=False)

    def parts(self, path: Path, within: Collection[str] = ()) -> Iterator[Part]:
        """Yield the members of a JSON object one by one: of a document of any size.

        Args:
            path: the file.
            within: keys whose lists and objects are taken apart; see `streamed.parts`.

        Raises:
            DataError: as `document`.
        """
        self._credit(path)
        with _reading(path), path.open("rb") as file:
            yield from parts(file, within)

    @contextmanager
    def zip(self, path: Path) -> Iterator[OpenedZip]:
        """Open a zip, for the documents in it.

        Raises:
            DataError: if it is damaged, hostile or larger than any log.
        """
        self._credit(path)
        try:
            with OpenedZip(path, self._expansion) as opened:
                yield opened
        except NOT_READ as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise DataError(
                f"{path} cannot be read: {reason}.",
                "Check that it is complete and of your making.",
            ) from None

    # --- memory ------------------------------------------------------------------------------

    def _credit(self, path: Path) -> None:
        if path not in self._credited:
            self._credited.add(path)
            self._budget.credit(path)

    def held(self, value: _HeldT, path: Path) -> _HeldT:
        """Return a value that is held until the import ends.

        Raises:
            DataError: if all that is held takes more memory than an import may.
        """
        self._budget.hold(value, path)
        return value


_HeldT = TypeVar("_HeldT")


class Budget:
    """What an import may hold: as much as files of their size hold of any real log."""

    _FREE = 64 << 20
    """Bytes of memory, whatever the size of the files."""
    _PER_BYTE = 24
    """Bytes of memory for one of a file, beyond: a row of three numbers takes thirty."""
    _PER_COMPRESSED_BYTE = 200
    _TEXT_PER_BYTE = 4
    """Bytes of long texts for one of a file: as many as a character of ASCII takes beside a wide
    one. A text that is in the file once, and in many rows, takes more."""
    _ROW = 1 << 10
    """Bytes of a row in addition to its values: all that is made of it."""

    def __init__(self) -> None:
        self._left = self._texts_left = self._FREE

    def credit(self, path: Path) -> None:
        """Take the size of a file into account, which is read."""
        try:
            size = path.stat().st_size
        except OSError:
            return
        compressed = path.name.endswith(_COMPRESSED)
        self._left += size * (self._PER_COMPRESSED_BYTE if compressed else self._PER_BYTE)
        self._texts_left += size * (
            self._PER_COMPRESSED_BYTE if compressed else self._TEXT_PER_BYTE
        )

    def hold(self, value: object, path: Path) -> None:
        """Take a row into account, which is held.

        Raises:
            DataError: if all take too much.
        """
        taken = memory_of(value)
        self._left -= self._ROW + taken.whole
        self._texts_left -= taken.texts
        if min(self._left, self._texts_left) < 0:
            raise DataError(
                f"{path} takes far more memory than its size, with the files before it: it has "
                "very many tiny rows, or repeats a text in each.",
                "Check that it is a log of your making; import its files one by one.",
            )


class Memory(NamedTuple):
    """About how many bytes some values take."""

    whole: int
    texts: int
    """Those of long texts."""


_LONG = 1 << 10
"""Bytes of a text that counts as long."""
_NUMBERS = frozenset({int, float})


def memory_of(value: object) -> Memory:
    """Return about how much memory parsed JSON takes, or a record with such values."""
    whole = texts = 0
    left = [value]
    while left:
        one = left.pop()
        kind = type(one)
        # Exact types first: to ask whether something is a `Mapping` takes longer than all else.
        if kind is str:
            size = sys.getsizeof(one)
            whole += size
            texts += size if size >= _LONG else 0
        elif kind in _NUMBERS:
            whole += 32
        elif one is None or kind is bool:
            continue
        elif isinstance(one, dict) or isinstance(one, Mapping):  # noqa: SIM101  as said above
            whole += 64 + 100 * len(one)
            left += one.values()
        elif isinstance(one, list | tuple):
            whole += 64 + 16 * len(one)
            left += one
        else:
            whole += 32
            slots = getattr(one, "__slots__", ())
            left += [held for name in slots if (held := getattr(one, name)) is not None]
    return Memory(whole=whole, texts=texts)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else f"it {error}"
        raise DataError(f"{path} cannot be read: {reason}.", "Check that it is complete.") from None


# --- which files -----------------------------------------------------------------------------

_MAX_FILES = 20_000
"""Files of a folder of logs."""
_SPLIT = frozenset({"predictions", "reviews", "details"})
"""Folders beside which programs keep the rest of an evaluation, in `results` for instance."""
_DEPTH = 6


def _around(path: Path) -> Sequence[Path]:
    """Return the files that belong to a file which the user named."""
    for folder in path.parents[:_DEPTH]:
        if folder.name in _SPLIT:
            return _files_below(folder.parent)
    return _files_below(path.parent, inner=False)


def _files_below(path: Path, *, inner: bool = True) -> tuple[Path, ...]:
    """Return a file, or the files of a folder that may be logs, sorted; links are not followed.

    Raises:
        DataError: if there is none, or there are too many.
    """
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise DataError(f"There is no file or folder {path}.", "Check the path after import.")
    try:
        return tuple(sorted(_walk(path, inner=inner)))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}.", "Name the logs' own folder."
        ) from None


def _walk(path: Path, *, inner: bool) -> list[Path]:
    found: list[Path] = []
    folders = [path]
    seen = 0
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                seen += 1
                if seen > _MAX_FILES:
                    raise DataError(
                        f"{path} holds more than {_MAX_FILES:,} files.",
                        "Name the logs' own folder.",
                    )
                if entry.is_dir(follow_symlinks=False):
                    folders += [Path(entry.path)] * inner
                elif entry.is_file(follow_symlinks=False) and entry.name.endswith(SUFFIXES):
                    found.append(Path(entry.path))
    return found
