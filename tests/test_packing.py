"""Packing: fast equals slow, every token is in one sequence or counted, boundaries are those of the documents."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.kernels.packing import best_fit
from filters.tokens.packing import Pieces, cu_seqlens, gather_tokens, pack_documents, position_ids, whole_documents
from filters.tokens.params import PackParams

LENGTHS = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 60)), max_size=30)
PACKS = st.builds(
    lambda length, way: PackParams(length=length, strategy=way[0], leftover=way[1]),
    st.integers(1, 20),
    st.sampled_from([("concat", "drop"), ("concat", "pad"), ("best_fit", "pad")]),
)


def slow_best_fit(lengths: list[int], capacity: int) -> tuple[list[int], int]:
    """Room -> bins that have it, the newest last; the smallest room that is enough is found by looking at all."""
    bins_with: dict[int, list[int]] = {}
    chosen, count = [], 0
    for length in lengths:
        enough = [room for room, bins in bins_with.items() if room >= length and bins]
        if enough:
            room = min(enough)
            bin_number = bins_with[room].pop()
        else:
            room, bin_number, count = capacity, count, count + 1
        bins_with.setdefault(room - length, []).append(bin_number)
        chosen.append(bin_number)
    return chosen, count


@given(st.integers(1, 70), st.data())
def test_best_fit_is_what_looking_at_all_bins_finds(capacity: int, data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, capacity), max_size=60))
    bins = np.empty(len(lengths), np.int64)
    count = best_fit(np.array(lengths, np.int64), capacity, bins)
    assert (bins.tolist(), count) == slow_best_fit(lengths, capacity)


def packed(lengths: list[int], params: PackParams, seed: int = 5) -> tuple[Pieces, np.ndarray, np.ndarray]:
    """Pieces, the stream of tokens (all different, from 1 on), and the samples, 0 where they are filled up."""
    sizes = np.array(lengths, np.int64)
    stream = np.arange(1, sizes.sum() + 1, dtype=np.int32)
    pieces = pack_documents(sizes, params, seed)
    return pieces, stream, gather_tokens(stream, pieces)


@given(LENGTHS, PACKS)
def test_every_token_is_in_one_sequence_or_dropped(lengths: list[int], params: PackParams) -> None:
    pieces, stream, samples = packed(lengths, params)
    assert samples.shape == (pieces.samples, params.length)
    used = samples[samples > 0]
    dropped = len(stream) % params.length if params.leftover == "drop" else 0
    assert np.sort(used).tolist() == stream[: len(stream) - dropped].tolist()
    assert pieces.tokens.tolist() == (samples > 0).sum(axis=1).tolist()
    assert pieces.tokens.sum() + dropped == len(stream)


@given(LENGTHS, st.integers(1, 20), st.booleans())
def test_concat_is_cutting_the_stream(lengths: list[int], length: int, pad: bool) -> None:
    params = PackParams(length=length, leftover="pad" if pad else "drop")
    _, stream, samples = packed(lengths, params)
    flat = stream.tolist() + ([0] * (-len(stream) % length) if pad else [])
    assert samples.tolist() == [flat[i : i + length] for i in range(0, len(flat) - length + 1, length)]


@given(LENGTHS, PACKS)
def test_boundaries_are_those_of_the_documents(lengths: list[int], params: PackParams) -> None:
    pieces, _, samples = packed(lengths, params)
    ends = set(np.cumsum(lengths).tolist())  # tokens are numbered from 1: the last of a document is its end
    values, offsets = cu_seqlens(pieces)
    for sample, first, last in zip(samples.tolist(), offsets, offsets[1:], strict=False):
        bounds = values[first:last].tolist()
        assert (bounds[0], bounds[-1]) == (0, params.length)
        assert bounds == sorted(set(bounds))
        for begin, end in itertools.pairwise(bounds):
            piece = sample[begin:end]
            if piece[0]:  # not what fills up: consecutive, and no document ends within
                assert piece == list(range(piece[0], piece[0] + len(piece)))
                assert not ends & set(piece[:-1])
        assert len(position_ids(values[first:last])) == params.length


@given(LENGTHS, st.integers(1, 20))
def test_best_fit_cuts_only_what_is_longer(lengths: list[int], length: int) -> None:
    params = PackParams(length=length, strategy="best_fit", leftover="pad")
    pieces, _, _ = packed(lengths, params)
    assert len(pieces.start) == sum(-(-n // length) for n in lengths)


def test_best_fit_needs_few_more_sequences_than_there_are_tokens_for() -> None:
    lengths = np.random.default_rng(3).lognormal(5, 1.2, 3000).astype(np.int64)
    params = PackParams(length=2048, strategy="best_fit", leftover="pad")
    pieces = pack_documents(lengths, params)
    least = -(-int(lengths.sum()) // 2048)
    assert least <= pieces.samples <= 1.01 * least
    # Bins are filled from the longest piece on; what a trainer sees first must not be longer than what it sees last.
    longest = np.maximum.reduceat(pieces.length, pieces.bounds[:-1]).astype(float)
    half = pieces.samples // 2
    spread = longest.std() * np.sqrt(2 / half)
    assert abs(longest[:half].mean() - longest[half:].mean()) < 4 * spread


def test_whole_documents_leave_out_empty_ones() -> None:
    pieces = whole_documents(np.array([0, 2, 0, 1]))
    assert gather_tokens(np.array([7, 8, 9], np.uint16), pieces).tolist() == [7, 8, 9]
    assert pieces.tokens.tolist() == [2, 1]


@pytest.mark.parametrize("strategy", ["concat", "best_fit"])
def test_nothing_makes_no_sequence(strategy: str) -> None:
    params = PackParams(length=4, strategy=strategy, leftover="pad")
    pieces, _, samples = packed([0, 0], params)
    assert (pieces.samples, samples.shape) == (0, (0, 4))
