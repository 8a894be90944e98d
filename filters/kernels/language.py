"""Which bytes of a text are read to tell its language, and how many letters they hold; as loops over UTF-8."""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import helper, kernel
from filters.kernels.tokens import decode


@kernel
def count_letters(data, start, stop, table, enough):
    """Letters and marks of `data[start:stop]`, ASCII digits left out; no more are counted than `enough`.

    table: `load_table()`, whose classes other than 0 are what words are made of.
    """
    letters = 0
    i = start
    while i < stop and letters < enough:
        point, i = decode(data, i, stop)
        letters += table[point] >> 24 != 0 and not 0x30 <= point <= 0x39
    return letters


@helper
def advance(data, i, stop, chars):
    """The byte that follows `chars` characters from byte `i` on, or `stop`."""
    while i < stop and chars > 0:
        i += 1
        while i < stop and data[i] & 0xC0 == 0x80:
            i += 1
        chars -= 1
    return i


@kernel
def sample_pieces(offsets, data, table, max_chars, pieces, enough, starts, stops, letters):
    """Choose `max_chars` characters of every text: its beginning (`pieces` 1), or pieces of equal size spread evenly.

    offsets: int64 (rows + 1,), data: uint8. starts, stops: int64 (rows * pieces,), the bytes of each piece; a text
    that is no longer than `max_chars` is one piece, the others are empty. letters: int64 (rows,), those of the pieces,
    counted up to `enough`. All three are written.
    """
    for row in range(letters.shape[0]):
        first, end = offsets[row], offsets[row + 1]
        chars = np.int64(0)
        if pieces > 1:
            for i in range(first, end):
                chars += data[i] & 0xC0 != 0x80
        apart = chars > max_chars
        size = max(max_chars // pieces, 1) if apart else max_chars
        found = np.int64(0)
        at, i = np.int64(0), first
        for p in range(pieces):
            begin = (chars - size) * p // (pieces - 1) if apart else np.int64(0)
            while at < begin:
                i += 1
                at += i == end or data[i] & 0xC0 != 0x80
            starts[row * pieces + p] = i
            while at < begin + size and i < end:
                if found < enough:
                    point, i = decode(data, i, end)
                    found += table[point] >> 24 != 0 and not 0x30 <= point <= 0x39
                else:
                    i += 1
                    while i < end and data[i] & 0xC0 == 0x80:
                        i += 1
                at += 1
            stops[row * pieces + p] = i
        letters[row] = found


@kernel
def long_lines(offsets, data, table, min_letters, max_chars, rows, starts, stops, letters):
    """Lines (cut at line feeds) of at least `min_letters` letters; how many there are.

    rows, starts, stops, letters: int64, written as far as they have room: the row of each line, its first `max_chars`
    characters as bytes, and the letters of all of it.
    """
    found = 0
    for row in range(offsets.shape[0] - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            stop = i
            while stop < end and data[stop] != 10:
                stop += 1
            if stop - i >= min_letters:
                size = count_letters(data, i, stop, table, stop - i)
                if size >= min_letters:
                    if found < rows.shape[0]:
                        rows[found], starts[found], letters[found] = row, i, size
                        stops[found] = advance(data, i, stop, max_chars)
                    found += 1
            i = stop + 1
    return found
