"""Edges between document keys: stars from buckets, and connected components, in memory or in rounds over partitions.

An edge of a forest is (child, parent), parent < child. Everything is plain NumPy on int64 keys; who holds which edges
is for `transforms.components` to say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filters.kernels.unionfind import component_roots

Keys = NDArray[np.int64]
Edges = tuple[Keys, Keys]

_BLOCK_BITS = 12


def star_edges(hashes: NDArray[np.uint64], keys: Keys) -> tuple[Keys, Keys, NDArray[np.uint64], Keys]:
    """Buckets become stars: every member is tied to its bucket's smallest key.

    hashes: uint64 (records,), bucket of each record; keys: int64 (records,). Returns (smallest key, member) of every
    record that is not its bucket's smallest, and the distinct buckets with their smallest keys.

    >>> star_edges(np.array([7, 9, 7], np.uint64), np.array([5, 6, 2]))[:2]
    (array([2]), array([5]))
    """
    order = np.lexsort((keys, hashes))
    hashes, keys = hashes[order], keys[order]
    first = np.ones(len(hashes), np.bool_)
    first[1:] = hashes[1:] != hashes[:-1]
    centre = keys[first][np.cumsum(first) - 1]
    others = ~first & (keys != centre)
    return centre[others], keys[others], hashes[first], keys[first]


def star_forest(left: Keys, right: Keys) -> Edges:
    """The same components with as few edges as can be: (child, smallest key of its component), in order of children.

    >>> [column.tolist() for column in star_forest(np.array([2, 5, 2]), np.array([5, 9, 9]))]
    [[5, 9], [2, 2]]
    """
    keys, nodes = np.unique(np.concatenate([left, right]), return_inverse=True)
    roots = component_roots(len(keys), nodes[: len(left)].astype(np.int64), nodes[len(left) :].astype(np.int64))
    child = roots != np.arange(len(keys))
    return keys[child], keys[roots[child]]


def owner(keys: Keys, partitions: int) -> NDArray[np.int64]:
    """Partition of every node, int64 (keys,): neighbours in key order mostly share one, which shortens paths.

    Blocks of 4,096 keys are dealt out by a hash.
    """
    return deal(keys >> _BLOCK_BITS, partitions)


def deal(numbers: Keys, partitions: int) -> NDArray[np.int64]:
    """Partition of every number, int64 (numbers,), by a hash of all its bits: MurmurHash3's 64-bit finaliser.

    Keys hold a file in their high bits and a row in the low ones; both must count, whatever `partitions` is.
    """
    h = numbers.astype(np.uint64)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return ((h ^ (h >> np.uint64(33))) % np.uint64(partitions)).astype(np.int64)


def split_by_owner(edges: Edges, partitions: int, partition: int) -> tuple[Edges, Edges]:
    """Edges whose child lives in a partition, and all others."""
    own = owner(edges[0], partitions) == partition
    return (edges[0][own], edges[1][own]), (edges[0][~own], edges[1][~own])


def questions(own: Edges, partitions: int, partition: int) -> Keys:
    """Parents that live elsewhere, each once: what a partition must ask about, however many children it has of each."""
    parents = np.unique(own[1])
    return parents[owner(parents, partitions) != partition]


def answers(own: Edges, asked: Keys, askers: Keys) -> tuple[Keys, Keys, Keys]:
    """Of nodes that were asked about, those that hang from something here: (node, what it hangs from, who asked).

    own: a star forest. asked, askers: int64 (questions,), a node of this partition and who wants to know.
    """
    at = np.minimum(np.searchsorted(own[0], asked), max(len(own[0]) - 1, 0))
    known = own[0][at] == asked if len(own[0]) else np.zeros(len(asked), np.bool_)
    return asked[known], own[1][at[known]], askers[known]


def hook_to_grandparents(own: Edges, parents: Keys, grandparents: Keys) -> Edges:
    """Edges whose parent is known to hang from something, hooked to that; the parent's own edge is held by its owner.

    >>> [c.tolist() for c in hook_to_grandparents((np.array([7, 9]), np.array([5, 4])), np.array([5]), np.array([2]))]
    [[7, 9], [2, 4]]
    """
    order = np.argsort(parents)
    parents, grandparents = parents[order], grandparents[order]
    at = np.minimum(np.searchsorted(parents, own[1]), max(len(parents) - 1, 0))
    if not len(parents):
        return own
    return own[0], np.where(parents[at] == own[1], grandparents[at], own[1])


def distinct_edges(left: Keys, right: Keys) -> Edges:
    """The same edges, each once, in order of (left, right)."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = np.ones(len(left), np.bool_)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[new], right[new]
