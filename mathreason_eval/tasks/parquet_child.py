"""Reads what a file of Parquet says of its columns; a program of its own, given the file.

Where the file contradicts itself pyarrow ends the process that reads it, without an exception.
"""

from __future__ import annotations

import sys


def read_description(path: str) -> None:
    """Read the description of every column of a file.

    Raises:
        Exception: whatever pyarrow raises of a file that it cannot read.
    """
    from pyarrow.parquet import ParquetFile

    told = ParquetFile(path).metadata
    for place in range(told.num_row_groups):
        group = told.row_group(place)
        for column in range(group.num_columns):
            group.column(column)


if __name__ == "__main__":
    read_description(sys.argv[1])
