"""Reading the documents of a Split: alive rows only, with their keys, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.chain import KEY
from filters.errors import InputError
from transforms.corpus import TEXT_BYTES, plan_schema, plan_tolerance
from transforms.files import open_filesystem
from transforms.formats import SourceFile, read_around
from transforms.split import ROW_BITS, STAGED, Split
from transforms.tolerance import Unreadable

BATCH_ROWS = 4096
BATCH_BYTES = 32 << 20
_COLUMN = "column"


def column_sidecar(column: str, default: Literal["key", "one", "null"], kind: pa.DataType) -> str:
    """Sidecar kind of a column added to rows staged before: the file holds those that differ from the default.

    default: `key`, the document's own key, `one`, or `null`.
    """
    return f"{_COLUMN}:{default}:{kind}:{column}"


@dataclass(frozen=True)
class _Added:
    """A column of the output that rests in a sidecar."""

    name: str
    default: str
    type: pa.DataType
    uri: str

    def of(self, keys: NDArray[np.int64], held: pa.Table | None) -> pa.Array:
        """Values for documents in order of keys."""
        if self.default == "null":
            base = pa.nulls(len(keys), self.type)
        else:
            base = pa.array(keys if self.default == "key" else np.ones(len(keys))).cast(self.type)
        if held is None:
            return base
        _, here, there = np.intersect1d(keys, held[KEY].to_numpy(), assume_unique=True, return_indices=True)
        mask = np.zeros(len(keys), np.bool_)
        mask[here] = True
        values = held[self.name].combine_chunks().take(pa.array(there))
        return pc.replace_with_mask(base, pa.array(mask), values)


def _added(split: Split) -> list[_Added]:
    found = []
    for kind, uri in split.sidecars:
        if kind.startswith(f"{_COLUMN}:"):
            _, default, type_name, name = kind.split(":", 3)
            found.append(_Added(name, default, pa.type_for_alias(type_name), uri))
    return found


def read_split(
    split: Split, *, columns: Sequence[str] | None = None, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Alive documents in order of their keys, KEY first. `columns` None reads all, added ones included.

    Raises InputError for a raw file that cannot be read, or that has changed since the plan was made.
    """
    added = [column for column in _added(split) if columns is None or column.name in columns]
    if split.format != STAGED:
        batches = _raw(split, columns, batch_rows)
    else:
        names = None if columns is None else [name for name in columns if name not in {a.name for a in added}]
        batches = _staged(split, names, batch_rows)
    held = [read_sidecar(column.uri) if column.uri else None for column in added]
    for batch in batches:
        keys = batch[KEY].to_numpy()
        for column, rows in zip(added, held, strict=True):
            batch = batch.append_column(column.name, column.of(keys, rows))
        yield batch


def split_schema(split: Split) -> pa.Schema:
    """Schema of what `read_split` yields with all columns; known for empty Splits, too."""
    if split.format != STAGED:
        schema, names = plan_schema(split.plan)
        return pa.schema([pa.field(KEY, pa.int64(), nullable=False), *(schema.field(name) for name in names)])
    filesystem, path = open_filesystem(split.uri)
    with filesystem.open_input_file(path) as file:
        schema = pq.read_schema(file).remove_metadata()
    for column in _added(split):
        schema = schema.append(pa.field(column.name, column.type))
    return schema


def read_keys_and_sizes(split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys and bytes of text of all rows of a staged Split, dead ones included, without reading a text."""
    table = read_sidecar(split.uri, [KEY, TEXT_BYTES])
    return table[KEY].to_numpy(), table[TEXT_BYTES].to_numpy()


def read_sidecar(uri: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A small Parquet file of the run's own, whole."""
    filesystem, path = open_filesystem(uri)
    with filesystem.open_input_file(path) as file:
        return pq.ParquetFile(file, pre_buffer=True).read(columns=list(columns) if columns else None)


def _raw(split: Split, columns: Sequence[str] | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
    schema, names = plan_schema(split.plan)
    tolerance, unopened = plan_tolerance(split.plan)
    file = SourceFile(
        ordinal=split.first_key >> ROW_BITS,
        uri=split.uri,
        format=split.format,
        size=split.size,
        mtime_ns=split.mtime_ns,
        unit_rows=(),
        unit_bytes=(),
        damage=unopened.get(split.file_ordinal, ""),
    )
    wanted = names if columns is None else [name for name in columns if name != KEY]
    base = file.ordinal << ROW_BITS
    unreadable = 0
    for part in read_around(
        file,
        schema,
        wanted,
        first_unit=split.first_unit,
        units=split.units,
        batch_rows=batch_rows,
        batch_bytes=BATCH_BYTES,
        tolerated=tolerance.kinds,
    ):
        if isinstance(part, Unreadable):
            unreadable += part.rows
            if unreadable > tolerance.max_documents:  # no need to wait for the end of the run
                raise InputError(
                    f"{part.why}. With it {unreadable:,} documents of this Split could not be read; "
                    f"input.tolerate.max_documents is {tolerance.max_documents:,}"
                )
            fields = pa.schema([schema.field(name) for name in wanted])
            for first in range(0, part.rows, batch_rows):
                yield part.batch(fields, base, first, min(batch_rows, part.rows - first))
            continue
        first_row, batch = part
        keys = pa.array(np.arange(base + first_row, base + first_row + len(batch), dtype=np.int64))
        fields = [pa.field(KEY, pa.int64(), nullable=False), *batch.schema]
        yield pa.record_batch([keys, *batch.columns], schema=pa.schema(fields))


def _staged(split: Split, columns: Sequence[str] | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
    alive = split.mask()
    if not alive.any():
        return
    names = None if columns is None else [KEY, *(name for name in columns if name != KEY)]
    filesystem, path = open_filesystem(split.uri)
    with filesystem.open_input_file(path) as source:
        file = pq.ParquetFile(source, pre_buffer=False)
        row = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if alive[row : row + rows].any():
                yield from _group_batches(file, group, names, batch_rows, alive[row : row + rows])
            row += rows


def _group_batches(
    file: pq.ParquetFile, group: int, names: list[str] | None, batch_rows: int, alive: NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    table = file.read_row_group(group, columns=names, use_threads=False)
    if not alive.all():
        table = table.filter(pa.array(alive))
    for batch in table.combine_chunks().to_batches(max_chunksize=batch_rows):
        yield batch.replace_schema_metadata(None)
