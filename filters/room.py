"""Arrays with a value for each member of a component: of tens of millions, they are mapped instead of held."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

MAPPED_FROM = 16 << 20
"""Bytes from which on an array lies in a temporary file: two million members at eight bytes."""
_STEP = 1 << 20


def room(*shape: int, dtype: DTypeLike = np.int64) -> NDArray[Any]:
    """An array of this shape, not filled. A large one is a nameless temporary file that is mapped to memory.

    The system writes pages of it out when memory is short, as it does with any file; the file is gone with the last
    array that looks into it. It lies where `tempfile` puts files (TMPDIR), which should not be memory.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size < max(MAPPED_FROM, 1):
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="beamsift-") as file:
        file.truncate(size)
        return np.asarray(np.memmap(file, dtype, mode="r+", shape=shape))


def filled(rows: int, value: Any, dtype: DTypeLike = np.int64) -> NDArray[Any]:
    """`room` with one value everywhere."""
    array = room(rows, dtype=dtype)
    array[:] = value
    return array


def taken(array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """`array[..., rows]` in `room`, so that a large one is never held."""
    out = room(*array.shape[:-1], len(rows), dtype=array.dtype)
    for first in range(0, len(rows), _STEP):
        out[..., first : first + _STEP] = array[..., rows[first : first + _STEP]]
    return out
