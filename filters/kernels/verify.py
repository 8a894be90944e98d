"""Survivors by exact Jaccard: each document against the survivors that share a bucket with it."""

from __future__ import annotations

import numpy as np
from numba import njit

from filters.kernels.minhash import common_count


@njit(nogil=True)
def anchor_to_survivors(set_offsets, sets, bucket_offsets, buckets, n_buckets, threshold, survivor, jaccard, shared):
    """Decide documents in order; a document is dropped only if a *survivor* reaches the threshold.

    set_offsets: int64 (documents + 1,), sets: uint64, sorted distinct shingle hashes of each document;
    bucket_offsets: int64 (documents + 1,), buckets: int64 in [0, n_buckets), the buckets each document lies in.
    Written, (documents,): survivor: int64, the document kept in its stead (itself if it survives); jaccard: float64
    with that survivor; shared: int64, buckets they share. Of several survivors at or above the threshold the most
    similar one is the evidence, the earliest where they tie.
    """
    n = set_offsets.shape[0] - 1
    head = np.full(n_buckets, -1, np.int64)  # newest survivor entry of each bucket
    link = np.full(buckets.shape[0], -1, np.int64)  # the entry before it
    owner = np.empty(buckets.shape[0], np.int64)
    met = np.zeros(n, np.int64)  # buckets shared with the document at hand
    candidates = np.empty(n, np.int64)
    for doc in range(n):
        found = 0
        for entry in range(bucket_offsets[doc], bucket_offsets[doc + 1]):
            other = head[buckets[entry]]
            while other >= 0:
                if met[owner[other]] == 0:
                    candidates[found] = owner[other]
                    found += 1
                met[owner[other]] += 1
                other = link[other]
        best, best_jaccard = doc, -1.0
        mine = sets[set_offsets[doc] : set_offsets[doc + 1]]
        for k in range(found):
            candidate = candidates[k]
            theirs = sets[set_offsets[candidate] : set_offsets[candidate + 1]]
            small, large = min(mine.shape[0], theirs.shape[0]), max(mine.shape[0], theirs.shape[0])
            # Jaccard is at most small / large: skip what cannot reach the threshold.
            if small > 0 and small / large >= threshold:
                common = common_count(mine, theirs)
                value = common / (small + large - common)
                if value >= threshold and (value > best_jaccard or (value == best_jaccard and candidate < best)):
                    best, best_jaccard = candidate, value
        survivor[doc] = best
        jaccard[doc] = best_jaccard if best != doc else 1.0
        shared[doc] = met[best] if best != doc else 0
        for k in range(found):
            met[candidates[k]] = 0
        if best == doc:
            for entry in range(bucket_offsets[doc], bucket_offsets[doc + 1]):
                owner[entry] = doc
                link[entry] = head[buckets[entry]]
                head[buckets[entry]] = entry
