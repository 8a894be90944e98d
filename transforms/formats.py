"""What a corpus is made of, from footers and first lines; then its rows, unit by unit, in one schema."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as is_
from numpy.typing import NDArray

from filters.errors import InputError
from filters.texts import rows_within
from transforms import columnar, jsonlines
from transforms.columnar import Piece, Units
from transforms.files import EXTENSIONS, FileInfo, exists, file_info, named_format
from transforms.schemas import conform, fill_empty_structs, shown, unify_schemas, without_fixed_sizes
from transforms.tolerance import FILE, Unreadable

__all__ = ["FORMATS", "SourceFile", "inspect_corpus", "read_units", "unify_schemas"]

FORMATS = ("parquet", "jsonl", "arrow")
"""Formats that can be asked for; `arrow` covers Arrow's file and stream formats."""

UNOPENED = "unopened"
"""Format of a file that cannot be opened, where that is tolerated: one row stands for it."""

_COMPRESSED_TEXT = 4
"""Bytes of text per byte of gzip or zstd, an estimate for planning only."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a corpus, as it was when it was inspected.

    ordinal: place in the list. format: parquet, jsonl, arrow or arrow_stream. size: bytes. unit_rows: rows per row
    group or record batch, empty where only reading would tell. unit_bytes: uncompressed bytes of the text column per
    unit, from the footer of Parquet and estimated for all else; one number for a file without units. damage: why a
    file of the format UNOPENED cannot be opened.
    """

    ordinal: int
    uri: str
    format: str
    size: int
    mtime_ns: int | None
    unit_rows: tuple[int, ...]
    unit_bytes: tuple[int, ...]
    damage: str = ""


def inspect_corpus(
    files: Sequence[FileInfo],
    *,
    text_column: str,
    format: str | None = None,
    schema_sample_bytes: int = 8 << 20,
    tolerated: frozenset[str] = frozenset(),
    threads: int = 16,
) -> tuple[list[SourceFile], pa.Schema]:
    """The files with their units, and the one schema that fits all; the text column is always a kind of string.

    Reads footers, headers and the first `schema_sample_bytes` of JSON lines (raise it if columns appear late; costs
    about 10 ms per MB and file). `format` overrules what names say. Raises InputError for everything that would fail
    later: unknown extensions, damaged files, a text column that is missing or not a string, conflicting schemas, and
    types that Parquet, in which documents rest between stages, cannot hold. tolerated: kinds of damage that are passed
    over, see `transforms.tolerance`; a file that cannot be opened then has the format UNOPENED and one row.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"unknown format {format!r}{_nearest(format, FORMATS)}; known are {', '.join(FORMATS)}")
    if not files:
        raise InputError("no input files")
    inspect = partial(
        _inspect_file, text_column=text_column, format=format, sample_bytes=schema_sample_bytes, tolerated=tolerated
    )
    with ThreadPoolExecutor(max_workers=min(threads, len(files))) as pool:
        inspected = list(pool.map(inspect, files))
    sources = [
        SourceFile(i, info.uri, units.format, info.size, info.mtime_ns, units.rows, units.bytes, units.damage)
        for i, (info, units) in enumerate(zip(files, inspected, strict=True))
    ]
    schema = unify_schemas([(info.uri, units.schema) for info, units in zip(files, inspected, strict=True)])
    schema = _with_text(fill_empty_structs(schema), text_column)
    _check_storable(schema)
    return sources, schema


def _inspect_file(
    info: FileInfo, *, text_column: str, format: str | None, sample_bytes: int, tolerated: frozenset[str]
) -> Units:
    kind = format or named_format(info.uri)
    if kind is None:
        raise InputError(
            f"{info.uri}: its name does not tell the format; known extensions are {' '.join(EXTENSIONS)}, or give one "
            f"format for all files ({', '.join(FORMATS)})"
        )
    try:
        units = _units_of(kind, info, text_column, sample_bytes, tolerated)
    except InputError as error:
        if FILE not in tolerated or kind == "jsonl":
            raise
        return Units(UNOPENED, pa.schema([]), (1,), (0,), str(error))
    if len(units.schema) or kind != "jsonl":  # a JSON lines file without lines has no columns to check
        _check_text_column(info.uri, units.schema, text_column)
    return units


def _units_of(kind: str, info: FileInfo, text_column: str, sample_bytes: int, tolerated: frozenset[str]) -> Units:
    if kind == "parquet":
        return columnar.inspect_parquet(info.uri, text_column)
    if kind == "arrow":  # a Parquet file that pyarrow can read has no nulls among lists of fixed size
        units = columnar.inspect_arrow(info.uri)
        return replace(units, schema=without_fixed_sizes(units.schema))
    schema = jsonlines.infer_schema(info.uri, sample_bytes=sample_bytes, tolerated=tolerated)
    growth = 1 if jsonlines.compression_of(info.uri) is None else _COMPRESSED_TEXT
    return Units("jsonl", schema, (), (info.size * growth,))


def _check_text_column(uri: str, schema: pa.Schema, text_column: str) -> None:
    if text_column not in schema.names:
        columns = ", ".join(schema.names[:20]) + (", ..." if len(schema.names) > 20 else "")
        raise InputError(
            f"{uri} has no column {text_column!r}{_nearest(text_column, schema.names)}; "
            f"its columns are: {columns or 'none'}. Name the one that holds the text"
        )
    given = kind = schema.field(schema.get_all_field_indices(text_column)[0]).type
    if is_.is_dictionary(kind):
        kind = kind.value_type
    if not (is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind) or is_.is_null(kind)):
        raise InputError(f"{uri}: column {text_column!r} is of type {shown(given)}, expected strings; name another one")


def _nearest(name: str, known: Sequence[str]) -> str:
    by_folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_folded, n=1)
    return f" (did you mean {by_folded[close[0]]!r}?)" if close else ""


def _with_text(schema: pa.Schema, text_column: str) -> pa.Schema:
    """A corpus without any text, all null or without rows, still has a text column."""
    index = schema.get_field_index(text_column)
    if index < 0:
        return schema.append(pa.field(text_column, pa.string()))
    if is_.is_null(schema.field(index).type):
        return schema.set(index, pa.field(text_column, pa.string()))
    return schema


def _check_storable(schema: pa.Schema) -> None:
    for field in schema:
        sink = pa.BufferOutputStream()
        try:
            pq.ParquetWriter(sink, pa.schema([field])).close()
        except pa.ArrowNotImplementedError as error:
            raise InputError(
                f"column {field.name!r} is of type {shown(field.type)}, which cannot be stored in Parquet; "
                "convert it or leave it out of the input"
            ) from error


def read_units(
    file: SourceFile,
    *,
    schema: pa.Schema,
    first_unit: int,
    units: int,
    columns: Sequence[str] | None = None,
    batch_rows: int,
    batch_bytes: int = 64 << 20,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (row number in the file of the first row, batch) for the units asked for, in file order.

    Batches have the columns of `schema` (of the corpus), or those of `columns` in that order; what the file lacks is
    null. At most `batch_rows` rows in a batch, and about `batch_bytes` bytes of strings: a huge document comes alone.
    Held in memory is one batch and what it is cut from: pages of a row group, a record batch, a block of lines.
    A file without units (JSON lines, Arrow stream, Parquet without row groups) has one: first_unit=0, units=1.
    Raises InputError naming file and place for damage, invalid UTF-8 and values that do not fit, and for a file that
    is no longer what was inspected.
    """
    wanted = list(schema.names if columns is None else columns)
    for part in read_around(
        file, schema, wanted, first_unit=first_unit, units=units, batch_rows=batch_rows, batch_bytes=batch_bytes
    ):
        assert not isinstance(part, Unreadable), "nothing is tolerated"
        yield part


def read_around(
    file: SourceFile,
    schema: pa.Schema,
    names: Sequence[str],
    *,
    first_unit: int,
    units: int,
    batch_rows: int,
    batch_bytes: int = 64 << 20,
    tolerated: frozenset[str] = frozenset(),
) -> Iterator[tuple[int, pa.RecordBatch] | Unreadable]:
    """As `read_units`, with the rows that cannot be read, where damage of their kind is tolerated, in their places."""
    if file.format == UNOPENED:
        _check_unchanged(file)
        yield Unreadable(0, 1, FILE, file.damage)
        return
    unknown = [name for name in names if name not in schema.names]
    if unknown or not names:
        raise InputError(f"no column {unknown[0]!r}{_nearest(unknown[0], schema.names)}" if unknown else "no columns")
    wanted = pa.schema([schema.field(name) for name in names])
    _check_unchanged(file)
    try:
        for piece in _pieces(file, schema, names, first_unit, units, batch_rows, batch_bytes, tolerated):
            if isinstance(piece, Unreadable):
                _check_unchanged(file)  # a file that is being written, or a store that is out of reach, is no damage
                yield piece
                continue
            batch = _conform(file.uri, piece, wanted)
            for rows in rows_within(_string_bytes(batch), batch_bytes, batch_rows):
                yield piece.row + rows.start, batch.slice(rows.start, rows.stop - rows.start)
    except InputError:
        _check_unchanged(file)  # a file cut while it is read looks damaged; say what happened instead
        raise
    _check_unchanged(file)


def _pieces(
    file: SourceFile,
    schema: pa.Schema,
    names: Sequence[str],
    first_unit: int,
    units: int,
    batch_rows: int,
    batch_bytes: int,
    tolerated: frozenset[str],
) -> Iterator[Piece | Unreadable]:
    if file.format == "parquet":
        return columnar.read_parquet(
            file.uri,
            names,
            first_unit=first_unit,
            units=units,
            batch_rows=batch_rows,
            batch_bytes=batch_bytes,
            tolerated=tolerated,
        )
    if file.format == "arrow":
        return columnar.read_arrow(file.uri, names, first_unit=first_unit, units=units, tolerated=tolerated)
    if (first_unit, units) != (0, 1):
        raise ValueError(f"{file.uri} has one unit; units {first_unit} to {first_unit + units - 1} were asked for")
    if file.format == "arrow_stream":
        return columnar.read_arrow_stream(file.uri, names, tolerated)
    # All columns, also if few are wanted: a key that was never seen is an error whatever is read.
    parts = jsonlines.read_batches(file.uri, schema, tolerated)
    return (part if isinstance(part, Unreadable) else Piece(part[0], "lines", part[1]) for part in parts)


def _conform(uri: str, piece: Piece, schema: pa.Schema) -> pa.RecordBatch:
    try:
        return conform(piece.batch, schema)
    except InputError as error:
        raise InputError(f"{uri}, {piece.place}: {error}") from error


def _check_unchanged(file: SourceFile) -> None:
    if not exists(file.uri):
        raise InputError(f"{file.uri} is gone since the run was planned; bring it back or start again without it")
    now = file_info(file.uri)
    if now.size != file.size or (file.mtime_ns is not None and now.mtime_ns != file.mtime_ns):
        raise InputError(
            f"{file.uri} changed while the run was reading it ({file.size} bytes then, {now.size} now); "
            "start again when nothing writes to the input"
        )


def _is_flat_string(kind: pa.DataType) -> bool:
    return bool(is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind))


def _string_bytes(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """Bytes of strings in every row, columns of strings only, int64 (rows,)."""
    total = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        if _is_flat_string(column.type):
            strings = column.cast(pa.large_string()) if is_.is_string_view(column.type) else column
            total += pc.fill_null(pc.binary_length(strings), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return total
