"""Tests of what a partition receives: parts in memory up to a limit, beyond it mapped from a file."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.errors import RunnerError
from transforms.shuffle import gather_words


def mapped(array: np.ndarray) -> bool:
    """Whether an array looks into a mapped file."""
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


@pytest.mark.parametrize(
    ("sizes", "most_bytes", "in_file"),
    [
        ([], 0, False),
        ([0, 0], 0, False),
        ([5], 40, False),
        ([5], 39, True),
        ([2, 0, 3, 1], 48, False),
        ([2, 0, 3, 1], 47, True),  # beyond it with the last part
        ([2, 0, 3, 1], 16, True),  # parts before the limit, at it, and after
        ([2, 0, 3, 1], 1, True),  # beyond it with the first
    ],
)
def test_words_are_held_up_to_the_limit_and_mapped_beyond_it(sizes: list[int], most_bytes: int, in_file: bool) -> None:
    words = np.random.default_rng(1).integers(0, 2**64, sum(sizes), np.uint64)
    parts = [part.tobytes() for part in np.split(words, np.cumsum(sizes)[:-1])] if sizes else []
    found = gather_words(iter(parts), most_bytes)
    assert found.dtype == np.uint64 and found.tolist() == words.tolist()
    assert mapped(found) is in_file
    del parts
    assert found[1:].tolist() == words[1:].tolist()  # the file is closed, what was mapped stays


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=4), max_size=6), st.integers(0, 200))
def test_the_limit_changes_no_word(parts: list[list[int]], most_bytes: int) -> None:
    packed = [np.array(part, np.uint64).tobytes() for part in parts]
    found = gather_words(packed, most_bytes)
    assert found.tolist() == [word for part in parts for word in part]
    assert mapped(found) is (found.nbytes > most_bytes)


def test_parts_are_taken_one_by_one_once_the_limit_is_passed() -> None:
    """At hand are what the limit holds and one more, then only the part that is being written."""
    alive: set[int] = set()

    class Part(bytes):
        def __del__(self) -> None:
            alive.discard(int(self[0]))

    def parts() -> Iterator[bytes]:
        for number in range(20):
            alive.add(number)
            yield Part(bytes([number]) * 8)
            most.append(len(alive))

    most: list[int] = []
    found = gather_words(parts(), 24)
    assert len(found) == 20 and mapped(found)
    assert max(most) <= 5 and max(most[4:]) <= 2


def test_a_full_disk_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        writelines = write

    monkeypatch.setattr("transforms.shuffle.tempfile.TemporaryFile", lambda **_: Full())
    with pytest.raises(RunnerError, match=r"no room for a temporary file of 16 bytes.*TMPDIR"):
        gather_words([b"8" * 8] * 3, 8)
