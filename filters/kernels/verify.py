"""Survivors by exact similarity: each document against the survivors that share a bucket with it."""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import helper, kernel

JACCARD, CONTAINMENT = 0, 1


@kernel
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


@helper
def _needed(a, b, floor, measure):
    """Values that sets of these sizes must share to reach `floor`: one less, so that rounding cannot cut off a tie."""
    whole = min(a, b) if measure == CONTAINMENT else (a + b) / (1.0 + floor)
    return int(np.ceil(floor * whole)) - 1


@kernel
def similarity_at_least(left, right, floor, measure):
    """Exact similarity of two sorted sets of hashes, or -1.0 where it is below `floor` or a set is empty.

    measure: JACCARD, shared / union; CONTAINMENT, shared / smaller set (the overlap coefficient).
    """
    a, b = left.shape[0], right.shape[0]
    if a == 0 or b == 0:
        return -1.0
    common = common_at_least(left, right, _needed(a, b, floor, measure))
    if common < 0:
        return -1.0
    value = common / min(a, b) if measure == CONTAINMENT else common / (a + b - common)
    return value if value >= floor else -1.0


@kernel
def profiles(set_begin, set_end, words, out, usable):
    """How many hashes of each set fall into each 128th of their range. out: uint8 (sets, 128), zero.

    usable: bool (sets,), written: no count is above 255, as it is for sets of up to some 20,000 hashes.
    """
    for one in range(set_begin.shape[0]):
        usable[one] = True
        for at in range(set_begin[one], set_end[one]):
            part = words[at] >> np.uint64(57)
            usable[one] &= out[one, part] < 255
            out[one, part] += np.uint8(1)


@kernel
def common_at_most(left, right):
    """Bound on what two sets share, from their profiles: the smaller count of each part, added up."""
    bound = 0
    for i in range(left.shape[0]):
        bound += min(left[i], right[i])
    return bound


@helper
def _rarest_first(entries, buckets, listed, order):
    """Entries of one document, those of buckets that list fewest first. Returns how many."""
    n = entries[1] - entries[0]
    for k in range(n):
        entry, place = entries[0] + k, k
        while place > 0 and listed[buckets[order[place - 1]]] > listed[buckets[entry]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = entry
    return n


@helper
def _gather(order, buckets, head, link, owner, most, met, found_out):
    """Documents in the buckets of the entries `order`, each once: of each bucket the newest `most`.

    `met` counts the buckets they were met in. Returns how many, and whether no bucket has more.
    """
    found, complete = 0, True
    for entry in order:
        other, walked = head[buckets[entry]], 0
        while other >= 0 and walked < most:
            if met[owner[other]] == 0:
                found_out[found] = owner[other]
                found += 1
            met[owner[other]] += 1
            other = link[other]
            walked += 1
        complete &= other < 0
    return found, complete


@helper
def _in_common(bucket_offsets, buckets, one, other):
    """Buckets that two documents share."""
    common = 0
    for a in range(bucket_offsets[one], bucket_offsets[one + 1]):
        for b in range(bucket_offsets[other], bucket_offsets[other + 1]):
            common += buckets[a] == buckets[b]
    return common


@helper
def _most_met_first(candidates, found, met, most):
    """Move the `most` candidates that share most buckets, the first gathered where they tie, to the front."""
    if found <= most:
        return found
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


@helper
def _better(value, other, than_value, than_other):
    return value > than_value or (value == than_value and other < than_other)


@helper
def _most_similar_first(near, near_similarity, best, most):
    """Sort the first `most` places: `best` before all, then by similarity, the earliest where they tie."""
    for place in range(min(near.shape[0], most)):
        top = place
        for k in range(place + 1, near.shape[0]):
            if near[top] != best and (
                near[k] == best or _better(near_similarity[k], near[k], near_similarity[top], near[top])
            ):
                top = k
        near[place], near[top] = near[top], near[place]
        near_similarity[place], near_similarity[top] = near_similarity[top], near_similarity[place]


@kernel
def anchor_to_survivors(
    set_begin, set_end, words, bucket_offsets, buckets, n_buckets, fixed, gone, measure, threshold, floor, limits,
    survivor, similarity, shared, compared, decided, paired, pairs, pair_similarity,
):  # fmt: skip
    """Decide documents in order; a document is dropped only if a *survivor* reaches the threshold.

    words: uint64; the sorted distinct shingle hashes of document d are `words[set_begin[d]:set_end[d]]`, int64 each.
    bucket_offsets: int64 (documents + 1,), buckets: int64 in [0, n_buckets), those each document lies in. The first
    `fixed` documents are survivors already; gone: bool, documents that something else has dropped.
    measure: JACCARD or CONTAINMENT; similarities below `floor` (at most `threshold`) are not told apart.
    limits: int64, (survivors compared with a document, dropped ones compared with it, survivors looked at in a
    bucket, the newest first, candidates of a document told apart down to `floor`, pairs written for it). Those that
    share most buckets come first; beyond the fourth limit only what reaches `threshold` is told apart, and most that
    does not is seen not to by the profiles of the sets.

    Written, (documents,): survivor: int64, the document kept in its stead (itself if none); similarity: float64 with
    that survivor; shared: int64, buckets they share; compared: int64, documents it was compared with; decided: bool,
    it was compared with all earlier survivors that share a bucket; paired: bool, with all earlier documents.
    pairs: int64 (documents x limits[4], 3), pair_similarity: float64: (later document, earlier, buckets shared), the
    survivor first, then the most similar. Returns how many. Of several survivors at or above the threshold the most
    similar is the evidence, the earliest where they tie.
    """
    n = set_begin.shape[0]
    most_survivors, most_others, most_walked, most_noted, most_pairs = limits
    heads = np.full((2, n_buckets), -1, np.int64)  # newest entry of each bucket: survivors, dropped ones
    listed = np.zeros((2, n_buckets), np.int64)
    own = np.empty(np.diff(bucket_offsets).max() if n else 0, np.int64)
    link = np.full(buckets.shape[0], -1, np.int64)  # the entry before it
    owner = np.empty(buckets.shape[0], np.int64)
    met = np.zeros(n, np.int64)
    candidates = np.empty(n, np.int64)
    near = np.empty(most_survivors + most_others, np.int64)
    near_similarity = np.empty(most_survivors + most_others)
    profile, usable = np.zeros((n, 128), np.uint8), np.empty(n, np.bool_)
    profiles(set_begin, set_end, words, profile, usable)
    size = set_end - set_begin
    written = 0
    for doc in range(n):
        entries = (bucket_offsets[doc], bucket_offsets[doc + 1])
        survivor[doc], similarity[doc], shared[doc], compared[doc] = doc, 1.0, 0, 0
        decided[doc], paired[doc] = True, True
        if doc >= fixed:
            mine = words[set_begin[doc] : set_end[doc]]
            best, best_similarity, close = doc, -1.0, 0
            for kind in range(2):
                most = most_survivors if kind == 0 else most_others
                walk = most_walked if kind == 0 else most_others
                order = own[: _rarest_first(entries, buckets, listed[kind], own)]
                found, complete = _gather(order, buckets, heads[kind], link, owner, walk, met, candidates)
                kept = _most_met_first(candidates, found, met, most)
                noted = _most_met_first(candidates, kept, met, most_noted)
                complete &= kept == found
                decided[doc] &= complete or kind == 1
                paired[doc] &= complete and noted == kept
                compared[doc] += kept
                for k in range(kept):
                    other = candidates[k]
                    if k >= noted and usable[doc] and usable[other]:
                        needed = _needed(size[doc], size[other], threshold, measure)
                        if common_at_most(profile[doc], profile[other]) < needed:
                            continue
                    least = floor if k < noted else threshold
                    value = similarity_at_least(mine, words[set_begin[other] : set_end[other]], least, measure)
                    if value >= 0:
                        near[close], near_similarity[close] = other, value
                        close += 1
                        if kind == 0 and value >= threshold and _better(value, other, best_similarity, best):
                            best, best_similarity = other, value
                for k in range(found):
                    met[candidates[k]] = 0
            if best != doc:
                survivor[doc], similarity[doc] = best, best_similarity
                shared[doc] = _in_common(bucket_offsets, buckets, doc, best)
            paired[doc] &= close <= most_pairs
            _most_similar_first(near[:close], near_similarity[:close], best, most_pairs)
            for k in range(min(close, most_pairs)):
                pairs[written, 0], pairs[written, 1] = doc, near[k]
                pairs[written, 2] = _in_common(bucket_offsets, buckets, doc, near[k])
                pair_similarity[written] = near_similarity[k]
                written += 1
        kind = 1 if survivor[doc] != doc or gone[doc] else 0
        for entry in range(entries[0], entries[1]):
            owner[entry] = doc
            listed[kind, buckets[entry]] += 1
            link[entry] = heads[kind, buckets[entry]]
            heads[kind, buckets[entry]] = entry
    return written
