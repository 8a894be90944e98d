"""Which values of a sequence occur again, and what share of a text runs of words cover: loops over 64-bit hashes.

Two different values have one hash with a chance of 2**-64: among the million words of one long text some pair of runs
is mistaken for a repeat with a chance of about 3 in 10**8 for each length of run.
"""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import helper, kernel
from filters.kernels.minhash import SHINGLE_BASE
from filters.kernels.tokens import fmix64
from filters.kernels.words import IS_LONE, next_words

PUBLISHED, DOLMA, DCLM = 0, 1, 2
"""Flavours of counting; PUBLISHED is datatrove's, which FineWeb was made with."""

LONGEST = 10
TOP_SIZES, DUPLICATE_SIZES = (2, 3, 4), (5, 6, 7, 8, 9, 10)
REPEAT_WORDS, REPEAT_CHARS = 0, 1
TOP = 0  # TOP + n for n in TOP_SIZES: 2, 3, 4
DUPLICATE = 0  # DUPLICATE + n for n in DUPLICATE_SIZES: 5 .. 10
ALL = 6  # ALL + n: 11 .. 16
REPEAT_COUNTS = 17
"""Columns of `repeat_counts`."""


@helper
def first_places(values, count, slots, places):
    """For each of the first `count` values, the place where that value occurs first, into `places`.

    values: uint64; slots: int64 scratch, its length a power of two and at least twice `count`; places: int64.
    """
    width = 16
    while width < 2 * count:
        width *= 2
    for at in range(width):
        slots[at] = -1
    mask = np.uint64(width - 1)
    for k in range(count):
        at = np.int64(values[k] & mask)
        while slots[at] >= 0 and values[slots[at]] != values[k]:
            at = np.int64(np.uint64(at + 1) & mask)
        if slots[at] < 0:
            slots[at] = k
        places[k] = slots[at]


@helper
def _top(grams, places, counts, candidates, found, ends, words, n, flavour):
    """Characters that the most frequent run of n words takes up: the first of them; in flavour DCLM the longest."""
    most = 1
    for k in range(found):
        most = max(most, counts[places[k]])
    if most == 1:
        if flavour == DCLM:
            return 0
        first = 0
    else:
        first = -1
        longest = -1
        for k in range(found):
            if counts[places[k]] == most:
                length = ends[candidates[k] + n] - ends[candidates[k]]
                if first < 0 or (flavour == DCLM and length > longest):
                    first, longest = candidates[k], length
    chars = ends[first + n] - ends[first]
    if flavour == PUBLISHED:  # joined by spaces, except where the script has none
        for k in range(first, first + n - 1):
            chars += (words[k, 1] | words[k + 1, 1]) & np.uint64(IS_LONE) == 0
    return chars * most


@helper
def _duplicate(places, counts, candidates, found, ends, n, flavour):
    """Characters in runs of n words that occur again.

    PUBLISHED: going on word by word, a run that was met before counts and is stepped over; DOLMA: every occurrence of
    a repeated run, overlaps counted again; DCLM: every word that some repeated run covers, once.
    """
    chars = 0
    free = 0  # first word that is not yet covered or stepped over
    for k in range(found):
        p, slot = candidates[k], places[k]
        if flavour == PUBLISHED:
            if p < free:
                continue
            if counts[slot] < 0:
                chars += ends[p + n] - ends[p]
                free = p + n
            elif counts[slot] > 1:
                counts[slot] = -counts[slot]  # met
        elif counts[slot] > 1:
            begin = p if flavour == DOLMA else max(p, free)
            chars += ends[p + n] - ends[begin]
            free = p + n
    return chars


@helper
def _runs(words, count, ends, candidates, grams, places, counts, slots, flavour, out):
    """Statistics of all sizes of runs of one text. A run can only occur again if the run one shorter does: candidates
    dwindle from size to size, and that is where the speed comes from."""
    found = count
    for k in range(count):
        candidates[k] = k
        grams[k] = words[k, 0]
    for n in range(1, LONGEST + 1):
        if n > 1:
            kept = 0
            for k in range(found):
                p = candidates[k]
                if counts[places[k]] != 1 and p + n <= count:
                    candidates[kept] = p
                    grams[kept] = fmix64(grams[k] * SHINGLE_BASE + words[p + n - 1, 0])
                    kept += 1
            found = kept
        first_places(grams, found, slots, places)
        for k in range(found):
            counts[k] = 0
        for k in range(found):
            counts[places[k]] += 1
        if n < 2 or n > count:
            continue
        if n <= 4:
            out[TOP + n] = _top(grams, places, counts, candidates, found, ends, words, n, flavour)
        else:
            out[DUPLICATE + n] = _duplicate(places, counts, candidates, found, ends, n, flavour)
            for k in range(n):  # the lengths of all runs, from the sums of lengths
                out[ALL + n] -= ends[k]
                out[ALL + n] += ends[count - k]


@kernel
def repeat_counts(offsets, data, table, whitespace, flavour, out):
    """Repeated runs of words of every text; out: int64 (rows, REPEAT_COUNTS), zeros, added to.

    REPEAT_WORDS and REPEAT_CHARS: words, and their characters. TOP + n for n of 2 to 4: characters of the most
    frequent run of n words, times how often it occurs. DUPLICATE + n for n of 5 to 10: characters in repeated runs.
    ALL + n: characters of all runs of n words, overlaps counted again. A text with fewer than n words has zeros.
    Memory is about 56 bytes a word of the longest text.
    """
    room = 1024
    words = np.empty((room, 2), np.uint64)
    ends = np.empty(room + 1, np.int64)
    candidates = np.empty(room, np.int64)
    grams = np.empty(room, np.uint64)
    places = np.empty(room, np.int64)
    counts = np.empty(room, np.int64)
    slots = np.empty(2 * room, np.int64)
    for row in range(offsets.shape[0] - 1):
        i, stop = offsets[row], offsets[row + 1]
        count = 0
        while i < stop:
            if count == words.shape[0]:
                larger = np.empty((2 * count, 2), np.uint64)
                for k in range(count):
                    larger[k, 0], larger[k, 1] = words[k, 0], words[k, 1]
                words = larger
            found, i = next_words(data, i, stop, table, whitespace, False, words[count:])
            count += found
        if words.shape[0] > room:
            room = words.shape[0]
            ends = np.empty(room + 1, np.int64)
            candidates = np.empty(room, np.int64)
            grams = np.empty(room, np.uint64)
            places = np.empty(room, np.int64)
            counts = np.empty(room, np.int64)
            slots = np.empty(2 * room, np.int64)
        ends[0] = 0
        for k in range(count):
            ends[k + 1] = ends[k] + np.int64(words[k, 1] >> np.uint64(8))
        out[row, REPEAT_WORDS] = count
        out[row, REPEAT_CHARS] = ends[count]
        _runs(words, count, ends, candidates, grams, places, counts, slots, flavour, out[row])
