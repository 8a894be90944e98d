"""ConnectedComponents: label every node of a graph with its component's smallest key, in rounds over partitions.

Alternating large-star and small-star rounds (Kiveris et al. 2014, "Connected Components in MapReduce and Beyond") over
packed arrays, each round one shuffle to the partition of an edge's parent and one to that of its child. Inside a
partition a union-find shortens what it can. The rounds are unrolled; once a round has changed nothing, edges leave
the loop and the rounds that remain move no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np

from filters.errors import ConvergenceError
from filters.graphs import Edges, hook_to_grandparents, owner, star_forest, tie_parents
from transforms.split import pack, unpack

Records = tuple[int, bytes]

_SLICE = 1 << 20
"""Labels to an element: 16 MiB, however large a component is."""


def to_owners(edges: Edges, partitions: int, *, parents: bool, children: bool) -> Iterator[Records]:
    """Edges for the partitions of their parents, their children, or both (then once where the two are the same)."""
    left, right = edges
    of_child, of_parent = owner(left, partitions), owner(right, partitions)
    targets = [target for target, wanted in ((of_parent, parents), (of_child, children)) if wanted]
    target, edge = np.concatenate(targets), np.tile(np.arange(len(left)), len(targets))
    if len(targets) == 2:
        once = np.append(np.ones(len(left), np.bool_), of_parent != of_child)
        target, edge = target[once], edge[once]
    order = np.argsort(target, kind="stable")
    target, edge = target[order], edge[order]
    bounds = np.flatnonzero(np.append(True, target[1:] != target[:-1])[: len(edge)])
    for first, mine in zip(bounds, np.split(edge, bounds[1:]), strict=False):
        yield int(target[first]), pack(left[mine], right[mine])


class _EnterFn(beam.DoFn):
    """Edges of any kind become a local star forest, dealt out for the first large-star."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, packed: bytes) -> Iterator[Records]:
        left, right = unpack(packed, 2)
        yield from to_owners(star_forest(left, right), self._partitions, parents=True, children=True)


class _HookFn(beam.DoFn):
    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        partition, parts = element
        left, right = unpack(b"".join(parts), 2)
        edges, changed = hook_to_grandparents((left, right), owner(right, self._partitions) == partition)
        yield beam.pvalue.TaggedOutput("changed", int(changed))
        yield from to_owners(edges, self._partitions, parents=False, children=True)


class _TieFn(beam.DoFn):
    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[bytes | beam.pvalue.TaggedOutput]:
        left, right = unpack(b"".join(element[1]), 2)
        edges, changed = tie_parents((left, right))
        yield beam.pvalue.TaggedOutput("changed", int(changed))
        yield pack(*edges)


class _LeaveOrGoOnFn(beam.DoFn):
    """After a round: edges leave the loop if it changed nothing, else they are dealt out for the next."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, packed: bytes, changed: int) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        if changed:
            edges = unpack(packed, 2)
            yield from to_owners((edges[0], edges[1]), self._partitions, parents=True, children=True)
        else:
            yield beam.pvalue.TaggedOutput("settled", packed)


class _RefuseFn(beam.DoFn):
    """What comes here after the last round has not converged."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def process(self, element: Records) -> Iterator[bytes]:
        raise ConvergenceError(
            f"connected components did not converge in {self._rounds} rounds; give the run more with "
            "run.component_rounds. Nothing was written"
        )
        yield b""


class _ByRootFn(beam.DoFn):
    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, packed: bytes) -> Iterator[Records]:
        left, right = unpack(packed, 2)
        yield from to_owners((left, right), self._partitions, parents=True, children=False)


class _LabelFn(beam.DoFn):
    """Settled stars of a partition: labels of all members, centres included."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[bytes]:
        roots = []
        for packed in element[1]:
            children, parents = unpack(packed, 2)
            roots.append(np.unique(parents))
            for first in range(0, len(children), _SLICE):
                yield pack(children[first : first + _SLICE], parents[first : first + _SLICE])
        centres = np.unique(np.concatenate(roots))
        for first in range(0, len(centres), _SLICE):
            yield pack(centres[first : first + _SLICE], centres[first : first + _SLICE])


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class ConnectedComponents(beam.PTransform):
    """Packed edges (left, right) to packed labels (key, smallest key of its component), each node once.

    partitions: a worker holds about two in so many of all edges, 16 bytes each, at a time; but all edges to one
    parent meet in one partition, so that a component of very many members, one from each Split, fills one worker with
    16 bytes for each. rounds: unrolled; a path halves in each, so that 24 do for 16
    million nodes in the worst order, and 4 for what deduplication gives. Raises ConvergenceError if they do not do.
    """

    partitions: int = 16
    rounds: int = 24

    def expand(self, edges: beam.PCollection[bytes]) -> beam.PCollection[bytes]:  # noqa: D102
        dealt = edges | "Enter" >> beam.ParDo(_EnterFn(self.partitions)).with_output_types(Records)
        settled = []
        for number in range(1, self.rounds + 1):
            dealt, left = dealt | f"Round {number}" >> _Round(self.partitions)
            settled.append(left)
        refused = dealt | "Refuse" >> beam.ParDo(_RefuseFn(self.rounds)).with_output_types(bytes)
        return (
            [*settled, refused]
            | "Settled" >> beam.Flatten()
            | "ByRoot" >> beam.ParDo(_ByRootFn(self.partitions)).with_output_types(Records)
            | "Stars" >> beam.GroupByKey()
            | "Label" >> beam.ParDo(_LabelFn()).with_output_types(bytes)
        )


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class _Round(beam.PTransform):
    """Dealt edges to (edges dealt for the next round, edges that are settled)."""

    partitions: int

    def expand(self, dealt: beam.PCollection[Records]) -> tuple[Any, Any]:
        hook = beam.ParDo(_HookFn(self.partitions)).with_outputs("changed", main="edges")
        hooked = dealt | "ToParents" >> beam.GroupByKey() | "Hook" >> hook
        hooked.edges.element_type = beam.typehints.KV[int, bytes]
        tie = beam.ParDo(_TieFn()).with_outputs("changed", main="edges")
        tied = hooked.edges | "ToChildren" >> beam.GroupByKey() | "Tie" >> tie
        for output, kind in ((hooked.changed, int), (tied.changed, int), (tied.edges, bytes)):
            output.element_type = kind
        changed = (hooked.changed, tied.changed) | beam.Flatten() | "Changed" >> beam.CombineGlobally(sum)
        after = tied.edges | "After" >> beam.ParDo(
            _LeaveOrGoOnFn(self.partitions), beam.pvalue.AsSingleton(changed)
        ).with_outputs("settled", main="dealt")
        after.dealt.element_type = beam.typehints.KV[int, bytes]
        after.settled.element_type = bytes
        return after.dealt, after.settled
