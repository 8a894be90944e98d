"""Evidence of a deduplication as one Parquet or CSV file, for tools of somebody's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from filters.errors import InputError
from filters.names import KEY
from pipeline.clusters import documents_of, pairs_of
from pipeline.result import Result
from pipeline.source_rows import Report
from transforms.files import atomic_writer
from transforms.layout import ROW_BITS

What = Literal["pairs", "clusters", "documents"]
FORMATS = (".parquet", ".csv")


def export(result: Result, stage: str, what: What, uri: str, report: Report | None = None) -> int:
    """Write what a stage recorded to one file, and return its rows; the end of its name says the format.

    documents: all that met others, as recorded. clusters: those in a cluster of two or more, with their source rows.
    pairs: that were compared, with the source rows of both. Raises InputError for another ending, and where the stage
    has recorded none of it.
    """
    if not uri.lower().endswith(FORMATS):
        raise InputError(f"{uri}: name a file that ends with {' or '.join(FORMATS)}")
    series = pairs_of(stage) if what == "pairs" else documents_of(stage)
    schema = result.columns(series)
    if not schema.names:
        raise InputError(f"stage {stage!r} has recorded no {what}; near deduplication does, exact has documents only")
    csv = uri.lower().endswith(".csv")
    rows = 0
    with atomic_writer(uri) as sink:
        writer = None
        for table in _tables(result, series, schema, what, csv):
            if writer is None:
                make = pyarrow.csv.CSVWriter if csv else pq.ParquetWriter
                writer = make(sink, table.schema) if csv else make(sink, table.schema, compression="zstd")
            writer.write_table(table)
            rows += len(table)
            if report is not None:
                report(len(table), table.nbytes)
        assert writer is not None, "a series has at least one file, which gives at least one table"
        writer.close()
    return rows


def _tables(result: Result, series: str, schema: pa.Schema, what: What, csv: bool) -> Iterator[pa.Table]:
    for table in result.tables(series, schema.names):
        if what == "clusters":
            table = table.filter(pc.greater(table["cluster_size"], 1))
        if what == "pairs":
            table = _with_other(result, table)
        elif "survivor" in schema.names:
            table = table.append_column("stays", pc.equal(table[KEY], table["survivor"]))
        if csv:  # which has no lists
            table = table.select([field.name for field in table.schema if not pa.types.is_nested(field.type)])
        yield table


def _with_other(result: Result, table: pa.Table) -> pa.Table:
    """Source file and row of the other document, beside those of the first."""
    others = table["other"].to_numpy()
    paths = pa.array([source.path for source in result.inputs], pa.string())
    files = paths.take(pa.array(others >> ROW_BITS))
    table = table.append_column("other_file", files)
    return table.append_column("other_row", pa.array(others & np.int64((1 << ROW_BITS) - 1)))
