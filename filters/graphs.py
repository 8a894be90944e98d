"""Edges between document keys: stars from buckets, components from edges. Plain NumPy, any size that fits memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filters.kernels.unionfind import component_roots

Keys = NDArray[np.int64]


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


def distinct_edges(left: Keys, right: Keys) -> tuple[Keys, Keys]:
    """The same edges, each once, in order of (left, right)."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = np.ones(len(left), np.bool_)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[new], right[new]


def components(left: Keys, right: Keys) -> tuple[Keys, Keys, Keys]:
    """Connected components of the documents that occur in edges: (key, smallest key of its component, size).

    In order of keys, int64 each.

    >>> [column.tolist() for column in components(np.array([2, 5]), np.array([5, 9]))]
    [[2, 5, 9], [2, 2, 2], [3, 3, 3]]
    """
    keys, nodes = np.unique(np.concatenate([left, right]), return_inverse=True)
    roots = component_roots(len(keys), nodes[: len(left)].astype(np.int64), nodes[len(left) :].astype(np.int64))
    sizes = np.bincount(roots, minlength=len(keys))
    return keys, keys[roots], sizes[roots].astype(np.int64)
