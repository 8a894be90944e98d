"""Tests of edges and components: stars from buckets, and components against SciPy and a breadth-first search."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from filters.graphs import components, distinct_edges, star_edges
from filters.kernels.unionfind import component_roots
from tests import reference
from tests.strategies import any_key

keys = st.one_of(st.integers(0, 12), any_key)
edge_lists = st.lists(st.tuples(keys, keys), max_size=40)
records = st.lists(st.tuples(st.integers(2**64 - 6, 2**64 - 1), keys), max_size=40)


def columns(pairs, left=np.int64, right=np.int64):
    """Two arrays of a list of pairs."""
    return np.array([a for a, _ in pairs], left), np.array([b for _, b in pairs], right)


def scipy_roots(n, left, right):
    """Smallest member of every node's component by SciPy."""
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    count, labels = connected_components(graph, directed=False)
    smallest = np.full(count, n)
    np.minimum.at(smallest, labels, np.arange(n))
    return smallest[labels]


@given(records)
def test_every_bucket_becomes_a_star_around_its_smallest_key(pairs):
    hashes, members = columns(pairs, np.uint64)
    centre, member, buckets, centres = star_edges(hashes, members)
    expected = defaultdict(list)
    for bucket, key in pairs:
        expected[bucket].append(key)
    assert dict(zip(buckets.tolist(), centres.tolist(), strict=True)) == {b: min(k) for b, k in expected.items()}
    assert buckets.tolist() == sorted(expected)
    assert sorted(zip(centre.tolist(), member.tolist(), strict=True)) == sorted(
        (min(found), key) for found in expected.values() for key in found if key != min(found)
    )
    assert (centre < member).all()


@given(records, st.randoms(use_true_random=False))
def test_the_order_of_records_changes_no_star(pairs, chance):
    shuffled = pairs[:]
    chance.shuffle(shuffled)
    for first, second in zip(
        star_edges(*columns(pairs, np.uint64)), star_edges(*columns(shuffled, np.uint64)), strict=True
    ):
        assert first.tolist() == second.tolist()


@given(edge_lists)
def test_distinct_edges_are_a_sorted_set(pairs):
    left, right = distinct_edges(*columns(pairs))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(set(pairs))


@given(edge_lists)
def test_components_equal_a_breadth_first_search(pairs):
    found = components(*columns(pairs))
    assert [column.dtype for column in found] == [np.int64] * 3
    expected = reference.components(pairs)
    assert found[0].tolist() == sorted(expected)
    assert {k: (root, size) for k, root, size in zip(*map(np.ndarray.tolist, found), strict=True)} == expected


@given(edge_lists, st.randoms(use_true_random=False))
def test_order_direction_and_repetition_of_edges_change_nothing(pairs, chance):
    other = [edge if chance.random() < 0.5 else edge[::-1] for edge in [*pairs, *pairs[: len(pairs) // 2]]]
    chance.shuffle(other)
    for first, second in zip(components(*columns(pairs)), components(*columns(other)), strict=True):
        assert first.tolist() == second.tolist()


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_roots_equal_scipy_and_plain_python(graph):
    n, pairs = graph
    left, right = columns(pairs)
    expected = scipy_roots(n, left, right).tolist()
    assert component_roots(n, left, right).tolist() == expected
    assert component_roots.py_func(n, left, right).tolist() == expected


def test_nothing_gives_nothing():
    empty = np.zeros(0, np.int64)
    assert [len(column) for column in components(empty, empty)] == [0, 0, 0]
    assert [len(column) for column in distinct_edges(empty, empty)] == [0, 0]
    assert [len(column) for column in star_edges(np.zeros(0, np.uint64), empty)] == [0] * 4


@pytest.mark.parametrize("mean_degree", [0.5, 1.0, 2.0])
def test_large_random_graphs_equal_scipy(mean_degree):
    """Below, at and above the degree where one giant component appears; keys far apart."""
    n = 200_000
    left, right = np.random.default_rng(1).integers(0, n, (2, int(n * mean_degree / 2)))
    assert (component_roots(n, left, right) == scipy_roots(n, left, right)).all()
    keys, roots, sizes = components(left << 40, right << 40)
    inside = np.unique([left, right])
    assert (keys == inside << 40).all()
    assert (roots == scipy_roots(n, left, right)[inside] << 40).all()
    assert sizes.sum() == sum(np.unique(roots, return_counts=True)[1] ** 2)


ORDERS = {
    "forwards": lambda n: np.arange(n),
    "backwards": lambda n: np.arange(n)[::-1],
    "random": lambda n: np.random.default_rng(2).permutation(n),
    "every other first": lambda n: np.concatenate([np.arange(0, n, 2), np.arange(1, n, 2)]),
    "inside out": lambda n: np.argsort(np.abs(np.arange(n) - n // 2), kind="stable"),
    "pairs, then pairs of pairs": lambda n: np.lexsort((np.arange(n), (np.arange(1, n + 1) & -np.arange(1, n + 1)))),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_path_of_a_million_nodes_is_one_component(order, turned):
    n = 1_000_000
    edges = ORDERS[order](n - 1)
    left, right = (edges + 1, edges) if turned else (edges, edges + 1)
    assert not component_roots(n, left, right).any()


def test_a_path_whose_numbers_are_shuffled_is_one_component():
    n = 1_000_000
    names = np.random.default_rng(3).permutation(n)
    keys, roots, sizes = components(names[:-1], names[1:])
    assert len(keys) == n and not roots.any() and (sizes == n).all()


def test_a_star_of_a_million_around_its_largest_node():
    n = 1_000_000
    others = np.arange(n - 1)[::-1].copy()
    assert not component_roots(n, np.full(n - 1, n - 1), others).any()


def test_two_combs_stay_apart():
    """Even and odd nodes never meet, in the order that makes chains longest."""
    n = 500_000
    left = np.arange(n - 2)[::-1].copy()
    assert (component_roots(n, left, left + 2) == np.arange(n) % 2).all()


def test_buckets_to_components():
    """Stars of all buckets connect what shares a bucket, directly or through others."""
    chance = np.random.default_rng(4)
    hashes, members = chance.integers(0, 400, 600).astype(np.uint64), chance.integers(0, 500, 600)
    centre, member, _, _ = star_edges(hashes, members)
    every_pair = [
        (a, b) for bucket in np.unique(hashes) for a in members[hashes == bucket] for b in members[hashes == bucket]
    ]
    expected = {key: found for key, found in reference.components(every_pair).items() if found[1] > 1}
    keys, roots, sizes = components(*distinct_edges(centre, member))
    assert {k: (r, s) for k, r, s in zip(keys.tolist(), roots.tolist(), sizes.tolist(), strict=True)} == expected
