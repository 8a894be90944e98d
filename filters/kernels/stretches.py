"""Stretches of texts: cuts behind line ends, one every so many bytes, and what may begin in each stretch."""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import kernel

_LINE_END = 10


@kernel
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


@kernel
def find_leads(cuts, data, tables, ends, found):
    """Which leads fit somewhere in each stretch [cuts[i], cuts[i + 1]) of the bytes.

    A lead is a row of sets of bytes. tables: uint64 (words, longest, 256), bit b of word w of [k, byte] says that lead
    64 w + b may have the byte at place k, or has no place k; longest is 3 or more. ends: uint64 (words, longest), of
    [k] that it has no place k: such a lead may end with the stretch. found: uint64 (words, stretches), written.
    """
    longest = tables.shape[1]
    for word in range(tables.shape[0]):
        table = tables[word]
        for row in range(cuts.shape[0] - 1):
            stop = cuts[row + 1]
            # What was found once need not be found again.
            missing = ~np.uint64(0)
            for i in range(cuts[row], stop - 2):
                # Three places without a branch leave one of a hundred bytes of prose.
                fits = table[0, data[i]] & table[1, data[i + 1]] & table[2, data[i + 2]] & missing
                if fits != 0:
                    missing &= ~_fitting(fits, 3, i, stop, data, table, ends[word], longest)
            for i in range(max(cuts[row], stop - 2), stop):
                fits = table[0, data[i]] & missing
                if fits != 0:
                    missing &= ~_fitting(fits, 1, i, stop, data, table, ends[word], longest)
            found[word, row] = ~missing


@kernel
def _fitting(fits, k, i, stop, data, table, ends, longest):
    """Of leads that fit up to place `k`, those that fit whole."""
    while fits != 0 and k < longest:
        if i + k < stop:
            fits &= table[k, data[i + k]]
        else:
            fits &= ends[k]
        k += 1
    return fits
