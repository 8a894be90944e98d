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


@pytest.mark.parametrize("packed", [[], [b"", pack(np.arange(9), np.arange(9))]], ids=["no input", "loops"])
def test_no_edges_no_labels(packed: list[bytes]) -> None:
    def check(labels: list[bytes]) -> None:
        assert b"".join(labels) == b""

    run(packed, check, partitions=2, rounds=1)
