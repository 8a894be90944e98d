"""One 64-bit hash of every row's bytes."""

from __future__ import annotations

from filters.kernels.compiled import kernel
from filters.kernels.tokens import FNV_OFFSET, FNV_PRIME, fmix64


@kernel
def row_hashes(offsets, data, out):
    """FNV-1a over the bytes of every row, mixed.

    offsets: int64 (rows + 1,); data: uint8; out: uint64 (rows,), written.
    """
    for row in range(offsets.shape[0] - 1):
        h = FNV_OFFSET
        for i in range(offsets[row], offsets[row + 1]):
            h = (h ^ data[i]) * FNV_PRIME
        out[row] = fmix64(h)
