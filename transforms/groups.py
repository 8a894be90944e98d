"""CountGroups: add up what every stage removed of every source, language or domain, and hold it against the budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from filters.groups import Budget, add_up, exceeded
from transforms.apply import GROUPS
from transforms.files import atomic_writer, join
from transforms.read import read_sidecar
from transforms.shards import ShardRecord
from transforms.shuffle import Records, typed
from transforms.split import Split


def by_value(table: pa.Table, partitions: int) -> Iterator[Records]:
    """GROUPS_SCHEMA rows as Arrow IPC, for the partition of their value."""
    values = table["value"].to_pylist()
    target = pa.array([xxhash.xxh3_64_intdigest(value.encode()) % partitions for value in values], pa.uint64())
    for partition in target.unique().to_pylist():
        rows = table.filter(pc.equal(target, partition)).combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        yield int(partition), sink.getvalue().to_pybytes()


class _SendFn(beam.DoFn):
    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, split: Split) -> Iterator[Records]:
        tables = [read_sidecar(uri) for uri in split.sidecar_uris(GROUPS)]
        if tables:
            yield from by_value(add_up(tables), self._partitions)


class _AddUpFn(beam.DoFn):
    def __init__(self, output: str, partitions: int, budgets: tuple[Budget, ...]) -> None:
        self._output = output
        self._partitions = partitions
        self._budgets = budgets

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[ShardRecord | beam.pvalue.TaggedOutput]:
        number, parts = element
        counts = add_up([pa.ipc.open_stream(part).read_all() for part in parts])
        name = f"{GROUPS}/part-{number:05d}-of-{self._partitions:05d}.parquet"
        with atomic_writer(join(self._output, name)) as sink:
            pq.write_table(counts, sink, compression="zstd")
        yield ShardRecord(GROUPS, name, len(counts), 0, sink.bytes, sink.sha256)
        for row in exceeded(counts, self._budgets):
            yield beam.pvalue.TaggedOutput("exceeded", row)


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class CountGroups(beam.PTransform):
    """Splits to (records of the files of `groups/`, what exceeds a budget as plain data)."""

    output: str
    budgets: tuple[Budget, ...]
    partitions: int = 4

    def expand(self, splits: beam.PCollection[Split]) -> tuple[Any, Any]:  # noqa: D102
        adding = beam.ParDo(_AddUpFn(self.output, self.partitions, self.budgets)).with_outputs("exceeded", main="files")
        added = (
            splits
            | "Send" >> beam.ParDo(_SendFn(self.partitions)).with_output_types(Records)
            | "ByValue" >> beam.GroupByKey()
            | "AddUp" >> adding
        )
        return typed(added.files, ShardRecord), typed(added.exceeded, dict)
