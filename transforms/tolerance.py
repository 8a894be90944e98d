"""What of an input may be unreadable: nothing by default, or some kinds of damage up to a limit.

Damage that is tolerated does not vanish. Every row that could not be read is a document that was read and left at
once, in `rejects/`, with the place and the cause; a file that cannot be read from some point on counts as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from filters.chain import KEY, UNREADABLE_DETAIL, UNREADABLE_REASON
from filters.errors import InputError

DamageKind = Literal["file", "row_group", "row", "line"]

FILE, ROW_GROUP, ROW, LINE = "file", "row_group", "row", "line"
"""A file that cannot be opened or breaks off (JSON lines, streams); a row group or record batch, from the damage on;
a row of Parquet or Arrow with invalid UTF-8; a line of JSON lines that is not what the other lines are."""


@dataclass(frozen=True)
class Tolerance:
    """kinds: of damage that is passed over. max_documents, max_share: more unreadable ones than either fail the run."""

    kinds: frozenset[str] = frozenset()
    max_documents: int = 1000
    max_share: float = 0.001


STRICT = Tolerance()


@dataclass(frozen=True)
class Unreadable:
    """Rows that could not be read: `row` is the number of the first in its file. why: place and cause, no text."""

    row: int
    rows: int
    kind: str
    why: str

    def batch(self, schema: pa.Schema, base: int, first: int, rows: int) -> pa.RecordBatch:
        """`rows` of them from `first` on, as rows of `schema` without a text, with the reason beside; base: of keys."""
        keys = pa.array(np.arange(base + self.row + first, base + self.row + first + rows, dtype=np.int64))
        notes = {UNREADABLE_REASON: f"unreadable_{self.kind}", UNREADABLE_DETAIL: self.why}
        columns = [pa.nulls(rows, field.type) for field in schema]
        columns += [pa.array([note] * rows, pa.string()) for note in notes.values()]
        fields = [pa.field(KEY, pa.int64(), nullable=False), *schema, *(pa.field(n, pa.string()) for n in notes)]
        return pa.record_batch([keys, *columns], schema=pa.schema(fields))


def check_unreadable(unreadable: int, read: int, tolerance: Tolerance) -> None:
    """Raise InputError if more documents could not be read than may be."""
    if unreadable > tolerance.max_documents or unreadable > tolerance.max_share * read:
        raise InputError(
            f"{unreadable:,} of {read:,} documents could not be read, more than input.tolerate allows (max_documents "
            f"{tolerance.max_documents:,}, max_share {tolerance.max_share:g}); rejects/ in the output folder names "
            "them. Repair the input, or raise the limit"
        )
