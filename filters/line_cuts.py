"""Lines of a batch of texts, and the texts without some of them: what stages that cut whole lines share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.contract import edits_of
from filters.texts import text_buffers

LINE = "line"
"""Kind of these edits: a line with the end-of-line character behind it."""


class LineCuts(NamedTuple):
    """What came of cutting lines: texts; edits (EDITS_SCHEMA); and, of every text, `lines` cut (int64) and their
    `share` of its bytes (float64)."""

    texts: pa.LargeStringArray
    edits: pa.RecordBatch
    lines: pa.Int64Array
    share: pa.DoubleArray


def line_bounds(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lines with their newline: bounds in bytes, int64 (lines + 1,), and row, int64 (lines,). Empty texts have none.

    >>> line_bounds(np.array([0, 4, 4, 6]), np.frombuffer(b"a\\nb\\ncd", np.uint8))
    (array([0, 2, 4, 6]), array([0, 0, 2]))
    """
    ends = np.flatnonzero(data[offsets[0] : offsets[-1]] == 10) + offsets[0] + 1
    bounds = np.unique(np.concatenate([offsets, ends]))
    return bounds, np.searchsorted(offsets, bounds[:-1], side="right") - 1


def without_lines(
    texts: pa.LargeStringArray, bounds: NDArray[np.int64], row_of: NDArray[np.int64], cut: NDArray[np.int64]
) -> LineCuts:
    """The texts without the lines `cut`, int64, ascending numbers of those that `line_bounds` told.

    >>> texts = pa.array(["a\\nb\\n", "c"], pa.large_string())
    >>> without_lines(texts, *line_bounds(*text_buffers(texts)), np.array([0])).texts.to_pylist()
    ['b\\n', 'c']
    """
    offsets, data = text_buffers(texts)
    edits: list[tuple[int, str, int, int]] = []
    replaced: dict[int, str] = {}
    rows, first = np.unique(row_of[cut], return_index=True)
    for row, lines in zip(rows.tolist(), np.split(cut, first)[1:], strict=True):
        replaced[row] = _without(data, offsets[row : row + 2], bounds, lines, row, edits)
    sizes, gone = np.diff(offsets), np.bincount(row_of[cut], np.diff(bounds)[cut], minlength=len(texts))
    if replaced:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(replaced)] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), pa.array(list(replaced.values()), pa.large_string()))
    return LineCuts(
        texts,
        edits_of([edit[0] for edit in edits], [edit[1:] for edit in edits]),
        pa.array(np.bincount(row_of[cut], minlength=len(sizes)).astype(np.int64)),
        pa.array(gone / np.maximum(sizes, 1)),
    )


def _without(
    data: NDArray[np.uint8], text: NDArray[np.int64], bounds: NDArray[np.int64], lines: NDArray[np.int64], row: int,
    edits: list[tuple[int, str, int, int]],
) -> str:  # fmt: skip
    """One text without some of its lines; what was cut is added to `edits`."""
    kept: list[str] = []
    byte, char = int(text[0]), 0
    for line in lines.tolist():
        begin, end = int(bounds[line]), int(bounds[line + 1])
        kept.append(data[byte:begin].tobytes().decode())
        char += len(kept[-1])
        length = len(data[begin:end].tobytes().decode())
        edits.append((row, LINE, char, char + length))
        byte, char = end, char + length
    kept.append(data[byte : int(text[1])].tobytes().decode())
    return "".join(kept)
