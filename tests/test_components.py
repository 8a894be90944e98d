"""Tests of ConnectedComponents on Beam's runner: labels against SciPy; rounds left over, one too few; no edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from filters.errors import ConvergenceError
from tests import reference
from transforms.components import ConnectedComponents, _HalfRoundFn
from transforms.split import pack, unpack

NODES = 3000


def edges() -> tuple[np.ndarray, np.ndarray]:
    """Dense edges of 3,000 nodes: a random graph, a path whose nodes are in no order, a star, pairs; some twice."""
    chance = np.random.default_rng(11)
    left, right = chance.integers(0, 1500, (2, 900))
    path = 1500 + chance.permutation(500)
    star = np.full(400, 2399)
    pairs = np.arange(2400, NODES, 2)
    left = np.concatenate([left, path[:-1], star, pairs, left[:50]])
    right = np.concatenate([right, path[1:], np.arange(2000, 2400), pairs + 1, left[:50]])
    order = chance.permutation(len(left))
    return left[order], right[order]


def labels_by_scipy(left: np.ndarray, right: np.ndarray, names: np.ndarray) -> np.ndarray:
    """(key, smallest key of its component) in order of keys, of all nodes that have an edge to another."""
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(NODES, NODES))
    count, component = connected_components(graph, directed=False)
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, component, names)
    inside = np.bincount(component)[component] > 1
    found = np.stack([names, smallest[component]], axis=1)[inside]
    return found[np.argsort(found[:, 0])]


def run(packed: list[bytes], check: Callable[[list[bytes]], None], **options: Any) -> None:
    """Components of packed edges, on the runner that `local` stands for."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        given = pipeline | beam.Create(packed, reshuffle=False).with_output_types(bytes)
        assert_that(given | ConnectedComponents(**options), check)


def equals(expected: np.ndarray) -> Callable[[list[bytes]], None]:
    def check(labels: list[bytes]) -> None:
        found = np.stack(unpack(b"".join(labels), 2), axis=1)
        np.testing.assert_array_equal(found[np.argsort(found[:, 0])], expected)

    return check


@pytest.fixture(scope="module")
def graph() -> tuple[list[bytes], np.ndarray]:
    """Packed edges from four senders, keys as those of rows in many files; and the labels they must get."""
    left, right = edges()
    names = np.random.default_rng(12).permutation(NODES).astype(np.int64) % 40 << 40 | np.arange(NODES)
    packed = [pack(names[left[sender::4]], names[right[sender::4]]) for sender in range(4)]
    return packed, labels_by_scipy(left, right, names)


def test_labels_equal_scipy_and_rounds_left_over_move_nothing(
    graph: tuple[list[bytes], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, expected = graph
    seen: list[str] = []
    process = _HalfRoundFn.process

    def noted(self: Any, element: Any) -> Any:
        seen.append(self._step.__name__)
        return process(self, element)

    monkeypatch.setattr(_HalfRoundFn, "process", noted)
    run(packed, equals(expected), partitions=5, rounds=7)
    assert set(seen) == {"ask", "answer"}
    needed, rest = divmod(len(seen), 2 * 5)  # both halves of a round, in every partition
    assert rest == 0 and 2 < needed < 7
    with pytest.raises(ConvergenceError, match=rf"did not converge in {needed - 1} rounds.*run.component_rounds"):
        run(packed, equals(expected), partitions=5, rounds=needed - 1)


@pytest.mark.parametrize(
    "pairs",
    [[(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)], [(4, 0), (2, 3), (1, 3), (1, 3), (4, 1)]],
    ids=["only answers", "only ties"],
)
def test_a_round_in_which_one_half_changes_something_is_not_the_last(pairs: list[tuple[int, int]]) -> None:
    """An edge from each sender, and nodes far apart: a round finds nothing to tie, or has no question to answer."""
    packed = [pack(*(np.array([node << 14], np.int64) for node in edge)) for edge in pairs]
    components = reference.components([(left << 14, right << 14) for left, right in pairs])
    run(packed, equals(np.array(sorted((key, root) for key, (root, _) in components.items()))), partitions=4, rounds=4)


@pytest.mark.parametrize("packed", [[], [b"", pack(np.arange(9), np.arange(9))]], ids=["no input", "loops"])
def test_no_edges_no_labels(packed: list[bytes]) -> None:
    def check(labels: list[bytes]) -> None:
        assert b"".join(labels) == b""

    run(packed, check, partitions=2, rounds=1)
