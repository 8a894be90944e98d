"""Split: the element between transforms, a handle on rows of one file and which of them are still alive."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from filters.chain import Tally
from transforms.layout import ROW_BITS as ROW_BITS

MAX_FILES = 1 << (63 - ROW_BITS)
PART_BITS = 20
"""An order is `number of the planned Split << PART_BITS | piece`."""

STAGED = "staged"
"""Format of a Split that `Apply` wrote: Parquet with the columns doc_key and text_bytes added."""


@dataclass(frozen=True)
class Split:
    """Rows of one file, small enough to be worked on at once.

    order: place among all Splits, in order of document keys. uri, format, first_unit, units: the file and, while it
    is raw, which of its row groups or record batches. source_uri, first_row: where the rows came from. rows: how many
    there are (-1: not known before reading). first_key, last_key: bounds of the keys of a staged Split. alive: packed
    bits, one per row, empty for all. sidecars: (kind, uri) of small files about these rows: rejects, edits,
    duplicates. tally: what has happened so far to the documents of this Split. last: no piece of the same planned
    Split comes after this one. taken_over: an earlier attempt had staged it.
    """

    order: int
    uri: str
    format: str
    source_uri: str
    first_unit: int = 0
    units: int = 1
    first_row: int = 0
    rows: int = -1
    first_key: int = 0
    last_key: int = -1
    size: int = 0
    mtime_ns: int | None = None
    plan: str = ""
    sidecars: tuple[tuple[str, str], ...] = ()
    tally: Tally = dataclasses.field(default_factory=Tally)
    alive: bytes = b""
    last: bool = True
    taken_over: bool = False

    @property
    def name(self) -> str:
        """Stem of the files written for this Split: sorts as the Splits do."""
        return name_of(self.order)

    @property
    def file_ordinal(self) -> int:
        """Ordinal of the source file among all."""
        return self.first_key >> ROW_BITS

    def mask(self) -> NDArray[np.bool_]:
        """Which rows are alive, bool (rows,)."""
        if not self.alive:
            return np.ones(self.rows, np.bool_)
        return np.unpackbits(np.frombuffer(self.alive, np.uint8), count=self.rows).astype(np.bool_)

    def with_mask(self, mask: NDArray[np.bool_]) -> Split:
        """The same Split with another choice of rows."""
        return dataclasses.replace(self, alive=b"" if mask.all() else np.packbits(mask).tobytes())

    def sidecar_uris(self, kind: str) -> list[str]:
        """Files of one kind, in the order they were written."""
        return [uri for k, uri in self.sidecars if k == kind]

    def encode(self) -> bytes:
        """As bytes: a line of JSON, then the packed mask."""
        fields: dict[str, Any] = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del fields["alive"]
        counts = sorted(self.tally.documents.items())
        fields["tally"] = [[*outcome, documents, self.tally.bytes[outcome]] for outcome, documents in counts]
        return json.dumps(fields, ensure_ascii=False, sort_keys=True).encode() + b"\n" + self.alive

    @classmethod
    def decode(cls, data: bytes) -> Split:
        """Inverse of `encode`."""
        head, _, alive = data.partition(b"\n")
        fields = json.loads(head)
        tally = Tally()
        for stage, reason, documents, size in fields.pop("tally"):
            tally.add((stage, reason), documents, size)
        fields["sidecars"] = tuple((kind, uri) for kind, uri in fields["sidecars"])
        return cls(**fields, tally=tally, alive=alive)


def name_of(order: int) -> str:
    """Stem of the files written for the Split of an order."""
    return f"{order >> PART_BITS:07d}-{order & ((1 << PART_BITS) - 1):04d}"


def split_order(ordinal: int, part: int = 0) -> int:
    """Order of the `part`-th piece that came out of the `ordinal`-th planned Split."""
    if part >= 1 << PART_BITS:
        raise ValueError(f"one Split was cut into more than {1 << PART_BITS} pieces; raise split_bytes")
    return ordinal << PART_BITS | part


class SplitCoder(beam.coders.Coder):
    """Splits travel as their own bytes, never pickled."""

    def encode(self, value: Split) -> bytes:  # noqa: D102
        return value.encode()

    def decode(self, encoded: bytes) -> Split:  # noqa: D102
        return Split.decode(encoded)

    def is_deterministic(self) -> bool:  # noqa: D102
        return True

    def to_type_hint(self) -> type[Split]:  # noqa: D102
        return Split


beam.coders.registry.register_coder(Split, SplitCoder)


class Spread(beam.PTransform):
    """Deal Splits out to the workers anew, so that what follows is not bound to what went before."""

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        return splits | beam.Reshuffle().with_output_types(Split)


def pack(*columns: NDArray[Any]) -> bytes:
    """Many records as bytes: columns of 64-bit integers side by side, row by row.

    >>> unpack(pack(np.array([1, 2]), np.array([3, 4])), 2)[1].tolist()
    [3, 4]
    """
    if not columns:
        return b""
    table = np.empty((len(columns[0]), len(columns)), np.uint64)
    for i, column in enumerate(columns):
        table[:, i] = column.view(np.uint64) if column.dtype == np.int64 else column
    return table.tobytes()


def unpack(data: bytes, columns: int, dtype: type[Any] = np.int64) -> list[NDArray[Any]]:
    """Inverse of `pack`, each column as a contiguous array of `dtype` (int64 or uint64)."""
    table = np.frombuffer(data, dtype).reshape(-1, columns)
    return [np.ascontiguousarray(table[:, i]) for i in range(columns)]
