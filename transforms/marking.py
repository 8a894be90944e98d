"""The end of every deduplication. Decisions come back to their Splits, which lose rows or gain columns.

Everything that was decided is written beside the Split: who went or was tagged, and the evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.chain import KEY, NOTE, Tally, reject_rows
from filters.contract import full_name
from filters.exact import ExactParams
from filters.groups import GroupCounts, Grouping, strings_of
from filters.keep import added_columns
from filters.minhash import MinHashParams
from transforms.apply import GROUPS, REJECTS, write_sidecar
from transforms.files import join
from transforms.progress import Progress
from transforms.read import column_sidecar, read_keys_and_sizes, read_split, split_schema
from transforms.shuffle import by_order
from transforms.split import Split, unpack

Keys = NDArray[np.int64]

SURVIVORS = [
    pa.field(KEY, pa.int64(), nullable=False),
    pa.field("survivor", pa.int64(), nullable=False),  # the document itself, if it stays
    pa.field("cluster", pa.int64(), nullable=False),  # smallest key among those with this survivor
    pa.field("cluster_size", pa.int64(), nullable=False),  # documents with this survivor, itself included
]
EXACT_SCHEMA = pa.schema(SURVIVORS)
NEAR_SCHEMA = pa.schema(
    [
        *SURVIVORS,
        ("similarity", pa.float64()),  # exact, with the survivor; 1 if it stays; null where nothing was verified
        ("shared_bands", pa.int64()),
        ("component", pa.int64()),  # smallest key of those linked by bands, before verification
        ("component_size", pa.int64()),
        ("same_as", pa.int64()),  # the document that stands for all with the same set of shingles
        ("compared", pa.int64()),  # documents it was compared with
        ("decided", pa.bool_()),  # compared with all earlier survivors in its buckets
        ("paired", pa.bool_()),  # compared with all earlier documents in its buckets
        ("text_bytes", pa.int64()),
        ("ranks", pa.list_(pa.int64())),  # by the keep rules: smaller stays
    ]
)
"""Rows of `dedup/<stage>/documents`: every document that was compared with another, in order of keys."""
PAIRS_SCHEMA = pa.schema(
    [
        pa.field(KEY, pa.int64(), nullable=False),
        pa.field("other", pa.int64(), nullable=False),  # comes first by the keep rules
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("shared_bands", pa.int64(), nullable=False),
    ]
)
"""Rows of `dedup/<stage>/pairs`: pairs that were compared, the evidence; twins (`same_as`) are not repeated."""


@dataclass(frozen=True)
class DedupOptions:
    """Where a deduplication writes and how it is spread; none of it changes the outcome.

    stage: its id in the recipe. folder: root of this stage's files. partitions: of the shuffles; each is sorted in
    memory by one worker, 16 to 32 bytes a record. member_partitions: of the shuffle of shingle sets. rounds: of
    connected components. spill: keep shuffled records in files of `folder` instead of the runner's memory.
    groupings: documents are counted by these. annotate: documents that are dropped get the columns of tagged ones, too.
    language: column whose value rejects carry.
    """

    stage: str
    text_column: str
    folder: str
    partitions: int = 16
    member_partitions: int = 16
    rounds: int = 26
    spill: bool = False
    keep_text: bool = False
    progress: str | None = None
    groupings: tuple[Grouping, ...] = ()
    annotate: bool = False
    language: str | None = None


def documents_sidecar(stage: str) -> str:
    """Sidecar kind of a stage's EXACT_SCHEMA or NEAR_SCHEMA rows."""
    return f"documents:{stage}"


def pairs_sidecar(stage: str) -> str:
    """Sidecar kind of a stage's PAIRS_SCHEMA rows."""
    return f"pairs:{stage}"


def follow(decided: list[NDArray[Any]], followers: Keys, leaders: Keys) -> list[NDArray[Any]]:
    """Give followers the decision about their leaders: all columns, the first being the key, in order of keys."""
    order = np.argsort(decided[0])
    decided = [column[order] for column in decided]
    at = np.searchsorted(decided[0], leaders)
    whole = [np.concatenate([decided[0], followers]), *(np.concatenate([c, c[at]]) for c in decided[1:])]
    order = np.argsort(whole[0])
    return [column[order] for column in whole]


@dataclass(frozen=True)
class Verdict:
    """What a stage found out about the documents of one Split.

    documents: EXACT_SCHEMA or NEAR_SCHEMA, in order of keys. notes: documents by what there is to note about them.
    """

    documents: pa.Table
    notes: dict[str, Keys]
    pairs: pa.Table | None = None


def mark(
    split: Split,
    verdict: Verdict,
    options: DedupOptions,
    params: ExactParams | MinHashParams,
    reason: str,
    threshold: float | None,
) -> Split:
    """Drop or tag the duplicates of a Split, and write beside it what was decided."""
    stem, action = join(options.folder, split.name), params.action
    documents = verdict.documents
    keys, survivors = documents[KEY].to_numpy(), documents["survivor"].to_numpy()
    sidecars = list(split.sidecars)
    for kind, table in (("documents", documents), ("pairs", verdict.pairs)):
        if table is not None and len(table):
            uri = f"{stem}.{kind}.parquet"
            write_sidecar(uri, table)
            sidecars.append((f"{kind}:{options.stage}", uri))
    goes = keys != survivors
    columns = "tag" if options.annotate else action
    sidecars += _columns(
        stem, documents.filter(pa.array(~goes)) if columns == "drop" else documents, options.stage, columns
    )
    tally = Tally()
    tally.update(split.tally)
    all_keys, all_sizes = read_keys_and_sizes(split)
    for note, noted in {**verdict.notes, **({"tagged": keys[goes]} if action == "tag" else {})}.items():
        tally.add((options.stage, NOTE + note), len(noted), int(all_sizes[np.searchsorted(all_keys, noted)].sum()))
    if options.groupings:
        uri = f"{stem}.groups.parquet"
        write_sidecar(uri, _count_groups(split, keys[goes] if action == "drop" else keys[:0], options))
        sidecars.append((GROUPS, uri))
    if action == "tag" or not goes.any():
        return replace(split, sidecars=tuple(sidecars), tally=tally)
    rows = np.searchsorted(all_keys, keys[goes])
    tally.add((options.stage, reason), len(rows), int(all_sizes[rows].sum()))
    Progress(options.progress, options.stage).add(0, 0, len(rows))
    similarity = documents["similarity"].combine_chunks() if "similarity" in documents.column_names else None
    batch = reject_rows(
        pa.array(keys[goes]),
        options.stage,
        reason,
        value=None if similarity is None else similarity.filter(pa.array(goes)),
        threshold=None if threshold is None else pa.array(np.full(len(rows), threshold)),
        survivor=pa.array(survivors[goes]),
        similarity=pa.array(np.ones(len(rows))) if similarity is None else similarity.filter(pa.array(goes)),
        measure=params.evidence,
        language=_languages(split, keys[goes], options.language),
        text_bytes=all_sizes[rows],
        text=_texts(split, keys[goes], options) if options.keep_text else None,
    )
    write_sidecar(f"{stem}.rejects.parquet", pa.Table.from_batches([batch]))
    mask = split.mask()
    mask[rows] = False
    return replace(split.with_mask(mask), sidecars=(*sidecars, (REJECTS, f"{stem}.rejects.parquet")), tally=tally)


def _columns(stem: str, rows: pa.Table, stage: str, action: str) -> Iterator[tuple[str, str]]:
    """One sidecar for each added column, with the rows that differ from its default."""
    for short, kind in added_columns(action, similarity="similarity" in rows.column_names).items():
        name = full_name(stage, short)
        default: Literal["key", "one"] = "key" if short in ("cluster", "survivor") else "one"
        uri = ""
        if len(rows):
            uri = f"{stem}.{short}.parquet"
            write_sidecar(uri, pa.table({KEY: rows[KEY], name: rows[short].cast(kind)}))
        yield column_sidecar(name, default, kind), uri


def _count_groups(split: Split, dropped: Keys, options: DedupOptions) -> pa.Table:
    counts = GroupCounts(options.groupings, split.source_uri)
    names = set(split_schema(split).names)
    columns = [grouping.column for grouping in options.groupings if grouping.column and grouping.column in names]
    for batch in read_split(split, columns=list(dict.fromkeys(columns))):
        counts.add(options.stage, batch, np.isin(batch[KEY].to_numpy(), dropped))
    return counts.table()


def _texts(split: Split, keys: Keys, options: DedupOptions) -> pa.Array:
    return _chosen(split, keys, options.text_column)[options.text_column].cast(pa.large_string())


def _languages(split: Split, keys: Keys, column: str | None) -> pa.Array | None:
    if column is None or column not in split_schema(split).names:
        return None
    return strings_of(_chosen(split, keys, column), column)


def _chosen(split: Split, keys: Keys, column: str) -> pa.RecordBatch:
    """One column of some alive documents (sorted keys, at least one), with the keys."""
    wanted = pa.array(keys)
    found = [batch.filter(pc.is_in(batch[KEY], value_set=wanted)) for batch in read_split(split, columns=[column])]
    (batch,) = pa.Table.from_batches(found).combine_chunks().to_batches()
    return batch


class JoinSplits(beam.PTransform):
    """Join Splits, by their order, with named collections of records that `by_split` or the Split itself sent."""

    def expand(self, joined: dict[str, beam.PCollection[Any]]) -> beam.PCollection[Any]:  # noqa: D102
        keyed = joined["splits"] | "ByOrder" >> beam.Map(by_order).with_output_types(tuple[int, bytes])
        return {**joined, "splits": keyed} | "Join" >> beam.CoGroupByKey()


def joined_split(element: tuple[int, dict[str, Iterable[bytes]]]) -> tuple[Split, dict[str, bytes]]:
    """The Split of a join, and the records of each collection, joined."""
    _, groups = element
    (encoded,) = groups["splits"]
    return Split.decode(encoded), {name: b"".join(parts) for name, parts in groups.items() if name != "splits"}


def table_of(schema: pa.Schema, columns: list[NDArray[Any]]) -> pa.Table:
    """A table of plain columns in the schema's order and types."""
    return pa.table([pa.array(c).cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def unpack_exact(records: bytes) -> list[Keys]:
    """Columns of packed EXACT_SCHEMA rows."""
    return unpack(records, len(EXACT_SCHEMA))
