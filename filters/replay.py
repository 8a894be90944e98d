"""Replay: who would stay at another threshold or by another keep rule, from the evidence of a run alone.

A run writes down the pairs it compared. A replay removes nothing without such a pair, so it can only keep too much:
where a document was not compared with all in its buckets before it (`paired`), or where bands did not bring a pair
together. In another order, any document of its component may have been the one that was not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filters.graphs import Keys
from filters.kernels.replay import anchor_by_pairs


@dataclass(frozen=True)
class Evidence:
    """Rows of `dedup/<stage>/documents` and of `dedup/<stage>/pairs`, as arrays.

    key, same_as, component: int64 (documents,); paired: bool. ranks: int64 (documents, rules), smaller stays. pair_key,
    pair_other: int64 (pairs,), keys of two documents that stand for their twins; similarity: float64 (pairs,), exact.
    """

    key: Keys
    same_as: Keys
    component: Keys
    paired: NDArray[np.bool_]
    ranks: NDArray[np.int64]
    pair_key: Keys
    pair_other: Keys
    similarity: NDArray[np.float64]


@dataclass(frozen=True)
class Replayed:
    """Outcome, one row for each key of the evidence: survivor (its own key if it stays), exact similarity with it.

    unsure: bool, it stays although it may not have been compared with all documents before it in its buckets.
    """

    survivor: Keys
    similarity: NDArray[np.float64]
    unsure: NDArray[np.bool_]


def replay(evidence: Evidence, threshold: float, *, reordered: bool = False) -> Replayed:
    """Judge the documents of a run again, in the order of `evidence.ranks`, by its recorded pairs.

    reordered: these are not the ranks of the run.
    """
    ranks = [evidence.ranks[:, i] for i in reversed(range(evidence.ranks.shape[1]))]
    order = np.lexsort((evidence.key, *ranks))
    # Twins are one document, which stands where the first of them does.
    _, twins = np.unique(evidence.same_as, return_inverse=True)
    place = np.full(twins.max(initial=-1) + 1, len(order))
    np.minimum.at(place, twins[order], np.arange(len(order)))
    leaders = np.argsort(place)
    rank = np.empty(len(leaders), np.int64)
    rank[leaders] = np.arange(len(leaders))

    by_key = np.argsort(evidence.key)
    reached = evidence.similarity >= threshold
    ends = [
        rank[twins[by_key[np.searchsorted(evidence.key[by_key], keys[reached])]]]
        for keys in (evidence.pair_key, evidence.pair_other)
    ]
    later, earlier = np.maximum(*ends), np.minimum(*ends)
    sort = np.lexsort((earlier, later))
    offsets = np.searchsorted(later[sort], np.arange(len(leaders) + 1))
    survivor, best = np.empty(len(leaders), np.int64), np.empty(len(leaders))
    anchor_by_pairs(offsets, earlier[sort], evidence.similarity[reached][sort], survivor, best)

    standing = order[place[leaders]]  # row of the document that stands for each, in order of judging
    mine = rank[twins]
    found = evidence.key[standing[survivor[mine]]]
    stays = found == evidence.key
    similarity = np.where(stays | (survivor[mine] == mine), 1.0, best[mine])
    whole = evidence.paired
    if reordered:
        whole = ~np.isin(evidence.component, evidence.component[~evidence.paired])
    return Replayed(found, similarity, stays & ~whole)
