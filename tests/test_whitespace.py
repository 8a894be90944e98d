"""Folding white space: the kernel against what bytes themselves do."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filters.kernels.whitespace import fold_white_space
from tests.strategies import AWKWARD


def fold(texts: list[bytes]) -> list[bytes]:
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    data = np.frombuffer(b"".join(texts), np.uint8)
    out, out_offsets = np.empty(len(data), np.uint8), np.empty(len(offsets), np.int64)
    fold_white_space(offsets, data, out_offsets, out)
    return [out[a:b].tobytes() for a, b in itertools.pairwise(out_offsets)]


@given(
    st.lists(
        st.lists(st.sampled_from([b" ", b"\t", b"\n", b"\r", b"\x0b", b"\x0c", b"\x1c", b"a", b"\xc2\xa0"])).map(
            b"".join
        )
    )
)
def test_folds_as_bytes_do(texts: list[bytes]) -> None:
    assert fold(texts) == [b" ".join(text.split()) for text in texts]


def test_awkward_texts() -> None:
    texts = [text.encode() for text in AWKWARD]
    assert fold(texts) == [b" ".join(text.split()) for text in texts]
