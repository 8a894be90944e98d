"""Duplicates of a result: clusters by size, whose copies stayed where, similarities beside the chance to find them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.clusters import list_clusters, pairs_of
from pipeline.duplicates import bands, cluster_sizes, overlap
from pipeline.report.charts import bin_counts
from pipeline.report.reasons import MOST_GROUPS
from pipeline.result import DEDUPLICATIONS, Result
from pipeline.what_if import near_stage

LARGEST = 20
SIMILARITY_STEPS = 50
"""Bins between a similarity of 0 and of 1."""


def duplicates(result: Result) -> list[dict[str, Any]]:
    """Every deduplication of a result, in order, as plain data. What is large is cut to what is largest."""
    near = result.stages_named("minhash_dedup")
    return [
        {
            "stage": stage,
            **cluster_sizes(result, stage),
            "largest": _largest(result, stage),
            "overlap": overlap(result, stage, MOST_GROUPS),
            "near": _near(result, stage) if stage in near else None,
        }
        for stage in result.stages_named(*DEDUPLICATIONS)
    ]


def _largest(result: Result, stage: str) -> list[dict[str, Any]]:
    found = []
    for cluster in list_clusters(result, stage, top=LARGEST)["largest"]:
        source, row = result.source_of(cluster["survivor"])
        found.append({**cluster, "source": source.path, "row": row})
    return found


def _near(result: Result, stage: str) -> dict[str, Any]:
    """What bands brought together; pairs by similarity, at or above the threshold and below it; the S-curve."""
    from filters.minhash import collision_probability
    from filters.verification import RECORDED_FROM

    entry = near_stage(result.manifest, stage)
    threshold = entry["threshold"]
    edges = np.linspace(0, 1, SIMILARITY_STEPS + 1)
    edges[-1] = np.nextafter(1, 2)  # the last bin holds 1
    edges[1 + np.argmin(np.abs(edges[1:-1] - threshold))] = threshold  # no bin lies on both of its sides
    counts = {kind: np.zeros(len(edges) - 1, np.int64) for kind in ("reached", "below")}
    for table in result.tables(pairs_of(stage), ["similarity"]):
        values = table["similarity"].to_numpy()
        counts["reached"] += bin_counts(values[values >= threshold], edges)
        counts["below"] += bin_counts(values[values < threshold], edges)
    jaccard = entry["measure"] == "jaccard"  # what bands find by
    return {
        **bands(result, entry),
        "verified": entry["verify"] != "none",
        "measure": entry["measure"],
        "shingle_size": entry["shingle_size"],
        "threshold": threshold,
        "recorded_from": min(threshold, RECORDED_FROM),
        "edges": edges.tolist(),
        **{kind: found.tolist() for kind, found in counts.items()},
        "chances": [
            collision_probability(min(e, 1.0), entry["bands"], entry["rows"]) if jaccard else None for e in edges
        ],
    }
