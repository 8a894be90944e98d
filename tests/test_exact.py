"""Exact duplicates: what counts as the same text, and hashes that say so."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from filters.exact import ExactParams, content_hashes
from filters.texts import as_text_array
from tests import reference
from tests.strategies import AWKWARD, text_lists

NORMALISE = ["whitespace", "none", "tokens"]


def same(left, right, normalise):
    a, b = content_hashes(as_text_array([left, right]), ExactParams(normalise=normalise)).tolist()
    return a == b


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("a b", "a b", {"none", "whitespace", "tokens"}),
        ("a b", " a \t\r\n b\n", {"whitespace", "tokens"}),
        ("a b", "a\x0bb", {"whitespace", "tokens"}),
        ("a b", "A, b!", {"tokens"}),
        ("a b", "ab", set()),
        ("a b", "b a", set()),
        ("a b", "a\u00a0b", {"tokens"}),  # not ASCII white space
        ("", "", {"none", "whitespace", "tokens"}),
        ("", " \n", {"whitespace", "tokens"}),
        ("!", "?", set()),
        (" ! ", "!", {"whitespace", "tokens"}),
        ("漢字", "漢 字", {"tokens"}),
        ("a", "a\x00", {"tokens"}),
        ("étude", "e\u0301tude", set()),
        ("İ", "i", set()),
    ],
)
@pytest.mark.parametrize("normalise", NORMALISE)
def test_what_counts_as_the_same_text(left, right, equal, normalise):
    assert same(left, right, normalise) == (normalise in equal)


def test_hashes_of_whole_and_plain_text_are_xxh3s_published_ones():
    """XXH3 128 of no input, seed 0, by its reference implementation."""
    (high, low), *_ = content_hashes(as_text_array([""]), ExactParams(normalise="none")).tolist()
    assert f"{high:016x}{low:016x}" == "99aa06d3014798d86001c324468d497f"


@pytest.mark.parametrize("normalise", NORMALISE)
def test_awkward_texts_differ_and_do_not_depend_on_neighbours(normalise):
    params = ExactParams(normalise=normalise)
    big = [*AWKWARD, "x" * 200_000, "y " * 100_000]  # above and below the size at which buffers are copied
    whole = content_hashes(pa.array(big, pa.large_string()), params)
    assert whole.shape == (len(big), 2) and whole.dtype == np.uint64
    for i in range(len(big)):
        assert (content_hashes(pa.array(big, pa.large_string()).slice(i, 1), params) == whole[i]).all()
        assert (content_hashes(pa.array([big[i]], pa.large_string()), params) == whole[i]).all()
    if normalise == "none":
        assert len(np.unique(whole, axis=0)) == len(set(big))
    assert content_hashes(pa.array([], pa.large_string()), params).shape == (0, 2)


@given(text_lists)
def test_equal_hashes_mean_equal_normalised_texts(batch):
    ours = {
        "none": lambda text: text,
        "whitespace": lambda text: text.encode().split(),
        "tokens": lambda text: reference.tokens(text) or text.encode().split(),
    }
    for normalise, normal in ours.items():
        hashes = content_hashes(as_text_array(batch), ExactParams(normalise=normalise)).tolist()
        for i, left in enumerate(batch):
            for j, right in enumerate(batch[:i]):
                assert (hashes[i] == hashes[j]) == (normal(left) == normal(right))
