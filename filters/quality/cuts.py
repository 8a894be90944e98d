"""From the cuts that a kernel makes in the texts of a batch to what a rewrite hands back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.contract import EDITS_SCHEMA, Columns
from filters.kernels.characters import load_characters
from filters.kernels.cuts import END, KIND, ROW, START
from filters.texts import text_buffers

Cut = Callable[..., NDArray[np.int64]]
"""`kernel(offsets, data, table, *arguments, out, bounds)`: writes new texts, returns cuts, int64 (n, 4)."""


def rewrite_texts(
    texts: pa.LargeStringArray, kernel: Cut, arguments: Sequence[object], kinds: Sequence[str]
) -> tuple[pa.LargeStringArray, pa.RecordBatch]:
    """(texts afterwards, EDITS_SCHEMA rows). kinds: names of the kinds of cuts, in the order of their numbers."""
    offsets, data = text_buffers(texts)
    out, bounds = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.empty(len(texts) + 1, np.int64)
    cuts = kernel(offsets, data, load_characters(), *arguments, out, bounds)
    if not len(cuts):
        return texts, edits_of_cuts(cuts, kinds)
    written = out[: bounds[-1]].copy() if 2 * bounds[-1] < len(out) else out
    texts = pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(bounds), pa.py_buffer(written))
    return texts, edits_of_cuts(cuts, kinds)


def edits_of_cuts(cuts: NDArray[np.int64], kinds: Sequence[str]) -> pa.RecordBatch:
    """EDITS_SCHEMA rows of cuts, in order of (row, start)."""
    cuts = cuts[np.lexsort((cuts[:, END], cuts[:, START], cuts[:, ROW]))]
    columns = {
        "row": pa.array(np.ascontiguousarray(cuts[:, ROW])),
        "kind": pa.array(kinds, pa.string()).take(pa.array(np.ascontiguousarray(cuts[:, KIND]))),
        "start": pa.array(np.ascontiguousarray(cuts[:, START])),
        "end": pa.array(np.ascontiguousarray(cuts[:, END])),
    }
    arrays = [columns[f.name] if f.name in columns else pa.nulls(len(cuts), f.type) for f in EDITS_SCHEMA]
    return pa.record_batch(arrays, schema=EDITS_SCHEMA)


def value_columns(values: NDArray[np.int64], names: Sequence[str]) -> Columns:
    """Columns of int64 from those of an array; negative numbers, of what was not measured, become null."""
    return {name: pa.array(np.ascontiguousarray(values[:, k]), mask=values[:, k] < 0) for k, name in enumerate(names)}
