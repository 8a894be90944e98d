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
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Knuth's multiplicative hash


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

    Blocks of 4,096 keys are dealt out by a multiplicative hash.
    """
    blocks = (keys >> _BLOCK_BITS).astype(np.uint64) * _GOLDEN
    return ((blocks >> np.uint64(33)) % np.uint64(partitions)).astype(np.int64)


def hook_to_grandparents(edges: Edges, owned: NDArray[np.bool_]) -> tuple[Edges, bool]:
    """One large-star step of a partition: its stars are merged, and hooked to what their centres hang from.

    edges: (child, parent) of all edges with an end here; owned: bool (edges,), those whose *parent* lives here. Only
    owned edges are rewritten, each to one new edge; the others say where a centre hangs. Returns the new edges and
    whether they differ from the owned ones. Every component stays connected: a centre m hangs from g by an edge that
    g's partition owns and rewrites, and by induction from the smallest key up, m and g stay connected.

    After Kiveris et al. 2014, "Connected Components in MapReduce and Beyond", with a union-find inside the partition.
    """
    children, parents = edges
    held = (children[owned], parents[owned])
    child, centre = star_forest(*held)
    above = _smallest_parents(children[~owned], parents[~owned])
    if len(above[0]):
        at = np.minimum(np.searchsorted(above[0], centre), len(above[0]) - 1)
        centre = np.where(above[0][at] == centre, above[1][at], centre)
    return (child, centre), _differ((child, centre), held)


def tie_parents(edges: Edges) -> tuple[Edges, bool]:
    """One small-star step of a partition that holds all edges of its *children*: a child's parents are tied together.

    Returns the new edges, and whether they differ from those given.
    """
    tied = star_forest(*edges)
    return tied, _differ(tied, edges)


def _smallest_parents(children: Keys, parents: Keys) -> Edges:
    order = np.lexsort((parents, children))
    children, parents = children[order], parents[order]
    first = np.ones(len(children), np.bool_)
    first[1:] = children[1:] != children[:-1]
    return children[first], parents[first]


def _differ(new: Edges, old: Edges) -> bool:
    """Whether two sets of edges differ. `new` is distinct and in order of children."""
    old = distinct_edges(*old)
    return not (np.array_equal(new[0], old[0]) and np.array_equal(new[1], old[1]))


def distinct_edges(left: Keys, right: Keys) -> Edges:
    """The same edges, each once, in order of (left, right)."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = np.ones(len(left), np.bool_)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[new], right[new]
