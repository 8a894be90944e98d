"""Connected components of an edge list in memory: union-find by smallest member."""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import kernel


@kernel
def component_roots(n, left, right):
    """Smallest member of every node's component, int64 (n,). left, right: int64 (edges,), nodes in [0, n).

    Roots are always the smallest member, so the result does not depend on the order of the edges; paths are halved
    on the way (Tarjan and van Leeuwen 1984), which keeps even a path of a million nodes near linear.
    """
    parent = np.arange(n)
    for e in range(left.shape[0]):
        a, b = left[e], right[e]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for node in range(n):
        # Parents are smaller than their children: one pass in order settles every node.
        parent[node] = parent[parent[node]]
    return parent
