"""Cuts of texts behind line ends, one every so many bytes."""

from __future__ import annotations

from numba import njit

_LINE_END = 10


@njit(nogil=True)
def cut_lines(offsets, data, least, cuts):
    """Where texts begin, end, and are cut: behind the line end that follows `least` bytes after the cut before.

    offsets: int64 (rows + 1,); data: uint8; least: 1 or more. cuts: int64, written, room for rows + 1 + bytes // least
    is enough. Texts of no bytes have no cut of their own. Returns the number of cuts.
    """
    cuts[0] = offsets[0]
    count = 1
    for row in range(offsets.shape[0] - 1):
        stop = offsets[row + 1]
        i = cuts[count - 1] + least - 1
        while i < stop - 1:
            if data[i] == _LINE_END:
                cuts[count] = i + 1
                count += 1
                i += least
            else:
                i += 1
        if stop > cuts[count - 1]:
            cuts[count] = stop
            count += 1
    return count
