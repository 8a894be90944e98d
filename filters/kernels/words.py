"""Words of a text with what quality rules ask of them, as loops over UTF-8 bytes, and the counts over a whole text.

Two definitions of a word. `beamsift`: the project's own (`filters.kernels.tokens`), lower-cased. `whitespace`: what
Python's `str.split()` gives, case kept unless folding is asked for. A word is two numbers of a row of `out`: its
64-bit hash, and `characters << 8 | kind`.
"""

from __future__ import annotations

import numpy as np

from filters.kernels.characters import DIGIT, LETTER, LOWER, NUMERAL, SPACE, SYMBOL
from filters.kernels.compiled import helper, kernel
from filters.kernels.tokens import FNV_OFFSET, FNV_PRIME, decode, fmix64
from filters.kernels.unicode_table import LONE, SEPARATOR

HAS_LETTER, HAS_NON_SYMBOL, IS_MARKED, IS_LONE = 1, 2, 4, 8
"""Bits of a word's kind: holds a letter; holds a character that is no symbol; holds `#` or `…`; is one character of
a script written without spaces. A vowel sign that is a word there, as in Thai, is a letter."""

CHUNK = 1024
"""Words held at a time where a kernel only counts: memory does not depend on the text."""

WORDS, WORD_CHARS, PROPER_WORDS, PROPER_CHARS, LETTER_WORDS, MARKED_WORDS, LONE_WORDS, TWICE_MEDIAN = range(8)
WORD_COUNTS = 8
"""Columns of `word_counts`."""

MEDIAN_CAP = 1023
_ELLIPSIS = 0x2026


@kernel
def next_words(data, i, stop, table, whitespace, fold, out):
    """Words from byte `i` until `stop` or until `out` (uint64 (n, 2)) is full.

    table: `load_characters()`; whitespace: split at white space instead of the project's words; fold: hash lower case
    (the project's words always are). Returns how many words were written and the byte to go on from, which lies
    between words: a text of any length goes through a small buffer, and how it is cut changes nothing.
    """
    count = 0
    fold = fold or not whitespace
    while count < out.shape[0]:
        entry = np.uint32(0)
        point = np.int64(0)
        begun = False
        while i < stop:
            point, after = decode(data, i, stop)
            entry = table[point]
            kind = entry >> np.uint32(24) & np.uint32(3)
            i = after
            if (whitespace and entry & SPACE == 0) or (not whitespace and kind != SEPARATOR):
                begun = True
                break
        if not begun:
            return count, stop
        lone = not whitespace and entry >> np.uint32(24) & np.uint32(3) == LONE
        h = FNV_OFFSET
        length = 0
        bits = IS_LONE if lone else 0
        while True:
            h = (h ^ (np.uint64(entry & LOWER) if fold else np.uint64(point))) * FNV_PRIME
            length += 1
            if entry & LETTER != 0 or (lone and entry & (DIGIT | NUMERAL) == 0):
                bits |= HAS_LETTER
            if entry & SYMBOL == 0:
                bits |= HAS_NON_SYMBOL
            if point == 35 or point == _ELLIPSIS:
                bits |= IS_MARKED
            if lone or i >= stop:
                break
            point, after = decode(data, i, stop)
            entry = table[point]
            if whitespace:
                if entry & SPACE != 0:
                    break
            elif entry >> np.uint32(24) & np.uint32(3) != np.uint32(1):
                break
            i = after
        out[count, 0] = fmix64(h)
        out[count, 1] = np.uint64(length << 8 | bits)
        count += 1
    return count, i


@helper
def _twice_median(lengths, count):
    """Twice the median of a histogram of `count` values, so that it stays whole; 0 of none."""
    if count == 0:
        return 0
    low = high = -1
    seen = 0
    for length in range(lengths.shape[0]):
        seen += lengths[length]
        if low < 0 and seen > (count - 1) // 2:
            low = length
        if seen > count // 2:
            high = length
            break
    return low + high


@kernel
def word_counts(offsets, data, table, whitespace, out):
    """Counts over the words of every text; out: int64 (rows, WORD_COUNTS), zeros, added to.

    WORDS; WORD_CHARS, their characters; PROPER_WORDS, those that hold a character that is no symbol, and
    PROPER_CHARS, their characters; LETTER_WORDS, those that hold a letter; MARKED_WORDS, those that hold `#` or `…`;
    LONE_WORDS, single characters of scripts without spaces; TWICE_MEDIAN, twice the median of the lengths, where
    a word of more than MEDIAN_CAP characters counts as one of so many.
    """
    words = np.empty((CHUNK, 2), np.uint64)
    lengths = np.zeros(MEDIAN_CAP + 1, np.int64)
    for row in range(offsets.shape[0] - 1):
        for k in range(lengths.shape[0]):
            lengths[k] = 0
        i, stop = offsets[row], offsets[row + 1]
        while i < stop:
            count, i = next_words(data, i, stop, table, whitespace, False, words)
            for k in range(count):
                length = np.int64(words[k, 1] >> np.uint64(8))
                bits = np.int64(words[k, 1] & np.uint64(255))
                out[row, WORD_CHARS] += length
                if bits & HAS_NON_SYMBOL:
                    out[row, PROPER_WORDS] += 1
                    out[row, PROPER_CHARS] += length
                out[row, LETTER_WORDS] += bits & HAS_LETTER
                out[row, MARKED_WORDS] += bits >> 2 & 1
                out[row, LONE_WORDS] += bits >> 3
                lengths[min(length, MEDIAN_CAP)] += 1
            out[row, WORDS] += count
        out[row, TWICE_MEDIAN] = _twice_median(lengths, out[row, WORDS])


@kernel
def stop_words(offsets, data, table, whitespace, fold, chosen, set_offsets, hashes, distinct, total):
    """How many words of a list each text holds: different ones, and in all.

    Lists: hashes of list s are `hashes[set_offsets[s]:set_offsets[s + 1]]`, uint64, at most 64. chosen: int64 (rows,),
    the list of each text, -1 for none. distinct, total: int64 (rows,), written. Words are compared by 64-bit hashes:
    a word that is on no list is taken for one of a list of 20 with a chance of 20 in 2**64.
    """
    words = np.empty((CHUNK, 2), np.uint64)
    for row in range(offsets.shape[0] - 1):
        distinct[row] = total[row] = 0
        if chosen[row] < 0:
            continue
        first, last = set_offsets[chosen[row]], set_offsets[chosen[row] + 1]
        sieve = np.uint64(0)  # bit h & 63 of every listed hash: most words are turned away here
        for s in range(first, last):
            sieve |= np.uint64(1) << (hashes[s] & np.uint64(63))
        met = np.uint64(0)
        i, stop = offsets[row], offsets[row + 1]
        while i < stop:
            count, i = next_words(data, i, stop, table, whitespace, fold, words)
            for k in range(count):
                h = words[k, 0]
                if sieve >> (h & np.uint64(63)) & np.uint64(1) == 0:
                    continue
                for s in range(first, last):
                    if hashes[s] == h:
                        met |= np.uint64(1) << np.uint64(s - first)
                        total[row] += 1
                        break
        for s in range(last - first):
            distinct[row] += np.int64(met >> np.uint64(s) & np.uint64(1))


@kernel
def stop_words_within(offsets, data, chosen, set_offsets, firsts, word_offsets, word_bytes, distinct, total):
    """How often the words of a list stand anywhere in each text: how many different ones do, and how often in all.

    Lists: words of list s are `set_offsets[s]` to `set_offsets[s + 1]`; word w is `word_bytes[word_offsets[w] :
    word_offsets[w + 1]]`, uint8, and begins with code point `firsts[w]`, int64. chosen: int64 (rows,), the list of each
    text, -1 for none. distinct, total: int64 (rows,), added to. A word is not counted again before it has ended, as
    str.count() has it.
    """
    most = 0
    for s in range(set_offsets.shape[0] - 1):
        most = max(most, set_offsets[s + 1] - set_offsets[s])
    free = np.empty(most, np.int64)  # where each word may begin again
    for row in range(offsets.shape[0] - 1):
        if chosen[row] < 0:
            continue
        first, last = set_offsets[chosen[row]], set_offsets[chosen[row] + 1]
        sieve = np.uint64(0)  # bit point & 63 of every first character: most characters are turned away here
        for w in range(first, last):
            sieve |= np.uint64(1) << np.uint64(firsts[w] & 63)
            free[w - first] = -1
        i, stop = offsets[row], offsets[row + 1]
        while i < stop:
            point, after = decode(data, i, stop)
            if sieve >> np.uint64(point & 63) & np.uint64(1) != 0:
                for w in range(first, last):
                    if firsts[w] != point or i < free[w - first]:
                        continue
                    length = word_offsets[w + 1] - word_offsets[w]
                    same = i + length <= stop
                    k = after - i
                    while same and k < length:
                        same = data[i + k] == word_bytes[word_offsets[w] + k]
                        k += 1
                    if same:
                        distinct[row] += free[w - first] < 0
                        total[row] += 1
                        free[w - first] = i + length
            i = after
