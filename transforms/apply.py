"""Apply: run consecutive row-wise stages in one pass over each Split; survivors are staged, the others explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.annotate import annotate_stages
from filters.chain import KEY, READ, Applied, Stage, StageTimes, Tally, pass_again, run_stages
from filters.contract import prepared_state
from filters.groups import GroupCounts, Grouping
from filters.texts import byte_lengths
from transforms.corpus import TEXT_BYTES
from transforms.files import AtomicFile, atomic_writer
from transforms.finished import finished_pieces, piece_stem, record_piece
from transforms.progress import Progress
from transforms.read import BATCH_ROWS, read_split, split_schema
from transforms.split import PART_BITS, STAGED, Split, Spread, split_order

REJECTS, EDITS = "rejects", "edits"
"""Kinds of sidecar: documents that left (REJECTS_SCHEMA) and edits that were made (EDITS_LOG_SCHEMA)."""
GROUPS = "groups"
"""Kind of sidecar: counts by source, language, domain (GROUPS_SCHEMA)."""

PART_ROWS = 1 << 18
"""Rows read for one staged file at most: what is known of each, such as its rejection, is held until the file ends."""

_ROW_GROUP_BYTES = 8 << 20


@dataclass(frozen=True)
class StagingOptions:
    """Where and how intermediate files are written.

    folder: root of this transform's files. batch_rows: rows given to a stage at once (results do not depend on it).
    split_bytes: a staged file is closed when this much text has been read for it (or PART_ROWS rows), so that one long
    JSON-lines file becomes many Splits, whatever its filters keep. keep_text: rejects carry their text. progress:
    folder for `Progress`. groupings: documents are counted by these. second_pass: share of the survivors that the
    stages are run over again. annotate: nothing is dropped, see `filters.annotate`; the staged Split holds all rows,
    those that a run would have dropped as dead ones. language: column whose value rejects carry. work: fingerprint of
    stages, schema and code; pieces that were staged by the same work are taken over, see `transforms.finished`. None:
    they are not recorded.
    """

    folder: str
    batch_rows: int = BATCH_ROWS
    split_bytes: int = 64 << 20
    keep_text: bool = False
    progress: str | None = None
    groupings: tuple[Grouping, ...] = ()
    second_pass: float = 0.0
    annotate: bool = False
    language: str | None = None
    work: str | None = None


@dataclass
class _Part:
    """One staged file in the making."""

    sink: Any
    writer: pq.ParquetWriter
    uri: str
    groups: GroupCounts
    held: list[pa.RecordBatch] = field(default_factory=list)
    held_bytes: int = 0
    rows: int = 0
    seen_rows: int = 0
    seen_bytes: int = 0
    keys: tuple[int, int] | None = None
    rejects: list[pa.Table] = field(default_factory=list)
    edits: list[pa.Table] = field(default_factory=list)
    alive: list[NDArray[np.bool_]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    files: list[AtomicFile] = field(default_factory=list)

    def add(self, applied: Applied, kept: pa.RecordBatch) -> None:
        self.tally.update(applied.tally)
        self.seen_rows += applied.tally.documents[(READ, READ)]
        self.seen_bytes += applied.tally.bytes[(READ, READ)]
        if len(applied.rejects):
            self.rejects.append(applied.rejects)
        if len(applied.edits):
            self.edits.append(applied.edits)
        if not len(kept):
            return
        self.held.append(kept)
        self.held_bytes += kept.nbytes
        self.rows += len(kept)
        keys = kept[KEY]
        self.keys = (self.keys[0] if self.keys else keys[0].as_py(), keys[-1].as_py())
        if self.held_bytes >= _ROW_GROUP_BYTES:
            self.flush()

    def is_open(self, split_bytes: int) -> bool:
        return self.seen_bytes < split_bytes and self.seen_rows < PART_ROWS

    def flush(self) -> None:
        if self.held:
            self.writer.write_table(pa.Table.from_batches(self.held).combine_chunks())
            self.held, self.held_bytes = [], 0


def stage_split(split: Split, stages: Sequence[Stage], text_column: str, options: StagingOptions) -> Iterator[Split]:
    """Run the stages on one Split, write what comes out under `options.folder`, yield the staged Splits.

    File names depend on the Split alone and appear when complete, so that a repeated bundle changes nothing.
    """
    progress = Progress(options.progress, "filter")
    raw = split.format != STAGED
    number = at = read = 0
    for staged in finished_pieces(options.folder, split, options.work) if options.work else ():
        yield staged
        if staged.last or not raw:
            return
        number += 1
        read += staged.tally.documents[(READ, READ)]
    alive = split.mask() if options.annotate and not raw else np.zeros(0, np.bool_)
    batches = _behind(_batches(split, options), read)
    batch: pa.RecordBatch | None = next(batches, None) or _no_rows(split_schema(split))
    while batch is not None:
        uri = f"{piece_stem(options.folder, split, number)}.parquet"
        with atomic_writer(uri) as sink:
            part: _Part | None = None
            # Only raw files are cut: a staged Split was cut to size when it was raw.
            while batch is not None and (part is None or not raw or part.is_open(options.split_bytes)):
                if part is None:
                    groups = GroupCounts(options.groupings, split.source_uri)
                if options.annotate:
                    before = None if raw else alive[at : at + len(batch)]
                    at += len(batch)
                    applied, after = annotate_stages(batch, stages, text_column, before, groups=groups)
                    survivors = applied.kept.filter(pa.array(after))
                else:
                    times: StageTimes = {}
                    applied = run_stages(
                        batch,
                        stages,
                        text_column,
                        keep_text=options.keep_text,
                        groups=groups,
                        language=options.language,
                        times=times,
                    )
                    progress.add_stages(times)
                    survivors = applied.kept
                again = pass_again(survivors, batch.schema.names, stages, text_column, options.second_pass)
                applied.tally.update(again)
                kept = _with_sizes(applied.kept, text_column)
                if part is None:
                    part = _Part(sink, _staged_writer(sink, kept.schema, text_column), uri, groups, files=[sink])
                part.add(applied, kept)
                if options.annotate:
                    part.alive.append(after)
                progress.add(len(batch), applied.tally.bytes[(READ, READ)], len(applied.rejects))
                batch = next(batches, None)
            assert part is not None
            part.flush()
            part.writer.close()
        staged = replace(_finish(split, part, number, options), last=split.last and batch is None)
        if options.work:
            record_piece(piece_stem(options.folder, split, number), split, options.work, staged, part.files)
        yield staged
        number += 1


def _batches(split: Split, options: StagingOptions) -> Iterator[pa.RecordBatch]:
    """Rows to work on: those alive, or all if nothing is to be dropped."""
    if options.annotate and split.format == STAGED:
        split = split.with_mask(np.ones(split.rows, np.bool_))
    return read_split(split, batch_rows=options.batch_rows)


def _behind(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Batches without their first rows."""
    for batch in batches:
        if rows < len(batch):
            yield batch.slice(rows)
        rows = max(0, rows - len(batch))


def _with_sizes(batch: pa.RecordBatch, text_column: str) -> pa.RecordBatch:
    column = pa.array(byte_lengths(batch[text_column]))
    index = batch.schema.get_field_index(TEXT_BYTES)
    if index >= 0:
        return batch.set_column(index, batch.schema.field(index), column)
    return batch.add_column(1, pa.field(TEXT_BYTES, pa.int64()), column)


def _staged_writer(sink: Any, schema: pa.Schema, text_column: str) -> pq.ParquetWriter:
    # Staged files are written once and read two or three times by the same run: speed counts, size does not.
    repeating = [f.name for f in schema if f.name not in (text_column, KEY, TEXT_BYTES) and _is_text(f.type)]
    return pq.ParquetWriter(
        sink, schema, compression="lz4", use_dictionary=repeating or False, write_statistics=False, store_schema=True
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _finish(split: Split, part: _Part, number: int, options: StagingOptions) -> Split:
    """The staged Split with its sidecars written and its history brought up to date."""
    stem = piece_stem(options.folder, split, number)
    sidecars = [s for s in split.sidecars if not s[0].startswith("column:")] if number == 0 else []
    counts = [part.groups.table()] if options.groupings else []
    for kind, tables in ((REJECTS, part.rejects), (EDITS, part.edits), (GROUPS, counts)):
        if tables:
            uri = f"{stem}.{kind}.parquet"
            part.files.append(write_sidecar(uri, pa.concat_tables(tables)))
            sidecars.append((kind, uri))
    tally = Tally()
    if number == 0:
        tally.update(split.tally)
    tally.update(part.tally if split.format != STAGED else _without_read(part.tally))
    first, last = part.keys or (split.first_key, split.first_key - 1)
    if split.format == STAGED:  # still the Split of all keys it was once given: their rejects lie beside it
        first, last = split.first_key, split.last_key
    staged = replace(
        split,
        order=split_order(split.order >> PART_BITS, number) if number else split.order,
        uri=part.uri,
        format=STAGED,
        rows=part.rows,
        first_key=first,
        last_key=last,
        alive=b"",
        sidecars=tuple(sidecars),
        tally=tally,
    )
    return staged.with_mask(np.concatenate(part.alive)) if part.alive else staged


def _without_read(tally: Tally) -> Tally:
    """Counts of a later pass: its documents were counted as read by the first one."""
    outcomes = Tally()
    for outcome, documents in tally.documents.items():
        if outcome[0] != READ:
            outcomes.add(outcome, documents, tally.bytes[outcome])
    return outcomes


def write_sidecar(uri: str, table: pa.Table) -> AtomicFile:
    """Write a small file about a Split's rows."""
    with atomic_writer(uri) as sink:
        pq.write_table(table, sink, compression="zstd")
    return sink


class _ApplyFn(beam.DoFn):
    def __init__(self, stages: Sequence[Stage], text_column: str, options: StagingOptions) -> None:
        self._stages = tuple(stages)
        self._text_column = text_column
        self._options = options

    def setup(self) -> None:
        for stage in self._stages:
            prepared_state(stage.kind, stage.params)

    def process(self, split: Split) -> Iterator[Split]:
        yield from stage_split(split, self._stages, self._text_column, self._options)


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class Apply(beam.PTransform):
    """Run row-wise stages on Splits, raw or staged, and give staged Splits.

    Also without any stage it stages the corpus: deduplication and `WriteShards` take staged Splits.
    """

    stages: Sequence[Stage]
    text_column: str
    options: StagingOptions

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        return (
            splits
            | "Spread" >> Spread()
            | "Run" >> beam.ParDo(_ApplyFn(self.stages, self.text_column, self.options)).with_output_types(Split)
        )


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([pa.array([], f.type) for f in schema], schema=schema)
