"""StageTraining: the rows of a Split, tokenised, as often as the mixture says, in a file in order of their ranks."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.chain import KEY
from filters.errors import InputError
from filters.groups import Grouping
from filters.texts import as_text_array, byte_lengths
from filters.tokens.mixture import document_weights, validation_mask, weighted_groups, whole_copies
from filters.tokens.permutation import bucket, ranks
from filters.tokens.tokenizer import Tokenizer, Tokens, load_tokenizer
from transforms.apply import write_sidecar
from transforms.corpus import TEXT_BYTES
from transforms.files import atomic_writer, join, read_bytes
from transforms.progress import Progress
from transforms.read import read_split, split_schema
from transforms.shuffle import typed
from transforms.split import Split, pack
from transforms.training.options import LEFT_OUT, SIDES, TrainingOptions

RANK, TOKENS = "\0rank", "\0tokens"
"""Columns of staged rows beside KEY and the document's own, whose names do not begin so."""

DOCUMENTS = "training"
"""Kind of sidecar: DOCUMENTS_SCHEMA rows, one a document."""
DOCUMENTS_SCHEMA = pa.schema(
    [
        pa.field(KEY, pa.int64(), nullable=False),
        pa.field("validation", pa.bool_(), nullable=False),
        pa.field("copies", pa.int64(), nullable=False),  # in the training output; 0: the mixture leaves it out
        ("tokens", pa.int64()),  # of one copy, with bos and eos; null without a tokenizer
    ]
)

_BATCH_BYTES = 64 << 10
"""Least that is read of a staged file at once. A shard reads its part of every file, and up to two batches too many."""

COUNTED = ("documents", "copies", "tokens", "text_bytes", "unknown")
"""What is counted; all but documents by copies."""
Counts = dict[tuple[str, str, str], list[int]]
"""(side, counted by, value) -> COUNTED. By "all" there is one value, ""."""
MIXTURE = "mixture"
"""Counted by: the names in `mixture.weights`, "" for documents under none of them."""


GROUPINGS = (Grouping("source", None), Grouping("language", "language"))


class TrainingCounts:
    """Adds up documents and tokens by side and group: source, language, and the names that the mixture weighs."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.counts: Counts = defaultdict(lambda: [0] * len(COUNTED))

    def add(
        self,
        batch: pa.RecordBatch,
        weighted: pa.Array | None,
        sides: NDArray[np.int64],
        columns: Sequence[NDArray[np.int64]],
    ) -> None:
        """Count rows. weighted: of `weighted_groups`; sides: index in SIDES, or 2 for left out; columns: COUNTED."""
        grouped = [("all", pa.array([""] * len(batch), pa.string())), (MIXTURE, weighted)]
        grouped += [(grouping.name, grouping.values(batch, self._uri)) for grouping in GROUPINGS]
        for by, values in grouped:
            if values is None or not len(batch):
                continue
            coded = values.dictionary_encode()
            names = coded.dictionary.to_pylist()
            cells = sides * len(names) + coded.indices.to_numpy()
            sums = [np.bincount(cells, weights=column) for column in columns]  # exact up to 2**53
            for cell in np.unique(cells).tolist():
                total = self.counts[(*SIDES, LEFT_OUT)[cell // len(names)], by, names[cell % len(names)]]
                for place, numbers in enumerate(sums):
                    total[place] += int(numbers[cell])


def stage_training(split: Split, options: TrainingOptions, tokenizer: Tokenizer | None) -> tuple[Split, bytes, Counts]:
    """Write the rows of both sides, and a sidecar of what became of every document.

    Gives the Split with that sidecar, packed (side, order, weight, text bytes) of every side that has rows (the weight
    is tokens, or bytes of text without a tokenizer), and the counts.
    """
    params, progress = options.params, Progress(options.progress, "tokenise" if tokenizer else "shuffle")
    counts = TrainingCounts(split.source_uri)
    tables: list[pa.Table] = []
    described: list[NDArray[np.int64]] = []
    for batch in read_split(split, columns=_columns(split, options)):
        keys, texts = batch[KEY].to_numpy(), as_text_array(batch[options.text_column])
        sizes = byte_lengths(texts)
        weighted = weighted_groups(batch, split.source_uri, params.mixture) if params.mixture else None
        copies, validation = _copies(batch, keys, weighted, options)
        lengths = unknown = np.zeros(len(keys), np.int64)
        tokens = None
        if tokenizer is not None:
            tokens = tokenizer.tokens(texts)
            lengths, unknown = tokens.lengths, _unknown(tokens, tokenizer)
        sides = np.where(copies == 0, len(SIDES), validation.astype(np.int64))
        times = np.maximum(copies, 1)  # of what is left out, one copy is counted
        counted = [np.ones(len(keys), np.int64), copies, *(times * values for values in (lengths, sizes, unknown))]
        counts.add(batch, weighted, sides, counted)
        tables.append(_staged(batch, tokens if params.token_formats else None, params.text_formats != ()))
        described.append(np.stack([keys, copies, validation, lengths, sizes]))
        progress.add(len(keys), int(sizes.sum()))
    if not tables:
        return split, b"", counts.counts
    table = pa.concat_tables(tables).combine_chunks()
    keys, copies, validation, lengths, sizes = np.concatenate(described, axis=1)
    weights, runs = (lengths if tokenizer else sizes), b""
    for side in range(len(SIDES)):
        mine = np.flatnonzero((validation == side) & (copies > 0))
        if len(mine):
            _write_side(table, mine, keys, copies, options.staged(split.name, side), params.seed)
            totals = [int((copies[mine] * values[mine]).sum()) for values in (weights, sizes)]
            record = (side, split.order, *totals)
            runs += pack(*(np.array([value], np.int64) for value in record))
    uri = join(options.folder, f"{split.name}.documents.parquet")
    tokens_column = pa.array(lengths) if tokenizer else pa.nulls(len(keys), pa.int64())
    columns = [pa.array(keys), pa.array(validation == 1), pa.array(copies), tokens_column]
    write_sidecar(uri, pa.table(columns, schema=DOCUMENTS_SCHEMA))
    return replace(split, sidecars=(*split.sidecars, (DOCUMENTS, uri))), runs, counts.counts


def _columns(split: Split, options: TrainingOptions) -> list[str] | None:
    """Columns to read: all where texts are written, else those that decide something."""
    if options.params.text_formats:
        return None
    there = set(split_schema(split).names)
    validation = options.params.validation
    wanted = [options.text_column, *(grouping.column for grouping in GROUPINGS), options.size_column]
    if options.params.mixture is not None:
        wanted.append(options.params.mixture.grouping.column)
    if validation is not None:
        wanted += [validation.by, *(name for pair in options.clusters for name in pair)]
    return list(dict.fromkeys(name for name in wanted if name is not None and name in there))


def _copies(
    batch: pa.RecordBatch, keys: NDArray[np.int64], weighted: pa.Array | None, options: TrainingOptions
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Copies of every row, and which are set apart; what is set apart is there once, or not if its weight is 0."""
    params = options.params
    copies, validation = np.ones(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    if params.validation is not None:
        validation = validation_mask(batch, options.text_column, params.validation, options.clusters)
    if params.mixture is not None and weighted is not None:
        weights = document_weights(batch, weighted, params.mixture, options.size_column)
        copies = np.where(validation, weights > 0, whole_copies(weights, keys, params.seed))
    return copies.astype(np.int64), validation


def _unknown(tokens: Tokens, tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Tokens of every document that stand for what the tokenizer does not know."""
    running = np.concatenate([[0], np.cumsum(tokens.ids == (-1 if tokenizer.unknown is None else tokenizer.unknown))])
    ends = np.cumsum(tokens.lengths)
    return np.asarray(running[ends] - running[ends - tokens.lengths], np.int64)


def _staged(batch: pa.RecordBatch, tokens: Tokens | None, with_text: bool) -> pa.Table:
    """KEY, tokens, the document's own columns: those of them that are to be written."""
    table = pa.table({KEY: batch[KEY]})
    if tokens is not None:
        offsets = pa.array(np.concatenate([[0], np.cumsum(tokens.lengths)]))
        table = table.append_column(TOKENS, pa.LargeListArray.from_arrays(offsets, pa.array(tokens.ids)))
    if with_text:
        for name in batch.schema.names:
            if name not in (KEY, TEXT_BYTES):
                table = table.append_column(batch.schema.field(name), batch[name])
    return table


def _write_side(
    table: pa.Table,
    rows: NDArray[np.int64],
    keys: NDArray[np.int64],
    copies: NDArray[np.int64],
    uri: str,
    seed: int,
) -> None:
    """Rows, each as often as it has copies, in order of rank; record batch b of n holds part b of n of all ranks."""
    repeated = np.repeat(rows, copies[rows])
    number = np.arange(len(repeated)) - np.repeat(np.cumsum(copies[rows]) - copies[rows], copies[rows])
    rank = ranks(seed, keys[repeated], number)
    order = np.argsort(rank, kind="stable")
    rank, repeated = rank[order], repeated[order]
    batches = max(1, int(table.nbytes / len(table) * len(repeated)) // _BATCH_BYTES)
    bounds = np.searchsorted(bucket(rank, batches), np.arange(batches + 1)).tolist()
    schema = pa.schema([pa.field(RANK, pa.uint64()), *table.schema])
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with atomic_writer(uri) as sink, pa.ipc.new_file(sink, schema, options=options) as writer:
        for first, last in itertools.pairwise(bounds):
            part = table.take(pa.array(repeated[first:last])).combine_chunks()
            columns = [
                column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in part.columns
            ]
            writer.write_batch(pa.record_batch([pa.array(rank[first:last]), *columns], schema=schema))


class _StageFn(beam.DoFn):
    def __init__(self, options: TrainingOptions, facts: dict[str, Any]) -> None:
        self._options = options
        self._facts = facts
        self._tokenizer: Tokenizer | None = None

    def setup(self) -> None:
        params = self._options.params.tokenizer
        if params is None:
            return
        self._tokenizer = load_tokenizer(params, read_bytes)
        if self._tokenizer.facts != self._facts:
            raise InputError(
                f"{params.path} or its library is not what it was when the run began: {self._tokenizer.facts} "
                f"and {self._facts}; use one file and one version on all workers, and run again"
            )

    def process(self, split: Split) -> Iterator[Any]:
        staged, runs, counts = stage_training(split, self._options, self._tokenizer)
        yield staged
        if runs:
            yield beam.pvalue.TaggedOutput("runs", runs)
        yield beam.pvalue.TaggedOutput("counts", dict(counts))


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class StageTraining(beam.PTransform):
    """Splits to (the same with sidecars, packed runs of `stage_training`, counts). facts: of `Tokenizer`, or empty."""

    options: TrainingOptions
    facts: dict[str, Any]

    def expand(self, splits: beam.PCollection[Split]) -> tuple[Any, Any, Any]:  # noqa: D102
        staged = splits | "Stage" >> beam.ParDo(_StageFn(self.options, self.facts)).with_outputs(
            "runs", "counts", main="splits"
        )
        return typed(staged.splits, Split), typed(staged.runs, bytes), typed(staged.counts, dict)
