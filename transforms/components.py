"""ConnectedComponents: label every node of a graph with its component's smallest key, in rounds over partitions.

Alternating small-star and large-star rounds over packed arrays, after Kiveris et al. 2014, "Connected Components in
MapReduce and Beyond". An edge (child, parent) lives where its child does, and stays there. A partition ties the
parents of its children together (small star), and asks the partition of every distinct parent what that hangs from,
once, however many children it has of it (large star). So a node with a hundred million neighbours moves one question
and one answer for each partition, and no partition holds more than the edges of its own nodes.

The rounds are unrolled; once one has tied nothing and answered nothing, edges leave the loop and the rounds that remain
move no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np

from filters.errors import ConvergenceError
from filters.graphs import (
    Edges,
    Keys,
    answers,
    hook_to_grandparents,
    owner,
    questions,
    split_by_owner,
    star_forest,
)
from transforms.shuffle import Records, packed_by, typed
from transforms.split import pack, unpack

_EDGE, _QUESTION, _ANSWER = b"e", b"q", b"a"
"""First byte of a message: packed edges, (node, partition that asks), or (node, what it hangs from)."""


def send_edges(edges: Edges, partitions: int) -> Iterator[Records]:
    """Edges for the partitions of their children."""
    for partition, payload in packed_by(owner(edges[0], partitions), *edges):
        yield partition, _EDGE + payload


def ask(partition: int, messages: Iterable[bytes], partitions: int) -> tuple[list[Records], int]:
    """First half of a round, in one partition: hook to what was answered, tie, ask about the parents.

    Returns messages, and how many edges were tied that belong elsewhere.
    """
    edges, _, answered = _sorted_out(messages)
    own, elsewhere = _tie(hook_to_grandparents(edges, *answered), partitions, partition)
    wanted = questions(own, partitions, partition)
    asking = packed_by(owner(wanted, partitions), wanted, np.full(len(wanted), partition))
    sent = [(target, _QUESTION + payload) for target, payload in asking]
    return [*_keep(own, partition), *send_edges(elsewhere, partitions), *sent], len(elsewhere[0])


def answer(partition: int, messages: Iterable[bytes], partitions: int) -> tuple[list[Records], int]:
    """Second half of a round: tie, and tell who asked what their parents hang from. Returns as `ask`."""
    edges, asked, _ = _sorted_out(messages)
    own, elsewhere = _tie(edges, partitions, partition)
    nodes, above, askers = answers(own, *asked)
    sent = [(target, _ANSWER + payload) for target, payload in packed_by(askers, nodes, above)]
    return [*_keep(own, partition), *send_edges(elsewhere, partitions), *sent], len(elsewhere[0]) + len(nodes)


def _sorted_out(messages: Iterable[bytes]) -> tuple[Edges, Edges, Edges]:
    """Edges, questions and answers among messages, each as two columns."""
    found: dict[bytes, list[bytes]] = {_EDGE: [], _QUESTION: [], _ANSWER: []}
    for message in messages:
        found[message[:1]].append(message[1:])
    columns = [unpack(b"".join(payloads), 2) for payloads in found.values()]
    return (columns[0][0], columns[0][1]), (columns[1][0], columns[1][1]), (columns[2][0], columns[2][1])


def _tie(edges: Edges, partitions: int, partition: int) -> tuple[Edges, Edges]:
    return split_by_owner(star_forest(*edges), partitions, partition)


def _keep(own: Edges, partition: int) -> list[Records]:
    return [(partition, _EDGE + pack(*own))] if len(own[0]) else []


class _EnterFn(beam.DoFn):
    """Edges of any kind become a local star forest, dealt out to the partitions of its children."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, packed: bytes) -> Iterator[Records]:
        left, right = unpack(packed, 2)
        yield from send_edges(star_forest(left, right), self._partitions)


class _HalfRoundFn(beam.DoFn):
    """`ask` or `answer` in one partition. Outputs: messages; `changed`: how much was tied or answered."""

    def __init__(self, step: Any, partitions: int) -> None:
        self._step = step
        self._partitions = partitions

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        partition, messages = element
        sent, changed = self._step(partition, messages, self._partitions)
        yield from sent
        yield beam.pvalue.TaggedOutput("changed", changed)


class _LeaveOrGoOnFn(beam.DoFn):
    """After a round: messages leave the loop if it changed nothing; all of them are stars of their partitions then."""

    def process(self, message: Records, changed: Iterable[int]) -> Iterator[Records | beam.pvalue.TaggedOutput]:
        yield message if any(changed) else beam.pvalue.TaggedOutput("settled", message)


class _RefuseFn(beam.DoFn):
    """What comes here after the last round has not converged."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def process(self, element: Records) -> Iterator[Records]:
        raise ConvergenceError(
            f"connected components did not converge in {self._rounds} rounds; give the run more with "
            "run.component_rounds. Nothing was written"
        )
        yield element


class _LabelFn(beam.DoFn):
    """Settled stars of a partition: labels of its children. Outputs: labels; `centres`, for their owners."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, message: Records) -> Iterator[bytes | beam.pvalue.TaggedOutput]:
        children, roots = unpack(message[1][1:], 2)
        yield pack(children, roots)
        centres = np.unique(roots)
        for record in packed_by(owner(centres, self._partitions), centres):
            yield beam.pvalue.TaggedOutput("centres", record)


def _label_centres(element: tuple[int, Iterable[bytes]]) -> bytes:
    """Every centre once, under its own key."""
    centres: Keys = np.unique(unpack(b"".join(element[1]), 1)[0])
    return pack(centres, centres)


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class ConnectedComponents(beam.PTransform):
    """Packed edges (left, right) to packed labels (key, smallest key of its component), each node once.

    partitions: a worker holds one in so many of all nodes at a time, 16 bytes for each edge they begin with. rounds:
    unrolled; a path halves in each, so that two more than the bits of its length do, in the worst order, and 4 do for
    what deduplication gives. Raises ConvergenceError if they do not do.
    """

    partitions: int = 16
    rounds: int = 26

    def expand(self, edges: beam.PCollection[bytes]) -> beam.PCollection[bytes]:  # noqa: D102
        dealt = edges | "Enter" >> beam.ParDo(_EnterFn(self.partitions)).with_output_types(Records)
        settled = []
        for number in range(1, self.rounds + 1):
            dealt, left = dealt | f"Round {number}" >> _Round(self.partitions)
            settled.append(left)
        settled.append(dealt | "Refuse" >> beam.ParDo(_RefuseFn(self.rounds)).with_output_types(Records))
        labelled = (
            settled
            | "Settled" >> beam.Flatten()
            | "Label" >> beam.ParDo(_LabelFn(self.partitions)).with_outputs("centres", main="labels")
        )
        centres = (
            typed(labelled.centres)
            | "ByCentre" >> beam.GroupByKey()
            | "LabelCentres" >> beam.Map(_label_centres).with_output_types(bytes)
        )
        return (typed(labelled.labels, bytes), centres) | "Labels" >> beam.Flatten()


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class _Round(beam.PTransform):
    """Messages to (messages of the next round, settled stars)."""

    partitions: int

    def expand(self, dealt: beam.PCollection[Records]) -> tuple[Any, Any]:
        changes = []
        for label, step in (("Ask", ask), ("Answer", answer)):
            half = beam.ParDo(_HalfRoundFn(step, self.partitions)).with_outputs("changed", main="messages")
            done = dealt | f"To{label}" >> beam.GroupByKey() | label >> half
            dealt = typed(done.messages)
            changes.append(typed(done.changed, int))
        # Two numbers from each partition: less work to add up in every worker than to combine before.
        changed = beam.pvalue.AsIter(changes | "Changed" >> beam.Flatten())
        leave_or_go_on = beam.ParDo(_LeaveOrGoOnFn(), changed)
        after = dealt | "After" >> leave_or_go_on.with_outputs("settled", main="dealt")
        return typed(after.dealt), typed(after.settled)
