"""Survivors by exact similarity: each document against the survivors that share a bucket with it."""

from __future__ import annotations

import numpy as np
from numba import njit

JACCARD, CONTAINMENT = 0, 1


@njit(nogil=True)
def common_at_least(left, right, needed):
    """Number of values that two sorted distinct arrays share, or -1 as soon as it is sure to be below `needed`."""
    spare_left, spare_right = left.shape[0] - needed, right.shape[0] - needed
    i = j = common = 0
    while i < left.shape[0] and j < right.shape[0] and spare_left >= 0 and spare_right >= 0:
        if left[i] == right[j]:
            common += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            spare_left -= 1
            i += 1
        else:
            spare_right -= 1
            j += 1
    return common if common >= needed else -1


@njit(nogil=True)
def similarity_at_least(left, right, floor, measure):
    """Exact similarity of two sorted sets of hashes, or -1.0 where it is below `floor` or a set is empty.

    measure: JACCARD, shared / union; CONTAINMENT, shared / smaller set (the overlap coefficient).
    """
    a, b = left.shape[0], right.shape[0]
    if a == 0 or b == 0:
        return -1.0
    # One less than the bound, so that rounding cannot cut off what lies just on it.
    whole = min(a, b) if measure == CONTAINMENT else (a + b) / (1.0 + floor)
    common = common_at_least(left, right, int(np.ceil(floor * whole)) - 1)
    if common < 0:
        return -1.0
    value = common / min(a, b) if measure == CONTAINMENT else common / (a + b - common)
    return value if value >= floor else -1.0


@njit(nogil=True)
def _gather(entries, buckets, head, link, owner, met, found_out):
    """Documents listed in the buckets of one document, each once; `met` counts the buckets shared with each."""
    found = 0
    for entry in range(entries[0], entries[1]):
        other = head[buckets[entry]]
        while other >= 0:
            if met[owner[other]] == 0:
                found_out[found] = owner[other]
                found += 1
            met[owner[other]] += 1
            other = link[other]
    return found


@njit(nogil=True)
def _keep_most_met(candidates, found, met, most):
    """Move the `most` candidates that share most buckets, the earliest where they tie, to the front."""
    if found <= most:
        return found
    candidates[:found].sort()
    highest = 0
    for k in range(found):
        highest = max(highest, met[candidates[k]])
    above = np.zeros(highest + 2, np.int64)  # how many share at least so many buckets
    for k in range(found):
        above[met[candidates[k]]] += 1
    for level in range(highest - 1, -1, -1):
        above[level] += above[level + 1]
    cut = highest
    while above[cut] < most:
        cut -= 1
    at_cut = most - above[cut + 1]
    kept = 0
    for k in range(found):
        candidate = candidates[k]
        if met[candidate] > cut or (met[candidate] == cut and at_cut > 0):
            at_cut -= met[candidate] == cut
            candidates[kept], candidates[k] = candidate, candidates[kept]
            kept += 1
    return kept


@njit(nogil=True)
def _better(value, other, than_value, than_other):
    return value > than_value or (value == than_value and other < than_other)


@njit(nogil=True)
def anchor_to_survivors(
    set_begin, set_end, words, bucket_offsets, buckets, n_buckets, fixed, gone, measure, threshold, floor, limits,
    survivor, similarity, shared, compared, decided, paired, pairs, pair_similarity,
):  # fmt: skip
    """Decide documents in order; a document is dropped only if a *survivor* reaches the threshold.

    words: uint64; the sorted distinct shingle hashes of document d are `words[set_begin[d]:set_end[d]]`, int64 each.
    bucket_offsets: int64 (documents + 1,), buckets: int64 in [0, n_buckets), those each document lies in. The first
    `fixed` documents are survivors already; gone: bool, documents that something else has dropped.
    measure: JACCARD or CONTAINMENT; similarities below `floor` (at most `threshold`) are not told apart.
    limits: int64, (survivors compared with a document, dropped ones compared with it, survivors listed in a bucket,
    pairs written for a document). Those that share most buckets come first.

    Written, (documents,): survivor: int64, the document kept in its stead (itself if none); similarity: float64 with
    that survivor; shared: int64, buckets they share; compared: int64, documents it was compared with; decided: bool,
    it was compared with all earlier survivors that share a bucket; paired: bool, with all earlier documents.
    pairs: int64 (documents x limits[3], 3), pair_similarity: float64: (later document, earlier, buckets shared), the
    survivor first, then the most similar. Returns how many. Of several survivors at or above the threshold the most
    similar is the evidence, the earliest where they tie.
    """
    n = set_begin.shape[0]
    most_survivors, most_others, most_listed, most_pairs = limits
    heads = np.full((2, n_buckets), -1, np.int64)  # newest entry of each bucket: survivors, dropped ones
    listed = np.zeros((2, n_buckets), np.int64)
    link = np.full(buckets.shape[0], -1, np.int64)  # the entry before it
    owner = np.empty(buckets.shape[0], np.int64)
    met = np.zeros(n, np.int64)
    candidates = np.empty(n, np.int64)
    near = np.empty((most_survivors + most_others, 2), np.int64)
    near_similarity = np.empty(most_survivors + most_others)
    written = 0
    for doc in range(n):
        entries = (bucket_offsets[doc], bucket_offsets[doc + 1])
        survivor[doc], similarity[doc], shared[doc], compared[doc] = doc, 1.0, 0, 0
        decided[doc], paired[doc] = True, True
        if doc >= fixed:
            mine = words[set_begin[doc] : set_end[doc]]
            best, best_similarity, close = doc, -1.0, 0
            for kind in range(2):
                found = _gather(entries, buckets, heads[kind], link, owner, met, candidates)
                kept = _keep_most_met(candidates, found, met, most_survivors if kind == 0 else most_others)
                complete = kept == found
                for entry in range(entries[0], entries[1]):
                    complete &= listed[kind, buckets[entry]] <= (most_listed if kind == 0 else most_others)
                decided[doc] &= complete or kind == 1
                paired[doc] &= complete
                compared[doc] += kept
                for k in range(kept):
                    other = candidates[k]
                    value = similarity_at_least(mine, words[set_begin[other] : set_end[other]], floor, measure)
                    if value >= 0:
                        near[close, 0], near[close, 1], near_similarity[close] = other, met[other], value
                        close += 1
                        if kind == 0 and value >= threshold and _better(value, other, best_similarity, best):
                            best, best_similarity = other, value
                            shared[doc] = met[other]
                for k in range(found):
                    met[candidates[k]] = 0
            if best != doc:
                survivor[doc], similarity[doc] = best, best_similarity
            paired[doc] &= close <= most_pairs
            for place in range(min(close, most_pairs)):
                top = place
                for k in range(place + 1, close):
                    if near[k, 0] == best and place == 0:  # the evidence itself is always written
                        top = k
                        break
                    if _better(near_similarity[k], near[k, 0], near_similarity[top], near[top, 0]):
                        top = k
                for c in range(2):
                    near[place, c], near[top, c] = near[top, c], near[place, c]
                near_similarity[place], near_similarity[top] = near_similarity[top], near_similarity[place]
                pairs[written, 0], pairs[written, 1], pairs[written, 2] = doc, near[place, 0], near[place, 1]
                pair_similarity[written] = near_similarity[place]
                written += 1
        kind = 1 if survivor[doc] != doc or gone[doc] else 0
        for entry in range(entries[0], entries[1]):
            bucket = buckets[entry]
            listed[kind, bucket] += 1
            if listed[kind, bucket] <= (most_listed if kind == 0 else most_others):
                owner[entry] = doc
                link[entry] = heads[kind, bucket]
                heads[kind, bucket] = entry
    return written
