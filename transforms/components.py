"""ConnectedComponents: label every document that occurs in an edge with its component's smallest key and size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam

from filters.graphs import components
from transforms.split import pack, unpack


class _ComponentsFn(beam.DoFn):
    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[bytes]:
        left, right = unpack(b"".join(element[1]), 2)
        yield pack(*components(left, right))


class ConnectedComponents(beam.PTransform):
    """Packed edges (left, right) to packed labels (key, smallest key of its component, size).

    All edges meet in one worker, 16 bytes each: a bound of about 10**9 edges.
    """

    def expand(self, edges: beam.PCollection[bytes]) -> beam.PCollection[bytes]:  # noqa: D102
        return (
            edges
            | "Together" >> beam.Map(lambda packed: (0, packed)).with_output_types(tuple[int, bytes])
            | "Group" >> beam.GroupByKey()
            | "Union" >> beam.ParDo(_ComponentsFn()).with_output_types(bytes)
        )
