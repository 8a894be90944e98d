"""MinHashDedup: bands tie documents into components, exact similarity inside them decides who stays.

    Sign -> Stars -> ConnectedComponents -> Gather -> Decide -> Mark

Texts stay where they are. First every document's band hashes are shuffled, then the components of what met; only
members of components of two or more are read again, and send their set of shingle hashes, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.chain import KEY
from filters.graphs import deal, distinct_edges, star_edges, star_forest
from filters.keep import rank_count, rank_rows
from filters.members import Members, find_twins, join_members, standing_members, unpack_members
from filters.minhash import MinHashParams, band_hashes, shingle_sets, signatures
from filters.texts import as_text_array, byte_lengths
from filters.verification import Decisions, Pairs, judge
from transforms.components import ConnectedComponents
from transforms.files import join
from transforms.marking import (
    NEAR_SCHEMA,
    PAIRS_SCHEMA,
    DedupOptions,
    JoinSplits,
    Verdict,
    follow,
    joined_split,
    mark,
    table_of,
)
from transforms.progress import Progress
from transforms.read import read_keys_and_sizes, read_split
from transforms.shuffle import Keys, Ranges, Records, Shuffle, by_partition, by_split, gather_words, typed
from transforms.split import Split, Spread, pack, unpack

MAP_ABOVE = 512 << 20
"""Bytes of members that one worker holds in memory; more are mapped from a temporary file."""


class _SignFn(beam.DoFn):
    """Band hashes of one Split. Documents of it that share a bucket are tied here, and the first stands for them.

    Outputs: records (bucket, document) to partitions; `local`: (member, its root in this Split); `skipped`: documents
    too long to be compared.
    """

    def __init__(self, params: MinHashParams, options: DedupOptions, shuffle: Shuffle) -> None:
        self._params = params
        self._bands, self._rows = params.layout()
        self._options = options
        self._shuffle = shuffle

    def process(self, split: Split) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        progress = Progress(self._options.progress, self._options.stage)
        keys, hashes, skipped = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        for batch in read_split(split, columns=[self._options.text_column]):
            texts = as_text_array(batch[self._options.text_column])
            found, counts = sign(texts, self._params)
            key = batch[KEY].to_numpy()
            compared = (counts > 0) & (counts <= self._params.max_shingles)
            keys.append(np.repeat(key[compared], self._bands))
            hashes.append(found[compared].ravel())
            skipped.append(key[counts > self._params.max_shingles])
            progress.add(len(batch), int(byte_lengths(texts).sum()))
        left, right, buckets, smallest = star_edges(np.concatenate(hashes), np.concatenate(keys))
        members, roots = star_forest(left, right)
        records = by_partition(buckets, self._options.partitions, _roots_of(smallest, members, roots))
        yield from self._shuffle.send(records, f"{split.name}-buckets")
        for tag, columns in (("local", (members, roots)), ("skipped", (np.concatenate(skipped),))):
            if len(columns[0]):
                yield beam.pvalue.TaggedOutput(tag, (split.order, pack(*columns)))


def sign(texts: pa.LargeStringArray, params: MinHashParams) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Buckets of every text, uint64 (texts, bands), and how many shingles it has."""
    bands, rows = params.layout()
    found, counts = signatures(texts, num_perm=bands * rows, shingle_size=params.shingle_size, seed=params.seed)
    return band_hashes(found, bands, rows), counts


def _roots_of(keys: Keys, members: Keys, roots: Keys) -> Keys:
    """The root of every key; one that is no member is its own. members are in order."""
    if not len(members):
        return keys
    at = np.minimum(np.searchsorted(members, keys), len(members) - 1)
    return np.where(members[at] == keys, roots[at], keys)


class _StarsFn(beam.DoFn):
    """Star edges of the buckets of one partition."""

    def __init__(self, shuffle: Shuffle) -> None:
        self._shuffle = shuffle

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[bytes]:
        hashes, keys = unpack(b"".join(self._shuffle.receive(element[1])), 2)
        left, right, _, _ = star_edges(hashes.view(np.uint64), keys)
        yield pack(*distinct_edges(left, right))


class _LabelsBySplitFn(beam.DoFn):
    def process(self, labels: bytes, ranges: bytes) -> Iterator[Records]:
        yield from by_split(ranges, *unpack(labels, 2))


class _GatherFn(beam.DoFn):
    """Read the members of a Split again; each set of shingles goes to the partition of its component, once.

    Outputs: packed Members to partitions; `twins`: (document, the one that stands for it here, its ranks).
    """

    def __init__(self, params: MinHashParams, options: DedupOptions, shuffle: Shuffle) -> None:
        self._params = params
        self._options = options
        self._shuffle = shuffle

    def process(self, element: Any) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        split, records = joined_split(element)
        keys, roots = members_of(*unpack(records["local"], 2), *unpack(records["labels"], 2))
        if not len(keys):
            return
        everyone = self._read(split, keys, roots)
        found = find_twins(everyone)
        standing = standing_members(everyone, found)
        target = deal(standing.root, self._options.member_partitions)
        payloads = ((int(p), standing.take(np.flatnonzero(target == p)).pack()) for p in np.unique(target))
        yield from self._shuffle.send(payloads, f"{split.name}-members")
        leaders = standing.key[found.stands_for]
        twins = everyone.key != leaders
        if twins.any():
            columns = (everyone.key[twins], leaders[twins], *everyone.ranks[:, twins])
            yield beam.pvalue.TaggedOutput("twins", (split.order, pack(*columns)))

    def _read(self, split: Split, keys: Keys, roots: Keys) -> Members:
        """Members among the Split's documents, in order of keys."""
        params, text = self._params, self._options.text_column
        progress = Progress(self._options.progress, f"{self._options.stage}: compare")
        all_keys, _ = read_keys_and_sizes(split)
        mask = np.zeros(len(all_keys), np.bool_)
        mask[np.searchsorted(all_keys, keys)] = True
        parts = []
        for batch in read_split(split.with_mask(mask), columns=[text, *params.needs()]):
            texts = as_text_array(batch[text])
            sizes = byte_lengths(texts)
            key = batch[KEY].to_numpy()
            verified = params.verify != "none"
            nothing = np.zeros(len(key) + 1, np.int64), np.zeros(0, np.uint64)
            parts.append(
                Members.of_sets(
                    key,
                    roots[np.searchsorted(keys, key)],
                    shingle_sets(texts, params.shingle_size) if verified else nothing,
                    sign(texts, params)[0],
                    rank_rows(batch, sizes, split.source_uri, params.keep_rules),
                    verified=verified,
                )
            )
            progress.add(len(batch), int(sizes.sum()))
        return join_members(parts)


def members_of(members: Keys, local_roots: Keys, labelled: Keys, labels: Keys) -> tuple[Keys, Keys]:
    """All members of components in a Split, in order, and the smallest key of their component.

    members, local_roots: tied within the Split; labelled, labels: what the graph of all Splits says of local roots.

    >>> [k.tolist() for k in members_of(*map(np.array, ([4, 5], [3, 3], [3], [1])))]
    [[3, 4, 5], [1, 1, 1]]
    """
    order = np.argsort(labelled)
    labelled, labels = labelled[order], labels[order]
    keys = np.unique(np.concatenate([members, local_roots, labelled]))
    order = np.argsort(members)
    return keys, _roots_of(_roots_of(keys, members[order], local_roots[order]), labelled, labels)


_DECISION_COLUMNS = (
    "key", "survivor", "cluster", "cluster_size", "similarity", "shared", "component", "component_size", "same_as",
    "compared", "decided", "paired", "again",
)  # fmt: skip


class _DecideFn(beam.DoFn):
    """Decide about the components of one partition. Outputs: decisions by Split; `pairs`: compared pairs by Split."""

    def __init__(self, params: MinHashParams, shuffle: Shuffle) -> None:
        self._params = params
        self._shuffle = shuffle

    def process(
        self, element: tuple[int, Iterable[bytes]], ranges: bytes
    ) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        words = gather_words(self._shuffle.receive(element[1]), MAP_ABOVE)
        for part in judge(unpack_members(words), self._params.criteria):
            if isinstance(part, Decisions):
                yield from by_split(ranges, *_as_integers(part), *part.ranks)
            else:
                columns = part.key, part.earlier, part.similarity.view(np.int64), part.shared
                yield from (beam.pvalue.TaggedOutput("pairs", record) for record in by_split(ranges, *columns))


def _as_integers(decisions: Decisions) -> list[NDArray[np.int64]]:
    columns = [getattr(decisions, name) for name in _DECISION_COLUMNS]
    return [column.view(np.int64) if column.dtype == np.float64 else column for column in columns]


class _MarkFn(beam.DoFn):
    def __init__(self, params: MinHashParams, options: DedupOptions) -> None:
        self._params = params
        self._options = options
        self._bands = params.layout()[0]

    def process(self, element: Any) -> Iterator[Split]:
        split, records = joined_split(element)
        verdict = self._verdict(split, records)
        yield mark(split, verdict, self._options, self._params, "near_duplicate", self._params.threshold)

    def _verdict(self, split: Split, records: dict[str, bytes]) -> Verdict:
        ranks = rank_count(self._params.keep_rules)
        decided = unpack(records["decided"], len(_DECISION_COLUMNS) + ranks)
        twins, leaders, *own_ranks = unpack(records["twins"], 2 + ranks)
        columns = follow(decided, twins, leaders)
        for column, own in zip(columns[len(_DECISION_COLUMNS) :], own_ranks, strict=True):
            column[np.searchsorted(columns[0], twins)] = own
        named = dict(zip(_DECISION_COLUMNS, columns, strict=False))
        key, survivor = named["key"], named["survivor"]
        # A twin of a survivor that its own Split collapsed shares all bands with it.
        shared = np.where((key != survivor) & (named["same_as"] == survivor), self._bands, named["shared"])
        all_keys, all_sizes = read_keys_and_sizes(split)
        similarity = named["similarity"].view(np.float64)
        table = pa.table(
            {
                **{name: pa.array(named[name]) for name in ("key", "survivor", "cluster", "cluster_size")},
                "similarity": pa.array(similarity, pa.float64(), mask=np.isnan(similarity)),
                "shared": pa.array(shared),
                **{n: pa.array(named[n]) for n in ("component", "component_size", "same_as", "compared")},
                **{n: pa.array(named[n].astype(np.bool_)) for n in ("decided", "paired")},
                "text_bytes": pa.array(all_sizes[np.searchsorted(all_keys, key)]),
                "ranks": pa.FixedSizeListArray.from_arrays(_flat(columns[len(_DECISION_COLUMNS) :], key), ranks)
                if ranks
                else pa.array([[]] * len(key), pa.list_(pa.int64())),
            }
        )
        documents = table.rename_columns(NEAR_SCHEMA.names).cast(NEAR_SCHEMA)
        unmet = key[(key == survivor) & ~named["decided"].astype(np.bool_)]
        notes = {"too_long_to_compare": unpack(records["skipped"], 1)[0], "not_fully_compared": unmet}
        notes["second_pass_dropped"] = key[named["again"].astype(np.bool_) & (key == named["same_as"])]
        pairs = unpack(records["pairs"], 4)
        order = np.lexsort((pairs[1], pairs[0]))
        pairs = [column[order] for column in pairs]
        found = Pairs(pairs[0], pairs[1], pairs[2].view(np.float64), pairs[3])
        return Verdict(
            documents, notes, table_of(PAIRS_SCHEMA, [found.key, found.earlier, found.similarity, found.shared])
        )


def _flat(ranks: list[NDArray[np.int64]], key: Keys) -> pa.Array:
    return pa.array(np.stack(ranks, axis=1).ravel() if len(key) else np.zeros(0, np.int64))


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class MinHashDedup(beam.PTransform):
    """Of near duplicates, keep (or tag as kept) those that no survivor before them by the keep rules is similar to."""

    params: MinHashParams
    options: DedupOptions

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        params, options = self.params, self.options
        buckets, sets = (
            Shuffle(join(options.folder, name) if options.spill else None) for name in ("buckets", "members")
        )
        signing = beam.ParDo(_SignFn(params, options, buckets)).with_outputs("local", "skipped", main="records")
        signed = splits | "Spread" >> Spread() | "Sign" >> signing
        ranges = splits | "Ranges" >> Ranges()
        local = typed(signed.local)
        labels = (
            typed(signed.records)
            | "Buckets" >> beam.GroupByKey()
            | "Stars" >> beam.ParDo(_StarsFn(buckets)).with_output_types(bytes)
            | "Components" >> ConnectedComponents(options.partitions, options.rounds)
            | "BySplit" >> beam.ParDo(_LabelsBySplitFn(), ranges).with_output_types(Records)
        )
        gathering = beam.ParDo(_GatherFn(params, options, sets)).with_outputs("twins", main="members")
        gathered = {"splits": splits, "local": local, "labels": labels} | "Members" >> JoinSplits() | gathering
        deciding: Any = beam.ParDo(_DecideFn(params, sets), ranges).with_outputs("pairs", main="decided")
        decided = typed(gathered.members) | "Components together" >> beam.GroupByKey() | "Decide" >> deciding
        return (
            {
                "splits": splits,
                "decided": typed(decided.decided),
                "pairs": typed(decided.pairs),
                "twins": typed(gathered.twins),
                "skipped": typed(signed.skipped),
            }
            | "Decided" >> JoinSplits()
            | "Mark" >> beam.ParDo(_MarkFn(params, options)).with_output_types(Split)
        )
