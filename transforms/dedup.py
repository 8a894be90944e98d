"""ExactDedup and MinHashDedup: the same Splits come back with fewer rows alive, and a record of every removal.

Texts stay where they are. What is shuffled are packed arrays of 64-bit integers: hashes and document keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.chain import KEY, Tally, reject_rows
from filters.contract import full_name
from filters.exact import ExactParams, content_hashes
from filters.graphs import distinct_edges, star_edges
from filters.minhash import MinHashParams, band_hashes, signatures
from filters.texts import as_text_array, text_buffers
from transforms.apply import REJECTS, write_sidecar
from transforms.components import ConnectedComponents
from transforms.files import join
from transforms.progress import Progress
from transforms.read import column_sidecar, read_keys_and_sizes, read_split
from transforms.split import ROW_BITS, Split, Spread, pack, unpack

DUPLICATES_SCHEMA = pa.schema(
    [
        pa.field(KEY, pa.int64(), nullable=False),
        pa.field("survivor", pa.int64(), nullable=False),  # the document itself, if it stays
        pa.field("cluster_size", pa.int64(), nullable=False),  # documents that reached the stage, this one included
    ]
)
"""Rows of `dedup/<stage>/`: every document that has a duplicate, in order of keys."""

Records = tuple[int, bytes]


@dataclass(frozen=True)
class DedupOptions:
    """Where a deduplication writes and how it is spread; none of it changes the outcome.

    stage: its id in the recipe. folder: root of this stage's files. partitions: of the hash shuffle; each is sorted
    in memory by one worker, 24 to 32 bytes a record.
    """

    stage: str
    text_column: str
    folder: str
    partitions: int = 16
    keep_text: bool = False
    progress: str | None = None


def duplicates_sidecar(stage: str) -> str:
    """Sidecar kind of a stage's DUPLICATES_SCHEMA rows."""
    return f"duplicates:{stage}"


def by_partition(hashes: NDArray[np.uint64], partitions: int, *columns: NDArray[np.int64]) -> Iterator[Records]:
    """Packed records (hash, columns ...) for each partition that receives any. The high bits choose."""
    target = (hashes >> np.uint64(40)) % np.uint64(partitions)
    for partition in np.unique(target).tolist():
        here = target == partition
        yield int(partition), pack(hashes[here], *(column[here] for column in columns))


def by_file(keys: NDArray[np.int64], *columns: NDArray[np.int64]) -> Iterator[Records]:
    """Packed records (key, columns ...) for each source file: the upper bits of a key lead back to its Split."""
    files = keys >> ROW_BITS
    for file in np.unique(files).tolist():
        here = files == file
        yield int(file), pack(keys[here], *(column[here] for column in columns))


# --- exact ------------------------------------------------------------------------------------------------------------


class _HashFn(beam.DoFn):
    """Content hashes of one Split; equal texts within it are collapsed before the shuffle."""

    def __init__(self, params: ExactParams, options: DedupOptions) -> None:
        self._params = params
        self._options = options

    def process(self, split: Split) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        progress = Progress(self._options.progress, self._options.stage)
        keys, hashes = [np.zeros(0, np.int64)], [np.zeros((0, 2), np.uint64)]
        for batch in read_split(split, columns=[self._options.text_column]):
            texts = as_text_array(batch[self._options.text_column])
            keys.append(batch[KEY].to_numpy())
            hashes.append(content_hashes(texts, self._params))
            progress.add(len(batch), _text_size(texts))
        anchors, members, counts = collapse_equal(np.concatenate(hashes), np.concatenate(keys))
        yield from by_partition(
            anchors[0], self._options.partitions, anchors[1].view(np.int64), anchors[2].view(np.int64), counts
        )
        for file, records in by_file(members[1], members[0]):
            yield beam.pvalue.TaggedOutput("local", (file, records))


def collapse_equal(
    hashes: NDArray[np.uint64], keys: NDArray[np.int64]
) -> tuple[list[NDArray[np.uint64]], tuple[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]:
    """Documents of equal hash, shape (documents, 2), become one anchor, the smallest key, and members.

    Returns anchors as [high hash, low hash, key], (anchor, member) pairs, and the number of documents per anchor.
    """
    order = np.lexsort((keys, hashes[:, 1], hashes[:, 0]))
    hashes, keys = hashes[order], keys[order]
    first = np.ones(len(keys), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]).any(axis=1)
    group = np.cumsum(first) - 1
    anchors = keys[first]
    return (
        [hashes[first, 0], hashes[first, 1], anchors.view(np.uint64)],
        (anchors[group[~first]], keys[~first]),
        np.bincount(group, minlength=len(anchors)).astype(np.int64),
    )


def decide_exact(records: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of packed (high hash, low hash, key, documents): (key, survivor, cluster size) where there are duplicates."""
    high, low, keys, counts = unpack(records, 4)
    order = np.lexsort((keys, low, high))
    high, low, keys, counts = high[order], low[order], keys[order], counts[order]
    first = np.ones(len(keys), np.bool_)
    first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    group = np.cumsum(first) - 1
    sizes = np.bincount(group, weights=counts, minlength=int(first.sum())).astype(np.int64)[group]
    shared = sizes > 1
    return keys[shared], keys[first][group][shared], sizes[shared]


class _DecideExactFn(beam.DoFn):
    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Records]:
        yield from by_file(*decide_exact(b"".join(element[1])))


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class ExactDedup(beam.PTransform):
    """Of documents with the same normalised text, keep the one with the smallest key."""

    params: ExactParams
    options: DedupOptions

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        hashed = (
            splits
            | "Spread" >> Spread()
            | "Hash" >> beam.ParDo(_HashFn(self.params, self.options)).with_outputs("local", main="records")
        )
        decided = (
            _typed(hashed.records)
            | "Equal" >> beam.GroupByKey()
            | "Decide" >> beam.ParDo(_DecideExactFn()).with_output_types(Records)
        )
        joined = {"splits": splits, "local": _typed(hashed.local), "decided": decided}
        return joined | "Mark" >> _MarkDuplicates("exact_duplicate", None, self.options)


# --- near -------------------------------------------------------------------------------------------------------------


class _SignFn(beam.DoFn):
    """Band hashes of one Split; documents of it that share a bucket are tied here, and one of them stands for all."""

    def __init__(self, params: MinHashParams, options: DedupOptions) -> None:
        self._params = params
        self._bands, self._rows = params.layout()
        self._options = options

    def process(self, split: Split) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        progress = Progress(self._options.progress, self._options.stage)
        keys, hashes = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
        for batch in read_split(split, columns=[self._options.text_column]):
            texts = as_text_array(batch[self._options.text_column])
            found_keys, found = self._sign(texts, batch[KEY].to_numpy())
            keys.append(found_keys)
            hashes.append(found)
            progress.add(len(batch), _text_size(texts))
        left, right, buckets, smallest = star_edges(np.concatenate(hashes), np.concatenate(keys))
        yield from by_partition(buckets, self._options.partitions, smallest)
        yield beam.pvalue.TaggedOutput("edges", pack(*distinct_edges(left, right)))

    def _sign(
        self, texts: pa.LargeStringArray, keys: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """(key, bucket) of every band of every document that has a token."""
        params = self._params
        rows, counts = signatures(
            texts, num_perm=self._bands * self._rows, shingle_size=params.shingle_size, seed=params.seed
        )
        hashes = band_hashes(rows[counts > 0], self._bands, self._rows)
        return np.repeat(keys[counts > 0], self._bands), hashes.ravel()


class _BucketFn(beam.DoFn):
    """Star edges of the buckets of one partition."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[bytes]:
        hashes, keys = unpack(b"".join(element[1]), 2)
        left, right, _, _ = star_edges(hashes.view(np.uint64), keys)
        yield pack(*distinct_edges(left, right))


class _ComponentsByFileFn(beam.DoFn):
    def process(self, labels: bytes) -> Iterator[Records]:
        yield from by_file(*unpack(labels, 3))


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class MinHashDedup(beam.PTransform):
    """Of every connected component of documents that share a bucket, keep the one with the smallest key."""

    params: MinHashParams
    options: DedupOptions

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        signed = (
            splits
            | "Spread" >> Spread()
            | "Sign" >> beam.ParDo(_SignFn(self.params, self.options)).with_outputs("edges", main="records")
        )
        across = (
            _typed(signed.records)
            | "Buckets" >> beam.GroupByKey()
            | "Stars" >> beam.ParDo(_BucketFn()).with_output_types(bytes)
        )
        labels = (signed.edges, across) | beam.Flatten() | "Components" >> ConnectedComponents()
        decided = labels | "ByFile" >> beam.ParDo(_ComponentsByFileFn()).with_output_types(Records)
        joined = {"splits": splits, "decided": decided}
        return joined | "Mark" >> _MarkDuplicates("near_duplicate", self.params.threshold, self.options)


# --- marking ----------------------------------------------------------------------------------------------------------


class _RouteFn(beam.DoFn):
    """Bring decisions of a file to its Splits: (order, Split and its rows of (key, survivor, cluster size))."""

    def process(self, element: tuple[int, dict[str, Iterable[bytes]]]) -> Iterator[tuple[bytes, bytes]]:
        _, groups = element
        members = resolve(b"".join(groups.get("local", ())), b"".join(groups["decided"]))
        for encoded in groups["splits"]:
            split = Split.decode(encoded)
            first, last = np.searchsorted(members[0], [split.first_key, split.last_key + 1])
            yield encoded, pack(*(column[first:last] for column in members))


def resolve(local: bytes, decided: bytes) -> list[NDArray[np.int64]]:
    """Follow members to their anchors' survivors: columns key, survivor, cluster size, in order of keys.

    local: packed (member, anchor); decided: packed (key, survivor, cluster size), anchors that are alone left out.
    An anchor with members is never alone.
    """
    keys, survivors, sizes = unpack(decided, 3)
    order = np.argsort(keys)
    keys, survivors, sizes = keys[order], survivors[order], sizes[order]
    members, anchors = unpack(local, 2)
    at = np.searchsorted(keys, anchors)
    all_keys = np.concatenate([keys, members])
    order = np.argsort(all_keys)
    return [
        all_keys[order],
        np.concatenate([survivors, survivors[at]])[order],
        np.concatenate([sizes, sizes[at]])[order],
    ]


class _MarkFn(beam.DoFn):
    """Take the duplicates' rows out of a Split's mask and write down why."""

    def __init__(self, reason: str, threshold: float | None, options: DedupOptions) -> None:
        self._reason = reason
        self._threshold = threshold
        self._options = options

    def process(self, element: tuple[bytes, bytes]) -> Iterator[Split]:
        split = Split.decode(element[0])
        keys, survivors, sizes = unpack(element[1], 3)
        stem = join(self._options.folder, split.name)
        column = column_sidecar(full_name(self._options.stage, "cluster_size"))
        if not len(keys):
            yield replace(split, sidecars=(*split.sidecars, (column, "")))
            return
        stays = keys == survivors
        write_sidecar(f"{stem}.duplicates.parquet", _table(DUPLICATES_SCHEMA, keys, survivors, sizes))
        cluster = pa.schema(
            [DUPLICATES_SCHEMA.field(KEY), (full_name(self._options.stage, "cluster_size"), pa.int64())]
        )
        write_sidecar(f"{stem}.cluster.parquet", _table(cluster, keys[stays], sizes[stays]))
        sidecars = [
            *split.sidecars,
            (duplicates_sidecar(self._options.stage), f"{stem}.duplicates.parquet"),
            (column, f"{stem}.cluster.parquet"),
        ]
        all_keys, all_sizes = read_keys_and_sizes(split)
        dropped = np.searchsorted(all_keys, keys[~stays])
        tally = Tally()
        tally.update(split.tally)
        tally.add((self._options.stage, self._reason), len(dropped), int(all_sizes[dropped].sum()))
        if len(dropped):
            rejects = self._rejects(split, keys[~stays], survivors[~stays], all_sizes[dropped])
            write_sidecar(f"{stem}.rejects.parquet", rejects)
            sidecars.append((REJECTS, f"{stem}.rejects.parquet"))
        mask = split.mask()
        mask[dropped] = False
        yield replace(split.with_mask(mask), sidecars=tuple(sidecars), tally=tally)

    def _rejects(
        self, split: Split, keys: NDArray[np.int64], survivors: NDArray[np.int64], sizes: NDArray[np.int64]
    ) -> pa.Table:
        batch = reject_rows(
            pa.array(keys),
            self._options.stage,
            self._reason,
            threshold=None if self._threshold is None else pa.array(np.full(len(keys), self._threshold)),
            survivor=pa.array(survivors),
            text_bytes=sizes,
            text=self._texts(split, keys) if self._options.keep_text else None,
        )
        return pa.Table.from_batches([batch])

    def _texts(self, split: Split, keys: NDArray[np.int64]) -> pa.Array:
        wanted = pa.array(keys)
        found = [
            batch.filter(pc.is_in(batch[KEY], value_set=wanted))[self._options.text_column]
            for batch in read_split(split, columns=[self._options.text_column])
        ]
        return pa.chunked_array(found).combine_chunks().cast(pa.large_string())


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class _MarkDuplicates(beam.PTransform):
    """Join `splits`, `decided` and, where there are any, `local` members by source file; take the duplicates out."""

    reason: str
    threshold: float | None
    options: DedupOptions

    def expand(self, joined: dict[str, beam.PCollection[Any]]) -> beam.PCollection[Split]:
        by_file = joined["splits"] | "ByFile" >> beam.Map(_split_by_file).with_output_types(Records)
        return (
            {**joined, "splits": by_file}
            | "Join" >> beam.CoGroupByKey()
            | "Route" >> beam.ParDo(_RouteFn()).with_output_types(tuple[bytes, bytes])
            | "Spread" >> beam.Reshuffle()
            | "Mark" >> beam.ParDo(_MarkFn(self.reason, self.threshold, self.options)).with_output_types(Split)
        )


def _split_by_file(split: Split) -> Records:
    return split.file_ordinal, split.encode()


def _typed(records: beam.PCollection) -> beam.PCollection[Records]:
    """Declare the type of a tagged output, so that it travels as an int and bytes."""
    records.element_type = beam.typehints.KV[int, bytes]
    return records


def _table(schema: pa.Schema, *columns: NDArray[np.int64]) -> pa.Table:
    return pa.table([pa.array(column) for column in columns], schema=schema)


def _text_size(texts: pa.LargeStringArray) -> int:
    offsets, _ = text_buffers(texts)
    return int(offsets[-1] - offsets[0])
