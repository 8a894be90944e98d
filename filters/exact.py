"""Exact duplicates: a 128-bit hash of the normalised text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from filters.contract import StageParams
from filters.evidence import TEXT, Measure
from filters.keep import Keep, columns_needed
from filters.kernels.tokens import token_hashes
from filters.kernels.unicode_table import load_table
from filters.kernels.whitespace import fold_white_space
from filters.texts import text_buffers

_STRETCH = 1 << 16


class ExactParams(StageParams):
    """What counts as the same text.

    normalise: `whitespace` (default) strips the ends and takes every run of ASCII white space for one space; `none`
    compares bytes; `tokens` compares the token sequence, so that case and punctuation do not matter either (a text
    without any token is then compared as under `whitespace`). keep: which of several stays, see `filters.keep`.
    action: `drop`, or `tag` to keep all rows and write cluster and survivor as columns.
    """

    normalise: Literal["whitespace", "none", "tokens"] = "whitespace"
    keep: Keep = ("first",)
    action: Literal["drop", "tag"] = "drop"

    @property
    def keep_rules(self) -> Keep:
        """As MinHashParams has it."""
        return self.keep

    @property
    def evidence(self) -> Measure:
        """What is equal where this calls texts duplicates."""
        return TEXT

    def needs(self) -> list[str]:
        """Columns that `keep` reads."""
        return columns_needed(self.keep)


def content_hashes(texts: pa.LargeStringArray, params: ExactParams) -> NDArray[np.uint64]:
    """XXH3 128-bit hashes, uint64 of shape (rows, 2): high and low half.

    At 10**12 documents the chance that any two different texts share a hash is below 2e-15.
    """
    offsets, data = text_buffers(texts)
    if params.normalise == "none":
        digests = [xxhash.xxh3_128_digest(text) for text in _slices(offsets, data)]
    else:
        folded_offsets, folded = _fold(offsets, data)
        digests = [xxhash.xxh3_128_digest(text) for text in _slices(folded_offsets, folded)]
        if params.normalise == "tokens":
            tokens = map(_token_bytes, _slices(offsets, data))
            # The prefix keeps the two kinds of hashed content apart.
            digests = [xxhash.xxh3_128_digest(b"t" + t) if t else d for t, d in zip(tokens, digests, strict=True)]
    return np.frombuffer(b"".join(digests), ">u8").reshape(-1, 2).astype(np.uint64)


def _slices(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> Iterator[memoryview]:
    view = data.data
    for first, last in itertools.pairwise(offsets.tolist()):
        yield view[first:last]


def _fold(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    out_offsets = np.empty(len(offsets), np.int64)
    fold_white_space(offsets, data, out_offsets, out)
    return out_offsets, out


def _token_bytes(text: memoryview) -> bytes:
    data = np.frombuffer(text, np.uint8)
    found, i = [], 0
    while i < data.size:
        out = np.empty(min(_STRETCH, data.size - i), np.uint64)
        count, i = token_hashes(data, i, data.size, load_table(), out)
        found.append(out[:count].tobytes())
    return b"".join(found)
