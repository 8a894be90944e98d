"""Parquet and Arrow IPC files: what their footers say, and their batches unit by unit.

A unit is what can be read without the rest of the file: a row group of Parquet, a record batch of an Arrow file,
the whole of an Arrow stream.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from filters.errors import InputError
from transforms.filesystems import FILE_ERRORS, open_filesystem, reading, reason
from transforms.tolerance import FILE, ROW, ROW_GROUP, Unreadable

_BUFFER_BYTES = 1 << 20
_STREAM_START = b"\xff\xff\xff\xff"
_STREAM_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


@dataclass(frozen=True)
class Units:
    """A file without its rows: schema, rows per unit, and about how many bytes of text; see SourceFile."""

    format: str
    schema: pa.Schema
    rows: tuple[int, ...]
    bytes: tuple[int, ...]
    damage: str = ""


@dataclass(frozen=True)
class Piece:
    """Some rows of a file: `row` is the number of the first, `place` names the unit."""

    row: int
    place: str
    batch: pa.RecordBatch


def inspect_parquet(uri: str, text_column: str) -> Units:
    """Read the footer. Raises InputError if there is none."""
    with contextlib.ExitStack() as stack:
        file = _open_parquet(uri, stack)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        paths = [file.metadata.schema.column(i).path for i in range(file.metadata.num_columns)]
        text = paths.index(text_column) if text_column in paths else None
        return Units(
            "parquet",
            file.schema_arrow,
            tuple(group.num_rows for group in groups),
            tuple(0 if text is None else group.column(text).total_uncompressed_size for group in groups),
        )


def read_parquet(
    uri: str,
    names: Sequence[str],
    *,
    first_unit: int,
    units: int,
    batch_rows: int,
    batch_bytes: int,
    tolerated: frozenset[str] = frozenset(),
) -> Iterator[Piece | Unreadable]:
    """Yield the rows of row groups `first_unit` and on, in batches sized by what the footer says of them.

    Raises InputError naming the row group that is damaged, unless damage of the kind is tolerated.
    """
    with contextlib.ExitStack() as stack:
        file = _open_parquet(uri, stack)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        present = [name for name in names if name in file.schema_arrow.names]
        for i in range(first_unit, min(first_unit + units, len(groups))):
            row = sum(group.num_rows for group in groups[:i])
            last = row + groups[i].num_rows
            most_rows = _rows_for(groups[i].num_rows, groups[i].total_byte_size, batch_rows, batch_bytes)
            if not present:
                yield Piece(row, f"row group {i}", _rows_without_columns(groups[i].num_rows, names))
                continue
            try:
                with _explained(f"{uri}, row group {i}"):
                    batches = file.iter_batches(most_rows, row_groups=[i], columns=present, use_threads=False)
                while (batch := _next(batches, f"{uri}, row group {i}", last - row)) is not None:
                    yield from _checked(uri, Piece(row, f"row group {i}", batch), tolerated)
                    row += batch.num_rows
            except DamagedUnitError as error:
                if ROW_GROUP not in tolerated:
                    raise InputError(str(error)) from error
                yield Unreadable(row, last - row, ROW_GROUP, str(error))


class DamagedUnitError(Exception):
    """A row group or record batch cannot be read from here on; the message names it."""


def _next(batches: Iterator[pa.RecordBatch], place: str, rows: int) -> pa.RecordBatch | None:
    """The next batch of a row group that should have so many rows left, None at its end."""
    with _explained(place, DamagedUnitError):
        batch = next(batches, None)
    left = rows - (0 if batch is None else batch.num_rows)
    if left < 0 or (batch is None and left):
        how = "fewer" if left > 0 else "more"
        raise DamagedUnitError(f"{place}: {abs(left)} rows {how} than its footer says; copy it again")
    return batch


def _rows_for(rows: int, size: int, batch_rows: int, batch_bytes: int) -> int:
    """Rows per batch such that a batch of average rows stays within `batch_bytes`."""
    return max(1, min(batch_rows, batch_bytes * rows // max(size, 1)))


def _rows_without_columns(rows: int, names: Sequence[str]) -> pa.RecordBatch:
    """A batch that only counts: the file has none of the columns asked for."""
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], [names[0]])


def _open_parquet(uri: str, stack: contextlib.ExitStack) -> pq.ParquetFile:
    filesystem, path = open_filesystem(uri)
    with reading(uri):
        source = stack.enter_context(filesystem.open_input_file(path))
        size = source.size()
        head, tail = bytes(source.read_at(4, 0)), bytes(source.read_at(4, max(size - 4, 0)))
    if size < 12 or tail not in (b"PAR1", b"PARE"):
        what = "cut short: it has no footer" if head == b"PAR1" else "not a Parquet file: it has no footer"
        raise InputError(f"{uri} is {what} ({size} bytes); copy it again or name its format")
    # Row groups are read column by column, bounded; only object stores, where a request is slow, get all at once.
    far = not isinstance(filesystem, fs.LocalFileSystem)
    with _explained(f"{uri}, footer"):
        return stack.enter_context(pq.ParquetFile(source, pre_buffer=far, buffer_size=_BUFFER_BYTES))


def inspect_arrow(uri: str) -> Units:
    """Read the header: of the file format rows are known, of the stream format nothing. Raises InputError."""
    filesystem, path = open_filesystem(uri)
    with reading(uri), filesystem.open_input_file(path) as source:
        size = source.size()
        head, tail = bytes(source.read_at(6, 0)), bytes(source.read_at(8, max(size - 8, 0)))
        source.seek(0)
        if head == b"ARROW1":
            with _explained(f"{uri}, footer"):
                schema = pa.ipc.open_file(source).schema
                rows = _rows_of_batches(source, schema, pa.ipc.open_file(source).num_record_batches)
            return Units("arrow", schema, rows, tuple(size * n // max(sum(rows), 1) for n in rows))
        with _explained(f"{uri}, header"):
            schema = pa.ipc.open_stream(source).schema
        # A stream cut between two batches reads as a shorter one; only the mark at its end tells.
        if head.startswith(_STREAM_START) and tail != _STREAM_END:
            raise InputError(f"{uri} is cut short: an Arrow stream without its end mark; copy or write it again")
        return Units("arrow_stream", schema, (), (size,))


def _rows_of_batches(source: pa.NativeFile, schema: pa.Schema, batches: int) -> tuple[int, ...]:
    """Rows of the first record batches, by reading the narrowest column alone: pyarrow has no way to ask."""
    if not len(schema):
        return (0,) * batches
    narrowest = min(range(len(schema)), key=lambda i: _width(schema.field(i).type))
    reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=[narrowest], use_threads=False))
    return tuple(reader.get_batch(i).num_rows for i in range(batches))


def _width(kind: pa.DataType) -> int:
    try:
        return int(kind.bit_width)
    except ValueError:  # strings, lists and all else of no fixed width
        return 1 << 20


def read_arrow(
    uri: str, names: Sequence[str], *, first_unit: int, units: int, tolerated: frozenset[str] = frozenset()
) -> Iterator[Piece | Unreadable]:
    """Yield record batches `first_unit` and on of an Arrow file. Errors as of `read_parquet`."""
    filesystem, path = open_filesystem(uri)
    with reading(uri):
        source = filesystem.open_input_file(path)
    with source:
        with _explained(f"{uri}, footer"):
            schema = pa.ipc.open_file(source).schema
            reader = pa.ipc.open_file(source, options=_only(schema, names))
            counts = _rows_of_batches(source, schema, min(first_unit + units, reader.num_record_batches))
        for i in range(first_unit, len(counts)):
            row, place = sum(counts[:i]), f"record batch {i}"
            try:
                with _explained(f"{uri}, {place}", DamagedUnitError):
                    batch = reader.get_batch(i) if _present(schema, names) else _rows_without_columns(counts[i], names)
            except DamagedUnitError as error:
                if ROW_GROUP not in tolerated:
                    raise InputError(str(error)) from error
                yield Unreadable(row, counts[i], ROW_GROUP, str(error))
                continue
            yield from _checked(uri, Piece(row, place, batch), tolerated)


def read_arrow_stream(
    uri: str, names: Sequence[str], tolerated: frozenset[str] = frozenset()
) -> Iterator[Piece | Unreadable]:
    """Yield the record batches of an Arrow stream. Raises InputError naming the damaged batch, unless tolerated."""
    filesystem, path = open_filesystem(uri)
    with reading(uri):
        size = filesystem.get_file_info(path).size
        source = filesystem.open_input_stream(path, compression=None, buffer_size=_BUFFER_BYTES)
    with source:
        row = number = 0
        with _explained(f"{uri}, header"):
            reader = pa.ipc.open_stream(pa.PythonFile(_Bounded(source, size), mode="r"))
        while True:
            try:
                with _explained(f"{uri}, record batch {number}", DamagedUnitError):
                    batch = next(reader, None)
            except DamagedUnitError as error:
                if FILE not in tolerated:
                    raise InputError(str(error)) from error
                yield Unreadable(row, 1, FILE, f"{error}; all that follows is lost")
                return
            if batch is None:
                return
            yield from _checked(uri, Piece(row, f"record batch {number}", batch), tolerated)
            row += batch.num_rows
            number += 1


class _Bounded:
    """A stream of so many bytes. Arrow takes memory for as many as a damaged message claims; nobody is asked for more
    than there are.
    """

    closed = False

    def __init__(self, source: pa.NativeFile, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int) -> bytes:
        data = bytes(self._source.read(min(size, self._left)))
        self._left -= len(data)
        return data


def _present(schema: pa.Schema, names: Sequence[str]) -> list[int]:
    return [i for i, name in enumerate(schema.names) if name in names]


def _only(schema: pa.Schema, names: Sequence[str]) -> pa.ipc.IpcReadOptions:
    return pa.ipc.IpcReadOptions(included_fields=_present(schema, names), use_threads=False)


def _checked(uri: str, piece: Piece, tolerated: frozenset[str]) -> Iterator[Piece | Unreadable]:
    """Arrow trusts files to hold UTF-8 where they say so, and offsets that lie within their data."""
    row, batch = piece.row, piece.batch
    while not _is_valid(batch):
        invalid = [(n, c) for n, c in zip(batch.schema.names, batch.columns, strict=True) if not _is_valid(c)]
        # Inside structs and lists Arrow checks all rows, whichever are asked for.
        nested = [name for name, column in invalid if column.type.num_fields or pa.types.is_dictionary(column.type)]
        name, good = (nested[0], 0) if nested else min(((n, _first_invalid(c)) for n, c in invalid), key=lambda p: p[1])
        where = f"row {row} or one soon after" if nested else f"row {row + good}"
        why = f"{uri}, {piece.place}, {where}: column {name!r} holds invalid UTF-8 or is damaged"
        if ROW not in tolerated:
            raise InputError(why)
        if good:
            yield Piece(row, piece.place, batch.slice(0, good))
        bad = batch.num_rows if nested else 1
        yield Unreadable(row + good, bad, ROW, why)
        row, batch = row + good + bad, batch.slice(good + bad)
        if not batch.num_rows:  # of a nested column the damage is still seen
            return
    yield Piece(row, piece.place, batch)


def _is_valid(part: pa.RecordBatch | pa.Array) -> bool:
    try:
        part.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _first_invalid(column: pa.Array) -> int:
    good, bad = 0, len(column)
    while bad - good > 1:
        middle = (good + bad) // 2
        if _is_valid(column.slice(0, middle)):
            good = middle
        else:
            bad = middle
    return good


@contextlib.contextmanager
def _explained(place: str, kind: type[Exception] = InputError) -> Iterator[None]:
    try:
        yield
    except (*FILE_ERRORS, UnicodeDecodeError) as error:
        if str(error).startswith("Expected all lists to be of size"):  # apache/arrow issue 35692
            raise kind(
                f"{place}: a column of lists of fixed size holds nulls, which this pyarrow writes to Parquet but "
                "cannot read; write the column as lists of any size"
            ) from error
        raise kind(f"{place}: damaged or cut short ({reason(error)}); copy the file again") from error
