"""Arrays that are mapped from files when they are large."""

from __future__ import annotations

import errno
import mmap
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filters import room as rooms
from filters.errors import RunnerError
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


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve space")
def test_a_mapped_array_has_its_space_before_it_is_written_to(monkeypatch):
    reserved, mapped = [], np.memmap

    def memmap(file, *more, **named):
        reserved.append(os.fstat(file.fileno()).st_blocks * 512)
        return mapped(file, *more, **named)

    monkeypatch.setattr(rooms.np, "memmap", memmap)
    size = 2 * rooms.MAPPED_FROM
    room(size // 8)
    assert reserved[0] >= size, "a full disk would end the process when a page is written"


def test_a_full_disk_is_told_in_a_sentence(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with pytest.raises(RunnerError, match=r"no room for a temporary file of 33,554,432 bytes.*TMPDIR"):
        room(4 << 20)


def test_file_systems_that_cannot_reserve_get_a_sparse_file(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    array = room(4 << 20)
    assert is_mapped(array)
    assert len(array) == 4 << 20
