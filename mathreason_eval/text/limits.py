"""How large what is read may be: the limits of everything that may come from somebody else.

They are far above what people measure with, and keep a small file from taking a machine's memory or
an hour. The limits of archives and commits are in the gate, which alone unpacks them.
"""

from __future__ import annotations

MAX_NESTING = 64
"""Lists and mappings within each other, in JSON and YAML."""
MAX_LINE_BYTES = 64 << 20
"""Bytes of a line: answers of ten million characters are read."""
MAX_ROW_CHARACTERS = 12 << 20
"""Characters of a row of CSV: each is four bytes there."""
MAX_ROWS = 10_000_000
"""Rows of a file of data or outputs."""
MAX_COLUMNS = 1_000
"""Columns of CSV and Parquet."""
MAX_DOCUMENT_BYTES = 64 << 20
"""Bytes of a JSON document: a manifest, the metrics of a run."""
MAX_REPLY_BYTES = 64 << 20
"""Bytes of a server's reply, as they are after what compressed them."""
MAX_DECODED_BYTES = 200 << 20
"""Bytes of memory that a JSON document, a line or a server's reply may take, as
`documents.check_weight` estimates them: a byte can become ninety, as a list without items does."""
MAX_YAML_BYTES = 1 << 20
"""Bytes of a configuration, a task or a script."""
MAX_NUMBER_CHARACTERS = 100
"""Characters of a number in YAML."""
MAX_TEXT_BYTES = 16 << 20
"""Bytes of a text that is read whole: a template, a prompt."""
MAX_PER_COMPRESSED_BYTE = 200
"""Bytes that a compressed byte may expand to, beyond the first 32 MiB; texts have 3 to 20."""
FREE_EXPANDED_BYTES = 32 << 20
LINE_OVERHEAD_BYTES = 64
"""Bytes that a line counts in addition: a file of blank lines takes time, too."""
MAX_SAMPLES = 10_000
"""Samples a problem: each K up to it has metrics of its own."""
MOST_TOKENS = 1_000_000_000
"""Of an answer: more than any model writes, and what every engine can hold."""
MAX_TASK_SAMPLES = 50_000_000
"""Samples of a task."""


class Expansion:
    """What compressed data expand to: of one file, or of all that a command reads.

    Each compressed byte may become `MAX_PER_COMPRESSED_BYTE`; all together have
    `FREE_EXPANDED_BYTES` beyond that, so that many small files are no more than one.
    """

    def __init__(self) -> None:
        self._beyond: dict[object, int] = {}
        self._all = 0

    def check(self, name: object, expanded: int, compressed: int) -> None:
        """Raise an error if data expand to more than any text does.

        Args:
            name: of the file, which may be read several times.
            expanded: bytes so far.
            compressed: bytes that they were expanded from.

        Raises:
            ValueError: if they do.
        """
        beyond = expanded - MAX_PER_COMPRESSED_BYTE * compressed
        before = self._beyond.get(name, 0)
        if beyond > before:
            self._beyond[name] = beyond
            self._all += beyond - before
            if self._all > FREE_EXPANDED_BYTES:
                raise ValueError("it expands to far more than any text does")


def check_expansion(expanded: int, compressed: int) -> None:
    """Raise an error if the data of one file expand to more than any text does; see `Expansion`.

    Raises:
        ValueError: if they do.
    """
    Expansion().check("", expanded, compressed)
