"""ExactDedup: of documents with the same normalised text, one stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from filters.chain import KEY
from filters.exact import ExactParams, content_hashes
from filters.keep import columns_needed, rank_count, rank_rows
from filters.texts import as_text_array, byte_lengths
from transforms.files import join
from transforms.marking import (
    EXACT_SCHEMA,
    DedupOptions,
    JoinSplits,
    Verdict,
    follow,
    joined_split,
    mark,
    table_of,
    unpack_exact,
)
from transforms.progress import Progress
from transforms.read import read_split
from transforms.shuffle import Keys, Ranges, Records, Shuffle, by_partition, by_split, typed
from transforms.split import Split, Spread, pack, unpack


@dataclass(frozen=True)
class Hashed:
    """Documents by the hash of their text: hash: uint64 (documents, 2); key, lowest, weight: int64 (documents,).

    ranks: int64 (documents, rules). Each stands for `weight` documents of the same text, `lowest` the smallest key.
    """

    hash: NDArray[np.uint64]
    key: Keys
    lowest: Keys
    weight: NDArray[np.int64]
    ranks: NDArray[np.int64]


def collapse_equal(found: Hashed) -> tuple[Hashed, Keys, Keys]:
    """Of documents of equal hash the first by rank and key stands: (standing ones, others, who stands for each)."""
    ranks = [found.ranks[:, i] for i in reversed(range(found.ranks.shape[1]))]
    order = np.lexsort((found.key, *ranks, found.hash[:, 1], found.hash[:, 0]))
    hashes, keys = found.hash[order], found.key[order]
    first = np.ones(len(keys), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    standing = Hashed(
        hash=hashes[first],
        key=keys[first],
        lowest=np.minimum.reduceat(found.lowest[order], starts) if len(starts) else keys,
        weight=np.add.reduceat(found.weight[order], starts) if len(starts) else keys,
        ranks=found.ranks[order][first],
    )
    return standing, keys[~first], standing.key[np.cumsum(first) - 1][~first]


class _HashFn(beam.DoFn):
    """Content hashes of one Split; equal texts within it are collapsed before the shuffle."""

    def __init__(self, params: ExactParams, options: DedupOptions, shuffle: Shuffle) -> None:
        self._params = params
        self._options = options
        self._shuffle = shuffle

    def process(self, split: Split) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        standing, others, leaders = collapse_equal(self._hashed(split))
        records = by_partition(
            standing.hash[:, 0], self._options.partitions, standing.hash[:, 1], standing.key, standing.lowest,
            standing.weight, *standing.ranks.T,
        )  # fmt: skip
        yield from self._shuffle.send(records, f"{split.name}-hashes")
        if len(others):
            yield beam.pvalue.TaggedOutput("local", (split.order, pack(others, leaders)))

    def _hashed(self, split: Split) -> Hashed:
        progress = Progress(self._options.progress, self._options.stage)
        text, keep = self._options.text_column, self._params.keep
        keys, hashes = [np.zeros(0, np.int64)], [np.zeros((0, 2), np.uint64)]
        ranks = [np.zeros((0, rank_count(keep)), np.int64)]
        for batch in read_split(split, columns=[text, *columns_needed(keep)]):
            texts = as_text_array(batch[text])
            sizes = byte_lengths(texts)
            keys.append(batch[KEY].to_numpy())
            hashes.append(content_hashes(texts, self._params))
            ranks.append(rank_rows(batch, sizes, split.source_uri, keep))
            progress.add(len(batch), int(sizes.sum()))
        key = np.concatenate(keys)
        return Hashed(np.concatenate(hashes), key, key, np.ones(len(key), np.int64), np.concatenate(ranks))


def decide_exact(records: bytes, rules: int) -> list[NDArray[np.int64]]:
    """Of packed records of a partition: (key, survivor, cluster, cluster size) of documents that have a duplicate."""
    columns = unpack(records, 5 + rules)
    hashes = np.stack(columns[:2], axis=1).view(np.uint64)
    ranks = np.stack(columns[5:], axis=1) if rules else np.empty((len(hashes), 0), np.int64)
    standing, others, leaders = collapse_equal(Hashed(hashes, columns[2], columns[3], columns[4], ranks))
    shared = standing.weight > 1
    decided = [standing.key, standing.key, standing.lowest, standing.weight]
    return follow([column[shared] for column in decided], others, leaders)


class _DecideExactFn(beam.DoFn):
    def __init__(self, rules: int, shuffle: Shuffle) -> None:
        self._rules = rules
        self._shuffle = shuffle

    def process(self, element: tuple[int, Iterable[bytes]], ranges: bytes) -> Iterator[Records]:
        yield from by_split(ranges, *decide_exact(b"".join(self._shuffle.receive(element[1])), self._rules))


class _MarkFn(beam.DoFn):
    def __init__(self, params: ExactParams, options: DedupOptions) -> None:
        self._params = params
        self._options = options

    def process(self, element: tuple[int, dict[str, Iterable[bytes]]]) -> Iterator[Split]:
        split, records = joined_split(element)
        decided = follow(unpack_exact(records["decided"]), *unpack(records["local"], 2))
        verdict = Verdict(table_of(EXACT_SCHEMA, decided), {})
        yield mark(split, verdict, self._options, self._params, "exact_duplicate", None)


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class ExactDedup(beam.PTransform):
    """Of documents with the same normalised text, keep (or tag as kept) the first by the keep rules."""

    params: ExactParams
    options: DedupOptions

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        options = self.options
        shuffle = Shuffle(join(options.folder, "hashes") if options.spill else None)
        hashing = beam.ParDo(_HashFn(self.params, options, shuffle)).with_outputs("local", main="records")
        hashed = splits | "Spread" >> Spread() | "Hash" >> hashing
        ranges = splits | "Ranges" >> Ranges()
        decide: Any = beam.ParDo(_DecideExactFn(rank_count(self.params.keep), shuffle), ranges)
        decided = typed(hashed.records) | "Equal" >> beam.GroupByKey() | "Decide" >> decide.with_output_types(Records)
        return (
            {"splits": splits, "local": typed(hashed.local), "decided": decided}
            | JoinSplits()
            | "Mark" >> beam.ParDo(_MarkFn(self.params, options)).with_output_types(Split)
        )
