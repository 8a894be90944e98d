"""Documents to samples: as they are, or packed into sequences of one length, every token once or counted as dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.kernels.packing import best_fit, copy_pieces
from filters.tokens.params import PackParams
from filters.tokens.permutation import keyed_hash

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Pieces:
    """Which tokens of a stream make up which sample.

    start, length: int64 (pieces,), places in the stream. bounds: int64 (samples + 1,), sample s is made of the pieces
    [bounds[s], bounds[s + 1]) in that order. capacity: length of every sample, None where they are as long as they are.
    """

    start: Counts
    length: Counts
    bounds: Counts
    capacity: int | None = None

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(self.bounds) - 1

    @property
    def tokens(self) -> Counts:
        """Tokens of every sample, int64 (samples,), without what fills it up."""
        return np.diff(np.concatenate([[0], np.cumsum(self.length)])[self.bounds])


def whole_documents(lengths: Counts) -> Pieces:
    """Every document that has a token is a sample."""
    filled = lengths > 0
    starts = np.cumsum(lengths) - lengths
    return Pieces(starts[filled], lengths[filled], np.arange(int(filled.sum()) + 1))


def pack_documents(lengths: Counts, params: PackParams, seed: int = 0) -> Pieces:
    """Sequences of `params.length` tokens out of documents that stand one after the other in a stream.

    lengths: int64 (documents,). seed: best_fit puts long pieces first, so its sequences are put in an order of their
    own afterwards.

    >>> packed = pack_documents(np.array([3, 4, 2]), PackParams(length=4))
    >>> packed.start.tolist(), packed.length.tolist(), packed.bounds.tolist()     # the last token is dropped
    ([0, 3, 4, 7], [3, 1, 3, 1], [0, 2, 4])
    """
    if params.strategy == "concat":
        return _concat(lengths, params.length, params.leftover == "pad")
    return _best_fit(lengths, params.length, seed)


def _concat(lengths: Counts, capacity: int, pad: bool) -> Pieces:
    total = int(lengths.sum())
    used = total if pad else total - total % capacity
    edges = np.unique(np.concatenate([np.cumsum(lengths), np.arange(0, used + 1, capacity), [used]]))
    edges = edges[(edges <= used) & (edges >= 0)]
    starts = edges[:-1]
    bounds = np.searchsorted(starts, np.arange(0, used, capacity))
    return Pieces(starts, np.diff(edges), np.append(bounds, len(starts)).astype(np.int64), capacity)


def _best_fit(lengths: Counts, capacity: int, seed: int) -> Pieces:
    parts = -(-lengths // capacity)  # a document that is longer becomes full pieces and a rest
    document = np.repeat(np.arange(len(lengths)), parts)
    within = (np.arange(len(document)) - np.repeat(np.cumsum(parts) - parts, parts)) * capacity
    start = (np.cumsum(lengths) - lengths)[document] + within
    length = np.minimum(lengths[document] - within, capacity)
    largest_first = np.argsort(-length, kind="stable")
    bins = np.empty(len(length), np.int64)
    found = np.empty(len(length), np.int64)
    count = best_fit(length[largest_first], capacity, found)
    bins[largest_first] = found
    place = np.empty(count, np.int64)
    place[np.argsort(keyed_hash(seed, "sequences", np.arange(count)), kind="stable")] = np.arange(count)
    order = np.lexsort((start, place[bins]))
    bounds = np.searchsorted(place[bins][order], np.arange(count + 1))
    return Pieces(start[order], length[order], bounds.astype(np.int64), capacity)


def gather_tokens(stream: NDArray[Any], pieces: Pieces, pad: int = 0) -> NDArray[Any]:
    """Tokens of all samples: (samples, capacity), or flat where samples have lengths of their own.

    >>> packed = pack_documents(np.array([3, 4]), PackParams(length=4, strategy="best_fit", leftover="pad"), seed=1)
    >>> sorted(gather_tokens(np.arange(1, 8), packed).tolist())
    [[1, 2, 3, 0], [4, 5, 6, 7]]
    """
    if pieces.capacity is None:
        size = int(pieces.length.sum())
        first = np.zeros(pieces.samples, np.int64)
        first[1:] = np.cumsum(pieces.tokens)[:-1] if pieces.samples else 0
    else:
        size = pieces.samples * pieces.capacity
        first = np.arange(pieces.samples) * pieces.capacity
    out = np.full(size, pad, stream.dtype)
    running = np.cumsum(pieces.length) - pieces.length
    in_sample = np.diff(pieces.bounds)
    begins = np.append(running, 0)[pieces.bounds[:-1]]
    targets = running - np.repeat(begins, in_sample) + np.repeat(first, in_sample)
    width = stream.dtype.itemsize
    source = np.ascontiguousarray(stream).view(np.uint8)
    copy_pieces(source, pieces.start * width, pieces.length * width, targets * width, out.view(np.uint8))
    return out if pieces.capacity is None else out.reshape(-1, pieces.capacity)


def cu_seqlens(pieces: Pieces) -> tuple[NDArray[np.int32], Counts]:
    """Where the pieces of every packed sequence begin, and its end, as attention kernels for variable lengths take it.

    Gives (values, offsets (samples + 1,)): sequence s has values[offsets[s]:offsets[s + 1]], from 0 to the capacity.
    What fills a sequence up is its last piece.
    """
    assert pieces.capacity is not None
    rest = pieces.capacity - pieces.tokens
    in_sample = np.diff(pieces.bounds)
    offsets = np.concatenate([[0], np.cumsum(in_sample + 1 + (rest > 0))])
    values = np.full(int(offsets[-1]), pieces.capacity, np.int32)
    running = np.cumsum(pieces.length) - pieces.length
    begins = np.append(running, 0)[pieces.bounds[:-1]]
    sample = np.repeat(np.arange(pieces.samples), in_sample)
    at = np.arange(len(running)) - pieces.bounds[sample] + offsets[sample]
    values[at] = running - begins[sample]
    filled = np.flatnonzero(rest > 0)
    values[offsets[filled + 1] - 2] = pieces.tokens[filled]
    return values, offsets


def position_ids(boundaries: NDArray[np.int32]) -> NDArray[np.int32]:
    """Positions that begin anew with every document, of one sequence; boundaries: its `cu_seqlens`.

    >>> position_ids(np.array([0, 3, 5])).tolist()
    [0, 1, 2, 0, 1]
    """
    starts = np.repeat(boundaries[:-1], np.diff(boundaries))
    return np.asarray(np.arange(boundaries[-1]) - starts, np.int32)
