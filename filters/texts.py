"""Text columns as the kernels see them: offsets and bytes, without copying where Arrow allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def as_text_array(texts: Sequence[str] | Any) -> pa.LargeStringArray:
    """A list of str, or any Arrow array or chunked array of strings, as one LargeStringArray without nulls.

    Raises TypeError for other types and ValueError for nulls: what a null text means is decided where it is read.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        texts = list(texts)
        strangers = {type(t).__name__ for t in texts if not isinstance(t, str)}
        if strangers:
            raise TypeError(f"texts must be str, got {', '.join(sorted(strangers))}")
        texts = pa.array(texts, pa.large_string())
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"texts must be an Arrow string array, got {texts.type}")
    if texts.null_count:
        raise ValueError(f"texts holds {texts.null_count} nulls; drop or fill them first")
    return texts.cast(pa.large_string())


def text_buffers(texts: pa.LargeStringArray) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets (int64, rows + 1) and bytes (uint8) of a text array; row i is `data[offsets[i]:offsets[i + 1]]`.

    Both are read-only, whoever made the array: Numba compiles a kernel anew for an array that can be written to.
    """
    _, offsets, data = texts.buffers()
    bounds = np.zeros(1, np.int64)
    if len(texts):
        bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, np.uint8) if len(texts) and data is not None and data.size else np.zeros(0, np.uint8)
    bounds.flags.writeable = content.flags.writeable = False
    return bounds, content


def byte_lengths(texts: pa.LargeStringArray) -> NDArray[np.int64]:
    """Bytes of UTF-8 of every text.

    >>> byte_lengths(as_text_array(["a", "漢字", ""])).tolist()
    [1, 6, 0]
    """
    return np.diff(text_buffers(texts)[0])


def rows_within(lengths: NDArray[np.int64], most_bytes: int, most_rows: int) -> list[slice]:
    """Cut rows into runs of at most `most_rows` rows and about `most_bytes` bytes; one row may exceed that alone.

    >>> rows_within(np.array([5, 5, 90, 5]), most_bytes=20, most_rows=2)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    cuts, first, held = [], 0, 0
    for row, length in enumerate(lengths.tolist()):
        if row > first and (held + length > most_bytes or row - first >= most_rows):
            cuts.append(slice(first, row))
            first, held = row, 0
        held += length
    if first < len(lengths):
        cuts.append(slice(first, len(lengths)))
    return cuts
