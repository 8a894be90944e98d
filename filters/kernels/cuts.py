"""What goes and what stays of a page that is rewritten: cuts, and the spans between them that become its new text.

A cut is a row of int64: row of the batch, kind, and characters [start, end). A span is a line (counted from 0 among
those that stay), characters [first, last) and bytes [first, last); spans are not empty, lines without one are.
"""

from __future__ import annotations

import numpy as np

from filters.kernels.characters import SPACE
from filters.kernels.compiled import helper
from filters.kernels.tokens import decode

ROW, KIND, START, END = range(4)
LINE, FIRST, LAST, FIRST_BYTE, LAST_BYTE = range(5)
NONE = np.int64(0)
"""Zero to count from: of one type with what is added to it, however Numba reads a plain 0."""

WHITE_SPACE = np.int64(0)
"""Kind of the cuts that only trim white space or join lines; a rewrite's own kinds follow."""

_NEWLINE = 10


@helper
def stands_at(values, at, stop, word):
    """Whether `word` stands at place `at` of an array of bytes or characters, before `stop`."""
    if at < 0 or at + word.shape[0] > stop:
        return False
    for k in range(word.shape[0]):  # noqa: SIM110
        if values[at + k] != word[k]:
            return False
    return True


@helper
def with_room(rows, count):
    """`rows`, or a copy with twice the room if `count` fills it."""
    if count < rows.shape[0]:
        return rows
    larger = np.empty((2 * rows.shape[0], rows.shape[1]), np.int64)
    for k in range(count):
        for column in range(rows.shape[1]):
            larger[k, column] = rows[k, column]
    return larger


@helper
def add_cut(cuts, count, first, row, kind, start, end):
    """(cuts, count) with one more, if it is not empty; it becomes one with a neighbour of its kind from `first` on."""
    if start >= end:
        return cuts, count
    if count > first and cuts[count - 1, KIND] == kind and cuts[count - 1, END] == start:
        cuts[count - 1, END] = end
        return cuts, count
    cuts = with_room(cuts, count)
    cuts[count, ROW], cuts[count, KIND], cuts[count, START], cuts[count, END] = row, kind, start, end
    return cuts, count + 1


@helper
def add_span(spans, count, line, first, last, first_byte, last_byte):
    """(spans, count) with one more, if it is not empty."""
    if first_byte >= last_byte:
        return spans, count
    spans = with_room(spans, count)
    spans[count, LINE], spans[count, FIRST], spans[count, LAST] = line, first, last
    spans[count, FIRST_BYTE], spans[count, LAST_BYTE] = first_byte, last_byte
    return spans, count + 1


@helper
def _strip(data, table, spans, count, cuts, n_cuts, row):
    """(first, count, cuts, n_cuts): spans [first, count) are what is left without white space at both ends."""
    none = cuts.shape[0] + 1  # these cuts stay by themselves
    first = NONE
    while first < count:
        begin = spans[first, FIRST]
        while spans[first, FIRST_BYTE] < spans[first, LAST_BYTE]:
            point, after = decode(data, spans[first, FIRST_BYTE], spans[first, LAST_BYTE])
            if table[point] & SPACE == 0:
                break
            spans[first, FIRST] += 1
            spans[first, FIRST_BYTE] = after
        cuts, n_cuts = add_cut(cuts, n_cuts, none, row, WHITE_SPACE, begin, spans[first, FIRST])
        if spans[first, FIRST_BYTE] < spans[first, LAST_BYTE]:
            break
        first += 1
    while first < count:
        k = count - 1
        end = spans[k, LAST]
        while spans[k, FIRST_BYTE] < spans[k, LAST_BYTE]:
            at = spans[k, LAST_BYTE] - 1
            while at > spans[k, FIRST_BYTE] and data[at] & 0xC0 == 0x80:
                at -= 1
            point, after = decode(data, at, spans[k, LAST_BYTE])
            if after != spans[k, LAST_BYTE] or table[point] & SPACE == 0:
                break
            spans[k, LAST] -= 1
            spans[k, LAST_BYTE] = at
        cuts, n_cuts = add_cut(cuts, n_cuts, none, row, WHITE_SPACE, spans[k, LAST], end)
        if spans[k, FIRST_BYTE] < spans[k, LAST_BYTE]:
            break
        count -= 1
    return first, count, cuts, n_cuts


@helper
def copy_page(data, start, stop, out, at):
    """Write bytes [start, stop) as they are to byte `at` of `out`; returns the byte after."""
    for i in range(start, stop):
        out[at] = data[i]
        at += 1
    return at


@helper
def write_page(data, start, stop, table, spans, count, cuts, first_cut, n_cuts, row, out, at):
    """Write the spans of a page, a newline between lines, white space at both ends left out, to byte `at` of `out`.

    start, stop: bytes of the page as it came. first_cut: number of the page's first cut. Returns (byte after the new
    text, cuts, number of cuts): none for a page that is still the same, and at least one for one that is not.
    """
    first, count, cuts, n_cuts = _strip(data, table, spans, count, cuts, n_cuts, row)
    begin = at
    for k in range(first, count):
        if k > first:
            for _ in range(spans[k - 1, LINE], spans[k, LINE]):
                out[at] = _NEWLINE
                at += 1
        at = copy_page(data, spans[k, FIRST_BYTE], spans[k, LAST_BYTE], out, at)
    same = at - begin == stop - start
    i = start
    while same and i < stop:
        same = out[begin + i - start] == data[i]
        i += 1
    if same:
        n_cuts = first_cut
    elif n_cuts == first_cut:  # lines were joined, nothing else
        cuts, n_cuts = add_cut(cuts, n_cuts, n_cuts, row, WHITE_SPACE, NONE, count_characters(data, start, stop))
    return at, cuts, n_cuts


@helper
def count_characters(data, start, stop):
    """Characters of valid UTF-8."""
    count = 0
    for i in range(start, stop):
        count += data[i] & 0xC0 != 0x80
    return count
