"""Duplicates of a result: clusters by size, whose copies stayed where, similarities beside the chance to find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from filters.names import KEY
from pipeline.clusters import documents_of, list_clusters, pairs_of
from pipeline.report.charts import bin_counts
from pipeline.report.outcomes import MOST_GROUPS
from pipeline.result import DEDUPLICATIONS, Keys, Result
from pipeline.sources import sources_of

LARGEST = 20
SIMILARITY_STEPS = 50
"""Bins between a similarity of 0 and of 1; the last one holds 1 alone."""


def duplicates(result: Result) -> list[dict[str, Any]]:
    """Every deduplication of a result, in order, as plain data."""
    kinds = {stage["id"]: stage["name"] for stage in result.stages}
    return [_stage(result, stage, kinds[stage]) for stage in result.stages_named(*DEDUPLICATIONS)]


def _stage(result: Result, stage: str, name: str) -> dict[str, Any]:
    sources = sources_of(result)
    several = len(sources.names)
    copies = np.zeros((several, several), np.int64)
    sizes: Counter[int] = Counter()
    for table in result.tables(documents_of(stage), [KEY, "survivor", "cluster_size"]):
        keys, survivors, size = (table[column].to_numpy() for column in (KEY, "survivor", "cluster_size"))
        stays = (keys == survivors) & (size > 1)
        for one, clusters in zip(*np.unique(size[stays], return_counts=True), strict=True):
            sizes[int(one)] += int(clusters)
        gone = keys != survivors
        cells = sources.of(keys[gone]) * several + sources.of(survivors[gone])
        copies += np.bincount(cells, minlength=several**2).reshape(copies.shape)
    clusters = sum(sizes.values())
    documents = sum(size * number for size, number in sizes.items())
    return {
        "stage": stage,
        "name": name,
        "clusters": clusters,
        "documents": documents,
        "duplicates": documents - clusters,
        "sizes": _classes(sizes),
        "largest": [_located(result, one) for one in list_clusters(result, stage, top=LARGEST)["largest"]],
        "overlap": _overlap(sources.names, copies),
        "similarity": _similarity(result, stage) if name == "minhash_dedup" else None,
    }


_CLASSES = (2, 3, 4, 5, 10, 100, 1000, 10_000, 100_000, 1_000_000)


def _classes(sizes: Counter[int]) -> list[dict[str, Any]]:
    found = []
    for first, end in zip(_CLASSES, (*_CLASSES[1:], None), strict=True):
        inside = {size: n for size, n in sizes.items() if size >= first and (end is None or size < end)}
        if inside:
            name = f"{first:,}" if end == first + 1 else f"{first:,} or more" if end is None else f"{first:,} to {end - 1:,}"
            clusters = sum(inside.values())
            found.append({"size": name, "clusters": clusters, "documents": sum(s * n for s, n in inside.items())})
    return found


def _located(result: Result, cluster: dict[str, Any]) -> dict[str, Any]:
    source, row = result.source_of(cluster["survivor"])
    return {**cluster, "source": source.path, "row": row}


def _overlap(names: Sequence[str], cells: Keys) -> dict[str, Any] | None:
    """Duplicates by source of the removed and of the surviving document; the largest sources, the rest together."""
    if len(names) < 2 or not cells.any():
        return None
    order = np.argsort(-(cells.sum(0) + cells.sum(1)), kind="stable")
    order = order[(cells.sum(0) + cells.sum(1))[order] > 0]
    shown, rest = order[:MOST_GROUPS], order[MOST_GROUPS:]
    labels = [names[i] for i in shown]
    table = cells[np.ix_(shown, shown)]
    if len(rest):
        labels.append(f"{len(rest):,} more")
        table = np.block([
            [table, cells[np.ix_(shown, rest)].sum(1)[:, None]],
            [cells[np.ix_(rest, shown)].sum(0)[None, :], cells[np.ix_(rest, rest)].sum()[None, None]],
        ])  # fmt: skip
    return {"sources": labels, "removed": table.tolist()}


def _similarity(result: Result, stage: str) -> dict[str, Any]:
    """Pairs that were compared, by similarity, and the S-curve of the bands that brought them together."""
    from filters.minhash import MinHashParams
    from filters.verification import RECORDED_FROM

    entry = next(e for e in result.recipe["stages"] if e.get("id", next(iter(e))) == stage)
    params = MinHashParams.model_validate(entry["minhash_dedup"])
    bands, rows = params.layout()
    edges = np.append(np.linspace(0, 1, SIMILARITY_STEPS + 1), np.nextafter(1, 2))
    edges[1 + np.argmin(np.abs(edges[1:-2] - params.threshold))] = params.threshold  # no bin lies on both of its sides
    counts = {kind: np.zeros(len(edges) - 1, np.int64) for kind in ("reached", "below")}
    for table in result.tables(pairs_of(stage), ["similarity"]):
        values = table["similarity"].to_numpy()
        counts["reached"] += bin_counts(values[values >= params.threshold], edges)
        counts["below"] += bin_counts(values[values < params.threshold], edges)
    steps = np.linspace(0, 1, 101)
    return {
        "verified": params.verify != "none",
        "measure": params.measure,
        "shingle_size": params.shingle_size,
        "threshold": params.threshold,
        "bands": bands,
        "rows": rows,
        "recorded_from": min(params.threshold, RECORDED_FROM),
        "edges": edges.tolist(),
        **{kind: found.tolist() for kind, found in counts.items()},
        "curve": [[float(s), float(1 - (1 - s**rows) ** bands)] for s in steps] if params.measure == "jaccard" else [],
    }
