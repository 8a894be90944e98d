"""What the deduplications of a result found, in numbers: clusters, sources, languages, similarity, bands."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.names import KEY
from pipeline.clusters import documents_of, pairs_of
from pipeline.result import Result
from pipeline.sources import sources_of

SIZES = (2, 3, 4, 5, 10, 100, 1000)
"""Where the classes of cluster sizes begin."""

LARGEST = 5
EDGES = tuple(round(0.05 * step, 2) for step in range(21))
"""Bounds of the classes of similarity; the last one holds 1."""


def cluster_sizes(result: Result, stage: str) -> dict[str, Any]:
    """Clusters of one deduplication: how many, how large, which are the largest."""
    documents = clusters = 0
    classes: Counter[int] = Counter()
    largest = np.zeros((0, 2), np.int64)  # (key of the survivor, documents), most documents first, then by key
    columns = [KEY, "survivor", "cluster_size"]
    for table in result.tables(documents_of(stage), columns):
        table = table.filter(pc.greater(table["cluster_size"], 1))
        keys, survivors, sizes = (table[name].to_numpy() for name in columns)
        stays = keys == survivors
        documents += len(keys)
        clusters += int(stays.sum())
        classes.update(np.searchsorted(SIZES, sizes[stays], side="right").tolist())
        largest = np.concatenate([largest, np.stack([keys[stays], sizes[stays]], axis=1)])
        largest = largest[np.argsort(-largest[:, 1], kind="stable")[:LARGEST]]
    return {
        "clusters": clusters,
        "documents": documents,
        "dropped": documents - clusters,
        "sizes": [{"size": class_name(i), "clusters": classes[i]} for i in sorted(classes)],
        "largest": [{"survivor": key, "documents": size} for key, size in largest.tolist()],
    }


def class_name(index: int) -> str:
    """Name of the cluster sizes between two bounds.

    >>> [class_name(i) for i in (1, 4, 5, 7)]
    ['2', '5-9', '10-99', '1000+']
    """
    first = SIZES[index - 1]
    if index == len(SIZES):
        return f"{first}+"
    last = SIZES[index] - 1
    return str(first) if first == last else f"{first}-{last}"


def overlap(result: Result, stage: str, most: int | None = None) -> dict[str, Any]:
    """Which sources share duplicates: `duplicates[i][j]` documents of source i have their survivor in source j.

    sources: names, as in `pipeline.sources`, those alone that occur, most duplicates first. most: sources of their
    own; all others are one, whose name is the number of them, as in `7 more`.
    """
    sources = sources_of(result)
    counts: Counter[tuple[int, int]] = Counter()
    for table in result.tables(documents_of(stage), [KEY, "survivor"]):
        keys, survivors = table[KEY].to_numpy(), table["survivor"].to_numpy()
        gone = keys != survivors
        pairs = np.stack([sources.of(keys[gone]), sources.of(survivors[gone])], axis=1)
        distinct, times = np.unique(pairs, axis=0, return_counts=True)
        for (one, other), count in zip(distinct.tolist(), times.tolist(), strict=True):
            counts[one, other] += count
    weight: Counter[int] = Counter()
    for (one, other), count in counts.items():
        weight[one] += count
        weight[other] += count
    order = sorted(weight, key=lambda source: (-weight[source], sources.names[source]))
    names = [sources.names[source] for source in order[:most]]
    if len(order) > len(names):
        names.append(f"{len(order) - len(names):,} more")
    place = {source: min(i, len(names) - 1) for i, source in enumerate(order)}
    cells = np.zeros((len(names), len(names)), np.int64)
    for (one, other), count in counts.items():
        cells[place[one], place[other]] += count
    return {"sources": names, "duplicates": cells.tolist()}


def similarities(result: Result, entry: dict[str, Any]) -> dict[str, Any]:
    """Duplicates and recorded pairs by similarity, in classes of EDGES, beside the chance that such a pair is compared.

    entry: of the stage, as `pipeline.what_if.near_stage` describes it. The chance is that of the middle of a class;
    None with `containment`, which bands do not find by.
    """
    from filters.minhash import collision_probability

    duplicates, pairs = (np.zeros(len(EDGES) - 1, np.int64) for _ in range(2))
    for table in result.tables(documents_of(entry["id"]), [KEY, "survivor", "similarity"]):
        gone = table.filter(pc.not_equal(table[KEY], table["survivor"]))
        duplicates += _histogram(pc.drop_null(gone["similarity"]).to_numpy())
    for table in result.tables(pairs_of(entry["id"]), ["similarity"]):
        pairs += _histogram(table["similarity"].to_numpy())
    jaccard = entry["measure"] == "jaccard"
    classes = []
    for place, (low, high) in enumerate(pairwise(EDGES)):
        middle = (low + high) / 2
        chance = collision_probability(middle, entry["bands"], entry["rows"]) if jaccard else None
        classes.append(
            {
                "from": low,
                "to": high,
                "duplicates": int(duplicates[place]),
                "pairs": int(pairs[place]),
                "chance": chance,
            }
        )
    return {"threshold": entry["threshold"], "measure": entry["measure"], "classes": classes}


def _histogram(values: NDArray[np.float64]) -> NDArray[np.int64]:
    # By rounding down, not by comparing with the bounds, of which 0.15 is stored as a little less than 3 / 20.
    places = np.floor(values * (len(EDGES) - 1) + 1e-9).astype(np.int64)
    return np.bincount(np.minimum(places, len(EDGES) - 2), minlength=len(EDGES) - 1)


def bands(result: Result, entry: dict[str, Any]) -> dict[str, Any]:
    """What bands brought together and verification made of it.

    met: documents that share a bucket with another one. components: groups of those that buckets tie together, and the
    largest. compared: comparisons by exact similarity. undecided: documents that met more survivors than they were
    compared with. shared: duplicates by the number of bands they share with their survivor.
    """
    met = components = largest = compared = undecided = duplicates = 0
    shared: Counter[int] = Counter()
    names = [KEY, "survivor", "component", "component_size", "compared", "decided", "shared_bands"]
    for table in result.tables(documents_of(entry["id"]), names):
        keys, survivors = table[KEY].to_numpy(), table["survivor"].to_numpy()
        first = keys == table["component"].to_numpy()  # a component's smallest key is one of its documents
        sizes = table["component_size"].to_numpy()
        met += len(keys)
        components += int(first.sum())
        largest = max(largest, int(sizes.max(initial=0)))
        compared += int(pc.sum(table["compared"]).as_py() or 0)
        undecided += int(pc.sum(pc.invert(table["decided"]).cast("int64")).as_py() or 0)
        duplicates += int((keys != survivors).sum())
        gone = table["shared_bands"].to_numpy()[keys != survivors]
        shared.update(gone[~np.isnan(gone)].astype(int).tolist())
    return {
        "bands": entry["bands"],
        "rows": entry["rows"],
        "met": met,
        "components": components,
        "largest_component": largest,
        "compared": compared,
        "duplicates": duplicates,
        "undecided": undecided,
        "shared": {str(count): documents for count, documents in sorted(shared.items())},
    }
