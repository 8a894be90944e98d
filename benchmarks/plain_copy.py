"""Plain copy, the yardstick of the benchmark `job`: read Parquet, write zstd Parquet, as few lines as pyarrow needs.

python -m benchmarks.plain_copy FOLDER LEVEL ROW_GROUP_BYTES FILE...
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def copy(source: Path, target: Path, level: int, row_group_bytes: int, text_column: str = "text") -> None:
    """Copy one file, row group by row group."""
    file = pq.ParquetFile(source)
    tables = (file.read_row_group(i) for i in range(file.num_row_groups))
    with pq.ParquetWriter(target, file.schema_arrow, compression="zstd", compression_level=level) as writer:
        for group in regrouped(tables, text_column, row_group_bytes):
            writer.write_table(group, row_group_size=len(group))


def regrouped(tables: Iterable[pa.Table], text_column: str, most_bytes: int) -> Iterator[pa.Table]:
    """The same rows, in tables of about `most_bytes` bytes of text: a row belongs where its text begins."""
    held: list[pa.Table] = []
    place = current = 0
    for table in tables:
        sizes = pc.fill_null(pc.binary_length(table[text_column]), 0).to_numpy().astype(np.int64)
        begins = place + np.cumsum(sizes) - sizes
        groups = begins // most_bytes
        cuts = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(table)]
        for first, last in pairwise(cuts):
            if last > first and held and groups[first] != current:
                yield pa.concat_tables(held)
                held = []
            if last > first:
                held.append(table.slice(first, last - first))
                current = groups[first]
        place += int(sizes.sum())
    if held:
        yield pa.concat_tables(held)


def main(arguments: list[str]) -> None:
    """Copy every file named on the command line."""
    folder, level, row_group_bytes, *sources = arguments
    Path(folder).mkdir(parents=True)
    for number, source in enumerate(sources):
        copy(Path(source), Path(folder) / f"{number:05d}.parquet", int(level), int(row_group_bytes))


if __name__ == "__main__":
    main(sys.argv[1:])
