"""WriteShards: rows of all Splits become files of equal size, in order of document keys, the same on every runner.

Where a shard begins is a place in the running total of weights (bytes of text) over all rows in order of their keys,
so the cut depends on the rows alone: not on how they were cut into Splits, batches or bundles.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.chain import EDITS_LOG_SCHEMA, KEY, REJECTS_SCHEMA
from transforms.corpus import TEXT_BYTES
from transforms.files import atomic_writer, join
from transforms.progress import Progress
from transforms.read import read_keys_and_sizes, read_sidecar, read_split, split_schema
from transforms.shuffle import AsBytes
from transforms.split import ROW_BITS, Split, pack, unpack

_FILE_BITS = 40
"""A file's place in the shuffle is `number of the series << _FILE_BITS | number of the file`."""
GROUP_ROWS = 100_000
"""Most rows of a row group, so that texts of few bytes do not make one of many million rows."""


@dataclass(frozen=True)
class ShardRecord:
    """One finished file, as the manifest lists it."""

    series: str
    path: str
    rows: int
    text_bytes: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Documents:
    """The surviving documents with all their columns, weighed by bytes of text."""

    text_column: str

    def weights(self, split: Split) -> NDArray[np.int64]:
        """Bytes of text of each alive row."""
        return read_keys_and_sizes(split)[1][split.mask()]

    def tables(self, split: Split) -> Iterator[pa.Table]:
        """Alive rows in order; TEXT_BYTES stays in, as the rows' weight."""
        for batch in read_split(split):
            yield pa.Table.from_batches([batch])

    def schema(self, split: Split) -> pa.Schema:
        """Schema of `tables`."""
        return split_schema(split)


@dataclass(frozen=True)
class SidecarRows:
    """Rows of small files about the Splits (rejects, edits, duplicates), weighed one by one, or by their texts."""

    kind: str
    base: pa.Schema
    sort: tuple[str, ...] = (KEY,)
    with_text: bool = False

    def weights(self, split: Split) -> NDArray[np.int64]:
        """One for each row, and its bytes of text where the text goes along."""
        tables = self.tables(split)
        sizes = [np.ones(len(t), np.int64) + (t[TEXT_BYTES].to_numpy() if self.with_text else 0) for t in tables]
        return np.concatenate([np.zeros(0, np.int64), *sizes])

    def tables(self, split: Split) -> Iterator[pa.Table]:
        """All rows of the Split's files of this kind, sorted, with the source file and row in front."""
        uris = split.sidecar_uris(self.kind)
        if not uris:
            return
        table = pa.concat_tables([read_sidecar(uri).cast(self.base) for uri in uris])
        table = table.take(pc.sort_indices(table, [(name, "ascending") for name in self.sort]))
        yield self._located(table, split)

    def schema(self, split: Split) -> pa.Schema:
        """Schema of `tables`."""
        return self._located(self.base.empty_table(), split).schema

    def _located(self, table: pa.Table, split: Split) -> pa.Table:
        keys = table[KEY].to_numpy()
        located = table.add_column(1, "source_file", pa.array([split.source_uri] * len(keys), pa.string()))
        located = located.add_column(2, "source_row", pa.array(keys & ((1 << ROW_BITS) - 1)))
        if "text" in located.column_names and not self.with_text:
            located = located.drop_columns(["text"])
        return located


def rejects_series(with_text: bool) -> SidecarRows:
    """Every document that left, with the reason."""
    return SidecarRows("rejects", REJECTS_SCHEMA, with_text=with_text)


def edits_series() -> SidecarRows:
    """Every edit, in order of document, stage as it ran, place."""
    return SidecarRows("edits", EDITS_LOG_SCHEMA)


@dataclass(frozen=True)
class Series:
    """Rows that become the files of one folder.

    name: of the folder under `output`, and of the series in the manifest. target: weight a file should have.
    row_group: weight of a row group, the unit a training reader loads and skips; it ends after GROUP_ROWS rows, too.
    drop: columns not written.
    """

    name: str
    rows: Documents | SidecarRows
    output: str
    target: int
    row_group: int
    compression: str = "zstd"
    compression_level: int | None = 3
    drop: tuple[str, ...] = ()
    progress: str | None = None


def boundaries(total: int, target: int) -> NDArray[np.int64]:
    """Where files begin in the running total, the first at 0: equal parts, as near to `target` as whole numbers allow.

    >>> boundaries(100, 30).tolist()
    [0, 33, 66]
    """
    count = max(1, (total + target // 2) // target)
    return np.array([total * i // count for i in range(count)], np.int64)


class _WeighFn(beam.DoFn):
    """(series, Split, total weight) of what has any rows."""

    def __init__(self, series: tuple[Series, ...]) -> None:
        self._series = series

    def process(self, split: Split) -> Iterator[bytes]:
        weights = [one.rows.weights(split) for one in self._series]
        some = np.flatnonzero([len(rows) for rows in weights])  # of empty texts there may be rows that weigh nothing
        if len(some):
            totals = np.array([int(weights[number].sum()) for number in some], np.int64)
            yield pack(some, np.full(len(some), split.order), totals)


@dataclass(frozen=True)
class _Totals:
    """Weights of a series: orders of the Splits that have rows, where each stands in the running total, and its end."""

    orders: NDArray[np.int64]
    starts: NDArray[np.int64]
    total: int

    def start(self, split: Split) -> int | None:
        """Running total before a Split; None if it has nothing of the series."""
        at = int(np.searchsorted(self.orders, split.order))
        return int(self.starts[at]) if at < len(self.orders) and self.orders[at] == split.order else None


@functools.lru_cache(maxsize=2)  # a side input is the same for all Splits that a worker sees
def _totals(weights: bytes, series: int) -> tuple[_Totals, ...]:
    number, orders, totals = unpack(weights, 3)
    rank = np.lexsort((orders, number))
    number, orders, totals = number[rank], orders[rank], totals[rank]
    bounds = np.searchsorted(number, np.arange(series + 1))
    found = []
    for first, last in itertools.pairwise(bounds.tolist()):
        mine = totals[first:last]
        found.append(_Totals(orders[first:last], np.cumsum(mine) - mine, int(mine.sum())))
    return tuple(found)


def _places(rows: Documents | SidecarRows, split: Split, start: int) -> NDArray[np.int64]:
    """Where each row of a Split begins in the running total."""
    weights = rows.weights(split)
    return start + np.cumsum(weights) - weights


class _FilesFn(beam.DoFn):
    """(series, Split, file) of the files that rows of a Split fall into.

    A row larger than a whole file leaves the next one without any.
    """

    def __init__(self, series: tuple[Series, ...]) -> None:
        self._series = series

    def process(self, split: Split, weights: bytes) -> Iterator[bytes]:
        all_totals = _totals(weights, len(self._series))
        for number, (one, totals) in enumerate(zip(self._series, all_totals, strict=True)):
            start = totals.start(split)
            if start is not None:
                begins = boundaries(totals.total, one.target)
                files = np.unique(np.searchsorted(begins, _places(one.rows, split, start), side="right") - 1)
                yield pack(np.full(len(files), number), np.full(len(files), split.order), files)


@functools.lru_cache(maxsize=2)
def _filled(filled: bytes, series: int) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
    """Of every series, orders of Splits and the files that each has rows of, both sorted."""
    number, orders, files = unpack(filled, 3)
    rank = np.lexsort((files, orders, number))
    number, orders, files = number[rank], orders[rank], files[rank]
    bounds = np.searchsorted(number, np.arange(series + 1)).tolist()
    return tuple((orders[first:last], files[first:last]) for first, last in itertools.pairwise(bounds))


class _AssignFn(beam.DoFn):
    """Send a Split, with the running total before it, to every file that takes some of its rows."""

    def __init__(self, series: tuple[Series, ...]) -> None:
        self._series = series

    def process(self, split: Split, weights: bytes, filled: bytes) -> Iterator[tuple[int, bytes]]:
        all_totals, all_filled = _totals(weights, len(self._series)), _filled(filled, len(self._series))
        for number, (totals, (orders, files)) in enumerate(zip(all_totals, all_filled, strict=True)):
            numbers = np.unique(files)
            mine = files[np.searchsorted(orders, split.order) : np.searchsorted(orders, split.order, side="right")]
            if not len(numbers):  # no rows at all: one empty file shows the schema
                numbers, mine = np.zeros(1, np.int64), np.zeros(int(split.order == 0), np.int64)
            for file in mine.tolist():
                head = {"start": totals.start(split) or 0, "total": totals.total, "file": file, "files": len(numbers)}
                target = number << _FILE_BITS | int(np.searchsorted(numbers, file))
                yield target, json.dumps(head).encode() + b"\n" + split.encode()


class _WriteFn(beam.DoFn):
    def __init__(self, series: tuple[Series, ...]) -> None:
        self._series = series

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[ShardRecord]:
        target, parts = element
        series, number = self._series[target >> _FILE_BITS], target & ((1 << _FILE_BITS) - 1)
        splits = []
        for part in parts:
            head, _, encoded = part.partition(b"\n")
            splits.append((json.loads(head), Split.decode(encoded)))
        splits.sort(key=lambda item: item[1].order)
        first = splits[0][0]
        begins = boundaries(first["total"], series.target)
        ends = [*begins[1:].tolist(), None]
        file = first["file"]
        name = f"{series.name}/part-{number:05d}-of-{first['files']:05d}.parquet"
        yield _File(series, int(begins[file]), ends[file]).write(name, [(h["start"], s) for h, s in splits])


@dataclass(frozen=True)
class _File:
    """One file of a series: the rows whose places lie in [begin, end)."""

    series: Series
    begin: int
    end: int | None

    def write(self, name: str, splits: list[tuple[int, Split]]) -> ShardRecord:
        """Write it from the Splits that have rows of it, each with the running total before it."""
        options = self.series
        schema = self._out(options.rows.schema(splits[0][1]).empty_table()).schema
        rows = text_bytes = 0
        progress = Progress(options.progress, f"write {options.name}")
        with (
            atomic_writer(join(options.output, name)) as sink,
            pq.ParquetWriter(
                sink, schema, compression=options.compression, compression_level=options.compression_level
            ) as writer,
        ):
            for group in self._groups(splits):
                writer.write_table(self._out(group), row_group_size=len(group))
                size = int(pc.sum(group[TEXT_BYTES]).as_py() or 0) if TEXT_BYTES in group.column_names else 0
                rows += len(group)
                text_bytes += size
                progress.add(len(group), size)
        return ShardRecord(options.name, name, rows, text_bytes, sink.bytes, sink.sha256)

    def _out(self, table: pa.Table) -> pa.Table:
        return table.drop_columns([n for n in self.series.drop if n in table.column_names])

    def _groups(self, splits: list[tuple[int, Split]]) -> Iterator[pa.Table]:
        """Row groups of one file: a group ends where the running total since the file's begin passes a multiple."""
        held: list[pa.Table] = []
        current = rows = 0
        for start, split in splits:
            for table, places in self._placed(split, start):
                groups = (places - self.begin) // self.series.row_group
                first = 0
                while first < len(table):
                    if held and (groups[first] != current or rows == GROUP_ROWS):
                        yield pa.concat_tables(held).combine_chunks()
                        held, rows = [], 0
                    current = groups[first]
                    last = min(int(np.searchsorted(groups, current, side="right")), first + GROUP_ROWS - rows)
                    held.append(table.slice(first, last - first))
                    rows += last - first
                    first = last
        if held:
            yield pa.concat_tables(held).combine_chunks()

    def _placed(self, split: Split, start: int) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        """Rows of the Split that belong to this file, and the place of each in the running total."""
        places = _places(self.series.rows, split, start)
        inside = (places >= self.begin) & ((places < self.end) if self.end is not None else True)
        row = 0
        if not inside.any():
            return
        for table in self.series.rows.tables(split):
            here = slice(row, row + len(table))
            row += len(table)
            mine = inside[here]
            if mine.any():
                yield table if mine.all() else table.filter(pa.array(mine)), places[here][mine]


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class WriteShards(beam.PTransform):
    """Write series of rows of all Splits, each in order of keys, as Parquet files of equal weight.

    Gives a ShardRecord for every file. Of each series at least one is written, so that readers find the schema.
    """

    series: tuple[Series, ...]

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[ShardRecord]:  # noqa: D102
        weigh = beam.ParDo(_WeighFn(self.series)).with_output_types(bytes)
        weights = splits | "Weigh" >> weigh | "Weights" >> AsBytes()
        fill = beam.ParDo(_FilesFn(self.series), weights).with_output_types(bytes)
        filled = splits | "Fill" >> fill | "Filled" >> AsBytes()
        assign = beam.ParDo(_AssignFn(self.series), weights, filled).with_output_types(tuple[int, bytes])
        return splits | "Assign" >> assign | "Files" >> beam.GroupByKey() | "Write" >> beam.ParDo(_WriteFn(self.series))
