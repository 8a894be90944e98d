"""WriteTraining: one element a shard, which gathers its range of ranks, packs it and writes it in every format."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.chain import KEY
from filters.tokens.packing import gather_tokens, pack_documents, whole_documents
from filters.tokens.permutation import keyed_hash
from transforms.files import atomic_writer, join
from transforms.progress import Progress
from transforms.shuffle import AsBytes
from transforms.split import name_of, unpack
from transforms.training.gather import RankRange, gather_range, stream_of
from transforms.training.options import FOLDER, INDEX, SIDES, ShardSummary, TrainingOptions
from transforms.training.report import build_report, file_entries, mds_index, sample_index
from transforms.training.stage import RANK, TOKENS, Counts
from transforms.training.text_files import write_texts
from transforms.training.token_files import WRITERS, Samples

_GATHERED_BYTES = 128 << 20
"""Text that is in memory while a shard of texts is written. Every part of a shard opens the files of all Splits."""


@dataclass(frozen=True)
class Side:
    """Splits that have rows of one side, by their orders, and how many shards become of them."""

    orders: tuple[int, ...]
    shards: int
    text_bytes: int

    def staged(self, side: int, options: TrainingOptions) -> list[str]:
        """Files of the rows."""
        return [options.staged(name_of(order), side) for order in self.orders]


@functools.lru_cache(maxsize=2)  # a side input is the same for all shards that a worker writes
def plan_sides(runs: bytes, target: int) -> tuple[Side, ...]:
    """Both sides, from packed runs of `stage_training`: shards of about `target`, as many as have an equal part."""
    side, order, weight, size = unpack(runs, 4)
    found = []
    for number in range(len(SIDES)):
        mine = np.flatnonzero(side == number)
        total = int(weight[mine].sum())
        shards = max(1, (total + target // 2) // target) if len(mine) else 0
        found.append(Side(tuple(np.sort(order[mine]).tolist()), shards, int(size[mine].sum())))
    return tuple(found)


def write_shard(
    sides: tuple[Side, ...], side: int, shard: int, options: TrainingOptions, facts: dict[str, Any]
) -> ShardSummary:
    """Gather the rows of one shard, its part of all ranks, and write them in every format. facts: of the tokenizer."""
    params, folder, written = options.params, f"{FOLDER}/{SIDES[side]}", []
    held = sides[side]
    files, ranks = held.staged(side, options), RankRange(shard, held.shards)
    copies = tokens = samples = dropped = padding = 0
    if params.token_formats:
        packed, lengths = _packed(files, ranks, options, facts)
        copies, tokens, samples = len(lengths), int(lengths.sum()), packed.pieces.samples
        dropped = tokens - int(packed.pieces.tokens.sum())
        padding = packed.ids.size - (tokens - dropped)
        for name in params.token_formats if samples else ():
            written += WRITERS[name](packed, options.output, folder, shard)
    if params.text_formats:
        shard_bytes = held.text_bytes // held.shards
        parts = (_without_tokens(gather_range(files, part)) for part in ranks.cut(1 + shard_bytes // _GATHERED_BYTES))
        texts = write_texts(parts, folder, shard, options)
        copies = texts[0].rows if texts else 0
        written += texts
    return ShardSummary(SIDES[side], shard, copies, tokens, samples, dropped, padding, tuple(written))


def _packed(
    files: Sequence[str], ranks: RankRange, options: TrainingOptions, facts: dict[str, Any]
) -> tuple[Samples, NDArray[np.int64]]:
    """Samples of a range of ranks, and the tokens of every document (each as often as it is repeated)."""
    params = options.params
    table = gather_range(files, ranks, [RANK, KEY, TOKENS])
    stream, lengths = stream_of(table[TOKENS], np.dtype(facts["token_type"]))
    seed = int(keyed_hash(params.seed, "shard", np.array([ranks.number]))[0] >> np.uint64(1))
    pieces = pack_documents(lengths, params.pack, seed) if params.pack else whole_documents(lengths)
    document = np.searchsorted(np.cumsum(lengths), pieces.start, side="right")
    about = {
        "tokenizer": facts,
        "pack": params.pack.model_dump(mode="json") if params.pack else None,
        "seed": params.seed,
    }
    ids = gather_tokens(stream, pieces, facts["pad"] or 0)
    return Samples(ids, pieces, table[KEY].to_numpy()[document], about, options.compression_level), lengths


def _without_tokens(table: pa.Table) -> pa.Table:
    return table.drop_columns([TOKENS]) if TOKENS in table.column_names else table


class _ShardsFn(beam.DoFn):
    """(side, shard) of every shard to write."""

    def __init__(self, options: TrainingOptions) -> None:
        self._options = options

    def process(self, _: None, runs: bytes) -> Iterator[tuple[int, int]]:
        for side, held in enumerate(plan_sides(runs, self._options.target)):
            for shard in range(held.shards):
                yield side, shard


class _WriteFn(beam.DoFn):
    def __init__(self, options: TrainingOptions, facts: dict[str, Any]) -> None:
        self._options = options
        self._facts = facts

    def process(self, element: tuple[int, int], runs: bytes) -> Iterator[ShardSummary]:
        side, shard = element
        sides = plan_sides(runs, self._options.target)
        summary = write_shard(sides, side, shard, self._options, self._facts)
        Progress(self._options.progress, "write training").add(summary.copies, sum(f.size for f in summary.files))
        yield summary


def add_counts(total: Counts, more: Counts) -> None:
    """Add counts to a total."""
    for key, numbers in more.items():
        before = total.get(key)
        total[key] = list(numbers) if before is None else [a + b for a, b in zip(before, numbers, strict=True)]


class _AddCounts(beam.CombineFn):
    """Counts of all Splits."""

    def create_accumulator(self) -> Counts:
        return {}

    def add_input(self, accumulator: Counts, element: Counts) -> Counts:
        add_counts(accumulator, element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counts]) -> Counts:
        total: Counts = {}
        for accumulator in accumulators:
            add_counts(total, accumulator)
        return total

    def extract_output(self, accumulator: Counts) -> Counts:
        return accumulator


def finish_training(
    counts: Counts, shards: Sequence[ShardSummary], options: TrainingOptions, facts: dict[str, Any]
) -> dict[str, Any]:
    """Write the indexes, which come after all shards; give `report` and `files` for the manifest, as plain data.

    Raises ConservationError if what was written is not what was counted.
    """
    params = options.params
    report, files = build_report(counts, shards, params, facts or None), file_entries(shards)
    for side in dict.fromkeys(shard.side for shard in shards):
        indexes = {f"{FOLDER}/{side}/{INDEX}": sample_index(shards, params, side)}
        if "mds" in params.formats:
            dtype = np.dtype(facts["token_type"])
            indexes[f"{FOLDER}/{side}/mds/{INDEX}"] = mds_index(shards, params, side, dtype)
        for path, content in sorted(indexes.items()):
            with atomic_writer(join(options.output, path)) as sink:
                sink.write(json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")
            entry = {"path": path, "rows": 0, "size": sink.bytes, "sha256": sink.sha256}
            files.setdefault(f"{FOLDER}/indexes", []).append(entry)
    return {"report": report, "files": files}


class _FinishFn(beam.DoFn):
    def __init__(self, options: TrainingOptions, facts: dict[str, Any]) -> None:
        self._options = options
        self._facts = facts

    def process(self, _: None, counts: Counts, shards: list[ShardSummary]) -> Iterator[dict[str, Any]]:
        yield finish_training(counts, sorted(shards, key=lambda s: (s.side, s.shard)), self._options, self._facts)


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class WriteTraining(beam.PTransform):
    """From (runs, counts) of StageTraining: write all shards and indexes; one element, the account for the manifest.

    facts: of `Tokenizer`, empty without one.
    """

    options: TrainingOptions
    facts: dict[str, Any]

    def expand(self, collections: tuple[Any, Any]) -> beam.PCollection[dict[str, Any]]:  # noqa: D102
        packed, counts = collections
        runs = packed | "Runs" >> AsBytes()
        pipeline = packed.pipeline
        shards = (
            pipeline
            | "Start" >> beam.Create([None])
            | "Shards" >> beam.ParDo(_ShardsFn(self.options), runs).with_output_types(tuple[int, int])
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.ParDo(_WriteFn(self.options, self.facts), runs)
        )
        total = beam.pvalue.AsSingleton(counts | "Counts" >> beam.CombineGlobally(_AddCounts()))
        finish = beam.ParDo(_FinishFn(self.options, self.facts), total, beam.pvalue.AsList(shards))
        return pipeline | "Last" >> beam.Create([None]) | "Finish" >> finish
