"""Tests of edges and components: stars from buckets, and components against SciPy and a breadth-first search."""

from collections import defaultdict
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from filters.graphs import deal, distinct_edges, owner, star_edges, star_forest
from filters.kernels.tokens import fmix64
from filters.kernels.unionfind import component_roots
from tests import reference
from tests.strategies import any_key
from transforms.components import answer, ask, send_edges
from transforms.split import unpack

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


def components(left, right):
    """(key, smallest key of its component) of every node with an edge to another, by one local star forest."""
    children, parents = star_forest(left, right)
    centres = np.unique(parents)
    keys, roots = np.concatenate([children, centres]), np.concatenate([parents, centres])
    return keys[np.argsort(keys)], roots[np.argsort(keys)]


def in_rounds(left, right, partitions, limit=30):
    """The same by rounds over partitions, with dicts for shuffles: keys, roots, rounds, most bytes to a partition."""
    most = 0

    def shuffled(records):
        nonlocal most
        arrived = defaultdict(list)
        for partition, message in records:
            arrived[partition].append(message)
        most = max([most, *(sum(map(len, parts)) for parts in arrived.values())])
        return arrived

    dealt = [send_edges(star_forest(left[i::3], right[i::3]), partitions) for i in range(3)]
    messages = shuffled(chain.from_iterable(dealt))
    for number in range(1, limit):
        changes = 0
        for step in (ask, answer):
            sent, changed = zip(*(step(*arrived, partitions) for arrived in messages.items()), strict=True)
            changes += sum(changed)
            messages = shuffled(chain.from_iterable(sent))
        if not changes:
            stars = [unpack(part[1:], 2) for parts in messages.values() for part in parts]
            children, parents = (np.concatenate(column) for column in zip(*stars, strict=True))
            centres = np.unique(parents)
            keys, roots = np.concatenate([children, centres]), np.concatenate([parents, centres])
            return keys[np.argsort(keys)], roots[np.argsort(keys)], number, most
    raise AssertionError("no convergence")


@given(edge_lists, st.sampled_from([1, 2, 7]), st.sampled_from([0, 14]))
def test_rounds_over_partitions_equal_a_breadth_first_search(pairs, partitions, spread):
    pairs = [(a % 1000 << spread, b % 1000 << spread) for a, b in pairs]
    expected = {key: root for key, (root, size) in reference.components(pairs).items() if size > 1}
    if not expected:
        return
    keys, roots, _, _ = in_rounds(*columns(pairs), partitions)
    assert dict(zip(keys.tolist(), roots.tolist(), strict=True)) == expected
    assert len(keys) == len(expected)


@given(edge_lists, st.sampled_from([1, 2, 7]))
def test_edges_are_dealt_out_to_the_owners_of_their_children(pairs, partitions):
    left, right = columns(pairs)
    dealt = send_edges((left, right), partitions)
    found = {p: sorted(zip(*(c.tolist() for c in unpack(packed[1:], 2)), strict=True)) for p, packed in dealt}
    expected = defaultdict(list)
    for child, parent in pairs:
        expected[owner(np.array([child], np.int64), partitions)[0]].append((child, parent))
    assert found == {partition: sorted(edges) for partition, edges in expected.items()}


def test_a_star_over_all_partitions_fills_none_of_them():
    """Two million edges to one node, from many Splits: what a partition receives is its share of the nodes."""
    n = 2_000_000
    nodes = np.random.default_rng(1).permutation(n).astype(np.int64) << 8
    for centre in (0, n // 2, n - 1):
        others = np.delete(np.sort(nodes), centre)
        keys, roots, rounds, most = in_rounds(np.full(n - 1, np.sort(nodes)[centre]), others, 16)
        assert len(keys) == n and not roots.any() and rounds <= 4
        # 16 bytes an edge; three senders, each with a star of its own, whose centres are tied in the first round.
        assert most <= 1.5 * 16 * n / 16


def generated(name, n, chance):
    """Edges of a graph of about n nodes."""
    if name == "path":
        return np.arange(n - 1), np.arange(1, n)
    if name == "star around the last":
        return np.full(n - 1, n - 1), np.arange(n - 1)
    if name == "grid":
        side = int(n**0.5)
        nodes = np.arange(side * side).reshape(side, side)
        across, down = (nodes[:, :-1].ravel(), nodes[:, 1:].ravel()), (nodes[:-1].ravel(), nodes[1:].ravel())
        return np.concatenate([across[0], down[0]]), np.concatenate([across[1], down[1]])
    if name == "power law":
        return chance.zipf(1.5, n) % n, chance.integers(0, n, n)
    clique = np.arange(n) // 5 * 5
    return np.concatenate([clique, np.arange(n)]), np.concatenate([np.arange(n), clique + chance.integers(0, 5, n)])


@pytest.mark.parametrize("numbers", ["in order", "backwards", "shuffled", "far apart"])
@pytest.mark.parametrize("name", ["path", "star around the last", "grid", "power law", "cliques"])
def test_rounds_equal_scipy_on_large_graphs(name, numbers):
    chance = np.random.default_rng(5)
    n = 100_000
    left, right = generated(name, n, chance)
    names = {
        "in order": np.arange(n + 5),
        "backwards": np.arange(n + 5)[::-1],
        "shuffled": chance.permutation(n + 5) << 14,
        "far apart": np.arange(n + 5) << 14,
    }[numbers]
    keys, roots, rounds, _ = in_rounds(names[left], names[right], 16)
    dense = np.unique(np.concatenate([names[left], names[right]]), return_inverse=True)
    expected = scipy_roots(len(dense[0]), dense[1][: len(left)], dense[1][len(left) :])
    sizes = np.bincount(expected, minlength=len(expected))[expected]
    assert (keys == dense[0][sizes > 1]).all()
    assert (roots == dense[0][expected][sizes > 1]).all()
    assert rounds <= 19  # a path halves in each round


def test_rounds_join_a_path_of_a_million_nodes_whose_numbers_are_shuffled():
    n = 1_000_000
    names = np.random.default_rng(5).permutation(n) << 14
    keys, roots, rounds, _ = in_rounds(names[:-1], names[1:], 16)
    assert len(keys) == n and not roots.any()
    assert rounds <= 22  # log2 of the path, and two


@given(edge_lists)
def test_components_equal_a_breadth_first_search(pairs):
    keys, roots = components(*columns(pairs))
    expected = {key: root for key, (root, size) in reference.components(pairs).items() if size > 1}
    assert dict(zip(keys.tolist(), roots.tolist(), strict=True)) == expected
    assert keys.tolist() == sorted(expected)


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
    assert [len(column) for column in components(empty, empty)] == [0, 0]
    assert [len(column) for column in distinct_edges(empty, empty)] == [0, 0]
    assert [len(column) for column in star_edges(np.zeros(0, np.uint64), empty)] == [0] * 4


@pytest.mark.parametrize("mean_degree", [0.5, 1.0, 2.0])
def test_large_random_graphs_equal_scipy(mean_degree):
    """Below, at and above the degree where one giant component appears; keys far apart."""
    n = 200_000
    left, right = np.random.default_rng(1).integers(0, n, (2, int(n * mean_degree / 2)))
    assert (component_roots(n, left, right) == scipy_roots(n, left, right)).all()
    keys, roots = components(left << 40, right << 40)
    expected = scipy_roots(n, left, right)
    inside = np.flatnonzero(np.bincount(expected, minlength=n)[expected] > 1)
    assert (keys == inside << 40).all()
    assert (roots == expected[inside] << 40).all()


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
    keys, roots = components(names[:-1], names[1:])
    assert len(keys) == n and not roots.any()


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
    expected = {key: root for key, (root, size) in reference.components(every_pair).items() if size > 1}
    keys, roots = components(*distinct_edges(centre, member))
    assert dict(zip(keys.tolist(), roots.tolist(), strict=True)) == expected


@pytest.mark.parametrize("partitions", [8, 64, 128, 97])
@pytest.mark.parametrize("bits", [(0, 20), (40, 60)], ids=["rows of one file", "first rows of many files"])
def test_keys_are_dealt_out_evenly_by_all_their_bits(partitions, bits):
    """Roots are often the first rows of their files: a hash of the row alone would send all of them to one worker."""
    low, high = bits
    keys = np.arange(0, 1 << 14, dtype=np.int64) << low
    assert keys.max() < 1 << high
    counts = np.bincount(deal(keys, partitions), minlength=partitions)
    mean = len(keys) / partitions
    assert abs(counts - mean).max() < 6 * np.sqrt(mean)


def test_deal_is_the_finaliser_of_the_token_hashes():
    keys = np.array([0, 1, -1, 1 << 40, 5 << 40 | 3], np.int64)
    with np.errstate(over="ignore"):
        expected = [int(fmix64.py_func(np.uint64(key & (2**64 - 1)))) % 97 for key in keys.tolist()]
    assert deal(keys, 97).tolist() == expected
