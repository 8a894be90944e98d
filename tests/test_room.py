"""Arrays that are mapped from files when they are large."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filters import room as rooms
from filters.room import filled, room, taken


@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=1, max_dims=2, max_side=9)), st.data(), st.integers(1, 4))
def test_taken_is_indexing_whatever_the_steps(array, data, step):
    rows = np.array(data.draw(st.lists(st.integers(0, array.shape[-1] - 1), max_size=20)), np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rooms, "_STEP", step)
        np.testing.assert_array_equal(taken(array, rows), array[..., rows])


def is_mapped(array: np.ndarray) -> bool:
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


def test_only_large_arrays_are_mapped_and_keep_what_is_written(monkeypatch):
    monkeypatch.setattr(rooms, "MAPPED_FROM", 800)
    assert not is_mapped(room(99))
    array = filled(100, 7)
    assert is_mapped(array)
    array[3:5] = [1, 2]
    assert array[:6].tolist() == [7, 7, 7, 1, 2, 7]
    assert is_mapped(room(2, 50, dtype=np.uint64))
    assert room(0).shape == (0,)
