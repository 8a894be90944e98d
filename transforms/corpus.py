"""ReadCorpus: a folder of raw files becomes Splits. Only footers are read; the plan itself rests in a file."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from filters.chain import KEY
from filters.errors import InputError
from transforms.files import atomic_writer, expand, open_filesystem
from transforms.formats import SourceFile, inspect_corpus
from transforms.split import MAX_FILES, ROW_BITS, Split, Spread, split_order
from transforms.tolerance import STRICT, Tolerance

TEXT_BYTES = "text_bytes"
"""Column of staged files: bytes of each text, int64, so that sizes are known without reading texts."""

RESERVED_COLUMNS = (KEY, TEXT_BYTES)


@dataclass(frozen=True)
class Corpus:
    """What a run reads: files in order of their ordinals, the schema that fits them all, the column of texts.

    columns: names of the schema's columns that are carried through, in order. tolerance: what may be unreadable.
    """

    files: tuple[SourceFile, ...]
    schema: pa.Schema
    text_column: str
    columns: tuple[str, ...]
    tolerance: Tolerance = STRICT

    @property
    def text_bytes(self) -> int:
        """Bytes of text, from footers; an estimate for JSON lines."""
        return sum(sum(file.unit_bytes) for file in self.files)

    @property
    def rows(self) -> int:
        """Documents known before reading (JSON lines count as none)."""
        return sum(sum(file.unit_rows) for file in self.files)


def open_corpus(
    paths: Sequence[str],
    *,
    text_column: str = "text",
    drop_columns: Sequence[str] = (),
    format: str | None = None,
    schema_sample_bytes: int = 8 << 20,
    tolerance: Tolerance = STRICT,
) -> Corpus:
    """List and inspect the input. Raises InputError for anything that would fail later: see `inspect_corpus`."""
    files, schema = inspect_corpus(
        expand(paths),
        text_column=text_column,
        format=format,
        schema_sample_bytes=schema_sample_bytes,
        tolerated=tolerance.kinds,
    )
    if len(files) > MAX_FILES:
        raise InputError(f"{len(files)} input files; document keys have room for {MAX_FILES}. Merge small files first")
    strange = [name for name in drop_columns if name not in schema.names or name == text_column]
    if strange:
        raise InputError(
            f"drop_columns names {strange[0]!r}; columns that can be dropped: {_others(schema, text_column)}"
        )
    columns = tuple(name for name in schema.names if name not in drop_columns)
    taken = [name for name in RESERVED_COLUMNS if name in columns]
    if taken:
        raise InputError(
            f"the input has a column {taken[0]!r}, which beamsift adds itself; "
            f"rename it, or leave it out with input.drop_columns: [{', '.join(taken)}]"
        )
    return Corpus(tuple(files), schema, text_column, columns, tolerance)


def _others(schema: pa.Schema, text_column: str) -> str:
    return ", ".join(name for name in schema.names if name != text_column)


def cut_splits(corpus: Corpus, split_bytes: int, plan_uri: str) -> Iterator[Split]:
    """Cut files into Splits of about `split_bytes` of text, at row groups; a file without units is one Split."""
    ordinal = 0
    for file in corpus.files:
        units = list(zip(file.unit_rows, file.unit_bytes, strict=True)) if file.unit_rows else []
        cuts = _cut_units([size for _, size in units], split_bytes) if units else [(0, 1)]
        first_row = 0
        for first, last in cuts:
            rows = sum(n for n, _ in units[first:last]) if units else -1
            yield Split(
                order=split_order(ordinal),
                uri=file.uri,
                format=file.format,
                source_uri=file.uri,
                first_unit=first,
                units=last - first,
                first_row=first_row,
                rows=rows,
                first_key=file.ordinal << ROW_BITS | first_row,
                size=file.size,
                mtime_ns=file.mtime_ns,
                plan=plan_uri,
            )
            first_row += max(rows, 0)
            ordinal += 1


def _cut_units(sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Runs [first, last) of units that hold at most `most` bytes, or one unit that alone holds more."""
    cuts, first, held = [], 0, 0
    for i, size in enumerate(sizes):
        if i > first and held + size > most:
            cuts.append((first, i))
            first, held = i, 0
        held += size
    return [*cuts, (first, len(sizes))]


def write_plan(corpus: Corpus, uri: str, split_bytes: int) -> int:
    """Write the Splits and the schema to one Parquet file; returns the number of Splits."""
    schema = pa.schema(
        [("split", pa.binary())],
        metadata={
            b"columns": json.dumps(corpus.columns).encode(),
            b"schema": corpus.schema.serialize().to_pybytes(),
            b"tolerance": _tolerance_as_json(corpus),
        },
    )
    count = 0
    plan_schema.cache_clear()  # of an earlier plan in the same place
    plan_tolerance.cache_clear()
    with atomic_writer(uri) as sink, pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        batch: list[bytes] = []
        for split in cut_splits(corpus, split_bytes, uri):
            batch.append(split.encode())
            count += 1
            if len(batch) == 10_000:
                writer.write_batch(pa.record_batch([pa.array(batch, pa.binary())], schema=schema))
                batch = []
        writer.write_batch(pa.record_batch([pa.array(batch, pa.binary())], schema=schema))
    return count


def _tolerance_as_json(corpus: Corpus) -> bytes:
    unopened = {file.ordinal: file.damage for file in corpus.files if file.damage}
    kinds = sorted(corpus.tolerance.kinds)
    return json.dumps({"kinds": kinds, "most": corpus.tolerance.max_documents, "unopened": unopened}).encode()


@functools.lru_cache(maxsize=8)
def plan_schema(uri: str) -> tuple[pa.Schema, list[str]]:
    """(schema of the corpus, columns that are carried through) that a plan was written with."""
    metadata = _plan_metadata(uri)
    return pa.ipc.read_schema(pa.py_buffer(metadata[b"schema"])), json.loads(metadata[b"columns"])


@functools.lru_cache(maxsize=8)
def plan_tolerance(uri: str) -> tuple[Tolerance, dict[int, str]]:
    """(what a plan tolerates, by ordinal why files cannot be opened); the share is judged at the end of the run."""
    found = json.loads(_plan_metadata(uri)[b"tolerance"])
    unopened = {int(ordinal): damage for ordinal, damage in found["unopened"].items()}
    return Tolerance(frozenset(found["kinds"]), found["most"]), unopened


def _plan_metadata(uri: str) -> dict[bytes, bytes]:
    filesystem, path = open_filesystem(uri)
    with filesystem.open_input_file(path) as file:
        return dict(pq.read_schema(file).metadata)


def read_plan(uri: str) -> Iterator[Split]:
    """The Splits of a plan, in order."""
    filesystem, path = open_filesystem(uri)
    with filesystem.open_input_file(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=1024):
            for encoded in batch.column(0):
                yield Split.decode(encoded.as_py())


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class ReadCorpus(beam.PTransform):
    """The Splits of a plan that `write_plan` made. The graph holds the plan's path, whatever the number of files.

    >>> corpus = open_corpus(["raw/*.parquet"])                       # doctest: +SKIP
    >>> write_plan(corpus, "out/staging/plan.parquet", 64 << 20)      # doctest: +SKIP
    >>> pipeline | ReadCorpus("out/staging/plan.parquet")             # doctest: +SKIP
    """

    plan_uri: str

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection[Split]:  # noqa: D102
        return (
            pipeline
            | "Plan" >> beam.Create([self.plan_uri])
            | "Splits" >> beam.FlatMap(read_plan).with_output_types(Split)
            | "Spread" >> Spread()
        )
