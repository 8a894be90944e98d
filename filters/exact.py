"""Exact duplicates: a 128-bit hash of the normalised text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from filters.contract import StageParams
from filters.kernels.tokens import token_hashes
from filters.kernels.unicode_table import load_table
from filters.texts import text_buffers

_STRETCH = 1 << 16


class ExactParams(StageParams):
    """What counts as the same text.

    normalise: `whitespace` (default) strips the ends and takes every run of ASCII white space for one space; `none`
    compares bytes; `tokens` compares the token sequence, so that case and punctuation do not matter either (a text
    without any token is then compared as under `whitespace`).
    """

    normalise: Literal["whitespace", "none", "tokens"] = "whitespace"


def content_hashes(texts: pa.LargeStringArray, params: ExactParams) -> NDArray[np.uint64]:
    """XXH3 128-bit hashes, uint64 of shape (rows, 2): high and low half.

    At 10**12 documents the chance that any two different texts share a hash is below 2e-15.
    """
    offsets, data = text_buffers(texts)
    digests = _digests(offsets, data.tobytes() if data.size < _STRETCH else data.data, params.normalise)
    packed = b"".join(digests)
    return np.frombuffer(packed, ">u8").reshape(-1, 2).astype(np.uint64)


def _digests(offsets: NDArray[np.int64], data: bytes | memoryview, normalise: str) -> Iterator[bytes]:
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        text = data[first:last]
        if normalise == "tokens":
            tokens = _token_bytes(text)
            # The prefixes keep the two kinds of hashed content apart.
            yield xxhash.xxh3_128_digest(b"t" + tokens if tokens else b"w" + b" ".join(bytes(text).split()))
        elif normalise == "whitespace":
            yield xxhash.xxh3_128_digest(b" ".join(bytes(text).split()))
        else:
            yield xxhash.xxh3_128_digest(text)


def _token_bytes(text: bytes | memoryview) -> bytes:
    data = np.frombuffer(text, np.uint8)
    found, i = [], 0
    while i < data.size:
        out = np.empty(min(_STRETCH, data.size - i), np.uint64)
        count, i = token_hashes(data, i, data.size, load_table(), out)
        found.append(out[:count].tobytes())
    return b"".join(found)
