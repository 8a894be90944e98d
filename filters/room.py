"""Arrays with a value for each member of a component: of tens of millions, they are mapped instead of held."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from filters.errors import RunnerError

MAPPED_FROM = 16 << 20
"""Bytes from which on an array lies in a temporary file: two million members at eight bytes."""
_STEP = 1 << 20


def room(*shape: int, dtype: DTypeLike = np.int64) -> NDArray[Any]:
    """An array of this shape, not filled. A large one is a nameless temporary file that is mapped to memory.

    The system writes pages of it out when memory is short, as it does with any file; the file is gone with the last
    array that looks into it. It lies where `tempfile` puts files (TMPDIR), which should not be memory. Raises
    RunnerError where there is not enough space for it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size < max(MAPPED_FROM, 1):
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="beamsift-") as file:
        _reserve(file, size)
        return np.asarray(np.memmap(file, dtype, mode="r+", shape=shape))


def _reserve(file: IO[bytes], size: int) -> None:
    """Give a file its space at once: a page of a sparse one that finds the disk full ends the process by SIGBUS."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # of file systems that cannot reserve
            raise no_room(error, size) from error
    file.truncate(size)


def no_room(error: OSError, size: int) -> RunnerError:
    """What to say where a temporary file of `size` bytes does not fit on the disk."""
    return RunnerError(
        f"{tempfile.gettempdir()} has no room for a temporary file of {size:,} bytes ({error.strerror}): deduplication "
        "keeps large components there; free some, or set TMPDIR to a folder on a larger disk"
    )


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
