"""Packing: which sequence a piece of a document goes to, and the copying of its tokens."""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import kernel


@kernel
def best_fit(lengths, capacity, bins):
    """Put items, in the order given, each where it leaves the least room; bins: out, int64 (items,). Number of bins.

    lengths: int64 (items,), in [1, capacity]. Of bins with equal room the one that came to it last is taken. A tree of
    bits over the amounts of room (0 to capacity) finds the smallest that is enough, in steps of its height.
    """
    size = 1
    while size < capacity + 1:
        size *= 2
    any_below = np.zeros(
        2 * size, np.uint8
    )  # node n has children 2n and 2n + 1; leaf size + r is set if a bin has room r
    newest = np.full(capacity + 1, -1, np.int64)  # bin with room r
    next_of = np.empty(lengths.shape[0], np.int64)  # the one before it with the same room
    count = 0
    for item in range(lengths.shape[0]):
        node = size + lengths[item]
        if not any_below[node]:
            # The sibling of a left child holds the amounts just above; go up until there is one that is not empty.
            while node > 1 and (node % 2 or not any_below[node + 1]):
                node //= 2
            if node > 1:
                node += 1
        if node > 1:
            while node < size:
                node = 2 * node if any_below[2 * node] else 2 * node + 1
            room = node - size
            chosen = newest[room]
            newest[room] = next_of[chosen]
            if newest[room] < 0:
                while node >= 1:
                    any_below[node] = 0
                    if node > 1 and any_below[node ^ 1]:
                        break
                    node //= 2
        else:
            room, chosen = capacity, count
            count += 1
        room -= lengths[item]
        bins[item] = chosen
        next_of[chosen] = newest[room]
        newest[room] = chosen
        node = size + room
        while node >= 1 and any_below[node] == 0:
            any_below[node] = 1
            node //= 2
    return count


@kernel
def copy_pieces(source, starts, lengths, targets, out):
    """Copy `lengths[i]` bytes from `starts[i]` of source to `targets[i]` of out. Both uint8; the others int64."""
    for i in range(starts.shape[0]):
        out[targets[i] : targets[i] + lengths[i]] = source[starts[i] : starts[i] + lengths[i]]
