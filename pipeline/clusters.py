"""Clusters of duplicates in a result: the largest, the members of one, the evidence about one document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.errors import InputError
from filters.names import KEY
from pipeline.result import DEDUPLICATIONS, Keys, Result
from pipeline.sources import sources_of

_CLUSTER = [KEY, "survivor", "cluster", "cluster_size"]
_MEMBER = ["similarity", "shared_bands", "same_as", "text_bytes"]


def documents_of(stage: str) -> str:
    """Series of all documents that met others at a deduplication."""
    return f"dedup/{stage}/documents"


def pairs_of(stage: str) -> str:
    """Series of the pairs that were compared at a near deduplication."""
    return f"dedup/{stage}/pairs"


def dedup_stages(result: Result, stage: str | None) -> list[str]:
    """All deduplications in order, or the one that is named. Raises InputError if there is none of that name."""
    known = result.stages_named(*DEDUPLICATIONS)
    if stage is None:
        if not known:
            raise InputError(f"the recipe of {result.output} has no deduplication, so there are no clusters")
        return known
    if stage not in known:
        raise InputError(f"there is no deduplication {stage!r}; there are: {', '.join(known) or 'none'}")
    return [stage]


def list_clusters(
    result: Result, stage: str, *, min_size: int = 2, source: str | None = None, top: int = 20
) -> dict[str, Any]:
    """The largest clusters of a stage, ties by key, and how many there are of the size and source that are asked for.

    source: name or pattern of `pipeline.sources`; clusters with at least one document of it. Raises InputError if no
    source is meant.
    """
    sources = sources_of(result)
    touching = None if source is None else _touching(result, stage, source)
    best = np.zeros((0, 3), np.int64)  # survivor, cluster, size
    clusters = documents = 0
    for table in result.tables(documents_of(stage), _CLUSTER):
        keys, survivors, cluster, sizes = (table[name].to_numpy() for name in _CLUSTER)
        chosen = (keys == survivors) & (sizes >= max(min_size, 2))
        if touching is not None:
            chosen &= np.isin(survivors, touching)
        clusters += int(chosen.sum())
        documents += int(sizes[chosen].sum())
        best = np.concatenate([best, np.stack([survivors[chosen], cluster[chosen], sizes[chosen]], axis=1)])
        best = best[np.lexsort((best[:, 0], -best[:, 2]))[:top]]
    members = _members(result, stage, best[:, 0])
    described = []
    for survivor, cluster_key, size in best.tolist():
        mine = members.filter(pc.equal(members["survivor"], survivor))
        code, count = np.unique(sources.of(mine[KEY].to_numpy()), return_counts=True)
        others = mine.filter(pc.not_equal(mine[KEY], survivor))
        near = "similarity" in others.column_names
        described.append(
            {
                "cluster": cluster_key,
                "survivor": survivor,
                "documents": size,
                "least_similarity": pc.min(others["similarity"]).as_py() if near else None,
                "sources": {sources.names[i]: n for i, n in zip(code.tolist(), count.tolist(), strict=True)},
            }
        )
    return {"stage": stage, "clusters": clusters, "documents": documents, "largest": described}


def _touching(result: Result, stage: str, source: str) -> Keys:
    sources = sources_of(result)
    wanted = sources.matching(source)
    if not len(wanted):
        names = ", ".join(sources.names[:10]) + (", ..." if len(sources.names) > 10 else "")
        raise InputError(f"there is no source {source!r}; there are: {names}")
    found = [np.zeros(0, np.int64)]
    for table in result.tables(documents_of(stage), [KEY, "survivor"]):
        mine = np.isin(sources.of(table[KEY].to_numpy()), wanted)
        found.append(np.unique(table["survivor"].to_numpy()[mine]))
    return np.unique(np.concatenate(found))


def _members(result: Result, stage: str, survivors: Sequence[int] | Keys) -> pa.Table:
    """Rows of all documents with one of these survivors, in order of keys."""
    wanted = pa.array(survivors, pa.int64())
    schema = result.columns(documents_of(stage))
    names = [*_CLUSTER, *(name for name in _MEMBER if name in schema.names)]
    tables = result.tables(documents_of(stage), names)
    found = [table.filter(pc.is_in(table["survivor"], value_set=wanted)) for table in tables]
    return pa.concat_tables([schema.empty_table().select(names), *found])


def show_cluster(result: Result, key: int, stage: str | None = None, *, most: int = 50) -> dict[str, Any]:
    """The cluster that a document belongs to: its survivor, then `most` members from the least similar on.

    stage: the last deduplication in which it has others beside it, if left out. Raises InputError if it has none.
    """
    for name in reversed(dedup_stages(result, stage)):
        row = result.rows(documents_of(name), [key], _CLUSTER)
        if len(row) and row["cluster_size"][0].as_py() > 1:
            break
    else:
        result.source_of(key)  # says if there can be no such document
        raise InputError(f"document {key} belongs to no cluster of {stage or 'any deduplication'}: nothing is like it")
    survivor = row["survivor"][0].as_py()
    table = _members(result, name, [survivor])
    keys, similarity = table[KEY].to_numpy(), np.zeros(len(table))
    if "similarity" in table.column_names:
        similarity = pc.fill_null(table["similarity"], 0.0).to_numpy()
    order = np.lexsort((keys, similarity, keys != survivor))[: most + 1]
    members = [_member(result, row) for row in table.take(pa.array(order)).to_pylist()]
    return {
        "stage": name,
        "cluster": row["cluster"][0].as_py(),
        "survivor": survivor,
        "documents": row["cluster_size"][0].as_py(),
        "members": members,
    }


def _member(result: Result, row: dict[str, Any]) -> dict[str, Any]:
    source, source_row = result.source_of(row[KEY])
    return {
        KEY: row[KEY],
        "source_file": source.path,
        "source_row": source_row,
        "stays": row[KEY] == row["survivor"],
        **{name: row[name] for name in _MEMBER if name in row},
    }


def why(result: Result, key: int, *, most: int = 50) -> dict[str, Any]:
    """What every deduplication found out about a document: its survivor, and the `most` similar recorded pairs."""
    source, row = result.source_of(key)
    stages = []
    for stage in dedup_stages(result, None):
        found = result.rows(documents_of(stage), [key]).to_pylist()
        evidence = {name: value for name, value in found[0].items() if name not in _SOURCE} if found else None
        stages.append({"stage": stage, "evidence": evidence, "pairs": list(_pairs(result, stage, key, most))})
    return {KEY: key, "source_file": source.path, "source_row": row, "stages": stages}


_SOURCE = (KEY, "source_file", "source_row", "ranks")


def _pairs(result: Result, stage: str, key: int, most: int) -> Iterator[dict[str, Any]]:
    """Pairs with this document on either side, most similar first."""
    names = [KEY, "other", "similarity", "shared_bands"]
    order = [("similarity", "descending"), (KEY, "ascending"), ("other", "ascending")]
    found: list[pa.Table] = []
    for table in result.tables(pairs_of(stage), names):
        mine = table.filter(pc.or_(pc.equal(table[KEY], key), pc.equal(table["other"], key)))
        found = [pa.concat_tables([*found, mine]).sort_by(order).slice(0, most)]
    for row in found[0].to_pylist() if found else []:
        other = row["other"] if row[KEY] == key else row[KEY]
        source, source_row = result.source_of(other)
        yield {
            "other": other,
            "source_file": source.path,
            "source_row": source_row,
            "similarity": row["similarity"],
            "shared_bands": row["shared_bands"],
        }
