"""Rows of the files that a result was made from: some by document key, or all of a few columns.

A result holds no text of documents that left, unless its recipe asked for it: that rests where it came from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray

from filters.errors import InputError
from pipeline.result import Input, Result
from transforms.files import file_info
from transforms.formats import SourceFile, inspect_corpus, read_units
from transforms.jsonlines import BLOCK_BYTES, read_blocks
from transforms.layout import ROW_BITS

_SPACE = b" \t\r\n"
_BATCH_ROWS = 4096

Report = Callable[[int, int], None]
"""Called with (documents, bytes) of every batch that was read."""


def source_rows(result: Result, keys: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Columns of the source rows of these documents, by key; a column that a file has not is None.

    Columnar files are read by row group, JSON lines from their beginning up to the last row asked for. Raises
    InputError for a file that is gone, or is no longer as it was when the run read it.
    """
    rows_of: dict[int, list[int]] = {}
    for key in sorted(set(keys)):
        source, row = result.source_of(key)
        rows_of.setdefault(source.ordinal, []).append(row)
    found = {}
    for ordinal, rows in rows_of.items():
        file, schema = _inspect(result, result.inputs[ordinal])
        if file.format == "jsonl":
            values = _lines(file.uri, rows, columns)
        else:
            values = _units(file, schema, rows, columns)
        for row in rows:
            if row not in values:
                raise InputError(f"{file.uri} has no row {row:,}")
            found[ordinal << ROW_BITS | row] = values[row]
    return found


def scan_sources(
    result: Result, columns: Sequence[str], report: Report | None = None
) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
    """(document keys, batch) of all source rows in order, the columns as strings, null in files that lack them.

    Columns of lists and structs are read as null. Raises InputError as `source_rows` does.
    """
    wanted = pa.schema([(name, pa.large_string()) for name in columns])
    for source in result.inputs:
        file, schema = _inspect(result, source)
        batches = _all_lines(file.uri, wanted) if file.format == "jsonl" else _all_units(file, schema, wanted)
        for row, batch in batches:
            if report is not None:
                report(len(batch), batch.nbytes)
            first = source.ordinal << ROW_BITS | row
            yield np.arange(first, first + len(batch), dtype=np.int64), batch


def _inspect(result: Result, source: Input) -> tuple[SourceFile, pa.Schema]:
    size = file_info(source.path).size
    if size != source.size:
        raise InputError(
            f"{source.path} has changed since the run read it ({source.size:,} bytes then, {size:,} now); "
            "bring that file back, or run the recipe again"
        )
    section = result.recipe["input"]
    # The rows of JSON lines are read below, without a schema: one line is enough to see that it is such a file.
    (file,), schema = inspect_corpus(
        [file_info(source.path)], text_column=result.text_column, format=section["format"], schema_sample_bytes=64
    )
    return file, schema


def _lines(uri: str, rows: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
    wanted, row, found = set(rows), 0, {}
    for _, block in read_blocks(uri, BLOCK_BYTES):
        for line in block.split(b"\n"):
            if not line.strip(_SPACE):
                continue
            if row in wanted:
                values = json.loads(line)
                found[row] = {name: values.get(name) for name in columns}
            row += 1
        if row > max(wanted):
            break
    return found


def _units(
    file: SourceFile, schema: pa.Schema, rows: Sequence[int], columns: Sequence[str]
) -> dict[int, dict[str, Any]]:
    present = [name for name in columns if name in schema.names]
    if not present:
        return {row: dict.fromkeys(columns) for row in rows}
    ends = np.cumsum(file.unit_rows) if file.unit_rows else np.array([1 << ROW_BITS])
    found: dict[int, dict[str, Any]] = {}
    for unit in np.unique(np.searchsorted(ends, rows, side="right")).tolist():
        if unit >= len(ends):
            break
        here = {row for row in rows if row < ends[unit]} - found.keys()
        for first, batch in read_units(
            file, schema=schema, first_unit=unit, units=1, columns=present, batch_rows=_BATCH_ROWS
        ):
            for row in here:
                if first <= row < first + len(batch):
                    values = {name: batch[name][row - first].as_py() for name in present}
                    found[row] = dict.fromkeys(columns) | values
            if here <= found.keys():
                break
    return found


def _all_units(file: SourceFile, schema: pa.Schema, wanted: pa.Schema) -> Iterator[tuple[int, pa.RecordBatch]]:
    present = [name for name in wanted.names if name in schema.names]
    units = len(file.unit_rows) or 1
    for row, batch in read_units(
        file, schema=schema, first_unit=0, units=units, columns=present or schema.names[:1], batch_rows=65_536
    ):
        yield row, _as_strings(batch, wanted)


def _all_lines(uri: str, wanted: pa.Schema) -> Iterator[tuple[int, pa.RecordBatch]]:
    row = 0
    for _, block in read_blocks(uri, BLOCK_BYTES):
        if not block.strip(_SPACE):
            continue
        batch = _parsed(block, wanted)
        yield row, batch
        row += len(batch)


def _parsed(block: bytes, wanted: pa.Schema) -> pa.RecordBatch:
    """Columns of some lines, which the run has read before: they are JSON objects."""
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:  # values that are no strings
        lines = [json.loads(line) for line in block.split(b"\n") if line.strip(_SPACE)]
        return pa.record_batch(
            [pa.array([_text(line.get(n)) for line in lines], pa.large_string()) for n in wanted.names], schema=wanted
        )
    (batch,) = table.combine_chunks().to_batches()
    return _as_strings(batch, wanted)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, (list, dict)):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _as_strings(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in wanted:
        index = batch.schema.get_field_index(field.name)
        nested = index < 0 or pa.types.is_nested(batch.schema.field(index).type)
        columns.append(pa.nulls(len(batch), field.type) if nested else pc.cast(batch[field.name], field.type))
    return pa.record_batch(columns, schema=wanted)
