"""Shingles, MinHash signatures and band hashes, as loops over token hashes.

A signature row equals the hash values of `datasketch.MinHash(scheme="affine32")` fed with the upper 32 bits of each
shingle hash; that scheme is `min over shingles of a[k] * fmix32(h) + b[k]  (mod 2**32)`.
"""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import helper, kernel
from filters.kernels.tokens import fmix64, token_hashes

# Odd multiplier of the polynomial over token hashes (Knuth's MMIX generator); 5 mod 8, so that swapped tokens
# collide no more often than 2**-60.
SHINGLE_BASE = np.uint64(6364136223846793005)
CHUNK = 2048
"""Tokens hashed at a time: 16 KiB of hashes stay in the first-level cache, and memory does not depend on the text."""


@helper
def shingle_hashes(tokens, count, size, out):
    """64-bit hashes of all runs of `size` tokens among the first `count` token hashes, into `out`.

    Returns how many there are: `count - size + 1`, one (of all tokens) if there are fewer than `size`, none if
    there are no tokens. `sum(token[i] * BASE**(last - i))`, rolled, then mixed.
    """
    if count == 0:
        return 0
    size = min(size, count)
    power = np.uint64(1)  # BASE**size
    h = np.uint64(0)
    for i in range(size):
        h = h * SHINGLE_BASE + tokens[i]
        power *= SHINGLE_BASE
    out[0] = fmix64(h)
    for i in range(size, count):
        h = h * SHINGLE_BASE + tokens[i] - power * tokens[i - size]
        out[i - size + 1] = fmix64(h)
    return count - size + 1


@helper
def next_shingles(data, start, stop, table, size, tokens, carried, out):
    """Shingles of the next stretch of a text: (shingles written to `out`, byte to go on from, tokens carried over).

    tokens, out: uint64 (CHUNK + size,) scratch. The last `size - 1` tokens of a stretch are carried to the front of
    `tokens`, so that no shingle is lost or made twice at a cut. A text shorter than `size` tokens gives one shingle.
    """
    count, i = token_hashes(data, start, stop, table, tokens[carried:])
    count += carried
    if carried > 0 and count == carried:
        return 0, i, carried  # the cut fell behind the last token
    written = shingle_hashes(tokens, count, size, out)
    keep = min(size - 1, count)
    for k in range(keep):
        tokens[k] = tokens[count - keep + k]
    return written, i, keep


@kernel
def fold_minima(shingles, count, a, b, mixed, row):
    """Lower the minima of one signature by `count` shingle hashes.

    shingles: uint64; a, b, row: uint32 (permutations,); mixed: uint32 scratch. Permutations are the outer loop:
    the inner one then is a plain minimum over an array, which the compiler turns into vector instructions.
    """
    for s in range(count):
        h = np.uint32(shingles[s] >> np.uint64(32))
        h ^= h >> np.uint32(16)
        h = np.uint32(h * np.uint32(0x85EBCA6B))
        h ^= h >> np.uint32(13)
        h = np.uint32(h * np.uint32(0xC2B2AE35))
        mixed[s] = h ^ (h >> np.uint32(16))
    for k in range(row.shape[0]):
        ak, bk, least = a[k], b[k], row[k]
        for s in range(count):
            value = np.uint32(ak * mixed[s] + bk)
            least = min(least, value)
        row[k] = least


@kernel
def minhash_signatures(offsets, data, table, size, a, b, out, counts):
    """Signatures of every text, and its number of shingles (repeats included).

    offsets: int64 (rows + 1,); data: uint8; a, b: uint32 (permutations,); out: uint32 (rows, permutations), written;
    counts: int64 (rows,), written. A text without tokens has the all-ones signature of an empty set and count 0.
    """
    tokens = np.empty(CHUNK + size, np.uint64)
    shingles = np.empty(CHUNK + size, np.uint64)
    mixed = np.empty(CHUNK + size, np.uint32)
    for row in range(offsets.shape[0] - 1):
        out[row, :] = np.uint32(0xFFFFFFFF)
        counts[row] = 0
        i, stop, carried = offsets[row], offsets[row + 1], 0
        while i < stop:
            found, i, carried = next_shingles(data, i, stop, table, size, tokens, carried, shingles)
            fold_minima(shingles, found, a, b, mixed, out[row])
            counts[row] += found


@kernel
def shingle_sets(offsets, data, table, size, set_offsets, out):
    """Sorted distinct shingle hashes of every text, packed one after the other.

    out: uint64, room for one hash per byte of text and one per row is always enough; set_offsets: int64 (rows + 1,),
    written. Returns the number of hashes written.
    """
    tokens = np.empty(CHUNK + size, np.uint64)
    shingles = np.empty(CHUNK + size, np.uint64)
    end = 0
    set_offsets[0] = 0
    for row in range(offsets.shape[0] - 1):
        first = end
        i, stop, carried = offsets[row], offsets[row + 1], 0
        while i < stop:
            found, i, carried = next_shingles(data, i, stop, table, size, tokens, carried, shingles)
            out[end : end + found] = shingles[:found]
            end += found
        end = first + sort_distinct(out[first:end])
        set_offsets[row + 1] = end
    return end


@helper
def sort_distinct(values):
    """Sort in place, move the distinct values to the front, return how many there are."""
    values.sort()
    count = 0
    for i in range(values.shape[0]):
        if i == 0 or values[i] != values[i - 1]:
            values[count] = values[i]
            count += 1
    return count


@kernel
def common_count(left, right):
    """Number of values that two sorted distinct arrays share."""
    i = j = common = 0
    while i < left.shape[0] and j < right.shape[0]:
        if left[i] == right[j]:
            common += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    return common


@kernel
def band_hashes(signatures, bands, rows, out):
    """64-bit hash of each band's rows, the band's number mixed in, so that equal rows of two bands do not meet.

    signatures: uint32 (documents, >= bands * rows); out: uint64 (documents, bands), written.
    """
    for d in range(signatures.shape[0]):
        for band in range(bands):
            h = np.uint64(band + 1)
            for r in range(band * rows, (band + 1) * rows):
                h = fmix64(h * SHINGLE_BASE + np.uint64(signatures[d, r]))
            out[d, band] = h
