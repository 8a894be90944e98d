"""The project's one definition of a word, as loops over UTF-8 bytes: decode, classify, lower-case, hash.

A run of letters, marks and numbers is one token, lower-cased; a character of a script written without spaces
(Han, Kana, Thai, Lao, Khmer, Burmese ...) is a token by itself; everything else separates. No dictionary, no model.
Bytes that are not UTF-8 separate, too: any byte string is safe input.
"""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import helper, kernel
from filters.kernels.unicode_table import LONE, SEPARATOR, WORD

# FNV-1a's 64-bit constants (Fowler, Noll, Vo: draft-eastlake-fnv), fed with code points in place of bytes.
FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
_REPLACEMENT = 0xFFFD


@helper
def fmix64(h):
    """MurmurHash3's 64-bit finaliser (Appleby), a bijection of uint64 that spreads every bit over all."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@kernel
def decode(data, i, stop):
    """Code point at byte `i` and the byte after it, without reading at or past `stop`.

    A malformed, overlong, surrogate or cut-short sequence gives U+FFFD and one byte of progress.
    """
    b = np.int64(data[i])
    if b < 0x80:
        return b, i + 1
    if b < 0xE0:
        length, point, least = 2, b & 0x1F, 0x80
    elif b < 0xF0:
        length, point, least = 3, b & 0x0F, 0x800
    else:
        length, point, least = 4, b & 0x07, 0x10000
    if b < 0xC2 or b > 0xF4 or i + length > stop:
        return _REPLACEMENT, i + 1
    for k in range(1, length):
        follower = np.int64(data[i + k])
        if follower & 0xC0 != 0x80:
            return _REPLACEMENT, i + 1
        point = point << 6 | (follower & 0x3F)
    if point < least or point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
        return _REPLACEMENT, i + 1
    return point, i + length


@kernel
def token_hashes(data, start, stop, table, out):
    """Hash tokens from byte `start` until `stop` or until `out` (uint64) is full.

    `table` is `load_table()`. Returns how many were written and the byte to go on from; the cut is always
    between tokens, so a text of any length can be hashed through a small buffer.
    """
    count = 0
    i = start
    while count < out.shape[0]:
        # Skip to the first character of the next token.
        entry = np.uint32(0)
        while i < stop:
            point, after = decode(data, i, stop)
            entry = table[point]
            i = after
            if entry >> np.uint32(24) != SEPARATOR:
                break
            entry = np.uint32(0)
        if entry == 0:
            return count, stop
        h = (FNV_OFFSET ^ np.uint64(entry & np.uint32(0xFFFFFF))) * FNV_PRIME
        if entry >> np.uint32(24) != LONE:
            while i < stop:
                point, after = decode(data, i, stop)
                entry = table[point]
                kind = entry >> np.uint32(24)
                if kind != WORD:
                    break
                h = (h ^ np.uint64(entry & np.uint32(0xFFFFFF))) * FNV_PRIME
                i = after
        out[count] = fmix64(h)
        count += 1
    return count, i


@kernel
def count_tokens_and_chars(offsets, data, table, tokens, chars):
    """Tokens and code points of every text.

    offsets: int64 (rows + 1,), bytes of `data`; data: uint8; tokens, chars: int64 (rows,), written.
    """
    for row in range(offsets.shape[0] - 1):
        i, stop = offsets[row], offsets[row + 1]
        n_tokens = n_chars = 0
        in_word = False
        while i < stop:
            point, i = decode(data, i, stop)
            n_chars += 1
            kind = table[point] >> np.uint32(24)
            if kind == SEPARATOR:
                in_word = False
            elif kind == LONE:
                n_tokens += 1
                in_word = False
            else:
                if not in_word:
                    n_tokens += 1
                in_word = True
        tokens[row] = n_tokens
        chars[row] = n_chars
