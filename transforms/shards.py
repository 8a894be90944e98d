"""WriteShards: rows of all Splits become files of equal size, in order of document keys, the same on every runner.

Where a shard begins is a place in the running total of weights (bytes of text) over all rows in order of their keys,
so the cut depends on the rows alone: not on how they were cut into Splits, batches or bundles.
"""

from __future__ import annotations

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
from transforms.shuffle import JoinBytes
from transforms.split import ROW_BITS, Split, pack, unpack

GROUP_ROWS = 100_000
"""Most rows of a row group, so that texts of few bytes do not make one of many million rows."""


@dataclass(frozen=True)
class ShardRecord:
    """One finished file, as the manifest lists it. weight is what the files were balanced by."""

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
class SeriesOptions:
    """name: of the folder under `output`, and of the series in the manifest. target: weight a file should have.

    row_group: weight of a row group, the unit a training reader loads and skips; it ends after GROUP_ROWS rows, too.
    drop: columns not written.
    """

    name: str
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
    def __init__(self, series: Documents | SidecarRows) -> None:
        self._series = series

    def process(self, split: Split) -> Iterator[bytes]:
        total = int(self._series.weights(split).sum())
        yield pack(np.array([split.order], np.int64), np.array([total], np.int64))


@dataclass(frozen=True)
class _Cut:
    """Where the files begin, and where a Split's rows stand in the running total."""

    begins: NDArray[np.int64]
    total: int
    start: int

    def file_of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """File that each place falls into."""
        return np.searchsorted(self.begins, places, side="right") - 1


def _cut(weights: bytes, order: int, target: int) -> _Cut:
    orders, totals = unpack(weights, 2)
    rank = np.argsort(orders)
    orders, totals = orders[rank], totals[rank]
    starts = np.cumsum(totals) - totals
    total = int(totals.sum())
    return _Cut(boundaries(total, target), total, int(starts[np.searchsorted(orders, order)]))


def _places(series: Documents | SidecarRows, split: Split, start: int) -> NDArray[np.int64]:
    """Where each row of a Split begins in the running total."""
    weights = series.weights(split)
    return start + np.cumsum(weights) - weights


class _FilesFn(beam.DoFn):
    """Files that rows of a Split fall into. A row larger than a whole file leaves the next one without any."""

    def __init__(self, series: Documents | SidecarRows, target: int) -> None:
        self._series = series
        self._target = target

    def process(self, split: Split, weights: bytes) -> Iterator[bytes]:
        cut = _cut(weights, split.order, self._target)
        files = np.unique(cut.file_of(_places(self._series, split, cut.start)))
        yield pack(np.full(len(files), split.order, np.int64), files.astype(np.int64))


class _AssignFn(beam.DoFn):
    """Send a Split, with the running total before it, to every file that takes some of its rows."""

    def __init__(self, target: int) -> None:
        self._target = target

    def process(self, split: Split, weights: bytes, filled: bytes) -> Iterator[tuple[int, bytes]]:
        orders, files = unpack(filled, 2)
        numbers = np.unique(files)
        cut = _cut(weights, split.order, self._target)
        mine = files[orders == split.order]
        if not len(numbers):  # no rows at all: one empty file shows the schema
            numbers = mine = np.zeros(1, np.int64)
        for file in mine.tolist():
            head = {"start": cut.start, "total": cut.total, "file": file, "files": len(numbers)}
            yield int(np.searchsorted(numbers, file)), json.dumps(head).encode() + b"\n" + split.encode()


class _WriteFn(beam.DoFn):
    def __init__(self, series: Documents | SidecarRows, options: SeriesOptions) -> None:
        self._series = series
        self._options = options

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[ShardRecord]:
        number, parts = element
        splits = []
        for part in parts:
            head, _, encoded = part.partition(b"\n")
            splits.append((json.loads(head), Split.decode(encoded)))
        splits.sort(key=lambda item: item[1].order)
        first = splits[0][0]
        begins = boundaries(first["total"], self._options.target)
        ends = [*begins[1:].tolist(), None]
        file = first["file"]
        name = f"{self._options.name}/part-{number:05d}-of-{first['files']:05d}.parquet"
        yield self._write(name, int(begins[file]), ends[file], [(h["start"], s) for h, s in splits])

    def _write(self, name: str, begin: int, end: int | None, splits: list[tuple[int, Split]]) -> ShardRecord:
        options = self._options
        schema = self._out(self._series.schema(splits[0][1]).empty_table()).schema
        rows = text_bytes = 0
        progress = Progress(options.progress, f"write {options.name}")
        with (
            atomic_writer(join(options.output, name)) as sink,
            pq.ParquetWriter(
                sink, schema, compression=options.compression, compression_level=options.compression_level
            ) as writer,
        ):
            for group in self._groups(begin, end, splits):
                writer.write_table(self._out(group), row_group_size=len(group))
                size = int(pc.sum(group[TEXT_BYTES]).as_py() or 0) if TEXT_BYTES in group.column_names else 0
                rows += len(group)
                text_bytes += size
                progress.add(len(group), size)
        return ShardRecord(options.name, name, rows, text_bytes, sink.bytes, sink.sha256)

    def _out(self, table: pa.Table) -> pa.Table:
        return table.drop_columns([n for n in self._options.drop if n in table.column_names])

    def _groups(self, begin: int, end: int | None, splits: list[tuple[int, Split]]) -> Iterator[pa.Table]:
        """Row groups of one file: a group ends where the running total since the file's begin passes a multiple."""
        held: list[pa.Table] = []
        current = rows = 0
        for start, split in splits:
            for table, places in self._placed(split, start, begin, end):
                groups = (places - begin) // self._options.row_group
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

    def _placed(
        self, split: Split, start: int, begin: int, end: int | None
    ) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        """Rows of the Split that belong to this file, and the place of each in the running total."""
        places = _places(self._series, split, start)
        inside = (places >= begin) & ((places < end) if end is not None else True)
        row = 0
        if not inside.any():
            return
        for table in self._series.tables(split):
            here = slice(row, row + len(table))
            row += len(table)
            mine = inside[here]
            if mine.any():
                yield table if mine.all() else table.filter(pa.array(mine)), places[here][mine]


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class WriteShards(beam.PTransform):
    """Write one series of rows of all Splits, in order of keys, as Parquet files of equal weight.

    Gives a ShardRecord for every file. At least one file is written, so that readers find the schema.
    """

    series: Documents | SidecarRows
    options: SeriesOptions

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[ShardRecord]:  # noqa: D102
        weights = (
            splits
            | "Weigh" >> beam.ParDo(_WeighFn(self.series)).with_output_types(bytes)
            | "Totals" >> beam.CombineGlobally(JoinBytes()).with_output_types(bytes)
        )
        side = beam.pvalue.AsSingleton(weights)
        filled = (
            splits
            | "Fill" >> beam.ParDo(_FilesFn(self.series, self.options.target), side).with_output_types(bytes)
            | "Filled" >> beam.CombineGlobally(JoinBytes()).with_output_types(bytes)
        )
        assign = beam.ParDo(_AssignFn(self.options.target), side, beam.pvalue.AsSingleton(filled))
        return (
            splits
            | "Assign" >> assign.with_output_types(tuple[int, bytes])
            | "Files" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(_WriteFn(self.series, self.options))
        )
